"""Asked again from a snapshot alone, the rule answers as it did in the run."""

from dataclasses import replace

from hypothesis import given

from keyturn.domain.decision import Question, UserDecisions
from keyturn.domain.errors import Unavailable
from keyturn.domain.lifecycle.decide import decide
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.result import AccountPlan, AccountResult, Done, Failure, Outcome
from keyturn.domain.seen_user import SeenUser
from keyturn.schemas.seen_users import read_seen_users
from keyturn.schemas.snapshot import Snapshot, as_line, read_snapshot, write_snapshot
from tests.domain.test_events import RUN
from tests.domain.test_promises import ROLLS, examples, facts_of
from tests.domain.world import NOW, POLICY, a_key, a_secret, ann, look, told


def snapshot_of(
    decided: UserDecisions, policy: RotationPolicy = POLICY, *, failed: bool = False
) -> Snapshot:
    """What is stored of an enforced run over one user, and read again."""
    plan = AccountPlan(run=RUN, users=(decided,))
    if failed:
        plan = replace(plan, failures=(Failure(error=Unavailable("S3"), user="ann"),))
    done = tuple(Done(decision=each) for each in decided.decisions)
    result = AccountResult(plan=plan, outcomes=(Outcome(decided=decided, done=done),))
    found = read_snapshot(as_line(write_snapshot(result, policy)))
    assert found is not None
    return found


def seen_of(snapshot: Snapshot) -> SeenUser:
    [seen] = read_seen_users(snapshot)
    return seen


@examples(300)
@given(ROLLS)
def test_the_same_facts_give_the_same_decisions(rolls: bytes) -> None:
    user, policy = facts_of(rolls)
    decided = look(user, policy).decided
    if not user.keys:
        return
    seen = seen_of(snapshot_of(decided, policy))

    again = decide(seen.facts_on(NOW.date(), 90), policy, NOW, constraints=seen.constraints)

    assert again == replace(decided, user=seen.facts)
    assert [each.action for each in seen.decisions] == [each.action for each in decided.decisions]


def test_what_was_carried_out_is_known_and_what_failed_was_not() -> None:
    keys = a_key(age=100, told=[told(10, disable=0)]), a_key("NEW", age=10)
    decided = look(ann(*keys, secret=a_secret("NEW"))).decided

    done = seen_of(snapshot_of(decided)).done

    assert done is not None
    assert [(each.action, each.notice) for each in done.decisions] == [
        (each.action, each.notice) for each in decided.decisions
    ]
    assert seen_of(snapshot_of(decided, failed=True)).done is None


def test_an_older_snapshot_says_that_it_does_not_know() -> None:
    found = snapshot_of(look(ann(a_key(age=95), a_key("NEW", age=5), secret=a_secret())).decided)
    del found["facts"]
    seen = seen_of(found)

    assert not seen.has_facts
    assert isinstance(decide(seen.facts, POLICY, NOW), Question)
