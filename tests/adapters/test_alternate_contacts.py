"""An account's alternate contacts, asked for in the account itself."""

from collections.abc import Iterator
from typing import Literal

import pytest

from keyturn.adapters.alternate_contacts import AwsAlternateContacts
from keyturn.domain.errors import Denied, Throttled
from keyturn.ports import ContactType
from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.use_cases.harness import MEMBER, START


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(now=START) as cloud:
        cloud.organization.create_account("prod", "prod@example.com", account_id=MEMBER)
        cloud.add_role(MEMBER, "Rotation", MEMBER)
        yield cloud


def contacts(cloud: LocalCloud) -> AwsAlternateContacts:
    client = cloud.role_session(MEMBER, "Rotation").client("account", region_name="us-east-1")
    return AwsAlternateContacts(lambda: client)


Kind = Literal["BILLING", "OPERATIONS", "SECURITY"]


def put(cloud: LocalCloud, kind: Kind, address: str) -> None:
    cloud.session(MEMBER).client("account", region_name="us-east-1").put_alternate_contact(
        AlternateContactType=kind,
        EmailAddress=address,
        Name="A team",
        PhoneNumber="1",
        Title="Team",
    )


def test_an_account_without_contacts_has_none(cloud: LocalCloud) -> None:
    put(cloud, "BILLING", "billing@example.com")

    assert [contacts(cloud).of(MEMBER, kind) for kind in ContactType] == ["", ""]


def test_each_is_asked_for_by_itself_and_security_comes_first(cloud: LocalCloud) -> None:
    put(cloud, "OPERATIONS", "operations@example.com")
    put(cloud, "SECURITY", "security@example.com")

    assert [contacts(cloud).of(MEMBER, kind) for kind in ContactType] == [
        "security@example.com",
        "operations@example.com",
    ]


def test_the_account_itself_is_asked_and_none_is_named(cloud: LocalCloud) -> None:
    """Only the management account may name one."""
    put(cloud, "OPERATIONS", "ops@example.com")

    assert contacts(cloud).of(MEMBER, ContactType.OPERATIONS) == "ops@example.com"
    asked = [call for call in cloud.calls if call.operation == "GetAlternateContact"]
    assert [call.params for call in asked if call.account == MEMBER] == [
        {"AlternateContactType": "OPERATIONS"},
    ]


def test_what_cannot_be_read_is_not_none(cloud: LocalCloud) -> None:
    denied = cloud.deny(MEMBER, "GetAlternateContact")
    with pytest.raises(Denied):
        contacts(cloud).of(MEMBER, ContactType.SECURITY)
    denied.times = 0
    cloud.throttle(MEMBER, "GetAlternateContact")
    with pytest.raises(Throttled):
        contacts(cloud).of(MEMBER, ContactType.SECURITY)
