"""Who sends mail over SMTP finds the new password in the secret, and nowhere else."""

import json

import pytest

from keyturn_sandbox.judge.secret_scanner import smtp_password
from tests.use_cases.harness import OWNER, Harness

SMTP = {"SmtpUsers": "ses-smtp-user.*,mailer", "SmtpRegions": "eu-west-1,us-west-2"}
SENDER = "ses-smtp-user.20260302-050000"


def passwords(stage: Harness, user: str) -> object:
    value: dict[str, object] = dict(stage.value(user))
    return value.get("SmtpPasswords")


def test_the_secret_of_a_user_who_sends_mail_holds_the_password_for_each_region(
    stage: Harness,
) -> None:
    stage.settings |= SMTP
    stage.user(SENDER, 91)
    stage.user("deploy-bot", 91)

    stage.run()

    secret = stage.value(SENDER)["SecretAccessKey"]
    assert passwords(stage, SENDER) == {
        "eu-west-1": smtp_password(secret, "eu-west-1"),
        "us-west-2": smtp_password(secret, "us-west-2"),
    }
    assert set(stage.value("deploy-bot")) == {
        "AccessKeyId",
        "SecretAccessKey",
        "UserName",
        "CreateDate",
    }


@pytest.mark.parametrize(
    ("more", "region"),
    [({}, "us-east-1"), ({"MailRegion": "eu-north-1"}, "eu-north-1")],
    ids=["of the secrets", "of the mails"],
)
def test_without_a_region_it_is_that_of_the_mails_or_of_the_secrets(
    stage: Harness, more: dict[str, str], region: str
) -> None:
    stage.settings |= {"SmtpUsers": "mailer", **more}
    stage.user("mailer", 91)

    stage.invoke()

    found = passwords(stage, "mailer")
    assert isinstance(found, dict)
    assert list(found) == [region]


def test_by_default_nobody_has_one(stage: Harness) -> None:
    stage.user(SENDER, 91)

    stage.invoke()

    assert passwords(stage, SENDER) is None


def test_no_password_leaves_for_anywhere_but_the_secret(stage: Harness) -> None:
    stage.settings |= SMTP
    stage.user("mailer", 91)
    since = stage.mark()

    answer = stage.run()

    made = smtp_password(stage.value("mailer")["SecretAccessKey"], "eu-west-1")
    said = [json.dumps(answer), stage.log.getvalue(), *map(repr, stage.cloud.calls[since:])]
    said += [f"{mail.text} {mail.html} {mail.headers}" for mail in stage.cloud.sent_mails]
    assert [text for text in said if made in text] == []


def test_the_owner_is_told_that_the_password_is_in_the_secret(stage: Harness) -> None:
    stage.settings |= SMTP
    stage.user("mailer", 91)
    stage.user("deploy-bot", 91)
    mailbox = len(stage.cloud.sent_mails)

    stage.run()

    [mail] = [each for each in stage.cloud.sent_mails[mailbox:] if OWNER in each.to]
    for body in (mail.text, mail.html):
        words = " ".join((body or "").split())
        assert words.count("The secret also has SmtpPasswords") == 1
        assert "whose user name is the new AccessKeyId" in words


def test_without_a_new_key_nothing_is_said_of_passwords(stage: Harness) -> None:
    stage.user("mailer", 91)
    stage.run()  # nobody is meant yet, so this key's secret holds none
    stage.settings |= SMTP
    mailbox = len(stage.cloud.sent_mails)

    stage.at(7).run()

    later = stage.cloud.sent_mails[mailbox:]
    assert any("mailer" in (each.text or "") for each in later)
    assert [each.subject for each in later if "SmtpPasswords" in (each.text or "")] == []
