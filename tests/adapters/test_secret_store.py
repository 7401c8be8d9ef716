"""The contract of `ports.SecretStore`, for the fake and for Secrets Manager."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from keyturn.adapters.clients import client
from keyturn.adapters.kms import KeyNames
from keyturn.adapters.secret_list import SecretsManagerList
from keyturn.adapters.secrets_manager import SecretsManagerStore
from keyturn.domain.errors import AlreadyThere, ChangedMeanwhile, NotFound, Refused
from keyturn.domain.key import Seal, SecretFacts
from keyturn.domain.seal import SealKey
from keyturn.domain.secret_names import SEAL_TAG, USER_ID_TAG, USER_TAG, version_id_for
from keyturn.ports import ListedSecret, NewKey, SecretList, SecretStore
from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.fakes import FakeSecretList, FakeSecretStore
from tests.use_cases.harness import MEMBER, START

NAME = "Account_333333333333_User_ann_AccessKey"
KMS_KEY = "alias/ours"
OWNED = {USER_ID_TAG: "AIDAANN"}
BORN = {**OWNED, USER_TAG: "ann"}
A_SEAL_KEY = SealKey(b"of these tests")
Scheduler = Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two that keep the contract."""

    store: SecretStore
    schedule: Scheduler
    """How a person schedules the deletion of the secret in it."""
    beget: Callable[[], None]
    """Makes the secret, and dies before it is sealed."""
    secrets: SecretList
    wait: Callable[[], None]
    """Until the list shows what is there: AWS's may be five minutes late."""


@pytest.fixture(params=["fake", "secrets manager"])
def side(request: pytest.FixtureRequest) -> Iterator[Side]:
    if request.param == "fake":
        fake = FakeSecretStore(kms_key=KMS_KEY)

        def schedule() -> None:
            fake.secrets[NAME] = replace(fake.secrets[NAME], scheduled_for_deletion=True)

        def beget_fake() -> None:
            fake.secrets[NAME] = SecretFacts(tags=BORN, arn="arn", seal=Seal.BORN)

        yield Side(
            store=fake,
            schedule=schedule,
            beget=beget_fake,
            secrets=FakeSecretList(store=fake),
            wait=lambda: None,
        )
        return
    with LocalCloud(now=START) as cloud:
        cloud.organization.create_account("prod", "prod@example.com", account_id=MEMBER)
        made = client(cloud.session(MEMBER), "secretsmanager")
        kms = client(cloud.session(MEMBER), "kms")
        store = SecretsManagerStore(
            made,
            KMS_KEY,
            seal_key=lambda: A_SEAL_KEY,
            is_one_key=KeyNames(lambda: kms).are_one,
            clock=lambda: cloud.now,
        )

        def beget() -> None:
            mark = A_SEAL_KEY.birth_mark(NAME, BORN[USER_ID_TAG], cloud.now)
            tags = [{"Key": tag, "Value": text} for tag, text in {**BORN, SEAL_TAG: mark}.items()]
            made.create_secret(Name=NAME, Tags=tags)

        yield Side(
            store=store,
            schedule=lambda: delete(made),
            beget=beget,
            secrets=SecretsManagerList(made, lambda: cloud.now),
            wait=lambda: cloud.move_to(cloud.now + timedelta(minutes=6)),
        )


def delete(made: object) -> None:
    made.delete_secret(SecretId=NAME)  # type: ignore[attr-defined]  # made at run time


@pytest.fixture
def secret_store(side: Side) -> SecretStore:
    return side.store


def a_key(number: int) -> NewKey:
    return NewKey(key_id=f"AKIA{number:016}", created=START, secret=f"secret of {number}")


def versions(secret_store: SecretStore) -> frozenset[str]:
    secret = secret_store.look(NAME)
    assert secret is not None
    return secret.versions


def own_tags(secret_store: SecretStore) -> dict[str, str]:
    """The tags that a test has set."""
    secret = secret_store.look(NAME)
    assert secret is not None
    return {tag: text for tag, text in secret.tags.items() if not tag.startswith("keyturn:")}


def test_what_is_not_there_is_none(secret_store: SecretStore) -> None:
    assert secret_store.look(NAME) is None


def test_a_secret_is_made_without_a_value_and_with_its_tags(secret_store: SecretStore) -> None:
    secret_store.create(NAME, {**OWNED, "a": "1", "b": "2"})

    found = secret_store.look(NAME)
    assert found is not None
    assert (found.seal, found.versions, found.kms_key) == (Seal.RIGHT, frozenset(), KMS_KEY)
    assert {"a": "1", "b": "2"}.items() <= found.tags.items()


def test_who_comes_second_is_told_so_and_changes_nothing(secret_store: SecretStore) -> None:
    secret_store.create(NAME, {**OWNED, "a": "1"})

    with pytest.raises(AlreadyThere):
        secret_store.create(NAME, {**OWNED, "a": "2"})

    assert own_tags(secret_store) == {"a": "1"}


def test_tags_are_set_and_removed_and_others_stay(secret_store: SecretStore) -> None:
    secret_store.create(NAME, {**OWNED, "a": "1", "b": "2"})

    secret_store.tag(NAME, {"b": "3", "c": ""})
    secret_store.untag(NAME, ["a", "never there"])

    assert own_tags(secret_store) == {"b": "3", "c": ""}


def test_a_key_is_stored_under_the_token_of_its_id_however_often(
    secret_store: SecretStore,
) -> None:
    secret_store.create(NAME, OWNED)

    secret_store.store(NAME, "ann", a_key(1))
    secret_store.store(NAME, "ann", a_key(1))

    assert versions(secret_store) == {version_id_for(a_key(1).key_id)}


def test_a_key_is_stored_only_as_long_as_it_may_be(secret_store: SecretStore) -> None:
    secret_store.create(NAME, OWNED)

    def no() -> None:
        raise ChangedMeanwhile("no")

    with pytest.raises(ChangedMeanwhile):
        secret_store.store(NAME, "ann", a_key(1), no)

    assert versions(secret_store) == set()


def test_the_last_two_versions_are_listed(secret_store: SecretStore) -> None:
    secret_store.create(NAME, OWNED)

    for number in (1, 2, 3):
        secret_store.store(NAME, "ann", a_key(number))

    assert versions(secret_store) == {
        version_id_for(a_key(2).key_id),
        version_id_for(a_key(3).key_id),
    }


def test_what_is_scheduled_for_deletion_is_seen_refused_and_can_be_restored(side: Side) -> None:
    secret_store, schedule = side.store, side.schedule
    secret_store.create(NAME, {**OWNED, "a": "1"})
    secret_store.store(NAME, "ann", a_key(1))
    schedule()

    found = secret_store.look(NAME)
    assert found is not None
    assert found.scheduled_for_deletion
    with pytest.raises(Refused):
        secret_store.tag(NAME, {"a": "2"})
    with pytest.raises(Refused):
        secret_store.untag(NAME, ["a"])
    with pytest.raises(Refused):
        secret_store.store(NAME, "ann", a_key(2))

    secret_store.restore(NAME)
    secret_store.tag(NAME, {"b": "1"})
    again = secret_store.look(NAME)
    assert again is not None
    assert not again.scheduled_for_deletion
    assert own_tags(secret_store) == {"a": "1", "b": "1"}
    assert again.versions == {version_id_for(a_key(1).key_id)}


def test_nothing_is_written_to_what_is_not_there(secret_store: SecretStore) -> None:
    with pytest.raises(NotFound):
        secret_store.tag(NAME, {"a": "1"})
    with pytest.raises(NotFound):
        secret_store.untag(NAME, ["a"])
    with pytest.raises(NotFound):
        secret_store.store(NAME, "ann", a_key(1))
    with pytest.raises(NotFound):
        secret_store.restore(NAME)

    assert secret_store.look(NAME) is None


def test_a_deletion_that_we_schedule_can_be_taken_back(secret_store: SecretStore) -> None:
    secret_store.create(NAME, {**OWNED, "a": "1"})

    secret_store.schedule(NAME)

    found = secret_store.look(NAME)
    assert found is not None
    assert found.scheduled_for_deletion
    secret_store.restore(NAME)
    found = secret_store.look(NAME)
    assert found is not None
    assert not found.scheduled_for_deletion


def listed(side: Side) -> ListedSecret:
    side.wait()
    [secret] = side.secrets.named(NAME)
    return secret


def test_the_list_tells_of_a_secret_what_it_tells_by_itself(side: Side) -> None:
    side.store.create(NAME, {**OWNED, "a": "1"})
    for number in (1, 2):
        side.store.store(NAME, "ann", a_key(number))
    assert side.store.facts_of(listed(side)) == side.store.look(NAME)

    side.schedule()

    found = side.store.facts_of(listed(side))
    assert found == side.store.look(NAME)
    assert found is not None
    assert found.scheduled_for_deletion


def test_whose_a_newborn_secret_is_the_list_does_not_tell(side: Side) -> None:
    side.beget()

    found = side.store.look(NAME)
    assert found is not None
    assert found.seal is Seal.BORN
    assert side.store.facts_of(listed(side)) is None
