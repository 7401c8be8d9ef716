"""
A local AWS as it was: what runs over accounts change there, so that they can be begun again.

Kept are users, groups, keys, secrets, objects, mails, injected errors, the log and the dice;
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
from keyturn_sandbox.emulator.injected_errors import InjectedError
from keyturn_sandbox.emulator.mailbox import Mailbox
from keyturn_sandbox.emulator.secret_rules import secrets_of

Checkpoint = Callable[[], None]
"""How things were at one moment; a call puts them back, again and again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a local AWS is made of, as far as it is kept."""

    accounts: Iterable[str]
    region: str
    keyring: Keyring
    buckets: Buckets
    mailbox: Mailbox
    delays: Delays
    injected_errors: list[InjectedError]
    calls: list[Call]

    def checkpoint(self) -> Checkpoint:
        """Keep all of them as they are now."""
        parts = [
            *(_account(account, self.region) for account in self.accounts),
            _keyring(self.keyring),
            _objects(self.buckets),
            _delays(self.delays),
            _list(self.mailbox.sent),
            _list(self.calls),
            _injected_errors(self.injected_errors),
            _dice(),
        ]

        def put_back() -> None:
            for each in parts:
                each()

        return put_back


def _account(account: str, region: str) -> Checkpoint:
    iam, store = iam_of(account), secrets_of(account, region).secrets
    # In one copy: a group's users are the account's.
    then = deepcopy((iam.users, iam.groups, iam.access_keys, dict(store)))

    def put_back() -> None:
        iam.users, iam.groups, iam.access_keys, secrets = deepcopy(then)
        store.clear()
        dict.update(store, secrets)

    return put_back


def _keyring(keyring: Keyring) -> Checkpoint:
    then = dict(keyring.secrets), dict(keyring.accounts)

    def put_back() -> None:
        for known, before in zip((keyring.secrets, keyring.accounts), then, strict=True):
            for key_id in [each for each in known if each.startswith("AKIA")]:
                del known[key_id]  # a user's; ASIA… is a session's
            known.update(before)

    return put_back


def _objects(buckets: Buckets) -> Checkpoint:
    then = {name: dict(bucket.objects) for name, bucket in buckets.buckets.items()}

    def put_back() -> None:
        for name, objects in then.items():
            buckets.buckets[name].objects.clear()
            buckets.buckets[name].objects.update(objects)

    return put_back


def _delays(delays: Delays) -> Checkpoint:
    then = deepcopy(delays)

    def put_back() -> None:
        for name in Delays.__slots__:
            setattr(delays, name, deepcopy(getattr(then, name)))

    return put_back


def _list(things: list[Any]) -> Checkpoint:
    then = list(things)

    def put_back() -> None:
        things[:] = then

    return put_back


def _injected_errors(injected_errors: list[InjectedError]) -> Checkpoint:
    then = [(each, each.times) for each in injected_errors]

    def put_back() -> None:
        for each, times in then:
            each.times = times
        injected_errors[:] = [each for each, _ in then]

    return put_back


def _dice() -> Checkpoint:
    then = mock_random.getstate()
    return lambda: mock_random.setstate(then)
