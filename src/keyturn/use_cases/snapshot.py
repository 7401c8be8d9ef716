"""An account on a day, in one document: for reports, and for whoever asks with SQL."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import islice

from keyturn.domain.decision import Reason, UserDecisions
from keyturn.domain.errors import AnotherRun, PortError, Unexpected
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.result import AccountResult, Failure
from keyturn.ports import Snapshots
from keyturn.schemas.snapshot import (
    Snapshot,
    SnapshotKey,
    counted,
    with_earlier,
    write_snapshot,
)
from keyturn.schemas.snapshot_facts import FactsOfUser

LOOKS_BACK = 15
"""Days on which the last whole snapshot is looked for, today among them."""
ALWAYS = 2
"""Earlier days in a row on which a user's keys waited for a run: no run works on that long."""
ALWAYS_AT_WORK = (
    "on every day since {since} another run seemed to be at work on this user, and nothing was "
    "done: somebody may be writing that into the tags of its secret (CloudTrail: TagResource)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a run's snapshot."""

    failure: Failure | None = None
    """Why it could not be written, or not be put together; None: it was."""
    is_beside: bool = False
    """Whether the day's snapshot stays that of an earlier run, which was no dry one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeSnapshot:
    """Writes what a run found and did: one document for each account and UTC day."""

    snapshots: Snapshots
    policy: RotationPolicy

    def compared(self, result: AccountResult) -> AccountResult:
        """
        Find what no single run can see: who is new in the exemption group, who always waits.

        It comes after the writing and before the notices: whatever goes wrong here is a failure
        that is reported, and keeps nobody's owner from being notified.
        """
        try:
            return self._always_waiting(self._newly_exempt(result))
        except Exception as error:  # noqa: BLE001 -- what was written has to be announced
            failures = (*result.plan.failures, Failure(error=Unexpected(error)))
            plan = replace(result.plan, failures=failures)
            return replace(result, plan=plan, exemptions_told=False)

    def _newly_exempt(self, result: AccountResult) -> AccountResult:
        """
        Find who is exempt now and was not when the account was last looked at as a whole.

        It watches the state: however somebody came to be exempt, and whether or not an event of
        it got through.
        """
        run = result.plan.run
        exempt = [decided.user.name for decided in result.plan.users if decided.user.exempt]
        if not exempt:
            return result
        try:
            before, since = self._exempt_before(run.account.id, run.at.date())
        except PortError as error:
            why = f"who was exempt before could not be read ({error}): no notice says who is new"
            return _warned(replace(result, exemptions_told=False), why)
        if since is None:
            if before:
                return result  # there were runs over some users only
            now = f"from today on it is watched who becomes exempt; now it is {', '.join(exempt)}"
            return _warned(result, now)
        new = tuple(name for name in exempt if not before.get(name, False))
        if not new:
            return result
        said = f"{', '.join(new)}: exempt now, and not on {since.isoformat()}"
        return _warned(replace(result, newly_exempt=new, exemptions_told=False), said)

    def _always_waiting(self, result: AccountResult) -> AccountResult:
        """
        Find whose keys wait for a run that never ends.

        Whoever may tag a secret can make it look so, day by day, and no single run can tell.
        """
        run = result.plan.run
        waiting = {decided.user.name for decided in result.plan.users if _waits_for_a_run(decided)}
        if not waiting:
            return result
        try:
            earlier = list(islice(self._earlier(run.account.id, run.at.date()), ALWAYS))
        except PortError as error:
            why = f"how long {', '.join(sorted(waiting))} waited could not be read ({error})"
            return _warned(result, why)
        for snapshot in earlier:
            waiting &= {k["user"] for k in snapshot["keys"] if k["reason"] == Reason.RUN_UNDER_WAY}
        if len(earlier) < ALWAYS:
            return result
        failures = tuple(
            Failure(error=AnotherRun(ALWAYS_AT_WORK.format(since=earlier[-1]["date"])), user=name)
            for name in sorted(waiting)
        )
        plan = replace(result.plan, failures=(*result.plan.failures, *failures))
        return replace(result, plan=plan)

    def _earlier(self, account: str, today: date) -> Iterator[Snapshot]:
        for back in range(1, LOOKS_BACK):
            found = self.snapshots.of_day(account, today - timedelta(days=back))
            if found is not None:
                yield found

    def _exempt_before(self, account: str, today: date) -> tuple[dict[str, bool], date | None]:
        """Each user, and whether they were exempt; and the day of the last whole snapshot."""
        known: dict[str, bool] = {}
        for back in range(LOOKS_BACK):
            day = today - timedelta(days=back)
            found = self.snapshots.of_day(account, day)
            if found is None or not found.get("exemptions_told", True):
                continue
            for each in found["users"]:
                known.setdefault(each["user"], each["exempt"])
            if found["whole"] and not found["left"]:
                return known, day
        return known, None

    def of(self, result: AccountResult) -> Taken:
        """
        Write it, in the place of the day's earlier one.

        What earlier runs of the day did stays in it: the administrators' digest tells the day.
        So a dry run takes the place of no other: what it found new is put into that one.
        """
        account, day = result.plan.run.account.id, result.plan.run.at.date()
        unread: Failure | None = None
        is_beside = False
        try:
            taken, earlier = write_snapshot(result, self.policy), None
            # On most days it is the first, and nothing has to be read to know that.
            if self.snapshots.put_first(account, day, taken):
                return Taken()
            try:
                earlier = self.snapshots.of_day(account, day)
            except PortError as error:
                if not taken["whole"]:
                    raise
                why = f"what earlier runs of {day.isoformat()} did could not be read ({error})"
                unread = Failure(error=PortError(why))
            if earlier is not None and taken["dry_run"] and not earlier["dry_run"]:
                taken, is_beside = _beside(earlier, taken, _seen(result)), True
            elif earlier is not None:
                whole = taken if taken["whole"] else _within(earlier, taken, _seen(result))
                taken = with_earlier(whole, earlier)
            # As it was, it is not written anew: the next digest tells what changed since the last.
            if taken != earlier:
                self.snapshots.put(account, day, taken)
        except PortError as error:
            why = f"the snapshot of {day.isoformat()} could not be written ({error})"
            return Taken(failure=Failure(error=PortError(why)))
        except Exception as error:  # noqa: BLE001 -- as above: the notices come after it
            return Taken(failure=Failure(error=Unexpected(error)))
        return Taken(failure=unread, is_beside=is_beside)

    def noted(self, result: AccountResult) -> Failure | None:
        """
        Write down, some time after its run, that the administrators know who is newly exempt.

        Where another run wrote the snapshot meanwhile, that one stays: it knows more, and whom it
        found newly exempt it tells itself.
        """
        run = result.plan.run
        try:
            found = self.snapshots.of_day(run.account.id, run.at.date())
        except PortError as error:
            why = f"whether the account was looked at meanwhile could not be read ({error})"
            return Failure(error=PortError(why))
        is_ours = found is not None and found["run"] == run.id
        return self.of(result).failure if is_ours or result.is_beside else None


def _waits_for_a_run(decided: UserDecisions) -> bool:
    return any(decision.reason is Reason.RUN_UNDER_WAY for decision in decided.decisions)


def _warned(result: AccountResult, sentence: str) -> AccountResult:
    warnings = (*result.plan.warnings, sentence)
    return replace(result, plan=replace(result.plan, warnings=warnings))


def _seen(result: AccountResult) -> frozenset[str]:
    """The users of whom this run knows more than an earlier one: whoever is gone, too."""
    named = result.plan.request.named or frozenset()
    return (named - set(result.left)) | {decided.user.name for decided in result.plan.users}


def _keys_of_others(earlier: Snapshot, seen: Collection[str]) -> Iterator[SnapshotKey]:
    for each in earlier["keys"]:
        if each["user"] not in seen:
            yield {**each, "at": each.get("at", earlier["at"])} if each.get("done") else each


def _beside(earlier: Snapshot, taken: Snapshot, seen: Collection[str]) -> Snapshot:
    """
    Put what a dry run found into the snapshot of a run of the day that was none.

    What was done, and the dates that were promised then, stay as they are. Of users whom that run
    did not look at, the dry one has the keys.
    """
    known = {each["user"] for each in earlier["users"]}
    new = [each for each in taken["keys"] if each["user"] not in known]
    others = [each for each in earlier["users"] if each["user"] not in seen]
    before = [each for each in earlier["failures"] if each not in taken["failures"]]
    kept: Snapshot = {
        **earlier,
        "whole": earlier["whole"] or taken["whole"],
        "users": sorted([*others, *taken["users"]], key=lambda each: each["user"]),
        "keys": sorted(
            [*earlier["keys"], *new],
            key=lambda each: (each["user"], each["created"], each["key"]),
        ),
        "failures": [*before, *taken["failures"]],
        "warnings": list(dict.fromkeys([*earlier["warnings"], *taken["warnings"]])),
    }
    # Those of a user go with their keys, or the rule would be asked of two times at once.
    if "facts" in earlier:
        of_new = {each["user"] for each in taken["users"]} - known
        kept["facts"] = [*_facts_of(earlier, known), *_facts_of(taken, of_new)]
    if "newly_exempt" in taken:
        kept["newly_exempt"] = taken["newly_exempt"]
    if not taken.get("exemptions_told", True):
        kept["exemptions_told"] = False
    elif taken["whole"]:
        kept.pop("exemptions_told", None)
    return counted(with_earlier(kept, earlier))


def _within(earlier: Snapshot, taken: Snapshot, seen: Collection[str]) -> Snapshot:
    """
    Put what a run saw of some users into the day's earlier snapshot.

    A run that is handed back comes in parts, and one that could not enter the account saw
    nobody: neither may take away what the day knows of the others already.
    """
    failures = [each for each in earlier["failures"] if each["user"] not in seen]
    left = [name for name in earlier["left"] if name not in seen]
    merged: Snapshot = {
        **taken,
        "whole": earlier["whole"],
        "users": sorted(
            [*(each for each in earlier["users"] if each["user"] not in seen), *taken["users"]],
            key=lambda each: each["user"],
        ),
        "keys": sorted(
            [*_keys_of_others(earlier, seen), *taken["keys"]],
            key=lambda each: (each["user"], each["created"], each["key"]),
        ),
        "quarantined": [
            *(each for each in earlier["quarantined"] if each["user"] not in seen),
            *taken["quarantined"],
        ],
        "failures": [
            *(each for each in failures if each not in taken["failures"]),
            *taken["failures"],
        ],
        "warnings": list(dict.fromkeys([*earlier["warnings"], *taken["warnings"]])),
        "left": list(dict.fromkeys([*left, *taken["left"]])),
    }
    # Beside users of whom an earlier version says nothing, the rest would pass for the whole.
    merged.pop("facts", None)
    if "facts" in earlier:
        others = (each for each in earlier["facts"] if each["user"] not in seen)
        merged["facts"] = [*others, *taken.get("facts", ())]
    if not earlier.get("exemptions_told", True):
        merged["exemptions_told"] = False
    return counted(merged)


def _facts_of(snapshot: Snapshot, users: Collection[str]) -> list[FactsOfUser]:
    return [each for each in snapshot.get("facts", ()) if each["user"] in users]
