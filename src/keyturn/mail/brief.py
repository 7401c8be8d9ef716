"""A notice in a few lines, for channels that have a form of their own, in the mails' words."""

from collections.abc import Iterator
from typing import Final

from keyturn.domain.admin_digest import AdminDigest
from keyturn.domain.amounts import pluralize
from keyturn.domain.events import Audience, Brief, BriefNote, Digest, NoticeItem, OddValues
from keyturn.domain.exemption import ExemptionChange
from keyturn.domain.notice_content import NoticeContent
from keyturn.domain.period_report import PeriodReport
from keyturn.domain.worst_lines import DigestList
from keyturn.mail.commands import read_command, undo_command
from keyturn.mail.day import as_line
from keyturn.mail.filters import full_day
from keyturn.mail.questions import by_when, coming, is_planned, shows_secret, to_install
from keyturn.mail.renderer import Mails, Words

_LINES: Final = 3
"""Of each list of the administrators' day."""


def brief_of(mails: Mails, content: NoticeContent) -> Brief:
    """Put the words of a notice's mail into a few lines."""
    words = mails.words_of(content)
    match content:
        case ExemptionChange():
            return _of_change(words)
        case Digest():
            return _of_digest(words)
        case AdminDigest():
            return _of_day(words)
        case PeriodReport():
            return _of_report(words)


def _of_report(words: Words) -> Brief:
    """What was not seen and the figures; the mail has the lists, the page has all."""
    say, report = words.facts["say"], words.facts["report"]
    return Brief(
        subject=words.subject,
        top=(*say("period_top", report), *say("period_figures", report)),
    )


def _of_change(words: Words) -> Brief:
    say, change = words.facts["say"], words.facts["change"]
    return Brief(
        subject=words.subject,
        top=(
            *say("exemption_what", change),
            f"Made by: {change.by}",
            *say("exemption_steps", change),
            f"`{undo_command(change)}`",
        ),
    )


def _of_day(words: Words) -> Brief:
    """What was not seen, what breaks, what failed: a few lines of each; the mail has the rest."""
    say, digest = words.facts["say"], words.facts["digest"]
    lines: list[str] = [*say("daily_top", digest), *say("daily_unseen", digest)]
    for name, found in words.facts["unseen"]:
        lines += say(f"daily_{name}", digest)
        lines += _some(found)
    for section in words.facts["sections"]:
        lines += say("daily_title", digest, section)
        lines += _some(section.found)
    return Brief(subject=words.subject, top=tuple(lines))


def _some(found: DigestList) -> Iterator[str]:
    yield from (f"- {as_line(each)}" for each in found.worst[:_LINES])
    if found.total > _LINES:
        yield f"- and {found.total - _LINES:,} more"


def _of_digest(words: Words) -> Brief:
    say, digest = words.facts["say"], words.facts["digest"]
    dry = say("notice_of_dry_run") if words.facts["dry"] else ()
    return Brief(
        subject=words.subject,
        top=(*dry, f"Account: {' '.join(say('account_line'))}"),
        failures=(*digest.failures, *_odd(digest.odd)),
        notes=tuple(_note(words, item) for group in words.facts["groups"] for item in group.items),
    )


def _odd(odd: OddValues) -> Iterator[str]:
    """What stands for owners' addresses, counted: whoever may tag users fills no channel."""
    if odd.count:
        yield f"{pluralize(odd.count, 'value')} of owners' addresses cannot be used: see the mail"


def _note(words: Words, item: NoticeItem) -> BriefNote:
    say, why = words.facts["say"], words.facts["why"]
    day = by_when(item)
    return BriefNote(
        user=item.user,
        key_id=item.key_id,
        todo=" ".join(say("todo", item)) + (f", by {full_day(day)}" if day else ""),
        what=(f"Why: {why(item)}.", *say("what", item), *say("usage", item)),
        dates=tuple(
            f"{full_day(each.day)}: {' '.join(say('event', item, each.action))}"
            for each in coming(item)
        ),
        steps=tuple(_steps(words, item)),
    )


def _steps(words: Words, item: NoticeItem) -> Iterator[str]:
    """What its owner is to do; the administrators read that in their mail."""
    say, digest = words.facts["say"], words.facts["digest"]
    if digest.audience is not Audience.OWNER:
        return
    yield from say("steps", item)
    if shows_secret(item):
        yield " ".join(say("where", item))
        yield f"`{read_command(item.secret or '', digest.region)}`"
        yield from say("smtp", item)
    installed = to_install(words.facts["groups"], words.facts["dry"])
    if item in installed and not is_planned(item, words.facts["dry"]):
        yield from say("install", [item])
    yield from say("undo", item)
