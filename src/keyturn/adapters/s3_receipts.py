"""
The notifier's memory and the engine's proof: one object for each notice and recipient.

    <prefix>/receipts/<account>/<user>/<key id>/<step>/<day>[_<delete day>].<recipient>.json
    <prefix>/receipts/<account>/<user>/<key id>/<step>/<day>[_<delete day>].<recipient>.admin.json
    <prefix>/receipts/<account>/_dry-run/<audience>/<hash of the address>/<day>….<recipient>.json
    <prefix>/receipts/<account>/_runs/<run id>.<recipient>.json
    <prefix>/receipts/<account>/_exemptions/<event id>.<recipient>.json
    <prefix>/receipts/_daily/<day>.<recipient>.json
    <prefix>/receipts/_runs/<run id>.<recipient>.json    one mail of a run over many accounts
    <prefix>/receipts/_weekly/<week>.<recipient>.json    and _monthly/<month>: a report

<recipient> is `<channel>.<hash of the address>`. Whatever the engine wants to know stands in the
name, the size and the time of an object, so lists are all that it costs: one for many keys, where
a run asks for many (s3_folders_ahead.py). A claim is the 36 characters of a uuid and nothing else;
a receipt is longer. `<name>.bounced` beside a receipt voids it, `<name>.delivered` says that it
arrived, and since when, `<name>.missed` that it did not, and the next one may.

    <prefix>/receipts/_undeliverable/<recipient>.<since>.json     no message reaches them

The channels beside mail write the same under `<prefix>/channels/`, another role's folder. There
the engine looks only if one of them is chosen to prove (ProvingChannels), and believes that one
alone: what names mail there, or nobody, or a channel that is not chosen, is nobody's receipt.

Until docs/decisions/0034 a name held no recipient, and all were e-mail's. Such receipts count as
before: old and new names lie side by side under one prefix, and are read alike.
"""

from bisect import bisect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from itertools import chain
from typing import TYPE_CHECKING, Final
from urllib.parse import quote
from uuid import uuid4

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import AlreadyThere, ClaimInProgress, InvalidValue, NotFound
from keyturn.domain.events import Audience, Digest, NoticeItem
from keyturn.domain.exemption import ExemptionChange
from keyturn.domain.key import Act, Receipt, SentNotice
from keyturn.domain.recipient import ChannelName, Recipient, RecipientId
from keyturn.domain.secret_names import encode
from keyturn.domain.tag_text import format_utc
from keyturn.ports import Claim, ClaimItem, ClaimState
from keyturn.schemas.receipt import (
    BOUNCED,
    CLAIM_SIZE,
    DAILY,
    DELIVERED,
    MISSED,
    UNDELIVERABLE,
    read_mark_name,
    read_recipient,
    write_receipt,
)
from keyturn.schemas.receipt_name import FATES, ReceiptFile, read_days, read_receipt_file

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ListObjectsV2RequestTypeDef, PutObjectRequestTypeDef

    from keyturn.domain.notice_content import AdminReport

_Listed = Mapping[str, tuple[datetime, int]]
"""Object's name → S3's time of it, UTC; its bytes."""

CLAIM_LIFE: Final = timedelta(minutes=15)
"""A claim without a receipt for so long may be tried again."""

CHANNELS_FOLDER: Final = "channels"
"""Where the channels beside mail write."""
_FOLDER: Final = "receipts"

_JSON: Final = ".json"
_COPY: Final = ".admin.json"
_NOBODY: Final = RecipientId(ChannelName.EMAIL, "")
_DRY_RUN: Final = "_dry-run"  # no key has such an id, so a user of that name is not in the way
_KEYS_HASH: Final = 16
"""Hexadecimal digits; as many as tell recipients apart."""
_RUNS: Final = "_runs"
_EXEMPTIONS: Final = "_exemptions"
_PROMISES: Final[Mapping[str, tuple[Act, ...]]] = {
    "disable": (Act.DISABLE, Act.DELETE),
    "delete": (Act.DELETE,),
    "before-disable": (Act.DISABLE,),
    "before-delete": (Act.DELETE,),
}
"""Step → the acts whose dates stand in the name, in their order; other steps promise nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """An object, as S3 describes it without handing it out; a list gives no claim_id."""

    at: datetime
    etag: str
    is_receipt: bool
    claim_id: str | None = None

    def state(self, now: datetime, *, voided: bool) -> ClaimState:
        """How far the sending of what it stands for is."""
        if self.is_receipt:
            return ClaimState.EXPIRED if voided else ClaimState.COMPLETED
        return ClaimState.IN_PROGRESS if now - self.at < CLAIM_LIFE else ClaimState.EXPIRED


@dataclass(frozen=True, slots=True, kw_only=True)
class _Name:
    """The name of what is sent: all of it but the recipient."""

    stem: str
    ending: str = _JSON

    def to(self, recipient: Recipient) -> str:
        """The name of the object that stands for its sending to this recipient."""
        return f"{self.stem}.{recipient.id}{self.ending}"

    @property
    def without_recipient(self) -> str:
        """The name that stood for its sending to anybody, until decision 0034."""
        return self.stem + self.ending


class S3Receipts:
    """
    Meets `ports.Receipts` and `ports.ReceiptBook`.

    The notifier needs s3:PutObject, GetObject (HeadObject and If-Match ask for it, too) and
    DeleteObject on `<prefix>/receipts/*`, and s3:ListBucket on that prefix, without which S3
    answers "denied" instead of "not there". The engine needs s3:ListBucket alone,
    there and, for `besides`, on `<prefix>/channels/*`.
    """

    def __init__(  # noqa: PLR0913 -- what the engine reads with, and what the notifier writes with
        self,
        s3: "S3Client",
        *,
        bucket: str,
        prefix: str = "",
        folder: str = _FOLDER,
        besides: Collection[ChannelName] = (),
        ahead: Callable[[str, str], _Listed | None] = lambda _within, _folder: None,
    ) -> None:
        """
        Keep receipts in a folder, mail's unless another is named.

        besides: the channels beside mail that prove, whose receipts the engine reads too.
        ahead: what is known already of a key's folder, within its account's; None: nothing is.
        """
        self._s3 = s3
        self._pages = s3.get_paginator("list_objects_v2")
        self._bucket = bucket
        self._root = "/".join(filter(None, (prefix.strip("/"), folder)))
        self._channels = "/".join(filter(None, (prefix.strip("/"), CHANNELS_FOLDER)))
        self._besides = frozenset(besides)
        self._ahead = ahead

    # What the engine asks

    def of_key(self, account: str, user: str, key_id: str) -> tuple[Receipt, ...]:
        """The valid receipts of a key: neither claims, nor bounced, nor of a dry run."""
        sent = self.notices_of_key(account, user, key_id)
        return tuple(each.receipt for each in sent if each.bounced_at is None)

    def notices_of_key(self, account: str, user: str, key_id: str) -> tuple[SentNotice, ...]:
        """All that was sent about a key to owners, what came back too, in the order of sending."""
        key = f"{encode(user)}/{key_id}/"
        sent = self._sent(f"{self._root}/{account}/", key, frozenset({ChannelName.EMAIL}))
        if self._besides:
            sent += self._sent(f"{self._channels}/{account}/", key, self._besides)
        return tuple(sorted(sent, key=lambda each: each.receipt.at))

    def _sent(self, within: str, key: str, channels: frozenset[ChannelName]) -> list[SentNotice]:
        """What a folder holds of a key; what is not of these channels is nobody's."""
        folder = f"{within}{key}"
        listed = self._all_in(within, folder)
        times = {name: at for name, (at, _) in listed.items()}
        return [
            SentNotice(
                receipt=replace(
                    receipt,
                    delivered_at=times.get(name + DELIVERED),
                    missed_at=times.get(name + MISSED),
                ),
                bounced_at=times.get(name + BOUNCED),
            )
            for name, at in _receipts(listed)
            if (receipt := _read(name.removeprefix(folder), at, channels)) is not None
        ]

    def undeliverable(self) -> Mapping[RecipientId, datetime]:
        """The recipients that no message reached → since when, by the last mark of it, UTC."""
        folder = f"{self._root}/{UNDELIVERABLE}/"
        dead: dict[RecipientId, datetime] = {}
        for name, (at, _) in self._listed(folder).items():
            if mark := read_mark_name(name.removeprefix(folder), at):
                recipient, since = mark
                dead[recipient] = max(since, dead.get(recipient, since))
        return dead

    def last_dry_run_digest(self, account: str, recipient: Recipient) -> datetime | None:
        """When that recipient was last sent a dry-run digest of the account."""
        within = f"{self._root}/{account}/{_DRY_RUN}/"
        listed = self._all_in(within, f"{within}{Audience.OWNER}/{recipient.address_hash}/")
        sent = (
            at
            for name, at in _receipts(listed)
            if name + BOUNCED not in listed and _may_be_to(recipient, name)
        )
        return max(sent, default=None)

    def _all_in(self, within: str, folder: str) -> _Listed:
        """What is in a folder, as it is known already, or listed now."""
        known = self._ahead(within, folder)
        return self._listed(folder) if known is None else known

    def _listed(self, folder: str) -> _Listed:
        """What is in a folder, whole or not at all: name → (S3's time of it, UTC; bytes)."""
        # What voids a receipt may stand on the next page, and half a list would be taken for
        # "nobody was notified of the rest". The time is by S3's clock, which no notifier can set
        # back: windows begin by it (decision 0007).
        with aws_errors_translated():
            pages = self._pages.paginate(Bucket=self._bucket, Prefix=folder)
            return {
                thing["Key"]: (thing["LastModified"].astimezone(UTC), thing["Size"])
                for thing in chain.from_iterable(page.get("Contents", []) for page in pages)
            }

    # What the notifier notes down

    def claims_of(
        self,
        digest: Digest,
        items: Sequence[NoticeItem | None],
        now: datetime,
        *,
        is_first_try: bool = False,
    ) -> ClaimItem:
        """
        Look once at what is known of all these items; what it gives back claims one of them.

        A single item that nobody is known to have tried before is claimed without a look, which
        would find nothing, and be a call more. What it gives back raises ClaimInProgress while
        another claim of the item is IN_PROGRESS, InvalidValue where the notice promises what no
        receipt's name can hold.
        """
        account = digest.run.account.id
        names = []
        for item in items:
            with suppress(InvalidValue):  # raised where the item is claimed
                names.append(self._name_in(account, _name(digest, item)))
        is_new = is_first_try and len(items) == 1
        seen = {} if is_new else self._seen(account, names)
        return lambda item: self._claim(
            self._name_in(account, _name(digest, item)), digest.recipient, digest.run.id, now, seen
        )

    def claim_change(
        self, change: ExemptionChange, recipient: Recipient, now: datetime
    ) -> Claim | None:
        """Claim a change of the exemption group. Raises ClaimInProgress likewise."""
        name = self._name_in(
            change.account, _Name(stem=f"{_EXEMPTIONS}/{quote(change.id, safe='')}")
        )
        seen = self._seen(change.account, [name])
        return self._claim(name, recipient, change.id, now, seen)

    def claim_report(
        self, report: "AdminReport", recipient: Recipient, now: datetime
    ) -> Claim | None:
        """Claim what the administrators are sent of a time. Raises ClaimInProgress likewise."""
        folder, what = _place_of(report)
        name = self._name_in(folder, _Name(stem=what))
        seen = self._seen(folder, [name])
        return self._claim(name, recipient, what, now, seen)

    def _name_in(self, account: str, name: _Name) -> _Name:
        return replace(name, stem=f"{self._root}/{account}/{name.stem}")

    def _seen(self, account: str, names: Sequence[_Name]) -> Mapping[str, _Found]:
        """
        What there is under these names, old and new, with what voids it: object's name → what.

        It lists from name to name, and skips what lies between where that is more than a page: so
        it takes no more lists than there are names, and no more than the account's receipts have
        pages (decision 0040). S3's lists are as new as its last write:
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel
        """
        wanted = sorted({f"{name.stem}." for name in names})
        seen: dict[str, _Found] = {}
        request: ListObjectsV2RequestTypeDef = {"Bucket": self._bucket}
        while wanted:
            request["Prefix"] = wanted[0] if len(wanted) == 1 else f"{self._root}/{account}/"
            request.setdefault("StartAfter", wanted[0])
            with aws_errors_translated():
                page = self._s3.list_objects_v2(**request)
            found = page.get("Contents", [])
            for thing in found:
                nearest = wanted[max(bisect(wanted, thing["Key"]) - 1, 0)]
                if thing["Key"].startswith(nearest):
                    seen[thing["Key"]] = _Found(
                        at=thing["LastModified"].astimezone(UTC),
                        etag=thing["ETag"],
                        is_receipt=thing["Size"] > CLAIM_SIZE,
                    )
            if not page["IsTruncated"]:
                break
            if not found:  # nothing but deleted objects, in a bucket that keeps them
                request["ContinuationToken"] = page["NextContinuationToken"]
                continue
            request.pop("ContinuationToken", None)
            last = found[-1]["Key"]  # names are ASCII: their order here is S3's, that of bytes
            wanted = [each for each in wanted if each > last or last.startswith(each)]
            request["StartAfter"] = max(last, *wanted[:1])
        return seen

    def _claim(
        self,
        sent: _Name,
        recipient: Recipient,
        run: str,
        now: datetime,
        seen: Mapping[str, _Found],
    ) -> Claim | None:
        if self._was_sent_under_old_name(sent.without_recipient, recipient, now, seen):
            return None
        name = sent.to(recipient)
        claim_id = str(uuid4())
        found = seen.get(name)
        fates = [fate for fate in FATES if name + fate in seen]
        bounced = BOUNCED in fates
        if found is None:
            # Write, and look only if somebody was faster. What was not there a moment ago may be
            # there now: two notifiers that went by a look would both find nothing, and both send.
            with suppress(AlreadyThere):
                return self._put_claim(name, recipient, run, claim_id)
            found = self._look(name)
            if found is None:
                raise ClaimInProgress(f"{name} was given back a moment ago")
            if (
                found.claim_id == claim_id
            ):  # S3 had taken it, but its answer was lost and the SDK tried again
                return Claim(name=name, recipient=recipient, run=run, etag=found.etag)
            bounced = found.is_receipt and self._look(name + BOUNCED) is not None
            fates = list(FATES)
        match found.state(now, voided=bounced):
            case ClaimState.COMPLETED:
                return None
            case ClaimState.IN_PROGRESS:
                raise ClaimInProgress(f"{name} has been claimed since {format_utc(found.at)}")
            case ClaimState.EXPIRED:
                pass
        try:
            # If-Match: of two that find the same dead claim, one takes it over.
            claim = self._put_claim(name, recipient, run, claim_id, instead_of=found.etag)
        except (AlreadyThere, NotFound):
            raise ClaimInProgress(f"{name} was claimed by another a moment ago") from None
        # Only now: had we died before, the old receipt would have counted again. Of a claim, too:
        # its message may have come back before whoever sent it could confirm it. What comes back
        # after the look is of the same address, and so is what it says.
        for fate in fates:
            with aws_errors_translated():
                self._s3.delete_object(Bucket=self._bucket, Key=name + fate)
        return claim

    def _was_sent_under_old_name(
        self, name: str, recipient: Recipient, now: datetime, seen: Mapping[str, _Found]
    ) -> bool:
        """
        Whether an earlier version sent this very recipient the same.

        Raises ClaimInProgress while it does so.

        Only around an upgrade is there anything to find: the queue may hand over once more what
        the earlier version sent, and one of its notifiers may still be at work. Its receipt names
        channel and address inside. One that is of another recipient, or cannot be read, keeps
        nobody from being told: better twice than never.
        """
        found = seen.get(name)
        if found is None:
            return False
        match found.state(now, voided=name + BOUNCED in seen):
            case ClaimState.COMPLETED:
                notified = read_recipient(self._body_of(name))
                return notified is not None and notified.is_same_as(recipient)
            case ClaimState.IN_PROGRESS:
                raise ClaimInProgress(f"{name} has been claimed since {format_utc(found.at)}")
            case ClaimState.EXPIRED:
                return False

    def confirm(self, claim: Claim, *, message_id: str, now: datetime) -> None:
        """
        Turn the claim into the receipt.

        Also if another has taken the claim over by now: what was accepted, was accepted.
        """
        *_, step, name = claim.name.split("/")
        promises = _promises(step, read_days(name.partition(".")[0]))
        receipt = write_receipt(
            claim.recipient,
            at=now,
            message_id=message_id,
            promises=promises,
            run=claim.run,
        )
        with aws_errors_translated():
            self._s3.put_object(
                Bucket=self._bucket,
                Key=claim.name,
                Body=receipt,
                ContentType="application/json",
            )

    def release(self, claim: Claim) -> None:
        """Give the claim back; if it is not ours any more, leave it."""
        # If-Match: what another has put there meanwhile is their claim, or the proof of a mail.
        with suppress(AlreadyThere, NotFound), aws_errors_translated():
            self._s3.delete_object(Bucket=self._bucket, Key=claim.name, IfMatch=claim.etag)

    def _put_claim(
        self,
        name: str,
        recipient: Recipient,
        run: str,
        claim_id: str,
        *,
        instead_of: str | None = None,
    ) -> Claim:
        request: PutObjectRequestTypeDef = {
            "Bucket": self._bucket,
            "Key": name,
            "Body": claim_id.encode(),
            "Metadata": {"claim": claim_id},
        }
        if instead_of is None:
            request["IfNoneMatch"] = "*"
        else:
            request["IfMatch"] = instead_of
        with aws_errors_translated():
            answer = self._s3.put_object(**request)
        return Claim(name=name, recipient=recipient, run=run, etag=answer["ETag"])

    def _body_of(self, name: str) -> bytes:
        with aws_errors_translated():
            return self._s3.get_object(Bucket=self._bucket, Key=name)["Body"].read()

    def _look(self, name: str) -> _Found | None:
        with suppress(NotFound), aws_errors_translated():
            head = self._s3.head_object(Bucket=self._bucket, Key=name)
            return _Found(
                at=head["LastModified"],
                etag=head["ETag"],
                is_receipt=head["ContentLength"] > CLAIM_SIZE,
                claim_id=head["Metadata"].get("claim"),
            )
        return None


def _place_of(report: "AdminReport") -> tuple[str, str]:
    """The folder of a report's receipt, and what it is of."""
    # Whoever only reads receipts need not load what reports are made of.
    from keyturn.domain.period_report import PeriodReport  # noqa: PLC0415 -- as said

    if isinstance(report, PeriodReport):
        return f"_{report.period.kind}", report.period.name
    # A run from a command line must not take the place of the day's digest.
    return (_RUNS, report.run) if report.run else (DAILY, report.day.isoformat())


def _name(digest: Digest, item: NoticeItem | None) -> _Name:
    """The path below the account; what is promised stands in it."""
    ending = _JSON if digest.proves else _COPY
    if item is not None:
        notice = item.notice
        days = [notice.day, *sorted(set(notice.promises.values()) - {notice.day})]
        # The engine reads names alone: a promise that its name cannot hold would be forgotten, and
        # the key would end before the date that its owner was told.
        if _promises(notice.step, days) != notice.promises:
            raise InvalidValue(notice.step, notice.promises, "a receipt's name cannot hold this")
        dates = "_".join(day.isoformat() for day in days)
        return _Name(
            stem=f"{encode(item.user)}/{item.key_id}/{notice.step}/{dates}", ending=ending
        )
    run = quote(digest.run.id, safe="")
    if not digest.run.dry_run:
        return _Name(stem=f"{_RUNS}/{run}")
    # The run's own day: a redelivery after midnight is still the same digest.
    day = digest.run.at.date().isoformat()
    if digest.audience is Audience.ADMIN:  # who gets one a run, not one a day
        day = f"{day}_{run}"
    if digest.part > 1:
        day = f"{day}_{digest.part}"
    if digest.recipient.channel is not ChannelName.EMAIL and digest.items:
        # One place may be that of several owners, whose digests come each by itself.
        keys = "\n".join(sorted(item.key_id for item in digest.items))
        day = f"{day}_{sha256(keys.encode()).hexdigest()[:_KEYS_HASH]}"
    folder = f"{_DRY_RUN}/{digest.audience}/{digest.recipient.address_hash}"
    return _Name(stem=f"{folder}/{day}", ending=ending)


def _receipts(listed: _Listed) -> Iterator[tuple[str, datetime]]:
    """The receipts of a folder with their times, also those that a bounce voids."""
    for name, (at, size) in listed.items():
        # A claim proves nothing: a key would be disabled on a mail that was never sent.
        if size > CLAIM_SIZE and not name.endswith(FATES):
            yield name, at


def _may_be_to(recipient: Recipient, name: str) -> bool:
    """Whether a dry run's object in the folder of the address is of the recipient's channel."""
    _, _, ending = name.rpartition("/")[2].partition(".")
    if f".{ending}" in {_JSON, _COPY}:  # of before decision 0034: all were e-mail's
        return recipient.channel is ChannelName.EMAIL
    return ending.startswith(f"{recipient.id}.")


def _promises(step: str, days: Sequence[date]) -> dict[Act, date]:
    return dict(zip(_PROMISES.get(step, ()), days, strict=False))


def _read(path: str, at: datetime, channels: Collection[ChannelName]) -> Receipt | None:
    """Read `<step>/<day>[_<delete day>]….json`; None if it is none, or the admin's copy."""
    step, _, name = path.partition("/")
    file = read_receipt_file(name)
    # The admin's copy proves that the admin was told, and no owner (decision 0012): no window.
    if file is None or file.is_copy:
        return None
    return Receipt(
        step=step,
        day=file.days[0],
        at=at,
        promises=_promises(step, file.days),
        to=_whose(file, channels),
    )


def _whose(file: ReceiptFile, channels: Collection[ChannelName]) -> RecipientId | None:
    """Whom a receipt names, in a folder of these channels; None: an earlier version named none."""
    # Mail alone has receipts of before decision 0034. In another folder, such a name would be a
    # way to prove anything to every owner; so would one of a channel that does not write there.
    if not file.recipient and ChannelName.EMAIL in channels:
        return None
    found = file.to
    return found if found is not None and found.channel in channels else _NOBODY
