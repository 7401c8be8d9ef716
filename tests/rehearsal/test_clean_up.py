"""`keyturn rehearse --clean`: by looking, and only its own."""

from datetime import timedelta

import pytest

from tests.cli.organisation import BUCKET, OURS, SHOP
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
    until = {"Key": "keyturn-rehearsal-expires", "Value": "2026-03-02T06:00:00Z"}
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
    ("name", "path", "tags"),
    [
        ("ann", PATH, OURS_TAG),
        (USER, PATH, []),
        (USER, PATH, [{"Key": "keyturn-rehearsal", "Value": "99999999"}]),
        (f"{USER}x", PATH, OURS_TAG),
        (USER.upper(), PATH, OURS_TAG),
        (USER, "/keyturn-rehearsal/deeper/", OURS_TAG),
    ],
)
def test_a_user_who_only_looks_like_one_is_left_and_named(
    operator: Rehearsing, name: str, path: str, tags: list[dict[str, str]]
) -> None:
    iam = operator.client("iam")
    iam.create_user(UserName=name, Path=path, Tags=tags)
    iam.create_access_key(UserName=name)
    wait(operator)

    cleaned = operator.keyturn(*CLEAN)

    assert cleaned.exit_code == 0
    assert f"left alone: user {name}: " in cleaned.stderr
    assert operator.left() == [name]
    assert len(iam.list_access_keys(UserName=name)["AccessKeyMetadata"]) == 1


def test_a_user_of_our_name_elsewhere_is_not_even_looked_at(operator: Rehearsing) -> None:
    iam = operator.client("iam")
    iam.create_user(UserName=USER, Path="/", Tags=OURS_TAG)
    wait(operator)

    assert operator.keyturn(*CLEAN).exit_code == 0
    assert iam.get_user(UserName=USER)["User"]["Path"] == "/"


@pytest.mark.parametrize("tags", [[], [{"Key": "keyturn:user-id", "Value": "AIDAANOTHERUSER"}]])
def test_a_secret_of_our_name_that_somebody_else_made_is_left_and_named(
    operator: Rehearsing, tags: list[dict[str, str]]
) -> None:
    operator.client("iam").create_user(UserName=USER, Path=PATH, Tags=OURS_TAG)
    operator.client("secretsmanager").create_secret(Name=SECRET, Tags=tags)
    wait(operator)

    cleaned = operator.keyturn(*CLEAN)

    assert cleaned.exit_code == 0
    assert f"left alone: secret {SECRET}: " in cleaned.stderr
    assert operator.left() == [SECRET]


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
