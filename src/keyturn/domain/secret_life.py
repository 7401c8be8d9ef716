"""
Whether a secret is still needed, and what becomes of one that is not (RemoveSecretsAfter).

A secret is scheduled for deletion in two steps, with as many days between them: first a run marks
it, and says so; then, if everything is still as it was, it is scheduled, and can be taken back for
30 days. Whatever is not known leaves it where it is: a secret too many costs cents, one too few is
an outage. Source: docs/secrets.md; decision 0068.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from keyturn.domain.days import DAY, LAST, day_of_run, have_passed
from keyturn.domain.key import KeyFacts, LastUse, Seal, SecretFacts, Unknown, UserFacts
from keyturn.domain.limits import cap_of
from keyturn.domain.ownership import find_foreign
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.record import LONGEST_RUN, KeyRecord, UserRecord, read_record
from keyturn.domain.secret_names import GONE_TAG, IDLE_TAG, KEEP_TAG, KEY_TAG, version_id_for
from keyturn.domain.tag_text import format_utc, moment, words

TAKEN_BACK: Final = (
    "Keyturn set out to schedule its deletion, and it is not scheduled: a person took it back, or "
    "the run was interrupted. It is left alone; without its tag {tag} the days are counted anew"
)


RECOVERY_WINDOW: Final = 30
"""
Days for which AWS keeps a secret that is scheduled, and it can be taken back; AWS takes 7 to 30.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html
"""
RESERVE: Final = 16
"""Days of that window that are left when the rotation comes: for a pause, or an outage."""
SCHEDULED_WITHIN: Final = RECOVERY_WINDOW - RESERVE
"""Days before its rotation from which the secret of a living user can be scheduled."""


class SecretStep(StrEnum):
    """What a run does about a secret."""

    KEEP = "KEEP"
    MARK = "MARK"
    """Write down that it is not needed: the days are counted from then."""
    UNMARK = "UNMARK"
    """Take the mark off: its user is there again."""
    SCHEDULE = "SCHEDULE"
    """Schedule its deletion, with the longest recovery window that AWS has."""
    TAKE_BACK = "TAKE_BACK"
    """Take the deletion back that Keyturn scheduled: no rotation will in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a run left on a secret that nobody seemed to need; a time that cannot be is none."""

    since: datetime | None = None
    """Since when, UTC."""
    scheduled: datetime | None = None
    """When a run set out to schedule its deletion, UTC."""

    @classmethod
    def read(cls, text: str, *, now: datetime) -> "Mark":
        """Read a tag's value; what lies in the future, or is malformed, was not written by us."""
        said = words(text)
        since, scheduled = (moment(said.get(name, "")) for name in ("since", "scheduled"))
        return cls(
            since=since if since is not None and since <= now else None,
            # Whatever stands there holds the secret: it only keeps.
            scheduled=(scheduled or now) if "scheduled" in said else None,
        )

    def __str__(self) -> str:
        """As a tag's value."""
        times = {"since": self.since, "scheduled": self.scheduled}
        return " ".join(f"{name}={format_utc(at)}" for name, at in times.items() if at is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretDecision:
    """What is decided about one secret, and why."""

    name: str
    user: str
    """The user in its name."""
    step: SecretStep
    sentence: str
    """Why, for people; it begins in lower case, and may change with any release."""
    is_of_gone: bool = False
    """Whether its user is gone."""
    needs_look: bool = False
    """Whether somebody should look at it: a fact is missing, or a person has to act."""
    day: date | None = None
    """The date, UTC, from which it can be scheduled; None: nobody can say."""
    mark: Mark = Mark()
    """As it stands on the secret."""
    tag: str = ""
    """The name of the tag that holds the mark."""
    is_scheduled: bool = False
    """Whether its deletion was scheduled when it was looked at."""
    arn: str = ""
    """Of the secret; of one that is made again under its name it is another."""
    lost_on: date | None = None
    """The date, UTC, on which AWS destroys a living user's secret that we scheduled."""
    is_in_danger: bool = False
    """Whether this run may not do what would keep it from that."""
    view: "SecretView | None" = field(default=None, compare=False, repr=False)
    """What it was decided on."""

    def __str__(self) -> str:
        """As a sentence."""
        return f"{self.name}: {self.said}"

    @property
    def by_hand(self) -> str:
        """The command by which a person takes its deletion back."""
        return f"aws secretsmanager restore-secret --secret-id {self.name}"

    @property
    def in_danger(self) -> "SecretDecision":
        """As it is said where the run may not write: when it is lost, and what helps."""
        sentence = (
            f"AWS destroys it on {self.lost_on}, unless a run that may write takes its deletion "
            f"back before. By hand: {self.by_hand}. This run may not write. A living user's key "
            "is in it"
        )
        return replace(
            self,
            step=SecretStep.KEEP,
            sentence=sentence,
            day=None,
            needs_look=True,
            is_in_danger=True,
        )

    @property
    def said(self) -> str:
        """What is done, why, and what comes: a clause."""
        match self.step:
            case SecretStep.MARK:
                return f"{self.sentence}; it can be scheduled for deletion from {self.day} on"
            case SecretStep.UNMARK:
                return f"its mark is taken off: {self.sentence}"
            case SecretStep.SCHEDULE:
                return f"scheduled for deletion: {self.sentence}"
            case SecretStep.TAKE_BACK:
                return f"its deletion is taken back: {self.sentence}"
        later = f"; looked at again on {self.day}" if self.day else ""
        return f"{self.sentence}{later}"

    @property
    def is_told(self) -> bool:
        """Whether people are told of it: what is done about it, a user who is gone, a doubt."""
        return self.step is not SecretStep.KEEP or self.is_of_gone or self.needs_look


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """By what a secret is judged."""

    days: int | None
    """RemoveSecretsAfter; None: it is off, and what was scheduled before is taken back."""
    now: datetime
    """Of the run, UTC."""
    kms_key: str | None
    """The key that our secrets are encrypted with; None: aws/secretsmanager."""
    dry_run: bool
    """Whether nothing is written: then a seal that nobody checked is taken for right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretsPlan:
    """What is decided about the secrets of an account."""

    decisions: tuple[SecretDecision, ...] = ()
    """By name."""
    stored: int | None = None
    """Secrets that cost something: not scheduled for deletion; None: not all were listed."""
    scheduled: int | None = None
    """Those that are."""

    @property
    def due(self) -> tuple[SecretDecision, ...]:
        """Those about which enforcement writes something."""
        return tuple(each for each in self.decisions if each.step is not SecretStep.KEEP)

    @property
    def of_gone(self) -> int:
        """How many are stored whose user is gone."""
        return sum(each.is_of_gone and not each.is_scheduled for each in self.decisions)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretView:
    """A secret with its user, and how a decision about it is said."""

    name: str
    secret: SecretFacts
    """As a list shows it; or as AWS describes the one, where `is_close`."""
    user: UserFacts
    """With all keys; of a user who is gone, the name in the secret's, and no keys."""
    terms: Terms
    is_of_gone: bool = False
    is_quiet: bool = True
    """Whether the rule says that nothing is due for the user."""
    rotates_on: date | None = None
    """The date, UTC, from which its key is rotated next; None: nobody can say."""
    is_close: bool = False
    """Whether AWS was asked about this one secret, and about the use of its key."""
    use: LastUse | Unknown = LastUse(at=None)  # noqa: RUF009 -- frozen
    """How the key was last used."""

    @property
    def key(self) -> KeyFacts | None:
        """The user's one key, Active; None: they have none, or another beside it."""
        only = self.user.keys[0] if len(self.user.keys) == 1 else None
        return only if only is not None and only.is_active else None

    @property
    def tag(self) -> str:
        """The name of the tag that holds its mark."""
        if self.is_of_gone or self.key is None:
            return GONE_TAG
        return IDLE_TAG + self.key.key_id

    @property
    def mark(self) -> Mark:
        """The mark, as it stands on the secret."""
        return Mark.read(self.secret.tags.get(self.tag, ""), now=self.terms.now)

    @property
    def record(self) -> UserRecord:
        """What is on record for its user."""
        return read_record(self.user, self.secret, kms_key=self.terms.kms_key, now=self.terms.now)

    def decided(
        self, step: SecretStep, sentence: str, day: date | None = None, *, tag: str | None = None
    ) -> SecretDecision:
        """Decide so."""
        begun = scheduled_mark(self.secret.tags, self.terms.now)
        is_living = self.secret.scheduled_for_deletion and not self.is_of_gone
        return SecretDecision(
            lost_on=lost_on(begun[1]) if begun is not None and is_living else None,
            name=self.name,
            user=self.user.name,
            step=step,
            sentence=sentence,
            is_of_gone=self.is_of_gone,
            day=day,
            mark=self.mark,
            tag=tag or self.tag,
            is_scheduled=self.secret.scheduled_for_deletion,
            arn=self.secret.arn,
            view=self,
        )

    def keep(self, sentence: str, day: date | None = None) -> SecretDecision:
        """Leave it."""
        return self.decided(SecretStep.KEEP, sentence, day)

    def look(self, sentence: str) -> SecretDecision:
        """Leave it, and say that somebody should look."""
        return replace(self.keep(sentence), needs_look=True)


Case = Callable[[SecretView], SecretDecision | None]
"""A case answers, or passes on."""


def take_back_what_no_rotation_will(view: SecretView) -> SecretDecision | None:
    """
    Its key got more time, its user is exempt, its rotation waits: the window would end first.

    Of one that a person scheduled nobody can say why: that stays theirs.
    """
    begun = scheduled_mark(view.secret.tags, view.terms.now)
    if not view.secret.scheduled_for_deletion or begun is None:
        return None
    tag, day = begun
    why = _why_no_rotation_will(view, day.date())
    return None if why is None else view.decided(SecretStep.TAKE_BACK, why, tag=tag)


def _why_no_rotation_will(view: SecretView, scheduled: date) -> str | None:
    """Why the next rotation does not take it back in time; None: it does."""
    comes = view.rotates_on
    # Taking back our own deletion gives an exempt user what is theirs: invariant 3 before 5.
    if view.user.exempt:
        return "its user is exempt, and no rotation takes its deletion back"
    if view.terms.days is None:
        return "RemoveSecretsAfter is off"
    if GONE_TAG in view.secret.tags:
        return f"there is a user {view.user.name} after all"
    if comes is not None and (comes - scheduled).days <= SCHEDULED_WITHIN:
        return None
    when = f"on {comes}" if comes else "on a day that nobody knows"
    return f"its key is rotated {when}, too late to take its deletion back"


def take_back_what_was_read(view: SecretView) -> SecretDecision | None:
    """AWS shows hours later that somebody read it: it was scheduled on old news."""
    begun, read = scheduled_mark(view.secret.tags, view.terms.now), view.secret.last_read
    days = view.terms.days
    if not view.secret.scheduled_for_deletion or begun is None or read is None or days is None:
        return None
    tag, day = begun
    if (day.date() - read).days > days:
        return None
    return view.decided(SecretStep.TAKE_BACK, f"it was read on {read}", tag=tag)


def keep_what_is_scheduled(view: SecretView) -> SecretDecision | None:
    """Nothing more can be done about it: only a rotation takes it back."""
    if not view.secret.scheduled_for_deletion:
        return None
    if view.is_of_gone:
        return view.keep(f"there is no user {view.user.name}; its deletion is scheduled")
    return view.keep("its deletion is scheduled; the next rotation takes that back")


def leave_an_exempt_user_alone(view: SecretView) -> SecretDecision | None:
    """Invariant 5: nothing of theirs is written to."""
    exempt = "its user is exempt, and nothing of theirs is written to"
    return view.keep(exempt) if view.user.exempt else None


def wait_for_the_old_key_to_go(view: SecretView) -> SecretDecision | None:
    """The rotation is complete when the one key that is left is the one in the secret."""
    if view.key is None:
        return view.keep("the rotation is not complete: its user has not one Active key alone")
    if view.secret.current != version_id_for(view.key.key_id):
        return view.keep("it does not hold the user's key")
    return None if view.is_quiet else view.keep("something is due for its user's key")


def leave_what_was_taken_back(view: SecretView) -> SecretDecision | None:
    """Whoever took it back needs it; from a run that broke off, nobody can tell them apart."""
    return None if view.mark.scheduled is None else view.look(TAKEN_BACK.format(tag=view.tag))


def leave_what_is_read(view: SecretView) -> SecretDecision | None:
    """Whoever read it lately may read it again: an application fetches its key each time."""
    days, read = view.terms.days, view.secret.last_read
    # It may be marked all the same: its days run beside these, and it is told of sooner.
    if view.mark.since is None:
        return None
    # AWS gives the day without the time: read in its last minute, it was read a day later.
    if days is None or read is None or (view.terms.now.date() - read).days > days:
        return None
    if view.is_of_gone:
        return view.look(f"there is no user {view.user.name}, and it was read on {read}")
    return view.keep(f"it was read on {read}", read + (days + 1) * DAY)


def wait_its_days(view: SecretView) -> SecretDecision | None:
    """From its mark on, so many days: whoever needs it after all has time to say so."""
    begun, terms = view.mark.since, view.terms
    if begun is None or terms.days is None or have_passed(terms.days, begun, terms.now):
        return None
    what = f"there is no user {view.user.name}" if view.is_of_gone else "its rotation is complete"
    return view.keep(
        f"{what}, as was found on {begun.date()}", day_of_run(begun, terms.days, terms.now)
    )


def wait_for_its_next_rotation(view: SecretView) -> SecretDecision | None:
    """
    Scheduled so late that the next rotation takes it back, it keeps its ARN, policy and tags.

    A secret that is made again under the name has none of them, and who was given them breaks.
    """
    comes, now = view.rotates_on, view.terms.now
    if view.mark.since is None:
        return None
    if comes is None:
        return view.keep("when its key is rotated next is not known")
    if (comes - now.date()).days <= SCHEDULED_WITHIN:
        return None
    return view.keep(
        f"its key is rotated on {comes}, which has to take its deletion back in time",
        comes - SCHEDULED_WITHIN * DAY,
    )


def leave_what_people_keep(view: SecretView) -> SecretDecision | None:
    """A person has said so, on the secret itself."""
    return view.keep(f"its tag {KEEP_TAG} says so") if KEEP_TAG in view.secret.tags else None


def leave_what_is_not_ours(view: SecretView) -> SecretDecision | None:
    """No right seal, another service's, a replica, or one that has replicas."""
    secret, terms = view.secret, view.terms
    foreign = find_foreign(view.user, secret, kms_key=terms.kms_key)
    if foreign is not None:
        return view.look(foreign.why)
    if secret.seal is not Seal.RIGHT and not (terms.dry_run and secret.seal is Seal.ASSUMED):
        return view.look("its seal is not right: a run broke off when it was made")
    if secret.replicas:
        where = ", ".join(secret.replicas)
        return view.look(f"it has replicas in {where}, which would have to be deleted first")
    return None


def leave_what_people_stored(view: SecretView) -> SecretDecision | None:
    """What is current in it is no key of its record: somebody keeps something else there."""
    keys = (tag.removeprefix(KEY_TAG) for tag in view.secret.tags if tag.startswith(KEY_TAG))
    current = view.secret.current
    if current is None or current in {version_id_for(key) for key in keys}:
        return None
    return view.look(f"there is no user {view.user.name}, and it holds what Keyturn did not store")


def wait_for_the_record(view: SecretView) -> SecretDecision | None:
    """Whatever the record knows of beside a finished rotation needs the record."""
    record, key = view.record, view.key
    intent = record.intent
    is_new = intent is not None and view.terms.now - intent.at < LONGEST_RUN
    if key is None or is_new or not record.is_settled(view.user.keys):
        return view.look("a rotation was begun, and is not finished")
    known = record.of(key)
    if replace(known, delivered=None, forced=None) != KeyRecord():
        return view.look(f"something else is on record of its key {key.key_id}")
    if known.delivered is None:
        return view.look("when its key was stored in it is not on record")
    return None


def wait_for_the_use_of_its_key(view: SecretView) -> SecretDecision | None:
    """Only who works with the new key has it; and that must be seen from both sides."""
    read = view.secret.last_read
    stored = None if view.key is None else view.record.of(view.key).delivered
    if view.key is None or stored is None:
        return view.keep("the rotation is not complete")
    key = view.key.key_id
    if isinstance(view.use, Unknown):
        return view.look(f"how its key was last used could not be read ({view.use.why})")
    if view.use.at is None or view.use.at <= stored:
        return view.keep(f"its key {key} was not used since it was stored")
    if read is None or read < stored.date():
        return view.look(
            f"its key {key} is used, and AWS names no day since on which anybody read it here: "
            "somebody reads it in a way that is not seen"
        )
    return None


def mark_it(view: SecretView) -> SecretDecision | None:
    """The days begin now, and whoever reads the plan or the digest knows of it."""
    begun, terms = view.mark.since, view.terms
    stored = view.record.of(view.key).delivered if view.key else None
    # A mark from before the key was stored was not made of it.
    if terms.days is None or (begun is not None and (stored is None or begun >= stored)):
        return None
    what = f"there is no user {view.user.name}"
    if not view.is_of_gone:
        what = "its rotation is complete, and its new key is in use"
    return view.decided(SecretStep.MARK, what, day_of_run(terms.now, terms.days, terms.now))


def schedule_it(view: SecretView) -> SecretDecision | None:
    """Last: whatever is known says that nobody needs it."""
    begun = view.mark.since
    if begun is None:
        return None
    what = "its rotation has been complete"
    if view.is_of_gone:
        what = f"there has been no user {view.user.name}"
    sentence = f"{what} since {begun.date()}, and nobody read it for {view.terms.days} days"
    return view.decided(SecretStep.SCHEDULE, sentence, view.terms.now.date())


def unmark_it(view: SecretView) -> SecretDecision | None:
    """The mark would count for days on which the user was there."""
    there = f"there is a user {view.user.name} after all"
    return view.decided(SecretStep.UNMARK, there, tag=GONE_TAG)


@dataclass(frozen=True, slots=True)
class Cases:
    """The cases of a kind of secret, from first to last."""

    by_the_list: tuple[Case, ...]
    """What is known from the list of all secrets: nothing else is read for it."""
    closely: tuple[Case, ...]
    """What AWS is asked for, about the one secret."""


OF_A_USER: Final = Cases(
    by_the_list=(
        take_back_what_no_rotation_will,
        take_back_what_was_read,
        leave_an_exempt_user_alone,
        keep_what_is_scheduled,
        leave_what_people_keep,
        wait_for_the_old_key_to_go,
        leave_what_was_taken_back,
        wait_its_days,
        leave_what_is_read,
        wait_for_its_next_rotation,
    ),
    closely=(
        leave_what_is_not_ours,
        wait_for_the_record,
        wait_for_the_use_of_its_key,
        mark_it,
        schedule_it,
    ),
)
OF_NOBODY: Final = Cases(
    by_the_list=(
        take_back_what_was_read,
        keep_what_is_scheduled,
        leave_what_people_keep,
        leave_what_was_taken_back,
        wait_its_days,
        leave_what_is_read,
    ),
    closely=(leave_what_is_not_ours, leave_what_people_stored, mark_it, schedule_it),
)
OF_A_USER_WHO_IS_BACK: Final = Cases(
    by_the_list=(
        take_back_what_no_rotation_will,
        keep_what_is_scheduled,
        leave_an_exempt_user_alone,
    ),
    closely=(leave_what_is_not_ours, unmark_it),
)


def judge(view: SecretView) -> SecretDecision | None:
    """The first case that has something to say; None: AWS must be asked about the secret."""
    cases = OF_NOBODY if view.is_of_gone else OF_A_USER
    if not view.is_of_gone and GONE_TAG in view.secret.tags:
        cases = OF_A_USER_WHO_IS_BACK
    asked = (*cases.by_the_list, *(cases.closely if view.is_close else ()))
    return next((decided for case in asked if (decided := case(view)) is not None), None)


def within_cap(
    decided: Iterable[SecretDecision],
    policy: RotationPolicy,
    *,
    secrets: int,
    scheduled_today: int,
) -> tuple[SecretDecision, ...]:
    """
    Let no more be scheduled in an account and day than keys may end; the rest waits, said so.

    Args:
        decided: about all secrets of the account.
        policy: MaxKeysPerDay and MaxPercentPerDay.
        secrets: how many the account has.
        scheduled_today: how many a run of the same day set out to schedule.

    """
    room = max(cap_of(policy, secrets) - scheduled_today, 0)
    decided = tuple(decided)
    due = sorted(
        (each for each in decided if each.step is SecretStep.SCHEDULE),
        key=lambda each: (each.mark.since or LAST, each.name),
    )
    late = {each.name for each in due[room:]}
    return tuple(
        replace(
            each,
            step=SecretStep.KEEP,
            day=None if each.day is None else each.day + DAY,
            sentence=f"{each.sentence}; it waits, for enough of the account are scheduled today",
        )
        if each.name in late
        else each
        for each in decided
    )


def scheduled_mark(tags: Mapping[str, str], now: datetime) -> tuple[str, datetime] | None:
    """The tag, of these (name → value), by which a run set out to schedule it last, and when."""
    marks = {
        tag: Mark.read(text, now=now).scheduled
        for tag, text in tags.items()
        if tag == GONE_TAG or tag.startswith(IDLE_TAG)
    }
    known = [(at, tag) for tag, at in marks.items() if at is not None]
    at, tag = max(known, default=(None, ""))
    return None if at is None else (tag, at)


def lost_on(scheduled: datetime) -> date:
    """The date, UTC, on which AWS destroys a secret that was scheduled then."""
    return scheduled.date() + RECOVERY_WINDOW * DAY


def is_reserve_begun(scheduled: datetime, now: datetime) -> bool:
    """Whether the rotation should have taken it back by now: from here on it is only reserve."""
    return (now.date() - scheduled.date()).days > SCHEDULED_WITHIN
