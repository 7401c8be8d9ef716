"""What other runs and other users leave room for today: told to the rule, no facts."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias

from keyturn.domain.key import Unknown

Yes: TypeAlias = Literal[True]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConstraints:
    """For single keys, and for the whole account; `Unknown` where nobody could tell: no "no"."""

    over_limit: Mapping[str, Yes | Unknown] = field(default_factory=dict)
    """Key id → True: it may not end today, for enough others of its account do (limits.py)."""
    ending_elsewhere: Mapping[str, Yes | Unknown] = field(default_factory=dict)
    """Key id → True: this run found it Inactive, and another set out to end it just now."""
    creation_denied: str | None = None
    """Why no key can be made in the account, where another user's rotation showed that today."""
    delivery_denied: str | None = None
    """Why no key can be delivered in the account, likewise."""

    @property
    def forbids_new_keys(self) -> bool:
        """Whether no new key can be made and delivered."""
        return bool(self.creation_denied or self.delivery_denied)

    def limiting(self, key_ids: Collection[str], why: Yes | Unknown) -> "RunConstraints":
        """The same, and these keys wait until tomorrow."""
        return replace(self, over_limit={**self.over_limit, **dict.fromkeys(key_ids, why)})

    def leaving(self, key_ids: Collection[str], why: Yes | Unknown) -> "RunConstraints":
        """The same, and these keys are left to the run that set out to end them."""
        ending = {**self.ending_elsewhere, **dict.fromkeys(key_ids, why)}
        return replace(self, ending_elsewhere=ending)


NO_CONSTRAINTS: Final = RunConstraints()
