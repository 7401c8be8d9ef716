"""Carry out what was decided for one user, in an order that can be interrupted anywhere."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from keyturn.domain.commands import REVOKED, SUCCEEDED, enable_command
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
    NotFound,
    OrderNotDone,
    PortError,
    Refused,
    Throttled,
    Unexpected,
    WriteStopped,
)
from keyturn.domain.key import KeyFacts, Unknown, UserFacts
from keyturn.domain.record import KeyRecord
from keyturn.domain.result import Done as Done  # noqa: PLC0414 -- whoever moves next takes it from there
from keyturn.domain.result import Outcome as Outcome  # noqa: PLC0414 -- whoever moves next takes it from there
from keyturn.ports import AccessKeys, Clock, SecretStore
from keyturn.use_cases.deliver import Deliver
from keyturn.use_cases.gate import GuardedKeys
from keyturn.use_cases.record_store import CLOCK_MAY_BE_OFF, RecordStore
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
    Action.RESTORE,
)


@dataclass(slots=True, kw_only=True)
class _Progress:
    done: list[Done] = field(default_factory=list)
    current: Decision | None = None
    deleted: set[str] = field(default_factory=set)
    may_write: Callable[[], None]
    keys: AccessKeys
    deliver: Deliver


@dataclass(frozen=True, slots=True, kw_only=True)
class Executor:
    """Carries out what was decided for the users of one account, who share no state."""

    keys: AccessKeys
    secret_store: SecretStore
    deliver: Deliver
    lease: RunLease
    clock: Clock
    kms_key: str | None

    def carry_out(
        self, decided: UserDecisions, may_write: Callable[[], None] = lambda: None
    ) -> Outcome:
        """
        Do what is due; a failure ends this user's part and keeps what was done.

        may_write is asked before every write to the user's keys, and before every write to the
        record that begins something, and raises WriteStopped. What was begun is put on record.
        A leaked key is stopped first; only then is it asked for the rest.
        """
        keys = GuardedKeys(self.keys, may_write)
        progress = _Progress(
            may_write=may_write, keys=keys, deliver=replace(self.deliver, keys=keys)
        )
        try:
            self._all(decided, progress)
        except (AnotherRun, ChangedMeanwhile, WriteStopped) as error:
            # What another run did for us is no failure; half an order is one.
            is_half = bool(progress.done) and _is_order(decided)
            return Outcome(
                decided=decided,
                done=tuple(progress.done),
                error=OrderNotDone(str(error)) if is_half else error,
                failed=progress.current,
            )
        except KeyturnError as error:
            return Outcome(
                decided=decided, done=tuple(progress.done), error=error, failed=progress.current
            )
        except Exception as error:  # noqa: BLE001 -- one user's failure must not end the others'
            return Outcome(
                decided=decided,
                done=tuple(progress.done),
                error=Unexpected(error),
                failed=progress.current,
            )
        return Outcome(decided=decided, done=tuple(progress.done))

    def _all(self, decided: UserDecisions, progress: _Progress) -> None:
        if decided.leaked is not None:
            progress.current = decided.leaked
            self._revoke(decided, decided.leaked, progress)
            return
        record = RecordStore(decided, self.secret_store, self.clock, kms_key=self.kms_key)
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
        self, user: UserFacts, decision: Decision, record: RecordStore, progress: _Progress
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
            case Action.RESTORE:
                self._restore(user, decision, record, progress)

    def _rotate(
        self, user: UserFacts, decision: Decision, record: RecordStore, progress: _Progress
    ) -> None:
        forced = decision.reason is Reason.FORCED
        if not record.is_as_read():
            message = f"another run rotated {user.name} since the plan was made, or began to"
            raise AnotherRun(message)
        progress.may_write()
        new_key = progress.deliver.create(user, decision.key_id, record, forced=forced)
        progress.done.append(Done(decision=decision, new_key=new_key.key_id))
        self.deliver.settle(user, new_key, record)

    def _disable(
        self, user: UserFacts, decision: Decision, record: RecordStore, progress: _Progress
    ) -> None:
        before = record.of(decision.key_id)
        self._unchanged(user, decision, progress)
        if not record.knows(decision.key_id):
            message = f"the record of {decision.key_id} changed since it was decided about"
            raise ChangedMeanwhile(message)
        progress.may_write()
        record.write({decision.key_id: replace(before, disabling=record.now())})
        try:
            progress.keys.disable(user.name, decision.key_id)
        except (Refused, Throttled):
            # Otherwise the next run would take the Active key for one that was re-enabled.
            record.write({decision.key_id: before})
            raise
        progress.done.append(Done(decision=decision))
        record.write({decision.key_id: replace(record.of(decision.key_id), disabled=record.now())})

    def _delete(
        self, user: UserFacts, decision: Decision, record: RecordStore, progress: _Progress
    ) -> None:
        self._gone(user, decision, progress)
        record.erase(decision.key_id)
        record.tidy()

    def _repair(
        self, user: UserFacts, decision: Decision, record: RecordStore, progress: _Progress
    ) -> None:
        if decision.reason is Reason.ORPHAN_FOUND:
            on_record = record.of(decision.key_id)
            progress.may_write()
            record.write({decision.key_id: replace(on_record, orphan=record.now())})
            progress.keys.disable(user.name, decision.key_id)
            progress.done.append(Done(decision=decision))
        else:
            self._gone(user, decision, progress)
            record.erase(decision.key_id)
            record.is_over(decision.key_id)

    def _restore(
        self, user: UserFacts, decision: Decision, record: RecordStore, progress: _Progress
    ) -> None:
        """Put it on record first: what breaks after it can only make the key's end later."""
        key_id = decision.key_id
        by_hand = f"by hand: {enable_command(user.name, key_id)}"
        try:
            set_to_end = self.lease.take(user).get(key_id, ())
        except PortError as error:
            message = f"whether a run is about to delete {key_id} could not be read ({error})"
            raise OrderNotDone(f"{message}: it was not enabled; {by_hand}") from error
        key = self._listed(user).get(key_id)
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
        if record.is_revoked(key_id):
            self.keys.disable(user.name, key_id)
            progress.done.pop()
            raise OrderNotDone(f"{key_id} was revoked meanwhile: it is Inactive again")

    def _revoke(self, decided: UserDecisions, decision: Decision, progress: _Progress) -> None:
        """Stop the key before anything else: nothing that breaks after it lets it work again."""
        user, key_id = decided.user, decision.key_id
        worked = self._works(user, key_id)
        self._stop(user, key_id)
        so_far = replace(decision, rotates=False, sentence=REVOKED)
        progress.done.append(Done(decision=so_far if decision.rotates else decision))
        stands = f"{key_id} is Inactive; nothing else was done"
        if decided.only_stops is not None:
            raise OrderNotDone(f"{stands}: {decided.only_stops}")
        try:
            progress.may_write()
        except KeyturnError as error:
            raise OrderNotDone(f"{stands}: {error}") from error
        record = RecordStore(decided, self.secret_store, self.clock, kms_key=self.kms_key)
        if record.closed is not None:
            message = f"{key_id} is Inactive, but nothing could be put on record ({record.closed})"
            raise OrderNotDone(message)
        unsure: PortError | None = None
        now, on_record = record.now(), record.of(key_id)
        if worked or on_record.revoked is None:
            since = None if worked else on_record.disabled or on_record.seen
            record.write(
                {
                    key_id: KeyRecord(
                        disabled=since or now,
                        forced=now,  # its age has no say in when it is deleted
                        revoked=now,
                        delivered=on_record.delivered,
                    )
                }
            )
            unsure = self._stop_again(user, key_id)
        set_to_end = self._set_to_end(user)
        if not decision.rotates and decision.successor is None:
            raise OrderNotDone(f"{key_id}: {decision.sentence}")
        others = [
            (key, set_to_end.get(key.key_id))
            for key in self._listed(user).values()
            if key.key_id != key_id
        ]
        self._succeed(user, others, decision, record, progress)
        if unsure is not None:
            message = f"{key_id} is revoked; whether somebody enabled it meanwhile is not known"
            raise OrderNotDone(f"{message} ({unsure}): order it again") from unsure

    def _works(self, user: UserFacts, key_id: str) -> bool:
        """Whether a key may have worked until now: one that was Inactive may be so no more."""
        if any(key.key_id == key_id and key.is_active for key in user.keys):
            return True
        try:
            return any(
                key.key_id == key_id and key.is_active for key in self._listed(user).values()
            )
        except Exception:  # noqa: BLE001 -- nothing that is read may keep a leaked key working
            return True

    def _set_to_end(self, user: UserFacts) -> Mapping[str, Literal[True] | Unknown]:
        """Which keys other runs are about to end; what nobody can tell comes after the stop."""
        try:
            return dict.fromkeys(self.lease.take(user), True)
        except PortError as error:
            return dict.fromkeys((key.key_id for key in user.keys), Unknown(str(error)))

    def _stop_again(self, user: UserFacts, key_id: str) -> PortError | None:
        """
        Stop what somebody may have enabled before its revocation was on record.

        IAM's list tells of that too late. Why it failed is no reason not to make a new key.
        """
        try:
            self.keys.disable(user.name, key_id)
        except NotFound:
            return None
        except PortError as error:
            return error
        return None

    def _stop(self, user: UserFacts, key_id: str) -> None:
        try:
            self.keys.disable(user.name, key_id)
        except NotFound as error:
            raise OrderNotDone(f"{key_id} was deleted meanwhile") from error

    def _succeed(
        self,
        user: UserFacts,
        others: Sequence[tuple[KeyFacts, Literal[True] | Unknown | None]],
        decision: Decision,
        record: RecordStore,
        progress: _Progress,
    ) -> None:
        """Make the key that its user works with from now on, unless there is one."""
        working = [(key, ends) for key, ends in others if key.is_active]
        if any(ends is None for _, ends in working):
            return
        alone = replace(decision, sentence=REVOKED, successor=None, delivered=False, rotates=False)
        progress.done[-1] = Done(decision=alone)
        stands = f"{decision.key_id} is revoked; no new key was made"
        if working:
            raise OrderNotDone(f"{stands}{_why_not_relied_on(*working[0])}")
        if others:
            message = (
                f"{stands}: {others[0][0].key_id}, Inactive, has taken the other slot meanwhile"
            )
            raise OrderNotDone(message)
        if not record.is_as_read():
            message = f"{stands}: another run rotated {user.name} meanwhile, or began to"
            raise OrderNotDone(message)
        try:
            progress.may_write()
            new_key = progress.deliver.create(
                replace(user, keys=()), decision.key_id, record, forced=False
            )
        except (AnotherRun, WriteStopped) as error:
            raise OrderNotDone(f"{stands}: {error}") from error
        rotated = replace(alone, rotates=True, sentence=REVOKED + SUCCEEDED)
        progress.done[-1] = Done(decision=rotated, new_key=new_key.key_id)
        self.deliver.settle(user, new_key, record)

    def _listed(self, user: UserFacts) -> dict[str, KeyFacts]:
        """The user's keys as they are now; none, if the user was deleted."""
        try:
            return {key.key_id: key for key in self.keys.keys_of(user.name)}
        except NotFound:
            return {}

    def _gone(self, user: UserFacts, decision: Decision, progress: _Progress) -> None:
        self._unchanged(user, decision, progress)
        progress.keys.delete(user.name, decision.key_id)
        progress.deleted.add(decision.key_id)
        progress.done.append(Done(decision=decision))

    def _unchanged(self, user: UserFacts, decision: Decision, progress: _Progress) -> None:
        """Read the key list anew: nothing is taken away on old news."""
        present = {(key.key_id, key.status) for key in self._listed(user).values()}
        expected = {(key.key_id, key.status) for key in user.keys}
        # A key that was just deleted may still be listed for some seconds.
        if any(key_id not in progress.deleted for key_id, _ in present ^ expected):
            message = f"the keys of {user.name} changed while {decision.key_id} was decided about"
            raise ChangedMeanwhile(message)


def _is_order(decided: UserDecisions) -> bool:
    return decided.leaked is not None or any(
        decision.action in ORDERED for decision in decided.decisions
    )


def _why_not_relied_on(key: KeyFacts, ends: Literal[True] | Unknown | None) -> str:
    """Why a user's other Active key may be none to work with."""
    if isinstance(ends, Unknown):
        why = ends.why
        return f", and whether a run is about to disable {key.key_id} could not be read ({why})"
    return f": a run may be about to disable {key.key_id}; order it again in 15 minutes"


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
