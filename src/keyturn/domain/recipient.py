"""Who is notified: a channel, and an address in it."""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

from keyturn.domain.names import JIRA_PROJECT, MAILABLE, SLACK_CHANNEL, SLACK_MEMBER

_HASH_LENGTH: Final = 16
"""Hexadecimal digits."""
_HASH: Final = re.compile(r"[0-9a-f]{16}")


class ChannelName(StrEnum):
    """The channels, as receipts and their names spell them."""

    EMAIL = "email"
    WEBHOOK = "webhook"
    """A signed webhook: one place, which is sent whatever anybody is; the address says who."""

    SLACK = "slack"
    """A member by their e-mail address or id, or a channel by its id or name."""

    TEAMS = "teams"
    """A workflow of Microsoft Teams: one place, as the webhook."""

    JIRA = "jira"
    """A project, by its key."""

    @property
    def one_address(self) -> str:
        """What an address of it is, as people are told."""
        match self:
            case ChannelName.EMAIL | ChannelName.WEBHOOK | ChannelName.TEAMS:
                return "one e-mail address"
            case ChannelName.SLACK:
                return "one e-mail address, or a Slack channel or member"
            case ChannelName.JIRA:
                return "the key of one Jira project"
            case _:
                assert_never(self)


@dataclass(frozen=True, slots=True)
class RecipientId:
    """A recipient as the name of an object carries it: it tells two apart, without an address."""

    channel: ChannelName
    address_hash: str
    """Of `Recipient.address_hash`."""

    def __str__(self) -> str:
        """As it stands in the name of an object."""
        return f"{self.channel}.{self.address_hash}"


def read_recipient_id(text: str) -> RecipientId | None:
    """Read `<channel>.<hash>` back; None: it is none, or of a channel that nobody here knows."""
    channel, _, address_hash = text.partition(".")
    known = next((each for each in ChannelName if each == channel), None)
    if known is None or _HASH.fullmatch(address_hash) is None:
        return None
    return RecipientId(known, address_hash)


@dataclass(frozen=True, slots=True)
class Recipient:
    """
    One address in one channel: who gets a message, and whom its receipt names.

    Anything may be written into a tag, so an address need not be one: `can_be_reached` says.
    """

    channel: ChannelName
    address: str

    @property
    def can_be_reached(self) -> bool:
        """Whether the address has the form that its channel asks for, and names one recipient."""
        match self.channel:
            case ChannelName.EMAIL | ChannelName.WEBHOOK | ChannelName.TEAMS:
                return MAILABLE.fullmatch(self.address) is not None
            case ChannelName.SLACK:
                forms = (SLACK_MEMBER, SLACK_CHANNEL, MAILABLE)
                return any(form.fullmatch(self.address) for form in forms)
            case ChannelName.JIRA:
                return JIRA_PROJECT.fullmatch(self.address) is not None
            case _:
                assert_never(self.channel)

    @property
    def normalized_address(self) -> str:
        """The address in the one spelling in which two of them are compared."""
        match self.channel:
            case ChannelName.EMAIL | ChannelName.WEBHOOK | ChannelName.TEAMS:
                # RFC 5321 lets a host tell upper from lower case before the @; none does.
                return self.address.strip().lower()
            case ChannelName.SLACK:
                address = self.address.strip()
                return address.lower() if "@" in address else address
            case ChannelName.JIRA:
                return self.address.strip()
            case _:
                assert_never(self.channel)

    @property
    def address_hash(self) -> str:
        """
        The address, as the name of an object may carry it: 64 bits of its SHA-256, in hex.

        A name has to tell the recipients of one notice apart, which are a handful: two of a
        thousand share these 64 bits once in 10**13 times. A path, a list or a log then shows no
        address; but who guesses one can check it, so the hash keeps nothing secret.
        """
        # "replace": half a character can be in no address, and must not be an error of ours.
        spelt = self.normalized_address.encode(errors="replace")
        return hashlib.sha256(spelt).hexdigest()[:_HASH_LENGTH]

    @property
    def id(self) -> RecipientId:
        """Who it is, without the address."""
        return RecipientId(self.channel, self.address_hash)

    def is_same_as(self, other: "Recipient") -> bool:
        """Whether both are one recipient, however their addresses are spelt."""
        return (self.channel, self.normalized_address) == (other.channel, other.normalized_address)
