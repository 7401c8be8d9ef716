"""The secrets of one account, as Secrets Manager lists them; values are in no list."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import PortError, Unavailable
from keyturn.ports import Clock, ListedSecret

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_secretsmanager.type_defs import ListSecretsRequestTypeDef

MOST_PAGES: Final = 100
"""Of a hundred secrets each: twice as many as an account's 5,000 users can need."""

LONGEST_LIST: Final = timedelta(seconds=60)
"""After so long no further page is asked for: whoever waits for the list has work to do."""


class SecretsManagerList:
    """
    Meets `ports.SecretList`.

    Whoever may create secrets in the account decides how long its list is, and so how long it
    takes. So it has an end: PortError is raised where it is too long, or holds what no list holds.
    """

    def __init__(self, secrets: "SecretsManagerClient", clock: Clock) -> None:
        self._secrets = secrets
        self._clock = clock

    def named(self, prefix: str) -> Iterator[ListedSecret]:
        """The secrets whose names begin so, a call for each hundred; PortError for no end."""
        for page in self._pages(prefix):
            for secret in page:
                listed = _listed(secret)
                # AWS's filter knows no case.
                if listed.name.startswith(prefix):
                    yield listed

    def _pages(self, prefix: str) -> Iterator[Sequence[Mapping[str, Any]]]:
        request: ListSecretsRequestTypeDef = {
            "IncludePlannedDeletion": True,
            "Filters": [{"Key": "name", "Values": [prefix]}],
        }
        begun, seen = self._clock(), set[str]()
        while True:
            with aws_errors_translated(), _odd_answers_named():
                page: Mapping[str, Any] = self._secrets.list_secrets(**request)
            if not isinstance(page.get("SecretList"), list):
                raise _odd("a page has no SecretList")
            yield page["SecretList"]
            token = page.get("NextToken")
            if not token:
                return
            if token in seen:
                raise _odd("a NextToken came twice")
            seen.add(token)
            if len(seen) >= MOST_PAGES:
                raise _odd(f"it has more than {MOST_PAGES} pages")
            if self._clock() - begun > LONGEST_LIST:
                raise _odd(f"it takes more than {LONGEST_LIST.total_seconds():.0f} s")
            request["NextToken"] = token


def _listed(secret: Mapping[str, Any]) -> ListedSecret:
    """Read an entry. Raises PortError where it is odd: the list is not whole then."""
    name = _text(secret, "Name", "an entry")
    where = f"the entry of {name}"
    with _odd_answers_named(where):
        return ListedSecret(
            name=name,
            arn=_text(secret, "ARN", where),
            tags={
                _text(tag, "Key", f"a tag in {where}"): _text(
                    tag, "Value", f"a tag in {where}", may_be_empty=True
                )
                for tag in secret.get("Tags", [])
            },
            versions={
                version: frozenset(_label(label, where) for label in labels)
                for version, labels in secret.get("SecretVersionsToStages", {}).items()
            },
            deleted=secret.get("DeletedDate"),
            last_read=_day(secret.get("LastAccessedDate")),
            created=secret.get("CreatedDate"),
            kms_key=secret.get("KmsKeyId"),
            primary=secret.get("PrimaryRegion"),
            rotates=secret.get("RotationEnabled", False),
            managed_by=secret.get("OwningService"),
        )


def _text(
    holder: Mapping[str, Any] | None, field: str, what: str, *, may_be_empty: bool = False
) -> str:
    found = (holder or {}).get(field)
    if not isinstance(found, str) or not (found or may_be_empty):
        raise _odd(f"{what} has no {field}")
    return found


def _label(label: object, where: str) -> str:
    if not isinstance(label, str) or not label:
        raise _odd(f"a version in {where} has a label that is no text")
    return label


@contextmanager
def _odd_answers_named(where: str = "an answer") -> Generator[None]:
    """Say of an answer that is built otherwise than botocore and we expect that it is odd."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise _odd(f"{where} cannot be read ({type(error).__name__})") from error


def _odd(what: str) -> PortError:
    return Unavailable(f"ListSecrets: {what}: it is not taken for whole")


def _day(moment: datetime | None) -> date | None:
    return moment.astimezone(UTC).date() if moment else None
