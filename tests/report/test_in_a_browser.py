"""The page as a browser shows it: one is opened once, and everything is done in it."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from shutil import which
from typing import Final, Literal

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from keyturn.adapters.local_evidence import LocalEvidence
from keyturn.domain.users_target import UsersTarget
from keyturn.report.page import Extras, Panel, write_page
from keyturn.use_cases.page_data import GatherPage, PageAsked
from tests.report.bucket import BOUGHT, DAY, LAB, NASTY, NOW, SHOP, Bucket, key

CHROMIUM = which("chromium") or which("chromium-browser") or which("google-chrome")
AXE: Final = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
VIOLATIONS: Final = """
async () => (await axe.run({resultTypes: ["violations"]})).violations
  .map(it => `${it.id}: ${it.nodes[0].html.slice(0, 160)}`)
"""
# The page's own listener came first: when this one hears of the change, it is drawn.
GO: Final = """
part => new Promise(drawn => {
  const before = location.hash
  addEventListener("hashchange", () => setTimeout(drawn), {once: true})
  location.hash = part
  if (location.hash === before) drawn()
})
"""
THEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
KEYS = 400

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


def fill(bucket: Bucket) -> None:
    """An account with many keys of every kind, one with a hostile name, and one not entered."""
    bucket.inventory(DAY, SHOP, LAB, BOUGHT)
    many = [key(f"user-{number}", number, age=number % 120) for number in range(KEYS)]
    many[5] |= {"overlays": ["BLOCKED"], "sentence": "both slots are taken", "next": None}
    many[6] |= {"state": "ROTATED", "breaks": True}
    many[7] |= {"state": "DISABLED", "user": "=cmd"}
    given = {"until": f"{DAY}", "ticket": NASTY, "by": "ann", "at": f"{DAY}T04:00:00Z"}
    many[8] |= {"overlays": ["DEFERRED"], "deferral": given}
    for back in (2, 1, 0):
        bucket.snapshot(SHOP, DAY - timedelta(days=back), many)
    bucket.snapshot(LAB, DAY, [key("ann", KEYS)], name=NASTY)
    broken = {"users": [], "failures": [{"user": None, "message": "no role"}]}
    bucket.snapshot(BOUGHT, DAY, [], **broken)
    sent = datetime(2026, 5, 18, 4, 30, tzinfo=UTC)
    lost = bucket.receipt(SHOP, "user-6", 6, "disable", DAY, sent)
    bucket.put(f"{lost}.bounced", b'{"why": "550 no such user"}', sent)


@dataclass
class Opened:
    """The page, and what it complained about and asked for."""

    page: Page
    file: Path
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def go(self, part: str) -> None:
        """To a part of the page; it is back when the page has drawn it."""
        self.page.evaluate(GO, part)

    def says(self, text: str) -> None:
        """Waits, for a page draws what a key or a click asked for when its turn comes."""
        expect(self.page.locator("output")).to_have_text(text)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    folder = tmp_path_factory.mktemp("page")
    bucket = Bucket(folder / "copy")
    fill(bucket)
    evidence = LocalEvidence(bucket.root)
    block = GatherPage(evidence=evidence, workers=1).of(
        PageAsked(made=NOW, users_target=UsersTarget(users=300))
    )
    panel = Panel(title="More", about="of it", columns=("a", "b"), rows=(("1", NASTY),))
    file = folder / "page.html"
    file.write_text(write_page(block, Extras(title=NASTY, panels=(panel,))), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        it = Opened(page, file)
        page.on("console", lambda message: it.complaints.append(message.text))
        page.on("pageerror", lambda error: it.complaints.append(str(error)))
        page.on("request", lambda request: it.requests.append(request.url))
        page.goto(file.as_uri())
        page.wait_for_selector("html[data-ready]")
        yield it
        # Whatever was done in it, by any test.
        complaints = [each for each in it.complaints if "Content Security Policy" not in each]
        browser.close()
        assert complaints == []
        assert [each for each in it.requests if not each.startswith("blob:")] == [file.as_uri()]


def test_what_was_not_seen_comes_first_and_nothing_is_green(opened: Opened) -> None:
    opened.go("#overview")

    first = opened.page.locator("#view section").first
    assert "2 of 3 accounts were seen" in first.inner_text()
    assert "no role" in first.inner_text()
    assert opened.page.locator(".good").count() == 0
    opened.go("#keys")
    assert opened.page.locator("p.unseen").is_visible()


def test_of_accounts_of_which_none_was_seen_nothing_is_drawn_and_no_figure_is_0(
    opened: Opened, tmp_path: Path
) -> None:
    bucket = Bucket(tmp_path / "copy")
    bucket.inventory(DAY, BOUGHT)
    bucket.snapshot(BOUGHT, DAY, [], users=[], failures=[{"user": None, "message": "no role"}])
    block = GatherPage(evidence=LocalEvidence(bucket.root), workers=1).of(PageAsked(made=NOW))
    file = tmp_path / "page.html"
    file.write_text(write_page(block, Extras(title="none")), encoding="utf-8")
    browser = opened.page.context.browser
    assert browser is not None
    page = browser.new_page()
    page.goto(file.as_uri())
    page.wait_for_selector("html[data-ready]")

    tiles = page.get_by_label("Figures", exact=True)
    expect(tiles.get_by_text("not known", exact=True)).to_have_count(6)
    assert "is 0 days old" not in tiles.inner_text()
    expect(page.locator("figure")).to_have_count(0)
    expect(page.get_by_text("No account was seen: there is nothing to draw.")).to_be_visible()
    page.close()


def test_the_target_stands_on_top_and_more_time_is_found_by_its_mark(opened: Opened) -> None:
    opened.go("#overview")
    on_top = opened.page.locator("#view section").nth(1)
    assert "At least 401 IAM users, target 300 by 2026-06-30" in on_top.inner_text()
    assert "no earlier day was seen whole" in on_top.inner_text()

    opened.go("#keys?mark=deferred")
    opened.says("1 key shown")
    assert f"until {DAY}, ticket {NASTY}" in opened.page.locator("[role=row]").last.inner_text()
    opened.go(f"#keys?mark=deferred&key=AKIA{8:016d}")
    assert f"until {DAY}; ticket {NASTY}, given by ann" in opened.page.locator("dl").inner_text()
    opened.page.keyboard.press("Escape")
    opened.go("#users?kind=Not known")
    opened.says("400 users shown")


def test_every_part_of_the_active_keys_adds_up_to_all_of_them(opened: Opened) -> None:
    opened.go("#overview")

    standing = opened.page.locator("figure", has_text="Active keys, by the policy").first
    sums = standing.locator(".about").inner_text().partition("part: ")[2].partition(".")[0]
    parts, _, whole = sums.partition(" = ")
    assert sum(map(int, parts.split(" + "))) == int(whole) == KEYS


def test_a_search_a_facet_and_an_order_leave_what_they_say_and_a_link_leads_to_the_same(
    opened: Opened,
) -> None:
    opened.go("#keys")
    opened.says(f"{KEYS + 1} keys shown")
    # Of all of them, only those that are seen are made.
    assert opened.page.locator(".rows [role=row]").count() < 60

    opened.page.fill("#search", "shop USER-39")
    opened.says("0 keys shown")
    opened.page.fill("#search", "USER-39 2222")
    opened.says("11 keys shown")
    opened.page.get_by_label("Due", exact=True).select_option("overdue")
    opened.page.get_by_role("button", name="Age").click()
    opened.page.get_by_role("button", name="Age").click()
    expect(opened.page.get_by_role("columnheader", name="Age")).to_have_attribute(
        "aria-sort", "descending"
    )
    ages = opened.page.locator(".rows [data-label=Age]").all_inner_texts()
    assert ages == sorted(ages, key=int, reverse=True)

    assert opened.page.url.endswith("#keys?q=USER-39+2222&due=overdue&sort=-age")
    opened.go("#keys?mark=blocked")
    opened.says("1 key shown")
    why = opened.page.locator(".rows [data-label^=Blocked]").inner_text()
    assert why == "blocked since 2026-05-18: both slots are taken"


def test_a_row_leads_to_its_account_its_user_and_its_key_by_the_keyboard(opened: Opened) -> None:
    opened.go("#accounts?sort=name")
    grid = opened.page.locator("[role=grid]")
    grid.focus()

    for pressed in ("Home", "ArrowDown", "ArrowUp", "Home", "Enter"):
        opened.page.keyboard.press(pressed)

    opened.says("1 user shown")
    assert NASTY in opened.page.locator(".chips").inner_text()
    opened.page.locator("[role=grid]").focus()
    opened.page.keyboard.press("Enter")
    opened.says("1 key shown")
    opened.go(f"#keys?key={key('user-6', 6)['key']}")
    dialog = opened.page.get_by_role("dialog")
    assert "came back: it proves nothing" in dialog.inner_text()
    assert "550 no such user" in dialog.inner_text()
    opened.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_what_is_shown_is_exported_and_no_cell_of_it_is_a_formula(opened: Opened) -> None:
    opened.go("#keys?state=DISABLED")

    with opened.page.expect_download() as download:
        opened.page.get_by_role("button", name="Export as CSV").click()

    text = download.value.path().read_text(encoding="utf-8")
    [row] = csv.DictReader(text.splitlines())
    assert row["User"] == "'=cmd"
    assert row["Key"] == key("=cmd", 7)["key"]
    assert row["Account id"] == SHOP


def test_a_text_of_strangers_is_a_text(opened: Opened) -> None:
    opened.go("#overview")

    assert opened.page.locator("h1").inner_text() == NASTY
    assert opened.page.locator("img").count() == 0


@pytest.mark.parametrize("part", ["#overview", "#accounts", "#users", "#keys", "#exemptions"])
def test_everybody_can_read_it_at_any_width_in_light_and_dark(opened: Opened, part: str) -> None:
    opened.go(part)
    if not opened.page.evaluate("'axe' in window"):
        opened.page.evaluate(AXE)

    for theme, width in zip(THEMES, (1280, 400), strict=True):
        opened.page.emulate_media(color_scheme=theme)
        opened.page.set_viewport_size({"width": width, "height": 900})
        assert opened.page.evaluate("document.documentElement.scrollWidth") == width
        assert opened.page.evaluate(VIOLATIONS) == []
    opened.page.set_viewport_size({"width": 1280, "height": 900})
