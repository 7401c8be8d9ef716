"""Here the local AWS itself is tried: it refuses by its own rules, and not botocore before it."""

from collections.abc import Iterator

import pytest

from tests.aws_limits import without_limits


@pytest.fixture(autouse=True)
def the_sandbox_refuses() -> Iterator[None]:
    """Let everything be sent."""
    with without_limits():
        yield
