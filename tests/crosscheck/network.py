"""A local AWS on loopback, for a program that is not ours: what one needs to read IAM."""

import re
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs

from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders

from keyturn_sandbox.emulator.cloud import LocalCloud
from keyturn_sandbox.emulator.shortcuts import signature_of

_HOSTS = {"iam": "iam.amazonaws.com", "sts": "sts.us-east-1.amazonaws.com"}
_SIGNED_BY = re.compile(r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/")


@contextmanager
def served(cloud: LocalCloud) -> Generator[str]:
    """
    Serve it; the address comes back.

    A signature is not verified: whoever names a key's id is taken for its holder. It is open on
    loopback alone, and only while an outsider looks.
    """

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            service, request = _arrived(cloud, self.headers["Authorization"], body)
            answer = cloud.receive(service, parse_qs(body.decode())["Action"][0], request)
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name.lower() not in {"content-length", "date", "server"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            """Say nothing: the emulator has a log of its own."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _arrived(cloud: LocalCloud, authorization: str, body: bytes) -> tuple[str, AWSPreparedRequest]:
    """The service that is called, and the request as it would have come within this process."""
    found = _SIGNED_BY.search(authorization)
    if found is None:
        raise ValueError(f"not signed: {authorization}")
    key_id, service = found.groups()
    proof = signature_of(cloud.secret_values().get(key_id, ""))
    headers = HTTPHeaders()
    headers["Authorization"] = re.sub(r"Signature=\w+", f"Signature={proof}", authorization)
    headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
    url = f"https://{_HOSTS[service]}/"
    return service, AWSPreparedRequest("POST", url, headers, body, stream_output=False)
