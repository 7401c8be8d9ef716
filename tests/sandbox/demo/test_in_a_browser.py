"""The pages as a browser shows them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from keyturn_sandbox.demo.timeline import mail_index, notice_table, render
from tests.sandbox.demo.sample_page import KEYS, NASTY, sample_page, the_mails, the_notices

CHROMIUM = which("chromium") or which("chromium-browser") or which("google-chrome")

TOO_NARROW = """
[...document.querySelectorAll("dd, h1, h3, h4, .state, td, .scroll, .story li > span")]
  .filter(it => it.checkVisibility() && getComputedStyle(it).display != "inline")
  .filter(it => it.scrollWidth > it.clientWidth + 1)
  .map(it => it.textContent)
"""
"""What is wider than its place."""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    (folder / "mails").mkdir()
    (folder / "index.html").write_text(render(sample_page()), encoding="utf-8")
    mails = mail_index(the_mails(), home="../index.html")
    (folder / "mails" / "index.html").write_text(mails, encoding="utf-8")
    table = notice_table(the_notices(), ["a mail went astray"], home="index.html")
    (folder / "notices.html").write_text(table, encoding="utf-8")
    return folder


@dataclass
class Opened:
    """A page, and what it complained about and asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def shown(self, selector: str) -> Locator:
        return self.page.locator(selector).locator("visible=true")


@contextmanager
def opened(
    browser: Browser, file: Path, *, width: int = 1280, script: bool = True, part: str = ""
) -> Iterator[Opened]:
    page = browser.new_page(viewport={"width": width, "height": 900}, java_script_enabled=script)
    it = Opened(page)
    page.on("console", lambda message: it.complaints.append(message.text))
    page.on("pageerror", lambda error: it.complaints.append(str(error)))
    page.on("request", lambda request: it.requests.append(request.url))
    page.goto(file.as_uri() + part)
    yield it
    page.close()


@pytest.fixture(scope="module")
def as_loaded(browser: Browser, pages: Path) -> Iterator[Opened]:
    with opened(browser, pages / "index.html") as it:
        yield it


@pytest.fixture
def keys(as_loaded: Opened) -> Opened:
    """Return the page of the keys as it was loaded; loading takes longer than looking."""
    as_loaded.page.evaluate("document.querySelectorAll('[open]').forEach(it => it.open = false)")
    as_loaded.page.fill("[name=words]", "")
    as_loaded.page.select_option("[name=state]", "")
    return as_loaded


@pytest.mark.parametrize("name", ["index.html", "notices.html", "mails/index.html"])
def test_a_page_complains_of_nothing_and_asks_for_nothing(
    browser: Browser, pages: Path, name: str
) -> None:
    with opened(browser, pages / name) as it:
        it.page.fill("[name=words]", "ada")

        assert it.complaints == []
        assert it.requests == [(pages / name).as_uri()]


@pytest.mark.parametrize("name", ["index.html", "notices.html", "mails/index.html"])
def test_nothing_runs_out_of_the_page(browser: Browser, pages: Path, name: str) -> None:
    with opened(browser, pages / name) as it:
        for width in (1280, 850, 400):
            it.page.set_viewport_size({"width": width, "height": 900})

            assert it.page.evaluate("document.documentElement.scrollWidth") == width
            assert it.page.evaluate(TOO_NARROW) == []


def test_every_key_and_its_bar_can_be_seen(keys: Opened) -> None:
    assert keys.shown("details.row").count() == len(KEYS)
    narrowest = keys.page.evaluate(
        """Math.min(...[...document.querySelectorAll(".course")]
           .map(it => it.getBoundingClientRect().width))"""
    )
    assert narrowest > 500


def test_the_months_stand_above_the_bars(keys: Opened) -> None:
    axis = keys.page.locator(".axis").bounding_box()
    course = keys.page.locator(".course").first.bounding_box()

    assert axis is not None
    assert course is not None
    assert abs(axis["x"] - course["x"]) < 1
    assert abs(axis["width"] - course["width"]) < 1


def test_a_search_leaves_the_lines_that_hold_all_its_words(keys: Opened) -> None:
    keys.page.fill("[name=words]", "ADA.katz billing")

    expected = [key for key in KEYS if "ada.katz" in key.user and key.account_name == "billing"]
    assert keys.shown("details.row").count() == len(expected) > 0
    assert keys.page.inner_text("output") == f"{len(expected)} of {len(KEYS)}"
    assert keys.shown(".estate").count() == 1
    assert keys.shown(".user").count() == len({key.user for key in expected})


def test_a_name_with_brackets_is_shown_and_found_as_it_is_written(keys: Opened) -> None:
    keys.page.fill("[name=words]", NASTY)

    assert keys.shown(".user h4").all_inner_texts() == [NASTY]


def test_keys_can_be_chosen_by_state_and_all_come_back(keys: Opened) -> None:
    for state in ("DELETED", "EXEMPT", "BORN"):
        keys.page.select_option("[name=state]", state)
        expected = [
            key
            for key in KEYS
            if state in (key.state, *key.overlays, *(["BORN"] if key.born_in_run else []))
        ]
        assert keys.shown("details.row").count() == len(expected) > 0

    keys.page.click("button[type=reset]")
    # No wait_for_function: it evaluates text, which the page's own policy forbids.
    expect(keys.page.locator(".row[hidden]")).to_have_count(0)

    assert keys.shown("details.row").count() == len(KEYS)
    assert keys.shown(".estate").count() == 10


def test_a_line_opens_on_its_story(keys: Opened) -> None:
    line = keys.page.locator(f"#{KEYS[0].key_id}")
    assert not line.locator("li").first.is_visible()

    line.locator("summary").click()

    assert line.locator("li").count() == len(KEYS[0].happenings)
    assert line.locator("li a").first.is_visible()


def test_an_address_can_point_at_a_key(browser: Browser, pages: Path) -> None:
    with opened(browser, pages / "index.html", part=f"#{KEYS[7].key_id}") as it:
        assert it.page.locator("details[open]").get_attribute("id") == KEYS[7].key_id


def test_all_can_be_read_without_a_script(browser: Browser, pages: Path) -> None:
    with opened(browser, pages / "index.html", script=False) as it:
        assert it.shown("details.row").count() == len(KEYS)
        assert it.shown(".filter").count() == 0
        it.page.locator(f"#{KEYS[0].key_id} summary").click()
        assert it.page.locator(f"#{KEYS[0].key_id} li").first.is_visible()


def test_a_search_among_the_mails(browser: Browser, pages: Path) -> None:
    expected = [
        mail
        for mail in the_mails()
        if "2026-02-08" in f"{mail.sent:%Y-%m-%d} {mail.subject}"
        and mail.to.startswith("ada.katz@")
    ]
    with opened(browser, pages / "mails" / "index.html") as it:
        it.page.fill("[name=words]", "2026-02-08 ada.katz@")

        assert it.shown("tbody tr").count() == len(expected) > 0
