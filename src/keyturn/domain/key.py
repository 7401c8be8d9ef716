"""
The facts about a user and their access keys, as seen on the day we look.

A fact has one of three faces: its value; `Unknown`, when it was asked for and could not be
read; `UNREAD`, when nobody has asked yet. Unknown is never taken for "no".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum, StrEnum
from typing import Final

from keyturn.domain.deferral import Deferral
from keyturn.domain.errors import InvalidValue
from keyturn.domain.exemptions_file import Exemption
from keyturn.domain.owner import Owner
from keyturn.domain.recipient import RecipientId
from keyturn.domain.removal import Removal

SESSIONS: Final = "ASIA"
"""How the ids of temporary credentials begin: they are of a session, and no access keys."""


class Status(Enum):
    """The two states that IAM itself knows."""

    ACTIVE = "Active"
    INACTIVE = "Inactive"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A fact that could not be read, and why."""

    why: str
    """AWS's own words, as they may stand in a sentence."""


class Unread(Enum):
    """A fact that nobody has asked for yet."""

    UNREAD = "unread"


UNREAD: Final = Unread.UNREAD


@dataclass(frozen=True, slots=True, kw_only=True)
class LastUse:
    """When, where and for what a key was last used (iam:GetAccessKeyLastUsed); at, UTC."""

    at: datetime | None
    """None: the key was never used."""
    service: str | None = None
    region: str | None = None


class Act(StrEnum):
    """What a notice can promise."""

    DISABLE = "disable"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The proof that a channel accepted a notice of enforcement."""

    step: str
    """What was told, as `Notice.step` spells it."""
    day: date
    """The date the step was told for."""
    at: datetime
    """When it was accepted, UTC, by S3's clock (decision 0007): the window begins here."""
    promises: Mapping[Act, date] = field(default_factory=dict)
    """Act → the date that was promised for it, UTC."""
    to: RecipientId | None = None
    """Who was notified; None: an earlier version did not say, and it counts for any owner."""
    delivered_at: datetime | None = None
    """When the channel reported that it was delivered, UTC; None: it has not."""
    missed_at: datetime | None = None
    """
    When the channel gave it up, UTC, for a full mailbox or a mail server that is down.

    It stays the proof, for the next one may arrive; but somebody else is notified, too.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class SentNotice:
    """A notice that a channel accepted, and what became of it."""

    receipt: Receipt
    bounced_at: datetime | None = None
    """When it came back, UTC; None: it has not. Then it proves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFacts:
    """One access key. Raises InvalidValue where `created` carries no time zone."""

    key_id: str
    status: Status
    created: datetime
    """IAM's CreateDate, UTC."""
    last_use: LastUse | Unknown | Unread = UNREAD
    receipts: tuple[Receipt, ...] | Unknown | Unread = UNREAD
    """The valid ones: what bounced, or was sent in a dry run, proves nothing."""
    returned: tuple[Receipt, ...] = ()
    """Those that came back, read with the valid ones: they prove nothing, and are counted."""
    deferral: Deferral | Unknown | None = None
    """The time that an operator gave it, also when that is over; None: none was given."""

    def __post_init__(self) -> None:
        """Refuse a time that nobody can place."""
        if self.created.tzinfo is None:
            raise InvalidValue("CreateDate", self.created, "must carry a time zone")

    @property
    def is_active(self) -> bool:
        """Whether IAM accepts it."""
        return self.status is Status.ACTIVE

    @property
    def order(self) -> tuple[datetime, str]:
        """Older keys first; of the same second, the smaller id."""
        return (self.created, self.key_id)


class Seal(StrEnum):
    """What a secret's seal proves of who made it."""

    RIGHT = "right"
    BORN = "born"
    """We made it, and did not come to seal it; nobody has added anything since."""
    ASSUMED = "assumed"
    """Nobody checked it: a dry run without a seal key takes tags for proof, and writes nothing."""
    UNCHECKED = "unchecked"
    """There is no seal key to check it with."""
    WRONG = "wrong"
    """There is none, or it is not for this secret and this `UserId`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFacts:
    """What secretsmanager:DescribeSecret tells of a user's secret; never its value."""

    tags: Mapping[str, str]
    """Tag name → value. Whoever may tag the secret can write anything there."""
    arn: str = ""
    """With the characters that AWS drew at random: of a secret made again they are others."""
    seal: Seal = Seal.WRONG
    versions: frozenset[str] = frozenset()
    """The ids of the versions that carry a stage label."""
    current: str | None = None
    """The id of the version labelled AWSCURRENT: what an application reads."""
    scheduled_for_deletion: bool = False
    kms_key: str | None = None
    """The name that AWS reports: an id, an alias or an ARN; None: aws/secretsmanager."""
    replica_of: str | None = None
    """The region of the secret that it is a replica of."""
    replicas: tuple[str, ...] = ()
    """The regions that it is replicated to."""
    rotates: bool = False
    """Whether Secrets Manager's own rotation is switched on."""
    managed_by: str | None = None
    """The AWS service that it belongs to."""
    last_read: date | None = field(default=None, compare=False)
    """The day, UTC, on which its value was last read in its region; None: it never was."""
    told_at: datetime | None = field(default=None, compare=False)
    """When AWS said so, UTC, by its own clock."""
    created: datetime | None = field(default=None, compare=False)
    """When it was made, UTC, by AWS's clock; None: AWS did not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFacts:
    """One IAM user with their keys, and their secret (None: there is none)."""

    account: str
    """The id of the account, 12 digits."""
    name: str
    user_id: str
    """IAM's own id, which no later user of the same name has."""
    path: str | None = None
    """IAM's path of the user; None: not known."""
    password_used: datetime | None = field(default=None, compare=False)
    """When they last signed in to the console, UTC; None: not known, or never. Only advised by."""
    keys: tuple[KeyFacts, ...]
    """Oldest first; two at most, for IAM allows no more."""
    exempt: bool = False
    """Whether they are in the exemption group: nothing of theirs is written to (invariant 5)."""
    exemption: Exemption | None = None
    """What the exemptions file says of one who is exempt; None: there is no file."""
    removal: Removal | Unknown | None = None
    """When a run last removed them from the exemption group; None: none ever did."""
    otherwise: datetime | Unknown | Unread | None = UNREAD
    """Until when, UTC, it is not sure that their exemption had lapsed as it has; None: it is."""
    forced: datetime | None = None
    """When an operator asked for a rotation at any age, UTC; None: nobody did."""
    secret: SecretFacts | Unknown | Unread | None = UNREAD
    """The one that is named for them; None: there is none."""
    secret_is_listed: bool = field(default=False, compare=False)
    """
    Whether the list of all secrets says so, which may lack the last minutes.

    On such news a user is left as they are; whoever is written to or notified is looked at anew.
    """
    owner: Owner | Unknown | Unread = UNREAD
    """Who answers for the keys."""
    living: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    """`UserId` → name of the account's users, as far as they were listed."""

    def __post_init__(self) -> None:
        """Put the keys in order."""
        object.__setattr__(self, "keys", tuple(sorted(self.keys, key=lambda key: key.order)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """
    A member account of the organisation; email is the account's own.

    Raises InvalidValue where the id is not 12 digits.
    """

    id: str
    name: str = ""
    email: str = ""
    units: tuple[str, ...] | None = None
    """The ids of units that it is in or below, as far as anybody asked; None: not known."""
    units_asked: frozenset[str] | None = None
    """The ids of the units that were asked for; None: all of them were."""

    def __post_init__(self) -> None:
        """Refuse what is no account id: a typing error must not reach another account."""
        if len(self.id) != 12 or not self.id.isascii() or not self.id.isdigit():  # noqa: PLR2004 -- AWS's own number
            raise InvalidValue("account", self.id, "must be the 12 digits of an AWS account id")
