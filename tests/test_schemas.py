"""What really goes in and comes out, over many days, is what docs/schemas says."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, get_type_hints

import pytest
from jsonschema import Draft202012Validator, ValidationError
from marshmallow import Schema

from keyturn.cli.report import Report, as_json
from keyturn.domain.admin_digest import LISTS
from keyturn.domain.events import SOURCE, Event, EventType, Run
from keyturn.domain.key import Account
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.result import AccountPlan, AccountResult
from keyturn.domain.tag_text import format_utc
from keyturn.mail.day import _ORDER
from keyturn.schemas.admin_digest import CoverageFile, DigestLists
from keyturn.schemas.decision import CELLS, Decided, NextStep, cells_of, write_decision
from keyturn.schemas.digest import (
    CallerForm,
    ChannelsForm,
    DigestAccount,
    DigestForm,
    DigestItem,
    DigestRun,
    FetchedOn,
    TrailForm,
    Usage,
    Use,
)
from keyturn.schemas.digest_due import _Coverage as _DayCoverage
from keyturn.schemas.digest_due import _Digest as _DayDigest
from keyturn.schemas.digest_of_day import DayForm, write_digest_due
from keyturn.schemas.event import KeyDetail, write_event
from keyturn.schemas.explanation import ExplainedKey
from keyturn.schemas.lines_given import _Line, _List
from keyturn.schemas.notices_due import (
    _Account,
    _Caller,
    _Channels,
    _Digest,
    _Fetched,
    _Item,
    _Next,
    _Run,
    _Trail,
    _Usage,
    _Use,
)
from keyturn.schemas.plan import Planned
from keyturn.schemas.snapshot import Snapshot, SnapshotKey, read_snapshot
from keyturn.schemas.worst_lines import LineFile, ListFile
from keyturn_sandbox.simulation.deployment import ADMIN, BUCKET, deploy_mail_events
from tests.domain.test_events import RUN
from tests.domain.world import a_key, ann, only
from tests.functions.test_digest_due import BUSY
from tests.functions.test_exemptions import see
from tests.schemas import DETAILS, FOLDER, SCHEMAS, closed, text_of
from tests.use_cases.harness import (
    ASKED,
    DAY,
    HUB,
    MEMBER,
    MINUTE,
    START,
    Harness,
    lose_answer,
    staged,
)

Documents = dict[str, list[Any]]

# Tried with what the commands write: tests/cli/test_json_answers.py.
OF_CHANNELS = {"webhook-message"}
"""Held to what was received in tests/functions/test_channels.py."""
OF_THE_COMMAND_LINE = {
    "adoption",
    "admin-digest",
    "advice",
    "audit-answer",
    "audit-verdict",
    "deferral",
    "exemptions",
    "explanation",
    "owners-check",
    "owners-shown",
    "period-report",
    "plan",
    "plan-difference",
    "rehearsal",
    "removal",
    "simulation",
    "switch",
    "trace",
}
PAUSE = {"Pause": "an incident", "by": "ann", "dryrun": "false"}
RESUME = {"Resume": "it is over"}


@pytest.fixture(scope="module")
def documents() -> Iterator[Documents]:
    with staged() as stage:
        answers = play(stage)
        yield {
            "answer": answers,
            "event": [*events(stage), a_day_that_is_due()],
            "queue-message": list(messages(stage)),
            "audit-link": stored(stage, "/audit/chain/"),
            "daily-digest": stored(stage, "/reports/", "memory"),
            "inventory": stored(stage, "/reports/", "queued"),
            "mail-fate": stored(stage, "/receipts/", "fate"),
            "message": stored(stage, "/receipts/", "receipts"),
            "receipt": stored(stage, "/receipts/", "run"),
            "reachable-event": [{"Reachable": "ann@example.com", "by": "me", "reason": "mended"}],
            "reached": stored(stage, "/receipts/_reached/"),
            "undeliverable": stored(stage, "/receipts/_undeliverable/"),
            "rotation-event": [ASKED, {**ASKED, "dryrun": "True"}, *messages(stage)],
            "snapshot": stored(stage, "/snapshots/"),
            "switch-event": [PAUSE, RESUME],
        }


def play(stage: Harness) -> list[Any]:
    """Let everything happen that can be told of."""
    stage.user("ann", 83)
    busy = stage.user("bob", 400, 300)
    [old] = stage.user("carl", 90)
    stage.user("dora", 300)
    stage.exempt("dora")
    [leaked] = stage.user("emil", 12)
    stage.cloud.layers.append(lose_answer("CreateAccessKey"))
    answers = [stage.run({**ASKED, "dryrun": True}), stage.run()]
    for day in range(1, 31):
        stage.at(day).use(*busy)
        if day == 12:
            answers.append(stage.run({**ASKED, "Revoke": leaked}))
        if day == 13:
            disabled = [key for key, status in stage.keys("carl").items() if status == "Inactive"]
            for key_id in disabled:
                stage.iam().update_access_key(UserName="carl", AccessKeyId=key_id, Status="Active")
        if day == 14:
            stage.cloud.deny(MEMBER, "ListAccessKeys", times=1)
        if day == 15:
            stage.cloud.deny(MEMBER, "GetGroup", times=1)
        answers.append(stage.run())
    assert old
    stage.settings |= deploy_mail_events(stage.cloud, stage.deployment)
    see(stage, eventID="arrives", eventTime=stage.cloud.now.isoformat())
    stage.tell()
    stage.cloud.close_mailbox(ADMIN)
    see(stage, eventTime=stage.cloud.now.isoformat())
    stage.tell()
    stage.settings["ParallelUsers"] = "1"
    stage.slow("ListAccessKeys", 2)
    answers.append(stage.invoke(context=stage.minutes(5)))
    stage.cloud.layers.clear()
    stage.settings["RemoveSecretsAfter"] = "35"
    [key] = stage.user("gone", 1)
    gone = format_utc(stage.cloud.now - 36 * DAY)
    stage.holds("gone", key, gone=f"since={gone}")
    stage.cloud.move_to(stage.cloud.now + 36 * DAY)
    stage.iam().delete_access_key(UserName="gone", AccessKeyId=key)
    stage.iam().delete_user(UserName="gone")
    answers.append(stage.run())
    stage.take_inventory()
    stage.cloud.move_to(stage.cloud.now + 7 * 60 * MINUTE)
    stage.report()
    for event in (PAUSE, RESUME):
        stage.hand_over(dict(event))
    return answers


def events(stage: Harness) -> Iterator[Any]:
    for call in stage.ours():
        if call.operation == "PutEvents":
            for entry in call.params["Entries"]:  # type: ignore[attr-defined]  # PutEvents' own
                yield {
                    "source": entry["Source"],
                    "detail-type": entry["DetailType"],
                    "detail": json.loads(entry["Detail"]),
                }


def a_day_that_is_due() -> dict[str, object]:
    """A `Digest Due` as a run of its own writes it."""
    run = Run(id="day", account=Account(id=HUB), at=START, dry_run=False)
    detail = write_event(Event(type=EventType.DIGEST_DUE, run=run, detail=write_digest_due(BUSY)))
    return {"source": SOURCE, "detail-type": EventType.DIGEST_DUE, "detail": detail}


def messages(stage: Harness) -> Iterator[Any]:
    for call in stage.ours():
        if call.operation == "SendMessageBatch":
            for entry in call.params["Entries"]:  # type: ignore[attr-defined]  # likewise
                yield json.loads(entry["MessageBody"])


def stored(stage: Harness, folder: str, field: str = "") -> list[Any]:
    """What is in a folder, and has a field of that name."""
    found = [
        json.loads(body)
        for name, body in stage.cloud.objects(BUCKET).items()
        if folder in name and not name.endswith(".csv")
    ]
    return [each for each in found if not field or field in each]


@cache
def validator(name: str) -> Draft202012Validator:
    """Of the schema, without leave for a field that it does not name."""
    return Draft202012Validator(
        closed(SCHEMAS[name]()), format_checker=Draft202012Validator.FORMAT_CHECKER
    )


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_current(name: str) -> None:
    path = FOLDER / f"{name}.json"

    assert path.read_text(encoding="utf-8") == text_of(name), "run: python -m tests.schemas"
    Draft202012Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))


def test_no_schema_is_left_over() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(SCHEMAS)


@pytest.mark.parametrize("name", sorted(set(SCHEMAS) - OF_THE_COMMAND_LINE - OF_CHANNELS))
def test_all_that_really_passes_is_of_its_form(name: str, documents: Documents) -> None:
    assert documents[name]

    for document in documents[name]:
        validator(name).validate(json.loads(json.dumps(document)))


@pytest.mark.parametrize("form", [Planned, SnapshotKey, ExplainedKey, KeyDetail, DigestItem])
def test_whoever_tells_of_a_key_tells_all_of_its_decision(form: type) -> None:
    assert get_type_hints(Decided).keys() <= get_type_hints(form).keys()


@pytest.mark.parametrize(
    ("checked", "form"),
    [
        (_Digest, DigestForm),
        (_Run, DigestRun),
        (_Account, DigestAccount),
        (_Item, DigestItem),
        (_Channels, ChannelsForm),
        (_Trail, TrailForm),
        (_Caller, CallerForm),
        (_Next, NextStep),
        (_Usage, Usage),
        (_Use, Use),
        (_Fetched, FetchedOn),
        (_DayDigest, DayForm),
        (_DayCoverage, CoverageFile),
        (_List, ListFile),
        (_Line, LineFile),
    ],
)
def test_the_notifier_checks_each_field_of_a_digest_that_it_reads(
    checked: type[Schema], form: type
) -> None:
    assert checked().fields.keys() == get_type_hints(form).keys()


def test_each_list_of_a_day_has_its_form_and_its_place_in_the_mail() -> None:
    assert get_type_hints(DigestLists).keys() == set(LISTS)
    assert sorted(_ORDER) == sorted(LISTS)


def test_a_table_has_a_cell_for_whatever_of_a_decision_is_a_single_value() -> None:
    decision = only(ann(a_key(age=90)))

    cells = cells_of(write_decision("ann", decision))

    assert set(CELLS) == cells.keys() - {"next", "promises"}
    assert all(isinstance(cells[cell], str | int | None) for cell in CELLS)


def test_a_snapshot_is_read_whatever_else_a_newer_version_put_there(documents: Documents) -> None:
    for taken in documents["snapshot"]:
        stored = taken | {"newer": [1]}

        assert read_snapshot(json.dumps(stored).encode()) == stored


def test_what_a_snapshot_lacks_or_has_of_another_kind_makes_it_none(documents: Documents) -> None:
    whole: dict[str, Any] = {
        **next(each for each in documents["snapshot"] if each["keys"]),
        "quarantined": [{"user": "ann", "key": "AKIA"}],
        "failures": [{"user": None, "message": "it could not be entered"}],
    }
    assert read_snapshot(json.dumps(whole).encode()) is not None

    for name in Snapshot.__required_keys__:
        for bad in ({**whole, name: 5.5}, {**whole, name: [None]}, without(whole, name)):
            assert read_snapshot(json.dumps(bad).encode()) is None, (name, bad)
    for name in ("users", "keys", "quarantined", "failures"):
        [first, *others] = whole[name]
        for field in READ[name]:
            for worse in ({**first, field: 5}, {**first, field: [None]}, without(first, field)):
                bad = {**whole, name: [worse, *others]}
                assert read_snapshot(json.dumps(bad).encode()) is None, (name, field)


READ = {
    "users": ("user", "exempt"),
    "keys": ("user", "key", "created", "state", "action", "reason", "overlays"),
    "quarantined": ("user", "key"),
    "failures": ("user", "message"),
}
"""What is read of each item of a snapshot's lists."""


def without(found: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name != field}


def test_fields_of_a_key_that_came_later_may_be_missing_in_an_older_snapshot(
    documents: Documents,
) -> None:
    [taken, *_] = [each for each in documents["snapshot"] if each["keys"]]
    stored = {
        **taken,
        "keys": [{name: key[name] for name in READ["keys"]} for key in taken["keys"]],
    }

    assert read_snapshot(json.dumps(stored).encode()) == stored


def test_every_kind_of_event_was_seen(documents: Documents) -> None:
    assert {event["detail-type"] for event in documents["event"]} == set(EventType)
    assert sorted(each for events in DETAILS.values() for each in events) == sorted(EventType)


def test_a_plan_is_of_its_form() -> None:
    report = Report(
        at=RUN.at,
        dry_run=True,
        policy=RotationPolicy(unused_period=400),
        results=[AccountResult(plan=AccountPlan(run=RUN, warnings=("a",)), left=("ann",))],
        skipped=[(RUN.account, "it is suspended")],
        failures=["no account has a user zoe"],
    )

    validator("plan").validate(json.loads(as_json(report)))


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("answer", "account"),
        ("receipt", "time"),
        ("rotation-event", "account"),
        ("snapshot", "at"),
    ],
)
def test_what_lacks_a_field_or_has_one_more_would_be_noticed(
    name: str, field: str, documents: Documents
) -> None:
    good = json.loads(json.dumps(documents[name][0]))

    for bad in (
        {key: value for key, value in good.items() if key != field},
        {**good, field: 7},
        {**good, "keyy": "?"},
    ):
        with pytest.raises(ValidationError):
            validator(name).validate(bad)


def test_an_event_with_the_detail_of_another_would_be_noticed(documents: Documents) -> None:
    [rotated, *_] = (e for e in documents["event"] if e["detail-type"] == "Key Rotated")

    for bad in (
        {**rotated, "detail-type": "Run Completed"},
        {**rotated, "detail": {**rotated["detail"], "keyy": "?"}},
        {**rotated, "source": "somebody"},
    ):
        with pytest.raises(ValidationError):
            validator("event").validate(bad)
