"""What runs share in the bucket: the tally, the pause and approved plans; fake and S3 alike."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pytest

from keyturn.adapters.no_bucket import NoDailyLimitLedger, NoPauseFlag, NoReceipts
from keyturn.adapters.s3_ledger import S3DailyLimitLedger
from keyturn.adapters.s3_pause_flag import S3PauseFlag
from keyturn.adapters.s3_plans import S3Plans
from keyturn.domain.errors import AlreadyThere, Denied, NotFound, PortError, Refused
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.ports import DailyLimitLedger, Pause, PauseFlag
from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.fakes import FakeDailyLimitLedger, FakePauseFlag
from tests.use_cases.harness import HUB, START

ACCOUNT = "333333333333"
DAY = date(2026, 3, 2)
BUCKET, PREFIX = "keyturn-bucket", "asa/rotation"
OPS = Recipient(ChannelName.EMAIL, "ops@example.com")
DEEP = "[" * 200_000
"""Deeper than a reader of JSON goes."""
PAUSE = Pause(by="ops", at=START, why="an incident")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """Both sides of what is shared."""

    ledger: DailyLimitLedger
    pause_flag: PauseFlag
    set: Callable[[], object]
    """Pause, as an operator does."""


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(now=START, ticks=False) as cloud:
        cloud.organization.create_account("hub", "hub@example.com", account_id=HUB)
        cloud.add_role(HUB, "Rotation", HUB)
        cloud.session(HUB).client("s3").create_bucket(Bucket=BUCKET)
        yield cloud


@pytest.fixture(params=["fake", "s3"])
def shared(request: pytest.FixtureRequest, cloud: LocalCloud) -> Shared:
    if request.param == "fake":
        pause_flag = FakePauseFlag()
        return Shared(
            ledger=FakeDailyLimitLedger(clock=lambda: START),
            pause_flag=pause_flag,
            set=lambda: setattr(pause_flag, "paused", PAUSE),
        )
    s3 = cloud.role_session(HUB, "Rotation").client("s3")
    return Shared(
        ledger=S3DailyLimitLedger(s3, bucket=BUCKET, prefix=PREFIX),
        pause_flag=S3PauseFlag(s3, bucket=BUCKET, prefix=PREFIX),
        set=lambda: put(cloud, "paused.json", json.dumps({"by": "ops", "why": "an incident"})),
    )


def put(cloud: LocalCloud, name: str, body: str) -> None:
    s3 = cloud.session(HUB).client("s3")
    s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}", Body=body.encode())


def test_a_day_on_which_nothing_ended_has_no_keys(shared: Shared) -> None:
    assert list(shared.ledger.of_day(ACCOUNT, DAY)) == []


def test_each_run_has_its_own_keys_and_the_last_word_on_them(shared: Shared) -> None:
    shared.ledger.reserve(ACCOUNT, DAY, "one", {"AKIA1", "AKIA2"})
    shared.ledger.reserve(ACCOUNT, DAY, "two", {"AKIA3"})
    shared.ledger.reserve(ACCOUNT, DAY, "one", {"AKIA1"})

    assert {note.run: note.keys for note in shared.ledger.of_day(ACCOUNT, DAY)} == {
        "one": frozenset({"AKIA1"}),
        "two": frozenset({"AKIA3"}),
    }


def test_what_an_order_is_about_is_told_from_what_a_run_ends(shared: Shared) -> None:
    shared.ledger.reserve(ACCOUNT, DAY, "one", {"AKIA1"})
    shared.ledger.reserve(ACCOUNT, DAY, "two", {"AKIA2"}, ordered=True)

    notes = {note.run: note for note in shared.ledger.of_day(ACCOUNT, DAY)}

    assert {run: (note.keys, note.ordered) for run, note in notes.items()} == {
        "one": (frozenset({"AKIA1"}), False),
        "two": (frozenset({"AKIA2"}), True),
    }
    assert all(abs(note.at - START) < timedelta(minutes=1) for note in notes.values())


def test_days_and_accounts_are_counted_apart(shared: Shared) -> None:
    shared.ledger.reserve(ACCOUNT, DAY, "one", {"AKIA1"})

    assert list(shared.ledger.of_day(ACCOUNT, date(2026, 3, 3))) == []
    assert list(shared.ledger.of_day("444444444444", DAY)) == []


def test_the_switch_is_off_until_somebody_throws_it(shared: Shared) -> None:
    assert shared.pause_flag.pause() is None
    shared.set()

    pause = shared.pause_flag.pause()

    assert pause is not None
    assert (pause.by, pause.why) == ("ops", "an incident")


def test_who_pauses_first_is_who_is_named_until_it_is_lifted(shared: Shared) -> None:
    shared.pause_flag.set(PAUSE)
    with pytest.raises(AlreadyThere):
        shared.pause_flag.set(replace(PAUSE, by="somebody else"))

    paused = shared.pause_flag.pause()
    shared.pause_flag.clear()
    shared.pause_flag.clear()

    assert paused is not None
    assert (paused.by, paused.why) == ("ops", "an incident")
    assert shared.pause_flag.pause() is None


def test_a_pause_lies_where_the_manual_says(cloud: LocalCloud) -> None:
    S3PauseFlag(cloud.session(HUB).client("s3"), bucket=BUCKET, prefix=PREFIX).set(PAUSE)

    [(name, body)] = cloud.objects(BUCKET).items()
    assert name == f"{PREFIX}/paused.json"
    assert json.loads(body) == {"by": "ops", "at": "2026-03-02T05:00:00Z", "why": "an incident"}


def test_the_tally_lies_where_the_manual_says(cloud: LocalCloud) -> None:
    s3 = cloud.session(HUB).client("s3")
    ledger = S3DailyLimitLedger(s3, bucket=BUCKET, prefix=PREFIX)
    ledger.reserve(ACCOUNT, DAY, "run", {"B", "A"})
    ledger.reserve(ACCOUNT, DAY, "operators", {"C"}, ordered=True)

    assert cloud.objects(BUCKET) == {
        f"{PREFIX}/tally/{ACCOUNT}/2026-03-02/run.json": b'{"keys": ["A", "B"]}',
        f"{PREFIX}/tally/{ACCOUNT}/2026-03-02/operators.order.json": b'{"keys": ["C"]}',
    }


@pytest.mark.parametrize("body", ["", "nonsense", "[]", '{"keys": 3}', '{"by": 1}', DEEP])
def test_a_tally_that_cannot_be_read_is_no_small_number(body: str, cloud: LocalCloud) -> None:
    put(cloud, f"tally/{ACCOUNT}/2026-03-02/run.json", body)
    ledger = S3DailyLimitLedger(cloud.session(HUB).client("s3"), bucket=BUCKET, prefix=PREFIX)

    with pytest.raises(PortError, match="holds no list of keys"):
        ledger.of_day(ACCOUNT, DAY)


@pytest.mark.parametrize("body", ["", "nonsense", "[]", "{}", DEEP])
def test_a_pause_that_says_nothing_is_a_pause_all_the_same(body: str, cloud: LocalCloud) -> None:
    put(cloud, "paused.json", body)

    pause = S3PauseFlag(cloud.session(HUB).client("s3"), bucket=BUCKET, prefix=PREFIX).pause()

    assert pause == Pause(by="somebody", at=START, why="no reason was given")


def test_another_object_beside_the_switch_is_no_pause(cloud: LocalCloud) -> None:
    put(cloud, "paused.json.bak", "{}")

    assert (
        S3PauseFlag(cloud.session(HUB).client("s3"), bucket=BUCKET, prefix=PREFIX).pause() is None
    )


@pytest.mark.parametrize("operation", ["s3:ListObjectsV2", "s3:GetObject"])
def test_a_denial_is_no_answer(operation: str, cloud: LocalCloud) -> None:
    put(cloud, "paused.json", "{}")
    put(cloud, f"tally/{ACCOUNT}/2026-03-02/run.json", '{"keys": []}')
    s3 = cloud.role_session(HUB, "Rotation").client("s3")
    cloud.deny(HUB, operation)

    with pytest.raises(Denied):
        S3PauseFlag(s3, bucket=BUCKET, prefix=PREFIX).pause()
    with pytest.raises(Denied):
        S3DailyLimitLedger(s3, bucket=BUCKET, prefix=PREFIX).of_day(ACCOUNT, DAY)


def test_a_plan_is_read_from_its_folder_alone(cloud: LocalCloud) -> None:
    put(cloud, "plans/march.json", "{}")
    plans = S3Plans(cloud.session(HUB).client("s3"), bucket=BUCKET, prefix=PREFIX)

    assert plans.read("march.json") == b"{}"
    with pytest.raises(NotFound):
        plans.read("april.json")


def test_without_a_bucket_nobody_was_told_and_no_key_can_be_counted() -> None:
    assert NoReceipts().of_key(ACCOUNT, "ann", "AKIA") == ()
    assert NoReceipts().last_dry_run_digest(ACCOUNT, OPS) is None
    assert NoDailyLimitLedger().of_day(ACCOUNT, DAY) == ()
    NoDailyLimitLedger().reserve(
        ACCOUNT, DAY, "run", {"AKIA"}, ordered=True
    )  # of no run there is to hold back
    assert NoPauseFlag().pause() is None
    with pytest.raises(Refused):
        NoDailyLimitLedger().reserve(ACCOUNT, DAY, "run", {"AKIA"})
    with pytest.raises(Refused):
        NoPauseFlag().set(PAUSE)
    NoPauseFlag().clear()
