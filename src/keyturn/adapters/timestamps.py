"""AWS's times, read fast: botocore guesses the form of each, which was a fifth of a call."""

import re
from datetime import UTC, datetime
from typing import Any, Final

from botocore.utils import parse_timestamp

_ISO: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z"
)
"""As IAM, STS and S3 write a time in XML: `2026-03-02T05:00:00Z`, S3 with milliseconds."""
_IN_A_HEADER: Final = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), ([0-9]{2}) "
    r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) ([12][0-9]{3})"
    r" ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT"
)
"""As S3 writes it in a header: `Mon, 02 Mar 2026 05:00:00 GMT`."""
_MONTHS: Final = "JanFebMarAprMayJunJulAugSepOctNovDec"


def read_timestamp(value: Any) -> datetime:  # noqa: ANN401 -- a number, or a text in any form
    """
    Read a time as botocore does. Every form but these two is left to it, numbers too.

    Raises ValueError, in botocore's words, for what is no time.
    """
    if isinstance(value, str):
        try:
            if _ISO.fullmatch(value):
                return datetime.fromisoformat(value)
            if found := _IN_A_HEADER.fullmatch(value):
                day, year, hour, minute, second = map(int, found.group(1, 3, 4, 5, 6))
                month = _MONTHS.index(found[2]) // 3 + 1
                return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        except ValueError:  # no day of the calendar
            pass
    return parse_timestamp(value)
