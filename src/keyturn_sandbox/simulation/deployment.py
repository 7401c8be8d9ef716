"""
What the CloudFormation stacks put in place, made in the sandbox by plain calls.

The security account holds the functions' roles, two queues, the bus with its rule, and the
bucket; every member trusts one of those roles; the management account lets another list it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

from keyturn.deployment.model.bucket_policy import statements, with_statements
from keyturn_sandbox.emulator.cloud import REGION, LocalCloud
from keyturn_sandbox.simulation.people import OWNER_TAG, Company

MEMBER_ROLE = "asa-iam-key-auto-rotation"
LIST_ROLE = "asa-iam-key-auto-rotation-list-accounts"
INVENTORY_ROLE = "ASA-Account-Inventory-Role"
ROTATION_ROLE = "ASA-IAM-Access-Key-Rotation-Role"
NOTIFIER_ROLE = "ASA-Notifier-Role"
CHANNELS_ROLE = "ASA-Channels-Role"
REPORTER_ROLE = "ASA-Reporter-Role"
ADMIN = "security-ops@larkfield.example"
BUCKET = "asa-iam-rotation-sandbox"
PREFIX = "asa/asa-iam-rotation"
BUS = "asa-iam-key-rotation"
SECRETS_KEY = "alias/asa-iam-key-rotation"
SEAL_KEY = "alias/asa-iam-key-rotation-seal"
CONFIGURATION_SET = "asa-iam-key-rotation"
ATTEMPTS = 3
"""How often a message is tried before it goes to the dead letters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Where things are."""

    account: str
    """The security account."""
    rotation_queue: str
    notifier_queue: str
    dead_letters: tuple[str, ...]
    bus: str
    """Its ARN, by which the members' rules name it."""
    settings: Mapping[str, str]
    """The functions' environment, but for their credentials and the dry-run flag."""

    @property
    def roles(self) -> frozenset[str]:
        """The roles that Keyturn works under."""
        return frozenset(
            {MEMBER_ROLE, LIST_ROLE, INVENTORY_ROLE, ROTATION_ROLE, NOTIFIER_ROLE, REPORTER_ROLE}
        )


def role_arn(account: str, role: str) -> str:
    """The ARN of a role."""
    return f"arn:aws:iam::{account}:role/{role}"


def deploy(cloud: LocalCloud, company: Company) -> Deployment:
    """Put everything in place."""
    account = company.security_account
    for role in (INVENTORY_ROLE, ROTATION_ROLE, NOTIFIER_ROLE, REPORTER_ROLE):
        cloud.add_role(account, role, account)
    management = cloud.organization.management_account
    cloud.add_role(management, LIST_ROLE, role_arn(account, INVENTORY_ROLE))
    session = cloud.session(account)
    s3 = session.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    wanted = statements(partition="aws", account=account, bucket=BUCKET, prefix=PREFIX)
    policy = with_statements(None, tuple(chain.from_iterable(wanted.values())))
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    cloud.verify_sender(account, ADMIN)
    cloud.add_seal_key(account, SEAL_KEY)

    sqs = session.client("sqs")
    dead = (
        sqs.create_queue(QueueName="keyturn-dead.fifo", Attributes={"FifoQueue": "true"}),
        sqs.create_queue(QueueName="keyturn-dead"),
    )
    rotation = sqs.create_queue(
        QueueName="keyturn-rotation.fifo",
        Attributes={
            "FifoQueue": "true",
            "RedrivePolicy": _redrive(account, "keyturn-dead.fifo"),
        },
    )
    notifier = sqs.create_queue(
        QueueName="keyturn-notifier",
        Attributes={"RedrivePolicy": _redrive(account, "keyturn-dead")},
    )

    events = session.client("events")
    bus = events.create_event_bus(Name=BUS)["EventBusArn"]
    for rule, pattern in _notifier_rules(account).items():
        events.put_rule(Name=rule, EventBusName=BUS, EventPattern=json.dumps(pattern))
        events.put_targets(
            Rule=rule,
            EventBusName=BUS,
            Targets=[{"Id": "notifier", "Arn": _queue_arn(account, "keyturn-notifier")}],
        )
    return Deployment(
        account=account,
        rotation_queue=rotation["QueueUrl"],
        notifier_queue=notifier["QueueUrl"],
        dead_letters=tuple(queue["QueueUrl"] for queue in dead),
        bus=bus,
        settings={
            "IAMRoleName": MEMBER_ROLE,
            "OrgListRole": LIST_ROLE,
            "OrgListAccount": management,
            "QueueUrl": rotation["QueueUrl"],
            "EventBusName": BUS,
            "S3BucketName": BUCKET,
            "S3BucketPrefix": PREFIX,
            "AdminEmailAddress": ADMIN,
            "ResourceOwnerTag": OWNER_TAG,
            "SecretsKmsKey": SECRETS_KEY,
            "SealKey": SEAL_KEY,
            "HomeRegion": REGION,
        },
    )


def deploy_mail_events(
    cloud: LocalCloud, deployment: Deployment, *, region: str = REGION
) -> Mapping[str, str]:
    """
    Put in place what says what became of mails; setting of the notifier → value comes back.

    region: where the mails are sent from.
    """
    account, queue = deployment.account, _queue_arn(deployment.account, "keyturn-notifier")
    session = cloud.session(account)
    ses = session.client("sesv2", region_name=region)
    ses.create_configuration_set(ConfigurationSetName=CONFIGURATION_SET)
    ses.create_configuration_set_event_destination(
        ConfigurationSetName=CONFIGURATION_SET,
        EventDestinationName="keyturn",
        EventDestination={
            "Enabled": True,
            "MatchingEventTypes": [
                "BOUNCE",
                "COMPLAINT",
                "DELIVERY",
                "REJECT",
                "RENDERING_FAILURE",
            ],
            "EventBridgeDestination": {
                "EventBusArn": f"arn:aws:events:{region}:{account}:event-bus/default"
            },
        },
    )
    pattern = {
        "source": ["aws.ses"],
        "account": [account],
        "detail-type": [
            "Email Bounced",
            "Email Complaint Received",
            "Email Rejected",
            "Email Rendering Failed",
            "Email Delivered",
        ],
        "detail": {"mail": {"tags": {"ses:configuration-set": [CONFIGURATION_SET]}}},
    }
    home = f"arn:aws:events:{REGION}:{account}:event-bus/default"
    for where, target in {region: home, REGION: queue}.items():
        events = session.client("events", region_name=where)
        events.put_rule(Name="keyturn-mails", EventPattern=json.dumps(pattern))
        events.put_targets(Rule="keyturn-mails", Targets=[{"Id": "on", "Arn": target}])
    return {"ConfigurationSet": CONFIGURATION_SET}


def put_owners_file(cloud: LocalCloud, deployment: Deployment, text: str) -> None:
    """Put an owners file where Keyturn reads it."""
    s3 = cloud.session(deployment.account).client("s3")
    s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}/owners.yaml", Body=text.encode())


def deploy_channels(cloud: LocalCloud, deployment: Deployment) -> str:
    """Put in place what hears of notices for the channels beside mail; its queue's URL."""
    account = deployment.account
    cloud.add_role(account, CHANNELS_ROLE, account)
    session = cloud.session(account)
    sqs, events = session.client("sqs"), session.client("events")
    sqs.create_queue(QueueName="keyturn-channels-dead")
    queue: str = sqs.create_queue(
        QueueName="keyturn-channels",
        Attributes={"RedrivePolicy": _redrive(account, "keyturn-channels-dead")},
    )["QueueUrl"]
    for rule, pattern in _notifier_rules(account).items():
        name = f"{rule}-in-channels"
        events.put_rule(Name=name, EventBusName=BUS, EventPattern=json.dumps(pattern))
        events.put_targets(
            Rule=name,
            EventBusName=BUS,
            Targets=[{"Id": "channels", "Arn": _queue_arn(account, "keyturn-channels")}],
        )
    return queue


def _notifier_rules(account: str) -> Mapping[str, Mapping[str, object]]:
    """What of the bus goes to the notifier; the members' rules pass IAM's events on to it."""
    return {
        "keyturn-notices": {
            "source": ["iam.key-rotation"],
            "detail-type": ["Notices Due", "Digest Due"],
            "account": [account],
        },
        "keyturn-exemptions": {
            "source": ["aws.iam"],
            "detail-type": ["AWS API Call via CloudTrail"],
            "detail": {
                "eventName": [
                    "AddUserToGroup",
                    "RemoveUserFromGroup",
                    "CreateGroup",
                    "UpdateGroup",
                    "DeleteGroup",
                    "PutGroupPolicy",
                    "DeleteGroupPolicy",
                    "AttachGroupPolicy",
                    "DetachGroupPolicy",
                ]
            },
        },
    }


def _redrive(account: str, queue: str) -> str:
    return json.dumps(
        {"deadLetterTargetArn": _queue_arn(account, queue), "maxReceiveCount": ATTEMPTS}
    )


def _queue_arn(account: str, queue: str) -> str:
    return f"arn:aws:sqs:{REGION}:{account}:{queue}"
