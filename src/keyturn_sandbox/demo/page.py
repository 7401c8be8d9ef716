"""What the demo's page says, taken from what the emulator saw."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

from keyturn.domain.amounts import pluralize
from keyturn.domain.decision import NoticeType, Overlay, State
from keyturn_sandbox.demo.fates import Fate, fates_of
from keyturn_sandbox.demo.timeline import (
    AccountLine,
    FindingLine,
    Happening,
    KeyLine,
    Link,
    MailLine,
    Reach,
    SetApart,
    Span,
    Timeline,
    WeekLine,
)
from keyturn_sandbox.emulator.mailbox import SentMail
from keyturn_sandbox.judge.evidence import ACTIVE, DELETED, INACTIVE
from keyturn_sandbox.judge.history import KeyStory, StatusChange
from keyturn_sandbox.simulation.demonstration import Result, step_of
from keyturn_sandbox.simulation.deployment import ADMIN, PREFIX


def timeline_of(result: Result, took: timedelta) -> Timeline:
    """All that the page says."""
    windows = result.evidence.windows
    names = {account.account_id: account.name for account in result.company.accounts}
    enforced = next((day for day in result.days if not day.dry_run), result.days[-1])
    fates = fates_of(result.objects, prefix=PREFIX)
    told = {
        key_id: [_told(each, fates) for each in mails]
        for key_id, mails in _mails_of_keys(result).items()
    }
    first, last = result.days[0].began.date(), result.days[-1].began.date()
    return Timeline(
        title=f"Keyturn: {pluralize(len(result.days), 'day')} of a company's access keys",
        first_day=first,
        last_day=last,
        enforced_from=enforced.began.date(),
        rotation_period=windows.rotation,
        inactive_period=windows.inactive,
        recovery_grace_period=windows.grace,
        accounts=tuple(_accounts(result)),
        users=len(result.company.people),
        exempt=tuple(
            SetApart(account_name=names[account], user=user, why="member of the exemption group")
            for account, user in sorted(result.company.exempt)
        ),
        blocked=tuple(
            SetApart(account_name=names[account], user=user, why=why)
            for (account, user), why in sorted(result.blocked.items())
        ),
        average_age_before=result.age_before,
        average_age_after=result.age_after,
        took=took,
        links=(
            Link(label="Each key's notices", path="notices.html"),
            Link(label="The same as CSV", path="notices.csv"),
            Link(label="All mails", path="mails/index.html"),
            Link(label="The plan for the day after", path="plan.json"),
            Link(label="The functions' log", path="keyturn.log"),
        ),
        findings=tuple(
            FindingLine(
                number=verdict.number,
                title=verdict.title,
                checked=verdict.checked,
                violations=verdict.violations,
            )
            for verdict in result.verdicts
        ),
        weeks=tuple(
            WeekLine(
                number=week.number,
                first_day=week.first.date(),
                dry_run=week.dry_run,
                rotated=week.rotated,
                disabled=week.disabled,
                deleted=week.deleted,
                restored=week.restored,
                notices=week.notices,
                average_age=week.average_age,
            )
            for week in result.weeks
        ),
        keys=tuple(
            _line(result, story, names[story.account], told.get(story.key_id, ()), last)
            for story in sorted(
                result.history.stories.values(),
                key=lambda story: (names[story.account], story.holder.name, story.created),
            )
        ),
    )


def mail_lines(result: Result) -> Sequence[MailLine]:
    """Where each mail is written, in the order in which they were sent."""
    return [
        MailLine(
            sent=mail.at,
            to=", ".join(mail.to),
            subject=mail.subject,
            path=f"mails/{number:04}.html",
        )
        for number, mail in enumerate(result.evidence.mails, start=1)
    ]


def _accounts(result: Result) -> Iterator[AccountLine]:
    failed = {account for day in result.days for run in day.runs for account in run.failed}
    for account in result.company.accounts:
        plain = AccountLine(account_id=account.account_id, name=account.name)
        if account.suspended:
            yield replace(plain, reach=Reach.SKIPPED, reason="it is SUSPENDED")
        elif account.account_id in failed:
            yield replace(plain, reach=Reach.FAILED, reason="its role could not be assumed")
        else:
            yield plain


def _mails_of_keys(result: Result) -> Mapping[str, Sequence[tuple[SentMail, str, str]]]:
    """Of each key the mails of enforcement that its owner got: mail, step and path."""
    enforced = [run for day in result.days for run in day.runs if not run.dry_run]
    if not enforced:
        return {}
    of_key: dict[str, list[tuple[SentMail, str, str]]] = {}
    for mail, line in zip(result.evidence.mails, mail_lines(result), strict=True):
        if mail.at < enforced[0].started or ADMIN in mail.to:
            continue
        for key_id, step in step_of(mail):
            of_key.setdefault(key_id, []).append((mail, step, line.path))
    return of_key


def _line(
    result: Result, story: KeyStory, account_name: str, told: Sequence[Happening], last: date
) -> KeyLine:
    changes = [*story.changes]
    ended = changes[-1].at if changes[-1].status == DELETED else None
    spans = tuple(_spans(result, story, last))
    user = (story.account, story.holder.name)
    overlays = (Overlay.EXEMPT,) if user in result.company.exempt else ()
    if user in result.blocked:
        overlays = (*overlays, Overlay.BLOCKED)
    return KeyLine(
        account_id=story.account,
        account_name=account_name,
        user=story.holder.name,
        key_id=story.key_id,
        created=story.created,
        ended=ended,
        state=State.DELETED if ended else spans[-1].state,
        overlays=overlays,
        born_in_run=story.created.date() >= result.days[0].began.date(),
        spans=spans,
        happenings=tuple(
            sorted((*_deeds(result, story), *told), key=lambda happening: happening.day)
        ),
    )


def _successor(result: Result, story: KeyStory) -> KeyStory | None:
    """The next key of the same user."""
    others = result.history.of_holder[story.holder]
    later = [other for other in others if other.created > story.created]
    return min(later, key=lambda other: other.created, default=None)


def _spans(result: Result, story: KeyStory, last: date) -> Iterator[Span]:
    successor = _successor(result, story)
    first = result.days[0].began.date()
    end = last + timedelta(days=1)
    bounds = [*[(change.at.date(), change.status) for change in story.changes], (end, DELETED)]
    for (start, status), (until, _) in pairwise(bounds):
        begun = max(start, first)
        if status == DELETED or until < first:
            continue
        if status == INACTIVE:
            yield Span(start=begun, end=until, state=State.DISABLED)
            continue
        replaced = successor.created.date() if successor else end
        split = min(max(replaced, begun), until)
        if split > begun or replaced > until:
            yield Span(start=begun, end=split, state=State.ACTIVE)
        if split < until:
            yield Span(start=split, end=until, state=State.ROTATED)


def _deeds(result: Result, story: KeyStory) -> Iterator[Happening]:
    first = result.days[0].began.date()
    maker = "Keyturn" if story.made_by_keyturn else "a person"
    if story.created.date() >= first:
        yield Happening(day=story.created.date(), kind="created", text=f"Made by {maker}")
    successor = _successor(result, story)
    if successor is not None and successor.made_by_keyturn:
        yield Happening(
            day=successor.created.date(),
            kind="rotated",
            text=f"Rotated: {successor.key_id} was made and stored in the user's secret",
        )
    for change in story.changes[1:]:
        yield Happening(day=change.at.date(), kind=_KINDS[change.status], text=_sentence(change))
    if story.uses:
        yield Happening(day=max(story.uses[-1].date(), first), kind="used-last", text="Last used")


_KINDS = {ACTIVE: "restored", INACTIVE: "disabled", DELETED: "deleted"}


def _sentence(change: StatusChange) -> str:
    by = "Keyturn" if change.by_keyturn else "a person"
    return f"{_KINDS[change.status].capitalize()} by {by}"


def _told(told: tuple[SentMail, str, str], fates: Mapping[str, Fate]) -> Happening:
    """What a mail said about this key: its subject may be about others of the account, too."""
    mail, step, path = told
    name, _, day = step.partition("/")
    warned = name.startswith((NoticeType.UPCOMING, "before-"))
    kind = "blocked" if name.startswith(NoticeType.BLOCKED) else "warned" if warned else "noticed"
    fate = fates.get(mail.message_id)
    is_void = fate is not None and fate.is_void
    return Happening(
        day=mail.at.date(),
        kind="returned" if is_void else kind,
        text=step_in_words(name, day),
        mail=path,
        fate=fate_in_words(mail, fate),
        is_void=is_void,
    )


def step_in_words(step: str, day: str) -> str:
    """What a notice of this step tells about a key."""
    other = f"Its owner was told: {step.replace('-', ' ')}"
    text = next((said for begins, said in _TOLD.items() if step.startswith(begins)), other)
    return text.format(day=_in_words(day))


def fate_in_words(mail: SentMail, fate: Fate | None) -> str:
    """To whom a mail went, by which channel, and what became of it."""
    to = ", ".join(mail.to)
    return f"{to}: no receipt is left" if fate is None else f"{fate.channel} to {to}: {fate}"


_TOLD = {
    NoticeType.UPCOMING: "Its owner was warned: it will be rotated on {day}",
    "disable": "Its owner was told that it stops working on {day}",
    NoticeType.BEFORE_DISABLE: "Its owner was warned: it stops working on {day}",
    NoticeType.DELETED: "Its owner was told that it is deleted",
    "delete": "Its owner was told that it will be deleted on {day}",
    NoticeType.BEFORE_DELETE: "Its owner was warned: it will be deleted on {day}",
    NoticeType.RESTORED: "Its owner was told that it was enabled again",
    NoticeType.BLOCKED: "Its owner was told that it has to wait",
    NoticeType.OVERWRITTEN: "Its owner was told that the secret no longer holds the new key",
    NoticeType.ORPHAN: "Its owner was told of a key whose secret nobody has",
    NoticeType.REVOKED: "Its owner was told that it was revoked",
}
"""What a step says, by how its name begins; the longer name before the shorter."""


def _in_words(day: str) -> str:
    """A date as a mail's subject has it: 14 July."""
    when = date.fromisoformat(day)
    return f"{when.day} {when:%B}"
