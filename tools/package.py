"""
Build the functions' zips: `make package`.

Each holds its handler, what that imports, and nothing else, all of it pure Python. Entries are
sorted, times and permissions fixed, so the same commit makes the same bytes wherever and whenever
it is built (by the same zlib; the contents are the same by any).
"""

import ast
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
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
    with tempfile.TemporaryDirectory() as plain, tempfile.TemporaryDirectory() as more:
        install(Path(plain))
        install(Path(more), "--extra", "channels")
        for name, handler in HANDLERS.items():
            packages = more if name == "channels" else plain
            ours = _ours(handler) | (_ours(FORMER[name]) if name in FORMER else {})
            entries = ours | _others(Path(packages), without=_unused_services(packages, ours))
            target = folder / f"{name}.zip"
            write(target, entries)
            print(f"{target}  {target.stat().st_size / 1e6:.1f} MB, {len(entries)} files")


def install(folder: Path, *extra: str) -> None:
    """Install what uv.lock names as for Lambda, whatever this machine is; extra: uv's options."""
    uv = Path(sys.executable).with_name("uv")
    # Without any other extra: the command line's packages are no function's.
    locked = _run(uv, "export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", *extra)
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


def _run(*command: str | Path) -> str:
    done = subprocess.run(  # noqa: S603 -- our own uv
        command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE
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
            archive.writestr(entry, entries[name].read_bytes(), compresslevel=9)


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


def _imports(file: Path) -> Iterator[str]:
    """Every name that may be a module: of `from a import b`, both `a` and `a.b`."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


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


def _unused_services(packages: str, ours: Mapping[str, Path]) -> set[str]:
    """The services whose names stand in no string of ours: nobody can make a client of them."""
    strings = {
        node.value
        for file in ours.values()
        if file.suffix == ".py"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    data = Path(packages, "botocore", "data")
    return {each.name for each in data.iterdir() if each.is_dir()} - strings


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "Lambda")
