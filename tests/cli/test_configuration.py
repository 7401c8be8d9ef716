"""Settings that nobody typed: files, variables, their order, and what a stranger's may not say."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperOption
from typer.testing import CliRunner, Result

from keyturn.cli.allowed_keys import (
    NOT_FOUND,
    OF_AN_OWNER,
    TYPED_ALONE,
    WRITES_FILES,
    Commands,
)
from keyturn.cli.app import app
from keyturn.cli.configuration_file import lines_of_keys
from keyturn.cli.everywhere import everywhere
from keyturn.cli.own_credentials import NONE
from keyturn.deployment.model.resources import ROTATION
from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.cli.organisation import OURS, ROLE, SHOP, add_user, deploy
from tests.cli.test_docs import GROUP, PAGE

SETTING = {"admin": "a@example.com", "mail-region": "eu-west-1"}
DECISION = Path(__file__).parents[2] / "docs/decisions/0088-settings-that-nobody-typed.md"
OF_THE_LINE_ITSELF = {
    *("config", "no-config", "help", "version", "install-completion", "show-completion"),
}
"""They say how the line is read, or are all that is asked: no list names them."""
ENFORCE = ("run", "--enforce", "--role-name", ROLE, "--notify", "ses")


class Machine:
    """A user's folders: a home, their own settings, and a repository somewhere."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.own = self.home / ".config" / "keyturn" / "keyturn.toml"
        self.work = self.home / "work" / "repository"
        for each in (self.own.parent, self.work):
            each.mkdir(parents=True)

    def found(self, text: str) -> Path:
        path = self.work / "keyturn.toml"
        path.write_text(text)
        return path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path.resolve())
    for name in [*os.environ]:
        if name.startswith(("KEYTURN_", "XDG_CONFIG")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(machine.home))
    monkeypatch.chdir(machine.work)
    return machine


def run(*args: str) -> Result:
    return CliRunner().invoke(app, args)


def refused(*args: str) -> str:
    result = run(*args)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr.rstrip("\n")


def shown(*line: str) -> Mapping[str, Mapping[str, Any]]:
    """What `config show` says of each option."""
    result = run("config", "show", "--format", "json", *line)
    assert result.exit_code == 0, result.output
    return {each["option"]: each for each in json.loads(result.stdout)["values"]}


# --- the order -----------------------------------------------------------------------------------


def test_the_first_that_gives_a_value_decides(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.own.write_text('region = "eu-west-4"\n[plan]\nregion = "eu-west-3"\n')
    (machine.work.parent / "keyturn.toml").write_text('region = "eu-north-1"\n')
    found = machine.found('region = "eu-west-2"\n\n[plan]\nregion = "eu-west-1"\n')
    monkeypatch.setenv("KEYTURN_REGION", "us-east-1")

    seen = [shown("plan", "--region", "us-east-2")["--region"], shown("plan")["--region"]]
    monkeypatch.delenv("KEYTURN_REGION")
    seen.append(shown("plan")["--region"])
    seen.append(shown("doctor")["--region"])
    found.unlink()
    seen.append(shown("plan")["--region"])
    (machine.work.parent / "keyturn.toml").unlink()
    seen.append(shown("plan")["--region"])
    seen.append(shown("doctor")["--region"])
    machine.own.unlink()
    seen.append(shown("plan")["--region"])

    above = machine.work.parent / "keyturn.toml"
    assert [(each["value"], each["source"], each["where"]) for each in seen] == [
        ("us-east-2", "option", "--region"),
        ("us-east-1", "environment", "KEYTURN_REGION"),
        ("eu-west-1", "file", f"{found}:4"),
        ("eu-west-2", "file", f"{found}:1"),
        ("eu-north-1", "file", f"{above}:1"),
        ("eu-west-3", "file", f"{machine.own}:3"),
        ("eu-west-4", "file", f"{machine.own}:1"),
        (None, "default", None),
    ]
    assert [each["value"] for each in seen[0]["hides"]] == [
        *("us-east-1", "eu-west-1", "eu-west-2", "eu-west-3", "eu-west-4")
    ]


def test_a_named_file_is_the_only_one(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine.own.write_text('prefix = "own"\n')
    machine.found('region = "eu-west-2"\n')
    lab = tmp_path / "lab.toml"
    lab.write_text('profile = "lab"\n')

    by_option = shown("plan", "--config", str(lab))
    monkeypatch.setenv("KEYTURN_CONFIG", str(lab))
    by_variable = shown("plan")
    without = shown("plan", "--no-config")

    for each in (by_option, by_variable):
        assert each["--profile"]["value"] == "lab"
        assert {each["--region"]["source"], each["--prefix"]["source"]} == {"default"}
    assert {each["source"] for each in without.values()} == {"default"}


def test_the_search_ends_at_home(machine: Machine) -> None:
    (machine.home.parent / "keyturn.toml").write_text('region = "eu-west-2"\n')

    assert shown("plan")["--region"]["source"] == "default"

    (machine.home / "keyturn.toml").write_text('region = "eu-west-3"\n')

    assert shown("plan")["--region"]["value"] == "eu-west-3"


def test_the_deployed_functions_come_before_the_defaults_and_behind_all_else(
    cloud: LocalCloud, machine: Machine
) -> None:
    deploy(cloud)
    machine.own.write_text('deployed = true\nprefix = "mine"\n')

    values = shown("plan", "--rotation-period", "80")

    assert values["--bucket"] == {
        "option": "--bucket",
        "value": "asa-receipts",
        "source": "deployment",
        "where": "the deployed functions",
        "hides": [],
    }
    assert (values["--prefix"]["value"], values["--prefix"]["source"]) == ("mine", "file")
    assert values["--rotation-period"]["source"] == "option"
    assert values["--parallel"] == {
        "option": "--parallel",
        "value": 16,
        "source": "default",
        "where": None,
        "hides": [],
    }


def test_a_command_does_what_the_file_says(cloud: LocalCloud, machine: Machine) -> None:
    add_user(cloud, SHOP, "old", 80)
    machine.own.write_text(
        f'role-name = "{ROLE}"\nrotation-period = 70\ninactive-period = 80\n'
        f'[plan]\nformat = "json"\naccount = ["{SHOP}"]\n'
    )

    result = run("plan")

    assert result.exit_code == 0, result.output
    [account] = json.loads(result.stdout)["accounts"]
    assert account["account"] == SHOP
    assert [each["action"] for each in account["decisions"]] == ["ROTATE"]


SAMPLES = {"int": "5", "int range": "20", "str": "x"}


def options_in_sections() -> Iterator[Any]:
    commands = Commands.below(GROUP, everywhere())  # type: ignore[arg-type]  # Typer gives its group
    for words, options in commands.options.items():
        if words not in {
            ("help",),
            ("version",),
            ("report",),
            ("owners",),
            ("exemptions",),
            ("config",),
        }:
            yield pytest.param(words, options, id=" ".join(words))


def sample(option: TyperOption) -> str:
    if option.is_flag:  # no deployment is asked for its settings
        return "false" if "--deployed" in option.opts else "true"
    choices = getattr(option.type, "choices", ())
    one = f'"{choices[0]}"' if choices else f'"{SAMPLES.get(option.type.name, "x")}"'
    if option.opts == ["--log-format"]:
        one = '"text"'
    return f"[{one}]" if option.multiple else one


@pytest.mark.parametrize(("words", "options"), [*options_in_sections()])
def test_every_option_of_every_command_can_be_given_by_a_file(
    words: tuple[str, ...], options: Mapping[str, TyperOption], machine: Machine
) -> None:
    allowed = {name: each for name, each in options.items() if name not in TYPED_ALONE}
    keys = (f"{name} = {sample(each)}" for name, each in allowed.items())
    file = machine.work / "all.toml"
    file.write_text("\n".join([f"[{'.'.join(words)}]", *keys]) + "\n")
    of_a_real_key = ("--user", "x") if words == ("notices",) else ()  # else its mails alone

    said = shown(*words, "--config", str(file), *of_a_real_key)

    for line, name in enumerate(allowed, start=2):
        if of_a_real_key and name == "key":  # the other way to name it
            continue
        if words == ("audit", "chain") and name == "folder":  # it is made in the bucket alone
            continue
        by = [said[f"--{name}"], *said[f"--{name}"]["hides"]]
        assert f"{file}:{line}" in [each["where"] for each in by], name


# --- what is wrong -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('rol-name = "x"', "1: rol-name: is no option; did you mean role-name?"),
        ('\n\nrole_name = "x"', "3: role_name: is no option; did you mean role-name?"),
        (
            '[plan]\nrol-name = "x"',
            "2: rol-name: is no option of `keyturn plan`; did you mean role-name?",
        ),
        ("[plam]\nall = true", "1: plam: is no option; did you mean plan?"),
        ("[[plan]]\nall = true", "1: plan: is a command: its options go under [plan]"),
        ("plan = 3", "1: plan: is a command: its options go under [plan]"),
        ("zzz = 1", "1: zzz: is no option"),
        (
            'format = "json"',
            "1: format: is not the same for every command: put it under [plan], or another",
        ),
        (
            'output = "x"',
            "1: output: is not the same for every command: put it under [plan], or another",
        ),
        (
            "enforce = false",
            "1: enforce: can only be typed: no file and no KEYTURN_ variable may give it",
        ),
        (
            "[revoke]\nleaked = true",
            "2: leaked: can only be typed: no file and no KEYTURN_ variable may give it",
        ),
        ("[audit.verify]\nkey = 'x'", "2: key: is no option of `keyturn audit verify`"),
        ('deployed = "yes"', "1: deployed yes: must be true or false"),
        ('parallel = "many"', "1: parallel many: must be a whole number"),
        ("parallel = 1.5", "1: parallel 1.5: must be a text or a whole number"),
        (
            "account = [true]",
            "1: account: is not the same for every command: put it under [plan], or another",
        ),
        ("[plan]\naccount = [true]", "2: account true: must be a text, or a list of them"),
        ('profile = " "', "1: profile: must not be empty"),
        ('[plan]\nsort = "size"', "2: sort size: must be one of account, age, next, state, user"),
        ('log-format = "xml"', "1: log-format xml: must be one of text, json"),
        ('rotation-period = "soon"', "1: rotation-period soon: must be a whole number of days"),
        ('a = "x', "1: is no TOML: Illegal character '\\n'"),
        ('region = "a"\nprofile = "x"\nregion = "b"', "3: is no TOML: this key is there twice"),
        ("x = ", "1: is no TOML: Invalid value"),
        ('aws_secret_access_key = "hunter2hunter2"', "1: aws_secret_access_key: is no option"),
    ],
)
def test_what_is_wrong_is_one_line_with_file_line_and_rule(
    text: str, said: str, machine: Machine
) -> None:
    file = machine.work / "mine.toml"
    file.write_text(text + "\n")

    line = refused("plan", "--config", str(file))

    assert line.startswith(f"{file}:{said}")
    assert "hunter2" not in line


def test_a_value_of_several_lines_is_named_by_its_first() -> None:
    text = (
        '# a\n[plan]\n\naccount = [\n  "1",\n]\nowners = true\n'
        '[report.weekly]\nperiod = """\nx"""\n'
    )

    assert lines_of_keys(text) == {
        ("plan",): 2,
        ("plan", "account"): 4,
        ("plan", "owners"): 7,
        ("report",): 8,
        ("report", "weekly"): 8,
        ("report", "weekly", "period"): 9,
    }


def test_windows_ways_of_writing_a_text_are_read(machine: Machine) -> None:
    file = machine.work / "mine.toml"
    file.write_bytes(b'\xef\xbb\xbfprofile = "a"\r\nregion = "eu-west-1"\r\n')

    values = shown("plan", "--config", str(file))

    assert values["--region"]["where"] == f"{file}:2"


def test_what_cannot_be_read_is_one_line(machine: Machine) -> None:
    file = machine.work / "keyturn.toml"
    said = []
    file.mkdir()
    said.append(refused("plan"))
    file.rmdir()
    file.symlink_to(file)
    said.append(refused("plan"))
    file.unlink()
    file.symlink_to("nothing")
    said.append(refused("plan"))
    file.unlink()
    os.mkfifo(file)
    said.append(refused("plan"))
    file.unlink()
    file.write_bytes(b"# a\nprofile = '\xff'\n")
    said.append(refused("plan"))
    file.write_bytes(b"#" * 65_537)
    said.append(refused("plan"))
    file.unlink()
    said += [refused("plan", "--config", each) for each in ("nothing.toml", "", ".")]

    assert said == [
        f"{file}: is a folder, and must be a file",
        f"{file}: cannot be read (Too many levels of symbolic links)",
        f"{file}: cannot be read (No such file or directory)",
        f"{file}: must be a file",
        f"{file}:2: must be in UTF-8",
        f"{file}: must be of at most 65,536 bytes",
        "nothing.toml: cannot be read (No such file or directory)",
        "--config: must not be empty",
        ".: is a folder, and must be a file",
    ]


def test_help_and_version_need_no_whole_file(machine: Machine) -> None:
    machine.found("broken")

    for args in (
        ("--help",),
        ("plan", "--help"),
        ("help", "plan"),
        ("version",),
        ("owners", "-h"),
    ):
        assert run(*args).exit_code == 0, args
    assert refused("plan").startswith(f"{machine.work}/keyturn.toml:1: is no TOML")


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ({}, "{file}:2: profile nobody: is not in your AWS configuration"),
        (
            {"KEYTURN_PROFILE": "some"},
            f"{NONE} in the profile some (--profile is given by KEYTURN_PROFILE)",
        ),
    ],
)
def test_a_deployment_that_cannot_be_read_hides_its_own_values_alone(
    variables: Mapping[str, str], why: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command is asked just when something is wrong: of what is known it says all."""
    given = 'deployed = true\nprofile = "nobody"\nregion = "eu-west-1"\nwarn-days = "7"\n'
    file = machine.found(given)
    profiles = machine.home / "config"
    profiles.write_text("[profile some]\nregion = eu-west-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(profiles))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(profiles))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    table = run("config", "show", "plan")
    result = run("config", "show", "--format", "json", "plan")

    said = json.loads(result.stdout)
    values = {each["option"]: each for each in said["values"]}
    assert (table.exit_code, result.exit_code) == (1, 1)
    assert said["not_read"] == why.format(file=file)
    assert values["--warn-days"]["where"] == f"{file}:4"
    unread = values["--rotation-period"]
    assert (unread["value"], unread["source"]) == (None, "deployment")
    assert values["--parallel"]["source"] == "default"
    words = [line.split() for line in table.stdout.splitlines()]
    assert "not read:" in table.stdout
    assert ["--rotation-period", "not", "read", "the", "deployed", "functions"] in words


# --- what AWS's SDK reads ------------------------------------------------------------------------


def test_a_region_that_the_sdk_reads_from_a_variable_is_shown_with_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-2")
    seen = [shown("plan")["--region"]]
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    seen.append(shown("plan")["--region"])
    machine.own.write_text('region = "eu-west-3"\n')
    seen.append(shown("plan")["--region"])

    assert [(each["value"], each["where"]) for each in seen] == [
        ("eu-west-2", "AWS_DEFAULT_REGION"),
        ("eu-west-1", "AWS_REGION"),
        ("eu-west-3", f"{machine.own}:1"),
    ]


# --- variables -----------------------------------------------------------------------------------


def test_variables_give_texts_lists_and_yes_or_no(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.own.write_text("deployed = true\n")
    monkeypatch.setenv("KEYTURN_NOT_ACCOUNT", "111111111111, 222222222222")
    monkeypatch.setenv("KEYTURN_DEPLOYED", "false")
    monkeypatch.setenv("KEYTURN_FORMAT", "csv")

    values = shown("plan")

    assert values["--not-account"]["value"] == ["111111111111", "222222222222"]
    assert values["--deployed"]["value"] is False
    assert values["--format"]["value"] == "csv"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("KEYTURN_PROFILE", "", "KEYTURN_PROFILE: must not be empty"),
        ("KEYTURN_CONFIG", "", "KEYTURN_CONFIG: must not be empty"),
        ("KEYTURN_NOT_ACCOUNT", "1,,2", "KEYTURN_NOT_ACCOUNT: must not be empty"),
        ("KEYTURN_DEPLOYED", "on", "KEYTURN_DEPLOYED on: must be true or false"),
        ("KEYTURN_FORMAT", "xml", "KEYTURN_FORMAT xml: must be one of table, json, csv, excel"),
        ("KEYTURN_YES", "true", "KEYTURN_YES: can only be typed"),
        ("KEYTURN_ENFORCE", "false", "KEYTURN_ENFORCE: can only be typed"),
        ("KEYTURN_ROTATION_PERIOD", "-1", "KEYTURN_ROTATION_PERIOD -1: must be"),
        ("KEYTURN_LOG_FORMAT", "xml", "KEYTURN_LOG_FORMAT xml: must be one of text, json"),
    ],
)
def test_a_wrong_variable_is_named(
    variable: str, value: str, said: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)

    assert refused("plan").startswith(said)


def test_an_unknown_variable_is_a_warning_and_refused_where_something_is_written(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYTURN_NOT_ACOUNT", SHOP)
    monkeypatch.setenv("KEYTURN_VERSION", "0.2.0")
    monkeypatch.setenv("RotationPeriod", "1")  # the functions' own

    reading = run("config", "show", "plan")
    writing = refused(*ENFORCE)

    assert reading.exit_code == 0
    assert (
        "KEYTURN_NOT_ACOUNT: is no option, and counts for nothing; "
        "did you mean KEYTURN_NOT_ACCOUNT?\n" in reading.stderr
    )
    assert "KEYTURN_VERSION: is no option" in reading.stderr
    assert shown("plan")["--rotation-period"]["source"] == "default"
    assert writing.startswith("KEYTURN_NOT_ACOUNT: is no option")


@pytest.mark.parametrize("variable", ["KEYTURN_region", "KEYTURN_Region", "KEYTURN_role-name"])
def test_a_variable_in_other_letters_stands_for_no_option(
    variable: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "eu-west-1")
    meant = variable.upper().replace("-", "_")

    result = run("config", "show", "plan", "--format", "table")

    assert f"{variable}: is no option, and counts for nothing; did you mean {meant}?" in (
        result.stderr
    )
    assert {shown("plan")[each]["source"] for each in ("--region", "--role-name")} == {"default"}


# --- what does not go together -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "command", "typed", "left_out"),
    [
        ("rotation-period = 80", "plan", "--preset 75/85/95", "--rotation-period"),
        ('preset = "75/85/95"', "plan", "--rotation-period 80", "--preset"),
        ('bucket = "b"', "simulate", "--folder copy", "--bucket"),
        ("deployed = true", "audit", "--folder copy --key K", "--deployed"),
        ("deployed = true", "exemptions list", "--file f", "--deployed"),
        ('role-name = "r"', "plan", "--against newest", "--role-name"),
        ('[run]\nuser = "u"', "run", "--approve p.json", "--user"),
        ('[plan]\nsort = "age"', "plan", "--format json", "--sort"),
        ('[plan]\nformat = "json"', "plan", "--sort age", "--format"),
        ('[plan]\nformat = "excel"', "plan", "--summary", "--format"),
        ('[plan]\nformat = "excel"', "plan", "--against newest", "--format"),
        ('[plan]\nagainst = "newest"', "plan", "--owners", "--against"),
        ('role-name = "r"\n[plan]\nagainst = "newest"', "plan", "--all", "--role-name"),
        ("deployed = true", "rehearse", "--bucket b --admin a@x.de --seal-key k", "--deployed"),
        ("deployed = true", "rehearse", "--exemption-group g", "--deployed"),
        ('role-name = "r"', "rehearse", "--permissions", "--role-name"),
        ('role-name = "r"', "rehearse", "--clean", "--role-name"),
        ('[rehearse]\nonly = ["read"]', "rehearse", "--clean", "--only"),
        ('[rehearse]\nonly = ["read"]', "rehearse", "--permissions", "--only"),
        ('[rehearse]\nonly = ["read"]', "rehearse", "--probes", "--only"),
        ("[rehearse]\nprobes = true", "rehearse", "--clean", "--probes"),
        ("[rehearse]\npermissions = true", "rehearse", "--clean", "--permissions"),
        ("[rehearse]\npermissions = true", "rehearse", "--only read", "--permissions"),
        ("cloudtrail = true", "advise", "--steps", "--cloudtrail"),
        ('folder = "copy"', "audit chain", "--bucket b", "--folder"),
        ('folder = "copy"', "audit chain", "--enforce", "--folder"),
        ('preset = "75/85/95"', "deploy", "--parameter RotationPeriod=60", "--preset"),
        (
            'enforced-accounts = ["1"]',
            "deploy",
            "--parameter EnforcedAccounts=2",
            "--enforced-accounts",
        ),
        (
            '[deploy]\nparameter = ["RotationPeriod=60"]',
            "deploy",
            "--preset 75/85/95",
            "--parameter",
        ),
    ],
)
def test_what_is_typed_leaves_out_what_does_not_go_with_it(
    text: str, command: str, typed: str, left_out: str, machine: Machine
) -> None:
    machine.own.write_text(text + "\n")

    alone = shown("--no-config", *command.split())[left_out]
    with_file = shown(*command.split(), *typed.split())[left_out]

    assert alone == with_file
    assert with_file["source"] == "default"


def test_a_file_for_all_commands_is_none_that_a_rehearsal_refuses(machine: Machine) -> None:
    settings = ("admin", "mail-region", "seal-key", "secrets-kms-key", "exemption-group")
    from_here = "".join(f'{each} = "{SETTING.get(each, "x")}"\n' for each in settings)
    machine.own.write_text(f'{from_here}deployed = true\nbucket = "receipts"\nrole-name = "r"\n')
    both = run("rehearse", "--permissions")
    here = run("rehearse", "--permissions", "--bucket", "others")
    machine.own.write_text(f'{from_here}bucket = "receipts"\n')
    deployed = run("rehearse", "--permissions", "--deployed")

    for result in (both, here, deployed):
        assert result.exit_code == 0, result.output
    assert ROTATION in both.stdout
    assert "receipts" not in both.stdout
    assert "others" in here.stdout
    assert ROTATION not in here.stdout
    assert ROTATION in deployed.stdout


def test_notices_are_previewed_whatever_stands_in_the_file(machine: Machine) -> None:
    machine.own.write_text('profile = "security"\ndeployed = true\nrole-name = "r"\n')

    assert run("notices", "preview", "mails").exit_code == 0
    assert (machine.work / "mails").is_dir()


def test_options_behind_a_group_are_its_commands_alone(machine: Machine) -> None:
    machine.own.write_text('[audit]\nsince = 2026-01-01\n\n[audit.verify]\nformat = "json"\n')

    (machine.work / "audit").mkdir()

    verified = run("audit", "verify", "--folder", str(machine.work))

    assert json.loads(verified.stdout)["links"] == 0, verified.output
    assert shown("audit")["--since"]["value"] == "2026-01-01"


# --- what the manual says of it ------------------------------------------------------------------


def named(text: str, begin: str) -> set[str]:
    """The options in the line that begins so, up to the end of its first sentence."""
    [line] = re.findall(rf"^{re.escape(begin)}(.*?)\.(?:\s|$)", text, re.MULTILINE)
    return set(re.findall(r"`(?:--)?([a-z-]+)`", line))


def test_the_manual_names_what_can_only_be_typed_and_what_a_found_file_may_not_give() -> None:
    typed = TYPED_ALONE - OF_THE_LINE_ITSELF

    assert named(PAGE, "**What no file and no variable may give**: ") == typed
    assert named(DECISION.read_text(), "- **Only typed**: ") == typed
    assert named(PAGE, "- It may not give ") == NOT_FOUND - WRITES_FILES


# --- a stranger's file ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", sorted(NOT_FOUND - {"man", "csv", "html", "page", "ocsf", "report"})
)
def test_a_file_that_was_only_found_may_not_give(name: str, machine: Machine) -> None:
    commands = Commands.below(GROUP, everywhere())  # type: ignore[arg-type]  # as above
    words = next(words for words, options in commands.options.items() if name in options)
    text = f"[{'.'.join(words)}]\n{name} = {sample(commands.options[words][name])}\n"
    file = machine.found(text)

    said = refused("doctor")

    assert said == (
        f"{file}:2: {name}: is not taken from a file that was only found: name the file by "
        "--config if you trust it"
    )
    assert run("config", "show", "--config", str(file), "doctor").exit_code == 0


@pytest.mark.parametrize(
    "args",
    [
        ("--enforce", "--yes"),
        ("--notify", "ses"),
        ("--enforce", "--yes", "--notify", "ses"),
    ],
)
def test_where_nobody_is_asked_a_found_file_has_to_be_named(
    args: tuple[str, ...], cloud: LocalCloud, machine: Machine
) -> None:
    [key] = add_user(cloud, SHOP, "old", 200)
    file = machine.found(f'role-name = "{ROLE}"\nbucket = "attackers"\n')

    said = refused("run", *args)

    assert f"--config {file}, or --no-config" in said
    assert [each.key_id for each in cloud.keys(SHOP)] == [key]


def test_nor_where_a_file_or_a_variable_keeps_the_question_away(
    cloud: LocalCloud, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    [key] = add_user(cloud, SHOP, "old", 200)
    file = machine.found(f'role-name = "{ROLE}"\nbucket = "attackers"\n')
    monkeypatch.setenv("KEYTURN_NOTIFY", "ses")
    by_variable = [refused("run"), refused("run", "--enforce"), refused("rotate", "old")]
    monkeypatch.delenv("KEYTURN_NOTIFY")
    machine.own.write_text('[run]\nnotify = "ses"\n')
    by_own = refused("run")
    machine.own.write_text("[run]\nnotify = []\n")
    by_none = run("run")

    rule = "goes with a settings file only if you name it"
    assert all(said.startswith(f"KEYTURN_NOTIFY: {rule}") for said in by_variable)
    assert by_own.startswith(f"{machine.own}:2: notify: {rule}")
    assert f"--config {file}, or --no-config" in by_own
    assert rule not in by_none.stderr
    assert not cloud.sent_mails
    assert [each.key_id for each in cloud.keys(SHOP)] == [key]


def test_before_a_question_each_found_value_is_shown_with_its_line(machine: Machine) -> None:
    file = machine.found('bucket = "attackers"\n')

    result = run("run", "--enforce", "--role-name", ROLE)

    assert result.exit_code == 2
    assert f"{file}:1: bucket = attackers\n" in result.stderr


def test_a_reader_says_which_found_file_it_goes_by(cloud: LocalCloud, machine: Machine) -> None:
    file = machine.found("rotation-period = 80\nno-color = true\ndebug = true\n")

    result = run("plan")

    assert result.exit_code == 0
    assert f"{file} gives debug, rotation-period\n" in result.stderr


def test_whom_it_asks_is_said_even_if_quiet(cloud: LocalCloud, machine: Machine) -> None:
    file = machine.found('rotation-period = 80\nbucket = "attackers"\nprefix = "p"\n')

    result = run("--quiet", "plan")

    assert result.stderr.splitlines()[0] == f"{file} gives bucket = attackers, prefix = p"
    assert "rotation-period" not in result.stderr


def test_no_role_of_a_strangers_account_is_assumed(cloud: LocalCloud, machine: Machine) -> None:
    """Whichever line comes first is named; no other line makes up for it."""
    machine.found(
        f'role-name = "{ROLE}"\norg-list-account = "{SHOP}"\norg-list-role = "evil"\n'
        'external-id = "x-9999"\n'
    )

    result = run("--debug", "plan")

    assert result.exit_code == 2
    assert ":2: org-list-account: is not taken from a file that was only found" in result.stderr
    assert "AssumeRole" not in result.stderr


def test_a_file_of_another_user_or_for_everybody_is_refused(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = machine.found('region = "eu-west-1"\n')
    file.chmod(0o666)
    for_all = refused("plan")
    file.chmod(0o664)
    of_the_group = shown("plan")["--region"]["source"]
    owner = os.stat(file).st_uid or 1  # noqa: PTH116 -- root's files are everybody's
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    if file.stat().st_uid == 0:
        os.chown(file, owner, -1)
    of_another = refused("plan")
    named = shown("plan", "--config", str(file))

    assert for_all.startswith(f"{file}: every user of this machine may change it")
    assert of_the_group == "file"
    assert of_another.startswith(f"{file}: belongs to another user (uid {owner})")
    assert named["--region"]["value"] == "eu-west-1"


@pytest.mark.parametrize("command", sorted(OF_AN_OWNER))
def test_an_owners_command_takes_only_its_own_section_of_their_own_file(
    command: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYTURN_REGION", "us-east-1")
    machine.own.write_text('region = "us-east-1"\n')
    of_others = shown(command)["--region"]["source"]
    machine.own.write_text(f'[{command}]\nregion = "eu-west-1"\n')
    of_its_own = shown(command)["--region"]["value"]
    file = machine.found(f'[{command}]\nregion = "eu-west-2"\n')

    said = refused(command)

    assert (of_others, of_its_own) == ("default", "eu-west-1")
    assert said.startswith(f"{file}:2: region: is not taken from a file that was only found")


# --- as a process --------------------------------------------------------------------------------


def test_a_process_finds_its_file_upwards_and_says_where_a_wrong_profile_stands(
    machine: Machine,
) -> None:
    below = machine.work / "below"
    below.mkdir()
    file = machine.found('profile = "nobody"\n')
    env = {"PATH": os.environ["PATH"], "HOME": str(machine.home), "AWS_REGION": "us-east-1"}

    done = subprocess.run(
        [sys.executable, "-m", "keyturn.cli", "plan"],
        cwd=below,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"{file} gives profile = nobody",
        f"{file}:1: profile nobody: is not in your AWS configuration",
    ]
    assert OURS not in done.stdout


def test_no_option_that_writes_a_file_stands_on_top() -> None:
    shared = Commands.below(GROUP, everywhere()).shared()  # type: ignore[arg-type]  # as above

    assert {"profile", "region", "bucket", "role-name", "deployed", "quiet"} <= shared.keys()
    assert shared.keys() & (WRITES_FILES | TYPED_ALONE | {"format", "user", "days"}) == set()
