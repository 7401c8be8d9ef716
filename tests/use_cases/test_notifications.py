"""Who is told what of a run, and what cannot be looked up about it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest

from keyturn.domain.decision import (
    Action,
    Decision,
    Notice,
    NoticeType,
    Reason,
    State,
    UserDecisions,
)
from keyturn.domain.errors import Denied
from keyturn.domain.events import Audience, Digest, Event, EventType, Run
from keyturn.domain.key import Account, Receipt, SentNotice, UserFacts
from keyturn.domain.recipient import ChannelName, Recipient, RecipientId
from keyturn.domain.result import AccountPlan, AccountResult, Done, Outcome
from keyturn.schemas.digest import read_digest
from keyturn.use_cases.announcers import LONGEST_PART, PublishToBus
from keyturn.use_cases.notifications import BuildNotifications, Notifications
from tests.fakes import FakeKeys
from tests.use_cases.account import a_finder

NOW = datetime(2026, 3, 2, 5, tzinfo=UTC)
TODAY = date(2026, 3, 2)
ADMIN = "admin@example.com"
TEAM = "team@example.com"


@dataclass
class NeverTold:
    """Receipts of a dry run that nobody had, or that cannot be read."""

    refuses: bool = False
    last: datetime | None = None
    """When the owner last heard of a dry run."""

    def of_key(self, account: str, user: str, key_id: str) -> tuple[Receipt, ...]:
        return ()

    def notices_of_key(self, account: str, user: str, key_id: str) -> tuple[SentNotice, ...]:
        return ()

    def undeliverable(self) -> Mapping[RecipientId, datetime]:
        return {}

    def last_dry_run_digest(self, account: str, recipient: Recipient) -> datetime | None:
        if self.refuses:
            raise Denied("ListObjectsV2: AccessDenied")
        return self.last


@dataclass
class Wire:
    """A bus that keeps what is put on it."""

    events: list[Event] = field(default_factory=list)

    def publish(self, events: Iterable[Event]) -> None:
        self.events.extend(events)


def a_run(*, email: str = TEAM, dry_run: bool = False) -> Run:
    return Run(id="run", account=Account(id="1" * 12, email=email), at=NOW, dry_run=dry_run)


def a_turn(
    user: str, told: NoticeType = NoticeType.DELETED, action: Action = Action.DELETE
) -> UserDecisions:
    decision = Decision(
        key_id=f"KEY-{user}",
        age=110,
        state=State.DISABLED,
        action=action,
        reason=Reason.GRACE_OVER,
        sentence="its grace is over",
        notice=Notice(type=told, day=TODAY),
    )
    facts = UserFacts(account="1" * 12, name=user, user_id=user, keys=())
    return UserDecisions(user=facts, decisions=(decision,))


def a_result(run: Run, *all_decided: UserDecisions) -> AccountResult:
    plan = AccountPlan(run=run, users=all_decided)
    if run.dry_run:
        return AccountResult(plan=plan)
    outcomes = (
        Outcome(decided=decided, done=tuple(Done(decision=made) for made in decided.decisions))
        for decided in all_decided
    )
    return AccountResult(plan=plan, outcomes=tuple(outcomes))


def told_by(
    tell_keys: FakeKeys,
    result: AccountResult,
    *,
    unreadable: bool = False,
    last: datetime | None = None,
) -> Notifications:
    receipts = NeverTold(refuses=unreadable, last=last)
    account = result.plan.run.account
    return BuildNotifications(
        keys=tell_keys,
        find_owner=a_finder(tell_keys, receipts, account=account, admin=ADMIN, tag="Owner"),
        receipts=receipts,
        admin=ADMIN,
        region="us-east-1",
    ).of(result)


def keys(*users: str, **tags: str) -> FakeKeys:
    return FakeKeys(
        clock=lambda: NOW,
        held={user: [] for user in users},
        tags={user: {"Owner": address} for user, address in tags.items()},
    )


def addressed(notifications: Notifications) -> list[tuple[Audience, str, bool, list[str]]]:
    return [
        (digest.audience, digest.address, digest.proves, [item.user for item in digest.items])
        for digest in notifications.digests
    ]


def test_each_owner_gets_one_digest_and_the_admin_a_copy_of_all() -> None:
    notifications = told_by(
        keys("ann", "ben", "cat", ben="ben@example.com"),
        a_result(a_run(), a_turn("ann"), a_turn("ben"), a_turn("cat")),
    )

    assert addressed(notifications) == [
        (Audience.OWNER, TEAM, True, ["ann", "cat"]),
        (Audience.OWNER, "ben@example.com", True, ["ben"]),
        (Audience.ADMIN, ADMIN, False, ["ann", "ben", "cat"]),
    ]


@pytest.mark.parametrize(
    "tag", ["@team", "ann@", "Ann <ann@example.com>", "a@x.com b@x.com", "a@b@c"]
)
def test_a_tag_that_the_notifier_would_take_for_no_address_is_as_none(tag: str) -> None:
    notifications = told_by(keys("ann", ann=tag), a_result(a_run(), a_turn("ann")))

    assert addressed(notifications) == [
        (Audience.OWNER, TEAM, True, ["ann"]),
        (Audience.ADMIN, ADMIN, False, ["ann"]),
    ]


def test_an_admin_who_is_the_owner_is_told_once_and_that_is_the_proof() -> None:
    notifications = told_by(keys("ann"), a_result(a_run(email=ADMIN), a_turn("ann")))

    assert addressed(notifications) == [(Audience.ADMIN, ADMIN, True, ["ann"])]


def test_where_the_owner_is_not_known_the_admin_is_told_and_that_proves_nothing() -> None:
    notifications = told_by(keys("ann"), a_result(a_run(email=""), a_turn("ann")))

    assert addressed(notifications) == [(Audience.ADMIN, ADMIN, False, ["ann"])]


def test_a_tag_that_cannot_be_read_is_reported_and_nobody_counts_as_told() -> None:
    denied = keys("ann")
    denied.refuses["tag_of"] = Denied("ListUserTags: AccessDenied")

    notifications = told_by(denied, a_result(a_run(), a_turn("ann")))

    assert addressed(notifications) == [(Audience.ADMIN, ADMIN, False, ["ann"])]
    assert [str(failure) for failure in notifications.failures] == [
        "ann: ListUserTags: AccessDenied"
    ]
    assert EventType.ROTATION_FAILED in {event.type for event in notifications.events}
    assert notifications.digests[-1].failures == ("ann: ListUserTags: AccessDenied",)


@pytest.mark.parametrize(("hours", "told"), [(156, True), (155.9, False)])
def test_an_owner_hears_of_a_dry_run_once_a_week(hours: float, *, told: bool) -> None:
    last = NOW - timedelta(hours=hours)

    notifications = told_by(keys("ann"), a_result(a_run(dry_run=True), a_turn("ann")), last=last)

    assert any(digest.audience is Audience.OWNER for digest in notifications.digests) is told


def test_who_cannot_be_looked_up_hears_nothing_of_a_dry_run_and_the_admin_hears_why() -> None:
    notifications = told_by(
        keys("ann"), a_result(a_run(dry_run=True), a_turn("ann")), unreadable=True
    )

    assert addressed(notifications) == [(Audience.ADMIN, ADMIN, False, ["ann"])]
    assert notifications.digests[0].failures == ("ListObjectsV2: AccessDenied",)


def test_a_notice_that_only_repeats_what_happened_is_no_second_event_of_it() -> None:
    run = a_run()

    acted = told_by(keys("ann"), a_result(run, a_turn("ann", NoticeType.DISABLED, Action.DISABLE)))
    repeated = told_by(
        keys("ann"), a_result(run, a_turn("ann", NoticeType.DISABLED, Action.NOTICE))
    )

    assert acted.events[0].type is EventType.DISABLED
    assert repeated.events[0].type is EventType.NOTICED


def test_a_digest_too_long_for_an_event_travels_in_parts() -> None:
    many = [a_turn(f"user-{number}") for number in range(2 * LONGEST_PART + 1)]
    notifications = told_by(
        keys(*(decided.user.name for decided in many)), a_result(a_run(), *many)
    )
    bus = Wire()

    PublishToBus(bus=bus).announce(notifications)

    parts = [
        read_digest(event.detail["digest"])  # type: ignore[arg-type]  # as it was put there
        for event in bus.events
        if event.type is EventType.NOTICES_DUE
    ]
    to_owner = [part for part in parts if part.audience is Audience.OWNER]
    assert [part.part for part in to_owner] == [1, 2, 3]
    assert [item.user for part in to_owner for item in part.items] == [
        decided.user.name for decided in many
    ]


def test_a_digest_comes_over_the_bus_as_it_was() -> None:
    digest: Digest = told_by(keys("ann"), a_result(a_run(), a_turn("ann"))).digests[0]
    bus = Wire()

    PublishToBus(bus=bus).announce(Notifications(events=(), digests=(digest,)))

    assert read_digest(bus.events[0].detail["digest"]) == digest  # type: ignore[arg-type]  # as above


@dataclass
class ChoosyWire(Wire):
    """A bus that refuses every call in which an event is about one user."""

    refuses: str = ""

    def publish(self, events: Iterable[Event]) -> None:
        events = list(events)
        if self.refuses and any(event.detail.get("user") == self.refuses for event in events):
            raise Denied("PutEvents: denied")
        super().publish(events)


@pytest.mark.parametrize(("users", "refuses"), [(0, ""), (1, ""), (45, ""), (45, "user-20")])
def test_many_events_go_side_by_side_and_that_the_run_is_complete_goes_last(
    users: int, refuses: str
) -> None:
    def event(number: int) -> Event:
        detail = {"user": f"user-{number}"}
        return Event(type=EventType.ROTATED, run=a_run(), detail=detail)

    completed = Event(type=EventType.RUN_COMPLETED, run=a_run(), detail={})
    events = (*map(event, range(users)), completed)
    bus = ChoosyWire(refuses=refuses)

    failures = PublishToBus(bus=bus).announce(Notifications(events=events, digests=()))

    refused = set(range(20, 30)) if refuses else set()
    assert {str(each.detail["user"]) for each in bus.events[:-1]} == {
        f"user-{number}" for number in range(users) if number not in refused
    }
    assert len(bus.events) == users + 1 - len(refused)
    assert bus.events[-1] is completed
    assert [str(failure.error) for failure in failures] == ["PutEvents: denied"] * bool(refuses)


def test_failures_beyond_what_people_read_are_counted() -> None:
    bus = Wire()
    digest = Digest(
        run=a_run(),
        audience=Audience.ADMIN,
        recipient=Recipient(ChannelName.EMAIL, ADMIN),
        region="us-east-1",
        items=(),
        failures=tuple(f"user-{n}: {'x' * 1000}" for n in range(1250)),
    )

    PublishToBus(bus=bus).announce(Notifications(events=(), digests=(digest,)))

    [event] = bus.events
    part = read_digest(event.detail["digest"])  # type: ignore[arg-type]  # as it was put there
    assert part.failures[-1] == "and 1200 more: see the log"
    assert len(json.dumps(event.detail)) < 100_000
