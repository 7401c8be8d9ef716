"""
The judge: what must never happen, checked from the emulator's own call log.

One function for each invariant of the lifecycle. It yields a fact for each thing that it looked
at: None if all is well, else a sentence. What people do to their own keys is no violation, and
the policy's ways out (retiring unused keys, or keys in use) are taken to be switched off. What an
operator orders is allowed for the keys that the run was ordered about, and for no others.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from keyturn_sandbox.emulator.call_log import Call
from keyturn_sandbox.emulator.mailbox import Mail
from keyturn_sandbox.judge.evidence import (
    ACTIVE,
    DELETED,
    GAP,
    INACTIVE,
    LONGEST_RUN,
    SLACK,
    Change,
    Evidence,
    History,
    KeyStory,
    Run,
    all_of,
    have_passed,
    replay,
    secret_name,
    secret_of,
    text,
    token_of,
)
from keyturn_sandbox.judge.secret_scanner import SecretScanner
from keyturn_sandbox.judge.silence import stalling_is_told

Fact = str | None
Check = Callable[[History], Iterator[Fact]]

_READS = ("Get", "List", "Describe", "Head", "Lookup", "Receive", "AssumeRole", "GenerateMac")
_NEVER_READ = frozenset({"GetSecretValue", "BatchGetSecretValue"})
_OWN_NOTICES = {
    "ses": {"SendEmail"},
    "sesv2": {"SendEmail"},
    "events": {"PutEvents"},
    "sqs": {
        "SendMessage",
        "SendMessageBatch",
        "DeleteMessage",
        "DeleteMessageBatch",
        "ChangeMessageVisibility",
        "ChangeMessageVisibilityBatch",
    },
    "logs": {"CreateLogStream", "PutLogEvents"},
}
_OWN_FOLDERS = ("receipts", "snapshots", "reports")
"""What a dry run keeps in the bucket; what is counted, ordered or paused is not its business."""
_OF_KEYS = {
    "iam": {"CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"},
    "secretsmanager": {
        "CreateSecret",
        "PutSecretValue",
        "TagResource",
        "UntagResource",
        "RestoreSecret",
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the judge has to say about one invariant."""

    number: int
    title: str
    checked: int
    violations: tuple[str, ...]


def judge(evidence: Evidence) -> tuple[Finding, ...]:
    """Check the ten invariants."""
    history = replay(evidence)
    return tuple(
        _finding(number, title, list(check(history)))
        for number, (title, check) in enumerate(_INVARIANTS, start=1)
    )


def _finding(number: int, title: str, facts: Sequence[Fact]) -> Finding:
    violations = tuple(fact for fact in facts if fact is not None)
    return Finding(number=number, title=title, checked=len(facts), violations=violations)


# 1, 2 and 10: the windows.


@dataclass(frozen=True, slots=True)
class _Act:
    """Keyturn disabled or deleted a key."""

    story: KeyStory
    change: Change

    def __str__(self) -> str:
        done = "disabled" if self.change.status == INACTIVE else "deleted"
        return f"{self.story} was {done} by Keyturn at {_stamp(self.change.at)}"


def _acts(history: History, status: str) -> Iterator[_Act]:
    for story in history.stories.values():
        for change in story.changes[1:]:
            if change.by_keyturn and change.status == status:
                yield _Act(story, change)


def _disabled_only_with_notice_and_another_key(history: History) -> Iterator[Fact]:
    for act in _acts(history, INACTIVE):
        days = history.windows_at(act.change.at).installation
        if not _spans_a_skipped_day(history, act, days):
            yield _sentence(act, _wrong_with_disabling(history, act))


def _deleted_only_after_the_grace(history: History) -> Iterator[Fact]:
    for act in _acts(history, DELETED):
        days = history.windows_at(act.change.at).grace
        if not _spans_a_skipped_day(history, act, days):
            yield _sentence(act, _wrong_with_deletion(history, act))


def _windows_hold_over_skipped_days(history: History) -> Iterator[Fact]:
    for act in _acts(history, INACTIVE):
        days = history.windows_at(act.change.at).installation
        if _spans_a_skipped_day(history, act, days):
            yield _sentence(act, _wrong_with_disabling(history, act))
    for act in _acts(history, DELETED):
        days = history.windows_at(act.change.at).grace
        if _spans_a_skipped_day(history, act, days):
            yield _sentence(act, _wrong_with_deletion(history, act))


def _spans_a_skipped_day(history: History, act: _Act, days: int) -> bool:
    """Whether days on which nothing ran lie within the window before the act."""
    opened = act.change.at - timedelta(days=days) - SLACK
    return any(
        later.started - earlier.ended > GAP and opened < later.started <= act.change.at
        for earlier, later in pairwise(history.runs)
    )


def _sentence(act: _Act, wrong: Iterable[str]) -> Fact:
    reasons = "; ".join(wrong)
    return f"{act}, but {reasons}" if reasons else None


def _wrong_with_disabling(history: History, act: _Act) -> Iterator[str]:
    if _is_revoked(history, act.story, act.change) or _is_taken_back(history, act):
        return
    if _is_orphan(history, act):
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


def _is_orphan(history: History, act: _Act) -> bool:
    """Whether Keyturn made the key itself and nobody can have its secret: nobody has used it."""
    story, told = act.story, act.change.at - history.evidence.use_is_told_after
    return (
        story.made_by_keyturn
        and not history.is_delivered(story, act.change.index)
        and story.last_used(told) is None
    )


def _wrong_with_orphan(history: History, act: _Act) -> Iterator[str]:
    """Its own run may take it back at once; another makes it Inactive, and lets a day pass."""
    is_its_own = history.run_of(act.change.index) == history.run_of(act.story.changes[0].index)
    if act.change.status == DELETED and not is_its_own:
        before = act.story.last_change(act.change.index)
        if before is None or before.status != INACTIVE:
            yield "it was Active"
        elif not have_passed(1, before.at, act.change.at):
            yield f"it was Inactive only since {_stamp(before.at)}"


def _is_revoked(history: History, story: KeyStory, change: Change) -> bool:
    """Whether an operator ordered that the key be stopped."""
    run = history.run_of(change.index)
    return run is not None and story.key_id in run.revokes


def _is_taken_back(history: History, act: _Act) -> bool:
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


def _is_revoked_meanwhile(history: History, act: _Act) -> bool:
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


def _tells(history: History, mail: Mail, act: _Act) -> bool:
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


def _wrong_with_deletion(history: History, act: _Act) -> Iterator[str]:
    if _is_orphan(history, act):
        yield from _wrong_with_orphan(history, act)
        return
    days, now = history.windows_at(act.change.at).grace, act.change.at
    before = act.story.last_change(act.change.index)
    if before is None or before.status != INACTIVE:
        yield "it was Active"
    elif not have_passed(days, before.at, now):
        yield f"it was Inactive only since {_stamp(before.at)}"
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


# 3: no new key is lost.


def _no_new_key_is_lost(history: History) -> Iterator[Fact]:
    for story in history.stories.values():
        if story.made_by_keyturn:
            yield (
                _never_stored(history, story)
                or _unannounced(history, story)
                or _stored_elsewhere(history, story)
            )


def _never_stored(history: History, story: KeyStory) -> Fact:
    deadline = _deadline(history, story)
    if deadline is None:
        return None
    index = history.index_after(deadline)
    is_lost = story.status(index) == ACTIVE and not history.is_delivered(story, index)
    made = f"{story} was made by Keyturn at {_stamp(story.created)}"
    return f"{made}, and its secret was never stored" if is_lost else None


def _stored_elsewhere(history: History, story: KeyStory) -> Fact:
    """Who made the secret decides who reads it: a stranger's holds nobody's key."""
    delivery = history.deliveries.get(token_of(story.key_id))
    if delivery is None:
        return None
    secret = history.secret_of(story, delivery[0])
    if secret is not None and secret.ours:
        return None
    when = _stamp(delivery[1])
    return f"{story} was stored at {when} in a secret that Keyturn did not make"


def _unannounced(history: History, story: KeyStory) -> Fact:
    """After every run a key without a stored secret has an intent that tells what it is."""
    for run in history.runs:
        index = history.index_after(run.ended)
        secret = secret_name(story.account, story.user_at(index))
        is_open = story.status(index) == ACTIVE and not history.is_delivered(story, index)
        if is_open and not history.has_intent(story.account, secret, index):
            when = f"after the run of {_stamp(run.started)}"
            return f"{story} was Active {when}, its secret not stored, and no intent told of it"
    return None


def _deadline(history: History, story: KeyStory) -> datetime | None:
    """When a new key must be delivered or stopped; None: its intent has not been settled yet."""
    run = history.run_of(story.changes[0].index)
    if run is None or not run.crashed:
        return story.created + LONGEST_RUN if run is None else max(run.ended, story.created)
    # The first run that can tell that the crashed one is over repairs what it left, unless it
    # says that it could not, or its user is exempt by then: nobody may write to the key.
    repairs = (
        later.ended
        for later in history.runs
        if later.started > run.ended + LONGEST_RUN
        and not (later.dry_run or later.crashed or story.account in later.failed)
        and not _is_beside_an_order(history, later, story)
        and not history.has_exempt_user(story, history.index_after(later.started))
    )
    return next(repairs, None)


def _is_beside_an_order(history: History, run: Run, story: KeyStory) -> bool:
    """Whether an order was carried out while it ran, or just before: it leaves the user to it."""
    keys = {each.key_id for each in history.of_holder[story.holder]}
    return any(
        not keys.isdisjoint(other.restores | other.revokes)
        and other.started <= run.ended
        and run.started <= other.ended + LONGEST_RUN
        for other in history.runs
    )


# 4: what worked still works.


def _what_worked_still_works(history: History) -> Iterator[Fact]:
    yield from _only_permitted_calls(history)
    yield from _only_own_disablings_undone(history)
    yield from _secrets_hold_living_keys(history)
    yield from _whose_key_is_revoked_has_another(history)
    yield from _no_day_ends_more_than_it_may(history)
    yield from _log_explains_the_end(history)


def _only_permitted_calls(history: History) -> Iterator[Fact]:
    for _, call in history.keyturns:
        if _is_write(call) or call.operation in _NEVER_READ:
            is_well = (
                _is_own_notice(history.evidence, call)
                or _is_in_own_bucket(history.evidence, call)
                or _is_permitted(call)
            )
            yield None if is_well else f"{_spoken(call)}, which it never may"


def _is_permitted(call: Call) -> bool:
    is_known = call.operation in _OF_KEYS.get(call.service, ())
    own_name = f"Account_{call.account}_User_"
    return is_known and (call.service == "iam" or secret_of(call).startswith(own_name))


def _is_write(call: Call) -> bool:
    return not call.operation.startswith(_READS)


def _only_own_disablings_undone(history: History) -> Iterator[Fact]:
    for story in history.stories.values():
        for before, after in pairwise(story.changes):
            if after.by_keyturn and after.status == ACTIVE:
                run = history.run_of(after.index)
                is_own = before.by_keyturn and history.run_of(before.index) == run
                is_ordered = (
                    run is not None
                    and story.key_id in run.restores
                    and (
                        not _is_revoked(history, story, before)
                        or _is_stopped_at_once(story, after)
                    )
                )
                done = f"{story} was enabled by Keyturn at {_stamp(after.at)}"
                yield (
                    None
                    if is_own or is_ordered
                    else f"{done}, but it was not Keyturn that had just disabled it"
                )


def _is_stopped_at_once(story: KeyStory, enabled: Change) -> bool:
    """Whether Keyturn stopped a key again that it had just enabled."""
    following = next((change for change in story.changes if change.index > enabled.index), None)
    return (
        following is not None
        and following.by_keyturn
        and following.status == INACTIVE
        and following.at - enabled.at <= LONGEST_RUN
    )


def _secrets_hold_living_keys(history: History) -> Iterator[Fact]:
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
            when = f"after the run of {_stamp(run.started)}"
            yield None if is_well else f"{account} {name} held a dead key {when}"


def _is_alive_or_let_go(history: History, story: KeyStory, index: int) -> bool:
    """Whether it is Active, or a person ended it, ordered it, or had made what replaced it."""
    change = story.last_change(index)
    if change is None or change.status == ACTIVE:
        return change is not None
    stopped = [c for c in story.changes if c.index <= change.index and c.status == INACTIVE]
    first = stopped[-1] if stopped else change
    windows = history.windows_at(first.at)
    if not first.by_keyturn or _is_revoked(history, story, first):
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


def _whose_key_is_revoked_has_another(history: History) -> Iterator[Fact]:
    for act in _acts(history, INACTIVE):
        run = history.run_of(act.change.index)
        if run is None or not _is_revoked(history, act.story, act.change):
            continue
        index = history.index_after(run.ended)
        others = (
            other
            for other in history.of_holder[act.story.holder]
            if other.status(index) == ACTIVE
            and (not other.made_by_keyturn or history.is_delivered(other, index))
        )
        is_excused = run.crashed or run.without_successor or act.story.account in run.failed
        is_well = is_excused or any(others)
        yield None if is_well else f"{act}, and no other key of its user worked after the run"


def _no_day_ends_more_than_it_may(history: History) -> Iterator[Fact]:
    ends: dict[tuple[str, date], list[_Act]] = defaultdict(list)
    for act in (*_acts(history, INACTIVE), *_acts(history, DELETED)):
        if _is_counted(history, act):
            ends[act.story.account, act.change.at.date()].append(act)
    for (account, day), acts in sorted(ends.items()):
        keys = {act.story.key_id for act in acts}
        there = sum(
            _was_there(story, day)
            for story in history.stories.values()
            if story.account == account
        )
        windows = [history.windows_at(act.change.at) for act in acts]
        cap = max(max(each.keys_a_day, there * each.percent_a_day // 100) for each in windows)
        ended = f"{account}: Keyturn ended {len(keys)} of {there} keys on {day}"
        yield f"{ended}, which is more than {cap}" if len(keys) > cap else None


def _is_counted(history: History, act: _Act) -> bool:
    """Whether the end of a key counts: nobody misses an orphan, and a person ordered the rest."""
    run = history.run_of(act.change.index)
    is_ordered = run is not None and (run.approved or act.story.key_id in run.revokes)
    return not (is_ordered or _is_orphan(history, act))


def _was_there(story: KeyStory, day: date) -> bool:
    """Whether a key existed on a day, for an hour or all of it."""
    last = story.changes[-1]
    is_gone = last.status == DELETED and last.at.date() < day
    return story.created.date() <= day and not is_gone


def _log_explains_the_end(history: History) -> Iterator[Fact]:
    end = len(history.calls)
    found = {key.key_id: key.status for key in history.evidence.keys_after}
    replayed = {key_id: story.status(end) for key_id, story in history.stories.items()}
    owners = {key.key_id: f"{key.account} {key.user}" for key in history.evidence.keys_after}
    for key_id in sorted(found.keys() | replayed.keys()):
        was, should = found.get(key_id, DELETED), replayed.get(key_id, DELETED)
        who = str(history.stories.get(key_id, f"{owners.get(key_id)} {key_id}"))
        yield None if was == should else f"{who} is {was} at the end, but by the log {should}"


# 5 and 6: who and what is left alone.


def _exempt_users_are_left_alone(history: History) -> Iterator[Fact]:
    users = {(account, secret_name(account, user)): user for account, user in history.memberships}
    for index, call in history.keyturns:
        if call.service in _OF_KEYS and _is_write(call):
            user = text(call.params, "UserName") or users.get((call.account, secret_of(call)), "")
            is_exempt = history.is_exempt(call.account, user, index)
            if is_exempt and _is_ordered_even_so(history, index, call, user):
                is_exempt = False
            yield f"{_spoken(call)}, though {user} was exempt" if is_exempt else None


def _is_ordered_even_so(history: History, index: int, call: Call, user: str) -> bool:
    """Whether it stops a key that an operator said is leaked, or was to do the rest as well."""
    run = history.run_of(index)
    if run is None:
        return False
    if call.operation == "UpdateAccessKey" and text(call.params, "AccessKeyId") in run.revokes:
        return text(call.params, "Status") == "Inactive"
    return run.even_exempt and any(
        story.key_id in run.revokes and story.user_at(index) == user
        for story in history.stories.values()
        if story.account == call.account
    )


def _dry_runs_write_nothing(history: History) -> Iterator[Fact]:
    for run in history.runs:
        for call in history.calls_of(run) if run.dry_run else ():
            if _is_write(call):
                is_well = _is_own_notice(history.evidence, call)
                yield None if is_well else f"{_spoken(call)}, in a dry run"


def _is_own_notice(evidence: Evidence, call: Call) -> bool:
    """Whether the call only tells people, or keeps what Keyturn itself reads."""
    if call.service == "s3":
        folders = tuple(f"{evidence.prefix}{folder}/" for folder in _OWN_FOLDERS)
        is_own = text(call.params, "Key").startswith(folders)
        return is_own and _is_in_own_bucket(evidence, call)
    return call.operation in _OWN_NOTICES.get(call.service, ())


def _is_in_own_bucket(evidence: Evidence, call: Call) -> bool:
    is_kept = call.service == "s3" and call.operation in {"PutObject", "DeleteObject"}
    return is_kept and text(call.params, "Bucket") == evidence.bucket


# 7: no secret gets out.


def _no_secret_gets_out(history: History) -> Iterator[Fact]:
    scanner = SecretScanner(history.evidence.secret_values)
    for name, content in _all_texts(history.evidence):
        leaked = sorted({key_id for key_id, _ in scanner.find(content)})
        yield f"{name} holds the secret of {', '.join(leaked)}" if leaked else None


def _all_texts(evidence: Evidence) -> Iterator[tuple[str, str]]:
    yield from evidence.texts
    for mail in evidence.mails:
        yield f"the mail to {', '.join(mail.to)} of {_stamp(mail.at)}", all_of(mail)


# 8: a failure stops nobody else and is told.


def _failures_are_told_and_stop_nobody(history: History) -> Iterator[Fact]:
    yield from stalling_is_told(history)
    for run in history.runs:
        calls = history.calls_of(run)
        reported = run.failed | _reported_failed(calls)
        when = f"in the run of {_stamp(run.started)}"
        for account in sorted(_failing(calls, run)):
            is_told = any(account in said for said in reported)
            yield None if is_told else f"{account} failed {when}, and nobody was told"
        wanted = history.evidence.accounts if run.accounts is None else run.accounts
        visited = {call.account for call in calls if call.service == "iam"}
        for account in sorted(wanted):
            is_well = account in visited or any(account in said for said in reported)
            yield None if is_well else f"{account} was neither visited nor reported {when}"
    yield from _people_did_what_mails_say(history)


def _people_did_what_mails_say(history: History) -> Iterator[Fact]:
    """A key that is said to be re-enabled was, and by whom it is said."""
    for mail in history.evidence.mails:
        steps = history.evidence.step_of(mail)
        for key_id, step in steps:
            story = history.stories.get(key_id)
            if story is None or not step.startswith("restored"):
                continue
            if "would re-enable it" in (mail.text or ""):
                continue
            made = [change for change in story.changes if change.at <= mail.at]
            again = [
                after
                for before, after in pairwise(made)
                if (before.status, after.status) == (INACTIVE, ACTIVE)
            ]
            said = f"{story} was told at {_stamp(mail.at)} to be re-enabled"
            by_command = "an operator re-enabled it" in (mail.text or "")
            if not again:
                yield f"{said}, and nobody did"
            elif len(steps) == 1 and again[-1].by_keyturn is not by_command:
                yield f"{said} {'by command' if by_command else 'by hand'}, and it was not"
            else:
                yield None


def _failing(calls: Iterable[Call], run: Run) -> set[str]:
    """The accounts that could not be entered, or whose users could not be read."""
    failing: dict[tuple[str, str], bool] = {}
    for call in calls:
        match call.operation:
            case "AssumeRole":
                account = text(call.params, "RoleArn").split(":")[4]
            case "ListUsers":
                account = call.account
            case "GetGroup" if not (run.dry_run and call.error == "NoSuchEntity"):
                account = call.account
            case _:
                continue
        failing[account, call.operation] = call.error is not None
    return {account for (account, _), is_failing in failing.items() if is_failing}


def _reported_failed(calls: Iterable[Call]) -> set[str]:
    """The details of the events that tell of a failure."""
    entries = [
        entry
        for call in calls
        if call.operation == "PutEvents" and call.error is None
        for entry in _entries(call)
    ]
    return {json.dumps(entry) for entry in entries if "Failed" in str(entry.get("DetailType"))}


def _entries(call: Call) -> Iterator[Mapping[str, object]]:
    entries = call.params.get("Entries")
    if isinstance(entries, Sequence):
        yield from (entry for entry in entries if isinstance(entry, Mapping))


# 9: twice is as good as once.


def _twice_is_as_good_as_once(history: History) -> Iterator[Fact]:
    yield from _repeats_write_nothing(history)
    yield from _nobody_is_told_twice(history)


def _repeats_write_nothing(history: History) -> Iterator[Fact]:
    for run in history.runs:
        if run.repeats:
            for call in history.calls_of(run):
                is_written = call.service in _OF_KEYS and _is_write(call)
                yield f"{_spoken(call)}, in the second run of a day" if is_written else None


def _nobody_is_told_twice(history: History) -> Iterator[Fact]:
    told: dict[tuple[str, str, str], Run] = {}
    for mail in sorted(history.evidence.mails, key=lambda mail: mail.at):
        run = history.run_at(mail.at)
        steps = history.evidence.step_of(mail)
        if run is None or run.dry_run or not steps:
            continue
        new = {(address, *step) for address in mail.to for step in steps}
        noted = {each for each, by in told.items() if not by.unnoted}
        again = sorted({f"{key_id} ({step})" for _, key_id, step in new & noted})
        told |= dict.fromkeys(new, run)
        who = f"{', '.join(mail.to)} was told at {_stamp(mail.at)}"
        if again:
            yield f"{who} a second time of {', '.join(again)}"
        else:
            yield f"{who} something new by the second run of a day" if run.repeats else None


def _spoken(call: Call) -> str:
    about = text(call.params, "AccessKeyId") or secret_of(call)
    words = [call.account, text(call.params, "UserName"), about]
    subject = " ".join(word for word in words if word)
    return f"{subject}: Keyturn called {call.service}:{call.operation} at {_stamp(call.at)}"


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%SZ}"


_INVARIANTS: tuple[tuple[str, Check], ...] = (
    (
        "disabled only with notice, and another key to use",
        _disabled_only_with_notice_and_another_key,
    ),
    ("deleted only after the grace", _deleted_only_after_the_grace),
    ("no new key is lost", _no_new_key_is_lost),
    ("what worked still works", _what_worked_still_works),
    ("exempt users are left alone", _exempt_users_are_left_alone),
    ("dry runs write nothing", _dry_runs_write_nothing),
    ("no secret gets out", _no_secret_gets_out),
    ("a failure stops nobody else, and is told", _failures_are_told_and_stop_nobody),
    ("twice is as good as once", _twice_is_as_good_as_once),
    ("skipped days shorten no window", _windows_hold_over_skipped_days),
)
