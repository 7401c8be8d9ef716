"""
Two Active keys of which a person made the newer: only a quiet one may go.

Two workloads, or an owner halfway through a rotation by hand; nobody can tell.
Source: docs/lifecycle.md, "Two Active keys, and Keyturn did not make the younger one".
"""

from keyturn.domain.decision import Action, Decision, Next, Reason
from keyturn.domain.key import Act, KeyFacts, LastUse, Unknown
from keyturn.domain.lifecycle.answers import blocked, last_use_unknown, receipts_unreadable
from keyturn.domain.lifecycle.case import case
from keyturn.domain.lifecycle.cases.people import taken_away
from keyturn.domain.lifecycle.parts import Choice
from keyturn.domain.lifecycle.promises import valid
from keyturn.domain.lifecycle.view import KeyView, OnRecord


def choose(at: OnRecord, older: KeyFacts, newer: KeyFacts) -> Choice:
    """
    Choose the key that ends: due, quiet, and the older of two such.

    One whose end was announced goes first: had another fallen quiet since and gone instead, what
    was told would not come. RetireInUse lets the first go although it is in use.
    Raises NeededError where a fact about a due key is needed that nobody has asked for.
    Source: docs/lifecycle.md, "Two Active keys"; decision 0006.
    """
    # A restored key is nobody's choice for G days; but the other one still is, if it is quiet.
    due = [k for k in (older, newer) if not at.is_restored(k) and at.is_retirable(k)]
    announced = _announced(at, due)
    if isinstance(announced, Unknown):
        return Choice(due=tuple(due), receipts_unknown=announced)
    due.sort(key=lambda key: (key not in announced, key.order))
    quiet = _first_quiet(at, due)
    if isinstance(quiet, Unknown):
        return Choice(due=tuple(due), use_unknown=quiet)
    # RetireInUse: the operator takes the outage upon them, so the first goes though it is in use;
    # but a quiet one goes before it, unless the end of the first is announced already.
    if due and at.policy.retire_in_use and (announced or quiet is None):
        return Choice(due=tuple(due), ends=due[0])
    return Choice(due=tuple(due), ends=quiet)


def _announced(at: OnRecord, keys: list[KeyFacts]) -> list[KeyFacts] | Unknown:
    """Find the keys whose end people were notified of, where there is a choice."""
    # One is no choice, and not worth a call.
    if len(keys) == 1:
        return []
    announced = []
    for key in keys:
        receipts = at.receipts(key)
        if isinstance(receipts, Unknown):
            return receipts
        if valid(at, receipts, Act.DISABLE, after=at.of(key).restored):
            announced.append(key)
    return announced


def _first_quiet(at: OnRecord, keys: list[KeyFacts]) -> KeyFacts | Unknown | None:
    """
    Find the first quiet key.

    Which of two keys ends must not depend on which answer got through today: behind one
    whose use is Unknown, none is quiet.
    """
    for key in keys:
        use = at.last_use(key)
        if isinstance(use, Unknown):
            return use
        if at.is_quiet(key, use):
            return key
    return None


@case(Reason.RECEIPTS_UNREADABLE, Reason.LAST_USE_UNKNOWN)
def wait_while_nobody_can_say_which_ends(view: KeyView) -> Decision | None:
    """Both wait for the answer that one of them lacks: the choice is between the two."""
    at, key, choice = view.at, view.key, view.choice
    if choice is not None and choice.receipts_unknown is not None:
        return receipts_unreadable(at, key, choice.receipts_unknown)
    if choice is not None and choice.use_unknown is not None:
        return last_use_unknown(at, key, choice.use_unknown)
    return None


@case(Reason.SUCCESSOR_TAKEN_AWAY)
def tell_of_a_taken_successor_beside_another(view: KeyView) -> Decision | None:
    """Before "two keys in use": that somebody took the new key away is why there are two."""
    return taken_away(view)


@case(Reason.TWO_KEYS_IN_USE)
def wait_while_both_are_in_use(view: KeyView) -> Decision | None:
    """Leave a key alone that is due, in use, and not replaced by us; say when it may be quiet."""
    at, key = view.at, view.key
    # Quiet is *more* than W days after a use, and W days after a creation: hence the one day.
    use, window = at.last_use(key), at.policy.installation_window
    used_at = use.at if isinstance(use, LastUse) else None
    quiet_on = at.day(used_at or key.created, window + (1 if used_at else 0))
    used = _where(use) if isinstance(use, LastUse) and use.at else "too young to tell"
    return blocked(
        at,
        key,
        Reason.TWO_KEYS_IN_USE,
        f"its user has two Active keys and this one is in use: {used}",
        Next(Action.NOTICE, quiet_on),
    )


def _where(use: LastUse) -> str:
    where = f" ({use.service} in {use.region})" if use.service else ""
    return f"last used on {use.at.date()}{where}" if use.at else ""
