"""The runbook is complete: each alarm, reason to wait and line of trouble has its entry, truly."""

import re
import subprocess
from logging import WARNING
from pathlib import Path
from typing import Final

import pytest

from keyturn.domain.decision import Reason
from keyturn.functions.log_lines import LINES

ROOT = Path(__file__).parent.parent
ENGINE = ROOT / "src" / "keyturn"
PAGE = (ROOT / "docs" / "runbook.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", PAGE, re.MULTILINE))
ENTRIES: dict[str, str] = dict(
    re.findall(r"^### (.+)\n((?:(?!#+ ).*\n)*)", SECTIONS["Alarms"], re.MULTILINE)
)
WAITS, ODD, LOGGED = "Why a key waits", "What is odd about a key", "What the log says"
FAILED = "What a failure says"

NOTHING_IS_WRONG: Final = {
    Reason.NOTHING_DUE,
    Reason.EXEMPT,
    Reason.ROTATION_AHEAD,
    Reason.DISABLING_AHEAD,
    Reason.DELETION_AHEAD,
    Reason.ROTATION_DUE,
    Reason.FORCED,
    Reason.WINDOW_RUNNING,
    Reason.GRACE_RUNNING,
    Reason.WINDOW_OVER,
    Reason.GRACE_OVER,
    Reason.UNUSED,
    Reason.DEFERRED,
}
"""Reasons of a key's ordinary life; whoever adds a reason decides which it is."""


TEMPLATES = "".join(path.read_text() for path in (ROOT / "CloudFormation").glob("*.yaml"))
ALARMS: dict[str, str] = dict(
    re.findall(
        r"^ +AlarmName: (Keyturn-\w+)\n +AlarmDescription: \"(.*)\"$", TEMPLATES, re.MULTILINE
    )
)
"""Every alarm of every template, by its name, with its description."""


def rows(section: str) -> dict[str, list[str]]:
    """The rows of a section's table: the word in code, and the other cells."""
    found = re.findall(r"^\| `([^`]+)` \|(.*)\|$", SECTIONS[section], re.MULTILINE)
    assert len({word for word, _ in found}) == len(found)
    return {word: [cell.strip() for cell in rest.split(" | ")] for word, rest in found}


def words_of(path: str | Path) -> str:
    """A file of the engine, with the parts of each string put together."""
    return re.sub(r"\"\n\s+f?\"", "", (ENGINE / path).read_text())


def waiting() -> set[str]:
    """The reasons with which a key may wait, as the lifecycle has them."""
    page = (ROOT / "docs" / "lifecycle.md").read_text().partition("\n## Reasons\n")[2]
    return set(re.findall(r"^\| `([^`]+)` \| [^|]*\bWAIT\b", page, re.MULTILINE))


def test_no_alarm_of_a_template_is_missed() -> None:
    assert len(ALARMS) == TEMPLATES.count("Type: AWS::CloudWatch::Alarm\n") > 30


def test_every_alarm_has_an_entry_and_every_entry_is_of_an_alarm() -> None:
    assert len(ENTRIES) == len(re.findall(r"^### ", PAGE, re.MULTILINE))
    assert set(ENTRIES) == set(ALARMS)


def test_every_alarm_names_its_entry() -> None:
    entry = {name: f" Runbook: docs/runbook.md#{name.lower()}" for name in ALARMS}

    assert [name for name in ALARMS if not ALARMS[name].endswith(entry[name])] == []


def test_every_entry_says_how_urgent_it_is_what_it_means_what_to_look_at_and_what_to_do() -> None:
    form = re.compile(
        r"\n\*\*(In the morning|Now)\b.+?\n\n- Look: [^\n]*`[^\n]+\n- Do: .+?\n\n?\Z", re.DOTALL
    )

    assert [name for name, text in ENTRIES.items() if not form.match(text)] == []


def test_every_reason_to_wait_has_an_entry() -> None:
    """One that is no more than odd at first may wait in the end; the other way round, too."""
    assert len(waiting()) > 15
    assert waiting() <= set(rows(WAITS))


def test_every_reason_has_an_entry_unless_nothing_is_wrong() -> None:
    assert set(rows(WAITS)) & set(rows(ODD)) == set()
    assert set(rows(WAITS)) | set(rows(ODD)) == set(Reason) - NOTHING_IS_WRONG


def test_every_line_of_trouble_has_an_entry() -> None:
    assert set(rows(LOGGED)) == {event for event, line in LINES.items() if line.level >= WARNING}


def test_every_failure_that_words_itself_has_an_entry() -> None:
    """InvalidValue quotes a rule, NoticesNotSent what other failures say."""
    classes = re.split(r"^class (\w+)", words_of("domain/errors.py"), flags=re.MULTILINE)[1:]
    worded = {
        name: text
        for name, text in zip(classes[::2], classes[1::2], strict=True)
        if re.search(r"super\(\).__init__\(\s*f?\"", text)
        and name not in {"InvalidValue", "NoticesNotSent"}
    }

    assert len(worded) > 6
    assert [
        name for name in worded if not any(each in worded[name] for each in rows(FAILED))
    ] == []


def test_the_words_of_every_failure_are_in_the_code() -> None:
    code = [words_of(path.relative_to(ENGINE)) for path in ENGINE.rglob("*.py")]

    assert [words for words in rows(FAILED) if not any(words in text for text in code)] == []


@pytest.mark.parametrize(("section", "cells"), [(WAITS, 3), (ODD, 3), (FAILED, 2), (LOGGED, 3)])
def test_every_row_is_whole(section: str, cells: int) -> None:
    found = rows(section)

    assert [word for word in found if len([each for each in found[word] if each]) != cells] == []


def test_every_function_of_the_shell_is_defined_before_it_is_used() -> None:
    defined = set(re.findall(r"^(\w+)\(\) \{", SECTIONS["First"], re.MULTILINE))
    used = set(re.findall(r"`(alarms|problems|ended|letters|empty|inventory)\b", PAGE))

    assert used == defined


def test_what_is_to_be_put_into_the_shell_is_shell() -> None:
    [block] = re.findall(r"^```sh\n(.*?)^```$", SECTIONS["First"], re.MULTILINE | re.DOTALL)

    subprocess.run(["/bin/sh", "-n"], input=block, text=True, check=True)


def test_what_the_commands_name_is_made_by_a_template() -> None:
    named = set(re.findall(r"\b(ASA-[\w-]+|asa-iam-key-[\w.-]*\w)\b", PAGE))
    made = set(re.findall(r"^ +(?:Queue|Function)?Name: ([\w.-]+)$", TEMPLATES, re.MULTILINE))

    assert len(named) > 8
    assert named <= made


def test_every_check_of_the_doctor_that_is_named_is_one() -> None:
    page = (ROOT / "docs" / "doctor.md").read_text().partition("\n## What it may find\n")[0]
    checks = set(re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE))
    named = [
        word
        for listed in re.findall(r"`doctor`: ((?:`[\w-]+`(?:, )?)+)", PAGE)
        for word in re.findall(r"`([\w-]+)`", listed)
    ]

    assert len(named) > 20
    assert set(named) <= checks
