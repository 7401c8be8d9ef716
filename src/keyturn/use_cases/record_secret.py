"""The secret that holds a user's record and new key: made, restored and sealed when needed."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from keyturn.domain.errors import AlreadyThere, AnotherRun, PortError
from keyturn.domain.key import Seal, SecretFacts, Unknown, Unread, UserFacts
from keyturn.domain.ownership import why_foreign
from keyturn.domain.record import LONGEST_RUN
from keyturn.domain.secret_names import INTENT_TAG, USER_ID_TAG, USER_TAG, encode, secret_name
from keyturn.ports import Clock, SecretStore


class RecordSecret:
    """One user's secret, as far as a record is written into it; its value is never read."""

    def __init__(
        self, user: UserFacts, secret_store: SecretStore, clock: Clock, *, kms_key: str | None
    ) -> None:
        self._user = user
        self._clock = clock
        self._secret_store = secret_store
        self._kms_key = kms_key
        self.facts = None if isinstance(user.secret, Unknown | Unread) else user.secret
        """As it was read, or as we left it; None: there is none yet, or nobody can tell."""
        self.ahead: timedelta | None = None
        """By how much AWS's clock is ahead of ours, as it said when we made the secret."""
        self.name = secret_name(user.account, user.name)
        """
        The secret's name, until its ARN is known; by ARN from then on. Who deletes the secret and
        makes another under its name gets an error from us, and not a new key (decision 0021).
        """
        if self.facts is not None and self.facts.arn:
            self.name = self.facts.arn

    def read_again(self) -> SecretFacts | None:
        """The secret as it is now; None if there is none."""
        return self._secret_store.look(self.name)

    def tag(self, tags: Mapping[str, str]) -> None:
        """
        Set tags (name → value), on a secret that is made for it if there is none.

        Raises AnotherRun where somebody else made it meanwhile, and an intent of theirs may be in
        it; PortError where it was there all the time, and only the list of secrets lacked it.
        Source: docs/delivery.md, "Step by step".
        """
        if self.facts is None:
            self._create(tags)
        else:
            self._make_usable()
            self._secret_store.tag(self.name, tags)

    def untag(self, tags: Iterable[str]) -> None:
        """Remove tags by their names; where there is no secret, there are none."""
        if self.facts is not None:
            self._make_usable()
            self._secret_store.untag(self.name, tags)

    def _make_usable(self) -> None:
        """
        Take back a deletion that somebody scheduled, and seal what a run did not come to seal.

        Nothing can be written before.
        """
        if self.facts is not None and self.facts.scheduled_for_deletion:
            self._secret_store.restore(self.name)
            self.facts = replace(self.facts, scheduled_for_deletion=False)
        if self.facts is not None and self.facts.seal is Seal.BORN:
            self._secret_store.seal(self.name, self._user.user_id)
            self.facts = replace(self.facts, seal=Seal.RIGHT)

    def _create(self, tags: Mapping[str, str]) -> None:
        user = self._user
        all_tags = {USER_TAG: encode(user.name), USER_ID_TAG: user.user_id, **tags}
        try:
            made = self._secret_store.create(self.name, all_tags)
            self.name, self.ahead = made.arn, made.ahead
        except AlreadyThere as error:
            found = self.read_again()
            # Unless it was we: after a lost answer the SDK tries again, and meets its own work.
            # What somebody else put there under the same name is not ours, whatever its tags say.
            # A record alone may be added to what another run made; an intent must not be, for it
            # would be written over theirs, the only trace of the key that they make.
            is_ours = found is not None and all_tags.items() <= found.tags.items()
            if found is None or self._is_foreign(found) or (INTENT_TAG in tags and not is_ours):
                if self._user.secret_is_listed and not self._is_new(found):
                    # Said loudly: what no list names would be left to the next run for ever.
                    message = f"{self.name} is there, and the list of secrets did not name it"
                    raise PortError(message) from error
                message = f"another run made the secret of {user.name}"
                raise AnotherRun(message) from error
            self.name, self.facts = found.arn, found
            self.ahead = None if found.told_at is None else found.told_at - self._clock()
            self._make_usable()
            if not is_ours:
                self._secret_store.tag(self.name, tags)
        self.facts = SecretFacts(
            tags=all_tags, arn=self.name, seal=Seal.RIGHT, kms_key=self._kms_key
        )

    def _is_new(self, secret: SecretFacts | None) -> bool:
        """Whether a run or an order that may still be alive has made it, and no list shows it."""
        made = None if secret is None else secret.created
        return secret is None or (made is not None and self._clock() - made <= LONGEST_RUN)

    def _is_foreign(self, secret: SecretFacts) -> bool:
        return why_foreign(self._user, secret, kms_key=self._kms_key) is not None
