import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from keyturn.schemas.owners_file import FileForm, read_owners_file
from keyturn_sandbox.emulator.cloud import LocalCloud
from keyturn_sandbox.simulation.people import EXEMPTION_GROUP, Company, Habit, build

NOW = datetime(2026, 1, 1, 6, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ROLE = "ASA-IAM-Key-Rotation"


# It comes first, for only one cloud can be open at a time, and the others share one.
def test_a_seed_makes_the_same_company_every_time() -> None:
    def made(seed: int) -> Company:
        with LocalCloud(now=NOW) as cloud:
            return build(cloud, seed=seed, member_role=ROLE)

    assert made(1) == made(1)
    assert made(1) != made(2)


@dataclass(frozen=True)
class Built:
    cloud: LocalCloud
    company: Company
    seconds: float


@pytest.fixture(scope="module")
def built() -> Iterator[Built]:
    with LocalCloud(now=NOW) as cloud:
        began = time.perf_counter()
        company = build(cloud, seed=7, member_role=ROLE)
        yield Built(cloud, company, time.perf_counter() - began)


def ages(built: Built) -> list[int]:
    return [
        (NOW - key.created + DAY / 2) // DAY
        for account in built.company.accounts
        for key in built.cloud.keys(account.account_id)
    ]


def test_it_is_built_in_seconds(built: Built) -> None:
    assert built.seconds < 5


def test_there_are_twelve_accounts_in_three_units_one_in_another(built: Built) -> None:
    organization = built.cloud.organization

    units = {unit.name: unit for unit in organization.units.values()}
    assert len(organization.accounts) == len(built.company.accounts) == 12
    assert units.keys() == {"Core", "Workloads", "Production"}
    assert units["Production"].parent == units["Workloads"].unit_id
    assert {organization.accounts[a.account_id].email for a in built.company.accounts} == {
        a.email for a in built.company.accounts
    }


def test_one_account_is_suspended_and_one_has_no_role(built: Built) -> None:
    [suspended] = [a for a in built.company.accounts if a.suspended]
    [locked] = [a for a in built.company.accounts if not a.has_role]

    assert built.cloud.organization.accounts[suspended.account_id].state == "SUSPENDED"
    assert suspended.account_id not in built.company.to_visit
    assert locked.account_id in built.company.to_visit
    roles = built.cloud.session(locked.account_id).client("iam").list_roles()["Roles"]
    assert ROLE not in {role["RoleName"] for role in roles}


def test_the_security_account_may_enter_the_others(built: Built) -> None:
    company = built.company
    sts = built.cloud.session(company.security_account).client("sts")

    for account in company.accounts:
        if account.has_role and not account.suspended:
            arn = f"arn:aws:iam::{account.account_id}:role/{ROLE}"
            sts.assume_role(RoleArn=arn, RoleSessionName="test")


def test_there_are_150_users_with_all_kinds_of_names(built: Built) -> None:
    people = built.company.people

    assert len({(person.account_id, person.user) for person in people}) == len(people) == 150
    assert any("," in person.user for person in people)
    assert any("@" in person.user for person in people)
    assert any(person.path != "/" for person in people)
    assert any(person.email for person in people)


def test_keys_are_from_one_to_900_days_old(built: Built) -> None:
    assert min(ages(built)) == 1
    assert max(ages(built)) == 900
    assert 137 in ages(built)


def test_people_hold_no_key_or_one_or_two(built: Built) -> None:
    held = Counter(len(person.key_ids) for person in built.company.people)
    in_use = Counter(len(p.in_use) for p in built.company.people if len(p.key_ids) == 2)

    assert held.keys() == {0, 1, 2}
    assert in_use.keys() == {0, 1, 2}


def test_some_keys_are_inactive_and_some_were_never_used(built: Built) -> None:
    keys = [key for a in built.company.accounts for key in built.cloud.keys(a.account_id)]

    assert any(key.status == "Inactive" for key in keys)
    assert any(key.last_used is None and key.status == "Active" for key in keys)
    assert all(key.last_used is None or key.last_used.at >= key.created for key in keys)


def test_the_exempt_are_in_the_group_and_every_account_has_the_group(built: Built) -> None:
    members = {
        (account, user["UserName"])
        for account in built.company.to_visit
        for user in built.cloud.session(account)
        .client("iam")
        .get_group(GroupName=EXEMPTION_GROUP)["Users"]
    }

    assert members == built.company.exempt
    assert len(members) == 5


def test_every_habit_is_somebodys(built: Built) -> None:
    assert {person.habit for person in built.company.people} == set(Habit)


def test_an_owner_may_be_told_by_tag_or_name_or_account_or_through_the_admin(
    built: Built,
) -> None:
    mailboxes = built.company.mailboxes("admin@larkfield.example")

    by_user = {user: addresses for (_, user), addresses in mailboxes.items()}
    assert by_user["deploy-bot"] == {
        "deploy@larkfield.example",
        "aws-payments-prod@larkfield.example",
        "admin@larkfield.example",
    }
    assert "ana.kovacs@larkfield.example" in by_user["ana.kovacs@larkfield.example"]
    # Nobody reads what comes to who has left, nor to what is no address.
    assert "paula.ortiz@larkfield.example" not in by_user["reports,finance"]
    assert "data-platform@larkfield.example" in by_user["reports,finance"]
    assert by_user["dns-updater"] == {
        "aws-shared-services@larkfield.example",
        "admin@larkfield.example",
    }


def test_its_owners_file_is_one_that_keyturn_reads(built: Built) -> None:
    read = read_owners_file(built.company.owners_file.encode(), FileForm.YAML, place="owners.yaml")

    assert not read.problems
    assert len(read.rules) == 1
