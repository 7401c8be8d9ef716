"""What rehearsals left in IAM: users under one path, and groups."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import NotFound
from keyturn.rehearsal.model.own import ID_TAG, PATH, id_in_name, why_not_ours
from keyturn.rehearsal.ports import Found

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


class UsersLeft:
    """Meets `rehearsal.ports.Leftovers`: the users under our path, with their keys."""

    kind = "user"

    def __init__(self, iam: "IAMClient") -> None:
        self._iam = iam

    def ours(self) -> Mapping[str, str]:
        """The users that are surely a rehearsal's: name → `UserId`."""
        return {
            name: user_id
            for name, (path, user_id) in self._listed().items()
            if (tags := self._tags(name)) is not None and why_not_ours(name, path, tags) is None
        }

    def look(self, made: Iterable[str]) -> Sequence[Found]:
        """All users under the path, and those that were asked for and no list shows yet."""
        there = {name: path for name, (path, _) in self._listed().items()}
        for name in set(made) - there.keys():
            with suppress(NotFound), aws_errors_translated():
                there[name] = self._iam.get_user(UserName=name)["User"]["Path"]
        return [
            Found(
                kind=self.kind,
                name=name,
                id=id_in_name(name),
                not_ours=why_not_ours(name, path, tags),
                marks={key: value for key, value in tags.items() if key.startswith(ID_TAG)},
            )
            for name, path in sorted(there.items())
            if (tags := self._tags(name)) is not None
        ]

    def remove(self, found: Found) -> None:
        """Take away the keys, the places in groups of ours, and the user."""
        name = found.name
        for key in self._keys(name):
            with suppress(NotFound), aws_errors_translated():
                self._iam.delete_access_key(UserName=name, AccessKeyId=key)
        for group in self._groups(name):
            if id_in_name(group) == found.id:
                with suppress(NotFound), aws_errors_translated():
                    self._iam.remove_user_from_group(UserName=name, GroupName=group)
        with suppress(NotFound), aws_errors_translated():
            self._iam.delete_user(UserName=name)

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

    def _tags(self, user: str) -> Mapping[str, str] | None:
        """The user's tags; None: the list was late, and the user is gone."""
        with suppress(NotFound), aws_errors_translated():
            pages = self._iam.get_paginator("list_user_tags").paginate(UserName=user)
            return {each["Key"]: each["Value"] for page in pages for each in page["Tags"]}
        return None

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
