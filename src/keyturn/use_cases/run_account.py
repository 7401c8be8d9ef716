"""One run over one account, from the first read to the last notice."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from keyturn.domain.events import Run
from keyturn.domain.result import AccountPlan, AccountResult, Request
from keyturn.use_cases.announcers import Announcer, NotifyNobody
from keyturn.use_cases.keep_account import HasTime, KeepAccount
from keyturn.use_cases.key_usage import with_ends_looked_at
from keyturn.use_cases.notifications import BuildNotifications
from keyturn.use_cases.owners import LookUpOwners
from keyturn.use_cases.plan_remarks import Progress
from keyturn.use_cases.snapshot import TakeSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAccount:
    """Gather, decide, act, tell."""

    keep: KeepAccount
    build_notifications: BuildNotifications
    announcer: Announcer
    snapshot: TakeSnapshot | None = None
    """None: there is no bucket, or the run is nobody's business."""
    is_of_the_day: bool = False
    """Whether the day's digest tells the administrators of it, by its snapshot."""
    is_summed_up: bool = False
    """Whether who began it tells them of all its accounts at once, and notes that they know."""

    def plan(
        self, run: Run, request: Request, progress: Progress = lambda _done, _of: None
    ) -> AccountPlan:
        """Only read and decide."""
        return self.keep.plan(run, request, progress)

    def run(
        self,
        run: Run,
        request: Request,
        progress: Progress = lambda _done, _of: None,
        may_look: Callable[[], bool] = lambda: True,
        has_time: HasTime = lambda _to_tell: True,
    ) -> AccountResult:
        """
        Do what is due, unless it is a dry run, as long as there is time, and tell of it.

        Args:
            run: over one account.
            request: which users, and what else an operator asked for.
            progress: called with how many users were looked at, of how many.
            may_look: whether another user may be looked at.
            has_time: whether another user may be written to.

        Returns:
            What was decided, done, told and failed. No KeyturnError leaves it: an account that
            could not be entered is a failure among the plan's.

        """
        plan = self.keep.plan(run, request, progress, may_look)
        return self.carry_out(plan, has_time=has_time)

    def carry_out(
        self,
        plan: AccountPlan,
        progress: Progress = lambda _done, _of: None,
        has_time: HasTime = lambda _to_tell: True,
    ) -> AccountResult:
        """Do what a plan says, unless it is of a dry run, and tell of it."""
        result = self.keep.carry_out(plan, progress, has_time)
        if self.snapshot is not None:
            plan = with_ends_looked_at(result.plan, self.keep.keys, workers=self.keep.workers)
            result = self.snapshot.compared(replace(result, plan=self._with_owners(plan)))
        result = self._saved(result)
        # No digest knows of a run whose snapshot could not be written, nor of what a dry run would
        # do after one of the day that did it.
        is_saved = self.snapshot is not None and not result.unsaved and not result.is_beside
        is_in_digest = self.is_of_the_day and is_saved
        notifications = self.build_notifications.of(
            result, is_in_digest=is_in_digest or self.is_summed_up
        )
        result = replace(result, rejected=notifications.rejected)
        not_notified = (*notifications.failures, *self.announcer.announce(notifications))
        admin_knows_now = (
            bool(result.newly_exempt)
            and not not_notified
            and not self.is_summed_up
            and not isinstance(self.announcer, NotifyNobody)
        )
        # Saved before the notices, so that they report a snapshot that fails; and again where they
        # fail, or reported who is exempt now: the next run compares with that.
        if not_notified or admin_knows_now:
            reported = admin_knows_now or result.exemptions_told
            return self._saved(
                replace(result, not_notified=not_notified, exemptions_told=reported)
            )
        return result

    def _with_owners(self, plan: AccountPlan) -> AccountPlan:
        """
        Name in the snapshot the owners who are notified of something.

        No call more: the notices ask for the same ones, and get the same answers.
        """
        noticed = [
            decided.user
            for decided in plan.users
            if any(decision.notice is not None for decision in decided.decisions)
        ]
        look_up = LookUpOwners(
            find_owner=self.build_notifications.find_owner, workers=self.keep.workers
        )
        return replace(plan, owners={**look_up.of(noticed), **plan.owners})

    def _saved(self, result: AccountResult) -> AccountResult:
        if self.snapshot is None:
            return result
        taken = self.snapshot.of(replace(result, unsaved=None))
        return replace(result, unsaved=taken.failure, is_beside=taken.is_beside)
