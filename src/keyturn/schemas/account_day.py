"""An account's snapshot, as the administrators' digest looks at it, and as rows of its CSV."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

from keyturn.domain.account_day import AccountDay, KeyDay, Step, UserDay
from keyturn.domain.days import read_day
from keyturn.domain.decision import ENDING, Action
from keyturn.domain.secret_life import SecretStep
from keyturn.domain.tag_text import moment
from keyturn.schemas.decision import CELLS, cells_of
from keyturn.schemas.plan_csv import harmless
from keyturn.schemas.snapshot import SecretChanged, Snapshot, SnapshotSecrets

COLUMNS: Final = ("account", "name", "dry_run", *CELLS, "done", "breaks", "owner", "owner_source")
"""Of `keys.csv`: where it was not looked for, a cell is empty."""


def account_day(snapshot: Snapshot) -> AccountDay:
    """
    What the digest looks at of a snapshot.

    Raises KeyError, TypeError, ValueError or AttributeError where a field is of no known form:
    not all of them are checked when a snapshot is read.
    """
    return AccountDay(
        account=snapshot["account"],
        name=snapshot["name"],
        dry_run=snapshot["dry_run"],
        reached=bool(snapshot["users"] or snapshot["left"]) or _has_no_failure(snapshot),
        keys=tuple(_key(each, snapshot["at"]) for each in snapshot["keys"]),
        users=tuple(
            UserDay(
                user=each["user"],
                source=each.get("owner_source"),
                rejected=tuple(map(str, each.get("owner_rejected", ()))),
            )
            for each in snapshot["users"]
        ),
        failures=tuple((each["user"], each["message"]) for each in snapshot["failures"]),
        left=len(snapshot["left"]),
        at=_at(snapshot["at"]),
        exempted=tuple(snapshot.get("newly_exempt", ())),
        secrets=tuple(_secrets(snapshot.get("secrets"), dry_run=snapshot["dry_run"])),
        earlier=tuple(
            Step(
                user=each["user"],
                key_id=each["key"],
                age=each["age"],
                action=Action(each["action"]),
                reason=each["reason"],
                sentence=each["sentence"],
                at=_at(each["at"]),
            )
            for each in snapshot.get("done_earlier", ())
        ),
    )


def heading() -> str:
    """The first row of the CSV."""
    return _rows([COLUMNS])


def rows_of(snapshot: Snapshot) -> str:
    """The rows of an account's keys; raises what `account_day` raises."""
    owners: dict[str, Mapping[str, Any]] = {each["user"]: each for each in snapshot["users"]}
    rows = []
    for key in snapshot["keys"]:
        owner = owners.get(key["user"], {})
        cells = {
            **cells_of(key),
            "account": snapshot["account"],
            "name": snapshot["name"],
            "dry_run": _word(snapshot["dry_run"]),
            "done": _word(key["done"]),
            "breaks": _word(key.get("breaks")),
            "owner": owner.get("owner"),
            "owner_source": owner.get("owner_source"),
        }
        rows.append([harmless(cells[column]) for column in COLUMNS])
    return _rows(rows)


def _has_no_failure(snapshot: Snapshot) -> bool:
    return all(each["user"] is not None for each in snapshot["failures"])


def _secrets(found: SnapshotSecrets | None, *, dry_run: bool) -> Iterator[tuple[str, str]]:
    """What is told of secrets; that of a living user begins to be counted is no news."""
    # A dry run marks nothing, and so finds the same every day: its plan has it.
    for each in found["changed"] if found else ():
        # What is only kept stands there because AWS destroys it soon, and the run may not write.
        is_in_danger = each["step"] == SecretStep.KEEP
        if is_in_danger or (not dry_run and _is_news(each)):
            yield each["user"], each["sentence"]


def _is_news(each: SecretChanged) -> bool:
    return each["user_gone"] or each["step"] in {SecretStep.SCHEDULE, SecretStep.TAKE_BACK}


def _at(text: str) -> datetime:
    found = moment(text)
    if found is None:
        raise ValueError(text)
    return found


def _key(found: Any, at: str) -> KeyDay:  # noqa: ANN401 -- what a snapshot of any age holds
    used = found["last_used"]
    return KeyDay(
        user=found["user"],
        key_id=found["key"],
        age=int(found["age"]),
        action=Action(found["action"]),
        reason=found["reason"],
        sentence=str(found["sentence"]),
        done=bool(found["done"]),
        overlays=frozenset(found["overlays"]),
        ends_on=_end(found["next"]),
        breaks=found.get("breaks") is True,
        last_used=read_day(used["at"][:10]) if used and used["at"] else None,
        service=used["service"] if used else None,
        at=_at(found.get("at", at)),
    )


def _end(coming: Any) -> date | None:  # noqa: ANN401 -- likewise
    return read_day(coming["date"]) if coming and coming["action"] in ENDING else None


def _word(flag: object) -> str | None:
    return None if flag is None else "yes" if flag else "no"


def _rows(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
