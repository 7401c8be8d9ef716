"""Every behaviour of AWS that Keyturn relies on: what can be tried, and what cannot."""

from typing import Final

from keyturn.rehearsal.probes import events, iam, kms, s3, secrets, ses, sqs
from keyturn.rehearsal.probes.probe import Probe, Unprobed

PROBES: Final[tuple[Probe, ...]] = (
    *iam.PROBES,
    *secrets.PROBES,
    *kms.PROBES,
    *s3.PROBES,
    *sqs.PROBES,
    *events.PROBES,
    *ses.PROBES,
)
UNPROBED: Final[tuple[Unprobed, ...]] = (
    *iam.UNPROBED,
    *secrets.UNPROBED,
    *kms.UNPROBED,
    *s3.UNPROBED,
    *sqs.UNPROBED,
    *events.UNPROBED,
    *ses.UNPROBED,
)

SECRETS: Final = (
    *("token-is-version", "same-token", "labels-move", "empty-secret", "describe", "list"),
    *("pages-0", "pages-1", "pages-2", "name-taken", "scheduled", "new-arn", "most-tags"),
    *("tag-values", "untag-gone", "no-policy", "date-header", "kms-control", "kms-refusal"),
    *("comma,name", "comma=2Cname"),
)
"""
The secrets that probes make, by what stands behind the rehearsal's id in their names.

A list of secrets is minutes late (decision 0074): who cleans up after a kill asks for each name.
"""
