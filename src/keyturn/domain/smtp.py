"""
Passwords for Amazon SES's SMTP interface, which are made of a secret access key.

They end with their key: whoever sends mail by SMTP needs new ones at each rotation, and AWS
shows none for a key that exists.
"""

import hmac
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

_STEPS = ("ses", "aws4_request", "SendRawEmail")
_DATE, _VERSION = "11111111", b"\x04"
"""https://docs.aws.amazon.com/ses/latest/dg/smtp-credentials.html, "existing credentials"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpUsers:
    """Whose secrets hold such passwords, and for which regions of SES."""

    patterns: tuple[str, ...] = ()
    """Of user names; * is any text."""
    regions: tuple[str, ...] = ()

    def are(self, user: str) -> bool:
        """Whether the secret of a key that is made now for this user gets any."""
        return bool(self.regions) and any(fnmatchcase(user, each) for each in self.patterns)

    def passwords(self, user: str, secret: str) -> Mapping[str, str]:
        """Region → the password there; none for a user who is not meant. Never shown."""
        if not self.are(user):
            return {}
        return {region: smtp_password(secret, region) for region in self.regions}


NO_SMTP_USERS = SmtpUsers()


def smtp_password(secret: str, region: str) -> str:
    """The password that a secret access key makes in a region; a secret itself."""
    signature = f"AWS4{secret}".encode()
    for message in (_DATE, region, *_STEPS):
        signature = hmac.digest(signature, message.encode(), "sha256")
    return b64encode(_VERSION + signature).decode()
