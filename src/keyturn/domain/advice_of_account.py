"""What an account's day tells for the advice on its users."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date

from keyturn.domain.account_seen import AccountSeen, KeySeen
from keyturn.domain.decision import Action, Reason, State
from keyturn.domain.way_out import Advice, KeyKnown, UserKnown, advise

_ACTIVE = frozenset({State.ACTIVE, State.ROTATED})
_DISABLING = frozenset({Action.DISABLE, Action.REVOKE, Action.REPAIR})


def keys_known(account: AccountSeen, on: date) -> dict[str, KeyKnown]:
    """
    Key id → what is known of it by an account's day; what a run deleted is not there any more.

    on: the day that the advice is of, UTC: their ages are of that day.
    """
    return {
        key.key_id: KeyKnown(
            key_id=key.key_id,
            age=key.age + (on - account.day).days,
            is_active=key.state in _ACTIVE and not (key.done and key.action in _DISABLING),
            last_use=key.last_use,
            read_on=account.day if key.last_use else None,
        )
        for key in account.keys
        if key.state is not State.DELETED and not _was_deleted(key)
    }


def _was_deleted(key: KeySeen) -> bool:
    """A snapshot has a key as the run found it."""
    is_orphan = key.action is Action.REPAIR and key.reason == Reason.ORPHAN_OVER
    return key.done and (key.action is Action.DELETE or is_orphan)


def users_known(
    account: AccountSeen, keys: Mapping[str, KeyKnown], on: date, is_smtp: Callable[[str], bool]
) -> Iterator[UserKnown]:
    """The users of an account, those without keys, too; keys: with what earlier days tell."""
    of_user: dict[str, list[KeyKnown]] = {}
    for key in account.keys:
        if key.key_id in keys:
            of_user.setdefault(key.user, []).append(keys[key.key_id])
    for user in account.users:
        yield UserKnown(
            account=account.account,
            account_name=account.name,
            user=user.user,
            on=on,
            keys=tuple(of_user.get(user.user, ())),
            exempt=user.exempt,
            owner=user.owner,
            password_used=user.password_used,
            is_smtp=is_smtp(user.user),
        )


def advices_of(account: AccountSeen) -> tuple[Advice, ...]:
    """The verdicts on an account's users by one day alone."""
    users = users_known(
        account, keys_known(account, account.day), account.day, lambda _user: False
    )
    return tuple(found for each in users if (found := advise(each)))
