"""Files that a command writes: whole or not at all, and never where a stranger's link leads."""

import os
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest
from typer.testing import CliRunner

from keyturn.cli import result_file
from keyturn.cli.app import app
from keyturn.cli.notices import MARK
from keyturn.domain.errors import InvalidValue

PRECIOUS = "somebody's"


@pytest.fixture
def victim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file outside of the folder that a stranger filled, which is the current one."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    victim = tmp_path / "victim"
    victim.write_text(PRECIOUS)
    return victim


def run(*args: str) -> tuple[int, str]:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, args)
    return result.exit_code, result.stderr


def test_a_page_is_not_written_through_a_link(victim: Path) -> None:
    Path("pages").mkdir()
    Path("pages/keyturn-plan.1").symlink_to(victim)

    code, said = run("help", "--man", "pages")

    link = Path("pages/keyturn-plan.1")
    assert (code, said) == (2, f"--man {link}: is a link: name the file that it leads to\n")
    assert victim.read_text() == PRECIOUS
    assert link.is_symlink()


def test_nor_is_a_preview_of_notices(victim: Path) -> None:
    Path("mails").mkdir()
    Path("mails/index.html").write_text(MARK)
    Path("mails/warning.html").symlink_to(victim)

    code, said = run("notices", "preview", "mails")

    rule = "is a link: name the file that it leads to"
    assert (code, said) == (2, f"FOLDER {Path('mails/warning.html')}: {rule}\n")
    assert victim.read_text() == PRECIOUS
    assert Path("mails/index.html").read_text() == MARK


def test_a_link_that_leads_nowhere_is_one_too(victim: Path) -> None:
    Path("pages").mkdir()
    Path("pages/keyturn.1").symlink_to(victim.with_name("new"))

    assert run("help", "--man", "pages")[0] == 2
    assert not victim.with_name("new").exists()


def test_no_link_stands_where_the_file_is_made(
    victim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process's number was in that name: in a container it is always the same."""
    numbers = count()
    monkeypatch.setattr(result_file, "token_hex", lambda _: f"{next(numbers)}")
    Path("pages").mkdir()
    for name in (f"{os.getpid()}", "0"):
        Path(f"pages/.keyturn.1.{name}.part").symlink_to(victim)

    code, said = run("help", "--man", "pages")

    assert code == 2
    assert "cannot be written (File exists)" in said
    assert victim.read_text() == PRECIOUS


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="only where the system names them so")
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1"])
def test_the_systems_own_links_are_followed(name: str, tmp_path: Path) -> None:
    """As a pipe, and as a file that somebody adds to."""
    code = f"""
from pathlib import Path
from keyturn.cli.result_file import result_file
with result_file(Path({name!r})) as put:
    put("the answer\\n")
"""
    command = [sys.executable, "-c", code]

    piped = subprocess.run(command, check=True, capture_output=True, text=True)
    log = tmp_path / "log"
    log.write_text("earlier\n")
    with log.open("a") as file:
        subprocess.run(command, check=True, stdout=file)

    assert piped.stdout == "the answer\n"
    assert log.read_text() == "earlier\nthe answer\n"


def test_a_link_to_such_a_device_is_a_strangers(victim: Path) -> None:
    assert victim.exists()
    Path("out").symlink_to("/dev/null")

    with (
        pytest.raises(InvalidValue, match="is a link"),
        result_file.result_file(Path("out")),
    ):
        pass


def test_a_file_has_the_rights_that_the_user_gives_new_files(victim: Path) -> None:
    assert victim.exists()
    before = os.umask(0o027)
    try:
        run("help", "--man", "pages")
    finally:
        os.umask(before)

    assert {path.stat().st_mode & 0o777 for path in Path("pages").iterdir()} == {0o640}
