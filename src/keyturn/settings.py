"""
The settings: read once, checked, frozen.

They go by the names of the CloudFormation parameters everywhere: in the templates, in the
functions' environment, in messages. Nothing is guessed: an empty value is the default, and
what breaks a rule is refused with the parameter, the value and the rule.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, validate
from marshmallow import fields as rules

from keyturn import configuration
from keyturn.configuration import DESCRIBED, Configuration
from keyturn.domain.amounts import whole_number
from keyturn.domain.errors import InvalidValue
from keyturn.domain.parameter import Parameter, Shape, Unit, parameters_of
from keyturn.domain.policy import MOST_DAYS, RotationPolicy
from keyturn.domain.scope import Scope, separated
from keyturn.domain.smtp import SmtpUsers
from keyturn.domain.stage import Stage
from keyturn.mail.letterhead import Letterhead
from keyturn.schemas.rules import Flag


def _of_shape(shape: Shape) -> validate.Regexp:
    return validate.Regexp(rf"{shape.pattern}\Z", error=shape.rule)


UNIT = _of_shape(configuration.UNIT)
AWS_OWN = frozenset({"aws/secretsmanager", "alias/aws/secretsmanager"})
"""The KMS key that AWS keeps for secrets, by the names that people call it."""


class Number(rules.Integer):
    """A whole number; its limits are its parameter's."""

    default_error_messages = {"invalid": "must be a whole number"}  # noqa: RUF012 -- marshmallow's way

    def _validated(self, value: object) -> int:
        number = whole_number(value.strip()) if isinstance(value, str) else value
        if number is None:
            raise self.make_error("invalid")
        return super()._validated(number)


class Days(Number):
    """A whole number of days, few enough to count with; what is too few is the policy's to say."""

    default_error_messages = {"invalid": "must be a whole number of days"}  # noqa: RUF012 -- as above

    def _validated(self, value: object) -> int:
        days = super()._validated(value)
        if abs(days) > MOST_DAYS:
            raise ValidationError(f"must be at most {MOST_DAYS} days")
        return days


class KmsKey(rules.Field[str | None]):
    """A KMS key's id, ARN or alias; None for AWS's own, of which a secret names none."""

    def _deserialize(self, value: object, *_: object, **__: object) -> str | None:
        return None if value in AWS_OWN else str(value)


class ListOfDays(rules.Field[tuple[int, ...]]):
    """Whole days, separated by commas."""

    default_error_messages = {"invalid": "must be whole days, separated by commas"}  # noqa: RUF012 -- as above

    def _deserialize(self, value: object, *_: object, **__: object) -> tuple[int, ...]:
        read = [whole_number(part.strip()) for part in str(value).split(",") if part.strip()]
        days = tuple(each for each in read if each is not None)
        if len(days) < len(read):
            raise self.make_error("invalid")
        if any(abs(each) > MOST_DAYS for each in days):
            raise ValidationError(f"must be at most {MOST_DAYS} days")
        return days


class OneOf(rules.Field[StrEnum]):
    """One of a few words, as they are spelt."""

    def __init__(self, words: type[StrEnum], **more: Any) -> None:  # noqa: ANN401 -- marshmallow's own
        super().__init__(**more)
        self._words = words

    def _deserialize(self, value: object, *_: object, **__: object) -> StrEnum:
        try:
            return self._words(str(value))
        except ValueError:
            raise ValidationError(f"must be {' or '.join(self._words)}") from None


class ListOf(rules.Field[tuple[str, ...]]):
    """Values separated by commas, each of one rule."""

    def __init__(self, rule: Callable[[str], object], **more: Any) -> None:  # noqa: ANN401 -- marshmallow's own
        super().__init__(**more)
        self._rule = rule

    def _deserialize(self, value: object, *_: object, **__: object) -> tuple[str, ...]:
        found = separated(str(value))
        if not found:
            # Of a list that means all where it is empty, a comma alone would mean the most.
            raise ValidationError("must hold a value between its commas")
        for each in found:
            try:
                self._rule(each)
            except ValidationError as error:
                which = "" if each == value else f"{each} "
                raise ValidationError(f"{which}{error.messages[0]}") from None
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Configuration):
    """All that an operator can set, read and checked."""

    @classmethod
    def read(cls, given: Mapping[str, object]) -> "Settings":
        """
        Read settings, parameter's name → value; a value that is empty or None is not set.

        Raises InvalidValue, which names the parameter, its value and the rule that it breaks.
        """
        present = {name: value for name, value in given.items() if value not in {"", None}}
        for name in sorted(present.keys() & PARAMETERS.values()):
            value = present[name]
            if isinstance(value, str) and not value.strip():
                raise InvalidValue(name, value, "must not be blank")
        if "AWS_REGION" in present:  # Lambda says where the stack is
            present.setdefault("HomeRegion", present["AWS_REGION"])
        try:
            # The environment holds more than ours.
            loaded = _Schema().load(present, unknown=EXCLUDE)
        except ValidationError as error:
            name, rule = next(iter(error.messages_dict.items()))
            raise InvalidValue(name, present.get(name), str(rule[0]).rstrip(".")) from None
        policy = {
            name: loaded.pop(name) for name in parameters_of(RotationPolicy).keys() & loaded.keys()
        }
        return cls(policy=RotationPolicy(**policy), **loaded)

    @property
    def scope(self) -> Scope:
        """Which accounts are looked after."""
        return Scope(
            units=self.inventory_units,
            excluded_accounts=self.excluded_accounts,
            excluded_units=self.excluded_units,
        )

    @property
    def stage(self) -> Stage:
        """Which of them are enforced, where anything is."""
        return Stage.of(self.enforced)

    @property
    def smtp(self) -> SmtpUsers:
        """Whose secrets hold passwords for SES's SMTP interface."""
        where = self.mail_region or self.home_region
        return SmtpUsers(patterns=self.smtp_users, regions=self.smtp_regions or (where,))

    def letterhead(self, region: str) -> Letterhead:
        """What mails say of their sender; region: the bucket's, empty where it is not known."""
        return Letterhead(
            admin=self.admin,
            organization=self.organization,
            help_link=self.help_link,
            subject_prefix=self.subject_prefix,
            bucket=self.bucket or "",
            region=region,
        )

    def needs(self, *parameters: str) -> None:
        """Refuse to go on without these parameters. Raises InvalidValue for the first not set."""
        names = {PARAMETERS[name]: name for name in PARAMETERS}
        for needed in parameters:
            if not getattr(self, names[needed]):
                raise InvalidValue(needed, "", "is needed here and not set")


PARAMETERS: Mapping[str, str] = {name: each.name for name, each in DESCRIBED.items()}
"""Setting → the name of its CloudFormation parameter."""


def _rule(described: Parameter) -> rules.Field[Any]:
    """How a value of this parameter is read and checked; a period's limits are the policy's."""
    form = _of_shape(described.shape) if described.shape else None
    rule: rules.Field[Any]
    match described:
        case Parameter(name="SecretsKmsKey"):
            rule = KmsKey()
        case Parameter(default=StrEnum() as default):
            rule = OneOf(type(default))
        case Parameter(default=bool()):
            rule = Flag()
        case Parameter(repeatable=True) if form:
            rule = ListOf(form)
        case Parameter(repeatable=True):  # which words are taken is the policy's to say
            rule = ListOf(str)
        case Parameter(default=tuple(), unit=Unit.DAYS):
            rule = ListOfDays()
        case Parameter(unit=Unit.DAYS):
            rule = Days()
        case Parameter(unit=Unit()):
            rule = Number(validate=partial(_keep_limits, described))
        case _:
            rule = rules.String(validate=form)
    rule.data_key = described.name
    return rule


def _keep_limits(described: Parameter, number: int) -> None:
    if rule := described.broken_by(number):
        raise ValidationError(rule)


_Schema = Schema.from_dict({name: _rule(each) for name, each in DESCRIBED.items()})
