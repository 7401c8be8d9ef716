"""
Who is notified of what, and what is odd about them.

The one place that says so: what sends, and what shows what would be sent, ask here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from keyturn.domain.decision import Action, NoticeType, Reason, UserDecisions
from keyturn.domain.errors import PortError
from keyturn.domain.events import NoticeItem
from keyturn.domain.key import Receipt, UserFacts
from keyturn.domain.owner import Owner, OwnerCandidate, OwnerChannels, RejectedValue
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.proof import comes_back, is_missed, notified_now
from keyturn.domain.recipient import Recipient, RecipientId
from keyturn.domain.result import AccountPlan, Failure, OwnerRejected
from keyturn.use_cases.find_owner import FindOwner
from keyturn.use_cases.owners import UNREADABLE


@dataclass(frozen=True, slots=True)
class ItemTo:
    """An item, and who is notified of it."""

    item: NoticeItem
    to: tuple[OwnerCandidate, ...]
    """Each of their recipients gets a message of their own; empty: nobody is known."""

    def of_recipient(self) -> Iterator[tuple[Recipient, NoticeItem]]:
        """Each recipient, with the item that says which source names them."""
        seen: set[RecipientId] = set()
        for candidate in self.to:
            for recipient in candidate.recipients:
                if recipient.id not in seen:  # two sources may name one address
                    seen.add(recipient.id)
                    yield recipient, replace(self.item, named_by=candidate.source)

    def is_to(self, recipient: Recipient) -> bool:
        """Whether a recipient is among those who are notified of it."""
        return any(to.is_same_as(recipient) for to, _ in self.of_recipient())


@dataclass(frozen=True, slots=True)
class Addressed:
    """The items of a run with who is notified of each, and what was odd about their owners."""

    items: tuple[ItemTo, ...]
    odd: tuple[OwnerRejected, ...]
    failures: tuple[Failure, ...]
    """What could not be read about them."""

    def of_recipient(self) -> Iterator[tuple[Recipient, list[NoticeItem]]]:
        """Each recipient with their items, however an address is spelt."""
        spelt: dict[RecipientId, Recipient] = {}
        theirs: dict[RecipientId, list[NoticeItem]] = {}
        for each in self.items:
            for to, item in each.of_recipient():
                spelt.setdefault(to.id, to)
                theirs.setdefault(to.id, []).append(item)
        return ((spelt[id_], items) for id_, items in theirs.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressing:
    """Finds who is notified of the items of one account."""

    find_owner: FindOwner
    policy: RotationPolicy
    is_announced: bool = True
    """Whether anybody is sent any of it: for nobody, no owner is looked up."""

    def of(self, plan: AccountPlan, items: Iterable[NoticeItem]) -> Addressed:
        """Who is notified of each item; where no owner is known, nobody but the admin."""
        decided_of = {decided.user.name: decided for decided in plan.users}
        found: dict[str, _Found] = {}
        addressed = []
        odd: dict[OwnerRejected, None] = {}
        for item in items:
            user = decided_of[item.user].user
            if user.name not in found:
                found[user.name] = self._found(decided_of[item.user])
            receipts, returned = _receipts(user, item.key_id), _returned(user, item.key_id)
            owner = found[user.name].owner
            if any(
                is_missed(each, receipts) or comes_back(owner, each.source, returned)
                for each in owner.candidates[:1]
            ):
                found[user.name] = self._with_later_sources(user, found[user.name])
            owner, channels = found[user.name].owner, found[user.name].channels
            to = notified_now(owner, receipts, self.policy, plan.run.at, returned=returned)
            odd |= dict.fromkeys(_missed(user.name, to, receipts))
            odd |= dict.fromkeys(_coming_back(user.name, owner, to, returned))
            said = replace(item, channels=channels) if to else _without_dates(item)
            addressed.append(ItemTo(said, to))
            odd |= dict.fromkeys(_odd(user.name, owner, to))
        failures = tuple(failure for each in found.values() for failure in each.failures)
        return Addressed(tuple(addressed), tuple(odd), failures)

    def _found(self, decided: UserDecisions) -> "_Found":
        """A user's owner, and where they are reached beside mail."""
        user = decided.user
        # Looked for by then, and said: as what their keys wait for.
        looked_for = decided.owner_unknown is not None
        owner, no_owner = (UNREADABLE, ()) if looked_for else self._owner(user)
        channels, no_channels = self._channels(user, owner)
        return _Found(owner, channels, (*no_owner, *no_channels))

    def _owner(self, user: UserFacts) -> tuple[Owner, tuple[Failure, ...]]:
        """A user's owner, as the rule has read it or as it is read now."""
        if not self.is_announced:
            return Owner(), ()
        try:
            known = user.owner
            return (known if isinstance(known, Owner) else self.find_owner.to_notify(user)), ()
        except PortError as error:
            return UNREADABLE, (Failure(error=error, user=user.name),)

    def _channels(
        self, user: UserFacts, owner: Owner
    ) -> tuple[OwnerChannels | None, tuple[Failure, ...]]:
        """Where the owner is reached beside mail; if nobody can tell, by mail all the same."""
        try:
            return self.find_owner.channels_of(user, owner), ()
        except PortError as error:
            return None, (Failure(error=error, user=user.name),)

    def _with_later_sources(self, user: UserFacts, found: "_Found") -> "_Found":
        """The same owner, with who stands behind, as far as that can be read."""
        try:
            return replace(found, owner=self.find_owner.with_later_sources(user)[0])
        except PortError:
            return found


@dataclass(frozen=True, slots=True)
class _Found:
    """What is known of the owner of a user's keys."""

    owner: Owner
    channels: OwnerChannels | None
    failures: tuple[Failure, ...]


def _without_dates(item: NoticeItem) -> NoticeItem:
    """What is said of a new key where nobody was notified of it: nothing ends by it."""
    if item.action is not Action.ROTATE:
        return item
    return replace(
        item,
        reason=Reason.OWNER_UNKNOWN,
        sentence=f"{item.sentence}; its owner is not known, so this key does not end",
        notice=replace(item.notice, type=NoticeType.BLOCKED, variant=item.reason, promises={}),
        next=None,
    )


def _odd(user: str, owner: Owner, to: tuple[OwnerCandidate, ...]) -> Iterator[OwnerRejected]:
    """What does not serve in a user's sources, as far as others are notified because of it."""
    instead = " and ".join(map(str, to)) or str(owner)
    for rejected in owner.passed_over(to[-1].source if to else None):
        yield OwnerRejected(user=user, rejected=rejected, instead=instead)


def _missed(
    user: str, to: tuple[OwnerCandidate, ...], receipts: tuple[Receipt, ...]
) -> Iterator[OwnerRejected]:
    """Whom the last mail did not reach, so that others are notified besides."""
    for each, behind in pairwise(to):
        if is_missed(each, receipts):
            why = "did not get the last mail, and may get the next one"
            rejected = RejectedValue(each.source, each.addresses, why)
            yield OwnerRejected(user=user, rejected=rejected, instead=f"{each} and {behind}")


def _coming_back(
    user: str, owner: Owner, to: tuple[OwnerCandidate, ...], returned: tuple[Receipt, ...]
) -> Iterator[OwnerRejected]:
    """From whom mails come back again and again, so that others are notified besides."""
    for each, behind in pairwise(to):
        if comes_back(owner, each.source, returned):
            why = "sends back mails about the same key again and again, and may get the next one"
            rejected = RejectedValue(each.source, each.addresses, why)
            yield OwnerRejected(user=user, rejected=rejected, instead=f"{each} and {behind}")


def _returned(user: UserFacts, key_id: str) -> tuple[Receipt, ...]:
    """What came back of it, likewise."""
    return next((key.returned for key in user.keys if key.key_id == key_id), ())


def _receipts(user: UserFacts, key_id: str) -> tuple[Receipt, ...]:
    """What was notified of a key, as far as the rule asked for it."""
    [known] = [key.receipts for key in user.keys if key.key_id == key_id] or [()]
    return known if isinstance(known, tuple) else ()
