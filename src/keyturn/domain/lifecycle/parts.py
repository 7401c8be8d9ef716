"""
The part that a key plays beside the user's other key; each part has its own list of cases.

What is due for a key depends on the other one: the older of two is replaced only if we delivered
the newer; of two keys that people work with, only a quiet one may go.
"""

from dataclasses import dataclass
from enum import StrEnum

from keyturn.domain.key import KeyFacts, Unknown


class Part(StrEnum):
    """What a key is beside the other; in the order in which keys are decided."""

    ORPHAN = "orphan"
    """A rotation broke off before its secret was stored: nobody has it."""
    INACTIVE = "inactive"
    """It does not work. Decided before the Active key, because one that goes frees a slot."""
    RESTORED = "restored"
    """We disabled it, and it was enabled again, less than G days ago."""
    REPLACED = "replaced"
    """The user has a younger key that we made and delivered."""
    RETIRING = "retiring"
    """Of two keys that people made, the one that ends."""
    UNDECIDED = "undecided"
    """One of two keys that are due, of which none may go: in use, or nobody can tell."""
    UNUSED = "unused"
    """The only Active key, due, and not used for UnusedPeriod: it ends without a successor."""
    ALONE = "alone"
    """The only Active key."""
    BESIDE = "beside"
    """It stays while another Active key is there, and cannot be rotated until that is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which of two keys ends, where a person made the newer (decision 0006); or why not."""

    due: tuple[KeyFacts, ...] = ()
    """Those that may be chosen: of age R or forced, and not restored just now."""
    ends: KeyFacts | None = None
    """The one that ends; None: neither, for both are in use, or nobody can tell."""
    receipts_unknown: Unknown | None = None
    """Whose end was announced could not be read."""
    use_unknown: Unknown | None = None
    """How one of them was last used could not be read."""
