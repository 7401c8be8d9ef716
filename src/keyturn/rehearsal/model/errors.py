"""
What goes wrong in a rehearsal, beside what AWS answers (domain/errors.py).

KeyturnError
└── OutsideRehearsal   a call would have written to what is not the rehearsal's; it was not sent
"""

from keyturn.domain.errors import KeyturnError


class OutsideRehearsal(KeyturnError):
    """A call would have written to what is not the rehearsal's own; it was not sent."""

    def __init__(self, call: str, why: str) -> None:
        super().__init__(f"{call} was not sent: {why}")
        self.call = call
