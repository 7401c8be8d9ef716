"""`keyturn rehearse --clean`: by looking, and only its own."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, ApiResponse, refused
from tests.cli.organisation import BUCKET, NOW, OURS, SHOP
from tests.rehearsal.scene import CLEAN, HERE, IN_THE_SHOP, Rehearsing

ID = "0a1b2c3d"
USER = f"keyturn-rehearsal-{ID}"
PATH = "/keyturn-rehearsal/"
SECRET = f"Account_{OURS}_User_{USER}_AccessKey"
REGION = "us-east-1"
OURS_TAG = [
    {"Key": "keyturn-rehearsal", "Value": ID},
    {"Key": "keyturn-rehearsal-region", "Value": REGION},
]
CLEAN_STORY = "keyturn rehearse --clean --story"


def wait(operator: Rehearsing) -> None:
    operator.cloud.move_to(operator.cloud.now + timedelta(minutes=10))


def test_where_nothing_is_it_says_so(operator: Rehearsing) -> None:
    cleaned = operator.keyturn(*CLEAN)

    assert (cleaned.exit_code, cleaned.stdout) == (0, "")
    assert "Nothing of a rehearsal was found." in cleaned.stderr


def test_what_a_crash_left_is_found_by_looking_and_named_with_its_maker(
    operator: Rehearsing,
) -> None:
    iam, secrets = operator.client("iam"), operator.client("secretsmanager")
    by = {"Key": "keyturn-rehearsal-by", "Value": "arn:aws:iam::1:user/ann"}
    over = (NOW + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    until = {"Key": "keyturn-rehearsal-expires", "Value": over}
    iam.create_user(UserName=USER, Path=PATH, Tags=[*OURS_TAG, by, until])
    iam.create_access_key(UserName=USER)
    iam.create_access_key(UserName=USER)
    iam.create_group(GroupName=f"{USER}-exempt", Path=PATH)
    iam.add_user_to_group(UserName=USER, GroupName=f"{USER}-exempt")
    secrets.create_secret(Name=SECRET, Tags=OURS_TAG)
    secrets.delete_secret(SecretId=SECRET, RecoveryWindowInDays=30)
    s3 = operator.client("s3")
    s3.put_object(Bucket=BUCKET, Key=f"keyturn-rehearsal/{ID}/paused.json", Body=b"x")
    wait(operator)

    cleaned = operator.keyturn(*CLEAN)

    assert cleaned.exit_code == 0, cleaned.output
    assert f"user {USER} (of arn:aws:iam::1:user/ann, somebody's work until" in cleaned.stderr
    assert operator.left() == []
    assert operator.others() == operator.before


def test_a_secret_that_a_deployed_function_made_is_known_by_its_user(operator: Rehearsing) -> None:
    iam, secrets = operator.client("iam"), operator.client("secretsmanager")
    made = iam.create_user(UserName=USER, Path=PATH, Tags=OURS_TAG)
    user_id = {"Key": "keyturn:user-id", "Value": made["User"]["UserId"]}
    secrets.create_secret(Name=SECRET, Tags=[user_id])
    wait(operator)

    assert operator.keyturn(*CLEAN).exit_code == 0
    assert operator.left() == []


@pytest.mark.parametrize(
    ("name", "path", "tags", "nothing"),
    [
        ("ann", PATH, OURS_TAG, "Nothing"),
        # Of our name: somebody may have changed the rest of a user who is a rehearsal's.
        (USER, PATH, [], "Nothing else"),
        (USER, PATH, [{"Key": "keyturn-rehearsal", "Value": "99999999"}], "Nothing else"),
        (f"{USER}x", PATH, OURS_TAG, "Nothing"),
        (USER.upper(), PATH, OURS_TAG, "Nothing"),
        (USER, "/keyturn-rehearsal/deeper/", OURS_TAG, "Nothing else"),
    ],
)
def test_a_user_who_only_looks_like_one_is_left_and_named(
    operator: Rehearsing, name: str, path: str, tags: list[dict[str, str]], nothing: str
) -> None:
    iam = operator.client("iam")
    iam.create_user(UserName=name, Path=path, Tags=tags)
    iam.create_access_key(UserName=name)
    wait(operator)

    cleaned = operator.keyturn(*CLEAN)

    assert cleaned.exit_code == (0 if nothing == "Nothing" else 1)
    assert f"left alone: user {name}: " in cleaned.stderr
    assert f"{nothing} of a rehearsal was found." in cleaned.stderr
    assert operator.left() == [name]
    assert len(iam.list_access_keys(UserName=name)["AccessKeyMetadata"]) == 1


def test_a_user_of_our_name_elsewhere_is_not_even_looked_at(operator: Rehearsing) -> None:
    iam = operator.client("iam")
    iam.create_user(UserName=USER, Path="/", Tags=OURS_TAG)
    wait(operator)

    assert operator.keyturn(*CLEAN).exit_code == 0
    assert iam.get_user(UserName=USER)["User"]["Path"] == "/"


@pytest.mark.parametrize(
    "tags",
    [
        [],
        [{"Key": "keyturn:user-id", "Value": "AIDAANOTHERUSER"}],
        [{"Key": "keyturn:user-id", "Value": "AIDAANOTHERUSER"}, *OURS_TAG],
        [{"Key": "keyturn-rehearsal", "Value": "99999999"}],
    ],
)
def test_a_secret_of_our_name_that_somebody_else_made_is_left_with_its_user_and_named(
    operator: Rehearsing, tags: list[dict[str, str]]
) -> None:
    operator.client("iam").create_user(UserName=USER, Path=PATH, Tags=OURS_TAG)
    operator.client("secretsmanager").create_secret(Name=SECRET, Tags=tags)
    wait(operator)

    cleaned = operator.keyturn(*CLEAN)

    assert cleaned.exit_code == 1
    assert f"left: secret {SECRET}: " in cleaned.stderr
    assert "Nothing" not in cleaned.stderr
    assert operator.left() == [USER, SECRET]


def test_a_group_with_a_stranger_in_it_is_left_and_named(operator: Rehearsing) -> None:
    iam = operator.client("iam")
    iam.create_group(GroupName=f"{USER}-exempt", Path=PATH)
    iam.add_user_to_group(UserName="deploy-bot", GroupName=f"{USER}-exempt")
    wait(operator)

    cleaned = operator.keyturn(*CLEAN)

    assert "deploy-bot is in it" in cleaned.stderr
    assert operator.left() == [f"{USER}-exempt"]
    assert operator.others() == operator.before


def test_a_user_whose_objects_are_elsewhere_stays_until_that_bucket_is_named(
    operator: Rehearsing,
) -> None:
    tag = {"Key": "keyturn-rehearsal-bucket", "Value": "another-bucket"}
    operator.client("iam").create_user(UserName=USER, Path=PATH, Tags=[*OURS_TAG, tag])
    wait(operator)

    for given in (CLEAN, ("rehearse", "--clean", "--yes")):
        cleaned = operator.keyturn(*given)

        assert cleaned.exit_code == 1
        assert "give --bucket another-bucket" in cleaned.stderr
        assert operator.left() == [USER]


@pytest.mark.parametrize("quiet", [(), ("--quiet",)])
def test_a_bucket_that_is_gone_holds_nothing(operator: Rehearsing, quiet: tuple[str, ...]) -> None:
    tag = {"Key": "keyturn-rehearsal-bucket", "Value": "another-bucket"}
    operator.client("iam").create_user(UserName=USER, Path=PATH, Tags=[*OURS_TAG, tag])
    wait(operator)

    cleaned = operator.keyturn(
        *quiet, "rehearse", "--clean", "--yes", "--bucket", "another-bucket"
    )

    assert cleaned.exit_code == 0, cleaned.output
    assert operator.left() == []
    assert bool(cleaned.stderr) is not bool(quiet)


def test_quiet_hides_nothing_that_is_left(operator: Rehearsing) -> None:
    operator.client("iam").create_user(UserName=USER, Path=PATH, Tags=OURS_TAG)
    wait(operator)
    operator.cloud.deny(None, "ListGroups")

    cleaned = operator.keyturn("--quiet", *CLEAN)

    assert cleaned.exit_code == 1
    assert f"left: user {USER}: " in cleaned.stderr
    assert "not looked for: group: " in cleaned.stderr
    assert "removed" not in cleaned.stderr


def test_quiet_names_what_it_asks_about(
    operator: Rehearsing, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.client("iam").create_user(UserName=USER, Path=PATH, Tags=OURS_TAG)
    wait(operator)
    monkeypatch.setattr("keyturn.cli.rehearse.can_ask", lambda: True)

    declined = operator.keyturn("--quiet", *CLEAN[:-1], typed="n\n")

    assert f"user {USER}" in declined.stderr
    assert operator.left() == [USER]


def test_who_may_not_look_does_not_hear_that_nothing_is_there(operator: Rehearsing) -> None:
    operator.cloud.deny(None, "ListUsers")

    cleaned = operator.keyturn(*CLEAN)

    assert cleaned.exit_code == 1
    assert "not looked for: user: " in cleaned.stderr
    assert "Nothing of a rehearsal" not in cleaned.stderr


def test_a_user_whose_secrets_are_elsewhere_stays_until_that_region_is_named(
    operator: Rehearsing,
) -> None:
    elsewhere = operator.cloud.session(OURS).client("secretsmanager", region_name="eu-central-1")
    denied = operator.cloud.deny(None, "DeleteSecret")
    rehearsed = operator.keyturn(
        *("rehearse", "--probes", "--yes", "--region", "eu-central-1", "--only", "empty-secret")
    )
    denied.lift()
    wait(operator)
    assert "To remove it: keyturn rehearse --clean --region eu-central-1\n" in rehearsed.stderr

    here = operator.keyturn(*CLEAN)

    assert here.exit_code == 1
    assert "give --region eu-central-1" in here.stderr
    assert "Nothing is left" not in here.stderr
    assert len(elsewhere.list_secrets()["SecretList"]) == 1

    assert operator.keyturn(*CLEAN, "--region", "eu-central-1").exit_code == 0
    wait(operator)
    assert elsewhere.list_secrets()["SecretList"] == []
    assert operator.left() == []


def test_a_user_whose_region_nobody_knows_stays(operator: Rehearsing) -> None:
    operator.client("iam").create_user(UserName=USER, Path=PATH, Tags=OURS_TAG[:1])
    wait(operator)

    cleaned = operator.keyturn(*CLEAN)

    assert cleaned.exit_code == 1
    assert "it has no tag keyturn-rehearsal-region" in cleaned.stderr
    assert operator.left() == [USER]


def test_the_command_to_clean_up_names_all_that_it_takes_but_no_external_id(
    operator: Rehearsing,
) -> None:
    operator.cloud.deny(None, "DeleteSecret")

    left = operator.keyturn(*IN_THE_SHOP, "--only", "works", "--external-id", "between-us")

    assert (
        f"To remove it: {CLEAN_STORY} --account {SHOP} --role-name Rehearser "
        f"--external-id EXTERNAL_ID --region {REGION} --bucket {BUCKET}"
    ) in left.stderr
    assert "between-us" not in left.output


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("ListSecrets", "secret"),
        ("ListObjectVersions", "folder"),
        ("ListGroups", "group"),
        ("ListQueues", "queue"),
        ("ListEventBuses", "event bus"),
    ],
)
def test_where_nobody_can_look_the_user_stays_as_the_way_to_the_rest(
    operator: Rehearsing, operation: str, kind: str
) -> None:
    operator.client("iam").create_user(UserName=USER, Path=PATH, Tags=OURS_TAG)
    wait(operator)
    operator.cloud.deny(None, operation)

    cleaned = operator.keyturn(*CLEAN)

    assert cleaned.exit_code == 1
    assert f"not looked for: {kind}: {operation}: AccessDenied" in cleaned.stderr
    assert operator.left() == [USER]


def test_what_cannot_be_removed_is_named_with_the_reason_and_the_user_stays(
    operator: Rehearsing,
) -> None:
    operator.client("iam").create_user(UserName=USER, Path=PATH, Tags=OURS_TAG)
    operator.client("secretsmanager").create_secret(Name=SECRET, Tags=OURS_TAG)
    wait(operator)
    denied = operator.cloud.deny(None, "DeleteSecret")

    first = operator.keyturn(*CLEAN)

    assert first.exit_code == 1
    assert f"left: secret {SECRET}: DeleteSecret: AccessDenied" in first.stderr
    assert f"left: user {USER}: what it made is not all taken away" in first.stderr
    denied.lift()
    assert operator.keyturn(*CLEAN).exit_code == 0
    assert operator.left() == []


def test_where_nobody_can_be_asked_it_needs_a_yes(operator: Rehearsing) -> None:
    operator.client("iam").create_user(UserName=USER, Path=PATH, Tags=OURS_TAG)
    wait(operator)

    refused = operator.keyturn(*[each for each in CLEAN if each != "--yes"])

    assert refused.exit_code == 2
    assert refused.stderr == "--yes: is needed where there is no terminal to ask on\n"
    assert operator.left() == [USER]


def test_after_a_rehearsal_there_is_nothing_to_clean(operator: Rehearsing) -> None:
    operator.keyturn(*HERE)
    wait(operator)

    assert "Nothing of a rehearsal was found." in operator.keyturn(*CLEAN).stderr


def test_whoever_may_not_look_for_queues_cleans_up_what_the_story_made(
    operator: Rehearsing,
) -> None:
    operator.client("iam").create_user(UserName=USER, Path=PATH, Tags=OURS_TAG)
    operator.client("secretsmanager").create_secret(Name=SECRET, Tags=OURS_TAG)
    wait(operator)
    operator.cloud.deny(None, "ListQueues")

    cleaned = operator.keyturn(*CLEAN, "--story")

    assert cleaned.exit_code == 0, cleaned.stderr
    assert operator.left() == []


def test_a_rehearsal_that_tried_probes_is_left_whole_by_that(operator: Rehearsing) -> None:
    iam = operator.client("iam")
    for name in (USER, f"{USER}-probes"):
        iam.create_user(UserName=name, Path=PATH, Tags=OURS_TAG)
    wait(operator)

    cleaned = operator.keyturn(*CLEAN, "--story")

    assert cleaned.exit_code == 1
    assert f"left: rehearsal {ID}: probes were tried in it, so leave --story out" in cleaned.stderr
    assert operator.left() == [USER, f"{USER}-probes"]


def keys(operator: Rehearsing, user: str = USER) -> int:
    listed = operator.client("iam").list_access_keys(UserName=user)
    return len(listed["AccessKeyMetadata"])


def hidden(*operations: str, name: str) -> Callable[[ApiRequest, Perform], ApiResponse]:
    """What a resource's own policy does: it refuses these calls about this one name."""

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation in operations and name in str(dict(request.params)):
            return refused(request, ApiError("AccessDeniedException", "an explicit deny", 400))
        return perform(request)

    return layer


def untagged_at(operator: Rehearsing, operation: str) -> Callable[..., ApiResponse]:
    """Somebody takes the tag of a rehearsal's users away while it plays."""
    iam = operator.client("iam")

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        answer = perform(request)
        if request.operation == operation:
            for user in iam.list_users(PathPrefix=PATH)["Users"]:
                iam.untag_user(UserName=user["UserName"], TagKeys=["keyturn-rehearsal"])
        return answer

    return layer


def test_what_a_rehearsal_made_and_somebody_untagged_is_left_and_named(
    operator: Rehearsing,
) -> None:
    operator.cloud.layers.append(untagged_at(operator, "PutSecretValue"))

    played = operator.keyturn(*HERE, "--only", "works", "--format", "json")

    [user] = operator.client("iam").list_users(PathPrefix=PATH)["Users"]
    assert played.exit_code == 1
    left = json.loads(played.stdout)["clean_up"]["left"]
    assert ("user", user["UserName"]) in {(each["kind"], each["name"]) for each in left}
    assert f"left: user {user['UserName']}: it has no tag keyturn-rehearsal" in played.stderr
    wait(operator)
    cleaned = operator.keyturn(*CLEAN)
    assert cleaned.exit_code == 1
    assert f"left alone: user {user['UserName']}" in cleaned.stderr
    assert "Nothing else of a rehearsal was found." in cleaned.stderr


def test_a_report_does_not_repeat_who_else_is_there(operator: Rehearsing) -> None:
    iam = operator.client("iam")

    def join(request: ApiRequest, perform: Perform) -> ApiResponse:
        answer = perform(request)
        if request.operation == "AddUserToGroup" and request.principal.endswith("/operator"):
            name = request.params["GroupName"]
            iam.add_user_to_group(UserName="deploy-bot", GroupName=name)
        return answer

    operator.cloud.layers.append(join)

    played = operator.keyturn(*HERE, "--only", "exempt", "--format", "json")

    assert played.exit_code == 1
    assert "deploy-bot is in it" in played.stderr
    assert "deploy-bot" not in played.stdout
    assert "it is not surely this rehearsal's" in played.stdout


def test_a_user_stays_while_something_of_their_name_is_not_surely_theirs_but_no_key_does(
    operator: Rehearsing,
) -> None:
    iam = operator.client("iam")
    iam.create_user(UserName=USER, Path=PATH, Tags=OURS_TAG)
    iam.create_access_key(UserName=USER)
    iam.create_group(GroupName=f"{USER}-exempt", Path=PATH)
    iam.add_user_to_group(UserName="deploy-bot", GroupName=f"{USER}-exempt")
    wait(operator)

    cleaned = operator.keyturn(*CLEAN)

    assert cleaned.exit_code == 1
    assert f"left: group {USER}-exempt: deploy-bot is in it" in cleaned.stderr
    assert operator.left() == [USER, f"{USER}-exempt"]
    assert keys(operator) == 0
    assert f"removed 1 access key of user {USER}" in cleaned.stderr


def test_a_key_that_stays_with_its_user_is_said(operator: Rehearsing) -> None:
    operator.client("iam").create_user(UserName=USER, Path=PATH, Tags=OURS_TAG)
    operator.client("iam").create_access_key(UserName=USER)
    operator.client("secretsmanager").create_secret(Name=SECRET)
    wait(operator)
    operator.cloud.deny(None, "DeleteAccessKey")

    cleaned = operator.keyturn(*CLEAN)

    assert "with its keys: DeleteAccessKey: AccessDenied" in cleaned.stderr
    assert keys(operator) == 1


STRANGE = "keyturn-rehearsal-deadbeef-x"


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("DescribeSecret", "secret"),
        ("ListQueueTags", "queue"),
        ("GetQueueUrl", "queue"),
        ("ListTagsForResource", "event bus"),
        ("DescribeEventBus", "event bus"),
        ("ListUserTags", "user"),
        ("GetGroup", "group"),
    ],
)
def test_one_thing_that_nobody_may_look_at_keeps_nothing_else_from_being_removed(
    operator: Rehearsing, operation: str, kind: str
) -> None:
    iam = operator.client("iam")
    iam.create_user(UserName=USER, Path=PATH, Tags=OURS_TAG)
    iam.create_user(UserName=STRANGE, Path=PATH)
    iam.create_group(GroupName=STRANGE, Path=PATH)
    iam.add_user_to_group(UserName="deploy-bot", GroupName=STRANGE)
    operator.client("secretsmanager").create_secret(Name=SECRET, Tags=OURS_TAG)
    operator.client("secretsmanager").create_secret(Name=STRANGE)
    operator.client("sqs").create_queue(QueueName=STRANGE)
    operator.client("events").create_event_bus(Name=STRANGE)
    wait(operator)
    operator.cloud.layers.append(hidden(operation, name=STRANGE))

    cleaned = operator.keyturn(*CLEAN)

    assert f"left alone: {kind} {STRANGE}: nobody could look at it: {operation}" in cleaned.stderr
    assert cleaned.exit_code == 1
    assert "Nothing else is left." in cleaned.stderr
    assert {each.rpartition("/")[2] for each in operator.left()} == {STRANGE}


@pytest.mark.parametrize(
    "operation", ["ListSecrets", "ListQueues", "ListEventBuses", "ListGroups", "DescribeSecret"]
)
def test_where_nobody_can_look_no_key_stays(operator: Rehearsing, operation: str) -> None:
    operator.client("iam").create_user(UserName=USER, Path=PATH, Tags=OURS_TAG)
    operator.client("iam").create_access_key(UserName=USER)
    wait(operator)
    operator.cloud.deny(None, operation)

    assert operator.keyturn(*CLEAN).exit_code == 1
    assert operator.left() == [USER]
    assert keys(operator) == 0


def test_a_bus_goes_with_whatever_somebody_put_on_it(operator: Rehearsing) -> None:
    operator.client("iam").create_user(UserName=USER, Path=PATH, Tags=OURS_TAG)
    events, bus = operator.client("events"), f"{USER}-bus"
    events.create_event_bus(Name=bus, Tags=OURS_TAG)
    events.put_rule(Name="a-rule", EventBusName=bus, EventPattern='{"source":["x"]}')
    queue = f"arn:aws:sqs:{REGION}:{OURS}:somebodys"
    events.put_targets(Rule="a-rule", EventBusName=bus, Targets=[{"Id": "1", "Arn": queue}])
    wait(operator)

    cleaned = operator.keyturn(*CLEAN)

    assert cleaned.exit_code == 0, cleaned.stderr
    assert operator.left() == []


@pytest.mark.parametrize("has_user_id", [True, False])
def test_the_secret_of_a_real_user_of_such_a_name_stays_whoever_tags_it(
    operator: Rehearsing, *, has_user_id: bool
) -> None:
    made = operator.client("iam").create_user(UserName=USER, Path="/")["User"]
    user_id = {"Key": "keyturn:user-id", "Value": made["UserId"]}
    tags = [user_id, *OURS_TAG] if has_user_id else OURS_TAG
    operator.client("secretsmanager").create_secret(Name=SECRET, Tags=tags)
    wait(operator)

    cleaned = operator.keyturn(*CLEAN)

    assert cleaned.exit_code == 1
    assert f"left alone: secret {SECRET}: the user {USER} is not surely" in cleaned.stderr
    assert operator.left() == [SECRET]


def test_a_secret_that_names_a_user_who_is_gone_stays(operator: Rehearsing) -> None:
    tags = [{"Key": "keyturn:user-id", "Value": "AIDAANOTHERUSER"}, *OURS_TAG]
    operator.client("secretsmanager").create_secret(Name=SECRET, Tags=tags)
    wait(operator)

    cleaned = operator.keyturn(*CLEAN)

    assert "its tag keyturn:user-id names no user of a rehearsal" in cleaned.stderr
    assert operator.left() == [SECRET]


def test_a_folder_without_a_user_of_its_id_is_somebodys(operator: Rehearsing) -> None:
    people = "keyturn-rehearsal/0badcafe/people.csv"
    operator.client("s3").put_object(Bucket=BUCKET, Key=people, Body=b"mine")
    operator.client("iam").create_user(UserName=USER, Path=PATH, Tags=OURS_TAG)
    wait(operator)

    cleaned = operator.keyturn(*CLEAN)

    assert cleaned.exit_code == 1
    assert (
        f"left alone: folder s3://{BUCKET}/keyturn-rehearsal/0badcafe: no user" in cleaned.stderr
    )
    assert operator.left() == [people]


ANN = "arn:aws:iam::1:user/ann"


def under_way(operator: Rehearsing, *, by: str, until: timedelta) -> None:
    """A user of a rehearsal that somebody began."""
    expires = (NOW + until).strftime("%Y-%m-%dT%H:%M:%SZ")
    marks = {"keyturn-rehearsal-by": by, "keyturn-rehearsal-expires": expires}
    tags = [*OURS_TAG, *({"Key": name, "Value": value} for name, value in marks.items())]
    operator.client("iam").create_user(UserName=USER, Path=PATH, Tags=tags)
    wait(operator)


def test_what_another_may_be_rehearsing_is_left_alone_where_nobody_is_asked(
    operator: Rehearsing,
) -> None:
    under_way(operator, by=ANN, until=timedelta(hours=1))

    cleaned = operator.keyturn(*CLEAN)

    assert cleaned.exit_code == 0
    assert f"left alone: rehearsal {ID} (of {ANN}, somebody's work until" in cleaned.stderr
    assert "Nothing" not in cleaned.stderr
    assert operator.left() == [USER]


def test_what_another_may_be_rehearsing_is_removed_if_somebody_says_so(
    operator: Rehearsing, monkeypatch: pytest.MonkeyPatch
) -> None:
    under_way(operator, by=ANN, until=timedelta(hours=1))
    monkeypatch.setattr("keyturn.cli.rehearse.can_ask", lambda: True)

    asked = operator.keyturn(*[each for each in CLEAN if each != "--yes"], typed="y\n")

    assert asked.exit_code == 0, asked.output
    assert operator.left() == []


@pytest.mark.parametrize(
    ("by", "until"),
    [
        (ANN, timedelta(minutes=5)),
        # No rehearsal takes so long: who may write tags must not keep it from being removed.
        (ANN, timedelta(days=365)),
        (f"arn:aws:sts::{OURS}:assumed-role/Operator/operator", timedelta(hours=1)),
    ],
    ids=["expired", "longer than any", "own"],
)
def test_what_is_nobody_elses_work_is_removed(
    operator: Rehearsing, by: str, until: timedelta
) -> None:
    under_way(operator, by=by, until=until)

    assert operator.keyturn(*CLEAN).exit_code == 0
    assert operator.left() == []
