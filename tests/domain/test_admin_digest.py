"""The administrators' day: what was not seen comes first, and ten thousand accounts stay short."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from keyturn.domain.account_day import AccountDay, KeyDay, Step, UserDay
from keyturn.domain.admin_digest import AdminDigest, Expected, Lasting
from keyturn.domain.decision import Action, Overlay, Reason
from keyturn.domain.fold_day import NOT_ENTERED, Late, failure_key, fold
from keyturn.domain.worst_lines import LONGEST, WORST

DAY = date(2027, 3, 8)
KEY = KeyDay(
    user="ann",
    key_id="AKIA1",
    age=100,
    action=Action.KEEP,
    reason=Reason.NOTHING_DUE,
    sentence="nothing is due",
    done=False,
)
PROD = AccountDay(account="111111111111", name="prod", dry_run=False, reached=True, keys=(KEY,))
NONE: dict[str, str] = {}
HOUR = timedelta(hours=1)


def of(
    *days: AccountDay,
    queued: dict[str, str] | None = NONE,
    memory: dict[tuple[str, str, str], Lasting] | None = None,
    day: date = DAY,
) -> AdminDigest:
    expected = None if queued is None else Expected(queued=queued, skipped=1)
    return fold(days, day=day, expected=expected, memory=memory or {})


def test_an_account_that_was_queued_and_had_no_run_is_named() -> None:
    digest = of(PROD, queued={PROD.account: "prod", "222222222222": "dev"})

    assert (digest.coverage.listed, digest.coverage.skipped, digest.coverage.reached) == (3, 1, 1)
    [line] = digest.coverage.not_seen.worst
    assert (line.account, line.name) == ("222222222222", "dev")
    assert not digest.coverage.is_whole


@pytest.mark.parametrize(
    ("day", "queued"),
    [
        (replace(PROD, reached=False), {PROD.account: "prod"}),
        (replace(PROD, left=1), {PROD.account: "prod"}),
        (PROD, None),
    ],
    ids=["not entered", "users left", "no inventory"],
)
def test_a_day_is_not_whole_where_anything_was_not_seen(
    day: AccountDay, queued: dict[str, str] | None
) -> None:
    assert of(PROD, queued={PROD.account: "prod"}).coverage.is_whole
    assert not of(day, queued=queued).coverage.is_whole


CHANGES = {
    "disabled": ({"action": Action.DISABLE, "done": True}, "done"),
    "planned": ({"action": Action.ROTATE}, "planned"),
    "breaks": ({"breaks": True, "ends_on": DAY}, "breaks"),
    "blocked": ({"overlays": frozenset({Overlay.BLOCKED})}, "blocked"),
    "contested": ({"overlays": frozenset({Overlay.CONTESTED})}, "blocked"),
    "exemption ends": ({"reason": Reason.EXEMPTION_ENDING}, "exemptions"),
    "exemption lapsed": ({"reason": Reason.EXEMPTION_LAPSED}, "exemptions"),
    "exemption over": (
        {"reason": Reason.EXEMPTION_OVER, "action": Action.END_EXEMPTION},
        "exemptions",
    ),
    "more time": ({"overlays": frozenset({Overlay.DEFERRED})}, "deferrals"),
    "orphan": ({"reason": Reason.ORPHAN_WAITING}, "blocked"),
    "overwritten": ({"reason": Reason.SECRET_OVERWRITTEN}, "blocked"),
    "restored": ({"reason": Reason.RESTORED}, "restored"),
    "used": ({"reason": Reason.USED_AFTER_DISABLING}, "unexpected"),
    "interrupted": ({"reason": Reason.DISABLING_INTERRUPTED}, "unexpected"),
    "found Inactive": ({"reason": Reason.FOUND_INACTIVE}, "unexpected"),
    "other dates": ({"reason": Reason.DATES_CHANGED}, "unexpected"),
}
LISTS = (
    "breaks",
    "done",
    "planned",
    "blocked",
    "restored",
    "unexpected",
    "exemptions",
    "without_owner",
    "rejected",
    "deferrals",
)


@pytest.mark.parametrize("name", CHANGES)
def test_a_key_stands_in_the_list_that_it_belongs_to_and_in_no_other(name: str) -> None:
    change, where = CHANGES[name]
    key = replace(KEY, **change)  # type: ignore[arg-type]  # as KeyDay names them

    digest = of(replace(PROD, dry_run=where == "planned", keys=(key,)))

    assert {each: getattr(digest, each).total for each in LISTS} == {
        each: int(each == where) for each in LISTS
    }
    [line] = getattr(digest, where).worst
    assert (line.account, line.name, line.user, line.key_id) == (
        "111111111111",
        "prod",
        "ann",
        None if where == "exemptions" else "AKIA1",
    )


def test_what_is_due_and_was_not_done_where_keyturn_enforces_is_neither_done_nor_planned() -> None:
    digest = of(replace(PROD, keys=(replace(KEY, action=Action.DISABLE),)))

    assert (digest.done.total, digest.planned.total) == (0, 0)
    assert (digest.done_counts, digest.planned_counts) == ({}, {})


STEP = Step(
    user="bob",
    key_id="AKIA2",
    age=90,
    action=Action.ROTATE,
    reason=Reason.ROTATION_DUE,
    sentence="rotated",
    at=datetime(2027, 3, 8, 6, tzinfo=UTC),
)


def test_what_an_earlier_run_of_the_day_did_is_done_that_day() -> None:
    digest = of(replace(PROD, earlier=(STEP,)))

    assert digest.done_counts == {Action.ROTATE: 1}
    [line] = digest.done.worst
    assert (line.user, line.key_id, line.what) == ("bob", "AKIA2", "rotated")


def test_what_was_done_stays_done_and_found_whatever_dry_run_came_later() -> None:
    step = replace(STEP, action=Action.DISABLE, reason=Reason.DISABLING_INTERRUPTED)
    due = replace(KEY, action=Action.ROTATE)

    digest = of(replace(PROD, dry_run=True, keys=(due,), earlier=(step,)))

    assert (digest.accounts_enforced, digest.accounts_dry) == (1, 0)
    assert (digest.done.total, digest.unexpected.total, digest.planned.total) == (1, 1, 0)


@pytest.mark.parametrize(
    ("reason", "where"),
    [
        (Reason.SECRET_OVERWRITTEN, "blocked"),
        (Reason.RESTORED, "restored"),
        (Reason.USED_AFTER_DISABLING, "unexpected"),
    ],
)
def test_what_two_runs_of_a_day_find_of_a_key_stands_in_its_list_once(
    reason: Reason, where: str
) -> None:
    step = replace(STEP, action=Action.NOTICE, reason=reason, sentence="look at it")
    again = replace(KEY, user=step.user, key_id=step.key_id, reason=reason)

    for day in (replace(PROD, earlier=(step,)), replace(PROD, keys=(again,), earlier=(step,))):
        [line] = getattr(of(day), where).worst
        assert (line.user, line.key_id) == ("bob", "AKIA2")


def test_a_dry_run_finds_the_same_every_day_and_names_what_somebody_did() -> None:
    keys = tuple(
        replace(KEY, key_id=f"AKIA{number}", action=Action.NOTICE, reason=reason)
        for number, reason in enumerate((Reason.FOUND_INACTIVE, Reason.USED_AFTER_DISABLING))
    )

    digest = of(replace(PROD, dry_run=True, keys=keys))

    assert [line.key_id for line in digest.unexpected.worst] == ["AKIA1"]


def test_who_is_newly_exempt_is_named() -> None:
    digest = of(replace(PROD, exempted=("eve",)))

    [line] = digest.exempted.worst
    assert (line.account, line.user) == (PROD.account, "eve")


def test_what_is_done_about_secrets_that_nobody_needs_is_told_once_each() -> None:
    secrets = (("ann", "scheduled for deletion"), ("bob", "there is no user bob"))
    account = replace(PROD, secrets=(*secrets, secrets[0]))

    digest = of(account)

    assert [(line.user, line.what) for line in digest.secrets.worst] == list(secrets)


def test_what_was_done_after_the_digest_of_the_day_before_is_told_the_day_after() -> None:
    made = datetime(2027, 3, 7, 11, tzinfo=UTC)
    late = replace(
        PROD,
        keys=(
            replace(KEY, action=Action.DISABLE, done=True, at=made + timedelta(hours=1)),
            replace(KEY, key_id="AKIA3", action=Action.DISABLE, done=True, at=made - HOUR),
            replace(KEY, key_id="AKIA4", overlays=frozenset({Overlay.BLOCKED}), at=made + HOUR),
        ),
        earlier=(replace(STEP, at=made), replace(STEP, key_id="AKIA5", at=made - HOUR)),
        exempted=("eve",),
        users=(UserDay(user="ann", source="account", rejected=("no address",)),),
        failures=(("ann", "denied"), ("bob", "throttled"), ("carl", "told already")),
    )
    told = {failure_key(PROD.account, "carl", "told already"): Lasting(since=DAY, reported=DAY)}
    today = replace(
        PROD,
        keys=(replace(KEY, key_id="AKIA6", overlays=frozenset({Overlay.BLOCKED})),),
        users=late.users,
        failures=(("bob", "throttled"),),
    )

    digest = fold(
        [today], day=DAY, expected=None, memory=told, late=Late(accounts=[late], since=made)
    )

    assert [line.key_id for line in digest.done.worst] == ["AKIA1", "AKIA2"]
    assert digest.done_counts == {Action.DISABLE: 1, Action.ROTATE: 1}
    assert [line.user for line in digest.exempted.worst] == ["eve"]
    assert [line.key_id for line in digest.blocked.worst] == ["AKIA4", "AKIA6"]
    assert (digest.keys, digest.rejected.total, digest.failures_lasting) == (1, 1, 0)
    yesterday = DAY - timedelta(days=1)
    assert [(line.user, line.day) for line in digest.failures.worst] == [
        ("ann", yesterday),
        ("bob", yesterday),
    ]


def test_a_notice_is_counted_and_names_no_key() -> None:
    digest = of(replace(PROD, keys=(replace(KEY, action=Action.NOTICE, done=True),)))

    assert digest.done_counts == {Action.NOTICE: 1}
    assert digest.done.total == 0


def test_what_breaks_first_comes_first_and_says_where_the_key_is_used() -> None:
    late = replace(KEY, key_id="AKIA2", breaks=True, ends_on=DAY + timedelta(days=3))
    soon = replace(KEY, breaks=True, ends_on=DAY, last_used=DAY - timedelta(days=1), service="s3")

    first, second = of(replace(PROD, keys=(late, soon))).breaks.worst

    assert (first.day, second.day) == (DAY, DAY + timedelta(days=3))
    assert first.what == "last used on 2027-03-07 for s3"


@pytest.mark.parametrize("source", ["none", "admin", "tag", "unreadable", None])
def test_only_who_was_looked_for_and_not_found_has_no_owner(source: str | None) -> None:
    digest = of(replace(PROD, users=(UserDay(user="ann", source=source),)))

    assert digest.without_owner.total == int(source in {"none", "admin"})


def test_each_value_that_does_not_serve_is_named() -> None:
    digest = of(replace(PROD, users=(UserDay(user="ann", source="tag", rejected=("a", "b")),)))

    assert [line.what for line in digest.rejected.worst] == ["a", "b"]
    assert digest.without_owner.total == 0


FAILED = replace(PROD, failures=((None, "AssumeRole: AccessDenied (request 12345678-aaaa-1)"),))


def test_a_lasting_failure_is_reported_on_its_first_day_and_then_weekly() -> None:
    reported = []
    memory: dict[tuple[str, str, str], Lasting] = {}
    for number in range(16):
        message = f"AssumeRole: AccessDenied (request 1234567{number % 10}-aaaa-{number})"
        digest = of(
            replace(PROD, failures=((None, message),)),
            memory=dict(memory),
            day=DAY + timedelta(days=number),
        )
        memory = dict(digest.memory)
        assert digest.failures.total + digest.failures_lasting == 1
        if digest.failures.total:
            reported.append((number, digest.failures.worst[0].day))

    assert reported == [(0, None), (7, DAY), (14, DAY)]


DENIED = "AssumeRole: AccessDenied (request 1234567{}-aaaa-1)"


def test_an_account_that_cannot_be_entered_is_named_every_day_with_why_and_since_when() -> None:
    memory: dict[tuple[str, str, str], Lasting] = {}
    for number in range(9):
        message = DENIED.format(number)
        digest = of(
            replace(PROD, reached=False, keys=(), failures=((None, message), ("ann", "denied"))),
            memory=memory,
            day=DAY + timedelta(days=number),
        )
        memory = dict(digest.memory)

        [line] = digest.coverage.not_entered.worst
        assert (line.account, line.name, line.what) == (PROD.account, "prod", message)
        assert line.day == (DAY if number else None)
        assert digest.coverage.failed == digest.coverage.not_entered.total == 1
        # It is told once a day; what a user of it fails with is weekly as ever.
        assert (digest.failures.total, digest.failures_lasting) == (
            (1, 0) if number % 7 == 0 else (0, 1)
        )


def test_an_account_without_a_run_says_since_when_and_one_that_came_today_is_not_hidden() -> None:
    many = {f"{number:012}": "" for number in range(WORST)}
    first = of(queued=many)
    new = {**many, "222222222222": "new"}

    digest = of(queued=new, memory=dict(first.memory), day=DAY + timedelta(days=1))

    worst = digest.coverage.not_seen.worst
    assert (worst[0].account, worst[0].day) == ("222222222222", None)
    assert {line.day for line in worst[1:]} == {DAY}
    assert of(PROD, memory=dict(digest.memory), day=DAY + timedelta(days=2)).memory == {}


def test_an_account_that_was_not_entered_and_says_no_reason_is_named_all_the_same() -> None:
    [line] = of(replace(PROD, reached=False, keys=())).coverage.not_entered.worst

    assert line.what == NOT_ENTERED


def test_a_failure_that_was_over_is_new_when_it_comes_back() -> None:
    first = of(FAILED)
    over = of(PROD, memory=dict(first.memory), day=DAY + timedelta(days=1))

    again = of(FAILED, memory=dict(over.memory), day=DAY + timedelta(days=2))

    assert (over.memory, again.failures.total, again.failures_lasting) == ({}, 1, 0)


def test_a_failure_of_an_account_that_nobody_saw_is_not_forgotten() -> None:
    first = of(FAILED)
    unseen = of(
        queued={PROD.account: "prod"}, memory=dict(first.memory), day=DAY + timedelta(days=1)
    )

    again = of(FAILED, memory=dict(unseen.memory), day=DAY + timedelta(days=2))

    assert (unseen.failures.total, again.failures.total, again.failures_lasting) == (0, 0, 1)


def test_two_failures_of_one_account_are_two() -> None:
    account, user = "111111111111", "ann"

    assert failure_key(account, user, "a: Denied") != failure_key(account, user, "b: Denied")
    assert failure_key(account, user, "x") != failure_key(account, None, "x")
    assert failure_key(account, user, "took 3 tries") == failure_key(account, user, "took 4 tries")


def test_of_ten_thousand_accounts_the_worst_ten_are_named_and_all_counted() -> None:
    accounts = 10_000
    days = (
        replace(
            PROD,
            account=f"{number:012}",
            keys=(replace(KEY, age=number, action=Action.ROTATE, done=True),),
            failures=((None, "denied"),),
        )
        for number in range(accounts)
    )

    digest = fold(days, day=DAY, expected=None, memory={})

    assert digest.done_counts == {Action.ROTATE: accounts}
    assert (digest.done.total, digest.done.more) == (accounts, accounts - WORST)
    assert [int(line.account) for line in digest.done.worst] == [
        *range(accounts - 1, accounts - 1 - WORST, -1)
    ]
    assert len(digest.failures.worst) == WORST
    assert digest.failures.total == len(digest.memory) == accounts


def test_what_is_cut_shows_that_it_was_cut() -> None:
    whole, longer = "a" * LONGEST, "a" * (LONGEST + 1)

    for message, what in ((whole, whole), (longer, "a" * (LONGEST - 1) + "…")):
        shut = of(replace(PROD, reached=False, failures=((None, message),)))
        failed = of(replace(PROD, failures=(("ann", message),)))
        assert shut.coverage.not_entered.worst[0].what == what
        assert failed.failures.worst[0].what == what


def test_no_account_keeps_the_findings_of_others_out_of_a_list() -> None:
    def with_failures(account: str, number: int) -> AccountDay:
        users = [f"user-{each:03}" for each in range(number)]
        failures = tuple((user, f"{user} failed") for user in users)
        rejected = tuple(UserDay(user=user, source="tag", rejected=("no mail",)) for user in users)
        return AccountDay(
            account=account,
            name="",
            dry_run=False,
            reached=True,
            failures=failures,
            users=rejected,
        )

    crowded = [with_failures("000000000001", 450), with_failures("222222222222", 1)]
    digest = fold(crowded, day=date(2026, 3, 2), expected=None, memory={})

    for found in (digest.failures, digest.rejected):
        assert found.total == 451
        accounts = [line.account for line in found.worst]
        assert accounts == ["000000000001"] * 9 + ["222222222222"]


def test_no_account_keeps_what_breaks_in_others_out_of_the_list() -> None:
    """Whoever may make users makes ten keys that break on the same day, or the day before."""

    def breaking(account: str, number: int, day: date) -> AccountDay:
        key = replace(KEY, breaks=True, ends_on=day)
        keys = tuple(replace(key, key_id=f"AKIA{each:03}") for each in range(number))
        return replace(PROD, account=account, keys=keys)

    crowd, payroll = (
        breaking("000000000001", 30, DAY),
        breaking("222222222222", 2, DAY + 24 * HOUR),
    )
    digest = of(crowd, payroll)

    assert digest.breaks.total == 32
    assert [line.account for line in digest.breaks.worst] == [crowd.account] * 8 + [
        payroll.account
    ] * 2


def test_who_is_exempt_with_two_keys_is_one_line() -> None:
    lapsed = replace(KEY, reason=Reason.EXEMPTION_LAPSED, sentence="its user is exempt, and so on")
    digest = of(replace(PROD, keys=(lapsed, replace(lapsed, key_id="AKIA2"))))

    [line] = digest.exemptions.worst
    assert (line.user, line.key_id, line.what) == ("ann", None, lapsed.sentence)
