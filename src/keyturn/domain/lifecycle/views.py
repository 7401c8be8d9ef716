"""Give each key of a user its part, in the order in which they are decided."""

from collections.abc import Iterator

from keyturn.domain.key import KeyFacts, LastUse
from keyturn.domain.lifecycle.cases.pair import choose
from keyturn.domain.lifecycle.parts import Choice, Part
from keyturn.domain.lifecycle.view import KeyView, OnRecord

_ORDER = list(Part)


def views_of(at: OnRecord) -> list[KeyView]:
    """Every key of the user, with its part; each is decided behind those that it depends on."""
    # The order of the parts, not of the keys: whether a slot comes free, and whether a lone key is
    # rotated in this run, is known only when the key that goes has its decision.
    return sorted(_views(at), key=lambda view: _ORDER.index(view.part))


def _views(at: OnRecord) -> Iterator[KeyView]:
    for key in at.user.keys:
        if key is at.orphan:
            yield KeyView(at=at, key=key, part=Part.ORPHAN)
        elif not key.is_active:
            yield KeyView(at=at, key=key, part=Part.INACTIVE)
    # Keys that work, and whose secret somebody has. An Active orphan is neither an only key nor
    # one of a pair: beside it the old key is still the one that its owner works with.
    match [key for key in at.user.keys if key.is_active and key is not at.orphan]:
        case [only]:
            yield KeyView(at=at, key=only, part=_part_of_the_only(at, only))
        case [older, newer]:
            yield from _pair(at, older, newer)


def _part_of_the_only(at: OnRecord, key: KeyFacts) -> Part:
    # Before anything else: whoever enabled it needed it, and G days of that are theirs.
    if at.is_restored(key):
        return Part.RESTORED
    period = at.policy.unused_period
    # What an operator ordered is made a new key for, used or not; and only a due key costs the
    # question how it was used.
    view = KeyView(at=at, key=key, part=Part.ALONE)
    if period is None or view.is_forced or not at.is_due(key):
        return Part.ALONE
    use = at.last_use(key)
    # Unknown is not "unused": an end without a successor would stop whoever uses it.
    is_unused = isinstance(use, LastUse) and at.is_unused(key, use, period)
    return Part.UNUSED if is_unused else Part.ALONE


def _pair(at: OnRecord, older: KeyFacts, newer: KeyFacts) -> Iterator[KeyView]:
    # Only a key that we delivered replaces the older one by itself (decision 0006). Of one that a
    # person made nobody can tell what it is for: two workloads would look the same.
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
    # Where one goes, the other stays beside it, due or not: at most one key of a user ends in a
    # run, and the one that stays is what invariant 1 counts on.
    return Part.UNDECIDED if key in choice.due and choice.ends is None else Part.BESIDE
