"""
What the judge is given: the emulator's own call log, and what people saw.

Nothing here asks Keyturn.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from keyturn_sandbox.emulator.call_log import Call
from keyturn_sandbox.emulator.cloud import LocalCloud
from keyturn_sandbox.emulator.mailbox import SentMail

ACTIVE: Final = "Active"
INACTIVE: Final = "Inactive"
DELETED: Final = "Deleted"
SLACK = timedelta(hours=12)
SLACK_OF_ONE_DAY = timedelta(hours=1)
LONGEST_RUN = timedelta(minutes=15)
GAP = timedelta(hours=36)
"""Runs are a day apart, an hour more or less; with more than this between, a day was skipped."""
_LONG_WORD = re.compile(r"\w{16,}")
BEFORE_ALL = -1
"""The index of what was so before the first call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """The policy's numbers, in days."""

    rotation: int = 90
    inactive: int = 100
    grace: int = 10
    unused: int | None = None
    """Way out: a key not used for so many days may go without another that works."""
    in_use: bool = False
    """Way out: one of two keys may go although both are in use."""
    keys_a_day: int = 10
    """How many keys of an account may end in one UTC day."""
    percent_a_day: int = 25
    """How many in a hundred of its keys, if those are more."""

    @property
    def installation(self) -> int:
        """Days that an owner has had the new key before the old one stops."""
        return self.inactive - self.rotation


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldKey:
    """A key as the emulator holds it."""

    account: str
    user: str
    key_id: str
    status: str
    created: datetime
    last_used: datetime | None = None


def held_keys(cloud: LocalCloud, accounts: Iterable[str]) -> tuple[HeldKey, ...]:
    """Look up all keys, without a call."""
    return tuple(
        HeldKey(
            account=account,
            user=key.user,
            key_id=key.key_id,
            status=key.status,
            created=key.created,
            last_used=key.last_used.at if key.last_used else None,
        )
        for account in accounts
        for key in cloud.keys(account)
    )


@dataclass(frozen=True, slots=True)
class Use:
    """Somebody worked with a key."""

    key_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedRun:
    """One run over the organisation; what is done belongs to it until the next one starts."""

    started: datetime
    ended: datetime
    dry_run: bool
    repeats: bool = False
    """It is the second of its day: all was done already."""
    crashed: bool = False
    unnoted: bool = False
    """What it told could not be noted down, perhaps: better twice than never."""
    failed: frozenset[str] = frozenset()
    """The accounts that it answered for as failed."""
    accounts: frozenset[str] | None = None
    """The accounts that it was to visit, if not all."""
    restores: frozenset[str] = frozenset()
    """The ids of the keys that an operator ordered it to enable."""
    revokes: frozenset[str] = frozenset()
    """The ids of the keys that an operator ordered it to revoke."""
    without_successor: bool = False
    """Whether it answered that a key that it revoked could get no successor."""
    approved: bool = False
    """Whether an operator approved of every key that it ended: then there is no cap."""
    even_exempt: bool = False
    """Whether it was to revoke them even if their user is exempt."""
    windows: Windows | None = None
    """The policy's numbers on that day, if they are not always the same."""
    requests: frozenset[str] = frozenset()
    """The request ids of its calls, where time does not tell: two runs overlap."""


def tells_nothing(_mail: SentMail) -> frozenset[tuple[str, str]]:
    """Stand in for `Evidence.step_of` where mails do not carry their steps."""
    return frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that the judge may look at."""

    calls: Sequence[Call]
    """Every call since `keys_before` was seen."""
    mails: Sequence[SentMail]
    keys_before: Sequence[HeldKey]
    keys_after: Sequence[HeldKey]
    uses: Sequence[Use] = ()
    exempt_before: frozenset[tuple[str, str]] = frozenset()
    """Account and user of each member of the exemption group at the start."""
    exemption_group: str = "IAMKeyRotationExemptionGroup"
    secret_values: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Every secret access key ever handed out, by key id."""
    texts: Iterable[tuple[str, str]] = field(default=(), repr=False)
    """Name and content of all that was written or logged."""
    windows: Windows = Windows()
    use_is_told_after: timedelta = timedelta(0)
    """How late AWS tells of a key's use: earlier nobody can know."""
    intent_tag: str = "keyturn:intent"
    """Stands on a user's secret while a key may be without a stored secret."""
    keyturn_roles: frozenset[str]
    """The names of the roles that Keyturn works under."""
    bucket: str
    prefix: str = ""
    """What the names of Keyturn's own objects in it begin with."""
    accounts: frozenset[str]
    """The accounts that a run has to visit or report."""
    runs: Sequence[JudgedRun]
    mailboxes: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    """Where the owner of (account, user) reads mail; a user not in it may be told anywhere."""
    step_of: Callable[[SentMail], frozenset[tuple[str, str]]] = tells_nothing
    """
    What a mail tells: key id and step. A step told anew for another date is another step.

    A mail of which it knows nothing tells whatever key it names.
    """
    disabling_step: str = "disable"
    """How a step begins that announces a disabling."""


def secret_name(account: str, user: str) -> str:
    """The name of the secret that a user's new keys are delivered in."""
    if "," in user or "=2C" in user or "=3D" in user:
        user = user.replace("=", "=3D").replace(",", "=2C")
    return f"Account_{account}_User_{user}_AccessKey"


def token_of(key_id: str) -> str:
    """The version of a secret that holds this key."""
    return hashlib.sha256(key_id.encode()).hexdigest()


def have_passed(days: int, since: datetime, now: datetime) -> bool:
    """Whether `since` was `days` days ago; the daily run never starts at the same second twice."""
    return now - since + (SLACK_OF_ONE_DAY if days == 1 else SLACK) >= timedelta(days=days)


def long_words_in(mail: SentMail) -> set[str]:
    """The words that are long enough for a key id, and a few others."""
    return set(_LONG_WORD.findall(all_of(mail)))


def all_of(mail: SentMail) -> str:
    """Whatever a reader of the mail may see."""
    parts = [mail.subject, mail.text, mail.html, *mail.headers.values()]
    return "\n".join(part for part in parts if part)


def is_keyturn(evidence: Evidence, call: Call) -> bool:
    """Whether Keyturn made the call, and no person."""
    return role_of(call.principal) in evidence.keyturn_roles


def role_of(principal: str) -> str:
    """The name of the role behind an ARN; empty if it is no role's."""
    resource = principal.rsplit(":", 1)[-1].split("/")
    match resource[0]:
        case "assumed-role":
            return resource[1]
        case "role":
            return resource[-1]
        case _:
            return ""


def secret_of(call: Call) -> str:
    """The name of the secret that a call is about; an ARN ends in six characters more."""
    named = text(call.params, "SecretId") or text(call.params, "Name")
    return named.rsplit(":", 1)[-1][:-7] if named.startswith("arn:") else named


def text(values: Mapping[str, object], name: str) -> str:
    """A parameter or an answer that is text; empty if there is none."""
    value = values.get(name)
    return value if isinstance(value, str) else ""
