"""
Play the coming days of one account: what the rule would do, were each day's run to come.

Nothing is decided here. The rule decides (forecast.py's world of a user, day by day), the cap of
the day holds back what it holds back in a run (daily_cap.py), and who would be notified is asked
where a run asks (proof.py). Source: decision 0066.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import count

from keyturn.domain.account_period import is_within
from keyturn.domain.constraints import RunConstraints
from keyturn.domain.days import DAY, days_since
from keyturn.domain.decision import Action, Decision, Question, Reason, UserDecisions
from keyturn.domain.events import Run
from keyturn.domain.fleet_course import CourseDay, EndInUse, FleetCourse
from keyturn.domain.key import Account, KeyFacts, LastUse, SecretFacts, Unknown, Unread, UserFacts
from keyturn.domain.lifecycle.cases.user import nothing_due_before
from keyturn.domain.lifecycle.decide import decide
from keyturn.domain.lifecycle.forecast import RUN, World, quiet_until
from keyturn.domain.lifecycle.view import KeyList, on_record
from keyturn.domain.limits import ends_of
from keyturn.domain.narrowing import needs_owner, without_owner
from keyturn.domain.owner import Owner, OwnerSource
from keyturn.domain.policy import CopiesToAdmin, RotationPolicy
from keyturn.domain.proof import notified_now
from keyturn.domain.recipient import ChannelName, Recipient, RecipientId
from keyturn.domain.record import UserRecord
from keyturn.domain.seen_user import SeenUser
from keyturn.ports import Reservation
from keyturn.use_cases.ask_again import answered
from keyturn.use_cases.daily_cap import DailyCap

OLD_SNAPSHOT = "the snapshot is of an earlier version, and does not say what the run read"
UNREADABLE = "the secret could not be read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Under which setting the days are played."""

    policy: RotationPolicy
    days: int
    owners_act: bool = True
    """Whether each owner moves to the new key at once; else nobody ever does."""
    admin: str = ""
    """The administrators' address; empty: not known."""
    copies: CopiesToAdmin = CopiesToAdmin.ACCOUNT


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenAccount:
    """An account as its last snapshot has it."""

    account: str
    at: datetime
    """The run whose next one comes a day later, UTC."""
    users: Sequence[SeenUser]


def empty_course(today: date, days: int) -> FleetCourse:
    """The coming days, before any account is played; today is not among them."""
    return FleetCourse(days=[CourseDay(day=today + n * DAY) for n in range(1, days + 1)])


def play_account(seen: SeenAccount, setting: Setting, course: FleetCourse) -> None:
    """Add what comes to an account's keys to the course."""
    _PlayAccount(seen, setting, course).play()


class NobodyElse:
    """Meets `ports.DailyLimitLedger`: no other run of the day ends any key."""

    def reserve(
        self, account: str, day: date, run: str, keys: Collection[str], *, ordered: bool = False
    ) -> None:
        """Nothing is written: these days are not there."""

    def of_day(self, account: str, day: date) -> tuple[Reservation, ...]:  # noqa: ARG002 -- the port's
        """Nothing."""
        return ()


@dataclass(slots=True, kw_only=True)
class _Life:
    """A user, from day to day."""

    seen: SeenUser
    world: World
    constraints: RunConstraints
    decided: UserDecisions
    """As of the last day on which the rule was asked."""
    is_stuck: bool = False
    """Nobody can say what comes: the rule is not asked any more."""
    sleeps_until: date | None = None
    """Nothing new is said before, UTC; None: the rule is asked every day."""
    told: set[tuple[str, str, date]] = field(default_factory=set)
    """Key id, step and day: of one, people are notified once."""

    @property
    def name(self) -> str:
        """The user's name."""
        return self.seen.facts.name


class _PlayAccount:
    def __init__(self, seen: SeenAccount, setting: Setting, course: FleetCourse) -> None:
        self._seen = seen
        self._setting = setting
        self._policy = setting.policy
        self._course = course
        self._admin = Recipient(ChannelName.EMAIL, setting.admin).id if setting.admin else None
        self._cap = DailyCap(ledger=NobodyElse(), policy=setting.policy, id="simulate")
        self._lives: dict[str, _Life] = {}

    def play(self) -> None:
        """Go through the days."""
        self._course.accounts += 1
        for user in self._seen.users:
            self._lives[user.facts.name] = self._begun(user)
        for number, day in zip(count(1), self._course.days, strict=False):
            self._day(self._seen.at + number * DAY, day)
        for life in self._lives.values():
            self._hold(life)

    # --- the beginning

    def _begun(self, seen: SeenUser) -> _Life:
        """How a user stands when the last run was over."""
        facts, at, course = seen.facts, self._seen.at, self._course
        course.users += 1
        course.keys += len(facts.keys)
        stands = UserDecisions(user=facts, decisions=())
        secret = facts.secret if isinstance(facts.secret, SecretFacts) else None
        record = (
            UserRecord()
            if facts.exempt
            else on_record(KeyList(user=facts, policy=self._policy, now=at), secret).record
        )
        world = World(
            user=facts,
            record=record,
            owners_act=self._setting.owners_act,
            # The cap counts by ids, and of two users it must not take one key for the other.
            of=f" of {facts.name}",
        )
        life = _Life(
            seen=seen,
            world=world,
            constraints=RunConstraints(
                creation_denied=seen.constraints.creation_denied,
                delivery_denied=seen.constraints.delivery_denied,
            ),
            decided=stands,
            told={
                (key.key_id, receipt.step, receipt.day)
                for key in facts.keys
                if isinstance(key.receipts, tuple)
                for receipt in key.receipts
            },
        )
        if facts.exempt:
            course.exempt += len(facts.keys)
            keys = (
                replace(key, receipts=()) if isinstance(key.receipts, Unread) else key
                for key in facts.keys
            )
            life.world = replace(world, user=replace(facts, keys=tuple(keys)))
            return life
        why = self._unforeseeable(seen)
        if why is not None:
            course.not_foretold[why] += len(facts.keys)
            life.is_stuck = True
            return life
        self._note_supposed(facts)
        life.world = world.supposed(self._policy, at)
        if seen.done is not None:
            life.world = life.world.after(self._kept_promises(life, seen.done), at + RUN)
            life.told |= set(_told(seen.done))
        return life

    def _unforeseeable(self, seen: SeenUser) -> str | None:
        """Why nobody can say what comes to a user's keys; None: the rule can."""
        if isinstance(seen.facts.secret, Unknown):
            return f"{UNREADABLE} ({Reason.RECORD_UNREADABLE})"
        if seen.has_facts:
            return None
        # Of a young lone key the list of keys tells all that the rule asks for.
        at = KeyList(user=seen.facts, policy=self._policy, now=self._seen.at)
        [first, *_] = seen.decisions
        is_quiet = nothing_due_before(at) is not None and first.reason is Reason.NOTHING_DUE
        return None if is_quiet else OLD_SNAPSHOT

    def _note_supposed(self, facts: UserFacts) -> None:
        """Count what the snapshot does not say."""
        for key in facts.keys:
            if key.is_active and not isinstance(key.last_use, LastUse):
                self._course.supposed["last-use"] += 1
        if not isinstance(facts.owner, Owner):
            self._course.supposed["owner"] += 1

    # --- a day

    def _day(self, at: datetime, day: CourseDay) -> None:
        awake = [each for each in self._lives.values() if self._is_awake(each, at)]
        for life in awake:
            life.decided = self._asked(life, at, life.constraints)
        if any(True for _ in ends_of(life.decided for life in awake)):
            self._held_to_the_cap(at)
        mails = _Mails(self._admin)
        for life in awake:
            self._lived(life, at, day, mails)
        for life in [each for each in self._lives.values() if not each.world.user.keys]:
            del self._lives[life.name]
        for life in self._lives.values():
            day.late += sum(1 for _ in self._late(life, at))
        mails.count(day, self._setting.copies)

    def _is_awake(self, life: _Life, at: datetime) -> bool:
        if life.is_stuck or (life.sleeps_until is not None and at.date() < life.sleeps_until):
            return False
        return not life.seen.facts.exempt or life.seen.exemptions is not None

    def _asked(self, life: _Life, at: datetime, constraints: RunConstraints) -> UserDecisions:
        """What the rule says of a user on a day."""
        if life.seen.facts.exempt:
            standing = life.seen.facts_on(at.date(), self._policy.max_exemption)
            facts = replace(life.world.user, exemption=standing.exemption)
            return _decided_of_exempt(facts, self._policy, at)
        life.world = life.world.lived_until(at)
        decided = life.world.decided(self._policy, at, constraints)
        if life.seen.owner_unknown is not None and needs_owner(decided):
            return without_owner(decided, life.seen.owner_unknown, at.date())
        return decided

    def _held_to_the_cap(self, at: datetime) -> None:
        """What a run does when all users are decided: the youngest wait for another day."""
        run = Run(id="simulate", account=Account(id=self._seen.account), at=at, dry_run=False)
        planned = self._cap.planned(
            [life.decided for life in self._lives.values()],
            run,
            lambda user, constraints: self._asked(self._lives[user.name], at, constraints),
        )
        for life, decided in zip(self._lives.values(), planned, strict=True):
            life.decided = decided

    def _lived(self, life: _Life, at: datetime, day: CourseDay, mails: "_Mails") -> None:
        """Count what is done for a user and told to people, and go on from there."""
        keys = {key.key_id: key for key in life.world.user.keys}
        new = [
            decision
            for decision in life.decided.decisions
            if decision.notice is not None
            and (decision.key_id, decision.notice.step, decision.notice.day) not in life.told
        ]
        for decision in new:
            mails.add(life.seen, keys[decision.key_id], self._policy, at)
        for decision in life.decided.decisions:
            self._count(decision, life, day, is_new=decision in new)
        life.told |= set(_told(life.decided))
        decided = self._kept_promises(life, life.decided)
        before = life.world
        life.world = life.world.after(decided, at + RUN)
        is_quiet = not (new or decided.record_changes or life.world.user.keys != before.user.keys)
        life.sleeps_until = None
        if is_quiet and not life.seen.facts.exempt:
            life.sleeps_until = quiet_until(decided, self._policy, at.date())

    def _count(self, decision: Decision, life: _Life, day: CourseDay, *, is_new: bool) -> None:
        match decision.action:
            case Action.WARN:
                day.warned += is_new
            case Action.NOTICE:
                day.noticed += is_new
            case Action.ROTATE:
                day.rotated += 1
            case Action.DELETE:
                day.deleted += 1
            case Action.DISABLE:
                day.disabled += 1
                self._ends(decision, life, day)
            case Action.WAIT if decision.reason is Reason.OVER_CAP:
                day.over_cap += 1

    def _ends(self, decision: Decision, life: _Life, day: CourseDay) -> None:
        """Count a key that stops, by whether somebody works with it."""
        is_used = self._is_used(life, decision.key_id)
        if is_used is None:
            day.ends_use_unknown += 1
        elif is_used:
            day.ends_in_use += 1
            self._course.ends(
                EndInUse(
                    day=day.day,
                    account=self._seen.account,
                    user=life.name,
                    key_id=decision.key_id,
                )
            )
        else:
            day.ends_not_in_use += 1

    def _is_used(self, life: _Life, key_id: str) -> bool | None:
        """Whether somebody worked with a key when it was last seen; None: nobody can tell."""
        key = next((each for each in life.seen.facts.keys if each.key_id == key_id), None)
        if key is None:
            return False  # made on one of these days, and its owner moves on as they came
        if not isinstance(key.last_use, LastUse):
            return None
        if key.last_use.at is None:
            return False  # nobody ever did, however young it is
        at = KeyList(user=life.seen.facts, policy=self._policy, now=self._seen.at)
        return not at.is_quiet(key, key.last_use)

    def _kept_promises(self, life: _Life, decided: UserDecisions) -> UserDecisions:
        """The decisions without the dates that nobody can be told of: its owner is not known."""
        if life.seen.owner_unknown is None:
            return decided
        return replace(
            decided,
            decisions=tuple(
                replace(each, notice=None) if each.action is Action.ROTATE else each
                for each in decided.decisions
            ),
        )

    # --- what is late, and what is within policy

    def _late(self, life: _Life, at: datetime) -> Iterator[KeyFacts]:
        """The keys that are late: past I, or past R and not replaced."""
        if life.seen.facts.exempt:
            return
        keys = life.world.user.keys
        # The oldest stands first: of most users it is young, and nothing else need be asked.
        if not keys or days_since(keys[0].created, at) <= self._policy.rotation_period:
            return
        for key in keys:
            age = days_since(key.created, at)
            is_replaced = any(other.is_active and other.order > key.order for other in keys)
            if key.is_active and (
                age > self._policy.inactive_period
                or (age > self._policy.rotation_period and not is_replaced)
            ):
                yield key

    def _hold(self, life: _Life) -> None:
        """Note down what stands when the last day is over, and why keys are late."""
        at = self._seen.at + len(self._course.days) * DAY
        reasons = {each.key_id: each.reason for each in life.decided.decisions}
        ages = [days_since(key.created, at) for key in life.world.user.keys if key.is_active]
        self._course.active += len(ages)
        self._course.within_policy += sum(
            is_within(age, self._policy.rotation_period) for age in ages
        )
        for key in self._late(life, at):
            stuck = self._unforeseeable(life.seen) if life.is_stuck else None
            self._course.held[stuck or reasons.get(key.key_id, Reason.NOTHING_DUE)] += 1


def _told(decided: UserDecisions) -> Iterator[tuple[str, str, date]]:
    for each in decided.decisions:
        if each.notice is not None:
            yield each.key_id, each.notice.step, each.notice.day


def _decided_of_exempt(facts: UserFacts, policy: RotationPolicy, at: datetime) -> UserDecisions:
    """What the rule says of an exempt user: it asks for what a notice of the end needs."""
    while isinstance(answer := decide(facts, policy, at), Question):
        facts = answered(facts, answer)
    return answer


class _Mails:
    """The mails of one account on one day: one to each recipient, with all that concerns them."""

    def __init__(self, admin: RecipientId | None) -> None:
        self._admin = admin
        self._known: set[RecipientId] = set()
        self._unknown: set[str] = set()
        self._is_own = False
        self._is_other = False

    def add(self, seen: SeenUser, key: KeyFacts, policy: RotationPolicy, at: datetime) -> None:
        """Add a notice about a key."""
        owner = seen.facts.owner
        if seen.owner_unknown is not None:
            self._is_other = True
            return
        if not isinstance(owner, Owner) or owner.source is OwnerSource.UNREAD:
            self._unknown.add(seen.facts.name)
            self._is_other = True
            return
        receipts = key.receipts if isinstance(key.receipts, tuple) else ()
        candidates = notified_now(owner, receipts, policy, at, returned=key.returned)
        theirs = {each.id for candidate in candidates for each in candidate.recipients}
        is_own = self._admin in theirs or any(
            each.source is OwnerSource.ADMIN for each in candidates
        )
        self._is_own = self._is_own or is_own
        self._is_other = self._is_other or not is_own
        if not any(each.source is OwnerSource.ADMIN for each in candidates):
            self._known |= theirs - {self._admin}

    def count(self, day: CourseDay, copies: CopiesToAdmin) -> None:
        """Add them to a day."""
        known, unknown = len(self._known), len(self._unknown)
        day.owner_mails_least += max(known, 1 if unknown else 0)
        day.owner_mails_most += known + unknown
        is_copied = copies is CopiesToAdmin.ACCOUNT and self._is_other
        day.admin_mails += int(self._is_own) + int(is_copied)
