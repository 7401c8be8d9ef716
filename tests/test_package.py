"""The functions' zips, as `make package` builds them, and what `make sbom` says is in them."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cyclonedx.schema
import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource

from keyturn.cli.start import NEEDED
from tools import package, sbom
from tools.package import HANDLERS, NativeCodeError, bytecode_of, lambdas_python, write

ROOT = Path(__file__).parent.parent


def build(workshop: Path, umask: int, time: float, zone: str) -> Path:
    """Build the zips from a copy of this project that lies elsewhere and is of another time."""
    workshop.mkdir(parents=True)
    for name in ("src", "tools", "pyproject.toml", "uv.lock"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, workshop / name)
    for path in workshop.rglob("*"):
        os.utime(path, (time, time))
    (workshop / ".venv").symlink_to(sys.prefix)
    subprocess.run(
        [workshop / ".venv/bin/python", "tools/package.py", "out"],
        cwd=workshop,
        umask=umask,
        env={**os.environ, "TZ": zone},
        check=True,
    )
    return workshop / "out"


@pytest.fixture(scope="module")
def zips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("here") / "keyturn", 0o022, 1_700_000_000, "UTC")


def names(zips: Path, function: str) -> list[str]:
    return zipfile.ZipFile(zips / f"{function}.zip").namelist()


def test_the_same_source_makes_the_same_bytes_elsewhere_and_later(
    zips: Path, tmp_path: Path
) -> None:
    again = build(tmp_path / "a/longer/way", 0o077, 1_800_000_001, "Asia/Kathmandu")

    for function in HANDLERS:
        first = (zips / f"{function}.zip").read_bytes()
        assert first == (again / f"{function}.zip").read_bytes()


# On standard input: for each source in the folder its name and where its bytecode has to be. Read
# as CPython's importer does, by Lambda's own Python (PEP 552).
COMPARE_BYTECODE = """
import _imp, importlib.util, json, marshal, pathlib, sys

def names_in(code):
    inner = [each for each in code.co_consts if hasattr(each, "co_code")]
    return {code.co_filename}.union(*map(names_in, inner))

folder = pathlib.Path(sys.argv[1])
for source, bytecode in json.load(sys.stdin):
    whole = (folder / bytecode).read_bytes()
    assert bytecode == importlib.util.cache_from_source(source), f"{bytecode} is never looked for"
    assert whole[:4] == importlib.util.MAGIC_NUMBER, f"{source}: of another Python"
    assert whole[4:8] == b"\\1\\0\\0\\0", f"{source}: compared with its source when it is loaded"
    of_source = importlib.util.source_hash((folder / source).read_bytes())
    assert whole[8:16] == of_source, f"{source}: bytecode of another source"
    names = names_in(marshal.loads(whole[16:]))
    assert names == {f"/var/task/{source}"}, f"{source}: called {names}"
"""


def python_of_lambda() -> str:
    python = lambdas_python()
    if python is None:
        pytest.skip("no Python of Lambda's version is here, so the zips hold no bytecode")
    return python


def wrong_with_bytecode(python: str, folder: Path, sources: Iterable[str]) -> str:
    """What Lambda's importer would not take, or would take wrongly; "" if nothing."""
    compared = subprocess.run(
        [python, "-I", "-S", "-c", COMPARE_BYTECODE, folder],
        input=json.dumps([(name, bytecode_of(name)) for name in sources]),
        capture_output=True,
        text=True,
        check=False,
    )
    return compared.stderr


@pytest.mark.parametrize("function", HANDLERS)
def test_beside_each_source_is_its_own_bytecode(zips: Path, tmp_path: Path, function: str) -> None:
    python, found = python_of_lambda(), names(zips, function)
    sources = [name for name in found if name.endswith(".py")]
    zipfile.ZipFile(zips / f"{function}.zip").extractall(tmp_path)

    bytecode = {name for name in found if "__pycache__" in name or name.endswith(".pyc")}
    assert bytecode == {bytecode_of(name) for name in sources}
    assert wrong_with_bytecode(python, tmp_path, sources) == ""


def test_bytecode_is_taken_as_it_is_and_names_its_source_as_it_is_called_in_lambda(
    tmp_path: Path,
) -> None:
    python, name = python_of_lambda(), "some/code.py"
    source = tmp_path / name
    source.parent.mkdir()
    source.write_text("def answer():\n    return {'a', 'b'} | {1}\n")

    made = package.compiled({name: source}, tmp_path)

    assert made == {bytecode_of(name): tmp_path / bytecode_of(name)}
    assert wrong_with_bytecode(python, tmp_path, [name]) == ""


def test_without_lambdas_python_the_zips_hold_no_bytecode_and_one_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(package, "LAMBDAS_PYTHON", "3.99")
    source = tmp_path / "code.py"
    source.write_text("")

    assert package.compiled({"code.py": source}, tmp_path) == {}

    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("There is no Python 3.99 here, so the zips hold no bytecode")
    assert [*tmp_path.iterdir()] == [source]


def test_where_no_other_python_is_found_ours_is_looked_at_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was named (make setup PYTHON=...) may be where nobody looks."""
    for name in ("PATH", "HOME", "PYENV_ROOT"):
        monkeypatch.setenv(name, str(tmp_path))
    (tmp_path / "sh").symlink_to("/bin/sh")
    ours = f"{sys.version_info[0]}.{sys.version_info[1]}"

    found = []
    for version in (ours, "3.99"):
        monkeypatch.setattr(package, "LAMBDAS_PYTHON", version)
        found.append(lambdas_python())

    assert found == [sys.executable, None]


def test_another_source_makes_other_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")

    write(tmp_path / "a.zip", {"code.py": tmp_path / "a"})
    write(tmp_path / "b.zip", {"code.py": tmp_path / "b"})

    assert (tmp_path / "a.zip").read_bytes() != (tmp_path / "b.zip").read_bytes()


# Without site-packages, and from nowhere but the folder that the zip was unpacked into.
# Of ours everything, for some of it is only imported when it is needed.
IMPORT_ALONE = """
import importlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
handler = importlib.import_module(sys.argv[2]).handler
for module in pkgutil.walk_packages([f"{sys.argv[1]}/keyturn"], "keyturn."):
    importlib.import_module(module.name)
for module in list(sys.modules.values()):
    print(getattr(module, "__file__", None) or "")
"""


@pytest.mark.parametrize(("function", "handler"), HANDLERS.items())
def test_a_handler_needs_nothing_but_its_zip(
    zips: Path, tmp_path: Path, function: str, handler: str
) -> None:
    zipfile.ZipFile(zips / f"{function}.zip").extractall(tmp_path)

    loaded = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "error", "-c", IMPORT_ALONE, tmp_path, handler],
        capture_output=True,
        text=True,
        check=False,
    )

    assert loaded.returncode == 0, loaded.stderr
    assert str(tmp_path / handler.replace(".", "/")) + ".py" in loaded.stdout.splitlines()
    assert str(tmp_path / "markupsafe/_native.py") in loaded.stdout.splitlines()


@pytest.mark.parametrize("function", HANDLERS)
def test_a_zip_holds_what_its_handler_imports_and_no_more(zips: Path, function: str) -> None:
    top = {name.split("/")[0] for name in names(zips, function)}
    ours = {name.split("/")[1] for name in names(zips, function) if name.startswith("keyturn/")}
    handlers = {f"keyturn/functions/{each}.py" for each in HANDLERS}

    assert not top & {"moto", "pytest", "time_machine", "bin", "tests"}
    assert not top & {"_yaml", *NEEDED}
    assert "keyturn_sandbox" not in top
    assert not ours & {"cli", "deployment", "own_machine", "rehearsal", "py.typed"}
    assert not [
        name for name in names(zips, function) if "examples" in name or "boto3/data" in name
    ]
    assert "keyturn/mail/templates/owner/subject.txt" in names(zips, function)
    assert handlers & {*names(zips, function)} == {f"keyturn/functions/{function}.py"}


def test_only_the_zip_of_the_channels_holds_what_speaks_to_slack(zips: Path) -> None:
    holding = {
        function
        for function in HANDLERS
        if any(name.startswith(("slack_sdk/", "slack/")) for name in names(zips, function))
    }

    assert holding == {"channels"}


@pytest.mark.parametrize("function", HANDLERS)
def test_a_zip_holds_licences_and_nothing_of_the_machine_it_was_built_on(
    zips: Path, function: str
) -> None:
    found = names(zips, function)

    assert found == sorted(found)
    assert not [name for name in found if name.endswith((".so", ".pyd", "/RECORD"))]
    assert {info.date_time for info in zipfile.ZipFile(zips / f"{function}.zip").infolist()} == {
        (1980, 1, 1, 0, 0, 0)
    }
    assert sum("LICENSE" in name for name in found) >= 10


@pytest.mark.parametrize("function", HANDLERS)
def test_a_zip_is_small_enough_to_start_quickly(zips: Path, function: str) -> None:
    assert (zips / f"{function}.zip").stat().st_size < 20_000_000


def test_native_code_stops_the_build(tmp_path: Path) -> None:
    (tmp_path / "_speedups.so").touch()

    with pytest.raises(NativeCodeError, match=r"markupsafe/_speedups\.so"):
        write(tmp_path / "f.zip", {"markupsafe/_speedups.so": tmp_path / "_speedups.so"})

    assert not (tmp_path / "f.zip").exists()


def test_only_the_reporter_carries_what_pages_are_made_of(zips: Path) -> None:
    pages = {"keyturn/report/assets/page.js", "keyturn/report/templates/period.html"}

    with_them = [each for each in HANDLERS if pages & set(names(zips, each))]

    assert with_them == ["reporter"]
    assert pages <= set(names(zips, "reporter"))


# --- what it is made of -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bills(zips: Path) -> Path:
    sbom.main(zips)
    return zips


SCHEMAS = Path(cyclonedx.schema.__file__).parent / "_res"


def against_the_schema(bill: Any) -> list[str]:  # noqa: ANN401 -- JSON
    """What is wrong with a bill; formats apart: to check one IRI takes a grammar half a second."""
    schema, *more = (
        json.loads((SCHEMAS / f"{name}.SNAPSHOT.schema.json").read_text())
        for name in ("bom-1.5", "spdx", "jsf-0.82")
    )
    registry: Registry[Any] = Registry().with_resources(
        (each["$id"], Resource.from_contents(each)) for each in more
    )
    wrong = Draft7Validator(schema, registry=registry).iter_errors(bill)
    return [each.message for each in wrong]


def bill_of(bills: Path, function: str) -> Any:  # noqa: ANN401 -- JSON
    return json.loads((bills / f"{function}.cdx.json").read_text())


def installed(zips: Path, function: str) -> set[tuple[str, str]]:
    """The packages whose dist-info is in a zip, by name and version."""
    folders = {name.split("/")[0] for name in names(zips, function) if ".dist-info/" in name}
    pairs = (folder.removesuffix(".dist-info").rsplit("-", 1) for folder in folders)
    return {(name.lower().replace("_", "-"), version) for name, version in pairs}


@pytest.mark.parametrize("function", HANDLERS)
def test_a_bill_is_valid_cyclonedx(bills: Path, function: str) -> None:
    assert against_the_schema(bill_of(bills, function)) == []


def test_a_bill_that_is_no_cyclonedx_would_be_noticed(bills: Path) -> None:
    bill = bill_of(bills, "rotation")
    bill["components"][0]["licenses"] = [{"expression": "MIT", "name": "MIT"}]
    bill["serialNumber"] = "1"

    assert len(against_the_schema(bill)) == 2


@pytest.mark.parametrize("function", HANDLERS)
def test_a_bill_names_the_packages_that_are_in_the_zip_with_their_hashes(
    bills: Path, function: str
) -> None:
    bill = bill_of(bills, function)
    ours = [each for each in bill["components"] if each["purl"].startswith("pkg:pypi/")]

    assert {(each["name"], each["version"]) for each in ours} == installed(bills, function)
    assert all(each["licenses"] for each in bill["components"])
    for each in bill["components"]:
        assert all(file["hashes"][0]["content"] for file in each["externalReferences"])


@pytest.mark.parametrize("function", HANDLERS)
def test_a_bill_names_its_zip_by_hash_and_what_made_its_bytes(bills: Path, function: str) -> None:
    described = bill_of(bills, function)["metadata"]["component"]
    made_with = {each["name"]: each["value"] for each in described["properties"]}

    zipped = hashlib.sha256((bills / f"{function}.zip").read_bytes()).hexdigest()
    assert described["name"] == f"{function}.zip"
    assert described["hashes"] == [{"alg": "SHA-256", "content": zipped}]
    assert made_with["keyturn:zlib"] == zlib.ZLIB_RUNTIME_VERSION
    assert made_with["keyturn:python"].startswith("3.13.") or lambdas_python() is None


def test_every_need_in_a_bill_is_a_component_of_it(bills: Path) -> None:
    for function in HANDLERS:
        bill = bill_of(bills, function)
        root = bill["metadata"]["component"]["bom-ref"]
        known = {root, *(each["bom-ref"] for each in bill["components"])}
        needs = {each["ref"]: each.get("dependsOn", []) for each in bill["dependencies"]}

        assert needs.keys() <= known
        assert len(needs[root]) >= len(package.groups_of(function)) + 4
        assert {each for some in needs.values() for each in some} <= known


def test_the_packages_in_the_pages_script_are_named_where_the_script_is(bills: Path) -> None:
    naming = {
        function
        for function in HANDLERS
        if any(each["name"] == "d3" for each in bill_of(bills, function)["components"])
    }

    assert naming == {"reporter"}


def test_the_same_zips_have_the_same_bills_and_the_commits_time_if_it_is_told(
    bills: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.read_bytes() for path in bills.glob("*.cdx.json")}

    sbom.main(bills)
    assert {path: path.read_bytes() for path in bills.glob("*.cdx.json")} == before

    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    told = sbom.bill_of_zip(bills / "rotation.zip", sbom.locked_of("rotation"))
    assert told["metadata"]["timestamp"] == "2023-11-14T22:13:20+00:00"


@pytest.mark.parametrize("change", ["more", "fewer"])
def test_a_zip_that_does_not_hold_what_the_lock_names_has_no_bill(zips: Path, change: str) -> None:
    lock = sbom.locked_of("rotation")
    if change == "more":
        [boto] = [each for each in lock["components"] if each["name"] == "boto3"]
        lock["components"].append({**boto, "name": "stranger"})
    else:
        lock["components"] = [each for each in lock["components"] if each["name"] != "boto3"]

    with pytest.raises(sbom.UnknownContentError, match=r"rotation\.zip.*(stranger|boto3) 1\."):
        sbom.bill_of_zip(zips / "rotation.zip", lock)


def test_the_bill_of_the_wheel_names_what_it_is_tested_with_and_the_page(tmp_path: Path) -> None:
    wheel = tmp_path / "keyturn-1.0.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(ROOT / "src" / sbom.PAGES_PACKAGES, sbom.PAGES_PACKAGES)

    bill = sbom.bill_of_wheel(wheel, sbom.locked(*sbom.OF_THE_WHEEL))

    assert against_the_schema(bill) == []
    assert {each["name"] for each in bill["components"]} >= {
        "boto3",
        "typer",
        "moto",
        "slack-sdk",
        "d3",
    }
    assert bill["metadata"]["component"]["name"] == wheel.name


def test_a_page_of_other_packages_than_the_lock_of_the_page_has_no_bill(tmp_path: Path) -> None:
    wheel = tmp_path / "keyturn-1.0.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(sbom.PAGES_PACKAGES, "d3 1.0.0 (ISC)\n")

    with pytest.raises(sbom.UnknownContentError, match=r"d3 1\.0\.0"):
        sbom.bill_of_wheel(wheel, sbom.locked())
