"""
What a release needs beside the build: its tag checked, its notes, its checksums.

It needs the standard library alone: a workflow runs it before anything is installed.
"""

import argparse
import hashlib
import re
import sys
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
SUMS: Final = "SHA256SUMS"

TAG: Final = re.compile(r"v(\d+\.\d+\.\d+)", re.ASCII)
HEADING: Final = re.compile(r"^## \[([^\]\n]+)\](.*)$", re.MULTILINE)
DATED: Final = re.compile(r" - (\d{4}-\d{2}-\d{2})", re.ASCII)
SAID: Final = re.compile(r"^__version__ = \"([^\"]+)\"$", re.MULTILINE)
LINK_WITHIN: Final = re.compile(r"\]\((?!\w+:|#)([^)\s]+)\)")
UNRELEASED: Final = "Unreleased"


class NotInTheChangelogError(Exception):
    """CHANGELOG.md has no heading for a version."""


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line asks; the exit code is 2 where the tag is no release's."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check", help="say what does not fit the tag").add_argument("tag")
    of_notes = commands.add_parser("notes", help="print the tag's part of CHANGELOG.md")
    of_notes.add_argument("tag")
    of_notes.add_argument("home", help="the URL below which the files of the tag are shown")
    commands.add_parser("sums", help=f"write {SUMS}").add_argument("folder", type=Path)
    given = parser.parse_args(arguments)
    if given.command == "sums":
        (given.folder / SUMS).write_text(sums(given.folder), newline="\n")
        return 0
    wrong = [*problems(given.tag, ROOT)]
    for each in wrong:
        print(f"{given.tag}: {each}", file=sys.stderr)
    if wrong:
        return 2
    if given.command == "notes":
        said = notes(given.tag.removeprefix("v"), (ROOT / "CHANGELOG.md").read_text("utf-8"))
        print(for_elsewhere(said, given.home))
    return 0


def problems(tag: str, root: Path) -> Iterator[str]:
    """Say why the project in this folder is not the release of the tag; nothing if it is."""
    if not (asked := TAG.fullmatch(tag)):
        yield "a release's tag is v and three numbers, such as v1.2.3"
        return
    version = asked[1]
    if (named := _version_named(root)) != version:
        yield f"pyproject.toml has version {named}"
    if (said := _version_said(root)) != version:
        yield f"src/keyturn/__init__.py says {said}"
    if (locked := _version_locked(root)) != version:
        yield f"uv.lock has version {locked} of keyturn: run `uv lock`"
    yield from _problems_of_changelog(version, (root / "CHANGELOG.md").read_text("utf-8"))


def _version_named(root: Path) -> str:
    return str(tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"])


def _version_said(root: Path) -> str:
    text = (root / "src" / "keyturn" / "__init__.py").read_text("utf-8")
    found = SAID.search(text)
    return found[1] if found else "no version"


def _version_locked(root: Path) -> str:
    packages = tomllib.loads((root / "uv.lock").read_text("utf-8"))["package"]
    [ours] = [each["version"] for each in packages if each["name"] == "keyturn"]
    return str(ours)


def _problems_of_changelog(version: str, changelog: str) -> Iterator[str]:
    headings = HEADING.findall(changelog)
    if any(name == UNRELEASED for name, _ in headings) and notes(UNRELEASED, changelog):
        yield f"CHANGELOG.md still has lines under {UNRELEASED}"
    newest, said = next(((n, rest) for n, rest in headings if n != UNRELEASED), ("", ""))
    if newest != version:
        yield f"the newest version in CHANGELOG.md is {newest or 'none'}"
        return
    if not (day := DATED.fullmatch(said)) or not _is_a_day(day[1]):
        yield f"CHANGELOG.md has no day for it: its heading is `## [{version}] - YYYY-MM-DD`"
    if not notes(version, changelog):
        yield "CHANGELOG.md says nothing about it"


def _is_a_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def notes(version: str, changelog: str) -> str:
    """
    What CHANGELOG.md says below the heading of a version.

    Raises NotInTheChangelogError where there is no such heading.
    """
    headings = [*HEADING.finditer(changelog)]
    for at, heading in enumerate(headings):
        if heading[1] == version:
            end = headings[at + 1].start() if at + 1 < len(headings) else len(changelog)
            return changelog[heading.end() : end].strip()
    raise NotInTheChangelogError(version)


def for_elsewhere(text: str, home: str) -> str:
    """Lead the links into this project to where it is shown: beside a release nothing else is."""
    return LINK_WITHIN.sub(lambda link: f"]({home}/{link[1]})", text)


def sums(folder: Path) -> str:
    """The SHA-256 of each file in a folder, hidden ones apart, as `sha256sum` checks them."""
    files = sorted(each for each in folder.glob("[!.]*") if each.is_file() and each.name != SUMS)
    return "".join(
        f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.name}\n" for each in files
    )


if __name__ == "__main__":
    sys.exit(main())
