"""Where a key that ends is used, and what became of the one in its place."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from keyturn.domain.days import have_passed
from keyturn.domain.key import KeyFacts, LastUse, SecretFacts, UserFacts
from keyturn.domain.plain_text import shown

IN_USE_WITHIN: Final = 7
"""Days: a key that was used within them is in use."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """Whether anybody read the secret with the new key."""

    on: date | None
    """
    When it was last read, UTC; None: not since the new key was made.

    AWS tells the date only: who read it on the very day of the rotation may have read the old key.
    """


_LINK_BEGINS: Final = re.compile(r"(?<!\[)://|(?<=\bwww)\.", re.IGNORECASE)
"""What programs for mail make a link of; in brackets already where a digest is read again."""
LONGEST_OF_CALLER: Final = 100
"""Characters of each field: whoever calls chooses the user agent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who used a key, as CloudTrail has it: text of others' making, shown and never obeyed."""

    address: str
    """Where the call came from: an IP address, or the name of a service of AWS."""
    agent: str
    """What the program calls itself."""
    service: str
    """The service that was called, such as `sts.amazonaws.com`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """What CloudTrail's event history says of a key."""

    callers: tuple[Caller, ...] = ()
    """Each once, the latest first."""
    unread: bool = False
    """Whether some of it could not be read: then an empty list is not "nobody"."""


def caller(address: object, agent: object, service: object) -> Caller:
    """A caller, made safe to show: on one line, short, with nothing that makes a link or code."""
    address, agent, service = (_tamed(each) for each in (address, agent, service))
    return Caller(address=address, agent=agent, service=service)


def _tamed(text: object) -> str:
    plain = _LINK_BEGINS.sub(lambda begin: f"[{begin[0]}]", shown(text).replace("`", "'"))
    return plain[:LONGEST_OF_CALLER] or "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUsage:
    """What is known of both keys; a field that is None could not be read, which is not "never"."""

    old: LastUse | None = None
    """The last use of the key that the notice is about."""
    new: LastUse | None = None
    """The last use of its successor; None also where that was made in this very run."""
    fetched: Fetched | None = None
    """Whether its successor was fetched; None also where Keyturn did not store it."""
    trail: Trail | None = None
    """From where the old key is used; None: nobody looked."""


def known_usage(user: UserFacts, old: KeyFacts, new: KeyFacts) -> KeyUsage:
    """Put together what was read of a key and of the one in its place, which we delivered."""
    return KeyUsage(
        old=old.last_use if isinstance(old.last_use, LastUse) else None,
        new=new.last_use if isinstance(new.last_use, LastUse) else None,
        fetched=fetched(user, new),
    )


def fetched(user: UserFacts, new: KeyFacts) -> Fetched | None:
    """Whether the secret was read since the new key was made, as the rule saw the secret."""
    secret = user.secret
    if not isinstance(secret, SecretFacts):
        return None
    day = secret.last_read
    return Fetched(day if day is not None and day >= new.created.date() else None)


def is_left_behind(usage: KeyUsage | None, now: datetime) -> bool:
    """Whether the old key is known to be in use, and the new one known to be unused."""
    return (
        usage is not None
        and usage.new is not None
        and usage.new.at is None
        and usage.old is not None
        and is_in_use(usage.old, now)
    )


def is_in_use(use: LastUse, now: datetime) -> bool:
    """Whether a key was used so lately that somebody works with it."""
    return use.at is not None and not have_passed(IN_USE_WITHIN, use.at, now)


def breaks(usage: KeyUsage | None, now: datetime) -> bool:
    """
    Whether something is known to break when the old key ends.

    It is in use, and nobody has fetched or used the new one. What is unknown breaks nothing: who
    is told "this breaks" has to be able to believe it.
    """
    return (
        usage is not None
        and is_left_behind(usage, now)
        and usage.fetched is not None
        and usage.fetched.on is None
    )
