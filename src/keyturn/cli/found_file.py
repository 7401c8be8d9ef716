"""What a settings file may decide that was only found, and that a stranger may have written."""

from collections.abc import Mapping
from typing import Final

from typer.core import TyperOption

from keyturn.cli.beside import Level, say
from keyturn.cli.configuration_file import Words
from keyturn.cli.configured import Configured
from keyturn.domain.errors import InvalidValue

_WRITES: Final = frozenset({"deploy", "rehearse"})
"""Commands that write without --enforce."""
_HARMLESS: Final = frozenset({"no-color", "log-format", "parallel", "format"})
"""How it looks and how fast it is: not said."""
_UNASKED: Final = frozenset({"yes", "notify"})
"""With these no question comes before a write, or a mail; whoever gives them."""

_LEADS: Final = frozenset(
    {
        *("profile", "management-profile", "source-profile", "region", "mail-region"),
        *("role-name", "reader-role", "bucket", "prefix", "core-stack", "ou"),
    }
)
"""What decides whom a command asks, and with which credentials."""


def check_found(configured: Configured, words: Words, options: Mapping[str, TyperOption]) -> None:
    """
    Say what comes from a file that nobody named.

    Raises InvalidValue where the command would write by it and ask nobody.
    """
    found = {name: each for name, each in configured.found.items() if name not in _HARMLESS}
    if not found:
        return
    typed = {name for name, each in configured.values.items() if each.source == "option"}
    file = next(iter(found.values())).place.rpartition(":")[0]
    asks_nobody = sorted(name for name in _UNASKED if _is_given(configured, name))
    if "enforce" in typed and "yes" not in options:
        asks_nobody.append("enforce")
    if asks_nobody:
        rule = (
            f"goes with a settings file only if you name it: --config {file}, or --no-config. "
            "It was only found, and nobody is asked about what it says"
        )
        raise InvalidValue(f"--{asks_nobody[0]}", "", rule)
    if "enforce" in typed or (words[0] in _WRITES and "dry-run" not in typed):
        for name, each in sorted(found.items()):
            say(f"{each.place}: {name} = {_repeated(each.given)}", Level.WARNING)
        return
    # What is asked, and as whom, is seen before it is asked, with --quiet, too.
    if leads := sorted(found.keys() & _LEADS):
        values = ", ".join(f"{name} = {_repeated(found[name].given)}" for name in leads)
        say(f"{file} gives {values}", Level.WARNING)
    if others := sorted(found.keys() - _LEADS):
        say(f"{file} gives {', '.join(others)}")


def _repeated(given: object) -> str:
    if isinstance(given, list):
        return ", ".join(map(str, given))
    return str(given).lower() if isinstance(given, bool) else str(given)


def _is_given(configured: Configured, name: str) -> bool:
    return name in configured.values and configured.values[name].given not in (False, [])
