"""
Make a new key and deliver it without ever losing it.

CreateAccessKey answers with the secret once. The intent is on the record before, so that
whatever breaks after it leaves a trace that the next runs can finish or undo; and the secret
is stored under the token of its key, so that nobody has to read it to know which key it holds.

The order of the four writes is the whole point: intent, key, secret, "settled". Each may be the
last thing that this process does. Source: docs/delivery.md; invariant 3; decisions 0003 and 0020.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from keyturn.domain.errors import (
    AnotherRun,
    ChangedMeanwhile,
    CreationDenied,
    DeliveryUnclear,
    Denied,
    KeyLimitReached,
    NotFound,
    PortError,
    Refused,
    SecretNotStored,
    Throttled,
)
from keyturn.domain.key import UserFacts
from keyturn.domain.owner import Owner
from keyturn.domain.record import LONGEST_RUN, Intent, KeyRecord
from keyturn.domain.smtp import NO_SMTP_USERS, SmtpUsers
from keyturn.ports import AccessKeys, NewKey, SecretStore
from keyturn.use_cases.find_owner import FindOwner
from keyturn.use_cases.patience import Patience
from keyturn.use_cases.record_store import RecordStore

_TAG_VALUE = re.compile(r"[\w +=.:/@-]{1,256}")
"""https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Tag.html."""
INTENT_HOLDS = timedelta(seconds=60)
"""How soon after its intent a key must be created; later, the intent is written anew."""
TRIED_FOR = timedelta(seconds=30)
"""How long after the intent an attempt that was throttled is followed by another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A new key whose secret is stored."""

    key_id: str
    created: datetime
    """IAM's CreateDate, UTC."""
    intent: Intent
    """The one that announced it, and is to be settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver:
    """Creates a successor and stores it in its user's secret."""

    keys: AccessKeys
    secret_store: SecretStore
    run_id: str
    """Of this run alone: by it an intent is known as ours."""
    find_owner: FindOwner
    patience: Callable[[Callable[[], float]], Patience]
    """Makes, of how many seconds are left, how to wait when AWS is asked too fast."""
    smtp_users: SmtpUsers = NO_SMTP_USERS
    """Whose secrets hold passwords for SES's SMTP interface, too."""

    def create(
        self, user: UserFacts, old_key: str, record: RecordStore, *, forced: bool
    ) -> Delivered:
        """
        Create the key that replaces `old_key` and store its secret.

        Args:
            user: with all keys that are there: they are noted as seen, and never an orphan.
            old_key: the id of the key that is replaced; nothing is done to it.
            record: the user's record, read in this run.
            forced: whether an operator ordered it; the old key is marked so in the same write.

        Raises:
            AnotherRun: another run, or a person, is making a key of the user.
            CreationDenied: the account forbids new keys; nothing was created.
            ChangedMeanwhile: the user is gone; nothing was created.
            ClockOff: our clock is not AWS's; nothing was created.
            SecretNotStored: it was made, refused by Secrets Manager, and deleted again.
            DeliveryUnclear: a key may exist; the intent stays for repair.
            PortError: any other; nothing was created.

        """
        intent = self._announced(user, old_key, record, forced=forced)
        new = self._created(user, intent, record)
        # While the secret is in this one variable: nobody is given it again.
        passwords = self.smtp_users.passwords(user.name, new.secret)
        new = replace(new, smtp_passwords=passwords)
        self._stored(user, new, intent, record)
        return Delivered(key_id=new.key_id, created=new.created, intent=intent)

    def settle(self, user: UserFacts, new_key: Delivered, record: RecordStore) -> None:
        """Write down that the rotation is finished; if that fails, the next run sees it too."""
        # Not before the key's CreateDate, for such a time would not count (record.py): our clock
        # may be some seconds behind IAM's.
        delivered = max(record.now(), new_key.created)
        record.write(
            {new_key.key_id: replace(record.of(new_key.key_id), delivered=delivered)},
            intent=replace(new_key.intent, settled=True),
            owner=self._owner(user),
        )
        record.tidy()

    def _owner(self, user: UserFacts) -> str | None:
        """The owner's first address; None: not known, or nothing that a tag can hold."""
        try:
            known = (
                user.owner if isinstance(user.owner, Owner) else self.find_owner.to_notify(user)
            )
        except PortError:
            return None  # the key is delivered; whom it is for, the next rotation may know
        if not known.candidates:
            return None
        address = known.candidates[0].recipients[0].address
        return address if _TAG_VALUE.fullmatch(address) else None

    def _announced(
        self, user: UserFacts, old_key: str, record: RecordStore, *, forced: bool
    ) -> Intent:
        tries = record.tries + 1  # once, however often the intent has to be written anew
        while True:
            now = record.now()
            intent = Intent(
                run=self.run_id,
                at=now,
                # All keys that are there, not the old one alone: what was seen is nobody's orphan.
                seen=frozenset(key.key_id for key in user.keys),
                replaces=old_key,
                tries=tries,
            )
            marks: Mapping[str, KeyRecord] = (
                {old_key: replace(record.of(old_key), forced=now)} if forced else {}
            )
            record.announce(intent, marks)
            # A write that took long: the key would be made too late to be known by this time, and
            # if the run died then, nobody could tell it from a person's.
            if record.now() - now < INTENT_HOLDS:
                return intent

    def _created(self, user: UserFacts, intent: Intent, record: RecordStore) -> NewKey:
        # The intent is cleared only where AWS has said that there is no key. Cleared on a lost
        # answer, the key that it made would work, and nobody would ever look for it.
        try:
            return self._tried(user, intent, record)
        except KeyLimitReached as error:
            # Another run may be inside, with this intent as the only trace of its key.
            message = f"another run, or a person, made a second key of {user.name} meanwhile"
            raise AnotherRun(message) from error
        except Denied as error:
            record.withdraw(intent)
            raise CreationDenied(str(error)) from error
        except (Refused, Throttled):
            record.withdraw(intent)
            raise
        except NotFound as error:
            record.withdraw(intent)
            message = f"the user {user.name} was deleted"
            raise ChangedMeanwhile(message) from error
        except PortError as error:
            raise DeliveryUnclear(user.name, str(error)) from error

    def _tried(self, user: UserFacts, intent: Intent, record: RecordStore) -> NewKey:
        """Create the key; again only where AWS said that it was asked too fast, and made none."""

        def left() -> float:
            return (intent.at + TRIED_FOR - record.now()).total_seconds()

        patience, throttles = self.patience(left), 0
        while True:
            try:
                return self.keys.create(user.name)
            except Throttled:
                throttles += 1
                if not patience.waits(patience.pause_after(throttles)):
                    raise

    def _stored(self, user: UserFacts, new: NewKey, intent: Intent, record: RecordStore) -> None:
        def may_go() -> None:
            if record.now() - intent.at >= LONGEST_RUN:
                # A laptop slept: meanwhile the key may have been taken for an orphan.
                raise DeliveryUnclear(user.name, "15 minutes passed meanwhile", new.key_id)

        try:
            self.secret_store.store(record.arn, user.name, new, may_go)
        except Refused as error:
            self._take_back(user, new, intent, record, str(error))
        # Anything else: an attempt may have stored it. Deleted now, the secret that applications
        # read would hold a dead key (invariant 4).
        except PortError as error:
            raise DeliveryUnclear(user.name, str(error), new.key_id) from error

    def _take_back(
        self, user: UserFacts, new: NewKey, intent: Intent, record: RecordStore, why: str
    ) -> None:
        """
        Delete a key whose secret was definitely refused, unless it is stored all the same.

        The intent stays, for this key alone: as long as IAM may list it, nobody is to conclude
        anything.
        """
        # Looked up first: a refusal of one attempt does not say that no other one got through, and
        # a secret that holds a deleted key is worse than one key too many (invariant 4).
        try:
            if record.holds(new.key_id):
                return
            is_gone = self.keys.delete(user.name, new.key_id)
        except PortError as error:
            raise DeliveryUnclear(user.name, f"{why}; then {error}", new.key_id) from error
        if not is_gone:  # IAM tells of changes some seconds late: it may be there all the same
            unknown = "IAM did not know the new key when it was to be deleted again"
            raise DeliveryUnclear(user.name, f"{why}; then {unknown}", new.key_id)
        try:
            record.took_back(intent, new.key_id)
        except PortError as error:
            why = f"{why}; then {error}"
        raise SecretNotStored(user.name, new.key_id, why)
