"""5 and 6: exempt users are left alone, and a dry run leaves everything alone."""

from collections.abc import Iterator

from keyturn_sandbox.emulator.call_log import Call
from keyturn_sandbox.judge.evidence import secret_name, secret_of, text
from keyturn_sandbox.judge.history import ReplayedHistory
from keyturn_sandbox.judge.invariants import Fact
from keyturn_sandbox.judge.invariants.calls import OF_KEYS, is_own_notice, is_write, spoken
from keyturn_sandbox.judge.invariants.removals import is_announced_removal


def exempt_users_are_left_alone(history: ReplayedHistory) -> Iterator[Fact]:
    """5: no write about who was exempt at the time, but what was ordered, or was announced."""
    users = {(account, secret_name(account, user)): user for account, user in history.memberships}
    for index, call in history.keyturns:
        if call.service in OF_KEYS and is_write(call):
            user = text(call.params, "UserName") or users.get((call.account, secret_of(call)), "")
            is_exempt = history.is_exempt(call.account, user, index)
            if is_exempt and (
                _is_ordered_even_so(history, index, call, user)
                or is_announced_removal(history, index, call)
                or _is_taken_back(call)
            ):
                is_exempt = False
            yield f"{spoken(call)}, though {user} was exempt" if is_exempt else None


def _is_taken_back(call: Call) -> bool:
    """Whether it takes a secret's deletion back, or its mark off: nothing of theirs is less."""
    tags = call.params.get("TagKeys")
    is_unmarked = (
        call.operation == "UntagResource"
        and isinstance(tags, list)
        and all(str(tag).startswith(("keyturn:idle:", "keyturn:gone")) for tag in tags)
    )
    return call.service == "secretsmanager" and (call.operation == "RestoreSecret" or is_unmarked)


def _is_ordered_even_so(history: ReplayedHistory, index: int, call: Call, user: str) -> bool:
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


def dry_runs_write_nothing(history: ReplayedHistory) -> Iterator[Fact]:
    """6: a dry run writes nothing but its own notices."""
    for run in history.runs:
        for call in history.calls_of(run) if run.dry_run else ():
            if is_write(call):
                is_well = is_own_notice(history.evidence, call)
                yield None if is_well else f"{spoken(call)}, in a dry run"
