"""
A local AWS in a process of its own: a scene comes on standard input, the address goes out.

What else it is asked comes over the same pipe, a line of JSON each: how slow it is, whom it
throttles, what it has counted. It ends when the pipe does.
"""

import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from random import Random
from threading import Event, Lock
from typing import Any

from keyturn_sandbox.emulator.cloud import LocalCloud, Perform
from keyturn_sandbox.emulator.injected_errors import too_fast
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, ApiResponse, refused
from keyturn_sandbox.emulator.rate_limits import RateLimit
from keyturn_sandbox.simulation.deployment import PREFIX
from tests.bench.door import served
from tests.bench.scene import Place, Scene, begin_anew, built, drop, ripen, stir


@dataclass(kw_only=True)
class Network:
    """What lies between a caller and this AWS: a wait, throttles; and what has come through."""

    latency: float = 0.0
    """Seconds that each call waits; several wait at once."""
    throttled: float = 0.0
    """The share of calls that are refused by chance."""
    bucket: bool = False
    """Whether IAM bears no more of an account than it is taken to."""
    counted: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Account, call, error (or nothing) → how many."""
    _iam: RateLimit = field(default_factory=lambda: RateLimit(clock=time.time))
    _chance: Random = field(default_factory=lambda: Random(1))  # noqa: S311 -- the same every time
    _lock: Lock = field(default_factory=Lock)

    def __call__(self, request: ApiRequest, perform: Perform) -> ApiResponse:
        """Pass a call on, or not. Who sets the scene is not counted and need not wait."""
        if ":assumed-role/Administrator/" in request.principal:
            return perform(request)
        with self._lock:
            refusal = self._refusal(request)
        if self.latency:
            Event().wait(self.latency)
        answer = perform(request) if refusal is None else refused(request, refusal)
        with self._lock:
            self.counted[request.account, _name(request), answer.error or ""] += 1
        return answer

    def _refusal(self, request: ApiRequest) -> ApiError | None:
        by_chance = self._chance.random() < self.throttled
        is_limited = self.bucket and request.service == "iam"
        by_rate = is_limited and not self._iam.bears_one_more(request.account)
        return too_fast(request) if by_chance or by_rate else None


def _name(request: ApiRequest) -> str:
    """What is called; of a list of S3 also in which folder, without what differs by account."""
    called = f"{request.service}:{request.operation}"
    if request.operation != "ListObjectsV2":
        return called
    below = str(request.params["Prefix"]).removeprefix(f"{PREFIX}/")
    return f"{called} {re.split('[0-9=]', below)[0]}"


def main() -> None:
    """Open it, and answer until nobody asks any more."""
    lines = iter(sys.stdin)
    scene = Scene(**json.loads(next(lines)))
    with LocalCloud(now=datetime.now(UTC), short_pages=False, empty_pages=False) as cloud:
        network = Network()
        place = built(cloud, scene)
        cloud.layers.append(network)
        with served(cloud) as url:
            _say({**asdict(place), "url": url})
            _obey(lines, cloud, network, place)


def _obey(lines: Iterable[str], cloud: LocalCloud, network: Network, place: Place) -> None:
    orders: dict[str, Callable[[Any], object]] = {
        "latency": lambda seconds: setattr(network, "latency", seconds),
        "throttled": lambda share: setattr(network, "throttled", share),
        "bucket": lambda on: setattr(network, "bucket", on),
        "send rate": cloud.say_send_rate,
        "due": lambda users: ripen(cloud, place.members, *users),
        "begin anew": lambda _: begin_anew(cloud),
        "drop": lambda _: drop(cloud, place.members),
        "stir": lambda users: stir(cloud, place.members, *users),
        "move": lambda moment: cloud.move_to(datetime.fromisoformat(moment)),
        "forget": lambda _: network.counted.clear(),
        "counted": lambda _: [[*call, count] for call, count in network.counted.items()],
        "mails": lambda _: len(cloud.sent_mails),
        "keys": lambda account: [[key.user, key.key_id] for key in cloud.keys(account)],
    }
    for line in lines:
        name, value = json.loads(line)
        _say(orders[name](value))


def _say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
