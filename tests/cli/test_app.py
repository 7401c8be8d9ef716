"""The command line, as an operator uses it, on the local AWS."""

import csv
import io
import json
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from keyturn.cli import needs
from keyturn.cli.app import app
from keyturn.cli.local_run import FleetRun, connect
from keyturn.cli.needs import TO_TELL, WHICH_KMS_KEY, WHICH_SEAL_KEY
from keyturn.cli.options import AccountOptions
from keyturn.domain.key import Account
from keyturn.domain.result import Request
from keyturn.settings import Settings
from keyturn.use_cases.announcers import NotifyNobody
from keyturn_sandbox.emulator.cloud import LocalCloud
from keyturn_sandbox.emulator.event_history import event_of
from tests.cli.organisation import (
    ADMIN,
    BUCKET,
    CLOSED,
    CLOSED_TO_US,
    DAY,
    GROUP,
    NOW,
    OURS,
    ROLE,
    SECRETS,
    SHOP,
    TELLING,
    add_user,
    environment,
)

WRITES = re.compile(r"Create|Update|Delete|Put|Tag|Untag|Restore|Send")
EVERYWHERE = ("--role-name", ROLE)
IN_THE_SHOP = (*EVERYWHERE, "--account", SHOP)
ENFORCED = ("run", "--enforce", "--yes", *TELLING, *IN_THE_SHOP)


def become(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, role: str | None = None) -> None:
    session = cloud.role_session(OURS, role) if role else cloud.session(OURS)
    for name, value in environment(session).items():
        monkeypatch.setenv(name, value)


def keyturn(*args: str, width: int = 200) -> Result:
    return CliRunner(env={"COLUMNS": str(width)}).invoke(app, args)


def written(cloud: LocalCloud) -> list[str]:
    """What was written since the scene was set."""
    scene = {"CreateBucket", "CreateGroup"}
    return [
        call.operation
        for call in cloud.calls
        if WRITES.match(call.operation) and call.operation not in scene and not call.error
    ]


def plan(*args: str) -> dict[str, Any]:
    result = keyturn("plan", "--format", "json", *args)
    assert result.exit_code in {0, 1}, result.stderr
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def decisions(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {made["key"]: made for each in document["accounts"] for made in each["decisions"]}


# --- plan -------------------------------------------------------------------------------------


def test_anyone_can_plan_their_own_account_with_their_own_credentials(cloud: LocalCloud) -> None:
    [old] = add_user(cloud, OURS, "deploy-bot", 137)
    [young] = add_user(cloud, OURS, "ann", 3)

    result = keyturn("plan")

    assert result.exit_code == 0
    assert "Due now: 1 key" in result.stdout
    [row] = [line for line in result.stdout.splitlines() if old in line]
    assert re.search(r"deploy-bot +\S+ +137d +ACTIVE +ROTATE +DISABLE 2026-03-12 +it is 137", row)
    assert young not in result.stdout
    assert "1 key needs nothing now; --all lists them." in result.stdout
    assert "1 account, 2 users, 2 keys: 1 due, 0 blocked" in result.stdout
    assert result.stderr == (
        "No --bucket: earlier notices are unknown, so this plan assumes none was sent. "
        "Beside a deployment use --deployed.\n"
    )
    assert "AssumeRole" not in {call.operation for call in cloud.calls}
    assert written(cloud) == []


def test_quiet_keys_are_listed_when_asked_for(cloud: LocalCloud) -> None:
    [young] = add_user(cloud, OURS, "ann", 3)

    assert young in keyturn("plan", "--all").stdout


def test_a_plan_of_the_organisation_names_who_was_skipped_and_who_could_not_be_reached(
    cloud: LocalCloud,
) -> None:
    [ours] = add_user(cloud, OURS, "deploy-bot", 137)
    [theirs] = add_user(cloud, SHOP, "orders", 95)
    add_user(cloud, CLOSED, "ghost", 900)

    result = keyturn("plan", *EVERYWHERE)

    assert result.exit_code == 1
    assert ours in result.stdout
    assert theirs in result.stdout
    assert f"{SHOP} shop" in result.stdout
    assert "3 accounts, 2 users, 2 keys: 2 due, 0 blocked, 0 users exempt" in result.stdout
    assert f"skipped {CLOSED} closed: it is SUSPENDED" in result.stderr
    assert re.search(rf"{CLOSED_TO_US} bought: .*could not be assumed", result.stderr)


def test_json_gives_every_key_its_state_action_reason_and_next_date(cloud: LocalCloud) -> None:
    [old] = add_user(cloud, SHOP, "orders", 95)
    [young] = add_user(cloud, OURS, "ann", 3)

    document = plan(*EVERYWHERE)

    assert document["version"] == 1
    assert document["generated_at"].startswith("2026-03-02T04:00")
    assert document["dry_run"] is True
    assert document["policy"]["RotationPeriod"] == 90
    assert [each["account"] for each in document["accounts"]] == [OURS, SHOP, CLOSED_TO_US]
    assert document["skipped"] == [
        {"account": CLOSED, "name": "closed", "reason": "it is SUSPENDED"}
    ]
    found = decisions(document)
    facts = ("state", "action", "reason", "next")
    assert {name: found[old][name] for name in facts} == {
        "state": "ACTIVE",
        "action": "ROTATE",
        "reason": "rotation-due",
        "next": {"action": "DISABLE", "date": "2026-03-12"},
    }
    assert {name: found[young][name] for name in facts} == {
        "state": "ACTIVE",
        "action": "KEEP",
        "reason": "nothing-due",
        "next": {"action": "ROTATE", "date": "2026-05-28"},
    }
    failed = document["accounts"][2]
    assert failed["decisions"] == []
    assert "could not be assumed" in failed["failures"][0]["message"]


def test_csv_has_a_row_for_each_key_and_no_formulas(cloud: LocalCloud) -> None:
    ages = {"orders,eu": 95, "=cmd": 3, "+bot": 3, "@mail": 3, "-x": 3, "plain": 3}
    keys = {name: add_user(cloud, OURS, name, age)[0] for name, age in ages.items()}

    result = keyturn("plan", "--format", "csv")

    rows = {row["key"]: row for row in csv.DictReader(io.StringIO(result.stdout))}
    assert {row["user"] for row in rows.values()} == {
        "orders,eu",
        "'=cmd",
        "'+bot",
        "'@mail",
        "'-x",
        "plain",
    }
    due = rows[keys["orders,eu"]]
    assert (due["action"], due["next_action"], due["next_date"]) == (
        "ROTATE",
        "DISABLE",
        "2026-03-12",
    )


@pytest.mark.parametrize("width", [80, 120, 200])
def test_key_ids_stay_whole_and_no_line_is_wider_than_the_terminal(
    cloud: LocalCloud, width: int
) -> None:
    [old] = add_user(cloud, OURS, "a-user-with-as-long-a-name-as-IAM-allows-" + 23 * "x", 137)

    result = keyturn("plan", width=width)

    assert old in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= width


def test_names_cannot_speak_to_the_terminal(cloud: LocalCloud) -> None:
    cloud.organization.accounts[SHOP].name = "[red]shop[/red]\x1b[2J\nextra"
    add_user(cloud, SHOP, "orders", 95)

    result = keyturn("plan", *IN_THE_SHOP)

    assert result.exit_code == 0
    assert "[red]shop[/red]\ufffd[2J extra" in result.stdout
    assert "\x1b" not in result.stdout


def test_a_user_is_looked_for_in_all_accounts_and_missed_only_if_in_none(
    cloud: LocalCloud,
) -> None:
    [orders] = add_user(cloud, SHOP, "orders", 95)
    add_user(cloud, SHOP, "ann", 95)
    two = ("--account", OURS, "--account", SHOP)

    found = keyturn("plan", *EVERYWHERE, *two, "--user", "orders")
    missed = keyturn("plan", *EVERYWHERE, *two, "--user", "orders", "--user", "ordrs")

    assert found.exit_code == 0
    assert "2 accounts, 1 user, 1 key: 1 due" in found.stdout
    assert orders in found.stdout
    assert missed.exit_code == 1
    assert "no account has a user ordrs" in missed.stderr


def test_of_accounts_that_could_not_be_read_nobody_says_whom_they_lack(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "ann", 95)
    cloud.deny(SHOP, "iam:ListUsers")
    two = ("--account", OURS, "--account", SHOP)

    missed = keyturn("plan", *EVERYWHERE, *two, "--user", "ordrs")

    assert missed.exit_code == 1
    assert "no account that was read has a user ordrs (1 could not be read)" in missed.stderr


def test_named_accounts_need_no_organizations(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    [old] = add_user(cloud, SHOP, "orders", 95)
    become(cloud, monkeypatch, "Operator")
    cloud.deny(None, "ListAccounts")

    named = keyturn("plan", *IN_THE_SHOP)
    all_of_them = keyturn("plan", *EVERYWHERE)

    assert named.exit_code == 0
    assert old in named.stdout
    assert "accounts without their names and addresses" in named.stderr
    assert all_of_them.exit_code == 1
    assert len(all_of_them.stderr.splitlines()) == 1
    assert "the organisation could not be read" in all_of_them.stderr
    assert "--account" in all_of_them.stderr


def test_an_account_that_is_not_in_the_organisation_is_a_failure(cloud: LocalCloud) -> None:
    result = keyturn("plan", *EVERYWHERE, "--account", "999999999999")

    assert result.exit_code == 1
    assert "999999999999: it is not in the organisation" in result.stderr


def test_only_the_accounts_of_a_unit_are_read(cloud: LocalCloud) -> None:
    unit = cloud.organization.create_unit("production")
    cloud.organization.move_account(SHOP, unit)

    document = plan(*EVERYWHERE, "--ou", unit)

    assert [each["account"] for each in document["accounts"]] == [SHOP]


def test_options_of_the_policy_reach_the_plan(cloud: LocalCloud) -> None:
    [key] = add_user(cloud, OURS, "deploy-bot", 80)

    document = plan("--rotation-period", "75", "--inactive-period", "85", "--warn-days", "3")

    assert decisions(document)[key]["action"] == "ROTATE"
    assert document["policy"]["WarnDays"] == [3]


def test_members_of_the_group_are_exempt(cloud: LocalCloud) -> None:
    [key] = add_user(cloud, OURS, "deploy-bot", 300)
    cloud.session(OURS).client("iam").add_user_to_group(GroupName=GROUP, UserName="deploy-bot")

    result = keyturn("plan", "--all")

    assert "1 user exempt" in result.stdout
    assert re.search(rf"{key} +300d +ACTIVE EXEMPT|{key} +300d +ACTIVE +KEEP", result.stdout)


def test_the_answer_goes_into_a_file_whole_or_not_at_all(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    add_user(cloud, OURS, "deploy-bot", 137)
    file = tmp_path / "plan.json"
    file.write_text("the last plan")

    refused = keyturn("plan", "--account", SHOP, "--format", "json", "-o", str(file))
    kept = file.read_text()
    result = keyturn("plan", "--format", "json", "-o", str(file))

    assert refused.exit_code == 2
    assert kept == "the last plan"
    assert result.exit_code == 0
    assert result.stdout == ""
    assert json.loads(file.read_text())["accounts"][0]["account"] == OURS
    assert [each.name for each in tmp_path.iterdir()] == ["plan.json"]


def test_what_was_told_is_read_from_the_bucket(cloud: LocalCloud) -> None:
    [key] = add_user(cloud, SHOP, "orders", 80)
    keyturn(*ENFORCED)

    with_bucket = plan(*IN_THE_SHOP, "--bucket", BUCKET)
    without = plan(*IN_THE_SHOP)

    assert decisions(with_bucket)[key]["action"] == "KEEP"
    assert decisions(without)[key]["action"] == "WARN"


# --- run --------------------------------------------------------------------------------------


def test_a_run_makes_the_key_stores_it_and_tells_the_owner(cloud: LocalCloud) -> None:
    [old] = add_user(cloud, SHOP, "orders,eu", 137)

    result = keyturn(*ENFORCED)

    assert result.exit_code == 0, result.stderr
    new = next(key.key_id for key in cloud.keys(SHOP) if key.key_id != old)
    [secret] = cloud.secrets(SHOP)
    assert secret.name == f"Account_{SHOP}_User_orders=2Ceu_AccessKey"
    assert new in next(iter(secret.values.values()))
    to = {address for mail in cloud.sent_mails for address in mail.to}
    assert to == {"shop@example.com", ADMIN}
    assert re.search(rf"Done: 1 key(?s:.*){old}.*new key {new}", result.stdout)
    assert re.search(rf"wrote iam:CreateAccessKey .*{new} request_id=\S+", result.stderr)
    assert "1 done, 0 not done" in result.stdout
    assert cloud.secret_values()[new] not in result.output


def test_the_answer_of_a_run_tells_what_was_done(cloud: LocalCloud) -> None:
    [old] = add_user(cloud, SHOP, "orders", 137)

    result = keyturn(*ENFORCED, "--format", "json")

    [account] = json.loads(result.stdout)["accounts"]
    new = next(key.key_id for key in cloud.keys(SHOP) if key.key_id != old)
    assert json.loads(result.stdout)["dry_run"] is False
    assert account["done"] == [{"user": "orders", "key": old, "action": "ROTATE", "new_key": new}]


def test_a_run_is_a_dry_run_until_it_is_told_to_enforce(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 137)

    result = keyturn("run", *IN_THE_SHOP, *SECRETS, "--bucket", BUCKET)
    complete = keyturn("run", *IN_THE_SHOP, *TELLING)

    assert (result.exit_code, complete.exit_code) == (0, 0)
    assert "Due now: 1 key" in result.stdout
    assert result.stderr.endswith(
        "Dry run: nothing was written. --enforce also needs --notify and --admin.\n"
    )
    assert "nothing was written but notices of a dry run. --enforce does it." in complete.stderr
    assert set(written(cloud)) <= {"PutObject", "SendEmail"}


def test_an_enforced_run_that_could_tell_nobody_is_refused(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 137)
    before = len(cloud.calls)

    result = keyturn("run", "--enforce", "--yes", *IN_THE_SHOP, *SECRETS)

    assert result.exit_code == 2
    assert result.stderr.startswith(f"--notify: is needed{TO_TELL}; --bucket, --admin: are")
    assert len(cloud.calls) == before


def test_a_run_over_the_bus_leaves_the_mails_to_the_notifier(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 137)
    cloud.session(OURS).client("events").create_event_bus(Name="keys")
    bus = ("--notify", "bus", "--bus", "keys", "--bucket", BUCKET, "--admin", ADMIN)

    result = keyturn("run", "--enforce", "--yes", *IN_THE_SHOP, *bus, *SECRETS)

    assert result.exit_code == 0, result.stderr
    assert len(cloud.keys(SHOP)) == 2
    assert not cloud.sent_mails
    sent = [call for call in cloud.calls if call.operation == "PutEvents"]
    assert "Key Rotated" in str(sent)


def test_a_run_that_reads_cloudtrail_says_from_where_the_old_key_is_used(
    cloud: LocalCloud,
) -> None:
    [old] = add_user(cloud, SHOP, "orders", 137)
    cloud.use_key(SHOP, old, cloud.now, "sts", "us-east-1")
    cloud.see_call(SHOP, old, event_of("203.0.113.7", "curl/8.5.0", "sts.amazonaws.com"))

    keyturn(*ENFORCED, "--read-cloudtrail")

    [mail] = [mail for mail in cloud.sent_mails if "shop@example.com" in mail.to]
    said = "CloudTrail saw this key used from 203.0.113.7 for sts.amazonaws.com (by curl/8.5.0)."
    assert said in " ".join((mail.text or "").split())


def test_one_accounts_failure_does_not_stop_the_others_and_is_reported(
    cloud: LocalCloud,
) -> None:
    add_user(cloud, SHOP, "orders", 137)

    result = keyturn("run", "--enforce", "--yes", *EVERYWHERE, *TELLING)

    assert result.exit_code == 1
    assert len(cloud.keys(SHOP)) == 2
    assert re.search(rf"{CLOSED_TO_US} bought: .*could not be assumed", result.stderr)
    assert "[AWS access keys] 1 account not reached (3 accounts, a run on 2 March)" in {
        mail.subject for mail in cloud.sent_mails
    }


def test_a_mail_that_is_refused_is_a_failure(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 137)
    telling = ("--notify", "ses", "--bucket", BUCKET, "--admin", "nobody@example.org")

    result = keyturn("run", "--enforce", "--yes", *IN_THE_SHOP, *telling, *SECRETS)

    assert result.exit_code == 1
    assert "not verified" in result.stderr


def test_with_nobody_to_ask_a_run_refuses_before_it_calls_aws(cloud: LocalCloud) -> None:
    before = len(cloud.calls)

    result = keyturn("run", "--enforce", *IN_THE_SHOP, *TELLING)

    assert result.exit_code == 2
    assert result.stderr == "--enforce: needs --yes where there is no terminal to ask on\n"
    assert len(cloud.calls) == before


@pytest.mark.parametrize(("answer", "keys", "code"), [("y\n", 2, 0), ("n\n", 1, 1), ("", 1, 130)])
def test_a_run_asks_before_it_writes_and_without_a_yes_nothing_is_written(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, answer: str, keys: int, code: int
) -> None:
    add_user(cloud, SHOP, "orders", 137)
    # The tests have no terminal; that it is asked for is seen in test_cli_process.
    monkeypatch.setattr(needs, "can_ask", lambda: True)

    result = CliRunner(env={"COLUMNS": "200"}).invoke(
        app, ["run", "--enforce", *IN_THE_SHOP, *TELLING], input=answer
    )

    assert result.exit_code == code, result.stderr
    assert "1 key: rotate 1 in 1 account. Go on? [y/N]" in result.stderr
    assert len(cloud.keys(SHOP)) == keys
    if keys == 1:
        assert written(cloud) == []
    assert ("nothing was done" in result.stderr) is (code == 1)


def test_without_the_exemption_group_a_plan_warns_and_a_run_leaves_the_account(
    cloud: LocalCloud,
) -> None:
    add_user(cloud, SHOP, "orders", 137)
    elsewhere = ("--exemption-group", "Nobody")

    planned = keyturn("plan", *IN_THE_SHOP, *elsewhere)
    left = keyturn(*ENFORCED, *elsewhere)
    done = keyturn(*ENFORCED, *elsewhere, "--allow-missing-group")

    assert planned.exit_code == 0
    assert "warning: the exemption group Nobody does not exist: nobody is exempt" in planned.stderr
    assert left.exit_code == 1
    assert "the account was skipped" in left.stderr
    assert done.exit_code == 0
    assert "1 done, 0 not done" in done.stdout


def test_a_plan_that_has_grown_old_is_not_carried_out(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 137)
    where = AccountOptions(role_name=ROLE, account=[SHOP])
    aws = connect(where, Settings(), lambda *_: None)
    fleet_run = FleetRun(aws=aws, request=Request(), dry_run=False, announcer=NotifyNobody())
    planned = fleet_run.plan(Account(id=SHOP), lambda *_: None)

    cloud.move_to(NOW + timedelta(minutes=16))
    result = fleet_run.finish(planned.plan, lambda *_: None)

    assert result.left == ("orders",)
    assert written(cloud) == []


def test_the_dates_that_a_plan_promises_are_kept_day_by_day(cloud: LocalCloud) -> None:
    """What explain says on the first day is what the runs then do."""
    [key] = add_user(cloud, SHOP, "orders", 90)
    told = keyturn("explain", "orders", *IN_THE_SHOP, "--bucket", BUCKET).stdout
    dates = dict(re.findall(r"(today|\d{4}-\d\d-\d\d) +(ROTATE|DISABLE|DELETE):", told))
    coming = {act: NOW.date() if day == "today" else day for day, act in dates.items()}

    happened: dict[str, date] = {}
    for day in range(25):
        cloud.move_to(NOW + day * DAY)
        keyturn(*ENFORCED)
        keys = {each.key_id: each.status for each in cloud.keys(SHOP)}
        done = {
            "ROTATE": len(keys) == 2,
            "DISABLE": keys.get(key) == "Inactive",
            "DELETE": key not in keys,
        }
        for act, is_done in done.items():
            if is_done:
                happened.setdefault(act, cloud.now.date())

    assert {act: str(day) for act, day in happened.items()} == {
        act: str(day) for act, day in coming.items()
    }


# --- explain ----------------------------------------------------------------------------------


def test_a_user_is_explained_with_every_coming_date(cloud: LocalCloud) -> None:
    [key] = add_user(cloud, SHOP, "orders", 30)

    result = keyturn("explain", "orders", *IN_THE_SHOP)

    assert result.exit_code == 0
    assert f"{key}  ACTIVE, 30 days old" in result.stdout
    assert re.findall(r"(\d{4}-\d\d-\d\d) +([A-Z]+): ([^│]*?) *│", result.stdout) == [
        ("2026-04-17", "WARN", "14 days before its rotation"),
        ("2026-04-24", "WARN", "7 days before its rotation"),
        ("2026-04-30", "WARN", "1 day before its rotation"),
        (
            "2026-05-01",
            "ROTATE",
            "its successor is made, and its owner is notified of the dates below",
        ),
        ("2026-05-08", "WARN", "3 days before"),
        ("2026-05-11", "DISABLE", "it stops working, and can be enabled again"),
        ("2026-05-18", "WARN", "3 days before"),
        ("2026-05-21", "DELETE", "it is gone for good"),
    ]


def test_a_day_is_a_day_and_not_days(cloud: LocalCloud) -> None:
    [key] = add_user(cloud, SHOP, "orders", 1)

    result = keyturn("explain", "orders", *IN_THE_SHOP)

    assert f"{key}  ACTIVE, 1 day old" in result.stdout
    assert "it is 1 day old, rotation comes at 90" in result.stdout


def test_a_key_is_found_in_whichever_account_it_is(cloud: LocalCloud) -> None:
    [key] = add_user(cloud, SHOP, "orders", 95)

    result = keyturn("explain", key, *EVERYWHERE)

    assert "orders, 222222222222 shop" in result.stdout
    assert key in result.stdout


def test_an_exempt_user_has_nothing_coming(cloud: LocalCloud) -> None:
    add_user(cloud, OURS, "deploy-bot", 300)
    cloud.session(OURS).client("iam").add_user_to_group(GroupName=GROUP, UserName="deploy-bot")

    result = keyturn("explain", "deploy-bot")

    assert "its user is exempt" in result.stdout
    assert re.search(r"Coming +nothing", result.stdout)


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("nobody", "no account has a user nobody"),
        ("AKIAIOSFODNN7EXAMPLE", f"there is no access key AKIAIOSFODNN7EXAMPLE in {OURS}"),
    ],
)
def test_whom_nobody_knows_is_a_failure(cloud: LocalCloud, who: str, said: str) -> None:
    result = keyturn("explain", who)

    assert result.exit_code == 1
    assert said in result.stderr


# --- bad input --------------------------------------------------------------------------------

WRONG = {
    "--rotation-period 0": "--rotation-period 0: must be at least 1 day",
    "--inactive-period 80": "--inactive-period 80: must be greater than --rotation-period 90",
    "--rotation-period 100": (
        "--rotation-period 100: must be less than --inactive-period 100, the default"
    ),
    "--inactive-period 9 --rotation-period 9": (
        "--inactive-period 9: must be greater than --rotation-period 9"
    ),
    "--recovery-grace-period -1": "--recovery-grace-period -1: must be at least 1 day",
    "--rotation-period ninety": "--rotation-period ninety: must be a whole number of days",
    "--rotation-period 99999999": "--rotation-period 99999999: must be at most 36500 days",
    "--warn-days 7,x": "--warn-days 7,x: must be whole days, separated by commas",
    "--rotate-early-days -1": "--rotate-early-days -1: must be at least 0 days",
    "--rotate-early-days 1.5": "--rotate-early-days 1.5: must be a whole number of days",
    "--rotate-early-days 1_0": "--rotate-early-days 1_0: must be a whole number of days",
    "--rotate-early-days ٣": "--rotate-early-days ٣: must be a whole number of days",
    "--rotate-early-days +5": "--rotate-early-days +5: must be a whole number of days",
    "--max-keys-per-day 1_0": "--max-keys-per-day 1_0: must be a whole number",
    "--warn-days 7,+5": "--warn-days 7,+5: must be whole days, separated by commas",
    "--rotate-early-days 36501": "--rotate-early-days 36501: must be at most 36500 days",
    "--rotate-early-days 76": (
        "--rotate-early-days 76: must be less than --rotation-period 90 minus 14, "
        "the most of --warn-days 14,7,1"
    ),
    "--rotate-early-days 14 --rotation-period 28": (
        "--rotate-early-days 14: must be less than --rotation-period 28 minus 14, "
        "the most of --warn-days 14,7,1"
    ),
    "--rotate-early-days 1 --warn-days 0": (
        "--rotate-early-days 1: needs more than --warn-days 0: keys are rotated early "
        "only on days that were announced"
    ),
    "--rotate-early-days 3 --rotation-period 10": (
        "--rotate-early-days 3: needs --rotation-period 18 or more beside --warn-days 14,7,1"
    ),
    "--unused-period 0": "--unused-period 0: must be at least 1 day",
    "--hold-if-used-within 0": "--hold-if-used-within 0: must be at least 1 day",
    "--max-hold 0": "--max-hold 0: must be at least 1 day",
    "--account 12": "--account 12: must be the 12 digits of an AWS account id",
    "--ou production --role-name x": (
        "--ou production: must be the id of an organisational unit (ou-…) or root (r-…)"
    ),
    "--ou r-root": "--ou r-root: needs --role-name",
    "--org-list-role x": "--org-list-role x: needs --role-name",
    "--org-list-role x --role-name y": "--org-list-role x: needs --org-list-account",
    "--role-name arn:aws:iam::1:role/x": (
        "--role-name arn:aws:iam::1:role/x: must be a role's name, not its ARN"
    ),
    "--parallel 0": "--parallel 0: must be from 1 to 64",
    "--bucket=": "--bucket: must not be empty",
    "--bucket No_Such": "--bucket No_Such: must be the name of a bucket",
    "--prefix /x/": (
        "--prefix /x/: must be a folder, without * and without a slash at its begin or end"
    ),
    "--user=": "--user: must not be empty",
    "--region mars": "--region mars: is no AWS region",
    "--profile nobody": "--profile nobody: is not in your AWS configuration",
    "-o /nonexistent/plan": (
        "--output /nonexistent/plan: cannot be written (No such file or directory)"
    ),
    "-o /tmp": "--output /tmp: is a directory",
}
SEALED = f"--seal-key: is needed{WHICH_SEAL_KEY}"
KEYS = f"--secrets-kms-key: is needed{WHICH_KMS_KEY}; {SEALED}"
TOLD = f"--notify: is needed{TO_TELL}; --bucket, --admin: are needed with --notify"
ALL_OF_IT = f"{TOLD}; {KEYS}"
NOBODY = "--enforce: needs --yes where there is no terminal to ask on"
WRONG_RUNS = {
    "--notify ses": "--bucket, --admin: are needed with --notify ses",
    "--notify ses --bucket keys --admin a@example.com --proof-of-notice Delivered": (
        "--configuration-set: is needed where --proof-of-notice is Delivered"
    ),
    "--notify ses --bucket keys": "--admin: is needed with --notify ses",
    "--notify bus": "--bucket, --admin, --bus: are needed with --notify bus",
    "--notify bus --bucket keys --admin a@example.com": "--bus: is needed with --notify bus",
    "--notify ses --bucket keys --admin nobody": "--admin nobody: must be an e-mail address",
    "--role-name x --enforce --yes": ALL_OF_IT,
    "--role-name x --enforce": f"{NOBODY}; {ALL_OF_IT}",
    "--deployed --enforce": NOBODY,
    "--enforce --yes": f"{TOLD}; {SEALED}",
    f"--role-name x --enforce --yes --notify ses --bucket keys --admin {ADMIN}": (KEYS),
}
WRONG_ORDERS = {
    "rotate bot --role-name x": "--account: is needed, exactly one: a user is of one account",
    "rotate bot --deployed": "--account: is needed, exactly one: a user is of one account",
    "rotate bot --role-name x --enforce": (
        f"{NOBODY}; --account: is needed, exactly one: a user is of one account; "
        "--notify: is needed: a rotation begins with telling the owner; "
        f"--bucket, --admin: are needed with --notify; {KEYS}"
    ),
    "restore AKIAIOSFODNN7EXAMPLE --role-name x --enforce": (f"{NOBODY}; {KEYS}"),
    "revoke AKIAIOSFODNN7EXAMPLE --leaked --role-name x --notify ses --enforce": (
        f"{NOBODY}; --bucket, --admin: are needed with --notify ses"
    ),
    "adopt Account_222222222222_User_bot_AccessKey --role-name x --enforce": (f"{NOBODY}; {KEYS}"),
    "pause": (
        "--reason: is needed: it is shown to those who are held up; "
        "--bucket: is needed: there all runs look; or --deployed"
    ),
    "pause --enforce --bucket keys": (
        f"{NOBODY}; --reason: is needed: it is shown to those who are held up"
    ),
    "resume --enforce": (f"{NOBODY}; --bucket: is needed: there all runs look; or --deployed"),
}


@pytest.mark.parametrize(
    ("command", "options", "line"),
    [
        *(("plan", options, line) for options, line in WRONG.items()),
        *(("run", options, line) for options, line in WRONG_RUNS.items()),
        *(("", command, line) for command, line in WRONG_ORDERS.items()),
        ("demo", "--days 0", "--days 0: must be at least 1 day"),
        ("demo", "--plant 13", "--plant 13: must be a promise's number, 1 to 12"),
        ("demo", "-o -", "--output -: must be a folder: a demo is many files"),
        (
            "demo",
            "-o /dev/null",
            "--output /dev/null: is no folder (File exists). Give another folder: -o FOLDER",
        ),
        (
            "demo",
            "-o /dev/null/demo",
            (
                "--output /dev/null/demo: cannot be made (Not a directory). "
                "Give another folder: -o FOLDER"
            ),
        ),
    ],
)
def test_wrong_values_are_refused_in_one_line_before_aws_is_asked(
    cloud: LocalCloud, command: str, options: str, line: str
) -> None:
    before = len(cloud.calls)

    result = keyturn(*command.split(), *options.split())

    assert result.stderr == f"{line}\n"
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(cloud.calls) == before


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (["plan", "--format", "xml"], ["--format", "xml", "table"]),
        (["plan", "--rotation"], ["--rotation"]),
        (["plan", "--parallel", "x"], ["--parallel", "x", "int"]),
        (["paln"], ["paln"]),
        (["explain"], ["USER|KEY"]),
    ],
)
def test_bad_usage_is_answered_in_one_line(args: list[str], named: list[str]) -> None:
    result = keyturn(*args)

    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert [word for word in named if word not in result.stderr] == []


def test_an_account_other_than_ones_own_needs_a_role(cloud: LocalCloud) -> None:
    result = keyturn("plan", "--account", SHOP)

    assert result.exit_code == 2
    assert result.stderr == (
        f"--account {SHOP}: without --role-name it must be your own account, {OURS}\n"
    )


# --- what an operator's machine may lack --------------------------------------------------------


def test_without_a_region_that_is_said(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)

    result = keyturn("plan")

    assert result.exit_code == 2
    assert result.stderr == (
        "--region: is needed: neither AWS_REGION, AWS_DEFAULT_REGION nor your profile names one\n"
    )


def test_credentials_that_no_longer_work_are_answered_in_one_line(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")

    result = keyturn("plan")

    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.endswith("; sign in again\n")


# --- the program itself -------------------------------------------------------------------------


def test_without_a_command_it_helps() -> None:
    result = keyturn()

    assert result.exit_code == 0
    for command in ("plan", "run", "explain", "demo"):
        assert command in result.stdout


def test_it_tells_its_version() -> None:
    assert re.fullmatch(r"keyturn \d+\.\d+\.\d+\n", keyturn("--version").stdout)


def test_a_key_that_nobody_can_have_is_shown_though_its_user_is_exempt(cloud: LocalCloud) -> None:
    [old] = add_user(cloud, SHOP, "orders", 137)
    denials = [cloud.deny(SHOP, name) for name in ("PutSecretValue", "DeleteAccessKey")]
    broken = keyturn(*ENFORCED)
    for denial in denials:
        denial.lift()
    iam = cloud.session(SHOP).client("iam")
    iam.add_user_to_group(GroupName=GROUP, UserName="orders")
    [orphan] = {key.key_id for key in cloud.keys(SHOP)} - {old}
    cloud.move_to(NOW + DAY)

    shown = keyturn("plan", *IN_THE_SHOP)
    listed = plan(*IN_THE_SHOP)

    assert broken.exit_code == 1
    assert re.search(rf"Blocked: 1 key(?s:.*){orphan}(?s:.*)EXEMPT", shown.stdout), shown.output
    assert "only a person may remove it" in " ".join(shown.stdout.split())
    assert listed["accounts"][0]["quarantined"] == [{"user": "orders", "key": orphan}]


def test_the_rotation_of_keys_found_old_is_spread_over_days(cloud: LocalCloud) -> None:
    for number in range(8):
        add_user(cloud, SHOP, f"bot-{number}", 137)
    spread = ("--spread-days", "4")

    decisions = plan(*IN_THE_SHOP, *spread)["accounts"][0]["decisions"]
    waiting = {
        made["user"]: made["next"]["date"] for made in decisions if made["reason"] == "spread"
    }
    shown = keyturn("plan", *IN_THE_SHOP, *spread)
    done = keyturn(*ENFORCED, *spread)

    assert 0 < len(waiting) < len(decisions) == 8
    assert set(waiting.values()) <= {"2026-03-03", "2026-03-04", "2026-03-05"}
    assert all(re.search(rf"{user} .*{day}", shown.stdout) for user, day in waiting.items())
    assert done.exit_code == 0, done.stderr
    rotated = {key.user for key in cloud.keys(SHOP) if key.created >= NOW}
    assert rotated == {made["user"] for made in decisions} - waiting.keys()
    for day in (1, 2, 3):
        cloud.move_to(NOW + day * DAY)
        keyturn(*ENFORCED, *spread)
    assert len(cloud.keys(SHOP)) == 16


def test_a_run_from_here_gives_a_user_who_sends_mail_their_password(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "mailer", 95)

    result = keyturn(*ENFORCED, "--smtp-user", "mail*", "--smtp-region", "eu-west-1")

    assert result.exit_code == 0, result.stderr
    [secret] = cloud.secrets(SHOP)
    [value] = (json.loads(each) for each in secret.values.values())
    assert list(value["SmtpPasswords"]) == ["eu-west-1"]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--smtp-user", "a b"), "--smtp-user a b: must be a user's name, in which * is any text"),
        (("--smtp-region", "here"), "--smtp-region here: must be the name of an AWS region"),
        (("--smtp-user", ""), "--smtp-user: must not be empty"),
    ],
)
def test_a_wrong_smtp_user_or_region_is_refused(
    cloud: LocalCloud, option: tuple[str, str], said: str
) -> None:
    result = keyturn("plan", *option)

    assert result.exit_code == 2
    assert result.stderr.startswith(said)
