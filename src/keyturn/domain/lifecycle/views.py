"""Give each key of a user its part, in the order in which they are decided."""

from collections.abc import Iterator

from keyturn.domain.key import KeyFacts, LastUse
from keyturn.domain.lifecycle.cases.pair import choose
from keyturn.domain.lifecycle.parts import Choice, Part
from keyturn.domain.lifecycle.view import KeyView, OnRecord

_ORDER = list(Part)


def views_of(at: OnRecord) -> list[KeyView]:
    """Every key of the user, with its part; each is decided behind those that it depends on."""
    return sorted(_views(at), key=lambda view: _ORDER.index(view.part))


def _views(at: OnRecord) -> Iterator[KeyView]:
    for key in at.user.keys:
        if key is at.orphan:
            yield KeyView(at=at, key=key, part=Part.ORPHAN)
        elif not key.is_active:
            yield KeyView(at=at, key=key, part=Part.INACTIVE)
    match [key for key in at.user.keys if key.is_active and key is not at.orphan]:
        case [only]:
            yield KeyView(at=at, key=only, part=_part_of_the_only(at, only))
        case [older, newer]:
            yield from _pair(at, older, newer)


def _part_of_the_only(at: OnRecord, key: KeyFacts) -> Part:
    if at.is_restored(key):
        return Part.RESTORED
    period = at.policy.unused_period
    view = KeyView(at=at, key=key, part=Part.ALONE)
    if period is None or view.is_forced or not at.is_due(key):
        return Part.ALONE
    use = at.last_use(key)
    is_unused = isinstance(use, LastUse) and at.is_unused(key, use, period)
    return Part.UNUSED if is_unused else Part.ALONE


def _pair(at: OnRecord, older: KeyFacts, newer: KeyFacts) -> Iterator[KeyView]:
    choice = None if at.delivers(newer) else choose(at, older, newer)
    for key, other in ((older, newer), (newer, older)):
        if at.is_restored(key):
            part = Part.RESTORED
        elif choice is None:
            part = Part.REPLACED if key is older else Part.BESIDE
        else:
            part = _part_beside(key, choice)
        yield KeyView(at=at, key=key, part=part, other=other, choice=choice)


def _part_beside(key: KeyFacts, choice: Choice) -> Part:
    """The part of a key beside one that a person made."""
    if key is choice.ends:
        return Part.RETIRING
    return Part.UNDECIDED if key in choice.due and choice.ends is None else Part.BESIDE
