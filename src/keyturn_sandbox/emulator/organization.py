"""
The organisation of the sandbox, and AWS Organizations' view of it.

moto has Organizations too, but chooses the account ids itself and gives every
list in one page; the little that is read of an organisation is quicker kept
here than wrapped.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, Params

# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_account_state.html
State = Literal["PENDING_ACTIVATION", "ACTIVE", "SUSPENDED", "PENDING_CLOSURE", "CLOSED"]

# https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
_LARGEST_PAGE = 20

Item = TypeVar("Item")


@dataclass(slots=True, kw_only=True)
class OrganizationAccount:
    """An account of the organisation; `parent` is the root or a unit."""

    account_id: str
    name: str
    email: str
    parent: str
    joined: datetime
    state: State = "ACTIVE"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationalUnit:
    """An organisational unit."""

    unit_id: str
    name: str
    parent: str


class LocalOrganization:
    """Accounts in units, and what AWS Organizations answers about them."""

    def __init__(
        self, management_account: str, *, now: Callable[[], datetime], empty_pages: bool
    ) -> None:
        self.management_account = management_account
        self.id = "o-keyturn001"
        self.root_id = "r-root"
        self.accounts: dict[str, OrganizationAccount] = {}
        self.units: dict[str, OrganizationalUnit] = {}
        self.tells_paths = True
        """Whether a list says where each account is, as AWS does since 2026-03-31."""
        self._now = now
        self._empty_pages = empty_pages
        self.create_account("management", "management@example.com", account_id=management_account)

    def create_unit(self, name: str, *, parent: str | None = None) -> str:
        """Make an organisational unit, in the root or in another unit; its id comes back."""
        unit_id = f"ou-root-{len(self.units) + 1:08d}"
        self.units[unit_id] = OrganizationalUnit(
            unit_id=unit_id, name=name, parent=parent or self.root_id
        )
        return unit_id

    def create_account(
        self, name: str, email: str, *, unit: str | None = None, account_id: str | None = None
    ) -> str:
        """Make an account; its id comes back, the next free one if none is asked for."""
        account_id = account_id or self._free_id()
        self.accounts[account_id] = OrganizationAccount(
            account_id=account_id,
            name=name,
            email=email,
            parent=unit or self.root_id,
            joined=self._now(),
        )
        return account_id

    def move_account(self, account_id: str, unit: str | None) -> None:
        """Move an account into another unit, or into the root."""
        self.accounts[account_id].parent = unit or self.root_id

    def suspend_account(self, account_id: str) -> None:
        """Suspend an account: it stays in the lists, and nobody can act in it."""
        self.accounts[account_id].state = "SUSPENDED"

    def close_account(self, account_id: str) -> None:
        """Begin to close an account, as its owner does."""
        self.accounts[account_id].state = "PENDING_CLOSURE"

    def reopen_account(self, account_id: str) -> None:
        """Make an account active again."""
        self.accounts[account_id].state = "ACTIVE"

    def is_usable(self, account_id: str) -> bool:
        """Say whether anybody can act in an account."""
        account = self.accounts.get(account_id)
        return account is not None and account.state == "ACTIVE"

    def answers(self) -> Mapping[str, Callable[[ApiRequest], Params]]:
        """The calls that are answered here: operation → what answers it."""
        return {
            "DescribeOrganization": self._describe_organization,
            "DescribeAccount": self._for_management(self._describe_account),
            "DescribeOrganizationalUnit": self._for_management(self._describe_unit),
            "ListRoots": self._for_management(self._list_roots),
            "ListParents": self._for_management(self._list_parents),
            "ListAccounts": self._for_management(self._list_accounts),
            "ListAccountsForParent": self._for_management(self._list_accounts_for_parent),
            "ListOrganizationalUnitsForParent": self._for_management(self._list_units_for_parent),
        }

    def _for_management(
        self, answer: Callable[[Params], Params]
    ) -> Callable[[ApiRequest], Params]:
        """
        Keep a call to the management account.

        "This operation can be called only from the organization's management account or by a
        member account that is a delegated administrator": so says each operation's page in
        https://docs.aws.amazon.com/organizations/latest/APIReference/, but DescribeOrganization's.
        """

        def guarded(request: ApiRequest) -> Params:
            if request.account != self.management_account:
                raise ApiError(
                    "AccessDeniedException", "You don't have permissions to access this resource."
                )
            return answer(request.params)

        return guarded

    def _describe_organization(self, _: ApiRequest) -> Params:
        management = self.accounts[self.management_account]
        return {
            "Organization": {
                "Id": self.id,
                "Arn": self._arn("organization", self.id),
                "FeatureSet": "ALL",
                "MasterAccountId": self.management_account,
                "MasterAccountArn": self._arn("account", f"{self.id}/{self.management_account}"),
                "MasterAccountEmail": management.email,
            }
        }

    def _describe_account(self, params: Params) -> Params:
        if account := self.accounts.get(params["AccountId"]):
            return {"Account": self._account(account)}
        raise ApiError("AccountNotFoundException", "You specified an account that doesn't exist.")

    def _describe_unit(self, params: Params) -> Params:
        if unit := self.units.get(params["OrganizationalUnitId"]):
            return {"OrganizationalUnit": self._unit(unit)}
        raise ApiError(
            "OrganizationalUnitNotFoundException",
            "You specified an organizational unit that doesn't exist.",
        )

    def _list_roots(self, _: Params) -> Params:
        arn = self._arn("root", f"{self.id}/{self.root_id}")
        return {"Roots": [{"Id": self.root_id, "Arn": arn, "Name": "Root", "PolicyTypes": []}]}

    def _list_parents(self, params: Params) -> Params:
        child = params["ChildId"]
        if child in self.accounts:
            parent = self.accounts[child].parent
        elif child in self.units:
            parent = self.units[child].parent
        else:
            raise ApiError("ChildNotFoundException", "You specified a child that doesn't exist.")
        kind = "ROOT" if parent == self.root_id else "ORGANIZATIONAL_UNIT"
        return {"Parents": [{"Id": parent, "Type": kind}]}

    def _list_accounts(self, params: Params) -> Params:
        return self._page("Accounts", list(self.accounts.values()), self._account, params)

    def _list_accounts_for_parent(self, params: Params) -> Params:
        parent = self._parent(params)
        accounts = [each for each in self.accounts.values() if each.parent == parent]
        return self._page("Accounts", accounts, self._account, params)

    def _list_units_for_parent(self, params: Params) -> Params:
        parent = self._parent(params)
        units = [unit for unit in self.units.values() if unit.parent == parent]
        return self._page("OrganizationalUnits", units, self._unit, params)

    def _page(
        self, name: str, items: list[Item], written: Callable[[Item], Params], params: Params
    ) -> Params:
        """
        Give one page of a list.

        "These operations can occasionally return an empty set of results even when there are
        more results available. The NextToken response parameter value is null only when there
        are no more results to display." Here the first page of every list is such a one.
        https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
        """
        size = int(params.get("MaxResults", _LARGEST_PAGE))
        if size > _LARGEST_PAGE:
            raise ApiError("InvalidInputException", "You specified a value that is too large.")
        token = params.get("NextToken")
        if token is None and self._empty_pages and items:
            return {name: [], "NextToken": "from-0"}
        start = self._start(token)
        end = start + size
        return {
            name: [written(item) for item in items[start:end]],
            "NextToken": f"from-{end}" if end < len(items) else None,
        }

    def _start(self, token: str | None) -> int:
        if token is None:
            return 0
        number = token.removeprefix("from-")
        if not number.isdigit():
            raise ApiError(
                "InvalidInputException", "You specified an invalid value for nextToken."
            )
        return int(number)

    def _parent(self, params: Params) -> str:
        parent: str = params["ParentId"]
        if parent != self.root_id and parent not in self.units:
            raise ApiError("ParentNotFoundException", "You specified parent that doesn't exist.")
        return parent

    def _account(self, account: OrganizationAccount) -> Params:
        # No Status: "The Status parameter in the API response will be retired on September 9,
        # 2026. [...] use the State parameter instead".
        # https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeAccount.html
        # https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html
        path = "/".join((self.id, *self._way_to(account.parent), account.account_id, ""))
        return {
            "Id": account.account_id,
            "Arn": self._arn("account", f"{self.id}/{account.account_id}"),
            "Name": account.name,
            "Email": account.email,
            "State": account.state,
            **({"Paths": [path]} if self.tells_paths else {}),
            "JoinedMethod": "CREATED",
            "JoinedTimestamp": account.joined,
        }

    def _way_to(self, parent: str) -> list[str]:
        """The root, and the units from there to this one."""
        if parent == self.root_id:
            return [parent]
        return [*self._way_to(self.units[parent].parent), parent]

    def _unit(self, unit: OrganizationalUnit) -> Params:
        arn = self._arn("ou", f"{self.id}/{unit.unit_id}")
        return {"Id": unit.unit_id, "Arn": arn, "Name": unit.name}

    def _arn(self, kind: str, path: str) -> str:
        return f"arn:aws:organizations::{self.management_account}:{kind}/{path}"

    def _free_id(self) -> str:
        return str(max(int(account_id) for account_id in self.accounts) + 1).zfill(12)
