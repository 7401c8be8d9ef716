"""The workflows, in what no linter holds: rights, time limits, and what they call."""

import hashlib
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import yaml

from tools import release

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

USES = re.compile(r"^\s*(?:- )?uses:\s*(\S+)(.*)$", re.MULTILINE)
PINNED = re.compile(r"[\w-]+/[\w.-]+(?:/[\w.-]+)*@[0-9a-f]{40}")
VERSION = re.compile(r" # v\d+\.\d+\.\d+")

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def complaints(text: str) -> list[str]:
    """What is wrong with a workflow, a line each."""
    found = yaml.safe_load(text)
    jobs: Mapping[str, Any] = found["jobs"]
    return [
        *(f"{uses}: no commit and version" for uses in unpinned(text)),
        *of_events(found[True]),  # YAML reads `on` as true
        *([] if found.get("permissions") == {} else ["permissions: not none by default"]),
        *([] if "concurrency" in found else ["concurrency: two of it may meet"]),
        *chain.from_iterable(of_job(name, job) for name, job in jobs.items()),
    ]


def unpinned(text: str) -> Iterator[str]:
    for uses, rest in USES.findall(text):
        if not (PINNED.fullmatch(uses) and VERSION.fullmatch(rest)):
            yield uses


def of_events(events: Any) -> Iterator[str]:  # noqa: ANN401 -- YAML: a name, a list or a mapping
    for event in {"pull_request_target", "workflow_run"} & {*events}:
        yield f"{event}: strangers' code would run with our rights"


def of_job(name: str, job: Mapping[str, Any]) -> Iterator[str]:
    if "permissions" not in job:
        yield f"{name}: no permissions"
    if "timeout-minutes" not in job:
        yield f"{name}: no timeout-minutes"
    for each in job.get("strategy", {}).get("matrix", {}).get("include", []):
        if each["target"].split()[0] not in TARGETS:
            yield f"{name}: no target {each['target']}"
    for step in job["steps"]:
        script = step.get("run", "")
        if leaves_the_token(step):
            yield f"{name}: the token stays in the checkout"
        if may_write(job) and re.search(r"\b(make|pip|uv|npm)\b", script):
            yield f"{name}: builds with rights"
        yield from (f"{name}: {what}" for what in of_script(script))
    if may_write(job) and takes_what_it_does_not_check(job):
        yield f"{name}: an artifact, which other jobs can change, is taken unchecked"


def takes_what_it_does_not_check(job: Mapping[str, Any]) -> bool:
    """Whether a step after a download is anything but the check by a hash that a job hands on."""
    after = zip(job["steps"], [*job["steps"][1:], {}], strict=True)
    return any(
        step.get("uses", "").startswith("actions/download-artifact@") and not checks(following)
        for step, following in after
    )


def checks(step: Mapping[str, Any]) -> bool:
    handed_on = [*map(str, step.get("env", {}).values())]
    return (
        any(re.fullmatch(r"\$\{\{ needs\.\w+\.outputs\.\w+ \}\}", each) for each in handed_on)
        and "sha256sum --check --strict" in step.get("run", "")
        and not {"if", "continue-on-error"} & {*step}
    )


def leaves_the_token(step: Mapping[str, Any]) -> bool:
    checks_out = step.get("uses", "").startswith("actions/checkout@")
    return checks_out and step.get("with", {}).get("persist-credentials") is not False


def of_script(script: str) -> Iterator[str]:
    if "${{" in script:
        yield "an expression inside a script"
    for target in re.findall(r"\bmake (?:-C \S+ )?([\w-]+)", script):
        if target not in TARGETS:
            yield f"no target {target}"
    for file in re.findall(r"(?<![\w/])(?:tools|\.ci)/[\w./]+", script):
        if not (ROOT / file).is_file():
            yield f"no file {file}"


def may_write(job: Mapping[str, Any]) -> bool:
    return "write" in {*job.get("permissions", {}).values()}


def test_the_four_workflows_are_there() -> None:
    assert {path.stem for path in WORKFLOWS} >= {"ci", "nightly", "release", "advisories"}


@each_workflow
def test_a_workflow_is_pinned_and_bounded_and_has_the_least_rights(path: Path) -> None:
    assert complaints(path.read_text()) == []


RIGHT = """\
on: push
permissions: {}
concurrency: one
jobs:
  job:
    permissions: {contents: read}
    timeout-minutes: 5
    steps:
      - uses: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2
        with:
          persist-credentials: false
      - run: make test
"""


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("de0fac2e4500dabe0009e67214ff5f5447ce83dd", "v6.0.2", "no commit and version"),
        ("de0fac2e45", "", "no commit and version"),
        (" # v6.0.2", "", "no commit and version"),
        (" # v6.0.2", " # v6", "no commit and version"),
        ("on: push", "on: pull_request_target", "strangers' code"),
        ("on: push", "on: [push, workflow_run]", "strangers' code"),
        ("permissions: {}\n", "", "not none by default"),
        ("permissions: {}\n", "permissions: read-all\n", "not none by default"),
        ("concurrency: one\n", "", "two of it may meet"),
        ("    permissions: {contents: read}\n", "", "job: no permissions"),
        ("    timeout-minutes: 5\n", "", "job: no timeout-minutes"),
        ("persist-credentials: false", "persist-credentials: true", "the token stays"),
        ("make test", "make nothing", "no target nothing"),
        ("make test", "python tools/nothing.py", "no file tools/nothing.py"),
        ("make test", "echo ${{ github.event.issue.title }}", "an expression inside a script"),
        (
            "    steps:",
            "    strategy: {matrix: {include: [{target: nothing A=1}]}}\n    steps:",
            "no target",
        ),
        ("contents: read", "contents: write", "builds with rights"),
    ],
)
def test_what_is_wrong_with_a_workflow_is_noticed(right: str, wrong: str, complaint: str) -> None:
    assert complaints(RIGHT) == []
    assert right in RIGHT

    text = RIGHT.replace(right, wrong).replace(
        "on: pull_request_target", "on: [pull_request_target]"
    )

    [found] = complaints(text.replace("on: push", "on: [push]"))
    assert complaint in found


RELEASE: Mapping[str, Any] = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())[
    "jobs"
]
TAKES = [name for name, job in RELEASE.items() if may_write(job)]
CHECKS = [step for name in TAKES for step in RELEASE[name]["steps"] if checks(step)]


def test_what_is_signed_drafted_and_published_is_checked_by_the_hash_of_the_second_build() -> None:
    assert TAKES == ["attest", "draft", "publish"]
    assert len(CHECKS) == 3
    assert all(step == CHECKS[0] for step in CHECKS)
    assert CHECKS[0]["env"] == {"SUMS": "${{ needs.reproduce.outputs.sums }}"}
    assert all("reproduce" in RELEASE[name]["needs"] for name in TAKES)
    assert RELEASE["reproduce"]["outputs"] == {"sums": "${{ steps.compare.outputs.sums }}"}
    assert RELEASE["build"]["steps"][-1]["with"]["include-hidden-files"] is False


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("needs.reproduce.outputs.sums", "github.sha"),
        ("--check --strict", "--check"),
        ("        env:", "        continue-on-error: true\n        env:"),
        ("        env:", "        if: false\n        env:"),
        ("      - name: These are", "      - run: date\n      - name: These are"),
    ],
)
def test_a_job_with_rights_that_takes_an_artifact_unchecked_is_noticed(
    right: str, wrong: str
) -> None:
    text = (ROOT / ".github/workflows/release.yml").read_text()

    found = complaints(text.replace(right, wrong))

    unchecked = "an artifact, which other jobs can change, is taken unchecked"
    assert found == [f"{name}: {unchecked}" for name in TAKES]


def bash(script: str, folder: Path, **env: str) -> int:
    return subprocess.run(
        [str(which("bash")), "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", **env},
        capture_output=True,
        check=False,
    ).returncode


@pytest.fixture
def agreed(tmp_path: Path) -> str:
    """Two builds of a release side by side; the hash that the second one hands on."""
    mine, again = tmp_path / "dist", tmp_path / "another" / "folder" / "dist"
    for folder in (mine, again):
        folder.mkdir(parents=True)
        (folder / "keyturn-1.0.0.whl").write_text("wheel")
        (folder / "rotation.zip").write_text("zip")
        (folder / release.SUMS).write_text(release.sums(folder))
    [step] = [each for each in RELEASE["reproduce"]["steps"] if each.get("id") == "compare"]
    assert bash(step["run"], tmp_path, GITHUB_OUTPUT=str(tmp_path / "out")) == 0
    name, _, value = (tmp_path / "out").read_text().partition("=")
    assert name == "sums"
    return value.strip()


def test_builds_that_differ_hand_nothing_on(tmp_path: Path, agreed: str) -> None:
    (tmp_path / "out").unlink()
    (tmp_path / "dist" / release.SUMS).write_text("other\n")
    [step] = [each for each in RELEASE["reproduce"]["steps"] if each.get("id") == "compare"]

    assert agreed
    assert bash(step["run"], tmp_path, GITHUB_OUTPUT=str(tmp_path / "out")) == 1
    assert not (tmp_path / "out").exists()


def changed(dist: Path) -> None:
    (dist / "rotation.zip").write_text("another zip")


def changed_with_its_sums(dist: Path) -> None:
    changed(dist)
    (dist / release.SUMS).write_text(release.sums(dist))


def added(dist: Path) -> None:
    (dist / "keyturn-9.9.9.whl").write_text("a stranger's")


def hidden(dist: Path) -> None:
    (dist / ".more").write_text("a stranger's")


def below(dist: Path) -> None:
    (dist / "more").mkdir()
    (dist / "more" / "keyturn-9.9.9.whl").write_text("a stranger's")


def taken_away(dist: Path) -> None:
    (dist / "rotation.zip").unlink()


def swapped(dist: Path) -> None:
    taken_away(dist)
    added(dist)


@pytest.mark.parametrize(
    "change", [changed, changed_with_its_sums, added, hidden, below, taken_away, swapped]
)
def test_an_artifact_that_another_job_changed_is_refused(
    tmp_path: Path, agreed: str, change: Callable[[Path], None]
) -> None:
    dist = tmp_path / "dist"
    assert bash(CHECKS[0]["run"], tmp_path, SUMS=agreed) == 0

    change(dist)

    assert bash(CHECKS[0]["run"], tmp_path, SUMS=agreed) == 1


@pytest.mark.parametrize("handed_on", ["", hashlib.sha256(b"another").hexdigest()])
def test_no_hash_and_another_hash_are_refused(tmp_path: Path, agreed: str, handed_on: str) -> None:
    assert agreed != handed_on
    assert bash(CHECKS[0]["run"], tmp_path, SUMS=handed_on) == 1


def test_an_action_is_pinned_to_one_commit_everywhere() -> None:
    pins = {
        (uses.partition("@")[0], uses.partition("@")[2], version)
        for path in WORKFLOWS
        for uses, version in USES.findall(path.read_text())
    }

    assert len(pins) == len({action for action, *_ in pins})


def test_what_makes_a_release_waits_for_its_check_its_tests_and_a_second_build() -> None:
    def before(name: str) -> set[str]:
        needs = RELEASE[name].get("needs", [])
        direct = {needs} if isinstance(needs, str) else {*needs}
        return direct.union(*map(before, direct))

    for name in (name for name, job in RELEASE.items() if may_write(job)):
        assert before(name) >= {"check", "tests", "build", "reproduce"}
    assert RELEASE["publish"]["environment"] == "pypi"
    assert {
        name for name, job in RELEASE.items() if job["permissions"].get("id-token") == "write"
    } == {
        "attest",
        "publish",
    }


def test_dependabot_looks_at_every_lock_once_a_month_in_groups_after_a_week() -> None:
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    looked_at = {
        (each["package-ecosystem"], folder.strip("/"))
        for each in updates
        for folder in each.get("directories", [each.get("directory")])
    }
    locks = {
        (kind, str(path.parent.relative_to(ROOT)).strip("."))
        for kind, name in (("uv", "uv.lock"), ("npm", "package-lock.json"))
        for path in ROOT.rglob(name)
        if not {".venv", "node_modules", ".mutants"} & {*path.relative_to(ROOT).parts}
    }

    assert looked_at == {*locks, ("github-actions", ""), ("docker", "")}
    for each in updates:
        assert each["schedule"] == {"interval": "monthly"}
        assert each["cooldown"]["default-days"] >= 7
        assert [group["patterns"] for group in each["groups"].values()] == [["*"]]
