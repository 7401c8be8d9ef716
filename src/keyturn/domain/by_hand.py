"""What a person types to do by hand what Keyturn does; mails and sentences show the same."""

import shlex


def enable_command(user: str, key_id: str) -> str:
    """The command, for a POSIX shell, by which a person enables a key."""
    return (
        f"aws iam update-access-key --user-name {shlex.quote(user)} "
        f"--access-key-id {shlex.quote(key_id)} --status Active"
    )
