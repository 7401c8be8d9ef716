"""`keyturn owners show`: the owner of each user, by which source, and what does not serve."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.cli.organisation import ADMIN, BUCKET, OURS, PREFIX, ROLE, SHOP, add_user, deploy
from tests.cli.test_json_answers import answer

IN_THE_SHOP = ("--role-name", ROLE, "--account", SHOP, "--owner-tag", "owner", "--admin", ADMIN)
RULES = "version: 1\nrules:\n- {user: deploy-*, addresses: team@example.com}\n"


def show(*arguments: str) -> Result:
    runner = CliRunner(env={"COLUMNS": "160", "AWS_REGION": "us-east-1"})
    return runner.invoke(app, ["owners", "show", *arguments])


def tag(cloud: LocalCloud, user: str, value: str) -> None:
    iam = cloud.session(SHOP).client("iam")
    iam.tag_user(UserName=user, Tags=[{"Key": "owner", "Value": value}])


def users(*arguments: str, code: int = 0) -> dict[str, dict[str, Any]]:
    document = answer("owners-shown", "owners", "show", *arguments, code=code)
    return {user["user"]: user for account in document["accounts"] for user in account["users"]}


def sources(user: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (source["source"], recipient["address"])
        for source in user["sources"]
        for recipient in source["recipients"]
    ]


@pytest.fixture
def shop(cloud: LocalCloud) -> LocalCloud:
    add_user(cloud, SHOP, "ann-bot", 95)
    add_user(cloud, SHOP, "deploy-bot", 5)
    add_user(cloud, SHOP, "keyless")
    tag(cloud, "ann-bot", "ann@example.com")
    tag(cloud, "deploy-bot", "team blue")
    tag(cloud, "keyless", "kim@elsewhere.example")
    s3 = cloud.session(OURS).client("s3")
    s3.put_object(Bucket=BUCKET, Key="owners.yaml", Body=RULES.encode())
    return cloud


def test_each_user_is_shown_with_all_sources_in_their_order(shop: LocalCloud) -> None:
    shop.calls.clear()

    found = users(*IN_THE_SHOP, "--bucket", BUCKET)

    account, admin = ("account", "shop@example.com"), ("admin", ADMIN)
    assert {name: sources(user) for name, user in found.items()} == {
        "ann-bot": [("tag", "ann@example.com"), account, admin],
        "deploy-bot": [("owners-file", "team@example.com"), account, admin],
        "keyless": [account, admin],
    }
    assert {
        name: [(each["source"], each["value"]) for each in user["rejected"]]
        for name, user in found.items()
    } == {
        "ann-bot": [],
        "deploy-bot": [("tag", "team blue")],
        "keyless": [("tag", "kim@elsewhere.example")],
    }
    assert "ListAccessKeys" not in {call.operation for call in shop.calls}


def test_the_table_reads_from_top_to_bottom(shop: LocalCloud) -> None:
    result = show(*IN_THE_SHOP, "--bucket", BUCKET)

    assert result.exit_code == 0
    admin = f"then {ADMIN} (the administrators, for no other source has an address)"
    assert result.stdout.splitlines() == [
        f"{SHOP} shop",
        "  ann-bot     ann@example.com (the user's tag)",
        "              then shop@example.com (the account's address)",
        f"              {admin}",
        "  deploy-bot  team@example.com (the owners file)",
        '              the user\'s tag says "team blue", which is no e-mail address',
        "              then shop@example.com (the account's address)",
        f"              {admin}",
        "  keyless     shop@example.com (the account's address)",
        (
            '              the user\'s tag says "kim@elsewhere.example", which is of a domain '
            "that AllowedOwnerDomains does not allow"
        ),
        f"              {admin}",
        "",
        (
            "1 account, 3 users: 0 without a known owner, 2 with a value that does not serve, "
            "0 failures"
        ),
    ]


def test_where_an_owner_is_reached_beside_mail_is_shown(shop: LocalCloud, tmp_path: Path) -> None:
    path = tmp_path / "owners.yaml"
    path.write_text(
        'version: 1\nrules:\n- {user: deploy-*, slack_channel: "#deploy", jira_project: KEYS}\n'
    )

    options = (*IN_THE_SHOP, "--user", "deploy-bot", "--owners-file", str(path))
    table, found = show(*options).stdout, users(*options)

    said = "beside mail slack #deploy, jira KEYS (the owners file), where that channel is on"
    assert said in table
    assert found["deploy-bot"]["beside_mail"] == [
        {"channel": "slack", "address": "#deploy"},
        {"channel": "jira", "address": "KEYS"},
    ]
    assert found["deploy-bot"]["owner_source"] == "account"


def test_missing_leaves_out_whom_nobody_has_to_care_about(shop: LocalCloud) -> None:
    only_example = ("--allowed-owner-domain", "example.com")
    shop.organization.accounts[SHOP].email = "aws@hoster.example"

    found = users(*IN_THE_SHOP, *only_example, "--bucket", BUCKET, "--missing")
    table = show(*IN_THE_SHOP, *only_example, "--bucket", BUCKET, "--missing").stdout

    # ann-bot's account has an address that does not serve either, behind a tag that does.
    assert found.keys() == {"deploy-bot", "keyless"}
    assert found["keyless"]["owner_source"] == "admin"
    assert "ann-bot" not in table
    assert "1 without a known owner, 3 with a value that does not serve" in table
    assert "1 not shown" in table


def test_csv_has_a_row_a_user_and_no_formula(shop: LocalCloud, tmp_path: Path) -> None:
    add_user(shop, SHOP, "=cmd@example.com")
    path = tmp_path / "owners.csv"

    result = show(*IN_THE_SHOP, "--format", "csv", "-o", str(path))
    excel = show(*IN_THE_SHOP, "--format", "excel").stdout

    rows = {row["user"]: row for row in csv.DictReader(io.StringIO(path.read_text()))}
    assert (result.exit_code, result.stdout) == (0, "")
    assert f"wrote {path}: 4 users" in result.stderr
    assert rows["deploy-bot"]["owner_rejected"].endswith('"team blue", which is no e-mail address')
    assert rows["ann-bot"]["later_sources"].startswith("shop@example.com (the account's address);")
    assert rows["'=cmd@example.com"]["owner_source"] == "user-name"
    assert f'"=""{SHOP}"""' in excel


def test_an_owner_who_cannot_be_found_out_is_a_failure_and_nobody_else_is_the_owner(
    shop: LocalCloud,
) -> None:
    shop.deny(SHOP, "ListUserTags")

    found = users(*IN_THE_SHOP, "--missing", code=1)
    result = show(*IN_THE_SHOP, "--parallel-users", "1")

    assert {user["owner_source"] for user in found.values()} == {"unreadable"}
    assert len(found) == 3
    [line] = result.stderr.splitlines()
    assert "ann-bot: the owner (and of 2 other users) could not be found out: " in line


def test_a_later_source_that_cannot_be_read_is_a_warning(shop: LocalCloud) -> None:
    shop.deny(SHOP, "GetAlternateContact")
    only_ann = ("--user", "ann-bot", "--read-alternate-contacts")

    found = users(*IN_THE_SHOP, *only_ann)
    result = show(*IN_THE_SHOP, *only_ann)
    keyless = show(*IN_THE_SHOP, "--user", "keyless", "--read-alternate-contacts")

    assert sources(found["ann-bot"]) == [("tag", "ann@example.com")]
    assert result.exit_code == 0
    assert "warning: a source behind the owner's could not be read: " in result.stderr
    assert keyless.exit_code == 1
    assert "shop@example.com" not in keyless.stdout


def test_beside_a_deployment_the_sources_are_the_functions_own(shop: LocalCloud) -> None:
    deploy(shop, ResourceOwnerTag="owner")
    s3 = shop.session(OURS).client("s3")
    s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}/owners.yaml", Body=RULES.encode())

    found = users("--deployed", "--account", SHOP)

    assert found["ann-bot"]["owner"] == "ann@example.com"
    assert found["deploy-bot"]["owner_source"] == "owners-file"


def test_in_ones_own_account_the_accounts_address_is_not_known(cloud: LocalCloud) -> None:
    add_user(cloud, OURS, "bot")
    add_user(cloud, OURS, "bob@example.com")

    result = show()

    assert result.exit_code == 0
    assert "  bob@example.com  bob@example.com (the user's name)" in result.stdout
    assert "bot              not known: no source that is known here has an address" in (
        result.stdout
    )
    assert "No --admin: the administrators are not among the sources" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--user", ""), 2, "--user: must not be empty"),
        (("--admin", "nobody"), 2, "--admin nobody: must be"),
        (("--bucket", ""), 2, "--bucket: must not be empty"),
        (("--account", SHOP), 2, "without --role-name it must be your own account"),
        (("--user", "nobody"), 1, "nobody"),
    ],
)
def test_what_is_wrong_is_one_line(
    cloud: LocalCloud, arguments: tuple[str, ...], code: int, said: str
) -> None:
    result = show(*arguments)

    assert result.exit_code == code
    assert said in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.output


def test_an_owners_file_of_this_machine_counts_in_place_of_the_buckets(
    shop: LocalCloud, tmp_path: Path
) -> None:
    unit = shop.organization.create_unit("Workloads")
    shop.organization.move_account(SHOP, unit)
    path = tmp_path / "owners.csv"
    path.write_text(f"unit,user,addresses\n{unit},,new@example.com\n,a b,x@example.com\n")
    by_file = (*IN_THE_SHOP, "--bucket", BUCKET, "--owners-file", str(path))

    found = users(*by_file)
    result = show(*by_file)
    runner = CliRunner(env={"COLUMNS": "240"})
    planned = runner.invoke(app, ["plan", *_no_admin(by_file), "--owners", "--format", "csv"])
    ran = runner.invoke(app, ["run", *_no_admin(by_file), "--format", "csv"])
    explained = runner.invoke(app, ["explain", "deploy-bot", *_no_admin(by_file)])

    assert found["deploy-bot"]["owner"] == found["keyless"]["owner"] == "new@example.com"
    assert found["ann-bot"]["owner"] == "ann@example.com"
    assert "new@example.com,owners-file" in planned.stdout
    assert "Owner: new@example.com (the owners file)" in explained.stdout
    for each in (result, planned, ran, explained):
        assert each.exit_code == 0, each.output
        assert f"warning: {path}: line 3: user=a b: can match no user" in each.stderr


def _no_admin(arguments: tuple[str, ...]) -> list[str]:
    return [each for each in arguments if each not in {"--admin", ADMIN}]


def test_in_ones_own_account_the_problems_of_the_file_are_said_too(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    add_user(cloud, OURS, "bot")
    path = tmp_path / "owners.yaml"
    path.write_text("version: 1\nrules:\n- {user: bot, addresses: b@example.com}\n- {user: a b}\n")

    result = show("--owners-file", str(path))

    assert "  bot  b@example.com (the owners file)" in result.stdout
    assert f"warning: {path}: line 4: user=a b" in result.stderr


@pytest.mark.parametrize("command", [("plan",), ("run",), ("explain", "bot"), ("owners", "show")])
def test_an_owners_file_that_is_none_is_refused_before_aws_is_asked(
    cloud: LocalCloud, command: tuple[str, ...]
) -> None:
    before = len(cloud.calls)

    gone = CliRunner().invoke(app, [*command, "--owners-file", "gone.yaml"])
    text = CliRunner().invoke(app, [*command, "--owners-file", "owners.txt"])

    assert gone.stderr == "--owners-file gone.yaml: cannot be read: No such file or directory\n"
    assert text.stderr == "--owners-file owners.txt: must end in .yaml or .csv\n"
    assert (gone.exit_code, text.exit_code, len(cloud.calls)) == (2, 2, before)
