"""The options of `keyturn simulate`, and of what else is decided from snapshots."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from keyturn.cli.options import (
    OUTPUT,
    WHICH,
    AccountOptions,
    RuleOptions,
    flag,
    option,
    option_of,
)

_PLAYED = "What is supposed"


class Owners(StrEnum):
    """What owners are supposed to do when they get a new key."""

    ACT = "act"
    NEVER = "never"


class SimulateFormat(StrEnum):
    """How the days are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOptions:
    """Where snapshots are read: a deployment's bucket, another one, or a copy."""

    deployed: bool = flag(
        "--deployed",
        "Of the functions that are deployed in the account of --profile, with their settings. "
        "Options given here override them.",
        WHICH,
    )
    bucket: str | None = option("--bucket", "The bucket with the snapshots.", WHICH, "NAME")
    prefix: str | None = option("--prefix", "Keyturn's prefix in that bucket.", WHICH, "PREFIX")
    folder: Path | None = option(
        "--folder",
        "A copy of the bucket on this machine, of what is below Keyturn's prefix; AWS is asked "
        "nothing.",
        WHICH,
        "FOLDER",
    )
    profile: str | None = option("--profile", "The AWS profile to start from.", WHICH, "NAME")
    region: str | None = option("--region", "The region; else AWS_REGION's.", WHICH, "REGION")

    @property
    def as_accounts(self) -> AccountOptions:
        """The same, for whoever connects."""
        return AccountOptions(profile=self.profile, region=self.region, deployed=self.deployed)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayOptions(RuleOptions):
    """The parameters that the coming days depend on: the rule's, and who gets copies of mails."""

    admin: str | None = option_of("AdminEmailAddress")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateOptions:
    """How many days are played, under which settings besides, and how they are written."""

    days: int = option("--days", "How many days are played.", _PLAYED, "N", default=120)
    with_: list[str] | None = option(
        "--with",
        "Play these days once more with other parameters, to compare: as SpreadDays=14, or "
        "several with blanks between them; repeatable.",
        _PLAYED,
        "NAME=VALUE",
    )
    owners: Owners = option(
        "--owners",
        "Whether each owner moves to a new key at once, or nobody ever does.",
        _PLAYED,
        default=Owners.ACT,
    )
    account: list[str] | None = option("--account", "Only this account; repeatable.", WHICH, "ID")
    format: SimulateFormat = option(
        "--format", "How it is written.", OUTPUT, default=SimulateFormat.TABLE
    )
    output: Path | None = option(
        "-o --output",
        "Write to a file, whole or not at all; - is standard output.",
        OUTPUT,
        "FILE",
    )
