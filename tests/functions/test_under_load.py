"""Many notices, slow answers, SES that says "too fast": nothing lost, nothing twice."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import count
from threading import Barrier, BrokenBarrierError, Event

import pytest

from keyturn.adapters.clients import MOST_CONNECTIONS
from keyturn.functions.notifier import AT_ONCE
from keyturn.use_cases.send_once import AT_ONCE as PARTS_AT_ONCE
from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, ApiResponse, refused
from keyturn_sandbox.simulation.deployment import BUCKET
from tests.cloudformation.notifier_queue import deployed
from tests.cloudformation.stacks import CORE, Stack
from tests.functions.notifier_at_work import (
    Queue,
    calls,
    digests,
    invoked,
    messages_of,
    owner,
    put,
    receipts,
    taken,
    throttle,
    told,
)
from tests.functions.test_notifier import dropped, errors
from tests.use_cases.harness import (
    HUB,
    OWNER,
    START,
    Harness,
    lose_answer,
    staged,
)

SECOND = timedelta(seconds=1)


@pytest.fixture
def stage() -> Iterator[Harness]:
    with staged() as stage:
        yield stage


def meeting(stage: Harness, mails: int, takes: timedelta = timedelta(0)) -> list[int]:
    """Let mails wait for each other until so many are on their way; how many met, each time."""
    met: list[int] = []

    def together() -> None:
        met.append(mails)
        stage.cloud.move_to(stage.cloud.now + takes)

    barrier = Barrier(mails, action=together, timeout=20)

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "SendEmail":
            barrier.wait()
        return perform(request)

    stage.cloud.layers.append(layer)
    return met


def measured(stage: Harness, name: str) -> list[float]:
    return [line[name][0] for line in stage.measured() if name in line]


# The time budget


def test_what_there_is_no_time_for_is_handed_back_untouched_and_is_no_failure(
    stage: Harness,
) -> None:
    messages = messages_of(digests(stage, AT_ONCE + 3))
    meeting(stage, AT_ONCE, takes=125 * SECOND)  # of 180, a minute is spared

    back = invoked(stage, messages, 180 * SECOND)

    late = [f"message-{number}" for number in range(AT_ONCE, AT_ONCE + 3)]
    assert back == late
    assert told(stage) == {owner(number): 1 for number in range(AT_ONCE)}
    assert not any(f"user-{AT_ONCE:04}" in name for name in stage.cloud.objects(BUCKET))
    assert measured(stage, "NoticesHandedBack") == [1, 1, 1]
    assert measured(stage, "NotTold") == [0] * AT_ONCE
    handed = [line for line in stage.lines() if line["event"] == "notice.handed-back"]
    assert [(line["message_id"], line["tries"]) for line in handed] == [
        (message, 1) for message in late
    ]
    assert errors(stage) == []


def test_an_invocation_begins_one_message_however_late_it_is(stage: Harness) -> None:
    back = invoked(stage, messages_of(digests(stage, 2)), 30 * SECOND)

    assert back == ["message-1"]
    assert told(stage) == {owner(0): 1}


def test_what_was_tried_most_often_is_begun_first(stage: Harness) -> None:
    messages = messages_of(digests(stage, 3), [1, 9, 4])

    assert sorted(invoked(stage, messages, 30 * SECOND)) == ["message-0", "message-2"]
    assert told(stage) == {owner(1): 1}


def test_an_invocation_that_begins_in_time_begins_all_messages_of_its_batch(
    stage: Harness,
) -> None:
    """So none is only handed back until its tries are used up (decision 0040)."""
    numbers = deployed()
    meeting(stage, numbers.batch, takes=170 * SECOND)

    assert invoked(stage, messages_of(digests(stage, numbers.batch)), numbers.timeout) == []

    assert told(stage) == {owner(number): 1 for number in range(numbers.batch)}
    assert measured(stage, "NoticesHandedBack") == []


def test_what_another_held_is_come_back_to_only_while_there_is_time(stage: Harness) -> None:
    """A second pass that passes the end would be killed, and all of its batch come again."""
    batch = deployed().batch
    held = messages_of(digests(stage, batch))
    puts = count(1)

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "PutObject" and "/user-" in str(request.params):
            if next(puts) > batch:  # the second pass: each attempt takes half a minute
                stage.cloud.move_to(stage.cloud.now + 30 * SECOND)
            return refused(request, ApiError("ConditionalRequestConflict", "Held.", 409))
        return perform(request)

    stage.cloud.layers.append(layer)
    end = stage.cloud.now + 180 * SECOND

    assert invoked(stage, held, 180 * SECOND) == [each["MessageId"] for each in held]

    assert stage.cloud.now < end
    assert told(stage) == Counter()
    assert len(measured(stage, "NoticesHandedBack")) > 0


# Side by side


def test_the_messages_of_a_batch_are_sent_side_by_side(stage: Harness) -> None:
    batch = deployed().batch
    met = meeting(stage, batch)

    assert invoked(stage, messages_of(digests(stage, batch)), 180 * SECOND) == []

    assert met == [batch]  # all of them were on their way to SES at the same time
    assert told(stage) == {owner(number): 1 for number in range(batch)}


def test_a_message_that_fails_comes_back_and_no_other(stage: Harness) -> None:
    bodies = digests(stage, 6)
    bodies[2] = "no JSON"  # it is dropped, for it would be as odd on the next try

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        params = str(request.params)
        if request.operation == "SendEmail" and owner(1) in params:
            return ApiResponse(status=500, body=b"", error="InternalFailure")
        if request.operation == "PutObject" and "user-0004" in params:
            return refused(request, ApiError("AccessDenied", "Access Denied", 403))
        return perform(request)

    stage.cloud.layers.append(layer)

    assert invoked(stage, messages_of(bodies), 180 * SECOND) == ["message-1", "message-4"]

    assert told(stage) == {owner(number): 1 for number in (0, 3, 5)}
    assert receipts(stage) == 3
    assert sorted(measured(stage, "NotTold")) == [0, 0, 0, 0, 1, 1]


def test_one_notice_in_several_messages_of_a_batch_is_sent_once_and_nothing_is_amiss(
    stage: Harness,
) -> None:
    messages = messages_of(digests(stage, 2) * 3)

    assert invoked(stage, messages, 180 * SECOND) == []

    assert told(stage) == {owner(0): 1, owner(1): 1}
    assert receipts(stage) == 2
    assert measured(stage, "NotTold") == [0] * 6
    assert errors(stage) == []


def test_what_another_notifier_claims_comes_back(stage: Harness) -> None:
    [mine, others] = messages_of(digests(stage, 2))
    died = lose_answer("SendEmail")
    stage.cloud.layers.append(died)
    assert invoked(stage, [others], 180 * SECOND) == ["message-1"]  # nobody knows: the claim stays
    stage.cloud.layers.remove(died)

    assert invoked(stage, [mine, others], 180 * SECOND) == ["message-1"]

    assert told(stage) == {owner(0): 1, owner(1): 1}
    assert measured(stage, "NotTold") == [1, 0, 1]


def test_the_numbers_of_the_template_fit() -> None:
    numbers = deployed()

    assert numbers.batch <= AT_ONCE  # as above
    assert AT_ONCE * PARTS_AT_ONCE <= MOST_CONNECTIONS
    assert numbers.visibility > timedelta(minutes=15)
    assert numbers.visibility * numbers.tries < timedelta(hours=12)  # before the next daily run
    environment = Stack(name=CORE).resources["NotifierFunction"]["Properties"]["Environment"]
    assert int(environment["Variables"]["NotifierConcurrency"]) == numbers.at_once


# What a mail costs


def test_a_mail_about_one_key_costs_three_calls_of_s3_and_two_of_ses(stage: Harness) -> None:
    messages = messages_of(digests(stage, 3))
    since = stage.mark()

    assert invoked(stage, messages, 180 * SECOND) == []

    assert calls(stage, since) == {
        "GetSuppressedDestination": 3,
        "PutObject": 9,  # of each the claim, the message, the receipt
        "SendEmail": 3,
        "GetAccount": 1,  # once an hour
    }


def test_a_second_try_of_it_looks_first(stage: Harness) -> None:
    [body] = digests(stage, 1)
    assert invoked(stage, messages_of([body]), 180 * SECOND) == []
    since = stage.mark()

    assert invoked(stage, messages_of([body], [2]), 180 * SECOND) == []

    assert calls(stage, since) == {"GetSuppressedDestination": 1, "ListObjectsV2": 1}
    assert told(stage) == {owner(0): 1}


def test_the_messages_of_a_batch_ask_ses_once_for_an_address(stage: Harness) -> None:
    bodies = [body.replace(owner(number), OWNER) for number, body in enumerate(digests(stage, 6))]
    asked: list[str] = []
    second = Barrier(2, timeout=0.5)

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "GetSuppressedDestination":
            asked.append(str(request.params["EmailAddress"]))
            with suppress(BrokenBarrierError):  # nobody else asks meanwhile
                second.wait()
        return perform(request)

    stage.cloud.layers.append(layer)

    assert invoked(stage, messages_of(bodies), 180 * SECOND) == []

    assert asked == [OWNER]
    assert receipts(stage) == 6


def test_what_ses_refuses_to_say_to_several_at_once_is_asked_one_after_the_other(
    stage: Harness,
) -> None:
    messages = messages_of(digests(stage, 6))
    stage.cloud.session(HUB).client("sesv2").put_suppressed_destination(
        EmailAddress=owner(4), Reason="COMPLAINT"
    )
    asked: Counter[str] = Counter()
    second, together = Barrier(2, timeout=0.5), []

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation != "GetSuppressedDestination":
            return perform(request)
        address = str(request.params["EmailAddress"])
        asked[address] += 1
        if asked[address] <= 2:  # the first question, and the client's own repetition of it
            return refused(request, ApiError("TooManyRequestsException", "Too fast.", 429))
        with suppress(BrokenBarrierError):  # nobody else asks meanwhile
            second.wait()
            together.append(address)
        return perform(request)

    stage.cloud.layers.append(layer)

    assert invoked(stage, messages, 180 * SECOND) == []

    assert asked == {owner(number): 3 for number in range(6)}
    assert together == []
    assert told(stage) == {owner(number): 1 for number in range(6) if number != 4}
    assert "suppression.unknown" not in {line["event"] for line in stage.lines()}


# A retry


def test_a_second_try_of_a_digest_does_no_more_than_the_first(stage: Harness) -> None:
    messages = messages_of(digests(stage, 1, keys=60))
    costs = []
    for _ in range(2):
        since = stage.mark()
        assert invoked(stage, messages, 180 * SECOND) == []
        costs.append(calls(stage, since))

    first, second = costs
    assert first == {
        "GetSuppressedDestination": 1,
        "ListObjectsV2": 1,
        "PutObject": 121,  # 60 claims, the message, 60 receipts
        "GetAccount": 1,
        "SendEmail": 1,
    }
    assert second == {"GetSuppressedDestination": 1, "ListObjectsV2": 1}
    assert told(stage) == {owner(0): 1}


# SES is slower than we


def test_a_mail_that_ses_takes_too_slowly_is_repeated_at_once_and_sent_once(
    stage: Harness,
) -> None:
    messages = messages_of(digests(stage, 1, keys=3))
    since = stage.mark()
    stage.cloud.throttle(HUB, "SendEmail", times=3)

    assert invoked(stage, messages, 180 * SECOND) == []

    assert told(stage) == {owner(0): 1}
    assert receipts(stage) == 3
    made = calls(stage, since)
    assert (made["SendEmail"], made["PutObject"], made["DeleteObject"]) == (4, 7, 0)
    assert measured(stage, "NotTold") == [0]


def test_a_lost_answer_is_not_repeated_at_once_also_after_a_refusal(stage: Harness) -> None:
    messages = messages_of(digests(stage, 1))
    attempts = [0]

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation != "SendEmail":
            return perform(request)
        attempts[0] += 1
        if attempts[0] == 1:
            return refused(request, ApiError("TooManyRequestsException", "Too fast.", 429))
        perform(request)
        return ApiResponse(status=500, body=b"", error="InternalFailure")

    stage.cloud.layers.append(layer)

    assert invoked(stage, messages, 180 * SECOND) == ["message-0"]

    assert attempts == [2]
    assert told(stage) == {owner(0): 1}
    assert receipts(stage) == 0  # the claim stays: nobody knows


@pytest.mark.parametrize(("messages", "most"), [(5, 120), (AT_ONCE + 4, 60)])
def test_one_owners_throttled_mail_takes_no_time_of_the_others(
    messages: int, most: int, stage: Harness
) -> None:
    """Of 180 seconds a minute is spared; where others wait for a turn, it has half of the rest."""
    made = messages_of(digests(stage, messages))
    at_work, others_sent, all_sent = min(messages, AT_ONCE), count(1), Event()

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation != "SendEmail":
            return perform(request)
        if owner(0) in str(request.params):
            # The clock that is waited by here stands still for the others: they come first.
            assert all_sent.wait(30)
            return refused(request, ApiError("TooManyRequestsException", "Too fast.", 429))
        if next(others_sent) >= at_work - 1:
            all_sent.set()
        return perform(request)

    stage.cloud.layers.append(layer)

    assert invoked(stage, made, 180 * SECOND) == ["message-0"]

    assert told(stage) == {owner(number): 1 for number in range(1, messages)}
    assert stage.cloud.now - START < (most + 5) * SECOND
    assert measured(stage, "NoticesHandedBack") == []


def test_mails_leave_at_the_rate_of_ses_shared_by_the_notifiers(stage: Harness) -> None:
    for body in digests(stage, 20):
        put(stage, body)
    stage.settings["NotifierConcurrency"] = "4"

    queue, began = Queue(stage=stage), stage.cloud.now

    queue.work_until_empty()

    times = sorted(mail.at for mail in stage.cloud.sent_mails)
    assert len(times) == 20
    # A thread may be late with its turn, and never early.
    assert all(at - began > turn / (14 / 4) * SECOND * 0.98 for turn, at in enumerate(times))


def test_a_rate_that_cannot_be_read_is_said_and_stops_nobody(stage: Harness) -> None:
    messages = messages_of(digests(stage, 3))
    stage.cloud.deny(HUB, "GetAccount")

    assert invoked(stage, messages, 180 * SECOND) == []

    assert len(told(stage)) == 3
    [line] = [line for line in stage.lines() if line["event"] == "send-rate.unknown"]
    assert line["level"] == "WARNING"
    assert "AccessDenied" in line["message"]
    assert measured(stage, "NotTold") == [0, 0, 0]


def test_fifty_owners_with_half_of_the_answers_throttled_are_each_told_once(
    stage: Harness,
) -> None:
    for body in digests(stage, 50, keys=2):
        put(stage, body)
    refusals = throttle(stage, 0.5)
    queue = Queue(stage=stage)

    queue.work_until_empty()

    assert told(stage) == {owner(number): 1 for number in range(50)}
    assert receipts(stage) == 100
    assert queue.dead == 0
    assert refusals() > 25


# Nothing stale


def test_a_notice_put_back_after_thirteen_days_is_dropped_and_the_end_announced_anew(
    stage: Harness,
) -> None:
    stage.user("ann", 137)
    stage.invoke()
    old = taken(stage)  # they died, and nobody was told

    stage.at(13)
    for body in old:
        put(stage, body)
    stage.tell()
    assert list(stage.cloud.sent_mails) == []
    assert dropped(stage) == [1] * len(old)
    stage.run()

    [mail] = [mail for mail in stage.cloud.sent_mails if OWNER in mail.to]
    assert "2026-03-25" in str(mail.text)  # ten days from the day of the new notice
    assert "2026-03-12" not in str(mail.text)
    assert list(stage.keys("ann").values()) == ["Active", "Active"]
