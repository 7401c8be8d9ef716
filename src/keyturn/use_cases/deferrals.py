"""
What begins a new stretch in an account: unknown is never "none".

Which keys were given more time, and which users a run removed from the exemption group.
"""

from dataclasses import dataclass, replace

from keyturn.domain.deferral import Deferral
from keyturn.domain.errors import PortError
from keyturn.domain.key import Unknown, UserFacts
from keyturn.domain.removal import Removal
from keyturn.ports import Deferrals


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDeferrals:
    """Those of one account, as a run found them: one call, and one for each that there is."""

    account: str
    deferrals: Deferrals
    known: frozenset[str] | Unknown = frozenset()
    """The ids of the keys that were ever given time, and of the users who were ever removed."""

    def of_user(self, user: UserFacts) -> UserFacts:
        """The user with their last removal, and each key with the time that it was given."""
        removal = self._removal(user.user_id)
        # What was told before a removal would prove an end after it: so the keys wait, as those
        # wait that may have time still.
        if isinstance(removal, Unknown):
            unknown = tuple(replace(key, deferral=removal) for key in user.keys)
            return replace(user, removal=removal, keys=unknown)
        keys = tuple(replace(key, deferral=self._of(key.key_id)) for key in user.keys)
        return replace(user, removal=removal, keys=keys)

    def _of(self, key_id: str) -> Deferral | Unknown | None:
        if isinstance(self.known, Unknown):
            return self.known
        if key_id not in self.known:
            return None
        try:
            return self.deferrals.of_key(self.account, key_id).found
        # Gone since it was listed, too: a run that began before may have counted on it.
        except PortError as error:
            return Unknown(str(error))

    def _removal(self, user_id: str) -> Removal | Unknown | None:
        if isinstance(self.known, Unknown):
            return self.known
        if user_id not in self.known:
            return None
        try:
            return self.deferrals.removal_of(self.account, user_id)
        except PortError as error:
            return Unknown(str(error))


def deferrals_of(account: str, deferrals: Deferrals) -> AccountDeferrals:
    """Find out which keys of an account were given time; raises nothing."""
    try:
        known: frozenset[str] | Unknown = deferrals.known_of(account)
    except PortError as error:
        known = Unknown(str(error))
    return AccountDeferrals(account=account, deferrals=deferrals, known=known)
