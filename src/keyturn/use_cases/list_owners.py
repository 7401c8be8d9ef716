"""Say of each user of an account who answers for their keys, and whom later sources name."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Event

from keyturn.domain.amounts import pluralize
from keyturn.domain.decision import UserDecisions
from keyturn.domain.errors import Denied, KeyturnError, PortError
from keyturn.domain.events import Run
from keyturn.domain.key import UserFacts
from keyturn.domain.owner import Owner, OwnerChannels, OwnerSource
from keyturn.domain.result import AccountPlan, Failure, Request
from keyturn.ports import AccessKeys
from keyturn.use_cases.find_owner import FindOwner
from keyturn.use_cases.named_users import missing_users
from keyturn.use_cases.plan_remarks import Progress
from keyturn.use_cases.side_by_side import side_by_side

UNREADABLE = Owner(unknown=OwnerSource.UNREADABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOwners:
    """The owners of all users of an account; no key is looked at."""

    keys: AccessKeys
    find_owner: FindOwner
    workers: int
    """How many users are looked up at once."""

    def of(
        self, run: Run, request: Request, progress: Progress = lambda _done, _of: None
    ) -> AccountPlan:
        """
        Look up the owners, by every source.

        Args:
            run: over one account; nothing is done in it.
            request: which users.
            progress: called with how many users are done, of how many.

        Returns:
            A plan without decisions. An owner who could not be found out is a failure; a later
            source that could not be read is a warning, for it changes nothing.

        """
        plan = AccountPlan(run=run, request=request)
        try:
            listed = list(self.keys.users())
        except KeyturnError as error:
            return replace(plan, failures=(Failure(error=error),))
        wanted = request.named
        users = [
            UserFacts(
                account=run.account.id, name=each.name, user_id=each.id, path=each.path, keys=()
            )
            for each in listed
            if wanted is None or each.name in wanted
        ]
        # What is denied for one user would be for the others, and costs a call each time.
        refused, later_refused = Event(), Event()

        def one(user: UserFacts) -> tuple[Owner, PortError | None]:
            if refused.is_set():
                return UNREADABLE, None
            try:
                if later_refused.is_set():
                    return self.find_owner.of(user), None
                owner, unread = self.find_owner.with_later_sources(user)
            except PortError as error:
                if isinstance(error, Denied):
                    refused.set()
                return UNREADABLE, error
            if isinstance(unread, Denied):
                later_refused.set()
            return owner, unread

        found = side_by_side(one, users, workers=self.workers, progress=progress)
        owners = {user.name: owner for user, (owner, _) in zip(users, found, strict=True)}
        errors = {user.name: error for user, (_, error) in zip(users, found, strict=True)}
        unknown = [name for name, owner in owners.items() if owner is UNREADABLE]
        later = [name for name, error in errors.items() if error and name not in unknown]
        return replace(
            plan,
            users=tuple(UserDecisions(user=user, decisions=()) for user in users),
            owners=owners,
            channels=dict(self._channels(users, owners)),
            failures=(
                *missing_users(self.keys, request, {each.name for each in listed}),
                *_unknown(unknown, errors),
            ),
            warnings=tuple(dict.fromkeys(_later(errors[name]) for name in later)),
        )

    def _channels(
        self, users: Sequence[UserFacts], owners: Mapping[str, Owner]
    ) -> Iterator[tuple[str, OwnerChannels]]:
        """Where owners are reached beside mail; what nobody can tell is said of the owner."""
        for user in users:
            with suppress(PortError):
                channels = self.find_owner.channels_of(user, owners[user.name])
                if channels is not None:
                    yield user.name, channels


def _unknown(names: Sequence[str], errors: dict[str, PortError | None]) -> Iterator[Failure]:
    """Whose owner could not be found out: in one line, for there may be thousands."""
    told = next((name for name in names if errors[name]), None)
    if told is None:
        return
    others = f" (and of {pluralize(len(names) - 1, 'other user')})" if len(names) > 1 else ""
    said = f"the owner{others} could not be found out: {errors[told]}"
    yield Failure(error=KeyturnError(said), user=told)


def _later(error: PortError | None) -> str:
    return f"a source behind the owner's could not be read: {error}"
