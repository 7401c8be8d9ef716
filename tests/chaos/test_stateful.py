"""Whole lives at random: days, faults, owners and operators in any order, judged at the end."""

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from keyturn.sandbox.faults import Fault
from tests.chaos.world import DAY, GROUP, MEMBER, World

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

USERS = ("ann", "ci,bot")
EXAMPLES, STEPS = (200, 50) if os.environ.get("CHAOS") == "all" else (8, 25)

users = st.sampled_from(USERS)
ages = st.sampled_from((1, 30, 75, 76, 89, 90, 99, 100, 109, 110, 137, 400, 900))


class Lives(RuleBasedStateMachine):
    """One account, two users, and whatever may happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.world.__enter__()
        self.excused = False
        self.members: frozenset[str] = frozenset()
        self.enabled: set[str] = set()

    @initialize(first=st.lists(st.tuples(ages, st.booleans()), min_size=0, max_size=2), age=ages)
    def found(self, first: list[tuple[int, bool]], age: int) -> None:
        """Find the users as they are."""
        self.world.user(USERS[0], *first)
        self.world.user(USERS[1], (age, True))
        self.world.begin()

    @rule(days=st.sampled_from((1, 1, 1, 2, 7, 10)))
    def days_pass(self, days: int) -> None:
        """Run every day."""
        for _ in range(days):
            self._next_day()
            self.world.run()

    @rule(days=st.sampled_from((1, 3, 10, 40)))
    def nothing_runs(self, days: int) -> None:
        """Skip days."""
        self._next_day(days)

    @rule(fault=st.sampled_from(Fault), at=st.integers(4, 30))
    def a_run_breaks(self, fault: Fault, at: int) -> None:
        """Break the next day's run."""
        self._next_day()
        ran = self.world.run(fault, at)
        self.excused |= ran.befell in {"sesv2:SendEmail", "s3:PutObject", "s3:HeadObject"}

    @rule()
    def it_runs_again(self) -> None:
        """Run twice on one day."""
        self.world.go_to(self.world.cloud.now + timedelta(minutes=20))
        self.world.run()

    @rule(user=users)
    def somebody_forces(self, user: str) -> None:
        """Rotate at any age."""
        self._next_day()
        self.world.run(forced=user)

    @rule(user=users)
    def a_person_makes_a_key(self, user: str) -> None:
        """Make a key by hand, if there is room."""
        if sum(key.user == user for key in self.world.cloud.keys(MEMBER)) < 2:
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
        active = [k for k in self.world.cloud.keys(MEMBER) if k.user == user]
        for key in active:
            self.world.used_daily.pop(key.key_id, None)
        if active:
            newest = max(active, key=lambda key: (key.created, key.key_id))
            self.world.used_daily[newest.key_id] = user

    @rule(user=users, joins=st.booleans())
    def the_group_changes(self, user: str, joins: bool) -> None:
        """Exempt a user, or no longer."""
        if joins:
            self._iam().add_user_to_group(GroupName=GROUP, UserName=user)
        elif user in self.members:
            self._iam().remove_user_from_group(GroupName=GROUP, UserName=user)
        self.members = self.members | {user} if joins else self.members - {user}

    @rule(dry=st.booleans())
    def dry_run_is_switched(self, dry: bool) -> None:
        """Switch dry run on or off."""
        self.world.configure(DryRunFlag=str(dry))

    @precondition(lambda self: self.world.cloud.secrets(MEMBER))
    @rule(user=users)
    def a_person_deletes_the_secret(self, user: str) -> None:
        """Schedule a user's secret for deletion."""
        for secret in self.world.cloud.secrets(MEMBER):
            if secret.gone_at is None and f"_User_{user.replace(',', '=2C')}_" in secret.name:
                vault = self.world.cloud.session(MEMBER).client("secretsmanager")
                vault.delete_secret(SecretId=secret.name)

    def teardown(self) -> None:
        """Judge, and let the clean days come to their end."""
        try:
            self.world.configure(DryRunFlag="false")
            self.world.finish()
            forgiving = "a second time" if self.excused else None
            assert self.world.violations(forgiving=forgiving) == []
        finally:
            self.world.__exit__(None, None, None)

    def _next_day(self, days: int = 1) -> None:
        now = self.world.cloud.now
        morning = now.replace(hour=5, minute=0, second=0, microsecond=0)
        self.world.go_to(morning + days * DAY)

    def _iam(self) -> "IAMClient":
        return self.world.cloud.session(MEMBER).client("iam")

    def _first(self, user: str, but: str | None = None) -> str | None:
        keys = [k for k in self.world.cloud.keys(MEMBER) if k.user == user and k.status != but]
        return min(keys, key=lambda key: key.created).key_id if keys else None


TestLives = Lives.TestCase
TestLives.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=os.environ.get("CHAOS") != "all",
    print_blob=True,
)
