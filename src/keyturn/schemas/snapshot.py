"""
An account on a day, in one document: for reports, and for whoever asks with SQL.

One line of JSON, which Athena reads as it is stored.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final, Literal, NotRequired, TypedDict, TypeGuard

from keyturn.domain.days import read_day
from keyturn.domain.decision import Action, Reason
from keyturn.domain.deferral import Deferral
from keyturn.domain.exemptions_file import Standing
from keyturn.domain.key import KeyFacts, LastUse, UserFacts
from keyturn.domain.key_usage import breaks, is_in_use, known_usage
from keyturn.domain.owner import Owner, OwnerSource
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.reading import NotReadableError, read_json
from keyturn.domain.result import AccountPlan, AccountResult
from keyturn.domain.secret_life import SecretStep
from keyturn.domain.tag_text import format_utc, moment
from keyturn.schemas.account import (
    AccountId,
    Counts,
    Failed,
    Moment,
    Quarantined,
    count,
    write_failed,
    write_quarantined,
)
from keyturn.schemas.decision import Day, Decided, write_decision
from keyturn.schemas.snapshot_facts import FactsOfUser, write_facts

VERSION: Final = 1


class LastUsed(TypedDict):
    """When, where and for what a key was last used; at is null for a key that never was."""

    at: Moment | None
    service: str | None
    region: str | None


class SnapshotExemption(TypedDict):
    """What the exemptions file says of a member of the group; null: it has no entry."""

    standing: Standing
    expiry: Day | None
    since: Day | None
    ticket: str | None
    owner: str | None
    reason: str | None


class SnapshotDeferral(TypedDict):
    """The time that an operator gave a key, also when that is over."""

    until: Day
    ticket: str
    by: str
    at: Moment


class SnapshotUser(TypedDict):
    """
    A user, with or without keys.

    exemption: of one who is exempt, where there is an exemptions file.

    The owner is there where a decision needed it: the addresses (null: none is known), where they
    were found, and a sentence for each value that was found and does not serve.
    password_last_used: when they last signed in to the console, where IAM knows of a time.
    """

    user: str
    exempt: bool
    owner: NotRequired[str | None]
    owner_source: NotRequired[OwnerSource]
    owner_rejected: NotRequired[list[str]]
    exemption: NotRequired[SnapshotExemption]
    password_last_used: NotRequired[Moment]


class SnapshotKey(Decided):
    """
    A key as the run found it; done: the action was carried out.

    breaks: it is in use, its end is near, and nobody has fetched or used the key in its place.
    False says that it was looked at; null: nobody looked, or it could not be read. at: when
    the run began that did it, where a later one of the day looked at other users only.
    """

    created: Moment
    last_used: LastUsed | None
    exempt: bool
    done: bool
    breaks: NotRequired[bool | None]
    at: NotRequired[Moment]
    deferral: NotRequired[SnapshotDeferral]


class EarlierStep(TypedDict):
    """What an earlier run of the same day did about a key; at: when that run began."""

    user: str
    key: str
    age: int
    action: Action
    reason: Reason
    sentence: str
    at: Moment


class SecretChanged(TypedDict):
    """What a run did about a secret that nobody needs, or would do; user_gone: no user lives."""

    secret: str
    user: str
    user_gone: bool
    step: SecretStep
    sentence: str


class SnapshotSecrets(TypedDict):
    """
    The secrets of the account that have a name of Keyturn's.

    stored: those that are not scheduled for deletion, and cost something; of_gone: those of them
    whose user is gone. changed: what was done about any on this day, or would be.
    """

    stored: int
    scheduled: int
    of_gone: int
    changed: list[SecretChanged]


class SnapshotPolicy(TypedDict):
    """The periods that the run went by."""

    RotationPeriod: int
    InactivePeriod: int
    RecoveryGracePeriod: int


class Uncounted(TypedDict):
    """
    A snapshot but for its counts.

    secrets: of a run over all users that looked for those nobody needs (RemoveSecretsAfter);
    absent, nobody knows.

    exemptions_told is false where nobody could be told yet, or could tell, who was exempted since
    the snapshot before; absent, it is true. newly_exempt: who that is, by all runs of the day.
    done_earlier: what earlier runs of the day did. Both are absent where there is nothing to say.
    facts: what the run read before it decided, of users of whom it read anything; absent in a
    snapshot of an earlier version, which does not say it.
    """

    version: Literal[1]
    date: Day
    account: AccountId
    name: str
    run: str
    at: Moment
    dry_run: bool
    whole: bool
    exemptions_told: NotRequired[bool]
    newly_exempt: NotRequired[list[str]]
    done_earlier: NotRequired[list[EarlierStep]]
    facts: NotRequired[list[FactsOfUser]]
    secrets: NotRequired[SnapshotSecrets]
    policy: SnapshotPolicy
    users: list[SnapshotUser]
    keys: list[SnapshotKey]
    quarantined: list[Quarantined]
    failures: list[Failed]
    warnings: list[str]
    left: list[str]


class Snapshot(Uncounted):
    """An account on a day; whole: every user of it is there, or stands in left."""

    counts: Counts


def write_snapshot(result: AccountResult, policy: RotationPolicy) -> Snapshot:
    """What a run found of an account, and did."""
    run = result.plan.run
    taken = counted(
        {
            "version": VERSION,
            "date": run.at.date().isoformat(),
            "account": run.account.id,
            "name": run.account.name,
            "run": run.id,
            "at": format_utc(run.at),
            "dry_run": run.dry_run,
            "whole": result.plan.is_whole,
            "policy": {
                "RotationPeriod": policy.rotation_period,
                "InactivePeriod": policy.inactive_period,
                "RecoveryGracePeriod": policy.recovery_grace_period,
            },
            "users": [_user(decided.user, result.plan) for decided in result.plan.users],
            "keys": list(_keys(result)),
            "quarantined": write_quarantined(result),
            "failures": write_failed(result.failures),
            "warnings": list(result.plan.warnings),
            "left": list(result.left),
            "facts": write_facts(result.plan),
        }
    )
    if (secrets := _secrets(result)) is not None:
        taken["secrets"] = secrets
    if not result.exemptions_told:
        taken["exemptions_told"] = False
    if result.newly_exempt:
        taken["newly_exempt"] = list(result.newly_exempt)
    return taken


def _secrets(result: AccountResult) -> SnapshotSecrets | None:
    """What is known of the account's secrets, as the run left them; None: nothing."""
    plan = result.plan.secrets
    if plan is None or plan.stored is None or plan.scheduled is None:
        return None
    changed = plan.due if result.plan.run.dry_run else result.secrets_done
    went = [each for each in result.secrets_done if each.step is SecretStep.SCHEDULE]
    back = sum(each.step is SecretStep.TAKE_BACK for each in result.secrets_done)
    return {
        "stored": plan.stored - len(went) + back,
        "scheduled": plan.scheduled + len(went) - back,
        "of_gone": plan.of_gone - sum(each.is_of_gone for each in went),
        "changed": [
            {
                "secret": each.name,
                "user": each.user,
                "user_gone": each.is_of_gone,
                "step": each.step,
                "sentence": each.said,
            }
            for each in (*changed, *(each for each in plan.decisions if each.is_in_danger))
        ],
    }


def with_earlier(taken: Snapshot, earlier: Snapshot) -> Snapshot:
    """
    Keep what runs of the day before this one did, and whom they found newly exempt, or owners.

    taken: of this run. earlier: what is stored of the day, by this run or by one before.
    """
    at_work = {
        (each["key"], each["action"], each["reason"]) for each in taken["keys"] if each["done"]
    }
    before: list[EarlierStep] = [
        {
            "user": each["user"],
            "key": each["key"],
            "age": each["age"],
            "action": each["action"],
            "reason": each["reason"],
            "sentence": each["sentence"],
            "at": each.get("at", earlier["at"]),
        }
        for each in earlier["keys"]
        if each.get("done") is True
    ]
    steps = {
        (each["key"], each["action"], each["reason"]): each
        for each in (*earlier.get("done_earlier", ()), *before)
    }
    exempt = dict.fromkeys((*earlier.get("newly_exempt", ()), *taken.get("newly_exempt", ())))
    kept = [each for known, each in steps.items() if known not in at_work]
    owners = {each["user"]: each for each in earlier["users"] if "owner_source" in each}
    # Who was asked for in the morning is not asked for again where nothing is to be told.
    users: list[SnapshotUser] = [
        _with_owner(each, owners[each["user"]])
        if "owner_source" not in each and each["user"] in owners
        else each
        for each in taken["users"]
    ]
    taken = {**taken, "users": users}
    if (secrets := _with_earlier_secrets(taken, earlier)) is not None:
        taken = {**taken, "secrets": secrets}
    if kept:
        taken = {**taken, "done_earlier": kept}
    if exempt:
        taken = {**taken, "newly_exempt": list(exempt)}
    return taken


def _with_earlier_secrets(taken: Snapshot, earlier: Snapshot) -> SnapshotSecrets | None:
    """What is known of the secrets, with what earlier runs of the day did; None: nothing."""
    now, before = taken.get("secrets"), earlier.get("secrets")
    if now is None or before is None:
        return now or before
    kept = [] if earlier["dry_run"] else before["changed"]
    return {**now, "changed": [*(e for e in kept if e not in now["changed"]), *now["changed"]]}


def _with_owner(user: SnapshotUser, earlier: SnapshotUser) -> SnapshotUser:
    """A user as this run saw them, with the owner that an earlier one found."""
    found: SnapshotUser = {**earlier, **user}
    if "exemption" not in user:
        found.pop("exemption", None)
    return found


def _keys(result: AccountResult) -> Iterator[SnapshotKey]:
    done = {
        (outcome.decided.user.name, each.decision.key_id): each
        for outcome in result.outcomes
        for each in outcome.done
    }
    for decided in result.plan.users:
        facts = {key.key_id: key for key in decided.user.keys}
        for decision in decided.decisions:
            key, step = facts[decision.key_id], done.get((decided.user.name, decision.key_id))
            successor = step.new_key if step and step.new_key else decision.successor
            new = facts.get(decision.successor or "") if decision.delivered else None
            written = write_decision(decided.user.name, replace(decision, successor=successor))
            taken: SnapshotKey = {
                **written,  # type: ignore[typeddict-item]  # at comes with another run of the day
                "created": format_utc(key.created),
                "last_used": write_last_used(key),
                "exempt": decided.user.exempt,
                # Of the action that stands beside it: the rest may be decided anew meanwhile.
                "done": step is not None and replace(step, decision=decision).is_action,
                "breaks": _breaks(decided.user, key, new, result.plan.run.at),
            }
            if isinstance(given := key.deferral, Deferral):
                taken["deferral"] = _deferral(given)
            yield taken


def _breaks(user: UserFacts, key: KeyFacts, new: KeyFacts | None, now: datetime) -> bool | None:
    """Whether something breaks when a key ends, with the delivered one in its place."""
    if new is None:
        return None
    usage = known_usage(user, key, new)
    if usage.old is None or usage.fetched is None:
        return None
    if usage.new is None and is_in_use(usage.old, now):
        return None
    return breaks(usage, now)


def _user(user: UserFacts, plan: AccountPlan) -> SnapshotUser:
    taken: SnapshotUser = {"user": user.name, "exempt": user.exempt}
    if user.password_used is not None:
        taken["password_last_used"] = format_utc(user.password_used)
    owner = user.owner if isinstance(user.owner, Owner) else plan.owners.get(user.name)
    if (exemption := user.exemption) is not None:
        entry = exemption.entry
        taken["exemption"] = {
            "standing": exemption.standing,
            "expiry": entry.expiry.isoformat() if entry else None,
            "since": entry.since.isoformat() if entry and entry.since else None,
            "ticket": entry.ticket if entry else None,
            "owner": entry.owner if entry else None,
            "reason": entry.reason if entry else None,
        }
    if owner is not None:
        taken["owner"] = owner.address
        taken["owner_source"] = owner.source
        taken["owner_rejected"] = [str(each) for each in owner.passed_over()]
    return taken


def _deferral(given: Deferral) -> SnapshotDeferral:
    return {
        "until": given.until.isoformat(),
        "ticket": given.ticket,
        "by": given.by,
        "at": format_utc(given.at),
    }


def write_last_used(key: KeyFacts) -> LastUsed | None:
    """How a key was last used; None: no decision needed it, or it could not be read."""
    use = key.last_use
    if not isinstance(use, LastUse):
        return None
    return {
        "at": format_utc(use.at) if use.at else None,
        "service": use.service,
        "region": use.region,
    }


def counted(snapshot: Uncounted) -> Snapshot:
    """Count what the snapshot holds."""
    counts = count(
        exempt=[each["exempt"] for each in snapshot["users"]],
        keys=snapshot["keys"],
        quarantined=len(snapshot["quarantined"]),
        failures=len(snapshot["failures"]),
        left=len(snapshot["left"]),
    )
    return {**snapshot, "counts": counts}


def as_line(snapshot: Snapshot) -> bytes:
    """The snapshot as it is stored: one line of JSON in UTF-8, with its line feed."""
    return (json.dumps(snapshot, separators=(",", ":")) + "\n").encode()


def read_snapshot(line: bytes) -> Snapshot | None:
    """
    Read a snapshot; None: it is of no form that we know.

    Whatever of it is read here is there, and of its kind. The other fields of a user or a key are
    taken as they are: one that came with a newer version is missing in what an older one wrote.
    """
    try:
        found: object = read_json(line)
    except NotReadableError:
        return None
    return found if _is_snapshot(found) else None


_Check = Callable[[object], bool]
"""Whether a value is of a kind."""


def _is_text(found: object) -> bool:
    return isinstance(found, str)


def _is_flag(found: object) -> bool:
    return isinstance(found, bool)


def _is_count(found: object) -> bool:
    return isinstance(found, int) and not isinstance(found, bool)


def _is_day(found: object) -> bool:
    return isinstance(found, str) and read_day(found) is not None


def _is_moment(found: object) -> bool:
    return isinstance(found, str) and moment(found) is not None


def _is_user_or_null(found: object) -> bool:
    return found is None or isinstance(found, str)


def _list_of(check: _Check) -> _Check:
    return lambda found: isinstance(found, list) and all(map(check, found))


def _object_with(**checks: _Check) -> _Check:
    return lambda found: (
        isinstance(found, Mapping)
        and all(name in found and check(found[name]) for name, check in checks.items())
    )


_IS_SECRETS: Final = _object_with(
    stored=_is_count,
    scheduled=_is_count,
    of_gone=_is_count,
    changed=_list_of(
        _object_with(
            secret=_is_text, user=_is_text, user_gone=_is_flag, step=_is_text, sentence=_is_text
        )
    ),
)


def _is_policy(found: object) -> bool:
    return isinstance(found, Mapping) and all(map(_is_count, found.values()))


_HAS_WHAT_IS_READ: Final = _object_with(
    version=lambda found: _is_count(found) and found == VERSION,
    date=_is_day,
    account=_is_text,
    name=_is_text,
    run=_is_text,
    at=_is_moment,
    dry_run=_is_flag,
    whole=_is_flag,
    policy=_is_policy,
    counts=_object_with(),
    users=_list_of(_object_with(user=_is_text, exempt=_is_flag)),
    keys=_list_of(
        _object_with(
            user=_is_text,
            key=_is_text,
            created=_is_text,
            state=_is_text,
            action=_is_text,
            reason=_is_text,
            overlays=_list_of(_is_text),
        )
    ),
    quarantined=_list_of(_object_with(user=_is_text, key=_is_text)),
    failures=_list_of(_object_with(user=_is_user_or_null, message=_is_text)),
    warnings=_list_of(_is_text),
    left=_list_of(_is_text),
)


_IS_EARLIER: Final = _list_of(
    _object_with(
        user=_is_text,
        key=_is_text,
        age=_is_count,
        action=_is_text,
        reason=_is_text,
        sentence=_is_text,
        at=_is_moment,
    )
)


def _is_snapshot(found: object) -> TypeGuard[Snapshot]:
    return (
        isinstance(found, Mapping)
        and found.keys() >= Snapshot.__required_keys__
        and _HAS_WHAT_IS_READ(found)
        and _is_flag(found.get("exemptions_told", True))
        and _list_of(_is_text)(found.get("newly_exempt", []))
        and _IS_EARLIER(found.get("done_earlier", []))
        and ("secrets" not in found or _IS_SECRETS(found["secrets"]))
    )
