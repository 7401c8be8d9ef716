"""How many of a thing, in words."""


def pluralize(number: int, thing: str) -> str:
    """Say how many: 1 day, 2 days."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
