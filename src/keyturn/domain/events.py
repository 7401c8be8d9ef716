"""What happened, as values that notices, audit, metrics and reports are made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from keyturn.domain.decision import Action, Decision, Next, Notice, Overlay, State, Told
from keyturn.domain.errors import InvalidValue
from keyturn.domain.forms import DigestForm, DigestItem
from keyturn.domain.key import Account, Act
from keyturn.domain.plain_text import shown

SOURCE: Final = "iam.key-rotation"


class EventType(StrEnum):
    """The detail types on the bus."""

    WARNED = "Key Warned"
    ROTATED = "Key Rotated"
    NOTICED = "Key Noticed"
    DISABLED = "Key Disabled"
    DELETED = "Key Deleted"
    RESTORED = "Key Restored"
    REVOKED = "Key Revoked"
    BLOCKED = "Key Blocked"
    ORPHAN_REMOVED = "Orphan Removed"
    EXEMPTION_CHANGED = "Exemption Changed"
    ROTATION_FAILED = "Rotation Failed"
    ACCOUNT_FAILED = "Account Failed"
    RUN_COMPLETED = "Run Completed"
    NOTICES_DUE = "Notices Due"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run over one account."""

    id: str
    """What all events, receipts and audit entries of the run bear (names.RUN_ID)."""
    account: Account
    at: datetime
    """When it began, UTC."""
    dry_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry for the bus; detail holds plain JSON values only."""

    type: EventType
    run: Run
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeItem:
    """One key in a mail: what is done, why, when next, and where the new key is stored."""

    user: str
    key_id: str
    age: int
    """Whole days since its CreateDate."""
    state: State
    overlays: frozenset[Overlay]
    action: Action
    reason: str
    sentence: str
    notice: Notice
    next: Next | None = None
    successor: str | None = None
    """The id of the key that takes its place, if there is one."""
    secret: str | None = None
    """The name of the secret in which that key is stored, if Keyturn delivered it."""

    @property
    def disable_on(self) -> date | None:
        """The promised date of disabling, UTC; None: none is promised."""
        return self.notice.promises.get(Act.DISABLE)

    @property
    def delete_on(self) -> date | None:
        """The promised date of deletion, UTC; None: none is promised."""
        return self.notice.promises.get(Act.DELETE)


class Audience(StrEnum):
    """For whom a digest is written."""

    OWNER = "owner"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """One mail: all that one address is told of one run over one account."""

    run: Run
    audience: Audience
    address: str
    region: str
    """The region in which the account's secrets are stored."""
    items: tuple[NoticeItem, ...]
    failures: tuple[str, ...] = ()
    """For the admin: what went wrong, a sentence each."""
    part: int = 1
    """A digest too long for one event comes in parts, each a mail of its own."""
    proves: bool = True
    """Whether its acceptance is the receipt of its items: the owner's, or the admin's instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail, rendered."""

    subject: str
    text: str
    html: str


def notice_item(user: str, decision: Decision, notice: Notice, secret: str | None) -> NoticeItem:
    """
    Take what a mail needs from a decision.

    secret: the name of the secret that holds the successor; None: Keyturn delivered none.
    """
    return NoticeItem(
        user=user,
        key_id=decision.key_id,
        age=decision.age,
        state=decision.state,
        overlays=decision.overlays,
        action=decision.action,
        reason=decision.reason,
        sentence=decision.sentence,
        notice=notice,
        next=decision.next,
        successor=decision.successor,
        secret=secret,
    )


def digest_to_json(digest: Digest) -> DigestForm:
    """A digest in plain JSON values, as it travels over the bus."""
    run = digest.run
    return {
        "run": {
            "id": run.id,
            "at": run.at.isoformat(),
            "dry_run": run.dry_run,
            "account": {
                "id": run.account.id,
                "name": run.account.name,
                "email": run.account.email,
            },
        },
        "audience": digest.audience.value,
        "address": digest.address,
        "region": digest.region,
        "failures": list(digest.failures),
        "proves": digest.proves,
        "part": digest.part,
        "items": [_item_to_json(item) for item in digest.items],
    }


def _item_to_json(item: NoticeItem) -> DigestItem:
    return {
        "user": item.user,
        "key": item.key_id,
        "age": item.age,
        "state": item.state,
        "overlays": sorted(item.overlays),
        "action": item.action,
        "reason": item.reason,
        "sentence": shown(item.sentence),
        "told": item.notice.told,
        "day": item.notice.day.isoformat(),
        "variant": item.notice.variant,
        "promises": {act: day.isoformat() for act, day in item.notice.promises.items()},
        "next": (
            {"action": item.next.action, "date": item.next.day.isoformat()} if item.next else None
        ),
        "successor": item.successor,
        "secret": item.secret,
    }


def digest_from_json(detail: Mapping[str, Any]) -> Digest:
    """Read a digest back. Raises InvalidValue where it is none."""
    try:
        run = detail["run"]
        return Digest(
            run=Run(
                id=run["id"],
                at=datetime.fromisoformat(run["at"]),
                dry_run=run["dry_run"],
                account=Account(
                    id=run["account"]["id"],
                    name=run["account"]["name"],
                    email=run["account"]["email"],
                ),
            ),
            audience=Audience(detail["audience"]),
            address=detail["address"],
            region=detail["region"],
            failures=tuple(detail["failures"]),
            proves=detail["proves"],
            part=detail["part"],
            items=tuple(_item_from_json(item) for item in detail["items"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidValue("detail", f"{type(error).__name__}: {error}", "is no digest") from error


def _item_from_json(item: Mapping[str, Any]) -> NoticeItem:
    coming = item["next"]
    return NoticeItem(
        user=item["user"],
        key_id=item["key"],
        age=item["age"],
        state=State(item["state"]),
        overlays=frozenset(Overlay(overlay) for overlay in item["overlays"]),
        action=Action(item["action"]),
        reason=item["reason"],
        sentence=item["sentence"],
        notice=Notice(
            told=Told(item["told"]),
            day=date.fromisoformat(item["day"]),
            variant=item["variant"],
            promises={Act(act): date.fromisoformat(day) for act, day in item["promises"].items()},
        ),
        next=(
            Next(Action(coming["action"]), date.fromisoformat(coming["date"])) if coming else None
        ),
        successor=item["successor"],
        secret=item["secret"],
    )
