"""The operators' mail templates, as they lie in the bucket."""

from collections.abc import Iterator

import pytest

from keyturn.adapters.s3_templates import S3Templates
from keyturn.domain.errors import Denied, Refused
from keyturn_sandbox.emulator.cloud import MANAGEMENT_ACCOUNT, LocalCloud
from tests.use_cases.harness import START

BUCKET = "keyturn-bucket"


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(now=START) as cloud:
        cloud.add_role(MANAGEMENT_ACCOUNT, "notifier", MANAGEMENT_ACCOUNT)
        cloud.session(MANAGEMENT_ACCOUNT).client("s3").create_bucket(Bucket=BUCKET)
        yield cloud


def put(cloud: LocalCloud, name: str, body: bytes) -> None:
    cloud.session(MANAGEMENT_ACCOUNT).client("s3").put_object(Bucket=BUCKET, Key=name, Body=body)


def templates(cloud: LocalCloud, prefix: str = "asa/keyturn") -> S3Templates:
    s3 = cloud.role_session(MANAGEMENT_ACCOUNT, "notifier").client("s3")
    return S3Templates(s3, bucket=BUCKET, prefix=prefix)


@pytest.mark.parametrize("prefix", ["", "asa/keyturn", "/asa/keyturn/"])
def test_templates_go_by_their_names_below_the_folder(prefix: str, cloud: LocalCloud) -> None:
    folder = f"{prefix.strip('/')}/Template/".removeprefix("/")
    put(cloud, f"{folder}owner/body.txt", "Grüße".encode())
    put(cloud, f"{folder}owner/body.html", b"<p>")

    found = templates(cloud, prefix).read()

    assert found == {"owner/body.txt": "Grüße", "owner/body.html": "<p>"}


def test_what_else_lies_there_is_no_template(cloud: LocalCloud) -> None:
    for name in ("asa/keyturn/Template/", "asa/keyturn/Template/notes.md", "asa/Template/a.txt"):
        put(cloud, name, b"?")
    put(cloud, "asa/keyturn/template/owner/body.txt", b"S3 knows upper from lower case")

    assert templates(cloud).read() == {}


def test_templates_go_on_beyond_the_first_page(cloud: LocalCloud) -> None:
    for number in range(1000):
        put(cloud, f"asa/keyturn/Template/{number:04}.md", b"?")
    put(cloud, "asa/keyturn/Template/owner/body.txt", b"?")

    assert templates(cloud).read() == {"owner/body.txt": "?"}


@pytest.mark.parametrize(
    ("body", "why"), [(b"\xff\xfe", "is not UTF-8"), (b"x" * (256 * 1024 + 1), "262145 bytes")]
)
def test_what_can_be_no_template_is_named(body: bytes, why: str, cloud: LocalCloud) -> None:
    put(cloud, "asa/keyturn/Template/owner/body.txt", body)

    with pytest.raises(Refused, match=f"Template/owner/body.txt.*{why}"):
        templates(cloud).read()


@pytest.mark.parametrize("operation", ["ListObjectsV2", "GetObject"])
def test_denied_is_never_taken_for_nothing(operation: str, cloud: LocalCloud) -> None:
    put(cloud, "asa/keyturn/Template/owner/body.txt", b"?")
    cloud.deny(MANAGEMENT_ACCOUNT, operation)

    with pytest.raises(Denied):
        templates(cloud).read()


def test_the_largest_template_is_read(cloud: LocalCloud) -> None:
    largest = b"x" * 256 * 1024
    put(cloud, "asa/keyturn/Template/owner/body.txt", largest)

    assert templates(cloud).read() == {"owner/body.txt": largest.decode()}


def test_more_files_than_anybody_needs_are_refused(cloud: LocalCloud) -> None:
    for number in range(201):
        put(cloud, f"asa/keyturn/Template/words/{number}.txt", b"?")

    with pytest.raises(Refused, match="has 201 templates, the most are 200"):
        templates(cloud).read()
