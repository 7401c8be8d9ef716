"""The options of `keyturn report weekly` and `keyturn report monthly`."""

from dataclasses import dataclass
from pathlib import Path

from keyturn.cli.options import OUTPUT, WHICH, Findings, option
from keyturn.domain.errors import InvalidValue
from keyturn.domain.users_target import RULE, UsersTarget, read_users_target


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodOptions:
    """Which week or month, and what is written of it."""

    period: str | None = option(
        "--period",
        "A day of it, or its name, as 2026-W48 or 2026-11; else the last one that is over, UTC.",
        WHICH,
        "PERIOD",
    )
    users_target: str | None = option(
        "--users-target",
        "How many IAM users there are to be at most at the end of the quarter, or by a day.",
        WHICH,
        "N[@YYYY-MM-DD]",
    )
    format: Findings = option(
        "--format", "How the answer is written.", OUTPUT, default=Findings.TABLE
    )
    csv: Path | None = option(
        "--csv",
        "Write a row for each account and all lines of the lists to a CSV file, too.",
        OUTPUT,
        "FILE",
    )
    page: Path | None = option("--page", "Write it as one HTML file, too.", OUTPUT, "FILE")
    ocsf: Path | None = option(
        "--ocsf",
        "Write findings of OCSF, one a line, too: for data lakes.",
        OUTPUT,
        "FILE",
    )


def users_target(given: str | None) -> UsersTarget | None:
    """The target that was given. Raises InvalidValue where it is none."""
    if given is None:
        return None
    target = read_users_target(given)
    if target is None:
        raise InvalidValue("--users-target", given, RULE)
    return target
