"""A day of a whole organisation: when it ends, what it calls, and what it costs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil
from random import Random
from typing import Final

from tests.scale import prices
from tests.scale.calibration import AccountDay, Calibration, Cost, cost_of, notices_of
from tests.scale.queueing import simulate

LATENCY: Final = 0.04
"""Seconds a call: some tens of milliseconds are usual."""
USERS: Final = 20
PERIOD: Final = 90
"""Days of a key's life: RotationPeriod."""
PROCESSOR_MB: Final = 1769
"""Memory of one processor: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""
ROTATION_MB, NOTIFIER_MB, INVENTORY_MB = 1024, 512, 256
"""As the core template has it."""
SES_A_SECOND, NOTIFIERS = 14.0, 2
"""Mails, the first rate out of SES's sandbox; and how many notifiers the template lets run."""
_BEFORE = 2
"""Calls of the inventory beside its lists: the role, and the record of who is queued."""
PAGE, BATCH = 20, 10
"""Accounts that Organizations gives at once, and messages that SQS takes at once."""
OF_A_MESSAGE: Final = 3
"""Calls to SQS for one that Lambda takes: received, deleted, and some polls that find nothing."""
OWN_NOTICES: Final = 3
"""Days of a key's life on which something is done: rotated, disabled, deleted. The rest warn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What a day took; seconds, dollars."""

    accounts: int
    at_once: int
    end: float
    """From the inventory to the last account."""
    told: float
    """From the inventory to the last mail."""
    gb_seconds: float
    calls: float
    mails: int
    dollars: float


@cache
def ordinary(accounts: int, notice_days: int) -> Sequence[AccountDay]:
    """Keys of every age: in 90 days each user's key is rotated, one disabled and one deleted."""
    chance = Random(1)  # noqa: S311 -- the same every time

    def some(days: int = 1) -> int:
        return sum(chance.random() < days / PERIOD for _ in range(USERS))

    return [
        AccountDay(
            users=USERS,
            rotated=some(),
            disabled=some(),
            deleted=some(),
            warned=some(notice_days - OWN_NOTICES),
        )
        for _ in range(accounts)
    ]


def first(accounts: int, _notice_days: int) -> Sequence[AccountDay]:
    """Every key is due on the same day, as without SpreadDays."""
    return [AccountDay(users=USERS, rotated=USERS)] * accounts


def day(calibration: Calibration, accounts: Sequence[AccountDay], *, at_once: int) -> Day:
    """Simulate one."""
    costs = [_cost(calibration, each) for each in accounts]
    keys = [sum(each.due.values()) + each.warned for each in accounts]
    notices = [_notices(calibration, each) for each in keys if each]
    listed = ceil(len(accounts) / PAGE)
    before = _BEFORE + listed
    arrivals = [(before + 1 + number // BATCH) * LATENCY for number in range(len(accounts))]
    share = ROTATION_MB / PROCESSOR_MB
    ended = simulate(
        arrivals,
        [cost.seconds(LATENCY, processors=share) for cost in costs],
        at_once=at_once,
        cold=calibration.loaded["rotation"] + calibration.cold / share,
    )
    notifier = sum(
        cost.seconds(LATENCY, processors=NOTIFIER_MB / PROCESSOR_MB) for cost in notices
    )
    batches = ceil(len(accounts) / BATCH)
    calls = Counter(
        {
            "organizations:ListAccounts": float(listed),
            "sqs:SendMessageBatch": float(batches),
            "sqs:ReceiveMessage": float(OF_A_MESSAGE * (ended.invocations + len(notices))),
        }
    )
    alike = (
        *((_cost(calibration, each), count) for each, count in Counter(accounts).items()),
        *((_notices(calibration, each), count) for each, count in Counter(keys).items() if each),
    )
    for cost, count in alike:
        calls.update({name: many * count for name, many in cost.calls.items()})
    gb_seconds = (
        ended.busy * ROTATION_MB
        + notifier * NOTIFIER_MB
        + (before + batches) * LATENCY * INVENTORY_MB
    ) / 1024
    return Day(
        accounts=len(accounts),
        at_once=at_once,
        end=ended.end,
        told=max(ended.end, len(notices) / SES_A_SECOND, notifier / NOTIFIERS),
        gb_seconds=gb_seconds,
        calls=calls.total(),
        mails=len(notices) + 1,  # and the administrators' digest of the day
        dollars=gb_seconds * prices.GB_SECOND
        + (ended.invocations + len(notices)) * prices.INVOCATION
        + sum(prices.price_of(name) * count for name, count in calls.items())
        + _logged(calibration, accounts) / 1e9 * prices.LOG_GB,
    )


@cache
def _cost(calibration: Calibration, account: AccountDay) -> Cost:
    return cost_of(calibration, account)


@cache
def _notices(calibration: Calibration, keys: int) -> Cost:
    return notices_of(calibration, keys)


def _logged(calibration: Calibration, accounts: Sequence[AccountDay]) -> float:
    """Bytes."""
    sizes = calibration.log_bytes
    due = sum(sum(each.due.values()) for each in accounts)
    users = sum(each.users for each in accounts)
    more = sizes["rotated"] - sizes["quiet"]
    return len(accounts) * sizes["account"] + users * sizes["quiet"] + due * more
