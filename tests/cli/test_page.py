"""`keyturn report page`: from what runs have left in the bucket, and from a copy of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.cli.organisation import (
    BUCKET,
    NOW,
    OURS,
    PREFIX,
    SHOP,
    add_user,
    build,
    deploy,
    environment,
)
from tests.report.bucket import block_of, rows, said


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalCloud]:
    with LocalCloud(now=NOW) as opened:
        build(opened)
        deploy(opened)
        for name, value in environment(opened.session(OURS)).items():
            monkeypatch.setenv(name, value)
        yield opened


def keyturn(*args: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, args)


def test_the_page_of_a_bucket_and_of_its_copy_say_the_same(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    [due] = add_user(cloud, SHOP, "orders", 137)
    keyturn("run", "--deployed", "--account", SHOP, "--enforce", "--yes")
    for name, body in cloud.objects(BUCKET).items():
        path = tmp_path / "copy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    pages = {
        "deployed": ("--deployed",),
        "bucket": ("--bucket", BUCKET, "--prefix", PREFIX),
        "copy": ("--folder", str(tmp_path / "copy" / PREFIX)),
    }

    blocks = []
    for name, place in pages.items():
        written = keyturn("report", "page", *place, "-o", str(tmp_path / f"{name}.html"))
        assert written.exit_code == 1, written.output
        assert "1 key of 1 account on 2026-03-02 (UTC)" in written.stdout
        assert written.stderr == (
            "Not everything was seen: which accounts there are is not known\n"
        )
        block = block_of((tmp_path / f"{name}.html").read_text(encoding="utf-8"))
        blocks.append({**block, "made": ""})

    assert blocks[0] == blocks[1] == blocks[2]
    [found] = rows(blocks[0], "keys")
    assert found["id"] == due
    assert blocks[0]["states"][found["state"]] == "ROTATED"
    assert said(blocks[0], found["next"]) == "DISABLE"


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        ((), "--output: is needed: the file that the page is written to"),
        (("-o", "x.html"), "--bucket: is needed, or --deployed, or --folder"),
        (
            ("-o", "x.html", "--folder", "nowhere"),
            "--folder nowhere: must be a copy of the bucket",
        ),
        (
            ("-o", "x.html", "--folder", ".", "--bucket", "b-1"),
            "--bucket: goes without --folder",
        ),
        (("-o", "x.html", "--folder", "copy"), "no snapshot of any day is stored there"),
        (
            ("-o", "x.html", "--folder", ".", "--date", "1 May"),
            "--date 1 May: must be a date, such as 2026-03-02",
        ),
        (("-o", "x.html", "--folder", ".", "--days", "0"), "--days 0: must be from 1 to 400"),
        (
            ("-o", "x.html", "--folder", ".", "--account", "shop"),
            "--account shop: must be the 12 digits of an account",
        ),
        (("-o", "x.html", "--users-target", "few"), "--users-target few: must be a number"),
        (
            ("-o", "x.html", "--users-target", "9", "--account", SHOP),
            "--users-target 9: goes without --account",
        ),
    ],
)
def test_what_is_wrong_is_refused_before_a_file_is_left(
    args: tuple[str, ...], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "copy" / "snapshots").mkdir(parents=True)

    refused = keyturn("report", "page", *args)

    assert refused.exit_code == 2
    assert complaint in refused.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["copy"]
