"""What `explain` answers: where keys stand, and every date that is coming for them."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Final, Literal, TypedDict

from keyturn.domain.decision import UserDecisions
from keyturn.domain.key import SentNotice, Unknown
from keyturn.domain.owner import Owner
from keyturn.domain.result import AccountPlan
from keyturn.domain.secret_names import secret_name
from keyturn.domain.tag_text import format_utc
from keyturn.schemas.account import AccountId, Moment
from keyturn.schemas.decision import Day, write_decision
from keyturn.schemas.plan import Planned, write_planned
from keyturn.schemas.snapshot import LastUsed, write_last_used

VERSION: Final = 1


class ComingDate(TypedDict):
    """A date, and what comes on it."""

    date: Day
    what: str


class ExplainedNotice(TypedDict):
    """A notice that was sent to an owner; null where it has not come to that."""

    step: str
    day: Day
    to: str | None
    """The address; null where it is of nobody that any source names now."""
    accepted_at: Moment
    delivered_at: Moment | None
    missed_at: Moment | None
    """When it did not arrive, and the next one may."""
    bounced_at: Moment | None


class ExplainedKey(Planned):
    """
    A key, and every date that is coming for it; last_used is null where nobody asked.

    notices: what was sent about it; null without a bucket, or where that cannot be read.
    """

    created: Moment
    last_used: LastUsed | None
    coming: list[ComingDate]
    notices: list[ExplainedNotice] | None


class Explained(TypedDict):
    """
    A user, and the secret in which new keys are stored.

    secret_kept: what becomes of it (RemoveSecretsAfter); null: nobody looked, or there is none.
    """

    account: AccountId
    name: str
    user: str
    exempt: bool
    secret: str
    secret_kept: str | None
    keys: list[ExplainedKey]


class Explanation(TypedDict):
    """What `explain` writes with `--format json`."""

    version: Literal[1]
    generated_at: Moment
    users: list[Explained]
    failures: list[str]
    warnings: list[str]


def write_explanation(
    users: list[Explained],
    *,
    at: datetime,
    failures: Iterable[str],
    warnings: Iterable[str],
) -> Explanation:
    """The whole answer."""
    return {
        "version": VERSION,
        "generated_at": format_utc(at),
        "users": users,
        "failures": list(failures),
        "warnings": list(warnings),
    }


def write_explained(
    plan: AccountPlan,
    decided: UserDecisions,
    coming: Mapping[str, Iterable[tuple[date, str]]],
) -> Explained:
    """A user; coming: key id → the dates that come, UTC, and what comes on each."""
    facts = {key.key_id: key for key in decided.user.keys}
    account, user = plan.run.account, decided.user
    return {
        "account": account.id,
        "name": account.name,
        "user": user.name,
        "exempt": user.exempt,
        "secret": secret_name(account.id, user.name),
        "secret_kept": next(
            (
                each.said
                for each in (plan.secrets.decisions if plan.secrets else ())
                if each.user == user.name
            ),
            None,
        ),
        "keys": [
            {
                **write_planned(write_decision(user.name, decision), plan.owner_of(user.name)),
                "created": format_utc(facts[decision.key_id].created),
                "last_used": write_last_used(facts[decision.key_id]),
                "coming": [
                    {"date": day.isoformat(), "what": what}
                    for day, what in coming[decision.key_id]
                ],
                "notices": _notices(plan.notices.get(decision.key_id), plan.owner_of(user.name)),
            }
            for decision in decided.decisions
        ],
    }


def _notices(
    sent: tuple[SentNotice, ...] | Unknown | None, owner: Owner
) -> list[ExplainedNotice] | None:
    if sent is None or isinstance(sent, Unknown):
        return None
    return [
        {
            "step": each.receipt.step,
            "day": each.receipt.day.isoformat(),
            "to": owner.spelt(each.receipt.to) if each.receipt.to else None,
            "accepted_at": format_utc(each.receipt.at),
            "delivered_at": _moment(each.receipt.delivered_at),
            "missed_at": _moment(each.receipt.missed_at),
            "bounced_at": _moment(each.bounced_at),
        }
        for each in sent
    ]


def _moment(at: datetime | None) -> Moment | None:
    return None if at is None else format_utc(at)
