"""`keyturn rehearse` from start to clean-up, on the local AWS, and seen from outside."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from keyturn.rehearsal.model.permissions import Wanted, policies
from keyturn_sandbox.emulator.call_log import Call
from tests.cli.organisation import ADMIN, BUCKET, GROUP, OURS, SEALED, SHOP
from tests.rehearsal.scene import HERE, IN_THE_SHOP, NAME, PATH, Rehearsing

STORY = [
    *("user", "exempt", "paused", "warned", "rotated", "stored", "read", "works", "refused"),
    *("accepted", "delivered", "disabled", "restored", "revoked", "deleted", "repaired"),
]
WRITES = re.compile(
    r"(Add|Assume|Attach|Create|Delete|Detach|Put|Remove|Restore|Send|Set|Tag|Untag|Update)[A-Z]"
)
"""By their names alone; the rehearsal's own list is not asked."""
TO_NOBODY = "success@simulator.amazonses.com"
ACTIONS = {
    "HeadObject": "s3:GetObject",
    "ListObjectsV2": "s3:ListBucket",
    "ListObjectVersions": "s3:ListBucketVersions",
    "DeleteObjects": "s3:DeleteObject",
}
"""The right that an operation asks for, where it is not called like it."""
NOT_ON_A_DAY_LIKE_THIS = {
    "iam:GetUser",  # where a list is late
    "iam:TagUser",  # which CreateUser needs for its tags
    "kms:Decrypt",
    "kms:GenerateDataKey",  # both by Secrets Manager, in the caller's name
    "secretsmanager:GetResourcePolicy",  # of a secret that was made and not sealed
    "s3:DeleteObjectVersion",  # which DeleteObjects needs for versions
    "sts:AssumeRole",
}


def of_iam(params: Mapping[str, Any], operation: str) -> bool:
    names = [params[name] for name in ("UserName", "GroupName") if name in params]
    is_under_the_path = operation not in {"CreateUser", "CreateGroup"} or params["Path"] == PATH
    form = re.compile(NAME + r"[0-9a-f]{8}(-\w+)?")
    return bool(names) and all(map(form.fullmatch, names)) and is_under_the_path


def of_secrets(params: Mapping[str, Any], _: str) -> bool:
    return f"_User_{NAME}" in params.get("SecretId", params.get("Name", ""))


def of_s3(params: Mapping[str, Any], operation: str) -> bool:
    # What DeleteObjects names is in its body, which no log keeps: what others have is looked at.
    is_ours = operation == "DeleteObjects" or params["Key"].startswith("keyturn-rehearsal/")
    return params["Bucket"] == BUCKET and is_ours


def of_mails(params: Mapping[str, Any], _: str) -> bool:
    return set(params["Destination"]["ToAddresses"]) <= {TO_NOBODY, ADMIN}


def assumes(_: Mapping[str, Any], operation: str) -> bool:
    return operation == "AssumeRole"


OWN: Mapping[str, Callable[[Mapping[str, Any], str], bool]] = {
    "iam": of_iam,
    "secretsmanager": of_secrets,
    "s3": of_s3,
    "sesv2": of_mails,
    "sts": assumes,
}
"""Service → whether a write is to what is the rehearsal's, seen from outside."""


def own(call: Call) -> bool:
    return call.service in OWN and OWN[call.service](call.params, call.operation)


@pytest.mark.parametrize(
    ("args", "account"), [(HERE, OURS), (IN_THE_SHOP, SHOP)], ids=["own account", "by a role"]
)
def test_the_whole_life_of_a_key_is_as_expected_and_touches_nobody_else(
    operator: Rehearsing, args: tuple[str, ...], account: str
) -> None:
    answer = operator.answer(*args, "--story")

    assert {each["name"]: each["verdict"] for each in answer["findings"]} == {
        **dict.fromkeys(STORY, "as-expected"),
        "delivered": "not-tried",
    }, answer
    assert operator.left() == operator.left(SHOP) == []
    assert operator.others() == operator.before
    calls = [call for call in operator.cloud.calls if call.principal != "anonymous"]
    writes = [call for call in calls if WRITES.match(call.operation)]
    mine = [call for call in writes if "/sandbox" not in call.principal]
    assert [call for call in mine if not own(call)] == []
    assert {call.account for call in mine if call.service in {"iam", "secretsmanager"}} == {
        account
    }
    assert len(mine) > 40


def test_the_policy_to_copy_allows_what_is_called_and_hardly_more(operator: Rehearsing) -> None:
    operator.keyturn(*HERE, "--story")
    wanted = Wanted(exemption_group=GROUP, bucket=BUCKET, seal_key=SEALED[1], has_probes=False)
    [policy] = policies(wanted).values()

    statements: Any = policy["Statement"]
    allowed = {action for each in statements for action in each["Action"]}
    called = {
        ACTIONS.get(call.operation, f"{call.service.removesuffix('v2')}:{call.operation}")
        for call in operator.made_by_operator()
        if call.service != "sts"
    }
    assert called <= allowed
    assert allowed - called <= NOT_ON_A_DAY_LIKE_THIS
    for each in statements:
        writes = [action for action in each["Action"] if WRITES.match(action.partition(":")[2])]
        if any(action.startswith(("iam:", "secretsmanager:", "s3:")) for action in writes):
            assert all("keyturn-rehearsal" in arn for arn in each["Resource"]), each
    assert (
        len(json.dumps(policy, separators=(",", ":"))) < 6144
    )  # IAM's limit for a managed policy
