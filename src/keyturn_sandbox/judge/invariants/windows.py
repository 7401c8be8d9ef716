"""
1, 2 and 10: a key is disabled only with notice and another key to use, deleted only after the
grace, and days on which nothing ran shorten neither window.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from keyturn_sandbox.emulator.mailbox import Mail
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
from keyturn_sandbox.judge.history import Change, History, KeyStory
from keyturn_sandbox.judge.invariants import Fact
from keyturn_sandbox.judge.invariants.acts import Act, acts_of, is_orphan, is_revoked
from keyturn_sandbox.judge.invariants.calls import stamp


def disabled_only_with_notice_and_another_key(history: History) -> Iterator[Fact]:
    """1: each disabling, but for those after a skipped day (10)."""
    for act in acts_of(history, INACTIVE):
        days = history.windows_at(act.change.at).installation
        if not _spans_a_skipped_day(history, act, days):
            yield _sentence(act, _wrong_with_disabling(history, act))


def deleted_only_after_the_grace(history: History) -> Iterator[Fact]:
    """2: each deletion, but for those after a skipped day (10)."""
    for act in acts_of(history, DELETED):
        days = history.windows_at(act.change.at).grace
        if not _spans_a_skipped_day(history, act, days):
            yield _sentence(act, _wrong_with_deletion(history, act))


def windows_hold_over_skipped_days(history: History) -> Iterator[Fact]:
    """10: what was disabled or deleted within a window that holds a day without a run."""
    for act in acts_of(history, INACTIVE):
        days = history.windows_at(act.change.at).installation
        if _spans_a_skipped_day(history, act, days):
            yield _sentence(act, _wrong_with_disabling(history, act))
    for act in acts_of(history, DELETED):
        days = history.windows_at(act.change.at).grace
        if _spans_a_skipped_day(history, act, days):
            yield _sentence(act, _wrong_with_deletion(history, act))


def _spans_a_skipped_day(history: History, act: Act, days: int) -> bool:
    """Whether days on which nothing ran lie within the window before the act."""
    opened = act.change.at - timedelta(days=days) - SLACK
    return any(
        later.started - earlier.ended > GAP and opened < later.started <= act.change.at
        for earlier, later in pairwise(history.runs)
    )


def _sentence(act: Act, wrong: Iterable[str]) -> Fact:
    reasons = "; ".join(wrong)
    return f"{act}, but {reasons}" if reasons else None


def _wrong_with_disabling(history: History, act: Act) -> Iterator[str]:
    if is_revoked(history, act.story, act.change) or _is_taken_back(history, act):
        return
    if is_orphan(history, act):
        yield from _wrong_with_orphan(history, act)
        return
    story, index, now = act.story, act.change.index, act.change.at
    windows, told = history.windows_at(now), now - history.evidence.use_is_told_after
    days = windows.installation
    if not any(_tells(history, mail, act) for mail in history.naming.get(story.key_id, ())):
        yield f"its owner was not told {days} days before"
    others = [other for other in history.keys_beside(story) if other.status(index) == ACTIVE]
    if windows.unused is not None and have_passed(
        windows.unused, story.last_used(told) or story.created, now
    ):
        return
    if not others and _is_revoked_meanwhile(history, act):
        return
    if not others:
        yield "no other Active key remained"
    elif not (windows.in_use or _is_quiet(story, told, now, days)) and not any(
        _was_delivered(history, other, index, now) for other in others
    ):
        yield f"it was in use, and no other Active key was delivered {days} days before"


def _wrong_with_orphan(history: History, act: Act) -> Iterator[str]:
    """Its own run may take it back at once; another makes it Inactive, and lets a day pass."""
    is_its_own = history.run_of(act.change.index) == history.run_of(act.story.changes[0].index)
    if act.change.status == DELETED and not is_its_own:
        before = act.story.last_change(act.change.index)
        if before is None or before.status != INACTIVE:
            yield "it was Active"
        elif not have_passed(1, before.at, act.change.at):
            yield f"it was Inactive only since {stamp(before.at)}"


def _is_taken_back(history: History, act: Act) -> bool:
    """Whether it was the same run that had just enabled the key, on an operator's order."""
    before, run = act.story.last_change(act.change.index), history.run_of(act.change.index)
    return (
        before is not None
        and before.by_keyturn
        and before.status == ACTIVE
        and run is not None
        and act.story.key_id in run.restores
        and history.run_of(before.index) == run
    )


def _is_revoked_meanwhile(history: History, act: Act) -> bool:
    """Whether an order stopped the user's other key just then, and said that none is left."""
    return any(
        change.status == INACTIVE
        and timedelta(0) <= act.change.at - change.at <= LONGEST_RUN
        and (run := history.run_of(change.index)) is not None
        and other.key_id in run.revokes
        and run.without_successor
        and run.ended >= act.change.at
        for other in history.of_holder[act.story.holder]
        for change in other.changes[1:]
    )


def _tells(history: History, mail: Mail, act: Act) -> bool:
    """Whether the mail is the notice that the disabling of a key has to wait for."""
    evidence, story = history.evidence, act.story
    run = history.run_at(mail.at)
    restored = story.restored_at(act.change.index)
    mailboxes = evidence.mailboxes.get((story.account, story.user_at(act.change.index)))
    return (
        (run is None or not run.dry_run)
        and have_passed(history.windows_at(act.change.at).installation, mail.at, act.change.at)
        and (restored is None or mail.at > restored)
        and (mailboxes is None or not mailboxes.isdisjoint(mail.to))
        and _is_of_the_step(evidence, mail, story.key_id)
    )


def _is_of_the_step(evidence: Evidence, mail: Mail, key_id: str) -> bool:
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


def _was_delivered(history: History, story: KeyStory, index: int, now: datetime) -> bool:
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


def _wrong_with_deletion(history: History, act: Act) -> Iterator[str]:
    if is_orphan(history, act):
        yield from _wrong_with_orphan(history, act)
        return
    days, now = history.windows_at(act.change.at).grace, act.change.at
    before = act.story.last_change(act.change.index)
    if before is None or before.status != INACTIVE:
        yield "it was Active"
    elif not have_passed(days, before.at, now):
        yield f"it was Inactive only since {stamp(before.at)}"
    elif not _was_on_record(history, act.story, before, now):
        yield f"nothing was on record {days} days before of its being Inactive"


def _was_on_record(history: History, story: KeyStory, inactive: Change, now: datetime) -> bool:
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
