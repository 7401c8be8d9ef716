"""
The files for CI systems in docs/ci/: their own shell steps run, and a job's token becomes a plan.

The systems are stood in for: a server that gives tokens as GitHub's does, and moto's server for
AWS, which takes any token. Which ones AWS takes, the trust policies in the manual say.
"""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from shutil import which
from threading import Thread
from typing import Any, ClassVar
from urllib.request import Request, urlopen

import boto3
import pytest
import yaml
from moto.server import ThreadedMotoServer
from moto.sts.models import STSBackend

from tests.canary import see

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ci.md").read_text()
FOLDER = ROOT / "docs" / "ci"
GITHUB: dict[str, Any] = yaml.safe_load((FOLDER / "github-actions.yml").read_text())
GITLAB: dict[str, Any] = yaml.safe_load((FOLDER / "gitlab-ci.yml").read_text())["keyturn-plan"]
BIN = Path(sys.executable).parent
OURS = "111111111111"
TOKEN = ".".join(
    base64.urlsafe_b64encode(part).decode()
    for part in (b'{"alg":"RS256"}', b'{"sub":"job"}', b"x")
)


class TokenServer(BaseHTTPRequestHandler):
    """Gives a job's token to whoever knows the job's word, as GitHub's does."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        knows = self.headers["Authorization"] == "bearer of-this-job"
        self.send_response(200 if knows else 401)
        self.end_headers()
        self.wfile.write(json.dumps({"count": 1, "value": TOKEN}).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def tokens() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), TokenServer)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/token?api-version=2"
    server.shutdown()
    server.server_close()
    thread.join()
    TokenServer.asked.clear()


@pytest.fixture
def exchanged(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, Any]]:
    """What was given to STS in exchange for credentials."""
    found: list[Mapping[str, Any]] = []
    exchange = STSBackend.assume_role_with_web_identity

    def watched(self: STSBackend, **given: Any) -> Any:  # noqa: ANN401 -- as moto has it
        found.append(given)
        return exchange(self, **given)

    monkeypatch.setattr(STSBackend, "assume_role_with_web_identity", watched)
    return found


@pytest.fixture
def aws() -> Iterator[str]:
    """An account of an organisation, with one user; its keys are made by a call."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    urlopen(Request(f"http://{host}:{port}/moto-api/reset", method="POST")).close()
    yield f"http://{host}:{port}"
    server.stop()


NOBODY = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "none"}


def client(endpoint: str, service: str, credentials: Mapping[str, str] = NOBODY) -> Any:  # noqa: ANN401 -- boto3 makes the class at run time
    return boto3.client(  # type: ignore[call-overload]  # the service is known when it runs
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        **credentials,
    )


PIP = """\
#!/bin/sh
for file; do :; done
echo "$*" >> "$TMPDIR/installed"
cat "$file" >> "$TMPDIR/installed"
"""
"""A pip that writes down what it is asked for; the file of requirements is its last argument."""

VENV = """\
#!/bin/sh
[ "$1 $2" = "-m venv" ] || exec {python} "$@"
mkdir -p "$3/bin"
cp "$TMPDIR/bin/pip" "$3/bin/pip"
"""


def machine(tmp_path: Path, endpoint: str) -> dict[str, str]:
    """The environment of a job; what it installs with, we stand in for."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    put(bin_ / "pip", PIP)
    put(bin_ / "python3", VENV.format(python=sys.executable))
    return {
        "PATH": f"{bin_}:{BIN}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "LC_ALL": "C.UTF-8",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "LIBRARIES": hashed(tmp_path, "requirements.txt", b"library==1\n"),
    }


def put(file: Path, script: str) -> None:
    file.write_text(script)
    file.chmod(0o755)


def hashed(folder: Path, name: str, content: bytes) -> str:
    """The address of a file made here, with its hash as a job wants it."""
    (folder / name).write_bytes(content)
    return f"{(folder / name).as_uri()}#sha256={hashlib.sha256(content).hexdigest()}"


def bash(script: str, env: Mapping[str, str], cwd: Path) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [str(which("bash")), "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        env=env,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    see("the log of a job", done.stdout + done.stderr)
    return done


class Workflow:
    """A job of GitHub's, step after step."""

    def __init__(self, tmp_path: Path, endpoint: str, tokens: str) -> None:
        self.folder = tmp_path
        self.summary = tmp_path / "summary.md"
        self._variables = tmp_path / "variables"
        self._variables.touch()
        self.path = tmp_path / "path"
        self.path.touch()
        self.env = {
            **GITHUB["jobs"]["plan"]["env"],
            **machine(tmp_path, endpoint),
            "RUNNER_TEMP": str(tmp_path),
            "GITHUB_ENV": str(self._variables),
            "GITHUB_PATH": str(self.path),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "ACTIONS_ID_TOKEN_REQUEST_URL": tokens,
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-this-job",
        }

    def run(self) -> "subprocess.CompletedProcess[str]":
        for step in GITHUB["jobs"]["plan"]["steps"]:
            lines = self._variables.read_text().splitlines()
            env = self.env | dict(line.split("=", 1) for line in lines)
            done = bash(step["run"], env, self.folder)
            if done.returncode:
                break
        return done


def make_organisation(endpoint: str) -> None:
    """An organisation of the job's account alone, with one user and a key."""
    role = {"RoleArn": f"arn:aws:iam::{OURS}:role/admin", "RoleSessionName": "test"}
    given = client(endpoint, "sts").assume_role(**role)["Credentials"]
    of_account = {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }
    client(endpoint, "organizations", of_account).create_organization(FeatureSet="ALL")
    iam = client(endpoint, "iam", of_account)
    iam.create_group(GroupName="IAMKeyRotationExemptionGroup")
    iam.create_user(UserName="deploy-bot")
    iam.create_access_key(UserName="deploy-bot")


def test_a_github_job_gets_its_token_exchanged_and_shows_the_plan(
    tmp_path: Path, aws: str, tokens: str, exchanged: list[Mapping[str, Any]]
) -> None:
    make_organisation(aws)
    job = Workflow(tmp_path, aws, tokens)

    done = job.run()

    assert done.returncode == 0, done.stderr
    assert TokenServer.asked == ["/token?api-version=2&audience=sts.amazonaws.com"]
    assert {each["role_arn"] for each in exchanged} == {job.env["AWS_ROLE_ARN"]}
    assert (tmp_path / "aws-token").read_text() == TOKEN
    assert (tmp_path / "aws-token").stat().st_mode & 0o77 == 0
    assert job.path.read_text() == f"{tmp_path}/keyturn/bin\n"
    what = "--require-hashes --only-binary :all: --requirement libraries.txt"
    assert (tmp_path / "installed").read_text() == (
        f"install --quiet {what}\nlibrary==1\nkeyturn @ {job.env['INSTALL']}\n"
    )
    summary = job.summary.read_text()
    assert summary.startswith("## Keyturn\n")
    assert "1 account, 1 user, 1 key" in summary
    assert "::notice title=Keyturn::Nothing is due\n" in done.stdout
    assert TOKEN not in done.stdout + done.stderr + summary


def test_a_github_job_without_its_permission_fails_where_it_asks(
    tmp_path: Path, aws: str, tokens: str
) -> None:
    job = Workflow(tmp_path, aws, tokens)
    job.env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = "of-another"

    done = job.run()

    assert done.returncode == 22
    assert "401" in done.stderr
    assert not job.summary.exists()


def test_a_github_job_asks_for_no_token_before_all_is_installed(
    tmp_path: Path, tokens: str
) -> None:
    job = Workflow(tmp_path, "http://127.0.0.1:9", tokens)
    put(tmp_path / "bin" / "pip", "#!/bin/sh\nexit 7\n")

    assert job.run().returncode == 7
    assert TokenServer.asked == []


@pytest.mark.parametrize(
    ("code", "said", "ends"),
    [(0, "Nothing is due", 0), (3, "Something is due", 0), (1, "", 1), (2, "", 2)],
)
def test_what_a_job_makes_of_the_exit_code(
    tmp_path: Path, tokens: str, code: int, said: str, ends: int
) -> None:
    job = Workflow(tmp_path, "http://127.0.0.1:9", tokens)
    stand_in(tmp_path, code)

    done = job.run()
    assert done.returncode == ends
    assert said in done.stdout
    assert job.summary.exists() is (code != 2)

    log = gitlab(job.env, tmp_path)
    assert log.returncode == code
    assert ("the plan" in log.stdout) is (code != 2)
    assert (code in GITLAB["allow_failure"]["exit_codes"]) is (code == 3)


def stand_in(tmp_path: Path, code: int) -> None:
    """A `keyturn` that leaves with a code; with 2 it has written nothing."""
    script = f"""#!/bin/sh
        while [ "$#" -gt 0 ]; do [ "$1" = --output ] && file=$2; shift; done
        [ {code} = 2 ] || echo the plan > "$file"
        exit {code}
    """
    put(tmp_path / "bin" / "keyturn", script)


def gitlab(env: Mapping[str, str], tmp_path: Path) -> "subprocess.CompletedProcess[str]":
    (tmp_path / "project").mkdir()
    env = {**GITLAB["variables"], "TOKEN_FOR_AWS": TOKEN, **env}
    return bash("\n".join(GITLAB["script"]), env, tmp_path / "project")


def test_a_gitlab_job_gets_its_token_exchanged_and_shows_the_plan(
    tmp_path: Path, aws: str, exchanged: list[Mapping[str, Any]]
) -> None:
    make_organisation(aws)

    done = gitlab(machine(tmp_path, aws), tmp_path)

    assert done.returncode == 0, done.stderr
    assert {each["role_arn"] for each in exchanged} == {GITLAB["variables"]["AWS_ROLE_ARN"]}
    assert "1 account, 1 user, 1 key: 0 due" in done.stdout
    assert (tmp_path / "project" / "plan.txt").read_text() in done.stdout
    assert [each.name for each in (tmp_path / "project").iterdir()] == GITLAB["artifacts"]["paths"]
    asked, *lines = (tmp_path / "installed").read_text().splitlines()
    assert "--require-hashes --only-binary :all: --requirement " in asked
    assert lines == ["library==1", f"keyturn @ {GITLAB['variables']['INSTALL']}"]


# --- what is installed: pip itself, and files made here -----------------------------------------

REAL_PIP = f"""\
#!/bin/sh
exec {sys.executable} -m pip "$@" --no-index --find-links "$TMPDIR/index" --target "$TMPDIR/site"
"""


def wheel(name: str, *needs: str) -> bytes:
    """The least that pip takes for a wheel of version 1."""
    file = BytesIO()
    said = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n"
    with zipfile.ZipFile(file, "w") as archive:
        folder = f"{name}-1.dist-info"
        archive.writestr(f"{name}.py", "")
        archive.writestr(
            f"{folder}/METADATA", said + "".join(f"Requires-Dist: {each}\n" for each in needs)
        )
        archive.writestr(f"{folder}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{folder}/RECORD", "")
    return file.getvalue()


@pytest.fixture
def installing(tmp_path: Path) -> dict[str, str]:
    """A job with pip itself, a wheel with one library, and the library in an index."""
    env = machine(tmp_path, "http://127.0.0.1:9")
    put(tmp_path / "bin" / "pip", REAL_PIP)
    (tmp_path / "index").mkdir()
    found = hashed(tmp_path / "index", "library-1-py3-none-any.whl", wheel("library"))
    return {
        **env,
        "PIP_CONFIG_FILE": os.devnull,
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_PATH": str(tmp_path / "path"),
        "INSTALL": hashed(tmp_path, "keyturn-1-py3-none-any.whl", wheel("keyturn", "library")),
        "LIBRARIES": hashed(tmp_path, "requirements.txt", listed(found)),
    }


def listed(library: str) -> bytes:
    """The line of a list that allows this file alone."""
    return f"library==1 --hash={library.partition('#')[2].replace('=', ':')}\n".encode()


def installs(system: str, env: Mapping[str, str], tmp_path: Path) -> "tuple[bool, set[str]]":
    """Whether a system's lines install, and what was installed; their plan is not made."""
    if system == "github":
        script = GITHUB["jobs"]["plan"]["steps"][0]["run"]
    else:
        script = "\n".join(GITLAB["script"][:-1])
    done = bash(script, env, tmp_path)
    return done.returncode == 0, {each.name for each in (tmp_path / "site").glob("*.py")}


each_system = pytest.mark.parametrize("system", ["github", "gitlab"])


@each_system
def test_a_wheel_and_its_libraries_are_installed(
    tmp_path: Path, installing: dict[str, str], system: str
) -> None:
    installed = installs(system, installing, tmp_path)

    assert installed == (True, {"keyturn.py", "library.py"})


def another_list(env: dict[str, str], folder: Path) -> None:
    assert env["LIBRARIES"]
    (folder / "requirements.txt").write_text("")


def a_list_without_its_hash(env: dict[str, str], _: Path) -> None:
    env["LIBRARIES"] = env["LIBRARIES"].partition("#")[0]


def another_wheel(_: dict[str, str], folder: Path) -> None:
    (folder / "keyturn-1-py3-none-any.whl").write_bytes(wheel("keyturn"))


def a_wheel_without_its_hash(env: dict[str, str], _: Path) -> None:
    env["INSTALL"] = env["INSTALL"].partition("#")[0]


def a_name_alone(env: dict[str, str], _: Path) -> None:
    env["INSTALL"] = "keyturn"


def another_library(_: dict[str, str], folder: Path) -> None:
    hashed(folder / "index", "library-1-py3-none-any.whl", wheel("library", "keyturn"))


def a_library_that_the_list_lacks(env: dict[str, str], folder: Path) -> None:
    env["LIBRARIES"] = hashed(folder, "requirements.txt", b"")


def a_library_to_be_built(env: dict[str, str], folder: Path) -> None:
    """Put a source distribution in its place, whose own code would build it: it leaves a file."""
    (folder / "index" / "library-1-py3-none-any.whl").unlink()
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(
            "library-1/pyproject.toml",
            '[build-system]\nrequires = []\nbuild-backend = "ours"\nbackend-path = ["."]\n',
        )
        archive.writestr("library-1/ours.py", f"open({str(folder / 'ran')!r}, 'w').close()\n")
    found = hashed(folder / "index", "library-1.zip", file.getvalue())
    env["LIBRARIES"] = hashed(folder, "requirements.txt", listed(found))


@each_system
@pytest.mark.parametrize(
    "change",
    [
        another_list,
        a_list_without_its_hash,
        another_wheel,
        a_wheel_without_its_hash,
        a_name_alone,
        another_library,
        a_library_that_the_list_lacks,
        a_library_to_be_built,
    ],
)
def test_nothing_else_is_installed(
    tmp_path: Path,
    installing: dict[str, str],
    system: str,
    change: Callable[[dict[str, str], Path], None],
) -> None:
    change(installing, tmp_path)

    assert installs(system, installing, tmp_path) == (False, set())
    assert not (tmp_path / "ran").exists()


def test_the_workflow_may_nothing_but_ask_for_a_token_and_uses_no_action() -> None:
    [job] = GITHUB["jobs"].values()

    assert GITHUB["permissions"] == {}
    assert job["permissions"] == {"id-token": "write"}
    assert all("uses" not in step for step in job["steps"])
    assert not any("${{" in step["run"] for step in job["steps"])
    assert "include" not in GITLAB
    for values in (job["env"], GITLAB["variables"]):
        assert re.fullmatch(r"https://\S+\.whl#sha256=[0-9a-f]{64}", values["INSTALL"])
        assert re.fullmatch(r"https://\S+\.txt#sha256=[0-9a-f]{64}", values["LIBRARIES"])
    assert re.fullmatch(r"[\w./:-]+@sha256:[0-9a-f]{64}", GITLAB["image"])


def test_the_trust_policies_are_for_one_branch_of_one_repository() -> None:
    policies = [
        statement
        for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
        for statement in json.loads(text)["Statement"]
    ]
    trusts = [each for each in policies if "Principal" in each]

    assert [each["Action"] for each in trusts] == ["sts:AssumeRoleWithWebIdentity"] * 2
    for each in trusts:
        issuer = each["Principal"]["Federated"].partition("/")[2]
        exact = each["Condition"]["StringEquals"]
        assert {*exact} == {f"{issuer}:aud", f"{issuer}:sub"}
        assert "*" not in "".join(exact.values())
        assert exact[f"{issuer}:sub"].endswith("main")
    assert GITLAB["id_tokens"]["TOKEN_FOR_AWS"]["aud"] in json.dumps(trusts)


def test_the_readers_permissions_are_those_of_a_plan() -> None:
    template = (FOLDER / "keyturn-reader.yaml").read_text()
    table = (ROOT / "docs" / "permissions.md").read_text().split("## The role in each")[0]
    needed = set(re.findall(r"^\| `((?:iam|secretsmanager):\w+)`", table, re.MULTILINE))

    granted = set(re.findall(r"- ((?:iam|secretsmanager):\w+)", template))

    assert granted == needed
