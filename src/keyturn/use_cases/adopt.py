"""Adopt a secret: look, show, and write only what was shown."""

from collections.abc import Callable
from dataclasses import dataclass

from keyturn.domain.adoption import Adoption, adoption
from keyturn.domain.errors import NotFound, OrderNotDone
from keyturn.domain.key import UserFacts
from keyturn.domain.record import owner_of_secret
from keyturn.ports import AccessKeys, Switch, Vault
from keyturn.use_cases.stop import refuse_if_paused


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopt:
    """Takes a secret that is not ours into the record of its user."""

    keys: AccessKeys
    vault: Vault
    exempt: Callable[[], frozenset[str]]
    """The ids of the users who are exempt; raises where that cannot be told."""
    kms_key: str | None
    switch: Switch

    def plan(self, name: str) -> Adoption:
        """What would be written; OrderNotDone if it must not be."""
        account, user = owner_of_secret(name)
        found = next((each for each in self.keys.users() if each.name == user), None)
        if found is None:
            raise NotFound(f"the account has no user {user}")
        facts = UserFacts(
            account=account,
            name=user,
            user_id=found.id,
            keys=self.keys.keys_of(user),
            exempt=found.id in self.exempt(),
        )
        return adoption(facts, self.vault.look(name), kms_key=self.kms_key)

    def carry_out(self, planned: Adoption, *, even_paused: bool = False) -> None:
        """
        Write it, if all is still as it was shown and nobody has paused Keyturn.

        Until the user's name and id are set, in one call and last, the secret stays foreign:
        what breaks off before changes nothing that Keyturn does.
        """
        if not even_paused:
            refuse_if_paused(self.switch)
        now = self.plan(planned.name)
        if now != planned:
            message = f"{planned.name} or its user changed since it was looked at"
            raise OrderNotDone(f"{message}: nothing was written")
        if not planned.writes:
            return
        if planned.secret.scheduled_for_deletion:
            self.vault.restore(planned.name)
        if planned.removes:
            self.vault.untag(planned.name, planned.removes)
        self.vault.tag(planned.name, planned.sets)
