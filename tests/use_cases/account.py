"""One account, kept on fakes."""

import time
from datetime import UTC, datetime, timedelta

from keyturn.adapters.no_bucket import NoDeferrals
from keyturn.domain.events import Run
from keyturn.domain.key import Account, KeyFacts, Status
from keyturn.domain.policy import RotationPolicy
from keyturn.ports import Clock, DailyLimitLedger, Deferrals, PauseFlag, Receipts
from keyturn.use_cases.announcers import NotifyNobody
from keyturn.use_cases.daily_cap import DailyCap
from keyturn.use_cases.deliver import Deliver
from keyturn.use_cases.end_exemption import EndExemption
from keyturn.use_cases.executor import Executor
from keyturn.use_cases.exempt_users import ExemptUsers
from keyturn.use_cases.fact_gatherer import FactGatherer
from keyturn.use_cases.find_owner import FindOwner
from keyturn.use_cases.keep_account import KeepAccount
from keyturn.use_cases.listed_secrets import ListedSecrets
from keyturn.use_cases.memberships import Memberships
from keyturn.use_cases.notifications import BuildNotifications
from keyturn.use_cases.patience import Patience
from keyturn.use_cases.run_command import RunCommand
from keyturn.use_cases.run_lease import RunLease
from tests.fakes import (
    FakeDailyLimitLedger,
    FakeKeys,
    FakePauseFlag,
    FakeReceipts,
    FakeSecretList,
    FakeSecretStore,
)

NOW = datetime(2026, 3, 2, 5, tzinfo=UTC)
DAY = timedelta(days=1)
ACCOUNT = Account(id="333333333333", name="prod", email="owner@example.com")
RUN = Run(id="run", account=ACCOUNT, at=NOW, dry_run=False)
GROUP = "Exempt"


def a_key(key_id: str, age: int, status: Status = Status.ACTIVE) -> KeyFacts:
    """A key of so many days."""
    return KeyFacts(key_id=key_id, status=status, created=NOW - age * DAY)


def some_keys(**ages: int) -> FakeKeys:
    """One user with one key for each age."""
    held = {user: [a_key(f"AKIA-{user}", age)] for user, age in ages.items()}
    return FakeKeys(clock=lambda: NOW, held=held, groups={GROUP: set()})


def a_command(
    keys: FakeKeys, secret_store: FakeSecretStore, receipts: FakeReceipts, ledger: DailyLimitLedger
) -> RunCommand:
    """What an operator's command is carried out with."""
    account = an_account(keys, secret_store, receipts=receipts, ledger=ledger, run_id="order")
    return RunCommand(
        keys=keys,
        fact_gatherer=account.fact_gatherer,
        executor=account.executor,
        exempt_users=account.exempt_users,
        policy=account.policy,
        pause_flag=account.pause_flag,
        clock=account.clock,
        build_notifications=BuildNotifications(
            keys=keys,
            find_owner=a_finder(keys, receipts),
            receipts=receipts,
            admin="admin@example.com",
            region="eu-central-1",
        ),
        announcer=NotifyNobody(),
    )


def a_finder(
    keys: FakeKeys,
    receipts: Receipts,
    *,
    account: Account = RUN.account,
    admin: str = "admin@example.com",
    tag: str | None = None,
) -> FindOwner:
    """Find owners in an account of the fakes."""
    return FindOwner(
        keys=keys, receipts=receipts, account=account, clock=lambda: NOW, admin=admin, tag=tag
    )


def an_account(  # noqa: PLR0913 -- whatever a test puts in the place of the ordinary
    keys: FakeKeys,
    secret_store: FakeSecretStore | None = None,
    *,
    can_notify: bool = True,
    policy: RotationPolicy | None = None,
    receipts: Receipts | None = None,
    ledger: DailyLimitLedger | None = None,
    pause_flag: PauseFlag | None = None,
    run_id: str = "run",
    workers: int = 1,
    clock: Clock = lambda: NOW,
    reports_root_keys: bool = False,
    deferrals: Deferrals | None = None,
) -> KeepAccount:
    """Put an account together."""
    secret_store, policy = secret_store or FakeSecretStore(), policy or RotationPolicy()
    receipts = receipts or FakeReceipts()
    find_owner = a_finder(keys, receipts)
    ledger = ledger or FakeDailyLimitLedger(clock=clock)
    exempt_users = ExemptUsers(
        keys=keys, group=GROUP, may_be_missing=policy.allow_missing_exemption_group
    )
    return KeepAccount(
        deferrals=deferrals or NoDeferrals(),
        keys=keys,
        fact_gatherer=FactGatherer(
            keys=keys,
            secret_store=secret_store,
            listed_secrets=ListedSecrets(FakeSecretList(store=secret_store), RUN.account.id),
            receipts=receipts,
            policy=policy,
            kms_key=None,
            find_owner=find_owner,
            memberships=Memberships(snapshots=None, account=RUN.account.id),
        ),
        executor=Executor(
            keys=keys,
            secret_store=secret_store,
            deliver=Deliver(
                keys=keys,
                secret_store=secret_store,
                run_id=run_id,
                find_owner=find_owner,
                patience=lambda left: Patience(left=left, sleep=time.sleep, chance=lambda: 0.0),
            ),
            lease=RunLease(ledger=ledger, clock=clock, id=run_id),
            clock=clock,
            kms_key=None,
            end_exemption=EndExemption(
                keys=keys,
                exempt_users=exempt_users,
                exemptions_file=None,
                longest=policy.max_exemption,
                deferrals=deferrals or NoDeferrals(),
                audit=None,
                clock=clock,
                run=run_id,
                own_id=run_id,
            ),
        ),
        policy=policy,
        exempt_users=exempt_users,
        can_notify=can_notify,
        cap=DailyCap(ledger=ledger, policy=policy, id=run_id),
        pause_flag=pause_flag or FakePauseFlag(),
        clock=clock,
        workers=workers,
        reports_root_keys=reports_root_keys,
    )
