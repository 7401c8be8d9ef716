"""`keyturn report weekly` and `monthly`: from what runs have left in the bucket, or a copy."""

import csv
import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import ValidationError, validate
from typer.testing import CliRunner, Result

from keyturn.cli import periods
from keyturn.cli.app import app
from keyturn.domain.figures import SUMS
from keyturn.schemas.period_report import read_period_report
from tests.report.a_week import DAYS, a_week, aged
from tests.report.bucket import BOUGHT, LAB, NASTY, OWNER, SHOP, Bucket, key
from tests.schemas import SCHEMAS


@pytest.fixture(autouse=True)
def monday_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periods, "now", lambda: datetime(2026, 5, 25, 6, tzinfo=UTC))


def keyturn(*args: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["report", *args])


def told(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    validate(found, SCHEMAS["period-report"]())
    body = json.dumps(found).encode()
    assert read_period_report(body) is not None
    return found


def figures(found: dict[str, Any]) -> dict[str, Any]:
    return {name: each["value"] for name, each in found["figures"].items()}


def lines(found: dict[str, Any], name: str) -> list[tuple[Any, ...]]:
    worst = found["lists"][name]["worst"]
    return [(each["user"], each["since"], each["since_known"], each["what"]) for each in worst]


def test_a_week_says_what_stands_since_when_and_what_was_not_seen(tmp_path: Path) -> None:
    a_week(tmp_path)

    result = keyturn("weekly", "--folder", str(tmp_path), "--format", "json")

    found = told(result)
    assert (result.exit_code, found["period"], found["whole"]) == (1, "2026-W21", False)
    counted = figures(found)
    assert {name: counted[name] for name in ("keys", "keys_active", "keys_inactive")} == {
        "keys": 10,
        "keys_active": 9,
        "keys_inactive": 1,
    }
    assert {name: counted[name] for name in counted if name.startswith("accounts_")} == {
        "accounts_listed": 3,
        "accounts_whole": 1,
        "accounts_partly": 1,
        "accounts_never": 1,
    }
    assert lines(found, "blocked") == [("held", "2026-05-20", True, "both keys are in use")]
    assert lines(found, "overdue") == [
        ("late", "2026-05-22", True, "it is 93 days old, rotation comes at 90")
    ]
    assert lines(found, "restored") == [("back", "2026-05-21", True, "somebody enabled it")]
    assert [each[0] for each in lines(found, "without_owner")] == ["nobody"]
    printer, scanner = found["lists"]["exempt"]["worst"]
    assert (printer["ticket"], printer["reason"], printer["owner"], printer["expiry"]) == (
        "SEC-12",
        "firmware without an update",
        OWNER,
        "2026-08-01",
    )
    assert (scanner["ticket"], scanner["what"]) == ("", "it has no entry in the exemptions file")
    unseen = {each["account"]: each for each in found["lists"]["not_reached"]["worst"]}
    assert unseen[LAB]["what"] == ("seen on 5 days, and not on 2: AccessDenied: the role is gone")
    assert (unseen[LAB]["since"], unseen[BOUGHT]["what"]) == ("2026-05-22", "it had no run")


def test_the_parts_of_a_figure_add_up_and_each_figure_says_what_it_counts(tmp_path: Path) -> None:
    a_week(tmp_path)

    found = told(
        keyturn("monthly", "--period", "2026-05", "--folder", str(tmp_path), "--format", "json")
    )

    counted = figures(found)
    for whole, parts in SUMS.items():
        assert counted[whole] == sum(counted[part] for part in parts), whole
    # Of the lab nobody listed the secrets: they are in none of these figures, and not as 0.
    assert counted["secrets_accounts"] == 1
    assert all(each["definition"] for each in found["figures"].values())
    assert counted["keys_active"] > 0


def test_a_broken_exemptions_file_is_said_and_no_entry_is_denied_by_it(tmp_path: Path) -> None:
    a_week(tmp_path).put("exemptions.yaml", b"exemptions: []")

    found = told(keyturn("weekly", "--folder", str(tmp_path), "--format", "json"))

    assert "it must be an object with version: 1" in found["remarks"][0]
    assert {each["what"] for each in found["lists"]["exempt"]["worst"]} == {
        "the exemptions file is broken, and no entry for it can be read"
    }


def test_a_month_counts_what_was_done_and_how_soon_new_keys_were_used(tmp_path: Path) -> None:
    a_week(tmp_path)

    result = keyturn(
        "monthly",
        "--period",
        "2026-05-20",
        "--users-target",
        "5",
        "--folder",
        str(tmp_path),
        "--format",
        "json",
    )

    found = told(result)
    counted = figures(found)
    wanted = {
        "rotated": 1,
        "deleted": 1,
        "new_keys": 1,
        "new_keys_used": 1,
        "first_use_median": 3,
        "users": 8,
        "users_change": 1,
        "users_above_target": 3,
        "users_rotated": 1,
        "secrets_cost": 0.4,
        "secrets_accounts": 1,
        "secrets_known": 5,
        "secrets_stored": 4,
        "secrets_of_gone": 1,
        "secrets_cost_before": 2.0,
        "secrets_cost_after": 1.6,
    }
    assert {name: counted[name] for name in wanted} == wanted
    assert [(each["date"], each["users"], each["accounts"]) for each in found["trend"]][3:5] == [
        ("2026-05-21", 7, 2),
        ("2026-05-22", 8, 2),
    ]
    assert "CIS AWS 3.0.0 1.14" in found["figures"]["keys_within"]["controls"]
    rows = {each["account"]: each for each in found["accounts"]}
    assert (rows[SHOP]["rotated"], rows[SHOP]["oldest"], rows[BOUGHT]["last"]) == (1, 200, None)
    over, unknown = found["remarks"]
    assert over == "The month is not over: it is reported up to 2026-05-25"
    assert unknown == (
        "Nobody knows who was to be seen on 18 days from 2026-05-01 to 2026-05-25: no inventory "
        "left word. An account without a run on them may be missing here"
    )


def test_it_is_green_only_where_everything_was_seen(tmp_path: Path) -> None:
    bucket = Bucket(tmp_path)
    for day in DAYS:
        bucket.inventory(day, SHOP)
        bucket.snapshot(SHOP, day, [])

    whole = keyturn("weekly", "--folder", str(tmp_path))
    (tmp_path / f"snapshots/date={DAYS[3]}/account={SHOP}.json").write_bytes(b"{")
    unread = keyturn("weekly", "--folder", str(tmp_path))
    bucket.snapshot(SHOP, DAYS[3], [])
    (tmp_path / f"reports/daily/date={DAYS[0]}/inventory/run.json").unlink()
    unknown = keyturn("weekly", "--folder", str(tmp_path))
    nothing = keyturn("weekly", "--period", "2026-W02", "--folder", str(tmp_path))
    bucket.inventory(date(2026, 1, 6), SHOP)
    closed = keyturn("weekly", "--period", "2026-W02", "--folder", str(tmp_path))
    bucket.snapshot(SHOP, date(2026, 1, 6), [])
    one_day = keyturn("weekly", "--period", "2026-W02", "--folder", str(tmp_path))

    assert whole.exit_code == 0
    assert "Everything was seen: all 1 accounts on every day" in whole.stdout
    assert unread.exit_code == 1
    assert "NOT EVERYTHING WAS SEEN. not seen on every day: 1 account" in unread.stdout
    assert "its snapshot could not be read (it is of no known form, or has gone)" in unread.stdout
    assert (unknown.exit_code, "no inventory left word" in unknown.stdout) == (1, True)
    assert (nothing.exit_code, "NOTHING WAS SEEN" in nothing.stdout) == (1, True)
    # What nobody counted is no 0: neither where nobody knows who there is, nor where one does.
    assert not re.search(r": \$?0\b", nothing.stdout)
    assert "NOTHING WAS SEEN: none of 1 accounts was entered and read on any day" in closed.stdout
    assert "\nAccounts: 1\n" in closed.stdout
    assert re.findall(r"(?m)^(Keys|IAM users|Rotated): (.*)$", closed.stdout) == [
        ("Keys", "not known"),
        ("Rotated", "not known"),
        ("IAM users", "not known"),
    ]
    assert "\nKeys: 0\n" in one_day.stdout


def test_the_csv_has_every_line_and_no_formula(tmp_path: Path) -> None:
    a_week(tmp_path / "copy")
    file = tmp_path / "week.csv"

    keyturn("weekly", "--folder", str(tmp_path / "copy"), "--csv", str(file))

    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert [(row["list"], row["account"]) for row in rows if row["list"] == "account"] == [
        ("account", SHOP),
        ("account", LAB),
        ("account", BOUGHT),
    ]
    assert sorted(row["list"] for row in rows if row["user"]) == [
        "blocked",
        "exempt",
        "exempt",
        "overdue",
        "restored",
        "without_owner",
    ]


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (
            ("weekly", "--period", "soon"),
            "--period soon: must be a day of it, or its name, as 2026-W48",
        ),
        (
            ("monthly", "--period", "2026-W48"),
            "--period 2026-W48: must be a day of it, or its name, as 2026-11",
        ),
        (("weekly", "--period", "2026-W22"), ""),
        (
            ("weekly", "--period", "2026-06-01"),
            "--period 2026-06-01: has not begun yet, UTC",
        ),
        (
            ("weekly", "--users-target", "-1"),
            "--users-target -1: must be a number of users, or with its day, such as 120@",
        ),
        (("monthly", "--users-target", "120@2026-02-30"), "must be a number of users"),
        (("monthly", "--users-target", ""), "must be a number of users"),
        (("monthly", "--users-target", "120 @2026-12-31"), "must be a number of users"),
    ],
)
def test_a_period_that_is_none_is_refused(
    args: tuple[str, ...], line: str, tmp_path: Path
) -> None:
    Bucket(tmp_path).inventory(DAYS[0], SHOP)

    result = keyturn(*args, "--folder", str(tmp_path))

    assert (result.exit_code, line in result.stderr) == (2 if line else 1, True)


@pytest.mark.parametrize(("first", "second"), [("csv", "page"), ("csv", "ocsf"), ("page", "ocsf")])
def test_two_options_with_one_file_are_refused_before_anything_is_made(
    tmp_path: Path, first: str, second: str
) -> None:
    one, again = str(tmp_path / "z"), f"{tmp_path}/../{tmp_path.name}/z"

    result = keyturn("weekly", "--folder", "/nowhere", f"--{first}", one, f"--{second}", again)

    assert result.exit_code == 2
    assert result.stderr == f"--{second} {again}: is the file of --{first}, too\n"
    assert list(tmp_path.iterdir()) == []


def test_the_page_has_all_that_the_report_has_and_no_markup_of_others(tmp_path: Path) -> None:
    bucket = a_week(tmp_path / "copy")
    for day in DAYS:
        bucket.snapshot(LAB, day, [], name=NASTY)
    page = tmp_path / "week.html"

    result = keyturn("weekly", "--folder", str(tmp_path / "copy"), "--page", str(page))

    text = page.read_text()
    assert result.exit_code == 1
    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert "NOT EVERYTHING WAS SEEN" in text
    assert re.search(r'(src|href)="', text) is None
    for said in ("SEC-12", "both keys are in use", "ISO/IEC 27001:2022 A.5.17", "never"):
        assert said in text


# OCSF's own compiled schema, of which `$comment` says where it is from.
OCSF: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "report/ocsf/compliance_finding-1.3.0.json").read_text()
)


def test_findings_are_of_ocsfs_form_and_what_was_not_seen_is_no_pass(tmp_path: Path) -> None:
    a_week(tmp_path / "copy")
    file = tmp_path / "week.ocsf.json"

    keyturn("weekly", "--folder", str(tmp_path / "copy"), "--ocsf", str(file))

    found = [json.loads(line) for line in file.read_text().splitlines()]
    for each in found:
        validate(each, OCSF)
        for field in OCSF["required"]:
            with pytest.raises(ValidationError):
                validate({name: each[name] for name in each if name != field}, OCSF)
    with pytest.raises(ValidationError):
        validate({**found[0], "rotation": "none of OCSF's"}, OCSF)
    of_accounts = {
        each["cloud"]["account"]["uid"]: each["compliance"]["status"]
        for each in found
        if each["resources"][0]["type"] == "AwsAccount"
    }
    assert of_accounts == {SHOP: "Fail", LAB: "Warning", BOUGHT: "Warning"}
    keys = {each["resources"][0]["name"] for each in found} - {"account 2", "account 3"}
    assert keys - {"account 4"} == {"held", "printer", "scanner", "late"}
    assert len({each["finding_info"]["uid"] for each in found}) == len(found)


# --- the target, and the months before -----------------------------------------------------------


def months_before(bucket: Bucket) -> None:
    """March had 12 users, seen whole; April's report is missing."""
    where = ("--folder", str(bucket.root), "--format", "json")
    made = json.loads(keyturn("monthly", "--period", "2026-05", *where).stdout)
    march = made | {"period": "2026-03", "first": "2026-03-01", "last": "2026-03-31"}
    march |= {"over": True, "whole": True, "remarks": []}
    march["figures"]["users"]["value"] = 12
    march["figures"]["accounts_never"]["value"] = march["figures"]["users_left"]["value"] = 0
    body = json.dumps(march).encode()
    bucket.put("reports/monthly/date=2026-04-01/2026-03/report.json", body)
    bucket.put("reports/monthly/date=2026-05-01/2026-04/report.json", b"{}")


def test_a_month_says_how_users_stand_to_the_target_and_leaves_gaps(tmp_path: Path) -> None:
    months_before(a_week(tmp_path))
    page = tmp_path / "page.html"
    where = ("monthly", "--period", "2026-05", "--folder", str(tmp_path))

    found = told(keyturn(*where, "--users-target", "4@2026-09-30", "--format", "json"))
    text = keyturn(*where, "--users-target", "4@2026-09-30", "--page", str(page)).stdout
    easy = told(keyturn(*where, "--users-target", "100", "--format", "json"))
    none = told(keyturn(*where, "--format", "json"))

    assert found["months"] == [
        {"month": "2026-03", "users": 12, "whole": True},
        {"month": "2026-04", "users": None, "whole": False},
    ]
    # One account was never seen: nobody may take that for being ahead.
    assert found["course"] == (
        "At least 8 IAM users, target 4 by 2026-09-30: whether that is ahead or behind is not "
        "known, for not every account was seen (10 on the line from 12 on 2026-03-31)"
    )
    assert found["course"] in text
    assert "IAM users at the end of the months before: 2026-03 12; 2026-04 not known" in text
    assert found["course"] in page.read_text(encoding="utf-8")
    assert "2026-04" in page.read_text(encoding="utf-8")
    assert easy["course"].endswith(
        "target 100 by 2026-06-30: whether it is reached is not known, for not every account was "
        "seen"
    )
    assert none["course"] == ""


def test_a_report_counts_who_could_stop_having_keys_and_lists_them(tmp_path: Path) -> None:
    bucket = a_week(tmp_path)
    never = {"last_used": {"at": None, "service": None, "region": None}}
    bucket.snapshot(LAB, DAYS[-1], [key("idle", 30, **never), key("gitlab-ci", 31)])

    found = told(keyturn("weekly", "--folder", str(tmp_path), "--format", "json"))

    counted = figures(found)
    kinds = {name: number for name, number in counted.items() if name.startswith("way_out_")}
    assert {name: number for name, number in kinds.items() if number} == {
        "way_out_never_used": 1,
        "way_out_ci": 1,
        "way_out_not_known": 6,
    }
    assert counted["users_with_keys"] == sum(kinds.values())
    listed = lines(found, "way_out")
    assert [each[0] for each in listed][:2] == ["idle", "gitlab-ci"]
    assert listed[0][3] == (
        "Never used (proved): IAM knows no use of 1 Active key, read on "
        "2026-05-24. Instead: nothing: disable the keys, wait, delete them"
    )


def test_where_nobody_listed_the_secrets_their_cost_is_not_known_and_never_0(
    tmp_path: Path,
) -> None:
    bucket = Bucket(tmp_path)
    bucket.snapshot(SHOP, DAYS[0], [aged(DAYS[0], "ann", 1, 20), aged(DAYS[0], "bob", 2, 20)])

    found = told(
        keyturn("monthly", "--period", "2026-05", "--folder", str(tmp_path), "--format", "json")
    )

    counted = figures(found)
    assert {counted[name] for name in ("secrets_known", "secrets_cost_after")} == {None}
    assert (counted["secrets_accounts"], counted["secrets_cost_of_all"]) == (0, 0.8)


def test_a_day_without_an_inventory_in_the_middle_does_not_hide_the_course(tmp_path: Path) -> None:
    bucket = Bucket(tmp_path)
    for number, day in enumerate(DAYS):
        if number != 3:
            bucket.inventory(day, SHOP)
        bucket.snapshot(SHOP, day, [key(f"u{each}", each) for each in range(17 - number)])
    where = ("monthly", "--period", "2026-05", "--folder", str(tmp_path), "--format", "json")

    seen = told(keyturn(*where, "--users-target", "5@2026-05-30"))

    # Of the 25th, on which it is made, there is no inventory yet: who there is, nobody knows.
    assert seen["course"].startswith("At least 11 IAM users, target 5 by 2026-05-30: ")
    bucket.inventory(date(2026, 5, 25), SHOP)
    bucket.snapshot(SHOP, date(2026, 5, 25), [key(f"u{each}", each) for each in range(10)])
    sure = told(keyturn(*where, "--users-target", "5@2026-05-30"))
    assert sure["course"] == (
        "10 IAM users, target 5 by 2026-05-30: on the line (10 on the line from 17 on 2026-05-18)"
    )
