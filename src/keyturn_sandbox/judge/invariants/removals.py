"""The one write to who is exempt: the removal from the exemption group, two weeks announced."""

from datetime import datetime, timedelta

from keyturn_sandbox.emulator.call_log import Call
from keyturn_sandbox.emulator.mailbox import SentMail
from keyturn_sandbox.judge.evidence import SLACK, text
from keyturn_sandbox.judge.history import ReplayedHistory

_STEP = "exemption-ends-removal/"
"""How a notice's step begins that announces a removal; then comes its day."""
_NOTICED = timedelta(days=14) - SLACK


def is_announced_removal(history: ReplayedHistory, index: int, call: Call) -> bool:
    """
    Whether it removes a user from the exemption group who was told so two weeks before.

    What was told before the user came into the group, for the first time or again, is of another
    membership.
    """
    group, user = text(call.params, "GroupName"), text(call.params, "UserName")
    is_removal = (call.service, call.operation) == ("iam", "RemoveUserFromGroup")
    if not is_removal or group != history.evidence.exemption_group:
        return False
    began = _member_since(history, call.account, user, index)
    # Sent once more, after an answer that was lost: the user is not in it any more.
    return began is None or any(
        began <= mail.at <= call.at - _NOTICED and _announces(history, mail, key_id)
        for key_id in _keys_of(history, call.account, user, index)
        for mail in history.naming.get(key_id, ())
    )


def _member_since(
    history: ReplayedHistory, account: str, user: str, index: int
) -> datetime | None:
    """When the user came into the group who is in it just before a call; None: not in it."""
    if not history.is_exempt(account, user, index):
        return None
    changes = [i for i, _ in history.memberships[account, user] if i < index]
    # Before all that is known of.
    return (
        history.calls[changes[-1]].at
        if changes[-1] >= 0
        else datetime.min.replace(tzinfo=history.calls[index].at.tzinfo)
    )


def _announces(history: ReplayedHistory, mail: SentMail, key_id: str) -> bool:
    return any(
        about == key_id and step.startswith(_STEP)
        for about, step in history.evidence.step_of(mail)
    )


def _keys_of(history: ReplayedHistory, account: str, user: str, index: int) -> list[str]:
    return [
        story.key_id
        for story in history.stories.values()
        if story.account == account and story.user_at(index) == user
    ]
