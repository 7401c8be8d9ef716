"""Writes the mails: the words are in templates, and here is what templates may ask for."""

import re
import shlex
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from typing import Any, Final, assert_never
from urllib.parse import quote

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
from markupsafe import Markup, escape

from keyturn.domain.admin_digest import AdminDigest
from keyturn.domain.amounts import pluralize
from keyturn.domain.by_hand import enable_command
from keyturn.domain.decision import Action, NoticeType, Overlay, Reason
from keyturn.domain.events import Audience, Digest, Mail, NoticeContent, NoticeItem
from keyturn.domain.exemption import ExemptionChange, GroupChange
from keyturn.domain.key import Account
from keyturn.domain.key_usage import breaks, is_left_behind
from keyturn.domain.owner import WHERE
from keyturn.domain.plain_text import shown, visible
from keyturn.mail.day import (
    ALL_ACCOUNTS,
    as_line,
    by_count,
    is_dry,
    lines_defanged,
    object_link,
    sections_of,
    subject_parts,
    unseen_of,
)
from keyturn.mail.letterhead import Letterhead
from keyturn.mail.thread import headers_of

URGENCY: Final = (
    NoticeType.REVOKED,
    NoticeType.BEFORE_DISABLE,
    NoticeType.DISABLED,
    NoticeType.BEFORE_DELETE,
    NoticeType.ROTATED,
    NoticeType.RETIRING,
    NoticeType.GRACE_RENEWED,
    NoticeType.OVERWRITTEN,
    NoticeType.RESTORED,
    NoticeType.DELETING,
    NoticeType.BLOCKED,
    NoticeType.UPCOMING,
    NoticeType.ORPHAN,
    NoticeType.DELETED,
)
"""The order in which a mail tells things: what cannot wait comes first."""

_DISABLED: Final = {
    NoticeType.DISABLED,
    NoticeType.BEFORE_DELETE,
    NoticeType.DELETING,
    NoticeType.GRACE_RENEWED,
}
_ADMINS: Final = {
    Reason.SUCCESSOR_TAKEN_AWAY,
    Reason.CREATION_DENIED,
    Reason.DELIVERY_FAILING,
}
_WITHOUT_SECRET: Final = {
    NoticeType.UPCOMING,
    NoticeType.OVERWRITTEN,
    NoticeType.ORPHAN,
    NoticeType.BLOCKED,
}
_MARKED: Final = re.compile("`([^`]*)`")
_OPTION: Final = re.compile(r"(?<= )(--[a-z-]+)")
_UNBROKEN: Final = r'<span class="whole">\1</span>'
_SHORT_CODE: Final = 40
"""Characters of a command that fits on a line of a telephone."""
_HARD_SPACE: Final = "\0"
_WORDS: Final = "_base/words.txt"
_OURS: Final = "keyturn"
"""The folder in which our own templates are found, whatever an operator put in their place."""
_MACRO: Final = re.compile(r"[a-z][a-z0-9_]*")
_PARAMETERS: Final = re.compile(r" \([A-Z]\w+=[^()]*\)")
"""What a reason says of our parameters: (RotationPeriod=90)."""
_LINK_BEGINS: Final = re.compile(r"://|(?<=\bwww)\.", re.IGNORECASE)
"""What programs for mail make a link of, without being asked."""
_WITHOUT_INSTALL: Final = {NoticeType.DELETED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The keys of a digest that are told the same."""

    told: NoticeType
    """The notice's type, by the name that an operator's own templates may use."""
    items: tuple[NoticeItem, ...]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """One date that a notice names: what comes, when, and whether it was promised."""

    action: Action
    day: date


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
                digest = _without_links(content)
                about = self._about_digest(digest)
                urgent_first = (item for group in grouped(digest.items) for item in group.items)
                content = replace(digest, items=tuple(urgent_first))
            case ExemptionChange():
                about = self._about_exemption(content)
            case AdminDigest():
                about = self._about_day(content)
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
            "change": replace(change, by=_without_link(change.by)),
            "account": Account(id=change.account),
            "dry": False,
            "to_owner": False,
            "groups": (),
        }

    def _about_day(self, digest: AdminDigest) -> Mapping[str, object]:
        digest = lines_defanged(digest, _without_link)
        bucket, region = self._letterhead.bucket, self._letterhead.region
        host = _console(region)
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
            "stored_link": object_link(host, bucket, region, digest.csv) if region else "",
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
        case ExemptionChange() | AdminDigest():
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


def grouped(items: Iterable[NoticeItem]) -> list[Group]:
    """Put together what is told alike, the most urgent first, then by date and user."""
    by_told: dict[NoticeType, list[NoticeItem]] = {}
    for item in items:
        by_told.setdefault(topic(item), []).append(item)
    return [
        Group(
            told=notice_type,
            items=tuple(
                sorted(by_told[notice_type], key=lambda i: (i.notice.day, i.user, i.key_id))
            ),
        )
        for notice_type in URGENCY
        if notice_type in by_told
    ]


def topic(item: NoticeItem) -> NoticeType:
    """What an item is about for its reader: a key disabled on an earlier day is no news."""
    if item.notice.type is NoticeType.DISABLED and item.action is not Action.DISABLE:
        return NoticeType.DELETING
    return item.notice.type


def why_to_admins(item: NoticeItem) -> str:
    """Why, with the parameters that made it so."""
    return item.sentence


def why_to_owners(item: NoticeItem) -> str:
    """Why, without our parameters: an owner can set none."""
    return _PARAMETERS.sub("", item.sentence)


def by_when(item: NoticeItem) -> date | None:
    """The day by which its reader has to act; None: there is none."""
    match item.notice.type:
        case NoticeType.UPCOMING:
            return item.notice.day
        case NoticeType.RESTORED:
            return item.next.day if item.next else None
        case _:
            return min(item.promises.values(), default=None)


def steps_together(group: Group, say: Callable[..., list[str]]) -> list[str]:
    """What to do with each key of a group, if there are several and it is the same for all."""
    steps = [say("steps", item) for item in group.items]
    return steps[0] if len(steps) > 1 and all(each == steps[0] for each in steps) else []


def to_install(groups: Iterable[Group], dry: bool) -> list[NoticeItem]:  # noqa: FBT001 -- as templates say it
    """The keys with a new one in a secret: how to install it is said once, for all of them."""
    return [
        item
        for group in groups
        for item in group.items
        if shows_secret(item) and item.notice.type not in _WITHOUT_INSTALL and not dry
    ]


def where_named(items: Iterable[NoticeItem]) -> list[str]:
    """The sources that name the reader as an owner, in words, each once."""
    sources = dict.fromkeys(item.named_by for item in items if item.named_by is not None)
    return [WHERE[source] for source in sources if source in WHERE]


def is_planned(item: NoticeItem, dry: bool) -> bool:  # noqa: FBT001 -- as templates say it
    """Whether the new key is still to be made."""
    notice_type = item.notice.type
    return dry and (
        notice_type is NoticeType.ROTATED
        or (notice_type is NoticeType.REVOKED and item.successor is None)
    )


def is_revoked(item: NoticeItem) -> bool:
    """Whether the key leaked: nobody is told how to enable it again."""
    return Overlay.REVOKED in item.overlays


def is_contested(item: NoticeItem) -> bool:
    """Whether somebody works against the key's end, not for the first time."""
    return Overlay.CONTESTED in item.overlays


def concerns_admins(item: NoticeItem) -> bool:
    """Whether the admin has something to do beside what the owner does."""
    return is_contested(item) or item.reason in _ADMINS


def is_by_command(item: NoticeItem) -> bool:
    """Whether an operator re-enabled the key by a command of ours, and nobody by hand."""
    return item.reason in {Reason.FORCED, Reason.RESTORED_BY_COMMAND}


def is_ordered(item: NoticeItem) -> bool:
    """Whether an operator's order does it in this very run: a dry run leaves it undone."""
    return item.reason == Reason.FORCED


def can_be_enabled(item: NoticeItem) -> bool:
    """Whether the key is disabled already and not gone yet."""
    return topic(item) in _DISABLED and not is_revoked(item)


def coming(item: NoticeItem) -> list[Coming]:
    """Every date of an item, promised or next, in order."""
    dates = {Action(act.upper()): day for act, day in item.notice.promises.items()}
    if item.next is not None:
        dates.setdefault(item.next.action, item.next.day)
    return sorted(
        (Coming(action=action, day=day) for action, day in dates.items()),
        key=lambda date: (date.day, date.action != Action.DISABLE),
    )


def shows_secret(item: NoticeItem) -> bool:
    """Whether a reader is shown where the new key lies."""
    return item.secret is not None and item.notice.type not in _WITHOUT_SECRET


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


def trail_command(key_id: str, region: str) -> str:
    """The command that shows what was done with a key, from where."""
    return (
        "aws cloudtrail lookup-events --lookup-attributes "
        f"AttributeKey=AccessKeyId,AttributeValue={shlex.quote(key_id)} "
        f"--region {shlex.quote(region)}"
    )


def read_command(secret: str, region: str) -> str:
    """The command that prints the new key."""
    return (
        f"aws secretsmanager get-secret-value --secret-id {shlex.quote(secret)} "
        f"--region {shlex.quote(region)} --query SecretString --output text"
    )


def command_to_enable(item: NoticeItem) -> str:
    """The command that takes a disabling back."""
    return enable_command(item.user, item.key_id)


def undo_command(change: ExemptionChange) -> str:
    """The command that takes a change of the exemption group back, or shows what it is."""
    command = _UNDO[change.change]
    if change.change is GroupChange.POLICY and (change.policy or "").startswith("arn:"):
        command = "get-policy --policy-arn {policy}"
    quoted = {
        "group": change.group,
        "user": change.user,
        "policy": change.policy,
        "other": change.other_group,
    }
    filled = command.format_map({name: shlex.quote(text or "") for name, text in quoted.items()})
    return f"aws iam {filled}"


_UNDO: Mapping[GroupChange, str] = {
    GroupChange.ADDED: "remove-user-from-group --group-name {group} --user-name {user}",
    GroupChange.FOUND: "remove-user-from-group --group-name {group} --user-name {user}",
    GroupChange.REMOVED: "add-user-to-group --group-name {group} --user-name {user}",
    GroupChange.CREATED: "delete-group --group-name {group}",
    GroupChange.DELETED: "create-group --group-name {group}",
    GroupChange.RENAMED_TO: "get-group --group-name {group}",
    GroupChange.RENAMED_FROM: "update-group --group-name {other} --new-group-name {group}",
    GroupChange.POLICY: "get-group-policy --group-name {group} --policy-name {policy}",
    GroupChange.POLICY_REMOVED: "list-attached-group-policies --group-name {group}",
}


def console_link(secret: str, region: str) -> str:
    """The secret's page in the console."""
    name, place = quote(secret, safe=""), quote(region, safe="")
    return f"https://{_console(region)}/secretsmanager/secret?name={name}&region={place}"


def folder_of(content: NoticeContent) -> str:
    """The folder of the templates that a notice is written by."""
    match content:
        case Digest():
            return str(content.audience)
        case ExemptionChange():
            return "exemption"
        case AdminDigest():
            return "daily"


def _console(region: str) -> str:
    """The host of a region's console."""
    return next(
        (host for prefix, host in _CONSOLES.items() if region.startswith(prefix)),
        f"{quote(region, safe='')}.console.aws.amazon.com",
    )


def where_linked(text: str, item: NoticeItem, region: str) -> Markup:
    """A line for a page, in which "the console" leads to the secret."""
    link = f'<a href="{escape(console_link(item.secret or "", region))}">the console</a>'
    return _markup(str(escape(text)).replace("the console", link, 1))


_CONSOLES = {"cn-": "console.amazonaws.cn", "us-gov-": "console.amazonaws-us-gov.com"}
"""The consoles of the partitions that have their own, by how their regions begin."""


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
    return _markup(_MARKED.sub(_code, str(escape(text))))


def _code(found: re.Match[str]) -> str:
    if len(found[1]) <= _SHORT_CODE:
        return f'<code class="whole">{found[1]}</code>'
    return f"<code>{_OPTION.sub(_UNBROKEN, found[1])}</code>"


def command(text: str) -> Markup:
    """A command for a page, whose lines break before an option and never within."""
    return _markup(_OPTION.sub(_UNBROKEN, str(escape(text))))


def _without_links(digest: Digest) -> Digest:
    """A digest, in which no name or message of others' makes a link (docs/mails.md)."""
    run = digest.run
    account = replace(run.account, name=_without_link(run.account.name))
    return replace(
        digest,
        run=replace(run, account=account),
        failures=tuple(map(_without_link, digest.failures)),
        odd=replace(digest.odd, first=tuple(map(_without_link, digest.odd.first))),
        items=tuple(replace(item, sentence=_without_link(item.sentence)) for item in digest.items),
    )


def _without_link(text: str) -> str:
    return _LINK_BEGINS.sub(r"[\g<0>]", text)


def _markup(escaped: str) -> Markup:
    return Markup(escaped)  # noqa: S704 -- whoever calls has escaped it


def _line(text: str) -> str:
    """One line, whatever the template's line breaks; a name of others' turns no subject around."""
    return shown(text)


def _seen_whole(value: object) -> object:
    """What a template puts in; no mark in it turns around or hides what follows."""
    if not isinstance(value, str):
        return value
    seen = "\n".join(map(visible, value.split("\n")))
    return _markup(seen) if isinstance(value, Markup) else seen


@cache
def _packaged_templates() -> Environment:
    """Read and compile the package's own templates once a process."""
    return _environment(packaged())


def _environment(loader: BaseLoader) -> Environment:
    environment = ImmutableSandboxedEnvironment(
        loader=ChoiceLoader([loader, PrefixLoader({_OURS: packaged()})]),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        finalize=_seen_whole,
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
