"""`keyturn demo`: the real functions, on an organisation of the sandbox, for many days."""

import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from datetime import timedelta
from io import StringIO
from logging import StreamHandler
from pathlib import Path
from typing import IO, cast

from aws_lambda_powertools import Logger
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from keyturn.domain.amounts import pluralize
from keyturn.domain.key import Account
from keyturn.domain.owner import OwnerSource
from keyturn.functions import inventory, metrics, notifier, reporter, rotation
from keyturn.functions.connect import disconnect
from keyturn.report.page import write_page
from keyturn.schemas.plan import AccountReport, PlanFrame, Planned, write_plan
from keyturn.settings import Settings
from keyturn_sandbox.demo.folder import MAILS, DemoFolder
from keyturn_sandbox.demo.lists import mail_index, notice_table
from keyturn_sandbox.demo.notices import notices_csv, notices_of_keys
from keyturn_sandbox.demo.page import extras_of, mail_lines, page_data, reports_of
from keyturn_sandbox.judge.verdict import Verdict
from keyturn_sandbox.simulation.days import Day, Handlers
from keyturn_sandbox.simulation.demonstration import Result, calendar_of, demonstrate, leaks

DRY_RUN_DAYS = 14
GOAL = 90
"""Days that the average age of the Active keys must end below."""
GOAL_NEEDS = 60
"""Days of a demo that has had the time to get there."""

_LOST = (
    "disabled without notice",
    "deleted before their grace was over",
    "keys lost",
    "things broken that worked",
    "exempt users touched",
    "writes in a dry run",
    "secrets leaked",
    "failures unreported",
    "things done or told twice",
    "windows shortened by a skipped day",
    "notices missing, doubled, late or astray",
    "days without one mail to the administrators",
)


def demo(folder: DemoFolder, days: int, seed: int, plant: int | None, console: Console) -> int:
    """
    Play the days, write what came of them, and judge; 0 if all promises held.

    Writes index.html, weekly.html, monthly.html, notices.html, notices.csv, plan.json, keyturn.log
    and mails/ at the end.
    plant adds a violation of the promise of that number to the evidence, to see it found.
    """
    log = StringIO()
    began = time.perf_counter()
    with ExitStack() as stack:
        stack.enter_context(_logging_to(log))
        shown = stack.enter_context(_progress(console))
        task = shown.add_task("Dry run", total=days)

        def lived(day: Day) -> None:
            shown.update(
                task,
                advance=1,
                description=f"{'Dry run' if day.dry_run else 'Enforcing'}, {day.began:%d %b %Y}",
            )

        disconnect()  # an earlier demo's connections lead nowhere
        result = demonstrate(
            Handlers(
                inventory=inventory.handler,
                rotation=rotation.handler,
                notifier=notifier.handler,
                reporter=reporter.handler,
            ),
            calendar=calendar_of(days, min(DRY_RUN_DAYS, days)),
            seed=seed,
            read_logs=log.getvalue,
            seeded=plant,
            progress=lived,
        )
    took = timedelta(seconds=time.perf_counter() - began)
    leaked = _write(result, folder, log.getvalue())
    _print(result, console, folder, took)
    held = not leaked and all(not verdict.violations for verdict in result.verdicts)
    if leaked:
        console.print(f"A secret stands in what was written: {leaked[0]}", markup=False)
    if days >= GOAL_NEEDS and result.age_after >= GOAL:
        console.print(f"The average age did not fall below {GOAL} days.")
        held = False
    return 0 if held else 1


def _write(result: Result, folder: DemoFolder, log: str) -> tuple[str, ...]:
    """Write the pages; answer with the secrets that stand in them, of which there must be none."""
    lines = mail_lines(result)
    shown, extras = page_data(result), extras_of(result)
    pages = {
        "index.html": write_page(shown, extras),
        "notices.html": notice_table(
            notices_of_keys(result), result.notices.wrong, home="index.html"
        ),
        "notices.csv": notices_csv(result),
        **reports_of(result),
        "plan.json": _plan(result),
        f"{MAILS}/index.html": mail_index(
            (replace(line, path=Path(line.path).name) for line in lines), home="../index.html"
        ),
    }
    mails = {
        Path(line.path).with_suffix(suffix).as_posix(): text or ""
        for line, mail in zip(lines, result.evidence.mails, strict=True)
        for suffix, text in ((".html", mail.html), (".txt", mail.text))
    }
    folder.write({**pages, "keyturn.log": log, **mails})
    # Packed, a secret in it would be seen by nobody.
    unpacked = ("index.html", json.dumps([shown, asdict(extras)]))
    return leaks(result.evidence, [*pages.items(), unpacked])


def _plan(result: Result) -> str:
    """The plan for the day after, as `keyturn plan --format json` writes it."""
    company = {each.account_id: each for each in result.company.accounts}
    frame = PlanFrame(
        at=result.planned_at,
        dry_run=True,
        policy=Settings.read(dict(result.deployment.settings)).policy,
        skipped=[
            (Account(id=each.account_id, name=each.name), "it is SUSPENDED")
            for each in company.values()
            if each.suspended
        ],
    )
    accounts: list[AccountReport] = [
        {
            "account": told["account"],
            "name": company[told["account"]].name,
            "enforced": True,
            "run": told["run"],
            "decisions": [
                cast(
                    "Planned",
                    {
                        **made,
                        "owner": None,
                        "owner_source": OwnerSource.UNREAD,
                        "owner_rejected": [],
                    },
                )
                for made in told["decisions"]
            ],
            "secrets_without_user": None,
            "secrets": None,
            "failures": told["failures"],
            "quarantined": told["quarantined"],
            "warnings": told["warnings"],
            "counts": told["counts"],
            "done": [],
            "left": [],
        }
        for told in result.plan
    ]
    return write_plan(frame, accounts)


def _print(result: Result, console: Console, folder: DemoFolder, took: timedelta) -> None:
    console.print(_weeks(result))
    for verdict in result.verdicts:
        _say(verdict, console)
    lost = zip(result.verdicts, _LOST, strict=True)
    console.print(
        "[bold]" + ", ".join(f"{len(verdict.violations)} {what}" for verdict, what in lost) + ".",
        soft_wrap=not console.is_terminal,
    )
    apart = pluralize(len(result.company.exempt), "exempt user")
    console.print(
        f"Average age of the Active keys: {result.age_before:.0f} days before, "
        f"{result.age_after:.0f} after ({apart} apart).",
        soft_wrap=not console.is_terminal,
    )
    console.print(
        f"{pluralize(len(result.days), 'day')}, "
        f"{pluralize(len(result.evidence.calls), 'AWS call')}, "
        f"{pluralize(len(result.evidence.mails), 'mail')} in {took.total_seconds():.0f} s. "
        f"Open {folder.path / 'index.html'}",
        soft_wrap=True,
    )


def _weeks(result: Result) -> Table:
    table = Table(
        title="What happened, by week", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for heading in ("Week", "From", "Mode"):
        table.add_column(heading, no_wrap=True)
    for heading in ("Rotated", "Disabled", "Deleted", "Restored", "Mails", "Age"):
        table.add_column(heading, justify="right", no_wrap=True)
    for week in result.weeks:
        counts = (week.rotated, week.disabled, week.deleted, week.restored, week.notices)
        table.add_row(
            str(week.number),
            f"{week.first:%d %b}",
            "dry run" if week.dry_run else "enforce",
            *(str(count) if count else "·" for count in counts),
            f"{week.average_age:.0f} d",
        )
    return table


def _say(verdict: Verdict, console: Console) -> None:
    held = not verdict.violations
    mark = (
        "[green]held[/]" if held else f"[red]{pluralize(len(verdict.violations), 'violation')}[/]"
    )
    console.print(f"{verdict.number:>2}. {verdict.title}: {mark}, {verdict.checked:,} checked")
    for violation in verdict.violations[:5]:
        console.print(f"    {violation}", markup=False, style="red")


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        # The demo moves the clock of this process; a bar must not follow it.
        get_time=time.perf_counter,
    )


@contextmanager
def _logging_to(stream: IO[str]) -> Iterator[None]:
    """Send the functions' logs to a file, as Lambda sends them to CloudWatch."""
    handlers = [
        handler
        for logger in _LOGGERS
        for handler in logger.handlers
        if type(handler) is StreamHandler
    ]
    before = [handler.setStream(stream) for handler in handlers]
    try:
        yield
    finally:
        for handler, earlier in zip(handlers, before, strict=True):
            handler.setStream(earlier)


_LOGGERS: Sequence[Logger | logging.Logger] = (
    inventory.logger,
    rotation.logger,
    notifier.logger,
    reporter.logger,
    metrics.lines,
)
