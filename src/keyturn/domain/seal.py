"""
The proof that a secret is ours: a seal that nobody outside the security account can make.

Name, tags and KMS key of a secret are public facts: whoever may create secrets in an account can
make one that bears them all. So ours bears a MAC over its ARN, which ends with characters that
AWS draws at random, and over the `UserId` whose keys it is for. Copied to another secret, or kept
while the secret is deleted and made again under its name, it is worth nothing.

The ARN is known only once the secret is there. Until then it bears a birth mark: a MAC over its
name, the `UserId` and the time. A run that dies in between leaves that, and the next run seals
such a newborn if it is still exactly what we make. What that gives an attacker: decision 0021.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from keyturn.domain.key import Seal
from keyturn.domain.secret_names import SEAL_TAG, USER_ID_TAG, USER_TAG
from keyturn.domain.tag_text import format_utc, moment, words

SEAL_MESSAGE = b"keyturn seal 1"
"""What the HMAC key in the security account signs; the answer is the key of all seals."""
BORN_BEFORE = timedelta(minutes=1)
BORN_AFTER = timedelta(minutes=2)
"""A newborn was created, by AWS's clock, within these of the time in its birth mark."""
_OUR_TAGS = "keyturn:"


@dataclass(frozen=True, slots=True)
class SealKey:
    """The key of all seals, 32 bytes. It is never shown: no repr, no log, no copy."""

    _bytes: bytes = field(repr=False)

    def seal(self, arn: str, user_id: str) -> str:
        """The value of the tag that makes the secret with this ARN the user's."""
        return f"seal={self._mac('seal', arn, user_id)}"

    def birth_mark(self, name: str, user_id: str, at: datetime) -> str:
        """The same tag's value while the ARN is not known: good for a secret created just then."""
        born = format_utc(at)
        return f"born={born} mac={self._mac('born', name, user_id, born)}"

    def _mac(self, *parts: str) -> str:
        # None of the parts can hold a line feed: no two lists of parts read the same. The first
        # part keeps a birth mark from passing for a seal.
        return hmac.new(self._bytes, "\n".join(parts).encode(), sha256).hexdigest()


def read_seal(
    key: SealKey, *, arn: str, name: str, tags: Mapping[str, str], created: datetime | None
) -> Seal:
    """
    Say what a secret's tags prove.

    A newborn (`Seal.BORN`) has a right birth mark and no tags but ours.
    Source: decision 0021.

    Args:
        key: the key of all seals.
        arn: with the characters that AWS drew at random.
        name: of the secret.
        tags: name → value, as they stand there.
        created: AWS's word for when it was made, UTC; None: it did not say.

    """
    text, user_id = tags.get(SEAL_TAG, ""), tags.get(USER_ID_TAG, "")
    if not text or not user_id:
        return Seal.WRONG
    if _is_same(text, key.seal(arn, user_id)):
        return Seal.RIGHT
    born = moment(words(text).get("born", ""))
    if born is None or created is None or not _is_same(text, key.birth_mark(name, user_id, born)):
        return Seal.WRONG
    is_newborn = (
        -BORN_BEFORE <= created - born <= BORN_AFTER
        and USER_TAG in tags
        and all(tag.startswith(_OUR_TAGS) for tag in tags)
    )
    return Seal.BORN if is_newborn else Seal.WRONG


def _is_same(text: str, right: str) -> bool:
    return hmac.compare_digest(text.encode(), right.encode())
