"""
The image for CI systems, as far as it can be looked at without a registry.

Its instructions are read; its RUN lines are run, as they stand, in a file system of their own over
this machine's, and what they leave is started as the image would start it: another user, a root
that nobody can write to.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from shutil import which

import pytest

from keyturn import __version__

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "Containerfile").read_text()
USER = 65532


@dataclass(frozen=True)
class Stage:
    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, word: str) -> list[str]:
        return [rest for each, rest in self.steps if each == word]

    def last(self, word: str) -> str:
        return self.all(word)[-1]


def stages() -> list[Stage]:
    found: list[Stage] = []
    lines = [line for line in TEXT.splitlines() if line and not line.startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, rest = line.split(maxsplit=1)
        if word == "FROM":
            found.append(Stage(rest.partition(" AS ")[0]))
        else:
            found[-1].steps.append((word, " ".join(rest.split())))
    return found


BUILD, IMAGE = stages()


def labels() -> Mapping[str, str]:
    pairs = (each.split("=", 1) for each in shlex.split(IMAGE.last("LABEL")))
    return {name.removeprefix("org.opencontainers.image."): value for name, value in pairs}


def test_the_base_is_pinned_by_digest_and_named_in_the_labels() -> None:
    name, digest = IMAGE.base.split("@")

    assert BUILD.base == IMAGE.base
    assert re.fullmatch(r"docker\.io/library/python:3\.\d+\.\d+-slim-\w+", name)
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", digest)
    assert (labels()["base.name"], labels()["base.digest"]) == (name, digest)
    assert labels()["version"] == "${VERSION}"
    assert labels()["licenses"] == "Apache-2.0"


def test_it_starts_the_command_as_nobody_in_particular() -> None:
    assert IMAGE.last("USER") == f"{USER}:{USER}"
    assert f"useradd --uid {USER} --gid {USER} --create-home" in IMAGE.last("RUN")
    assert IMAGE.last("ENTRYPOINT") == '["keyturn"]'
    assert [word for word, _ in IMAGE.steps].index("USER") > [*IMAGE.steps].index(
        ("COPY", "--from=build /opt/keyturn /opt/keyturn")
    )


def test_a_build_sees_what_it_copies_and_nothing_else() -> None:
    ignored, *let_in = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if not line.startswith("#")
    ]
    [copied] = BUILD.all("COPY")
    names = copied.replace("${VERSION}", __version__).split()[:-1]

    assert ignored == "*"
    assert not any("--from" in each for each in names)
    for name in names:
        assert any(fnmatch(name, each.removeprefix("!")) for each in let_in), name
    assert len(let_in) == len(names)


# --- its lines, run

CAN = sys.platform == "linux" and os.geteuid() == 0 and which("unshare") is not None
# A root over this machine's, in memory: what is done there is gone at its end.
SCENE = """
set -eu
mount --make-rprivate /
mount -t tmpfs tmpfs "$SCENE" && cd "$SCENE" && mkdir upper work root
mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work overlay root
mount --rbind /proc root/proc
mount --rbind /dev root/dev
mkdir root/build && cp "$CONTEXT"/* root/build/
chmod a+x root/root  # where this machine may keep its Python; an image has it elsewhere
exec chroot root sh -euc "$LINES"
"""


ASKED = (
    "keyturn --version",
    "keyturn plan --region eu-west-1",
    "python -m pip --version",
    "touch /opt/keyturn/x",
    "id -u",
)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What an image says that is built so, with a root that is only read."""
    if not CAN:
        pytest.skip("a file system of its own needs Linux, root and unshare")
    context, scene = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("scene")
    subprocess.run(
        [str(which("make")), "-s", "image-context", f"DIST={context}"], cwd=ROOT, check=True
    )
    started = f"env -i {IMAGE.last('ENV').replace('$PATH', '$BASE')} LC_ALL=C.UTF-8"
    as_user = f"setpriv --reuid {USER} --regid {USER} --clear-groups {started}"
    lines = [
        BUILD.last("RUN"),
        "rm -r /build",
        IMAGE.last("RUN"),
        "mount -o remount,ro /",
        f"cd {IMAGE.last('WORKDIR')}",
        *(f"echo '== {each}'; {as_user} {each} 2>&1 || echo left with $?" for each in ASKED),
    ]
    base = f"{Path(sys.base_prefix, 'bin')}:/usr/sbin:/usr/bin:/sbin:/bin"
    done = subprocess.run(
        [str(which("unshare")), "--mount", "sh", "-c", SCENE],
        env={
            **{name: each for name, each in os.environ.items() if name.startswith("PIP_")},
            "PATH": base,
            "BASE": base,
            "HOME": os.environ.get("HOME", "/root"),
            "SCENE": str(scene),
            "CONTEXT": str(context),
            "LINES": "\n".join(lines),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def answers(said: str) -> Mapping[str, str]:
    parts = (each.partition("\n") for each in said.split("== ")[1:])
    return {asked: answer.strip() for asked, _, answer in parts}


def test_what_is_installed_runs_as_another_user_where_nothing_can_be_written(said: str) -> None:
    found = answers(said)

    assert found["id -u"] == str(USER)
    assert found["keyturn --version"] == f"keyturn {__version__}"
    none = "no AWS credentials were found: give --profile, or set AWS_PROFILE"
    assert found["keyturn plan --region eu-west-1"] == f"{none}\nleft with 1"
    assert "Read-only file system" in found["touch /opt/keyturn/x"]


def test_nothing_is_left_that_installs(said: str) -> None:
    assert "No module named pip" in answers(said)["python -m pip --version"]
