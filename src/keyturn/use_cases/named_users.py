"""Users that were asked for by name, and are not in the account."""

from collections.abc import Iterator
from contextlib import suppress

from keyturn.domain.errors import NoSuchUser, PortError
from keyturn.domain.names import KEY_ID
from keyturn.domain.result import Failure, Request
from keyturn.ports import AccessKeys


def missing_users(keys: AccessKeys, request: Request, present: set[str]) -> Iterator[Failure]:
    """Name the users that were asked for and are not there, and what may have been meant."""
    asked = (request.named or set()) | ({request.forced} if request.forced else set())
    for name in sorted(asked - present):
        yield Failure(error=NoSuchUser(name, _hint(keys, name, present)), user=name)


def _hint(keys: AccessKeys, name: str, present: set[str]) -> str:
    """What may have been meant: another case, an ARN, the id of a key."""
    near = _last_part(name)
    for other in sorted(present):
        if other.casefold() == near:
            return f"; did you mean {other}?"
    if KEY_ID.fullmatch(name):
        with suppress(PortError):
            return f"; that key is {keys.owner_of(name)}'s: give the user's name"
    return ""


def _last_part(name: str) -> str:
    """A user's name without what an ARN or a path has before it; IAM's names know no case."""
    return name.strip().rsplit("/", 1)[-1].casefold()
