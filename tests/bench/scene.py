"""Accounts, users and keys to measure a day with, and what the stacks would make beside them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from keyturn_sandbox.emulator.cloud import LocalCloud
from keyturn_sandbox.simulation.deployment import (
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
    """What there is. Of each account's users the first are due, then come those with two keys."""

    accounts: int
    users: int
    """Of each account."""
    due: int = 0
    """How many of them have a key that is to be rotated."""
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
    every = (HUB, *members)
    known = (CompanyAccount(account_id=a, name=a, email="", unit=None) for a in every)
    known_as = tuple(
        CompanyAccount(account_id=a.account_id, name="security", email="", unit=None)
        if a.account_id == HUB
        else a
        for a in known
    )
    deployment = deploy(cloud, Company(accounts=known_as, people=(), units={}))
    trusted = management if scene.laptop else role_arn(HUB, ROTATION_ROLE)
    for account in members:
        cloud.add_role(account, MEMBER_ROLE, trusted)
        cloud.session(account).client("iam").create_group(GroupName=EXEMPTION_GROUP)
        for number in range(scene.users):
            name = f"user-{number:04}"
            age = DUE if number < scene.due else SETTLED
            cloud.add_user(account, name)
            key = cloud.add_key(account, name, created=cloud.now - age * DAY - DAY / 2)
            cloud.use_key(account, key, cloud.now - DAY / 4)
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


def _held(cloud: LocalCloud, account: str, role: str) -> Mapping[str, str]:
    held = cloud.role_session(account, role).get_credentials()
    assert held is not None
    return {
        "AWS_ACCESS_KEY_ID": str(held.access_key),
        "AWS_SECRET_ACCESS_KEY": str(held.secret_key),
        "AWS_SESSION_TOKEN": str(held.token),
    }
