"""
What really happened, replayed from the emulator's own call log.

Nothing here asks Keyturn. Questions are asked at an index of the log rather than at a time:
two calls of one second still have an order.
"""

import hashlib
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, TypeVar

from keyturn_sandbox.emulator.call_log import Call
from keyturn_sandbox.emulator.cloud import LocalCloud
from keyturn_sandbox.emulator.mailbox import Mail

K = TypeVar("K")
V = TypeVar("V")

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
class Run:
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


def tells_nothing(_mail: Mail) -> frozenset[tuple[str, str]]:
    """Stand in for `Evidence.step_of` where mails do not carry their steps."""
    return frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that the judge may look at."""

    calls: Sequence[Call]
    """Every call since `keys_before` was seen."""
    mails: Sequence[Mail]
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
    runs: Sequence[Run]
    mailboxes: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    """Where the owner of (account, user) reads mail; a user not in it may be told anywhere."""
    step_of: Callable[[Mail], frozenset[tuple[str, str]]] = tells_nothing
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


@dataclass(frozen=True, slots=True)
class Change:
    """A key's status from a call on."""

    index: int
    at: datetime
    status: str
    by_keyturn: bool


@dataclass(frozen=True, slots=True)
class Holder:
    """A user as IAM knows it: one and the same under every name that people give it."""

    account: str
    names: tuple[tuple[int, str], ...]
    """Each name with the index of the call from which on the user had it."""

    @property
    def name(self) -> str:
        """The last one."""
        return self.names[-1][1]

    def name_at(self, index: int) -> str:
        """The name just before the call at `index`."""
        earlier = [name for since, name in self.names if since < index]
        return earlier[-1] if earlier else self.names[0][1]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStory:
    """All that became of one key."""

    holder: Holder
    key_id: str
    created: datetime
    made_by_keyturn: bool
    changes: tuple[Change, ...]
    uses: tuple[datetime, ...]

    def __str__(self) -> str:
        """As a sentence names it."""
        return f"{self.account} {self.holder.name} {self.key_id}"

    @property
    def account(self) -> str:
        """The account that it belongs to."""
        return self.holder.account

    def user_at(self, index: int) -> str:
        """What its user was called just before the call at `index`."""
        return self.holder.name_at(index)

    def last_change(self, index: int) -> Change | None:
        """What the call before `index` left behind; None: there was no such key yet."""
        return next((c for c in reversed(self.changes) if c.index < index), None)

    def status(self, index: int) -> str | None:
        """The status just before the call at `index`."""
        change = self.last_change(index)
        return None if change is None else change.status

    def last_used(self, now: datetime) -> datetime | None:
        """When the key was last used, as seen `now`."""
        seen = bisect_right(self.uses, now)
        return self.uses[seen - 1] if seen else None

    def restored_at(self, index: int) -> datetime | None:
        """When a key that Keyturn had disabled was last made Active again."""
        earlier = [c for c in self.changes if c.index < index]
        restored = (
            after.at
            for before, after in reversed(list(pairwise(earlier)))
            if before.status == INACTIVE and before.by_keyturn and after.status == ACTIVE
        )
        return next(restored, None)


_ADOPTED = frozenset({"keyturn:user", "keyturn:user-id", "keyturn:seal"})


@dataclass(frozen=True, slots=True)
class SecretChange:
    """What a secret holds from a call on, as tokens of its versions."""

    index: int
    current: str | None = None
    by_keyturn: bool = False
    """It was Keyturn that wrote the current version."""
    deleted: bool = False
    """It is scheduled for deletion."""
    ours: bool = False
    """Keyturn made it, or took it into its record on an operator's order."""


@dataclass(frozen=True, slots=True)
class Record:
    """Keyturn wrote down something about a key."""

    index: int
    at: datetime
    account: str
    secret: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The evidence, in order and by subject."""

    evidence: Evidence
    calls: tuple[Call, ...]
    keyturns: tuple[tuple[int, Call], ...]
    """Keyturn's own calls, each with its index."""
    runs: tuple[Run, ...]
    places: tuple[int, ...]
    """For each call, the place in `runs` of the run that it belongs to; or BEFORE_ALL."""
    of_run: Mapping[int, tuple[Call, ...]]
    """Keyturn's own calls, by that place."""
    stories: Mapping[str, KeyStory]
    of_holder: Mapping[Holder, tuple[KeyStory, ...]]
    secrets: Mapping[tuple[str, str], tuple[SecretChange, ...]]
    deliveries: Mapping[str, tuple[int, datetime]]
    """The first PutSecretValue that succeeded, by token."""
    records: tuple[Record, ...]
    intents: Mapping[tuple[str, str], tuple[tuple[int, bool], ...]]
    """Whether Keyturn has not taken an intent back or settled it, by account and secret."""
    memberships: Mapping[tuple[str, str], tuple[tuple[int, bool], ...]]
    naming: Mapping[str, tuple[Mail, ...]]
    """The mails that name a key, by key id."""

    def run_at(self, at: datetime) -> Run | None:
        """The run that started last; None: it was before the first one."""
        started = bisect_right(self.runs, at, key=_started)
        return self.runs[started - 1] if started else None

    def run_of(self, index: int) -> Run | None:
        """The run that the call at `index` belongs to; None: it was before the first one."""
        place = BEFORE_ALL if index == BEFORE_ALL else self.places[index]
        return None if place == BEFORE_ALL else self.runs[place]

    def windows_at(self, at: datetime) -> Windows:
        """The policy's numbers then."""
        run = self.run_at(at)
        return (run.windows if run else None) or self.evidence.windows

    def has_intent(self, account: str, name: str, index: int) -> bool:
        """Whether an intent stood on the secret just before the call at `index`."""
        changes = self.intents.get((account, name), ())
        return next((stands for i, stands in reversed(changes) if i < index), False)

    def calls_of(self, run: Run) -> tuple[Call, ...]:
        """Keyturn's calls that belong to the run."""
        return self.of_run.get(self.runs.index(run), ())

    def index_after(self, at: datetime) -> int:
        """The index of the first call later than `at`."""
        return bisect_right(self.calls, at, key=lambda call: call.at)

    def keys_beside(self, story: KeyStory) -> tuple[KeyStory, ...]:
        """The other keys that its user has or had."""
        return tuple(other for other in self.of_holder[story.holder] if other is not story)

    def secret_of(self, story: KeyStory, index: int) -> SecretChange | None:
        """The secret of the key's user just before the call at `index`."""
        return self.secret(story.account, secret_name(story.account, story.user_at(index)), index)

    def is_delivered(self, story: KeyStory, index: int) -> bool:
        """Whether the key's secret had been stored before the call at `index`."""
        delivery = self.deliveries.get(token_of(story.key_id))
        return delivery is not None and delivery[0] < index

    def secret(self, account: str, name: str, index: int) -> SecretChange | None:
        """The secret just before the call at `index`."""
        changes = self.secrets.get((account, name), ())
        return next((c for c in reversed(changes) if c.index < index), None)

    def has_exempt_user(self, story: KeyStory, index: int) -> bool:
        """Whether the key's user was in the exemption group just before the call at `index`."""
        return self.is_exempt(story.account, story.user_at(index), index)

    def is_exempt(self, account: str, user: str, index: int) -> bool:
        """Whether the user was in the exemption group just before the call at `index`."""
        changes = self.memberships.get((account, user), ())
        return next((member for i, member in reversed(changes) if i < index), False)


def replay(evidence: Evidence) -> History:
    """Put the evidence in order."""
    calls = tuple(sorted(evidence.calls, key=lambda call: call.at))
    done = [(i, call) for i, call in enumerate(calls) if call.error is None]
    stories = _stories(evidence, done)
    keyturns = tuple((i, call) for i, call in enumerate(calls) if is_keyturn(evidence, call))
    runs = tuple(sorted(evidence.runs, key=_started))
    places = tuple(_places(runs, calls))
    return History(
        evidence=evidence,
        calls=calls,
        keyturns=keyturns,
        runs=runs,
        places=places,
        of_run=_grouped((places[i], call) for i, call in keyturns),
        stories={story.key_id: story for story in stories},
        of_holder=_grouped((story.holder, story) for story in stories),
        secrets=_secrets(evidence, done),
        deliveries=_deliveries(done),
        records=tuple(_records(evidence, done)),
        intents=_intents(evidence, done),
        memberships=_memberships(evidence, done),
        naming=_grouped(
            (key_id, mail) for mail in evidence.mails for key_id in long_words_in(mail)
        ),
    )


def _started(run: Run) -> datetime:
    return run.started


def _places(runs: Sequence[Run], calls: Iterable[Call]) -> Iterator[int]:
    """Whose calls they are: of the run that says so, else of the one that started last."""
    said = {id_: place for place, run in enumerate(runs) for id_ in run.requests}
    for call in calls:
        started_last = bisect_right(runs, call.at, key=_started) - 1
        yield said.get(call.request_id, started_last)


def long_words_in(mail: Mail) -> set[str]:
    """The words that are long enough for a key id, and a few others."""
    return set(_LONG_WORD.findall(all_of(mail)))


def all_of(mail: Mail) -> str:
    """Whatever a reader of the mail may see."""
    parts = [mail.subject, mail.text, mail.html, *mail.headers.values()]
    return "\n".join(part for part in parts if part)


Done = Sequence[tuple[int, Call]]
"""The calls that AWS carried out, each with its index."""


def _stories(evidence: Evidence, done: Done) -> tuple[KeyStory, ...]:
    changes = {
        key.key_id: [Change(BEFORE_ALL, key.created, key.status, by_keyturn=False)]
        for key in evidence.keys_before
    }
    holders = _holders(evidence, done)
    for index, call in done:
        by_keyturn = is_keyturn(evidence, call)
        match _change_of_key(call):
            case (key_id, status) if call.operation == "CreateAccessKey":
                changes[key_id] = [Change(index, call.at, status, by_keyturn)]
            case (key_id, status) if key_id in changes and changes[key_id][-1].status != status:
                changes[key_id].append(Change(index, call.at, status, by_keyturn))
    uses = _uses(evidence)
    return tuple(
        KeyStory(
            holder=holders[key_id],
            key_id=key_id,
            created=changed[0].at,
            made_by_keyturn=changed[0].by_keyturn,
            changes=tuple(changed),
            uses=uses.get(key_id, ()),
        )
        for key_id, changed in changes.items()
    )


def _holders(evidence: Evidence, done: Done) -> Mapping[str, Holder]:
    """Whose key each is, by key id."""
    names: dict[tuple[str, str], list[tuple[int, str]]] = {}
    held: dict[str, tuple[str, list[tuple[int, str]]]] = {}
    for key in evidence.keys_before:
        known = names.setdefault((key.account, key.user), [(BEFORE_ALL, key.user)])
        held[key.key_id] = key.account, known
    for index, call in done:
        user = call.account, _user(call)
        match call.operation:
            case "CreateAccessKey":
                # The index tells two users of one name apart.
                known = names.setdefault(user, [(index, user[1])])
                held[text(_made(call), "AccessKeyId")] = call.account, known
            case "UpdateUser" if (new := text(call.params, "NewUserName")) and user in names:
                names[call.account, new] = names.pop(user)
                names[call.account, new].append((index, new))
            case "DeleteUser":
                names.pop(user, None)
    return {key_id: Holder(account, tuple(known)) for key_id, (account, known) in held.items()}


def _change_of_key(call: Call) -> tuple[str, str] | None:
    match call.operation:
        case "CreateAccessKey":
            return text(_made(call), "AccessKeyId"), ACTIVE
        case "UpdateAccessKey":
            return text(call.params, "AccessKeyId"), text(call.params, "Status")
        case "DeleteAccessKey":
            return text(call.params, "AccessKeyId"), DELETED
        case _:
            return None


def _made(call: Call) -> Mapping[str, object]:
    made = call.result.get("AccessKey", call.result)
    return made if isinstance(made, Mapping) else {}


def _user(call: Call) -> str:
    """Whose key it is: a user who makes their own key need not say so."""
    return text(call.params, "UserName") or text(_made(call), "UserName")


def _uses(evidence: Evidence) -> Mapping[str, tuple[datetime, ...]]:
    seen = [*evidence.keys_before, *evidence.keys_after]
    last = ((key.key_id, key.last_used) for key in seen if key.last_used is not None)
    used = _grouped([*((use.key_id, use.at) for use in evidence.uses), *last])
    return {key_id: tuple(sorted(times)) for key_id, times in used.items()}


def _secrets(evidence: Evidence, done: Done) -> Mapping[tuple[str, str], tuple[SecretChange, ...]]:
    secrets: dict[tuple[str, str], list[SecretChange]] = defaultdict(list)
    for index, call in done:
        if call.service == "secretsmanager":
            changes = secrets[call.account, secret_of(call)]
            before = changes[-1] if changes else SecretChange(index)
            after = _changed(before, call, by_keyturn=is_keyturn(evidence, call))
            if after != before:
                changes.append(replace(after, index=index))
    return {secret: tuple(changes) for secret, changes in secrets.items()}


def _changed(secret: SecretChange, call: Call, *, by_keyturn: bool) -> SecretChange:
    if call.operation == "CreateSecret":
        # The name was free: it is the first, or the recovery window of the one before has ended.
        secret = SecretChange(secret.index, ours=by_keyturn)
    elif by_keyturn and _adopts(call):
        secret = replace(secret, ours=True)
    match call.operation:
        case "DeleteSecret":
            return replace(secret, deleted=True)
        case "RestoreSecret":
            return replace(secret, deleted=False)
        case "PutSecretValue" | "UpdateSecret" | "CreateSecret" if _stores(call):
            return _with_current(secret, _version(call), by_keyturn=by_keyturn)
        case "UpdateSecretVersionStage" if text(call.params, "VersionStage") == "AWSCURRENT":
            version = text(call.params, "MoveToVersionId")
            return _with_current(secret, version, by_keyturn=by_keyturn)
        case _:
            return secret


def _adopts(call: Call) -> bool:
    """Whether name, id and seal are set in one call, as by an adoption alone."""
    tags = call.params.get("Tags")
    if call.operation != "TagResource" or not isinstance(tags, Sequence):
        return False
    return {tag["Key"] for tag in tags} >= _ADOPTED


def _stores(call: Call) -> bool:
    return "SecretString" in call.params or "SecretBinary" in call.params


def _version(call: Call) -> str:
    return text(call.params, "ClientRequestToken") or text(call.result, "VersionId")


def _with_current(secret: SecretChange, version: str, *, by_keyturn: bool) -> SecretChange:
    """Make a version the current one; storing one again that is there changes nothing."""
    if version == secret.current:
        return secret
    return replace(secret, current=version, by_keyturn=by_keyturn)


def _deliveries(done: Done) -> Mapping[str, tuple[int, datetime]]:
    stored = [(i, call) for i, call in done if call.operation == "PutSecretValue"]
    return {_version(call): (i, call.at) for i, call in reversed(stored)}


def _records(evidence: Evidence, done: Done) -> Iterator[Record]:
    for index, call in done:
        if call.service == "secretsmanager" and is_keyturn(evidence, call):
            tags = call.params.get("Tags")
            if isinstance(tags, Sequence) and tags:
                names = tuple(str(tag["Key"]) for tag in tags)
                yield Record(index, call.at, call.account, secret_of(call), names)


def _intents(
    evidence: Evidence, done: Done
) -> Mapping[tuple[str, str], tuple[tuple[int, bool], ...]]:
    """When an intent was written, and when Keyturn ended it; what a person removes stands."""
    changes: list[tuple[tuple[str, str], tuple[int, bool]]] = []
    for index, call in done:
        if call.service != "secretsmanager" or not is_keyturn(evidence, call):
            continue
        tags, gone = call.params.get("Tags"), call.params.get("TagKeys")
        for tag in tags if isinstance(tags, Sequence) else ():
            if tag["Key"] == evidence.intent_tag:
                stands = "settled=" not in tag["Value"]
                changes.append(((call.account, secret_of(call)), (index, stands)))
        if isinstance(gone, Sequence) and evidence.intent_tag in gone:
            changes.append(((call.account, secret_of(call)), (index, False)))
    return _grouped(changes)


def _memberships(
    evidence: Evidence, done: Done
) -> Mapping[tuple[str, str], tuple[tuple[int, bool], ...]]:
    changes = [(member, (BEFORE_ALL, True)) for member in evidence.exempt_before]
    joins = {"AddUserToGroup": True, "RemoveUserFromGroup": False}
    for index, call in done:
        user, joined = text(call.params, "UserName"), joins.get(call.operation)
        if joined is not None and text(call.params, "GroupName") == evidence.exemption_group:
            changes.append(((call.account, user), (index, joined)))
        new = text(call.params, "NewUserName")
        if call.operation == "UpdateUser" and new:
            of_old = (change for who, change in changes if who == (call.account, user))
            *_, (_, was) = [(BEFORE_ALL, False), *of_old]
            changes.append(((call.account, new), (index, was)))
            changes.append(((call.account, user), (index, False)))
    return _grouped(changes)


def _grouped(pairs: Iterable[tuple[K, V]]) -> Mapping[K, tuple[V, ...]]:
    groups: dict[K, list[V]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return {key: tuple(values) for key, values in groups.items()}


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
