"""What the queue and the bus carry, and what is said when they do not."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from botocore.config import Config

from keyturn.adapters.event_bus import LARGEST_BATCH, EventBridgeBus
from keyturn.adapters.sqs import SqsQueue
from keyturn.domain.errors import Denied, Throttled, Unavailable
from keyturn.domain.events import Event, EventType, Run
from keyturn.domain.key import Account
from keyturn.ports import Bus, Queue
from keyturn_sandbox.emulator.cloud import LocalCloud, Perform
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from tests.fakes import FakeBus, FakeQueue
from tests.use_cases.harness import HUB, MEMBER, START, Layer

RUN = Run(id="run-1", account=Account(id=MEMBER), at=START, dry_run=False)


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(now=START) as cloud:
        cloud.organization.create_account("security", "s@example.com", account_id=HUB)
        yield cloud


@pytest.fixture
def url(cloud: LocalCloud) -> str:
    sqs = cloud.session(HUB).client("sqs")
    made = sqs.create_queue(QueueName="rotation.fifo", Attributes={"FifoQueue": "true"})
    return made["QueueUrl"]


def sent(cloud: LocalCloud) -> list[tuple[str, dict[str, object]]]:
    """Group and body of every message that was sent."""
    return [
        (entry["MessageGroupId"], json.loads(entry["MessageBody"]))
        for call in cloud.calls
        if call.operation == "SendMessageBatch"
        for entry in call.params["Entries"]  # type: ignore[attr-defined]  # SendMessageBatch's own
    ]


def requests(number: int) -> list[dict[str, object]]:
    return [{"account": f"{each:012}", "run": "r"} for each in range(number)]


@pytest.mark.parametrize("which", ["fake", "sqs"])
def test_every_request_is_sent_in_order(which: str, cloud: LocalCloud, url: str) -> None:
    fake = FakeQueue()
    queue: Queue = fake if which == "fake" else SqsQueue(cloud.session(HUB).client("sqs"), url)

    queue.send(iter(requests(23)), run="r")
    queue.send([], run="r")

    found = fake.sent if which == "fake" else [body for _, body in sent(cloud)]
    assert found == requests(23)


def test_no_more_is_sent_at_once_than_sqs_takes_by_size(cloud: LocalCloud, url: str) -> None:
    queue = SqsQueue(cloud.session(HUB).client("sqs"), url)
    large = [{**each, "unitsAsked": ["ou-ab12-00000000"] * 2000} for each in requests(12)]

    queue.send(large, run="r")

    calls = [call for call in cloud.calls if call.operation == "SendMessageBatch"]
    sizes = [
        sum(len(entry["MessageBody"]) for entry in call.params["Entries"])  # type: ignore[attr-defined, misc]  # as above
        for call in calls
    ]
    assert max(sizes) <= 262_144
    assert len(sent(cloud)) == 12


def test_each_account_has_a_group_of_its_own_and_no_request_is_taken_for_a_double(
    cloud: LocalCloud, url: str
) -> None:
    queue = SqsQueue(cloud.session(HUB).client("sqs"), url)

    queue.send([{"account": MEMBER}, {"account": MEMBER}], run="one")
    queue.send([{"account": MEMBER}], run="two")

    assert [group for group, _ in sent(cloud)] == [MEMBER] * 3
    sqs = cloud.session(HUB).client("sqs")
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    assert len(answer["Messages"]) == 3


def fails(*numbers: int, times: int = 99) -> Layer:
    """SQS takes the call, and fails on some of its messages."""
    left = [times]

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation != "SendMessageBatch" or left[0] == 0:
            return perform(request)
        left[0] -= 1
        entries = request.params["Entries"]
        refused = [each for each in entries if int(each["Id"]) in numbers]
        kept = {**request.params, "Entries": [each for each in entries if each not in refused]}
        answer = perform(replace(request, params=kept)) if kept["Entries"] else None
        taken = json.loads(answer.body)["Successful"] if answer else []
        failed = [{"Id": e["Id"], "Code": "InternalError", "SenderFault": False} for e in refused]
        body = json.dumps({"Successful": taken, "Failed": failed}).encode()
        return ApiResponse(status=200, body=body)

    return layer


def arrived(cloud: LocalCloud, url: str) -> list[str]:
    """The accounts whose messages are in the queue."""
    sqs = cloud.session(HUB).client("sqs")
    found: list[str] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [json.loads(message["Body"])["account"] for message in messages]
    return found


def test_a_message_that_sqs_did_not_take_is_no_success_and_its_account_is_named(
    cloud: LocalCloud, url: str
) -> None:
    cloud.layers.append(fails(1))

    with pytest.raises(Unavailable) as raised:
        SqsQueue(cloud.session(HUB).client("sqs"), url).send(requests(3), run="r")

    assert str(raised.value) == "SendMessageBatch: InternalError: not queued: 000000000001"
    assert arrived(cloud, url) == ["000000000000", "000000000002"]


def test_a_message_of_which_sqs_says_nothing_is_not_taken_for_sent(
    cloud: LocalCloud, url: str
) -> None:
    def say_nothing_of_one(request: ApiRequest, perform: Perform) -> ApiResponse:
        answer = perform(request)
        if request.operation != "SendMessageBatch":
            return answer
        told = [each for each in json.loads(answer.body)["Successful"] if each["Id"] != "1"]
        return replace(answer, body=json.dumps({"Successful": told}).encode())

    cloud.layers.append(say_nothing_of_one)

    with pytest.raises(Unavailable) as raised:
        SqsQueue(cloud.session(HUB).client("sqs"), url).send(requests(3), run="r")

    assert str(raised.value) == "SendMessageBatch: no answer: not queued: 000000000001"
    assert sorted(arrived(cloud, url)) == [f"{number:012}" for number in range(3)]  # none twice


@pytest.mark.parametrize(("batches", "end"), [(10, "000000000099"), (11, "; and 1 more batches")])
def test_ten_refused_batches_are_told_and_the_others_counted(
    cloud: LocalCloud, url: str, batches: int, end: str
) -> None:
    cloud.add_role(HUB, "Inventory", HUB)
    cloud.deny(HUB, "SendMessageBatch")
    queue = SqsQueue(cloud.role_session(HUB, "Inventory").client("sqs"), url)

    with pytest.raises(Denied) as raised:
        queue.send(requests(10 * batches), run="r")

    assert str(raised.value).endswith(end)
    assert "not queued: 000000000000" in str(raised.value)


def test_what_sqs_did_not_take_at_first_is_offered_again_and_nothing_twice(
    cloud: LocalCloud, url: str
) -> None:
    cloud.layers.append(fails(1, 3, times=2))

    SqsQueue(cloud.session(HUB).client("sqs"), url).send(requests(5), run="r")

    assert sorted(arrived(cloud, url)) == [f"{number:012}" for number in range(5)]


def test_the_same_run_sent_again_fills_the_gaps_and_doubles_nothing(
    cloud: LocalCloud, url: str
) -> None:
    queue = SqsQueue(cloud.session(HUB).client("sqs"), url)
    cloud.layers.append(fails(1, times=3))
    with pytest.raises(Unavailable):
        queue.send(requests(3), run="r")

    # An account has come meanwhile: whoever is numbered anew must not be taken for another.
    queue.send([{"account": "999999999999"}, *requests(3)], run="r")

    assert sorted(arrived(cloud, url)) == [*(f"{n:012}" for n in range(3)), "999999999999"]


def events(number: int, size: int = 10) -> list[Event]:
    return [
        Event(type=EventType.BLOCKED, run=RUN, detail={"number": each, "text": "x" * size})
        for each in range(number)
    ]


def put(cloud: LocalCloud) -> list[list[dict[str, str]]]:
    """The entries of every call."""
    return [
        list(call.params["Entries"])  # type: ignore[call-overload]  # PutEvents' own
        for call in cloud.calls
        if call.operation == "PutEvents"
    ]


@pytest.mark.parametrize("which", ["fake", "eventbridge"])
def test_every_event_is_published_in_order(which: str, cloud: LocalCloud) -> None:
    fake = FakeBus()
    real = EventBridgeBus(cloud.session(HUB).client("events"), "ours")
    bus: Bus = fake if which == "fake" else real

    bus.publish(iter(events(23)))
    bus.publish([])

    if which == "fake":
        assert fake.published == events(23)
        return
    assert [len(entries) for entries in put(cloud)] == [10, 10, 3]
    details = [json.loads(entry["Detail"]) for entries in put(cloud) for entry in entries]
    assert [detail["number"] for detail in details] == list(range(23))


def test_an_event_has_the_documented_form(cloud: LocalCloud) -> None:
    EventBridgeBus(cloud.session(HUB).client("events"), "ours").publish(events(1))

    [[entry]] = put(cloud)
    assert entry["Source"] == "iam.key-rotation"
    assert entry["DetailType"] == "Key Blocked"
    assert entry["EventBusName"] == "ours"
    assert json.loads(entry["Detail"]) == {
        "version": 1,
        "run": "run-1",
        "account": MEMBER,
        "dry_run": False,
        "number": 0,
        "text": "x" * 10,
    }


def test_large_events_go_in_calls_of_their_own(cloud: LocalCloud) -> None:
    EventBridgeBus(cloud.session(HUB).client("events"), "ours").publish(events(5, 100_000))

    assert [len(entries) for entries in put(cloud)] == [2, 2, 1]
    for entries in put(cloud):
        assert sum(len(entry["Detail"]) for entry in entries) <= LARGEST_BATCH


def test_an_event_that_the_bus_did_not_take_is_no_success(cloud: LocalCloud) -> None:
    def refuse_one(request: ApiRequest, perform: Perform) -> ApiResponse:
        answer = perform(request)
        body = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]}
        return ApiResponse(status=200, body=json.dumps(body).encode(), headers=answer.headers)

    cloud.layers.append(refuse_one)

    with pytest.raises(Unavailable, match="PutEvents: InternalFailure"):
        EventBridgeBus(cloud.session(HUB).client("events"), "ours").publish(events(2))


def test_a_bus_that_throttles_is_tried_again_and_then_named(cloud: LocalCloud) -> None:
    cloud.add_role(HUB, "Rotation", HUB)
    bus = EventBridgeBus(cloud.role_session(HUB, "Rotation").client("events"), "ours")
    cloud.throttle(HUB, "PutEvents", times=2)
    bus.publish(events(1))

    cloud.throttle(HUB, "PutEvents")
    with pytest.raises(Throttled):
        bus.publish(events(1))
    assert cloud.now - START < timedelta(minutes=10)


def test_a_batch_that_is_refused_does_not_hold_the_others(cloud: LocalCloud, url: str) -> None:
    refusing = cloud.throttle(HUB, "SendMessageBatch", times=1)
    sqs = cloud.role_session(HUB, "inventory").client(
        "sqs", config=Config(retries={"total_max_attempts": 1})
    )

    with pytest.raises(Throttled):
        SqsQueue(sqs, url).send(requests(23), run="r")

    assert refusing.times == 0
    assert len([call for call in cloud.calls if call.operation == "SendMessageBatch"]) == 3
    arrived = [call for call in cloud.calls if call.error is None]
    assert [len(call.params["Entries"]) for call in arrived if "Entries" in call.params] == [10, 3]  # type: ignore[arg-type]  # lists


def test_an_event_that_is_refused_does_not_hold_the_others(cloud: LocalCloud) -> None:
    cloud.throttle(HUB, "PutEvents", times=1)
    bus = cloud.role_session(HUB, "rotation").client(
        "events", config=Config(retries={"total_max_attempts": 1})
    )
    events = [Event(type=EventType.WARNED, run=RUN, detail={"n": n}) for n in range(25)]

    with pytest.raises(Throttled):
        EventBridgeBus(bus, "default").publish(events)

    assert [call.error for call in cloud.calls if call.operation == "PutEvents"] == [
        "ThrottlingException",
        None,
        None,
    ]


def test_of_several_refusals_the_first_is_told(cloud: LocalCloud) -> None:
    cloud.throttle(HUB, "PutEvents", times=1)
    cloud.deny(HUB, "PutEvents")
    bus = cloud.role_session(HUB, "rotation").client(
        "events", config=Config(retries={"total_max_attempts": 1})
    )
    events = [Event(type=EventType.WARNED, run=RUN, detail={"n": n}) for n in range(25)]

    with pytest.raises(Throttled):
        EventBridgeBus(bus, "default").publish(events)

    errors = [call.error for call in cloud.calls if call.operation == "PutEvents"]
    assert errors[0] == "ThrottlingException"
    assert set(errors[1:]) == {"AccessDeniedException"}
