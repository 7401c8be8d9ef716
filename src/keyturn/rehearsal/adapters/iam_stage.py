"""The account that a rehearsal plays in: users without rights, their keys, their secrets."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import Denied, NotFound
from keyturn.rehearsal.model.own import PATH, Marks, secret_of
from keyturn.rehearsal.ports import SecretSeen

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sts import STSClient

CURRENT = "AWSCURRENT"


class IamStage:
    """Meets `rehearsal.ports.Stage`."""

    def __init__(
        self,
        account: str,
        *,
        iam: "IAMClient",
        iam_once: "IAMClient",
        secrets: "SecretsManagerClient",
        sts: "STSClient",
    ) -> None:
        """iam_once: a client that never retries: a second key made so would be nobody's."""
        self.account = account
        self._iam = iam
        self._iam_once = iam_once
        self._secrets = secrets
        self._sts = sts

    def caller(self) -> str:
        """Who acts there."""
        with aws_errors_translated():
            return str(self._sts.get_caller_identity()["Arn"])

    def make_user(self, name: str, marks: Marks) -> str:
        """Make a user, with their marks in the same call: none is ever there without."""
        with aws_errors_translated():
            made = self._iam_once.create_user(
                UserName=name,
                Path=PATH,
                Tags=[{"Key": key, "Value": value} for key, value in marks.tags().items()],
            )
        return str(made["User"]["UserId"])

    def make_key(self, user: str) -> str:
        """Make a key; its secret goes no further than this line."""
        with aws_errors_translated():
            made = self._iam_once.create_access_key(UserName=user)
        return str(made["AccessKey"]["AccessKeyId"])

    def make_group(self, name: str) -> None:
        """Make a group."""
        with aws_errors_translated():
            self._iam_once.create_group(GroupName=name, Path=PATH)

    def put_in_group(self, user: str, group: str) -> None:
        """Put a user into a group. A retry is safe."""
        with aws_errors_translated():
            self._iam.add_user_to_group(GroupName=group, UserName=user)

    def is_in_group(self, user: str, group: str) -> bool:
        """Whether IAM shows the user there; a group that it does not show yet has nobody."""
        try:
            with aws_errors_translated():
                members = self._iam.get_group(GroupName=group)["Users"]
        except NotFound:
            return False
        return any(each["UserName"] == user for each in members)

    def check_group(self, group: str) -> None:
        """Raises PortError: NotFound where the account has no such group."""
        with aws_errors_translated():
            self._iam.get_group(GroupName=group, MaxItems=1)

    def stop_key(self, user: str, key_id: str) -> None:
        """Make a key Inactive."""
        with aws_errors_translated():
            self._iam.update_access_key(UserName=user, AccessKeyId=key_id, Status="Inactive")

    def is_listed(self, user: str) -> bool:
        """Whether IAM lists the user under our path."""
        with aws_errors_translated():
            pages = self._iam.get_paginator("list_users").paginate(PathPrefix=PATH)
            return any(each["UserName"] == user for page in pages for each in page["Users"])

    def keys(self, user: str) -> Mapping[str, bool]:
        """The user's keys: id → whether it is Active."""
        with aws_errors_translated():
            pages = self._iam.get_paginator("list_access_keys").paginate(UserName=user)
            return {
                key["AccessKeyId"]: key["Status"] == "Active"
                for page in pages
                for key in page["AccessKeyMetadata"]
            }

    def secret(self, user: str) -> SecretSeen | None:
        """The user's secret, without its value."""
        try:
            with aws_errors_translated():
                found = self._secrets.describe_secret(SecretId=secret_of(self.account, user))
        except NotFound:
            return None
        labelled = found.get("VersionIdsToStages", {})
        return SecretSeen(
            arn=found["ARN"],
            kms_key=found.get("KmsKeyId"),
            tags={tag["Key"]: tag["Value"] for tag in found.get("Tags", ())},
            current=next((each for each, stages in labelled.items() if CURRENT in stages), None),
        )

    def is_known(self, key_id: str) -> bool:
        """Whether IAM says whose the key is; of one that it does not know yet it may say no."""
        try:
            with aws_errors_translated():
                answer = self._iam.get_access_key_last_used(AccessKeyId=key_id)
        except (NotFound, Denied):
            return False
        return bool(answer.get("UserName"))
