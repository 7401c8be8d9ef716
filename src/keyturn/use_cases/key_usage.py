"""Read what notices and snapshots say of both keys' use, where the rule had no need to."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta

from keyturn.domain.decision import Action, Decision, NoticeType, Reason, UserDecisions
from keyturn.domain.errors import PortError
from keyturn.domain.events import NoticeItem
from keyturn.domain.key import Act, KeyFacts, LastUse, Unread, UserFacts
from keyturn.domain.key_usage import IN_USE_WITHIN, Fetched, KeyUsage, Trail, fetched, is_in_use
from keyturn.domain.result import AccountPlan
from keyturn.ports import AccessKeys, CallHistory
from keyturn.use_cases.side_by_side import side_by_side

_NOBODY_HAS = {NoticeType.DELETED, NoticeType.ORPHAN}
"""Notices of keys that are gone, or whose secret nobody ever had."""
_BLOCKED_IN_USE = {Reason.HELD, Reason.TWO_KEYS_IN_USE}


def with_usage(
    items: Iterable[NoticeItem],
    plan: AccountPlan,
    keys: AccessKeys,
    *,
    workers: int,
    history: CallHistory | None = None,
) -> tuple[NoticeItem, ...]:
    """
    The items, with what is known of both keys' use; two calls an item at most.

    What the rule has read is not read again. What cannot be read stays unknown, and stops no
    notice. history: where it is asked who uses a key that is about to end; None: nowhere.
    """
    users = {decided.user.name: decided.user for decided in plan.users}

    def known(item: NoticeItem) -> NoticeItem:
        user = users.get(item.user)
        return item if user is None else replace(item, usage=_usage(item, user, keys, history))

    return tuple(side_by_side(known, tuple(items), workers=workers))


def _usage(
    item: NoticeItem, user: UserFacts, keys: AccessKeys, history: CallHistory | None
) -> KeyUsage:
    of_id = {key.key_id: key for key in user.keys}
    old, new = of_id.get(item.key_id), of_id.get(item.successor or "")
    use = None if item.notice.type in _NOBODY_HAS else _last_use(old, keys)
    return KeyUsage(
        old=use,
        new=_last_use(new, keys),
        fetched=_fetched(item, user, new),
        trail=_trail(item, use, history) if history is not None else None,
    )


def _trail(item: NoticeItem, use: LastUse | None, history: CallHistory) -> Trail | None:
    """From where a key is used that is soon rotated or disabled, or is not because it is used."""
    is_early = item.notice.type is NoticeType.UPCOMING
    if not is_early and Act.DISABLE not in item.promises and item.reason not in _BLOCKED_IN_USE:
        return None
    if use is not None and use.at is None:
        return None
    return history.of(item.key_id, use.region if use else None)


def _last_use(key: KeyFacts | None, keys: AccessKeys) -> LastUse | None:
    """A key's last use; None where it was made or deleted in this run, or cannot be read."""
    if key is None:
        return None
    if isinstance(key.last_use, LastUse):
        return key.last_use
    if not isinstance(key.last_use, Unread):
        return None
    try:
        return keys.last_use(key.key_id)
    except PortError:
        return None


def _fetched(item: NoticeItem, user: UserFacts, new: KeyFacts | None) -> Fetched | None:
    return None if new is None or item.secret is None else fetched(user, new)


def with_ends_looked_at(plan: AccountPlan, keys: AccessKeys, *, workers: int) -> AccountPlan:
    """
    Read where keys are used whose end is near, so that the day's snapshot says what breaks.

    It comes after all decisions, and changes none. At most two calls for such a key: nobody asks
    for the new one's use where the old one's says enough. What cannot be read stays unread.
    """

    def looked_at(decided: UserDecisions) -> UserDecisions:
        near = [each for each in decided.decisions if _ends_soon(each, plan.run.at.date())]
        return decided if not near else _with_uses(decided, near, keys, plan.run.at)

    return replace(plan, users=tuple(side_by_side(looked_at, plan.users, workers=workers)))


def _ends_soon(decision: Decision, today: date) -> bool:
    """Whether a key that has a successor of ours is about to be disabled."""
    coming = decision.next
    return (
        decision.delivered
        and coming is not None
        and coming.action is Action.DISABLE
        and coming.day - today <= timedelta(days=IN_USE_WITHIN)
    )


def _with_uses(
    decided: UserDecisions, near: Iterable[Decision], keys: AccessKeys, now: datetime
) -> UserDecisions:
    of_id = {key.key_id: key for key in decided.user.keys}
    for decision in near:
        old, new = of_id[decision.key_id], of_id.get(decision.successor or "")
        use = _last_use(old, keys)
        if use is None or new is None:
            continue
        of_id[old.key_id] = replace(old, last_use=use)
        if is_in_use(use, now) and (of_new := _last_use(new, keys)) is not None:
            of_id[new.key_id] = replace(new, last_use=of_new)
    return replace(decided, user=replace(decided.user, keys=tuple(of_id.values())))
