"""Tries an operator's templates with every notice that there is, before anybody is sent one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath

from keyturn.domain.events import Mail
from keyturn.domain.notice_content import NoticeContent
from keyturn.mail.letterhead import Letterhead
from keyturn.mail.overrides import sound
from keyturn.mail.renderer import Mails, changed_of, names_of_ours
from keyturn.mail.samples import CHANGES, every_mail
from keyturn.mail.samples_of_day import DAYS
from keyturn.mail.samples_of_period import REPORTS
from keyturn.mail.template_process import TemplateFailed, TemplateProcess


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, with which notice."""

    notice: str
    """The sample's name; empty: with all of them."""
    why: str
    """It begins with the file and its line, as far as they are known."""

    def __str__(self) -> str:
        """As one line."""
        return f"{self.why} ({self.notice})" if self.notice else self.why


def notices() -> Mapping[str, NoticeContent]:
    """Name → a notice that is made up: every type, reason, audience, and dry runs."""
    return {**every_mail(), **CHANGES, **DAYS, **REPORTS}


def mails_of(
    letterhead: Letterhead,
    templates: Mapping[str, str],
    told: Mapping[str, NoticeContent] | None = None,
) -> Iterator[tuple[str, Mail | Fault]]:
    """
    Every notice's name with its mail, or with what is wrong in it.

    templates: an operator's, name → text; what is not among them is ours. told: name → notice;
    None: each that there is, made up.
    """
    process, ours = TemplateProcess(letterhead, changed_of(templates)), Mails(letterhead)
    try:
        for name, content in (notices() if told is None else told).items():
            try:
                mail = process.mail_of(content)
                yield name, sound(mail, content, partial(ours.mail_of, content))
            except TemplateFailed as error:
                yield name, Fault(name, str(error))
    finally:
        process.close()


def faults_of(letterhead: Letterhead, templates: Mapping[str, str]) -> list[Fault]:
    """What is wrong with an operator's templates (name → text), each thing once."""
    ours = names_of_ours()
    faults = [
        Fault("", f"{name}: no mail uses a file of this name ({_like(name, ours)})")
        for name in sorted(templates)
        if name not in ours and not _is_used(name, templates)
    ]
    seen: set[str] = set()
    for _, found in mails_of(letterhead, templates):
        if isinstance(found, Fault) and found.why not in seen:
            seen.add(found.why)
            faults.append(found)
    return faults


def _is_used(name: str, templates: Mapping[str, str]) -> bool:
    """Whether another file names it, to include or to extend it."""
    return any(name in text for other, text in templates.items() if other != name)


def _like(name: str, ours: frozenset[str]) -> str:
    """What may have been meant."""
    folder = str(PurePosixPath(name).parent)
    near = sorted(each for each in ours if str(PurePosixPath(each).parent) == folder)
    return ", ".join(near or sorted({each.split("/")[0] + "/" for each in ours}))
