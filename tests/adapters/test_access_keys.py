"""The contract of `ports.AccessKeys`, for the fake and for IAM."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Protocol

import pytest

from keyturn.adapters.clients import client
from keyturn.adapters.iam import IamAccessKeys
from keyturn.domain.errors import KeyLimitReached, NotFound
from keyturn.domain.key import KeyFacts, LastUse, Status
from keyturn.ports import AccessKeys
from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.fakes import FakeKeys
from tests.use_cases.harness import MEMBER, START

DAY = timedelta(days=1)
GROUP = "Exempt"


class Scene(Protocol):
    """An account, seen from both sides."""

    keys: AccessKeys

    def add_user(self, name: str, **tags: str) -> None: ...
    def put_at(self, path: str, name: str) -> None: ...
    def add_key(self, user: str, created: datetime) -> str: ...
    def use(self, key_id: str, at: datetime) -> None: ...
    def exempt(self, *users: str) -> None: ...


class FakeScene:
    def __init__(self) -> None:
        self.fake = FakeKeys(clock=lambda: START)
        self.keys: AccessKeys = self.fake

    def add_user(self, name: str, **tags: str) -> None:
        self.fake.held[name] = []
        self.fake.tags[name] = tags

    def put_at(self, path: str, name: str) -> None:
        self.fake.paths[name] = path

    def add_key(self, user: str, created: datetime) -> str:
        key_id = f"AKIAOLD{next(self.fake.numbers)}"
        self.fake.held[user].append(KeyFacts(key_id=key_id, status=Status.ACTIVE, created=created))
        return key_id

    def use(self, key_id: str, at: datetime) -> None:
        self.fake.used[key_id] = LastUse(at=at, service="s3", region="us-east-1")

    def exempt(self, *users: str) -> None:
        self.fake.groups[GROUP] = set(users)


class CloudScene:
    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        iam = client(cloud.session(MEMBER), "iam")
        self.keys: AccessKeys = IamAccessKeys(iam, lambda: iam)

    def add_user(self, name: str, **tags: str) -> None:
        self.cloud.add_user(MEMBER, name, tags=tags)

    def put_at(self, path: str, name: str) -> None:
        self.cloud.session(MEMBER).client("iam").update_user(UserName=name, NewPath=path)

    def add_key(self, user: str, created: datetime) -> str:
        return self.cloud.add_key(MEMBER, user, created=created)

    def use(self, key_id: str, at: datetime) -> None:
        self.cloud.use_key(MEMBER, key_id, at)

    def exempt(self, *users: str) -> None:
        iam = self.cloud.session(MEMBER).client("iam")
        iam.create_group(GroupName=GROUP)
        for user in users:
            iam.add_user_to_group(GroupName=GROUP, UserName=user)


@pytest.fixture(params=["fake", "iam"])
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    if request.param == "fake":
        yield FakeScene()
        return
    with LocalCloud(now=START) as cloud:
        cloud.organization.create_account("prod", "prod@example.com", account_id=MEMBER)
        yield CloudScene(cloud)


def test_all_users_come_and_the_members_are_told_by_their_ids(scene: Scene) -> None:
    for name in ("ann", "bob", "reports,finance"):
        scene.add_user(name)
    scene.exempt("bob")

    ids = {user.name: user.id for user in scene.keys.users()}

    assert set(ids) == {"ann", "bob", "reports,finance"}
    assert scene.keys.members_of(GROUP) == {ids["bob"]}


def test_a_users_path_is_told(scene: Scene) -> None:
    scene.add_user("ann")
    scene.add_user("deploy-bot")
    scene.put_at("/robots/ci/", "deploy-bot")

    paths = {user.name: user.path for user in scene.keys.users()}

    assert paths == {"ann": "/", "deploy-bot": "/robots/ci/"}


def test_a_group_that_does_not_exist_is_not_an_empty_one(scene: Scene) -> None:
    with pytest.raises(NotFound):
        scene.keys.members_of("nobody")

    scene.exempt()
    assert scene.keys.members_of(GROUP) == frozenset()


def test_a_users_keys_are_listed_as_they_are(scene: Scene) -> None:
    scene.add_user("ann")
    assert scene.keys.keys_of("ann") == ()
    old = scene.add_key("ann", START - 100 * DAY)
    new = scene.add_key("ann", START - DAY)
    scene.keys.disable("ann", old)

    assert set(scene.keys.keys_of("ann")) == {
        KeyFacts(key_id=old, status=Status.INACTIVE, created=START - 100 * DAY),
        KeyFacts(key_id=new, status=Status.ACTIVE, created=START - DAY),
    }


def test_a_user_who_is_gone_is_not_found(scene: Scene) -> None:
    with pytest.raises(NotFound):
        scene.keys.keys_of("nobody")
    with pytest.raises(NotFound):
        scene.keys.create("nobody")
    with pytest.raises(NotFound):
        scene.keys.disable("nobody", "AKIAIOSFODNN7EXAMPLE")
    with pytest.raises(NotFound):
        scene.keys.tag_of("nobody", "Owner")


def test_a_key_says_when_it_was_last_used_if_it_was(scene: Scene) -> None:
    scene.add_user("ann")
    used, unused = (scene.add_key("ann", START - 9 * DAY) for _ in range(2))
    scene.use(used, START - 2 * DAY)

    assert scene.keys.last_use(used) == LastUse(
        at=START - 2 * DAY, service="s3", region="us-east-1"
    )
    assert scene.keys.last_use(unused).at is None


def test_a_tag_is_read_by_its_name(scene: Scene) -> None:
    scene.add_user("ann", Owner="team@example.com", Team="core")

    assert scene.keys.tag_of("ann", "Owner") == "team@example.com"
    assert scene.keys.tag_of("ann", "oWNER") == "team@example.com"
    assert scene.keys.tag_of("ann", "own") is None


def test_a_new_key_is_active_and_hides_its_secret(scene: Scene) -> None:
    scene.add_user("ann")

    made = scene.keys.create("ann")

    [listed] = scene.keys.keys_of("ann")
    assert (listed.key_id, listed.created) == (made.key_id, made.created)
    assert listed.is_active
    assert made.secret not in repr(made)
    assert abs(made.created - START) < timedelta(seconds=5)


def test_nobody_has_a_third_key(scene: Scene) -> None:
    scene.add_user("ann")
    held = {scene.keys.create("ann").key_id for _ in range(2)}

    with pytest.raises(KeyLimitReached):
        scene.keys.create("ann")

    assert {key.key_id for key in scene.keys.keys_of("ann")} == held


def test_to_disable_twice_is_as_good_as_once(scene: Scene) -> None:
    scene.add_user("ann")
    key_id = scene.add_key("ann", START)

    scene.keys.disable("ann", key_id)
    scene.keys.disable("ann", key_id)

    assert [key.is_active for key in scene.keys.keys_of("ann")] == [False]


def test_a_disabled_key_can_be_enabled_again_and_again(scene: Scene) -> None:
    scene.add_user("ann")
    first, second = (scene.add_key("ann", START) for _ in range(2))
    for key_id in (first, second):
        scene.keys.disable("ann", key_id)

    scene.keys.enable("ann", first)
    scene.keys.enable("ann", first)

    working = {key.key_id: key.is_active for key in scene.keys.keys_of("ann")}
    assert working == {first: True, second: False}


def test_a_key_says_whose_it_is_used_or_not(scene: Scene) -> None:
    scene.add_user("ann")
    scene.add_user("bob,eu")
    anns, bobs = scene.add_key("ann", START), scene.add_key("bob,eu", START)
    scene.use(bobs, START)

    assert scene.keys.owner_of(anns) == "ann"
    assert scene.keys.owner_of(bobs) == "bob,eu"
    with pytest.raises(NotFound):
        scene.keys.owner_of("AKIAIOSFODNN7EXAMPLE")


def test_to_delete_what_is_gone_is_a_success(scene: Scene) -> None:
    scene.add_user("ann")
    key_id = scene.add_key("ann", START)

    assert scene.keys.delete("ann", key_id)
    assert not scene.keys.delete("ann", key_id)
    assert not scene.keys.delete("nobody", key_id)

    assert scene.keys.keys_of("ann") == ()


def test_a_root_user_without_keys_has_none(scene: Scene) -> None:
    scene.add_user("ann")
    scene.add_key("ann", START)

    assert not scene.keys.root_has_keys()
