"""Become the role in a member account."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.credentials import DeferredRefreshableCredentials
from botocore.loaders import Loader, create_loader
from botocore.session import get_session

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import AccountUnreachable, PortError

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient
    from mypy_boto3_sts.type_defs import AssumeRoleRequestTypeDef

SESSION_NAME = "keyturn"


def session_as(
    own: boto3.Session,
    sts: "STSClient",
    role_arn: str,
    region: str,
    *,
    external_id: str | None = None,
) -> boto3.Session:
    """
    A session with the role's credentials, asked for at the first call and renewed in time.

    One AssumeRole serves all clients of the session for an hour. What the profile of our own
    session says (endpoints, FIPS, certificates, retries) holds in the account, too. Calls of the
    session raise AccountUnreachable where the role cannot be assumed.

    Args:
        own: the session that asks for the role.
        sts: the client that asks, with the credentials of `own`.
        role_arn: `arn:aws:iam::<account>:role/<name>`.
        region: where the session's clients call.
        external_id: what the role's trust policy asks for, if it does.

    """
    inner = get_session()
    profile = own._session.get_config_variable("profile")  # noqa: SLF001 -- boto3's own name for none is "default", which need not exist
    if profile is not None:
        inner.set_config_variable("profile", profile)
    inner.register_component("data_loader", _models(inner.get_config_variable("data_path")))
    inner.set_config_variable("region", region)
    # botocore has no public way to give a session credentials that renew themselves.
    inner._credentials = DeferredRefreshableCredentials(  # type: ignore[attr-defined]  # noqa: SLF001 -- see above
        method="sts-assume-role", refresh_using=_assuming(sts, role_arn, external_id)
    )
    return boto3.Session(botocore_session=inner, region_name=region)


@cache
def _models(folder: str | None) -> Loader:
    """
    The services' models, read once for all sessions.

    A session that reads its own takes 12 MB more and a fifth of a second, for every account.
    """
    return create_loader(folder)


def _assuming(
    sts: "STSClient", role_arn: str, external_id: str | None
) -> Callable[[], dict[str, str]]:
    request: AssumeRoleRequestTypeDef = {"RoleArn": role_arn, "RoleSessionName": SESSION_NAME}
    if external_id is not None:
        request["ExternalId"] = external_id

    def refresh() -> dict[str, str]:
        try:
            with aws_errors_translated():
                answer = sts.assume_role(**request)
        except PortError as error:
            message = f"the role {role_arn} could not be assumed ({error})"
            raise AccountUnreachable(message) from error
        credentials = answer["Credentials"]
        return {
            "access_key": credentials["AccessKeyId"],
            "secret_key": credentials["SecretAccessKey"],
            "token": credentials["SessionToken"],
            "expiry_time": credentials["Expiration"].isoformat(),
        }

    return refresh
