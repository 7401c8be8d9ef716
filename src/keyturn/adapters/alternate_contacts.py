"""The alternate contacts of a member account, asked for in the account itself."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import NotFound
from keyturn.ports import ContactType

if TYPE_CHECKING:
    from mypy_boto3_account import AccountClient


class AwsAlternateContacts:
    """
    Meets `ports.AlternateContacts` for the account whose credentials the client has.

    Without an AccountId the call answers for the caller's own account, and needs neither the
    management account nor trusted access. It needs account:GetAlternateContact.
    Source: https://docs.aws.amazon.com/accounts/latest/reference/API_GetAlternateContact.html
    """

    def __init__(self, client: "Callable[[], AccountClient]") -> None:
        """client: made when it is asked for, which is rare."""
        self._client = client

    def of(self, account: str, kind: ContactType) -> str:  # noqa: ARG002 -- the client is of one account
        """The e-mail address of one contact; empty: it is not set."""
        with suppress(NotFound), aws_errors_translated():
            answer = self._client().get_alternate_contact(AlternateContactType=kind.value)
            return answer["AlternateContact"].get("EmailAddress", "")
        return ""
