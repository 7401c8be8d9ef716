"""
What AWS asks, in US dollars: us-east-1, list prices of 2026, without free tiers.

Looked up on 2026-11-29. What costs the same whatever a day brings is in docs/deploy.md.
"""

from collections.abc import Mapping
from typing import Final

GB_SECOND: Final = 0.0000166667
INVOCATION: Final = 0.20 / 1_000_000
"""Both of them on x86: https://aws.amazon.com/lambda/pricing/."""
LOG_GB: Final = 0.50
"""https://aws.amazon.com/cloudwatch/pricing/"""
CALLS: Final[Mapping[str, float]] = {
    "s3:PutObject": 0.005 / 1000,  # https://aws.amazon.com/s3/pricing/
    "s3:ListObjectsV2": 0.005 / 1000,
    "s3:GetObject": 0.0004 / 1000,
    "s3:HeadObject": 0.0004 / 1000,
    "s3:DeleteObject": 0.0,
    "secretsmanager": 0.05 / 10_000,  # https://aws.amazon.com/secrets-manager/pricing/
    "kms": 0.03 / 10_000,  # https://aws.amazon.com/kms/pricing/
    "events": 1.00 / 1_000_000,  # an event; https://aws.amazon.com/eventbridge/pricing/
    "sqs": 0.50 / 1_000_000,  # FIFO; https://aws.amazon.com/sqs/pricing/
    "sesv2:SendEmail": 0.10 / 1000,  # https://aws.amazon.com/ses/pricing/
    "sesv2": 0.0,
    "iam": 0.0,
    "sts": 0.0,
    "organizations": 0.0,
}
"""The call, or its service → what one costs."""
MOST_EVENTS: Final = 10
"""Of one PutEvents: how many there are is not counted, so each costs as much as it can."""
KMS_OF_A_VALUE: Final = 2
"""Calls that Secrets Manager makes to KMS for a stored value: GenerateDataKey and Decrypt."""


def price_of(call: str) -> float:
    """What a call costs: by its name, or else by its service. A list may name its folder too."""
    call = call.partition(" ")[0]
    service = call.partition(":")[0]
    price = CALLS[call] if call in CALLS else CALLS[service]
    if call == "events:PutEvents":
        return price * MOST_EVENTS
    if call == "secretsmanager:PutSecretValue":
        return price + KMS_OF_A_VALUE * CALLS["kms"]
    return price
