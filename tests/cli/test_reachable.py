"""`keyturn owners reachable`: an operator says that mails to an address arrive again."""

import json
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn.domain.errors import InvalidValue
from keyturn.functions import notifier
from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse, answered
from keyturn_sandbox.simulation.deployment import BUCKET, NOTIFIER_ROLE, PREFIX, deploy_mail_events
from tests.cli.organisation import audit_entries, environment
from tests.functions.test_mail_fate import mark, suppress
from tests.use_cases.harness import HUB, OWNER, Clock, Harness, staged

DO_IT = ("--deployed", "--enforce", "--yes", "--reason", "the mailbox was mended")


@pytest.fixture
def stage() -> Iterator[Harness]:
    """A deployment whose owner's mail came back, on a day on which the mailbox is mended."""
    with staged() as stage:
        stage.settings |= deploy_mail_events(stage.cloud, stage.deployment)
        stage.cloud.layers.append(functions_of(stage))
        stage.cloud.close_mailbox(OWNER)
        stage.user("ann", 137)
        stage.run()
        stage.cloud.close_mailbox(OWNER, closed=False)
        stage.at(1)
        assert mark(stage, OWNER)
        yield stage


class functions_of:  # noqa: N801 -- it is called as a function is
    """Lambda, as far as this command asks: the notifier runs as its own role."""

    def __init__(self, stage: Harness) -> None:
        self._stage = stage

    def __call__(self, request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.service != "lambda":
            return perform(request)
        if request.operation == "GetFunctionConfiguration":
            variables = {**self._stage.deployment.settings, **self._stage.settings}
            return answered(request, {"Environment": {"Variables": variables}})
        assert (request.operation, "ASA-Notifier" in unquote(request.http.url)) == ("Invoke", True)
        body = request.http.body
        event = json.loads(body if isinstance(body, (str, bytes)) else b"")
        with self._stage.being(NOTIFIER_ROLE):
            return answered(request, dict(notifier.handler(event, Clock())))  # type: ignore[arg-type, call-overload]  # as Lambda hands it over


def keyturn(stage: Harness, *arguments: str) -> Result:
    run = CliRunner(env=environment(stage.cloud.session(HUB)))
    return run.invoke(app, ["owners", "reachable", *arguments])


def off_the_list(stage: Harness) -> None:
    ses = stage.cloud.session(HUB).client("sesv2")
    ses.delete_suppressed_destination(EmailAddress=OWNER)


def test_it_lifts_the_mark_and_the_owner_is_notified_again(stage: Harness) -> None:
    off_the_list(stage)

    done = keyturn(stage, OWNER, *DO_IT)

    assert done.exit_code == 0, done.output
    assert f"{OWNER} counts as one that cannot be reached since 2026-03-02 " in done.stdout
    assert done.stdout.endswith("is notified again from the next run on.\n")
    assert mark(stage, OWNER) is None
    [entry] = audit_entries(stage.cloud.session(HUB).client("s3"), BUCKET, f"{PREFIX}/")
    assert (entry["command"], entry["outcome"]) == ("reachable", "done")
    assert entry["why"] == "the mailbox was mended"
    assert entry["said"] == [f"{OWNER} can be reached again"]
    [line] = [line for line in stage.lines() if line["event"] == "address.reachable"]
    assert (line["address"], line["why"]) == (OWNER, "the mailbox was mended")
    sent = len(stage.cloud.sent_mails)
    stage.run()
    assert [OWNER] in [mail.to for mail in stage.cloud.sent_mails[sent:]]


def test_without_enforce_it_only_says_how_things_stand(stage: Harness) -> None:
    off_the_list(stage)

    shown = keyturn(stage, OWNER, "--deployed")

    assert shown.exit_code == 0, shown.output
    assert "until 2026-04-01" in shown.stdout
    assert "Dry run: nothing was written" in shown.stdout
    assert mark(stage, OWNER)


def test_it_says_how_to_take_an_address_off_sess_list_and_does_not_do_it(stage: Harness) -> None:
    suppress(stage, OWNER)

    done = keyturn(stage, OWNER, *DO_IT)

    assert done.exit_code == 1
    assert f"delete-suppressed-destination --email-address {OWNER}" in done.stdout
    ses = stage.cloud.session(HUB).client("sesv2")
    assert ses.get_suppressed_destination(EmailAddress=OWNER)
    stage.run()
    assert mark(stage, OWNER), "SES still sends nothing to it"


def test_an_address_that_is_not_marked_is_left_alone(stage: Harness) -> None:
    done = keyturn(stage, "bob@example.com", *DO_IT)

    assert done.exit_code == 0, done.output
    assert done.stdout == ("bob@example.com is not marked as an address that cannot be reached.\n")


def test_a_bucket_without_functions_is_written_to_from_here(stage: Harness) -> None:
    off_the_list(stage)
    stage.cloud.layers.pop()
    # Where nothing is deployed, no policy guards the receipts.
    stage.cloud.session(HUB).client("s3").put_bucket_policy(
        Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": []})
    )

    done = keyturn(stage, OWNER, "--bucket", BUCKET, "--prefix", PREFIX, "--enforce", "--yes")

    assert done.exit_code == 0, done.output
    assert mark(stage, OWNER) is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ann", "--deployed"), "ADDRESS ann: must be one e-mail address"),
        (("a@example.com,b@example.com", "--deployed"), "must be one e-mail address"),
        ((OWNER,), "--bucket: is needed: there it is marked; or --deployed"),
        ((OWNER, "--deployed", "--enforce"), "--enforce: needs --yes"),
    ],
)
def test_what_is_wrong_is_refused_before_the_first_call(
    arguments: tuple[str, ...], said: str, stage: Harness
) -> None:
    before = len(stage.cloud.calls)

    refused = keyturn(stage, *arguments)

    assert refused.exit_code == 2
    assert said in refused.stderr
    assert len(stage.cloud.calls) == before


@pytest.mark.parametrize(
    "event",
    [{}, {"Reachable": "ann"}, {"Reachable": OWNER, "dryRun": True}],
)
def test_an_odd_event_is_refused(event: dict[str, object], stage: Harness) -> None:
    with stage.being(NOTIFIER_ROLE), pytest.raises(InvalidValue):
        notifier.handler(event, Clock())  # type: ignore[arg-type]  # likewise

    assert mark(stage, OWNER)
