"""
Say what the files of a release are made of: `make sbom`, after the build.

For the wheel and for each zip in a folder a bill of materials in CycloneDX stands beside it.
uv writes down what uv.lock names: versions, hashes, who needs whom. A zip's bill is held to what
the zip holds, package by package, and names its licences; the packages inside the page's script
are named, too. The same files make the same bills: no random number is in them, and no time but
the commit's.
"""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.message import Message
from email.parser import HeaderParser
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from tools.package import HANDLERS, groups_of, lambdas_python

ROOT: Final = Path(__file__).resolve().parent.parent
SUFFIX: Final = ".cdx.json"
PAGES_PACKAGES: Final = "keyturn/report/assets/LICENSES.txt"
PAGES_PACKAGE: Final = re.compile(r"^(\S+) (\d\S*) \(([^)\n]+)\)$", re.MULTILINE)

# An installation with its extras, and the zips that it brings along.
OF_THE_WHEEL: Final = ("--all-extras", "--group=functions", "--group=channels")

Bill = dict[str, Any]
Part = dict[str, Any]


class UnknownContentError(Exception):
    """A file of the release holds what no lock names, or lacks what a lock names for it."""


def main(folder: Path) -> None:
    """Write a bill beside each zip and beside the wheel in the folder, and print their names."""
    for function in HANDLERS:
        bill = bill_of_zip(folder / f"{function}.zip", locked_of(function))
        _write(folder / f"{function}{SUFFIX}", bill)
    for wheel in folder.glob("keyturn-*.whl"):
        _write(folder / f"keyturn{SUFFIX}", bill_of_wheel(wheel, locked(*OF_THE_WHEEL)))


def _write(target: Path, bill: Bill) -> None:
    target.write_text(json.dumps(bill, indent=1, sort_keys=True) + "\n", "utf-8", newline="\n")
    print(f"{target}  {len(bill['components'])} packages")


def locked(*options: str) -> Bill:
    """What uv.lock names for an installation that uv's further options describe, as CycloneDX."""
    uv = str(Path(sys.executable).with_name("uv"))
    command = (uv, "export", "--quiet", "--frozen", "--no-dev", "--format=cyclonedx1.5", *options)
    done = subprocess.run(  # noqa: S603 -- our own uv
        command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE
    )
    return dict(json.loads(done.stdout))


def locked_of(function: str) -> Bill:
    """
    What uv.lock names for a function's zip, as CycloneDX.

    uv leaves out what the root needs where only groups are asked for: pyproject.toml names it.
    """
    groups = groups_of(function)
    lock = locked(*(f"--only-group={group}" for group in groups))
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    direct = {_normal(re.split(r"[<>=\[]", each)[0]) for group in groups for each in listed[group]}
    needs = [each["bom-ref"] for each in lock["components"] if _normal(each["name"]) in direct]
    root = lock["metadata"]["component"]["bom-ref"]
    return {**lock, "dependencies": [*lock["dependencies"], {"ref": root, "dependsOn": needs}]}


def bill_of_zip(path: Path, lock: Bill) -> Bill:
    """
    What a function's zip holds, by the lock that it was installed from.

    Raises UnknownContentError if the two do not name the same packages.
    """
    with zipfile.ZipFile(path) as archive:
        held = {
            (_normal(about["Name"]), about["Version"]): _licences(about)
            for about in _about_packages(archive)
        }
        page = _of_the_page(archive)
    named = {(_normal(each["name"]), each["version"]): each for each in lock["components"]}
    needless = {key for key, each in named.items() if _is_for_some_systems_only(each)}
    if unknown := (held.keys() - named.keys()) | (named.keys() - needless - held.keys()):
        listed = ", ".join(" ".join(each) for each in sorted(unknown))
        raise UnknownContentError(f"{path.name} and uv.lock do not agree on {listed}")
    parts = [named[key] | licences for key, licences in sorted(held.items())]
    return _bill(path, lock, parts, page, {"python": _python_of_bytecode(), "zlib": _zlib()})


def bill_of_wheel(path: Path, lock: Bill) -> Bill:
    """What the wheel was tested with, as uv.lock names it, and what is in its page."""
    with zipfile.ZipFile(path) as archive:
        page = _of_the_page(archive)
    return _bill(path, lock, lock["components"], page, {})


def _normal(name: str) -> str:
    """PEP 503: jinja2 is Jinja2."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _about_packages(archive: zipfile.ZipFile) -> Iterator[Message]:
    for name in archive.namelist():
        path = PurePosixPath(name)
        if path.name == "METADATA" and path.parent.suffix == ".dist-info":
            yield HeaderParser().parsestr(archive.read(name).decode("utf-8"))


def _licences(about: Message) -> Part:
    """As the package says: an SPDX expression, or, before PEP 639, some words."""
    if expression := about.get("License-Expression"):
        return {"licenses": [{"expression": expression}]}
    classified = [
        each.rpartition(" :: ")[2]
        for each in about.get_all("Classifier", [])
        if each.startswith("License ::")
    ]
    said = (about.get("License") or "").strip()
    words = said if said and "\n" not in said else ", ".join(classified)
    return {"licenses": [{"license": {"name": words}}]} if words else {}


def _is_for_some_systems_only(part: Part) -> bool:
    return any(each["name"] == "uv:package:marker" for each in part.get("properties", []))


def _of_the_page(archive: zipfile.ZipFile) -> list[Part]:
    """The packages of npm inside the page's script; none where there is no such script."""
    if PAGES_PACKAGES not in archive.namelist():
        return []
    lock = json.loads((ROOT / "web" / "package-lock.json").read_text("utf-8"))["packages"]
    said = archive.read(PAGES_PACKAGES).decode("utf-8")
    return [
        _of_npm(name, version, licence, lock[f"node_modules/{name}"])
        for name, version, licence in PAGES_PACKAGE.findall(said)
    ]


def _of_npm(name: str, version: str, licence: str, entry: Mapping[str, str]) -> Part:
    if entry["version"] != version:
        raise UnknownContentError(f"the page holds {name} {version}, package-lock.json another")
    purl = f"pkg:npm/{quote(name)}@{version}"
    digest = base64.b64decode(entry["integrity"].removeprefix("sha512-"))
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "licenses": [{"expression": licence}],
        "externalReferences": [
            {
                "type": "distribution",
                "url": f"https://registry.npmjs.org/{name}/-/{name.rpartition('/')[2]}-{version}.tgz",
                "hashes": [{"alg": "SHA-512", "content": digest.hex()}],
            }
        ],
    }


@cache
def _python_of_bytecode() -> str:
    python = lambdas_python()
    if python is None:
        return "none"
    asked = (python, "-I", "-c", "import platform; print(platform.python_version())")
    return subprocess.run(asked, check=True, text=True, stdout=subprocess.PIPE).stdout.strip()  # noqa: S603 -- found by ourselves


def _zlib() -> str:
    return zlib.ZLIB_RUNTIME_VERSION


def _bill(
    path: Path, lock: Bill, parts: Iterable[Part], page: list[Part], built: Mapping[str, str]
) -> Bill:
    """Put one together; built: with what the file's bytes were made, where that matters."""
    ours = lock["metadata"]["component"]
    content = path.read_bytes()
    described = {
        "type": "file",
        "bom-ref": ours["bom-ref"],
        "name": path.name,
        "version": ours["version"],
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}],
        "licenses": [{"expression": "Apache-2.0"}],
        "properties": [{"name": f"keyturn:{k}", "value": v} for k, v in sorted(built.items())],
    }
    components = [*parts, *page]
    refs = {each["bom-ref"] for each in (ours, *components)}
    kept = _among(refs)
    bill = {
        **lock,
        "serialNumber": "",
        "metadata": {"tools": lock["metadata"]["tools"], "component": described, **_made_at()},
        "components": components,
        "dependencies": [
            _with_more(each, page) if each["ref"] == ours["bom-ref"] else each
            for each in map(kept, lock["dependencies"])
            if each["ref"] in refs
        ],
    }
    told = json.dumps(bill, sort_keys=True)
    return {**bill, "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, told)}"}


def _among(refs: set[str]) -> Callable[[Part], Part]:
    """A dependency without those whom it needs on other systems alone."""

    def kept(dependency: Part) -> Part:
        needs = [each for each in dependency.get("dependsOn", []) if each in refs]
        return {"ref": dependency["ref"]} | ({"dependsOn": needs} if needs else {})

    return kept


def _with_more(dependency: Part, page: Iterable[Part]) -> Part:
    needs = [*dependency.get("dependsOn", []), *(each["bom-ref"] for each in page)]
    return {**dependency, "dependsOn": needs}


def _made_at() -> Part:
    """The commit's time, if the build was told it; this machine's would differ each time."""
    told = os.environ.get("SOURCE_DATE_EPOCH", "")  # noqa: TID251 -- the reproducible builds' own name
    if not told:
        return {}
    return {"timestamp": datetime.fromtimestamp(int(told), UTC).isoformat()}


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist")
