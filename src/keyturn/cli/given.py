"""
The settings among the options that were given, and what is refused of them.

They are read by the settings' own rules, under the parameter's name; what is refused is answered
in the option's name.
"""

import re
from collections.abc import Mapping
from dataclasses import fields

from keyturn.configuration import BY_NAME
from keyturn.domain.errors import InvalidValue
from keyturn.domain.policy import Preset

PARAMETER_OF_OPTION = {
    each.option.removeprefix("--").replace("-", "_"): name
    for name, each in BY_NAME.items()
    if each.option
}
"""The parameter of each option that is a setting."""


def parameters_in(group: type) -> tuple[str, ...]:
    """The parameters that the options of a group stand for."""
    names = (each.name for each in fields(group))
    return tuple(PARAMETER_OF_OPTION[name] for name in names if name in PARAMETER_OF_OPTION)


def given(*groups: object) -> dict[str, object]:
    """
    The settings among the options that were given: parameter → value.

    Raises InvalidValue for an option that is empty: mostly a script's variable that is not set.
    """
    found: dict[str, object] = {}
    for group in groups:
        for each in fields(group):  # type: ignore[arg-type]  # every group is a dataclass
            value = getattr(group, each.name)
            if value == "" or (isinstance(value, list) and "" in value):
                # An unset variable in a script, most likely; it must not become the default.
                raise InvalidValue(_option(each.name), "", "must not be empty")
            if each.name in PARAMETER_OF_OPTION and value not in (None, False, []):
                several = isinstance(value, list)
                found[PARAMETER_OF_OPTION[each.name]] = ",".join(value) if several else value
    for preset in (getattr(group, "preset", None) for group in groups):
        if preset is not None:
            found |= _of_preset(preset, found)
    return found


def _of_preset(preset: Preset, found: Mapping[str, object]) -> Mapping[str, object]:
    """The periods of a preset: parameter → days. Raises InvalidValue beside one of them."""
    for parameter in preset.periods:
        if parameter in found:
            option = BY_NAME[parameter].option
            raise InvalidValue("--preset", preset, f"goes without {option}")
    return preset.periods


def as_given(error: InvalidValue, given: Mapping[str, object], other: str) -> InvalidValue:
    """
    Complain of what was given, and not of what it contradicts and nobody typed.

    other: what that is.
    """
    if error.field == "RotateEarlyDays" and error.field not in given:
        others = (name for name in ("WarnDays", "RotationPeriod") if name in error.rule)
        typed = next((name for name in others if name in given), None)
        if typed is not None:
            rule = f"does not go with {error.field}={error.value}, {other}, which {error.rule}"
            return InvalidValue(typed, given[typed], rule)
    rotation = given.get("RotationPeriod")
    if error.field != "InactivePeriod" or "InactivePeriod" in given or rotation is None:
        return error
    rule = f"must be less than InactivePeriod={error.value}, {other}"
    return InvalidValue("RotationPeriod", rotation, rule)


def in_options_words(error: InvalidValue) -> str:
    """What was refused, by the name under which it was given."""
    options = {parameter: _option(name) for name, parameter in PARAMETER_OF_OPTION.items()}
    options["account"] = "--account"
    rule = re.sub(
        r"\b(\w+)=",
        lambda found: options.get(found[1], found[1] + "=") + _gap(found[1]),
        error.rule,
    )
    name = options.get(error.field, error.field)
    value = f" {error.value}" if error.value not in {None, ""} else ""
    return f"{name}{value}: {rule}"


def _gap(parameter: str) -> str:
    return " " if parameter in PARAMETER_OF_OPTION.values() else ""


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
