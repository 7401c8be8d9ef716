"""
What is said beside the answer, on standard error: lines for people, or JSON for programs.

The manner is the whole process's, worker threads included: the stream that they write to keeps it.
Its form for programs: docs/cli.md, "Logs for programs".
"""

import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum

import typer

from keyturn.cli.streams import Enduring, Manner
from keyturn.domain.plain_text import shown
from keyturn.domain.tag_text import format_utc


class Level(StrEnum):
    """How much a line matters."""

    DEBUG = "debug"
    INFO = "info"
    """A remark, or how far the work is: --quiet leaves it out."""
    WARNING = "warning"
    ERROR = "error"


def speak(manner: Manner) -> None:
    """Speak so on standard error from now on."""
    stream = _stream()
    if stream is None:
        return
    sys.stderr.flush()
    stream.manner = manner
    stream.spell = spelled if manner.is_json else None


def manner() -> Manner:
    """How it is spoken now."""
    stream = _stream()
    return Manner() if stream is None else stream.manner


def is_plain() -> bool:
    """Whether nothing is coloured: by option, or as https://no-color.org has it."""
    return manner().is_plain or os.environ.get("NO_COLOR", "") != ""


def is_said(level: Level) -> bool:
    """Whether lines of this level are said at all."""
    now = manner()
    match level:
        case Level.DEBUG:
            return now.debugs
        case Level.INFO:
            return not now.quiet
        case Level.WARNING | Level.ERROR:
            return True


def shows_progress() -> bool:
    """Whether a bar may move: somebody sits there, and wants to see it."""
    now = manner()
    return sys.stderr.isatty() and not (now.quiet or now.is_json)


def say(line: str, level: Level = Level.INFO, facts: Mapping[str, str] | None = None) -> None:
    """Say one line; facts: what programs are told besides."""
    if not is_said(level):
        return
    stream = _stream()
    if stream is not None and stream.spell is not None:
        sys.stderr.flush()
        stream.write_as_it_is(as_json(shown(line), level, facts))
    else:
        typer.echo(f"{'debug: ' if level is Level.DEBUG else ''}{shown(line)}", err=True)


def spelled(line: str) -> bytes:
    """A line of somebody who knows nothing of levels: of a library, or a table that is shown."""
    return as_json(shown(line), Level.INFO, None) if line.strip() else b""


def as_json(message: str, level: Level, facts: Mapping[str, str] | None) -> bytes:
    """One line for programs, in ASCII: it is read in any encoding."""
    entry = {"time": format_utc(datetime.now(tz=UTC)), "level": level, "message": message}
    return (json.dumps(entry | ({"facts": dict(facts)} if facts else {})) + "\n").encode()


def _stream() -> Enduring | None:
    stream = getattr(sys.stderr, "buffer", None)
    return stream if isinstance(stream, Enduring) else None
