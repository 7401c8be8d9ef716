"""Why a key is where it is, and every date that is coming for it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from keyturn.cli.tables import STYLES, title
from keyturn.domain.amounts import pluralize
from keyturn.domain.decision import Action, Decision, NoticeType, Overlay, Reason, UserDecisions
from keyturn.domain.deferral import Deferral
from keyturn.domain.key import KeyFacts, LastUse, SentNotice, Unknown
from keyturn.domain.lifecycle.forecast import Step, forecast
from keyturn.domain.owner import Owner
from keyturn.domain.plain_text import shown
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.result import AccountPlan
from keyturn.domain.secret_names import secret_name


@dataclass(frozen=True, slots=True, order=True)
class ComingAct:
    """A date, and what comes on it."""

    day: date
    what: str


def coming(decision: Decision, steps: Iterable[Step], today: date) -> tuple[ComingAct, ...]:
    """
    Every date that is coming for a key, from today on; `steps` are its forecast.

    Of a key of which nothing is in sight, the day on which it is looked at again.
    """
    if Overlay.EXEMPT in decision.overlays:
        return tuple(_removal(decision, today))
    dates = list(dict.fromkeys(_dates(steps, today)))
    if decision.next is not None and not any(each.day > today for each in dates):
        dates.append(ComingAct(decision.next.day, _perhaps(decision)))
    return tuple(dates)


def calendar(
    decided: UserDecisions, policy: RotationPolicy, now: datetime
) -> Mapping[str, Sequence[ComingAct]]:
    """What is coming for each of a user's keys: key id → dates, the next one first."""
    steps = forecast(decided, policy, now)
    dates = {
        decision.key_id: coming(decision, steps[decision.key_id], now.date())
        for decision in decided.decisions
    }
    if all(Overlay.EXEMPT in decision.overlays for decision in decided.decisions):
        # One key stands for the user; the removal concerns each of theirs.
        of_user = tuple(chain.from_iterable(dates.values()))
        return dict.fromkeys(dates, of_user)
    return dates


def _removal(decision: Decision, today: date) -> Iterator[ComingAct]:
    """The day on which an exempt key's user is removed from the exemption group, if one is set."""
    what = f"{Action.END_EXEMPTION}: its user is removed from the exemption group"
    if decision.action is Action.END_EXEMPTION:
        yield ComingAct(today, what)
    elif decision.next is not None and decision.next.action is Action.END_EXEMPTION:
        yield ComingAct(decision.next.day, what)


def _dates(steps: Iterable[Step], today: date) -> Iterator[ComingAct]:
    for step in steps:
        if step.day == today or step.decision.action is not Action.WAIT:
            yield ComingAct(step.day, f"{step.decision.action}: {_what(step)}")


_WHAT = {
    Action.ROTATE: "its successor is made, and its owner is notified of the dates below",
    Action.DISABLE: "it stops working, and can be enabled again",
    Action.DELETE: "it is gone for good",
    Action.REPAIR: "the unfinished rotation is undone",
}


def _what(step: Step) -> str:
    notice = step.decision.notice
    if step.decision.action in _WHAT or notice is None:
        return _WHAT[step.decision.action]
    if step.decision.action is Action.WARN and step.day < notice.day:
        before = pluralize((notice.day - step.day).days, "day")
        return f"{before} before{' its rotation' if notice.type is NoticeType.UPCOMING else ''}"
    return f"its owner is notified{' when it ends' if notice.promises else ''}"


def _perhaps(decision: Decision) -> str:
    """What the next day brings of which nothing can be said for sure."""
    if decision.reason is Reason.TWO_KEYS_IN_USE:
        return "NOTICE: if nobody uses it until then, its owner is notified when it ends"
    return "the next run looks again"


def print_explanation(
    console: Console, plan: AccountPlan, decided: UserDecisions, policy: RotationPolicy
) -> None:
    """Print a panel about a user."""
    account, now = plan.run.account, plan.run.at
    facts = {key.key_id: key for key in decided.user.keys}
    owner = plan.owner_of(decided.user.name)
    parts: list[RenderableType] = [
        Text(f"Owner: {shown(owner)}"),
        *(Text(f"       {shown(each)}", style="yellow") for each in owner.passed_over()),
    ]
    dates = calendar(decided, policy, now)
    for decision in decided.decisions:
        parts.append(Text())
        parts.extend(
            _about(decided, facts[decision.key_id], decision, dates[decision.key_id], now.date())
        )
        if decision.key_id in plan.notices:
            parts.append(_notices(plan.notices[decision.key_id], owner))
    parts.extend(_secrets(plan, decided.user.name))
    if not decided.decisions:
        parts.append(Text("This user has no access keys."))
    heading = Text(f" {shown(decided.user.name)}, {title(account)} ", style="bold")
    console.print(Panel(Group(*parts), title=heading, title_align="left", width=console.width))


def _secrets(plan: AccountPlan, user: str) -> Iterator[RenderableType]:
    """What becomes of a user's secret, where anybody looks (RemoveSecretsAfter)."""
    for each in plan.secrets.decisions if plan.secrets else ():
        if each.user == user:
            yield Text()
            yield Text(f"Secret: {shown(each.said)}")


def _about(
    decided: UserDecisions,
    key: KeyFacts,
    decision: Decision,
    dates: Iterable[ComingAct],
    today: date,
) -> Iterator[RenderableType]:
    state = " ".join([decision.state, *sorted(decision.overlays)])
    yield Text.assemble(
        (decision.key_id, "bold"), f"  {state}, {pluralize(decision.age, 'day')} old"
    )
    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=10)
    grid.add_column()
    grid.add_row("Made", str(key.created.date()))
    if (used := _last_use(key)) is not None:
        grid.add_row("Last used", Text(shown(used)))
    if decision.successor is not None:
        lies = f", in the secret {secret_name(decided.user.account, decided.user.name)}"
        grid.add_row(
            "Successor", Text(shown(decision.successor + (lies if decision.delivered else "")))
        )
    grid.add_row("Now", Text(decision.action, style=STYLES[decision.action]))
    grid.add_row("Why", Text(shown(decision.sentence)))
    if (exemption := decided.user.exemption) is not None and exemption.entry is not None:
        entry = exemption.entry
        said = f"until {entry.expiry} ({entry.ticket}), for {entry.owner}: {entry.reason}"
        grid.add_row("Exemption", Text(shown(said)))
    if isinstance(given := key.deferral, Deferral):
        said = f"until {given.until} ({given.ticket}), by {given.by} on {given.at.date()}"
        grid.add_row("More time", Text(shown(said)))
    grid.add_row("Coming", _calendar(dates, today))
    yield grid


def _notices(sent: tuple[SentNotice, ...] | Unknown, owner: Owner) -> RenderableType:
    """What was sent about a key, and what became of it."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=10)
    grid.add_column()
    if isinstance(sent, Unknown):
        grid.add_row("Notices", Text(shown(f"unknown: {sent.why}")))
        return grid
    for number, each in enumerate(sent):
        grid.add_row("" if number else "Notices", Text(shown(_notice(each, owner))))
    if not sent:
        grid.add_row("Notices", "none was sent")
    return grid


def _notice(sent: SentNotice, owner: Owner) -> str:
    receipt = sent.receipt
    to = "" if receipt.to is None else f" to {owner.spelt(receipt.to) or 'somebody else'}"
    fate = f"accepted {receipt.at.date()}"
    if receipt.missed_at is not None:
        fate += f", and did not arrive {receipt.missed_at.date()}"
    if receipt.delivered_at is not None:
        fate = f"delivered {receipt.delivered_at.date()}"
    if sent.bounced_at is not None:
        fate = f"bounced {sent.bounced_at.date()}, so it proves nothing"
    return f"{receipt.step} of {receipt.day}{to}: {fate}"


def _calendar(dates: Iterable[ComingAct], today: date) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    for each in dates:
        grid.add_row("today" if each.day == today else str(each.day), Text(each.what))
    return grid if grid.row_count else Text("nothing")


def _last_use(key: KeyFacts) -> str | None:
    """When it was used last; None where the decision did not ask for it."""
    match key.last_use:
        case LastUse(at=None):
            return "never"
        case LastUse(at=datetime() as at, service=service, region=region):
            return f"{at.date()}" + (f" ({service} in {region})" if service else "")
        case Unknown(why=why):
            return f"unknown: {why}"
    return None
