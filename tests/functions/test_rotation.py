"""The rotation function, as whoever invokes it sees it: by hand, or through the queue."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from keyturn.adapters.clients import ATTEMPTS, CONNECT_SECONDS, READ_SECONDS
from keyturn.adapters.throttling import LONGEST_PAUSE, SENT_AGAIN_FOR
from keyturn.adapters.token_bucket import LONGEST_WAIT
from keyturn.domain.errors import InvalidValue, Stale
from keyturn.functions.rotation import SPARE_MILLISECONDS
from keyturn.schemas.rotation_event import read_queued, read_rotation
from keyturn.schemas.rules import QUEUE_HOLDS
from keyturn_sandbox.simulation.deployment import ADMIN, BUCKET, PREFIX
from tests.cli.organisation import audit_entries
from tests.use_cases.harness import (
    ASKED,
    CLOSED,
    HUB,
    MEMBER,
    OWNER,
    START,
    Harness,
    batch,
    decisions_of,
    failures_of,
    lose_answer,
    staged,
)


@pytest.fixture
def stage() -> Iterator[Harness]:
    with staged() as stage:
        yield stage


# Direct invocation


def test_a_direct_invocation_answers_with_everything_that_was_decided(stage: Harness) -> None:
    [ann] = stage.user("ann", 137)
    [bob] = stage.user("bob", 12)
    stage.user("carl")
    [dora] = stage.user("dora", 300)
    stage.exempt("dora")

    answer = stage.invoke()

    run = answer.pop("run")
    assert len(run) == 32
    assert answer == {
        "account": MEMBER,
        "dry_run": False,
        "decisions": [
            {
                "user": "ann",
                "key": ann,
                "age": 137,
                "state": "ACTIVE",
                "overlays": [],
                "action": "ROTATE",
                "reason": "rotation-due",
                "sentence": "it is 137 days old (RotationPeriod=90)",
                "next": {"action": "DISABLE", "date": "2026-03-12"},
                "successor": None,
                "promises": {"disable": "2026-03-12", "delete": "2026-03-22"},
            },
            {
                "user": "bob",
                "key": bob,
                "age": 12,
                "state": "ACTIVE",
                "overlays": [],
                "action": "KEEP",
                "reason": "nothing-due",
                "sentence": "it is 12 days old, rotation comes at 90",
                "next": {"action": "ROTATE", "date": "2026-05-19"},
                "successor": None,
                "promises": {},
            },
            {
                "user": "dora",
                "key": dora,
                "age": 300,
                "state": "ACTIVE",
                "overlays": ["EXEMPT"],
                "action": "KEEP",
                "reason": "exempt",
                "sentence": "its user is exempt",
                "next": None,
                "successor": None,
                "promises": {},
            },
        ],
        "failures": [],
        "quarantined": [],
        "warnings": ["from today on it is watched who becomes exempt; now it is dora"],
        "counts": {
            "users": 4,
            "exempt": 1,
            "keys": 3,
            "states": {"ACTIVE": 3},
            "actions": {"KEEP": 2, "ROTATE": 1},
            "blocked": 0,
            "over_cap": 0,
            "quarantined": 0,
            "failures": 0,
            "left": 0,
        },
    }


def test_the_log_holds_the_lines_that_operators_grep_for(stage: Harness) -> None:
    [old] = stage.user("deploy-bot", 127)
    stage.run()
    stage.at(10).settings["DryRunFlag"] = "True"
    since = len(stage.messages())

    stage.run()

    [_, new] = stage.keys("deploy-bot")
    assert stage.messages()[since:] == [
        "User: deploy-bot",
        f"Oldest active key: {old}  age=137d",
        "Decision: DISABLE (age >= InactivePeriod=100)",
        "DryRun=True → skipping iam:UpdateAccessKey",
        "Decision: KEEP (nothing-due)",
    ]
    assert new
    assert "DryRun=True → skipping iam:UpdateAccessKey" in stage.log.getvalue()


@pytest.mark.parametrize(
    ("day", "lines"),
    [
        (0, ["Decision: ROTATE (age >= RotationPeriod=90)", "iam:CreateAccessKey"]),
        (
            20,
            [
                "Decision: DELETE (age >= InactivePeriod+RecoveryGracePeriod=110)",
                "iam:DeleteAccessKey",
            ],
        ),
    ],
)
def test_the_log_names_the_line_of_the_policy_and_the_call(
    day: int, lines: list[str], stage: Harness
) -> None:
    stage.user("ann", 90)
    for earlier in range(0, day, 10):
        stage.at(earlier).run()
    stage.at(day).settings["DryRunFlag"] = "True"

    stage.invoke()

    [decision, call] = lines
    at = stage.messages().index(decision)
    assert stage.messages()[at + 1] == f"DryRun=True → skipping {call}"


def test_a_key_that_is_early_is_rotated_on_the_day_that_the_mail_named(stage: Harness) -> None:
    stage.settings["RotateEarlyDays"] = "14"
    stage.user("bob", 78, Owner="bob@example.com")  # by his name's hash 9 days early: due at 81

    keys = []
    for day in range(4):
        stage.at(day).run()
        keys.append(len(stage.keys("bob")))

    assert keys == [1, 1, 1, 2]
    assert (
        "Decision: ROTATE (up to RotateEarlyDays=14 before RotationPeriod=90)" in stage.messages()
    )
    told = [mail for mail in stage.cloud.sent_mails if "bob@example.com" in mail.to]
    due = f"{stage.cloud.now:%Y-%m-%d}"
    assert [due in (mail.text or "") for mail in told[:2]] == [True, True]
    assert len(told) == 3


def test_an_orphan_is_removed_by_another_call_than_it_is_stopped_by(stage: Harness) -> None:
    stage.user("ann", 90)
    stage.cloud.layers.append(lose_answer("CreateAccessKey"))
    stage.run()
    said = []
    for day in (1, 2):
        stage.at(day).invoke({**ASKED, "dryrun": True})
        said.append(stage.messages()[-4:])
        stage.run()

    assert "DryRun=True → skipping iam:UpdateAccessKey" in said[0]
    assert "DryRun=True → skipping iam:DeleteAccessKey" in said[1]


@pytest.mark.parametrize(
    ("flag", "dryrun", "is_dry"),
    [
        ("True", False, True),
        ("True", True, True),
        ("True", None, True),
        ("False", True, True),
        ("False", "TRUE", True),
        ("False", False, False),
        ("False", None, False),
        ("", None, True),
        ("", False, True),
    ],
)
def test_dryrun_can_only_make_a_run_safer(
    flag: str, dryrun: object, is_dry: bool, stage: Harness
) -> None:
    stage.settings["DryRunFlag"] = flag
    stage.user("ann", 137)
    event = dict(ASKED) if dryrun is None else {**ASKED, "dryrun": dryrun}

    answer = stage.hand_over(event)

    assert answer["dry_run"] is is_dry
    assert bool(stage.writes()) is not is_dry


@pytest.mark.parametrize(
    ("event", "field", "rule"),
    [
        ({}, "account", "Missing data"),
        ({"email": OWNER}, "account", "Missing data"),
        ({"account": "22"}, "account=22", "12 digits"),
        ({"account": 222222222222}, "account=222222222222", "Not a valid string"),
        ({"account": "22222222222a"}, "account", "12 digits"),
        ({"account": "٢" * 12}, "account", "12 digits"),
        ({"account": None}, "account", "null"),
        ({**ASKED, "email": "nobody"}, "email=nobody", "e-mail"),
        ({**ASKED, "dryRun": True}, "dryRun=True", "Unknown field"),
        ({**ASKED, "dryrun": "ja"}, "dryrun=ja", "true or false"),
        ({**ASKED, "dryrun": 1}, "dryrun=1", "true or false"),
        ({**ASKED, "ForceRotate": ""}, "ForceRotate=", ""),
        ({**ASKED, "ForceRotate": ["ann"]}, "ForceRotate", "Not a valid string"),
        ({**ASKED, "ForceRotate": "bob", "users": ["ann"]}, "users=", "lacks bob of ForceRotate"),
        ({**ASKED, "users": "ann"}, "users", "list"),
        ({**ASKED, "users": ["ann", 7]}, "users.1=7: ", "Not a valid string"),
        ({**ASKED, "users": []}, "users", "must name a user"),
        ([ASKED], "event", "JSON object"),
        (None, "event", "JSON object"),
        ("222222222222", "event", "JSON object"),
    ],
)
def test_a_malformed_event_is_refused_with_the_field_before_any_call(
    event: object, field: str, rule: str, stage: Harness
) -> None:
    before = stage.mark()

    with pytest.raises(InvalidValue) as refused:
        stage.hand_over(event)

    assert field in str(refused.value)
    assert rule in str(refused.value)
    assert stage.cloud.calls[before:] == []


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("RotationPeriod", "0", "must be at least 1 day"),
        ("RotationPeriod", "-5", "must be at least 1 day"),
        ("InactivePeriod", "80", "must be greater than RotationPeriod=90"),
        ("InactivePeriod", "90", "must be greater than RotationPeriod=90"),
        ("RecoveryGracePeriod", "0", "must be at least 1 day"),
        ("RotationPeriod", "soon", "must be a whole number of days"),
        ("DryRunFlag", "ja", "must be true or false"),
        ("AdminEmailAddress", "nobody", "must be an e-mail address"),
    ],
)
def test_a_wrong_setting_is_refused_before_any_call(
    name: str, value: str, rule: str, stage: Harness
) -> None:
    stage.settings[name] = value
    before = stage.mark()

    with pytest.raises(InvalidValue) as refused:
        stage.invoke()

    assert str(refused.value) == f"{name}={value}: {rule}"
    assert stage.cloud.calls[before:] == []


def test_blank_words_of_mails_stop_no_run(stage: Harness) -> None:
    """One that was deployed before blanks were refused: keys are rotated on, and it is said."""
    words = ("HelpLink", "MailSubjectPrefix", "OrganizationName")
    stage.settings |= dict.fromkeys(words, "  ")
    stage.user("ann", 137)

    stage.invoke()

    assert len(stage.keys("ann")) == 2
    lines = [line for line in stage.lines() if line["event"] == "setting.blank"]
    assert [(line["setting"], line["level"]) for line in lines] == [
        (name, "WARNING") for name in words
    ]
    stage.settings["S3BucketPrefix"] = "  "
    with pytest.raises(InvalidValue, match="S3BucketPrefix=  : must not be blank"):
        stage.invoke()


@pytest.mark.parametrize("name", ["EventBusName", "S3BucketName", "AdminEmailAddress"])
def test_a_run_that_could_tell_nobody_is_refused(name: str, stage: Harness) -> None:
    stage.settings[name] = ""
    before = stage.mark()

    with pytest.raises(InvalidValue, match=f"{name}=: is needed here and not set"):
        stage.invoke()

    assert stage.cloud.calls[before:] == []


def test_periods_of_the_preset_are_kept(stage: Harness) -> None:
    stage.settings |= {"RotationPeriod": "75", "InactivePeriod": "85"}
    stage.user("ann", 75)

    assert decisions_of(stage.run(), "ann") == [("ROTATE", "rotation-due")]
    answer = stage.at(10).run()

    assert ("DISABLE", "window-over") in decisions_of(answer, "ann")
    assert "Decision: DISABLE (age >= InactivePeriod=85)" in stage.messages()


def test_a_short_grace_is_allowed_and_warned_about(stage: Harness) -> None:
    stage.settings["RecoveryGracePeriod"] = "6"

    answer = stage.invoke()

    assert answer["warnings"] == [
        "RecoveryGracePeriod=6: fewer than 7 days leave little time to notice a broken pipeline"
    ]


# ForceRotate


def test_a_forced_rotation_happens_at_any_age_and_nobody_else_is_hurried(stage: Harness) -> None:
    [old] = stage.user("ann", 3)
    stage.user("bob", 3)

    answer = stage.run({**ASKED, "ForceRotate": "ann"})

    assert decisions_of(answer, "ann") == [("ROTATE", "forced")]
    assert decisions_of(answer, "bob") == [("KEEP", "nothing-due")]
    assert "forced" in stage.noted("ann", old)
    happened = {}
    for day in range(1, 25):
        for action, _ in decisions_of(stage.at(day).run(), "ann"):
            if action in {"DISABLE", "DELETE"}:
                happened[day] = action
    assert happened == {10: "DISABLE", 20: "DELETE"}


def test_forcing_a_user_who_is_not_there_is_a_failure_that_names_them(stage: Harness) -> None:
    answer = stage.invoke({**ASKED, "ForceRotate": "nobody"})

    assert failures_of(answer) == {"nobody": "the account has no user nobody"}


def test_forcing_an_exempt_user_does_nothing(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.exempt("ann")

    answer = stage.invoke({**ASKED, "ForceRotate": "ann"})

    assert decisions_of(answer, "ann") == [("KEEP", "exempt")]
    assert stage.writes() == []


def test_a_forced_rotation_that_is_repeated_rotates_once(stage: Harness) -> None:
    """Lambda repeats an asynchronous invocation, with the same event."""
    [old] = stage.user("ann", 3)
    event = {**ASKED, "ForceRotate": "ann", "requested": stage.cloud.now.isoformat()}

    for hours in (0, 1, 20, 26):
        stage.at(hours / 24)
        stage.run(event)

    assert stage.writes().count("CreateAccessKey") == 1
    assert len(stage.keys("ann")) == 2
    stage.at(30)  # the old key has long been deleted by hand, and still nothing happens
    stage.iam().delete_access_key(UserName="ann", AccessKeyId=old)
    stage.invoke(event)
    assert stage.writes().count("CreateAccessKey") == 1


@pytest.mark.parametrize(("hours", "made"), [(23, 1), (25, 0)])
def test_a_forced_rotation_is_void_a_day_after_it_was_sent(
    hours: int, made: int, stage: Harness
) -> None:
    stage.user("ann", 3)
    event = {**ASKED, "ForceRotate": "ann", "requested": stage.cloud.now.isoformat()}

    stage.at(hours / 24).invoke(event)

    assert stage.writes().count("CreateAccessKey") == made


def deliver(stage: Harness, message: Any) -> dict[str, Any]:  # noqa: ANN401 -- a message, as SQS hands it over
    return stage.hand_over(batch([message]))


def deep(thing: object) -> object:
    """A thing in a hundred lists."""
    for _ in range(100):
        thing = [thing]
    return thing


# The queue


def test_a_poisoned_account_fails_alone_and_ends_in_the_dead_letters(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.cloud.organization.create_account("bought", "b@example.com", account_id=CLOSED)
    stage.send({"account": CLOSED, "email": "b@example.com", "name": "bought"}, group=CLOSED)
    stage.send(ASKED)

    failed = stage.rotate_queued()

    assert failed == [CLOSED] * 3
    assert len(stage.keys("ann")) == 2
    [dead] = stage.receive(stage.deployment.dead_letters[0])
    assert json.loads(dead["Body"])["account"] == CLOSED
    assert stage.receive(stage.deployment.rotation_queue) == []
    errors = [line["message"] for line in stage.lines() if line["level"] == "ERROR"]
    assert len(errors) == 3
    assert all("could not be assumed" in error for error in errors)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ('{"email": "owner@example.com"}', "account=: Missing data for required field"),
        ('{"account": "333333333333", "dryRun": true}', "dryRun=True: Unknown field"),
        ("not JSON", "body=not JSON: is no JSON"),
        ("[]", "event='[]': must be a JSON object"),
    ],
)
def test_a_malformed_message_fails_alone_and_says_why(body: str, why: str, stage: Harness) -> None:
    stage.user("ann", 137)
    stage.cloud.session(HUB).client("sqs").send_message(
        QueueUrl=stage.deployment.rotation_queue,
        MessageBody=body,
        MessageGroupId="999999999999",
        MessageDeduplicationId="malformed",
    )
    stage.send(ASKED)

    failed = stage.rotate_queued()

    assert failed == ["999999999999"] * 3
    assert len(stage.keys("ann")) == 2
    errors = [line["message"] for line in stage.lines() if line["level"] == "ERROR"]
    assert errors == [why.replace("'[]'", "[]")] * 3


def test_an_account_whose_group_cannot_be_read_is_tried_again(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.cloud.deny(MEMBER, "GetGroup", times=1)
    stage.send(ASKED)

    failed = stage.rotate_queued()

    assert failed == [MEMBER]
    assert len(stage.keys("ann")) == 2
    assert stage.receive(stage.deployment.dead_letters[0]) == []


def test_a_run_that_could_not_be_told_is_tried_again_and_changes_nothing_more(
    stage: Harness,
) -> None:
    stage.user("ann", 137)
    stage.cloud.deny(HUB, "PutEvents", times=1)
    stage.send(ASKED)

    failed = stage.rotate_queued()

    assert failed == [MEMBER]
    assert stage.writes().count("CreateAccessKey") == 1
    assert stage.receive(stage.deployment.dead_letters[0]) == []


def test_a_users_failure_does_not_bring_the_message_back(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.cloud.deny(MEMBER, "CreateAccessKey")
    stage.send(ASKED)

    assert stage.rotate_queued() == []

    assert any("AccessDenied" in message for message in stage.messages())


# Time


def test_near_its_time_out_a_run_stops_between_two_users_and_hands_the_rest_back(
    stage: Harness,
) -> None:
    stage.settings["ParallelUsers"] = "1"
    for name in ("ann", "bob", "carl", "dora"):
        stage.user(name, 137)
    stage.send({**ASKED, "run": "first"})
    stage.slow("CreateAccessKey", 5)

    stage.rotate_queued(context=stage.minutes(11), rounds=1)

    assert [len(stage.keys(name)) for name in ("ann", "bob", "carl", "dora")] == [2, 2, 1, 1]
    [message] = stage.receive(stage.deployment.rotation_queue)
    rest = json.loads(message["Body"])
    assert rest["users"] == ["carl", "dora"]
    assert rest["account"] == MEMBER
    assert rest["email"] == OWNER
    assert rest["run"] != "first"  # or the admin would not be told what goes wrong in it
    assert message["Attributes"]["MessageGroupId"] == MEMBER

    stage.cloud.layers.clear()
    stage.at(1 / 24)
    since = stage.mark()
    stage.rotate_queued()
    assert stage.costs(since)["iam:ListAccessKeys"] == 2
    assert [len(stage.keys(name)) for name in ("ann", "bob", "carl", "dora")] == [2] * 4
    stage.tell()
    told = [name for name in stage.cloud.objects(BUCKET) if "/disable/" in name]
    assert len(told) == 8  # each once to the owner and once to the admin


def test_the_time_that_is_spared_outlasts_two_calls_at_their_slowest_and_three_waits() -> None:
    # botocore waits 2**n seconds at most before the n-th attempt that it makes again.
    pauses = sum(2**n for n in range(ATTEMPTS - 1))
    hanging = ATTEMPTS * (CONNECT_SECONDS + READ_SECONDS) + pauses
    throttled = SENT_AGAIN_FOR + LONGEST_PAUSE + LONGEST_WAIT

    assert 2 * max(hanging, throttled) + 3 * LONGEST_WAIT <= SPARE_MILLISECONDS / 1000


def test_a_direct_invocation_hands_the_rest_back_too(stage: Harness) -> None:
    stage.settings["ParallelUsers"] = "1"
    for name in ("ann", "bob"):
        stage.user(name, 137)
    stage.slow("CreateAccessKey", 5)

    answer = stage.invoke(context=stage.minutes(6))

    assert answer["counts"]["left"] == 1
    stage.cloud.layers.clear()
    assert stage.rotate_queued() == []
    assert [len(stage.keys(name)) for name in ("ann", "bob")] == [2, 2]


def test_what_goes_wrong_in_the_rest_is_told_like_what_went_wrong_before(stage: Harness) -> None:
    for name in ("ann", "bob"):
        stage.user(name, 137)
    stage.cloud.deny(MEMBER, "CreateSecret")
    stage.send({**ASKED, "run": "first"})

    stage.slow("CreateSecret", 5)

    stage.rotate_queued(context=stage.minutes(6), rounds=1)
    stage.rotate_queued()
    stage.tell()

    told = " ".join(str(mail.text) for mail in stage.cloud.sent_mails)
    assert "ann: CreateSecret" in told
    assert "bob: CreateSecret" in told


def test_when_the_forced_one_is_done_the_rest_is_handed_back_without(stage: Harness) -> None:
    stage.settings["ParallelUsers"] = "1"
    for name in ("ann", "bob"):
        stage.user(name, 137)
    stage.slow("CreateAccessKey", 5)

    stage.invoke({**ASKED, "ForceRotate": "ann"}, context=stage.minutes(6))

    [message] = stage.receive(stage.deployment.rotation_queue)
    rest = json.loads(message["Body"])
    assert rest["users"] == ["bob"]
    assert "ForceRotate" not in rest


def test_an_order_for_which_there_was_no_time_is_not_queued_but_reported(stage: Harness) -> None:
    stage.user("ann", 3)
    stage.user("bob", 3)

    answer = stage.invoke({**ASKED, "ForceRotate": "ann"}, context=stage.minutes(0))

    assert {failure["user"] for failure in answer["failures"]} == {"ann"}
    assert 'order it again, with "users": ["ann"]' in answer["failures"][0]["message"]
    [message] = stage.receive(stage.deployment.rotation_queue)
    assert json.loads(message["Body"])["users"] == ["bob"]
    assert "ForceRotate" not in json.loads(message["Body"])
    [entry] = audit_entries(stage.cloud.session(HUB).client("s3"), BUCKET, f"{PREFIX}/")
    assert entry["outcome"] == "failed"
    assert "there was no time left" in entry["said"][-1]


def test_a_restoration_and_a_plan_for_which_there_was_no_time_are_reported_too(
    stage: Harness,
) -> None:
    [old] = stage.user("ann", 3)
    stage.iam().update_access_key(UserName="ann", AccessKeyId=old, Status="Inactive")

    answer = stage.invoke({**ASKED, "Restore": old}, context=stage.minutes(0))

    [failure] = answer["failures"]
    assert failure["user"] == "ann"
    assert "no time left" in failure["message"]
    assert stage.receive(stage.deployment.rotation_queue) == []


ORDERS: list[tuple[dict[str, object], str]] = [
    ({"Revoke": "AKIAIOSFODNN7EXAMPLE", "EvenExempt": True, "EvenPaused": True}, "EvenExempt"),
    ({"Revoke": "AKIAIOSFODNN7EXAMPLE"}, "Revoke"),
    ({"Restore": "AKIAIOSFODNN7EXAMPLE"}, "Restore"),
    ({"ForceRotate": "ann"}, "ForceRotate"),
    ({"ApprovePlan": "march.json", "PlanSha256": "0" * 64}, "ApprovePlan"),
    ({"Adopt": "Account_333333333333_User_ann_AccessKey"}, "Adopt"),
    ({"by": "arn:aws:iam::222222222222:role/Operator/ann"}, "by"),
    ({"reason": "because"}, "reason"),
    ({"Pause": "an incident"}, "Pause"),
    ({"EvenPaused": True}, "EvenPaused"),
    ({"dryRun": True}, "dryRun"),
    ({"users": ["../ann"]}, "users.0"),
    ({"users": ["a" * 65]}, "users.0"),
    ({"users": ["a" * 200_000]}, "users.0"),
    ({"run": "../../receipts"}, "run"),
    ({"requested": "2026-03-02T05:00:00"}, "requested"),
    ({"requested": "2026-03-02T05:06:00Z"}, "requested"),
    ({"requested": "9999-03-02T05:00:00Z"}, "requested"),
]


@pytest.mark.parametrize(
    ("besides", "field"),
    ORDERS,
    ids=[f"{number}-{field}" for number, (_, field) in enumerate(ORDERS)],
)
def test_a_queued_message_carries_a_run_and_no_order(
    besides: dict[str, object], field: str, stage: Harness
) -> None:
    stage.user("ann", 137)
    stage.send({**ASKED, **besides})

    failed = stage.rotate_queued()

    assert failed == [MEMBER] * 3
    assert stage.writes() == []
    errors = [line["message"] for line in stage.lines() if line["level"] == "ERROR"]
    assert all(error.startswith(f"{field}=") for error in errors)
    assert all(len(error) < 1000 for error in errors)
    assert [line["AccountsFailed"] for line in stage.measured()] == [[1]] * 3
    assert len(stage.receive(stage.deployment.dead_letters[0])) == 1


def test_a_queued_revocation_of_an_exempt_users_key_during_a_pause_does_nothing(
    stage: Harness,
) -> None:
    [key] = stage.user("break-glass", 12)
    stage.exempt("break-glass")
    stage.invoke({"Pause": "an incident", "by": "ann"})
    stage.send({**ASKED, "Revoke": key, "EvenExempt": True, "EvenPaused": True, "by": "ann"})

    assert stage.rotate_queued(rounds=1) == [MEMBER]

    assert stage.keys("break-glass") == {key: "Active"}
    [entry] = audit_entries(stage.cloud.session(HUB).client("s3"), BUCKET, f"{PREFIX}/")
    assert entry["command"] == "pause"


def test_a_queued_run_that_does_not_say_when_it_was_asked_for_is_refused(stage: Harness) -> None:
    stage.user("ann", 137)
    stage._sqs().send_message(  # noqa: SLF001 -- without what send adds
        QueueUrl=stage.deployment.rotation_queue,
        MessageBody=json.dumps(ASKED),
        MessageGroupId=MEMBER,
        MessageDeduplicationId="1",
    )

    assert stage.rotate_queued(rounds=1) == [MEMBER]

    assert stage.writes() == []
    assert "requested=: Missing data for required field" in stage.messages()


@pytest.mark.parametrize(
    ("age", "kept"),
    [(QUEUE_HOLDS - timedelta(minutes=1), True), (QUEUE_HOLDS + timedelta(seconds=1), False)],
)
def test_a_run_that_is_older_than_the_queue_can_hold_it_is_dropped_and_counted(
    age: timedelta, *, kept: bool, stage: Harness
) -> None:
    stage.user("ann", 137)
    stage.send({**ASKED, "requested": (stage.cloud.now - age).isoformat()})

    assert stage.rotate_queued() == []

    assert (len(stage.keys("ann")) == 2) is kept
    assert [line["RunsDropped"] for line in stage.measured()] == [[int(not kept)]]
    assert any("was dropped" in said for said in stage.messages()) is not kept
    assert stage.receive(stage.deployment.dead_letters[0]) == []


def test_a_run_that_waited_while_keyturn_was_upgraded_is_done(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.send({**ASKED, "units": ["r-ab12"], "unitsOfFile": '"0123456789abcdef"'})

    assert stage.rotate_queued() == []

    assert len(stage.keys("ann")) == 2


def test_the_queues_whole_time_is_not_too_long() -> None:
    event = {"account": MEMBER, "requested": START.isoformat()}

    assert read_queued(event, now=START + QUEUE_HOLDS).requested == START
    with pytest.raises(Stale, match="is more than 4 days old and was dropped"):
        read_queued(event, now=START + QUEUE_HOLDS + timedelta(seconds=1))


@pytest.mark.parametrize("email", ["", None])
@pytest.mark.parametrize("by", ["queue", "invocation"])
def test_an_account_without_an_address_or_a_name_is_looked_after(
    by: str, email: str | None, stage: Harness
) -> None:
    stage.user("ann", 137)
    event = {"account": MEMBER, "email": email, "name": email}

    if by == "queue":
        stage.send(event)
        assert stage.rotate_queued() == []
    else:
        stage.invoke(event)

    assert len(stage.keys("ann")) == 2


def test_an_account_whose_address_is_none_is_looked_after_and_named(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.send({**ASKED, "email": "ops at example.com", "name": "x" * 300 + "\u202e"})

    assert stage.rotate_queued() == []
    stage.tell()

    assert len(stage.keys("ann")) == 2
    said = "the account's address ops at example.com is no e-mail address"
    assert any(said in message for message in stage.messages())
    assert {tuple(mail.to) for mail in stage.cloud.sent_mails} == {(ADMIN,)}


@pytest.mark.parametrize("event", [deep(["x"]), {**ASKED, "x": deep("x")}, {"users": deep("x")}])
def test_an_event_that_is_too_deep_is_refused_in_one_line(event: object, stage: Harness) -> None:
    with pytest.raises(InvalidValue, match="nests deeper than 40 levels"):
        stage.hand_over(event)

    assert stage.writes() == []


def test_looking_leaves_half_of_the_time_for_doing(stage: Harness) -> None:
    stage.settings["ParallelUsers"] = "1"
    names = ("ann", "bob", "carl", "dora", "emil", "fred")
    for name in names:
        stage.user(name, 137)
    stage.slow("ListAccessKeys", 2)

    answer = stage.hand_over(dict(ASKED), context=stage.minutes(15))

    assert [made["user"] for made in answer["decisions"]] == ["ann", "bob", "carl", "dora"]
    assert [len(stage.keys(name)) for name in names] == [2, 2, 2, 2, 1, 1]
    assert answer["counts"]["left"] == 2
    stage.cloud.layers.clear()
    stage.rotate_queued()
    assert [len(stage.keys(name)) for name in names] == [2] * 6


def test_a_dry_run_hands_back_at_whom_it_had_no_time_to_look(stage: Harness) -> None:
    stage.user("ann", 137)

    answer = stage.hand_over({**ASKED, "dryrun": True}, context=stage.minutes(0))

    assert answer["counts"]["left"] == 1
    assert answer["decisions"] == []
    stage.rotate_queued()
    assert "Decision: ROTATE (age >= RotationPeriod=90)" in stage.messages()
    assert stage.writes() == []


def test_no_secret_reaches_the_log_the_answer_or_a_mail(stage: Harness) -> None:
    """The stage looks for them at the end of every test; here is that it would find one."""
    [old] = stage.user("ann", 90)
    answers = [stage.at(day).run() for day in (0, 10, 20)]

    secrets = set(stage.cloud.secret_values().values())
    assert len(secrets) >= 2
    assert old in json.dumps(answers)
    assert not any(secret in json.dumps(answers) for secret in secrets)
    assert not any(secret in stage.log.getvalue() for secret in secrets)


def test_a_function_stays_connected_whatever_else_its_environment_holds(
    stage: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.invoke()
    since = stage.mark()
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-2-3")  # Lambda: another at each invocation

    stage.invoke()

    assert "sts:AssumeRole" not in stage.costs(since)


@pytest.mark.parametrize(
    "when", ["0001-01-01T00:00:00+14:00", "1999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00"]
)
def test_an_order_of_a_time_that_cannot_be_is_refused(stage: Harness, when: str) -> None:
    with pytest.raises(InvalidValue, match=r"requested=.*: must be in the years 2000 to 2200"):
        stage.invoke({**ASKED, "ForceRotate": "ann", "requested": when})


def test_an_event_that_forces_from_the_future_is_refused(stage: Harness) -> None:
    stage.user("ann", 3)

    with pytest.raises(InvalidValue, match="is in the future"):
        stage.invoke({**ASKED, "ForceRotate": "ann", "requested": "2099-01-01T00:00:00+00:00"})


@pytest.mark.parametrize(("ahead", "taken"), [(300, True), (301, False)])
def test_who_asks_may_be_five_minutes_ahead_of_our_clock_and_no_more(
    ahead: int, *, taken: bool
) -> None:
    asked = START + timedelta(seconds=ahead)
    event = {**ASKED, "ForceRotate": "ann", "requested": asked.isoformat()}

    if taken:
        assert read_rotation(event, now=START).request.forced_at == asked
    else:
        with pytest.raises(InvalidValue, match="is in the future"):
            read_rotation(event, now=START)
