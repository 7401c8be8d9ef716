"""What the question says that it costs, against what a rehearsal really calls."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal

from keyturn.rehearsal.model.cost import BELOW, EACH, MOST, at_most
from keyturn_sandbox.emulator.call_log import Call
from tests.rehearsal.scene import HERE, PROBES, Rehearsing

FOR_NOTHING = {"iam", "sts", "account"}
HOUR = timedelta(hours=1)


def test_it_costs_less_than_it_says() -> None:
    assert 0 < at_most() < BELOW
    assert EACH.keys() == MOST.keys()


def used(operator: Rehearsing) -> Counter[str]:
    """What was made of each that costs; each secret counts to the end, and begun hours whole."""
    calls = operator.made_by_operator()
    # SES asks nothing for questions, only for mails.
    made = Counter(call.service for call in calls if not is_question_of_ses(call))
    born = [call.at for call in calls if call.operation == "CreateSecret"]
    made["secret-hour"] = sum(-((at - operator.cloud.now) // HOUR) for at in born)
    return Counter({each: number for each, number in made.items() if each not in FOR_NOTHING})


def is_question_of_ses(call: Call) -> bool:
    return call.service == "sesv2" and call.operation != "SendEmail"


def test_story_and_probes_take_less_than_is_reckoned_with(operator: Rehearsing) -> None:
    operator.keyturn(*HERE)
    operator.keyturn(*PROBES)

    taken = used(operator)

    assert taken.keys() <= MOST.keys()
    assert {"sqs", "events", "kms", "s3", "sesv2", "secret-hour"} <= taken.keys()
    assert [each for each in taken if taken[each] > MOST[each]] == []
    assert sum((EACH[each] * number for each, number in taken.items()), Decimal()) < BELOW
