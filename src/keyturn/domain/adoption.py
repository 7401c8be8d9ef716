"""Take a secret that is not ours into the record: what that changes, or why it must not be."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from keyturn.domain.errors import OrderNotDone
from keyturn.domain.key import SecretFacts, Unknown, UserFacts
from keyturn.domain.ownership import is_same_key, never_ours, why_foreign
from keyturn.domain.record import Intent, stale_tags
from keyturn.domain.secret_names import INTENT_TAG, USER_ID_TAG, USER_TAG, encode, secret_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """A secret, and what is written to make it a user's; nothing, if it is theirs already."""

    user: UserFacts
    name: str
    secret: SecretFacts
    policy: str | Unknown | None
    """
    Its resource policy, JSON; None: it has none.

    Whom that lets read the secret, Keyturn neither checks nor changes.
    """
    why: str | None
    """Why it is not ours yet; None: it is."""
    removes: tuple[str, ...] = ()
    """Names of tags that speak of an earlier user's keys."""
    sets: Mapping[str, str]
    """Tag name → value; the seal is set with them."""

    @property
    def writes(self) -> bool:
        """Whether anything is to be written."""
        return self.why is not None


def adoption(
    user: UserFacts,
    secret: SecretFacts | None,
    *,
    policy: str | Unknown | None,
    kms_key: str | None,
) -> Adoption:
    """
    Say what is written to adopt a user's secret.

    Raises OrderNotDone, with the reason, where it must not be adopted.
    Source: docs/cli.md, adopt; decision 0021.

    Args:
        user: to whom it is to belong.
        secret: as AWS describes it; None: there is none of that name.
        policy: the secret's resource policy, which an operator is shown; None: it has none.
        kms_key: the key that our secrets are encrypted with; None: aws/secretsmanager.

    """
    name = secret_name(user.account, user.name)
    if secret is None:
        raise OrderNotDone(f"there is no secret {name}")
    if user.exempt:
        message = f"{user.name} is exempt, and Keyturn leaves what is theirs alone"
        raise OrderNotDone(f"{message}: nothing was written")
    if (never := never_ours(user, secret)) is not None:
        raise OrderNotDone(f"{name} cannot be adopted: {never.why}; {never.cure}")
    if not is_same_key(secret.arn, secret.kms_key, kms_key):
        under = secret.kms_key or "aws/secretsmanager"
        move = (
            f"aws secretsmanager update-secret --secret-id {shlex.quote(name)} "
            f"--kms-key-id {kms_key or 'alias/aws/secretsmanager'}"
        )
        message = (
            f"{name} is encrypted with another KMS key ({under}), and Keyturn may not move it"
        )
        raise OrderNotDone(f"{message}: {move}, and then again")
    return Adoption(
        user=user,
        name=name,
        secret=secret,
        policy=policy,
        why=why_foreign(user, secret, kms_key=kms_key),
        removes=_stale(user, secret),
        sets={USER_TAG: encode(user.name), USER_ID_TAG: user.user_id},
    )


def _stale(user: UserFacts, secret: SecretFacts) -> tuple[str, ...]:
    """
    The tags that speak of keys that are gone.

    What is on record for a living key stays: it may say that its end was put off.
    """
    stale = stale_tags(secret, user)
    if INTENT_TAG not in secret.tags:
        return stale
    living = {key.key_id for key in user.keys}
    intent = Intent.read(secret.tags[INTENT_TAG])
    is_theirs = intent is not None and not living.isdisjoint(intent.seen | {intent.replaces})
    return stale if is_theirs else (*stale, INTENT_TAG)
