"""Writes the mails: the words are in templates, and here is what templates may ask for."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final, assert_never

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FunctionLoader,
    PackageLoader,
    PrefixLoader,
    StrictUndefined,
    TemplateNotFound,
    UndefinedError,
    select_autoescape,
)
from jinja2.exceptions import SecurityError
from jinja2.runtime import Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment

from keyturn.domain.admin_digest import AdminDigest
from keyturn.domain.decision import NoticeType
from keyturn.domain.events import Audience, Digest, Mail, NoticeItem
from keyturn.domain.exemption import ExemptionChange
from keyturn.domain.key import Account
from keyturn.domain.key_usage import breaks, is_left_behind
from keyturn.domain.notice_content import NoticeContent
from keyturn.domain.period_report import PeriodReport, unseen_line
from keyturn.domain.plain_text import shown
from keyturn.mail.commands import command_to_enable, read_command, trail_command, undo_command
from keyturn.mail.day import (
    ALL_ACCOUNTS,
    as_line,
    by_count,
    is_dry,
    lines_defanged,
    sections_of,
    subject_parts,
    unseen_of,
)
from keyturn.mail.filters import (
    ago,
    command,
    full_day,
    how_many,
    in_figures,
    lower_first,
    marked,
    seen_whole,
    short_day,
    wrapped,
)
from keyturn.mail.letterhead import Letterhead
from keyturn.mail.links import console_link, object_link, where_linked, without_link, without_links
from keyturn.mail.period import figures_of, lists_of, parts_of, report_defanged
from keyturn.mail.questions import (
    Group,
    by_when,
    can_be_enabled,
    coming,
    concerns_admins,
    grouped,
    is_by_command,
    is_contested,
    is_ordered,
    is_planned,
    is_revoked,
    shows_secret,
    steps_together,
    to_install,
    topic,
    where_named,
    why_to_admins,
    why_to_owners,
)
from keyturn.mail.thread import headers_of

_WORDS: Final = "_base/words.txt"
_OURS: Final = "keyturn"
"""The folder in which our own templates are found, whatever an operator put in their place."""
_MACRO: Final = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a notice says."""

    subject: str
    facts: Mapping[str, Any]
    """What templates may ask for, by their names: `say` among it, which gives the words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """What a mail is made of."""

    folder: str
    content: NoticeContent
    """As its headers are to have it: without others' links, what is most urgent first."""
    about: Mapping[str, object]


def named_in(content: NoticeContent) -> tuple[str, ...]:
    """The ids that a mail must name, whoever wrote its template."""
    match content:
        case Digest():
            return tuple(item.key_id for item in content.items)
        case ExemptionChange():
            return (content.id,)
        case AdminDigest():
            keys = (line.key_id for line in content.breaks.worst)
            return (content.day.isoformat(), *(key for key in keys if key))
        case PeriodReport():
            return (content.period.name,)


class Mails:
    """
    Meets `MailRenderer` of adapters/channels/email.py.

    A folder a mail, with subject.txt, body.txt and body.html.

    loader: where templates come from, if not from this package. They run in Jinja's sandbox,
    because whoever may edit a mail need not be allowed to run code here.
    """

    def __init__(self, letterhead: Letterhead, *, loader: BaseLoader | None = None) -> None:
        self._letterhead = letterhead
        self._templates = _packaged_templates() if loader is None else _environment(loader)

    def mail_of(self, content: NoticeContent) -> Mail:
        """Write the mail of a notice."""
        made = self._made_of(content)
        facts = self._facts(made.about)
        return Mail(
            subject=self._subject(made.folder, facts),
            text=self._render(f"{made.folder}/body.txt", facts),
            html=self._render(f"{made.folder}/body.html", facts),
            headers=headers_of(made.content, self._letterhead.admin),
        )

    def words_of(self, content: NoticeContent) -> Words:
        """What a mail of it is made from, for channels that put the same words together."""
        made = self._made_of(content)
        facts = self._facts(made.about)
        return Words(subject=self._subject(made.folder, facts), facts=facts)

    def _made_of(self, content: NoticeContent) -> _Made:
        match content:
            case Digest():
                digest = without_links(content)
                about = self._about_digest(digest)
                urgent_first = (item for group in grouped(digest.items) for item in group.items)
                content = replace(digest, items=tuple(urgent_first))
            case ExemptionChange():
                about = self._about_exemption(content)
            case AdminDigest():
                about = self._about_day(content)
            case PeriodReport():
                about = self._about_report(content)
            case _:
                assert_never(content)
        return _Made(folder=folder_of(content), content=content, about=about)

    def _about_digest(self, digest: Digest) -> Mapping[str, object]:
        return {
            "digest": digest,
            "account": digest.run.account,
            "dry": digest.run.dry_run,
            "to_owner": digest.audience is Audience.OWNER,
            "groups": grouped(digest.items),
            "why": why_to_owners if digest.audience is Audience.OWNER else why_to_admins,
        }

    def _about_exemption(self, change: ExemptionChange) -> Mapping[str, object]:
        return {
            "change": replace(change, by=without_link(change.by)),
            "account": Account(id=change.account),
            "dry": False,
            "to_owner": False,
            "groups": (),
        }

    def _about_day(self, digest: AdminDigest) -> Mapping[str, object]:
        digest = lines_defanged(digest)
        bucket, region = self._letterhead.bucket, self._letterhead.region
        return {
            "digest": digest,
            "account": ALL_ACCOUNTS,
            "dry": is_dry(digest),
            "to_owner": False,
            "groups": (),
            "sections": sections_of(digest),
            "parts": subject_parts(digest),
            "unseen": unseen_of(digest),
            "stored_in": f"s3://{bucket}/{digest.csv}" if bucket and digest.csv else "",
            "stored_link": object_link(bucket, region, digest.csv),
        }

    def _about_report(self, report: PeriodReport) -> Mapping[str, object]:
        report = report_defanged(report)
        bucket, region = self._letterhead.bucket, self._letterhead.region
        return {
            "report": report,
            "account": ALL_ACCOUNTS,
            "dry": False,
            "to_owner": False,
            "groups": (),
            "figures": figures_of(report),
            "sections": lists_of(report),
            "parts": parts_of(report),
            "unseen": unseen_line(report),
            "stored": [
                (title, f"s3://{bucket}/{stored}", object_link(bucket, region, stored))
                for title, stored in (
                    ("The whole report", report.page),
                    ("All lines", report.csv),
                    (f"The page of all keys on {report.period.last}", report.fleet),
                )
                if bucket and stored
            ],
        }

    def _subject(self, folder: str, facts: Mapping[str, object]) -> str:
        subject = _line(self._render(f"{folder}/subject.txt", facts))
        return f"{self._letterhead.subject_prefix} {subject}".strip() if subject else ""

    def _facts(self, about: Mapping[str, object]) -> Mapping[str, object]:
        letterhead = self._letterhead
        facts = {
            **about,
            "admin": letterhead.admin,
            "organization": letterhead.organization,
            "help_link": letterhead.help_link,
            "subject_prefix": letterhead.subject_prefix,
        }
        # Words reach a page as plain text, never as markup: there they are escaped.
        facts["say"] = self._speaker(facts)
        return facts

    def _render(self, name: str, facts: Mapping[str, object]) -> str:
        return self._templates.get_template(name).render(facts).strip() + "\n"

    def _speaker(self, facts: Mapping[str, object]) -> Callable[..., list[str]]:
        """
        Give templates the words: the lines that a macro writes.

        A macro of _base/words.txt comes first, then that of the file of what it is given: so a
        words.txt that an operator wrote for an earlier version is in force as it was.
        """
        modules: dict[str, Mapping[str, object]] = {}

        def exported(name: str) -> Mapping[str, object]:
            if name not in modules:
                module = self._templates.get_template(name).make_module({**facts, "say": say})
                modules[name] = vars(module)
            return modules[name]

        def say(macro: str, *about: object) -> list[str]:
            # A name goes to what a file exports and nowhere else: no attribute is in reach.
            if not isinstance(macro, str) or not _MACRO.fullmatch(macro):
                raise SecurityError(f"{macro!r} is no name of a macro")
            for name in _files_of(about):
                found = exported(name).get(macro)
                if isinstance(found, Macro):
                    return [line for line in map(_line, str(found(*about)).splitlines()) if line]
            raise UndefinedError(f"there is no macro {macro}")

        return say


def _files_of(about: Sequence[object]) -> Iterator[str]:
    """Where a macro is looked for: in whatever serves for the words of all, then its own."""
    yield _WORDS
    own = _file_of(about[0] if about else None)
    if own is not None:
        yield own
        yield f"{_OURS}/{own}"
    yield f"{_OURS}/{_WORDS}"


def _file_of(about: object) -> str | None:
    """The words of one notice, of a change of who is exempt, or of a report."""
    match about:
        case NoticeItem() as item:
            return f"words/{topic(item)}.txt"
        case Group() as group:
            return f"words/{group.told}.txt"
        case ExemptionChange() | AdminDigest() | PeriodReport():
            return f"{folder_of(about)}/words.txt"
        case str() as told if told in frozenset(NoticeType):
            return f"words/{told}.txt"
        case _:
            return None


def packaged() -> BaseLoader:
    """The templates that come with the package."""
    return PackageLoader("keyturn.mail")


def with_ours(theirs: Mapping[str, str]) -> BaseLoader:
    """An operator's templates, name → text, and ours where there is none of that name."""

    # With its name as its file, so that an error in it says where.
    def load(name: str) -> tuple[str, str, None] | None:
        return (theirs[name], name, None) if name in theirs else None

    return ChoiceLoader([FunctionLoader(load), packaged()])


def names_of_ours() -> frozenset[str]:
    """The names of all our templates."""
    return frozenset(packaged().list_templates())


def changed_of(theirs: Mapping[str, str]) -> dict[str, str]:
    """The templates, name → text, that are not ours as they are: `deploy` uploads ours."""
    ours = packaged()
    environment = Environment(autoescape=True)

    def source(name: str) -> str | None:
        try:
            return ours.get_source(environment, name)[0]
        except TemplateNotFound:
            return None

    return {name: text for name, text in theirs.items() if source(name) != text}


def folder_of(content: NoticeContent) -> str:
    """The folder of the templates that a notice is written by."""
    match content:
        case Digest():
            return str(content.audience)
        case ExemptionChange():
            return "exemption"
        case AdminDigest():
            return "daily"
        case PeriodReport():
            return "period"


def _line(text: str) -> str:
    """One line, whatever the template's line breaks; a name of others' turns no subject around."""
    return shown(text)


@cache
def _packaged_templates() -> Environment:
    """Read and compile the package's own templates once a process."""
    return _environment(packaged())


def _environment(loader: BaseLoader) -> Environment:
    environment = ImmutableSandboxedEnvironment(
        loader=ChoiceLoader([loader, PrefixLoader({_OURS: packaged()})]),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        finalize=seen_whole,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "day": full_day,
        "short": short_day,
        "wrap": wrapped,
        "marked": marked,
        "command": command,
        "ago": ago,
        "lower_first": lower_first,
        "number": in_figures,
        "pluralize": how_many,
    }
    environment.tests["concerns_admins"] = concerns_admins
    environment.globals |= {
        "as_line": as_line,
        "by_count": by_count,
        "coming": coming,
        "shows_secret": shows_secret,
        "can_be_enabled": can_be_enabled,
        "is_by_command": is_by_command,
        "is_ordered": is_ordered,
        "is_planned": is_planned,
        "is_revoked": is_revoked,
        "is_contested": is_contested,
        "concerns_admins": concerns_admins,
        "topic": topic,
        "by_when": by_when,
        "where_named": where_named,
        "steps_together": steps_together,
        "to_install": to_install,
        "left_behind": is_left_behind,
        "breaks": breaks,
        "trail_command": trail_command,
        "where_linked": where_linked,
        "read_command": read_command,
        "enable_command": command_to_enable,
        "undo_command": undo_command,
        "console_link": console_link,
    }
    return environment
