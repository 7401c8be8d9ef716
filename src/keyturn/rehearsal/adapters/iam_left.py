"""What rehearsals left in IAM: users under one path, and groups."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import NotFound, Refused
from keyturn.rehearsal.model.own import ID_TAG, PATH, RehearsalId, id_in_name, why_not_ours
from keyturn.rehearsal.ports import Found, why_unread

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


@dataclass(frozen=True, slots=True, kw_only=True)
class _User:
    """A user, as far as AWS shows them."""

    name: str
    user_id: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    not_ours: str | None
    """As `Found.not_ours`."""


class UsersLeft:
    """Meets `rehearsal.ports.Leftovers`: the users under our path, with their keys."""

    kind = "user"

    def __init__(self, iam: "IAMClient") -> None:
        self._iam = iam

    def there(self, names: Iterable[str] = ()) -> Mapping[str, str | None]:
        """
        Who there is under the path, and of these names anywhere.

        Name → `UserId`; None: somebody who is not surely a rehearsal's.
        """
        return {
            user.name: user.user_id if user.not_ours is None else None
            for user in self._users(names)
        }

    def ids(self) -> frozenset[RehearsalId]:
        """The ids of the rehearsals that have a user there who is surely theirs."""
        users = (id_in_name(user.name) for user in self._users(()) if user.not_ours is None)
        return frozenset(each for each in users if each is not None)

    def disarm(self, name: str) -> int:
        """Take away the keys of a user of ours, and how many they were."""
        keys = self._keys(name)
        for key in keys:
            with suppress(NotFound), aws_errors_translated():
                self._iam.delete_access_key(UserName=name, AccessKeyId=key)
        return len(keys)

    def look(self, made: Iterable[str]) -> Sequence[Found]:
        """All users under the path, and those that were asked for and no list shows yet."""
        return [
            Found(
                kind=self.kind,
                name=user.name,
                id=id_in_name(user.name),
                not_ours=user.not_ours,
                marks={key: value for key, value in user.tags.items() if key.startswith(ID_TAG)},
            )
            for user in self._users(made)
        ]

    def remove(self, found: Found) -> None:
        """Take away the keys, the places in groups of ours, and the user."""
        name = found.name
        self.disarm(name)
        for group in self._groups(name):
            if id_in_name(group) == found.id:
                with suppress(NotFound), aws_errors_translated():
                    self._iam.remove_user_from_group(UserName=name, GroupName=group)
        with suppress(NotFound), aws_errors_translated():
            self._iam.delete_user(UserName=name)

    def _users(self, names: Iterable[str]) -> Iterator[_User]:
        """Who is under the path, and those of these names whom no list shows."""
        listed = self._listed()
        for name in sorted(listed.keys() | set(names)):
            try:
                path, user_id = listed.get(name) or self._asked_for(name)
                tags = self._tags(name)
            except NotFound:  # there is none, or the list was late
                continue
            except Refused as error:
                yield _User(name=name, not_ours=why_unread(error))
                continue
            why = why_not_ours(name, path, tags)
            yield _User(name=name, user_id=user_id, tags=tags, not_ours=why)

    def _asked_for(self, name: str) -> tuple[str, str]:
        """Path and `UserId`."""
        with aws_errors_translated():
            user = self._iam.get_user(UserName=name)["User"]
        return user["Path"], user["UserId"]

    def _listed(self) -> dict[str, tuple[str, str]]:
        """Name → path and `UserId`."""
        with aws_errors_translated():
            pages = self._iam.get_paginator("list_users").paginate(PathPrefix=PATH)
            return {
                each["UserName"]: (each["Path"], each["UserId"])
                for page in pages
                for each in page["Users"]
                if each["Path"].startswith(PATH)
            }

    def _tags(self, user: str) -> Mapping[str, str]:
        with aws_errors_translated():
            pages = self._iam.get_paginator("list_user_tags").paginate(UserName=user)
            return {each["Key"]: each["Value"] for page in pages for each in page["Tags"]}

    def _keys(self, user: str) -> Sequence[str]:
        with suppress(NotFound), aws_errors_translated():
            pages = self._iam.get_paginator("list_access_keys").paginate(UserName=user)
            return [key["AccessKeyId"] for page in pages for key in page["AccessKeyMetadata"]]
        return ()

    def _groups(self, user: str) -> Sequence[str]:
        with suppress(NotFound), aws_errors_translated():
            pages = self._iam.get_paginator("list_groups_for_user").paginate(UserName=user)
            return [group["GroupName"] for page in pages for group in page["Groups"]]
        return ()


class GroupsLeft:
    """
    Meets `rehearsal.ports.Leftovers`: the groups under our path.

    IAM's groups bear no tags: a group is ours by its path, its name, and by who is in it.
    """

    kind = "group"

    def __init__(self, iam: "IAMClient") -> None:
        self._iam = iam

    def look(self, made: Iterable[str]) -> Sequence[Found]:
        """All groups under the path, and those that were asked for and no list shows yet."""
        with aws_errors_translated():
            pages = self._iam.get_paginator("list_groups").paginate(PathPrefix=PATH)
            listed = {
                each["GroupName"]
                for page in pages
                for each in page["Groups"]
                if each["Path"].startswith(PATH)
            }
        looked = (self._found(name) for name in sorted(listed | set(made)))
        return [found for found in looked if found is not None]

    def remove(self, found: Found) -> None:
        """Take its members out, who are all ours, and take it away."""
        for user, _ in self._members(found.name):
            with suppress(NotFound), aws_errors_translated():
                self._iam.remove_user_from_group(UserName=user, GroupName=found.name)
        with suppress(NotFound), aws_errors_translated():
            self._iam.delete_group(GroupName=found.name)

    def _found(self, name: str) -> Found | None:
        own = id_in_name(name)
        try:
            with aws_errors_translated():
                path = self._iam.get_group(GroupName=name, MaxItems=1)["Group"]["Path"]
        except NotFound:  # the list was late, and it is gone
            return None
        except Refused as error:
            return Found(kind=self.kind, name=name, id=own, not_ours=why_unread(error))
        why: str | None = None
        if path != PATH:
            why = f"its path is {path}, and not {PATH}"
        elif own is None:
            why = "its name is none that a rehearsal gives"
        else:
            strangers = (
                user
                for user, where in self._members(name)
                if (id_in_name(user), where) != (own, PATH)
            )
            if (stranger := next(strangers, None)) is not None:
                why = f"{stranger} is in it, who is no user of this rehearsal"
        return Found(kind=self.kind, name=name, id=own, not_ours=why)

    def _members(self, group: str) -> Sequence[tuple[str, str]]:
        """The names and paths of who is in a group."""
        with suppress(NotFound), aws_errors_translated():
            pages = self._iam.get_paginator("get_group").paginate(GroupName=group)
            return [(user["UserName"], user["Path"]) for page in pages for user in page["Users"]]
        return ()
