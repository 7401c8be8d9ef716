"""How many of a thing: read, and in words."""

import re

_WHOLE = re.compile(r"-?[0-9]{1,1000}")
"""ASCII and nothing else, as CloudFormation takes a number: int() reads 1_0, +5 and ٣, too."""


def whole_number(text: str) -> int | None:
    """Read a whole number; None: it is none."""
    return int(text) if _WHOLE.fullmatch(text) else None


def pluralize(number: int, thing: str) -> str:
    """Say how many: 1 day, 2 days."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
