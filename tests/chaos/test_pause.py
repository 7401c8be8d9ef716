"""The pause that stops every write, broken at each call of the command that sets or clears it."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count

import pytest
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn_sandbox.emulator.cloud import LocalCloud
from keyturn_sandbox.emulator.faults import Fault, Faults, KilledError
from tests.chaos.scale import FORM
from tests.cli.organisation import BUCKET, NOW, OURS, build, environment

COMMANDS = {
    "pause": ("pause", "--bucket", BUCKET, "--reason", "INC-7", "--enforce", "--yes"),
    "resume": ("resume", "--bucket", BUCKET, "--enforce", "--yes"),
}
SAMPLE = (Fault.SILENT, Fault.DENIED, Fault.KILLED_AFTER)
"""What is tried in an ordinary test run."""
OF_A_SWITCH = [fault for fault in Fault if fault.befalls("s3:PutObject")]


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalCloud]:
    with LocalCloud(now=NOW) as opened:
        build(opened)
        s3 = opened.session(OURS).client("s3")
        s3.put_object(Bucket=BUCKET, Key="snapshots/of-a-run.json", Body=b"{}")
        for name, value in environment(opened.session(OURS)).items():
            monkeypatch.setenv(name, value)
        yield opened


def given(command: str) -> Result:
    return CliRunner().invoke(app, COMMANDS[command])


def is_paused(cloud: LocalCloud) -> bool:
    return "paused.json" in cloud.objects(BUCKET)


@pytest.mark.parametrize("fault", OF_A_SWITCH if FORM else SAMPLE)
@pytest.mark.parametrize(("command", "other"), [("pause", "resume"), ("resume", "pause")])
def test_a_switch_that_was_not_thrown_says_so_and_can_be_thrown_again(
    cloud: LocalCloud,
    record_property: Callable[[str, object], None],
    command: str,
    other: str,
    fault: Fault,
) -> None:
    wanted = command == "pause"
    for at in count(1):
        given(other)
        faults = Faults(fault=fault, at=at, watches=lambda _request: True)
        cloud.layers.append(faults)
        result = None
        with suppress(KilledError):
            result = given(command)
        cloud.layers.remove(faults)
        if faults.operation is None:
            break
        record_property("broken", f"{command} {at} {fault}")

        if result is not None and result.exit_code == 0:
            assert is_paused(cloud) is wanted, faults.operation
        elif result is not None:
            assert isinstance(result.exception, SystemExit), faults.operation
            assert result.stderr, faults.operation
        assert given(command).exit_code == 0, faults.operation
        assert is_paused(cloud) is wanted
    assert at > 3  # at least the pause was read and set or cleared, and the audit entry written
