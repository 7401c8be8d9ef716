"""Which messages of a FIFO queue come back, and that nothing behind a failed one is done first."""

import pytest

from keyturn.domain.errors import Unavailable
from keyturn.functions.sqs_record import Record, failed_of


def message(name: str, group: str | None = None) -> Record:
    attributes = {} if group is None else {"MessageGroupId": group}
    return {"messageId": name, "attributes": attributes, "body": "{}"}


def taken(*records: Record, failing: str) -> tuple[list[str], list[str]]:
    """What was taken up, and what comes back."""
    begun: list[str] = []

    def take(record: Record) -> None:
        begun.append(record["messageId"])
        if record["messageId"] in failing:
            raise Unavailable(record["messageId"])

    answer = failed_of(records, take)
    assert set(answer) == {"batchItemFailures"}
    back = answer["batchItemFailures"]
    assert isinstance(back, list)
    return begun, [each["itemIdentifier"] for each in back]


@pytest.mark.parametrize(
    ("failing", "begun", "back"),
    [
        ("", ["a", "b", "c", "d"], []),
        ("a", ["a", "b"], ["a", "c", "d"]),
        ("b", ["a", "b", "c", "d"], ["b"]),
        ("c", ["a", "b", "c"], ["c", "d"]),
        ("d", ["a", "b", "c", "d"], ["d"]),
        ("abcd", ["a", "b"], ["a", "b", "c", "d"]),
    ],
)
def test_behind_a_message_that_failed_its_group_comes_back_untouched(
    failing: str, begun: list[str], back: list[str]
) -> None:
    batch = [message("a", "1"), message("b", "2"), message("c", "1"), message("d", "1")]

    assert taken(*batch, failing=failing) == (begun, back)


def test_messages_of_no_group_do_not_wait_for_each_other() -> None:
    assert taken(message("a"), message("b"), failing="a") == (["a", "b"], ["a"])
