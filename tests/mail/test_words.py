"""What owners need: each reason its own words, where keys are used, and nothing to fear."""

import re
from dataclasses import replace

import pytest

from keyturn.domain.decision import NoticeType, Reason
from keyturn.domain.events import Audience
from keyturn.domain.key import Account, LastUse
from keyturn.domain.key_usage import Fetched, KeyUsage
from keyturn.mail.letterhead import Letterhead
from keyturn.mail.renderer import Mails
from keyturn.mail.samples import (
    ADMIN,
    LEFT_BEHIND,
    OBSTACLES,
    PROD,
    SEVERAL,
    TODAY,
    TOMORROW,
    USED,
    a_digest,
    a_run,
    an_item,
    blocked,
)

LETTERHEAD = Letterhead(
    admin=ADMIN,
    organization="Brightwater",
    help_link="https://wiki.example.com/keys",
    subject_prefix="[Brightwater keys]",
)
MAILS = Mails(LETTERHEAD)


def flat(text: str) -> str:
    return " ".join(text.split())


def text_of(reason: Reason, audience: Audience = Audience.OWNER, *, dry: bool = False) -> str:
    item = blocked(reason, "for a reason", TOMORROW)
    return flat(MAILS.mail_of(a_digest(item, audience=audience, dry_run=dry)).text)


def test_each_obstacle_has_words_of_its_own() -> None:
    said = {
        text_of(reason).split("Why: for a reason. ")[1].split(" What to do")[0]
        for reason in OBSTACLES
    }

    assert len(said) == len(OBSTACLES)
    assert not any("Something is due for this key and cannot be done yet" in each for each in said)


@pytest.mark.parametrize("reason", OBSTACLES)
def test_an_obstacle_in_a_dry_run_is_in_the_conditional(reason: Reason) -> None:
    text = text_of(reason, dry=True)

    assert "What to do" not in text
    assert "would have to wait" in flat(
        MAILS.mail_of(a_digest(blocked(reason, "for a reason", TOMORROW), dry_run=True)).html
    )


def test_an_owner_is_sent_none_of_our_parameters() -> None:
    mail = MAILS.mail_of(a_digest(*SEVERAL))

    assert not re.search(r"[A-Z][a-z]+[A-Z]\w*=", mail.text)
    assert "RotationPeriod=90" in MAILS.mail_of(a_digest(*SEVERAL, audience=Audience.ADMIN)).text


@pytest.mark.parametrize("part", ["text", "html"])
def test_a_notice_says_where_both_keys_are_used(part: str) -> None:
    mail = MAILS.mail_of(a_digest(an_item(NoticeType.BEFORE_DISABLE)))

    assert (
        "Last used: this key yesterday for s3 in eu-central-1; the new one never, "
        "and not fetched yet (as of 1 March)."
    ) in flat(getattr(mail, part))


@pytest.mark.parametrize(
    ("usage", "said"),
    [
        (KeyUsage(), "Last used: unknown, for it could not be read (as of 1 March)."),
        (KeyUsage(old=LastUse(at=None)), "Last used: never (as of 1 March)."),
        (
            KeyUsage(old=LastUse(at=TODAY, service="sts", region="N/A")),
            "Last used: today for sts (as of 1 March).",
        ),
        (
            KeyUsage(old=USED, new=USED, fetched=Fetched(TODAY.date())),
            (
                "Last used: this key yesterday for s3 in eu-central-1; the new one yesterday for "
                "s3 in eu-central-1, and fetched today (as of 1 March)."
            ),
        ),
        (
            KeyUsage(old=USED, fetched=Fetched(None)),
            (
                "Last used: this key yesterday for s3 in eu-central-1; the new one unknown, for "
                "it could not be read, and not fetched yet (as of 1 March)."
            ),
        ),
    ],
)
def test_what_is_unknown_is_not_called_never(usage: KeyUsage, said: str) -> None:
    item = replace(an_item(), usage=usage)

    assert said in flat(MAILS.mail_of(a_digest(item)).text)


def test_a_digest_of_an_earlier_version_says_nothing_of_use() -> None:
    assert "Last used" not in MAILS.mail_of(a_digest(replace(an_item(), usage=None))).text


def test_three_days_ahead_an_unused_new_key_is_the_subject() -> None:
    warning = an_item(NoticeType.BEFORE_DISABLE)

    assert MAILS.mail_of(a_digest(warning)).subject == (
        "[Brightwater keys] Your new key of deploy-bot has not been used yet; the old one was "
        "used yesterday for s3 in eu-central-1 and stops on 4 March (account prod-workload)"
    )
    unsure = replace(warning, usage=replace(LEFT_BEHIND, new=None))
    assert MAILS.mail_of(a_digest(unsure)).subject == (
        "[Brightwater keys] The access key of deploy-bot stops working on 4 March "
        "(account prod-workload)"
    )


def test_the_check_proves_something() -> None:
    text = flat(MAILS.mail_of(a_digest(an_item())).text)

    assert "aws configure list must show an access_key that ends in 0002." in text
    assert (
        "aws iam get-access-key-last-used --access-key-id AKIAOLDEXAMPLE000001 must stand still"
    ) in text
    assert "get-caller-identity" not in text
    assert "--profile NAME" in text


def test_what_is_the_same_for_three_keys_stands_once() -> None:
    items = [an_item(user=user, key=key) for key, user in enumerate(("ann", "bob", "cat"))]
    text = flat(MAILS.mail_of(a_digest(*items)).text)

    assert text.count("aws configure list") == 1
    assert text.count("get-secret-value") == 3
    waiting = [
        an_item(NoticeType.BLOCKED, user=user, key=key) for key, user in enumerate(("ann", "bob"))
    ]
    held = [replace(item, reason=Reason.CREATION_DENIED) for item in waiting]
    assert flat(MAILS.mail_of(a_digest(*held)).text).count("You need to do nothing") == 1


@pytest.mark.parametrize("part", ["text", "html"])
def test_a_reader_is_told_how_to_check_that_it_is_real(part: str) -> None:
    body = flat(getattr(MAILS.mail_of(a_digest(an_item())), part))

    assert (
        f"It comes from {ADMIN} at Brightwater, its subject begins with [Brightwater keys], and "
        "it asks for no password and no key."
    ) in body
    assert "https://wiki.example.com/keys" in body
    assert "prod-workload (222222222222)" in body


def test_no_name_or_message_of_others_makes_a_link() -> None:
    evil = "sign in at https://evil.example/aws or WWW.evil.example"
    account = Account(id=PROD.id, name=f"Urgent: {evil}")
    digest = replace(
        a_digest(replace(an_item(), sentence=f"why: {evil}"), audience=Audience.ADMIN),
        failures=(evil,),
        run=replace(a_run(), account=account),
    )

    mail = MAILS.mail_of(digest)

    for text in (mail.subject, mail.text, mail.html):
        assert "//evil.example" not in text.replace("[://]", "")
        assert "[://]evil.example/aws" in text
        assert "www." not in text.lower()
        assert "WWW[.]evil.example" in text


@pytest.mark.parametrize("told", NoticeType)
@pytest.mark.parametrize("audience", Audience)
def test_every_date_that_the_rule_computed_is_in_text_and_html(
    told: NoticeType, audience: Audience
) -> None:
    item = an_item(told)
    mail = MAILS.mail_of(a_digest(item, audience=audience))

    for day in item.promises.values():
        said = f"{day:%A} {day.day} {day:%B %Y} (UTC)"
        assert said in flat(mail.text)
        assert said in flat(mail.html)


def test_nobody_is_told_to_enable_a_key_that_leaked() -> None:
    text = flat(MAILS.mail_of(a_digest(an_item(NoticeType.REVOKED))).text)

    assert "re-enabled" not in text
    assert "Do not delete" not in text
