"""
docs/relies-on.md, written from the catalogue of probes.

`python -m tests.rehearsal.probes.relies_on` writes it anew.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

from keyturn.rehearsal.probes import events, iam, kms, s3, secrets, ses, sqs
from keyturn.rehearsal.probes.probe import Probe, Unprobed

ROOT: Final = Path(__file__).parents[3]
PAGE: Final = ROOT / "docs" / "relies-on.md"
_LIST: Final = re.compile(r"(?<=<!-- list:start -->\n).*(?=<!-- list:end -->)", re.DOTALL)
CHAPTERS: Final[tuple[tuple[str, ModuleType], ...]] = (
    ("IAM and STS", iam),
    ("Secrets Manager", secrets),
    ("KMS", kms),
    ("S3", s3),
    ("SQS", sqs),
    ("EventBridge, and what comes by it", events),
    ("SES", ses),
)


def place_of(name: str) -> Path:
    """The file that a reliance names: a decision by its number, else one below src/keyturn."""
    if name.isdigit():
        return next((ROOT / "docs" / "decisions").glob(f"{name}-*.md"), Path(name))
    return ROOT / "src" / "keyturn" / name


def page(text: str) -> str:
    """The page with the list in it."""
    lines = [line for heading, module in CHAPTERS for line in _chapter(heading, module)]
    whole = "\n".join(["", *lines, ""])
    return _LIST.sub(lambda _: whole, text)


def _chapter(heading: str, module: ModuleType) -> Iterator[str]:
    yield from (f"## {heading}", "")
    yield "| probe | AWS behaves like this | what rests on it | if it did not |"
    yield "| --- | --- | --- | --- |"
    yield from (_row(each, f"`{each.name}`") for each in module.PROBES)
    yield from (_row(each, f"none: {each.why}") for each in module.UNPROBED)
    yield ""


def _row(reliance: Probe | Unprobed, probe: str) -> str:
    claim = f"{reliance.claim} ([AWS]({reliance.source}))"
    return f"| {probe} | {claim} | {_links(reliance.rests_on_it)} | {reliance.otherwise} |"


def _links(names: Iterable[str]) -> str:
    return ", ".join(
        f"[{name}](decisions/{place_of(name).name})" if name.isdigit() else f"`{name}`"
        for name in names
    )


def main() -> None:
    """Write the page anew."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
