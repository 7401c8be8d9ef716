"""What probes work with: AWS, names of their own, and a clock."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar

from botocore.exceptions import ClientError

from keyturn.rehearsal.model.own import PATH, RehearsalId
from keyturn.rehearsal.model.verdict import Different, NotTried

PATIENCE: Final = 60.0
"""Seconds: so long a probe waits for what AWS shows late."""
_PAUSES: Final = (0.5, 1.0, 2.0, 3.0, 5.0)
"""Seconds between two looks; the last one again and again."""

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An access key of a throw-away user."""

    user: str
    key_id: str
    created: datetime
    told_at: datetime | None
    """When AWS answered, by the Date of its answer."""
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """
    Where probes work.

    All that a probe makes has a name of the rehearsal's, users its path and its tags: by that the
    clean-up finds it. No probe cleans up itself, so that there is one way to do it. Secrets get
    their tags from the guard, as those do that the engine makes.
    """

    client: Callable[[str], Any]
    """Makes the client of a service, in the account of the rehearsal."""
    as_key: Callable[[str, str, str], Any]
    """The same with an access key: service, key id, secret access key."""
    id: RehearsalId
    tags: Mapping[str, str]
    """The marks of whatever is made."""
    clock: Callable[[], datetime]
    """This machine's time, UTC."""
    seconds: Callable[[], float]
    """A clock that only measures."""
    sleep: Callable[[float], None]
    bucket: str | None = None
    seal_key: str | None = None
    """Id, ARN or alias of the KMS key of the seals."""
    message_wait: int = 2
    """Seconds that a call waits for a message in a queue."""

    @property
    def tag_list(self) -> list[dict[str, str]]:
        """The tags of whatever is made, as IAM and EventBridge take them."""
        return [{"Key": key, "Value": value} for key, value in self.tags.items()]

    def named(self, what: str) -> str:
        """A name of the rehearsal's own."""
        return self.id.name(what)

    def make_user(self, what: str) -> str:
        """Make a user without any right; its name comes back."""
        name = self.named(what)
        self.client("iam").create_user(UserName=name, Path=PATH, Tags=self.tag_list)
        return name

    def make_key(self, user: str) -> Key:
        """Make an access key of a user."""
        answer = self.client("iam").create_access_key(UserName=user)
        made = answer["AccessKey"]
        return Key(
            user=user,
            key_id=made["AccessKeyId"],
            created=made["CreateDate"],
            told_at=_date(answer),
            secret=made["SecretAccessKey"],
        )

    def make_secret(self, what: str, **more: object) -> str:
        """Make a secret, without a value unless one is given; its ARN comes back."""
        answer = self.client("secretsmanager").create_secret(Name=self.named(what), **more)
        return str(answer["ARN"])

    def until(self, look: Callable[[], Found | None]) -> tuple[Found | None, float]:
        """
        Look until there is something to see; and the seconds that it took.

        For a minute at most, by the clock or by the pauses together, whichever is over first: a
        clock that stands still must not make it ask without end.
        """
        begun, pauses = self.seconds(), iter(_PAUSES)
        pause = slept = 0.0
        while True:
            found = look()
            passed = max(self.seconds() - begun, slept)
            if found is not None or passed >= PATIENCE:
                return found, passed
            pause = next(pauses, pause)
            self.sleep(pause)
            slept += pause

    def works(self, key: Key) -> float | None:
        """Wait until AWS knows a key; the seconds, None: it does not within a minute."""
        sts = self.as_key("sts", key.key_id, key.secret)
        known, passed = self.until(
            lambda: None if why_unknown(sts.get_caller_identity) is not None else True
        )
        return passed if known else None

    def await_works(self, key: Key) -> float:
        """Wait until AWS knows a new key; the seconds. Raises NotTried where that never comes."""
        passed = self.works(key)
        if passed is None:
            raise NotTried(f"a new key does not work after {PATIENCE:.0f} s")
        return passed


def code_of(error: ClientError) -> str:
    """The code by which AWS refused."""
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


def why_unknown(call: Callable[[], object]) -> str | None:
    """The code by which AWS says that it knows no such key as signs a call; None: it does."""
    try:
        call()
    except ClientError as error:
        if code_of(error) in UNKNOWN_KEY:
            return code_of(error)
        raise
    return None


UNKNOWN_KEY: Final = frozenset(
    {"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"}
)
"""What AWS's services say of a key that they do not know, or that is Inactive."""


def refusal(call: Callable[[], object], codes: Sequence[str], what: str) -> str:
    """
    Say by which of the expected codes AWS refuses a call.

    Raises Different where it takes the call (`what` names it), or refuses it by another code.
    """
    try:
        call()
    except ClientError as error:
        if code_of(error) in codes:
            return code_of(error)
        raise
    raise Different(f"{what} was not refused")


def expect(holds: bool, seen: str) -> None:  # noqa: FBT001 -- reads as a sentence
    """Let pass what is so. Raises Different, with what was seen instead, where it is not."""
    if not holds:
        raise Different(seen)


def date_of(answer: Mapping[str, Any]) -> datetime:
    """When AWS answered, by its own clock. Raises Different where the answer has no Date."""
    told_at = _date(answer)
    if told_at is None:
        raise Different("the answer has no Date")
    return told_at


def _date(answer: Mapping[str, Any]) -> datetime | None:
    header = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return None if header is None else parsedate_to_datetime(header)


def off_by(first: datetime, second: datetime) -> float:
    """How far two times are apart, in seconds."""
    return abs((first - second).total_seconds())
