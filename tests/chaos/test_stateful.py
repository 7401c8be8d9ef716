"""
Whole lives at random: days, faults, owners and operators and their orders, as they come.

The invariants are judged every few steps and at the end. Then, in some of the lives, everybody
leaves Keyturn alone, and every key that is due must come to its end in time.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from keyturn.domain.decision import WRITING, Action
from keyturn.domain.narrowing import Approved
from keyturn.domain.record import Intent
from keyturn.domain.secret_names import INTENT_TAG, USER_ID_TAG, USER_TAG, secret_name
from keyturn.settings import Settings
from keyturn_sandbox.emulator.faults import Fault
from keyturn_sandbox.simulation.owners import roll_back
from tests.chaos.scale import FORM
from tests.chaos.world import (
    BUCKET,
    DAY,
    FIRST_DAY,
    GROUP,
    MEMBER,
    Adopting,
    Ran,
    World,
    cloud_at,
)

USERS = ("ann", "ci,bot")
LEAP = datetime(2028, 2, 20, 5, tzinfo=UTC)
"""Nine days before a 29th of February."""
PERIODS: Sequence[tuple[int, int, int]] = ((90, 100, 10), (75, 85, 10), (90, 95, 7), (60, 75, 14))
HANDFULS, EXAMPLES, STEPS = {"": (1, 5, 20), "ci": (8, 25, 50), "long": (40, 50, 50)}[FORM]
"""Lives are tried in handfuls, so that both cores have some."""
JUDGED_EVERY = 10
FOLLOWED_ONE_IN = 5

users = st.sampled_from(USERS)
ages = st.sampled_from((1, 30, 75, 76, 89, 90, 99, 100, 109, 110, 137, 400, 900))
tried: Counter[str] = Counter()


class Lives(RuleBasedStateMachine):
    """One account, two users, and whatever may happen to them."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.followed = False
        self.members: frozenset[str] = frozenset()
        self.enabled: set[str] = set()
        self.steps = 0
        tried["examples"] += 1

    @initialize(
        first_day=st.sampled_from((FIRST_DAY, LEAP)),
        first=st.lists(st.tuples(ages, st.booleans()), min_size=0, max_size=2),
        age=ages,
        late=st.booleans(),
        side_by_side=st.booleans(),
        followed=st.integers(1, FOLLOWED_ONE_IN),
    )
    def found(  # noqa: PLR0913 -- all that a life begins with
        self,
        *,
        first_day: datetime,
        first: list[tuple[int, bool]],
        age: int,
        late: bool,
        side_by_side: bool,
        followed: int,
    ) -> None:
        """Find the users as they are."""
        self.world = World(cloud=cloud_at(first_day))
        self.world.__enter__()
        self.followed = followed == FOLLOWED_ONE_IN
        self.world.configure(ParallelUsers="8" if side_by_side else "1")
        if late:
            self.world.cloud.delays.lists = timedelta(seconds=30)
            self.world.cloud.delays.last_use = timedelta(hours=4)
        self.world.user(USERS[0], *first)
        self.world.user(USERS[1], (age, True))
        self.world.begin()

    # Keyturn

    @rule(days=st.sampled_from((1, 1, 1, 2, 7, 10)))
    def days_pass(self, days: int) -> None:
        """Run every day."""
        for _ in range(days):
            self._next_day()
            self.world.run()

    @rule(days=st.sampled_from((1, 3, 7, 14, 40)))
    def nothing_runs(self, days: int) -> None:
        """Skip days, or weeks."""
        self._next_day(days)

    @rule(fault=st.sampled_from(Fault), at=st.integers(1, 30), user=st.sampled_from(("", *USERS)))
    def a_run_breaks(self, fault: Fault, at: int, user: str) -> None:
        """Break the next day's run."""
        self._next_day()
        self.world.run(fault, at, of=user)

    @rule(minutes=st.sampled_from((5, 20)))
    def it_runs_again(self, minutes: int) -> None:
        """Run twice on one day."""
        self.world.go_to(self.world.cloud.now + timedelta(minutes=minutes))
        self.world.run()

    @rule()
    def a_day_runs_twice(self) -> None:
        """Run, and once more at once: the second run has nothing to do or to tell."""
        self._next_day()
        self.world.run_twice()

    @rule(minutes=st.sampled_from((1, 14)))
    def two_runs_overlap(self, minutes: int) -> None:
        """Plan, run another time, and carry out the plan."""
        self._next_day()
        self.world.slow_run(self.world.run, timedelta(minutes=minutes))

    @rule(user=users)
    def somebody_forces(self, user: str) -> None:
        """Rotate at any age."""
        self._next_day()
        self.world.run(asked=self.world.forcing(user))

    @rule(
        user=users,
        action=st.sampled_from((Action.RESTORE, Action.REVOKE)),
        newest=st.booleans(),
        when=st.sampled_from(("alone", "alone", "beside a run", "breaks")),
        fault=st.sampled_from(Fault),
        at=st.integers(1, 20),
        even_so=st.booleans(),
    )
    def an_operator_orders(  # noqa: PLR0913 -- all that an order may be and meet
        self,
        *,
        user: str,
        action: Action,
        newest: bool,
        when: str,
        fault: Fault,
        at: int,
        even_so: bool,
    ) -> None:
        """Restore or revoke a key: between the runs, during one, or broken at a call."""
        keys = sorted(self._keys(user), key=lambda key: (key.created, key.key_id), reverse=newest)
        if not keys or (action is Action.RESTORE and keys[0].key_id in self.enabled):
            return
        key_id = keys[0].key_id
        if when == "beside a run":
            self._next_day()
        else:
            self.world.go_to(self.world.cloud.now + timedelta(minutes=20))
        asked = replace(
            self.world.ordering(action, key_id, even_exempt=even_so and action is Action.REVOKE),
            even_paused=even_so,
        )

        def order() -> None:
            broken = when == "breaks"
            ran = self.world.run(
                fault if broken else None, at if broken else 0, of=user, asked=asked
            )
            self._keeps_its_word(ran, action, key_id)

        if when == "beside a run":
            self.world.slow_run(order, timedelta(minutes=2))
        else:
            order()
        if action is Action.RESTORE and self.world.status(key_id) == "Active":
            self.enabled.add(key_id)
            self.world.used_daily[key_id] = user
            self.world.use(key_id)

    @rule(minutes=st.sampled_from((0, 30, 300)))
    def an_operator_approves(self, minutes: int) -> None:
        """Carry out a plan that lay there for a while: what it lists, and nothing else."""
        self._next_day()
        asked = self.world.approving()
        self.world.go_to(self.world.cloud.now + timedelta(minutes=minutes))
        result = self.world.run(asked=asked).result
        assert result is not None
        assert asked.approved is not None
        done = {
            Approved(outcome.decided.user.name, made.decision.key_id, made.decision.action)
            for outcome in result.outcomes
            for made in outcome.done
            if made.decision.action in WRITING
        }
        assert done <= asked.approved
        tried["orders"] += 1

    @rule(user=users)
    def an_operator_adopts(self, user: str) -> None:
        """Take a user's secret into the record, whatever it is."""
        self.world.go_to(self.world.cloud.now + timedelta(minutes=20))
        self.world.run(asked=Adopting(secret_name(MEMBER, user)))

    @rule(paused=st.booleans())
    def somebody_pauses(self, *, paused: bool) -> None:
        """Stop every write, or let them go on; and run."""
        self.world.pause(paused=paused)
        self._next_day()
        before = self.world.held()
        self.world.run()
        assert not paused or self.world.held() == before

    @rule(dry=st.booleans())
    def dry_run_is_switched(self, dry: bool) -> None:
        """Switch dry run on or off."""
        self.world.configure(DryRunFlag=str(dry))

    @rule(periods=st.sampled_from(PERIODS))
    def the_periods_change(self, periods: tuple[int, int, int]) -> None:
        """Change R, I and G."""
        rotation, inactive, grace = map(str, periods)
        self.world.configure(
            RotationPeriod=rotation, InactivePeriod=inactive, RecoveryGracePeriod=grace
        )

    @rule(
        keys=st.sampled_from(("1", "10")),
        days=st.sampled_from(("1", "3")),
        early=st.sampled_from(("0", "14", "40")),
    )
    def the_limits_change(self, keys: str, days: str, early: str) -> None:
        """Change how many keys may end on one day, how old ones are spread, how early all come."""
        self.world.configure(
            MaxKeysPerDay=keys, MaxPercentPerDay=keys, SpreadDays=days, RotateEarlyDays=early
        )

    # Owners and operators

    @rule(user=users)
    def a_person_makes_a_key(self, user: str) -> None:
        """Make a key by hand, if there is room."""
        if len(self._keys(user)) < 2:
            made = self._iam().create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
            self.world.used_daily[made] = user

    @rule(user=users, status=st.sampled_from(("Active", "Inactive")))
    def a_person_switches_a_key(self, user: str, status: Literal["Active", "Inactive"]) -> None:
        """
        Enable or disable the oldest key of the other status; an enabled one is put to use.

        Enabled and disabled again between two runs, unused or a second time, is what nobody
        could notice: IAM does not tell.
        """
        key_id = self._first(user, but=status)
        if key_id is not None and (status == "Inactive" or key_id not in self.enabled):
            if status == "Active":
                self.enabled.add(key_id)
                self.world.used_daily[key_id] = user
                self.world.use(key_id)
            self._iam().update_access_key(UserName=user, AccessKeyId=key_id, Status=status)

    @rule(user=users)
    def a_person_deletes_a_key(self, user: str) -> None:
        """Delete the oldest key."""
        key_id = self._first(user)
        if key_id is not None:
            self._iam().delete_access_key(UserName=user, AccessKeyId=key_id)

    @rule(user=users)
    def the_owner_installs_the_newest(self, user: str) -> None:
        """Work with the newest key, and no longer with the others."""
        keys = self._keys(user)
        for key in keys:
            self.world.used_daily.pop(key.key_id, None)
        if keys:
            newest = max(keys, key=lambda key: (key.created, key.key_id))
            self.world.used_daily[newest.key_id] = user

    @rule(user=users)
    def a_user_is_deleted_and_made_again(self, user: str) -> None:
        """Under the same name, with a key of its own."""
        for key in self._keys(user):
            self._iam().delete_access_key(UserName=user, AccessKeyId=key.key_id)
            self.world.used_daily.pop(key.key_id, None)
        self.the_group_changes(user=user, joins=False)
        self._iam().delete_user(UserName=user)
        self._iam().create_user(UserName=user)
        self.a_person_makes_a_key(user=user)

    @rule(user=users, joins=st.booleans())
    def the_group_changes(self, user: str, joins: bool) -> None:
        """Exempt a user, or no longer."""
        if joins:
            self._iam().add_user_to_group(GroupName=GROUP, UserName=user)
        elif user in self.members:
            self._iam().remove_user_from_group(GroupName=GROUP, UserName=user)
        self.members = self.members | {user} if joins else self.members - {user}

    @precondition(lambda self: self.world.cloud.secrets(MEMBER))
    @rule(user=users)
    def a_person_deletes_the_secret(self, user: str) -> None:
        """Schedule a user's secret for deletion."""
        for secret in self.world.cloud.secrets(MEMBER):
            if secret.gone_at is None and secret.name == secret_name(MEMBER, user):
                self.world.hand("secretsmanager").delete_secret(SecretId=secret.name)

    @precondition(lambda self: self.world.cloud.secrets(MEMBER))
    @rule(user=users, times=st.integers(1, 2))
    def a_person_overwrites_the_secret(self, user: str, times: int) -> None:
        """Store something else: the delivered key is the previous version, or in none any more."""
        for secret in self.world.cloud.secrets(MEMBER):
            if secret.gone_at is None and secret.name == secret_name(MEMBER, user):
                for number in range(times):
                    self.world.hand("secretsmanager").put_secret_value(
                        SecretId=secret.name, SecretString=f"mine {number}"
                    )

    @precondition(lambda self: self.world.cloud.secrets(MEMBER))
    @rule(user=users)
    def a_person_rolls_the_secret_back(self, user: str) -> None:
        """Move AWSCURRENT to the previous version, as AWS documents it."""
        for secret in self.world.cloud.secrets(MEMBER):
            if secret.gone_at is None and secret.name == secret_name(MEMBER, user):
                roll_back(self.world.hand("secretsmanager"), secret.name)

    @precondition(lambda self: self.world.cloud.secrets(MEMBER))
    @rule(
        user=users, at=st.sampled_from(("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "", "="))
    )
    def somebody_garbles_the_intent(self, user: str, at: str) -> None:
        """Write a time that cannot be over a rotation that is done: it must hold nothing up."""
        for secret in self.world.cloud.secrets(MEMBER):
            if secret.gone_at is not None or secret.name != secret_name(MEMBER, user):
                continue
            intent = Intent.read(secret.tags.get(INTENT_TAG, ""))
            if intent is None or intent.settled:
                garbled = f"run=x at={at} seen=X replaces=X"
                self.world.hand("secretsmanager").tag_resource(
                    SecretId=secret.name, Tags=[{"Key": INTENT_TAG, "Value": garbled}]
                )

    # The judge

    @invariant()
    def no_promise_is_broken(self) -> None:
        """Judge now and then; the judge looks at every moment before."""
        self.steps += 1
        tried["steps"] += 1
        if self.steps % JUDGED_EVERY == 0:
            self._judge()

    def teardown(self) -> None:
        """Judge, and follow some of the lives to their end."""
        if not hasattr(self, "world"):
            return  # not even the first step was taken
        try:
            self._judge()
            if self.followed:
                tried["lived"] += 1
                self._follow()
                self._judge()
        finally:
            self.world.__exit__(None, None, None)

    def _keeps_its_word(self, ran: Ran, action: Action, key_id: str) -> None:
        """What an operator ordered is so, unless the answer says that it is not."""
        result = ran.result
        if result is not None and not result.failures and not result.plan.run.dry_run:
            wanted = {"Active"} if action is Action.RESTORE else {"Inactive", None}
            assert self.world.status(key_id) in wanted, (action, key_id)
            tried["orders"] += 1

    def _judge(self) -> None:
        self.world.finish()
        assert self.world.violations() == []

    def _follow(self) -> None:
        """Nobody interferes and nothing fails: every due key comes to its end in time."""
        for user in USERS:
            self.the_group_changes(user=user, joins=False)
        self.world.configure(
            DryRunFlag="false", MaxKeysPerDay="10", MaxPercentPerDay="25", SpreadDays="1"
        )
        self.world.pause(paused=False)
        self.world.used_daily.clear()
        policy = Settings.read(self.world.settings).policy
        for _ in range(days := self._longest()):
            self._next_day()
            self.world.run()
        now = self.world.cloud.now
        late = {
            key.key_id: (key.user, key.status, (now - key.created).days)
            for key in self.world.cloud.keys(MEMBER)
            if now - key.created > (policy.rotation_period + days + 1) * DAY
            and self._is_ours(key.user)
        }
        assert late == {}

    def _longest(self) -> int:
        """
        How many days a due key can take to its end, by the contract.

        An orphan is removed on the second day. Restored, it is left alone for G; in use until now,
        it is quiet when W are exceeded; what was promised is kept. Then its end is announced, W
        days later it is disabled, G later deleted, or once more G later, if it was used since. The
        other key of its user may have to wait for all that before its own W and G begin.
        """
        policy = Settings.read(self.world.settings).policy
        window, grace = policy.installation_window, policy.recovery_grace_period
        today = self.world.cloud.now.date()
        promised = max((day for name in self._receipts() for day in _days_in(name)), default=today)
        alone = max(grace, window + 1, (promised - today).days) + 2
        return alone + 2 * (window + 2 * grace + 2)

    def _receipts(self) -> list[str]:
        return [name for name in self.world.cloud.objects(BUCKET) if "_dry-run" not in name]

    def _is_ours(self, user: str) -> bool:
        """Whether the user's secret may be written: another's waits for an operator."""
        name = secret_name(MEMBER, user)
        user_id = self._iam().get_user(UserName=user)["User"]["UserId"]
        return all(
            secret.tags.get(USER_ID_TAG) == user_id and USER_TAG in secret.tags
            for secret in self.world.cloud.secrets(MEMBER)
            if secret.name == name
        )

    def _next_day(self, days: int = 1) -> None:
        now = self.world.cloud.now
        morning = now.replace(hour=5, minute=0, second=0, microsecond=0)
        self.world.go_to(morning + days * DAY)

    def _iam(self) -> Any:  # noqa: ANN401 -- boto3 makes the class at run time
        # A minute later, for IAM does not know yet of a key that was made a moment ago.
        self.world.go_to(self.world.cloud.now + timedelta(minutes=1))
        return self.world.hand("iam")

    def _keys(self, user: str) -> list[Any]:
        return [key for key in self.world.cloud.keys(MEMBER) if key.user == user]

    def _first(self, user: str, but: str | None = None) -> str | None:
        keys = [key for key in self._keys(user) if key.status != but]
        return min(keys, key=lambda key: key.created).key_id if keys else None


def _days_in(name: str) -> list[date]:
    words = name.rsplit("/", 1)[-1].partition(".")[0].split("_")
    return [date.fromisoformat(word) for word in words if word[:4].isdigit() and len(word) == 10]


@pytest.mark.parametrize("handful", range(HANDFULS))
def test_no_life_breaks_a_promise(
    handful: int, record_property: Callable[[str, object], None]
) -> None:
    tried.clear()
    lives = seed(handful)(type(f"Lives{handful}", (Lives,), {}))

    run_state_machine_as_test(
        lives,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )

    for name in ("examples", "steps", "lived", "orders"):
        record_property(name, tried[name])
