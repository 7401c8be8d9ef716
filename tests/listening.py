"""How the canary hears of what comes out while tests run, without their doing."""

import fcntl
import functools
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.capture import MultiCapture
from _pytest.raises import RaisesExc
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from typer.testing import CliRunner, Result

if TYPE_CHECKING:
    from keyturn_sandbox.emulator.cloud import LocalCloud
    from keyturn_sandbox.emulator.iam_rules import Keyring
    from keyturn_sandbox.emulator.protocol import ApiRequest

See = Callable[[str, str], None]
"""Is told what came out, and its text."""
Know = Callable[[str, str], None]
"""Is told a key id and its secret."""

OF_THE_SDK = ("boto3", "botocore", "urllib3")
_STORED = {"CreateSecret", "PutSecretValue", "UpdateSecret"}
_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class Log(logging.Handler):
    """Sees what everybody logs, at every level that the loggers let through."""

    def __init__(self, see: See) -> None:
        super().__init__()
        self._see = see

    def filter(self, _: logging.LogRecord) -> bool:
        """Let everything through: the functions' loggers put filters on other handlers."""
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """See the message, what stands beside it, and the error."""
        if record.levelno < logging.INFO and _is_of_the_sdk(record) and not _is_ours():
            return
        beside = {name: value for name, value in vars(record).items() if name not in _USUAL}
        text = f"{record.getMessage()} {beside or ''}"
        if record.exc_info and record.exc_info[1]:
            text += trace_of(record.exc_info[1])
        self._see(f"the log of {record.name}", text)


def _is_of_the_sdk(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0] in OF_THE_SDK


def _is_ours() -> bool:
    """
    Whether the product is calling, rather than a test or the sandbox.

    At debug level the SDK logs whole answers, and CreateAccessKey's is the secret. The product
    keeps it from doing so; tests that call AWS by themselves need not.
    """
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 -- inspect takes far longer
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        if module.startswith("keyturn_sandbox."):
            return False
        if module.startswith("keyturn."):
            return True
        frame = frame.f_back
    return False


def trace_of(error: BaseException) -> str:
    """What Python prints of an error, and of those that led to it."""
    return "".join(traceback.format_exception(error))


def listen(see: See, patches: pytest.MonkeyPatch) -> None:
    """Hear what commands and functions print, and the errors that tests wait for."""

    def printed(captured: Any, *_: object) -> None:  # noqa: ANN401 -- of pytest's inside
        see_each(see, "what was printed", captured.out, captured.err)

    def printed_by_a_command(result: Result, *_: object) -> None:
        see_each(see, "what a command printed", result.stdout, result.stderr)
        if result.exception is not None:
            see("the error of a command", trace_of(result.exception))

    def printed_by_a_process(outputs: tuple[object, object], *_: object) -> None:
        see_each(see, "what a process printed", *outputs)

    def awaited(*results: Any) -> None:  # noqa: ANN401 -- answer, self, and what Python hands over
        if isinstance(results[3], BaseException):
            see("an error that a test waits for", trace_of(results[3]))

    def formatted(text: str, *_: object) -> None:
        see("the log of a function", text)

    _after(patches, MultiCapture, "readouterr", printed)
    _after(patches, CliRunner, "invoke", printed_by_a_command)
    _after(patches, subprocess.Popen, "communicate", printed_by_a_process)
    _after(patches, RaisesExc, "__exit__", awaited)
    _after(patches, LambdaPowertoolsFormatter, "format", formatted)


def listen_to_the_sandbox(know: Know, see: See, patches: pytest.MonkeyPatch) -> None:
    """Hear which secrets are made, and what is sent to AWS."""
    # Importing them takes a second, which the tests of the rule alone do without.
    from moto.iam.models import AccessKey  # noqa: PLC0415 -- see above

    from keyturn_sandbox.emulator.cloud import LocalCloud  # noqa: PLC0415 -- see above
    from keyturn_sandbox.emulator.iam_rules import Keyring  # noqa: PLC0415 -- see above

    def made_by_moto(_: None, key: AccessKey, *__: object) -> None:
        know(key.access_key_id, key.secret_access_key)

    def made(_: None, __: "Keyring", ___: str, key_id: str, secret: str) -> None:
        know(key_id, secret)

    def sent(request: "ApiRequest", *_: object) -> None:
        see(f"a call of {request.service}:{request.operation}", _sent(request))

    def closed(_: None, cloud: "LocalCloud", *__: object) -> None:
        for mail in cloud.sent_mails:
            if mail.raw is not None:  # it was sent in Base64
                see("a mail", f"{mail.subject} {mail.headers} {mail.text} {mail.html}")

    _after(patches, Keyring, "add", made)
    _after(patches, AccessKey, "__init__", made_by_moto)  # also where no sandbox is around moto
    _after(patches, LocalCloud, "_read", sent)
    _after(patches, LocalCloud, "__exit__", closed)


CHILDREN = "_KEYTURN_TESTS_CANARY"
"""Where a process that a test starts finds the pipe into which it writes its secrets."""


class Children:
    """Hears of the secrets that the emulator makes in processes that tests start."""

    def __init__(self, patches: pytest.MonkeyPatch) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="canary-"))
        pipe = self._folder / "pipe"  # so that no secret lies on the disk
        os.mkfifo(pipe)
        # Also to write, lest it ends when the first child does.
        self._pipe = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
        fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, 1 << 20)
        patches.setenv(CHILDREN, str(pipe))

    def secrets(self) -> Iterator[tuple[str, str]]:
        """Key id and secret of all that were made since the last time."""
        told = b""
        while not told.endswith(b"\n"):
            try:
                told += os.read(self._pipe, 1 << 20)
            except BlockingIOError:
                break
        for line in told.decode().splitlines():
            key_id, secret = line.split()
            yield key_id, secret

    def close(self) -> None:
        """Remove the pipe."""
        os.close(self._pipe)
        shutil.rmtree(self._folder)


def tell_the_canary() -> None:
    """In a process that a test started: tell of each secret that the emulator makes here."""
    if CHILDREN not in os.environ:
        return  # nobody listens
    from keyturn_sandbox.emulator.iam_rules import Keyring  # noqa: PLC0415 -- as above

    pipe = os.open(os.environ[CHILDREN], os.O_WRONLY | os.O_NONBLOCK)

    def made(_: None, __: "Keyring", ___: str, key_id: str, secret: str) -> None:
        os.write(pipe, f"{key_id} {secret}\n".encode())

    _after(pytest.MonkeyPatch(), Keyring, "add", made)


def see_each(see: See, what: str, *outputs: object) -> None:
    """See outputs that are texts, bytes or nothing."""
    for output in outputs:
        see(what, output.decode("latin-1") if isinstance(output, bytes) else str(output))


def _sent(request: "ApiRequest") -> str:
    """The address and the body of a request, without what Secrets Manager is to keep."""
    body: Any = request.http.body or ""
    if hasattr(body, "read"):
        stream, body = body, body.read()
        stream.seek(0)
    text = body.decode("latin-1") if isinstance(body, bytes) else body
    if request.operation in _STORED:
        kept = ("SecretString", "SecretBinary")
        rest = {name: value for name, value in json.loads(text).items() if name not in kept}
        text = json.dumps(rest)
    return f"{request.http.url} {text}"


def _after(patches: pytest.MonkeyPatch, owner: type, name: str, hear: Callable[..., None]) -> None:
    """Hear of the result and the arguments without names of every call of a method."""
    method = getattr(owner, name)

    @functools.wraps(method)
    def heard(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- whatever the method takes
        __tracebackhide__ = True
        result = method(*args, **kwargs)
        hear(result, *args)
        return result

    patches.setattr(owner, name, heard)
