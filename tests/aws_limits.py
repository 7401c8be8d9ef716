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
from botocore.validate import ParamValidator

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
    if value is None or hasattr(value, "read"):
        return
    for why in _broken(shape.type_name, shape.metadata, value):
        yield f"{name}={value!r}: {why}"
    match shape.type_name:
        case "structure":
            for member in value.keys() & shape.members.keys():
                yield from beyond(shape.members[member], value[member], f"{name}.{member}")
        case "list":
            for number, each in enumerate(value):
                yield from beyond(shape.member, each, f"{name}[{number}]")
        case "map":
            for key, each in value.items():
                yield from beyond(shape.key, key, f"{name}.{key}")
                yield from beyond(shape.value, each, f"{name}[{key}]")


def _broken(kind: str, limits: Mapping[str, Any], value: Any) -> Iterator[str]:  # noqa: ANN401 -- as above
    """Say what is wrong with one value, and not with what it holds."""
    if kind in COUNTED | MEASURED:
        size = value if kind in COUNTED else len(value)
        if size < limits.get("min", size):
            yield f"less than {limits['min']}"
        if size > limits.get("max", size):
            yield f"more than {limits['max']}"
    if kind == "string":
        if value not in limits.get("enum", [value]):
            yield f"none of {', '.join(limits['enum'])}"
        pattern = _pattern(limits.get("pattern"))
        if pattern and not pattern.fullmatch(value):
            yield f"does not match {pattern.pattern}"


@cache
def _pattern(pattern: str | None) -> "re.Pattern[str] | None":
    """Compile a pattern; Python has other names for some of Java's classes, or none at all."""
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

    def validate(self: ParamValidator, params: Mapping[str, Any], shape: Shape) -> Any:  # noqa: ANN401 -- botocore has no types
        errors = before(self, params, shape)
        broken = [] if _off or errors.has_errors() else list(beyond(shape, params))
        if broken:
            raise ParamValidationError(report="; ".join(broken))
        return errors

    patch = pytest.MonkeyPatch()
    patch.setattr(ParamValidator, "validate", validate)
    config.add_cleanup(patch.undo)
