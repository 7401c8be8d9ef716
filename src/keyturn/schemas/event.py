"""The events on the bus."""

from typing import Literal, TypedDict

from keyturn.domain.exemption import GroupChange
from keyturn.schemas.account import AccountId, Counts, Failed
from keyturn.schemas.decision import Decided
from keyturn.schemas.digest import DigestForm


class _Head(TypedDict):
    version: Literal[1]
    run: str
    account: AccountId
    dry_run: bool


class KeyDetail(_Head, Decided):
    """What became of a key."""


class FailureDetail(_Head, Failed):
    """What went wrong."""


class RunDetail(_Head):
    """The end of a run over an account."""

    counts: Counts


class ExemptionDetail(_Head):
    """A change of the exemption group."""

    change: GroupChange
    group: str
    user: str | None
    policy: str | None
    other_group: str | None
    by: str


class NoticesDetail(_Head):
    """That a mail is to be sent."""

    digest: DigestForm
