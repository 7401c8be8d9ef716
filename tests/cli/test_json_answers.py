"""JSON from every command: one document on standard output, of the form that docs/schemas has."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.cli.organisation import (
    BUCKET,
    DAY,
    NOW,
    ROLE,
    SECRETS,
    SHOP,
    TELLING,
    add_user,
)
from tests.test_schemas import validator

IN_THE_SHOP = ("--role-name", ROLE, "--account", SHOP)
DO_IT = ("--enforce", "--yes", *SECRETS)
SECRET = f"Account_{SHOP}_User_orders_AccessKey"
PAUSING = ("--bucket", BUCKET, "--reason", "INC-7")


def keyturn(*args: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, args)


def answer(form: str, *args: str, code: int = 0) -> dict[str, Any]:
    """The whole of standard output, which is one document of this form."""
    result = keyturn(*args, "--format", "json")
    assert result.exit_code == code, result.stderr
    document: dict[str, Any] = json.loads(result.stdout)
    validator(form).validate(document)
    return document


def decisions(document: dict[str, Any]) -> list[tuple[str, str]]:
    [account] = document["accounts"]
    return [(made["key"], made["action"]) for made in account["decisions"]]


def done(document: dict[str, Any]) -> list[tuple[str, str]]:
    [account] = document["accounts"]
    return [(made["key"], made["action"]) for made in account["done"]]


def test_explain(cloud: LocalCloud) -> None:
    old, young = add_user(cloud, SHOP, "orders", 95, 12)
    cloud.use_key(SHOP, old, NOW - 40 * DAY)

    told = answer("explanation", "explain", "orders", *IN_THE_SHOP)

    [user] = told["users"]
    assert (user["account"], user["user"], user["secret"]) == (SHOP, "orders", SECRET)
    first, second = user["keys"]
    assert (first["key"], second["key"]) == (old, young)
    assert first["owner"] == "shop@example.com"
    assert first["created"].startswith("2025-11-27T04:00")
    assert first["last_used"]["at"] == "2026-01-21T04:00:00Z"
    assert second["last_used"] is None
    assert [each["date"] for each in first["coming"]] == sorted(
        each["date"] for each in first["coming"]
    )
    assert first["coming"] != []
    missing = answer("explanation", "explain", "ordrs", *IN_THE_SHOP, code=1)
    assert missing["users"] == []
    assert missing["failures"] == ["no account has a user ordrs"]


def test_rotate(cloud: LocalCloud) -> None:
    [key] = add_user(cloud, SHOP, "orders", 12)

    planned = answer("plan", "rotate", "orders", *IN_THE_SHOP, *TELLING)
    made = answer("plan", "rotate", "orders", *IN_THE_SHOP, *DO_IT, *TELLING)

    assert decisions(planned) == [(key, "ROTATE")]
    assert (planned["dry_run"], done(planned)) == (True, [])
    assert (made["dry_run"], done(made)) == (False, [(key, "ROTATE")])


def test_restore_and_what_cannot_be_restored(cloud: LocalCloud) -> None:
    [key] = add_user(cloud, SHOP, "orders", 40)

    refused = answer("plan", "restore", key, *IN_THE_SHOP, *TELLING, code=1)
    iam = cloud.session(SHOP).client("iam")
    iam.update_access_key(UserName="orders", AccessKeyId=key, Status="Inactive")
    made = answer("plan", "restore", key, *IN_THE_SHOP, *DO_IT, *TELLING)

    told = [*refused["failures"], *(f["message"] for f in refused["accounts"][0]["failures"])]
    assert any(f"{key} is Active already" in each for each in told)
    assert done(made) == [(key, "RESTORE")]


def test_revoke(cloud: LocalCloud) -> None:
    [key] = add_user(cloud, SHOP, "orders", 12)

    result = keyturn("revoke", key, "--leaked", *IN_THE_SHOP, *DO_IT, "--format", "json")

    made = json.loads(result.stdout)
    validator("plan").validate(made)
    assert done(made) == [(key, "REVOKE")]
    assert "aws iam put-user-policy --user-name orders" in result.stderr
    [new] = [step["new_key"] for step in made["accounts"][0]["done"]]
    assert cloud.secret_values()[new] not in result.output


def test_an_order_that_finds_nothing_to_do_says_so_in_its_failures(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 10, 20)

    told = answer("plan", "rotate", "orders", *IN_THE_SHOP, *TELLING, code=1)

    [failure] = told["failures"]
    assert failure.startswith("nothing to rotate: ")


def test_adopt(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 12)
    secret_store = cloud.session(SHOP).client("secretsmanager")
    secret_store.create_secret(Name=SECRET)
    lets_in = {"Version": "2012-10-17", "Statement": []}
    secret_store.put_resource_policy(SecretId=SECRET, ResourcePolicy=json.dumps(lets_in))

    planned = answer("adoption", "adopt", SECRET, *IN_THE_SHOP)
    made = answer("adoption", "adopt", SECRET, *IN_THE_SHOP, *DO_IT)

    assert (planned["account"], planned["user"], planned["adopted"]) == (SHOP, "orders", False)
    assert planned["foreign"]
    assert json.loads(planned["policy"]) == lets_in
    assert (planned["policy_unread"], planned["replicas"], planned["rotates"]) == (None, [], False)
    assert planned["sets"] != {}
    assert made["adopted"] is True


@pytest.mark.usefixtures("cloud")
def test_exemptions_list(tmp_path: Path) -> None:
    path = tmp_path / "exemptions.yaml"
    path.write_text(
        "version: 1\nexemptions:\n- {user: a}\n- {account: '222222222222', user: erp, "
        "ticket: T-1, owner: a@example.com, reason: x, expiry: 2026-04-01}\n"
    )

    listed = answer("exemptions", "exemptions", "list", "--file", str(path), code=1)

    [entry] = listed["exemptions"]
    assert (entry["standing"], entry["days_left"], entry["since"]) == ("valid", 30, None)
    assert listed["problems"][0]["line"] == 3


@pytest.mark.usefixtures("cloud")
def test_owners_check(tmp_path: Path) -> None:
    path = tmp_path / "owners.csv"
    path.write_text("user,addresses\na*,a@example.com\na,b@example.com\nc,d\n")

    checked = answer("owners-check", "owners", "check", str(path), code=2)

    assert (checked["place"], checked["rules"]) == (str(path), 2)
    assert [(each["line"], each["warning"]) for each in checked["problems"]] == [
        (3, True),
        (4, False),
    ]


@pytest.mark.usefixtures("cloud")
def test_pause_and_resume() -> None:
    steps = [
        answer("switch", "pause", *PAUSING),
        answer("switch", "pause", *PAUSING, "--enforce", "--yes", code=1),  # nobody looks there
        answer("switch", "resume", "--bucket", BUCKET),
        answer("switch", "resume", "--bucket", BUCKET, "--enforce", "--yes"),
    ]

    assert [each["paused"] for each in steps] == [False, True, True, False]
    assert [each["why"] for each in steps] == [None, "INC-7", "INC-7", None]
    assert steps[1]["since"].startswith("2026-03-02T04:00")
    assert steps[0]["place"] == f"s3://{BUCKET}/paused.json"
