"""The inventory function: which accounts are queued, and who is skipped and why."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from keyturn.domain.errors import Denied, InvalidValue, NoTimeLeft, Throttled, Unavailable
from keyturn.domain.key import Account
from keyturn.functions import inventory
from keyturn.schemas.queue_message import write_message
from keyturn.schemas.rotation_event import read_queued, read_rotation
from keyturn_sandbox.emulator.call_log import Call
from keyturn_sandbox.emulator.cloud import MANAGEMENT_ACCOUNT, Perform
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, ApiResponse, refused
from keyturn_sandbox.simulation.deployment import (
    BUCKET,
    INVENTORY_ROLE,
    PREFIX,
    put_owners_file,
)
from tests.use_cases.harness import CLOSED, HUB, MEMBER, START, Clock, Harness, staged


@pytest.fixture
def stage() -> Iterator[Harness]:
    with staged() as stage:
        yield stage


def queued(stage: Harness) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    while messages := stage.receive(stage.deployment.rotation_queue):
        found += [json.loads(message["Body"]) for message in messages]
    return found


def test_every_account_is_queued_in_a_group_of_its_own(stage: Harness) -> None:
    answer = stage.take_inventory()

    messages = stage.receive(stage.deployment.rotation_queue)
    bodies = [json.loads(message["Body"]) for message in messages]
    assert {body["account"] for body in bodies} == {MANAGEMENT_ACCOUNT, HUB, MEMBER}
    assert set(answer["queued"]) == {MANAGEMENT_ACCOUNT, HUB, MEMBER}
    assert answer["skipped"] == []
    for message, body in zip(messages, bodies, strict=True):
        assert message["Attributes"]["MessageGroupId"] == body["account"]
    [prod] = [body for body in bodies if body["account"] == MEMBER]
    # The seconds are those that this machine took to get here.
    assert prod.pop("requested").startswith("2026-03-02T05:00:")
    assert prod == {
        "account": MEMBER,
        "email": "prod@example.com",
        "name": "prod",
        "run": answer["run"],
    }


def test_what_an_account_has_not_is_left_out_of_its_message() -> None:
    message = write_message(Account(id=MEMBER), run="r", requested=START)

    assert message == {"account": MEMBER, "run": "r", "requested": "2026-03-02T05:00:00Z"}


ASKED_UNITS = frozenset({"r-ab12", "ou-ab12-payments"})


def test_an_accounts_units_go_with_its_message_and_come_back_as_they_were() -> None:
    account = Account(id=MEMBER, units=("r-ab12",), units_asked=ASKED_UNITS)

    message = write_message(account, run="r", requested=START)

    assert message["units"] == ["r-ab12"]
    assert message["unitsAsked"] == sorted(ASKED_UNITS)
    assert read_queued(message, now=START).account == account
    assert read_rotation(message, now=START).account == account


@pytest.mark.parametrize("units", [["Workloads"], ["ou-ab12-payments "], [""], ["r-ab12"] * 101])
def test_what_is_no_unit_stops_the_message_and_is_named(units: list[str]) -> None:
    message = {**write_message(Account(id=MEMBER), run="r", requested=START), "units": units}

    for read in (read_queued, read_rotation):
        with pytest.raises(InvalidValue, match=r"^units"):
            read(message, now=START)


def test_a_message_of_the_version_before_is_taken_and_its_units_count_as_not_asked() -> None:
    message = {
        **write_message(Account(id=MEMBER, units=("r-ab12",)), run="r", requested=START),
        "unitsOfFile": '"0123456789abcdef0123456789abcdef"',
    }

    account = read_queued(message, now=START).account

    assert account == Account(id=MEMBER, units=("r-ab12",), units_asked=frozenset())
    with pytest.raises(InvalidValue, match=r"^unitsOfFile"):
        read_rotation(message, now=START)  # an operator's event is of today


def test_below_no_unit_is_another_answer_than_not_known() -> None:
    message = write_message(Account(id=MEMBER, units=()), run="r", requested=START)

    assert message["units"] == []
    assert read_queued(message, now=START).account.units == ()
    del message["units"]
    assert read_queued(message, now=START).account.units is None


def test_a_second_inventory_is_not_swallowed_as_a_double_of_the_first(stage: Harness) -> None:
    stage.take_inventory()
    stage.take_inventory()

    assert [each["account"] for each in queued(stage)].count(MEMBER) == 2


def test_more_accounts_than_one_page_or_one_batch_holds_are_all_queued(stage: Harness) -> None:
    """Organizations gives 20 at once, and an empty page with a token first."""
    for number in range(43):
        stage.cloud.organization.create_account(f"a{number}", f"a{number}@example.com")

    answer = stage.take_inventory()

    assert len(answer["queued"]) == 46
    assert sorted(str(each["account"]) for each in queued(stage)) == sorted(answer["queued"])
    empty = [call for call in stage.ours() if call.operation == "ListAccounts"]
    assert len(empty) == 4
    assert "NextToken" not in empty[0].params
    assert stage.messages()[0] == "Queued 46 accounts"


@pytest.mark.parametrize(
    ("how", "state"), [("suspend_account", "SUSPENDED"), ("close_account", "PENDING_CLOSURE")]
)
def test_who_is_not_active_is_skipped_and_named_as_aws_names_it(
    how: str, state: str, stage: Harness
) -> None:
    stage.cloud.organization.create_account("closed", "c@example.com", account_id=CLOSED)
    getattr(stage.cloud.organization, how)(CLOSED)

    answer = stage.take_inventory()

    assert CLOSED not in answer["queued"]
    assert answer["skipped"] == [{"account": CLOSED, "name": "closed", "reason": f"it is {state}"}]
    assert f"Skipped account {CLOSED} (closed): it is {state}" in stage.messages()
    assert CLOSED not in {each["account"] for each in queued(stage)}


def test_below_a_unit_the_units_below_it_count_too(stage: Harness) -> None:
    organization = stage.cloud.organization
    workloads = organization.create_unit("Workloads")
    production = organization.create_unit("Production", parent=workloads)
    core = organization.create_unit("Core")
    inside = {
        organization.create_account("w", "w@example.com", unit=workloads),
        organization.create_account("p", "p@example.com", unit=production),
    }
    organization.create_account("c", "c@example.com", unit=core)
    stage.settings["InventoryOU"] = workloads

    assert set(stage.take_inventory()["queued"]) == inside


def test_a_unit_that_does_not_exist_queues_nobody_and_fails(stage: Harness) -> None:
    stage.settings["InventoryOU"] = "ou-root-99999999"

    with pytest.raises(Exception, match="ParentNotFoundException"):
        stage.take_inventory()

    assert queued(stage) == []


def test_what_is_no_unit_is_refused_before_any_call(stage: Harness) -> None:
    stage.settings["InventoryOU"] = "Workloads"
    before = stage.mark()

    with pytest.raises(InvalidValue, match="InventoryOU=Workloads"):
        stage.take_inventory()

    assert stage.cloud.calls[before:] == []


def test_an_organisation_that_cannot_be_read_fails_the_function(stage: Harness) -> None:
    stage.cloud.deny(MANAGEMENT_ACCOUNT, "ListAccounts")

    with pytest.raises(Denied):
        stage.take_inventory()

    assert queued(stage) == []


def test_lambdas_second_try_queues_only_who_is_not_in_the_queue_yet(stage: Harness) -> None:
    scheduled = {"id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": "Scheduled Event"}
    throttling = stage.cloud.throttle(HUB, "SendMessageBatch")
    with pytest.raises(Throttled, match=f"not queued: .*{MEMBER}"):
        stage.take_inventory(scheduled)
    throttling.times = 0

    answers = [stage.take_inventory(scheduled) for _ in range(2)]

    assert {answer["run"] for answer in answers} == {scheduled["id"]}
    found = [each["account"] for each in queued(stage)]
    assert sorted(map(str, found)) == sorted({MANAGEMENT_ACCOUNT, HUB, MEMBER})


def test_an_organisation_that_throttles_for_a_while_is_asked_again(stage: Harness) -> None:
    stage.cloud.throttle(MANAGEMENT_ACCOUNT, "ListAccounts", times=7)

    stage.take_inventory()

    assert len(queued(stage)) == 3


def test_a_queue_that_does_not_answer_fails_the_function(stage: Harness) -> None:
    stage.cloud.deny(HUB, "SendMessageBatch", "InternalError")

    with pytest.raises((Unavailable, Denied)):
        stage.take_inventory()


# Many accounts

MANY = 1_000


def fill(stage: Harness, accounts: int, *, in_unit: str | None = None) -> None:
    for number in range(accounts):
        stage.cloud.organization.create_account(
            f"a-{number}",
            f"a-{number}@example.com",
            unit=in_unit,
            account_id=f"7{number:011}",
        )


def organization_bears(stage: Harness, rate: float, burst: float, share: float) -> Counter[str]:
    """Organizations takes so many calls a second, and refuses this share besides; how many."""
    chance, seen = Random(1), Counter[str]()  # noqa: S311 -- the same every time
    tokens, at = burst, stage.cloud.now

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        nonlocal tokens, at
        if request.service != "organizations":
            return perform(request)
        stage.cloud.move_to(stage.cloud.now + timedelta(milliseconds=40))
        tokens = min(burst, tokens + (stage.cloud.now - at).total_seconds() * rate)
        at = stage.cloud.now
        seen[request.operation] += 1
        if tokens < 1 or chance.random() < share:
            seen["refused"] += 1
            error = ApiError("TooManyRequestsException", "Too many requests.", 429)
            return refused(request, error)
        tokens -= 1
        return perform(request)

    stage.cloud.layers.append(layer)
    return seen


def test_many_accounts_in_many_units_are_listed_once_whatever_asks_about_units(
    stage: Harness,
) -> None:
    organization = stage.cloud.organization
    payments = organization.create_unit("payments")
    cards = organization.create_unit("cards", parent=payments)
    fill(stage, MANY, in_unit=cards)
    put_owners_file(
        stage.cloud,
        stage.deployment,
        f"- unit: {payments}\n  addresses: [team@example.com]\n",
    )
    stage.settings |= {"EnforcedAccounts": cards, "ExcludedUnits": payments}
    seen = organization_bears(stage, rate=10, burst=20, share=0.1)

    answer = stage.take_inventory()

    assert len(answer["skipped"]) == MANY
    assert len(answer["queued"]) == 3
    assert seen["refused"] > 5
    # An empty page first, then 20 at once; no unit is asked, for AWS says where each account is.
    assert seen.total() - 2 * seen["refused"] == 1 + (MANY + 3 + 19) // 20
    assert seen.keys() == {"ListAccounts", "refused"}


def test_a_throttled_organisation_has_all_its_accounts_queued_in_batches_of_ten(
    stage: Harness,
) -> None:
    fill(stage, MANY)
    organization_bears(stage, rate=10, burst=20, share=0.1)
    since = stage.mark()

    answer = stage.take_inventory()

    assert len(answer["queued"]) == MANY + 3
    sent = [call for call in stage.cloud.calls[since:] if call.operation == "SendMessageBatch"]
    assert len(sent) == 101
    groups = [each["MessageGroupId"] for call in sent for each in entries(call)]
    assert sorted(groups) == sorted(answer["queued"])


def test_an_inventory_that_runs_out_of_time_names_who_is_not_queued_and_says_it_failed(
    stage: Harness,
) -> None:
    fill(stage, 97)  # and three more
    left = iter([*([2 * inventory.SPARE_MILLISECONDS] * 25), *([60_000] * 200)])
    context: Any = Clock(lambda: next(left) * timedelta(milliseconds=1))

    with stage.being(INVENTORY_ROLE), pytest.raises(NoTimeLeft) as raised:
        inventory.handler({"id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa"}, context)

    assert len(queued(stage)) == 25
    assert str(raised.value).startswith("no time left: not queued: 7")
    assert str(raised.value).endswith(" and 55 more")
    [measured] = [each for each in stage.measured() if "InventoryCompleted" in each]
    assert measured["InventoryCompleted"] == [0]
    [line] = [line for line in stage.lines() if line["event"] == "invocation.failed"]
    assert "no time left" in line["message"]


def test_a_second_try_of_an_inventory_that_ran_out_of_time_queues_the_rest_and_nobody_twice(
    stage: Harness,
) -> None:
    fill(stage, 97)
    scheduled = {"id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa"}
    left = iter([*([120_000] * 25), *([60_000] * 200)])
    context: Any = Clock(lambda: next(left) * timedelta(milliseconds=1))
    with stage.being(INVENTORY_ROLE), pytest.raises(NoTimeLeft):
        inventory.handler(scheduled, context)

    stage.take_inventory(scheduled)

    accounts = [str(each["account"]) for each in queued(stage)]
    assert len(accounts) == len(set(accounts)) == 100


def test_one_millisecond_more_than_is_spared_is_time_enough(stage: Harness) -> None:
    context: Any = Clock(lambda: timedelta(milliseconds=inventory.SPARE_MILLISECONDS + 1))

    with stage.being(INVENTORY_ROLE):
        answer = inventory.handler({}, context)

    assert len(answer["queued"]) == 3  # type: ignore[arg-type]  # a list


def entries(call: Call) -> list[dict[str, str]]:
    found: Any = call.params["Entries"]
    return list(found)


# Who had no run


def not_reached(stage: Harness) -> list[int]:
    """What was measured, inventory by inventory; an inventory that measured nothing is missing."""
    return [
        int(line["AccountsNotReached"][0])
        for line in stage.measured()
        if "AccountsNotReached" in line
    ]


def with_snapshot(stage: Harness, day: str, *accounts: str) -> None:
    s3 = stage.cloud.session(HUB).client("s3")
    for account in accounts:
        name = f"{PREFIX}/snapshots/date={day}/account={account}.json"
        s3.put_object(Bucket=BUCKET, Key=name, Body=b"{}")


ALL = (MANAGEMENT_ACCOUNT, HUB, MEMBER)
DAYS = {0: "2026-03-02", 1: "2026-03-03", 2: "2026-03-04"}


def test_before_there_are_snapshots_nobody_is_missed(stage: Harness) -> None:
    stage.take_inventory()

    assert not_reached(stage) == []
    assert "Accounts without a run are not looked for: no snapshots yet" in stage.messages()


def test_accounts_whose_runs_got_lost_are_measured_and_named_the_day_after(stage: Harness) -> None:
    """Their messages vanish: they neither fail nor end among the dead letters."""
    stage.at(1).take_inventory()
    stage.rotate_queued()
    stage.at(2).take_inventory()
    queued(stage)
    stage.at(3).take_inventory()
    queued(stage)
    stage.invoke()
    stage.at(4).take_inventory()

    # A run by hand over one account makes up for none over the others.
    assert not_reached(stage) == [0, 3, 2]
    named = [line for line in stage.lines() if str(line["message"]).startswith("No run since")]
    others = f"{MANAGEMENT_ACCOUNT}, {HUB}"
    assert [line["message"] for line in named] == [
        f"No run since yesterday over {others}, {MEMBER}",
        f"No run since yesterday over {others}",
    ]
    assert {line["level"] for line in named} == {"ERROR"}


def test_when_every_account_was_reached_that_is_measured_too(stage: Harness) -> None:
    with_snapshot(stage, DAYS[1], *ALL)
    stage.at(2).take_inventory()

    assert not_reached(stage) == [0]
    assert not any(line["level"] == "ERROR" for line in stage.lines())


@pytest.mark.parametrize("how", ["suspended", "excluded"])
def test_who_is_skipped_is_not_missed(how: str, stage: Harness) -> None:
    if how == "suspended":
        stage.cloud.organization.suspend_account(MEMBER)
    else:
        stage.settings["ExcludedAccounts"] = MEMBER
    with_snapshot(stage, DAYS[1], MANAGEMENT_ACCOUNT)
    stage.at(2).take_inventory()

    assert not_reached(stage) == [1]


def test_a_new_account_is_missed_when_it_had_its_day(stage: Harness) -> None:
    with_snapshot(stage, DAYS[1], *ALL)
    with_snapshot(stage, DAYS[2], *ALL)
    stage.at(1)
    stage.cloud.organization.create_account("new", "n@example.com", account_id=CLOSED)
    for day in (2, 3):
        stage.at(day).take_inventory()

    assert not_reached(stage) == [0, 1]


def test_no_more_than_20_accounts_are_named(stage: Harness) -> None:
    for number in range(20):
        stage.cloud.organization.create_account(f"a{number}", f"a{number}@example.com")
    with_snapshot(stage, DAYS[1], HUB, MEMBER)
    stage.at(2).take_inventory()
    with_snapshot(stage, DAYS[1], MANAGEMENT_ACCOUNT)
    stage.take_inventory()

    assert not_reached(stage) == [21, 20]
    [more, whole] = [each for each in stage.messages() if each.startswith("No run since")]
    assert more.count(",") == 19
    assert more.endswith(" and 1 more")
    assert whole.count(",") == 19
    assert " and " not in whole


@pytest.mark.parametrize("refused", ["AccessDenied", "InternalError", "NoSuchBucket"])
def test_snapshots_that_cannot_be_listed_set_the_alarm_off_and_stop_nobody(
    refused: str, stage: Harness
) -> None:
    with_snapshot(stage, DAYS[1], *ALL)
    stage.cloud.deny(HUB, "ListObjectsV2", refused)
    answer = stage.at(2).take_inventory()

    assert set(answer["queued"]) == {str(each["account"]) for each in queued(stage)} == set(ALL)
    assert not_reached(stage) == [3]
    [said] = [each for each in stage.messages() if "are not known" in each]
    assert said.startswith("Accounts without a run are not known: the snapshots could not be")
    assert refused in said
    assert said.endswith("; so every account counts")


def test_a_function_without_a_bucket_queues_everybody_and_says_what_it_lacks(
    stage: Harness,
) -> None:
    stage.settings["S3BucketName"] = ""
    answer = stage.at(2).take_inventory()

    assert set(answer["queued"]) == set(ALL)
    assert not_reached(stage) == [3]
    assert any("S3BucketName" in each for each in stage.messages())


def test_from_the_cron_to_the_mail(stage: Harness) -> None:
    [old] = stage.user("ann", 137)

    stage.take_inventory()
    stage.rotate_queued()
    stage.tell()

    assert len(stage.keys("ann")) == 2
    assert any(old in str(mail.text) for mail in stage.cloud.sent_mails)
    assert {mail.to[0] for mail in stage.cloud.sent_mails} >= {"prod@example.com"}


# The units that the owners file names


def owners_file(stage: Harness, *units: str, more: str = "") -> None:
    rules = "".join(f"- {{unit: {unit}, addresses: a@example.com}}\n" for unit in units)
    stage.cloud.session(HUB).client("s3").put_object(
        Bucket=BUCKET,
        Key=f"{PREFIX}/owners.yaml",
        Body=f"version: 1\nrules:\n{rules}- addresses: z@example.com\n{more}".encode(),
    )


def units_of(stage: Harness) -> dict[str, object]:
    return {str(each["account"]): each.get("units") for each in queued(stage)}


def test_each_account_is_queued_with_the_units_of_the_file_that_it_is_below(
    stage: Harness,
) -> None:
    organization = stage.cloud.organization
    outer = organization.create_unit("Workloads")
    inner = organization.create_unit("Production", parent=outer)
    other = organization.create_unit("Core")
    organization.create_account("p", "p@example.com", unit=inner, account_id="5" * 12)
    organization.create_account("w", "w@example.com", unit=outer, account_id="6" * 12)
    organization.create_account("c", "c@example.com", unit=other, account_id="7" * 12)
    owners_file(stage, outer, inner)

    stage.take_inventory()

    found = queued(stage)
    assert {str(each["account"]): each["units"] for each in found} == {
        MANAGEMENT_ACCOUNT: [],
        HUB: [],
        MEMBER: [],
        "5" * 12: sorted([inner, outer]),
        "6" * 12: [outer],
        "7" * 12: [],
    }
    assert all(each["unitsAsked"] == sorted([inner, outer]) for each in found)
    said = f"Owners file s3://{BUCKET}/{PREFIX}/owners.yaml, version "
    assert any(each.startswith(said) and each.endswith(": 3 rules") for each in stage.messages())


def test_without_an_owners_file_nobody_asks_for_units(stage: Harness) -> None:
    stage.take_inventory()

    assert set(units_of(stage).values()) == {None}
    assert not [call for call in stage.ours() if "ForParent" in call.operation]


def test_what_is_wrong_in_the_owners_file_is_named_and_stops_nobody(stage: Harness) -> None:
    owners_file(stage, "ou-ab12-gone0000", more="- {user: a b, addresses: a@example.com}\n" * 21)

    stage.take_inventory()

    assert set(units_of(stage)) == set(ALL)
    place = f"s3://{BUCKET}/{PREFIX}/owners.yaml"
    said = [each for each in stage.messages() if each.startswith(place)]
    assert said[0].startswith(f"{place}: line 5: user=a b: can match no user")
    assert len(said) == 22
    assert said[20] == f"{place}: 1 more problems"
    assert said[21] == f"{place} names ou-ab12-gone0000: the organisation has no such unit"


@pytest.mark.parametrize("how", ["the file", "the unit"])
def test_units_that_cannot_be_known_are_left_open_and_named(how: str, stage: Harness) -> None:
    unit = stage.cloud.organization.create_unit("Workloads")
    owners_file(stage, unit)
    if how == "the file":
        stage.cloud.deny(HUB, "GetObject")
    else:
        stage.cloud.deny(MANAGEMENT_ACCOUNT, "ListAccountsForParent")

    stage.take_inventory()

    assert units_of(stage) == dict.fromkeys(ALL)
    [said] = [each for each in stage.messages() if "so no account's units are known" in each]
    assert "AccessDenied" in said
