"""
What must not stand still in silence: a key that is overdue, and a successor that was taken away.

A run may fail or be about somebody else, so the judge waits for three that could have told.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from operator import itemgetter

from keyturn_sandbox.emulator.mailbox import SentMail
from keyturn_sandbox.judge.evidence import ACTIVE, DELETED, INACTIVE, JudgedRun, have_passed, text
from keyturn_sandbox.judge.history import KeyStory, ReplayedHistory, StatusChange

RUNS = 3
"""So many runs that could have told, and did not, are silence."""
WEEK = 7
_ONLY_THE_SLOT = "blocked-slot-taken"
"""A notice that names a second key, and not what became of it."""
_SLACK = timedelta(days=2)


def stalling_is_told(history: ReplayedHistory) -> Iterator[str | None]:
    """Yield a fact for each key that stood still: None, or a sentence about the silence."""
    switched = _switched(history)
    accounts = {story.account for story in history.stories.values()}
    runs = {account: tuple(_telling(history, account, switched)) for account in accounts}
    for story in history.stories.values():
        if (silent := _overdue_in_silence(history, story, runs[story.account])) is not None:
            yield silent
        yield from _taken_in_silence(history, story, runs[story.account])


# --- an overdue key whose slot is taken -----------------------------------------------------


def _overdue_in_silence(
    history: ReplayedHistory, story: KeyStory, runs: Sequence[JudgedRun]
) -> str | None:
    waits: datetime | None = None
    silent = 0
    tellings = sorted(mail.at for mail in _mails(history, story))
    for run in runs:
        if not _is_overdue(history, story, run):
            waits, silent = None, 0
            continue
        waits = waits or run.started
        windows = history.windows_at(run.started)
        longest = timedelta(days=max(WEEK, windows.installation, windows.grace)) + _SLACK
        told = tellings[: bisect_right(tellings, run.ended + _SLACK)][-1:]
        silent = silent + 1 if run.ended - max([waits, *told]) > longest else 0
        if silent >= RUNS:
            return f"{story} was overdue beside another key on {run.ended:%Y-%m-%d}, in silence"
    return None


def _is_overdue(history: ReplayedHistory, story: KeyStory, run: JudgedRun) -> bool:
    index = history.index_after(run.started)
    others = [
        other for other in history.keys_beside(story) if other.status(index) in {ACTIVE, INACTIVE}
    ]
    return (
        story.status(index) == ACTIVE
        and bool(others)
        and all(other.status(index) == INACTIVE or _is_older(other, story) for other in others)
        and have_passed(history.windows_at(run.started).inactive, story.created, run.started)
        and not history.has_exempt_user(story, index)
    )


def _is_older(story: KeyStory, other: KeyStory) -> bool:
    return (story.created, story.key_id) < (other.created, other.key_id)


# --- a successor that a person took away ----------------------------------------------------


def _taken_in_silence(
    history: ReplayedHistory, story: KeyStory, runs: Sequence[JudgedRun]
) -> Iterator[str | None]:
    if not story.made_by_keyturn or any(change.by_keyturn for change in story.changes[1:]):
        return  # what Keyturn did to it itself may stand on record when a person does the rest
    for change in story.changes[1:]:
        if change.status in {INACTIVE, DELETED} and history.is_delivered(story, change.index):
            for old in history.of_holder[story.holder]:
                if _is_older(old, story):
                    later = [run for run in runs if run.started > change.at][:RUNS]
                    yield _untold(history, story, change, old, later)


def _untold(
    history: ReplayedHistory,
    story: KeyStory,
    change: StatusChange,
    old: KeyStory,
    later: Sequence[JudgedRun],
) -> str | None:
    if len(later) < RUNS or not _is_taken(history, story, old, later[0]):
        return None
    told = any(
        change.at <= mail.at <= later[-1].ended + _SLACK
        and mail in history.naming.get(story.key_id, ())
        for mail in _mails(history, old, but=_ONLY_THE_SLOT)
    )
    when = f"{change.at:%Y-%m-%d}"
    return None if told else f"{story} was taken away from {old} on {when}, in silence"


def _is_taken(history: ReplayedHistory, story: KeyStory, old: KeyStory, run: JudgedRun) -> bool:
    """Whether it can be seen, and is still so: the old key in use, and nothing in its place."""
    index, windows = history.index_after(run.started), history.windows_at(run.started)
    used = old.last_used(run.started - history.evidence.use_is_told_after)
    secret = history.secret_of(story, index)
    younger = [
        other
        for other in history.of_holder[story.holder]
        if _is_older(old, other) and other.made_by_keyturn and other.status(index) == ACTIVE
    ]
    return (
        story.status(index) != ACTIVE
        and old.status(index) == ACTIVE
        and not younger
        and used is not None
        and not have_passed(windows.installation, used, run.started)
        and have_passed(windows.rotation, old.created, run.started)
        and secret is not None
        and not secret.deleted
        and not history.has_exempt_user(story, index)
    )


# --- who could have told, and what was told -------------------------------------------------


def _telling(
    history: ReplayedHistory, account: str, switched: Sequence[tuple[datetime, bool]]
) -> Iterator[JudgedRun]:
    """The runs that looked at everybody in an account, and could write and tell."""
    for run in history.runs:
        is_ordinary = not (run.dry_run or run.crashed or run.repeats or run.approved)
        is_about_all = not (run.restores or run.revokes)
        is_here = run.accounts is None or account in run.accounts
        before = bisect_right(switched, run.ended, key=itemgetter(0))
        is_paused = before > 0 and switched[before - 1][1]
        is_well = account not in run.failed and not is_paused
        if is_ordinary and is_about_all and is_here and is_well:
            yield run


def _switched(history: ReplayedHistory) -> Sequence[tuple[datetime, bool]]:
    """When an operator paused Keyturn, or let it go on."""
    return [
        (call.at, call.operation == "PutObject")
        for call in history.calls
        if call.service == "s3"
        and call.operation in {"PutObject", "DeleteObject"}
        and text(call.params, "Key") == f"{history.evidence.prefix}paused.json"
        and call.error is None
    ]


def _mails(
    history: ReplayedHistory, story: KeyStory, but: str | None = None
) -> Iterator[SentMail]:
    """The mails of enforced runs that tell of a key; but for those of one step."""
    for mail in history.naming.get(story.key_id, ()):
        run = history.run_at(mail.at)
        steps = history.evidence.step_of(mail)
        is_of_it = not steps or any(
            key_id == story.key_id and not (but and step.startswith(but)) for key_id, step in steps
        )
        if run is not None and not run.dry_run and is_of_it:
            yield mail
