"""The page's script and style are built of `web/`, and carry the licences of what is in them."""

import json
import re
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "web"
ASSETS = files("keyturn.report") / "assets"


def hash_of_the_sources() -> str:
    names = ["build.mjs", "package.json", "package-lock.json", "tsconfig.json"]
    names += [f"src/{each.name}" for each in sorted((WEB / "src").iterdir())]
    hashed = sha256()
    for name in names:
        hashed.update(name.encode() + b"\0" + (WEB / name).read_bytes() + b"\0")
    return hashed.hexdigest()


@pytest.mark.parametrize("name", ["page.js", "page.css"])
def test_what_is_committed_is_built_of_the_sources_that_are_committed(name: str) -> None:
    head = (ASSETS / name).read_text(encoding="utf-8").splitlines()[0]

    assert head == f"/* keyturn page, of the sources {hash_of_the_sources()} */", "make page"


def test_every_package_that_the_page_needs_stands_among_the_licences() -> None:
    licences = (ASSETS / "LICENSES.txt").read_text(encoding="utf-8")
    needs = json.loads((WEB / "package.json").read_text())["dependencies"]

    assert [
        name for name, version in needs.items() if f"\n{name} {version} (" not in licences
    ] == []
    assert set(re.findall(r"^\S+ [\d.]+ \((.+)\)$", licences, re.MULTILINE)) <= {
        "BSD-3-Clause",
        "ISC",
        "MIT",
    }


def test_neither_script_nor_style_ends_the_element_that_holds_it() -> None:
    for name in ("page.js", "page.css", "LICENSES.txt"):
        text = (ASSETS / name).read_text(encoding="utf-8").lower()
        assert "</script" not in text
        assert "</style" not in text
