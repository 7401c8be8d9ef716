"""Accounts, users and keys to measure a day with, and what the stacks would make beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from keyturn_sandbox.emulator.cloud import LocalCloud
from keyturn_sandbox.simulation.deployment import (
    BUCKET,
    INVENTORY_ROLE,
    MEMBER_ROLE,
    NOTIFIER_ROLE,
    REPORTER_ROLE,
    ROTATION_ROLE,
    deploy,
    role_arn,
)
from keyturn_sandbox.simulation.people import EXEMPTION_GROUP, Company, CompanyAccount

HUB = "222222222222"
DAY = timedelta(days=1)
SETTLED, DUE = 40, 137
"""Days that a key has lived that nothing is due for, and one that is to be rotated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What there is: users with a key each, for which nothing is due."""

    accounts: int
    users: int
    """Of each account."""
    own_owners: bool = False
    """Whether each user is its own owner, with a mail of its own; else an account has one."""
    laptop: bool = False
    """Whether the members trust the management account, and not the functions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How to get at it."""

    settings: Mapping[str, str]
    """The functions' environment, but for their credentials."""
    rotation_queue: str
    notifier_queue: str
    members: tuple[str, ...]
    credentials: Mapping[str, Mapping[str, str]]
    """Who → their environment: a function, an administrator of its account, an operator."""


def built(cloud: LocalCloud, scene: Scene) -> Place:
    """Fill the cloud."""
    members = tuple(f"{300_000_000_000 + number}" for number in range(scene.accounts))
    cloud.organization.create_account("security", "security@example.com", account_id=HUB)
    for number, account in enumerate(members):
        name = f"member-{number:04}"
        cloud.organization.create_account(name, f"{name}@example.com", account_id=account)
    management = cloud.organization.management_account
    security = CompanyAccount(account_id=HUB, name="security", email="", unit=None)
    deployment = deploy(cloud, Company(accounts=(security,), people=(), units={}))
    trusted = management if scene.laptop else role_arn(HUB, ROTATION_ROLE)
    for account in members:
        cloud.add_role(account, MEMBER_ROLE, trusted)
        cloud.session(account).client("iam").create_group(GroupName=EXEMPTION_GROUP)
        for number in range(scene.users):
            name = f"user-{number:04}{'@example.com' if scene.own_owners else ''}"
            cloud.add_user(account, name)
            key = cloud.add_key(account, name)
            _ages(cloud, account, key, SETTLED)
    cloud.add_role(management, "Operator", management)
    return Place(
        settings={
            **deployment.settings,
            "DryRunFlag": "False",
            "ExcludedAccounts": f"{management},{HUB}",
        },
        rotation_queue=deployment.rotation_queue,
        notifier_queue=deployment.notifier_queue,
        members=members,
        credentials={
            "inventory": _held(cloud, HUB, INVENTORY_ROLE),
            "rotation": _held(cloud, HUB, ROTATION_ROLE),
            "notifier": _held(cloud, HUB, NOTIFIER_ROLE),
            "reporter": _held(cloud, HUB, REPORTER_ROLE),
            "administrator": _held(cloud, HUB, "Administrator"),
            "operator": _held(cloud, management, "Operator"),
        },
    )


def ripen(cloud: LocalCloud, members: Sequence[str], first: int, count: int) -> None:
    """Let the oldest keys of so many users of each account be due, from the so-manieth user on."""
    for account in members:
        keys = sorted(cloud.keys(account), key=lambda key: (key.user, key.created))
        oldest = {key.user: key.key_id for key in reversed(keys)}
        for key_id in list(reversed(oldest.values()))[first : first + count]:
            _ages(cloud, account, key_id, DUE)


def begin_anew(cloud: LocalCloud) -> None:
    """Take the snapshots of this day away, so that the next run is the day's first."""
    s3 = cloud.session(HUB).client("s3")
    for name in cloud.objects(BUCKET):
        if f"/snapshots/date={cloud.now:%Y-%m-%d}/" in name:
            s3.delete_object(Bucket=BUCKET, Key=name)


def drop(cloud: LocalCloud, members: Sequence[str]) -> None:
    """Let whoever has two keys delete the older one."""
    for account in members:
        iam = cloud.session(account).client("iam")
        newest: dict[str, str] = {}
        for key in sorted(cloud.keys(account), key=lambda key: key.created, reverse=True):
            if key.user in newest:
                iam.delete_access_key(UserName=key.user, AccessKeyId=key.key_id)
            newest[key.user] = key.key_id


def stir(cloud: LocalCloud, members: Sequence[str], first: int, count: int) -> None:
    """Let so many users be looked at closely: each other one has a new key, the rest a second."""
    for account in members:
        for number, key in enumerate(sorted(cloud.keys(account), key=lambda key: key.user)):
            if not first <= number < first + count:
                continue
            if number % 2:
                _ages(cloud, account, key.key_id, 1)
            else:
                _ages(cloud, account, cloud.add_key(account, key.user), 2)


def _ages(cloud: LocalCloud, account: str, key_id: str, days: int) -> None:
    cloud.set_key_created(account, key_id, cloud.now - days * DAY - DAY / 2)
    cloud.use_key(account, key_id, cloud.now - DAY / 4)


def _held(cloud: LocalCloud, account: str, role: str) -> Mapping[str, str]:
    held = cloud.role_session(account, role).get_credentials()
    assert held is not None
    return {
        "AWS_ACCESS_KEY_ID": str(held.access_key),
        "AWS_SECRET_ACCESS_KEY": str(held.secret_key),
        "AWS_SESSION_TOKEN": str(held.token),
    }
