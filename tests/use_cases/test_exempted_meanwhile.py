"""Who is exempted while a run is at work: nothing more is written to their keys."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from keyturn.domain.errors import Denied, OrderNotDone, Unavailable
from keyturn.domain.result import AccountResult, Request
from keyturn.domain.secret_names import INTENT_TAG
from keyturn.use_cases.gate import ASKED_EVERY
from keyturn.use_cases.keep_account import KeepAccount
from tests.fakes import FakeKeys, FakeSecretStore
from tests.use_cases.account import GROUP, NOW, RUN, an_account, some_keys
from tests.use_cases.harness import ASKED, MEMBER, Harness, before, staged
from tests.use_cases.harness import GROUP as STAGED_GROUP

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@dataclass
class Slow:
    """An account in which every new key takes a while to deliver."""

    takes: timedelta
    names: tuple[str, ...]
    after: Callable[[int], None] = lambda _number: None
    """What somebody does when so many keys were delivered."""
    now: datetime = NOW
    asked: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        slow = self

        class SecretStore(FakeSecretStore):
            def store(self, *args: object) -> None:
                super().store(*args)  # type: ignore[arg-type]  # passed on
                slow.now += slow.takes
                slow.after(len(self.stored))

        held = some_keys(**dict.fromkeys(self.names, 137))
        self.keys = _Counted(clock=lambda: slow.now, held=held.held, groups=held.groups)
        self.keys.asked = self.asked
        self.secret_store = SecretStore()
        self.account: KeepAccount = an_account(
            self.keys, self.secret_store, clock=lambda: slow.now
        )

    def run(self, request: Request | None = None) -> AccountResult:
        plan = self.account.plan(RUN, request or Request())
        self.asked.clear()
        return self.account.carry_out(plan)

    def exempt(self, name: str) -> None:
        self.keys.groups[GROUP].add(name)

    @property
    def rotated(self) -> list[str]:
        return [name for name, held in self.keys.held.items() if len(held) == 2]


class _Counted(FakeKeys):
    asked: list[datetime]

    def members_of(self, group: str) -> frozenset[str]:
        self.asked.append(self.clock())
        return super().members_of(group)


def test_who_is_exempted_during_a_run_is_left_alone_and_named() -> None:
    slow = Slow(MINUTE, ("ann", "bob", "cid"))
    slow.after = lambda number: slow.exempt("cid") if number == 1 else None

    result = slow.run()

    assert slow.rotated == ["ann", "bob"]
    assert result.failures == ()
    assert result.plan.warnings == ("cid was exempted meanwhile: nothing more was written",)


def test_an_answer_about_who_is_exempt_holds_for_less_than_20_seconds() -> None:
    slow = Slow(ASKED_EVERY, ("ann", "bob"))
    slow.after = lambda _number: slow.exempt("bob")

    slow.run()

    assert slow.rotated == ["ann"]


@pytest.mark.parametrize(("takes", "most"), [(SECOND, 1), (19 * SECOND, 10), (MINUTE, 10)])
def test_the_group_is_read_once_in_20_seconds_at_most(takes: timedelta, most: int) -> None:
    slow = Slow(takes, tuple(f"user-{number}" for number in range(10)))

    slow.run()

    assert len(slow.rotated) == 10
    assert len(slow.asked) <= most
    gaps = [later - earlier for earlier, later in zip(slow.asked, slow.asked[1:], strict=False)]
    assert all(gap >= ASKED_EVERY for gap in gaps)


@pytest.mark.parametrize("error", [Denied("GetGroup: no"), Unavailable("GetGroup: ?")])
def test_a_group_that_cannot_be_read_any_more_stops_the_run_and_is_told_once(
    error: Denied | Unavailable,
) -> None:
    slow = Slow(MINUTE, ("ann", "bob", "cid"))

    def fails(number: int) -> None:
        if number == 1:
            slow.keys.refuses["members_of"] = error

    slow.after = fails

    result = slow.run()

    assert slow.rotated == ["ann"]
    [failure] = result.failures
    assert failure.user is None
    assert "could not be read" in str(failure)
    assert result.lost is failure


def test_a_group_that_can_be_read_again_does_not_open_the_run_again() -> None:
    slow = Slow(MINUTE, ("ann", "bob", "cid"))
    slow.account = an_account(slow.keys, slow.secret_store, clock=lambda: slow.now)
    reads: list[int] = []
    read = slow.keys.members_of

    def once_broken(group: str) -> frozenset[str]:
        reads.append(1)
        if len(reads) == 3:  # the plan's, the first, and this
            raise Unavailable("GetGroup: ?")
        return read(group)

    slow.keys.members_of = once_broken  # type: ignore[method-assign]  # fails once

    slow.run()

    assert slow.rotated == ["ann"]


def test_an_approved_plan_and_an_order_ask_again_too() -> None:
    for request in (
        Request(users=frozenset({"ann", "bob"})),
        Request(forced="bob", forced_at=NOW),
    ):
        slow = Slow(MINUTE, ("ann", "bob"))
        slow.after = lambda _number, slow=slow: slow.exempt("bob")  # type: ignore[misc]  # bound

        result = slow.run(request)

        assert slow.rotated == ["ann"]
        if request.forced:
            [failure] = result.failures
            assert isinstance(failure.error, OrderNotDone)
            assert "bob was exempted meanwhile" in str(failure)


# On the local AWS, one user's turn long


@pytest.fixture
def stage() -> Iterator[Harness]:
    with staged() as stage:
        yield stage


def slowly(stage: Harness, operation: str) -> None:
    """A call takes a minute, and somebody exempts ann before it."""
    stage.slow(operation, 1)
    stage.cloud.layers.append(before(operation, lambda: stage.exempt("ann")))


def test_who_is_exempted_between_the_intent_and_the_key_gets_none(stage: Harness) -> None:
    stage.user("ann", 137)

    def take_a_minute() -> None:
        stage.cloud.move_to(stage.cloud.now + MINUTE)
        stage.exempt("ann")

    # CreateSecret brings the intent, and the seal comes after it.
    stage.cloud.layers.append(before("TagResource", take_a_minute))

    answer = stage.invoke()

    assert "CreateAccessKey" not in stage.writes()
    assert list(stage.keys("ann").values()) == ["Active"]
    assert INTENT_TAG not in stage.secret("ann").tags
    assert "ann was exempted meanwhile: nothing more was written" in answer["warnings"]
    assert answer["failures"] == []


def test_who_is_exempted_while_a_disabling_is_written_down_keeps_the_key(stage: Harness) -> None:
    [old] = stage.user("ann", 137)
    stage.run()
    stage.at(10)
    slowly(stage, "TagResource")
    mark = stage.mark()

    answer = stage.invoke()

    assert "UpdateAccessKey" not in stage.writes(mark)
    assert stage.keys("ann")[old] == "Active"
    assert "disabling" not in stage.noted("ann", old)
    assert "ann was exempted meanwhile: nothing more was written" in answer["warnings"]


def test_who_is_exempted_before_a_restoration_is_not_restored(stage: Harness) -> None:
    [old] = stage.user("ann", 137)
    for day in (0, 10):
        stage.at(day).run()
    assert stage.keys("ann")[old] == "Inactive"
    stage.at(11)
    slowly(stage, "DescribeSecret")
    mark = stage.mark()

    answer = stage.invoke({"account": MEMBER, "Restore": old})

    assert "UpdateAccessKey" not in stage.writes(mark)
    assert stage.keys("ann")[old] == "Inactive"
    [failure] = answer["failures"]
    assert "ann was exempted meanwhile" in failure["message"]


def test_a_secret_is_stored_though_its_user_was_exempted_while_the_key_was_made(
    stage: Harness,
) -> None:
    """It is no write to a key; and a key whose secret nobody has would be worse."""
    stage.user("ann", 137)
    slowly(stage, "CreateAccessKey")

    answer = stage.invoke()

    assert len(stage.keys("ann")) == 2
    [new] = [key for key in stage.keys("ann") if key == stage.value("ann")["AccessKeyId"]]
    assert new
    assert answer["failures"] == []


def test_a_group_that_nobody_can_read_any_more_stops_the_functions_run(stage: Harness) -> None:
    for name in ("ann", "bob"):
        stage.user(name, 137)
    stage.settings["ParallelUsers"] = "1"
    stage.slow("PutSecretValue", 1)
    stage.cloud.layers.append(
        before("PutSecretValue", lambda: stage.cloud.deny(MEMBER, "GetGroup"))
    )

    answer = stage.invoke(ASKED)

    assert [len(stage.keys(name)) for name in ("ann", "bob")] == [2, 1]
    [failure] = answer["failures"]
    assert failure["user"] is None
    assert STAGED_GROUP in failure["message"]
