"""`keyturn doctor`: look, and say what was found: a line for each check, and the fix below it."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from keyturn.cli.beside import shows_progress
from keyturn.cli.consoles import make_console
from keyturn.cli.deploy import connect, names_of
from keyturn.cli.deploy_options import DeployAccounts, DoctorOptions
from keyturn.cli.exit_codes import FAILED
from keyturn.cli.identifiers import check_role
from keyturn.cli.local_run import now
from keyturn.cli.options import Findings
from keyturn.cli.tables import tidy
from keyturn.deployment.doctor import findings as all_findings
from keyturn.deployment.model.health import Check, Finding, Grade
from keyturn.domain.amounts import pluralize
from keyturn.domain.plain_text import shown
from keyturn.domain.tag_text import format_utc

VERSION = 1
STYLES = {Grade.OK: "green", Grade.WARNING: "yellow", Grade.PROBLEM: "bold red"}


def doctor(accounts: DeployAccounts, options: DoctorOptions) -> int:
    """Look a deployment over."""
    check_role(options.role_name)
    at, names = now(), names_of(accounts)
    seen = connect(accounts).observed(names, at, options.role_name)
    findings = list(_found(all_findings(seen)))
    if options.format is Findings.JSON:
        sys.stdout.write(as_json(findings, at))
    else:
        _print(make_console(highlight=False), findings)
    return FAILED if any(each.grade is Grade.PROBLEM for each in findings) else 0


def as_json(findings: Iterable[Finding], at: datetime) -> str:
    """The findings, for programs."""
    document = {
        "version": VERSION,
        "generated_at": format_utc(at),
        "findings": [
            {
                "check": each.check,
                "grade": each.grade,
                "fault": each.fault,
                "said": each.said,
                "fix": each.fix or None,
            }
            for each in findings
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def _found(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Pass the findings on, and say on a terminal that it takes its time."""
    err = make_console(stderr=True)
    with err.status("Looking") if shows_progress() else nullcontext():
        yield from findings


def _print(console: Console, findings: list[Finding]) -> None:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=max(map(len, Grade)), no_wrap=True)
    table.add_column(width=max(map(len, Check)), no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    for each in findings:
        table.add_row(Text(each.grade, STYLES[each.grade]), each.check, _cell(each))
    with tidy(console):
        console.print(table)
    console.print(_summary(findings))


def _cell(finding: Finding) -> Text:
    said = Text(shown(finding.said))
    if finding.fix:
        said.append(f"\n→ {shown(finding.fix)}", "dim")
    return said


def _summary(findings: Iterable[Finding]) -> str:
    counts = Counter(each.grade for each in findings)
    problems, warnings = counts[Grade.PROBLEM], counts[Grade.WARNING]
    bad = f"{pluralize(problems, 'problem')}, {pluralize(warnings, 'warning')}"
    return f"{bad}, {counts[Grade.OK]} OK"
