"""
Renders operators' templates in a process of its own, which can be ended.

A thread cannot be ended, and what runs in C inside an expression (`'x' * 200000000`) looks at no
clock. The process has a limit of memory, and an environment without credentials. It is started
once, where there are templates of operators, and answers in JSON: nothing that a template could
make is run here.
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
from threading import Lock, Thread
from types import TracebackType
from typing import IO, Final

from keyturn.domain.events import Digest, Mail
from keyturn.domain.exemption import ExemptionChange
from keyturn.mail.letterhead import Letterhead
from keyturn.mail.renderer import Mails, with_ours
from keyturn.mail.thread import headers_of

START_SECONDS: Final = 20
RENDER_SECONDS: Final = 5
LONGEST: Final = 4 * 1024 * 1024
"""Bytes of a mail's answer: a digest of 200 keys has some 600 KB."""
MOST_MEMORY: Final = 512 * 1024 * 1024
"""Bytes of address space."""
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

    templates: name → text. Once they took too long, they are not tried again: each notice would
    wait for them as long.
    """

    def __init__(self, letterhead: Letterhead, templates: Mapping[str, str]) -> None:
        self.templates = dict(templates)
        self._job = _Job(letterhead=letterhead, templates=self.templates)
        self._process: subprocess.Popen[bytes] | None = None
        self._gave_up: str | None = None
        self._lock = Lock()

    def mail_of(self, content: Digest | ExemptionChange) -> Mail:
        """Write the mail of a notice. Raises TemplateFailed."""
        with self._lock:
            if self._gave_up is not None:
                raise TemplateFailed(self._gave_up)
            if self._process is None:
                self._process = self._started()
            answer = self._ask(self._process, content, RENDER_SECONDS)
        try:
            found = json.loads(answer)
        except ValueError:
            raise TemplateFailed("the mail has more than 4 MB, or the process ended") from None
        if "error" in found:
            raise TemplateFailed(found["error"])
        return Mail(
            subject=found["subject"],
            text=found["text"],
            html=found["html"],
            headers=headers_of(content, self._job.letterhead.admin),
        )

    def close(self) -> None:
        """End the process; the next mail starts another."""
        if self._process is not None:
            _end(self._process)
            self._process = None

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
            self.close()
            self._gave_up = f"it took more than {seconds} seconds: not tried again as it is"
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
        line = json.dumps(_rendered(mails, content, job.templates)).encode() + b"\n"
        if len(line) > LONGEST:
            line = (
                json.dumps({"error": f"the mail has more than {LONGEST} bytes"}).encode() + b"\n"
            )
        _answer(answers, line)


def _answer(answers: IO[bytes], line: bytes) -> None:
    answers.write(line)
    answers.flush()


def _rendered(
    mails: Mails, content: Digest | ExemptionChange, templates: Mapping[str, str]
) -> dict[str, str]:
    """The parts of the mail by their names; or why there is none, under "error"."""
    try:
        mail = mails.mail_of(content)
    except Exception as error:  # noqa: BLE001 -- a template may fail in any way
        where = _place(error.__traceback__, error, templates)
        return {"error": f"{where}{type(error).__name__}: {error}"}
    return {"subject": mail.subject, "text": mail.text, "html": mail.html}


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
    """As far as the system can."""
    try:
        import resource  # noqa: PLC0415 -- Windows has none
    except ImportError:
        return
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))


def main() -> None:
    """Begin as the process: without credentials, which no template has a use for."""
    os.environ.clear()  # noqa: TID251 -- nothing is read: what is there goes
    _limit_memory()
    serve(sys.stdin.buffer, sys.stdout.buffer)
