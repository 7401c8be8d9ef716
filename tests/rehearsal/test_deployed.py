"""`keyturn rehearse --deployed`: the functions themselves, by orders alone."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn.deployment.model.resources import INVENTORY, ROTATION
from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse, answered
from tests.cli.organisation import environment
from tests.rehearsal.scene import NAME, users_have_no_rights
from tests.use_cases.harness import HUB, MEMBER, Harness, staged

BY_ORDERS = {
    *("user", "rotated", "stored", "read", "works", "refused", "accepted", "delivered"),
    *("restored", "revoked"),
}
THERE = ("rehearse", "--deployed", "--account", MEMBER, "--role-name", "Rehearser", "--yes")


class Lambda:
    """Lambda, as far as a rehearsal asks: it reads settings, and gives orders."""

    def __init__(self, stage: Harness) -> None:
        self.stage = stage
        self.orders: list[dict[str, Any]] = []

    def __call__(self, request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.service != "lambda":
            return perform(request)
        [name] = (each for each in (INVENTORY, ROTATION) if each in request.http.url)
        if request.operation == "GetFunctionConfiguration":
            settings = {**self.stage.deployment.settings, **self.stage.settings}
            return answered(request, {"Environment": {"Variables": settings}})
        assert (request.operation, name) == ("Invoke", ROTATION)
        body: Any = request.http.body
        event = json.loads(body)
        self.orders.append(event)
        answer = self.stage.hand_over(event)
        self.stage.tell()
        self.stage.tell()  # what SES reports of the mails
        return ApiResponse(status=200, body=json.dumps(answer).encode())


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lambda]:
    with staged() as stage:
        stage.cloud.add_role(HUB, "Operator", HUB)
        stage.cloud.add_role(MEMBER, "Rehearser", HUB)
        stage.user("deploy-bot", 95)
        operator = stage.cloud.role_session(HUB, "Operator", "operator")
        for name, value in environment(operator).items():
            monkeypatch.setenv(name, value)
        functions = Lambda(stage)
        stage.cloud.layers += [users_have_no_rights, functions]
        yield functions


def keyturn(*args: str) -> Result:
    return CliRunner(env={"COLUMNS": "120"}).invoke(app, args)


def left(stage: Harness) -> list[str]:
    users = [each["UserName"] for each in stage.iam().list_users()["Users"]]
    secrets = [each.name for each in stage.cloud.secrets(MEMBER)]
    return [each for each in (*users, *secrets) if NAME in each]


def test_what_orders_can_do_is_as_expected_and_the_rest_says_why_not(functions: Lambda) -> None:
    before = functions.stage.keys("deploy-bot")

    result = keyturn(*THERE, "--mail-to", "you@example.com", "--format", "json", "--story")

    findings = {each["name"]: each for each in json.loads(result.stdout)["findings"]}
    steps = {name: each for name, each in findings.items() if each["kind"] == "step"}
    tried = {name for name, each in steps.items() if each["verdict"] == "as-expected"}
    assert tried | {"delivered"} == BY_ORDERS, result.stdout
    assert all(each["why"] for each in steps.values() if each["verdict"] == "not-tried")
    assert not [each for each in steps.values() if each["verdict"] == "different"]
    assert left(functions.stage) == []
    assert functions.stage.keys("deploy-bot") == before


def test_every_order_is_about_a_user_of_its_own_and_names_who_gave_it(functions: Lambda) -> None:
    keyturn(*THERE, "--story")

    assert [
        next(name for name in ("ForceRotate", "Restore", "Revoke") if name in event)
        for event in functions.orders
    ] == ["ForceRotate", "Restore", "Revoke"]
    for event in functions.orders:
        [user] = event["users"]
        assert re.fullmatch(rf"{NAME}[0-9a-f]{{8}}(-leaked)?", user)
        assert "assumed-role" in event["by"]


def test_a_deployment_in_dry_run_says_so_and_nothing_is_different(functions: Lambda) -> None:
    functions.stage.settings["DryRunFlag"] = "True"

    result = keyturn(*THERE, "--only", "rotated", "--format", "json")

    [_, rotated] = json.loads(result.stdout)["findings"]
    assert rotated["verdict"] == "not-tried"
    assert "DryRunFlag" in rotated["why"]
    assert left(functions.stage) == []
