"""The secrets of one account, as Secrets Manager lists them; values are in no list."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.ports import ListedSecret

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


class SecretsManagerList:
    """Meets `ports.SecretList`."""

    def __init__(self, secrets: "SecretsManagerClient") -> None:
        self._secrets = secrets

    def named(self, prefix: str) -> Iterator[ListedSecret]:
        """The secrets whose names begin so, a call for each hundred."""
        pages = self._secrets.get_paginator("list_secrets").paginate(
            IncludePlannedDeletion=True, Filters=[{"Key": "name", "Values": [prefix]}]
        )
        with aws_errors_translated():
            for page in pages:
                for secret in page["SecretList"]:
                    # AWS's filter knows no case.
                    if secret["Name"].startswith(prefix):
                        yield ListedSecret(
                            name=secret["Name"],
                            arn=secret["ARN"],
                            tags={tag["Key"]: tag["Value"] for tag in secret.get("Tags", [])},
                            versions={
                                version: frozenset(labels)
                                for version, labels in secret.get(
                                    "SecretVersionsToStages", {}
                                ).items()
                            },
                            deleted=secret.get("DeletedDate"),
                            last_read=_day(secret.get("LastAccessedDate")),
                            created=secret.get("CreatedDate"),
                            kms_key=secret.get("KmsKeyId"),
                            primary=secret.get("PrimaryRegion"),
                            rotates=secret.get("RotationEnabled", False),
                            managed_by=secret.get("OwningService"),
                        )


def _day(moment: datetime | None) -> date | None:
    return moment.astimezone(UTC).date() if moment else None
