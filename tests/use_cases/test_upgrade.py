"""An upgrade in the middle of a key's life: receipts with the old names count as they did."""

from typing import Any

import pytest

from keyturn.functions import notifier
from keyturn_sandbox.simulation.deployment import ADMIN, BUCKET, NOTIFIER_ROLE
from tests.use_cases.harness import HUB, OWNER, START, Clock, Harness, batch

LIFE = (0, 7, 10, 17, 20)
"""Rotated, reminded, disabled, reminded, deleted."""


def as_the_earlier_version_named_them(stage: Harness) -> list[str]:
    """Give every receipt the name that it had before names held a recipient (decision 0034)."""
    s3: Any = stage.cloud.role_session(HUB, NOTIFIER_ROLE).client("s3")
    renamed = []
    for name, body in stage.cloud.objects(BUCKET).items():
        folder, _, last = name.rpartition("/")
        dates, _, ending = last.partition(".")
        if "/receipts/" in name and ending.startswith("email."):
            _, _, ending = ending.split(".", 2)
            s3.put_object(Bucket=BUCKET, Key=f"{folder}/{dates}.{ending}", Body=body)
            s3.delete_object(Bucket=BUCKET, Key=name)
            renamed.append(f"{dates}.{ending}")
    return renamed


def mails(stage: Harness, whose: str) -> list[int]:
    return [(mail.at - START).days for mail in stage.cloud.sent_mails if mail.to == [whose]]


@pytest.mark.parametrize("upgrade", LIFE)
def test_nobody_is_notified_anew_and_no_act_comes_sooner_or_later(
    stage: Harness, upgrade: int
) -> None:
    [old] = stage.user("ann", 90)
    acts: dict[int, list[str]] = {}

    for day in range(22):
        since = stage.at(day).mark()
        stage.run()
        if day <= upgrade:
            renamed = as_the_earlier_version_named_them(stage)
            assert bool(renamed) == (day in LIFE)
        if day == upgrade:
            stage.run()
        if writes := [each for each in stage.writes(since) if "AccessKey" in each]:
            acts[day] = writes

    assert acts == {0: ["CreateAccessKey"], 10: ["UpdateAccessKey"], 20: ["DeleteAccessKey"]}
    assert mails(stage, OWNER) == list(LIFE)
    assert mails(stage, ADMIN) == list(LIFE)
    assert old not in stage.keys("ann")


def test_a_message_that_comes_once_more_after_the_upgrade_is_not_sent_again(
    stage: Harness,
) -> None:
    """SQS says of a message how often it came: the first time, nobody looks."""
    stage.user("ann", 90)
    stage.invoke()
    messages = stage.receive(stage.deployment.notifier_queue)
    context: Any = Clock()

    for tries in ("1", "2"):
        came = [{**each, "Attributes": {"ApproximateReceiveCount": tries}} for each in messages]
        with stage.being(NOTIFIER_ROLE):
            assert notifier.handler(batch(came), context) == {"batchItemFailures": []}
        as_the_earlier_version_named_them(stage)

    assert mails(stage, OWNER) == [0]
    assert mails(stage, ADMIN) == [0]
