"""What a command still needs: all of it is said at once."""

from collections.abc import Mapping

from keyturn.cli.streams import can_ask
from keyturn.domain.errors import InvalidValue

WHICH_KMS_KEY = (
    " with --role-name and --enforce: a secret under another KMS key than the functions' is not "
    "theirs (aws/secretsmanager is AWS's own). --deployed takes theirs"
)
WHICH_SEAL_KEY = (
    " with --enforce: without it Keyturn cannot tell which secrets are its own. "
    "--deployed takes the functions'"
)
TO_TELL = " with --enforce: a key is rotated, disabled or deleted only if its owner is notified"
_NEEDS_YES = "needs --yes where there is no terminal to ask on"

Needs = Mapping[str, str]
"""The options that are missing; behind each how its "is needed" goes on."""


def asks_first(*, enforce: bool, yes: bool, needs: Needs | None = None) -> bool:
    """
    Whether the operator is to be asked.

    Raises InvalidValue, which names each option that is missing, or that there is nobody to ask.
    """
    asks = enforce and not yes
    lines = [("--enforce", _NEEDS_YES)] if asks and not can_ask() else []
    options: dict[str, list[str]] = {}
    for option, why in (needs or {}).items():
        options.setdefault(why, []).append(option)
    for why, of_one in options.items():
        lines.append((", ".join(of_one), f"{'is' if len(of_one) == 1 else 'are'} needed{why}"))
    if lines:
        (option, rule), *others = lines
        raise InvalidValue(option, "", "; ".join([rule, *map(": ".join, others)]))
    return asks


def to_enforce(needs: Needs) -> str:
    """What a dry run says of the run that it promises."""
    if not needs:
        return "--enforce does it."
    *others, last = needs
    return f"--enforce also needs {' and '.join(filter(None, (', '.join(others), last)))}."
