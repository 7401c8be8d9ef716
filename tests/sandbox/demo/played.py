"""The demonstration, played once for many tests; before each run its plan is drawn up."""

import io
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from keyturn.domain.decision import Action, Change, Decision, Reason, UserDecisions
from keyturn.domain.events import Run
from keyturn.domain.key import Account, SecretFacts
from keyturn.domain.record import stale_tags
from keyturn.domain.result import Request
from keyturn.domain.secret_names import secret_name
from keyturn.functions import inventory, notifier, reporter, rotation
from keyturn.functions.connect import disconnect
from keyturn.settings import Settings
from keyturn.wiring import Aws
from keyturn_sandbox.emulator.call_log import Call
from keyturn_sandbox.emulator.cloud import LocalCloud
from keyturn_sandbox.judge.evidence import secret_of
from keyturn_sandbox.simulation.days import Day, Handlers
from keyturn_sandbox.simulation.demonstration import Result, calendar_of, demonstrate
from keyturn_sandbox.simulation.deployment import MEMBER_ROLE, ROTATION_ROLE, Deployment
from tests.use_cases.harness import WRITES, logging_to

DRY_DAYS = 14
Written = tuple[str, str, str, str]
"""Account, operation, user or secret, key."""


@dataclass
class Played:
    """What was planned and written, day by day, and what became of it all."""

    planned: dict[int, "Counter[Written]"] = field(default_factory=dict)
    written: dict[int, "Counter[Written]"] = field(default_factory=dict)
    runs: dict[int, int] = field(default_factory=dict)
    """How often a run was started on a day."""
    _result: Result | None = None

    @property
    def result(self) -> Result:
        assert self._result is not None
        return self._result

    def play(self, days: int, *, seed: int = 1) -> None:
        """Live through the days."""
        log = io.StringIO()
        begun: dict[int, int] = {}
        clouds: list[LocalCloud] = []
        readers: list[Aws] = []

        def before_run(day: int, cloud: LocalCloud, deployment: Deployment) -> None:
            if not readers:
                clouds.append(cloud)
                readers.append(_reader(cloud, deployment))
            if day >= DRY_DAYS:
                self.planned[day] = Counter(_planned(cloud, readers[0]))
            begun[day] = len(cloud.calls)

        def lived(day: Day) -> None:
            if day.number in begun:
                calls = clouds[-1].calls[begun[day.number] :]
                self.written[day.number] = Counter(_written(calls))
            self.runs[day.number] = len(day.runs)

        disconnect()
        with logging_to(log):
            self._result = demonstrate(
                Handlers(
                    inventory=inventory.handler,
                    rotation=rotation.handler,
                    notifier=notifier.handler,
                    reporter=reporter.handler,
                ),
                calendar=calendar_of(days, DRY_DAYS),
                seed=seed,
                read_logs=log.getvalue,
                before_run=before_run,
                progress=lived,
            )


def _reader(cloud: LocalCloud, deployment: Deployment) -> Aws:
    return Aws(
        session=cloud.role_session(deployment.account, ROTATION_ROLE),
        settings=Settings.read({**deployment.settings, "DryRunFlag": "False"}),
        journal=_writes_nothing,
        clock=lambda: datetime.now(UTC),
    )


def _planned(cloud: LocalCloud, aws: Aws) -> Iterator[Written]:
    """What the plan of every account says will be written; drawing it up writes nothing."""
    for account in cloud.organization.accounts.values():
        if account.state != "ACTIVE":
            continue
        run = Run(
            id="plan",
            account=Account(id=account.account_id, name=account.name, email=account.email),
            at=cloud.now,
            dry_run=False,
        )
        # Told over the bus, for without a notifier the plan is another one; nothing is told.
        plan = aws.run_account(run, aws.over_bus()).plan(run, Request())
        for decided in plan.users:
            yield from _writes_of(decided)


def _writes_nothing(action: str, facts: Mapping[str, str]) -> None:
    raise AssertionError(f"a plan wrote {action} {facts}")


def _writes_of(decided: UserDecisions) -> Iterator[Written]:
    """The calls that a turn's actions stand for."""
    user, secret = decided.user, decided.user.secret
    facts = secret if isinstance(secret, SecretFacts) else None
    name = secret_name(user.account, user.name)
    changes = {change.change for change in decided.record_changes}
    operations = [("TagResource", "")] if changes - {Change.CLEAR_INTENT} else []
    operations += [("UntagResource", "")] if Change.CLEAR_INTENT in changes else []
    for made in decided.decisions:
        operations += _writes_for(made)
    gone = {made.action for made in decided.decisions} & {Action.ROTATE, Action.DELETE}
    if gone and facts is not None and stale_tags(facts, user):
        operations.append(("UntagResource", ""))
    if operations and facts is not None and facts.scheduled_for_deletion:
        operations.append(("RestoreSecret", ""))
    if operations and facts is None:  # what would be a tag comes with the secret; then its seal
        operations.append(("CreateSecret", ""))
    for operation, key_id in operations:
        about = user.name if operation in WRITES["iam"] else name
        yield (user.account, operation, about, key_id)


def _writes_for(made: Decision) -> list[tuple[str, str]]:
    """The calls that an action stands for, each with the key that it names."""
    match made.action, made.reason:
        case Action.ROTATE, _:
            calls = ["TagResource", "CreateAccessKey", "PutSecretValue", "TagResource"]
            return [(call, "") for call in calls]
        case Action.DISABLE, _:
            return [("TagResource", ""), ("UpdateAccessKey", made.key_id), ("TagResource", "")]
        case Action.REPAIR, Reason.ORPHAN_FOUND:
            return [("TagResource", ""), ("UpdateAccessKey", made.key_id)]
        case ((Action.DELETE | Action.REPAIR), _):
            return [("DeleteAccessKey", made.key_id), ("UntagResource", "")]
        case _:
            return []


def _written(calls: list[Call]) -> Iterator[Written]:
    """The writes of Keyturn in the emulator's log."""
    for call in calls:
        is_ours = f":assumed-role/{MEMBER_ROLE}/" in call.principal
        if is_ours and call.operation in WRITES.get(call.service, ()):
            params = {name: str(value) for name, value in call.params.items()}
            about = params.get("UserName") or secret_of(call)
            yield (call.account, call.operation, about, params.get("AccessKeyId", ""))
