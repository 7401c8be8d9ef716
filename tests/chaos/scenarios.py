"""The cases of the lifecycle, each brought to the day on which something is due."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from keyturn.sandbox.faults import Fault
from tests.chaos.world import MEMBER, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A scene, brought to the moment of the run to break."""

    prepare: Callable[[World], None]
    forced: str | None = None


def _clean_runs(world: World, *days: int) -> None:
    for day in days:
        world.go_to(world.day(day))
        world.run()


def _one_old(world: World) -> None:
    world.user("ann", (137, True))


def _comma(world: World) -> None:
    world.user("reports,finance", (900, True))


def _second_time(world: World) -> None:
    world.user("ann", (137, True))
    _clean_runs(world, 0, 10, 17, 20)
    world.go_to(world.day(90))


def _scheduled(world: World) -> None:
    _second_time(world)
    name = f"Account_{MEMBER}_User_ann_AccessKey"
    world.cloud.session(MEMBER).client("secretsmanager").delete_secret(SecretId=name)


def _to_disable(world: World) -> None:
    world.user("ann", (137, True))
    _clean_runs(world, 0, 7)
    world.go_to(world.day(10))


def _to_delete(world: World) -> None:
    world.user("ann", (137, True))
    _clean_runs(world, 0, 10, 17)
    world.go_to(world.day(20))


def _delete_and_rotate(world: World) -> None:
    world.user("ann", (400, False), (137, True))
    _clean_runs(world, 0, 7)
    world.go_to(world.day(10))


def _inactive_found(world: World) -> None:
    world.user("ann", (400, False), (20, True))


def _restored(world: World) -> None:
    [old] = world.user("ann", (137, True))
    _clean_runs(world, 0, 10)
    world.go_to(world.day(12))
    iam = world.cloud.session(MEMBER).client("iam")
    iam.update_access_key(UserName="ann", AccessKeyId=old, Status="Active")
    world.go_to(world.day(12) + timedelta(hours=1))


def _quiet_beside_young(world: World) -> None:
    world.user("ann", (900, True), (20, True))


def _quiet_to_disable(world: World) -> None:
    world.user("ann", (900, True), (20, True))
    _clean_runs(world, 0, 7)
    world.go_to(world.day(10))


def _young(world: World) -> None:
    world.user("ann", (5, True))


def _warned(world: World) -> None:
    world.user("ann", (80, True))


def _exempt_beside_due(world: World) -> None:
    world.user("eve", (500, True))
    world.exempt("eve")
    world.user("ann", (137, True))


def _orphan(world: World) -> None:
    world.user("ann", (137, True))
    world.run(Fault.KILLED_AFTER, on="iam:CreateAccessKey")


def _orphan_found(world: World) -> None:
    _orphan(world)
    world.go_to(world.day(1))


def _orphan_over(world: World) -> None:
    _orphan(world)
    _clean_runs(world, 1)
    world.go_to(world.day(2))


SCENARIOS: Mapping[str, Scenario] = {
    "rotate-first": Scenario(prepare=_one_old),
    "rotate-comma": Scenario(prepare=_comma),
    "rotate-again": Scenario(prepare=_second_time),
    "rotate-into-scheduled-secret": Scenario(prepare=_scheduled),
    "rotate-beside-exempt": Scenario(prepare=_exempt_beside_due),
    "rotate-forced": Scenario(prepare=_young, forced="ann"),
    "disable": Scenario(prepare=_to_disable),
    "delete": Scenario(prepare=_to_delete),
    "delete-and-rotate": Scenario(prepare=_delete_and_rotate),
    "found-inactive": Scenario(prepare=_inactive_found),
    "restored": Scenario(prepare=_restored),
    "quiet-notice": Scenario(prepare=_quiet_beside_young),
    "quiet-disable": Scenario(prepare=_quiet_to_disable),
    "warn": Scenario(prepare=_warned),
    "orphan-found": Scenario(prepare=_orphan_found),
    "orphan-over": Scenario(prepare=_orphan_over),
}
