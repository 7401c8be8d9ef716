"""A plan, or what became of it: what `plan` and `run` write with `--format json`."""

from typing import Literal, TypedDict

from keyturn.domain.decision import Action
from keyturn.domain.owner import OwnerSource
from keyturn.schemas.account import AccountFound, AccountId, Moment
from keyturn.schemas.decision import Decided


class DoneStep(TypedDict):
    """A step that was carried out."""

    user: str
    key: str
    action: Action
    new_key: str | None


class Planned(Decided):
    """What was decided for one key, and whose it is; the owner is null where none is known."""

    owner: str | None
    owner_source: OwnerSource


class LeftoverSecret(TypedDict):
    """A secret whose user is gone, or is called otherwise by now."""

    secret: str
    user: str
    user_id: str | None
    now_called: str | None
    empty: bool
    to_be_deleted: bool


class AccountReport(AccountFound):
    """One account of a plan, and what was done in it."""

    name: str
    decisions: list[Planned]
    secrets_without_user: list[LeftoverSecret] | None
    done: list[DoneStep]
    left: list[str]


class Skipped(TypedDict):
    """An account that was not looked at."""

    account: AccountId
    name: str
    reason: str


class PlanFile(TypedDict):
    """What `plan` and `run` write with `--format json`."""

    version: Literal[1]
    generated_at: Moment
    dry_run: bool
    policy: dict[str, int | bool | list[int] | None]
    accounts: list[AccountReport]
    skipped: list[Skipped]
    failures: list[str]
