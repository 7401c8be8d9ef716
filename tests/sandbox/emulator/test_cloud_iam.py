"""Where moto's IAM is kinder than AWS's."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from keyturn_sandbox.emulator.cloud import KeyState, KeyUse, LocalCloud, Perform
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from tests.sandbox.emulator.aws_says import MEMBER, refusal

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(now=START) as cloud:
        cloud.organization.create_account("prod", "prod@example.com", account_id=MEMBER)
        yield cloud


def test_users_come_in_pages_that_may_be_shorter_than_asked_for(cloud: LocalCloud) -> None:
    names = [f"user-{number:03}" for number in range(205)]
    for name in names:
        cloud.add_user(MEMBER, name)
    iam = cloud.session(MEMBER).client("iam")

    pages = [
        [user["UserName"] for user in page["Users"]]
        for page in iam.get_paginator("list_users").paginate()
    ]

    assert [len(page) for page in pages] == [99, 99, 7]
    assert [name for page in pages for name in page] == names


@pytest.mark.parametrize(("short_pages", "length"), [(True, 9), (False, 10)])
def test_short_pages_can_be_switched_off(*, short_pages: bool, length: int) -> None:
    with LocalCloud(now=START, short_pages=short_pages) as cloud:
        account = cloud.organization.management_account
        for number in range(12):
            cloud.add_user(account, f"user-{number:02}")

        page = cloud.session(account).client("iam").list_users(MaxItems=10)

        assert len(page["Users"]) == length
        assert page["IsTruncated"]


def test_pages_hold_although_users_come_and_go(cloud: LocalCloud) -> None:
    iam = cloud.session(MEMBER).client("iam")
    for name in "abcdef":
        cloud.add_user(MEMBER, name)
    page = iam.list_users(MaxItems=3)
    iam.delete_user(UserName="a")
    cloud.add_user(MEMBER, "aa")

    rest = iam.list_users(Marker=page["Marker"])

    assert [user["UserName"] for user in page["Users"]] == ["a", "b"]
    assert [user["UserName"] for user in rest["Users"]] == ["c", "d", "e", "f"]


def test_a_page_has_at_most_a_thousand_users(cloud: LocalCloud) -> None:
    iam = cloud.session(MEMBER).client("iam")

    assert refusal(iam.list_users, MaxItems=1001) == "ValidationError"
    assert refusal(iam.list_users, Marker="no marker") == "ValidationError"


def test_the_members_of_a_group_come_in_pages(cloud: LocalCloud) -> None:
    iam = cloud.session(MEMBER).client("iam")
    iam.create_group(GroupName="exempt")
    for number in range(120):
        cloud.add_user(MEMBER, f"user-{number:03}")
        iam.add_user_to_group(GroupName="exempt", UserName=f"user-{number:03}")

    first = iam.get_group(GroupName="exempt")
    second = iam.get_group(GroupName="exempt", Marker=first["Marker"])

    assert first["IsTruncated"]
    assert not second["IsTruncated"]
    assert len(first["Users"]) + len(second["Users"]) == 120
    assert first["Group"]["GroupName"] == "exempt"


def test_what_does_not_exist_is_said_to_be_missing(cloud: LocalCloud) -> None:
    iam = cloud.session(MEMBER).client("iam")
    cloud.add_user(MEMBER, "ann")
    cloud.add_user(MEMBER, "bob")
    of_bob = cloud.add_key(MEMBER, "bob")
    other = {"AccessKeyId": of_bob, "UserName": "ann"}

    assert refusal(iam.get_group, GroupName="exempt") == "NoSuchEntity"
    assert refusal(iam.list_access_keys, UserName="carl") == "NoSuchEntity"
    assert refusal(iam.create_access_key, UserName="carl") == "NoSuchEntity"
    assert refusal(iam.update_access_key, Status="Inactive", **other) == "NoSuchEntity"
    assert refusal(iam.delete_access_key, **other) == "NoSuchEntity"


def test_a_user_has_two_keys_at_most(cloud: LocalCloud) -> None:
    iam = cloud.session(MEMBER).client("iam")
    cloud.add_user(MEMBER, "ann")
    iam.create_access_key(UserName="ann")
    iam.create_access_key(UserName="ann")

    assert refusal(iam.create_access_key, UserName="ann") == "LimitExceeded"
    assert len(iam.list_access_keys(UserName="ann")["AccessKeyMetadata"]) == 2


def test_of_a_key_never_used_there_is_no_date(cloud: LocalCloud) -> None:
    iam = cloud.session(MEMBER).client("iam")
    cloud.add_user(MEMBER, "ann")
    key_id = cloud.add_key(MEMBER, "ann")

    answer = iam.get_access_key_last_used(AccessKeyId=key_id)

    assert answer["UserName"] == "ann"
    assert answer["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}


def test_the_use_of_a_key_is_seen(cloud: LocalCloud) -> None:
    iam = cloud.session(MEMBER).client("iam")
    cloud.add_user(MEMBER, "ann")
    key_id = cloud.add_key(MEMBER, "ann", created=START - 100 * DAY)
    cloud.use_key(MEMBER, key_id, START - 3 * DAY, "ec2", "eu-west-1")

    answer = iam.get_access_key_last_used(AccessKeyId=key_id)["AccessKeyLastUsed"]

    used = KeyUse(at=START - 3 * DAY, service="ec2", region="eu-west-1")
    assert answer == {"LastUsedDate": used.at, "ServiceName": "ec2", "Region": "eu-west-1"}
    assert cloud.last_used_of(MEMBER, key_id) == used
    assert cloud.keys(MEMBER) == [
        KeyState(
            user="ann",
            key_id=key_id,
            status="Active",
            created=START - 100 * DAY,
            last_used=used,
        )
    ]


def test_another_accounts_keys_are_not_seen(cloud: LocalCloud) -> None:
    cloud.add_user(MEMBER, "ann")
    key_id = cloud.add_key(MEMBER, "ann")
    elsewhere = cloud.session(cloud.organization.management_account).client("iam")

    assert refusal(elsewhere.get_access_key_last_used, AccessKeyId=key_id) == "NoSuchEntity"


def test_a_call_with_a_key_counts_as_its_use(cloud: LocalCloud) -> None:
    cloud.add_user(MEMBER, "ann")
    key_id = cloud.add_key(MEMBER, "ann")
    cloud.move_to(START + 5 * DAY)

    cloud.key_session(key_id).client("sts").get_caller_identity()

    used = cloud.last_used_of(MEMBER, key_id)
    assert used == KeyUse(at=START + 5 * DAY, service="sts", region="us-east-1")


@pytest.mark.parametrize("name", ["ann,ops", "a+b=c.d@e_f-g", "a" * 64])
def test_user_names_that_iam_takes(cloud: LocalCloud, name: str) -> None:
    iam = cloud.session(MEMBER).client("iam")

    iam.create_user(UserName=name, Path="/division/team/")

    assert iam.list_users(PathPrefix="/division/")["Users"][0]["UserName"] == name
    assert iam.list_users(PathPrefix="/other/")["Users"] == []


@pytest.mark.parametrize("name", ["ann smith", "ann/ops", "änn", "a" * 65])
def test_user_names_that_iam_refuses(cloud: LocalCloud, name: str) -> None:
    iam = cloud.session(MEMBER).client("iam")

    assert refusal(iam.create_user, UserName=name) == "ValidationError"


def test_a_path_begins_and_ends_with_a_slash(cloud: LocalCloud) -> None:
    iam = cloud.session(MEMBER).client("iam")

    assert refusal(iam.create_user, UserName="ann", Path="/team") == "ValidationError"


def test_names_are_not_distinguished_by_case(cloud: LocalCloud) -> None:
    iam = cloud.session(MEMBER).client("iam")
    iam.create_user(UserName="ann")

    assert refusal(iam.create_user, UserName="Ann") == "EntityAlreadyExists"


def test_a_user_with_keys_or_groups_cannot_be_deleted(cloud: LocalCloud) -> None:
    iam = cloud.session(MEMBER).client("iam")
    cloud.add_user(MEMBER, "ann")
    key_id = cloud.add_key(MEMBER, "ann")
    iam.create_group(GroupName="exempt")
    iam.add_user_to_group(GroupName="exempt", UserName="ann")

    assert refusal(iam.delete_user, UserName="ann") == "DeleteConflict"
    iam.delete_access_key(UserName="ann", AccessKeyId=key_id)
    assert refusal(iam.delete_user, UserName="ann") == "DeleteConflict"
    iam.remove_user_from_group(GroupName="exempt", UserName="ann")
    iam.delete_user(UserName="ann")


def test_without_a_name_the_callers_own_keys_are_meant(cloud: LocalCloud) -> None:
    cloud.add_user(MEMBER, "ann", path="/team/")
    key_id = cloud.add_key(MEMBER, "ann")

    own = cloud.key_session(key_id).client("iam").list_access_keys()["AccessKeyMetadata"]

    assert [key["AccessKeyId"] for key in own] == [key_id]
    role = cloud.role_session(MEMBER, "Rotation").client("iam")
    assert refusal(role.list_access_keys) == "ValidationError"


def test_a_users_tags_are_listed(cloud: LocalCloud) -> None:
    cloud.add_user(MEMBER, "ann", tags={"owner": "ann@example.com"})

    tags = cloud.session(MEMBER).client("iam").list_user_tags(UserName="ann")["Tags"]

    assert tags == [{"Key": "owner", "Value": "ann@example.com"}]


def test_what_changes_while_a_call_is_on_its_way_is_done_when_it_arrives(
    cloud: LocalCloud,
) -> None:
    cloud.add_user(MEMBER, "ann")
    old = cloud.add_key(MEMBER, "ann", created=START - DAY)
    iam, person = (cloud.session(MEMBER).client("iam") for _ in range(2))
    made: list[str] = []

    def meanwhile(request: ApiRequest, go_on: Perform) -> ApiResponse:
        if request.operation == "ListAccessKeys":
            made.append(person.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"])
        return go_on(request)

    cloud.layers.append(meanwhile)
    keys = iam.list_access_keys(UserName="ann")["AccessKeyMetadata"]

    assert [key["AccessKeyId"] for key in keys] == [old, *made]


def test_a_key_list_may_be_some_seconds_old(cloud: LocalCloud) -> None:
    cloud.add_user(MEMBER, "ann")
    old = cloud.add_key(MEMBER, "ann", created=START - DAY)
    iam = cloud.session(MEMBER).client("iam")
    cloud.delays.lists = timedelta(seconds=30)

    def listed() -> dict[str, str]:
        keys = iam.list_access_keys(UserName="ann")["AccessKeyMetadata"]
        return {key["AccessKeyId"]: key["Status"] for key in keys}

    new = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
    assert listed() == {old: "Active"}
    assert refusal(iam.create_access_key, UserName="ann") == "LimitExceeded"
    assert refusal(iam.delete_access_key, UserName="ann", AccessKeyId=new) == "NoSuchEntity"

    cloud.move_to(cloud.now + timedelta(seconds=31))
    iam.update_access_key(UserName="ann", AccessKeyId=old, Status="Inactive")
    assert listed() == {old: "Active", new: "Active"}

    cloud.move_to(cloud.now + timedelta(seconds=31))
    iam.delete_access_key(UserName="ann", AccessKeyId=old)
    assert listed() == {old: "Inactive", new: "Active"}

    cloud.move_to(cloud.now + timedelta(seconds=31))
    assert listed() == {new: "Active"}


def test_a_last_use_may_be_told_hours_late(cloud: LocalCloud) -> None:
    cloud.add_user(MEMBER, "ann")
    key = cloud.add_key(MEMBER, "ann", created=START - 9 * DAY)
    iam = cloud.session(MEMBER).client("iam")
    cloud.delays.last_use = timedelta(hours=4)
    before = START - 5 * DAY
    cloud.use_key(MEMBER, key, before)
    cloud.use_key(MEMBER, key, START)

    def told() -> datetime:
        return iam.get_access_key_last_used(AccessKeyId=key)["AccessKeyLastUsed"]["LastUsedDate"]

    assert told() == before
    cloud.move_to(START + timedelta(hours=4))
    assert told() == START


def test_a_renamed_user_keeps_its_keys(cloud: LocalCloud) -> None:
    iam = cloud.session(MEMBER).client("iam")
    cloud.add_user(MEMBER, "ann")
    cloud.add_user(MEMBER, "bob")
    key = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]

    assert refusal(iam.update_user, UserName="ann", NewUserName="Bob") == ("EntityAlreadyExists")
    iam.update_user(UserName="ann", NewUserName="ann-ci")
    iam.create_user(UserName="ann")
    [found] = iam.list_access_keys(UserName="ann-ci")["AccessKeyMetadata"]
    iam.delete_access_key(UserName="ann-ci", AccessKeyId=key)

    assert (found["UserName"], found["AccessKeyId"]) == ("ann-ci", key)
    assert iam.list_access_keys(UserName="ann-ci")["AccessKeyMetadata"] == []


def test_the_credential_report_has_the_root_user_and_names_with_a_comma(cloud: LocalCloud) -> None:
    for name in ("ann", "reports,finance"):
        cloud.add_user(MEMBER, name)
    old = cloud.add_key(MEMBER, "reports,finance", created=START - 90 * DAY)
    cloud.add_key(MEMBER, "reports,finance", created=START - DAY, active=False)
    cloud.use_key(MEMBER, old, START - 2 * DAY)
    iam = cloud.session(MEMBER).client("iam")

    assert "ReportNotPresent" in refusal(iam.get_credential_report)
    iam.generate_credential_report()
    report = iam.get_credential_report()

    root, ann, finance = csv.DictReader(report["Content"].decode().splitlines())
    assert (root["user"], ann["user"]) == ("<root_account>", "ann")
    assert (ann["access_key_1_active"], ann["access_key_1_last_rotated"]) == ("false", "N/A")
    slots = [
        [finance[f"access_key_{number}_{what}"] for what in ("active", "last_rotated")]
        for number in (1, 2)
    ]
    assert finance["user"] == "reports,finance"
    assert slots == [
        ["true", "2025-10-03T00:00:00+00:00"],
        ["false", "2025-12-31T00:00:00+00:00"],
    ]
    assert finance["access_key_1_last_used_date"] == "2025-12-30T00:00:00+00:00"
    assert finance["access_key_2_last_used_service"] == "N/A"
