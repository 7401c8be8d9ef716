"""Which keys of an account were given more time: unknown is never "none"."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from keyturn.domain.deferral import Deferral
from keyturn.domain.errors import PortError
from keyturn.domain.key import KeyFacts, Unknown
from keyturn.ports import Deferrals


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDeferrals:
    """Those of one account, as a run found them: one call, and one for each key that has time."""

    account: str
    deferrals: Deferrals
    given: frozenset[str] | Unknown = frozenset()
    """The ids of the keys that were ever given time."""

    def with_time(self, keys: Iterable[KeyFacts]) -> tuple[KeyFacts, ...]:
        """The keys, each with the time that it was given."""
        return tuple(replace(key, deferral=self._of(key.key_id)) for key in keys)

    def _of(self, key_id: str) -> Deferral | Unknown | None:
        if isinstance(self.given, Unknown):
            return self.given
        if key_id not in self.given:
            return None
        try:
            return self.deferrals.of_key(self.account, key_id).found
        # Gone since it was listed, too: a run that began before may have counted on it.
        except PortError as error:
            return Unknown(str(error))


def deferrals_of(account: str, deferrals: Deferrals) -> AccountDeferrals:
    """Find out which keys of an account were given time; raises nothing."""
    try:
        given: frozenset[str] | Unknown = deferrals.keys_of(account)
    except PortError as error:
        given = Unknown(str(error))
    return AccountDeferrals(account=account, deferrals=deferrals, given=given)
