"""When so many rotations fail that no further one is begun."""

import pytest

from keyturn.domain.breaker import Rotations


@pytest.mark.parametrize(
    ("rotated", "failed", "stops"),
    [(0, 0, False), (0, 9, False), (0, 10, True), (5, 5, False), (5, 6, True), (100, 99, False)],
)
def test_more_than_half_of_ten_or_more_stops_it(rotated: int, failed: int, *, stops: bool) -> None:
    assert (Rotations(rotated, failed).why_stopped is not None) is stops


def test_accounts_are_counted_together() -> None:
    both = Rotations(4, 3) + Rotations(1, 3)

    assert both.why_stopped == (
        "6 of 11 rotations failed, more than 50 percent: no further account was entered"
    )
