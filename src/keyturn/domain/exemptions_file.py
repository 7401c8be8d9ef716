"""
The exemptions file: until when each user of the exemption group is exempt, and why.

It exempts nobody. Who is in the group is exempt (invariant 5); the file says for how long that was
approved of, so that somebody looks at it again. Source: decision 0059.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final

from keyturn.domain.days import DAY
from keyturn.domain.file_problem import FileProblem

ENDS_SOON: Final = 14
"""Days before an exemption ends on which its owner is warned; no member is removed sooner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExemptionEntry:
    """What somebody approved of: one user, for a time."""

    line: int
    """Where it begins in the file: 1 is the first line."""
    account: str
    """The account's id."""
    user: str
    """The user's name, no pattern."""
    ticket: str
    owner: str
    """An e-mail address: who answers for the exemption."""
    reason: str
    expiry: date
    """The first day, UTC, on which it is over."""
    since: date | None = None
    """The day, UTC, from which it was approved of; None: the file does not say."""

    def days_left(self, today: date) -> int:
        """How many days it holds on, counted from today; 0 or less: it is over."""
        return (self.expiry - today) // DAY

    def is_too_long(self, today: date, longest: int) -> bool:
        """Whether its end is further ahead than is allowed (MaxExemption)."""
        return self.days_left(today) > longest


class Standing(StrEnum):
    """How an exemption stands, by the file."""

    VALID = "valid"
    ENDING = "ending"
    """Valid, and over within 14 days."""
    ENDED = "ended"
    TOO_LONG = "too-long"
    """Its end is further ahead than MaxExemption: nobody may approve of that."""
    MISSING = "missing"
    """The file has no entry for the user."""
    UNKNOWN = "unknown"
    """The file could not be read, or is broken: nobody can tell, and nobody is removed."""


LAPSED: Final = frozenset({Standing.ENDED, Standing.TOO_LONG, Standing.MISSING})
"""A member of the group who stands so has no valid entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """What the file says of one member of the exemption group."""

    standing: Standing
    entry: ExemptionEntry | None = None
    why: str = ""
    """Why it is no valid one, or unknown: a clause; empty for one that is valid."""

    @property
    def is_lapsed(self) -> bool:
        """Whether the file surely has no valid entry."""
        return self.standing in LAPSED


@dataclass(frozen=True, slots=True, kw_only=True)
class ExemptionsFile:
    """An exemptions file, as far as it can be used."""

    place: str
    """The file, as people write it: an object or a path."""
    version: str = ""
    """What tells this content from another: the ETag of the object."""
    entries: tuple[ExemptionEntry, ...] = ()
    problems: tuple[FileProblem, ...] = ()
    """What was left out."""
    text: str = field(default="", repr=False)
    """What stands there, for whoever edits it."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing of it was left out."""
        return not any(not each.is_warning for each in self.problems)

    def entry_of(self, account: str, user: str) -> ExemptionEntry | None:
        """The entry of a user; None: there is none that can be used."""
        found = (each for each in self.entries if (each.account, each.user) == (account, user))
        return next(found, None)

    def of(self, account: str, user: str, today: date, longest: int) -> Exemption:
        """
        How the exemption of a member of the group stands.

        Args:
            account: its id.
            user: the user's name.
            today: UTC.
            longest: how many days ahead an end may be (MaxExemption).

        """
        entry = self.entry_of(account, user)
        found = _standing(entry, today, longest)
        # What was left out may be the very entry that says otherwise.
        if found.is_lapsed and not self.is_whole:
            broken = next(each for each in self.problems if not each.is_warning)
            return Exemption(
                standing=Standing.UNKNOWN, entry=entry, why=f"{self.place} is broken: {broken}"
            )
        return found


def exemption_of(
    file: ExemptionsFile | str | None, account: str, user: str, today: date, longest: int
) -> Exemption | None:
    """
    How the exemption of a member stands; None: there is no file, so nothing says when.

    file: where it could not be read, why.
    """
    if isinstance(file, str):
        return Exemption(
            standing=Standing.UNKNOWN, why=f"the exemptions file could not be read ({file})"
        )
    return None if file is None else file.of(account, user, today, longest)


def _standing(entry: ExemptionEntry | None, today: date, longest: int) -> Exemption:
    if entry is None:
        return Exemption(standing=Standing.MISSING, why="the exemptions file has no entry for it")
    left = entry.days_left(today)
    if left <= 0:
        why = f"its exemption ended on {entry.expiry} ({entry.ticket})"
        return Exemption(standing=Standing.ENDED, entry=entry, why=why)
    if entry.is_too_long(today, longest):
        why = (
            f"its exemption until {entry.expiry} is longer than is allowed "
            f"(MaxExemption={longest})"
        )
        return Exemption(standing=Standing.TOO_LONG, entry=entry, why=why)
    standing = Standing.ENDING if left <= ENDS_SOON else Standing.VALID
    return Exemption(standing=standing, entry=entry)


def without_member(
    file: ExemptionsFile, account: str, members: Iterable[str], today: date
) -> Iterator[str]:
    """Name the entries of an account that exempt nobody: their user is not in the group."""
    known = set(members)
    for entry in file.entries:
        if entry.account == account and entry.user not in known and entry.days_left(today) > 0:
            yield (
                f"the exemptions file names {entry.user} (line {entry.line}), who is not in the "
                "exemption group: an entry alone exempts nobody"
            )
