"""What rehearsals left in Secrets Manager."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import NotFound, Refused
from keyturn.rehearsal.model.own import (
    PREFIX,
    id_in_name,
    name_in_secret,
    secret_of,
    secret_prefix,
    user_of_secret,
    why_secret_not_ours,
)
from keyturn.rehearsal.ports import Found, why_unread

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
        users: Callable[[Iterable[str]], Mapping[str, str | None]],
        of_probes: Sequence[str] = (),
    ) -> None:
        """
        Look for nothing yet.

        users: who there is, with those of some names, name → `UserId`; None: somebody who is not
        surely ours. of_probes: what stands behind the id in the names of those that probes make.
        """
        self._account = account
        self._secrets = secrets
        self._users = users
        self._of_probes = of_probes

    def look(self, made: Iterable[str]) -> Sequence[Found]:
        """All secrets of our names, those in their recovery window, too."""
        named = {*made, *self._listed()}
        users = self._users([user for name in named if (user := user_of_secret(name)) is not None])
        ours = [name for name, user_id in users.items() if user_id is not None]
        of_users = {secret_of(self._account, user) for user in ours}
        ids = {found for user in ours if (found := id_in_name(user)) is not None}
        of_probes = {each.name(what) for each in ids for what in self._of_probes}
        looked = (self._found(name, users) for name in sorted(named | of_users | of_probes))
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

    def _found(self, name: str, users: Mapping[str, str | None]) -> Found | None:
        try:
            with aws_errors_translated():
                described = self._secrets.describe_secret(SecretId=name)
            tags = {tag["Key"]: tag["Value"] for tag in described.get("Tags", ())}
            why = why_secret_not_ours(name, tags, users)
        except NotFound:
            return None
        except Refused as error:
            why = why_unread(error)
        own = name_in_secret(name)
        return Found(
            kind=self.kind,
            name=name,
            id=None if own is None else id_in_name(own),
            not_ours=why,
        )
