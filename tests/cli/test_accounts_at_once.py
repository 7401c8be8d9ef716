"""Accounts side by side from a laptop: whoever is ready first, the answer is the same."""

import json
import resource
from collections.abc import Iterator
from threading import Barrier, Event

import pytest
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn_sandbox.emulator.cloud import LocalCloud, Perform
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from tests.cli.organisation import OURS, ROLE, SHOP, add_user

PLAN = ("plan", "--role-name", ROLE)
IN_BOTH = ("--account", OURS, "--account", SHOP)


def keyturn(*args: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, args)


@pytest.fixture
def few_files() -> Iterator[None]:
    """As on macOS: a process may open 256 files, until it asks for more."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def users_of(text: str) -> list[str]:
    return [made["user"] for each in json.loads(text)["accounts"] for made in each["decisions"]]


def test_a_slow_account_and_a_slow_user_keep_their_places(cloud: LocalCloud) -> None:
    for account, names in ((OURS, ("ann", "bob")), (SHOP, ("carl", "dora"))):
        for name in names:
            add_user(cloud, account, name, 137)
    in_turn = keyturn(*PLAN, *IN_BOTH, "--parallel", "1", "--parallel-users", "1", "--format=json")
    the_last = Event()

    def ann_comes_last(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "ListAccessKeys":
            if request.params["UserName"] == "ann":
                assert the_last.wait(30)
            if request.params["UserName"] == "dora":
                the_last.set()
        return perform(request)

    cloud.layers.append(ann_comes_last)
    at_once = keyturn(*PLAN, *IN_BOTH, "--format=json")

    assert at_once.exit_code == 0, at_once.stderr
    assert users_of(at_once.stdout) == users_of(in_turn.stdout) == ["ann", "bob", "carl", "dora"]


def test_sixteen_accounts_are_worked_on_at_once(cloud: LocalCloud) -> None:
    accounts = [
        cloud.organization.create_account("m", f"m{number}@example.com") for number in range(16)
    ]
    for account in accounts:
        cloud.add_role(account, ROLE, OURS)
    together = Barrier(16)

    def all_there(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "GetGroup":
            together.wait(30)
        return perform(request)

    cloud.layers.append(all_there)
    named = (option for account in accounts for option in ("--account", account))

    result = keyturn(*PLAN, *named)

    assert result.exit_code == 0, result.stderr


def test_what_was_meant_is_said_of_the_first_account_that_knows(cloud: LocalCloud) -> None:
    for account in (OURS, SHOP):
        add_user(cloud, account, "deploy-bot", 95)

    result = keyturn(*PLAN, *IN_BOTH, "--user", "deploy-BOT", "--parallel", "1")

    assert f"did you mean deploy-bot? ({OURS})" in result.stderr


@pytest.mark.usefixtures("few_files")
def test_there_is_room_for_all_connections(cloud: LocalCloud) -> None:
    add_user(cloud, OURS, "ann", 10)

    assert keyturn(*PLAN, "--account", OURS).exit_code == 0

    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 16 * 8 * 2
