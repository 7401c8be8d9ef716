"""
What mends each difference between AWS and an emulator of it, or what the difference means.

A text that begins with a file names what mends it: of keyturn_sandbox/emulator, or server.py of
tests/e2e. Any other says what our proofs miss by it.
"""

from collections.abc import Mapping
from typing import Final

MOTO: Final = "moto"
SANDBOX: Final = "sandbox"
MINISTACK: Final = "ministack"
MENDED: Final = "ministack, mended"

_SERVER: Final = "`tests/e2e/server.py`"
_KMS: Final = (
    "KMS is asked nothing. In the sandbox a test lets it refuse by `KmsClosed` of "
    "`injected_errors.py`; `tests/chaos` does at each call"
)
_BUS: Final = (
    "policies of buses are not evaluated. That the template's conditions are as meant, "
    "`tests/cloudformation` checks; that AWS evaluates them so, only a rehearsal shows"
)
_UNMENDED: Final[Mapping[str, str]] = {
    "name-case": "no test there makes users whose names differ by case; the sandbox refuses them",
    "alternate-contact": "it has no alternate contacts: none is notified there; the sandbox has",
    "quarantine-policy": "it has no quarantine policies: none is reported there; the sandbox has",
    "scheduled": (
        "a name that is scheduled for deletion is refused by another code, which means the same "
        "to Keyturn; the sandbox has AWS's"
    ),
    "most-tags": "no test comes near 50 tags there; the sandbox refuses the 51st",
    "kms-refusal": _KMS,
    "bucket-owner": "a bucket that somebody took over is tried on the sandbox, which refuses it",
    "bus-condition": (
        "its `PutPermission` does not take a whole policy, so the probe has nothing to try. That "
        "the template's conditions are as meant, `tests/cloudformation` checks; that AWS "
        "evaluates them so, only a rehearsal shows"
    ),
}

MENDS: Final[Mapping[tuple[str, str], str]] = {
    (MOTO, "created-at"): "`iam_rules.py`: times to the second",
    (MOTO, "inactive-key"): "`sts_rules.py`: who calls is looked up, and the key's status",
    (MOTO, "restored-key"): "`sts_rules.py`: likewise",
    (MOTO, "users-in-pages"): "`iam_rules.py`: lists in pages",
    (MOTO, "tag-case"): "`iam_rules.py`: one tag whatever its case",
    (MOTO, "name-case"): "`iam_rules.py`: one name whatever its case",
    (MOTO, "comma-name"): "`secret_rules.py`: names as AWS takes them",
    (MOTO, "quarantine-policy"): "`iam_rules.py`: AWS's own policies",
    (MOTO, "wrong-secret"): "`sts_rules.py`: the signature is checked",
    (MOTO, "labels-move"): "`secret_rules.py`: a version without a label is not described",
    (MOTO, "scheduled"): "`secret_rules.py`: what is scheduled for deletion takes no value",
    (MOTO, "most-tags"): "`secret_rules.py`: 50 tags at most",
    (MOTO, "kms-refusal"): _KMS,
    (MOTO, "last-modified"): "`buckets.py`: the answer has a Date",
    (MOTO, "bucket-owner"): "`buckets.py`: whose bucket it is",
    (MOTO, "deduplication"): "`queues.py`: remembered when the message is deleted, too",
    (MOTO, "batch-in-part"): "`queues.py`: an entry is refused by itself",
    (MOTO, "put-in-part"): "`event_bus.py`: nobody speaks for AWS",
    (MOTO, "bus-condition"): _BUS,
    (MOTO, "not-suppressed"): "`mail_feedback.py`: the suppression list",
    (MOTO, "send-rate"): "`mailbox.py`: SES's quota",
    (SANDBOX, "kms-refusal"): _KMS,
    (SANDBOX, "bus-condition"): _BUS,
    (MINISTACK, "third-key"): f"{_SERVER}: two keys at most",
    (MINISTACK, "users-in-pages"): f"{_SERVER}: lists in pages",
    (MINISTACK, "comma-name"): f"{_SERVER}: names as AWS takes them",
    (MINISTACK, "token-is-version"): f"{_SERVER}: no value, no version",
    (
        MINISTACK,
        "same-token",
    ): f"{_SERVER}: what is stored again under its token is no new version",
    (MINISTACK, "labels-move"): f"{_SERVER}: no value, no version",
    (MINISTACK, "empty-secret"): f"{_SERVER}: no value, no version",
    (MINISTACK, "list-tells-record"): f"{_SERVER}: no value, no version",
    **{(MINISTACK, name): text for name, text in _UNMENDED.items()},
    **{(MENDED, name): text for name, text in _UNMENDED.items()},
}
"""Where (a column of docs/fidelity.md) and probe → what mends it, or what it means."""
