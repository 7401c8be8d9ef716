"""
What we need from outside, in the domain's words: a file for each concern.

Every method raises a PortError of domain/errors.py when the answer is not the one asked for:
Denied and the other Refused mean that nothing happened, Throttled likewise, Unavailable that
nobody knows.
"""

from collections.abc import Callable
from datetime import datetime

from keyturn.domain.audit import BEGUN, AuditEntry
from keyturn.domain.pause import Pause
from keyturn.ports.accounts import AccessKeys, CallHistory, Listed, NewKey, Organization, User
from keyturn.ports.conversations import Conversations
from keyturn.ports.exemptions import Deferrals, ExemptionsFileStore, StoredDeferral
from keyturn.ports.fates import AddressMarks, Fates, SentMessage, SentMessages, SuppressionList
from keyturn.ports.notices import (
    Bus,
    Channel,
    Claim,
    ClaimItem,
    ClaimState,
    ReceiptBook,
    Receipts,
    RenderedNotice,
)
from keyturn.ports.operators import Audit, LocatedPauseFlag, PauseFlag, Plans
from keyturn.ports.owners import AlternateContacts, ContactType, OwnersFileStore
from keyturn.ports.reports import Backlog, DailyReports, InventoryRecords, Rows, StoredDay
from keyturn.ports.runs import (
    Coverage,
    DailyLimitLedger,
    DatedCoverage,
    Queue,
    Reservation,
    Snapshots,
)
from keyturn.ports.secrets import CreatedSecret, ListedSecret, SecretList, SecretStore

__all__ = [
    "BEGUN",
    "AccessKeys",
    "AddressMarks",
    "AlternateContacts",
    "Audit",
    "AuditEntry",
    "Backlog",
    "Bus",
    "CallHistory",
    "Channel",
    "Claim",
    "ClaimItem",
    "ClaimState",
    "Clock",
    "ContactType",
    "Conversations",
    "Coverage",
    "CreatedSecret",
    "DailyLimitLedger",
    "DailyReports",
    "DatedCoverage",
    "Deferrals",
    "ExemptionsFileStore",
    "Fates",
    "InventoryRecords",
    "Listed",
    "ListedSecret",
    "LocatedPauseFlag",
    "NewKey",
    "Organization",
    "OwnersFileStore",
    "Pause",
    "PauseFlag",
    "Plans",
    "Queue",
    "ReceiptBook",
    "Receipts",
    "RenderedNotice",
    "Reservation",
    "Rows",
    "SecretList",
    "SecretStore",
    "SentMessage",
    "SentMessages",
    "Snapshots",
    "StoredDay",
    "StoredDeferral",
    "SuppressionList",
    "User",
]

Clock = Callable[[], datetime]
"""Tells the time, UTC, to whoever has to measure it between two calls."""
