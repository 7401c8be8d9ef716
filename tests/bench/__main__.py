"""
What a day takes, in calls, time and memory: `make bench`, `make bench-compare`.

Figures are printed and never asserted, for machines differ. They are of this checkout, or of
another: only the handlers and the command line are asked.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.figures import Measured, as_json, ratios, read, table
from tests.bench.largest_account import largest_account
from tests.bench.process import ROOT
from tests.bench.rows import MEASURES, Asked, Row
from tests.bench.table import BEFORE, NOW
from tests.bench.under_load import notices_and_reports, pages

ON_THEIR_OWN = ("resumed", "load", "pages")
BASE_COMMIT = "5828c1bb"
"""Before there were aims: of it are the figures in `baseline.json`."""


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("names", nargs="*", help="; ".join([*MEASURES, *ON_THEIR_OWN]))
    parser.add_argument("--long", action="store_true", help="every size at every latency")
    parser.add_argument("--json", type=Path, default=ROOT / ".bench" / "measured.json")
    parser.add_argument("--checkout", type=Path, default=ROOT, help="measure this one")
    parser.add_argument("--compare", action="store_true", help="print ratios to the baseline")
    parser.add_argument("--base", help="measure this checkout or commit in turns with it")
    parser.add_argument(
        "--record", action="store_true", help=f"write both beside the bench; base: {BASE_COMMIT}"
    )
    parser.add_argument("--profile", type=Path, help="where profiles of the functions go")
    given = parser.parse_args()
    # What takes minutes on its own is measured only by its name, or with all else.
    names = given.names or [*MEASURES, *(ON_THEIR_OWN if given.long else ())]
    if unknown := sorted(set(names) - {*MEASURES, *ON_THEIR_OWN}):
        parser.error(f"{unknown[0]}: is none of {', '.join([*MEASURES, *ON_THEIR_OWN])}")
    if given.record:
        given.base, given.json = given.base or BASE_COMMIT, NOW
    if given.base and not (Path(given.base).is_dir() or _commit(given.base)):
        parser.error(f"--base {given.base}: is neither a folder nor a commit")
    load = os.getloadavg()[0]
    with _checkouts(given.checkout, given.base) as (checkout, base):
        ours = _File(path=given.json, checkout=checkout, load=load, adds=bool(given.names))
        theirs = base and replace(ours, path=ours.path.with_name(BEFORE.name), checkout=base)
        for name in (name for name in MEASURES if name in names):
            began = time.perf_counter()
            if theirs:
                theirs.add(MEASURES[name](Asked(checkout=theirs.checkout, long=given.long)))
            asked = Asked(checkout=checkout, long=given.long, profile=given.profile)
            ours.add(_shown(MEASURES[name](asked)))
            _say(f"({name}: {time.perf_counter() - began:.0f} s)\n")
    if given.compare:
        _say(ratios(ours.rows, theirs.rows if theirs else read(BEFORE)))
    if "resumed" in names:
        _say(largest_account())
    if "load" in names:
        notices_and_reports()
    if "pages" in names:
        pages()


def _shown(rows: Iterator[Row]) -> Iterator[Row]:
    """Each row as soon as it is there."""
    for row in rows:
        _say(table({row.name: row}))
        yield row


@dataclass(kw_only=True)
class _File:
    """What was measured of a checkout; written after each measure, for the whole takes long."""

    path: Path
    checkout: Path
    load: float
    """Of the machine, before it began."""
    adds: bool
    """To what was measured of the same commit before."""
    rows: dict[str, Row] = field(default_factory=dict)

    def add(self, rows: Iterable[Row]) -> None:
        """More of it."""
        self.rows = {**self.rows, **{row.name: row for row in rows}}
        commit = _git("rev-parse", "--short", "HEAD", at=self.checkout).strip()
        before: Measured = {}
        if (
            self.adds
            and self.path.exists()
            and json.loads(self.path.read_text())["commit"] == commit
        ):
            before = read(self.path)
        about: Mapping[str, object] = {
            "commit": commit,
            "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ"),
            "python": platform.python_version(),
            "processors": os.cpu_count(),
            "load": round(self.load, 1),
        }
        written = as_json({**before, **self.rows}, about)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n")


@contextmanager
def _checkouts(checkout: Path, base: str | None) -> Iterator[tuple[Path, Path | None]]:
    """The checkouts to measure; a commit is checked out for as long as it takes."""
    ours = checkout.resolve()
    if base is None:
        yield ours, None
    elif Path(base).is_dir():
        yield ours, Path(base).resolve()
    else:
        with TemporaryDirectory() as folder:
            there = Path(folder, "base")
            _git("worktree", "add", "--quiet", "--detach", str(there), base)
            try:
                yield ours, there
            finally:
                _git("worktree", "remove", "--force", str(there))


def _git(*words: str, at: Path = ROOT) -> str:
    done = subprocess.run(
        ["git", *words],  # noqa: S607 -- wherever git is
        cwd=at,
        check=True,
        text=True,
        stdout=subprocess.PIPE,
    )
    return done.stdout


def _commit(name: str) -> str | None:
    """The id of a commit; None: there is none."""
    with suppress(subprocess.CalledProcessError):
        return _git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    return None


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
