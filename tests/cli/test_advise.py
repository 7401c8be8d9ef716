"""`keyturn advise`: from a bucket's snapshots, from IAM itself, and from CloudTrail."""

import csv
import io
import json
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validate
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn_sandbox.emulator.cloud import LocalCloud, Perform
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, ApiResponse, refused
from tests.cli.organisation import NOW, OURS, ROLE, SHOP, add_user, deploy
from tests.report.bucket import BOUGHT, DAY, LAB, OWNER, Bucket, key
from tests.report.bucket import SHOP as STORED
from tests.schemas import SCHEMAS

NEVER: Mapping[str, Any] = {"last_used": {"at": None, "service": None, "region": None}}


def keyturn(*args: str, columns: int = 120) -> Result:
    return CliRunner(env={"COLUMNS": str(columns)}).invoke(app, args)


def used(day: date, service: str = "s3") -> dict[str, Any]:
    return {"last_used": {"at": f"{day}T09:00:00Z", "service": service, "region": "eu-west-1"}}


def told(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    validate(found, SCHEMAS["advice"]())
    return found


def verdicts(found: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {each["user"]: (each["kind"], each["sureness"]) for each in found["users"]}


@pytest.fixture
def bucket(tmp_path: Path) -> Bucket:
    """Three accounts: one seen, one seen the day before, one never."""
    bucket = Bucket(tmp_path / "copy")
    bucket.inventory(DAY, STORED, LAB, BOUGHT)
    users = [
        {"user": "idle", "exempt": False, "owner": OWNER, "owner_source": "tag"},
        {"user": "boss", "exempt": True, "password_last_used": f"{DAY}T07:00:00Z"},
        {"user": "github-deploy", "exempt": False},
        {"user": "mystery", "exempt": False},
        {"user": "earlier", "exempt": False},
        {"user": "once-never", "exempt": False},
        {"user": "nobody", "exempt": False},
    ]
    keys = [
        key("idle", 1, **NEVER),
        key("idle", 2, age=300, **NEVER),
        key("boss", 3, **NEVER),
        key("github-deploy", 4, **used(DAY)),
        key("mystery", 5),
        key("earlier", 6),
        key("once-never", 7),
        key("idle", 8, age=400, done=True, action="DELETE", state="DISABLED"),
    ]
    bucket.snapshot(STORED, DAY, keys, users=users)
    before = DAY - timedelta(days=3)
    earlier = [key("earlier", 6, **used(before, "ses")), key("once-never", 7, **NEVER)]
    bucket.snapshot(STORED, before, earlier)
    bucket.snapshot(LAB, DAY - timedelta(days=1), [key("probe", 9, **NEVER)])
    return bucket


def test_a_copy_of_the_bucket_gives_each_user_a_verdict_with_its_evidence(
    bucket: Bucket,
) -> None:
    result = keyturn("advise", "--folder", str(bucket.root), "--format", "json")

    found = told(result)
    assert result.exit_code == 1, result.output
    assert verdicts(found) == {
        "idle": ("never-used", "proved"),
        "boss": ("console-only", "proved"),
        "github-deploy": ("ci", "possible"),
        # Read three days ago: a use is known, that there was none since is not.
        "earlier": ("ses-smtp", "possible"),
        "once-never": ("not-known", "unknown"),
        "mystery": ("not-known", "unknown"),
        "probe": ("not-known", "unknown"),
    }
    assert found["without_keys"] == 1
    assert found["unseen"] == [
        f"{LAB} on 2026-05-20: what stands here is of 2026-05-19",
        f"{BOUGHT}: it had no run",
    ]
    first = found["users"][0]
    # The key that was deleted on that day is none that it would end.
    assert (first["user"], len(first["keys"]), first["oldest"]) == ("idle", 2, 300)
    assert first["evidence"] == [
        {
            "source": "last-use",
            "says": "IAM knows no use of 2 Active keys, read on 2026-05-20",
        }
    ]
    [github] = (each for each in found["users"] if each["user"] == "github-deploy")
    [policy] = github["policies"].values()
    assert policy["Statement"][0]["Principal"]["Federated"].startswith(f"arn:aws:iam::{STORED}:")
    assert found["kinds"]["never-used"]["users"] == 1


@pytest.mark.parametrize("columns", [80, 120, 160])
def test_the_list_fits_the_terminal_and_says_first_what_was_not_seen(
    bucket: Bucket, columns: int
) -> None:
    result = keyturn("advise", "--folder", str(bucket.root), columns=columns)

    lines = result.stdout.splitlines()
    assert all(len(line) <= columns for line in lines)
    assert lines[0].startswith("NOT SEEN: ")
    text = " ".join(result.stdout.split())
    assert "7 users with 8 keys, 1 user without, as of 2026-05-20 (UTC)" in text
    assert f"1. idle in account 2 ({STORED}): 2 keys, the oldest 300 days, owner {OWNER}" in text
    assert "2. boss" in text
    assert ", exempt" in text
    assert "Privileges are not known" in text


def test_the_list_can_be_narrowed_cut_and_kept(bucket: Bucket, tmp_path: Path) -> None:
    where = ("advise", "--folder", str(bucket.root))
    by_owner = told(keyturn(*where, "--owner", OWNER.upper(), "--format", "json"))
    by_user = told(keyturn(*where, "--user", "boss", "--format", "json"))
    by_account = told(keyturn(*where, "--account", LAB, "--format", "json"))
    earlier = told(keyturn(*where, "--date", "2026-05-17", "--format", "json"))
    short = keyturn(*where, "--days", "1", "--format", "json")
    file = tmp_path / "list.csv"
    kept = keyturn(*where, "--format", "csv", "-o", str(file))
    cut = keyturn(*where, "--most", "1", "--steps")

    assert set(verdicts(by_owner)) == {"idle", "probe"}
    assert set(verdicts(by_user)) == {"boss"}
    assert set(verdicts(by_account)) == {"probe"}
    assert verdicts(earlier)["once-never"] == ("never-used", "proved")
    assert verdicts(told(short))["earlier"] == ("not-known", "unknown")
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    assert [row["rank"] for row in rows] == [str(each) for each in range(1, 8)]
    assert f"wrote {file}: 7 users" in kept.stderr
    assert "NOT SEEN" in kept.stderr
    assert "and 6 more: --most 7, or --format csv" in cut.stdout
    assert "2. Disable the keys, wait 30 days" in cut.stdout
    assert "github-deploy" not in cut.stdout


def test_who_is_not_there_is_named(bucket: Bucket) -> None:
    where = ("advise", "--folder", str(bucket.root), "--account", STORED, "--format", "json")

    found = keyturn(*where, "--user", "idle", "--user", "idel", "--owner", OWNER)
    nobody = keyturn(*where, "--owner", "nobody@example.com")

    assert (found.exit_code, nobody.exit_code) == (1, 1)
    assert told(found)["unseen"] == ["no user idel is known there"]
    assert set(verdicts(told(found))) == {"idle"}
    assert told(nobody)["unseen"] == ["no user of the owner nobody@example.com is known there"]


def test_a_users_name_writes_no_formula(bucket: Bucket) -> None:
    bucket.snapshot(BOUGHT, DAY, [key("=cmd|x", 20, **NEVER)])

    text = keyturn("advise", "--folder", str(bucket.root), "--format", "csv").stdout

    assert ",'=cmd|x," in text


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        ((), "--bucket: is needed, or --deployed, or --folder"),
        (("--folder", ".", "--live"), "--live: goes without --folder"),
        (("--live",), "--live: needs --account: the accounts that are asked"),
        (("--live", "--account", SHOP, "--date", "2026-05-01"), "goes without --live"),
        (("--folder", ".", "--cloudtrail"), "--cloudtrail: needs --live; or give log files"),
        (("--folder", ".", "--days", "0"), "--days 0: must be from 1 to 400"),
        (("--folder", ".", "--most", "0"), "--most 0: must be at least 1"),
        (("--folder", ".", "--date", "1 May"), "--date 1 May: must be a date"),
        (("--folder", ".", "--account", "shop"), "must be the 12 digits"),
        (("--folder", ".", "--user", ""), "--user: must not be empty"),
        (("--folder", "COPY", "--date", "2026-05-19x"), "must be a date"),
        (
            ("--folder", "COPY", "--date", "2026-05-18"),
            "--date 2026-05-18: no snapshot of 2026-05-18 is stored there",
        ),
        (("--folder", "COPY", "--account", SHOP.replace("2", "7")), "has no snapshot"),
        (("--folder", "COPY", "--ranges", "nowhere.json"), "cannot be read"),
        (("--folder", "COPY", "--ranges", "COPY/odd.json"), "must be a list of addresses"),
        (("--folder", "COPY", "--trail", "nowhere"), "--trail nowhere: cannot be read"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    args: tuple[str, ...], complaint: str, bucket: Bucket
) -> None:
    bucket.put("odd.json", b'{"prefixes": [{"ip_prefix": "300.0.0.0/8"}], "ipv6_prefixes": []}')

    found = keyturn("advise", *(each.replace("COPY", str(bucket.root)) for each in args))

    assert found.exit_code == 2, found.output
    assert complaint in found.stderr
    assert len(found.stderr.splitlines()) == 1
    assert found.stdout == ""


# --- from IAM and CloudTrail ---------------------------------------------------------------------


def see(cloud: LocalCloud, key_id: str, address: str, agent: str) -> None:
    event = {
        "eventTime": f"{cloud.now:%Y-%m-%dT%H:%M:%SZ}",
        "eventName": "GetCallerIdentity",
        "eventSource": "sts.amazonaws.com",
        "sourceIPAddress": address,
        "userAgent": agent,
        "userIdentity": {"accessKeyId": key_id},
    }
    cloud.see_call(OURS, key_id, json.dumps(event), "us-east-1")


def test_iam_and_cloudtrail_are_asked_of_an_account(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    add_user(cloud, OURS, "idle", 40)
    [deploy_key] = add_user(cloud, OURS, "shipper", 40)
    [server] = add_user(cloud, OURS, "server", 40)
    add_user(cloud, OURS, "tagged", 10)
    add_user(cloud, OURS, "empty")
    for each in (deploy_key, server):
        cloud.use_key(OURS, each, NOW, "sts", "us-east-1")
    cloud.session(OURS).client("iam").tag_user(
        UserName="tagged", Tags=[{"Key": "pipeline", "Value": "gitlab"}]
    )
    see(cloud, deploy_key, "9.9.9.9", "configure-aws-credentials-for-github-actions")
    see(cloud, server, "8.8.4.4", "Boto3/1.34")
    ranges = tmp_path / "ip-ranges.json"
    ranges.write_text(json.dumps({"prefixes": [{"ip_prefix": "8.8.8.0/24"}], "ipv6_prefixes": []}))
    where = ("advise", "--live", "--account", OURS, "--format", "json")

    plain = told(keyturn(*where))
    traced = keyturn(*where, "--cloudtrail", "--ranges", str(ranges))

    assert verdicts(plain) == {
        "idle": ("never-used", "proved"),
        "shipper": ("not-known", "unknown"),
        "server": ("not-known", "unknown"),
        "tagged": ("ci", "possible"),
    }
    assert plain["without_keys"] == 1
    assert traced.exit_code == 0, traced.output
    assert verdicts(told(traced)) == {
        "idle": ("never-used", "proved"),
        "shipper": ("ci", "likely"),
        "server": ("elsewhere", "likely"),
        "tagged": ("ci", "possible"),
    }


def test_log_files_of_a_trail_serve_as_well(bucket: Bucket, tmp_path: Path) -> None:
    trail = tmp_path / "trail.json"
    event = {
        "eventTime": "2026-05-19T10:00:00Z",
        "eventName": "PutObject",
        "eventSource": "s3.amazonaws.com",
        "sourceIPAddress": "10.0.0.1",
        "userAgent": "Boto3/1.34 exec-env/AWS_Lambda_python3.12",
        "userIdentity": {"accessKeyId": f"AKIA{5:016d}"},
    }
    trail.write_text(json.dumps({"Records": [event]}))
    where = ("advise", "--folder", str(bucket.root), "--user", "mystery", "--format", "json")

    whole = told(keyturn(*where, "--trail", str(trail)))
    trail.write_text(json.dumps({"Records": [event, "no event"]}))
    broken = told(keyturn(*where, "--trail", str(trail)))

    assert verdicts(whole) == {"mystery": ("in-aws", "likely")}
    assert verdicts(broken) == {"mystery": ("in-aws", "possible")}
    assert any("1 piece of CloudTrail's logs" in each for each in broken["unseen"])


def test_what_iam_does_not_say_is_said_and_never_taken_for_no(cloud: LocalCloud) -> None:
    [key_id] = add_user(cloud, OURS, "idle", 40)

    def deny(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "GetAccessKeyLastUsed":
            return refused(request, ApiError("AccessDenied", "not allowed", 403))
        return perform(request)

    cloud.layers.append(deny)
    found = keyturn("advise", "--live", "--account", OURS, "--format", "json")

    assert found.exit_code == 1
    assert verdicts(told(found)) == {"idle": ("not-known", "unknown")}
    assert key_id in found.stderr
    assert "AccessDenied" in found.stderr


def test_a_member_account_needs_a_role_and_an_account_that_is_closed_to_us_is_said(
    cloud: LocalCloud,
) -> None:
    add_user(cloud, SHOP, "idle", 40)
    asked = ("advise", "--live", "--account", SHOP, "--format", "json")

    without = keyturn(*asked)
    with_role = keyturn(*asked, "--role-name", ROLE, "--account", "444444444444")

    assert without.exit_code == 2
    assert f"--account {SHOP}: needs --role-name" in without.stderr
    assert with_role.exit_code == 1
    assert verdicts(told(with_role)) == {"idle": ("never-used", "proved")}
    assert "NOT SEEN: 444444444444: " in with_role.stderr


def test_the_snapshot_of_a_run_says_who_signed_in(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "boss", 40)
    signed_in = cloud.now - timedelta(days=2)
    cloud.sign_in(SHOP, "boss", signed_in)
    deploy(cloud)
    keyturn("run", "--deployed", "--account", SHOP, "--enforce", "--yes")

    found = told(keyturn("advise", "--deployed", "--format", "json"))

    assert verdicts(found) == {"boss": ("person", "possible")}
    assert found["users"][0]["evidence"][0] == {
        "source": "sign-in",
        "says": f"it signed in to the console on {signed_in.date()}",
    }
