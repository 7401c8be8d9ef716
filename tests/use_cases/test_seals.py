"""Whose secret it is, from the function's event to what lies in Secrets Manager."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from keyturn.adapters.kms import SealKeyInKms
from keyturn.domain.seal import SealKey
from keyturn.domain.secret_names import SEAL_TAG, USER_ID_TAG, USER_TAG, secret_name
from keyturn.functions.connect import disconnect
from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, ApiResponse, refused
from keyturn_sandbox.emulator.secret_rules import secrets_of
from keyturn_sandbox.simulation.deployment import SECRETS_KEY
from tests.use_cases.harness import ASKED, MEMBER, MINUTE, Harness, decisions_of, stores

NAME = secret_name(MEMBER, "ann")
BLOCKED = ("WAIT", "secret-foreign")
POLICY = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", '
    '"Action": "secretsmanager:GetSecretValue", '
    '"Principal": {"AWS": "arn:aws:iam::333333333333:role/intern"}}]}'
)


def public_facts(stage: Harness, user: str = "ann") -> dict[str, str]:
    """What everybody who may list users can know: the tags that our secrets bear."""
    user_id = stage.iam().get_user(UserName=user)["User"]["UserId"]
    return {USER_TAG: user, USER_ID_TAG: user_id}


def squats(stage: Harness, tags: Mapping[str, str]) -> None:
    stage.secret_store().create_secret(
        Name=NAME,
        KmsKeyId=SECRETS_KEY,
        Tags=[{"Key": tag, "Value": text} for tag, text in tags.items()],
    )


def seal_key(stage: Harness) -> SealKey:
    kms = stage.cloud.session(stage.deployment.account).client("kms")
    return SealKeyInKms(lambda: kms, stage.deployment.settings["SealKey"])()


def dies_at(number: int, operation: str) -> Callable[[ApiRequest, Perform], ApiResponse]:
    """The process is gone before its nth call of the operation, and all after it."""
    left = [number]

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        left[0] -= request.operation == operation
        if left[0] <= 0 and request.service in {"iam", "secretsmanager"}:
            return refused(request, ApiError("AccessDenied", "the process is gone", 403))
        return perform(request)

    return layer


def is_untouched(stage: Harness, old: str) -> bool:
    return stage.keys("ann") == {old: "Active"} and not stage.secret("ann").versions


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({}, id="the two tags alone"),
        pytest.param({"team": "interns"}, id="and one of theirs"),
        pytest.param({SEAL_TAG: "seal=" + "0" * 64}, id="and a made-up seal"),
        pytest.param({SEAL_TAG: "born=2026-03-02T05:00:00Z mac=00"}, id="and a made-up birth"),
    ],
)
def test_a_secret_that_somebody_made_beforehand_gets_no_key(
    stage: Harness, more: dict[str, str]
) -> None:
    [old] = stage.user("ann", 137)
    squats(stage, public_facts(stage) | more)
    stage.let_lists_show_it()

    answer = stage.run()

    assert decisions_of(answer, "ann") == [BLOCKED]
    assert is_untouched(stage, old)


def test_a_seal_that_was_copied_from_another_secret_is_worth_nothing(stage: Harness) -> None:
    [old] = stage.user("ann", 137)
    stage.user("bob", 137)
    stage.run({**ASKED, "users": ["bob"]})
    bobs = stage.secret("bob").tags
    squats(stage, public_facts(stage) | {SEAL_TAG: bobs[SEAL_TAG]})
    stage.let_lists_show_it()

    assert decisions_of(stage.run(), "ann") == [BLOCKED]
    assert is_untouched(stage, old)


@pytest.mark.parametrize("kept", ["all tags", "seal alone"])
def test_a_seal_does_not_outlive_its_secret(stage: Harness, kept: str) -> None:
    stage.user("ann", 137)
    stage.run()
    tags = dict(stage.secret("ann").tags)
    stage.secret_store().delete_secret(SecretId=NAME, ForceDeleteWithoutRecovery=True)
    squats(stage, tags if kept == "all tags" else public_facts(stage) | {SEAL_TAG: tags[SEAL_TAG]})

    answer = stage.at(10).run()

    assert "DISABLE" not in {action for action, _ in decisions_of(answer, "ann")}
    assert stage.secret("ann").versions == {}


def test_what_died_before_it_was_sealed_is_sealed_by_the_next_run(stage: Harness) -> None:
    [old] = stage.user("ann", 137)
    stage.cloud.layers.append(dies_at(1, "TagResource"))
    stage.run()
    stage.cloud.layers.pop()
    assert stage.secret("ann").tags[SEAL_TAG].startswith("born=")

    answer = stage.at(1).run()

    assert ("ROTATE", "rotation-due") in decisions_of(answer, "ann")
    [new] = stage.keys("ann").keys() - {old}
    secret = stage.secret("ann")
    assert stores(secret, new)
    assert secret.tags[SEAL_TAG] == seal_key(stage).seal(secret.arn, secret.tags[USER_ID_TAG])


def _adds_a_tag(stage: Harness) -> None:
    stage.secret_store().tag_resource(SecretId=NAME, Tags=[{"Key": "team", "Value": "interns"}])


def _adds_a_policy(stage: Harness) -> None:
    stage.secret_store().put_resource_policy(SecretId=NAME, ResourcePolicy=POLICY)


def _stores_a_value(stage: Harness) -> None:
    stage.secret_store().put_secret_value(SecretId=NAME, SecretString="mine")


def _replicates(stage: Harness) -> None:
    stage.secret_store().replicate_secret_to_regions(
        SecretId=NAME, AddReplicaRegions=[{"Region": "eu-west-1"}]
    )


def _makes_it_again_later(stage: Harness) -> None:
    tags = dict(stage.secret("ann").tags)
    stage.secret_store().delete_secret(SecretId=NAME, ForceDeleteWithoutRecovery=True)
    stage.cloud.move_to(stage.cloud.now + 20 * MINUTE)
    squats(stage, tags)


@pytest.mark.parametrize(
    "meddles",
    [_adds_a_tag, _adds_a_policy, _stores_a_value, _replicates, _makes_it_again_later],
)
def test_a_newborn_that_somebody_has_meddled_with_is_not_sealed(
    stage: Harness, meddles: Callable[[Harness], None]
) -> None:
    stage.user("ann", 137)
    stage.cloud.layers.append(dies_at(1, "TagResource"))
    stage.run()
    stage.cloud.layers.pop()
    meddles(stage)

    answer = stage.at(1).run()

    assert decisions_of(answer, "ann") == [BLOCKED]
    assert not stage.secret("ann").tags[SEAL_TAG].startswith("seal=")


def test_a_policy_of_a_newborn_that_cannot_be_read_holds_it_back(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.cloud.layers.append(dies_at(1, "TagResource"))
    stage.run()
    stage.cloud.layers.pop()
    stage.cloud.deny(None, "GetResourcePolicy")

    assert decisions_of(stage.at(1).run(), "ann") == [("WAIT", "record-unreadable")]


@pytest.mark.parametrize("call", ["GenerateMac"])
def test_without_an_answer_about_the_seal_nothing_is_written(stage: Harness, call: str) -> None:
    old, _ = stage.user("ann", 137), stage.user("bob", 12)
    stage.run()
    before = stage.keys("ann")
    stage.cloud.deny(None, call)
    disconnect()

    answer = stage.at(10).run()

    assert set(decisions_of(answer, "ann")) == {("WAIT", "record-unreadable")}
    assert stage.keys("ann") == before
    assert old[0] in before


def test_who_may_not_ask_for_the_seals_key_sees_a_plan_that_says_so(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.run()
    disconnect()
    stage.cloud.deny(None, "GenerateMac")

    answer = stage.at(10).invoke({**ASKED, "dryrun": True})

    assert ("DISABLE", "window-over") in decisions_of(answer, "ann")
    assert any("the seals could not be checked" in warning for warning in answer["warnings"])


def test_a_seals_key_that_is_none_is_named(stage: Harness) -> None:
    stage.settings["SealKey"] = "alias/none"
    stage.user("ann", 137)

    answer = stage.run()

    [failure] = answer["failures"]
    assert "SealKey=alias/none cannot be asked" in failure["message"]


def test_the_seal_key_is_asked_once_however_many_secrets(stage: Harness) -> None:
    for name in ("ann", "bob", "cleo"):
        stage.user(name, 137)
    disconnect()
    began = len(stage.cloud.calls)

    stage.run()

    calls = [call.operation for call in stage.cloud.calls[began:]]
    assert calls.count("GenerateMac") == 1
    assert calls.count("CreateSecret") == 3


def _in_moto() -> Any:  # noqa: ANN401 -- moto's own object, whose attributes we set
    return dict.get(secrets_of(MEMBER, "us-east-1").secrets, NAME)


def _is_rotated_by_aws() -> None:
    _in_moto().rotation_enabled = True


def _belongs_to_a_service() -> None:
    _in_moto().tags.append({"Key": "aws:secretsmanager:owningService", "Value": "rds"})


def _is_a_replica() -> None:
    _in_moto().primary_region = "eu-west-1"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_is_rotated_by_aws, "Secrets Manager's own rotation is switched on"),
        (_belongs_to_a_service, "belongs to the service rds"),
        (_is_a_replica, "is a replica of the one in eu-west-1"),
    ],
)
def test_a_sealed_secret_that_became_anothers_gets_no_key(
    stage: Harness, change: Callable[[], None], why: str
) -> None:
    stage.user("ann", 137)
    stage.run()
    for key_id in list(stage.keys("ann"))[1:]:
        stage.iam().delete_access_key(UserName="ann", AccessKeyId=key_id)
    change()

    answer = stage.at(1).run()

    assert decisions_of(answer, "ann") == [BLOCKED]
    assert why in answer["decisions"][0]["sentence"]


@pytest.mark.parametrize("spelled", ["alias", "alias ARN", "id", "ARN"])
def test_one_kms_key_has_many_names(stage: Harness, spelled: str) -> None:
    kms = stage.cloud.session(MEMBER).client("kms")
    made = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName=SECRETS_KEY, TargetKeyId=made["KeyId"])
    names = {
        "alias": SECRETS_KEY,
        "alias ARN": f"arn:aws:kms:us-east-1:{MEMBER}:{SECRETS_KEY}",
        "id": made["KeyId"],
        "ARN": made["Arn"],
    }
    stage.user("ann", 137)
    stage.run()
    stage.secret_store().update_secret(SecretId=NAME, KmsKeyId=names[spelled])

    answer = stage.at(10).run()

    assert ("DISABLE", "window-over") in decisions_of(answer, "ann")


@pytest.mark.parametrize("answers", ["another", "no such key", "denied"])
def test_another_kms_key_is_another_and_what_nobody_may_look_up_too(
    stage: Harness, answers: str
) -> None:
    kms = stage.cloud.session(MEMBER).client("kms")
    for alias in (SECRETS_KEY, "alias/theirs"):
        kms.create_alias(AliasName=alias, TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    stage.user("ann", 137)
    stage.run()
    name = "alias/none" if answers == "no such key" else "alias/theirs"
    stage.secret_store().update_secret(SecretId=NAME, KmsKeyId=name)
    if answers == "denied":
        stage.cloud.deny(None, "DescribeKey")

    answer = stage.at(10).run()

    assert set(decisions_of(answer, "ann")) >= {BLOCKED}


def test_a_renamed_users_secret_is_never_the_newcomers(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.run()
    value = stage.value("ann")
    stage.iam().update_user(UserName="ann", NewUserName="ann-ci")
    stage.user("ann", 137)

    answer = stage.at(1).run()

    told = " ".join(mail.text or "" for mail in stage.cloud.sent_mails)
    assert "ann-ci was called ann before: a key is still stored in" in " ".join(told.split())
    [newcomer] = [d for d in answer["decisions"] if d["user"] == "ann"]
    assert (newcomer["action"], newcomer["reason"]) == BLOCKED
    assert "belongs to ann-ci, who was called ann before" in newcomer["sentence"]
    adopted = stage.invoke({"account": MEMBER, "Adopt": NAME, "by": "ann@example.com"})
    assert "belongs to ann-ci" in adopted["failures"][0]["message"]
    assert stage.value("ann") == value
