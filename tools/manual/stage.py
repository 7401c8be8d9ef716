"""
Lay the manual out for Sphinx: python -m tools.manual.stage FOLDER.

The pages of docs/ stay what they are. In the copy, links lead to where the site has a thing, the
index gets the site's navigation, diagrams are pictures, and pages made of the code stand beside.
"""

import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Final

from tools.manual import reference

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
INDEX: Final = "docs/README.md"
BESIDE: Final = {
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "README.md": "readme.md",
    "SECURITY.md": "security.md",
}
"""Pages at the repository's root that the site has, by their names there."""
FILES: Final = "files"
"""The folder of whatever else a page links to."""

OUT_OF_THE_NAVIGATION: Final = "---\norphan: true\n---\n\n"
"""A decision: its index lists it. Eighty of them beside every page would hide the manual."""

LINK: Final = re.compile(r"(!?\[(?:[^\[\]]|\[[^\]]*\])*\]\()([^)\s]+)(\))")
SOURCE: Final = re.compile(r'((?:src|srcset)=")([^"]+)(")')
FENCED: Final = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
MERMAID: Final = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ROW: Final = re.compile(r"^\|([^|]*)\| \[([^\]]+)\]\(([^)]+)\) \|", re.MULTILINE)


class DeadLink(Exception):
    """A page links to what is not in the repository. Raised before anything is built."""


class MissingPicture(Exception):
    """A diagram has no picture yet, or an older one. Raised before anything is built."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A page in the navigation: for whom, its name there, its path in the repository."""

    reader: str
    title: str
    source: str


def navigation() -> Iterator[Entry]:
    """Every page that docs/README.md lists, in its order: the one list of the manual's pages."""
    reader = ""
    for for_whom, title, target in ROW.findall((ROOT / INDEX).read_text("utf-8")):
        reader = for_whom.strip() or reader
        yield Entry(reader, title, _resolved(INDEX, target))


def pages() -> Mapping[str, str]:
    """Each page of the site that somebody wrote: path in the repository → path on the site."""
    below = {
        f"docs/{name}": name.replace("README.md", "index.md")
        for path in sorted(DOCS.rglob("*.md"))
        for name in [path.relative_to(DOCS).as_posix()]
    }
    return below | BESIDE


def picture_of(diagram: str) -> str:
    """The name of a diagram's picture in docs/pictures: another diagram, another name."""
    return f"diagram-{sha256(diagram.encode()).hexdigest()[:12]}.svg"


def diagrams() -> Iterator[tuple[str, str]]:
    """Every Mermaid diagram of the manual, with the page where it stands."""
    for source in pages():
        for diagram in MERMAID.findall((ROOT / source).read_text("utf-8")):
            yield source, diagram


def stage(folder: Path) -> None:
    """Write everything that Sphinx reads. Raises DeadLink, MissingPicture."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(DOCS, folder, ignore=shutil.ignore_patterns("*.md"))
    shutil.copytree(DOCS / "pictures", folder / "extra" / "pictures")  # for <picture>
    for source, target in pages().items():
        _write(folder / target, _page(source, folder))
    for target, text in reference.pages().items():
        _write(folder / "reference" / target, text)
    _write(folder / "index.md", (folder / "index.md").read_text("utf-8") + _toctrees())


def _page(source: str, folder: Path) -> str:
    text = (ROOT / source).read_text("utf-8")
    if source not in {INDEX, *BESIDE, *(entry.source for entry in navigation())}:
        text = f"{OUT_OF_THE_NAVIGATION}{text}"
    return on_the_site(text, source, folder)


def on_the_site(text: str, source: str, folder: Path) -> str:
    """
    A page as the site has it; what it links to beside pages is copied into the folder.

    Raises DeadLink, MissingPicture.
    """
    text = MERMAID.sub(lambda found: _picture(source, found[1]), text)
    return _outside_code(text, lambda prose: relinked(prose, source, folder))


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    """Change all but the fenced blocks."""
    parts, at = [], 0
    for block in FENCED.finditer(text):
        parts += [change(text[at : block.start()]), block[0]]
        at = block.end()
    return "".join([*parts, change(text[at:])])


def _picture(source: str, diagram: str) -> str:
    name = picture_of(diagram)
    if not (DOCS / "pictures" / name).is_file():
        raise MissingPicture(f"{source}: a diagram has no picture; run `make pictures`")
    up = "" if source.startswith("docs/") else "docs/"
    return f"![{_said(diagram)}]({up}pictures/{name})"


def _said(diagram: str) -> str:
    """What somebody hears who does not see the picture."""
    kind = "The states of a key" if diagram.startswith("stateDiagram") else "How messages flow"
    return f"{kind}, as a diagram; the text beside it says the same"


def relinked(text: str, source: str, folder: Path) -> str:
    """The text of a page, without its code, with links to where the site has a thing."""

    def link(found: re.Match[str]) -> str:
        before, target, after = found.groups()
        return f"{before}{_place(source, target, folder)}{after}"

    return SOURCE.sub(link, LINK.sub(link, text))


def _place(source: str, target: str, folder: Path) -> str:
    """Where a link of a page leads on the site."""
    name, mark, anchor = target.partition("#")
    if not name or re.match(r"[a-z]+:", target):
        return target
    path = _resolved(source, name)
    known = pages()
    home = PurePosixPath(known[source]).parent
    if path in known:
        return f"{relpath(known[path], home)}{mark}{anchor}"
    if not (ROOT / path).is_file():
        raise DeadLink(f"{source}: {target} leads nowhere")
    if path.startswith("docs/"):
        return f"{relpath(path.removeprefix('docs/'), home)}{mark}{anchor}"
    copy = folder / FILES / path
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / path, copy)
    return relpath(f"{FILES}/{path}", home)


def _resolved(source: str, target: str) -> str:
    """A relative link of a page, as a path in the repository."""
    return normpath(str(PurePosixPath(source).parent / target))


def _toctrees() -> str:
    """The navigation: what docs/README.md lists, by its readers, then what is made of the code."""
    known = pages()
    groups: dict[str, list[str]] = {}
    for entry in navigation():
        line = f"{entry.title} <{known[entry.source].removesuffix('.md')}>"
        groups.setdefault(f"If you {entry.reader}", []).append(line)
    groups["Beside it"] = [
        "Made of the code <reference/index>",
        "What changed <changelog>",
        "Security <security>",
        "Contributing <contributing>",
    ]
    return "".join(_below(lines, caption) for caption, lines in groups.items())


def _below(lines: list[str], caption: str) -> str:
    return "\n".join(
        ["", "```{toctree}", ":hidden:", f":caption: {caption}", "", *lines, "```", ""]
    )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


if __name__ == "__main__":
    try:
        stage(Path(sys.argv[1]))
    except (DeadLink, MissingPicture) as error:
        raise SystemExit(str(error)) from None
