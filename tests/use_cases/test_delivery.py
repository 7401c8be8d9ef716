"""How a new key is made and delivered without ever being lost."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from keyturn.domain.record import Intent
from keyturn.domain.secret_names import (
    INTENT_TAG,
    KEY_TAG,
    OWNER_TAG,
    SEAL_TAG,
    USER_ID_TAG,
    USER_TAG,
    version_id_for,
)
from keyturn.use_cases.deliver import INTENT_HOLDS
from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from keyturn_sandbox.simulation.deployment import MEMBER_ROLE, SECRETS_KEY
from tests.use_cases.harness import (
    ASKED,
    MEMBER,
    MINUTE,
    OWNER,
    START,
    Harness,
    Layer,
    before,
    decisions_of,
    failures_of,
    lose_answer,
    stores,
)

PROTOCOL = [
    "CreateSecret",
    "TagResource",
    "CreateAccessKey",
    "PutSecretValue",
    "TagResource",
]


def tags_of(call: Any) -> dict[str, str]:  # noqa: ANN401 -- parameters, as they came over the wire
    return {tag["Key"]: tag["Value"] for tag in call.params["Tags"]}


def delivery(stage: Harness, since: int = 0) -> list[Any]:
    """The calls about secrets, and the one that makes a key."""
    return [
        call
        for call in stage.ours(since)
        if call.operation == "CreateAccessKey"
        or (call.service == "secretsmanager" and call.operation != "ListSecrets")
    ]


@pytest.mark.parametrize(
    ("user", "path", "encoded"),
    [
        ("deploy-bot", "/", "deploy-bot"),
        ("reports,finance", "/", "reports=2Cfinance"),
        ("team=2Cone", "/", "team=3D2Cone"),
        ("team=one", "/", "team=one"),
        ("backup", "/system/daily/", "backup"),
    ],
)
def test_a_new_key_is_announced_made_and_stored_in_this_order(
    user: str, path: str, encoded: str, stage: Harness
) -> None:
    [old] = stage.user(user, 90, path=path)

    stage.run()

    calls = delivery(stage)
    assert [call.operation for call in calls] == PROTOCOL
    create, seal, make, put, settle = calls
    secret = f"Account_{MEMBER}_User_{encoded}_AccessKey"
    assert create.params["Name"] == secret
    assert create.params["KmsKeyId"] == SECRETS_KEY
    assert "SecretString" not in create.params
    tags = tags_of(create)
    user_id = stage.iam().get_user(UserName=user)["User"]["UserId"]
    intent = Intent.read(tags.pop(INTENT_TAG, ""))
    assert intent is not None
    assert tags.pop(SEAL_TAG).startswith("born=")
    assert tags == {USER_TAG: encoded, USER_ID_TAG: user_id}
    assert (intent.seen, intent.replaces, intent.settled) == (frozenset({old}), old, False)
    assert abs(intent.at - START) < MINUTE

    arn = stage.secret(user).arn
    assert arn.startswith(f"arn:aws:secretsmanager:us-east-1:{MEMBER}:secret:{secret}-")
    assert seal.params["SecretId"] == arn
    assert tags_of(seal).keys() == {SEAL_TAG}
    assert make.params == {"UserName": user}
    new = make.result["AccessKeyId"]
    assert put.params == {
        "SecretId": arn,
        "ClientRequestToken": version_id_for(str(new)),
        "SecretString": "***",
    }
    settled = Intent.read(tags_of(settle)[INTENT_TAG])
    assert settled is not None
    assert settled.settled
    assert stage.keys(user) == {old: "Active", new: "Active"}


def test_the_owner_finds_a_working_key_in_the_secret_and_reads_in_the_mail_where_it_is(
    stage: Harness,
) -> None:
    [old] = stage.user("reports,finance", 90)

    stage.run()

    value = stage.value("reports,finance")
    [new] = set(stage.keys("reports,finance")) - {old}
    assert value["AccessKeyId"] == new
    assert value["SecretAccessKey"] == stage.cloud.secret_values()[new]
    assert value["UserName"] == "reports,finance"
    assert abs(stage.cloud.now - type(START).fromisoformat(value["CreateDate"])) < MINUTE
    [mail] = [mail for mail in stage.cloud.sent_mails if mail.to == [OWNER]]
    assert mail.text is not None
    assert "reports,finance" in mail.text
    assert f"Account_{MEMBER}_User_reports=2Cfinance_AccessKey" in mail.text
    assert "aws secretsmanager get-secret-value" in mail.text


def test_a_secret_of_ours_is_tagged_instead_of_made(stage: Harness) -> None:
    stage.user("ann", 90)
    for day in (0, 10, 20):
        stage.at(day).run()
    since = stage.at(90).mark()

    stage.run()

    operations = [call.operation for call in delivery(stage, since)]
    assert operations == [
        "DescribeSecret",
        "DescribeSecret",
        "TagResource",
        "DescribeSecret",
        "CreateAccessKey",
        "PutSecretValue",
        "TagResource",
    ]
    [_, newest] = stage.keys("ann")
    assert stores(stage.secret("ann"), newest)


def test_a_secret_that_is_scheduled_for_deletion_is_restored_first(stage: Harness) -> None:
    stage.user("ann", 90)
    for day in (0, 10, 20):
        stage.at(day).run()
    stage.at(89).secret_store().delete_secret(SecretId=stage.secret("ann").name)
    since = stage.at(90).mark()

    stage.run()

    writes = stage.writes(since)
    assert writes[:2] == ["RestoreSecret", "TagResource"]
    assert stage.secret("ann").gone_at is None
    assert stage.value("ann")["AccessKeyId"] in stage.keys("ann")


# Secrets that are not ours


@pytest.mark.parametrize(
    ("tags", "kms_key", "why"),
    [
        ({}, SECRETS_KEY, "was not made by Keyturn"),
        ({USER_TAG: "bob"}, SECRETS_KEY, "was not made by Keyturn"),
        ({USER_TAG: "ann", USER_ID_TAG: "AIDAEARLIER"}, SECRETS_KEY, "an earlier user"),
        ({USER_TAG: "ann", USER_ID_TAG: "her own"}, "alias/theirs", "another KMS key"),
        ({USER_TAG: "ann", USER_ID_TAG: "her own"}, None, "another KMS key"),
    ],
)
def test_a_foreign_secret_is_never_written_and_somebody_is_told(
    tags: dict[str, str], kms_key: str | None, why: str, stage: Harness
) -> None:
    keys = stage.user("ann", 200)
    user_id = stage.iam().get_user(UserName="ann")["User"]["UserId"]
    tags = {name: user_id if text == "her own" else text for name, text in tags.items()}
    request = {"KmsKeyId": kms_key} if kms_key else {}
    stage.secret_store().create_secret(
        Name=f"Account_{MEMBER}_User_ann_AccessKey",
        SecretString="theirs",
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        **request,
    )
    if user_id in tags.values():
        stage.sealed("ann")
    earlier = stage.secret("ann")
    stage.let_lists_show_it()

    answer = stage.run()

    assert decisions_of(answer, "ann") == [("WAIT", "secret-foreign")]
    [decision] = answer["decisions"]
    assert why in decision["sentence"]
    assert decision["overlays"] == ["BLOCKED"]
    assert stage.writes() == []
    assert stage.secret("ann") == earlier
    assert list(stage.keys("ann")) == keys
    assert len(stage.cloud.sent_mails) == 2  # owner and admin


# What goes wrong before there is a key


def test_without_an_intent_on_record_no_key_is_made(stage: Harness) -> None:
    keys = stage.user("ann", 90)
    stage.cloud.deny(MEMBER, "CreateSecret")

    answer = stage.run()

    assert list(failures_of(answer)) == ["ann"]
    assert stage.writes() == ["CreateSecret"]
    assert list(stage.keys("ann")) == keys


def test_an_intent_that_cannot_be_read_back_makes_no_key(stage: Harness) -> None:
    stage.user("ann", 90)
    for day in (0, 10, 20):
        stage.at(day).run()
    keys, since = stage.keys("ann"), stage.at(90).mark()
    stage.cloud.layers.append(
        before("TagResource", lambda: stage.cloud.deny(MEMBER, "DescribeSecret"))
    )

    answer = stage.run()

    assert "AccessDenied" in failures_of(answer)["ann"]
    assert stage.writes(since) == ["TagResource"]
    assert stage.keys("ann") == keys


def test_an_answer_lost_after_the_secret_was_made_stops_nobody(stage: Harness) -> None:
    """The SDK tries again and hears that the secret is there already: it is ours."""
    [old] = stage.user("ann", 90)
    stage.cloud.layers.append(lose_answer("CreateSecret"))

    answer = stage.run()

    assert answer["failures"] == []
    [new] = set(stage.keys("ann")) - {old}
    assert stores(stage.secret("ann"), new)


def test_an_intent_older_than_a_minute_is_written_anew(stage: Harness) -> None:
    stage.user("ann", 90)
    slow = [90, 0]

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "TagResource" and slow:
            stage.cloud.move_to(stage.cloud.now + timedelta(seconds=slow.pop(0)))
        return perform(request)

    stage.cloud.layers.append(layer)

    stage.run()

    assert [call.operation for call in delivery(stage)] == [
        "CreateSecret",
        "TagResource",
        "TagResource",
        "DescribeSecret",
        *PROTOCOL[2:],
    ]
    announced = [call for call in delivery(stage) if call.operation == "TagResource"][1]
    made = next(call for call in delivery(stage) if call.operation == "CreateAccessKey")
    assert made.at - announced.at < timedelta(seconds=60)


@pytest.mark.parametrize("error", ["AccessDenied", "Throttling", "ServiceQuotaExceeded"])
def test_a_definite_refusal_to_make_a_key_clears_our_intent(error: str, stage: Harness) -> None:
    keys = stage.user("ann", 90)
    refusal = stage.cloud.deny(MEMBER, "CreateAccessKey", error)

    answer = stage.run()

    whose = "ann" if error == "Throttling" else None  # a policy's no is the whole account's
    assert error in failures_of(answer)[whose]
    # Throttled it is tried again, under the same intent.
    once = list(dict.fromkeys(stage.writes()))
    assert once == ["CreateSecret", "TagResource", "CreateAccessKey", "UntagResource"]
    assert list(stage.keys("ann")) == keys
    assert INTENT_TAG not in stage.secret("ann").tags

    refusal.lift()
    answer = stage.at(1).run()
    assert decisions_of(answer, "ann") == [("ROTATE", "rotation-due")]
    assert answer["failures"] == []


def test_a_key_limit_keeps_the_intent_for_another_run_may_be_inside(stage: Harness) -> None:
    stage.user("ann", 90)
    by_hand: list[str] = []

    def second_key() -> None:
        by_hand.append(stage.iam().create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"])

    stage.cloud.layers.append(before("CreateAccessKey", second_key))

    answer = stage.run()

    assert answer["failures"] == []  # what another did is none of ours
    assert INTENT_TAG in stage.secret("ann").tags
    assert set(stage.keys("ann").values()) == {"Active"}

    stage.use(*by_hand)  # its owner has it, so it is no orphan
    stage.at(1).run()
    assert INTENT_TAG not in stage.secret("ann").tags
    assert set(stage.keys("ann").values()) == {"Active"}


def test_a_user_who_leaves_before_the_key_is_made_is_no_failure(stage: Harness) -> None:
    [old] = stage.user("ann", 90)

    def leave() -> None:
        stage.iam().delete_access_key(UserName="ann", AccessKeyId=old)
        stage.iam().delete_user(UserName="ann")

    stage.cloud.layers.append(before("CreateAccessKey", leave))

    answer = stage.run()

    assert answer["failures"] == []
    assert INTENT_TAG not in stage.secret("ann").tags


# What goes wrong once there is one


@pytest.mark.parametrize("error", ["AccessDeniedException", "EncryptionFailure"])
def test_a_key_whose_secret_is_refused_is_taken_back_and_tried_again_tomorrow(
    error: str, stage: Harness
) -> None:
    keys = stage.user("ann", 90)
    refusal = stage.cloud.deny(MEMBER, "PutSecretValue", error)

    answer = stage.run()

    assert error in failures_of(answer)["ann"]
    assert "was deleted again" in failures_of(answer)["ann"]
    assert stage.writes() == [
        "CreateSecret",
        "TagResource",
        "CreateAccessKey",
        "PutSecretValue",
        "DeleteAccessKey",
        "TagResource",
    ]
    assert list(stage.keys("ann")) == keys
    [mail] = stage.cloud.sent_mails  # to the admin; the owner has nothing to do
    assert "was deleted again" in " ".join(str(mail.text).split())

    refusal.lift()
    assert decisions_of(stage.at(1).run(), "ann") == [("ROTATE", "rotation-due")]
    assert stage.value("ann")["AccessKeyId"] in stage.keys("ann")


def test_a_new_key_that_iam_does_not_know_yet_is_not_taken_for_deleted(stage: Harness) -> None:
    [old] = stage.user("ann", 90)
    stage.cloud.delays.lists = timedelta(seconds=30)
    refusal = stage.cloud.deny(MEMBER, "PutSecretValue")

    answer = stage.run()

    [new] = set(stage.keys("ann")) - {old}
    assert "IAM did not know the new key" in failures_of(answer)["ann"]
    assert INTENT_TAG in stage.secret("ann").tags
    refusal.lift()
    stage.at(1).run()
    assert stage.keys("ann") == {old: "Active", new: "Inactive"}
    stage.at(2).run()
    assert new not in stage.keys("ann")
    assert stage.value("ann")["AccessKeyId"] in stage.keys("ann")


def test_a_refusal_after_a_lost_answer_proves_nothing(stage: Harness) -> None:
    """The first attempt may have been heard: the key stays, and so does the intent."""
    [old] = stage.user("ann", 90)
    stage.cloud.layers.append(lose_answer("PutSecretValue"))
    attempts: list[str] = []

    def then_denied(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "PutSecretValue":
            attempts.append(request.operation)
            if len(attempts) == 2:
                stage.cloud.deny(MEMBER, "PutSecretValue", times=1)
        return perform(request)

    stage.cloud.layers.append(then_denied)

    answer = stage.run()

    assert "unfinished" in failures_of(answer)["ann"]
    assert "DeleteAccessKey" not in stage.writes()
    [new] = set(stage.keys("ann")) - {old}
    assert stores(stage.secret("ann"), new)

    answer = stage.at(1).run()
    assert answer["failures"] == []
    assert ("NOTICE", "dates-not-noticed") in decisions_of(answer, "ann")
    assert stage.keys("ann") == {old: "Active", new: "Active"}


def test_a_lost_answer_to_storing_is_only_asked_for_again(stage: Harness) -> None:
    [old] = stage.user("ann", 90)
    stage.cloud.layers.append(lose_answer("PutSecretValue", times=2))

    answer = stage.run()

    assert answer["failures"] == []
    assert stage.writes().count("PutSecretValue") == 3
    [new] = set(stage.keys("ann")) - {old}
    assert stage.value("ann")["AccessKeyId"] == new


@pytest.mark.parametrize("throttles", [1, 4])
def test_a_key_that_was_throttled_is_made_in_the_same_run_under_the_same_intent(
    throttles: int, stage: Harness
) -> None:
    [old] = stage.user("ann", 90)
    stage.cloud.throttle(MEMBER, "CreateAccessKey", times=throttles)

    answer = stage.run()

    assert answer["failures"] == []
    [new] = set(stage.keys("ann")) - {old}
    assert stores(stage.secret("ann"), new)
    operations = [call.operation for call in delivery(stage)]
    made = operations.index("CreateAccessKey")
    assert operations[made : made + throttles + 1] == ["CreateAccessKey"] * (throttles + 1)
    assert operations.count("TagResource") == 2  # the intent once, and that it is settled


def test_a_key_that_is_always_throttled_is_given_up_while_its_intent_holds(
    stage: Harness,
) -> None:
    [old] = stage.user("ann", 90)
    stage.cloud.throttle(MEMBER, "CreateAccessKey")

    answer = stage.run()

    assert "CreateAccessKey: Throttling: Rate exceeded" in failures_of(answer)["ann"]
    asked = [call for call in stage.ours() if call.operation == "CreateAccessKey"]
    [intent] = [call for call in stage.ours() if call.operation == "TagResource"]
    assert len(asked) > 4
    assert asked[-1].at - intent.at < INTENT_HOLDS
    assert list(stage.keys("ann")) == [old]
    assert INTENT_TAG not in stage.secret("ann").tags


@pytest.mark.parametrize("obstacle", ["lost answer", "server error"])
def test_a_key_is_asked_for_once_and_what_is_unclear_is_left_to_repair(
    obstacle: str, stage: Harness
) -> None:
    [old] = stage.user("ann", 90)

    def unclear(request: ApiRequest, perform: Perform) -> ApiResponse:
        answer = perform(request)
        if request.operation == "CreateAccessKey":
            return ApiResponse(status=500, body=b"", error="InternalFailure")
        return answer

    lost = lose_answer("CreateAccessKey")
    stage.cloud.layers.append(lost if obstacle == "lost answer" else unclear)

    answer = stage.run()

    assert "the next runs repair it" in failures_of(answer)["ann"]
    assert stage.writes() == ["CreateSecret", "TagResource", "CreateAccessKey"]
    assert INTENT_TAG in stage.secret("ann").tags
    [orphan] = set(stage.keys("ann")) - {old}

    stage.cloud.layers.clear()
    stage.cloud.move_to(START + 10 * MINUTE)
    since = stage.mark()
    assert decisions_of(stage.run(), "ann") == [("WAIT", "run-under-way")] * 2
    assert stage.writes(since) == []

    stage.at(1)
    stage.use(old)
    answer = stage.run()
    assert ("REPAIR", "orphan-found") in decisions_of(answer, "ann")
    assert stage.keys("ann") == {old: "Active", orphan: "Inactive"}

    answer = stage.at(2).run()
    assert set(decisions_of(answer, "ann")) == {
        ("REPAIR", "orphan-over"),
        ("ROTATE", "rotation-due"),
    }
    assert answer["failures"] == []
    assert orphan not in stage.keys("ann")
    new = stage.value("ann")["AccessKeyId"]
    assert stage.keys("ann") == {old: "Active", new: "Active"}


@pytest.mark.parametrize("call", ["CreateAccessKey", "PutSecretValue"])
def test_a_run_that_slept_too_long_stores_no_key_that_may_be_gone(
    stage: Harness, call: str
) -> None:
    [old] = stage.user("ann", 90)

    def sleep(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation != call:
            return perform(request)
        if call == "PutSecretValue":  # the lid closes while it is on its way
            stage.cloud.move_to(stage.cloud.now + 15 * MINUTE)
            raise ReadTimeoutError(endpoint_url=request.http.url)
        answer = perform(request)
        stage.cloud.move_to(stage.cloud.now + 15 * MINUTE)
        return answer

    stage.cloud.layers.append(sleep)

    answer = stage.run()

    assert "15 minutes passed meanwhile" in failures_of(answer)["ann"]
    assert "PutSecretValue" not in [made.operation for made in delivery(stage)]
    assert stage.secret("ann").versions == {}
    stage.cloud.layers.clear()
    for day in (1, 2):
        stage.at(day).run()
    new = stage.value("ann")["AccessKeyId"]
    assert stage.keys("ann") == {old: "Active", new: "Active"}


def test_as_long_as_iam_may_list_a_key_that_was_taken_back_nothing_is_concluded(
    stage: Harness,
) -> None:
    keys = stage.user("ann", 90)
    refusal = stage.cloud.deny(MEMBER, "PutSecretValue", "EncryptionFailure")
    stage.cloud.delays.lists = timedelta(seconds=30)
    stage.slow("PutSecretValue", 1)  # IAM lists the new key by then

    stage.run()
    sent = len(stage.cloud.sent_mails)
    refusal.lift()
    answer = stage.run()

    assert {reason for _, reason in decisions_of(answer, "ann")} == {"run-under-way"}
    assert len(stage.cloud.sent_mails) == sent
    stage.at(1).run()
    assert len(stage.keys("ann")) == len(keys) + 1


def test_what_a_person_makes_after_a_key_was_taken_back_is_no_orphan(stage: Harness) -> None:
    [old] = stage.user("ann", 12)
    stage.cloud.deny(MEMBER, "PutSecretValue")
    stage.run({**ASKED, "Revoke": old})
    stage.cloud.move_to(stage.cloud.now + MINUTE)
    by_hand = stage.iam().create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]

    for day in (1, 2, 3):
        stage.at(day).run()
        assert stage.keys("ann") == {old: "Inactive", by_hand: "Active"}


def with_one_key(stage: Harness, *, delivered: bool) -> tuple[str, dict[str, str]]:
    """A user's only key, made by a person or by Keyturn, and what is on record."""
    stage.user("ann", 90 if delivered else 30)
    if delivered:
        for day in (0, 10, 20):
            stage.at(day).run()
    [key] = stage.keys("ann")
    return key, dict(stage.secret("ann").tags) if delivered else {}


@pytest.mark.parametrize("delivered", [False, True])
def test_of_a_forced_rotation_that_was_taken_back_no_mark_is_left_when_it_matters(
    stage: Harness, *, delivered: bool
) -> None:
    key, before = with_one_key(stage, delivered=delivered)
    denial = stage.cloud.deny(MEMBER, "PutSecretValue")
    stage.at(30).run({**ASKED, "ForceRotate": "ann"})
    denial.lift()
    sent = len(stage.cloud.sent_mails)
    stage.at(31).iam().create_access_key(UserName="ann")

    stage.run()

    assert len(stage.cloud.sent_mails) == sent
    tags = stage.secret("ann").tags
    assert tags.get(KEY_TAG + key) == before.get(KEY_TAG + key)
    assert INTENT_TAG not in tags


@pytest.mark.parametrize("delivered", [False, True])
def test_a_forced_rotation_that_was_refused_leaves_no_mark(
    stage: Harness, *, delivered: bool
) -> None:
    key, before = with_one_key(stage, delivered=delivered)
    stage.cloud.deny(MEMBER, "CreateAccessKey")

    answer = stage.at(30).run({**ASKED, "ForceRotate": "ann"})

    assert "CreateAccessKey" in failures_of(answer)["ann"]
    tags = stage.secret("ann").tags
    assert tags.get(KEY_TAG + key) == before.get(KEY_TAG + key)
    assert INTENT_TAG not in tags


def test_a_run_that_dies_with_a_new_key_in_hand_is_repaired(stage: Harness) -> None:
    [old] = stage.user("ann", 90)

    def die(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "PutSecretValue":
            raise KeyboardInterrupt
        return perform(request)

    stage.cloud.layers.append(die)
    with pytest.raises(KeyboardInterrupt):
        stage.run()
    stage.cloud.layers.clear()
    [lost] = set(stage.keys("ann")) - {old}

    for day in (1, 2):
        stage.at(day).run()

    assert lost not in stage.keys("ann")
    assert stage.value("ann")["AccessKeyId"] in stage.keys("ann")
    assert stage.keys("ann")[old] == "Active"


def unsettled(stage: Harness) -> Layer:
    """What is written after the secret was stored is refused once."""
    return before("PutSecretValue", lambda: stage.cloud.deny(MEMBER, "TagResource", times=1))


def test_a_rotation_that_died_before_it_was_settled_is_settled_not_undone(stage: Harness) -> None:
    [old] = stage.user("ann", 90)
    stage.cloud.layers.append(unsettled(stage))

    answer = stage.run()

    assert "TagResource" in failures_of(answer)["ann"]
    [new] = set(stage.keys("ann")) - {old}
    since = stage.at(1).mark()
    assert stage.run()["failures"] == []
    assert stage.writes(since) == ["TagResource"]
    assert stage.noted("ann", new)["delivered"]
    assert stage.keys("ann") == {old: "Active", new: "Active"}


def test_two_findings_about_one_key_are_both_written_down(stage: Harness) -> None:
    [old] = stage.user("ann", 90)
    stage.cloud.layers.append(unsettled(stage))
    stage.run()
    [new] = set(stage.keys("ann")) - {old}
    stage.at(0.5).run({**ASKED, "Revoke": new})
    stage.iam().update_access_key(UserName="ann", AccessKeyId=new, Status="Active")

    stage.at(1).run()

    assert {"delivered", "restored"} <= stage.noted("ann", new).keys()


# Two runs at once


def test_a_run_just_after_another_leaves_the_user_and_shows_what_was_done(stage: Harness) -> None:
    [old] = stage.user("ann", 90)
    stage.run()
    since = stage.mark()

    answer = stage.run()

    old_key, new_key = answer["decisions"]
    assert old_key["sentence"].startswith("rotated 0 minutes ago, all done; it was replaced by")
    assert old_key["next"] == {"action": "DISABLE", "date": "2026-03-12"}
    assert [each["action"] for each in (old_key, new_key)] == ["KEEP", "KEEP"]
    assert [each["overlays"] for each in (old_key, new_key)] == [[], []]
    assert answer["failures"] == []
    assert stage.writes(since) == []
    assert len(stage.keys("ann")) == 2
    assert stage.keys("ann")[old] == "Active"


@pytest.mark.parametrize(
    "meeting",
    ["ListSecrets", "CreateSecret", "CreateAccessKey", "PutSecretValue", "TagResource"],
)
def test_a_run_that_begins_in_the_middle_of_another_makes_no_second_key(
    meeting: str, stage: Harness
) -> None:
    [old] = stage.user("ann", 90)
    answers: list[dict[str, Any]] = []
    stage.cloud.layers.append(before(meeting, lambda: answers.append(stage.invoke())))

    answers.append(stage.invoke())

    assert [answer["failures"] for answer in answers] == [[], []]
    assert stage.writes().count("CreateAccessKey") == 1
    assert "DeleteAccessKey" not in stage.writes()
    [new] = set(stage.keys("ann")) - {old}
    assert stage.value("ann")["AccessKeyId"] == new


def test_a_run_whose_intent_another_overwrote_leaves_the_user_to_it(stage: Harness) -> None:
    """On a secret that is there, both can write; the one that was written last goes on."""
    stage.user("ann", 90)
    for day in (0, 10, 20):
        stage.at(day).run()
    [old] = stage.keys("ann")
    since = stage.at(90).mark()
    theirs = Intent(run="theirs", at=stage.cloud.now, seen=frozenset({old}), replaces=old)
    looks: list[str] = []

    def overwrite(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "DescribeSecret":
            looks.append(request.operation)
            if len(looks) == 3:  # the one that reads our intent back
                stage.secret_store().tag_resource(
                    SecretId=stage.secret("ann").name,
                    Tags=[{"Key": INTENT_TAG, "Value": str(theirs)}],
                )
        return perform(request)

    stage.cloud.layers.append(overwrite)

    answer = stage.run()

    assert answer["failures"] == []
    assert "CreateAccessKey" not in stage.writes(since)
    assert stage.secret("ann").tags[INTENT_TAG] == str(theirs)


def test_of_two_runs_that_both_ask_for_a_key_one_is_told_that_there_are_two(
    stage: Harness,
) -> None:
    stage.user("ann", 90)
    for day in (0, 10, 20):
        stage.at(day).run()
    [old] = stage.keys("ann")
    since = stage.at(90).mark()
    stage.cloud.layers.append(before("TagResource", stage.invoke))

    answer = stage.invoke()

    assert answer["failures"] == []
    assert stage.writes(since).count("CreateAccessKey") == 2
    new = stage.value("ann")["AccessKeyId"]
    assert stage.keys("ann") == {old: "Active", new: "Active"}
    assert stage.at(91).run()["failures"] == []
    assert stage.keys("ann") == {old: "Active", new: "Active"}


# The record


def test_a_secret_that_somebody_makes_meanwhile_is_not_taken_for_ours(stage: Harness) -> None:
    [old] = stage.user("ann", 400)
    stage.iam().update_access_key(UserName="ann", AccessKeyId=old, Status="Inactive")
    name = f"Account_{MEMBER}_User_ann_AccessKey"
    stage.cloud.layers.append(
        before("CreateSecret", lambda: stage.secret_store().create_secret(Name=name))
    )

    answer = stage.run()

    assert answer["failures"] == []
    assert stage.secret("ann").tags == {}
    assert stage.cloud.sent_mails == []  # what is not on record is not told either
    assert decisions_of(stage.at(1).run(), "ann") == [("WAIT", "secret-foreign")]


def test_what_is_on_record_for_a_key_goes_when_the_key_goes(stage: Harness) -> None:
    [old] = stage.user("ann", 90)
    for day in (0, 10, 20):
        stage.at(day).run()

    assert old not in stage.keys("ann")
    assert KEY_TAG + old not in stage.secret("ann").tags


def test_what_is_on_record_for_a_key_that_a_person_deleted_goes_with_the_next_rotation(
    stage: Harness,
) -> None:
    [old] = stage.user("ann", 90)
    for day in (0, 10):
        stage.at(day).run()
    stage.at(12).iam().delete_access_key(UserName="ann", AccessKeyId=old)
    assert KEY_TAG + old in stage.secret("ann").tags

    stage.at(90).run()

    assert KEY_TAG + old not in stage.secret("ann").tags
    living = {KEY_TAG + key_id for key_id in stage.keys("ann")}
    assert {tag for tag in stage.secret("ann").tags if tag.startswith(KEY_TAG)} <= living


def test_only_the_member_role_touches_the_member_account(stage: Harness) -> None:
    stage.user("ann", 90)

    stage.run()

    principals = {call.principal for call in stage.ours() if call.account == MEMBER}
    assert all(f":assumed-role/{MEMBER_ROLE}/" in principal for principal in principals)


# --- whose it is --------------------------------------------------------------------------------


def test_the_secret_says_whose_the_new_key_is(stage: Harness) -> None:
    stage.user("ann", 90, Owner="ann@example.com")
    stage.user("bob", 90)

    stage.run()

    assert stage.secret("ann").tags[OWNER_TAG] == "ann@example.com"
    assert stage.secret("bob").tags[OWNER_TAG] == OWNER


def test_an_owner_that_cannot_be_read_hinders_no_delivery(stage: Harness) -> None:
    stage.user("ann", 90, Owner="ann@example.com")
    stage.cloud.deny(MEMBER, "ListUserTags")

    answer = stage.invoke()

    assert OWNER_TAG not in stage.secret("ann").tags
    assert decisions_of(answer, "ann") == [("ROTATE", "rotation-due")]
    assert stage.value("ann")["AccessKeyId"] in stage.keys("ann")
