"""
Which tests run which lines, and what else each of them looks at: a pytest plugin.

It asks Python itself (`sys.monitoring`), which tells each line once a test and is quick about it.
A worker of pytest-xdist writes its own file. What a test does in another process is not seen;
that it starts one is.
"""

import json
import os
import sys
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

FOLDER = "MUTANTS_WATCH_INTO"
"""The variable that says where to: with it set, every test is watched."""
CHOSEN = "MUTANTS_TESTS"
"""The variable that names a file with the tests to run, in their order."""

MONITORING: Any = vars(sys).get("monitoring")
"""Since Python 3.12."""


class Watch:
    """Notes of every test that passes its lines, the files it opened, and what it costs a core."""

    def __init__(self, root: Path, into: Path) -> None:
        self._root = f"{root}{os.sep}"
        self._source = f"{root / 'src'}{os.sep}"
        self._into = into
        self._monitoring = MONITORING
        self._lines: dict[str, int] = defaultdict(int)
        self._opened: set[str] = set()
        self._starts = False
        self._passed = False
        self._tests: dict[str, object] = {}
        events = self._monitoring.events
        self._monitoring.use_tool_id(self._monitoring.COVERAGE_ID, "mutants")
        for event, what in ((events.PY_START, self._code), (events.LINE, self._line)):
            self._monitoring.register_callback(self._monitoring.COVERAGE_ID, event, what)
        self._monitoring.set_events(self._monitoring.COVERAGE_ID, events.PY_START)
        sys.addaudithook(self._audit)

    def _code(self, code: CodeType, _: int) -> object:
        if code.co_filename.startswith(self._source):
            self._monitoring.set_local_events(
                self._monitoring.COVERAGE_ID, code, self._monitoring.events.LINE
            )
        return self._monitoring.DISABLE

    def _line(self, code: CodeType, line: int) -> object:
        self._lines[code.co_filename] |= 1 << line
        return self._monitoring.DISABLE

    def _audit(self, event: str, given: tuple[object, ...]) -> None:
        if event == "open":
            if isinstance(given[0], str | Path):
                path = str(given[0])
                path = path if path.startswith("/") else f"{self._root}{path}"
                if path.startswith(self._root) and "__pycache__" not in path:
                    self._opened.add(path.removeprefix(self._root))
        elif event == "subprocess.Popen":
            self._starts = True

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Watch one test, with what is made ready for it."""
        self._lines.clear()
        self._opened.clear()
        self._starts, self._passed = False, True
        self._monitoring.restart_events()
        began = sum(os.times()[:4])
        done = yield
        if self._passed:
            self._tests[item.nodeid] = {
                "seconds": round(sum(os.times()[:4]) - began, 3),
                "starts": self._starts,
                "opens": sorted(self._opened),
                "lines": {
                    path.removeprefix(self._root): f"{bits:x}"
                    for path, bits in self._lines.items()
                },
            }
        return done

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note that a test did not pass: one that fails without a break proves nothing."""
        self._passed &= report.passed

    def pytest_sessionfinish(self) -> None:
        """Write it all down."""
        worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
        if self._tests:
            (self._into / f"{worker}.json").write_text(json.dumps(self._tests))


class Choose:
    """Lets only some tests run, in the order in which they are named."""

    def __init__(self, wanted: list[str]) -> None:
        self._place = {test: place for place, test in enumerate(wanted)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Leave out what is not named."""
        chosen = [item for item in items if item.nodeid in self._place]
        config.hook.pytest_deselected(
            items=[item for item in items if item.nodeid not in self._place]
        )
        items[:] = sorted(chosen, key=lambda item: self._place[item.nodeid])


def pytest_configure(config: pytest.Config) -> None:
    """Do what the environment asks for."""
    into = os.environ.get(FOLDER)
    # The process that only hands out the tests to workers sees none.
    if into and not getattr(config.option, "numprocesses", None):
        config.pluginmanager.register(Watch(config.rootpath, Path(into)))
    if chosen := os.environ.get(CHOSEN):
        config.pluginmanager.register(Choose(Path(chosen).read_text().splitlines()))
