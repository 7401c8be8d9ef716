"""
Nothing in the product asks for Linux: no call that Windows lacks, no encoding left to chance.

CI has Linux alone. So what the others do otherwise is looked for in the source, and simulated:
their encodings, names that their folders refuse, a machine without a home folder.
"""

import ast
import os
import pwd
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from keyturn.cli import local_run
from keyturn.cli.app import app
from tests.canary import see

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src").rglob("*.py"))
KEYTURN = Path(sys.executable).with_name("keyturn")
# https://docs.python.org/3/library/os.html: "Availability: Unix", and its like.
ONLY_POSIX = frozenset(
    """
    crypt fcntl grp nis posix pty pwd readline resource spwd syslog termios tty
    os.chown os.chroot os.fchdir os.fchmod os.fchown os.fork os.forkpty os.getegid os.geteuid
    os.getgid os.getgroups os.getloadavg os.getpgid os.getpgrp os.getpriority os.getsid os.getuid
    os.initgroups os.killpg os.lchown os.lockf os.mkfifo os.mknod os.nice os.O_CLOEXEC
    os.O_DIRECTORY os.O_NOFOLLOW os.O_NONBLOCK os.openpty os.posix_spawn os.setegid os.seteuid
    os.setgid os.setpgid os.setsid os.setuid os.sync os.sysconf os.ttyname os.uname os.wait3
    os.wait4 signal.SIGALRM signal.SIGHUP signal.SIGKILL signal.SIGPIPE signal.SIGQUIT
    signal.SIGUSR1 signal.SIGUSR2 signal.alarm signal.pause signal.setitimer signal.sigwait
    """.split()  # noqa: SIM905 -- a list of so many words is read more easily so
)
# Each asks which system it is on before it does: mypy checks that they do, see `make types`.
WHERE_IT_IS_ASKED = {
    "keyturn/cli/configuration_file.py",
    "keyturn/cli/open_files.py",
    "keyturn/cli/termination.py",
    "keyturn/mail/template_process.py",
    "keyturn/own_machine/adapters/private_files.py",
}
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
PORTABLE = re.compile(r"[\w.-]*\w", re.ASCII)


@cache
def nodes(file: Path) -> Sequence[ast.AST]:
    return [*ast.walk(ast.parse(file.read_text()))]


def calls(file: Path) -> Iterator[ast.Call]:
    yield from (each for each in nodes(file) if isinstance(each, ast.Call))


def names_in(file: Path) -> Iterator[str]:
    """The modules that a file imports, and what it takes of a module, as module.name."""
    for each in nodes(file):
        match each:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield module
                yield from (f"{module}.{name.name}" for name in names)
            case ast.Attribute(value=ast.Name(id=module), attr=attribute):
                yield f"{module}.{attribute}"


def test_what_windows_lacks_is_asked_for_in_few_places() -> None:
    found = {
        file.relative_to(ROOT / "src").as_posix()
        for file in SOURCES
        if ONLY_POSIX & {*names_in(file)}
    }

    assert found == WHERE_IT_IS_ASKED


def test_every_text_is_read_and_written_in_a_named_encoding_and_with_the_same_line_ends() -> None:
    left_to_chance = [
        f"{file.relative_to(ROOT)}:{call.lineno}: {lacks}"
        for file in SOURCES
        for call in calls(file)
        for lacks in left_out(call)
    ]

    assert left_to_chance == []


def left_out(call: ast.Call) -> Iterator[str]:
    """What a call that opens a text does not say."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    given = {each.arg for each in call.keywords}
    modes = [each.value for each in call.args if isinstance(each, ast.Constant)]
    is_binary = any("b" in mode for mode in modes if isinstance(mode, str))
    is_text = name in {"read_text", "write_text"} or (
        name in {"open", "fdopen", "NamedTemporaryFile"} and bool(modes) and not is_binary
    )
    writes = name == "write_text" or any(mode in {"w", "a", "x"} for mode in modes)
    if is_text and "encoding" not in given:
        yield "encoding"
    if is_text and writes and "newline" not in given:
        yield "newline"


@pytest.mark.parametrize(
    ("source", "lacks"),
    [
        ('path.open("w", encoding="utf-8")', ["newline"]),
        ("path.read_text()", ["encoding"]),
        ("path.write_text(text)", ["encoding", "newline"]),
        ('os.fdopen(descriptor, "w")', ["encoding", "newline"]),
        ('path.open("rb")', []),
        ('path.open("w", encoding="utf-8", newline="")', []),
    ],
)
def test_it_is_noticed(source: str, lacks: list[str]) -> None:
    [call] = [each for each in ast.walk(ast.parse(source)) if isinstance(each, ast.Call)]

    assert [*left_out(call)] == lacks


def test_no_path_of_one_system_is_in_the_source() -> None:
    paths = re.compile(r"^(/tmp|/dev/|/proc/|/etc/|/usr/|/var/|[A-Z]:\\)")

    found = [
        f"{file.relative_to(ROOT)}:{each.lineno}: {each.value}"
        for file in SOURCES
        for each in nodes(file)
        if isinstance(each, ast.Constant)
        and isinstance(each.value, str)
        and paths.match(each.value)
    ]

    assert found == []


# --- simulated

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def keyturn(*args: str, cwd: Path, **env: str) -> "subprocess.CompletedProcess[bytes]":
    done = subprocess.run(
        [KEYTURN, *args],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "AWS_EC2_METADATA_DISABLED": "true", **env},
        capture_output=True,
        check=False,
    )
    see("standard output", done.stdout.decode(errors="replace"))
    return done


@pytest.mark.parametrize(
    ("encoding", "env"),
    [
        ("ascii", ASCII),
        ("cp1252", {"PYTHONIOENCODING": "cp1252"}),
        ("cp437", {"PYTHONIOENCODING": "cp437", "TERM": "dumb"}),
        ("ascii", {"PYTHONIOENCODING": "ascii:strict"}),
    ],
    ids=["LC_ALL=C", "cp1252", "cp437 and a dumb terminal", "a strict encoding"],
)
def test_help_is_readable_in_every_encoding(
    tmp_path: Path, encoding: str, env: dict[str, str]
) -> None:
    done = keyturn("plan", "--help", cwd=tmp_path, **env)
    said = done.stdout.decode(encoding)

    assert (done.returncode, done.stderr) == (0, b"")
    assert "--role-name" in said
    assert "\\u" not in said
    assert "EXEMPT, BLOCKED, " in " ".join(said.split())


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    """What commands write into folders, on a system that writes ASCII."""
    folder = tmp_path_factory.mktemp("written")
    for command in (("notices", "preview", "notices"), ("help", "--man", "man")):
        done = keyturn(*command, cwd=folder, **ASCII)
        assert done.returncode == 0, done.stderr
    return [folder / "notices", folder / "man"]


def test_files_are_in_utf_8_whatever_the_system_writes(folders: Sequence[Path]) -> None:
    written = [file.read_bytes() for folder in folders for file in folder.iterdir()]

    assert any(not each.decode("utf-8").isascii() for each in written)
    assert not any(b"\r" in each for each in written)


def test_names_of_files_are_ones_that_every_system_takes_and_keeps_apart(
    folders: Sequence[Path],
) -> None:
    for folder in folders:
        names = [file.name for file in folder.iterdir()]

        assert len(names) > 10
        assert len({name.casefold() for name in names}) == len(names)
        assert [name for name in names if not PORTABLE.fullmatch(name)] == []
        assert [name for name in names if RESERVED.fullmatch(name)] == []


def test_two_names_that_one_folder_may_not_keep_apart_are_refused(tmp_path: Path) -> None:
    both = ("--html", str(tmp_path / "Review.out"), "--csv", str(tmp_path / "review.out"))

    refused = CliRunner().invoke(app, ["exemptions", "review", "--bucket", "b", *both])

    assert refused.exit_code == 2
    assert refused.stderr == f"--csv {both[3]}: is the file of --html, too\n"


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's user: a number that no file knows, and no HOME."""

    def unknown(_: int) -> None:
        raise KeyError

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in [each for each in os.environ if each.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", "us-east-1")


@pytest.mark.usefixtures("homeless")
@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("plan",), "no AWS credentials were found: give --profile, or set AWS_PROFILE\n"),
        (("pickup",), "--profile default: is in neither ~/.aws/credentials nor ~/.aws/config\n"),
        (
            ("--install-completion",),
            "this machine: your user has no home folder: set HOME to one\n",
        ),
    ],
)
def test_without_a_home_folder_that_is_no_bug_of_ours(
    command: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shellingham.detect_shell", lambda: ("bash", "/bin/bash"))

    result = CliRunner().invoke(app, command)

    assert result.exit_code in {1, 2}
    assert result.stderr == said


def test_waiting_hears_of_ctrl_c_where_only_what_ends_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def as_windows(futures: object, timeout: float | None = None) -> None:
        assert timeout is not None  # without one, Windows hears of it when all is done
        raise KeyboardInterrupt

    monkeypatch.setattr(local_run, "wait", as_windows)

    with pytest.raises(KeyboardInterrupt):
        local_run._wait_for([])  # noqa: SLF001 -- on Linux nothing shows it from outside
