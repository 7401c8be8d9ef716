"""How long a large page takes to be made, to open, and to be searched, in Chromium."""

import time
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, sync_playwright

from keyturn.report.page import write_page
from keyturn.use_cases.page_data import GatherPage, PageAsked
from tests.report.bucket import NOW
from tests.report.large import LargeBucket

SEARCHES = ("billing", "AKIA", "example.com logs-3", "no such user", "")
SEARCH = """
async words => {
  const field = document.getElementById("search"), began = performance.now();
  field.value = words;
  field.dispatchEvent(new Event("input"));
  await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - began;
}
"""
"""From the key that is pressed to the rows that are drawn."""


def large_page(*, accounts: int, keys: int, days: int) -> str:
    """A line about a page of so many accounts with so many keys each."""
    evidence = LargeBucket(accounts=accounts, keys=keys, days=days)
    began = time.perf_counter()
    page = write_page(GatherPage(evidence=evidence, workers=1).of(PageAsked(made=NOW)))
    made = time.perf_counter() - began
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder, "page.html")
        file.write_text(page, encoding="utf-8")
        browser = playwright.chromium.launch(
            executable_path=which("chromium") or which("chromium-browser"), args=["--no-sandbox"]
        )
        opened = sorted(_opened(browser.new_page(), file) for _ in range(3))
        shown = browser.new_page()
        _opened(shown, file)
        shown.evaluate("location.hash = '#keys'")
        shown.wait_for_selector("#search")
        shown.wait_for_timeout(1_000)
        searches = sorted(shown.evaluate(SEARCH, words) for words in SEARCHES * 3)
        browser.close()
    return (
        f"page of {accounts * keys:,} keys in {accounts:,} accounts: {len(page) / 1e6:.1f} MB, "
        f"made in {made:.0f} s ({days} days, the time to make them up with it), "
        f"usable after {opened[0]:.0f} to {opened[-1]:.0f} ms, a search "
        f"{searches[0]:.0f} to {searches[-1]:.0f} ms, half of them "
        f"{searches[len(searches) // 2]:.0f} or less"
    )


def _opened(page: Page, file: Path) -> float:
    """Milliseconds until the page can be used, by the page's own clock."""
    page.goto(file.as_uri(), timeout=120_000)
    page.wait_for_selector("html[data-ready]", timeout=120_000)
    return float(page.evaluate("document.documentElement.dataset.ready"))
