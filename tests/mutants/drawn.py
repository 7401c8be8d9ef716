"""
Break the source and the templates at random, and count how many breaks the tests notice.

The draw is evenly over the kinds of breaks and the rooms, from a seed that is the ISO week unless
another is given; the sandbox is left out. Each break is made on a copy of the tree. There the
tests that run the broken line come first, the quick ones before the slow ones; then, if all of
them pass, the rest of their files, those that read the broken file, and those that start a
process, in which nobody sees which lines are run. What changes nothing that anybody could notice
is listed in equivalent.toml, with the reason.
"""

import argparse
import contextlib
import gzip
import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from queue import SimpleQueue

from tests.mutants import python_breaks, template_breaks, watching
from tests.mutants.enclosing import lines_to_look_for
from tests.mutants.python_breaks import Break
from tests.mutants.run import AT_ONCE, ROOT, copy_tree
from tests.mutants.watching import CHOSEN, FOLDER

AIM = 95
"""Percent of the breaks that change anything."""
ENOUGH = 120
"""Seconds of a core, as they were measured, that each of the two rounds takes at most."""
START = 120
"""Seconds for pytest to start, on a machine that is busy."""
SLOWER = 10
"""So many times what was measured takes a test that hangs."""
TO_A_TEMPLATE = 4
"""Every so many breaks one is of a template."""
KEPT = ROOT / ".mutants"
EQUIVALENT = Path(__file__).parent / "equivalent.toml"
TEMPLATES = "CloudFormation"


@dataclass(frozen=True, slots=True)
class Watched:
    """What was seen of one test on the tree as it is."""

    seconds: float
    starts: bool
    opens: frozenset[str]
    lines: Mapping[str, int]
    """Of each file a number, whose bit n says that line n was run."""


@dataclass(frozen=True, slots=True)
class Map:
    """Which tests there are, and what each of them runs."""

    tests: Mapping[str, Watched]

    def for_break(self, broken: Break, text: str) -> tuple[list[str], list[str]]:
        """Give the tests that run the line, and those that might notice all the same."""
        own = self._that_run(broken, text)
        files = {_file(test) for test in own}
        for test, watched in self.tests.items():
            if broken.path in watched.opens:
                files.add(_file(test))
        if broken.path.startswith(TEMPLATES):
            files |= {
                _file(test) for test in self.tests if test.startswith("tests/cloudformation")
            }
        wider = {
            test for test, watched in self.tests.items() if _file(test) in files or watched.starts
        } - own
        return self._in_order(own), self._in_order(wider)

    def _that_run(self, broken: Break, text: str) -> set[str]:
        if broken.path.startswith(TEMPLATES):
            return set()
        for lines in lines_to_look_for(broken, text):
            if own := {
                test
                for test, watched in self.tests.items()
                if watched.lines.get(broken.path, 0) & lines
            }:
                return own
        return set()

    def _in_order(self, tests: Iterable[str]) -> list[str]:
        """Whole files, the quick ones first: what a file makes ready is made ready once."""
        cost: dict[str, float] = defaultdict(float)
        tests = list(tests)
        for test in tests:
            cost[_file(test)] += self.tests[test].seconds
        place = {test: number for number, test in enumerate(self.tests)}
        tests.sort(key=lambda test: (cost[_file(test)], _file(test), place[test]))
        chosen: list[str] = []
        seconds = 0.0
        for test in tests:
            seconds += self.tests[test].seconds
            if seconds > ENOUGH and chosen:
                break
            chosen.append(test)
        return chosen

    def seconds(self, tests: Iterable[str]) -> float:
        """How long these took."""
        return sum(self.tests[test].seconds for test in tests)


def _file(test: str) -> str:
    return test.partition("::")[0]


def measured() -> Map:
    """Watch all tests on the tree as it is; what was seen of the same tree is kept."""
    KEPT.mkdir(exist_ok=True)
    (KEPT / ".gitignore").write_text("*\n")
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = Path(folder, "tree")
        copy_tree(tree)
        kept = KEPT / f"{_mark_of(tree)}.json.gz"
        if not kept.exists():
            _say("watching which lines each test runs: as long as `make test` takes")
            seen = _watched(tree, Path(folder))
            for old in KEPT.glob("*.json.gz"):
                old.unlink()
            kept.write_bytes(gzip.compress(json.dumps(seen).encode()))
    return _read(kept)


def _read(kept: Path) -> Map:
    seen = json.loads(gzip.decompress(kept.read_bytes()))
    return Map(
        {
            test: Watched(
                told["seconds"],
                told["starts"],
                frozenset(told["opens"]),
                {path: int(bits, 16) for path, bits in told["lines"].items()},
            )
            for test, told in seen.items()
        }
    )


def _mark_of(tree: Path) -> str:
    mark = hashlib.sha256()
    for path in sorted(path for path in tree.rglob("*") if path.is_file()):
        if path.suffix in {".py", ".yaml", ".toml", ".html", ".txt"}:
            mark.update(f"{path.relative_to(tree)}\0".encode() + path.read_bytes())
    return mark.hexdigest()[:16]


def _watched(tree: Path, into: Path) -> dict[str, object]:
    subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "tests.mutants.watching"),
            *("-p", "no:cacheprovider", "-n", str(AT_ONCE), "--dist", "loadfile"),
            f"--basetemp={into / 'files'}",
        ],
        cwd=tree,
        env=_environment(tree) | {FOLDER: str(into)},
        stdout=subprocess.DEVNULL,
        check=False,  # a test that fails here is left out
    )
    seen: dict[str, object] = {}
    for part in sorted(into.glob("*.json")):
        seen |= json.loads(part.read_text())
    return seen


def _environment(tree: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(tree / "src"), "PYTHONDONTWRITEBYTECODE": "1"}


# --- the draw -----------------------------------------------------------------------------------


def sources() -> list[str]:
    """The files that may be broken."""
    code = ROOT.glob("src/keyturn/**/*.py")
    return sorted(
        str(path.relative_to(ROOT)) for path in (*code, *ROOT.glob(f"{TEMPLATES}/*.yaml"))
    )


def room_of(path: str) -> str:
    """The room that a file lies in."""
    parts = Path(path).parts
    return parts[2] if len(parts) > 3 else parts[0] if parts[0] == TEMPLATES else "keyturn"


def candidates(paths: Iterable[str], lines: Mapping[str, set[int]] | None = None) -> list[Break]:
    """Give all breaks of these files, or those in some of their lines."""
    found: list[Break] = []
    for path in paths:
        text = (ROOT / path).read_text()
        find = (
            template_breaks.template_breaks_in if _is_template(path) else python_breaks.breaks_in
        )
        found += [
            each
            for each in find(path, text)
            if lines is None or each.line in lines.get(path, set())
        ]
    return found


def _is_template(path: str) -> bool:
    return path.startswith(TEMPLATES)


def is_real(broken: Break) -> bool:
    """Whether it leaves another program, or another template."""
    text = (ROOT / broken.path).read_text()
    ask = (
        template_breaks.is_another_template
        if _is_template(broken.path)
        else python_breaks.is_another_program
    )
    return ask(broken.of(text), text)


def draw(among: Sequence[Break], number: int, seed: str) -> list[Break]:
    """Draw so many, evenly over kinds of breaks and rooms."""
    dice = random.Random(seed)  # noqa: S311 -- the same draw for the same seed
    pools: dict[bool, dict[tuple[str, str], list[Break]]] = {True: {}, False: {}}
    for each in among:
        pool = pools[_is_template(each.path)]
        pool.setdefault((each.operator, room_of(each.path)), []).append(each)
    drawn: list[Break] = []
    kinds: Counter[str] = Counter()
    rooms: Counter[str] = Counter()
    while len(drawn) < number and (pools[True] or pools[False]):
        of_a_template = (len(drawn) + 1) % TO_A_TEMPLATE == 0
        pool = pools[of_a_template] or pools[not of_a_template]
        fewest = min((kinds[kind], rooms[room]) for kind, room in pool)
        kind, room = dice.choice(
            sorted(each for each in pool if (kinds[each[0]], rooms[each[1]]) == fewest)
        )
        one = pool[kind, room].pop(dice.randrange(len(pool[kind, room])))
        if not pool[kind, room]:
            del pool[kind, room]
        if is_real(one):
            drawn.append(one)
            kinds[kind] += 1
            rooms[room] += 1
    return drawn


def lines_since(commit: str) -> dict[str, set[int]]:
    """The lines that are new or changed since a commit."""
    told = subprocess.run(
        ["git", "diff", "--unified=0", commit, "--", "src", TEMPLATES],  # noqa: S607 -- the git that made this tree
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines: dict[str, set[int]] = defaultdict(set)
    path = ""
    for line in told.splitlines():
        if line.startswith("+++ b/"):
            path = line.removeprefix("+++ b/")
        elif found := re.match(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@", line):
            first = int(found[1])
            lines[path] |= set(range(first, first + int(found[2] or 1)))
    return lines


# --- the trial ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a break."""

    broken: Break
    caught_by: str | None
    seconds: float
    why_equivalent: str | None = None
    tried: int = 0

    @property
    def verdict(self) -> str:
        """In one word."""
        if self.caught_by:
            return "caught"
        return "equivalent" if self.why_equivalent else "SURVIVED"

    @cached_property
    def change(self) -> tuple[str, str]:
        """The lines before and after."""
        return change_of(self.broken)

    def __str__(self) -> str:
        """As lines of the table."""
        head = (
            f"{self.verdict:10} {self.broken.operator:24} {self.broken.path}:{self.broken.line}"
            f"  {self.seconds:.0f} s"
        )
        if self.caught_by:
            return f"{head}  by {self.caught_by}"
        was, becomes = change_of(self.broken)
        return f"{head}, {self.tried} tests\n    - {was}\n    + {becomes}"


def change_of(broken: Break) -> tuple[str, str]:
    """The text of the changed lines, before and after, blanks drawn together."""
    text = (ROOT / broken.path).read_text()
    start = text.rfind("\n", 0, broken.start) + 1
    end = text.find("\n", broken.end)
    end = len(text) if end < 0 else end
    was = text[start:end]
    becomes = text[start : broken.start] + broken.new + text[broken.end : end]
    return " ".join(was.split()), " ".join(becomes.split())


@dataclass(frozen=True, slots=True)
class Bench:
    """Copies of the tree, one for each that works at the same time."""

    folder: Path
    known: Map
    equivalent: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    free: "SimpleQueue[Path]" = field(default_factory=SimpleQueue)

    def try_out(self, broken: Break) -> Fate:
        """Make a break in a copy, run the tests there, and mend it."""
        began = time.monotonic()
        if why := self.equivalent.get((broken.path, *change_of(broken))):
            return Fate(broken, None, 0, why)
        tree = self.free.get()
        text = (ROOT / broken.path).read_text()
        file = tree / broken.path
        caught, tried = None, 0
        try:
            file.write_text(broken.of(text))
            for tests in self.known.for_break(broken, text):
                if tests and not caught:
                    tried += len(tests)
                    caught = self._caught_by(tree, tests)
        finally:
            file.write_text(text)
            self.free.put(tree)
        return Fate(broken, caught, time.monotonic() - began, None, tried)

    def _caught_by(self, tree: Path, tests: Sequence[str]) -> str | None:
        chosen = tree.parent / f"{tree.name}.tests"
        chosen.write_text("\n".join(tests))
        files = list(dict.fromkeys(map(_file, tests)))
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "pytest", "-x", "-q", "-p", "tests.mutants.watching"),
                *("-p", "no:cacheprovider", "--tb=no", "-rfE", f"--basetemp={tree}.files", *files),
            ],
            cwd=tree,
            env=_environment(tree) | {CHOSEN: str(chosen)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # so that what its tests start can be ended with it
        )
        try:
            said, _ = process.communicate(timeout=START + SLOWER * self.known.seconds(tests))
        except subprocess.TimeoutExpired:
            return "a test that does not end"
        finally:
            _end(process)
        if process.returncode == 0:
            return None
        found = re.search(r"^(?:FAILED|ERROR) (\S+)", said, re.MULTILINE)
        return found[1] if found else said.strip().splitlines()[-1][:80]


def _end(process: "subprocess.Popen[str]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def equivalents() -> dict[tuple[str, str, str], str]:
    """The breaks that nobody can notice, each with its reason."""
    told = tomllib.loads(EQUIVALENT.read_text())["equivalent"]
    return {(each["path"], each["was"], each["becomes"]): each["why"] for each in told}


def tried(breaks: Sequence[Break], known: Map) -> Iterator[Fate]:
    """Try them all, as many at once as there are cores."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        bench = Bench(Path(folder), known, equivalents())
        for number in range(AT_ONCE):
            tree = Path(folder, f"tree{number}")
            copy_tree(tree)
            bench.free.put(tree)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            yield from pool.map(bench.try_out, breaks)


def table(fates: Sequence[Fate]) -> list[str]:
    """Count what was caught, by kind and by room; the last line is the score."""
    lines = []
    for what, key in (
        ("kind", lambda fate: fate.broken.operator),
        ("room", lambda fate: room_of(fate.broken.path)),
    ):
        lines += ["", f"{what:42} drawn caught survived equivalent"]
        for name in sorted({key(fate) for fate in fates}):
            of = Counter(fate.verdict for fate in fates if key(fate) == name)
            lines.append(
                f"{name:42} {of.total():5} {of['caught']:6} {of['SURVIVED']:8}"
                f" {of['equivalent']:10}"
            )
    caught, real = _score(fates)
    lines += ["", f"{caught} of {real} that change anything were caught: {_percent(fates)} %"]
    return lines


def _score(fates: Sequence[Fate]) -> tuple[int, int]:
    of = Counter(fate.verdict for fate in fates)
    return of["caught"], of["caught"] + of["SURVIVED"]


def _percent(fates: Sequence[Fate]) -> int:
    caught, real = _score(fates)
    return 100 * caught // real if real else 100


def this_week() -> str:
    """The seed, unless another is given."""
    year, week, _ = datetime.now(UTC).isocalendar()
    return f"{year}-W{week:02}"


def main(given: Sequence[str]) -> int:
    """Draw, try, print; 1 if fewer were caught than is aimed for."""
    words = argparse.ArgumentParser(prog="make mutants RANDOM=60")
    words.add_argument("number", type=int)
    words.add_argument("--seed", default=this_week())
    words.add_argument("--kind", default="", help="only kinds whose name begins so")
    words.add_argument("--path", default="", help="only files whose path begins so")
    words.add_argument("--since", help="only lines that are new since this commit")
    words.add_argument("--map", type=Path, help="an older map of which test runs which line")
    options = words.parse_args(given)
    if watching.MONITORING is None:
        words.error("needs Python 3.12 or newer, which can say which lines a test runs")
    began = time.monotonic()
    among = candidates(
        (path for path in sources() if path.startswith(options.path)),
        lines_since(options.since) if options.since else None,
    )
    among = [each for each in among if each.operator.startswith(options.kind)]
    drawn = draw(among, options.number, options.seed)
    _say(f"{len(drawn)} of {len(among)} breaks, drawn with SEED={options.seed}")
    known = _read(options.map) if options.map else measured()
    fates = []
    for fate in tried(drawn, known):
        _say(str(fate))
        fates.append(fate)
    for line in table(fates):
        _say(line)
    _say(f"in {(time.monotonic() - began) / 60:.0f} minutes; SEED={options.seed}")
    return 0 if _percent(fates) >= AIM else 1


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
