"""Decide the facts of snapshots anew, with other parameters. AWS is asked nothing."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from keyturn.domain.constraints import RunConstraints
from keyturn.domain.decision import Asked, DecisionSummary, UserDecisions
from keyturn.domain.events import Run
from keyturn.domain.key import Account, UserFacts
from keyturn.domain.plan_difference import KeyBothWays, PlanDifference
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.seen_user import SeenUser
from keyturn.use_cases.ask_again import AskedAgain, ask_again
from keyturn.use_cases.daily_cap import DailyCap
from keyturn.use_cases.play_account import OLD_SNAPSHOT, NobodyElse, SeenAccount

_WHAT: Final = {
    Asked.LAST_USE: "when it was last used",
    Asked.MEMBERSHIP: "since when its user is exempt",
}
"""What is never supposed: a guess would end a key, or keep it."""


def plan_against(
    accounts: Iterable[SeenAccount], policy: RotationPolicy, unread: Iterable[str] = ()
) -> PlanDifference | None:
    """
    Ask the rule about each user at the very time of their snapshot; None: there is no account.

    unread: the snapshots that nobody can read.
    """
    keys: list[KeyBothWays] = []
    times: list[datetime] = []
    for account in accounts:
        keys += _account(account, policy)
        times.append(account.at)
    if not times:
        return None
    return PlanDifference(
        keys=tuple(keys), first=min(times), last=max(times), unread=tuple(unread)
    )


def _account(account: SeenAccount, policy: RotationPolicy) -> Iterator[KeyBothWays]:
    seen = {each.facts.name: each for each in account.users}
    asked = {name: _asked(each, policy, account.at) for name, each in seen.items()}

    def again(user: UserFacts, constraints: RunConstraints) -> UserDecisions:
        return ask_again(seen[user.name], policy, account.at, constraints).decided

    # As in a run: over all users of the account, and with the tally of that day at its beginning.
    run = Run(id="against", account=Account(id=account.account), at=account.at, dry_run=True)
    cap = DailyCap(ledger=NobodyElse(), policy=policy, id=run.id)
    planned = cap.planned([each.decided for each in asked.values()], run, again)
    for decided in planned:
        user = seen[decided.user.name]
        answer = asked[decided.user.name]
        after = {each.key_id: each for each in decided.decisions}
        for before in user.decisions:
            yield _both_ways(account.account, user, before, after[before.key_id], answer)


def _asked(seen: SeenUser, policy: RotationPolicy, at: datetime) -> AskedAgain:
    return ask_again(seen, policy, at, seen.constraints)


def _both_ways(
    account: str,
    seen: SeenUser,
    before: DecisionSummary,
    after: DecisionSummary,
    answer: AskedAgain,
) -> KeyBothWays:
    why = _unknown(seen, answer)
    return KeyBothWays(
        account=account,
        user=seen.facts.name,
        before=before,
        after=None if why else after,
        unknown=why,
        supposed=() if why else tuple(sorted(answer.supposed)),
    )


def _unknown(seen: SeenUser, answer: AskedAgain) -> str | None:
    """Why nobody can say what would be decided; None: the rule does."""
    if not seen.has_facts and answer.supposed:
        return OLD_SNAPSHOT
    lacking = [what for asked, what in _WHAT.items() if asked in answer.supposed]
    return f"the snapshot does not say {' and '.join(lacking)}" if lacking else None
