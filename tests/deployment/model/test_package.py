"""The folder of the zips: of other contents another one, of the same always the same."""

import re
from dataclasses import replace

from tests.deployment.test_deploy import PACKAGE

ZIPS = {"inventory.zip": b"one", "rotation.zip": b"two"}


def folder(**zips: bytes) -> str:
    return replace(PACKAGE, zips={f"{name}.zip": body for name, body in zips.items()}).folder


def test_the_folder_is_named_by_sixteen_hex_digits_of_what_the_zips_hold() -> None:
    assert re.fullmatch(r"Lambda/[0-9a-f]{16}", replace(PACKAGE, zips=ZIPS).folder)
    assert folder(inventory=b"one", rotation=b"two") == folder(rotation=b"two", inventory=b"one")
    others = {
        folder(inventory=b"one", rotation=b"two"),
        folder(inventory=b"two", rotation=b"one"),
        folder(inventory=b"one"),
        folder(inventory=b"one", rotation=b"two", notifier=b""),
    }
    assert len(others) == 4
