"""What a rehearsal found, as a table, as JSON, and as a file to attach to an issue."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from keyturn import __version__
from keyturn.cli.tables import tidy
from keyturn.domain.amounts import pluralize
from keyturn.domain.plain_text import shown
from keyturn.domain.secret_names import USER_TAG
from keyturn.domain.tag_text import format_utc
from keyturn.rehearsal.clean_up import Cleaned
from keyturn.rehearsal.model.own import RehearsalId
from keyturn.rehearsal.model.redaction import Redaction
from keyturn.rehearsal.model.verdict import Finding, Verdict
from keyturn.rehearsal.ports import Found
from keyturn.schemas.rehearsal import (
    VERSION,
    CleanedUp,
    FoundByRehearsal,
    RehearsalFile,
    StillThere,
)

STYLES: Final = {
    Verdict.AS_EXPECTED: "green",
    Verdict.DIFFERENT: "bold red",
    Verdict.NOT_TRIED: "yellow",
}


@dataclass(slots=True, kw_only=True)
class Rehearsed:
    """One rehearsal, as far as it came."""

    id: RehearsalId
    at: datetime
    """When it began, UTC."""
    engine: Literal["here", "deployed"]
    region: str
    steps: list[Finding] = field(default_factory=list)
    probes: list[Finding] = field(default_factory=list)
    cleaned: Cleaned = field(default_factory=Cleaned)
    is_interrupted: bool = False
    is_made: bool = False
    """Whether AWS may have made anything that is to be removed."""
    seconds: float = 0.0
    calls: int = 0
    refused: Sequence[str] = ()
    """Calls that were not sent, for they were not about the rehearsal's own: faults of ours."""

    @property
    def findings(self) -> Sequence[Finding]:
        """All of them, the story first."""
        return (*self.steps, *self.probes)

    @property
    def is_something_left(self) -> bool:
        """Whether there may be something to remove."""
        return bool(self.cleaned.left) or (self.is_made and not self.cleaned.is_clean)

    @property
    def is_as_expected(self) -> bool:
        """Whether something was tried, nothing is different, and nothing is left."""
        verdicts = Counter(each.verdict for each in self.findings)
        return (
            verdicts[Verdict.AS_EXPECTED] > 0
            and not verdicts[Verdict.DIFFERENT]
            and self.cleaned.is_clean
            and not self.refused
        )


def as_json(rehearsed: Rehearsed, redaction: Redaction | None) -> str:
    """For programs, and for others to read; redaction: None leaves it as it is."""
    say = redaction.of if redaction else str
    document: RehearsalFile = {
        "version": VERSION,
        "keyturn": __version__,
        "rehearsal": str(rehearsed.id),
        "generated_at": format_utc(rehearsed.at),
        "engine": rehearsed.engine,
        "region": rehearsed.region,
        "interrupted": rehearsed.is_interrupted,
        "seconds": round(rehearsed.seconds, 1),
        "calls": rehearsed.calls,
        "findings": [
            *(_written(each, "step", say) for each in rehearsed.steps),
            *(_written(each, "probe", say) for each in rehearsed.probes),
        ],
        "clean_up": _clean_up(rehearsed.cleaned, say),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _written(
    finding: Finding, kind: Literal["step", "probe"], say: Callable[[str], str]
) -> FoundByRehearsal:
    return {
        "name": finding.name,
        "kind": kind,
        "title": finding.title,
        "verdict": finding.verdict.value,
        "seen": say(finding.seen),
        "why": say(finding.why),
        "seconds": round(finding.seconds, 1),
        "calls": finding.calls,
        "record": {say(tag): say(value) for tag, value in finding.record.items()},
        "source": finding.source,
    }


def _clean_up(cleaned: Cleaned, say: Callable[[str], str]) -> CleanedUp:
    left: list[StillThere] = [
        {"kind": found.kind, "name": say(found.name), "why": say(_why_left(found, why))}
        for found, why in cleaned.left
    ]
    unseen: list[StillThere] = [
        {"kind": kind, "name": None, "why": say(why)} for kind, why in cleaned.unseen
    ]
    return {
        "removed": len(cleaned.removed),
        "left": [*left, *unseen],
        # Their names are others' words, and nobody's business.
        "others": len(cleaned.others),
    }


def _why_left(found: Found, why: str) -> str:
    """Why something stays, without a word of others: who is in a group, say, or a path."""
    return why if found.not_ours is None else "it is not surely this rehearsal's"


def print_rehearsed(console: Console, rehearsed: Rehearsed, redaction: Redaction | None) -> None:
    """For people, at any width."""
    say = redaction.of if redaction else str
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=max(len(each.words) for each in Verdict), no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    records: dict[str, Mapping[str, str]] = {}
    for finding in rehearsed.findings:
        verdict = Text(finding.verdict.words, STYLES[finding.verdict])
        whose = finding.record.get(USER_TAG, "")
        cell = _cell(finding, records.get(whose, {}), say)
        table.add_row(verdict, cell, f"{finding.seconds:.0f} s")
        records[whose] = finding.record
    with tidy(console):
        console.print(table)
    for line in _below(rehearsed, say):
        console.print(Text(shown(line)), soft_wrap=True)


def _cell(finding: Finding, before: Mapping[str, str], say: Callable[[str], str]) -> Group:
    """What was tried and seen, and below it what changed in Keyturn's record."""
    below = [Text(shown(say(finding.said)), "dim")] if finding.said else []
    below += [
        Text(f"{sign} {shown(say(tag))} {shown(say(value))}".rstrip(), "cyan")
        for sign, tag, value in _changes(before, finding.record)
    ]
    indented = (Padding(each, (0, 0, 0, 2)) for each in below)
    return Group(Text(f"{finding.title} ({finding.name})"), *indented)


def _changes(
    before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[tuple[str, str, str]]:
    """What a step changed in the record: a sign, the tag, and its value."""
    if not after:
        return
    for tag, value in after.items():
        if before.get(tag) != value:
            yield "~" if tag in before else "+", tag, value
    for tag in before.keys() - after.keys():
        yield "-", tag, ""


def _below(rehearsed: Rehearsed, say: Callable[[str], str]) -> Iterator[str]:
    counts = Counter(each.verdict for each in rehearsed.findings)
    verdicts = ", ".join(f"{counts[each]} {each.words}" for each in Verdict)
    yield (
        f"{verdicts}. {pluralize(rehearsed.calls, 'call')} of AWS, {rehearsed.seconds:.0f} s, "
        f"rehearsal {rehearsed.id}."
    )
    cleaned = rehearsed.cleaned
    if cleaned.is_clean:
        yield f"Removed: {pluralize(len(cleaned.removed), 'thing')}. {cleaned.nothing} is left."
    for found, why in cleaned.left:
        yield f"Left: {found.kind} {say(found.name)}: {say(_why_left(found, why))}"
    for kind, why in cleaned.unseen:
        yield f"Not looked for: {kind}: {say(why)}"
    for call in rehearsed.refused:
        yield f"{call} was not sent, for it was not about the rehearsal's own. Please report it."
    if rehearsed.is_interrupted:
        yield "It was interrupted; what became of what it had made is said above."
