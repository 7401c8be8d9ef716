"""Before a write: may writes go on at all, and is its user still not exempt?"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from threading import Lock

from keyturn.domain.errors import (
    Exempted,
    KeyturnError,
    Paused,
    PortError,
    SkippedAccount,
    WriteStopped,
)
from keyturn.domain.key import KeyFacts, LastUse, UserFacts
from keyturn.ports import AccessKeys, Clock, NewKey, PauseFlag, User

ASKED_EVERY = timedelta(seconds=20)
"""
How long an answer holds.

A throttled write is sent again for 5 s more (`throttling.SHORTLY`), and has 5 s for its attempts:
within 30 s an exemption reaches a run under way, and a pause does, and one user more.
"""


class Gate:
    """
    Opens for writes until somebody pauses them; then it stays shut for this run.

    It stays shut, too, once nobody can tell who is exempt. Workers ask it side by side. What
    cannot be read is no permission. Without a flag nobody is asked about a pause: an operator
    ordered it even so.
    """

    def __init__(
        self, pause_flag: PauseFlag | None, clock: Clock, exempt: Callable[[], frozenset[str]]
    ) -> None:
        self._pause_flag = pause_flag
        self._clock = clock
        self._read_exempt = exempt
        self._asked: datetime | None = None
        self._exempt: tuple[datetime, frozenset[str]] | None = None
        self._lock = Lock()
        self.shut: KeyturnError | None = None
        """Why nothing more is written."""

    def is_open(self) -> bool:
        """Whether the next write may begin."""
        with self._lock:
            now = self._clock()
            if self.shut is None and (self._asked is None or now - self._asked >= ASKED_EVERY):
                self.shut, self._asked = self._why_shut(), now
            return self.shut is None

    def exempt(self) -> frozenset[str]:
        """
        The ids (`UserId`) of the users who are exempt, at most 20 s old.

        Raises SkippedAccount or another KeyturnError where nobody can tell: then nothing may be
        written (invariant 5).
        """
        with self._lock:
            now = self._clock()
            if self._exempt is None or now - self._exempt[0] >= ASKED_EVERY:
                self._exempt = None  # an answer that has run out is none, if the next one fails
                self._exempt = (now, self._read_exempt())
            return self._exempt[1]

    def pass_by(self, user: UserFacts) -> None:
        """
        Let a write to a user's keys or record begin.

        Raises Exempted where the user is exempt by now, WriteStopped where nobody can tell.
        """
        # Once nobody could tell, the run writes nothing more: the next answer might be yes, and
        # the one after it no again.
        if isinstance(self.shut, WriteStopped):
            raise self.shut
        try:
            exempt = self.exempt()
        except KeyturnError as error:
            stopped = WriteStopped(f"{error}: nothing more was written")
            self.shut = self.shut or stopped
            raise stopped from error
        # By `UserId`: a user who is renamed, or made again under the name, is another one.
        if user.user_id in exempt:
            raise Exempted(user.name)

    def _why_shut(self) -> KeyturnError | None:
        if self._pause_flag is None:
            return None
        try:
            pause = self._pause_flag.pause()
        # Denied, deleted, away: an operator who paused in an incident must not have to hope that
        # the bucket answers.
        except PortError as error:
            return SkippedAccount(
                f"whether Keyturn is paused could not be read: nothing is written ({error})"
            )
        return None if pause is None else Paused(pause.by, pause.at, pause.why)


class GuardedKeys:
    """
    Meets `ports.AccessKeys`; before each write somebody is asked, who raises what stops it.

    It stands before the port itself, so that no write of whoever works with it is forgotten.
    """

    def __init__(self, keys: AccessKeys, may_write: Callable[[], None]) -> None:
        self._keys = keys
        self._may_write = may_write

    def users(self) -> Iterator[User]:
        """As the port has it."""
        return self._keys.users()

    def members_of(self, group: str) -> frozenset[str]:
        """As the port has it."""
        return self._keys.members_of(group)

    def keys_of(self, user: str) -> tuple[KeyFacts, ...]:
        """As the port has it."""
        return self._keys.keys_of(user)

    def owner_of(self, key_id: str) -> str:
        """As the port has it."""
        return self._keys.owner_of(key_id)

    def last_use(self, key_id: str) -> LastUse:
        """As the port has it."""
        return self._keys.last_use(key_id)

    def tag_of(self, user: str, tag: str) -> str | None:
        """As the port has it."""
        return self._keys.tag_of(user, tag)

    def root_has_keys(self) -> bool:
        """As the port has it."""
        return self._keys.root_has_keys()

    def quarantined(self) -> Mapping[str, str]:
        """User's name → policy: as the port has it."""
        return self._keys.quarantined()

    def create(self, user: str) -> NewKey:
        """Ask, and create."""
        self._may_write()
        return self._keys.create(user)

    def disable(self, user: str, key_id: str) -> None:
        """Ask, and make Inactive."""
        self._may_write()
        self._keys.disable(user, key_id)

    def enable(self, user: str, key_id: str) -> None:
        """Ask, and make Active."""
        self._may_write()
        self._keys.enable(user, key_id)

    def delete(self, user: str, key_id: str) -> bool:
        """Ask, and delete."""
        self._may_write()
        return self._keys.delete(user, key_id)

    def remove_from_group(self, user: str, group: str) -> None:
        """Ask, and remove."""
        self._may_write()
        self._keys.remove_from_group(user, group)
