"""The operator's own credentials: asked for once at the start, so that what lacks is said then."""

import os
import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from getpass import GetPassWarning, getpass
from typing import Any

import boto3
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ProfileNotFound,
    UnknownRegionError,
)

from keyturn.domain.errors import Denied, InvalidValue, PortError

NONE = "no AWS credentials were found"
NO_REGION = "is needed: neither AWS_REGION, AWS_DEFAULT_REGION nor your profile names one"


class Unobtainable(BotoCoreError):
    """What botocore lets through, as an error of its own: there are no credentials."""

    fmt = "{why}"


def open_session(
    profile: str | None, region: str | None, option: str = "--profile"
) -> boto3.Session:
    """
    The operator's own credentials, and a region.

    Raises InvalidValue where the profile or the region is none, Denied where there are no
    credentials, and PortError where they cannot be had.
    """
    session = make_session(profile, region, option)
    have_credentials(session)
    return session


def make_session(
    profile: str | None, region: str | None, option: str = "--profile"
) -> boto3.Session:
    """The same, with no look at the credentials. Raises InvalidValue and PortError likewise."""
    region = region or os.environ.get("AWS_REGION")
    try:
        session = boto3.Session(profile_name=profile, region_name=region)
        region = session.region_name
        if region is None:
            raise InvalidValue("--region", "", NO_REGION)
        session.get_partition_for_region(region)
    except ProfileNotFound:
        variable = "AWS_DEFAULT_PROFILE" if "AWS_DEFAULT_PROFILE" in os.environ else "AWS_PROFILE"
        name = option if profile else variable
        profile = profile or os.environ.get(variable, "")
        raise InvalidValue(name, profile, "is not in your AWS configuration") from None
    except UnknownRegionError:
        raise InvalidValue("--region", region, "is no AWS region") from None
    except BotoCoreError as error:
        raise PortError(f"{type(error).__name__}: {error}") from error
    return session


def have_credentials(session: boto3.Session) -> None:
    """
    Get the session's credentials, or say in one line why there are none.

    Programs, files and tokens of the operator's may stand behind them: what goes wrong there, now
    or when they are asked again in an hour, is said as such. Raises Denied where there are none.
    """
    profile = session.profile_name
    where = "" if profile == "default" else f" in the profile {profile}"
    try:
        with _translated():
            inner = session._session  # noqa: SLF001 -- boto3 has no way to say who types the codes
            roles = inner.get_component("credential_provider").get_provider("assume-role")
            roles._prompter = _code  # noqa: SLF001 -- likewise botocore
            credentials = session.get_credentials()
            if isinstance(credentials, RefreshableCredentials):
                renewed: Any = credentials  # its stubs leave out what is not public
                renewed._refresh_using = _in_words(renewed._refresh_using)  # noqa: SLF001 -- likewise
            if credentials is not None:
                credentials.get_frozen_credentials()
    except (BotoCoreError, ClientError) as error:
        kind = "" if isinstance(error, Unobtainable) else f"{type(error).__name__}: "
        message = f"the AWS credentials{where} could not be had: {kind}{error}"
        raise Denied(message) from error
    if credentials is None:
        raise Denied(f"{NONE}{where}" if where else f"{NONE}: give --profile, or set AWS_PROFILE")


def _in_words(ask: Callable[[], Mapping[str, Any]]) -> Callable[[], Mapping[str, Any]]:
    def asked() -> Mapping[str, Any]:
        with _translated():
            return ask()

    return asked


@contextmanager
def _translated() -> Generator[None]:
    """Say as an error of botocore's what it lets through: its adapters know those."""
    try:
        yield
    except (BotoCoreError, ClientError):
        raise
    except GetPassWarning:
        why = "an MFA code is needed, and there is no terminal to ask for it on"
        raise Unobtainable(why=why) from None
    except EOFError:
        raise Unobtainable(why="an MFA code is needed, and none was typed") from None
    except OSError as error:
        name = f": {error.filename}" if error.filename else ""
        raise Unobtainable(why=f"{error.strerror or error}{name}") from error
    except Exception as error:  # noqa: BLE001 -- of the operator's own programs and files
        # What was answered is not repeated, for it may hold them.
        why = f"what answered was not understood ({type(error).__name__})"
        raise Unobtainable(why=why) from None


def _code(prompt: str) -> str:
    """Ask for a code where nobody sees it, or not at all."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", GetPassWarning)
        return getpass(prompt)
