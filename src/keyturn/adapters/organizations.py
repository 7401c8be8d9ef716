"""AWS Organizations, read from its management account."""

import re
from collections.abc import Iterator, Sequence
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

_PATH: Final = re.compile(
    r"(?P<organization>o-[a-z0-9]{10,32})/"
    r"(?P<below>(?P<root>r-[0-9a-z]{4,32})/(?:ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}/)*)"
    r"(?P<account>[0-9]{12})/"
)
"""Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html"""


@dataclass(frozen=True, slots=True)
class _Path:
    """Where an account is."""

    organization: str
    root: str
    below: frozenset[str]
    """The root and the units that it is below."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """An account, and its path; None: AWS does not say, or not in the form that it documents."""

    listed: Listed
    path: _Path | None


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
        everybody = self._everybody or ()
        paths = [placed.path for placed in everybody if placed.path is not None]
        # One odd path, and none is believed: an account that it hides from an excluded unit
        # would be rotated.
        trees = {(path.organization, path.root) for path in paths}
        if len(paths) < len(everybody) or len(trees) > 1:
            return []
        return [
            placed.listed
            for placed, path in zip(everybody, paths, strict=True)
            if parent in path.below
        ]

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
    """Read an account of the list of all."""
    listed = _listed(account)
    return _Placed(listed, _path(account.get("Paths") or (), listed.account.id))


def _path(paths: Sequence[str | None], account: str) -> _Path | None:
    """Read where an account is: its one path, and only if that ends in its own id."""
    if len(paths) != 1:
        return None
    found = _PATH.fullmatch(paths[0] or "")
    if found is None or found["account"] != account:
        return None
    return _Path(found["organization"], found["root"], frozenset(found["below"].split("/")[:-1]))


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
