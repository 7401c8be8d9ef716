"""A user given for a key, a key for a user, another case, another account: what was meant."""

import pytest
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.cli.organisation import (
    BUCKET,
    CLOSED,
    OURS,
    ROLE,
    SECRETS,
    SHOP,
    add_user,
    environment,
)

EVERYWHERE = ("--role-name", ROLE)
IN_THE_SHOP = (*EVERYWHERE, "--account", SHOP)
DO_IT = ("--enforce", "--yes", *SECRETS)


def keyturn(*args: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, args)


def test_a_key_is_explained_with_the_calls_of_its_one_account_and_one_user(
    cloud: LocalCloud,
) -> None:
    [key] = add_user(cloud, SHOP, "orders", 95)
    for number in range(30):
        add_user(cloud, SHOP, f"user-{number}", 95)
        add_user(cloud, OURS, f"user-{number}", 95)
    cloud.calls.clear()

    result = keyturn("explain", key, *EVERYWHERE)

    assert result.exit_code == 0, result.stderr
    assert f"The key is of account {SHOP}." in result.stderr
    assert "orders, 222222222222 shop" in result.stdout
    made = [call.operation for call in cloud.calls]
    assert made.count("ListAccessKeys") == 1
    assert made.count("AssumeRole") == 1
    assert made[0] == "GetAccessKeyInfo"
    assert len(made) <= 14


@pytest.mark.parametrize("command", [("explain",), ("restore",), ("revoke", "--leaked")])
def test_a_key_of_another_account_is_said_to_be_one(
    cloud: LocalCloud, command: tuple[str, ...]
) -> None:
    [key] = add_user(cloud, SHOP, "orders", 95)

    here = keyturn(*command, key)
    elsewhere = keyturn(*command, key, *EVERYWHERE, "--account", OURS)

    assert (here.exit_code, elsewhere.exit_code) == (2, 2)
    assert here.stderr == f"KEY {key}: is of account {SHOP}: give --role-name or --deployed\n"
    assert elsewhere.stderr == f"KEY {key}: is of account {SHOP}: leave --account out\n"


def test_where_aws_does_not_say_the_account_a_named_one_is_taken(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    [key] = add_user(cloud, SHOP, "orders", 12)
    for name, value in environment(cloud.role_session(OURS, "Operator")).items():
        monkeypatch.setenv(name, value)
    cloud.deny(OURS, "GetAccessKeyInfo")

    revoked = keyturn("revoke", key, "--leaked", *IN_THE_SHOP, *DO_IT)
    lost = keyturn("explain", key, *EVERYWHERE)

    assert revoked.exit_code == 0, revoked.stderr
    assert {each.key_id: each.status for each in cloud.keys(SHOP)}[key] == "Inactive"
    assert lost.exit_code == 1
    assert f"whose key {key} is, AWS does not say" in lost.stderr


def test_a_key_of_an_account_that_is_not_looked_after_is_said_to_be(cloud: LocalCloud) -> None:
    [key] = add_user(cloud, CLOSED, "ghost", 95)

    result = keyturn("explain", key, *EVERYWHERE)

    assert result.exit_code == 1
    assert f"{key} is of the account {CLOSED} closed: it is SUSPENDED" in result.stderr


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (
            ("restore", "orders"),
            (
                "KEY orders: must be an access key's id; of a user, keyturn explain USER shows "
                "the keys"
            ),
        ),
        (
            ("revoke", "--leaked", "akiaiosfodnn7example"),
            (
                "KEY akiaiosfodnn7example: must be an access key's id; did you mean "
                "AKIAIOSFODNN7EXAMPLE?"
            ),
        ),
        (
            ("restore", " AKIAIOSFODNN7EXAMPLE "),
            (
                "KEY AKIAIOSFODNN7EXAMPLE : must be an access key's id; did you mean "
                "AKIAIOSFODNN7EXAMPLE?"
            ),
        ),
        (
            ("explain", "akiaiosfodnn7example"),
            "USER|KEY akiaiosfodnn7example: did you mean the key AKIAIOSFODNN7EXAMPLE?",
        ),
        (
            ("revoke", "--leaked", "ASIAIOSFODNN7EXAMPLE"),
            (
                "KEY ASIAIOSFODNN7EXAMPLE: is of a session, and of no access key. CloudTrail's "
                "AssumeRole or GetSessionToken names the key (AKIA…) that opened it"
            ),
        ),
        (
            ("explain", "ASIAIOSFODNN7EXAMPLE"),
            (
                "USER|KEY ASIAIOSFODNN7EXAMPLE: is of a session, and of no access key. "
                "CloudTrail's AssumeRole or GetSessionToken names the key (AKIA…) that opened it"
            ),
        ),
    ],
)
def test_what_is_no_keys_id_is_refused_before_any_call(
    cloud: LocalCloud, command: tuple[str, ...], said: str
) -> None:
    before = len(cloud.calls)

    result = keyturn(*command, *EVERYWHERE)

    assert result.exit_code == 2
    assert " ".join(result.stderr.split()) == " ".join(said.split())
    assert len(cloud.calls) == before


@pytest.mark.parametrize(
    "given",
    ["deploy-BOT", "Deploy-Bot ", f"arn:aws:iam::{SHOP}:user/team/Deploy-Bot", "team/Deploy-Bot"],
)
@pytest.mark.parametrize("command", ["explain", "plan", "run", "rotate"])
def test_a_users_name_that_is_nearly_right_is_answered_with_the_right_one(
    cloud: LocalCloud, command: str, given: str
) -> None:
    add_user(cloud, SHOP, "Deploy-Bot", 95)
    who = (given,) if command in {"explain", "rotate"} else ("--user", given)
    where = IN_THE_SHOP if command == "rotate" else EVERYWHERE

    result = keyturn(command, *who, *where)

    assert result.exit_code == 1
    assert "did you mean Deploy-Bot?" in result.stderr
    assert len(cloud.keys(SHOP)) == 1


@pytest.mark.parametrize("command", ["plan", "run", "rotate"])
def test_a_key_given_for_a_user_is_answered_with_its_user(cloud: LocalCloud, command: str) -> None:
    [key] = add_user(cloud, SHOP, "deploy-bot", 95)
    who = (key,) if command == "rotate" else ("--user", key)
    where = IN_THE_SHOP if command == "rotate" else EVERYWHERE

    result = keyturn(command, *who, *where)

    assert result.exit_code == 1
    assert "that key is deploy-bot's: give the user's name" in result.stderr


def test_a_user_who_is_called_like_a_key_is_explained(cloud: LocalCloud) -> None:
    [key] = add_user(cloud, OURS, "ADMINISTRATORS2026", 95)

    result = keyturn("explain", "ADMINISTRATORS2026")

    assert result.exit_code == 0, result.stderr
    assert key in result.stdout


def test_an_unknown_name_gets_no_hint(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 95)

    result = keyturn("plan", *IN_THE_SHOP, "--user", "ordrs", "--bucket", BUCKET)

    assert result.stderr.splitlines()[-1].endswith("the account has no user ordrs")
