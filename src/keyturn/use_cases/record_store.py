"""
Write a user's record, in the tags of their secret: what is on it for keys, and the intent.

Every write raises a PortError where AWS does not take it; what was written before stands. Which
write may follow which: docs/record.md, docs/delivery.md; decisions 0003, 0012, 0016 and 0020.

`RecordStore` is long, and is left so: what was read, what was written since and which writes that
allows are one state, and a part of it that went elsewhere would have to know all of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from keyturn.domain.decision import Change, RecordChange, UserDecisions, changed
from keyturn.domain.errors import AnotherRun, ClockOff
from keyturn.domain.history import History
from keyturn.domain.key import Unknown
from keyturn.domain.record import Intent, KeyRecord, UserRecord, read_record, stale_tags, tags_of
from keyturn.domain.secret_names import (
    HISTORY_TAG,
    INTENT_TAG,
    KEY_TAG,
    OWNER_TAG,
    REVOKED_TAG,
    version_id_for,
)
from keyturn.ports import Clock, SecretStore
from keyturn.use_cases.record_secret import RecordSecret

NOTHING_COUNTED: Final[Mapping[str, History]] = MappingProxyType({})
CLOCK_MAY_BE_OFF = timedelta(seconds=30)
"""By how much our clock may differ from AWS's when a key is made."""


class RecordStore:
    """
    The record of one user during one run.

    It keeps what was written beside what was read, so that two changes of one run do not
    undo each other. Between a read and a write another run, an operator's order or a person may
    be faster: what ends a key asks `knows` or `is_as_read` directly before.
    """

    def __init__(
        self,
        decided: UserDecisions,
        secret_store: SecretStore,
        clock: Clock,
        *,
        kms_key: str | None,
    ) -> None:
        user = decided.user
        self._user = user
        self._secret = RecordSecret(user, secret_store, clock, kms_key=kms_key)
        self._clock = clock
        self._kms_key = kms_key
        secret = self._secret.facts
        record = (
            read_record(user, secret, kms_key=kms_key, now=clock()) if secret else UserRecord()
        )
        unknown = user.secret.why if isinstance(user.secret, Unknown) else None
        self.closed = record.why_foreign if unknown is None else unknown
        """Why nothing can be written here, if nothing can."""
        self._keys: dict[str, KeyRecord] = dict(record.keys)
        self._intent = record.intent
        # As it stands there, for what nobody can read is still the same as before.
        self._intent_tag = secret.tags.get(INTENT_TAG) if secret else None
        self._key_tags = dict(secret.tags) if secret else {}
        self._stale = stale_tags(secret, user) if secret and record.foreign is None else ()

    @property
    def arn(self) -> str:
        """The secret's ARN; its name, while it is not made."""
        return self._secret.name

    @property
    def tries(self) -> int:
        """How many rotations were begun since one was finished (`delivery-failing`)."""
        intent = self._intent
        return 0 if intent is None or intent.settled else intent.tries

    def now(self) -> datetime:
        """The present, UTC to the second, as the record writes it."""
        return self._clock().astimezone(UTC).replace(microsecond=0)

    def of(self, key_id: str) -> KeyRecord:
        """What is on record for a key, with what this run has written."""
        return self._keys.get(key_id, KeyRecord())

    def apply(self, changes: tuple[RecordChange, ...]) -> None:
        """Write down what was found: at most one call for what is new, one for what goes."""
        noted: dict[str, KeyRecord] = {}
        settled: Intent | None = None
        histories = {
            change.key_id: change.history
            for change in changes
            if change.key_id is not None and change.history is not None
        }
        for change in changes:
            if change.key_id is not None and change.history is None:
                before = noted.get(change.key_id, self.of(change.key_id))
                noted[change.key_id] = changed(before, change.change, self.now())
            if change.change is Change.DELIVERED and self._intent is not None:
                settled = replace(self._intent, settled=True)
        if noted or histories:
            self.write(noted, intent=settled, histories=histories)
        # After the write: what a run leaves that dies in between, restored and revoked, is found
        # by the next one as the same restoration, and only holds back.
        self._take_back(
            REVOKED_TAG + change.key_id
            for change in changes
            if change.change in {Change.RESTORED, Change.ORDERED} and change.key_id is not None
        )
        if any(change.change is Change.CLEAR_INTENT for change in changes) and self._intent:
            self.withdraw(self._intent)

    def write(
        self,
        keys: Mapping[str, KeyRecord],
        *,
        intent: Intent | None = None,
        histories: Mapping[str, History] = NOTHING_COUNTED,
        owner: str | None = None,
    ) -> None:
        """
        Set the tags of keys and of the intent, in one call on a secret that can be written.

        One call, so that no run sees half of what belongs together.

        Args:
            keys: key id → its whole record: a time that is not in it is taken off the tag.
            intent: to be written; None leaves it as it is.
            histories: key id → what people did against its end.
            owner: the address of the user's owner, by which owners may read; None leaves it.

        Raises:
            AnotherRun: another run made the secret just now, with an intent of its own.
            PortError: AWS did not take it.

        """
        tags = {HISTORY_TAG + key_id: str(history) for key_id, history in histories.items()}
        for key_id, record in keys.items():
            tags |= record.tags(key_id, self._key_tags)
        if intent is not None:
            tags[INTENT_TAG] = str(intent)
        if owner is not None:
            tags[OWNER_TAG] = owner
        self._secret.tag(tags)
        # Only now, when AWS has taken them: after an error this run goes on with what stands
        # there, and `knows` compares with that.
        self._keys |= keys
        self._key_tags |= {tag: text for tag, text in tags.items() if tag != INTENT_TAG}
        if intent is not None:
            self._intent, self._intent_tag = intent, str(intent)

    def erase(self, *key_ids: str, intent: bool = False) -> None:
        """Remove the tags of keys that are gone, and of the intent if it is void."""
        tags = [
            tag
            for key_id in key_ids
            for tag in tags_of(key_id)
            if tag.startswith(KEY_TAG) or tag in self._key_tags
        ]
        for key_id in key_ids:
            self._keys.pop(key_id, None)
        for tag in tags:
            self._key_tags.pop(tag, None)
        if intent:
            tags.append(INTENT_TAG)
            self._intent = self._intent_tag = None
        self._secret.untag(tags)

    def _take_back(self, revocations: Iterable[str]) -> None:
        """Remove revocations that were read here: one that was written since stands."""
        if known := [tag for tag in revocations if tag in self._key_tags]:
            # A newer one bears another time, so its text is another. Removed all the same, a key
            # that leaked would pass for one that a person may enable (decision 0020).
            now = self._secret.read_again()
            there = now.tags if now else {}
            if tags := [tag for tag in known if there.get(tag) == self._key_tags[tag]]:
                self._secret.untag(tags)
            for tag in known:
                del self._key_tags[tag]

    def tidy(self) -> None:
        """Remove what is on record for keys that are gone: people delete keys, too."""
        if self._stale:
            self._secret.untag(self._stale)
            self._stale = ()

    def knows(self, *key_ids: str) -> bool:
        """
        Whether what is on record for keys is still what this run knows of.

        Asked directly before a key is disabled or enabled: an operator may have ordered something
        else since the decision (decision 0016).
        """
        now = self._secret.read_again()
        there = now.tags if now else {}
        tags = (tag for key_id in key_ids for tag in tags_of(key_id))
        return all(there.get(tag) == self._key_tags.get(tag) for tag in tags)

    def holds(self, key_id: str) -> bool:
        """Whether a key is stored in the secret by now, under whatever stage label."""
        secret = self._secret.read_again()
        return secret is not None and version_id_for(key_id) in secret.versions

    def is_revoked(self, key_id: str) -> bool:
        """Whether an operator has revoked a key by now."""
        found = self._secret.read_again()
        if found is None:
            return False
        record = read_record(self._user, found, kms_key=self._kms_key, now=self._clock())
        return record.keys.get(key_id, KeyRecord()).revoked is not None

    def is_as_read(self) -> bool:
        """
        Whether no other run has begun or finished a rotation since the secret was read.

        Asked before an intent is written over whatever stands there: over another run's it would
        hide the key that this run has made (decision 0012).
        """
        then = self._secret.facts
        if then is None:
            return True  # if another run makes it first, ours is refused
        now = self._secret.read_again()
        return (
            now is not None
            and (now.versions, now.current) == (then.versions, then.current)
            and now.tags.get(INTENT_TAG) == self._intent_tag
        )

    def announce(self, intent: Intent, forced: Mapping[str, KeyRecord]) -> None:
        """
        Write an intent and prove that it stands, before the key is made that it announces.

        forced: key id → the record of the key that an operator has rotated, marked as such.
        Raises AnotherRun where it does not stand there as ours, ClockOff where our clock is more
        than 30 s off AWS's: no key may be made then. Source: docs/delivery.md, "Step by step".
        """
        is_new = self._secret.facts is None
        self.write(forced, intent=intent)
        if is_new:
            # Made with the intent in its tags: AWS refuses every other run's CreateSecret, and
            # who finds the secret there leaves it to us (decision 0075).
            self._check_clock(intent, self._secret.ahead)
            return
        # Two runs may write in the same second. One tag holds one intent: whoever reads another's
        # has lost, and makes no key, for no intent would be left that announces it.
        written = self._secret.read_again()
        if written is None or written.tags.get(INTENT_TAG) != str(intent):
            message = f"another run began to rotate {self._user.name}"
            raise AnotherRun(message)
        told_at = written.told_at
        self._check_clock(intent, None if told_at is None else told_at - self._clock())

    def _check_clock(self, intent: Intent, ahead: timedelta | None) -> None:
        """A key is known by its intent's time: where our clock is not AWS's, none is made."""
        if ahead is None:
            return
        # IAM dates the key by its own clock. With ours minutes off, the key would lie outside the
        # intent's time, and an orphan would pass for a key that a person made.
        if abs(ahead) > CLOCK_MAY_BE_OFF:
            self._clear(intent)  # it stands there as ours
            raise ClockOff(abs(ahead))

    def withdraw(self, intent: Intent) -> None:
        """
        Clear our own intent; one that another run wrote since stays.

        Only after a definite refusal: an intent is the one trace of a key that may exist.
        """
        if self._stands(intent):
            self._clear(intent)

    def took_back(self, intent: Intent, key_id: str) -> None:
        """
        Write into our own intent that its key was made, and deleted again.

        It is not cleared: IAM may list the key for some seconds more, and without an intent a run
        would take it for a person's second key (decision 0020).
        """
        if self._stands(intent):
            self._unmark(intent)
            self.write({}, intent=replace(intent, made=key_id))

    def is_over(self, key_id: str) -> None:
        """
        Write into the intent that its orphan is gone: from now on it only counts.

        Cleared, the failed rotations of this user would begin to count at one again.
        """
        if self._intent is not None and self._stands(self._intent):
            self.write({}, intent=replace(self._intent, made=key_id))

    def _stands(self, intent: Intent) -> bool:
        """Whether it is still there as we wrote it."""
        written = self._secret.read_again()
        return written is not None and written.tags.get(INTENT_TAG) == str(intent)

    def _clear(self, intent: Intent) -> None:
        self._unmark(intent)
        self.erase(intent=True)

    def _unmark(self, intent: Intent) -> None:
        """Remove that a key was rotated on an operator's word: it was not."""
        # Left marked as forced, the old key would end W days after its next notice, at any age,
        # though it was never replaced.
        key_id = intent.replaces
        marked = self.of(key_id)
        # A revoked key is marked too, in the same second perhaps: that was no rotation's doing.
        if marked.revoked is None and marked.forced == intent.at:
            unmarked = replace(marked, forced=None)
            if unmarked == KeyRecord():
                self.erase(key_id)
            else:
                self.write({key_id: unmarked})
