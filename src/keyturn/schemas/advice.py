"""What `keyturn advise` answers, in JSON and CSV: what would let each user stop having keys."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Final, Literal, NotRequired, TypedDict, cast

from keyturn.domain.origin import Ci
from keyturn.domain.replacement import INSTEAD, STEPS, TITLES, instead_of, policies_of
from keyturn.domain.tag_text import format_utc
from keyturn.domain.way_out import EFFORT, RANKED_BY, Advice, Kind, Source, Sureness
from keyturn.schemas.account import AccountId, Count, Moment
from keyturn.schemas.decision import Day
from keyturn.schemas.plan_csv import csv_text

VERSION: Final = 1
COLUMNS: Final = (
    "account",
    "name",
    "rank",
    "user",
    "exempt",
    "owner",
    "keys",
    "oldest",
    "kind",
    "ci",
    "sureness",
    "effort",
    "replacement",
    "evidence",
    "date",
)


class EvidenceFile(TypedDict):
    """Something that was read, and what it says."""

    source: Source
    says: str


class StatementFile(TypedDict):
    """Who may take a role, and when."""

    Effect: Literal["Allow"]
    Principal: dict[str, str]
    Action: str | list[str]
    Condition: NotRequired[dict[str, dict[str, str]]]


class PolicyFile(TypedDict):
    """A trust policy, in the form that IAM takes."""

    Version: Literal["2012-10-17"]
    Statement: list[StatementFile]


class AdviceFile(TypedDict):
    """
    A user, and what would let them stop having keys.

    keys: how many it would end. oldest: days. sureness: how far the evidence goes. policies: trust
    policies to copy, what for → the policy; they let nobody in until they are filled in.
    """

    rank: Count
    account: AccountId
    name: str
    user: str
    exempt: bool
    owner: str
    keys: list[str]
    oldest: Count
    kind: Kind
    ci: Ci | None
    sureness: Sureness
    effort: Count
    replacement: str
    evidence: list[EvidenceFile]
    policies: NotRequired[dict[str, PolicyFile]]


class KindFile(TypedDict):
    """A kind of user: how many there are, and what is done about one."""

    users: Count
    title: str
    replacement: str
    steps: list[str]


class AdviceListFile(TypedDict):
    """All users who have keys, the first to begin with on top, and what was not seen."""

    version: Literal[1]
    at: Moment
    date: Day
    ranked_by: str
    without_keys: Count
    kinds: dict[Kind, KindFile]
    users: list[AdviceFile]
    unseen: list[str]


def write_advice(
    advices: Sequence[Advice],
    *,
    at: datetime,
    day: date,
    without_keys: int,
    unseen: Iterable[str],
) -> AdviceListFile:
    """The answer as JSON."""
    counted = Counter(each.kind for each in advices)
    return {
        "version": VERSION,
        "at": format_utc(at),
        "date": day.isoformat(),
        "ranked_by": RANKED_BY,
        "without_keys": without_keys,
        "kinds": {
            kind: {
                "users": counted[kind],
                "title": TITLES[kind],
                "replacement": INSTEAD[kind],
                "steps": list(STEPS[kind]),
            }
            for kind in Kind
        },
        "users": [_user(number, each) for number, each in enumerate(advices, start=1)],
        "unseen": list(unseen),
    }


def write_advice_csv(advices: Sequence[Advice]) -> str:
    """The answer as CSV, one row a user."""
    return csv_text(COLUMNS, (_row(number, each) for number, each in enumerate(advices, start=1)))


def _user(number: int, advice: Advice) -> AdviceFile:
    user = advice.user
    found: AdviceFile = {
        "rank": number,
        "account": user.account,
        "name": user.account_name,
        "user": user.user,
        "exempt": user.exempt,
        "owner": user.owner,
        "keys": [key.key_id for key in user.keys],
        "oldest": advice.oldest,
        "kind": advice.kind,
        "ci": advice.ci,
        "sureness": advice.sureness,
        "effort": EFFORT[advice.kind],
        "replacement": instead_of(advice),
        "evidence": [{"source": each.source, "says": each.says} for each in advice.evidence],
    }
    if policies := policies_of(advice):
        found["policies"] = cast("dict[str, PolicyFile]", policies)
    return found


def _row(number: int, advice: Advice) -> tuple[object, ...]:
    user = advice.user
    return (
        *(user.account, user.account_name, number, user.user, "yes" if user.exempt else "no"),
        *(user.owner, advice.keys, advice.oldest, advice.kind, advice.ci, advice.sureness),
        *(EFFORT[advice.kind], instead_of(advice)),
        "; ".join(each.says for each in advice.evidence),
        user.on.isoformat(),
    )
