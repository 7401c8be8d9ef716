"""What `adopt` answers."""

from typing import Literal, TypedDict

from keyturn.schemas.account import AccountId


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
