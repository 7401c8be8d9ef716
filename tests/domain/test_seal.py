"""What proves that a secret is ours, and what proves nothing."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from keyturn.domain.key import Seal
from keyturn.domain.seal import SealKey, read_seal
from keyturn.domain.secret_names import SEAL_TAG, USER_ID_TAG, USER_TAG
from tests.domain.world import NOW

KEY, OTHER = SealKey(b"k" * 32), SealKey(b"o" * 32)
ARN = (
    "arn:aws:secretsmanager:us-east-1:333333333333:secret:Account_333333333333_User_ann_AccessKey"
)
OWN = f"{ARN}-AbCdEf"
NAME = "Account_333333333333_User_ann_AccessKey"
ID = "AIDAANN"
NONE: Mapping[str, str] = {}
SECOND = timedelta(seconds=1)


def seal_of(text: str, *, tags: Mapping[str, str] = NONE, created: datetime | None = NOW) -> Seal:
    borne = {USER_TAG: "ann", USER_ID_TAG: ID, SEAL_TAG: text, **tags}
    return read_seal(KEY, arn=OWN, name=NAME, tags=borne, created=created)


def test_the_seal_of_this_secret_and_this_user_is_right() -> None:
    assert seal_of(KEY.seal(OWN, ID)) is Seal.RIGHT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "seal=",
        KEY.seal(f"{ARN}-AbCdEg", ID),
        KEY.seal(OWN, "AIDABOB"),
        KEY.seal(OWN, ""),
        KEY.seal(ID, OWN),
        OTHER.seal(OWN, ID),
        KEY.seal(OWN, ID).upper(),
        KEY.seal(OWN, ID)[:-1],
        KEY.seal(OWN, ID) + " ",
        KEY.seal(OWN, ID).removeprefix("seal="),
        "seal=\u0663\u0663\N{SNOWMAN}",
        "born=0001-01-01T00:00:00Z mac=",
        "born=9999-12-31T23:59:59Z mac=" + "0" * 64,
        KEY.birth_mark(NAME, "AIDABOB", NOW),
        KEY.birth_mark(NAME + "x", ID, NOW),
        OTHER.birth_mark(NAME, ID, NOW),
        KEY.birth_mark(NAME, ID, NOW).replace("mac=", "mac=0"),
    ],
)
def test_any_other_text_is_wrong(text: str) -> None:
    assert seal_of(text) is Seal.WRONG


def test_the_seal_of_another_user_id_does_not_become_right_by_changing_the_tag() -> None:
    assert seal_of(KEY.seal(OWN, ID), tags={USER_ID_TAG: "AIDABOB"}) is Seal.WRONG
    assert seal_of(KEY.seal(OWN, ID), tags={USER_ID_TAG: ""}) is Seal.WRONG


@pytest.mark.parametrize(
    ("seconds", "seal"),
    [
        (-61, Seal.WRONG),
        (-60, Seal.BORN),
        (0, Seal.BORN),
        (120, Seal.BORN),
        (121, Seal.WRONG),
        (86_400, Seal.WRONG),
    ],
)
def test_a_birth_mark_is_good_for_a_secret_that_was_created_just_then(
    seconds: int, seal: Seal
) -> None:
    mark = KEY.birth_mark(NAME, ID, NOW)

    assert seal_of(mark, created=NOW + seconds * SECOND) is seal


def test_a_birth_mark_is_worth_nothing_beside_a_tag_of_somebody_else() -> None:
    mark = KEY.birth_mark(NAME, ID, NOW)

    assert seal_of(mark, tags={"keyturn:intent": "run=r"}) is Seal.BORN
    assert seal_of(mark, tags={"team": "interns"}) is Seal.WRONG
    assert seal_of(mark, created=None) is Seal.WRONG


def test_the_key_of_all_seals_is_never_shown() -> None:
    assert "k" * 32 not in repr(KEY)
    assert "kkkk" not in f"{KEY}"
