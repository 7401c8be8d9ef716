"""The bucket of a deployment, as S3 tells of it."""

from dataclasses import dataclass
from enum import StrEnum


class Protection(StrEnum):
    """What keeps the bucket with the zips and the receipts safe."""

    NO_PUBLIC_ACCESS = "no public access"
    ENCRYPTION = "encryption"
    VERSIONS = "versions"
    ONLY_TLS = "only encrypted connections"
    RECEIPTS = "receipts by the notifier alone"
    RECORDS = "audit entries and plans that nobody can change"
    LIFECYCLE = "an end for old receipts"


@dataclass(frozen=True, slots=True)
class ObjectLock:
    """S3 Object Lock, where it is on."""

    mode: str | None = None
    """GOVERNANCE or COMPLIANCE; None: nothing is kept by default."""
    days: int = 0
    """How long every new version is kept."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object in the bucket: what it holds, and what whoever put it said of it."""

    checksum: str
    """The SHA-256 of its bytes, in hex, as S3 knows it or as they were read."""
    claimed: str = ""
    """The checksum that our own uploads say they have: of somebody else's, or a changed one, not
    true."""

    @property
    def is_ours(self) -> bool:
        """Whether it is as one of our deployments put it."""
        return self.claimed == self.checksum
