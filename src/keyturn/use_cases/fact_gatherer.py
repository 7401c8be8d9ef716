"""Read what the rule asks for, and nothing else, until it has decided about a user."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from keyturn.domain.commands import OperatorCommand, decide_command
from keyturn.domain.constraints import RunConstraints
from keyturn.domain.decision import Asked, Question, UserDecisions
from keyturn.domain.errors import NotFound, PortError
from keyturn.domain.key import Unknown, UserFacts
from keyturn.domain.lifecycle.decide import decide
from keyturn.domain.owner import Owner
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.proof import comes_back
from keyturn.domain.secret_names import secret_name
from keyturn.ports import AccessKeys, Receipts, SecretStore
from keyturn.use_cases.find_owner import FindOwner
from keyturn.use_cases.memberships import Memberships

Fact = TypeVar("Fact")


@dataclass(frozen=True, slots=True, kw_only=True)
class FactGatherer:
    """Gathers facts about users of one account and decides; it only reads."""

    keys: AccessKeys
    secret_store: SecretStore
    receipts: Receipts
    policy: RotationPolicy
    kms_key: str | None
    find_owner: FindOwner
    memberships: Memberships

    def decide(self, user: UserFacts, now: datetime, constraints: RunConstraints) -> UserDecisions:
        """
        Decide by the rule about a user whose keys were just listed.

        now: the time of the run, UTC.
        Raises NotFound where the rule asked about a key that is gone by now; the next run sees
        what is left. Whatever else cannot be read is Unknown to the rule, and no error.
        """
        return self._until_decided(
            user,
            lambda known: decide(
                known, self.policy, now, kms_key=self.kms_key, constraints=constraints
            ),
            now,
        )

    def why_unowned(self, user: UserFacts) -> str | None:
        """Why nobody knows who is notified for a user; None: somebody is, or nobody from here."""
        known = user.owner
        if isinstance(known, Owner) and known.candidates:
            return None
        return self.find_owner.why_nobody(user)

    def decide_command(
        self, command: OperatorCommand, user: UserFacts, now: datetime
    ) -> UserDecisions:
        """
        Decide as an operator ordered.

        Raises OrderNotDone, with the reason, where it must not be done. That a key is gone is no
        news here: what cannot be read about it keeps nobody from stopping it.
        """
        return self._until_decided(
            user,
            lambda known: decide_command(command, known, self.policy, now, kms_key=self.kms_key),
            now,
            gone_is_unknown=True,
        )

    def _until_decided(
        self,
        user: UserFacts,
        rule: Callable[[UserFacts], UserDecisions | Question],
        now: datetime,
        *,
        gone_is_unknown: bool = False,
    ) -> UserDecisions:
        # It ends: each question is about one fact that was UNREAD, and its answer never is.
        while isinstance(answer := rule(user), Question):
            user = self._answered(user, answer, now, gone_is_unknown=gone_is_unknown)
            if answer.asked in {Asked.OWNER, Asked.RECEIPTS}:
                user = self._with_later_sources(user)
        return answer

    def _with_later_sources(self, user: UserFacts) -> UserFacts:
        """Read who stands behind the owner, where mails come back from that one."""
        known = user.owner
        if not isinstance(known, Owner) or not any(
            comes_back(known, each.source, key.returned)
            for each in known.candidates[:1]
            for key in user.keys
        ):
            return user
        return replace(user, owner=_known(lambda: self.find_owner.with_later_sources(user)[0]))

    def _answered(
        self, user: UserFacts, question: Question, now: datetime, *, gone_is_unknown: bool
    ) -> UserFacts:
        match question:
            case Question(Asked.SECRET, None):
                name = secret_name(user.account, user.name)
                return replace(user, secret=_known(lambda: self.secret_store.look(name)))
            case Question(Asked.OWNER, None):
                return replace(user, owner=_known(lambda: self.find_owner.of(user)))
            case Question(Asked.MEMBERSHIP, None):
                last = _known(lambda: self.memberships.last_otherwise(user, now.date()))
                return replace(user, otherwise=last)
            case Question(Asked.LAST_USE, str(key_id)):
                use = _known(lambda: self.keys.last_use(key_id), gone_is_unknown=gone_is_unknown)
                return _with_key(user, key_id, last_use=use)
            case Question(Asked.RECEIPTS, str(key_id)):
                sent = _known(
                    lambda: self.receipts.notices_of_key(user.account, user.name, key_id)
                )
                if isinstance(sent, Unknown):
                    return _with_key(user, key_id, receipts=sent)
                return _with_key(
                    user,
                    key_id,
                    receipts=tuple(each.receipt for each in sent if each.bounced_at is None),
                    returned=tuple(each.receipt for each in sent if each.bounced_at is not None),
                )
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
