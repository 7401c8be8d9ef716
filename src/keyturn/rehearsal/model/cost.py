"""
What a rehearsal costs at most, and how that is computed.

List prices of us-east-1, read on 29 November 2026; other regions differ by a few per cent. A test
holds a real rehearsal's calls below these amounts.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

BELOW: Final = Decimal("0.05")
"""US dollars; what the question before the first write says."""

EACH: Final[Mapping[str, Decimal]] = {
    # https://aws.amazon.com/secrets-manager/pricing/: $0.40 a secret and month, by the hour.
    "secret-hour": Decimal("0.40") / 730,
    "secretsmanager": Decimal("0.05") / 10_000,
    # https://aws.amazon.com/kms/pricing/: $0.03 for 10,000 requests, HMAC and symmetric.
    "kms": Decimal("0.03") / 10_000,
    # https://aws.amazon.com/s3/pricing/: $0.005 for 1,000 PUT, COPY, POST, LIST.
    "s3": Decimal("0.005") / 1_000,
    # https://aws.amazon.com/ses/pricing/: $0.10 for 1,000 mails.
    "sesv2": Decimal("0.10") / 1_000,
    # https://aws.amazon.com/sqs/pricing/ and https://aws.amazon.com/eventbridge/pricing/.
    "sqs": Decimal("0.50") / 1_000_000,
    "events": Decimal("1.00") / 1_000_000,
    # https://aws.amazon.com/lambda/pricing/: 512 MB for 15 s, and the request.
    "lambda": Decimal("0.0000166667") * Decimal("7.5"),
}
"""What one of it costs. IAM, STS and what only describes cost nothing."""

MOST: Final[Mapping[str, int]] = {
    "secret-hour": 35,
    "secretsmanager": 2_000,
    "kms": 200,
    "s3": 1_500,
    "sesv2": 40,
    "sqs": 1_000,
    "events": 200,
    "lambda": 10,
}
"""How many of it a rehearsal takes at most: several times what was counted."""


def at_most() -> Decimal:
    """US dollars."""
    return sum((EACH[each] * number for each, number in MOST.items()), Decimal())
