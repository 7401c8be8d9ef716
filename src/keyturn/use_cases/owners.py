"""Look up who answers for the keys of a plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Event

from keyturn.domain.errors import Denied, PortError
from keyturn.domain.key import UserFacts
from keyturn.domain.owner import Owner, OwnerSource
from keyturn.use_cases.find_owner import FindOwner
from keyturn.use_cases.side_by_side import side_by_side

UNREADABLE = Owner(unknown=OwnerSource.UNREADABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpOwners:
    """A call for each user whose owner the rule has not asked for, where a tag is set."""

    find_owner: FindOwner
    workers: int
    """How many users are looked up at once."""

    def of(self, users: Sequence[UserFacts]) -> Mapping[str, Owner]:
        """
        The owners of these users: user's name → owner, in their order.

        What cannot be read is nobody's failure, and is said in the owner's source.
        """
        refused = Event()

        def one(user: UserFacts) -> Owner:
            if isinstance(user.owner, Owner):
                return user.owner
            if refused.is_set():
                return UNREADABLE
            try:
                return self.find_owner.of(user)
            except Denied:
                refused.set()  # so would the others be
            except PortError:
                pass
            return UNREADABLE

        known = side_by_side(one, users, workers=self.workers)
        return dict(zip((user.name for user in users), known, strict=True))
