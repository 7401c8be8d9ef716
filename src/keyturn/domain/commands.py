"""
What an operator orders about one key: enable it again, or revoke it as leaked.

Pure, as the rule is: an order is decided from the user's facts, or refused with the reason.
The rule never answers so by itself; what follows an order (deletion, the next notice) is the
rule's again.
"""

import shlex
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from keyturn.domain.by_hand import enable_command
from keyturn.domain.days import DAY
from keyturn.domain.decision import (
    ORDERED,
    Action,
    Decision,
    Next,
    Notice,
    NoticeType,
    Overlay,
    Question,
    Reason,
    State,
    UserDecisions,
)
from keyturn.domain.errors import InvalidValue, OrderNotDone
from keyturn.domain.key import Act, KeyFacts, Unknown, UserFacts
from keyturn.domain.lifecycle.cases.orphan import find_orphan
from keyturn.domain.lifecycle.promises import ACT_WARNING, last_promised
from keyturn.domain.lifecycle.view import FORCE_LIFE, KeyList, NeededError, OnRecord, on_record
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.record import UserRecord

REVOKED = "an operator revoked it as leaked"
SUCCEEDED = "; a new key is made and delivered"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorCommand:
    """
    One key, and what an operator wants done with it.

    Raises InvalidValue for an action that nobody orders, or for `even_exempt` of a restoration.
    """

    action: Action
    key_id: str
    given: datetime
    """When it was given, UTC; void after 24 hours, so that a late redelivery does nothing."""
    even_exempt: bool = False
    """Do the rest of a revocation too, the record and a new key, if its user is exempt."""
    even_paused: bool = False
    """Do it even while Keyturn is paused."""

    def __post_init__(self) -> None:
        """Refuse what is the rule's to decide."""
        if self.action not in ORDERED:
            raise InvalidValue("action", self.action, "nobody orders this")
        if self.even_exempt and self.action is not Action.REVOKE:
            raise InvalidValue("even_exempt", self.even_exempt, "is for a leaked key alone")

    def refuse_if_void(self, now: datetime) -> None:
        """Raises OrderNotDone where it is too old to be followed; now: UTC."""
        if now - self.given >= FORCE_LIFE:
            message = f"the order is of {self.given:%Y-%m-%d %H:%MZ}, and void after a day"
            raise OrderNotDone(message)


def decide_command(
    command: OperatorCommand,
    user: UserFacts,
    policy: RotationPolicy,
    now: datetime,
    *,
    kms_key: str | None = None,
) -> UserDecisions | Question:
    """
    Say what is to be done on an order, or which fact is needed to say so.

    Raises OrderNotDone, with the reason, where it must not be followed.
    Source: docs/lifecycle.md, "Restored", "Revoked"; decisions
    0020 and 0023.

    Args:
        command: the order.
        user: the facts; what is `UNREAD` may be asked for.
        policy: the periods, in days.
        now: the time of the run, UTC.
        kms_key: the key that our secrets are encrypted with; None means aws/secretsmanager.

    Returns:
        Decisions about one key, or a question about one fact that was UNREAD.

    """
    key = next((key for key in user.keys if key.key_id == command.key_id), None)
    if key is None:
        raise OrderNotDone(f"{user.name} has no access key {command.key_id}")
    command.refuse_if_void(now)
    # The stop itself heeds no exemption (decision 0023): only what follows it does.
    if command.action is Action.REVOKE and user.exempt and not command.even_exempt:
        why = f"{user.name} is exempt, and Keyturn leaves its keys alone"
        return stop_alone(
            command, user, now, f'{why} (unless --even-exempt; in an event "EvenExempt": true)'
        )
    keys = KeyList(user=user, policy=policy, now=now, kms_key=kms_key)
    try:
        decision = (
            _restoration(keys, key) if command.action is Action.RESTORE else _revocation(keys, key)
        )
    except NeededError as needed:
        return needed.question
    return UserDecisions(user=user, decisions=(decision,))


def stop_alone(
    command: OperatorCommand, user: UserFacts, now: datetime, why: str
) -> UserDecisions:
    """
    Stop a leaked key and do nothing else, because of what hinders that, or is not known.

    Asks for no fact, and raises nothing: a leaked key is stopped whatever else fails
    (decision 0023).
    """
    key = next((key for key in user.keys if key.key_id == command.key_id), None)
    keys = KeyList(user=user, policy=RotationPolicy(), now=now)
    decision = Decision(
        key_id=command.key_id,
        age=0 if key is None else keys.age(key),
        state=State.ACTIVE if key is None else keys.state(key),
        action=Action.REVOKE,
        reason=Reason.LEAKED,
        sentence=f"{REVOKED}; nothing else is done: {why}",
        overlays=frozenset({Overlay.REVOKED} | ({Overlay.EXEMPT} if user.exempt else set())),
        notice=Notice(type=NoticeType.REVOKED, day=now.date()),
    )
    return UserDecisions(user=user, decisions=(decision,), only_stops=why)


# --- enable it again ----------------------------------------------------------------------


def _restoration(keys: KeyList, key: KeyFacts) -> Decision:
    user = keys.user
    by_hand = f"by hand: {enable_command(user.name, key.key_id)}"
    if user.exempt:
        raise OrderNotDone(f"{user.name} is exempt, and Keyturn leaves its keys alone; {by_hand}")
    if key.is_active:
        raise OrderNotDone(f"{key.key_id} is Active already")
    secret = keys.secret()
    # What cannot be put on record is not enabled: the next run would disable it again.
    if isinstance(secret, Unknown):
        message = f"the record of {user.name} could not be read ({secret.why}); {by_hand}"
        raise OrderNotDone(message)
    at = on_record(keys, secret)
    record = at.record
    if record.foreign is not None:
        raise OrderNotDone(f"{record.foreign.why}, so nothing can be put on record; {by_hand}")
    if (revoked := record.of(key).revoked) is not None:
        message = f"{key.key_id} was revoked as leaked on {revoked.date()}: whoever has it could"
        raise OrderNotDone(f"{message} use it again; if you are sure that nobody has, {by_hand}")
    orphan, why = find_orphan(at)
    if key is orphan and why is not None:
        message = f"a rotation that broke off left {key.key_id}, and whether it was ever used"
        raise OrderNotDone(f"{message} could not be read ({why}); {by_hand}")
    if key is orphan or record.of(key).orphan is not None:
        message = f"nobody has the secret of {key.key_id}: its rotation broke off"
        raise OrderNotDone(f"{message}, and it will be deleted")
    again = at.day(at.now, at.policy.recovery_grace_period)
    return at.decision(
        key,
        Action.RESTORE,
        Reason.FORCED,
        f"an operator asked for it; it is left alone until {again}",
        overlays=frozenset({Overlay.RESTORED}),
        notice=Notice(type=NoticeType.RESTORED, day=at.today),
        next_step=Next(Action.NOTICE, again),
    )


# --- revoke it as leaked ------------------------------------------------------------------


def _revocation(keys: KeyList, key: KeyFacts) -> Decision:
    """
    Stop a leaked key now, whatever else cannot be done or known.

    What stands in the way of a record or a new key is said, and stops neither the rest.
    """
    user = keys.user
    secret = keys.secret()
    # A record that cannot be read stops a new key, and not the stop: whoever has the leaked key
    # can often write the tag that makes it unreadable.
    if isinstance(secret, Unknown):
        at = _without_record(keys)
        closed: str | None = f"its record could not be read ({secret.why})"
    else:
        at = on_record(keys, secret)
        closed = at.record.why_foreign
    orphan, _ = find_orphan(at)  # that its use is unknown makes it no key to work with
    at = replace(at, orphan=orphan)
    others = [
        other
        for other in user.keys
        if other.is_active and other is not key and other is not orphan
    ]
    # Only a user without a key that works gets a new one: to rotate besides would take the other
    # slot from whoever is about to use it.
    hindrance = None if others else closed or _hindrance(at, key)
    rotates = not others and hindrance is None
    was_revoked = not key.is_active and at.of(key).revoked is not None
    if was_revoked and not rotates:
        sentence = "it is revoked already" + _then(others, hindrance, rotates=False)
        return _with_successor(at, at.decision(key, Action.KEEP, Reason.LEAKED, sentence), others)
    notice = _notice(at, key, promises=closed is None and not user.exempt, again=was_revoked)
    decision = at.decision(
        key,
        Action.REVOKE,
        Reason.LEAKED,
        REVOKED + _then(others, hindrance, rotates=rotates),
        overlays=frozenset({Overlay.REVOKED} | ({Overlay.EXEMPT} if user.exempt else set())),
        notice=notice,
        next_step=Next(Action.DELETE, notice.day) if notice.promises else None,
    )
    return replace(_with_successor(at, decision, others), rotates=rotates)


def _without_record(keys: KeyList) -> OnRecord:
    """What can be asked all the same, where the record could not be read: nothing is on it."""
    return OnRecord(user=keys.user, policy=keys.policy, now=keys.now, record=UserRecord())


def _with_successor(at: OnRecord, decision: Decision, others: list[KeyFacts]) -> Decision:
    """Name the key that its user works with from now on."""
    if not others:
        return decision
    delivered = at.record.delivers(others[-1])
    return replace(decision, successor=others[-1].key_id, delivered=delivered)


def _hindrance(at: OnRecord, key: KeyFacts) -> str | None:
    """Why no new key can be made now, though its user has none to work with."""
    intent = at.record.intent
    if intent is not None and intent.is_young(at.now):
        return "Keyturn was at work on this user less than 15 minutes ago: try again in 15 minutes"
    beside = next((other for other in at.user.keys if other is not key), None)
    orphan = at.orphan
    if orphan is not None and orphan is not key:
        message = f"{orphan.key_id} is left of a rotation that broke off"
        return f"{message}; when a daily run has removed it, do this again"
    if beside is not None:
        user = shlex.quote(at.user.name)
        delete = f"aws iam delete-access-key --user-name {user} --access-key-id {beside.key_id}"
        slot = f"the other slot is taken by {beside.key_id}, which is Inactive"
        return f"{slot}: keyturn restore {beside.key_id}; or {delete}, and again"
    return None


def _then(others: list[KeyFacts], hindrance: str | None, *, rotates: bool) -> str:
    """What becomes of its user."""
    if others:
        return f"; its user works with {others[-1].key_id}"
    if hindrance is not None:
        return f"; no new key is made: {hindrance}"
    return SUCCEEDED if rotates else ""


def _notice(at: OnRecord, key: KeyFacts, *, promises: bool, again: bool) -> Notice:
    """
    Notify its owner and the admin that an operator did this.

    Of a key that was Inactive before, the date of its deletion was told or is told by the next
    run; a receipt of the same date would keep this notice from being sent.
    """
    if not key.is_active or not promises:
        return Notice(type=NoticeType.REVOKED, day=at.today, variant="successor" if again else "")
    day = _deletion(at, key)
    return Notice(type=NoticeType.REVOKED, day=day, promises={Act.DELETE: day})


def _deletion(at: OnRecord, key: KeyFacts) -> date:
    """When a key that stops now is deleted: after the grace, and not before it was promised."""
    receipts = at.receipts(key)
    known = () if isinstance(receipts, Unknown) else receipts
    day = max(
        at.day(at.now, at.policy.recovery_grace_period),
        at.today + timedelta(days=ACT_WARNING),
        last_promised(at, known, Act.DELETE),
    )
    while any(receipt.step == "delete" and receipt.day == day for receipt in known):
        day += DAY  # a notice of that date was told once, of another end
    return day
