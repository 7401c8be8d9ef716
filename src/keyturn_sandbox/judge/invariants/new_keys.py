"""3: no new key is lost."""

from collections.abc import Iterator
from datetime import datetime

from keyturn_sandbox.judge.evidence import ACTIVE, LONGEST_RUN, JudgedRun, secret_name, token_of
from keyturn_sandbox.judge.history import KeyStory, ReplayedHistory
from keyturn_sandbox.judge.invariants import Fact
from keyturn_sandbox.judge.invariants.calls import format_utc


def no_new_key_is_lost(history: ReplayedHistory) -> Iterator[Fact]:
    """3: what Keyturn makes is stored, in a secret of its own, and announced until then."""
    for story in history.stories.values():
        if story.made_by_keyturn:
            yield (
                _never_stored(history, story)
                or _unannounced(history, story)
                or _stored_elsewhere(history, story)
            )


def _never_stored(history: ReplayedHistory, story: KeyStory) -> Fact:
    deadline = _deadline(history, story)
    if deadline is None:
        return None
    index = history.index_after(deadline)
    is_lost = story.status(index) == ACTIVE and not history.is_delivered(story, index)
    made = f"{story} was made by Keyturn at {format_utc(story.created)}"
    return f"{made}, and its secret was never stored" if is_lost else None


def _stored_elsewhere(history: ReplayedHistory, story: KeyStory) -> Fact:
    """Who made the secret decides who reads it: a stranger's holds nobody's key."""
    delivery = history.deliveries.get(token_of(story.key_id))
    if delivery is None:
        return None
    secret = history.secret_of(story, delivery[0])
    if secret is not None and secret.ours:
        return None
    when = format_utc(delivery[1])
    return f"{story} was stored at {when} in a secret that Keyturn did not make"


def _unannounced(history: ReplayedHistory, story: KeyStory) -> Fact:
    """After every run a key without a stored secret has an intent that tells what it is."""
    for run in history.runs:
        index = history.index_after(run.ended)
        secret = secret_name(story.account, story.user_at(index))
        is_open = story.status(index) == ACTIVE and not history.is_delivered(story, index)
        if is_open and not history.has_intent(story.account, secret, index):
            when = f"after the run of {format_utc(run.started)}"
            return f"{story} was Active {when}, its secret not stored, and no intent told of it"
    return None


def _deadline(history: ReplayedHistory, story: KeyStory) -> datetime | None:
    """When a new key must be delivered or stopped; None: its intent has not been settled yet."""
    run = history.run_of(story.changes[0].index)
    if run is None or not run.crashed:
        return story.created + LONGEST_RUN if run is None else max(run.ended, story.created)
    # The first run that can tell that the crashed one is over repairs what it left, unless it
    # says that it could not, or its user is exempt by then: nobody may write to the key.
    repairs = (
        later.ended
        for later in history.runs
        if later.started > run.ended + LONGEST_RUN
        and not (later.dry_run or later.crashed or story.account in later.failed)
        and not _is_beside_an_order(history, later, story)
        and not history.has_exempt_user(story, history.index_after(later.started))
    )
    return next(repairs, None)


def _is_beside_an_order(history: ReplayedHistory, run: JudgedRun, story: KeyStory) -> bool:
    """Whether an order was carried out while it ran, or just before: it leaves the user to it."""
    keys = {each.key_id for each in history.of_holder[story.holder]}
    return any(
        not keys.isdisjoint(other.restores | other.revokes)
        and other.started <= run.ended
        and run.started <= other.ended + LONGEST_RUN
        for other in history.runs
    )
