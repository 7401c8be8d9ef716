"""What `explain` prints: every row, two keys apart, the order of things."""

import re

from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.cli.organisation import (
    CLOSED_TO_US,
    DAY,
    NOW,
    OURS,
    ROLE,
    SECRETS,
    SHOP,
    TELLING,
    add_user,
)

IN_THE_SHOP = ("--role-name", ROLE, "--account", SHOP)


def keyturn(*args: str) -> Result:
    return CliRunner(env={"COLUMNS": "160"}).invoke(app, args)


def panel(text: str) -> list[str]:
    """The lines of the panel, without its frame."""
    return [line.strip("│ \n") for line in text.splitlines()[1:-1]]


def rows(lines: list[str]) -> list[tuple[str, str]]:
    """The first column's words, and what stands behind them."""
    pairs = (
        re.match(r"(Made|Last used|Successor|Now|Why|Coming) +(\S.*)", line) for line in lines
    )
    return [(pair[1], pair[2]) for pair in pairs if pair]


def test_every_row_of_a_key_that_is_rotated_is_there(cloud: LocalCloud) -> None:
    [old] = add_user(cloud, SHOP, "orders", 95)
    keyturn("run", *IN_THE_SHOP, "--enforce", "--yes", *SECRETS, *TELLING)
    [new] = [key.key_id for key in cloud.keys(SHOP) if key.key_id != old]
    cloud.move_to(NOW + DAY)

    lines = panel(keyturn("explain", "orders", *IN_THE_SHOP, *TELLING[2:4], *SECRETS).stdout)

    headlines = [line for line in lines if line.startswith("AKIA")]
    assert headlines == [f"{old}  ROTATED, 96 days old", f"{new}  ACTIVE, 1 day old"]
    of_old = rows(lines[lines.index(headlines[0]) : lines.index(headlines[1])])
    told = dict(of_old)
    assert list(told) == ["Made", "Successor", "Now", "Why", "Coming"]
    assert told["Made"] == "2025-11-27"
    assert told["Successor"].startswith(f"{new}, in the secret Account_{SHOP}_User_orders_")
    assert told["Now"] == "KEEP"
    assert told["Why"]
    assert lines[lines.index(headlines[1]) - 1] == ""


def test_when_a_key_was_used_last_is_said_and_where(cloud: LocalCloud) -> None:
    old, young = add_user(cloud, SHOP, "orders", 200, 150)
    cloud.use_key(SHOP, old, NOW - 2 * DAY, "s3", "eu-west-1")

    lines = panel(keyturn("explain", "orders", *IN_THE_SHOP).stdout)

    first, second = (
        next(n for n, line in enumerate(lines) if key in line) for key in (old, young)
    )
    assert dict(rows(lines[first:second]))["Last used"] == "2026-02-28 (s3 in eu-west-1)"
    assert dict(rows(lines[second:]))["Last used"] == "never"


def test_a_use_that_cannot_be_read_says_why(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 200, 150)
    cloud.deny(SHOP, "GetAccessKeyLastUsed")

    told = rows(panel(keyturn("explain", "orders", *IN_THE_SHOP).stdout))

    assert dict(told)["Last used"].startswith("unknown: GetAccessKeyLastUsed")


def test_a_user_without_keys_has_an_owner_and_nothing_else(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "ann")

    lines = panel(keyturn("explain", "ann", *IN_THE_SHOP).stdout)

    assert lines == [
        "Owner: shop@example.com (the account's address)",
        "This user has no access keys.",
    ]


def test_a_name_in_two_accounts_is_explained_twice_in_their_order(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 3)
    add_user(cloud, OURS, "orders", 3)

    told = keyturn("explain", "orders", "--role-name", ROLE, "--not-account", CLOSED_TO_US).stdout

    assert re.findall(r"orders, (\d{12})", told) == sorted([OURS, SHOP])
