"""
The SQL that the manual gives for Athena, run by DuckDB over the same objects.

Athena is Trino: what DuckDB calls by another name stands in `TRINO`, and nothing else is changed.
"""

import csv
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from keyturn.cli import periods
from keyturn.cli.app import app
from tests.report.a_week import a_week
from tests.report.bucket import Bucket

SQL = (Path(__file__).parents[2] / "docs" / "athena" / "reports.sql").read_text()
STATEMENTS = [
    each.strip()
    for each in re.sub(r"^--.*$", "", SQL, flags=re.MULTILINE).split(";")
    if each.strip()
]
TRINO = (
    "SET lambda_syntax = 'ENABLE_SINGLE_ARROW'",
    "CREATE MACRO cardinality(list) AS len(list)",
    "CREATE MACRO sequence(low, high) AS range(low, high + 1)",
    "CREATE MACRO element_at(list, place) AS list_extract(list, place)",
)
WORDS = {"string": "VARCHAR", "int": "INTEGER", "boolean": "BOOLEAN"}


def duck_type(hive: str) -> str:
    """A type of Athena's table, as DuckDB writes it."""
    if hive.startswith("array<"):
        return f"{duck_type(hive[6:-1])}[]"
    if hive.startswith("struct<"):
        fields = (each.split(":", 1) for each in parted(hive[7:-1]))
        inside = (f'"{name.strip("` ")}" {duck_type(kind)}' for name, kind in fields)
        return f"STRUCT({', '.join(inside)})"
    return WORDS[hive]


def parted(text: str) -> list[str]:
    """The parts between commas that are in no brackets."""
    parts, depth = [""], 0
    for each in text:
        depth += (each == "<") - (each == ">")
        if each == "," and not depth:
            parts.append("")
        else:
            parts[-1] += each
    return [part.strip() for part in parts]


def table_over(folder: Path, statement: str) -> str:
    """The table of the manual, over a folder in the place of the bucket."""
    [columns] = re.findall(r"keyturn_snapshots \((.*)\)\s*PARTITIONED", statement, re.DOTALL)
    fields = (each.split(None, 1) for each in parted(columns))
    types = ", ".join(f"'{name.strip('`')}': '{duck_type(kind)}'" for name, kind in fields)
    return (
        "CREATE VIEW keyturn_snapshots AS "
        f"FROM read_json('{folder}/snapshots/*/*.json', format='newline_delimited', "
        f"columns={{{types}, 'date': 'VARCHAR'}}, hive_partitioning=false)"
    )


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    monkeypatch.setattr(periods, "now", lambda: datetime(2026, 6, 1, 6, tzinfo=UTC))
    return a_week(tmp_path)


def asked(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as database:
        for macro in TRINO:
            database.execute(macro)
        database.execute(table_over(folder, STATEMENTS[0]))
        for statement in STATEMENTS[1:-1]:
            database.execute(statement)
        database.execute(STATEMENTS[-1])  # the manual's own example
        return database.execute(query).fetchall()


def rows(bucket: Bucket, kind: str, period: str) -> list[dict[str, str]]:
    file = bucket.root.parent / f"{kind}.csv"
    place = ("--folder", str(bucket.root), "--period", period, "--csv", str(file))
    CliRunner().invoke(app, ["report", kind, *place])
    return list(csv.DictReader(file.read_text().splitlines()))


def test_the_view_of_a_week_has_the_lines_of_the_weekly_report(bucket: Bucket) -> None:
    found = asked(
        bucket.root, "SELECT standing, account, key_id, age FROM keyturn_weekly ORDER BY 1, 3"
    )

    lists = {"overdue", "blocked", "exempt"}
    told = [row for row in rows(bucket, "weekly", "2026-W21") if row["list"] in lists]
    assert len(found) == 4
    assert found == sorted(
        (row["list"], row["account"], row["key"], int(row["age"])) for row in told
    )


def test_the_view_of_a_month_has_the_figures_of_the_monthly_report(bucket: Bucket) -> None:
    columns = ("account", "users", "active", "within", "over_90", "oldest", "rotated", "deleted")
    found = asked(
        bucket.root,
        f"SELECT {', '.join(columns)}, age_average FROM keyturn_monthly "  # noqa: S608 -- our own
        "WHERE first_day = '2026-05-01' ORDER BY 1",
    )

    told = [row for row in rows(bucket, "monthly", "2026-05") if row["list"] == "account"]
    assert len(found) == 2  # who was never seen has no snapshot
    assert found == [
        (row["account"], *(int(row[each]) for each in columns[1:]), float(row["age_average"]))
        for row in told
        if row["last"]
    ]
