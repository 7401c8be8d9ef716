"""The bench itself, on a scale that takes seconds: what it counts is what is called."""

import json
from pathlib import Path

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


def test_the_manuals_table_is_of_the_committed_figures() -> None:
    page = PAGE.read_text("utf-8")

    assert page_with(section(), page, MARKS) == page, "run: .venv/bin/python -m tests.bench.table"
