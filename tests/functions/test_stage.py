"""Enforcement in stages: EnforcedAccounts, as the functions keep to it."""

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from keyturn.domain.errors import InvalidValue
from keyturn.schemas.rotation_event import read_queued
from keyturn_sandbox.emulator.cloud import MANAGEMENT_ACCOUNT
from keyturn_sandbox.simulation.deployment import (
    ADMIN,
    BUCKET,
    MEMBER_ROLE,
    PREFIX,
    ROTATION_ROLE,
    role_arn,
)
from tests.use_cases.harness import ASKED, GROUP, HUB, MEMBER, Harness

UNPROVEN = "only the inventory of the daily run knows which accounts are below the units"


def units(stage: Harness) -> tuple[str, str]:
    """Two units, one in the other; the member account is in the inner one."""
    outer = stage.cloud.organization.create_unit("Workloads")
    inner = stage.cloud.organization.create_unit("Production", parent=outer)
    stage.cloud.organization.move_account(MEMBER, inner)
    return outer, inner


def enforce_in(stage: Harness, *ids: str) -> None:
    stage.settings["EnforcedAccounts"] = ",".join(ids)


def daily(stage: Harness) -> None:
    """A day as the cron begins it, over the accounts that know our role."""
    stage.take_inventory()
    assert stage.rotate_queued(rounds=1) == []
    stage.tell()


@pytest.fixture(autouse=True)
def only_the_member(stage: Harness) -> None:
    stage.settings["ExcludedAccounts"] = f"{MANAGEMENT_ACCOUNT},{HUB}"


def snapshots(stage: Harness) -> dict[str, dict[str, Any]]:
    """Account id → its snapshot of today."""
    s3 = stage.cloud.session(HUB).client("s3")
    folder = f"{PREFIX}/snapshots/date={stage.cloud.now.date()}/"
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=folder)["Contents"]
    taken = [json.loads(s3.get_object(Bucket=BUCKET, Key=o["Key"])["Body"].read()) for o in listed]
    return {each["account"]: each for each in taken}


def messages(stage: Harness) -> Iterable[dict[str, Any]]:
    for message in stage.receive(stage.deployment.rotation_queue):
        yield json.loads(message["Body"])


def test_the_daily_run_enforces_in_the_stage_and_nowhere_else(stage: Harness) -> None:
    _, inner = units(stage)
    [old] = stage.user("ann", 137)
    stage.settings["ExcludedAccounts"] = MANAGEMENT_ACCOUNT
    stage.cloud.add_role(HUB, MEMBER_ROLE, role_arn(HUB, ROTATION_ROLE))
    stage.cloud.session(HUB).client("iam").create_group(GroupName=GROUP)
    stage.cloud.add_user(HUB, "bob")
    bob = stage.cloud.add_key(HUB, "bob", created=stage.cloud.now - timedelta(days=137))
    enforce_in(stage, inner)

    daily(stage)

    assert len(stage.keys("ann")) == 2
    assert [each.key_id for each in stage.cloud.keys(HUB)] == [bob]
    taken = snapshots(stage)
    assert {account: each["dry_run"] for account, each in taken.items()} == {
        HUB: True,
        MEMBER: False,
    }
    assert taken[HUB]["warnings"][0].startswith("the account stays in dry run: EnforcedAccounts")
    of = {
        account: " ".join(
            str(m.subject) + str(m.text) for m in stage.cloud.sent_mails if key in str(m.text)
        )
        for account, key in ((HUB, bob), (MEMBER, old))
    }
    assert "dry run" in of[HUB].lower()
    assert "dry run" not in of[MEMBER].lower()
    # What a dry run would do is nobody's done: neither in the snapshot nor in the metrics.
    assert [each["done"] for each in taken[HUB]["keys"]] == [False]
    rotated = {
        each["account"]: each["ActionsRotated"]
        for each in stage.measured()
        if "ActionsRotated" in each
    }
    assert rotated == {HUB: [0.0], MEMBER: [1.0]}


def test_the_day_of_a_mixed_organisation_counts_what_was_done_and_names_the_rest(
    stage: Harness,
) -> None:
    _, inner = units(stage)
    stage.user("ann", 137)
    stage.settings |= {"ExcludedAccounts": MANAGEMENT_ACCOUNT, "AdminDigest": "Daily"}
    stage.cloud.add_role(HUB, MEMBER_ROLE, role_arn(HUB, ROTATION_ROLE))
    stage.cloud.session(HUB).client("iam").create_group(GroupName=GROUP)
    stage.cloud.add_user(HUB, "bob")
    stage.cloud.add_key(HUB, "bob", created=stage.cloud.now - timedelta(days=137))
    enforce_in(stage, inner)
    daily(stage)

    stage.at(1.3).report()
    stage.tell()

    *_, mail = (each for each in stage.cloud.sent_mails if each.to == [ADMIN])
    said = " ".join(str(mail.text).split())
    assert "1 of them was looked at in a dry run: nothing was changed there" in said
    assert "WHAT WAS DONE 1 key got a new key. - ann" in said
    assert "In 1 account in dry run: 1 key would get a new key. Nothing was changed there" in said
    assert "Nothing to do, 1 key changed" in mail.subject


def test_a_unit_reaches_the_accounts_of_the_units_below_it(stage: Harness) -> None:
    outer, _ = units(stage)
    stage.user("ann", 137)
    enforce_in(stage, outer)

    daily(stage)

    assert len(stage.keys("ann")) == 2


def test_each_message_says_below_which_units_of_the_stage_its_account_is(stage: Harness) -> None:
    outer, inner = units(stage)
    stage.settings["ExcludedAccounts"] = ""
    enforce_in(stage, outer, inner, HUB)
    stage.take_inventory()

    found = {each["account"]: each for each in messages(stage)}

    assert found[MEMBER]["stage"] == sorted([outer, inner])
    assert found[HUB]["stage"] == []
    assert all(each["stageAsked"] == sorted([outer, inner]) for each in found.values())


def test_by_hand_a_run_is_enforced_where_the_accounts_own_id_says_so(stage: Harness) -> None:
    stage.user("ann", 137)
    enforce_in(stage, MEMBER)
    enforced = stage.invoke()
    enforce_in(stage, HUB)
    other = stage.invoke()

    assert (enforced["dry_run"], other["dry_run"]) == (False, True)
    assert not any("EnforcedAccounts" in each for each in enforced["warnings"])
    assert "the account stays in dry run: EnforcedAccounts does not name it" in other["warnings"]


def test_by_hand_nobody_knows_units_so_it_stays_in_dry_run_and_says_why(stage: Harness) -> None:
    outer, _ = units(stage)
    [old] = stage.user("ann", 137)
    enforce_in(stage, outer)
    before = stage.mark()

    for event in ({}, {"dryrun": False}, {"ForceRotate": "ann"}, {"units": [outer]}):
        answer = stage.invoke({**ASKED, **event})
        assert answer["dry_run"] is True
        assert any(UNPROVEN in each for each in answer["warnings"])

    with pytest.raises(InvalidValue, match=r"^stage"):
        stage.invoke({**ASKED, "stage": [outer], "stageAsked": [outer]})
    assert stage.keys("ann") == {old: "Active"}
    assert not [call for call in stage.cloud.calls[before:] if call.operation.startswith("Create")]


@pytest.mark.parametrize("how", ["gone", "denied", "an older message", "half a message"])
def test_what_is_not_proven_is_not_enforced_and_the_run_says_so(how: str, stage: Harness) -> None:
    _, inner = units(stage)
    [old] = stage.user("ann", 137)
    enforce_in(stage, "ou-root-99999999" if how == "gone" else inner)
    if how == "denied":
        stage.cloud.organization.tells_paths = False
        stage.cloud.deny(MANAGEMENT_ACCOUNT, "ListAccountsForParent")
    if how in {"gone", "denied"}:
        stage.take_inventory()
        [said] = [each for each in stage.messages() if each.startswith("EnforcedAccounts names")]
        assert said.endswith(
            "the organisation has no such unit, so nothing is enforced by it"
            if how == "gone"
            else ")"
        )
        assert any("nothing is enforced, for none of 1 account" in m for m in stage.messages())
    else:
        more = {"stage": [inner]} if how == "half a message" else {}
        stage.send({**ASKED, "run": "r", **more})

    assert stage.rotate_queued(rounds=1) == []

    assert stage.keys("ann") == {old: "Active"}
    taken = snapshots(stage)[MEMBER]
    assert taken["dry_run"] is True
    said = taken["warnings"][0]
    assert (UNPROVEN if "message" in how else "is not known") in said


def test_a_message_proves_nothing_that_the_functions_own_list_does_not_name(
    stage: Harness,
) -> None:
    _, inner = units(stage)
    [old] = stage.user("ann", 137)
    enforce_in(stage, inner)
    stage.take_inventory()
    enforce_in(stage, "ou-root-99999999")  # an operator took the unit out meanwhile

    assert stage.rotate_queued(rounds=1) == []

    assert stage.keys("ann") == {old: "Active"}


def test_what_is_handed_back_for_want_of_time_stays_in_its_stage(stage: Harness) -> None:
    _, inner = units(stage)
    for name in ("ann", "bob"):
        stage.user(name, 137)
    enforce_in(stage, inner)
    stage.settings["ParallelUsers"] = "1"
    stage.slow("CreateAccessKey", 13)
    stage.take_inventory()

    stage.rotate_queued(context=stage.minutes(15), rounds=1)
    handed = [each for each in messages(stage) if each["account"] == MEMBER]

    assert [each["stage"] for each in handed] == [[inner]]
    assert read_queued(handed[0], now=stage.cloud.now).seen is not None


def test_a_leaked_key_and_a_broken_pipeline_wait_for_no_stage(stage: Harness) -> None:
    [old, other] = stage.user("ann", 40, 10)
    enforce_in(stage, "ou-root-99999999")

    revoked = stage.invoke({**ASKED, "Revoke": old, "by": "eve", "reason": "found on GitHub"})

    assert revoked["dry_run"] is False
    assert stage.keys("ann") == {old: "Inactive", other: "Active"}
    rehearsed = stage.invoke({**ASKED, "Revoke": other, "dryrun": True})
    assert rehearsed["dry_run"] is True
    assert stage.keys("ann")[other] == "Active"
    # The master switch stays the master switch.
    stage.settings["DryRunFlag"] = "True"
    assert stage.invoke({**ASKED, "Revoke": other})["dry_run"] is True


def test_a_key_that_was_disabled_is_restored_by_event_though_its_unit_is_not_known(
    stage: Harness,
) -> None:
    _, inner = units(stage)
    [old] = stage.user("ann", 137)
    enforce_in(stage, inner)
    for day in (0, 10):
        stage.at(day)
        daily(stage)
    assert stage.keys("ann")[old] == "Inactive"

    answer = stage.invoke({**ASKED, "Restore": old, "by": "eve"})

    assert answer["dry_run"] is False
    assert stage.keys("ann")[old] == "Active"


def test_an_adoption_outside_the_stage_is_only_looked_at(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.run()
    enforce_in(stage, HUB)

    answer = stage.invoke({"account": MEMBER, "Adopt": f"Account_{MEMBER}_User_ann_AccessKey"})

    assert answer["dry_run"] is True
    assert any("EnforcedAccounts does not name it" in str(each) for each in answer["warnings"])


@pytest.mark.parametrize("value", ["prod", "11111111111", " ", ",", "111111111111,Workloads"])
def test_what_is_no_id_is_refused_before_any_call(value: str, stage: Harness) -> None:
    stage.settings["EnforcedAccounts"] = value
    before = stage.mark()

    with pytest.raises(InvalidValue, match="EnforcedAccounts="):
        stage.invoke()

    assert stage.cloud.calls[before:] == []


def test_a_stage_that_takes_in_another_account_begins_its_windows_that_day(stage: Harness) -> None:
    """A dry run promised nothing: the first enforced day rotates, and nothing is disabled."""
    [old] = stage.user("ann", 137)
    enforce_in(stage, HUB)
    for day in (0, 7):
        stage.at(day)
        daily(stage)
    assert stage.keys("ann") == {old: "Active"}

    enforce_in(stage, HUB, MEMBER)
    stage.at(8)
    daily(stage)
    assert list(stage.keys("ann").values()) == ["Active", "Active"]
    stage.at(17)
    daily(stage)
    assert stage.keys("ann")[old] == "Active"
    stage.at(18)
    daily(stage)
    assert stage.keys("ann")[old] == "Inactive"
