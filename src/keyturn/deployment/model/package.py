"""What is brought along: the templates, the zips and the mail templates of one checkout."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from keyturn.deployment.model.template import Template
from keyturn.domain.errors import InvalidValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """What is brought along."""

    core: Template
    alarms: Template
    mail_events: Template
    channels: Template
    reports: Template
    member: Template
    listing: Template
    zips: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """File name → content, of the functions' code."""
    mails: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Path below `Template/` → content, of the mail templates."""

    @property
    def folder(self) -> str:
        """
        The folder of the zips, named for what they hold.

        Of a zip that changes under the same name CloudFormation sees nothing.
        """
        whole = hashlib.sha256()
        for name in sorted(self.zips):
            whole.update(f"{name} {checksum_of(self.zips[name])}\n".encode())
        return f"Lambda/{whole.hexdigest()[:16]}"

    def check(self, parameters: Mapping[str, str]) -> None:
        """
        Check parameters, name → value, before anything is asked of AWS.

        Raises InvalidValue for one that no template has, or a value that its template refuses.
        """
        for name, value in parameters.items():
            rules = [
                each.parameters[name]
                for each in (
                    self.core,
                    self.alarms,
                    self.mail_events,
                    self.channels,
                    self.reports,
                    self.member,
                    self.listing,
                )
                if name in each.parameters
            ]
            if not rules:
                raise InvalidValue("--parameter", name, "is a parameter of no template")
            for rule in rules:
                rule.check(value)


def code_hash(body: bytes) -> str:
    """Lambda's hash of a zip (CodeSha256): SHA-256, in Base64."""
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def checksum_of(body: bytes) -> str:
    """The SHA-256 of a file, in hex."""
    return hashlib.sha256(body).hexdigest()
