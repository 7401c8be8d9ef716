"""Long lines, on a terminal of 80 columns and in a pipe."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from keyturn.cli.line_breaks import broken
from tests.report.a_week import MONDAY, a_week

KEYTURN = Path(sys.executable).with_name("keyturn")
COLUMNS = 80


@pytest.mark.parametrize(
    ("line", "width", "parts"),
    [
        ("  one two three", None, ["  one two three"]),
        ("x" * 40, 40, ["x" * 40]),
        ("", 80, [""]),
        (f"  {'word ' * 8}end", 40, ["  word word word word word word word", "    word end"]),
        (f"s3://{'x' * 60}/a-b-c end", 40, [f"s3://{'x' * 60}/a-b-c", "  end"]),
        ("ab cd ef " * 5, 3, ["ab cd ef ab cd ef ab cd ef ab cd ef ab", "  cd ef"]),
    ],
)
def test_a_line_is_broken_between_words_and_indented(
    line: str, width: int | None, parts: list[str]
) -> None:
    assert list(broken(line, width)) == parts


def test_a_report_fits_a_terminal_and_is_one_line_each_in_a_pipe(tmp_path: Path) -> None:
    a_week(tmp_path / "copy")
    typed = (str(KEYTURN), "report", "weekly", "--folder", "copy", "--period", str(MONDAY))

    piped = subprocess.run(typed, cwd=tmp_path, capture_output=True, text=True, check=False)
    shown = on_a_terminal(typed, tmp_path)

    assert piped.returncode == 1, piped.stderr
    assert max(map(len, piped.stdout.splitlines())) > COLUMNS
    assert max(map(len, shown.splitlines())) <= COLUMNS
    assert shown.split() == piped.stdout.split()


def on_a_terminal(typed: tuple[str, ...], folder: Path) -> str:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    env = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    process = subprocess.Popen(typed, cwd=folder, stdout=theirs, stderr=theirs, env=env)
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65_536):
            shown += part
    except OSError:
        pass  # Linux says so when the other end is closed
    os.close(ours)
    process.wait()
    return shown.decode().replace("\r\n", "\n")
