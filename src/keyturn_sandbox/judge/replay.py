"""The way from the evidence to the history: the log read once, from its first call to its last."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from typing import TypeVar

from keyturn_sandbox.emulator.call_log import Call
from keyturn_sandbox.judge.evidence import (
    ACTIVE,
    BEFORE_ALL,
    DELETED,
    Evidence,
    JudgedRun,
    is_keyturn,
    long_words_in,
    secret_of,
    text,
)
from keyturn_sandbox.judge.history import (
    Holder,
    KeyStory,
    Record,
    ReplayedHistory,
    SecretChange,
    StatusChange,
)

K = TypeVar("K")
V = TypeVar("V")

_ADOPTED = frozenset({"keyturn:user", "keyturn:user-id", "keyturn:seal"})


def replay(evidence: Evidence) -> ReplayedHistory:
    """Put the evidence in order."""
    calls = tuple(sorted(evidence.calls, key=lambda call: call.at))
    done = [(i, call) for i, call in enumerate(calls) if call.error is None]
    stories = _stories(evidence, done)
    keyturns = tuple((i, call) for i, call in enumerate(calls) if is_keyturn(evidence, call))
    runs = tuple(sorted(evidence.runs, key=attrgetter("started")))
    places = tuple(_places(runs, calls))
    return ReplayedHistory(
        evidence=evidence,
        calls=calls,
        keyturns=keyturns,
        runs=runs,
        places=places,
        of_run=_grouped((places[i], call) for i, call in keyturns),
        stories={story.key_id: story for story in stories},
        of_holder=_grouped((story.holder, story) for story in stories),
        secrets=_secrets(evidence, done),
        deliveries=_deliveries(done),
        records=tuple(_records(evidence, done)),
        intents=_intents(evidence, done),
        memberships=_memberships(evidence, done),
        naming=_grouped(
            (key_id, mail) for mail in evidence.mails for key_id in long_words_in(mail)
        ),
    )


def _places(runs: Sequence[JudgedRun], calls: Iterable[Call]) -> Iterator[int]:
    """Whose calls they are: of the run that says so, else of the one that started last."""
    said = {id_: place for place, run in enumerate(runs) for id_ in run.requests}
    for call in calls:
        started_last = bisect_right(runs, call.at, key=attrgetter("started")) - 1
        yield said.get(call.request_id, started_last)


Done = Sequence[tuple[int, Call]]
"""The calls that AWS carried out, each with its index."""


def _stories(evidence: Evidence, done: Done) -> tuple[KeyStory, ...]:
    changes = {
        key.key_id: [StatusChange(BEFORE_ALL, key.created, key.status, by_keyturn=False)]
        for key in evidence.keys_before
    }
    holders = _holders(evidence, done)
    for index, call in done:
        by_keyturn = is_keyturn(evidence, call)
        match _change_of_key(call):
            case (key_id, status) if call.operation == "CreateAccessKey":
                changes[key_id] = [StatusChange(index, call.at, status, by_keyturn)]
            case (key_id, status) if key_id in changes and changes[key_id][-1].status != status:
                changes[key_id].append(StatusChange(index, call.at, status, by_keyturn))
    uses = _uses(evidence)
    return tuple(
        KeyStory(
            holder=holders[key_id],
            key_id=key_id,
            created=changed[0].at,
            made_by_keyturn=changed[0].by_keyturn,
            changes=tuple(changed),
            uses=uses.get(key_id, ()),
        )
        for key_id, changed in changes.items()
    )


def _holders(evidence: Evidence, done: Done) -> Mapping[str, Holder]:
    """Whose key each is, by key id."""
    names: dict[tuple[str, str], list[tuple[int, str]]] = {}
    held: dict[str, tuple[str, list[tuple[int, str]]]] = {}
    for key in evidence.keys_before:
        known = names.setdefault((key.account, key.user), [(BEFORE_ALL, key.user)])
        held[key.key_id] = key.account, known
    for index, call in done:
        user = call.account, _user(call)
        match call.operation:
            case "CreateAccessKey":
                # The index tells two users of one name apart.
                known = names.setdefault(user, [(index, user[1])])
                held[text(_made(call), "AccessKeyId")] = call.account, known
            case "UpdateUser" if (new := text(call.params, "NewUserName")) and user in names:
                names[call.account, new] = names.pop(user)
                names[call.account, new].append((index, new))
            case "DeleteUser":
                names.pop(user, None)
    return {key_id: Holder(account, tuple(known)) for key_id, (account, known) in held.items()}


def _change_of_key(call: Call) -> tuple[str, str] | None:
    match call.operation:
        case "CreateAccessKey":
            return text(_made(call), "AccessKeyId"), ACTIVE
        case "UpdateAccessKey":
            return text(call.params, "AccessKeyId"), text(call.params, "Status")
        case "DeleteAccessKey":
            return text(call.params, "AccessKeyId"), DELETED
        case _:
            return None


def _made(call: Call) -> Mapping[str, object]:
    made = call.result.get("AccessKey", call.result)
    return made if isinstance(made, Mapping) else {}


def _user(call: Call) -> str:
    """Whose key it is: a user who makes their own key need not say so."""
    return text(call.params, "UserName") or text(_made(call), "UserName")


def _uses(evidence: Evidence) -> Mapping[str, tuple[datetime, ...]]:
    seen = [*evidence.keys_before, *evidence.keys_after]
    last = ((key.key_id, key.last_used) for key in seen if key.last_used is not None)
    used = _grouped([*((use.key_id, use.at) for use in evidence.uses), *last])
    return {key_id: tuple(sorted(times)) for key_id, times in used.items()}


def _secrets(evidence: Evidence, done: Done) -> Mapping[tuple[str, str], tuple[SecretChange, ...]]:
    secrets: dict[tuple[str, str], list[SecretChange]] = defaultdict(list)
    for index, call in done:
        if call.service == "secretsmanager":
            changes = secrets[call.account, secret_of(call)]
            before = changes[-1] if changes else SecretChange(index)
            after = _changed(before, call, by_keyturn=is_keyturn(evidence, call))
            if after != before:
                changes.append(replace(after, index=index))
    return {secret: tuple(changes) for secret, changes in secrets.items()}


def _changed(secret: SecretChange, call: Call, *, by_keyturn: bool) -> SecretChange:
    if call.operation == "CreateSecret":
        # The name was free: it is the first, or the recovery window of the one before has ended.
        secret = SecretChange(secret.index, ours=by_keyturn)
    elif by_keyturn and _adopts(call):
        secret = replace(secret, ours=True)
    match call.operation:
        case "DeleteSecret":
            return replace(secret, deleted=True)
        case "RestoreSecret":
            return replace(secret, deleted=False)
        case "PutSecretValue" | "UpdateSecret" | "CreateSecret" if _stores(call):
            return _with_current(secret, _version(call), by_keyturn=by_keyturn)
        case "UpdateSecretVersionStage" if text(call.params, "VersionStage") == "AWSCURRENT":
            version = text(call.params, "MoveToVersionId")
            return _with_current(secret, version, by_keyturn=by_keyturn)
        case _:
            return secret


def _adopts(call: Call) -> bool:
    """Whether name, id and seal are set in one call, as by an adoption alone."""
    tags = call.params.get("Tags")
    if call.operation != "TagResource" or not isinstance(tags, Sequence):
        return False
    return {tag["Key"] for tag in tags} >= _ADOPTED


def _stores(call: Call) -> bool:
    return "SecretString" in call.params or "SecretBinary" in call.params


def _version(call: Call) -> str:
    return text(call.params, "ClientRequestToken") or text(call.result, "VersionId")


def _with_current(secret: SecretChange, version: str, *, by_keyturn: bool) -> SecretChange:
    """Make a version the current one; storing one again that is there changes nothing."""
    if version == secret.current:
        return secret
    return replace(secret, current=version, by_keyturn=by_keyturn)


def _deliveries(done: Done) -> Mapping[str, tuple[int, datetime]]:
    stored = [(i, call) for i, call in done if call.operation == "PutSecretValue"]
    return {_version(call): (i, call.at) for i, call in reversed(stored)}


def _records(evidence: Evidence, done: Done) -> Iterator[Record]:
    for index, call in done:
        if call.service == "secretsmanager" and is_keyturn(evidence, call):
            tags = call.params.get("Tags")
            if isinstance(tags, Sequence) and tags:
                names = tuple(str(tag["Key"]) for tag in tags)
                yield Record(index, call.at, call.account, secret_of(call), names)


def _intents(
    evidence: Evidence, done: Done
) -> Mapping[tuple[str, str], tuple[tuple[int, bool], ...]]:
    """When an intent was written, and when Keyturn ended it; what a person removes stands."""
    changes: list[tuple[tuple[str, str], tuple[int, bool]]] = []
    for index, call in done:
        if call.service != "secretsmanager" or not is_keyturn(evidence, call):
            continue
        tags, gone = call.params.get("Tags"), call.params.get("TagKeys")
        for tag in tags if isinstance(tags, Sequence) else ():
            if tag["Key"] == evidence.intent_tag:
                stands = "settled=" not in tag["Value"]
                changes.append(((call.account, secret_of(call)), (index, stands)))
        if isinstance(gone, Sequence) and evidence.intent_tag in gone:
            changes.append(((call.account, secret_of(call)), (index, False)))
    return _grouped(changes)


_OF_GROUPS = frozenset(
    {"AddUserToGroup", "RemoveUserFromGroup", "UpdateUser", "UpdateGroup", "DeleteGroup"}
)


def _memberships(
    evidence: Evidence, done: Done
) -> Mapping[tuple[str, str], tuple[tuple[int, bool], ...]]:
    """From which call on each user was in the exemption group, or no longer."""
    groups: dict[tuple[str, str], set[str]] = defaultdict(set)
    for account, user in evidence.exempt_before:
        groups[account, evidence.exemption_group].add(user)
    changes = [(member, (BEFORE_ALL, True)) for member in evidence.exempt_before]
    for index, call in done:
        if call.operation in _OF_GROUPS:
            exempt = call.account, evidence.exemption_group
            before = frozenset(groups[exempt])
            _regroup(groups, call)
            after = groups[exempt]
            changes += [((call.account, user), (index, False)) for user in before - after]
            changes += [((call.account, user), (index, True)) for user in after - before]
    return _grouped(changes)


def _regroup(groups: dict[tuple[str, str], set[str]], call: Call) -> None:
    """What a call makes of the members of an account's groups, whatever these are called."""
    user, group = text(call.params, "UserName"), (call.account, text(call.params, "GroupName"))
    match call.operation:
        case "AddUserToGroup":
            groups[group].add(user)
        case "RemoveUserFromGroup":
            groups[group].discard(user)
        case "UpdateGroup" if new := text(call.params, "NewGroupName"):
            groups[call.account, new] = groups.pop(group, set())
        case "DeleteGroup":
            groups.pop(group, None)
        case "UpdateUser" if new := text(call.params, "NewUserName"):
            for members in (each for (account, _), each in groups.items() if account == group[0]):
                if user in members:
                    members.remove(user)
                    members.add(new)


def _grouped(pairs: Iterable[tuple[K, V]]) -> Mapping[K, tuple[V, ...]]:
    groups: dict[K, list[V]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return {key: tuple(values) for key, values in groups.items()}
