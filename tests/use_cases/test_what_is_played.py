"""Each parameter that is played changes what comes; each other one is refused, in one line."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from keyturn.cli.against import against
from keyturn.cli.given import parameters_in
from keyturn.cli.options import AccountOptions, Output, RuleOptions, SettingOptions, Users
from keyturn.cli.simulate import simulate
from keyturn.cli.simulate_options import PlayOptions, SimulateOptions, StoredOptions
from keyturn.cli.simulation_table import simulation_lines
from keyturn.configuration import BY_NAME
from keyturn.domain.decision import UserDecisions
from keyturn.domain.deferral import Deferral
from keyturn.domain.errors import InvalidValue
from keyturn.domain.exemptions_file import ExemptionEntry, ExemptionsFile
from keyturn.domain.fleet_course import Coverage, Simulation
from keyturn.domain.key import UserFacts
from keyturn.domain.lifecycle.decide import decide
from keyturn.domain.owner import Owner, OwnerCandidate, OwnerSource
from keyturn.domain.policy import ProofOfNotice, RotationPolicy
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.schemas.seen_users import read_seen_users
from keyturn.use_cases.play_account import SeenAccount, Setting, empty_course, play_account
from tests.domain.test_snapshot_facts import snapshot_of
from tests.domain.world import ACCOUNT, NOW, TODAY, a_key, a_secret, ann, look, told

DAYS = 60
EITHER = {"proving_channels": (ChannelName.EMAIL, ChannelName.SLACK)}
CAPPED = {"max_keys_per_day": 0, "max_percent_per_day": 0}


def due(age: float = 85, used: float = 0) -> UserFacts:
    return ann(a_key(age=age, used=used))


def ends() -> UserFacts:
    """A key whose successor is made and which stops soon."""
    old = a_key(age=98, told=[told(8, disable=2)])
    return ann(old, a_key("NEW", age=8), secret=a_secret("NEW"))


def by_slack() -> UserFacts:
    """A key whose end was announced in Slack alone."""
    mail = Recipient(channel=ChannelName.EMAIL, address="ann@example.com")
    owner = Owner(candidates=(OwnerCandidate(source=OwnerSource.TAG, recipients=(mail,)),))
    to = replace(mail, channel=ChannelName.SLACK).id
    old, new = ends().keys
    old = replace(old, receipts=(replace(told(8, disable=2), to=to),))
    return replace(ann(old, new, secret=a_secret("NEW")), owner=owner)


def deferred() -> UserFacts:
    given = Deferral(
        account=ACCOUNT,
        key_id="OLD",
        until=TODAY + timedelta(days=25),
        first=NOW,
        at=NOW,
        by="ops",
        ticket="T-1",
    )
    return ann(replace(a_key(age=137), deferral=given))


PLAYED: Mapping[str, tuple[UserFacts, Mapping[str, Any], Mapping[str, Any]]] = {
    "RotationPeriod": (due(), {}, {"rotation_period": 80}),
    "InactivePeriod": (due(), {}, {"inactive_period": 110}),
    "RecoveryGracePeriod": (due(), {}, {"recovery_grace_period": 20}),
    "WarnDays": (due(), {}, {"warn_days": (3,)}),
    "UnusedPeriod": (due(used=84), {}, {"unused_period": 60}),
    "HoldIfUsedWithin": (ends(), {}, {"hold_if_used_within": 3}),
    "MaxHold": (ends(), {"hold_if_used_within": 3}, {"max_hold": 5}),
    "RetireInUse": (ann(a_key(age=300), a_key("NEW", age=50)), {}, {"retire_in_use": True}),
    "MaxKeysPerDay": (ends(), CAPPED, {"max_keys_per_day": 1}),
    "MaxPercentPerDay": (ends(), CAPPED, {"max_percent_per_day": 100}),
    "SpreadDays": (due(age=137), {"spread_days": 30}, {"spread_days": 1}),
    "RotateEarlyDays": (due(age=60), {}, {"rotate_early_days": 14}),
    "MaxExemption": (ann(a_key(age=137), exempt=True), {}, {"max_exemption": 20}),
    "MaxDeferral": (deferred(), {}, {"max_deferral": 5}),
    "ProofOfNotice": (ends(), {}, {"proof_of_notice": ProofOfNotice.DELIVERED}),
    "ProvingChannels": (by_slack(), EITHER, {"proving_channels": (ChannelName.EMAIL,)}),
}
"""Parameter → somebody to whom it matters, what is set besides, and another value."""


def played(user: UserFacts, policy: RotationPolicy, found: RotationPolicy) -> object:
    """Play on from what a run with `found` left in its snapshot."""
    user = replace(user, owner=user.owner if isinstance(user.owner, Owner) else Owner())
    decided = decide(replace(user, exemption=None), found, NOW)
    assert isinstance(decided, UserDecisions)
    users = tuple(read_seen_users(snapshot_of(decided, found)))
    if user.exempt:
        users = tuple(replace(each, exemptions=FILE) for each in users)
    seen = SeenAccount(account=ACCOUNT, at=NOW, users=users)
    courses = [empty_course(TODAY, DAYS) for _ in (True, False)]
    for owners_act, course in zip((True, False), courses, strict=True):
        play_account(seen, Setting(policy=policy, days=DAYS, owners_act=owners_act), course)
    return [asdict(day) for course in courses for day in course.days]


FILE = ExemptionsFile(
    place="exemptions.yaml",
    entries=(
        ExemptionEntry(
            line=1,
            account=ACCOUNT,
            user="ann",
            ticket="T-1",
            owner="o@example.com",
            reason="r",
            expiry=TODAY + timedelta(days=50),
        ),
    ),
)


@pytest.mark.parametrize("name", PLAYED)
def test_what_is_played_changes_what_comes(name: str) -> None:
    user, besides, other = PLAYED[name]
    policy = RotationPolicy(**besides)

    assert played(user, replace(policy, **other), policy) != played(user, policy, policy)


def test_where_nothing_was_seen_nothing_is_said_to_be_well() -> None:
    course, setting = empty_course(TODAY, DAYS), Setting(policy=RotationPolicy(), days=DAYS)
    coverage = Coverage(day=TODAY, not_seen=[ACCOUNT], is_listed=True)
    found = Simulation(coverage=coverage, courses=(course,))

    lines = "\n".join(simulation_lines(found, [setting], ["As given"], 100))

    assert course.nothing_late_on is None
    assert "not known: no account was seen" in lines
    assert "No key is late" not in lines


@pytest.mark.parametrize(("used", "in_use"), [(0, 1), (None, 0)])
def test_a_key_that_nobody_ever_used_does_not_end_in_use(used: float | None, in_use: int) -> None:
    users = tuple(read_seen_users(snapshot_of(look(due(age=5)).decided)))
    key = replace(users[0].facts.keys[0], last_use=a_key(age=5, used=used).last_use)
    [seen] = (replace(each, facts=replace(each.facts, keys=(key,))) for each in users)
    course = empty_course(TODAY, 120)

    play_account(
        SeenAccount(account=ACCOUNT, at=NOW, users=[seen]),
        Setting(policy=RotationPolicy(), days=120),
        course,
    )

    assert (course.total("disabled"), course.total("ends_in_use")) == (1, in_use)


# --- every other one is refused before anything is read

OTHERS = [name for name in BY_NAME if name not in PLAYED and name != "AdminDigest"]
UNPLAYED = [
    name
    for name in parameters_in(SettingOptions)
    if name not in {*PLAYED, "S3BucketName", "S3BucketPrefix"}
]


def test_the_options_of_what_is_played_are_those_that_change_something() -> None:
    assert set(parameters_in(RuleOptions)) == set(PLAYED)


@pytest.mark.parametrize("name", OTHERS)
def test_with_refuses_every_other_parameter(name: str) -> None:
    asked = SimulateOptions(with_=[f"{name}=35"])

    with pytest.raises(InvalidValue, match="is not played") as refused:
        simulate(StoredOptions(folder=Path("none")), PlayOptions(), asked)
    assert (refused.value.field, refused.value.value) == ("--with", f"{name}=35")


@pytest.mark.parametrize("name", UNPLAYED)
def test_against_refuses_every_other_option(name: str) -> None:
    described = BY_NAME[name]
    field = (described.option or "").removeprefix("--").replace("-", "_")
    value: Any = described.metavar is None or (["35"] if described.repeatable else "35")
    rules = replace(SettingOptions(), **{field: value})

    with pytest.raises(InvalidValue, match="does not go with --against") as refused:
        against("none", AccountOptions(), Users(), rules, Output())
    assert refused.value.field == described.option
