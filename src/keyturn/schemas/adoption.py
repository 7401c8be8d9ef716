"""What `adopt` answers, the command and the event."""

from typing import Final, Literal, TypedDict

from keyturn.domain.adoption import Adoption
from keyturn.domain.key import Unknown
from keyturn.domain.result import AccountResult
from keyturn.schemas.account import AccountId
from keyturn.schemas.answer import write_answer

VERSION: Final = 1


class AdoptionFile(TypedDict):
    """
    What `adopt` writes: a secret as it was found, and what is written to take it.

    `foreign`: why it is not ours (null: it is). `policy`: its resource policy (null: it has none,
    or `policy_unread` says why nobody knows). `kms_key` null: `aws/secretsmanager`.
    """

    version: Literal[1]
    account: AccountId
    user: str
    secret: str
    foreign: str | None
    policy: str | None
    policy_unread: str | None
    replicas: list[str]
    rotates: bool
    kms_key: str | None
    removes: list[str]
    sets: dict[str, str]
    adopted: bool


def write_adoption(planned: Adoption, *, adopted: bool) -> AdoptionFile:
    """What was found of a secret, and what is or would be written to adopt it."""
    policy = planned.policy
    return {
        "version": VERSION,
        "account": planned.user.account,
        "user": planned.user.name,
        "secret": planned.name,
        "foreign": planned.why,
        "policy": policy if isinstance(policy, str) else None,
        "policy_unread": policy.why if isinstance(policy, Unknown) else None,
        "replicas": list(planned.secret.replicas),
        "rotates": planned.secret.rotates,
        "kms_key": planned.secret.kms_key,
        "removes": list(planned.removes),
        "sets": dict(planned.sets),
        "adopted": adopted,
    }


def write_adoption_answer(
    result: AccountResult, name: str, planned: Adoption | None
) -> dict[str, object]:
    """
    What the rotation function answers: as to any rotation, and of the secret what is known.

    planned: None where nothing was found of the secret of this name.
    """
    return {**write_answer(result), "secret": _described(name, planned)}


def _described(name: str, planned: Adoption | None) -> dict[str, object]:
    """What is known of a secret; never its value."""
    if planned is None:
        return {"name": name}
    return {
        "name": name,
        "user": planned.user.name,
        "foreign": planned.why,
        "tags": dict(planned.secret.tags),
        "versions": len(planned.secret.versions),
        "kms_key": planned.secret.kms_key,
        "resource_policy": _policy(planned),
        "replicas": list(planned.secret.replicas),
        "rotation": planned.secret.rotates,
        "scheduled_for_deletion": planned.secret.scheduled_for_deletion,
        "removes": list(planned.removes),
        "sets": dict(planned.sets) if planned.writes else {},
    }


def _policy(planned: Adoption) -> str | None:
    policy = planned.policy
    return f"could not be read ({policy.why})" if isinstance(policy, Unknown) else policy
