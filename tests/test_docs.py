"""The manual is a subject of tests: what can be set, happen or be typed stands in it, truly."""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from keyturn.adapters.clients import WRITES
from keyturn.cli.app import app
from keyturn.cli.given import PARAMETER_OF_OPTION
from keyturn.configuration import BY_NAME
from keyturn.domain.decision import Action, Overlay, Reason, State, UserDecisions
from keyturn.domain.events import EventType, Run
from keyturn.domain.key import Account, KeyFacts, Status, UserFacts
from keyturn.domain.lifecycle.decide import decide
from keyturn.domain.parameter import Parameter, Unit
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.record import KeyRecord
from keyturn.domain.result import AccountPlan, AccountResult
from keyturn.domain.secret_names import INTENT_TAG, KEY_TAG, USER_ID_TAG, USER_TAG
from keyturn.functions.metrics import METRICS, Metric
from keyturn.schemas.answer import write_answer
from keyturn.schemas.rotation_event import RotationEvent
from keyturn.settings import PARAMETERS, Settings
from tools.package import HANDLERS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
DECISIONS = sorted((DOCS / "decisions").glob("[0-9]*.md"))
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
MAKEFILE = (ROOT / "Makefile").read_text()

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?<=\n\n)(?: {4}.*\n)+")
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def page(name: str) -> str:
    return (DOCS / name).read_text()


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def rows(text: str) -> dict[str, str]:
    """The rows of a page's tables, by what stands in the code of their first cell."""
    return dict(re.findall(r"^\| `([^`]+)`[^|]*\|(.*)$", text, re.MULTILINE))


def unfenced(text: str) -> str:
    """A page without its fenced blocks."""
    return FENCED.sub("", text)


def prose(text: str) -> str:
    """A page without its code."""
    return INLINE.sub("", unfenced(text))


# --- what can be set, happen or be said ---------------------------------------------------------


@pytest.mark.parametrize("parameter", PARAMETERS.values())
def test_every_parameter_has_a_row(parameter: str) -> None:
    assert parameter in rows(page("settings.md"))


def test_nothing_can_be_set_that_does_not_exist() -> None:
    assert set(rows(page("settings.md"))) == set(PARAMETERS.values())


@pytest.mark.parametrize(("field", "parameter"), PARAMETERS.items())
def test_a_parameters_row_tells_its_default(field: str, parameter: str) -> None:
    settings, policy = Settings(), RotationPolicy()
    default = getattr(policy if hasattr(policy, field) else settings, field)
    match default:
        case bool():
            told = str(default).lower()
        case tuple():
            told = ",".join(map(str, default))
        case _:
            told = str(default or "")

    assert rows(page("settings.md"))[parameter].strip().startswith(told)


@pytest.mark.parametrize("parameter", BY_NAME.values(), ids=lambda each: each.name)
def test_a_parameters_row_tells_its_description(parameter: Parameter) -> None:
    default, rule, _, option, *_ = [
        cell.strip() for cell in rows(page("settings.md"))[parameter.name].split("|")
    ]

    assert default.startswith(parameter.spelled_default)
    if parameter.option is not None:
        assert option.startswith(f"`{parameter.option}`")
    if parameter.most is not None and parameter.unit is not Unit.DAYS:
        assert rule == f"{parameter.least} to {parameter.most}"
    elif parameter.name == "InactivePeriod":  # the other period is its limit
        assert rule == "> `RotationPeriod`"
    elif parameter.least is not None:
        assert rule.startswith(f"≥ {parameter.least}")


@pytest.mark.parametrize(("option", "parameter"), PARAMETER_OF_OPTION.items())
def test_a_parameters_row_tells_its_option(option: str, parameter: str) -> None:
    assert f"`--{option.replace('_', '-')}`" in rows(page("settings.md"))[parameter]


@pytest.mark.parametrize("event", EventType)
def test_every_event_has_a_row(event: EventType) -> None:
    assert event in rows(page("events.md"))


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_every_metric_has_a_row_with_its_function_unit_and_meaning(metric: Metric) -> None:
    cells = [cell.strip() for cell in rows(page("events.md"))[metric.name].split("|")]

    assert cells[:3] == [metric.service, metric.unit, metric.meaning]


@pytest.mark.parametrize("field", RotationEvent().fields.values(), ids=lambda rule: rule.name)
def test_every_field_of_an_invocation_has_a_row(field: Any) -> None:  # noqa: ANN401 -- marshmallow's fields have no common type
    assert (field.data_key or field.name) in rows(page("events.md"))


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_row_with_an_action(reason: Reason) -> None:
    action = rows(page("lifecycle.md"))[reason].split("|")[0]

    assert any(known in action for known in Action)


@pytest.mark.parametrize("word", [*State, *Overlay, *Action])
def test_every_word_of_the_lifecycle_has_a_row(word: str) -> None:
    assert re.search(rf"^\| {word}\b", page("lifecycle.md"), re.MULTILINE)


@pytest.mark.parametrize("name", [*KeyRecord.__slots__, USER_TAG, USER_ID_TAG, INTENT_TAG])
def test_everything_on_record_has_a_row(name: str) -> None:
    assert name in rows(page("record.md"))


def test_the_tag_of_a_key_has_a_row() -> None:
    assert any(tag.startswith(KEY_TAG) for tag in rows(page("record.md")))


@pytest.mark.parametrize(
    "action", [f"{service}:{name}" for service in WRITES for name in WRITES[service]]
)
def test_every_write_stands_among_the_permissions(action: str) -> None:
    service, name = action.split(":")

    assert re.search(
        rf"^\| `{service}:[^|]*`(?:{service}:)?{name}`|`{action}`",
        page("permissions.md"),
        re.MULTILINE,
    )


# --- examples -----------------------------------------------------------------------------------


def json_in(path: Path) -> Iterator[Any]:
    for language, text in FENCED.findall(path.read_text()):
        if language == "json":
            yield json.loads(text)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_what_is_shown_as_json_is_json(path: Path) -> None:
    list(json_in(path))


def test_the_answer_of_the_manual_is_the_answer_of_the_code() -> None:
    [shown] = (each for each in json_in(DOCS / "events.md") if "decisions" in each)
    now = datetime(2026, 3, 2, 5, tzinfo=UTC)
    key = KeyFacts(
        key_id="AKIAIOSFODNN7EXAMPLE",
        status=Status.ACTIVE,
        created=now - timedelta(days=137),
    )
    user = UserFacts(
        account="222222222222", name="deploy-bot", user_id="AIDAEXAMPLE", keys=(key,), secret=None
    )
    decided = decide(user, RotationPolicy(), now)
    assert isinstance(decided, UserDecisions)
    run = Run(id=shown["run"], account=Account(id="222222222222"), at=now, dry_run=True)

    assert write_answer(AccountResult(plan=AccountPlan(run=run, users=(decided,)))) == shown


# --- commands -----------------------------------------------------------------------------------

PLACEHOLDER = "keyturn COMMAND --help"


def blocks_in(text: str) -> Iterator[str]:
    """Whatever is shown as a block of code, a line each."""
    for block in (
        *(block for _, block in FENCED.findall(text)),
        *INDENTED.findall(unfenced(text)),
    ):
        yield from block.replace("\\\n", " ").splitlines()


def code_in(text: str) -> Iterator[str]:
    """Whatever is shown as code, within a sentence too."""
    yield from blocks_in(text)
    yield from INLINE.findall(unfenced(text))


def commands_in(lines: Iterable[str]) -> list[str]:
    """The command lines of ours among lines of code."""
    bare = (line.strip().removeprefix("$ ").removeprefix(".venv/bin/") for line in lines)
    return [line for line in bare if re.match(r"keyturn( |$)", line) and line != PLACEHOLDER]


def each_command(found_by: Callable[[str], Iterator[str]]) -> list[str]:
    """Every command line of the manual, once."""
    lines = (line for path in PAGES for line in found_by(path.read_text()))
    return list(dict.fromkeys(commands_in(lines)))


def parse(line: str) -> None:
    """Read a command line as the program would, and do nothing."""
    _, *arguments = shlex.split(line, comments=True)
    if len(arguments) <= 1:  # a command's mere name, or what explains itself
        asked = CliRunner().invoke(app, [*arguments, "--help"])
        assert asked.exit_code == 0, asked.output
        return
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    context = group.make_context("keyturn", list(arguments))
    while arguments[0].startswith("-"):  # what every command has, before its name
        del arguments[0]
    name, command, rest = group.resolve_command(context, arguments)
    assert command is not None
    command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("line", each_command(code_in))
def test_every_command_line_of_the_manual_parses(line: str) -> None:
    parse(line)


@pytest.mark.parametrize("line", each_command(blocks_in))
def test_every_command_line_to_be_copied_is_refused_for_want_of_credentials_only(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, command, *options = shlex.split(line, comments=True)
    asks_nothing = {"config", "demo", "help", "notices", "--install-completion"}
    if command in asks_nothing or {"--file", "--folder", "--permissions"} & {
        *options
    }:  # nothing of AWS
        return
    config = tmp_path / "config"
    profiles = [value for name, value in pairwise(options) if name.endswith("profile")]
    config.write_text("".join(f"[profile {name}]\n" for name in profiles))
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.json").write_text('{"version": 1, "accounts": []}')
    (tmp_path / "owners.yaml").write_text("version: 1\nrules: []\n")
    (tmp_path / "ip-ranges.json").write_text('{"items": [], "actions": ["9.9.9.0/24"]}')
    (tmp_path / "meta.json").write_text('{"actions": ["9.9.9.0/24"]}')
    for name in ("CloudFormation", "template"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "Lambda").mkdir()
    for name in HANDLERS:
        (tmp_path / "Lambda" / f"{name}.zip").touch()

    ours = tmp_path / "src" / "keyturn" / "deployment"  # a checkout that it runs from
    monkeypatch.setattr("keyturn.cli.brought_along.files", lambda _: ours)

    agreed = ["--yes"] if command in {"deploy", "rehearse"} else []
    result = CliRunner().invoke(app, [command, *options, *agreed])

    lacks = ["no AWS credentials were found"]
    if command == "pickup":  # first of all it looks for the key that it is to replace
        lacks += ["has no aws_access_key_id", "is in neither"]
    assert any(each in result.stderr for each in lacks), result.stderr


@pytest.mark.parametrize(
    "wrong",
    [
        "keyturn plann",
        "keyturn plan --acount 222222222222",
        "keyturn explain --region eu-west-1",
        "keyturn plan --format xml",
    ],
)
def test_a_command_line_that_does_not_parse_would_be_noticed(wrong: str) -> None:
    [found] = commands_in(code_in(f"Type this:\n\n    {wrong}\n"))

    with pytest.raises((typer.TyperException, AssertionError)):
        parse(found)


def test_command_lines_are_found_wherever_they_are_shown() -> None:
    text = (
        "`keyturn a`\n\n    keyturn b  # so\n\n"
        "```console\n$ keyturn c \\\n  --d\n```\n`keyturn:tag`\n"
    )

    assert commands_in(code_in(text)) == ["keyturn c    --d", "keyturn b  # so", "keyturn a"]


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_what_make_is_told_to_do_it_can_do(path: Path) -> None:
    targets = set(re.findall(r"^(\w+):", MAKEFILE, re.MULTILINE))
    told = {
        found[1]
        for line in code_in(path.read_text())
        if (found := re.match(r"make (\w+)", line.strip()))
    }

    assert told <= targets


def test_make_alone_lists_every_target_that_tells_what_it_does() -> None:
    listed = subprocess.run(
        # A make of its own: one below `make test` would speak of the folder, too.
        ["/usr/bin/env", "-u", "MAKELEVEL", "-u", "MAKEFLAGS", "make"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    targets = re.findall(r"^(\w+):.*## ", MAKEFILE, re.MULTILINE)
    assert [line.split()[0] for line in listed.splitlines()] == targets


def test_the_way_to_deploy_names_region_and_partition_once() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text()
    names, *commands = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)

    assert "AWS_REGION=us-east-1" in names
    assert "PARTITION=aws\n" in names
    assert [each for each in commands if "us-east-1" in each or "arn:aws:" in each] == []


def test_the_readme_tells_the_two_commands() -> None:
    assert {"make demo", "make test"} <= set(INLINE.findall((ROOT / "README.md").read_text())) | {
        line.split("#")[0].strip() for line in code_in((ROOT / "README.md").read_text())
    }


@pytest.mark.parametrize(
    ("page", "promise", "exception"),
    [
        ("README.md", "Disable a key whose owner was not notified", "keyturn revoke"),
        ("README.md", "Disable the last working key", "revokes it"),
        ("README.md", "Touch a key of an exempt user", "--even-exempt"),
        ("SECURITY.md", "A key is disabled or deleted only after", "keyturn revoke"),
        ("SECURITY.md", "An exempt user's keys are never", "--even-exempt"),
    ],
)
def test_what_never_happens_names_the_order_by_which_it_does(
    page: str, promise: str, exception: str
) -> None:
    items = re.split(r"\n+- |\n\n", (ROOT / page).read_text())

    [item] = [each for each in items if each.startswith(promise)]
    assert exception in item


# --- words --------------------------------------------------------------------------------------

NOT_OUR_WORDS = re.compile(r"\b(told|lies|looks? after|looked after)\b")
"""The glossary's are notified, stored, owner."""
MANUAL = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted(DOCS.glob("*.md"))]


@pytest.mark.parametrize("path", MANUAL, ids=name_of)
def test_the_manual_keeps_to_its_words(path: Path) -> None:
    sentences = [line for line in prose(path.read_text()).splitlines() if line[:1] != "|"]

    assert [line for line in sentences if NOT_OUR_WORDS.search(line)] == []


# --- the rooms ----------------------------------------------------------------------------------

ROOM = re.compile(r"^### `(src/[\w/]+/)`\n(.*?)(?=^### |\Z)", re.MULTILINE | re.DOTALL)
EVERY_FILE = {
    str(path.relative_to(ROOT))
    for path in (ROOT / "src").rglob("*.py")
    if path.name != "__init__.py"
}


def files_in(architecture: str) -> list[str]:
    """The files that the tables of rooms name, as paths from the repository's root."""
    return [
        folder + name
        for folder, table in ROOM.findall(architecture)
        for cell in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
        for name in re.findall(r"`([\w/]+\.py)`", cell)
    ]


def test_the_architecture_names_every_file_once_and_none_that_is_not_there() -> None:
    named = files_in((ROOT / "ARCHITECTURE.md").read_text())

    assert sorted(named) == sorted(EVERY_FILE)


@pytest.mark.parametrize("path", [*ROOT.glob("*.md"), *DOCS.glob("*.md")], ids=name_of)
def test_every_python_file_that_a_page_names_is_there(path: Path) -> None:
    there = [f"/{each.relative_to(ROOT)}" for top in ("src", "tests") for each in files_below(top)]
    named = re.findall(r"`([\w/]+\.py)`", unfenced(path.read_text()))

    assert [name for name in named if not any(each.endswith(f"/{name}") for each in there)] == []


def files_below(top: str) -> list[Path]:
    return [path for path in (ROOT / top).rglob("*.py") if ".venv" not in path.parts]


@pytest.mark.parametrize("name", sorted({path.split("/")[2] for path in EVERY_FILE}))
def test_the_architecture_draws_every_room(name: str) -> None:
    drawn, *_ = FENCED.findall((ROOT / "ARCHITECTURE.md").read_text())

    assert re.search(rf"── {re.escape(name)}/? ", drawn[1])


def test_a_file_in_a_table_of_rooms_is_found_with_its_folder() -> None:
    text = (
        "### `src/keyturn/domain/`\n\n| file | what |\n| --- | --- |\n"
        "| `key.py` `lifecycle/view.py` | `days.py` is not meant |\n"
    )

    assert files_in(text) == ["src/keyturn/domain/key.py", "src/keyturn/domain/lifecycle/view.py"]


# --- links --------------------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = HEADING.findall(unfenced(text))
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def broken(text: str, home: Path) -> list[str]:
    """The links of a page in folder `home` that lead nowhere."""
    found = []
    for link in LINK.findall(prose(text)):
        name, _, anchor = link.partition("#")
        if re.match(r"\w+:", link):
            continue
        if name and not (home / name).is_file():
            found.append(link)
            continue
        there = (home / name).read_text() if name else text
        if anchor and anchor not in anchors(there):
            found.append(link)
    return found


TITLE = re.compile(r"{% macro title\(told, items\) %}(.+?){% endmacro %}", re.DOTALL)


def title_of(words: Path) -> str:
    """What an owner's mail calls what it is about, outside a dry run."""
    title = TITLE.findall(words.read_text())[0]
    return re.sub(r'{{.* else "(.+)" }}', r"\1", title)


def titles_of_mails() -> list[str]:
    """Of each kind of notice, by the file with its words."""
    folder = ROOT / "src" / "keyturn" / "mail" / "templates" / "words"
    return [title_of(words) for words in sorted(folder.glob("*.txt"))]


@pytest.mark.parametrize("title", titles_of_mails())
def test_owners_find_each_mail_by_its_title(title: str) -> None:
    assert re.search(rf"^\| {re.escape(title)} \|", page("owners.md"), re.MULTILINE)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_link_within_the_repository_leads_somewhere(path: Path) -> None:
    assert broken(path.read_text(), path.parent) == []


@pytest.mark.parametrize("link", ["nowhere.md", "settings.md#nothing-there", "#nothing-here"])
def test_a_link_that_leads_nowhere_would_be_noticed(link: str) -> None:
    assert broken(f"# Here\n\n[there]({link}), [here](#here)\n", DOCS) == [link]


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        at = waiting.pop()
        reached.add(at)
        links = (link.partition("#")[0] for link in LINK.findall(prose(at.read_text())))
        near = {(at.parent / link).resolve() for link in links if link and ":" not in link}
        waiting += [each for each in near if each.suffix == ".md" and each not in reached]

    assert set(DOCS.rglob("*.md")) - {DOCS / "README.md"} <= reached


@pytest.mark.parametrize("index", [ROOT / "README.md", DOCS / "README.md"], ids=name_of)
def test_the_glossary_is_the_first_page_that_an_index_names(index: Path) -> None:
    first, *_ = LINK.findall(prose(index.read_text()))

    assert (index.parent / first).resolve() == DOCS / "glossary.md"


@pytest.mark.parametrize("overlay", Overlay)
def test_the_glossary_names_every_overlay(overlay: Overlay) -> None:
    assert re.search(rf"^\| overlay \|.*\b{overlay}\b", page("glossary.md"), re.MULTILINE)


# --- decisions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_record_has_its_three_parts_and_fits_a_page(path: Path) -> None:
    text = path.read_text()

    assert HEADING.findall(text)[1:] == ["Context", "Decision", "Consequences"]
    assert text.startswith(f"# {path.name[:4]}: ")
    assert len(text.split()) < 600


def test_the_index_of_decisions_is_whole() -> None:
    index = DOCS / "decisions" / "README.md"

    assert LINK.findall(index.read_text()) == [path.name for path in DECISIONS]
