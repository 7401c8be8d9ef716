"""
`keyturn plan --all`, as its operator types it, in one account of the demo's company.

The AWS is the demo's, on its first day; the command is the command.
"""

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Final
from unittest.mock import patch

from keyturn_sandbox.emulator.hermetic import hermetic

ACCOUNT: Final = "data-platform-prod"
DAY: Final = datetime(2026, 3, 2, 5, tzinfo=UTC)


_MADE_BY: Final = "generate_access_key_id_from_account_id"


def _ids() -> Callable[..., str]:
    """Ids of 20 characters that say what they are."""
    numbers = count()
    return lambda *_, **__: f"AKIA{next(numbers):09}EXAMPLE"


def main() -> None:
    """Make the company, and run the command in it. Raises SystemExit with its code."""
    with hermetic():
        from moto.iam import models  # noqa: PLC0415 -- moto: see hermetic

        from keyturn.cli.app import app  # noqa: PLC0415 -- moto: see hermetic
        from keyturn_sandbox.emulator.cloud import LocalCloud  # noqa: PLC0415 -- moto: see hermetic
        from keyturn_sandbox.simulation.deployment import MEMBER_ROLE  # noqa: PLC0415 -- moto: see hermetic
        from keyturn_sandbox.simulation.people import build  # noqa: PLC0415 -- moto: see hermetic

        # So that nobody takes a recorded id for one of a real key.
        with patch.object(models, _MADE_BY, _ids()), LocalCloud(now=DAY) as cloud:
            company = build(cloud, seed=1, member_role=MEMBER_ROLE)
            [account] = (each for each in company.accounts if each.name == ACCOUNT)
            credentials = cloud.session(account.account_id).get_credentials()
            if credentials is None:
                raise SystemExit("the emulator gave no credentials")
            os.environ |= {  # noqa: TID251 -- it is the operator's, made here
                "AWS_ACCESS_KEY_ID": str(credentials.access_key),
                "AWS_SECRET_ACCESS_KEY": str(credentials.secret_key),
                "AWS_SESSION_TOKEN": str(credentials.token),
                "AWS_REGION": "us-east-1",
            }
            app(sys.argv[1:] or ["plan", "--all"])


if __name__ == "__main__":
    main()
