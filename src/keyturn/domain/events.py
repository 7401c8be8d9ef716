"""What happened, as values that notices, audit, metrics and reports are made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from keyturn.domain.decision import Action, Decision, Next, Notice, Overlay, State
from keyturn.domain.key import Account, Act


class EventType(StrEnum):
    """The detail types on the bus; `source` is iam.key-rotation."""

    WARNED = "Key Warned"
    ROTATED = "Key Rotated"
    NOTICED = "Key Noticed"
    DISABLED = "Key Disabled"
    DELETED = "Key Deleted"
    RESTORED = "Key Restored"
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
    """One key in a mail: what was or will be done, why, when next, and where the new key lies."""

    user: str
    key_id: str
    age: int
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
    """The name of the secret in which that key lies, if Keyturn delivered it."""

    @property
    def disable_on(self) -> date | None:
        """The promised date of disabling."""
        return self.notice.promises.get(Act.DISABLE)

    @property
    def delete_on(self) -> date | None:
        """The promised date of deletion."""
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
    """Where the account's secrets lie."""
    items: tuple[NoticeItem, ...]
    failures: tuple[str, ...] = ()
    """For the admin: what went wrong, a sentence each."""
    proves: bool = True
    """Whether its acceptance is the receipt of its items: the owner's, or the admin's instead."""


def notice_item(user: str, decision: Decision, notice: Notice, secret: str | None) -> NoticeItem:
    """Take what a mail needs from a decision."""
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
