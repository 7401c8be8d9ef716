"""What an operator means: a key's id, a user's or a role's name, and not the one for the other."""

import re

from keyturn.domain.errors import InvalidValue
from keyturn.domain.key import SESSIONS
from keyturn.domain.names import KEY_ID

_ROLE = re.compile(r"[\w+=,.@/-]+", re.ASCII)
"""The name of a role, behind its path if it has one."""


def is_key(who: str) -> bool:
    """Whether it is the id of an access key, and no user's name."""
    return KEY_ID.fullmatch(who) is not None and who.startswith(("AKIA", SESSIONS))


def check_who(who: str) -> None:
    """Raises InvalidValue for what is neither a user's name nor a key's id, but close to one."""
    near = who.strip().upper()
    if who != near and is_key(near):
        raise InvalidValue("USER|KEY", who, f"did you mean the key {near}?")
    check_is_no_session("USER|KEY", who)


def check_key(key: str) -> None:
    """Raises InvalidValue for what is no access key's id, and says what it seems to be."""
    near = key.strip().upper()
    if KEY_ID.fullmatch(key) is None:
        hint = (
            f"did you mean {near}?"
            if is_key(near)
            else "of a user, keyturn explain USER shows the keys"
        )
        raise InvalidValue("KEY", key, f"must be an access key's id; {hint}")
    check_is_no_session("KEY", key)


def check_is_no_session(argument: str, key: str) -> None:
    """Raises InvalidValue for the id of temporary credentials: they have no key of their own."""
    if is_key(key) and key.startswith(SESSIONS):
        rule = (
            "is of a session, and of no access key. CloudTrail's AssumeRole or GetSessionToken "
            "names the key (AKIA…) that opened it"
        )
        raise InvalidValue(argument, key, rule)


def check_role(name: str | None, option: str = "--role-name") -> None:
    """Raises InvalidValue for what is no role's name; None: none is given."""
    if name is not None and not _ROLE.fullmatch(name):
        raise InvalidValue(option, name, "must be a role's name, not its ARN")
