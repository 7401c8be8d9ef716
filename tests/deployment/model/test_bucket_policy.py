"""What the bucket's policy must say, and when it says it."""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from keyturn.deployment.model.bucket import Protection
from keyturn.deployment.model.bucket_policy import (
    lacking,
    statements,
    with_statements,
)
from keyturn.deployment.model.resources import CHANNELS_ROLE, NOTIFIER_ROLE
from keyturn_sandbox.simulation import deployment
from keyturn_sandbox.simulation.deployment import BUCKET, PREFIX, ROTATION_ROLE
from tests.use_cases.harness import HUB, Harness, staged

ROOT = Path(__file__).parents[3]
BY = statements(partition="aws", account=HUB, bucket="b", prefix="asa")
EVERY = tuple(chain.from_iterable(BY.values()))
POLICY = with_statements(None, EVERY)
RECEIPT, ENTRY, PLAN = (f"{PREFIX}/{name}" for name in ("receipts/x", "audit/x", "plans/x"))


def spelled(**other: Any) -> list[dict[str, Any]]:  # noqa: ANN401 -- any part of a statement
    """The policy with the statement about receipts written otherwise."""
    found: list[dict[str, Any]] = deepcopy(POLICY["Statement"])
    found[1] |= other
    return found


@pytest.mark.parametrize(
    "found",
    [
        spelled(Sid="Theirs"),
        spelled(Principal={"AWS": "*"}),
        spelled(Action=list(reversed(EVERY[1]["Action"]))),
        spelled(Resource=EVERY[1]["Resource"][0]),
        [*POLICY["Statement"], {"Sid": "Theirs", "Effect": "Allow", "Principal": "*"}],
    ],
)
def test_a_statement_in_another_spelling_is_the_same(found: list[dict[str, Any]]) -> None:
    assert lacking({"Statement": found}, EVERY) == ()


@pytest.mark.parametrize(
    "found",
    [
        spelled(Effect="Allow"),
        spelled(Principal={"AWS": f"arn:aws:iam::{HUB}:root"}),
        spelled(Action=["s3:PutObject"]),
        spelled(Resource=["arn:aws:s3:::b/other/receipts/*"]),
        spelled(Condition={"ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{HUB}:role/*"}}),
        POLICY["Statement"][:1],
        POLICY["Statement"][0],  # S3 takes one that is in no list
    ],
)
def test_one_that_says_less_is_not_taken_for_it(
    found: list[dict[str, Any]] | dict[str, Any],
) -> None:
    assert EVERY[1] in lacking({"Statement": found}, EVERY)


def test_without_a_policy_all_is_lacking() -> None:
    assert lacking(None, EVERY) == EVERY


def test_a_policy_that_is_made_is_of_the_version_that_aws_knows() -> None:
    assert {"Version": "2012-10-17", "Statement": list(EVERY)} == POLICY


def test_the_operators_own_statements_stay_and_ours_come_once() -> None:
    theirs = {"Sid": "Theirs", "Effect": "Allow", "Principal": {"AWS": "x"}}
    policy = {"Version": "2008-10-17", "Id": "theirs", "Statement": theirs}

    once = with_statements(policy, EVERY)
    twice = with_statements(once, EVERY)

    assert once == twice
    assert once["Statement"][0] == theirs
    assert (once["Version"], once["Id"]) == ("2008-10-17", "theirs")


def test_a_weakened_statement_of_ours_is_replaced() -> None:
    weak = {"Statement": spelled(Action=["s3:PutObject"])}

    assert with_statements(weak, EVERY)["Statement"] == list(EVERY)


def test_two_deployments_in_one_bucket_keep_each_others_statements() -> None:
    other = statements(partition="aws", account=HUB, bucket="b", prefix="other")
    theirs = tuple(chain.from_iterable(other.values()))

    both = with_statements(POLICY, theirs)

    assert lacking(both, (*EVERY, *theirs)) == ()
    sids = [each["Sid"] for each in both["Statement"]]
    assert len(set(sids)) == len(sids)  # as S3 wants them
    assert all(sid.isalnum() for sid in sids)


def test_the_policy_is_small_enough_for_s3() -> None:
    longest = statements(
        partition="aws-us-gov", account=HUB, bucket="b" * 63, prefix="/".join(["p" * 60] * 2)
    )

    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html: 20 KB in all
    assert len(json.dumps(with_statements(None, tuple(chain(*longest.values()))))) < 5_000


def test_the_notifier_is_the_one_that_the_sandbox_and_the_template_have() -> None:
    # Which the templates' are compared with.
    assert NOTIFIER_ROLE == deployment.NOTIFIER_ROLE
    assert CHANNELS_ROLE == deployment.CHANNELS_ROLE


def test_the_manual_gives_the_same_policy_for_a_bucket_made_by_hand() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text()
    [told] = re.findall(r"put-bucket-policy --bucket \S+ --policy '(.*?)'\n", page, re.DOTALL)
    given = {"PARTITION": "aws", "BUCKET": "b", "PREFIX": "asa", "SECURITY": HUB}
    policy = json.loads(re.sub(r"'\"\$(\w+)\"'", lambda name: given[name[1]], told))

    assert lacking(policy, EVERY) == ()
    assert len(policy["Statement"]) == len(EVERY)


def test_the_policy_is_about_all_that_a_proof_needs() -> None:
    assert set(BY) == {Protection.ONLY_TLS, Protection.RECEIPTS, Protection.RECORDS}


# --- as S3 applies it ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stage() -> Iterator[Harness]:
    with staged() as stage:
        yield stage


def hands(stage: Harness, role: str | None) -> Any:  # noqa: ANN401 -- boto3 makes the class at run time
    """The bucket in the hands of a function, or of an administrator."""
    cloud = stage.cloud
    session = cloud.session(HUB) if role is None else cloud.role_session(HUB, role)
    return session.client("s3")


@pytest.mark.parametrize("role", [None, ROTATION_ROLE])
@pytest.mark.parametrize("operation", ["put_object", "delete_object"])
def test_nobody_but_the_notifier_writes_or_deletes_a_receipt(
    stage: Harness, role: str | None, operation: str
) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        getattr(hands(stage, role), operation)(Bucket=BUCKET, Key=RECEIPT)


def test_the_notifier_writes_and_deletes_receipts(stage: Harness) -> None:
    s3 = hands(stage, NOTIFIER_ROLE)

    s3.put_object(Bucket=BUCKET, Key=RECEIPT, Body=b"{}")
    s3.put_object(Bucket=BUCKET, Key=RECEIPT, Body=b"{...}")
    s3.delete_object(Bucket=BUCKET, Key=RECEIPT)


@pytest.mark.parametrize("name", [ENTRY, PLAN])
@pytest.mark.parametrize("role", [None, ROTATION_ROLE, NOTIFIER_ROLE])
def test_nobody_changes_or_deletes_an_entry_or_a_plan(
    stage: Harness, role: str | None, name: str
) -> None:
    s3, mine = hands(stage, role), f"{name}-{role}"
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=BUCKET, Key=mine, Body=b"at any rate")
    s3.put_object(Bucket=BUCKET, Key=mine, Body=b"first", IfNoneMatch="*")

    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=BUCKET, Key=mine, Body=b"second", IfNoneMatch="*")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=BUCKET, Key=mine, Body=b"second")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=BUCKET, Key=mine)

    assert s3.get_object(Bucket=BUCKET, Key=mine)["Body"].read() == b"first"


def test_what_else_lies_there_is_not_the_policys_business(stage: Harness) -> None:
    s3 = hands(stage, None)

    for name in ("paused.json", "Template/a.txt", "receipts-of-mine/x", "Lambda/a.zip"):
        s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}", Body=b"1")
        s3.delete_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}")
