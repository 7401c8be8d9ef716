"""Each probe can come out in each of the three ways, and nothing that AWS answers breaks one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from botocore.exceptions import EndpointConnectionError

from keyturn.rehearsal.model.verdict import Finding, Verdict
from keyturn.rehearsal.probes.catalogue import PROBES, SECRETS
from keyturn.rehearsal.probes.outcome import try_all, try_one
from keyturn.rehearsal.probes.probe import Probe
from keyturn_sandbox.emulator import protocol
from keyturn_sandbox.emulator.cloud import LocalCloud, Perform
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, ApiResponse
from tests.canary import see
from tests.rehearsal.probes.bends import bends
from tests.rehearsal.probes.places import IDS, Bent, Place, in_sandbox, sandbox

each_probe = pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with sandbox() as cloud:
        yield cloud


def try_in(here: Place, probe: Probe, number: int = 0) -> Finding:
    """Try a probe; number: of the id that it has for itself."""
    bench = replace(here.bench, id=IDS[number])
    finding = try_one(probe, bench, lambda: here.guard.calls)
    assert here.guard.refused == []
    see("a finding", repr(finding))
    return finding


def named(name: str) -> Probe:
    """The probe of this name."""
    return next(probe for probe in PROBES if probe.name == name)


# --- different


def test_what_is_bent_is_each_probe() -> None:
    assert set(bends()) == {probe.name for probe in PROBES}


@each_probe
def test_an_aws_that_behaves_otherwise_is_called_different(
    probe: Probe, cloud: LocalCloud
) -> None:
    bent = bends()[probe.name]
    cloud.delays.secrets = timedelta(0)  # what is not listed yet cannot be listed otherwise
    here = in_sandbox(cloud, lambda _service, client: Bent(client, bent.methods))

    finding = try_in(here, probe)

    assert finding.verdict is Verdict.DIFFERENT, finding
    assert bent.says in finding.seen
    assert probe.otherwise in finding.seen


# --- not tried


_PLAIN = {"iam", "sts", "s3", "sqs"}


@dataclass
class Refuses:
    """A layer that refuses one call of those that come."""

    at: int
    refusal: ApiError | None = None
    """None: the service's own denial."""
    came: int = 0

    def __call__(self, request: ApiRequest, perform: Perform) -> ApiResponse:
        """Refuse the call whose turn it is, and every attempt that follows it."""
        self.came += 1
        if self.came >= self.at:
            denied = "AccessDenied" if request.service in _PLAIN else "AccessDeniedException"
            return protocol.refused(request, self.refusal or ApiError(denied, "no", 403))
        return perform(request)


@each_probe
def test_a_probe_whose_calls_are_denied_was_not_tried_whichever_is_the_first(
    probe: Probe, cloud: LocalCloud
) -> None:
    here = in_sandbox(cloud)
    whole = try_in(here, probe)

    for number in range(1, min(whole.calls, len(IDS) - 1) + 1):
        cloud.layers[:] = [Refuses(number)]
        finding = try_in(here, probe, number)

        if number == 1:
            assert finding.verdict is Verdict.NOT_TRIED, finding
        # A probe that ends in a refusal may take a denial for it, and never for another behaviour.
        if whole.verdict is not Verdict.DIFFERENT:
            assert finding.verdict is not Verdict.DIFFERENT, (number, finding)


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (ApiError("Throttling", "Rate exceeded"), "CreateUser was throttled"),
        (ApiError("ServiceFailure", "oh", 500), "CreateUser was not answered (ServiceFailure)"),
        (
            ApiError("LimitExceeded", "users", 409),
            "CreateUser met a quota of the account (LimitExceeded)",
        ),
        (ApiError("ExpiredToken", "over", 403), "CreateUser was denied (ExpiredToken)"),
        (ApiError("InvalidAction", "what?"), "CreateUser is not offered here (InvalidAction)"),
        (
            ApiError("NoSuchEntity", "who?", 404),
            "CreateUser does not find yet what was just made (NoSuchEntity)",
        ),
    ],
    ids=lambda value: value.code if isinstance(value, ApiError) else "",
)
def test_what_is_no_answer_is_no_behaviour(
    cloud: LocalCloud, refusal: ApiError, said: str
) -> None:
    cloud.layers[:] = [Refuses(1, refusal)]

    finding = try_in(in_sandbox(cloud), named("third-key"))

    assert finding.verdict is Verdict.NOT_TRIED
    assert finding.why == said


def test_a_network_that_is_down_is_no_behaviour(cloud: LocalCloud) -> None:
    def down(request: ApiRequest, perform: Perform) -> ApiResponse:
        raise EndpointConnectionError(endpoint_url="https://iam.amazonaws.com")

    cloud.layers[:] = [down]

    finding = try_in(in_sandbox(cloud), named("third-key"))

    assert finding.verdict is Verdict.NOT_TRIED
    assert finding.why == "AWS did not answer (EndpointConnectionError)"


def test_without_bucket_and_seal_key_their_probes_were_not_tried(cloud: LocalCloud) -> None:
    here = in_sandbox(cloud)
    bench = replace(here.bench, bucket=None, seal_key=None)

    findings = {each.name: each for each in try_all(PROBES, bench, lambda: here.guard.calls)}

    assert findings["if-none-match"].why == "no bucket is given (--bucket)"
    assert findings["mac-is-the-same"].why == "no seal key is given (--seal-key)"


# --- what any answer may do


def test_a_refusal_that_nobody_expected_is_another_behaviour(cloud: LocalCloud) -> None:
    cloud.layers[:] = [Refuses(2, ApiError("InvalidParameterException", "no"))]

    finding = try_in(in_sandbox(cloud), named("token-is-version"))

    assert finding.verdict is Verdict.DIFFERENT
    assert finding.seen.startswith("PutSecretValue was refused (InvalidParameterException)")


def test_an_answer_of_another_form_is_another_behaviour_and_no_stack_trace(
    cloud: LocalCloud,
) -> None:
    here = in_sandbox(
        cloud,
        lambda _service, client: Bent(client, {"put_secret_value": lambda _call, **_params: {}}),
    )

    finding = try_in(here, named("token-is-version"))

    assert finding.verdict is Verdict.DIFFERENT
    assert finding.seen.startswith("an answer has another form (KeyError)")


def test_a_clock_that_stands_still_does_not_make_a_probe_ask_without_end(
    cloud: LocalCloud,
) -> None:
    here = in_sandbox(
        cloud,
        lambda _service, client: Bent(client, {"update_access_key": lambda _call, **_params: {}}),
    )
    bench = replace(here.bench, seconds=lambda: 0.0, sleep=lambda _seconds: None)

    finding = try_one(named("inactive-key"), bench, lambda: here.guard.calls)

    assert finding.verdict is Verdict.DIFFERENT
    assert finding.calls < 30


# --- with which rights


_NEEDS_NO_RIGHT = {"sts:GetCallerIdentity"}
_ASKED_AS = {
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "sqs:SendMessageBatch": "sqs:SendMessage",
}
_WITH_TAGS = {
    "iam:CreateUser": "iam:TagUser",
    "secretsmanager:CreateSecret": "secretsmanager:TagResource",
    "sqs:CreateQueue": "sqs:TagQueue",
    "events:CreateEventBus": "events:TagResource",
}


@each_probe
def test_a_probe_names_the_rights_that_it_takes(probe: Probe, cloud: LocalCloud) -> None:
    before = len(cloud.calls)

    finding = try_in(in_sandbox(cloud), probe)

    called = {
        f"{call.service}:{call.operation}".replace("sesv2:", "ses:")
        for call in cloud.calls[before:]
        if ":assumed-role/" in call.principal  # a throw-away user has no right
    } - _NEEDS_NO_RIGHT
    asked = {_ASKED_AS.get(each, each) for each in called}
    asked |= {_WITH_TAGS[each] for each in asked & _WITH_TAGS.keys()}
    assert asked <= set(probe.actions)
    made = {call.params["Name"] for call in cloud.calls if call.operation == "CreateSecret"}
    assert made <= {IDS[0].name(each) for each in SECRETS}  # the clean-up asks for no other
    if finding.verdict is Verdict.AS_EXPECTED:  # otherwise it may not have come to all of them
        assert asked == set(probe.actions)
