"""
What we remember about a user: tags and version ids of the user's own secret, and nothing else.

Whatever is malformed, in the future, or older than the key it speaks of counts as missing, but
for what only holds back; missing evidence never speeds anything up. Nothing that stands in a tag
can raise an error: whoever may tag a secret could end a run with one word.
Source: docs/record.md; decisions 0002, 0016 and 0023.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from keyturn.domain.days import LAST
from keyturn.domain.history import History
from keyturn.domain.key import KeyFacts, SecretFacts, UserFacts
from keyturn.domain.ownership import Foreign, find_foreign
from keyturn.domain.secret_names import (
    HISTORY_TAG,
    IDLE_TAG,
    INTENT_TAG,
    KEY_TAG,
    RESTORED_TAG,
    REVOKED_TAG,
    version_id_for,
)
from keyturn.domain.tag_text import count, format_utc, moment, words

_TIMES_OF_A_KEY = (KEY_TAG, RESTORED_TAG, REVOKED_TAG)
_OF_A_KEY = (*_TIMES_OF_A_KEY, HISTORY_TAG, IDLE_TAG)

LONGEST_RUN = timedelta(minutes=15)
"""The longest a run can live; within it, what looks unfinished may be somebody's work."""
BEFORE_INTENT = timedelta(minutes=1)
AFTER_INTENT = timedelta(minutes=2)
"""A key that belongs to an intent was made within these of the intent's last time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """
    The times that are on record for one key, UTC to the second.

    disabling and disabled: we were about to, and did. seen: found Inactive without us.
    restored: found Active after we had disabled it. renewed: found used after it was disabled.
    forced: rotated on an operator's word. delivered: its secret was stored. orphan: found to
    be a key whose secret nobody can have. revoked: disabled on an operator's word that it leaked.
    interrupted: found to work though we were about to disable it. ordered: restored by command.
    """

    disabling: datetime | None = None
    disabled: datetime | None = None
    seen: datetime | None = None
    restored: datetime | None = None
    renewed: datetime | None = None
    forced: datetime | None = None
    delivered: datetime | None = None
    orphan: datetime | None = None
    revoked: datetime | None = None
    interrupted: datetime | None = None
    ordered: datetime | None = None

    @property
    def is_interrupted(self) -> bool:
        """Whether we were about to disable it, and nobody can tell whether we did."""
        begun = self.disabling is not None
        return begun and self.disabled is None and self.revoked is None

    @classmethod
    def read(cls, text: str, *, created: datetime, now: datetime) -> "KeyRecord":
        """
        Read a tag's value; times from before the key or from the future do not count.

        But what only holds a key's end back counts all the same: another clock may be fast,
        and what nobody can read is no leave to go on. Source: decisions 0016 and 0023.

        Args:
            text: `name=time name=time`, as `__str__` writes it; what it is not is left out.
            created: the key's CreateDate, UTC.
            now: beyond this a time is of the future; UTC, AWS's clock where it is known.

        """
        said = words(text)
        times = {name: moment(said[name]) for name in cls.__slots__ if name in said}
        known = {name: t for name, t in times.items() if t is not None and created <= t}
        if "revoked" in known:
            known.setdefault("forced", known["revoked"])  # its age has no say in its end
        # Malformed. Dropped, it would have the key disabled the day after somebody needed it.
        if "restored" in times and times["restored"] is None:
            known["restored"] = now
        if "revoked" in times and (times["revoked"] or LAST) > now + LONGEST_RUN:
            known["revoked"] = created  # it stands, and proves no run that may be alive
        restored = known.get("restored")
        # A disabling counts only if it is later than the restoration (decision 0016): both times
        # as they were written, before any of them is brought down to now.
        if restored is not None:
            known = {
                name: t for name, t in known.items() if name not in _UNTIL_RESTORED or t > restored
            }
        # What is left of the future is dropped, as if it were not there: a `disabled` of next
        # year proves no disabling. What else lies ahead and only holds back begins now.
        return cls(
            **{
                name: min(t, now)
                for name, t in known.items()
                if t <= now or name in _ONLY_HOLDING_BACK
            }
        )

    @property
    def is_our_doing(self) -> bool:
        """Whether we took the key out of use, or began to."""
        return any((self.disabling, self.disabled, self.revoked, self.orphan))

    def __str__(self) -> str:
        """As a tag's value: eight times of 30 characters fit into the 256 that AWS allows."""
        times = {name: getattr(self, name) for name in self.__slots__}
        return " ".join(f"{name}={format_utc(t)}" for name, t in times.items() if t is not None)

    def tags(self, key_id: str, standing: Mapping[str, str]) -> dict[str, str]:
        """
        The tags that say so, name → value, but for those of their own that stand so already.

        standing: the secret's tags as they were read, name → value.
        """
        # `restored` and `revoked` have tags of their own. In the tag of the other times, a run
        # that had read the record before an operator's order would write it back without them.
        own = {
            RESTORED_TAG + key_id: str(KeyRecord(restored=self.restored, ordered=self.ordered)),
            REVOKED_TAG + key_id: str(KeyRecord(revoked=self.revoked)),
        }
        new = {tag: text for tag, text in own.items() if text and standing.get(tag) != text}
        bare = replace(self, restored=None, revoked=None, ordered=None)
        return {KEY_TAG + key_id: str(bare), **new}


def tags_of(key_id: str) -> tuple[str, ...]:
    """The names of the tags that speak of a key, whether they are there or not."""
    return tuple(prefix + key_id for prefix in _OF_A_KEY)


def said_of(key_id: str, tags: Mapping[str, str]) -> str:
    """What a secret's tags (name → value) say of a key, as `KeyRecord.read` takes it."""
    of_times = (tags.get(prefix + key_id) for prefix in _TIMES_OF_A_KEY)
    return " ".join(filter(None, of_times))


_UNTIL_RESTORED = frozenset({"disabling", "disabled", "seen", "renewed", "interrupted"})
"""The times that are void once their key was restored; a revocation stands while its tag does."""
_KEY_ID = re.compile(r"\w{1,128}", re.ASCII)
_ONLY_HOLDING_BACK = frozenset({"restored", "revoked"})
"""The times without which a key would be disabled sooner, or enabled again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """
    That a run is about to create a key: written before, so that a crash cannot hide one.

    Source: docs/delivery.md; decisions 0003 and 0020.
    """

    run: str
    """The id of the run that wrote it."""
    at: datetime
    """When it was written last, UTC: the key that it made is looked for around this time."""
    seen: frozenset[str]
    """The ids of the keys that were there before."""
    replaces: str
    """The id of the key that is to be replaced."""
    settled: bool = False
    """Whether its run said that the new key was stored."""
    made: str | None = None
    """The id of the key that was made, and deleted again: its secret was refused."""
    tries: int = 1
    """How many rotations were begun since one was finished, this one too."""

    @classmethod
    def read(cls, text: str) -> "Intent | None":
        """Read a tag's value; None if it is none."""
        said = words(text)
        at = moment(said.get("at", ""))
        # Half an intent finds no orphan: without its time any key could be the one that it made.
        if at is None or not said.get("run") or not said.get("replaces"):
            return None
        return cls(
            run=said["run"],
            at=at,
            seen=frozenset(filter(None, said.get("seen", "").split("/"))),
            replaces=said["replaces"],
            settled="settled" in said,
            made=said.get("made") or None,
            tries=max(1, count(said.get("tries", ""))),
        )

    def __str__(self) -> str:
        """As a tag's value."""
        text = (
            f"run={self.run} at={format_utc(self.at)} "
            f"seen={'/'.join(sorted(self.seen))} replaces={self.replaces}"
        )
        made = f" made={self.made}" if self.made else ""
        made += f" tries={self.tries}" if self.tries > 1 and not self.settled else ""
        return f"{text}{made}{' settled=yes' if self.settled else ''}"

    def is_young(self, now: datetime) -> bool:
        """
        Whether its run may still be alive (15 minutes); a time far in the future proves no run.

        IAM shows a new key within seconds, so within that time nobody concludes anything.
        """
        return abs(now - self.at) <= LONGEST_RUN

    def may_have_made(self, key: KeyFacts) -> bool:
        """Whether the key can be the one that this intent announced (decision 0003)."""
        # A person's key of the same three minutes cannot be told apart by this. So its last use
        # is asked for besides, and it rests for a day before it is deleted.
        return (
            self.made in {None, key.key_id}
            and key.key_id not in self.seen | {self.replaces}
            and self.at - BEFORE_INTENT <= key.created <= self.at + AFTER_INTENT
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRecord:
    """A user's secret, read as our record."""

    foreign: Foreign | None = None
    """That the secret is not ours to write; None: it is."""
    intent: Intent | None = None
    """The last rotation that was begun; None: none was, or its tag is malformed."""
    keys: Mapping[str, KeyRecord] = field(default_factory=dict)
    """Key id → what is on record, for the keys that are there."""
    gone: Mapping[str, KeyRecord] = field(default_factory=dict)
    """Key id → what is on record, for keys that are there no more."""
    histories: Mapping[str, History] = field(default_factory=dict)
    """Key id → what people did against its end."""
    versions: frozenset[str] = frozenset()
    """The ids of the versions that carry a stage label; of one of ours `token(key id)`."""
    current: str | None = None
    """The id of the version that applications read (AWSCURRENT)."""
    usable: bool = False
    """There is a secret of ours that is not scheduled for deletion."""

    @property
    def why_foreign(self) -> str | None:
        """Why the secret is not ours to write, if it is not."""
        return None if self.foreign is None else self.foreign.why

    def of(self, key: KeyFacts) -> KeyRecord:
        """What is on record for the key."""
        return self.keys.get(key.key_id, KeyRecord())

    def history_of(self, key: KeyFacts) -> History:
        """What was counted for the key."""
        return self.histories.get(key.key_id, History())

    def stores(self, key: KeyFacts) -> bool:
        """Whether we stored a version of the secret for this key, current or not."""
        return version_id_for(key.key_id) in self.versions

    def delivers(self, key: KeyFacts) -> bool:
        """
        Whether what applications read there today is the key that we stored.

        One overwrite, or one moved label, leaves our version on AWSPREVIOUS: no longer delivered.
        """
        return self.usable and version_id_for(key.key_id) == self.current

    def delivered_by_intent(self, keys: Iterable[KeyFacts]) -> KeyFacts | None:
        """The key whose delivery settles the intent, however its run ended; None: none was."""
        if self.intent is None:
            return None
        # The replaced key may well be stored, by the rotation before: that settles nothing.
        replaced = self.intent.replaces
        others = (key for key in keys if key.key_id != replaced)
        return next((key for key in others if self.stores(key)), None)

    def is_settled(self, keys: Iterable[KeyFacts]) -> bool:
        """Whether no rotation was begun, or the last one was finished."""
        return (
            self.intent is None
            or self.intent.settled
            or self.delivered_by_intent(keys) is not None
        )


def read_record(
    user: UserFacts, secret: SecretFacts | None, *, kms_key: str | None, now: datetime
) -> UserRecord:
    """
    Read a user's record from their secret.

    What was written since `now`, by a run that began later, is not of the future for AWS.

    Args:
        user: with their keys; times from before a key was made are not of that key.
        secret: as AWS describes it; None: there is none, and so nothing on record.
        kms_key: the key that our secrets are encrypted with; None: aws/secretsmanager.
        now: the time of the run, UTC.

    """
    if secret is None:
        return UserRecord()
    now = max(now, secret.told_at or now)
    # Nothing else is read from a secret that is not ours: its tags are whatever somebody wrote.
    foreign = find_foreign(user, secret, kms_key=kms_key)
    if foreign is not None:
        return UserRecord(foreign=foreign)
    return UserRecord(
        intent=Intent.read(secret.tags.get(INTENT_TAG, "")),
        keys={
            key.key_id: KeyRecord.read(
                said_of(key.key_id, secret.tags), created=key.created, now=now
            )
            for key in user.keys
        },
        gone=_gone(user, secret, now),
        histories={
            key.key_id: History.read(secret.tags.get(HISTORY_TAG + key.key_id, ""))
            for key in user.keys
        },
        versions=secret.versions,
        current=secret.current,
        usable=not secret.scheduled_for_deletion,
    )


def _gone(user: UserFacts, secret: SecretFacts, now: datetime) -> dict[str, KeyRecord]:
    """What is on record for keys that are gone: since the user's oldest key was made."""
    living = {key.key_id for key in user.keys}
    noted = {tag.removeprefix(KEY_TAG) for tag in secret.tags if tag.startswith(KEY_TAG)}
    return {
        key_id: KeyRecord.read(said_of(key_id, secret.tags), created=user.keys[0].created, now=now)
        for key_id in sorted(noted - living)
        if user.keys and _KEY_ID.fullmatch(key_id)
    }


def stale_tags(secret: SecretFacts, user: UserFacts) -> tuple[str, ...]:
    """The tags that speak of keys that are gone."""
    living = {tag for key in user.keys for tag in tags_of(key.key_id)}
    of_keys = (tag for tag in secret.tags if tag.startswith(_OF_A_KEY))
    return tuple(sorted(tag for tag in of_keys if tag not in living))
