"""The wheel and the source distribution, as `make wheel` builds them, but for the zips."""

import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

import pytest

from keyturn import __version__
from keyturn.deployment.model.zip_parts import ZipParts
from tests.deployment.model.test_zip_parts import ZIPS
from tools import package, wheel

ROOT = Path(__file__).parent.parent
BUNDLE = "keyturn/deployment/bundle"
# From a process of its own: who builds sets other defaults.
BUILD = """
import sys
from pathlib import Path
from tools.wheel import build
build(*map(Path, sys.argv[1:]))
"""


def built(folder: Path, umask: int, zone: str) -> Path:
    """Build both with made-up zips; the folder that they are in."""
    zips = folder / "zips"
    zips.mkdir(parents=True)
    for name, content in ZIPS.items():
        (zips / name).write_bytes(content)
    subprocess.run(
        [sys.executable, "-c", BUILD, zips, folder / "dist", folder / "tree"],
        cwd=ROOT,
        umask=umask,
        env={**os.environ, "TZ": zone},
        check=True,
    )
    return folder / "dist"


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("here"), 0o022, "UTC")


@pytest.fixture
def archive(dist: Path) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(dist / f"keyturn-{__version__}-py3-none-any.whl") as archive:
        yield archive


def test_the_same_source_makes_the_same_bytes_elsewhere_and_later(
    dist: Path, tmp_path: Path
) -> None:
    again = built(tmp_path / "a/longer/way", 0o077, "Asia/Kathmandu")

    names = sorted(each.name for each in dist.iterdir() if each.name.startswith("keyturn"))
    assert names == [f"keyturn-{__version__}-py3-none-any.whl", f"keyturn-{__version__}.tar.gz"]
    for name in names:
        assert (dist / name).read_bytes() == (again / name).read_bytes(), name


def test_the_wheel_holds_every_source_every_template_and_what_the_zips_are_made_of(
    archive: zipfile.ZipFile,
) -> None:
    found = {*archive.namelist()}
    sources = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    templates = {f"{BUNDLE}/CloudFormation/{path.name}" for path in ROOT.glob("CloudFormation/*")}
    pieces = {f"{BUNDLE}/functions.bin", f"{BUNDLE}/functions.json"}

    assert "keyturn/report/assets/page.js" in sources
    assert "keyturn/mail/templates/owner/body.html" in sources
    ours = {name for name in found if ".dist-info/" not in name and not name.endswith("/")}
    assert ours == sources | templates | pieces


def test_the_zips_that_are_joined_of_the_wheel_are_those_that_were_put_in(
    archive: zipfile.ZipFile,
) -> None:
    parts = ZipParts.read(
        archive.read(f"{BUNDLE}/functions.json").decode(),
        archive.read(f"{BUNDLE}/functions.bin"),
    )

    assert {name: parts.join(name) for name in ZIPS} == ZIPS


def test_the_source_distribution_makes_the_same_wheel_and_needs_no_link(
    dist: Path, tmp_path: Path, archive: zipfile.ZipFile
) -> None:
    with tarfile.open(dist / f"keyturn-{__version__}.tar.gz") as source:
        kinds = {each.type for each in source}
        source.extractall(tmp_path, filter="data")
    [tree] = tmp_path.iterdir()
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "build", "-q", "--offline", "--wheel", tree], check=True)

    [again] = tree.glob("dist/*.whl")
    assert kinds <= {tarfile.REGTYPE, tarfile.DIRTYPE}
    assert again.read_bytes() == Path(str(archive.filename)).read_bytes()


def test_the_metadata_say_what_an_index_shows(archive: zipfile.ZipFile) -> None:
    said = Parser().parsestr(archive.read(f"keyturn-{__version__}.dist-info/METADATA").decode())
    needs = [each.split(">")[0] for each in said.get_all("Requires-Dist", [])]

    assert said["Version"] == __version__
    assert said["License-Expression"] == "Apache-2.0"
    assert said.get_all("Provides-Extra") == ["sandbox"]
    assert {"typer", "rich", "boto3"} <= {*needs}
    assert "Programming Language :: Python :: 3.11" in said.get_all("Classifier", [])
    assert said["Description-Content-Type"] == "text/markdown"
    assert str(said.get_payload()).startswith("# Keyturn\n")
    assert "](docs/" not in str(said.get_payload())


README = """[The manual](docs/README.md), [a part](docs/cli.md#x), [here](#try), [us](https://example.com/).

```
[as typed](docs/README.md)
```
"""


def test_links_lead_to_the_tag_of_this_version_where_a_repository_is_named() -> None:
    project = {"version": "1.2.3", "urls": {"Repository": "https://example.com/keyturn"}}

    assert wheel.for_an_index(README, project) == README.replace(
        "[The manual](docs", "[The manual](https://example.com/keyturn/blob/v1.2.3/docs"
    ).replace("[a part](docs", "[a part](https://example.com/keyturn/blob/v1.2.3/docs")


def test_without_a_repository_the_words_stay_and_the_links_go() -> None:
    assert wheel.for_an_index(README, {"version": "1.2.3"}) == README.replace(
        "[The manual](docs/README.md), [a part](docs/cli.md#x)", "The manual, a part"
    )


def test_two_versions_that_differ_make_no_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheel, "__version__", "9.9.9")

    with pytest.raises(wheel.CannotBuildError, match=r"pyproject\.toml says .*, .* 9\.9\.9"):
        wheel.stage(tmp_path, tmp_path / "tree")

    assert not (tmp_path / "tree").exists()


def test_without_lambdas_python_there_is_no_wheel_and_one_line_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "lambdas_python", lambda: None)

    cure = r"needs a Python 3\.13, .* make wheel PYTHON=/path/to/python3\.13$"
    with pytest.raises(wheel.CannotBuildError, match=cure):
        wheel.main(tmp_path / "dist")

    assert not (tmp_path / "dist").exists()
