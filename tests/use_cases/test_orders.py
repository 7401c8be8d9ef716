"""An operator's orders: enable a key again, revoke a leaked one; whatever comes between."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from keyturn.domain.secret_names import secret_name, version_id_for
from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.injected_errors import too_fast
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse, refused
from keyturn_sandbox.simulation.deployment import BUCKET, PREFIX
from tests.use_cases.harness import (
    ASKED,
    DAY,
    GROUP,
    HUB,
    MEMBER,
    MINUTE,
    OWNER,
    Harness,
    Layer,
    before,
    break_down,
    decisions_of,
    failures_of,
    lose_answer,
    staged,
    stores,
)


def restore(stage: Harness, key_id: str) -> dict[str, Any]:
    return stage.run({**ASKED, "Restore": key_id})


def revoke(stage: Harness, key_id: str, **more: object) -> dict[str, Any]:
    return stage.run({**ASKED, "Revoke": key_id, **more})


def other_than(stage: Harness, key_id: str) -> str:
    [other] = set(stage.keys("ann")) - {key_id}
    return other


def disabled(stage: Harness) -> tuple[str, str]:
    """A user whose key was replaced, and disabled ten days later."""
    [old] = stage.user("ann", 90)
    stage.run()
    stage.at(10).run()
    new = other_than(stage, old)
    assert stage.keys("ann") == {old: "Inactive", new: "Active"}
    return old, new


def mails_to_owner(stage: Harness, since: int) -> list[str]:
    return [mail.text or "" for mail in stage.cloud.sent_mails[since:] if mail.to == [OWNER]]


def of_event(stage: Harness, kind: str) -> list[Mapping[str, Any]]:
    """The details of the events of a kind."""
    return [
        json.loads(entry["Detail"])
        for call in stage.cloud.calls
        if call.operation == "PutEvents"
        for entry in call.params["Entries"]  # type: ignore[attr-defined]  # as AWS takes them
        if entry["DetailType"] == kind
    ]


# --- restore ------------------------------------------------------------------------------


def test_a_restored_key_works_and_is_left_alone_for_the_grace(stage: Harness) -> None:
    old, new = disabled(stage)
    sent = len(stage.cloud.sent_mails)
    since = stage.at(12).mark()

    answer = restore(stage, old)

    assert answer["failures"] == []
    assert decisions_of(answer, "ann") == [("RESTORE", "forced")]
    assert stage.writes(since) == ["TagResource", "UpdateAccessKey"]
    assert stage.keys("ann") == {old: "Active", new: "Active"}
    assert stage.noted("ann", old).keys() == {"restored", "ordered"}
    assert len(mails_to_owner(stage, sent)) == 1
    assert [detail["action"] for detail in of_event(stage, "Key Restored")] == ["RESTORE"]
    acts = [
        (day, made)
        for day in range(13, 45)
        for made in decisions_of(stage.at(day).run(), "ann")
        if made[0] in {"NOTICE", "DISABLE", "DELETE"}
    ]
    assert [(day, action) for day, (action, _) in acts] == [
        (22, "NOTICE"),
        (32, "DISABLE"),
        (42, "DELETE"),
    ]


def test_the_next_run_tells_nobody_of_a_restoration_that_was_told(stage: Harness) -> None:
    old, _ = disabled(stage)
    restore(stage.at(12), old)
    sent = len(stage.cloud.sent_mails)

    answer = stage.at(12.5).run()

    assert ("KEEP", "restored-by-command") in decisions_of(answer, "ann")
    assert mails_to_owner(stage, sent) == []


def test_what_cannot_be_put_on_record_is_not_enabled_and_the_command_is_said(
    stage: Harness,
) -> None:
    old, _ = disabled(stage)
    stage.at(12)
    stage.cloud.layers.append(break_down("TagResource"))
    sent = len(stage.cloud.sent_mails)

    answer = restore(stage, old)

    stage.cloud.layers.clear()
    assert "TagResource" in failures_of(answer)["ann"]
    assert f"--access-key-id {old} --status Active" in failures_of(answer)["ann"]
    assert stage.keys("ann")[old] == "Inactive"
    assert mails_to_owner(stage, sent) == []


@pytest.mark.parametrize("lost", [lose_answer, break_down])
def test_a_restoration_that_breaks_off_leaves_the_key_its_days(
    stage: Harness, lost: Callable[[str], Layer]
) -> None:
    """Whoever had disabled it: here it was its owner, between the notice and its end."""
    [old] = stage.user("ann", 137)
    stage.run()
    stage.use(old)
    stage.at(5).iam().update_access_key(UserName="ann", AccessKeyId=old, Status="Inactive")
    stage.at(6).run()
    stage.at(9)
    stage.cloud.layers.append(lost("UpdateAccessKey"))
    restore(stage, old)
    stage.cloud.layers.clear()
    if stage.keys("ann")[old] == "Inactive":
        stage.cloud.move_to(stage.cloud.now + 20 * MINUTE)
        restore(stage, old)

    ends = [day for day in range(10, 60) if act_on(stage.at(day).run(), old)]

    assert ends[0] >= 9 + 10 + 10


def act_on(answer: Mapping[str, Any], key_id: str) -> bool:
    return any(
        made["key"] == key_id and made["action"] in {"DISABLE", "DELETE"}
        for made in answer["decisions"]
    )


def test_a_key_that_somebody_enabled_meanwhile_is_not_recorded_twice(stage: Harness) -> None:
    old, _ = disabled(stage)
    stage.at(12)
    iam = stage.iam()

    def enable() -> None:
        iam.update_access_key(UserName="ann", AccessKeyId=old, Status="Active")

    stage.cloud.layers.append(before("DescribeSecret", enable))
    since = stage.mark()

    answer = restore(stage, old)

    assert failures_of(answer)["ann"] == f"{old} is Active already"
    assert stage.writes(since) == []


def test_in_dry_run_an_order_writes_nothing_and_says_so(stage: Harness) -> None:
    old, _ = disabled(stage)
    stage.settings["DryRunFlag"] = "True"
    since = stage.at(12).mark()

    answer = restore(stage, old)

    assert answer["dry_run"] is True
    assert decisions_of(answer, "ann") == [("RESTORE", "forced")]
    assert stage.writes(since) == []
    assert "DryRun=True → skipping iam:UpdateAccessKey" in stage.messages()


def test_an_order_looks_at_the_keys_of_its_user_alone(stage: Harness) -> None:
    old, _ = disabled(stage)
    stage.user("bob", 400)
    since = stage.at(12).mark()

    restore(stage, old)

    looked_at = {
        call.params.get("UserName")
        for call in stage.ours(since)
        if call.operation == "ListAccessKeys"
    }
    assert looked_at == {"ann"}


def test_an_order_about_a_key_that_does_not_exist_is_a_failure(stage: Harness) -> None:
    stage.user("ann", 5)
    since = stage.mark()

    answer = restore(stage, "AKIAIOSFODNN7EXAMPLE")

    assert "AKIAIOSFODNN7EXAMPLE" in failures_of(answer)[None]
    assert stage.writes(since) == []


def test_who_was_exempted_since_the_plan_was_made_is_left_alone(stage: Harness) -> None:
    [old] = stage.user("ann", 5)
    stage.iam().update_access_key(UserName="ann", AccessKeyId=old, Status="Inactive")
    stage.cloud.layers.append(before("DescribeSecret", lambda: stage.exempt("ann")))
    since = stage.mark()

    answer = stage.run({**ASKED, "Restore": old})

    assert stage.writes(since) == []
    assert failures_of(answer)["ann"] == "nothing was done: ann was exempted meanwhile"


def test_of_who_was_exempted_since_the_plan_was_made_a_leaked_key_is_stopped_alone(
    stage: Harness,
) -> None:
    [old] = stage.user("ann", 5)
    stage.cloud.layers.append(before("DescribeSecret", lambda: stage.exempt("ann")))
    since = stage.mark()

    answer = revoke(stage, old)

    assert set(stage.writes(since)) == {"UpdateAccessKey"}
    assert stage.keys("ann") == {old: "Inactive"}
    assert failures_of(answer)["ann"] == (
        f"{old} is Inactive; nothing else was done: ann was exempted meanwhile: "
        "nothing more was written"
    )


# --- revoke -------------------------------------------------------------------------------


def test_a_revoked_key_stops_before_its_successor_is_made(stage: Harness) -> None:
    [old] = stage.user("ann", 12)
    sent = len(stage.cloud.sent_mails)
    since = stage.mark()

    answer = revoke(stage, old)

    new = other_than(stage, old)
    assert answer["failures"] == []
    assert decisions_of(answer, "ann") == [("REVOKE", "leaked")]
    writes = stage.writes(since)
    assert writes[0] == "UpdateAccessKey"
    assert writes.index("CreateAccessKey") < writes.index("PutSecretValue")
    assert stage.keys("ann") == {old: "Inactive", new: "Active"}
    assert stores(stage.secret("ann"), new)
    assert stage.noted("ann", old).keys() == {"disabled", "forced", "revoked"}
    [text] = mails_to_owner(stage, sent)
    assert new in text
    assert secret_name(MEMBER, "ann") in text
    assert "enable" not in text.replace("is\nnot to be enabled again", "")
    [told] = of_event(stage, "Key Revoked")
    assert (told["key"], told["successor"]) == (old, new)


class Throttling:
    """A layer that throttles some calls for a while, and notes when a key is first stopped."""

    def __init__(self, stage: Harness, seconds: int, *what: str) -> None:
        self.stage, self.what = stage, what
        self.began = stage.cloud.now
        self.until = self.began + timedelta(seconds=seconds)
        self.stopped: float | None = None

    def __call__(self, request: ApiRequest, perform: Perform) -> ApiResponse:
        now = self.stage.cloud.now
        if now < self.until and {request.service, request.operation} & {*self.what}:
            code = "SlowDown" if request.service == "s3" else "Throttling"
            return refused(request, too_fast(request, code))
        if request.operation == "UpdateAccessKey" and self.stopped is None:
            self.stopped = (now - self.began) / timedelta(seconds=1)
        return perform(request)


@pytest.mark.parametrize(
    ("seconds", "what", "within"),
    [
        (60, ("s3",), 8),
        (15, ("UpdateAccessKey",), 25),
        (12, ("GetAccessKeyLastUsed", "ListAccessKeys", "ListUsers"), 25),
    ],
)
def test_a_leaked_key_is_stopped_soon_whatever_is_throttled(
    seconds: int, what: tuple[str, ...], within: float
) -> None:
    with staged(ticks=False) as stage:
        [old] = stage.user("ann", 12)
        layer = Throttling(stage, seconds, *what)
        stage.cloud.layers.append(layer)

        answer = stage.invoke({"account": MEMBER, "Revoke": old})

        assert stage.keys("ann")[old] == "Inactive"
        assert layer.stopped is not None
        assert layer.stopped < within
        said = "".join(failure["message"] for failure in answer["failures"])
        assert ("an audit entry could not be written" in said) is ("s3" in what)


def test_a_revoked_key_is_deleted_after_its_grace_and_its_owner_knows_the_day(
    stage: Harness,
) -> None:
    [old] = stage.user("ann", 12)
    revoke(stage, old)
    new = other_than(stage, old)

    acts = {
        day: made
        for day in range(1, 15)
        for made in decisions_of(stage.at(day).run(), "ann")
        if made[0] != "KEEP"
    }

    assert acts == {7: ("WARN", "deletion-ahead"), 10: ("DELETE", "grace-over")}
    assert stage.keys("ann") == {new: "Active"}
    told = [mail for mail in stage.cloud.sent_mails if mail.to == [OWNER]]
    assert not any("re-enabled" in (mail.text or "") for mail in told)


def test_who_has_another_key_to_work_with_gets_no_new_one(stage: Harness) -> None:
    older, newer = stage.user("ann", 50, 12)

    answer = revoke(stage, newer)

    assert answer["failures"] == []
    assert stage.keys("ann") == {older: "Active", newer: "Inactive"}


def test_a_leaked_key_is_stopped_even_where_nothing_can_be_recorded(stage: Harness) -> None:
    [old] = stage.user("ann", 12)
    stage.cloud.layers.append(break_down("DescribeSecret"))

    answer = revoke(stage, old)

    assert stage.keys("ann") == {old: "Inactive"}
    assert f"{old} is Inactive, but nothing could be put on record" in failures_of(answer)["ann"]


def test_a_foreign_secret_is_not_written_to_by_a_revocation(stage: Harness) -> None:
    [old] = stage.user("ann", 12)
    stage.secret_store().create_secret(Name=secret_name(MEMBER, "ann"), SecretString="theirs")
    since = stage.mark()

    answer = revoke(stage, old)

    assert set(stage.writes(since)) == {"UpdateAccessKey"}
    assert stage.keys("ann") == {old: "Inactive"}
    assert "was not made by Keyturn" in failures_of(answer)["ann"]


@pytest.mark.parametrize("call", ["TagResource", "CreateAccessKey", "PutSecretValue"])
def test_a_revocation_that_breaks_off_goes_on_when_it_is_ordered_again(
    stage: Harness, call: str
) -> None:
    [old] = stage.user("ann", 12)
    user_id = stage.iam().get_user(UserName="ann")["User"]["UserId"]
    tags = {"keyturn:user": "ann", "keyturn:user-id": user_id}
    stage.secret_store().create_secret(
        Name=secret_name(MEMBER, "ann"),
        KmsKeyId=stage.deployment.settings["SecretsKmsKey"],
        Tags=[{"Key": name, "Value": value} for name, value in tags.items()],
    )
    stage.sealed("ann")
    denial = stage.cloud.deny(None, call)

    first = revoke(stage, old)
    stopped = stage.keys("ann")
    denial.lift()
    sent = len(stage.cloud.sent_mails)
    stage.cloud.move_to(stage.cloud.now + 16 * MINUTE)
    second = revoke(stage, old)
    third = revoke(stage, old)

    assert call in failures_of(first)["ann"]
    assert stopped == {old: "Inactive"}
    assert second["failures"] == []
    new = other_than(stage, old)
    assert stage.keys("ann") == {old: "Inactive", new: "Active"}
    assert stores(stage.secret("ann"), new)
    assert any(new in text for text in mails_to_owner(stage, sent))
    assert decisions_of(third, "ann") == [("KEEP", "leaked")]
    assert len(stage.keys("ann")) == 2


def test_no_second_key_is_made_where_an_answer_was_lost(stage: Harness) -> None:
    [old] = stage.user("ann", 12)
    stage.cloud.layers.append(lose_answer("CreateAccessKey"))

    first = revoke(stage, old)
    orphan = other_than(stage, old)
    second = revoke(stage, old)
    for day in (1, 2):
        stage.at(day).run()
    last = revoke(stage.at(2.5), old)

    assert "unfinished" in failures_of(first)["ann"]
    assert "try again in 15 minutes" in failures_of(second)["ann"]  # nobody works until then
    assert orphan not in stage.keys("ann")
    assert last["failures"] == []
    new = other_than(stage, old)
    assert stage.keys("ann") == {old: "Inactive", new: "Active"}
    assert version_id_for(new) in stage.secret("ann").versions


def test_half_a_revocation_is_a_failure_even_if_another_kept_us_from_the_rest(
    stage: Harness,
) -> None:
    [old] = stage.user("ann", 12)
    name = secret_name(MEMBER, "ann")
    stage.cloud.layers.append(
        before(
            "CreateSecret",
            lambda: stage.secret_store().create_secret(Name=name, SecretString="theirs"),
        )
    )

    answer = revoke(stage, old)

    assert stage.keys("ann") == {old: "Inactive"}
    assert "another run made the secret of ann" in failures_of(answer)["ann"]


def test_an_exempt_users_leaked_key_is_stopped_and_the_rest_needs_an_express_word(
    stage: Harness,
) -> None:
    [old] = stage.user("ann", 12)
    stage.exempt("ann")
    since = stage.mark()

    stopped = revoke(stage, old)
    written = stage.writes(since)
    answer = revoke(stage, old, EvenExempt=True)

    assert (
        f"{old} is Inactive; nothing else was done: ann is exempt" in failures_of(stopped)["ann"]
    )
    assert set(written) == {"UpdateAccessKey"}
    assert answer["failures"] == []
    assert stage.keys("ann")[old] == "Inactive"
    assert len(stage.keys("ann")) == 2


def put(stage: Harness, name: str, body: bytes) -> None:
    stage.cloud.session(HUB).client("s3").put_object(
        Bucket=BUCKET, Key=f"{PREFIX}/{name}", Body=body
    )


def denied(*operations: str) -> Callable[[Harness], None]:
    def prepare(stage: Harness) -> None:
        def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
            if f"{request.service}:{request.operation}" in operations:
                return ApiResponse(status=403, body=b"", error="AccessDenied")
            return perform(request)

        stage.cloud.layers.append(layer)

    return prepare


def nonsense(*operations: str) -> Callable[[Harness], None]:
    """AWS, or something between us and it, answers with what is no answer."""

    def prepare(stage: Harness) -> None:
        def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
            if f"{request.service}:{request.operation}" in operations:
                return ApiResponse(status=200, body=b'{"VersionIdsToStages": 7, "Tags": "x"}')
            return perform(request)

        stage.cloud.layers.append(layer)

    return prepare


def breaks(*operations: str) -> Callable[[Harness], None]:
    def prepare(stage: Harness) -> None:
        stage.cloud.layers.extend(break_down(operation) for operation in operations)

    return prepare


def tagged(tag: str, text: str) -> Callable[[Harness], None]:
    """Whoever has the leaked key made the secret, and wrote into it."""

    def prepare(stage: Harness) -> None:
        user_id = stage.iam().get_user(UserName="ann")["User"]["UserId"]
        tags = {"keyturn:user": "ann", "keyturn:user-id": user_id, tag: text}
        stage.secret_store().create_secret(
            Name=secret_name(MEMBER, "ann"),
            SecretString="theirs",
            Tags=[{"Key": name, "Value": value} for name, value in tags.items()],
        )

    return prepare


IN_THE_WAY: dict[str, Callable[[Harness], None]] = {
    "the group is denied": denied("iam:GetGroup"),
    "the group breaks": breaks("GetGroup"),
    "the group is nonsense": nonsense("iam:GetGroup"),
    "the user is exempt": lambda stage: stage.exempt("ann"),
    "the group is not there": lambda stage: stage.iam().delete_group(GroupName=GROUP),
    "the users are denied": denied("iam:ListUsers"),
    "the users are nonsense": nonsense("iam:ListUsers"),
    "the keys are denied": denied("iam:ListAccessKeys"),
    "the keys are nonsense": nonsense("iam:ListAccessKeys"),
    "whose key it is, is denied": denied("iam:GetAccessKeyLastUsed"),
    "the secret is denied": denied("secretsmanager:DescribeSecret"),
    "the secret is nonsense": nonsense("secretsmanager:DescribeSecret"),
    "the secret breaks": breaks("DescribeSecret"),
    "an intent of the year 1": tagged(
        "keyturn:intent", "run=x at=0001-01-01T00:00:00Z seen=A replaces=B"
    ),
    "an intent of the year 9999": tagged(
        "keyturn:intent", "run=x at=9999-12-31T23:59:59Z seen=A replaces=B"
    ),
    "nothing can be tagged": denied("secretsmanager:TagResource", "secretsmanager:CreateSecret"),
    "no key can be made": denied("iam:CreateAccessKey"),
    "the bucket is denied": denied("s3:ListObjectsV2", "s3:GetObject", "s3:PutObject"),
    "the bucket is nonsense": nonsense("s3:ListObjectsV2", "s3:GetObject"),
    "it is paused": lambda stage: put(stage, "paused.json", b'{"by": "ops", "why": "INC-7"}'),
    "the pause is nonsense": lambda stage: put(stage, "paused.json", b"[" * 200_000),
    "the tally is nonsense": lambda stage: put(
        stage, f"tally/{MEMBER}/2026-03-02/a-run.json", b"\xff"
    ),
    "the bus is away": breaks("PutEvents"),
}


HINDERS_NOTHING = {
    "whose key it is, is denied",  # IAM says it in another way
    "an intent of the year 1",
    "an intent of the year 9999",
    "the tally is nonsense",
}


@pytest.mark.parametrize(
    "hindrance", IN_THE_WAY, ids=lambda name: name.replace(",", "").replace(" ", "-")
)
def test_a_leaked_key_is_stopped_first_whatever_else_fails(stage: Harness, hindrance: str) -> None:
    [old] = stage.user("ann", 12)
    IN_THE_WAY[hindrance](stage)
    since = stage.mark()

    answer = revoke(stage, old)

    assert stage.keys("ann")[old] == "Inactive"
    assert decisions_of(answer, "ann") == [("REVOKE", "leaked")]
    asked = [call.operation for call in stage.ours(since)]
    first = asked[: asked.index("UpdateAccessKey")]
    whose = {"AssumeRole", "GetAccessKeyLastUsed", "ListAccessKeys"}
    if hindrance == "whose key it is, is denied":
        whose.add("ListUsers")
    assert set(first) - whose <= {"PutObject"}  # an audit entry, tried and not waited for
    if hindrance not in HINDERS_NOTHING:
        assert answer["failures"] != []


def test_with_an_express_word_an_unreadable_group_holds_nothing_of_a_revocation(
    stage: Harness,
) -> None:
    [old] = stage.user("ann", 12)
    stage.cloud.layers.append(break_down("GetGroup"))

    answer = revoke(stage, old, EvenExempt=True)

    assert stage.keys("ann")[old] == "Inactive"
    assert len(stage.keys("ann")) == 2
    assert any("could not be read" in warning for warning in answer["warnings"])
    assert "but not for what was ordered" in answer["warnings"][-1]


def test_a_key_that_was_revoked_and_enabled_a_moment_ago_is_stopped(stage: Harness) -> None:
    [old] = stage.user("ann", 12)
    revoke(stage, old)
    iam = stage.iam()

    def enable() -> None:
        iam.update_access_key(UserName="ann", AccessKeyId=old, Status="Active")

    stage.cloud.move_to(stage.cloud.now + 16 * MINUTE)
    stage.cloud.layers.append(before("DescribeSecret", enable))
    answer = revoke(stage, old)

    assert decisions_of(answer, "ann") == [("KEEP", "leaked")]
    assert stage.keys("ann")[old] == "Inactive"


def test_a_leaked_key_is_stopped_whether_root_keys_can_be_reported_or_not(stage: Harness) -> None:
    [old] = stage.user("ann", 12)
    stage.settings["ReportRootKeys"] = "True"
    stage.cloud.deny(None, "GetAccountSummary")

    answer = revoke(stage, old)

    assert answer["failures"] == []
    assert stage.keys("ann")[old] == "Inactive"


# --- an order of which nothing came -------------------------------------------------------


def test_a_key_whose_user_is_not_listed_yet_is_a_failure(stage: Harness) -> None:
    [old] = stage.user("ann", 12)
    nobody = ApiResponse(
        status=200,
        body=b"<ListUsersResponse><ListUsersResult><Users/><IsTruncated>false</IsTruncated>"
        b"</ListUsersResult></ListUsersResponse>",
    )

    def not_yet(request: ApiRequest, perform: Perform) -> ApiResponse:
        return nobody if request.operation == "ListUsers" else perform(request)

    stage.cloud.layers.append(not_yet)

    answer = revoke(stage, old)

    assert "nothing else was done: IAM does not list its user yet" in failures_of(answer)["ann"]
    assert stage.keys("ann") == {old: "Inactive"}


def test_a_key_that_was_deleted_as_it_was_to_be_stopped_is_a_failure_and_gets_no_successor(
    stage: Harness,
) -> None:
    [old] = stage.user("ann", 12)
    iam = stage.iam()

    def delete() -> None:
        iam.delete_access_key(UserName="ann", AccessKeyId=old)

    stage.cloud.layers.append(before("UpdateAccessKey", delete))

    answer = revoke(stage, old)

    assert failures_of(answer)["ann"] == f"{old} was deleted meanwhile"
    assert stage.keys("ann") == {}


def test_a_key_whose_user_was_deleted_meanwhile_is_a_failure(stage: Harness) -> None:
    [old] = stage.user("ann", 12)
    iam = stage.iam()

    def delete() -> None:
        iam.delete_access_key(UserName="ann", AccessKeyId=old)
        iam.delete_user(UserName="ann")

    stage.cloud.layers.append(before("ListAccessKeys", delete))

    answer = revoke(stage, old)

    assert failures_of(answer)["ann"] == f"{old} was deleted meanwhile"


def force(stage: Harness, **more: object) -> dict[str, Any]:
    return stage.run({**ASKED, "ForceRotate": "ann", **more})


def test_a_forced_rotation_that_met_another_run_is_a_failure(stage: Harness) -> None:
    stage.user("ann", 12)
    stage.cloud.layers.append(before("CreateSecret", lambda: force(stage)))

    answer = force(stage)

    assert failures_of(answer)["ann"] == "nothing was done: another run made the secret of ann"
    assert len(stage.keys("ann")) == 2


def second_key(stage: Harness) -> None:
    stage.cloud.add_key(MEMBER, "ann", created=stage.cloud.now - 2 * DAY)


@pytest.mark.parametrize(
    ("prepare", "why"),
    [
        (lambda stage: stage.exempt("ann"), "its user is exempt"),
        (second_key, "its user has a second key"),
    ],
)
def test_a_forced_rotation_that_has_to_wait_is_a_failure(
    stage: Harness, prepare: Callable[[Harness], object], why: str
) -> None:
    [old] = stage.user("ann", 12)
    prepare(stage)

    answer = force(stage)

    assert why in failures_of(answer)["ann"]
    assert stage.keys("ann")[old] == "Active"


@pytest.mark.parametrize("hours", [0, 23, 25])
def test_a_forced_rotation_that_comes_again_is_no_failure(stage: Harness, hours: int) -> None:
    stage.user("ann", 12)
    asked = stage.cloud.now.isoformat()
    force(stage, requested=asked)
    stage.cloud.move_to(stage.cloud.now + hours * 60 * MINUTE + MINUTE)

    answer = force(stage, requested=asked)

    assert answer["failures"] == []
    assert len(stage.keys("ann")) == 2


def test_a_forced_rotation_that_comes_too_late_is_no_failure(stage: Harness) -> None:
    stage.user("ann", 12)
    asked = stage.cloud.now.isoformat()

    answer = force(stage.at(1), requested=asked)

    assert answer["failures"] == []
    assert len(stage.keys("ann")) == 1


def test_in_dry_run_a_forced_rotation_that_has_to_wait_is_no_failure(stage: Harness) -> None:
    stage.user("ann", 12)
    stage.exempt("ann")
    stage.settings["DryRunFlag"] = "True"

    assert force(stage)["failures"] == []


# --- the event ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ({"Restore": "deploy-bot"}, "Restore=deploy-bot: must be an access key's id"),
        (
            {"Restore": "AKIAIOSFODNN7EXAMPLE", "Revoke": "AKIAIOSFODNN7EXAMPLE"},
            "Revoke=AKIAIOSFODNN7EXAMPLE: goes without Restore",
        ),
        (
            {"ForceRotate": "ann", "Restore": "AKIAIOSFODNN7EXAMPLE"},
            "Restore=AKIAIOSFODNN7EXAMPLE: goes without ForceRotate",
        ),
        ({"EvenExempt": True}, "EvenExempt=True: needs Revoke"),
    ],
)
def test_an_event_orders_one_thing(stage: Harness, event: Mapping[str, object], why: str) -> None:
    since = stage.mark()

    with pytest.raises(Exception, match=why):
        stage.invoke({**ASKED, **event})

    assert stage.writes(since) == []


def test_an_order_that_is_delivered_late_is_void(stage: Harness) -> None:
    [old] = stage.user("ann", 12)

    answer = revoke(stage.at(1), old, requested="2026-03-02T05:00:00Z")

    assert "void after a day" in failures_of(answer)[None]
    assert stage.keys("ann") == {old: "Active"}
