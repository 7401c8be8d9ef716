"""Secrets whose user is gone, or is called otherwise by now."""

from collections.abc import Mapping
from dataclasses import dataclass

from keyturn.domain.errors import InvalidValue
from keyturn.domain.secret_names import USER_ID_TAG, owner_of_secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """A secret without a living user of its name and `UserId`; its tags say so, and may lie."""

    name: str
    user: str
    """The user in its name."""
    user_id: str | None
    now_called: str | None = None
    """The living user that has the `UserId`."""
    is_empty: bool = False
    """Whether it holds no value."""
    is_leaving: bool = False
    """Whether it is scheduled for deletion."""
    is_taken: bool = False
    """Whether another user has the name by now."""

    def __str__(self) -> str:
        """As a sentence."""
        if self.now_called is not None:
            what = f"its user {self.user} is now called {self.now_called}"
        elif self.is_taken:
            what = f"it is of an earlier user {self.user}, and another one has that name"
        else:
            what = f"there is no user {self.user}"
        more = (
            *(["it holds no value"] if self.is_empty else []),
            *(["it is scheduled for deletion"] if self.is_leaving else []),
        )
        return "; ".join((f"{self.name}: {what}", *more))


def leftover(  # noqa: PLR0913 -- what a list tells of a secret, and who lives
    name: str,
    tags: Mapping[str, str],
    users: Mapping[str, str],
    *,
    account: str,
    is_empty: bool,
    is_leaving: bool,
) -> Leftover | None:
    """
    What is left over of a user who is gone or renamed; None: the secret is somebody's.

    Args:
        name: of the secret; a name that Keyturn never gives is none of its secrets.
        tags: name → value, as the list of secrets shows them; unproven, so only a report.
        users: `UserId` → name of the living.
        account: the id of the account that is asked.
        is_empty: whether it holds no value.
        is_leaving: whether it is scheduled for deletion.

    """
    try:
        of_account, user = owner_of_secret(name)
    except InvalidValue:
        return None
    user_id = tags.get(USER_ID_TAG)
    lives = user in users.values()
    now_called = users.get(user_id) if user_id else None
    if of_account != account or now_called == user or (lives and user_id is None):
        return None
    return Leftover(
        name=name,
        user=user,
        user_id=user_id,
        now_called=now_called,
        is_empty=is_empty,
        is_leaving=is_leaving,
        is_taken=lives,
    )
