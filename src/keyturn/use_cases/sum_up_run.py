"""
Tell the administrators of a run over several accounts in one mail: for runs from a command line.

The deployed functions have the digest of the day for that. It is folded from what the run itself
found and did, so it needs no reporter, and nothing of it waits for the end of the day.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from keyturn.domain.admin_digest import AdminDigest, Expected
from keyturn.domain.events import Run
from keyturn.domain.fold_day import fold
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.result import AccountResult, Failure
from keyturn.schemas.account_day import account_day
from keyturn.schemas.snapshot import write_snapshot
from keyturn.use_cases.announcers import RunAnnouncer
from keyturn.use_cases.inventory import Inventory
from keyturn.use_cases.snapshot import TakeSnapshot

NOT_BEGUN: Final = "not begun, or only read"


@dataclass(frozen=True, slots=True, kw_only=True)
class SumUpRun:
    """Folds what became of each account, and tells it once."""

    announcer: RunAnnouncer
    policy: RotationPolicy
    snapshot: TakeSnapshot | None
    """None: there is no bucket, so nobody compares who is exempt."""

    def tell(
        self,
        run: Run,
        results: Sequence[AccountResult],
        *,
        inventory: Inventory,
        remarks: Sequence[str] = (),
    ) -> tuple[Failure, ...]:
        """
        Tell it, if there is anything to tell, and answer with why it could not be told.

        Args:
            run: over all of them; its account is the one that it was begun in.
            results: what became of the accounts so far.
            inventory: the accounts that the run was to be over; one without a result is named.
            remarks: what is odd about the run, a sentence each.

        """
        if not remarks and not inventory.lost and not any(map(_has_news, results)):
            return ()
        named = [(each, NOT_BEGUN) for each in inventory.accounts] + [*inventory.lost]
        expected = Expected(
            queued={account.id: account.name for account, _ in named},
            skipped=len(inventory.skipped),
            lost={account.id: why for account, why in named},
        )
        digest = self._digest(run, results, expected)
        untold = self.announcer.announce_run(replace(digest, remarks=tuple(remarks)), run)
        return untold or self._noted(results)

    def _digest(
        self, run: Run, results: Sequence[AccountResult], expected: Expected
    ) -> AdminDigest:
        days = (account_day(write_snapshot(each, self.policy)) for each in results)
        folded = fold(days, day=run.at.date(), expected=expected, memory={})
        return replace(folded, run=run.id)

    def _noted(self, results: Sequence[AccountResult]) -> tuple[Failure, ...]:
        """Write down that they know now who is exempt: until then each run would find it anew."""
        if self.snapshot is None:
            return ()
        new = (replace(each, exemptions_told=True) for each in results if each.newly_exempt)
        return tuple(failed for each in new if (failed := self.snapshot.noted(each)) is not None)


def _has_news(result: AccountResult) -> bool:
    """Whether a copy of that account's run would have gone out."""
    decisions = (
        (decision for decided in result.plan.users for decision in decided.decisions)
        if result.plan.run.dry_run
        else (done.decision for outcome in result.outcomes for done in outcome.done)
    )
    is_noticed = any(decision.notice is not None for decision in decisions)
    return is_noticed or bool(result.failures or result.newly_exempt)
