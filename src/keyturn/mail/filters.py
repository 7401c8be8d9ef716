"""What templates make of a value: dates and numbers in words, lines that are not broken."""

import re
import textwrap
from datetime import date, datetime
from typing import Final

from markupsafe import Markup, escape

from keyturn.domain.amounts import pluralize
from keyturn.domain.plain_text import visible

_MARKED: Final = re.compile("`([^`]*)`")
_OPTION: Final = re.compile(r"(?<= )(--[a-z-]+)")
_UNBROKEN: Final = r'<span class="whole">\1</span>'
_SHORT_CODE: Final = 40
"""Characters of a command that fits on a line of a telephone."""
_HARD_SPACE: Final = "\0"


def in_figures(number: int) -> str:
    """A number that is read at once: 12,345."""
    return f"{number:,}"


def how_many(number: int, thing: str, things: str | None = None) -> str:
    """Say how many of a thing: 1 key, 1,200 keys."""
    return f"{number:,} {things}" if things and number != 1 else pluralize(number, thing)


def full_day(day: date) -> str:
    """A date that nobody mistakes: Thursday 11 March 2027 (UTC)."""
    return f"{day:%A} {day.day} {day:%B %Y} (UTC)"


def short_day(day: date) -> str:
    """A date for a subject: 11 March."""
    return f"{day.day} {day:%B}"


def lower_first(text: str) -> str:
    """A heading, to go on behind a colon."""
    return text[:1].lower() + text[1:]


def ago(moment: date, now: datetime) -> str:
    """When something was, as of now: today, yesterday, on 3 February 2027 (UTC)."""
    day = moment.date() if isinstance(moment, datetime) else moment
    match (now.date() - day).days:
        case 0:
            return "today"
        case 1:
            return "yesterday"
        case _:
            return f"on {short_day(day)} {day:%Y}"


def wrapped(text: str, first: str = "") -> str:
    """Lines that every mail program shows whole; `what stands in such marks` is not broken."""
    kept = _MARKED.sub(lambda found: found[1].replace(" ", _HARD_SPACE), text)
    lines = textwrap.fill(
        kept,
        76,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines.replace(_HARD_SPACE, " ")


def marked(text: str) -> Markup:
    """The same for a page: `what stands in such marks` is code; all of it is escaped."""
    return markup(_MARKED.sub(_code, str(escape(text))))


def _code(found: re.Match[str]) -> str:
    if len(found[1]) <= _SHORT_CODE:
        return f'<code class="whole">{found[1]}</code>'
    return f"<code>{_OPTION.sub(_UNBROKEN, found[1])}</code>"


def command(text: str) -> Markup:
    """A command for a page, whose lines break before an option and never within."""
    return markup(_OPTION.sub(_UNBROKEN, str(escape(text))))


def seen_whole(value: object) -> object:
    """What a template puts in; no mark in it turns around or hides what follows."""
    if not isinstance(value, str):
        return value
    seen = "\n".join(map(visible, value.split("\n")))
    return markup(seen) if isinstance(value, Markup) else seen


def markup(escaped: str) -> Markup:
    """What is escaped already, for a page."""
    return Markup(escaped)  # noqa: S704 -- whoever calls has escaped it
