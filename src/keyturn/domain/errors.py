"""
Every error that Keyturn raises, as a tree.

KeyturnError
├── InvalidValue              the operator gave a wrong value; nothing was done
├── Stale                     it comes too late to be done or told, and was dropped
├── PortError                 something outside answered otherwise than we need
│   ├── NotFound              it says that the thing does not exist
│   │   └── NoSuchUser        … and that it is a user, or something given for one
│   ├── AlreadyThere          it says that the thing exists already
│   ├── Refused               it says no, for good: nothing was changed
│   │   ├── Denied            … because we lack the permission
│   │   ├── Gone              … and wants to be asked no more
│   │   ├── NoSuchRecipient   … because the channel does not know whom it is for
│   │   ├── KeyLimitReached   … because the user has two access keys
│   │   └── WriteStopped      … we do, for nobody can tell whether the user is exempt
│   │       └── Exempted      … or because they are
│   ├── AccountUnreachable    the role in the account could not be assumed
│   ├── Throttled             it says no for now: nothing was changed
│   │   └── RateExceeded      … because of too many in a short time: in a moment it says yes
│   └── Unavailable           no clear answer: it may or may not have happened
├── KeyLeaked                 AWS says that a user's key leaked: somebody has to revoke it
├── OwnerNotKnown             nobody can say who answers for keys: what they must hear of waits
├── CreationDenied            the account forbids new access keys; nothing was created
├── SecretNotStored           a new key could not be delivered and was taken back
├── DeliveryUnclear           a new key may exist; the next runs repair it
├── ClockOff                  our clock is not AWS's; no key was made
├── Unexpected                a fault of Keyturn's own ended one user's part of a run
├── AnotherRun                another run is at work on the same user, who was left to it
├── ChangedMeanwhile          a key is no longer what the decision was made about
├── OrderNotDone              what an operator ordered was not done, or not all of it
├── SkippedAccount            an account was left alone, with the reason
├── Paused                    an operator stopped every write; nothing more was written
├── NobodyReached             whom notices are for cannot be reached, and nobody stands in
├── ClaimInProgress           another notifier is sending the same notice right now
├── NoTimeLeft                an invocation ends soon, so this was not begun; try again
├── NoticesNotSent            a part of a notice was not sent or noted down; try again
├── DeploymentFailed          a step of a deployment did not succeed; the steps before it stand
└── MissingExtra              a part of the package is not installed
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from keyturn.domain.amounts import pluralize
from keyturn.domain.reading import shortened


class KeyturnError(Exception):
    """The root of the tree."""


class InvalidValue(KeyturnError):
    """A setting, option or event holds what the rule forbids; nothing was done."""

    def __init__(self, field: str, value: object, rule: str) -> None:
        super().__init__(f"{field}={shortened(value)}: {rule}")
        self.field = field
        self.value = value
        self.rule = rule


class Stale(KeyturnError):
    """It was asked for so long ago that the world is another now; it was dropped."""


class PortError(KeyturnError):
    """Something outside answered otherwise than we need; says which call and which code."""


class NotFound(PortError):
    """The thing does not exist."""


class NoSuchUser(NotFound):
    """The account has no such user; hint says what may have been meant."""

    def __init__(self, name: str, hint: str = "") -> None:
        super().__init__(f"the account has no user {name}{hint}")
        self.hint = hint


class AlreadyThere(PortError):
    """The thing exists already."""


class Refused(PortError):
    """A definite no: nothing was changed."""


class Denied(Refused):
    """We lack the permission: nothing was changed."""


class Gone(Refused):
    """Who was to get it wants nothing more: it was not taken, and nothing else will be."""


class NoSuchRecipient(Refused):
    """The channel has nobody of that address: nothing was sent, and to try again is no use."""


class KeyLimitReached(Refused):
    """The user has two access keys already: nothing was changed."""


class WriteStopped(Refused):
    """Whether the user is exempt by now could not be read: the write was not sent."""


class Exempted(WriteStopped):
    """The user was exempted since it was decided: the write was not sent."""

    def __init__(self, user: str) -> None:
        super().__init__(f"{user} was exempted meanwhile: nothing more was written")


class AccountUnreachable(PortError):
    """The role in the account could not be assumed: nothing was read or written there."""


class Throttled(PortError):
    """Too many requests: nothing was changed, later it may work."""


class RateExceeded(Throttled):
    """Too many in too short a time: nothing was changed, and in a moment it may work."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds to wait, where whoever refused names them."""


class Unavailable(PortError):
    """No clear answer: it may or may not have happened."""


class KeyLeaked(KeyturnError):
    """AWS found a key of a user in public; nothing was done, for an operator has to revoke it."""


class OwnerNotKnown(KeyturnError):
    """Nobody can say who answers for a user's keys; what they must hear of first was not done."""


class CreationDenied(KeyturnError):
    """A policy of the account or the organisation forbids new access keys; nothing was created."""


class SecretNotStored(KeyturnError):
    """
    A key was created, but its secret was refused by Secrets Manager.

    The key has been deleted again: its owner is where they were before.
    """

    def __init__(self, user: str, key_id: str, why: str) -> None:
        super().__init__(
            f"the new key {key_id} of {user} could not be stored and was deleted again: {why}"
        )
        self.user = user
        self.key_id = key_id


class DeliveryUnclear(KeyturnError):
    """
    A key may have been created without its secret being stored.

    The intent stays on the record; a run at least 15 minutes later finishes or undoes it.
    """

    def __init__(self, user: str, why: str, key_id: str | None = None) -> None:
        made = f" (its new key is {key_id})" if key_id else ""
        super().__init__(
            f"the rotation of {user} is unfinished{made}, the next runs repair it: {why}"
        )
        self.user = user
        self.key_id = key_id
        """The new key, where its id is known."""


class ClockOff(KeyturnError):
    """Our clock differs from AWS's by more than a rotation can bear; nothing was created."""

    def __init__(self, off: timedelta) -> None:
        super().__init__(
            f"the clock here is {off.total_seconds():.0f} s off AWS's: no key was made; set it"
        )


class Unexpected(KeyturnError):
    """
    A fault of Keyturn's own ended one user's part of a run; the record says how far it got.

    It names the kind of the fault and its place: its message could hold anything.
    """

    def __init__(self, error: Exception) -> None:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace else "nowhere"
        super().__init__(f"{type(error).__name__} in {place}: this is a bug of Keyturn's")


class AnotherRun(KeyturnError):
    """Another run is at work on the same user; what it does needs no help of ours."""


class ChangedMeanwhile(KeyturnError):
    """A key is no longer what the decision was made about; it was left as it is."""


class OrderNotDone(KeyturnError):
    """What an operator ordered was not done, or not all of it; the message says what stands."""


class SkippedAccount(KeyturnError):
    """An account was left alone; nothing was written in it."""


class Paused(KeyturnError):
    """An operator stopped every write: from then on nothing was written."""

    def __init__(self, by: str, at: datetime, why: str) -> None:
        super().__init__(
            f"{by} paused Keyturn at {at:%Y-%m-%d %H:%MZ} ({why}): nothing is written"
        )


class MissingExtra(KeyturnError):
    """A part of the package that this command needs is not installed."""


class DeploymentFailed(KeyturnError):
    """
    A step of a deployment did not succeed; the steps before it stand, CloudFormation took it back.

    To deploy again is safe: what stands is left as it is.
    """


class NobodyReached(KeyturnError):
    """
    The administrators are the owners of keys, for nobody else is, and no mail reaches them.

    To try again would change nothing: their keys end when somebody can be notified.
    """

    def __init__(self, admin: str, keys: Sequence[str]) -> None:
        end, whose = ("ends", "its") if len(keys) == 1 else ("end", "their")
        super().__init__(
            f"{pluralize(len(keys), 'key')} {end} nowhere: {whose} notices reach nobody. No other "
            f"source has an address, and mails to the administrators' own ({admin}) came back, or "
            "SES sends nothing to it"
        )
        self.keys = tuple(keys)
        """Their ids."""


class ClaimInProgress(KeyturnError):
    """Another notifier is sending the same notice right now; later it will have, or not."""


class NoTimeLeft(KeyturnError):
    """The invocation ends soon: this was not begun, and is left to the next one."""


class NoticesNotSent(KeyturnError):
    """
    A part of a notice could not be sent, or not be noted down; the rest was sent.

    To try again is safe: what is noted down as sent is not sent twice.
    """

    def __init__(self, errors: Sequence[KeyturnError]) -> None:
        super().__init__("; ".join(str(error) for error in errors))
        self.errors = tuple(errors)
