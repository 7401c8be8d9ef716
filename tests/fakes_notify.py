"""A receipt book and a channel in memory; the book keeps S3Receipts' contract."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from keyturn.domain.admin_digest import AdminDigest
from keyturn.domain.errors import ClaimInProgress, KeyturnError, PortError
from keyturn.domain.events import Audience, Digest, Mail, NoticeItem
from keyturn.domain.exemption import ExemptionChange
from keyturn.domain.key import Receipt, SentNotice
from keyturn.domain.mail_fate import MailEvent
from keyturn.domain.notice_content import AdminReport, NoticeContent
from keyturn.domain.period_report import PeriodReport
from keyturn.domain.recipient import ChannelName, Recipient, RecipientId
from keyturn.ports import Claim, ClaimItem, SentMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing claimed or told."""

    claim: Claim
    at: datetime
    receipt: Receipt | None
    """What the engine would read, once it is told."""
    told: str | None = None
    """The message id."""


@dataclass
class FakeReceipts:
    """Meets `ports.Receipts`, `ports.ReceiptBook` and `ports.SentMessages`."""

    clock: Callable[[], datetime]
    entries: dict[str, Entry] = field(default_factory=dict)
    bounced: set[str] = field(default_factory=set)
    dead: dict[RecipientId, datetime] = field(default_factory=dict)
    refuses: dict[str, KeyturnError] = field(default_factory=dict)
    """What goes wrong, by "claim", "note", "confirm" or "release", and a part of the name."""
    messages: dict[str, SentMessage] = field(default_factory=dict)
    marks: "count[int]" = field(default_factory=count)

    def of_key(self, account: str, user: str, key_id: str) -> tuple[Receipt, ...]:
        folder = f"{account}/{user}/{key_id}/"
        return tuple(
            entry.receipt
            for name, entry in self.entries.items()
            if name.startswith(folder) and name.endswith("/proof") and self._counts(entry)
            if entry.receipt is not None
        )

    def notices_of_key(self, account: str, user: str, key_id: str) -> tuple[SentNotice, ...]:
        return tuple(SentNotice(receipt=each) for each in self.of_key(account, user, key_id))

    def undeliverable(self) -> Mapping[RecipientId, datetime]:
        return self.dead

    def last_dry_run_digest(self, account: str, recipient: Recipient) -> datetime | None:
        folder = f"{account}//{Audience.OWNER}/{_spelt(recipient)}/"
        times = [
            entry.at
            for name, entry in self.entries.items()
            if name.startswith(folder) and self._counts(entry)
        ]
        return max(times, default=None)

    def claims_of(
        self,
        digest: Digest,
        items: Sequence[NoticeItem | None],
        now: datetime,
        *,
        is_first_try: bool = False,
    ) -> ClaimItem:
        self._may_refuse("look", _name(digest, None))
        return lambda item: self.claim(digest, item, now)

    def claim(self, digest: Digest, item: NoticeItem | None, now: datetime) -> Claim | None:
        receipt = None
        if item is not None:
            notice = item.notice
            receipt = Receipt(
                step=notice.step,
                day=notice.day,
                at=now,
                promises=dict(notice.promises),
                to=digest.recipient.id,
            )
        name = _name(digest, item)
        return self._claim(name, digest.recipient, digest.run.id, receipt, now)

    def claim_change(
        self, change: ExemptionChange, recipient: Recipient, now: datetime
    ) -> Claim | None:
        name = f"{change.account}//exemptions/{change.id}/{_spelt(recipient)}"
        return self._claim(name, recipient, change.id, None, now)

    def claim_report(
        self, report: AdminReport, recipient: Recipient, now: datetime
    ) -> Claim | None:
        if isinstance(report, PeriodReport):
            name = f"{report.period.kind}/{report.period.name}"
        else:
            name = f"daily/{report.day.isoformat()}"
        return self._claim(f"{name}/{_spelt(recipient)}", recipient, name, None, now)

    def _claim(
        self, name: str, recipient: Recipient, run: str, receipt: Receipt | None, now: datetime
    ) -> Claim | None:
        self._may_refuse("claim", name)
        entry = self.entries.get(name)
        if entry is not None and entry.told is not None and name not in self.bounced:
            return None
        if entry is not None and not entry.told and now - entry.at < timedelta(minutes=15):
            raise ClaimInProgress(name)
        self.bounced.discard(name)
        claim = Claim(name=name, recipient=recipient, run=run, etag=str(next(self.marks)))
        self.entries[name] = Entry(claim=claim, at=self._second(), receipt=receipt)
        return claim

    def note(self, message: SentMessage, now: datetime) -> None:
        self._may_refuse("note", message.id)
        self.messages[message.id] = message

    def confirm(self, claim: Claim, *, message_id: str, now: datetime) -> None:
        self._may_refuse("confirm", claim.name)
        entry = self.entries[claim.name]
        at = self._second()
        receipt = entry.receipt and Receipt(
            step=entry.receipt.step, day=entry.receipt.day, at=at, promises=entry.receipt.promises
        )
        self.entries[claim.name] = Entry(
            claim=entry.claim, at=at, receipt=receipt, told=message_id
        )

    def release(self, claim: Claim) -> None:
        self._may_refuse("release", claim.name)
        entry = self.entries.get(claim.name)
        if entry is not None and entry.claim.etag == claim.etag:
            del self.entries[claim.name]

    @property
    def told(self) -> list[str]:
        """The names of all that was told."""
        return [name for name, entry in self.entries.items() if entry.told]

    @property
    def claimed(self) -> list[str]:
        """The names of all that is claimed and not told yet."""
        return [name for name, entry in self.entries.items() if not entry.told]

    def _counts(self, entry: Entry) -> bool:
        return entry.told is not None and entry.claim.name not in self.bounced

    def _second(self) -> datetime:
        return self.clock().astimezone(UTC).replace(microsecond=0)

    def _may_refuse(self, what: str, name: str) -> None:
        for fault, error in self.refuses.items():
            kind, _, part = fault.partition(" ")
            if kind == what and part in name:
                raise error


def _name(digest: Digest, item: NoticeItem | None) -> str:
    account, to = digest.run.account.id, _spelt(digest.recipient)
    if item is not None:
        dates = "_".join([str(item.notice.day), *map(str, item.notice.promises.values())])
        about = f"{account}/{item.user}/{item.key_id}/{item.notice.step}/{dates}"
        return f"{about}/{to}/{'proof' if digest.proves else 'copy'}"
    if digest.run.dry_run:
        day = str(digest.run.at.date())
        if digest.audience is Audience.ADMIN:
            day = f"{day}/{digest.run.id}/{digest.proves}"
        return f"{account}//{digest.audience}/{to}/{day}"
    return f"{account}//runs/{digest.run.id}/{to}"


def _spelt(recipient: Recipient) -> str:
    return f"{recipient.channel}:{recipient.normalized_address}"


@dataclass
class FakeChannel:
    """
    Meets `ports.Channel`; sent holds address and mail.

    A message names its keys and failures, or its user, nothing else.
    """

    sent: list[tuple[str, Mail]] = field(default_factory=list)
    error: PortError | None = None
    breaks_on: str | None = None
    """Where a fault of its own ends it: "render" or "send"."""
    name: ChannelName = ChannelName.EMAIL
    turns: list[float] = field(default_factory=list)
    """In how many seconds the next turns come; at once when there are no more."""
    refusals: list[PortError] = field(default_factory=list)
    """What the next attempts meet, before `error`."""
    attempts: int = 0

    def take_turn(self, recipient: Recipient, *, within: float) -> float | None:
        turn = self.turns.pop(0) if self.turns else 0.0
        return turn if turn <= within else None

    def render(self, content: NoticeContent, recipient: Recipient) -> "FakeMessage":
        if self.breaks_on == "render":
            raise ZeroDivisionError
        return FakeMessage(self, recipient, _mail(content))


@dataclass(frozen=True)
class FakeMessage:
    """Meets `ports.RenderedNotice`."""

    channel: FakeChannel
    recipient: Recipient
    mail: Mail

    def send(self) -> str:
        self.channel.attempts += 1
        if self.channel.breaks_on == "send":
            raise ZeroDivisionError
        if self.channel.refusals:
            raise self.channel.refusals.pop(0)
        if self.channel.error is not None:
            raise self.channel.error
        self.channel.sent.append((self.recipient.address, self.mail))
        return f"message-{len(self.channel.sent)}"


def _mail(content: NoticeContent) -> Mail:
    if isinstance(content, ExemptionChange):
        return Mail(subject=str(content.change), text=content.user or "", html="")
    if isinstance(content, AdminDigest):
        return Mail(subject=content.day.isoformat(), text=str(content.keys), html="")
    if isinstance(content, PeriodReport):
        return Mail(subject=content.period.name, text="", html="")
    text = " ".join([*(item.key_id for item in content.items), *content.failures])
    return Mail(subject=f"{len(content.items)} keys", text=text, html="")


@dataclass
class FakeAddresses:
    """Meets `ports.SuppressionList` and `ports.AddressMarks`."""

    suppressed: dict[str, str] = field(default_factory=dict)
    """Address → SES's reason."""
    error: PortError | None = None
    asked: list[str] = field(default_factory=list)
    marked: dict[str, str] = field(default_factory=dict)
    """Address → why it cannot be reached."""

    def why_suppressed(self, recipient: Recipient) -> str | None:
        self.asked.append(recipient.address)
        if self.error is not None:
            raise self.error
        return self.suppressed.get(recipient.address)

    def mark_undeliverable(
        self, recipient: Recipient, *, why: str, since: datetime, message_id: str | None
    ) -> None:
        assert (since.tzinfo, message_id) == (UTC, None)
        self.marked[recipient.address] = why

    def mark_deliverable(self, recipient: Recipient, *, since: datetime) -> bool:
        return self.marked.pop(recipient.address, None) is not None

    def dead_since(self, recipient: Recipient) -> datetime | None:
        raise AssertionError(recipient)

    def note_reached(self, recipient: Recipient, *, sent_at: datetime) -> None:
        raise AssertionError(recipient, sent_at)

    def reached_at(self, recipient: Recipient) -> datetime | None:
        raise AssertionError(recipient)

    def note_returned(self, recipient: Recipient, event: MailEvent) -> None:
        raise AssertionError(recipient, event)

    def was_returned(self, recipient: Recipient, *, after: datetime, before: datetime) -> bool:
        raise AssertionError(recipient, after, before)
