"""
A queue with groups and so many functions at work on it, simulated.

Each message is an account, which is a group of its own; whoever is free takes the next one. An
account that needs longer than a function has comes back as another message when its time is over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

FIRST_AT_ONCE, MORE_A_SECOND = 5, 5.0
"""
Lambda begins with five and adds 300 a minute: AWS says so of standard queues, of these nothing.

Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
"""
LONGEST = 720.0
"""Seconds of an invocation in which users are begun: 900 less those that it spares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What came of it; seconds."""

    end: float
    """When the last account was done."""
    busy: float
    """What all invocations took together."""
    invocations: int
    cold: int
    """How many of them were the first of their process."""


def simulate(
    arrivals: Sequence[float],
    services: Sequence[float],
    *,
    at_once: int,
    cold: float = 0.0,
    grows: bool = True,
) -> Ended:
    """
    Work through all messages.

    Args:
        arrivals: when each message comes, seconds.
        services: how long each account takes, seconds.
        at_once: how many accounts are worked on at the same time, at most.
        cold: seconds more for the first invocation of each process.
        grows: whether the first functions begin alone, as Lambda's do.

    """
    waiting = [
        (came, number, takes)
        for number, (came, takes) in enumerate(zip(arrivals, services, strict=True))
    ]
    heapify(waiting)
    free = [
        (max(0.0, (number - FIRST_AT_ONCE + 1) / MORE_A_SECOND) if grows else 0.0, number)
        for number in range(at_once)
    ]
    heapify(free)
    warm: set[int] = set()
    end = busy = 0.0
    invocations = 0
    while waiting:
        came, number, left = heappop(waiting)
        since, who = heappop(free)
        took = min(left, LONGEST) + (0.0 if who in warm else cold)
        warm.add(who)
        done = max(came, since) + took
        heappush(free, (done, who))
        if left > LONGEST:
            heappush(waiting, (done, number, left - LONGEST))
        end, busy, invocations = max(end, done), busy + took, invocations + 1
    return Ended(end=end, busy=busy, invocations=invocations, cold=len(warm))
