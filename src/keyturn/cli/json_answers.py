"""What the commands answer that are no plan, as JSON: for programs, and stable."""

import json
import sys
from collections.abc import Iterable, Mapping

from keyturn.cli.explain import calendar
from keyturn.cli.tables import failures, warnings
from keyturn.domain.adoption import Adoption
from keyturn.domain.key import Unknown
from keyturn.domain.result import AccountPlan
from keyturn.domain.secret_names import secret_name
from keyturn.domain.tag_text import format_utc
from keyturn.entrypoints.plan_format import VERSION, Report, planned
from keyturn.ports import Pause
from keyturn.schemas.adoption import AdoptionFile
from keyturn.schemas.decision import write_decision
from keyturn.schemas.explanation import Explained, Explanation
from keyturn.schemas.snapshot import write_last_used
from keyturn.schemas.switch import SwitchFile


def put(document: Mapping[str, object] | AdoptionFile | Explanation | SwitchFile) -> None:
    """Write an answer to standard output."""
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def explanation(report: Report) -> Explanation:
    """Where keys stand, and every date that is coming."""
    return {
        "version": VERSION,
        "generated_at": format_utc(report.at),
        "users": [each for result in report.results for each in _explained(result.plan, report)],
        "failures": list(failures(report)),
        "warnings": list(warnings(report)),
    }


def _explained(plan: AccountPlan, report: Report) -> Iterable[Explained]:
    for decided in plan.users:
        facts = {key.key_id: key for key in decided.user.keys}
        account, user = plan.run.account, decided.user
        dates = calendar(decided, report.policy, plan.run.at)
        yield {
            "account": account.id,
            "name": account.name,
            "user": user.name,
            "exempt": user.exempt,
            "secret": secret_name(account.id, user.name),
            "keys": [
                {
                    **planned(write_decision(user.name, made), plan.owner_of(user.name)),
                    "created": format_utc(facts[made.key_id].created),
                    "last_used": write_last_used(facts[made.key_id]),
                    "coming": [
                        {"date": each.day.isoformat(), "what": each.what}
                        for each in dates[made.key_id]
                    ],
                }
                for made in decided.decisions
            ],
        }


def adoption(planned: Adoption, *, adopted: bool) -> AdoptionFile:
    """What was found of a secret, and what is or would be written to adopt it."""
    policy = planned.policy
    return {
        "version": VERSION,
        "account": planned.user.account,
        "user": planned.user.name,
        "secret": planned.name,
        "foreign": planned.why,
        "policy": policy if isinstance(policy, str) else None,
        "policy_unread": policy.why if isinstance(policy, Unknown) else None,
        "replicas": list(planned.secret.replicas),
        "rotates": planned.secret.rotates,
        "kms_key": planned.secret.kms_key,
        "removes": list(planned.removes),
        "sets": dict(planned.sets),
        "adopted": adopted,
    }


def switch(place: str, pause: Pause | None) -> SwitchFile:
    """Whether every write is stopped, and by whom."""
    return {
        "version": VERSION,
        "paused": pause is not None,
        "by": pause.by if pause else None,
        "since": format_utc(pause.at) if pause else None,
        "why": pause.why if pause else None,
        "place": place,
    }
