"""What the tests of the local AWS ask again and again."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

HUB = "222222222222"
MEMBER = "333333333333"


def refusal(call: Callable[..., Any], **params: object) -> str:
    """Make a call that AWS refuses, and give the error's code."""
    with pytest.raises(ClientError) as refused:
        call(**params)
    code: str = refused.value.response["Error"]["Code"]
    return code
