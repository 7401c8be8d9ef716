"""No setting of the user's AWS reaches the sandbox, whatever it is called."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import botocore.session
import pytest
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES as VARIABLES
from botocore.loaders import Loader

from keyturn_sandbox.emulator.hermetic import hermetic
from tests.canary import see

POISON = "http://127.0.0.1:9/poison"
OTHERS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_BEARER_TOKEN_BEDROCK": "x",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": POISON,
    "AWS_ENDPOINT_URL": POISON,
    "AWS_ENDPOINT_URL_IAM": POISON,
    "AWS_ENDPOINT_URL_S3": POISON,
    "AWS_ENDPOINT_URL_SECRETS_MANAGER": POISON,
    "AWS_ENDPOINT_URL_STS": POISON,
    "AWS_LAMBDA_LOG_LEVEL": "CRITICAL",
    "AWS_REGION": "eu-west-1",
    "AWS_ROLE_ARN": "arn:aws:iam::111111111111:role/none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_SECURITY_TOKEN": "none",
    "AWS_SESSION_TOKEN": "none",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/nonexistent",
    "BOTO_CONFIG": "/nonexistent",
    "HTTPS_PROXY": POISON,
    "HTTP_PROXY": POISON,
    "MOTO_ACCOUNT_ID": "999999999999",
    "POWERTOOLS_LOG_LEVEL": "CRITICAL",
    "REQUESTS_CA_BUNDLE": "/nonexistent",
    "TEST_SERVER_MODE": "true",
    "all_proxy": POISON,
    "https_proxy": POISON,
}


def of_botocore() -> Mapping[str, tuple[str | None, list[str]]]:
    """Each of botocore's settings: its name in a file, and in the environment."""
    found = {}
    for name, (in_file, in_environment, *_) in VARIABLES.items():
        names = [in_environment] if isinstance(in_environment, str) else in_environment or []
        found[name] = (in_file, list(names))
    return found


@pytest.fixture
def poisoned(tmp_path: Path) -> dict[str, str]:
    """An environment, and a home, in which all is set that can be."""
    aws = tmp_path / ".aws"
    (aws / "models" / "iam" / "2010-05-08").mkdir(parents=True)
    (aws / "models" / "iam" / "2010-05-08" / "service-2.json").write_text("{")
    lines = [f"{name} = {POISON}" for name, _ in of_botocore().values() if name]
    services = "[services all]\niam =\n  endpoint_url = " + POISON
    config = "\n".join(["[default]", *lines, f"endpoint_url = {POISON}", "services = all"])
    (aws / "config").write_text(f"{config}\n{services}\n")
    (aws / "credentials").write_text("no ini at all")
    (tmp_path / ".boto").write_text("no ini at all")
    every = {name: POISON for _, names in of_botocore().values() for name in names}
    return {**os.environ, **OTHERS, **every, "HOME": str(tmp_path)}


def test_a_demo_is_played_whatever_the_users_aws_is_set_to(
    poisoned: dict[str, str], tmp_path: Path
) -> None:
    ended = subprocess.run(
        [Path(sys.executable).with_name("keyturn"), "demo", "--days", "1"],
        cwd=tmp_path,
        env=poisoned,
        capture_output=True,
        text=True,
        check=False,
    )
    see("a demo", ended.stdout + ended.stderr)

    assert ended.returncode == 0, ended.stderr[-2000:]
    assert ended.stderr == ""
    assert ended.stdout.count(": held, ") == 12
    assert (
        '"Wrote ' in (tmp_path / "demo" / "keyturn.log").read_text()
        or "User: " in (tmp_path / "demo" / "keyturn.log").read_text()
    )


@pytest.mark.parametrize("name", sorted(set(VARIABLES) - {"config_file", "credentials_file"}))
def test_no_setting_of_botocores_gets_in(
    name: str, poisoned: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable in [each for each in os.environ if each.startswith("AWS_")]:
        monkeypatch.delenv(variable)
    untouched = botocore.session.Session().get_config_variable(name)
    for variable, value in poisoned.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / ".aws" / "config"))

    with hermetic():
        inside = botocore.session.Session().get_config_variable(name)

    assert inside == untouched


def test_what_was_taken_away_is_given_back(
    poisoned: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in poisoned.items():
        monkeypatch.setenv(variable, value)
    before, folder = dict(os.environ), Loader.CUSTOMER_DATA_PATH

    with hermetic():
        inside = dict(os.environ)
        os.environ["AWS_REGION"] = "us-east-1"

    assert {"AWS_ENDPOINT_URL_STS", "https_proxy"}.isdisjoint(inside)
    assert (dict(os.environ), Loader.CUSTOMER_DATA_PATH) == (before, folder)
