"""
`make crosscheck`: Cloud Custodian looks at the demo's organisation on its last day.

Cloud Custodian is somebody else's, and knows nothing of Keyturn: it enters each account by a role
of its own, and names every Active key older than 90 days. With 75/85/95 those may only be of users
who are exempt, of users whose two keys are both in use, or in accounts that Keyturn cannot enter;
and Keyturn's own reports must name the same, no more and no less.

It stands beside CI: a look takes minutes, and an environment of its own.
"""

import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from typer.testing import CliRunner

from keyturn.cli.app import app
from keyturn.functions import inventory, notifier, reporter, rotation
from keyturn_sandbox.emulator.cloud import REGION, LocalCloud
from keyturn_sandbox.simulation.days import Day, Handlers, SimulatedDays
from keyturn_sandbox.simulation.demonstration import FIRST_DAY, calendar_of, deployed
from keyturn_sandbox.simulation.deployment import BUCKET, MEMBER_ROLE, PREFIX
from keyturn_sandbox.simulation.owners import Owners
from keyturn_sandbox.simulation.people import Company, build
from tests.cli.organisation import environment
from tests.crosscheck.network import served
from tests.report.bucket import block_of, rows
from tests.use_cases.harness import logging_to

HERE: Final = Path(__file__).parent
PYTHON: Final = HERE / ".venv" / "bin" / "python"
DAYS: Final = int(os.environ.get("DAYS", "130"))
SEED: Final = int(os.environ.get("SEED", "1"))
DRY_DAYS: Final = 14
LIMIT: Final = 90
"""Days that CIS and Security Hub allow a key."""
PERIODS: Final = {"RotationPeriod": "75", "InactivePeriod": "85", "RecoveryGracePeriod": "10"}
"""The last two days are 85 and 95."""
WIDTH: Final = 150
AUDITOR: Final = "SecurityAudit"
POLICIES: Final = ("key-list", "credential-report")
NOT_ENTERED: Final = "account not entered"

User = tuple[str, str]
"""Account and name."""
Key = tuple[str, str, str]
"""Account, user and the key's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flagged:
    """What Cloud Custodian flags."""

    keys: frozenset[Key]
    """By the lists of keys."""
    users: frozenset[User]
    """By the credential reports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What Keyturn's report says of Active keys older than 90 days."""

    keys: Mapping[Key, str]
    """Each with its standing."""
    not_entered: frozenset[str]
    """Accounts."""
    why: Mapping[Key, str] = field(default_factory=dict)


def main() -> int:
    """Play, let both look, and print the comparison; 1 if they differ."""
    console = Console(width=WIDTH)
    with LocalCloud(now=FIRST_DAY) as cloud, tempfile.TemporaryDirectory() as folder:
        company = build(cloud, seed=SEED, member_role=MEMBER_ROLE)
        account = _lived(cloud, company)
        began = time.perf_counter()
        flagged = _custodian(cloud, company, account, Path(folder))
        console.print(
            f"Cloud Custodian looked at {len(company.to_visit)} accounts on "
            f"{cloud.now:%d %B %Y}, in {time.perf_counter() - began:.0f} s."
        )
        weekly, page = _reports(cloud, account, Path(folder))
    names = {each.account_id: each.name for each in company.accounts}
    wrong = list(_differences(flagged, weekly, page))
    console.print(_table(flagged.keys, weekly, names))
    for line in wrong:
        console.print(line, markup=False, style="red")
    agreed = len(flagged.keys)
    console.print("They differ." if wrong else f"They agree on {agreed} keys.", style="bold")
    return 1 if wrong else 0


def _lived(cloud: LocalCloud, company: Company) -> str:
    """Live through the demo's days under 75/85/95; the security account comes back."""
    deployment = deployed(cloud, company)
    deployment = replace(deployment, settings={**deployment.settings, **PERIODS})
    days = SimulatedDays(
        cloud,
        deployment,
        Owners(cloud, company),
        Handlers(
            inventory=inventory.handler,
            rotation=rotation.handler,
            notifier=notifier.handler,
            reporter=reporter.handler,
        ),
        calendar_of(DAYS, DRY_DAYS),
        seed=SEED,
    )
    with logging_to(StringIO()):
        for day in days.live():
            _say(day)
    return deployment.account


def _say(day: Day) -> None:
    if sys.stderr.isatty():
        end = "\n" if day.number == DAYS - 1 else ""
        sys.stderr.write(f"\rday {day.number + 1} of {DAYS}{end}")


def _custodian(cloud: LocalCloud, company: Company, home: str, folder: Path) -> Flagged:
    """Let it look."""
    for account in company.to_visit:
        cloud.add_role(account, AUDITOR, home)
    with served(cloud) as url:
        env = {
            **environment(cloud.session(home)),
            "AWS_ENDPOINT_URL": url,
            "AWS_DEFAULT_REGION": REGION,
        }

        def look(account: str) -> tuple[str, Mapping[str, Any]]:
            where = folder / account
            _custodian_run(account, where, str(cloud.now.timestamp()), env)
            return account, {
                each: json.loads((where / each / "resources.json").read_text())
                for each in POLICIES
            }

        with ThreadPoolExecutor(2) as side_by_side:
            found = dict(side_by_side.map(look, sorted(company.to_visit)))
    keys = frozenset(
        (account, user["UserName"], key["AccessKeyId"])
        for account, answers in found.items()
        for user in answers["key-list"]
        for key in user["c7n:matched-keys"]
    )
    users = frozenset(
        (account, user["UserName"])
        for account, answers in found.items()
        for user in answers["credential-report"]
        if user["c7n:matched-keys"]  # else one key is Active, and another one old
    )
    return Flagged(keys=keys, users=users)


def _custodian_run(account: str, where: Path, moment: str, env: Mapping[str, str]) -> None:
    done = subprocess.run(
        [
            *(str(PYTHON), str(HERE / "custodian.py"), moment, "run", "--region", REGION),
            *("--assume", f"arn:aws:iam::{account}:role/{AUDITOR}", "--cache-period", "0"),
            *("--output-dir", str(where), str(HERE / "policy.yml")),
        ],
        env={**env, "HOME": str(where)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"Cloud Custodian failed in {account}:\n{done.stderr}")


def _reports(cloud: LocalCloud, home: str, folder: Path) -> tuple[Reported, Reported]:
    """What the week's report and the page say, made by the commands of the manual."""
    stored = ("--bucket", BUCKET, "--prefix", PREFIX)
    lines, page = folder / "lines.csv", folder / "page.html"
    today = cloud.now.date().isoformat()
    week = ("report", "weekly", *stored, "--period", today, "--csv", str(lines))
    with patch.dict(os.environ, environment(cloud.session(home)), clear=True):
        for typed in (week, ("report", "page", *stored, "-o", str(page))):
            result = CliRunner().invoke(app, typed)
            if result.exit_code not in {0, 1}:  # 1: not everything was seen
                raise SystemExit(f"keyturn {' '.join(typed)}: {result.output}")
    return _of_week(lines), _of_page(page)


def _of_week(file: Path) -> Reported:
    with file.open(newline="") as text:
        listed = list(csv.DictReader(text))
    return Reported(
        keys={
            (each["account"], each["user"], each["key"]): each["list"]
            for each in listed
            if each["list"] in {"exempt", "blocked", "overdue", "restored"}
            and each["key"]
            and int(each["age"] or 0) > LIMIT
        },
        not_entered=frozenset(each["account"] for each in listed if each["list"] == "not_reached"),
        why={
            (each["account"], each["user"], each["key"]): each["what"] or each["reason"]
            for each in listed
        },
    )


def _of_page(file: Path) -> Reported:
    block = block_of(file.read_text())
    accounts, users = rows(block, "accounts"), rows(block, "users")
    text = block["texts"]
    return Reported(
        keys={
            (accounts[user["account"]]["id"], text[user["name"]], key["id"]): "exempt"
            if user["exempt"]
            else text[key["overlays"]].lower()
            for key in rows(block, "keys")
            for user in (users[key["user"]],)
            if block["states"][key["state"]] in {"ACTIVE", "ROTATED"} and key["age"] > LIMIT
        },
        not_entered=frozenset(
            each["id"] for each in accounts if text[each["seen"]] == "not entered"
        ),
    )


def _differences(flagged: Flagged, weekly: Reported, page: Reported) -> Iterator[str]:
    """Whatever one of them says and another does not, both ways; and what may not be at all."""
    keys = flagged.keys
    seen = {key for key in keys if key[0] not in weekly.not_entered}
    for key in sorted(seen - set(weekly.keys)):
        yield f"{key}: Cloud Custodian flags it, the week's report does not name it"
    for key in sorted(set(weekly.keys) - seen):
        yield f"{key}: the week's report names it, Cloud Custodian does not flag it"
    for key in sorted(set(weekly.keys) ^ set(page.keys)):
        yield f"{key}: one of page and week's report does not name it"
    for account in sorted(weekly.not_entered ^ page.not_entered):
        yield f"{account}: one of page and week's report says that it was not entered"
    for key, standing in sorted(weekly.keys.items()):
        if standing not in {"exempt", "blocked"}:
            yield f"{key}: older than {LIMIT} days, and {standing}"
    for user in sorted({key[:2] for key in keys} ^ flagged.users):
        yield f"{user}: key list and credential report differ"


def _table(keys: frozenset[Key], weekly: Reported, names: Mapping[str, str]) -> Table:
    table = Table(
        title=f"Active keys older than {LIMIT} days", title_justify="left", box=SIMPLE_HEAD
    )
    for heading in ("Account", "User", "Key", "Custodian", "Keyturn's report", "Why"):
        table.add_column(heading, overflow="fold")
    for key in sorted(keys | set(weekly.keys), key=lambda each: (names[each[0]], *each[1:])):
        said = weekly.keys.get(key, NOT_ENTERED if key[0] in weekly.not_entered else "-")
        flagged = "flagged" if key in keys else "-"
        table.add_row(names[key[0]], *key[1:], flagged, said, weekly.why.get(key, ""))
    return table


if __name__ == "__main__":
    sys.exit(main())
