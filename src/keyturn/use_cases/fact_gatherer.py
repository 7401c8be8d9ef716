"""Read what the rule asks for, and nothing else, until it has decided about a user."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from keyturn.domain.commands import OperatorCommand, decide_command
from keyturn.domain.constraints import RunConstraints
from keyturn.domain.decision import Asked, Question, UserDecisions
from keyturn.domain.errors import NotFound, PortError
from keyturn.domain.key import UNREAD, Unknown, UserFacts
from keyturn.domain.lifecycle.decide import decide
from keyturn.domain.owner import Owner
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.proof import comes_back
from keyturn.domain.record import LONGEST_RUN
from keyturn.domain.secret_names import secret_name
from keyturn.ports import AccessKeys, Receipts, SecretStore
from keyturn.use_cases.find_owner import FindOwner
from keyturn.use_cases.listed_secrets import ListedSecrets
from keyturn.use_cases.memberships import Memberships

Fact = TypeVar("Fact")


@dataclass(frozen=True, slots=True, kw_only=True)
class FactGatherer:
    """Gathers facts about users of one account and decides; it only reads."""

    keys: AccessKeys
    secret_store: SecretStore
    listed_secrets: ListedSecrets
    receipts: Receipts
    policy: RotationPolicy
    kms_key: str | None
    find_owner: FindOwner
    memberships: Memberships

    def decide(
        self,
        user: UserFacts,
        now: datetime,
        constraints: RunConstraints,
        *,
        by_list: bool = False,
    ) -> UserDecisions:
        """
        Decide by the rule about a user whose keys were just listed.

        Raises NotFound where the rule asked about a key that is gone by now; the next run sees
        what is left. Whatever else cannot be read is Unknown to the rule, and no error.

        Args:
            user: what is known of them.
            now: the time of the run, UTC.
            constraints: what other runs leave room for.
            by_list: whether the list of all secrets says first if there is anything to do; who is
                to be written to or notified is decided once more, by what AWS says of the one.

        """

        def rule(known: UserFacts) -> UserDecisions | Question:
            return decide(known, self.policy, now, kms_key=self.kms_key, constraints=constraints)

        try:
            decided = self._until_decided(user, rule, now, by_list=by_list)
        except NotFound:
            if not by_list:
                raise
            # The list may show the record of a key that another run has just deleted.
            return self._until_decided(user, rule, now)
        if not decided.user.secret_is_listed or _may_rest_on_a_list(decided):
            return decided
        # The list may lack the last minutes: an order, an intent, a key that was just stored.
        anew = replace(decided.user, secret=UNREAD, secret_is_listed=False)
        return self._until_decided(anew, rule, now)

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
        by_list: bool = False,
    ) -> UserDecisions:
        # It ends: each question is about one fact that was UNREAD, and its answer never is.
        while isinstance(answer := rule(user), Question):
            if answer.asked is Asked.SECRET:
                user = self._with_secret(user, now, by_list=by_list)
            else:
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

    def _with_secret(self, user: UserFacts, now: datetime, *, by_list: bool) -> UserFacts:
        """Read their secret: from the list if that is good enough, or else this one alone."""
        name = secret_name(user.account, user.name)
        if by_list and not _was_just_changed(user, now):
            # A list that could not be read whole says nothing: least of all that there is none.
            with suppress(PortError):
                listed = self.listed_secrets.of(name)
                facts = None if listed is None else self.secret_store.facts_of(listed)
                if listed is None or facts is not None:
                    return replace(user, secret=facts, secret_is_listed=True)
        known = _known(lambda: self.secret_store.look(name))
        return replace(user, secret=known, secret_is_listed=False)

    def _answered(
        self, user: UserFacts, question: Question, now: datetime, *, gone_is_unknown: bool
    ) -> UserFacts:
        match question:
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


def _may_rest_on_a_list(decided: UserDecisions) -> bool:
    """Whether a decision may stand that was made from a list which may lack the last minutes."""
    # Kept as it is, a user waits for the next run at worst. And where there was no secret, the
    # rotation begins with CreateSecret, which AWS refuses if there is one by now.
    is_proven_by_its_first_write = decided.user.secret is None and decided.only_rotates
    return decided.is_at_rest or is_proven_by_its_first_write


def _was_just_changed(user: UserFacts, now: datetime) -> bool:
    """Whether a key of theirs is so new that a list may lack the secret that it was stored in."""
    return any(now - key.created < LONGEST_RUN for key in user.keys)


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
