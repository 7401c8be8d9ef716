"""
The events on the bus: a head that all have in common, and the detail of each.

None of ours reads one, but for `Notices Due`, that is `digest`, behind `notices_due`; and
`Digest Due`, that is `digest_of_day`, behind `digest_due`.
"""

from typing import Final, Literal, TypedDict

from keyturn.domain.events import Digest, Event
from keyturn.domain.exemption import ExemptionChange, GroupChange
from keyturn.domain.result import AccountResult, Failure
from keyturn.domain.secret_life import SecretDecision
from keyturn.schemas.account import AccountId, Counts, Failed, write_counts
from keyturn.schemas.decision import Decided
from keyturn.schemas.digest import DigestForm, write_digest
from keyturn.schemas.digest_of_day import DigestDue

VERSION: Final = 1
"""Of every detail; it changes only when a reader would have to."""


class _Head(TypedDict):
    version: Literal[1]
    run: str
    account: AccountId
    dry_run: bool


class KeyDetail(_Head, Decided):
    """What became of a key."""


class Secret(TypedDict):
    """
    What became of a secret that nobody needs any more.

    user_gone: no user of its name and id lives. sentence: why, for people.
    """

    secret: str
    user: str
    user_gone: bool
    sentence: str


class SecretDetail(_Head, Secret):
    """That the deletion of a secret was scheduled."""


class FailureDetail(_Head, Failed):
    """What went wrong."""


class Counted(TypedDict):
    """What the end of a run tells."""

    counts: Counts


class RunDetail(_Head, Counted):
    """The end of a run over an account."""


class Exemption(TypedDict):
    """What a change of the exemption group tells; of the rest, null is told."""

    change: GroupChange
    group: str
    user: str | None
    policy: str | None
    other_group: str | None
    by: str


class ExemptionDetail(_Head, Exemption):
    """A change of the exemption group."""


class Notices(TypedDict):
    """What asks for a mail."""

    digest: DigestForm


class NoticesDetail(_Head, Notices):
    """That a mail is to be sent."""


class DigestDetail(_Head, DigestDue):
    """That the administrators' mail of a day is to be sent."""


def write_event(event: Event) -> dict[str, object]:
    """The whole detail of an event, as JSON has it: the head, and its own."""
    head: _Head = {
        "version": VERSION,
        "run": event.run.id,
        "account": event.run.account.id,
        "dry_run": event.run.dry_run,
    }
    return {**head, **event.detail}


def write_failure(failure: Failure) -> Failed:
    """A failure; its message names the user, for it is read alone."""
    return {"user": failure.user, "message": str(failure)}


def write_counted(result: AccountResult) -> Counted:
    """The end of a run."""
    return {"counts": write_counts(result)}


def write_exemption(change: ExemptionChange) -> Exemption:
    """A change of the exemption group."""
    return {
        "change": change.change,
        "group": change.group,
        "user": change.user,
        "policy": change.policy,
        "other_group": change.other_group,
        "by": change.by,
    }


def write_secret(decided: SecretDecision) -> Secret:
    """A secret whose deletion was scheduled."""
    return {
        "secret": decided.name,
        "user": decided.user,
        "user_gone": decided.is_of_gone,
        "sentence": decided.sentence,
    }


def write_notices(digest: Digest) -> Notices:
    """The detail that asks for a mail to one recipient."""
    return {"digest": write_digest(digest)}
