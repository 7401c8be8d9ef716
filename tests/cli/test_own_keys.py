"""The key that Keyturn itself runs with is known, and not cut off under one's feet."""

import json
from pathlib import Path

import pytest
from botocore.session import get_session
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn.cli.own_keys import OwnKeys, own_keys
from keyturn.domain.events import Run
from keyturn.domain.key import Account
from keyturn.domain.result import AccountPlan, AccountResult
from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.cli.organisation import (
    NOW,
    OURS,
    ROLE,
    SECRETS,
    TELLING,
    add_user,
)
from tests.use_cases.test_notifications import a_turn

WHERE = ("--role-name", ROLE, "--account", OURS)


def be(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """Run with a user's key, as people on laptops do."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", cloud.secret_values()[key])
    monkeypatch.delenv("AWS_SESSION_TOKEN")


def keyturn(*args: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, args)


def status(cloud: LocalCloud) -> dict[str, str]:
    return {key.key_id: key.status for key in cloud.keys(OURS)}


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (3, "is the key that you run Keyturn with ("),
        (95, "is the key that you run Keyturn with; it gets a successor: fetch that one before"),
    ],
)
def test_a_plan_says_which_key_is_ones_own(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, age: int, said: str
) -> None:
    [own] = add_user(cloud, OURS, "operator", age)
    add_user(cloud, OURS, "deploy-bot", 95)
    be(cloud, monkeypatch, own)

    planned = keyturn("plan", *WHERE)
    document = json.loads(keyturn("plan", *WHERE, "--format", "json").stdout)

    assert planned.exit_code == 0, planned.stderr
    assert f"warning: {own} of operator {said}" in planned.stderr
    [account] = document["accounts"]
    assert sum(own in warning for warning in account["warnings"]) == 1


def test_of_a_run_that_ends_ones_own_key_it_is_said(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    [own] = add_user(cloud, OURS, "operator", 95)
    be(cloud, monkeypatch, own)

    ran = keyturn("run", *WHERE, "--enforce", "--yes", *TELLING)
    explained = keyturn("explain", "operator", *WHERE)

    assert ran.exit_code == 0, ran.stderr
    assert f"{own} of operator is the key that you run Keyturn with; it gets" in ran.stderr
    assert f"{own} of operator is the key that you run Keyturn with" in explained.stderr


@pytest.mark.parametrize("do_it", [(), ("--enforce", "--yes", *SECRETS)])
def test_ones_own_key_is_not_revoked_for_the_rest_would_fail(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, do_it: tuple[str, ...]
) -> None:
    own, other = add_user(cloud, OURS, "operator", 20, 12)
    be(cloud, monkeypatch, own)

    refused = keyturn("revoke", own, "--leaked", *WHERE, *do_it)

    assert refused.exit_code == 2
    assert refused.stderr.endswith(
        f"KEY {own}: is the key that you run Keyturn with: once it is disabled, nothing of the "
        "rest can be done. Give the order with other credentials (--profile). Where there are "
        "none: aws iam create-access-key, then give the order with the new key\n"
    )
    assert status(cloud) == {own: "Active", other: "Active"}


def test_another_key_of_ones_own_user_is_revoked(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, other = add_user(cloud, OURS, "operator", 20, 12)
    be(cloud, monkeypatch, own)

    revoked = keyturn("revoke", other, "--leaked", *WHERE, "--enforce", "--yes", *SECRETS)

    assert status(cloud) == {own: "Active", other: "Inactive"}, revoked.stderr


@pytest.mark.parametrize(
    ("config", "behind"),
    [
        ("[profile base]\naws_access_key_id = AKIABASEEXAMPLE00000\n", {"AKIABASEEXAMPLE00000"}),
        (
            (
                "[profile base]\nrole_arn = arn:aws:iam::111111111111:role/b\n"
                "source_profile = deep\n"
                "[profile deep]\naws_access_key_id = AKIADEEPEXAMPLE00000\n"
            ),
            {"AKIADEEPEXAMPLE00000"},
        ),
        ("[profile base]\nsource_profile = work\n", set()),
        ("[profile base]\ncredential_source = Environment\n", {"AKIAENVEXAMPLE000000"}),
        ("", set()),
    ],
)
def test_the_key_behind_an_assumed_role_is_known_from_the_profiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str, behind: set[str]
) -> None:
    path = tmp_path / "config"
    path.write_text(
        "[profile work]\nrole_arn = arn:aws:iam::111111111111:role/a\nsource_profile = base\n"
        + config
    )
    for name, value in {
        "AWS_CONFIG_FILE": str(path),
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        "AWS_ACCESS_KEY_ID": "AKIAENVEXAMPLE000000",
    }.items():
        monkeypatch.setenv(name, value)

    class OfARole:
        """A session whose credentials came of assuming a role."""

        profile = "work"

        def get_credentials(self) -> object:
            return type("Assumed", (), {"access_key": "ASIAEXAMPLE", "method": "assume-role"})

    found = own_keys(OfARole())  # type: ignore[arg-type]  # all that is asked of a session

    assert found == OwnKeys(signing="ASIAEXAMPLE", behind=frozenset(behind))


def test_a_session_without_credentials_has_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    assert own_keys(get_session()) == OwnKeys()


def test_of_a_plans_keys_only_our_own_are_warned_of() -> None:
    run = Run(id="run", account=Account(id=OURS), at=NOW, dry_run=True)
    all_decided = tuple(a_turn(user) for user in ("ann", "bob", "carl"))
    own = OwnKeys(signing="KEY-ann", behind=frozenset({"KEY-bob"}))

    warned = own.with_warnings(AccountResult(plan=AccountPlan(run=run, users=all_decided)))

    assert [warning.split()[0] for warning in warned.plan.warnings] == ["KEY-ann", "KEY-bob"]
