"""
What --debug says: each call to AWS and its answer, and where an error comes from.

It says what is named here, and nothing else (decision 0095). botocore's own log at this level
repeats credentials, signatures, and the answer that holds a new secret access key.
"""

import logging
import re
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from threading import local
from traceback import StackSummary, extract_tb
from typing import Any, Final

import botocore
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from keyturn.cli.beside import Level, say
from keyturn.domain.errors import KeyturnError

_LONGEST: Final = 200
"""Characters of a value that are repeated."""
_NOT_SHOWN: Final = "(not shown)"
_SECRETS: Final = re.compile(
    r"secret(?!id$|name$)|password|token|credential|signature|mac$|external.?id$", re.IGNORECASE
)
"""Names of parameters that are never repeated, whatever AWS's model says of them."""
_PAIRS: Final = {"ParameterValue": "ParameterKey", "Value": "Key"}
"""Members that hold a value → those beside them that hold its name."""
_LIKE_A_SECRET: Final = re.compile(
    r"(?<![\w/+=-])(?=[a-z0-9/+]*[A-Z])(?=[A-Z0-9/+]*[a-z])(?=[A-Za-z/+]*\d)"
    r"[A-Za-z0-9/+]{40,}={0,2}(?![\w/+=-])"
)
"""As long as a secret access key, or longer, and as mixed; the path of a file is not."""
_ALSO_HEARD: Final = {"botocore.credentials": logging.INFO, "botocore.retries": logging.DEBUG}
"""Loggers of the SDK that name no value: where credentials were found, why it tries again."""


@contextmanager
def listening() -> Generator[None]:
    """Hear of the calls of every session that is made from now on."""
    handler = _Heard()
    before = {name: logging.getLogger(name).level for name in _ALSO_HEARD}
    for name, level in _ALSO_HEARD.items():
        logging.getLogger(name).addHandler(handler)
        logging.getLogger(name).setLevel(level)
    botocore.register_initializer(_hear)
    try:
        yield
    finally:
        botocore.unregister_initializer(_hear)
        for name, level in before.items():
            logging.getLogger(name).removeHandler(handler)
            logging.getLogger(name).setLevel(level)


def say_where_from(error: BaseException) -> None:
    """
    Say the lines of code that an error came through, and those of what caused it.

    A message is repeated only where it is ours or AWS's: another could hold anything.
    """
    for line in _trace(error):
        debug(line)


def debug(line: str) -> None:
    """Say a line, without whatever looks like a secret."""
    say(_LIKE_A_SECRET.sub(_NOT_SHOWN, line), Level.DEBUG)


def _trace(error: BaseException) -> Iterator[str]:
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _trace(cause)
    known = isinstance(error, (KeyturnError, BotoCoreError, ClientError))
    known = known and not isinstance(error, ParamValidationError)  # it repeats values
    yield f"{type(error).__name__}{f': {error}' if known else ''}"
    stack: StackSummary = extract_tb(error.__traceback__)
    for frame in stack:
        yield f"at {frame.filename}:{frame.lineno} in {frame.name}: {frame.line}"


class _Heard(logging.Handler):
    """Passes on what the SDK says of itself."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say it as a line of ours."""
        debug(f"{record.name}: {record.getMessage()}")


_UNDER_WAY = local()
"""When this thread's call was sent: seconds of a clock that only goes on."""


def _hear(session: Any) -> None:  # noqa: ANN401 -- botocore has no types
    session.register("before-parameter-build", _asked)
    session.register("before-send", _sent)
    session.register("response-received", _answered)


def _asked(params: Mapping[str, Any], model: Any, **_: Any) -> None:  # noqa: ANN401 -- as above
    shape = model.input_shape
    members = shape.members if shape is not None else {}
    said = " ".join(f"{name}={_value(name, params[name], members.get(name))}" for name in params)
    debug(f"{_name(model)} {said}".rstrip())


def _sent(request: Any, **_: Any) -> None:  # noqa: ANN401 -- as above
    _UNDER_WAY.since = time.monotonic()
    place = str(request.url).partition("?")[0]  # behind it a signature may stand
    debug(f"> {request.method} {place}")


def _answered(
    response_dict: Any,  # noqa: ANN401 -- as above
    parsed_response: Any,  # noqa: ANN401 -- as above
    exception: Any,  # noqa: ANN401 -- as above
    **_: Any,  # noqa: ANN401 -- as above
) -> None:
    took = round((time.monotonic() - getattr(_UNDER_WAY, "since", time.monotonic())) * 1000)
    if exception is not None:
        debug(f"< {type(exception).__name__}, {took} ms")
        return
    answer = parsed_response or {}
    about = answer.get("ResponseMetadata", {})
    parts = [
        str(about.get("HTTPStatusCode", (response_dict or {}).get("status_code"))),
        f"request {about.get('RequestId', '-')}",
        f"{took} ms",
    ]
    if "Error" in answer:
        error = answer["Error"]
        parts.append(f"{error.get('Code')}: {error.get('Message')}")
    else:
        parts += [f"{name}: {_size(value)}" for name, value in _members(answer)]
    debug(f"< {', '.join(parts)}")


def _members(answer: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((name, value) for name, value in answer.items() if name != "ResponseMetadata")


def _size(value: object) -> str:
    """How much was answered: what, is never said."""
    return str(len(value)) if isinstance(value, (list, dict, str, bytes)) else "1"


def _name(model: Any) -> str:  # noqa: ANN401 -- as above
    return f"{model.service_model.service_name}:{model.name}"


def _value(name: str, value: object, shape: Any) -> str:  # noqa: ANN401 -- as above
    """A parameter as it may be shown."""
    if _SECRETS.search(name) or (shape is not None and shape.metadata.get("sensitive")):
        return _NOT_SHOWN
    if isinstance(value, Mapping):
        members = getattr(shape, "members", None) or {}
        of = {each: members.get(each, getattr(shape, "value", None)) for each in value}
        names = {each: str(value.get(_PAIRS.get(str(each), ""), each)) for each in value}
        pairs = (f"{each}={_value(names[each], value[each], of[each])}" for each in value)
        return f"{{{' '.join(pairs)}}}"
    if isinstance(value, (list, tuple)):
        member = getattr(shape, "member", None)
        return f"[{' '.join(_value('', each, member) for each in value)}]"
    if isinstance(value, (str, int, float, bool)) and len(str(value)) <= _LONGEST:
        return repr(value) if isinstance(value, str) else str(value)
    return f"({len(value):,} long)" if isinstance(value, (str, bytes)) else "(a stream)"
