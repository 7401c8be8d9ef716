"""
Which adapters stand behind a deployment and a look at one.

Apart from wiring.py, whose adapters the functions' zips carry: none of them deploys.
"""

import time
from dataclasses import dataclass

import boto3

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.adapters.clients import client
from keyturn.adapters.cloudformation import CloudFormationStacks, CloudFormationStackSets
from keyturn.adapters.organizations import AwsHeadquarters
from keyturn.adapters.s3_warehouse import S3Warehouse
from keyturn.domain.deployment import Place
from keyturn.use_cases.deploy import Deploy, Names, Package


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """The two accounts that a deployment reaches, each with credentials of its own."""

    security: boto3.Session
    management: boto3.Session

    def place(self, session: boto3.Session) -> Place:
        """Whose credentials these are, and which region is meant."""
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
            warehouse=S3Warehouse(
                client(self.security, "s3"),
                account=security.account,
                region=security.region,
                partition=partition,
            ),
            stacks=self._stacks(self.security, security.region),
            head_stacks=lambda region: self._stacks(self.management, region),
            stack_sets=CloudFormationStackSets(
                client(self.management, "cloudformation"), time.sleep
            ),
            headquarters=AwsHeadquarters(client(self.management, "organizations")),
            package=package,
            names=names,
        )

    def _stacks(self, session: boto3.Session, region: str) -> CloudFormationStacks:
        aws = client(session, "cloudformation", region=region)
        return CloudFormationStacks(aws, time.sleep)
