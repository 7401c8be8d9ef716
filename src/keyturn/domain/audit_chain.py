"""
The chain that shows what was changed: links that each name the one before, and what they hold.

A link has the SHA-256 of every object that was stored since the link before, and of that link
itself. So nothing can be changed, taken out or put in between without a later link saying so; what
comes after the last link nobody vouches for yet.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from keyturn.domain.amounts import pluralize
from keyturn.domain.days import read_day

FOLDER: Final = "audit/chain/"
"""Where the links are stored."""
AUDIT: Final = "audit/"
REPORTS: Final = "reports/"
FINISHES: Final = ("digest.json", "report.json", "page.json")
"""The object of a report's folder that is stored last: before it, the others may still change."""
_LEFT_OUT: Final = frozenset({"held.json", "published.json"})
"""What a report's folder holds for whoever makes it: it may be replaced, or come days later."""
HEAD: Final = re.compile(r"([1-9][0-9]{0,9}):([0-9a-f]{64})")
"""A link's number, and its SHA-256: what `Head` is written as."""
_NUMBER: Final = re.compile(r"[0-9]{10}\.json")
_DAY: Final = re.compile(r"/(?:date=)?([0-9]{4}-[0-9]{2}-[0-9]{2})/")
MOST_NAMED: Final = 20
"""Of one kind of finding so many are named, and the rest is counted."""


@dataclass(frozen=True, slots=True)
class Chained:
    """An object, and what it was when it was put into the chain."""

    name: str
    """Below the prefix."""
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One link of the chain."""

    number: int
    """From 1, without a gap."""
    previous: str | None
    """The SHA-256 of the link before; None: it is the first."""
    made: datetime
    """UTC."""
    through: date
    """Every object of an earlier day than this is in the chain: who comes later came too late."""
    objects: tuple[Chained, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLink:
    """A link as it is stored."""

    sha256: str
    link: Link | None
    """None: it is of no form that we know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What somebody wrote down of the chain's end: a log line, or a person."""

    number: int
    sha256: str
    source: str

    def __str__(self) -> str:
        """As one note of it goes into a mail, and back to `keyturn audit verify --head`."""
        return f"{self.number}:{self.sha256}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the chain says."""

    links: int
    objects: int
    """Those that are as they were when they were put into it."""
    broken: tuple[str, ...] = ()
    """What does not fit, a sentence each."""
    remarks: tuple[str, ...] = ()
    """What the chain cannot say, or does not say yet."""
    last: Head | None = None


def link_name(number: int) -> str:
    """The name of a link below the prefix."""
    return f"{FOLDER}{number:010d}.json"


def number_of(name: str) -> int | None:
    """The number of a link by its name; None: it is not the name of one."""
    last = name.removeprefix(FOLDER)
    return int(last.removesuffix(".json")) if _NUMBER.fullmatch(last) else None


def day_of(name: str) -> date | None:
    """The day of an object by its name; None: it has none."""
    found = _DAY.search(name)
    return read_day(found[1]) if found else None


def belongs(names: Sequence[str]) -> Iterator[str]:
    """Those of the names whose objects are final, and so belong into the chain."""
    finished = {name.rpartition("/")[0] for name in names if name.rpartition("/")[2] in FINISHES}
    for name in names:
        folder, _, last = name.rpartition("/")
        if name.startswith(AUDIT):
            if not name.startswith(FOLDER):
                yield name
        elif name.startswith(REPORTS) and last not in _LEFT_OUT:
            above = (folder, folder.rpartition("/")[0])  # an inventory is one folder deeper
            if finished.intersection(above):
                yield name


def verify(
    links: Mapping[str, StoredLink],
    objects: Mapping[str, str],
    heads: Sequence[Head] = (),
) -> Verdict:
    """
    Hold the chain to what is stored.

    Args:
        links: every object in the chain's folder, by its name.
        objects: name → SHA-256 of each object that belongs into the chain.
        heads: what somebody wrote down of its end, once.

    """
    checked = _Checked()
    numbered: dict[int, StoredLink] = {}
    for name, stored in sorted(links.items()):
        number = number_of(name)
        if number is None:
            checked.broken.append(f"{name} is in the chain's folder, and no link of it")
        else:
            numbered[number] = stored
    if not numbered:
        checked.broken.append("there is no chain: nothing shows whether anything was changed")
    checked.order(numbered)
    known = checked.contents(numbered, objects)
    checked.outside(numbered, objects, known)
    checked.against(numbered, heads)
    last = max(numbered, default=None)
    return Verdict(
        links=len(numbered),
        objects=sum(objects.get(name) == sha256 for name, sha256 in known.items()),
        broken=tuple(checked.broken),
        remarks=tuple(checked.remarks),
        last=None
        if last is None
        else Head(number=last, sha256=numbered[last].sha256, source="the chain"),
    )


@dataclass(slots=True)
class _Checked:
    """What was found so far."""

    broken: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def order(self, numbered: Mapping[int, StoredLink]) -> None:
        """Check whether the links follow one another."""
        before = 0
        for number, stored in numbered.items():
            if number != before + 1:
                gap = _range(before + 1, number - 1)
                self.broken.append(f"{gap} of the chain {_is(before + 1, number - 1)} gone")
            link = stored.link
            if link is None:
                self.broken.append(f"link {number} cannot be read as a link")
            elif link.number != number:
                self.broken.append(
                    f"link {number} says that it is link {link.number}: two with one number, or "
                    "one in another's place"
                )
            elif number == 1:
                if link.previous is not None:
                    self.broken.append("link 1 names one before it: the chain's beginning is gone")
            elif before == number - 1 and link.previous != numbered[before].sha256:
                self.broken.append(
                    f"link {before} is not the one that link {number} follows: it was changed, or "
                    f"link {number} was"
                )
            before = number

    def contents(
        self, numbered: Mapping[int, StoredLink], objects: Mapping[str, str]
    ) -> dict[str, str]:
        """Check whether what the links hold is what is stored; what they hold, by name."""
        known: dict[str, str] = {}
        gone: list[str] = []
        changed: list[str] = []
        for number, stored in numbered.items():
            for each in stored.link.objects if stored.link else ():
                if known.setdefault(each.name, each.sha256) != each.sha256:
                    self.broken.append(f"{each.name} was changed before link {number} was made")
                elif each.name not in objects:
                    gone.append(each.name)
                elif objects[each.name] != each.sha256:
                    changed.append(each.name)
        self._named(gone, "is gone")
        self._named(changed, "was changed")
        return known

    def outside(
        self,
        numbered: Mapping[int, StoredLink],
        objects: Mapping[str, str],
        known: Mapping[str, str],
    ) -> None:
        """Say of what the chain does not hold whether it should."""
        links = [stored.link for stored in numbered.values() if stored.link is not None]
        through = max((link.through for link in links), default=date.min)
        new = [name for name in objects if name not in known]
        late = [name for name in new if (day := day_of(name)) is not None and day < through]
        self._named(
            late,
            f"is not in the chain, which holds everything of the days before {through}: it came "
            "later than its name says, or the link that held it is gone",
        )
        dayless = [name for name in new if day_of(name) is None]
        self._named(dayless, "has no day in its name, and is in no chain")
        if waiting := [name for name in new if name not in {*late, *dayless}]:
            self.remarks.append(
                f"{pluralize(len(waiting), 'object')} stored since the last link: the chain does "
                "not vouch for them yet"
            )
        if links and (old := _older(known, links[0].made.date())):
            self.remarks.append(
                f"{pluralize(old, 'object')} older than the chain, which began on "
                f"{links[0].made.date()}: changes since then would show, none before"
            )

    def against(self, numbered: Mapping[int, StoredLink], heads: Sequence[Head]) -> None:
        """Hold the links to what was written down of them elsewhere."""
        last = max(numbered, default=0)
        for head in heads:
            found = numbered.get(head.number)
            if found is not None and found.sha256 != head.sha256:
                self.broken.append(f"link {head.number} is not the one that {head.source} names")
            elif found is None and head.number > last:
                self.broken.append(
                    f"the chain's end is cut off: {head.source} names link {head.number}, and the "
                    f"last one is {last}"
                )
        if not heads:
            self.remarks.append(
                "Whether links are missing at the end, or all of them were made anew, shows only "
                "beside what was written down elsewhere: give --head, or the reporter's log with "
                "--logs"
            )

    def _named(self, names: Sequence[str], what: str) -> None:
        self.broken += (f"{name} {what}" for name in names[:MOST_NAMED])
        if len(names) > MOST_NAMED:
            self.broken.append(f"and {len(names) - MOST_NAMED} more, of which each {what}")


def _older(known: Mapping[str, str], began: date) -> int:
    return sum((day := day_of(name)) is not None and day < began for name in known)


def _range(first: int, last: int) -> str:
    return f"link {first}" if first == last else f"links {first} to {last}"


def _is(first: int, last: int) -> str:
    return "is" if first == last else "are"
