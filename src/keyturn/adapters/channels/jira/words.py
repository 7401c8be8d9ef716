"""What is said in an issue, and by which marks it is known again."""

import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from textwrap import wrap
from typing import Final

from keyturn.domain.decision import NoticeType, Reason
from keyturn.domain.events import Brief, NoticeItem

_LONGEST_TEXT: Final = 30_000
"""Characters of a description or comment, below the 32,767 that Jira takes."""
_LONGEST_LINE: Final = 2000
_WIDTH: Final = 100
"""Of a line of preformatted text, which Jira does not wrap."""
_MARK_LENGTH: Final = 12
"""Hexadecimal digits that tell the notices of one key apart."""
_CODE: Final = re.compile(r"`([^`]+)`")
CLOSED_LATER: Final = "-open"
"""Behind the mark of a notice: that its issue could not be closed."""
WHAT_FOLLOWS: Final = (
    "Keyturn says here what follows about this key, and closes the issue when the key is gone."
)


def label_of(account: str, key_id: str) -> str:
    """What an issue is found by; digits and capitals, so it ends no text of JQL."""
    return f"keyturn-{account}-{key_id}"


def mark_of(account: str, item: NoticeItem) -> str:
    """What tells a notice from the others of its key: as its claim does, by step and dates."""
    told = "\n".join((account, item.user, item.key_id, item.notice.step, *map(str, item.days)))
    return sha256(told.encode()).hexdigest()[:_MARK_LENGTH]


def says(text: str, mark: str) -> bool:
    """Whether a text bears a mark, and not one that begins with it."""
    return re.search(rf"{re.escape(mark)}(?!{CLOSED_LATER})", text) is not None


def is_gone(item: NoticeItem) -> bool:
    """Whether the key does not exist any more: what is said of it is the last."""
    return item.notice.type is NoticeType.DELETED or item.reason is Reason.ORPHAN_OVER


def lines_of(brief: Brief) -> Iterator[str]:
    """What a notice says, without its subject: the issue has one."""
    yield from brief.top
    for note in brief.notes:
        yield f"{note.user}, {note.key_id}: {note.todo}"
        yield from note.lines


def that_fit(lines: Sequence[str]) -> list[str]:
    """As many of the lines as Jira takes; where some are left out, that is said."""
    kept: list[str] = []
    room = _LONGEST_TEXT
    for line in lines:
        text = " ".join(line[:_LONGEST_LINE].split())
        room -= len(text) + 1
        if room < 0:
            return [*kept, "… the mail says the rest"]
        kept.append(text)
    return kept


def document_of(lines: Sequence[str]) -> Mapping[str, object]:
    """The lines as a document: https://developer.atlassian.com/cloud/jira/platform/apis/document."""
    paragraphs = [{"type": "paragraph", "content": [*_runs(line)]} for line in lines]
    return {"type": "doc", "version": 1, "content": paragraphs}


def _runs(line: str) -> Iterator[Mapping[str, object]]:
    """A line as text, and code where marks say so. Text makes no link and no mention."""
    for number, text in enumerate(_CODE.split(line)):
        if text:
            marks = {"marks": [{"type": "code"}]} if number % 2 else {}
            yield {"type": "text", "text": text, **marks}


def preformatted(lines: Sequence[str]) -> str:
    """
    The lines for Data Center's wiki, in which nothing of them is read as its markup.

    That is so between two {noformat}, but for another one; a mention is looked for there, too.
    """
    # A command stays in one line, to be copied.
    parts = (
        [line] if "`" in line else wrap(line, _WIDTH, break_long_words=False) for line in lines
    )
    wrapped = [part for each in parts for part in each]
    text = "\n".join(wrapped).replace("{", "{ ").replace("[~", "[ ~")
    return f"{{noformat}}\n{text}\n{{noformat}}"
