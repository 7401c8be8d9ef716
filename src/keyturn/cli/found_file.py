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
_HARMLESS: Final = frozenset({"debug", "no-color", "log-format", "parallel", "format"})


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
    asks_nobody = sorted(typed & {"yes", "notify"})
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
            given = ", ".join(each.given) if isinstance(each.given, list) else each.given
            said = str(given).lower() if isinstance(given, bool) else given
            say(f"{each.place}: {name} = {said}", Level.WARNING)
    else:
        say(f"{file} gives {', '.join(sorted(found))}")
