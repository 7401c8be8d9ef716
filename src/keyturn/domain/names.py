"""
How AWS's names look, for text that comes from outside; each pattern is the whole name.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

import re
from typing import Final

ACCOUNT_ID: Final = re.compile(r"\d{12}")
USER_NAME: Final = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")
"""Of an IAM user: IAM API Reference, CreateUser."""
GROUP_NAME: Final = re.compile(r"[A-Za-z0-9_+=,.@-]{1,128}")
KEY_ID: Final = re.compile(r"A[A-Z]{3}[A-Z0-9]{12,124}")
"""Of an access key, or of a session; a user may be called so, too."""
REGION: Final = re.compile(r"[a-z]{2,8}(-[a-z0-9]{1,16}){1,5}")
UNIT_ID: Final = re.compile(r"(r-[a-z0-9]{4,32}|ou-[a-z0-9]{4,32}-[a-z0-9]{8,32})")
"""Of an organisational unit, or of the root of all: Organizations API Reference, Parent."""
RUN_ID: Final = re.compile(r"[0-9A-Za-z-]{1,64}")
"""Ours, and EventBridge's of the schedule's event."""
ONE_ADDRESS: Final = re.compile(
    r"[^\s\x00-\x1f\x7f,;:<>()\"\\@]{1,64}@[^\s\x00-\x1f\x7f,;:<>()\"\\@]{1,255}"
)
"""An e-mail address, and no list of them, as accounts of AWS may have it."""
MAILABLE: Final = re.compile(
    r"(?=[^@]{1,64}@[^@]{1,255}\Z)"
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}"
)
"""
An address that SES sends to: the dot-atom of RFC 5322 at a domain with a dot, in ASCII.

Of others it takes no mail (domains of other letters are written as Punycode), so a notice to one
would be tried for days and reach nobody.
Source: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Destination.html
"""
SLACK_MEMBER: Final = re.compile(r"[UW][A-Z0-9]{2,20}")
"""The id that Slack's profile menu copies."""
SLACK_CHANNEL: Final = re.compile(r"[CG][A-Z0-9]{2,20}|#[^\s#@A-Z\x00-\x1f\x7f]{1,80}")
"""A channel's id, or its name."""
JIRA_PROJECT: Final = re.compile(r"[A-Z][A-Z0-9_]{1,254}")
"""A project's key: https://confluence.atlassian.com/adminjiraserver/changing-the-project-key-format-938847081.html."""
JIRA_ASSIGNEE: Final = re.compile(r"[^\s\x00-\x1f\x7f]{1,255}")
"""An account id (Cloud) or a user's name (Data Center)."""
