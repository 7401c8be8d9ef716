"""What docs/scale.md says of a simulated day, as a table and as a plot."""

from collections.abc import Mapping, Sequence
from math import log10
from typing import Final

from keyturn.use_cases.day_over import AT_LATEST
from tests.scale.calibration import Calibration
from tests.scale.organization import LATENCY, Day, day, first, ordinary

ACCOUNTS: Final = (100, 1_000, 10_000)
AT_ONCE: Final = (10, 50, 200)
BEGIN, END = "<!-- simulated:start -->", "<!-- simulated:end -->"
LONGEST: Final = AT_LATEST.total_seconds()
"""Seconds that a run has, before the digest of the day waits for it no more."""
_WIDTH, _HEIGHT = 720, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 590, 40, 350
_FROM, _TO = 10.0, 100_000.0
"""Seconds of the plot's lowest and highest line."""
_MARKS: Final[Mapping[str, int]] = {"10 s": 10, "1 min": 60, "10 min": 600, "1 h": 3600}
_STYLE: Final = """
  text { font: 13px sans-serif; fill: #1f2328 }
  .grid { stroke: #d1d9e0 } .limit { stroke: #cf222e; stroke-width: 2 } .limits { fill: #cf222e }
  .at10 { stroke: #0969da; fill: #0969da } .at50 { stroke: #8250df; fill: #8250df }
  .at200 { stroke: #1a7f37; fill: #1a7f37 }
  polyline { fill: none !important; stroke-width: 2 } .first { stroke-dasharray: 6 4 }
  text.at10, text.at50, text.at200 { stroke: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .grid { stroke: #3d444d }
    .limit { stroke: #ff7b72 } .limits { fill: #ff7b72 }
    .at10 { stroke: #58a6ff; fill: #58a6ff } .at50 { stroke: #d2a8ff; fill: #d2a8ff }
    .at200 { stroke: #56d364; fill: #56d364 }
  }
"""

Days = Mapping[tuple[int, int], Day]
"""Accounts and how many at a time → the day."""


def simulated(calibration: Calibration) -> tuple[Days, Days]:
    """Ordinary days, and first days on which every key is due."""
    sizes = [(accounts, at_once) for accounts in ACCOUNTS for at_once in AT_ONCE]
    both = (
        {
            (accounts, at_once): day(
                calibration, kind(accounts, calibration.notice_days), at_once=at_once
            )
            for accounts, at_once in sizes
        }
        for kind in (ordinary, first)
    )
    usual, of_first = both
    return usual, of_first


def table(usual: Days, of_first: Days) -> str:
    """All days in one table."""
    head = (
        "accounts | at a time | last account | last mail | GB-s | calls | mails | $ a day | "
        "first day: last account | first day: last mail | first day: mails"
    )
    rows = [head, " | ".join(["---"] * (head.count("|") + 1))]
    for size, each in usual.items():
        begun = of_first[size]
        cells = (
            f"{each.accounts:,}",
            str(each.at_once),
            spelled(each.end),
            spelled(each.told),
            f"{each.gb_seconds:,.0f}",
            f"{each.calls:,.0f}",
            f"{each.mails:,}",
            f"{each.dollars:.2f}",
            spelled(begun.end),
            spelled(begun.told),
            f"{begun.mails:,}",
        )
        rows.append(" | ".join(cells))
    return "\n".join(f"| {row} |" for row in rows)


def section(calibration: Calibration, compared: Mapping[str, float]) -> str:
    """What stands between the two marks of docs/scale.md."""
    usual, of_first = simulated(calibration)
    return "\n\n".join(
        (
            BEGIN,
            table(usual, of_first),
            "![When the last account is done, by accounts and how many at a time](scale.svg)",
            _proof(calibration, compared),
            END,
        )
    )


def _proof(calibration: Calibration, compared: Mapping[str, float]) -> str:
    measured, simulated = compared["measured"], compared["simulated"]
    return (
        f"Single accounts were measured on {calibration.measured_on} at {calibration.commit} "
        f"(`{calibration.command}`); a call takes {LATENCY * 1000:.0f} ms in the table. Held "
        f"against a day of {compared['accounts']:,.0f} accounts through the local AWS's queue, "
        f"{compared['at_once']:.0f} functions at work, {compared['waits'] * 1000:.0f} ms a call: "
        f"measured {measured:.0f} s, simulated {simulated:.0f} s "
        f"({simulated / measured - 1:+.0%})."
    )


def put_into(page: str, made: str) -> str:
    """The page with that section."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + made + after


def plot(usual: Days, of_first: Days) -> str:
    """When the last account is done, both axes logarithmic."""
    lines = [
        (
            '<svg xmlns="http://www.w3.org/2000/svg" '
            f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}">'
        ),
        f"<style>{_STYLE}</style>",
        '<text x="70" y="22">last account done, after the inventory began</text>',
        *(_level(name, seconds) for name, seconds in _MARKS.items()),
        _level("6 h", LONGEST, "limit"),
        *(
            f'<text x="{_x(accounts):.0f}" y="{_BOTTOM + 22}" text-anchor="middle">'
            f"{accounts:,}</text>"
            for accounts in ACCOUNTS
        ),
        (
            f'<text x="{(_LEFT + _RIGHT) / 2:.0f}" y="{_BOTTOM + 44}" text-anchor="middle">'
            "accounts; dashed: the first day, every key due</text>"
        ),
    ]
    for at_once in AT_ONCE:
        for days, kind in ((usual, ""), (of_first, " first")):
            ends = [days[accounts, at_once].end for accounts in ACCOUNTS]
            points = " ".join(
                f"{_x(accounts):.1f},{_y(end):.1f}"
                for accounts, end in zip(ACCOUNTS, ends, strict=True)
            )
            lines.append(f'<polyline class="at{at_once}{kind}" points="{points}"/>')
        last = usual[ACCOUNTS[-1], at_once].end
        lines.append(
            f'<text class="at{at_once}" x="{_RIGHT + 8}" y="{_y(last) + 4:.1f}">'
            f"{at_once} at a time</text>"
        )
    return "\n".join([*lines, "</svg>"]) + "\n"


def _level(name: str, seconds: float, kind: str = "grid") -> str:
    y = _y(seconds)
    return (
        f'<line class="{kind}" x1="{_LEFT}" x2="{_RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="{kind}s" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{name}</text>'
    )


def _x(accounts: int) -> float:
    return _between(_LEFT, _RIGHT, log10(accounts), log10(ACCOUNTS[0]), log10(ACCOUNTS[-1]))


def _y(seconds: float) -> float:
    return _between(_BOTTOM, _TOP, log10(seconds), log10(_FROM), log10(_TO))


def _between(first: float, last: float, value: float, low: float, high: float) -> float:
    return first + (last - first) * (value - low) / (high - low)


def spelled(seconds: float) -> str:
    """Two figures of a time."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def printed(days: Sequence[Day]) -> str:
    """A line a day, for a terminal."""
    return "\n".join(
        f"{each.accounts:>6,} accounts, {each.at_once:>3} at a time: {spelled(each.end):>8}, "
        f"{each.gb_seconds:>9,.0f} GB-s, {each.calls:>10,.0f} calls, {each.mails:>6,} mails, "
        f"${each.dollars:.2f}"
        for each in days
    )
