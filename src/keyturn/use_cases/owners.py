"""Look up who answers for the keys of a plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Event

from keyturn.domain.errors import Denied, PortError
from keyturn.domain.key import Account
from keyturn.domain.owner import Owner, OwnerSource, owner_of
from keyturn.ports import AccessKeys
from keyturn.use_cases.side_by_side import side_by_side

UNREADABLE = Owner(source=OwnerSource.UNREADABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpOwners:
    """A call for each user, and none where no tag is set: then the account's address counts."""

    keys: AccessKeys
    tag: str | None
    workers: int
    """How many users are looked up at once."""
    knows_accounts: bool = True
    """Whether an account without an address has none; else nobody told us."""

    def of(self, account: Account, users: Sequence[str]) -> Mapping[str, Owner]:
        """
        The owners of these users: user's name → owner, in their order.

        What cannot be read is nobody's failure, and is said in the owner's source.
        """
        refused = Event()

        def one(user: str) -> Owner:
            if self.tag is None:
                return self._known(owner_of(None, account.email), Owner())
            if refused.is_set():
                return UNREADABLE
            try:
                found = owner_of(self.keys.tag_of(user, self.tag), account.email)
                return self._known(found, UNREADABLE)
            except Denied:
                refused.set()  # so would the others be
            except PortError:
                pass
            return UNREADABLE

        known = side_by_side(one, users, workers=self.workers)
        return dict(zip(users, known, strict=True))

    def _known(self, found: Owner, otherwise: Owner) -> Owner:
        return otherwise if found.is_missing and not self.knows_accounts else found
