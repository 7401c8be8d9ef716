"""Mails in the operators' own words where those are sound, and in ours wherever they are not."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from keyturn.domain.errors import PortError
from keyturn.domain.events import Mail
from keyturn.domain.notice_content import NoticeContent
from keyturn.mail.letterhead import Letterhead
from keyturn.mail.renderer import Mails, changed_of, folder_of, named_in
from keyturn.mail.template_process import TemplateFailed, TemplateProcess

KEPT: Final = timedelta(minutes=5)
"""How long templates that were read serve before they are read anew."""
LONGEST_SUBJECT: Final = 200
"""Characters: mail programs show half as many, and what SES does with a page nobody promises."""


class TemplateCache:
    """The mails with the operators' templates in the place of ours, read now and then."""

    def __init__(
        self,
        letterhead: Letterhead,
        *,
        read: Callable[[], Mapping[str, str]],
        clock: Callable[[], datetime],
    ) -> None:
        self.ours = Mails(letterhead)
        self._letterhead = letterhead
        self._read = read
        self._clock = clock
        self._theirs: Mails | TemplateProcess = self.ours
        self._at: datetime | None = None
        self._lock = Lock()

    def mails(self) -> Mails | TemplateProcess:
        """The mails, or ours if nobody put any there. Raises PortError where nobody can tell."""
        with self._lock:  # several mails are written at once
            now = self._clock()
            if self._at is None or now - self._at >= KEPT:
                self._theirs = self._with(self._read())
                self._at = now
            return self._theirs

    def _with(self, templates: Mapping[str, str]) -> Mails | TemplateProcess:
        changed = changed_of(templates)
        before = self._theirs
        if isinstance(before, TemplateProcess):
            if before.templates == changed:
                before.begin_anew()
                return before  # and what took too long is not tried anew
            before.close()
        return TemplateProcess(self._letterhead, changed) if changed else self.ours


class OverridableRenderer:
    """
    Meets `MailRenderer` of adapters/channels/email.py.

    A template that cannot be read, that breaks, or that names not every key is complained of,
    and the mail goes out in our words: a mistake in one must not keep anybody from being told.
    """

    def __init__(self, templates: TemplateCache, complain: Callable[[str], None]) -> None:
        self._templates = templates
        self._complain = complain

    def mail_of(self, content: NoticeContent) -> Mail:
        """Write the mail of a notice."""
        return self._write(lambda mails: mails.mail_of(content), content)

    def _write(
        self, write: Callable[[Mails | TemplateProcess], Mail], content: NoticeContent
    ) -> Mail:
        ours = self._templates.ours
        try:
            mails = self._templates.mails()
        except PortError as error:
            self._complain(f"the mail templates in the bucket cannot be read, ours serve: {error}")
            return write(ours)
        if mails is ours:
            return write(ours)
        try:
            return sound(write(mails), content, lambda: write(ours))
        except TemplateFailed as error:
            self._complain(f"a mail template in the bucket is broken, ours serves: {error}")
            return write(ours)


def sound(mail: Mail, content: NoticeContent, ours: Callable[[], Mail]) -> Mail:
    """
    The mail of a notice. Raises TemplateFailed for one that could not prove that notice.

    ours: the same in our words, whose subject a long name may make as long.
    """
    folder = folder_of(content)
    for part, text in (("subject.txt", mail.subject), ("body.txt", mail.text)):
        if not text.strip():
            raise TemplateFailed(f"{folder}/{part} is empty")
    length = len(mail.subject)
    if length > LONGEST_SUBJECT and length > len(ours().subject):
        raise TemplateFailed(
            f"{folder}/subject.txt makes {length} characters, more than {LONGEST_SUBJECT}"
        )
    for part, text in (("body.txt", mail.text), ("body.html", mail.html)):
        for name in named_in(content):
            if name not in text:
                raise TemplateFailed(f"{folder}/{part} does not name {name}")
    return mail
