"""Secrets without a living user: deleted, renamed, never filled."""

import json
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn.domain.leftover import leftover
from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.cli.organisation import (
    OURS,
    ROLE,
    SHOP,
    add_user,
)

IN_THE_SHOP = ("--role-name", ROLE, "--account", SHOP)


def keyturn(*args: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, args)


def name_of(user: str, account: str = SHOP) -> str:
    return f"Account_{account}_User_{user}_AccessKey"


def make_secret(cloud: LocalCloud, name: str, user_id: str | None, *, filled: bool = True) -> None:
    secrets = cloud.session(SHOP).client("secretsmanager")
    secrets.create_secret(
        Name=name, Tags=[{"Key": "keyturn:user-id", "Value": user_id}] if user_id else []
    )
    if filled:
        secrets.put_secret_value(SecretId=name, SecretString="{}")


def let_lists_show_it(cloud: LocalCloud) -> None:
    cloud.move_to(cloud.now + timedelta(minutes=6))


def id_of(cloud: LocalCloud, user: str) -> str:
    return str(cloud.session(SHOP).client("iam").get_user(UserName=user)["User"]["UserId"])


def found(*options: str) -> Any:  # noqa: ANN401 -- JSON
    document = json.loads(keyturn("plan", *IN_THE_SHOP, "--format", "json", *options).stdout)
    return document["accounts"][0]["secrets_without_user"]


def test_secrets_of_users_who_are_gone_renamed_or_replaced_are_listed(cloud: LocalCloud) -> None:
    for user in ("builder-ci", "living", "comma,man", "heir", "untagged"):
        add_user(cloud, SHOP, user, 3)
    make_secret(cloud, name_of("builder"), id_of(cloud, "builder-ci"))
    make_secret(cloud, name_of("living"), id_of(cloud, "living"))
    make_secret(cloud, name_of("comma=2Cman"), id_of(cloud, "comma,man"))
    make_secret(cloud, name_of("heir"), "AIDAEARLIEREXAMPLE00")
    make_secret(cloud, name_of("untagged"), None)
    make_secret(cloud, name_of("gone"), "AIDAGONEEXAMPLE00000", filled=False)
    make_secret(cloud, name_of("leaving"), None)
    cloud.session(SHOP).client("secretsmanager").delete_secret(SecretId=name_of("leaving"))
    make_secret(cloud, "prod/database", None)
    make_secret(cloud, name_of("elsewhere", OURS), None)
    let_lists_show_it(cloud)

    table = keyturn("plan", *IN_THE_SHOP, "--secrets")
    listed = found("--secrets")

    assert table.exit_code == 0
    lines = [line.strip() for line in table.stdout.splitlines() if "_AccessKey: " in line]
    assert lines == [
        f"{name_of('builder')}: its user builder is now called builder-ci",
        f"{name_of('gone')}: there is no user gone; it holds no value",
        f"{name_of('heir')}: it is of an earlier user heir, and another one has that name",
        f"{name_of('leaving')}: there is no user leaving; it is scheduled for deletion",
    ]
    assert "4 secrets without a living user" in table.stdout
    assert [(each["user"], each["now_called"]) for each in listed] == [
        ("builder", "builder-ci"),
        ("gone", None),
        ("heir", None),
        ("leaving", None),
    ]
    assert [each["empty"] for each in listed] == [False, True, False, False]
    assert [each["to_be_deleted"] for each in listed] == [False, False, False, True]


def test_they_are_looked_for_only_when_asked_for(cloud: LocalCloud) -> None:
    make_secret(cloud, name_of("gone"), None)
    let_lists_show_it(cloud)
    cloud.calls.clear()

    without = found()
    calls = [call.operation for call in cloud.calls]
    with_it = found("--secrets")

    assert without is None
    assert "ListSecrets" not in calls
    assert [each["user"] for each in with_it] == ["gone"]
    assert "GetSecretValue" not in {call.operation for call in cloud.calls}


def test_one_list_serves_the_plan_and_what_is_left_over(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 20)
    cloud.add_key(SHOP, "orders")
    make_secret(cloud, name_of("gone"), None)
    let_lists_show_it(cloud)
    cloud.calls.clear()

    found("--secrets", "--remove-secrets-after", "35")

    assert [call.operation for call in cloud.calls].count("ListSecrets") == 1


def test_a_role_that_may_not_list_them_is_no_failure(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 3)
    cloud.deny(SHOP, "ListSecrets")

    result = keyturn("plan", *IN_THE_SHOP, "--secrets")

    assert result.exit_code == 0
    assert "secrets without a living user were not looked for" in result.stderr
    assert "without a living user" not in result.stdout
    assert found("--secrets") is None


def test_a_plan_says_once_of_all_accounts_that_their_role_may_not_list_secrets(
    cloud: LocalCloud,
) -> None:
    for account in (SHOP, OURS):
        add_user(cloud, account, "orders", 20)
        cloud.add_key(account, "orders")
        cloud.deny(account, "ListSecrets", "AccessDeniedException")
    cloud.move_to(cloud.now + timedelta(hours=1))

    result = keyturn("plan", *IN_THE_SHOP, "--account", OURS)

    assert result.exit_code == 0, result.output
    [said] = [line for line in result.stderr.splitlines() if "secretsmanager:ListSecrets" in line]
    assert said == (
        "warning: the role may not list secrets (secretsmanager:ListSecrets): "
        "each user's was asked for alone (all 2 accounts)"
    )


@pytest.mark.parametrize(
    ("tags", "users", "is_left"),
    [
        ({}, {"AIDA1": "ann"}, False),
        ({"keyturn:user-id": "AIDA1"}, {"AIDA1": "ann"}, False),
        ({"keyturn:user-id": ""}, {"AIDA1": "ann"}, True),
        ({"keyturn:user-id": "AIDA1"}, {"AIDA1": "Ann"}, True),
        ({"keyturn:user-id": "AIDA1"}, {}, True),
        ({}, {}, True),
    ],
)
def test_whose_a_secret_is_goes_by_the_users_id(
    tags: dict[str, str], users: dict[str, str], is_left: bool
) -> None:
    found = leftover(name_of("ann"), tags, users, account=SHOP, is_empty=False, is_leaving=False)

    assert (found is not None) is is_left


def test_a_plan_says_which_secrets_nobody_needs_and_writes_none(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "heir", 3)
    add_user(cloud, SHOP, "living", 3)
    make_secret(cloud, name_of("heir"), "AIDAEARLIEREXAMPLE00")
    make_secret(cloud, name_of("gone"), "AIDAGONEEXAMPLE00000")
    make_secret(cloud, name_of("living"), id_of(cloud, "living"))
    let_lists_show_it(cloud)
    option = ("--remove-secrets-after", "35")

    table = keyturn("plan", *IN_THE_SHOP, *option).stdout
    of_one = keyturn("explain", "living", *IN_THE_SHOP, *option).stdout
    document = json.loads(keyturn("plan", *IN_THE_SHOP, *option, "--format", "json").stdout)

    lines = [line.strip() for line in table.splitlines() if "_AccessKey: " in line]
    assert lines == [
        f"{name_of('gone')}: the secret of that name was not made by Keyturn",
        f"{name_of('heir')}: it is of an earlier user heir, and another one has that name",
    ]
    assert "2 secrets that nobody needs, or that somebody should look at" in table
    assert "Secret: it does not hold the user's key" in of_one
    [gone, heir, living] = document["accounts"][0]["secrets"]
    assert (gone["user_gone"], gone["step"], gone["needs_look"]) == (True, "KEEP", True)
    assert (heir["needs_look"], living["needs_look"]) == (True, False)
    assert not [call for call in cloud.calls if call.operation in {"TagResource", "DeleteSecret"}]


@pytest.mark.parametrize("days", ["34", "0", "-1", "x", "36501"])
def test_too_few_days_are_refused_before_anything_is_asked(cloud: LocalCloud, days: str) -> None:
    cloud.calls.clear()

    result = keyturn("plan", *IN_THE_SHOP, f"--remove-secrets-after={days}")

    assert result.exit_code == 2
    assert "--remove-secrets-after" in result.stderr
    assert not cloud.calls
