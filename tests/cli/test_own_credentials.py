"""What an operator's own configuration of AWS may lack: said in one line, and never a bug."""

import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keyturn.cli.own_credentials import open_session
from keyturn.domain.errors import PortError
from keyturn.wiring import Aws
from tests.canary import see

KEYTURN = Path(sys.executable).with_name("keyturn")
ROLE = "arn:aws:iam::111111111111:role/none"
DATED = (
    '{"Version": 1, "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "none", '
    '"Expiration": "soon"}'
)
MFA = f"role_arn = {ROLE}\nsource_profile = y\nmfa_serial = arn:aws:iam::111111111111:mfa/ann\n"
KEYS = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = none\n"
LOOP = (
    f"role_arn = {ROLE}\nsource_profile = b\n[profile b]\nrole_arn = {ROLE}\nsource_profile = x\n"
)
SSO = (
    "sso_session = s\nsso_account_id = 111111111111\nsso_role_name = r\n"
    "[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://example.com/start\n"
)
ASKED = ("plan", "--profile", "x")

# The profile, the code, and what the one line says.
PROFILES = {
    "program-missing": ("credential_process = /no/such-program", 1, "/no/such-program"),
    "program-no-program": ("credential_process = /etc", 1, "Permission denied: /etc"),
    "program-empty": ("credential_process = true", 1, "not understood"),
    "program-html": ("credential_process = echo <html>", 1, "not understood"),
    "program-list": ("credential_process = echo []", 1, "not understood"),
    "program-null": ("credential_process = echo null", 1, "not understood"),
    "program-no-text": ("credential_process = printf \\377", 1, "not understood"),
    "program-fails": ("credential_process = false", 1, "CredentialRetrievalError"),
    "program-half": (
        "credential_process = echo '{\"Version\": 1}'",
        1,
        "CredentialRetrievalError",
    ),
    "program-version": (
        "credential_process = echo '{\"Version\": 7}'",
        1,
        "CredentialRetrievalError",
    ),
    "program-date": (f"credential_process = echo '{DATED}'", 1, "not understood"),
    "program-quote": ("credential_process = echo '", 1, "not understood"),
    "mfa": (
        f"{MFA}[profile y]\n{KEYS}",
        1,
        "an MFA code is needed, and there is no terminal to ask for it on",
    ),
    "loop": (LOOP, 1, "nfinite loop"),
    "no-source": (f"role_arn = {ROLE}\nsource_profile = gone", 1, "gone"),
    "no-source-at-all": (f"role_arn = {ROLE}", 1, "PartialCredentialsError"),
    "half-a-key": ("aws_access_key_id = AKIAIOSFODNN7EXAMPLE", 1, "aws_secret_access_key"),
    "sso-token": (SSO, 1, "sign in again"),
    "sso-half": (SSO.replace("sso_account_id", "account"), 1, ""),
    "web-token": (f"role_arn = {ROLE}\nweb_identity_token_file = /no/token", 1, "/no/token"),
    "source-unknown": (f"role_arn = {ROLE}\ncredential_source = Moon", 1, "Moon"),
    "nothing": ("region = us-east-1", 1, "no AWS credentials were found in the profile x"),
    "endpoint": (f"{KEYS}endpoint_url = nowhere", 1, "nowhere"),
    "attempts": (f"{KEYS}max_attempts = many", 1, ""),
    "retry-mode": (f"{KEYS}retry_mode = often", 1, ""),
    "defaults-mode": (f"{KEYS}defaults_mode = mine", 1, "mine"),
    "certificates": (f"{KEYS}ca_bundle = /no/bundle.pem", 1, ""),
    "sts-endpoints": (f"{KEYS}sts_regional_endpoints = moon", 1, ""),
    "checksums": (f"{KEYS}request_checksum_calculation = moon", 1, ""),
    "services": (f"{KEYS}services = gone", 1, ""),
}
FILES = {
    "no-ini": ("[profile x\nregion", 1, "arse"),
    "no-section": ("region = us-east-1", 1, "arse"),
    "twice": ("[profile x]\na = 1\na = 2", 1, "arse"),
    "no-text": ("[profile x]\nregion = \udcff\udcfe", 1, ""),
    "other-profile": ("[profile y]", 2, "--profile x: is not in your AWS configuration"),
}
VARIABLES: Mapping[str, tuple[dict[str, str], int, str]] = {
    "stale-profile": ({"AWS_PROFILE": "gone"}, 2, "AWS_PROFILE gone: is not in your AWS"),
    "default-profile": ({"AWS_DEFAULT_PROFILE": "gone"}, 2, "AWS_DEFAULT_PROFILE gone: is not in"),
    "web-token": (
        {"AWS_WEB_IDENTITY_TOKEN_FILE": "/no/token", "AWS_ROLE_ARN": ROLE},
        1,
        "/no/token",
    ),
    "container": ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.com/"}, 1, ""),
    "container-down": ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/"}, 1, ""),
    "container-token": (
        {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/no/token",
        },
        1,
        "/no/token",
    ),
    "half-a-key": ({"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"}, 1, ""),
    "metadata": ({"AWS_METADATA_SERVICE_TIMEOUT": "long"}, 1, ""),
    "region": ({"AWS_REGION": "mars"}, 2, "--region mars: is no AWS region"),
}


def run(tmp_path: Path, config: str, *args: str, **env: str) -> "subprocess.CompletedProcess[str]":
    (tmp_path / "config").write_text(config, encoding="utf-8", errors="surrogateescape")
    ended = subprocess.run(
        [KEYTURN, *args],
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "AWS_CONFIG_FILE": str(tmp_path / "config"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_REGION": "us-east-1",
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.1",
            **env,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    see("standard error", ended.stderr)
    return ended


def assert_one_line(ended: "subprocess.CompletedProcess[str]", code: int, says: str) -> None:
    assert "bug" not in ended.stderr, ended.stderr
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    assert says in ended.stderr
    assert (ended.returncode, ended.stdout) == (code, ""), ended.stderr


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_that_gives_no_credentials_is_answered_in_one_line(
    tmp_path: Path, name: str
) -> None:
    profile, code, says = PROFILES[name]

    assert_one_line(run(tmp_path, f"[profile x]\n{profile}\n", *ASKED), code, says)


@pytest.mark.parametrize("name", FILES)
def test_a_broken_configuration_is_answered_in_one_line(tmp_path: Path, name: str) -> None:
    config, code, says = FILES[name]

    assert_one_line(run(tmp_path, config, *ASKED), code, says)


@pytest.mark.parametrize("name", VARIABLES)
def test_a_variable_that_leads_nowhere_is_answered_in_one_line(tmp_path: Path, name: str) -> None:
    env, code, says = VARIABLES[name]

    assert_one_line(run(tmp_path, "", "plan", **env), code, says)


def test_broken_credentials_are_answered_in_one_line(tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text("[x\n")

    assert_one_line(run(tmp_path, "[profile x]\n", *ASKED), 1, "arse")


@pytest.mark.parametrize(
    "command",
    [
        ("run",),
        ("explain", "ann"),
        ("restore", "AKIAIOSFODNN7EXAMPLE"),
        ("rotate", "ann"),
        ("revoke", "AKIAIOSFODNN7EXAMPLE", "--leaked"),
        ("adopt", "Account_111111111111_User_ann_AccessKey"),
        ("pause", "--reason", "x", "--bucket", "keys"),
        ("resume", "--deployed"),
        ("doctor",),
        ("plan", "--deployed"),
    ],
    ids=lambda command: command[0],
)
def test_every_command_says_it(tmp_path: Path, command: tuple[str, ...]) -> None:
    config = "[profile x]\ncredential_process = /no/such-program\n"

    ended = run(tmp_path, config, *command, "--profile", "x")

    assert_one_line(
        ended, 1, "the AWS credentials in the profile x could not be had: No such file"
    )


def test_a_program_that_fails_in_an_hour_is_none_of_keyturns_faults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, config = tmp_path / "program", tmp_path / "config"
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    program.write_text(
        "#!/bin/sh\n"
        f"[ -e {tmp_path}/second ] && exec echo nonsense; [ -e {tmp_path}/first ] && "
        f"touch {tmp_path}/second; touch {tmp_path}/first\n"
        'echo \'{"Version": 1, "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", '
        f'"SecretAccessKey": "none", "Expiration": "{soon}"}}\'\n'
    )
    program.chmod(0o755)
    config.write_text(f"[profile x]\ncredential_process = {program}\n")
    for name, value in {"AWS_CONFIG_FILE": str(config), "AWS_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)

    session = open_session("x", None)
    aws = Aws(
        session=session,
        settings=None,  # type: ignore[arg-type]  # it asks STS alone
        journal=None,  # type: ignore[arg-type]  # likewise
        clock=lambda: datetime.now(UTC),
    )

    with pytest.raises(PortError, match="what answered was not understood"):
        aws.own_account()
