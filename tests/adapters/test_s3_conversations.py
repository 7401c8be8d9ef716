"""What was begun about a key, and who has the right to begin it, in the bucket."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from keyturn.adapters.s3_conversations import S3Conversations
from keyturn.domain.errors import AlreadyThere, Throttled
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn_sandbox.emulator.cloud import MANAGEMENT_ACCOUNT, LocalCloud
from tests.use_cases.harness import lose_answer

START = datetime(2027, 3, 1, 4, 0, tzinfo=UTC)
BUCKET = "keyturn-bucket"
WHERE = (Recipient(ChannelName.JIRA, "KEYS"), "222222222222", "AKIAOLDEXAMPLE000001")


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(now=START) as cloud:
        cloud.session(MANAGEMENT_ACCOUNT).client("s3").create_bucket(Bucket=BUCKET)
        yield cloud


@pytest.fixture
def s3(cloud: LocalCloud) -> Any:  # noqa: ANN401 -- boto3 makes the class at run time
    return cloud.session(MANAGEMENT_ACCOUNT).client("s3")


@pytest.fixture
def conversations(s3: Any) -> S3Conversations:  # noqa: ANN401 -- as above
    return S3Conversations(s3, bucket=BUCKET, prefix="asa")


def test_one_at_a_time_has_the_right_and_gives_it_back_or_uses_it(
    cloud: LocalCloud, conversations: S3Conversations
) -> None:
    right = conversations.reserve(*WHERE, cloud.now)

    assert conversations.find(*WHERE) is None
    with pytest.raises(Throttled, match="another is about to begin it"):
        conversations.reserve(*WHERE, cloud.now)
    conversations.give_back(*WHERE, right)
    conversations.reserve(*WHERE, cloud.now)
    conversations.begin(*WHERE, "10001")

    assert conversations.find(*WHERE) == "10001"
    with pytest.raises(AlreadyThere, match="begun meanwhile"):
        conversations.reserve(*WHERE, cloud.now)


@pytest.mark.parametrize(("minutes", "is_free"), [(14, False), (16, True)])
def test_the_right_of_somebody_who_died_runs_out(
    cloud: LocalCloud, conversations: S3Conversations, minutes: int, *, is_free: bool
) -> None:
    old = conversations.reserve(*WHERE, cloud.now)
    cloud.move_to(cloud.now + timedelta(minutes=minutes))

    if not is_free:
        with pytest.raises(Throttled):
            conversations.reserve(*WHERE, cloud.now)
        return
    new = conversations.reserve(*WHERE, cloud.now)
    assert new != old
    conversations.give_back(*WHERE, old)  # as late as it comes, it takes nothing away
    with pytest.raises(Throttled):
        conversations.reserve(*WHERE, cloud.now)


def test_what_was_begun_is_not_given_back(
    cloud: LocalCloud, conversations: S3Conversations
) -> None:
    right = conversations.reserve(*WHERE, cloud.now)
    conversations.begin(*WHERE, "10001")

    conversations.give_back(*WHERE, right)

    assert conversations.find(*WHERE) == "10001"


def test_a_right_whose_answer_was_lost_is_ours(
    cloud: LocalCloud, conversations: S3Conversations
) -> None:
    cloud.layers.append(lose_answer("PutObject"))

    right = conversations.reserve(*WHERE, cloud.now)  # the SDK tries again, and finds its own

    conversations.give_back(*WHERE, right)
    assert conversations.reserve(*WHERE, cloud.now)
