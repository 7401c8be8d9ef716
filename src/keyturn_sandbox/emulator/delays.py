"""
What AWS does not tell at once; by default IAM tells everything at once, and the list of secrets
is five minutes late.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html, "Changes that I make are not
always immediately visible": "IAM [...] uses a distributed computing model called eventual
consistency", so that a change takes time "to become visible from all possible endpoints"; and
.../access_policies_last-accessed.html on last uses: "Recent activity usually appears within
four hours"; and, of secrets,
https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html: "ListSecrets
might not reflect changes from the last five minutes. You can get more recent information for a
specific secret by calling DescribeSecret."
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from moto.iam.models import AccessKey, AccessKeyLastUsed
from moto.secretsmanager.models import FakeSecret

Listed = Sequence[Mapping[str, object]]
"""The access keys of a user, as ListAccessKeys gives them."""


@dataclass(slots=True, kw_only=True)
class Delays:
    """How late AWS tells; may be set at any time."""

    lists: timedelta = timedelta(0)
    """A key list shows a change so long after it was made."""
    last_use: timedelta = timedelta(0)
    """A use of a key is told so long after it."""
    secrets: timedelta = timedelta(minutes=5)
    """The list of secrets shows a change so long after it was made."""
    _before: dict[tuple[str, str], list[tuple[datetime, Listed]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _uses: dict[str, list[tuple[datetime, AccessKeyLastUsed]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _secrets: dict[tuple[str, str], dict[str, list[tuple[datetime, FakeSecret | None]]]] = field(
        default_factory=dict
    )
    """Account and region → name → how a secret was before each change; None: not there."""

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

    def changing_secret(
        self, place: tuple[str, str], name: str, secret: FakeSecret | None, at: datetime
    ) -> None:
        """Remember a secret that is about to change; place: account and region."""
        if not self.secrets:
            return
        before = self._secrets.setdefault(place, {}).setdefault(name, [])
        before[:] = [(then, as_was) for then, as_was in before if at - then < self.secrets]
        before.append((at, None if secret is None else _copied(secret)))

    def secrets_seen(
        self, place: tuple[str, str], secrets: Mapping[str, FakeSecret], now: datetime
    ) -> dict[str, FakeSecret]:
        """Name → secret, of an account and region, as a list shows them that is late."""
        late = {
            name: next(as_was for at, as_was in before if self._hides_secret(at, now))
            for name, before in self._secrets.get(place, {}).items()
            if any(self._hides_secret(at, now) for at, _ in before)
        }
        shown: dict[str, FakeSecret | None] = {**secrets, **late}
        return {name: secret for name, secret in shown.items() if secret is not None}

    def _hides_secret(self, at: datetime, now: datetime) -> bool:
        return timedelta(0) <= now - at < self.secrets

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


def _copied(secret: FakeSecret) -> FakeSecret:
    """A secret as it is now: what calls change of it is replaced or changed in place."""
    copied = copy(secret)
    copied.tags = None if secret.tags is None else list(secret.tags)
    copied.versions = {
        version: {**found, "version_stages": list(found["version_stages"])}
        for version, found in secret.versions.items()
    }
    return copied
