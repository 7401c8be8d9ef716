"""What is checked before a release, and what goes with it: tools/release.py, tools/audit.sh."""

import http.server
import json
import os
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import ClassVar

import pytest

from tools import release

ROOT = Path(__file__).parent.parent

CHANGELOG = """\
# Changelog

## [Unreleased]

## [1.2.0] - 2026-11-29

### Added

- Something.

## [1.1.0] - 2026-01-31

- Something else.
"""


def project(
    folder: Path, *, changelog: str = CHANGELOG, locked: str = "1.2.0", said: str = "1.2.0"
) -> Path:
    (folder / "pyproject.toml").write_text('[project]\nname = "keyturn"\nversion = "1.2.0"\n')
    (folder / "src" / "keyturn").mkdir(parents=True)
    (folder / "src" / "keyturn" / "__init__.py").write_text(
        f'"""Doc."""\n\n__version__ = "{said}"\n'
    )
    (folder / "uv.lock").write_text(f'[[package]]\nname = "keyturn"\nversion = "{locked}"\n')
    (folder / "CHANGELOG.md").write_text(changelog)
    return folder


def test_a_tag_of_the_version_with_a_dated_heading_is_a_release(tmp_path: Path) -> None:
    assert [*release.problems("v1.2.0", project(tmp_path))] == []


@pytest.mark.parametrize(
    "tag",
    [
        "1.2.0",
        "v1.2",
        "v1.2.0rc1",
        "v1.2.0 ",
        "v1.2.0\n",
        "release-1.2.0",
        "v\N{ARABIC-INDIC DIGIT ONE}.2.0",
        "",
    ],
)
def test_a_tag_of_another_form_is_refused(tmp_path: Path, tag: str) -> None:
    [problem] = release.problems(tag, project(tmp_path))

    assert problem == "a release's tag is v and three numbers, such as v1.2.3"


def test_a_tag_of_another_version_is_refused_wherever_it_differs(tmp_path: Path) -> None:
    assert [*release.problems("v1.1.0", project(tmp_path))] == [
        "pyproject.toml has version 1.2.0",
        "src/keyturn/__init__.py says 1.2.0",
        "uv.lock has version 1.2.0 of keyturn: run `uv lock`",
        "the newest version in CHANGELOG.md is 1.2.0",
    ]


def test_a_lock_of_the_version_before_is_named(tmp_path: Path) -> None:
    [problem] = release.problems("v1.2.0", project(tmp_path, locked="1.1.0"))

    assert problem == "uv.lock has version 1.1.0 of keyturn: run `uv lock`"


def test_code_that_says_another_version_is_named(tmp_path: Path) -> None:
    [problem] = release.problems("v1.2.0", project(tmp_path, said="1.1.0"))

    assert problem == "src/keyturn/__init__.py says 1.1.0"


@pytest.mark.parametrize(
    ("right", "wrong", "problem"),
    [
        (" - 2026-11-29", "", "CHANGELOG.md has no day for it"),
        ("2026-11-29", "2026-11-31", "CHANGELOG.md has no day for it"),
        ("2026-11-29", "29.11.2026", "CHANGELOG.md has no day for it"),
        ("### Added\n\n- Something.\n\n", "", "CHANGELOG.md says nothing about it"),
        ("[Unreleased]\n", "[Unreleased]\n\n- More.\n", "still has lines under Unreleased"),
        ("## [1.2.0]", "## [1.3.0]", "the newest version in CHANGELOG.md is 1.3.0"),
        (CHANGELOG, "# Changelog\n", "the newest version in CHANGELOG.md is none"),
    ],
)
def test_a_changelog_that_is_not_ready_is_named(
    tmp_path: Path, right: str, wrong: str, problem: str
) -> None:
    changelog = CHANGELOG.replace(right, wrong)
    assert changelog != CHANGELOG

    [found] = release.problems("v1.2.0", project(tmp_path, changelog=changelog))

    assert problem in found


def test_the_notes_of_a_release_are_its_part_of_the_changelog() -> None:
    assert release.notes("1.2.0", CHANGELOG) == "### Added\n\n- Something."
    assert release.notes("1.1.0", CHANGELOG) == "- Something else."
    with pytest.raises(release.NotInTheChangelogError, match=r"1\.0\.0"):
        release.notes("1.0.0", CHANGELOG)


def test_a_link_of_the_notes_leads_into_the_project_as_it_is_at_the_tag() -> None:
    said = "[a](docs/a.md#b), [c](https://c.example/d), [e](#f)"

    assert release.for_elsewhere(said, "https://g.example/k/blob/v1.2.0") == (
        "[a](https://g.example/k/blob/v1.2.0/docs/a.md#b), [c](https://c.example/d), [e](#f)"
    )


def test_version_lock_and_changelog_of_this_project_agree() -> None:
    [version] = re.findall(
        r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE
    )

    wrong = [*release.problems(f"v{version}", ROOT)]

    assert [each for each in wrong if "Unreleased" not in each] == []


def run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-I", "-S", ROOT / "tools" / "release.py", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_wrong_tag_is_one_line_and_exit_code_2_without_anything_installed() -> None:
    done = run("check", "0.2.0")

    assert done.returncode == 2
    assert done.stderr == "0.2.0: a release's tag is v and three numbers, such as v1.2.3\n"
    assert run("notes", "v9.9.9", "https://g.example").returncode == 2


def test_the_checksums_are_what_sha256sum_reads_and_notice_a_changed_file(tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_bytes(b"b")
    (tmp_path / "a.whl").write_bytes(b"a")
    (tmp_path / ".gitignore").write_text("*")  # uv puts one there
    check = ["sha256sum", "--check", "--strict", "SHA256SUMS"]

    assert run("sums", tmp_path).returncode == 0
    assert run("sums", tmp_path).returncode == 0  # a second time: not itself

    sums = (tmp_path / "SHA256SUMS").read_text()
    assert [line.split("  ")[1] for line in sums.splitlines()] == ["a.whl", "b.zip"]
    assert subprocess.run(check, cwd=tmp_path, check=False).returncode == 0
    (tmp_path / "b.zip").write_bytes(b"c")
    assert subprocess.run(check, cwd=tmp_path, check=False, stderr=-3).returncode == 1


def recipe(*target: str) -> list[str]:
    """What make would do, a line each."""
    command = [str(which("make")), "--dry-run", "--no-print-directory", *target]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def test_a_release_holds_its_libraries_hashes_and_a_checksum_of_them() -> None:
    lines = recipe("release")

    [exports] = [at for at, line in enumerate(lines) if "dist/requirements.txt" in line]
    [sums] = [at for at, line in enumerate(lines) if "release.py sums dist" in line]
    assert exports < sums


def test_the_libraries_hashes_are_the_same_wherever_they_are_written(tmp_path: Path) -> None:
    for name in ("one", "another"):
        (tmp_path / name).mkdir()
        *_, line = recipe("image-context", f"DIST={tmp_path / name}")
        subprocess.run(["/bin/sh", "-c", line], cwd=ROOT, check=True)
    one, another = ((tmp_path / n / "requirements.txt").read_text() for n in ("one", "another"))

    assert one == another
    libraries = re.findall(r"^(?=\w).*", one, re.MULTILINE)
    hashed = re.findall(r"^(\w\S*==.*)\n    --hash=sha256:\w{64}", one, re.MULTILINE)
    assert any(each.startswith("boto3==") for each in libraries)
    assert libraries == hashed


# --- how to verify a release --------------------------------------------------------------------

SECURITY = (ROOT / "SECURITY.md").read_text()
VERIFYING = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```$", SECURITY, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
"""The manual's commands, in their order."""
ELSEWHERE = ("gh ", "git ", "make ")
"""What cannot be typed here: it asks GitHub, changes the checkout, or is another test's."""

LAMBDA = """#!/bin/sh
case "$*" in
*"--query CodeSha256 --output text") openssl dgst -sha256 -binary "$ZIP" | openssl base64 ;;
*) exit 1 ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder with a zip as it was built here, and below it a home with the release's."""
    for folder in ("Lambda", "Downloads", "bin"):
        (tmp_path / folder).mkdir()
        if folder != "bin":
            with zipfile.ZipFile(tmp_path / folder / "rotation.zip", "w") as archive:
                archive.writestr(zipfile.ZipInfo("code.py"), "print()")
    run("sums", tmp_path / "Downloads")
    (tmp_path / "bin" / "aws").write_text(LAMBDA)
    (tmp_path / "bin" / "aws").chmod(0o755)
    return tmp_path


def type_in(line: str, checkout: Path) -> "subprocess.CompletedProcess[str]":
    in_downloads = line.startswith("sha256sum")
    return subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=checkout / "Downloads" if in_downloads else checkout,
        env={
            **os.environ,
            "HOME": str(checkout),
            "PATH": f"{checkout / 'bin'}:{os.environ['PATH']}",
            "ZIP": str(checkout / "Downloads" / "rotation.zip"),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_manuals_commands_find_a_release_whole_and_the_same_as_ones_own(
    checkout: Path,
) -> None:
    typed = {line: type_in(line, checkout) for line in VERIFYING if not line.startswith(ELSEWHERE)}

    assert [line.split()[0] for line in typed] == [
        "sha256sum",
        "cmp",
        "unzip",
        "unzip",
        "diff",
        "aws",
    ]
    assert {line: done.stderr for line, done in typed.items() if done.returncode} == {}
    in_lambda = [*typed.values()][-1].stdout
    assert f"{in_lambda}  rotation.zip\n" in (checkout / "Downloads" / release.SUMS).read_text()


def test_the_manuals_commands_find_another_zip(checkout: Path) -> None:
    before = type_in(VERIFYING[-1], checkout).stdout
    with zipfile.ZipFile(checkout / "Downloads" / "rotation.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("code.py"), "print(1)")

    failing = {
        line.split()[0]
        for line in VERIFYING
        if not line.startswith(ELSEWHERE) and type_in(line, checkout).returncode
    }

    assert failing == {"sha256sum", "cmp", "diff"}
    assert type_in(VERIFYING[-1], checkout).stdout != before


def test_the_manual_names_the_workflow_that_signs() -> None:
    [line] = [line for line in VERIFYING if line.startswith("gh ")]
    [workflow] = re.findall(r"\.github/workflows/[\w.]+", line)

    assert "attest@" in (ROOT / workflow).read_text()


# --- advisories ---------------------------------------------------------------------------------

WEAK = "OSV-0000-1"


class Advisories(http.server.BaseHTTPRequestHandler):
    """OSV, as far as uv asks it: what is known of each package, then each of these whole."""

    known: ClassVar[dict[str, str]] = {}
    """Package → the id of its weakness."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
        names = [each["package"]["name"] for each in asked]
        self.answer({"results": [self.of_package(name) for name in names]})

    def do_GET(self) -> None:
        self.answer({"id": self.path.rpartition("/")[2], **ANY_DAY, "summary": "made up"})

    def of_package(self, name: str) -> object:
        found = [self.known[name]] if name in self.known else []
        return {"vulns": [{"id": each, **ANY_DAY} for each in found]} if found else {}

    def answer(self, body: object) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


ANY_DAY = {"modified": "2026-01-01T00:00:00Z"}


@pytest.fixture
def osv() -> Iterator[str]:
    """Yield the URL of an OSV on this machine."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Advisories) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def audit(url: str) -> "subprocess.CompletedProcess[str]":
    uv = Path(sys.executable).with_name("uv")
    return subprocess.run(
        ["/bin/sh", ROOT / "tools" / "audit.sh", uv, "--service-url", url],
        cwd=ROOT,
        env={**os.environ, "UV_HTTP_RETRIES": "0"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("package", ["boto3", "ruff"])
def test_a_known_weakness_of_anything_in_the_lock_is_named(
    osv: str, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    assert audit(osv).returncode == 0

    monkeypatch.setattr(Advisories, "known", {package: WEAK})
    found = audit(osv)

    assert found.returncode == 1
    assert package in found.stdout
    assert WEAK in found.stdout


def test_without_a_network_one_line_says_that_nothing_was_audited() -> None:
    done = audit("http://127.0.0.1:9")  # nobody listens at the port for discarding

    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith("Nothing was audited: error: ")
