"""The functions' zips in an installation: smaller than five zips, and the same when joined."""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256

import pytest

from keyturn.deployment.model.zip_parts import ZipParts
from keyturn.domain.errors import DeploymentFailed

NOISE = b"".join(sha256(bytes([each % 256, each // 256])).digest() for each in range(3125))
"""What all zips hold, and what cannot be packed."""


def packed(entries: Mapping[str, bytes], comment: bytes = b"") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name), content)
        archive.comment = comment
    return file.getvalue()


SHARED = {"boto3/a.py": NOISE[:60_000], "boto3/b.py": NOISE[60_000:], "boto3/empty.py": b""}
ZIPS = {
    "rotation.zip": packed({"a.py": b"a", **SHARED, "rotation.py": b"r"}),
    "notifier.zip": packed({**SHARED, "notifier.py": b"n"}),
    "alone.zip": packed({"alone.py": b"x" * 100}, comment=b"said at its end"),
    "empty.zip": packed({}),
}


def there_and_back() -> ZipParts:
    parts = ZipParts.cut(ZIPS)
    return ZipParts.read(parts.write_index(), parts.pieces)


@pytest.mark.parametrize("name", ZIPS)
def test_a_zip_that_is_joined_is_the_one_that_was_cut(name: str) -> None:
    assert there_and_back().join(name) == ZIPS[name]


def test_what_two_zips_hold_is_stored_once() -> None:
    parts = ZipParts.cut(ZIPS)

    assert len(parts.pieces) < len(NOISE) + 3_000
    assert len(parts.write_index()) < 1_000  # pieces that follow each other are one


def test_a_piece_that_was_changed_makes_no_zip() -> None:
    parts = there_and_back()
    at = parts.pieces.index(NOISE[1_000:1_020])
    changed = replace(parts, pieces=parts.pieces[:at] + b"?" + parts.pieces[at + 1 :])

    with pytest.raises(DeploymentFailed, match=r"rotation\.zip is not what was built .* again"):
        changed.join("rotation.zip")

    assert changed.join("alone.zip") == ZIPS["alone.zip"]


def test_a_zip_that_is_not_there_is_refused() -> None:
    with pytest.raises(DeploymentFailed, match=r"other\.zip is not what was built"):
        there_and_back().join("other.zip")


@pytest.mark.parametrize(
    "index",
    [
        "",
        "[]",
        '{"rotation.zip": {}}',
        '{"rotation.zip": null}',
        json.dumps({"rotation.zip": {"sha256": "0", "pieces": [["a", "b"]]}}),
        json.dumps({"rotation.zip": {"sha256": "0", "pieces": [[1]]}}),
    ],
)
def test_a_damaged_list_is_named(index: str) -> None:
    with pytest.raises(DeploymentFailed, match="the list of the functions' zips is not what"):
        ZipParts.read(index, b"")
