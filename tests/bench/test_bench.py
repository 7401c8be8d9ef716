"""The bench itself, on a scale that takes seconds: what it counts is what is called."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.bench.__main__ import main
from tests.bench.day import day
from tests.bench.figures import as_json, ratios, read, table
from tests.bench.process import ROOT, emulated
from tests.bench.rows import Asked, Row, due_rows
from tests.bench.scene import Scene
from tests.bench.table import LINES, MARKS, PAGE, rows, section
from tests.diagram import page_with

USERS, DUE = 5, 2
ROW = Row(name="a day", figures={"calls": 12, "rotation s": 0.5}, aims={"calls": 10})


def test_a_day_in_processes_of_their_own_is_counted_call_by_call() -> None:
    asked, scene = Asked(checkout=ROOT), Scene(accounts=1, users=USERS)

    [row] = due_rows("due, 1 x 5", asked, (0,), scene, due=DUE)

    assert row.name == "due, 1 x 5, 0 ms"
    assert row.figures["not rotated"] == row.figures["handed back"] == 0
    assert row.figures["mails"] == 2  # the account's owner, and the administrators
    assert row.calls["iam:CreateAccessKey"] == row.calls["secretsmanager:PutSecretValue"] == DUE
    assert row.calls["iam:ListAccessKeys"] >= USERS
    assert row.figures["calls"] == sum(row.calls.values())
    assert min(row.figures[each] for each in ("rotation s", "CPU ms a user", "peak MB")) > 0


def test_what_is_throttled_is_counted_and_tried_again() -> None:
    with emulated(Scene(accounts=1, users=USERS)) as emulator:
        emulator.order("throttled", 0.1)
        took = day(emulator)

        assert took.rotation.throttled > 0
        assert took.rotation.back == 0
        assert took.rotation.calls.total() - took.rotation.throttled >= USERS


def test_what_is_written_as_json_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "measured.json"
    path.write_text(json.dumps(as_json({ROW.name: ROW}, {"commit": "1234567"})))

    assert read(path) == {ROW.name: ROW}


def test_each_figure_stands_beside_its_aim_and_beside_what_it_was() -> None:
    before = Row(name="a day", figures={"calls": 24})

    assert [line.split() for line in table({ROW.name: ROW}).splitlines()] == [
        ["a", "day", "calls", "12", "10", "no"],
        ["a", "day", "rotation", "s", "0.50"],
    ]
    assert ratios({ROW.name: ROW}, {"a day": before}).split()[-4:] == ["calls", "24", "12", "0.50"]


def test_what_was_measured_of_no_commit_is_said_to_be_missing() -> None:
    missing = rows({}, {})

    assert len(missing) == len(LINES)
    assert all(line.endswith("| not measured yet |") for line in missing)


@pytest.mark.parametrize(
    ("option", "rule"),
    [
        ("--base docs", "is neither a checkout of Keyturn nor a commit"),
        ("--base nowhere", "is neither a checkout of Keyturn nor a commit"),
        ("--checkout docs", "is no checkout of Keyturn"),
        ("--checkout /nonexistent", "is no checkout of Keyturn"),
    ],
)
def test_what_is_no_checkout_is_refused_before_anything_is_measured(
    option: str, rule: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.argv", ["bench", "quiet", *option.split()])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"make bench: error: {option}: {rule}"


@pytest.mark.parametrize("ends", [True, False])
def test_a_record_is_written_at_the_end_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, ends: bool
) -> None:
    def measured(_: Asked) -> Iterator[Row]:
        yield ROW

    def ended(_: Asked) -> Iterator[Row]:
        yield ROW
        if not ends:
            sys.exit(1)

    files = [tmp_path / "baseline.json", tmp_path / "measured.json"]
    for name, path in zip(("BEFORE", "NOW"), files, strict=True):
        path.write_text('{"commit": "1234567"}')
        monkeypatch.setattr(f"tests.bench.__main__.{name}", path)
    monkeypatch.setattr("tests.bench.__main__.MEASURES", {"one": measured, "two": ended})
    monkeypatch.setattr("sys.argv", ["bench", "one", "two", "--record", "--base", str(ROOT)])

    with nullcontext() if ends else pytest.raises(SystemExit):
        main()

    assert sorted(tmp_path.iterdir()) == files
    assert [path.read_text() != '{"commit": "1234567"}' for path in files] == [ends, ends]


@pytest.mark.parametrize(
    ("words", "has", "lacks"),
    [
        ("bench-compare RECORD=0", "--compare", "--record"),
        ("bench-compare RECORD=1", "--record", "--long"),
        ("bench PAGES=0 B=quiet", "tests.bench  quiet", "pages"),
        ("bench PAGES=1 B=quiet", "tests.bench pages quiet", "--long"),
        ("bench BENCH=long", "--long", "pages"),
        ("scale CALIBRATE=0", "CALIBRATE= ", "CALIBRATE=1"),
        ("scale CALIBRATE=1", "CALIBRATE=1 ", "CALIBRATE= "),
        ("chaos LONG=0", "CHAOS=ci", "CHAOS=long"),
        ("bench BENCH=LONG", "BENCH=LONG: must be long, or not given", "tests.bench"),
    ],
)
def test_make_takes_a_switch_of_0_for_no(words: str, has: str, lacks: str) -> None:
    command = ["make", "-n", *words.split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    said = done.stdout + done.stderr
    assert has in said
    assert lacks not in said


def test_the_manuals_table_is_of_the_committed_figures() -> None:
    page = PAGE.read_text("utf-8")

    assert page_with(section(), page, MARKS) == page, "run: .venv/bin/python -m tests.bench.table"
