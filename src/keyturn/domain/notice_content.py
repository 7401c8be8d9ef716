"""What one message can be about."""

from keyturn.domain.admin_digest import AdminDigest
from keyturn.domain.events import Digest
from keyturn.domain.exemption import ExemptionChange
from keyturn.domain.period_report import PeriodReport

# Not among the events: who makes digests alone, as the rotation does, need not load the reports.

AdminReport = AdminDigest | PeriodReport
"""What the administrators are sent of a day, a run, a week or a month: once."""

NoticeContent = Digest | ExemptionChange | AdminReport
"""What one message can be about; a channel gives it its own form."""
