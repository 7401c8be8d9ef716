"""What AWS and botocore answer, in our own words; every adapter of AWS speaks through this."""

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
)
from botocore.parsers import ResponseParserError

from keyturn.domain.errors import (
    AlreadyThere,
    Denied,
    KeyLimitReached,
    NotFound,
    PortError,
    Refused,
    Throttled,
    Unavailable,
)

UNANSWERED: Final = "KeyturnUnanswered"
"""In an answer's ResponseMetadata: an earlier attempt of the call was left without one."""

Meanings = Mapping[str, type[PortError]]

_GAVE_UP: Final = ("RequestTimeout", "RequestTimeoutException")
_TOO_FAST: Final = ("RequestLimitExceeded", "SlowDown")
_BY_CODE: Final[Meanings] = {
    "NoSuchEntity": NotFound,
    "NoSuchKey": NotFound,
    "NotFoundException": NotFound,
    "ResourceNotFoundException": NotFound,
    "AccountNotFoundException": NotFound,
    "OrganizationalUnitNotFoundException": NotFound,
    "ParentNotFoundException": NotFound,
    "EntityAlreadyExists": AlreadyThere,
    "ResourceExistsException": AlreadyThere,
    "PreconditionFailed": AlreadyThere,
    # S3: another conditional write of the same object is under way.
    "ConditionalRequestConflict": AlreadyThere,
    "LimitExceeded": KeyLimitReached,
    "AccessDenied": Denied,
    "AccessDeniedException": Denied,
    "UnauthorizedOperation": Denied,
    "AuthFailure": Denied,
    "ExpiredToken": Denied,
    "ExpiredTokenException": Denied,
    "InvalidClientTokenId": Denied,
    "UnrecognizedClientException": Denied,
    **dict.fromkeys(_TOO_FAST, Throttled),
    # No for now, and nothing was changed; but not because of how fast we ask.
    "PriorRequestNotComplete": Throttled,
    "ConcurrentModification": Throttled,
    "EntityTemporarilyUnmodifiable": Throttled,
    # A 4xx by its number, but the server may have acted before it gave up.
    **dict.fromkeys(_GAVE_UP, Unavailable),
}
_THROTTLES = ("Throttl", "TooManyRequests", "RequestThrottl")
_BY_STATUS: Final[Mapping[int, type[PortError]]] = {
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.PRECONDITION_FAILED: AlreadyThere,
    HTTPStatus.UNAUTHORIZED: Denied,
    HTTPStatus.FORBIDDEN: Denied,
    HTTPStatus.TOO_MANY_REQUESTS: Throttled,
    HTTPStatus.REQUEST_TIMEOUT: Unavailable,
}
_NEVER_SENT: Final[Mapping[type[BotoCoreError], type[PortError]]] = {
    NoCredentialsError: Denied,
    PartialCredentialsError: Denied,
    NoRegionError: Refused,
    ParamValidationError: Refused,
}
_NOTHING: Final[Meanings] = MappingProxyType({})

# The shape of a secret access key; a validation error of AWS repeats what it was given.
_SECRET = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")


@contextmanager
def aws_errors_translated(meanings: Meanings = _NOTHING) -> Generator[None]:
    """
    Raise what went wrong as one of our own errors: "operation: code: message".

    meanings: AWS's code → what it means here, where a service uses codes in its own way. An error
    whose own words could hold a secret is not chained, for a log prints the whole chain.
    Raises a PortError, of the kind that fits: Unavailable where nobody can say what happened.
    """
    try:
        yield
    except ClientError as error:
        answer = error.response.get("Error", {})
        code = answer.get("Code", "Unknown")
        message = answer.get("Message", "")
        shown = _SECRET.sub("***", message)
        cause = error if shown == message else None
        kind = meanings.get(code) or _meaning(error, code)
        told_briefly = (error.operation_name, code, _without_page(shown))
        raise kind(": ".join(filter(None, told_briefly))) from cause
    except ParamValidationError as error:
        # Its report repeats the value that was wrong.
        kind = _NEVER_SENT[ParamValidationError]
        raise kind(f"{type(error).__name__}: the call does not fit the service's model") from None
    except BotoCoreError as error:
        kind = _NEVER_SENT.get(type(error), Unavailable)
        raise kind(f"{type(error).__name__}: {error}") from error
    except ResponseParserError:
        # It holds the whole answer, and CreateAccessKey's is the secret.
        raise Unavailable("ResponseParserError: the answer could not be read") from None


def _without_page(message: str) -> str:
    """A message; of a web page, which a proxy or a broken server sends, its title alone."""
    if not _PAGE.search(message):
        return message
    title = _TITLE.search(message)
    said = " ".join(title[1].split()) if title else ""
    return f"a web page in the place of an answer ({said})" if said else "a web page, no answer"


_PAGE = re.compile(r"<(!doctype|html|head|body)\b", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>([^<]{1,200})", re.IGNORECASE)


def note_unanswered(
    parsed_response: dict[str, Any] | None,
    exception: Exception | None,
    context: dict[str, Any],
    **_: object,
) -> None:
    """Say in each answer whether AWS may have heard an earlier attempt that it did not answer."""
    answer = {} if parsed_response is None else parsed_response.setdefault("ResponseMetadata", {})
    answer[UNANSWERED] = context.get(UNANSWERED, False)
    code = (parsed_response or {}).get("Error", {}).get("Code")
    is_lost = answer.get("HTTPStatusCode", 0) >= HTTPStatus.INTERNAL_SERVER_ERROR
    if exception is not None or is_lost or code in _GAVE_UP:
        context[UNANSWERED] = True


def is_throttled(parsed_response: Mapping[str, Any]) -> bool:
    """Whether AWS answered that it is asked too fast, and did nothing."""
    code = str(parsed_response.get("Error", {}).get("Code", ""))
    status = parsed_response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return (
        code in _TOO_FAST or code.startswith(_THROTTLES) or status == HTTPStatus.TOO_MANY_REQUESTS
    )


@contextmanager
def definite() -> Generator[None]:
    """
    Take a refusal for one only if no attempt before it was left without an answer.

    What the SDK retried may have been heard the first time: a client of `clients.client` tells.
    Goes around `aws_errors_translated`. Raises Unavailable in the place of such a refusal.
    Source: decision 0020.
    """
    try:
        yield
    except (Refused, Throttled) as refusal:
        if may_have_been_heard(refusal):
            raise Unavailable(str(refusal)) from refusal
        raise


def may_have_been_heard(error: PortError) -> bool:
    """Whether AWS may have heard an attempt before the one that it answered with this error."""
    answer = error.__cause__
    if not isinstance(answer, ClientError):
        return True
    return bool(answer.response.get("ResponseMetadata", {}).get(UNANSWERED, True))


def _meaning(error: ClientError, code: str) -> type[PortError]:
    """What a code means; an unknown one by its status, and without one nobody knows."""
    if code in _BY_CODE:
        return _BY_CODE[code]
    if code.startswith(_THROTTLES):
        return Throttled
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if status is None and code.isdigit():  # HEAD has no body, so its code is the status
        status = int(code)
    if status is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unavailable
    if status == HTTPStatus.NOT_FOUND and code != "404":
        return Unavailable  # a proxy's page, not AWS's word that something is not there
    return _BY_STATUS.get(status, Refused)
