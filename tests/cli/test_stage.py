"""Enforcement in stages and the presets, from a laptop."""

import json
import re

import pytest
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.cli.organisation import (
    CLOSED_TO_US,
    GROUP,
    OURS,
    ROLE,
    SHOP,
    TELLING,
    add_user,
    deploy,
    environment,
)

EVERYWHERE = ("--role-name", ROLE, "--not-account", CLOSED_TO_US)
ENFORCED = ("run", *EVERYWHERE, "--enforce", "--yes", *TELLING)


def keyturn(*args: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, args)


def test_a_run_enforces_in_the_stage_and_is_a_dry_run_elsewhere(cloud: LocalCloud) -> None:
    shops = cloud.organization.create_unit("shops")
    inner = cloud.organization.create_unit("inner", parent=shops)
    cloud.organization.move_account(SHOP, inner)
    add_user(cloud, OURS, "deploy-bot", 137)
    add_user(cloud, SHOP, "orders", 137)

    plan = keyturn("plan", *EVERYWHERE, "--enforced-accounts", shops)
    summary = keyturn("plan", *EVERYWHERE, "--enforced-accounts", shops, "--summary")
    result = keyturn(*ENFORCED, "--enforced-accounts", shops)

    assert re.search(rf"^{OURS}.*, stays in dry run$", plan.stdout, re.MULTILINE)
    assert f"{SHOP} shop\n" in plan.stdout
    said = "EnforcedAccounts: 1 of 2 accounts enforced where a run enforces, 1 in dry run"
    assert said in plan.stderr
    rows = {line[:12]: line.split()[-1] for line in summary.stdout.splitlines()}
    assert (rows[SHOP], rows[OURS]) == ("enforced", "run")
    assert result.exit_code == 0, result.stderr
    assert (len(cloud.keys(OURS)), len(cloud.keys(SHOP))) == (1, 2)
    assert "1 done, 0 not done, 1 due in dry run" in result.stdout
    assert "Due, but in dry run: 1 key" in result.stdout
    assert f"names neither it nor a unit above it ({OURS}" in result.stderr


def test_programs_read_of_each_account_whether_it_is_enforced(cloud: LocalCloud) -> None:
    add_user(cloud, OURS, "deploy-bot", 137)
    add_user(cloud, SHOP, "orders", 137)

    answer = keyturn(*ENFORCED, "--enforced-accounts", f"{SHOP},", "--format", "json")
    rows = keyturn("plan", *EVERYWHERE, "--enforced-accounts", SHOP, "--format", "csv")

    accounts = {each["account"]: each for each in json.loads(answer.stdout)["accounts"]}
    assert {account: each["enforced"] for account, each in accounts.items()} == {
        OURS: False,
        SHOP: True,
    }
    assert (accounts[OURS]["done"], len(accounts[SHOP]["done"])) == ([], 1)
    assert rows.exit_code == 0, rows.stderr
    # Of what only a dry run was over, nobody says that it was not done.
    csv = keyturn(*ENFORCED, "--enforced-accounts", OURS, "--format", "csv").stdout.splitlines()
    column = csv[0].split(",").index("done")
    assert {line.split(",")[0]: line.split(",")[column] for line in csv[1:]} == {
        OURS: "yes",
        SHOP: "",
    }


def test_beside_a_deployment_its_stage_counts_and_an_order_does_not_ask_for_it(
    cloud: LocalCloud,
) -> None:
    add_user(cloud, OURS, "deploy-bot", 137)
    [shop] = add_user(cloud, SHOP, "orders", 137)
    deploy(cloud, EnforcedAccounts=OURS)
    # Where no unit is named, nobody asks for any.
    before = len(cloud.calls)

    plan = keyturn("plan", "--deployed", "--not-account", CLOSED_TO_US, "--format", "json")
    leaked = keyturn("revoke", shop, "--leaked", "--deployed", "--enforce", "--yes")

    found = {each["account"]: each["enforced"] for each in json.loads(plan.stdout)["accounts"]}
    assert found == {OURS: True, SHOP: False}
    assert not [call for call in cloud.calls[before:] if "ForParent" in call.operation]
    assert "EnforcedAccounts" not in leaked.stderr
    assert {each.key_id: each.status for each in cloud.keys(SHOP)}[shop] == "Inactive"


def test_a_run_in_which_most_rotations_fail_enters_no_further_account(
    cloud: LocalCloud,
) -> None:
    # Before the shop, by their ids: two accounts have to fail.
    before = "121212121212"
    cloud.organization.create_account("before", "before@example.com", account_id=before)
    cloud.add_role(before, ROLE, OURS)
    cloud.session(before).client("iam").create_group(GroupName=GROUP)
    add_user(cloud, OURS, "ann", 137)
    add_user(cloud, before, "bob", 137)
    [shop] = add_user(cloud, SHOP, "orders", 137)
    for each in (OURS, before):
        cloud.deny(each, "PutSecretValue")
    run = (*ENFORCED, "--parallel", "1", "--format", "json", "--rotations-to-pause", "2")

    stopped = keyturn(*run)

    # That something failed, and not that somebody stopped it.
    assert stopped.exit_code == 1
    said = "2 of 2 rotations failed, more than 50 percent: no further account was entered"
    assert f"Stopped: {said}. Fix the cause, and run the command again." in stopped.stderr
    accounts = {each["account"]: each for each in json.loads(stopped.stdout)["accounts"]}
    assert [each["message"] for each in accounts[SHOP]["failures"]] == [said]
    assert [each.key_id for each in cloud.keys(SHOP)] == [shop]
    # Asked for that account alone, it is a run of its own.
    alone = keyturn(*ENFORCED, "--account", SHOP)
    assert alone.exit_code == 0, alone.stderr
    assert len(cloud.keys(SHOP)) == 2


def test_units_that_cannot_be_listed_enforce_nothing(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(cloud.role_session(OURS, "Operator")).items():
        monkeypatch.setenv(name, value)
    shops = cloud.organization.create_unit("shops")
    cloud.organization.move_account(SHOP, shops)
    add_user(cloud, SHOP, "orders", 137)
    cloud.organization.tells_paths = False
    cloud.deny(OURS, "ListAccountsForParent")

    result = keyturn(*ENFORCED, "--enforced-accounts", shops)

    assert len(cloud.keys(SHOP)) == 1
    assert f"warning: EnforcedAccounts names {shops}: it could not be listed" in result.stderr
    assert "nothing is enforced, for none of 2 accounts is proven to be in it" in result.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            (*EVERYWHERE, "--enforced-accounts", "prod"),
            "--enforced-accounts prod: must be the id of an account (12 digits), of a unit",
        ),
        ((*EVERYWHERE, "--enforced-accounts", ""), "--enforced-accounts: must not be empty"),
        ((*EVERYWHERE, "--enforced-accounts", " , "), "--enforced-accounts"),
        (("--enforced-accounts", SHOP), f"--enforced-accounts {SHOP}: needs --role-name"),
        (
            ("--preset", "75/85/95", "--inactive-period", "85"),
            "--preset 75/85/95: goes without --inactive-period",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    cloud: LocalCloud, options: tuple[str, ...], said: str
) -> None:
    result = keyturn("plan", *options)

    assert result.exit_code == 2
    assert result.stderr.startswith(said)
    assert len(result.stderr.splitlines()) == 1
    assert not [call for call in cloud.calls if call.service == "iam" and call.account == SHOP][2:]


@pytest.mark.parametrize(
    ("preset", "periods"), [("75/85/95", (75, 85, 10)), ("90/100/110", (90, 100, 10))]
)
def test_a_preset_is_the_three_periods(
    preset: str, periods: tuple[int, ...], cloud: LocalCloud
) -> None:
    add_user(cloud, OURS, "deploy-bot", 80)

    policy = json.loads(keyturn("plan", "--preset", preset, "--format", "json").stdout)["policy"]

    names = ("RotationPeriod", "InactivePeriod", "RecoveryGracePeriod")
    assert tuple(policy[each] for each in names) == periods
