"""What the demo's page says became of a mail, by what lies in the bucket."""

from datetime import UTC, datetime, timedelta

import pytest

from keyturn.domain.mail_fate import MailEvent, MailFate
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.schemas.mail_fate import write_fate, write_message, write_reached, write_undeliverable
from keyturn.schemas.receipt import BOUNCED, DELIVERED, MISSED, write_receipt
from keyturn_sandbox.demo.fates import fates_of

SENT = datetime(2026, 3, 2, 5, tzinfo=UTC)
ANN = Recipient(ChannelName.EMAIL, "ann@example.com")
RECEIPT = f"111111111111/ann/AKIA1/disable/2026-03-12.{ANN.id}.json"


def said_of(fate: MailFate, minutes: int) -> bytes:
    return write_fate(
        MailEvent(
            id="event",
            message_id="sent",
            fate=fate,
            why="smtp; 452 full",
            at=SENT + timedelta(minutes=minutes),
            sent_at=SENT,
            is_tagged=True,
        )
    )


FULL = {RECEIPT + MISSED: said_of(MailFate.TRANSIENT, 5)}
ARRIVED = {RECEIPT + DELIVERED: said_of(MailFate.DELIVERED, 7)}
VOID = "complained 05:09 (smtp; 452 full): it proves nothing"
DEAD = {RECEIPT + BOUNCED: said_of(MailFate.COMPLAINED, 9)}


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        ({}, "accepted 2026-03-02 05:00"),
        (FULL, "accepted 2026-03-02 05:00, transient 05:05 (smtp; 452 full)"),
        (FULL | ARRIVED, "accepted 2026-03-02 05:00, transient 05:05, delivered 05:07"),
        (ARRIVED | DEAD, f"accepted 2026-03-02 05:00, delivered 05:07, {VOID}"),
    ],
    ids=["accepted", "missed", "arrived", "void"],
)
def test_each_turn_of_a_mail_is_told_and_no_other_object_is_taken_for_one(
    beside: dict[str, bytes], said: str
) -> None:
    receipt = write_receipt(ANN, at=SENT, message_id="sent", promises={}, run="run")
    of_others = {
        "_messages/sent.json": write_message(ANN, at=SENT, message_id="sent", receipts=[RECEIPT]),
        f"_reached/{ANN.id}.json": write_reached(ANN, sent_at=SENT),
        f"_undeliverable/{ANN.id}.20260302T050000Z.json": write_undeliverable(
            ANN, since=SENT, why="gone", message_id="other"
        ),
    }
    stored = {RECEIPT: receipt, **beside, **of_others}

    fates = fates_of({f"asa/receipts/{name}": body for name, body in stored.items()}, prefix="asa")

    assert {message: str(fate) for message, fate in fates.items()} == {"sent": said}
