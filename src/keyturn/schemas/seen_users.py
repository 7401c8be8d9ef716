"""The users of a snapshot, as the rule can be asked about them again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from keyturn.domain.constraints import NO_CONSTRAINTS
from keyturn.domain.days import read_day
from keyturn.domain.decision import (
    Action,
    Decision,
    DecisionSummary,
    RecordChange,
    State,
    UserDecisions,
)
from keyturn.domain.deferral import Deferral
from keyturn.domain.exemptions_file import ExemptionEntry, ExemptionsFile, Standing
from keyturn.domain.key import UNREAD, KeyFacts, LastUse, Status, Unknown, Unread, UserFacts
from keyturn.domain.seen_user import SeenUser
from keyturn.domain.tag_text import moment
from keyturn.schemas.decision import read_decision
from keyturn.schemas.snapshot import LastUsed, Snapshot, SnapshotKey, SnapshotUser
from keyturn.schemas.snapshot_facts import UNSAID, read_changes, read_facts, read_notice


def read_seen_users(snapshot: Snapshot) -> Iterator[SeenUser]:
    """
    Each user of a snapshot that has keys.

    Raises KeyError, TypeError or ValueError where what it says of one is none of our forms.
    """
    keys: dict[str, list[SnapshotKey]] = {}
    for each in snapshot["keys"]:
        keys.setdefault(each["user"], []).append(each)
    users = {each["user"]: each for each in snapshot["users"]}
    facts: Mapping[str, Any] = {each["user"]: each for each in snapshot.get("facts", ())}
    failed = {each["user"] for each in snapshot["failures"]}
    for name, theirs in keys.items():
        yield _user(snapshot, users[name], theirs, facts.get(name), failed=name in failed)


def _user(
    snapshot: Snapshot,
    user: SnapshotUser,
    keys: Sequence[SnapshotKey],
    found: Mapping[str, Any] | None,
    *,
    failed: bool,
) -> SeenUser:
    facts = UserFacts(
        account=snapshot["account"],
        name=user["user"],
        user_id="",
        exempt=user["exempt"],
        keys=tuple(_key(snapshot["account"], each) for each in keys),
    )
    constraints, owner_unknown = NO_CONSTRAINTS, None
    changes: tuple[RecordChange, ...] = ()
    if found is not None:
        facts, constraints, owner_unknown = read_facts(found, facts)
        changes = tuple(read_changes(found))
    of_key = {str(each["key"]): each for each in (found or {}).get("keys", ())}
    # In the order in which the rule decides, which is that of the keys.
    ordered = {each["key"]: each for each in keys}
    in_order = [ordered[key.key_id] for key in facts.keys]
    decisions = tuple(
        read_decision(each, read_notice(of_key.get(each["key"], {}), each["promises"]))
        for each in in_order
    )
    is_done = not (snapshot["dry_run"] or failed)
    return SeenUser(
        facts=facts,
        decisions=decisions,
        has_facts="facts" in snapshot,
        done=UserDecisions(
            user=facts,
            decisions=tuple(
                _carried_out(each, decided)
                for each, decided in zip(in_order, decisions, strict=True)
            ),
            record_changes=changes,
        )
        if is_done
        else None,
        constraints=constraints,
        owner_unknown=owner_unknown,
        exemptions=_exemptions(snapshot["account"], user),
    )


def _key(account: str, found: SnapshotKey) -> KeyFacts:
    created = moment(found["created"])
    if created is None:
        raise ValueError(found["created"])
    is_active = found["state"] not in {State.DISABLED, State.DELETED}
    given = found.get("deferral")
    return KeyFacts(
        key_id=found["key"],
        status=Status.ACTIVE if is_active else Status.INACTIVE,
        created=created,
        last_use=_last_use(found["last_used"]),
        deferral=None if given is None else _deferral(account, found["key"], given),
    )


def _last_use(found: LastUsed | None) -> LastUse | Unread:
    if found is None:
        return UNREAD
    at = None if found["at"] is None else moment(found["at"])
    if at is None and found["at"] is not None:
        raise ValueError(found["at"])
    return LastUse(at=at, service=found["service"], region=found["region"])


def _deferral(account: str, key_id: str, found: Mapping[str, Any]) -> Deferral | Unknown:
    until, at = read_day(str(found["until"])), moment(str(found["at"]))
    if until is None or at is None:
        return Unknown(UNSAID)
    return Deferral(
        account=account,
        key_id=key_id,
        until=until,
        first=at,
        at=at,
        by=str(found["by"]),
        ticket=str(found["ticket"]),
    )


def _carried_out(found: SnapshotKey, decided: DecisionSummary) -> Decision:
    """A decision as it was carried out; what was not is kept, and nobody was notified of it."""
    said = {name: getattr(decided, name) for name in DecisionSummary.__slots__}
    decision = Decision(**said)
    # Beside a notice alone, nothing is done to the key: of it `done` says no.
    if found["done"] is True or decision.action in {Action.KEEP, Action.WAIT}:
        return decision
    return replace(decision, action=Action.KEEP, notice=None)


def _exemptions(account: str, user: SnapshotUser) -> ExemptionsFile | str | None:
    """What the exemptions file said of one member; None: there was no file, or it said nothing."""
    said = user.get("exemption")
    if said is None:
        return None
    if said["standing"] == Standing.UNKNOWN:
        return UNSAID
    expiry = read_day(said["expiry"]) if said["expiry"] else None
    if expiry is None:
        return ExemptionsFile(place="exemptions.yaml")
    entry = ExemptionEntry(
        line=0,  # the snapshot does not say where it stands
        account=account,
        user=user["user"],
        ticket=said["ticket"] or "",
        owner=said["owner"] or "",
        reason=said["reason"] or "",
        expiry=expiry,
        since=read_day(said["since"]) if said["since"] else None,
    )
    return ExemptionsFile(place="exemptions.yaml", entries=(entry,))
