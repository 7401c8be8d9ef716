"""
The settings: read once, checked, frozen.

They go by the names of the CloudFormation parameters everywhere: in the templates, in the
functions' environment, in messages. Nothing is guessed: an empty value is the default, and
what breaks a rule is refused with the parameter, the value and the rule.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, post_load, validate
from marshmallow import fields as rules

from keyturn.domain.errors import InvalidValue
from keyturn.domain.names import ONE_ADDRESS
from keyturn.domain.policy import RotationPolicy, parameter
from keyturn.domain.scope import Scope, separated

ACCOUNT_ID = validate.Regexp(r"\d{12}\Z", error="must be the 12 digits of an AWS account id")
ADDRESS = validate.Regexp(rf"{ONE_ADDRESS.pattern}\Z", error="must be an e-mail address")
UNIT = validate.Regexp(
    r"(r-[a-z0-9]{4,32}|ou-[a-z0-9]{4,32}-[a-z0-9]{8,32})\Z",
    error="must be the id of an organisational unit (ou-…) or root (r-…)",
)
EXTERNAL_ID = validate.Regexp(
    r"[\w+=,.@:/-]{2,1224}\Z",
    flags=re.ASCII,
    error="must be 2 to 1224 letters, digits and _+=,.@:/-",
)
"""As STS takes it."""
REGION = validate.Regexp(
    r"[a-z]{2}(-[a-z]+)+-\d{1,2}\Z", error="must be the name of an AWS region"
)
BUCKET = validate.Regexp(
    r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z", error="must be the name of a bucket"
)
PREFIX = validate.Regexp(
    r"[a-zA-Z0-9!_.'()-]+(/[a-zA-Z0-9!_.'()-]+)*\Z",
    error="must be a folder, without * and without a slash at its begin or end",
)
"""Both as the templates have them."""
AWS_OWN = frozenset({"aws/secretsmanager", "alias/aws/secretsmanager"})
"""The KMS key that AWS keeps for secrets, by the names that people call it."""

MOST_DAYS = 36_500
MOST_PARALLEL = 64


class Flag(rules.Field[bool]):
    """True or false, in any case, or a JSON boolean; anything else is an error, never a guess."""

    default_error_messages = {"invalid": "must be true or false"}  # noqa: RUF012 -- marshmallow's way

    def _deserialize(self, value: object, *_: object, **__: object) -> bool:
        if isinstance(value, bool):
            return value
        match str(value).strip().lower():
            case "true":
                return True
            case "false":
                return False
        raise self.make_error("invalid")


class Days(rules.Integer):
    """A whole number of days, few enough to count with; what is too few is the policy's to say."""

    default_error_messages = {"invalid": "must be a whole number of days"}  # noqa: RUF012 -- as above

    def _validated(self, value: object) -> int:
        days = super()._validated(value)
        if abs(days) > MOST_DAYS:
            raise ValidationError(f"must be at most {MOST_DAYS} days")
        return days


class Number(rules.Integer):
    """A whole number; what is too little or too much is the policy's to say."""

    default_error_messages = {"invalid": "must be a whole number"}  # noqa: RUF012 -- as above


class KmsKey(rules.Field[str | None]):
    """A KMS key's id, ARN or alias; None for AWS's own, of which a secret names none."""

    def _deserialize(self, value: object, *_: object, **__: object) -> str | None:
        return None if value in AWS_OWN else str(value)


class ListOfDays(rules.Field[tuple[int, ...]]):
    """Whole days, separated by commas."""

    default_error_messages = {"invalid": "must be whole days, separated by commas"}  # noqa: RUF012 -- as above

    def _deserialize(self, value: object, *_: object, **__: object) -> tuple[int, ...]:
        try:
            days = tuple(int(part) for part in str(value).split(",") if part.strip())
        except ValueError:
            raise self.make_error("invalid") from None
        if any(abs(each) > MOST_DAYS for each in days):
            raise ValidationError(f"must be at most {MOST_DAYS} days")
        return days


class ListOf(rules.Field[tuple[str, ...]]):
    """Values separated by commas, each of one rule."""

    def __init__(self, rule: Callable[[str], object], **more: Any) -> None:  # noqa: ANN401 -- marshmallow's own
        super().__init__(**more)
        self._rule = rule

    def _deserialize(self, value: object, *_: object, **__: object) -> tuple[str, ...]:
        found = separated(str(value))
        for each in found:
            try:
                self._rule(each)
            except ValidationError as error:
                which = "" if each == value else f"{each} "
                raise ValidationError(f"{which}{error.messages[0]}") from None
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that an operator can set; times in days, regions and names as AWS spells them."""

    policy: RotationPolicy = field(default_factory=RotationPolicy)
    dry_run: bool = True
    exemption_group: str = "IAMKeyRotationExemptionGroup"
    member_role: str = "asa-iam-key-auto-rotation"
    owner_tag: str | None = None
    secrets_key: str | None = None
    seal_key: str = ""
    home_region: str = "us-east-1"
    admin: str = ""
    bucket: str = ""
    prefix: str = ""
    bus: str = ""
    queue: str = ""
    list_role: str = ""
    list_account: str = ""
    inventory_units: tuple[str, ...] = ()
    excluded_accounts: tuple[str, ...] = ()
    excluded_units: tuple[str, ...] = ()
    external_id: str | None = None
    mail_region: str | None = None
    tells_owners_of_dry_runs: bool = True
    reports_root_keys: bool = False
    parallel_users: int = 8

    @classmethod
    def read(cls, given: Mapping[str, object]) -> "Settings":
        """
        Read settings, parameter's name → value; a value that is empty or None is not set.

        Raises InvalidValue, which names the parameter, its value and the rule that it breaks.
        """
        present = {name: value for name, value in given.items() if value not in {"", None}}
        if "AWS_REGION" in present:  # Lambda says where the stack is
            present.setdefault("HomeRegion", present["AWS_REGION"])
        try:
            loaded: Settings = _Parameters().load(present)
        except ValidationError as error:
            name, rule = next(iter(error.messages_dict.items()))
            raise InvalidValue(name, present.get(name), str(rule[0]).rstrip(".")) from None
        return loaded

    @property
    def scope(self) -> Scope:
        """Which accounts are looked after."""
        return Scope(
            units=self.inventory_units,
            excluded_accounts=self.excluded_accounts,
            excluded_units=self.excluded_units,
        )

    def needs(self, *parameters: str) -> None:
        """Refuse to go on without these parameters. Raises InvalidValue for the first not set."""
        names = {PARAMETERS[name]: name for name in PARAMETERS}
        for needed in parameters:
            if not getattr(self, names[needed]):
                raise InvalidValue(needed, "", "is needed here and not set")


class _Parameters(Schema):
    class Meta:
        unknown = EXCLUDE  # the environment holds more than ours

    rotation_period = Days(data_key=parameter("rotation_period"))
    inactive_period = Days(data_key=parameter("inactive_period"))
    recovery_grace_period = Days(data_key=parameter("recovery_grace_period"))
    warn_days = ListOfDays(data_key=parameter("warn_days"))
    unused_period = Days(data_key=parameter("unused_period"))
    hold_if_used_within = Days(data_key=parameter("hold_if_used_within"))
    max_hold = Days(data_key=parameter("max_hold"))
    retire_in_use = Flag(data_key=parameter("retire_in_use"))
    max_keys_per_day = Number(data_key=parameter("max_keys_per_day"))
    max_percent_per_day = Number(data_key=parameter("max_percent_per_day"))
    spread_days = Days(data_key=parameter("spread_days"))
    allow_missing_exemption_group = Flag(data_key=parameter("allow_missing_exemption_group"))

    dry_run = Flag(data_key="DryRunFlag")
    exemption_group = rules.String(data_key="IAMExemptionGroup")
    member_role = rules.String(data_key="IAMRoleName")
    owner_tag = rules.String(data_key="ResourceOwnerTag")
    secrets_key = KmsKey(data_key="SecretsKmsKey")
    seal_key = rules.String(data_key="SealKey")
    home_region = rules.String(data_key="HomeRegion")
    admin = rules.String(data_key="AdminEmailAddress", validate=ADDRESS)
    bucket = rules.String(data_key="S3BucketName", validate=BUCKET)
    prefix = rules.String(data_key="S3BucketPrefix", validate=PREFIX)
    bus = rules.String(data_key="EventBusName")
    queue = rules.String(data_key="QueueUrl")
    list_role = rules.String(data_key="OrgListRole")
    list_account = rules.String(data_key="OrgListAccount", validate=ACCOUNT_ID)
    inventory_units = ListOf(UNIT, data_key="InventoryOU")
    excluded_accounts = ListOf(ACCOUNT_ID, data_key="ExcludedAccounts")
    excluded_units = ListOf(UNIT, data_key="ExcludedUnits")
    external_id = rules.String(data_key="ExternalId", validate=EXTERNAL_ID)
    mail_region = rules.String(data_key="MailRegion", validate=REGION)
    tells_owners_of_dry_runs = Flag(data_key="DryRunNoticesToOwners")
    reports_root_keys = Flag(data_key="ReportRootKeys")
    parallel_users = Number(
        data_key="ParallelUsers",
        validate=validate.Range(1, MOST_PARALLEL, error=f"must be from 1 to {MOST_PARALLEL}"),
    )

    @post_load
    def make(self, loaded: dict[str, Any], **_: object) -> Settings:
        policy_fields = {each.name for each in fields(RotationPolicy)}
        policy = {name: loaded.pop(name) for name in policy_fields & loaded.keys()}
        return Settings(policy=RotationPolicy(**policy), **loaded)


PARAMETERS: Mapping[str, str] = {
    name: str(rule.data_key) for name, rule in _Parameters().fields.items()
}
"""Setting → the name of its CloudFormation parameter."""
