"""Ask the rule again about a user whom a snapshot describes; AWS is asked nothing."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from keyturn.domain.constraints import NO_CONSTRAINTS, RunConstraints
from keyturn.domain.decision import Asked, Question, UserDecisions
from keyturn.domain.key import KeyFacts, Unknown, UserFacts
from keyturn.domain.lifecycle.decide import decide
from keyturn.domain.narrowing import needs_owner, without_owner
from keyturn.domain.owner import Owner
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.seen_user import SeenUser

NOT_IN_SNAPSHOT = "the snapshot does not say it, for the run had no need of it"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedAgain:
    """What the rule answers now."""

    decided: UserDecisions
    supposed: frozenset[Asked]
    """The facts that the snapshot does not hold, and without which nobody could have said so."""


def ask_again(
    seen: SeenUser,
    policy: RotationPolicy,
    at: datetime,
    constraints: RunConstraints = NO_CONSTRAINTS,
) -> AskedAgain:
    """
    Ask the rule about a user as a run saw them; at: when, UTC.

    A fact that the run had no need of is supposed to stand in no way, and is named; but when a key
    was last used is then not known, for a guess would end a key or keep it.
    """
    facts = seen.facts_on(at.date(), policy.max_exemption)
    supposed: set[Asked] = set()
    while isinstance(answer := decide(facts, policy, at, constraints=constraints), Question):
        supposed.add(answer.asked)
        facts = answered(facts, answer)
    if seen.owner_unknown is not None and needs_owner(answer):
        answer = without_owner(answer, seen.owner_unknown, at.date())
    return AskedAgain(decided=answer, supposed=frozenset(supposed))


def answered(facts: UserFacts, question: Question) -> UserFacts:
    """The facts with an answer to what the snapshot does not hold."""
    match question.asked:
        case Asked.SECRET:
            return replace(facts, secret=None)
        case Asked.OWNER:
            return replace(facts, owner=Owner())  # whoever was notified, was the right one
        case Asked.LAST_USE:
            unknown = Unknown(NOT_IN_SNAPSHOT)
            return _with_key(facts, question, lambda key: replace(key, last_use=unknown))
        case Asked.RECEIPTS:
            return _with_key(facts, question, lambda key: replace(key, receipts=()))
        case Asked.MEMBERSHIP:
            return replace(facts, otherwise=Unknown(NOT_IN_SNAPSHOT))  # so nobody is removed


def _with_key(
    facts: UserFacts, question: Question, change: Callable[[KeyFacts], KeyFacts]
) -> UserFacts:
    return replace(
        facts,
        keys=tuple(change(key) if key.key_id == question.key_id else key for key in facts.keys),
    )
