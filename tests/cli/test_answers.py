"""What an answer looks like: at every width, in files and for spreadsheets."""

import csv
import io
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.cli.organisation import (
    CLOSED_TO_US,
    GROUP,
    OURS,
    ROLE,
    SHOP,
    TELLING,
    add_user,
)

IN_THE_SHOP = ("--role-name", ROLE, "--account", SHOP)
ENFORCED = ("run", "--enforce", "--yes", *TELLING, *IN_THE_SHOP)


def keyturn(*args: str, width: int = 200) -> Result:
    return CliRunner(env={"COLUMNS": str(width)}).invoke(app, args)


def rows(text: str) -> dict[str, dict[str, str]]:
    return {row["key"]: row for row in csv.DictReader(io.StringIO(text))}


@pytest.mark.parametrize("width", [40, 50, 59, 60, 77, 78, 80, 100, 119, 120, 139, 140, 160])
def test_at_every_width_a_date_says_what_it_is_for(cloud: LocalCloud, width: int) -> None:
    [old] = add_user(cloud, SHOP, "reports,finance", 137)
    [warned] = add_user(cloud, SHOP, "stock-backup", 77)
    busy = add_user(cloud, SHOP, "etl-nightly-of-the-warehouse", 300, 120)
    for key in busy:
        cloud.key_session(key).client("sts").get_caller_identity()

    answer = keyturn("plan", "--all", *IN_THE_SHOP, width=width).stdout

    lines = answer.splitlines()
    assert max(map(len, lines)) <= width
    assert [line for line in lines if line != line.rstrip()] == []
    assert all(key in answer for key in (old, warned, *busy))
    text = " ".join(answer.split())
    assert "DISABLE 2026-03-12" in text
    assert "ROTATE 2026-03-15" in text
    assert "WAIT 20" not in text.replace("SHOP", "")
    assert "next: WAIT" not in text
    assert "it is 137 days old" in text
    if width < 78:
        assert "reports,finance" in text
    found = re.findall(r"(\S+) 2026-\d\d-\d\d", text)
    assert set(found) <= {"DISABLE", "ROTATE", "check", "NOTICE", "on", "until", "from"}


def test_of_a_key_that_waits_it_is_said_when_it_is_looked_at_again(cloud: LocalCloud) -> None:
    busy = add_user(cloud, SHOP, "etl", 300, 120)
    cloud.deny(SHOP, "GetAccessKeyLastUsed")

    answer = keyturn("plan", *IN_THE_SHOP, width=80).stdout

    assert busy[0] in answer
    assert re.search(r"WAIT +check 2026-03-03", answer), answer


def test_a_file_that_was_written_is_named_with_what_it_holds(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    add_user(cloud, SHOP, "orders", 137)
    add_user(cloud, SHOP, "ann", 3)
    file = str(tmp_path / "out")

    planned = keyturn("plan", *IN_THE_SHOP, "-o", file)
    table = Path(file).read_text()
    done = keyturn(*ENFORCED, "--account", CLOSED_TO_US, "--format", "csv", "-o", file)

    assert planned.stderr.endswith(f"wrote {file}: 2 keys, 1 due\n")
    assert [line for line in table.splitlines() if line != line.rstrip()] == []
    assert done.stderr.endswith(f"wrote {file}: 2 keys, 1 done, 0 not done, 1 failure\n")
    assert (planned.stdout, done.stdout) == ("", "")
    assert (planned.exit_code, done.exit_code) == (0, 1)


def test_a_hyphen_is_standard_output(
    cloud: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [key] = add_user(cloud, SHOP, "orders", 137)
    monkeypatch.chdir(tmp_path)

    result = keyturn("plan", *IN_THE_SHOP, "--format", "csv", "-o", "-")

    assert key in rows(result.stdout)
    assert "wrote" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_csv_of_a_run_says_what_was_done(cloud: LocalCloud) -> None:
    [old] = add_user(cloud, SHOP, "orders", 137)
    [young] = add_user(cloud, SHOP, "ann", 3)
    [broken] = add_user(cloud, SHOP, "broken", 137)
    client = cloud.session(SHOP).client("secretsmanager")
    client.create_secret(Name=f"Account_{SHOP}_User_broken_AccessKey", SecretString="theirs")

    planned = rows(keyturn("plan", *IN_THE_SHOP, "--format", "csv").stdout)
    done = rows(keyturn(*ENFORCED, "--format", "csv").stdout)

    new = next(
        key.key_id for key in cloud.keys(SHOP) if key.user == "orders" and key.key_id != old
    )
    told = ("done", "new_key")
    assert {tuple(row[name] for name in told) for row in planned.values()} == {("", "")}
    assert [done[old][name] for name in told] == ["yes", new]
    assert [done[young][name] for name in told] == ["no", ""]
    assert [done[broken][name] for name in told] == ["no", ""]


def test_csv_of_a_run_says_what_went_wrong(cloud: LocalCloud) -> None:
    [old] = add_user(cloud, SHOP, "orders", 137)
    cloud.deny(SHOP, "PutSecretValue")

    result = keyturn(*ENFORCED, "--format", "csv")

    row = rows(result.stdout)[old]
    assert result.exit_code == 1
    assert (row["done"], row["new_key"]) == ("no", "")
    assert "PutSecretValue" in row["error"]


@pytest.mark.parametrize("form", ["csv", "excel"])
def test_no_name_becomes_a_formula_or_turns_a_row_around(cloud: LocalCloud, form: str) -> None:
    cloud.organization.accounts[SHOP].name = "\u202e=cmd\u2066\nCafé"
    add_user(cloud, SHOP, "=cmd", 3)

    result = keyturn("plan", *IN_THE_SHOP, "--format", form)

    [row] = rows(result.stdout.removeprefix("\ufeff")).values()
    assert row["user"] == "'=cmd"
    assert row["name"] == "\ufffd=cmd\ufffd\ufffdCafé"


@pytest.mark.parametrize("begins", "=+-@＝＋－＠﹦﹢﹣﹫")  # noqa: RUF001 -- that is the point
def test_what_begins_as_a_formula_is_text(cloud: LocalCloud, begins: str) -> None:
    cloud.organization.accounts[SHOP].name = f"{begins}cmd"
    add_user(cloud, SHOP, "ann", 3)

    [row] = rows(keyturn("plan", *IN_THE_SHOP, "--format", "csv").stdout).values()

    assert row["name"] == f"'{begins}cmd"


def test_excel_reads_its_csv_right_and_programs_read_theirs(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    add_user(cloud, SHOP, "orders", 137)
    plain, excel = tmp_path / "plain.csv", tmp_path / "excel.csv"

    keyturn("plan", *IN_THE_SHOP, "--format", "csv", "-o", str(plain))
    keyturn("plan", *IN_THE_SHOP, "--format", "excel", "-o", str(excel))

    assert plain.read_bytes().startswith(b"account,")
    assert excel.read_bytes().startswith(b"\xef\xbb\xbfaccount,")
    [row] = rows(plain.read_text()).values()
    [same] = rows(excel.read_text("utf-8-sig")).values()
    assert row["account"] == SHOP
    assert same == {**row, "account": f'="{SHOP}"'}


def test_the_quiet_keys_are_counted_in_good_english(cloud: LocalCloud) -> None:
    iam = cloud.session(SHOP).client("iam")
    said = []
    for number, exempt in enumerate((True, True, False)):
        add_user(cloud, SHOP, f"bot-{number}", 3)
        if exempt:
            iam.add_user_to_group(GroupName=GROUP, UserName=f"bot-{number}")
        said += [
            line for line in keyturn("plan", *IN_THE_SHOP).stdout.splitlines() if "--all" in line
        ]

    assert said == [
        "1 key needs nothing now, its user is exempt; --all lists them.",
        "2 keys need nothing now, all of them exempt; --all lists them.",
        "3 keys need nothing now, 2 of them exempt; --all lists them.",
    ]


def test_a_warning_names_the_accounts_that_it_is_about(cloud: LocalCloud) -> None:
    cloud.session(SHOP).client("iam").delete_group(GroupName=GROUP)
    add_user(cloud, SHOP, "orders", 3)

    of_one = keyturn("plan", "--role-name", ROLE)
    of_both = keyturn("plan", *IN_THE_SHOP, "--account", OURS, "--exemption-group", "Nobody")

    assert f"nobody is exempt ({SHOP} shop)" in of_one.stderr
    assert "nobody is exempt (all 2 accounts)" in of_both.stderr
