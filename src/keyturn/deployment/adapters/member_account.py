"""What the member template makes in an account: role and group in IAM, the key in KMS."""

import json
import re
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.deployment.model.facts import SecretSeen
from keyturn.domain.errors import NotFound

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_secretsmanager import SecretsManagerClient

_OF_A_KEY = re.compile(r"Account_\d{12}_User_.+_AccessKey", re.DOTALL)


class MemberAccount:
    """Meets `deployment.ports.MemberAccountProbe`."""

    def __init__(
        self,
        iam: "IAMClient",
        kms: "KMSClient",
        events: "EventBridgeClient",
        secrets: "SecretsManagerClient",
    ) -> None:
        self._iam = iam
        self._kms = kms
        self._events = events
        self._secrets = secrets

    def trust_of(self, role: str) -> str:
        """The text of a role's trust policy."""
        with aws_errors_translated():
            found = self._iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
        return json.dumps(found)

    def has_group(self, name: str) -> bool:
        """Whether there is such an IAM group."""
        try:
            with aws_errors_translated():
                self._iam.get_group(GroupName=name, MaxItems=1)
        except NotFound:
            return False
        return True

    def key_state(self, alias: str) -> str:
        """The state of the KMS key behind an alias."""
        with aws_errors_translated():
            return self._kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyState"]

    def rule_is_enabled(self, name: str) -> bool:
        """Whether the rule where IAM's events are is enabled."""
        with aws_errors_translated():
            return self._events.describe_rule(Name=name)["State"] != "DISABLED"

    def secrets(self) -> tuple[SecretSeen, ...]:
        """The secrets that are called as those of users' keys are."""
        with aws_errors_translated():
            pages = self._secrets.get_paginator("list_secrets").paginate(
                Filters=[{"Key": "name", "Values": ["Account_"]}]
            )
            names = [each["Name"] for page in pages for each in page["SecretList"]]
            return tuple(self._seen(name) for name in names if _OF_A_KEY.fullmatch(name))

    def _seen(self, name: str) -> SecretSeen:
        description = self._secrets.describe_secret(SecretId=name)
        labels = description.get("VersionIdsToStages", {}).values()
        policy = self._secrets.get_resource_policy(SecretId=name)
        return SecretSeen(
            name=name,
            holds_key=any("AWSCURRENT" in each for each in labels),
            was_fetched="LastAccessedDate" in description,
            replicas=tuple(
                each.get("Region", "") for each in description.get("ReplicationStatus", [])
            ),
            rotates=description.get("RotationEnabled", False),
            service=description.get("OwningService", ""),
            has_policy="ResourcePolicy" in policy,
        )
