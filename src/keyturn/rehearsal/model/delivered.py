"""A delivered key, as long as it is tried: its secret is in one variable, and nowhere else."""

import json
from dataclasses import dataclass, field

from keyturn.domain.errors import KeyturnError
from keyturn.domain.names import KEY_ID


class NotDelivered(KeyturnError):
    """The secret holds no key as Keyturn stores it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredKey:
    """An access key that works; it cannot be printed whole."""

    key_id: str
    secret: str = field(repr=False)

    @classmethod
    def read(cls, value: str) -> "DeliveredKey":
        """Read a secret's value. Raises NotDelivered; what it says repeats nothing of it."""
        try:
            held = json.loads(value)
            key_id, secret = held["AccessKeyId"], held["SecretAccessKey"]
        except (ValueError, KeyError, TypeError):
            raise NotDelivered("the secret holds no access key as Keyturn stores it") from None
        if not (isinstance(key_id, str) and isinstance(secret, str) and KEY_ID.fullmatch(key_id)):
            raise NotDelivered("the secret holds no access key as Keyturn stores it")
        return cls(key_id=key_id, secret=secret)
