"""
1, 2 and 10: a key is disabled only with notice and another key to use, deleted only after the
grace, and days on which nothing ran shorten neither window.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from keyturn_sandbox.emulator.mailbox import SentMail
from keyturn_sandbox.judge.evidence import (
    ACTIVE,
    DELETED,
    GAP,
    INACTIVE,
    LONGEST_RUN,
    SLACK,
    Evidence,
    have_passed,
    secret_name,
    token_of,
)
from keyturn_sandbox.judge.history import KeyStory, ReplayedHistory, StatusChange
from keyturn_sandbox.judge.invariants import Fact
from keyturn_sandbox.judge.invariants.calls import format_utc
from keyturn_sandbox.judge.invariants.endings import KeyEnding, endings_of, is_orphan, is_revoked


def disabled_only_with_notice_and_another_key(history: ReplayedHistory) -> Iterator[Fact]:
    """1: each disabling, but for those after a skipped day (10)."""
    for ending in endings_of(history, INACTIVE):
        days = history.windows_at(ending.change.at).installation
        if not _spans_a_skipped_day(history, ending, days):
            yield _sentence(ending, _wrong_with_disabling(history, ending))


def deleted_only_after_the_grace(history: ReplayedHistory) -> Iterator[Fact]:
    """2: each deletion, but for those after a skipped day (10)."""
    for ending in endings_of(history, DELETED):
        days = history.windows_at(ending.change.at).grace
        if not _spans_a_skipped_day(history, ending, days):
            yield _sentence(ending, _wrong_with_deletion(history, ending))


def windows_hold_over_skipped_days(history: ReplayedHistory) -> Iterator[Fact]:
    """10: what was disabled or deleted within a window that holds a day without a run."""
    for ending in endings_of(history, INACTIVE):
        days = history.windows_at(ending.change.at).installation
        if _spans_a_skipped_day(history, ending, days):
            yield _sentence(ending, _wrong_with_disabling(history, ending))
    for ending in endings_of(history, DELETED):
        days = history.windows_at(ending.change.at).grace
        if _spans_a_skipped_day(history, ending, days):
            yield _sentence(ending, _wrong_with_deletion(history, ending))


def _spans_a_skipped_day(history: ReplayedHistory, ending: KeyEnding, days: int) -> bool:
    """Whether days on which nothing ran lie within the window before the ending."""
    opened = ending.change.at - timedelta(days=days) - SLACK
    return any(
        later.started - earlier.ended > GAP and opened < later.started <= ending.change.at
        for earlier, later in pairwise(history.runs)
    )


def _sentence(ending: KeyEnding, wrong: Iterable[str]) -> Fact:
    reasons = "; ".join(wrong)
    return f"{ending}, but {reasons}" if reasons else None


def _wrong_with_disabling(history: ReplayedHistory, ending: KeyEnding) -> Iterator[str]:
    if is_revoked(history, ending.story, ending.change) or _is_taken_back(history, ending):
        return
    if is_orphan(history, ending):
        yield from _wrong_with_orphan(history, ending)
        return
    story, index, now = ending.story, ending.change.index, ending.change.at
    windows, told = history.windows_at(now), now - history.evidence.use_is_told_after
    days = windows.installation
    if not any(_tells(history, mail, ending) for mail in history.naming.get(story.key_id, ())):
        yield f"its owner was not told {days} days before"
    others = [other for other in history.keys_beside(story) if other.status(index) == ACTIVE]
    if windows.unused is not None and have_passed(
        windows.unused, story.last_used(told) or story.created, now
    ):
        return
    if not others and _is_revoked_meanwhile(history, ending):
        return
    if not others:
        yield "no other Active key remained"
    elif not (windows.in_use or _is_quiet(story, told, now, days)) and not any(
        _was_delivered(history, other, index, now) for other in others
    ):
        yield f"it was in use, and no other Active key was delivered {days} days before"


def _wrong_with_orphan(history: ReplayedHistory, ending: KeyEnding) -> Iterator[str]:
    """Its own run may take it back at once; another makes it Inactive, and lets a day pass."""
    is_its_own = history.run_of(ending.change.index) == history.run_of(
        ending.story.changes[0].index
    )
    if ending.change.status == DELETED and not is_its_own:
        before = ending.story.last_change(ending.change.index)
        if before is None or before.status != INACTIVE:
            yield "it was Active"
        elif not have_passed(1, before.at, ending.change.at):
            yield f"it was Inactive only since {format_utc(before.at)}"


def _is_taken_back(history: ReplayedHistory, ending: KeyEnding) -> bool:
    """Whether it was the same run that had just enabled the key, on an operator's order."""
    before, run = (
        ending.story.last_change(ending.change.index),
        history.run_of(ending.change.index),
    )
    return (
        before is not None
        and before.by_keyturn
        and before.status == ACTIVE
        and run is not None
        and ending.story.key_id in run.restores
        and history.run_of(before.index) == run
    )


def _is_revoked_meanwhile(history: ReplayedHistory, ending: KeyEnding) -> bool:
    """Whether an order stopped the user's other key just then, and said that none is left."""
    return any(
        change.status == INACTIVE
        and timedelta(0) <= ending.change.at - change.at <= LONGEST_RUN
        and (run := history.run_of(change.index)) is not None
        and other.key_id in run.revokes
        and run.without_successor
        and run.ended >= ending.change.at
        for other in history.of_holder[ending.story.holder]
        for change in other.changes[1:]
    )


def _tells(history: ReplayedHistory, mail: SentMail, ending: KeyEnding) -> bool:
    """Whether the mail is the notice that the disabling of a key has to wait for."""
    evidence, story = history.evidence, ending.story
    run = history.run_at(mail.at)
    restored = story.restored_at(ending.change.index)
    mailboxes = evidence.mailboxes.get((story.account, story.user_at(ending.change.index)))
    return (
        (run is None or not run.dry_run)
        and have_passed(
            history.windows_at(ending.change.at).installation, mail.at, ending.change.at
        )
        and (restored is None or mail.at > restored)
        and (mailboxes is None or not mailboxes.isdisjoint(mail.to))
        and _is_of_the_step(evidence, mail, story.key_id)
    )


def _is_of_the_step(evidence: Evidence, mail: SentMail, key_id: str) -> bool:
    steps = evidence.step_of(mail)
    return not steps or any(
        told == key_id and step.startswith(evidence.disabling_step) for told, step in steps
    )


def _is_quiet(story: KeyStory, told: datetime, now: datetime, days: int) -> bool:
    """Whether the key was last used more than so many days ago, or never and is as old."""
    used = story.last_used(told)
    if used is None:
        return have_passed(days, story.created, now)
    return have_passed(days + 1, used, now)


def _was_delivered(history: ReplayedHistory, story: KeyStory, index: int, now: datetime) -> bool:
    """Whether the key's owner has had it for the whole window, and has it still."""
    token = token_of(story.key_id)
    delivery = history.deliveries.get(token)
    secret = history.secret_of(story, index)
    return (
        delivery is not None
        and have_passed(history.windows_at(now).installation, delivery[1], now)
        and secret is not None
        and not secret.deleted
        and token == secret.current
    )


def _wrong_with_deletion(history: ReplayedHistory, ending: KeyEnding) -> Iterator[str]:
    if is_orphan(history, ending):
        yield from _wrong_with_orphan(history, ending)
        return
    days, now = history.windows_at(ending.change.at).grace, ending.change.at
    before = ending.story.last_change(ending.change.index)
    if before is None or before.status != INACTIVE:
        yield "it was Active"
    elif not have_passed(days, before.at, now):
        yield f"it was Inactive only since {format_utc(before.at)}"
    elif not _was_on_record(history, ending.story, before, now):
        yield f"nothing was on record {days} days before of its being Inactive"


def _was_on_record(
    history: ReplayedHistory, story: KeyStory, inactive: StatusChange, now: datetime
) -> bool:
    """Whether a tag named for the key was written when it became Inactive or later."""
    secrets = {secret_name(story.account, name) for _, name in story.holder.names}
    return any(
        record.account == story.account
        and record.secret in secrets
        and any(tag.endswith(story.key_id) for tag in record.tags)
        # That a key will be disabled is on record before it is.
        and record.at >= inactive.at - LONGEST_RUN
        and have_passed(history.windows_at(now).grace, record.at, now)
        for record in history.records
    )
