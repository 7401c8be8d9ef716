"""
Break the engine on purpose, one patch after the other, and see a named test fail.

Each patch says in its first lines, behind `caught by:`, which tests have to notice. It is applied
to a copy of the tree, and those tests run there: each must fail in its own body by an assertion,
having passed on the tree as it is. What survives, or does not apply any more, is an error.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parents[2]
PATCHES = Path(__file__).parent
AT_ONCE = 2
PATIENCE = 600
"""Seconds; a break that never ends has not been caught."""
_CAUGHT_BY = re.compile(r"^caught by: (\S+)$", re.MULTILINE)
# How an assertion, `pytest.raises` and `pytest.fail` begin what they say.
_SAYS_SO = ("AssertionError", "assert ", "Failed: ")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A break, and the tests that have to notice it."""

    patch: Path
    tests: tuple[str, ...]

    @classmethod
    def read(cls, patch: Path) -> "Mutant":
        """Read the head of a patch."""
        head = patch.read_text().partition("\n--- ")[0]
        return cls(patch, tuple(_CAUGHT_BY.findall(head)))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a break; wrong is why it does not count as caught."""

    mutant: Mutant
    seconds: float
    wrong: str | None = None

    def __str__(self) -> str:
        """As a line of the table."""
        said = f"NOT CAUGHT: {self.wrong}" if self.wrong else "caught"
        by = ", ".join(test.rpartition("::")[2] for test in self.mutant.tests)
        return f"{self.mutant.patch.stem:40} {self.seconds:5.1f} s  {said}  ({by})"


def main(chosen: Sequence[str], patches: Path = PATCHES) -> int:
    """Try all breaks, or those whose names begin so; 1 if any was not caught."""
    mutants = [
        Mutant.read(patch)
        for patch in sorted(patches.glob("*.patch"))
        if not chosen or patch.name.startswith(tuple(chosen))
    ]
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        healthy = Path(folder, "healthy")
        copy_tree(healthy)
        passed = _run(healthy, tests, "-n", str(AT_ONCE), "--dist", "loadfile")
        failing = [test for test in tests if _why_not_passed(test, passed)]
        if failing:
            _say(f"these do not pass without any break: {', '.join(failing)}")
            return 1
        with ThreadPoolExecutor(AT_ONCE) as pool:
            verdicts = []
            for verdict in pool.map(partial(_tried, healthy), mutants):
                _say(str(verdict))
                verdicts.append(verdict)
    survived = sum(verdict.wrong is not None for verdict in verdicts)
    _say(f"{len(verdicts)} breaks, {len(verdicts) - survived} caught, {survived} not")
    return 1 if survived or not verdicts else 0


def _tried(healthy: Path, mutant: Mutant) -> Verdict:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        broken = Path(folder, "broken")
        # With its times and its bytecode: only what the patch changes is compiled anew.
        shutil.copytree(healthy, broken, symlinks=True)
        wrong = _why_not_caught(mutant, broken)
    return Verdict(mutant, time.monotonic() - began, wrong)


def _why_not_caught(mutant: Mutant, broken: Path) -> str | None:
    if not mutant.tests:
        return "it names no test"
    applied = subprocess.run(
        ["git", "apply", "-p1", str(mutant.patch)],  # noqa: S607 -- the git that made this tree
        cwd=broken,
        # Within another repository it would leave out what that one does not know.
        env={**os.environ, "GIT_CEILING_DIRECTORIES": str(broken.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    if applied.returncode:
        return f"the patch does not apply any more ({applied.stderr.partition(chr(10))[0]})"
    results = _run(broken, mutant.tests)
    return next(filter(None, (_why_not_failed(test, results) for test in mutant.tests)), None)


def copy_tree(to: Path) -> None:
    """Copy what belongs to the tree, with what is not committed yet."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 -- as above
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        source = ROOT / name
        if source.is_file() or source.is_symlink():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, to / name, follow_symlinks=False)


Results = Mapping[str, Sequence[ET.Element]]
"""What pytest reports, by test: one element for each of its cases."""


def _run(tree: Path, tests: Sequence[str], *options: str) -> Results:
    """Run tests on a copy of the tree, which comes before the one that is installed."""
    report = tree.parent / "report.xml"
    try:
        subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", f"--junitxml={report}"),
                # The family in which a test may also say what it measured.
                *("-o", "junit_family=xunit1", *options, *tests),
            ],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree / "src")},
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {}
    cases = list(ET.parse(report).iter("testcase")) if report.exists() else []  # noqa: S314 -- pytest wrote it
    return {test: list(_cases_of(test, cases)) for test in tests}


def _cases_of(test: str, cases: Sequence[ET.Element]) -> Iterator[ET.Element]:
    path, *_, name = test.split("::")
    module = path.removesuffix(".py").replace("/", ".")
    for case in cases:
        is_same = name in {case.get("name"), str(case.get("name")).partition("[")[0]}
        if is_same and str(case.get("classname")).startswith(module):
            yield case


def _why_not_passed(test: str, results: Results) -> str | None:
    cases = results.get(test, ())
    skipped_or_worse = [case for case in cases if any(said.tag != "properties" for said in case)]
    return None if cases and not skipped_or_worse else f"{test} did not pass"


def _why_not_failed(test: str, results: Results) -> str | None:
    """Say why a test has not noticed: an error outside of its body is none of its doing."""
    said = [
        str(failure.get("message"))
        for case in results.get(test, ())
        for failure in case.iter("failure")
    ]
    if any(each.startswith(_SAYS_SO) for each in said):
        return None
    if said:
        return f"{test} failed by {said[0].splitlines()[0][:80]}"
    return f"{test} did not fail"


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
