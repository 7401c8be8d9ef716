"""
AWS that is asked too fast: layers for `LocalCloud.layers`.

https://aws.amazon.com/blogs/security/how-to-monitor-and-query-iam-resources-at-scale-part-2/: "IAM
and AWS STS independently implement a token bucket algorithm for throttling"; whoever calls in an
account adds to its calls. AWS publishes no numbers: 20 a second and 40 at once are assumed.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.injected_errors import too_fast
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse, refused

RATE, BURST = 20.0, 40.0


@dataclass(slots=True, kw_only=True)
class RateLimit:
    """Bears so many calls of a service a second, in each account by itself."""

    clock: Callable[[], float]
    """Seconds: of the cloud's clock, or real ones where each call takes real time."""
    rate: float = RATE
    burst: float = BURST
    service: str = "iam"
    passed: int = 0
    throttled: int = 0
    _tokens: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Account → its tokens, and when there were so many."""
    _lock: Lock = field(default_factory=Lock)

    def __call__(self, request: ApiRequest, perform: Perform) -> ApiResponse:
        """Pass the request on, or throttle it."""
        if request.service != self.service:
            return perform(request)
        if not self.bears_one_more(request.account):
            return refused(request, too_fast(request))
        return perform(request)

    def bears_one_more(self, account: str) -> bool:
        """Take a token of the account, if there is one."""
        with self._lock:
            now = self.clock()
            tokens, since = self._tokens.get(account, (self.burst, now))
            tokens = min(self.burst, tokens + max(0.0, now - since) * self.rate)
            is_borne = tokens >= 1
            self._tokens[account] = (tokens - 1 if is_borne else tokens, now)
            self.passed += is_borne
            self.throttled += not is_borne
            return is_borne


@dataclass(slots=True, kw_only=True)
class RandomThrottling:
    """Throttles a share of the calls, however few there are: others use the account too."""

    share: float
    seed: int = 1
    watches: Callable[[ApiRequest], bool] = lambda request: request.service == "iam"
    passed: int = 0
    throttled: int = 0
    _chance: random.Random = field(init=False)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        """Begin with the seed's first number."""
        self._chance = random.Random(self.seed)  # noqa: S311 -- the same again, not a secret

    def __call__(self, request: ApiRequest, perform: Perform) -> ApiResponse:
        """Pass the request on, or throttle it."""
        if not self.watches(request):
            return perform(request)
        with self._lock:
            is_throttled = self._chance.random() < self.share
            self.throttled += is_throttled
            self.passed += not is_throttled
        return refused(request, too_fast(request)) if is_throttled else perform(request)
