"""What a user's secret, its tags and its versions are called."""

import hashlib
import re

from keyturn.domain.errors import InvalidValue

USER_TAG = "keyturn:user"
USER_ID_TAG = "keyturn:user-id"
SEAL_TAG = "keyturn:seal"
INTENT_TAG = "keyturn:intent"
OWNER_TAG = "keyturn:owner"
KEY_TAG = "keyturn:key:"
RESTORED_TAG = "keyturn:restored:"
REVOKED_TAG = "keyturn:revoked:"
"""Tags of their own, so that no run that writes the key's other times can undo these."""

HISTORY_TAG = "keyturn:history:"
"""What people did against a key's end, counted."""

IDLE_TAG = "keyturn:idle:"
"""That the rotation to a key is complete, and since when nobody needs the secret any more."""
GONE_TAG = "keyturn:gone"
"""Since when the secret's user is gone."""
KEEP_TAG = "keyturn:keep"
"""Set by people, with any value: the secret is never scheduled for deletion."""

_SECRET_NAME = re.compile(r"Account_(\d{12})_User_(.+)_AccessKey", re.ASCII)


def encode(name: str) -> str:
    """
    Write a user name so that Secrets Manager takes it in a name or a tag.

    IAM allows a comma, Secrets Manager does not; names without one stay as they are, unless
    they hold what an encoded one would. IAM's characters and Secrets Manager's:
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateUser.html
    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
    """
    if "," in name or "=2C" in name or "=3D" in name:
        return name.replace("=", "=3D").replace(",", "=2C")
    return name


def secret_name(account: str, user: str) -> str:
    """The name of a user's secret (docs/delivery.md); another name would be another secret."""
    return f"Account_{account}_User_{encode(user)}_AccessKey"


def owner_of_secret(name: str) -> tuple[str, str]:
    """
    The account's id and the user's name in the name of a secret, decoded.

    Raises InvalidValue where it is no such name, or not as `secret_name` would write it.
    """
    found = _SECRET_NAME.fullmatch(name)
    if found is not None:
        account, encoded = found.groups()
        user = encoded
        if "=2C" in encoded or "=3D" in encoded:
            user = encoded.replace("=2C", ",").replace("=3D", "=")
        # Two names that decode to one user would be two secrets of theirs.
        if secret_name(account, user) == name:
            return account, user
    raise InvalidValue("secret", name, "must be Account_<account id>_User_<user>_AccessKey")


def version_id_for(key_id: str) -> str:
    """
    The version id under which a key's secret is stored: sha256 of the key's id, 64 hex digits.

    Whoever sees it knows which key the version holds, without reading it (docs/delivery.md).
    AWS takes 32 to 64 characters for a ClientRequestToken, and makes it the version's id:
    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
    """
    return hashlib.sha256(key_id.encode()).hexdigest()
