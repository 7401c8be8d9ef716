"""Do what an operator commands, with an entry of it before and after."""

from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from keyturn.domain.audit import DONE
from keyturn.domain.errors import KeyturnError, OrderNotDone
from keyturn.ports import Audit, AuditEntry, Clock


@dataclass(slots=True, kw_only=True)
class Audited:
    """
    The entry of one command, for as long as it is at work.

    It is begun before the first write. Where it cannot be, nothing is done: except in an
    emergency, which does not wait for a bucket.
    """

    audit: Audit | None
    """None: nobody keeps entries here."""
    entry: AuditEntry
    clock: Clock
    urgent: bool = False
    unwritten: list[KeyturnError] = field(default_factory=list)
    """Why an entry could not be written."""

    def __enter__(self) -> Self:
        """Begin. Raises OrderNotDone where no entry could be written and the command can wait."""
        self._write()
        if self.unwritten and not self.urgent:
            message = f"nothing was done: no audit entry could be written ({self.unwritten[0]})"
            raise OrderNotDone(message)
        return self

    def ends(self, *said: str, failed: bool) -> None:
        """Say what came of it."""
        outcome = "failed" if failed else DONE
        self.entry = replace(self.entry, outcome=outcome, said=(*self.entry.said, *said))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write down what came of it; what is no error of ours could hold anything."""
        if isinstance(error, KeyturnError):
            self.ends(str(error), failed=True)
        elif error is not None:
            self.ends(f"it broke off: {type(error).__name__}", failed=True)
        self.entry = replace(self.entry, ended=self.clock())
        self._write()

    def _write(self) -> None:
        if self.audit is None:
            return
        try:
            self.audit.write(self.entry)
        except KeyturnError as error:
            self.unwritten.append(error)
