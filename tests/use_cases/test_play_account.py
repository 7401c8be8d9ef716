"""The days that are played are the days that the rule then brings."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import assume, given

from keyturn.domain.decision import Action
from keyturn.domain.fleet_course import FleetCourse
from keyturn.domain.key import Unread
from keyturn.schemas.seen_users import read_seen_users
from keyturn.use_cases.play_account import SeenAccount, Setting, empty_course, play_account
from tests.domain.test_dates import lives
from tests.domain.test_promises import examples
from tests.domain.test_snapshot_facts import snapshot_of
from tests.domain.world import ACCOUNT, NOW, TODAY, Life

FIGURE_OF = {
    Action.ROTATE: "rotated",
    Action.DISABLE: "disabled",
    Action.DELETE: "deleted",
}


def played(life: Life, days: int = 120) -> FleetCourse:
    """Play on from what a life's run of today leaves in its snapshot."""
    decided = life.run(0).decided
    users = tuple(read_seen_users(snapshot_of(decided, life.policy)))
    course = empty_course(TODAY, days)
    seen = SeenAccount(account=ACCOUNT, at=NOW, users=users)
    play_account(seen, Setting(policy=life.policy, days=days), course)
    return course


def acts_of(course: FleetCourse) -> Counter[tuple[str, int]]:
    return Counter(
        {
            (figure, number): getattr(day, figure)
            for number, day in enumerate(course.days, start=1)
            for figure in FIGURE_OF.values()
            if getattr(day, figure)
        }
    )


@examples(25)
@given(lives())
def test_what_is_played_is_what_comes(life: Life) -> None:
    # Whoever works with a key goes on, and nobody begins to: the one thing that is supposed.
    life.left = {key_id for key_id, at in life.uses.items() if at and _is_quiet(life, at)}
    # A snapshot says of few keys when they were used, which that option would have to know.
    life.policy = replace(life.policy, unused_period=None)
    course = played(life)
    # A run asks when such a key was last used once that decides something, and finds it quiet.
    # The player cannot ask, and supposes that it is in use (docs/cli.md, `simulate`).
    assume(not _is_supposed_in_use(life))
    life.days(1, 120)
    lived = Counter(
        (FIGURE_OF[Action(action)], day)
        for day, _, action in life.acts
        if day and Action(action) in FIGURE_OF
    )

    assert acts_of(course) == lived


def _is_supposed_in_use(life: Life) -> bool:
    """Whether one of two keys is quiet, and too young for a run to have asked."""
    assert life.last is not None
    keys = life.last.decided.user.keys
    unread = {key.key_id for key in keys if isinstance(key.last_use, Unread)}
    return len(keys) > 1 and bool(life.left & unread)


def _is_quiet(life: Life, used: datetime) -> bool:
    return NOW - used >= timedelta(days=life.policy.installation_window + 1, hours=-12)
