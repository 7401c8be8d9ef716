"""
Photograph what the manual shows: python -m tools.manual.screenshots (make screenshots).

Each picture is of what a command of this release wrote, at the size at which a reader sees it,
once in light and once in dark. Beside the pictures stands a hash of what they show
(pictures/shown.json), so a test sees a picture of something that has changed since.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from shutil import which
from subprocess import run
from tempfile import TemporaryDirectory
from typing import Final, Literal

from playwright.sync_api import Page, sync_playwright

from keyturn.domain.notice_content import NoticeContent
from keyturn.mail.letterhead import Letterhead
from keyturn.mail.renderer import Mails
from keyturn.mail.samples import ADMIN, SCENES
from keyturn.mail.samples_of_day import DAYS

ROOT: Final = Path(__file__).parents[2]
PICTURES: Final = ROOT / "docs" / "pictures"
SHOWN: Final = PICTURES / "shown.json"
THEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
LARGEST: Final = 150_000
"""Bytes of one picture."""
AS_WEBP: Final = """
async (png) => {
  const picture = new Image()
  picture.src = `data:image/png;base64,${png}`
  await picture.decode()
  const canvas = Object.assign(document.createElement("canvas"), {
    width: picture.naturalWidth, height: picture.naturalHeight})
  canvas.getContext("2d").drawImage(picture, 0, 0)
  return canvas.toDataURL("image/webp", 0.86).split(",")[1]
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is photographed, as HTML, and how wide and how high at most, in CSS pixels."""

    html: str
    width: int
    height: int


def mails() -> Mapping[str, Subject]:
    """The mails of the manual."""
    letterhead = Letterhead(admin=ADMIN, organization="Brightwater")
    shown: Mapping[str, NoticeContent] = {
        "mail-owner": SCENES["rotated"],
        "mail-admin": DAYS["daily-bad"],
    }
    return {
        name: Subject(html=Mails(letterhead).mail_of(content).html, width=640, height=900)
        for name, content in shown.items()
    }


def hashes() -> Mapping[str, str]:
    """Of each picture what it shows; of the page, whose figures come and go, how it looks."""
    page = "".join(
        files("keyturn.report").joinpath("assets", name).read_text("utf-8")
        for name in ("page.css", "page.js")
    )
    told = {name: subject.html for name, subject in mails().items()} | {"page": page}
    return {name: sha256(text.encode()).hexdigest() for name, text in sorted(told.items())}


def main() -> None:
    """Take all pictures anew. Raises SystemExit if one is too large."""
    with TemporaryDirectory() as folder, _camera() as page:
        demo = [str(ROOT / ".venv/bin/keyturn"), "demo", "-o", folder, "--days", "60"]
        run(demo, check=True)  # noqa: S603 -- our own command
        for name, subject in mails().items():
            _photograph(page, name, subject, partial(page.set_content, subject.html))
        subject = Subject(html="", width=1000, height=760)
        _photograph(page, "page", subject, partial(_open, page, Path(folder) / "index.html"))
    SHOWN.write_text(json.dumps(hashes(), indent=2) + "\n", "utf-8")


@contextmanager
def _camera() -> Iterator[Page]:
    program = which("chromium") or which("chromium-browser") or which("google-chrome")
    if program is None:
        raise SystemExit("No Chromium is installed.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


def _open(page: Page, file: Path) -> None:
    page.goto(file.as_uri())
    page.wait_for_selector("html[data-ready]")


def _photograph(page: Page, name: str, subject: Subject, show: Callable[[], None]) -> None:
    page.set_viewport_size({"width": subject.width, "height": 200})
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        show()
        whole = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": subject.width, "height": min(whole, subject.height)})
        png = base64.b64encode(page.screenshot()).decode()
        page.goto("about:blank")
        webp = base64.b64decode(page.evaluate(AS_WEBP, png))
        if len(webp) > LARGEST:
            raise SystemExit(f"{name}-{theme}: {len(webp)} bytes are too many")
        (PICTURES / f"{name}-{theme}.webp").write_bytes(webp)
        print(f"{name}-{theme}.webp: {len(webp):,} bytes")


if __name__ == "__main__":
    main()
