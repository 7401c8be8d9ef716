"""
Options that take one value take it once.

Of two values the parser would take the last one, and say nothing: a command about the wrong user
looks just like one about the right one.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from keyturn.domain.errors import InvalidValue


class Once(TyperCommand):
    """A command; the same value given twice does no harm, and passes."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # the same, by Typer's own name
        """Parse them. Raises InvalidValue for an option with two values that takes one."""
        _check(self.make_parser(ctx).parse_args(args=list(args))[2], args)
        return super().parse_args(ctx, args)


class OnceGroup(TyperGroup):
    """A group with options of its own, likewise; those of its commands come behind their names."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # as above
        """Parse them. Raises InvalidValue likewise."""
        _check(self.make_parser(ctx).parse_args(args=list(args))[2], args)
        return super().parse_args(ctx, args)


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
