"""
Write what was measured into docs/scale.md, before and now: python -m tests.bench.table.

Before is `baseline.json`, now `measured.json`, both in this folder: `make bench-compare RECORD=1`
writes both, in turns on one machine. A test checks that the page is current.
"""

import json
from pathlib import Path

from tests.bench.figures import Measured, read, spelled, verdict
from tests.diagram import page_with

HERE = Path(__file__).parent
BEFORE, NOW = HERE / "baseline.json", HERE / "measured.json"
PAGE = HERE.parents[1] / "docs" / "scale.md"
MARKS = "<!-- measured:start -->\n", "<!-- measured:end -->\n"

_QUIET, _DUE = "quiet, 1 x 1,000, 40 ms", "all due, 1 x 1,000, 40 ms"
_MIXED, _LARGEST = "mixed, 50 x 20, 0 ms", "all due, 1 x 5,000, 0 ms"
_ALONE, _BUCKET = (
    "one at a time, a tenth due, 1 x 200, 40 ms",
    "IAM bears 20 a second, quiet, 1 x 1,000, 40 ms",
)
_OWNERS = "1,000 owners of a key each, 40 ms"
_PLAN, _ACCOUNT = "plan, 1,000 x 2, 40 ms", "an account of no users, warm, of 40"

LINES = (
    ("quiet day, 1 x 1,000 users (222 with two keys or a new one): calls", _QUIET, "calls"),
    ("the same: reads of our own bucket and seal key besides", _QUIET, "reads of our own account"),
    ("the same at 40 ms a call, 8 users at a time: seconds", _QUIET, "rotation s"),
    ("the same: our own CPU a user, ms", _QUIET, "CPU ms a user"),
    ("the same: peak memory, MB", _QUIET, "peak MB"),
    ("the same at 120 ms a call: seconds", "quiet, 1 x 1,000, 120 ms", "rotation s"),
    ("222 windows open, 1 x 1,000: calls", "222 windows open, 1 x 1,000, 40 ms", "calls"),
    ("quiet day, 50 x 20 users: calls", "quiet, 50 x 20, 40 ms", "calls"),
    ("quiet day, 1 x 5,000 users: peak memory, MB", "quiet, 1 x 5,000, 0 ms", "peak MB"),
    (
        "a key rotated for the first time: calls, but for S3 and the list of keys",
        _DUE,
        "calls a key",
    ),
    ("the same: calls of S3, the notifier's too", _DUE, "S3 calls a key"),
    ("all of 1 x 1,000 due, 40 ms: rotation, seconds", _DUE, "rotation s"),
    ("the same: ten mails, one notifier, seconds", _DUE, "notifier s"),
    ("the same: notifier's peak memory, MB", _DUE, "notifier peak MB"),
    ("1,000 owners of a key each, 40 ms: one notifier, seconds", _OWNERS, "notifier s"),
    ("the same: notifier's peak memory, MB", _OWNERS, "notifier peak MB"),
    ("all of 1 x 1,000 due, 40 ms: our own CPU a user, ms", _DUE, "CPU ms a user"),
    ("mixed day, 50 x 20, 500 rotations, 450 keys disabled: calls", _MIXED, "calls"),
    ("the same: lists of receipts an account", _MIXED, "lists of receipts an account"),
    ("the same: peak memory, MB", _MIXED, "peak MB"),
    ("all of 1 x 5,000 due: peak memory, MB", _LARGEST, "peak MB"),
    (
        "1 % of the calls throttled: times as long",
        "throttled 1%, quiet, 1 x 1,000, 40 ms",
        "times as long",
    ),
    (
        "10 % of the calls throttled: times as long",
        "throttled 10%, quiet, 1 x 1,000, 40 ms",
        "times as long",
    ),
    ("IAM bears 20 calls a second, 1 x 1,000: seconds", _BUCKET, "rotation s"),
    ("users side by side, against one at a time: times as fast", _ALONE, "speed-up"),
    ("clients of an account, CPU ms", _ACCOUNT, "clients, CPU ms"),
    (
        "import of the rotation function from its zip: times boto3's",
        "import of rotation, from its zip",
        "times boto3's",
    ),
    ("`keyturn plan`, 1,000 accounts, 40 ms: calls", _PLAN, "calls"),
    ("the same: seconds", _PLAN, "s"),
    ("the same: peak memory, MB", _PLAN, "peak MB"),
    ("`keyturn explain KEY`, 40 ms: seconds", "explain KEY, 20 x 20, 40 ms", "s"),
    ("`keyturn --version`: CPU s", "keyturn --version", "CPU s"),
    ("`keyturn --help`: CPU s", "keyturn --help", "CPU s"),
    ("`keyturn plan` of one user: CPU s", "keyturn plan", "CPU s"),
)
"""What it is called on the page, the row, the figure."""


def section() -> str:
    """The table, and where it was measured."""
    return "\n".join(
        [
            f"Before: {_where(BEFORE)}. Now: {_where(NOW)}.",
            "",
            "| | before | now | aim | reached |",
            "| --- | --- | --- | --- | --- |",
            *rows(read(BEFORE), read(NOW)),
            "",
        ]
    )


def _where(path: Path) -> str:
    about = json.loads(path.read_text())
    machine = f"{about['processors']} processors, load {about['load']}"
    return f"commit {about['commit']} on {about['at'][:10]}, {machine}"


def rows(before: Measured, now: Measured) -> list[str]:
    """A line for each of `LINES`, also where nothing was measured."""
    lines = []
    for words, name, what in LINES:
        if name not in now:
            lines.append(f"| {words} | | | | not measured yet |")
            continue
        row = now[name]
        figure, aim = row.figures[what], row.aims.get(what)
        said = " | " if aim is None else f"{spelled(aim)} | {verdict(what, figure, aim)}"
        then = spelled(before[name].figures[what]) if name in before else ""
        lines.append(f"| {words} | {then} | {spelled(figure)} | {said} |")
    return lines


if __name__ == "__main__":
    PAGE.write_text(page_with(section(), PAGE.read_text("utf-8"), MARKS), "utf-8")
