"""The cap over a whole account: planned, claimed, and kept by two runs of one day."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from keyturn.domain.decision import Action, Reason
from keyturn.domain.errors import Denied, PortError, Unavailable
from keyturn.domain.events import Run
from keyturn.domain.key import Act, LastUse, Receipt, Seal, SecretFacts, Status
from keyturn.domain.narrowing import Approved
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.record import KeyRecord
from keyturn.domain.result import AccountResult, Request
from keyturn.domain.secret_names import KEY_TAG, USER_ID_TAG, USER_TAG, secret_name, version_id_for
from keyturn.ports import Clock
from keyturn.use_cases.keep_account import KeepAccount
from tests.fakes import FakeDailyLimitLedger, FakeKeys, FakeReceipts, FakeSecretStore
from tests.use_cases.account import ACCOUNT, DAY, GROUP, NOW, RUN, a_key, an_account

POLICY = RotationPolicy(max_keys_per_day=2, max_percent_per_day=0)
NAMES = ("ann", "bob", "carl", "dora")


class Estate:
    """Four users whose old keys are all to be disabled today, the first user's the oldest."""

    def __init__(self) -> None:
        self.keys = FakeKeys(clock=lambda: NOW, groups={GROUP: set()})
        self.secret_store, self.receipts = FakeSecretStore(), FakeReceipts()
        self.ledger = FakeDailyLimitLedger(clock=lambda: NOW)
        for number, name in enumerate(NAMES):
            old, new = a_key(f"OLD-{name}", 400 - number), a_key(f"NEW-{name}", 10)
            self.keys.held[name] = [old, new]
            self.secret_store.secrets[secret_name(ACCOUNT.id, name)] = SecretFacts(
                seal=Seal.RIGHT,
                tags={USER_TAG: name, USER_ID_TAG: f"AIDA-{name}"},
                versions=frozenset({version_id_for(new.key_id)}),
                current=version_id_for(new.key_id),
            )
            today = NOW.date()
            promises = {Act.DISABLE: today, Act.DELETE: today + 10 * DAY}
            self.receipts.told[old.key_id] = (
                Receipt(step="disable", day=today, at=NOW - 10 * DAY, promises=promises),
            )

    def account(
        self, run_id: str = "run", policy: RotationPolicy = POLICY, clock: Clock = lambda: NOW
    ) -> KeepAccount:
        return an_account(
            self.keys,
            self.secret_store,
            policy=policy,
            receipts=self.receipts,
            ledger=self.ledger,
            run_id=run_id,
            clock=clock,
        )

    def run(
        self, run_id: str = "run", request: Request | None = None, run: Run = RUN
    ) -> AccountResult:
        account = self.account(run_id, clock=lambda: run.at)
        return account.carry_out(account.plan(run, request or Request()))

    @property
    def disabled(self) -> list[str]:
        return [
            name
            for name in NAMES
            if any(key.status is Status.INACTIVE for key in self.keys.held[name])
        ]

    @property
    def noted(self) -> set[str]:
        return set().union(*(n.keys for n in self.ledger.of_day(ACCOUNT.id, NOW.date())))


def reasons(result: AccountResult) -> dict[str, Reason]:
    return {decided.user.name: decided.decisions[0].reason for decided in result.plan.users}


def test_the_oldest_are_disabled_and_the_rest_is_shown_as_over_the_cap() -> None:
    estate = Estate()

    result = estate.run()

    assert estate.disabled == ["ann", "bob"]
    assert reasons(result) == {
        "ann": Reason.WINDOW_OVER,
        "bob": Reason.WINDOW_OVER,
        "carl": Reason.OVER_CAP,
        "dora": Reason.OVER_CAP,
    }
    assert result.failures == ()
    [warning] = result.plan.warnings
    assert warning.startswith("2 keys have to wait")


def test_the_dry_run_shows_the_same_and_notes_nothing() -> None:
    estate = Estate()

    result = estate.run(run=replace(RUN, dry_run=True))

    assert reasons(result)["carl"] is Reason.OVER_CAP
    assert estate.disabled == []
    assert estate.ledger.noted == {}


def test_a_second_run_of_the_day_ends_no_more_and_the_next_day_goes_on() -> None:
    estate = Estate()
    estate.run("first")

    estate.run("second")
    assert estate.disabled == ["ann", "bob"]

    estate.run("next", run=replace(RUN, at=NOW + DAY))
    assert estate.disabled == list(NAMES)


def test_what_is_about_to_end_is_noted_before_the_first_key_ends() -> None:
    estate = Estate()
    estate.keys.refuses["disable"] = Unavailable("UpdateAccessKey: ?")

    result = estate.run("first")

    assert len(result.failures) == 2
    assert estate.noted == {"OLD-ann", "OLD-bob"}
    estate.keys.refuses.clear()
    # A quarter of an hour later, when nobody can be inside any more.
    estate.run("second", run=replace(RUN, at=NOW + timedelta(minutes=30)))
    assert set(estate.disabled) <= {"ann", "bob"}


@pytest.mark.parametrize(("method", "reported"), [("of_day", NAMES), ("note", NAMES[:2])])
def test_a_tally_that_does_not_answer_ends_no_key_and_is_reported(
    method: str, reported: tuple[str, ...]
) -> None:
    estate = Estate()
    estate.keys.held["emil"] = [a_key("OLD-emil", 137)]
    estate.ledger.refuses[method] = Denied(f"{method}: no")

    result = estate.run()

    assert estate.disabled == []
    assert {failure.user for failure in result.failures} == set(reported)
    assert all(f"{method}: no" in str(failure) for failure in result.failures)
    assert len(estate.keys.held["emil"]) == 2  # rotating is not capped


def test_room_that_another_run_took_meanwhile_is_left_to_it() -> None:
    estate = Estate()
    account = estate.account("slow")
    plan = account.plan(RUN, Request())
    estate.ledger.reserve(ACCOUNT.id, NOW.date(), "other", {"OLD-bob", "OLD-other"})

    result = account.carry_out(plan)

    assert estate.disabled == ["bob"]  # the other run set out to end it, too
    assert reasons(result)["ann"] is Reason.OVER_CAP
    assert result.failures == ()


def test_the_note_of_a_run_that_gave_way_lets_nothing_pass_later() -> None:
    estate = Estate()
    slow = estate.account("slow")
    plan = slow.plan(RUN, Request(users=frozenset({"ann", "bob"})))
    estate.run("quick", Request(users=frozenset({"carl", "dora"})))
    gave_way = slow.carry_out(plan)

    for again in ("again", "and again"):
        estate.run(again)

    assert reasons(gave_way) == {"ann": Reason.OVER_CAP, "bob": Reason.OVER_CAP}
    assert estate.disabled == ["carl", "dora"]
    assert estate.noted == {"OLD-carl", "OLD-dora"}


def test_a_run_that_cannot_take_its_note_back_ends_nothing() -> None:
    class Once(FakeDailyLimitLedger):
        def reserve(
            self,
            account: str,
            day: date,
            run: str,
            keys: Collection[str],
            *,
            ordered: bool = False,
        ) -> None:
            super().reserve(account, day, run, keys, ordered=ordered)
            self.refuses["note"] = Unavailable("PutObject: ?")

    estate = Estate()
    account = estate.account("slow")
    plan = account.plan(RUN, Request())
    estate.ledger.reserve(ACCOUNT.id, NOW.date(), "other", {"OLD-bob", "OLD-other"})
    account = replace(account, cap=replace(account.cap, ledger=Once(noted=estate.ledger.noted)))

    result = account.carry_out(plan)

    assert estate.disabled == []
    assert {failure.user for failure in result.failures} == {"ann", "bob"}
    # What it could not take back counts, and ends by nobody: more is noted than may end.
    estate.run("later")
    assert estate.disabled == []


def test_a_plan_that_is_carried_out_after_midnight_counts_for_the_new_day() -> None:
    estate = Estate()
    now = NOW.replace(hour=23, minute=57)
    account = estate.account("late", clock=lambda: now)
    plan = account.plan(replace(RUN, at=now), Request())
    now += timedelta(minutes=5)

    account.carry_out(plan)
    estate.run("daily", run=replace(RUN, at=now + timedelta(minutes=20)))

    assert estate.disabled == ["ann", "bob"]


@pytest.mark.parametrize(
    ("begins", "disabled"), [("23:58:30", ["ann"]), ("23:59:30", []), ("00:00:00", ["ann", "bob"])]
)
def test_no_key_ends_on_another_day_than_it_was_noted_for(
    begins: str, disabled: list[str]
) -> None:
    """A minute passes with each user: whoever's would pass over midnight waits."""
    estate = Estate()
    now = datetime.combine(NOW.date(), time.fromisoformat(begins), UTC)
    account = estate.account("late", clock=lambda: now)

    def done(_done: int, _of: int) -> None:
        nonlocal now
        now += timedelta(minutes=1)

    result = account.carry_out(account.plan(replace(RUN, at=now), Request()), progress=done)

    assert estate.disabled == disabled
    assert result.left == tuple(name for name in NAMES[:2] if name not in disabled)
    assert result.failures == ()


def test_what_more_runs_noted_than_may_end_holds_all_back() -> None:
    """Two that met and died before they gave way; who of them ended what, nobody can tell."""
    estate = Estate()
    day = NOW.date()
    estate.ledger.reserve(ACCOUNT.id, day, "one", {"OLD-ann", "OLD-bob"})
    estate.ledger.reserve(ACCOUNT.id, day, "two", {"OLD-carl"})

    result = estate.run()

    assert estate.disabled == []
    assert reasons(result)["ann"] is Reason.OVER_CAP


def test_a_run_that_is_handed_over_twice_does_not_forget_what_it_noted() -> None:
    estate = Estate()
    estate.run("one")

    estate.run("two")

    assert estate.noted == {"OLD-ann", "OLD-bob"}


def test_approved_keys_end_without_a_cap_and_count() -> None:
    estate = Estate()
    lines = frozenset(Approved(name, f"OLD-{name}", Action.DISABLE) for name in NAMES[:3])

    result = estate.run(request=Request(approved=lines))

    assert estate.disabled == list(NAMES[:3])
    assert estate.noted == {f"OLD-{name}" for name in NAMES[:3]}
    assert [decided.user.name for decided in result.plan.users] == list(NAMES[:3])


def test_approved_keys_wait_where_they_cannot_be_counted() -> None:
    estate = Estate()
    estate.ledger.refuses["note"] = Denied("note: no")

    estate.run(request=Request(approved=frozenset({Approved("ann", "OLD-ann", Action.DISABLE)})))

    assert estate.disabled == []


@pytest.mark.parametrize("refused", [{}, {"note": Denied("note: no")}])
def test_what_waits_in_an_approved_plan_lets_nothing_in_that_was_not_approved(
    refused: dict[str, PortError],
) -> None:
    """Both of ann's keys are due to end, without a successor; one line was taken out."""
    estate = Estate()
    old, unused = a_key("OLD-ann", 400, Status.INACTIVE), a_key("UNUSED-ann", 200)
    estate.keys.held["ann"] = [old, unused]
    estate.secret_store.secrets[secret_name(ACCOUNT.id, "ann")] = SecretFacts(
        seal=Seal.RIGHT,
        tags={
            USER_TAG: "ann",
            USER_ID_TAG: "AIDA-ann",
            f"{KEY_TAG}{old.key_id}": str(KeyRecord(disabled=NOW - 20 * DAY)),
        },
    )
    today = NOW.date()
    for key, promises in (
        (old, {Act.DELETE: today}),
        (unused, {Act.DISABLE: today, Act.DELETE: today + 10 * DAY}),
    ):
        estate.keys.used[key.key_id] = LastUse(at=None)
        [step, *_] = promises
        estate.receipts.told[key.key_id] = (
            Receipt(step=step, day=today, at=NOW - 15 * DAY, promises=promises),
        )
    estate.ledger.refuses |= refused
    account = estate.account(policy=replace(POLICY, unused_period=60))
    lines = frozenset({Approved("ann", old.key_id, Action.DELETE)})

    result = account.carry_out(account.plan(RUN, Request(approved=lines)))

    left = estate.keys.held["ann"]
    assert [(key.key_id, key.is_active) for key in left][-1] == (unused.key_id, True)
    assert result.plan.users[0].decisions[-1].reason is Reason.NOT_APPROVED
    assert len(left) == (2 if refused else 1)


@pytest.mark.parametrize(
    ("begun", "refused", "reason"),
    [
        ({"OTHER"}, {}, Reason.FOUND_INACTIVE),
        ({"FOUND"}, {}, Reason.RUN_UNDER_WAY),
        ({"FOUND"}, {"of_day": Denied("of_day: no")}, Reason.TALLY_UNREADABLE),
    ],
)
def test_a_key_found_inactive_may_be_one_that_a_run_has_just_deleted(
    begun: set[str], refused: dict[str, PortError], reason: Reason
) -> None:
    estate = Estate()
    estate.keys.held = {"ann": [a_key("FOUND", 30, Status.INACTIVE)]}
    del estate.secret_store.secrets[secret_name(ACCOUNT.id, "ann")]
    estate.ledger.reserve(ACCOUNT.id, NOW.date(), "other", begun)
    estate.ledger.refuses |= refused

    result = estate.run()

    assert reasons(result) == {"ann": reason}
    is_written = secret_name(ACCOUNT.id, "ann") in estate.secret_store.secrets
    assert is_written is (reason is Reason.FOUND_INACTIVE)
    assert [failure.user for failure in result.failures] == (["ann"] if refused else [])
