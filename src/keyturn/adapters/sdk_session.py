"""
A session of AWS's SDK: whose credentials calls have, in which region, with which settings.

The functions use botocore's, which does all that we ask. The command line's is boto3's, which puts
a session of its own around it, and makes resources and transfers that we have not: to load those
took a twentieth of a function's cold start.
"""

from copy import copy
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, Union

from botocore.session import Session

if TYPE_CHECKING:
    import boto3

AnySession: TypeAlias = Union["boto3.Session", Session]
Kind = TypeVar("Kind", bound=AnySession)


def core_of(session: AnySession) -> Session:
    """Botocore's session, whether it comes alone or within boto3's."""
    if isinstance(session, Session):
        return session
    return session._session  # noqa: SLF001 -- boto3 names no way to it


def around(core: Session, *, like: Kind) -> Kind:
    """Make a session of botocore's one, of the same kind as another."""
    made: Any = core
    if not isinstance(like, Session):
        made = copy(like)
        made._session = core  # noqa: SLF001 -- as above
    kind: Kind = made
    return kind


def region_of(session: AnySession) -> str | None:
    """Where its clients call; None: nothing says it."""
    region: str | None = core_of(session).get_config_variable("region")
    return region
