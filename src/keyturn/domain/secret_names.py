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

_SECRET_NAME = re.compile(r"Account_(\d{12})_User_(.+)_AccessKey", re.ASCII)


def encode(name: str) -> str:
    """
    Write a user name so that Secrets Manager takes it in a name or a tag.

    IAM allows a comma, Secrets Manager does not; names without one stay as they are, unless
    they hold what an encoded one would.
    """
    if "," in name or "=2C" in name or "=3D" in name:
        return name.replace("=", "=3D").replace(",", "=2C")
    return name


def secret_name(account: str, user: str) -> str:
    """The name of a user's secret."""
    return f"Account_{account}_User_{encode(user)}_AccessKey"


def owner_of_secret(name: str) -> tuple[str, str]:
    """The account and the user in the name of a secret; InvalidValue if it is no such name."""
    found = _SECRET_NAME.fullmatch(name)
    if found is not None:
        account, encoded = found.groups()
        user = encoded
        if "=2C" in encoded or "=3D" in encoded:
            user = encoded.replace("=2C", ",").replace("=3D", "=")
        if secret_name(account, user) == name:
            return account, user
    raise InvalidValue("secret", name, "must be Account_<account id>_User_<user>_AccessKey")


def version_id_for(key_id: str) -> str:
    """The version id under which a key's secret is stored: whoever sees it knows the key."""
    return hashlib.sha256(key_id.encode()).hexdigest()
