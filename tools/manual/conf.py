"""
How Sphinx makes the site of what `stage.py` laid out. It runs in an environment of its own.

Nothing here is loaded from elsewhere when a page is opened: no font, no script, no picture.
"""

import sys
import tomllib
from pathlib import Path

from pygments.lexers.special import TextLexer

sys.path.insert(0, str(Path(__file__).parent))
from cast import with_recordings

ROOT = Path(__file__).parents[2]

project = "Keyturn"
author = "Keyturn's authors"
project_copyright = "Keyturn's authors, Apache-2.0"
release = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
html_title = f"Keyturn {release}"

extensions = ["myst_parser", "sphinx_copybutton"]
exclude_patterns = ["files", "extra"]
myst_heading_anchors = 6  # as GitHub makes them, so a link leads to the same place in both
copybutton_prompt_text = "$ "
copybutton_line_continuation_character = "\\"
copybutton_exclude = ".linenos, .gp"
# What a console printed is no program of its language.
highlight_language = "text"

smartquotes = False  # they would make one dash of the two before an option

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["manual.css"]
html_js_files = ["manual.js"]
html_extra_path = ["../../.site/extra"]
html_show_sphinx = False
html_show_sourcelink = False
html_copy_source = False
html_use_index = False
# The words around a hit are fetched page by page, which a browser refuses to a site on a disk.
html_show_search_summary = False
html_search_scorer = str(Path(__file__).parent / "scorer.js")
html_theme_options = {
    "footer_icons": [],
    "light_css_variables": {"color-brand-primary": "#0b5a8a", "color-brand-content": "#0b5a8a"},
    "dark_css_variables": {"color-brand-primary": "#7cc4f0", "color-brand-content": "#7cc4f0"},
}


FOR_EVERYBODY = {
    'class="caption" role="heading"': 'class="caption" role="heading" aria-level="2"',
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="All pages">',
    '<aside class="toc-drawer': '<aside aria-label="On this page" class="toc-drawer',
    '<div id="search-results">': '<h1>Search</h1><div id="search-results">',
}
"""What axe misses in the theme's pages: what it writes → what we make of it."""


def mend_for_everybody(app, failure) -> None:  # noqa: ANN001 -- as Sphinx calls it
    """Give headings their level and landmarks their names, also for readers without a script."""
    if failure:
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text("utf-8")
        for written, wanted in FOR_EVERYBODY.items():
            text = text.replace(written, wanted)
        page.write_text(text, "utf-8")


def setup(app) -> None:  # noqa: ANN001 -- Sphinx is not there where types are checked
    """Put the recordings where a page marks their place."""
    app.connect("source-read", with_recordings)
    app.connect("build-finished", mend_for_everybody)
    app.add_lexer("csv", TextLexer)  # Pygments has none
