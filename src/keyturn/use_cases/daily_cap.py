"""Hold a run to the cap of keys that end in one account and UTC day; the rule is in limits.py."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Literal

from keyturn.domain.constraints import RunConstraints
from keyturn.domain.decision import Reason, Turn
from keyturn.domain.errors import PortError
from keyturn.domain.events import Run
from keyturn.domain.key import Unknown, UserFacts
from keyturn.domain.limits import ends_of, over_cap
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.record import LONGEST_RUN
from keyturn.ports import DailyLimitLedger, Reservation
from keyturn.use_cases.run_lease import days_of_living, of_living

LONGEST_TURN = timedelta(minutes=1)
"""What one user's keys take; none is begun that could end a key after midnight."""
Decide = Callable[[UserFacts, RunConstraints], Turn]
"""Decides about a user once more, with what is known by now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a run may end now."""

    turns: tuple[Turn, ...]
    held: frozenset[str] = frozenset()
    """The ids of the keys about which an operator has just ordered something."""

    def may_take(self, turn: Turn) -> bool:
        """Whether the user is not left to an operator's order."""
        return self.held.isdisjoint(key.key_id for key in turn.user.keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyCap:
    """The cap, and the tally that runs of one day share."""

    ledger: DailyLimitLedger
    policy: RotationPolicy
    id: str
    """Of this run alone: a message that is handed over twice makes two."""

    def planned(self, turns: Sequence[Turn], run: Run, decide: Decide) -> tuple[Turn, ...]:
        """Put off what is over the cap, the youngest; the tally is only read."""
        turns = self._without_gone(turns, run, decide)
        if not (ends := _ids(turns)):
            return tuple(turns)
        try:
            begun = self._begun(run, run.at.date())
        except PortError as error:
            return _put_off(turns, ends, decide, why=Unknown(str(error)))
        return _put_off(turns, over_cap(turns, self.policy, begun), decide)

    def _without_gone(self, turns: Sequence[Turn], run: Run, decide: Decide) -> Sequence[Turn]:
        """Tell keys that somebody disabled from those that another run has just deleted."""
        found = frozenset(
            made.key_id
            for turn in turns
            for made in turn.decisions
            if made.reason is Reason.FOUND_INACTIVE
        )
        if not found:
            return turns
        try:
            # The other run may have begun before midnight.
            gone = found & _union(self._begun(run, day) for day in days_of_living(run.at))
        except PortError as error:
            why = Unknown(str(error))
            return _anew(turns, found, decide, lambda known, ids: known.leaving(ids, why))
        return _anew(turns, gone, decide, lambda known, ids: known.leaving(ids, why=True))

    def _begun(self, run: Run, day: date) -> frozenset[str]:
        return _begun(self.ledger.of_day(run.account.id, day))

    def claimed(
        self, turns: Sequence[Turn], account: str, decide: Decide, *, now: datetime, lifted: bool
    ) -> Claim:
        """
        Note down what is about to end today, and leave what others took the room of meanwhile.

        What is left is struck from the note: it would pass for begun, and end by the next run.
        lifted: an operator approved of every single key; they are only noted down.
        """
        day, claim = now.date(), Claim(turns=tuple(turns))
        if not (ends := _ids(turns)):
            return claim
        try:
            self.ledger.reserve(account, day, self.id, ends)
            noted = {each: self.ledger.of_day(account, each) for each in days_of_living(now)}
            others = _begun(noted[day], but=self.id)
            over = frozenset() if lifted else over_cap(turns, self.policy, others)
            claim = Claim(
                turns=_put_off(turns, over, decide),
                held=_union(
                    note.keys
                    for note in of_living([*chain.from_iterable(noted.values())], self.id)
                    if note.ordered
                ),
            )
            if (left := _ids(turn for turn in claim.turns if claim.may_take(turn))) != ends:
                self.ledger.reserve(account, day, self.id, left)
        except PortError as error:
            return Claim(turns=_put_off(turns, ends, decide, why=Unknown(str(error))))
        return claim


def is_too_late(turn: Turn, claimed: datetime, now: datetime) -> bool:
    """Whether what a turn would end was noted too long ago: on another day, or by a dead run."""
    over = now + LONGEST_TURN
    is_old = over.date() != claimed.date() or over - claimed > LONGEST_RUN
    return is_old and bool(_ids([turn]))


def _begun(notes: Iterable[Reservation], but: str | None = None) -> frozenset[str]:
    return _union(note.keys for note in notes if not note.ordered and note.run != but)


def _ids(turns: Iterable[Turn]) -> frozenset[str]:
    return frozenset(key.key_id for key, _ in ends_of(turns))


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset(chain.from_iterable(sets))


def _put_off(
    turns: Sequence[Turn],
    key_ids: Collection[str],
    decide: Decide,
    *,
    why: Literal[True] | Unknown = True,
) -> tuple[Turn, ...]:
    """Let keys wait: one that stays frees no slot."""
    return _anew(turns, key_ids, decide, lambda known, ids: known.limiting(ids, why))


def _anew(
    turns: Sequence[Turn],
    key_ids: Collection[str],
    decide: Decide,
    learned: Callable[[RunConstraints, Collection[str]], RunConstraints],
) -> tuple[Turn, ...]:
    """Decide anew about the users of these keys, with what was learned about each."""

    def again(turn: Turn) -> Turn:
        theirs = {key.key_id for key in turn.user.keys} & {*key_ids}
        if not theirs:
            return turn
        return decide(turn.user, learned(turn.constraints, theirs))

    return tuple(map(again, turns))
