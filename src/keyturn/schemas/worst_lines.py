"""A list of a report, the worst lines of it, for programs."""

from dataclasses import replace
from typing import Final, TypedDict

from keyturn.domain import names
from keyturn.domain.days import FIRST, LAST
from keyturn.domain.decision import Action
from keyturn.domain.plain_text import cut, shown
from keyturn.domain.worst_lines import LONGEST, DigestLine, DigestList
from keyturn.schemas.account import AccountId, Count
from keyturn.schemas.decision import Day

LONGEST_NAME_SHOWN: Final = 128
"""Characters of an account's or a user's name: AWS takes 64 at most."""


class LineFile(TypedDict):
    """One thing to know: of an account, a user, a key; day: the date that it is about."""

    account: AccountId
    name: str
    user: str | None
    key: str | None
    what: str
    day: Day | None
    action: Action | None


class ListFile(TypedDict):
    """How many there are, and the worst of them, the worst first."""

    total: Count
    worst: list[LineFile]


def write_list(found: DigestList) -> ListFile:
    """The form of a list."""
    return {"total": found.total, "worst": [_line(each) for each in found.worst]}


def _line(line: DigestLine) -> LineFile:
    return {
        "account": line.account,
        "name": line.name,
        "user": line.user,
        "key": line.key_id,
        "what": line.what,
        "day": line.day.isoformat() if line.day else None,
        "action": line.action,
    }


def cleaned(found: DigestList, lines: int) -> DigestList:
    """
    So many lines of a list as its reader takes them, whatever is in it.

    A line that is of no account is counted, and not shown.
    """
    worst = [_clean_line(each) for each in found.worst if names.ACCOUNT_ID.fullmatch(each.account)]
    return replace(found, worst=tuple(worst[:lines]))


def _clean_line(line: DigestLine) -> DigestLine:
    return replace(
        line,
        name=shown(line.name)[:LONGEST_NAME_SHOWN],
        user=shown(line.user)[:LONGEST_NAME_SHOWN] if line.user else None,
        key_id=line.key_id if names.KEY_ID.fullmatch(line.key_id or "") else None,
        what=cut(shown(line.what), LONGEST),
        day=line.day if line.day and FIRST.date() <= line.day <= LAST.date() else None,
    )
