"""
Our CloudFormation templates, as far as a deployment must know them before it asks AWS.

Only what our own templates are written in is understood: mappings by indentation, scalars,
lists in brackets, folded text. A parser of all YAML would be compiled code, or slow, and one
more dependency; a test holds this one to PyYAML's reading of every template.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from keyturn.domain.errors import InvalidValue

_LINE = re.compile(r"(?P<key>[\w:.-]+):(?: +(?P<value>.*))?")
_FOLDED = {">", ">-", "|", "|-"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of a template, with the template's own rules for it."""

    name: str
    default: str | None = None
    """None: it has to be given."""
    pattern: str | None = None
    allowed: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    longest: int | None = None
    is_number: bool = False
    rule: str = ""
    """What it must be, in words."""

    def check(self, value: str) -> None:
        """Refuse a value that CloudFormation would refuse."""
        if not self._fits(value):
            raise InvalidValue(self.name, value, self.rule or self._in_words())

    def _fits(self, value: str) -> bool:
        if self.allowed and value not in self.allowed:
            return False
        # ASCII, as Java's \w and \d are, which CloudFormation matches with.
        if self.pattern and not re.fullmatch(self.pattern, value, re.ASCII):
            return False
        if self.longest is not None and len(value) > self.longest:
            return False
        if self.is_number:
            if not re.fullmatch(r"-?\d+", value, re.ASCII):
                return False
            number = int(value)
            return (self.least is None or number >= self.least) and (
                self.most is None or number <= self.most
            )
        return True

    def _in_words(self) -> str:
        if self.allowed:
            return f"must be one of {', '.join(self.allowed)}"
        if self.least is not None and self.most is not None:
            return f"must be a whole number from {self.least:.0f} to {self.most:.0f}"
        return "is not what the template allows"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredFunction:
    """A Lambda function as a template declares it."""

    name: str
    runtime: str
    handler: str
    timeout: int
    memory: int
    zip: str
    """The file's name in the folder of the zips."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """The parameter or resource that each variable of the environment refers to."""
    reserved: str = ""
    """The parameter that says how much concurrency is kept for it; empty if none does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A template: its text, and what is read out of it."""

    body: str = field(repr=False)
    parameters: Mapping[str, Parameter]
    functions: tuple[DeclaredFunction, ...] = ()

    @classmethod
    def read(cls, body: str) -> "Template":
        """Read a template of ours; of a text that is none, nothing is found."""
        tree = _tree(body)
        return cls(
            body=body,
            parameters={
                name: _parameter(name, told)
                for name, told in _mapping(tree.get("Parameters")).items()
            },
            functions=tuple(
                _function(_mapping(told.get("Properties")))
                for told in map(_mapping, _mapping(tree.get("Resources")).values())
                if told.get("Type") == "AWS::Lambda::Function"
            ),
        )


def _parameter(name: str, told: Mapping[str, Any]) -> Parameter:
    def number(key: str) -> int | None:
        return int(told[key]) if key in told else None

    return Parameter(
        name=name,
        default=told.get("Default"),
        pattern=told.get("AllowedPattern"),
        allowed=told.get("AllowedValues", ()),
        least=number("MinValue"),
        most=number("MaxValue"),
        longest=number("MaxLength"),
        is_number=told.get("Type") == "Number",
        rule=told.get("ConstraintDescription", ""),
    )


def _function(told: Mapping[str, Any]) -> DeclaredFunction:
    variables = _mapping(_mapping(told.get("Environment")).get("Variables"))
    return DeclaredFunction(
        name=told["FunctionName"],
        runtime=told["Runtime"],
        handler=told["Handler"],
        timeout=int(told["Timeout"]),
        memory=int(told["MemorySize"]),
        zip=_mapping(told["Code"])["S3Key"].rpartition("/")[2].strip("'"),
        variables={name: each.removeprefix("!Ref ") for name, each in variables.items()},
        reserved=_reference_in(told.get("ReservedConcurrentExecutions", "")),
    )


def _reference_in(value: str) -> str:
    """The first parameter that a value refers to."""
    found = re.search(r"!Ref (\w+)", value)
    return found[1] if found else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _tree(text: str) -> dict[str, Any]:
    """The mappings of a template, nested as they are indented; the items of lists are left out."""
    root: dict[str, Any] = {}
    within: list[tuple[int, dict[str, Any]]] = [(-1, root)]
    folded: int | None = None
    for line in text.splitlines():
        bare = line.strip()
        indent = len(line) - len(line.lstrip())
        if not bare or bare.startswith("#") or (folded is not None and indent > folded):
            continue
        folded = None
        found = _LINE.fullmatch(bare)
        if found is None:
            continue
        while indent <= within[-1][0]:
            within.pop()
        key, value = found["key"], found["value"]
        if value in _FOLDED:
            folded = indent
        elif value:
            within[-1][1][key] = _scalar(value)
        else:
            deeper: dict[str, Any] = {}
            within[-1][1][key] = deeper
            within.append((indent, deeper))
    return root


def _scalar(text: str) -> str | tuple[str, ...]:
    if text.startswith("[") and text.endswith("]"):
        return tuple(_unquoted(each.strip()) for each in text[1:-1].split(","))
    return _unquoted(text)


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    return text
