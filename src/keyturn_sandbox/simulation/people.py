"""
The company of the sandbox: twelve accounts, 150 users, their keys, and how they treat them.

One seed makes the same company every time, down to the key ids. A cast of named users carries
the cases that the lifecycle speaks of; the rest fill the accounts.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from itertools import product
from random import Random

from moto.moto_api._internal import mock_random

from keyturn_sandbox.emulator.cloud import MANAGEMENT_ACCOUNT, LocalCloud

DOMAIN = "larkfield.example"
EXEMPTION_GROUP = "IAMKeyRotationExemptionGroup"
OWNER_TAG = "Owner"
USERS = 150
_DAY = timedelta(days=1)


class Habit(Enum):
    """What somebody does about a key of theirs."""

    INSTALLS = "installs the new key some days after the notice"
    LATE = "installs the new key once the old one has stopped"
    RETURNS = "has the old key enabled again, and installs the new one later"
    ABANDONED = "works with a key until it stops, and nobody minds"
    UNUSED = "does not work with any key"
    TWO_WORKLOADS = "works with two keys, and installs no other"
    MAKES_OWN = "makes a second key by hand one day, and moves to it"
    DISABLES_OWN = "disables the key by hand one day"
    ROLLS_BACK = "makes each new key Inactive some days later, and works on with the old one"
    STORES_OLD = "puts the old key back into the secret some days later, and reads that"
    SQUATTED = (
        "works with a key, while a colleague has made the secret for the next one beforehand"
    )


class Gone(Enum):
    """Why nobody reads what comes to an address."""

    LEFT = "left the company during the dry run: their mail comes back"
    CALLS_IT_SPAM = "calls the first mail of enforcement spam"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyAccount:
    """An account, and whether Keyturn can get into it."""

    account_id: str
    name: str
    email: str
    unit: str | None
    suspended: bool = False
    has_role: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whoever is behind an IAM user."""

    account_id: str
    user: str
    path: str = "/"
    email: str | None = None
    """What the user's owner tag says."""
    team: str | None = None
    """What the owners file says of the user."""
    gone: Gone | None = None
    """Why nobody reads what comes to the tag's address."""
    exempt: bool = False
    key_ids: tuple[str, ...] = ()
    in_use: frozenset[str] = frozenset()
    """The keys that their programs work with."""
    habit: Habit = Habit.UNUSED
    days: int = 0
    """How long they take to install a key, or the day on which they do something by hand."""

    @property
    def reads(self) -> str | None:
        """The address of their own at which a notice reaches somebody, if there is one."""
        tagged = self.email if self.gone is None else None
        known = (each for each in (tagged, self.user, self.team) if each)
        return next((each for each in known if each.endswith(f"@{DOMAIN}")), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """The organisation, and everybody in it."""

    accounts: tuple[CompanyAccount, ...]
    people: tuple[Person, ...]
    units: Mapping[str, str]
    """The ids of the organisational units, by name."""

    @property
    def security_account(self) -> str:
        """The account that Keyturn runs in."""
        return next(a.account_id for a in self.accounts if a.name == "security")

    @property
    def to_visit(self) -> frozenset[str]:
        """The accounts that a run has to visit or report."""
        return frozenset(a.account_id for a in self.accounts if not a.suspended)

    @property
    def accounts_to_visit(self) -> tuple[CompanyAccount, ...]:
        """The same, by their ids."""
        wanted = (a for a in self.accounts if not a.suspended)
        return tuple(sorted(wanted, key=lambda account: account.account_id))

    @property
    def exempt(self) -> frozenset[tuple[str, str]]:
        """Account and user of everybody in the exemption group."""
        return frozenset((p.account_id, p.user) for p in self.people if p.exempt)

    def mailboxes(self, admin: str) -> Mapping[tuple[str, str], frozenset[str]]:
        """
        Where a user's owner may be notified: by tag, name, account, or through the admin.

        (account id, user's name) → addresses.
        """
        emails = {account.account_id: account.email for account in self.accounts}
        return {
            (p.account_id, p.user): frozenset(filter(None, (p.reads, emails[p.account_id], admin)))
            for p in self.people
        }

    @property
    def owners_file(self) -> str:
        """Who answers for the users of a team, as an owners file in YAML (JSON is YAML)."""
        rules = [
            {"account": p.account_id, "user": p.user, "addresses": p.team}
            for p in self.people
            if p.team
        ]
        return json.dumps({"version": 1, "rules": rules}, indent=1)


@dataclass(frozen=True, slots=True)
class _Key:
    """A key to be made: its age, and the days since its last use, if there was one."""

    age: int
    used: int | None = None
    active: bool = field(default=True, kw_only=True)


@dataclass(frozen=True, slots=True)
class _Part:
    """A user to be made."""

    account: str
    user: str
    keys: Sequence[_Key] = ()
    habit: Habit = Habit.UNUSED
    days: int = 0
    path: str = field(default="/", kw_only=True)
    exempt: bool = field(default=False, kw_only=True)
    tagged: bool = field(default=False, kw_only=True)
    owner: str | None = field(default=None, kw_only=True)
    """What the owner tag says; `tagged` stands for an address that is made of the name."""
    team: str | None = field(default=None, kw_only=True)
    gone: Gone | None = field(default=None, kw_only=True)


# Name, unit, users.
_ACCOUNTS = (
    ("management", None, 5),
    ("security", "Core", 6),
    ("log-archive", "Core", 6),
    ("shared-services", "Core", 16),
    ("payments-prod", "Production", 18),
    ("webshop-prod", "Production", 20),
    ("data-platform-prod", "Production", 20),
    ("payments-dev", "Workloads", 14),
    ("webshop-dev", "Workloads", 14),
    ("data-lab", "Workloads", 15),
    ("brightwater-acquired", "Workloads", 9),
    ("mobile-legacy", "Workloads", 7),
)
_WITHOUT_ROLE, _SUSPENDED = "brightwater-acquired", "mobile-legacy"
_UNITS = (("Core", None), ("Workloads", None), ("Production", "Workloads"))


def _in_use(age: int) -> _Key:
    return _Key(age, used=0)


def _quiet(age: int, used: int) -> _Key:
    return _Key(age, used)


def _off(age: int, used: int) -> _Key:
    return _Key(age, used, active=False)


def _exempt(account: str, user: str, age: int) -> _Part:
    """Somebody who is left alone, and works all the same."""
    return _Part(account, user, [_in_use(age)], Habit.LATE, exempt=True)


_CAST = (
    _Part("payments-prod", "deploy-bot", [_in_use(137)], Habit.INSTALLS, 2, tagged=True),
    _Part("webshop-prod", "ci-github", [_in_use(900)], Habit.INSTALLS),
    _Part("webshop-dev", f"ana.kovacs@{DOMAIN}", [_in_use(95)], Habit.INSTALLS, 1),
    _Part("shared-services", "backup-agent", [_in_use(89)], Habit.INSTALLS, 8, path="/system/"),
    _Part("payments-prod", "terraform-runner", [_in_use(1)], Habit.INSTALLS, 3, path="/ci/prod/"),
    # Whose notices do not reach the address that the tag names.
    _Part(
        "data-platform-prod",
        "reports,finance",
        [_in_use(200)],
        Habit.INSTALLS,
        5,
        owner=f"paula.ortiz@{DOMAIN}",
        gone=Gone.LEFT,
        team=f"data-platform@{DOMAIN}",
    ),
    _Part("shared-services", "dns-updater", [_in_use(210)], Habit.LATE, owner="network@larkfield"),
    _Part(
        "data-lab",
        "vendor-audit",
        [_Key(420)],
        owner=f"vendor@{DOMAIN}",
        gone=Gone.CALLS_IT_SPAM,
    ),
    # Two keys in use, so that nobody can tell which may go.
    _Part("data-platform-prod", "etl-nightly", [_in_use(300), _in_use(120)], Habit.TWO_WORKLOADS),
    _Part("webshop-prod", "billing-export", [_in_use(400), _in_use(30)], Habit.TWO_WORKLOADS),
    # An old one that nobody uses, beside a young one.
    _Part("shared-services", "ansible", [_quiet(700, 220), _in_use(20)], Habit.INSTALLS, 4),
    _Part("payments-prod", "ledger-sync", [_quiet(900, 60), _in_use(40)], Habit.INSTALLS, 1),
    # Two old ones.
    _Part("data-lab", "notebook-jobs", [_quiet(800, 310), _in_use(500)], Habit.INSTALLS, 6),
    _Part("payments-dev", "archive-mover", [_quiet(650, 400), _quiet(350, 100)]),
    # Inactive ones.
    _Part("webshop-dev", "old-jenkins", [_Key(600, active=False)]),
    _Part("webshop-prod", "metrics-push", [_off(350, 160), _in_use(150)], Habit.INSTALLS, 2),
    _Part("data-lab", "trial-loader", [_off(45, 30), _in_use(15)], Habit.INSTALLS, 2),
    # Never used.
    _Part("security", "siem-pull-test", [_Key(97)]),
    # Who does not do as one should.
    _Part("payments-prod", "pos-gateway", [_in_use(130)], Habit.RETURNS, 5, tagged=True),
    _Part("webshop-prod", "invoice-mailer", [_in_use(82)], Habit.RETURNS, 3),
    _Part("data-lab", "hackathon-2024", [_in_use(560)], Habit.ABANDONED),
    _Part("webshop-dev", "price-watcher", [_in_use(128)], Habit.ROLLS_BACK, 4, tagged=True),
    _Part("shared-services", "cache-warmer", [_in_use(150)], Habit.STORES_OLD, 3),
    _Part("data-lab", "model-trainer", [_in_use(115)], Habit.SQUATTED, 1),
    _Part("webshop-dev", "search-indexer", [_in_use(20)], Habit.MAKES_OWN, 45),
    _Part("payments-dev", "load-tester", [_in_use(30)], Habit.DISABLES_OWN, 40),
    # Exempt.
    _exempt("management", "break-glass", 730),
    _exempt("shared-services", "partner-edi", 510),
    _exempt("payments-prod", "hsm-bridge", 260),
    _exempt("webshop-prod", "legacy-ftp", 890),
    _exempt("data-platform-prod", "warehouse-vendor", 180),
)


def _words(text: str) -> Sequence[str]:
    return text.split()


_FIRST = _words("amir bea carla david elif femi greta hugo ines jonas karin luca mina noor")
_LAST = _words("abe bauer costa dogan evans fischer garcia hansen ito jensen keller lopez")
_WHAT = _words(
    "orders stock catalog pricing images search audit fraud refunds ledger payroll sensors "
    "clicks leads tickets logs dns mail maps"
)
_DOES = _words("export import sync uploader worker backup monitor deploy publisher poller")
_TAGGED = 0.4  # of the users have an owner tag
_SERVICES = ("s3", "dynamodb", "sqs", "ecr", "ses", "kinesis")


def build(
    cloud: LocalCloud, *, seed: int, member_role: str, trusted: str | None = None
) -> Company:
    """
    Fill the cloud with the company.

    Members let `trusted` assume their role: an account or an ARN, the security account if
    nothing else is said.
    """
    mock_random.seed(seed)
    scene = _Scene(
        cloud=cloud,
        chance=Random(seed),  # noqa: S311 -- the same company every time is the point
        now=cloud.now.replace(microsecond=0),
    )
    units: dict[str, str] = {}
    for name, parent in _UNITS:
        units[name] = cloud.organization.create_unit(name, parent=units.get(parent or ""))
    accounts = tuple(_accounts(scene, units))
    ids = {account.name: account.account_id for account in accounts}
    for account in accounts:
        if account.has_role:
            cloud.add_role(account.account_id, member_role, trusted or ids["security"])
    people = tuple(_person(scene, ids[part.account], part) for part in _parts(scene.chance))
    for account in accounts:
        _fill_group(cloud, account.account_id, people)
        if account.suspended:  # nobody can act in it from here on
            cloud.organization.suspend_account(account.account_id)
    return Company(accounts=accounts, people=people, units=units)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """Where, by what chance and when the company comes to be."""

    cloud: LocalCloud
    chance: Random
    now: datetime


def _accounts(scene: _Scene, units: Mapping[str, str]) -> Iterator[CompanyAccount]:
    organization = scene.cloud.organization
    for name, unit, _ in _ACCOUNTS:
        email = f"aws-{name}@{DOMAIN}"
        if name == "management":
            account_id = MANAGEMENT_ACCOUNT
            organization.accounts[account_id].email = email
        else:
            account_id = organization.create_account(
                name,
                email,
                unit=units.get(unit or ""),
                account_id=str(scene.chance.randrange(2 * 10**11, 10**12)),
            )
        yield CompanyAccount(
            account_id=account_id,
            name=name,
            email=email,
            unit=unit,
            suspended=name == _SUSPENDED,
            has_role=name != _WITHOUT_ROLE,
        )


def _parts(chance: Random) -> Iterator[_Part]:
    yield from _CAST
    names = _names(chance)
    for account, _, users in _ACCOUNTS:
        cast = sum(part.account == account for part in _CAST)
        for _ in range(users - cast):
            yield _extra(chance, account, next(names))


def _names(chance: Random) -> Iterator[str]:
    """Two services for every human being."""
    people = [f"{first}.{last}" for first, last in product(_FIRST, _LAST)]
    services = [f"{what}-{does}" for what, does in product(_WHAT, _DOES)]
    chance.shuffle(people)
    chance.shuffle(services)
    for number, person in enumerate(people):
        yield person
        yield from services[2 * number : 2 * number + 2]


def _extra(chance: Random, account: str, user: str) -> _Part:
    """One of the many: most work with one key, some with none."""
    age = chance.choice((chance.randint(1, 75), chance.randint(76, 100), chance.randint(101, 900)))
    habit, days, tagged = _habit(chance), chance.randint(0, 8), chance.random() < _TAGGED
    if habit is Habit.UNUSED:
        keys = chance.choice([(), (), (_Key(age),), (_quiet(age, age // 2),)])
        return _Part(account, user, keys, tagged=tagged)
    return _Part(account, user, [_in_use(age)], habit, days, tagged=tagged)


def _habit(chance: Random) -> Habit:
    habits = {Habit.INSTALLS: 70, Habit.LATE: 8, Habit.ABANDONED: 2, Habit.UNUSED: 20}
    [habit] = chance.choices(list(habits), weights=list(habits.values()))
    return habit


def _person(scene: _Scene, account_id: str, part: _Part) -> Person:
    email = f"{part.user.split('-')[0]}@{DOMAIN}" if part.tagged else part.owner
    tags = {OWNER_TAG: email} if email else {}
    scene.cloud.add_user(account_id, part.user, path=part.path, tags=tags)
    made = [(_make_key(scene, account_id, part.user, key), key) for key in part.keys]
    return Person(
        account_id=account_id,
        user=part.user,
        path=part.path,
        email=email,
        team=part.team,
        gone=part.gone,
        exempt=part.exempt,
        key_ids=tuple(key_id for key_id, _ in made),
        in_use=frozenset(key_id for key_id, key in made if key.active and key.used == 0),
        habit=part.habit,
        days=part.days,
    )


def _make_key(scene: _Scene, account_id: str, user: str, key: _Key) -> str:
    hours = timedelta(seconds=scene.chance.randint(0, 8 * 3600))
    created = scene.now - key.age * _DAY - hours
    key_id = scene.cloud.add_key(account_id, user, created=created, active=key.active)
    if key.used is not None:
        used = scene.now - key.used * _DAY - hours
        service = scene.chance.choice(_SERVICES)
        scene.cloud.use_key(account_id, key_id, used, service=service)
    return key_id


def _fill_group(cloud: LocalCloud, account_id: str, people: Iterable[Person]) -> None:
    iam = cloud.session(account_id).client("iam")
    iam.create_group(GroupName=EXEMPTION_GROUP)
    for person in people:
        if person.exempt and person.account_id == account_id:
            iam.add_user_to_group(GroupName=EXEMPTION_GROUP, UserName=person.user)
