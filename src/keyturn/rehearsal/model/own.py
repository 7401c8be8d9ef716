"""
What is a rehearsal's own: its id, the one IAM path, the names, the tags.

Names and tags are input of whoever can write them. So a thing counts as a rehearsal's own only if
its place, its name and its tags say so in one voice; all else is left, and named.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from keyturn.domain.errors import InvalidValue
from keyturn.domain.secret_names import USER_ID_TAG, owner_of_secret, secret_name
from keyturn.domain.tag_text import format_utc, moment

PATH: Final = "/keyturn-rehearsal/"
"""The IAM path of every user and group that a rehearsal makes."""
PREFIX: Final = "keyturn-rehearsal-"
"""How the name of everything begins that a rehearsal makes; then comes its id."""
FOLDER: Final = "keyturn-rehearsal"
"""The folder in the bucket that is given; in it each rehearsal has a folder of its id."""

ID_TAG: Final = "keyturn-rehearsal"
BY_TAG: Final = "keyturn-rehearsal-by"
EXPIRES_TAG: Final = "keyturn-rehearsal-expires"
BUCKET_TAG: Final = "keyturn-rehearsal-bucket"
"""Where its objects are: whoever cleans up has to name that bucket, too."""
REGION_TAG: Final = "keyturn-rehearsal-region"
"""Where its secrets, queues and buses are: IAM shows its users in every region."""

LIFETIME: Final = timedelta(hours=2)
"""After it what is left is nobody's work any more; a rehearsal takes minutes."""

_NOT_IN_A_TAG = re.compile(r"[^\w .:/=+@-]", re.ASCII)
"""A role's session may have a comma in its name; the value of a tag may not."""
_ID = re.compile(r"[0-9a-f]{8}", re.ASCII)
_NAME = re.compile(rf"{PREFIX}(?P<id>[0-9a-f]{{8}})(?:-[^/]{{1,30}})?", re.ASCII)
_SECRET_ARN = re.compile(
    r"arn:[a-z-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:(.+)-[A-Za-z0-9]{6}"
)


@dataclass(frozen=True, slots=True)
class RehearsalId:
    """The id of one rehearsal: eight hex digits. Raises InvalidValue for anything else."""

    text: str

    def __post_init__(self) -> None:
        """Refuse what could not be told from a part of a name."""
        if not _ID.fullmatch(self.text):
            raise InvalidValue("rehearsal", self.text, "must be eight hex digits, in lower case")

    def __str__(self) -> str:
        """As it stands in names."""
        return self.text

    def name(self, what: str = "") -> str:
        """The name of something that it makes; what: tells several of a kind apart."""
        return f"{PREFIX}{self.text}" + (f"-{what}" if what else "")

    @property
    def folder(self) -> str:
        """Its folder in the bucket."""
        return f"{FOLDER}/{self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Who made it, until when it is somebody's work, and where the rest of it is."""

    id: RehearsalId
    by: str
    """The ARN of who made it."""
    expires: datetime
    """UTC."""
    region: str
    bucket: str | None = None
    """None: it stores no object."""

    @classmethod
    def of(
        cls,
        rehearsal: RehearsalId,
        *,
        by: str,
        now: datetime,
        region: str,
        bucket: str | None = None,
    ) -> "Marks":
        """The marks of a rehearsal that begins now, UTC."""
        return cls(id=rehearsal, by=by, expires=now + LIFETIME, region=region, bucket=bucket)

    def tags(self) -> dict[str, str]:
        """As tags: name → value."""
        tags = {
            ID_TAG: self.id.text,
            BY_TAG: _as_value(self.by),
            EXPIRES_TAG: format_utc(self.expires.astimezone(UTC)),
            REGION_TAG: self.region,
        }
        return tags if self.bucket is None else {**tags, BUCKET_TAG: self.bucket}


def _as_value(by: str) -> str:
    """An ARN as the value of a tag."""
    return _NOT_IN_A_TAG.sub("_", by)[:256]


def is_anothers_work(marks: Mapping[str, str], *, caller: str, at: datetime) -> bool:
    """
    Whether a rehearsal with these tags may be under way, and is not this caller's.

    at: UTC. A time that no rehearsal writes counts as none: nobody's tag keeps it for ever.
    """
    until = moment(marks.get(EXPIRES_TAG, ""))
    is_theirs = marks.get(BY_TAG, _as_value(caller)) != _as_value(caller)
    return is_theirs and until is not None and at < until <= at + LIFETIME


def id_in_name(name: str) -> RehearsalId | None:
    """The rehearsal whose name this is, by its form; None: it is none's."""
    found = _NAME.fullmatch(name)
    return RehearsalId(found["id"]) if found else None


def is_named_for(name: object, ids: Iterable[RehearsalId]) -> bool:
    """Whether a name is that of something that one of these rehearsals makes."""
    return isinstance(name, str) and id_in_name(name) in set(ids)


def why_not_ours(name: str, path: str, tags: Mapping[str, str]) -> str | None:
    """Why a user under our path is none of a rehearsal's; None: it is one."""
    found = id_in_name(name)
    if path != PATH:
        return f"its path is {path}, and not {PATH}"
    if found is None:
        return f"its name is none that a rehearsal gives ({PREFIX} and eight hex digits)"
    if tags.get(ID_TAG) != found.text:
        return f"it has no tag {ID_TAG} with the value {found}"
    return None


def secret_of(account: str, user: str) -> str:
    """The name of the secret that Keyturn makes for a user of ours."""
    return secret_name(account, user)


def secret_prefix(account: str) -> str:
    """How the names of all such secrets of an account begin."""
    begin, _, _ = secret_name(account, PREFIX).rpartition("_AccessKey")
    return begin


def id_in_folder(name: str) -> RehearsalId | None:
    """The rehearsal whose folder in a bucket this is; None: it is none's."""
    folder, _, text = name.partition("/")
    return RehearsalId(text) if folder == FOLDER and _ID.fullmatch(text) else None


def user_of_secret(name: str) -> str | None:
    """The rehearsal's user whose secret Keyturn calls so; None: it is none of such a user's."""
    try:
        _, user = owner_of_secret(name)
    except InvalidValue:
        return None
    return user if id_in_name(user) is not None else None


def name_in_secret(secret: object) -> str | None:
    """
    The rehearsal's own name in a secret's name or ARN; None: it has none.

    Keyturn's own secret of a rehearsal's user, or one that a probe makes.
    """
    if not isinstance(secret, str):
        return None
    in_arn = _SECRET_ARN.fullmatch(secret)
    name = in_arn[1] if in_arn else secret
    return name if id_in_name(name) is not None else user_of_secret(name)


def why_secret_not_ours(
    name: str, tags: Mapping[str, str], users: Mapping[str, str | None]
) -> str | None:
    """
    Why a secret is none of a rehearsal's; None: it is one.

    Args:
        name: the secret's.
        tags: name → value.
        users: who there is, of those that secrets are named for → `UserId`; None: somebody who is
            not surely ours.

    """
    own = name_in_secret(name)
    if own is None:
        return "its name is none that a rehearsal gives"
    if user_of_secret(name) is not None and users.get(own, "") is None:
        return f"the user {own} is not surely a rehearsal's"
    # A deployed function knows no tag of ours, but names the user; and a real user's secret stays
    # theirs, whoever puts our tag on it.
    if USER_ID_TAG in tags:
        is_ours = users.get(own) == tags[USER_ID_TAG]
        return None if is_ours else f"its tag {USER_ID_TAG} names no user of a rehearsal"
    rehearsal = id_in_name(own)
    if rehearsal is not None and tags.get(ID_TAG) == rehearsal.text:
        return None
    return f"it has neither the tag {ID_TAG} nor the UserId of a rehearsal's user"
