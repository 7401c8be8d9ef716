"""The whole demonstration: a company, many days, and the judgement at the end."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from keyturn_sandbox.emulator.call_log import Call
from keyturn_sandbox.emulator.cloud import LocalCloud
from keyturn_sandbox.emulator.mailbox import SentMail
from keyturn_sandbox.judge.evidence import ACTIVE, INACTIVE, Evidence, Windows, held_keys
from keyturn_sandbox.judge.history import ReplayedHistory
from keyturn_sandbox.judge.replay import replay
from keyturn_sandbox.judge.verdict import Verdict, judge
from keyturn_sandbox.judge.violation_seeding import NothingToSeedOn, seed_violation
from keyturn_sandbox.simulation.days import Calendar, Day, Handlers, SimulatedDays
from keyturn_sandbox.simulation.deployment import (
    ADMIN,
    BUCKET,
    MEMBER_ROLE,
    PREFIX,
    Deployment,
    deploy,
    deploy_mail_events,
    put_owners_file,
)
from keyturn_sandbox.simulation.notices import NoticeBook, notice_book, one_mail_a_day
from keyturn_sandbox.simulation.owners import OwnerAction, Owners
from keyturn_sandbox.simulation.people import Company, build

FIRST_DAY = datetime(2026, 3, 2, tzinfo=UTC)
WEEK: Final = 7
OUTAGE = (70, 71, 72)
"""Nothing starts the run on these days: a skipped day must shorten no window."""
NOTICES: Final = 11
"""The number of the promise about notices, after the judge's ten."""
ADMINS_DAY: Final = 12
"""The number of the promise about the administrators' mails."""
TWICE = (20, 40, 80, 100)
"""The run is started twice on these days: the second must change nothing."""
_REFERENCE = re.compile(r"^\W*Reference: (\S+?)/(\S+)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """What happened in a week, counted from the emulator's log and the mails really sent."""

    number: int
    first: datetime
    dry_run: bool
    rotated: int
    disabled: int
    deleted: int
    restored: int
    notices: int
    average_age: float
    """Of the Active keys at its end, in days; exempt users apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the demonstration showed."""

    company: Company
    deployment: Deployment
    evidence: Evidence
    history: ReplayedHistory
    notices: NoticeBook
    verdicts: tuple[Verdict, ...]
    """The judge's, and that on the notices."""
    days: tuple[Day, ...]
    weeks: tuple[Week, ...]
    age_before: float
    """Average age of the Active keys before the first day, in days; counted as a week's."""
    planned_at: datetime
    plan: Sequence[Mapping[str, Any]]
    """What would be done then, on the day after the last, account by account."""
    blocked: Mapping[tuple[str, str], str]
    """(account id, user's name) → why something cannot be done for them."""
    objects: Mapping[str, bytes]
    """What lies in the bucket in the end, by name."""

    @property
    def age_after(self) -> float:
        """Average age of the Active keys after the last day, in days."""
        return self.weeks[-1].average_age


def demonstrate(  # noqa: PLR0913 -- everything that the demonstration can be asked for
    functions: Handlers,
    *,
    calendar: Calendar,
    seed: int,
    read_logs: Callable[[], str],
    seeded: int | None = None,
    progress: Callable[[Day], None] = lambda _day: None,
    before_run: Callable[[int, LocalCloud, Deployment], None] = lambda _day, _cloud, _at: None,
) -> Result:
    """
    Build the company, live through the days, and judge; needs nothing from outside.

    Args:
        functions: the handlers that Keyturn is reached by.
        calendar: which days there are.
        seed: of the company and its people: the same seed is the same life.
        read_logs: what was logged, as one text, in which secrets are looked for.
        seeded: the number of the invariant that is broken in the evidence; None: none.
        progress: called with each day that is over.
        before_run: called before each day's run, with the day's number.

    """
    with LocalCloud(now=FIRST_DAY) as cloud:
        company = build(cloud, seed=seed, member_role=MEMBER_ROLE)
        deployment = deployed(cloud, company)
        owners = Owners(cloud, company)
        keys_before = held_keys(cloud, company.to_visit)
        age_before = _average_age(cloud, company)
        days = SimulatedDays(
            cloud,
            deployment,
            owners,
            functions,
            calendar,
            seed=seed,
            before_run=lambda day: before_run(day, cloud, deployment),
        )
        lived: list[Day] = []
        weeks: list[Week] = []
        for day in days.live():
            lived.append(day)
            if len(lived) % WEEK == 0 or len(lived) == calendar.days:
                weeks.append(_week(cloud, company, deployment, lived, len(weeks)))
            progress(day)

        evidence = Evidence(
            calls=tuple(cloud.calls),
            mails=tuple(cloud.sent_mails),
            keys_before=keys_before,
            keys_after=held_keys(cloud, company.to_visit),
            uses=tuple(owners.uses),
            exempt_before=company.exempt,
            secret_values=dict(cloud.secret_values()),
            texts=[("the logs", read_logs()), *_objects(cloud), *_events(cloud.calls)],
            windows=Windows(),
            keyturn_roles=deployment.roles,
            bucket=BUCKET,
            prefix=f"{PREFIX}/",
            accounts=company.to_visit,
            runs=tuple(run for day in lived for run in day.runs),
            mailboxes=company.mailboxes(ADMIN),
            step_of=step_of,
        )
        planned_at = lived[-1].began + timedelta(days=1, hours=5)
        cloud.move_to(planned_at)
        plan = _answers(days.plan(company.accounts_to_visit))
        history = replay(evidence)
        judged = evidence if seeded is None else _seeded(seeded, evidence)
        of_judged = history if seeded is None else replay(judged)
        return Result(
            company=company,
            deployment=deployment,
            evidence=evidence,
            history=history,
            notices=notice_book(history, company, lived, ADMIN),
            verdicts=(
                *judge(judged),
                notice_book(of_judged, company, lived, ADMIN).verdict(NOTICES),
                one_mail_a_day(of_judged, lived, ADMIN, ADMINS_DAY),
            ),
            days=tuple(lived),
            weeks=tuple(weeks),
            age_before=age_before,
            planned_at=planned_at,
            plan=plan,
            blocked=dict(_blocked(plan)),
            objects=dict(cloud.objects(BUCKET)),
        )


def deployed(cloud: LocalCloud, company: Company) -> Deployment:
    """Put everything in place, with what SES says of mails, and with the owners file."""
    deployment = deploy(cloud, company)
    put_owners_file(cloud, deployment, company.owners_file)
    settings = {
        **deployment.settings,
        **deploy_mail_events(cloud, deployment),
        "AdminDigest": "Daily",
    }
    return replace(deployment, settings=settings)


def _seeded(number: int, evidence: Evidence) -> Evidence:
    """Break a promise in the evidence. Raises NothingToSeedOn likewise."""
    if number not in {NOTICES, ADMINS_DAY}:
        return seed_violation(number, evidence)
    return _twice_told(evidence, to_admin=number == ADMINS_DAY)


def _twice_told(evidence: Evidence, *, to_admin: bool) -> Evidence:
    """Let the last mail of its kind come again. Raises NothingToSeedOn where none was sent."""
    mails = [mail for mail in evidence.mails if (ADMIN in mail.to) is to_admin]
    if not mails:
        raise NothingToSeedOn("no mail of the kind")
    again = replace(mails[-1], at=mails[-1].at + timedelta(hours=1))
    return replace(evidence, mails=(*evidence.mails, again))


def calendar_of(days: int, dry_run_days: int) -> Calendar:
    """Days with an outage and some double starts, all after the dry run."""
    enforced = range(dry_run_days, days)
    return Calendar(
        days=days,
        dry_run_days=dry_run_days,
        skipped=frozenset(OUTAGE) & set(enforced),
        repeated=frozenset(TWICE) & set(enforced),
    )


def leaks(evidence: Evidence, texts: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """What of the secrets that were ever handed out stands in these texts."""
    alone = replace(evidence, calls=(), mails=(), texts=texts)
    return judge(alone)[6].violations


def step_of(mail: SentMail) -> frozenset[tuple[str, str]]:
    """Read from a mail's foot what it tells: each key's id, and the step with its date."""
    return frozenset(_REFERENCE.findall(mail.text or ""))


def _week(
    cloud: LocalCloud, company: Company, deployment: Deployment, lived: list[Day], number: int
) -> Week:
    days = lived[number * WEEK :]
    first = days[0].began
    calls = [call for call in cloud.calls if call.at >= first and _is_ours(call, deployment)]
    made = Counter(_key_write(call) for call in calls if call.error is None)
    actions = sum((day.owner_actions for day in days), Counter[OwnerAction]())
    return Week(
        number=number + 1,
        first=first,
        dry_run=all(day.dry_run for day in days),
        rotated=made["CreateAccessKey"],
        disabled=made["UpdateAccessKey"],
        deleted=made["DeleteAccessKey"],
        restored=actions[OwnerAction.RESTORED],
        notices=sum(mail.at >= first for mail in cloud.sent_mails),
        average_age=_average_age(cloud, company),
    )


def _is_ours(call: Call, deployment: Deployment) -> bool:
    return any(f":assumed-role/{role}/" in call.principal for role in deployment.roles)


def _key_write(call: Call) -> str | None:
    if call.operation == "UpdateAccessKey" and call.params.get("Status") != INACTIVE:
        return None
    return call.operation


def _average_age(cloud: LocalCloud, company: Company) -> float:
    reached = {account.account_id for account in company.accounts if account.has_role}
    ages = [
        (cloud.now - key.created) / timedelta(days=1)
        for account in sorted(reached & company.to_visit)
        for key in cloud.keys(account)
        if key.status == ACTIVE and (account, key.user) not in company.exempt
    ]
    return sum(ages) / len(ages) if ages else 0.0


def _answers(answers: Sequence[object]) -> Sequence[Mapping[str, Any]]:
    return [answer for answer in answers if isinstance(answer, Mapping)]


def _blocked(plan: Sequence[Mapping[str, Any]]) -> Iterator[tuple[tuple[str, str], str]]:
    for account in plan:
        for decision in account["decisions"]:
            if "BLOCKED" in decision["overlays"]:
                yield (account["account"], decision["user"]), decision["sentence"]


def _objects(cloud: LocalCloud) -> Iterator[tuple[str, str]]:
    for name, body in cloud.objects(BUCKET).items():
        yield f"s3://{BUCKET}/{name}", body.decode()


def _events(calls: Sequence[Call]) -> Iterator[tuple[str, str]]:
    for call in calls:
        if call.operation == "PutEvents":
            yield f"the events of {call.at:%Y-%m-%d}", json.dumps(call.params, default=str)
