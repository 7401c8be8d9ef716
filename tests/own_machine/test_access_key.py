"""What an owner's machine takes for a delivered key, and for a user."""

import json

import pytest

from keyturn.domain.errors import InvalidValue
from keyturn.own_machine.model.access_key import Caller, SecretAddress, read_delivered
from keyturn.own_machine.model.errors import NotDelivered

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
ADDRESS = SecretAddress.of_user("222222222222", "ann")
ARN = "arn:aws:secretsmanager:eu-west-1:222222222222:secret:"
VALUE = {
    "AccessKeyId": "AKIAIOSFODNN7EXAMPLE",
    "SecretAccessKey": SECRET,
    "UserName": "ann",
    "CreateDate": "2026-03-16T05:00:43+00:00",
}


def test_a_delivered_key_is_read_and_shows_no_secret() -> None:
    found = read_delivered(json.dumps(VALUE), ADDRESS)

    assert found.key.secret == SECRET
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    "more",
    [
        {"AccessKeyId": None},
        {"AccessKeyId": 1},
        {"AccessKeyId": "ASIAIOSFODNN7EXAMPLE"},
        {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE\n[other]"},
        {"SecretAccessKey": f"{SECRET}\ncredential_process = x"},
        {"SecretAccessKey": "'; rm -rf /"},
        {"SecretAccessKey": ""},
        {"SmtpPasswords": ["x"]},
    ],
)
def test_what_could_be_more_than_a_key_is_refused_and_not_shown(more: dict[str, object]) -> None:
    with pytest.raises(NotDelivered) as refused:
        read_delivered(json.dumps({**VALUE, **more}), ADDRESS)

    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("text", ["", "x", "[]", "null", "{}", '"x"', '{"AccessKeyId": "A'])
def test_what_is_no_value_of_ours_is_refused(text: str) -> None:
    with pytest.raises(NotDelivered):
        read_delivered(text, ADDRESS)


def test_another_users_key_is_refused() -> None:
    with pytest.raises(NotDelivered, match="said to be another user's"):
        read_delivered(json.dumps({**VALUE, "UserName": "bob"}), ADDRESS)


@pytest.mark.parametrize("date", ["soon", "", None, 1])
def test_a_date_that_is_none_is_not_shown(date: object) -> None:
    assert read_delivered(json.dumps({**VALUE, "CreateDate": date}), ADDRESS).created is None


@pytest.mark.parametrize(
    ("arn", "user"),
    [
        ("arn:aws:iam::222222222222:user/ann", "ann"),
        ("arn:aws:iam::222222222222:user/teams/build/ann", "ann"),
        ("arn:aws-us-gov:iam::222222222222:user/a/b@c", "b@c"),
        ("arn:aws:iam::222222222222:root", None),
        ("arn:aws:sts::222222222222:assumed-role/user/ann", None),
        ("arn:aws:sts::222222222222:federated-user/ann", None),
    ],
)
def test_a_caller_is_a_user_or_none(arn: str, user: str | None) -> None:
    assert Caller(account="222222222222", arn=arn).user == user


@pytest.mark.parametrize(
    ("secret", "user", "region"),
    [
        ("Account_222222222222_User_ann_AccessKey", "ann", None),
        ("Account_222222222222_User_a=2Cb_AccessKey", "a,b", None),
        (f"{ARN}Account_222222222222_User_ann_AccessKey-a1B2c3", "ann", "eu-west-1"),
        (f"{ARN}Account_222222222222_User_ann_AccessKey", "ann", "eu-west-1"),
    ],
)
def test_a_secret_is_read_by_name_and_by_arn(secret: str, user: str, region: str | None) -> None:
    address = SecretAddress.read(secret)

    assert (address.user, address.region, address.id) == (user, region, secret)


def test_a_secret_of_another_form_is_refused_with_the_form() -> None:
    with pytest.raises(InvalidValue, match="or the ARN of such a secret"):
        SecretAddress.read("Account_222222222222_User_ann_AccessKey-a1B2c3")
