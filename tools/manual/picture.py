"""
Draw what Keyturn is, in two pictures: python -m tools.manual.picture (part of make pictures).

The days are those of the default policy and of what the rule warns ahead, so the pictures cannot
say others; a test checks that they are current.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from keyturn.domain.policy import RotationPolicy

PICTURES: Final = Path(__file__).parents[2] / "docs" / "pictures"
FONT: Final = "system-ui, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif"
INK: Final = "#17212b"
PAPER: Final = "#ffffff"
QUIET: Final = "#52616f"
LINE: Final = "#8a98a5"
ACTIVE: Final = "#1668a5"
ROTATED: Final = "#8f5b00"
DISABLED: Final = "#5d6873"
NEW: Final = "#1c7a3f"
TIP: Final = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
    f'markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" fill="{INK}"/></marker></defs>'
)
"""What an arrow ends with."""
AHEAD_OF_AN_END: Final = 3
"""Days before a disabling and a deletion on which a notice says so again (T0)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A box with a heading and lines below it; corner and size in units of the picture."""

    x: int
    y: int
    width: int
    height: int
    heading: str
    lines: Sequence[str]


def drawn() -> Mapping[str, str]:
    """Each picture: its file's name, its SVG."""
    return {"what-it-is.svg": _parts(), "days-of-a-key.svg": _days(RotationPolicy())}


def _parts() -> str:
    boxes = (
        Box(x=8, y=8, width=240, height=104, heading="Each account", lines=(
            "IAM users and their keys", "Secrets Manager: the new key",
            "a role that Keyturn assumes")),
        Box(x=372, y=8, width=240, height=104, heading="Security account", lines=(
            "Keyturn, once a day:", "What is due? Is it safe?", "If it cannot tell, it waits.")),
        Box(x=372, y=192, width=240, height=84, heading="Owner and administrators", lines=(
            "mail, Slack, Teams, Jira:", "what ends, and when")),
        Box(x=8, y=192, width=240, height=84, heading="The owner's program", lines=(
            "uses the new key", "before the old one stops")),
    )  # fmt: skip
    arrows = (
        _arrow((372, 44), (248, 44), "reads keys", (310, 37)),
        _arrow((372, 84), (248, 84), "rotates, stores", (310, 77)),
        _arrow((492, 112), (492, 192), "notifies first,", (500, 147), "then acts", anchor="start"),
        _arrow((128, 112), (128, 192), "fetches", (136, 147), "the new key", anchor="start"),
        _arrow((372, 234), (248, 234), "installs", (310, 227)),
    )
    about = (
        "Keyturn runs in the security account once a day, reads the keys of each account, "
        "notifies their owners, stores new keys in Secrets Manager and ends the old ones."
    )
    return _svg(620, 284, about, [*map(_box, boxes), *arrows])


def _days(policy: RotationPolicy) -> str:
    due, stops = policy.rotation_period, policy.inactive_period
    gone = stops + policy.recovery_grace_period
    notices = [due - days for days in policy.warn_days]
    notices += [due, stops - AHEAD_OF_AN_END, stops, gone - AHEAD_OF_AN_END, gone]

    def at(day: float) -> float:
        """The first days are short: nothing happens in them."""
        early = due - 20
        return 86 + (day / early * 40 if day < early else 40 + (day - early) * 11)

    def bar(y: int, first: int, last: float, colour: str, text: str) -> str:
        left, right = at(first), at(last)
        middle = (left + right) / 2
        size = f'width="{right - left:.0f}" height="30"'
        return (
            f'<rect x="{left:.0f}" y="{y}" {size} fill="{colour}"/>'
            f'<text x="{middle:.0f}" y="{y + 20}" text-anchor="middle" fill="#fff" '
            f'font-weight="600">{text}</text>'
        )

    end = gone + 3.5
    parts = [
        _text(8, 60, "old key", weight=600),
        bar(40, 0, due, ACTIVE, "ACTIVE"),
        bar(40, due, stops, ROTATED, "ROTATED"),
        bar(40, stops, gone, DISABLED, "DISABLED"),
        _text(at(gone) + 5, 60, "gone"),
        _text(8, 104, "new key", weight=600),
        bar(84, due, end, NEW, "ACTIVE, in Secrets Manager"),
        _text(8, 148, "mails", weight=600),
        *(_envelope(at(day), 143) for day in sorted(set(notices))),
        _text(8, 22, "day", weight=600),
        *(_text(at(day), 22, str(day), anchor="middle") for day in (0, due, stops, gone)),
        *(
            f'<line x1="{at(day):.0f}" y1="28" x2="{at(day):.0f}" y2="160" stroke="{LINE}" '
            'stroke-dasharray="3 3"/>'
            for day in (due, stops, gone)
        ),
        *_said(at(due), "a new key is", "made; the old", "one works on"),
        *_said(at(stops), "the old one stops;", "an order brings", "it back"),
        *_said(at(gone), "it is", "deleted"),
    ]
    about = (
        f"A key is rotated on day {due}, disabled on day {stops} and deleted on day {gone}. "
        f"Mails go out on days {', '.join(map(str, sorted(set(notices))))}."
    )
    return _svg(620, 226, about, parts)


def _said(x: float, *lines: str) -> Iterator[str]:
    """What happens on a day, below it."""
    for number, line in enumerate(lines):
        yield _text(x, 182 + number * 16, line, anchor="middle", colour=QUIET, size=12)


def _svg(width: int, height: int, about: str, parts: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" font-family="{FONT}" font-size="14">'
    )
    return "\n".join(
        [
            head,
            f"<title>{escape(about)}</title>",
            TIP,
            f'<rect width="{width}" height="{height}" rx="6" fill="{PAPER}"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _box(box: Box) -> str:
    lines = "".join(
        _text(box.x + 12, box.y + 46 + number * 20, line) for number, line in enumerate(box.lines)
    )
    return (
        f'<rect x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" rx="6" '
        f'fill="#eef4f9" stroke="{ACTIVE}"/>'
        + _text(box.x + 12, box.y + 23, box.heading, weight=700, colour=ACTIVE)
        + lines
    )


def _arrow(  # noqa: PLR0913 -- two ends, two lines of text and their place
    begin: tuple[int, int],
    end: tuple[int, int],
    text: str,
    place: tuple[int, int],
    second: str = "",
    *,
    anchor: str = "middle",
) -> str:
    (x1, y1), (x2, y2), (x, y) = begin, end, place
    return (
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{INK}" stroke-width="1.5" '
        'marker-end="url(#tip)"/>'
        + _text(x, y, text, anchor=anchor, size=12.5)
        + (_text(x, y + 17, second, anchor=anchor, size=12.5) if second else "")
    )


def _envelope(x: float, y: int) -> str:
    left, top = x - 6, y - 4.5
    return (
        f'<path d="M{left:.1f} {top}h12v9h-12zl6 5 6-5" fill="none" stroke="{INK}" '
        'stroke-width="1.3" stroke-linejoin="round"/>'
    )


def _text(  # noqa: PLR0913 -- how a text looks is many things
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    weight: int = 400,
    colour: str = INK,
    size: float = 0,
) -> str:
    sized = f' font-size="{size}"' if size else ""
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" font-weight="{weight}" '
        f'fill="{colour}"{sized}>{escape(text)}</text>'
    )


if __name__ == "__main__":
    for name, svg in drawn().items():
        (PICTURES / name).write_text(svg, "utf-8")
