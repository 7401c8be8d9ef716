"""
One function in Lambda's own runtime: its zip, unpacked, run by Lambda's runtime client.

The client asks a Lambda Runtime API for events and brings it the answers; this is that API.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import queue
import subprocess
import threading
import time
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PYTHON = Path(__file__).parent / ".venv/bin/python"
ARN = "arn:aws:lambda:us-east-1:222222222222:function:alone"
RUNTIME_CLIENT = ("awslambdaric", "runtime_client*.so", "simplejson", "snapshot_restore_py.py")


@dataclass
class Invocation:
    """An event under way, and its answer when there is one."""

    event: bytes
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    answered: threading.Event = field(default_factory=threading.Event)
    answer: object = None
    failed: bool = False


class FunctionFailedError(Exception):
    """The function, or its start, raised; the message is Lambda's own report of it."""


class Function:
    """A function that is running; close it when done."""

    def __init__(
        self,
        archive: Path,
        handler: str,
        folder: Path,
        environment: Mapping[str, str],
        seconds: int,
    ) -> None:
        """Unpack into the folder and start, with nothing beside the zip but the runtime client."""
        self._seconds = seconds
        self._waiting: queue.Queue[Invocation] = queue.Queue()
        self._under_way: dict[str, Invocation] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._api())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        task, client = folder / "task", folder / "client"
        zipfile.ZipFile(archive).extractall(task)
        link_runtime_client(client)
        self._log = folder / "log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                # -S: without site-packages, where a library that the zip lacks could be found.
                [PYTHON, "-S", "-m", "awslambdaric", handler],
                cwd=task,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={
                    "PYTHONPATH": f"{task}:{client}",
                    "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
                    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
                    "AWS_LAMBDA_FUNCTION_NAME": "alone",
                    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
                    "LAMBDA_TASK_ROOT": str(task),
                    "TZ": ":UTC",
                    **environment,
                },
            )

    def invoke(self, event: object) -> object:
        """Hand an event over and wait for the answer."""
        invocation = Invocation(json.dumps(event).encode())
        self._under_way[invocation.id] = invocation
        self._waiting.put(invocation)
        deadline = time.monotonic() + self._seconds
        while not invocation.answered.wait(0.1):
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise FunctionFailedError(f"no answer within {self._seconds} s: {self.log}")
        if invocation.failed:
            raise FunctionFailedError(json.dumps(invocation.answer))
        return invocation.answer

    @property
    def log(self) -> str:
        """All that the function has written."""
        return self._log.read_text()

    def close(self) -> None:
        """End the process and the API."""
        self._process.kill()
        self._process.wait()
        self._server.shutdown()
        self._server.server_close()

    def _next(self) -> Invocation:
        return self._waiting.get()

    def _settle(self, request: str, body: bytes, *, failed: bool) -> None:
        # A start that fails is of no invocation: it fails all.
        hit = (
            [self._under_way[request]] if request in self._under_way else self._under_way.values()
        )
        for invocation in hit:
            invocation.answer, invocation.failed = json.loads(body), failed
            invocation.answered.set()

    def _api(self) -> type[BaseHTTPRequestHandler]:
        function = self

        class Api(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                invocation = function._next()
                deadline = time.time() + function._seconds
                self._send(
                    200,
                    invocation.event,
                    {
                        # Without it the client crashes, and says nothing.
                        "Content-Type": "application/json",
                        "Lambda-Runtime-Aws-Request-Id": invocation.id,
                        "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
                        "Lambda-Runtime-Invoked-Function-Arn": ARN,
                    },
                )

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self._send(202, b"{}", {})
                *_, request, kind = self.path.split("/")
                function._settle(request, body, failed=kind == "error")

            def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Api


def link_runtime_client(folder: Path) -> None:
    """Gather Lambda's runtime client, and nothing else that is installed with it."""
    folder.mkdir()
    [packages] = (PYTHON.parent.parent / "lib").glob("python*/site-packages")
    for name in RUNTIME_CLIENT:
        [found] = packages.glob(name)
        (folder / found.name).symlink_to(found)
