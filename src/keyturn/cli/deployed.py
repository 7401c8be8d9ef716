"""
As the deployed functions do it: their settings, for a command that is typed on a laptop.

A pause in another folder than theirs stops nobody, and a secret that is made under another KMS
key than theirs is none of theirs from then on.
"""

from collections.abc import Mapping

from keyturn.cli.given import as_given
from keyturn.cli.own_credentials import open_session
from keyturn.deployment.model.resources import INVENTORY, ROTATION
from keyturn.domain.errors import InvalidValue, KeyturnError, NotFound
from keyturn.settings import Settings

_THEIR_OWN = {"DryRunFlag", "QueueUrl"}
"""What is never taken over: a laptop's dry run is its own."""
_BUCKET = ("S3BucketName", "S3BucketPrefix")
"""Where the reporter finds what its digest is made of: of another place it knows nothing."""


def deployed_settings(
    profile: str | None, region: str | None, given: Mapping[str, object]
) -> Settings:
    """
    Read the settings of the functions; what is given comes first, but for the region.

    Needs lambda:GetFunctionConfiguration on both functions.

    Args:
        profile: of the AWS configuration; None: the one that is set.
        region: where the functions are; None: the profile's.
        given: parameter → value, of the options.

    Raises:
        InvalidValue: an option, or what the functions have, breaks a rule.
        KeyturnError: there is no such function, or it cannot be read.

    """
    theirs, here = deployed_variables(profile, region)
    home = theirs.get("HomeRegion") or here
    if any(given.get(name, theirs.get(name)) != theirs.get(name) for name in _BUCKET):
        theirs.pop("AdminDigest", None)
    try:
        return Settings.read({**theirs, **given, "HomeRegion": home})
    except InvalidValue as error:
        raise as_given(error, given, "the functions' own") from None


def deployed_variables(profile: str | None, region: str | None) -> tuple[dict[str, object], str]:
    """
    The variables of both functions (name → value), and the region where they are.

    Raises KeyturnError where one is not there, or cannot be read.
    """
    from keyturn.deployment.wiring import functions  # noqa: PLC0415 -- most commands never ask a deployment

    session = open_session(profile, region)
    lambda_ = functions(session)
    found: dict[str, object] = {}
    for name in (INVENTORY, ROTATION):
        try:
            found |= lambda_.variables(name)
        except NotFound:
            where = f"in the account of your credentials, in {session.region_name}"
            raise KeyturnError(f"--deployed: there is no function {name} {where}") from None
    theirs = {name: each for name, each in found.items() if name not in _THEIR_OWN}
    return theirs, str(session.region_name)
