"""
The way to moto for whatever the sandbox does not answer itself.

moto finds the backend of a request by trying the addresses of all its services,
and builds those addresses anew each time; we know the service, so its own few
patterns are enough, and they are built once.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.request import normalize_request

from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse, passed_on

# The services of which moto answers what our rules do not; of the others our rules are all.
_LEFT_TO_MOTO = frozenset({"account", "events", "iam", "kms", "secretsmanager"})

_Handler = Callable[[Any, str, Any], tuple[int, Mapping[str, Any], str | bytes]]


def ask_moto(request: ApiRequest) -> ApiResponse:
    """
    Let moto perform a call, in the account that we say is calling.

    Raises NotImplementedError for a call of a service that is not left to moto.
    """
    if request.service not in _LEFT_TO_MOTO:
        raise NotImplementedError(f"the sandbox has no {request.service}:{request.operation}")
    request.http.headers["x-moto-account-id"] = request.account
    normalized = normalize_request(request.http)
    address = request.http.url.split("?", 1)[0]
    handler = next(
        handler for pattern, handler in _addresses(request.service) if pattern.match(address)
    )
    status, headers, body = handler(normalized, normalized.raw_url, normalized.headers)
    raw = body.encode() if isinstance(body, str) else body
    return passed_on(request, int(status), _as_text(headers), raw)


@cache
def _addresses(service: str) -> list[tuple[re.Pattern[str], _Handler]]:
    named: Any = service  # moto types the name of every service it has
    backends = get_backend(named)[DEFAULT_ACCOUNT_ID]
    backend = backends["us-east-1" if "us-east-1" in backends else "aws"]
    return [(re.compile(url), handler) for url, handler in backend.urls.items()]


def _as_text(headers: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in headers.items()}
