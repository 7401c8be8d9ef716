"""What a rehearsal found, as JSON: for programs, and to attach to an issue."""

from typing import Annotated, Final, Literal, TypedDict

VERSION: Final = 1

# Pairs and no dicts: Python 3.11 wants to hash them.
Moment = Annotated[str, ("format", "date-time")]


class FoundByRehearsal(TypedDict):
    """One step of the story, or one probe."""

    name: str
    kind: Literal["step", "probe"]
    title: str
    verdict: Literal["as-expected", "different", "not-tried"]
    seen: str
    why: str
    seconds: float
    calls: int
    record: dict[str, str]
    source: str


class StillThere(TypedDict):
    """Something that is left, or that could not be looked for (name null)."""

    kind: str
    name: str | None
    why: str


class CleanedUp(TypedDict):
    """What became of what was made."""

    removed: int
    left: list[StillThere]
    others: int
    """How many things lie there that are no rehearsal's; they were left alone."""


class RehearsalFile(TypedDict):
    """All of it."""

    version: Literal[1]
    keyturn: str
    rehearsal: str
    generated_at: Moment
    engine: Literal["here", "deployed"]
    region: str
    interrupted: bool
    seconds: float
    calls: int
    findings: list[FoundByRehearsal]
    clean_up: CleanedUp
