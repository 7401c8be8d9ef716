"""
Answer an SDK with the newest delivered key, and with the one before while that cannot be had.

A key that was delivered works for days beside the next one, so an answer that is some hours old
does no harm; a program that gets none stops at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from keyturn.domain.errors import KeyturnError
from keyturn.own_machine.model.access_key import AccessKey
from keyturn.own_machine.ports import CachedKey, KeyCache

SOON = timedelta(minutes=20)
"""botocore asks anew from 15 minutes before the end on: so long that not every call asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A key, and when the SDK is to ask again, UTC."""

    key: AccessKey
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveCredentials:
    """Gives a key from the cache, or as the secret has it."""

    cache: KeyCache
    ask: Callable[[AccessKey | None], AccessKey]
    """Reads the secret; gets the key that was tried before."""
    refresh: timedelta
    """After this the secret is read again."""
    stale: timedelta
    """So old a key may be that is given because the secret cannot be read."""
    say: Callable[[str], None]
    """Gets a sentence where something went wrong and a key is given all the same."""

    def give(self, now: datetime) -> Given:
        """
        Give the newest key that can be had; now: UTC.

        Raises KeyturnError where the secret cannot be read, or holds none that works, and no key
        is kept that is young enough.
        """
        kept = self.cache.read()
        if kept is not None and timedelta() <= now - kept.at < self.refresh:
            return Given(key=kept.key, until=now + self.refresh)
        try:
            key = self.ask(kept.key if kept else None)
        except KeyturnError as error:
            if kept is None or now - kept.at >= self.stale:
                raise
            self.say(f"{error}; {kept.key.key_id} is given, read at {kept.at:%Y-%m-%d %H:%MZ}")
            return Given(key=kept.key, until=now + SOON)
        try:
            self.cache.write(CachedKey(key=key, at=now))
        except KeyturnError as error:
            self.say(str(error))
        return Given(key=key, until=now + self.refresh)
