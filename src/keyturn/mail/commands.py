"""The commands that a mail gives its reader, ready to be pasted into a shell."""

import shlex
from collections.abc import Mapping

from keyturn.domain.by_hand import enable_command
from keyturn.domain.events import NoticeItem
from keyturn.domain.exemption import ExemptionChange, GroupChange

_UNDO: Mapping[GroupChange, str] = {
    GroupChange.ADDED: "remove-user-from-group --group-name {group} --user-name {user}",
    GroupChange.FOUND: "remove-user-from-group --group-name {group} --user-name {user}",
    GroupChange.REMOVED: "add-user-to-group --group-name {group} --user-name {user}",
    GroupChange.CREATED: "delete-group --group-name {group}",
    GroupChange.DELETED: "create-group --group-name {group}",
    GroupChange.RENAMED_TO: "get-group --group-name {group}",
    GroupChange.RENAMED_FROM: "update-group --group-name {other} --new-group-name {group}",
    GroupChange.POLICY: "get-group-policy --group-name {group} --policy-name {policy}",
    GroupChange.POLICY_REMOVED: "list-attached-group-policies --group-name {group}",
}


def trail_command(key_id: str, region: str) -> str:
    """The command that shows what was done with a key, from where."""
    return (
        "aws cloudtrail lookup-events --lookup-attributes "
        f"AttributeKey=AccessKeyId,AttributeValue={shlex.quote(key_id)} "
        f"--region {shlex.quote(region)}"
    )


def read_command(secret: str, region: str) -> str:
    """The command that prints the new key."""
    return (
        f"aws secretsmanager get-secret-value --secret-id {shlex.quote(secret)} "
        f"--region {shlex.quote(region)} --query SecretString --output text"
    )


def command_to_enable(item: NoticeItem) -> str:
    """The command that takes a disabling back."""
    return enable_command(item.user, item.key_id)


def undo_command(change: ExemptionChange) -> str:
    """The command that takes a change of the exemption group back, or shows what it is."""
    command = _UNDO[change.change]
    if change.change is GroupChange.POLICY and (change.policy or "").startswith("arn:"):
        command = "get-policy --policy-arn {policy}"
    quoted = {
        "group": change.group,
        "user": change.user,
        "policy": change.policy,
        "other": change.other_group,
    }
    filled = command.format_map({name: shlex.quote(text or "") for name, text in quoted.items()})
    return f"aws iam {filled}"
