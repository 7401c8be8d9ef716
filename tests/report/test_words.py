"""The page's words: each action and source of an address that a snapshot can name has some."""

import re
from pathlib import Path

import pytest

from keyturn.domain.decision import WRITING, Action
from keyturn.domain.owner import WHERE

WORDS = Path(__file__).parents[2].joinpath("web/src/words.ts").read_text(encoding="utf-8")


def named(table: str) -> set[str]:
    """The keys of a table of the page's words."""
    table_of_words = rf"^export const {table}: .*?^}};|^const {table}: .*?^}};"
    found = re.search(table_of_words, WORDS, re.DOTALL | re.MULTILINE)
    assert found is not None
    return set(re.findall(r'^  "?([\w-]+)"?:', found[0], re.MULTILINE))


@pytest.mark.parametrize(
    ("table", "values"), [("ACTIONS", Action), ("DONE", WRITING), ("SOURCES", WHERE)]
)
def test_the_page_has_words_for_each(table: str, values: type[Action]) -> None:
    assert named(table) == set(map(str, values))
