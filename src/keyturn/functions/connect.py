"""What every Lambda function does first: read its settings and connect, once."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.session import Session, get_session

from keyturn.functions.log_lines import LogEvent, log
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

ACCOUNTS_KEPT = 4
"""
Accounts whose clients a warm function keeps: it works on one at a time, and comes back to the last
ones alone, with users that were handed back or an operator's order (decision 0082).
"""
WORDING = frozenset({"OrganizationName", "HelpLink", "MailSubjectPrefix"})
"""Settings that are only words of mails. A blank one stops no run: it is taken as not set."""


def connected(logger: Logger, environment: Mapping[str, str], context: LambdaContext) -> Aws:
    """
    Connect, and stay connected over warm invocations while the environment is the same.

    environment: name → value. Raises InvalidValue where a setting in it breaks a rule.
    """
    relevant = frozenset((name, environment.get(name, "")) for name in RELEVANT)
    return _connected(logger, relevant, own_account(context))


def own_account(context: LambdaContext) -> str:
    """The id of the account that the function is in: by its ARN, which no setting can change."""
    return context.invoked_function_arn.split(":")[4]


@lru_cache(maxsize=4)
def _connected(logger: Logger, environment: frozenset[tuple[str, str]], account: str) -> Aws:

    def log_write(action: str, facts: Mapping[str, str]) -> None:
        event = LogEvent.WRITE_REFUSED if "error" in facts else LogEvent.WRITE_MADE
        log(logger, event, f"Wrote {action}", call=action, **facts)

    given = dict(environment)
    for name in sorted(WORDING):
        if given.get(name) and not given[name].strip():
            text = f"{name} is blank: it is taken as not set. Correct it with keyturn deploy"
            log(logger, LogEvent.SETTING_BLANK, text, setting=name)
            del given[name]
    settings = Settings.read(given)
    return Aws(
        session=_session(given.get("AWS_REGION") or settings.home_region),
        settings=settings,
        journal=log_write,
        clock=lambda: datetime.now(UTC),
        account=account,
        members_kept=ACCOUNTS_KEPT,
    )


def _session(region: str | None) -> Session:
    session = get_session()
    if region is not None:
        session.set_config_variable("region", region)
    return session


def disconnect() -> None:
    """Forget all connections."""
    _connected.cache_clear()
