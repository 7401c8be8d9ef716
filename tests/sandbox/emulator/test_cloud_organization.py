"""The organisation, and how AWS Organizations lists it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from mypy_boto3_organizations import OrganizationsClient

from keyturn_sandbox.emulator.cloud import MANAGEMENT_ACCOUNT, LocalCloud
from tests.sandbox.emulator.aws_says import MEMBER, refusal

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(now=START) as cloud:
        yield cloud


@pytest.fixture
def organizations(cloud: LocalCloud) -> OrganizationsClient:
    return cloud.session(MANAGEMENT_ACCOUNT).client("organizations")


def test_accounts_come_in_pages_of_twenty_and_the_first_is_empty(
    cloud: LocalCloud, organizations: OrganizationsClient
) -> None:
    for number in range(44):
        cloud.organization.create_account(f"a{number}", f"a{number}@example.com")

    pages = list(organizations.get_paginator("list_accounts").paginate())

    assert [len(page["Accounts"]) for page in pages] == [0, 20, 20, 5]
    assert len({account["Id"] for page in pages for account in page["Accounts"]}) == 45


def test_empty_pages_can_be_switched_off() -> None:
    with LocalCloud(now=START, empty_pages=False) as cloud:
        organizations = cloud.session(MANAGEMENT_ACCOUNT).client("organizations")

        assert len(organizations.list_accounts()["Accounts"]) == 1


def test_units_are_nested_and_hold_accounts(
    cloud: LocalCloud, organizations: OrganizationsClient
) -> None:
    outer = cloud.organization.create_unit("workloads")
    inner = cloud.organization.create_unit("production", parent=outer)
    account = cloud.organization.create_account("prod", "prod@example.com", unit=inner)

    [root] = organizations.list_roots()["Roots"]
    assert units_in(organizations, root["Id"]) == [outer]
    assert units_in(organizations, outer) == [inner]
    assert units_in(organizations, inner) == []
    assert accounts_in(organizations, inner) == [account]
    assert accounts_in(organizations, outer) == []
    assert accounts_in(organizations, root["Id"]) == [MANAGEMENT_ACCOUNT]
    assert organizations.list_parents(ChildId=account)["Parents"] == [
        {"Id": inner, "Type": "ORGANIZATIONAL_UNIT"}
    ]
    unit = organizations.describe_organizational_unit(OrganizationalUnitId=inner)
    assert unit["OrganizationalUnit"]["Name"] == "production"


def test_an_account_can_move(cloud: LocalCloud, organizations: OrganizationsClient) -> None:
    unit = cloud.organization.create_unit("sandbox")
    account = cloud.organization.create_account("prod", "prod@example.com", unit=unit)

    cloud.organization.move_account(account, None)

    assert accounts_in(organizations, unit) == []
    assert account in accounts_in(organizations, cloud.organization.root_id)


def test_a_suspended_account_stays_in_the_list(
    cloud: LocalCloud, organizations: OrganizationsClient
) -> None:
    account = cloud.organization.create_account("old", "old@example.com", account_id=MEMBER)
    cloud.organization.suspend_account(account)

    described = organizations.describe_account(AccountId=account)["Account"]

    assert described["State"] == "SUSPENDED"
    assert "Status" not in described  # retired by AWS in September 2026
    assert described["Email"] == "old@example.com"
    assert account in accounts_in(organizations, cloud.organization.root_id)


def test_what_does_not_exist_is_said_to_be_missing(organizations: OrganizationsClient) -> None:
    unit = "ou-root-00000099"
    assert refusal(organizations.describe_account, AccountId=MEMBER) == "AccountNotFoundException"
    assert refusal(organizations.list_parents, ChildId=MEMBER) == "ChildNotFoundException"
    assert refusal(organizations.list_accounts_for_parent, ParentId=unit) == (
        "ParentNotFoundException"
    )
    assert refusal(organizations.describe_organizational_unit, OrganizationalUnitId=unit) == (
        "OrganizationalUnitNotFoundException"
    )
    assert refusal(organizations.list_accounts, NextToken="none") == "InvalidInputException"
    assert refusal(organizations.list_accounts, MaxResults=21) == "InvalidInputException"


def test_only_the_management_account_reads_the_organisation(cloud: LocalCloud) -> None:
    cloud.organization.create_account("prod", "prod@example.com", account_id=MEMBER)
    member = cloud.session(MEMBER).client("organizations")

    assert refusal(member.list_accounts) == "AccessDeniedException"
    described = member.describe_organization()["Organization"]
    assert described["MasterAccountId"] == MANAGEMENT_ACCOUNT


def units_in(organizations: OrganizationsClient, parent: str) -> list[str]:
    paginator = organizations.get_paginator("list_organizational_units_for_parent")
    pages = paginator.paginate(ParentId=parent)
    return [unit["Id"] for page in pages for unit in page["OrganizationalUnits"]]


def accounts_in(organizations: OrganizationsClient, parent: str) -> list[str]:
    paginator = organizations.get_paginator("list_accounts_for_parent")
    pages = paginator.paginate(ParentId=parent)
    return [account["Id"] for page in pages for account in page["Accounts"]]
