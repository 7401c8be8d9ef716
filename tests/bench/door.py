"""HTTP in front of a local AWS: what comes over the network, as if botocore had sent it inside."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import botocore.session
from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from botocore.model import ServiceModel

from keyturn_sandbox.emulator.cloud import LocalCloud
from keyturn_sandbox.emulator.shortcuts import signature_of

_SIGNED_BY = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/")
_CLIENT_NAMES = {"ses": "sesv2"}
"""A service's name in a signature → in a client."""
_HOSTS = {
    "iam": "iam.amazonaws.com",
    "organizations": "organizations.us-east-1.amazonaws.com",
    "sesv2": "email.{region}.amazonaws.com",
}
_OURS_TO_SAY = {"content-length", "connection", "date", "server", "transfer-encoding"}


class NotUnderstoodError(Exception):
    """The request is none that the local AWS can be asked."""


@contextmanager
def served(cloud: LocalCloud) -> Iterator[str]:
    """
    Serve it on loopback; the address comes back.

    A signature is not verified: whoever names a key's id is taken for its holder. Each connection
    has a thread, so that several calls may wait at once; the local AWS performs one at a time.
    """

    class Door(StreamRequestHandler):
        disable_nagle_algorithm = True

        def handle(self) -> None:
            with suppress(ConnectionError):
                while line := self.rfile.readline():
                    self._answer(*line.decode("latin-1").split()[:2])

        def _answer(self, method: str, target: str) -> None:
            headers = self._headers()
            if headers.get("Expect", "").lower() == "100-continue":
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = self.rfile.read(int(headers.get("Content-Length", 0)))
            service, operation, request = _arrived(cloud, method, target, headers, body)
            answer = cloud.receive(service, operation, request)
            content = answer.content
            kept = {k: v for k, v in answer.headers.items() if k.lower() not in _OURS_TO_SAY}
            # What HeadObject says of a length is the object's, which does not follow.
            length = answer.headers.get("Content-Length") if method == "HEAD" else None
            lines = [
                f"HTTP/1.1 {answer.status_code} .",
                *(f"{name}: {value}" for name, value in kept.items()),
                f"Content-Length: {length or len(content)}",
            ]
            self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + content)

        def _headers(self) -> HTTPHeaders:
            headers = HTTPHeaders()
            while line := self.rfile.readline().decode("latin-1").strip():
                name, _, value = line.partition(":")
                headers[name] = value.strip()
            return headers

    class Server(ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 256

    server = Server(("127.0.0.1", 0), Door)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _arrived(
    cloud: LocalCloud, method: str, target: str, headers: HTTPHeaders, body: bytes
) -> tuple[str, str, AWSPreparedRequest]:
    """Service, operation, and the request as it would have come within this process."""
    authorization = headers.get("Authorization", "")
    found = _SIGNED_BY.search(authorization)
    if found is None:
        raise NotUnderstoodError(f"{method} {target} is not signed")
    key_id, region, name = found.groups()
    service = _CLIENT_NAMES.get(name, name)
    operation = _operation(service, method, target, headers, body)
    proof = signature_of(cloud.secret_values().get(key_id, ""))
    headers.replace_header(
        "Authorization", re.sub(r"Signature=\w+", f"Signature={proof}", authorization)
    )
    host = _HOSTS.get(service, service + ".{region}.amazonaws.com").format(region=region)
    url = f"https://{host}{target}"
    return service, operation, AWSPreparedRequest(method, url, headers, body, stream_output=False)


def _operation(service: str, method: str, target: str, headers: HTTPHeaders, body: bytes) -> str:
    if named := headers.get("X-Amz-Target"):
        return named.rpartition(".")[2]
    if service in {"iam", "sts"}:
        return parse_qs(body.decode())["Action"][0]
    url = urlsplit(target)
    if service == "s3":
        return _of_s3(method, url.path, url.query)
    for verb, pattern, operation in _paths(service):
        if verb == method and pattern.fullmatch(url.path):
            return operation
    raise NotUnderstoodError(f"{service} has no {method} {target}")


def _of_s3(method: str, path: str, query: str) -> str:
    """The few that Keyturn asks S3."""
    _, _, key = path[1:].partition("/")
    what = "Object" if key else "Bucket"
    match method, what:
        case "GET", "Bucket" if "list-type=2" in query:
            return "ListObjectsV2"
        case "GET", "Object":
            return "GetObject"
        case "PUT", "Bucket" if query.startswith("policy"):
            return "PutBucketPolicy"
        case "PUT", "Bucket":
            return "CreateBucket"
        case "HEAD" | "PUT" | "DELETE", _:
            return method.title() + what
        case _:
            raise NotUnderstoodError(f"s3 has no {method} {path}?{query}")


@cache
def _paths(service: str) -> list[tuple[str, re.Pattern[str], str]]:
    """Method, path and name of each operation of a service that speaks REST."""
    model: ServiceModel = botocore.session.get_session().get_service_model(service)
    found = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        path = re.sub(r"\{\w+\+?\}", "[^/]+", http["requestUri"].partition("?")[0])
        found.append((http["method"], re.compile(path), name))
    return found
