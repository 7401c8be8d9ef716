"""
How much at once: at most so many keys of one account are disabled or deleted on one UTC day.

A wrong parameter, a broken tag or a bug can make every key of an account due at once. The cap
turns that into a few, and a day on which somebody can notice. Rotating, telling and taking
back an orphan are not capped: they take nothing away from anybody.
Source: docs/lifecycle.md, "How much at once"; decision 0014.
"""

from collections.abc import Collection, Iterable, Iterator

from keyturn.domain.decision import ENDING, Decision, UserDecisions
from keyturn.domain.key import KeyFacts
from keyturn.domain.policy import RotationPolicy


def cap_of(policy: RotationPolicy, number: int) -> int:
    """How many keys (or secrets) may end in one UTC day in an account that has so many."""
    return max(policy.max_keys_per_day, number * policy.max_percent_per_day // 100)


def ends_of(all_decided: Iterable[UserDecisions]) -> Iterator[tuple[KeyFacts, Decision]]:
    """The keys that are to be disabled or deleted, each with its decision."""
    for decided in all_decided:
        keys = {key.key_id: key for key in decided.user.keys}
        for decision in decided.decisions:
            if decision.action in ENDING:
                yield keys[decision.key_id], decision


def over_cap(
    all_decided: Collection[UserDecisions],
    policy: RotationPolicy,
    begun: Collection[str],
    elsewhere: Collection[str] = (),
) -> frozenset[str]:
    """
    The ids of the keys that have to wait for another day, the youngest.

    elsewhere: the ids of the account's other keys, where these are of some of its users alone.

    begun: the keys that a run of the same day set out to end. They count, and may be gone on
    with: a run that broke off does not use up the day for nothing. If they are more than the
    cap, nobody can tell which of them it was that ended, and nothing else does.
    """
    keys = {key.key_id for decided in all_decided for key in decided.user.keys}.union(elsewhere)
    room = cap_of(policy, len(keys)) - len(set(begun))
    ends = sorted((key for key, _ in ends_of(all_decided)), key=lambda key: key.order)
    # Another run of the day has set out to end more than may end: it may have ended all of them.
    if room < 0:
        return frozenset(key.key_id for key in ends)
    new = [key.key_id for key in ends if key.key_id not in begun]
    return frozenset(new[room:])
