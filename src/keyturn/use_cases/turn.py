"""Carry out what was decided for one user, in an order that can be interrupted anywhere."""

from dataclasses import dataclass, field, replace

from keyturn.domain.decision import Action, Decision, Reason, Turn
from keyturn.domain.errors import (
    AnotherRun,
    ChangedMeanwhile,
    KeyturnError,
    NotFound,
    Refused,
    Throttled,
    Unexpected,
)
from keyturn.domain.key import UserFacts
from keyturn.ports import AccessKeys, Clock, Vault
from keyturn.use_cases.deliver import Deliver
from keyturn.use_cases.notebook import Notebook

ORDER = (
    Action.KEEP,
    Action.WAIT,
    Action.WARN,
    Action.NOTICE,
    Action.REPAIR,
    Action.DELETE,  # before ROTATE: it frees the slot
    Action.ROTATE,
    Action.DISABLE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A decision that was carried out; new_key is what a rotation made."""

    decision: Decision
    new_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one user's turn; error says what stopped it, if anything did."""

    turn: Turn
    done: tuple[Done, ...] = ()
    error: KeyturnError | None = None
    failed: Decision | None = None
    """The decision that could not be carried out."""

    @property
    def is_failure(self) -> bool:
        """Whether somebody has to know: what another run did for us is none."""
        return self.error is not None and not isinstance(self.error, AnotherRun | ChangedMeanwhile)


@dataclass(slots=True, kw_only=True)
class _Progress:
    done: list[Done] = field(default_factory=list)
    current: Decision | None = None
    deleted: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeTurn:
    """Carries out the turns of one account's users; turns share no state."""

    keys: AccessKeys
    vault: Vault
    deliver: Deliver
    clock: Clock
    kms_key: str | None

    def carry_out(self, turn: Turn) -> Outcome:
        """Do what is due; a failure ends this user's turn and keeps what was done."""
        progress = _Progress()
        try:
            self._all(turn, progress)
        except KeyturnError as error:
            return Outcome(
                turn=turn, done=tuple(progress.done), error=error, failed=progress.current
            )
        except Exception as error:  # noqa: BLE001 -- one user's turn must not end the others'
            return Outcome(
                turn=turn,
                done=tuple(progress.done),
                error=Unexpected(error),
                failed=progress.current,
            )
        return Outcome(turn=turn, done=tuple(progress.done))

    def _all(self, turn: Turn, progress: _Progress) -> None:
        book = Notebook(turn, self.vault, self.clock, kms_key=self.kms_key)
        book.apply(turn.record_changes)
        for decision in sorted(turn.decisions, key=lambda made: ORDER.index(made.action)):
            progress.current = decision
            self._one(turn.user, decision, book, progress)
            progress.current = None

    def _one(
        self, user: UserFacts, decision: Decision, book: Notebook, progress: _Progress
    ) -> None:
        match decision.action:
            case Action.KEEP | Action.WAIT | Action.WARN | Action.NOTICE:
                progress.done.append(Done(decision=decision))
            case Action.ROTATE:
                self._rotate(user, decision, book, progress)
            case Action.REPAIR:
                self._repair(user, decision, book, progress)
            case Action.DISABLE:
                self._disable(user, decision, book, progress)
            case Action.DELETE:
                self._delete(user, decision, book, progress)

    def _rotate(
        self, user: UserFacts, decision: Decision, book: Notebook, progress: _Progress
    ) -> None:
        forced = decision.reason is Reason.FORCED
        if not book.is_as_read():
            message = f"another run rotated {user.name} since the plan was made, or began to"
            raise AnotherRun(message)
        made = self.deliver.create(user, decision.key_id, book, forced=forced)
        progress.done.append(Done(decision=decision, new_key=made.key_id))
        self.deliver.settle(made, book)

    def _disable(
        self, user: UserFacts, decision: Decision, book: Notebook, progress: _Progress
    ) -> None:
        before = book.of(decision.key_id)
        self._unchanged(user, decision, progress)
        book.write({decision.key_id: replace(before, disabling=book.now())})
        try:
            self.keys.disable(user.name, decision.key_id)
        except (Refused, Throttled):
            # Otherwise the next run would take the Active key for one that was re-enabled.
            book.write({decision.key_id: before})
            raise
        progress.done.append(Done(decision=decision))
        book.write({decision.key_id: replace(book.of(decision.key_id), disabled=book.now())})

    def _delete(
        self, user: UserFacts, decision: Decision, book: Notebook, progress: _Progress
    ) -> None:
        self._gone(user, decision, progress)
        book.erase(decision.key_id)
        book.tidy()

    def _repair(
        self, user: UserFacts, decision: Decision, book: Notebook, progress: _Progress
    ) -> None:
        if decision.reason is Reason.ORPHAN_FOUND:
            on_record = book.of(decision.key_id)
            book.write({decision.key_id: replace(on_record, orphan=book.now())})
            self.keys.disable(user.name, decision.key_id)
            progress.done.append(Done(decision=decision))
        else:
            self._gone(user, decision, progress)
            book.erase(decision.key_id, intent=True)

    def _gone(self, user: UserFacts, decision: Decision, progress: _Progress) -> None:
        self._unchanged(user, decision, progress)
        self.keys.delete(user.name, decision.key_id)
        progress.deleted.add(decision.key_id)
        progress.done.append(Done(decision=decision))

    def _unchanged(self, user: UserFacts, decision: Decision, progress: _Progress) -> None:
        """Read the key list anew: nothing is taken away on old news."""
        try:
            listed = self.keys.keys_of(user.name)
        except NotFound:
            listed = ()  # the user was deleted
        present = {(key.key_id, key.status) for key in listed}
        expected = {(key.key_id, key.status) for key in user.keys}
        # A key that this turn deleted may still be listed for some seconds.
        if any(key_id not in progress.deleted for key_id, _ in present ^ expected):
            message = f"the keys of {user.name} changed while {decision.key_id} was decided about"
            raise ChangedMeanwhile(message)
