"""The stage that tests of the functions play on."""

from collections.abc import Iterator

import pytest

from tests.use_cases.stage import Stage, staged


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged() as stage:
        yield stage
