"""What holds a key's end off, from the function's event to the mails in people's boxes."""

from collections.abc import Callable, Iterator

import pytest

from tests.use_cases.harness import OWNER, Harness, staged


@pytest.fixture
def stage() -> Iterator[Harness]:
    with staged() as stage:
        yield stage


def told_the_owner(stage: Harness, since: int) -> str:
    """The mails to ann's owner."""
    return "".join(mail.text or "" for mail in stage.cloud.sent_mails[since:] if OWNER in mail.to)


def set_inactive(stage: Harness, key_id: str) -> None:
    stage.iam().update_access_key(UserName="ann", AccessKeyId=key_id, Status="Inactive")


def delete(stage: Harness, key_id: str) -> None:
    stage.iam().delete_access_key(UserName="ann", AccessKeyId=key_id)


def replace_it(stage: Harness, key_id: str) -> None:
    delete(stage, key_id)
    stage.iam().create_access_key(UserName="ann")


def rotated(stage: Harness) -> tuple[str, str]:
    """Ann's old key and the one that Keyturn delivered."""
    [old] = stage.user("ann", 137, Owner=OWNER)
    stage.run()
    [new] = stage.keys("ann").keys() - {old}
    return old, new


@pytest.mark.parametrize("take", [set_inactive, delete, replace_it])
def test_a_successor_that_is_taken_away_is_told_the_next_day_and_stands_in_the_answer(
    take: Callable[[Harness, str], None], stage: Harness
) -> None:
    old, new = rotated(stage)
    stage.at(3).use(old)
    take(stage, new)
    since = len(stage.cloud.sent_mails)

    answer = stage.at(4).run()

    [made] = [made for made in answer["decisions"] if made["key"] == old]
    assert made["reason"] == "successor-taken-away"
    assert new in made["sentence"]
    mails = stage.cloud.sent_mails[since:]
    assert any(OWNER in mail.to and new in (mail.text or "") for mail in mails)
    assert any(OWNER not in mail.to and "CloudTrail" in (mail.text or "") for mail in mails)
    assert (
        stage.secret("ann")
        .tags[f"keyturn:history:{old}"]
        .startswith(f"taken=1 successor={new} promised=")
    )


def test_a_successor_that_is_set_inactive_is_told_of_every_week(stage: Harness) -> None:
    old, new = rotated(stage)
    stage.at(3).use(old)
    set_inactive(stage, new)
    told = []
    for day in range(4, 30):
        since = len(stage.cloud.sent_mails)
        stage.at(day).use(old)
        stage.run()
        if f"{old}/blocked-successor-taken-away/" in told_the_owner(stage, since):
            told.append(day)

    assert told == [4, 11, 18, 25]


def test_an_overdue_key_beside_an_inactive_one_is_told_of(stage: Harness) -> None:
    [other, old] = stage.user("ann", 138, 137, Owner=OWNER)
    stage.iam().update_access_key(UserName="ann", AccessKeyId=other, Status="Inactive")

    answer = stage.run()

    [made] = [made for made in answer["decisions"] if made["key"] == old]
    assert made["reason"] == "slot-taken"
    [mail] = [mail for mail in stage.cloud.sent_mails if OWNER in mail.to]
    assert f"{old}/blocked-slot-taken/" in (mail.text or "")


def test_what_enables_a_key_again_and_again_is_named_to_the_admin(stage: Harness) -> None:
    old, new = rotated(stage)
    texts: list[str] = []
    for day in range(1, 33):
        stage.at(day).use(old, new)
        since = len(stage.cloud.sent_mails)
        stage.run()
        texts += [mail.text or "" for mail in stage.cloud.sent_mails[since:]]
        if stage.keys("ann")[old] == "Inactive":
            stage.iam().update_access_key(UserName="ann", AccessKeyId=old, Status="Active")

    named = [text for text in texts if "Terraform" in text]
    assert stage.secret("ann").tags[f"keyturn:history:{old}"] == "restored=2"
    assert len(named) == 2  # to the owner and to the admin, and not at the first time
    assert all("exempt" in text for text in named)


@pytest.mark.parametrize("age", [76, 83, 89])
def test_beside_a_key_in_use_nobody_is_warned_of_a_rotation(age: int, stage: Harness) -> None:
    stage.user("ann", 300, age, Owner=OWNER)

    answer = stage.run()

    assert "gets a new access key" not in "".join(
        mail.text or "" for mail in stage.cloud.sent_mails
    )
    assert {made["action"] for made in answer["decisions"]} == {"WAIT", "KEEP"}
