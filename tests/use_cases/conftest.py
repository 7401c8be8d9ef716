"""The stage that most tests of the engine play on."""

from collections.abc import Iterator

import pytest

from tests.use_cases.stage import Stage, staged


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged() as stage:
        yield stage
