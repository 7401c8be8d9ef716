"""Real HTTP servers on loopback, which take what channels send, or do whatever else servers do."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Request:
    """What came in."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"

    @property
    def json(self) -> Any:  # noqa: ANN401 -- whatever was sent
        return json.loads(self.body)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What is answered."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs: bool = False
    """No answer comes, and the connection stays."""
    drips: bool = False
    """The answer comes a byte at a time, and has no end."""
    cut: bool = False
    """The connection is reset once the request was read."""
    garbage: bool = False
    """What comes is no HTTP."""


@dataclass(kw_only=True)
class Receiver:
    """A server, what it got, and what it answers next."""

    url: str = ""
    got: list[Request] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    """The next answers, in their order; then it answers as `always` says."""
    always: Callable[[Request], Reply] = lambda _: Reply()
    let_go: threading.Event = field(default_factory=threading.Event)

    def answer(self, request: Request) -> Reply:
        self.got.append(request)
        return self.replies.pop(0) if self.replies else self.always(request)


@contextmanager
def receiving() -> Iterator[Receiver]:  # noqa: C901 -- a server, and each way in which it fails
    """Run a server until the end."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = receiver.answer(
                Request(path=self.path, headers=headers, body=body, method=self.command)
            )
            self.close_connection = True
            if reply.hangs:
                receiver.let_go.wait(60)
                return
            if reply.cut:
                linger = struct.pack("ii", 1, 0)  # so that closing resets
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()
                return
            if reply.garbage:
                self.wfile.write(b"\x16\x03 this is no HTTP\r\n\r\n")
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.drips:
                self.end_headers()
                self._drip()
                return
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_POST  # noqa: N815 -- as the library calls it

        def _drip(self) -> None:
            try:
                while not receiver.let_go.wait(0.05):
                    self.wfile.write(b".")
                    self.wfile.flush()
            except OSError:
                return

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def finish(self) -> None:
            try:
                super().finish()
            except (OSError, ValueError):
                return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a cut connection is no error here
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.let_go.set()
        server.shutdown()
        server.server_close()
        thread.join()


def nowhere() -> str:
    """An address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"
