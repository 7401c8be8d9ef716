"""The mails as a telephone and a desk show them: nothing to scroll sideways, and short enough."""

from collections.abc import Iterator
from importlib.resources import files
from shutil import which
from typing import Final, Literal

import pytest
from playwright.sync_api import Browser, sync_playwright

from keyturn.domain.notice_content import NoticeContent
from keyturn.mail.letterhead import Letterhead
from keyturn.mail.renderer import Mails
from keyturn.mail.samples import ADMIN, CHANGES, SCENES, SEVERAL, a_digest
from keyturn.mail.samples_of_day import DAYS
from keyturn.mail.samples_of_period import REPORTS

CHROMIUM = which("chromium") or which("chromium-browser") or which("google-chrome")
MAILS = Mails(
    Letterhead(
        admin=ADMIN, organization="Brightwater", help_link="https://wiki.example.com/aws/keys"
    )
)

TOO_WIDE = """
[...document.querySelectorAll("h2, p, td, th, li, code, pre")]
  .filter(it => it.getBoundingClientRect().right > document.documentElement.clientWidth)
  .map(it => it.textContent)
"""
"""What a reader would have to scroll for."""
HEIGHT = "document.documentElement.scrollHeight"

AXE: Final = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
"""Deque's checker of pages: it finds faint text, tables without headings, and the like."""
VIOLATIONS: Final = """
async () => (await axe.run({resultTypes: ["violations"]})).violations
  .map(it => `${it.id}: ${it.nodes[0].html.slice(0, 120)}`)
"""
THEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.parametrize("width", [360, 700])
def test_no_mail_is_scrolled_sideways(width: int, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    contents: dict[str, NoticeContent] = {**SCENES, **CHANGES, **DAYS, **REPORTS}
    for name, content in contents.items():
        page.set_content(MAILS.mail_of(content).html)

        assert page.evaluate(TOO_WIDE) == [], name
    page.close()


def test_three_keys_fit_on_a_telephone(browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 400, "height": 800})
    page.set_content(Mails(Letterhead(admin=ADMIN)).mail_of(a_digest(*SEVERAL)).html)

    assert page.evaluate(HEIGHT) < 1_800
    page.close()


def test_what_to_do_by_when_is_what_is_seen_first(browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 700, "height": 400})
    page.set_content(MAILS.mail_of(a_digest(*SEVERAL)).html)

    row = page.locator("table.keys tbody tr").first
    box = row.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 400
    assert [cell.strip() for cell in row.locator("td").all_inner_texts()] == [
        "deploy-bot\nAKIAOLDEXAMPLE000001",
        "Install the new key: it is unused",
        "Thursday 4 March 2027 (UTC)",
    ]
    page.close()


def test_everybody_can_read_each_mail_in_light_and_in_dark(browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 800})
    contents: dict[str, NoticeContent] = {**SCENES, **CHANGES, **DAYS, **REPORTS}
    found: dict[tuple[str, str], list[str]] = {}
    for name, content in contents.items():
        page.set_content(MAILS.mail_of(content).html)
        page.evaluate(AXE)
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            if violations := page.evaluate(VIOLATIONS):
                found[name, theme] = violations
    # What would be found: a picture that says nothing, and grey on grey.
    page.set_content('<img src="x"><p style="color: #888; background: #777">faint</p>')
    page.evaluate(AXE)
    seen = " ".join(page.evaluate(VIOLATIONS))
    page.close()

    assert found == {}
    assert "image-alt" in seen
    assert "color-contrast" in seen
