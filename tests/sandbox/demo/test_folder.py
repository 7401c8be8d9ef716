"""What a demo does to the folder that it is given: nothing to anything of anybody's."""

import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from keyturn.cli.app import app
from keyturn.domain.errors import InvalidValue, KeyturnError
from keyturn_sandbox.demo import folder as demo_folder
from keyturn_sandbox.demo.folder import MANIFEST, DemoFolder

FILES = {
    "index.html": "a page",
    "notices.html": "a table",
    "notices.csv": "a,table",
    "plan.json": "{}",
    "keyturn.log": "",
    "mails/index.html": "mails",
    "mails/0001.html": "<p>mail</p>",
    "mails/0001.txt": "mail",
    "mails/0002.txt": "another",
}


def played(path: Path, files: dict[str, str] | None = None) -> DemoFolder:
    folder = DemoFolder(path)
    folder.check(1)
    folder.write(FILES if files is None else files)
    return folder


def tree(path: Path) -> dict[str, str]:
    """All that lies there, as a demo's user sees it."""
    return {
        each.relative_to(path).as_posix(): each.read_text()
        for each in sorted(path.rglob("*"))
        if each.is_file() and each.name != MANIFEST
    }


def refusal(path: Path) -> str:
    with pytest.raises(InvalidValue) as refused:
        DemoFolder(path).check(130)
    assert refused.value.field == "--output"
    return refused.value.rule


def test_a_second_demo_replaces_the_first_and_leaves_what_is_somebodys(tmp_path: Path) -> None:
    played(tmp_path)
    mine = {"taxes.txt": "mine", "mails/taxes.txt": "mine", "mails/old/0001.txt": "mine"}
    for name, text in mine.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    fewer = {name: f"{text}!" for name, text in FILES.items() if "0002" not in name}

    played(tmp_path, fewer)

    assert tree(tmp_path) == {**fewer, **mine}


@pytest.mark.parametrize("name", [*FILES, "mails/0003.html", "mails/12345.txt", MANIFEST])
@pytest.mark.parametrize("after_a_demo", [False, True])
def test_a_file_that_bears_a_demos_name_and_is_somebodys_stays(
    tmp_path: Path, name: str, *, after_a_demo: bool
) -> None:
    if after_a_demo:
        played(tmp_path)
    (tmp_path / "mails").mkdir(exist_ok=True)
    (tmp_path / name).write_text("important")
    before = {each: each.read_text() for each in tmp_path.rglob("*") if each.is_file()}

    ended = CliRunner().invoke(app, ["demo", "--days", "1", "-o", str(tmp_path)])

    assert ended.exit_code == 2
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith(f"--output {tmp_path}: ")
    assert " is in the way: no demo wrote it as it is. Give another folder\n" in ended.stderr
    assert {each: each.read_text() for each in tmp_path.rglob("*") if each.is_file()} == before


def link(path: Path) -> None:
    elsewhere = path.parent.with_name(f"{path.name}.of-mine")
    elsewhere.write_text("a page")
    path.symlink_to(elsewhere)


def link_to_a_folder(path: Path) -> None:
    elsewhere = path.parent.with_name(f"{path.name}.of-mine")
    elsewhere.mkdir()
    (elsewhere / "0001.txt").write_text("mail")
    path.symlink_to(elsewhere)


def folder(path: Path) -> None:
    path.mkdir()
    (path / "mine").write_text("mine")


def writing(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text)


def link_to_nowhere(path: Path) -> None:
    path.symlink_to("/nowhere")


IN_THE_WAY = [
    ("mails", writing("mine")),
    ("mails", link_to_a_folder),
    ("mails", link_to_nowhere),
    ("index.html", link),
    ("index.html", link_to_nowhere),
    ("index.html", folder),
    ("keyturn.log", folder),
    (MANIFEST, link),
    (MANIFEST, folder),
    (MANIFEST, writing('{"files": [')),
    (MANIFEST, writing('{"files": []}')),
    (MANIFEST, writing("[" * 100_000)),
]


@pytest.mark.parametrize(
    ("name", "put"), IN_THE_WAY, ids=[str(number) for number in range(len(IN_THE_WAY))]
)
def test_whatever_else_is_in_the_way_is_named_and_stays(
    tmp_path: Path, name: str, put: Callable[[Path], object]
) -> None:
    (tmp_path / "out").mkdir()
    put(tmp_path / "out" / name)
    before = sorted(map(str, tmp_path.rglob("*")))

    assert f"{name} is in the way" in refusal(tmp_path / "out")
    assert sorted(map(str, tmp_path.rglob("*"))) == before


def test_a_manifest_cannot_name_what_lies_outside(tmp_path: Path) -> None:
    (tmp_path / "important.txt").write_text("important")
    out = tmp_path / "out"
    played(out)
    manifest = json.loads((out / MANIFEST).read_text())
    manifest["files"]["../important.txt"] = sha256(b"important").hexdigest()
    (out / MANIFEST).write_text(json.dumps(manifest))

    played(out)

    assert (tmp_path / "important.txt").read_text() == "important"


def test_a_disk_that_is_too_full_is_said_before_the_days_are_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10_000_000))

    assert refusal(tmp_path) == "has no room: a demo of 130 days needs 53 MB, 9 MB are free"
    DemoFolder(tmp_path).check(15)


def test_a_folder_that_cannot_be_written_to_is_said_before_the_days_are_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(demo_folder, "TemporaryFile", refuse)  # root may write everywhere else

    assert refusal(tmp_path) == "cannot be written (Read-only file system)"


def test_a_disk_that_is_full_at_the_end_is_a_failure_that_the_next_demo_mends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    def create(path: Path, body: bytes) -> None:
        written.append(path.name)
        if len(written) == 4:
            raise OSError(28, "No space left on device")
        path.write_bytes(body)

    with monkeypatch.context() as patch:
        patch.setattr(demo_folder, "_create", create)
        with pytest.raises(KeyturnError, match=r"cannot be written \(No space left on device\)"):
            played(tmp_path)

    played(tmp_path)

    assert tree(tmp_path) == FILES


def test_what_came_into_the_way_while_the_days_were_played_stays(tmp_path: Path) -> None:
    folder = played(tmp_path)
    (tmp_path / "mails" / "0001.txt").write_text("mine")

    with pytest.raises(InvalidValue, match=r"mails/0001\.txt is in the way"):
        folder.write(FILES)

    assert tree(tmp_path) == {**FILES, "mails/0001.txt": "mine"}
