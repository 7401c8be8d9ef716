"""Where a deployment is, and what its stacks are called."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

IAM_REGIONS: Final[Mapping[str, str]] = {
    "aws": "us-east-1",
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
    "aws-iso-f": "us-isof-south-1",
    "aws-eusc": "eusc-de-east-1",
}
"""Where IAM's events are, by partition; the member template has the same table."""


@dataclass(frozen=True, slots=True)
class Place:
    """An account and a region in it."""

    account: str
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the stacks are called; the stack set goes by the name of the member stack."""

    core: str = "iam-key-auto-rotation"
    member: str = "asa-iam-rotation-member-role"
    listing: str = "asa-iam-rotation-list-accounts"

    @property
    def alarms(self) -> str:
        """The core's alarms, beside it."""
        return f"{self.core}-alarms"

    @property
    def reports(self) -> str:
        """The administrators' one digest of each day, beside the core."""
        return f"{self.core}-reports"

    @property
    def channels(self) -> str:
        """Notices in other channels than mail, beside the core."""
        return f"{self.core}-channels"

    @property
    def mail_events(self) -> str:
        """What says what became of mails, beside the core and where SES is."""
        return f"{self.core}-mail-events"
