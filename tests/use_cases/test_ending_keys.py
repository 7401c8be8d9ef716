"""How keys are disabled and deleted, and what stays as it is when something comes between."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from keyturn.domain.secret_names import KEY_TAG, secret_name
from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.injected_errors import InjectedError
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from keyturn_sandbox.simulation.deployment import MEMBER_ROLE, NOTIFIER_ROLE
from keyturn_sandbox.simulation.owners import roll_back
from tests.use_cases.harness import (
    MEMBER,
    MINUTE,
    OWNER,
    START,
    Harness,
    before,
    break_down,
    decisions_of,
    failures_of,
    lose_answer,
)


def rotated(stage: Harness) -> tuple[str, str]:
    """A user whose key was replaced on the first day; the old key and the new one."""
    [old] = stage.user("ann", 90)
    assert stage.run()["failures"] == []
    [new] = set(stage.keys("ann")) - {old}
    return old, new


def disabled(stage: Harness) -> tuple[str, str]:
    """The same, ten days later."""
    old, new = rotated(stage)
    assert stage.at(10).run()["failures"] == []
    assert stage.keys("ann") == {old: "Inactive", new: "Active"}
    return old, new


def test_with_the_defaults_a_key_is_rotated_on_day_90_disabled_on_100_and_deleted_on_110(
    stage: Harness,
) -> None:
    [old] = stage.user("ann", 0)
    seen: dict[int, list[str]] = {}

    for day in range(112):
        since = stage.at(day).mark()
        stage.run()
        if writes := [each for each in stage.writes(since) if "AccessKey" in each]:
            seen[day] = writes

    assert seen == {90: ["CreateAccessKey"], 100: ["UpdateAccessKey"], 110: ["DeleteAccessKey"]}
    assert old not in stage.keys("ann")
    warned = [mail for mail in stage.cloud.sent_mails if mail.to == [OWNER]]
    assert [(mail.at - START).days for mail in warned] == [76, 83, 89, 90, 97, 100, 107, 110]


# Disabling


def test_disabling_is_on_record_before_and_after_it(stage: Harness) -> None:
    old, new = rotated(stage)
    since = stage.at(10).mark()

    stage.run()

    calls = [call for call in stage.ours(since) if call.operation in stage.writes(since)]
    assert [call.operation for call in calls] == ["TagResource", "UpdateAccessKey", "TagResource"]
    announced, done, noted = calls
    assert _tag(announced, old).startswith("disabling=")
    assert "disabled=" not in _tag(announced, old)
    assert done.params == {"UserName": "ann", "AccessKeyId": old, "Status": "Inactive"}
    assert {"disabling", "disabled"} <= stage.noted("ann", old).keys()
    assert "disabled=" in _tag(noted, old)
    assert stage.keys("ann") == {old: "Inactive", new: "Active"}


def _tag(call: Any, key_id: str) -> str:  # noqa: ANN401 -- parameters, as they came over the wire
    tags = {tag["Key"]: tag["Value"] for tag in call.params["Tags"]}
    return str(tags[KEY_TAG + key_id])


@pytest.mark.parametrize("error", ["AccessDeniedException", "InternalServiceError"])
def test_without_the_record_a_key_stays_active(error: str, stage: Harness) -> None:
    old, new = rotated(stage)
    stage.at(10).cloud.deny(MEMBER, "TagResource", error)

    answer = stage.run()

    assert error in failures_of(answer)["ann"]
    assert "UpdateAccessKey" not in stage.writes()
    assert stage.keys("ann") == {old: "Active", new: "Active"}


@pytest.mark.parametrize("error", ["AccessDenied", "Throttling"])
def test_a_refused_disabling_takes_its_record_back_and_comes_tomorrow(
    error: str, stage: Harness
) -> None:
    old, new = rotated(stage)
    refusal = stage.at(10).cloud.deny(MEMBER, "UpdateAccessKey", error)

    answer = stage.run()

    assert error in failures_of(answer)["ann"]
    assert stage.noted("ann", old) == {}
    assert stage.keys("ann") == {old: "Active", new: "Active"}

    refusal.lift()
    answer = stage.at(11).run()
    assert ("DISABLE", "window-over") in decisions_of(answer, "ann")
    assert stage.keys("ann")[old] == "Inactive"


def test_a_disabling_that_may_have_been_heard_stays_on_record(stage: Harness) -> None:
    """The first attempt had its effect, the others were throttled; the owner undoes it."""
    old, new = rotated(stage)
    attempts: list[str] = []
    throttling: list[InjectedError] = []

    def then_throttled(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "UpdateAccessKey" and MEMBER_ROLE in request.principal:
            attempts.append(request.operation)
            if len(attempts) == 2:
                throttling.append(stage.cloud.throttle(MEMBER, "UpdateAccessKey"))
        return perform(request)

    stage.at(10).cloud.layers.append(lose_answer("UpdateAccessKey"))
    stage.cloud.layers.append(then_throttled)

    answer = stage.run()

    stage.cloud.layers.clear()
    throttling[0].lift()
    assert "Throttling" in failures_of(answer)["ann"]
    assert len(attempts) > 4
    assert stage.noted("ann", old).keys() == {"disabling"}
    stage.cloud.move_to(stage.cloud.now + 60 * MINUTE)
    stage.iam().update_access_key(UserName="ann", AccessKeyId=old, Status="Active")
    for day in range(11, 14):
        assert stage.at(day).run()["failures"] == []
        assert stage.keys("ann") == {old: "Active", new: "Active"}
    stage.at(14).run()
    assert stage.keys("ann")[old] == "Inactive"  # nobody can tell that a person had enabled it


@pytest.mark.parametrize("how", ["500", "denied without a way back", "redelivered"])
def test_an_interrupted_disabling_is_nobodys_hand_and_comes_again_three_days_after_the_notice(
    how: str, stage: Harness
) -> None:
    old, new = rotated(stage)
    stage.at(10)
    if how == "denied without a way back":
        # Nor can the mark be taken back: as if the run had died just then.
        refusals = [stage.cloud.deny(MEMBER, "UpdateAccessKey")]
        stage.cloud.layers.append(
            before(
                "UpdateAccessKey",
                lambda: refusals.append(stage.cloud.deny(MEMBER, "TagResource")),
            )
        )
    else:
        refusals = []
        stage.cloud.layers.append(break_down("UpdateAccessKey"))
    assert list(failures_of(stage.run())) == ["ann"]
    stage.cloud.layers.clear()
    for refusal in refusals:
        refusal.lift()
    assert stage.noted("ann", old).keys() == {"disabling"}
    sent = len(stage.cloud.sent_mails)

    if how == "redelivered":
        stage.cloud.move_to(stage.cloud.now + 20 * MINUTE)
        answer = stage.run()
    else:
        answer = stage.at(11).run()
    first = stage.cloud.now.date()

    assert decisions_of(answer, "ann")[0] == ("NOTICE", "disabling-interrupted")
    told = [mail.text or "" for mail in stage.cloud.sent_mails[sent:]]
    assert any("Keyturn was interrupted while disabling this key" in text for text in told)
    assert not any(said in text for text in told for said in ("by hand", "somebody re-enabled"))
    assert stage.noted("ann", old).keys() == {"interrupted"}
    stopped = None
    for day in range(12, 20):
        if stage.keys("ann")[old] == "Active":
            stage.at(day).run()
            stopped = stage.cloud.now.date()
    assert stopped is not None
    assert (stopped - first).days == 3
    assert stage.keys("ann") == {old: "Inactive", new: "Active"}


def test_a_lost_answer_to_disabling_is_asked_for_again(stage: Harness) -> None:
    old, _ = rotated(stage)
    stage.at(10).cloud.layers.append(lose_answer("UpdateAccessKey"))

    answer = stage.run()

    assert answer["failures"] == []
    assert stage.keys("ann")[old] == "Inactive"
    assert stage.writes().count("UpdateAccessKey") == 2


def test_a_disabling_that_was_never_written_down_counts_from_when_it_is_found(
    stage: Harness,
) -> None:
    old, _ = rotated(stage)
    stage.at(10).cloud.layers.append(
        before("UpdateAccessKey", lambda: stage.cloud.deny(MEMBER, "TagResource", times=1))
    )
    assert list(failures_of(stage.run())) == ["ann"]
    assert stage.keys("ann")[old] == "Inactive"
    assert stage.noted("ann", old).keys() == {"disabling"}

    stage.at(13).run()

    assert stage.noted("ann", old)["disabled"].date() == stage.cloud.now.date()
    for day in range(14, 23):
        stage.at(day).run()
    assert old in stage.keys("ann")
    stage.at(23).run()
    assert old not in stage.keys("ann")


def _delete_successor(stage: Harness, _: str, new: str) -> None:
    stage.iam().delete_access_key(UserName="ann", AccessKeyId=new)


def _stop_successor(stage: Harness, _: str, new: str) -> None:
    stage.iam().update_access_key(UserName="ann", AccessKeyId=new, Status="Inactive")


def _delete_old(stage: Harness, old: str, _: str) -> None:
    stage.iam().delete_access_key(UserName="ann", AccessKeyId=old)


def _leave(stage: Harness, old: str, new: str) -> None:
    for key_id in (old, new):
        stage.iam().delete_access_key(UserName="ann", AccessKeyId=key_id)
    stage.iam().delete_user(UserName="ann")


@pytest.mark.parametrize("deed", [_delete_successor, _stop_successor, _delete_old, _leave])
def test_nothing_is_disabled_that_changed_since_it_was_decided(deed: Any, stage: Harness) -> None:  # noqa: ANN401 -- one of the four above
    old, new = rotated(stage)
    # Of two lists of ann's keys, the second is the one just before disabling.
    stage.at(10)
    lists = _before_second_list(stage, lambda: deed(stage, old, new))
    since = stage.mark()

    answer = stage.run()

    assert lists == ["first", "second"]
    assert answer["failures"] == []
    assert stage.writes(since) == []


@pytest.mark.parametrize("deed", ["restore", "leave"])
def test_nothing_is_deleted_that_changed_since_it_was_decided(deed: str, stage: Harness) -> None:
    old, new = disabled(stage)
    stage.at(20)
    by_hand = {
        "restore": lambda: stage.iam().update_access_key(
            UserName="ann", AccessKeyId=old, Status="Active"
        ),
        "leave": lambda: _leave(stage, old, new),
    }[deed]
    _before_second_list(stage, by_hand)
    since = stage.mark()

    answer = stage.run()

    assert answer["failures"] == []
    assert stage.writes(since) == []
    assert stage.keys("ann") == ({old: "Active", new: "Active"} if deed == "restore" else {})


def _before_second_list(stage: Harness, act: Any) -> list[str]:  # noqa: ANN401 -- whatever a person does
    seen: list[str] = []

    def layer(request: Any, perform: Any) -> Any:  # noqa: ANN401 -- a layer, whose types say nothing here
        ours = "assumed-role/asa-" in request.principal
        if ours and request.operation == "ListAccessKeys":
            seen.append("second" if seen else "first")
            if len(seen) == 2:
                act()
        return perform(request)

    stage.cloud.layers.append(layer)
    return seen


def test_a_disabled_key_whose_answer_was_lost_for_good_is_recorded_by_the_next_run(
    stage: Harness,
) -> None:
    old, _ = rotated(stage)
    stage.at(10).cloud.layers.append(lose_answer("UpdateAccessKey", times=9))
    assert "ReadTimeoutError" in failures_of(stage.run())["ann"]
    stage.cloud.layers.clear()
    assert stage.keys("ann")[old] == "Inactive"

    assert stage.at(11).run()["failures"] == []

    assert "disabled" in stage.noted("ann", old)
    assert stage.keys("ann")[old] == "Inactive"


# Deleting


def test_deletion_that_is_refused_is_reported_and_comes_tomorrow(stage: Harness) -> None:
    old, new = disabled(stage)
    refusal = stage.at(20).cloud.deny(MEMBER, "DeleteAccessKey")

    answer = stage.run()

    assert "AccessDenied" in failures_of(answer)["ann"]
    assert stage.keys("ann") == {old: "Inactive", new: "Active"}
    assert "disabled" in stage.noted("ann", old)
    refusal.lift()
    stage.at(21).run()
    assert stage.keys("ann") == {new: "Active"}


def test_a_record_that_could_not_be_erased_goes_later(stage: Harness) -> None:
    old, new = disabled(stage)
    refusal = stage.at(20).cloud.deny(MEMBER, "UntagResource")
    assert list(failures_of(stage.run())) == ["ann"]
    assert stage.keys("ann") == {new: "Active"}

    refusal.lift()
    stage.at(90).run()

    assert KEY_TAG + old not in stage.secret("ann").tags


def test_a_slot_that_comes_free_is_used_in_the_same_run(stage: Harness) -> None:
    inactive, active = stage.user("ann", 300, 200)
    stage.iam().update_access_key(UserName="ann", AccessKeyId=inactive, Status="Inactive")
    for day in range(10):
        stage.at(day).run()
        assert stage.keys("ann") == {inactive: "Inactive", active: "Active"}
    since = stage.at(10).mark()

    answer = stage.run()

    assert decisions_of(answer, "ann") == [("DELETE", "grace-over"), ("ROTATE", "rotation-due")]
    assert [each for each in stage.writes(since) if "AccessKey" in each] == [
        "DeleteAccessKey",
        "CreateAccessKey",
    ]
    assert stage.value("ann")["AccessKeyId"] in stage.keys("ann")


@pytest.mark.parametrize("first", ["05:00", "23:58"])
def test_a_deleted_key_that_iam_still_lists_is_not_taken_for_one_that_a_person_disabled(
    stage: Harness, first: str
) -> None:
    old, new = disabled(stage)
    stage.cloud.delays.lists = timedelta(minutes=5)
    stage.cloud.move_to(
        datetime.combine(stage.at(20).cloud.now.date(), time.fromisoformat(first), UTC)
    )
    assert ("DELETE", "grace-over") in decisions_of(stage.run(), "ann")
    stage.cloud.move_to(stage.cloud.now + timedelta(minutes=3))
    mails, since = len(stage.cloud.sent_mails), stage.mark()

    again = stage.run()

    assert decisions_of(again, "ann")[0] == ("WAIT", "run-under-way")
    assert again["failures"] == []
    assert stage.writes(since) == []
    assert len(stage.cloud.sent_mails) == mails
    stage.cloud.move_to(stage.cloud.now + timedelta(minutes=3))
    assert stage.keys("ann") == {new: "Active"}
    assert old not in stage.keys("ann")


# People's hands


def test_a_key_that_a_person_re_enables_gets_the_whole_way_again(stage: Harness) -> None:
    old, new = disabled(stage)
    stage.at(12).iam().update_access_key(UserName="ann", AccessKeyId=old, Status="Active")
    happened: dict[int, str] = {}
    for day in range(13, 50):
        answer = stage.at(day).run()
        stage.use(new)
        [decision] = [made for made in answer["decisions"] if made["key"] == old] or [None]
        if decision is None:
            break
        if decision["action"] not in {"KEEP", "WARN"}:
            happened[day] = decision["action"]
        assert answer["failures"] == []

    assert happened == {13: "NOTICE", 23: "NOTICE", 33: "DISABLE", 43: "DELETE"}
    assert stage.keys("ann") == {new: "Active"}


def test_recording_a_restoration_removes_the_older_times_in_the_same_call(stage: Harness) -> None:
    old, _ = disabled(stage)
    assert stage.noted("ann", old).keys() == {"disabling", "disabled"}
    stage.at(12).iam().update_access_key(UserName="ann", AccessKeyId=old, Status="Active")
    since = stage.mark()

    stage.at(13).run()

    assert stage.noted("ann", old).keys() == {"restored"}
    assert stage.costs(since)["secretsmanager:TagResource"] == 1


def test_a_key_found_inactive_gets_its_grace_from_the_day_it_was_found(stage: Harness) -> None:
    [old] = stage.user("ann", 400)
    stage.iam().update_access_key(UserName="ann", AccessKeyId=old, Status="Inactive")

    answer = stage.run()

    assert decisions_of(answer, "ann") == [("NOTICE", "found-inactive")]
    assert stage.noted("ann", old).keys() == {"seen"}
    assert "SecretString" not in stage.secret("ann").values
    stage.at(9).run()
    assert stage.keys("ann") == {old: "Inactive"}
    stage.at(10).run()
    assert stage.keys("ann") == {}


def test_a_key_that_a_person_stopped_and_started_again_is_simply_active(stage: Harness) -> None:
    first, second = stage.user("ann", 60, 5)
    stage.iam().update_access_key(UserName="ann", AccessKeyId=first, Status="Inactive")
    stage.run()
    assert stage.noted("ann", first).keys() == {"seen"}
    stage.at(5).iam().update_access_key(UserName="ann", AccessKeyId=first, Status="Active")

    answer = stage.at(6).run()

    assert stage.noted("ann", first) == {}
    assert decisions_of(answer, "ann") == [("KEEP", "nothing-due")] * 2
    assert stage.keys("ann") == {first: "Active", second: "Active"}


def test_a_key_used_after_it_was_disabled_gets_its_grace_anew_once(stage: Harness) -> None:
    old, _ = disabled(stage)
    stage.cloud.use_key(MEMBER, old, START + timedelta(days=15))
    steps: dict[int, tuple[str, str]] = {}
    for day in range(16, 32):
        for action, reason in decisions_of(stage.at(day).run(), "ann"):
            if action in {"NOTICE", "DELETE"}:
                steps[day] = (action, reason)
        if old in stage.keys("ann"):
            stage.use(old)

    assert steps == {20: ("NOTICE", "used-after-disabling"), 30: ("DELETE", "grace-over")}


def test_of_two_old_keys_in_use_none_is_ever_touched_and_people_hear_of_it_weekly(
    stage: Harness,
) -> None:
    keys = stage.user("ann", 400, 300)
    told = []
    for day in range(16):
        stage.at(day).use(*keys)
        answer = stage.run()
        assert decisions_of(answer, "ann") == [("WAIT", "two-keys-in-use")] * 2
        mails = [mail for mail in stage.cloud.sent_mails if mail.to == [OWNER]]
        told.append(len(mails))

    assert stage.writes() == []
    assert stage.keys("ann") == dict.fromkeys(keys, "Active")
    assert told == [1] * 7 + [2] * 7 + [3] * 2


def test_of_two_old_keys_the_quiet_one_goes_and_nothing_on_first_sight(stage: Harness) -> None:
    quiet, used = stage.user("ann", 900, 40)
    stage.cloud.use_key(MEMBER, quiet, START - timedelta(days=60))
    steps: dict[int, tuple[str, str]] = {}
    for day in range(21):
        stage.at(day).use(used)
        answer = stage.run()
        step = decisions_of(answer, "ann")[0]
        if step[0] in {"NOTICE", "DISABLE", "DELETE"}:
            steps[day] = step

    assert steps == {
        0: ("NOTICE", "dates-not-noticed"),
        10: ("DISABLE", "window-over"),
        20: ("DELETE", "grace-over"),
    }
    assert stage.keys("ann") == {used: "Active"}


def _overwrites(times: int) -> Callable[[Harness], None]:
    def overwrite(stage: Harness) -> None:
        for number in range(times):
            stage.secret_store().put_secret_value(
                SecretId=secret_name(MEMBER, "ann"), SecretString=f"by hand {number}"
            )

    return overwrite


def _rolls_back(stage: Harness) -> None:
    """The old key is stored, taken back, and made current again by moving the label."""
    _overwrites(1)(stage)
    for _ in range(2):
        assert roll_back(stage.secret_store(), secret_name(MEMBER, "ann"))


@pytest.mark.parametrize(
    "change",
    [_overwrites(1), _overwrites(2), _overwrites(3), _rolls_back],
    ids=["once", "twice", "three-times", "rolled-back"],
)
def test_an_overwritten_secret_makes_the_successor_a_persons_key(
    stage: Harness, change: Callable[[Harness], None]
) -> None:
    old, new = rotated(stage)
    change(stage)

    answer = stage.at(10).run()

    assert ("NOTICE", "secret-overwritten") in decisions_of(answer, "ann")
    stage.use(old)
    for day in range(11, 30):
        stage.at(day).use(old)
        stage.run()
    assert stage.keys("ann") == {old: "Active", new: "Active"}


def test_no_receipt_no_disabling_however_many_runs_went_by(stage: Harness) -> None:
    old, new = rotated(stage)
    bounced = [name for name in stage.cloud.objects("asa-iam-rotation-sandbox") if old in name]
    s3 = stage.cloud.role_session("222222222222", NOTIFIER_ROLE).client("s3")
    for name in bounced:
        s3.delete_object(Bucket="asa-iam-rotation-sandbox", Key=name)

    answer = stage.at(10).invoke()  # the notifier is down
    assert ("NOTICE", "dates-not-noticed") in decisions_of(answer, "ann")
    stage.at(20).run()
    stage.at(29).run()
    assert stage.keys("ann") == {old: "Active", new: "Active"}
    stage.at(30).run()
    assert stage.keys("ann") == {old: "Inactive", new: "Active"}
