"""What `make chaos` says at its end."""

import pytest

from tests.chaos.scale import FORM

# What takes minutes is left to `make chaos`.
collect_ignore = [] if FORM else ["test_two_processes.py", "test_two_runs_at_once.py"]
LONGEST = ("test_two_runs_at_once.py", "test_stateful.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    What takes longest comes first, so that both cores end together.

    xdist would put groups of many tests first: --no-loadscope-reorder in the Makefile.
    """
    items.sort(key=lambda item: (*LONGEST, item.path.name).index(item.path.name))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count what was tried, over all workers."""
    if not FORM:
        return
    reports = [r for kind in ("passed", "failed") for r in terminalreporter.getreports(kind)]
    counted: dict[str, list[object]] = {}
    for report in reports:
        for name, value in report.user_properties:
            counted.setdefault(name, []).append(value)
    broken = [str(value).rsplit(" ", 1) for value in counted.get("broken", [])]
    scenarios = {place.split(" ")[0] for place, _ in broken}
    calls, faults = ({word[part] for word in broken} for part in (0, 1))
    failed = len(terminalreporter.getreports("failed"))
    lives = [_sum(counted, name) for name in ("examples", "steps", "orders", "lived")]
    interleavings = [_sum(counted, name) for name in ("schedules", "states")]
    terminalreporter.section("chaos")
    size = f"{len(scenarios)} scenarios, {len(calls)} calls, {len(faults)} faults"
    for line in (
        f"{len(broken)} runs broken: {size}",
        "{} lives at random, {} steps, {} orders obeyed; {} followed to their end".format(*lives),
        "{} schedules of two runs at once, {} states".format(*interleavings),
        f"{failed} violations",
    ):
        terminalreporter.write_line(line)


def _sum(counted: dict[str, list[object]], name: str) -> int:
    return sum(int(str(value)) for value in counted.get(name, []))
