"""What explains a command: its --help, and the pages for `man`, which are made of the same."""

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final, cast

import typer
from typer.core import TyperCommand, TyperGroup

from keyturn.cli.result_file import refusing, result_file
from keyturn.domain.amounts import pluralize
from keyturn.domain.errors import InvalidValue
from keyturn.domain.plain_text import shown

_COMMON: Final = "OPTIONS"
_EXIT_CODES: Final = (
    ("0", "Done."),
    ("1", "An account or user failed, or you said no, or as it says above."),
    ("2", "Wrong usage, or a setting that is refused. Nothing was written."),
    ("3", "`keyturn plan --exit-code` alone: something is due."),
    ("130", "Interrupted."),
)
# What roff would take for something else: a hyphen that is searched for must be one, too.
_ROFF: Final = str.maketrans(
    {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"}
)
_WORDS_TYPED: Final = re.compile(r"`([^`]+)`")


def explain_command(context: typer.Context, words: Sequence[str]) -> None:
    """Print what --help of a command prints. Raises InvalidValue where there is none."""
    about = _root(context)
    for word in words:
        below = _below(about)
        if word not in below:
            rule = f"must be one of {', '.join(below)}" if below else "has no commands below it"
            raise InvalidValue("COMMAND", word if below else about.info_name or "", rule)
        about = _context(below[word], word, about)
    typer.echo(about.get_help())


def write_manual_pages(context: typer.Context, given: str) -> None:
    """Write a page for each command. Raises InvalidValue where the folder cannot be written to."""
    folder = Path(given)
    if not given.strip() or (folder.exists() and not folder.is_dir()):
        raise InvalidValue("--man", given, "must be a folder")
    pages = dict(_manual_pages(context))
    with refusing(folder, option="--man"):
        folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        with result_file(folder / name, option="--man") as write:
            write(text)
    typer.echo(f"Wrote {pluralize(len(pages), 'page')} into {shown(folder)}: man keyturn")


def _manual_pages(context: typer.Context) -> Iterator[tuple[str, str]]:
    """Each page: its file's name, such as keyturn-plan.1, and its text for roff."""
    for words, about in _commands(_root(context)):
        yield f"{'-'.join(words)}.1", "\n".join(_page(words, about)) + "\n"


def _commands(context: typer.Context) -> Iterator[tuple[tuple[str, ...], typer.Context]]:
    """The command of a context and all below it, each by its words."""
    yield tuple(context.command_path.split()), context
    for name, command in _below(context).items():
        yield from _commands(_context(command, name, context))


def _root(context: typer.Context) -> typer.Context:
    return cast("typer.Context", context.find_root())


def _context(command: TyperCommand, name: str, parent: typer.Context) -> typer.Context:
    made = command.make_context(name, [], parent=parent, resilient_parsing=True)
    return cast("typer.Context", made)


def _below(context: typer.Context) -> Mapping[str, TyperCommand]:
    command: Any = context.command
    found = command.commands if isinstance(command, TyperGroup) else {}
    return cast("Mapping[str, TyperCommand]", found)


def _page(words: tuple[str, ...], context: typer.Context) -> Iterator[str]:
    title = "-".join(words)
    first, *rest = (context.command.help or "").strip().split("\n\n")
    yield f'.TH "{_escaped(title.upper())}" 1 "" "Keyturn {_escaped(_version())}" "Keyturn"'
    yield from (".nh", ".ad l")  # no word is broken: a name of AWS's would be another one
    yield ".SH NAME"
    yield f"{_escaped(title)} \\- {_escaped(_one_line(first))}"
    yield ".SH SYNOPSIS"
    usage = " ".join(context.command.collect_usage_pieces(context))
    yield f"\\fB{_escaped(' '.join(words))}\\fR {_escaped(usage)}".rstrip()
    yield ".SH DESCRIPTION"
    for number, paragraph in enumerate((first, *rest)):
        if number:
            yield ".PP"
        yield _text(paragraph)
    yield from _options(context)
    if below := _below(context):
        yield ".SH COMMANDS"
        for name, command in below.items():
            yield from _item(name, _one_line((command.help or "").split("\n\n")[0]))
    yield ".SH EXIT STATUS"
    for code, meaning in _EXIT_CODES:
        yield from _item(code, meaning)
    yield ".SH SEE ALSO"
    yield from _see_also(words, context)


def _options(context: typer.Context) -> Iterator[str]:
    """The options, by the headings that they have in --help."""
    shown = [
        (getattr(each, "rich_help_panel", None), record)
        for each in context.command.get_params(context)
        if (record := each.get_help_record(context)) is not None
    ]
    headings = dict.fromkeys(heading for heading, _ in shown)
    for heading in sorted(headings, key=lambda each: each is None):  # what has none comes last
        yield f'.SH "{_escaped(str(heading or _COMMON)).upper()}"'
        for names, about in (record for under, record in shown if under == heading):
            yield from _item(names, about)


def _see_also(words: tuple[str, ...], context: typer.Context) -> Iterator[str]:
    others = [
        *([words[:-1]] if len(words) > 1 else []),
        *((*words, each) for each in _below(context)),
    ]
    named = ", ".join(f"\\fB{_escaped('-'.join(each))}\\fR(1)" for each in others)
    if named:
        yield named
        yield ".PP"
    yield "The manual: docs/ of Keyturn's repository."


def _item(name: str, about: str) -> Iterator[str]:
    yield ".TP"
    yield f"\\fB{_escaped(name)}\\fR"
    yield _text(about)


def _text(text: str) -> str:
    """A paragraph; what is typed stands out."""
    parts = _WORDS_TYPED.split(_one_line(text))
    line = "".join(
        f"\\fB{_escaped(part)}\\fR" if number % 2 else _escaped(part)
        for number, part in enumerate(parts)
    )
    return f"\\&{line}" if line.startswith((".", "'")) else line


def _escaped(text: str) -> str:
    escaped = text.translate(_ROFF)
    return "".join(each if each.isascii() else f"\\[u{ord(each):04X}]" for each in escaped)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _version() -> str:
    return metadata.version("keyturn")
