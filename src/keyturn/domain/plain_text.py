"""Text of others' making, as people are to read it."""

_MARK = "\N{REPLACEMENT CHARACTER}"


def visible(text: str) -> str:
    """A text in which everything is seen: no control, no mark that turns or hides what follows."""
    if text.isprintable():
        return text  # nearly every text is
    return "".join(each if each.isprintable() else _MARK for each in text)


def without_surrogates(text: str) -> str:
    """
    A text that can be written down: JSON and YAML can spell halves of characters, UTF-8 cannot.

    Left in, the first hash, file or terminal that such a text comes to raises UnicodeEncodeError.
    """
    if text.isascii():
        return text
    return "".join(_MARK if "\ud800" <= each <= "\udfff" else each for each in text)


def shown(text: object) -> str:
    """A text on one line, with nothing in it that a terminal or a mail would obey."""
    return visible(" ".join(str(text).split()))


def cut(text: str, longest: int) -> str:
    """A text of so many characters at most; that the rest is missing is seen."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
