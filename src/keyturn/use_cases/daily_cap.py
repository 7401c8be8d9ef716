"""Hold a run to the cap of keys that end in one account and UTC day; the rule is in limits.py."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Literal

from keyturn.domain.constraints import RunConstraints
from keyturn.domain.decision import Reason, UserDecisions
from keyturn.domain.errors import PortError
from keyturn.domain.events import Run
from keyturn.domain.key import Unknown, UserFacts
from keyturn.domain.limits import ends_of, over_cap
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.record import LONGEST_RUN
from keyturn.domain.result import Request
from keyturn.ports import DailyLimitLedger, Reservation, Snapshots
from keyturn.use_cases.run_lease import days_of_living, of_living

LONGEST_TURN = timedelta(minutes=1)
"""
How long before midnight the last key ends; each end asks anew, directly before.

Its write then takes 5 s of pauses at most, or hangs for 52 s.
"""
Decide = Callable[[UserFacts, RunConstraints], UserDecisions]
"""Decides about a user once more, with what is known by now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayClaim:
    """What a run may end now."""

    users: tuple[UserDecisions, ...]
    held: frozenset[str] = frozenset()
    """The ids of the keys about which an operator has just ordered something."""

    def may_take(self, decided: UserDecisions) -> bool:
        """Whether the user is not left to an operator's order."""
        return self.held.isdisjoint(key.key_id for key in decided.user.keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyCap:
    """The cap, and the tally that runs of one day share."""

    ledger: DailyLimitLedger
    policy: RotationPolicy
    id: str
    """Of this run alone: a message that is handed over twice makes two."""
    snapshots: Snapshots | None = None
    """What earlier runs of the day saw of the account; None: there is no bucket."""

    def planned(
        self,
        all_decided: Sequence[UserDecisions],
        run: Run,
        decide: Decide,
        *,
        is_part: bool = False,
    ) -> tuple[UserDecisions, ...]:
        """
        Put off what is over the cap, the youngest; the tally is only read.

        is_part: these are some of the account's users alone.
        """
        all_decided = self._without_gone(all_decided, run, decide)
        if not (ends := _ids(all_decided)):
            return tuple(all_decided)
        # Unknown, not "none": with a count of zero a second run of the day would end as many keys
        # once more.
        try:
            begun = self._begun(run, run.at.date())
        except PortError as error:
            return _put_off(all_decided, ends, decide, why=Unknown(str(error)))
        over = self._over(all_decided, begun, run.account.id, run.at.date(), is_part=is_part)
        return _put_off(all_decided, over, decide)

    def _over(
        self,
        all_decided: Sequence[UserDecisions],
        begun: frozenset[str],
        account: str,
        day: date,
        *,
        is_part: bool,
    ) -> frozenset[str]:
        """
        What has to wait; the cap is a part of the account's keys, and not of some users'.

        Users who were handed back would else all wait for another day: what the run before them
        noted is more than the cap of so few. Only keys that an earlier run of the day saw count.
        """
        over = over_cap(all_decided, self.policy, begun)
        if not over or not is_part or self.snapshots is None:
            return over
        try:
            found = self.snapshots.of_day(account, day)
        except PortError:
            return over
        seen = () if found is None else [each["key"] for each in found["keys"]]
        return over_cap(all_decided, self.policy, begun, elsewhere=seen)

    def _without_gone(
        self, all_decided: Sequence[UserDecisions], run: Run, decide: Decide
    ) -> Sequence[UserDecisions]:
        """Tell keys that somebody disabled from those that another run has just deleted."""
        found = frozenset(
            decision.key_id
            for decided in all_decided
            for decision in decided.decisions
            if decision.reason is Reason.FOUND_INACTIVE
        )
        if not found:
            return all_decided
        try:
            # The other run may have begun before midnight.
            gone = found & _union(self._begun(run, day) for day in days_of_living(run.at))
        except PortError as error:
            why = Unknown(str(error))
            return _anew(all_decided, found, decide, lambda known, ids: known.leaving(ids, why))
        return _anew(all_decided, gone, decide, lambda known, ids: known.leaving(ids, why=True))

    def _begun(self, run: Run, day: date) -> frozenset[str]:
        return _begun(self.ledger.of_day(run.account.id, day))

    def claimed(
        self,
        all_decided: Sequence[UserDecisions],
        account: str,
        decide: Decide,
        *,
        now: datetime,
        request: Request,
    ) -> DayClaim:
        """
        Note down what is about to end today, and leave what others took the room of meanwhile.

        What is left is struck from the note: it would pass for begun, and end by the next run.
        Where the notes cannot be read or written, no key ends. Source: decision 0014.

        Args:
            all_decided: every user that the run looked at, for the cap counts over all of them.
            account: its id.
            decide: decides once more about a user some of whose keys have to wait.
            now: UTC; its date is the day that counts.
            request: what was asked for; what an operator approved of is only noted down.

        """
        day, claim = now.date(), DayClaim(users=tuple(all_decided))
        if not (ends := _ids(all_decided)):
            return claim
        try:
            # Write, then look: S3 shows an object once its PUT is answered, so of two runs that
            # count at once at least one sees both, and gives way.
            self.ledger.reserve(account, day, self.id, ends)
            noted = {each: self.ledger.of_day(account, each) for each in days_of_living(now)}
            others = _begun(noted[day], but=self.id)
            over = (
                frozenset()
                if request.approved is not None
                else self._over(
                    all_decided, others, account, day, is_part=request.named is not None
                )
            )
            claim = DayClaim(
                users=_put_off(all_decided, over, decide),
                held=_union(
                    note.keys
                    for note in of_living([*chain.from_iterable(noted.values())], self.id)
                    if note.ordered
                ),
            )
            # What an operator's order is about is left to it, and struck too: it must not wait for
            # a run that ends nothing.
            left = _ids(decided for decided in claim.users if claim.may_take(decided))
            if left != ends:
                self.ledger.reserve(account, day, self.id, left)
        except PortError as error:
            return DayClaim(users=_put_off(all_decided, ends, decide, why=Unknown(str(error))))
        return claim


def is_too_late(decided: UserDecisions, claimed: datetime, now: datetime) -> bool:
    """Whether what is decided to end was noted too long ago: on another day, or by a dead run."""
    over = now + LONGEST_TURN
    is_old = over.date() != claimed.date() or over - claimed > LONGEST_RUN
    return is_old and bool(_ids([decided]))


def _begun(notes: Iterable[Reservation], but: str | None = None) -> frozenset[str]:
    return _union(note.keys for note in notes if not note.ordered and note.run != but)


def _ids(all_decided: Iterable[UserDecisions]) -> frozenset[str]:
    return frozenset(key.key_id for key, _ in ends_of(all_decided))


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset(chain.from_iterable(sets))


def _put_off(
    all_decided: Sequence[UserDecisions],
    key_ids: Collection[str],
    decide: Decide,
    *,
    why: Literal[True] | Unknown = True,
) -> tuple[UserDecisions, ...]:
    """Let keys wait: one that stays frees no slot."""
    return _anew(all_decided, key_ids, decide, lambda known, ids: known.limiting(ids, why))


def _anew(
    all_decided: Sequence[UserDecisions],
    key_ids: Collection[str],
    decide: Decide,
    learned: Callable[[RunConstraints, Collection[str]], RunConstraints],
) -> tuple[UserDecisions, ...]:
    """Decide anew about the users of these keys, with what was learned about each."""

    def again(decided: UserDecisions) -> UserDecisions:
        theirs = {key.key_id for key in decided.user.keys} & {*key_ids}
        if not theirs:
            return decided
        return decide(decided.user, learned(decided.constraints, theirs))

    return tuple(map(again, all_decided))
