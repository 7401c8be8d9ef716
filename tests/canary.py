"""
The canary: when the tests have run, no secret that the emulator handed out may stand anywhere.

A pytest plugin. It knows every secret access key that the emulator makes, and looks for each, in
every form, in what comes out while the tests run: logs, requests to AWS (events, messages, mails,
objects, tags), what commands print, errors, warnings and files. If one is found, the session
fails. A worker of pytest-xdist looks for itself, and tells the session what it found.

Left out is where a secret belongs: the answer that creates a key, the value of a secret in Secrets
Manager, and the emulator's memory.

A test that lets a secret out on purpose is marked `lets_a_secret_out`; then it must, too.
"""

import logging
import os
import sys
import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from threading import RLock
from typing import Any

import pytest

from keyturn_sandbox.judge.secret_scanner import SecretScanner
from tests.listening import OF_THE_SDK, Children, Log, listen, listen_to_the_sandbox, trace_of

MARK = "lets_a_secret_out"
ENOUGH = 8_000_000
"""So many characters are kept until they are looked through."""
SHORTEST = 32
"""Of the forms of a secret."""

# From here the functions' loggers take their level, when they are imported.
os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "DEBUG")


class Canary:
    """What came out, and what was found in it."""

    def __init__(self, config: pytest.Config) -> None:
        self.found: set[str] = set()
        self.secrets = 0
        self.characters = 0
        self.patches = pytest.MonkeyPatch()
        self.children = Children(self.patches)
        self._config = config
        self._scanner = SecretScanner()
        self._known: set[str] = set()
        self._lock = RLock()
        self._texts: list[tuple[str, str]] = []
        self._waiting = 0
        self._test = "before all tests"
        self._module = ""
        self._forgiven: list[Path] = []
        self._began = time.time()
        self._hears_the_sandbox = False

    def know(self, key_id: str, secret: str) -> None:
        """Look for this secret from now on."""
        with self._lock:
            if secret not in self._known:
                self._known.add(secret)
                self._scanner.add(key_id, secret)
                self.secrets += 1

    def see(self, what: str, text: str) -> None:
        """Take down something that came out, to be looked through later."""
        if len(text) < SHORTEST:
            return
        with self._lock:
            self._texts.append((f"{what}, {self._test}", text))
            self._waiting += len(text)
            if self._waiting > ENOUGH:
                self.look()

    def look(self) -> None:
        """Look through what was taken down."""
        with self._lock:
            for key_id, secret in self.children.secrets():
                self.know(key_id, secret)
            for place, text in self._texts:
                for key_id, form in self._scanner.find(text):
                    self.found.add(f"{key_id}, {form}: {place}")
            self._texts.clear()
            self.characters += self._waiting
            self._waiting = 0

    # What pytest tells

    def pytest_collection_finish(self) -> None:
        """Listen to the emulator, if any test will use it: then it has been imported."""
        if "moto" in sys.modules and not self._hears_the_sandbox:
            self._hears_the_sandbox = True
            listen_to_the_sandbox(self.know, self.see, self.patches)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Note which test runs, and whether it may let a secret out."""
        if item.location[0] != self._module:
            self._module = item.location[0]
            # In every module the product has to keep the SDK from logging its answers.
            for name in OF_THE_SDK:
                logging.getLogger(name).setLevel(logging.NOTSET)
        self._test = item.nodeid
        if item.get_closest_marker(MARK) is None:
            return (yield)
        self.look()
        before, self.found = self.found, set()
        try:
            return (yield)
        finally:
            self._see_files(self._forgiven)
            self.look()
            if not self.found:
                before.add(f"no secret, though marked {MARK}: {item.nodeid}")
            self.found = before

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """Note the folder of a test that may let a secret out."""
        folder = getattr(item, "funcargs", {}).get("tmp_path")
        if folder is not None and item.get_closest_marker(MARK) is not None:
            self._forgiven.append(folder)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: "pytest.CallInfo[None]"
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """See what is reported of a test that did not pass, and the error."""
        report = yield
        if call.excinfo is not None:
            self.see("the error of a test", trace_of(call.excinfo.value))
            self.see("the report of a test", report.longreprtext)
        return report

    def pytest_warning_recorded(self, warning_message: Any) -> None:  # noqa: ANN401 -- warnings does not export its class
        """See a warning."""
        self.see("a warning", str(warning_message.message))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Look through the rest; the session fails if anything was found."""
        self._test = "after all tests"
        self.look()  # and hear of the last secrets
        if self.secrets:
            temporary = self._config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined] # noqa: SLF001 -- only fixtures are given it
            self._see_files([temporary, self._config.rootpath], but_for=self._forgiven)
        self.look()
        if hasattr(self._config, "workeroutput"):
            told = (sorted(self.found), self.secrets, self.characters)
            self._config.workeroutput[MARK] = told
        elif self.found:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:  # noqa: ANN401 -- xdist has no types
        """Take over what a worker found; of one that died xdist tells."""
        output = getattr(node, "workeroutput", None) or {}
        found, secrets, characters = output.get(MARK, ((), 0, 0))
        self.found |= set(found)
        self.secrets += secrets
        self.characters += characters

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name the key, the form and the place of what was found, and never the secret."""
        if self.found:
            terminalreporter.section("secrets that got out", red=True)
            for finding in sorted(self.found):
                terminalreporter.line(finding)
        elif self.secrets:
            terminalreporter.line(
                f"canary: looked for {self.secrets:,} secrets in {self.characters:,} characters"
            )

    def _see_files(self, folders: Sequence[Path], but_for: Sequence[Path] = ()) -> None:
        for path in (path for folder in folders for path in _files(folder)):
            is_forgiven = any(path.is_relative_to(folder) for folder in but_for)
            if not is_forgiven and path.stat().st_mtime >= self._began:
                self.see(f"the file {path}", path.read_bytes().decode("latin-1"))


def _files(folder: Path) -> Iterator[Path]:
    """All files, but for those of tools, which keep theirs out of sight."""
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "__"))]
        yield from (path for name in names if (path := Path(parent, name)).is_file())


_canaries: list[Canary] = []


def see(what: str, text: str) -> None:
    """Hand in what only a test gets to see."""
    for canary in _canaries:
        canary.see(what, text)


def pytest_configure(config: pytest.Config) -> None:
    """Begin to listen, with everybody logging as much as they ever do."""
    config.addinivalue_line("markers", f"{MARK}: on purpose, so the canary has to find it")
    if config.option.log_level is None:
        config.option.log_level = "WARNING"  # of what is shown of a failed test
    canary = Canary(config)
    _canaries.append(canary)
    config.pluginmanager.register(canary, "canary")
    listen(canary.see, canary.patches)
    logging.getLogger().setLevel(logging.DEBUG)
    logging.getLogger().addHandler(Log(canary.see))


def pytest_unconfigure() -> None:
    """Listen no longer."""
    canary = _canaries.pop()
    canary.patches.undo()
    canary.children.close()
