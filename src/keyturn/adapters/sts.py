"""Become the role in a member account."""

from collections.abc import Callable
from copy import copy
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

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
    session = copy(_shared(own, region))
    # boto3 names no way to the session behind it, nor botocore to one with credentials that renew
    # themselves. What is copied shares everything else with the others: only this is its own.
    inner = copy(session._session)  # noqa: SLF001 -- as said
    inner._credentials = DeferredRefreshableCredentials(  # type: ignore[attr-defined]  # noqa: SLF001 -- as said
        method="sts-assume-role", refresh_using=_assuming(sts, role_arn, external_id)
    )
    session._session = inner  # noqa: SLF001 -- as said
    return session


_SHARED: WeakKeyDictionary[boto3.Session, dict[str, boto3.Session]] = WeakKeyDictionary()
"""Our own session → region → what the sessions of all accounts share."""
_SHARING = Lock()


def _shared(own: boto3.Session, region: str) -> boto3.Session:
    """
    All of a session but credentials: its profile's settings, its models, what changes requests.

    To make one takes as much CPU as two clients; it is the same for each account.
    """
    with _SHARING:
        of_regions = _SHARED.setdefault(own, {})
        if region not in of_regions:
            of_regions[region] = _without_credentials(own, region)
        return of_regions[region]


def _without_credentials(own: boto3.Session, region: str) -> boto3.Session:
    inner = get_session()
    profile = own._session.get_config_variable("profile")  # noqa: SLF001 -- boto3's own name for none is "default", which need not exist
    if profile is not None:
        inner.set_config_variable("profile", profile)
    inner.register_component("data_loader", _models(inner.get_config_variable("data_path")))
    inner.set_config_variable("region", region)
    # Whoever copies it gives it credentials; with these no call of it would be answered.
    inner.set_credentials("none", "none")
    return boto3.Session(botocore_session=inner, region_name=region)


@cache
def _models(folder: str | None) -> Loader:
    """
    The services' models, read once for all sessions.

    A session that reads its own takes 12 MB more and a fifth of a second.
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
