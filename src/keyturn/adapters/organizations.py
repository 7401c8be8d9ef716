"""AWS Organizations, read from its management account."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Final

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.key import Account
from keyturn.ports import Listed

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_organizations.type_defs import AccountTypeDef

ATTEMPTS: Final = 8
"""
How often a call is sent at most: half a list is none, and whoever else asks Organizations shares
its rate with us. One in ten throttled, the 500 pages of 10,000 accounts fail once in 200,000 days.
"""


@dataclass(frozen=True, slots=True)
class _Placed:
    """An account, and the root and the units that it is below; None: AWS does not say."""

    listed: Listed
    below: frozenset[str] | None


class AwsOrganization:
    """
    Meets `ports.Organization`.

    It remembers what it has listed whole, and asks for nothing twice: make one for each look.
    """

    def __init__(self, organizations: "OrganizationsClient") -> None:
        self._organizations = organizations
        self._everybody: tuple[_Placed, ...] | None = None
        self._directly_below: dict[str, tuple[tuple[Listed, ...], tuple[str, ...]]] = {}

    def accounts(self, ou: str | None = None) -> Iterator[Listed]:
        """All accounts, or those under an organisational unit and the units below it."""
        with aws_errors_translated():
            if ou is None:
                yield from (placed.listed for placed in self._all())
            else:
                yield from self._placed_below(ou) or self._walk(ou)

    def _all(self) -> tuple[_Placed, ...]:
        if self._everybody is None:
            pages = self._organizations.get_paginator("list_accounts").paginate()
            self._everybody = tuple(_placed(each) for page in pages for each in page["Accounts"])
        return self._everybody

    def _placed_below(self, parent: str) -> list[Listed]:
        """
        Those below a unit, if all accounts are listed and AWS says of each where it is.

        An empty list says nothing: whether there is such a unit, only AWS knows.
        """
        found: list[Listed] = []
        for placed in self._everybody or ():
            if placed.below is None:
                return []
            if parent in placed.below:
                found.append(placed.listed)
        return found

    def _walk(self, parent: str) -> Iterator[Listed]:
        accounts, units = self._children(parent)
        yield from accounts
        for unit in units:
            yield from self._walk(unit)

    def _children(self, parent: str) -> tuple[tuple[Listed, ...], tuple[str, ...]]:
        if parent not in self._directly_below:
            accounts = self._organizations.get_paginator("list_accounts_for_parent")
            units = self._organizations.get_paginator("list_organizational_units_for_parent")
            self._directly_below[parent] = (
                tuple(
                    _listed(each)
                    for page in accounts.paginate(ParentId=parent)
                    for each in page["Accounts"]
                ),
                tuple(
                    unit["Id"]
                    for page in units.paginate(ParentId=parent)
                    for unit in page["OrganizationalUnits"]
                ),
            )
        return self._directly_below[parent]


def _placed(account: "AccountTypeDef") -> _Placed:
    """
    Read an account of the list of all, with its path: `o-…/r-…/ou-…/…/its id/`.

    Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html
    """
    paths = account.get("Paths")
    below = frozenset(step for path in paths for step in path.split("/")) if paths else None
    return _Placed(_listed(account), below)


def _listed(account: "AccountTypeDef") -> Listed:
    # State replaces Status, which AWS removes; an older answer may still carry only that.
    state = account.get("State") or account.get("Status", "ACTIVE")
    joined = account.get("JoinedTimestamp")
    return Listed(
        account=Account(
            id=account["Id"], name=account.get("Name", ""), email=account.get("Email", "")
        ),
        joined=joined and joined.astimezone(UTC),
        state=state,
    )
