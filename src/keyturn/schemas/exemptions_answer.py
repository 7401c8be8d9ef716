"""What `keyturn exemptions check` and `exemptions list` answer."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final, Literal, TypedDict

from keyturn.domain.exemptions_file import ExemptionEntry, ExemptionsFile, Standing
from keyturn.schemas.account import AccountId
from keyturn.schemas.decision import Day
from keyturn.schemas.owners_check import ProblemFile
from keyturn.schemas.plan_csv import AS_TEXT, EXCEL_MARK, csv_text

VERSION: Final = 1
COLUMNS: Final = (
    "account",
    "user",
    "standing",
    "expiry",
    "days_left",
    "since",
    "ticket",
    "owner",
    "reason",
)


class ListedExemption(TypedDict):
    """An entry of the file; days_left counts from today, and is 0 or less once it is over."""

    account: AccountId
    user: str
    standing: Standing
    expiry: Day
    days_left: int
    since: Day | None
    ticket: str
    owner: str
    reason: str


class ExemptionsFileAnswer(TypedDict):
    """An exemptions file: its entries, those that end first on top, and what was left out."""

    version: Literal[1]
    place: str
    exemptions: list[ListedExemption]
    problems: list[ProblemFile]


def write_exemptions(file: ExemptionsFile, today: date, longest: int) -> ExemptionsFileAnswer:
    """The whole answer."""
    return {
        "version": VERSION,
        "place": file.place,
        "exemptions": list(listed(file, today, longest)),
        "problems": [
            {"line": each.line, "text": each.text, "warning": each.is_warning}
            for each in file.problems
        ],
    }


def write_exemptions_csv(
    file: ExemptionsFile, today: date, longest: int, *, for_excel: bool = False
) -> str:
    """A row an entry; for Excel as a plan is: with a mark, and accounts as text."""
    rows: Iterable[Iterable[object]] = (
        [each[column] for column in COLUMNS] for each in listed(file, today, longest)
    )
    if for_excel:
        return EXCEL_MARK + csv_text(COLUMNS, rows, account=AS_TEXT)
    return csv_text(COLUMNS, rows)


def listed(file: ExemptionsFile, today: date, longest: int) -> Iterator[ListedExemption]:
    """The entries, those that end first on top."""

    def order(entry: ExemptionEntry) -> tuple[date, str, str]:
        return entry.expiry, entry.account, entry.user

    for entry in sorted(file.entries, key=order):
        yield {
            "account": entry.account,
            "user": entry.user,
            "standing": file.of(entry.account, entry.user, today, longest).standing,
            "expiry": entry.expiry.isoformat(),
            "days_left": entry.days_left(today),
            "since": entry.since.isoformat() if entry.since else None,
            "ticket": entry.ticket,
            "owner": entry.owner,
            "reason": entry.reason,
        }
