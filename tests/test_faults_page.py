"""Every row of "What happens when…" is true by a test, which it names in a comment."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/faults.md").read_text()
TESTS = set(
    re.findall(
        r"^\s*def (test_\w+)",
        "".join(file.read_text() for file in (ROOT / "tests").rglob("test_*.py")),
        re.MULTILINE,
    )
)
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and "---" not in line]
FACTS = [row for row in ROWS if not row.startswith("| what happens ")]


@pytest.mark.parametrize("row", FACTS, ids=lambda row: row.split("|")[1].strip())
def test_each_row_names_the_tests_that_prove_it(row: str) -> None:
    [comment] = re.findall(r"<!-- (.*?) -->", row)

    assert set(comment.split()) <= TESTS


def test_the_page_has_a_row_for_each_fault() -> None:
    assert len(FACTS) > 25
    assert len({row.split("|")[1] for row in FACTS}) == len(FACTS)
