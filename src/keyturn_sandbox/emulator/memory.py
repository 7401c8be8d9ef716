"""
A local AWS as it was: what runs over accounts change there, so that they can be begun again.

Remembered are users, groups, keys, secrets, objects, mails, obstacles, the log and the dice;
not the organisation, queues and bus. Sessions that were opened since stay open, so that
clients can be used again.
"""

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from moto.moto_api._internal import mock_random

from keyturn_sandbox.emulator.buckets import Buckets
from keyturn_sandbox.emulator.call_log import Call
from keyturn_sandbox.emulator.delays import Delays
from keyturn_sandbox.emulator.iam_rules import Keyring, iam_of
from keyturn_sandbox.emulator.mailbox import Mailbox
from keyturn_sandbox.emulator.obstacles import Obstacle
from keyturn_sandbox.emulator.secret_rules import secrets_of

Recall = Callable[[], None]
"""Puts everything back; may be called again and again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a local AWS is made of, as far as it is remembered."""

    accounts: Iterable[str]
    region: str
    keyring: Keyring
    buckets: Buckets
    mailbox: Mailbox
    delays: Delays
    obstacles: list[Obstacle]
    calls: list[Call]

    def remember(self) -> Recall:
        """Remember all of them as they are now."""
        recalls = [
            *(_account(account, self.region) for account in self.accounts),
            _keyring(self.keyring),
            _objects(self.buckets),
            _delays(self.delays),
            _list(self.mailbox.sent),
            _list(self.calls),
            _obstacles(self.obstacles),
            _dice(),
        ]

        def recall() -> None:
            for each in recalls:
                each()

        return recall


def _account(account: str, region: str) -> Recall:
    iam, store = iam_of(account), secrets_of(account, region).secrets
    # In one copy: a group's users are the account's.
    then = deepcopy((iam.users, iam.groups, iam.access_keys, dict(store)))

    def recall() -> None:
        iam.users, iam.groups, iam.access_keys, secrets = deepcopy(then)
        store.clear()
        dict.update(store, secrets)

    return recall


def _keyring(keyring: Keyring) -> Recall:
    then = dict(keyring.secrets), dict(keyring.accounts)

    def recall() -> None:
        for known, before in zip((keyring.secrets, keyring.accounts), then, strict=True):
            for key_id in [each for each in known if each.startswith("AKIA")]:
                del known[key_id]  # a user's; ASIA… is a session's
            known.update(before)

    return recall


def _objects(buckets: Buckets) -> Recall:
    then = {name: dict(bucket.objects) for name, bucket in buckets.buckets.items()}

    def recall() -> None:
        for name, objects in then.items():
            buckets.buckets[name].objects.clear()
            buckets.buckets[name].objects.update(objects)

    return recall


def _delays(delays: Delays) -> Recall:
    then = deepcopy(delays)

    def recall() -> None:
        for name in Delays.__slots__:
            setattr(delays, name, deepcopy(getattr(then, name)))

    return recall


def _list(things: list[Any]) -> Recall:
    then = list(things)

    def recall() -> None:
        things[:] = then

    return recall


def _obstacles(obstacles: list[Obstacle]) -> Recall:
    then = [(each, each.times) for each in obstacles]

    def recall() -> None:
        for each, times in then:
            each.times = times
        obstacles[:] = [each for each, _ in then]

    return recall


def _dice() -> Recall:
    then = mock_random.getstate()
    return lambda: mock_random.setstate(then)
