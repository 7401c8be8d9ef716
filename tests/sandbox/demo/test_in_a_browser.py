"""The lists as a browser shows them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which

import pytest
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from keyturn_sandbox.demo.lists import mail_index, notice_table
from tests.sandbox.demo.sample_lists import the_mails, the_notices

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
def opened(browser: Browser, file: Path, *, width: int = 1280) -> Iterator[Opened]:
    page = browser.new_page(viewport={"width": width, "height": 900})
    it = Opened(page)
    page.on("console", lambda message: it.complaints.append(message.text))
    page.on("pageerror", lambda error: it.complaints.append(str(error)))
    page.on("request", lambda request: it.requests.append(request.url))
    page.goto(file.as_uri())
    yield it
    page.close()


@pytest.mark.parametrize("name", ["notices.html", "mails/index.html"])
def test_a_page_complains_of_nothing_and_asks_for_nothing(
    browser: Browser, pages: Path, name: str
) -> None:
    with opened(browser, pages / name) as it:
        it.page.fill("[name=words]", "ada")

        assert it.complaints == []
        assert it.requests == [(pages / name).as_uri()]


@pytest.mark.parametrize("name", ["notices.html", "mails/index.html"])
def test_nothing_runs_out_of_the_page(browser: Browser, pages: Path, name: str) -> None:
    with opened(browser, pages / name) as it:
        for width in (1280, 850, 400):
            it.page.set_viewport_size({"width": width, "height": 900})

            assert it.page.evaluate("document.documentElement.scrollWidth") == width
            assert it.page.evaluate(TOO_NARROW) == []


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
