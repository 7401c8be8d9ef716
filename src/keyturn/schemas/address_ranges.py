"""Lists of addresses, as AWS, GitHub and Atlassian publish them."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

from keyturn.domain.origin import Network, Ranges, Whose
from keyturn.domain.reading import NotReadableError, read_json


def read_ranges(body: bytes) -> Ranges | None:
    """
    Read a list; None: it is none that we know.

    AWS: ip-ranges.amazonaws.com/ip-ranges.json. GitHub: api.github.com/meta, of which what Actions
    runs on. Atlassian: ip-ranges.atlassian.com, of which what Bitbucket calls out from.
    """
    try:
        found = read_json(body)
        match found:
            case {"prefixes": [*_], "ipv6_prefixes": [*_]}:
                return _ranges(Whose.AWS, _of_aws(found))
            case {"actions": [*actions]}:
                return _ranges(Whose.GITHUB, iter(actions))
            case {"items": [*items]}:
                return _ranges(Whose.BITBUCKET, _of_bitbucket(items))
            case _:
                return None
    except (NotReadableError, LookupError, TypeError, ValueError, AttributeError):
        return None


def _ranges(whose: Whose, texts: Iterator[Any]) -> Ranges | None:
    networks: frozenset[Network] = frozenset(map(ip_network, texts))
    return Ranges(whose, networks) if networks else None


def _of_aws(found: Any) -> Iterator[Any]:  # noqa: ANN401 -- JSON can be anything
    yield from (each["ip_prefix"] for each in found["prefixes"])
    yield from (each["ipv6_prefix"] for each in found["ipv6_prefixes"])


def _of_bitbucket(items: list[Any]) -> Iterator[Any]:
    for each in items:
        if "bitbucket" in each["product"] and "egress" in each["direction"]:
            yield each["cidr"]
