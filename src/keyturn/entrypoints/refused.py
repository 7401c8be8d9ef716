"""What marshmallow says of input that does not fit, in words for whoever gave it."""

from typing import Any

from marshmallow import ValidationError
from marshmallow.exceptions import SCHEMA

UNKNOWN_FIELD = "Unknown field."
"""In marshmallow's words."""


def first_wrong(error: ValidationError) -> tuple[tuple[str, ...], str]:
    """
    Say where the first wrong thing is, step by step from the top, and which rule it breaks.

    Of a thing as a whole marshmallow says only one thing: that it is no object.
    """
    path: list[str] = []
    found: Any = error.messages
    while isinstance(found, dict):
        # A field that we do not know may be a misspelt one that then is missing.
        step, found = min(
            found.items(), key=lambda wrong: (wrong[1] != [UNKNOWN_FIELD], str(wrong[0]))
        )
        if step == SCHEMA:
            return tuple(path), "must be an object"
        path.append(str(step))
    return tuple(path), str(found[0]).rstrip(".")
