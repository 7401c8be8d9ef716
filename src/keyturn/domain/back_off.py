"""How long to wait before the next try: each time twice as long, and half of it by chance."""


def back_off(refusals: int, *, first: float, longest: float, chance: float) -> float:
    """
    Seconds to wait after so many refusals in a row, one at least.

    Args:
        refusals: how many there were.
        first: seconds after the first one at most; each time twice as many.
        longest: seconds at most, however many there were.
        chance: a number from 0 up to 1, another each time: whoever was refused together must not
            come back together.

    """
    return min(longest, first * 2.0 ** (refusals - 1)) * (1 + chance) / 2
