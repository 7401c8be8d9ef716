"""What `adopt` answers."""

from typing import Final, Literal, TypedDict

from keyturn.domain.adoption import Adoption
from keyturn.domain.key import Unknown
from keyturn.schemas.account import AccountId

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
