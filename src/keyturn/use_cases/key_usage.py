"""Read what a notice says of both keys' use, where the rule had no need to."""

from collections.abc import Iterable
from dataclasses import replace

from keyturn.domain.decision import NoticeType
from keyturn.domain.errors import PortError
from keyturn.domain.events import NoticeItem
from keyturn.domain.key import KeyFacts, LastUse, SecretFacts, Unread, UserFacts
from keyturn.domain.key_usage import Fetched, KeyUsage
from keyturn.domain.result import AccountPlan
from keyturn.ports import AccessKeys
from keyturn.use_cases.side_by_side import side_by_side

_NOBODY_HAS = {NoticeType.DELETED, NoticeType.ORPHAN}
"""Notices of keys that are gone, or whose secret nobody ever had."""


def with_usage(
    items: Iterable[NoticeItem], plan: AccountPlan, keys: AccessKeys, *, workers: int
) -> tuple[NoticeItem, ...]:
    """
    The items, with what is known of both keys' use; two calls an item at most.

    What the rule has read is not read again. What cannot be read stays unknown, and stops no
    notice.
    """
    users = {decided.user.name: decided.user for decided in plan.users}

    def known(item: NoticeItem) -> NoticeItem:
        user = users.get(item.user)
        return item if user is None else replace(item, usage=_usage(item, user, keys))

    return tuple(side_by_side(known, tuple(items), workers=workers))


def _usage(item: NoticeItem, user: UserFacts, keys: AccessKeys) -> KeyUsage:
    of_id = {key.key_id: key for key in user.keys}
    old, new = of_id.get(item.key_id), of_id.get(item.successor or "")
    return KeyUsage(
        old=None if item.notice.type in _NOBODY_HAS else _last_use(old, keys),
        new=_last_use(new, keys),
        fetched=_fetched(item, user, new),
    )


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
    """Whether the secret was read since the new key was made, as the rule saw the secret."""
    secret = user.secret
    if new is None or item.secret is None or not isinstance(secret, SecretFacts):
        return None
    day = secret.last_read
    return Fetched(day if day is not None and day >= new.created.date() else None)
