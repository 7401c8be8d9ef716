"""What marshmallow says of input that does not fit, in words for whoever gave it."""

from typing import Any

from marshmallow import ValidationError
from marshmallow.exceptions import SCHEMA


def first_wrong(error: ValidationError) -> tuple[tuple[str, ...], str]:
    """
    Say where the first wrong thing is, step by step from the top, and which rule it breaks.

    Of a thing as a whole marshmallow says only one thing: that it is no object.
    """
    path: list[str] = []
    found: Any = error.messages
    while isinstance(found, dict):
        step, found = next(iter(found.items()))
        if step == SCHEMA:
            return tuple(path), "must be an object"
        path.append(str(step))
    return tuple(path), str(found[0]).rstrip(".")
