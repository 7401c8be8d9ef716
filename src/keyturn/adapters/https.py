"""A request to the one address that an operator configured, over HTTPS."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPSConnection
from socket import SHUT_RDWR, socket
from threading import Timer
from typing import Final
from urllib.parse import SplitResult, urlsplit

from keyturn.domain.errors import Refused, Throttled, Unavailable
from keyturn.ports import Clock

CONNECT_SECONDS: Final = 5
ANSWER_SECONDS: Final = 10
"""From the request to the end of the answer, however slowly its bytes come."""
_LARGEST_ANSWER: Final = 1024 * 1024
"""Bytes that are read; nobody needs the rest."""
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered."""

    status: int
    body: bytes
    retry_after: float | None = None
    """Seconds, where the answer names them or a date."""


class HttpsSender:
    """
    Sends, in one attempt, to the very address that it is given.

    It follows no redirect and asks no proxy of the environment: what goes out goes where the
    operator said. What it raises never holds the address, which may be a secret.
    """

    def __init__(self, clock: Clock, *, plain_to_loopback: bool = False) -> None:
        """plain_to_loopback: for tests alone; no setting reaches it."""
        self._clock = clock
        self._plain_to_loopback = plain_to_loopback

    def check(self, url: str) -> None:
        """Raises Refused where the address is none that is sent to; nothing is sent."""
        self._checked(url)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a POST: as `send` does."""
        return self.send("POST", url, body, headers)

    def send(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        """
        Send a request, and wait for the answer.

        Raises:
            Refused: the address is none that is sent to.
            Throttled: there was no connection, so nothing was sent.
            Unavailable: nobody knows whether it was taken.

        """
        place = self._checked(url)
        connection = self._connected(place)
        target = f"{place.path or '/'}{'?' + place.query if place.query else ''}"
        try:
            # http.client lets go of it while the answer is still being read.
            with _cut_after(ANSWER_SECONDS, connection.sock):
                connection.request(method, target, body, dict(headers))
                answer = connection.getresponse()
                return Answer(
                    status=answer.status,
                    body=answer.read(_LARGEST_ANSWER),
                    retry_after=self._retry_after(answer.headers),
                )
        except (OSError, HTTPException, ValueError) as error:
            raise Unavailable(f"no answer: {type(error).__name__}") from None
        finally:
            connection.close()

    def _checked(self, url: str) -> SplitResult:
        try:
            place = urlsplit(url)
            _ = place.port  # refuses what is no number
        except ValueError:
            raise Refused("the configured address is no URL") from None
        plain = self._plain_to_loopback and place.hostname in _LOOPBACK
        if place.scheme != "https" and not (plain and place.scheme == "http"):
            raise Refused("the configured address must begin with https://")
        if not place.hostname or place.username is not None or not _is_plain(url):
            raise Refused("the configured address must be https://host/path")
        return place

    def _connected(self, place: SplitResult) -> HTTPConnection:
        host = str(place.hostname)
        connection = (
            HTTPSConnection(
                host,
                place.port,
                timeout=CONNECT_SECONDS,
                context=ssl.create_default_context(),
            )
            if place.scheme == "https"
            else HTTPConnection(host, place.port, timeout=CONNECT_SECONDS)
        )
        try:
            connection.connect()
        except (OSError, ValueError) as error:
            raise Throttled(f"no connection: {type(error).__name__}") from None
        connection.sock.settimeout(ANSWER_SECONDS)
        return connection

    def _retry_after(self, headers: HTTPMessage) -> float | None:
        """Seconds to wait, of the two forms in which a server may say so (RFC 9110, 10.2.3)."""
        said = (headers.get("Retry-After") or "").strip()
        if said.isascii() and said.isdigit():
            return float(said)
        try:
            until = parsedate_to_datetime(said)
            return max((until - self._clock()).total_seconds(), 0.0)
        except (TypeError, ValueError):
            return None


def _is_plain(url: str) -> bool:
    return url.isascii() and url.isprintable() and " " not in url


@contextmanager
def _cut_after(seconds: float, connection: socket) -> Iterator[None]:
    """Cut the connection after so many seconds: a socket counts its time anew at each byte."""

    def cut() -> None:
        try:
            # The plain socket's own: that of TLS would take the connection apart under its user.
            socket.shutdown(connection, SHUT_RDWR)
        except OSError:
            return  # it is closed already

    timer = Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
