import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from keyturn_sandbox.demo import start
from keyturn_sandbox.emulator.call_log import Call
from keyturn_sandbox.emulator.mailbox import SentMail
from keyturn_sandbox.judge.evidence import (
    ACTIVE,
    INACTIVE,
    Evidence,
    HeldKey,
    JudgedRun,
    Use,
    Windows,
    have_passed,
    secret_name,
    token_of,
)
from keyturn_sandbox.judge.secret_scanner import smtp_password
from keyturn_sandbox.judge.verdict import INVARIANTS, judge
from keyturn_sandbox.judge.violation_seeding import NothingToSeedOn, seed_violation
from keyturn_sandbox.simulation.demonstration import ADMINS_DAY

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
START = datetime(2026, 1, 1, 6, 0, tzinfo=UTC)
PROD, DEV, CLOSED_DOOR = "111111111111", "222222222222", "333333333333"
USER, SECRET = "deploy-bot", secret_name(PROD, "deploy-bot")
OLD, NEW, LEGACY, LAB = (f"AKIA{name:A<16}" for name in ("OLD", "NEW", "LEGACY", "LAB"))
VALUE = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
MEMBER_ROLE = "ASA-IAM-Key-Rotation"


def call(at: datetime, operation: str, /, *, role: str = MEMBER_ROLE, **params: object) -> Call:
    service = {
        "AssumeRole": "sts",
        "PutEvents": "events",
        "CreateSecret": "secretsmanager",
        "UpdateSecretVersionStage": "secretsmanager",
        "DeleteSecret": "secretsmanager",
        "GetSecretValue": "secretsmanager",
        "PutSecretValue": "secretsmanager",
        "TagResource": "secretsmanager",
        "UntagResource": "secretsmanager",
        "PutObject": "s3",
        "GenerateMac": "kms",
    }.get(operation, "iam")
    return Call(
        at=at,
        account=PROD,
        principal=f"arn:aws:sts::{PROD}:assumed-role/{role}/session",
        service=service,
        operation=operation,
        params=params,
        result={"UserName": USER, "AccessKeyId": NEW} if operation == "CreateAccessKey" else {},
        error=None,
        request_id="11111111-2222-3333-4444-555555555555",
    )


def by_hand(at: datetime, operation: str, /, **params: object) -> Call:
    return call(at, operation, role="Administrator", **params)


def update(at: datetime, key_id: str, status: str, role: str = MEMBER_ROLE) -> Call:
    return call(at, "UpdateAccessKey", role=role, UserName=USER, AccessKeyId=key_id, Status=status)


def mail(at: datetime, *steps: tuple[str, str], to: str = "team@example.com") -> SentMail:
    return SentMail(
        at=at,
        message_id="m",
        account=PROD,
        sender="keys@example.com",
        to=[to],
        subject="Your access keys",
        text="\n".join(f"{key_id}: {step}" for key_id, step in steps),
        html="<p>See the text.</p>",
        headers={"X-Steps": " ".join(f"{key_id}={step}" for key_id, step in steps)},
    )


def step_of(mail: SentMail) -> frozenset[tuple[str, str]]:
    pairs = (word.partition("=") for word in mail.headers["X-Steps"].split())
    return frozenset((key_id, step) for key_id, _, step in pairs)


def a_quiet_day(at: datetime) -> list[Call]:
    door = f"arn:aws:iam::{CLOSED_DOOR}:role/{MEMBER_ROLE}"
    failed = {"DetailType": "Account Failed", "Detail": f'{{"account":"{CLOSED_DOOR}"}}'}
    return [
        call(at, "ListUsers"),
        replace(call(at, "ListUsers"), account=DEV),
        replace(call(at, "AssumeRole", RoleArn=door), error="AccessDenied"),
        call(at, "PutEvents", Entries=[failed]),
    ]


def runs(days: range = range(22)) -> list[JudgedRun]:
    """A dry run on day -1, one run on each day, and a second one on the last."""
    daily = [
        JudgedRun(started=START + n * DAY, ended=START + n * DAY + 5 * MINUTE, dry_run=False)
        for n in days
    ]
    dry = JudgedRun(started=START - DAY, ended=START - DAY + 5 * MINUTE, dry_run=True)
    again = replace(
        daily[-1],
        started=daily[-1].started + HOUR,
        ended=daily[-1].ended + HOUR,
        repeats=True,
    )
    return [dry, *daily, again]


def rotating(
    *,
    told: timedelta = timedelta(0),
    disabled: timedelta = 10 * DAY,
    deleted: timedelta = 20 * DAY,
) -> Evidence:
    """One key rotated, disabled and deleted, at these times after the first enforcing run."""
    all_runs = runs()
    disabling, deletion = START + disabled + MINUTE, START + deleted + MINUTE
    mine = {"UserName": USER, "AccessKeyId": OLD}
    tag = [{"Key": f"keyturn:key:{OLD}", "Value": "disabling"}]
    made = START + MINUTE
    return Evidence(
        calls=[
            *(one for run in all_runs for one in a_quiet_day(run.started)),
            call(
                made, "CreateSecret", Name=SECRET, Tags=[{"Key": "keyturn:intent", "Value": "x"}]
            ),
            call(made, "CreateAccessKey", UserName=USER),
            call(
                made,
                "PutSecretValue",
                SecretId=SECRET,
                SecretString="***",
                ClientRequestToken=token_of(NEW),
            ),
            call(disabling, "TagResource", SecretId=SECRET, Tags=tag),
            update(disabling, OLD, INACTIVE),
            call(deletion, "DeleteAccessKey", **mine),
        ],
        mails=[
            mail(START - DAY, (OLD, "disable")),
            mail(START + told + MINUTE, (OLD, "disable")),
            mail(disabling, (OLD, "delete")),
        ],
        keys_before=[
            key(OLD, ACTIVE, USER, used=START - HOUR),
            key(LEGACY, ACTIVE, "legacy-ftp"),
        ],
        keys_after=[
            replace(key(NEW, ACTIVE, USER), created=made),
            key(LEGACY, ACTIVE, "legacy-ftp"),
        ],
        uses=[Use(OLD, START + n * DAY) for n in range(10)],
        exempt_before=frozenset({(PROD, "legacy-ftp")}),
        secret_values={NEW: VALUE},
        texts=[("run.log", f"made {NEW} for {USER}")],
        keyturn_roles=frozenset({MEMBER_ROLE}),
        bucket="keys",
        accounts=frozenset({PROD, DEV, CLOSED_DOOR}),
        runs=all_runs,
        mailboxes={(PROD, USER): frozenset({"team@example.com"})},
        step_of=step_of,
    )


def key(key_id: str, status: str, user: str, used: datetime | None = None) -> HeldKey:
    return HeldKey(
        account=PROD,
        user=user,
        key_id=key_id,
        status=status,
        created=START - 90 * DAY,
        last_used=used,
    )


def violations(evidence: Evidence) -> dict[int, tuple[str, ...]]:
    return {found.number: found.violations for found in judge(evidence) if found.violations}


def and_calls(evidence: Evidence, *calls: Call) -> Evidence:
    return replace(evidence, calls=[*evidence.calls, *calls])


def without_calls(evidence: Evidence, unwanted: Callable[[Call], bool]) -> Evidence:
    return replace(evidence, calls=[one for one in evidence.calls if not unwanted(one)])


def with_after(evidence: Evidence, after: Mapping[str, str]) -> Evidence:
    keys = [key(key_id, status, USER) for key_id, status in after.items()]
    return replace(evidence, keys_after=[key(LEGACY, ACTIVE, "legacy-ftp"), *keys])


def test_a_clean_history_has_no_violation_and_every_invariant_looked_at_something() -> None:
    findings = judge(rotating())

    assert [found.number for found in findings] == list(range(1, 11))
    assert [found.violations for found in findings] == [()] * 10
    # No day was skipped, so there was nothing to look at for the last.
    assert [found.number for found in findings if not found.checked] == [10]


@pytest.mark.parametrize("number", range(1, 11))
def test_a_planted_violation_is_found_and_nothing_else(number: int) -> None:
    found = violations(seed_violation(number, rotating()))

    assert list(found) == [number]
    assert len(found[number]) == 1


def test_a_violation_is_told_in_one_sentence() -> None:
    [sentence] = violations(seed_violation(1, rotating()))[1]

    assert sentence == (
        "111111111111 planted-user AKIAPLANTEDOLDKEY000 was disabled by Keyturn at "
        "2026-01-22 06:05:00Z, but its owner was not told 10 days before"
    )


def test_the_command_line_knows_how_many_there_are() -> None:
    assert len(INVARIANTS) + 2 == ADMINS_DAY == start.PROMISES


def test_where_nothing_ran_there_is_nothing_to_plant_on() -> None:
    with pytest.raises(NothingToSeedOn):
        seed_violation(6, replace(rotating(), runs=[]))


@pytest.mark.parametrize(("late", "is_well"), [(11 * HOUR, True), (13 * HOUR, False)])
def test_the_window_has_a_slack_of_half_a_day(late: timedelta, is_well: bool) -> None:
    assert (violations(rotating(told=late)) == {}) is is_well


@pytest.mark.parametrize(("early", "is_well"), [(11 * HOUR, True), (13 * HOUR, False)])
def test_the_grace_has_a_slack_of_half_a_day(early: timedelta, is_well: bool) -> None:
    assert (violations(rotating(deleted=20 * DAY - early)) == {}) is is_well


@pytest.mark.parametrize(("days", "short_of", "passed"), [(1, 1, True), (1, 2, False)])
def test_a_single_day_has_a_slack_of_one_hour(days: int, short_of: int, passed: bool) -> None:
    assert have_passed(days, START, START + days * DAY - short_of * HOUR) is passed


def test_a_dry_run_tells_nobody_of_a_disabling() -> None:
    evidence = rotating()
    dry = [one for one in evidence.mails if one.at < START]

    assert list(violations(replace(evidence, mails=dry))) == [1]


def test_a_warning_is_no_notice_of_a_disabling() -> None:
    evidence = replace(rotating(), mails=[mail(START, (OLD, "upcoming-1"))])

    assert list(violations(evidence)) == [1]


def test_a_mail_to_somebody_else_is_no_notice() -> None:
    evidence = replace(rotating(), mails=[mail(START, (OLD, "disable"), to="x@example.com")])

    assert list(violations(evidence)) == [1]


def test_a_mail_that_does_not_say_its_steps_tells_of_the_keys_that_it_names() -> None:
    evidence = replace(rotating(), step_of=lambda _: frozenset())

    assert violations(evidence) == {}


def test_the_last_active_key_is_never_disabled() -> None:
    evidence = and_calls(rotating(), update(START + 2 * DAY, NEW, INACTIVE, "Administrator"))

    found = violations(with_after(evidence, {NEW: INACTIVE}))

    assert list(found) == [1, 8]
    assert "no other Active key remained" in found[1][0]
    assert found[8] == (
        f"{PROD} {USER} {NEW} was taken away from {PROD} {USER} {OLD} on 2026-01-03, in silence",
    )


@pytest.mark.parametrize(
    ("step", "names", "is_well"),
    [
        ("blocked-successor-taken-away/2026-01-04", NEW, True),
        ("disable/2026-01-14", NEW, True),
        ("blocked-slot-taken/2026-01-04", NEW, False),
        ("blocked-successor-taken-away/2026-01-04", "", False),
    ],
)
def test_that_a_successor_was_taken_away_is_told_by_a_mail_that_names_it(
    step: str, names: str, is_well: bool
) -> None:
    """A person makes the new key Inactive on day 2 while the old one is in use."""
    taken = rotating(disabled=30 * DAY, deleted=40 * DAY)
    taken = without_calls(
        taken, lambda one: one.operation in {"UpdateAccessKey", "DeleteAccessKey"}
    )
    taken = and_calls(taken, update(START + 2 * DAY, NEW, INACTIVE, "Administrator"))
    told = mail(START + 3 * DAY + MINUTE, (OLD, step))
    told = replace(told, text=f"{told.text} {names}")

    found = violations(
        with_after(replace(taken, mails=[*taken.mails, told]), {OLD: ACTIVE, NEW: INACTIVE})
    )

    assert (8 not in found) is is_well


@pytest.mark.parametrize(("told_on", "is_well"), [((), False), ((0, 7, 14), True), ((0,), False)])
def test_an_overdue_key_beside_another_is_told_of_again_and_again(
    told_on: tuple[int, ...], is_well: bool
) -> None:
    lab, other = key(LAB, ACTIVE, "lab"), key(f"{LAB[:-1]}B", INACTIVE, "lab")
    keys = [replace(lab, created=START - 200 * DAY), other]
    evidence = rotating()
    evidence = replace(
        evidence,
        keys_before=[*evidence.keys_before, *keys],
        keys_after=[*evidence.keys_after, *keys],
        mails=[
            *evidence.mails,
            *(mail(START + n * DAY + MINUTE, (LAB, f"blocked/{n}")) for n in told_on),
        ],
    )

    assert (violations(evidence) == {}) is is_well


def test_a_key_in_use_needs_a_successor_delivered_before_the_window() -> None:
    # Its owner made the other key by hand.
    person = "Administrator"
    evidence = rotating()
    made_by_hand = [
        replace(one, principal=one.principal.replace(MEMBER_ROLE, person))
        if one.operation in {"CreateAccessKey", "PutSecretValue"}
        else one
        for one in evidence.calls
    ]
    overwritten = by_hand(
        START + DAY, "PutSecretValue", SecretId=SECRET, SecretString="***", ClientRequestToken="x"
    )
    evidence = replace(evidence, calls=[*made_by_hand, overwritten])
    twice = replace(
        overwritten, at=START + 2 * DAY, params={**overwritten.params, "ClientRequestToken": "y"}
    )

    assert list(violations(and_calls(evidence, twice))) == [1]


@pytest.mark.parametrize(("last", "is_well"), [(-13, True), (-10, False)])
def test_a_quiet_key_needs_no_delivered_successor(last: int, is_well: bool) -> None:
    evidence = replace(
        rotating(),
        keys_before=[
            key(OLD, ACTIVE, USER),
            key(NEW, ACTIVE, USER),
            key(LEGACY, ACTIVE, "legacy-ftp"),
        ],
        uses=[Use(OLD, START + (10 + last) * DAY)],
    )
    evidence = without_calls(
        evidence, lambda one: one.operation in {"CreateAccessKey", "PutSecretValue"}
    )

    assert (violations(evidence) == {}) is is_well


def test_a_deleted_secret_counts_as_not_delivered() -> None:
    evidence = and_calls(rotating(), by_hand(START + DAY, "DeleteSecret", SecretId=SECRET))

    assert list(violations(evidence)) == [1]


def test_a_secret_made_anew_after_its_end_counts_as_a_new_one() -> None:
    ended = by_hand(START - 40 * DAY, "DeleteSecret", SecretId=SECRET)

    assert violations(and_calls(rotating(), ended)) == {}


def revoking(**ordered: object) -> Evidence:
    """Days before its time, a run stops the key that was delivered, and nobody was told."""
    evidence = and_calls(rotating(), update(START + 2 * DAY + MINUTE, NEW, INACTIVE))
    of_that_day = [
        replace(run, **ordered) if run.started == START + 2 * DAY else run  # type: ignore[arg-type]  # named by the tests below
        for run in evidence.runs
    ]
    evidence = without_calls(
        replace(evidence, runs=of_that_day),
        lambda one: one.params.get("AccessKeyId") == OLD,
    )
    return with_after(evidence, {NEW: INACTIVE, OLD: ACTIVE})


def test_a_key_is_stopped_without_notice_only_by_the_run_that_was_ordered_to() -> None:
    assert violations(revoking(revokes=frozenset({NEW}))) == {}
    # A secret then holds a dead key, which the order allows as well.
    assert set(violations(revoking())) == {1, 4}
    assert set(violations(revoking(revokes=frozenset({OLD})))) == {1, 4}
    assert set(violations(revoking(restores=frozenset({NEW})))) == {1, 4}


OF_THE_ORDER = frozenset({"of-the-order"})


def of_the_order(one: Call) -> Call:
    """The call, as the order's run made it."""
    return replace(one, request_id="of-the-order")


@pytest.mark.parametrize("told_apart", [True, False])
def test_of_two_runs_at_once_each_answers_for_its_own_calls(*, told_apart: bool) -> None:
    """A daily run starts after the order, and before the order stops its key."""
    evidence = revoking(revokes=frozenset({NEW}))
    order = next(run for run in evidence.runs if run.revokes)
    a_moment_later = order.started + timedelta(seconds=1)
    daily = replace(order, started=a_moment_later, revokes=frozenset(), accounts=frozenset())
    if told_apart:
        order = replace(order, requests=OF_THE_ORDER)
    others = [run for run in evidence.runs if not run.revokes]
    calls = [
        of_the_order(one) if one.params.get("Status") == INACTIVE else one
        for one in evidence.calls
    ]

    found = violations(replace(evidence, calls=calls, runs=[*others, order, daily]))

    assert set(found) == (set() if told_apart else {1, 4})


STOPPED = frozenset({NEW})


@pytest.mark.parametrize(
    ("words", "stopped", "is_well"),
    [
        ({"revokes": STOPPED, "without_successor": True}, 30, True),
        ({"revokes": STOPPED}, 30, False),  # it said that all was well
        ({"revokes": STOPPED, "without_successor": True, "ended": START + 10 * DAY}, 30, False),
        ({"revokes": STOPPED, "without_successor": True}, -20 * 60, False),  # long before
        ({"revokes": STOPPED, "without_successor": True}, 90, True),  # afterwards: one was left
    ],
)
def test_the_last_key_is_stopped_only_while_an_order_stops_the_other_and_says_so(
    words: dict[str, object], stopped: int, *, is_well: bool
) -> None:
    """The run stops the old key 60 seconds after its start."""
    moment = START + 10 * DAY
    order = JudgedRun(
        started=moment - HOUR, ended=moment + 5 * MINUTE, dry_run=False, requests=OF_THE_ORDER
    )
    order = replace(order, **words)  # type: ignore[arg-type]  # named above
    stop = of_the_order(update(moment + timedelta(seconds=stopped), NEW, INACTIVE))
    evidence = with_after(and_calls(rotating(), stop), {NEW: INACTIVE})

    found = violations(replace(evidence, runs=[*evidence.runs, order]))

    assert (1 not in found) is is_well


@pytest.mark.parametrize("earlier", [True, False])
def test_what_one_order_revoked_no_other_enables(*, earlier: bool) -> None:
    revoked, restored = START + 12 * DAY, START + 13 * DAY
    evidence = without_calls(rotating(), lambda one: one.operation == "DeleteAccessKey")
    evidence = and_calls(
        evidence,
        update(START + 11 * DAY, OLD, ACTIVE, "Administrator"),
        update(revoked + MINUTE, OLD, INACTIVE),
        update(restored + MINUTE, OLD, ACTIVE),
    )
    orders = {revoked: {"revokes": frozenset({OLD})} if earlier else {}} | {
        restored: {"restores": frozenset({OLD})}
    }
    runs_then = [
        replace(run, **orders.get(run.started, {}))  # type: ignore[arg-type]  # named above
        for run in evidence.runs
    ]
    evidence = with_after(replace(evidence, runs=runs_then), {OLD: ACTIVE, NEW: ACTIVE})

    assert (4 in violations(evidence)) is earlier


@pytest.mark.parametrize(
    "excuse",
    [{}, {"without_successor": True}, {"crashed": True}, {"failed": frozenset({PROD})}],
    ids=lambda excuse: next(iter(excuse), "none"),
)
def test_whose_key_is_revoked_has_another_unless_the_run_said_why_not(
    excuse: dict[str, object],
) -> None:
    evidence = and_calls(
        revoking(revokes=frozenset({NEW}), **excuse),
        by_hand(START + DAY, "DeleteAccessKey", UserName=USER, AccessKeyId=OLD),
    )

    found = violations(with_after(evidence, {NEW: INACTIVE}))

    assert list(found) == ([] if excuse else [4])
    if not excuse:
        [sentence] = found[4]
        assert sentence.endswith("and no other key of its user worked after the run")


def ending(count: int, of: int = 12, **words: object) -> Evidence:
    """So many quiet keys of one account end on one day, each of which was announced."""
    evidence = rotating()
    users = [f"user-{number:02}" for number in range(of)]
    pairs = [(user, f"AKIAFIRST{user[-2:]:A<11}", f"AKIAOTHER{user[-2:]:A<11}") for user in users]
    day = START + 15 * DAY
    return replace(
        and_calls(
            evidence,
            *(
                call(
                    day + MINUTE,
                    "UpdateAccessKey",
                    UserName=user,
                    AccessKeyId=first,
                    Status=INACTIVE,
                )
                for user, first, _ in pairs[:count]
            ),
        ),
        mails=[*evidence.mails, *(mail(START, (first, "disable")) for _, first, _ in pairs)],
        keys_before=[
            *evidence.keys_before,
            *(key(key_id, ACTIVE, user) for user, *both in pairs for key_id in both),
        ],
        keys_after=[
            *evidence.keys_after,
            *(
                key(first, INACTIVE if number < count else ACTIVE, user)
                for number, (user, first, _) in enumerate(pairs)
            ),
            *(key(other, ACTIVE, user) for user, _, other in pairs),
        ],
        runs=[
            replace(run, **words) if run.started == day else run  # type: ignore[arg-type]  # as above
            for run in evidence.runs
        ],
    )


def test_no_day_ends_more_keys_of_an_account_than_it_may() -> None:
    assert violations(ending(10)) == {}
    assert violations(ending(11)) == {
        4: (f"{PROD}: Keyturn ended 11 of 27 keys on 2026-01-16, which is more than 10",)
    }


def test_the_cap_of_a_day_is_the_policys_and_a_share_of_the_accounts_keys() -> None:
    assert violations(ending(11, of=21)) == {}
    assert list(violations(ending(2, windows=Windows(keys_a_day=1, percent_a_day=0)))) == [4]
    assert violations(ending(2, windows=Windows(keys_a_day=2, percent_a_day=0))) == {}


def test_what_an_operator_approved_of_has_no_cap() -> None:
    assert violations(ending(11, approved=True)) == {}


def test_an_order_to_revoke_stands_for_an_exempt_user_only_if_it_says_so() -> None:
    def exempt(evidence: Evidence) -> Evidence:
        return replace(evidence, exempt_before=evidence.exempt_before | {(PROD, "lab")})

    lab = key(LAB, ACTIVE, "lab")
    stop = call(
        START + 2 * DAY, "UpdateAccessKey", UserName="lab", AccessKeyId=LAB, Status=INACTIVE
    )

    noted = call(START + 2 * DAY, "TagResource", SecretId=secret_name(PROD, "lab"), Tags=[])

    def ordered(*calls: Call, **words: object) -> Evidence:
        evidence = and_calls(exempt(rotating()), stop, *calls)
        runs_then = [
            replace(run, **words, without_successor=True)  # type: ignore[arg-type]  # as above
            if run.started == START + 2 * DAY
            else run
            for run in evidence.runs
        ]
        return replace(
            evidence,
            runs=runs_then,
            keys_before=[*evidence.keys_before, lab],
            keys_after=[*evidence.keys_after, replace(lab, status=INACTIVE)],
        )

    assert violations(ordered(noted, revokes=frozenset({LAB}), even_exempt=True)) == {}
    assert violations(ordered(revokes=frozenset({LAB}))) == {}  # it is leaked: stopped, whoever's
    assert list(violations(ordered(noted, revokes=frozenset({LAB})))) == [5]
    assert list(violations(ordered(revokes=frozenset({OLD}), even_exempt=True))) == [1, 5]


def test_the_rest_of_an_order_to_revoke_is_done_for_an_exempt_user_only_if_it_says_so() -> None:
    day = START + 2 * DAY
    stop = call(day, "UpdateAccessKey", UserName="lab", AccessKeyId=LAB, Status=INACTIVE)
    note = call(
        day + MINUTE,
        "TagResource",
        SecretId=secret_name(PROD, "lab"),
        Tags=[{"Key": f"keyturn:revoked:{LAB}", "Value": "revoked=2026-01-03T06:01:00Z"}],
    )
    lab = key(LAB, ACTIVE, "lab")
    evidence = and_calls(rotating(), stop, note)

    def ordered(*, even_exempt: bool) -> Evidence:
        return replace(
            evidence,
            exempt_before=evidence.exempt_before | {(PROD, "lab")},
            keys_before=[*evidence.keys_before, lab],
            keys_after=[*evidence.keys_after, replace(lab, status=INACTIVE)],
            runs=[
                replace(
                    run, revokes=frozenset({LAB}), even_exempt=even_exempt, without_successor=True
                )
                if run.started == day
                else run
                for run in evidence.runs
            ],
        )

    assert violations(ordered(even_exempt=True)) == {}
    assert list(violations(ordered(even_exempt=False))) == [5]


@pytest.mark.parametrize(("restores", "found"), [({OLD}, []), ({NEW}, [4]), (set(), [4])])
def test_a_key_is_enabled_only_by_the_run_that_was_ordered_to(
    restores: set[str], found: list[int]
) -> None:
    evidence = without_calls(rotating(), lambda one: one.operation == "DeleteAccessKey")
    evidence = and_calls(evidence, update(START + 12 * DAY + MINUTE, OLD, ACTIVE))
    runs_then = [
        replace(run, restores=frozenset(restores)) if run.started == START + 12 * DAY else run
        for run in evidence.runs
    ]

    evidence = with_after(replace(evidence, runs=runs_then), {OLD: ACTIVE, NEW: ACTIVE})

    assert list(violations(evidence)) == found


@pytest.mark.parametrize(("restores", "is_well"), [({OLD}, True), ({NEW}, False)])
def test_what_an_order_enabled_it_may_stop_again_in_the_same_run(
    restores: set[str], *, is_well: bool
) -> None:
    moment = START + 12 * DAY
    taken_back = [
        update(moment + MINUTE, OLD, ACTIVE),
        update(moment + 2 * MINUTE, OLD, INACTIVE),
    ]
    evidence = without_calls(rotating(), lambda one: one.operation == "DeleteAccessKey")
    evidence = and_calls(evidence, *taken_back)
    runs_then = [
        replace(run, restores=frozenset(restores)) if run.started == moment else run
        for run in evidence.runs
    ]

    found = violations(with_after(replace(evidence, runs=runs_then), {OLD: INACTIVE, NEW: ACTIVE}))

    assert (1 not in found) is is_well


def test_what_people_do_to_their_own_keys_is_no_violation() -> None:
    lab = [
        by_hand(START, "UpdateAccessKey", UserName="lab", AccessKeyId=LAB, Status=INACTIVE),
        by_hand(START, "DeleteAccessKey", UserName="lab", AccessKeyId=LAB),
    ]
    evidence = and_calls(rotating(), *lab)
    before = [*evidence.keys_before, key(LAB, ACTIVE, "lab")]

    assert violations(replace(evidence, keys_before=before)) == {}


def test_a_restored_key_is_told_anew_before_it_is_disabled_again() -> None:
    evidence = and_calls(
        without_calls(rotating(), lambda one: one.operation == "DeleteAccessKey"),
        update(START + 11 * DAY, OLD, ACTIVE, "Administrator"),
        update(START + 21 * DAY, OLD, INACTIVE),
    )
    untold = with_after(evidence, {OLD: INACTIVE, NEW: ACTIVE})
    anew = mail(START + 11 * DAY + MINUTE, (OLD, "disable-again"))

    assert list(violations(untold)) == [1]
    assert violations(replace(untold, mails=[*untold.mails, anew])) == {}


def test_a_key_is_deleted_only_if_it_was_on_record() -> None:
    """What was Inactive long before the first run is not deleted on first sight."""
    evidence = without_calls(rotating(), lambda one: one.operation == "TagResource")

    found = violations(evidence)

    assert list(found) == [2]
    assert "on record" in found[2][0]


def test_an_active_key_is_never_deleted() -> None:
    evidence = without_calls(rotating(), lambda one: one.operation == "UpdateAccessKey")

    assert violations(evidence)[2][0].endswith("but it was Active")


def test_an_orphan_may_be_taken_back_at_once() -> None:
    evidence = without_calls(
        rotating(), lambda one: one.operation not in {"ListUsers", "AssumeRole", "PutEvents"}
    )
    evidence = and_calls(
        evidence,
        call(START, "CreateAccessKey", UserName=USER),
        call(START + MINUTE, "DeleteAccessKey", UserName=USER, AccessKeyId=NEW),
    )

    assert violations(with_after(evidence, {OLD: ACTIVE})) == {}


@pytest.mark.parametrize(
    ("stopped", "gone", "used", "wrong"),
    [
        (DAY, 2 * DAY, None, []),
        (DAY, DAY + 2 * MINUTE, None, ["Inactive only since"]),
        (None, DAY, None, ["it was Active"]),
        (DAY, 2 * DAY, HOUR, ["its owner was not told", "it was Inactive only since"]),
    ],
)
def test_an_orphan_of_another_run_is_stopped_and_a_day_later_deleted(
    stopped: timedelta | None, gone: timedelta, used: timedelta | None, wrong: list[str]
) -> None:
    evidence = without_calls(
        rotating(), lambda one: one.operation not in {"ListUsers", "AssumeRole", "PutEvents"}
    )
    evidence = and_calls(
        evidence,
        call(START, "CreateSecret", Name=SECRET, Tags=[{"Key": "keyturn:intent", "Value": "x"}]),
        call(START, "CreateAccessKey", UserName=USER),
        *([update(START + stopped, NEW, INACTIVE)] if stopped else []),
        call(START + gone, "DeleteAccessKey", UserName=USER, AccessKeyId=NEW),
    )
    crashed = [replace(run, crashed=run.started == START) for run in evidence.runs]
    uses = [Use(NEW, START + used)] if used else []

    found = violations(with_after(replace(evidence, runs=crashed, uses=uses), {OLD: ACTIVE}))

    said = [sentence for sentences in found.values() for sentence in sentences]
    assert [why for why, sentence in zip(wrong, said, strict=True) if why in sentence] == wrong


def test_a_crashed_run_is_repaired_by_the_first_that_can_tell() -> None:
    evidence = without_calls(
        rotating(),
        lambda one: (
            one.operation
            in {"PutSecretValue", "DeleteAccessKey", "TagResource", "UpdateAccessKey"}
        ),
    )
    crashed = [replace(run, crashed=run.started == START) for run in evidence.runs]
    evidence = with_after(replace(evidence, runs=crashed), {OLD: ACTIVE, NEW: ACTIVE})
    repaired = and_calls(evidence, update(START + DAY, NEW, INACTIVE))

    assert list(violations(evidence)) == [3]
    assert violations(with_after(repaired, {OLD: ACTIVE, NEW: INACTIVE})) == {}

    exempt = by_hand(
        START + HOUR,
        "AddUserToGroup",
        GroupName="IAMKeyRotationExemptionGroup",
        UserName=USER,
    )
    assert violations(and_calls(evidence, exempt)) == {}


def test_a_new_key_without_a_stored_secret_needs_an_intent_after_every_run() -> None:
    withdrawn = call(
        START + 2 * MINUTE, "UntagResource", SecretId=SECRET, TagKeys=["keyturn:intent"]
    )
    evidence = without_calls(rotating(), lambda one: one.operation == "PutSecretValue")
    crashed = [replace(run, crashed=run.started == START) for run in evidence.runs]
    evidence = with_after(replace(evidence, runs=crashed[:2]), {OLD: ACTIVE, NEW: ACTIVE})
    evidence = without_calls(evidence, lambda one: one.at > START + MINUTE)

    assert violations(evidence) == {}
    [found] = violations(and_calls(evidence, withdrawn))[3]
    assert found.endswith("its secret not stored, and no intent told of it")


def test_a_new_key_lies_only_in_a_secret_that_keyturn_made_or_was_told_to_take() -> None:
    evidence = without_calls(rotating(), lambda one: one.operation == "CreateSecret")
    squatted = and_calls(
        evidence, by_hand(START - HOUR, "CreateSecret", Name=SECRET, Tags=[{"Key": "x"}])
    )
    own = [{"Key": f"keyturn:{tag}", "Value": "x"} for tag in ("user", "user-id", "seal")]
    adopted = call(START, "TagResource", SecretId=SECRET, Tags=own)
    sealed = call(START, "TagResource", SecretId=SECRET, Tags=own[2:])

    [found] = violations(squatted)[3]
    assert found.endswith("in a secret that Keyturn did not make")
    assert list(violations(and_calls(squatted, sealed))) == [3]
    assert 3 not in violations(and_calls(squatted, adopted))


@pytest.mark.parametrize(
    "overstepping",
    [
        call(START, "CreateUser", UserName="x"),
        call(START, "GetSecretValue", SecretId=SECRET),
        call(START, "PutSecretValue", SecretId="prod/database"),
        call(START, "PutObject", Bucket="somebody-elses"),
    ],
)
def test_keyturn_does_only_what_it_may(overstepping: Call) -> None:
    assert list(violations(and_calls(rotating(), overstepping))) == [4]


def test_asking_for_the_key_of_all_seals_writes_nothing() -> None:
    asked = call(START, "GenerateMac", KeyId="alias/seal")

    assert violations(and_calls(rotating(), replace(asked, at=START - DAY), asked)) == {}


def test_keyturn_never_enables_what_a_person_disabled() -> None:
    evidence = and_calls(
        rotating(),
        update(START + DAY, OLD, INACTIVE, "Administrator"),
        update(START + 2 * DAY, OLD, ACTIVE),
    )

    assert list(violations(evidence)) == [4]


def test_a_secret_never_comes_to_hold_a_dead_key() -> None:
    evidence = and_calls(
        rotating(),
        call(
            START + 21 * DAY + MINUTE,
            "PutSecretValue",
            SecretId=f"arn:aws:secretsmanager:eu-west-1:{PROD}:secret:{SECRET}-AbCdEf",
            SecretString="***",
            ClientRequestToken=token_of(OLD),
        ),
    )

    found = violations(evidence)

    assert list(found) == [4]
    assert SECRET in found[4][0]


def test_the_log_explains_every_key_that_is_there_at_the_end() -> None:
    found = violations(with_after(rotating(), {NEW: INACTIVE}))

    assert found == {4: (f"{PROD} {USER} {NEW} is Inactive at the end, but by the log Active",)}


def test_an_exempt_user_is_exempt_only_while_in_the_group() -> None:
    group = {"GroupName": "IAMKeyRotationExemptionGroup", "UserName": USER}
    joined = by_hand(START + 5 * DAY, "AddUserToGroup", **group)
    left = by_hand(START + 6 * DAY, "RemoveUserFromGroup", **group)

    assert violations(and_calls(rotating(), joined, left)) == {}
    assert len(violations(and_calls(rotating(), joined))[5]) == 3


def test_a_renamed_exempt_user_is_exempt_by_the_new_name_and_not_by_the_old() -> None:
    group = {"GroupName": "IAMKeyRotationExemptionGroup", "UserName": USER}
    renamed = [
        by_hand(START + 5 * DAY, "AddUserToGroup", **group),
        by_hand(START + 5 * DAY, "UpdateUser", UserName=USER, NewUserName="deploy-ci"),
    ]
    under_the_new_name = call(
        START + 6 * DAY, "DeleteAccessKey", UserName="deploy-ci", AccessKeyId=LAB
    )

    assert 5 not in violations(and_calls(rotating(), *renamed))
    assert len(violations(and_calls(rotating(), *renamed, under_the_new_name))[5]) == 1


@pytest.mark.parametrize(
    ("old", "new", "exempt"),
    [
        ("Developers", "IAMKeyRotationExemptionGroup", True),
        ("IAMKeyRotationExemptionGroup", "Developers", False),
        ("Developers", "Others", False),
    ],
)
def test_who_is_in_a_group_that_gets_the_exemption_groups_name_is_exempt(
    old: str, new: str, *, exempt: bool
) -> None:
    joined = by_hand(START + 5 * DAY, "AddUserToGroup", UserName=USER, GroupName=old)
    renamed = by_hand(START + 6 * DAY, "UpdateGroup", GroupName=old, NewGroupName=new)

    found = violations(and_calls(rotating(), joined, renamed))

    assert (5 in found) is exempt


@pytest.mark.parametrize("renamed", [False, True])
def test_the_key_of_whoever_has_a_renamed_users_old_name_is_no_other_key(*, renamed: bool) -> None:
    made = replace(
        by_hand(START + 2 * DAY, "CreateAccessKey", UserName=USER),
        result={"UserName": USER, "AccessKeyId": LAB},
    )
    rename = by_hand(START + DAY, "UpdateUser", UserName=USER, NewUserName="deploy-ci")
    gone = by_hand(START + 3 * DAY, "DeleteAccessKey", UserName="any", AccessKeyId=NEW)
    calls = [rename, made, gone] if renamed else [made, gone]

    [first, *_] = violations(and_calls(rotating(), *calls))[1]

    assert ("no other Active key remained" in first) is renamed


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("asa/receipts/x.json", []),
        ("asa/snapshots/x.json", []),
        ("asa/tally/x.json", [6]),
        ("asa/audit/x.json", [6]),
        ("asa/paused.json", [6]),
        ("receipts/x.json", [6]),
    ],
)
def test_a_dry_run_stores_its_notices_and_what_it_saw_and_nothing_else(
    name: str, found: list[int]
) -> None:
    stored = call(START - DAY, "PutObject", Bucket="keys", Key=name)
    evidence = replace(rotating(), prefix="asa/")

    assert list(violations(and_calls(evidence, stored))) == found
    assert violations(and_calls(evidence, replace(stored, at=START))) == {}


FORMS = {
    "plain": VALUE,
    "in a URL": quote(VALUE, safe=""),
    "as SES's password for SMTP": smtp_password(VALUE, "eu-central-1"),
    **{
        f"{name} after {len(before)}": encode((before + VALUE + '"}').encode()).decode()
        for before in ("", "{", '{"')
        for name, encode in (("base64", base64.b64encode), ("url", base64.urlsafe_b64encode))
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_found_in_whatever_form(form: str) -> None:
    evidence = replace(rotating(), texts=[("run.log", f'{{"made":"{FORMS[form]}"}}')])

    assert violations(evidence) == {7: (f"run.log holds the secret of {NEW}",)}


def test_a_secret_is_found_in_a_mail() -> None:
    evidence = rotating()
    leaking = replace(evidence.mails[0], html=f"<code>{VALUE}</code>")

    assert list(violations(replace(evidence, mails=[leaking, *evidence.mails[1:]]))) == [7]


def test_an_account_that_is_neither_visited_nor_reported_is_missed() -> None:
    evidence = without_calls(
        rotating(), lambda one: one.account == DEV and one.at == START + 3 * DAY
    )

    assert list(violations(evidence)) == [8]


def test_a_group_that_could_not_be_read_has_to_be_reported() -> None:
    denied = replace(
        call(START, "GetGroup", GroupName="IAMKeyRotationExemptionGroup"), error="AccessDenied"
    )
    evidence = and_calls(rotating(), denied)
    answered = [
        replace(run, failed=frozenset({PROD})) if run.started == START else run
        for run in evidence.runs
    ]

    assert list(violations(evidence)) == [8]
    assert violations(replace(evidence, runs=answered)) == {}


def test_a_second_run_of_a_day_writes_nothing() -> None:
    again = rotating().runs[-1].started
    tagging = call(again, "TagResource", SecretId=SECRET, Tags=[])

    assert list(violations(and_calls(rotating(), tagging))) == [9]


@pytest.mark.parametrize("unnoted", [False, True])
def test_only_what_could_not_be_noted_down_may_be_told_a_second_time(unnoted: bool) -> None:
    evidence = rotating()
    again = mail(START + DAY, (OLD, "disable"))
    runs = [replace(run, unnoted=unnoted and run.started == START) for run in evidence.runs]
    evidence = replace(evidence, mails=[*evidence.mails, again], runs=runs)

    assert list(violations(evidence)) == ([] if unnoted else [9])

    third = mail(START + 2 * DAY, (OLD, "disable"))
    assert list(violations(replace(evidence, mails=[*evidence.mails, third]))) == [9]


def test_a_second_run_of_a_day_tells_nothing_new() -> None:
    evidence = rotating()
    new = mail(evidence.runs[-1].started, (NEW, "upcoming-14"))

    assert list(violations(replace(evidence, mails=[*evidence.mails, new]))) == [9]


@pytest.mark.parametrize(("late", "is_well"), [(11 * HOUR, True), (13 * HOUR, False)])
def test_skipped_days_shorten_no_window(late: timedelta, is_well: bool) -> None:
    evidence = rotating(told=late)
    skipped = [run for run in evidence.runs if not 3 * DAY < run.started - START < 9 * DAY]

    findings = judge(replace(evidence, runs=skipped))

    assert [found.number for found in findings if found.violations] == ([] if is_well else [10])
    assert findings[9].checked == 1


@pytest.mark.parametrize(("early", "is_well"), [(11 * HOUR, True), (13 * HOUR, False)])
def test_skipped_days_shorten_no_grace(early: timedelta, is_well: bool) -> None:
    evidence = rotating(deleted=20 * DAY - early)
    skipped = [run for run in evidence.runs if not 12 * DAY < run.started - START < 18 * DAY]

    findings = judge(replace(evidence, runs=skipped))

    assert [found.number for found in findings if found.violations] == ([] if is_well else [10])


def test_a_version_that_a_person_moved_away_counts_as_not_delivered() -> None:
    moved = [
        by_hand(
            START + n * DAY,
            "UpdateSecretVersionStage",
            SecretId=SECRET,
            VersionStage="AWSCURRENT",
            MoveToVersionId=version,
        )
        for n, version in enumerate(("theirs", "theirs too"), start=1)
    ]

    assert list(violations(and_calls(rotating(), *moved))) == [1]


def test_the_windows_are_those_of_the_policy() -> None:
    evidence = replace(rotating(), windows=Windows(rotation=75, inactive=90, grace=10))

    assert list(violations(evidence)) == [1]


def test_the_windows_of_a_run_are_those_of_its_day() -> None:
    shorter = Windows(rotation=75, inactive=90, grace=10)
    evidence = rotating()
    runs_then = [
        replace(run, windows=shorter if run.started > START + 9 * DAY else None)
        for run in evidence.runs
    ]

    assert list(violations(replace(evidence, runs=runs_then))) == [1]


@pytest.mark.parametrize("out", [Windows(in_use=True), Windows(unused=5)])
def test_the_ways_out_are_taken_where_they_are_switched_on(out: Windows) -> None:
    never_delivered = without_calls(rotating(), lambda one: one.operation == "PutSecretValue")
    by_hand_made = replace(
        never_delivered,
        calls=[
            replace(one, principal=one.principal.replace(MEMBER_ROLE, "Administrator"))
            if one.operation == "CreateAccessKey"
            else one
            for one in never_delivered.calls
        ],
        uses=[Use(OLD, START + n * DAY) for n in range(4 if out.unused else 10)],
    )

    assert list(violations(by_hand_made)) == [1]
    assert violations(replace(by_hand_made, windows=out)) == {}


def test_a_use_that_aws_had_not_told_yet_is_no_reason() -> None:
    quiet = replace(
        without_calls(rotating(), lambda one: one.operation == "PutSecretValue"),
        uses=[Use(OLD, START + 10 * DAY - HOUR)],
        keys_before=[replace(each, last_used=START - 3 * DAY) for each in rotating().keys_before],
    )
    quiet = replace(
        quiet,
        calls=[
            replace(one, principal=one.principal.replace(MEMBER_ROLE, "Administrator"))
            if one.operation == "CreateAccessKey"
            else one
            for one in quiet.calls
        ],
    )

    assert list(violations(quiet)) == [1]
    assert violations(replace(quiet, use_is_told_after=4 * HOUR)) == {}


LATE = 60 * DAY
"""When the old key is gone for long, and nobody has read the secret since."""


@pytest.mark.parametrize(
    ("params", "uses", "reads", "is_well"),
    [
        ({"RecoveryWindowInDays": 30}, (LATE - DAY,), (), True),
        ({"RecoveryWindowInDays": 7}, (LATE - DAY,), (), False),
        ({}, (LATE - DAY,), (), False),
        ({"ForceDeleteWithoutRecovery": True}, (LATE - DAY,), (), False),
        ({"RecoveryWindowInDays": 30}, (), (), False),
        ({"RecoveryWindowInDays": 30}, (LATE + DAY,), (), False),
        ({"RecoveryWindowInDays": 30}, (LATE - DAY,), (LATE - 34 * DAY,), False),
        ({"RecoveryWindowInDays": 30}, (LATE - DAY,), (LATE - 36 * DAY,), True),
    ],
)
def test_a_secret_is_scheduled_for_deletion_only_where_nobody_needs_it(
    params: dict[str, object],
    uses: tuple[timedelta, ...],
    reads: tuple[timedelta, ...],
    is_well: bool,
) -> None:
    calls = [
        *(by_hand(START + read, "GetSecretValue", SecretId=SECRET) for read in reads),
        replace(call(START + LATE, "DeleteSecret"), params={"SecretId": SECRET, **params}),
    ]
    evidence = replace(rotating(), uses=[Use(NEW, START + used) for used in uses])

    found = violations(and_calls(evidence, *calls))

    assert (4 not in found) is is_well
