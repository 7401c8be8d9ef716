"""What a run finds that the record does not know yet: people's acts, and what became of ours."""

from dataclasses import replace

from keyturn.domain.decision import Action, Change, Decision, Reason, RecordChange
from keyturn.domain.history import History
from keyturn.domain.key import Act, KeyFacts, LastUse, Unknown
from keyturn.domain.lifecycle.view import OnRecord


def record_changes(at: OnRecord, decisions: dict[str, Decision]) -> tuple[RecordChange, ...]:
    """
    What is to be written on the record, beside what the decisions themselves write.

    decisions: key id → decision, one for each key of the user.
    """
    changes: list[RecordChange] = []
    for key in at.user.keys:
        # Its repair writes `orphan` for it. As `seen` it would look like a key that a person
        # disabled, and get their grace.
        if key is at.orphan:
            continue
        change = _change(at, key, decisions[key.key_id])
        if change is not None:
            changes.append(RecordChange(change, key.key_id))
        found = history(at, key)
        if found != at.record.history_of(key):
            changes.append(RecordChange(Change.COUNTED, key.key_id, found))
    changes += _intent_changes(at, decisions)
    return tuple(changes)


def _change(at: OnRecord, key: KeyFacts, decision: Decision) -> Change | None:
    on_record = at.of(key)
    if decision.reason is Reason.USED_AFTER_DISABLING:
        return Change.RENEWED
    if key.is_active:
        # A restoration of no time that has come: its grace begins now, once. Left as it stands,
        # such a tag would keep the key for ever (decision 0023).
        ahead = on_record.restored is not None and on_record.restored >= at.now
        if on_record.disabled or on_record.revoked or ahead:
            return Change.RESTORED
        broke_off = Change.INTERRUPTED if on_record.is_interrupted else None
        return broke_off or (Change.UNSEEN if on_record.seen else None)
    if on_record.disabled or on_record.seen:
        return None
    # The write arrived, though its run did not live to note it down; its grace begins now.
    if on_record.disabling:
        return Change.DISABLED
    # A run that deletes it right now has taken its tags away: written anew, they would stand
    # there for a key that is gone.
    return Change.SEEN if at.ending_elsewhere(key) is None else None


def _intent_changes(at: OnRecord, decisions: dict[str, Decision]) -> list[RecordChange]:
    """Settle the intent of a rotation that was delivered; clear one that made nothing of ours."""
    intent = at.record.intent
    if intent is None or intent.settled:
        return []
    delivered = at.record.delivered_by_intent(at.user.keys)
    if delivered is not None:
        return [RecordChange(Change.DELIVERED, delivered.key_id)]
    # A rotation writes its own over it, and one put off goes on counting: cleared here, a user
    # whose deliveries fail would have a key made and taken back every day (delivery-failing).
    is_needed = any(
        decision.action is Action.ROTATE or decision.reason is Reason.DELIVERY_FAILING
        for decision in decisions.values()
    )
    return [] if at.orphan is not None or is_needed else [RecordChange(Change.CLEAR_INTENT)]


def history(at: OnRecord, key: KeyFacts) -> History:
    """What people did against a key's end by now, with what this run finds."""
    known, on_record = at.record.history_of(key), at.of(key)
    # Only of what we had ended. A restoration by command takes `disabled` off the record itself,
    # so an operator's order is not counted as something that a person did.
    if key.is_active and (on_record.disabled or on_record.revoked):
        known = replace(known, restored=known.restored + 1)
    taken = successor_taken_from(at, key)
    # The same successor counts once, however many runs see it; again only if it worked meanwhile.
    if taken is None or (taken == known.successor and not _is_found_inactive(at, taken)):
        return known
    receipts = at.receipts(key)
    readable = () if isinstance(receipts, Unknown) else receipts
    ends = [
        receipt.promises[Act.DISABLE] for receipt in readable if Act.DISABLE in receipt.promises
    ]
    first = known.promised or min(ends, default=None)
    return replace(known, taken=known.taken + 1, successor=taken, promised=first)


def successor_taken_from(at: OnRecord, key: KeyFacts) -> str | None:
    """
    The successor that we delivered for a key in use and that somebody took out of use.

    What we disabled, revoked or took back is on record as ours: no person did it.
    Returns its key id, of the one delivered last; None: there is none.
    """
    if not key.is_active or at.is_replaced(key):
        return None
    # A key that another run ends right now was not taken away by a person.
    there = {
        other.key_id: at.of(other)
        for other in at.user.keys
        if not (other.is_active or at.ending_elsewhere(other) or other is at.orphan)
        and other.order > key.order
    }
    taken = [
        (on_record.delivered, key_id)
        for key_id, on_record in {**at.record.gone, **there}.items()
        if on_record.delivered is not None
        and on_record.delivered > key.created  # what was delivered before is no successor of it
        and not on_record.is_our_doing
    ]
    if not taken:
        return None
    # Quiet: nobody works with the old key, so nothing was rolled back; it ends in its own time.
    # Unknown is not quiet: somebody with a stolen key may be at work, and that is told.
    use = at.last_use(key)
    is_quiet = isinstance(use, LastUse) and at.is_quiet(key, use)
    return None if is_quiet else max(taken)[1]


def _is_found_inactive(at: OnRecord, key_id: str) -> bool:
    """Whether a key is Inactive that no run has seen so."""
    return any(key.key_id == key_id and not at.of(key).seen for key in at.user.keys)
