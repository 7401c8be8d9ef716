"""
What a rehearsal needs and does not make itself: looked for before it asks, and writes.

A word that was mistyped is told so at once, and not by what a step sees of it. Of the bucket more
is asked: where the clean-up could not look into it, nothing may be made whose way to it is a tag.
"""

from collections.abc import Callable
from dataclasses import dataclass

from keyturn.deployment.wiring import ses_identities
from keyturn.domain.errors import Denied, InvalidValue, NotFound, PortError, Refused
from keyturn.rehearsal.wiring import RehearsalAws
from keyturn.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What is looked for, and where."""

    aws: RehearsalAws
    settings: Settings
    bucket: str | None
    """Where objects of the rehearsal's own go; None: there are none."""
    deployed: bool
    with_steps: bool

    def look(self) -> None:
        """
        Look for all of it; nothing is written.

        Raises InvalidValue for what is not there; PortError where S3 does not answer.
        """
        settings = self.settings
        if self.bucket is not None:
            self._look_into(self.bucket)
        if settings.seal_key and not self.deployed:
            seal_key = settings.seal_key
            rule = "is no key that makes seals (HMAC_256) here"
            _refuse_without("SealKey", seal_key, rule, self.aws.seal_key(seal_key))
        if self.with_steps:
            self._look_for_group(settings.exemption_group)
        if self.with_steps and not self.deployed:
            self._look_for_sender(settings.admin)

    def _look_into(self, bucket: str) -> None:
        try:
            self.aws.objects_in(bucket).check()
        except NotFound:
            raise InvalidValue("S3BucketName", bucket, "there is no such bucket") from None
        except (Denied, Refused) as error:
            rule = f"must be your account's, and you may list its object versions ({error})"
            raise InvalidValue("S3BucketName", bucket, rule) from error

    def _look_for_group(self, group: str) -> None:
        other = "" if self.deployed else ", or name another"
        rule = f"account {self.aws.account} has no such group: make it, it may be empty{other}"
        stage = self.aws.stage()
        _refuse_without("IAMExemptionGroup", group, rule, lambda: stage.check_group(group))

    def _look_for_sender(self, admin: str) -> None:
        region = self.settings.mail_region or self.aws.region
        try:
            is_verified = ses_identities(self.aws.own, region).is_verified(admin)
        except PortError:
            return  # it says nothing: the steps that send a mail will tell
        if not is_verified:
            rule = f"SES in {region} has not verified the address, nor its domain"
            raise InvalidValue("AdminEmailAddress", admin, rule)


def _refuse_without(parameter: str, value: str, rule: str, look: Callable[[], object]) -> None:
    """Raises InvalidValue where it surely does not serve; else the steps will tell."""
    try:
        look()
    except Denied:
        return
    except (NotFound, Refused) as error:
        said = error.__cause__ if isinstance(error.__cause__, PortError) else error
        raise InvalidValue(parameter, value, f"{rule} ({said})") from error
    except PortError:
        return
