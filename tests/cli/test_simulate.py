"""`keyturn simulate`: what it plays is what the functions then do, on the local AWS."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn_sandbox.simulation.deployment import ADMIN, BUCKET, PREFIX
from tests.schemas import SCHEMAS, closed
from tests.use_cases.harness import ASKED, MEMBER, Harness, staged

PERIODS = {
    "RotationPeriod": "10",
    "InactivePeriod": "14",
    "RecoveryGracePeriod": "8",
    "WarnDays": "3",
    "SpreadDays": "3",
    "MaxKeysPerDay": "1",
    "MaxPercentPerDay": "0",
}
OPTIONS = [
    *("--rotation-period", "10", "--inactive-period", "14", "--recovery-grace-period", "8"),
    *("--warn-days", "3", "--spread-days", "3"),
    *("--max-keys-per-day", "1", "--max-percent-per-day", "0", "--admin", ADMIN),
]
LIVED = 26
"""Days: a rotation, both windows, and the next rotation."""


def keyturn(*args: str, columns: int = 200) -> Result:
    return CliRunner(env={"COLUMNS": str(columns)}).invoke(app, args)


def copy_of(stage: Harness, folder: Path) -> Path:
    """A copy of the bucket on this machine."""
    for name, body in stage.cloud.objects(BUCKET).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return folder / PREFIX


def snapshot(stage: Harness) -> dict[str, Any]:
    name = f"{PREFIX}/snapshots/date={stage.cloud.now:%Y-%m-%d}/account={MEMBER}.json"
    found: dict[str, Any] = json.loads(stage.cloud.objects(BUCKET)[name])
    return found


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[Counter[str]]]]:
    """A dry run of a small company, its bucket then, and what the days after brought."""
    with staged() as stage:
        stage.settings.update(PERIODS, DryRunFlag="True")
        for name, ages in {
            "ann": (137,),
            "bob": (95,),
            "carl": (4,),
            "dora": (8,),
            "gina": (0,),
            "hugo": (300, 50),
            "ines": (40,),
        }.items():
            stage.user(name, *ages, Owner=f"{name[0]}@example.com")
        stage.user("fred", 200)
        stage.exempt("fred")
        stage.run({**ASKED, "dryrun": True})
        folder = copy_of(stage, tmp_path_factory.mktemp("copy"))
        stage.settings["DryRunFlag"] = "False"
        yield folder, [_day(stage, number) for number in range(1, LIVED + 1)]


def _day(stage: Harness, number: int) -> Counter[str]:
    """Live a day: people work with their newest keys, and the functions run."""
    stage.at(number - 0.05)
    for user in ("ann", "bob", "carl", "dora", "gina", "ines", "fred"):
        stage.use(list(stage.keys(user))[-1])
    stage.use(*stage.keys("hugo"))
    stage.at(number)
    before = len(stage.cloud.sent_mails)
    stage.run()
    found = Counter(
        {
            "ROTATE": "rotated",
            "DISABLE": "disabled",
            "DELETE": "deleted",
            "WARN": "warned",
            "NOTICE": "noticed",
        }.get(each["action"], "")
        for each in snapshot(stage)["keys"]
        if each["done"]
    )
    found["over_cap"] = sum(each["reason"] == "over-cap" for each in snapshot(stage)["keys"])
    for mail in stage.cloud.sent_mails[before:]:
        found["admin_mails" if ADMIN in mail.to else "owner_mails"] += 1
    return found


def played(folder: Path, *more: str) -> dict[str, Any]:
    asked = keyturn("simulate", "--folder", str(folder), *OPTIONS, *more, "--format", "json")
    assert asked.exit_code == 1, asked.output  # no inventory says which accounts there are
    found: dict[str, Any] = json.loads(asked.stdout)
    return found


def test_it_plays_what_the_functions_then_do(lived: tuple[Path, list[Counter[str]]]) -> None:
    folder, days = lived
    [setting] = played(folder, "--days", str(LIVED))["settings"]

    figures = ("warned", "rotated", "disabled", "deleted", "over_cap", "admin_mails")
    for number, (lived_day, day) in enumerate(zip(days, setting["days"], strict=True), start=1):
        assert {name: day[name] for name in figures} == {
            name: lived_day[name] for name in figures
        }, number
        mails = lived_day["owner_mails"]
        assert day["owner_mails_least"] <= mails <= day["owner_mails_most"], number
    assert sum(each["over_cap"] for each in setting["days"]) > 0
    assert setting["held"]["two-keys-in-use"] == 2
    assert setting["within_policy_on"] is None
    assert setting["exempt"] == 1


def test_settings_are_compared_and_each_form_says_the_same(
    lived: tuple[Path, list[Counter[str]]],
) -> None:
    folder, _ = lived
    more = ("--with", "maxkeysperday=50  SpreadDays=1", "--with", "AdminDigest=Daily")
    found = played(folder, *more)
    Draft202012Validator(closed(SCHEMAS["simulation"]())).validate(found)
    own, loose, daily = found["settings"]

    assert loose["setting"] == "maxkeysperday=50 SpreadDays=1"
    assert loose["parameters"]["MaxKeysPerDay"] == "50"
    assert sum(each["over_cap"] for each in loose["days"]) == 0
    assert max(each["disabled"] for each in loose["days"]) > 1
    assert sum(each["admin_mails"] for each in daily["days"]) == 0
    assert len(own["days"]) == 120
    for each in own["days"]:
        assert each["disabled"] == sum(
            each[f"ends_{word}"] for word in ("in_use", "not_in_use", "use_unknown")
        )
    place = ("simulate", "--folder", str(folder), *OPTIONS, *more)
    rows = list(csv.DictReader(io.StringIO(keyturn(*place, "--format", "csv").stdout)))
    assert [int(row["disabled"]) for row in rows] == [
        each["disabled"] for setting in found["settings"] for each in setting["days"]
    ]
    for columns in (80, 120, 160):
        table = keyturn(*place, columns=columns).stdout
        weeks = [line for line in table.splitlines() if re.match(r"\d{4}-\d\d-\d\d  ", line)]
        assert len(weeks) == 3 * 18
        assert all(len(line) <= columns for line in weeks)
        assert "NOT KNOWN: which accounts there are" in table
        assert "Each owner moves to a new key" in table
        assert "NOT within policy in 120 days" in table
        assert "two-keys-in-use" in table


def test_where_nobody_moves_to_a_new_key_it_says_what_breaks(
    lived: tuple[Path, list[Counter[str]]],
) -> None:
    folder, _ = lived
    hold = ("--hold-if-used-within", "3", "--max-hold", "9", "--days", "26")

    [moved] = played(folder, *hold)["settings"]
    [never] = played(folder, *hold, "--owners", "never")["settings"]

    first = [
        next(n for n, day in enumerate(each["days"]) if day["disabled"]) for each in (moved, never)
    ]
    assert first[1] > first[0]  # what is in use is held, up to MaxHold
    table = keyturn(
        *("simulate", "--folder", str(folder), *OPTIONS, "--owners", "never", "--days", "26")
    ).stdout
    assert "No owner ever moves to a new key." in table
    assert "the snapshots do not say when they were last used" in table


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--days", "0"], "--days 0: must be from 1 to 400"),
        (["--with", "SpreadDay=3"], "--with SpreadDay=3: must be NAME=VALUE, of RotationPeriod"),
        (["--with", "SpreadDays="], "--with SpreadDays=: needs a value"),
        (["--with", " "], "--with"),
        (["--with", "SpreadDays=2 spreaddays=3"], "names SpreadDays twice"),
        (["--with", "InactivePeriod=5"], "must be greater than"),
        (["--rotation-period", "200"], "--rotation-period 200: must be less than"),
        (["--account", "12"], "--account 12: must be the 12 digits"),
        (["--account", "999999999999"], "has no snapshot"),
        (["--bucket", "b"], "--bucket b: does not go with --folder"),
    ],
)
def test_what_is_wrong_is_refused_in_one_line(
    options: list[str], said: str, lived: tuple[Path, list[Counter[str]]]
) -> None:
    refused = keyturn("simulate", "--folder", str(lived[0]), *options)

    assert refused.exit_code == 2, refused.output
    assert said in refused.output
    assert refused.stdout == ""


def test_without_a_place_or_a_snapshot_it_says_so(tmp_path: Path) -> None:
    assert "--bucket: is needed, or --deployed, or --folder" in keyturn("simulate").output
    assert "must be a copy of the bucket" in keyturn("simulate", "--folder", str(tmp_path)).output
    (tmp_path / "snapshots").mkdir()
    assert "there are none" in keyturn("simulate", "--folder", str(tmp_path)).output
