"""What the queues of the notifier and of the channels hold: whatever is to be said to people."""

from collections.abc import Mapping
from datetime import datetime

from keyturn.domain.notice_content import NoticeContent
from keyturn.schemas.digest_due import is_digest_due, read_digest_due
from keyturn.schemas.iam_event import IAM_SOURCE, read_exemption
from keyturn.schemas.notices_due import read_notices_due
from keyturn.schemas.report_due import is_report_due, read_report_due


def read_content(
    asked: object, *, group: str, own_account: str, now: datetime
) -> NoticeContent | None:
    """
    Read what a message is about; None: of a group that exempts nobody.

    Raises InvalidValue where it is none of ours, Stale where it is older than a queue holds it.
    """
    if isinstance(asked, Mapping) and asked.get("source") == IAM_SOURCE:
        return read_exemption(asked, group=group, now=now)
    if is_report_due(asked):
        return read_report_due(asked, own_account=own_account, now=now)
    if is_digest_due(asked):
        return read_digest_due(asked, own_account=own_account, now=now)
    return read_notices_due(asked, own_account=own_account, now=now)
