"""
A world of facts alone: one user, their keys and their secret.

`look` decides as a run does: it knows the key list, and reads what it is asked for. `Life` goes
on from there: it carries out what was decided, day by day, and keeps the story.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from keyturn.domain.constraints import NO_CONSTRAINTS, RunConstraints
from keyturn.domain.decision import (
    Action,
    Asked,
    Change,
    Decision,
    NoticeType,
    Question,
    Reason,
    UserDecisions,
)
from keyturn.domain.key import (
    UNREAD,
    Act,
    KeyFacts,
    LastUse,
    Receipt,
    Seal,
    SecretFacts,
    Status,
    Unknown,
    UserFacts,
)
from keyturn.domain.lifecycle.decide import decide
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.record import Intent, KeyRecord, stale_tags
from keyturn.domain.secret_names import (
    HISTORY_TAG,
    INTENT_TAG,
    KEY_TAG,
    USER_ID_TAG,
    USER_TAG,
    version_id_for,
)

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
NOW = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
TODAY = NOW.date()
POLICY = RotationPolicy()
ACCOUNT = "111122223333"
SILENCE = Unknown("AccessDenied")


# --- facts, as few words as they take ---------------------------------------------------


def ago(days: float) -> datetime:
    """So many days before now."""
    return NOW - timedelta(days=days)


def on(days: int) -> date:
    """The date in so many days."""
    return TODAY + timedelta(days=days)


def a_key(
    key_id: str = "OLD",
    *,
    age: float,
    inactive: bool = False,
    used: float | Unknown | None = 0,
    told: Iterable[Receipt] | Unknown = (),
) -> KeyFacts:
    """A key so many days old, in use unless said otherwise; used=None: never."""
    last_use = (
        used if isinstance(used, Unknown) else LastUse(at=ago(used) if used is not None else None)
    )
    return KeyFacts(
        key_id=key_id,
        status=Status.INACTIVE if inactive else Status.ACTIVE,
        created=ago(age),
        last_use=last_use,
        receipts=told if isinstance(told, Unknown) else tuple(told),
    )


def told(
    days_ago: float, *, disable: int | None = None, delete: int | None = None, step: str = ""
) -> Receipt:
    """A receipt so many days old, with the dates promised, counted from today."""
    promises = {
        act: on(days)
        for act, days in ((Act.DISABLE, disable), (Act.DELETE, delete))
        if days is not None
    }
    day = next(iter(promises.values()), ago(days_ago).date())
    step = step or ("disable" if disable is not None else "delete")
    return Receipt(step=step, day=day, at=ago(days_ago), promises=promises)


def a_secret(
    *delivered: str,
    records: Mapping[str, KeyRecord] | None = None,
    intent: Intent | None = None,
    scheduled_for_deletion: bool = False,
) -> SecretFacts:
    """Ann's secret, ours, with the versions of the keys that were delivered, the last current."""
    tags = {USER_TAG: "ann", USER_ID_TAG: "AIDAANN"}
    tags |= {KEY_TAG + key_id: str(record) for key_id, record in (records or {}).items()}
    if intent is not None:
        tags[INTENT_TAG] = str(intent)
    return SecretFacts(
        tags=tags,
        seal=Seal.RIGHT,
        versions=frozenset(version_id_for(key_id) for key_id in delivered),
        current=version_id_for(delivered[-1]) if delivered else None,
        scheduled_for_deletion=scheduled_for_deletion,
    )


def ann(
    *keys: KeyFacts,
    secret: SecretFacts | Unknown | None = None,
    exempt: bool = False,
    forced: datetime | None = None,
) -> UserFacts:
    """A user of whom everything is known."""
    return UserFacts(
        account=ACCOUNT,
        name="ann",
        user_id="AIDAANN",
        keys=keys,
        exempt=exempt,
        forced=forced,
        secret=secret,
    )


# --- asking and answering ---------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What was decided, and what had to be read for it."""

    decided: UserDecisions
    asked: tuple[Question, ...]

    def __getitem__(self, key_id: str) -> Decision:
        """The decision for one key."""
        return next(made for made in self.decided.decisions if made.key_id == key_id)

    @property
    def questions(self) -> list[tuple[Asked, str | None]]:
        """What was read, in order."""
        return [(question.asked, question.key_id) for question in self.asked]

    @property
    def changes(self) -> list[tuple[Change, str | None]]:
        """What is written down."""
        return [(change.change, change.key_id) for change in self.decided.record_changes]


def look(
    user: UserFacts,
    policy: RotationPolicy = POLICY,
    now: datetime = NOW,
    *,
    kms_key: str | None = None,
    constraints: RunConstraints = NO_CONSTRAINTS,
) -> Looked:
    """Decide knowing only the key list at first, and reading what is asked for."""
    known = replace(
        user,
        secret=UNREAD,
        keys=tuple(replace(key, last_use=UNREAD, receipts=UNREAD) for key in user.keys),
    )
    asked: list[Question] = []

    def decided() -> UserDecisions | Question:
        return decide(known, policy, now, kms_key=kms_key, constraints=constraints)

    while isinstance(answer := decided(), Question):
        assert answer not in asked, f"asked twice: {answer}"
        asked.append(answer)
        known = _answered(known, answer, user)
    return Looked(decided=answer, asked=tuple(asked))


def _answered(known: UserFacts, question: Question, truth: UserFacts) -> UserFacts:
    if question.asked is Asked.SECRET:
        return replace(known, secret=truth.secret)
    if question.asked is Asked.MEMBERSHIP:
        return replace(known, otherwise=truth.otherwise)
    [fact] = (key for key in truth.keys if key.key_id == question.key_id)
    read = (
        {"last_use": fact.last_use}
        if question.asked is Asked.LAST_USE
        else {"receipts": fact.receipts}
    )
    keys = (replace(key, **read) if key.key_id == question.key_id else key for key in known.keys)
    return replace(known, keys=tuple(keys))


def only(user: UserFacts, policy: RotationPolicy = POLICY, now: datetime = NOW) -> Decision:
    """The decision for a user's oldest key."""
    return look(user, policy, now).decided.decisions[0]


# --- a life, day by day -----------------------------------------------------------------

Notifications = list[tuple[int, str, str]]
"""Day, key and what happened."""


class Life:
    """
    One user's days under Keyturn, from day 0; every run's writes take some seconds.

    Keys are in use every day unless they are in `left`. What people do by hand is done by
    changing the facts between two runs.
    """

    def __init__(
        self,
        *keys: KeyFacts,
        policy: RotationPolicy = POLICY,
        start: datetime = NOW,
        jitter: Callable[[int], int] = lambda _: 0,
    ) -> None:
        """Begin with these keys; jitter gives the minutes by which a day's run is off."""
        self.keys = {key.key_id: key for key in keys}
        self.policy = policy
        self.start = start
        self.jitter = jitter
        self.secret: SecretFacts | None = None
        self.receipts: dict[str, list[Receipt]] = {key.key_id: [] for key in keys}
        self.left: set[str] = set()
        self.uses: dict[str, datetime | None] = {key.key_id: None for key in keys}
        self.channel_is_up = True
        self.answers: dict[str, Unknown] = {}
        self.exempt = False
        self.forced: datetime | None = None
        self.acts: Notifications = []
        self.told: Notifications = []
        self.last: Looked | None = None
        self._made = 0

    def days(self, first: int, last: int) -> "Life":
        """Run once on each of these days."""
        for day in range(first, last + 1):
            self.run(day)
        return self

    def run(self, day: int, *, minutes: int = 0) -> Looked:
        """Run once."""
        now = self.start + day * DAY + timedelta(minutes=self.jitter(day) + minutes)
        for key_id, key in self.keys.items():
            if key.is_active and key_id not in self.left:
                self.uses[key_id] = now - 60 * MINUTE
        looked = self.last = look(self.facts(), self.policy, now)
        for change in looked.decided.record_changes:
            if change.history is None:
                self._note(change.change, change.key_id, now)
            else:
                self._tag({f"{HISTORY_TAG}{change.key_id}": str(change.history)})
        # What goes comes first: it frees the slot that a rotation needs.
        for made in sorted(
            looked.decided.decisions, key=lambda made: made.action is Action.ROTATE
        ):
            self._carry_out(made, day, now + timedelta(seconds=20))
        for made in looked.decided.decisions:
            self._tell(made, day, now + MINUTE)
        return looked

    def facts(self) -> UserFacts:
        """All that could be read now."""
        keys = (
            replace(
                key,
                last_use=self.answers.get("last use", LastUse(at=self.uses[key.key_id])),
                receipts=self.answers.get("receipts", tuple(self.receipts[key.key_id])),
            )
            for key in self.keys.values()
        )
        return ann(
            *keys,
            secret=self.answers.get("secret", self.secret),
            exempt=self.exempt,
            forced=self.forced,
        )

    def set_status(self, key_id: str, status: Literal["Active", "Inactive"]) -> None:
        """What a person does with a key by hand."""
        self.keys[key_id] = replace(self.keys[key_id], status=Status(status))

    def add(self, key_id: str, created: datetime) -> None:
        """Give the user another key."""
        self.keys[key_id] = KeyFacts(key_id=key_id, status=Status.ACTIVE, created=created)
        self.receipts[key_id] = []
        self.uses[key_id] = None

    def remove(self, key_id: str) -> None:
        """Take a key away."""
        del self.keys[key_id]

    def record(self, key_id: str, now: datetime) -> KeyRecord:
        """What stands on the key's tag."""
        tags = self.secret.tags if self.secret else {}
        created = self.keys[key_id].created
        return KeyRecord.read(tags.get(KEY_TAG + key_id, ""), created=created, now=now)

    def write(self, key_id: str, now: datetime, **times: datetime | None) -> None:
        """Set times on the key's tag."""
        record = replace(self.record(key_id, now), **times)
        self._tag({KEY_TAG + key_id: str(record)})

    def _tag(self, tags: Mapping[str, str], stored: str | None = None) -> None:
        secret = self.secret or a_secret()
        self.secret = replace(
            secret,
            tags={**secret.tags, **tags},
            versions=secret.versions | ({stored} if stored else set()),
            current=stored or secret.current,
            scheduled_for_deletion=False,
        )

    def _untag(self, *tags: str) -> None:
        assert self.secret is not None
        kept = {name: text for name, text in self.secret.tags.items() if name not in tags}
        self.secret = replace(self.secret, tags=kept)

    def _note(self, change: Change, key_id: str | None, now: datetime) -> None:
        if key_id is None:
            self._untag(INTENT_TAG)
            return
        record = self.record(key_id, now)
        match change:
            case Change.RESTORED:
                self._tag({KEY_TAG + key_id: str(KeyRecord(restored=now, forced=record.forced))})
            case Change.RENEWED if record.disabled:
                self.write(key_id, now, renewed=now, disabled=now)
            case Change.RENEWED:
                self.write(key_id, now, renewed=now, seen=now)
            case Change.UNSEEN:
                self.write(key_id, now, seen=None, renewed=None)
            case _:
                self.write(key_id, now, **{str(change): now})

    def _carry_out(self, made: Decision, day: int, now: datetime) -> None:
        match made.action:
            case Action.ROTATE:
                self._rotate(made, now)
            case Action.DISABLE:
                self.set_status(made.key_id, "Inactive")
                self.write(made.key_id, now, disabling=now, disabled=now)
            case Action.REPAIR if made.reason is Reason.ORPHAN_FOUND:
                self.set_status(made.key_id, "Inactive")
                self.write(made.key_id, now, orphan=now)
            case Action.DELETE | Action.REPAIR:
                self.remove(made.key_id)
                if self.secret is not None:
                    over = [INTENT_TAG] if made.reason is Reason.ORPHAN_OVER else []
                    self._untag(*stale_tags(self.secret, self.facts()), *over)
            case _:
                return
        self.acts.append((day, made.key_id, made.action.value))

    def _rotate(self, made: Decision, now: datetime) -> None:
        assert len(self.keys) == 1, "IAM allows two keys"
        self._made += 1
        new = f"NEW{self._made}"
        if made.reason is Reason.FORCED:
            self.write(made.key_id, now, forced=now)
        intent = Intent(
            run="run", at=now, seen=frozenset(self.keys), replaces=made.key_id, settled=True
        )
        self.add(new, now)
        self._tag({INTENT_TAG: str(intent)}, version_id_for(new))
        self.write(new, now, delivered=now)

    def _tell(self, made: Decision, day: int, now: datetime) -> None:
        """Send a notice once for each key, step and day; keep the proof if it got through."""
        notice = made.notice
        if notice is None or not self.channel_is_up:
            return
        receipts = self.receipts[made.key_id]
        if any((known.step, known.day) == (notice.step, notice.day) for known in receipts):
            return
        receipts.append(
            Receipt(step=notice.step, day=notice.day, at=now, promises=notice.promises)
        )
        name = notice.step if notice.type is NoticeType.UPCOMING else notice.type.value
        self.told.append((day, made.key_id, name))
