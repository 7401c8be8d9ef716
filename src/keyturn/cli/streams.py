"""Standard output and error as operators have them: closed, full, read by half, not in UTF-8."""

import codecs
import errno
import io
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, TextIO

from keyturn.cli.exit_codes import FAILED

_IS_WINDOWS: Final = os.name == "nt"
_PLAIN: Final = {
    "\N{BOX DRAWINGS LIGHT HORIZONTAL}": "-",
    "\N{BOX DRAWINGS LIGHT VERTICAL}": "|",
    **dict.fromkeys("\u256d\u256e\u256f\u2570", "+"),  # the corners of a box
    "\N{FULL BLOCK}": "#",
    "\N{BOX DRAWINGS HEAVY HORIZONTAL}": "-",  # of a bar
    "\N{HORIZONTAL ELLIPSIS}": "...",
    "\N{RIGHTWARDS ARROW}": "->",
    "\N{BULLET}": "*",
    "\N{REPLACEMENT CHARACTER}": "?",
}
"""What we draw with, in ASCII: a console of Windows, or LC_ALL=C, may lack it."""
_SPELLED_OUT: Final = "keyturn.spelled_out"


class Manner(NamedTuple):
    """How a command speaks on standard error. No dataclass: `--version` would pay for it."""

    quiet: bool = False
    is_plain: bool = False
    """Without colours, bold or dim."""
    is_json: bool = False
    """Each line is a JSON object."""
    debugs: bool = False


class Enduring(io.BufferedIOBase):
    """Takes whatever is written; once that no longer gets out, it keeps the reason and goes on."""

    def __init__(self, stream: Any) -> None:  # noqa: ANN401 -- whatever stands behind a text stream
        """stream: None where the process has none."""
        self._stream = stream
        self._begun = ""
        self.lost: OSError | None = None
        """Why something did not get out."""
        self.manner = Manner()
        self.spell: Callable[[str], bytes] | None = None
        """What becomes of each line that nobody has given a form; None: it passes as it is."""

    def writable(self) -> bool:
        """Say that it takes everything."""
        return True

    def write(self, some: Any) -> int:  # noqa: ANN401 -- as io has it
        """Pass it on, while that is possible."""
        self.write_as_it_is(some if self.spell is None else self._spelled(self.spell, some))
        return len(some)

    def write_as_it_is(self, some: Any) -> None:  # noqa: ANN401 -- as io has it
        """Pass on what has its form already."""
        self._try(lambda stream: stream.write(some))

    def flush(self) -> None:
        """Pass on what waits."""
        if self._stream is not None:
            self._try(lambda stream: stream.flush())

    def end(self) -> None:
        """Take what still comes, and pass on nothing: whose stream it is may have closed it."""
        if self.spell is not None and self._begun:
            self.write_as_it_is(self.spell(self._begun))
            self.flush()
        self._stream = None
        self.lost = self.lost or OSError(errno.EBADF, os.strerror(errno.EBADF))

    def close(self) -> None:
        """Leave it open: it is the process's."""

    def fileno(self) -> int:
        """Give the stream's own. Raises UnsupportedOperation where there is no stream."""
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return int(self._stream.fileno())

    def isatty(self) -> bool:
        """Say whether somebody reads along."""
        return self._stream is not None and bool(self._stream.isatty())

    def _spelled(self, spell: Callable[[str], bytes], some: Any) -> bytes:  # noqa: ANN401 -- as io has it
        """Give each line its form; what has no end yet waits for it."""
        *lines, self._begun = (self._begun + bytes(some).decode(errors="replace")).split("\n")
        return b"".join(map(spell, lines))

    def _try(self, do: Callable[[Any], object]) -> None:
        if self.lost is not None:
            return
        if self._stream is None:
            self.lost = OSError(errno.EBADF, os.strerror(errno.EBADF))
            return
        try:
            do(self._stream)
        except OSError as error:
            self.lost = error
            self._let_go()
        except ValueError:  # closed by whoever lent it, and so nobody's any more
            self.lost = OSError(errno.EBADF, os.strerror(errno.EBADF))

    def _let_go(self) -> None:
        """Let what still waits in the stream go nowhere: Python tries again when it ends."""
        try:
            number = self.fileno()
        except (OSError, ValueError):  # a stream that is no file's
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)


@contextmanager
def enduring() -> Generator[Enduring | None]:
    """Write to streams that no failure ends; gives what stands behind standard output."""
    before = sys.stdout, sys.stderr
    out, sys.stdout = _endure(sys.stdout)
    _, sys.stderr = _endure(sys.stderr)
    try:
        yield out
    finally:
        over, (sys.stdout, sys.stderr) = (sys.stdout, sys.stderr), before
        for stream in over:
            stream.flush()
            if isinstance(stream, io.TextIOWrapper) and isinstance(stream.buffer, Enduring):
                stream.buffer.end()


def answered(work: Callable[[], int]) -> int:
    """
    Run a command to its end, whatever becomes of its output.

    Answers with its exit code; FAILED, and a line, where not all that it says got out.
    """
    with enduring() as out:
        code = work()
        sys.stdout.flush()
        # Whoever closed a pipe has read enough: the code is the command's own.
        if out and out.lost and not _has_left(out.lost):
            sys.stderr.write(f"standard output: cannot be written ({out.lost.strerror})\n")
            code = code or FAILED
    return code


def _endure(stream: TextIO | None) -> tuple[Enduring | None, TextIO]:
    if stream is not None and not hasattr(stream, "buffer"):  # a text in memory takes everything
        return None, stream
    behind: Any = Enduring(None if stream is None else stream.buffer)  # typeshed wants a BinaryIO
    if stream is None:
        return behind, io.TextIOWrapper(behind, encoding="utf-8")
    codecs.register_error(_SPELLED_OUT, _spell_out)
    wrapper = io.TextIOWrapper(
        behind,
        encoding=stream.encoding,
        errors=_SPELLED_OUT,
        newline="\n",  # the same bytes on every system
        line_buffering=getattr(stream, "line_buffering", False),
    )
    return behind, wrapper


def _spell_out(error: UnicodeError) -> tuple[str | bytes, int]:
    """Write what an encoding lacks in ASCII: a name must not end a run's answer."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    spelled = (
        _PLAIN.get(each) or each.encode("ascii", "backslashreplace").decode() for each in lacking
    )
    return "".join(spelled), error.end


def write_answer(text: str, *, is_table: bool) -> None:
    """
    Write an answer to standard output: what programs read in UTF-8, as the manual says.

    A table, and anything on a terminal, is written in the encoding of whoever reads along.
    """
    out = sys.stdout
    if isinstance(out, io.TextIOWrapper) and not is_table and not out.isatty():
        out.reconfigure(encoding="utf-8", errors="backslashreplace")
    out.write(text)


def _has_left(error: OSError) -> bool:
    """Whether it says that the reader closed a pipe; Windows has no word of its own for that."""
    return isinstance(error, BrokenPipeError) or (_IS_WINDOWS and error.errno == errno.EINVAL)


def can_ask() -> bool:
    """Whether somebody sits there who can be asked; not where a program reads what is said."""
    behind = getattr(sys.stderr, "buffer", None)
    if isinstance(behind, Enduring) and behind.manner.is_json:
        return False
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()
