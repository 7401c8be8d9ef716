"""Adopt a secret: look, show, and write only what was shown."""

from collections.abc import Callable
from dataclasses import dataclass

from keyturn.domain.adoption import Adoption, adoption
from keyturn.domain.errors import NotFound, OrderNotDone, PortError
from keyturn.domain.key import Unknown, UserFacts
from keyturn.domain.secret_names import owner_of_secret
from keyturn.ports import AccessKeys, PauseFlag, SecretStore
from keyturn.use_cases.stop import refuse_if_paused


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopt:
    """Takes a secret that is not ours into the record of its user."""

    keys: AccessKeys
    secret_store: SecretStore
    exempt: Callable[[], frozenset[str]]
    """The ids of the users who are exempt; raises where that cannot be told."""
    kms_key: str | None
    pause_flag: PauseFlag

    def plan(self, name: str) -> Adoption:
        """
        What would be written to adopt the secret of this name; it only reads.

        Raises:
            InvalidValue: it is no name of a user's secret.
            NotFound: the account has no such user.
            OrderNotDone: it must not be adopted, with the reason.
            SkippedAccount: nobody can tell who is exempt.
            PortError: something could not be read.

        """
        account, user = owner_of_secret(name)
        living = {each.id: each.name for each in self.keys.users()}
        user_id = next((id_ for id_, living_name in living.items() if living_name == user), None)
        if user_id is None:
            raise NotFound(f"the account has no user {user}")
        facts = UserFacts(
            account=account,
            name=user,
            user_id=user_id,
            keys=self.keys.keys_of(user),
            exempt=user_id in self.exempt(),
            living=living,
        )
        secret = self.secret_store.look(name)
        policy = None if secret is None else self._policy_of(secret.arn)
        return adoption(facts, secret, policy=policy, kms_key=self.kms_key)

    def _policy_of(self, arn: str) -> str | Unknown | None:
        try:
            return self.secret_store.policy_of(arn)
        except PortError as error:
            return Unknown(str(error))

    def carry_out(self, planned: Adoption, *, even_paused: bool = False) -> None:
        """
        Write it, if all is still as it was shown and nobody has paused Keyturn.

        Until name, id and seal are set, in one call and last, the secret stays foreign:
        what breaks off before changes nothing that Keyturn does.
        Raises OrderNotDone where something changed since, or Keyturn is paused, and what `plan`
        raises: nothing was written. A PortError may come after a part of it; adopt it again.
        """
        if not even_paused:
            refuse_if_paused(self.pause_flag)
        now = self.plan(planned.name)
        if now != planned:
            message = f"{planned.name} or its user changed since it was looked at"
            raise OrderNotDone(f"{message}: nothing was written")
        if not planned.writes:
            return
        arn = planned.secret.arn
        if planned.secret.scheduled_for_deletion:
            self.secret_store.restore(arn)
        if planned.removes:
            self.secret_store.untag(arn, planned.removes)
        self.secret_store.seal(arn, planned.user.user_id, planned.sets)
