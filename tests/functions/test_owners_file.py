"""The owners file and alternate contacts decide who is notified, from the queue to the mail."""

from collections.abc import Iterator
from typing import Literal

import pytest

from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from keyturn_sandbox.simulation.deployment import ADMIN, BUCKET, PREFIX
from tests.use_cases.harness import HUB, MEMBER, Harness, Layer, decisions_of, staged


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
    answer = stage.invoke()  # by hand: the event names no units
    stage.tell()

    assert "prod@example.com" not in {mail.to[0] for mail in stage.cloud.sent_mails}
    if how == "units unknown":
        assert "name them in the event (units), or leave it to" in str(answer["failures"])


def test_what_is_edited_between_inventory_and_run_leaves_known_units_known(
    stage: Harness,
) -> None:
    organization = stage.cloud.organization
    below, other = (organization.create_unit(name) for name in ("Workloads", "Core"))
    organization.move_account(MEMBER, below)
    rules = f"- {{unit: {below}, addresses: workloads@example.com}}\n"
    owners_file(stage, f"- {{unit: {other}, addresses: core@example.com}}\n{rules}")
    stage.take_inventory()
    owners_file(stage, f"# uploaded at noon\n{rules}- addresses: rest@example.com\n")

    stage.rotate_queued()
    stage.tell()

    assert {mail.to[0] for mail in stage.cloud.sent_mails} - {ADMIN} == {"workloads@example.com"}


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


@pytest.mark.parametrize("proof", ["Accepted", "Delivered"])
def test_a_later_contact_that_cannot_be_read_hides_none_that_serves(
    proof: str, stage: Harness
) -> None:
    contact(stage, "SECURITY", "sec-team@example.com")
    stage.settings |= {"ReadAlternateContacts": "true", "ProofOfNotice": proof}
    stage.cloud.layers.append(without_contact("OPERATIONS"))

    assert notified(stage) == {"sec-team@example.com"}
    assert asked_for_contacts(stage) == ["SECURITY"]  # the refused ones are none of the log


def test_a_source_that_cannot_be_read_is_not_skipped_when_its_turn_comes(stage: Harness) -> None:
    contact(stage, "SECURITY", "sec-team@example.com")
    stage.settings |= {"ReadAlternateContacts": "true", "ProofOfNotice": "Delivered"}
    stage.cloud.layers.append(without_contact("OPERATIONS"))
    stage.run()

    doubted = stage.at(3).run()  # nothing is reported as delivered: the next one's turn
    stage.cloud.layers.pop()
    contact(stage, "OPERATIONS", "ops-team@example.com")

    assert ("WAIT", "receipts-unreadable") in decisions_of(doubted, "ann")
    assert "GetAlternateContact" in str(doubted["failures"])
    assert {mail.to[0] for mail in stage.cloud.sent_mails} - {ADMIN} == {"sec-team@example.com"}
    stage.at(4).run()
    assert "ops-team@example.com" in {mail.to[0] for mail in stage.cloud.sent_mails}


def without_contact(kind: str) -> Layer:
    """One contact's answer is refused."""

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.params.get("AlternateContactType") == kind:
            return ApiResponse(status=403, body=b"", error="AccessDeniedException")
        return perform(request)

    return layer
