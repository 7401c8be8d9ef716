"""What becomes of mails after SES took them, as the notifier hears it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.functions import notifier
from keyturn.schemas.ses_event import read_mail_event
from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, ApiResponse, refused
from keyturn_sandbox.simulation.deployment import (
    ADMIN,
    BUCKET,
    CONFIGURATION_SET,
    NOTIFIER_ROLE,
    PREFIX,
    deploy_mail_events,
)
from keyturn_sandbox.simulation.people import OWNER_TAG
from tests.functions.notifier_at_work import put
from tests.functions.test_exemptions import events, see
from tests.use_cases.harness import DAY, HUB, MINUTE, OWNER, START, Harness, staged

RECEIPTS = f"{PREFIX}/receipts/"


@pytest.fixture
def stage() -> Iterator[Harness]:
    """A deployment with mail events, of a user whose key is rotated and told of."""
    with staged() as stage:
        stage.settings |= deploy_mail_events(stage.cloud, stage.deployment)
        yield stage


def stored(stage: Harness, ending: str = "") -> dict[str, Any]:
    """What is stored below `receipts/`: name → its JSON; a claim is a text."""
    return {
        name.removeprefix(RECEIPTS): _json(body)
        for name, body in stage.cloud.objects(BUCKET).items()
        if name.startswith(RECEIPTS) and name.endswith(ending)
    }


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode()


def proofs(stage: Harness) -> set[str]:
    """The names of the owner's receipts."""
    return {
        name
        for name, receipt in stored(stage, ".json").items()
        if not name.startswith("_") and receipt["address"] == OWNER
    }


def mark(stage: Harness, address: str) -> Any:  # noqa: ANN401 -- JSON
    """What marks an address as one that cannot be reached; None: nothing does."""
    recipient = Recipient(ChannelName.EMAIL, address)
    folder = f"_undeliverable/{recipient.id}."
    found = [file for name, file in stored(stage).items() if name.startswith(folder)]
    assert len(found) <= 1
    return found[0] if found else None


def hands_on(stage: Harness) -> Any:  # noqa: ANN401 -- boto3 makes the class at run time
    """The bucket, for the notifier: nobody else may write receipts."""
    return stage.cloud.role_session(HUB, NOTIFIER_ROLE).client("s3")


def counted(stage: Harness, metric: str) -> float:
    return sum(float(line[metric][0]) for line in stage.measured() if metric in line)


BOUNCE: Mapping[str, Any] = {
    "bounceType": "Permanent",
    "bounceSubType": "NoEmail",
    "bouncedRecipients": [
        {"emailAddress": OWNER, "action": "failed", "status": "5.1.1", "diagnosticCode": "gone"}
    ],
    "timestamp": "2026-03-02T05:00:07.123Z",
    "feedbackId": "0100017-000000",
}
COMPLAINT: Mapping[str, Any] = {
    "complainedRecipients": [{"emailAddress": OWNER}],
    "timestamp": "2026-03-02T05:00:07.123Z",
    "feedbackId": "0100017-000000",
}
PARTS = {
    "Email Bounced": ("Bounce", "bounce"),
    "Email Complaint Received": ("Complaint", "complaint"),
    "Email Rejected": ("Reject", "reject"),
    "Email Rendering Failed": ("Rendering Failure", "failure"),
    "Email Delivered": ("Delivery", "delivery"),
}


def say(  # noqa: PLR0913 -- what differs between events
    stage: Harness,
    kind: str,
    part: Mapping[str, Any],
    *,
    message_id: str,
    tags: object = None,
    account: str = HUB,
    sent_ago: timedelta = MINUTE,
    sent_at: datetime | None = None,
) -> None:
    """Let SES say what became of a mail, in the form of its documentation."""
    event_type, name = PARTS[kind]
    sent = sent_at or stage.cloud.now - sent_ago
    detail = {
        "eventType": event_type,
        name: part,
        "mail": {
            "timestamp": sent.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "source": ADMIN,
            "sourceArn": f"arn:aws:ses:us-east-1:{HUB}:identity/{ADMIN}",
            "sendingAccountId": HUB,
            "messageId": message_id,
            "destination": [OWNER],
            "headersTruncated": False,
            "headers": [{"name": "To", "value": OWNER}],
            "tags": {
                "ses:configuration-set": [CONFIGURATION_SET],
                "ses:from-domain": ["larkfield.example"],
                "keyturn": ["notice"],
            }
            if tags is None
            else tags,
        },
    }
    bus = f"arn:aws:events:us-east-1:{HUB}:event-bus/default"
    stage.cloud.pass_on(account, "aws.ses", kind, detail, bus=bus)


@pytest.fixture
def told(stage: Harness) -> Harness:
    """Two users of one owner, rotated; their one mail was taken, and nothing more was heard."""
    # Without the set nothing is said of a mail by itself.
    stage.settings.pop("ConfigurationSet")
    stage.user("ann", 137)
    stage.user("bob", 137)
    stage.run()
    assert len(proofs(stage)) == 2
    return stage


def message(stage: Harness, address: str = OWNER) -> str:
    """The id of the last mail to an address."""
    return [mail.message_id for mail in stage.cloud.sent_mails if mail.to == [address]][-1]


# What a mail carries, and what is written down when it is sent


def test_every_mail_names_the_configuration_set_and_that_it_is_ours(stage: Harness) -> None:
    stage.user("ann", 137)
    see(stage)

    stage.run()

    sent: list[Any] = [call.params for call in stage.ours() if call.operation == "SendEmail"]
    assert len(sent) == 3
    assert {each["ConfigurationSetName"] for each in sent} == {CONFIGURATION_SET}
    assert all({"Name": "keyturn", "Value": "notice"} in each["EmailTags"] for each in sent)


def test_a_message_is_written_down_with_its_receipts_before_they_count(told: Harness) -> None:
    puts: list[Any] = [call.params for call in told.ours() if call.operation == "PutObject"]
    names = [str(each["Key"]).removeprefix(RECEIPTS) for each in puts]
    index = f"_messages/{message(told)}.json"

    written = stored(told)[index]

    assert set(written["receipts"]) == proofs(told)
    assert (written["channel"], written["address"]) == ("email", OWNER)
    last_claims = [n for n, name in enumerate(names) if name in proofs(told)]
    assert last_claims[1] < names.index(index) < last_claims[2]


def test_a_message_that_cannot_be_written_down_is_no_proof_and_is_sent_again(
    stage: Harness,
) -> None:
    stage.user("ann", 137)
    stage.invoke()

    def refuse(request: ApiRequest, perform: Perform) -> ApiResponse:
        if "_messages" in str(request.params.get("Key")):
            return ApiResponse(status=403, body=b"<Error><Code>AccessDenied</Code></Error>")
        return perform(request)

    stage.cloud.layers.append(refuse)
    failed = stage.drain(
        stage.deployment.notifier_queue, NOTIFIER_ROLE, notifier.handler, rounds=1
    )
    stage.cloud.layers.remove(refuse)

    assert failed
    assert all(isinstance(claim, str) for claim in stored(stage).values())
    stage.cloud.move_to(stage.cloud.now + 16 * MINUTE)
    stage.tell()
    assert len(proofs(stage)) == 1


# What came back


def test_a_mail_that_bounces_proves_nothing_and_its_address_is_marked(stage: Harness) -> None:
    stage.cloud.close_mailbox(OWNER)
    stage.user("ann", 137)

    stage.run()

    [proof] = proofs(stage)
    bounced = stored(stage, ".bounced")[f"{proof}.bounced"]
    assert bounced["fate"] == "bounced"
    assert bounced["why"] == "Permanent/General: smtp; 550 5.1.1 user unknown"
    assert bounced["message_id"] == message(stage)
    assert bounced["event_id"]
    marked = mark(stage, OWNER)
    assert (marked["address"], marked["message_id"]) == (OWNER, message(stage))
    assert counted(stage, "MailsBounced") == 1
    assert counted(stage, "MailsDelivered") == 1  # the admin's
    assert counted(stage, "NotTold") == 0
    assert any(OWNER in line and "proves nothing" in line for line in stage.messages())


NO_LIST = "OnAccountSuppressionList"
VOIDING: list[tuple[str, Mapping[str, Any], str]] = [
    ("Email Bounced", BOUNCE, "bounced"),
    ("Email Bounced", {**BOUNCE, "bounceSubType": "General"}, "bounced"),
    ("Email Bounced", {**BOUNCE, "bounceSubType": "Suppressed"}, "suppressed"),
    ("Email Bounced", {**BOUNCE, "bounceSubType": NO_LIST}, "suppressed"),
    # Whatever the type says: SES never sent it.
    ("Email Bounced", {"bounceType": "Undetermined", "bounceSubType": NO_LIST}, "suppressed"),
    ("Email Bounced", {**BOUNCE, "bouncedRecipients": []}, "bounced"),
    ("Email Bounced", {"bounceType": "Permanent"}, "bounced"),
    ("Email Complaint Received", COMPLAINT, "complained"),
    ("Email Complaint Received", {**COMPLAINT, "complaintFeedbackType": "abuse"}, "complained"),
    ("Email Complaint Received", {**COMPLAINT, "complaintSubType": NO_LIST}, "suppressed"),
    ("Email Complaint Received", {"complaintSubType": None}, "complained"),
    ("Email Rejected", {"reason": "Bad content"}, "rejected"),
    ("Email Rejected", {}, "rejected"),
    ("Email Rendering Failed", {"errorMessage": "x", "templateName": "t"}, "not-rendered"),
]
TRANSIENT = {"bounceType": "Transient", "bounceSubType": "MailboxFull"}
HARMLESS: list[tuple[str, Mapping[str, Any], str]] = [
    ("Email Bounced", {**BOUNCE, **TRANSIENT}, "transient"),
    (
        "Email Bounced",
        {**BOUNCE, "bounceType": "Undetermined", "bounceSubType": None},
        "transient",
    ),
    ("Email Complaint Received", {**COMPLAINT, "complaintFeedbackType": "not-spam"}, "not-spam"),
    ("Email Delivered", {"recipients": [OWNER]}, "delivered"),
]
SENT: Mapping[str, Any] = {"messageId": "m", "timestamp": "2026-03-02T05:00:00.000Z"}


def envelope(kind: str, detail: Mapping[str, Any], **changes: object) -> dict[str, object]:
    """An event as EventBridge brings it, about a mail without tags."""
    return {
        "version": "0",
        "id": "12a18625-3838-11c1-9f9b-f9a1",
        "detail-type": kind,
        "source": "aws.ses",
        "account": HUB,
        "time": "2026-03-02T05:00:08Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {"mail": SENT, **detail},
        **changes,
    }


@pytest.mark.parametrize(("kind", "part", "fate"), [*VOIDING, *HARMLESS])
def test_each_word_of_ses_has_its_meaning(kind: str, part: Mapping[str, Any], fate: str) -> None:
    event = envelope(kind, {PARTS[kind][1]: part})

    read = read_mail_event(event, own_account=HUB)

    assert read.fate == fate
    assert read.fate.voids == ((kind, part, fate) in VOIDING)
    assert read.message_id == "m"
    assert read.is_tagged is False


@pytest.mark.parametrize(
    ("kind", "part", "marks"),
    [
        ("Email Bounced", BOUNCE, True),
        ("Email Complaint Received", COMPLAINT, True),
        ("Email Rejected", {"reason": "Bad content"}, False),
        ("Email Rendering Failed", {"errorMessage": "x", "templateName": "t"}, False),
    ],
)
def test_what_voids_a_mail_voids_all_its_receipts(
    kind: str, part: Mapping[str, Any], marks: bool, told: Harness
) -> None:
    say(told, kind, part, message_id=message(told))

    assert told.tell() == []

    assert set(stored(told, ".bounced")) == {f"{name}.bounced" for name in proofs(told)}
    assert (mark(told, OWNER) is not None) == marks
    assert counted(told, "MailsBounced") == 1


def test_what_may_arrive_next_time_voids_nothing(told: Harness) -> None:
    before = stored(told)
    for kind, part, _ in HARMLESS[:3]:
        say(told, kind, part, message_id=message(told))

    assert told.tell() == []

    # Only that it did not arrive this time is written down, once.
    new = {name: each for name, each in stored(told).items() if name not in before}
    assert set(new) == {f"{name}.missed" for name in proofs(told)}
    assert {each["fate"] for each in new.values()} == {"transient"}
    assert {name: each for name, each in stored(told).items() if name in before} == before
    assert (counted(told, "MailsMissed"), counted(told, "MailEventsIgnored")) == (2, 1)


def test_the_mail_of_another_recipient_keeps_its_proof(told: Harness) -> None:
    say(told, "Email Bounced", BOUNCE, message_id=message(told, ADMIN))

    told.tell()

    assert not {name.removesuffix(".bounced") for name in stored(told, ".bounced")} & proofs(told)
    assert mark(told, ADMIN)
    assert mark(told, OWNER) is None


def test_the_same_event_twice_is_as_once(told: Harness) -> None:
    say(told, "Email Bounced", BOUNCE, message_id=message(told))
    told.tell()
    once = stored(told, ".bounced")
    say(told, "Email Bounced", {**BOUNCE, "bounceSubType": "General"}, message_id=message(told))

    assert told.tell() == []

    assert stored(told, ".bounced") == once


def test_what_a_mail_server_answers_is_shortened_and_made_safe(told: Harness) -> None:
    said = "550 \u202e\r\nBcc: all@example.com " + "x" * 5000
    bounced = {**BOUNCE, "bouncedRecipients": [{"emailAddress": OWNER, "diagnosticCode": said}]}
    say(told, "Email Bounced", bounced, message_id=message(told))

    told.tell()

    [why] = {each["why"] for each in stored(told, ".bounced").values()}
    assert len(why) == 300
    assert why.isprintable()


# What was delivered


def test_a_delivery_is_written_beside_each_receipt(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.user("bob", 137)

    stage.run()

    delivered = stored(stage, ".delivered")
    assert proofs(stage) <= {name.removesuffix(".delivered") for name in delivered}
    assert {each["fate"] for each in delivered.values()} == {"delivered"}
    assert stored(stage, ".bounced") == {}
    assert counted(stage, "MailsDelivered") == 2


def test_a_delivery_after_a_bounce_takes_back_nothing(told: Harness) -> None:
    sent_at = told.cloud.now - MINUTE
    say(told, "Email Bounced", BOUNCE, message_id=message(told), sent_at=sent_at)
    told.tell()
    say(told, "Email Delivered", {}, message_id=message(told), sent_at=sent_at)

    assert told.tell() == []

    assert len(stored(told, ".bounced")) == len(stored(told, ".delivered")) == 2
    assert mark(told, OWNER)  # the mail was sent before it was marked


def test_a_bounce_after_a_delivery_voids_all_the_same(told: Harness) -> None:
    say(told, "Email Delivered", {"recipients": [OWNER]}, message_id=message(told))
    say(told, "Email Complaint Received", COMPLAINT, message_id=message(told))

    assert told.tell() == []

    assert len(stored(told, ".bounced")) == 2


def test_an_address_is_good_again_when_a_later_mail_arrives_there(told: Harness) -> None:
    say(told, "Email Bounced", BOUNCE, message_id=message(told, ADMIN))
    told.tell()
    assert mark(told, ADMIN)
    told.cloud.move_to(told.cloud.now + MINUTE)
    see(told)  # the admin is notified of something else
    told.tell()

    told.cloud.move_to(told.cloud.now + MINUTE)
    say(
        told,
        "Email Delivered",
        {},
        message_id=message(told, ADMIN),
        sent_ago=timedelta(seconds=55),
    )
    told.tell()

    assert mark(told, ADMIN) is None


def test_an_old_bounce_condemns_no_address_that_was_reached_since(told: Harness) -> None:
    old = message(told)
    told.at(7).run()
    later = message(told)
    assert later != old
    say(told, "Email Delivered", {}, message_id=later)
    told.tell()

    say(told, "Email Bounced", BOUNCE, message_id=old, sent_ago=7 * DAY)
    assert told.tell() == []
    assert mark(told, OWNER) is None

    # The very mail that was delivered comes back after all.
    say(told, "Email Bounced", BOUNCE, message_id=later)
    told.tell()
    assert mark(told, OWNER)


def test_who_sends_each_mail_back_once_the_next_arrived_keeps_no_key(stage: Harness) -> None:
    ann = "ann@example.com"
    [old] = stage.user("app", 95, **{OWNER_TAG: ann})
    came_back = 0
    first_told = disabled = None

    for day in range(40):
        before = len(stage.cloud.sent_mails)
        stage.at(day).run()  # what arrives is said to be delivered
        mails = [mail for mail in stage.cloud.sent_mails if mail.to == [ann]]
        for mail in mails[came_back:-1]:
            say(stage, "Email Bounced", BOUNCE, message_id=mail.message_id, sent_at=mail.at)
            came_back += 1
        stage.tell()
        if first_told is None and [OWNER] in [m.to for m in stage.cloud.sent_mails[before:]]:
            first_told = day
            marked = mark(stage, ann)
            assert marked is not None, "the address is left out from now on"
            assert marked["why"].startswith("bounced again: ")
        if stage.keys("app")[old] == "Inactive":
            disabled = day
            break

    assert first_told is not None, "the next source is told"
    assert disabled is not None, "the key ends"
    assert came_back >= 2
    assert disabled - first_told >= 10, "after a whole window of who is asked now"


def snapshot(stage: Harness) -> Any:  # noqa: ANN401 -- JSON
    """What the last run stored of the account."""
    bodies = [body for name, body in stage.cloud.objects(BUCKET).items() if "/snapshots/" in name]
    return json.loads(bodies[-1])


def test_two_addresses_that_send_mails_back_in_turn_keep_no_key(stage: Harness) -> None:
    """
    Whoever holds the key writes its tag and its user's name, and runs both mail servers.

    Just before an end the oldest mail alone comes back (a later one arrived: no mark), ten days
    later all do. When the third source was notified, the mark of the first is over.
    """
    tagged, named = "mal@example.com", "mal2@example.com"
    [old] = stage.user(named, 95, **{OWNER_TAG: tagged})
    back: set[str] = set()
    heard: dict[str, list[int]] = {}
    contested = set()

    def send_back(day: int, address: str, *, all_of_them: bool) -> None:
        stage.at(day - 0.1)
        theirs = [mail for mail in stage.cloud.sent_mails if mail.to == [address]]
        left = [mail for mail in theirs if mail.message_id not in back]
        for mail in left if all_of_them else left[:1]:
            say(stage, "Email Bounced", BOUNCE, message_id=mail.message_id, sent_at=mail.at)
            back.add(mail.message_id)
        stage.tell()

    for day in (0, 7, 10, 17, 20, 27, 30, 37, 40, 47, 50):
        if day in {10, 20}:
            send_back(day, tagged, all_of_them=day == 20)
        if day in {30, 40}:
            send_back(day, named, all_of_them=day == 40)
        before = len(stage.cloud.sent_mails)
        assert stage.keys(named)[old] == "Active", day
        stage.at(day).run()
        for mail in stage.cloud.sent_mails[before:]:
            heard.setdefault(mail.to[0], []).append(day)
        [seen] = [key for key in snapshot(stage)["keys"] if key["key"] == old]
        if "CONTESTED" in seen["overlays"]:
            contested.add(day)
            assert "mails that named 2 different dates of its end came back" in seen["sentence"]

    assert heard[OWNER][0] == 40, "they had all of their ten days"
    assert stage.keys(named)[old] == "Inactive", "no date moves by who comes back"
    assert 50 in heard[tagged], "who can be reached again hears of it at once"
    # Not where nobody is left who was notified: then no owner is asked for.
    assert contested == {27, 30, 37, 47}


def test_who_was_away_once_has_a_whole_window_when_they_are_back(stage: Harness) -> None:
    away = "away@example.com"
    [old] = stage.user("ann", 137, **{OWNER_TAG: away})
    stage.run()
    [mail] = [mail for mail in stage.cloud.sent_mails if mail.to == [away]]
    say(stage, "Email Bounced", BOUNCE, message_id=mail.message_id, sent_at=mail.at)
    stage.tell()
    stage.at(1).run()
    assert [OWNER] in [mail.to for mail in stage.cloud.sent_mails], "the next source stands in"
    for name in [name for name in stored(stage) if name.startswith("_undeliverable/")]:
        hands_on(stage).delete_object(Bucket=BUCKET, Key=RECEIPTS + name)
    stage.at(5).run()
    assert [away] in [mail.to for mail in stage.cloud.sent_mails[-2:]]

    for day in (11, 14):
        stage.at(day).run()
        assert stage.keys("ann")[old] == "Active", day
    stage.at(15).run()
    assert stage.keys("ann")[old] == "Inactive"


def test_mails_that_come_back_together_are_of_one_trouble(told: Harness) -> None:
    """Late events of several old mails, as from the dead letters, condemn no living address."""
    sent = {0: message(told)}
    for day in (7, 10):
        told.at(day).run()
        sent[day] = message(told)
    assert len(set(sent.values())) == 3
    say(told, "Email Delivered", {}, message_id=sent[10])
    told.tell()

    for day in (0, 7):
        late = (10 - day) * DAY
        say(told, "Email Bounced", BOUNCE, message_id=sent[day], sent_ago=late)
        told.tell()
        told.cloud.move_to(told.cloud.now + MINUTE)

    assert counted(told, "MailsBounced") == 2
    assert mark(told, OWNER) is None


def test_a_bounce_of_long_ago_condemns_no_address(told: Harness) -> None:
    """A dead letter that is redriven, or an event that comes very late."""
    told.at(31)
    say(told, "Email Bounced", BOUNCE, message_id=message(told), sent_ago=31 * DAY)

    assert told.tell() == []

    assert mark(told, OWNER) is None
    assert len(stored(told, ".bounced")) == 2


def test_an_address_counts_as_dead_from_when_its_mail_was_sent(stage: Harness) -> None:
    stage.settings.pop("ConfigurationSet")
    [old] = stage.user("ann", 137, **{OWNER_TAG: "ann@example.com"})
    stage.run()
    stage.at(20)
    say(
        stage,
        "Email Bounced",
        BOUNCE,
        message_id=message(stage, "ann@example.com"),
        sent_ago=20 * DAY,
    )
    stage.tell()
    sent = len(stage.cloud.sent_mails)

    stage.at(29).use(old)
    stage.run()
    assert ["ann@example.com"] not in [mail.to for mail in stage.cloud.sent_mails[sent:]]

    stage.user("bob", 137, **{OWNER_TAG: "ann@example.com"})
    stage.at(30).run()
    assert ["ann@example.com"] in [mail.to for mail in stage.cloud.sent_mails[sent:]]


def test_who_calls_a_mail_spam_is_not_reached_by_those_that_arrived_before(
    told: Harness,
) -> None:
    first = message(told)
    told.at(7)
    say(told, "Email Delivered", {}, message_id=first, sent_ago=7 * DAY)
    say(told, "Email Complaint Received", COMPLAINT, message_id=first, sent_ago=7 * DAY)

    assert told.tell() == []

    assert mark(told, OWNER)


# Any order


def test_an_event_that_comes_before_the_message_is_written_down_is_tried_again(
    told: Harness,
) -> None:
    index = f"{RECEIPTS}_messages/{message(told)}.json"
    s3 = hands_on(told)
    body = told.cloud.objects(BUCKET)[index]
    s3.delete_object(Bucket=BUCKET, Key=index)
    say(told, "Email Bounced", BOUNCE, message_id=message(told))

    assert told.drain(
        told.deployment.notifier_queue, NOTIFIER_ROLE, notifier.handler, rounds=1
    ) == [""]
    s3.put_object(Bucket=BUCKET, Key=index, Body=body)
    assert told.tell() == []

    assert len(stored(told, ".bounced")) == 2
    assert counted(told, "NotTold") == counted(told, "EventsDropped") == 0


def test_an_event_of_a_message_that_nobody_can_write_down_any_more_is_dropped(
    told: Harness,
) -> None:
    before = stored(told)
    say(told, "Email Bounced", BOUNCE, message_id="0100-unknown", sent_ago=15 * MINUTE)

    assert told.tell() == []

    assert stored(told) == before
    assert counted(told, "MailEventsIgnored") == 1


def to_claims(stage: Harness) -> None:
    """Make the owner's receipts claims again, as if the notifier had died between two writes."""
    s3 = hands_on(stage)
    for name in proofs(stage):
        s3.put_object(Bucket=BUCKET, Key=RECEIPTS + name, Body=b"c" * 36)


def test_a_bounce_before_the_receipt_is_confirmed_voids_it(told: Harness) -> None:
    receipts = {RECEIPTS + name: stored(told)[name] for name in proofs(told)}
    to_claims(told)
    say(told, "Email Bounced", BOUNCE, message_id=message(told))

    assert told.tell() == []
    s3 = hands_on(told)
    for name, receipt in receipts.items():
        s3.put_object(Bucket=BUCKET, Key=name, Body=json.dumps(receipt).encode())

    assert {f"{name}.bounced" for name in proofs(told)} == set(stored(told, ".bounced"))


def test_a_delivery_before_the_receipt_is_confirmed_waits_for_it(told: Harness) -> None:
    to_claims(told)
    say(told, "Email Delivered", {}, message_id=message(told))

    assert told.drain(
        told.deployment.notifier_queue, NOTIFIER_ROLE, notifier.handler, rounds=1
    ) == [""]

    assert stored(told, ".delivered") == {}


def test_an_old_bounce_does_not_void_the_mail_that_came_after_it(told: Harness) -> None:
    first, index = message(told), f"{RECEIPTS}_messages/{message(told)}.json"
    s3 = hands_on(told)
    for name in proofs(told):  # the same step, told to the same owner by a later mail
        receipt = {**stored(told)[name], "message_id": "0100-later"}
        s3.put_object(Bucket=BUCKET, Key=RECEIPTS + name, Body=json.dumps(receipt).encode())
    assert index in told.cloud.objects(BUCKET)
    say(told, "Email Bounced", BOUNCE, message_id=first)

    assert told.tell() == []

    assert stored(told, ".bounced") == {}


def test_what_expired_is_not_made_up_anew(told: Harness) -> None:
    s3 = hands_on(told)
    for name in proofs(told):
        s3.delete_object(Bucket=BUCKET, Key=RECEIPTS + name)
    say(told, "Email Bounced", BOUNCE, message_id=message(told))

    assert told.tell() == []

    assert stored(told, ".bounced") == {}


def test_what_voided_a_notice_does_not_void_the_one_that_is_sent_anew(stage: Harness) -> None:
    stage.cloud.close_mailbox(OWNER)
    stage.user("ann", 137)
    stage.invoke()
    notices = stage.receive(stage.deployment.notifier_queue)
    for notice in notices:
        put(stage, notice["Body"])
    stage.tell()
    assert len(stored(stage, ".bounced")) == 1
    ses = stage.cloud.session(HUB).client("sesv2")
    ses.delete_suppressed_destination(EmailAddress=OWNER)
    stage.cloud.close_mailbox(OWNER, closed=False)

    for notice in notices:
        put(stage, notice["Body"])
    stage.tell()

    assert [mail.to for mail in stage.cloud.sent_mails].count([OWNER]) == 2
    assert stored(stage, ".bounced") == {}
    [proof] = proofs(stage)
    assert stored(stage, ".delivered")[f"{proof}.delivered"]["message_id"] == message(stage)


# What is not ours


YEAR_9000 = {**SENT, "timestamp": "9000-03-02T05:00:00Z"}
ODD: list[tuple[Mapping[str, object], str]] = [
    ({"account": "444444444444"}, "account=444444444444: is not 222222222222"),
    ({"id": "../x"}, "id=../x: must be EventBridge's id"),
    ({"detail-type": "Email Opened"}, "detail-type=Email Opened"),
    ({"time": "yesterday"}, "time=yesterday"),
    ({"detail": {}}, "detail.mail=: Missing data for required field"),
    ({"detail": {"mail": {**SENT, "messageId": "../../x"}}}, "detail.mail.messageId=../../x"),
    ({"detail": {"mail": SENT}}, "detail.bounce=: is missing"),
    (
        {"detail": {"mail": SENT, "bounce": {"bounceType": "Sideways"}}},
        "detail.bounce.bounceType=Sideways",
    ),
    ({"detail": {"mail": YEAR_9000, "bounce": BOUNCE}}, "detail.mail.timestamp=9000"),
]


def test_an_odd_event_is_dropped_and_counted(told: Harness) -> None:
    before = stored(told)
    for changed, _ in ODD:
        event = envelope("Email Bounced", {"bounce": BOUNCE})
        put(told, json.dumps({**event, **changed}))

    assert told.tell() == []

    assert stored(told) == before
    assert counted(told, "EventsDropped") == len(ODD)
    said = " ".join(told.messages())
    assert [why for _, why in ODD if why not in said] == []


def test_the_mail_of_another_application_is_ignored_at_once(told: Harness) -> None:
    before = stored(told)
    odd: list[object] = [{"ses:configuration-set": [CONFIGURATION_SET]}, "?", None, []]
    for tags in odd:
        theirs = {**SENT, "messageId": "theirs", "tags": tags}
        event = envelope("Email Bounced", {"bounce": BOUNCE, "mail": theirs})
        put(told, json.dumps(event))

    assert told.tell() == []

    assert stored(told) == before
    assert counted(told, "MailEventsIgnored") == 4
    assert not [line for line in told.lines() if line["level"] in {"ERROR", "WARNING"}]


def test_a_message_that_says_nothing_sensible_of_itself_is_ignored(told: Harness) -> None:
    index = f"{RECEIPTS}_messages/m.json"
    s3 = hands_on(told)
    evil = {"channel": "email", "address": OWNER, "receipts": ["../paused.json"]}
    s3.put_object(Bucket=BUCKET, Key=index, Body=json.dumps(evil).encode())
    before = told.cloud.objects(BUCKET)
    say(told, "Email Bounced", BOUNCE, message_id="m", sent_ago=20 * MINUTE)

    assert told.tell() == []

    assert told.cloud.objects(BUCKET) == before


# Before a mail is sent


def suppress(stage: Harness, address: str, reason: Any = "BOUNCE") -> None:  # noqa: ANN401 -- SES's word
    stage.cloud.session(HUB).client("sesv2").put_suppressed_destination(
        EmailAddress=address, Reason=reason
    )


def test_an_owner_on_the_suppression_list_is_sent_nothing_and_marked(stage: Harness) -> None:
    suppress(stage, OWNER)
    stage.user("ann", 137)

    stage.run()

    assert [mail.to for mail in stage.cloud.sent_mails] == [[ADMIN]]
    assert proofs(stage) == set()
    assert "suppression list" in mark(stage, OWNER)["why"]
    assert counted(stage, "MailsNotSent") == 1
    assert counted(stage, "NotTold") == 0
    [error] = [line for line in stage.lines() if line["level"] == "ERROR"]
    assert OWNER in error["message"]


def test_the_copy_that_proves_nothing_is_sent_without_asking(stage: Harness) -> None:
    suppress(stage, ADMIN)
    stage.user("ann", 137)

    stage.run()

    assert sorted(mail.to[0] for mail in stage.cloud.sent_mails) == sorted([ADMIN, OWNER])
    asked: list[Any] = [
        call.params for call in stage.ours() if call.operation == "GetSuppressedDestination"
    ]
    assert [each["EmailAddress"] for each in asked] == [OWNER]


def test_a_list_that_cannot_be_asked_holds_no_mail_and_is_said_once(stage: Harness) -> None:
    stage.cloud.deny(HUB, "sesv2:GetSuppressedDestination")
    stage.user("ann", 137)
    stage.user("bob", 137, Owner="bob@example.com")

    stage.run()

    assert len(proofs(stage)) >= 1
    said = [line for line in stage.messages() if "suppression list could not be asked" in line]
    assert len(said) == 1


NOT_VERIFIED = (
    "Email address is not verified. "
    "The following identities failed the check in region US-EAST-1: "
)


@contextmanager
def refusing(stage: Harness, address: str, said: str) -> Iterator[None]:
    """SES refuses every mail to an address."""

    def refuse(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "SendEmail" and address in str(request.params):
            return refused(request, ApiError("MessageRejected", said))
        return perform(request)

    stage.cloud.layers.append(refuse)
    yield
    stage.cloud.layers.remove(refuse)


def test_an_owner_whom_ses_refuses_gives_way_to_the_next_source(stage: Harness) -> None:
    bob = "bob@example.com"
    [old] = stage.user("ann", 137, **{OWNER_TAG: bob})

    with refusing(stage, bob, NOT_VERIFIED + bob):
        stage.run()
        assert "refused by SES" in mark(stage, bob)["why"]
        assert (counted(stage, "MailsNotSent"), counted(stage, "NotTold")) == (1, 0)
        assert counted(stage, "AdminUnreachable") == 0
        for day in (1, 8, 11):
            stage.at(day).run()

    assert stage.keys("ann")[old] == "Inactive"
    assert [OWNER] in [mail.to for mail in stage.cloud.sent_mails]


def test_what_ses_refuses_of_the_sender_marks_nobody(stage: Harness) -> None:
    [old] = stage.user("ann", 137)

    with refusing(stage, OWNER, f"{NOT_VERIFIED}{ADMIN}, {OWNER}"):
        stage.invoke()
        stage.drain(stage.deployment.notifier_queue, NOTIFIER_ROLE, notifier.handler, rounds=1)

    assert mark(stage, OWNER) is None
    assert counted(stage, "NotTold") == 1
    assert stage.keys("ann")[old] == "Active"


# The administrators, in whose place nobody stands


def owned_by_admin(stage: Harness) -> str:
    """A key whose owner nobody but the administrators could be."""
    stage.settings["AllowedOwnerDomains"] = "typo.example"
    [old] = stage.user("ann", 137)
    return old


@pytest.mark.parametrize("suppressed", [True, False])
def test_that_no_mail_reaches_the_admin_is_said_where_no_mail_is_needed(
    suppressed: bool, stage: Harness
) -> None:
    if suppressed:
        suppress(stage, ADMIN, "COMPLAINT")
    else:
        stage.cloud.close_mailbox(ADMIN)
    old = owned_by_admin(stage)
    stage.run()
    assert counted(stage, "AdminUnreachable") >= 1
    stage.user("bob", 137)
    before = len(events(stage))

    answer = stage.at(1).run()

    [failure] = answer["failures"]
    assert failure["message"].startswith("2 keys end nowhere: their notices reach nobody.")
    assert ADMIN in failure["message"]
    put = [each["DetailType"] for each in events(stage)[before:]]
    assert ("Key Noticed" in put, "Key Rotated" in put) == (False, True)
    assert counted(stage, "KeysReachNobody") == 2
    assert counted(stage, "AccountsFailed") == 0
    [snapshot] = [
        json.loads(body)
        for name, body in stage.cloud.objects(BUCKET).items()
        if "/snapshots/" in name and "2026-03-03" in name
    ]
    assert failure["message"] in str(snapshot["failures"])
    assert stage.keys("ann")[old] == "Active"


def test_that_mails_reach_the_admin_again_ends_it(stage: Harness) -> None:
    stage.cloud.close_mailbox(ADMIN)
    old = owned_by_admin(stage)
    stage.run()
    assert stage.at(1).run()["failures"]
    ses = stage.cloud.session(HUB).client("sesv2")
    ses.delete_suppressed_destination(EmailAddress=ADMIN)
    stage.cloud.close_mailbox(ADMIN, closed=False)

    stage.at(2).run()

    assert mark(stage, ADMIN) is None
    assert stage.at(3).run()["failures"] == []
    for day in (9, 12):
        stage.at(day).run()
    assert stage.keys("ann")[old] == "Inactive"


def test_an_owner_who_is_also_the_admin_has_somebody_to_stand_in(stage: Harness) -> None:
    stage.cloud.close_mailbox(ADMIN)
    stage.user("ann", 137)  # its account has an owner
    stage.run()
    assert mark(stage, ADMIN)

    assert stage.at(1).run()["failures"] == []
    assert counted(stage, "KeysReachNobody") == 0


# Mails sent in another region


def test_events_of_another_region_reach_the_notifier() -> None:
    with staged() as stage:
        away = "eu-west-1"
        stage.settings |= deploy_mail_events(stage.cloud, stage.deployment, region=away)
        stage.settings["MailRegion"] = away
        stage.cloud.verify_sender(HUB, ADMIN, away)
        stage.cloud.close_mailbox(OWNER)
        stage.user("ann", 137)

        stage.run()

        assert len(stored(stage, ".bounced")) == 1


# The whole way


def test_an_owner_who_has_left_is_followed_by_the_next_source_with_a_whole_window(
    stage: Harness,
) -> None:
    left = "left@example.com"
    stage.cloud.close_mailbox(left)
    [old] = stage.user("ann", 137, **{OWNER_TAG: left})
    stage.run()
    assert [mail.to for mail in stage.cloud.sent_mails].count([left]) == 1
    assert mark(stage, left)

    statuses = {}
    for day in range(1, 13):
        stage.at(day).use(old)
        stage.run()
        statuses[day] = stage.keys("ann")[old]

    assert [mail.to for mail in stage.cloud.sent_mails].count([left]) == 1
    first = next(mail for mail in stage.cloud.sent_mails if mail.to == [OWNER])
    assert first.at.date() == (START + DAY).date()
    # By the receipt that bounced it would have been the tenth day.
    assert [day for day, status in statuses.items() if status == "Inactive"] == [11, 12]


def test_while_a_mailbox_is_full_the_next_source_is_notified_too(stage: Harness) -> None:
    full = "full@example.com"
    stage.cloud.fill_mailbox(full)
    [old] = stage.user("ann", 137, **{OWNER_TAG: full})
    stage.run()
    assert mark(stage, full) is None
    before = len(stage.cloud.sent_mails)

    for day in range(1, 11):
        stage.at(day).run()

    sent = stage.cloud.sent_mails[before:]
    assert stage.keys("ann")[old] == "Inactive", "what SES accepted stays the proof"
    subjects = [mail.subject for mail in sent if mail.to == [OWNER]]
    assert len(subjects) == 2  # it stops in three days, and: it has stopped
    assert [mail.subject for mail in sent if mail.to == [full]] == subjects
    copies = [mail.text for mail in sent if mail.to == [ADMIN]]
    assert any(
        "which did not get the last mail" in " ".join((each or "").split()) for each in copies
    )


def test_a_full_mailbox_holds_no_window(stage: Harness) -> None:
    stage.cloud.fill_mailbox(OWNER)
    [old] = stage.user("ann", 137)
    stage.run()

    for day in range(1, 11):
        stage.at(day).run()

    assert stored(stage, ".bounced") == {}
    assert stage.keys("ann")[old] == "Inactive"
