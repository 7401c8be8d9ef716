"""
Writes the page that people look at: one HTML file that asks for nothing.

Its script and style are built of `web/` by `make page` and stored beside this file, so that
nothing but Python is needed to make a page (decision 0055). The data is one block, packed
(decision 0056): no text of it is ever read as HTML.
"""

import gzip
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any, Final

TITLE: Final = "Keyturn: the access keys of the organisation"
_LEVEL: Final = 9
"""Of gzip: a page is made once and opened often."""

_FORM: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main id="page"><h1>{title}</h1><noscript><p>{summary}</p>
<p>The lists of this page need its script, which asks for nothing.</p></noscript></main>
<script type="text/plain" id="licences">{licences}</script>
<script type="text/plain" id="data">{data}</script>
<script>{script}</script>
</body>
</html>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A table besides, below the figures."""

    title: str
    about: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """What whoever makes the page says beside the data."""

    title: str = TITLE
    panels: Sequence[Panel] = ()
    links: Mapping[str, str] | None = None
    """Its words → the path of a file beside the page."""


def write_page(block: Mapping[str, Any], extras: Extras | None = None) -> str:
    """The page, as HTML; block: of `use_cases/page_data.py`."""
    said = extras or Extras()
    script = _asset("page.js")
    return _FORM.format(
        policy=_policy(script),
        title=escape(said.title),
        style=_asset("page.css"),
        summary=escape(_summary(block)),
        licences=escape(_asset("LICENSES.txt"), quote=False),
        data=_packed(block, said),
        script=script,
    )


def _packed(block: Mapping[str, Any], said: Extras) -> str:
    """Base64 of gzip: it holds nothing but letters, digits, + / and =."""
    whole = {
        **block,
        "title": said.title,
        "panels": [
            {
                "title": each.title,
                "about": each.about,
                "columns": list(each.columns),
                "rows": [list(row) for row in each.rows],
            }
            for each in said.panels
        ],
        "links": [{"label": label, "path": path} for label, path in (said.links or {}).items()],
    }
    plain = json.dumps(whole, separators=(",", ":")).encode()
    # Without a time: the same data is the same page.
    return b64encode(gzip.compress(plain, _LEVEL, mtime=0)).decode()


def _policy(script: str) -> str:
    """A browser runs this one script, and fetches nothing, whatever a name says."""
    hashed = b64encode(sha256(script.encode()).digest()).decode()
    # Plot sets styles within its pictures; without any address a style can lead nowhere.
    allowed = f"script-src 'sha256-{hashed}'; style-src 'unsafe-inline'"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _summary(block: Mapping[str, Any]) -> str:
    """For whoever sees no more than the file's text."""
    keys, accounts = len(block["keys"]["id"]), len(block["accounts"]["id"])
    return f"{keys:,} keys of {accounts:,} accounts, those that were not seen among them"


def _asset(name: str) -> str:
    return (files("keyturn.report") / "assets" / name).read_text(encoding="utf-8")
