"""Figures beside their aims: as a table, as JSON, and as ratios to others."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.bench.rows import MORE_IS_BETTER, Row

Measured = Mapping[str, Row]
"""By the row's name."""


def table(measured: Measured) -> str:
    """A line a figure: what, how much, the aim, whether it is reached."""
    lines = []
    for row in measured.values():
        for what, figure in row.figures.items():
            aim = row.aims.get(what)
            said = "" if aim is None else f"{spelled(aim):>9}  {verdict(what, figure, aim)}"
            lines.append(f"{row.name:<48} {what:<22} {spelled(figure):>9} {said}".rstrip())
    return "\n".join(lines)


def verdict(what: str, figure: float, aim: float) -> str:
    """Whether an aim is reached."""
    reached = figure >= aim if what in MORE_IS_BETTER else figure <= aim
    return "yes" if reached else "no"


def spelled(figure: float) -> str:
    """As many digits as mean something."""
    if figure == int(figure) or figure >= 100:
        return f"{figure:,.0f}"
    return f"{figure:.1f}" if figure >= 10 else f"{figure:.2f}"


def ratios(now: Measured, before: Measured) -> str:
    """A line a figure that both have: before, now, and now as a share of before."""
    lines = [f"{'':<48} {'':<22} {'before':>9} {'now':>9} {'ratio':>7}"]
    lines += [
        f"{name:<48} {what:<22} {spelled(then):>9} {spelled(figure):>9} {_ratio(figure, then):>7}"
        for name, what, then, figure in in_both(now, before)
    ]
    return "\n".join(lines)


def in_both(now: Measured, before: Measured) -> Iterator[tuple[str, str, float, float]]:
    """Row, what, how much before, how much now."""
    for name in now:
        if name in before:
            for what, figure in now[name].figures.items():
                if what in before[name].figures:
                    yield name, what, before[name].figures[what], figure


def _ratio(figure: float, then: float) -> str:
    return f"{figure / then:.2f}" if then else "-"


def as_json(measured: Measured, about: Mapping[str, object]) -> dict[str, object]:
    """What was measured where, for programs."""
    return {
        **about,
        "rows": {
            row.name: {
                "figures": {
                    what: {"measured": round(figure, 4)}
                    | ({"aim": round(row.aims[what], 4)} if what in row.aims else {})
                    for what, figure in row.figures.items()
                },
                "calls": dict(sorted(row.calls.items())),
            }
            for row in measured.values()
        },
    }


def read(path: Path) -> Measured:
    """What `as_json` wrote."""
    rows = json.loads(path.read_text())["rows"]
    return {
        name: Row(
            name=name,
            figures={what: each["measured"] for what, each in row["figures"].items()},
            aims={what: each["aim"] for what, each in row["figures"].items() if "aim" in each},
            calls=row["calls"],
        )
        for name, row in rows.items()
    }
