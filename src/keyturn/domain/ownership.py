"""
Whether a secret is ours to write: its seal, its user, its KMS key, and who else it belongs to.

Name, tags and KMS key are public facts and prove nothing (decision 0021); only the seal
proves, and what AWS or an operator has claimed for something else is never ours.
"""

from dataclasses import dataclass

from keyturn.domain.key import Seal, SecretFacts, UserFacts
from keyturn.domain.secret_names import USER_ID_TAG, USER_TAG, encode, secret_name

_ADOPT = "an operator has to adopt or move it"


@dataclass(frozen=True, slots=True)
class Foreign:
    """Why a secret is not ours to write, and what an operator can do about it."""

    why: str
    """A sentence without its end."""
    cure: str
    """What to do, in the imperative; it follows the sentence behind a semicolon."""


def why_foreign(user: UserFacts, secret: SecretFacts, *, kms_key: str | None) -> str | None:
    """
    Why the secret is not ours to write; None: it is ours.

    kms_key: the key that our secrets are encrypted with; None: aws/secretsmanager.
    """
    foreign = find_foreign(user, secret, kms_key=kms_key)
    return None if foreign is None else foreign.why


def find_foreign(user: UserFacts, secret: SecretFacts, *, kms_key: str | None) -> Foreign | None:
    """
    Say that the secret is not ours to write; None: it is ours.

    What nobody may adopt comes first, so that no cure is named which would be refused.
    Source: docs/delivery.md; decision 0021.
    """
    return never_ours(user, secret) or _unproven(user, secret) or _elsewhere(secret, kms_key)


def _unproven(user: UserFacts, secret: SecretFacts) -> Foreign | None:
    """Say that nothing proves the secret to be the user's, made by us."""
    # The tags before the seal, though they prove nothing: they say better what is the matter.
    if secret.tags.get(USER_TAG) != encode(user.name):
        return Foreign("the secret of that name was not made by Keyturn", _ADOPT)
    if secret.tags.get(USER_ID_TAG) != user.user_id:
        return Foreign("the secret belongs to an earlier user of the same name", _ADOPT)
    if secret.seal is Seal.UNCHECKED:
        return Foreign("without SealKey nobody can tell who made the secret", "set SealKey")
    if secret.seal is Seal.WRONG:
        return Foreign("the secret bears Keyturn's tags, but not its seal", _ADOPT)
    return None


def _elsewhere(secret: SecretFacts, kms_key: str | None) -> Foreign | None:
    if not is_same_key(secret.arn, secret.kms_key, kms_key):
        under = secret.kms_key or "aws/secretsmanager"
        return Foreign(
            f"the secret is encrypted with another KMS key ({under})",
            "it must be moved, or the setting SecretsKmsKey is not this deployment's",
        )
    return None


def never_ours(user: UserFacts, secret: SecretFacts) -> Foreign | None:
    """Say that nobody may even adopt the secret for the user; None: an operator may."""
    if secret.replica_of is not None:
        return Foreign(
            f"the secret is a replica of the one in {secret.replica_of}",
            "delete the replica, or set HomeRegion to the region of the users' secrets",
        )
    if secret.rotates:
        return Foreign(
            "Secrets Manager's own rotation is switched on for the secret",
            "switch it off (aws secretsmanager cancel-rotate-secret), or move the secret",
        )
    if secret.managed_by is not None:
        return Foreign(f"the secret belongs to the service {secret.managed_by}", "move it")
    # IAM lets a user be renamed; who then gets the old name must not get the other's secret.
    owner = user.living.get(secret.tags.get(USER_ID_TAG, ""))
    if owner is not None and owner != user.name:
        own = secret_name(user.account, owner)
        return Foreign(
            f"the secret belongs to {owner}, who was called {user.name} before",
            f"when nothing of {owner} reads it any more, but {own}, delete it",
        )
    return None


def is_same_key(secret: str, reported: str | None, ours: str | None) -> bool:
    """
    Whether two names are one name of a KMS key: AWS answers with what was given, or with an ARN.

    secret: the secret's ARN. A bare id or alias is one of its account and region; another
    account may have an alias of the same name. None: aws/secretsmanager.
    Source: secretsmanager:DescribeSecret, KmsKeyId,
    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DescribeSecret.html
    """
    return _kms_arn(secret, reported) == _kms_arn(secret, ours)


def _kms_arn(secret: str, name: str | None) -> str | None:
    if name is None or name.startswith("arn:"):
        return name
    place = ":".join(secret.split(":")[:5]).replace(":secretsmanager:", ":kms:")
    return f"{place}:{name}" if name.startswith("alias/") else f"{place}:key/{name}"
