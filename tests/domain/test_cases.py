"""The lists of cases: whole, in words, and true to what they say of themselves."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given

from keyturn.domain.decision import Decision, Reason
from keyturn.domain.key import Unknown
from keyturn.domain.lifecycle.case import Case
from keyturn.domain.lifecycle.decide import BEFORE_THE_RECORD, CASES, ON_TOP, WITH_THE_RECORD
from keyturn.domain.lifecycle.parts import Part
from keyturn.domain.lifecycle.view import KeyList, KeyView, OnRecord, on_record
from keyturn.domain.lifecycle.views import views_of
from tests.case_table import MARKS, PAGE, PARTS, table
from tests.diagram import page_with, steps
from tests.domain.test_promises import ROLLS, examples, facts_of
from tests.domain.world import NOW

ELSEWHERE = {Reason.NOT_APPROVED, Reason.NO_NOTIFIER, Reason.OWNER_UNKNOWN}
"""Not of the rule: what a run as a whole was asked for, and can tell."""
BY_ORDER = {Reason.LEAKED, Reason.FORCED}
EVERY_CASE: list[Case[Any, Any]] = [
    *BEFORE_THE_RECORD,
    *WITH_THE_RECORD,
    *dict.fromkeys(case for cases in CASES.values() for case in cases),
    *ON_TOP,
]


def said_of(at: OnRecord) -> Iterator[tuple[Case[KeyView, Decision], Decision]]:
    """What each case of each key's list says, also those behind the first that speaks."""
    for view in views_of(at):
        for case in CASES[view.part]:
            if (decision := case(view)) is not None:
                yield case, decision


@given(ROLLS)
@examples(1500)
def test_a_case_gives_only_the_reasons_that_it_names(rolls: bytes) -> None:
    user, policy = facts_of(rolls)
    keys = KeyList(user=user, policy=policy, now=NOW)
    if isinstance(secret := keys.secret(), Unknown):
        return
    at = on_record(keys, secret)

    all_decided = [
        *((case.reasons, case(keys)) for case in BEFORE_THE_RECORD),
        *((case.reasons, case(at)) for case in WITH_THE_RECORD),
    ]

    for reasons, decided in all_decided:
        assert {each.reason for each in (decided.decisions if decided else ())} <= set(reasons)
    for line, decision in said_of(at):
        assert decision.reason in line.reasons, line.name


def test_every_part_has_its_list_and_its_words() -> None:
    assert list(CASES) == list(Part)
    assert set(PARTS) == set(Part)
    assert all(CASES.values())


@pytest.mark.parametrize("case", EVERY_CASE, ids=lambda case: case.name)
def test_every_case_says_what_it_is_in_one_paragraph(case: Case[Any, Any]) -> None:
    assert 20 < len(case.about) < 120
    assert case.about.endswith(".")
    assert case.reasons


def test_the_page_has_every_case_in_its_order() -> None:
    page = PAGE.read_text("utf-8")

    assert page_with(table(), page, MARKS) == page, "run: .venv/bin/python -m tests.case_table"


def test_every_reason_is_a_cases_or_an_orders_and_is_drawn() -> None:
    named = {reason for case in EVERY_CASE for reason in case.reasons}
    drawn: set[Reason] = set().union(*steps().values())

    named |= BY_ORDER | {Reason.RECORD_UNREADABLE}

    assert named == set(Reason) - ELSEWHERE
    assert drawn == set(Reason) - ELSEWHERE
