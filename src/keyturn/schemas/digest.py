"""
A digest, as it travels over the bus from the rotation function to the notifier.

Keyturn's own: nobody else is to build on it. `notices_due` checks one before it is read here.
"""

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from datetime import date, datetime
from typing import Annotated, Any, Literal, NotRequired, TypedDict, cast

from keyturn.domain.decision import Notice, NoticeType
from keyturn.domain.errors import InvalidValue
from keyturn.domain.events import Audience, Digest, NoticeItem, OddValues, Run, notice_item
from keyturn.domain.key import Account, Act, LastUse
from keyturn.domain.key_usage import Fetched, KeyUsage, Trail, caller
from keyturn.domain.owner import OwnerChannels, OwnerSource
from keyturn.domain.plain_text import shown
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.schemas.account import AccountId, Moment
from keyturn.schemas.decision import Day, KeyNow, Promised, Prospect, read_decision, write_decision


class DigestAccount(TypedDict):
    """The account that a digest is about."""

    id: AccountId
    name: str
    email: str


class DigestRun(TypedDict):
    """The run that a digest is about."""

    id: str
    at: Moment
    dry_run: bool
    account: DigestAccount


class ShownWhy(TypedDict):
    """Why, as a mail says it; its text shows what hides or turns text."""

    reason: str
    sentence: str


class NoticeForm(TypedDict):
    """The notice: which one it is (told), of which day, and which of several it is."""

    told: NoticeType
    day: Day
    variant: str


class StoredIn(TypedDict):
    """The secret in which the successor is stored, if Keyturn delivered it."""

    secret: str | None


class Use(TypedDict):
    """The last use of a key; at is null where it was never used."""

    at: Moment | None
    service: str | None
    region: str | None


class FetchedOn(TypedDict):
    """Whether the new key was fetched; null: not since it was made."""

    on: Day | None


class CallerForm(TypedDict):
    """Who used the old key, as CloudTrail has it; text of others' making."""

    address: str
    agent: str
    service: str


class TrailForm(TypedDict):
    """From where the old key is used; unread: some of it could not be read."""

    callers: list[CallerForm]
    unread: bool


class Usage(TypedDict):
    """Where both keys are used; null: it is not known."""

    old: Use | None
    new: Use | None
    fetched: FetchedOn | None
    trail: NotRequired[TrailForm]
    """Left out where nobody looked."""


class Used(TypedDict):
    """Left out where nobody looked: digests of an earlier version have none."""

    usage: NotRequired[Usage]


class NamedBy(TypedDict):
    """The source that names the recipient; left out likewise, and for the admin's copy."""

    named_by: NotRequired[OwnerSource]


class ChannelsForm(TypedDict):
    """Where the owner is reached beside mail, as the owners file says."""

    slack_user: NotRequired[str]
    slack_channel: NotRequired[str]
    jira_project: NotRequired[str]
    jira_assignee: NotRequired[str]


class ReachedBy(TypedDict):
    """Left out where the owners file names nothing of it, and in the admin's copy."""

    channels: NotRequired[ChannelsForm]


class WithSmtp(TypedDict):
    """Whether the secret also holds passwords for SES's SMTP; left out where nobody says so."""

    has_smtp_passwords: NotRequired[bool]


class DigestItem(
    KeyNow, ShownWhy, NoticeForm, Promised, Prospect, StoredIn, Used, NamedBy, ReachedBy, WithSmtp
):
    """One key in a digest."""


class OddForm(TypedDict):
    """What stands for owners' addresses and does not serve: how many, and the first of them."""

    count: Annotated[int, ("minimum", 1)]
    first: list[str]


class DigestForm(TypedDict):
    """All that one recipient is told of one run; Keyturn's own, do not build on it."""

    run: DigestRun
    audience: Literal["owner", "admin"]
    channel: NotRequired[ChannelName]
    """Left out for e-mail: digests that wait in a queue while Keyturn is upgraded have none."""
    address: str
    region: str
    failures: list[str]
    odd: NotRequired[OddForm]
    """Left out where there is none."""
    proves: bool
    part: Annotated[int, ("minimum", 1)]
    items: list[DigestItem]


def write_digest(digest: Digest) -> DigestForm:
    """The form of a digest."""
    run, recipient = digest.run, digest.recipient
    form: DigestForm = {
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
        "address": recipient.address,
        "region": digest.region,
        "failures": list(digest.failures),
        "proves": digest.proves,
        "part": digest.part,
        "items": [write_item(item) for item in digest.items],
    }
    if digest.odd.count:
        form["odd"] = {"count": digest.odd.count, "first": list(digest.odd.first)}
    if recipient.channel is not ChannelName.EMAIL:
        form["channel"] = recipient.channel
    return form


def write_item(item: NoticeItem) -> DigestItem:
    """The decision's own form, and the notice: what of them DigestItem names, in its order."""
    form: dict[str, object] = {
        **write_decision(item.user, item),
        "sentence": shown(item.sentence),
        "told": item.notice.type,
        "day": item.notice.day.isoformat(),
        "variant": item.notice.variant,
        "secret": item.secret,
    }
    if item.usage is not None:
        form["usage"] = _write_usage(item.usage)
    if item.named_by is not None:
        form["named_by"] = item.named_by
    if item.channels is not None:
        found = asdict(item.channels)
        form["channels"] = {name: text for name, text in found.items() if text is not None}
    if item.has_smtp_passwords:
        form["has_smtp_passwords"] = True
    return cast(
        "DigestItem", {name: form[name] for name in DigestItem.__annotations__ if name in form}
    )


def _write_usage(usage: KeyUsage) -> Usage:
    form: Usage = {
        "old": _write_use(usage.old),
        "new": _write_use(usage.new),
        "fetched": {"on": usage.fetched.on.isoformat() if usage.fetched.on else None}
        if usage.fetched
        else None,
    }
    if usage.trail is not None:
        callers: list[CallerForm] = [
            {"address": each.address, "agent": each.agent, "service": each.service}
            for each in usage.trail.callers
        ]
        form["trail"] = {"callers": callers, "unread": usage.trail.unread}
    return form


def _write_use(use: LastUse | None) -> Use | None:
    if use is None:
        return None
    return {
        "at": use.at.isoformat() if use.at else None,
        "service": use.service,
        "region": use.region,
    }


def read_digest(detail: Mapping[str, Any]) -> Digest:
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
            recipient=Recipient(
                ChannelName(detail.get("channel", ChannelName.EMAIL)), detail["address"]
            ),
            region=detail["region"],
            failures=tuple(detail["failures"]),
            odd=_read_odd(detail.get("odd")),
            proves=detail["proves"],
            part=detail["part"],
            items=tuple(map(_read_item, detail["items"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidValue("detail", f"{type(error).__name__}: {error}", "is no digest") from error


def _read_odd(odd: Mapping[str, Any] | None) -> OddValues:
    return OddValues(count=odd["count"], first=tuple(odd["first"])) if odd else OddValues()


def _read_item(item: Mapping[str, Any]) -> NoticeItem:
    notice = Notice(
        type=NoticeType(item["told"]),
        day=date.fromisoformat(item["day"]),
        variant=item["variant"],
        promises={Act(act): date.fromisoformat(day) for act, day in item["promises"].items()},
    )
    read = notice_item(item["user"], read_decision(item, notice), notice, item["secret"])
    usage, named_by, channels = (item.get(each) for each in ("usage", "named_by", "channels"))
    return replace(
        read,
        usage=_read_usage(usage) if usage is not None else None,
        named_by=OwnerSource(named_by) if named_by is not None else None,
        channels=_read_channels(channels) if channels is not None else None,
        has_smtp_passwords=item.get("has_smtp_passwords", False),
    )


def _read_channels(channels: Mapping[str, Any]) -> OwnerChannels | None:
    """What of it is known here: a later version may name more."""
    found = OwnerChannels(**{each.name: channels.get(each.name) for each in fields(OwnerChannels)})
    return found if found != OwnerChannels() else None


def _read_usage(usage: Mapping[str, Any]) -> KeyUsage:
    fetched = usage["fetched"]
    return KeyUsage(
        old=_read_use(usage["old"]),
        new=_read_use(usage["new"]),
        fetched=Fetched(date.fromisoformat(fetched["on"]) if fetched["on"] else None)
        if fetched is not None
        else None,
        trail=_read_trail(usage.get("trail")),
    )


def _read_trail(trail: Mapping[str, Any] | None) -> Trail | None:
    if trail is None:
        return None
    callers = (
        caller(each["address"], each["agent"], each["service"]) for each in trail["callers"]
    )
    return Trail(callers=tuple(callers), unread=trail["unread"])


def _read_use(use: Mapping[str, Any] | None) -> LastUse | None:
    if use is None:
        return None
    at = datetime.fromisoformat(use["at"]) if use["at"] else None
    return LastUse(at=at, service=use["service"], region=use["region"])
