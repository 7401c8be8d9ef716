"""Read what the rule asks for, and nothing else, until it has decided about a user."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from keyturn.domain.decision import Asked, Question, Turn
from keyturn.domain.errors import NotFound, PortError
from keyturn.domain.key import Unknown, UserFacts
from keyturn.domain.lifecycle.decide import decide
from keyturn.domain.orders import Order, obey
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.record import secret_name
from keyturn.ports import AccessKeys, Receipts, Vault

Fact = TypeVar("Fact")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Gathers facts about users of one account and decides; it only reads."""

    keys: AccessKeys
    vault: Vault
    receipts: Receipts
    policy: RotationPolicy
    kms_key: str | None

    def at(self, user: UserFacts, now: datetime, order: Order | None = None) -> Turn:
        """
        Decide about a user whose keys were just listed: by the rule, or as ordered.

        NotFound: the rule asked about a key that is gone by now; the next run sees what is left.
        """
        while isinstance(answer := self._decided(user, now, order), Question):
            user = self._answered(user, answer, ordered=order is not None)
        return answer

    def _decided(self, user: UserFacts, now: datetime, order: Order | None) -> Turn | Question:
        if order is not None:
            return obey(order, user, self.policy, now, kms_key=self.kms_key)
        return decide(user, self.policy, now, kms_key=self.kms_key)

    def _answered(self, user: UserFacts, question: Question, *, ordered: bool) -> UserFacts:
        match question:
            case Question(Asked.SECRET, None):
                name = secret_name(user.account, user.name)
                return replace(user, secret=_known(lambda: self.vault.look(name)))
            case Question(Asked.LAST_USE, str(key_id)):
                use = _known(lambda: self.keys.last_use(key_id), gone_is_unknown=ordered)
                return _with_key(user, key_id, last_use=use)
            case Question(Asked.RECEIPTS, str(key_id)):
                told = _known(lambda: self.receipts.of_key(user.account, user.name, key_id))
                return _with_key(user, key_id, receipts=told)
        raise AssertionError(question)


def _known(read: Callable[[], Fact], *, gone_is_unknown: bool = True) -> Fact | Unknown:
    try:
        return read()
    except PortError as error:
        if isinstance(error, NotFound) and not gone_is_unknown:
            raise
        return Unknown(str(error))


def _with_key(user: UserFacts, key_id: str, **facts: object) -> UserFacts:
    return replace(
        user,
        keys=tuple(
            replace(key, **facts) if key.key_id == key_id else key  # type: ignore[arg-type]  # named by the callers above
            for key in user.keys
        ),
    )
