"""
Renders operators' templates in a process of its own, which can be ended.

A thread cannot be ended, and what runs in C inside an expression (`'x' * 200000000`) looks at no
clock. The process has a limit of memory and of computing time, and an environment without
credentials. It is started once, where there are templates of operators, and answers in JSON:
nothing that a template could make is run here.
"""

import json
import os
import pickle
import subprocess
import sys
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from threading import RLock, Thread
from time import monotonic
from types import TracebackType
from typing import IO, Final

from keyturn.domain.events import Mail
from keyturn.domain.notice_content import NoticeContent
from keyturn.mail.letterhead import Letterhead
from keyturn.mail.renderer import Mails, with_ours
from keyturn.mail.thread import headers_of

START_SECONDS: Final = 20
RENDER_SECONDS: Final = 5
LONGEST: Final = 4 * 1024 * 1024
"""Bytes of a mail's answer: a digest of 200 keys has some 600 KB."""
SLOW_SECONDS: Final = 2.5
"""A mail that takes longer holds the others up: 200 keys take a second on Lambda, or two."""
MOST_SLOW: Final = 2
"""So many slow mails within five minutes, and ours serve."""
MOST_MEMORY: Final = 128 * 1024 * 1024
"""
Bytes that the process may write to, four times what a mail of 200 keys needs.

With the notifier's own they have to fit into the function's memory: above that Lambda ends all of
it, with every notice of the batch.
"""
_BOOT: Final = (
    "import sys; sys.path[:] = sys.argv[1:]; "
    "from keyturn.mail.template_process import main; main()"
)
_READY: Final = b"ready\n"


class TemplateFailed(Exception):
    """A template of an operator's broke, made too much, or took too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    letterhead: Letterhead
    templates: Mapping[str, str]


class TemplateProcess:
    """
    Meets `MailRenderer` of adapters/channels/email.py, with an operator's templates.

    templates: name → text. Once they took too long or too much, they are not tried again: each
    notice would wait for them as long.
    """

    def __init__(self, letterhead: Letterhead, templates: Mapping[str, str]) -> None:
        self.templates = dict(templates)
        self._job = _Job(letterhead=letterhead, templates=self.templates)
        self._process: subprocess.Popen[bytes] | None = None
        self._gave_up: str | None = None
        self._slow = 0
        self._lock = RLock()

    def begin_anew(self) -> None:
        """Forget how often a mail was slow; what was given up stays so."""
        self._slow = 0

    def mail_of(self, content: NoticeContent) -> Mail:
        """Write the mail of a notice. Raises TemplateFailed."""
        with self._lock:
            if self._gave_up is not None:
                raise TemplateFailed(self._gave_up)
            if self._process is None:
                self._process = self._started()
            began = monotonic()
            answer = self._ask(self._process, content, RENDER_SECONDS)
            self._slow += not answer or monotonic() - began > SLOW_SECONDS
            if self._slow >= MOST_SLOW:
                took = f"took more than {SLOW_SECONDS} seconds, or ended the process"
                self._give_up(f"{MOST_SLOW} mails {took}")
        try:
            found = json.loads(answer)
        except ValueError:
            raise TemplateFailed("the mail has more than 4 MB, or the process ended") from None
        if "error" in found:
            if found.get("memory"):
                self._give_up(found["error"])
                raise TemplateFailed(self._gave_up)
            raise TemplateFailed(found["error"])
        return Mail(
            subject=found["subject"],
            text=found["text"],
            html=found["html"],
            headers=headers_of(content, self._job.letterhead.admin),
        )

    def close(self) -> None:
        """End the process, once it is done with the mail at hand; the next mail starts another."""
        with self._lock:
            if self._process is not None:
                _end(self._process)
                self._process = None

    def _give_up(self, why: str) -> None:
        self.close()
        self._gave_up = f"{why}: not tried again as it is"

    def _started(self) -> "subprocess.Popen[bytes]":
        # With the environment, for Lambda's interpreter finds its libraries by it; the process
        # forgets it before it reads a template.
        process = subprocess.Popen(  # noqa: S603 -- our own module, by our own interpreter
            [sys.executable, "-c", _BOOT, *filter(None, sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        weakref.finalize(self, _end, process)
        if self._ask(process, self._job, START_SECONDS) != _READY:
            _end(process)
            raise TemplateFailed("the process that renders them does not start")
        return process

    def _ask(self, process: "subprocess.Popen[bytes]", question: object, seconds: int) -> bytes:
        """Give the process something, and wait for its line. Ends it where that takes too long."""
        answer: list[bytes] = []

        def talk() -> None:
            with suppress(OSError, ValueError):
                assert process.stdin is not None  # noqa: S101 -- both are pipes, see above
                assert process.stdout is not None  # noqa: S101 -- likewise
                pickle.dump(question, process.stdin)
                process.stdin.flush()
                answer.append(process.stdout.readline(LONGEST))

        talking = Thread(target=talk, daemon=True)
        talking.start()
        talking.join(seconds)
        if talking.is_alive():
            process.kill()
            talking.join()
            self._give_up(f"it took more than {seconds} seconds")
            raise TemplateFailed(self._gave_up)
        if not answer or not answer[0].endswith(b"\n"):
            self.close()
            return b""
        return answer[0]


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()


def serve(questions: IO[bytes], answers: IO[bytes]) -> None:
    """Be the process: read what to render, and answer a line for each, until nothing comes."""
    job: _Job = pickle.load(questions)  # noqa: S301 -- our own parent wrote it
    mails = Mails(job.letterhead, loader=with_ours(job.templates))
    _answer(answers, _READY)
    while True:
        try:
            content = pickle.load(questions)  # noqa: S301 -- likewise
        except EOFError:
            return
        _limit_time()
        _answer(answers, _line_of(mails, content, job.templates))


def _answer(answers: IO[bytes], line: bytes) -> None:
    answers.write(line)
    answers.flush()


def _line_of(mails: Mails, content: NoticeContent, templates: Mapping[str, str]) -> bytes:
    """The parts of the mail by their names, in JSON; or why there is none, under "error"."""
    found: dict[str, str | bool]
    try:
        mail = mails.mail_of(content)
        found = {"subject": mail.subject, "text": mail.text, "html": mail.html}
        line = json.dumps(found).encode() + b"\n"
        if len(line) <= LONGEST:
            return line
        found = {"error": f"the mail has more than {LONGEST} bytes"}
    except MemoryError as error:
        where = _place(error.__traceback__, error, templates)
        found = {"error": f"{where}it took more memory than a mail may", "memory": True}
    except Exception as error:  # noqa: BLE001 -- a template may fail in any way
        where = _place(error.__traceback__, error, templates)
        found = {"error": f"{where}{type(error).__name__}: {error}"}
    return json.dumps(found).encode() + b"\n"


def _place(trace: TracebackType | None, error: Exception, templates: Mapping[str, str]) -> str:
    """The operator's file and line in which it broke, as far as it is known."""
    place = ""
    name, line = getattr(error, "name", None), getattr(error, "lineno", None)
    if name in templates and line:
        place = f"{name}:{line}: "
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in templates:
            place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}: "
        trace = trace.tb_next
    return place


def _limit_memory() -> None:
    """
    As far as the system can: on Linux what is written to counts, and no library that is only read.

    A limit of the address space would count the system's tables of languages, too, which differ.
    Source: getrlimit(2), RLIMIT_DATA.
    """
    if sys.platform == "win32":
        return  # it has no such limits; the parent ends what takes too long
    import resource  # noqa: PLC0415 -- see above

    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))


def _limit_time() -> None:
    """
    End the process where the mail that begins now computes for too long.

    Its parent sees to that too, but Lambda may have stopped its parent for hours.
    """
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 -- see above

    with suppress(ValueError, OSError):
        used = resource.getrusage(resource.RUSAGE_SELF)
        most = int(used.ru_utime + used.ru_stime) + RENDER_SECONDS + 1
        resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))


def main() -> None:
    """Begin as the process: without credentials, which no template has a use for."""
    os.environ.clear()  # noqa: TID251 -- nothing is read: what is there goes
    _limit_memory()
    serve(sys.stdin.buffer, sys.stdout.buffer)
