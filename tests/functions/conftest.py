"""The stage that tests of the functions play on."""

from collections.abc import Iterator

import pytest

from tests.use_cases.harness import Harness, staged


@pytest.fixture
def stage() -> Iterator[Harness]:
    with staged() as stage:
        yield stage
