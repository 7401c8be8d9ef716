"""What a week's report says of exemptions that were ended, and of keys with more time."""

from dataclasses import replace
from datetime import date

from keyturn.domain.account_period import ListName, fold_account
from keyturn.domain.account_seen import AccountSeen, KeySeen
from keyturn.domain.decision import Action, Overlay, Reason, State
from keyturn.domain.key import Account
from keyturn.domain.period import Period, PeriodKind

MONDAY, TUESDAY = date(2027, 3, 1), date(2027, 3, 2)
KEY = KeySeen(
    user="ann",
    key_id="AKIA1",
    age=412,
    created=date(2026, 1, 13),
    state=State.ACTIVE,
    action=Action.END_EXEMPTION,
    reason=Reason.EXEMPTION_OVER,
    sentence="its user is exempt, and so on",
    exempt=True,
    done=True,
)
DAY = AccountSeen(
    day=MONDAY,
    account="1" * 12,
    name="prod",
    dry_run=False,
    reached=True,
    rotation_period=90,
    keys=(KEY,),
)


def test_a_removal_and_more_time_are_listed_where_they_happened() -> None:
    given = replace(
        KEY,
        action=Action.KEEP,
        reason=Reason.DEFERRED,
        done=False,
        exempt=False,
        overlays=frozenset({Overlay.DEFERRED}),
    )
    days = [DAY, replace(DAY, day=TUESDAY, keys=(given,))]

    found = fold_account(
        days,
        account=Account(id="1" * 12),
        period=Period.of(PeriodKind.WEEKLY, MONDAY),
        expected=[MONDAY, TUESDAY],
        exemptions=None,
    )

    [removed] = found.lines[ListName.EXEMPTION_OVER]
    assert (removed.user, removed.key_id, removed.since) == ("ann", None, MONDAY)
    [deferred] = found.lines[ListName.DEFERRED]
    assert (deferred.user, deferred.key_id) == ("ann", "AKIA1")


def test_what_a_run_could_not_remove_is_not_listed_as_removed() -> None:
    found = fold_account(
        [replace(DAY, keys=(replace(KEY, done=False),))],
        account=Account(id="1" * 12),
        period=Period.of(PeriodKind.WEEKLY, MONDAY),
        expected=[MONDAY],
        exemptions=None,
    )

    assert ListName.EXEMPTION_OVER not in found.lines
