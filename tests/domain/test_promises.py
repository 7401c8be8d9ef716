"""What never happens, whatever the facts are."""

import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.domain.commands import OperatorCommand, decide_command
from keyturn.domain.days import FIRST, LAST
from keyturn.domain.decision import Action, Asked, Decision, Overlay, Reason, UserDecisions
from keyturn.domain.errors import OrderNotDone
from keyturn.domain.key import (
    Act,
    KeyFacts,
    LastUse,
    Receipt,
    Seal,
    SecretFacts,
    Unknown,
    UserFacts,
)
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.record import Intent, KeyRecord, UserRecord, read_record, tags_of
from keyturn.domain.secret_names import INTENT_TAG, KEY_TAG, USER_ID_TAG, USER_TAG, version_id_for
from tests.domain.world import NOW, SILENCE, TODAY, Looked, a_key, ago, ann, look, on

TIMES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
ODD_TIMES = (
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "1999-12-31T23:59:59Z",
    "2000-01-01T00:00:00Z",
    "2200-12-31T23:59:59Z",
    "2201-01-01T00:00:00Z",
    "",
    "=",
    "".join(
        chr(ord("\N{ARABIC-INDIC DIGIT ZERO}") + int(c)) if c.isdigit() else c
        for c in "2026-02-01T06:00:00Z"
    ),
    "\u202e\u0000\ud83d\ude00",
    "9" * 256,
)
"""What is no time at all, or one that no sum of days can bear."""
Option = TypeVar("Option")


class Dice:
    """
    Facts from bytes, a byte for each choice.

    The first option comes as often as all others together: with those, something is about to
    be done. To them a failure shrinks.

    Many of these facts contradict each other; that is what people, crashes and clocks can do.
    """

    def __init__(self, rolls: bytes) -> None:
        self.rolls = iter(rolls)

    def of(self, first: Option, *others: Option) -> Option:
        roll = next(self.rolls, 0)
        return others[roll // 2 % len(others)] if roll % 2 and others else first

    def odds(self, one_in: int) -> bool:
        return next(self.rolls, 0) % one_in == one_in - 1

    def days(self) -> float:
        """Often where something changes, and a few hours about it."""
        around = self.of(10, 20, 30, 12, 11, 50, 0, 1, 2, 9, 3, 90, 400)
        return around + self.of(0, 0.25, -0.25, 0.5, -0.5, 0.51, -0.51, 7, -1)

    def time(self, one_in: int) -> datetime | None:
        return ago(self.days()) if self.odds(one_in) else None

    def receipt(self) -> Receipt:
        promises = {act: self.day() for act in Act if not self.odds(5)}
        step = self.of("disable", "delete", "before-disable", "before-delete", "upcoming-14")
        return Receipt(step=step, day=self.day(), at=ago(self.days()), promises=promises)

    def day(self) -> date:
        """Any that a receipt's name can hold."""
        near = self.of(0, -1, -10, 1, 3, 10, -29, -30, -31, 40)
        return self.of(FIRST.date(), LAST.date()) if self.odds(15) else on(near)

    def key(self, key_id: str) -> KeyFacts:
        age = self.of(200, 100, 90, 110, 900, 120, 99, 109, 89, 76, 30, 5, 0)
        told = [self.receipt() for _ in range(self.of(1, 2, 3, 0))]
        return a_key(
            key_id,
            age=age + self.of(0, 0.5, 0.51, -0.5),
            inactive=self.odds(3),
            used=self.of(self.days(), self.days(), None, SILENCE),
            told=SILENCE if self.odds(12) else told,
        )

    def record(self, key: KeyFacts) -> KeyRecord:
        likely = 9 if key.is_active else 2
        return KeyRecord(
            disabling=self.time(9),
            disabled=self.time(likely),
            seen=self.time(likely),
            restored=self.time(9),
            renewed=self.time(4),
            forced=self.time(5),
            delivered=self.time(2),
            orphan=self.time(5),
        )

    def intent(self, keys: list[KeyFacts]) -> Intent:
        seen = self.of("A", "AB", "B", "")
        return Intent(
            run="run",
            at=self.of(*[key.created for key in reversed(keys)], ago(self.days())),
            seen=frozenset(seen),
            replaces=self.of("A", "B"),
            settled=self.odds(2),
        )

    def garbled(self, text: str) -> str:
        """What a hand, or an attacker, makes of a tag."""
        odd = self.of(*ODD_TIMES)
        return self.of(
            TIMES.sub(odd, text), TIMES.sub(odd, text, count=1), f"{text} {text}", "", odd
        )

    def secret(self, keys: list[KeyFacts]) -> SecretFacts | Unknown | None:
        kind = self.of("ours", *["ours"] * 9, "none", "unknown", "foreign")
        if kind in {"none", "unknown"}:
            return SILENCE if kind == "unknown" else None
        tags = {USER_TAG: "ann", USER_ID_TAG: "AIDAANN" if kind == "ours" else "AIDAEARLIER"}
        tags |= {KEY_TAG + key.key_id: str(self.record(key)) for key in keys if not self.odds(4)}
        if self.odds(3):
            tags[INTENT_TAG] = str(self.intent(keys))
        stored = self.of("B", "AB", "", "A")
        current = self.of(*stored[-1:], *stored[:1], "", "somebody's")
        tags = {tag: self.garbled(text) if self.odds(9) else text for tag, text in tags.items()}
        if kind == "ours":
            tags |= {USER_TAG: "ann", USER_ID_TAG: "AIDAANN"}
        return SecretFacts(
            tags=tags,
            seal=self.of(Seal.RIGHT, *[Seal.RIGHT] * 9, Seal.BORN, Seal.WRONG),
            versions=frozenset(version_id_for(key_id) for key_id in stored),
            current=version_id_for(current) if current else None,
            scheduled_for_deletion=self.odds(12),
        )

    def user(self) -> UserFacts:
        keys = [self.key(key_id) for key_id in self.of("AB", "AB", "A", "A", "")]
        return ann(
            *keys, secret=self.secret(keys), exempt=self.odds(25), forced=self.time(one_in=6)
        )

    def policy(self) -> RotationPolicy:
        rotation = self.of(90, 75, 1)
        return RotationPolicy(
            rotation_period=rotation,
            inactive_period=rotation + self.of(10, 1, 30),
            recovery_grace_period=self.of(10, 1, 20),
            unused_period=self.of(None, None, None, 90, 1),
            hold_if_used_within=self.of(None, None, 3, 30),
            max_hold=self.of(30, 1, 60),
            retire_in_use=self.odds(3),
        )


ROLLS = st.binary(min_size=160, max_size=160)


def facts_of(rolls: bytes) -> tuple[UserFacts, RotationPolicy]:
    dice = Dice(rolls)
    policy = dice.policy()
    return dice.user(), policy


def examples(count: int) -> settings:
    return settings(
        max_examples=count,
        derandomize=True,  # the same on every machine; the long suites look further
        deadline=None,
        database=None,
    )


def the_record(user: UserFacts) -> UserRecord:
    assert isinstance(user.secret, SecretFacts | None)
    return read_record(user, user.secret, kms_key=None, now=NOW)


def waits_for(days: int, moment: datetime) -> bool:
    """Whether so many days have not passed; written down a second time, on purpose."""
    return NOW - moment < timedelta(days=days, hours=-1 if days == 1 else -12)


def is_quiet(key: KeyFacts, window: int) -> bool:
    assert isinstance(key.last_use, LastUse)
    if key.last_use.at is None:
        return not waits_for(window, key.created)
    return NOW - key.last_use.at >= timedelta(days=window + 1, hours=-1 if window == 1 else -12)


# --- each promise -----------------------------------------------------------------------


@examples(250)
@given(ROLLS)
def test_every_key_has_a_decision_a_sentence_and_a_next_date(rolls: bytes) -> None:
    user, policy = facts_of(rolls)
    looked = look(user, policy)

    assert [made.key_id for made in looked.decided.decisions] == [key.key_id for key in user.keys]
    for made in looked.decided.decisions:
        assert made.sentence
        assert made.is_blocked is (made.action is Action.WAIT)
        is_left = Overlay.EXEMPT in made.overlays
        ends = is_left or made.action is Action.DELETE or made.reason is Reason.ORPHAN_OVER
        assert (made.next is None) is ends
        assert made.next is None or made.next.day >= TODAY
        if made.notice is not None and made.notice.promises:
            assert made.notice.day in made.notice.promises.values()
            assert min(made.notice.promises.values()) >= TODAY


@examples(600)
@given(ROLLS)
def test_what_is_done_keeps_every_promise(rolls: bytes) -> None:
    user, policy = facts_of(rolls)
    looked = look(user, policy)

    facts = {key.key_id: key for key in user.keys}
    for made in looked.decided.decisions:
        key = facts[made.key_id]
        match made.action:
            case Action.DISABLE:
                no_key_ends_unannounced_or_too_soon(key, user, policy)
                another_key_remains_in_place(key, user, policy, made)
            case Action.DELETE:
                no_key_is_deleted_before_its_grace_is_over(key, user, policy)
            case Action.ROTATE:
                no_third_key_is_made(key, user, looked)
            case Action.REPAIR if made.reason is Reason.ORPHAN_OVER:
                assert not key.is_active
    assert sum(made.action is Action.DISABLE for made in looked.decided.decisions) <= 1
    assert sum(made.action is Action.ROTATE for made in looked.decided.decisions) <= 1


def no_key_ends_unannounced_or_too_soon(
    key: KeyFacts, user: UserFacts, policy: RotationPolicy
) -> None:
    record = the_record(user).of(key)
    window = policy.installation_window
    assert key.is_active
    assert isinstance(key.receipts, tuple)
    promising = [receipt for receipt in key.receipts if Act.DISABLE in receipt.promises]
    fresh = [r for r in promising if r.promises[Act.DISABLE] >= TODAY - timedelta(days=30)]
    if record.restored is not None:
        fresh = [receipt for receipt in fresh if receipt.at >= record.restored]
        assert not waits_for(policy.recovery_grace_period, record.restored)
    assert any(not waits_for(window, receipt.at) for receipt in fresh)
    assert all(receipt.promises[Act.DISABLE] <= TODAY for receipt in fresh)
    assert record.forced or not waits_for(policy.inactive_period, key.created)


def another_key_remains_in_place(
    key: KeyFacts, user: UserFacts, policy: RotationPolicy, made: Decision
) -> None:
    if made.reason is Reason.UNUSED:
        assert policy.unused_period is not None
        assert isinstance(key.last_use, LastUse)
        assert not waits_for(policy.unused_period, key.last_use.at or key.created)
        return
    window = policy.installation_window
    [other] = (other for other in user.keys if other is not key)
    assert other.is_active
    is_delivered = the_record(user).delivers(other) and other.order > key.order
    in_place = is_delivered and not waits_for(window, other.created)
    assert in_place or policy.retire_in_use or is_quiet(key, window)


def no_key_is_deleted_before_its_grace_is_over(
    key: KeyFacts, user: UserFacts, policy: RotationPolicy
) -> None:
    record = the_record(user).of(key)
    since = record.disabled or record.seen
    assert not key.is_active
    assert since is not None
    assert not waits_for(policy.recovery_grace_period, since)
    assert record.forced or not waits_for(policy.delete_period, key.created)
    assert isinstance(key.receipts, tuple)
    promising = [receipt for receipt in key.receipts if Act.DELETE in receipt.promises]
    assert any(receipt.at >= since for receipt in promising)
    assert all(receipt.promises[Act.DELETE] <= TODAY for receipt in promising)


def no_third_key_is_made(key: KeyFacts, user: UserFacts, looked: Looked) -> None:
    assert key.is_active
    for other in looked.decided.decisions:
        if other.key_id != key.key_id:
            assert other.action is Action.DELETE or other.reason is Reason.ORPHAN_OVER
    assert len(user.keys) <= 2


@examples(200)
@given(ROLLS)
def test_what_was_asked_and_not_answered_ends_and_rotates_no_key(rolls: bytes) -> None:
    user, policy = facts_of(rolls)
    looked = look(user, policy)

    facts = {key.key_id: key for key in user.keys}
    gentle = {Action.KEEP, Action.WAIT}
    for asked, key_id in looked.questions:
        unanswered = (
            user.secret is SILENCE
            if key_id is None
            else (facts[key_id].last_use if asked is Asked.LAST_USE else facts[key_id].receipts)
            is SILENCE
        )
        if unanswered:
            touched = looked.decided.decisions if key_id is None else [looked[key_id]]
            # That somebody enabled a key is told, whatever was told before.
            told_anyway = {Reason.RESTORED} if asked is Asked.RECEIPTS else set()
            assert {made.action for made in touched if made.reason not in told_anyway} <= gentle
        # Which of two Active keys may go must not depend on which answer got through.
        if unanswered and asked is Asked.LAST_USE and key_id and facts[key_id].is_active:
            active = [made for made in looked.decided.decisions if facts[made.key_id].is_active]
            spared = gentle | {Action.WARN, Action.NOTICE, Action.REPAIR}
            assert {made.action for made in active} <= spared


@examples(60)
@given(ROLLS)
def test_an_exempt_key_is_kept_whatever_else_is_true(rolls: bytes) -> None:
    user, policy = facts_of(rolls)
    looked = look(replace(user, exempt=True), policy)

    for made in looked.decided.decisions:
        assert made.action is Action.KEEP
        assert made.reason in {Reason.EXEMPT, Reason.ORPHAN_FOUND}
        assert made.overlays == {Overlay.EXEMPT}
        assert made.notice is None
    assert looked.decided.record_changes == ()
    if len(user.keys) == 1:
        assert looked.asked == ()


@examples(60)
@given(ROLLS)
def test_the_order_in_which_keys_are_listed_changes_nothing(rolls: bytes) -> None:
    user, policy = facts_of(rolls)
    turned = replace(user, keys=tuple(reversed(user.keys)))

    assert look(turned, policy) == look(user, policy) == look(user, policy)


@examples(60)
@given(ROLLS)
def test_beside_a_record_that_is_not_ours_nothing_is_written(rolls: bytes) -> None:
    user, policy = facts_of(rolls)
    foreign = SecretFacts(tags={USER_TAG: "bob"})

    looked = look(replace(user, secret=foreign), policy)

    gentle = {Action.KEEP, Action.WAIT, Action.WARN}
    assert {made.action for made in looked.decided.decisions} <= gentle
    assert looked.decided.record_changes == ()


@examples(400)
@given(ROLLS)
def test_an_order_is_followed_or_refused_whatever_stands_in_the_record(rolls: bytes) -> None:
    user, policy = facts_of(rolls)

    for key in user.keys:
        for action in (Action.RESTORE, Action.REVOKE):
            order = OperatorCommand(
                action=action, key_id=key.key_id, given=NOW, even_exempt=action is Action.REVOKE
            )
            try:
                decided = decide_command(order, user, policy, NOW)
            except OrderNotDone:
                assert action is Action.RESTORE
                continue
            assert isinstance(decided, UserDecisions)
            assert [made.key_id for made in decided.decisions] == [key.key_id]


TEXTS = st.one_of(
    st.sampled_from(ODD_TIMES),
    st.text(max_size=40),
    st.builds(
        "run=x {}={} at={} seen={} replaces={}".format,
        st.sampled_from(KeyRecord.__slots__),
        st.sampled_from(ODD_TIMES),
        st.sampled_from(ODD_TIMES),
        st.sampled_from(("X", "A/B", "")),
        st.sampled_from(("X", "A", "B")),
    ),
)


@examples(400)
@given(
    tags=st.dictionaries(
        st.sampled_from((INTENT_TAG, *tags_of("A"), *tags_of("B"), "keyturn:")), TEXTS
    ),
    age=st.sampled_from((1, 90, 200)),
    inactive=st.booleans(),
)
def test_nothing_that_stands_in_a_tag_can_raise_an_error(
    *, tags: dict[str, str], age: int, inactive: bool
) -> None:
    secret = SecretFacts(tags={**tags, USER_TAG: "ann", USER_ID_TAG: "AIDAANN"})
    user = ann(a_key("A", age=age), a_key("B", age=age / 2, inactive=inactive), secret=secret)

    assert len(look(user).decided.decisions) == 2
    revoke = OperatorCommand(action=Action.REVOKE, key_id="A", given=NOW)
    assert isinstance(decide_command(revoke, user, RotationPolicy(), NOW), UserDecisions)
