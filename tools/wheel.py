"""
Build the wheel and the source distribution: `make wheel`.

They hold what `keyturn deploy` brings along, which a checkout keeps elsewhere or builds: the
CloudFormation templates and the functions' zips. uv_build takes only what is in the packages, so
it builds a copy of the tree in which these are (docs/decisions/0087). The same commit makes the
same bytes, wherever zips are the same (tools/package.py).
"""

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keyturn import __version__
from keyturn.cli.brought_along import INDEX, PIECES, TEMPLATES
from keyturn.deployment.model.zip_parts import ZipParts
from tools import package

ROOT = Path(__file__).resolve().parent.parent
BUNDLE = Path("src/keyturn/deployment/bundle")
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")
_FENCED = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


class CannotBuildError(Exception):
    """What would be built is not what it says it is, or not for everybody."""


def main(dist: Path) -> None:
    """Build both into the folder, in the place of those that were built before."""
    with tempfile.TemporaryDirectory() as scratch:
        zips = Path(scratch, "zips")
        if package.lambdas_python() is None:
            raise CannotBuildError(
                f"A wheel needs a Python {package.LAMBDAS_PYTHON}, which Lambda runs: without it "
                "the zips would hold no bytecode, and everybody's functions would start slowly. "
                f".venv, pyenv and PATH have none as python{package.LAMBDAS_PYTHON}. "
                f"Install one (uv python install {package.LAMBDAS_PYTHON}) and name it: "
                f"make wheel PYTHON=/path/to/python{package.LAMBDAS_PYTHON}"
            )
        package.main(zips)
        for built in build(zips, dist, Path(scratch, "tree")):
            print(f"{built}  {built.stat().st_size / 1e6:.1f} MB")


def build(zips: Path, dist: Path, tree: Path) -> list[Path]:
    """Build both of these zips, by way of a copy of the sources; says where they are."""
    stage(zips, tree)
    dist.mkdir(parents=True, exist_ok=True)
    for former in (*dist.glob("keyturn-*.whl"), *dist.glob("keyturn-*.tar.gz")):
        former.unlink()
    uv = Path(sys.executable).with_name("uv")
    subprocess.run(  # noqa: S603 -- our own uv
        # Offline: uv carries the backend, which gives every file the same time.
        (uv, "build", "--quiet", "--offline", "--out-dir", dist.resolve(), tree),
        check=True,
    )
    return [*dist.glob("keyturn-*.tar.gz"), *dist.glob("keyturn-*.whl")]


def stage(zips: Path, tree: Path) -> None:
    """Copy the sources, with all that an installation brings along."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    if project["version"] != __version__:
        raise CannotBuildError(
            f"pyproject.toml says {project['version']}, src/keyturn/__init__.py {__version__}"
        )
    shutil.copytree(ROOT / "src", tree / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (tree / "README.md").write_text(for_an_index(readme, project), encoding="utf-8")
    bring_along(zips, tree / BUNDLE)
    for path in tree.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)  # and not as this machine's umask has it


def bring_along(zips: Path, bundle: Path) -> None:
    """Put the templates and the zips where an installation looks for them."""
    (bundle / TEMPLATES).mkdir(parents=True)
    for template in (ROOT / TEMPLATES).glob("*.yaml"):
        shutil.copyfile(template, bundle / TEMPLATES / template.name)
    parts = ZipParts.cut({each.name: each.read_bytes() for each in sorted(zips.glob("*.zip"))})
    (bundle / PIECES).write_bytes(parts.pieces)
    (bundle / INDEX).write_text(parts.write_index(), encoding="utf-8")


def for_an_index(readme: str, project: Mapping[str, Any]) -> str:
    """
    Give README.md the links of a page that stands elsewhere: on PyPI.

    They lead into the repository of `project.urls`, to the tag of this version. Where
    pyproject.toml names no repository, the words stay and the links go.
    """
    repository = project.get("urls", {}).get("Repository")
    tag = f"{repository}/blob/v{project['version']}"

    def elsewhere(link: re.Match[str]) -> str:
        words, target = link.groups()
        if re.match(r"\w+:|#", target):
            return link[0]
        return f"[{words}]({tag}/{target})" if repository else words

    parts = _FENCED.split(readme)
    return "".join(
        part if part.startswith("```") else _LINK.sub(elsewhere, part) for part in parts
    )


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist")
    except CannotBuildError as error:
        sys.exit(str(error))
