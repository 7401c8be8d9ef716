"""What a call of Keyturn's is: a write, a notice of its own, or one about keys."""

from datetime import datetime

from keyturn_sandbox.emulator.call_log import Call
from keyturn_sandbox.judge.evidence import Evidence, secret_of, text

_READS = ("Get", "List", "Describe", "Head", "Lookup", "Receive", "AssumeRole", "GenerateMac")
_OWN_NOTICES = {
    "ses": {"SendEmail"},
    "sesv2": {"SendEmail"},
    "events": {"PutEvents"},
    "sqs": {
        "SendMessage",
        "SendMessageBatch",
        "DeleteMessage",
        "DeleteMessageBatch",
        "ChangeMessageVisibility",
        "ChangeMessageVisibilityBatch",
    },
    "logs": {"CreateLogStream", "PutLogEvents"},
}
_OWN_FOLDERS = ("receipts", "snapshots", "reports", "audit/chain")
"""What a dry run keeps in the bucket; what is counted, ordered or paused is not its business."""
OF_KEYS = {
    "iam": {"CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"},
    "secretsmanager": {
        "CreateSecret",
        "PutSecretValue",
        "TagResource",
        "UntagResource",
        "RestoreSecret",
    },
}
"""What may change a user's keys, or the record of them."""


def is_write(call: Call) -> bool:
    """Whether the call may change something; what is not known to read may."""
    return not call.operation.startswith(_READS)


def is_own_notice(evidence: Evidence, call: Call) -> bool:
    """Whether the call only tells people, or keeps what Keyturn itself reads."""
    if call.service == "s3":
        folders = tuple(f"{evidence.prefix}{folder}/" for folder in _OWN_FOLDERS)
        is_own = text(call.params, "Key").startswith(folders)
        return is_own and is_in_own_bucket(evidence, call)
    return call.operation in _OWN_NOTICES.get(call.service, ())


def is_in_own_bucket(evidence: Evidence, call: Call) -> bool:
    """Whether the call puts an object into Keyturn's bucket, or deletes one there."""
    is_kept = call.service == "s3" and call.operation in {"PutObject", "DeleteObject"}
    return is_kept and text(call.params, "Bucket") == evidence.bucket


def spoken(call: Call) -> str:
    """Say who called what about whom, and when."""
    about = text(call.params, "AccessKeyId") or secret_of(call)
    words = [call.account, text(call.params, "UserName"), about]
    subject = " ".join(word for word in words if word)
    return f"{subject}: Keyturn called {call.service}:{call.operation} at {format_utc(call.at)}"


def format_utc(moment: datetime) -> str:
    """Write a moment, in UTC, as violations tell it."""
    return f"{moment:%Y-%m-%d %H:%M:%SZ}"
