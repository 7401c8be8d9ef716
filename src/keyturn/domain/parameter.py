"""
What an operator can set: each parameter is described once, as metadata of the field that holds it.

From this description come the rule by which a value is read (settings.py) and the option of the
command line (cli/options.py); tests hold the templates and docs/settings.md to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any


class Unit(StrEnum):
    """What a number counts."""

    DAYS = "days"
    KEYS = "keys"
    PERCENT = "percent"
    USERS = "users"
    FUNCTIONS = "functions"


class Topic(StrEnum):
    """The panel of the help in which the option stands."""

    ACCOUNTS = "Which accounts and users"
    POLICY = "Policy"
    NOTICES = "Notices and receipts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a text must look like."""

    pattern: str
    """Of the whole text."""
    rule: str
    """The same in words: "must be …"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A CloudFormation parameter, what it takes, and its option on the command line."""

    name: str
    """As CloudFormation, the functions' environment and every message spell it."""
    default: object = None
    option: str | None = None
    """None: the command line has none."""
    help: str = ""
    """What the option does; {default} stands for the default as an operator would type it."""
    metavar: str | None = None
    """What the help shows for the option's value; None: it is a flag."""
    topic: Topic = Topic.POLICY
    unit: Unit | None = None
    least: int | None = None
    most: int | None = None
    shape: Shape | None = None
    repeatable: bool = False
    """Whether its option is: the parameter takes several values, with commas."""

    @property
    def spelled_default(self) -> str:
        """The default as an operator would type it; "off" for a period that is not set."""
        match self.default:
            case None if self.unit is Unit.DAYS:
                return "off"
            case bool():
                return str(self.default).lower()
            case tuple():
                return ",".join(map(str, self.default))
            case _:
                return "" if self.default is None else str(self.default)

    @property
    def help_text(self) -> str:
        """What the option does, with its default."""
        return self.help.format(default=self.spelled_default)

    def broken_by(self, number: int) -> str | None:
        """The limit that the number breaks, in words; None: it keeps both."""
        too_small = self.least is not None and number < self.least
        if not too_small and (self.most is None or number <= self.most):
            return None
        if self.unit is Unit.DAYS:
            limit = f"least {self.least}" if too_small else f"most {self.most}"
            return f"must be at {limit} day{'' if limit == 'least 1' else 's'}"
        if self.most is None:
            return f"must be at least {self.least}"
        return f"must be from {self.least} to {self.most}"


def setting(*, default: Any, **described: Any) -> Any:  # noqa: ANN401 -- as dataclasses.field, which it stands for
    """Return a field with this default, and with its Parameter as metadata."""
    return field(default=default, metadata={"parameter": Parameter(default=default, **described)})


def parameters_of(settings: type) -> Mapping[str, Parameter]:
    """Field → its Parameter, in the fields' order; of fields that have one."""
    return {
        each.name: each.metadata["parameter"]
        for each in fields(settings)
        if "parameter" in each.metadata
    }
