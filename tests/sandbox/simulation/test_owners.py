import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from keyturn_sandbox.emulator.cloud import KeyState, LocalCloud
from keyturn_sandbox.judge.evidence import role_of, secret_name
from keyturn_sandbox.simulation.owners import OwnerAction, Owners
from keyturn_sandbox.simulation.people import Company, CompanyAccount, Habit, Person

START = datetime(2026, 1, 1, 6, 0, tzinfo=UTC)
DAY = timedelta(days=1)
USER, SENDER = "deploy-bot", "keys@example.com"


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(now=START) as cloud:
        yield cloud


class Scene:
    """One user with one key in use, and a Keyturn that does as it is told."""

    def __init__(self, cloud: LocalCloud, habit: Habit, days: int = 0) -> None:
        self.cloud = cloud
        self.account = cloud.organization.create_account("prod", "prod@example.com")
        cloud.add_user(self.account, USER)
        self.old = cloud.add_key(self.account, USER, created=START - 90 * DAY)
        cloud.verify_sender(self.account, SENDER)
        account = CompanyAccount(
            account_id=self.account, name="prod", email="prod@example.com", unit=None
        )
        person = Person(
            account_id=self.account,
            user=USER,
            key_ids=(self.old,),
            in_use=frozenset({self.old}),
            habit=habit,
            days=days,
        )
        company = Company(accounts=(account,), people=(person,), units={})
        self.owners = Owners(cloud, company)

    def rotate(self, *, tell: bool = True, deliver: bool = True) -> str:
        new = self.cloud.add_key(self.account, USER)
        session = self.cloud.role_session(self.account, "Keyturn")
        if deliver:
            value = {"AccessKeyId": new, "SecretAccessKey": self.cloud.secret_values()[new]}
            session.client("secretsmanager").create_secret(
                Name=secret_name(self.account, USER), SecretString=json.dumps(value)
            )
        if tell:
            session.client("sesv2").send_email(
                FromEmailAddress=SENDER,
                Destination={"ToAddresses": ["prod@example.com"]},
                Content={
                    "Simple": {
                        "Subject": {"Data": "Your key"},
                        "Body": {"Text": {"Data": f"{self.old} stops in ten days"}},
                    }
                },
            )
        return new

    def disable(self) -> None:
        iam = self.cloud.role_session(self.account, "Keyturn").client("iam")
        iam.update_access_key(UserName=USER, AccessKeyId=self.old, Status="Inactive")

    def live(self, first: int, last: int) -> list[Counter[OwnerAction]]:
        """What happened on each of these days after the start."""
        happened = []
        for day in range(first, last + 1):
            self.cloud.move_to(START + day * DAY + timedelta(hours=2))
            happened.append(self.owners.live())
        return happened

    def key(self, key_id: str) -> KeyState:
        return next(key for key in self.cloud.keys(self.account) if key.key_id == key_id)


def days_of(
    action: OwnerAction, happened: list[Counter[OwnerAction]], first: int = 0
) -> list[int]:
    return [day for day, actions in enumerate(happened, start=first) if actions[action]]


def test_a_key_in_use_is_used_every_day(cloud: LocalCloud) -> None:
    scene = Scene(cloud, Habit.TWO_WORKLOADS)

    happened = scene.live(0, 3)

    assert days_of(OwnerAction.USED, happened) == [0, 1, 2, 3]
    used = scene.key(scene.old).last_used
    assert used is not None
    assert used.at >= START + 3 * DAY
    assert [use.key_id for use in scene.owners.uses] == [scene.old] * 4


@pytest.mark.parametrize("patience", [0, 3, 8])
def test_an_owner_installs_the_new_key_after_their_days(cloud: LocalCloud, patience: int) -> None:
    scene = Scene(cloud, Habit.INSTALLS, days=patience)
    new = scene.rotate()

    happened = scene.live(0, 9)

    assert days_of(OwnerAction.INSTALLED, happened) == [patience]
    assert scene.owners.uses[-1].key_id == new
    assert {use.key_id for use in scene.owners.uses if use.at < START + patience * DAY} <= {
        scene.old
    }


def test_who_was_not_told_installs_nothing(cloud: LocalCloud) -> None:
    scene = Scene(cloud, Habit.INSTALLS)
    scene.rotate(tell=False)

    assert days_of(OwnerAction.INSTALLED, scene.live(0, 9)) == []


def test_what_was_not_delivered_is_not_installed(cloud: LocalCloud) -> None:
    scene = Scene(cloud, Habit.INSTALLS)
    scene.rotate(deliver=False)

    assert days_of(OwnerAction.INSTALLED, scene.live(0, 9)) == []


def test_some_install_only_when_the_old_key_has_stopped(cloud: LocalCloud) -> None:
    scene = Scene(cloud, Habit.LATE)
    scene.rotate()
    before = scene.live(0, 9)
    scene.disable()

    after = scene.live(10, 12)

    assert days_of(OwnerAction.INSTALLED, before) == []
    assert days_of(OwnerAction.STOPPED, after, 10) == [10]
    assert days_of(OwnerAction.INSTALLED, after, 10) == [11]


def test_some_have_the_old_key_enabled_once_more_and_install_later(cloud: LocalCloud) -> None:
    scene = Scene(cloud, Habit.RETURNS, days=3)
    scene.rotate()
    scene.live(0, 9)
    scene.disable()

    happened = scene.live(10, 20)

    assert days_of(OwnerAction.RESTORED, happened, 10) == [12]
    assert days_of(OwnerAction.INSTALLED, happened, 10) == [15]
    assert scene.key(scene.old).status == "Active"


def test_some_never_install(cloud: LocalCloud) -> None:
    scene = Scene(cloud, Habit.ABANDONED)
    scene.rotate()
    scene.live(0, 9)
    scene.disable()

    assert all(actions == {OwnerAction.STOPPED: 1} for actions in scene.live(10, 20))


def test_some_make_a_key_of_their_own_and_move_to_it(cloud: LocalCloud) -> None:
    scene = Scene(cloud, Habit.MAKES_OWN, days=4)

    happened = scene.live(0, 10)

    assert days_of(OwnerAction.MADE_OWN, happened) == [4]
    assert [use.key_id == scene.old for use in scene.owners.uses].count(False) == 4
    assert len(cloud.keys(scene.account)) == 2


def test_some_disable_their_key_by_hand(cloud: LocalCloud) -> None:
    scene = Scene(cloud, Habit.DISABLES_OWN, days=4)

    happened = scene.live(0, 6)

    assert days_of(OwnerAction.DISABLED_OWN, happened) == [4]
    assert days_of(OwnerAction.STOPPED, happened) == []
    assert scene.key(scene.old).status == "Inactive"


def test_some_take_each_new_key_out_of_use_and_work_on_with_the_old_one(
    cloud: LocalCloud,
) -> None:
    scene = Scene(cloud, Habit.ROLLS_BACK, days=3)
    new = scene.rotate()

    happened = scene.live(0, 6)

    assert days_of(OwnerAction.ROLLED_BACK, happened) == [3]
    assert days_of(OwnerAction.USED, happened) == list(range(7))
    assert scene.key(new).status == "Inactive"
    assert scene.key(scene.old).status == "Active"


def test_some_put_the_old_key_back_into_the_secret(cloud: LocalCloud) -> None:
    scene = Scene(cloud, Habit.STORES_OLD, days=3)
    scene.rotate()

    happened = scene.live(0, 6)

    assert days_of(OwnerAction.STORED_OLD, happened) == [3]
    assert days_of(OwnerAction.USED, happened) == list(range(7))
    [secret] = cloud.secrets(scene.account)
    [current] = [v for v, labels in secret.versions.items() if "AWSCURRENT" in labels]
    assert json.loads(secret.values[current])["AccessKeyId"] == scene.old


def test_some_find_that_a_colleague_has_made_the_secret_beforehand(cloud: LocalCloud) -> None:
    scene = Scene(cloud, Habit.SQUATTED, days=1)

    happened = scene.live(0, 3)

    assert days_of(OwnerAction.SQUATTED, happened) == [1]
    [secret] = cloud.secrets(scene.account)
    assert secret.tags["keyturn:user"] == USER


def test_what_people_do_is_logged_under_their_own_name(cloud: LocalCloud) -> None:
    scene = Scene(cloud, Habit.DISABLES_OWN)

    scene.live(0, 0)

    assert [(call.operation, role_of(call.principal)) for call in cloud.calls] == [
        ("UpdateAccessKey", "Administrator")
    ]
