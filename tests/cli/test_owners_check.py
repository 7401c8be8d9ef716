"""`keyturn owners check`: on this machine without AWS, and what is in the bucket."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.cli.organisation import BUCKET, OURS, ROLE, SHOP, add_user

GOOD = "version: 1\nrules:\n- {user: deploy-*, addresses: a@example.com}\n"


def check(*arguments: str) -> Result:
    return CliRunner(env={"AWS_REGION": "us-east-1"}).invoke(app, ["owners", "check", *arguments])


def test_a_good_file_needs_no_aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    path = tmp_path / "owners.yaml"
    path.write_text(GOOD)

    result = check(str(path))

    assert result.exit_code == 0
    assert result.stdout == f"{path}: 1 rule can be used, 0 problems, 0 warnings\n"


def test_each_problem_is_a_line_and_the_code_is_2(tmp_path: Path) -> None:
    path = tmp_path / "owners.yaml"
    path.write_text(GOOD + "- {user: deploy-x, addresses: b@example.com}\n- {user: a b}\n")

    result = check(str(path))

    assert result.exit_code == 2
    assert result.stdout.splitlines() == [
        f"{path}: line 4: warning: the rule never serves: line 3 matches all that it matches",
        (
            f"{path}: line 5: user=a b: can match no user: IAM's names have letters, digits and "
            "_+=,.@- only"
        ),
        f"{path}: 2 rules can be used, 1 problem, 1 warning",
    ]


def test_an_address_in_another_domain_is_a_mistake_if_domains_are_named(tmp_path: Path) -> None:
    path = tmp_path / "owners.csv"
    path.write_text("addresses\na@elsewhere.example\n")

    assert check(str(path)).exit_code == 0
    named = check(str(path), "--allowed-owner-domain", "example.com")
    assert named.exit_code == 2
    assert "line 2: addresses=a@elsewhere.example: is of a domain that" in named.stdout


def test_a_rule_that_takes_mails_away_from_one_below_is_named(tmp_path: Path) -> None:
    path = tmp_path / "owners.yaml"
    path.write_text(
        "version: 1\nrules:\n"
        '- {user: deploy-*, slack_channel: "#deploy"}\n'
        "- {user: other-*, jira_project: KEYS}\n"
        "- {user: '*-bot', account: '222222222222', addresses: team@example.com}\n"
    )

    result = check(str(path))

    assert result.exit_code == 0
    first, second, counts = result.stdout.splitlines()
    assert first.startswith(
        f"{path}: line 3: warning: the rule has no addresses, so it takes mails away from line 5: "
    )
    assert second.startswith(f"{path}: line 4: warning: ")
    assert counts.endswith("3 rules can be used, 0 problems, 2 warnings")


def test_warnings_alone_are_no_failure(tmp_path: Path) -> None:
    path = tmp_path / "owners.csv"
    path.write_text("user,addresses\na,a@example.com\na,b@example.com\n")

    assert check(str(path)).exit_code == 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gone.yaml", "FILE gone.yaml: cannot be read: No such file or directory\n"),
        ("owners.txt", "FILE owners.txt: must end in .yaml or .csv\n"),
    ],
)
def test_what_cannot_be_read_is_one_line(name: str, said: str) -> None:
    result = check(name)

    assert (result.exit_code, result.stderr) == (2, said)


def test_without_a_file_it_must_know_where_one_is() -> None:
    result = check()

    assert result.exit_code == 2
    assert result.stderr == "FILE: is needed: an owners file, or --bucket or --deployed\n"


def test_the_file_of_the_bucket_is_checked_as_it_is_read(cloud: LocalCloud) -> None:
    s3 = cloud.session(OURS).client("s3")
    missing = check("--bucket", BUCKET, "--prefix", "asa")
    s3.put_object(Bucket=BUCKET, Key="asa/owners.yaml", Body=GOOD.encode())
    result = check("--bucket", BUCKET, "--prefix", "asa")

    place = f"s3://{BUCKET}/asa/owners.yaml"
    assert missing.exit_code == 2
    assert missing.stderr == f"FILE {place}: is not there, and no owners.csv either\n"
    assert result.stdout == f"{place}: 1 rule can be used, 0 problems, 0 warnings\n"
    assert result.exit_code == 0


def test_a_plan_names_the_owner_of_a_rule_for_a_unit_and_what_is_wrong_in_the_file(
    cloud: LocalCloud,
) -> None:
    unit = cloud.organization.create_unit("Workloads")
    cloud.organization.move_account(SHOP, unit)
    add_user(cloud, SHOP, "deploy-bot", 95)
    rules = f"version: 1\nrules:\n- {{unit: {unit}, addresses: a@example.com}}\n- {{user: a b}}\n"
    s3 = cloud.session(OURS).client("s3")
    s3.put_object(Bucket=BUCKET, Key="owners.yaml", Body=rules.encode())

    result = CliRunner(env={"AWS_REGION": "us-east-1"}).invoke(
        app,
        [
            "plan",
            "--role-name",
            ROLE,
            "--account",
            SHOP,
            "--bucket",
            BUCKET,
            "--owners",
            "--format",
            "csv",
        ],
    )

    assert "a@example.com,owners-file" in result.stdout
    assert f"warning: s3://{BUCKET}/owners.yaml: line 4: user=a b" in result.stderr
