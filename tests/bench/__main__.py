"""
What a day takes, in calls, time and memory: `make bench`, `make bench-compare`.

Figures are printed and never asserted, for machines differ. They are of this checkout, or of
another: only the handlers and the command line are asked.
"""

import argparse
import json
import os
import platform
import signal
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
    given = _given()
    with _checkouts(given.checkout, given.base) as (checkout, base):
        ours, theirs = _measured(given, checkout, base)
    if given.compare:
        _say(ratios(ours.rows, theirs.rows if theirs else read(BEFORE)))
    if "resumed" in given.names:
        _say(largest_account())
    if "load" in given.names:
        notices_and_reports()
    if "pages" in given.names:
        pages()


def _given() -> argparse.Namespace:
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
    given.adds = bool(given.names)
    # What takes minutes on its own is measured only by its name, or with all else.
    given.names = given.names or [*MEASURES, *(ON_THEIR_OWN if given.long else ())]
    if given.record:
        given.base, given.json = given.base or BASE_COMMIT, NOW
    if (wrong := _what_is_wrong(given)) is not None:
        parser.error(wrong)
    return given


def _what_is_wrong(given: argparse.Namespace) -> str | None:
    known = [*MEASURES, *ON_THEIR_OWN]
    if unknown := sorted(set(given.names) - set(known)):
        return f"{unknown[0]}: is none of {', '.join(known)}"
    if not _is_checkout(given.checkout):
        return f"--checkout {given.checkout}: is no checkout of Keyturn"
    if given.base and not (_is_checkout(Path(given.base)) or _commit(given.base)):
        return f"--base {given.base}: is neither a checkout of Keyturn nor a commit"
    if given.compare and not given.base and not BEFORE.exists():
        return f"--compare: there is no {BEFORE.name}; give --base"
    return None


def _measured(
    given: argparse.Namespace, checkout: Path, base: Path | None
) -> "tuple[_File, _File | None]":
    """What was measured of ours and of the base, in turns, and written."""
    load = os.getloadavg()[0]
    ours = _File(path=given.json, checkout=checkout, load=load, adds=given.adds)
    theirs = replace(ours, path=ours.path.with_name(BEFORE.name), checkout=base) if base else None
    files = [file for file in (theirs, ours) if file is not None]
    for name in (name for name in MEASURES if name in given.names):
        began = time.perf_counter()
        if theirs:
            theirs.add(MEASURES[name](Asked(checkout=theirs.checkout, long=given.long)))
        asked = Asked(checkout=checkout, long=given.long, profile=given.profile)
        ours.add(_shown(MEASURES[name](asked)))
        if not given.record:  # the whole takes long
            _write(files)
        _say(f"({name}: {time.perf_counter() - began:.0f} s)\n")
    if given.record:  # the page holds one beside the other
        _write(files)
    return ours, theirs


def _shown(rows: Iterator[Row]) -> Iterator[Row]:
    """Each row as soon as it is there."""
    for row in rows:
        _say(table({row.name: row}))
        yield row


@dataclass(kw_only=True)
class _File:
    """What was measured of a checkout."""

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

    def text(self) -> str:
        """All of it, as it is kept."""
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
        return json.dumps(written, indent=1, ensure_ascii=False) + "\n"


def _write(files: list[_File]) -> None:
    """Replace the files together, when each is written whole."""
    whole = [(file.path, file.path.with_suffix(".new"), file.text()) for file in files]
    for path, new, text in whole:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(text)
    for path, new, _ in whole:
        new.replace(path)


@contextmanager
def _checkouts(checkout: Path, base: str | None) -> Iterator[tuple[Path, Path | None]]:
    """The checkouts to measure; a commit is checked out for as long as it takes."""
    ours = checkout.resolve()
    if base is None:
        yield ours, None
    elif _is_checkout(Path(base)):
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


def _is_checkout(folder: Path) -> bool:
    """Whether it has code of its own: without that, Python would load ours and compare nothing."""
    if not (folder / "src" / "keyturn").is_dir():
        return False
    with suppress(subprocess.CalledProcessError):
        return bool(_git("rev-parse", "HEAD", at=folder))
    return False


def _commit(name: str) -> str | None:
    """The id of a commit; None: there is none."""
    with suppress(subprocess.CalledProcessError):
        return _git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    return None


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    # Whoever ends it finds no worktree and no process of it afterwards.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    main()
