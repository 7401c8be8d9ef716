"""The log's lines: each event has its row in the manual, and each line its event and its facts."""

import json
import re
from logging import getLevelName
from pathlib import Path

import pytest

from keyturn.functions.log_lines import LINES, LogEvent, log, logger_of
from tests.use_cases.harness import Harness, lose_answer

PAGE = (Path(__file__).parents[2] / "docs" / "events.md").read_text()
SECTION = PAGE.partition("## Log lines\n")[2].partition("\n## ")[0]
ROWS = {
    event: [cell.strip() for cell in cells.split("|")]
    for event, cells in re.findall(r"^\| `([\w.-]+)` \|(.*)\|$", SECTION, re.MULTILINE)
}


def test_the_manual_lists_every_event_and_no_other() -> None:
    assert set(ROWS) == set(LogEvent) == set(LINES)


@pytest.mark.parametrize("event", LogEvent)
def test_a_row_tells_the_level_and_the_facts(event: LogEvent) -> None:
    level, _, facts, _ = ROWS[event]
    always, _, sometimes = facts.partition("sometimes")

    assert level == getLevelName(LINES[event].level)
    assert re.findall(r"`(\w+)`", always) == list(LINES[event].facts)
    assert re.findall(r"`(\w+)`", sometimes) == list(LINES[event].sometimes)


@pytest.mark.parametrize("text", ['{"level": "DEBUG"}', "137", "true", "Nothing was due"])
def test_a_text_that_reads_like_json_stays_a_text(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log(logger_of(f"tested with {text}"), LogEvent.RUN_WARNED, text)

    line = json.loads(capsys.readouterr().out)
    assert (line["message"], line["level"], line["event"]) == (text, "WARNING", "run.warned")


def test_a_decision_carries_its_facts_beside_its_text(stage: Harness) -> None:
    [key] = stage.user("deploy-bot", 137)

    answer = stage.invoke()

    [line] = [line for line in stage.lines() if line["event"] == "key.decided"]
    assert line["message"] == "Decision: ROTATE (age >= RotationPeriod=90)"
    assert {name: line[name] for name in LINES[LogEvent.KEY_DECIDED].facts} == {
        "account": answer["account"],
        "run": answer["run"],
        "user": "deploy-bot",
        "key": key,
        "age": 137,
        "state": "ACTIVE",
        "action": "ROTATE",
        "reason": "rotation-due",
        "dry_run": answer["dry_run"],
    }


def test_a_key_whose_secret_was_never_stored_is_named_by_its_facts(stage: Harness) -> None:
    stage.user("ann", 90)
    stage.cloud.layers.append(lose_answer("CreateAccessKey"))

    stage.run()
    stage.at(1).run()

    [orphan] = {line["key"] for line in stage.lines() if line["event"] == "key.quarantined"}
    assert orphan in stage.keys("ann")


def test_the_line_says_where_it_was_logged_from(stage: Harness) -> None:
    stage.user("ann", 1)

    stage.invoke()

    places = {line["location"].partition(":")[0] for line in stage.lines()}
    assert "log" not in places
