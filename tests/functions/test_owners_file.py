"""The owners file and alternate contacts decide who is notified, from the queue to the mail."""

from collections.abc import Iterator
from typing import Literal

import pytest

from keyturn_sandbox.simulation.deployment import ADMIN, BUCKET, PREFIX
from tests.use_cases.harness import HUB, MEMBER, Harness, staged


@pytest.fixture
def stage() -> Iterator[Harness]:
    with staged() as stage:
        stage.user("ann", 137)
        yield stage


def owners_file(stage: Harness, rules: str) -> None:
    stage.cloud.session(HUB).client("s3").put_object(
        Bucket=BUCKET,
        Key=f"{PREFIX}/owners.yaml",
        Body=f"version: 1\nrules:\n{rules}".encode(),
    )


def contact(stage: Harness, kind: Literal["SECURITY", "OPERATIONS"], address: str) -> None:
    client = stage.cloud.session(MEMBER).client("account", region_name="us-east-1")
    client.put_alternate_contact(
        AlternateContactType=kind, EmailAddress=address, Name="n", PhoneNumber="1", Title="t"
    )


def notified(stage: Harness) -> set[str]:
    """Whom mails went to, but for the admin."""
    stage.take_inventory()
    stage.rotate_queued()
    stage.tell()
    return {mail.to[0] for mail in stage.cloud.sent_mails} - {ADMIN}


def test_the_files_owner_is_notified_instead_of_the_account(stage: Harness) -> None:
    owners_file(
        stage,
        "- {user: b*, addresses: b@example.com}\n"
        "- {user: a*, addresses: [team@example.com, lead@example.com]}\n",
    )

    assert notified(stage) == {"team@example.com", "lead@example.com"}
    assert len(stage.keys("ann")) == 2


def test_a_rule_for_a_unit_serves_the_accounts_below_it(stage: Harness) -> None:
    organization = stage.cloud.organization
    outer = organization.create_unit("Workloads")
    organization.move_account(MEMBER, organization.create_unit("Production", parent=outer))
    owners_file(
        stage,
        f"- {{unit: {outer}, addresses: workloads@example.com}}\n- addresses: other@example.com\n",
    )

    assert notified(stage) == {"workloads@example.com"}


def test_who_is_matched_by_no_rule_is_the_accounts(stage: Harness) -> None:
    owners_file(stage, "- {path: /robots/*, addresses: robots@example.com}\n")

    assert notified(stage) == {"prod@example.com"}


def test_a_broken_rule_leaves_the_next_source_to_serve_and_nothing_waits(stage: Harness) -> None:
    owners_file(stage, "- {user: a*, addresses: team}\n")

    assert notified(stage) == {"prod@example.com"}
    assert len(stage.keys("ann")) == 2


@pytest.mark.parametrize("how", ["denied", "units unknown"])
def test_while_the_files_answer_is_unknown_nobody_else_is_notified_in_its_place(
    how: str, stage: Harness
) -> None:
    owners_file(stage, "- {unit: ou-ab12-00000000, addresses: team@example.com}\n")
    if how == "denied":
        stage.cloud.deny(HUB, "GetObject", "AccessDenied")
        stage.invoke()
    else:
        stage.invoke()  # by hand: the event names no units
    stage.tell()

    assert "prod@example.com" not in {mail.to[0] for mail in stage.cloud.sent_mails}


def test_alternate_contacts_serve_where_nothing_before_them_does(stage: Harness) -> None:
    contact(stage, "OPERATIONS", "ops-team@example.com")
    stage.settings["ReadAlternateContacts"] = "true"

    assert notified(stage) == {"ops-team@example.com"}


def test_security_comes_before_operations(stage: Harness) -> None:
    contact(stage, "OPERATIONS", "ops-team@example.com")
    contact(stage, "SECURITY", "sec-team@example.com")
    stage.settings["ReadAlternateContacts"] = "true"

    assert notified(stage) == {"sec-team@example.com"}


def asked_for_contacts(stage: Harness) -> list[str]:
    calls = [call for call in stage.ours() if call.operation == "GetAlternateContact"]
    return sorted(str(call.params["AlternateContactType"]) for call in calls)


def test_alternate_contacts_are_not_read_unless_an_operator_wants_it(stage: Harness) -> None:
    assert notified(stage) == {"prod@example.com"}
    assert asked_for_contacts(stage) == []


def test_alternate_contacts_are_read_once_for_all_users_of_a_run(stage: Harness) -> None:
    stage.user("bob", 137)
    stage.settings["ReadAlternateContacts"] = "true"

    stage.invoke()

    assert asked_for_contacts(stage) == ["OPERATIONS", "SECURITY"]


def test_alternate_contacts_that_are_denied_are_not_none(stage: Harness) -> None:
    stage.cloud.deny(MEMBER, "GetAlternateContact")
    stage.settings["ReadAlternateContacts"] = "true"

    assert "prod@example.com" not in notified(stage)
