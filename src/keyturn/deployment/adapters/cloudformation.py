"""CloudFormation: the stacks of one account and region, and the stack sets of an organisation."""

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError, WaiterError

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.deployment.model.stacks import (
    Proposal,
    ResourceChange,
    Stack,
    StackInstance,
    StackSet,
)
from keyturn.domain.errors import AlreadyThere, DeploymentFailed, NotFound, Refused, Throttled

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import (
        ChangeTypeDef,
        ParameterTypeDef,
        StackEventTypeDef,
        StackInstanceSummaryTypeDef,
    )

Sleep = Callable[[float], None]

CAPABILITIES: Final = "CAPABILITY_NAMED_IAM"
_SECONDS: Final = 3
"""Between two looks at what CloudFormation is doing."""
_PATIENCE: Final[Any] = {"Delay": _SECONDS, "MaxAttempts": 24 * 60 * 60 // _SECONDS}
"""For boto3's waiters: a day, longer than anybody's credentials last. By themselves they look
twice a minute, and give up after an hour."""
# A suspended account keeps its instance, which stays OUTDATED:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackInstanceComprehensiveStatus.html
_SUSPENDED = "SKIPPED_SUSPENDED_ACCOUNT"
# What CloudFormation says of a change set without changes, and of an update without any.
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
_MEANINGS: Final = {
    "StackSetNotFoundException": NotFound,
    "ChangeSetNotFound": NotFound,
    "NameAlreadyExistsException": AlreadyThere,
    "AlreadyExistsException": AlreadyThere,
    "OperationInProgressException": Throttled,
}


class CloudFormationStacks:
    """Meets `deployment.ports.Stacks`."""

    def __init__(self, cloudformation: "CloudFormationClient") -> None:
        self._aws = cloudformation

    def find(self, name: str) -> Stack | None:
        """The stack, if there is one."""
        try:
            with aws_errors_translated(_MEANINGS):
                [found] = self._aws.describe_stacks(StackName=name)["Stacks"]
        except Exception as error:
            if _says(error, "does not exist"):  # there is no code of its own for it
                return None
            raise
        return Stack(
            name=name,
            status=found["StackStatus"],
            parameters=_values(found.get("Parameters", [])),
        )

    def body_of(self, name: str) -> str:
        """The template that the stack was made of."""
        with aws_errors_translated(_MEANINGS):
            # botocore reads a template in JSON by itself; ours are YAML, and come as they are.
            return str(self._aws.get_template(StackName=name)["TemplateBody"])

    def propose(
        self, name: str, body: str, parameters: Mapping[str, str | None], *, new: bool
    ) -> Proposal:
        """Work out what would change. Raises DeploymentFailed where CloudFormation refuses."""
        try:
            with aws_errors_translated(_MEANINGS):
                made = self._aws.create_change_set(
                    StackName=name,
                    ChangeSetName=f"keyturn-{uuid.uuid4().hex}",
                    ChangeSetType="CREATE" if new else "UPDATE",
                    TemplateBody=body,
                    Parameters=_given(parameters),
                    Capabilities=[CAPABILITIES],
                )
        except Refused as refusal:
            if any(each in str(refusal) for each in _NO_CHANGES):
                return Proposal(stack=name, id="", is_new=new, is_empty=True)
            raise
        proposal = Proposal(stack=name, id=made["Id"], is_new=new, is_empty=True)
        waiter = self._aws.get_waiter("change_set_create_complete")
        failed = _other_end(waiter, "DescribeChangeSet", ChangeSetName=made["Id"])
        if failed is not None:
            reason = failed.get("StatusReason", "")
            self.discard(proposal)
            if any(each in reason for each in _NO_CHANGES):
                return proposal
            raise DeploymentFailed(f"{name}: {reason}")
        return Proposal(
            stack=name, id=made["Id"], is_new=new, changes=tuple(self._changes(made["Id"]))
        )

    def _changes(self, change_set: str) -> Iterator[ResourceChange]:
        with aws_errors_translated(_MEANINGS):
            pages = self._aws.get_paginator("describe_change_set").paginate(
                ChangeSetName=change_set
            )
            for page in pages:
                yield from map(_change, page["Changes"])

    def discard(self, proposal: Proposal) -> None:
        """Throw a proposal away."""
        with aws_errors_translated(_MEANINGS):
            self._aws.delete_change_set(ChangeSetName=proposal.id)
        if proposal.is_new:
            found = self.find(proposal.stack)
            if found is not None and not found.is_there:
                self.remove(proposal.stack)

    def carry_out(self, proposal: Proposal) -> None:
        """Make it so and wait. Raises DeploymentFailed with what failed first."""
        with aws_errors_translated(_MEANINGS):
            self._aws.execute_change_set(ChangeSetName=proposal.id)
        waiter: Any = (
            self._aws.get_waiter("stack_create_complete")
            if proposal.is_new
            else self._aws.get_waiter("stack_update_complete")
        )
        failed = _other_end(waiter, "DescribeStacks", StackName=proposal.stack)
        if failed is not None:
            raise DeploymentFailed(f"{proposal.stack}: {self._why(proposal.stack, failed)}")

    def remove(self, name: str) -> None:
        """Delete a stack and wait. Raises DeploymentFailed where it could not be deleted."""
        with aws_errors_translated(_MEANINGS):
            self._aws.delete_stack(StackName=name)
        waiter = self._aws.get_waiter("stack_delete_complete")
        failed = _other_end(waiter, "DescribeStacks", StackName=name)
        if failed is not None:
            raise DeploymentFailed(f"{name} could not be deleted: {self._why(name, failed)}")

    def _why(self, name: str, failed: Mapping[str, Any]) -> str:
        """What failed first; where nothing says so, the status that the stack was left in."""
        [stack] = failed["Stacks"]
        return self._first_failure(name) or stack["StackStatus"]

    def _first_failure(self, name: str) -> str | None:
        """What failed first since the operation began: whatever fails after it was cancelled."""
        first: str | None = None
        with aws_errors_translated(_MEANINGS):
            pages = self._aws.get_paginator("describe_stack_events").paginate(StackName=name)
            for event in (each for page in pages for each in page["StackEvents"]):
                if _is_begin(event):
                    break
                reason = event.get("ResourceStatusReason", "")
                if event["ResourceStatus"].endswith("_FAILED") and "cancelled" not in reason:
                    first = f"{event['LogicalResourceId']}: {reason}"
        return first


class CloudFormationStackSets:
    """
    Meets `deployment.ports.StackSets`.

    One account's failure stops no other: all are tried, side by side, and the first that
    failed is named at the end.
    """

    _PREFERENCES: Final[Any] = {
        "RegionConcurrencyType": "PARALLEL",
        "FailureTolerancePercentage": 100,
        "MaxConcurrentPercentage": 100,
    }

    def __init__(self, cloudformation: "CloudFormationClient", sleep: Sleep) -> None:
        self._aws = cloudformation
        self._sleep = sleep

    def find(self, name: str) -> StackSet | None:
        """The stack set, if there is one."""
        try:
            with aws_errors_translated(_MEANINGS):
                found = self._aws.describe_stack_set(StackSetName=name)["StackSet"]
        except NotFound:
            return None
        where = list(self.instances(name))
        return StackSet(
            name=name,
            body=found["TemplateBody"],
            parameters=_values(found.get("Parameters", [])),
            is_service_managed=found.get("PermissionModel") == "SERVICE_MANAGED",
            units=frozenset(found.get("OrganizationalUnitIds", ()))
            or frozenset(each.unit for each in where if each.unit),
            regions=frozenset(found.get("Regions", ())) or frozenset(e.region for e in where),
        )

    def create(self, name: str, body: str, parameters: Mapping[str, str | None]) -> None:
        """Make the stack set."""
        with aws_errors_translated(_MEANINGS):
            self._aws.create_stack_set(
                StackSetName=name,
                Description="Keyturn's role, KMS key and exemption group in every account",
                TemplateBody=body,
                Parameters=_given(parameters),
                Capabilities=[CAPABILITIES],
                PermissionModel="SERVICE_MANAGED",
                AutoDeployment={"Enabled": True, "RetainStacksOnAccountRemoval": False},
            )

    def update(self, name: str, body: str, parameters: Mapping[str, str | None]) -> None:
        """Bring template and parameters to where it is; how it deploys by itself stays."""
        with aws_errors_translated(_MEANINGS):
            begun = self._aws.update_stack_set(
                StackSetName=name,
                TemplateBody=body,
                Parameters=_given(parameters),
                Capabilities=[CAPABILITIES],
                PermissionModel="SERVICE_MANAGED",
                OperationPreferences=self._PREFERENCES,
            )
        self._wait(name, begun["OperationId"])

    def extend(self, name: str, units: Collection[str], regions: Collection[str]) -> None:
        """Go to the accounts of these units."""
        with aws_errors_translated(_MEANINGS):
            begun = self._aws.create_stack_instances(
                StackSetName=name,
                DeploymentTargets={"OrganizationalUnitIds": sorted(units)},
                Regions=sorted(regions),
                OperationPreferences=self._PREFERENCES,
            )
        self._wait(name, begun["OperationId"])

    def instances(self, name: str) -> Iterator[StackInstance]:
        """Where it is."""
        with aws_errors_translated(_MEANINGS):
            pages = self._aws.get_paginator("list_stack_instances").paginate(StackSetName=name)
            for page in pages:
                yield from map(_instance, page["Summaries"])

    def _wait(self, name: str, operation: str) -> None:
        """Wait for the end of an operation; boto3 has no waiter for those of stack sets."""
        while True:
            with aws_errors_translated(_MEANINGS):
                seen = self._aws.describe_stack_set_operation(
                    StackSetName=name, OperationId=operation
                )["StackSetOperation"]
            if seen["Status"] not in {"RUNNING", "QUEUED", "STOPPING"}:
                break
            self._sleep(_SECONDS)
        self._complain(name, operation, seen["Status"])

    def _complain(self, name: str, operation: str, status: str) -> None:
        """Say what failed: with every failure tolerated, the operation says that it succeeded."""
        with aws_errors_translated(_MEANINGS):
            pages = self._aws.get_paginator("list_stack_set_operation_results").paginate(
                StackSetName=name, OperationId=operation
            )
            failed = [
                f"{each['Account']} in {each['Region']}: {each.get('StatusReason', '')}"
                for page in pages
                for each in page["Summaries"]
                if each["Status"] in {"FAILED", "CANCELLED"}
            ]
        if failed:
            more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
            raise DeploymentFailed(f"{name}: {failed[0]}{more}")
        if status != "SUCCEEDED":
            raise DeploymentFailed(f"{name}: the operation ended as {status}")


def _other_end(waiter: Any, operation: str, **of: str) -> Mapping[str, Any] | None:  # noqa: ANN401 -- boto3 makes the class at run time
    """
    Wait for what the waiter waits for; AWS's last answer to `operation` if it came otherwise.

    A waiter tells of AWS's refusals in words of its own: here they are what they are elsewhere.
    """
    with aws_errors_translated(_MEANINGS):
        try:
            waiter.wait(**of, WaiterConfig=_PATIENCE)
        except WaiterError as error:
            last: Any = error.last_response
            if "Error" in last:
                raise ClientError(last, operation) from None
            return last  # type: ignore[no-any-return] # botocore has no types for it
    return None


def _says(error: Exception, what: str) -> bool:
    return isinstance(error.__cause__, ClientError) and what in str(error)


def _given(parameters: Mapping[str, str | None]) -> "list[ParameterTypeDef]":
    return [
        {"ParameterKey": name, "UsePreviousValue": True}
        if value is None
        else {"ParameterKey": name, "ParameterValue": value}
        for name, value in parameters.items()
    ]


def _values(parameters: "Iterable[ParameterTypeDef]") -> dict[str, str]:
    return {each["ParameterKey"]: each.get("ParameterValue", "") for each in parameters}


def _change(each: "ChangeTypeDef") -> ResourceChange:
    change = each["ResourceChange"]
    return ResourceChange(
        action=change["Action"],
        resource=change["LogicalResourceId"],
        kind=change["ResourceType"],
        replaces=change.get("Replacement", "False") != "False",
    )


def _is_begin(event: "StackEventTypeDef") -> bool:
    return (
        event["ResourceType"] == "AWS::CloudFormation::Stack"
        and event.get("ResourceStatusReason") == "User Initiated"
    )


def _instance(summary: "StackInstanceSummaryTypeDef") -> StackInstance:
    status = summary.get("StackInstanceStatus", {})
    return StackInstance(
        account=summary["Account"],
        region=summary["Region"],
        unit=summary.get("OrganizationalUnitId", ""),
        is_current=summary["Status"] == "CURRENT",
        was_suspended=status.get("DetailedStatus") == _SUSPENDED,
        why=summary.get("StatusReason", ""),
    )
