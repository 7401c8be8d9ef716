"""What the question says that it costs, against what a rehearsal really calls."""

from collections import Counter

from keyturn.rehearsal.model.cost import BELOW, EACH, MOST, at_most
from tests.rehearsal.scene import HERE, Rehearsing


def test_it_costs_less_than_it_says() -> None:
    assert 0 < at_most() < BELOW
    assert EACH.keys() == MOST.keys()


def test_a_rehearsal_makes_fewer_calls_than_are_reckoned_with(operator: Rehearsing) -> None:
    operator.keyturn(*HERE)

    # SES asks nothing for questions, only for mails.
    made = Counter(
        call.service
        for call in operator.made_by_operator()
        if call.service != "sesv2" or call.operation == "SendEmail"
    )
    for_nothing = {"iam", "sts"}
    assert made.keys() - for_nothing <= MOST.keys()
    assert [
        service for service in made.keys() - for_nothing if made[service] * 2 > MOST[service]
    ] == []
