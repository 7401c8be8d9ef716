"""
A plan, or what became of it: what `plan` and `run` write with `--format json`.

And what an operator approves of: of a plan that is read back, its lines count alone.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, Literal, TypedDict

from marshmallow import ValidationError, validate
from marshmallow import fields as rules

from keyturn.domain.decision import Action, Reason
from keyturn.domain.errors import InvalidValue
from keyturn.domain.key import Account
from keyturn.domain.leftover import Leftover
from keyturn.domain.narrowing import Approved
from keyturn.domain.owner import Owner, OwnerSource
from keyturn.domain.policy import RotationPolicy, parameter
from keyturn.domain.reading import NotReadableError, read_json
from keyturn.domain.result import AccountResult
from keyturn.domain.secret_life import SecretStep
from keyturn.domain.tag_text import format_utc
from keyturn.schemas.account import AccountFound, Moment, Skipped, write_skipped
from keyturn.schemas.answer import write_answer
from keyturn.schemas.decision import Day, Decided
from keyturn.schemas.rules import ACCOUNT_ID, LenientSchema, first_wrong

VERSION: Final = 1
"""Of JSON and CSV; a change that a reader could stumble over makes it 2."""


class DoneStep(TypedDict):
    """A step that was carried out."""

    user: str
    key: str
    action: Action
    new_key: str | None


class Planned(Decided):
    """
    What was decided for one key, and whose it is; the owner is null where none is known.

    owner_rejected: what was found of an owner and does not serve, a sentence each.
    """

    owner: str | None
    owner_source: OwnerSource
    owner_rejected: list[str]


class LeftoverSecret(TypedDict):
    """A secret whose user is gone, or is called otherwise by now."""

    secret: str
    user: str
    user_id: str | None
    now_called: str | None
    empty: bool
    to_be_deleted: bool


class PlannedSecret(TypedDict):
    """
    What is decided about a secret (RemoveSecretsAfter).

    day: from which it can be scheduled for deletion, or is looked at again; null: nobody can say.
    needs_look: a fact is missing, or a person has to act. done: it was carried out.
    """

    secret: str
    user: str
    user_gone: bool
    step: SecretStep
    sentence: str
    day: Day | None
    needs_look: bool
    done: bool


class AccountReport(AccountFound):
    """
    One account of a plan, and what was done in it.

    enforced: whether a run that enforces does so here; false where EnforcedAccounts does not
    reach, so that it stays in dry run.
    """

    name: str
    enforced: bool
    decisions: list[Planned]
    secrets_without_user: list[LeftoverSecret] | None
    secrets: list[PlannedSecret] | None
    done: list[DoneStep]
    left: list[str]


class PlanFile(TypedDict):
    """What `plan` and `run` write with `--format json`."""

    version: Literal[1]
    generated_at: Moment
    dry_run: bool
    policy: dict[str, int | bool | str | list[int] | list[str] | None]
    accounts: list[AccountReport]
    skipped: list[Skipped]
    failures: list[str]


# Its writer


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFrame:
    """What a plan says beside its accounts."""

    at: datetime
    """When it was made, UTC."""
    dry_run: bool
    policy: RotationPolicy
    skipped: Sequence[tuple[Account, str]] = ()
    """The accounts that were not looked at, and why."""
    failures: Sequence[str] = ()
    """What went wrong and belongs to no account."""


def write_plan(frame: PlanFrame, accounts: list[AccountReport]) -> str:
    """The file of a plan, a JSON text."""
    document: PlanFile = {
        "version": VERSION,
        "generated_at": format_utc(frame.at),
        "dry_run": frame.dry_run,
        "policy": {
            parameter(each.name): getattr(frame.policy, each.name) for each in fields(frame.policy)
        },
        "accounts": accounts,
        "skipped": write_skipped(frame.skipped),
        "failures": list(frame.failures),
    }
    return json.dumps(document, indent=2) + "\n"


def write_account(result: AccountResult) -> AccountReport:
    """An account of a plan."""
    answer = write_answer(result)
    return {
        "account": answer["account"],
        "name": result.plan.run.account.name,
        "enforced": result.plan.run.held is None,
        "run": answer["run"],
        "decisions": [
            write_planned(decision, result.plan.owner_of(decision["user"]))
            for decision in answer["decisions"]
        ],
        "secrets_without_user": _leftovers(result.plan.leftovers),
        "secrets": write_secrets(result),
        "failures": answer["failures"],
        "quarantined": answer["quarantined"],
        "warnings": answer["warnings"],
        "counts": answer["counts"],
        "done": [
            {
                "user": outcome.decided.user.name,
                "key": done.decision.key_id,
                "action": done.decision.action,
                "new_key": done.new_key,
            }
            for outcome in result.outcomes
            for done in outcome.done
            if done.is_reported
        ],
        "left": list(result.left),
    }


def _leftovers(found: Iterable[Leftover] | None) -> list[LeftoverSecret] | None:
    """The secrets without a living user; null: nobody looked."""
    if found is None:
        return None
    return [
        {
            "secret": each.name,
            "user": each.user,
            "user_id": each.user_id,
            "now_called": each.now_called,
            "empty": each.is_empty,
            "to_be_deleted": each.is_leaving,
        }
        for each in found
    ]


def write_secrets(result: AccountResult) -> list[PlannedSecret] | None:
    """What is decided about the secrets; null: nobody looked, or they could not be listed."""
    if result.plan.secrets is None:
        return None
    done = {each.name for each in result.secrets_done}
    return [
        {
            "secret": each.name,
            "user": each.user,
            "user_gone": each.is_of_gone,
            "step": each.step,
            "sentence": each.sentence,
            "day": each.day.isoformat() if each.day else None,
            "needs_look": each.needs_look,
            "done": each.name in done,
        }
        for each in result.plan.secrets.decisions
    ]


def write_planned(decision: Decided, owner: Owner) -> Planned:
    """A decision, and who answers for its key."""
    return {
        **decision,
        "owner": owner.address,
        "owner_source": owner.source,
        "owner_rejected": [str(each) for each in owner.passed_over()],
    }


# Its reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvals:
    """A plan that somebody approved of."""

    name: str
    sha256: str
    """In hex: what `sha256sum` says of the file."""
    lines: Mapping[str, frozenset[Approved]]
    """Account id → what was approved of."""


ACTIONS: Final = validate.OneOf([*Action], error="must be one of {choices}")


class _Next(LenientSchema):
    action = rules.String(required=True, validate=ACTIONS)


class _Decision(LenientSchema):
    user = rules.String(required=True)
    key = rules.String(required=True)
    action = rules.String(required=True, validate=ACTIONS)
    reason = rules.String(required=True)
    next = rules.Nested(_Next, allow_none=True)


class _Account(LenientSchema):
    account = rules.String(required=True, validate=ACCOUNT_ID)
    decisions = rules.List(rules.Nested(_Decision), required=True)


class _Plan(LenientSchema):
    version = rules.Integer(
        required=True, validate=validate.Equal(VERSION, error="must be {other}")
    )
    accounts = rules.List(rules.Nested(_Account), required=True)


def read_plan(body: bytes, *, option: str, name: str) -> Approvals:
    """
    Read a plan.

    A line that waits over the cap stands for what it waits to do: whoever approves of it has
    seen it. Raises InvalidValue where it is no plan, in the name of the option and the file.
    """
    try:
        loaded: Mapping[str, Any] = _Plan().load(read_json(body))
    except (NotReadableError, ValidationError) as error:
        raise InvalidValue(option, name, _rule(error)) from None
    return Approvals(
        name=name,
        sha256=sha256(body).hexdigest(),
        lines={
            account["account"]: frozenset(_lines(account["decisions"]))
            for account in loaded["accounts"]
        },
    )


def _lines(decisions: list[Mapping[str, Any]]) -> Iterator[Approved]:
    for decision in decisions:
        action = decision["action"]
        if decision["reason"] == Reason.OVER_CAP and decision.get("next"):
            action = decision["next"]["action"]
        if action not in {Action.KEEP, Action.WAIT}:
            yield Approved(decision["user"], decision["key"], Action(action))


def _rule(error: NotReadableError | ValidationError) -> str:
    """What is wrong with it, and where: `accounts.0.decisions.3.key`."""
    if not isinstance(error, ValidationError):
        return str(error)
    path, rule = first_wrong(error)
    where = f"{'.'.join(path)}: " if path else ""
    return f"is no plan: {where}{rule}"
