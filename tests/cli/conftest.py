"""The organisation that tests of the commands play in, and the stage of those of a function."""

from collections.abc import Iterator

import pytest

from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.cli.organisation import NOW, OURS, build, environment
from tests.use_cases.harness import Harness, staged


@pytest.fixture
def stage() -> Iterator[Harness]:
    with staged() as stage:
        yield stage


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalCloud]:
    with LocalCloud(now=NOW) as opened:
        build(opened)
        for name, value in environment(opened.session(OURS)).items():
            monkeypatch.setenv(name, value)
        yield opened
