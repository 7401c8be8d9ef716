"""What a function says when something goes wrong: one sentence, in the log and in its answer."""

from collections.abc import Generator
from contextlib import contextmanager
from traceback import format_tb

from aws_lambda_powertools import Logger

from keyturn.domain.errors import KeyturnError, Unexpected
from keyturn.functions.log_lines import LogEvent, log


@contextmanager
def in_our_words(logger: Logger, event: LogEvent, prefix: str = "") -> Generator[None]:
    """
    Log what is raised as this event, and raise it as one of our own errors.

    Of a fault of Keyturn's own the log shows the place, never the message: it could hold anything.
    Raises KeyturnError, of the kind that came; Unexpected for such a fault.
    """
    try:
        yield
    except KeyturnError as error:
        log(logger, event, f"{prefix}{error}")
        raise
    except Exception as error:  # noqa: BLE001 -- raised again, without its message
        known = Unexpected(error)
        log(logger, event, f"{prefix}{known}", trace=format_tb(error.__traceback__))
        raise known from None
