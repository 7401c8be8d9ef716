"""`audit verify` and `audit chain`: is what is stored what was stored?"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from keyturn.cli.audit_options import ChainOptions, EvidenceOptions, VerifyOptions
from keyturn.cli.beside import say as remark
from keyturn.cli.beside import shows_progress
from keyturn.cli.consoles import make_console
from keyturn.cli.evidence import connected, lines_of, opened
from keyturn.cli.exit_codes import FAILED
from keyturn.cli.json_answers import put
from keyturn.cli.line_breaks import say
from keyturn.cli.local_run import now
from keyturn.cli.options import Findings
from keyturn.domain.amounts import pluralize
from keyturn.domain.audit_chain import HEAD, Head, Verdict
from keyturn.domain.errors import InvalidValue
from keyturn.schemas.audit_verdict import write_verdict
from keyturn.schemas.exports import Unreadable, read_logs
from keyturn.use_cases.audit_chain import verify_chain

_CHAINED: Final = "audit.chained"
"""The event of the reporter's log line that names a link."""
NOT_COVERED: Final = (
    "The chain holds audit entries and finished reports. Receipts and snapshots are not in it."
)


def verify(where: EvidenceOptions, asked: VerifyOptions) -> int:
    """Hold the chain to what is stored; code 1, if anything does not fit."""
    heads = [_head(each) for each in asked.head or ()]
    store, _ = opened(where)
    logged, unreadable = _logged(asked)
    heads += logged
    console = make_console(stderr=True)
    with Progress(
        SpinnerColumn(),
        TextColumn("Reading {task.completed:.0f} objects"),
        console=console,
        transient=True,
        disable=not shows_progress(),
    ) as progress:
        task = progress.add_task("", total=None)
        verdict = verify_chain(store, heads, lambda: progress.advance(task))
    verdict = replace(verdict, remarks=(*unreadable, *verdict.remarks))
    if asked.format is Findings.JSON:
        put(write_verdict(verdict, store.place))
    else:
        say(_said(verdict, store.place))
    return FAILED if verdict.broken else 0


def _said(verdict: Verdict, place: str) -> Iterator[str]:
    yield from (f"BROKEN: {each}" for each in verdict.broken)
    whole = (
        f"{pluralize(verdict.links, 'link')}, {pluralize(verdict.objects, 'object')} as they were"
    )
    yield f"{place}: {whole}" if verdict.broken else f"Whole: {place}, {whole}"
    if verdict.last is not None:
        yield f"Last link: --head {verdict.last}"
    yield from verdict.remarks
    yield NOT_COVERED


def _head(text: str) -> Head:
    found = HEAD.fullmatch(text)
    if found is None:
        raise InvalidValue("--head", text, "must be a link's number, a colon and its SHA-256")
    return Head(number=int(found[1]), sha256=found[2], source="--head")


def _logged(asked: VerifyOptions) -> tuple[list[Head], list[str]]:
    """Every link that the reporter's log names, and each line that cannot be read."""
    heads: list[Head] = []
    unreadable: list[str] = []
    for line in read_logs(lines_of(asked.logs, "--logs")):
        if isinstance(line, Unreadable):
            unreadable.append(f"{line.where} {line.why}: it is not compared with")
        elif line.event == _CHAINED:
            found = HEAD.fullmatch(f"{line.facts.get('link')}:{line.text('sha256')}")
            if found is None:
                unreadable.append(f"{line.where} names no link: it is not compared with")
            else:
                heads.append(Head(number=int(found[1]), sha256=found[2], source=line.where))
    return heads, unreadable


def chain(where: EvidenceOptions, asked: ChainOptions) -> int:
    """
    Put what is new into the chain, as the reporter does every quarter of an hour.

    Raises InvalidValue for a copy.
    """
    if where.folder is not None:
        raise InvalidValue("--folder", where.folder, "is a copy: the chain is made in the bucket")
    aws = connected(where)
    if not asked.enforce:
        waiting = len(aws.make_chain().waiting())
        typer.echo(f"{pluralize(waiting, 'object')} would be put into the chain.")
        remark("Dry run: nothing was written. --enforce does it.")
        return 0
    for head in aws.make_chain().turn(now(), lambda: True):
        typer.echo(f"Made link --head {head}")
    return 0
