"""What the administrators' mail of a day is made from: its sections, and what comes first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from keyturn.domain.admin_digest import AdminDigest, with_lists
from keyturn.domain.decision import Action
from keyturn.domain.worst_lines import DigestLine, DigestList, who_text
from keyturn.mail.links import line_without_links, without_link

ALL_ACCOUNTS: Final[Mapping[str, str]] = {"id": "all accounts", "name": ""}
"""What stands in the place of an account."""
MOST_PARTS: Final = 3
"""Of a subject: a telephone shows no more."""
_BY_WEIGHT: Final = (
    Action.DELETE,
    Action.DISABLE,
    Action.REVOKE,
    Action.REPAIR,
    Action.ROTATE,
    Action.END_EXEMPTION,
    Action.RESTORE,
    Action.NOTICE,
    Action.WARN,
)
"""The order in which counts are told: what cannot be taken back comes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A list of the digest, as the mail shows it."""

    name: str
    """By which templates find its words; the field of the digest."""
    found: DigestList
    dated: bool
    """Whether the date of a line is what it is about."""
    says_what: bool = True
    """Whether there is something to say of each line."""


_ORDER: Final = (
    "breaks",
    "failures",
    "exempted",
    "restored",
    "unexpected",
    "blocked",
    "exemptions",
    "without_owner",
    "rejected",
    "deferrals",
    "secrets",
    "done",
    "planned",
)
"""The lists in the order of the mail; what was not seen stands before them."""
_NOTHING_WRONG: Final = frozenset({"deferrals", "secrets", "done", "planned"})
"""Of which no subject tells."""
_DATED: Final = frozenset({"breaks", "failures"})

_NAMES_ALONE: Final = frozenset({"without_owner", "exempted"})
"""Of whose lines the same is said of each."""


def sections_of(digest: AdminDigest) -> Sequence[Section]:
    """The lists that have anything to tell, the worst first."""
    counts = {"done": digest.done_counts, "planned": digest.planned_counts}
    return [
        Section(name=name, found=found, dated=name in _DATED, says_what=name not in _NAMES_ALONE)
        for name in _ORDER
        if (found := getattr(digest, name)).total or counts.get(name)
    ]


def unseen_of(digest: AdminDigest) -> Sequence[tuple[str, DigestList]]:
    """Which accounts were not seen, by the names of the lists."""
    seen = digest.coverage
    counts = {"not_entered": seen.failed, "not_seen": seen.not_seen.total}
    return [(name, getattr(seen, name)) for name, number in counts.items() if number]


def subject_parts(digest: AdminDigest) -> Sequence[str]:
    """What a subject tells, the worst first, by the names of the lists; nothing on a quiet day."""
    if digest.saw_nothing:
        return ["not_run"]  # whatever else there is to say of that day comes from this
    coverage = digest.coverage
    worst, *others = (name for name in _ORDER if name not in _NOTHING_WRONG)
    unseen = {
        "not_seen": coverage.not_seen.total + coverage.failed,
        "unknown": coverage.listed is None,
        "users_left": coverage.users_left,
    }
    found = {
        "paused": digest.pause is not None,
        # What the pause holds does not stop on its day.
        worst: 0 if digest.pause else getattr(digest, worst).total,
        **unseen,
        **{name: getattr(digest, name).total for name in others},
    }
    return [name for name, number in found.items() if number][:MOST_PARTS]


def is_dry(digest: AdminDigest) -> bool:
    """Whether nothing was changed anywhere: all runs of the day were dry ones."""
    return digest.accounts_dry > 0 and digest.accounts_enforced == 0


def by_count(counts: Mapping[Action, int]) -> list[tuple[Action, int]]:
    """The counts that there are, what cannot be taken back first."""
    return [(action, counts[action]) for action in _BY_WEIGHT if counts.get(action)]


def as_line(line: DigestLine, what: str | None = None) -> str:
    """A line of a list, on one line; what: what is said of it, if not its own words."""
    who = who_text(line)
    said = line.what if what is None else what
    return f"{who}: {said}" if said else who


def lines_defanged(digest: AdminDigest) -> AdminDigest:
    """The digest, in which no name or message of others' makes a link."""
    listed = with_lists(
        digest, lambda found: replace(found, worst=tuple(map(line_without_links, found.worst)))
    )
    pause = digest.pause and replace(
        digest.pause, by=without_link(digest.pause.by), why=without_link(digest.pause.why)
    )
    return replace(listed, remarks=tuple(map(without_link, digest.remarks)), pause=pause)
