"""
Our CloudFormation templates, as far as a deployment must know them before it asks AWS.

PyYAML reads them: it is compiled code, but nothing of a deployment is in the functions' zips.
Every scalar stays the text that the template has, as CloudFormation takes it: "010" is no octal
number, and "yes" is a word.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from keyturn.domain.errors import InvalidValue

try:  # libyaml's parser, five times as fast, where PyYAML was built with it
    from yaml import CBaseLoader as BaseLoader
except ImportError:
    from yaml import BaseLoader  # type: ignore[assignment] # the same, in Python


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateParameter:
    """A parameter of a template, with the template's own rules for it."""

    name: str
    default: str | None = None
    """None: it has to be given."""
    pattern: str | None = None
    allowed: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    longest: int | None = None
    """Characters."""
    is_number: bool = False
    rule: str = ""
    """What it must be, in words."""

    def check(self, value: str) -> None:
        """
        Check a value as CloudFormation would, before it is asked.

        Raises InvalidValue, with the template's own words for its rule, where it does not fit.
        """
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
    """Seconds."""
    memory: int
    """MB."""
    zip: str
    """The file's name in the folder of the zips."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Variable of the environment → the parameter or resource that it refers to."""
    reserved: str = ""
    """The parameter that says how much concurrency is kept for it; empty if none does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A template: its text, and what is read out of it."""

    body: str = field(repr=False)
    parameters: Mapping[str, TemplateParameter]
    """Name → its rules."""
    functions: tuple[DeclaredFunction, ...] = ()

    @classmethod
    def read(cls, body: str) -> "Template":
        """Read a template of ours; of a text that is none, nothing is found."""
        tree = _mapping(_tree(body))
        return cls(
            body=body,
            parameters={
                name: _parameter(name, declared)
                for name, declared in _mapping(tree.get("Parameters")).items()
            },
            functions=tuple(
                _function(_mapping(resource.get("Properties")))
                for resource in map(_mapping, _mapping(tree.get("Resources")).values())
                if resource.get("Type") == "AWS::Lambda::Function"
            ),
        )


def _parameter(name: str, declared: Mapping[str, Any]) -> TemplateParameter:
    def number(key: str) -> int | None:
        return int(declared[key]) if key in declared else None

    return TemplateParameter(
        name=name,
        default=declared.get("Default"),
        pattern=declared.get("AllowedPattern"),
        allowed=tuple(declared.get("AllowedValues", ())),
        least=number("MinValue"),
        most=number("MaxValue"),
        longest=number("MaxLength"),
        is_number=declared.get("Type") == "Number",
        rule=declared.get("ConstraintDescription", ""),
    )


def _function(properties: Mapping[str, Any]) -> DeclaredFunction:
    variables = _mapping(_mapping(properties.get("Environment")).get("Variables"))
    return DeclaredFunction(
        name=properties["FunctionName"],
        runtime=properties["Runtime"],
        handler=properties["Handler"],
        timeout=int(properties["Timeout"]),
        memory=int(properties["MemorySize"]),
        zip=_text(_mapping(properties["Code"])["S3Key"]).rpartition("/")[2],
        variables={name: _reference_in(each) or _text(each) for name, each in variables.items()},
        reserved=_reference_in(properties.get("ReservedConcurrentExecutions")),
    )


def _reference_in(value: object) -> str:
    """The first parameter or resource that a value refers to; empty if it refers to none."""
    match value:
        case {"Ref": str(name)}:
            return name
        case {**inner} if inner:
            return _first_reference(inner.values())
        case [*items]:
            return _first_reference(items)
    return ""


def _first_reference(values: Iterable[object]) -> str:
    return next(filter(None, map(_reference_in, values)), "")


def _text(value: object) -> str:
    """A scalar, be it behind a function like Fn::Sub; of what is none, nothing."""
    match value:
        case str(text) | {"Fn::Sub": str(text)}:
            return text
    return ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


class _Loader(BaseLoader):
    """Makes no objects: mappings, lists and texts are all that comes out."""


def _long_form(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    """What `!Name value` is short for: `Fn::Name: value`, and `!Ref` for `Ref`."""
    name = tag if tag == "Ref" else f"Fn::{tag}"
    match node:
        case yaml.MappingNode():
            return {name: loader.construct_mapping(node, deep=True)}
        case yaml.SequenceNode():
            return {name: loader.construct_sequence(node, deep=True)}
    return {name: node.value}


_Loader.add_multi_constructor("!", _long_form)


def _tree(text: str) -> object:
    try:
        return yaml.load(text, _Loader)  # noqa: S506 -- it makes no objects
    except yaml.YAMLError:
        return None
