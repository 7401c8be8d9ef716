"""What the member template makes in an account: role and group in IAM, the key in KMS."""

import json
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import NotFound

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_kms import KMSClient


class MemberAccount:
    """Meets `ports.Branch`."""

    def __init__(self, iam: "IAMClient", kms: "KMSClient") -> None:
        self._iam = iam
        self._kms = kms

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
