"""
Take away what rehearsals made: found by looking, never by memory alone.

A user is the anchor of all that a rehearsal makes: they are made first and taken away last, so
that wherever it broke off, whoever looks finds them, and by them the rest. A user stays as long as
anything else of theirs could not be taken away, or could not be looked for; their keys never do.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from keyturn.domain.amounts import pluralize
from keyturn.domain.errors import KeyturnError, PortError
from keyturn.rehearsal.model.own import BUCKET_TAG, REGION_TAG, RehearsalId
from keyturn.rehearsal.ports import Disarm, Found, Leftovers, Say, Sleep

ROUNDS = 4
"""How often it is looked for what a list did not show yet."""
PAUSE = 4.0
"""Seconds between two looks: IAM shows what was made some seconds late."""
USER = "user"
"""The kind that goes last."""


@dataclass(slots=True, kw_only=True)
class Cleaned:
    """What became of it."""

    removed: list[Found] = field(default_factory=list)
    left: list[tuple[Found, str]] = field(default_factory=list)
    """What has the name of one of these rehearsals and stays, and why."""
    others: list[Found] = field(default_factory=list)
    """What lies there and is surely none of these rehearsals'; it was left alone."""
    unseen: list[tuple[str, str]] = field(default_factory=list)
    """A kind that nobody could look for, and why: of it something may be left."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing of the rehearsals is left, as far as it was looked for."""
        return not self.left and not self.unseen

    @property
    def doubtful(self) -> Sequence[Found]:
        """Among the others, what has the name of a rehearsal: it may be one's all the same."""
        return [found for found in self.others if found.id is not None]

    @property
    def nothing(self) -> str:
        """How much is not left, if none of it is."""
        return "Nothing else" if self.doubtful else "Nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanUp:
    """Looks for each kind of thing, and takes away what is surely a rehearsal's."""

    kinds: Sequence[Leftovers]
    """In the order in which they go; users last."""
    bucket: str | None
    """The one that objects are looked for in; None: in none."""
    region: str
    """The one in which secrets, queues and buses are looked for."""
    sleep: Sleep
    say: Say
    disarm: Disarm
    made: Callable[[], Mapping[str, Collection[str]]] = dict
    """Kind → the names that this process asked for, which a list may not show yet."""

    def look(self) -> Cleaned:
        """Only look: what would be removed is among `left`."""
        cleaned = Cleaned()
        for kind in self.kinds:
            for found in self._seen(kind, cleaned):
                if found.not_ours is not None:
                    cleaned.others.append(found)
                else:
                    cleaned.left.append((found, "it was not taken away yet"))
        return cleaned

    def of(self, ids: Collection[RehearsalId]) -> Cleaned:
        """
        Take away what these rehearsals made.

        Raises nothing of ours: what stays, and what could not be looked for, is in the answer.
        """
        gone: set[tuple[str, str]] = set()
        removed: list[Found] = []
        cleaned = Cleaned()
        for again in range(ROUNDS):
            cleaned = Cleaned(removed=removed)
            news = self._round(ids, cleaned, gone)
            if not news and not self._is_late(gone):
                break
            if again + 1 < ROUNDS:
                self.sleep(PAUSE if not news else 0)
        return cleaned

    def _round(
        self,
        ids: Collection[RehearsalId],
        cleaned: Cleaned,
        gone: set[tuple[str, str]],
    ) -> bool:
        """Look once, and take away; whether anything was."""
        news = False
        for kind in self.kinds:
            for found in self._seen(kind, cleaned, gone):
                if (found.kind, found.name) in gone:
                    continue
                if found.id not in ids:
                    if found.not_ours is not None:
                        cleaned.others.append(found)
                    continue
                # With their name but not surely theirs: somebody may have taken its tag away.
                if found.not_ours is not None:
                    cleaned.left.append((found, found.not_ours))
                    continue
                if (why := self._why_stays(found, cleaned)) is not None:
                    cleaned.left.append((found, why + self._disarmed(found.name)))
                    continue
                try:
                    kind.remove(found)
                except KeyturnError as error:
                    cleaned.left.append((found, str(error)))
                    continue
                self.say(f"removed {found.kind} {found.name}")
                gone.add((found.kind, found.name))
                cleaned.removed.append(found)
                news = True
        return news

    def _seen(
        self, kind: Leftovers, cleaned: Cleaned, gone: Collection[tuple[str, str]] = ()
    ) -> Iterable[Found]:
        made = self.made().get(kind.kind, ())
        try:
            return kind.look([name for name in made if (kind.kind, name) not in gone])
        except PortError as error:
            cleaned.unseen.append((kind.kind, str(error)))
            return ()

    def _why_stays(self, found: Found, cleaned: Cleaned) -> str | None:
        """Why a user has to stay, as the anchor of what else is there."""
        if found.kind != USER:
            return None
        region = found.marks.get(REGION_TAG)
        if region is None:
            return f"it has no tag {REGION_TAG}, and nobody knows where its secrets are: set it"
        if region != self.region:
            return f"its secrets are in {region}, says its tag: give --region {region}"
        bucket = found.marks.get(BUCKET_TAG)
        if bucket is not None and bucket != self.bucket:
            return f"its objects are in the bucket {bucket}, says its tag: give --bucket {bucket}"
        if any(other.id == found.id and other.kind != USER for other, _ in cleaned.left):
            return "what it made is not all taken away"
        unseen = [kind for kind, _ in cleaned.unseen if kind != USER]
        return f"no {' and no '.join(unseen)} could be looked for" if unseen else None

    def _disarmed(self, user: str) -> str:
        """Take the keys away from a user who stays; what is to be said where that fails."""
        try:
            taken = self.disarm(user)
        except KeyturnError as error:
            return f"; with its keys: {error}"
        if taken:
            self.say(f"removed {pluralize(taken, 'access key')} of user {user}")
        return ""

    def _is_late(self, gone: set[tuple[str, str]]) -> bool:
        """Whether something was asked for by this process that no look has shown yet."""
        asked = {(kind, name) for kind, names in self.made().items() for name in names}
        return bool(asked - gone)
