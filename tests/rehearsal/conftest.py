"""The local AWS, and an operator who rehearses there."""

from collections.abc import Iterator

import pytest

from tests.rehearsal.scene import Rehearsing, rehearsing


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rehearsing]:
    with rehearsing(monkeypatch) as operator:
        yield operator
