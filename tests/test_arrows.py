"""The contracts in pyproject.toml say who may import whom; here each is shown a wrong import."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE_KNOWS_NO = [
    "aws_lambda_powertools",
    "boto3",
    "botocore",
    "jinja2",
    "logging",
    "marshmallow",
    "moto",
    "os",
    "rich",
    "typer",
]

# The contract, the file below src/ that gets a wrong import, and the modules it then imports.
WRONG = [
    pytest.param(
        "layers", "keyturn/domain/wrong.py", ["keyturn.ports"], id="an arrow that points up"
    ),
    pytest.param(
        "layers", "keyturn/mail/wrong.py", ["keyturn.ports"], id="an arrow to a neighbour"
    ),
    pytest.param(
        "layers",
        "keyturn/functions/wrong.py",
        ["keyturn.cli.streams"],
        id="a function that leans on the command line",
    ),
    pytest.param(
        "layers",
        "keyturn/cli/wrong.py",
        ["keyturn.functions.metrics"],
        id="a command that leans on a function",
    ),
    pytest.param(
        "core", "keyturn/domain/wrong.py", CORE_KNOWS_NO, id="a domain that knows the world"
    ),
    pytest.param("core", "keyturn/use_cases/wrong.py", CORE_KNOWS_NO, id="a use case that does"),
    pytest.param(
        "core", "keyturn/configuration.py", CORE_KNOWS_NO, id="a configuration that does"
    ),
    pytest.param("core", "keyturn/ports/__init__.py", CORE_KNOWS_NO, id="ports that do"),
    *(
        pytest.param(
            "core", f"keyturn/deployment/{file}", CORE_KNOWS_NO, id=f"deployment/{file} that does"
        )
        for file in (
            "model/wrong.py",
            "ports.py",
            "deploy.py",
            "steps.py",
            "checks/wrong.py",
            "doctor.py",
        )
    ),
    *(
        pytest.param(
            "core",
            f"keyturn/own_machine/{file}",
            CORE_KNOWS_NO,
            id=f"own_machine/{file} that does",
        )
        for file in (
            "model/wrong.py",
            "ports.py",
            "pick_up.py",
            "give_credentials.py",
            "delivered.py",
        )
    ),
    pytest.param(
        "core",
        "keyturn/use_cases/wrong.py",
        ["keyturn.schemas.plan", "keyturn.schemas.rotation_event"],
        id="a use case that reads what strangers send",
    ),
    pytest.param(
        "schemas-plain",
        "keyturn/schemas/wrong.py",
        [each for each in CORE_KNOWS_NO if each != "marshmallow"],
        id="a form that knows the world",
    ),
    pytest.param(
        "cli-without-lambda",
        "keyturn/cli/wrong.py",
        ["aws_lambda_powertools"],
        id="a command that logs as a function does",
    ),
    pytest.param(
        "layers",
        "keyturn/schemas/wrong.py",
        ["keyturn.ports", "keyturn.use_cases.snapshot"],
        id="a form that knows who writes it",
    ),
    pytest.param(
        "adapters-apart",
        "keyturn/adapters/wrong.py",
        ["keyturn.adapters.of_another_system"],
        id="an adapter that leans on another",
    ),
    pytest.param(
        "adapters-apart",
        "keyturn/deployment/adapters/wrong.py",
        ["keyturn.adapters.of_another_system", "keyturn.deployment.adapters.of_another_system"],
        id="an adapter of the deployment's that leans on another",
    ),
    *(
        pytest.param(
            "core", f"keyturn/rehearsal/{file}", CORE_KNOWS_NO, id=f"rehearsal/{file} that does"
        )
        for file in ("model/wrong.py", "ports.py", "story.py", "clean_up.py", "guarding.py")
    ),
    pytest.param(
        "adapters-apart",
        "keyturn/rehearsal/adapters/wrong.py",
        ["keyturn.adapters.of_another_system", "keyturn.rehearsal.adapters.of_another_system"],
        id="an adapter of a rehearsal's that leans on another",
    ),
    *(
        pytest.param(
            "rehearsal-wires-itself",
            file,
            ["keyturn.rehearsal.adapters.of_another_system"],
            id=f"{file} that chooses an adapter of a rehearsal's",
        )
        for file in ("keyturn/rehearsal/story.py", "keyturn/cli/wrong.py")
    ),
    pytest.param(
        "rehearsal-layers",
        "keyturn/rehearsal/model/wrong.py",
        ["keyturn.rehearsal.ports"],
        id="an arrow that points up in the wing for rehearsals",
    ),
    pytest.param(
        "adapters-apart",
        "keyturn/own_machine/adapters/wrong.py",
        ["keyturn.adapters.of_another_system", "keyturn.own_machine.adapters.of_another_system"],
        id="an adapter of an owner's machine that leans on another",
    ),
    pytest.param(
        "channels-apart",
        "keyturn/adapters/channels/wrong.py",
        ["keyturn.adapters.channels.of_another_system"],
        id="a channel that leans on another",
    ),
    pytest.param(
        "adapters-apart",
        "keyturn/adapters/channels/wrong.py",
        ["keyturn.adapters.of_another_system"],
        id="a channel that leans on an adapter",
    ),
    *(
        pytest.param(
            "only-wiring-chooses",
            f"{room}/wrong.py",
            ["keyturn.adapters.of_another_system"],
            id=f"{room} that choose their adapter",
        )
        for room in (
            "keyturn/cli",
            "keyturn/functions",
            "keyturn/use_cases",
            "keyturn/deployment/model",
            "keyturn_sandbox/demo",
        )
    ),
    *(
        pytest.param(
            "only-its-wiring-chooses",
            file,
            ["keyturn.deployment.adapters.of_another_system"],
            id=f"{file} that chooses an adapter of the deployment's",
        )
        for file in (
            "keyturn/deployment/deploy.py",
            "keyturn/cli/wrong.py",
            "keyturn/wiring.py",
        )
    ),
    *(
        pytest.param(
            "own-machine-wires-itself",
            file,
            ["keyturn.own_machine.adapters.of_another_system"],
            id=f"{file} that chooses an adapter of an owner's machine",
        )
        for file in ("keyturn/own_machine/pick_up.py", "keyturn/cli/wrong.py")
    ),
    pytest.param(
        "own-machine-layers",
        "keyturn/own_machine/model/wrong.py",
        ["keyturn.own_machine.ports"],
        id="an arrow that points up in the wing for an owner's machine",
    ),
    pytest.param(
        "layers",
        "keyturn/own_machine/pick_up.py",
        ["keyturn.deployment.model.stacks"],
        id="a wing that leans on the other",
    ),
    pytest.param(
        "deployment-layers",
        "keyturn/deployment/model/wrong.py",
        ["keyturn.deployment.ports"],
        id="an arrow that points up in the deployment's wing",
    ),
    *(
        pytest.param(
            "engine-apart",
            file,
            [
                "keyturn.deployment.model.stacks",
                "keyturn.deployment.wiring",
                "keyturn.own_machine.wiring",
                "keyturn.rehearsal.wiring",
            ],
            id=f"{file} that knows a deployment",
        )
        for file in (
            "keyturn/domain/wrong.py",
            "keyturn/ports/__init__.py",
            "keyturn/use_cases/wrong.py",
            "keyturn/adapters/of_another_system.py",
            "keyturn/wiring.py",
            "keyturn/functions/inventory.py",
            "keyturn/functions/notifier.py",
            "keyturn/functions/rotation.py",
        )
    ),
    pytest.param(
        "only-functions-and-cli-wire",
        "keyturn_sandbox/demo/wrong.py",
        ["keyturn.wiring"],
        id="a demo that wires",
    ),
    *(
        pytest.param(
            "sandbox-layers",
            f"keyturn_sandbox/{lower}/wrong.py",
            [f"keyturn_sandbox.{upper}"],
            id=f"a {lower} that knows the {upper}",
        )
        for lower, upper in (
            ("emulator", "judge"),
            ("judge", "simulation"),
            ("simulation", "demo"),
        )
    ),
    *(
        pytest.param(
            "no-sandbox-in-the-engine",
            f"keyturn/{room}/wrong.py",
            ["keyturn_sandbox.demo.start", "moto", "time_machine"],
            id=f"make-believe in {room}",
        )
        for room in ("cli", "functions", "adapters", "deployment/adapters")
    ),
    *(
        pytest.param(
            "judge-is-independent",
            f"keyturn_sandbox/{room}/wrong.py",
            ["keyturn.domain.days"],
            id=f"a {room} that asks the accused",
        )
        for room in ("emulator", "judge")
    ),
    pytest.param(
        "simulation-is-handed",
        "keyturn_sandbox/simulation/wrong.py",
        [
            f"keyturn.{room}"
            for room in (
                *("adapters", "cli", "functions", "settings", "use_cases", "wiring"),
                *(
                    f"deployment.{each}"
                    for each in ("checks", "deploy", "ports", "steps", "wiring")
                ),
            )
        ],
        id="a simulation that fetches what it runs",
    ),
]


@pytest.fixture
def src(tmp_path: Path) -> Path:
    """Return a copy of our packages, with one more adapter each so that there are always two."""
    packages = tmp_path / "src"
    shutil.copytree(ROOT / "src", packages)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for room in (
        "adapters",
        "adapters/channels",
        "deployment/adapters",
        "own_machine/adapters",
        "rehearsal/adapters",
    ):
        (packages / "keyturn" / room / "of_another_system.py").touch()
    return packages


def lint(packages: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", *options],
        cwd=packages.parent,
        env={**os.environ, "PYTHONPATH": str(packages), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_house_as_it_stands_keeps_every_contract(src: Path) -> None:
    report = lint(src)

    assert report.returncode == 0, report.stdout


@pytest.mark.parametrize(("contract", "file", "imports"), WRONG)
def test_a_wrong_import_breaks_its_contract(
    src: Path, contract: str, file: str, imports: list[str]
) -> None:
    with (src / file).open("a") as wrong:
        wrong.writelines(f"\nimport {module}" for module in imports)

    report = lint(src, "--contract", contract)

    assert report.returncode == 1, report.stdout + report.stderr
    assert [module for module in imports if f" -> {module} (l." not in report.stdout] == []


@pytest.mark.parametrize(
    ("contract", "file"),
    [("layers", "keyturn/utils.py"), ("sandbox-layers", "keyturn_sandbox/utils.py")],
)
def test_a_room_that_nobody_planned_breaks_the_layers(src: Path, contract: str, file: str) -> None:
    (src / file).touch()

    report = lint(src, "--contract", contract)

    assert report.returncode == 1
    assert "utils" in report.stdout


def test_every_contract_has_been_shown_a_wrong_import() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())

    contracts = {contract["id"] for contract in config["tool"]["importlinter"]["contracts"]}

    assert {str(wrong.values[0]) for wrong in WRONG} == contracts
