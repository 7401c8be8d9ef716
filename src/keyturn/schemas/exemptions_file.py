"""
The exemptions file, as administrators write it: YAML, read line by line into entries.

Nothing in it makes a reader raise. What is wrong in one entry leaves that entry out, and is named
with its line; while anything is left out, nobody is removed from the group.
Source: decision 0059; the reader is that of the owners file (decision 0038).
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from typing import Final

from keyturn.domain import names
from keyturn.domain.days import read_day
from keyturn.domain.exemptions_file import ExemptionEntry, ExemptionsFile
from keyturn.domain.file_problem import FileProblem
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.schemas.owners_text import FoundRule, FoundValue, UnusableError, refuse, wrong

LARGEST: Final = 2 * 1024 * 1024
"""Bytes: 5,000 entries have half of that."""
MOST_ENTRIES: Final = 10_000
LONGEST_TEXT: Final = 300
"""Characters of a ticket or a reason: it stands in mails and tables."""
LISTED: Final = "exemptions"
"""The field that has the entries."""


class EntryField(StrEnum):
    """What an entry says, by YAML's names."""

    ACCOUNT = "account"
    USER = "user"
    TICKET = "ticket"
    OWNER = "owner"
    REASON = "reason"
    EXPIRY = "expiry"
    SINCE = "since"


NEEDED: Final = tuple(each for each in EntryField if each is not EntryField.SINCE)
"""Each entry has these."""


def read_exemptions_file(body: bytes, *, place: str, version: str = "") -> ExemptionsFile:
    """
    Read an exemptions file. Raises nothing, whatever it holds.

    Args:
        body: its bytes.
        place: the file, as people write it.
        version: what tells this content from another.

    """
    try:
        text = _text_of(body)
        found = _found_in(text)
    except UnusableError as error:
        return ExemptionsFile(place=place, version=version, problems=(error.problem,))
    entries: dict[tuple[str, str], ExemptionEntry] = {}
    problems: list[FileProblem] = []
    for each in found:
        try:
            entry = _entry(each)
            if (before := entries.get((entry.account, entry.user))) is not None:
                refuse(entry.line, f"{entry.user} has an entry already, in line {before.line}")
        except UnusableError as error:
            problems.append(error.problem)
        else:
            entries[entry.account, entry.user] = entry
    return ExemptionsFile(
        place=place,
        version=version,
        entries=tuple(entries.values()),
        problems=tuple(problems),
        text=text,
    )


def found_in(text: str) -> list[FoundRule]:
    """The entries of a file that is whole, with their places. Raises UnusableError."""
    return [each for each in _found_in(text) if isinstance(each, FoundRule)]


def _text_of(body: bytes) -> str:
    if len(body) > LARGEST:
        refuse(0, f"it has {len(body)} bytes; at most {LARGEST} are read")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        refuse(line, "it holds a byte that is not UTF-8: save it as UTF-8")
    if not text.strip():
        refuse(0, "it is empty")
    return text


def _found_in(text: str) -> list[FoundRule | FileProblem]:
    from keyturn.schemas.owners_yaml import rules_in_yaml  # noqa: PLC0415 -- loads PyYAML, which few need

    found = list(rules_in_yaml(text, listed=LISTED, one="entry"))
    if len(found) > MOST_ENTRIES:
        refuse(0, f"it has more than {MOST_ENTRIES} entries")
    return found


def _entry(found: FoundRule | FileProblem) -> ExemptionEntry:
    """Read an entry. Raises UnusableError where it is none."""
    if isinstance(found, FileProblem):
        raise UnusableError(found)
    for name, value in found.values.items():
        if name not in set(EntryField):
            rule = f"no field of an entry has that name; they are {', '.join(EntryField)}"
            raise UnusableError(wrong(value.line, name, " ".join(value.texts), rule))
    texts = {name: _text(name, value) for name, value in found.values.items()}
    if missing := [str(name) for name in NEEDED if name not in texts]:
        refuse(found.line, f"the entry has no {', '.join(missing)}")
    return entry_of(texts, line=found.line)


def entry_of(texts: Mapping[str, str], *, line: int) -> ExemptionEntry:
    """The entry of texts that keep their rules (`broken_by`)."""
    since = texts.get(EntryField.SINCE)
    return ExemptionEntry(
        line=line,
        account=texts[EntryField.ACCOUNT],
        user=texts[EntryField.USER],
        ticket=texts[EntryField.TICKET],
        owner=texts[EntryField.OWNER],
        reason=texts[EntryField.REASON],
        expiry=date.fromisoformat(texts[EntryField.EXPIRY]),
        since=None if since is None else date.fromisoformat(since),
    )


def _text(name: str, value: FoundValue) -> str:
    if value.is_list:
        text = ", ".join(value.texts)
        raise UnusableError(wrong(value.line, name, text, "must be one text, and no list"))
    [text] = value.texts
    if (broken := broken_by(EntryField(name), text)) is not None:
        raise UnusableError(wrong(value.line, name, text, broken))
    return text


def broken_by(field: EntryField, text: str) -> str | None:
    """The rule that a value of a field breaks; None: none."""
    return _RULES[field](text)


# Each says what is wrong with the text of its field; None: nothing.


def _of_form(form: re.Pattern[str], rule: str) -> Callable[[str], str | None]:
    return lambda text: None if form.fullmatch(text) and text.isascii() else rule


def _some_text(text: str) -> str | None:
    if not text.strip():
        return "must not be empty"
    if len(text) > LONGEST_TEXT:
        return f"must have at most {LONGEST_TEXT} characters"
    return None if text.isprintable() else "must be one line, without control characters"


def _address(text: str) -> str | None:
    is_one = Recipient(ChannelName.EMAIL, text).can_be_reached
    return None if is_one else "must be one e-mail address"


def _day(text: str) -> str | None:
    return None if read_day(text) is not None else "must be a date, such as 2027-03-31"


_RULES: Final[Mapping[EntryField, Callable[[str], str | None]]] = {
    EntryField.ACCOUNT: _of_form(
        names.ACCOUNT_ID,
        "must be the 12 digits of an account id; has a spreadsheet dropped a zero?",
    ),
    EntryField.USER: _of_form(
        names.USER_NAME, "can be no user: IAM's names have letters, digits and _+=,.@- only"
    ),
    EntryField.TICKET: _some_text,
    EntryField.OWNER: _address,
    EntryField.REASON: _some_text,
    EntryField.EXPIRY: _day,
    EntryField.SINCE: _day,
}
