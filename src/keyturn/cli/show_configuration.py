"""`keyturn config show`: every value of a command, and where it comes from."""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import typer
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup, TyperOption

from keyturn.cli.allowed_keys import TYPED_ALONE, WRITES_FILES, options_of
from keyturn.cli.beside import Level, say
from keyturn.cli.configured import CONFIGURED, Configured, Value, in_its_words
from keyturn.cli.consoles import make_console
from keyturn.cli.everywhere import Everywhere, everywhere
from keyturn.cli.exit_codes import FAILED
from keyturn.cli.given import PARAMETER_OF_OPTION, in_options_words
from keyturn.cli.once import given_everywhere, settings_for, typed_options
from keyturn.cli.options import Findings
from keyturn.cli.tables import tidy
from keyturn.configuration import BY_NAME
from keyturn.domain.errors import InvalidValue, KeyturnError
from keyturn.domain.plain_text import shown
from keyturn.domain.tag_text import format_utc

VERSION: Final = 1
_FUNCTIONS: Final = "the deployed functions"
_NOT_SET: Final = "-"
_NOT_READ: Final = "not read"
_OF_THE_SDK: Final[Mapping[str, Sequence[str]]] = {
    "region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
    "profile": ("AWS_DEFAULT_PROFILE", "AWS_PROFILE"),
}
"""Option → the variables that AWS's SDK reads where it is not given, the first one first."""
_NOT_THE_SETTINGS: Final = frozenset({"HomeRegion", "IAMRoleName"})
"""Without these options it is the AWS configuration's region, and the operator's own account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An option, its value, and where that comes from."""

    option: str
    value: Value
    hidden: Sequence[Value] = ()
    """What else was given, and does not count."""
    is_read: bool = True
    """Whether its value could be read; it could not, if only the deployment knows it."""


def show_configuration(context: typer.Context, line: Sequence[str], form: Findings) -> int:
    """
    Show where the values of a command come from; it is not carried out.

    line: the command as it would be typed. A deployment that cannot be read hides its own values
    alone, and the exit code is 1. Raises InvalidValue where the line is no command.
    """
    command, below, words, args = _command(context, line)
    typed, rest, _ = typed_options(command, below, args)
    del rest
    before = given_everywhere(context)
    asked = Everywhere.read({**before, **typed})
    configured = settings_for(below, command, words, {**typed, **before}, asked)
    for each in configured.unknown:
        say(each, Level.WARNING)
    CONFIGURED.set(configured)
    options, why_not = options_of(command, everywhere()), None
    try:
        theirs = _deployed(configured, options) if _is_deployed(configured) else {}
    except KeyturnError as error:
        theirs, why_not = None, _why_not(error, configured)
    rows = list(_rows(configured, options, theirs))
    if form is Findings.JSON:
        sys.stdout.write(_as_json(words, configured, rows, why_not))
    else:
        _print(configured, rows, why_not)
    return FAILED if why_not else 0


def _command(
    context: typer.Context, line: Sequence[str]
) -> tuple[Any, Any, tuple[str, ...], list[str]]:
    """The command that a line names, a context for it, its words, and what stands behind them."""
    command: Any = context.find_root().command
    below: Any = context.find_root()
    words: tuple[str, ...] = ()
    left = list(line)
    while left and isinstance(command, TyperGroup) and left[0] in command.commands:
        command = command.commands[left[0]]
        words = (*words, left.pop(0))
        below = command.context_class(command, parent=below, info_name=words[-1])
    if not words or (isinstance(command, TyperGroup) and not command.invoke_without_command):
        given, known = " ".join(line), ", ".join(command.commands)
        raise InvalidValue("COMMAND", given, f"must be a command, of: {known}")
    return command, below, words, left


def _is_deployed(configured: Configured) -> bool:
    return "deployed" in configured.values and bool(configured.values["deployed"].given)


def _why_not(error: KeyturnError, configured: Configured) -> str:
    """Why the deployment was not read, and what chose the credentials if nobody typed it."""
    said = in_options_words(error) if isinstance(error, InvalidValue) else str(error)
    said = in_its_words(said)
    profile = configured.untyped.get("profile")
    if profile is None or profile.place in said:
        return said
    return f"{said} (--profile is given by {profile.place})"


def _rows(
    configured: Configured,
    options: Mapping[str, TyperOption],
    theirs: Mapping[str, Value] | None,
) -> Iterator[Row]:
    """
    What was given first, then what the deployment says, then what is the default.

    theirs: what the deployment says; None: it could not be read.
    """
    given = {**(theirs or {}), **configured.values}
    for name in sorted(given):
        ranked = [layer[name] for layer in configured.layers if name in layer]
        yield Row(
            option=name,
            value=given[name],
            hidden=[each for each in ranked if each is not given[name]],
        )
    for name, option in options.items():
        if name in given or name in TYPED_ALONE | WRITES_FILES:
            continue
        if theirs is None and str(option.name) in PARAMETER_OF_OPTION:
            unread = Value(given=None, source="deployment", place=_FUNCTIONS)
            yield Row(option=name, value=unread, is_read=False)
        else:
            yield Row(option=name, value=_where_nothing_is_given(name, option))


def _where_nothing_is_given(name: str, option: TyperOption) -> Value:
    for variable in _OF_THE_SDK.get(name, ()):
        if given := os.environ.get(variable):
            return Value(given=given, source="environment", place=variable)
    return Value(given=_default(option), source="default", place="-")


def _default(option: TyperOption) -> object:
    parameter = PARAMETER_OF_OPTION.get(str(option.name))
    is_settings = parameter is not None and parameter not in _NOT_THE_SETTINGS
    return BY_NAME[parameter].default if parameter and is_settings else option.default


def _deployed(configured: Configured, options: Mapping[str, TyperOption]) -> dict[str, Value]:
    """What the functions have set, for the options that stand for it."""
    from keyturn.cli.deployed import deployed_variables  # noqa: PLC0415 -- it loads the SDK

    where = {
        name: str(configured.values[name].given) if name in configured.values else None
        for name in ("profile", "region")
    }
    variables, _ = deployed_variables(where["profile"], where["region"])
    return {
        name: Value(given=variables[parameter], source="deployment", place=_FUNCTIONS)
        for name, option in options.items()
        if (parameter := PARAMETER_OF_OPTION.get(str(option.name))) in variables
        and parameter is not None
    }


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or _NOT_SET
    return _NOT_SET if value is None or value == "" else str(value)


def _print(configured: Configured, rows: Sequence[Row], why_not: str | None) -> None:
    console = make_console()
    for path, kind, is_there in configured.files:
        console.print(
            Text(shown(f"{kind}: {path}{'' if is_there else ' (not there)'}")), soft_wrap=True
        )
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("Option", "Value", "From"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        is_default = row.value.source == "default"
        style = "dim" if is_default else ""
        place = (
            row.value.source if row.value.place in {"-", f"--{row.option}"} else row.value.place
        )
        said = _said(row.value.given) if row.is_read else _NOT_READ
        table.add_row(f"--{row.option}", Text(shown(said)), Text(shown(place)), style=style)
        for each in row.hidden:
            hidden = f"{each.place}, which comes later"
            table.add_row("", Text(shown(_said(each.given))), Text(shown(hidden)), style="dim")
        if row.option == "deployed" and why_not:
            table.add_row("", f"{_NOT_READ}:", Text(shown(why_not)))
    with tidy(console):
        console.print(table)


def _as_json(
    words: Sequence[str], configured: Configured, rows: Sequence[Row], why_not: str | None
) -> str:
    document = {
        "version": VERSION,
        "generated_at": format_utc(datetime.now(tz=UTC)),
        "command": " ".join(words),
        "not_read": why_not,
        "files": [
            {"path": str(path), "how": kind, "read": is_there}
            for path, kind, is_there in configured.files
        ],
        "values": [
            {
                "option": f"--{row.option}",
                **_form(row.value),
                "hides": [_form(each) for each in row.hidden],
            }
            for row in rows
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _form(value: Value) -> dict[str, object]:
    given = value.given
    plain = isinstance(given, (bool, int, str, list)) or given is None
    return {
        "value": given if plain else _said(given),
        "source": value.source,
        "where": None if value.place == "-" else value.place,
    }
