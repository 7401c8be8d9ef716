"""
The demo's page: the page of any deployment, of what the demo left in its bucket.

Beside it stands what only a demo knows: its promises, and its weeks; and the reports of its last
week and month.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from keyturn.domain.amounts import pluralize
from keyturn.domain.decision import NoticeType
from keyturn.domain.period import Period, PeriodKind
from keyturn.domain.reading import NotReadableError, read_json
from keyturn.domain.users_target import UsersTarget
from keyturn.report.page import Extras, Panel
from keyturn.report.period_page import write_period_page
from keyturn.schemas.receipt import CLAIM_SIZE
from keyturn.use_cases.page_data import GatherPage, PageAsked
from keyturn.use_cases.report_period import PeriodAsked, ReportPeriod
from keyturn_sandbox.demo.evidence import DemoEvidence
from keyturn_sandbox.demo.fates import Fate
from keyturn_sandbox.demo.lists import MailLine
from keyturn_sandbox.emulator.mailbox import SentMail
from keyturn_sandbox.simulation.demonstration import Result
from keyturn_sandbox.simulation.deployment import PREFIX

TARGET: Final = UsersTarget(users=120)
"""Of the company's 150 users, by the end of the quarter."""


def page_data(result: Result) -> Mapping[str, Any]:
    """What the page says, gathered as it is for a deployment."""
    first, last = result.days[0].began.date(), result.days[-1].began.date()
    evidence = DemoEvidence(result.objects, prefix=PREFIX)
    asked = PageAsked(
        made=result.planned_at,
        day=last,
        history=(last - first).days + 1,
        users_target=TARGET,
        links=dict(_links(result)),
    )
    return GatherPage(evidence=evidence, workers=1).of(asked)


def reports_of(result: Result) -> Mapping[str, str]:
    """The page of the last week and of the last month that the demo lived through: file → page."""
    evidence = DemoEvidence(result.objects, prefix=PREFIX)
    first, last = result.days[0].began.date(), result.days[-1].began.date()
    pages = {}
    for kind in PeriodKind:
        period = Period.of(kind, last).before
        if period.first < first:  # a short demo: the one that is not over
            period = Period.of(kind, last)
        asked = PeriodAsked(period=period, now=result.planned_at)
        report = ReportPeriod(evidence=evidence, workers=1).of(asked)
        pages[f"{kind}.html"] = write_period_page(report)
    return pages


def extras_of(result: Result) -> Extras:
    """What the demo says besides."""
    return Extras(
        title=f"Keyturn: {pluralize(len(result.days), 'day')} of a company's access keys",
        panels=(_promises(result), _weeks(result)),
        links={
            "Each key's notices": "notices.html",
            "The same as CSV": "notices.csv",
            "All mails": "mails/index.html",
            "The last week's report": f"{PeriodKind.WEEKLY}.html",
            "The last month's report": f"{PeriodKind.MONTHLY}.html",
            "The plan for the day after": "plan.json",
            "The functions' log": "keyturn.log",
        },
    )


def mail_lines(result: Result) -> Sequence[MailLine]:
    """Where each mail is written, in the order in which they were sent."""
    return [
        MailLine(
            sent=mail.at,
            to=", ".join(mail.to),
            subject=mail.subject,
            path=f"mails/{number:04}.html",
        )
        for number, mail in enumerate(result.evidence.mails, start=1)
    ]


def _links(result: Result) -> Iterator[tuple[str, str]]:
    """Name of a receipt → the mail that it stands for."""
    paths = {
        mail.message_id: line.path
        for mail, line in zip(result.evidence.mails, mail_lines(result), strict=True)
    }
    start = f"{PREFIX}/"
    for name, body in result.objects.items():
        if not name.startswith(f"{start}receipts/") or len(body) <= CLAIM_SIZE:
            continue
        try:
            found: Any = read_json(body)
            path = paths.get(found["message_id"])
        except (NotReadableError, KeyError, TypeError):
            continue
        if path is not None:
            yield name.removeprefix(start), path


def _promises(result: Result) -> Panel:
    """What the judge looked at for each promise, and what broke it."""
    broken = sum(len(verdict.violations) for verdict in result.verdicts)
    return Panel(
        title="The demo's promises: " + ("all held" if not broken else f"{broken} violations"),
        about="What must never happen, checked against every call that the emulator saw.",
        columns=("No.", "Promise", "Looked at", "Found"),
        rows=[
            (
                str(verdict.number),
                verdict.title,
                f"{verdict.checked:,}",
                _found(verdict.checked, verdict.violations),
            )
            for verdict in result.verdicts
        ],
    )


def _found(checked: int, violations: Sequence[str]) -> str:
    if violations:
        return "violated: " + "; ".join(violations)
    return "held" if checked else "nothing to look at"


def _weeks(result: Result) -> Panel:
    """What was done in each week."""
    return Panel(
        title="The demo's weeks",
        about=(
            "Average age of the Active keys, in days, at the end of each week, the keys of "
            f"{pluralize(len(result.company.exempt), 'exempt user')} apart; "
            f"{result.age_before:.0f} before the first day."
        ),
        columns=(
            *("Week from", "Mode", "Rotated", "Disabled", "Deleted", "Restored", "Mails"),
            "Average age",
        ),
        rows=[
            (
                week.first.date().isoformat(),
                "dry run" if week.dry_run else "enforced",
                *map(str, (week.rotated, week.disabled, week.deleted, week.restored)),
                str(week.notices),
                f"{week.average_age:.1f}",
            )
            for week in result.weeks
        ],
    )


def step_in_words(step: str, day: str) -> str:
    """What a notice of this step tells about a key."""
    other = f"Its owner was notified: {step.replace('-', ' ')}"
    text = next((said for begins, said in _TOLD.items() if step.startswith(begins)), other)
    return text.format(day=_in_words(day))


def fate_in_words(mail: SentMail, fate: Fate | None) -> str:
    """To whom a mail went, by which channel, and what became of it."""
    to = ", ".join(mail.to)
    return f"{to}: no receipt is left" if fate is None else f"{fate.channel} to {to}: {fate}"


_TOLD = {
    NoticeType.UPCOMING: "Its owner was warned: it will be rotated on {day}",
    "disable": "Its owner was notified that it stops working on {day}",
    NoticeType.BEFORE_DISABLE: "Its owner was warned: it stops working on {day}",
    NoticeType.DELETED: "Its owner was notified that it is deleted",
    "delete": "Its owner was notified that it will be deleted on {day}",
    NoticeType.BEFORE_DELETE: "Its owner was warned: it will be deleted on {day}",
    NoticeType.RESTORED: "Its owner was notified that it was enabled again",
    NoticeType.BLOCKED: "Its owner was notified that it has to wait",
    NoticeType.OVERWRITTEN: "Its owner was notified that the secret no longer holds the new key",
    NoticeType.ORPHAN: "Its owner was notified of a key whose secret nobody has",
    NoticeType.REVOKED: "Its owner was notified that it was revoked",
}
"""What a step says, by how its name begins; the longer name before the shorter."""


def _in_words(day: str) -> str:
    """A date as a mail's subject has it: 14 July."""
    when = date.fromisoformat(day)
    return f"{when.day} {when:%B}"
