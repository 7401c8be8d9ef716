"""The manual page of the command line: complete, and its examples run."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from keyturn.cli.app import app
from keyturn.cli.everywhere import everywhere
from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.cli.organisation import (
    CLOSED_TO_US,
    KMS_KEY,
    NOW,
    OURS,
    ROLE,
    SHOP,
    add_user,
    build,
    deploy,
    environment,
)

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
EXAMPLES = re.findall(r"^\$ keyturn (.+)$", PAGE, re.MULTILINE)
GROUP = typer.main.get_command(app)
COMMANDS = {"": GROUP, **getattr(GROUP, "commands", {})}
COMMANDS |= {
    f"{name} {part}": command
    for name, group in list(COMMANDS.items())
    if name
    for part, command in getattr(group, "commands", {}).items()
}


def options(command: str) -> Iterator[str]:
    for parameter in COMMANDS[command].params:
        if not getattr(parameter, "hidden", False):
            yield from (each for each in parameter.opts if each.startswith("-"))


def section(command: str) -> str:
    """What the page says of a command."""
    return under(f"`keyturn {command}`")


def under(heading: str) -> str:
    return re.split(rf"^##? {heading}$", PAGE, flags=re.MULTILINE)[1].split("\n## ")[0]


def said_of(command: str) -> str:
    """All that speaks of a command: `run` takes the options of `plan`, and so on."""
    if not command:
        return PAGE
    match command:
        case (
            "audit"
            | "demo"
            | "digest"
            | "exemptions"
            | "owners"
            | "plan"
            | "pause"
            | "deploy"
            | "pickup"
            | "report"
        ):
            return section(command)
        case "credentials" | "doctor" | "resume":
            like = {"credentials": "pickup", "doctor": "deploy", "resume": "pause"}
            return section(like[command]) + section(command)
        case "restore" | "rotate" | "revoke" | "adopt" | "defer":
            shared = section("plan") + section("run") + under("An operator's commands")
            return shared + section(command)
    name, *_ = command.split()
    return section("plan") + section(name)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_is_on_the_page(command: str) -> None:
    text = said_of(command)

    missing = [each for each in options(command) if not re.search(rf"[` ]{each}[` ]", text)]

    assert missing in ([], ["--help", "-h"])
    assert f"keyturn {command}" in PAGE


def test_the_top_of_the_page_names_every_command() -> None:
    table = under("The command line")

    left_out = [
        command
        for command in COMMANDS
        if command and " " not in command and f"`keyturn {command}`" not in table
    ]

    assert left_out == []


def test_the_page_names_no_option_that_is_not_there() -> None:
    known = {each for command in COMMANDS for each in options(command)}
    known |= {name for each in everywhere() for name in each.opts}

    named = set(re.findall(r"`(--[a-z-]+)", PAGE))

    assert named - known - {"--help"} == set()


# These want more than the sandbox: a disk, CloudFormation, a laptop. Their own tests type them.
ELSEWHERE = (
    *(
        "advise",
        "audit",
        "trace",
        "credentials",
        "demo",
        "deploy",
        "digest",
        "doctor",
        "exemptions",
        "notices",
        "owners",
    ),
    "pickup",
    "rehearse",
    "report",
    "simulate",
    "plan --against",
)


@pytest.mark.parametrize("example", [each for each in EXAMPLES if not each.startswith(ELSEWHERE)])
def test_its_examples_run(example: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with LocalCloud(now=NOW) as cloud:
        build(cloud)
        cloud.add_role(CLOSED_TO_US, ROLE, OURS)
        cloud.organization.move_account(SHOP, cloud.organization.create_unit("production"))
        [key] = add_user(cloud, SHOP, "deploy-bot", 80)
        example = example.replace("AKIAIOSFODNN7EXAMPLE", key)
        if example.startswith("restore"):
            iam = cloud.session(SHOP).client("iam")
            iam.update_access_key(UserName="deploy-bot", AccessKeyId=key, Status="Inactive")
        if example.startswith("adopt"):
            secret_store = cloud.session(SHOP).client("secretsmanager")
            secret_store.create_secret(
                Name=f"Account_{SHOP}_User_deploy-bot_AccessKey", KmsKeyId=KMS_KEY
            )
        for name, value in environment(cloud.session(OURS)).items():
            monkeypatch.setenv(name, value)
        if "--deployed" in example:
            deploy(cloud)
        if "--profile" in example:
            config = tmp_path / "config"
            credentials = cloud.session(OURS).get_credentials()
            assert credentials is not None
            config.write_text(
                "[profile security]\n"
                f"aws_access_key_id = {credentials.access_key}\n"
                f"aws_secret_access_key = {credentials.secret_key}\n"
                f"aws_session_token = {credentials.token}\n"
            )
            monkeypatch.setenv("AWS_CONFIG_FILE", str(config))

        if "--approve" in example:
            CliRunner().invoke(app, ["plan", "--format", "json", "-o", "plan.json"])
        result = CliRunner().invoke(app, shlex.split(example))
        (tmp_path / "config").unlink(missing_ok=True)  # a secret belongs there, and only now

        assert result.exit_code == 0, result.output
        assert "Traceback" not in result.output
        if " -o " in example:
            assert (tmp_path / example.rsplit(" ", 1)[1]).read_text()
