"""What `keyturn audit verify --format json` answers."""

from typing import Literal, TypedDict

from keyturn.domain.audit_chain import Verdict


class LinkNamed(TypedDict):
    """A link, as it is written down to be compared with later."""

    number: int
    sha256: str


class VerdictFile(TypedDict):
    """Whether the chain over audit entries and reports is whole."""

    version: Literal[1]
    place: str
    """What was read: a bucket and prefix, or a folder."""
    whole: bool
    links: int
    objects: int
    """Those that are as they were when they were put into the chain."""
    last: LinkNamed | None
    """The last link; null: there is none."""
    broken: list[str]
    """What does not fit, a sentence each."""
    remarks: list[str]
    """What the chain cannot say, or does not say yet."""


def write_verdict(verdict: Verdict, place: str) -> VerdictFile:
    """The answer."""
    last = verdict.last
    return {
        "version": 1,
        "place": place,
        "whole": not verdict.broken,
        "links": verdict.links,
        "objects": verdict.objects,
        "last": None if last is None else {"number": last.number, "sha256": last.sha256},
        "broken": list(verdict.broken),
        "remarks": list(verdict.remarks),
    }
