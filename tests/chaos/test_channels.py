"""
Every call of every channel beside mail, broken in every way, and every request to its server.

The function gets a day's two messages with one thing broken; then at once, healed, what it handed
back; then once more when claims have run out. What it may not do: hold another channel, say a
thing twice that its server can be known to have taken, keep a failure to itself, show a secret,
or end with something unsaid.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pytest

from keyturn_sandbox.emulator.faults import Fault, Faults
from tests.chaos.channels_world import (
    CHANNELS,
    ChannelsWorld,
    Round,
    ServerFault,
    channels_world,
    quiet_deaths,
    short_waits,
)
from tests.chaos.scale import FORM

CALLS: Mapping[str, int] = {"jira": 11, "slack": 15, "teams": 6, "webhook": 11}
"""Channel → what it makes of the day, by numbers."""
REQUESTS: Mapping[str, int] = {"jira": 8, "slack": 4, "teams": 1, "webhook": 2}
"""Channel → likewise what its server is asked."""
FAULTS = tuple(fault for fault in Fault if fault.befalls("s3:PutObject"))
ONE_IN = 1 if FORM == "long" else 8
"""Of how many ways one is tried."""
LASTING = (Fault.UNREACHABLE, Fault.SILENT, Fault.THROTTLED, Fault.DENIED)

pytestmark = pytest.mark.xdist_group("channels")


@pytest.fixture(scope="module")
def world() -> Iterator[ChannelsWorld]:
    with channels_world() as world:
        yield world


@pytest.fixture(scope="module")
def unbroken(world: ChannelsWorld) -> Round:
    """The day as it goes when nothing breaks."""
    world.begin()
    return world.hand_over()


def of_calls() -> Iterator[object]:
    """Each call of each channel, and how it is broken."""
    for place, channel in enumerate(CHANNELS):
        for call in range(1, CALLS[channel] + 1):
            for kind, fault in enumerate(FAULTS):
                is_sample = fault is Fault.UNREACHABLE and call == CALLS[channel]
                if (place + call + kind) % ONE_IN == 0 if FORM else is_sample:
                    yield pytest.param(channel, call, fault, id=f"{channel}-{fault}-{call}")


def of_requests() -> Iterator[object]:
    """Each request to each server, likewise."""
    for place, channel in enumerate(CHANNELS):
        for request in range(1, REQUESTS[channel] + 1):
            for kind, fault in enumerate(ServerFault):
                is_sample = fault is ServerFault.LOST_ANSWER
                if (place + request + kind) % ONE_IN == 0 if FORM else is_sample:
                    yield pytest.param(channel, request, fault, id=f"{channel}-{fault}-{request}")


@pytest.fixture(autouse=True)
def counted(
    request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> None:
    """Count what is broken, as all of chaos does."""
    given = dict(request.node.callspec.params) if hasattr(request.node, "callspec") else {}
    fault = given.pop("fault", None)
    if fault is not None:
        what = "-".join(str(each) for each in given.values())
        record_property("broken", f"channels {what} {fault}")
    elif given:
        record_property("schedules", 1)


@dataclass(kw_only=True)
class Played:
    """The three rounds of a day."""

    broken: Round
    at_once: Round
    later: Round


def play(world: ChannelsWorld, *, dies: bool = False) -> Played:
    """Hand over what is broken by now, then heal it, and hand over what came back, twice."""
    with quiet_deaths():
        broken = world.hand_over()
    world.heal()
    if dies:
        world.restart()
    at_once = world.hand_over(only=broken.failed)
    world.later()
    return Played(broken=broken, at_once=at_once, later=world.hand_over(only=at_once.failed))


def test_these_are_all_the_calls_and_requests_of_the_day(
    world: ChannelsWorld, unbroken: Round
) -> None:
    world.begin()
    faults = world.break_aws("", None, 0)

    again = world.hand_over()

    assert Counter(channel for channel, _ in faults.seen) == CALLS
    assert {name: server.requests for name, server in world.servers.items()} == REQUESTS
    assert again.taken == unbroken.taken
    assert {name: sum(taken.values()) for name, taken in again.taken.items()} == {
        "jira": 5,  # two issues, and what was said of three steps
        "slack": 4,
        "teams": 2,
        "webhook": 4,
    }
    assert again.failed == frozenset()


@pytest.mark.parametrize(("channel", "call", "fault"), list(of_calls()))
def test_a_call_that_breaks_holds_no_other_channel_and_loses_nothing(
    world: ChannelsWorld,
    unbroken: Round,
    channel: str,
    call: int,
    fault: Fault,
) -> None:
    world.begin()
    faults = world.break_aws(channel, fault, call)

    played = play(world, dies=fault.kills)

    assert faults.operation is not None
    if not fault.kills:
        assert_others_heard_all(played.broken, unbroken, channel)
        assert_it_is_reported(played.broken, unbroken, channel)
    assert_all_is_said(world, played, unbroken, twice=may_be_said_twice(faults))


@pytest.mark.parametrize(("channel", "number", "fault"), list(of_requests()))
def test_a_server_that_breaks_holds_no_other_channel_and_loses_nothing(
    world: ChannelsWorld,
    unbroken: Round,
    channel: str,
    number: int,
    fault: ServerFault,
) -> None:
    world.begin()
    world.break_server(channel, fault, number)

    with short_waits(fault):
        played = play(world)

    assert world.servers[channel].requests >= number
    assert_others_heard_all(played.broken, unbroken, channel)
    assert_it_is_reported(played.broken, unbroken, channel)
    assert_all_is_said(world, played, unbroken, twice=fault.is_done)


def of_all() -> Iterator[object]:
    """Each call that several channels make, and how it breaks for all of them."""
    calls = ("s3:ListObjectsV2", "s3:PutObject", "s3:GetObject", "secretsmanager:GetSecretValue")
    for place, call in enumerate(calls):
        for kind, fault in enumerate(LASTING):
            if FORM == "long" or place == kind:
                yield pytest.param(call, fault, id=f"{call}-{fault}")


@pytest.mark.parametrize(("call", "fault"), list(of_all()))
def test_what_breaks_for_all_channels_holds_no_mail(
    world: ChannelsWorld,
    unbroken: Round,
    call: str,
    fault: Fault,
) -> None:
    world.begin()
    faults = world.break_for_all(call, fault)
    for channel in CHANNELS:
        world.break_server(channel, ServerFault.THROTTLES, REQUESTS[channel])

    mailed = world.mail()
    played = play(world)

    assert mailed == 2
    assert faults.operation == call
    assert played.broken.failed
    assert all(played.broken.errors_of(channel) for channel in CHANNELS)
    assert_all_is_said(world, played, unbroken, twice=may_be_said_twice(faults))


def test_while_no_channel_takes_anything_for_days_a_key_ends_on_its_dates(
    world: ChannelsWorld,
) -> None:
    world.begin()
    stage = world.stage
    [old, new] = stage.keys("ann")
    world.break_for_all("s3:PutObject", Fault.SILENT)
    for channel in CHANNELS:
        world.break_server(channel, ServerFault.FAILS_ON, 1)
    before = world.taken()
    world.mail()
    first = world.hand_over()

    ends = []
    for day in (29, 30, 40):
        mailed = len(stage.cloud.sent_mails)
        stage.at(day).run()
        assert world.channels.say() > 0, day
        ends.append((stage.keys("ann").get(old), len(stage.cloud.sent_mails) - mailed))
    world.channels.drop()

    assert first.failed == {each["MessageId"] for each in world.messages}
    assert first.taken == before
    assert world.taken() == before
    assert ends == [("Active", 2), ("Inactive", 2), (None, 2)]
    assert stage.keys("ann") == {new: "Active"}


def test_what_the_queue_hands_over_twice_is_said_once(
    world: ChannelsWorld, unbroken: Round
) -> None:
    world.begin()

    rounds = [world.hand_over(), world.hand_over()]

    assert [each.failed for each in rounds] == [frozenset()] * 2
    assert rounds[-1].taken == unbroken.taken


def of_meetings() -> Iterator[object]:
    """Each call of each channel, in whose midst another process begins."""
    one_in = {"": sum(CALLS.values()), "ci": 5, "long": 1}[FORM]
    calls = [(channel, call) for channel in CHANNELS for call in range(1, CALLS[channel] + 1)]
    for channel, call in calls[::one_in]:
        yield pytest.param(channel, call, id=f"{channel}-{call}")


@pytest.mark.parametrize(("channel", "call"), list(of_meetings()))
def test_what_the_queue_hands_to_two_at_once_is_said_once(
    world: ChannelsWorld,
    unbroken: Round,
    channel: str,
    call: int,
) -> None:
    world.begin()
    met = world.meet(channel, call)

    outer = world.hand_over()
    world.heal()
    [inner] = met
    # What either has done with is gone from the queue.
    at_once = world.hand_over(only=outer.failed & inner.failed)
    world.later()
    later = world.hand_over(only=at_once.failed)

    assert_all_is_said(
        world, Played(broken=outer, at_once=at_once, later=later), unbroken, twice=False
    )


def may_be_said_twice(faults: Faults) -> bool:
    """Whether it may keep what was said from being written down."""
    fault = faults.fault
    assert fault is not None
    return fault.kills or (faults.operation == "s3:PutObject" and not fault.passes)


def assert_others_heard_all(broken: Round, unbroken: Round, channel: str) -> None:
    """No channel waits for another."""
    for other in set(CHANNELS) - {channel}:
        assert broken.taken[other] == unbroken.taken[other]
        assert broken.stored_by(other) == unbroken.stored_by(other)
        assert broken.errors_of(other) == []


def assert_it_is_reported(broken: Round, unbroken: Round, channel: str) -> None:
    """What was not said comes back, and an operator reads and counts it."""
    # A receipt whose every answer was lost is stored, and nobody knows: it comes back, too.
    assert broken.failed or broken.stored_by(channel) == unbroken.stored_by(channel)
    errors = broken.errors_of(channel)
    assert bool(errors) == bool(broken.failed)
    assert broken.measured[f"{channel.title()}NotSent"] == len(errors)


def assert_all_is_said(
    world: ChannelsWorld, played: Played, unbroken: Round, *, twice: bool
) -> None:
    """At once nothing is repeated of which nobody knows; in the end all was said."""
    for channel in CHANNELS:
        at_once, later = played.at_once.taken[channel], played.later.taken[channel]
        assert max(at_once.values(), default=0) <= 1, channel
        assert later.keys() >= unbroken.taken[channel].keys(), channel
        assert max(later.values()) <= (2 if twice and channel != "jira" else 1), channel
    assert played.later.failed == frozenset()
    assert played.later.stored == unbroken.stored
    rounds = (played.broken, played.at_once, played.later)
    left_open = any(each.measured["ChannelIncomplete"] for each in rounds)
    assert [each.status for each in world.site.issues] == [
        "To Do" if left_open else "Done",
        "To Do",
    ]
    assert world.shown() == []
