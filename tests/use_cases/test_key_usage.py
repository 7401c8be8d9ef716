"""What notices say of both keys' use, from the Lambda event to the digest on the bus."""

import json
from collections.abc import Mapping
from typing import Any

from keyturn.schemas.digest import read_digest
from keyturn_sandbox.emulator.call_log import Call
from tests.use_cases.harness import OWNER, Harness, break_down, decisions_of


def _entries(call: Call) -> list[dict[str, str]]:
    entries: Any = call.params["Entries"]
    return list(entries)


def usages(stage: Harness, since: int) -> list[Mapping[str, Any] | None]:
    """What the digests to owners on the bus say of each key's use."""
    digests = [
        json.loads(entry["Detail"])["digest"]
        for call in stage.ours(since)
        if call.operation == "PutEvents"
        for entry in _entries(call)
        if entry["DetailType"] == "Notices Due"
    ]
    assert all(read_digest(digest) for digest in digests)
    return [
        item.get("usage")
        for digest in digests
        if digest["audience"] == "owner"
        for item in digest["items"]
    ]


NEVER = {"at": None, "service": None, "region": None}


def test_three_days_ahead_a_notice_says_that_nobody_has_taken_up_the_new_key(
    stage: Harness,
) -> None:
    [old] = stage.user("ann", 90, Owner=OWNER)
    stage.run()
    stage.at(6).use(old)
    used = stage.cloud.now.replace(microsecond=0)
    before = stage.at(7).mark()

    assert ("WARN", "disabling-ahead") in decisions_of(stage.run(), "ann")

    [usage] = usages(stage, before)
    assert usage == {
        "old": {"at": used.isoformat(), "service": "s3", "region": "us-east-1"},
        "new": NEVER,
        "fetched": {"on": None},
    }


def test_a_new_key_that_was_fetched_and_used_is_said_to_be(stage: Harness) -> None:
    stage.user("ann", 90, Owner=OWNER)
    stage.run()
    stage.at(2)
    name = stage.secret_store().list_secrets()["SecretList"][0]["Name"]
    stored = json.loads(stage.secret_store().get_secret_value(SecretId=name)["SecretString"])
    fetched = stage.cloud.now.date().isoformat()
    stage.at(3).use(stored["AccessKeyId"])
    used = stage.cloud.now.replace(microsecond=0).isoformat()
    before = stage.at(7).mark()

    stage.run()

    [usage] = usages(stage, before)
    assert usage is not None
    assert usage["new"]["at"] == used
    assert usage["fetched"] == {"on": fetched}


def test_what_cannot_be_read_is_unknown_and_stops_no_notice(stage: Harness) -> None:
    stage.user("ann", 90, Owner=OWNER)
    before = stage.mark()
    stage.cloud.layers.append(break_down("GetAccessKeyLastUsed"))

    answer = stage.run()

    assert decisions_of(answer, "ann") == [("ROTATE", "rotation-due")]
    assert answer["failures"] == []
    assert usages(stage, before) == [{"old": None, "new": None, "fetched": None}]


def test_a_key_just_made_is_not_called_unused(stage: Harness) -> None:
    stage.user("ann", 90, Owner=OWNER)
    before = stage.mark()

    stage.run()

    [usage] = usages(stage, before)
    assert usage is not None
    assert (usage["new"], usage["fetched"]) == (None, None)
    assert usage["old"]["service"] == "s3"
