"""
The rule: what is due for one user's keys today, and why.

`decide` is pure: it reads the facts it is given, and nothing else. Where a case meets a fact
that nobody has read yet, `decide` answers with the question, and is asked again with the answer.
So a costly fact is read only where a case needs it, and the cases alone say where that is.
A fact that could not be read is `Unknown`; it leads to WAIT, and never to a write.

How a user is decided, in this order, which is the rule:

1. What forbids to touch the user at all (`BEFORE_THE_RECORD`, `WITH_THE_RECORD`). An exempt user
   comes first: nothing of theirs is written to, and nothing is read but what names a key that
   nobody can use. Then the record, and only with it what a run may be doing right now, and whose
   the secret is. What a rotation of the last minutes left is shown, and nothing is done about it.
2. Each key gets its part beside the other one (`parts.py`, `views.py`; which of two keys that
   people made ends, `cases/pair.py`). Orphans first: one would pass for a successor. Then
   Inactive keys: one that goes frees the slot for a rotation in the same run. Then the Active
   ones, the one that goes before the one that waits for it.
3. The list of its part is read from top to bottom (`CASES`). The first case that has something to
   say decides; what no case speaks of is kept.
4. What people did to a key that is kept is told on top (`ON_TOP`).

In every list, what waits for an unread fact stands before what ends or rotates on it, what
announces before what warns, what warns before what ends, and what could still save a key directly
before its end. To move a case is to change the rule: tests/domain goes through every one of them.

Source: docs/lifecycle.md; its table of cases is made from these lists. Invariants are numbered as
in keyturn_sandbox/judge/verdict.py, which holds every life that is played to them.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from keyturn.domain.constraints import NO_CONSTRAINTS, RunConstraints
from keyturn.domain.decision import Action, Decision, Question, UserDecisions
from keyturn.domain.key import Unknown, UserFacts
from keyturn.domain.lifecycle.case import Case
from keyturn.domain.lifecycle.cases.deferred import (
    leave_its_deletion_until_its_time_is_over,
    leave_its_end_until_its_time_is_over,
    leave_its_rotation_until_its_time_is_over,
)
from keyturn.domain.lifecycle.cases.ending import (
    announce_disabling,
    announce_disabling_again_after_an_interruption,
    disable_after_the_window,
    hold_while_used,
    put_off_disabling,
    tell_owners_who_were_added,
    wait_for_the_delivery_of_its_notice,
    wait_for_the_window,
    wait_over_the_daily_limit,
    wait_while_receipts_are_unreadable,
    warn_before_disabling,
)
from keyturn.domain.lifecycle.cases.inactive import (
    announce_deletion,
    delete_after_the_grace,
    put_off_deletion,
    renew_the_grace_if_used,
    tell_owners_who_were_added_of_the_deletion,
    wait_for_a_key_that_may_be_gone,
    wait_for_the_delivery_of_its_last_notice,
    wait_for_the_grace,
    wait_while_its_use_is_unknown,
    warn_before_deletion,
)
from keyturn.domain.lifecycle.cases.orphan import (
    find_orphan,
    let_an_orphan_rest,
    remove_an_orphan_after_a_day,
    stop_an_orphan,
)
from keyturn.domain.lifecycle.cases.pair import (
    tell_of_a_taken_successor_beside_another,
    wait_while_both_are_in_use,
    wait_while_nobody_can_say_which_ends,
)
from keyturn.domain.lifecycle.cases.people import (
    Kept,
    leave_restored_alone,
    tell_of_a_taken_successor,
    tell_of_a_taken_successor_beside_a_restoration,
    tell_of_an_overwritten_secret,
)
from keyturn.domain.lifecycle.cases.rotation import (
    keep,
    rotate_when_due,
    wait_for_a_slot,
    wait_for_its_users_day,
    wait_while_no_key_can_be_delivered,
    wait_while_nobody_knows_of_which_day_people_were_warned,
    wait_while_nobody_knows_whether_it_is_unused,
    wait_while_the_account_forbids_keys,
    warn_before_rotation,
)
from keyturn.domain.lifecycle.cases.user import (
    has_just_rotated,
    hold_back_beside_a_foreign_secret,
    keep_what_no_record_has_a_say_in,
    leave_an_exempt_user_alone,
    shown_after_a_rotation,
    wait_for_the_run_under_way,
    wait_while_an_orphans_use_is_unknown,
    wait_while_the_record_is_unreadable,
)
from keyturn.domain.lifecycle.findings import record_changes
from keyturn.domain.lifecycle.parts import Part
from keyturn.domain.lifecycle.view import KeyList, KeyView, NeededError, OnRecord, on_record
from keyturn.domain.lifecycle.views import views_of
from keyturn.domain.policy import RotationPolicy

BEFORE_THE_RECORD: Final[tuple[Case[KeyList, UserDecisions], ...]] = (
    leave_an_exempt_user_alone,
    keep_what_no_record_has_a_say_in,
)
WITH_THE_RECORD: Final[tuple[Case[OnRecord, UserDecisions], ...]] = (
    # A run that is alive may finish what looks broken off, and IAM shows its work seconds later.
    wait_for_the_run_under_way,
    # What stands in a foreign secret's tags is nobody's evidence: no intent is looked for there.
    hold_back_beside_a_foreign_secret,
    wait_while_an_orphans_use_is_unknown,
)

_ENDING: Final[tuple[Case[KeyView, Decision], ...]] = (
    # Every case below compares dates with promises: read as "none", they would come too early.
    wait_while_receipts_are_unreadable,
    # Before anything is announced: a date that was told would come before the time is over.
    leave_its_end_until_its_time_is_over,
    # Nothing below may be reached by a key whose owner was not notified (invariant 1).
    announce_disabling,
    announce_disabling_again_after_an_interruption,
    put_off_disabling,
    warn_before_disabling,
    tell_owners_who_were_added,
    wait_for_the_window,
    wait_for_the_delivery_of_its_notice,
    # From here on the key would be disabled today. What costs a call is asked only now.
    hold_while_used,
    # Last before the end: it says that the end is due today, which everything above denies.
    wait_over_the_daily_limit,
    disable_after_the_window,
)
CASES: Final[Mapping[Part, tuple[Case[KeyView, Decision], ...]]] = {
    Part.ORPHAN: (
        stop_an_orphan,
        remove_an_orphan_after_a_day,
        let_an_orphan_rest,
    ),
    Part.INACTIVE: (
        wait_while_receipts_are_unreadable,
        # Before the announcement: a key that is gone in seconds would be announced as found.
        wait_for_a_key_that_may_be_gone,
        leave_its_deletion_until_its_time_is_over,
        announce_deletion,
        put_off_deletion,
        warn_before_deletion,
        tell_owners_who_were_added_of_the_deletion,
        wait_for_the_grace,
        wait_for_the_delivery_of_its_last_notice,
        # From here on the key would be deleted today, and nothing brings a deleted key back.
        wait_while_its_use_is_unknown,
        renew_the_grace_if_used,
        wait_over_the_daily_limit,
        delete_after_the_grace,
    ),
    Part.RESTORED: (
        tell_of_a_taken_successor_beside_a_restoration,
        leave_restored_alone,
    ),
    Part.REPLACED: _ENDING,
    Part.RETIRING: _ENDING,
    Part.UNDECIDED: (
        wait_while_nobody_can_say_which_ends,
        tell_of_a_taken_successor_beside_another,
        wait_while_both_are_in_use,
    ),
    Part.UNUSED: (
        # Before its end: whoever took the new key away seems to need this one.
        tell_of_a_taken_successor,
        *_ENDING,
    ),
    Part.ALONE: (
        tell_of_a_taken_successor,
        leave_its_rotation_until_its_time_is_over,
        # Unknown is neither: rotated, an unused key lives on; ended, a used one is an outage.
        wait_while_nobody_knows_whether_it_is_unused,
        # Its early day has come, and a person may count on another one.
        wait_while_nobody_knows_of_which_day_people_were_warned,
        wait_for_a_slot,
        wait_for_its_users_day,
        # What forbids a new key stands before it is made: one that cannot be kept is taken back,
        # and until then it works and nobody has its secret.
        wait_while_the_account_forbids_keys,
        wait_while_no_key_can_be_delivered,
        rotate_when_due,
        warn_before_rotation,
    ),
    Part.BESIDE: (
        wait_for_a_slot,
        warn_before_rotation,
    ),
}
"""The rule, to be read aloud: for each part of a key its cases, in their order."""

ON_TOP: Final[tuple[Case[Kept, Decision], ...]] = (tell_of_an_overwritten_secret,)
"""For a key that is kept, whatever its part: it is told of, and nothing else changes."""


def decide(
    user: UserFacts,
    policy: RotationPolicy,
    now: datetime,
    *,
    kms_key: str | None = None,
    constraints: RunConstraints = NO_CONSTRAINTS,
) -> UserDecisions | Question:
    """
    Say what is due for a user's keys, or which fact is needed to say so.

    Args:
        user: the facts; what is `UNREAD` may be asked for.
        policy: the periods, in days.
        now: the time of the run, UTC.
        kms_key: the key that our secrets are encrypted with; None means aws/secretsmanager.
        constraints: what other runs leave room for.

    Returns:
        A decision for each key, in the order of `user.keys`; or a question. Asked with ever more
        facts, it ends in decisions: each question is about one fact that was UNREAD.

    """
    try:
        return _decide_user(
            KeyList(user=user, policy=policy, now=now, kms_key=kms_key, constraints=constraints)
        )
    except NeededError as needed:
        return needed.question


def decide_with_record(at: OnRecord) -> UserDecisions:
    """
    Decide for a user who is not exempt, and whose record is known.

    Raises NeededError where a fact is needed that nobody has read.
    """
    # Before WITH_THE_RECORD, whose first case would answer "look again in 15 minutes" to whoever
    # asks right after a rotation. It is only shown: shown_after_a_rotation lets nothing be done.
    if (intent := has_just_rotated(at)) is not None:
        waits = wait_while_an_orphans_use_is_unknown(at)
        return shown_after_a_rotation(at, intent, waits or _decide_each_key(at))
    for forbids in WITH_THE_RECORD:
        if (decided := forbids(at)) is not None:
            return decided
    return _decide_each_key(at)


def decide_key(view: KeyView) -> Decision:
    """The first case that has something to say; what no case speaks of is kept."""
    for case in CASES[view.part]:
        if (decision := case(view)) is not None:
            return decision
    return keep(view)


def _on_top(view: KeyView, decision: Decision) -> Decision:
    if decision.action is not Action.KEEP:
        return decision
    for case in ON_TOP:
        if (told := case(Kept(view, decision))) is not None:
            return told
    return decision


def _decide_user(keys: KeyList) -> UserDecisions:
    for forbids in BEFORE_THE_RECORD:
        if (decided := forbids(keys)) is not None:
            return decided
    secret = keys.secret()
    if isinstance(secret, Unknown):
        return wait_while_the_record_is_unreadable(keys, secret)
    return decide_with_record(on_record(keys, secret))


def _decide_each_key(at: OnRecord) -> UserDecisions:
    # Known before any key gets its part: an orphan that passed for a successor would let the old
    # key be disabled in favour of one whose secret nobody has (invariant 3).
    orphan, _ = find_orphan(at)
    at = replace(at, orphan=orphan)
    decisions: dict[str, Decision] = {}
    for view in views_of(at):
        # Decided before this one, or not at all yet: what is not decided frees no slot.
        others = (key.key_id for key in at.user.keys if key is not view.key)
        beside = next((decisions[other] for other in others if other in decisions), None)
        seen = replace(view, beside=beside)
        decisions[view.key.key_id] = _on_top(seen, decide_key(seen))
    return UserDecisions(
        user=at.user,
        record=at.record,
        constraints=at.constraints,
        decisions=tuple(decisions[key.key_id] for key in at.user.keys),
        record_changes=record_changes(at, decisions),
        quarantined=None if orphan is None else orphan.key_id,
    )
