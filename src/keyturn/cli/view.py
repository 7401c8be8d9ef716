"""What of a plan is shown, and in which order. It changes nothing of what is decided or done."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from keyturn.cli.options import Output, PlanFormat, View
from keyturn.cli.report import Report
from keyturn.cli.sorting import SortBy
from keyturn.domain.decision import Action, Decision, Overlay, Reason, State, UserDecisions
from keyturn.domain.errors import InvalidValue
from keyturn.domain.result import AccountResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Which keys are shown."""

    states: frozenset[str] = frozenset()
    actions: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()
    over_age: int | None = None
    order: SortBy = SortBy.ACCOUNT
    by_account: bool = False
    with_owners: bool = False

    @classmethod
    def read(cls, view: View, output: Output) -> "Shown":
        """Read the options. Raises InvalidValue for a wrong word, or two that do not fit."""
        if view.summary and output.format not in {PlanFormat.TABLE, PlanFormat.MARKDOWN}:
            raise InvalidValue("--summary", "", "is a table; JSON has the counts of each account")
        if view.sort is not SortBy.ACCOUNT and output.format is PlanFormat.JSON:
            rule = "goes with a table or CSV; JSON stays by account and user"
            raise InvalidValue("--sort", view.sort, rule)
        return cls(
            states=_words("--state", view.state, [*State, *Overlay]),
            actions=_words("--action", view.action, Action),
            reasons=_words("--reason", view.reason, Reason),
            over_age=_days("--over-age", view.over_age),
            order=view.sort,
            by_account=view.summary,
            with_owners=view.owners,
        )

    @property
    def filters(self) -> bool:
        """Whether only some keys are asked for."""
        words = self.states or self.actions or self.reasons
        return bool(words) or self.over_age is not None

    def of(self, report: Report) -> Report:
        """The report with the keys that are shown; failures and warnings stay whole."""
        results = [self._of_account(result) for result in report.results]
        return replace(
            report,
            results=results,
            left_out=_keys(report.results) - _keys(results),
            order=self.order,
            by_account=self.by_account,
            with_owners=self.with_owners,
        )

    def _of_account(self, result: AccountResult) -> AccountResult:
        all_decided = tuple(map(self._of_user, result.plan.users))
        return replace(result, plan=replace(result.plan, users=all_decided))

    def _of_user(self, decided: UserDecisions) -> UserDecisions:
        return replace(
            decided,
            decisions=tuple(decision for decision in decided.decisions if self._has(decision)),
        )

    def _has(self, decision: Decision) -> bool:
        return (
            (not self.states or bool(self.states & {decision.state, *decision.overlays}))
            and (not self.actions or decision.action in self.actions)
            and (not self.reasons or decision.reason in self.reasons)
            and (self.over_age is None or decision.age > self.over_age)
        )


def owners_wanted(view: View) -> Callable[[UserDecisions], bool]:
    """Whose owners are looked up: those of the keys that a table lists."""
    if view.owners:
        return lambda decided: bool(decided.decisions)
    return lambda decided: any(
        decision.is_due or decision.is_blocked for decision in decided.decisions
    )


def is_due(report: Report) -> bool:
    """Whether something is due of what is shown, that can be done now."""
    return any(
        decision.is_due and not decision.is_blocked for decision in _decisions(report.results)
    )


def _decisions(results: Iterable[AccountResult]) -> Iterator[Decision]:
    for result in results:
        for decided in result.plan.users:
            yield from decided.decisions


def _keys(results: Iterable[AccountResult]) -> int:
    return sum(1 for _ in _decisions(results))


def _words(option: str, given: Iterable[str] | None, known: Iterable[str]) -> frozenset[str]:
    """Words of a list, in any case."""
    words = {str(each).casefold(): str(each) for each in known}
    found = set[str]()
    for each in given or ():
        if each.casefold() not in words:
            raise InvalidValue(option, each, f"must be one of {', '.join(words.values())}")
        found.add(words[each.casefold()])
    return frozenset(found)


def _days(option: str, given: str | None) -> int | None:
    if given is None:
        return None
    if not (given.isascii() and given.isdigit()):
        raise InvalidValue(option, given, "must be a whole number of days")
    return int(given)
