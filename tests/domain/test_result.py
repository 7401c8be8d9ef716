"""Whether something was done, as each of those that say so has it."""

from datetime import date

import pytest

from keyturn.domain.decision import Action, Decision, Notice, NoticeType, Overlay, Reason, State
from keyturn.domain.result import Done

NOTICE = Notice(type=NoticeType.BLOCKED, day=date(2026, 3, 2))


@pytest.mark.parametrize(
    ("action", "is_blocked", "notice", "answers"),
    [
        (Action.DISABLE, False, None, (True, True, True)),
        (Action.DISABLE, False, NOTICE, (True, True, True)),
        (Action.DISABLE, True, None, (True, True, False)),
        (Action.WAIT, False, NOTICE, (False, True, True)),
        (Action.WAIT, True, NOTICE, (False, True, False)),
        (Action.KEEP, False, None, (False, False, False)),
        (Action.WAIT, True, None, (False, False, False)),
    ],
)
def test_was_it_done_has_three_answers(
    action: Action,
    is_blocked: bool,
    notice: Notice | None,
    answers: tuple[bool, bool, bool],
) -> None:
    done = Done(
        decision=Decision(
            key_id="AKIA1",
            age=100,
            state=State.ROTATED,
            action=action,
            reason=Reason.WINDOW_OVER,
            sentence="its window is over",
            overlays=frozenset({Overlay.BLOCKED} if is_blocked else ()),
            notice=notice,
        )
    )

    assert (done.is_action, done.is_reported, done.is_unhindered) == answers
