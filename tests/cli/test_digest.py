"""`keyturn digest`: a day of the organisation, and first of all who was not seen."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validate
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn_sandbox.emulator.cloud import LocalCloud, Perform
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, ApiResponse, refused
from tests.cli.organisation import (
    BUCKET,
    CLOSED_TO_US,
    DAY,
    NOW,
    OURS,
    PREFIX,
    SHOP,
    add_user,
    build,
    deploy,
    environment,
)
from tests.schemas import SCHEMAS

PLACE = ("--bucket", BUCKET, "--prefix", PREFIX)
YESTERDAY = ("--date", "2026-03-03")
TODAY = f"{PREFIX}/snapshots/date=2026-03-03"


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalCloud]:
    with LocalCloud(now=NOW) as opened:
        build(opened)
        deploy(opened)
        # Whoever joined today may have come after the day's inventory.
        opened.move_to(NOW + DAY)
        for name, value in environment(opened.session(OURS)).items():
            monkeypatch.setenv(name, value)
        yield opened


def keyturn(*args: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, args)


def run(account: str) -> None:
    """Let a run over an account leave its snapshot."""
    keyturn("run", "--deployed", "--account", account, "--enforce", "--yes")


def answer(*args: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(keyturn("digest", "--format", "json", *args).stdout)
    return found


def put(cloud: LocalCloud, account: str, body: bytes) -> None:
    s3 = cloud.session(OURS).client("s3")
    s3.put_object(Bucket=BUCKET, Key=f"{TODAY}/account={account}.json", Body=body)


def test_an_account_that_had_no_run_comes_first_and_the_code_is_1(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 12)
    run(SHOP)

    shown = keyturn("digest", "--deployed")

    assert shown.exit_code == 1
    lines = shown.stdout.strip().splitlines()
    assert lines[0] == "NOT SEEN, for there was no run: 2"
    assert {line.split()[0] for line in lines[1:3]} == {OURS, CLOSED_TO_US}
    assert "Accounts: 1 looked after, of 4 listed, 1 skipped on purpose" in lines
    assert "2026-03-03 (UTC): 1 key" in lines


def test_once_all_were_seen_an_account_that_could_not_be_entered_is_none_of_them(
    cloud: LocalCloud,
) -> None:
    for account in (OURS, SHOP, CLOSED_TO_US):
        run(account)

    shown = keyturn("digest", "--deployed")

    assert shown.exit_code == 1
    unseen = shown.stdout.partition("NOT SEEN, for they could not be entered or read: 1")[2]
    assert f"{CLOSED_TO_US} (bought): " in unseen
    assert "Failed" not in shown.stdout
    assert "there was no run" not in shown.stdout


def test_the_code_is_0_where_everything_was_seen(cloud: LocalCloud) -> None:
    cloud.organization.suspend_account(CLOSED_TO_US)
    for account in (OURS, SHOP):
        run(account)

    assert keyturn("digest", "--deployed").exit_code == 0
    assert keyturn("digest", *PLACE).exit_code == 0


def test_accounts_that_cannot_be_listed_are_not_taken_for_none(cloud: LocalCloud) -> None:
    run(SHOP)

    def deny(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "ListAccounts":
            return refused(request, ApiError("AccessDeniedException", "not allowed", 400))
        return perform(request)

    cloud.layers.append(deny)

    shown = keyturn("digest", "--deployed")

    assert shown.exit_code == 1
    assert "Accounts: 1 looked after, not known how many are listed" in shown.stdout
    assert shown.stderr.startswith("Which accounts there are could not be read, so nobody knows")


def test_a_day_says_what_was_done_as_json_and_each_key_as_csv(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    # Two users, one with a name that a spreadsheet would compute.
    [due] = add_user(cloud, SHOP, "orders", 137)
    add_user(cloud, SHOP, "=cmd", 12)
    run(SHOP)
    path = tmp_path / "keys.csv"

    found = answer(*PLACE, "--csv", str(path))

    validate(found, SCHEMAS["admin-digest"]())
    assert (found["date"], found["keys"]) == ("2026-03-03", 2)
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [(row["account"], row["user"]) for row in rows] == [(SHOP, "'=cmd"), (SHOP, "orders")]
    [mine] = [row for row in rows if row["key"] == due]
    assert mine["dry_run"] == "no"
    assert found["coverage"]["listed"] is None


def test_a_dry_run_is_told_in_the_conditional(cloud: LocalCloud) -> None:
    [key] = add_user(cloud, SHOP, "orders", 137)
    run(SHOP)
    body = json.loads(cloud.objects(BUCKET)[f"{TODAY}/account={SHOP}.json"])
    for each in body["keys"]:
        each.update(action="ROTATE", done=False)
    put(cloud, SHOP, json.dumps({**body, "dry_run": True}).encode())

    shown = keyturn("digest", *PLACE).stdout

    assert "Would be done, in 1 account in dry run: 1 ROTATE" in shown
    assert key in shown
    assert "Done: nothing" not in shown


def test_what_breaks_soon_says_when_and_where_the_old_key_is_used(cloud: LocalCloud) -> None:
    [key] = add_user(cloud, SHOP, "orders", 97)
    run(SHOP)
    body = json.loads(cloud.objects(BUCKET)[f"{TODAY}/account={SHOP}.json"])
    used = {"at": "2026-03-02T23:10:00Z", "service": "s3", "region": "us-east-1"}
    end = {"action": "DISABLE", "date": "2026-03-06"}
    for each in body["keys"]:
        each.update(breaks=True, last_used=used, next=end)
    put(cloud, SHOP, json.dumps(body).encode())

    shown = keyturn("digest", *PLACE).stdout

    assert f"  {SHOP} (shop), orders, {key}: 2026-03-06: last used on 2026-03-02 for s3\n" in shown
    assert answer(*PLACE)["breaks"]["total"] == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _body: {},
        lambda body: {**body, "keys": [{**each, "next": "x"} for each in body["keys"]]},
        lambda body: {**body, "users": [{"user": "a", "exempt": False, "owner_rejected": 5}]},
        lambda body: {**body, "keys": [{**each, "action": "MELT"} for each in body["keys"]]},
    ],
    ids=["another form", "a field of a key", "a field of a user", "an action of a later version"],
)
def test_a_snapshot_that_cannot_be_read_is_a_failure_and_hides_no_other(
    spoil: Any,  # noqa: ANN401 -- a function of what the file holds
    cloud: LocalCloud,
) -> None:
    add_user(cloud, SHOP, "orders", 12)
    run(SHOP)
    run(OURS)
    body = json.loads(cloud.objects(BUCKET)[f"{TODAY}/account={SHOP}.json"])
    put(cloud, SHOP, json.dumps(spoil(body)).encode())

    found = answer(*PLACE)

    assert (found["coverage"]["reached"], found["coverage"]["failed"]) == (1, 1)
    [failure] = found["coverage"]["not_entered"]["worst"]
    assert failure["account"] == SHOP
    assert failure["what"].startswith("its snapshot could not be read (")


def test_a_day_without_snapshots_names_everybody(cloud: LocalCloud) -> None:
    run(SHOP)

    cloud.move_to(NOW + 2 * DAY)

    today, before = (keyturn("digest", "--deployed", *date) for date in ((), YESTERDAY))

    assert (today.exit_code, before.exit_code) == (1, 1)
    assert today.stdout.startswith("NOT SEEN, for there was no run: 3\n")
    assert before.stdout.startswith("NOT SEEN, for there was no run: 2\n")


def test_who_joined_on_the_day_itself_may_have_come_after_the_inventory(
    cloud: LocalCloud,
) -> None:
    cloud.organization.suspend_account(CLOSED_TO_US)
    run(OURS)
    run(SHOP)
    cloud.organization.create_account("new", "new@example.com", account_id="555555555555")

    assert keyturn("digest", "--deployed").exit_code == 0
    cloud.move_to(NOW + 2 * DAY)
    assert "555555555555" in keyturn("digest", "--deployed").stdout


@pytest.mark.parametrize(
    ("args", "rule"),
    [
        ((*PLACE, "--date", "2026-02-30"), "--date 2026-02-30: must be a date"),
        ((*PLACE, "--date", "2030-01-01"), "--date 2030-01-01: is a day that has not begun"),
        (("--date", "2026-03-02"), "--bucket"),
    ],
)
def test_what_it_cannot_go_by_is_refused(
    args: tuple[str, ...], rule: str, cloud: LocalCloud
) -> None:
    refused = keyturn("digest", *args)

    assert refused.exit_code == 2
    assert rule in refused.stderr
    assert cloud.objects(BUCKET).keys() == {f"{PREFIX}/Lambda/rotation.zip"}


def test_it_writes_nothing(cloud: LocalCloud) -> None:
    run(SHOP)
    before = dict(cloud.objects(BUCKET))

    keyturn("digest", "--deployed")

    assert cloud.objects(BUCKET) == before
