"""A delivered key is read, and known to work and to be of the right user, before it is used."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from keyturn.domain.errors import KeyturnError, NotFound, PortError
from keyturn.own_machine.model.access_key import (
    AccessKey,
    Asked,
    Caller,
    DeliveredKey,
    SecretAddress,
    read_delivered,
)
from keyturn.own_machine.model.errors import KeyNotUsable, NotDelivered
from keyturn.own_machine.ports import Identities, SecretValues, Sleep

PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between the tries: a key works some seconds after it was made, half a minute at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadDelivered:
    """Reads a user's delivered key, and tries it."""

    secret_values: SecretValues
    identities: Identities
    sleep: Sleep
    pauses: Sequence[float] = PAUSES

    def address(self, asked: Asked, owner: Caller | None = None) -> SecretAddress:
        """
        The secret that is meant.

        Args:
            asked: what was named.
            owner: whose it is, where that is known already; None: AWS says who we are.

        Raises:
            InvalidValue: the user's name or the account's id is none.
            KeyturnError: no user was named, and we are none.
            PortError: AWS cannot be asked.

        """
        if asked.secret is not None:
            return asked.secret
        if asked.user is not None:
            account = asked.account or (owner or self.identities.own()).account
            return SecretAddress.of_user(account, asked.user)
        owner = owner or self.identities.own()
        if owner.user is None:
            raise KeyturnError(f"{owner.arn} is no IAM user: give --user, or --secret")
        return SecretAddress.of_user(owner.account, owner.user)

    def of(self, address: SecretAddress, known: AccessKey | None = None) -> DeliveredKey:
        """
        The key that is stored there; `known` needs no try, for it was tried before.

        Raises NotDelivered where the secret holds no key of this user, KeyNotUsable where AWS
        knows no such key that is Active, PortError where the secret or AWS cannot be asked.
        """
        found = read_delivered(self.secret_values.read(address.id), address)
        if found.key != known:
            self._try(found.key, address)
        return found

    def _try(self, key: AccessKey, address: SecretAddress) -> None:
        caller = self._caller(key)
        if (caller.account, caller.user) != (address.account, address.user):
            # Whoever may write the secret could have us work with a key of theirs.
            raise NotDelivered(
                f"the secret {address.id} holds {key.key_id}, which is a key of {caller.arn}, "
                f"and not of {address.user} in {address.account}"
            )

    def _caller(self, key: AccessKey) -> Caller:
        for pause in self.pauses:
            with suppress(NotFound):
                return self._ask(key)
            self.sleep(pause)
        try:
            return self._ask(key)
        except NotFound as error:
            message = (
                f"the new key {key.key_id} does not work: it is Inactive or deleted, or was made "
                "this minute. Try again in a few minutes, then ask the administrators"
            )
            raise KeyNotUsable(message) from error

    def _ask(self, key: AccessKey) -> Caller:
        try:
            return self.identities.of_key(key)
        except NotFound:
            raise
        except PortError as error:
            message = f"whether the new key {key.key_id} works could not be seen: {error}"
            raise type(error)(message) from error
