"""
Record a command as it runs: python -m tools.manual.record (make cast).

The command runs in a terminal of its own (a pty), and all that it prints is written down with its
time, as asciicast v2. Nothing is cut, typed or repaired; only the line of the prompt is ours. What
comes within half a second is one event: nobody reads faster, and a bar is drawn more often.
"""

import codecs
import json
import os
import pty
import select
import struct
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fcntl import ioctl
from pathlib import Path
from tempfile import TemporaryDirectory
from termios import TIOCSWINSZ
from typing import Final

ROOT: Final = Path(__file__).parents[2]
CASTS: Final = ROOT / "docs" / "casts"
TOGETHER: Final = 0.5
"""Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What is recorded: its name, what stands above it, the command as typed, its terminal."""

    name: str
    title: str
    shown: str
    command: Sequence[str]
    width: int = 100
    height: int = 30


RECORDINGS: Final = (
    Recording(
        name="demo",
        title="keyturn demo: sixty days of a company with 12 accounts",
        shown="keyturn demo --days 60",
        command=("keyturn", "demo", "--days", "60"),
    ),
    Recording(
        name="plan",
        title="keyturn plan: one account of the demo, with everything that is in it",
        shown="keyturn plan --all",
        command=("python", "-m", "tools.manual.plan_of_the_demo"),
    ),
)


def record(what: Recording) -> str:
    """Run it in an empty folder, and return the recording. Raises SystemExit if it fails."""
    began = time.monotonic()
    with TemporaryDirectory() as folder:
        process, terminal = _begin(what, Path(folder))
        printed = [(at - began, text) for at, text in _printed(terminal)]
        _, status = os.waitpid(process, 0)
    if status:
        raise SystemExit(f"{what.shown} failed: {os.waitstatus_to_exitcode(status)}")
    events = [(0.0, f"$ {what.shown}\r\n"), *together(printed)]
    head = {
        "version": 2,
        "width": what.width,
        "height": what.height,
        "title": what.title,
        "command": what.shown,
        "env": {"TERM": "xterm-256color"},
    }
    lines = [head, *([round(at, 2), "o", text] for at, text in events)]
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)


def together(printed: Iterable[tuple[float, str]]) -> list[tuple[float, str]]:
    """The same text in fewer pieces: what comes within TOGETHER of a piece's begin is of it."""
    pieces: list[tuple[float, str]] = []
    for at, text in printed:
        if pieces and at - pieces[-1][0] < TOGETHER:
            pieces[-1] = (pieces[-1][0], pieces[-1][1] + text)
        else:
            pieces.append((at, text))
    return pieces


def _begin(what: Recording, folder: Path) -> tuple[int, int]:
    """Start the command: its process, and the terminal's other end."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        name, *arguments = what.command
        program = str(ROOT / ".venv" / "bin" / name)
        os.execve(program, [program, *arguments], _surroundings(what, folder))  # noqa: S606 -- our own
    ioctl(terminal, TIOCSWINSZ, struct.pack("HHHH", what.height, what.width, 0, 0))
    return process, terminal


def _surroundings(what: Recording, folder: Path) -> Mapping[str, str]:
    """Nothing of whoever records."""
    return {
        "PATH": f"{ROOT / '.venv' / 'bin'}:/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "COLUMNS": str(what.width),
        "LINES": str(what.height),
    }


def _printed(terminal: int) -> Iterator[tuple[float, str]]:
    """What comes, with when it came, until the command ends."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    while True:
        select.select([terminal], [], [])
        try:
            data = os.read(terminal, 65_536)
        except OSError:  # how Linux says that nobody writes any more
            return
        if not data:
            return
        yield time.monotonic(), decoder.decode(data)


if __name__ == "__main__":
    CASTS.mkdir(exist_ok=True)
    for each in RECORDINGS:
        if each.name in sys.argv[1:] or not sys.argv[1:]:
            (CASTS / f"{each.name}.cast").write_text(record(each), "utf-8")
            print(f"Recorded {each.shown}")
