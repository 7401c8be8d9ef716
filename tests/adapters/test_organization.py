"""The contract of `ports.Organization`, for the fake and for AWS Organizations."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC

import pytest

from keyturn.adapters.organizations import AwsOrganization
from keyturn.domain.errors import Denied, NotFound
from keyturn.domain.key import Account
from keyturn.ports import Listed, Organization
from keyturn_sandbox.emulator.cloud import MANAGEMENT_ACCOUNT, LocalCloud, Perform
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, ApiResponse, refused
from tests.fakes import FakeOrganization
from tests.use_cases.harness import DAY, START

ROOT, OUTER, INNER, EMPTY = "r-root", "ou-root-00000001", "ou-root-00000002", "ou-root-00000003"
MANAGEMENT = Account(id=MANAGEMENT_ACCOUNT, name="management", email="management@example.com")
IN_OUTER = [
    Account(id=f"2222222222{number:02}", name=f"outer-{number}", email=f"o{number}@example.com")
    for number in range(25)
]
IN_INNER = Account(id="333333333333", name="inner", email="i@example.com")
CLOSED = Account(id="444444444444", name="closed", email="c@example.com")


def _fake() -> FakeOrganization:
    return FakeOrganization(
        listed={
            (ROOT,): [Listed(account=MANAGEMENT)],
            (ROOT, OUTER): [Listed(account=account) for account in IN_OUTER],
            (ROOT, OUTER, INNER): [
                Listed(account=IN_INNER),
                Listed(account=CLOSED, state="SUSPENDED"),
            ],
        },
        units={ROOT, OUTER, INNER, EMPTY},
    )


def _fill(cloud: LocalCloud) -> None:
    made = cloud.organization
    assert made.create_unit("Outer") == OUTER
    assert made.create_unit("Inner", parent=OUTER) == INNER
    assert made.create_unit("Empty") == EMPTY
    for account in IN_OUTER:
        made.create_account(account.name, account.email, unit=OUTER, account_id=account.id)
    for account in (IN_INNER, CLOSED):
        made.create_account(account.name, account.email, unit=INNER, account_id=account.id)
    made.suspend_account(CLOSED.id)


@pytest.fixture(params=["fake", "aws", "aws, all listed", "aws without paths"])
def organization(request: pytest.FixtureRequest) -> Iterator[Organization]:
    if request.param == "fake":
        yield _fake()
        return
    with LocalCloud(now=START) as cloud:  # it gives 20 at once, and an empty page first
        _fill(cloud)
        cloud.organization.tells_paths = request.param != "aws without paths"
        made = opened(cloud)
        if request.param == "aws, all listed":
            list(made.accounts())
        yield made


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(now=START) as cloud:
        _fill(cloud)
        yield cloud


def opened(cloud: LocalCloud) -> AwsOrganization:
    return AwsOrganization(cloud.session(MANAGEMENT_ACCOUNT).client("organizations"))


def ids(listed: Iterator[Listed]) -> list[str]:
    return sorted(each.account.id for each in listed)


def test_all_accounts_come_however_many_pages_there_are(organization: Organization) -> None:
    everybody = [MANAGEMENT, *IN_OUTER, IN_INNER, CLOSED]

    assert ids(organization.accounts()) == sorted(account.id for account in everybody)


def test_the_units_below_a_unit_belong_to_it(organization: Organization) -> None:
    below = [*IN_OUTER, IN_INNER, CLOSED]

    assert ids(organization.accounts(OUTER)) == sorted(account.id for account in below)
    assert ids(organization.accounts(INNER)) == sorted([IN_INNER.id, CLOSED.id])
    assert ids(organization.accounts(EMPTY)) == []
    assert len(ids(organization.accounts(ROOT))) == 1 + len(below)


def test_an_account_comes_with_its_name_its_address_and_its_state_in_aws_words(
    organization: Organization,
) -> None:
    found = {each.account.id: each for each in organization.accounts(INNER)}

    told = {each.account: each.state for each in found.values()}
    assert told == {IN_INNER: "ACTIVE", CLOSED: "SUSPENDED"}


@pytest.mark.parametrize("unit", [None, INNER])
def test_when_an_account_joined_is_told_in_utc(unit: str | None) -> None:
    with LocalCloud(now=START) as cloud:
        _fill(cloud)
        cloud.move_to(START + DAY)
        young = cloud.organization.create_account("young", "y@example.com", unit=INNER)
        organization = opened(cloud)
        joined = {each.account.id: each.joined for each in organization.accounts(unit)}

    assert {id_: at and (at.date(), at.tzinfo) for id_, at in joined.items()} == dict.fromkeys(
        joined, (START.date(), UTC)
    ) | {young: ((START + DAY).date(), UTC)}


def test_a_unit_that_does_not_exist_is_not_an_empty_one(organization: Organization) -> None:
    with pytest.raises(NotFound):
        list(organization.accounts("ou-root-99999999"))


# The fewest calls


def asked(cloud: LocalCloud) -> Counter[str]:
    """How often each list was asked for, page by page, and of which parent."""
    return Counter(
        f"{call.operation} {call.params.get('ParentId', '')}".strip()
        for call in cloud.calls
        if call.service == "organizations"
    )


def test_whoever_has_listed_all_accounts_asks_for_no_unit_that_has_any(cloud: LocalCloud) -> None:
    organization = opened(cloud)
    everybody = ids(organization.accounts())

    found = [ids(organization.accounts(unit)) for unit in (ROOT, OUTER, INNER, INNER)]

    assert found[0] == everybody
    assert found[2] == sorted([IN_INNER.id, CLOSED.id])
    assert asked(cloud) == {"ListAccounts": 3}  # 28 accounts: an empty page, 20, 8


def test_nothing_is_listed_twice_also_where_units_lie_in_one_another(cloud: LocalCloud) -> None:
    organization = opened(cloud)

    for unit in (OUTER, INNER, OUTER, ROOT):
        list(organization.accounts(unit))

    assert asked(cloud) == {
        f"ListAccountsForParent {OUTER}": 3,
        f"ListAccountsForParent {INNER}": 2,
        f"ListAccountsForParent {ROOT}": 2,
        f"ListAccountsForParent {EMPTY}": 1,
        f"ListOrganizationalUnitsForParent {OUTER}": 2,
        f"ListOrganizationalUnitsForParent {INNER}": 1,
        f"ListOrganizationalUnitsForParent {ROOT}": 2,
        f"ListOrganizationalUnitsForParent {EMPTY}": 1,
    }


def inner_has(cloud: LocalCloud, **changes: object) -> AwsOrganization:
    """List all accounts, of which one, two units deep, comes otherwise than it should."""

    def changed(request: ApiRequest, perform: Perform) -> ApiResponse:
        answer = perform(request)
        if request.operation != "ListAccounts":
            return answer
        body = json.loads(answer.body)
        for account in body["Accounts"]:
            if account["Id"] == IN_INNER.id:
                account.update(changes)
        return replace(answer, body=json.dumps(body).encode())

    cloud.layers.append(changed)
    organization = opened(cloud)
    list(organization.accounts())
    return organization


RIGHT = f"o-keyturn001/{ROOT}/{OUTER}/{INNER}/{IN_INNER.id}/"


@pytest.mark.parametrize(
    "paths",
    [
        None,
        [],
        [None],
        [""],
        [f"o-keyturn001/{ROOT}/"],
        [RIGHT.removesuffix("/")],
        [f"/{RIGHT}"],
        [f"{RIGHT}\n"],
        [RIGHT.upper()],
        [RIGHT.replace(INNER, INNER.upper())],
        [f"o-keyturn001/{ROOT}/{IN_OUTER[0].id}/"],
        [f"o-keyturn001/{ROOT}/{IN_INNER.id[:-1]}/"],
        [f"o-keyturn001/{ROOT}/{IN_INNER.id}/{IN_INNER.id}/"],
        [f"o-keyturn001/{ROOT}//{IN_INNER.id}/"],
        [f"o-keyturn001/{OUTER}/{IN_INNER.id}/"],
        [f"{ROOT}/{IN_INNER.id}/"],
        [f"o-keyturn002/{ROOT}/{IN_INNER.id}/"],
        [f"o-keyturn001/r-other/{IN_INNER.id}/"],
        [f"o-keyturn001/{ROOT}/{IN_INNER.id}/", RIGHT],
        [f"o-keyturn001/{ROOT}/{IN_INNER.id}/"] * 2,
    ],
)
def test_one_path_that_is_odd_and_none_is_believed_the_units_are_asked(
    paths: list[str | None] | None, cloud: LocalCloud
) -> None:
    """Believed, each would take the account out of a unit that is excluded."""
    organization = inner_has(cloud, Paths=paths)

    assert ids(organization.accounts(INNER)) == sorted([IN_INNER.id, CLOSED.id])
    assert len(ids(organization.accounts(OUTER))) == len([*IN_OUTER, IN_INNER, CLOSED])
    assert asked(cloud)[f"ListAccountsForParent {INNER}"]


def test_the_path_as_aws_writes_it_is_believed(cloud: LocalCloud) -> None:
    organization = inner_has(cloud, Paths=[RIGHT])

    assert ids(organization.accounts(INNER)) == sorted([IN_INNER.id, CLOSED.id])
    assert asked(cloud) == {"ListAccounts": 3}


def test_half_a_list_is_not_remembered(cloud: LocalCloud) -> None:
    calls = [0]

    def fail_on_the_third(request: ApiRequest, perform: Perform) -> ApiResponse:
        calls[0] += 1
        if calls[0] == 3:
            return refused(request, ApiError("AccessDeniedException", "No.", 403))
        return perform(request)

    cloud.layers.append(fail_on_the_third)
    organization = opened(cloud)
    with pytest.raises(Denied):
        list(organization.accounts())

    assert len(ids(organization.accounts())) == 28
