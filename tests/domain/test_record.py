"""What is read from the tags and versions of a user's secret, and what is written there."""

import hashlib
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.domain.key import SecretFacts
from keyturn.domain.record import Intent, KeyRecord, UserRecord, read_record, said_of, stale_tags
from keyturn.domain.secret_names import (
    INTENT_TAG,
    KEY_TAG,
    RESTORED_TAG,
    REVOKED_TAG,
    USER_ID_TAG,
    USER_TAG,
    encode,
    secret_name,
    version_id_for,
)
from keyturn.domain.tag_text import format_utc
from tests.domain.world import DAY, MINUTE, NOW, a_key, a_secret, ago, ann

NAMES = st.text("ab,=+@.23CD", min_size=1, max_size=12)
SECOND = timedelta(seconds=1)
INTENT = Intent(run="run-1", at=ago(1), seen=frozenset({"OLD"}), replaces="OLD")


def read(text: str) -> KeyRecord:
    return KeyRecord.read(text, created=ago(200), now=NOW)


# --- names ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "encoded"),
    [
        ("ann", "ann"),
        ("ann@example.com", "ann@example.com"),
        ("a=b", "a=b"),
        ("a,b", "a=2Cb"),
        ("a=b,c", "a=3Db=2Cc"),
        ("a=2Cb", "a=3D2Cb"),
        ("a=3Db", "a=3D3Db"),
        ("a=2cb", "a=2cb"),
    ],
)
def test_a_comma_is_written_as_secrets_manager_takes_it(name: str, encoded: str) -> None:
    assert encode(name) == encoded


@given(one=NAMES, other=NAMES)
def test_no_two_users_share_a_secret(one: str, other: str) -> None:
    assert (encode(one) == encode(other)) is (one == other)
    assert "," not in encode(one)


@given(NAMES)
def test_a_name_can_be_read_back(name: str) -> None:
    text = encode(name)
    changed = "=2C" in text or "=3D" in text

    assert (text.replace("=2C", ",").replace("=3D", "=") if changed else text) == name


def test_the_secret_is_named_for_account_and_user() -> None:
    name = secret_name("111122223333", "ann,bob")

    assert name == "Account_111122223333_User_ann=2Cbob_AccessKey"


def test_the_token_of_a_key_is_the_sha256_of_its_id_in_hex() -> None:
    assert version_id_for("OLD") == hashlib.sha256(b"OLD").hexdigest()
    assert len(version_id_for("OLD")) == 64  # as long as AWS allows


# --- times ------------------------------------------------------------------------------


def test_times_are_written_in_utc_to_the_second() -> None:
    there = datetime(2026, 3, 1, 1, 2, 3, 456789, tzinfo=timezone(timedelta(hours=-5)))

    assert format_utc(there) == "2026-03-01T06:02:03Z"


def test_a_revocation_has_a_tag_of_its_own_that_outlives_what_others_write() -> None:
    revoked = KeyRecord(disabled=ago(2), forced=ago(1), revoked=ago(1))

    tags = revoked.tags("OLD", {})
    tags |= KeyRecord(disabled=ago(2)).tags("OLD", tags)

    assert tags.keys() == {KEY_TAG + "OLD", REVOKED_TAG + "OLD"}
    assert read(said_of("OLD", tags)) == revoked  # its age still has no say
    assert revoked.tags("OLD", tags).keys() == {KEY_TAG + "OLD"}


def test_a_restoration_has_a_tag_of_its_own_too() -> None:
    restored = KeyRecord(restored=ago(1), forced=ago(9))

    tags = restored.tags("OLD", {}) | KeyRecord(seen=ago(1)).tags("OLD", {})

    assert read(said_of("OLD", tags)) == KeyRecord(restored=ago(1))


def test_what_stood_in_the_keys_tag_moves_to_its_own() -> None:
    before = KeyRecord(restored=ago(5), delivered=ago(9))
    standing = {KEY_TAG + "OLD": str(before)}

    tags = standing | replace(before, disabling=ago(1)).tags("OLD", standing)

    assert tags.keys() == {KEY_TAG + "OLD", RESTORED_TAG + "OLD"}
    assert read(said_of("OLD", tags)) == replace(before, disabling=ago(1))


def test_a_revocation_stands_whatever_a_restoration_says_of_its_time() -> None:
    both = (
        f"revoked={format_utc(ago(5))} disabled={format_utc(ago(5))} restored={format_utc(ago(1))}"
    )

    assert read(both) == KeyRecord(restored=ago(1), revoked=ago(5), forced=ago(5))


def test_a_record_can_be_read_back() -> None:
    record = KeyRecord(
        restored=ago(9),
        disabling=ago(8),
        disabled=ago(7),
        seen=ago(6),
        renewed=ago(5),
        forced=ago(4),
        delivered=ago(3),
        orphan=ago(2),
    )
    revoked = replace(record, revoked=ago(1))

    assert read(str(record)) == record
    assert read(str(revoked)) == revoked
    assert len(str(record)) <= 256  # as long as AWS allows
    assert str(KeyRecord()) == ""


@pytest.mark.parametrize("name", [field.name for field in fields(KeyRecord)])
@pytest.mark.parametrize(
    ("time", "counts"),
    [
        (ago(200) - SECOND, False),
        (ago(200), True),
        (ago(1), True),
        (NOW, True),
    ],
)
def test_a_time_counts_only_since_its_key_was_made(
    name: str, time: datetime, *, counts: bool
) -> None:
    record = read(f"{name}={format_utc(time)}")

    assert (getattr(record, name) is not None) is counts


@pytest.mark.parametrize("name", [field.name for field in fields(KeyRecord)])
@pytest.mark.parametrize("ahead", [SECOND, 15 * MINUTE, 15 * MINUTE + SECOND, 3650 * DAY])
def test_of_the_future_only_what_holds_an_end_back_counts(name: str, ahead: timedelta) -> None:
    record = read(f"{name}={format_utc(NOW + ahead)}")

    stands = {"restored": NOW, "revoked": NOW if ahead <= 15 * MINUTE else ago(200)}
    assert getattr(record, name) == stands.get(name)
    assert (record == KeyRecord()) is (name not in stands)  # and no word of its age


def test_a_restoration_and_a_revocation_by_a_fast_clock_count_both() -> None:
    first, second = format_utc(NOW + SECOND), format_utc(NOW + 2 * SECOND)

    assert read(f"restored={first} revoked={second}") == KeyRecord(restored=NOW, revoked=NOW)
    assert read(f"revoked={first} restored={second}") == KeyRecord(restored=NOW, revoked=NOW)


def test_what_was_written_since_the_run_began_is_not_of_the_future() -> None:
    late = KeyRecord(disabled=NOW + MINUTE, revoked=NOW + MINUTE, forced=NOW + MINUTE)
    secret = replace(a_secret("NEW", records={"OLD": late}), told_at=NOW + MINUTE)
    user = ann(a_key(age=90), secret=secret)

    record = read_record(user, secret, kms_key=None, now=NOW)

    assert record.keys["OLD"] == late


@pytest.mark.parametrize(
    "text",
    [
        "",
        "disabled",
        "disabled=",
        "disabled=yesterday",
        "disabled=2026-02-01",
        "disabled=2026-02-01T06:00:00",
        "disabled=2026-02-30T06:00:00Z",
        "disabled=2026-02-01T06:00:00+00:00",
        "Disabled=2026-02-01T06:00:00Z",
        "=2026-02-01T06:00:00Z",
        "{}",
    ],
)
def test_what_is_malformed_is_missing(text: str) -> None:
    assert read(text) == KeyRecord()


@pytest.mark.parametrize("name", [field.name for field in fields(KeyRecord)])
@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00Z",
        "1999-12-31T23:59:59Z",
        "2201-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "10000-01-01T00:00:00Z",
        "2026-2-1T6:00:00Z",
        "٢٠٢٦-02-01T06:00:00Z",
        "",
        "x" * 10_000,
        "\u202e2026-02-01T06:00:00Z",
    ],
)
def test_a_time_outside_2000_to_2200_is_malformed_and_loosens_nothing(
    name: str, text: str
) -> None:
    made = datetime(1999, 1, 1, tzinfo=UTC)

    record = KeyRecord.read(f"{name}={text}", created=made, now=NOW)

    # A revocation that was begun just now would be a run under way, for ever.
    stands = {"restored": NOW, "revoked": made}
    assert record == KeyRecord(**({name: stands[name]} if name in stands else {}))


@pytest.mark.parametrize("text", ["2000-01-01T00:00:00Z", "2200-12-31T23:59:59Z"])
def test_a_time_of_2000_or_of_2200_is_one(text: str) -> None:
    then = datetime(2201, 1, 1, tzinfo=UTC)

    record = KeyRecord.read(f"disabled={text}", created=datetime(1999, 1, 1, tzinfo=UTC), now=then)

    assert record.disabled is not None
    assert format_utc(record.disabled) == text


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2201-01-01T00:00:00Z"]
)
def test_an_intent_of_no_time_that_can_be_is_none(at: str) -> None:
    assert Intent.read(f"run=x at={at} seen=A replaces=B") is None


def test_a_malformed_time_spoils_no_other() -> None:
    assert read(f"disabled=? seen={format_utc(ago(3))} x=y") == KeyRecord(seen=ago(3))


@pytest.mark.parametrize("name", ["disabling", "disabled", "seen", "renewed"])
@pytest.mark.parametrize(("days", "counts"), [(6, False), (5, False), (4, True)])
def test_a_restoration_makes_older_times_void(name: str, days: int, *, counts: bool) -> None:
    record = read(f"restored={format_utc(ago(5))} {name}={format_utc(ago(days))}")

    assert (getattr(record, name) is not None) is counts


@pytest.mark.parametrize("name", ["forced", "delivered", "orphan"])
def test_a_restoration_leaves_what_has_nothing_to_do_with_it(name: str) -> None:
    assert getattr(
        read(f"restored={format_utc(ago(5))} {name}={format_utc(ago(6))}"), name
    ) == ago(6)


# --- the intent -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "intent", [INTENT, replace(INTENT, settled=True), replace(INTENT, run="account=1/day=2")]
)
def test_an_intent_can_be_read_back(intent: Intent) -> None:
    assert Intent.read(str(intent)) == intent


def test_an_intent_names_all_the_keys_that_were_seen() -> None:
    intent = replace(INTENT, seen=frozenset({"B", "A"}))

    assert "seen=A/B" in str(intent)
    assert Intent.read(str(intent)) == intent


@pytest.mark.parametrize("missing", ["run", "at", "replaces"])
def test_an_intent_that_lacks_a_word_is_none(missing: str) -> None:
    text = " ".join(word for word in str(INTENT).split() if not word.startswith(f"{missing}="))

    assert Intent.read(text) is None


def test_an_intent_that_saw_no_keys_is_one() -> None:
    intent = Intent.read(str(INTENT).replace("seen=OLD", "seen="))

    assert intent is not None
    assert intent.seen == frozenset()


@pytest.mark.parametrize(
    ("minutes", "young"),
    [(0, True), (14, True), (15, True), (15.1, False), (-15, True), (-15.1, False)],
)
def test_an_intent_is_young_for_fifteen_minutes(minutes: float, *, young: bool) -> None:
    assert INTENT.is_young(INTENT.at + timedelta(minutes=minutes)) is young


@pytest.mark.parametrize(
    ("seconds", "may"), [(-61, False), (-60, True), (0, True), (120, True), (121, False)]
)
def test_an_intent_made_a_key_from_one_minute_before_to_two_after(
    seconds: int, *, may: bool
) -> None:
    key = replace(a_key("NEW", age=1), created=INTENT.at + seconds * SECOND)

    assert INTENT.may_have_made(key) is may
    assert not INTENT.may_have_made(replace(key, key_id="OLD"))
    assert not replace(INTENT, seen=frozenset()).may_have_made(replace(key, key_id="OLD"))
    taken_back = Intent.read(str(replace(INTENT, made="NEW")))
    assert taken_back is not None
    assert taken_back.may_have_made(key) is may
    assert not taken_back.may_have_made(replace(key, key_id="ANOTHER"))


def test_a_version_of_the_replaced_key_settles_no_intent() -> None:
    keys = (a_key("OLD", age=90), a_key("NEW", age=1))

    of_the_old = UserRecord(intent=INTENT, versions=frozenset({version_id_for("OLD")}))
    of_the_new = UserRecord(intent=INTENT, versions=frozenset({version_id_for("NEW")}))

    assert not of_the_old.is_settled(keys)
    assert of_the_new.is_settled(keys)
    assert of_the_new.delivered_by_intent(keys) == keys[1]
    assert not of_the_new.is_settled(keys[:1])
    assert UserRecord(intent=replace(INTENT, settled=True)).is_settled(keys)
    assert UserRecord().is_settled(keys)
    assert UserRecord().delivered_by_intent(keys) is None


# --- the whole secret -------------------------------------------------------------------


def test_a_secret_of_ours_is_read() -> None:
    user = ann(a_key("OLD", age=90), a_key("NEW", age=1))
    secret = a_secret("NEW", records={"OLD": KeyRecord(forced=ago(1))}, intent=INTENT)

    record = read_record(user, secret, kms_key=None, now=NOW)

    assert record.foreign is None
    assert record.intent == INTENT
    assert record.of(user.keys[0]) == KeyRecord(forced=ago(1))
    assert record.of(user.keys[1]) == KeyRecord()
    assert [record.delivers(key) for key in user.keys] == [False, True]


def test_a_secret_scheduled_for_deletion_delivers_nothing_and_still_remembers() -> None:
    user = ann(a_key("NEW", age=1))
    secret = a_secret(
        "NEW", records={"NEW": KeyRecord(delivered=ago(1))}, scheduled_for_deletion=True
    )

    record = read_record(user, secret, kms_key=None, now=NOW)

    assert not record.delivers(user.keys[0])
    assert record.stores(user.keys[0])
    assert record.of(user.keys[0]).delivered == ago(1)


def test_no_secret_is_an_empty_record() -> None:
    assert read_record(ann(a_key(age=1)), None, kms_key=None, now=NOW) == UserRecord()


@pytest.mark.parametrize(
    ("tags", "why"),
    [
        ({}, "not made by Keyturn"),
        ({USER_TAG: "bob", USER_ID_TAG: "AIDAANN"}, "not made by Keyturn"),
        ({USER_TAG: "ann"}, "an earlier user of the same name"),
        ({USER_TAG: "ann", USER_ID_TAG: "AIDAEARLIER"}, "an earlier user of the same name"),
    ],
)
def test_a_secret_without_our_tags_counts_for_nothing(tags: dict[str, str], why: str) -> None:
    times = {KEY_TAG + "OLD": f"disabled={format_utc(ago(50))}", INTENT_TAG: str(INTENT)}
    secret = SecretFacts(tags=tags | times, versions=frozenset({version_id_for("OLD")}))

    record = read_record(ann(a_key(age=90)), secret, kms_key=None, now=NOW)

    assert record.why_foreign is not None
    assert why in record.why_foreign
    assert record == UserRecord(foreign=record.foreign)


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        (None, None, True),
        ("alias/keyturn", "alias/keyturn", True),
        ("alias/keyturn", "arn:aws:kms:eu-west-1:111122223333:alias/keyturn", True),
        ("1234-abcd", "arn:aws:kms:eu-west-1:111122223333:key/1234-abcd", True),
        ("alias/keyturn", "alias/not-keyturn", False),
        ("turn", "arn:aws:kms:eu-west-1:111122223333:key/keyturn", False),
        ("alias/keyturn", "arn:aws:kms:eu-west-1:999999999999:alias/keyturn", False),
        ("alias/keyturn", "arn:aws:kms:us-east-1:111122223333:alias/keyturn", False),
        ("alias/keyturn", "arn:aws:kms:eu-west-1:111122223333:alias/my/alias/keyturn", False),
        ("mrk-12", "arn:aws:kms:eu-west-1:999999999999:key/mrk-12", False),
        ("mrk-12", "arn:aws:kms:eu-west-1:111122223333:alias/mrk-12", False),
        (
            "arn:aws:kms:eu-west-1:999999999999:alias/keyturn",
            "arn:aws:kms:eu-west-1:999999999999:alias/keyturn",
            True,
        ),
        ("arn:aws:kms:eu-west-1:111122223333:alias/keyturn", "alias/keyturn", True),
        ("alias/keyturn", None, False),
        (None, "alias/keyturn", False),
    ],
)
def test_a_secret_under_another_kms_key_is_not_ours(
    ours: str | None, theirs: str | None, *, same: bool
) -> None:
    arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:anns-AbCdEf"
    secret = replace(a_secret(), arn=arn, kms_key=theirs)

    record = read_record(ann(a_key(age=90)), secret, kms_key=ours, now=NOW)

    assert (record.foreign is None) is same


def test_the_tags_of_keys_that_are_gone_are_stale() -> None:
    gone, living = KeyRecord(disabled=ago(20)), KeyRecord(disabled=ago(2))
    secret = a_secret(records={"GONE": gone, "OLD": living}, intent=INTENT)

    assert stale_tags(secret, ann(a_key(age=90))) == (KEY_TAG + "GONE",)
    revoked = replace(secret, tags={REVOKED_TAG + "GONE": "", REVOKED_TAG + "OLD": ""})
    assert stale_tags(revoked, ann(a_key(age=90))) == (REVOKED_TAG + "GONE",)


def test_a_minute_is_no_matter_of_time_zones() -> None:
    there = (ago(3) + MINUTE).astimezone(timezone(timedelta(hours=9)))

    assert read(f"disabled={format_utc(there)}").disabled == (ago(3) + MINUTE).astimezone(UTC)
