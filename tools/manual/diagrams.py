"""
Draw the manual's Mermaid diagrams: python -m tools.manual.diagrams (part of make pictures).

Mermaid itself draws them, in a browser, from its package in node_modules. The pictures are
committed, so whoever builds the site needs no node; a picture's name is its diagram's hash.
"""

from pathlib import Path
from shutil import which
from typing import Final

from playwright.sync_api import sync_playwright

from tools.manual import stage

MERMAID: Final = Path(__file__).parent / "node_modules" / "mermaid" / "dist" / "mermaid.min.js"
PICTURES: Final = stage.DOCS / "pictures"
DRAW: Final = """
async ([name, text]) => {
  mermaid.initialize({startOnLoad: false, theme: "neutral", htmlLabels: false,
    fontFamily: "Liberation Sans, Arial, sans-serif",
    flowchart: {htmlLabels: false, wrappingWidth: 400}})
  return (await mermaid.render(name, text)).svg
}
"""


def main() -> None:
    """Draw what has no picture yet, and take away what no diagram has any more."""
    wanted = {stage.picture_of(diagram): diagram for _, diagram in stage.diagrams()}
    for path in PICTURES.glob("diagram-*.svg"):
        if path.name not in wanted:
            path.unlink()
    program = which("chromium") or which("chromium-browser") or which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page()
        page.add_script_tag(path=MERMAID)
        for name, diagram in wanted.items():
            svg = page.evaluate(DRAW, [Path(name).stem, diagram])
            (PICTURES / name).write_text(svg + "\n", "utf-8")
            print(f"{name}: {len(svg):,} bytes")
        browser.close()


if __name__ == "__main__":
    main()
