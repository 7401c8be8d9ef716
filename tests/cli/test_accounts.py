"""Which accounts a command looks at: units, exclusions, an external id."""

import json
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn_sandbox.emulator.cloud import LocalCloud, Perform
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from tests.cli.organisation import (
    CLOSED,
    CLOSED_TO_US,
    GROUP,
    OURS,
    ROLE,
    SECRETS,
    SHOP,
    TELLING,
    VARIABLES,
    add_user,
    deploy,
    environment,
)

EVERYWHERE = ("--role-name", ROLE)
DO_IT = ("--enforce", "--yes", *SECRETS)


def operate(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be somebody who can be denied things; the administrator cannot."""
    for name, value in environment(cloud.role_session(OURS, "Operator")).items():
        monkeypatch.setenv(name, value)


def keyturn(*args: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, args)


def test_an_excluded_account_is_a_known_exception_and_no_failure(cloud: LocalCloud) -> None:
    [ours] = add_user(cloud, OURS, "deploy-bot", 137)

    result = keyturn("plan", *EVERYWHERE, "--not-account", CLOSED_TO_US)

    assert result.exit_code == 0, result.stderr
    assert ours in result.stdout
    assert result.stderr.count(CLOSED_TO_US) == 1
    assert f"skipped {CLOSED_TO_US} bought: it is excluded" in result.stderr
    assert "2 accounts, 1 user, 1 key: 1 due" in result.stdout
    assert "2 accounts skipped" in result.stdout


def test_exclusions_stand_in_the_json_and_their_keys_are_never_read(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 137)
    options = ("--not-account", CLOSED_TO_US, "--not-account", SHOP)

    result = keyturn("run", *EVERYWHERE, *options, *DO_IT, *TELLING, "--format", "json")

    document = json.loads(result.stdout)
    assert {each["account"]: each["reason"] for each in document["skipped"]} == {
        SHOP: "it is excluded",
        CLOSED: "it is SUSPENDED",
        CLOSED_TO_US: "it is excluded",
    }
    assert document["failures"] == []
    assert not [call for call in cloud.calls if call.account == SHOP and call.service == "iam"][1:]
    assert len(cloud.keys(SHOP)) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            (*EVERYWHERE, "--not-account", "22222222222"),
            "--not-account 22222222222: must be the 12 digits of an AWS account id",
        ),
        ((*EVERYWHERE, "--not-account", ""), "--not-account: must not be empty"),
        (
            (*EVERYWHERE, "--account", SHOP, "--not-account", SHOP),
            f"--account {SHOP}: is excluded: leave it out, or name it, not both",
        ),
        (("--not-account", SHOP), f"--not-account {SHOP}: needs --role-name"),
        (("--not-ou", "ou-root-00000001"), "--not-ou ou-root-00000001: needs --role-name"),
        (("--external-id", "abc"), "--external-id abc: needs --role-name"),
        (
            (*EVERYWHERE, "--ou", "ou-root-00000001", "--ou", "Prod"),
            (
                "--ou ou-root-00000001,Prod: Prod must be the id of an organisational unit "
                "(ou-…) or root (r-…)"
            ),
        ),
        (
            (*EVERYWHERE, "--ou", "ou-root-99999999"),
            "--ou ou-root-99999999: the organisation has no such unit (",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    cloud: LocalCloud, options: tuple[str, ...], said: str
) -> None:
    result = keyturn("plan", *options)

    assert result.exit_code == 2
    assert result.stderr.startswith(said)
    assert len(result.stderr.splitlines()) == 1


def test_an_exclusion_that_means_nobody_is_said(cloud: LocalCloud) -> None:
    options = ("--not-account", "999999999999", "--not-ou", "ou-root-99999999")

    result = keyturn("plan", *EVERYWHERE, *options, "--not-account", CLOSED_TO_US)

    assert result.exit_code == 0
    assert "warning: ExcludedAccounts names 999999999999: it is not in the org" in result.stderr
    assert "warning: ExcludedUnits names ou-root-99999999: the organisation has" in result.stderr


def test_several_units_are_read(cloud: LocalCloud) -> None:
    shops, others = (cloud.organization.create_unit(name) for name in ("shops", "others"))
    cloud.organization.move_account(SHOP, shops)
    [sold] = add_user(cloud, SHOP, "orders", 137)
    [ours] = add_user(cloud, OURS, "deploy-bot", 137)

    one = keyturn("plan", *EVERYWHERE, "--ou", shops)
    two = keyturn("plan", *EVERYWHERE, "--ou", others, "--ou", shops)
    without = keyturn("plan", *EVERYWHERE, "--not-ou", shops, "--not-account", CLOSED_TO_US)

    assert [sold in one.stdout, ours in one.stdout] == [True, False]
    assert [sold in two.stdout, ours in two.stdout] == [True, False]
    assert [sold in without.stdout, ours in without.stdout] == [False, True]
    assert f"skipped {SHOP} shop: it is excluded, with the unit {shops}" in without.stderr


def test_where_units_decide_an_organisation_that_cannot_be_read_stops_it(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    operate(cloud, monkeypatch)
    shops = cloud.organization.create_unit("shops")
    cloud.deny(OURS, "ListAccountsForParent")

    result = keyturn("plan", *EVERYWHERE, "--account", SHOP, "--not-ou", shops)

    assert result.exit_code == 1
    assert "the organisation could not be read" in result.stderr
    assert not [call for call in cloud.calls if call.operation == "ListUsers"]


def test_the_roles_may_ask_for_an_external_id(cloud: LocalCloud) -> None:
    [key] = add_user(cloud, CLOSED_TO_US, "old-bot", 137)
    asks = {"StringEquals": {"sts:ExternalId": "keyturn-7"}}
    cloud.add_role(CLOSED_TO_US, ROLE, OURS, conditions=asks)
    cloud.session(CLOSED_TO_US).client("iam").create_group(GroupName=GROUP)
    cloud.add_role(OURS, "ListAccounts", OURS, conditions=asks)
    options = (
        *("--role-name", ROLE, "--account", CLOSED_TO_US),
        *("--org-list-role", "ListAccounts", "--org-list-account", OURS),
    )

    without = keyturn("plan", *options)
    with_it = keyturn("plan", *options, "--external-id", "keyturn-7")

    assert without.exit_code == 1
    assert with_it.exit_code == 0, with_it.stderr
    assert key in with_it.stdout
    assert "bought" in with_it.stdout


class WhereMailsGo:
    """Sees the hosts that mails are sent to."""

    def __init__(self) -> None:
        self.hosts: set[str] = set()

    def __call__(self, request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "SendEmail":
            self.hosts.add(str(urlsplit(request.http.url).hostname))
        return perform(request)


def test_mails_are_sent_where_ses_is(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 137)
    seen = WhereMailsGo()
    cloud.layers.append(seen)

    keyturn(
        *("run", *EVERYWHERE, "--account", SHOP, *DO_IT, *TELLING),
        *("--mail-region", "eu-west-1"),
    )

    assert seen.hosts == {"email.eu-west-1.amazonaws.com"}


def test_what_the_functions_leave_out_a_laptop_leaves_out(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(cloud)
    for variables in VARIABLES.values():
        monkeypatch.setitem(variables, "ExcludedAccounts", f"{CLOSED_TO_US},{SHOP}")
    [key] = add_user(cloud, SHOP, "orders", 137)

    planned = keyturn("plan", "--deployed")
    named = keyturn("plan", "--deployed", "--account", SHOP)
    revoked = keyturn("revoke", key, "--leaked", "--deployed", "--enforce", "--yes")

    assert planned.exit_code == 0, planned.stderr
    assert key not in planned.stdout
    assert named.exit_code == 2
    assert f"--account {SHOP}: is excluded" in named.stderr
    # A leaked key is stopped wherever it is.
    assert revoked.exit_code == 0, revoked.stderr
    assert {each.key_id: each.status for each in cloud.keys(SHOP)}[key] == "Inactive"


def test_a_leaked_key_is_stopped_though_the_units_of_the_organisation_cannot_be_read(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(cloud)
    for variables in VARIABLES.values():
        monkeypatch.setitem(variables, "InventoryOU", "ou-root-00000001")
    [key] = add_user(cloud, SHOP, "orders", 12)
    operate(cloud, monkeypatch)
    for operation in ("ListAccounts", "ListAccountsForParent"):
        cloud.deny(OURS, operation)

    revoked = keyturn("revoke", key, "--leaked", "--deployed", "--enforce", "--yes")

    assert {each.key_id: each.status for each in cloud.keys(SHOP)}[key] == "Inactive"
    assert revoked.exit_code == 0, revoked.stderr
