"""
Build the functions' zips: `make package`.

Each holds its handler, what that imports, and nothing else, all of it pure Python, with the
bytecode of Lambda's Python beside it: without, every cold start compiles everything. Entries are
sorted, times and permissions fixed, so the same commit makes the same bytes wherever and whenever
it is built (by the same release of Python 3.13 and the same zlib).
"""

import ast
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"
HANDLERS = {
    "inventory": "keyturn.functions.inventory",
    "rotation": "keyturn.functions.rotation",
    "notifier": "keyturn.functions.notifier",
    "channels": "keyturn.functions.channels",
    "reporter": "keyturn.functions.reporter",
}
FORMER = {
    "inventory": "keyturn.entrypoints.inventory_lambda",
    "rotation": "keyturn.entrypoints.rotation_lambda",
    "notifier": "keyturn.entrypoints.notifier_lambda",
}
"""By which a stack of the version before asks for the same."""

LAMBDAS_PYTHON = "3.13"
LAMBDAS_FOLDER = "/var/task"
"""Where Lambda unpacks a zip."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can tell."""

# Powertools' pages for a browser, of an API that we have not: a seventh of a zip.
FOR_BROWSERS = ("aws_lambda_powertools", "event_handler", "openapi", "swagger_ui")
# What `session.resource` is made of: we have clients alone.
FOR_RESOURCES = ("boto3", "data")
# For AWS's documentation: no client reads them.
SAMPLES = ("examples", "examples-1.json")
NATIVE = {".so", ".pyd", ".dylib", ".dll"}
# What tells of the installation, and not of the package. The licences stay.
OF_THE_INSTALLER = {".lock", "INSTALLER", "RECORD", "REQUESTED", "WHEEL", "direct_url.json"}


class NativeCodeError(Exception):
    """A zip would run on one kind of processor only."""


def main(folder: Path) -> None:
    """Build all zips into the folder, and print their sizes."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        content = _content(Path(scratch))
        everything = {name: path for each in content.values() for name, path in each.items()}
        bytecode = compiled(everything, Path(scratch, "bytecode"))
        for function, entries in content.items():
            target = folder / f"{function}.zip"
            beside = {
                at: bytecode[at] for name in entries if (at := bytecode_of(name)) in bytecode
            }
            write(target, {**entries, **beside})
            size = target.stat().st_size / 1e6
            print(f"{target}  {size:.1f} MB, {len(entries)} files, {len(beside)} of bytecode")


def _content(scratch: Path) -> Mapping[str, Mapping[str, Path]]:
    """Function → what its zip holds, but for the bytecode: name in the zip → file."""
    plain, more = scratch / "plain", scratch / "more"
    install(plain, *groups_of("rotation"))
    install(more, *groups_of("channels"))
    content = {}
    for function, handler in HANDLERS.items():
        packages = more if function == "channels" else plain
        ours = _ours(handler) | (_ours(FORMER[function]) if function in FORMER else {})
        content[function] = ours | _others(packages, without=_unused_services(packages, ours))
    return content


def groups_of(function: str) -> tuple[str, ...]:
    """The dependency groups of pyproject.toml that a function's zip holds."""
    return ("functions", "channels") if function == "channels" else ("functions",)


def compiled(entries: Mapping[str, Path], folder: Path) -> Mapping[str, Path]:
    """
    Compile the sources among these into the folder: name in the zip → file.

    Nothing, where Lambda's Python is not at hand: the zips do the same then, and start slower.
    """
    python = lambdas_python()
    if python is None:
        print(
            f"There is no Python {LAMBDAS_PYTHON} here, so the zips hold no bytecode: they start "
            "more slowly, and differ from those that were built with it.",
            file=sys.stderr,
        )
        return {}
    sources = sorted(name for name in entries if name.endswith(".py"))
    asked = [
        (str(entries[name]), str(folder / bytecode_of(name)), f"{LAMBDAS_FOLDER}/{name}")
        for name in sources
    ]
    # Isolated: the environment here must not show in what is made.
    compiler = (python, "-I", "-S", "-W", "ignore", ROOT / "tools" / "bytecode.py")
    _run(*compiler, given=json.dumps(asked))
    return {bytecode_of(name): folder / bytecode_of(name) for name in sources}


def bytecode_of(source: str) -> str:
    """Where Lambda's Python looks for the bytecode of a source."""
    path = PurePosixPath(source)
    tag = LAMBDAS_PYTHON.replace(".", "")
    return f"{path.parent / '__pycache__' / path.stem}.cpython-{tag}.pyc"


def lambdas_python() -> str | None:
    """A Python of the version that Lambda runs: no other makes bytecode that it reads."""
    look = ("sh", ROOT / "tools" / "python.sh")  # it finds none where .venv's alone is there
    newest = subprocess.run(look, check=False, capture_output=True, text=True).stdout.strip()  # noqa: S603 -- our own script
    for python in filter(None, (sys.executable, newest)):
        version = _run(python, "-c", "import sys; print(*sys.version_info[:2], sep='.')")
        if version.strip() == LAMBDAS_PYTHON:
            return python
    return None


def install(folder: Path, *groups: str) -> None:
    """Install what uv.lock names for these groups, as for Lambda, whatever this machine is."""
    uv = Path(sys.executable).with_name("uv")
    # These groups alone: the command line's packages are no function's.
    chosen = [f"--only-group={group}" for group in groups]
    locked = _run(uv, "export", "--quiet", "--frozen", "--no-emit-project", *chosen)
    folder.mkdir()
    requirements = folder / "requirements.txt"
    requirements.write_text(locked)
    _run(
        *(uv, "pip", "install", "--quiet", "--require-hashes", "--no-deps", "--only-binary=:all:"),
        *(f"--python-version={LAMBDAS_PYTHON}", "--python-platform=x86_64-manylinux_2_28"),
        *("--target", folder, "-r", requirements),
    )
    requirements.unlink()
    # MarkupSafe and PyYAML fall back to their own Python when their compiled halves are not there.
    for compiled in (*folder.glob("markupsafe/_speedups.*"), *folder.glob("yaml/_yaml.*")):
        compiled.unlink()
    # The compiled half's former name; it says so in a warning, and nobody asks for it.
    shutil.rmtree(folder / "_yaml")


def _run(*command: str | Path, given: str | None = None) -> str:
    done = subprocess.run(  # noqa: S603 -- our own uv and Python
        command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE, input=given
    )
    return done.stdout


def write(target: Path, entries: Mapping[str, Path]) -> None:
    """Write the zip: the same bytes for the same entries."""
    native = [name for name in entries if PurePosixPath(name).suffix in NATIVE]
    if native:
        raise NativeCodeError(f"{target.name} would hold {', '.join(native)}")
    with zipfile.ZipFile(target, "w") as archive:
        for name in sorted(entries):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = 3  # Unix, on every system
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, entries[name].read_bytes(), compresslevel=6)


def _ours(handler: str) -> dict[str, Path]:
    """The handler's module, every one of ours that it imports, and the data of their packages."""
    files: list[Path] = []
    for module in _reached(handler):
        file = _file_of(module)
        files.append(file)
        if file.name == "__init__.py":
            files += _data_of(file.parent)
    return {each.relative_to(SOURCE).as_posix(): each for each in files}


def _reached(handler: str) -> set[str]:
    waiting, found = [handler], {handler}
    while waiting:
        at = waiting.pop()
        parent = at.rpartition(".")[0]
        near = {parent, *_imports(_file_of(at))} - found - {""}
        new = {name for name in near if _file_of(name).is_file()}
        waiting += new
        found |= new
    return found


def _file_of(module: str) -> Path:
    path = SOURCE / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def _imports(file: Path) -> frozenset[str]:
    """Every name that may be a module: of `from a import b`, both `a` and `a.b`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(names)


@cache
def _strings(file: Path) -> frozenset[str]:
    return frozenset(
        node.value
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _data_of(package: Path) -> Iterator[Path]:
    for each in package.iterdir():
        if each.is_dir() and each.name != "__pycache__" and not (each / "__init__.py").exists():
            yield from _data_of(each)
        elif each.is_file() and each.suffix not in {".py", ".typed"}:
            yield each


def _others(packages: Path, *, without: set[str]) -> dict[str, Path]:
    """All that was installed, except for the models of these services."""
    paths = {path.relative_to(packages): path for path in packages.rglob("*") if path.is_file()}
    return {
        name.as_posix(): path
        for name, path in paths.items()
        if name.parts[0] != "bin"
        and "__pycache__" not in name.parts
        and not set(SAMPLES) & set(name.parts)
        and name.parts[:2] != FOR_RESOURCES
        and name.name not in OF_THE_INSTALLER
        and not (name.parts[:2] == ("botocore", "data") and name.parts[2] in without)
        and not (name.parts[:4] == FOR_BROWSERS and name.suffix != ".py")
    }


def _unused_services(packages: Path, ours: Mapping[str, Path]) -> set[str]:
    """The services whose names stand in no string of ours: nobody can make a client of them."""
    named = {each for file in ours.values() if file.suffix == ".py" for each in _strings(file)}
    services = {each.name for each in (packages / "botocore" / "data").iterdir() if each.is_dir()}
    return services - named


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "Lambda")
