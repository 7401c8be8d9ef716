"""
Change an exemptions file as a person would: one entry, and every other character stays.

The text is edited and not written anew, so comments and order are kept. What comes out is read
again by the file's own reader, and given back only if it says what was meant and nothing else.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Final

from keyturn.domain.errors import OrderNotDone
from keyturn.domain.exemptions_file import ExemptionEntry, ExemptionsFile
from keyturn.schemas.exemptions_file import (
    LISTED,
    EntryField,
    found_in,
    read_exemptions_file,
)
from keyturn.schemas.owners_text import FoundRule

NEW: Final = f"""\
# Until when each user of the exemption group is exempt, and why. It exempts nobody by itself.
version: 1
{LISTED}: []
"""
"""A file without entries, for whoever has none."""
_EMPTY: Final = re.compile(rf"^{LISTED}:[ \t]*(\[[ \t]*\])?(?=[ \t]*(#.*)?$)", re.MULTILINE)
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./@+=-]*( [A-Za-z0-9_./@+=-]+)*")
"""Text that YAML takes for what it is without quotes."""
_WORDS_OF_YAML: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


def with_entry(file: ExemptionsFile, entry: ExemptionEntry) -> str:
    """
    The file with one entry more, behind the last.

    Raises OrderNotDone where the user has one, or the file cannot be edited safely.
    """
    refuse_broken(file)
    if (before := file.entry_of(entry.account, entry.user)) is not None:
        message = f"{entry.user} has an entry already, in line {before.line}: extend or end it"
        raise OrderNotDone(f"nothing was changed: {message}")
    found = found_in(file.text)
    text = _behind(file.text, found[-1], entry) if found else _first(file.text, entry)
    return _checked(file, text, (*file.entries, entry))


def with_expiry(file: ExemptionsFile, entry: ExemptionEntry, expiry: date) -> str:
    """
    The file with another end of one of its entries.

    Raises OrderNotDone where the file cannot be edited safely.
    """
    refuse_broken(file)
    [found] = (each for each in found_in(file.text) if each.line == entry.line)
    begins, ends = found.values[EntryField.EXPIRY].span or (0, 0)
    text = file.text[:begins] + expiry.isoformat() + file.text[ends:]
    wanted = tuple(
        replace(each, expiry=expiry) if each == entry else each for each in file.entries
    )
    return _checked(file, text, wanted)


def refuse_broken(file: ExemptionsFile) -> None:
    """Raises OrderNotDone where something of the file was left out: an edit might lose it."""
    if not file.is_whole:
        broken = next(each for each in file.problems if not each.is_warning)
        message = f"nothing was changed: {file.place} is broken ({broken}): mend it first"
        raise OrderNotDone(message)


def _first(text: str, entry: ExemptionEntry) -> str:
    lines = _lines(entry, "")
    return _EMPTY.sub(lambda _: f"{LISTED}:\n{lines}".rstrip("\n"), text, count=1)


def _behind(text: str, last: FoundRule, entry: ExemptionEntry) -> str:
    begins = text.splitlines()[last.line - 1]
    indent = begins[: len(begins) - len(begins.lstrip())]
    end = max(value.span[1] for value in last.values.values() if value.span is not None)
    # The rest of its last line, where a comment may stand, is the last entry's. A text of several
    # lines ends behind its line feed.
    if end and text[end - 1] != "\n":
        line_feed = text.find("\n", end)
        end = len(text) if line_feed < 0 else line_feed + 1
    before = text[:end] if text[:end].endswith("\n") else f"{text[:end]}\n"
    return before + _lines(entry, indent) + text[end:]


def _lines(entry: ExemptionEntry, indent: str) -> str:
    values: Mapping[EntryField, str] = {
        EntryField.ACCOUNT: json.dumps(entry.account),
        EntryField.USER: _spelt(entry.user),
        EntryField.TICKET: _spelt(entry.ticket),
        EntryField.OWNER: _spelt(entry.owner),
        EntryField.REASON: _spelt(entry.reason),
        **({EntryField.SINCE: entry.since.isoformat()} if entry.since else {}),
        EntryField.EXPIRY: entry.expiry.isoformat(),
    }
    lines = [f"{name}: {value}" for name, value in values.items()]
    return "".join(
        f"{indent}{'  ' if number else '- '}{line}\n" for number, line in enumerate(lines)
    )


def _spelt(text: str) -> str:
    """A text as YAML takes it for that text, whatever stands in it."""
    is_plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS_OF_YAML
    return text if is_plain else json.dumps(text, ensure_ascii=False)


def _checked(file: ExemptionsFile, text: str, wanted: tuple[ExemptionEntry, ...]) -> str:
    """Give the text, if it says what is wanted and nothing else. Raises OrderNotDone if not."""
    read = read_exemptions_file(text.encode(), place=file.place)
    if not read.is_whole or _without_lines(read.entries) != _without_lines(wanted):
        message = (
            f"nothing was changed: {file.place} is not written one field a line, "
            "so it cannot be edited safely: change it by hand"
        )
        raise OrderNotDone(message)
    return text


def _without_lines(entries: tuple[ExemptionEntry, ...]) -> list[ExemptionEntry]:
    return [replace(each, line=0) for each in entries]
