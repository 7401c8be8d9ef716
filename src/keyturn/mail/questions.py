"""What templates may ask of a notice, and how the notices of a mail are put together."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from keyturn.domain.decision import Action, NoticeType, Overlay, Reason
from keyturn.domain.events import NoticeItem
from keyturn.domain.owner import WHERE

URGENCY: Final = (
    NoticeType.REVOKED,
    NoticeType.BEFORE_DISABLE,
    NoticeType.DISABLED,
    NoticeType.BEFORE_DELETE,
    NoticeType.ROTATED,
    NoticeType.RETIRING,
    NoticeType.GRACE_RENEWED,
    NoticeType.EXEMPTION_OVER,
    NoticeType.EXEMPTION_ENDS,
    NoticeType.DEFERRED,
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
    NoticeType.EXEMPTION_ENDS,
}
_WITHOUT_INSTALL: Final = {NoticeType.DELETED}
_PARAMETERS: Final = re.compile(r" \([A-Z]\w+=[^()]*\)")
"""What a reason says of our parameters: (RotationPeriod=90)."""


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
        case NoticeType.UPCOMING | NoticeType.EXEMPTION_ENDS:
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
