"""What an organisation says of itself."""

from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.deployment.model.organization import ControlPolicy, OrganizationFacts
from keyturn.domain.errors import NotFound

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient


class AwsOrganizationFeatures:
    """Meets `deployment.ports.OrganizationFeatures`."""

    def __init__(self, organizations: "OrganizationsClient") -> None:
        self._organizations = organizations

    def facts(self) -> OrganizationFacts:
        """What the organisation says of itself."""
        with aws_errors_translated():
            organization = self._organizations.describe_organization()["Organization"]
            pages = self._organizations.get_paginator(
                "list_aws_service_access_for_organization"
            ).paginate()
            trusted = frozenset(
                each["ServicePrincipal"]
                for page in pages
                for each in page["EnabledServicePrincipals"]
            )
        return OrganizationFacts(
            id=organization["Id"],
            management_account=organization["MasterAccountId"],
            has_all_features=organization["FeatureSet"] == "ALL",
            trusted=trusted,
        )

    def control_policies(self) -> tuple[ControlPolicy, ...]:
        """The service control policies."""
        aws = self._organizations
        with aws_errors_translated():
            pages = aws.get_paginator("list_policies").paginate(Filter="SERVICE_CONTROL_POLICY")
            return tuple(self._policy(each["Id"]) for page in pages for each in page["Policies"])

    def _policy(self, identity: str) -> ControlPolicy:
        aws = self._organizations
        policy = aws.describe_policy(PolicyId=identity)["Policy"]
        pages = aws.get_paginator("list_targets_for_policy").paginate(PolicyId=identity)
        return ControlPolicy(
            name=policy["PolicySummary"]["Name"],
            content=policy["Content"],
            targets=sum(len(page["Targets"]) for page in pages),
        )

    def has_unit(self, unit: str) -> bool:
        """Whether a unit, or a root, is its own: only such a one has units below it, or none."""
        try:
            with aws_errors_translated():
                self._organizations.list_organizational_units_for_parent(
                    ParentId=unit, MaxResults=1
                )
        except NotFound:
            return False
        return True
