"""A plan in Markdown, for the page of a CI job: whole, and nothing that a name makes of it."""

import html
import re
from collections.abc import Iterator

import pytest
from markdown_it import MarkdownIt
from typer.testing import CliRunner, Result

from keyturn.cli import markdown
from keyturn.cli.app import app
from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.cli.organisation import (
    CLOSED_TO_US,
    NOW,
    OURS,
    ROLE,
    SHOP,
    add_user,
    build,
    environment,
)

PLAN = ("plan", "--role-name", ROLE, "--format", "markdown")
EVIL = "![x](https://evil.example/) | <img src=x> @admin #1 `a` **b** www.evil.example \\"
READER = MarkdownIt("commonmark", {"html": True}).enable("table")


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalCloud]:
    with LocalCloud(now=NOW) as opened:
        build(opened)
        opened.organization.accounts[SHOP].name = EVIL
        add_user(opened, SHOP, "deploy_bot_", 137)
        add_user(opened, SHOP, "two", 200, 120)
        add_user(opened, SHOP, "young", 3)
        for name, value in environment(opened.session(OURS)).items():
            monkeypatch.setenv(name, value)
        yield opened


def keyturn(*args: str) -> Result:
    return CliRunner().invoke(app, args)


def cells(page: str) -> list[list[str]]:
    """The cells of every row, as a reader sees them."""
    rows = re.findall(r"<tr>(.*?)</tr>", READER.render(page), re.DOTALL)
    found = (re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL) for row in rows)
    return [[html.unescape(re.sub(r"</?code>", "", cell)) for cell in row] for row in found]


def test_it_shows_what_is_due_and_what_is_blocked_and_what_failed(cloud: LocalCloud) -> None:
    planned = keyturn(*PLAN)
    headings, due, *_ = cells(planned.stdout)

    assert planned.exit_code == 1  # an account does not know our role
    assert headings == ["Account", "User", "Key", "Age", "State", "Action", "Next", "Why"]
    assert due[1] == "deploy_bot_"
    assert due[2] in {each.key_id for each in cloud.keys(SHOP) if each.user == due[1]}
    assert due[3:6] == ["137d", "ACTIVE", "ROTATE"]
    page = READER.render(planned.stdout)
    assert re.findall(r"<h3>(.*?)</h3>", page)[:2] == ["Failures", "Due now: 2 keys"]
    assert f"{CLOSED_TO_US} bought: " in html.unescape(page)
    assert "young" not in page
    assert "young" in READER.render(keyturn(*PLAN, "--all").stdout)


def test_a_name_makes_no_link_no_picture_and_no_other_cell(cloud: LocalCloud) -> None:
    page = keyturn(*PLAN, "--all").stdout
    rendered = READER.render(page)

    assert "<a" not in rendered
    assert "<img" not in rendered
    assert {len(row) for row in cells(page)} == {8}
    assert {row[0] for row in cells(page)[1:]} == {f"{SHOP} {EVIL}", "Account"}
    # What a service makes of plain text comes of these: mentions, issues, addresses.
    assert not re.search(r"(?<!&)#\d|@|www\.|://|`|!\[", page.replace("&#", ""))


def test_a_line_an_account(cloud: LocalCloud) -> None:
    headings, *rows = cells(keyturn(*PLAN, "--summary", "--not-account", CLOSED_TO_US).stdout)

    assert headings == ["Account", "Users", "Keys", "Due", "Blocked", "Oldest", "Failed", "Next"]
    assert [row[1:6] for row in rows if row[0].startswith(SHOP)] == [["3", "4", "2", "1", "200d"]]


def test_what_has_no_room_is_counted(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markdown, "MOST_ROWS", 1)
    add_user(cloud, SHOP, "another", 137)

    assert "and 2 more: the JSON has all of them" in keyturn(*PLAN).stdout

    monkeypatch.setattr(markdown, "LONGEST", 900)
    cut = keyturn(*PLAN).stdout
    assert cut.endswith("There is no room for more: the JSON has all of it\n")
    assert len(cut.encode()) < 1000


def test_an_enforced_run_says_what_was_done(cloud: LocalCloud) -> None:
    done = keyturn("run", "--role-name", ROLE, "--account", SHOP, "--format", "markdown")

    assert "Dry run: nothing was written." in done.stdout


def test_it_goes_with_no_comparison(cloud: LocalCloud) -> None:
    refused = keyturn("plan", "--against", "newest", "--format", "markdown", "--bucket", "b")

    assert refused.exit_code == 2
    assert refused.stderr == "--format markdown: does not go with --against\n"
