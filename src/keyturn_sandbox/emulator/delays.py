"""
What IAM does not tell at once; by default it tells everything at once.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html, "Changes that I make are not
always immediately visible": "IAM [...] uses a distributed computing model called eventual
consistency", so that a change takes time "to become visible from all possible endpoints"; and
.../access_policies_last-accessed.html on last uses: "Recent activity usually appears within
four hours".
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from moto.iam.models import AccessKey, AccessKeyLastUsed

Listed = Sequence[Mapping[str, object]]
"""The access keys of a user, as ListAccessKeys gives them."""


@dataclass(slots=True, kw_only=True)
class Delays:
    """How late IAM tells; may be set at any time."""

    lists: timedelta = timedelta(0)
    """A key list shows a change so long after it was made."""
    last_use: timedelta = timedelta(0)
    """A use of a key is told so long after it."""
    _before: dict[tuple[str, str], list[tuple[datetime, Listed]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _uses: dict[str, list[tuple[datetime, AccessKeyLastUsed]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def changing(self, account: str, user: str, listed: Listed, at: datetime) -> None:
        """Remember a key list that is about to change."""
        self._before[account, user].append((at, listed))

    def seen(self, account: str, user: str, listed: Listed, now: datetime) -> Listed:
        """The key list as an endpoint shows it that is late."""
        return next(
            (before for at, before in self._before[account, user] if self.hides(at, now)),
            listed,
        )

    def hides(self, at: datetime, now: datetime) -> bool:
        """Whether a change is too young to be seen; one made while the call was under way is."""
        return timedelta(0) <= now - at < self.lists

    def used(self, key: AccessKey, at: datetime, use: AccessKeyLastUsed) -> None:
        """Note down a use; the last one noted down is the last one."""
        key.last_used = use
        self._uses[key.access_key_id].append((at, use))

    def last_use_of(self, key: AccessKey, now: datetime) -> AccessKeyLastUsed | None:
        """The last use, as far as it is told yet."""
        if not self.last_use:
            return key.last_used
        uses = sorted(self._uses[key.access_key_id], key=lambda use: use[0])
        told = bisect_right(uses, now - self.last_use, key=lambda use: use[0])
        return uses[told - 1][1] if told else None
