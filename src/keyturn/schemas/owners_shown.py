"""What `keyturn owners show` answers, in JSON and CSV: who answers for each user's keys."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final, Literal, TypedDict

from keyturn.domain.key import Account
from keyturn.domain.owner import (
    Owner,
    OwnerCandidate,
    OwnerChannels,
    OwnerSource,
    RejectedValue,
)
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.domain.result import AccountResult
from keyturn.domain.tag_text import format_utc
from keyturn.schemas.account import (
    AccountId,
    Failed,
    Moment,
    Skipped,
    write_failed,
    write_skipped,
)
from keyturn.schemas.plan_csv import AS_TEXT, EXCEL_MARK, csv_text

VERSION: Final = 1
COLUMNS: Final = (
    "account",
    "name",
    "user",
    "path",
    "owner",
    "owner_source",
    "owner_rejected",
    "later_sources",
    "beside_mail",
)


class ShownRecipient(TypedDict):
    """Where a notice would go."""

    channel: ChannelName
    address: str


class ShownSource(TypedDict):
    """Whom a source names."""

    source: OwnerSource
    recipients: list[ShownRecipient]


class ShownValue(TypedDict):
    """A value of a source that does not serve; why: the end of a sentence that begins with it."""

    source: OwnerSource
    value: str
    why: str


class ShownOwner(TypedDict):
    """
    A user, and who answers for their keys; the owner is null where none is known.

    sources: all that serve, in their order: the first is the owner. beside_mail: where the owners
    file says that they are reached, too, if that channel is on.
    """

    user: str
    path: str | None
    owner: str | None
    owner_source: OwnerSource
    sources: list[ShownSource]
    beside_mail: list[ShownRecipient]
    rejected: list[ShownValue]


class AccountShown(TypedDict):
    """One account, and its users that are shown."""

    account: AccountId
    name: str
    users: list[ShownOwner]
    failures: list[Failed]
    warnings: list[str]


class OwnersShownFile(TypedDict):
    """What `owners show` writes with `--format json`."""

    version: Literal[1]
    generated_at: Moment
    accounts: list[AccountShown]
    skipped: list[Skipped]
    failures: list[str]


def write_owners_shown(
    results: Iterable[AccountResult],
    *,
    at: datetime,
    skipped: Iterable[tuple[Account, str]],
    failures: Iterable[str],
) -> OwnersShownFile:
    """The whole answer."""
    return {
        "version": VERSION,
        "generated_at": format_utc(at),
        "accounts": [_account(result) for result in results],
        "skipped": write_skipped(skipped),
        "failures": list(failures),
    }


def _account(result: AccountResult) -> AccountShown:
    plan = result.plan
    return {
        "account": plan.run.account.id,
        "name": plan.run.account.name,
        "users": [
            _user(
                each.user.name,
                each.user.path,
                plan.owner_of(each.user.name),
                plan.channels.get(each.user.name, OwnerChannels()),
            )
            for each in plan.users
        ],
        "failures": write_failed(result.failures),
        "warnings": list(plan.warnings),
    }


def _user(name: str, path: str | None, owner: Owner, channels: OwnerChannels) -> ShownOwner:
    return {
        "user": name,
        "path": path,
        "owner": owner.address,
        "owner_source": owner.source,
        "sources": [_source(each) for each in owner.candidates],
        "beside_mail": _recipients(channels.places),
        "rejected": [_value(each) for each in owner.rejected],
    }


def _source(candidate: OwnerCandidate) -> ShownSource:
    return {"source": candidate.source, "recipients": _recipients(candidate.recipients)}


def _recipients(found: Iterable[Recipient]) -> list[ShownRecipient]:
    return [{"channel": each.channel, "address": each.address} for each in found]


def _value(rejected: RejectedValue) -> ShownValue:
    return {"source": rejected.source, "value": rejected.value, "why": rejected.why}


def write_owners_csv(results: Iterable[AccountResult], *, for_excel: bool = False) -> str:
    """A row a user; for Excel as a plan is: with a mark, and accounts as text."""
    rows = (row for result in results for row in _rows(result))
    if for_excel:
        return EXCEL_MARK + csv_text(COLUMNS, rows, account=AS_TEXT)
    return csv_text(COLUMNS, rows)


def _rows(result: AccountResult) -> Iterator[Iterable[object]]:
    plan = result.plan
    for each in plan.users:
        owner = plan.owner_of(each.user.name)
        channels = plan.channels.get(each.user.name, OwnerChannels())
        yield (
            plan.run.account.id,
            plan.run.account.name,
            each.user.name,
            each.user.path,
            owner.address,
            owner.source,
            "; ".join(map(str, owner.rejected)),
            "; ".join(map(str, owner.candidates[1:])),
            "; ".join(f"{each.channel} {each.address}" for each in channels.places),
        )
