"""What an operator's profile says of AWS holds in the member accounts, too."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.session import get_session
from typer.testing import CliRunner

from keyturn.adapters.clients import client
from keyturn.adapters.sdk_session import AnySession, core_of
from keyturn.adapters.sts import session_as
from keyturn.cli.app import app
from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.cli.organisation import (
    NOW,
    OURS,
    ROLE,
    SHOP,
    add_user,
    build,
    environment,
)

REGION = "us-gov-west-1"
ROLE_ARN = f"arn:aws:iam::222222222222:role/{ROLE}"
CONFIG = """
[default]
ca_bundle = /of/default.pem
[profile corp]
ca_bundle = /of/corp.pem
use_fips_endpoint = true
use_dualstack_endpoint = true
sts_regional_endpoints = regional
data_path = /of/corp
sdk_ua_app_id = corp
[profile local]
services = all
[services all]
iam =
  endpoint_url = http://127.0.0.1:1/iam
secrets_manager =
  endpoint_url = http://127.0.0.1:1/secrets
organizations =
  endpoint_url = http://127.0.0.1:1/organizations
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config"
    path.write_text(CONFIG)
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    return path


def in_the_account(own: boto3.Session, service: str) -> Any:  # noqa: ANN401 -- boto3 makes the class at run time
    return client(session_as(own, client(own, "sts"), ROLE_ARN, REGION), service)


@pytest.mark.parametrize("profile", ["corp", "default", "local", None])
@pytest.mark.parametrize("service", ["iam", "secretsmanager", "organizations", "kms"])
def test_a_client_in_the_account_is_as_our_own_would_be(
    config: Path, profile: str | None, service: str
) -> None:
    assert config
    own = boto3.Session(profile_name=profile, region_name=REGION)

    theirs, ours = in_the_account(own, service), client(own, service)

    for each in ("endpoint_url", "partition", "region_name"):
        assert getattr(theirs.meta, each) == getattr(ours.meta, each)
    assert bundle(theirs) == bundle(ours)
    assert theirs.meta.config.user_agent == ours.meta.config.user_agent
    assert ("app/corp" in ours.meta.config.user_agent) == (profile == "corp")


@pytest.mark.parametrize("session", [boto3.Session, get_session])
def test_a_session_in_an_account_reads_no_service_model_anew(
    session: Callable[[], AnySession],
) -> None:
    own = session()

    first, second = (session_as(own, None, ROLE_ARN, region) for region in (REGION, "us-east-1"))  # type: ignore[arg-type]  # nothing is asked

    loader = core_of(own).get_component("data_loader")
    for made in (first, second):
        assert core_of(made).get_component("data_loader") is loader
        assert type(made) is type(own)


def bundle(made: Any) -> object:  # noqa: ANN401 -- as above
    """The certificates that a client trusts."""
    return made._endpoint.http_session._verify  # noqa: SLF001 -- botocore tells nobody


def test_the_profiles_certificates_fips_and_endpoints_are_among_that(config: Path) -> None:
    assert config
    corp = boto3.Session(profile_name="corp", region_name=REGION)
    local = boto3.Session(profile_name="local", region_name=REGION)

    assert bundle(in_the_account(corp, "secretsmanager")) == "/of/corp.pem"
    assert "fips" in in_the_account(corp, "secretsmanager").meta.endpoint_url
    assert in_the_account(local, "iam").meta.endpoint_url == "http://127.0.0.1:1/iam"


@pytest.mark.parametrize("variable", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
def test_the_environments_profile_does_not_stand_in_for_the_one_that_was_chosen(
    config: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    assert config
    monkeypatch.setenv(variable, "gone")
    own = boto3.Session(profile_name="corp", region_name=REGION)

    assert bundle(in_the_account(own, "iam")) == "/of/corp.pem"


def test_without_a_configuration_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """No profile is called "default" then."""
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    own = boto3.Session("AKIAIOSFODNN7EXAMPLE", "none", region_name=REGION)

    assert bundle(in_the_account(own, "iam")) is True


# --- on the command line ------------------------------------------------------------------------


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LocalCloud]:
    """An organisation, an operator with a profile, and another one that is gone."""
    with LocalCloud(now=NOW) as opened:
        build(opened)
        opened.add_role(OURS, "Lists", OURS)
        told = environment(opened.session(OURS))
        keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        lines = "".join(f"{name.lower()} = {told.pop(name)}\n" for name in keys)
        (tmp_path / "config").write_text(f"[profile corp]\n{lines}")
        for name, value in {**told, "AWS_CONFIG_FILE": str(tmp_path / "config")}.items():
            monkeypatch.setenv(name, value)
        for account in (OURS, SHOP):  # moto opens sessions of its own at an account's first call
            opened.session(account).client("secretsmanager").list_secrets()
        monkeypatch.setenv("AWS_PROFILE", "gone")
        yield opened
    (tmp_path / "config").unlink()  # it holds a session's secret


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(("--account", SHOP), id="the member role"),
        pytest.param(("--org-list-role", "Lists", "--org-list-account", OURS), id="the list role"),
    ],
)
def test_a_stale_profile_in_the_environment_breaks_no_account(
    cloud: LocalCloud, options: tuple[str, ...]
) -> None:
    [key] = add_user(cloud, SHOP, "orders", 137)

    result = CliRunner(env={"COLUMNS": "200"}).invoke(
        app, ["plan", "--profile", "corp", "--role-name", ROLE, *options]
    )

    assert key in result.stdout, result.stderr
    assert "ProfileNotFound" not in result.stderr
