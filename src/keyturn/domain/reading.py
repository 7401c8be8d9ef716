"""The one reader of JSON that comes from outside; what could hurt whoever reads it is refused."""

import json
import math
from typing import Any, Final, NoReturn

DEEPEST: Final = 40
"""Levels of objects and lists: ours have six."""
LARGEST: Final = 64 * 1024 * 1024
"""Bytes: a plan of a hundred thousand keys has less."""
LONGEST_NUMBER: Final = 18
"""Digits: they count, and name no things."""
_SHOWN: Final = 100


class NotReadableError(ValueError):
    """It is no JSON that we take; says why, in words that follow a name: "nests too deep"."""


def read_json(text: str | bytes) -> Any:  # noqa: ANN401 -- JSON can be anything
    """
    Read JSON, by its mark in UTF-8, 16 or 32.

    Raises NotReadableError where it is none that we take: too long, too deep, a name twice.
    """
    if len(text) > LARGEST:
        raise NotReadableError(f"has {len(text)} bytes; at most {LARGEST} are read")
    try:
        if isinstance(text, bytes):
            text = text.decode(json.detect_encoding(text))
        found = json.loads(
            text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}"),
            parse_constant=_no_number,
            parse_float=_number,
            parse_int=_whole,
            object_pairs_hook=_object,
        )
    except RecursionError:
        raise NotReadableError(f"nests deeper than {DEEPEST} levels") from None
    except NotReadableError:
        raise
    except ValueError:
        raise NotReadableError("is no JSON") from None
    return checked(found)


def checked(found: Any) -> Any:  # noqa: ANN401 -- as above
    """
    What somebody else has read, as it is.

    Raises NotReadableError where it is too deep, or its text or numbers cannot be written again.
    """
    level, depth = [found], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise NotReadableError(f"nests deeper than {DEEPEST} levels")
        below: list[Any] = []
        for each in level:
            match each:
                case dict():
                    below += each.keys()
                    below += each.values()
                case list():
                    below += each
                case str():
                    _text(each)
                case float() if not math.isfinite(each):
                    _no_number(str(each))
        level = below
    return found


def shortened(value: object) -> str:
    """A value as one reads it in a sentence: of a long one its first 100 characters."""
    text = str(value)
    if len(text) <= 2 * _SHOWN:
        return text
    return f"{text[:_SHOWN]}… ({len(text)} characters)"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise NotReadableError(f"names {shortened(twice)} twice")
    return found


def _no_number(word: str) -> NoReturn:
    raise NotReadableError(f"holds {word}, which is no number")


def _whole(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise NotReadableError(f"holds a number of {len(digits)} digits")
    return int(digits)


def _number(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise NotReadableError(f"holds {shortened(digits)}, which is too large a number")
    return number


def _text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise NotReadableError("holds text that is no Unicode") from None
