"""The options of `keyturn audit` and `keyturn trace`."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from keyturn.cli.options import OUTPUT, WHICH, AccountOptions, Findings, flag, option

SOURCES = "Sources"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceOptions:
    """Where what is stored is read: a deployment's bucket, another one, or a copy."""

    deployed: bool = flag(
        "--deployed", "Of the functions that are deployed in the account of --profile.", SOURCES
    )
    bucket: str | None = option("--bucket", "The bucket.", SOURCES, "NAME")
    prefix: str | None = option("--prefix", "Keyturn's prefix in that bucket.", SOURCES, "PREFIX")
    folder: Path | None = option(
        "--folder",
        "A copy of the bucket on this machine; AWS is asked nothing.",
        SOURCES,
        "FOLDER",
    )
    profile: str | None = option("--profile", "The AWS profile to start from.", SOURCES, "NAME")
    region: str | None = option("--region", "The region; else AWS_REGION's.", SOURCES, "REGION")

    role_name: str | None = option(
        "--role-name", "The role in the account whose CloudTrail is read.", SOURCES, "NAME"
    )

    @property
    def as_accounts(self) -> AccountOptions:
        """The same, for whoever connects."""
        return AccountOptions(
            profile=self.profile,
            region=self.region,
            deployed=self.deployed,
            role_name=self.role_name,
        )


class AuditFormat(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    TIMELINE = "timeline"
    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionOptions:
    """Which keys are asked about, of which days, and what is read beside what is stored."""

    key: str | None = option("--key", "An access key's id.", WHICH, "KEY")
    user: str | None = option("--user", "A user's name.", WHICH, "NAME")
    account: str | None = option("--account", "An account's id.", WHICH, "ID")
    owner: str | None = option(
        "--owner", "An address: what it was sent, and the keys of its users.", WHICH, "ADDRESS"
    )
    since: str | None = option("--since", "The first day, UTC.", WHICH, "YYYY-MM-DD")
    until: str | None = option("--until", "The last day, UTC; else today.", WHICH, "YYYY-MM-DD")
    logs: list[Path] | None = option(
        "--logs", "An exported log, or a folder of them; repeatable.", SOURCES, "FILE"
    )
    trail: list[Path] | None = option(
        "--trail", "CloudTrail's log files, or a folder of them; repeatable.", SOURCES, "FILE"
    )
    cloudtrail: bool = flag(
        "--cloudtrail", "Read CloudTrail's event history of the key's account.", SOURCES
    )
    format: AuditFormat = option(
        "--format", "How the answer is written.", OUTPUT, default=AuditFormat.TABLE
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceOptions:
    """Where calls are looked up, how many of them, and how the answer is written."""

    in_region: list[str] | None = option(
        "--in-region", "Look there too, repeatable.", SOURCES, "REGION"
    )
    every_region: bool = flag(
        "--every-region", "Look in every region of AWS; half a second each at least.", SOURCES
    )
    most: int = option(
        "--most", "At most so many events of a region, the latest.", SOURCES, "N", default=5000
    )
    format: Findings = option(
        "--format", "How the answer is written.", OUTPUT, default=Findings.TABLE
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions:
    """What was written down of the chain's end elsewhere."""

    head: list[str] | None = option(
        "--head",
        "A link as it was once: its number and its SHA-256 from a log line, repeatable.",
        WHICH,
        "NUMBER:SHA256",
    )
    logs: list[Path] | None = option(
        "--logs",
        "An exported log of ASA-Reporter, whose links must still be there; repeatable.",
        SOURCES,
        "FILE",
    )
    format: Findings = option(
        "--format", "How the answer is written.", OUTPUT, default=Findings.TABLE
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainOptions:
    """Whether links are made."""

    enforce: bool = flag("--enforce", "Make them. Without it, only say how many.", OUTPUT)
