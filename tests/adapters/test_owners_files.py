"""The owners file, where it is stored: in the bucket, or on the operator's machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.adapters.local_owners_file import LocalOwnersFile
from keyturn.adapters.s3_owners_file import S3OwnersFile
from keyturn.domain.errors import Denied, InvalidValue, Throttled
from keyturn_sandbox.emulator.cloud import MANAGEMENT_ACCOUNT, LocalCloud
from tests.use_cases.harness import START

BUCKET, FOLDER = "keyturn-bucket", "asa/keyturn"
YAML = b"version: 1\nrules:\n- addresses: a@example.com\n"


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(now=START) as cloud:
        cloud.add_role(MANAGEMENT_ACCOUNT, "Rotation", MANAGEMENT_ACCOUNT)
        cloud.session(MANAGEMENT_ACCOUNT).client("s3").create_bucket(Bucket=BUCKET)
        yield cloud


def put(cloud: LocalCloud, name: str, body: bytes = YAML, folder: str = f"{FOLDER}/") -> None:
    s3 = cloud.session(MANAGEMENT_ACCOUNT).client("s3")
    s3.put_object(Bucket=BUCKET, Key=f"{folder}{name}", Body=body)


def store(cloud: LocalCloud, prefix: str = FOLDER) -> S3OwnersFile:
    s3 = cloud.role_session(MANAGEMENT_ACCOUNT, "Rotation").client("s3")
    return S3OwnersFile(
        s3, bucket=BUCKET, prefix=prefix, allows=lambda address: "elsewhere" not in address
    )


def reads(cloud: LocalCloud) -> int:
    return sum(call.operation == "GetObject" for call in cloud.calls)


def test_without_a_file_there_is_none(cloud: LocalCloud) -> None:
    put(cloud, "owners/a.yaml")
    put(cloud, "owners.yaml.bak")
    put(cloud, "owners.yaml", folder="")

    assert store(cloud).read() is None
    assert reads(cloud) == 0


@pytest.mark.parametrize(
    ("name", "body"), [("owners.yaml", YAML), ("owners.csv", b"addresses\na@example.com\n")]
)
@pytest.mark.parametrize(("prefix", "folder"), [(FOLDER, f"{FOLDER}/"), ("", "")])
def test_either_form_is_read_with_its_place_and_version(
    name: str, body: bytes, prefix: str, folder: str, cloud: LocalCloud
) -> None:
    put(cloud, name, body, folder)

    file = store(cloud, prefix).read()

    assert file is not None
    assert [rule.contact.addresses for rule in file.rules] == [("a@example.com",)]
    assert file.problems == ()
    assert file.place == f"s3://{BUCKET}/{folder}{name}"
    assert file.version


def test_it_is_read_again_only_when_it_is_another(cloud: LocalCloud) -> None:
    put(cloud, "owners.yaml")
    kept = store(cloud)
    first = kept.read()
    assert kept.read() is first
    assert reads(cloud) == 1

    put(cloud, "owners.yaml", YAML.replace(b"a@", b"b@"))
    second = kept.read()

    assert reads(cloud) == 2
    assert first is not None
    assert second is not None
    assert second.version != first.version
    assert second.rules[0].contact.addresses == ("b@example.com",)


def test_two_files_are_none_and_named(cloud: LocalCloud) -> None:
    put(cloud, "owners.yaml")
    put(cloud, "owners.csv", b"addresses\na@example.com\n")

    file = store(cloud).read()

    assert file is not None
    assert file.rules == ()
    assert [*map(str, file.problems)] == ["owners.csv is there, too: delete one of the two"]


def test_a_file_whose_name_is_misspelt_is_not_overlooked(cloud: LocalCloud) -> None:
    put(cloud, "owners.yml")

    file = store(cloud).read()

    assert file is not None
    assert file.rules == ()
    assert [*map(str, file.problems)] == ["name it owners.yaml"]


def test_an_address_that_is_not_allowed_is_named(cloud: LocalCloud) -> None:
    put(cloud, "owners.csv", b"addresses\na@elsewhere.example\n")

    file = store(cloud).read()

    assert file is not None
    assert "AllowedOwnerDomains" in str(file.problems[0])


@pytest.mark.parametrize("call", ["ListObjectsV2", "GetObject"])
def test_what_cannot_be_read_is_not_none(call: str, cloud: LocalCloud) -> None:
    put(cloud, "owners.yaml")
    denied = cloud.deny(MANAGEMENT_ACCOUNT, call)
    with pytest.raises(Denied):
        store(cloud).read()
    denied.times = 0
    cloud.throttle(MANAGEMENT_ACCOUNT, call)
    with pytest.raises(Throttled):
        store(cloud).read()


def test_a_file_of_this_machine_is_read_as_one_in_the_bucket(tmp_path: Path) -> None:
    path = tmp_path / "o.csv"
    path.write_bytes(b"addresses\na@example.com\nb@elsewhere.example\n")

    file = LocalOwnersFile(
        path, option="--owners-file", allows=lambda address: "elsewhere" not in address
    ).read()

    assert [rule.contact.addresses for rule in file.rules] == [("a@example.com",)]
    assert len(file.problems) == 1
    assert file.place == str(path)


@pytest.mark.parametrize(
    ("name", "said"),
    [("gone.yaml", "cannot be read: No such file"), ("owners.txt", "must end in .yaml or .csv")],
)
def test_a_file_of_this_machine_that_cannot_be_read_is_refused(
    name: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidValue, match=said):
        LocalOwnersFile(tmp_path / name, option="--owners-file")
