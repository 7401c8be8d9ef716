"""
What owners were really sent, key by key, beside what the course of each key prescribes.

Nothing may be missing, nothing may come twice, late, or to anybody else.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from keyturn_sandbox.emulator.mailbox import SentMail
from keyturn_sandbox.judge.evidence import have_passed
from keyturn_sandbox.judge.history import KeyStory, ReplayedHistory
from keyturn_sandbox.judge.verdict import Verdict
from keyturn_sandbox.simulation.course import DAY, REPEATED, Course, DueNotice
from keyturn_sandbox.simulation.days import Day
from keyturn_sandbox.simulation.people import Company


@dataclass(frozen=True, slots=True, kw_only=True)
class SentNotice:
    """A notice that a mail brought."""

    step: str
    about: date
    to: str
    mail: SentMail

    @property
    def on(self) -> date:
        """The day of its mail."""
        return self.mail.at.date()

    def __str__(self) -> str:
        """As a sentence names it."""
        return f"{self.step} of {self.about} to {self.to} on {self.on}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticePair:
    """A notice that is due beside the one that was sent; one of the two may be missing."""

    due: DueNotice | None
    sent: SentNotice | None

    @property
    def on(self) -> date:
        """The day on which it was sent, or had to be."""
        return self.sent.on if self.sent else self.due.on if self.due else date.max

    @property
    def wrong(self) -> str | None:
        """What is wrong with it; None: nothing."""
        if self.sent is None:
            return f"{self.due} was not sent"
        if self.due is None:
            return f"{self.sent} was sent, and nothing prescribes it"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyNotices:
    """The notices that one key must have and has, in the order of their days."""

    story: KeyStory
    notices: tuple[NoticePair, ...]

    @property
    def wrong(self) -> tuple[str, ...]:
        """What is wrong with them."""
        return tuple(pair.wrong for pair in self.notices if pair.wrong)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeBook:
    """The notices of all keys."""

    keys: tuple[KeyNotices, ...]
    wrong: tuple[str, ...]
    """What is wrong with mails that belong to no key of anybody's, and with those of a dry run."""

    def verdict(self, number: int) -> Verdict:
        """What there is to say of it, beside what the judge says."""
        of_keys = (f"{key.story}: {wrong}" for key in self.keys for wrong in key.wrong)
        return Verdict(
            number=number,
            title="each key has its notices, and no others",
            checked=sum(len(key.notices) for key in self.keys),
            violations=(*of_keys, *self.wrong),
        )


def notice_book(
    history: ReplayedHistory, company: Company, days: Sequence[Day], admin: str
) -> NoticeBook:
    """Compare what every key must have with the mails that owners were really sent."""
    enforced = [day.runs[0].started for day in days if day.runs and not day.dry_run]
    read = [mail for mail in history.evidence.mails if admin not in mail.to]
    begun = enforced[0] if enforced else None
    dry = [mail for mail in read if begun is None or mail.at < begun]
    sent = _by_key(history, [mail for mail in read if begun is not None and mail.at >= begun])
    people = {(person.account_id, person.user): person for person in company.people}
    accounts = {account.account_id: account for account in company.accounts}
    places = {run: history.index_after(run) for run in enforced}
    keys = []
    for story in history.stories.values():
        person, account = people[story.account, story.holder.name], accounts[story.account]
        course = Course(
            story=story,
            person=person,
            mailbox=person.reads or account.email,
            history=history,
            runs=enforced,
            places=places,
            windows=history.evidence.windows,
        )
        due = course.notices() if account.has_role and not account.suspended else ()
        pairs = sorted(_pairs(course, due, sent.pop(story.key_id, [])), key=lambda pair: pair.on)
        keys.append(KeyNotices(story=story, notices=tuple(pairs)))
    unknown = (f"{each} is about {key}, which nobody has" for key in sent for each in sent[key])
    shared = (f"a mail of {mail.at} went to {mail.to}" for mail in read if len(mail.to) > 1)
    return NoticeBook(keys=tuple(keys), wrong=(*unknown, *shared, *_too_often(history, dry)))


def one_mail_a_day(
    history: ReplayedHistory, days: Sequence[Day], admin: str, number: int
) -> Verdict:
    """Whether the administrators got one mail about each day, and no other."""
    steps = history.evidence.step_of
    of_day = Counter(
        said for mail in history.evidence.mails if admin in mail.to for said in _days(steps(mail))
    )
    last = days[-1].began.date()
    wrong = []
    for day in (each.began.date() for each in days):
        # That nothing started the run is known on the day after.
        is_known = day < last or bool(days[-1].runs)
        if (mails := of_day.pop(str(day), 0)) != 1 and (is_known or mails):
            wrong.append(f"{mails} mails to the administrators are about {day}")
    wrong += [
        f"{mails} mails to the administrators are about {day}" for day, mails in of_day.items()
    ]
    return Verdict(
        number=number,
        title="the administrators get one mail a day",
        checked=len(days),
        violations=tuple(wrong),
    )


def _days(steps: frozenset[tuple[str, str]]) -> list[str]:
    """The day that a mail to the administrators is about; of one about keys, its keys."""
    return [step if key == "daily" else key for key, step in steps] or ["nothing"]


def _by_key(history: ReplayedHistory, mails: Sequence[SentMail]) -> dict[str, list[SentNotice]]:
    """What each mail tells, by key id."""
    told: dict[str, list[SentNotice]] = defaultdict(list)
    for mail in mails:
        for key_id, said in sorted(history.evidence.step_of(mail)):
            step, _, day = said.rpartition("/")
            about = date.fromisoformat(day)
            told[key_id] += [
                SentNotice(step=step, about=about, to=to, mail=mail) for to in mail.to
            ]
    return told


def _pairs(
    course: Course, due: Sequence[DueNotice], sent: list[SentNotice]
) -> Iterator[NoticePair]:
    for notice in due:
        found = next((each for each in sent if _is_met(course, notice, each)), None)
        if found is not None:
            sent.remove(found)
        yield NoticePair(due=notice, sent=found)
    for each in sent:
        yield NoticePair(due=None, sent=each)


def _too_often(history: ReplayedHistory, dry: Sequence[SentMail]) -> Iterator[str]:
    """Of a dry run owners hear once a week."""
    last: dict[tuple[str, str], datetime] = {}
    for key_id, notices in _by_key(history, dry).items():
        for each in notices:
            before = last.get((key_id, each.to))
            if before is not None and not have_passed(REPEATED, before, each.mail.at):
                yield f"{each} about {key_id}, in a dry run, is the second of its week"
            last[key_id, each.to] = each.mail.at


def _is_met(course: Course, due: DueNotice, sent: SentNotice) -> bool:
    """Whether this is the notice that is due; runs are half an hour early, or late."""
    days = {due.on}
    if course.person.gone is not None:
        # Once a month it is found out again that nobody is there: that takes until tomorrow.
        later = [run.date() for run in course.runs if run.date() > due.on]
        days.update(later[:1])
    return (
        (due.step, due.to) == (sent.step, sent.to)
        and sent.on in days
        and abs(due.about - sent.about) <= DAY
    )
