"""
Answer what an auditor asks of keys, from everything that is stored and brought.

Only the pieces that can be about the question are read in full. What cannot be read, or does not
agree with its own name, is named and left out; a source that was not given is named, too.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from typing import Any, Final

from keyturn.domain.audit import DONE
from keyturn.domain.audit_answer import (
    Answer,
    Kind,
    Notified,
    Order,
    Piece,
    Question,
    joined,
    ranges,
    reads_of,
)
from keyturn.domain.decision import Action, Reason
from keyturn.domain.errors import NotFound, PortError
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.domain.secret_names import encode, secret_name
from keyturn.domain.tag_text import moment
from keyturn.ports.evidence import Evidence
from keyturn.schemas.evidence import (
    EntryRead,
    Malformed,
    day_of_entry,
    read_entry,
    read_fate,
    read_receipt,
)
from keyturn.schemas.exports import LoggedLine, TrailEvent, Unreadable
from keyturn.schemas.receipt_name import FATES, ReceiptName, read_receipt_name
from keyturn.schemas.snapshot import Snapshot, read_snapshot
from keyturn.use_cases.side_by_side import side_by_side

AT_ONCE: Final = 8
"""Objects that are read at the same time."""
_STEPS: Final = {
    Action.ROTATE: Kind.ROTATED,
    Action.DISABLE: Kind.DISABLED,
    Action.DELETE: Kind.DELETED,
    Action.REVOKE: Kind.REVOKED,
    Action.RESTORE: Kind.ENABLED,
    Action.REPAIR: Kind.REPAIRED,
}
_ORDERS: Final = {"restore": Kind.ENABLED, "revoke": Kind.REVOKED}
"""Commands about one key that an audit entry names."""
_SENTENCES: Final = 3
"""Of an entry; it has them all."""
_CALLS: Final = {"CreateAccessKey": Kind.MADE, "DeleteAccessKey": Kind.DELETED}
_STATUS: Final = {"Active": Kind.ENABLED, "Inactive": Kind.DISABLED}
_READS: Final = {"GetSecretValue", "BatchGetSecretValue"}
_LOGGED: Final = {"write.made", "write.refused", "run.failed", "key.quarantined"}

NO_LOGS: Final = (
    "No logs were given (--logs): AWS's request ids, and calls that AWS refused, are not shown"
)
NO_TRAIL: Final = (
    "CloudTrail was not read (--cloudtrail, --trail): who read a new key, and what was done by "
    "hand, is not known"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What is read beside what is stored; None: it was not given."""

    logs: Iterable[LoggedLine | Unreadable] | None = None
    trail: Iterable[TrailEvent | Unreadable] | None = None
    trail_unseen: tuple[str, ...] = ()
    """What CloudTrail did not answer."""


@dataclass(slots=True, kw_only=True)
class AskEvidence:
    """One question, and what was found so far."""

    evidence: Evidence
    question: Question
    progress: Callable[[str], None] = lambda _source: None
    pieces: list[Piece] = field(default_factory=list)
    entries: list[EntryRead] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    """Keys that are asked about, as far as they are known by now."""
    successors: set[str] = field(default_factory=set)
    """The new keys that were made in their place."""
    users: set[tuple[str, str]] = field(default_factory=set)
    """Account and user."""
    unseen: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    places: Counter[str] = field(default_factory=Counter)

    def answer(self, brought: Callable[[set[tuple[str, str]]], Brought]) -> Answer:
        """
        Everything that is known.

        brought: is told whom the question is about, as far as that is known by then, and says
        what else is to be read. Raises a PortError where the store cannot be listed.
        """
        if self.question.key:
            self.keys.add(self.question.key)
            self.successors.add(self.question.key)
        self._snapshots()
        if self.question.owner:
            known = (each for each in self.pieces if (each.account, each.user) in self.users)
            self.keys.update(each.key for each in known if each.key)
        self._entries()
        self._receipts()
        beside = brought(self.users)
        self._logs(beside.logs)
        self._trail(beside)
        orders = {
            entry.run: Order(
                by=entry.by,
                claimed=entry.claimed,
                command=entry.command,
                why=entry.why,
                outcome=entry.outcome,
                source=entry.name,
            )
            for entry in sorted(self.entries, key=lambda each: each.outcome != "begun")
            if entry.run
        }
        return Answer(
            question=self.question,
            pieces=reads_of(
                [each for each in joined(self.pieces, orders) if self._is_asked(each)]
            ),
            places=dict(self.places),
            unseen=tuple(self.unseen),
            unreadable=tuple(self.unreadable),
        )

    # --- is it about this?

    def _is_asked(self, piece: Piece) -> bool:
        asked = self.question
        if not asked.covers(piece.at):
            return False
        if asked.account and piece.account not in {asked.account, None}:
            return False
        if asked.key and not {piece.key, piece.new_key} & self.keys:
            return piece.kind is Kind.READ
        return self._is_the_users(piece) and self._is_the_owners(piece)

    def _is_the_users(self, piece: Piece) -> bool:
        user = self.question.user
        if user is None or piece.kind is Kind.ORDERED:
            return True
        return piece.user == user if piece.user else piece.key in self.keys

    def _is_the_owners(self, piece: Piece) -> bool:
        owner = self.question.owner
        if owner is None or piece.kind is Kind.ORDERED:
            return True
        if piece.notified is not None and _same_address(piece.notified.address, owner):
            return True
        return (piece.account or "", piece.user or "") in self.users

    # --- snapshots

    def _snapshots(self) -> None:
        """What runs found and did; which users are the owner's, and whose key it is."""
        names = list(self._snapshot_names())
        missing: list[date] = []
        for (day, name), snapshot in zip(
            names, side_by_side(self._snapshot, names, workers=AT_ONCE), strict=True
        ):
            if snapshot is None:
                missing.append(day)
                continue
            self.places["snapshots"] += 1
            if not isinstance(snapshot, str):
                self._of_snapshot(name, snapshot)
            elif snapshot:
                self.unreadable.append(f"{name}: {snapshot}")
        if self.question.account is None:
            seen = {day for day, _ in names}
            missing = [day for day in self.question.days if day not in seen]
        if missing:
            whose = f" of {self.question.account}" if self.question.account else ""
            self.unseen.append(
                f"No snapshot{whose}: {ranges(missing)}; what runs did then is not known by them"
            )

    def _snapshot(self, named: tuple[date, str]) -> Snapshot | str | None:
        """A snapshot; None: there is none. A text says why it is not read; empty: no need."""
        day, name = named
        self.progress("snapshots")
        try:
            body = self.evidence.read(name)
        except NotFound:
            return None
        except PortError as error:
            return f"cannot be read ({error})"
        return _checked_snapshot(name, day, body) if self._may_be_about(body) else ""

    def _snapshot_names(self) -> Iterator[tuple[date, str]]:
        account = self.question.account
        for day in self.question.days:
            folder = f"snapshots/date={day.isoformat()}/"
            if account:
                yield day, f"{folder}account={account}.json"
            else:
                yield from ((day, each.name) for each in self.evidence.listed(folder))

    def _may_be_about(self, body: bytes) -> bool:
        """Whether to read it: an organisation has thousands of them a day."""
        asked = self.question
        return all(each is None or _as_json(each) in body for each in (asked.key, asked.user))

    def _of_snapshot(self, name: str, snapshot: Snapshot) -> None:
        asked, account = self.question, snapshot["account"]
        for user in snapshot["users"]:
            addresses = str(user.get("owner") or "").replace(",", " ").split()
            if asked.owner and any(_same_address(each, asked.owner) for each in addresses):
                self.users.add((account, user["user"]))
            if asked.user == user["user"]:
                self.users.add((account, asked.user))
        steps: list[Mapping[str, Any]] = [*snapshot["keys"], *snapshot.get("done_earlier", ())]
        for row in steps:
            piece = _step_of(name, snapshot, row)
            if piece is None or not self._concerns(row):
                continue
            if asked.key:
                self.users.add((account, str(row["user"])))
            if asked.user:
                self.keys.add(str(row["key"]))
            if piece.new_key:
                self.successors.add(piece.new_key)
            self.pieces.append(piece)

    def _concerns(self, row: Mapping[str, Any]) -> bool:
        asked = self.question
        if asked.key:
            return asked.key in {row["key"], row.get("successor")}
        if asked.user:
            return bool(row["user"] == asked.user)
        return True  # whose they are is known when all days were read

    # --- audit entries

    def _entries(self) -> None:
        """What people ordered: the end of each, or its beginning where there is no end."""
        since, until = self.question.since, self.question.until
        names = []
        for each in self.evidence.listed("audit/", after=f"audit/{since.isoformat()}"):
            if each.name.startswith("audit/chain/"):
                break
            day = day_of_entry(each.name)
            if day is not None and day > until:
                break
            names.append(each.name)
        ended = {name for name in names if not name.endswith(".begun.json")}
        runs = {piece.run for piece in self.pieces if self._is_asked(piece)} - {None}
        for name in names:
            if name.removesuffix(".begun.json") + ".json" in ended and name not in ended:
                continue
            self.progress("audit entries")
            self.places["audit entries"] += 1
            try:
                entry = read_entry(name, self.evidence.read(name))
            except (Malformed, PortError) as error:
                self.unreadable.append(f"{name}: {error}")
                continue
            self.entries.append(entry)
            if entry.run in runs or self._is_about(entry):
                self.pieces.append(_ordered(entry, self.question))
                self.pieces += _carried_out(entry)
        if not names:
            self.unseen.append(
                "No audit entry of these days: nobody gave an order, or entries are gone, which "
                "`keyturn audit verify` shows"
            )

    def _is_about(self, entry: EntryRead) -> bool:
        asked = self.question
        said = " ".join(entry.said)
        if asked.key:
            return entry.key == asked.key or asked.key in said
        if asked.user and entry.user == asked.user:  # of whom there may be no snapshot
            return asked.account is None or entry.account in {asked.account, None}
        if asked.user or asked.owner:
            return any(
                entry.user == user and entry.account in {account, None}
                for account, user in self.users
            ) or any(key in said for key in self.keys)
        return asked.account is None or entry.account == asked.account

    # --- receipts

    def _receipts(self) -> None:
        """Who was notified of what, and what became of it."""
        for folder in ("receipts/", "channels/"):
            names: dict[str, ReceiptName] = {}
            fates: set[str] = set()
            for start in self._receipt_folders(folder):
                for each in self.evidence.listed(start):
                    if each.name.endswith(FATES):
                        fates.add(each.name)
                    elif (named := read_receipt_name(each.name)) and self._asks_for(named):
                        names[each.name] = named
            wanted = sorted(names)
            read = partial(self._receipt, names, fates)
            for piece in side_by_side(read, wanted, workers=AT_ONCE):
                self.places[folder.rstrip("/")] += 1
                if isinstance(piece, str):
                    self.unreadable.append(piece)
                elif piece is not None:
                    self.pieces.append(piece)

    def _receipt_folders(self, folder: str) -> list[str]:
        asked = self.question
        if asked.key or asked.user:
            known = sorted(self.users)
            if known:
                return [f"{folder}{account}/{encode(user)}/" for account, user in known]
        return [f"{folder}{asked.account}/" if asked.account else folder]

    def _asks_for(self, name: ReceiptName) -> bool:
        asked = self.question
        if asked.key:
            return name.key_id in self.keys
        if asked.user:
            return name.user == asked.user
        if asked.owner:
            hashed = Recipient(ChannelName.EMAIL, asked.owner).address_hash
            is_known = (name.account, name.user) in self.users
            return is_known or name.file.recipient.endswith(f".{hashed}")
        return True

    def _receipt(
        self, names: Mapping[str, ReceiptName], fates: set[str], name: str
    ) -> Piece | str | None:
        self.progress("receipts")
        named = names[name]
        try:
            read = read_receipt(named, self.evidence.read(name))
            if read is None:
                return None
            told = self._with_fate(name, read.notified, fates)
        except (Malformed, PortError) as error:
            return f"{name}: {error}"
        return Piece(
            kind=Kind.NOTIFIED,
            at=read.at,
            account=named.account,
            user=named.user,
            key=named.key_id,
            run=read.run,
            notified=told,
            sources=(name,),
        )

    def _with_fate(self, name: str, told: Notified, fates: set[str]) -> Notified:
        for ending in FATES:
            if name + ending in fates:
                fate, at, why = read_fate(self.evidence.read(name + ending))
                return replace(told, fate=fate, fate_at=at, why=why)
        return told

    # --- what auditors bring

    def _logs(self, lines: Iterable[LoggedLine | Unreadable] | None) -> None:
        if lines is None:
            self.unseen.append(NO_LOGS)
            return
        for line in lines:
            self.progress("log lines")
            self.places["log lines"] += 1
            if isinstance(line, Unreadable):
                self.unreadable.append(f"{line.where}: {line.why}")
            elif line.event in _LOGGED:
                piece = _logged(line)
                if piece is not None and self._is_wanted(piece):
                    self.pieces.append(piece)

    def _is_wanted(self, piece: Piece) -> bool:
        if self.question.key:
            # What is said of the making of a new key is joined with the rotation of the old one.
            return piece.key in (self.successors if piece.kind is Kind.MADE else self.keys)
        known = {user for _, user in self.users}
        return piece.user in known or not (self.question.user or self.question.owner)

    def _trail(self, beside: Brought) -> None:
        self.unseen += beside.trail_unseen
        if beside.trail is None:
            self.unseen.append(NO_TRAIL)
            return
        secrets = {secret_name(account, user): (account, user) for account, user in self.users}
        for event in beside.trail:
            self.progress("CloudTrail events")
            self.places["CloudTrail events"] += 1
            if isinstance(event, Unreadable):
                self.unreadable.append(f"{event.where}: {event.why}")
                continue
            if event.call in _READS:
                found = (_whose(name, secrets) for name in event.secrets)
                self.pieces += (_read(event, *whose) for whose in found if whose is not None)
            elif (piece := _called(event)) is not None and self._is_wanted(piece):
                self.pieces.append(piece)


def _checked_snapshot(name: str, day: date, body: bytes) -> Snapshot | str:
    snapshot = read_snapshot(body)
    if snapshot is None:
        return "it is no snapshot of a form that is known"
    named = f"snapshots/date={snapshot['date']}/account={snapshot['account']}.json"
    if name != named or snapshot["date"] != day.isoformat():
        return "it is of another day or account than its name says"
    return snapshot


def _step_of(name: str, snapshot: Snapshot, row: Mapping[str, Any]) -> Piece | None:
    """What a run did about a key, or found; None: nothing that is told here."""
    is_done = row.get("done", True) is True
    kind = _STEPS.get(row["action"]) if is_done else None
    if kind is None and row["reason"] == Reason.RESTORED:
        kind = Kind.ENABLED
    if kind is None or snapshot["dry_run"]:
        return None
    begun = str(row.get("at", snapshot["at"]))
    return Piece(
        kind=kind,
        at=moment(begun),
        is_exact=False,
        account=snapshot["account"],
        user=str(row["user"]),
        key=str(row["key"]),
        new_key=_text(row.get("successor")) if kind in {Kind.ROTATED, Kind.REVOKED} else None,
        run=snapshot["run"] if begun == snapshot["at"] else None,
        what=str(row["sentence"]),
        sources=(name,),
    )


def _carried_out(entry: EntryRead) -> Iterator[Piece]:
    """What an order did to its key: of a command that was typed, no snapshot tells."""
    kind = _ORDERS.get(entry.command)
    if kind is None or entry.key is None or entry.outcome != DONE:
        return
    about = [each for each in entry.said if entry.key in each]
    yield Piece(
        kind=kind,
        at=entry.begun,
        is_exact=False,
        account=entry.account,
        user=entry.user,
        key=entry.key,
        run=entry.run,
        what="; ".join(about[:_SENTENCES]),
        sources=(entry.name,),
    )


def _ordered(entry: EntryRead, asked: Question) -> Piece:
    about = [each for each in entry.said if asked.key is None or asked.key in each]
    said = "; ".join(about[:_SENTENCES]) or f"{len(entry.said)} sentences"
    why = f' because "{entry.why}"' if entry.why else ""
    claim = " (by what the event says of itself)" if entry.claimed else ""
    return Piece(
        kind=Kind.ORDERED,
        at=entry.begun,
        account=entry.account,
        user=entry.user,
        key=entry.key or asked.key,
        run=entry.run,
        what=f"{entry.command} by {entry.by}{claim}{why}: {entry.outcome}: {said}",
        sources=(entry.name,),
    )


def _logged(line: LoggedLine) -> Piece | None:
    call, refused = line.text("call"), line.text("error")
    key = line.text("AccessKeyId") or line.text("key")
    request = line.text("request_id")
    at_aws = f"{call}, AWS's request {request}" if request else str(call)
    kind = Kind.FAILED
    what = line.text("message") or line.event
    if line.event == "write.made":
        name = (call or "").removeprefix("iam:")
        found = _STATUS.get(line.text("Status") or "") or _CALLS.get(name)
        if found is None or not (call or "").startswith("iam:"):
            return None
        kind, what = found, at_aws
    elif line.event == "write.refused":
        what = f"AWS refused {at_aws}: {refused}"
    return Piece(
        kind=kind,
        at=line.at,
        account=line.text("account"),
        user=line.text("UserName") or line.text("user"),
        key=key,
        run=line.text("run"),
        what=what,
        sources=(line.where,),
    )


def _called(event: TrailEvent) -> Piece | None:
    """A call about an access key."""
    if event.service != "iam.amazonaws.com":
        return None
    kind = _CALLS.get(event.call)
    if event.call == "UpdateAccessKey":
        kind = _STATUS.get(event.status or "")
    if kind is None:
        return None
    how = f"{event.call} from {event.address} ({event.agent})"
    if event.error:
        kind, how = Kind.FAILED, f"AWS refused {how}: {event.error}"
    return Piece(
        kind=kind,
        at=event.at,
        account=event.account,
        user=event.user,
        key=event.key,
        caller=event.by,
        what=how,
        sources=(event.where,),
    )


def _read(event: TrailEvent, account: str, user: str) -> Piece:
    refused = f"AWS refused to read the secret: {event.error}" if event.error else ""
    return Piece(
        kind=Kind.FAILED if event.error else Kind.READ,
        at=event.at,
        account=account,
        user=user,
        caller=event.by,
        what=refused or f"read the secret from {event.address} ({event.agent})",
        sources=(event.where,),
    )


def _whose(secret: str, secrets: Mapping[str, tuple[str, str]]) -> tuple[str, str] | None:
    """Whose secret a name or an ARN is: an ARN ends in a dash and six characters."""
    last = secret.rpartition(":secret:")[2]
    whole = secrets.get(last)
    return whole or (secrets.get(last.rpartition("-")[0]) if last != secret else None)


def _same_address(one: str, other: str) -> bool:
    return one.strip().lower() == other.strip().lower()


def _as_json(text: str) -> bytes:
    """As it stands in a snapshot, which escapes what is not ASCII."""
    return json.dumps(text)[1:-1].encode()


def _text(found: object) -> str | None:
    return found if isinstance(found, str) else None
