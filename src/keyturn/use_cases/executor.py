"""Carry out what was decided for one user, in an order that can be interrupted anywhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from keyturn.domain.by_hand import enable_command
from keyturn.domain.decision import (
    ORDERED,
    Action,
    Change,
    Decision,
    Reason,
    RecordChange,
    UserDecisions,
)
from keyturn.domain.errors import (
    AnotherRun,
    ChangedMeanwhile,
    KeyturnError,
    OrderNotDone,
    PortError,
    Refused,
    Throttled,
    Unexpected,
    WriteStopped,
)
from keyturn.domain.key import UserFacts
from keyturn.domain.record import KeyRecord
from keyturn.domain.result import Done, Outcome
from keyturn.ports import AccessKeys, Clock, SecretStore
from keyturn.use_cases.deliver import Deliver
from keyturn.use_cases.end_exemption import EndExemption
from keyturn.use_cases.gate import GuardedKeys
from keyturn.use_cases.progress import Progress
from keyturn.use_cases.record_store import CLOCK_MAY_BE_OFF, RecordStore
from keyturn.use_cases.revoke import Revoke, listed
from keyturn.use_cases.run_lease import RunLease

ORDER = (
    Action.KEEP,
    Action.WAIT,
    Action.WARN,
    Action.NOTICE,
    Action.REPAIR,
    Action.DELETE,  # before ROTATE: it frees the slot
    Action.ROTATE,
    Action.DISABLE,
    Action.END_EXEMPTION,
    Action.RESTORE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Executor:
    """Carries out what was decided for the users of one account, who share no state."""

    keys: AccessKeys
    secret_store: SecretStore
    deliver: Deliver
    lease: RunLease
    clock: Clock
    kms_key: str | None
    end_exemption: EndExemption

    def carry_out(
        self,
        decided: UserDecisions,
        may_write: Callable[[], None] = lambda: None,
        may_end: Callable[[], None] = lambda: None,
    ) -> Outcome:
        """
        Do what is due; a failure ends this user's part and keeps what was done.

        Raises nothing: what went wrong is the outcome's error, and `failed` the decision that it
        ended. A leaked key is stopped first; only then is anybody asked for the rest.

        Args:
            decided: for one user, on facts that may be minutes old; each end of a key reads them
                anew directly before.
            may_write: asked before every write to the user's keys, and before every write to the
                record that begins something; it raises WriteStopped. What was begun is put on
                record without asking.
            may_end: asked directly before a key is disabled or deleted; it raises
                ChangedMeanwhile where the day is over for which that was noted.

        """
        keys = GuardedKeys(self.keys, may_write)
        progress = Progress(
            may_write=may_write,
            may_end=may_end,
            keys=keys,
            deliver=replace(self.deliver, keys=keys),
        )
        error: KeyturnError | None = None
        try:
            self._all(decided, progress)
        except (AnotherRun, ChangedMeanwhile, WriteStopped) as stopped:
            # What another run did for us is no failure; half an order is one.
            is_half = bool(progress.done) and _is_order(decided)
            error = OrderNotDone(str(stopped)) if is_half else stopped
        except KeyturnError as known:
            error = known
        except Exception as unknown:  # noqa: BLE001 -- one user's failure must not end the others'
            error = Unexpected(unknown)
        return Outcome(
            decided=decided,
            done=tuple(progress.done),
            error=error,
            failed=None if error is None else progress.current,
        )

    @property
    def _revoke(self) -> Revoke:
        return Revoke(
            keys=self.keys,
            secret_store=self.secret_store,
            deliver=self.deliver,
            lease=self.lease,
            clock=self.clock,
            kms_key=self.kms_key,
        )

    def _all(self, decided: UserDecisions, progress: Progress) -> None:
        if decided.leaked is not None:
            progress.current = decided.leaked
            self._revoke.carry_out(decided, decided.leaked, progress)
            return
        record = RecordStore(decided, self.secret_store, self.clock, kms_key=self.kms_key)
        # "Restored", "found Inactive", "interrupted" are conclusions from the record as it was
        # read. Written over a newer record, they would undo an operator's order.
        found = [change.key_id for change in decided.record_changes if change.key_id is not None]
        if found and not record.knows(*found):
            message = f"the record of {', '.join(found)} changed since it was decided about"
            raise ChangedMeanwhile(message)
        if decided.record_changes:
            progress.may_write()
        record.apply(decided.record_changes)
        for decision in sorted(decided.decisions, key=lambda each: ORDER.index(each.action)):
            progress.current = decision
            self._one(decided.user, decision, record, progress)
            progress.current = None

    def _one(
        self, user: UserFacts, decision: Decision, record: RecordStore, progress: Progress
    ) -> None:
        match decision.action:
            case Action.KEEP | Action.WAIT | Action.WARN | Action.NOTICE:
                progress.done.append(Done(decision=decision))
            case Action.ROTATE:
                self._rotate(user, decision, record, progress)
            case Action.REPAIR:
                self._repair(user, decision, record, progress)
            case Action.DISABLE:
                self._disable(user, decision, record, progress)
            case Action.DELETE:
                self._delete(user, decision, record, progress)
            case Action.END_EXEMPTION:
                # Not asked of `may_write`, which lets no write pass to a user who is exempt.
                self.end_exemption.carry_out(user, decision, progress)
            case Action.RESTORE:
                self._restore(user, decision, record, progress)

    def _rotate(
        self, user: UserFacts, decision: Decision, record: RecordStore, progress: Progress
    ) -> None:
        forced = decision.reason is Reason.FORCED
        # Another run may be inside: an intent of ours, written over its own, would hide the key
        # that it has made.
        if not record.is_as_read():
            message = f"another run rotated {user.name} since the plan was made, or began to"
            raise AnotherRun(message)
        progress.may_write()
        new_key = progress.deliver.create(user, decision.key_id, record, forced=forced)
        # Done before it is settled: the key is delivered, and its owner has to hear of it even if
        # the last write fails.
        progress.done.append(Done(decision=decision, new_key=new_key.key_id))
        self.deliver.settle(user, new_key, record)

    def _disable(
        self, user: UserFacts, decision: Decision, record: RecordStore, progress: Progress
    ) -> None:
        before = record.of(decision.key_id)
        # Invariant 1 is about now: the other key may have been made Inactive since the plan.
        self._unchanged(user, decision, progress)
        # An operator may have restored it since, and promised its user that it is left alone.
        if not record.knows(decision.key_id):
            message = f"the record of {decision.key_id} changed since it was decided about"
            raise ChangedMeanwhile(message)
        progress.may_write()
        progress.may_end()
        # First on record: an Inactive key of which nobody knows since when would have no grace.
        # If this write fails, the key is not disabled (docs/record.md).
        record.write({decision.key_id: replace(before, disabling=record.now())})
        try:
            progress.may_write()
            progress.may_end()  # the record may have taken its time, and the group, too
            progress.keys.disable(user.name, decision.key_id)
        except (Refused, Throttled, ChangedMeanwhile):
            # Otherwise the next run would take the Active key for one that was re-enabled.
            record.write({decision.key_id: before})
            raise
        progress.done.append(Done(decision=decision))
        record.write({decision.key_id: replace(record.of(decision.key_id), disabled=record.now())})

    def _delete(
        self, user: UserFacts, decision: Decision, record: RecordStore, progress: Progress
    ) -> None:
        # Then only is its record erased: the other way round, a run that dies in between leaves
        # an Inactive key without any time, which is announced anew and gets a second grace.
        self._gone(user, decision, progress)
        record.erase(decision.key_id)
        record.tidy()

    def _repair(
        self, user: UserFacts, decision: Decision, record: RecordStore, progress: Progress
    ) -> None:
        if decision.reason is Reason.ORPHAN_FOUND:
            on_record = record.of(decision.key_id)
            progress.may_write()
            # First on record, as a disabling is: the day of rest is counted from this time.
            record.write({decision.key_id: replace(on_record, orphan=record.now())})
            progress.keys.disable(user.name, decision.key_id)
            progress.done.append(Done(decision=decision))
        else:
            self._gone(user, decision, progress)
            record.erase(decision.key_id)
            record.is_over(decision.key_id)

    def _restore(
        self, user: UserFacts, decision: Decision, record: RecordStore, progress: Progress
    ) -> None:
        """Put it on record first: what breaks after it can only make the key's end later."""
        key_id = decision.key_id
        by_hand = f"by hand: {enable_command(user.name, key_id)}"
        try:
            set_to_end = self.lease.take(user).get(key_id, ())
        except PortError as error:
            message = f"whether a run is about to delete {key_id} could not be read ({error})"
            raise OrderNotDone(f"{message}: it was not enabled; {by_hand}") from error
        key = listed(self.keys, user).get(key_id)
        if key is None:
            raise OrderNotDone(f"{key_id} was deleted meanwhile")
        if key.is_active:
            raise OrderNotDone(f"{key_id} is Active already")
        if not record.knows(key_id):
            message = f"the record of {key_id} changed since it was looked at"
            raise OrderNotDone(f"{message}: it was not enabled")
        if _is_at_work(set_to_end, record.of(key_id)):
            message = f"a run may be about to delete {key_id}"
            raise OrderNotDone(f"{message}: it was not enabled; order it again in 15 minutes")
        progress.may_write()
        try:
            record.apply((RecordChange(Change.ORDERED, key_id),))
        except PortError as error:
            message = f"that {key_id} is restored could not be put on record ({error})"
            raise OrderNotDone(f"{message}: it was not enabled; {by_hand}") from error
        progress.keys.enable(user.name, key_id)
        progress.done.append(Done(decision=decision))
        # A revocation may have come between the reading and the enabling: it wins, for a leaked
        # key that works is the worst that can be left behind (decision 0020).
        if record.is_revoked(key_id):
            self.keys.disable(user.name, key_id)
            progress.done.pop()
            raise OrderNotDone(f"{key_id} was revoked meanwhile: it is Inactive again")

    def _gone(self, user: UserFacts, decision: Decision, progress: Progress) -> None:
        """Delete a key, on a key list read just before: nothing brings it back."""
        self._unchanged(user, decision, progress)
        progress.may_write()
        progress.may_end()
        progress.keys.delete(user.name, decision.key_id)
        progress.deleted.add(decision.key_id)
        progress.done.append(Done(decision=decision))

    def _unchanged(self, user: UserFacts, decision: Decision, progress: Progress) -> None:
        """Read the key list anew: nothing is taken away on old news."""
        # All keys of the user, and their states: that another one works is why this one may go.
        present = {(key.key_id, key.status) for key in listed(self.keys, user).values()}
        expected = {(key.key_id, key.status) for key in user.keys}
        # A key that was just deleted may still be listed for some seconds.
        if any(key_id not in progress.deleted for key_id, _ in present ^ expected):
            message = f"the keys of {user.name} changed while {decision.key_id} was decided about"
            raise ChangedMeanwhile(message)


def _is_order(decided: UserDecisions) -> bool:
    return decided.leaked is not None or any(
        decision.action in ORDERED for decision in decided.decisions
    )


def _is_at_work(set_out: Sequence[datetime], on_record: KeyRecord) -> bool:
    """Whether one of the runs that set out to end a key then may not be through with it."""
    disabled = on_record.disabled
    is_through = (
        len(set_out) == 1  # of two runs, nobody can tell which one has disabled it
        and disabled is not None
        and disabled != on_record.renewed  # that is a grace begun anew, and no disabling
        and disabled >= set_out[0] - CLOCK_MAY_BE_OFF
    )
    return bool(set_out) and not is_through
