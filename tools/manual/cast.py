"""
Shows a recording: what a terminal printed, when, as `record.py` wrote it down (asciicast v2).

The page has every screen as text, so nothing is needed to play it but a few lines of script; who
runs no script, or hears the page, has the last screen. Runs where Sphinx does.
"""

import json
import re
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path

import pyte

MARK = re.compile(r"^<!-- recording: ([\w-]+) -->$", re.MULTILINE)
LONGEST = 20.0
"""Seconds that somebody watches: a longer recording is played faster, and says how much."""
COLOURS = {"default", "black", "red", "green", "brown", "blue", "magenta", "cyan", "white"}


def with_recordings(app, docname: str, source: list[str]) -> None:  # noqa: ANN001, ARG001 -- as Sphinx calls it
    """Put each recording of a page at its mark."""
    folder = Path(app.srcdir) / "casts"
    source[0] = MARK.sub(lambda found: figure(folder / f"{found[1]}.cast"), source[0])


def figure(path: Path) -> str:
    """The recording as HTML, in one block of Markdown: no blank line in it."""
    head, *_ = read(path)
    seen = list(screens(path))
    took, last = seen[-1]
    pace = max(1, round(took / LONGEST))
    frames = json.dumps([[round(at / pace, 2), text] for at, text in seen])
    frames = frames.replace("<", "\\u003c")
    faster = f", played {pace} times as fast" if pace > 1 else ""
    title = f"{escape(head['title'])} ({took:.0f} s{faster})"
    screen = last.replace("\n", "&#10;")
    return "\n".join(
        [
            f'<figure class="recording" aria-label="{title}">',
            f'<figcaption>{title}<span class="controls"></span></figcaption>',
            f'<div class="screen" tabindex="0" role="region" aria-label="Printed: {title}">',
            f"<pre>{screen}</pre></div>",
            f'<script type="application/json">{frames}</script>',
            "</figure>",
        ]
    )


def read(path: Path) -> list:
    """The head of a recording, then its events: seconds, kind, text."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def screens(path: Path) -> Iterator[tuple[float, str]]:
    """Each screen that differs from the one before, as HTML, and when: seconds from the start."""
    head, *events = read(path)
    screen = pyte.HistoryScreen(head["width"], head["height"], history=10_000, ratio=1)
    stream = pyte.Stream(screen)
    shown = None
    for when, kind, text in events:
        if kind == "o":
            stream.feed(text)
            if (now := _html(screen)) != shown:
                yield when, now
                shown = now


def transcript(path: Path) -> str:
    """All that was on the screen at the end, with what had moved out of it: plain text."""
    head, *events = read(path)
    screen = pyte.HistoryScreen(head["width"], head["height"], history=10_000, ratio=1)
    stream = pyte.Stream(screen)
    for _, kind, text in events:
        if kind == "o":
            stream.feed(text)
    lines = ["".join(cell.data for cell in row).rstrip() for row in _rows(screen)]
    return "\n".join(lines).rstrip() + "\n"


def _rows(screen: pyte.HistoryScreen) -> Iterator[list]:
    for row in [*screen.history.top, *(screen.buffer[line] for line in range(screen.lines))]:
        yield [row[column] for column in range(screen.columns)]


def _html(screen: pyte.HistoryScreen) -> str:
    """All lines, the cells of one look together."""
    lines = ["".join(_spans(row)).rstrip() for row in _rows(screen)]
    return "\n".join(lines).rstrip()


def _spans(row: list) -> Iterator[str]:
    text, look = "", ""
    for cell in row:
        colour = cell.fg.removeprefix("bright")
        now = " ".join(
            [
                *([f"c-{colour}"] if colour in COLOURS - {"default"} else []),
                *(["b"] if cell.bold else []),
            ]
        )
        if now != look:
            yield _span(text, look)
            text, look = "", now
        text += cell.data
    yield _span(text.rstrip() if not look else text, look)


def _span(text: str, look: str) -> str:
    return f'<span class="{look}">{escape(text)}</span>' if look and text else escape(text)


if __name__ == "__main__":
    for each in map(Path, sys.argv[1:]):
        each.with_suffix(".txt").write_text(transcript(each), "utf-8")
