"""
The site of the manual, as `make site` built it: whole, open to everybody, and asking nobody.

It is looked at from the disk (file://), as somebody has it who unpacked it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from shutil import which
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tools.manual import picture, screenshots, stage

ROOT: Final = Path(__file__).parents[2]
SITE: Final = ROOT / "site"
CHROMIUM = which("chromium") or which("chromium-browser") or which("google-chrome")
AXE: Final = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
VIOLATIONS: Final = """
async () => (await axe.run({resultTypes: ["violations"]})).violations
  .flatMap(it => it.nodes.slice(0, 3).map(node => `${it.id}: ${node.html.slice(0, 160)}`))
"""
TOO_WIDE: Final = """
document.documentElement.scrollWidth > document.documentElement.clientWidth
  ? [...document.querySelectorAll("body *")]
      .filter(it => it.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
      .map(it => it.outerHTML.slice(0, 120))
  : []
"""
THEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
WIDTHS: Final = (1280, 400)
SLOWEST: Final = 600_000
"""Milliseconds: a busy machine is no fault of a page."""
KINDS: Final = (
    "index.html",
    "what-it-is.html",
    "try-it.html",
    "deploy.html",
    "runbook.html",
    "compare.html",
    "architecture.html",
    "decisions/index.html",
    "reference/cli/plan.html",
    "reference/schemas.html",
    "search.html",
)
"""A page of each kind."""

pytestmark = pytest.mark.skipif(
    not (SITE / "index.html").is_file(), reason="`make site` has not built the site"
)


class Links(HTMLParser):
    """What a page leads to and loads, and the names within it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.anchors.append(given["id"])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "link" and "href" in given:
            self.loaded.append(given["href"])
        self.loaded += [given[name] for name in ("src", "srcset") if name in given]


@cache
def built() -> Mapping[Path, Links]:
    return {page: Links(page.read_text("utf-8")) for page in sorted(SITE.rglob("*.html"))}


def dead(page: Path, link: str, pages: Mapping[Path, Links]) -> bool:
    """Whether a link of a page leads nowhere on the site."""
    parts = urlsplit(link)
    there = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not there.is_file():
        return True
    anchor = unquote(parts.fragment)
    return bool(anchor) and there in pages and anchor not in pages[there].anchors


# --- the pages ----------------------------------------------------------------------------------


def test_every_page_of_the_manual_is_on_the_site_and_in_its_navigation() -> None:
    listed = {entry.source for entry in stage.navigation()}
    written = {f"docs/{path.name}" for path in stage.DOCS.glob("*.md")} - {stage.INDEX}
    home = built()[SITE / "index.html"].links

    assert written <= listed
    for source in listed:
        assert stage.pages()[source].replace(".md", ".html") in home, source


def test_every_decision_is_on_the_site() -> None:
    there = {page.stem for page in (SITE / "decisions").glob("[0-9]*.html")}

    assert there == {page.stem for page in (stage.DOCS / "decisions").glob("[0-9]*.md")}


def test_every_link_and_everything_that_is_loaded_is_there() -> None:
    pages = built()
    gone = [
        f"{page.relative_to(SITE)}: {link}"
        for page, found in pages.items()
        for link in [*found.links, *found.loaded]
        if not urlsplit(link).scheme and dead(page, link, pages)
    ]

    assert gone == []


@pytest.mark.parametrize("link", ["nowhere.html", "settings.html#nothing", "#nothing"])
def test_a_dead_link_would_be_noticed(link: str) -> None:
    assert dead(SITE / "deploy.html", link, built())


def test_nothing_is_loaded_from_elsewhere_and_links_out_are_whole() -> None:
    pages = built()
    out = {link for found in pages.values() for link in found.links if urlsplit(link).scheme}

    assert [
        link for found in pages.values() for link in found.loaded if urlsplit(link).netloc
    ] == []
    assert len(out) > 20
    assert [
        link
        for link in out
        if urlsplit(link).scheme != "https" or not re.fullmatch(r"[\w.-]+", urlsplit(link).netloc)
    ] == []


def test_no_page_has_two_things_of_one_name() -> None:
    twice = [
        f"{page.relative_to(SITE)}: {name}"
        for page, found in built().items()
        for name in {each for each in found.anchors if found.anchors.count(each) > 1}
    ]

    assert twice == []


# --- what is shown is so ------------------------------------------------------------------------


def test_every_diagram_has_its_picture_and_no_picture_is_left_over() -> None:
    wanted = {stage.picture_of(diagram) for _, diagram in stage.diagrams()}

    assert {path.name for path in screenshots.PICTURES.glob("diagram-*.svg")} == wanted


def test_the_pictures_of_days_are_those_of_the_policy() -> None:
    for name, svg in picture.drawn().items():
        assert (picture.PICTURES / name).read_text("utf-8") == svg, "run `make pictures`"


def test_what_was_photographed_still_looks_so() -> None:
    assert json.loads(screenshots.SHOWN.read_text("utf-8")) == screenshots.hashes(), (
        "run `make screenshots`"
    )


def test_a_photograph_is_small() -> None:
    sizes = [path.stat().st_size for path in screenshots.PICTURES.glob("*.webp")]

    assert max(sizes) < screenshots.LARGEST


# --- in a browser -------------------------------------------------------------------------------


@dataclass
class Opened:
    """A browser's page, and what it complained about and asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opened]:
    page = browser.new_page()
    page.set_default_timeout(SLOWEST)
    it = Opened(page)
    page.on("console", lambda message: it.complaints.append(message.text))
    page.on("pageerror", lambda error: it.complaints.append(str(error)))
    page.on("request", lambda request: it.requests.append(request.url))
    yield it
    page.close()
    assert it.complaints == []
    assert [url for url in it.requests if not url.startswith(("file:", "data:"))] == []


@pytest.mark.parametrize("name", KINDS)
def test_everybody_can_read_it_on_a_desk_and_on_a_telephone(name: str, opened: Opened) -> None:
    found: dict[str, list[str]] = {}
    for theme in THEMES:
        opened.page.emulate_media(color_scheme=theme)
        for width in WIDTHS:
            opened.page.set_viewport_size({"width": width, "height": 900})
            opened.page.goto((SITE / name).as_uri())
            opened.page.evaluate(AXE)
            wrong = opened.page.evaluate(TOO_WIDE) + opened.page.evaluate(VIOLATIONS)
            if wrong:
                found[f"{theme}, {width}"] = wrong

    assert found == {}


def test_no_page_is_scrolled_sideways_on_a_telephone(opened: Opened) -> None:
    opened.page.set_viewport_size({"width": 400, "height": 900})
    wide = {}
    for page in built():
        opened.page.goto(page.as_uri(), wait_until="domcontentloaded")
        if too_wide := opened.page.evaluate(TOO_WIDE):
            wide[str(page.relative_to(SITE))] = too_wide

    assert wide == {}


@pytest.mark.parametrize(
    ("word", "page"), [("revoke", "incidents.html"), ("exempt", "exemptions.html")]
)
def test_the_search_finds_the_page_of_who_works_before_the_reasons(
    word: str, page: str, opened: Opened
) -> None:
    opened.page.goto(f"{(SITE / 'search.html').as_uri()}?q={word}")
    opened.page.locator("#search-results").get_by_text("Search finished").wait_for()

    links = opened.page.locator("#search-results li a").all()
    hrefs = [urlsplit(link.get_attribute("href") or "").path for link in links]
    of_decisions = [number for number, href in enumerate(hrefs) if href.startswith("decisions/0")]
    assert hrefs.index(page) < min(of_decisions)


def test_a_recording_plays_stops_and_ends_as_it_began(opened: Opened) -> None:
    clock = opened.page.clock  # the page's time goes on only when it is told to
    clock.install(time=0)
    clock.pause_at(1000)
    opened.page.goto((SITE / "try-it.html").as_uri())
    figure = opened.page.locator("figure.recording").first
    shown, button = figure.locator("pre"), figure.get_by_role("button")
    last = shown.inner_text()
    assert last.startswith("$ keyturn demo")

    button.click()
    clock.run_for(3_000)
    playing, label = shown.inner_text(), button.inner_text()
    button.click()
    clock.run_for(100)
    stopped = shown.inner_text(), button.inner_text()
    button.click()
    clock.run_for(25_000)

    assert playing != last
    assert playing.startswith("$ keyturn demo")
    assert label == "Stop"
    assert stopped == (last, "Play")
    assert (shown.inner_text(), button.inner_text()) == (last, "Play")


@pytest.mark.parametrize("name", ["demo", "plan"])
def test_a_recordings_text_is_what_the_page_shows_at_its_end(name: str, opened: Opened) -> None:
    opened.page.goto((SITE / "try-it.html").as_uri())
    shown = [each.inner_text() for each in opened.page.locator("figure.recording pre").all()]
    text = (stage.DOCS / "casts" / f"{name}.txt").read_text("utf-8")

    assert text.splitlines() in [[line.rstrip() for line in each.splitlines()] for each in shown]
