"""What never happens, whatever the facts are."""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keyturn.domain.decision import Action, Asked, Decision, Overlay, Reason
from keyturn.domain.key import Act, KeyFacts, LastUse, Receipt, SecretFacts, Unknown, UserFacts
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.record import (
    INTENT_TAG,
    KEY_TAG,
    USER_ID_TAG,
    USER_TAG,
    Intent,
    KeyRecord,
    UserRecord,
    read_record,
    token,
)
from tests.domain.world import NOW, SILENCE, TODAY, Looked, a_key, ago, ann, look, on

# Many of these facts contradict each other; that is what people, crashes and clocks can do.
HALF_DAYS = st.integers(-2, 60).map(lambda halves: halves / 2)
AGES = st.one_of(st.integers(0, 1000), st.sampled_from([0, 9, 10, 76, 89, 90, 99, 100, 110, 200]))
TIMES = st.one_of(st.none(), HALF_DAYS.map(ago), st.integers(-10, 1000).map(ago))
STEPS = ["disable", "delete", "before-disable", "before-delete", "upcoming-14", "restored", "x"]


@st.composite
def receipts(draw: st.DrawFn) -> Receipt:
    days = st.one_of(st.integers(-3, 3), st.integers(-60, 60)).map(on)
    promises = {act: draw(days) for act in Act if draw(st.booleans())}
    at = ago(draw(HALF_DAYS))
    return Receipt(step=draw(st.sampled_from(STEPS)), day=draw(days), at=at, promises=promises)


@st.composite
def keys(draw: st.DrawFn, key_id: str) -> KeyFacts:
    used = draw(st.one_of(HALF_DAYS, st.none(), st.just(SILENCE), st.just(200)))
    told = draw(st.one_of(st.lists(receipts(), min_size=1, max_size=3), st.just(SILENCE)))
    key = a_key(key_id, age=draw(AGES), inactive=draw(st.booleans()), used=used, told=told)
    return replace(key, created=key.created - draw(st.sampled_from([0, 1, 11, 13])) * HOUR)


HOUR = timedelta(hours=1)
RECORDS = st.builds(
    KeyRecord,
    disabling=TIMES,
    disabled=TIMES,
    seen=TIMES,
    restored=st.one_of(st.none(), st.none(), TIMES),
    renewed=st.one_of(st.none(), TIMES),
    forced=st.one_of(st.none(), TIMES),
    delivered=TIMES,
    orphan=st.one_of(st.none(), TIMES),
)
INTENTS = st.builds(
    Intent,
    run=st.just("run"),
    at=HALF_DAYS.map(ago),
    seen=st.frozensets(st.sampled_from("AB")),
    replaces=st.sampled_from("AB"),
    settled=st.booleans(),
)
POLICIES = st.builds(
    lambda rotation, window, grace, **options: RotationPolicy(
        rotation_period=rotation,
        inactive_period=rotation + window,
        recovery_grace_period=grace,
        **options,
    ),
    st.sampled_from([90, 75, 1, 30]),
    st.sampled_from([10, 1, 30]),
    st.sampled_from([10, 1, 20]),
    unused_period=st.sampled_from([None, None, 90, 1]),
    hold_if_used_within=st.sampled_from([None, None, 3, 30]),
    max_hold=st.sampled_from([30, 1, 60]),
    retire_in_use=st.booleans(),
)


@st.composite
def secrets(draw: st.DrawFn) -> SecretFacts | Unknown | None:
    kind = draw(st.sampled_from(["ours"] * 8 + ["none", "unknown", "foreign"]))
    if kind == "none":
        return None
    if kind == "unknown":
        return SILENCE
    tags = {USER_TAG: "ann", USER_ID_TAG: "AIDAANN" if kind == "ours" else "AIDAEARLIER"}
    tags |= {KEY_TAG + key_id: str(draw(RECORDS)) for key_id in "AB" if draw(st.booleans())}
    if draw(st.booleans()):
        tags[INTENT_TAG] = str(draw(INTENTS))
    return SecretFacts(
        tags=tags,
        versions=frozenset(token(key_id) for key_id in "AB" if draw(st.booleans())),
        scheduled_for_deletion=draw(st.integers(0, 9)) == 0,
    )


@st.composite
def users(draw: st.DrawFn) -> UserFacts:
    ids = draw(st.sampled_from(["A", "AB", "AB", "BA", ""]))
    return ann(
        *(draw(keys(key_id)) for key_id in ids),
        secret=draw(secrets()),
        exempt=draw(st.integers(0, 19)) == 0,
        forced=draw(st.one_of(st.none(), HALF_DAYS.map(ago))),
    )


def examples(count: int) -> settings:
    return settings(
        max_examples=count,
        derandomize=True,  # the same on every machine; the long suites look further
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
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
@given(user=users(), policy=POLICIES)
def test_every_key_has_a_decision_a_sentence_and_a_next_date(
    user: UserFacts, policy: RotationPolicy
) -> None:
    looked = look(user, policy)

    assert [made.key_id for made in looked.turn.decisions] == [key.key_id for key in user.keys]
    for made in looked.turn.decisions:
        assert made.sentence
        assert made.is_blocked is (made.action is Action.WAIT)
        ends = made.action is Action.DELETE or made.reason in {Reason.ORPHAN_OVER, Reason.EXEMPT}
        assert (made.next is None) is ends
        assert made.next is None or made.next.day >= TODAY
        if made.notice is not None and made.notice.promises:
            assert made.notice.day in made.notice.promises.values()
            assert min(made.notice.promises.values()) >= TODAY


@examples(500)
@given(user=users(), policy=POLICIES)
def test_what_is_done_keeps_every_promise(user: UserFacts, policy: RotationPolicy) -> None:
    looked = look(user, policy)

    facts = {key.key_id: key for key in user.keys}
    for made in looked.turn.decisions:
        key = facts[made.key_id]
        match made.action:
            case Action.DISABLE:
                no_key_ends_unannounced_or_too_soon(key, user, policy)
                another_key_remains_in_place(key, user, policy, made)
            case Action.DELETE:
                no_key_is_deleted_before_its_grace_is_over(key, user, policy)
            case Action.ROTATE:
                no_third_key_is_made(key, user, looked)
    assert sum(made.action is Action.DISABLE for made in looked.turn.decisions) <= 1
    assert sum(made.action is Action.ROTATE for made in looked.turn.decisions) <= 1


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
    for other in looked.turn.decisions:
        if other.key_id != key.key_id:
            assert other.action is Action.DELETE or other.reason is Reason.ORPHAN_OVER
    assert len(user.keys) <= 2


@examples(200)
@given(user=users(), policy=POLICIES)
def test_what_was_asked_and_not_answered_ends_and_rotates_no_key(
    user: UserFacts, policy: RotationPolicy
) -> None:
    looked = look(user, policy)

    facts = {key.key_id: key for key in user.keys}
    for asked, key_id in looked.questions:
        unanswered = (
            user.secret is SILENCE
            if key_id is None
            else (facts[key_id].last_use if asked is Asked.LAST_USE else facts[key_id].receipts)
            is SILENCE
        )
        if unanswered:
            touched = looked.turn.decisions if key_id is None else [looked[key_id]]
            gentle = {Action.KEEP, Action.WAIT}
            assert {made.action for made in touched} <= gentle
        if unanswered and asked is Asked.LAST_USE:
            wild = {Action.DISABLE, Action.DELETE, Action.ROTATE}
            assert not wild & {
                made.action for made in looked.turn.decisions if facts[made.key_id].is_active
            }


@examples(60)
@given(user=users(), policy=POLICIES)
def test_an_exempt_key_is_kept_whatever_else_is_true(
    user: UserFacts, policy: RotationPolicy
) -> None:
    looked = look(replace(user, exempt=True), policy)

    for made in looked.turn.decisions:
        assert (made.action, made.reason) == (Action.KEEP, Reason.EXEMPT)
        assert made.overlays == {Overlay.EXEMPT}
        assert made.notice is None
    assert looked.turn.record_changes == ()
    assert looked.asked == ()


@examples(60)
@given(user=users(), policy=POLICIES)
def test_the_order_in_which_keys_are_listed_changes_nothing(
    user: UserFacts, policy: RotationPolicy
) -> None:
    turned = replace(user, keys=tuple(reversed(user.keys)))

    assert look(turned, policy) == look(user, policy) == look(user, policy)


@examples(60)
@given(user=users(), policy=POLICIES)
def test_beside_a_record_that_is_not_ours_nothing_is_written(
    user: UserFacts, policy: RotationPolicy
) -> None:
    foreign = SecretFacts(tags={USER_TAG: "bob"})

    looked = look(replace(user, secret=foreign), policy)

    gentle = {Action.KEEP, Action.WAIT, Action.WARN}
    assert {made.action for made in looked.turn.decisions} <= gentle
    assert looked.turn.record_changes == ()
