"""The picture of the states is drawn from the rule, and it is current."""

from keyturn.domain.decision import Action, State
from tests.diagram import PAGE, diagram, page_with, steps


def test_the_page_shows_what_the_rule_does() -> None:
    page = PAGE.read_text("utf-8")

    assert page_with(diagram(), page) == page, "run: .venv/bin/python -m tests.diagram"


def test_a_key_goes_from_active_to_rotated_to_disabled_to_deleted_and_back_by_order_alone() -> (
    None
):
    course = list(State)
    for before, action, after in steps():
        assert course.index(after) >= course.index(before) or action is Action.RESTORE
