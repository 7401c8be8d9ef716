"""The demo, and what the lifecycle looks like when it is lived through day by day."""

import csv
import io
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from keyturn.domain.policy import RotationPolicy
from keyturn.schemas.plan import read_plan
from keyturn_sandbox.demo.command import demo
from keyturn_sandbox.demo.folder import DemoFolder
from keyturn_sandbox.emulator.mailbox import SentMail
from keyturn_sandbox.judge.evidence import ACTIVE, DELETED, INACTIVE
from keyturn_sandbox.judge.history import KeyStory
from keyturn_sandbox.judge.verdict import judge
from keyturn_sandbox.judge.violation_seeding import seed_violation
from keyturn_sandbox.simulation.demonstration import FIRST_DAY, OUTAGE, TWICE, Result, step_of
from keyturn_sandbox.simulation.deployment import ADMIN
from keyturn_sandbox.simulation.notices import notice_book, one_mail_a_day
from keyturn_sandbox.simulation.people import Habit
from tests.canary import see
from tests.report.bucket import block_of
from tests.report.bucket import rows as table
from tests.sandbox.demo.played import DRY_DAYS, Played
from tests.test_schemas import validator

DAYS = 130
KEYTURN = Path(sys.executable).with_name("keyturn")


# The command


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path, str]:
    """A demo of two weeks: its exit code, its folder, and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    said = io.StringIO()
    code = demo(DemoFolder(folder), 16, 7, None, Console(file=said, width=100))
    see("what the demo prints", said.getvalue())
    return code, folder, said.getvalue()


def shown_in(folder: Path) -> dict[str, Any]:
    """What the demo's page says."""
    return block_of((folder / "index.html").read_text(encoding="utf-8"))


def test_a_demo_ends_well_and_says_so(short: tuple[int, Path, str]) -> None:
    code, _, said = short

    assert code == 0
    assert "0 disabled without notice, 0 deleted before their grace was over, 0 keys" in said
    assert said.count(": held, ") == 12
    assert "16 days, " in said


def test_the_average_age_is_the_same_wherever_it_stands(short: tuple[int, Path, str]) -> None:
    _, folder, said = short
    [weeks] = [each for each in shown_in(folder)["panels"] if "weeks" in each["title"]]

    last = float(weeks["rows"][-1][-1])
    assert f"before, {last:.0f} after (5 exempt users apart)." in said
    assert "the keys of 5 exempt users apart" in weeks["about"]


def test_a_demo_leaves_a_page_the_plan_the_log_and_every_mail(
    short: tuple[int, Path, str],
) -> None:
    _, folder, said = short

    shown = shown_in(folder)
    assert "ci-github" in shown["texts"]
    assert [each["path"] for each in shown["links"] if not (folder / each["path"]).exists()] == []
    [promises] = [each for each in shown["panels"] if "promises" in each["title"]]
    assert promises["title"].endswith("all held")
    assert len(promises["rows"]) == 12
    plan = json.loads((folder / "plan.json").read_text())
    validator("plan").validate(plan)
    assert len(plan["accounts"]) == 11
    assert [each["reason"] for each in plan["skipped"]] == ["it is SUSPENDED"]
    assert {each["name"] for each in plan["accounts"]} >= {"data-lab"}
    every = [made for account in plan["accounts"] for made in account["decisions"]]
    assert every
    for made in every:
        assert {"user", "key", "state", "action", "reason", "next"} <= made.keys()
    mails = sorted(each.name for each in (folder / "mails").iterdir())
    texts = [name for name in mails if name.endswith(".txt")]
    assert f"{len(texts):,} mails" in said
    assert len(mails) == 2 * len(texts) + 1
    log = (folder / "keyturn.log").read_text().splitlines()
    assert all(json.loads(line) for line in log)
    assert any('"Wrote iam:CreateAccessKey"' in line for line in log)


def test_a_demo_leaves_the_reports_of_its_last_week_and_month(
    short: tuple[int, Path, str],
) -> None:
    _, folder, _ = short

    week, month = ((folder / f"{kind}.html").read_text() for kind in ("weekly", "monthly"))

    for page, name in ((week, "Week 2026-W"), (month, "Month 2026-")):
        assert name in page
        # Two accounts that no run can enter are said, and what was seen is not "nothing".
        assert "NOT EVERYTHING WAS SEEN" in page
        assert "ci-github" in page


def test_the_notices_are_listed_with_what_became_of_their_mails(
    short: tuple[int, Path, str],
) -> None:
    """Whose mail came back is told by another address, and their days begin with that."""
    _, folder, _ = short
    written = io.StringIO((folder / "notices.csv").read_text(encoding="utf-8"))
    rows = list(csv.DictReader(written))
    shown = shown_in(folder)

    assert len(rows) > 80
    for row in rows:
        assert (row["due_on"], row["due_to"]) == (row["sent_on"], row["sent_to"]), row
        assert row["channel"] == "email"
        assert (folder / row["mail"]).is_file()
    fates = {(row["user"], row["sent_to"]): (row["fate"], row["about"]) for row in rows}
    assert fates["reports,finance", "paula.ortiz@larkfield.example"] == ("bounced", "2026-03-26")
    assert fates["reports,finance", "data-platform@larkfield.example"] == (
        "delivered",
        "2026-03-27",
    )
    assert fates["vendor-audit", "vendor@larkfield.example"][0] == "complained"
    assert fates["vendor-audit", "aws-data-lab@larkfield.example"] == ("delivered", "2026-03-27")
    typo = [to for user, to in fates if user == "dns-updater"]
    assert typo == ["aws-shared-services@larkfield.example"]
    of_page = [
        (shown["texts"][each["to"]], each["fate"], shown["texts"][each["why"]])
        for each in table(shown, "notices")
    ]
    [bounced] = [each for each in of_page if each[0] == "paula.ortiz@larkfield.example"]
    assert bounced[1] == 3
    assert bounced[2].startswith("Permanent/General: smtp; 550")
    # The page has the mails of enforcement, as the list has them: the links lead to the same.
    links = Counter(shown["texts"][each["link"]] for each in table(shown, "notices"))
    assert links == Counter(row["mail"] for row in rows)
    listed = (folder / "notices.html").read_text()
    assert "✓ Nothing is missing, doubled, late or astray" in listed
    assert listed.count("<li><time>") == len(rows)


def test_the_plan_of_a_demo_can_be_approved(short: tuple[int, Path, str]) -> None:
    _, folder, _ = short

    approved = read_plan(
        (folder / "plan.json").read_bytes(), option="--approve", name="demo/plan.json"
    )

    assert len(approved.lines) == 11
    assert any(approved.lines.values())


def test_a_demo_plays_again_into_the_same_folder(short: tuple[int, Path, str]) -> None:
    """Above all: no mail of the longer one before is left."""
    _, folder, _ = short

    code = demo(DemoFolder(folder), 2, 1, None, Console(file=io.StringIO()))

    texts = list((folder / "mails").glob("*.txt"))
    assert code == 0
    assert 0 < len(texts) < 100


def test_a_violation_planted_on_purpose_is_found_on_the_command_line(tmp_path: Path) -> None:
    ended = subprocess.run(
        [KEYTURN, "demo", "--days", "1", "--plant", "11", "-o", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert "11. each key has its notices, and no others: 1 violation," in ended.stdout
    assert "in a dry run, is the second of its week" in ended.stdout
    assert ended.stdout.count(": held, ") == 11
    assert re.search(r"^1 day, [\d,]+ AWS calls, ", ended.stdout, re.MULTILINE)
    assert ended.stderr == ""


# The whole of it


@pytest.fixture(scope="session")
def played() -> Played:
    played = Played()
    played.play(DAYS)
    return played


@pytest.fixture
def result(played: Played) -> Result:
    return played.result


def of_user(result: Result, name: str) -> list[KeyStory]:
    """The keys of a user, oldest first."""
    stories = [story for story in result.history.stories.values() if story.holder.name == name]
    return sorted(stories, key=lambda story: (story.created, story.key_id))


def steps(story: KeyStory) -> dict[str, int]:
    """The day of each of Keyturn's steps with a key, counted from the first one."""
    return {
        change.status: (change.at - FIRST_DAY).days
        for change in story.changes[1:]
        if change.by_keyturn
    }


def day_made(story: KeyStory) -> int:
    return (story.created - FIRST_DAY).days


def test_all_promises_held_over_130_days(result: Result) -> None:
    assert len(result.days) == DAYS
    assert {verdict.title: verdict.violations for verdict in result.verdicts} == {
        verdict.title: () for verdict in result.verdicts
    }
    assert len(result.verdicts) == 12
    assert all(verdict.checked for verdict in result.verdicts)


def test_the_average_age_falls_below_90_days(result: Result) -> None:
    assert result.age_before > 200
    assert result.age_after < 90
    assert result.weeks[-1].average_age < 90


@pytest.mark.parametrize("number", range(1, 11))
def test_a_violation_planted_on_purpose_is_found_and_no_other(number: int, result: Result) -> None:
    found = judge(seed_violation(number, result.evidence))

    assert [each.number for each in found if each.violations] == [number]


def _of_owners(result: Result) -> list[SentMail]:
    """The mails of enforcement that say that a key was deleted; an owner's, not the admin's."""
    return [
        mail
        for mail in result.evidence.mails
        if ADMIN not in mail.to
        and step_of(mail)
        and all(step.startswith("deleted/") for _, step in step_of(mail))
    ]


def _missing(result: Result) -> list[SentMail]:
    gone = _of_owners(result)[5]
    return [mail for mail in result.evidence.mails if mail is not gone]


def _doubled(result: Result) -> list[SentMail]:
    return [*result.evidence.mails, _of_owners(result)[5]]


def _late(result: Result) -> list[SentMail]:
    late = _of_owners(result)[5]
    return [*_missing(result), replace(late, at=late.at + timedelta(days=1))]


def _astray(result: Result) -> list[SentMail]:
    return [*_missing(result), replace(_of_owners(result)[5], to=["zoe@larkfield.example"])]


def _of_another_date(result: Result) -> list[SentMail]:
    """Two days off: one is the jitter of the runs."""
    mail = _of_owners(result)[5]
    day = mail.at.date()
    text = (mail.text or "").replace(f"/{day}", f"/{day + timedelta(days=2)}")
    return [*_missing(result), replace(mail, text=text)]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_missing, ["was not sent"]),
        (_doubled, ["nothing prescribes it"]),
        (_late, ["was not sent", "nothing prescribes it"]),
        (_astray, ["was not sent", "nothing prescribes it"]),
        (_of_another_date, ["was not sent", "nothing prescribes it"]),
    ],
)
def test_one_notice_that_is_not_as_it_should_be_breaks_the_promise(
    spoil: Callable[[Result], list[SentMail]], said: list[str], result: Result
) -> None:
    spoilt = replace(result.history, evidence=replace(result.evidence, mails=spoil(result)))
    keys = len(step_of(_of_owners(result)[5]))

    book = notice_book(spoilt, result.company, result.days, ADMIN)

    found = book.verdict(11).violations
    assert len(found) == len(said) * keys
    assert {each for each in said if any(each in one for one in found)} == set(said)


def test_a_day_without_one_mail_to_the_administrators_breaks_the_promise(
    result: Result,
) -> None:
    """None, or two, or one about a run over an account."""
    mails = result.evidence.mails
    third, fifth, sixth = [mail for mail in mails if ADMIN in mail.to][3:6]
    about_a_run = replace(fifth, text="Reference: AKIAEXAMPLE000000001/disable/2026-03-26")
    kept = [mail for mail in mails if mail is not third and mail is not fifth]
    spoilt = replace(
        result.history, evidence=replace(result.evidence, mails=[*kept, sixth, about_a_run])
    )

    found = one_mail_a_day(spoilt, result.days, ADMIN, 12)

    assert sorted(each.partition(" ")[0] for each in found.violations) == ["0", "0", "1", "2"]


def test_a_key_that_was_born_in_the_run_has_exactly_its_eight_notices(result: Result) -> None:
    """Of those that no cap and no person held up, by the day of its life."""
    lives = Counter(
        tuple(
            (each.sent.step, (each.sent.mail.at - key.story.created + timedelta(hours=2)).days)
            for each in key.notices
            if each.sent is not None
        )
        for key in result.notices.keys
        if key.story.made_by_keyturn and steps(key.story).get(DELETED) == day_made(key.story) + 110
    )

    [(life, keys), *others] = lives.most_common()
    assert life == (
        ("upcoming-14", 76),
        ("upcoming-7", 83),
        ("upcoming-1", 89),
        ("disable", 90),
        ("before-disable", 97),
        ("delete", 100),
        ("before-delete", 107),
        ("deleted", 110),
    )
    assert keys > 50
    late_by_a_day = {"reports,finance", "vendor-audit", "price-watcher", "cache-warmer"}
    assert len(others) <= len(late_by_a_day)


def test_on_every_day_of_enforcement_exactly_the_plan_is_written(played: Played) -> None:
    enforced = [day for day in range(DRY_DAYS, DAYS) if day not in OUTAGE]

    assert sorted(played.planned) == enforced
    for day in enforced:
        assert played.written[day] == played.planned[day], f"day {day}"
    total = sum(played.planned.values(), Counter())
    operations = Counter(operation for _, operation, _, _ in total.elements())
    assert set(operations) == {
        "CreateSecret",
        "CreateAccessKey",
        "PutSecretValue",
        "TagResource",
        "UntagResource",
        "UpdateAccessKey",
        "DeleteAccessKey",
    }
    assert operations["CreateAccessKey"] > 150


def test_on_days_of_dry_run_nothing_is_written(played: Played) -> None:
    assert all(not played.written[day] for day in range(DRY_DAYS))


def test_a_second_run_on_the_same_day_was_played_too(played: Played) -> None:
    assert [day for day, runs in played.runs.items() if runs == 2] == list(TWICE)
    assert [day for day, runs in played.runs.items() if runs == 0] == list(OUTAGE)


def test_a_key_that_keyturn_made_is_replaced_at_90_disabled_at_100_deleted_at_110(
    result: Result,
) -> None:
    """Or later, if the account ended as many keys as it may on every day from then on."""
    stories = result.history.stories.values()
    ended = Counter((story.account, day) for story in stories for day in steps(story).values())

    def days_from(due: int, account: str) -> range:
        last = due
        while ended[account, last] >= RotationPolicy().max_keys_per_day:
            last += 1
        return range(due, last + 1)

    by_hand = {
        Habit.RETURNS,
        Habit.MAKES_OWN,
        Habit.DISABLES_OWN,
        Habit.ROLLS_BACK,
        Habit.STORES_OLD,
        Habit.SQUATTED,
    }
    left_alone = {person.user for person in result.company.people if person.habit in by_hand}
    born = [
        story
        for story in stories
        if story.made_by_keyturn
        and day_made(story) + 110 < DAYS
        and story.holder.name not in left_alone
    ]

    assert len(born) > 50
    for story in born:
        made = day_made(story)
        [successor] = [
            other
            for other in result.history.of_holder[story.holder]
            if other.made_by_keyturn and other.created > story.created
        ]
        assert day_made(successor) == made + 90, str(story)
        happened = steps(story)
        assert happened.keys() == {INACTIVE, DELETED}, str(story)
        assert happened[INACTIVE] in days_from(made + 100, story.account), str(story)
        assert happened[DELETED] in days_from(happened[INACTIVE] + 10, story.account), str(story)
    assert sum(steps(story)[DELETED] == day_made(story) + 110 for story in born) > len(born) / 2


def test_each_warning_is_told_exactly_once_a_key(result: Result) -> None:
    told = Counter(
        (key_id, step, ADMIN in mail.to)
        for mail in result.evidence.mails
        for run in [result.history.run_at(mail.at)]
        if run is not None and not run.dry_run
        for key_id, step in step_of(mail)
        if step.startswith(("upcoming", "before"))
    )

    assert len(told) > 500
    assert set(told.values()) == {1}
    born = [
        story
        for story in result.history.stories.values()
        if story.made_by_keyturn and day_made(story) + 92 < DAYS
    ]
    lonely = [story for story in born if story.status(len(result.evidence.calls)) != ACTIVE]
    assert len(lonely) > 50
    for story in lonely:
        warnings = sorted(
            step.partition("/")[0]
            for key_id, step, to_admin in told
            if key_id == story.key_id and step.startswith("upcoming") and not to_admin
        )
        assert warnings in (["upcoming-1", "upcoming-14", "upcoming-7"], []), str(story)


def test_a_key_of_900_days_is_rotated_on_day_0_disabled_on_10_and_deleted_on_20(
    result: Result,
) -> None:
    old, new, *_ = of_user(result, "ci-github")

    assert (FIRST_DAY - old.created).days >= 899
    assert day_made(new) == DRY_DAYS
    assert new.made_by_keyturn
    assert steps(old) == {INACTIVE: DRY_DAYS + 10, DELETED: DRY_DAYS + 20}


def test_nothing_old_is_disabled_or_deleted_on_first_sight(result: Result) -> None:
    days = [
        steps(story)[status]
        for story in result.history.stories.values()
        for status in (INACTIVE, DELETED)
        if status in steps(story)
    ]

    assert min(days) == DRY_DAYS + 10
    for name in ("notebook-jobs", "archive-mover", "ansible", "ledger-sync"):
        first = min(day for story in of_user(result, name) for day in steps(story).values())
        assert first >= DRY_DAYS + 10, name


@pytest.mark.parametrize("name", ["etl-nightly", "billing-export"])
def test_two_keys_in_use_are_never_touched(name: str, result: Result) -> None:
    stories = of_user(result, name)

    assert len(stories) == 2
    assert all(not steps(story) for story in stories)
    assert {story.status(len(result.evidence.calls)) for story in stories} == {ACTIVE}


def test_a_successor_that_was_taken_away_is_told_at_once_and_weekly(result: Result) -> None:
    old, *successors = of_user(result, "price-watcher")
    told = [
        (mail.at - FIRST_DAY).days
        for mail in result.evidence.mails
        for key_id, step in step_of(mail)
        if key_id == old.key_id and step.startswith("blocked-successor-taken-away/")
        if ADMIN not in mail.to
    ]

    first = DRY_DAYS + 5  # the day after its owner made it Inactive
    assert told[0] == first
    assert told[: len(told) - 2] == [first + 7 * n for n in range(len(told) - 2)]
    assert old.status(len(result.evidence.calls)) == ACTIVE
    assert {story.status(len(result.evidence.calls)) for story in successors} <= {
        INACTIVE,
        DELETED,
    }


def steps_of(result: Result, key_id: str) -> list[str]:
    """What was told of a key, without its dates, in the order of the mails to owners."""
    return [
        step.split("/")[0]
        for mail in result.evidence.mails
        if ADMIN not in mail.to
        for told, step in sorted(step_of(mail))
        if told == key_id
    ]


def test_a_secret_that_a_colleague_made_beforehand_gets_no_key_and_that_is_told(
    result: Result,
) -> None:
    [old] = of_user(result, "model-trainer")
    told = steps_of(result, old.key_id)

    assert old.status(len(result.evidence.calls)) == ACTIVE
    assert told.count("blocked-secret-foreign") >= 10
    blocked = {user: why for (_, user), why in result.blocked.items()}
    assert "not its seal" in blocked["model-trainer"]


def test_a_secret_that_was_rolled_back_once_lets_the_old_key_live(result: Result) -> None:
    old, new, *_ = of_user(result, "cache-warmer")

    assert old.status(len(result.evidence.calls)) == ACTIVE
    assert "overwritten" in steps_of(result, new.key_id)
    assert "blocked-two-keys-in-use" in steps_of(result, old.key_id)


def test_exempt_users_keep_their_keys(result: Result) -> None:
    for account, user in result.company.exempt:
        stories = [story for story in of_user(result, user) if story.account == account]
        assert [story.made_by_keyturn for story in stories] == [False] * len(stories)
        assert all(not steps(story) for story in stories)


def test_a_skipped_week_puts_off_and_shortens_nothing(result: Result) -> None:
    acts = [
        (story, status, day)
        for story in result.history.stories.values()
        for status, day in steps(story).items()
    ]

    assert not [act for act in acts if act[2] in OUTAGE]
    for story, status, day in acts:
        if status == DELETED and INACTIVE in steps(story):
            assert day - steps(story)[INACTIVE] >= 10, str(story)
