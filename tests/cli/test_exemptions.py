"""`keyturn exemptions`: the file checked, listed, and changed one entry at a time."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn_sandbox.emulator.cloud import LocalCloud, Perform
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from tests.cli.organisation import (
    BUCKET,
    CLOSED_TO_US,
    GROUP,
    OURS,
    ROLE,
    SHOP,
    add_user,
    audit_entries,
    deploy,
)

FILE = """\
version: 1
exemptions:
- account: "222222222222"
  user: erp
  ticket: SEC-1   # approved by the board
  owner: erp@example.com
  reason: reads its key from a file
  expiry: 2026-03-09
"""
PLACE = f"s3://{BUCKET}/asa/exemptions.yaml"
THERE = ("--bucket", BUCKET, "--prefix", "asa")
ENTRY = ("--account", SHOP, "--user", "erp")
NEW = (
    *("--account", SHOP, "--user", "build", "--ticket", "SEC-2"),
    *("--owner", "ci@example.com", "--reason", "moves to roles in May"),
)


def exemptions(*arguments: str) -> Result:
    return CliRunner(env={"AWS_REGION": "us-east-1"}).invoke(app, ["exemptions", *arguments])


@pytest.fixture
def text(cloud: LocalCloud) -> Callable[[], str]:
    """The file that the bucket has; it holds one entry to begin with."""
    s3 = cloud.session(OURS).client("s3")
    s3.put_object(Bucket=BUCKET, Key="asa/exemptions.yaml", Body=FILE.encode())

    def read() -> str:
        body = s3.get_object(Bucket=BUCKET, Key="asa/exemptions.yaml")["Body"].read()
        return str(body.decode())

    return read


def test_an_entry_is_added_extended_and_ended_and_comments_are_kept(
    cloud: LocalCloud, text: Callable[[], str]
) -> None:
    dry = exemptions("add", *NEW, "--days", "60", *THERE)
    assert (dry.exit_code, text()) == (0, FILE)
    assert "+  expiry: 2026-05-01" in dry.stdout
    assert "Dry run: nothing was written." in dry.stderr

    added = exemptions("add", *NEW, "--days", "60", *THERE, "--enforce", "--yes")
    longer = exemptions(
        *("extend", *ENTRY, "--expiry", "2026-04-30", "--reason", "SEC-9"),
        *THERE,
        *("--enforce", "--yes"),
    )
    ended = exemptions(*("end", *ENTRY[:3], "build"), *THERE, "--enforce", "--yes")

    assert [each.exit_code for each in (added, longer, ended)] == [0, 0, 0]
    assert "aws iam add-user-to-group --user-name build --group-name IAMKeyRot" in added.stderr
    assert "aws iam remove-user-from-group --user-name build" in ended.stderr
    assert text() == (
        FILE.replace("2026-03-09", "2026-04-30")
        + '- account: "222222222222"\n  user: build\n  ticket: SEC-2\n  owner: ci@example.com\n'
        "  reason: moves to roles in May\n  since: 2026-03-02\n  expiry: 2026-03-02\n"
    )
    entries = audit_entries(cloud.session(OURS).client("s3"), BUCKET, "asa/")
    assert sorted((each["command"], each["user"], each["outcome"]) for each in entries) == [
        ("exemptions-add", "build", "done"),
        ("exemptions-end", "build", "done"),
        ("exemptions-extend", "erp", "done"),
    ]
    listed = exemptions("list", *THERE, "--format", "csv").stdout.splitlines()
    assert [line.split(",")[1:5] for line in listed] == [
        ["user", "standing", "expiry", "days_left"],
        ["build", "ended", "2026-03-02", "0"],
        ["erp", "valid", "2026-04-30", "59"],
    ]
    table = exemptions("list", *THERE).stdout
    assert table.splitlines()[-1] == f"{PLACE}: 2 exemptions: 1 valid, 1 ended"


def test_the_first_entry_makes_the_file_of_a_deployment(cloud: LocalCloud) -> None:
    deploy(cloud, MaxExemption="30")

    far = exemptions("add", *NEW, "--days", "31", "--deployed")
    added = exemptions("add", *NEW, "--days", "30", "--deployed", "--enforce", "--yes")
    checked = exemptions("check", "--deployed")

    assert far.exit_code == 2
    assert far.stderr == "--days 31: must be at most 30 days ahead (MaxExemption)\n"
    assert added.exit_code == 0
    assert checked.stdout.endswith("exemptions.yaml: 1 exemption can be used, 0 problems\n")


def test_an_edit_of_somebody_else_is_not_written_over(
    cloud: LocalCloud, text: Callable[[], str]
) -> None:
    def meanwhile(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "PutObject" and "audit/" in request.params["Key"]:
            cloud.layers.remove(meanwhile)
            s3 = cloud.session(OURS).client("s3")
            s3.put_object(Bucket=BUCKET, Key="asa/exemptions.yaml", Body=b"# theirs\n" + bytes(1))
        return perform(request)

    cloud.layers.append(meanwhile)
    result = exemptions("end", *ENTRY, *THERE, "--enforce", "--yes")

    assert result.exit_code == 1
    assert f"{PLACE} was changed meanwhile: nothing was written; order it again" in result.stderr
    assert text() == "# theirs\n\0"
    entries = audit_entries(cloud.session(OURS).client("s3"), BUCKET, "asa/")
    assert [each["outcome"] for each in entries] == ["failed"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add",), "--days: is needed, or --expiry"),
        (("add", "--days", "5"), "--account, --user, --ticket, --owner, --reason: are needed"),
        (("add", *NEW, "--days", "0"), "--days 0: must be at least 1"),
        (("add", *NEW, "--days", "x"), "--days x: must be a whole number of days"),
        (("add", *NEW, "--expiry", "2026-03-02"), "--expiry 2026-03-02: must be after today"),
        (("add", *NEW, "--expiry", "2026-06-01"), "--expiry 2026-06-01: must be at most 90 days"),
        (
            ("add", *NEW, "--days", "5", "--expiry", "2026-04-01"),
            "--days 5: goes without --expiry",
        ),
        (("add", *ENTRY, "--days", "5", "--owner", "x"), "--owner x: must be one e-mail address"),
        (("end", "--account", "12", "--user", "a"), "--account 12: must be the 12 digits"),
        (("end", *ENTRY, "--file", "f.yaml"), "--file f.yaml: goes without --bucket"),
    ],
)
def test_what_breaks_a_rule_is_one_line_before_anything_is_read(
    arguments: tuple[str, ...], said: str, cloud: LocalCloud
) -> None:
    before = len(cloud.calls)

    result = exemptions(*arguments, *THERE)

    assert result.exit_code == 2
    assert result.stderr.startswith(said)
    assert len(result.stderr.splitlines()) == 1
    assert len(cloud.calls) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", *NEW[:2], "--user", "erp", *NEW[4:], "--days", "5"), "erp has an entry already"),
        (("extend", *ENTRY, "--days", "7"), "it ends on 2026-03-09, which is no sooner"),
        (("extend", "--account", SHOP, "--user", "ann", "--days", "7"), "has no entry for ann"),
    ],
)
def test_what_cannot_be_done_changes_nothing(
    arguments: tuple[str, ...], said: str, text: Callable[[], str]
) -> None:
    result = exemptions(*arguments, *THERE, "--enforce", "--yes")

    assert (result.exit_code, text()) == (1, FILE)
    assert said in result.stderr


def test_a_file_of_this_machine_needs_no_aws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    path = tmp_path / "exemptions.yaml"
    there = ("--file", str(path))

    gone = exemptions("check", *there)
    added = exemptions("add", *NEW, "--days", "60", *there, "--enforce", "--yes")
    path.write_text(path.read_text().replace("expiry: 20", "expiry: 21"))
    path.chmod(0o640)
    far = exemptions("check", *there)
    path.write_text(path.read_text() + "- {user: ann}\n")
    broken = exemptions("check", *there)
    edited = exemptions("end", *ENTRY, *there, "--enforce", "--yes")

    assert (gone.exit_code, gone.stderr) == (2, f"FILE {path}: is not there\n")
    assert added.exit_code == 0
    assert far.exit_code == 2
    assert f"{path}: line 4: expiry=21" in far.stdout
    assert "is more than 90 days ahead (MaxExemption)" in far.stdout
    assert f"{path}: line 11: the entry has no account" in broken.stdout
    assert broken.stdout.splitlines()[-1].endswith("0 exemptions can be used, 2 problems")
    assert edited.exit_code == 1
    assert "is broken (line 11" in edited.stderr
    assert path.stat().st_mode & 0o777 == 0o640


def test_the_review_has_a_line_for_each_member_and_names_what_was_not_seen(
    cloud: LocalCloud, text: Callable[[], str], tmp_path: Path
) -> None:
    assert text()
    iam = cloud.session(SHOP).client("iam")
    [old] = add_user(cloud, SHOP, "erp", 400)
    add_user(cloud, SHOP, "=cmd", 90, 200)
    add_user(cloud, SHOP, "ann", 30)
    for name in ("erp", "=cmd"):
        iam.add_user_to_group(GroupName=GROUP, UserName=name)
    cloud.use_key(SHOP, old, cloud.now)
    page, table = tmp_path / "review.html", tmp_path / "review.csv"

    result = exemptions(
        *("review", "--role-name", ROLE, *THERE, "--html", str(page), "--csv", str(table))
    )

    assert result.exit_code == 1  # of CLOSED_TO_US nobody knows who is exempt
    assert "2 members of the exemption groups" in result.stderr
    head, first, second = table.read_text().splitlines()
    assert head.startswith("account,name,user,standing,since,expiry,ticket,owner,reason,keys")
    assert first.startswith(f"{SHOP},shop,'=cmd,missing,not known,,,,,")
    assert second.startswith(f"{SHOP},shop,erp,ending,not known,2026-03-09,SEC-1,erp@example.com,")
    assert f"{old} 400,2026-03-02" in second
    assert second.endswith(",")
    html = page.read_text()
    assert html.count('<tr role="row">') == 3
    assert '<span class="lapsed">missing</span>' in html
    assert CLOSED_TO_US in html
    assert "http" not in html
    same = exemptions("review", *THERE, "--html", str(page), "--csv", f"{tmp_path}/./review.html")
    assert (same.exit_code, page.read_text()) == (2, html)
    assert same.stderr == f"--csv {tmp_path}/review.html: is the file of --html, too\n"
    nowhere = exemptions("review", "--role-name", ROLE)
    assert nowhere.stderr == "--html: is needed, or --csv: where the review goes\n"


def test_explain_shows_the_removal_from_the_group_beside_each_key(
    cloud: LocalCloud, text: Callable[[], str]
) -> None:
    assert text()
    add_user(cloud, SHOP, "erp", 400, 20)
    cloud.session(SHOP).client("iam").add_user_to_group(GroupName=GROUP, UserName="erp")
    asked = ["explain", "erp", "--role-name", ROLE, "--account", SHOP, *THERE]

    removed, stays = (
        CliRunner(env={"COLUMNS": "160", "AWS_REGION": "us-east-1"}).invoke(app, [*asked, *more])
        for more in (["--end-exemptions"], [])
    )

    coming = re.findall(r"Coming +(.*?) *│", removed.stdout)
    assert (
        coming == ["2026-03-16  END-EXEMPTION: its user is removed from the exemption group"] * 2
    )
    assert re.findall(r"Coming +(.*?) *│", stays.stdout) == ["nothing"] * 2
