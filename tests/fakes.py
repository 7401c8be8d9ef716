"""
The account, the secret store, the organisation, the queue and the bus, in memory.

Each is held to one contract with its adapter, in tests/adapters. The notifier's fakes are in
tests/fakes_notify.py.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import count
from types import MappingProxyType

from keyturn.domain.errors import AlreadyThere, KeyLimitReached, NotFound, PortError, Refused
from keyturn.domain.events import Event
from keyturn.domain.key import KeyFacts, LastUse, Receipt, Seal, SecretFacts, SentNotice, Status
from keyturn.domain.recipient import Recipient, RecipientId
from keyturn.domain.secret_names import SEAL_TAG, USER_ID_TAG, version_id_for
from keyturn.ports import (
    BEGUN,
    AuditEntry,
    CreatedSecret,
    Listed,
    ListedSecret,
    NewKey,
    Pause,
    Reservation,
    User,
)
from keyturn.schemas.snapshot import Snapshot

Clock = Callable[[], datetime]


@dataclass
class Refusals:
    """What goes wrong, by the name of the method."""

    refuses: dict[str, PortError] = field(default_factory=dict)

    def may_refuse(self, method: str) -> None:
        if method in self.refuses:
            raise self.refuses[method]


@dataclass
class FakeKeys(Refusals):
    """Meets `ports.AccessKeys`."""

    clock: Clock = field(kw_only=True)
    held: dict[str, list[KeyFacts]] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    groups: dict[str, set[str]] = field(default_factory=dict)
    used: dict[str, LastUse] = field(default_factory=dict)
    root_keys: int = 0
    leaked: dict[str, str] = field(default_factory=dict)
    numbers: "count[int]" = field(default_factory=count)

    def users(self) -> Iterator[User]:
        self.may_refuse("users")
        for name in self.held:
            yield User(name=name, id=f"AIDA-{name}", path=self.paths.get(name, "/"))

    def members_of(self, group: str) -> frozenset[str]:
        self.may_refuse("members_of")
        if group not in self.groups:
            raise NotFound(group)
        return frozenset(f"AIDA-{name}" for name in self.groups[group])

    def keys_of(self, user: str) -> tuple[KeyFacts, ...]:
        self.may_refuse("keys_of")
        return tuple(self._of(user))

    def owner_of(self, key_id: str) -> str:
        self.may_refuse("last_use")  # the same call of IAM's
        for name, keys in self.held.items():
            if any(key.key_id == key_id for key in keys):
                return name
        raise NotFound(key_id)

    def last_use(self, key_id: str) -> LastUse:
        self.may_refuse("last_use")
        return self.used.get(key_id, LastUse(at=None))

    def tag_of(self, user: str, tag: str) -> str | None:
        self.may_refuse("tag_of")
        self._of(user)
        tags = {key.lower(): value for key, value in self.tags.get(user, {}).items()}
        return tags.get(tag.lower())

    def root_has_keys(self) -> bool:
        self.may_refuse("root_has_keys")
        return self.root_keys > 0

    def quarantined(self) -> Mapping[str, str]:
        self.may_refuse("quarantined")
        return self.leaked

    def create(self, user: str) -> NewKey:
        self.may_refuse("create")
        if len(self._of(user)) == 2:
            raise KeyLimitReached(user)
        number = next(self.numbers)
        made = NewKey(
            key_id=f"AKIANEW{number}",
            created=self.clock().replace(microsecond=0),
            secret=f"secret of {number}",
        )
        facts = KeyFacts(key_id=made.key_id, status=Status.ACTIVE, created=made.created)
        self.held[user].append(facts)
        return made

    def disable(self, user: str, key_id: str) -> None:
        self.may_refuse("disable")
        self._set(user, key_id, Status.INACTIVE)

    def enable(self, user: str, key_id: str) -> None:
        self.may_refuse("enable")
        self._set(user, key_id, Status.ACTIVE)

    def delete(self, user: str, key_id: str) -> bool:
        self.may_refuse("delete")
        before = self.held.get(user, [])
        self.held[user] = [key for key in before if key.key_id != key_id]
        return len(self.held[user]) < len(before)

    def remove_from_group(self, user: str, group: str) -> None:
        self.may_refuse("remove_from_group")
        self.groups.get(group, set()).discard(user)

    def _set(self, user: str, key_id: str, status: Status) -> None:
        if key_id not in {key.key_id for key in self._of(user)}:
            raise NotFound(key_id)
        self.held[user] = [
            replace(key, status=status) if key.key_id == key_id else key for key in self.held[user]
        ]

    def _of(self, user: str) -> list[KeyFacts]:
        if user not in self.held:
            raise NotFound(user)
        return self.held[user]


_ARN = "arn:aws:secretsmanager:us-east-1:333333333333:secret:"


@dataclass
class FakeSecretStore(Refusals):
    """Meets `ports.SecretStore`."""

    kms_key: str | None = None
    secrets: dict[str, SecretFacts] = field(default_factory=dict)
    stored: dict[str, list[str]] = field(default_factory=dict)
    made: int = 0

    def look(self, name: str) -> SecretFacts | None:
        self.may_refuse("look")
        return self.secrets.get(self._name(name))

    def facts_of(self, listed: ListedSecret) -> SecretFacts | None:
        there = self.secrets.get(listed.name)
        if there is None or there.seal is Seal.BORN:
            return None
        return SecretFacts(
            tags=listed.tags,
            arn=listed.arn,
            seal=there.seal,
            versions=frozenset(listed.versions),
            current=next((v for v, on in listed.versions.items() if "AWSCURRENT" in on), None),
            scheduled_for_deletion=listed.deleted is not None,
            kms_key=listed.kms_key,
            rotates=listed.rotates,
            managed_by=listed.managed_by,
            last_read=listed.last_read,
        )

    def create(self, name: str, tags: Mapping[str, str]) -> CreatedSecret:
        self.may_refuse("create")
        if name in self.secrets:
            raise AlreadyThere(name)
        self.made += 1
        arn = f"{_ARN}{name}-{self.made:06}"
        self.secrets[name] = SecretFacts(
            tags=dict(tags), arn=arn, seal=Seal.BORN, kms_key=self.kms_key
        )
        self.seal(arn, tags[USER_ID_TAG])
        return CreatedSecret(arn=arn)

    def seal(self, arn: str, user_id: str, tags: Mapping[str, str] = MappingProxyType({})) -> None:
        self.may_refuse("seal")
        self.tag(arn, {**tags, SEAL_TAG: f"{arn} of {user_id}"})
        self.secrets[self._name(arn)] = replace(self._there(arn), seal=Seal.RIGHT)

    def policy_of(self, name: str) -> str | None:
        self._there(name)
        return None

    def restore(self, name: str) -> None:
        self.secrets[self._name(name)] = replace(self._there(name), scheduled_for_deletion=False)

    def schedule(self, name: str) -> None:
        self.may_refuse("schedule")
        self.secrets[self._name(name)] = replace(self._there(name), scheduled_for_deletion=True)

    def tag(self, name: str, tags: Mapping[str, str]) -> None:
        self.may_refuse("tag")
        secret = self._writable(name)
        self.secrets[self._name(name)] = replace(secret, tags={**secret.tags, **tags})

    def untag(self, name: str, tags: Iterable[str]) -> None:
        secret, gone = self._writable(name), set(tags)
        kept = {tag: text for tag, text in secret.tags.items() if tag not in gone}
        self.secrets[self._name(name)] = replace(secret, tags=kept)

    def store(
        self, name: str, user: str, key: NewKey, may_go: Callable[[], None] = lambda: None
    ) -> None:
        may_go()
        self.may_refuse("store")
        secret, name = self._writable(name), self._name(name)
        versions = self.stored.setdefault(name, [])
        if version_id_for(key.key_id) not in versions:
            versions.append(version_id_for(key.key_id))
        # The version before the last one loses its label, and is no longer listed.
        self.secrets[name] = replace(
            secret, versions=frozenset(versions[-2:]), current=versions[-1]
        )

    def _name(self, name: str) -> str:
        """The name, which may be given as an ARN; of another secret's ARN it is none."""
        if not name.startswith(_ARN):
            return name
        return next((known for known, each in self.secrets.items() if each.arn == name), name)

    def _there(self, name: str) -> SecretFacts:
        if self._name(name) not in self.secrets:
            raise NotFound(name)
        return self.secrets[self._name(name)]

    def _writable(self, name: str) -> SecretFacts:
        secret = self._there(name)
        if secret.scheduled_for_deletion:
            raise Refused(f"{name} is scheduled for deletion")
        return secret


@dataclass
class FakeSecretList(Refusals):
    """Meets `ports.SecretList`: it shows the secrets of a store."""

    store: FakeSecretStore = field(kw_only=True)
    asked: int = 0

    def named(self, prefix: str) -> Iterator[ListedSecret]:
        self.asked += 1
        self.may_refuse("named")
        for name, secret in self.store.secrets.items():
            if name.startswith(prefix):
                yield ListedSecret(
                    name=name,
                    arn=secret.arn,
                    tags=secret.tags,
                    versions={
                        version: frozenset(
                            {"AWSCURRENT" if version == secret.current else "OTHER"}
                        )
                        for version in secret.versions
                    },
                    deleted=datetime.now(UTC) if secret.scheduled_for_deletion else None,
                    last_read=secret.last_read,
                    kms_key=secret.kms_key,
                    rotates=secret.rotates,
                    managed_by=secret.managed_by,
                )


@dataclass
class FakeReceipts(Refusals):
    """Meets `ports.Receipts`; the receipts of each key."""

    told: dict[str, tuple[Receipt, ...]] = field(default_factory=dict)
    dead: dict[RecipientId, datetime] = field(default_factory=dict)

    def of_key(self, account: str, user: str, key_id: str) -> tuple[Receipt, ...]:
        self.may_refuse("of_key")
        return self.told.get(key_id, ())

    def notices_of_key(self, account: str, user: str, key_id: str) -> tuple[SentNotice, ...]:
        return tuple(SentNotice(receipt=each) for each in self.of_key(account, user, key_id))

    def undeliverable(self) -> Mapping[RecipientId, datetime]:
        self.may_refuse("undeliverable")
        return self.dead

    def last_dry_run_digest(self, account: str, recipient: Recipient) -> datetime | None:
        return None


@dataclass
class FakeDailyLimitLedger(Refusals):
    """Meets `ports.DailyLimitLedger`."""

    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    noted: dict[tuple[str, date], dict[str, Reservation]] = field(default_factory=dict)

    def of_day(self, account: str, day: date) -> Sequence[Reservation]:
        self.may_refuse("of_day")
        return list(self.noted.get((account, day), {}).values())

    def reserve(
        self, account: str, day: date, run: str, keys: Collection[str], *, ordered: bool = False
    ) -> None:
        self.may_refuse("note")
        made = Reservation(run=run, keys=frozenset(keys), at=self.clock(), ordered=ordered)
        self.noted.setdefault((account, day), {})[run] = made


@dataclass
class FakePauseFlag(Refusals):
    """Meets `ports.PauseFlag`."""

    paused: Pause | None = None
    asked: int = 0

    def pause(self) -> Pause | None:
        self.asked += 1
        self.may_refuse("pause")
        return self.paused

    def set(self, pause: Pause) -> None:
        self.may_refuse("set")
        if self.paused is not None:
            raise AlreadyThere("paused")
        self.paused = pause

    def replace(self, pause: Pause) -> None:
        self.may_refuse("replace")
        self.paused = pause

    def clear(self) -> None:
        self.may_refuse("clear")
        self.paused = None


@dataclass
class FakeOrganization(Refusals):
    """Meets `ports.Organization`; the units of each account, from the outermost in."""

    listed: dict[tuple[str, ...], list[Listed]] = field(default_factory=dict)
    units: set[str] = field(default_factory=set)

    def accounts(self, ou: str | None = None) -> Iterator[Listed]:
        self.may_refuse("accounts")
        if ou is not None and ou not in self.units:
            raise NotFound(ou)
        for path, accounts in self.listed.items():
            if ou is None or ou in path:
                yield from accounts


@dataclass
class FakeQueue(Refusals):
    """Meets `ports.Queue`."""

    sent: list[Mapping[str, object]] = field(default_factory=list)

    def send(self, requests: Iterable[Mapping[str, object]], *, run: str) -> None:
        self.may_refuse("send")
        self.sent += requests


@dataclass
class FakeBus(Refusals):
    """Meets `ports.Bus`."""

    published: list[Event] = field(default_factory=list)

    def publish(self, events: Iterable[Event]) -> None:
        self.may_refuse("publish")
        self.published += events


@dataclass
class FakeAudit(Refusals):
    """Meets `ports.Audit`."""

    written: list[AuditEntry] = field(default_factory=list)

    @property
    def entries(self) -> dict[str, AuditEntry]:
        """The last word on each command, by its mark."""
        return {each.entry_id: each for each in self.written}

    def write(self, entry: AuditEntry) -> None:
        self.may_refuse("write")
        same = (entry.entry_id, entry.outcome == BEGUN)
        if same in {(each.entry_id, each.outcome == BEGUN) for each in self.written}:
            raise AlreadyThere(entry.entry_id)
        self.written.append(entry)


@dataclass
class FakeCoverage(Refusals):
    """Meets `ports.Coverage`."""

    days: dict[date, set[str]] = field(default_factory=dict)

    def has_before(self, day: date) -> bool:
        self.may_refuse("has_before")
        return any(each < day for each in self.days)

    def accounts_of(self, day: date) -> frozenset[str]:
        self.may_refuse("accounts_of")
        return frozenset(self.days.get(day, ()))


@dataclass
class FakeSnapshots(Refusals):
    """Meets `ports.Snapshots`."""

    taken: dict[tuple[str, date], Snapshot] = field(default_factory=dict)

    def of_day(self, account: str, day: date) -> Snapshot | None:
        self.may_refuse("of_day")
        return self.taken.get((account, day))

    def put(self, account: str, day: date, snapshot: Snapshot) -> None:
        self.may_refuse("put")
        self.taken[account, day] = snapshot

    def put_first(self, account: str, day: date, snapshot: Snapshot) -> bool:
        self.may_refuse("put")
        return self.taken.setdefault((account, day), snapshot) is snapshot
