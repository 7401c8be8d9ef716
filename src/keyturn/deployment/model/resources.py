"""What the core template calls the things that it makes; a test holds this to the template."""

from collections.abc import Mapping
from typing import Final

BUS: Final = "asa-iam-key-rotation"
RULES: Final = (
    ("asa-iam-key-rotation-daily", None),
    ("asa-iam-key-rotation-notices", BUS),
    ("asa-iam-key-rotation-exemption", BUS),
)
"""EventBridge's rules, each with its bus; None is the default bus."""
MAILS_RULE: Final = "asa-iam-key-rotation-mails"
"""Of the mail-events stack, on the default bus."""
REPORTER: Final = "ASA-Reporter"
REPORTER_RULE: Final = "asa-iam-key-rotation-reporter"
"""Of the reports stack, on the default bus."""
INVENTORY: Final = "ASA-Account-Inventory"
ROTATION: Final = "ASA-IAM-Access-Key-Rotation-Function"
NOTIFIER: Final = "ASA-Notifier"
NOTICES: Final = "asa-iam-key-notices"
"""The notifier's queue."""
TAKES_FROM: Final[Mapping[str, str]] = {
    ROTATION: "asa-iam-key-rotation.fifo",
    NOTIFIER: NOTICES,
}
"""The queue that gives a function its work."""
UNDELIVERED: Final = "asa-iam-key-undelivered"
"""The queue of invocations that Lambda gave up."""
DEAD_LETTERS: Final = (
    "asa-iam-key-rotation-dead.fifo",
    "asa-iam-key-notices-dead",
    UNDELIVERED,
)
NOTIFIER_ROLE: Final = "ASA-Notifier-Role"
"""The role of the notifier."""
CHANNELS_ROLE: Final = "ASA-Channels-Role"
"""Of the channels' stack, which need not be there."""
CHANNELS: Final = "ASA-Channels"
CHANNELS_QUEUE: Final = "asa-iam-key-channels"
CHANNELS_DEAD: Final = "asa-iam-key-channels-dead"
CHANNELS_RULES: Final = (
    ("asa-iam-key-rotation-channels", BUS),
    ("asa-iam-key-rotation-channels-exemption", BUS),
)
"""Of the same stack, likewise."""
