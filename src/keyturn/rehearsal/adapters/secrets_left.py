"""What rehearsals left in Secrets Manager."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import NotFound
from keyturn.rehearsal.model.own import (
    PREFIX,
    id_in_name,
    name_in_secret,
    secret_of,
    secret_prefix,
    why_secret_not_ours,
)
from keyturn.rehearsal.ports import Found

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


class SecretsLeft:
    """
    Meets `rehearsal.ports.Leftovers`: the secrets of our users, and those that probes make.

    A list of secrets is minutes late (decision 0074), so each that there can be is asked for by
    its name.
    """

    kind = "secret"

    def __init__(
        self,
        account: str,
        secrets: "SecretsManagerClient",
        users: Callable[[], Mapping[str, str]],
        of_probes: Sequence[str] = (),
    ) -> None:
        """
        Look for nothing yet.

        users: those that are surely ours, name → `UserId`. of_probes: what stands behind the id in
        the names of those that probes make.
        """
        self._account = account
        self._secrets = secrets
        self._users = users
        self._of_probes = of_probes

    def look(self, made: Iterable[str]) -> Sequence[Found]:
        """All secrets of our names, those in their recovery window, too."""
        ours = self._users()
        of_users = {secret_of(self._account, user) for user in ours}
        ids = {found for user in ours if (found := id_in_name(user)) is not None}
        of_probes = {each.name(what) for each in ids for what in self._of_probes}
        names = {*made, *of_users, *of_probes, *self._listed()}
        looked = (self._found(name, ours) for name in sorted(names))
        return [found for found in looked if found is not None]

    def remove(self, found: Found) -> None:
        """Take it away at once, without a recovery window: nobody will want it back."""
        with suppress(NotFound), aws_errors_translated():
            self._secrets.delete_secret(SecretId=found.name, ForceDeleteWithoutRecovery=True)

    def _listed(self) -> set[str]:
        with aws_errors_translated():
            pages = self._secrets.get_paginator("list_secrets").paginate(
                IncludePlannedDeletion=True,
                Filters=[{"Key": "name", "Values": [secret_prefix(self._account), PREFIX]}],
            )
            # The filter is one of words, whatever their case: what it lets through is looked at.
            return {
                each["Name"]
                for page in pages
                for each in page["SecretList"]
                if name_in_secret(each["Name"]) is not None
            }

    def _found(self, name: str, users: Mapping[str, str]) -> Found | None:
        try:
            with aws_errors_translated():
                described = self._secrets.describe_secret(SecretId=name)
        except NotFound:
            return None
        tags = {tag["Key"]: tag["Value"] for tag in described.get("Tags", ())}
        own = name_in_secret(name)
        return Found(
            kind=self.kind,
            name=name,
            id=None if own is None else id_in_name(own),
            not_ours=why_secret_not_ours(name, tags, users),
        )
