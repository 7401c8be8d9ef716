"""What AWS answers, in our words."""

import traceback
from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from keyturn.adapters.aws_errors import (
    UNANSWERED,
    aws_errors_translated,
    definite,
    note_unanswered,
)
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

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # pragma: allowlist secret


def an_answer(code: str, status: int | None = 400, message: str = "because") -> ClientError:
    metadata = {} if status is None else {"HTTPStatusCode": status}
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata},  # type: ignore[typeddict-item] # botocore sends no more either
        "PutThing",
    )


def translated(error: Exception) -> PortError:
    with pytest.raises(PortError) as raised, aws_errors_translated():
        raise error
    return raised.value


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("NoSuchEntity", 404, NotFound),
        ("ResourceNotFoundException", 400, NotFound),
        ("NoSuchKey", 404, NotFound),
        ("404", 404, NotFound),
        ("EntityAlreadyExists", 409, AlreadyThere),
        ("ResourceExistsException", 400, AlreadyThere),
        ("PreconditionFailed", 412, AlreadyThere),
        ("412", 412, AlreadyThere),
        ("ConditionalRequestConflict", 409, AlreadyThere),
        ("LimitExceeded", 409, KeyLimitReached),
        ("AccessDenied", 403, Denied),
        ("AccessDeniedException", 400, Denied),
        ("UnauthorizedOperation", 403, Denied),
        ("ExpiredToken", 400, Denied),
        ("403", 403, Denied),
        ("SignatureDoesNotMatch", 403, Denied),
        ("Throttling", 400, Throttled),
        ("ThrottlingException", 400, Throttled),
        ("TooManyRequestsException", 400, Throttled),
        ("RequestLimitExceeded", 503, Throttled),
        ("SlowDown", 503, Throttled),
        ("Whatever", 429, Throttled),
        ("EntityTemporarilyUnmodifiable", 409, Throttled),
        ("ServiceUnavailable", 503, Unavailable),
        ("InternalFailure", 500, Unavailable),
        ("RequestTimeout", 400, Unavailable),
        ("NeverHeardOf", None, Unavailable),
        ("503", None, Unavailable),
        ("404", None, NotFound),
        ("ValidationError", 400, Refused),
        ("LimitExceededException", 400, Refused),
        ("DeleteConflict", 409, Refused),
        ("PermanentRedirect", 301, Refused),
    ],
)
def test_a_code_has_one_meaning(code: str, status: int | None, kind: type[PortError]) -> None:
    error = translated(an_answer(code, status))

    assert type(error) is kind
    assert str(error) == f"PutThing: {code}: because"
    assert isinstance(error.__cause__, ClientError)


@pytest.mark.parametrize(
    ("answer", "error", "unanswered"),
    [
        (None, ReadTimeoutError(endpoint_url="x"), True),
        ({"ResponseMetadata": {"HTTPStatusCode": 503}}, None, True),
        (
            {"ResponseMetadata": {"HTTPStatusCode": 400}, "Error": {"Code": "RequestTimeout"}},
            None,
            True,
        ),
        (
            {"ResponseMetadata": {"HTTPStatusCode": 400}, "Error": {"Code": "Throttling"}},
            None,
            False,
        ),
        (
            {"ResponseMetadata": {"HTTPStatusCode": 403}, "Error": {"Code": "AccessDenied"}},
            None,
            False,
        ),
    ],
)
def test_an_answer_says_whether_an_attempt_before_it_was_left_without_one(
    answer: dict[str, Any] | None, error: Exception | None, *, unanswered: bool
) -> None:
    context: dict[str, Any] = {}
    last: dict[str, Any] = {}

    note_unanswered(answer, error, context)
    note_unanswered(last, None, context)

    assert answer is None or answer["ResponseMetadata"][UNANSWERED] is False
    assert last["ResponseMetadata"][UNANSWERED] is unanswered


def test_throttling_stays_throttling_when_the_retries_are_used_up() -> None:
    answer = an_answer("Throttling", 400)
    answer.response["ResponseMetadata"]["RetryAttempts"] = 4

    assert type(translated(answer)) is Throttled


def test_a_service_can_use_a_code_in_its_own_way() -> None:
    with pytest.raises(Throttled), aws_errors_translated({"LimitExceededException": Throttled}):
        raise an_answer("LimitExceededException")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ReadTimeoutError(endpoint_url="https://iam.example"), Unavailable),
        (ConnectTimeoutError(endpoint_url="https://iam.example"), Unavailable),
        (EndpointConnectionError(endpoint_url="https://iam.example"), Unavailable),
        (NoCredentialsError(), Denied),
        (ParamValidationError(report="it must be a string"), Refused),
    ],
)
def test_no_answer_means_that_nobody_knows_unless_nothing_was_sent(
    error: BotoCoreError, kind: type[PortError]
) -> None:
    assert type(translated(error)) is kind


@pytest.mark.parametrize(
    "error",
    [
        an_answer("ValidationException", message=f"Value '{SECRET}' at 'secretString' is wrong"),
        ParamValidationError(report=f"Invalid type for parameter SecretString, value: {SECRET}"),
        ResponseParserError(f"Unable to parse response: <SecretAccessKey>{SECRET}"),
    ],
)
def test_a_secret_in_an_error_ends_there(error: Exception) -> None:
    shown = "".join(traceback.format_exception(translated(error)))

    assert SECRET not in shown


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (
            "<!doctype html>\n<html lang=en>\n<title>500 Internal\n Server Error</title>\n<h1>Oh",
            "a web page in the place of an answer (500 Internal Server Error)",
        ),
        ("<HTML><body>" + 9000 * "x", "a web page, no answer"),
        ("Value <none> is not valid", "Value <none> is not valid"),
    ],
)
def test_a_web_page_in_the_place_of_an_answer_is_told_in_a_few_words(page: str, said: str) -> None:
    error = translated(an_answer("500", 500, page))

    assert str(error) == f"PutThing: 500: {said}"
    assert isinstance(error, Unavailable)


def test_what_is_not_of_aws_passes() -> None:
    with pytest.raises(ZeroDivisionError), aws_errors_translated():
        raise ZeroDivisionError


def test_nothing_wrong_is_nothing_raised() -> None:
    with aws_errors_translated():
        pass


def test_a_page_that_is_not_of_aws_does_not_say_that_a_thing_is_missing() -> None:
    assert type(translated(an_answer("Unknown", 404))) is Unavailable


@pytest.mark.parametrize(
    ("code", "noted", "kind"),
    [
        ("AccessDenied", {UNANSWERED: False}, Denied),
        ("AccessDenied", {UNANSWERED: True}, Unavailable),
        ("AccessDenied", {}, Unavailable),
        ("Throttling", {UNANSWERED: False}, Throttled),
        ("Throttling", {UNANSWERED: True}, Unavailable),
    ],
)
def test_a_refusal_counts_only_if_no_attempt_before_it_is_unanswered(
    code: str, noted: dict[str, bool], kind: type[PortError]
) -> None:
    answer = an_answer(code, 403)
    answer.response["ResponseMetadata"].update(noted)  # type: ignore[typeddict-item]  # one of its fields

    with pytest.raises(kind), definite(), aws_errors_translated():
        raise answer
