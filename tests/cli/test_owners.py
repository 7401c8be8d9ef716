"""Who answers for a key: in the table, CSV, JSON and `explain`, and at which price."""

import csv
import io
import json
from typing import Any

from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.cli.organisation import (
    OURS,
    ROLE,
    SHOP,
    add_user,
)

IN_THE_SHOP = ("--role-name", ROLE, "--account", SHOP)
BY_TAG = (*IN_THE_SHOP, "--owner-tag", "owner")


def tag(cloud: LocalCloud, user: str, value: str) -> None:
    iam = cloud.session(SHOP).client("iam")
    iam.tag_user(UserName=user, Tags=[{"Key": "owner", "Value": value}])


def keyturn(*args: str) -> Result:
    return CliRunner(env={"COLUMNS": "240"}).invoke(app, args)


def owners(*options: str) -> dict[str, tuple[str | None, str]]:
    result = keyturn("plan", *options, "--format", "json")
    document: dict[str, Any] = json.loads(result.stdout)
    return {
        made["user"]: (made["owner"], made["owner_source"])
        for account in document["accounts"]
        for made in account["decisions"]
    }


def asked(cloud: LocalCloud) -> int:
    """How many users' tags were read since it was asked last."""
    made = [call.operation for call in cloud.calls].count("ListUserTags")
    cloud.calls.clear()
    return made


def test_the_owner_is_the_tags_address_else_the_accounts(cloud: LocalCloud) -> None:
    for name in ("ann-bot", "bob-bot", "no-bot"):
        add_user(cloud, SHOP, name, 95)
    tag(cloud, "ann-bot", "ann@example.com")
    tag(cloud, "bob-bot", "team blue")

    found = owners(*BY_TAG)

    assert found == {
        "ann-bot": ("ann@example.com", "tag"),
        "bob-bot": ("shop@example.com", "account"),
        "no-bot": ("shop@example.com", "account"),
    }
    rows = csv.DictReader(io.StringIO(keyturn("plan", *BY_TAG, "--format", "csv").stdout))
    assert {row["user"]: (row["owner"], row["owner_source"]) for row in rows} == found
    said = 'the user\'s tag says "team blue", which is no e-mail address'
    for answer in (keyturn("plan", *BY_TAG), keyturn("explain", "bob-bot", *BY_TAG)):
        assert said in answer.stdout
    rows = csv.DictReader(io.StringIO(keyturn("plan", *BY_TAG, "--format", "csv").stdout))
    assert {row["user"]: row["owner_rejected"] for row in rows if row["owner_rejected"]} == {
        "bob-bot": said
    }


def test_a_key_without_a_known_owner_is_named_and_counted(cloud: LocalCloud) -> None:
    cloud.organization.accounts[SHOP].email = "nobody"
    for name in ("ann-bot", "bob-bot", "carl-bot"):
        add_user(cloud, SHOP, name, 95)
    tag(cloud, "ann-bot", "ann@example.com")

    table = keyturn("plan", *BY_TAG).stdout
    explained = keyturn("explain", "bob-bot", *BY_TAG).stdout

    assert "2 keys without a known owner" in table
    [bob] = [line for line in table.splitlines() if "bob-bot" in line]
    [ann] = [line for line in table.splitlines() if "ann-bot" in line]
    assert '; no known owner; the account\'s address says "nobody", which is no' in bob
    assert "owner" not in ann
    assert "Owner: not known: no source has an address" in explained
    assert owners(*BY_TAG)["bob-bot"] == (None, "none")


def test_owners_of_what_is_due_are_looked_up_and_all_of_them_only_when_asked_for(
    cloud: LocalCloud,
) -> None:
    add_user(cloud, SHOP, "due-bot", 95)
    add_user(cloud, SHOP, "young-bot", 3)
    add_user(cloud, SHOP, "keyless")
    tag(cloud, "young-bot", "ann@example.com")
    asked(cloud)

    assert owners(*BY_TAG)["young-bot"] == (None, "unread")
    assert asked(cloud) == 1
    assert owners(*BY_TAG, "--owners")["young-bot"] == ("ann@example.com", "tag")
    assert asked(cloud) == 2
    owners(*IN_THE_SHOP, "--owners")
    assert asked(cloud) == 0
    assert "owner: ann@example.com (the user's tag)" in (
        keyturn("plan", *BY_TAG, "--owners", "--all").stdout
    )


def test_tags_that_cannot_be_read_are_no_answer_and_not_asked_for_again_and_again(
    cloud: LocalCloud,
) -> None:
    for number in range(40):
        add_user(cloud, SHOP, f"bot-{number}", 95)
    cloud.deny(SHOP, "ListUserTags")

    result = keyturn("plan", *BY_TAG, "--parallel-users", "2")
    few = asked(cloud)
    found = set(owners(*BY_TAG).values())

    assert result.exit_code == 0
    assert found == {(None, "unreadable")}
    assert "without a known owner" not in result.stdout
    assert few <= 2


def test_in_ones_own_account_nobody_is_said_to_be_without_an_owner(cloud: LocalCloud) -> None:
    add_user(cloud, OURS, "bot", 95)

    assert owners() == {"bot": (None, "unread")}
    assert "owner" not in keyturn("plan").stdout
    assert "Owner: not looked for" in keyturn("explain", "bot").stdout


def test_explain_names_the_owner(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "ann-bot", 3)
    tag(cloud, "ann-bot", "ann@example.com")

    tagged = keyturn("explain", "ann-bot", *BY_TAG).stdout
    untagged = keyturn("explain", "ann-bot", *IN_THE_SHOP).stdout

    assert "Owner: ann@example.com (the user's tag)" in tagged
    assert "Owner: shop@example.com (the account's address)" in untagged
