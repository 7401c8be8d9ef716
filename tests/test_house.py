"""What the house promises about itself, where no tool keeps watch."""

import ast
import builtins
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
LOCK = (ROOT / "uv.lock").read_text()
LOCKED: dict[str, Any] = {package["name"]: package for package in tomllib.loads(LOCK)["package"]}

# Packages with compiled parts that they can do without.
SPED_UP = {"markupsafe", "pyyaml"}


def what_the_product_runs_on() -> set[str]:
    """The packages that end in a Lambda's zip."""
    groups = LOCKED["keyturn"]["dev-dependencies"]
    # The second is in one of the zips.
    found = {need["name"] for group in ("functions", "channels") for need in groups[group]}
    waiting = [*found]
    while waiting:
        needs = {need["name"] for need in LOCKED[waiting.pop()].get("dependencies", [])}
        waiting += needs - found
        found |= needs
    return found


def test_what_the_functions_and_the_command_line_share_is_the_same_for_both() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    functions = {*project["dependency-groups"]["functions"]}
    people = {*project["project"]["dependencies"]}
    sandbox = {*project["project"]["optional-dependencies"]["sandbox"]}

    assert {re.split(r"[<>=]", each)[0] for each in people - functions} == {"rich", "typer"}
    assert functions - people <= sandbox  # the demo runs the functions
    assert len(functions - people) == 1


def test_uv_itself_is_installed_by_hash_and_carries_the_backend() -> None:
    pinned, *hashes = (ROOT / "tools" / "uv.txt").read_text().replace("\\\n", "").split("--hash=")
    [version] = re.findall(r"^uv==(\S+)", pinned, re.MULTILINE)
    [backend] = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    minor = re.escape(version.rpartition(".")[0])

    assert len(hashes) > 10  # a wheel for each system and processor, and the source
    assert all(re.match(r"sha256:[0-9a-f]{64}\b", each) for each in hashes)
    assert re.match(rf"uv_build>={minor},<", backend)
    assert "--require-hashes" in (ROOT / "Makefile").read_text()


def test_the_zip_holds_no_native_code_so_that_it_runs_on_every_processor() -> None:
    native = {
        name
        for name in what_the_product_runs_on()
        if not any(wheel["url"].endswith("-none-any.whl") for wheel in LOCKED[name]["wheels"])
    }

    assert "botocore" in what_the_product_runs_on()
    assert native <= SPED_UP


@pytest.mark.parametrize(
    "lock", ["uv.lock", "tests/e2e/uv.lock", "tests/crosscheck/uv.lock", "tools/manual/uv.lock"]
)
def test_everything_comes_from_pypi_and_is_pinned_by_hash(lock: str) -> None:
    text = (ROOT / lock).read_text()
    hosts = set(re.findall(r'"https?://([^/"]+)', text))
    files = [
        file
        for package in tomllib.loads(text)["package"]
        for file in [*package.get("wheels", []), *filter(None, [package.get("sdist")])]
    ]

    assert hosts == {"pypi.org", "files.pythonhosted.org"}
    assert all(file["hash"].startswith("sha256:") for file in files)


def test_every_exception_to_a_tools_rule_has_its_reason_beside_it() -> None:
    exception = re.compile(r"#\s*(noqa|type:\s*ignore|pragma:\s*no)(?P<rest>.*)")
    reason = re.compile(r"^(:\s*[\w, ]+?|\[[\w, -]+\])?\s+(#|-+)\s*\w+")

    bare = [
        f"{file.relative_to(ROOT)}:{number}"
        for folder in ("src", "tests", "tools")
        for file in (ROOT / folder).rglob("*.py")
        if ".venv" not in file.parts
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        if (found := exception.search(line)) and not reason.match(found["rest"])
    ]

    assert bare == []


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Return the one folder on PATH, on a machine without any Python."""
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


def install(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    command = folder / name
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    return command


def choose(machine: Path, asked: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["/bin/sh", ROOT / "tools" / "python.sh", asked],
        env={"PATH": str(machine), "HOME": str(machine.parent)},
        capture_output=True,
        text=True,
        check=False,
    )


A_PYTHON = (
    f'[ -n "$2" ] && case "$2" in *print*) echo "$0" ;; *) exec {sys.executable} "$@" ;; esac'
)
A_SHIM = "exit 127"
WITHOUT_VENV = 'case "$2" in *venv*) exit 1 ;; esac'
TOO_OLD = "exit 1"


def test_the_newest_python_that_runs_is_taken(machine: Path) -> None:
    install(machine, "python3.13", A_SHIM)
    newest = install(machine, "python3.12", A_PYTHON)
    install(machine, "python3", A_PYTHON)

    assert choose(machine).stdout == f"{newest}\n"


def test_a_python_that_pyenv_holds_but_has_not_switched_on_is_taken(machine: Path) -> None:
    install(machine, "python3.13", A_SHIM)
    install(machine, "python3.11", A_PYTHON)
    held = install(machine.parent / ".pyenv/versions/3.13.0/bin", "python", A_PYTHON)

    assert choose(machine).stdout == f"{held}\n"


def test_the_python_that_is_asked_for_is_taken_or_none(machine: Path) -> None:
    install(machine, "python3.13", A_PYTHON)
    asked = install(machine, "python3.11", A_PYTHON)
    install(machine, "python3.9", TOO_OLD)

    assert choose(machine, "python3.11").stdout == f"{asked}\n"
    assert choose(machine, "python3.9").returncode == 1
    assert choose(machine, "python3.9").stdout == ""


def test_a_python_that_makes_no_environments_is_named_with_the_cure(machine: Path) -> None:
    install(machine, "python3", WITHOUT_VENV)

    answer = choose(machine)

    assert answer.returncode == 1
    assert answer.stderr == (
        "python3 cannot make a virtual environment. Debian, Ubuntu: apt install python3-venv\n"
    )


# --- docstrings

SRC = ROOT / "src"
DOCUMENTED_ROOMS = ("domain", "ports", "use_cases")
MEETS = re.compile(r"\bports\.(\w+)`")
ANY_VALUE = {"Any", "object"}


@dataclass(frozen=True)
class Documented:
    """A public function or method, and the class that it is of."""

    function: ast.FunctionDef
    of: ast.ClassDef | None = None

    @property
    def name(self) -> str:
        return f"{self.of.name}.{self.function.name}" if self.of else self.function.name

    @property
    def makes(self) -> bool:
        """Whether it is what makes an object: then the class's docstring speaks for it."""
        return self.function.name in {"__init__", "__post_init__"}

    @property
    def text(self) -> str:
        texts = [ast.get_docstring(self.function) or ""]
        if self.makes and self.of is not None:
            texts.append(ast.get_docstring(self.of) or "")
        return "\n".join(texts)

    @property
    def is_command(self) -> bool:
        """Whether its docstring is the help text that `keyturn --help` prints."""
        calls = (each.func for each in self.function.decorator_list if isinstance(each, ast.Call))
        return any(
            isinstance(call, ast.Attribute) and call.attr in {"callback", "command"}
            for call in calls
        )


def in_public(body: list[ast.stmt], of: ast.ClassDef | None = None) -> Iterator[Documented]:
    for each in body:
        match each:
            case ast.FunctionDef(name=name) if not name.startswith("_") or name.startswith("__"):
                yield Documented(each, of)
            case ast.ClassDef(name=name) if not name.startswith("_"):
                yield from in_public(each.body, each)


def raised_by(function: ast.FunctionDef) -> set[str]:
    """The errors that a function's own body raises by their names, nested functions left out."""
    found: set[str] = set()
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        each = waiting.pop()
        if isinstance(each, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(each, ast.Raise) and each.exc is not None:
            error = each.exc.func if isinstance(each.exc, ast.Call) else each.exc
            name = ast.unparse(error).rpartition(".")[2]
            if name[:1].isupper():  # `raise error` passes on what was caught
                found.add(name)
        waiting += ast.iter_child_nodes(each)
    return found


def bases_in(trees: Iterable[ast.Module]) -> Mapping[str, set[str]]:
    return {
        each.name: {ast.unparse(base).rpartition(".")[2] for base in each.bases}
        for tree in trees
        for each in ast.walk(tree)
        if isinstance(each, ast.ClassDef)
    }


def with_its_bases(name: str, bases: Mapping[str, set[str]]) -> set[str]:
    own = bases.get(name)
    if own is None:
        known = getattr(builtins, name, None)
        own = {each.__name__ for each in known.__mro__[1:]} if isinstance(known, type) else set()
    return {name}.union(*(with_its_bases(base, bases) for base in own)) - {"Exception", "object"}


def unnamed_errors(
    tree: ast.Module, bases: Mapping[str, set[str]], ports: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    """What is raised and not named behind the word "Raises", by the function or by its port."""
    for each in in_public(tree.body):
        meets = MEETS.findall(ast.get_docstring(each.of) or "") if each.of else []
        texts = [each.text, *(ports.get(port, {}).get(each.function.name, "") for port in meets)]
        named = " ".join(text.partition("Raises")[2] for text in texts)
        for error in sorted(raised_by(each.function)):
            words = with_its_bases(error, bases)
            if not each.is_command and not words.intersection(re.findall(r"\w+", named)):
                yield f"{each.name} raises {error}"


def shapeless(tree: ast.Module) -> Iterator[str]:
    """Who returns a mapping and does not say what it holds, as "account id → reason"."""
    for each in in_public(tree.body):
        match each.function.returns:
            case ast.Subscript(
                value=ast.Name(id="dict" | "Mapping"), slice=ast.Tuple(elts=[_, value])
            ) if ast.unparse(value) not in ANY_VALUE and "→" not in each.text:
                yield each.name


def without_docstring(tree: ast.Module) -> Iterator[str]:
    """Public classes, functions and methods, but for __methods__: their names say all."""
    classes = (each for each in ast.walk(tree) if isinstance(each, ast.ClassDef))
    yield from (
        each.name
        for each in classes
        if not each.name.startswith("_") and not ast.get_docstring(each)
    )
    yield from (
        each.name
        for each in in_public(tree.body)
        if not each.function.name.startswith("__") and not ast.get_docstring(each.function)
    )


def trees_of(folder: Path) -> Mapping[str, ast.Module]:
    return {
        str(file.relative_to(SRC)): ast.parse(file.read_text())
        for file in sorted(folder.rglob("*.py"))
    }


def ports_in(trees: Mapping[str, ast.Module]) -> Mapping[str, Mapping[str, str]]:
    return {
        each.name: {method.function.name: method.text for method in in_public(each.body, each)}
        for path, tree in trees.items()
        if "ports" in path
        for each in tree.body
        if isinstance(each, ast.ClassDef)
    }


def test_whoever_raises_an_error_names_it() -> None:
    trees = trees_of(SRC)
    bases, ports = bases_in(trees.values()), ports_in(trees)

    unnamed = [
        f"{path}: {said}"
        for path, tree in trees.items()
        for said in unnamed_errors(tree, bases, ports)
    ]

    assert unnamed == []


def test_whoever_returns_a_mapping_says_what_it_holds() -> None:
    assert [
        f"{path}: {name}" for path, tree in trees_of(SRC).items() for name in shapeless(tree)
    ] == []


@pytest.mark.parametrize("room", DOCUMENTED_ROOMS)
def test_everything_public_of_the_core_has_a_docstring(room: str) -> None:
    trees = trees_of(SRC / "keyturn" / room)

    assert trees
    assert [
        f"{path}: {name}" for path, tree in trees.items() for name in without_docstring(tree)
    ] == []


ERRORS = """
class PortError(Exception): ...
class NotFound(PortError): ...
"""


@pytest.mark.parametrize(
    ("code", "unnamed"),
    [
        ('def f():\n  """Look. Raises NotFound where it is gone."""\n  raise NotFound("x")', []),
        ('def f():\n  """Look. Raises PortError where it fails."""\n  raise NotFound', []),
        ('def f():\n  """Look. Raises OSError."""\n  raise FileNotFoundError', []),
        ('def f():\n  """Look."""\n  raise NotFound("x")', ["f raises NotFound"]),
        ('def f():\n  """NotFound is no answer."""\n  raise NotFound', ["f raises NotFound"]),
        ('def f():\n  """Raises ValueError."""\n  raise KeyError', ["f raises KeyError"]),
        ('def f():\n  """Pass on."""\n  raise error', []),
        ('def f():\n  """Make g."""\n  def g():\n    raise NotFound', []),
        ("def _f():\n  raise NotFound", []),
        ('@app.command()\ndef f():\n  """Help text."""\n  raise NotFound', []),
        ('class C:\n  """A C."""\n  def __init__(self): raise NotFound',
         ["C.__init__ raises NotFound"]),
        ('class C:\n  """Raises NotFound."""\n  def __post_init__(self): raise NotFound', []),
        ('class C:\n  """Meets `ports.P`."""\n  def f(self):\n    """Look."""\n    raise NotFound',
         []),
        ('class C:\n  """Meets `ports.P`."""\n  def g(self):\n    """Look."""\n    raise NotFound',
         ["C.g raises NotFound"]),
    ],
)  # fmt: skip
def test_the_test_of_errors_would_notice(code: str, unnamed: list[str]) -> None:
    bases = bases_in([ast.parse(ERRORS)])
    ports = {"P": {"f": "Look. Raises NotFound where it is gone."}}

    assert list(unnamed_errors(ast.parse(code), bases, ports)) == unnamed


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ('def f() -> dict[str, int]:\n  """User → days."""', []),
        ('def f() -> dict[str, int]:\n  """The days."""', ["f"]),
        ('def f() -> Mapping[str, Sequence[str]]:\n  """The days."""', ["f"]),
        ('def f() -> dict[str, Any]:\n  """A policy, as JSON has it."""', []),
        ('def f() -> list[str]:\n  """The days."""', []),
    ],
)
def test_the_test_of_mappings_would_notice(code: str, found: list[str]) -> None:
    assert list(shapeless(ast.parse(code))) == found


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("def f(): ...", ["f"]),
        ('def f():\n  """Look."""', []),
        ("class C: ...", ["C"]),
        ('class C:\n  """A C."""\n  def f(self): ...', ["C.f"]),
        ('class C:\n  """A C."""\n  def __len__(self): ...\n  def _f(self): ...', []),
    ],
)
def test_the_test_of_docstrings_would_notice(code: str, found: list[str]) -> None:
    assert list(without_docstring(ast.parse(code))) == found


# What the code names as the source of a rule: a page, a place in it in quotes, a decision.
PAGE = re.compile(r"\bdocs/[\w/-]+\.md\b")
PLACES = re.compile(r'\b(docs/[\w/-]+\.md)((?:,\s"[^"]+")+)')
DECISIONS = re.compile(r"\bdecisions? (\d{4}(?:(?:, | and )\d{4})*)", re.IGNORECASE)


def plain(text: str) -> str:
    """A text on one line, without comment signs and marks, as it is compared."""
    return " ".join(re.sub(r"^\s*#|[*`]", " ", text, flags=re.MULTILINE).split())


def lost_sources(code: str, docs: Path) -> Iterator[str]:
    """What is named as a source and is not there."""
    said = plain(code)
    for page in sorted(set(PAGE.findall(said))):
        if not (docs.parent / page).exists():
            yield page
    for page, places in PLACES.findall(said):
        file = docs.parent / page
        there = plain(file.read_text()).casefold() if file.exists() else ""
        for place in re.findall(r'"([^"]+)"', places):
            if place.casefold() not in there:
                yield f'{page}, "{place}"'
    for numbers in DECISIONS.findall(said):
        for number in re.findall(r"\d{4}", numbers):
            if not [*(docs / "decisions").glob(f"{number}-*.md")]:
                yield f"decision {number}"


def test_whatever_is_named_as_the_source_of_a_rule_is_there() -> None:
    assert [
        f"{file.relative_to(SRC)}: {lost}"
        for file in sorted(SRC.rglob("*.py"))
        for lost in lost_sources(file.read_text(), ROOT / "docs")
    ] == []


@pytest.mark.parametrize(
    ("code", "lost"),
    [
        ('"""Source: docs/life.md, "A key is\n# disabled", "Hold"; decision 0001."""', []),
        ('"""Source: docs/death.md."""', ["docs/death.md"]),
        ('"""Source: docs/life.md, "Hold", "Let go"."""', ['docs/life.md, "Let go"']),
        ("# Decisions 0001 and 0002 say so.", ["decision 0002"]),
    ],
)
def test_the_test_of_sources_would_notice(code: str, lost: list[str], tmp_path: Path) -> None:
    (tmp_path / "docs/decisions").mkdir(parents=True)
    (tmp_path / "docs/decisions/0001-first.md").touch()
    (tmp_path / "docs/life.md").write_text("**A key is\ndisabled** when …\n\n## Hold\n")

    assert list(lost_sources(code, tmp_path / "docs")) == lost


def test_every_file_of_cases_names_the_source_of_its_rules() -> None:
    files = [*(SRC / "keyturn/domain/lifecycle/cases").glob("[a-z]*.py")]

    assert files
    assert [
        file.name
        for file in files
        if "Source: docs/" not in (ast.get_docstring(ast.parse(file.read_text())) or "")
    ] == []


NOT_PLAIN = re.compile(
    r"\b(is|are|was|were|be) told\b|\bli(es?|ng) (in|there|under|below|before)\b|\bmended\b",
    re.IGNORECASE,
)
"""Words that an operator stumbles over; "notified", "stored in" and "fixed" say the same."""


def sentences_of(source: str) -> list[str]:
    """Every text of a module that a person may read: no docstring, no name."""
    tree = ast.parse(source)
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docstrings
    ]


def test_what_operators_read_is_said_in_plain_words() -> None:
    package = ROOT / "src" / "keyturn"
    files = [
        *(package / "cli").rglob("*.py"),
        *(package / "functions").rglob("*.py"),
        *(package / "deployment").rglob("*.py"),
        *(package / "schemas").rglob("*.py"),
        package / "configuration.py",
        package / "domain" / "policy.py",
        package / "domain" / "ownership.py",
        package / "domain" / "adoption.py",
    ]
    found = [
        f"{file.relative_to(ROOT)}: {text}"
        for file in files
        for text in sentences_of(file.read_text())
        if NOT_PLAIN.search(text)
    ]

    assert found == []
    assert NOT_PLAIN.search("the owner is told, and the secret lies in it")
