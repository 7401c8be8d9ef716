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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.figures import Measured, as_json, ratios, read, table
from tests.bench.process import ROOT
from tests.bench.rows import MEASURES, Asked, Row
from tests.bench.table import BEFORE, NOW
from tests.bench.under_load import notices_and_reports, pages

BASE_COMMIT = "5828c1bb"
"""Before issue 16: of it are the figures in `baseline.json`."""


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("names", nargs="*", help="; ".join(MEASURES))
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
    names = given.names or [*MEASURES, *(["load", "pages"] if given.long else [])]
    if unknown := sorted(set(names) - {*MEASURES, "load", "pages"}):
        parser.error(f"{unknown[0]}: is none of {', '.join([*MEASURES, 'load', 'pages'])}")
    if given.record:
        given.base, given.json = given.base or BASE_COMMIT, NOW
    with _checkouts(given.checkout, given.base) as (checkout, base):
        asked = Asked(checkout=checkout, long=given.long, profile=given.profile)
        measured, before = _measured(asked, names, base)
        _write(given.json, measured, checkout)
        if base is not None:
            _write(given.json.with_name(BEFORE.name), before, base)
    if given.compare:
        _say(ratios(measured, before if given.base else read(BEFORE)))
    if "load" in names:
        notices_and_reports()
    if "pages" in names:
        pages()


def _measured(asked: Asked, names: Sequence[str], base: Path | None) -> tuple[Measured, Measured]:
    """Each row as soon as it is there; with a base, in turns with the base's."""
    ours: dict[str, Row] = {}
    theirs: dict[str, Row] = {}
    for name in (name for name in MEASURES if name in names):
        began = time.perf_counter()
        if base is not None:
            other = Asked(checkout=base, long=asked.long)
            theirs |= {row.name: row for row in MEASURES[name](other)}
        for row in MEASURES[name](asked):
            ours[row.name] = row
            _say(table({row.name: row}))
        _say(f"({name}: {time.perf_counter() - began:.0f} s)\n")
    return ours, theirs


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


def _write(path: Path, measured: Measured, checkout: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    about: Mapping[str, object] = {
        "commit": _git("rev-parse", "--short", "HEAD", at=checkout).strip(),
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ"),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }
    path.write_text(json.dumps(as_json(measured, about), indent=1, ensure_ascii=False) + "\n")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
