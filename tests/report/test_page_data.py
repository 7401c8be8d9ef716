"""What the page says of an organisation, and first of all what was not seen of it."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from keyturn.adapters.local_evidence import LocalEvidence
from keyturn.domain.errors import InvalidValue
from keyturn.domain.users_target import UsersTarget
from keyturn.report.page import write_page
from keyturn.use_cases.page_data import (
    EPOCH,
    GatherPage,
    PageAsked,
    counts_of,
)
from tests.report.bucket import (
    BOUGHT,
    DAY,
    LAB,
    NASTY,
    NOW,
    OWNER,
    SHOP,
    Bucket,
    block_of,
    key,
    rows,
    said,
)

ONE = timedelta(days=1)


@pytest.fixture
def bucket(tmp_path: Path) -> Bucket:
    made = Bucket(tmp_path)
    made.inventory(DAY, SHOP)
    return made


def gathered(bucket: Bucket, **asked: Any) -> dict[str, Any]:  # noqa: ANN401 -- as PageAsked
    evidence = LocalEvidence(bucket.root)
    return GatherPage(evidence=evidence, workers=1).of(PageAsked(made=NOW, **asked))


def account(block: dict[str, Any], id_: str) -> tuple[str, str]:
    """How much was seen of an account, and why no more."""
    [found] = [each for each in rows(block, "accounts") if each["id"] == id_]
    return said(block, found["seen"]), said(block, found["why"])


def only_key(block: dict[str, Any]) -> dict[str, Any]:
    [found] = rows(block, "keys")
    return found


def day(number: int) -> date:
    return EPOCH + number * ONE


def test_where_every_account_was_seen_nothing_lacks(bucket: Bucket) -> None:
    bucket.snapshot(SHOP, DAY, [key("ann", 1)])

    block = gathered(bucket)

    assert account(block, SHOP) == ("seen", "")
    assert counts_of(block).is_whole
    assert (block["expected"], block["skipped"]) == (1, 1)
    assert [said(block, each["owner"]) for each in rows(block, "users")] == [OWNER]


@pytest.mark.parametrize(
    ("fields", "seen", "why"),
    [
        ({"left": ["bob"]}, "partly seen", "there was no time for 1 of its users"),
        ({"whole": False}, "partly seen", "the run was for some of its users alone"),
        (
            {"users": [], "keys": [], "failures": [{"user": None, "message": "no role"}]},
            "not entered",
            "no role",
        ),
        ({"version": 9}, "not entered", "its snapshot could not be read"),
        *(
            ({"keys": [key("ann", 1) | odd]}, "not entered", "its snapshot could not be read")
            for odd in ({"last_used": 7}, {"age": float("nan")}, {"next": {"date": "2026-05-01"}})
        ),
    ],
)
def test_an_account_that_was_not_seen_whole_says_why(
    bucket: Bucket, fields: dict[str, Any], seen: str, why: str
) -> None:
    bucket.snapshot(SHOP, DAY, **{"keys": [key("ann", 1)], **fields})

    block = gathered(bucket)

    found, said_why = account(block, SHOP)
    assert found == seen
    assert said_why.startswith(why)
    assert not counts_of(block).is_whole


def test_an_account_without_a_run_is_there_and_its_keys_of_another_day_are_not(
    bucket: Bucket,
) -> None:
    bucket.inventory(DAY, SHOP, LAB)
    bucket.snapshot(SHOP, DAY, [key("ann", 1)])
    bucket.snapshot(LAB, DAY - ONE, [key("bob", 2)])

    block = gathered(bucket)

    assert account(block, LAB)[0] == "not seen"
    assert counts_of(block).lacking == "Not everything was seen: 1 not seen"
    [lab] = [each for each in rows(block, "accounts") if each["id"] == LAB]
    assert day(lab["last"]) == DAY - ONE
    assert [each["id"] for each in rows(block, "keys")] == [key("ann", 1)["key"]]


def test_an_account_of_earlier_days_that_no_inventory_names_any_more_is_left_out(
    bucket: Bucket,
) -> None:
    bucket.snapshot(SHOP, DAY, [])
    bucket.snapshot(BOUGHT, DAY - ONE, [key("bob", 2)])

    block = gathered(bucket)

    assert account(block, BOUGHT)[0] == "left out"
    assert counts_of(block).is_whole


def test_without_a_record_of_an_inventory_nobody_knows_who_lacks(tmp_path: Path) -> None:
    bucket = Bucket(tmp_path)
    bucket.snapshot(SHOP, DAY, [key("ann", 1)])

    block = gathered(bucket)

    assert block["expected"] is None
    assert not counts_of(block).is_whole


def test_runs_after_midnight_belong_to_the_day_of_their_inventory(bucket: Bucket) -> None:
    bucket.inventory(DAY, SHOP, LAB)
    bucket.snapshot(SHOP, DAY, [key("ann", 1)])
    bucket.snapshot(LAB, DAY + ONE, [key("bob", 2)])
    # A run by hand on the day after says nothing of the day.
    bucket.snapshot(SHOP, DAY + ONE, [])

    block = gathered(bucket)

    assert day(block["day"]) == DAY
    assert counts_of(block).is_whole
    assert {each["id"] for each in rows(block, "keys")} == {
        key("ann", 1)["key"],
        key("bob", 2)["key"],
    }


def test_a_key_is_where_the_run_left_it_with_the_days_on_which_it_came_there(
    bucket: Bucket,
) -> None:
    bucket.snapshot(SHOP, DAY - 2 * ONE, [key("ann", 1, age=88)])
    bucket.snapshot(
        SHOP, DAY - ONE, [key("ann", 1, age=89, action="ROTATE", done=True, sentence="it is old")]
    )
    bucket.snapshot(
        SHOP, DAY, [key("ann", 1, state="ROTATED", action="DISABLE", done=True, next=None)]
    )

    block = gathered(bucket)

    courses = [
        (day(each["day"]), block["states"][each["state"]]) for each in rows(block, "courses")
    ]
    assert courses == [
        (DAY - 2 * ONE, "ACTIVE"),
        (DAY - ONE, "ROTATED"),
        (DAY, "DISABLED"),
    ]
    assert [said(block, each["action"]) for each in rows(block, "steps")] == ["ROTATE", "DISABLE"]
    assert block["states"][only_key(block)["state"]] == "DISABLED"


def test_a_key_is_gone_only_where_the_account_was_seen_whole(bucket: Bucket) -> None:
    bucket.snapshot(SHOP, DAY - ONE, [key("ann", 1)])
    bucket.snapshot(SHOP, DAY, [])

    assert [block_state(gathered(bucket))] == ["GONE"]

    bucket.snapshot(SHOP, DAY, [], left=["ann"])

    assert rows(gathered(bucket), "keys") == []


def block_state(block: dict[str, Any]) -> str:
    state: str = block["states"][only_key(block)["state"]]
    return state


def test_since_when_a_key_is_blocked_is_the_first_of_the_days_without_a_gap(
    bucket: Bucket,
) -> None:
    for back, overlays in ((4, ["BLOCKED"]), (3, []), (2, ["BLOCKED"]), (0, ["BLOCKED"])):
        bucket.snapshot(SHOP, DAY - back * ONE, [key("ann", 1, overlays=overlays)])

    assert day(only_key(gathered(bucket))["blocked"]) == DAY - 2 * ONE


def test_the_days_of_the_chart_add_up(bucket: Bucket) -> None:
    bucket.snapshot(SHOP, DAY - ONE, [key("ann", 1, age=89), key("bob", 2, age=200)])
    bucket.snapshot(
        SHOP, DAY, [key("ann", 1, age=90), key("bob", 2, age=201), key("eve", 3, state="DISABLED")]
    )

    trend = gathered(bucket)["trend"]

    assert [each[1:] for each in trend] == [
        [1, 2, 2, 2, 289, 200, 1],
        [1, 3, 3, 2, 291, 201, 1],
    ]


def test_a_notice_is_shown_with_its_address_and_what_became_of_it(bucket: Bucket) -> None:
    bucket.snapshot(SHOP, DAY, [key("ann", 1)])
    sent = datetime(2026, 5, 18, 4, 30, tzinfo=UTC)
    arrived = bucket.receipt(SHOP, "ann", 1, "disable", DAY + ONE, sent)
    bucket.put(f"{arrived}.delivered", b"{}", sent + timedelta(minutes=2))
    lost = bucket.receipt(SHOP, "ann", 1, "before-disable-3", DAY + ONE, sent + ONE)
    bucket.put(f"{lost}.delivered", b"{}", sent + ONE)
    bucket.put(f"{lost}.bounced", json.dumps({"why": "550 no such user"}).encode(), sent + ONE)
    # None of these is a notice to an owner of a key that is there.
    bucket.put(f"{arrived}".replace(".json", ".admin.json"), b"{" + b" " * 100, sent)
    bucket.put(f"receipts/{SHOP}/_dry-run/owner/abc/{DAY}.json", b"{" + b" " * 100, sent)
    bucket.put(f"receipts/{SHOP}/ann/{key('ann', 9)['key']}/disable/{DAY}.json", b" " * 99, sent)
    bucket.put(f"receipts/{SHOP}/ann/{key('ann', 1)['key']}/deleted/{DAY}.json", b" " * 36, sent)

    block = gathered(bucket, links={arrived: "mails/1.html"})

    found = [
        (
            said(block, each["step"]),
            said(block, each["to"]),
            each["fate"],
            said(block, each["why"]),
        )
        for each in rows(block, "notices")
    ]
    assert found == [
        ("disable", OWNER, 1, ""),
        ("before-disable-3", OWNER, 3, "550 no such user"),
    ]
    assert said(block, rows(block, "notices")[0]["link"]) == "mails/1.html"


def test_an_exemption_is_shown_with_what_is_known_of_it(bucket: Bucket) -> None:
    users = [{"user": "ann", "exempt": True}]
    bucket.snapshot(SHOP, DAY, [key("ann", 1)], users=users)
    entry = f"""
  - account: "{SHOP}"
    user: ann
    ticket: SEC-1
    owner: {OWNER}
    reason: vendor
    expiry: {DAY + 9 * ONE}
"""
    bucket.put("exemptions.yaml", f"version: 1\nexemptions:{entry}{entry}".encode())

    [user] = rows(block := gathered(bucket), "users")

    assert (user["exempt"], said(block, user["ticket"])) == (1, "SEC-1")
    assert day(user["expires"]) == DAY + 9 * ONE
    assert block["remarks"] == ["exemptions.yaml: 1 mistake, and what has one is left out"]


def test_a_day_or_an_account_that_is_not_stored_is_refused(bucket: Bucket) -> None:
    bucket.snapshot(SHOP, DAY, [])

    with pytest.raises(InvalidValue, match="no snapshot of 2026-05-19 is stored"):
        gathered(bucket, day=DAY - ONE)
    with pytest.raises(InvalidValue, match="no inventory names it"):
        gathered(bucket, accounts=frozenset({LAB}))


def test_no_text_of_strangers_is_read_as_html(bucket: Bucket) -> None:
    bucket.snapshot(SHOP, DAY, [key("ann", 1, sentence="a\u202eb")], name=NASTY)

    page = write_page(gathered(bucket))

    assert NASTY not in page
    block = block_of(page)
    assert said(block, rows(block, "accounts")[0]["name"]) == NASTY
    assert "\u202e" not in json.dumps(block, ensure_ascii=False)


def test_more_time_is_shown_with_its_end_and_its_ticket(bucket: Bucket) -> None:
    given = {"until": "2026-06-10", "ticket": "OPS-12", "by": "ann", "at": f"{DAY}T08:00:00Z"}
    over = {**given, "until": "2026-05-01"}
    broken = {"until": "soon", "ticket": 3}
    keys = [
        key("ann", 1, overlays=["DEFERRED"], deferral=given),
        key("ben", 2, deferral=over),
        key("cid", 3, deferral=broken),
        key("dan", 4),
    ]
    bucket.snapshot(SHOP, DAY, keys)

    block = gathered(bucket)

    shown = {
        each["id"]: (each["deferred"], said(block, each["ticket"]), said(block, each["by"]))
        for each in rows(block, "keys")
    }
    assert shown[keys[0]["key"]] == ((date(2026, 6, 10) - EPOCH).days, "OPS-12", "ann")
    assert shown[keys[1]["key"]] == ((date(2026, 5, 1) - EPOCH).days, "OPS-12", "ann")
    assert shown[keys[2]["key"]] == shown[keys[3]["key"]] == (0, "", "")


def test_each_user_has_a_way_out_by_the_days_of_the_page(bucket: Bucket) -> None:
    never = {"last_used": {"at": None, "service": None, "region": None}}
    mail = {"last_used": {"at": f"{DAY}T01:00:00Z", "service": "ses", "region": "eu-west-1"}}
    odd = {"last_used": {"at": "yesterday", "service": "ses", "region": "eu-west-1"}}
    bucket.snapshot(SHOP, DAY - ONE, [key("earlier", 4, **never), key("mail", 2, **mail)])
    bucket.snapshot(
        SHOP,
        DAY,
        [
            key("idle", 1, **never),
            key("mail", 2),
            key("mystery", 3),
            key("earlier", 4),
            key("odd", 5, **odd),
        ],
    )

    block = gathered(bucket)

    found = {
        said(block, each["name"]): tuple(
            said(block, each[name]) for name in ("kind", "sure", "instead")
        )
        for each in rows(block, "users")
    }
    unknown = ("Not known", "unknown", "find out with keyturn trace KEY")
    assert found == {
        "idle": ("Never used", "proved", "nothing: disable the keys, wait, delete them"),
        "mail": ("Mail by SES", "possible", "a role and SES's API"),
        "mystery": unknown,
        "earlier": unknown,
        "odd": unknown,
    }


def test_the_target_has_its_line_and_what_was_not_seen_is_at_least(bucket: Bucket) -> None:
    for back in (4, 2, 0):
        bucket.snapshot(SHOP, DAY - back * ONE, [key(f"u{n}", n) for n in range(20 + back)])

    target = UsersTarget(users=14, by=DAY + 8 * ONE)
    whole = gathered(bucket, users_target=target)
    bucket.inventory(DAY, SHOP, LAB)
    partly = gathered(bucket, users_target=target)
    unlisted = Bucket(bucket.root.parent / "unlisted")
    for back in (4, 0):
        unlisted.snapshot(SHOP, DAY - back * ONE, [key(f"u{n}", n) for n in range(20 + back)])
    unknown = gathered(unlisted, users_target=target)
    none = gathered(bucket)

    # One that was never entered was lacking before, too: no day was seen whole.
    assert partly["target"]["start"] is None
    assert unknown["target"]["start"] is None
    assert whole["target"] == {
        "users": 14,
        "by": (DAY + 8 * ONE - EPOCH).days,
        "start": [(DAY - 4 * ONE - EPOCH).days, 24],
        "says": (
            "20 IAM users, target 14 by 2026-05-28: ahead by 1 (21 on the line from 24 on "
            "2026-05-16)"
        ),
    }
    assert partly["target"]["says"].startswith("At least 20 IAM users, target 14")
    assert "at least 6 too many. There is no line" in partly["target"]["says"]
    assert (none["target"], none["months"]) == (None, [])


def test_one_snapshot_of_another_form_keeps_no_other_account_from_the_page(bucket: Bucket) -> None:
    bucket.inventory(DAY, SHOP, LAB)
    rich = key(
        "bob",
        2,
        last_used={"at": "2026-05-01T04:00:00Z", "service": "s3", "region": "us-east-1"},
        breaks=False,
        deferral={
            "until": "2026-06-01",
            "ticket": "T-1",
            "by": "ann",
            "at": "2026-05-01T00:00:00Z",
        },
    )
    bucket.snapshot(SHOP, DAY, [key("ann", 1)])
    bucket.snapshot(LAB, DAY, [rich], done_earlier=[])
    [name] = bucket.root.glob(f"snapshots/date={DAY}/account={LAB}.json")
    good = name.read_text()
    assert account(gathered(bucket), LAB) == ("seen", "")
    refused = set()

    for path in places(json.loads(good)):
        for odd in (MISSING, None, 7, "odd", ["odd", 7], {"odd": 7}):
            name.write_text(json.dumps(changed(json.loads(good), path, odd)))

            block = gathered(bucket)
            write_page(block)

            # Neither does it keep what it says of itself from being seen as lacking.
            assert account(block, SHOP) == ("seen", ""), (path, odd)
            seen, why = account(block, LAB)
            if seen == "not entered":
                assert "could not be read" in why
                refused.add(path[0])

    assert {"keys", "users", "failures", "policy"} <= refused


MISSING = object()


def places(found: Any) -> list[tuple[str | int, ...]]:  # noqa: ANN401 -- any JSON
    """Each place in a document, as the steps to it."""
    of = found.items() if isinstance(found, dict) else enumerate(found)
    return [
        path
        for name, value in of
        for path in (
            (name,),
            *((name, *more) for more in (places(value) if isinstance(value, dict | list) else ())),
        )
    ]


def changed(found: Any, path: tuple[str | int, ...], value: object) -> Any:  # noqa: ANN401 -- any JSON
    """A document with something else in one place, or without it."""
    inner = found
    for step in path[:-1]:
        inner = inner[step]
    if value is MISSING:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return found
