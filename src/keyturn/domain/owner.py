"""
Who answers for a user's keys: a documented order of sources, of which the first that serves is it.

What stands in a source may be anything: a user writes its own tags. So a value serves only as an
address in a domain that is allowed, and one that does not serve is as none: the next source does,
and the value is named. A typo keeps no window from beginning, and diverts no notice.
Source: docs/owners.md, "Who is notified"; docs/lifecycle.md, "owner".
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Final

from keyturn.domain.plain_text import shown, without_surrogates
from keyturn.domain.recipient import ChannelName, Recipient, RecipientId

_BETWEEN_ADDRESSES: Final = re.compile(r"[\s:/,;]+")
"""
What people put between two addresses.

A tag of IAM takes blank, colon and slash of these; the other two come from files.
"""
_MAILTO: Final = re.compile(r"mailto:(//)?", re.IGNORECASE)
UNDELIVERABLE_LIFE: Final = timedelta(days=30)
"""How long an address counts as dead that a mail came back from; then it is tried again."""
_LONGEST_SHOWN: Final = 100
"""Characters of a value that did not serve; a tag may have 256."""
MOST_RECIPIENTS: Final = 10
"""Addresses of one source that are notified: each costs mails, which all of a company share."""


class OwnerSource(StrEnum):
    """Where an owner's address was found, in the order in which it is looked for; or why not."""

    EXEMPTIONS_FILE = "exemptions-file"
    """Of a user who is exempt."""
    TAG = "tag"
    USER_NAME = "user-name"
    OWNERS_FILE = "owners-file"
    SECURITY_CONTACT = "security-contact"
    OPERATIONS_CONTACT = "operations-contact"
    ACCOUNT = "account"
    ADMIN = "admin"
    NONE = "none"
    UNREADABLE = "unreadable"
    UNREAD = "unread"


WHERE: Final[Mapping[OwnerSource, str]] = {
    OwnerSource.EXEMPTIONS_FILE: "the exemptions file",
    OwnerSource.TAG: "the user's tag",
    OwnerSource.USER_NAME: "the user's name",
    OwnerSource.OWNERS_FILE: "the owners file",
    OwnerSource.SECURITY_CONTACT: "the account's security contact",
    OwnerSource.OPERATIONS_CONTACT: "the account's operations contact",
    OwnerSource.ACCOUNT: "the account's address",
    OwnerSource.ADMIN: "the administrators, for no other source has an address",
}
"""The sources in words."""


@dataclass(frozen=True, slots=True)
class OwnerCandidate:
    """Whom one source names."""

    source: OwnerSource
    recipients: tuple[Recipient, ...]
    """At least one. Each gets a message, and one of them reached is the proof."""

    @property
    def addresses(self) -> str:
        """The addresses, for people and for a field of a table."""
        return ", ".join(recipient.address for recipient in self.recipients)

    def __str__(self) -> str:
        """In words."""
        return f"{self.addresses} ({WHERE[self.source]})"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerChannels:
    """Where an owner is reached beside mail, as the owners file says: at least one of these."""

    slack_user: str | None = None
    """The member id, `U…` or `W…`."""
    slack_channel: str | None = None
    """The id, `C…` or `G…`, or `#name`."""
    jira_project: str | None = None
    """Its key."""
    jira_assignee: str | None = None
    """The account id (Cloud) or the name (Data Center)."""

    @property
    def slack(self) -> tuple[str, ...]:
        """Where Slack reaches them."""
        return tuple(filter(None, (self.slack_user, self.slack_channel)))

    @property
    def places(self) -> tuple[Recipient, ...]:
        """All places that are named."""
        jira = filter(None, (self.jira_project,))
        return (
            *(Recipient(ChannelName.SLACK, each) for each in self.slack),
            *(Recipient(ChannelName.JIRA, each) for each in jira),
        )


@dataclass(frozen=True, slots=True)
class RejectedValue:
    """A value of a source that does not serve, and why."""

    source: OwnerSource
    value: str
    why: str
    """The end of a sentence that begins with the value."""

    def __str__(self) -> str:
        """In words."""
        return (
            f'{WHERE[self.source]} says "{shown(self.value)[:_LONGEST_SHOWN]}", which {self.why}'
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The owner of a user's keys, as far as it is known."""

    candidates: tuple[OwnerCandidate, ...] = ()
    """
    Whom the sources name, in their order; the first one is the owner.

    Later ones may be missing: a source that costs a call is read only where none before it serves.
    """
    rejected: tuple[RejectedValue, ...] = ()
    """What was found and does not serve."""
    unknown: OwnerSource = OwnerSource.UNREAD
    """Why there is no candidate, where there is none."""
    unread_behind: str | None = None
    """Why a source behind the candidates could not be read; it names whom nobody knows."""

    @property
    def source(self) -> OwnerSource:
        """Where the owner's address was found, or why there is none."""
        return self.candidates[0].source if self.candidates else self.unknown

    @property
    def address(self) -> str | None:
        """The owner's addresses, with commas between them; None: not known."""
        return self.candidates[0].addresses if self.candidates else None

    @property
    def is_missing(self) -> bool:
        """Whether it was looked for and no source but the administrators has an address."""
        return self.source in {OwnerSource.NONE, OwnerSource.ADMIN}

    @property
    def needs_care(self) -> bool:
        """Whether nobody but the administrators is known, or a value did not serve before."""
        return self.address is None or self.is_missing or bool(self.passed_over())

    def passed_over(self, last: OwnerSource | None = None) -> tuple[RejectedValue, ...]:
        """
        What does not serve in the owner's source, and in those that are asked before it.

        What stands behind it keeps nobody from being notified, and need not be mended.
        last: another source than the owner's, to which one had to go on.
        """
        order = list(OwnerSource)
        served = order.index(last or self.source)
        return tuple(each for each in self.rejected if order.index(each.source) <= served)

    def named_by(self, source: OwnerSource) -> frozenset[str]:
        """The hashes of what a source names, reachable or not."""
        return frozenset(
            each.address_hash
            for each in (
                *self._found_in({source}),
                *(lost for at, lost in self._lost() if at is source),
            )
        )

    def _found_in(self, sources: Collection[OwnerSource]) -> Iterator[Recipient]:
        return (
            each
            for candidate in self.candidates
            if candidate.source in sources
            for each in candidate.recipients
        )

    def _lost(self) -> Iterator[tuple[OwnerSource, Recipient]]:
        """What does not serve, as if it were addresses: some are, and were sent mails before."""
        return (
            (rejected.source, Recipient(ChannelName.EMAIL, address))
            for rejected in self.rejected
            for address in rejected.value.split(", ")
        )

    def spelt(self, recipient: RecipientId) -> str | None:
        """The address of a recipient, if it was found in any source; None: somebody else's."""
        found = self._found_in(frozenset(OwnerSource))
        lost = (each for _, each in self._lost())
        # In Slack a member stands for the address by which they were found (decision 0047).
        theirs = (
            each.address for each in (*found, *lost) if each.address_hash == recipient.address_hash
        )
        return next(theirs, None)

    def __str__(self) -> str:
        """In words."""
        match self.source:
            case OwnerSource.NONE:
                return "not known: no source has an address"
            case OwnerSource.UNREADABLE:
                return "not known: a source, or the account's address, could not be read"
            case OwnerSource.UNREAD:
                return "not looked for"
            case _:
                return str(self.candidates[0])


@dataclass(frozen=True, slots=True)
class AllowedDomains:
    """
    The domains that an owner's address may be of; None: any, for nobody said which.

    `*.example.com` stands for every domain below example.com, and not for example.com itself.
    """

    domains: frozenset[str] | None

    def __post_init__(self) -> None:
        """Put them into the spelling in which they are compared."""
        if self.domains is not None:
            lowered = frozenset(domain.lower() for domain in self.domains)
            object.__setattr__(self, "domains", lowered)

    def allow(self, address: str) -> bool:
        """Whether an address is of one of them."""
        if self.domains is None:
            return True
        domain = domain_of(address)
        # Each dot begins a parent: a.b.example.com is below b.example.com and below example.com.
        parents = (domain[at:] for at, letter in enumerate(domain) if letter == ".")
        return domain in self.domains or any(f"*{parent}" in self.domains for parent in parents)


def domain_of(address: str) -> str:
    """What stands behind the @ of an address, in lower case."""
    return address.rpartition("@")[2].lower()


def default_domains(admin: str, account: str) -> AllowedDomains:
    """
    The domains that are allowed where nobody said which: the admin's and the account's own.

    Without an admin's address none is known to be wrong: so a plan on a laptop shows all.
    """
    if not admin:
        return AllowedDomains(None)
    return AllowedDomains(frozenset(domain_of(each) for each in (admin, account) if each))


def candidate_of(
    source: OwnerSource, value: str, allowed: AllowedDomains
) -> tuple[OwnerCandidate | None, tuple[RejectedValue, ...]]:
    """
    Whom a value names, several addresses being separated as people do; and what of it is none.

    No candidate: nothing of the value serves. Raises nothing, whatever the value holds.
    """
    value = without_surrogates(value)
    serving: dict[str, Recipient] = {}
    others: list[str] = []
    is_outside = False
    for part in filter(None, _BETWEEN_ADDRESSES.split(_MAILTO.sub(" ", value))):
        recipient = Recipient(ChannelName.EMAIL, part)
        if recipient.can_be_reached and allowed.allow(part):
            serving.setdefault(recipient.normalized_address, recipient)
        else:
            others.append(part)
            is_outside = is_outside or recipient.can_be_reached
    found = tuple(serving.values())
    served, too_many = found[:MOST_RECIPIENTS], found[MOST_RECIPIENTS:]
    rejected = []
    if others:
        rejected.append(RejectedValue(source, value, _why(others, serving, is_outside)))
    if too_many:
        beyond = ", ".join(each.address for each in too_many)
        rejected.append(RejectedValue(source, beyond, _TOO_MANY))
    return (OwnerCandidate(source, served) if served else None), tuple(rejected)


def _why(others: Collection[str], serving: Collection[str], is_outside: bool) -> str:  # noqa: FBT001 -- two words of one sentence
    """Why some of a value serves as no address."""
    what = (
        "is of a domain that AllowedOwnerDomains does not allow"
        if is_outside
        else "is no e-mail address"
    )
    if not serving:
        return what
    return f'holds besides "{shown(" ".join(others))}", which {what}'


_TOO_MANY: Final = f"is one too many: no more than {MOST_RECIPIENTS} addresses are notified"


def user_name_candidate(
    name: str, allowed: AllowedDomains
) -> tuple[OwnerCandidate | None, tuple[RejectedValue, ...]]:
    """Whom a user's name names: an address, if it has the form of one. Any other is a name."""
    if not Recipient(ChannelName.EMAIL, name).can_be_reached:
        return None, ()
    return candidate_of(OwnerSource.USER_NAME, name, allowed)


def reachable(
    candidate: OwnerCandidate, undeliverable: Collection[RecipientId]
) -> tuple[OwnerCandidate | None, RejectedValue | None]:
    """What is left of a candidate without the addresses whose mails came back, and those."""
    left = tuple(each for each in candidate.recipients if each.id not in undeliverable)
    if len(left) == len(candidate.recipients):
        return candidate, None
    lost = [each.address for each in candidate.recipients if each not in left]
    why = "could not be reached: a mail came back, or SES does not send to it"
    rejected = RejectedValue(candidate.source, ", ".join(lost), why)
    return (replace(candidate, recipients=left) if left else None), rejected
