"""Text of others' making, as people are to read it."""

_MARK = "\N{REPLACEMENT CHARACTER}"


def visible(text: str) -> str:
    """A text in which everything is seen: no control, no mark that turns or hides what follows."""
    return "".join(each if each.isprintable() else _MARK for each in text)


def shown(text: object) -> str:
    """A text on one line, with nothing in it that a terminal or a mail would obey."""
    return visible(" ".join(str(text).split()))
