"""Secrets that nobody needs any more (RemoveSecretsAfter): marked, scheduled, and taken back."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pytest

from keyturn.domain.secret_names import GONE_TAG, IDLE_TAG, INTENT_TAG, secret_name, version_id_for
from keyturn.domain.tag_text import format_utc
from keyturn.schemas.account_day import account_day
from keyturn_sandbox.emulator.checkpoint import Checkpoint
from keyturn_sandbox.emulator.cloud import REGION
from keyturn_sandbox.emulator.secret_rules import secrets_of
from keyturn_sandbox.simulation.deployment import BUCKET, PREFIX
from tests.use_cases.harness import (
    ASKED,
    DAY,
    HUB,
    MEMBER,
    START,
    Harness,
    before,
    break_down,
    decisions_of,
    failures_of,
    staged,
    stores,
)

if TYPE_CHECKING:
    from keyturn.schemas.snapshot import Snapshot

ANN = secret_name(MEMBER, "ann")
SECOND = 2
MARK, SCHEDULE = ["TagResource"], ["TagResource", "DeleteSecret"]


@pytest.fixture(scope="module")
def scene() -> Iterator[tuple[Harness, str, Checkpoint]]:
    """A stage, Ann's key of today in a secret that was read today, and how it was."""
    with staged() as stage:
        [key] = stage.user("ann", 0)
        stage.holds("ann", key)
        yield stage, key, stage.cloud.checkpoint([HUB, MEMBER])


@pytest.fixture
def stage(scene: tuple[Harness, str, Checkpoint]) -> Harness:
    stage, _, put_back = scene
    put_back()
    stage.cloud.layers.clear()
    stage.settings = {"DryRunFlag": "False", "RemoveSecretsAfter": "35", "WarnDays": "0"}
    stage.log.seek(0)
    stage.log.truncate()
    return stage.at(0)


@pytest.fixture
def key(scene: tuple[Harness, str, Checkpoint]) -> str:
    """Ann's key: it is rotated on day 90."""
    return scene[1]


def marked(stage: Harness, days: int, key: str) -> None:
    """Let a run of that day have marked it."""
    tag(stage, IDLE_TAG + key, f"since={at(days)}")


def at(days: float) -> str:
    return format_utc(START + days * DAY)


def tag(stage: Harness, name: str, value: str) -> None:
    stage.secret_store().tag_resource(SecretId=ANN, Tags=[{"Key": name, "Value": value}])


def written(
    stage: Harness, day: float, *used: str, event: Mapping[str, object] = ASKED
) -> list[str]:
    """What a run of that day writes, with these keys in use."""
    stage.at(day).use(*used)
    since = stage.mark()
    stage.run(event)
    return stage.writes(since)


def is_scheduled(stage: Harness) -> bool:
    return "DeletedDate" in stage.secret_store().describe_secret(SecretId=ANN)


def leaves(stage: Harness, *names: str) -> None:
    """Let users be deleted, with their keys."""
    for name in names:
        for key in stage.keys(name):
            stage.iam().delete_access_key(UserName=name, AccessKeyId=key)
        stage.iam().delete_user(UserName=name)


def said(stage: Harness) -> str:
    """What the log says of secrets, warnings and failures."""
    return "\n".join(line for line in stage.messages() if "ecret" in line)


def stored(stage: Harness) -> dict[str, Any]:
    name = f"{PREFIX}/snapshots/date={stage.cloud.now:%Y-%m-%d}/account={MEMBER}.json"
    found: dict[str, Any] = json.loads(stage.cloud.objects(BUCKET)[name])
    return found


def events(stage: Harness, kind: str) -> list[Any]:
    return [
        json.loads(entry["Detail"])
        for call in stage.ours()
        if call.operation == "PutEvents"
        for entry in call.params["Entries"]  # type: ignore[attr-defined]  # PutEvents' own
        if entry["DetailType"] == kind
    ]


def test_it_is_marked_scheduled_before_the_next_rotation_and_taken_back_by_it(
    stage: Harness, key: str
) -> None:
    assert written(stage, 21, key) == MARK
    assert stage.secret("ann").tags[IDLE_TAG + key] == f"since={at(21)}"
    assert written(stage, 55, key) == []
    # 35 days are over on day 56; but a secret that is scheduled then is gone on day 86.
    assert written(stage, 56, key) == []
    assert written(stage, 75, key) == []
    assert written(stage, 76, key) == SCHEDULE
    assert is_scheduled(stage)
    [call] = [call for call in stage.ours() if call.operation == "DeleteSecret"]
    assert call.params == {"SecretId": stage.secret("ann").arn, "RecoveryWindowInDays": 30}
    [event] = events(stage, "Secret Scheduled")
    assert (event["secret"], event["user"], event["user_gone"]) == (ANN, "ann", False)
    snapshot = stored(stage)["secrets"]
    assert (snapshot["stored"], snapshot["scheduled"], snapshot["of_gone"]) == (0, 1, 0)
    [changed] = snapshot["changed"]
    assert (changed["secret"], changed["step"]) == (ANN, "SCHEDULE")
    assert written(stage, 78, key) == []

    assert written(stage, 90, key) == [
        "RestoreSecret",
        "TagResource",
        "CreateAccessKey",
        "PutSecretValue",
        "TagResource",
    ]

    assert not is_scheduled(stage)
    assert stage.value("ann")["AccessKeyId"] != key
    assert stored(stage)["secrets"]["stored"] == 0, "as the run found it"
    assert written(stage, 91, key) == []


def test_of_a_user_who_is_gone_it_is_reported_first_and_scheduled_after_as_many_days(
    stage: Harness, key: str
) -> None:
    [other] = stage.user("bob", 0)
    leaves(stage.at(5), "ann")

    assert written(stage, 5, other) == MARK
    assert stage.secret("ann").tags[GONE_TAG] == f"since={at(5)}"
    found = stored(stage)["secrets"]
    assert (found["stored"], found["scheduled"], found["of_gone"]) == (1, 0, 1)
    [changed] = found["changed"]
    assert (changed["step"], changed["user_gone"]) == ("MARK", True)
    assert changed["sentence"].startswith("there is no user ann; it can be scheduled for deletion")
    assert written(stage, 39, other) == []

    assert written(stage, 40, other) == SCHEDULE

    [event] = events(stage, "Secret Scheduled")
    assert (event["user"], event["user_gone"]) == ("ann", True)
    assert event["sentence"].startswith("there has been no user ann since 2026-03-07")
    assert stored(stage)["secrets"]["of_gone"] == 0
    assert written(stage, 71, other) == []
    assert stored(stage)["secrets"]["scheduled"] == 0, "it is gone for good"


def _read(stage: Harness, _key: str) -> None:
    stage.at(42)
    stage.value("ann")


def _second_key(stage: Harness, _key: str) -> None:
    stage.iam().create_access_key(UserName="ann")


def _replicated(stage: Harness, _key: str) -> None:
    secret: Any = secrets_of(MEMBER, REGION).secrets[ANN]
    secret.replicas = [Replica({"Region": "eu-west-1", "Status": "InSync"})]


@dataclass
class Replica:
    config: Mapping[str, str]


def _made_anew(stage: Harness, key: str) -> None:
    """Somebody deletes it, and makes another that looks the same."""
    tags = stage.secret("ann").tags
    store = stage.secret_store()
    store.delete_secret(SecretId=ANN, ForceDeleteWithoutRecovery=True)
    store.create_secret(Name=ANN, Tags=[{"Key": t, "Value": v} for t, v in tags.items()])
    store.put_secret_value(SecretId=ANN, SecretString="{}", ClientRequestToken=version_id_for(key))


def _renamed(stage: Harness, _key: str) -> None:
    stage.iam().update_user(UserName="ann", NewUserName="ann-ci")


def _made_again(stage: Harness, _key: str) -> None:
    leaves(stage, "ann")
    stage.iam().create_user(UserName="ann")


LEFT_ALONE: Mapping[str, tuple[Callable[[Harness, str], object], str]] = {
    "not used since it was stored": (lambda *_: None, ""),
    "read lately": (_read, ""),
    "another key": (_second_key, ""),
    "said by a person": (lambda stage, _: tag(stage, "keyturn:keep", ""), ""),
    "exempt": (lambda stage, _: stage.exempt("ann"), ""),
    "taken back": (
        lambda stage, key: tag(stage, IDLE_TAG + key, f"since={at(0)} scheduled={at(76)}"),
        "a person took it back",
    ),
    "a mark that cannot be read": (
        lambda stage, key: tag(stage, IDLE_TAG + key, f"since={at(0)} scheduled=soon"),
        "a person took it back",
    ),
    "never read where it is seen": (
        lambda *_: delattr(secrets_of(MEMBER, REGION).secrets[ANN], "last_accessed_date"),
        "somebody reads it in a way that is not seen",
    ),
    "replicas": (_replicated, "it has replicas in eu-west-1"),
    "no seal": (_made_anew, "not its seal"),
    "a rotation begun": (
        lambda stage, key: tag(
            stage, INTENT_TAG, f"run=r at={at(76.5)} seen={key} replaces={key} tries=1"
        ),
        "a rotation was begun, and is not finished",
    ),
    "restored by hand": (
        lambda stage, key: tag(stage, f"keyturn:restored:{key}", f"restored={at(76)}"),
        "something else is on record of its key",
    ),
    "not on record": (
        lambda stage, key: stage.secret_store().untag_resource(
            SecretId=ANN, TagKeys=[f"keyturn:key:{key}"]
        ),
        "is not on record",
    ),
    "use unknown": (
        lambda stage, _: stage.cloud.deny(MEMBER, "GetAccessKeyLastUsed"),
        "could not be read (GetAccessKeyLastUsed",
    ),
    "secret unreadable": (
        lambda stage, _: stage.cloud.deny(MEMBER, "DescribeSecret"),
        "could not be read (DescribeSecret",
    ),
    "not listed": (
        lambda stage, _: stage.cloud.deny(MEMBER, "ListSecrets"),
        "the secrets could not be listed: none is scheduled for deletion",
    ),
    "users not listed": (lambda stage, _: stage.cloud.deny(MEMBER, "ListUsers"), ""),
    "dry run": (lambda stage, _: stage.settings.update(DryRunFlag="True"), ""),
    "paused": (lambda stage, _: stage.hand_over({"Pause": "an incident", "by": "me"}), ""),
    "off": (lambda stage, _: stage.settings.update(RemoveSecretsAfter=""), ""),
    "renamed": (_renamed, "its user ann is now called ann-ci"),
    "made again": (_made_again, "it is of an earlier user ann"),
}


@pytest.mark.parametrize("case", LEFT_ALONE, ids=lambda case: case.replace(" ", "-"))
def test_it_is_left_alone_where_anything_speaks_for_it_or_is_not_known(
    stage: Harness, key: str, case: str
) -> None:
    change, why = LEFT_ALONE[case]
    marked(stage, 21, key)
    change(stage.at(76.9), key)
    if key in stage.keys("ann") and case != "not used since it was stored":
        stage.use(key)

    assert written(stage, 77) == []

    assert not is_scheduled(stage)
    assert why in said(stage)


def test_a_mark_from_the_future_counts_from_today(stage: Harness, key: str) -> None:
    marked(stage, 100, key)

    assert written(stage, 77, key) == MARK
    assert stage.secret("ann").tags[IDLE_TAG + key] == f"since={at(77)}"


def test_the_mark_of_a_user_who_is_there_after_all_is_taken_off(stage: Harness, key: str) -> None:
    tag(stage, GONE_TAG, f"since={at(1)}")

    assert written(stage, 77, key) == ["UntagResource"]
    assert GONE_TAG not in stage.secret("ann").tags


def test_a_rotation_that_begins_while_it_is_scheduled_is_seen(stage: Harness, key: str) -> None:
    marked(stage, 21, key)
    intent = f"run=another at={at(77)} seen={key} replaces={key} tries=1"
    stage.cloud.layers.append(before("DeleteSecret", lambda: tag(stage, INTENT_TAG, intent)))

    assert written(stage, 77, key) == [*SCHEDULE, "RestoreSecret", "TagResource"]

    assert not is_scheduled(stage)
    assert stage.secret("ann").tags[IDLE_TAG + key] == f"since={at(21)}"
    assert events(stage, "Secret Scheduled") == []


def test_what_changes_before_its_turn_is_read_anew(stage: Harness, key: str) -> None:
    marked(stage, 21, key)
    stage.cloud.layers.append(before("GetGroup", lambda: None))
    stage.cloud.layers.append(before("ListSecrets", lambda: None))

    def read_it() -> None:
        stage.value("ann")

    # It is described twice: when it is decided about, and directly before the first write.
    described: list[None] = []

    def layer(request: Any, perform: Any) -> Any:  # noqa: ANN401 -- as the emulator has them
        if request.operation == "DescribeSecret":
            described.append(None)
            if len(described) == 2:
                read_it()
        return perform(request)

    stage.cloud.layers.append(layer)

    assert written(stage, 77, key) == []
    assert not is_scheduled(stage)


def test_a_role_that_may_not_is_a_failure_and_the_next_run_does_it(
    stage: Harness, key: str
) -> None:
    marked(stage, 21, key)
    denied = stage.cloud.deny(MEMBER, "DeleteSecret")
    stage.at(77).use(key)

    answer = stage.run()

    assert (
        "could not be scheduled for deletion (DeleteSecret: AccessDenied"
        in (failures_of(answer)["ann"])
    )
    assert stage.secret("ann").tags[IDLE_TAG + key] == f"since={at(21)}", "nobody took it back"
    denied.lift()
    assert written(stage, 78, key) == SCHEDULE


def test_a_lost_answer_leaves_a_secret_that_the_next_rotation_takes_back(
    stage: Harness, key: str
) -> None:
    marked(stage, 21, key)
    stage.cloud.layers.append(break_down("DeleteSecret"))
    written(stage, 77, key)
    assert "it was asked for; whether it is scheduled is not known" in said(stage)
    stage.cloud.layers.clear()

    assert written(stage, 78, key) == [], "nobody can tell it from one that a person took back"
    written(stage, 90, key)

    assert stage.value("ann")["AccessKeyId"] in set(stage.keys("ann")) - {key}


def test_its_deletion_is_taken_back_when_its_rotation_comes_too_late(
    stage: Harness, key: str
) -> None:
    marked(stage, 21, key)
    written(stage, 77, key)
    stage.settings |= {"RotationPeriod": "180", "InactivePeriod": "190"}

    assert written(stage, 78, key) == ["RestoreSecret", "UntagResource"]

    assert not is_scheduled(stage)
    assert IDLE_TAG + key not in stage.secret("ann").tags


def _switched_off(stage: Harness, _key: str) -> None:
    stage.settings |= {"RemoveSecretsAfter": "", "WarnDays": "14"}


def _read_and_shown_late(stage: Harness, _key: str) -> None:
    secret: Any = secrets_of(MEMBER, REGION).secrets[ANN]
    secret.last_accessed_date = int((START + 75 * DAY).timestamp())


def _renamed_without_its_id(stage: Harness, key: str) -> None:
    _renamed(stage, key)
    secret: Any = secrets_of(MEMBER, REGION).secrets[ANN]
    secret.tags[:] = [{"Key": IDLE_TAG + key, "Value": f"since={at(21)} scheduled={at(76)}"}]


NOT_IN_TIME: Mapping[str, Callable[[Harness, str], object]] = {
    "exempt": lambda stage, _: stage.exempt("ann"),
    "renamed": _renamed,
    "renamed, and without its id": _renamed_without_its_id,
    "switched off": _switched_off,
    "read, and shown late": _read_and_shown_late,
    "rotated a day later": lambda stage, _: stage.settings.update(RotationPeriod="91"),
}


@pytest.mark.parametrize("case", NOT_IN_TIME)
def test_what_no_rotation_takes_back_in_time_the_next_run_does(
    stage: Harness, key: str, case: str
) -> None:
    marked(stage, 21, key)
    assert written(stage, 76, key) == SCHEDULE
    assert written(stage, 76.5, key) == [], "its rotation comes in time"
    NOT_IN_TIME[case](stage, key)

    assert written(stage, 77, key) == ["RestoreSecret", "UntagResource"]

    assert not is_scheduled(stage)
    assert IDLE_TAG + key not in stage.secret("ann").tags
    assert written(stage, 77.2, key) in ([], MARK)


def _units_elsewhere(stage: Harness) -> None:
    stage.settings |= {"EnforcedAccounts": "444444444444"}


NOT_WRITING: Mapping[str, Callable[[Harness], object]] = {
    "dry run": lambda stage: stage.settings.update(DryRunFlag="True"),
    "paused": lambda stage: stage.hand_over({"Pause": "an incident", "by": "me"}),
    "outside the stage": _units_elsewhere,
}


@pytest.mark.parametrize("case", NOT_WRITING)
def test_a_run_that_may_not_write_says_each_day_what_aws_destroys_and_when(
    stage: Harness, key: str, case: str
) -> None:
    marked(stage, 21, key)
    written(stage, 76, key)
    NOT_WRITING[case](stage)

    for day in (77, 105):
        assert written(stage, day, key) == []

        [line] = [text for text in stage.messages() if text.startswith(f"Secret {ANN}: AWS ")]
        assert "AWS destroys it on 2026-06-16" in line
        assert f"aws secretsmanager restore-secret --secret-id {ANN}" in line
        [(user, told)] = account_day(cast("Snapshot", stored(stage))).secrets
        assert (user, told) == ("ann", line.partition(": ")[2])
        stage.log.seek(0)
        stage.log.truncate()


def test_a_taking_back_that_is_denied_says_what_helps(stage: Harness, key: str) -> None:
    marked(stage, 21, key)
    written(stage, 76, key)
    stage.exempt("ann")
    stage.cloud.deny(MEMBER, "RestoreSecret")

    failure = failures_of(stage.at(77).run())["ann"]

    assert "AWS destroys it on 2026-06-16. By hand: aws secretsmanager restore-secret" in failure


def test_a_revocation_takes_it_back_too(stage: Harness, key: str) -> None:
    marked(stage, 21, key)
    written(stage, 77, key)

    stage.invoke({**ASKED, "Revoke": key})

    assert stage.keys("ann")[key] == "Inactive"
    [new] = set(stage.keys("ann")) - {key}
    assert stage.value("ann")["AccessKeyId"] == new


@pytest.mark.parametrize(("day", "first"), [(89.99, "RestoreSecret"), (90.01, "CreateSecret")])
def test_on_the_last_day_of_the_window_it_is_taken_back_and_after_it_made_anew(
    stage: Harness, key: str, day: float, first: str
) -> None:
    stage.at(60).secret_store().delete_secret(SecretId=ANN, RecoveryWindowInDays=30)

    assert written(stage, day, key)[0] == first

    [new] = set(stage.keys("ann")) - {key}
    assert stores(stage.secret("ann"), new)
    assert decisions_of(stage.invoke({**ASKED, "dryrun": True}), "ann")


def test_what_a_person_stored_in_it_is_left_when_its_user_is_gone(
    stage: Harness, key: str
) -> None:
    assert key
    tag(stage, GONE_TAG, f"since={at(5)}")
    leaves(stage.at(5), "ann")
    stage.secret_store().put_secret_value(SecretId=ANN, SecretString="of another system")

    assert written(stage, 41) == []
    assert "it holds what Keyturn did not store" in said(stage)


def test_no_more_are_scheduled_in_a_day_than_keys_may_end(stage: Harness, key: str) -> None:
    stage.settings |= {"MaxKeysPerDay": "1", "MaxPercentPerDay": "0"}
    [bob] = stage.user("bob", 0)
    stage.holds("bob", bob, gone=f"since={at(0)}")
    tag(stage, GONE_TAG, f"since={at(1)}")
    leaves(stage.at(2), "ann", "bob")
    stage.user("carl", 0)

    first, again, second = written(stage, 40), written(stage, 40.2), written(stage, 41)

    assert (first, again, second) == (SCHEDULE, [], SCHEDULE)
    assert [event["user"] for event in events(stage, "Secret Scheduled")] == ["bob", "ann"]
    assert "it waits, for enough of the account are scheduled today" in said(stage)
