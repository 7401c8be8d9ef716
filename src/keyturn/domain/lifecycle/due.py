"""
How many days before R a key is due: by a hash, so that keys of one day do not come back together.

Source: docs/lifecycle.md, "How much at once"; decision 0081.
"""

import hashlib
from datetime import date
from typing import Final

from keyturn.domain.decision import NoticeType
from keyturn.domain.key import KeyFacts, Receipt, UserFacts
from keyturn.domain.policy import RotationPolicy

_EARLY_WARNING: Final = f"{NoticeType.UPCOMING}-"
"""How the step of a warning before a rotation begins."""


def days_early(user: UserFacts, key: KeyFacts, policy: RotationPolicy) -> int:
    """How many days before R a key of a user is due, from 0 to RotateEarlyDays."""
    # Who was given more time is not rotated sooner; nor where nobody can tell.
    if not policy.rotate_early_days or key.deferral is not None:
        return 0
    # Subtracted from R alone, so whatever name somebody chooses, no key of theirs is due after R.
    # Its first word keeps it apart from the hash of SpreadDays: of 14 days both, what the one
    # puts off the other would take back, and the cohort would stand on one day again.
    name = f"early/{user.account}/{user.name}".encode()
    number = int.from_bytes(hashlib.sha256(name).digest())
    return number % (policy.rotate_early_days + 1)


def days_warned_of(receipts: tuple[Receipt, ...]) -> list[date]:
    """The dates of rotation that people were warned of, UTC, in the order of the receipts."""
    return [receipt.day for receipt in receipts if receipt.step.startswith(_EARLY_WARNING)]
