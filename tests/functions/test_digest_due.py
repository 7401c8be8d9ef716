"""The administrators' day on its way over the bus: what is written is read, and nothing else."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from keyturn.domain.admin_digest import AdminDigest, Expected
from keyturn.domain.decision import Action
from keyturn.domain.errors import InvalidValue, Stale
from keyturn.domain.events import SOURCE, EventType
from keyturn.domain.fold_day import fold
from keyturn.domain.pause import Pause
from keyturn.domain.worst_lines import WORST, DigestLine, DigestList
from keyturn.schemas.digest_due import read_digest_due
from keyturn.schemas.digest_of_day import LARGEST_DUE, write_digest_due
from tests.use_cases.harness import HUB

TODAY = date(2027, 3, 8)
NOW = datetime(2027, 3, 8, 11, tzinfo=UTC)
LINE = DigestLine(
    account="222222222222",
    name="prod",
    user="ann",
    key_id="AKIAIOSFODNN7EXAMPLE",
    what="it is 90 days old",
    day=TODAY + timedelta(days=3),
)
ONE = DigestList(total=3, worst=(LINE,))
QUIET = fold([], day=TODAY, expected=Expected(queued={}), memory={})
BUSY = replace(
    QUIET,
    coverage=replace(QUIET.coverage, not_seen=ONE, failed=1),
    breaks=ONE,
    done=ONE,
    done_counts={Action.ROTATE: 2, Action.DISABLE: 1},
    planned_counts={Action.DELETE: 1},
    failures=DigestList(total=1, worst=(replace(LINE, user=None, key_id=None, day=None),)),
    failures_lasting=4,
    pause=Pause(by="ops", at=NOW, why="INC-7"),
    keys_waiting=3,
    csv="keyturn/reports/daily/date=2027-03-08/keys.csv",
)


def due(digest: AdminDigest = BUSY) -> dict[str, Any]:
    """The event, as EventBridge hands it over."""
    event: dict[str, Any] = {
        "account": HUB,
        "source": SOURCE,
        "detail-type": EventType.DIGEST_DUE,
        "detail": write_digest_due(digest),
    }
    return json.loads(json.dumps(event))  # type: ignore[no-any-return]  # an object again


def read(event: object, now: datetime = NOW) -> AdminDigest:
    return read_digest_due(event, own_account=HUB, now=now)


@pytest.mark.parametrize("digest", [QUIET, BUSY], ids=["quiet", "busy"])
def test_what_was_written_is_read_as_it_was(digest: AdminDigest) -> None:
    assert read(due(digest)) == digest


HOSTILE = "\ud800\u202e<script>\x00\nBcc: all@example.com \N{SKULL}" * 40


def test_whatever_an_account_a_user_or_a_failure_is_called_the_digest_arrives() -> None:
    odd = DigestLine(
        account="222222222222",
        name=HOSTILE,
        user=HOSTILE,
        key_id=HOSTILE,
        what=HOSTILE,
        day=date(9999, 12, 31),
    )
    nobody = replace(odd, account="no account")
    lists = DigestList(total=7, worst=(odd, nobody))

    found = read(due(replace(BUSY, failures=lists, csv=HOSTILE))).failures

    assert found.total == 7
    [line] = found.worst
    assert (line.key_id, line.day) == (None, None)
    assert all(text.isprintable() for text in (line.name, line.user or "", line.what))


def test_a_digest_too_long_for_an_event_shows_fewer_lines_and_counts_them_all() -> None:
    long = replace(LINE, name="\N{SKULL}" * 128, user="\N{SKULL}" * 128, what="\N{SKULL}" * 300)
    full = DigestList(total=999, worst=(long,) * WORST)
    lists = dict.fromkeys(("breaks", "done", "planned", "blocked", "restored"), full)

    written = write_digest_due(replace(BUSY, **lists, failures=full))  # type: ignore[arg-type]  # lists alone
    found = read({**due(), "detail": json.loads(json.dumps(written))})

    assert len(json.dumps(written).encode()) <= LARGEST_DUE
    assert 0 < len(found.breaks.worst) < WORST
    assert found.breaks.total == found.failures.total == 999


def at(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    """Put a value into the digest, or take the field out."""

    def change(event: dict[str, Any]) -> None:
        *steps, last = path.split(".")
        found: Any = event
        for step in steps:
            found = found[int(step) if step.isdecimal() else step]
        if value is GONE:
            del found[last]
        else:
            found[last] = value

    return change


GONE = object()
D = "detail.digest"
ODD: list[tuple[str, object]] = [
    ("account", "333333333333"),
    ("source", "aws.iam"),
    ("detail", {}),
    (f"{D}.version", 2),
    (f"{D}.date", "2027-3-8"),
    (f"{D}.date", "2027-03-09"),
    (f"{D}.keys", -1),
    (f"{D}.keys", True),
    (f"{D}.keys", 10**12),
    (f"{D}.csv", "../x\nhttps://evil.example"),
    (f"{D}.csv", "javascript:alert(1)"),
    (f"{D}.done_counts", {"SHRED": 1}),
    (f"{D}.done_counts", {"ROTATE": "1"}),
    (f"{D}.coverage.listed", "all"),
    (f"{D}.coverage.not_seen", GONE),
    (f"{D}.failures_lasting", GONE),
    (f"{D}.breaks.total", 0),
    (f"{D}.breaks.worst", [{}]),
    (f"{D}.breaks.worst.0.account", "2222"),
    (f"{D}.breaks.worst.0.name", "x" * 129),
    (f"{D}.breaks.worst.0.user", "ann\u202e"),
    (f"{D}.breaks.worst.0.key", "../../x"),
    (f"{D}.breaks.worst.0.what", "x\nBcc: all@example.com"),
    (f"{D}.breaks.worst.0.what", "x" * 301),
    (f"{D}.breaks.worst.0.day", "9999-12-31"),
]


@pytest.mark.parametrize(
    ("path", "value"), ODD, ids=[f"{path}-{at}" for at, (path, _) in enumerate(ODD)]
)
def test_anything_odd_in_it_makes_it_none(path: str, value: object) -> None:
    event = due()
    at(path, value)(event)

    with pytest.raises(InvalidValue) as refused:
        read(event)

    assert path.rsplit(".", maxsplit=1)[-1] in str(refused.value)


def test_a_list_of_more_lines_than_are_shown_is_none_of_ours() -> None:
    event = due()
    worst = event["detail"]["digest"]["done"]["worst"]
    event["detail"]["digest"]["done"] = {"total": 99, "worst": worst * (WORST + 1)}

    with pytest.raises(InvalidValue, match="worst"):
        read(event)


def test_a_day_that_no_queue_can_have_held_so_long_is_stale() -> None:
    assert read(due(), NOW + timedelta(days=4)).day == TODAY

    with pytest.raises(Stale, match="2027-03-08: is older than 4 days"):
        read(due(), NOW + timedelta(days=5))
