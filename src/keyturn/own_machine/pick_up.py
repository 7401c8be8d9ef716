"""
Put a delivered key in the place of the old one, in a profile of the AWS SDKs.

The new key is tried before anything is written: a profile that holds a key that does not work
stops its owner's programs days before the old key would have ended.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from keyturn.domain.errors import KeyturnError, NotFound, PortError
from keyturn.own_machine.delivered import ReadDelivered
from keyturn.own_machine.model.access_key import Asked, Caller, DeliveredKey, SecretAddress
from keyturn.own_machine.model.errors import NotDelivered, WrongSecret
from keyturn.own_machine.ports import Identities, KeyDates, ProfileFiles, ProfileKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Which key is in the profile, and which one is delivered."""

    old: ProfileKey | None
    address: SecretAddress
    new: DeliveredKey
    unknown: str | None = None
    """Why it is not known whose the old key is; None: it is known, or there is none."""

    unordered: str | None = None
    """Why it is not known whether the delivered key is the newer one; None: it is."""

    @property
    def is_there(self) -> bool:
        """Whether the profile holds the new key already, and nothing that spoils it."""
        return self.old is not None and self.old.key == self.new.key and self.old.is_clean


@dataclass(frozen=True, slots=True, kw_only=True)
class PickUp:
    """Finds a user's delivered key and puts it into a profile."""

    identities: Identities
    read_delivered: ReadDelivered
    key_dates: KeyDates
    files: ProfileFiles

    def find(self, asked: Asked, old: ProfileKey | None) -> Found:
        """
        Find the delivered key, and try it; nothing is written.

        Args:
            asked: which secret, where it was named.
            old: the profile's key; None: no profile is to be changed.

        Raises:
            NotDelivered: the secret holds no key of the user, or the profile another user's, or a
                newer one.
            KeyNotUsable: the delivered key does not work.
            KeyturnError: whose the secret is cannot be found out.
            InvalidValue: the user's name or the account's id is none.
            PortError: the secret cannot be read, or AWS cannot be asked.

        """
        owner, unknown = self._owner(old, is_needed=asked.secret is None and asked.user is None)
        address = self.read_delivered.address(asked, owner)
        if owner is not None and old is not None:
            _same_user(owner, address, old)
        known = old.key if owner is not None and old is not None else None
        new = self.read_delivered.of(address, known)
        unordered = self._unordered(old, address, new) if old is not None else None
        return Found(old=old, address=address, new=new, unknown=unknown, unordered=unordered)

    def put(self, found: Found, at: datetime) -> Path | None:
        """
        Write the new key into the profile; gives the copy of the file as it was.

        None: there was nothing to do. Raises KeyturnError where the file cannot be written.
        """
        if found.old is None or found.is_there:
            return None
        return self.files.put(found.old, found.new.key, at)

    def _unordered(self, old: ProfileKey, address: SecretAddress, new: DeliveredKey) -> str | None:
        """
        Why nobody can tell which key is newer; None: the delivered one, or they are the same.

        A key that a person made since is not to be replaced by one that is about to end. Raises
        NotDelivered there.
        """
        ids = old.key.key_id, new.key.key_id
        if ids[0] == ids[1]:
            return None
        try:
            made = self.key_dates.of(address.user)
        except PortError as error:
            return str(error)
        was, now = (made.get(each) for each in ids)
        if was is None or now is None:
            return f"IAM does not list both as keys of {address.user}"
        if was > now:
            raise NotDelivered(
                f"the profile {old.profile} holds a newer key ({ids[0]}, of {was:%Y-%m-%d}) than "
                f"the secret ({ids[1]}, of {now:%Y-%m-%d}): nothing was changed"
            )
        return None

    def _owner(
        self, old: ProfileKey | None, *, is_needed: bool
    ) -> tuple[Caller | None, str | None]:
        """Whose the profile's key is; or why that is not known."""
        if old is None:
            return None, None
        try:
            return self.identities.of_key(old.key), None
        except NotFound as error:
            if not is_needed:
                return None, "it is Inactive or deleted"
            message = (
                f"the key {old.key.key_id} of the profile {old.profile} does not work any more, "
                "so AWS does not say whose it is: give --user and --source-profile"
            )
            raise KeyturnError(message) from error
        except WrongSecret as error:
            if not is_needed:
                return None, _wrong_secret(old)
            message = f"{_wrong_secret(old)}: correct that, or give --user and --source-profile"
            raise KeyturnError(message) from error
        except PortError as error:
            if is_needed:
                raise
            return None, str(error)


def _wrong_secret(old: ProfileKey) -> str:
    if not old.key.secret:
        return f"the profile {old.profile} has no aws_secret_access_key"
    return (
        f"the aws_secret_access_key of the profile {old.profile} is not that of "
        f"{old.key.key_id}, or the clock of this machine is wrong"
    )


def _same_user(owner: Caller, address: SecretAddress, old: ProfileKey) -> None:
    """Raises NotDelivered where one user's key would take the place of another's."""
    if (owner.account, owner.user) != (address.account, address.user):
        raise NotDelivered(
            f"the profile {old.profile} holds a key of {owner.arn}, and not of {address.user} in "
            f"{address.account}: nothing was changed"
        )
