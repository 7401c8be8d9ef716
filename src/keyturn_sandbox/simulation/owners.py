"""
What the owners of the keys do, day by day.

They know what a person knows: the mails that were sent, the secret in their own account, and
whether their program still runs. All they change, they change as their account's administrator.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, assert_never

from botocore.exceptions import ClientError

from keyturn_sandbox.emulator.cloud import REGION, KeyState, LocalCloud
from keyturn_sandbox.judge.evidence import ACTIVE, INACTIVE, Use, long_words_in, secret_name
from keyturn_sandbox.simulation.deployment import ADMIN, SECRETS_KEY
from keyturn_sandbox.simulation.people import Company, Gone, Habit, Person

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_DAY = timedelta(days=1)
_TO_CALL_FOR_HELP = 2 * _DAY
_TO_MOVE_TO_OWN_KEY = 3 * _DAY
_TO_GO = 10 * _DAY
_SLACK = timedelta(hours=6)
"""Nobody acts at the same second every day."""


class OwnerAction(StrEnum):
    """What an owner did on a day, or suffered."""

    USED = "used"
    INSTALLED = "installed"
    STOPPED = "stopped"
    """Their program fails for want of an Active key."""
    RESTORED = "restored"
    MADE_OWN = "made own"
    DISABLED_OWN = "disabled own"
    ROLLED_BACK = "rolled back"
    STORED_OLD = "stored old"
    SQUATTED = "squatted"


@dataclass(slots=True, kw_only=True)
class _Desk:
    """Where somebody stands today."""

    person: Person
    in_use: frozenset[str]
    stopped: datetime | None = None
    restored: datetime | None = None
    own_key: str | None = None
    changed_secret: bool = False
    made_own: datetime | None = None
    """Until they have moved to it."""


class Owners:
    """Everybody in the company, going about their work."""

    def __init__(self, cloud: LocalCloud, company: Company, *, region: str = REGION) -> None:
        self._cloud = cloud
        self._region = region
        self._began = cloud.now
        self._mails_read = 0
        self._gone = {
            person.email: person.gone
            for person in company.people
            if person.gone is not None and person.email is not None
        }
        self._heard: dict[str, datetime] = {}  # of each key, when a mail last named it
        self._desks = [
            _Desk(person=person, in_use=person.in_use)
            for person in company.people
            if person.account_id in company.to_visit
        ]
        self.uses: list[Use] = []

    def live(self) -> Counter[OwnerAction]:
        """Let everybody do what they do on this day, once a day."""
        self._go()
        self._read_mails()
        keys = self._keys()
        return Counter(
            action
            for desk in self._desks
            for action in self._day_of(desk, keys[desk.person.account_id, desk.person.user])
        )

    def _go(self) -> None:
        """Let those leave who leave, and those lose patience who do."""
        if not _is_over(_TO_GO, self._began, self._cloud.now):
            return
        for address, gone in self._gone.items():
            match gone:
                case Gone.LEFT:
                    self._cloud.close_mailbox(address)
                case Gone.CALLS_IT_SPAM:
                    self._cloud.call_spam(address)
                case _ as never:
                    assert_never(never)

    def _read_mails(self) -> None:
        mails = self._cloud.sent_mails[self._mails_read :]
        self._mails_read += len(mails)
        for mail in mails:
            # What comes to the admin, who has no keys, tells no owner.
            if not self._gone.keys() >= set(mail.to) and ADMIN not in mail.to:
                self._heard.update(dict.fromkeys(long_words_in(mail), mail.at))

    def _keys(self) -> Mapping[tuple[str, str], Sequence[KeyState]]:
        keys: dict[tuple[str, str], list[KeyState]] = defaultdict(list)
        for account in sorted({desk.person.account_id for desk in self._desks}):
            for key in self._cloud.keys(account):
                keys[account, key.user].append(key)
        return keys

    def _day_of(self, desk: _Desk, keys: Sequence[KeyState]) -> Iterator[OwnerAction]:
        now = self._cloud.now
        yield from self._by_hand(desk, keys, now)
        yield from self._with_the_secret(desk, keys, now)
        new = _newest_unknown(desk, keys)
        if new and _is_ready(desk, new, now) and self._has_heard(desk, new):
            yield from self._install(desk, new)
        yield from self._work(desk, keys, now)

    def _work(self, desk: _Desk, keys: Sequence[KeyState], now: datetime) -> Iterator[OwnerAction]:
        usable = [k.key_id for k in keys if k.key_id in desk.in_use and k.status == ACTIVE]
        for key_id in usable:
            self._cloud.use_key(desk.person.account_id, key_id, now, region=self._region)
            self.uses.append(Use(key_id, now))
            yield OwnerAction.USED
        if usable:
            desk.stopped = None
        elif desk.in_use:
            desk.stopped = desk.stopped or now
            yield OwnerAction.STOPPED

    def _by_hand(
        self, desk: _Desk, keys: Sequence[KeyState], now: datetime
    ) -> Iterator[OwnerAction]:
        """Do what no notice asked for."""
        is_the_day = _is_over(desk.person.days * _DAY, self._began, now)
        match desk.person.habit:
            case Habit.RETURNS if _calls_for_help(desk, keys, now):
                self._set_status(desk, desk.in_use, ACTIVE)
                desk.restored = now
                yield OwnerAction.RESTORED
            case Habit.DISABLES_OWN if is_the_day and desk.in_use:
                self._set_status(desk, desk.in_use, INACTIVE)
                desk.in_use = frozenset()
                yield OwnerAction.DISABLED_OWN
            case Habit.ROLLS_BACK if (new := _newest_unknown(desk, keys)) is not None:
                if _is_over(desk.person.days * _DAY, new.created, now):
                    self._set_status(desk, {new.key_id}, INACTIVE)
                    yield OwnerAction.ROLLED_BACK
            case Habit.MAKES_OWN if is_the_day and desk.own_key is None and len(keys) == 1:
                desk.own_key, desk.made_own = self._make_key(desk.person), now
                yield OwnerAction.MADE_OWN
            case Habit.MAKES_OWN if desk.own_key and desk.made_own:
                if _is_over(_TO_MOVE_TO_OWN_KEY, desk.made_own, now):
                    desk.in_use, desk.made_own = frozenset({desk.own_key}), None
            case _:
                pass

    def _with_the_secret(
        self, desk: _Desk, keys: Sequence[KeyState], now: datetime
    ) -> Iterator[OwnerAction]:
        """Do to the secret what no notice asked for, once."""
        if desk.changed_secret:
            return
        days, new = desk.person.days * _DAY, _newest_unknown(desk, keys)
        match desk.person.habit:
            case Habit.STORES_OLD if new is not None and _is_over(days, new.created, now):
                desk.changed_secret = True
                self._store_old(desk)
                yield OwnerAction.STORED_OLD
            case Habit.SQUATTED if _is_over(days, self._began, now):
                desk.changed_secret = True
                self._squat(desk.person)
                yield OwnerAction.SQUATTED
            case _:
                pass

    def _set_status(
        self, desk: _Desk, key_ids: Iterable[str], status: Literal["Active", "Inactive"]
    ) -> None:
        iam = self._cloud.session(desk.person.account_id).client("iam")
        for key_id in sorted(key_ids):
            iam.update_access_key(UserName=desk.person.user, AccessKeyId=key_id, Status=status)

    def _make_key(self, person: Person) -> str:
        iam = self._cloud.session(person.account_id).client("iam")
        return iam.create_access_key(UserName=person.user)["AccessKey"]["AccessKeyId"]

    def _store_old(self, desk: _Desk) -> None:
        """Make the old key what the secret holds: stored beside the new one, then made current."""
        [old] = desk.in_use
        name = secret_name(desk.person.account_id, desk.person.user)
        secret_store = self._secrets_manager(desk.person)
        value = json.dumps(
            {"AccessKeyId": old, "SecretAccessKey": self._cloud.secret_values()[old]}
        )
        secret_store.put_secret_value(
            SecretId=name, SecretString=value, VersionStages=["AWSPENDING"]
        )
        labels = secret_store.describe_secret(SecretId=name)["VersionIdsToStages"]
        of = {label: version for version, stages in labels.items() for label in stages}
        secret_store.update_secret_version_stage(
            SecretId=name,
            VersionStage="AWSCURRENT",
            MoveToVersionId=of["AWSPENDING"],
            RemoveFromVersionId=of["AWSCURRENT"],
        )

    def _squat(self, person: Person) -> None:
        """Make a secret with all that everybody can know of Keyturn's own."""
        session = self._cloud.session(person.account_id)
        user_id = session.client("iam").get_user(UserName=person.user)["User"]["UserId"]
        self._secrets_manager(person).create_secret(
            Name=secret_name(person.account_id, person.user),
            KmsKeyId=SECRETS_KEY,
            SecretString="{}",
            Tags=[
                {"Key": "keyturn:user", "Value": person.user},
                {"Key": "keyturn:user-id", "Value": user_id},
            ],
        )

    def _secrets_manager(self, person: Person) -> "SecretsManagerClient":
        session = self._cloud.session(person.account_id)
        return session.client("secretsmanager", region_name=self._region)

    def _has_heard(self, desk: _Desk, new: KeyState) -> bool:
        """Whether a mail since then named the new key, or the one that it replaces."""
        heard = [self._heard[k] for k in {new.key_id, *desk.in_use} if k in self._heard]
        return any(at >= new.created for at in heard)

    def _install(self, desk: _Desk, new: KeyState) -> Iterator[OwnerAction]:
        """Move to the new key, if it can be read and is what it should be."""
        value = self._read_secret(desk.person)
        expected = (new.key_id, self._cloud.secret_values()[new.key_id])
        if (value.get("AccessKeyId"), value.get("SecretAccessKey")) == expected:
            desk.in_use = frozenset({new.key_id})
            yield OwnerAction.INSTALLED

    def _read_secret(self, person: Person) -> Mapping[str, object]:
        try:
            answer = self._secrets_manager(person).get_secret_value(
                SecretId=secret_name(person.account_id, person.user), VersionStage="AWSCURRENT"
            )
        except ClientError:  # not there yet: they try again tomorrow
            return {}
        value: Mapping[str, object] = json.loads(answer["SecretString"])
        return value


def roll_back(secret_store: "SecretsManagerClient", name: str) -> bool:
    """Move AWSCURRENT to the version before it, as AWS documents it; False: there is none."""
    labels = secret_store.describe_secret(SecretId=name).get("VersionIdsToStages", {})
    of = {label: version for version, stages in labels.items() for label in stages}
    if "AWSPREVIOUS" not in of:
        return False
    secret_store.update_secret_version_stage(
        SecretId=name,
        VersionStage="AWSCURRENT",
        MoveToVersionId=of["AWSPREVIOUS"],
        RemoveFromVersionId=of["AWSCURRENT"],
    )
    return True


def _newest_unknown(desk: _Desk, keys: Sequence[KeyState]) -> KeyState | None:
    """The key that somebody else made for them after the ones that they work with."""
    own = {*desk.in_use, desk.own_key}
    if not desk.in_use:
        return None
    since = max((key.created for key in keys if key.key_id in desk.in_use), default=None)
    new = [
        key
        for key in keys
        if key.status == ACTIVE
        and key.key_id not in own
        and (since is None or key.created > since)
    ]
    return max(new, key=lambda key: key.created, default=None)


def _is_ready(desk: _Desk, new: KeyState, now: datetime) -> bool:
    """Whether it is their day for installing the new key."""
    has_had_time = _is_over(desk.person.days * _DAY, new.created, now)
    match desk.person.habit:
        case Habit.LATE:
            return desk.stopped is not None
        case Habit.RETURNS:
            return desk.restored is not None and _is_over(
                desk.person.days * _DAY, max(desk.restored, new.created), now
            )
        case Habit.INSTALLS:
            return has_had_time
        case Habit.MAKES_OWN:
            return has_had_time and desk.made_own is None
        case Habit.ABANDONED | Habit.UNUSED | Habit.TWO_WORKLOADS:
            return False
        case Habit.DISABLES_OWN | Habit.ROLLS_BACK | Habit.STORES_OLD | Habit.SQUATTED:
            return False
        case _ as never:
            assert_never(never)


def _calls_for_help(desk: _Desk, keys: Sequence[KeyState], now: datetime) -> bool:
    """Whether an operator enables the old key once more: only while it is there."""
    return (
        desk.restored is None
        and desk.stopped is not None
        and _is_over(_TO_CALL_FOR_HELP, desk.stopped, now)
        and desk.in_use <= {key.key_id for key in keys}
    )


def _is_over(time: timedelta, since: datetime, now: datetime) -> bool:
    return now - since + _SLACK >= time
