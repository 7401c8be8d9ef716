"""
What a run read of its users before it decided: an optional part of a snapshot.

With it the rule can be asked again, with other parameters or of another day, and AWS is not asked.
A fact that is missing was not needed, so nobody read it; what could not be read says why.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final, NotRequired, TypedDict

from keyturn.domain.constraints import RunConstraints
from keyturn.domain.days import read_day
from keyturn.domain.decision import Asked, Change, Notice, NoticeType, RecordChange, UserDecisions
from keyturn.domain.key import (
    UNREAD,
    Act,
    KeyFacts,
    LastUse,
    Receipt,
    Seal,
    SecretFacts,
    Unknown,
    Unread,
    UserFacts,
)
from keyturn.domain.owner import Owner, OwnerCandidate, OwnerSource
from keyturn.domain.recipient import ChannelName, Recipient, read_recipient_id
from keyturn.domain.removal import Removal, RemovalState
from keyturn.domain.result import AccountPlan
from keyturn.domain.secret_names import SEAL_TAG
from keyturn.domain.tag_text import format_utc, moment
from keyturn.schemas.account import Moment
from keyturn.schemas.decision import Day

_OURS: Final = "keyturn:"
"""Begins the names of the tags that the rule reads; what else stands there is not ours to keep."""
_REMOVAL: Final = "removal"
UNSAID: Final = "the snapshot does not say it"
"""Why a fact is not known that the run may well have had."""


class ReceiptFacts(TypedDict):
    """A notice that a channel took; to: a channel and the hash of an address."""

    step: str
    day: Day
    at: Moment
    promises: dict[Act, Day]
    to: NotRequired[str]
    delivered: NotRequired[Moment]
    missed: NotRequired[Moment]


class SecretRead(TypedDict):
    """A user's secret, as DescribeSecret told of it; tags: Keyturn's own, without the seal."""

    tags: dict[str, str]
    seal: Seal
    versions: list[str]
    current: NotRequired[str]
    scheduled_for_deletion: NotRequired[bool]
    foreign_kms_key: NotRequired[str]
    replica_of: NotRequired[str]
    rotates: NotRequired[bool]
    managed_by: NotRequired[str]
    told_at: NotRequired[Moment]


class NoticeRead(TypedDict):
    """What the owner was notified of with the decision; its promises stand beside the key."""

    type: NoticeType
    day: Day
    variant: str


class FactsOfKey(TypedDict):
    """What was read of one key, and was told and noted of it."""

    key: str
    receipts: NotRequired[list[ReceiptFacts]]
    returned: NotRequired[list[ReceiptFacts]]
    deferred_first: NotRequired[Moment]
    notice: NotRequired[NoticeRead]
    change: NotRequired[Change]
    unreadable: NotRequired[dict[str, str]]


class OwnerRead(TypedDict):
    """Whom one source names."""

    source: OwnerSource
    addresses: list[str]


class RemovalRead(TypedDict):
    """When a run last set out to remove the user from the exemption group, and how far it came."""

    at: Moment
    state: RemovalState


class FactsOfUser(TypedDict):
    """
    What was read of one user; secret: null where there is none.

    creation_denied, delivery_denied: why no key could be made or delivered in the account.
    owner_unknown: why nobody knew whom to notify. unreadable: the fact, and why.
    """

    user: str
    id: str
    secret: NotRequired[SecretRead | None]
    owners: NotRequired[list[OwnerRead]]
    forced: NotRequired[Moment]
    removal: NotRequired[RemovalRead]
    creation_denied: NotRequired[str]
    delivery_denied: NotRequired[str]
    owner_unknown: NotRequired[str]
    unreadable: NotRequired[dict[str, str]]
    keys: NotRequired[list[FactsOfKey]]


# --- written


def write_facts(plan: AccountPlan) -> list[FactsOfUser]:
    """What a run read of its users; a user of whom the list of keys told enough is not in it."""
    return [
        found for decided in plan.users if (found := _user(decided, plan)).keys() > {"user", "id"}
    ]


def _user(decided: UserDecisions, plan: AccountPlan) -> FactsOfUser:
    user = decided.user
    found: FactsOfUser = {"user": user.name, "id": user.user_id}
    unreadable: dict[str, str] = {}
    if isinstance(user.secret, Unknown):
        unreadable[Asked.SECRET] = user.secret.why
    elif user.secret is None or isinstance(user.secret, SecretFacts):
        found["secret"] = _secret(user.secret, decided) if user.secret else None
    owner = user.owner if user.owner is not UNREAD else plan.owners.get(user.name, UNREAD)
    if isinstance(owner, Unknown):
        unreadable[Asked.OWNER] = owner.why
    elif isinstance(owner, Owner) and owner.candidates:
        found["owners"] = [
            {"source": each.source, "addresses": [one.address for one in each.recipients]}
            for each in owner.candidates
        ]
    if isinstance(user.removal, Unknown):
        unreadable[_REMOVAL] = user.removal.why
    elif user.removal is not None:
        found["removal"] = {"at": format_utc(user.removal.at), "state": user.removal.state}
    if user.forced is not None:
        found["forced"] = format_utc(user.forced)
    if unreadable:
        found["unreadable"] = unreadable
    keys = [each for key in user.keys if (each := _key(key, decided)).keys() > {"key"}]
    if keys:
        found["keys"] = keys
    return _with_hindrances(found, decided)


def _with_hindrances(found: FactsOfUser, decided: UserDecisions) -> FactsOfUser:
    if decided.constraints.creation_denied:
        found["creation_denied"] = decided.constraints.creation_denied
    if decided.constraints.delivery_denied:
        found["delivery_denied"] = decided.constraints.delivery_denied
    if decided.owner_unknown is not None:
        found["owner_unknown"] = decided.owner_unknown
    return found


def _secret(secret: SecretFacts, decided: UserDecisions) -> SecretRead:
    own = {
        name: text
        for name, text in sorted(secret.tags.items())
        if name.startswith(_OURS) and name != SEAL_TAG
    }
    found: SecretRead = {
        "tags": own,
        "seal": secret.seal,
        "versions": sorted(secret.versions),
    }
    if secret.current is not None:
        found["current"] = secret.current
    if secret.scheduled_for_deletion:
        found["scheduled_for_deletion"] = True
    # Of one that is ours the key is ours, by whatever name AWS reports it.
    if decided.record.foreign is not None and secret.kms_key is not None:
        found["foreign_kms_key"] = secret.kms_key
    if secret.replica_of is not None:
        found["replica_of"] = secret.replica_of
    if secret.rotates:
        found["rotates"] = True
    if secret.managed_by is not None:
        found["managed_by"] = secret.managed_by
    if secret.told_at is not None:
        found["told_at"] = format_utc(secret.told_at)
    return found


def _key(key: KeyFacts, decided: UserDecisions) -> FactsOfKey:
    found: FactsOfKey = {"key": key.key_id}
    unreadable = {
        name: fact.why
        for name, fact in (
            (str(Asked.LAST_USE), key.last_use),
            (str(Asked.RECEIPTS), key.receipts),
            ("deferral", key.deferral),
        )
        if isinstance(fact, Unknown)
    }
    if isinstance(key.receipts, tuple):
        found["receipts"] = [_receipt(each) for each in key.receipts]
    if key.returned:
        found["returned"] = [_receipt(each) for each in key.returned]
    if key.deferral is not None and not isinstance(key.deferral, Unknown):
        found["deferred_first"] = format_utc(key.deferral.first)
    for decision in decided.decisions:
        if decision.key_id == key.key_id and (notice := decision.notice) is not None:
            found["notice"] = {
                "type": notice.type,
                "day": notice.day.isoformat(),
                "variant": notice.variant,
            }
    for change in decided.record_changes:
        if change.key_id == key.key_id and change.change is not Change.COUNTED:
            found["change"] = change.change
    if unreadable:
        found["unreadable"] = unreadable
    return found


def _receipt(receipt: Receipt) -> ReceiptFacts:
    found: ReceiptFacts = {
        "step": receipt.step,
        "day": receipt.day.isoformat(),
        "at": format_utc(receipt.at),
        "promises": {act: day.isoformat() for act, day in receipt.promises.items()},
    }
    if receipt.to is not None:
        found["to"] = str(receipt.to)
    if receipt.delivered_at is not None:
        found["delivered"] = format_utc(receipt.delivered_at)
    if receipt.missed_at is not None:
        found["missed"] = format_utc(receipt.missed_at)
    return found


# --- read


def read_facts(
    found: Mapping[str, Any], user: UserFacts
) -> tuple[UserFacts, RunConstraints, str | None]:
    """
    A user with what was read of them, what the account forbade, and why nobody knows their owner.

    user: as the rest of the snapshot has them. Raises KeyError, TypeError or ValueError where the
    form is none of ours.
    """
    of_key = {str(each["key"]): each for each in found.get("keys", ())}
    unreadable = found.get("unreadable", {})
    facts = UserFacts(
        account=user.account,
        name=user.name,
        user_id=str(found["id"]),
        exempt=user.exempt,
        forced=_moment(found.get("forced")),
        removal=_read_removal(found, unreadable, user),
        secret=_read_secret(found, unreadable),
        owner=_read_owner(found, unreadable),
        keys=tuple(_read_key(key, of_key.get(key.key_id, {})) for key in user.keys),
    )
    constraints = RunConstraints(
        creation_denied=_text_or_none(found.get("creation_denied")),
        delivery_denied=_text_or_none(found.get("delivery_denied")),
    )
    return facts, constraints, _text_or_none(found.get("owner_unknown"))


def read_notice(found: Mapping[str, Any], promises: Mapping[Act, str]) -> Notice | None:
    """What an owner was notified of; promises: as the snapshot's key has them. Raises likewise."""
    said = found.get("notice")
    if said is None:
        return None
    return Notice(
        type=NoticeType(said["type"]),
        day=_day(said["day"]),
        variant=str(said["variant"]),
        promises={Act(act): _day(day) for act, day in promises.items()},
    )


def read_changes(found: Mapping[str, Any]) -> Iterator[RecordChange]:
    """What was written on the record beside the decisions. Raises likewise."""
    for each in found.get("keys", ()):
        if "change" in each:
            yield RecordChange(Change(each["change"]), str(each["key"]))


def _read_secret(
    found: Mapping[str, Any], unreadable: Mapping[str, Any]
) -> SecretFacts | Unknown | Unread | None:
    if Asked.SECRET in unreadable:
        return Unknown(str(unreadable[Asked.SECRET]))
    if "secret" not in found:
        return UNREAD
    secret = found["secret"]
    if secret is None:
        return None
    return SecretFacts(
        tags={str(name): str(text) for name, text in secret["tags"].items()},
        seal=Seal(secret["seal"]),
        versions=frozenset(map(str, secret["versions"])),
        current=_text_or_none(secret.get("current")),
        scheduled_for_deletion=secret.get("scheduled_for_deletion") is True,
        kms_key=_text_or_none(secret.get("foreign_kms_key")),
        replica_of=_text_or_none(secret.get("replica_of")),
        rotates=secret.get("rotates") is True,
        managed_by=_text_or_none(secret.get("managed_by")),
        told_at=_moment(secret.get("told_at")),
    )


def _read_owner(
    found: Mapping[str, Any], unreadable: Mapping[str, Any]
) -> Owner | Unknown | Unread:
    if Asked.OWNER in unreadable:
        return Unknown(str(unreadable[Asked.OWNER]))
    if "owners" not in found:
        return UNREAD
    return Owner(
        candidates=tuple(
            OwnerCandidate(
                OwnerSource(each["source"]),
                tuple(Recipient(ChannelName.EMAIL, str(one)) for one in each["addresses"]),
            )
            for each in found["owners"]
        )
    )


def _read_removal(
    found: Mapping[str, Any], unreadable: Mapping[str, Any], user: UserFacts
) -> Removal | Unknown | None:
    if _REMOVAL in unreadable:
        return Unknown(str(unreadable[_REMOVAL]))
    if "removal" not in found:
        return None
    return Removal(
        account=user.account,
        user=user.name,
        user_id=str(found["id"]),
        group="",  # the rule asks when, and not from which
        run="",
        at=_known_moment(found["removal"]["at"]),
        state=RemovalState(found["removal"]["state"]),
    )


def _read_key(key: KeyFacts, found: Mapping[str, Any]) -> KeyFacts:
    unreadable = found.get("unreadable", {})
    last_use: LastUse | Unknown | Unread = key.last_use
    if Asked.LAST_USE in unreadable:
        last_use = Unknown(str(unreadable[Asked.LAST_USE]))
    receipts: tuple[Receipt, ...] | Unknown | Unread = UNREAD
    if Asked.RECEIPTS in unreadable:
        receipts = Unknown(str(unreadable[Asked.RECEIPTS]))
    elif "receipts" in found:
        receipts = _receipts(found["receipts"])
    deferral = key.deferral
    if "deferral" in unreadable:
        deferral = Unknown(str(unreadable["deferral"]))
    elif deferral is not None and not isinstance(deferral, Unknown):
        first = _moment(found.get("deferred_first"))
        # Its bound counts from there: without it nobody can say when the time is over.
        deferral = replace(deferral, first=first) if first else Unknown(UNSAID)
    return replace(
        key,
        last_use=last_use,
        receipts=receipts,
        returned=_receipts(found.get("returned", ())),
        deferral=deferral,
    )


def _receipts(found: Sequence[Mapping[str, Any]]) -> tuple[Receipt, ...]:
    return tuple(
        Receipt(
            step=str(each["step"]),
            day=_day(each["day"]),
            at=_known_moment(each["at"]),
            promises={Act(act): _day(day) for act, day in each["promises"].items()},
            to=read_recipient_id(str(each["to"])) if "to" in each else None,
            delivered_at=_moment(each.get("delivered")),
            missed_at=_moment(each.get("missed")),
        )
        for each in found
    )


def _text_or_none(found: object) -> str | None:
    return None if found is None else str(found)


def _moment(found: object) -> datetime | None:
    return None if found is None else _known_moment(found)


def _known_moment(found: object) -> datetime:
    at = moment(str(found))
    if at is None:
        raise ValueError(found)
    return at


def _day(found: object) -> date:
    day = read_day(str(found))
    if day is None:
        raise ValueError(found)
    return day
