"""The quarterly review of all who are exempt: a page and a CSV, one line a member."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from keyturn.cli.checked import checked
from keyturn.cli.options import AccountOptions, SettingOptions
from keyturn.cli.result_file import check_apart, result_file
from keyturn.cli.session import CliSession
from keyturn.domain.amounts import pluralize
from keyturn.domain.days import days_since
from keyturn.domain.errors import InvalidValue, PortError
from keyturn.domain.exemptions_file import Standing
from keyturn.domain.key import KeyFacts, UserFacts
from keyturn.domain.plain_text import shown
from keyturn.domain.result import AccountPlan, Request
from keyturn.ports import AccessKeys
from keyturn.schemas.plan_csv import csv_text

COLUMNS: Final = (
    "account",
    "name",
    "user",
    "standing",
    "since",
    "expiry",
    "ticket",
    "owner",
    "reason",
    "keys",
    "last_used",
    "decision",
)
"""One line a member; the last column is empty, for whoever reviews."""
_HEADINGS: Final[Mapping[str, str]] = {
    "standing": "Stands",
    "expiry": "Ends",
    "keys": "Keys, ages in days",
    "last_used": "Last used",
}
NO_FILE: Final = "no exemptions file"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewFiles:
    """Where the review goes: at least one of the two."""

    html: Path | None
    csv: Path | None


def review(where: AccountOptions, rules: SettingOptions, files: ReviewFiles) -> int:
    """
    Look at all members of the exemption groups, and write the review. Gives the exit code.

    Raises InvalidValue where no file is named, or an option breaks a rule.
    """
    targets = [path for path in (files.html, files.csv) if path is not None]
    if not targets:
        raise InvalidValue("--html", "", "is needed, or --csv: where the review goes")
    check_apart(html=files.html, csv=files.csv)
    options = checked(where, rules, writes_secrets=False)
    cli_session = CliSession(options, hints=False)
    if not options.settings.bucket:
        cli_session.say("No --bucket: there is no exemptions file to compare with.")
    fleet_run = cli_session.fleet_run(Request(), dry_run=True)
    results = cli_session.look(fleet_run, fleet_run.plan, "Reading")
    report = cli_session.report(fleet_run, results)
    rows: list[dict[str, str]] = []
    for result in results:
        keys = cli_session.aws.keys_in(result.plan.run.account.id)
        rows += _rows(result.plan, keys)
    # What ends first, or has nobody's word, is looked at first.
    rows.sort(key=lambda row: (row["expiry"], row["account"], row["user"]))
    unseen = [f"{account.id} {account.name}: {why}".strip() for account, why in report.skipped]
    unseen += [str(f) for result in results for f in result.plan.failures if f.user is None]
    if files.csv is not None:
        with result_file(files.csv, option="--csv") as put:
            put(csv_text(COLUMNS, ([row[name] for name in COLUMNS] for row in rows)))
    if files.html is not None:
        with result_file(files.html, option="--html") as put:
            put(_page(rows, unseen, report.at))
    said = ", ".join(str(path) for path in targets)
    cli_session.say(f"wrote {said}: {pluralize(len(rows), 'member')} of the exemption groups")
    return cli_session.close(report)


def _rows(plan: AccountPlan, keys: AccessKeys) -> Iterator[dict[str, str]]:
    for decided in plan.users:
        if decided.user.exempt:
            yield _row(plan, decided.user, keys)


def _row(plan: AccountPlan, user: UserFacts, keys: AccessKeys) -> dict[str, str]:
    exemption = user.exemption
    entry = exemption.entry if exemption else None
    standing = exemption.standing if exemption else None
    return {
        "account": plan.run.account.id,
        "name": shown(plan.run.account.name),
        "user": user.name,
        "standing": NO_FILE if standing is None else str(standing),
        "since": str(entry.since) if entry and entry.since else "not known",
        "expiry": str(entry.expiry) if entry else "",
        "ticket": entry.ticket if entry else "",
        "owner": entry.owner if entry else "",
        "reason": entry.reason if entry else "",
        "keys": "; ".join(_key(key, plan.run.at) for key in user.keys) or "none",
        "last_used": "; ".join(_last_use(key, keys) for key in user.keys) or "none",
        "decision": "",
    }


def _key(key: KeyFacts, now: datetime) -> str:
    state = "" if key.is_active else " (Inactive)"
    return f"{key.key_id} {days_since(key.created, now)}{state}"


def _last_use(key: KeyFacts, keys: AccessKeys) -> str:
    try:
        use = keys.last_use(key.key_id)
    except PortError as error:
        return f"unknown ({error})"
    if use.at is None:
        return "never"
    return f"{use.at.date()}" + (f" for {use.service}" if use.service else "")


def _page(rows: list[dict[str, str]], unseen: list[str], at: datetime) -> str:
    # Jinja2 is loaded for who writes a page: the other commands need none.
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 -- as said

    environment = Environment(
        loader=PackageLoader("keyturn.report", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    lapsed = {Standing.ENDED, Standing.TOO_LONG, Standing.MISSING}
    headings = [
        (name, _HEADINGS.get(name, name.capitalize())) for name in COLUMNS if name != "name"
    ]
    return environment.get_template("exemption_review.html").render(
        rows=rows,
        unseen=unseen,
        at=at,
        headings=headings,
        lapsed={str(each) for each in lapsed},
        counted=sum(row["standing"] in lapsed for row in rows),
    )
