"""
The values of a command's options that nobody typed: the environment's, and the settings files'.

They come in an order, and the first that gives a value decides: what is typed, KEYTURN_ variables,
the file that is named or found, the user's own (decision 0088).
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from typer.core import TyperOption

from keyturn.cli.allowed_keys import (
    OF_AN_OWNER,
    ONLY_TYPED,
    TYPED_ALONE,
    Commands,
    check_file,
    nearest,
    taken,
)
from keyturn.cli.apart import Others, fitting, rank, without_what_they_need
from keyturn.cli.configuration_file import (
    ConfigurationFile,
    Kind,
    Words,
    found_upwards,
    own_file,
    read_file,
)
from keyturn.domain.errors import InvalidValue

PREFIX: Final = "KEYTURN_"
NAMED_BY: Final = "KEYTURN_CONFIG"


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A value, and where it came from."""

    given: object
    """As the option takes it: a text, a list of them, or whether it is there."""
    source: str
    """option, environment, file; `keyturn config show` knows two more."""
    place: str
    """The variable, or file:line; of an option its name."""
    is_found: bool = False
    """Whether it is of a file that nobody named."""

    def name_for(self, option: str) -> str:
        """What to call it where it is wrong: file, line and key, or the variable."""
        return f"{self.place}: {option}" if self.source == "file" else self.place


Layer = Mapping[str, Value]
"""Values by option, of one rank."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """What is known of the values of one command."""

    values: Layer = field(default_factory=dict)
    layers: Sequence[Layer] = ()
    """All that was given, the first rank first: what another rank hides, too."""
    files: Sequence[tuple[Path, Kind, bool]] = ()
    """Each file that was looked for, and whether it was read."""
    unknown: Sequence[str] = ()
    """A line for each KEYTURN_ variable that is no option."""

    @property
    def untyped(self) -> Layer:
        """What comes from elsewhere than the command line."""
        return {name: each for name, each in self.values.items() if each.source != "option"}

    @property
    def found(self) -> Layer:
        """What a file says that nobody named."""
        return {name: each for name, each in self.values.items() if each.is_found}


CONFIGURED: Final[ContextVar[Configured]] = ContextVar("configured")
"""Of the command that is being carried out: what complains has to know who gave a value."""


def configure(  # noqa: PLR0913 -- the command line's parts
    commands: Commands,
    words: Words,
    options: Mapping[str, TyperOption],
    typed: Mapping[str, Any],
    *,
    config: str | None,
    no_config: bool,
) -> Configured:
    """
    Gather the values of a command.

    Args:
        commands: all there are; a file may speak of each.
        words: the command's.
        options: the command's own, by name.
        typed: what the command line gives, by name.
        config: the file that --config names.
        no_config: whether nothing but the command line counts.

    Raises:
        InvalidValue: a file or a variable breaks a rule.

    """
    first = {
        name: Value(given=value, source="option", place=f"--{name}")
        for name, value in typed.items()
    }
    if no_config:
        return Configured(values=first, layers=[first])
    files = list(_files(config))
    read = [read_file(path, kind) for path, kind, is_there in files if is_there]
    for each in read:
        check_file(each, commands)
    layers: list[Layer] = [first]
    if not OF_AN_OWNER & {*words}:
        layers.append(dict(_of_environment(options, commands.all_names())))
    for each in read:
        layers += _of_file(each, words, options, commands)
    values: dict[str, Value] = {}
    for layer in layers:
        if layer is first:
            values |= first
        else:
            _add(values, layer, words)
    for name in without_what_they_need(_given(values), values.keys() - first.keys(), words):
        del values[name]
    return Configured(
        values=values, layers=layers, files=files, unknown=list(_unknown(commands.all_names()))
    )


def _add(values: dict[str, Value], layer: Layer, words: Words) -> None:
    """Add what a layer gives, and what was given before it does not leave out."""
    typed = frozenset(name for name, each in values.items() if each.source == "option")
    before = _given(values)
    for name, value in sorted(layer.items(), key=lambda each: rank(each[0])):
        if name in before:
            continue
        with_deployed = bool("deployed" in values and values["deployed"].given)
        others = Others(before=before, typed=typed, is_with_deployed=with_deployed)
        given = fitting(name, value.given, others, words)
        if given is not None:
            values[name] = value if given is value.given else replace(value, given=given)


def _given(values: Layer) -> dict[str, object]:
    return {name: each.given for name, each in values.items()}


def _files(config: str | None) -> Iterator[tuple[Path, Kind, bool]]:
    """The files to read, the first rank first. A file that is named is the only one."""
    named = config or os.environ.get(NAMED_BY)
    if named == "":
        raise InvalidValue(NAMED_BY, "", "must not be empty")
    if named is not None:
        yield Path(named), Kind.NAMED, True
        return
    found, own = found_upwards(), own_file()
    if found is not None and not _same(found, own):
        yield found, Kind.FOUND, True
    if own is not None:
        yield own, Kind.OWN, os.path.lexists(own)


def _same(found: Path, own: Path | None) -> bool:
    try:
        return own is not None and found.samefile(own)
    except OSError:
        return found == own


def _of_environment(
    options: Mapping[str, TyperOption], names: frozenset[str]
) -> Iterator[tuple[str, Value]]:
    for variable, text in _variables():
        name = _name(variable)
        if name in TYPED_ALONE & names:
            raise InvalidValue(variable, "", ONLY_TYPED)
        if name not in options:
            continue
        option = options[name]
        value: object = text
        if option.is_flag:
            value = {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
        elif option.multiple:
            value = [each.strip() for each in text.split(",")]
        given = taken(option, value, variable, Path())
        yield name, Value(given=given, source="environment", place=variable)


def _unknown(names: frozenset[str]) -> Iterator[str]:
    for variable, _ in _variables():
        if _name(variable) not in names:
            close = nearest(variable.removeprefix(PREFIX), names)
            hint = f"; did you mean {_variable(close)}?" if close else ""
            yield f"{variable}: is no option, and counts for nothing{hint}"


def _variables() -> Iterator[tuple[str, str]]:
    for variable, text in sorted(os.environ.items()):
        if variable.startswith(PREFIX) and variable != NAMED_BY:
            yield variable, text


def _name(variable: str) -> str:
    """The option that a variable stands for; one in other letters stands for none."""
    name = variable.removeprefix(PREFIX)
    return name.lower().replace("_", "-") if name == name.upper() else variable


def _variable(name: str) -> str:
    return PREFIX + name.upper().replace("-", "_")


def _of_file(
    file: ConfigurationFile,
    words: Words,
    options: Mapping[str, TyperOption],
    commands: Commands,
) -> Iterator[Layer]:
    """What is said of the command alone, then what is said of all."""
    table: Any = file.table
    for word in words:
        table = table.get(word, {}) if isinstance(table, dict) else {}
    yield _layer(file, words, table, options)
    if not OF_AN_OWNER & {*words}:
        shared = {name: each for name, each in options.items() if name in commands.shared()}
        yield _layer(file, (), file.table, shared)


def _layer(
    file: ConfigurationFile,
    above: Words,
    table: Mapping[str, Any],
    options: Mapping[str, TyperOption],
) -> Layer:
    return {
        name: Value(
            given=taken(options[name], value, name, file.path.parent),
            source="file",
            place=file.place((*above, name)),
            is_found=file.kind is Kind.FOUND,
        )
        for name, value in table.items()
        if name in options and not isinstance(value, dict)
    }


def in_its_words(said: str) -> str:
    """Complain of what a variable or a file gave in its name, and not in an option's."""
    rest = said
    for name, value in CONFIGURED.get(Configured()).untyped.items():
        option = re.compile(rf"--{name}(?![\w-])")
        if option.match(rest):
            said = value.name_for(name) + said.removeprefix(f"--{name}")
        elif option.search(rest):
            said += f" (--{name} is given by {value.place})"
    return said
