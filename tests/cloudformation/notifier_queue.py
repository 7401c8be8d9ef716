"""How many messages the notifier takes at once, and how long it has for them."""

from dataclasses import dataclass
from datetime import timedelta

from tests.cloudformation.stacks import CORE, Stack

SECOND = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """What the core template makes of the notifier."""

    batch: int
    timeout: timedelta
    visibility: timedelta
    tries: int
    at_once: int


def deployed() -> Deployed:
    core = Stack(name=CORE).resources
    mapping = core["NotifierTakesFromItsQueue"]["Properties"]
    function, queue = (core[name]["Properties"] for name in ("NotifierFunction", "NotifierQueue"))
    return Deployed(
        batch=mapping["BatchSize"],
        timeout=function["Timeout"] * SECOND,
        visibility=queue["VisibilityTimeout"] * SECOND,
        tries=queue["RedrivePolicy"]["maxReceiveCount"],
        at_once=int(mapping["ScalingConfig"]["MaximumConcurrency"]),
    )
