"""
How each command's line is read: every option once, and what nobody typed from files and variables.

Options that take one value take it once. Of two values the parser would take the last one, and say
nothing: a command about the wrong user looks just like one about the right one.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from keyturn.cli.allowed_keys import Commands, long_name, options_of
from keyturn.cli.beside import Level, is_plain, manner, say, speak
from keyturn.cli.configured import CONFIGURED, Configured, configure
from keyturn.cli.everywhere import Everywhere, everywhere, glanced_at
from keyturn.cli.found_file import check_found
from keyturn.domain.errors import InvalidValue

_BEFORE: Final = "keyturn.everywhere"
"""In a context: what was given before a command's name."""
WITHOUT_SETTINGS: Final = frozenset({("help",), ("version",), ("config", "show")})
"""Commands that a broken file must not stop; the last reads it by itself."""


class Once(TyperCommand):
    """A command; the same value given twice does no harm, and passes."""

    def get_params(self, ctx: typer.Context) -> list[Any]:  # type: ignore[override]  # the same, by Typer's own name
        """Its own, and those of every command."""
        return [*super().get_params(ctx), *everywhere()]

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # as above
        """Parse them. Raises InvalidValue for an option with two values that takes one."""
        begin(self, ctx, args)
        return super().parse_args(ctx, args)


class OnceGroup(TyperGroup):
    """A group, likewise; the options of its commands come behind their names."""

    def get_params(self, ctx: typer.Context) -> list[Any]:  # type: ignore[override]  # as above
        """Its own, and those of every command."""
        return [*super().get_params(ctx), *everywhere()]

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # as above
        """Parse them. Raises InvalidValue likewise."""
        begin(self, ctx, args)
        return super().parse_args(ctx, args)


def begin(command: Any, ctx: typer.Context, args: Sequence[str]) -> None:  # noqa: ANN401 -- Typer has no public class for both kinds
    """
    Look at a command line before Typer does, and give it what nobody typed.

    Raises InvalidValue for what breaks a rule there, in a file or in a variable.
    """
    if ctx.resilient_parsing:  # a shell that completes, or a manual page
        return
    try:
        typed, rest, order = typed_options(command, ctx, args)
    except typer.TyperException:
        speak(glanced_at(args, manner()))
        raise
    is_root = ctx.parent is None
    everywhere_typed = {**given_everywhere(ctx), **_of_everywhere(typed)}
    ctx.meta[_BEFORE] = everywhere_typed
    asked = Everywhere.read(everywhere_typed)
    speak(asked.manner)
    _check(order, args)
    words = words_of(ctx)
    if is_root or words == ("help",) or "help" in typed:
        _help_without_colours()
    is_left = is_root or (rest and isinstance(command, TyperGroup)) or "help" in typed
    if is_left or words in WITHOUT_SETTINGS or _only_groups(command):
        return
    configured = settings_for(ctx, command, words, {**typed, **everywhere_typed}, asked)
    CONFIGURED.set(configured)
    given = {name: each.given for name, each in configured.values.items()}
    speak(Everywhere.read(given, configured.untyped.get("log-format")).manner)
    _start_to_debug(ctx)
    for line in configured.unknown:
        if "enforce" in typed:
            raise InvalidValue(line.partition(":")[0], "", line.partition(": ")[2])
        say(line, Level.WARNING)
    check_found(configured, words, options_of(command, ()))
    names = options_of(command, ())
    ctx.default_map = {
        str(names[name].name): each.given
        for name, each in configured.untyped.items()
        if name in names
    }


def typed_options(
    command: Any,  # noqa: ANN401 -- as above
    ctx: typer.Context,
    args: Sequence[str],
) -> tuple[dict[str, Any], list[str], list[Any]]:
    """What is typed: option's name → value; what is left; and the options in order."""
    values, rest, order = command.make_parser(ctx).parse_args(args=list(args))
    options = [each for each in order if isinstance(each, TyperOption)]
    return {long_name(each): values[str(each.name)] for each in options}, rest, order


def given_everywhere(ctx: typer.Context) -> dict[str, Any]:
    """What was typed so far of the options that every command has: name → value."""
    return dict(ctx.meta.get(_BEFORE, {}))


def settings_for(
    ctx: typer.Context,
    command: Any,  # noqa: ANN401 -- as above
    words: tuple[str, ...],
    typed: Mapping[str, Any],
    asked: Everywhere,
) -> Configured:
    """Gather the values of a command. Raises InvalidValue for what breaks a rule."""
    root: Any = ctx.find_root().command
    return configure(
        Commands.below(root, everywhere()),
        words,
        options_of(command, everywhere()),
        {name: value for name, value in typed.items() if name not in {"config", "no-config"}},
        config=asked.config,
        no_config=asked.no_config,
    )


def words_of(ctx: Any) -> tuple[str, ...]:  # noqa: ANN401 -- Typer's contexts are of a class of their own
    """The words of a command, without the program's name."""
    words: list[str] = []
    while ctx.parent is not None:
        words.insert(0, str(ctx.info_name))
        ctx = ctx.parent
    return tuple(words)


def _of_everywhere(typed: Mapping[str, Any]) -> dict[str, Any]:
    names = {long_name(each) for each in everywhere()}
    return {name: value for name, value in typed.items() if name in names}


def _only_groups(command: Any) -> bool:  # noqa: ANN401 -- as above
    return isinstance(command, TyperGroup) and not command.invoke_without_command


def _help_without_colours() -> None:
    if is_plain():
        from typer import rich_utils  # noqa: PLC0415 -- it loads Rich, which help needs anyway

        rich_utils.COLOR_SYSTEM = None  # NO_COLOR alone leaves bold and dim


def _start_to_debug(ctx: typer.Context) -> None:
    if manner().debugs:
        from keyturn.cli.debug_log import listening  # noqa: PLC0415 -- it loads the SDK

        root: Any = ctx.find_root()
        root.with_resource(listening())


def _check(order: Sequence[Any], args: Sequence[str]) -> None:
    for option in {id(each): each for each in order if order.count(each) > 1}.values():
        if getattr(option, "multiple", True):  # an argument has no such attribute
            continue
        values = list(dict.fromkeys(_values(option, args)))
        if len(values) > 1:
            rule = f"was given before as {values[0]}, and can be given once"
            raise InvalidValue(option.opts[0], values[1], rule)


def _values(option: Any, args: Sequence[str]) -> Iterator[str]:  # noqa: ANN401 -- Typer does not export it
    """What it was given, in order; of a flag, the names by which it was given."""
    for at, each in enumerate(args):
        name, sign, value = each.partition("=")
        if name not in {*option.opts, *option.secondary_opts}:
            continue
        if option.is_flag:
            yield name
        elif sign:
            yield value
        elif at + 1 < len(args):
            yield args[at + 1]
