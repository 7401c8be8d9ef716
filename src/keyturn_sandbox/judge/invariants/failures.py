"""8: a failure stops nobody else, and is told; so is what stands still."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from keyturn_sandbox.emulator.call_log import Call
from keyturn_sandbox.judge.evidence import ACTIVE, INACTIVE, JudgedRun, text
from keyturn_sandbox.judge.history import ReplayedHistory
from keyturn_sandbox.judge.invariants import Fact
from keyturn_sandbox.judge.invariants.calls import format_utc
from keyturn_sandbox.judge.invariants.silence import stalling_is_told


def failures_are_told_and_stop_nobody(history: ReplayedHistory) -> Iterator[Fact]:
    """8: an account that failed was told of, all others visited, and what stands still is told."""
    yield from stalling_is_told(history)
    for run in history.runs:
        calls = history.calls_of(run)
        reported = run.failed | _reported_failed(calls)
        when = f"in the run of {format_utc(run.started)}"
        for account in sorted(_failing(calls, run)):
            is_told = any(account in said for said in reported)
            yield None if is_told else f"{account} failed {when}, and nobody was told"
        wanted = history.evidence.accounts if run.accounts is None else run.accounts
        visited = {call.account for call in calls if call.service == "iam"}
        for account in sorted(wanted):
            is_well = account in visited or any(account in said for said in reported)
            yield None if is_well else f"{account} was neither visited nor reported {when}"
    yield from _people_did_what_mails_say(history)


def _people_did_what_mails_say(history: ReplayedHistory) -> Iterator[Fact]:
    """A key that is said to be re-enabled was, and by whom it is said."""
    for mail in history.evidence.mails:
        steps = history.evidence.step_of(mail)
        for key_id, step in steps:
            story = history.stories.get(key_id)
            if story is None or not step.startswith("restored"):
                continue
            run = history.run_at(mail.at)
            if run is not None and run.dry_run and "would re-enable it" in (mail.text or ""):
                continue  # an order's rehearsal
            made = [change for change in story.changes if change.at <= mail.at]
            again = [
                after
                for before, after in pairwise(made)
                if (before.status, after.status) == (INACTIVE, ACTIVE)
            ]
            said = f"{story} was told at {format_utc(mail.at)} to be re-enabled"
            by_command = "an operator re-enabled it" in (mail.text or "")
            if not again:
                yield f"{said}, and nobody did"
            elif len(steps) == 1 and again[-1].by_keyturn is not by_command:
                yield f"{said} {'by command' if by_command else 'by hand'}, and it was not"
            else:
                yield None


def _failing(calls: Iterable[Call], run: JudgedRun) -> set[str]:
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
