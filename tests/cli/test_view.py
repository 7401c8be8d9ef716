"""What of a plan is shown: filters, order, a line for each account, the exit code."""

import csv
import io
import json
import re
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.cli.organisation import (
    CLOSED_TO_US,
    DAY,
    GROUP,
    NOW,
    OURS,
    ROLE,
    SHOP,
    add_user,
    build,
    environment,
)

EVERYWHERE = ("--role-name", ROLE, "--not-account", CLOSED_TO_US)


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """Nothing here is written, so one scene does for all."""
    with LocalCloud(now=NOW) as opened, pytest.MonkeyPatch.context() as patch:
        build(opened)
        for name, value in environment(opened.session(OURS)).items():
            patch.setenv(name, value)
        yield opened


@pytest.fixture(scope="module")
def keys(cloud: LocalCloud) -> dict[str, str]:
    """Keys by a letter: their users have names in another order than their ages."""
    made = {
        "old": add_user(cloud, OURS, "m-old", 300)[0],
        "young": add_user(cloud, OURS, "z-young", 3)[0],
        "due": add_user(cloud, SHOP, "A-due", 95)[0],
        "near": add_user(cloud, SHOP, "b-near", 85)[0],
    }
    made["used"], made["second"] = add_user(cloud, SHOP, "c-two", 200, 150)
    for each in ("used", "second"):
        cloud.use_key(SHOP, made[each], NOW - DAY)
    made["exempt"] = add_user(cloud, SHOP, "d-exempt", 90)[0]
    cloud.session(SHOP).client("iam").add_user_to_group(GroupName=GROUP, UserName="d-exempt")
    return made


def keyturn(*args: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, args)


def rows(*options: str) -> list[str]:
    """The keys of a plan, in order."""
    result = keyturn("plan", *EVERYWHERE, "--format", "csv", *options)
    assert result.exit_code == 0, result.stderr
    return [row["key"] for row in csv.DictReader(io.StringIO(result.stdout))]


@pytest.mark.parametrize(
    ("options", "letters"),
    [
        (("--action", "rotate"), {"old", "due"}),
        (("--action", "ROTATE", "--action", "Warn"), {"old", "due", "near"}),
        (("--state", "blocked"), {"used", "second"}),
        (("--state", "exempt"), {"exempt"}),
        (("--state", "rotated", "--state", "EXEMPT"), {"used", "exempt"}),
        (("--reason", "rotation-ahead"), {"near"}),
        (("--over-age", "90"), {"old", "due", "used", "second"}),
        (("--over-age", "89"), {"old", "due", "used", "second", "exempt"}),
        (("--over-age", "300"), set()),
        (("--over-age", "90", "--action", "rotate", "--state", "active"), {"old", "due"}),
    ],
)
def test_only_what_is_asked_for_is_shown(
    keys: dict[str, str], options: tuple[str, ...], letters: set[str]
) -> None:
    wanted = {keys[each] for each in letters}

    table = keyturn("plan", *EVERYWHERE, *options)
    document = json.loads(keyturn("plan", *EVERYWHERE, *options, "--format", "json").stdout)

    assert set(rows(*options)) == wanted
    assert {each for each in keys.values() if each in table.stdout} == wanted
    assert f"{len(keys) - len(wanted)} keys not shown" in table.stdout
    assert {
        made["key"] for account in document["accounts"] for made in account["decisions"]
    } == wanted


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--state", "ACTVE"), "--state ACTVE: must be one of ACTIVE, ROTATED, DISABLED"),
        (("--action", "kill"), "--action kill: must be one of"),
        (("--reason", "old"), "--reason old: must be one of nothing-due"),
        (("--over-age", "-1"), "--over-age -1: must be a whole number of days"),
        (("--over-age", "ninety"), "--over-age ninety: must be a whole number of days"),
        (("--sort", "age", "--format", "json"), "--sort age: goes with a table or CSV"),
        (("--summary", "--format", "csv"), "--summary: is a table"),
    ],
)
def test_a_word_that_is_none_is_refused_before_any_call(
    cloud: LocalCloud, option: tuple[str, ...], said: str
) -> None:
    before = len(cloud.calls)

    result = keyturn("plan", *option)

    assert result.exit_code == 2
    assert said in result.stderr
    assert len(cloud.calls) == before


@pytest.mark.parametrize(
    ("order", "letters"),
    [
        ("account", ["old", "young", "due", "near", "used", "second", "exempt"]),
        ("age", ["old", "used", "second", "due", "exempt", "near", "young"]),
        ("user", ["due", "near", "used", "second", "exempt", "old", "young"]),
        ("state", ["old", "young", "due", "near", "second", "exempt", "used"]),
    ],
)
def test_keys_are_sorted_over_all_accounts(
    keys: dict[str, str], order: str, letters: list[str]
) -> None:
    assert rows("--sort", order) == [keys[each] for each in letters]


def test_what_comes_first_is_listed_first(keys: dict[str, str]) -> None:
    result = keyturn("plan", *EVERYWHERE, "--format", "csv", "--sort", "next")

    days = [row["next_date"] for row in csv.DictReader(io.StringIO(result.stdout))]
    dated = [day for day in days if day]
    assert dated == sorted(dated)
    assert days[len(dated) :] == [""] * (len(days) - len(dated))
    assert keys


def test_a_sorted_table_says_each_time_which_account_it_is(keys: dict[str, str]) -> None:
    result = keyturn("plan", *EVERYWHERE, "--all", "--sort", "age", "--action", "rotate")

    listed = re.findall(
        rf"^{OURS}|^{SHOP}|{keys['old']}|{keys['due']}", result.stdout, re.MULTILINE
    )
    assert listed == [OURS, keys["old"], SHOP, keys["due"]]


@pytest.mark.usefixtures("keys")
def test_a_narrow_summary_breaks_no_account_and_no_date() -> None:
    result = CliRunner(env={"COLUMNS": "60"}).invoke(app, ["plan", *EVERYWHERE, "--summary"])

    [line] = [line for line in result.stdout.splitlines() if line.startswith(SHOP)]
    assert re.search(r"\d{4}-\d\d-\d\d$", line)


def test_a_summary_has_a_line_for_each_account(keys: dict[str, str]) -> None:
    by_id = keyturn("plan", *EVERYWHERE, "--summary")
    by_age = keyturn("plan", *EVERYWHERE, "--summary", "--sort", "age", "--over-age", "90")

    lines = [line.split() for line in by_id.stdout.splitlines()]
    assert lines[0] == ["Account", "Users", "Keys", "Due", "Blocked", "Oldest", "Failed", "Next"]
    [ours] = [line for line in lines if line[0] == OURS]
    [shop] = [line for line in lines if line[0] == SHOP]
    assert ours[2:8] == ["2", "2", "1", "0", "300d", "0"]
    assert shop[2:8] == ["4", "5", "2", "2", "200d", "0"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", ours[8])
    assert lines.index(ours) < lines.index(shop)
    assert not any(key in by_id.stdout for key in keys.values())
    assert re.search(r"7 keys: 3 due, 2 blocked", by_id.stdout)
    assert re.search(rf"{OURS}.*\n{SHOP}", by_age.stdout)
    assert "3 keys not shown" in by_age.stdout


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--not-account", CLOSED_TO_US), 3),
        (("--not-account", CLOSED_TO_US, "--action", "DELETE"), 0),
        (("--not-account", CLOSED_TO_US, "--state", "BLOCKED"), 0),
        ((), 1),
    ],
)
def test_the_exit_code_says_whether_something_is_due_and_a_failure_comes_first(
    keys: dict[str, str], options: tuple[str, ...], code: int
) -> None:
    told = keyturn("plan", "--role-name", ROLE, *options, "--exit-code")
    without = keyturn("plan", "--role-name", ROLE, *options)

    assert told.exit_code == code, told.stderr
    assert without.exit_code == (1 if code == 1 else 0)
    assert keys


@pytest.mark.parametrize("option", ["--state", "--action", "--reason", "--over-age", "--sort"])
def test_a_run_takes_no_filter(option: str) -> None:
    result = keyturn("run", option, "age")

    assert result.exit_code == 2
    assert f"No such option: {option}" in result.stderr


# --- words in the place of options ------------------------------------------------------------


def test_help_and_version_are_words_too() -> None:
    assert keyturn("version").stdout == keyturn("--version").stdout
    assert keyturn("help").stdout == keyturn("--help").stdout
    assert "--over-age" in keyturn("help", "plan").stdout
    assert "Usage: keyturn plan" in keyturn("help", "plan").stdout


def test_help_about_no_command_names_those_that_there_are() -> None:
    result = keyturn("help", "plane")

    assert result.exit_code == 2
    assert result.stderr.startswith("COMMAND plane: must be one of plan, run, explain,")
