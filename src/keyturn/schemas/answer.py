"""What a direct invocation of the rotation function answers."""

from keyturn.schemas.account import AccountFound
from keyturn.schemas.decision import Decided


class Answer(AccountFound):
    """What a direct invocation of the rotation function answers."""

    dry_run: bool
    decisions: list[Decided]
