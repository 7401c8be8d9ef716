"""
AWS's limits, held against every call that a test sends: a pytest plugin.

botocore knows them from AWS's own models, but checks only types, what is required and the least
of a length; the local AWS checks little more. So a value that AWS would refuse (a percentage of
101, a word that is none of an enumeration, a name with a comma) is refused here, too, before it
is sent, and the test fails by botocore's ParamValidationError. A test that sends such a value
on purpose does so within `without_limits`.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest
from botocore.exceptions import ParamValidationError
from botocore.model import Shape
from botocore.validate import ParamValidator, ValidationErrors

COUNTED = {"integer", "long", "float", "double"}
MEASURED = {"string", "blob", "list", "map"}

_off: list[bool] = []


@contextmanager
def without_limits() -> Iterator[None]:
    """Send what AWS would refuse."""
    _off.append(True)
    try:
        yield
    finally:
        _off.pop()


def beyond(shape: Any, value: Any, name: str = "") -> Iterator[str]:  # noqa: ANN401 -- botocore's, and of any form
    """Say in which members a value breaks the limits of its shape."""
    if value is None:
        return
    limits: Mapping[str, Any] = shape.metadata
    kind = shape.type_name
    if kind in COUNTED | MEASURED and not hasattr(value, "read"):
        size = value if kind in COUNTED else len(value)
        if "min" in limits and size < limits["min"]:
            yield f"{name}={value!r}: less than {limits['min']}"
        if "max" in limits and size > limits["max"]:
            yield f"{name}={value!r}: more than {limits['max']}"
    if kind == "string" and "enum" in limits and value not in limits["enum"]:
        yield f"{name}={value!r}: none of {', '.join(limits['enum'])}"
    if kind == "string" and (pattern := _pattern(limits.get("pattern"))):
        if not pattern.fullmatch(value):
            yield f"{name}={value!r}: does not match {pattern.pattern}"
    match kind:
        case "structure":
            for member, each in value.items():
                if member in shape.members:
                    yield from beyond(shape.members[member], each, f"{name}.{member}")
        case "list":
            for number, each in enumerate(value):
                yield from beyond(shape.member, each, f"{name}[{number}]")
        case "map":
            for key, each in value.items():
                yield from beyond(shape.key, key, f"{name}.{key}")
                yield from beyond(shape.value, each, f"{name}[{key}]")


@cache
def _pattern(pattern: str | None) -> "re.Pattern[str] | None":
    """Compile a pattern; Python knows some of Java's classes by other names, and a few not at all."""
    if pattern is None:
        return None
    for java, ours in (
        (r"\p{L}\p{Z}\p{N}", r"\w\s"),
        (r"\p{L}\p{M}\p{Z}\p{N}", r"\w\s"),
        (r"\p{ASCII}", r"\x00-\x7f"),
    ):
        pattern = pattern.replace(java, ours)
    try:
        return re.compile(pattern, re.DOTALL)
    except re.error:
        return None


def pytest_configure(config: pytest.Config) -> None:
    """Let botocore check what its models say."""
    before = ParamValidator.validate

    def validate(self: ParamValidator, params: object, shape: Shape) -> ValidationErrors:
        errors = before(self, params, shape)
        broken = [] if _off or errors.has_errors() else list(beyond(shape, params))
        if broken:
            raise ParamValidationError(report="; ".join(broken))
        return errors

    patch = pytest.MonkeyPatch()
    patch.setattr(ParamValidator, "validate", validate)
    config.add_cleanup(patch.undo)
