"""Say of each user what would let it stop having keys: from snapshots, or by asking IAM itself."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cache
from threading import Event
from typing import Final

from keyturn.domain.account_seen import AccountSeen
from keyturn.domain.advice_of_account import keys_known, users_known
from keyturn.domain.amounts import pluralize
from keyturn.domain.days import DAY, days_since, read_day
from keyturn.domain.errors import Denied, InvalidValue, NotFound, PortError
from keyturn.domain.key import LastUse
from keyturn.domain.names import ACCOUNT_ID
from keyturn.domain.origin import NOWHERE, Origin, Ranges, origin_of
from keyturn.domain.way_out import Advice, Calls, KeyKnown, UserKnown, advise, rank
from keyturn.ports.accounts import User, UsersAlive
from keyturn.ports.evidence import Evidence
from keyturn.schemas.account_seen import read_account_seen
from keyturn.schemas.exports import TrailEvent, Unreadable
from keyturn.schemas.inventory_record import read_inventory
from keyturn.use_cases.side_by_side import side_by_side

LONGEST_HISTORY: Final = 400
"""Days that are looked back for a last use that a run has read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whose keys are asked about; empty: everybody's."""

    accounts: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()

    def means(self, user: UserKnown) -> bool:
        """Whether a user is meant; an owner is named by one of their addresses, in any case."""
        addresses = {each.strip().casefold() for each in user.owner.split(",")}
        return (
            (not self.accounts or user.account in self.accounts)
            and (not self.users or user.user in self.users)
            and (not self.owners or bool(addresses & {each.casefold() for each in self.owners}))
        )


@dataclass(slots=True)
class Found:
    """What is known of the users, and what was not seen."""

    day: date
    """Of which, UTC."""
    users: list[UserKnown] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The list, the first to begin with on top."""

    at: datetime
    """When it was made, UTC."""
    day: date
    """The day that it is of, UTC."""
    advices: tuple[Advice, ...]
    without_keys: int
    """Users who have no key already."""
    unseen: tuple[str, ...]


def answer(found: Found, asked: Asked, at: datetime) -> Answer:
    """The verdict on each user who is meant, ranked."""
    users = [each for each in found.users if asked.means(each)]
    advices = [each for each in map(advise, users) if each is not None]
    unseen = [*found.unseen, *_nobody_found(users, asked)]
    return Answer(
        at=at,
        day=found.day,
        advices=tuple(sorted(advices, key=rank)),
        without_keys=len(users) - len(advices),
        unseen=tuple(unseen),
    )


def _nobody_found(users: Sequence[UserKnown], asked: Asked) -> Iterator[str]:
    """Who was asked about and is not there: a typing error must not look like an empty list."""
    there = {each.user for each in users}
    yield from (f"no user {each} is known there" for each in sorted(asked.users - there))
    for owner in sorted(asked.owners):
        if not any(Asked(owners=frozenset({owner})).means(each) for each in users):
            yield f"no user of the owner {owner} is known there"


# --- from snapshots ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredUsers:
    """Reads an account's newest snapshot, and earlier ones for last uses that it has not."""

    evidence: Evidence
    workers: int
    is_smtp: Callable[[str], bool] = lambda _user: False

    def of(self, day: date | None, history: int, asked: Asked) -> Found:
        """
        What is known of the users on a day, UTC; None: the newest that has snapshots.

        Raises InvalidValue where nothing is stored of it, a PortError where nothing can be listed.
        """
        stored = [each for each in map(_day_of, self.evidence.folders("snapshots/")) if each]
        days = sorted((each for each in stored if day is None or each <= day), reverse=True)
        if not days or (day is not None and days[0] != day):
            which = day.isoformat() if day else "any day"
            raise InvalidValue("--date", day or "", f"no snapshot of {which} is stored there")
        newest = days[0]
        within = [each for each in days if each > newest - history * DAY]
        accounts: dict[str, list[date]] = {}
        for each in within:
            for account in self._accounts_on(each):
                accounts.setdefault(account, []).append(each)
        names = self._queued(newest)
        wanted = sorted({*accounts, *(names or {})})
        for account in sorted(asked.accounts - set(wanted)):
            raise InvalidValue("--account", account, "has no snapshot, and no inventory names it")
        wanted = [each for each in wanted if not asked.accounts or each in asked.accounts]
        found = Found(newest)
        if names is None:
            found.unseen.append(
                f"which accounts there are: no inventory of {newest.isoformat()} can be read"
            )

        def one(account: str) -> Found:
            return self._account(account, accounts.get(account, ()), newest)

        for of_account in side_by_side(one, wanted, workers=self.workers):
            found.users += of_account.users
            found.unseen += of_account.unseen
        return found

    def _accounts_on(self, day: date) -> Iterator[str]:
        start = f"snapshots/date={day.isoformat()}/account="
        for each in self.evidence.listed(start):
            account = each.name.removeprefix(start).removesuffix(".json")
            if ACCOUNT_ID.fullmatch(account):
                yield account

    def _queued(self, day: date) -> Mapping[str, str] | None:
        """The accounts that were to be seen: id → name; None: not known."""
        found: dict[str, str] = {}
        listed = list(self.evidence.listed(f"reports/daily/date={day.isoformat()}/inventory/"))
        for each in listed:
            try:
                record = read_inventory(self.evidence.read(each.name))
            except PortError:
                return None
            if record is None:
                return None
            found |= record.queued
        return found if listed else None

    def _account(self, account: str, days: Sequence[date], newest: date) -> Found:
        """days: those with a snapshot, the newest first."""
        found = Found(newest)
        last: AccountSeen | None = None
        earlier: list[date] = []
        why = "it had no run"
        for number, day in enumerate(days):
            seen = self._seen(account, day)
            if isinstance(seen, AccountSeen) and seen.reached:
                last, earlier = seen, list(days[number + 1 :])
                break
            why = why if number else seen.why if isinstance(seen, AccountSeen) else seen
        if last is None:
            found.unseen.append(f"{account}: {why}")
            return found
        if last.day != newest:
            found.unseen.append(
                f"{account} on {newest.isoformat()}: what stands here is of {last.day.isoformat()}"
            )
        if last.left:
            found.unseen.append(f"{account}: there was no time for {pluralize(last.left, 'user')}")
        keys = keys_known(last, newest)
        for day in earlier:
            if all(each.last_use for each in keys.values()):
                break
            seen = self._seen(account, day)
            of_day = keys_known(seen, newest) if isinstance(seen, AccountSeen) else {}
            for key_id, known in of_day.items():
                now = keys.get(key_id)
                if now is not None and now.last_use is None and known.last_use is not None:
                    keys[key_id] = replace(now, last_use=known.last_use, read_on=known.read_on)
        found.users += users_known(last, keys, newest, self.is_smtp)
        return found

    def _seen(self, account: str, day: date) -> AccountSeen | str:
        name = f"snapshots/date={day.isoformat()}/account={account}.json"
        body: bytes | PortError
        try:
            body = self.evidence.read(name)
        except PortError as error:
            body = error
        seen = read_account_seen(body)
        # By where it is stored: what it says of itself must not count it for another.
        return replace(seen, account=account, day=day) if isinstance(seen, AccountSeen) else seen


def _day_of(folder: str) -> date | None:
    return read_day(folder.removeprefix("snapshots/date=").rstrip("/"))


# --- by asking IAM -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveUsers:
    """Asks IAM in one account for all users, their tags, their keys and each key's last use."""

    iam: UsersAlive
    workers: int
    is_smtp: Callable[[str], bool] = lambda _user: False

    def of(self, account: str, name: str, now: datetime, asked: Asked) -> Found:
        """What is known of an account's users now, UTC; what could not be read is said."""
        found = Found(now.date())
        try:
            users = [
                each for each in self.iam.users() if not asked.users or each.name in asked.users
            ]
        except PortError as error:
            found.unseen.append(f"{account}: its users could not be listed ({error})")
            return found

        # What is denied for one user would be for the others, and costs a call each time.
        refused = Event()

        def one(user: User) -> tuple[UserKnown | None, list[str]]:
            return self._user(account, name, user, now, refused)

        for known, unseen in side_by_side(one, users, workers=self.workers):
            found.users += [known] if known else []
            found.unseen += unseen
        return found

    def _user(
        self, account: str, name: str, user: User, now: datetime, refused: Event
    ) -> tuple[UserKnown | None, list[str]]:
        where, unseen = f"{user.name} in {account}", []
        try:
            keys = self.iam.keys_of(user.name)
        except NotFound:
            return None, []  # gone meanwhile
        except PortError as error:
            return None, [f"{where}: the keys could not be read ({error})"]
        uses: dict[str, LastUse] = {}
        for key in keys:
            try:
                uses[key.key_id] = self.iam.last_use(key.key_id)
            except PortError as error:
                unseen.append(f"{where}: the last use of {key.key_id} could not be read ({error})")
        tags: Mapping[str, str] = {}
        try:
            tags = self.iam.tags_of(user.name) if keys and not refused.is_set() else {}
        except Denied as error:
            refused.set()
            unseen.append(f"{account}: the users' tags could not be read ({error})")
        except PortError as error:
            unseen.append(f"{where}: the tags could not be read ({error})")
        return (
            UserKnown(
                account=account,
                account_name=name,
                user=user.name,
                on=now.date(),
                keys=tuple(
                    KeyKnown(
                        key_id=key.key_id,
                        age=days_since(key.created, now),
                        is_active=key.is_active,
                        last_use=uses.get(key.key_id),
                        read_on=now.date() if key.key_id in uses else None,
                    )
                    for key in keys
                ),
                password_used=user.password_used.date() if user.password_used else None,
                path=user.path,
                tags=tags,
                is_smtp=self.is_smtp(user.name),
            ),
            unseen,
        )


# --- CloudTrail's calls --------------------------------------------------------------------------


@dataclass(slots=True)
class CallsByKey:
    """Counts calls by the key that signed them and the place that they came from."""

    ranges: Sequence[Ranges] = ()
    counted: dict[str, Counter[Origin]] = field(default_factory=dict)
    unread: int = 0

    def add(self, events: Iterable[TrailEvent | Unreadable], key_id: str | None = None) -> None:
        """Add events; key_id: of which they are, where they were looked up by it."""
        place = cache(lambda address, agent: origin_of(address, agent, self.ranges))
        for event in events:
            if isinstance(event, Unreadable):
                self.unread += 1
                continue
            key, origin = key_id or event.by_key, place(event.address, event.agent)
            if key and origin:
                self.counted.setdefault(key, Counter())[origin] += 1

    def of(self, user: UserKnown, *, is_whole: bool) -> UserKnown:
        """A user, with the calls of their keys."""
        found: Counter[Origin] = Counter()
        for key in user.keys:
            found.update(self.counted.get(key.key_id, {}))
        calls = tuple(Calls(origin=each or NOWHERE, number=found[each]) for each in found)
        return replace(user, calls=calls, are_calls_whole=is_whole and not self.unread)
