"""Away from whoever runs the sandbox: none of their settings of AWS or a proxy reaches it."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from unittest.mock import patch

_THEIRS = ("AWS_", "BOTO", "MOTO_", "POWERTOOLS_", "TEST_SERVER_")
"""How the variables begin by which AWS's SDK, moto and the functions' logger are told things."""
_NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE")
_NOWHERE = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "BOTO_CONFIG": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def hermetic() -> Generator[None]:
    """
    Take the user's settings away for a while, in the environment, in files and in folders.

    Enter it before moto is imported: that reads some of them once and for all.
    """
    with patch.dict(os.environ):
        for name in list(os.environ):
            if name.upper().startswith(_THEIRS) or name.upper() in _NETWORK:
                del os.environ[name]
        os.environ.update(_NOWHERE)
        from botocore.loaders import Loader  # noqa: PLC0415 -- see above

        # ~/.aws/models, where people keep models of services that are theirs alone.
        with patch.object(Loader, "CUSTOMER_DATA_PATH", os.devnull):
            yield
