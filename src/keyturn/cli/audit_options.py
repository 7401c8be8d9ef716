"""The options of `keyturn audit` and `keyturn trace`."""

from dataclasses import dataclass
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

    @property
    def as_accounts(self) -> AccountOptions:
        """The same, for whoever connects."""
        return AccountOptions(profile=self.profile, region=self.region, deployed=self.deployed)


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
