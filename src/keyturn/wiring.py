"""
Which adapter is behind which port: it alone chooses, and channel_wiring.py for its channels.

What not every run over an account needs is loaded where it is made: whoever starts, in Lambda or
at a terminal, loads the work that is asked for, and no other (docs/decisions/0080).
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

from keyturn.adapters.alternate_contacts import AwsAlternateContacts
from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.adapters.clients import Journal, bucket_client, client, shared_client, write_to
from keyturn.adapters.event_bus import EventBridgeBus
from keyturn.adapters.iam import IamAccessKeys
from keyturn.adapters.kms import KeyNames, SealKeyInKms
from keyturn.adapters.no_bucket import NoDailyLimitLedger, NoDeferrals, NoPauseFlag, NoReceipts
from keyturn.adapters.s3_audit import S3Audit
from keyturn.adapters.s3_deferrals import S3Deferrals
from keyturn.adapters.s3_exemptions_file import S3ExemptionsFile
from keyturn.adapters.s3_folders_ahead import S3FoldersAhead
from keyturn.adapters.s3_ledger import S3DailyLimitLedger
from keyturn.adapters.s3_owners_file import S3OwnersFile
from keyturn.adapters.s3_pause_flag import S3PauseFlag
from keyturn.adapters.s3_receipts import CHANNELS_FOLDER, S3Receipts
from keyturn.adapters.s3_snapshots import S3Snapshots
from keyturn.adapters.sdk_session import AnySession, core_of, region_of
from keyturn.adapters.secret_list import SecretsManagerList
from keyturn.adapters.secrets_manager import SecretsManagerStore
from keyturn.adapters.sts import session_as
from keyturn.adapters.token_bucket import TokenBucket
from keyturn.configuration import MOST_PARALLEL
from keyturn.domain.decision import UserDecisions
from keyturn.domain.errors import InvalidValue, PortError
from keyturn.domain.events import Run
from keyturn.domain.key import Account, SentNotice, Unknown, UserFacts
from keyturn.domain.owner import AllowedDomains, Owner
from keyturn.domain.policy import CopiesToAdmin, ProofOfNotice
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.mail.letterhead import Letterhead
from keyturn.settings import Settings

if TYPE_CHECKING:
    from botocore.session import Session

    from keyturn.adapters.channel_secret import ChannelSecret
    from keyturn.adapters.channels.email import EmailChannel
    from keyturn.adapters.cloudtrail import CloudTrailHistory, EventHistory
    from keyturn.adapters.local_evidence import LocalEvidence
    from keyturn.adapters.local_exemptions_file import LocalExemptionsFile
    from keyturn.adapters.local_owners_file import LocalOwnersFile
    from keyturn.adapters.organizations import AwsOrganization
    from keyturn.adapters.s3_coverage import S3Coverage
    from keyturn.adapters.s3_evidence import S3Evidence
    from keyturn.adapters.s3_period_reports import S3PeriodReports
    from keyturn.adapters.ses_suppression import SesSuppressionList
    from keyturn.adapters.sqs import SqsQueue
    from keyturn.channel_wiring import ChannelParts
    from keyturn.domain.period_report import PeriodReport
    from keyturn.domain.users_target import UsersTarget
    from keyturn.mail.overrides import OverridableRenderer
    from keyturn.ports import (
        Channel,
        Clock,
        DailyLimitLedger,
        Deferrals,
        ExemptionsFileStore,
        LocatedPauseFlag,
        OwnersFileStore,
        PauseFlag,
        Plans,
    )
    from keyturn.use_cases.adopt import Adopt
    from keyturn.use_cases.announcers import Announcer, PublishToBus, RunAnnouncer, SendFromHere
    from keyturn.use_cases.audit_chain import MakeChain
    from keyturn.use_cases.channels import SayInChannels
    from keyturn.use_cases.daily_digest import DailyDigest
    from keyturn.use_cases.executor import Executor
    from keyturn.use_cases.exempt_users import ExemptUsers
    from keyturn.use_cases.exemption import NotifyOfExemption
    from keyturn.use_cases.fact_gatherer import FactGatherer
    from keyturn.use_cases.find_owner import FindOwner
    from keyturn.use_cases.inventory import FanOut
    from keyturn.use_cases.keep_secrets import KeepSecrets
    from keyturn.use_cases.list_owners import ListOwners
    from keyturn.use_cases.listed_secrets import ListedSecrets
    from keyturn.use_cases.mail_fate import Reachable, RecordMailFate, SayReachable
    from keyturn.use_cases.make_period_report import MakePeriodReport
    from keyturn.use_cases.memberships import Memberships
    from keyturn.use_cases.next_notice import FindNextNotice
    from keyturn.use_cases.notifications import BuildNotifications
    from keyturn.use_cases.notify import Notify
    from keyturn.use_cases.notify_of_report import NotifyOfReport
    from keyturn.use_cases.patience import Patience
    from keyturn.use_cases.publish_report import PublishReport
    from keyturn.use_cases.report_day import ReportDay
    from keyturn.use_cases.run_account import RunAccount
    from keyturn.use_cases.run_command import RunCommand
    from keyturn.use_cases.send_once import SendOnce
    from keyturn.use_cases.snapshot import TakeSnapshot
    from keyturn.use_cases.sum_up_run import SumUpRun

Complain = Callable[[str], None]
Kept = TypeVar("Kept")

LAPTOP_WAITS = 120.0
"""Seconds that a run from a laptop waits with each digest until SES takes it."""
TRAIL_LOOKUPS = 2.0
"""A second: AWS takes no more in an account and region."""
IAM_REGIONS = {
    "aws": "us-east-1",
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
}
"""Partition → where CloudTrail has the calls of services that are in no region."""
REPORT_READERS = 32
"""Accounts that a report of a week or a month reads at once: it waits for S3 most of its time."""
OWN = "own"
"""In place of an account's id: who we are is nothing that a call may have to wait for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    """One member account's clients; made once and kept over warm invocations."""

    iam: Any
    iam_once: Callable[[], Any]
    """Makes the client that makes keys, when the first key is made: on most days there is none."""
    iam_for_a_stop: Callable[[], Any]
    """Makes the client that stops a leaked key: it waits for no token, and is stubborn."""
    secrets: Any
    key_names: KeyNames
    contacts: AwsAlternateContacts
    trail: Callable[[str], Any]
    """Region → its client of CloudTrail, made when it is asked for."""

    def close(self) -> None:
        """Close the connections: a client that nobody has any more lets go of them late."""
        for made in (self.iam, self.secrets):
            made.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Connections:
    """The sessions and clients of one place, made once and kept over warm invocations."""

    session: AnySession
    settings: Settings
    journal: Journal
    clock: Clock
    account: str | None = None
    """Whose credentials these are, and so whose the bucket must be; None: AWS is asked."""
    own_owners_file: OwnersFileStore | None = None
    """The owners file of this machine that counts in place of the bucket's; None: none does."""
    members_kept: int = MOST_PARALLEL
    """How many member accounts' clients are kept; as many as are worked on at once, at least."""
    watched: Callable[[Any], Any] = lambda session: session
    """What each session of a role passes before a client is made of it: a rehearsal's guard."""
    _kept: dict[str, Any] = field(default_factory=dict)
    """What for → the client or adapter that was made for it."""
    _members: dict[str, _Member] = field(default_factory=dict)
    """Account id → its clients, in the order in which they were made."""
    _buckets: dict[tuple[str, str], TokenBucket] = field(default_factory=dict)
    """Account id and service → what it bears, which outlasts the clients that learnt it."""
    # Sessions may not make two clients at once; accounts run side by side.
    _making: RLock = field(default_factory=RLock)

    @property
    def sdk_session(self) -> Session:
        """botocore's session, whatever stands around it."""
        return core_of(self.session)

    def own_account(self) -> str:
        """The account whose credentials we hold."""
        return self.account or str(self._keep("account", self._ask_for_account))

    def _own_account_if_known(self) -> str | None:
        """Where nobody says who we are, that must not hold up a stop."""
        with suppress(PortError):
            return self.own_account()
        return None

    def _ask_for_account(self) -> str:
        with aws_errors_translated():
            return str(self._own("sts").get_caller_identity()["Account"])

    def caller(self) -> str:
        """Who we are: an ARN."""
        with aws_errors_translated():
            return str(self._own("sts").get_caller_identity()["Arn"])

    def account_of(self, key_id: str) -> str:
        """The id of the account of an access key, wherever in AWS that is."""
        with aws_errors_translated():
            return str(self._own("sts").get_access_key_info(AccessKeyId=key_id)["Account"])

    def forget(self, account: str) -> None:
        """Let a member account's clients go: thousands of them fill a laptop."""
        with self._making:
            member = self._members.pop(account, None)
        if member is not None:
            member.close()

    def _bucket(self, account: str, service: str) -> TokenBucket:
        """What all who ask this service in this account share."""
        with self._making:
            return self._buckets.setdefault((account, service), TokenBucket(self.clock))

    def _in_bucket(self, kind: Callable[..., Kept]) -> Kept:
        settings = self.settings
        tokens = self._bucket(OWN, "s3")
        s3 = self._keep("s3", lambda: bucket_client(self.session, self.own_account, tokens))
        return kind(s3, bucket=settings.bucket, prefix=settings.prefix)

    def _member(self, account: str) -> _Member:
        with self._making:
            if account not in self._members:
                while len(self._members) >= self.members_kept:
                    self._members.pop(next(iter(self._members))).close()
                self._members[account] = self._connect(account)
            return self._members[account]

    def _connect(self, account: str) -> _Member:

        role = self.settings.member_role
        session = self._session_in(account, role) if role else self.session

        def written(service: str, **options: Any) -> Any:  # noqa: ANN401 -- as above
            made = shared_client(session, service, self._bucket(account, service), **options)
            write_to(self.journal, made, service)
            return made

        return _Member(
            iam=written("iam"),
            iam_once=cache(lambda: written("iam", attempts=1)),
            iam_for_a_stop=cache(lambda: written("iam", stops=True)),
            secrets=written("secretsmanager"),
            # Made when a secret names its KMS key in another way than we do, which is rare.
            key_names=KeyNames(cache(lambda: client(session, "kms"))),
            # Asked where nothing else names an owner, and only if an operator wants it.
            contacts=AwsAlternateContacts(cache(lambda: client(session, "account"))),
            # One attempt: nothing depends on the answer, and others look there, too.
            trail=cache(
                lambda region: client(
                    session, "cloudtrail", attempts=1, waits=False, region=region
                )
            ),
        )

    def _seal_key(self) -> SealKeyInKms | None:

        key = self.settings.seal_key
        if not key:
            return None
        return self._keep("seal key", lambda: SealKeyInKms(lambda: self._own("kms"), key))  # type: ignore[no-any-return]  # what the lambda makes

    def _session_in(self, account: str, role: str) -> AnySession:

        region = self.settings.home_region
        partition = self.session.get_partition_for_region(region)
        return self.watched(  # type: ignore[no-any-return]  # the session that it was given
            session_as(
                self.session,
                self._own("sts"),
                f"arn:{partition}:iam::{account}:role/{role}",
                region,
                external_id=self.settings.external_id,
            )
        )

    def _own(self, service: str) -> Any:  # noqa: ANN401 -- boto3 makes the class at run time
        tokens = self._bucket(OWN, service)
        return self._keep(service, lambda: shared_client(self.session, service, tokens))

    def _keep(self, name: str, make: Callable[[], Any]) -> Any:  # noqa: ANN401 -- as above
        with self._making:
            if name not in self._kept:
                self._kept[name] = make()
            return self._kept[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tools:
    """What every work in one account is done with."""

    own_id: str
    keys: IamAccessKeys
    secret_store: SecretsManagerStore
    listed_secrets: ListedSecrets
    ledger: DailyLimitLedger
    fact_gatherer: FactGatherer
    executor: Executor
    exempt_users: ExemptUsers
    build_notifications: BuildNotifications


@dataclass(frozen=True, slots=True, kw_only=True)
class Aws(_Connections):
    """Everything of AWS that Keyturn reaches from one place: a function, or a laptop."""

    def run_account(
        self,
        run: Run,
        announcer: Announcer | None = None,
        *,
        is_of_the_day: bool = False,
        is_summed_up: bool = False,
    ) -> RunAccount:
        """
        All that one run over one account needs; it tells nobody unless told how.

        is_of_the_day: it leaves a snapshot that a digest of the day is made of, if there is one.
        is_summed_up: `sum_up_run` tells the administrators of it, and of other accounts.
        """
        from keyturn.use_cases.announcers import NotifyNobody
        from keyturn.use_cases.daily_cap import DailyCap
        from keyturn.use_cases.keep_account import KeepAccount
        from keyturn.use_cases.run_account import RunAccount

        settings, tools = self.settings, self._tools(run)
        return RunAccount(
            keep=KeepAccount(
                keys=tools.keys,
                fact_gatherer=tools.fact_gatherer,
                executor=tools.executor,
                policy=settings.policy,
                exempt_users=tools.exempt_users,
                keep_secrets=self._keep_secrets(tools),
                reports_root_keys=settings.reports_root_keys,
                reports_quarantine=settings.reports_quarantine,
                can_notify=announcer is not None,
                cap=DailyCap(
                    ledger=tools.ledger,
                    policy=settings.policy,
                    id=tools.own_id,
                    snapshots=self._in_bucket(S3Snapshots) if settings.bucket else None,
                ),
                pause_flag=self.pause_flag(),
                clock=self.clock,
                deferrals=self.deferrals(),
                exemptions_file=self.exemptions_file(),
                workers=settings.parallel_users,
            ),
            build_notifications=replace(
                tools.build_notifications, is_announced=announcer is not None
            ),
            announcer=announcer or NotifyNobody(),
            snapshot=self._snapshot(writes=announcer is not None or not run.dry_run),
            is_of_the_day=settings.copies_to_admin is CopiesToAdmin.DAILY and is_of_the_day,
            is_summed_up=is_summed_up,
        )

    def _keep_secrets(self, tools: _Tools) -> KeepSecrets:
        from keyturn.use_cases.keep_secrets import KeepSecrets

        return KeepSecrets(
            keys=tools.keys,
            secrets=tools.listed_secrets,
            store=tools.secret_store,
            clock=self.clock,
            policy=self.settings.policy,
            days=self.settings.policy.remove_secrets_after,
            kms_key=self.settings.secrets_key,
            workers=self.settings.parallel_users,
        )

    def sum_up_run(self, announcer: RunAnnouncer) -> SumUpRun:
        """What tells the administrators of a run over several accounts in one mail."""
        from keyturn.use_cases.sum_up_run import SumUpRun

        return SumUpRun(
            announcer=announcer,
            policy=self.settings.policy,
            snapshot=self._snapshot(writes=True),
        )

    def run_command(self, run: Run, announcer: Announcer | None = None) -> RunCommand:
        """All that an operator's command about one key needs; likewise."""
        from keyturn.use_cases.announcers import NotifyNobody
        from keyturn.use_cases.run_command import RunCommand

        tools, member = self._tools(run), self._member(run.account.id)
        return RunCommand(
            keys=IamAccessKeys(member.iam_for_a_stop(), member.iam_once),
            fact_gatherer=tools.fact_gatherer,
            executor=tools.executor,
            exempt_users=tools.exempt_users,
            policy=self.settings.policy,
            pause_flag=self.pause_flag(),
            clock=self.clock,
            build_notifications=replace(
                tools.build_notifications, is_announced=announcer is not None
            ),
            announcer=announcer or NotifyNobody(),
        )

    def adopt(self, run: Run) -> Adopt:
        """All that the adoption of a secret needs."""
        from keyturn.use_cases.adopt import Adopt

        tools = self._tools(run)
        return Adopt(
            keys=tools.keys,
            secret_store=tools.secret_store,
            exempt=lambda: tools.exempt_users.with_warning(dry_run=run.dry_run)[0],
            kms_key=self.settings.secrets_key,
            pause_flag=self.pause_flag(),
        )

    def _tools(self, run: Run) -> _Tools:
        """What every work in one account is done with."""
        from keyturn.use_cases.deliver import Deliver
        from keyturn.use_cases.end_exemption import EndExemption
        from keyturn.use_cases.executor import Executor
        from keyturn.use_cases.exempt_users import ExemptUsers
        from keyturn.use_cases.fact_gatherer import FactGatherer
        from keyturn.use_cases.listed_secrets import ListedSecrets
        from keyturn.use_cases.notifications import BuildNotifications
        from keyturn.use_cases.run_lease import RunLease

        settings = self.settings
        member = self._member(run.account.id)
        keys = IamAccessKeys(member.iam, member.iam_once)
        secret_store = SecretsManagerStore(
            member.secrets,
            settings.secrets_key,
            seal_key=self._seal_key(),
            is_one_key=member.key_names.are_one,
            clock=self.clock,
            only_reads=run.dry_run,
        )
        listed_secrets = ListedSecrets(
            SecretsManagerList(member.secrets, self.clock), run.account.id
        )
        receipts = self._receipts() if settings.bucket else NoReceipts()
        find_owner = self._find_owner(run.account, keys, receipts)
        # Not the run's id: a message that is handed over twice makes two runs of it.
        own_id = uuid.uuid4().hex
        ledger = self._in_bucket(S3DailyLimitLedger) if settings.bucket else NoDailyLimitLedger()
        exempt_users = ExemptUsers(
            keys=keys,
            group=settings.exemption_group,
            may_be_missing=settings.policy.allow_missing_exemption_group,
        )
        return _Tools(
            own_id=own_id,
            keys=keys,
            secret_store=secret_store,
            listed_secrets=listed_secrets,
            ledger=ledger,
            fact_gatherer=FactGatherer(
                keys=keys,
                secret_store=secret_store,
                listed_secrets=listed_secrets,
                receipts=receipts,
                policy=settings.policy,
                kms_key=settings.secrets_key,
                find_owner=find_owner,
                memberships=self._memberships(run.account.id),
            ),
            executor=Executor(
                keys=keys,
                secret_store=secret_store,
                deliver=Deliver(
                    keys=keys,
                    secret_store=secret_store,
                    run_id=own_id,
                    find_owner=find_owner,
                    patience=self.patience,
                    smtp_users=settings.smtp,
                ),
                lease=RunLease(ledger=ledger, clock=self.clock, id=own_id),
                clock=self.clock,
                kms_key=settings.secrets_key,
                end_exemption=EndExemption(
                    keys=keys,
                    exempt_users=exempt_users,
                    exemptions_file=self.exemptions_file(),
                    longest=settings.policy.max_exemption,
                    deferrals=self.deferrals(),
                    audit=self.audit(),
                    clock=self.clock,
                    run=run.id,
                    own_id=own_id,
                ),
            ),
            exempt_users=exempt_users,
            build_notifications=BuildNotifications(
                keys=keys,
                find_owner=find_owner,
                receipts=receipts,
                admin=settings.admin,
                policy=settings.policy,
                region=settings.home_region,
                tells_owners_of_dry_runs=settings.tells_owners_of_dry_runs,
                exemption_group=settings.exemption_group,
                workers=settings.parallel_users,
                smtp_users=settings.smtp,
                history=self._history(member) if settings.reads_cloudtrail else None,
            ),
        )

    def _history(self, member: _Member) -> CloudTrailHistory:
        """From where keys of an account are used, for one run: IAM's calls are in IAM's region."""
        from keyturn.adapters.cloudtrail import CloudTrailHistory
        from keyturn.adapters.pace import Pace

        home = str(member.secrets.meta.region_name)
        of_iam = IAM_REGIONS.get(self.session.get_partition_for_region(home), home)
        return CloudTrailHistory(
            member.trail,
            (home, of_iam),
            turns=Pace(lambda: TRAIL_LOOKUPS, self.clock),
            clock=self.clock,
            sleep=_sleep,
        )

    def event_history(self, account: str) -> EventHistory:
        """CloudTrail's event history of an account, for who can wait."""
        from keyturn.adapters.cloudtrail import EventHistory
        from keyturn.adapters.pace import Pace

        return EventHistory(
            self._member(account).trail,
            turns=lambda: Pace(lambda: TRAIL_LOOKUPS, self.clock),
            sleep=_sleep,
        )

    def trail_regions(self, account: str) -> tuple[str, str]:
        """Where CloudTrail has an account's calls about secrets, and those about keys."""
        home = str(self._member(account).secrets.meta.region_name)
        return home, IAM_REGIONS.get(self.session.get_partition_for_region(home), home)

    def every_region(self) -> tuple[str, ...]:
        """The regions that CloudTrail is in, as the SDK knows them; some may be off."""
        partition = self.session.get_partition_for_region(str(region_of(self.session)))
        return tuple(self.session.get_available_regions("cloudtrail", partition))

    def pause_flag(self) -> PauseFlag:
        """What stops every write."""

        return self._in_bucket(S3PauseFlag) if self.settings.bucket else NoPauseFlag()

    def located_pause_flag(self) -> LocatedPauseFlag:
        """The same, for whoever sets it: where it is counts. Raises InvalidValue without one."""

        self.settings.needs("S3BucketName")
        return S3PauseFlag(
            self._s3_for_a_stop(), bucket=self.settings.bucket, prefix=self.settings.prefix
        )

    def _s3_for_a_stop(self) -> Any:  # noqa: ANN401 -- boto3 makes the class at run time
        """Neither other calls' throttling nor its own holds it up: it gives up in some seconds."""
        return self._keep(
            "s3 for a stop",
            lambda: bucket_client(self.session, self._own_account_if_known, waits=False),
        )

    def deferrals(self) -> Deferrals:
        """The time that operators gave keys."""

        return self._in_bucket(S3Deferrals) if self.settings.bucket else NoDeferrals()

    def audit(self, *, urgent: bool = False) -> S3Audit | None:
        """
        Where operators' commands are written down; None without a bucket.

        urgent: what is commanded waits for the entry, and must not wait long.
        """
        settings = self.settings
        if urgent and settings.bucket:
            return S3Audit(self._s3_for_a_stop(), bucket=settings.bucket, prefix=settings.prefix)
        return self._in_bucket(S3Audit) if settings.bucket else None

    def evidence(self) -> S3Evidence:
        """Everything that is stored. Raises InvalidValue without a bucket."""
        from keyturn.adapters.s3_evidence import S3Evidence

        self.settings.needs("S3BucketName")
        return self._in_bucket(S3Evidence)

    def make_chain(self) -> MakeChain:
        """What adds links to the chain over audit entries and reports."""
        from keyturn.use_cases.audit_chain import MakeChain

        return MakeChain(store=self.evidence())

    def period_reports(self) -> S3PeriodReports:
        """Where the reports of weeks and months are stored, and the pages."""
        from keyturn.adapters.s3_period_reports import S3PeriodReports

        self.settings.needs("S3BucketName")
        return self._in_bucket(S3PeriodReports)

    def make_period_report(
        self, users_target: UsersTarget | None, write_page: Callable[[PeriodReport], str]
    ) -> MakePeriodReport:
        """
        What makes the reports of weeks and months.

        write_page: of the reporter alone, so that no other function's zip has the pages' files.
        """
        from keyturn.use_cases.make_period_report import MakePeriodReport
        from keyturn.use_cases.report_in_parts import ReportInParts
        from keyturn.use_cases.report_period import ReportPeriod

        self.settings.needs("EventBusName", "S3BucketName")
        reports = self.period_reports()
        return MakePeriodReport(
            reports=reports,
            parts=ReportInParts(
                reports=reports,
                report_period=ReportPeriod(evidence=self.evidence(), workers=REPORT_READERS),
            ),
            publisher=self._publisher(),
            write_page=write_page,
            users_target=users_target,
        )

    def _memberships(self, account: str) -> Memberships:
        from keyturn.use_cases.memberships import Memberships

        snapshots = self._in_bucket(S3Snapshots) if self.settings.bucket else None
        return Memberships(snapshots=snapshots, account=account)

    def _snapshot(self, *, writes: bool) -> TakeSnapshot | None:
        """A dry run from a laptop that tells nobody writes nothing at all."""
        from keyturn.use_cases.snapshot import TakeSnapshot

        if not (writes and self.settings.bucket):
            return None
        return TakeSnapshot(snapshots=self._in_bucket(S3Snapshots), policy=self.settings.policy)

    def over_bus(self) -> PublishToBus:
        """
        Announce over the bus; the notifier behind it sends the mails.

        Raises InvalidValue where no bus, bucket or admin's address is set. So do the others below:
        each names the parameter that it lacks.
        """
        from keyturn.use_cases.announcers import PublishToBus

        self.settings.needs("EventBusName", "S3BucketName", "AdminEmailAddress")
        return PublishToBus(bus=self._bus())

    def by_mail(self, complain: Complain) -> SendFromHere:
        """Send the mails from here."""
        from keyturn.use_cases.announcers import SendFromHere

        def a_while() -> Patience:
            began = self.clock()
            return self.patience(
                lambda: LAPTOP_WAITS - (self.clock() - began).total_seconds(),
            )

        return SendFromHere(
            notify=self.notify(complain, complain, complain),
            notify_of_report=self.notify_of_report(complain, complain, complain),
            clock=self.clock,
            patience=a_while,
        )

    def notify(self, complain: Complain, warn: Complain, rate_unknown: Complain) -> Notify:
        """
        The notifier, for one invocation.

        `complain` gets a sentence for each template of theirs that fails; `warn` one, if SES does
        not say who can be reached; `rate_unknown` one, if it does not say how fast it takes mails.
        """
        from keyturn.use_cases.notify import Notify

        self.settings.needs("S3BucketName", "AdminEmailAddress")
        return Notify(
            sender=self._send_once(complain, rate_unknown), reachable=self._reachable(warn)
        )

    def record_mail_fate(self) -> RecordMailFate:
        """The notifier's third task: what became of a mail."""
        from keyturn.adapters.s3_fates import S3Fates
        from keyturn.use_cases.mail_fate import RecordMailFate

        self.settings.needs("S3BucketName")
        fates = self._in_bucket(S3Fates)
        return RecordMailFate(fates=fates, marks=fates)

    def say_reachable(self) -> SayReachable:
        """What takes an operator's word for it that an address can be reached again."""
        from keyturn.adapters.s3_fates import S3Fates
        from keyturn.use_cases.mail_fate import SayReachable

        self.settings.needs("S3BucketName")
        return SayReachable(marks=self._in_bucket(S3Fates))

    def suppression_list(self) -> SesSuppressionList:
        """The addresses that SES sends nothing to, in the region that mails are sent from."""
        from keyturn.adapters.ses_suppression import SesSuppressionList

        return SesSuppressionList(self._ses_for_questions())

    def patience(self, left: Callable[[], float]) -> Patience:
        """Wait as long as so many seconds are left."""
        from keyturn.use_cases.patience import Patience

        return Patience(left=left, sleep=_sleep, chance=random.random)

    def notify_of_exemption(self, complain: Complain, rate_unknown: Complain) -> NotifyOfExemption:
        """The notifier's other task."""
        from keyturn.use_cases.exemption import NotifyOfExemption

        self.settings.needs("EventBusName", "S3BucketName", "AdminEmailAddress")
        return NotifyOfExemption(
            sender=self._send_once(complain, rate_unknown),
            bus=self._bus(),
            admin=Recipient(ChannelName.EMAIL, self.settings.admin),
        )

    def notify_of_report(
        self, complain: Complain, warn: Complain, rate_unknown: Complain
    ) -> NotifyOfReport:
        """The notifier's mail of a day, week or month; its arguments are those of `notify`."""
        from keyturn.use_cases.notify_of_report import NotifyOfReport

        self.settings.needs("S3BucketName", "AdminEmailAddress")
        return NotifyOfReport(
            sender=self._send_once(complain, rate_unknown),
            reachable=self._reachable(warn),
            admin=Recipient(ChannelName.EMAIL, self.settings.admin),
        )

    def say_in_channels(self, complain: Complain) -> SayInChannels:
        """
        What says notices in the channels beside mail that are on.

        complain: hears what a channel took, but not all of it. The channels are kept, so that one
        that is off stays off: it hears of them for as long.
        """
        from keyturn.channel_wiring import channels_on
        from keyturn.use_cases.channels import SayInChannels
        from keyturn.use_cases.send_once import SendOnce

        self.settings.needs("S3BucketName", "AdminEmailAddress")
        on = channels_on(self.settings)

        def made() -> tuple[Channel, ...]:
            parts = self._channel_parts(complain)
            return tuple(each.made_of(parts) for each in on)

        channels = self._keep("channels", made)
        return SayInChannels(
            # Not among mail's receipts: who writes these must not prove a mail (decision 0047).
            sender=SendOnce(
                book=self._in_bucket(partial(S3Receipts, folder=CHANNELS_FOLDER)),
                messages=None,
                channels={channel.name: channel for channel in channels},
            ),
            ways=tuple(way for each in on for way in each.ways),
            admin=Recipient(ChannelName.EMAIL, self.settings.admin),
            clock=self.clock,
            patience=self.patience,
        )

    def _channel_parts(self, complain: Complain) -> ChannelParts:
        from keyturn.adapters.https import HttpsSender
        from keyturn.adapters.s3_conversations import S3Conversations
        from keyturn.channel_wiring import ChannelParts
        from keyturn.mail.brief import brief_of
        from keyturn.mail.renderer import Mails

        mails, https = Mails(self._letterhead()), HttpsSender(self.clock)
        return ChannelParts(
            secret=self._channel_secret,
            post=https.post,
            call=https.send,
            conversations=self._in_bucket(S3Conversations),
            brief=partial(brief_of, mails),
            subject=lambda content: mails.words_of(content).subject,
            clock=self.clock,
            complain=complain,
        )

    def _channel_secret(
        self, parameter: str, arn: str, fields: tuple[str, ...], may_have: tuple[str, ...] = ()
    ) -> ChannelSecret:
        from keyturn.adapters.channel_secret import ChannelSecret

        region = arn.split(":")[3]
        return ChannelSecret(
            client(self.session, "secretsmanager", region=region),
            arn,
            parameter=parameter,
            fields=fields,
            may_have=may_have,
            clock=self.clock,
        )

    def plans(self) -> Plans:
        """Where plans are stored that somebody approved of."""
        from keyturn.adapters.s3_plans import S3Plans

        self.settings.needs("S3BucketName")
        return self._in_bucket(S3Plans)

    def queue(self) -> SqsQueue:
        """The queue to the rotation function."""
        from keyturn.adapters.sqs import SqsQueue

        self.settings.needs("QueueUrl")
        return SqsQueue(self._own("sqs"), self.settings.queue)

    def organization(self) -> AwsOrganization:
        """The organisation, read by its role in the management account where one is set."""
        from keyturn.adapters.organizations import ATTEMPTS as ORGANIZATIONS_ATTEMPTS
        from keyturn.adapters.organizations import AwsOrganization

        settings = self.settings
        session = self.session
        if settings.list_role:
            settings.needs("OrgListAccount")
            session = self._session_in(settings.list_account, settings.list_role)
        return AwsOrganization(
            self._keep(
                "organization",
                lambda: client(session, "organizations", attempts=ORGANIZATIONS_ATTEMPTS),
            )
        )

    def fan_out(self) -> FanOut:
        """From the organisation to the queue."""
        from keyturn.adapters.s3_reports import S3DailyReports
        from keyturn.use_cases.inventory import FanOut

        return FanOut(
            organization=self.organization(),
            queue=self.queue(),
            scope=self.settings.scope,
            owners_file=self.owners_file(),
            records=self._in_bucket(S3DailyReports) if self.settings.bucket else None,
            stage=self.settings.stage,
        )

    def owners_file(self) -> OwnersFileStore | None:
        """The rules that say who answers for which users; None: no bucket can hold them."""

        if self.own_owners_file is not None:
            return self.own_owners_file
        if not self.settings.bucket:
            return None
        return self._keep("owners file", lambda: self._in_bucket(S3OwnersFile))  # type: ignore[no-any-return]  # what the lambda makes

    def owners_file_to_check(self) -> OwnersFileStore:
        """
        The same, with the addresses left out that AllowedOwnerDomains does not allow.

        A run does not leave them out: it names the user whose owner's address is not allowed.
        """

        self.settings.needs("S3BucketName")
        return self._in_bucket(partial(S3OwnersFile, allows=_allowed(self.settings)))

    def exemptions_file(self) -> ExemptionsFileStore | None:
        """Until when users are exempt; None: no bucket can hold it."""

        return self._in_bucket(S3ExemptionsFile) if self.settings.bucket else None

    def coverage(self) -> S3Coverage:
        """Which accounts had a run."""
        from keyturn.adapters.s3_coverage import S3Coverage

        self.settings.needs("S3BucketName")
        return self._in_bucket(S3Coverage)

    def report_day(self) -> ReportDay:
        """A day of the whole organisation."""
        from keyturn.use_cases.report_day import ReportDay

        return ReportDay(
            coverage=self.coverage(),
            snapshots=self._in_bucket(S3Snapshots),
            workers=self.settings.parallel_users,
        )

    def daily_digest(self) -> DailyDigest:
        """What makes the administrators' one digest of each day."""
        from keyturn.adapters.s3_reports import S3DailyReports
        from keyturn.use_cases.daily_digest import DailyDigest
        from keyturn.use_cases.day_over import DayOver

        self.settings.needs("EventBusName", "S3BucketName")
        reports = self._in_bucket(S3DailyReports)
        return DailyDigest(
            reports=reports,
            day_over=DayOver(reports=reports, backlog=self.queue()),
            report_day=self.report_day(),
            chain=self.make_chain(),
            publisher=self._publisher(),
            pause_flag=self.pause_flag(),
        )

    def _publisher(self) -> PublishReport:
        from keyturn.use_cases.publish_report import PublishReport

        return PublishReport(bus=self._bus(), account=self.own_account())

    def owner_of(self, account: str, key_id: str) -> str:
        """The user of an account whose key it is. Raises NotFound where it is no user's."""

        member = self._member(account)
        return IamAccessKeys(member.iam, member.iam_once).owner_of(key_id)

    def owners(self, account: Account, users: Sequence[UserFacts]) -> Mapping[str, Owner]:
        """Who answers for the keys of these users of an account: user's name → owner."""
        from keyturn.use_cases.owners import LookUpOwners

        _, find_owner = self._owner_finder(account)
        look_up = LookUpOwners(find_owner=find_owner, workers=self.settings.parallel_users)
        return look_up.of(users)

    def list_owners(self, account: Account) -> ListOwners:
        """Who answers for which user of an account, and whom later sources name."""
        from keyturn.use_cases.list_owners import ListOwners

        keys, find_owner = self._owner_finder(account)
        workers = self.settings.parallel_users
        return ListOwners(keys=keys, find_owner=find_owner, workers=workers)

    def find_next_notice(self, account: Account) -> FindNextNotice:
        """What the owner of a key of an account would be sent next."""
        from keyturn.use_cases.addressing import Addressing
        from keyturn.use_cases.next_notice import FindNextNotice

        keys, find_owner = self._owner_finder(account)
        settings = self.settings
        return FindNextNotice(
            keys=keys,
            addressing=Addressing(find_owner=find_owner, policy=settings.policy),
            policy=settings.policy,
            admin=settings.admin,
            region=settings.home_region or "",
            smtp_users=settings.smtp,
        )

    def _owner_finder(self, account: Account) -> tuple[IamAccessKeys, FindOwner]:

        member = self._member(account.id)
        receipts = self._receipts() if self.settings.bucket else NoReceipts()
        keys = IamAccessKeys(member.iam, member.iam_once)
        return keys, self._find_owner(account, keys, receipts)

    def notices_of(
        self, users: Iterable[UserDecisions]
    ) -> Mapping[str, tuple[SentNotice, ...] | Unknown]:
        """What was sent about each key of these users: key id → notices; none without a bucket."""
        if not self.settings.bucket:
            return {}
        receipts = self._receipts()

        def of_key(user: UserFacts, key_id: str) -> tuple[SentNotice, ...] | Unknown:
            try:
                return receipts.notices_of_key(user.account, user.name, key_id)
            except PortError as error:
                return Unknown(str(error))

        return {
            key.key_id: of_key(decided.user, key.key_id)
            for decided in users
            for key in decided.user.keys
        }

    def _find_owner(
        self, account: Account, keys: IamAccessKeys, receipts: S3Receipts | NoReceipts
    ) -> FindOwner:
        from keyturn.use_cases.find_owner import FindOwner

        settings = self.settings
        reads_contacts = settings.reads_alternate_contacts
        return FindOwner(
            keys=keys,
            receipts=receipts,
            account=account,
            clock=self.clock,
            admin=settings.admin,
            tag=settings.owner_tag,
            allowed_domains=settings.allowed_owner_domains,
            owners_file=self.owners_file(),
            contacts=self._member(account.id).contacts if reads_contacts else None,
            all_sources=settings.policy.proof_of_notice is ProofOfNotice.DELIVERED,
        )

    def keys_in(self, account: str) -> IamAccessKeys:
        """What reads users and keys in a member account."""
        member = self._member(account)
        return IamAccessKeys(member.iam, member.iam_once)

    def _bus(self) -> EventBridgeBus:

        return EventBridgeBus(self._own("events"), self.settings.bus)

    def _send_once(self, complain: Complain, rate_unknown: Complain) -> SendOnce:
        from keyturn.adapters.s3_fates import S3Fates
        from keyturn.use_cases.send_once import SendOnce

        channels: tuple[Channel, ...] = (self._email(complain, rate_unknown),)
        return SendOnce(
            book=self._in_bucket(S3Receipts),
            messages=self._in_bucket(S3Fates),
            channels={channel.name: channel for channel in channels},
        )

    def _ses_for_questions(self) -> Any:  # noqa: ANN401 -- boto3 makes the class at run time
        # Two attempts, and no waiting between: SES takes some questions only once a second, and
        # mails are waiting.
        region = self.settings.mail_region
        return self._keep(
            "sesv2 for questions",
            lambda: client(self.session, "sesv2", attempts=2, waits=False, region=region),
        )

    def _reachable(self, warn: Complain) -> Reachable:
        from keyturn.adapters.s3_fates import S3Fates
        from keyturn.use_cases.mail_fate import Reachable

        return Reachable(
            suppression_list=self.suppression_list(),
            marks=self._in_bucket(S3Fates),
            warn=warn,
        )

    def _email(self, complain: Complain, rate_unknown: Complain) -> EmailChannel:
        from keyturn.adapters.channels.email import EmailChannel, SendRate
        from keyturn.adapters.pace import Pace

        # A mail whose answer was lost may have been sent: nothing sends it again at once. And it
        # does not wait by itself: who sends has a time to keep, and waits by the pace.
        ses = self._keep(
            "sesv2",
            lambda: client(
                self.session,
                "sesv2",
                attempts=1,
                waits=False,
                region=self.settings.mail_region,
            ),
        )

        def pace() -> Pace:
            rate = SendRate(
                self._ses_for_questions(),
                shared_by=self.settings.notifier_concurrency,
                clock=self.clock,
                complain=rate_unknown,
            )
            return Pace(rate, self.clock)

        return EmailChannel(
            ses,
            self._mails(complain),
            sender=self.settings.admin,
            turns=self._keep("mail pace", pace),
            taken=self._keep("mail senders", set),
            configuration_set=self.settings.configuration_set,
        )

    def _mails(self, complain: Complain) -> OverridableRenderer:
        from keyturn.adapters.s3_templates import S3Templates

        # Jinja2 is loaded for who sends mails: it is a twentieth of a cold start.
        from keyturn.mail.overrides import OverridableRenderer, TemplateCache

        def templates() -> TemplateCache:
            templates = self._in_bucket(S3Templates)
            return TemplateCache(self._letterhead(), read=templates.read, clock=self.clock)

        return OverridableRenderer(self._keep("mails", templates), complain)

    def _letterhead(self) -> Letterhead:
        # The functions run where the bucket is.
        return self.settings.letterhead(region_of(self.session) or "")

    def _receipts(self) -> S3Receipts:
        """What was notified, for who only reads; for one run, for it keeps what it has read."""

        besides = frozenset(self.settings.policy.proving_channels) - {ChannelName.EMAIL}
        ahead = self._in_bucket(partial(S3FoldersAhead, clock=self.clock))
        return self._in_bucket(partial(S3Receipts, besides=besides, ahead=ahead))


def local_evidence(folder: Path, prefix: str) -> LocalEvidence:
    """A copy of the bucket. Raises InvalidValue where the folder is none."""
    from keyturn.adapters.local_evidence import LocalEvidence

    for root in (folder / prefix, folder) if prefix else (folder,):
        if any((root / each).is_dir() for each in _STORED):
            return LocalEvidence(root)
    raise InvalidValue(
        "--folder",
        folder,
        f"must be a copy of the bucket: it has none of the folders {', '.join(_STORED)}",
    )


def exported_lines(path: Path, option: str) -> Iterator[tuple[str, str]]:
    """The lines of an exported file, or of a folder of them: where each is, and its text."""
    from keyturn.adapters.local_exports import exported

    return exported(path, option)


_STORED = ("audit", "receipts", "snapshots", "reports")
"""Folders below the prefix, by which a copy is known."""


def local_owners_file(
    path: Path, option: str, settings: Settings | None = None
) -> LocalOwnersFile:
    """
    An owners file of this machine. Raises InvalidValue, by the option, for none.

    settings: to check it, for the addresses left out that AllowedOwnerDomains does not allow.
    """
    from keyturn.adapters.local_owners_file import LocalOwnersFile

    if settings is None:
        return LocalOwnersFile(path, option=option)
    return LocalOwnersFile(path, option=option, allows=_allowed(settings))


def local_exemptions_file(path: Path, option: str) -> LocalExemptionsFile:
    """An exemptions file of this machine."""
    from keyturn.adapters.local_exemptions_file import LocalExemptionsFile

    return LocalExemptionsFile(path, option=option)


def _allowed(settings: Settings) -> Callable[[str], bool]:
    return AllowedDomains(frozenset(settings.allowed_owner_domains) or None).allow


def _sleep(seconds: float) -> None:
    time.sleep(seconds)  # looked up when it is called: where the clock can be moved, so can this
