"""What SQS says of a message that it hands over."""

from collections.abc import Mapping
from typing import Any


def tries(record: Mapping[str, Any]) -> int:
    """How often SQS has handed the message over."""
    return int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
