"""
Which adapters stand behind a deployment and a look at one.

Apart from wiring.py, whose adapters the functions' zips carry: none of them deploys.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from threading import Lock
from typing import Any, Final

import boto3

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.adapters.channel_secret import ChannelSecret
from keyturn.adapters.channels import jira, slack, teams, webhook
from keyturn.adapters.clients import bucket_client, client
from keyturn.adapters.https import HttpsSender
from keyturn.adapters.iam import IamAccessKeys
from keyturn.adapters.organizations import ATTEMPTS as ORGANIZATIONS_ATTEMPTS
from keyturn.adapters.organizations import AwsOrganization
from keyturn.adapters.s3_exemptions_file import S3ExemptionsFile
from keyturn.adapters.s3_owners_file import S3OwnersFile
from keyturn.adapters.s3_pause_flag import S3PauseFlag
from keyturn.adapters.secret_list import SecretsManagerList
from keyturn.adapters.sts import session_as
from keyturn.deployment.adapters.channel_secrets import SecretsOfChannels
from keyturn.deployment.adapters.cloudformation import (
    CloudFormationStacks,
    CloudFormationStackSets,
)
from keyturn.deployment.adapters.cloudtrail import AwsCloudTrail
from keyturn.deployment.adapters.cloudwatch_durations import CloudWatchDurations
from keyturn.deployment.adapters.cloudwatch_log_groups import CloudWatchLogGroups
from keyturn.deployment.adapters.eventbridge_rules import EventBridgeRules
from keyturn.deployment.adapters.lambda_functions import AwsFunctions
from keyturn.deployment.adapters.member_account import MemberAccount
from keyturn.deployment.adapters.organization_features import AwsOrganizationFeatures
from keyturn.deployment.adapters.s3_archive import S3Archive
from keyturn.deployment.adapters.s3_artifact_bucket import S3ArtifactBucket
from keyturn.deployment.adapters.ses_identities import AwsSesIdentities
from keyturn.deployment.adapters.sqs_queue_depth import SqsQueueDepth
from keyturn.deployment.checks.observed import Observed, Probes
from keyturn.deployment.deploy import Deploy
from keyturn.deployment.model.package import Package
from keyturn.deployment.model.places import IAM_REGIONS, Names, Place
from keyturn.deployment.model.resources import ROTATION
from keyturn.domain.key import Account
from keyturn.domain.leftover import Leftover
from keyturn.ports import Clock
from keyturn.use_cases.leftovers import LookForLeftovers


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """The two accounts that a deployment reaches, each with credentials of its own."""

    security: boto3.Session
    management: boto3.Session

    def place(self, session: boto3.Session) -> Place:
        """Whose credentials these are, and which region is meant. Raises Denied for false ones."""
        with aws_errors_translated():
            account = client(session, "sts").get_caller_identity()["Account"]
        return Place(account, str(session.region_name))

    def deploy(self, package: Package, names: Names) -> Deploy:
        """A deployment."""
        security, management = self.place(self.security), self.place(self.management)
        partition = self.security.get_partition_for_region(security.region)
        return Deploy(
            security=security,
            management=management,
            partition=partition,
            artifact_bucket=S3ArtifactBucket(
                bucket_client(self.security, lambda: security.account),
                account=security.account,
                region=security.region,
                partition=partition,
            ),
            stacks=self._stacks(self.security, security.region),
            own_stacks=lambda region: self._stacks(self.security, region),
            head_stacks=lambda region: self._stacks(self.management, region),
            stack_sets=CloudFormationStackSets(
                client(self.management, "cloudformation"), time.sleep
            ),
            organization_features=AwsOrganizationFeatures(
                client(self.management, "organizations")
            ),
            functions=functions(self.security),
            log_groups=CloudWatchLogGroups(client(self.security, "logs")),
            package=package,
            names=names,
        )

    def observed(self, names: Names, now: datetime, look_role: str | None) -> Observed:
        """
        What the doctor sees.

        Args:
            names: what the stacks are called.
            now: the time, UTC.
            look_role: the role that is entered in each account; None: the member role.

        """
        security, management = self.place(self.security), self.place(self.management)
        partition = self.security.get_partition_for_region(security.region)
        iam_region = IAM_REGIONS[partition]
        function = (
            f"arn:{partition}:lambda:{security.region}:{security.account}:function:{ROTATION}"
        )
        s3 = bucket_client(self.security, lambda: security.account)

        members = _Members(
            security=self.security,
            management=self.management,
            own={management.account: self.management, security.account: self.security},
            home=security.region,
            iam_region=iam_region,
            look_role=look_role,
            now=now,
        )
        return Observed(
            probes=Probes(
                stacks=self._stacks(self.security, security.region),
                head_stacks=lambda region: self._stacks(self.management, region),
                stack_sets=CloudFormationStackSets(
                    client(self.management, "cloudformation"), time.sleep
                ),
                organization_features=AwsOrganizationFeatures(
                    client(self.management, "organizations")
                ),
                organization=AwsOrganization(
                    client(self.management, "organizations", attempts=ORGANIZATIONS_ATTEMPTS)
                ),
                functions=functions(self.security),
                function_durations=CloudWatchDurations(client(self.security, "cloudwatch")),
                event_rules=EventBridgeRules(client(self.security, "events")),
                rules_of=lambda region: EventBridgeRules(
                    client(self.security, "events", region=region)
                ),
                queue_depth=SqsQueueDepth(client(self.security, "sqs")),
                ses_identities=lambda region: ses_identities(self.security, region),
                cloudtrail=AwsCloudTrail(
                    lambda region: client(self.management, "cloudtrail", region=region),
                    iam_region,
                    function,
                ),
                own_cloudtrail=AwsCloudTrail(
                    lambda region: client(self.security, "cloudtrail", region=region),
                    security.region,
                    function,
                ),
                artifact_bucket=S3ArtifactBucket(
                    s3, account=security.account, region=security.region, partition=partition
                ),
                archive=lambda bucket, prefix: S3Archive(s3, bucket=bucket, prefix=prefix),
                pause_flag=lambda bucket, prefix: S3PauseFlag(s3, bucket=bucket, prefix=prefix),
                member=members.probe,
                leftovers=members.leftovers,
                owners_file=lambda bucket, prefix, allowed: S3OwnersFile(
                    s3, bucket=bucket, prefix=prefix, allows=allowed.allow
                ),
                exemptions_file=lambda bucket, prefix: S3ExemptionsFile(
                    s3, bucket=bucket, prefix=prefix
                ),
                channel_secrets=channel_secrets(self.security, lambda: now),
            ),
            security=security,
            management=management,
            partition=partition,
            now=now,
            enters_as_member=look_role is None,
            names=names,
        )

    def _stacks(self, session: boto3.Session, region: str) -> CloudFormationStacks:
        return CloudFormationStacks(client(session, "cloudformation", region=region))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Members:
    """The accounts of the organisation, each entered once, by whoever first looks into it."""

    security: boto3.Session
    management: boto3.Session
    own: Mapping[str, boto3.Session]
    """The credentials that are there already, by account."""
    home: str
    """The region of an account's secrets, where the stack names none."""
    iam_region: str
    look_role: str | None
    now: datetime
    entered: dict[str, boto3.Session] = field(default_factory=dict)
    making: Lock = field(default_factory=Lock)
    """boto3's sessions may not make two clients at once; accounts are entered side by side."""

    def probe(self, account: Account, parameters: Mapping[str, str]) -> MemberAccount:
        """What the member stack made there; parameters: the core stack's parameters."""
        region = self._region(parameters)
        with self.making:
            session = self._enter(account, parameters)
            return MemberAccount(
                client(session, "iam"),
                client(session, "kms", region=region),
                client(session, "events", region=self.iam_region),
                client(session, "secretsmanager", region=region),
            )

    def leftovers(self, account: Account, parameters: Mapping[str, str]) -> tuple[Leftover, ...]:
        """Its secrets without a living user."""
        with self.making:
            session = self._enter(account, parameters)
            iam = client(session, "iam")
            secrets = client(session, "secretsmanager", region=self._region(parameters))
        look = LookForLeftovers(
            keys=IamAccessKeys(iam, lambda: iam),
            # No run waits for this list: its pages alone bound it.
            secrets=SecretsManagerList(secrets, lambda: self.now),
        )
        return look.in_account(account.id)

    def _region(self, parameters: Mapping[str, str]) -> str:
        return parameters.get("HomeRegion") or self.home

    def _enter(self, account: Account, parameters: Mapping[str, str]) -> boto3.Session:
        if account.id not in self.entered:
            self.entered[account.id] = self._session(account, parameters)
        return self.entered[account.id]

    def _session(self, account: Account, parameters: Mapping[str, str]) -> boto3.Session:
        if self.look_role is None:  # the member role trusts people of the security account
            return _session_in(
                self.security,
                account.id,
                parameters.get("IAMRoleName", ""),
                external_id=parameters.get("ExternalId") or None,
            )
        # The management account has no role of the name that the others have for it.
        return self.own.get(account.id) or _session_in(self.management, account.id, self.look_role)


FIELDS_OF: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "WebhookSecretArn": (webhook.FIELDS, ()),
    "TeamsWebhookSecretArn": ((teams.URL,), ()),
    "SlackTokenSecretArn": ((slack.TOKEN,), ()),
    "SlackWebhookSecretArn": ((slack.URL,), ()),
    "JiraSecretArn": ((jira.TOKEN,), (jira.EMAIL,)),
}
"""A channel's parameter → what its secret has to hold, and may; as in channel_wiring.py."""


def channel_secrets(session: boto3.Session, clock: Clock) -> SecretsOfChannels:
    """The secrets of the channels beside mail in a session's account, and each check of one."""

    def of(region: str) -> Any:  # noqa: ANN401 -- boto3 makes the class at run time
        return client(session, "secretsmanager", region=region)

    def read(parameter: str, arn: str) -> None:
        fields, may_have = FIELDS_OF[parameter]
        secret = ChannelSecret(
            of(arn.split(":")[3]),
            arn,
            parameter=parameter,
            fields=fields,
            may_have=may_have,
            clock=clock,
        )
        values = secret.read()
        if "url" in values:
            HttpsSender(clock).check(values["url"])
        if parameter == "WebhookSecretArn":
            webhook.check(values)

    return SecretsOfChannels(of, {name: partial(read, name) for name in FIELDS_OF})


def ses_identities(session: boto3.Session, region: str) -> AwsSesIdentities:
    """Which addresses SES lets us send from; region: empty for the session's own."""
    return AwsSesIdentities(client(session, "sesv2", region=region or None))


def functions(session: boto3.Session) -> AwsFunctions:
    """The functions in a session's account."""
    return AwsFunctions(client(session, "lambda"))


def _session_in(
    own: boto3.Session, account: str, role: str, *, external_id: str | None = None
) -> boto3.Session:
    region = str(own.region_name)
    arn = f"arn:{own.get_partition_for_region(region)}:iam::{account}:role/{role}"
    return session_as(own, client(own, "sts"), arn, region, external_id=external_id)
