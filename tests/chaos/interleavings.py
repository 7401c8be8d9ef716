"""
Two runs over one account at once, in every order of their calls.

Two threads are let through to AWS one call at a time. Each schedule begins anew from the same
moment; what it does is given by which run goes next, so a schedule is a word of `a` and `b`. All
words are tried, but for two savings that lose nothing. A call that nothing of the other run can
change, and that changes nothing for it, is let through at once. And a schedule ends where AWS and
what both runs have heard are as they were in another: from there on it could only repeat it.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from threading import Condition, Thread, current_thread
from unittest.mock import patch

from keyturn.domain.result import AccountResult
from keyturn.wiring import Aws
from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.faults import KilledError
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from tests.chaos.world import BUCKET, MEMBER, Asked, World, carry_out

APART = frozenset(
    {
        "AssumeRole",
        "ListUsers",
        "GetGroup",
        "ListUserTags",
        "GetAccessKeyLastUsed",
        "GetSuppressedDestination",
        "GetAccount",
        "SendEmail",
        "GenerateMac",
    }
)
"""
What no run writes that another reads: who there is, who is exempt, what people use; and mails.

The key of all seals and SES's rate are asked for once a process: a schedule played again does not
ask anew.
"""
_APART = tuple(
    f"/receipts/_{each}/" for each in ("messages", "undeliverable", "reached", "returned")
)
_APART += ("/owners.",)
"""The same of objects: a message has an id of its own, and the rest no run writes."""
RUNS = ("a", "b")
Heard = list[str]


@dataclass(slots=True)
class Schedule:
    """One order of the calls: a beginning that is given, then `a` as long as there is a choice."""

    beginning: str
    seen: set[str]
    """What AWS and both runs were like wherever a schedule came by."""
    others: list[str] = field(default_factory=list)
    """Beginnings that go another way than this schedule."""
    taken: str = ""

    def next(self, waiting: list[str], state: Callable[[], str]) -> str | None:
        """Who goes next; None if it only repeats another schedule from here on."""
        if len(self.taken) < len(self.beginning):
            choice = self.beginning[len(self.taken)]
        else:
            now = state()
            if now in self.seen:
                return None
            self.seen.add(now)
            choice = waiting[0]
            self.others += [self.taken + other for other in waiting[1:]]
        self.taken += choice
        return choice


@dataclass(slots=True)
class Walk:
    """An order of the calls that the dice choose."""

    dice: Random
    taken: str = ""

    def next(self, waiting: list[str], _state: Callable[[], str]) -> str:
        """Who goes next."""
        choice = self.dice.choice(waiting)
        self.taken += choice
        return choice


@dataclass(slots=True)
class Gate:
    """A layer that lets one call through at a time."""

    world: World
    pace: timedelta
    """What each call takes."""
    heard: dict[str, Heard] = field(default_factory=lambda: {name: [] for name in RUNS})
    requests: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in RUNS})
    _waiting: set[str] = field(default_factory=set)
    _ended: set[str] = field(default_factory=set)
    _turn: str | None = None
    _closed: bool = False
    _moved: Condition = field(default_factory=Condition)

    def __call__(self, request: ApiRequest, perform: Perform) -> ApiResponse:
        """Wait for one's turn."""
        name = current_thread().name
        if name not in RUNS:
            return perform(request)
        self.requests[name].add(request.request_id)
        is_apart = _is_apart(request)
        if not is_apart:
            self._wait(name)
        answer = perform(replace(request, at=self.world.cloud.now))
        if self.pace and not is_apart:
            self.world.cloud.move_to(self.world.cloud.now + self.pace)
        said = hashlib.sha256(answer.body + repr(sorted(answer.headers.items())).encode())
        self.heard[name].append(f"{request.operation} {answer.status} {said.hexdigest()}")
        return answer

    def _wait(self, name: str) -> None:
        with self._moved:
            self._waiting.add(name)
            self._moved.notify_all()
            self._moved.wait_for(lambda: self._turn == name or self._closed)
            if self._closed:
                raise KilledError
            self._turn = None
            self._waiting.discard(name)

    def ended(self, name: str) -> None:
        """A run has come to its end."""
        with self._moved:
            self._ended.add(name)
            self._moved.notify_all()

    def arrived(self, name: str) -> None:
        """Wait until a run stands at the gate for the first time, or has ended."""
        with self._moved:
            self._moved.wait_for(lambda: name in self._waiting | self._ended)

    def standing(self) -> list[str]:
        """Who waits, once nobody is on the way."""
        with self._moved:
            self._moved.wait_for(
                lambda: self._turn is None and len(self._waiting | self._ended) == len(RUNS)
            )
            return sorted(self._waiting)

    def let(self, name: str) -> None:
        """Let a run make its next call."""
        with self._moved:
            self._turn = name
            self._moved.notify_all()

    def close(self) -> None:
        """Let nobody through any more."""
        with self._moved:
            self._closed = True
            self._moved.notify_all()

    def state(self) -> str:
        """All that the rest of the schedule depends on."""
        return _hash((_aws(self.world), sorted(self.heard.items())))


def _is_apart(request: ApiRequest) -> bool:
    """Whether it makes no difference to the other run when this comes."""
    place = str(request.params.get("Key") or request.params.get("Prefix") or "")
    return request.operation in APART or any(each in f"/{place}" for each in _APART)


def end_of(world: World) -> str:
    """What AWS is like, whoever has heard what."""
    return _hash(_aws(world))


def _hash(thing: object) -> str:
    return hashlib.sha256(repr(thing).encode()).hexdigest()


def _aws(world: World) -> tuple[object, ...]:
    cloud = world.cloud
    return (
        [(key.key_id, key.status) for key in cloud.keys(MEMBER)],
        [
            (s.name, sorted(s.tags.items()), sorted(s.versions.items()), s.gone_at)
            for s in cloud.secrets(MEMBER)
        ],
        sorted(cloud.objects(BUCKET).items()),
        sorted((*mail.to, mail.subject, str(mail.text)) for mail in cloud.sent_mails),
    )


@dataclass(frozen=True, slots=True)
class Interleaving:
    """Two runs came to their end; or not, where they began to repeat another schedule."""

    taken: str
    started: datetime
    asked: Mapping[str, Asked]
    results: Mapping[str, AccountResult]


def interleave(
    world: World,
    aws: Mapping[str, Aws],
    asked: Mapping[str, Asked],
    schedule: Schedule | Walk,
    pace: timedelta = timedelta(0),
) -> Interleaving:
    """Let two runs go on a schedule, each asked for something."""
    gate, results, dice = Gate(world, pace), {}, dict.fromkeys(RUNS, 0)

    def chance(size: int) -> bytes:
        """Give each run dice of its own, so that it does the same whenever it hears the same."""
        name = current_thread().name
        dice[name] = dice.get(name, 0) + 1
        return hashlib.sha512(f"{name} {dice[name]}".encode()).digest()[:size]

    def one(name: str) -> None:
        try:
            with suppress(KilledError):
                run = world.new_run(aws[name])
                results[name] = carry_out(aws[name], run, asked[name])
        finally:
            gate.ended(name)

    world.cloud.layers.append(gate)
    started = world.cloud.now
    threads = [Thread(target=one, args=(name,), name=name) for name in RUNS]
    with patch.object(os, "urandom", chance):
        for thread, name in zip(threads, RUNS, strict=True):
            thread.start()
            gate.arrived(name)
        while waiting := gate.standing():
            choice = schedule.next(waiting, gate.state)
            if choice is None:
                break
            gate.let(choice)
        gate.close()
        for thread in threads:
            thread.join()
    world.cloud.layers.remove(gate)
    for name, result in results.items():
        ran = world.judged(started, result, aws[name], asked[name])
        world.runs.append(replace(ran, requests=frozenset(gate.requests[name])))
    both = results if len(results) == len(RUNS) else {}
    return Interleaving(schedule.taken, started, asked, both)
