"""Large accounts, the exemption group, and what is skipped when it cannot be read."""

from collections.abc import Callable

import pytest

from keyturn_sandbox.emulator.cloud import LocalCloud, Perform
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from keyturn_sandbox.simulation.deployment import MEMBER_ROLE
from tests.use_cases.harness import (
    GROUP,
    MEMBER,
    Harness,
    break_down,
    decisions_of,
    failures_of,
    staged,
)


def test_of_1250_users_none_is_overlooked_and_none_of_1100_exempt_ones_is_touched() -> None:
    users, members = 1_250, 1_100
    with staged(short_pages=True) as stage:
        names = [f"user-{number:04}" for number in range(users)]
        for name in names:
            stage.user(name, 137)
        exempt = set(names[::-1][:members])  # the last ones: they come on the last pages
        stage.exempt(*exempt)
        exempt_keys = {key.key_id for key in stage.cloud.keys(MEMBER) if key.user in exempt}
        since = stage.mark()

        answer = stage.invoke()

        assert answer["failures"] == []
        assert answer["counts"]["users"] == users
        assert answer["counts"]["exempt"] == members
        made = {(each["user"], each["action"], *each["overlays"]) for each in answer["decisions"]}
        assert made == {(name, "KEEP", "EXEMPT") for name in exempt} | {
            (name, "ROTATE") for name in names if name not in exempt
        }
        truncated = [call for call in stage.ours(since) if "Marker" in call.params]
        assert {call.operation for call in truncated} == {"ListUsers", "GetGroup"}
        written = {
            str(call.params.get("UserName"))
            for call in stage.ours(since)
            if call.operation == "CreateAccessKey"
        }
        assert written == set(names) - exempt
        unchanged = {key.key_id for key in stage.cloud.keys(MEMBER) if key.user in exempt}
        assert unchanged == exempt_keys
        assert not any(
            name in secret.name for secret in stage.cloud.secrets(MEMBER) for name in exempt
        )


def two_users(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.user("bob", 137)
    stage.exempt("bob")


def _denied(cloud: LocalCloud) -> None:
    cloud.deny(MEMBER, "GetGroup")


def _throttled(cloud: LocalCloud) -> None:
    cloud.throttle(MEMBER, "GetGroup")


def _broken(cloud: LocalCloud) -> None:
    cloud.layers.append(break_down("GetGroup"))


def _second_page_denied(cloud: LocalCloud) -> None:
    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        if "Marker" in request.params and request.operation == "GetGroup":
            cloud.deny(MEMBER, "GetGroup", times=1)
        return perform(request)

    cloud.layers.append(layer)


@pytest.mark.parametrize("obstacle", [_denied, _throttled, _broken, _second_page_denied])
@pytest.mark.parametrize("dry_run", ["True", "False"])
def test_a_group_that_cannot_be_read_leaves_the_whole_account_alone_and_says_so(
    dry_run: str, obstacle: Callable[[LocalCloud], None], stage: Harness
) -> None:
    stage.settings["DryRunFlag"] = dry_run
    two_users(stage)
    if obstacle is _second_page_denied:
        for number in range(1_001):
            stage.user(f"service-{number:04}")
            stage.exempt(f"service-{number:04}")
    obstacle(stage.cloud)
    since = stage.mark()

    answer = stage.run()

    failure = failures_of(answer)[None]
    assert f"the exemption group {GROUP} could not be read: the account was skipped" in failure
    assert answer["decisions"] == []
    assert stage.writes(since) == []
    assert "ListAccessKeys" not in {call.operation for call in stage.ours(since)}
    [mail] = stage.cloud.sent_mails
    assert "could not be read" in " ".join(str(mail.text).split())


def test_a_missing_group_stops_enforcement(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.iam().delete_group(GroupName=GROUP)

    answer = stage.run()

    assert failures_of(answer) == {
        None: f"the exemption group {GROUP} does not exist: "
        "the account was skipped (AllowMissingExemptionGroup=false)"
    }
    assert answer["decisions"] == []
    assert stage.writes() == []


def test_a_missing_group_is_a_warning_in_a_dry_run(stage: Harness) -> None:
    stage.settings["DryRunFlag"] = "True"
    stage.user("ann", 137)
    stage.iam().delete_group(GroupName=GROUP)

    answer = stage.run()

    assert answer["warnings"] == [f"the exemption group {GROUP} does not exist: nobody is exempt"]
    assert answer["failures"] == []
    assert decisions_of(answer, "ann") == [("ROTATE", "rotation-due")]
    assert answer["warnings"][0] in stage.messages()
    assert stage.writes() == []


def test_a_missing_group_stops_nothing_where_operators_allow_it(stage: Harness) -> None:
    stage.settings["AllowMissingExemptionGroup"] = "true"
    stage.user("ann", 137)
    stage.iam().delete_group(GroupName=GROUP)

    answer = stage.run()

    assert answer["failures"] == []
    assert len(answer["warnings"]) == 1
    assert "CreateAccessKey" in stage.writes()


def test_a_group_of_another_name_counts_when_it_is_set(stage: Harness) -> None:
    stage.settings["IAMExemptionGroup"] = "LeaveAlone"
    two_users(stage)
    stage.iam().create_group(GroupName="LeaveAlone")
    stage.iam().add_user_to_group(GroupName="LeaveAlone", UserName="ann")

    answer = stage.run()

    assert decisions_of(answer, "ann") == [("KEEP", "exempt")]
    assert decisions_of(answer, "bob") == [("ROTATE", "rotation-due")]


def test_the_group_is_asked_again_in_every_run(stage: Harness) -> None:
    [old] = stage.user("ann", 90)
    stage.run()
    stage.exempt("ann")
    since = stage.at(10).mark()

    stage.run()

    assert stage.writes(since) == []
    assert stage.keys("ann")[old] == "Active"


def test_users_that_cannot_be_listed_leave_the_whole_account_alone(stage: Harness) -> None:
    two_users(stage)
    stage.cloud.throttle(MEMBER, "ListUsers")

    answer = stage.run()

    assert "ListUsers: Throttling" in failures_of(answer)[None]
    assert answer["decisions"] == []
    assert stage.writes() == []


def test_an_account_without_the_role_is_named(stage: Harness) -> None:
    other = stage.cloud.organization.create_account("new", "new@example.com")

    answer = stage.run({"account": other})

    role = f"arn:aws:iam::{other}:role/{MEMBER_ROLE}"
    assert f"the role {role} could not be assumed" in failures_of(answer)[None]
    assert answer["account"] == other
    [mail] = stage.cloud.sent_mails
    assert role in str(mail.text)


def test_a_member_whose_role_can_be_assumed_again_is_kept_again(stage: Harness) -> None:
    two_users(stage)
    denial = stage.cloud.deny(None, "AssumeRole")
    assert None in failures_of(stage.run())

    denial.lift()

    assert stage.run()["failures"] == []


def test_credentials_that_end_are_renewed(stage: Harness) -> None:
    stage.user("ann", 1)
    for _ in range(3):
        assert stage.run()["failures"] == []
    assert stage.costs(0)["sts:AssumeRole"] == 1

    stage.at(0.1)

    assert stage.run()["failures"] == []
    assert stage.costs(0)["sts:AssumeRole"] == 2
