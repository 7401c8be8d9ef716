"""
The story: one throw-away user, and all that becomes of their keys in minutes.

`STEPS` is the order, and is read aloud. What takes days is had by a clock that is days ahead for
this one user. A key is made by the true clock alone: the engine makes none where its clock is not
AWS's (decision 0016). Each step ends in one of three verdicts; none keeps the others from coming.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, NoReturn, TypeVar

from keyturn.domain.errors import (
    AccountUnreachable,
    Denied,
    InvalidValue,
    KeyturnError,
    NotFound,
    PortError,
    Throttled,
    Unavailable,
)
from keyturn.domain.ownership import is_same_key
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.record import LONGEST_RUN
from keyturn.domain.secret_names import INTENT_TAG, SEAL_TAG, version_id_for
from keyturn.rehearsal.model.delivered import DeliveredKey
from keyturn.rehearsal.model.own import Marks, RehearsalId, secret_of
from keyturn.rehearsal.model.verdict import Different, Finding, NotTried, Verdict
from keyturn.rehearsal.ports import (
    Decided,
    Engine,
    KeyHolder,
    Reader,
    Say,
    Sleep,
    Stage,
    Told,
    Turn,
)

LONGEST_WAIT: Final = 60.0
"""Seconds after which what AWS does not show counts as not there."""
LONGEST_DELIVERY: Final = 120.0
"""Seconds after which a mail counts as not delivered, as far as the rehearsal can tell."""
BETWEEN: Final = 3.0
"""Seconds between two looks."""
ORDERED_AFTER: Final = 2.0
"""Seconds between a key and the first order about it."""
DAY: Final = timedelta(days=1)
MINUTE: Final = timedelta(minutes=1)
_RECORD: Final = "keyturn:"
Answer = TypeVar("Answer")
_UNKNOWN: Final = (Denied, Throttled, Unavailable, AccountUnreachable)
"""Answers that say nothing about what was tried."""


@dataclass(slots=True, kw_only=True)
class Scene:
    """What the steps act on, and what they learn on the way."""

    id: RehearsalId
    marks: Marks
    stage: Stage
    engine: Engine
    reader: Reader
    key_holder: KeyHolder
    sleep: Sleep
    timer: Callable[[], float]
    """Seconds, of any beginning."""
    calls: Callable[[], int]
    """How many calls of AWS were made so far."""
    owns: Callable[[str], None]
    """Gets the id of each key that is the rehearsal's."""
    say: Say
    mail_to: str | None = None
    """An address where somebody reads; None: nobody does."""
    policy: RotationPolicy = field(default_factory=RotationPolicy)
    old: str = ""
    """The id of the first key."""
    new: str = ""
    """The id of the key that the engine made."""
    leaked: str = ""
    """The id of the key that is revoked, another user's."""
    untold: Turn | None = None
    """The rotation whose notice could not be sent; None: it could."""
    delivered: DeliveredKey | None = None
    ahead: timedelta = timedelta()
    """By how much the engine's clock was ahead when it was last asked."""

    @property
    def user(self) -> str:
        """Whose keys they are."""
        return self.id.name()

    @property
    def secret(self) -> str:
        """The name of their secret."""
        return secret_of(self.stage.account, self.user)

    def until(self, what: str, look: Callable[[], bool], longest: float = LONGEST_WAIT) -> float:
        """
        Look until it is so; gives how many seconds that took.

        Raises Different, which says what was waited for, when it is not so in time.
        """
        began, waited = self.timer(), 0.0
        while not look():
            if waited >= longest:
                raise Different(f"{what}: not so after {waited:.0f} seconds")
            if not waited:
                self.say(f"waiting until {what} …")
            self.sleep(BETWEEN)
            waited += BETWEEN
        return self.timer() - began


Play = Callable[[Scene], str]
"""Does a step and says what was seen. Raises Different, NotTried, or what the ports raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the story."""

    name: str
    title: str
    needs: tuple[str, ...] = ()
    """The steps that have to be as expected before it."""
    user: str = ""
    """Whose record is shown after it, as `RehearsalId.name` takes it; empty: the story's user."""
    play: Play


# --- the steps ----------------------------------------------------------------------------


def _with_a_key(scene: Scene, user: str) -> str:
    """Make a user and a key, and wait until IAM shows both; the key's id."""
    scene.stage.make_user(user, scene.marks)
    key = scene.stage.make_key(user)
    scene.owns(key)
    # An order is about keys that were made before its second.
    scene.sleep(ORDERED_AFTER)
    scene.until("IAM lists the user", lambda: scene.stage.is_listed(user))
    scene.until("IAM lists the key", lambda: key in scene.stage.keys(user))
    _wait_until_known(scene, key)
    return key


def _wait_until_known(scene: Scene, key: str) -> None:
    """An order asks IAM whose the key is, and a repair when it was last used."""
    try:
        scene.until("IAM says whose the key is", lambda: scene.stage.is_known(key))
    except Different as error:
        # To a key that it does not know IAM answers as to a caller who may not ask.
        raise NotTried(f"{error}, or you may not ask (iam:GetAccessKeyLastUsed)") from error


def make_a_user(scene: Scene) -> str:
    """Everything begins with them."""
    scene.old = _with_a_key(scene, scene.user)
    return f"{scene.user} has one key, and no right at all"


def leave_an_exempt_user_alone(scene: Scene) -> str:
    """
    In a group of the rehearsal's own: nobody is added to the account's own group.

    Raises Different if the engine plans anything for the user.
    """
    group = scene.id.name("exempt")
    ahead = (scene.policy.rotation_period + scene.policy.inactive_period) * DAY
    scene.engine.asks_about_groups()
    scene.stage.make_group(group)
    scene.stage.put_in_group(scene.user, group)
    # Asked too early, the engine would take the user for one who is not exempt.
    scene.until("IAM shows who is exempt", lambda: scene.stage.is_in_group(scene.user, group))
    before = scene.engine.writes()
    turn = scene.engine.run(scene.user, ahead=ahead, exempt_group=group)
    decided = _decided(turn, scene.old)
    if decided.action != "KEEP" or "exempt" not in decided.reason:
        _differs(turn, f"an exempt user's key of {ahead.days} days: {decided.sentence}")
    if (wrote := scene.engine.writes() - before) > 0:
        raise Different(f"{wrote} writes, though the user is exempt")
    return f"a key of {ahead.days} days is left alone: {decided.sentence}"


def write_nothing_while_paused(scene: Scene) -> str:
    """
    With a pause flag of the rehearsal's own: production goes on.

    Raises Different if the engine wrote, or did not stop.
    """
    turn = scene.engine.paused(scene.user)
    if not turn.is_paused:
        _differs(turn, f"the engine did not stop for the pause: {_all_that(turn)}")
    if (keys := scene.stage.keys(scene.user)) != {scene.old: True}:
        raise Different(f"the user has {len(keys)} keys after a run that was paused")
    if scene.stage.secret(scene.user) is not None:
        raise Different("a secret was made in a run that was paused")
    return "a rotation was ordered, and nothing was written"


def warn(scene: Scene) -> str:
    """
    As many days ahead as the first warning.

    Raises Different if another action is decided.
    """
    ahead = (scene.policy.rotation_period - max(scene.policy.warn_days)) * DAY
    turn = scene.engine.run(scene.user, ahead=ahead)
    decided = _decided(turn, scene.old)
    if decided.action != "WARN":
        _differs(turn, f"at {ahead.days} days: {decided.action}, {decided.sentence}")
    return f"at {ahead.days} days: {decided.sentence}"


def rotate_by_order(scene: Scene) -> str:
    """
    By the true clock: here a key is made. Whether its notice could be sent is the next steps'.

    Raises Different if the order was not done, or failed.
    """
    turn = scene.engine.rotate(scene.user)
    _acted(turn, scene.old, "ROTATE")
    scene.until("IAM lists the new key", lambda: len(scene.stage.keys(scene.user)) > 1)
    [scene.new] = scene.stage.keys(scene.user).keys() - {scene.old}
    scene.owns(scene.new)
    _wait_for_states(scene, {scene.old: True, scene.new: True})
    if failed := [each for each in turn.failures if each not in turn.untold]:
        _differs(turn, f"a key was made and stored, and then: {'; '.join(failed)}")
    scene.untold = turn if turn.untold else None
    untold = f"; its notice could not be sent: {'; '.join(turn.untold)}" if turn.untold else ""
    return f"a second key was made; the first one goes on working{untold}"


def store_under_the_right_kms_key(scene: Scene) -> str:
    """
    As AWS describes the secret; nobody reads it here.

    Raises Different if the secret lacks the new key, or is under another KMS key.
    """
    secret = scene.stage.secret(scene.user)
    if secret is None:
        raise Different("there is no secret")
    if secret.current != version_id_for(scene.new):
        raise Different("what applications read is not the version of the new key")
    if not is_same_key(secret.arn, secret.kms_key, scene.engine.kms_key):
        under = secret.kms_key or "aws/secretsmanager"
        wanted = scene.engine.kms_key or "aws/secretsmanager"
        raise Different(f"it is encrypted with {under}, and not with {wanted}")
    return f"encrypted with {secret.kms_key or 'aws/secretsmanager'}; the new key is current"


def read_by_who_should(scene: Scene) -> str:
    """
    By the reader's role, or the operator.

    Raises NotTried without the right to read; Different if something else is stored.
    """
    try:
        scene.delivered = scene.reader.read(scene.secret)
    except Denied as error:
        raise NotTried(
            f"your credentials may not read the secret ({error}): name a role that applications "
            "read with, --reader-role"
        ) from error
    if scene.delivered.key_id != scene.new:
        raise Different("the secret holds another key than the one that was made")
    return "the secret holds the new key"


def answer_to_the_new_key(scene: Scene) -> str:
    """
    GetCallerIdentity, which no policy can deny.

    Raises Different if AWS takes the key for another user's.
    """
    key = _held(scene)
    found, seconds = _when_known(scene, "AWS", lambda: scene.key_holder.identity(key))
    if not found.endswith(f"/{scene.user}"):
        raise Different(f"AWS says that the key is of {found}")
    return f"GetCallerIdentity names the user, after {seconds:.0f} seconds"


def refuse_who_should_not_read(scene: Scene) -> str:
    """
    The user has no right at all, not even to their own secret.

    Each service learns of a key by itself: one that Secrets Manager does not know yet is not
    refused. Raises Different if the user could read it; NotTried if it stays unknown there.
    """
    key = _held(scene)
    try:
        may_read, _ = _when_known(
            scene, "Secrets Manager", lambda: scene.key_holder.may_read(key, scene.secret)
        )
    except Different as error:
        raise NotTried(str(error)) from error
    if may_read:
        raise Different(
            "a user without any right could read the secret: look at the policies of the secret "
            "and of its KMS key"
        )
    return "a user without rights is refused"


def have_the_notice_accepted(scene: Scene) -> str:
    """
    The receipt that begins the old key's time.

    Raises NotTried where AWS did not let the notice be sent, Different where SES refused it.
    """
    if scene.untold is not None:
        _differs(scene.untold, f"the notice could not be sent: {'; '.join(scene.untold.untold)}")
    found: list[Told] = []

    def is_told() -> bool:
        found[:] = scene.engine.told(scene.user, scene.old)
        return any(each.step == "disable" for each in found)

    scene.until("the notice of the rotation is accepted", is_told)
    return "SES accepted the notice, and its receipt is stored"


def have_the_notice_delivered(scene: Scene) -> str:
    """
    As SES reports it, where a deployment listens.

    Raises NotTried without an address, or where nobody hears of deliveries.
    """
    if scene.mail_to is None:
        raise NotTried("no address was given where somebody reads: --mail-to")
    scene.engine.hears_of_deliveries()
    found: list[Told] = []

    def is_delivered() -> bool:
        found[:] = [
            each for each in scene.engine.told(scene.user, scene.old) if each.step == "disable"
        ]
        if any(each.bounced_at is not None for each in found):
            raise Different("the notice came back")
        return any(each.delivered_at is not None for each in found)

    try:
        seconds = scene.until("SES reports the delivery", is_delivered, LONGEST_DELIVERY)
    except Different as error:
        if any(each.bounced_at is not None for each in found):
            raise
        # A mail server may take a mail hours later: that is no answer.
        raise NotTried(f"{error}; a mail server may take longer") from error
    return f"SES reported the delivery after {seconds:.0f} seconds"


def disable_after_the_window(scene: Scene) -> str:
    """When the days are over that the notice promised."""
    window = scene.policy.inactive_period - scene.policy.rotation_period
    scene.ahead = window * DAY + MINUTE
    turn = scene.engine.run(scene.user, ahead=scene.ahead)
    _acted(turn, scene.old, "DISABLE")
    _wait_for_states(scene, {scene.old: False, scene.new: True})
    return f"{window} days after the notice the old key is Inactive; the new one works"


def restore_by_order(scene: Scene) -> str:
    """What an operator does when something broke."""
    by_hand = scene.stage.keys(scene.user).get(scene.old, False)
    if by_hand:
        # Where no days can pass, a person made it Inactive.
        scene.stage.stop_key(scene.user, scene.old)
        _wait_for_states(scene, {scene.old: False, scene.new: True})
    scene.ahead += MINUTE
    turn = scene.engine.restore(scene.user, scene.old, ahead=scene.ahead)
    _acted(turn, scene.old, "RESTORE")
    _wait_for_states(scene, {scene.old: True, scene.new: True})
    before = "a person had made it Inactive" if by_hand else "Keyturn had made it Inactive"
    return f"the old key is Active again ({before})"


def revoke_by_order(scene: Scene) -> str:
    """
    What an operator does when a key leaked: of a user of its own, who has that key alone.

    By the true clock, for a new key is made; and so that what is stored by S3's clock comes after.
    Raises Different if the key still works, or nothing took its place.
    """
    user = scene.id.name("leaked")
    scene.leaked = _with_a_key(scene, user)
    _acted(scene.engine.revoke(user, scene.leaked), scene.leaked, "REVOKE")
    scene.until(
        "IAM shows the key as Inactive, and a new one",
        lambda: sorted(scene.stage.keys(user).values()) == [False, True],
    )
    if scene.stage.keys(user)[scene.leaked]:
        raise Different("the leaked key works")
    secret = scene.stage.secret(user)
    [new] = scene.stage.keys(user).keys() - {scene.leaked}
    scene.owns(new)
    if secret is None or secret.current != version_id_for(new):
        raise Different("the new key is not stored")
    return "the leaked key is Inactive at once; its user's new key is made and stored"


def delete_after_the_grace(scene: Scene) -> str:
    """When the days are over in which it could be enabled again."""
    user = scene.id.name("leaked")
    grace = scene.policy.recovery_grace_period
    turn = scene.engine.run(user, ahead=(grace + 1) * DAY)
    _acted(turn, scene.leaked, "DELETE")
    scene.until("IAM shows that it is gone", lambda: [*scene.stage.keys(user).values()] == [True])
    return f"{grace + 1} days later the leaked key is gone; the new one works"


def repair_a_broken_rotation(scene: Scene) -> str:
    """
    The engine dies when a key is made and not stored: the intent is all that tells of it.

    Raises Different if no intent is on record.
    """
    user = scene.id.name("broken")
    old = _with_a_key(scene, user)
    scene.engine.rotate_and_die(user)
    scene.until("IAM lists the second key", lambda: len(scene.stage.keys(user)) > 1)
    [orphan] = scene.stage.keys(user).keys() - {old}
    scene.owns(orphan)
    _wait_until_known(scene, orphan)
    secret = scene.stage.secret(user)
    if secret is None or INTENT_TAG not in secret.tags:
        raise Different("a key was made, and no intent is on record")
    ahead = LONGEST_RUN + MINUTE
    _acted(scene.engine.run(user, ahead=ahead), orphan, "REPAIR")
    scene.until(
        "IAM shows that it is Inactive",
        lambda: scene.stage.keys(user) == {old: True, orphan: False},
    )
    _acted(scene.engine.run(user, ahead=ahead + DAY), orphan, "REPAIR")
    scene.until("IAM shows that it is gone", lambda: scene.stage.keys(user) == {old: True})
    return (
        "a key whose secret was never stored is made Inactive after 15 minutes, and deleted a "
        "day later; the first key goes on working"
    )


STEPS: Final[tuple[Step, ...]] = (
    Step(name="user", title="a user without rights, and a key", play=make_a_user),
    Step(
        name="exempt",
        title="exempt: left alone",
        needs=("user",),
        play=leave_an_exempt_user_alone,
    ),
    Step(
        name="paused",
        title="paused: nothing is written",
        needs=("user",),
        play=write_nothing_while_paused,
    ),
    Step(name="warned", title="warned before the rotation", needs=("user",), play=warn),
    Step(name="rotated", title="rotated by order", needs=("user",), play=rotate_by_order),
    Step(
        name="stored",
        title="stored under the right KMS key",
        needs=("rotated",),
        play=store_under_the_right_kms_key,
    ),
    Step(
        name="read",
        title="read by who should",
        needs=("rotated",),
        play=read_by_who_should,
    ),
    Step(name="works", title="the new key works", needs=("read",), play=answer_to_the_new_key),
    Step(
        name="refused",
        title="refused to who should not read",
        needs=("works",),
        play=refuse_who_should_not_read,
    ),
    Step(
        name="accepted",
        title="the notice is accepted",
        needs=("rotated",),
        play=have_the_notice_accepted,
    ),
    Step(
        name="delivered",
        title="the notice is delivered",
        needs=("accepted",),
        play=have_the_notice_delivered,
    ),
    Step(
        name="disabled",
        title="disabled after the window",
        needs=("accepted",),
        play=disable_after_the_window,
    ),
    Step(name="restored", title="restored by order", needs=("rotated",), play=restore_by_order),
    Step(name="revoked", title="revoked by order", user="leaked", play=revoke_by_order),
    Step(
        name="deleted",
        title="deleted after the grace",
        user="leaked",
        needs=("revoked",),
        play=delete_after_the_grace,
    ),
    Step(
        name="repaired",
        title="a broken rotation is repaired",
        user="broken",
        play=repair_a_broken_rotation,
    ),
)
"""The story, in its order. Exempt and paused come while a rotation would still write."""


# --- playing it ---------------------------------------------------------------------------


def chosen(names: Sequence[str], steps: Sequence[Step] = STEPS) -> tuple[Step, ...]:
    """
    The steps of these names and all that they need, in the story's order; without names all.

    Raises InvalidValue for a name that no step has.
    """
    by_name = {step.name: step for step in steps}
    wanted: set[str] = set()
    waiting = list(names) or list(by_name)
    while waiting:
        name = waiting.pop()
        if name not in by_name:
            raise InvalidValue("--only", name, f"must be one of {', '.join(by_name)}")
        if name not in wanted:
            wanted.add(name)
            waiting += by_name[name].needs
    return tuple(step for step in steps if step.name in wanted)


def play(scene: Scene, steps: Sequence[Step]) -> Iterator[Finding]:
    """Play the steps, one after the other; a finding as soon as there is one."""
    verdicts: dict[str, Verdict] = {}
    for step in steps:
        scene.say(step.title)
        missing = [need for need in step.needs if verdicts.get(need) is not Verdict.AS_EXPECTED]
        finding = _played(scene, step, missing)
        verdicts[step.name] = finding.verdict
        yield finding


def _played(scene: Scene, step: Step, missing: Sequence[str]) -> Finding:
    began, calls = scene.timer(), scene.calls()
    verdict, seen, why = Verdict.NOT_TRIED, "", ""
    try:
        if missing:
            raise NotTried(f"it needs the step {missing[0]}, which is not as expected")  # noqa: TRY301 -- one way out for all reasons
        seen = step.play(scene)
        verdict = Verdict.AS_EXPECTED
    except NotTried as error:
        why = str(error)
    except Different as error:
        verdict, seen = Verdict.DIFFERENT, str(error)
    except _UNKNOWN as error:
        why = f"no answer that says anything: {error}"
    except KeyturnError as error:
        verdict, seen = Verdict.DIFFERENT, str(error)
    except Exception as error:  # noqa: BLE001 -- a fault of ours must not keep the clean-up from coming
        verdict = Verdict.DIFFERENT
        seen = f"{type(error).__name__}: this is a bug of Keyturn's"
    return Finding(
        name=step.name,
        title=step.title,
        verdict=verdict,
        seen=seen,
        why=why,
        record=_record(scene, step) if verdict is not Verdict.NOT_TRIED else {},
        seconds=scene.timer() - began,
        calls=scene.calls() - calls,
    )


def _record(scene: Scene, step: Step) -> Mapping[str, str]:
    """Keyturn's record after a step, without the seal, which only proves."""
    try:
        secret = scene.stage.secret(scene.id.name(step.user))
    except PortError:
        return {}
    return {
        tag: value
        for tag, value in sorted(secret.tags.items() if secret else ())
        if tag.startswith(_RECORD) and tag != SEAL_TAG
    }


# --- what the steps share -----------------------------------------------------------------


def _held(scene: Scene) -> DeliveredKey:
    if scene.delivered is None:
        raise NotTried("the new key could not be read")
    return scene.delivered


def _when_known(scene: Scene, who: str, ask: Callable[[], Answer]) -> tuple[Answer, float]:
    """
    Ask with the new key until it is known; gives the answer, and how many seconds that took.

    Raises Different when it is not known in time.
    """
    found: list[Answer] = []

    def answers() -> bool:
        try:
            found.append(ask())
        except NotFound:
            return False
        return True

    seconds = scene.until(f"{who} knows the new key", answers)
    return found[-1], seconds


def _refuse_if_unknown(turn: Turn) -> None:
    if turn.denied is not None:
        raise NotTried(f"AWS does not let it: {turn.denied}")


def _differs(turn: Turn, seen: str) -> NoReturn:
    """Raises Different; or NotTried where AWS's answers say nothing of what was tried."""
    _refuse_if_unknown(turn)
    raise Different(seen)


def _decided(turn: Turn, key: str) -> Decided:
    found = turn.of(key)
    if found is None:
        _differs(turn, f"nothing was decided about the key: {_all_that(turn)}")
    return found


def _acted(turn: Turn, key: str, action: str) -> None:
    """Raises Different where the key was not decided so, or it was not carried out."""
    decided = _decided(turn, key)
    if decided.action == action and decided.is_done:
        return
    failed = f"; {'; '.join(turn.failures)}" if turn.failures else ""
    if decided.action == action:
        _differs(turn, f"{action} was decided, and not carried out: {decided.sentence}{failed}")
    _differs(turn, f"{decided.action} in place of {action}: {decided.sentence}{failed}")


def _wait_for_states(scene: Scene, wanted: Mapping[str, bool]) -> None:
    scene.until("IAM shows it", lambda: scene.stage.keys(scene.user) == wanted)


def _all_that(turn: Turn) -> str:
    said = [*turn.failures, *(each.sentence for each in turn.decided)]
    return "; ".join(said) or "it said nothing"
