"""The administrators' days as they may be: what previews show, and lints try."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from keyturn.domain.account_day import AccountDay, KeyDay, UserDay
from keyturn.domain.admin_digest import AdminDigest, Expected, Lasting
from keyturn.domain.decision import Action, Overlay, Reason
from keyturn.domain.fold_day import NO_RUN, failure_key, fold
from keyturn.domain.pause import Pause
from keyturn.mail.samples import PROD, TODAY, in_days

DAY: Final = TODAY.date()
CSV: Final = f"keyturn/reports/daily/date={DAY}/keys.csv"
_USERS: Final = (
    "deploy-bot",
    "reports",
    "etl-nightly",
    "ci-runner",
    "terraform",
    "backup,eu",
    "importer",
    "legacy-erp",
    "scanner",
    "batch",
    "billing",
)


def an_account(number: int, *, dry: bool = False) -> AccountDay:
    """An account in which nothing happens."""
    return AccountDay(
        account=PROD.id if number == 0 else f"{300000000000 + number}",
        name=PROD.name if number == 0 else f"workload-{number}",
        dry_run=dry,
        reached=True,
        keys=(a_key(number, user="deploy-bot"),),
    )


def a_key(number: int, *, user: str) -> KeyDay:
    """A key for which nothing is due."""
    return KeyDay(
        user=user,
        key_id=f"AKIAOLDEXAMPLE{number % 1000:03}{_USERS.index(user):03}",
        age=60,
        action=Action.KEEP,
        reason=Reason.NOTHING_DUE,
        sentence="nothing is due",
        done=False,
    )


def _breaks(number: int, days: int) -> KeyDay:
    return replace(
        a_key(number, user="reports"),
        age=97,
        action=Action.WARN,
        sentence="it was replaced",
        breaks=True,
        ends_on=in_days(days),
        last_used=in_days(-1),
        service="s3",
        done=True,
    )


def _disabled(number: int) -> KeyDay:
    return replace(
        a_key(number, user="etl-nightly"),
        age=100,
        action=Action.DISABLE,
        reason=Reason.WINDOW_OVER,
        sentence=f"it was replaced, and its end was announced for {DAY}",
        done=True,
        ends_on=in_days(10),
    )


def _rotated(number: int) -> KeyDay:
    return replace(
        a_key(number, user="ci-runner"),
        age=90,
        action=Action.ROTATE,
        reason=Reason.ROTATION_DUE,
        sentence="it is 90 days old (RotationPeriod=90)",
        done=True,
        ends_on=in_days(10),
    )


def _blocked(number: int) -> KeyDay:
    return replace(
        a_key(number, user="terraform"),
        age=137,
        action=Action.WAIT,
        reason=Reason.TWO_KEYS_IN_USE,
        sentence="its user has two Active keys and this one is in use",
        overlays=frozenset({Overlay.BLOCKED}),
    )


def _restored(number: int) -> KeyDay:
    return replace(
        a_key(number, user="backup,eu"),
        age=103,
        action=Action.NOTICE,
        reason=Reason.RESTORED,
        sentence=f"it was re-enabled by hand and is left alone until {in_days(10)}",
        done=True,
    )


def _used(number: int) -> KeyDay:
    return replace(
        a_key(number, user="importer"),
        age=118,
        action=Action.NOTICE,
        reason=Reason.USED_AFTER_DISABLING,
        sentence="it was used after it had been disabled, so its grace begins anew",
        done=True,
    )


def _exempt(number: int, *, dry: bool) -> tuple[KeyDay, ...]:
    """Of a user who is removed from the group, of one who is to be, of one whose end is near."""
    common = replace(
        a_key(number, user="legacy-erp"),
        age=412,
        action=Action.KEEP,
        overlays=frozenset({Overlay.EXEMPT}),
    )
    return (
        replace(
            common,
            action=Action.END_EXEMPTION,
            reason=Reason.EXEMPTION_OVER,
            sentence=f"its user is exempt, and its exemption ended on {DAY} (SEC-1234); its "
            f"owner was notified on {in_days(-14)}, so it is removed from the group "
            "(EndExemptions=true)",
            done=not dry,
        ),
        replace(
            common,
            user="scanner",
            key_id=a_key(number, user="scanner").key_id,
            reason=Reason.EXEMPTION_LAPSED,
            sentence="its user is exempt, and the exemptions file has no entry for it",
        ),
        replace(
            common,
            user="batch",
            key_id=a_key(number, user="batch").key_id,
            reason=Reason.EXEMPTION_ENDING,
            sentence=f"its user is exempt until {in_days(10)} (SEC-1240); erp@example.com "
            "answers for that",
        ),
    )


def _deferred(number: int) -> KeyDay:
    return replace(
        a_key(number, user="billing"),
        age=93,
        action=Action.KEEP,
        reason=Reason.DEFERRED,
        sentence=f"an operator gave it more time, until {in_days(12)} (SEC-1250)",
        overlays=frozenset({Overlay.DEFERRED}),
    )


def a_bad(number: int, *, dry: bool = False) -> AccountDay:
    """An account in which everything that is told of happens, or would happen, if dry."""
    keys = (_breaks(number, number % 7 + 1), _disabled(number), _rotated(number))
    return replace(
        an_account(number, dry=dry),
        keys=(
            *(replace(key, done=key.done and not dry) for key in keys),
            _blocked(number),
            _restored(number),
            replace(_used(number), done=not dry),
            *_exempt(number, dry=dry),
            _deferred(number),
        ),
        users=(
            UserDay(user="terraform", source="admin"),
            UserDay(
                user="reports",
                source="account",
                rejected=("the user's tag names 'ops team', which is no e-mail address",),
            ),
        ),
        failures=(("anna", "GetAccessKeyLastUsed: Throttling: Rate exceeded"),),
        left=number % 2,
        exempted=("night-shift",),
    )


_CLOSED: Final = replace(
    an_account(9),
    reached=False,
    keys=(),
    failures=((None, "AssumeRole: AccessDenied: the role asa-iam-key-auto-rotation is missing"),),
)
_LASTS: Final = {
    failure_key(_CLOSED.account, None, _CLOSED.failures[0][1]): Lasting(
        since=DAY - timedelta(days=14), reported=DAY - timedelta(days=7)
    ),
    failure_key(PROD.id, "anna", a_bad(0).failures[0][1]): Lasting(
        since=DAY - timedelta(days=2), reported=DAY - timedelta(days=2)
    ),
}


def _day(*accounts: AccountDay, missing: int = 0, why: str = NO_RUN) -> AdminDigest:
    names = {each.account: each.name for each in accounts}
    names |= {f"{400000000000 + each}": f"new-team-{each}" for each in range(missing)}
    expected = Expected(queued=names, skipped=2, lost=dict.fromkeys(names, why))
    found = fold(accounts, day=DAY, expected=expected, memory=_LASTS)
    return replace(found, csv=CSV, chain_end=f"412:{'3f9a' * 16}")


def _of_many() -> AdminDigest:
    """Ten thousand accounts, of which a tenth has everything."""
    several = [a_bad(each) if each % 10 == 0 else an_account(each) for each in range(200)]
    found = _day(*several, _CLOSED, missing=14)

    def times_fifty(counts: Mapping[Action, int]) -> Mapping[Action, int]:
        return {action: count * 50 for action, count in counts.items()}

    lists = {
        name: replace(each, total=each.total * 50)
        for name in (
            "breaks",
            "done",
            "blocked",
            "restored",
            "unexpected",
            "without_owner",
            "rejected",
        )
        if (each := getattr(found, name))
    }
    return replace(
        found,
        accounts_enforced=9_986,
        keys=48_211,
        coverage=replace(found.coverage, listed=10_002, reached=9_985),
        done_counts=times_fifty(found.done_counts),
        **lists,
    )


DAYS: Final[Mapping[str, AdminDigest]] = {
    "daily-quiet": _day(*map(an_account, range(42))),
    "daily-bad": _day(a_bad(0), a_bad(3), *map(an_account, range(10, 50)), _CLOSED, missing=1),
    "daily-paused": replace(
        _day(a_bad(0), *map(an_account, range(10, 14))),
        pause=Pause(
            by="Keyturn-ManyRestored",
            at=TODAY - timedelta(days=3),
            why="the alarm Keyturn-ManyRestored went off",
        ),
        keys_waiting=2,
    ),
    "daily-many": _of_many(),
    "daily-dry-run": _day(*(a_bad(each, dry=True) for each in (0, 2)), an_account(1, dry=True)),
    "daily-unknown": fold(
        [an_account(0), an_account(1, dry=True)], day=DAY, expected=None, memory={}
    ),
    "daily-no-run": fold([], day=DAY, expected=None, memory={}),
    "daily-one-run": replace(
        _day(a_bad(0), an_account(1), missing=1, why="not begun, or only read"),
        csv="",
        chain_end="",
        failures_lasting=0,  # only a day remembers the days before it
        remarks=("The run was interrupted. What had begun was finished; the rest was not begun.",),
        run="6f1c2f0d8d5b4a0f9d5b7c3e2a1f0b9c",
    ),
}
"""Name → a day."""
