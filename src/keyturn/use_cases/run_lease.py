"""
Let an operator's order and a run that ends keys see each other.

Both write down first what they are about, and then look (decision 0014): of the two, at least
one sees the other. The run leaves the user to the order; the order knows what it cannot rely on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from keyturn.domain.key import UserFacts
from keyturn.domain.record import LONGEST_RUN
from keyturn.ports import Clock, DailyLimitLedger, Reservation


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLease:
    """Holds a user's keys, for as long as a run may live."""

    ledger: DailyLimitLedger
    clock: Clock
    id: str
    """Of this run alone."""

    def take(self, user: UserFacts) -> Mapping[str, Sequence[datetime]]:
        """
        Hold the keys, and find those that other runs lately set out to end.

        Returns key id → when each of those runs set out, UTC, by S3's clock; keys that none did
        are not in it. Raises PortError where nobody can tell. Source: decisions 0014 and 0020.
        """
        now, keys = self.clock(), {key.key_id for key in user.keys}
        # Write, then look. The other way round, a run and an order could both look before either
        # has written, and neither would see the other.
        self.ledger.reserve(user.account, now.date(), self.id, keys, ordered=True)
        notes = [
            note for day in days_of_living(now) for note in self.ledger.of_day(user.account, day)
        ]
        ends = [note for note in of_living(notes, self.id) if not note.ordered]
        set_out = {key_id: [note.at for note in ends if key_id in note.keys] for key_id in keys}
        return {key_id: at for key_id, at in set_out.items() if at}


def days_of_living(now: datetime) -> Sequence[date]:
    """The UTC days of notes of runs that may still be alive, even if our clock is slow."""
    return sorted({(now - LONGEST_RUN).date(), now.date(), (now + LONGEST_RUN).date()})


def of_living(notes: Sequence[Reservation], id_: str) -> Iterator[Reservation]:
    """
    What other runs noted down that may still be alive.

    By the time of our own note, which stands among theirs: our clock may be off.
    """
    ours = [note.at for note in notes if note.run == id_]
    for note in notes:
        if note.run != id_ and ours and note.at >= max(ours) - LONGEST_RUN:
            yield note
