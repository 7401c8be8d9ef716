"""A made-up organisation for the page: about 230 keys of 150 users in 12 accounts, 130 days."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from keyturn.domain.decision import Overlay, State
from keyturn_sandbox.demo.timeline import (
    AccountLine,
    FindingLine,
    Happening,
    KeyLine,
    Link,
    MailLine,
    NoticeLine,
    NoticesOfKey,
    Reach,
    SetApart,
    Span,
    Timeline,
    WeekLine,
)

FIRST = date(2026, 1, 5)
ENFORCED = FIRST + timedelta(days=14)
LAST = FIRST + timedelta(days=129)
AFTER = LAST + timedelta(days=1)
NASTY = "<b>x</b>,y"
"""IAM would not take the brackets, but the page must not trust it."""

ACCOUNTS = (
    *(
        AccountLine(account_id=f"{111111111111 + 90_210_000 * number}", name=name)
        for number, name in enumerate(
            (
                "billing",
                "data-lake",
                "identity",
                "logistics",
                "mobile",
                "payments",
                "research",
                "shop-production",
                "shop-staging",
                "warehouse",
            )
        )
    ),
    AccountLine(
        account_id="555555555555",
        name="closed-shop",
        reach=Reach.SKIPPED,
        reason="it is suspended",
    ),
    AccountLine(
        account_id="666666666666",
        name="newcomer",
        reach=Reach.FAILED,
        reason="AssumeRole of keyturn-member was denied: the role is not there yet",
    ),
)
PEOPLE = ("ada", "björn", "chidi", "dunya", "elif", "farid", "grace", "hana", "ines", "jonas")
SURNAMES = ("lovelace", "katz", "okafor", "petrov", "yilmaz", "sato", "silva", "novak")


def at(day: date) -> datetime:
    return datetime.combine(day, time(6, 12), UTC)


def after(day: date, days: int) -> date:
    return day + timedelta(days=days)


@dataclass
class Story:
    """One key's line while it is being told."""

    account: AccountLine
    user: str
    number: int
    created: date
    born: bool = False
    overlays: tuple[Overlay, ...] = ()
    spans: list[Span] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)

    def tell(self, day: date, kind: str, text: str, *, mail: bool = False) -> None:
        if day <= LAST:
            path = f"mails/{day}-{self.account.name}-{self.user}.html" if mail else None
            self.happenings.append(Happening(day=day, kind=kind, text=text, mail=path))

    def stay(self, start: date, end: date, state: State) -> None:
        if start < end and start <= LAST:
            self.spans.append(Span(start=start, end=min(end, AFTER), state=state))

    def line(self, ended: date | None) -> KeyLine:
        return KeyLine(
            account_id=self.account.account_id,
            account_name=self.account.name,
            user=self.user,
            key_id=f"AKIAEXAMPLE{self.number:09d}",
            created=at(self.created),
            ended=at(ended) if ended and ended <= LAST else None,
            state=State.DELETED if ended and ended <= LAST else self.spans[-1].state,
            overlays=self.overlays,
            born_in_run=self.born,
            spans=tuple(self.spans),
            happenings=tuple(self.happenings),
        )


def the_usual_course(story: Story) -> tuple[KeyLine, date]:
    """Warn, rotate, disable, delete; answers with the day of the rotation, too."""
    rotation = max(after(story.created, 90), ENFORCED)
    disabling, deletion = after(rotation, 10), after(rotation, 20)
    if story.born:
        story.tell(story.created, "created", "Made by Keyturn, and delivered")
        story.tell(after(story.created, 3), "installed", "Its owner installed it")
    for ahead in (14, 7, 1):
        if rotation > FIRST and after(rotation, -ahead) >= max(FIRST, story.created):
            text = f"Its owner was told that it is rotated on {rotation}"
            story.tell(after(rotation, -ahead), "warned", text, mail=True)
    story.tell(rotation, "rotated", "A successor was made and put into the owner's secret")
    text = f"Told: disabled on {disabling}, deleted on {deletion}"
    story.tell(rotation, "noticed", text, mail=True)
    story.tell(after(rotation, 3), "used-last", "Last used, for s3 in eu-central-1")
    story.tell(after(rotation, 7), "warned", f"Told again: disabled on {disabling}", mail=True)
    story.tell(disabling, "disabled", "Disabled: its successor is ten days old")
    story.tell(disabling, "noticed", f"Told: deleted on {deletion}", mail=True)
    story.tell(after(disabling, 7), "warned", f"Told again: deleted on {deletion}", mail=True)
    story.tell(deletion, "deleted", "Deleted: it was Inactive for ten days", mail=True)
    story.stay(max(story.created, FIRST), rotation, State.ACTIVE)
    story.stay(rotation, disabling, State.ROTATED)
    story.stay(disabling, deletion, State.DISABLED)
    return story.line(deletion), rotation


def an_exempt_course(story: Story) -> KeyLine:
    story.overlays = (Overlay.EXEMPT,)
    story.stay(FIRST, AFTER, State.ACTIVE)
    return story.line(None)


def a_blocked_course(story: Story) -> KeyLine:
    story.overlays = (Overlay.BLOCKED,)
    for week in range(2, 19):
        text = "Rotation is due, but both keys are in use"
        story.tell(after(FIRST, 7 * week), "blocked", text, mail=True)
    story.stay(FIRST, AFTER, State.ACTIVE)
    return story.line(None)


def a_restored_course(story: Story) -> KeyLine:
    story.overlays = (Overlay.RESTORED,)
    disabling = after(ENFORCED, 10)
    restored = after(disabling, 2)
    story.tell(ENFORCED, "rotated", "A successor was made and put into the owner's secret")
    story.tell(ENFORCED, "noticed", f"Told: disabled on {disabling}", mail=True)
    story.tell(disabling, "disabled", "Disabled: its successor is ten days old")
    story.tell(restored, "restored", "A person enabled it again", mail=True)
    story.stay(FIRST, ENFORCED, State.ACTIVE)
    story.stay(ENFORCED, disabling, State.ROTATED)
    story.stay(disabling, restored, State.DISABLED)
    story.stay(restored, AFTER, State.ROTATED)
    return story.line(None)


def the_keys() -> Iterator[KeyLine]:
    number = 0
    for person in range(150):
        account = ACCOUNTS[person * 7 % 10]
        name = f"{PEOPLE[person % 10]}.{SURNAMES[person // 10 % 8]}"
        user = NASTY if person == 77 else f"{name}-{person // 80}" if person >= 80 else name
        created = after(FIRST, -(1 + person * 379 % 900)) if person % 3 else after(FIRST, -person)
        number += 1
        story = Story(account, user, number, created)
        if person % 19 == 3:
            yield an_exempt_course(story)
        elif person % 41 == 5:
            yield a_blocked_course(story)
            yield a_blocked_course(Story(account, user, number + 500, after(created, 9)))
        elif person == 61:
            yield a_restored_course(story)
        else:
            line, rotation = the_usual_course(story)
            yield line
            while rotation <= LAST:
                number += 1
                story = Story(account, user, number, rotation, born=True)
                line, rotation = the_usual_course(story)
                if line.happenings[1:] or line.created.date() < after(LAST, -20):
                    yield line


KEYS = tuple(the_keys())
TITLES = (
    "disabled only with notice, and another key to use",
    "deleted only after the grace",
    "no new key is lost",
    "what worked still works",
    "exempt users are left alone",
    "dry runs write nothing",
    "no secret gets out",
    "a failure stops nobody else, and is told",
    "twice is as good as once",
    "skipped days shorten no window",
)


def sample_page() -> Timeline:
    exempt = sorted({(it.account_name, it.user) for it in KEYS if Overlay.EXEMPT in it.overlays})
    blocked = sorted({(it.account_name, it.user) for it in KEYS if Overlay.BLOCKED in it.overlays})
    return Timeline(
        title="Keyturn demo: an organisation's access keys",
        first_day=FIRST,
        last_day=LAST,
        enforced_from=ENFORCED,
        rotation_period=90,
        inactive_period=100,
        recovery_grace_period=10,
        accounts=ACCOUNTS,
        users=150,
        exempt=tuple(SetApart(account_name=account, user=user) for account, user in exempt),
        blocked=tuple(
            SetApart(account_name=account, user=user, why="two keys in use")
            for account, user in blocked
        ),
        average_age_before=287.4,
        average_age_after=48.6,
        took=timedelta(seconds=58.3),
        links=(
            Link(label="All mails", path="mails/index.html"),
            Link(label="The plan of the last day", path="plan.json"),
            Link(label="The log", path="logs/rotation.jsonl"),
        ),
        findings=tuple(
            FindingLine(number=number, title=title, checked=number * 417)
            for number, title in enumerate(TITLES, start=1)
        ),
        weeks=tuple(a_week(number) for number in range(1, 20)),
        keys=KEYS,
    )


def a_week(number: int) -> WeekLine:
    start = after(FIRST, 7 * (number - 1))

    def of(kind: str) -> int:
        days = [it.day for key in KEYS for it in key.happenings if it.kind == kind]
        return sum(start <= day < after(start, 7) for day in days)

    return WeekLine(
        number=number,
        first_day=start,
        dry_run=start < ENFORCED,
        rotated=of("rotated"),
        disabled=of("disabled"),
        deleted=of("deleted"),
        restored=of("restored"),
        notices=of("noticed") + of("warned") + of("blocked"),
        average_age=max(287.4 - 31 * (number - 1), 40 + number % 5 * 3.1),
    )


def the_mails() -> tuple[MailLine, ...]:
    return tuple(
        MailLine(
            sent=at(it.day),
            to=f"{key.user}@example.com",
            subject=f"[{key.account_name}] {it.text}",
            path=it.mail.removeprefix("mails/"),
        )
        for key in KEYS
        for it in key.happenings
        if it.mail
    )


def the_notices() -> list[NoticesOfKey]:
    """A key whose notices came, and one whose notice reached nobody, and one that was not sent."""
    told = "email to a.very.long.name.of.somebody@department.of.a.company.example: accepted 04:12"
    return [
        NoticesOfKey(
            account_name="billing",
            user=user,
            key_id=f"AKIAEXAMPLE{number:09d}",
            path="there before, disabled by Keyturn, deleted by Keyturn",
            notices=tuple(
                NoticeLine(
                    on=after(ENFORCED, day),
                    what=f"Its owner was told that it stops working on {after(ENFORCED, day)}",
                    to="ada@example.org",
                    mail=None if wrong else "mails/0001.html",
                    fate="" if wrong else told,
                    is_void=day == 0,
                    wrong=wrong,
                )
                for day, wrong in ((0, None), (1, None), (7, NASTY if number else None))
            ),
        )
        for number, user in enumerate(("ada.lovelace", NASTY))
    ]
