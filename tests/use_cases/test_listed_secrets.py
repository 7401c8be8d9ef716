"""
The list of secrets says who is at rest; AWS is asked anew about whoever is written to or told.

The sandbox's list lacks the last five minutes, as AWS's may.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from keyturn.adapters.secret_list import LONGEST_LIST, MOST_PAGES
from keyturn.domain.secret_names import INTENT_TAG, SEAL_TAG, USER_ID_TAG, USER_TAG, secret_name
from keyturn.domain.tag_text import format_utc
from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.faults import KilledError
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from tests.use_cases.harness import (
    ASKED,
    MEMBER,
    MINUTE,
    OWNER,
    Harness,
    before,
    decisions_of,
    failures_of,
)

LATE = 3 * MINUTE
"""How long ago somebody did what no list shows yet."""


def lists_and_looks(stage: Harness, since: int) -> tuple[int, int]:
    costs = stage.costs(since)
    return costs["secretsmanager:ListSecrets"], costs["secretsmanager:DescribeSecret"]


def meanwhile(stage: Harness, act: Callable[[], object]) -> None:
    """Let somebody act, three minutes before the next run."""
    act()
    stage.cloud.move_to(stage.cloud.now + LATE)


def die() -> None:
    """The process of a run dies."""
    raise KilledError


def overwrite(stage: Harness, user: str) -> None:
    stage.secret_store().put_secret_value(
        SecretId=secret_name(MEMBER, user), SecretString="of another program"
    )


def rotated(stage: Harness, *users: str) -> dict[str, str]:
    """Rotate users' keys on day 0, and move to the day on which the old ones are disabled."""
    old = {user: stage.user(user, 90, Owner=OWNER)[0] for user in users}
    stage.run()
    for day in (7, 10):
        stage.at(day)
        if day == 7:
            stage.run()
    stage.use(*old.values())
    return old


def test_a_key_is_not_disabled_on_the_word_of_a_list_that_is_late(stage: Harness) -> None:
    old = rotated(stage, "ann", "bob")

    meanwhile(stage, lambda: overwrite(stage, "ann"))
    answer = stage.run()

    assert ("DISABLE", "window-over") in decisions_of(answer, "bob")
    assert stage.keys("ann")[old["ann"]] == "Active"
    assert stage.keys("bob")[old["bob"]] == "Inactive"


def test_nobody_is_told_a_thing_that_is_no_longer_so(stage: Harness) -> None:
    """Restored by command three minutes ago: by the list, a person enabled the key by hand."""
    old = rotated(stage, "ann")["ann"]
    stage.run()
    stage.at(12)

    meanwhile(stage, lambda: stage.run({**ASKED, "Restore": old}))
    told = len(stage.cloud.sent_mails)
    answer = stage.run()

    assert "restored" not in {reason for _, reason in decisions_of(answer, "ann")}
    assert len(stage.cloud.sent_mails) == told
    assert "ordered" in stage.noted("ann", old)


def test_an_intent_that_no_list_shows_yet_is_seen(stage: Harness) -> None:
    stage.user("ann", 90, Owner=OWNER)
    for day in (0, 7, 10, 20):
        stage.at(day).run()
    stage.at(90)
    [key] = stage.keys("ann")
    intent = f"run=other at={format_utc(stage.cloud.now)} seen={key} replaces={key}"

    meanwhile(
        stage,
        lambda: stage.secret_store().tag_resource(
            SecretId=secret_name(MEMBER, "ann"), Tags=[{"Key": INTENT_TAG, "Value": intent}]
        ),
    )
    answer = stage.run()

    assert decisions_of(answer, "ann") == [("WAIT", "run-under-way")]
    assert stage.secret("ann").tags[INTENT_TAG] == intent


def test_a_secret_that_no_list_shows_yet_is_left_to_who_made_it(stage: Harness) -> None:
    """A run was killed before it made the key: its intent is in a secret of three minutes ago."""
    stage.user("ann", 90, Owner=OWNER)
    killed = before("CreateAccessKey", die)
    stage.cloud.layers.append(killed)
    with pytest.raises(KilledError):
        stage.run()
    stage.cloud.layers.remove(killed)
    intent = stage.secret("ann").tags[INTENT_TAG]

    stage.cloud.move_to(stage.cloud.now + LATE)
    answer = stage.run()

    assert answer["failures"] == []
    assert stage.secret("ann").tags[INTENT_TAG] == intent
    assert len(stage.keys("ann")) == 1


def test_a_secret_that_a_list_never_shows_is_a_failure_that_is_said(stage: Harness) -> None:
    stage.user("ann", 90, Owner=OWNER)
    stage.cloud.delays.secrets = timedelta(days=365)
    for day in (0, 7, 10, 20):
        stage.at(day).run()
    stage.at(90)

    answer = stage.run()

    assert "the list of secrets did not name it" in failures_of(answer)["ann"]
    assert len(stage.keys("ann")) == 1


def test_a_secret_that_was_adopted_three_minutes_ago_is_in_nobodys_way(stage: Harness) -> None:
    """Found foreign by the list, its user would be told of an obstacle that is gone."""
    [key] = stage.user("ann", 90, Owner=OWNER)
    user_id = stage.iam().get_user(UserName="ann")["User"]["UserId"]
    tags = {USER_TAG: "ann", USER_ID_TAG: user_id, SEAL_TAG: "none"}
    stage.secret_store().create_secret(
        Name=secret_name(MEMBER, "ann"),
        KmsKeyId=stage.deployment.settings["SecretsKmsKey"],
        Tags=[{"Key": name, "Value": value} for name, value in tags.items()],
    )
    stage.at(0.5)

    meanwhile(stage, lambda: stage.sealed("ann"))
    answer = stage.run()

    assert decisions_of(answer, "ann") == [("ROTATE", "rotation-due")]
    assert len(stage.keys("ann")) == 2
    assert key in stage.keys("ann")


@pytest.mark.parametrize("error", ["AccessDeniedException", "ThrottlingException"])
def test_a_role_that_may_not_list_is_asked_about_each_user_alone(
    error: str, stage: Harness
) -> None:
    """The role of a former version: it costs more calls, and changes nothing."""
    old = rotated(stage, "ann", "bob")
    stage.user("cyd", 20, 5)
    stage.cloud.deny(MEMBER, "ListSecrets", error)
    since = stage.mark()

    answer = stage.run()

    assert answer["failures"] == []
    assert {stage.keys(user)[key] for user, key in old.items()} == {"Inactive"}
    _, looks = lists_and_looks(stage, since)
    assert looks == 2 + 2 + 1  # of the two before their keys end, too
    assert answer["warnings"] == []  # a line a day in each account's mails would help nobody
    [said] = not_listed(stage)
    assert said.endswith(": each user's was asked for alone")
    assert said.startswith("the role may not list secrets") == (error == "AccessDeniedException")
    assert (error in said) == (error == "ThrottlingException")


def not_listed(stage: Harness) -> list[str]:
    return [
        str(line["message"]) for line in stage.lines() if line["event"] == "secrets.not-listed"
    ]


def test_nothing_is_said_of_a_list_that_was_read_or_that_nobody_needed(stage: Harness) -> None:
    rotated(stage, "ann", "bob")
    stage.run()
    assert not_listed(stage) == []

    stage.cloud.deny(MEMBER, "ListSecrets")
    stage.run({**ASKED, "users": ["ann"]})
    assert not_listed(stage) == []


def test_half_a_list_is_no_list(stage: Harness) -> None:
    """Whoever is on the page that failed has a secret all the same, and it is used."""
    users = [f"user-{number}" for number in range(5)]  # the sandbox's pages hold three
    for user in users:
        stage.user(user, 90, Owner=OWNER)
    for day in (0, 7, 10, 20):
        stage.at(day).run()
    stage.at(90)

    def without_a_second_page(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "ListSecrets" and "NextToken" in request.params:
            return ApiResponse(status=500, body=b"", error="InternalFailure")
        return perform(request)

    stage.cloud.layers.append(without_a_second_page)

    answer = stage.run()

    assert answer["failures"] == []
    assert [len(stage.keys(user)) for user in users] == [2] * 5
    [said] = not_listed(stage)
    assert said.startswith("the secrets could not be listed (ListSecrets: 500")


def test_few_users_are_asked_about_one_by_one(stage: Harness) -> None:
    stage.user("ann", 20, 5)
    since = stage.mark()

    stage.run({**ASKED, "users": ["ann"]})

    assert lists_and_looks(stage, since) == (0, 1)


# A list that has no end, or holds what no list holds

PEOPLE = [f"user-{number}" for number in range(7)]


def listing(stage: Harness, change: Callable[[dict[str, Any], int], object]) -> list[int]:
    """Change each page of the list, whose number is given; how many there were."""
    pages = [0]

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation != "ListSecrets":
            return perform(request)
        pages[0] += 1
        first = {name: value for name, value in request.params.items() if name != "NextToken"}
        answer = perform(replace(request, params=first))
        body = json.loads(answer.body)
        change(body, pages[0])
        return replace(answer, body=json.dumps(body).encode())

    stage.cloud.layers.append(layer)
    return pages


def all_rotate(stage: Harness) -> bool:
    """Whether a run over some more users than few comes to all of them, and says nothing odd."""
    for user in PEOPLE:
        stage.user(user, 90, Owner=OWNER)

    answer = stage.invoke(context=stage.minutes(15))

    return answer["failures"] == [] and all(len(stage.keys(user)) == 2 for user in PEOPLE)


def token(name: str) -> dict[str, str]:
    return {"NextToken": name}


@pytest.mark.parametrize(("tokens", "pages"), [("A", 2), ("AB", 3), ("ABC", 4)])
def test_a_list_that_goes_round_in_circles_is_none(
    tokens: str, pages: int, stage: Harness
) -> None:
    asked = listing(stage, lambda page, at: page.update(token(tokens[(at - 1) % len(tokens)])))

    assert all_rotate(stage)
    assert asked == [pages]


def test_a_list_of_more_pages_than_an_account_can_need_is_none(stage: Harness) -> None:
    asked = listing(stage, lambda page, at: page.update(token(f"page-{at}"), SecretList=[]))

    assert all_rotate(stage)
    assert asked == [MOST_PAGES]


def test_a_list_that_takes_too_long_is_none_and_the_run_goes_on(stage: Harness) -> None:
    def slowly(page: dict[str, Any], at: int) -> None:
        stage.cloud.move_to(stage.cloud.now + timedelta(seconds=7))
        page.update(token(f"page-{at}"))

    asked = listing(stage, slowly)
    begun = stage.cloud.now

    assert all_rotate(stage)
    assert asked == [9]  # 63 s
    assert stage.cloud.now - begun < LONGEST_LIST + MINUTE


def test_a_list_as_long_as_may_be_is_one(stage: Harness) -> None:
    def until_the_last(page: dict[str, Any], at: int) -> None:
        if at < MOST_PAGES:
            page.update(token(f"page-{at}"))
        else:
            page.pop("NextToken", None)

    asked = listing(stage, until_the_last)
    since = stage.mark()

    assert all_rotate(stage)
    assert asked == [MOST_PAGES]
    assert lists_and_looks(stage, since) == (MOST_PAGES, 0)


GOOD = {
    "Name": secret_name(MEMBER, "zoe"),
    "ARN": f"arn:aws:secretsmanager:us-east-1:{MEMBER}:secret:zoe-abcdef",
}


@pytest.mark.parametrize(
    "odd",
    [
        {**GOOD, "Name": None},
        {**GOOD, "Name": ""},
        {**GOOD, "ARN": None},
        {**GOOD, "Tags": "keyturn:user"},
        {**GOOD, "Tags": [{"Key": "keyturn:user"}]},
        {**GOOD, "Tags": [{"Value": "zoe"}]},
        {**GOOD, "Tags": [None]},
        {**GOOD, "SecretVersionsToStages": ["AWSCURRENT"]},
        {**GOOD, "SecretVersionsToStages": {"one": 1}},
        {**GOOD, "SecretVersionsToStages": {"one": [1]}},
        {**GOOD, "DeletedDate": "soon"},
        None,
        "zoe",
    ],
)
def test_a_list_with_one_odd_entry_is_none_and_is_not_asked_for_again(
    odd: object, stage: Harness
) -> None:
    """Else whoever may create a secret keeps everybody's key in the account as it is."""
    asked = listing(stage, lambda page, _: page.update(SecretList=[GOOD, odd], NextToken=None))

    assert all_rotate(stage)
    assert asked == [1]


@pytest.mark.parametrize("secrets", [None, "none"])
def test_a_page_without_secrets_is_no_empty_one(secrets: object, stage: Harness) -> None:
    asked = listing(stage, lambda page, _: page.update(SecretList=secrets, NextToken=None))
    since = stage.mark()

    assert all_rotate(stage)
    assert asked == [1]
    assert lists_and_looks(stage, since) == (1, len(PEOPLE))
