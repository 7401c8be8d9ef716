"""What happened, as values that notices, audit, metrics and reports are made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from keyturn.domain.amounts import pluralize
from keyturn.domain.decision import DecisionSummary, Notice
from keyturn.domain.key import Account, Act
from keyturn.domain.key_usage import KeyUsage
from keyturn.domain.owner import OwnerChannels, OwnerSource
from keyturn.domain.recipient import Recipient

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
    SECRET_SCHEDULED = "Secret Scheduled"  # noqa: S105 -- a name, not a password
    EXEMPTION_CHANGED = "Exemption Changed"
    ROTATION_FAILED = "Rotation Failed"
    ACCOUNT_FAILED = "Account Failed"
    RUN_COMPLETED = "Run Completed"
    NOTICES_DUE = "Notices Due"
    DIGEST_DUE = "Digest Due"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run over one account."""

    id: str
    """What all events, receipts and audit entries of the run bear (names.RUN_ID)."""
    account: Account
    at: datetime
    """When it began, UTC."""
    dry_run: bool
    held: str | None = None
    """Why its account is not enforced, a sentence of the stage; None: it may be (stage.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry for the bus; detail holds plain JSON values only."""

    type: EventType
    run: Run
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeItem(DecisionSummary):
    """One key in a mail: what is done, why, when next, and where the new key is stored."""

    user: str
    notice: Notice
    secret: str | None = None
    """The name of the secret in which the successor is stored, if Keyturn delivered it."""
    usage: KeyUsage | None = None
    """Where both keys are used; None: nobody looked, or an earlier version wrote it."""
    named_by: OwnerSource | None = None
    """The source that names the recipient as its owner; None: an earlier version wrote it."""
    channels: OwnerChannels | None = None
    """Where its owner is reached beside mail; None: nowhere but by the address of their mail."""
    has_smtp_passwords: bool = False
    """Whether the secret of a key made in this run also holds passwords for SES's SMTP."""

    @property
    def days(self) -> Sequence[date]:
        """All dates that its notice names, in their order, UTC."""
        return sorted({self.notice.day, *self.notice.promises.values()})

    @property
    def disable_on(self) -> date | None:
        """The promised date of disabling, UTC; None: none is promised."""
        return self.promises.get(Act.DISABLE)

    @property
    def delete_on(self) -> date | None:
        """The promised date of deletion, UTC; None: none is promised."""
        return self.promises.get(Act.DELETE)


class Audience(StrEnum):
    """For whom a digest is written."""

    OWNER = "owner"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class OddValues:
    """What stands for owners' addresses and does not serve, as far as people read on."""

    count: int = 0
    first: tuple[str, ...] = ()
    """A sentence each."""

    @property
    def more(self) -> int:
        """How many are not named here: the log names all."""
        return self.count - len(self.first)


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """One mail: all that one recipient is told of one run over one account."""

    run: Run
    audience: Audience
    recipient: Recipient
    region: str
    """The region in which the account's secrets are stored."""
    items: tuple[NoticeItem, ...]
    failures: tuple[str, ...] = ()
    """For the admin: what went wrong, a sentence each."""
    odd: OddValues = OddValues()
    """For the admin. Apart from the failures: whoever may tag users must not hide one."""
    part: int = 1
    """A digest too long for one event comes in parts, each a mail of its own."""
    proves: bool = True
    """Whether its acceptance is the receipt of its items: the owner's, or the admin's instead."""

    @property
    def address(self) -> str:
        """The recipient's address."""
        return self.recipient.address


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail, rendered."""

    subject: str
    text: str
    html: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further headers: name → value, in ASCII."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BriefNote:
    """What is said of one key; in each line `what stands in such marks` is code."""

    user: str
    key_id: str
    todo: str
    """What to do by when, in one line."""
    what: tuple[str, ...]
    dates: tuple[str, ...]
    steps: tuple[str, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """All of it but what to do, for a channel that knows no lists."""
        return (
            *self.what,
            *(f"• {each}" for each in self.dates),
            *(f"{number}. {each}" for number, each in enumerate(self.steps, 1)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """A notice; names and messages of others in it make no link."""

    subject: str
    top: tuple[str, ...]
    failures: tuple[str, ...] = ()
    notes: tuple[BriefNote, ...] = ()
    """The most urgent first."""


def left_out(number: int, thing: str) -> str:
    """Say of how much a message has no room, and who has it."""
    return f"and {pluralize(number, f'more {thing}')}: the mail shows all of them"


def notice_item(
    user: str, decision: DecisionSummary, notice: Notice, secret: str | None
) -> NoticeItem:
    """
    Take what a mail needs from a decision; the notice need not be the decision's own.

    secret: the name of the secret that holds the successor; None: Keyturn delivered none.
    """
    summary = {each.name: getattr(decision, each.name) for each in fields(DecisionSummary)}
    return NoticeItem(**{**summary, "user": user, "notice": notice, "secret": secret})
