"""
Find who answers for a user's keys: source by source, as far as one has to ask.

What costs a call is asked only where nothing before it serves, and what is the same for a whole
account is asked once in a run.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from threading import RLock
from typing import Any, Final, TypeVar

from keyturn.domain.errors import Denied, PortError
from keyturn.domain.exemptions_file import ExemptionEntry
from keyturn.domain.key import Account, Unknown, UserFacts
from keyturn.domain.owner import (
    UNDELIVERABLE_LIFE,
    AllowedDomains,
    Owner,
    OwnerCandidate,
    OwnerChannels,
    OwnerSource,
    RejectedValue,
    candidate_of,
    default_domains,
    reachable,
    user_name_candidate,
)
from keyturn.domain.owners_file import AccountOwners, Contact
from keyturn.domain.recipient import Recipient, RecipientId
from keyturn.ports import (
    AccessKeys,
    AlternateContacts,
    Clock,
    ContactType,
    OwnersFileStore,
    Receipts,
)

Fact = TypeVar("Fact")


class AskedOnce:
    """Answers that are one for all of an account, kept for a run; workers ask side by side."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}
        self._denied: dict[str, Denied] = {}
        self._lock = RLock()

    def get(self, name: str, ask: Callable[[], Fact]) -> Fact:
        """The answer. Raises what `ask` raises, and asks again the next time unless denied."""
        with self._lock:
            if name in self._denied:
                raise self._denied[name]  # so it would be for each of ten thousand users
            if name not in self._known:
                try:
                    self._known[name] = ask()
                except Denied as error:
                    self._denied[name] = error
                    raise
            return self._known[name]  # type: ignore[no-any-return]  # what `ask` answered


@dataclass(frozen=True, slots=True, kw_only=True)
class FindOwner:
    """Finds the owners of one account's users."""

    keys: AccessKeys
    receipts: Receipts
    account: Account
    clock: Clock
    admin: str
    """The administrators' address; empty: not known here."""
    tag: str | None
    """The tag of a user that holds its owner's address; None: there is none."""
    allowed_domains: tuple[str, ...] = ()
    """None given: those of the admin's and the account's addresses."""
    owners_file: OwnersFileStore | None = None
    """None: there is no place for one."""
    contacts: AlternateContacts | None = None
    """None: they are not to be read (ReadAlternateContacts)."""
    all_sources: bool = False
    """Whether the sources after the first that serves count, too (ProofOfNotice=Delivered)."""
    _once: AskedOnce = field(default_factory=AskedOnce)
    _users: dict[str, Owner] = field(default_factory=dict)
    """`UserId` → the owner, as it was found in this run."""

    def of(self, user: UserFacts) -> Owner:
        """
        The owner of a user's keys.

        Raises a PortError where a source could not be read that comes before the first that
        serves: unknown is not "none", and the next source's owner may be somebody else.
        """
        # The rule, the delivery and the notices ask for the same user, and get the same answer.
        if user.user_id not in self._users:
            self._users[user.user_id] = self._find(user, self._undeliverable)
        return self._users[user.user_id]

    def to_notify(self, user: UserFacts) -> Owner:
        """
        The same, for who only sends: where the dead addresses cannot be listed, none is known.

        A mail to one of them proves nothing all the same: the rule counts it by `of` alone. But
        a mail that is not sent because of a list reaches nobody. Raises a PortError likewise.
        """
        try:
            return self.of(user)
        except PortError:
            return self._find(user, frozenset)

    def why_nobody(self, user: UserFacts) -> str | None:
        """
        Why nobody can be notified for a user; None: somebody can, or nobody is, from here.

        Raises nothing: what could not be read is the answer.
        """
        if not self.admin:
            return None
        try:
            if self.to_notify(user).candidates:
                return None
        except PortError as error:
            return str(error)
        if self.account.email:
            return "no source has an address that can be used"
        return "no source names one, and the account's address is not known"

    def no_mail_reaches(self, recipient: Recipient) -> bool:
        """Whether mails to a recipient came back; where that cannot be read, nobody says so."""
        try:
            return recipient.id in self._undeliverable()
        except PortError:
            return False

    def with_later_sources(self, user: UserFacts) -> tuple[Owner, PortError | None]:
        """
        The same owner, with whom all later sources name, for people to see.

        The error: why one of the later sources could not be read; those behind it are left out.
        Raises as `of` does.
        """
        return self._asked(user, self._undeliverable, all_sources=True)

    def _find(self, user: UserFacts, undeliverable: "_Dead") -> Owner:
        owner, _ = self._asked(user, undeliverable, all_sources=self.all_sources)
        return owner

    def _asked(
        self, user: UserFacts, undeliverable: "_Dead", *, all_sources: bool
    ) -> tuple[Owner, PortError | None]:
        candidates: list[OwnerCandidate] = []
        rejected: list[RejectedValue] = []
        unread: PortError | None = None
        try:
            for found, odd in self._answers(user, undeliverable):
                candidates += found
                rejected += odd
                if candidates and not all_sources:
                    break
        except PortError as error:
            # Whoever was found before is the owner, whatever stands behind.
            if not candidates:
                raise
            unread = error
        owner = Owner(
            candidates=tuple(candidates),
            rejected=tuple(rejected),
            unknown=self._why_unknown(),
            unread_behind=None if unread is None else str(unread),
        )
        return owner, unread

    def channels_of(self, user: UserFacts, owner: Owner) -> OwnerChannels | None:
        """
        Where the owner of a user's keys is reached beside mail: what the first matching rule says.

        A rule that has addresses speaks of whoever is behind them: where a source before the file
        names the owner, its channels are another's. One without addresses speaks of every owner.
        Raises a PortError where nobody can tell.
        """
        if self.owners_file is None or not owner.candidates:
            return None
        contact = self._contact_in_file(user, self.owners_file)
        is_of_another = owner.source in _BEFORE_THE_FILE and contact and contact.addresses
        return None if contact is None or is_of_another else contact.channels

    def _answers(
        self, user: UserFacts, undeliverable: "_Dead"
    ) -> Iterator[tuple[list[OwnerCandidate], list[RejectedValue]]]:
        """Ask the sources one after the other: whom each names, and what of it does not serve."""
        for ask in self._sources(user):
            found, odd = ask()
            rejected = list(odd)
            if found is not None:
                found, unreachable = self._reachable(found, undeliverable)
                rejected += [unreachable] if unreachable else []
            yield [found] if found else [], rejected

    def _why_unknown(self) -> OwnerSource:
        """Why nobody was found, where nobody was."""
        if self.admin:
            return OwnerSource.UNREADABLE
        # Nobody is notified from here. Without the account's address, too, nobody has asked.
        return OwnerSource.NONE if self.account.email else OwnerSource.UNREAD

    def _sources(self, user: UserFacts) -> Iterator["_Ask"]:
        """The sources, in the documented order."""
        allowed = self._allowed()
        # The administrators' own word, and none of whoever may tag a user: so it comes first.
        if (entry := _entry_of(user)) is not None:
            yield partial(candidate_of, OwnerSource.EXEMPTIONS_FILE, entry.owner, allowed)
        if self.tag is not None:
            yield partial(self._tagged, user.name, self.tag, allowed)
        yield partial(user_name_candidate, user.name, allowed)
        if self.owners_file is not None:
            yield partial(self._in_file, user, self.owners_file, allowed)
        if self.contacts is not None:
            for source, contact_type in _CONTACTS.items():
                yield partial(self._contact, source, contact_type, self.contacts, allowed)
        yield partial(self._account, allowed)
        # Every account has an address. Where we were not told it, the administrators are not its
        # owners: as such they would be the proof that its owners were notified.
        if self.account.email:
            yield self._admin

    def _allowed(self) -> AllowedDomains:
        if self.allowed_domains:
            return AllowedDomains(frozenset(self.allowed_domains))
        return default_domains(self.admin, self.account.email)

    def _tagged(self, user: str, tag: str, allowed: AllowedDomains) -> "_Found":
        return candidate_of(OwnerSource.TAG, self.keys.tag_of(user, tag) or "", allowed)

    def _in_file(
        self, user: UserFacts, file: OwnersFileStore, allowed: AllowedDomains
    ) -> "_Found":
        contact = self._contact_in_file(user, file)
        if contact is None:
            return None, ()
        return candidate_of(OwnerSource.OWNERS_FILE, " ".join(contact.addresses), allowed)

    def _contact_in_file(self, user: UserFacts, file: OwnersFileStore) -> Contact | None:
        rules = self._once.get("owners file", lambda: self._rules(file))
        contact = None if rules is None else rules.contact_of(user.path, user.name)
        if isinstance(contact, Unknown):
            raise PortError(f"who answers for {user.name} could not be read: {contact.why}")
        return contact

    def _rules(self, file: OwnersFileStore) -> AccountOwners | None:
        read = file.read()
        return None if read is None else read.of_account(self.account)

    def _contact(
        self,
        source: OwnerSource,
        contact_type: ContactType,
        contacts: AlternateContacts,
        allowed: AllowedDomains,
    ) -> "_Found":
        address = self._once.get(source, lambda: contacts.of(self.account.id, contact_type))
        return candidate_of(source, address, allowed)

    def _account(self, allowed: AllowedDomains) -> "_Found":
        return candidate_of(OwnerSource.ACCOUNT, self.account.email, allowed)

    def _admin(self) -> "_Found":
        # Not held to the allowed domains: who set them, set this.
        return candidate_of(OwnerSource.ADMIN, self.admin, AllowedDomains(None))

    def _reachable(
        self, found: OwnerCandidate, undeliverable: "_Dead"
    ) -> tuple[OwnerCandidate | None, RejectedValue | None]:
        # Whoever is behind the administrators' address is the last to be asked, reachable or not.
        if found.source is OwnerSource.ADMIN:
            return found, None
        return reachable(found, undeliverable())

    def _undeliverable(self) -> frozenset[RecipientId]:
        marks = self._once.get("undeliverable", self.receipts.undeliverable)
        now = self.clock()
        return frozenset(each for each, at in marks.items() if now - at < UNDELIVERABLE_LIFE)


def _entry_of(user: UserFacts) -> ExemptionEntry | None:
    """What the exemptions file says of a user who is exempt; an entry alone exempts nobody."""
    return user.exemption.entry if user.exempt and user.exemption is not None else None


_CONTACTS: Final[Mapping[OwnerSource, ContactType]] = {
    OwnerSource.SECURITY_CONTACT: ContactType.SECURITY,
    OwnerSource.OPERATIONS_CONTACT: ContactType.OPERATIONS,
}
"""In the order in which they are asked."""
_BEFORE_THE_FILE: Final = frozenset(
    {OwnerSource.EXEMPTIONS_FILE, OwnerSource.TAG, OwnerSource.USER_NAME}
)

_Found = tuple[OwnerCandidate | None, tuple[RejectedValue, ...]]
_Ask = Callable[[], _Found]
_Dead = Callable[[], frozenset[RecipientId]]
"""The addresses that mails came back from."""
