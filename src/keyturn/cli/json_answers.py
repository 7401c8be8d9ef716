"""What the commands answer that are no plan, as JSON: for programs, and stable."""

import json
import sys
from collections.abc import Mapping

from keyturn.cli.explain import calendar
from keyturn.cli.report import Report
from keyturn.cli.tables import failures, warnings
from keyturn.schemas.admin_digest import AdminDigestFile
from keyturn.schemas.adoption import AdoptionFile
from keyturn.schemas.explanation import Explanation, write_explained, write_explanation
from keyturn.schemas.owners_check import OwnersCheckFile
from keyturn.schemas.pause_answer import SwitchFile


def put(
    document: Mapping[str, object]
    | AdminDigestFile
    | AdoptionFile
    | Explanation
    | OwnersCheckFile
    | SwitchFile,
) -> None:
    """Write an answer to standard output."""
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def explanation(report: Report) -> Explanation:
    """Where keys stand, and every date that is coming."""
    return write_explanation(
        [
            write_explained(
                result.plan,
                decided,
                {
                    key_id: [(each.day, each.what) for each in dates]
                    for key_id, dates in calendar(
                        decided, report.policy, result.plan.run.at
                    ).items()
                },
            )
            for result in report.results
            for decided in result.plan.users
        ],
        at=report.at,
        failures=failures(report),
        warnings=warnings(report),
    )
