"""
The wheel on a bare machine: `make bare`.

It is built, then installed with uv on each Python from 3.11 on and with pip on the oldest, into a
HOME of its own, with no PYTHONPATH and outside of the checkout. There the lines of the README and
of docs/install.md are typed as they stand. AWS is moto's server, in this process.

BARE=long installs with both on each.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.server import ThreadedMotoServer

from keyturn import __version__
from keyturn.deployment.model.organization import STACK_SETS_TRUSTED
from keyturn.deployment.model.package import Package
from keyturn.deployment.model.template import Template
from tests.bare.machine import VERSIONS, Machine, machine, python_of
from tests.cli.test_completion import PRESS
from tests.test_docs import FENCED, INDENTED
from tools import package
from tools.wheel import build

ROOT = Path(__file__).parents[2]
NEWEST = next((each for each in reversed(VERSIONS) if python_of(each)), VERSIONS[-1])
OLDEST = next((each for each in VERSIONS if python_of(each)), VERSIONS[0])
KINDS = (
    [*product(("uv", "pip"), VERSIONS)]
    if os.environ.get("BARE") == "long"
    else [*product(("uv",), VERSIONS), ("pip", OLDEST)]
)
KIND = pytest.mark.parametrize("kind", KINDS, ids="-".join, indirect=True, scope="module")
ON_THE_NEWEST = pytest.mark.parametrize(
    "kind", [("uv", NEWEST)], ids="-".join, indirect=True, scope="module"
)
FAKE = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "made-up"}


def typed(page: str, section: str, start: str) -> list[str]:
    """The lines of a page that somebody types, below a heading, which begin so."""
    text = (ROOT / page).read_text()
    below = re.split(r"^## ", text, flags=re.MULTILINE)
    [found] = [each for each in below if each.startswith(f"{section}\n")]
    blocks = [block for _, block in FENCED.findall(found)] + INDENTED.findall(found)
    lines = [line.strip().removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith(start)]


# --- the wheel, and who installs it -------------------------------------------------------------


@pytest.fixture(scope="session")
def zips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if package.lambdas_python() is None:
        pytest.skip(f"no Python {package.LAMBDAS_PYTHON} is here, and no wheel without it")
    folder = tmp_path_factory.mktemp("zips")
    package.main(folder)
    return folder


@pytest.fixture(scope="session")
def wheel(zips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    build(zips, folder / "dist", folder / "tree")
    [wheel] = (folder / "dist").glob("*.whl")
    return wheel


MACHINES: dict[tuple[str, str], Machine] = {}


@pytest.fixture(scope="module")
def kind(
    request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Machine:
    """A machine on which Keyturn was installed, in this way on this Python."""
    installer, version = request.param
    python = python_of(version)
    if python is None:
        pytest.skip(f"no Python {version} that runs is here")
    if request.param not in MACHINES:
        bare = machine(tmp_path_factory.mktemp(f"{installer}-{version}"), python, wheel)
        if installer == "uv":
            [line] = typed("README.md", "Try it", "uv ")
            bare.type(line)
        else:
            for line in typed("docs/install.md", "The command line", "python3 -m venv"):
                bare.type(line)
            [line] = typed("docs/install.md", "The command line", "~/.keyturn/bin/pip")
            bare.type(line)
            (bare.home / ".local" / "bin").mkdir(parents=True)
            bare.type("ln -s ~/.keyturn/bin/keyturn ~/.local/bin/keyturn")
        MACHINES[request.param] = bare
    return MACHINES[request.param]


# --- an AWS -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Net:
    """An organisation on moto's server."""

    url: str
    unit: str
    security: str

    def client(self, service: str, **credentials: str) -> Any:  # noqa: ANN401 -- boto3 makes the class at run time
        given: Any = credentials or FAKE
        return boto3.Session(**given, region_name="eu-west-1").client(
            service,  # type: ignore[call-overload] # any service
            endpoint_url=self.url,
        )


@pytest.fixture(scope="module")
def net() -> Iterator[Net]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        empty = Net(url=f"http://{host}:{port}", unit="", security="")
        organizations = empty.client("organizations")
        organizations.create_organization(FeatureSet="ALL")
        organizations.enable_aws_service_access(ServicePrincipal=STACK_SETS_TRUSTED)
        root = organizations.list_roots()["Roots"][0]["Id"]
        unit = organizations.create_organizational_unit(ParentId=root, Name="work")
        made = organizations.create_account(AccountName="security", Email="s@example.com")
        old_key(empty)
        yield Net(
            url=empty.url,
            unit=unit["OrganizationalUnit"]["Id"],
            security=made["CreateAccountStatus"]["AccountId"],
        )
    finally:
        server.stop()


def old_key(net: Net) -> None:
    iam = net.client("iam")
    iam.create_user(UserName="deploy-bot")
    iam.create_access_key(UserName="deploy-bot")
    made = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=200)
    for key in get_backend("iam")[DEFAULT_ACCOUNT_ID]["aws"].access_keys.values():
        key.create_date = made


@pytest.fixture
def profiles(kind: Machine, net: Net) -> Iterator[None]:
    """Profiles of the names that the manual's lines give."""
    told = net.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{net.security}:role/admin", RoleSessionName="operator"
    )["Credentials"]
    security = {
        "aws_access_key_id": told["AccessKeyId"],
        "aws_secret_access_key": told["SecretAccessKey"],
        "aws_session_token": told["SessionToken"],
    }
    config = kind.home / ".aws" / "config"
    config.parent.mkdir(exist_ok=True)
    config.write_text(
        "".join(
            f"[profile {name}]\nregion = eu-west-1\nendpoint_url = {net.url}\n"
            + "".join(f"{field} = {value}\n" for field, value in credentials.items())
            for name, credentials in (
                ("my-profile", FAKE),
                ("management", FAKE),
                ("security", security),
            )
        )
    )
    yield
    config.unlink()  # secrets belong there, and only now


# --- the story ----------------------------------------------------------------------------------


@KIND
def test_it_is_installed_and_says_which_version_it_is(kind: Machine) -> None:
    assert kind.type("keyturn --version") == f"keyturn {__version__}\n"
    said = kind.type("keyturn help")

    assert "Usage: keyturn [OPTIONS] COMMAND" in said
    assert "rotate" in said


@KIND
def test_what_it_runs_is_what_was_installed(kind: Machine) -> None:
    start = kind.type("cat $(command -v keyturn)").splitlines()[0].removeprefix("#!")
    where = kind.type(f"{start} -c 'import keyturn, keyturn_sandbox; print(keyturn.__file__)'")

    assert where.startswith(str(kind.home))


@KIND
def test_a_plan_reads_an_account(kind: Machine, profiles: None) -> None:
    line, explained = typed("README.md", "A real dry run in five minutes", "keyturn")[:2]

    said = kind.type(line)
    assert "deploy-bot" in said
    assert "ROTATE" in said
    assert "1 account, 1 user, 1 key: 1 due" in said
    assert "it is 200 days old" in kind.type(explained)


@pytest.mark.parametrize(
    "kind",
    [each for each in KINDS if each[0] == "pip"],
    ids="-".join,
    indirect=True,
    scope="module",
)
def test_without_the_extra_the_demo_says_in_one_line_what_to_install(kind: Machine) -> None:
    done = kind.try_to("keyturn demo")

    assert done.returncode == 2
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("the demo needs more (")
    assert all(each in line for each in ("uv tool install", "pipx install", "pip install"))
    assert "'keyturn[sandbox]'" in line


@ON_THE_NEWEST
def test_the_demo_holds_its_promises(kind: Machine) -> None:
    [line] = typed("README.md", "Try it", "keyturn demo")

    said = kind.type(f"{line} --days 20")

    assert "0 keys lost" in said
    page = (kind.work / "demo" / "index.html").read_text()
    assert page.startswith("<!doctype html>")


@ON_THE_NEWEST
def test_a_deployment_is_planned_with_what_came_along(
    kind: Machine, profiles: None, net: Net, zips: Path
) -> None:
    line = typed("docs/cli.md", "`keyturn deploy`", "keyturn deploy")[0]

    said = kind.type(f"{line.replace('ou-ab12-cd34ef56', net.unit)} --dry-run --format json")

    steps = {each["step"]: each for each in json.loads(said)["steps"]}
    none = Template.read("")
    built = Package(
        core=none,
        alarms=none,
        mail_events=none,
        channels=none,
        reports=none,
        member=none,
        listing=none,
        zips={each.name: each.read_bytes() for each in zips.glob("*.zip")},
    )
    # Its name is made of their hashes: byte by byte, these are the zips of `make package`.
    zips_step = steps[f"zips in asa/asa-iam-rotation/{built.folder}/"]
    assert zips_step["said"] == "would be uploaded"
    core = next(each for name, each in steps.items() if "stack iam-key-auto-rotation in" in name)
    assert "Add RotationFunction AWS::Lambda::Function" in core["details"]
    assert [each["failed"] for each in steps.values()] == [None] * len(steps)


@ON_THE_NEWEST
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_tab_key_completes_once_it_is_sourced(kind: Machine, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} is installed")

    said = kind.type(
        f"{PRESS[shell]}\npress keyturn exemptions re\npress keyturn plan --format ex", shell
    )

    assert said.splitlines() == ["review", "excel"]


@ON_THE_NEWEST
def test_a_new_shell_completes_after_the_one_line_of_the_manual(kind: Machine) -> None:
    line, _ = typed("docs/install.md", "The Tab key, and man", "keyturn")

    kind.type(f"{line}; exit $?")

    press = re.sub(r"source <\(.*\)\n", "", PRESS["bash"])
    said = kind.type(f"source ~/.bashrc\n{press}\npress keyturn exemptions re")
    assert said == "review\n"


@ON_THE_NEWEST
def test_the_manual_page_is_rendered(kind: Machine) -> None:
    _, line = typed("docs/install.md", "The Tab key, and man", "keyturn")
    kind.type(line)
    if shutil.which("man") is None:
        pytest.skip("no man is installed")

    done = kind.try_to("man --warnings keyturn-plan", MANWIDTH="100")

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "KEYTURN-PLAN(1)" in done.stdout.upper()
