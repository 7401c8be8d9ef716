"""The cases of the lifecycle and of delivery, each brought to the run that is to be broken."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from keyturn.domain.decision import Action
from keyturn.domain.result import Request
from keyturn.domain.secret_names import INTENT_TAG, KEY_TAG, USER_ID_TAG, USER_TAG
from keyturn_sandbox.emulator.faults import Fault
from keyturn_sandbox.simulation.owners import roll_back
from tests.chaos.world import DAY, GROUP, KMS_KEY, MEMBER, Adopting, Asked, World

SECRET = f"Account_{MEMBER}_User_ann_AccessKey"
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A scene, brought to the moment of the run to break."""

    prepare: Callable[[World], object]
    asks: Callable[[World], Asked | Adopting] = lambda _world: Request()
    """What the run is asked for, if not for everything."""
    afterwards: Callable[[World], object] = lambda _world: None
    """What people do after the run that broke."""


def _runs(world: World, *days: int) -> None:
    for day in days:
        world.go_to(world.day(day))
        world.run()


def _old(world: World) -> str:
    [old] = world.user("ann", (137, True))
    return old


def _delivered(world: World) -> str:
    """A secret that holds a delivered key, long ago."""
    old = _old(world)
    _runs(world, 0, 10, 17, 20)
    world.used_daily.clear()
    [key] = world.cloud.keys(MEMBER)
    world.used_daily[key.key_id] = "ann"
    return old


def _not_needed(world: World) -> None:
    """Its rotation is complete, marked so, and comes again in 14 days; nobody reads it."""
    world.configure(RemoveSecretsAfter="35", WarnDays="0")
    _delivered(world)
    world.hand("secretsmanager").get_secret_value(SecretId=SECRET)
    _runs(world, 21)
    world.go_to(world.day(76))


def _again(world: World) -> None:
    _delivered(world)
    world.go_to(world.day(90))


def _again_and(world: World, change: Callable[[World], object]) -> None:
    _again(world)
    change(world)
    world.go_to(world.day(90) + HOUR)


def _scheduled(world: World) -> None:
    world.hand("secretsmanager").delete_secret(SecretId=SECRET)


def _tagged(world: World, **tags: str) -> None:
    named = {"user": USER_TAG, "user_id": USER_ID_TAG, "intent": INTENT_TAG}
    pairs = [{"Key": named.get(name, name), "Value": value} for name, value in tags.items()]
    world.hand("secretsmanager").tag_resource(SecretId=SECRET, Tags=pairs)


def _malformed(world: World) -> None:
    """All that can be written into tags by hand and be read as nothing."""
    _tagged(world, intent="run=r at=yesterday seen= replaces=k")
    for key in world.cloud.keys(MEMBER):
        _tagged(world, **{KEY_TAG + key.key_id: "disabled=long-ago delivered orphan="})


def _untagged(world: World) -> None:
    world.hand("secretsmanager").untag_resource(SecretId=SECRET, TagKeys=[USER_TAG, USER_ID_TAG])


def _overwritten(world: World, times: int = 2) -> None:
    for number in range(times):
        world.hand("secretsmanager").put_secret_value(
            SecretId=SECRET, SecretString=f"mine {number}"
        )


def _rolled_back(world: World) -> None:
    """AWSCURRENT is moved to what the owner stored before, and took back."""
    _overwritten(world, times=1)
    for _ in range(2):
        roll_back(world.hand("secretsmanager"), SECRET)


def _made_by_hand(world: World) -> None:
    _old(world)
    world.hand("secretsmanager").create_secret(Name=SECRET, SecretString="somebody's own")


def _squatted(world: World, kms_key: str = KMS_KEY) -> None:
    """Somebody made the secret beforehand, with all that everybody can know of ours."""
    _old(world)
    user_id = world.hand("iam").get_user(UserName="ann")["User"]["UserId"]
    tags = [{"Key": USER_TAG, "Value": "ann"}, {"Key": USER_ID_TAG, "Value": user_id}]
    world.hand("secretsmanager").create_secret(Name=SECRET, Tags=tags, KmsKeyId=kms_key)


def _made_anew(world: World) -> None:
    """Somebody deleted the secret, and made one of the same name with all its tags."""
    secret_store = world.hand("secretsmanager")
    tags = secret_store.describe_secret(SecretId=SECRET)["Tags"]
    secret_store.delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)
    secret_store.create_secret(Name=SECRET, Tags=tags, KmsKeyId=KMS_KEY)


def _newborn(world: World) -> None:
    """A run died after it had made the secret and before it had sealed it."""
    _old(world)
    world.run(Fault.KILLED_AFTER, on="secretsmanager:CreateSecret")
    world.go_to(world.day(1))


def _renamed(world: World) -> None:
    """Another user has the old name of one whose key was delivered, and an old key."""
    _delivered(world)
    world.hand("iam").update_user(UserName="ann", NewUserName="ann-ci")
    world.used_daily = dict.fromkeys(world.used_daily, "ann-ci")
    world.owners["ann-ci"] = world.owners["ann"]
    world.go_to(world.day(30))
    _another_ann(world)


def _made_again(world: World) -> None:
    """The user was deleted and made again; the new one's key is old enough to be rotated."""
    _delivered(world)
    iam = world.hand("iam")
    world.go_to(world.day(30))
    for key in world.cloud.keys(MEMBER):
        iam.delete_access_key(UserName="ann", AccessKeyId=key.key_id)
    world.used_daily.clear()
    iam.delete_user(UserName="ann")
    _another_ann(world)


def _another_ann(world: World) -> None:
    """A person makes a user of the name `ann`, whose key is old by the end."""
    iam = world.hand("iam")
    iam.create_user(UserName="ann")
    made = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
    world.used_daily[made] = "ann"
    world.go_to(world.day(121))


def _to_disable(world: World) -> None:
    _old(world)
    _runs(world, 0, 7)
    world.go_to(world.day(10))


def _waiting(world: World, change: Callable[[World], object]) -> None:
    """Between rotation and disabling, somebody changes the secret."""
    _old(world)
    _runs(world, 0)
    world.go_to(world.day(3))
    change(world)
    world.go_to(world.day(10))


def _interrupted(world: World) -> None:
    """A run died after it had noted that it disables the key, and before it did."""
    _to_disable(world)
    world.run(Fault.KILLED_BEFORE, on="iam:UpdateAccessKey")
    world.go_to(world.day(11))


def _forbidden(world: World) -> None:
    """A policy over the account forbids new keys."""
    world.user("ann", (137, True))
    world.user("bob", (130, True))
    world.forbid("iam:CreateAccessKey")


def _undelivered(world: World) -> None:
    """No new key could be stored for three days, and a week later it is tried again."""
    _old(world)
    world.forbid("secretsmanager:PutSecretValue")
    _runs(world, 0, 1, 2, 3)
    world.go_to(world.day(9))


def _to_delete(world: World) -> None:
    _old(world)
    _runs(world, 0, 10, 17)
    world.go_to(world.day(20))


def _used_after_disabling(world: World) -> None:
    old = _old(world)
    _runs(world, 0, 10, 17)
    world.use(old)
    world.go_to(world.day(20))


def _delete_and_rotate(world: World) -> None:
    world.user("ann", (400, False), (137, True))
    _runs(world, 0, 7)
    world.go_to(world.day(10))


def _restored(world: World) -> None:
    old = _old(world)
    _runs(world, 0, 10)
    world.go_to(world.day(12))
    world.hand("iam").update_access_key(UserName="ann", AccessKeyId=old, Status="Active")
    world.go_to(world.day(12) + HOUR)


def _restored_again(world: World) -> None:
    """Something enables the key whenever Keyturn has disabled it."""
    old = _old(world)
    _runs(world, 0, 10)
    for day in (11, 21, 28, 31, 32):
        world.hand("iam").update_access_key(UserName="ann", AccessKeyId=old, Status="Active")
        world.go_to(world.day(day))
        world.run()


def _months(world: World) -> None:
    """Long enough for silence to be heard."""
    start = world.cloud.now
    for day in range(1, 18):
        world.go_to(start + day * DAY)
        world.run()


def _taken(world: World, how: Callable[[World, str], object]) -> None:
    """Somebody who works with the old key takes the delivered one out of use."""
    old = _old(world)
    _runs(world, 0)
    [new] = (key.key_id for key in world.cloud.keys(MEMBER) if key.key_id != old)
    world.go_to(world.day(3))
    how(world, new)
    world.go_to(world.day(3) + HOUR)


def _set_inactive(world: World, key_id: str) -> None:
    world.hand("iam").update_access_key(UserName="ann", AccessKeyId=key_id, Status="Inactive")


def _deleted(world: World, key_id: str) -> None:
    world.hand("iam").delete_access_key(UserName="ann", AccessKeyId=key_id)


def _replaced(world: World, key_id: str) -> None:
    _deleted(world, key_id)
    world.hand("iam").create_access_key(UserName="ann")


def _retired_again(world: World) -> None:
    """It was restored, left alone for its days, and told of once more."""
    _restored(world)
    _runs(world, 13, 23, 30)
    world.go_to(world.day(33))


def _seen(world: World) -> None:
    """A person disabled the key, we took it down, and the person enabled it."""
    [old, _] = world.user("ann", (200, True), (20, True))
    iam = world.hand("iam")
    iam.update_access_key(UserName="ann", AccessKeyId=old, Status="Inactive")
    _runs(world, 1)
    iam.update_access_key(UserName="ann", AccessKeyId=old, Status="Active")
    world.go_to(world.day(2))


def _two(world: World, ages: tuple[int, int], in_use: tuple[bool, bool]) -> None:
    keys = world.user("ann", *((age, True) for age in ages), in_use=False)
    world.used_daily |= {key: "ann" for key, used in zip(keys, in_use, strict=True) if used}
    world.go_to(world.day(1))


def _two_to_disable(world: World) -> None:
    world.user("ann", (900, True), (20, True))
    _runs(world, 0, 7)
    world.go_to(world.day(10))


def _held(world: World) -> None:
    world.configure(HoldIfUsedWithin="3", MaxHold="5")
    old = _old(world)
    _runs(world, 0, 7)
    world.used_daily[old] = "ann"
    world.go_to(world.day(10))


def _unused(world: World) -> None:
    world.configure(UnusedPeriod="60")
    world.user("ann", (137, True), in_use=False)


def _unused_to_disable(world: World) -> None:
    _unused(world)
    _runs(world, 0, 7)
    world.go_to(world.day(10))


def _in_use_to_disable(world: World) -> None:
    world.configure(RetireInUse="true")
    _two(world, (137, 120), in_use=(True, True))
    _runs(world, 1, 8)
    world.go_to(world.day(11))


def _longer(world: World) -> None:
    """W grew from 10 to 20 days after the dates had been promised."""
    _old(world)
    _runs(world, 0, 7)
    world.configure(RotationPeriod="160", InactivePeriod="180")
    world.go_to(world.day(10))


def _shorter(world: World) -> None:
    """W and G shrank to 5 days after the dates had been promised."""
    _old(world)
    _runs(world, 0)
    world.configure(RotationPeriod="90", InactivePeriod="95", RecoveryGracePeriod="7")
    world.go_to(world.day(6))


def _exempt_beside_due(world: World) -> None:
    world.user("eve", (500, True))
    world.exempt("eve")
    world.user("ann", (137, True))


def _side_by_side(world: World) -> None:
    """Users at every stage, kept in parallel."""
    world.user("ann", (137, True))
    world.user("bob", (400, False), (30, True))
    _runs(world, 0, 7)
    world.user("carl", (95, True))
    world.user("dora", (82, True))
    world.go_to(world.day(10))


def _paged(world: World) -> None:
    """ListUsers and GetGroup give one user a page, as they may."""
    world.cloud.iam_rules.page_size = 1
    for name in ("eve", "eva"):
        world.user(name, (500, True))
        world.exempt(name)
    world.user("ann", (137, True))


def _dry(world: World, prepare: Callable[[World], object]) -> None:
    prepare(world)
    world.configure(DryRunFlag="true")


def _enforced(world: World) -> None:
    world.configure(DryRunFlag="false")


def _without_group(world: World) -> None:
    world.user("ann", (137, True))
    world.hand("iam").delete_group(GroupName=GROUP)


def _with_group(world: World) -> None:
    world.hand("iam").create_group(GroupName=GROUP)


def _owned(world: World) -> None:
    world.configure(ResourceOwnerTag="owner")
    world.user("ann", (137, True), owner="ann@example.com")


def _handed_over(world: World) -> None:
    """Her key has another owner since the third day, who was notified on that day."""
    _owned(world)
    _runs(world, 0)
    world.go_to(world.day(3))
    world.hand("iam").tag_user(UserName="ann", Tags=[{"Key": "owner", "Value": "bob@example.com"}])
    world.owners["ann"] = "bob@example.com"
    _runs(world, 3, 10)
    world.go_to(world.day(13))


def _orphan(world: World) -> None:
    _old(world)
    world.run(Fault.KILLED_AFTER, on="iam:CreateAccessKey")


def _orphan_found(world: World) -> None:
    _orphan(world)
    world.go_to(world.day(1))


def _orphan_over(world: World) -> None:
    _orphan(world)
    _runs(world, 1)
    world.go_to(world.day(2))


def _orphan_exempt(world: World) -> None:
    _orphan(world)
    world.exempt("ann")
    world.go_to(world.day(1))


def _unsettled(world: World) -> None:
    """The secret was stored, and the run died before it could say so."""
    _old(world)
    world.run(Fault.KILLED_AFTER, on="secretsmanager:PutSecretValue")
    world.go_to(world.day(1))


def _late(world: World, prepare: Callable[[World], object]) -> None:
    """IAM's lists are 30 seconds old, and last uses 4 hours."""
    world.cloud.delays.lists = timedelta(seconds=30)
    world.cloud.delays.last_use = 4 * HOUR
    prepare(world)


def _over_cap(world: World) -> None:
    """Two keys come to their end, and only one may on one day."""
    world.configure(MaxKeysPerDay="1", MaxPercentPerDay="1")
    world.user("ann", (137, True))
    world.user("bob", (130, True))
    _runs(world, 0, 7)
    world.go_to(world.day(10))


def _spread(world: World) -> None:
    world.configure(SpreadDays="3")
    for name in ("ann", "bob"):
        world.user(name, (137, True))


def _paused(world: World) -> None:
    _to_disable(world)
    world.pause(paused=True)


def _resumed(world: World) -> None:
    world.pause(paused=False)


def _ordered(action: Action, *, even_exempt: bool = False) -> Callable[[World], Asked]:
    """An operator's order about the oldest key of ann."""

    def order(world: World) -> Asked:
        keys = [key for key in world.cloud.keys(MEMBER) if key.user == "ann"]
        oldest = min(keys, key=lambda key: (key.created, key.key_id))
        return world.ordering(action, oldest.key_id, even_exempt=even_exempt)

    return order


def _order(
    prepare: Callable[[World], object], action: Action, *, even_exempt: bool = False
) -> Scenario:
    """
    An order that broke is given again, when a run that died counts as dead.

    And once more after the daily runs that remove what it may have left: it says so itself.
    """
    return _repeated(prepare, _ordered(action, even_exempt=even_exempt))


def _repeated(
    prepare: Callable[[World], object], asks: Callable[[World], Asked | Adopting]
) -> Scenario:
    def again(world: World) -> None:
        start = world.cloud.now
        world.go_to(start + 20 * MINUTE)
        world.run(asked=asks(world))
        for day in (1, 2):
            world.go_to(start + day * DAY)
            world.run()
        world.go_to(start + 2 * DAY + HOUR)
        world.run(asked=asks(world))

    return Scenario(prepare=prepare, asks=asks, afterwards=again)


def _disabled(world: World) -> None:
    _old(world)
    _runs(world, 0, 10)
    world.go_to(world.day(12))


def _two_young(world: World) -> None:
    world.user("ann", (20, True), (10, True))


def _exempt_for_too_long(world: World) -> None:
    """Her key was to stop on day 10; she is removed from the group on the day after tomorrow."""
    _old(world)
    _runs(world, 0)
    world.configure(EndExemptions="true")
    world.approve_until(world.day(3))
    world.exempt("ann")
    _runs(world, 1)
    # A day without a snapshot proves no lapse.
    world.same_until(world.day(14))
    world.go_to(world.day(15))


def _until_it_is_gone(world: World) -> None:
    _runs(world, 16)
    world.same_until(world.day(25))
    _runs(world, 26)
    world.same_until(world.day(29))
    _runs(world, 30, 31, 36, 41, 51)


def _exempt_leaked(world: World) -> None:
    world.user("ann", (20, True))
    world.exempt("ann")


SCENARIOS: Mapping[str, Scenario] = {
    # T0, T1
    "warn": Scenario(prepare=lambda world: world.user("ann", (80, True))),
    "rotate-first": Scenario(prepare=_old),
    "rotate-comma": Scenario(prepare=lambda world: world.user("reports,finance", (900, True))),
    "rotate-again": Scenario(prepare=_again),
    "rotate-forced": Scenario(
        prepare=lambda world: world.user("ann", (5, True)), asks=lambda world: world.forcing("ann")
    ),
    "rotate-owned": Scenario(prepare=_owned),
    "rotate-beside-exempt": Scenario(prepare=_exempt_beside_due),
    "rotate-paged": Scenario(prepare=_paged),
    "rotate-into-scheduled": Scenario(prepare=partial(_again_and, change=_scheduled)),
    "rotate-over-malformed-tags": Scenario(prepare=partial(_again_and, change=_malformed)),
    "rotate-over-written-value": Scenario(prepare=partial(_again_and, change=_overwritten)),
    "schedule-secret": Scenario(prepare=_not_needed),
    # T2
    "disable": Scenario(prepare=_to_disable),
    "disable-handed-over": Scenario(prepare=_handed_over),
    "disable-longer-window": Scenario(prepare=_longer),
    "disable-shorter-window": Scenario(prepare=_shorter),
    "disable-overwritten": Scenario(prepare=partial(_waiting, change=_overwritten)),
    "disable-overwritten-once": Scenario(
        prepare=partial(_waiting, change=partial(_overwritten, times=1))
    ),
    "disable-rolled-back": Scenario(prepare=partial(_waiting, change=_rolled_back)),
    "disable-secret-deleted": Scenario(prepare=partial(_waiting, change=_scheduled)),
    "held": Scenario(prepare=_held),
    "unused-notice": Scenario(prepare=_unused),
    "unused-disable": Scenario(prepare=_unused_to_disable),
    "in-use-disable": Scenario(prepare=_in_use_to_disable),
    # T3
    "delete": Scenario(prepare=_to_delete),
    "delete-and-rotate": Scenario(prepare=_delete_and_rotate),
    "used-after-disabling": Scenario(prepare=_used_after_disabling),
    # a person's hand
    "found-inactive": Scenario(
        prepare=lambda world: world.user("ann", (400, False), (20, True)),
    ),
    "only-inactive": Scenario(
        prepare=lambda world: world.user("ann", (400, False), (300, False)),
    ),
    "seen-and-enabled": Scenario(prepare=_seen),
    "restored": Scenario(prepare=_restored),
    "restored-again": Scenario(prepare=_restored_again, afterwards=_months),
    "slot-taken": Scenario(
        prepare=lambda world: world.user("ann", (30, False), (137, True)), afterwards=_months
    ),
    "successor-inactive": Scenario(prepare=partial(_taken, how=_set_inactive), afterwards=_months),
    "successor-deleted": Scenario(prepare=partial(_taken, how=_deleted)),
    "successor-replaced": Scenario(prepare=partial(_taken, how=_replaced)),
    "restored-disable": Scenario(prepare=_retired_again),
    # two keys that people made
    "two-quiet-older": Scenario(
        prepare=lambda world: world.user("ann", (900, True), (20, True)),
    ),
    "two-quiet-newer": Scenario(prepare=partial(_two, ages=(200, 120), in_use=(True, False))),
    "two-quiet": Scenario(prepare=partial(_two, ages=(200, 120), in_use=(False, False))),
    "two-in-use": Scenario(prepare=partial(_two, ages=(200, 120), in_use=(True, True))),
    "two-disable": Scenario(prepare=_two_to_disable),
    # T5
    "orphan-found": Scenario(prepare=_orphan_found),
    "orphan-over": Scenario(prepare=_orphan_over),
    "orphan-exempt": Scenario(prepare=_orphan_exempt),
    "unsettled": Scenario(prepare=_unsettled),
    "newborn": Scenario(prepare=_newborn),
    # a secret that is not ours
    "foreign-by-hand": Scenario(prepare=_made_by_hand),
    "foreign-untagged": Scenario(prepare=partial(_again_and, change=_untagged)),
    "foreign-kms-key": Scenario(prepare=partial(_squatted, kms_key="alias/other")),
    "foreign-squatted": Scenario(prepare=_squatted),
    "foreign-made-anew": Scenario(prepare=partial(_waiting, change=_made_anew)),
    "foreign-renamed": Scenario(prepare=_renamed),
    "foreign-user-made-again": Scenario(prepare=_made_again),
    # the account
    "side-by-side": Scenario(prepare=_side_by_side),
    "dry-rotate": Scenario(prepare=partial(_dry, prepare=_old), afterwards=_enforced),
    "dry-disable": Scenario(prepare=partial(_dry, prepare=_to_disable), afterwards=_enforced),
    "group-missing": Scenario(prepare=_without_group, afterwards=_with_group),
    "over-cap": Scenario(prepare=_over_cap),
    "spread": Scenario(prepare=_spread),
    "paused": Scenario(prepare=_paused, afterwards=_resumed),
    # IAM tells late
    "late-rotate": Scenario(prepare=partial(_late, prepare=_again)),
    "late-disable": Scenario(prepare=partial(_late, prepare=_to_disable)),
    "late-delete-and-rotate": Scenario(prepare=partial(_late, prepare=_delete_and_rotate)),
    "late-orphan-over": Scenario(prepare=partial(_late, prepare=_orphan_over)),
    # an operator's word
    "exemption-over": Scenario(prepare=_exempt_for_too_long, afterwards=_until_it_is_gone),
    "order-restore": _order(_disabled, Action.RESTORE),
    "order-revoke": _order(lambda world: world.user("ann", (20, True)), Action.REVOKE),
    "order-revoke-of-two": _order(_two_young, Action.REVOKE),
    "order-revoke-rotated": _order(_to_disable, Action.REVOKE),
    "order-adopt": _repeated(
        partial(_again_and, change=_untagged), lambda _world: Adopting(SECRET)
    ),
    "order-revoke-exempt": _order(_exempt_leaked, Action.REVOKE, even_exempt=True),
    "order-approved": Scenario(prepare=_over_cap, asks=lambda world: world.approving()),
    # what broke off, or is forbidden for long
    "disable-interrupted": Scenario(prepare=_interrupted),
    "creation-denied": Scenario(prepare=_forbidden, afterwards=World.allow),
    "delivery-failing": Scenario(prepare=_undelivered, afterwards=World.allow),
}
