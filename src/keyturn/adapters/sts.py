"""Become the role in a member account."""

from collections.abc import Callable
from copy import copy
from threading import Lock
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from botocore.credentials import DeferredRefreshableCredentials
from botocore.session import Session, get_session

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.adapters.sdk_session import Kind, around, core_of
from keyturn.domain.errors import AccountUnreachable, PortError

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient
    from mypy_boto3_sts.type_defs import AssumeRoleRequestTypeDef

SESSION_NAME = "keyturn"


def session_as(
    own: Kind,
    sts: "STSClient",
    role_arn: str,
    region: str,
    *,
    external_id: str | None = None,
) -> Kind:
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
    # What is copied shares everything else with the others: only this is its own.
    session = copy(_shared(core_of(own), region))
    session._credentials = DeferredRefreshableCredentials(  # type: ignore[attr-defined]  # noqa: SLF001 -- botocore names no way to credentials that renew themselves
        method="sts-assume-role", refresh_using=_assuming(sts, role_arn, external_id)
    )
    return around(session, like=own)


_SHARED: WeakKeyDictionary[Session, dict[str, Session]] = WeakKeyDictionary()
"""Our own session → region → what the sessions of all accounts share."""
_SHARING = Lock()


def _shared(own: Session, region: str) -> Session:
    """
    All of a session but credentials: its profile's settings, its models, what changes requests.

    To make one takes as much CPU as two clients; it is the same for each account.
    """
    with _SHARING:
        of_regions = _SHARED.setdefault(own, {})
        if region not in of_regions:
            of_regions[region] = _without_credentials(own, region)
        return of_regions[region]


def _without_credentials(own: Session, region: str) -> Session:
    session = get_session()
    # It calls itself what our own does, which may be boto3's.
    session.user_agent_name = own.user_agent_name
    session.user_agent_version = own.user_agent_version
    session.user_agent_extra = own.user_agent_extra
    profile = own.get_config_variable("profile")
    if profile is not None:
        session.set_config_variable("profile", profile)
    # The services' models are read once: another loader takes 12 MB more.
    session.register_component("data_loader", own.get_component("data_loader"))
    session.set_config_variable("region", region)
    # Whoever copies it gives it credentials; with these no call of it would be answered.
    session.set_credentials("none", "none")
    return session


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
