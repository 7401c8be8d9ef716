"""The secrets of the new keys: who gets at them, and whose user is gone."""

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from keyturn.deployment.checks.health_check import HealthCheck, warning
from keyturn.deployment.checks.observed import Observed, some
from keyturn.deployment.model.facts import SecretSeen
from keyturn.deployment.model.health import Check, Finding, FindingCode
from keyturn.domain.amounts import pluralize
from keyturn.domain.errors import Denied, PortError

READERS: Final = ("SecretReaderArns", "OwnersReadBy", "UsersReadTheirOwn")
"""The member template's parameters that let somebody read new keys."""


class LeftoverSecrets(HealthCheck):
    """Every secret has a living user."""

    id = Check.LEFTOVER_SECRETS
    needs = "a role in each account with secretsmanager:ListSecrets and iam:ListUsers: --role-name"
    remedies: ClassVar = {
        FindingCode.SECRETS_WITHOUT_USER: warning(
            "`keyturn plan --secrets` says of each what became of its user: "
            "delete what nobody reads"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Name secrets without a living user; a role that may not list them is no fault."""
        by_account = {each.account.id: each.leftovers for each in seen.entered}
        found = [
            str(each)
            for leftovers in by_account.values()
            if not isinstance(leftovers, PortError)
            for each in leftovers
        ]
        if found:
            return self.faulty(FindingCode.SECRETS_WITHOUT_USER, some(found))
        closed = [account for account, why in by_account.items() if isinstance(why, Denied)]
        if closed:
            return self.well(f"not looked for in {some(closed)}, which needs {self.needs}")
        unknown = {a: why for a, why in by_account.items() if isinstance(why, PortError)}
        return self.everywhere(seen, "none in each", unknown)


class SecretsShared(HealthCheck):
    """No secret is copied, rotated by AWS, or opened by a policy of its own."""

    id = Check.SECRETS
    needs = (
        "a role in each account with secretsmanager:ListSecrets, DescribeSecret and "
        "GetResourcePolicy: --role-name"
    )
    remedies: ClassVar = {
        FindingCode.SECRETS_SHARED: warning(
            "check that this was meant: who is let in can read the new keys, and Keyturn writes "
            "to no secret that is replicated or that AWS rotates"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Look at each secret's properties."""
        shared = [
            f"{each.name}: {', '.join(ways)}"
            for each in _secrets(seen)
            if (ways := list(_ways_out(each)))
        ]
        if shared:
            return self.faulty(FindingCode.SECRETS_SHARED, f"{'; '.join(shared)}{_not_seen(seen)}")
        said = "no replica, no rotation by AWS and no resource policy on a secret in each"
        return self.everywhere(seen, said, _unseen(seen))


class Readers(HealthCheck):
    """
    Somebody was named who reads the new keys.

    What policies of users, roles and permission sets allow is not looked at, and said so.
    """

    id = Check.READERS
    needs = "the same as secrets"
    remedies: ClassVar = {
        FindingCode.NO_READERS: warning(
            'name readers before you enforce: "Who reads a new key" in docs/permissions.md'
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Look at the member stacks' parameters, and then at the secrets' own policies."""
        parameters = seen.stack_set.parameters if seen.stack_set else {}
        named = [each for each in READERS if parameters.get(each, "").lower() not in {"", "false"}]
        if named:
            said = f"{' and '.join(named)}; whether their policies are attached was not looked at"
            return self.well(said)
        keys = [each for each in _secrets(seen) if each.holds_key]
        without = [each for each in keys if not each.has_policy]
        if without:
            fetched = sum(each.was_fetched for each in without)
            said = (
                f"for {len(without)} of {pluralize(len(keys), 'new key')} no reader was found: "
                f"neither {', '.join(READERS)} nor a resource policy names one. Somebody has "
                f"fetched {fetched} of them. What policies of users, roles and permission sets "
                f"allow was not looked at{_not_seen(seen)}"
            )
            return self.faulty(FindingCode.NO_READERS, said)
        return self.everywhere(seen, "no new key without a reader in each", _unseen(seen))


def _secrets(seen: Observed) -> list[SecretSeen]:
    return [
        secret
        for each in seen.entered
        if not isinstance(each.secrets, PortError)
        for secret in each.secrets
    ]


def _unseen(seen: Observed) -> Mapping[str, PortError]:
    """The accounts whose secrets could not be looked at, and why."""
    return {
        each.account.id: each.secrets
        for each in seen.entered
        if isinstance(each.secrets, PortError)
    }


def _not_seen(seen: Observed) -> str:
    unseen = _unseen(seen)
    return f". Not seen: {some(unseen)}" if unseen else ""


def _ways_out(secret: SecretSeen) -> Iterator[str]:
    """By which of its properties somebody else may get at a secret."""
    if secret.replicas:
        yield f"replicated to {', '.join(secret.replicas)}"
    if secret.rotates:
        yield "rotated by AWS"
    if secret.service:
        yield f"owned by {secret.service}"
    if secret.has_policy:
        yield "with a resource policy"
