"""
A report's accounts as findings of the Open Cybersecurity Schema Framework, one a line.

Compliance Finding (class 2003) of version 1.3.0: one for each account, and one for each key that
is older than its account's policy allows. An account that was not seen is no pass: its status is
"Warning", which OCSF has for a check that has no result.
Source: https://schema.ocsf.io/1.3.0/classes/compliance_finding
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any, Final

from keyturn.domain.account_period import AccountPeriod, ListName, PeriodLine, Standing
from keyturn.domain.figures import CIS_ROTATED, IAM_3, ROTATION_CONTROLS
from keyturn.domain.period import Period
from keyturn.domain.plain_text import visible

VERSION: Final = "1.3.0"
_CATEGORY: Final = 2
_CLASS: Final = 2003
_CREATE: Final = 1
_LOW, _MEDIUM, _INFORMATIONAL = 2, 3, 1
_SEVERITIES: Final = {_INFORMATIONAL: "Informational", _LOW: "Low", _MEDIUM: "Medium"}
_STANDARDS: Final = ["CIS AWS Foundations Benchmark 3.0.0", "AWS Security Hub"]
_OUT_OF_POLICY: Final = (ListName.OVERDUE, ListName.BLOCKED, ListName.EXEMPT)
_LATE: Final = frozenset({Standing.OVERDUE, Standing.BLOCKED, Standing.EXEMPT, Standing.RESTORED})


class _Status(IntEnum):
    PASS = 1
    WARNING = 2
    FAIL = 3


def ocsf_of(account: AccountPeriod, period: Period, made: datetime) -> str:
    """The findings of an account, a line each; made: UTC."""
    about = _About(account, period, made)
    return "".join(json.dumps(each, separators=(",", ":")) + "\n" for each in about.findings())


class _About:
    def __init__(self, account: AccountPeriod, period: Period, made: datetime) -> None:
        self._account = account
        self._period = period
        self._made = made

    def findings(self) -> Iterator[Mapping[str, Any]]:
        found = self._account
        late = sum(number for each, number in found.standings.items() if each in _LATE)
        if not found.is_whole:
            status, what = _Status.WARNING, f"it was not seen on {found.days_missing} days"
            if found.days_missing == 0:
                what = f"there was no time for {found.users_left} of its users"
        elif late:
            status, what = _Status.FAIL, f"{late} of {found.active} Active keys are too old"
        else:
            status, what = _Status.PASS, f"no one of {found.active} Active keys is too old"
        yield self._finding(
            uid=f"{found.account}/{self._period.name}",
            title="Access keys of an account are rotated in time",
            what=what,
            status=status,
            resource={"type": "AwsAccount", "uid": found.account, "name": visible(found.name)},
        )
        for name in _OUT_OF_POLICY:
            for line in found.lines.get(name, ()):
                yield self._of_key(name, line)

    def _of_key(self, name: ListName, line: PeriodLine) -> Mapping[str, Any]:
        return self._finding(
            uid=f"{line.account}/{line.key_id}/{self._period.name}",
            title="An access key is older than the policy allows",
            what=f"{name}: {line.what}",
            status=_Status.FAIL,
            resource={
                "type": "AwsIamAccessKey",
                "uid": line.key_id or "",
                "name": visible(line.user or ""),
                "data": {
                    "age_days": line.age,
                    "exemption": {
                        "ticket": line.ticket,
                        "reason": line.reason,
                        "owner": line.owner,
                        "expiry": line.expiry.isoformat() if line.expiry else None,
                    },
                },
            },
        )

    def _finding(
        self,
        *,
        uid: str,
        title: str,
        what: str,
        status: _Status,
        resource: Mapping[str, object],
    ) -> Mapping[str, Any]:
        severity = _INFORMATIONAL if status is _Status.PASS else _MEDIUM
        if status is _Status.WARNING:
            severity = _LOW
        at = _milliseconds(self._made)
        return {
            "activity_id": _CREATE,
            "activity_name": "Create",
            "category_name": "Findings",
            "category_uid": _CATEGORY,
            "class_name": "Compliance Finding",
            "class_uid": _CLASS,
            "cloud": {
                "provider": "AWS",
                "account": {
                    "uid": self._account.account,
                    "name": visible(self._account.name),
                    "type": "AWS Account",
                    "type_id": 10,
                },
            },
            "compliance": {
                "control": CIS_ROTATED,
                "requirements": list(ROTATION_CONTROLS),
                "standards": _STANDARDS,
                "status": status.name.capitalize(),
                "status_id": int(status),
                "status_detail": visible(what),
            },
            "finding_info": {
                "uid": uid,
                "title": title,
                "desc": visible(what),
                "created_time": at,
                "types": [IAM_3],
            },
            "message": visible(what),
            "metadata": {
                "version": VERSION,
                "profiles": ["cloud"],
                "product": {"name": "Keyturn", "vendor_name": "Keyturn"},
            },
            "resources": [dict(resource)],
            "severity": _SEVERITIES[severity],
            "severity_id": severity,
            "start_time": _milliseconds(
                datetime.combine(self._period.first, datetime.min.time(), UTC)
            ),
            "status": "New",
            "status_id": 1,
            "time": at,
            "type_name": "Compliance Finding: Create",
            "type_uid": _CLASS * 100 + _CREATE,
        }


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
