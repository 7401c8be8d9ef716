"""What Rich prints on: the terminal as it is, or a text without any colour."""

from collections.abc import Mapping
from typing import TextIO

from rich.console import Console
from rich.text import Text

from keyturn.cli.beside import Level, is_plain, is_said, manner, say
from keyturn.domain.plain_text import shown

_STYLES = {Level.WARNING: "yellow", Level.ERROR: "red"}


def make_console(*, stderr: bool = False, highlight: bool = True) -> Console:
    """What stands behind standard output, or standard error."""
    colourless = is_plain() or (stderr and manner().is_json)
    return Console(stderr=stderr, highlight=highlight, color_system=None if colourless else "auto")


def text_console(text: TextIO, width: int) -> Console:
    """What a table is written into a text on: no FORCE_COLOR may reach a file."""
    return Console(file=text, width=width, color_system=None, force_terminal=False)


def say_on(
    err: Console,
    line: str,
    level: Level = Level.INFO,
    facts: Mapping[str, str] | None = None,
) -> None:
    """Say a line above the bar that this console may be showing."""
    if manner().is_json or not is_said(level):
        say(line, level, facts)
    else:
        err.print(Text(shown(line), style=_STYLES.get(level, "")), soft_wrap=True)
