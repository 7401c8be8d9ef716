"""The stage that tests of the functions play on."""

from collections.abc import Iterator
from functools import partial

import pytest

from keyturn.adapters import https
from keyturn.functions.connect import disconnect
from keyturn_sandbox.simulation.deployment import deploy_channels
from tests.functions.channels_stage import Channels
from tests.receivers import Receiver, receiving
from tests.use_cases.harness import Harness, staged


@pytest.fixture
def stage() -> Iterator[Harness]:
    with staged() as stage:
        yield stage


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def channels(stage: Harness, monkeypatch: pytest.MonkeyPatch) -> Channels:
    sender = partial(https.HttpsSender, plain_to_loopback=True)
    monkeypatch.setattr(https, "HttpsSender", sender)
    disconnect()
    return Channels(stage=stage, queue=deploy_channels(stage.cloud, stage.deployment))
