"""AWS Organizations, read from its management account."""

from collections.abc import Iterator
from datetime import UTC
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.key import Account
from keyturn.ports import Listed

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_organizations.type_defs import AccountTypeDef


class AwsOrganization:
    """Meets `ports.Organization`."""

    def __init__(self, organizations: "OrganizationsClient") -> None:
        self._organizations = organizations

    def accounts(self, ou: str | None = None) -> Iterator[Listed]:
        """All accounts, or those under an organisational unit and the units below it."""
        with aws_errors_translated():
            if ou is None:
                for page in self._organizations.get_paginator("list_accounts").paginate():
                    yield from map(_listed, page["Accounts"])
            else:
                yield from self._below(ou)

    def _below(self, parent: str) -> Iterator[Listed]:
        accounts = self._organizations.get_paginator("list_accounts_for_parent")
        for page in accounts.paginate(ParentId=parent):
            yield from map(_listed, page["Accounts"])
        units = self._organizations.get_paginator("list_organizational_units_for_parent")
        for unit_page in units.paginate(ParentId=parent):
            for unit in unit_page["OrganizationalUnits"]:
                yield from self._below(unit["Id"])


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
