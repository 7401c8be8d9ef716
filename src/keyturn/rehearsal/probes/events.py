"""What Keyturn relies on of the bus."""

import json
from typing import Any, Final

from botocore.exceptions import ClientError

from keyturn.rehearsal.model.verdict import NotTried
from keyturn.rehearsal.probes.bench import (
    PATIENCE,
    Bench,
    code_of,
    expect,
    refusal,
)
from keyturn.rehearsal.probes.probe import Probe, Unprobed

_API: Final = "https://docs.aws.amazon.com/eventbridge/latest/APIReference"
_GUIDE: Final = "https://docs.aws.amazon.com/eventbridge/latest/userguide"
_MAKE: Final = ("events:CreateEventBus", "events:TagResource")
_LET_IN: Final = "keyturn.rehearsal"


def _put_in_part(bench: Bench) -> str:
    bus = _make_bus(bench, "in-part")
    good, bad = _entry(bus, _LET_IN), _entry(bus, "aws.iam")
    answer = bench.client("events").put_events(Entries=[good, bad])
    expect(answer["FailedEntryCount"] == 1, f"FailedEntryCount is {answer['FailedEntryCount']}")
    taken, refused = answer["Entries"]
    expect("ErrorCode" not in taken, "the good entry was refused")
    expect("ErrorCode" in refused, "the refused entry is not named")
    return f"200, and the refused entry is named: {refused['ErrorCode']}"


def _bus_condition(bench: Bench) -> str:
    """A user without rights may put events only as the bus's own policy says."""
    events, bus = bench.client("events"), _make_bus(bench, "condition")
    key = bench.make_key(bench.make_user("condition"))
    bench.await_works(key)
    caller = bench.client("iam").get_user(UserName=key.user)["User"]["Arn"]
    arn = events.describe_event_bus(Name=bus)["Arn"]
    statement = {
        "Sid": "OneSource",
        "Effect": "Allow",
        "Principal": {"AWS": caller},
        "Action": "events:PutEvents",
        "Resource": arn,
        "Condition": {"StringEqualsIfExists": {"events:source": _LET_IN}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    _put_policy(bench, bus, policy)
    as_user = bench.as_key("events", key.key_id, key.secret)

    def put(source: str) -> Any:  # noqa: ANN401 -- boto3's own form
        return as_user.put_events(Entries=[_entry(arn, source)])

    def let_in() -> bool | None:
        try:
            return put(_LET_IN)["FailedEntryCount"] == 0 or None
        except ClientError as error:
            if code_of(error) in _DENIED:  # the policy is not known everywhere yet
                return None
            raise

    taken, passed = bench.until(let_in)
    if taken is None:
        raise NotTried(f"the policy lets its source in not even after {PATIENCE:.0f} s")
    code = refusal(lambda: put("somebody.else"), _DENIED, "an event of another source")
    return f"its source is let in after {passed:.1f} s, another is {code}"


_DENIED: Final = ["AccessDeniedException", "AccessDenied"]


def _put_policy(bench: Bench, bus: str, policy: str) -> None:
    """Give the bus its policy, which names a user that not every endpoint may know yet."""

    def put() -> bool | None:
        try:
            bench.client("events").put_permission(EventBusName=bus, Policy=policy)
        except ClientError as error:
            if code_of(error) == "ValidationException":
                return None
            raise
        return True

    done, passed = bench.until(put)
    if done is None:
        raise NotTried(f"the bus does not take a policy that names a new user, in {passed:.0f} s")


def _make_bus(bench: Bench, what: str) -> str:
    name = bench.named(what)
    bench.client("events").create_event_bus(Name=name, Tags=bench.tag_list)
    return name


def _entry(bus: str, source: str) -> dict[str, str]:
    return {
        "EventBusName": bus,
        "Source": source,
        "DetailType": "Rehearsal",
        "Detail": "{}",
    }


PROBES: Final = (
    Probe(
        name="put-in-part",
        claim=(
            "`PutEvents` answers 200 and names in `FailedEntryCount` and `ErrorCode` what it did"
            " not take; a source `aws.…` is refused"
        ),
        source=f"{_API}/API_PutEvents.html",
        rests_on_it=("adapters/event_bus.py",),
        otherwise="A notice could be lost without a word; anybody could speak for AWS",
        actions=(*_MAKE, "events:PutEvents"),
        run=_put_in_part,
    ),
    Probe(
        name="bus-condition",
        claim=(
            "A bus whose policy says `StringEqualsIfExists` on `events:source` lets that source "
            "in, and refuses another"
        ),
        source=f"{_GUIDE}/eb-use-conditions.html",
        rests_on_it=("0005", "functions/notifier.py"),
        otherwise="Members could put Keyturn's own events on the bus, and have mails sent",
        actions=(
            *_MAKE,
            "events:DescribeEventBus",
            "events:PutPermission",
            "iam:CreateUser",
            "iam:TagUser",
            "iam:CreateAccessKey",
            "iam:GetUser",
        ),
        run=_bus_condition,
    ),
)

UNPROBED: Final = (
    Unprobed(
        name="rule-passes-on",
        claim=(
            "Where a rule passes an event on to a bus of another account, `IfExists` holds "
            "though the call names no source"
        ),
        source=f"{_GUIDE}/eb-use-conditions.html",
        rests_on_it=("0005",),
        otherwise="Changes of the exemption group would not be reported",
        why="it takes a second account, and minutes of CloudTrail",
    ),
    Unprobed(
        name="event-lost-bus",
        claim="A bus that is not there takes an event, and loses it",
        source=f"{_GUIDE}/eb-putevents.html",
        rests_on_it=("adapters/event_bus.py",),
        otherwise="Nothing worse: the run would fail, and say so",
        why="whether an event was lost cannot be seen in minutes",
    ),
    Unprobed(
        name="cloudtrail-late",
        claim=(
            "CloudTrail's event history has a call some minutes later, and takes two look-ups a "
            "second"
        ),
        source=(
            "https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html"
        ),
        rests_on_it=("0052", "adapters/cloudtrail.py"),
        otherwise="A mail would name no caller of the key",
        why="it comes up to 15 minutes late",
    ),
    Unprobed(
        name="organization-lists",
        claim=(
            "Organizations lists each account once, and may give an empty page that is not the "
            "last"
        ),
        source=(
            "https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html"
        ),
        rests_on_it=("adapters/organizations.py",),
        otherwise=(
            "Accounts would be left out of a day; the doctor and the report name those without a"
            " run"
        ),
        why="a rehearsal makes nothing in an organisation",
    ),
)
