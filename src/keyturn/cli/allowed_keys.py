"""
Which options may be given by a file or the environment, and in which form.

The options are the command line's own: nothing is listed here but what is not allowed, and why
(decision 0088).
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import typer
from typer.core import TyperGroup, TyperOption

from keyturn.cli.configuration_file import ConfigurationFile, Kind, Words
from keyturn.domain.errors import InvalidValue

TYPED_ALONE: Final = frozenset(
    {
        *("enforce", "yes", "leaked", "even-exempt", "even-paused", "approve", "clean"),
        "with-account-ids",  # what is attached to a public issue would tell of the account
        *("config", "no-config", "help", "version", "install-completion", "show-completion"),
    }
)
"""What somebody has to mean each time: it writes, tells, or drops a question or a limit."""
WRITES_FILES: Final = frozenset({"output", "csv", "html", "page", "ocsf", "man", "report"})
"""For one command each: another command's answer would take the file's place."""
NOT_FOUND: Final = WRITES_FILES | {
    "notify",  # mails go out in a dry run, too
    "parameter",  # of a deployment: a principal that may order, a link in each mail
    "source",  # a deployment's code
    "templates",  # they are run
    "owners-file",  # who is notified
    "mail-to",  # likewise, of a rehearsal
    "quiet",  # it would hide that the file was found
    *("account", "org-list-account", "org-list-role"),  # a stranger's role would be assumed
    "external-id",  # a secret, sent to whichever role is assumed
}
"""What no file may say that was only found: whoever wrote it may be a stranger."""
OF_AN_OWNER: Final = frozenset({"pickup", "credentials"})
"""They read and write secrets of this machine's user, and mean another profile."""
ONLY_TYPED: Final = "can only be typed: no file and no KEYTURN_ variable may give it"
_STRANGER: Final = (
    "is not taken from a file that was only found: name the file by --config if you trust it"
)


@dataclass(frozen=True, slots=True)
class Commands:
    """The commands, by their words, with their options by name."""

    options: Mapping[Words, Mapping[str, TyperOption]]

    @classmethod
    def below(cls, root: TyperGroup, everywhere: tuple[TyperOption, ...]) -> "Commands":
        """All that there are; everywhere: the options that each of them has besides."""
        return cls(dict(_options_of(root, (), everywhere)))

    def all_names(self) -> frozenset[str]:
        """Every option's name."""
        return frozenset(name for options in self.options.values() for name in options)

    def shared(self) -> Mapping[str, TyperOption]:
        """What is the same thing wherever it is, and may stand on top: name → option."""
        found: dict[str, TyperOption] = {}
        unlike: set[str] = set()
        for words, options in self.options.items():
            if words and words[0] in OF_AN_OWNER:
                continue
            for name, option in options.items():
                if _form(found.setdefault(name, option)) != _form(option):
                    unlike.add(name)
        left_out = unlike | WRITES_FILES | TYPED_ALONE
        return {name: option for name, option in found.items() if name not in left_out}


def _options_of(
    group: TyperGroup, above: Words, everywhere: tuple[TyperOption, ...]
) -> Iterator[tuple[Words, Mapping[str, TyperOption]]]:
    for name, command in group.commands.items():
        words = (*above, name)
        yield words, options_of(command, everywhere)
        if isinstance(command, TyperGroup):
            yield from _options_of(command, words, everywhere)


def options_of(
    command: Any,  # noqa: ANN401 -- Typer has no public class for what is above commands and groups
    everywhere: tuple[TyperOption, ...],
) -> dict[str, TyperOption]:
    """A command's options: long name, without the dashes → option."""
    return {
        long_name(each): each
        for each in (*command.params, *everywhere)
        if isinstance(each, TyperOption) and not each.hidden
    }


def long_name(option: TyperOption) -> str:
    """The name of --name."""
    return next(
        (each for each in option.opts if each.startswith("--")), option.opts[0]
    ).removeprefix("--")


def _form(option: TyperOption) -> tuple[object, ...]:
    choices = getattr(option.type, "choices", ())
    return (option.multiple, option.is_flag, option.type.name, tuple(map(str, choices)))


def check_file(file: ConfigurationFile, commands: Commands) -> None:
    """
    Look at every key of a file, those of other commands too.

    Raises InvalidValue for the first that is wrong: file, line, key, value and rule.
    """
    for words, value in _values(file.table, commands, ()):
        *above, name = words
        place = f"{file.place(words)}: {name}"
        _check_name(place, tuple(above), name, commands)
        if file.kind is Kind.FOUND and (name in NOT_FOUND or OF_AN_OWNER & {*above}):
            raise InvalidValue(place, "", _STRANGER)
        option = (commands.options[tuple(above)] if above else commands.shared())[name]
        taken(option, value, place, file.path.parent)


def _values(
    table: Mapping[str, Any], commands: Commands, above: Words
) -> Iterator[tuple[Words, object]]:
    """Each value with its words; a table that is a command's is gone into."""
    for name, value in table.items():
        words = (*above, name)
        if isinstance(value, dict) and words in commands.options:
            yield from _values(value, commands, words)
        else:
            yield words, value


def _check_name(place: str, above: Words, name: str, commands: Commands) -> None:
    known = commands.options[above] if above else commands.shared()
    below = {words[-1] for words in commands.options if words[:-1] == above}
    if name in TYPED_ALONE:
        raise InvalidValue(place, "", ONLY_TYPED)
    if name in known:
        return
    if name in below:
        section = ".".join((*above, name))
        raise InvalidValue(place, "", f"is a command: its options go under [{section}]")
    if not above and name in commands.all_names():
        first = next(words for words, options in commands.options.items() if name in options)
        rule = f"is not the same for every command: put it under [{'.'.join(first)}], or another"
        raise InvalidValue(place, "", rule)
    whose = f"is no option of `keyturn {' '.join(above)}`" if above else "is no option"
    close = nearest(name, {*known, *below})
    raise InvalidValue(place, "", f"{whose}; did you mean {close}?" if close else whose)


def nearest(name: str, known: AbstractSet[str]) -> str | None:
    """What may have been meant."""
    meant = name.lower().replace("_", "-").lstrip("-")
    return next(iter(get_close_matches(meant, sorted(known), n=1)), None)


def taken(option: TyperOption, value: object, place: str, folder: Path) -> object:
    """
    A value as the option takes it.

    Args:
        option: whose value it is.
        value: as TOML has it.
        place: where it stands, and its key: the name of whatever is wrong with it.
        folder: what a path begins at.

    Raises:
        InvalidValue: it breaks the option's rule.

    """
    if option.is_flag:
        if not isinstance(value, bool):
            raise InvalidValue(place, _repeated(value), "must be true or false")
        return value
    if not option.multiple:
        return _one(option, value, place, folder)
    several = value if isinstance(value, list) else [value]
    return [_one(option, each, place, folder) for each in several]


def _one(option: TyperOption, value: object, place: str, folder: Path) -> str:
    is_date = isinstance(value, date) and not isinstance(value, datetime)
    if isinstance(value, bool) or not (is_date or isinstance(value, (str, int))):
        kind = "a text, or a list of them" if option.multiple else "a text or a whole number"
        raise InvalidValue(place, _repeated(value), f"must be {kind}")
    text = str(value)
    if not text.strip():
        raise InvalidValue(place, "", "must not be empty")
    try:
        if option.type.name in {"path", "file", "directory"}:
            text = str(folder / Path(text).expanduser())
        option.type(text, param=option)
    except RuntimeError:
        raise InvalidValue(place, text, "begins with a home that is not there") from None
    except typer.BadParameter as error:
        raise InvalidValue(place, text, _rule(option, error)) from None
    return text


def _rule(option: TyperOption, error: typer.BadParameter) -> str:
    choices = [str(each) for each in getattr(option.type, "choices", ())]
    if choices:
        return f"must be one of {', '.join(choices)}"
    if "valid" in error.message:
        return "must be a whole number"
    said = error.message.rstrip(".")
    return said[:1].lower() + said[1:]


def _repeated(value: object) -> str:
    """A value of the wrong kind, if it is short enough to say it again."""
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)[:40]
