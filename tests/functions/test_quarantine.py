"""Users under AWS's quarantine policy: from the Lambda event to the alarm's metric and mails."""

import pytest

from tests.use_cases.harness import ASKED, MEMBER, Harness, failures_of

V2, V3 = (f"AWSCompromisedKeyQuarantineV{version}" for version in (2, 3))


@pytest.fixture(autouse=True)
def reports_quarantine(stage: Harness) -> None:
    stage.settings["ReportQuarantine"] = "True"


def test_a_leaked_key_is_named_with_the_order_that_stops_it_and_is_left_alone(
    stage: Harness,
) -> None:
    [leaked] = stage.user("ann", 12)
    stage.user("bob", 12)
    [stopped] = stage.user("carl", 12)
    stage.iam().update_access_key(UserName="carl", AccessKeyId=stopped, Status="Inactive")
    stage.cloud.iam_rules.quarantined |= {
        (MEMBER, "ann"): V3,
        (MEMBER, "carl"): V2,
        ("222222222222", "bob"): V3,
    }

    answer = stage.run()

    overlays = {each["key"]: each["overlays"] for each in answer["decisions"]}
    assert overlays[leaked] == ["LEAKED"]
    assert "LEAKED" not in overlays[stopped]
    said = failures_of(answer)
    assert {*said} == {"ann"}
    assert f"put it under {V3}; the key still works" in said["ann"]
    assert f"Revoke it: keyturn revoke {leaked} --leaked" in said["ann"]
    assert stage.keys("ann") == {leaked: "Active"}
    assert stage.measured()[0]["KeysLeaked"] == [1.0]
    texts = [" ".join(str(mail.text).split()) for mail in stage.cloud.sent_mails]
    mails = [text for text in texts if f"put it under {V3}" in text]
    assert mails, "the administrators are told"

    stage.invoke({**ASKED, "Revoke": leaked})

    assert stage.keys("ann")[leaked] == "Inactive"
    stage.at(1)
    again = stage.run()
    # The new key of a user who is still in quarantine: nobody knows whether that leaked, too.
    assert [each["overlays"] for each in again["decisions"] if each["key"] == leaked] == [
        ["REVOKED"]
    ]


def test_what_cannot_be_read_is_said_and_holds_nothing_up(stage: Harness) -> None:
    [old] = stage.user("ann", 95)
    stage.cloud.deny(MEMBER, "ListEntitiesForPolicy")

    answer = stage.run()

    assert answer["failures"] == []
    assert len(stage.keys("ann")) == 2, "it is rotated all the same"
    assert any(
        "who is under AWS's key quarantine could not be read" in line for line in stage.messages()
    )
    assert stage.keys("ann")[old] == "Active"


def test_it_is_not_asked_for_where_nobody_wants_it(stage: Harness) -> None:
    stage.settings["ReportQuarantine"] = ""
    stage.user("ann", 12)
    stage.cloud.iam_rules.quarantined[MEMBER, "ann"] = V3

    answer = stage.run()

    assert answer["failures"] == []
    assert not [call for call in stage.ours() if call.operation == "ListEntitiesForPolicy"]
