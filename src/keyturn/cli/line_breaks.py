"""Long lines on a terminal: broken between words, and what follows is indented."""

import shutil
import sys
from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import Final

import typer

from keyturn.cli import beside
from keyturn.domain.plain_text import visible

LEAST: Final = 40
"""Columns: a narrower terminal breaks lines by itself."""
_INDENT: Final = 2


def say(lines: Iterable[str], *, err: bool = False) -> None:
    """Print lines, on a terminal as it is wide; else, for grep and files, each as one."""
    stream = sys.stderr if err else sys.stdout
    is_seen = stream.isatty() and not (err and beside.manner().is_json)
    width = shutil.get_terminal_size().columns if is_seen else None
    for line in lines:
        if err and width is None:  # programs are told of each as a whole
            beside.say(line, beside.Level.WARNING)
            continue
        for part in broken(visible(line), width):
            typer.echo(part, err=err)


def broken(line: str, width: int | None) -> Iterator[str]:
    """A line as it fits into so many columns; None: it is not broken. No word is, ever."""
    if width is None or len(line) <= width:
        yield line
        return
    indent = " " * (len(line) - len(line.lstrip()) + _INDENT)
    yield from wrap(
        line,
        max(width, LEAST),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
