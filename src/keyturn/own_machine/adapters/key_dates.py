"""When a user's keys were made: iam:ListAccessKeys, which an owner may lack."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


class IamKeyDates:
    """Meets `own_machine.ports.KeyDates`."""

    def __init__(self, iam: "IAMClient") -> None:
        self._iam = iam

    def of(self, user: str) -> Mapping[str, datetime]:
        """Key id → when it was made, UTC."""
        with aws_errors_translated():
            pages = self._iam.get_paginator("list_access_keys").paginate(UserName=user)
            return {
                each["AccessKeyId"]: each["CreateDate"]
                for page in pages
                for each in page["AccessKeyMetadata"]
            }
