"""What a run costs in calls: a quiet day by a formula, each action as docs/scale.md says."""

from collections import Counter
from math import ceil
from pathlib import Path

import pytest

from keyturn.domain.secret_names import secret_name
from keyturn_sandbox.simulation.deployment import PREFIX
from tests.use_cases.harness import MEMBER, OWNER, Harness, decisions_of, staged

SCALE = Path(__file__).parents[2] / "docs" / "scale.md"
ACCOUNT = Counter({"sts:AssumeRole": 1, "iam:ListUsers": 1, "iam:GetGroup": 1})
"""What an account costs in any run."""
READING = ACCOUNT + Counter({"iam:ListAccessKeys": 1})
"""What one user costs on a quiet day."""
LISTED = Counter({"secretsmanager:ListSecrets": 1})
WRITING = Counter({"iam:GetGroup": 1})
"""Anew, once in a run that writes."""
LISTS = {"receipts": 1, "tally": 2, "deferrals": 1, "paused.json": 1, "Template": 1}
"""What ends cost in the bucket, once a run."""


def said(of: str) -> Counter[str]:
    """What docs/scale.md says that a user costs."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in SCALE.read_text()
        .partition("**For a user.**")[2]
        .partition("\n## ")[0]
        .splitlines()
        if line.startswith("|")
    ]
    column = rows[0].index(of)
    counts = {row[0].strip("`"): row[column] for row in rows[2:]}
    return Counter({call: int(count) for call, count in counts.items() if count})


def times(users: int, costs: Counter[str]) -> Counter[str]:
    return Counter({call: users * count for call, count in costs.items()})


def lists(stage: Harness, since: int) -> Counter[str]:
    """What Keyturn listed in its bucket."""
    prefixes = (
        str(call.params["Prefix"]).removeprefix(f"{PREFIX}/").split("/")[0]
        for call in stage.ours(since)
        if call.operation == "ListObjectsV2"
    )
    return Counter(prefixes)


def test_a_quiet_day_costs_one_list_of_keys_a_user_and_next_to_nothing_else() -> None:
    users, members = 1_250, 1_100
    with staged(short_pages=False) as stage:
        for number in range(users):
            stage.user(f"user-{number:04}", 3 + number % 70)
        stage.exempt(*(f"user-{number:04}" for number in range(members)))
        before = stage.mark()

        answer = stage.run()

        assert answer["failures"] == []
        assert answer["counts"]["users"] == users
        assert stage.costs(before) == {
            "sts:AssumeRole": 1,
            "iam:ListUsers": ceil(users / 1_000),
            "iam:GetGroup": ceil(members / 1_000),
            "iam:ListAccessKeys": users,
        }
        assert {call.operation for call in stage.ours(before) if call.service == "events"} == {
            "PutEvents"
        }
        assert stage.cloud.sent_mails == []


@pytest.mark.parametrize(("exempt", "looks_back"), [(False, 0), (True, 2)])
def test_a_quiet_day_costs_the_bucket_three_calls_and_two_where_somebody_is_exempt(
    exempt: bool, looks_back: int, stage: Harness
) -> None:
    stage.user("ann", 3)
    if exempt:
        stage.exempt("ann")
    stage.run()
    before = stage.at(1).mark()

    stage.run()

    of_ours = ("events", "s3")
    made = [call for call in stage.ours(before) if call.service in of_ours]
    assert Counter(f"{call.service}:{call.operation}" for call in made) == Counter(
        {
            "events:PutEvents": 1,
            "s3:PutObject": 1,  # the snapshot, on condition that the day has none yet
            "s3:ListObjectsV2": 1,  # which keys were given more time: their dates are later
            # The exemptions file; and who was exempt before: today, and on the last day.
            "s3:GetObject": 1 + looks_back,
        }
    )


def test_a_quiet_day_of_users_with_two_keys_costs_a_list_of_secrets_besides() -> None:
    rotated, others, gone = 21, 9, 80
    with staged(short_pages=False) as stage:
        for number in range(rotated):
            stage.user(f"rotated-{number}", 90)
        for number in range(others):
            stage.user(f"by-hand-{number}", 20, 5)
        for number in range(gone):
            stage.secret_store().create_secret(Name=secret_name(MEMBER, f"gone-{number}"))
        stage.run()
        stage.at(2)
        before = stage.mark()

        answer = stage.run()

        assert answer["failures"] == []
        assert {made["action"] for made in answer["decisions"]} == {"KEEP"}
        lists = Counter({"secretsmanager:ListSecrets": ceil((rotated + gone) / 100)})
        costs = ACCOUNT + lists + times(rotated, said("waiting")) + times(others, said("at rest"))
        assert stage.costs(before) == costs


@pytest.mark.parametrize("ages", [(), (300,)])
def test_an_exempt_user_with_no_key_or_one_costs_no_read_of_a_secret(
    ages: tuple[int, ...], stage: Harness
) -> None:
    stage.user("ann", *ages)
    stage.exempt("ann")
    before = stage.mark()

    stage.run()

    assert stage.costs(before) == READING


def test_a_first_rotation_costs_what_the_manual_says(stage: Harness) -> None:
    stage.user("ann", 90, Owner=OWNER)
    before = stage.mark()

    assert decisions_of(stage.run(), "ann") == [("ROTATE", "rotation-due")]

    once = Counter({"kms:GenerateMac": 1})  # the key of all seals, once a process
    costs = stage.costs(before)
    assert costs == ACCOUNT + LISTED + WRITING + once + said("rotated, first")


def test_a_later_rotation_costs_what_the_manual_says(stage: Harness) -> None:
    stage.user("ann", 90)
    for day in (0, 10, 20):
        stage.at(day).run()
    stage.at(90)
    before = stage.mark()

    assert decisions_of(stage.run(), "ann") == [("ROTATE", "rotation-due")]

    assert stage.costs(before) == ACCOUNT + LISTED + WRITING + said("rotated, later")


def test_disabling_costs_what_the_manual_says_beside_the_receipts(stage: Harness) -> None:
    stage.user("ann", 90)
    stage.run()
    before = stage.at(10).mark()

    assert ("DISABLE", "window-over") in decisions_of(stage.run(), "ann")

    assert stage.costs(before) == ACCOUNT + LISTED + WRITING + said("disabled")
    assert lists(stage, before) == LISTS | {
        "receipts": 2,
        "owners.": 1,
    }  # the account's, and the dead addresses


def test_the_receipts_of_an_account_are_listed_once_for_all_of_its_keys(stage: Harness) -> None:
    for number in range(10):  # as many as may end in a day
        stage.user(f"user-{number:02}", 90)
    stage.run()
    before = stage.at(10).mark()

    answer = stage.invoke()

    ended = [each for each in answer["decisions"] if each["reason"] == "window-over"]
    assert len(ended) == 10
    # Theirs, and the dead addresses; a page more where a worker asks about a later user first.
    assert lists(stage, before)["receipts"] <= 2 + 4


@pytest.mark.parametrize(("is_used", "looks"), [(True, 2), (False, 1)])
def test_a_day_of_a_keys_last_week_costs_a_look_at_its_use_and_one_at_the_new_keys(
    is_used: bool, looks: int, stage: Harness
) -> None:
    """The snapshot says what breaks: the new key's use is only asked for if the old one's is."""
    [old] = stage.user("ann", 90)
    stage.run()
    stage.at(7).run()  # its owner is notified three days ahead, and the notice says as much
    stage.at(8)
    if is_used:
        stage.use(old)
    before = stage.mark()

    stage.run()

    assert stage.costs(before)["iam:GetAccessKeyLastUsed"] == looks


def test_deleting_costs_what_the_manual_says_beside_the_receipts(stage: Harness) -> None:
    stage.user("ann", 90)
    stage.run()
    stage.at(10).run()
    before = stage.at(20).mark()

    assert ("DELETE", "grace-over") in decisions_of(stage.run(), "ann")

    assert stage.costs(before) == ACCOUNT + LISTED + WRITING + said("deleted")
    assert lists(stage, before) == LISTS | {
        "receipts": 2,
        "owners.": 1,
    }  # the account's, and the dead addresses


@pytest.mark.parametrize(
    ("ages", "further"),
    [
        ((), {}),
        ((2,), LISTED),  # an orphan whose old key a person deleted?
        ((3,), {}),
        ((75,), {}),
        # A warning: is anything in the way, the receipts, whom to tell, and where it is used.
        (
            (76,),
            LISTED
            | {
                "secretsmanager:DescribeSecret": 1,
                "iam:ListUserTags": 1,
                "iam:GetAccessKeyLastUsed": 1,
            },
        ),
        ((20, 5), LISTED),
    ],
)
def test_what_is_not_needed_is_not_read(
    ages: tuple[int, ...], further: dict[str, int], stage: Harness
) -> None:
    stage.user("ann", *ages)
    before = stage.mark()

    stage.run()

    assert stage.costs(before) - READING == further


def test_a_dry_run_reads_no_more_than_it_needs_and_writes_nothing(stage: Harness) -> None:
    stage.settings["DryRunFlag"] = "True"
    stage.user("ann", 90)
    before = stage.mark()

    stage.run()

    assert stage.costs(before) - READING == LISTED | {
        "iam:ListUserTags": 1,
        "iam:GetAccessKeyLastUsed": 1,
    }


def test_the_manual_names_every_call_that_is_counted() -> None:
    rows = SCALE.read_text().partition("## Calls")[2].partition("\n## ")[0]

    for call in ("iam:ListUsers", "secretsmanager:ListSecrets", "kms:GenerateMac"):
        assert f"| `{call}` |" in rows
    assert said("one key, nothing due") == READING - ACCOUNT
    assert said("at rest") == READING - ACCOUNT
