"""
A small world to break things in: one member account, Keyturn running from the hub by mail.

A run that breaks connects anew, as a new process does. The ten invariants are judged from the
emulator's own log, at the end, for every moment before it. The clock moves by calls and by hand
alone, and the dice fall the same every time: so do the runs.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self, TypeAlias
from uuid import uuid4

import boto3
from moto.moto_api._internal import mock_random

from keyturn.cli.report import Report, as_json
from keyturn.domain.commands import OperatorCommand
from keyturn.domain.decision import Action
from keyturn.domain.errors import KeyturnError
from keyturn.domain.events import Run
from keyturn.domain.key import Account
from keyturn.domain.result import AccountPlan, AccountResult, Failure
from keyturn.domain.result import Request as Daily
from keyturn.schemas.plan import read_plan
from keyturn.settings import Settings
from keyturn.wiring import Aws
from keyturn_sandbox.emulator.cloud import LocalCloud, Perform
from keyturn_sandbox.emulator.faults import Fault, Faults, KilledError
from keyturn_sandbox.emulator.injected_errors import InjectedError
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from keyturn_sandbox.judge.evidence import Evidence, HeldKey, JudgedRun, Use, Windows, held_keys
from keyturn_sandbox.judge.verdict import judge
from keyturn_sandbox.simulation.demonstration import step_of

HUB = "222222222222"
MEMBER = "333333333333"
MEMBER_ROLE = "asa-iam-key-auto-rotation"
HUB_ROLE = "ASA-IAM-Access-Key-Rotation-Role"
BUCKET = "receipts"
ADMIN = "security@example.com"
OWNER = "owner@example.com"
GROUP = "IAMKeyRotationExemptionGroup"
KMS_KEY = "alias/asa-iam-key-rotation"
SEAL_KEY = "alias/asa-iam-key-rotation-seal"
FIRST_DAY = datetime(2026, 3, 2, 5, tzinfo=UTC)
DAY = timedelta(days=1)
SETTINGS = {
    "IAMRoleName": MEMBER_ROLE,
    "S3BucketName": BUCKET,
    "AdminEmailAddress": ADMIN,
    "SecretsKmsKey": KMS_KEY,
    "SealKey": SEAL_KEY,
    "DryRunFlag": "false",
}


def cloud_at(first: datetime = FIRST_DAY) -> LocalCloud:
    """A local AWS whose clock moves by calls and by hand alone."""
    return LocalCloud(now=first, short_pages=False, ticks=False)


Asked: TypeAlias = Daily | OperatorCommand
"""What a run is asked for, or what an operator orders about one key."""


@dataclass(slots=True)
class World:
    """The account, its users, and what Keyturn did there day by day."""

    settings: dict[str, str] = field(default_factory=lambda: dict(SETTINGS))
    cloud: LocalCloud = field(default_factory=cloud_at)
    runs: list[JudgedRun] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    used_daily: dict[str, str] = field(default_factory=dict)
    """Keys that a program works with, until it is stopped, by key id."""
    before: tuple[HeldKey, ...] | None = None
    owners: dict[str, str] = field(default_factory=dict)
    """Where each user's owner reads mail."""
    refusals: list[InjectedError] = field(default_factory=list)
    """What is denied in the account."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Keyturn's own clock."""
    state: list[tuple[str, str]] = field(default_factory=list)
    """At the end: user and status of every key."""
    _evidence: Evidence | None = None
    _warm: tuple[dict[str, str], Aws] | None = None
    _hub: boto3.Session | None = None
    _hands: dict[str, Any] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self.cloud.__enter__()
        mock_random.seed(0)  # the same key ids every time
        self.cloud.organization.create_account("hub", "hub@example.com", account_id=HUB)
        self.cloud.organization.create_account("member", OWNER, account_id=MEMBER)
        self.cloud.add_role(HUB, HUB_ROLE, HUB)
        self.cloud.add_role(MEMBER, MEMBER_ROLE, HUB)
        self.cloud.session(HUB).client("s3").create_bucket(Bucket=BUCKET)
        self.cloud.session(MEMBER).client("iam").create_group(GroupName=GROUP)
        self.cloud.verify_sender(HUB, ADMIN)
        self.cloud.add_seal_key(HUB, SEAL_KEY)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cloud.__exit__(kind, error, trace)

    # The scene

    def user(
        self, name: str, *keys: tuple[int, bool], in_use: bool = True, **tags: str
    ) -> list[str]:
        """Make a user with keys of so many days, Active or not; the last one is in use."""
        self.cloud.add_user(MEMBER, name, tags=tags)
        self.owners[name] = tags.get("owner", OWNER)
        return self.give(name, *keys, in_use=in_use)

    def give(self, name: str, *keys: tuple[int, bool], in_use: bool = True) -> list[str]:
        """Give a user keys, likewise."""
        made = [
            self.cloud.add_key(MEMBER, name, created=self.cloud.now - age * DAY, active=active)
            for age, active in keys
        ]
        if in_use and made and keys[-1][1]:
            self.used_daily[made[-1]] = name
        return made

    def exempt(self, user: str) -> None:
        """Put a user into the exemption group."""
        self.hand("iam").add_user_to_group(GroupName=GROUP, UserName=user)

    def approve_until(self, end: datetime) -> None:
        """Write into the exemptions file until when ann is exempt."""
        entry = (
            f'- {{account: "{MEMBER}", user: ann, ticket: T-1, owner: {OWNER}, reason: x, '
            f"expiry: {end:%Y-%m-%d}}}\n"
        )
        s3 = self.cloud.session(HUB).client("s3")
        body = f"version: 1\nexemptions:\n{entry}".encode()
        s3.put_object(Bucket=BUCKET, Key="exemptions.yaml", Body=body)

    def same_until(self, last: datetime) -> None:
        """Store for each day behind today what a run stores that sees the same."""
        s3 = self.cloud.session(HUB).client("s3")
        place = f"snapshots/date={{:%Y-%m-%d}}/account={MEMBER}.json"
        taken = s3.get_object(Bucket=BUCKET, Key=place.format(self.cloud.now))["Body"].read()
        for days in range(1, (last.date() - self.cloud.now.date()).days + 1):
            day = place.format(self.cloud.now + timedelta(days=days))
            s3.put_object(Bucket=BUCKET, Key=day, Body=taken)

    def hand(self, service: str) -> Any:  # noqa: ANN401 -- boto3 makes the class at run time
        """A person's own hand in the member account."""
        if service not in self._hands:
            session: Any = self.cloud.session(MEMBER)
            self._hands[service] = session.client(service)
        return self._hands[service]

    def checkpoint(self) -> Callable[[], None]:
        """Keep everything as it is; what comes back puts it back, again and again."""
        put_back, then = self.cloud.checkpoint([MEMBER]), _copy(self)

        def put_all_back() -> None:
            put_back()
            for name, value in _copied(then).items():
                setattr(self, name, value)

        return put_all_back

    def begin(self) -> None:
        """Take down what is there before anything happens; done by itself before the first run."""
        if self.before is None:
            self.before = held_keys(self.cloud, [MEMBER])

    def day(self, number: int) -> datetime:
        """When the run of a day starts, counted from 0."""
        return FIRST_DAY + number * DAY

    def go_to(self, moment: datetime) -> None:
        """Let time pass; programs work with their keys every day."""
        self.begin()
        today = self.cloud.now
        while (today := today + DAY) < moment:
            self._work(today)
        self.cloud.move_to(moment)
        self._work(moment - timedelta(minutes=5))

    def use(self, key_id: str) -> None:
        """Use a key once, a moment from now."""
        at = self.cloud.now + timedelta(seconds=1)
        self.cloud.use_key(MEMBER, key_id, at)
        self.uses.append(Use(key_id, at))

    def _work(self, at: datetime) -> None:
        active = {key.key_id for key in self.cloud.keys(MEMBER) if key.status == "Active"}
        for key_id in active & self.used_daily.keys():
            self.cloud.use_key(MEMBER, key_id, at)
            self.uses.append(Use(key_id, at))

    # Keyturn

    def aws(self) -> Aws:
        """Connect, as a new process does."""
        if self._hub is None:
            self._hub = self.cloud.role_session(HUB, HUB_ROLE, "keyturn")
        return Aws(
            session=self._hub,
            settings=Settings.read(self.settings),
            journal=lambda _action, _facts: None,
            clock=self.clock,
            account=HUB,
        )

    def configure(self, **settings: str) -> None:
        """Change settings, by their parameters' names, from the next run on."""
        self.settings |= settings

    def warm(self) -> Aws:
        """Stay connected, as a warm function does: for runs in which nothing breaks."""
        if self._warm is None or self._warm[0] != self.settings:
            self._warm = dict(self.settings), self.aws()
        return self._warm[1]

    def forget(self) -> None:
        """Connect anew for the next run: something that connections know has changed."""
        self._warm = None

    def run(
        self,
        fault: Fault | None = None,
        at: int = 0,
        *,
        of: str = "",
        on: str | None = None,
        asked: "Asked | Adopting | None" = None,
    ) -> "Ran":
        """Run once, with a fault at a call if one is named."""
        self.begin()
        started = self.cloud.now
        layer = Faults(
            fault=fault, at=at, of=of, on=on, watches=_is_keyturns, subject=self._user_of
        )
        aws = self.warm() if fault is None else self.aws()
        run = self.new_run(aws)
        asked = asked or Daily()
        result: AccountResult | None = None
        self.cloud.layers.append(layer)
        with suppress(KilledError):
            if isinstance(asked, Adopting):
                result = _adopted(aws, run, asked.secret)
            else:
                result = carry_out(aws, run, asked)
        self.cloud.layers.remove(layer)
        is_crashed = result is None or (fault is not None and layer.operation is not None)
        ran = self.judged(started, result, aws, asked)
        self.runs.append(replace(ran, crashed=is_crashed, unnoted=leaves_unnoted(layer)))
        return Ran(result=result, calls=tuple(layer.seen), befell=layer.operation)

    def run_twice(self) -> None:
        """Run, and a minute later once more: all is done already."""
        before = len(self.cloud.calls)
        self.run()
        # What it took back makes a new key count as delivered again (docs/limits.md).
        restored = any(call.operation == "RestoreSecret" for call in self.cloud.calls[before:])
        self.go_to(self.cloud.now + timedelta(minutes=1))
        self.run()
        self.runs[-1] = replace(self.runs[-1], repeats=not restored)

    def forcing(self, user: str) -> Daily:
        """A request to rotate a user's key at any age."""
        return Daily(forced=user, forced_at=self.cloud.now)

    def ordering(
        self, action: Action, key_id: str, *, even_exempt: bool = False
    ) -> OperatorCommand:
        """An operator's command about one key."""
        return OperatorCommand(
            action=action, key_id=key_id, given=self.cloud.now, even_exempt=even_exempt
        )

    def approving(self) -> Daily:
        """A request to do what is due now, and what is over the cap, by a plan in a file."""
        aws = self.warm()
        run = replace(self.new_run(aws), dry_run=True)
        plan = aws.run_account(run, aws.by_mail(lambda _: None)).plan(run, Daily())
        report = Report(
            at=run.at,
            dry_run=True,
            policy=aws.settings.policy,
            results=(AccountResult(plan=plan),),
        )
        approvals = read_plan(as_json(report).encode(), option="--approve", name="plan.json")
        return Daily(approved=approvals.lines[MEMBER])

    def new_run(self, aws: Aws) -> Run:
        """What a run is, that starts now."""
        return Run(
            id=f"run-{uuid4()}",
            account=Account(id=MEMBER, name="member", email=OWNER),
            at=self.cloud.now,
            dry_run=aws.settings.dry_run,
        )

    def slow_run(self, meanwhile: Callable[[], object], late: timedelta) -> None:
        """Plan, let something happen, and carry out the plan late."""
        self.begin()
        aws, started = self.aws(), self.cloud.now
        rotation = aws.run_account(self.new_run(aws), aws.by_mail(lambda _told: None))
        plan = rotation.plan(self.new_run(aws), Daily())
        meanwhile()
        self.go_to(max(self.cloud.now, started + late))
        requests: set[str] = set()

        def ours(request: ApiRequest, perform: Perform) -> ApiResponse:
            requests.add(request.request_id)
            return perform(request)

        self.cloud.layers.append(ours)
        result = rotation.carry_out(plan)
        self.cloud.layers.remove(ours)
        ran = self.judged(started, result, aws, Daily())
        self.runs.append(replace(ran, requests=frozenset(requests)))

    def judged(
        self,
        started: datetime,
        result: AccountResult | None,
        aws: Aws,
        asked: "Asked | Adopting",
    ) -> JudgedRun:
        """What the judge has to know of a run that ends now."""
        order = asked if isinstance(asked, OperatorCommand) else None
        failed = result is None or any(failure.user is None for failure in result.plan.failures)
        policy = aws.settings.policy
        return JudgedRun(
            started=started,
            ended=self.cloud.now,
            dry_run=aws.settings.dry_run,
            failed=frozenset({MEMBER}) if failed else frozenset(),
            windows=Windows(
                rotation=policy.rotation_period,
                inactive=policy.inactive_period,
                grace=policy.recovery_grace_period,
                unused=policy.unused_period,
                in_use=policy.retire_in_use,
                keys_a_day=policy.max_keys_per_day,
                percent_a_day=policy.max_percent_per_day,
            ),
            restores=_ordered(order, Action.RESTORE),
            revokes=_ordered(order, Action.REVOKE),
            without_successor=result is not None and _is_without_successor(result),
            approved=isinstance(asked, Daily) and asked.approved is not None,
            even_exempt=order is not None and order.even_exempt,
        )

    def _user_of(self, request: ApiRequest) -> str:
        """The user that a call is about; where there is only one, all calls are counted as one."""
        users = {key.user for key in self.cloud.keys(MEMBER)}
        if len(users) < 2:
            return ""
        params = request.params
        if "UserName" in params:
            return str(params["UserName"])
        if "AccessKeyId" in params:
            owners = {key.key_id: key.user for key in self.cloud.keys(MEMBER)}
            return owners.get(params["AccessKeyId"], "")
        named = str(params.get("SecretId") or params.get("Name") or params.get("Key") or "")
        named = named or str(params.get("Prefix", ""))
        return next((user for user in users if f"_{user}_" in named or f"/{user}/" in named), "")

    def forbid(self, operation: str) -> None:
        """Deny an operation in the account until it is allowed again."""
        self.refusals.append(self.cloud.deny(MEMBER, operation))

    def allow(self) -> None:
        """Allow again whatever was forbidden."""
        for refusal in self.refusals:
            refusal.lift()

    def pause(self, *, paused: bool) -> None:
        """Stop every write, or let them go on, as an operator does."""
        session: Any = self.cloud.session(HUB)
        if paused:
            body = b'{"by": "ann", "at": "2026-03-12T04:00:00Z", "why": "a test"}'
            session.client("s3").put_object(Bucket=BUCKET, Key="paused.json", Body=body)
        else:
            session.client("s3").delete_object(Bucket=BUCKET, Key="paused.json")

    # The judge

    def status(self, key_id: str) -> str | None:
        """A key's status; None if it is gone."""
        found = (key.status for key in self.cloud.keys(MEMBER) if key.key_id == key_id)
        return next(found, None)

    def held(self) -> list[tuple[str, str]]:
        """User and status of every key."""
        return sorted((key.user, key.status) for key in self.cloud.keys(MEMBER))

    def finish(self) -> None:
        """Take down what the emulator knows, to be judged when it is closed."""
        self.state = self.held()
        self._evidence = Evidence(
            calls=tuple(self.cloud.calls),
            mails=tuple(self.cloud.sent_mails),
            keys_before=self.before or (),
            keys_after=held_keys(self.cloud, [MEMBER]),
            uses=tuple(self.uses),
            secret_values=dict(self.cloud.secret_values()),
            texts=[],
            use_is_told_after=self.cloud.delays.last_use,
            keyturn_roles=frozenset({MEMBER_ROLE, HUB_ROLE}),
            bucket=BUCKET,
            accounts=frozenset({MEMBER}),
            runs=tuple(self.runs),
            mailboxes={(MEMBER, user): frozenset({box}) for user, box in self.owners.items()},
            step_of=step_of,
        )

    def violations(self) -> list[str]:
        """What the log says against the ten invariants."""
        assert self._evidence is not None, "finish() first"
        return [
            f"{verdict.number}. {verdict.title}: {violation}"
            for verdict in judge(self._evidence)
            for violation in verdict.violations
        ]


def leaves_unnoted(faults: Faults) -> bool:
    """Whether it may keep a receipt from being written: a claim alone is tried again later."""
    fault = faults.fault
    if fault is None or faults.operation not in {
        "sesv2:SendEmail",
        "s3:PutObject",
        "s3:HeadObject",
    }:
        return False
    if faults.operation == "sesv2:SendEmail":
        return True
    return not fault.passes and not (fault.kills and "receipts/" not in str(faults.befell["Key"]))


@dataclass(frozen=True, slots=True)
class Adopting:
    """An operator's order to take a secret into the record."""

    secret: str


def _adopted(aws: Aws, run: Run, secret: str) -> AccountResult:
    try:
        work = aws.adopt(run)
        planned = work.plan(secret)
        if not run.dry_run:
            work.carry_out(planned)
    except KeyturnError as error:
        return AccountResult(plan=AccountPlan(run=run, failures=(Failure(error=error),)))
    return AccountResult(plan=AccountPlan(run=run))


@dataclass(frozen=True, slots=True)
class Ran:
    """One run, and the calls it made."""

    result: AccountResult | None
    calls: Sequence[tuple[str, str]]
    """User and name of each; where there is only one user, nobody is named."""
    befell: str | None


def _is_without_successor(result: AccountResult) -> bool:
    """Whether a revocation answered that no new key could be made."""
    return any(outcome.error is not None for outcome in result.outcomes) or any(
        made.action is Action.REVOKE and not made.rotates and made.successor is None
        for decided in result.plan.users
        for made in decided.decisions
    )


def carry_out(aws: Aws, run: Run, asked: Asked) -> AccountResult:
    """Let a run, or an operator's command, do and tell what is asked for."""
    announcer = aws.by_mail(lambda _: None)
    if isinstance(asked, OperatorCommand):
        return aws.run_command(run, announcer).run(run, asked)
    return aws.run_account(run, announcer).run(run, asked)


def _ordered(order: OperatorCommand | None, action: Action) -> frozenset[str]:
    """The key that a run is ordered to do this with."""
    return frozenset({order.key_id} if order is not None and order.action is action else ())


_KEPT = {"cloud", "_warm", "_hub", "_hands"}
"""What is no memory: clients serve on."""


def _copy(world: World) -> dict[str, Any]:
    return _copied({each.name: getattr(world, each.name) for each in fields(world)})


def _copied(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.copy() if isinstance(value, list | dict) else value
        for name, value in values.items()
        if name not in _KEPT
    }


def _is_keyturns(request: ApiRequest) -> bool:
    return f"/{MEMBER_ROLE}/" in request.principal or f"/{HUB_ROLE}/" in request.principal
