"""
A small world to break things in: one member account, Keyturn running from the hub by mail.

Every run connects anew, as a new process does. After every run the ten invariants are judged
from the emulator's own log.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from moto.moto_api._internal import mock_random

from keyturn.domain.decision import Action
from keyturn.domain.events import Run
from keyturn.domain.key import Account
from keyturn.domain.orders import Order
from keyturn.sandbox.cloud import LocalCloud
from keyturn.sandbox.demonstration import step_of
from keyturn.sandbox.evidence import Evidence, HeldKey, Use, Windows, held_keys
from keyturn.sandbox.evidence import Run as JudgedRun
from keyturn.sandbox.faults import Fault, Faults, KilledError
from keyturn.sandbox.invariants import judge
from keyturn.sandbox.wire import Request
from keyturn.settings import Settings
from keyturn.use_cases.keep_account import AccountResult
from keyturn.use_cases.keep_account import Request as Asked
from keyturn.wiring import Aws

HUB = "222222222222"
MEMBER = "333333333333"
MEMBER_ROLE = "asa-iam-key-auto-rotation"
HUB_ROLE = "ASA-IAM-Access-Key-Rotation-Role"
BUCKET = "receipts"
ADMIN = "security@example.com"
OWNER = "owner@example.com"
GROUP = "IAMKeyRotationExemptionGroup"
KMS_KEY = "alias/asa-iam-key-rotation"
FIRST_DAY = datetime(2026, 3, 2, 5, tzinfo=UTC)
DAY = timedelta(days=1)
SETTINGS = {
    "IAMRoleName": MEMBER_ROLE,
    "S3BucketName": BUCKET,
    "AdminEmailAddress": ADMIN,
    "SecretsKmsKey": KMS_KEY,
    "DryRunFlag": "false",
}


@dataclass(slots=True)
class World:
    """The account, its users, and what Keyturn did there day by day."""

    settings: dict[str, str] = field(default_factory=lambda: dict(SETTINGS))
    cloud: LocalCloud = field(default_factory=lambda: LocalCloud(now=FIRST_DAY, short_pages=False))
    runs: list[JudgedRun] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    used_daily: dict[str, str] = field(default_factory=dict)
    """Keys that a program works with, until it is stopped, by key id."""
    before: tuple[HeldKey, ...] | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Keyturn's own clock."""
    state: list[tuple[str, str]] = field(default_factory=list)
    """At the end: user and status of every key."""
    _evidence: Evidence | None = None
    _warm: Aws | None = None

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
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cloud.__exit__(kind, error, trace)

    # The scene

    def user(self, name: str, *keys: tuple[int, bool], in_use: bool = True) -> list[str]:
        """Make a user with keys of so many days, Active or not; the last one is in use."""
        self.cloud.add_user(MEMBER, name)
        made = [
            self.cloud.add_key(MEMBER, name, created=self.cloud.now - age * DAY, active=active)
            for age, active in keys
        ]
        if in_use and made and keys[-1][1]:
            self.used_daily[made[-1]] = name
        return made

    def exempt(self, user: str) -> None:
        """Put a user into the exemption group."""
        iam = self.cloud.session(MEMBER).client("iam")
        iam.add_user_to_group(GroupName=GROUP, UserName=user)

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
        return Aws(
            session=self.cloud.role_session(HUB, HUB_ROLE, "keyturn"),
            settings=Settings.read(self.settings),
            journal=lambda _action, _facts: None,
            clock=self.clock,
        )

    def configure(self, **settings: str) -> None:
        """Change settings, by their parameters' names, from the next run on."""
        self.settings |= settings
        self._warm = None

    def warm(self) -> Aws:
        """Stay connected, as a warm function does: for runs in which nothing breaks."""
        if self._warm is None:
            self._warm = self.aws()
        return self._warm

    def run(
        self,
        fault: Fault | None = None,
        at: int = 0,
        *,
        on: str | None = None,
        forced: str | None = None,
        order: Order | None = None,
    ) -> "Ran":
        """Run once, with a fault at a call if one is named."""
        self.begin()
        started = self.cloud.now
        layer = Faults(fault=fault, at=at, on=on, watches=_is_keyturns)
        aws = self.warm() if fault is None else self.aws()
        run = Run(
            id=f"run-{len(self.runs)}",
            account=Account(id=MEMBER, name="member", email=OWNER),
            at=started,
            dry_run=aws.settings.dry_run,
        )
        asked = Asked(forced=forced, forced_at=started if forced else None, order=order)
        result: AccountResult | None = None
        self.cloud.layers.append(layer)
        with suppress(KilledError):
            result = aws.run_account(run, aws.by_mail(print)).run(run, asked)
        self.cloud.layers.remove(layer)
        failed = result is not None and any(f.user is None for f in result.plan.failures)
        self.runs.append(
            JudgedRun(
                started=started,
                ended=self.cloud.now,
                dry_run=run.dry_run,
                crashed=result is None or (fault is not None and layer.operation is not None),
                failed=frozenset({MEMBER}) if failed or result is None else frozenset(),
                restores=_ordered(order, Action.RESTORE),
                revokes=_ordered(order, Action.REVOKE),
                even_exempt=order is not None and order.even_exempt,
            )
        )
        return Ran(result=result, calls=tuple(layer.seen), befell=layer.operation)

    # The judge

    def finish(self) -> None:
        """Take down what the emulator knows, to be judged when it is closed."""
        self.state = sorted((key.user, key.status) for key in self.cloud.keys(MEMBER))
        self._evidence = Evidence(
            calls=tuple(self.cloud.calls),
            mails=tuple(self.cloud.sent_mails),
            keys_before=self.before or (),
            keys_after=held_keys(self.cloud, [MEMBER]),
            uses=tuple(self.uses),
            secret_values=dict(self.cloud.secret_values()),
            texts=[],
            windows=Windows(),
            keyturn_roles=frozenset({MEMBER_ROLE, HUB_ROLE}),
            bucket=BUCKET,
            accounts=frozenset({MEMBER}),
            runs=tuple(self.runs),
            step_of=step_of,
        )

    def violations(self, forgiving: str | None = None) -> list[str]:
        """What the log says against the ten invariants."""
        assert self._evidence is not None, "finish() first"
        return [
            f"{finding.number}. {finding.title}: {violation}"
            for finding in judge(self._evidence)
            for violation in finding.violations
            if forgiving is None or forgiving not in violation
        ]


@dataclass(frozen=True, slots=True)
class Ran:
    """One run, and the calls it made."""

    result: AccountResult | None
    calls: Sequence[str]
    befell: str | None


def _ordered(order: Order | None, action: Action) -> frozenset[str]:
    """The key that a run is ordered to do this with."""
    return frozenset({order.key_id} if order is not None and order.action is action else ())


def _is_keyturns(request: Request) -> bool:
    return f"/{MEMBER_ROLE}/" in request.principal or f"/{HUB_ROLE}/" in request.principal
