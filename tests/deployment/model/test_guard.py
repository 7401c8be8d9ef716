"""The service control policy that guards the secrets: whole, and told from one that is not."""

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from keyturn.deployment.model.guard import ACTIONS, guard, lacks

ROLE = "asa-iam-key-auto-rotation"
POLICY = guard(partition="aws", role=ROLE)
PAGE = Path(__file__).parents[3] / "docs" / "record.md"


def changed(**parts: Any) -> dict[str, Any]:  # noqa: ANN401 -- any part of a statement
    statement: dict[str, Any] = deepcopy(POLICY["Statement"][0])
    return {"Statement": statement | parts}


def test_the_policy_lacks_nothing() -> None:
    assert lacks(POLICY, partition="aws", role=ROLE) == ()


def test_the_manual_gives_the_same_policy() -> None:
    [told] = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)

    assert json.loads(told) == POLICY


def test_it_is_small_enough_for_organizations() -> None:
    assert len(json.dumps(POLICY)) < 5_120  # Organizations guide, "Quotas": characters


@pytest.mark.parametrize("action", ACTIONS)
def test_each_action_counts(action: str) -> None:
    policy = changed(Action=[each for each in ACTIONS if each != action])

    assert lacks(policy, partition="aws", role=ROLE) == (action,)


@pytest.mark.parametrize(
    "parts",
    [
        {"Action": "secretsmanager:*"},
        {"Action": ["*"]},
        {"Action": [each.upper() for each in ACTIONS]},
        {"Resource": ["*"]},
        {
            "Condition": {
                "ArnNotEquals": {"aws:PrincipalArn": [f"arn:aws:iam::*:role/{ROLE}", "x"]}
            }
        },
    ],
)
def test_one_that_denies_as_much_will_do(parts: dict[str, Any]) -> None:
    assert lacks(changed(**parts), partition="aws", role=ROLE) == ()


@pytest.mark.parametrize(
    "parts",
    [
        {"Effect": "Allow"},
        {"Resource": "arn:aws:secretsmanager:us-east-1:*:secret:Account_*_User_*_AccessKey*"},
        {"Condition": {}},  # it denies Keyturn too, which is no guard but a stop
        {"Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/other"}}},
        {
            "Condition": {
                **POLICY["Statement"][0]["Condition"],
                "Bool": {"aws:MultiFactorAuthPresent": "false"},
            }
        },
    ],
)
def test_one_that_denies_less_is_none(parts: dict[str, Any]) -> None:
    assert lacks(changed(**parts), partition="aws", role=ROLE) == ACTIONS
