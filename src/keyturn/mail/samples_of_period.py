"""Reports of a week and a month as they may be: what previews show, and lints try."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from keyturn.domain.account_period import (
    NO_ENTRY,
    NO_RUN,
    AccountPeriod,
    ListName,
    PeriodLine,
    Standing,
)
from keyturn.domain.account_seen import SecretsSeen
from keyturn.domain.days import DAY
from keyturn.domain.decision import Action
from keyturn.domain.period import Period, PeriodKind
from keyturn.domain.period_report import FoldPeriod, KnownOfPeriod, PeriodReport
from keyturn.domain.users_target import UsersCount, UsersTarget
from keyturn.mail.samples import PROD, TODAY

_CLOSED: Final = "300000000009"
_OLD: Final = {
    Standing.OVERDUE: ListName.OVERDUE,
    Standing.EXEMPT: ListName.EXEMPT,
    Standing.RESTORED: ListName.RESTORED,
}
"""Standing of a key that is too old → the list that has it: both say the same number."""


def _report(kind: PeriodKind, *accounts: AccountPeriod, made: datetime = TODAY) -> PeriodReport:
    period = Period.of(kind, made.date()).before
    months = (
        UsersCount(day=period.first - 32 * DAY, users=48, is_whole=True),
        UsersCount(day=period.first - DAY, users=None, is_whole=False),
    )
    fold = FoldPeriod(
        KnownOfPeriod(period=period, made=made, users_target=UsersTarget(users=40), months=months)
    )
    for each in accounts:
        fold.add(each)
    return fold.report()


def _prod(*lines: tuple[ListName, PeriodLine]) -> AccountPeriod:
    old = {standing: sum(name is listed for name, _ in lines) for standing, listed in _OLD.items()}
    return AccountPeriod(
        account=PROD.id,
        name=PROD.name,
        days_seen=7,
        last=TODAY.date() - DAY,
        users=42,
        users_first=44,
        users_with_two=2,
        standings={Standing.WITHIN: 40, **old, Standing.INACTIVE: 1},
        age_sum=1600 + 100 * sum(old.values()),
        oldest=100 if lines else 80,
        over_control=sum(old.values()),
        done={Action.ROTATE: 3, Action.DISABLE: 2, Action.DELETE: 1},
        first_uses=(1, 2, 9),
        new_keys=4,
        users_rotated=frozenset({"ann", "ben", "cid"}),
        users_active=40,
        secrets=SecretsSeen(stored=31, scheduled=9, of_gone=2),
        lines={name: (line,) for name, line in lines},
    )


def _line(user: str, number: int, what: str) -> PeriodLine:
    return PeriodLine(
        account=PROD.id,
        name=PROD.name,
        user=user,
        key_id=f"AKIAOLDEXAMPLE{number:06}",
        age=100,
        since=TODAY.date() - 10 * DAY,
        what=what,
    )


_BAD: Final = (
    (ListName.OVERDUE, _line("deploy-bot", 1, "rotation is due, and its account is in dry run")),
    (ListName.EXEMPT, _line("printer", 2, NO_ENTRY)),
    (ListName.RESTORED, _line("ci-runner", 3, "somebody enabled it again")),
)
_SHUT: Final = AccountPeriod(
    account=_CLOSED,
    name="bought",
    days_missing=7,
    lines={ListName.NOT_REACHED: (PeriodLine(account=_CLOSED, name="bought", what=NO_RUN),)},
)

REPORTS: Final[Mapping[str, PeriodReport]] = {
    "weekly-quiet": _report(PeriodKind.WEEKLY, _prod()),
    "weekly-bad": _report(PeriodKind.WEEKLY, _prod(*_BAD), _SHUT),
    "monthly": _report(PeriodKind.MONTHLY, _prod(*_BAD), _SHUT),
    "monthly-nothing-seen": _report(PeriodKind.MONTHLY),
}
"""Name → a report."""
