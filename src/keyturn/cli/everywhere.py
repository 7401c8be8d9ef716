"""The options that every command has, before its name and behind it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any, Final

from typer.core import TyperOption

from keyturn.cli.configured import Value
from keyturn.cli.streams import Manner
from keyturn.domain.errors import InvalidValue

EVERYWHERE: Final = "Every command"


class LogFormat(StrEnum):
    """How what is said beside the answer is written."""

    TEXT = "text"
    JSON = "json"


@cache
def everywhere() -> tuple[TyperOption, ...]:
    """Make them, once: a parser knows an option by its identity."""
    return (
        _option("--config", "Read this settings file, and no other.", metavar="FILE"),
        _flag("--no-config", "Read no settings file, and no KEYTURN_ variable."),
        _flag("--quiet -q", "No progress and no remarks: warnings and errors stay."),
        _flag("--no-color", "No colours, as with NO_COLOR."),
        _option(
            "--log-format",
            "How progress, remarks, warnings and errors are written on stderr.",
            metavar="text|json",
        ),
        _flag("--debug", "Say each call to AWS, and where an error comes from; never a secret."),
    )


def _flag(names: str, help_: str) -> TyperOption:
    return TyperOption(
        param_decls=names.split(),
        is_flag=True,
        default=False,
        expose_value=False,
        help=help_,
        rich_help_panel=EVERYWHERE,
    )


def _option(names: str, help_: str, metavar: str) -> TyperOption:
    return TyperOption(
        param_decls=names.split(),
        expose_value=False,
        metavar=metavar,
        help=help_,
        rich_help_panel=EVERYWHERE,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Everywhere:
    """What was given of them."""

    config: str | None = None
    no_config: bool = False
    manner: Manner = field(default_factory=Manner)

    @classmethod
    def read(cls, given: Mapping[str, Any], form_by: Value | None = None) -> "Everywhere":
        """
        Read what was given, by the options' names; form_by: what else than an option gave a form.

        Raises InvalidValue for a value that is none of theirs.
        """
        config, form = given.get("config"), given.get("log-format") or LogFormat.TEXT
        if config is not None and not config.strip():
            raise InvalidValue("--config", "", "must not be empty")
        if config is not None and given.get("no-config"):
            raise InvalidValue("--config", config, "goes without --no-config")
        if form not in set(LogFormat):
            where = form_by.name_for("log-format") if form_by else "--log-format"
            raise InvalidValue(where, form, f"must be one of {', '.join(LogFormat)}")
        manner = Manner(
            quiet=bool(given.get("quiet")),
            is_plain=bool(given.get("no-color")),
            is_json=form == LogFormat.JSON,
            debugs=bool(given.get("debug")),
        )
        return cls(config=config, no_config=bool(given.get("no-config")), manner=manner)


def glanced_at(args: Iterable[str], before: Manner) -> Manner:
    """How to complain of a command line that cannot be read: by what can be read of it."""
    line = " ".join(args).replace("=", " ")
    return before._replace(is_json=before.is_json or "--log-format json" in line)
