"""`keyturn simulate`: what it plays is what the functions then do, on the local AWS."""

import csv
import io
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn.use_cases.play_account import OLD_SNAPSHOT
from keyturn_sandbox.emulator.cloud import LocalCloud
from keyturn_sandbox.simulation.deployment import ADMIN, BUCKET, PREFIX
from tests.cli.organisation import BUCKET as ORGANISATIONS
from tests.cli.organisation import NOW, OURS, SHOP, add_user, build, deploy, environment
from tests.cli.organisation import PREFIX as BELOW
from tests.schemas import SCHEMAS, closed
from tests.use_cases.harness import ASKED, MEMBER, Harness, staged

PERIODS = {
    "RotationPeriod": "10",
    "InactivePeriod": "14",
    "RecoveryGracePeriod": "8",
    "WarnDays": "3",
    "SpreadDays": "3",
    "RotateEarlyDays": "2",
    "MaxKeysPerDay": "1",
    "MaxPercentPerDay": "0",
}
OPTIONS = [
    *("--rotation-period", "10", "--inactive-period", "14", "--recovery-grace-period", "8"),
    *("--warn-days", "3", "--spread-days", "3", "--rotate-early-days", "2"),
    *("--max-keys-per-day", "1", "--max-percent-per-day", "0", "--admin", ADMIN),
]
LIVED = 22
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
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Counter[str]]]:
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
        return folder, [_day(stage, number) for number in range(1, LIVED + 1)]


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
    assert asked.exit_code == 1, asked.output
    assert asked.stderr == (
        "NOT KNOWN: which accounts there are; no inventory of the day can be read\n"
    )
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
    assert setting["nothing_late_on"] is None
    assert 0 < setting["within_policy"] < setting["active"]
    assert setting["exempt"] == 1


def test_settings_are_compared_and_each_form_says_the_same(
    lived: tuple[Path, list[Counter[str]]],
) -> None:
    folder, _ = lived
    beside = ("--with", "maxkeysperday=50  SpreadDays=1", "--with", "AdminDigest=Daily")
    more = ("--days", "42", *beside)
    found = played(folder, *more)
    Draft202012Validator(closed(SCHEMAS["simulation"]())).validate(found)
    own, loose, daily = found["settings"]

    assert loose["setting"] == "maxkeysperday=50 SpreadDays=1"
    assert loose["parameters"]["MaxKeysPerDay"] == "50"
    assert sum(each["over_cap"] for each in loose["days"]) == 0
    assert max(each["disabled"] for each in loose["days"]) > 1
    assert sum(each["admin_mails"] for each in daily["days"]) == 0
    assert len(own["days"]) == 42
    for each in own["days"]:
        assert each["disabled"] == sum(
            each[f"ends_{word}"] for word in ("in_use", "not_in_use", "use_unknown")
        )
    place = ("simulate", "--folder", str(folder), *OPTIONS, *more)
    rows = list(csv.DictReader(io.StringIO(keyturn(*place, "--format", "csv").stdout)))
    assert [int(row["disabled"]) for row in rows] == [
        each["disabled"] for setting in found["settings"] for each in setting["days"]
    ]
    for columns in (80, 160):
        table = keyturn(*place, columns=columns).stdout
        weeks = [line for line in table.splitlines() if re.match(r"\d{4}-\d\d-\d\d  ", line)]
        assert len(weeks) == 3 * 6
        assert all(len(line) <= columns for line in weeks)
        assert "NOT KNOWN: which accounts there are" in table
        assert "Each owner moves to a new key" in table
        assert "Some key is LATE to the end of 42 days, of what was seen" in table
        assert "(Active, and at most R=" in table
        assert "two-keys-in-use" in table


def test_where_nobody_moves_to_a_new_key_it_says_what_breaks(
    lived: tuple[Path, list[Counter[str]]],
) -> None:
    folder, _ = lived
    hold = ("--hold-if-used-within", "3", "--max-hold", "9", "--days", "22")

    [moved] = played(folder, *hold)["settings"]
    [never] = played(folder, *hold, "--owners", "never")["settings"]

    first = [
        next(n for n, day in enumerate(each["days"]) if day["disabled"]) for each in (moved, never)
    ]
    assert first[1] > first[0]  # what is in use is held, up to MaxHold
    table = keyturn(
        *("simulate", "--folder", str(folder), *OPTIONS, "--owners", "never", "--days", "22")
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


# --- plan --against: the same facts, other parameters

SAME = [*OPTIONS[:-2], "--format", "json", "--all"]


def against(path: Path | str, *more: str) -> dict[str, Any]:
    found = keyturn("plan", "--against", str(path), *more)
    assert found.exit_code == 0, found.output
    answer: dict[str, Any] = json.loads(found.stdout)
    Draft202012Validator(closed(SCHEMAS["plan-difference"]())).validate(answer)
    return answer


def test_with_the_parameters_of_the_run_nothing_differs(
    lived: tuple[Path, list[Counter[str]]],
) -> None:
    folder, _ = lived
    [file] = (folder / "snapshots").rglob("account=*.json")

    for path in (file, file.parent, folder):
        answer = against(path, *SAME)
        assert len(answer["keys"]) == 9
        assert not any(each["differs"] or each["supposed"] for each in answer["keys"])
        assert answer["counts"] == []


def test_what_a_changed_parameter_does_is_shown_for_each_key(
    lived: tuple[Path, list[Counter[str]]],
) -> None:
    folder, _ = lived
    sooner = ("--rotation-period", "3", "--inactive-period", "14", "--warn-days", "1")

    changed = against(folder, *sooner, "--format", "json")["keys"]
    found = {each["user"]: each for each in changed}

    carl = found["carl"]
    assert (carl["before"]["action"], carl["after"]["action"]) == ("KEEP", "ROTATE")
    assert carl["supposed"] == ["secret"]
    assert "fred" not in found
    at = SAME.index("--rotate-early-days")
    later = against(folder, *SAME[:at], *SAME[at + 2 :])
    moved = {
        each["user"]: [each[when]["next_date"] for when in ("before", "after")]
        for each in later["keys"]
        if each["differs"]
    }
    assert moved
    assert all(before < after for before, after in moved.values())
    retired = against(folder, *SAME, "--retire-in-use")
    hugo = [each for each in retired["keys"] if each["user"] == "hugo"]
    assert [each["before"]["reason"] for each in hugo] == ["two-keys-in-use"] * 2
    assert hugo[0]["after"]["action"] == "NOTICE"
    assert {"before": "WAIT", "after": "NOTICE", "keys": 1} in retired["counts"]
    unused = against(folder, *SAME, "--unused-period", "5")
    ann = next(each for each in unused["keys"] if each["user"] == "ann")
    assert ann["after"] is None
    assert ann["unknown"] == "the snapshot does not say when it was last used"
    table = keyturn("plan", "--against", str(folder), *OPTIONS[:-2], "--retire-in-use").stdout
    assert "1  WAIT -> NOTICE" in table
    assert "(two-keys-in-use" in table
    rows = keyturn("plan", "--against", str(folder), *sooner, "--format", "csv").stdout
    assert [row["user"] for row in csv.DictReader(io.StringIO(rows))] == [
        each["user"] for each in changed
    ]


def test_an_older_snapshot_says_what_it_cannot_answer(
    lived: tuple[Path, list[Counter[str]]], tmp_path: Path
) -> None:
    [file] = (lived[0] / "snapshots").rglob("account=*.json")
    found = json.loads(file.read_bytes())
    del found["facts"]
    (tmp_path / "account=1.json").write_text(json.dumps(found) + "\n")

    keys = {each["user"]: each for each in against(tmp_path, *SAME)["keys"]}

    assert keys["gina"]["after"] is not None or keys["gina"]["unknown"]
    assert "of an earlier version" in keys["hugo"]["unknown"]
    copy = tmp_path / "snapshots" / f"date={found['date']}"
    copy.mkdir(parents=True)
    (copy / f"account={MEMBER}.json").write_text(json.dumps(found) + "\n")
    asked = ("simulate", "--folder", str(tmp_path), *OPTIONS, "--format", "json")
    [setting] = json.loads(keyturn(*asked).stdout)["settings"]
    assert setting["not_foretold"].keys() == {OLD_SNAPSHOT}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--against", "nothing-there"], "--against nothing-there: cannot be read"),
        (["--against", "newest"], "needs --deployed or --bucket"),
        (["--against", "2026-03-02"], "needs --deployed or --bucket"),
        (["--against", ""], "--against"),
        (["--against", ".", "--role-name", "x"], "--role-name: does not go with --against"),
        (["--against", ".", "--owners"], "--owners: does not go with --against"),
        (["--against", ".", "--user", "ann"], "--user"),
        (["--against", ".", "--format", "excel"], "--format excel: does not go with --against"),
        (["--against", "."], "holds no snapshot"),
    ],
)
def test_what_does_not_go_with_against_is_refused(
    options: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = keyturn("plan", *options)

    assert refused.exit_code == 2, refused.output
    assert said in refused.output


# --- from the bucket


def test_a_bucket_and_its_copy_say_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalCloud(now=NOW) as cloud:
        build(cloud)
        deploy(cloud)
        for name, value in environment(cloud.session(OURS)).items():
            monkeypatch.setenv(name, value)
        add_user(cloud, SHOP, "orders", 137)
        keyturn("run", "--deployed", "--account", SHOP, "--enforce", "--yes")
        for name, body in cloud.objects(ORGANISATIONS).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        copy = tmp_path / BELOW
        bucket = ("--bucket", ORGANISATIONS, "--prefix", BELOW)
        as_json = ("--format", "json")

        answers = [
            keyturn("simulate", *place, *as_json)
            for place in (("--deployed",), bucket, ("--folder", str(copy)))
        ]
        compared = [
            keyturn("plan", "--against", what, *place, "--all", "--format", "json")
            for what, place in (
                ("newest", ("--deployed",)),
                (f"{NOW:%Y-%m-%d}", bucket),
                (str(copy), ()),
            )
        ]

    found = [json.loads(answer.stdout)["settings"][0]["days"] for answer in answers]
    assert found[0] == found[1] == found[2]
    assert [n for n, day in enumerate(found[0], start=1) if day["disabled"]] == [10, 100]
    assert len(found[0]) == 120
    keys = [json.loads(answer.stdout)["keys"] for answer in compared]
    assert keys[0] == keys[1] == keys[2]
    assert [(each["before"]["action"], each["differs"]) for each in keys[0]] == [("ROTATE", False)]


# --- cohorts

GUIDE = Path(__file__).parents[2] / "docs" / "rollout.md"
BOTH = "SpreadDays=14 RotateEarlyDays=14"


@pytest.fixture(scope="module")
def cohorts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 users in a dry run: keys of half are found old, those of the others are of one day."""
    with staged() as stage:
        stage.settings.update(DryRunFlag="True")
        for number in range(150):
            stage.user(f"user-{number}", 137 if number < 75 else 30)
        stage.run({**ASKED, "dryrun": True})
        return copy_of(stage, tmp_path_factory.mktemp("cohorts"))


def test_early_days_dissolve_cohorts_and_nothing_is_late_by_it(cohorts: Path) -> None:
    rounds = ("--days", "200", "--with", BOTH, "--format", "json")
    asked = keyturn("simulate", "--folder", str(cohorts), *rounds)
    plain, both = (each["days"] for each in json.loads(asked.stdout)["settings"])

    def rotated(days: list[dict[str, Any]]) -> dict[int, int]:
        return {n: each["rotated"] for n, each in enumerate(days, 1) if each["rotated"]}

    assert rotated(plain) == {1: 75, 60: 75, 91: 75, 150: 75, 181: 75}
    assert max(rotated(both).values()) < 15
    # Those of one day come in the 14 days before it; then drift apart further, round by round.
    assert {day for day in rotated(both) if 14 < day < 75} == set(range(46 + 1, 61))
    third = [day for day in rotated(both) if 120 < day <= 150]
    assert max(third) - min(third) == 26
    # Found old, a key is late until its user's day has come and its window is over.
    assert not any(each["late"] for each in both[24:])
    # From the next round on the endings come one after the other, too.
    assert max(each["disabled"] for each in plain[140:]) > 50
    assert max(each["disabled"] for each in both[140:]) < 15


def test_the_guide_shows_what_simulate_says_of_them(cohorts: Path) -> None:
    asked = ("--days", "120", "--with", "SpreadDays=14", "--with", BOTH)
    shown = keyturn("simulate", "--folder", str(cohorts), *asked).stdout
    [block] = re.findall(r"```\n( +No key late.*?)```", GUIDE.read_text(), re.DOTALL)

    assert len(block.splitlines()) == 4
    assert block in shown
