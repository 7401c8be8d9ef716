"""
The chain over audit entries and reports: puts in what is new, and holds it to what is stored.

Who writes an entry knows nothing of the chain and waits for nobody (decision 0057). It is made
afterwards, by one who looks every quarter of an hour; two of them cannot both make a link.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from keyturn.domain.audit_chain import (
    AUDIT,
    FOLDER,
    REPORTS,
    Chained,
    Head,
    Link,
    StoredLink,
    Verdict,
    belongs,
    day_of,
    link_name,
    number_of,
    verify,
)
from keyturn.domain.errors import AlreadyThere
from keyturn.ports.evidence import ChainStore, Evidence
from keyturn.schemas.audit_link import read_link, write_link
from keyturn.use_cases.side_by_side import side_by_side

STAYS_OPEN: Final = timedelta(days=2)
"""So long an entry may still come that has its day in its name: a run ends when it ends."""
AT_ONCE: Final = 8
"""Objects that are read at the same time, to be verified."""
MOST_OBJECTS: Final = 1000
"""Of one link: each is read once, and the next link has the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeChain:
    """Adds links to the chain."""

    store: ChainStore

    def turn(self, now: datetime, may_go_on: Callable[[], bool]) -> Iterator[Head]:
        """
        Put what is new into the chain, and give each link that was made; now: UTC.

        Where another makes the same link at the same time, one of them is made, and this ends.
        Raises a PortError where something could not be read or written.
        """
        while may_go_on():
            number, before = self._last()
            link = self._next(number, before, now)
            if link is None:
                return
            body = write_link(link)
            try:
                self.store.add(link_name(link.number), body)
            except AlreadyThere:
                return
            yield _head(link.number, body)

    def end(self) -> Head | None:
        """The last link; None: there is no chain. Raises a PortError where it cannot be read."""
        number, link = self._last()
        return None if link is None else _head(number, link)

    def waiting(self) -> Sequence[str]:
        """The names of what the next links would hold."""
        number, before = self._last()
        return self._new(number, before)[1]

    def _last(self) -> tuple[int, bytes | None]:
        """The number of the last link and the link; 0 and None: there is none."""
        names = (each.name for each in self.store.listed(FOLDER))
        number = max((found for name in names if (found := number_of(name))), default=0)
        return number, self.store.read(link_name(number)) if number else None

    def _next(self, number: int, before: bytes | None, now: datetime) -> Link | None:
        since, new = self._new(number, before)
        if not new:
            return None
        taken, left = new[:MOST_OBJECTS], new[MOST_OBJECTS:]
        through = max(since, now.date() - STAYS_OPEN)
        if left:
            through = max(since, min(through, day_of(left[0]) or through))
        return Link(
            number=number + 1,
            previous=_sha256(before) if before is not None else None,
            made=now,
            through=max(through, _FIRST_DAY),
            objects=tuple(Chained(name, self.store.sha256(name)) for name in taken),
        )

    def _new(self, number: int, before: bytes | None) -> tuple[date, list[str]]:
        """From which day on is looked, and what is new since, the oldest first."""
        last = read_link(before) if before is not None else None
        # One that cannot be read is followed all the same, and everything is put in once more.
        since = last.through if last is not None else date.min
        known = self._since(number, since) if last is not None else set()
        new = (each for each in stored_since(self.store, since) if each not in known)
        return since, sorted(new, key=lambda name: (day_of(name) or date.max, name))

    def _since(self, number: int, since: date) -> set[str]:
        """What the links hold that can hold anything of these days."""
        known: set[str] = set()
        while number:
            link = read_link(self.store.read(link_name(number)))
            if link is None:
                break
            known.update(each.name for each in link.objects)
            if link.made.date() < since:
                break
            number -= 1
        return known


_FIRST_DAY: Final = date(2000, 1, 1)


def stored_since(store: Evidence, since: date) -> list[str]:
    """The names of what belongs into the chain, of a day or later."""
    day = "" if since == date.min else since.isoformat()
    names = [each.name for each in store.listed(AUDIT, after=f"{AUDIT}{day}" if day else "")]
    for kind in store.folders(REPORTS):
        after = f"{kind}date={day}" if day else ""
        names += (each.name for each in store.listed(kind, after=after))
    return [name for name in belongs(names) if (day_of(name) or since) >= since]


def verify_chain(store: Evidence, heads: Sequence[Head], progress: Callable[[], None]) -> Verdict:
    """
    Hold the chain to what is stored: it reads every link, and every object once.

    progress: is told of each object. Raises a PortError where something cannot be read.
    """
    links: dict[str, StoredLink] = {}
    for each in store.listed(FOLDER):
        body = store.read(each.name)
        links[each.name] = StoredLink(sha256=_sha256(body), link=read_link(body))
        progress()
    names = _names(store, links)
    hashes = side_by_side(
        store.sha256, names, workers=AT_ONCE, progress=lambda _done, _of: progress()
    )
    return verify(links, dict(zip(names, hashes, strict=True)), heads)


def _names(store: Evidence, links: Mapping[str, StoredLink]) -> list[str]:
    """The names of what belongs into the chain, or is in it."""
    names = {*stored_since(store, date.min)}
    held = {each.name for stored in links.values() if stored.link for each in stored.link.objects}
    there = {each.name for start in (AUDIT, REPORTS) for each in store.listed(start)}
    return sorted(names | held & there)


def _head(number: int, link: bytes) -> Head:
    return Head(number=number, sha256=_sha256(link), source="the chain")


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
