"""How times and words are written into a tag; nothing that stands there can raise an error."""

import re
from datetime import UTC, datetime

from keyturn.domain.days import can_be

_COUNT = re.compile(r"[0-9]{1,4}", re.ASCII)


def format_utc(moment: datetime) -> str:
    """A moment as the record writes it: UTC to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> datetime | None:
    """Read a time as `format_utc` writes it; None if it is none, or one that cannot be."""
    try:
        found = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return found if can_be(found) and format_utc(found) == text else None


def words(text: str) -> dict[str, str]:
    """Read `name=value name=value` as name → value; what is not of that form is left out."""
    return dict(pair for word in text.split() if len(pair := word.split("=", 1)) == 2)  # noqa: PLR2004 -- a name and a value


def count(text: str) -> int:
    """Read a number of at most four digits; what is none counts as 0."""
    return int(text) if _COUNT.fullmatch(text) else 0
