"""When so many rotations fail that no further one is begun."""

import pytest

from keyturn.domain.breaker import Breaker, Rotations


@pytest.mark.parametrize(
    ("rotated", "failed", "accounts", "stops"),
    [
        (0, 0, 0, False),
        (0, 9, 9, False),
        (0, 10, 2, True),
        (5, 5, 5, False),
        (5, 6, 2, True),
        (100, 99, 99, False),
        # However many fail in one account: that is its own matter.
        (0, 50, 1, False),
    ],
)
def test_more_than_half_of_ten_or_more_in_two_accounts_stops_it(
    rotated: int, failed: int, accounts: int, *, stops: bool
) -> None:
    why = Breaker().why_stopped(Rotations(rotated, failed, accounts))

    assert (why is not None) is stops


def test_accounts_are_counted_together() -> None:
    both = Rotations(4, 3, 1) + Rotations(1, 3, 1)

    assert Breaker().why_stopped(both) == (
        "6 of 11 rotations failed, more than 50 percent: no further account was entered"
    )
    assert Breaker(failed_percent=60).why_stopped(both) is None
    assert Breaker(rotations=12).why_stopped(both) is None
