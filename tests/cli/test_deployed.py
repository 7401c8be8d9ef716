"""The commands beside a deployment: with --deployed they look where its functions look."""

from collections.abc import Iterator

import pytest
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn.deployment.model.resources import INVENTORY
from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.cli.organisation import (
    ADMIN,
    BUCKET,
    KMS_KEY,
    NOW,
    OURS,
    PREFIX,
    SHOP,
    add_user,
    build,
    deploy,
    environment,
)

DEPLOYED = ("--deployed", "--account", SHOP)
DO_IT = ("--enforce", "--yes")


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalCloud]:
    with LocalCloud(now=NOW) as opened:
        build(opened)
        deploy(opened)
        for name, value in environment(opened.session(OURS)).items():
            monkeypatch.setenv(name, value)
        yield opened


def keyturn(*args: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, args)


def names(cloud: LocalCloud) -> list[str]:
    return sorted(cloud.objects(BUCKET))


def test_a_pause_is_where_the_functions_look(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 137)

    paused = keyturn("pause", "--deployed", "--reason", "an incident", *DO_IT)
    held = keyturn("run", *DEPLOYED, *DO_IT)
    resumed = keyturn("resume", "--deployed", *DO_IT)

    assert paused.exit_code == 0, paused.stderr
    assert f"[s3://{BUCKET}/{PREFIX}/paused.json]" in paused.stdout
    assert held.exit_code == 1
    assert "paused Keyturn" in held.stderr
    assert resumed.exit_code == 0
    assert f"{PREFIX}/paused.json" not in names(cloud)


def test_a_pause_where_nobody_looks_is_a_failure_that_says_so(cloud: LocalCloud) -> None:
    wrong = keyturn("pause", "--bucket", BUCKET, "--prefix", "typo", "--reason", "x", *DO_IT)
    resumed = keyturn("resume", "--bucket", BUCKET, "--prefix", "another-typo")

    assert wrong.exit_code == 1
    assert "Keyturn stores nothing there" in wrong.stderr
    assert f"[s3://{BUCKET}/typo/paused.json]" in wrong.stdout
    assert "Keyturn stores nothing there" in resumed.stderr


def test_a_run_is_what_the_functions_run_would_be(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 137)

    shown = keyturn("run", *DEPLOYED)
    done = keyturn("run", *DEPLOYED, *DO_IT)

    assert shown.stderr.endswith("Dry run: nothing was written. --enforce does it.\n")
    assert "nobody" not in shown.stderr  # --enforce tells, over the functions' bus
    assert "No --bucket" not in shown.stderr
    assert done.exit_code == 0, done.stderr
    [secret] = cloud.secrets(SHOP)
    assert secret.kms_key == KMS_KEY
    assert not cloud.sent_mails
    assert [call.operation for call in cloud.calls].count("PutEvents") == 1
    assert any(name.startswith(f"{PREFIX}/tally/") for name in names(cloud)) is False
    assert [name for name in names(cloud) if "/snapshots/" in name] != []


# As no other deployment of these tests has it, and nothing as it is by default.
OTHERWISE = {
    "HomeRegion": "eu-north-1",
    "IAMRoleName": "rotator",
    "IAMExemptionGroup": "Spared",
    "ExternalId": "of-ours",
    "SecretsKmsKey": "alias/of-ours",
    "S3BucketPrefix": "another/place",
    "EventBusName": "others",
    "RotationPeriod": "75",
    "InactivePeriod": "85",
    "ResourceOwnerTag": "Owner",
    "ReportRootKeys": "True",
}


def test_a_deployment_that_has_nothing_by_default_is_followed_in_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with LocalCloud(now=NOW) as cloud:
        build(cloud)
        deploy(cloud, **OTHERWISE)
        cloud.add_role(SHOP, "rotator", OURS)
        cloud.session(SHOP).client("iam").create_group(GroupName="Spared")
        cloud.session(OURS).client("events").create_event_bus(Name="others")
        cloud.session(OURS).client("s3").put_object(
            Bucket=BUCKET, Key="another/place/Lambda/rotation.zip", Body=b"zip"
        )
        for name, value in environment(cloud.session(OURS)).items():
            monkeypatch.setenv(name, value)
        add_user(cloud, SHOP, "orders", 80)

        done = keyturn("run", *DEPLOYED, *DO_IT)

        assert done.exit_code == 0, done.stderr
        assert "iam:GetAccountSummary" in asked(cloud)
        assert sent(cloud, "AssumeRole", "ExternalId") == {"of-ours"}
        assert sent(cloud, "GetGroup", "GroupName") == {"Spared"}
        assert sent(cloud, "ListUserTags", "UserName") == {"orders"}
        assert {str(arn).rpartition("/")[2] for arn in sent(cloud, "AssumeRole", "RoleArn")} == {
            "rotator"
        }
        assert cloud.secrets(SHOP) == []
        [secret] = cloud.secrets(SHOP, "eu-north-1")
        assert (secret.kms_key, len(secret.tags) > 0) == ("alias/of-ours", True)
        assert [name for name in names(cloud) if name.startswith("another/place/snapshots/")]
        [entries] = [
            call.params["Entries"] for call in cloud.calls if call.operation == "PutEvents"
        ]
        assert {entry["EventBusName"] for entry in entries} == {"others"}  # type: ignore[attr-defined] # PutEvents' own


@pytest.mark.parametrize(
    ("given", "refused_for", "rule"),
    [
        ("--rotation-period 28", "--rotation-period 28", "must be less than --rotation-period "),
        ("--warn-days 76", "--warn-days 76", "must be less than --rotation-period "),
        (
            "--rotation-period 80 --warn-days 0",
            "--warn-days 0",
            "needs more than --warn-days 0: keys ",
        ),
    ],
)
def test_what_was_typed_is_refused_where_the_functions_early_days_leave_it_no_room(
    given: str, refused_for: str, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalCloud(now=NOW) as cloud:
        build(cloud)
        deploy(cloud, RotateEarlyDays="14")
        for name, value in environment(cloud.session(OURS)).items():
            monkeypatch.setenv(name, value)
        refused = keyturn("plan", *DEPLOYED, *given.split())

    assert refused.exit_code == 2, refused.output
    assert refused.stderr.startswith(
        f"{refused_for}: does not go with --rotate-early-days 14, the functions' own, which {rule}"
    )
    assert refused.stderr.count("\n") == 1


def asked(cloud: LocalCloud) -> set[str]:
    return {f"{call.service}:{call.operation}" for call in cloud.calls}


def sent(cloud: LocalCloud, operation: str, parameter: str) -> set[object]:
    return {call.params.get(parameter) for call in cloud.calls if call.operation == operation}


def test_what_is_given_besides_comes_first(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 137)

    shown = keyturn("plan", *DEPLOYED, "--rotation-period", "200", "--inactive-period", "210")

    assert "Due now" not in shown.stdout


def test_a_leaked_key_ends_and_its_user_goes_on_as_the_functions_would_have_it(
    cloud: LocalCloud,
) -> None:
    [leaked] = add_user(cloud, SHOP, "orders", 12)

    revoked = keyturn("revoke", leaked, "--leaked", "--deployed", *DO_IT)

    assert revoked.exit_code == 0, revoked.stderr
    assert f"The key is of account {SHOP}." in revoked.stderr
    assert f"In {SHOP} this ends them:" in revoked.stdout
    status = {key.key_id: key.status for key in cloud.keys(SHOP)}
    assert status.pop(leaked) == "Inactive"
    assert list(status.values()) == ["Active"]
    [secret] = cloud.secrets(SHOP)
    assert secret.kms_key == KMS_KEY
    assert any(name.startswith(f"{PREFIX}/audit/") for name in names(cloud))


def test_where_nothing_is_deployed_it_says_so(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(cloud.session(SHOP)).items():
        monkeypatch.setenv(name, value)

    result = keyturn("plan", "--deployed")

    assert result.exit_code == 1
    assert result.stderr == (
        f"--deployed: there is no function {INVENTORY} in the account of your credentials, "
        "in us-east-1\n"
    )


@pytest.mark.parametrize("command", [["plan"], ["run"], ["explain", "orders"]])
def test_a_pause_is_told_before_somebody_counts_on_a_plan(
    cloud: LocalCloud, command: list[str]
) -> None:
    add_user(cloud, SHOP, "orders", 137)
    keyturn("pause", "--deployed", "--reason", "an incident", *DO_IT)

    result = keyturn(*command, *DEPLOYED)

    assert result.exit_code == 0
    assert "paused Keyturn at 2026-03-02 04:00Z (an incident): nothing is written" in result.stderr


def test_a_dry_order_tells_of_a_pause_too(cloud: LocalCloud) -> None:
    [leaked] = add_user(cloud, SHOP, "orders", 12)
    keyturn("pause", "--deployed", "--reason", "an incident", *DO_IT)

    result = keyturn("revoke", leaked, "--leaked", *DEPLOYED)

    assert "paused Keyturn" in result.stderr


def test_a_dry_run_that_tells_people_says_that_it_did(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 137)

    result = keyturn("run", *DEPLOYED, "--notify", "bus")

    assert "nothing was written but notices of a dry run" in result.stderr


def test_a_key_that_aws_does_not_know_is_named(cloud: LocalCloud) -> None:
    result = keyturn("restore", "AKIANOSUCHKEYEXAMPLE", "--deployed")

    assert result.exit_code == 1
    assert "whose key AKIANOSUCHKEYEXAMPLE is, AWS does not say" in result.stderr
    assert "give --account" in result.stderr


def test_a_dry_order_beside_a_deployment_says_who_would_be_told(cloud: LocalCloud) -> None:
    [key] = add_user(cloud, SHOP, "orders", 40)

    result = keyturn("revoke", key, "--leaked", "--deployed")

    assert f"the owner and {ADMIN} are notified" in result.stdout
    assert "no --notify" not in result.stdout
