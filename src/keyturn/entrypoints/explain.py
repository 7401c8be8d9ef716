"""Why a key is where it is, and every date that is coming for it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from keyturn.domain.amounts import counted
from keyturn.domain.days import day_of_run
from keyturn.domain.decide import ACT_WARNING
from keyturn.domain.decision import Action, Decision, Next, Overlay, Turn
from keyturn.domain.key import Act, KeyFacts, LastUse, Unknown
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.record import secret_name
from keyturn.entrypoints.cli_tables import STYLES, title
from keyturn.entrypoints.one_line import shown
from keyturn.use_cases.keep_account import AccountPlan

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Coming:
    """A date, and what comes on it."""

    day: date
    what: str


def coming(
    key: KeyFacts, made: Decision, policy: RotationPolicy, now: datetime
) -> tuple[Coming, ...]:
    """
    Every date that is coming for a key, from today on.

    They hold if the daily run does what is due, nobody interferes and notices are delivered:
    the next step is the rule's own answer, those behind it are counted from there.
    """
    if Overlay.EXEMPT in made.overlays:
        return ()
    return tuple(sorted(each for each in _dates(key, made, policy, now) if each.day >= now.date()))


def _dates(
    key: KeyFacts, made: Decision, policy: RotationPolicy, now: datetime
) -> Iterator[Coming]:
    today = now.date()
    if made.action in {Action.WARN, Action.NOTICE}:
        yield Coming(today, f"{made.action}: its owner is told")
    acts = made.action in {Action.ROTATE, Action.DISABLE, Action.DELETE}
    step = Next(made.action, today) if acts else made.next or Next(made.action, today)
    match step.action:
        case Action.KEEP | Action.WAIT:
            yield Coming(step.day, "the next run looks again")
            return
        case Action.REPAIR:
            yield Coming(step.day, "REPAIR: the unfinished rotation is undone")
            return
        case Action.ROTATE:
            yield from _rotation(key, made, policy, now, step.day)
        case Action.NOTICE | Action.WARN:
            quiet = "if nobody uses it until then, " if made.is_blocked else ""
            yield Coming(step.day, f"NOTICE: {quiet}its owner is told when it ends")
        case Action.DISABLE | Action.DELETE:
            pass
    yield from _end(key, made, policy, now, step)


def _end(
    key: KeyFacts, made: Decision, policy: RotationPolicy, now: datetime, step: Next
) -> Iterator[Coming]:
    """Its disabling and deletion: as promised, or as the periods give them."""
    promised = made.notice.promises if made.notice else {}
    if step.action is Action.DELETE:
        yield from _act(step.day, "DELETE: it is gone for good", now)
        return
    by_age = day_of_run(key.created, policy.inactive_period, now)
    disable_on = promised.get(Act.DISABLE, step.day)
    if step.action is not Action.DISABLE and Act.DISABLE not in promised:
        disable_on = max(step.day + policy.installation_window * DAY, by_age)
    yield from _act(disable_on, "DISABLE: it stops working, and can be enabled again", now)
    delete_on = promised.get(Act.DELETE, disable_on + policy.recovery_grace_period * DAY)
    if disable_on >= by_age:  # else its rotation was forced, and age has no say
        delete_on = max(delete_on, day_of_run(key.created, policy.delete_period, now))
    yield from _act(delete_on, "DELETE: it is gone for good", now)


def _rotation(
    key: KeyFacts, made: Decision, policy: RotationPolicy, now: datetime, day: date
) -> Iterator[Coming]:
    if made.action not in {Action.ROTATE, Action.WAIT}:
        for days in policy.warn_days:
            warned = day_of_run(key.created, policy.rotation_period - days, now)
            if warned > now.date() and warned < day:
                yield Coming(warned, f"WARN: {counted(days, 'day')} before its rotation")
    yield Coming(day, "ROTATE: its successor is made, and the dates below are told")


def _act(day: date, what: str, now: datetime) -> Iterator[Coming]:
    warned = day - ACT_WARNING * DAY
    if warned > now.date():
        yield Coming(warned, f"WARN: {counted(ACT_WARNING, 'day')} before")
    yield Coming(day, what)


def print_explanation(
    console: Console, plan: AccountPlan, turn: Turn, policy: RotationPolicy
) -> None:
    """Print a panel about a user."""
    account, now = plan.run.account, plan.run.at
    facts = {key.key_id: key for key in turn.user.keys}
    owner = plan.owner_of(turn.user.name)
    parts: list[RenderableType] = [Text(f"Owner: {shown(owner)}")]
    for made in turn.decisions:
        parts.append(Text())
        parts.extend(_about(turn, facts[made.key_id], made, policy, now))
    if not turn.decisions:
        parts.append(Text("This user has no access keys."))
    heading = Text(f" {shown(turn.user.name)}, {title(account)} ", style="bold")
    console.print(Panel(Group(*parts), title=heading, title_align="left", width=console.width))


def _about(
    turn: Turn, key: KeyFacts, made: Decision, policy: RotationPolicy, now: datetime
) -> Iterator[RenderableType]:
    state = " ".join([made.state, *sorted(made.overlays)])
    yield Text.assemble((made.key_id, "bold"), f"  {state}, {counted(made.age, 'day')} old")
    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=10)
    grid.add_column()
    grid.add_row("Made", str(key.created.date()))
    if (used := _last_use(key)) is not None:
        grid.add_row("Last used", Text(shown(used)))
    if made.successor is not None:
        lies = f", in the secret {secret_name(turn.user.account, turn.user.name)}"
        grid.add_row("Successor", Text(shown(made.successor + (lies if made.delivered else ""))))
    grid.add_row("Now", Text(made.action, style=STYLES[made.action]))
    grid.add_row("Why", Text(shown(made.sentence)))
    grid.add_row("Coming", _calendar(coming(key, made, policy, now), now.date()))
    yield grid


def _calendar(dates: Iterable[Coming], today: date) -> RenderableType:
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
