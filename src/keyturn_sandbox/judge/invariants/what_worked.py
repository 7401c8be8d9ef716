"""4: what worked still works."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import pairwise

from keyturn_sandbox.emulator.call_log import Call
from keyturn_sandbox.judge.evidence import (
    ACTIVE,
    DELETED,
    INACTIVE,
    LONGEST_RUN,
    secret_name,
    secret_of,
    token_of,
)
from keyturn_sandbox.judge.history import KeyStory, ReplayedHistory, StatusChange
from keyturn_sandbox.judge.invariants import Fact
from keyturn_sandbox.judge.invariants.calls import (
    OF_KEYS,
    format_utc,
    is_in_own_bucket,
    is_own_notice,
    is_write,
    spoken,
)
from keyturn_sandbox.judge.invariants.endings import KeyEnding, endings_of, is_orphan, is_revoked
from keyturn_sandbox.judge.invariants.removals import is_announced_removal
from keyturn_sandbox.judge.invariants.secrets import is_scheduled_deletion

_NEVER_READ = frozenset({"GetSecretValue", "BatchGetSecretValue"})


def what_worked_still_works(history: ReplayedHistory) -> Iterator[Fact]:
    """4: Keyturn does what it may, ends no more than it may, and the log tells how all came."""
    yield from _only_permitted_calls(history)
    yield from _only_own_disablings_undone(history)
    yield from _secrets_hold_living_keys(history)
    yield from _whose_key_is_revoked_has_another(history)
    yield from _no_day_ends_more_than_it_may(history)
    yield from _log_explains_the_end(history)


def _only_permitted_calls(history: ReplayedHistory) -> Iterator[Fact]:
    for index, call in history.keyturns:
        if is_write(call) or call.operation in _NEVER_READ:
            is_well = (
                is_own_notice(history.evidence, call)
                or is_in_own_bucket(history.evidence, call)
                or _is_permitted(call)
                or is_announced_removal(history, index, call)
                or is_scheduled_deletion(history, index, call)
            )
            yield None if is_well else f"{spoken(call)}, which it never may"


def _is_permitted(call: Call) -> bool:
    is_known = call.operation in OF_KEYS.get(call.service, ())
    own_name = f"Account_{call.account}_User_"
    return is_known and (call.service == "iam" or secret_of(call).startswith(own_name))


def _only_own_disablings_undone(history: ReplayedHistory) -> Iterator[Fact]:
    for story in history.stories.values():
        for before, after in pairwise(story.changes):
            if after.by_keyturn and after.status == ACTIVE:
                run = history.run_of(after.index)
                is_own = before.by_keyturn and history.run_of(before.index) == run
                is_ordered = (
                    run is not None
                    and story.key_id in run.restores
                    and (
                        not is_revoked(history, story, before) or _is_stopped_at_once(story, after)
                    )
                )
                done = f"{story} was enabled by Keyturn at {format_utc(after.at)}"
                yield (
                    None
                    if is_own or is_ordered
                    else f"{done}, but it was not Keyturn that had just disabled it"
                )


def _is_stopped_at_once(story: KeyStory, enabled: StatusChange) -> bool:
    """Whether Keyturn stopped a key again that it had just enabled."""
    following = next((change for change in story.changes if change.index > enabled.index), None)
    return (
        following is not None
        and following.by_keyturn
        and following.status == INACTIVE
        and following.at - enabled.at <= LONGEST_RUN
    )


def _secrets_hold_living_keys(history: ReplayedHistory) -> Iterator[Fact]:
    keys = {token_of(key_id): story for key_id, story in history.stories.items()}
    for run in history.runs:
        index = history.index_after(run.ended)
        for account, name in history.secrets:
            secret = history.secret(account, name, index)
            if secret is None or not secret.by_keyturn or secret.deleted:
                continue
            story = keys.get(secret.current or "")
            is_well = story is not None and (
                _is_alive_or_let_go(history, story, index)
                # Whom people gave another name has a secret of that name, and was told so.
                or name != secret_name(account, story.user_at(index))
            )
            when = f"after the run of {format_utc(run.started)}"
            yield None if is_well else f"{account} {name} held a dead key {when}"


def _is_alive_or_let_go(history: ReplayedHistory, story: KeyStory, index: int) -> bool:
    """Whether it is Active, or a person ended it, ordered it, or had made what replaced it."""
    change = story.last_change(index)
    if change is None or change.status == ACTIVE:
        return change is not None
    stopped = [c for c in story.changes if c.index <= change.index and c.status == INACTIVE]
    first = stopped[-1] if stopped else change
    windows = history.windows_at(first.at)
    if not first.by_keyturn or is_revoked(history, story, first):
        return True
    return (
        windows.in_use
        or windows.unused is not None
        or any(
            not other.made_by_keyturn and other.created > story.created
            for other in history.of_holder[story.holder]
            if other.status(first.index) == ACTIVE
        )
    )


def _whose_key_is_revoked_has_another(history: ReplayedHistory) -> Iterator[Fact]:
    for ending in endings_of(history, INACTIVE):
        run = history.run_of(ending.change.index)
        if run is None or not is_revoked(history, ending.story, ending.change):
            continue
        index = history.index_after(run.ended)
        others = (
            other
            for other in history.of_holder[ending.story.holder]
            if other.status(index) == ACTIVE
            and (not other.made_by_keyturn or history.is_delivered(other, index))
        )
        is_excused = run.crashed or run.without_successor or ending.story.account in run.failed
        is_well = is_excused or any(others)
        yield None if is_well else f"{ending}, and no other key of its user worked after the run"


def _no_day_ends_more_than_it_may(history: ReplayedHistory) -> Iterator[Fact]:
    ends: dict[tuple[str, date], list[KeyEnding]] = defaultdict(list)
    for ending in (*endings_of(history, INACTIVE), *endings_of(history, DELETED)):
        if _is_counted(history, ending):
            ends[ending.story.account, ending.change.at.date()].append(ending)
    for (account, day), endings in sorted(ends.items()):
        keys = {ending.story.key_id for ending in endings}
        there = sum(
            _was_there(story, day)
            for story in history.stories.values()
            if story.account == account
        )
        windows = [history.windows_at(ending.change.at) for ending in endings]
        cap = max(max(each.keys_a_day, there * each.percent_a_day // 100) for each in windows)
        ended = f"{account}: Keyturn ended {len(keys)} of {there} keys on {day}"
        yield f"{ended}, which is more than {cap}" if len(keys) > cap else None


def _is_counted(history: ReplayedHistory, ending: KeyEnding) -> bool:
    """Whether the end of a key counts: nobody misses an orphan, and a person ordered the rest."""
    run = history.run_of(ending.change.index)
    is_ordered = run is not None and (run.approved or ending.story.key_id in run.revokes)
    return not (is_ordered or is_orphan(history, ending))


def _was_there(story: KeyStory, day: date) -> bool:
    """Whether a key existed on a day, for an hour or all of it."""
    last = story.changes[-1]
    is_gone = last.status == DELETED and last.at.date() < day
    return story.created.date() <= day and not is_gone


def _log_explains_the_end(history: ReplayedHistory) -> Iterator[Fact]:
    end = len(history.calls)
    found = {key.key_id: key.status for key in history.evidence.keys_after}
    replayed = {key_id: story.status(end) for key_id, story in history.stories.items()}
    owners = {key.key_id: f"{key.account} {key.user}" for key in history.evidence.keys_after}
    for key_id in sorted(found.keys() | replayed.keys()):
        was, should = found.get(key_id, DELETED), replayed.get(key_id, DELETED)
        who = str(history.stories.get(key_id, f"{owners.get(key_id)} {key_id}"))
        yield None if was == should else f"{who} is {was} at the end, but by the log {should}"
