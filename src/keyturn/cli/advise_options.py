"""The options of `keyturn advise`."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from keyturn.cli.audit_options import SOURCES
from keyturn.cli.options import OUTPUT, WHICH, flag, option


class AdviceFormat(StrEnum):
    """How the list is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviseOptions:
    """Whose keys are looked at, what is read beside what is stored, and how it is shown."""

    account: list[str] | None = option("--account", "Only this account; repeatable.", WHICH, "ID")
    user: list[str] | None = option("--user", "Only this user; repeatable.", WHICH, "NAME")
    owner: list[str] | None = option(
        "--owner", "Only users of this owner; repeatable.", WHICH, "ADDRESS"
    )
    date: str | None = option(
        "--date", "The day, UTC; else the newest with snapshots.", WHICH, "YYYY-MM-DD"
    )
    days: int = option(
        "--days",
        "How many days are looked back for a last use that a run has read.",
        SOURCES,
        "N",
        default=30,
    )
    live: bool = flag(
        "--live",
        "Ask IAM itself, in each --account, for last uses, tags and sign-ins of now.",
        SOURCES,
    )
    cloudtrail: bool = flag(
        "--cloudtrail", "With --live: look every key up in CloudTrail's event history.", SOURCES
    )
    trail: list[Path] | None = option(
        "--trail", "CloudTrail's log files, or a folder of them; repeatable.", SOURCES, "FILE"
    )
    ranges: list[Path] | None = option(
        "--ranges",
        "A list of addresses as AWS, GitHub or Atlassian publish it; repeatable.",
        SOURCES,
        "FILE",
    )
    most: int = option("--most", "Show so many users in a table.", OUTPUT, "N", default=50)
    steps: bool = flag("--steps", "Show the steps and the policies to copy, too.", OUTPUT)
    format: AdviceFormat = option(
        "--format", "How the list is written.", OUTPUT, default=AdviceFormat.TABLE
    )
    output: Path | None = option(
        "-o --output",
        "Write to a file, whole or not at all; - is standard output.",
        OUTPUT,
        "FILE",
    )
