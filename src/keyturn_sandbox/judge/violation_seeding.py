"""
For the judge to find: good evidence, with one violation of one invariant added.

A judge that never convicts proves nothing. Where a key or user is needed, it is a made-up one, so
that nothing else in the evidence comes to look wrong.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from keyturn_sandbox.emulator.call_log import Call
from keyturn_sandbox.judge.evidence import (
    ACTIVE,
    GAP,
    INACTIVE,
    Evidence,
    HeldKey,
    JudgedRun,
    secret_name,
)

_USER = "planted-user"
_OLD, _NEW = "AKIAPLANTEDOLDKEY000", "AKIAPLANTEDNEWKEY000"
_MINUTE = timedelta(minutes=1)


class NothingToSeedOn(Exception):
    """The evidence has no run or mail of the kind that the violation needs."""


def seed_violation(number: int, evidence: Evidence) -> Evidence:
    """Add one violation of the invariant of this number."""
    return _VIOLATIONS[number](evidence)


def _disable_untold(evidence: Evidence) -> Evidence:
    """Disable a quiet key that has a younger one beside it, without a word to anybody."""
    run = _last(evidence, dry_run=False, in_step=True)
    return _disabling(evidence, run.ended)


def _delete_early(evidence: Evidence) -> Evidence:
    """Delete a key that is Inactive only since an hour."""
    run = _last(evidence, dry_run=False, in_step=True)
    of_key = {"UserName": _USER, "AccessKeyId": _OLD}
    disabling = {**of_key, "Status": INACTIVE}
    an_hour_before = run.ended - timedelta(hours=1)
    calls = [
        _by_hand(_call(evidence, an_hour_before, "UpdateAccessKey", disabling)),
        _call(evidence, run.ended, "DeleteAccessKey", of_key),
    ]
    return _with_old_keys(evidence, run.ended, calls, {_NEW: ACTIVE})


def _lose_a_new_key(evidence: Evidence) -> Evidence:
    """Make a key whose secret is stored nowhere."""
    run = _last(evidence, dry_run=False)
    call = _call(evidence, run.ended, "CreateAccessKey", {"UserName": _USER})
    call = replace(call, result={"UserName": _USER, "AccessKeyId": _NEW})
    made = _key(evidence, _NEW, ACTIVE, run.ended)
    return replace(
        evidence, calls=[*evidence.calls, call], keys_after=[*evidence.keys_after, made]
    )


def _overstep(evidence: Evidence) -> Evidence:
    """Change something that is none of Keyturn's business."""
    run = _last(evidence, dry_run=False)
    params = {"UserName": _USER, "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
    return _with_call(evidence, _call(evidence, run.ended, "AttachUserPolicy", params))


def _touch_an_exempt_user(evidence: Evidence) -> Evidence:
    """Write to the secret of a user who is in the exemption group."""
    run = _last(evidence, dry_run=False)
    member = (_account(evidence), _USER)
    exempt = replace(evidence, exempt_before=evidence.exempt_before | {member})
    return _with_call(exempt, _tagging(exempt, run.ended))


def _write_in_a_dry_run(evidence: Evidence) -> Evidence:
    """Write a tag in a dry run."""
    run = _last(evidence, dry_run=True)
    return _with_call(evidence, _tagging(evidence, run.ended))


def _let_a_secret_out(evidence: Evidence) -> Evidence:
    """Log a secret access key."""
    secret = "planted/secret+access" + 19 * "0"
    return replace(
        evidence,
        secret_values={**evidence.secret_values, _NEW: secret},
        texts=[*evidence.texts, ("the planted log", f"made a key for {_USER}: {secret}")],
    )


def _keep_a_failure_quiet(evidence: Evidence) -> Evidence:
    """Be refused by an account, and say nothing."""
    run = _last(evidence, dry_run=False)
    role = f"arn:aws:iam::000000000000:role/{_role(evidence)}"
    refused = _call(evidence, run.ended, "AssumeRole", {"RoleArn": role})
    return _with_call(evidence, replace(refused, service="sts", error="AccessDenied"))


def _tell_twice(evidence: Evidence) -> Evidence:
    """Send the last notice once more."""
    run = _last(evidence, dry_run=False)
    told = [
        mail
        for mail in evidence.mails
        if evidence.step_of(mail) and _is_enforced(evidence, mail.at)
    ]
    if not told:
        raise NothingToSeedOn("no mail of an enforcing run says what it tells")
    return replace(evidence, mails=[*evidence.mails, replace(told[-1], at=run.ended)])


def _shorten_a_window(evidence: Evidence) -> Evidence:
    """Disable a key untold, in a run that comes after a fortnight without any."""
    last = max(run.ended for run in evidence.runs)
    late = last + timedelta(days=14)
    run = JudgedRun(started=late - _MINUTE, ended=late, dry_run=False, accounts=frozenset())
    return _disabling(replace(evidence, runs=[*evidence.runs, run]), late)


_VIOLATIONS: Mapping[int, Callable[[Evidence], Evidence]] = {
    1: _disable_untold,
    2: _delete_early,
    3: _lose_a_new_key,
    4: _overstep,
    5: _touch_an_exempt_user,
    6: _write_in_a_dry_run,
    7: _let_a_secret_out,
    8: _keep_a_failure_quiet,
    9: _tell_twice,
    10: _shorten_a_window,
}


def _last(evidence: Evidence, *, dry_run: bool, in_step: bool = False) -> JudgedRun:
    """The last run of a kind; in step: no day was skipped in the weeks before it."""
    runs = sorted(evidence.runs, key=lambda run: run.started)
    resumed = [
        later.started for earlier, later in pairwise(runs) if later.started - earlier.ended > GAP
    ]
    longest = timedelta(days=evidence.windows.installation + evidence.windows.grace)
    fitting = [
        run
        for run in runs
        if run.dry_run is dry_run
        and not run.repeats
        and not (in_step and any(run.started - longest <= day <= run.started for day in resumed))
    ]
    if not fitting:
        raise NothingToSeedOn("the evidence has no run of the kind")
    return fitting[-1]


def _is_enforced(evidence: Evidence, at: datetime) -> bool:
    return any(run.started <= at <= run.ended and not run.dry_run for run in evidence.runs)


def _disabling(evidence: Evidence, at: datetime) -> Evidence:
    params = {"UserName": _USER, "AccessKeyId": _OLD, "Status": INACTIVE}
    call = _call(evidence, at, "UpdateAccessKey", params)
    return _with_old_keys(evidence, at, [call], {_OLD: INACTIVE, _NEW: ACTIVE})


def _with_old_keys(
    evidence: Evidence, at: datetime, calls: list[Call], after: Mapping[str, str]
) -> Evidence:
    """Give the made-up user two quiet keys, one of them young, and let these calls happen."""
    born = {_OLD: at - timedelta(days=900), _NEW: at - timedelta(days=50)}
    keys = [_key(evidence, key_id, ACTIVE, born[key_id]) for key_id in born]
    left = [_key(evidence, key_id, status, born[key_id]) for key_id, status in after.items()]
    return replace(
        evidence,
        calls=[*evidence.calls, *calls],
        keys_before=[*evidence.keys_before, *keys],
        keys_after=[*evidence.keys_after, *left],
    )


def _with_call(evidence: Evidence, call: Call) -> Evidence:
    return replace(evidence, calls=[*evidence.calls, call])


def _tagging(evidence: Evidence, at: datetime) -> Call:
    params = {
        "SecretId": secret_name(_account(evidence), _USER),
        "Tags": [{"Key": "planted", "Value": "yes"}],
    }
    return replace(_call(evidence, at, "TagResource", params), service="secretsmanager")


def _call(
    evidence: Evidence,
    at: datetime,
    operation: str,
    params: Mapping[str, object],
) -> Call:
    account = _account(evidence)
    return Call(
        at=at,
        account=account,
        principal=f"arn:aws:sts::{account}:assumed-role/{_role(evidence)}/planted",
        service="iam",
        operation=operation,
        params=params,
        result={},
        error=None,
        request_id="planted",
    )


def _by_hand(call: Call) -> Call:
    return replace(call, principal=f"arn:aws:iam::{call.account}:user/somebody")


def _key(evidence: Evidence, key_id: str, status: str, created: datetime) -> HeldKey:
    return HeldKey(
        account=_account(evidence), user=_USER, key_id=key_id, status=status, created=created
    )


def _account(evidence: Evidence) -> str:
    return min(evidence.accounts)


def _role(evidence: Evidence) -> str:
    return min(evidence.keyturn_roles)
