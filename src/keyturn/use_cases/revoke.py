"""Stop a leaked key before anything else is asked, and then make its successor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from keyturn.domain.commands import REVOKED, SUCCEEDED
from keyturn.domain.decision import Decision, UserDecisions
from keyturn.domain.errors import (
    AnotherRun,
    KeyturnError,
    NotFound,
    OrderNotDone,
    PortError,
    WriteStopped,
)
from keyturn.domain.key import KeyFacts, Unknown, UserFacts
from keyturn.domain.record import KeyRecord
from keyturn.domain.result import Done
from keyturn.ports import AccessKeys, Clock, SecretStore
from keyturn.use_cases.deliver import Deliver
from keyturn.use_cases.progress import Progress
from keyturn.use_cases.record_store import RecordStore
from keyturn.use_cases.run_lease import RunLease


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoke:
    """Makes a leaked key Inactive: what breaks after that never lets it work again."""

    keys: AccessKeys
    secret_store: SecretStore
    deliver: Deliver
    lease: RunLease
    clock: Clock
    kms_key: str | None

    def carry_out(self, decided: UserDecisions, decision: Decision, progress: Progress) -> None:
        """
        Stop the key before anything else: nothing that breaks after it lets it work again.

        Source: docs/lifecycle.md, "Revoked"; decisions 0020 and 0023.

        Args:
            decided: for the key's user; `only_stops` says that nothing else may be done.
            decision: about the leaked key.
            progress: takes what was done; its gate is asked behind the stop.

        Raises:
            OrderNotDone: something of the order was not done; the message says what stands.
            KeyturnError: what the delivery of a new key raises; the old one is revoked.

        """
        user, key_id = decided.user, decision.key_id
        # Not through progress.keys, whose gate may be shut: nobody is asked before the stop.
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
        # Not for a revocation that is on record and whose key stayed Inactive: its grace would
        # begin anew with each repetition of the order.
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
            # Somebody may have enabled it between the stop and this record, which alone tells
            # them not to. IAM's list would show that half a minute late (decision 0020).
            unsure = self._stop_again(user, key_id)
        # Only now, when the key is Inactive: whether its user has another to work with. The plan
        # may say so of a key that a run is just about to disable.
        set_to_end = self._set_to_end(user)
        if not decision.rotates and decision.successor is None:
            raise OrderNotDone(f"{key_id}: {decision.sentence}")
        others = [
            (key, set_to_end.get(key.key_id))
            for key in listed(self.keys, user).values()
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
                key.key_id == key_id and key.is_active for key in listed(self.keys, user).values()
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
        progress: Progress,
    ) -> None:
        """Make the key that its user works with from now on, unless there is one."""
        working = [(key, ends) for key, ends in others if key.is_active]
        # One that works, and that no run is about to disable, is enough.
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


def _why_not_relied_on(key: KeyFacts, ends: Literal[True] | Unknown | None) -> str:
    """Why a user's other Active key may be none to work with."""
    if isinstance(ends, Unknown):
        why = ends.why
        return f", and whether a run is about to disable {key.key_id} could not be read ({why})"
    return f": a run may be about to disable {key.key_id}; order it again in 15 minutes"


def listed(keys: AccessKeys, user: UserFacts) -> dict[str, KeyFacts]:
    """Key id → the key, as IAM lists the user's keys now; none, if the user was deleted."""
    try:
        return {key.key_id: key for key in keys.keys_of(user.name)}
    except NotFound:
        return {}
