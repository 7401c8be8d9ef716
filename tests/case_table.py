"""
Write the cases of the rule into docs/lifecycle.md, in their order: python -m tests.case_table.

They are read from the lists that `decide` walks, so the page can neither leave one out nor put
it in another place; a test checks that it is current.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from keyturn.domain.decision import Reason
from keyturn.domain.lifecycle.case import Case
from keyturn.domain.lifecycle.decide import BEFORE_THE_RECORD, CASES, ON_TOP, WITH_THE_RECORD
from keyturn.domain.lifecycle.parts import Part
from tests.diagram import page_with

PAGE = Path(__file__).parent.parent / "docs" / "lifecycle.md"
MARKS = "<!-- cases:start -->\n", "<!-- cases:end -->\n"

PARTS = {
    Part.ORPHAN: "left by a rotation that broke off: nobody has its secret",
    Part.INACTIVE: "Inactive",
    Part.RESTORED: "disabled by Keyturn and enabled again, less than G days ago",
    Part.REPLACED: "its user has a younger key that Keyturn made and delivered",
    Part.RETIRING: "of two keys that people made, the one that ends",
    Part.UNDECIDED: "of two keys that people made and that are due, none may go",
    Part.UNUSED: "the only Active key, due, and unused for `UnusedPeriod`",
    Part.ALONE: "the only Active key",
    Part.BESIDE: "it stays while another Active key is there",
}
UNREADABLE = f"where it cannot be read, they wait: `{Reason.RECORD_UNREADABLE}`"


def table() -> str:
    """Every list of cases, as Markdown."""
    return "\n".join(
        [
            "**Before the record is read**, for all keys of the user:",
            "",
            *_rows(BEFORE_THE_RECORD),
            "",
            f"**With the record**, for all keys of the user ({UNREADABLE}):",
            "",
            *_rows(WITH_THE_RECORD),
            *(line for parts, cases in _lists() for line in ("", *_list(parts, cases))),
            "",
            "**On top**, for a key that is kept, whatever its part:",
            "",
            *_rows(ON_TOP),
            "",
        ]
    )


def _lists() -> Iterator[tuple[list[Part], tuple[Case[Any, Any], ...]]]:
    """Each list once, with the parts that it is for."""
    for part, cases in CASES.items():
        same = [other for other in CASES if CASES[other] == cases]
        if part is same[0]:
            yield same, cases


def _list(parts: list[Part], cases: tuple[Case[Any, Any], ...]) -> Iterator[str]:
    names = "; or ".join(f"**{part}**: {PARTS[part]}" for part in parts)
    yield f"{names}"
    yield ""
    yield from _rows(cases)


def _rows(cases: Iterable[Case[Any, Any]]) -> Iterator[str]:
    yield "| | case | what it does | reasons |"
    yield "| --- | --- | --- | --- |"
    for number, case in enumerate(cases, start=1):
        reasons = ", ".join(f"`{reason}`" for reason in case.reasons)
        yield f"| {number} | {case.name} | {case.about} | {reasons} |"


if __name__ == "__main__":
    page = PAGE.read_text("utf-8")
    PAGE.write_text(page_with(table(), page, MARKS), "utf-8")
