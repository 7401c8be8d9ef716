"""The one write that takes a secret away: its deletion is scheduled where nobody needs it."""

from datetime import timedelta
from typing import Final

from keyturn_sandbox.emulator.call_log import Call
from keyturn_sandbox.judge.evidence import (
    ACTIVE,
    INACTIVE,
    is_keyturn,
    secret_name,
    secret_of,
    token_of,
)
from keyturn_sandbox.judge.history import KeyStory, ReplayedHistory

_RECOVERY: Final = 30
"""Days for which it can be taken back: the most that AWS allows."""
_UNREAD: Final = timedelta(days=35)
"""What reads once a month has read in them."""


def is_scheduled_deletion(history: ReplayedHistory, index: int, call: Call) -> bool:
    """
    Whether it schedules the deletion of a secret that can be taken back, and nobody needs.

    Its key was used after it was stored, and is its user's only one; or its user has none left,
    for IAM deletes no user who has a key. And nobody read the secret lately.
    """
    is_deletion = (call.service, call.operation) == ("secretsmanager", "DeleteSecret")
    window = call.params.get("RecoveryWindowInDays")
    if not is_deletion or window != _RECOVERY or "ForceDeleteWithoutRecovery" in call.params:
        return False
    name = secret_of(call)
    if not name.startswith(f"Account_{call.account}_User_") or _was_read(history, index, name):
        return False
    living = [
        story
        for story in history.stories.values()
        if story.account == call.account
        and secret_name(story.account, story.user_at(index)) == name
        and story.status(index) in {ACTIVE, INACTIVE}
    ]
    secret = history.secret(call.account, name, index)
    # Sent once more, after an answer that was lost: it is scheduled by now.
    return secret is not None and all(
        len(living) == 1
        and story.status(index) == ACTIVE
        and secret.current == token_of(story.key_id)
        and _was_used_since(history, index, story)
        for story in living
    )


def _was_read(history: ReplayedHistory, index: int, name: str) -> bool:
    now = history.calls[index].at
    return any(
        call.operation == "GetSecretValue"
        and call.error is None
        and secret_of(call) == name
        and not is_keyturn(history.evidence, call)
        and now - call.at < _UNREAD
        for call in history.calls[:index]
    )


def _was_used_since(history: ReplayedHistory, index: int, story: KeyStory) -> bool:
    stored = history.deliveries.get(token_of(story.key_id))
    now = history.calls[index].at
    return stored is not None and any(stored[1] < used <= now for used in story.uses)
