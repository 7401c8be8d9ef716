"""What a person types to do by hand what Keyturn does; mails and sentences show the same."""

import shlex


def enable_command(user: str, key_id: str) -> str:
    """The command, for a POSIX shell, by which a person enables a key."""
    return (
        f"aws iam update-access-key --user-name {shlex.quote(user)} "
        f"--access-key-id {shlex.quote(key_id)} --status Active"
    )


def join_group_command(user: str, group: str) -> str:
    """The command by which a person puts a user into a group."""
    return _group_command("add-user-to-group", user, group)


def leave_group_command(user: str, group: str) -> str:
    """The command by which a person takes a user out of a group."""
    return _group_command("remove-user-from-group", user, group)


def _group_command(what: str, user: str, group: str) -> str:
    return f"aws iam {what} --user-name {shlex.quote(user)} --group-name {shlex.quote(group)}"
