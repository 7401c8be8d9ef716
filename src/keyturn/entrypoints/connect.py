"""What every Lambda function does first: read its settings and connect, once."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache

import boto3
from aws_lambda_powertools import Logger

from keyturn.settings import PARAMETERS, Settings
from keyturn.wiring import Aws

RELEVANT = frozenset(
    {
        *PARAMETERS.values(),
        "AWS_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    }
)
"""What of the environment matters: Lambda sets a new trace id at every invocation."""


def connected(logger: Logger, environment: Mapping[str, str]) -> Aws:
    """Connect, and stay connected over warm invocations while the environment is the same."""
    return _connected(logger, frozenset((name, environment.get(name, "")) for name in RELEVANT))


@lru_cache(maxsize=4)
def _connected(logger: Logger, environment: frozenset[tuple[str, str]]) -> Aws:

    def log_write(action: str, facts: Mapping[str, str]) -> None:
        logger.info(f"Wrote {action}", extra=dict(facts))

    given = dict(environment)
    settings = Settings.read(given)
    return Aws(
        session=boto3.Session(region_name=given.get("AWS_REGION") or settings.home_region),
        settings=settings,
        journal=log_write,
        clock=lambda: datetime.now(UTC),
    )


def disconnect() -> None:
    """Forget all connections."""
    _connected.cache_clear()
