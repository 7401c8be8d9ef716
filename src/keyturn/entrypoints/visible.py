"""Texts of which everything is seen; apart, for the functions' zips carry no command line."""


def visible(text: str) -> str:
    """A text in which everything is seen: no control, no mark that turns or hides what follows."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
