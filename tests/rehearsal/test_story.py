"""`keyturn rehearse` from start to clean-up, on the local AWS."""

from tests.rehearsal.scene import HERE, Rehearsing

STORY = [
    *("user", "exempt", "paused", "warned", "rotated", "stored", "read", "works", "refused"),
    *("accepted", "delivered", "disabled", "restored", "revoked", "deleted", "repaired"),
]


def test_the_whole_life_of_a_key_is_as_expected_and_nothing_is_left(operator: Rehearsing) -> None:
    answer = operator.answer(*HERE)

    assert {each["name"]: each["verdict"] for each in answer["findings"]} == {
        **dict.fromkeys(STORY, "as-expected"),
        "delivered": "not-tried",
    }, answer
    assert operator.left() == []
    assert operator.others() == operator.before
