"""
A digest, as it travels over the bus from the rotation function to the notifier.

Keyturn's own: nobody else is to build on it. `notices_due` checks one before it is read here.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal, NotRequired, TypedDict, cast

from keyturn.domain.decision import Notice, NoticeType
from keyturn.domain.errors import InvalidValue
from keyturn.domain.events import Audience, Digest, NoticeItem, Run, notice_item
from keyturn.domain.key import Account, Act
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


class DigestItem(KeyNow, ShownWhy, NoticeForm, Promised, Prospect, StoredIn):
    """One key in a digest."""


class DigestForm(TypedDict):
    """All that one recipient is told of one run; Keyturn's own, do not build on it."""

    run: DigestRun
    audience: Literal["owner", "admin"]
    channel: NotRequired[ChannelName]
    """Left out for e-mail: digests that wait in a queue while Keyturn is upgraded have none."""
    address: str
    region: str
    failures: list[str]
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
        "items": [_write_item(item) for item in digest.items],
    }
    if recipient.channel is not ChannelName.EMAIL:
        form["channel"] = recipient.channel
    return form


def _write_item(item: NoticeItem) -> DigestItem:
    """The decision's own form, and the notice: what of them DigestItem names, in its order."""
    fields: dict[str, object] = {
        **write_decision(item.user, item),
        "sentence": shown(item.sentence),
        "told": item.notice.type,
        "day": item.notice.day.isoformat(),
        "variant": item.notice.variant,
        "secret": item.secret,
    }
    return cast("DigestItem", {name: fields[name] for name in DigestItem.__annotations__})


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
            proves=detail["proves"],
            part=detail["part"],
            items=tuple(map(_read_item, detail["items"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidValue("detail", f"{type(error).__name__}: {error}", "is no digest") from error


def _read_item(item: Mapping[str, Any]) -> NoticeItem:
    notice = Notice(
        type=NoticeType(item["told"]),
        day=date.fromisoformat(item["day"]),
        variant=item["variant"],
        promises={Act(act): date.fromisoformat(day) for act, day in item["promises"].items()},
    )
    return notice_item(item["user"], read_decision(item, notice), notice, item["secret"])
