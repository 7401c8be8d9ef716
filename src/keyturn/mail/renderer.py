"""Writes the mails: the words are in templates, and here is what templates may ask for."""

import re
import shlex
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final
from urllib.parse import quote

from jinja2 import BaseLoader, Environment, PackageLoader, StrictUndefined, select_autoescape
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from keyturn.domain.by_hand import enable_command
from keyturn.domain.decision import Action, NoticeType, Overlay, Reason
from keyturn.domain.events import Digest, Mail, NoticeItem
from keyturn.domain.exemption import ExemptionChange, GroupChange
from keyturn.domain.key import Account
from keyturn.domain.plain_text import shown, visible

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
_HARD_SPACE: Final = "\0"
_WORDS: Final = "_base/words.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The keys of a digest that are told the same."""

    told: NoticeType
    """The notice's type, by the name that an operator's own templates may use."""
    items: tuple[NoticeItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """One date that a notice names: what comes, when, and whether it was promised."""

    action: Action
    day: date


def named_in(content: Digest | ExemptionChange) -> tuple[str, ...]:
    """The ids that a mail must name, whoever wrote its template."""
    match content:
        case Digest():
            return tuple(item.key_id for item in content.items)
        case ExemptionChange():
            return (content.id,)


class Mails:
    """
    Meets `MailRenderer` of adapters/channels/email.py.

    A folder a mail, with subject.txt, body.txt and body.html.

    loader: where templates come from, if not from this package. They run in Jinja's sandbox,
    because whoever may edit a mail need not be allowed to run code here.
    """

    def __init__(self, *, admin: str, loader: BaseLoader | None = None) -> None:
        self._admin = admin
        self._templates = _packaged_templates() if loader is None else _environment(loader)

    def mail_of(self, content: Digest | ExemptionChange) -> Mail:
        """Write the mail of a notice."""
        match content:
            case Digest():
                return self._digest(content)
            case ExemptionChange():
                return self._exemption(content)

    def _digest(self, digest: Digest) -> Mail:
        return self._mail(
            str(digest.audience),
            {
                "digest": digest,
                "account": digest.run.account,
                "dry": digest.run.dry_run,
                "groups": grouped(digest.items),
            },
        )

    def _exemption(self, change: ExemptionChange) -> Mail:
        return self._mail(
            "exemption",
            {
                "change": change,
                "account": Account(id=change.account),
                "dry": False,
                "groups": (),
            },
        )

    def _mail(self, folder: str, about: Mapping[str, object]) -> Mail:
        facts = {**about, "admin": self._admin}
        # Words reach a page as plain text, never as markup: there they are escaped.
        facts["say"] = self._speaker(facts)
        return Mail(
            subject=_line(self._render(f"{folder}/subject.txt", facts)),
            text=self._render(f"{folder}/body.txt", facts),
            html=self._render(f"{folder}/body.html", facts),
        )

    def _render(self, name: str, facts: Mapping[str, object]) -> str:
        return self._templates.get_template(name).render(facts).strip() + "\n"

    def _speaker(self, facts: Mapping[str, object]) -> Callable[..., list[str]]:
        """Give templates the words: the lines that a macro of words.txt writes."""
        words = self._templates.get_template(_WORDS).make_module(dict(facts))

        def say(macro: str, *about: object) -> list[str]:
            said = str(getattr(words, macro)(*about))
            return [line for line in map(_line, said.splitlines()) if line]

        return say


def packaged() -> BaseLoader:
    """The templates that come with the package."""
    return PackageLoader("keyturn.mail")


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


def full_day(day: date) -> str:
    """A date that nobody mistakes: Thursday 11 March 2027 (UTC)."""
    return f"{day:%A} {day.day} {day:%B %Y} (UTC)"


def short_day(day: date) -> str:
    """A date for a subject: 11 March."""
    return f"{day.day} {day:%B}"


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
    host = next(
        (host for prefix, host in _CONSOLES.items() if region.startswith(prefix)),
        f"{place}.console.aws.amazon.com",
    )
    return f"https://{host}/secretsmanager/secret?name={name}&region={place}"


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
    return _markup(_MARKED.sub(r'<code class="whole">\1</code>', str(escape(text))))


def command(text: str) -> Markup:
    """A command for a page, whose lines break before an option and never within."""
    return _markup(_OPTION.sub(r'<span class="whole">\1</span>', str(escape(text))))


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
        loader=loader,
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
    }
    environment.globals |= {
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
        "read_command": read_command,
        "enable_command": command_to_enable,
        "undo_command": undo_command,
        "console_link": console_link,
    }
    return environment
