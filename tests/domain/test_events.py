"""What travels over the bus comes out as it went in; what is no digest is refused."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from keyturn.domain.decision import Overlay
from keyturn.domain.errors import (
    DeliveryUnclear,
    InvalidValue,
    KeyturnError,
    NoticesNotSent,
    SecretNotStored,
)
from keyturn.domain.events import (
    Audience,
    Digest,
    NoticeItem,
    OddValues,
    Run,
    notice_item,
)
from keyturn.domain.key import Account, LastUse
from keyturn.domain.key_usage import Fetched, KeyUsage
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.schemas.digest import read_digest, write_digest
from tests.domain.world import ACCOUNT, NOW, a_key, a_secret, ann, look, only

RUN = Run(id="run", at=NOW, dry_run=False, account=Account(id=ACCOUNT, name="prod", email="a@b.c"))


USED = KeyUsage(
    old=LastUse(at=NOW - timedelta(days=1), service="s3", region="N/A"),
    new=LastUse(at=None),
    fetched=Fetched(NOW.date()),
)


def an_item(user_age: float, *, inactive: bool = False) -> NoticeItem:
    made = only(ann(a_key(age=user_age, inactive=inactive)))
    assert made.notice is not None
    return notice_item("ann", made, made.notice, "the secret")


def a_digest(*items: NoticeItem, failures: tuple[str, ...] = ()) -> Digest:
    return Digest(
        run=RUN,
        audience=Audience.OWNER,
        recipient=Recipient(ChannelName.EMAIL, "ann@example.com"),
        region="eu-west-1",
        items=items,
        failures=failures,
        proves=False,
    )


def sent(digest: Digest) -> dict[str, Any]:
    detail: dict[str, Any] = json.loads(json.dumps(write_digest(digest)))
    return detail


def test_a_digest_can_be_read_back() -> None:
    blocked = look(ann(a_key(age=300), a_key("SECOND", age=10), secret=a_secret()))["OLD"]
    assert blocked.notice is not None
    items = [
        an_item(76),
        an_item(90),
        an_item(300, inactive=True),
        notice_item("ann", blocked, blocked.notice, None),
    ]
    items[0] = replace(items[0], usage=KeyUsage())
    items[1] = replace(items[1], usage=USED)
    digest = a_digest(*items, failures=("something went wrong",))

    assert read_digest(sent(digest)) == digest
    odd = replace(digest, odd=OddValues(count=7, first=("ann: an odd value",)))
    assert read_digest(sent(odd)) == odd


def test_a_step_without_a_next_one_can_be_read_back() -> None:
    digest = a_digest(an_item(90))
    detail = sent(digest)
    detail["items"][0]["next"] = None

    assert read_digest(detail).items[0].next is None


@pytest.mark.parametrize("field", ["run", "audience", "items", "region", "proves"])
def test_a_detail_that_lacks_a_field_is_refused(field: str) -> None:
    detail = sent(a_digest(an_item(90)))
    del detail[field]

    with pytest.raises(InvalidValue, match=field):
        read_digest(detail)


@pytest.mark.parametrize(
    ("field", "wrong"), [("audience", "everybody"), ("run", None), ("items", 3), ("items", [{}])]
)
def test_a_detail_with_a_wrong_value_is_refused(field: str, wrong: object) -> None:
    detail = sent(a_digest(an_item(90)))
    detail[field] = wrong

    with pytest.raises(InvalidValue, match="is no digest"):
        read_digest(detail)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            SecretNotStored("ann", "NEW", "Denied"),
            "the new key NEW of ann could not be stored and was deleted again: Denied",
        ),
        (
            DeliveryUnclear("ann", "timeout"),
            "the rotation of ann is unfinished, the next runs repair it: timeout",
        ),
        (NoticesNotSent([KeyturnError("one"), KeyturnError("two")]), "one; two"),
        (InvalidValue("MaxHold", 0, "must be more"), "MaxHold=0: must be more"),
    ],
)
def test_an_error_says_in_what_state_it_leaves_the_world(
    error: KeyturnError, message: str
) -> None:
    assert str(error) == message


def test_overlays_travel_in_order() -> None:
    item = replace(an_item(90), overlays=frozenset({Overlay.RESTORED, Overlay.BLOCKED}))

    assert sent(a_digest(item))["items"][0]["overlays"] == ["BLOCKED", "RESTORED"]


def test_a_digest_says_its_channel_unless_that_is_e_mail() -> None:
    detail = sent(a_digest(an_item(90)))

    assert "channel" not in detail
    assert read_digest({**detail, "channel": "email"}) == read_digest(detail)
    with pytest.raises(InvalidValue):
        read_digest({**detail, "channel": "pigeon"})
