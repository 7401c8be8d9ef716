"""
Pages made of the code alone, so that they say what it does: commands, settings, reasons, what is
logged and measured, what leaves as JSON. What somebody wrote about these stands in docs/.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from logging import getLevelName
from pathlib import Path
from typing import Any, Final

import typer
from typer.core import TyperGroup

from keyturn.cli.app import app
from keyturn.configuration import BY_NAME
from keyturn.domain.decision import Reason
from keyturn.domain.events import EventType
from keyturn.domain.parameter import Parameter
from keyturn.functions.log_lines import LINES
from keyturn.functions.metrics import METRICS

ROOT: Final = Path(__file__).parents[2]
ARROW: Final = re.compile(r"^ +(\w+) --> (\w+): ([\w-]+)<br>(.+)$", re.MULTILINE)
"""An arrow of the states' diagram: from, to, by which action, for which reasons."""


def pages() -> Mapping[str, str]:
    """Each page: its path below reference/, its Markdown."""
    commands = {f"cli/{name}.md": text for name, text in _commands()}
    others = {
        "settings.md": _settings(),
        "reasons.md": _reasons(),
        "events.md": _events(),
        "schemas.md": _schemas(),
    }
    return {"index.md": _index(), "cli/index.md": _cli(commands), **commands, **others}


def _index() -> str:
    return (
        "# Made of the code\n\n"
        "These pages are written by a script, from the code of this release.\n\n"
        + _table(
            ("page", "what is in it"),
            (
                ("[Commands](cli/index.md)", "every command and option"),
                ("[Settings](settings.md)", "every setting, its default and what it takes"),
                ("[Reasons](reasons.md)", "every reason, and what is done for it"),
                ("[Events, log, metrics](events.md)", "what is published, logged and counted"),
                ("[JSON](schemas.md)", "every file and answer, with its schema"),
            ),
        )
        + _below("cli/index", "settings", "reasons", "events", "schemas")
    )


# --- commands -----------------------------------------------------------------------------------


def _cli(commands: Iterable[str]) -> str:
    root = _root()
    rows = [
        (f"[`keyturn {name}`]({name}.md)", _prose(_first(command.help)))
        for name, command in _shown(root)
    ]
    return (
        "# Commands\n\n"
        "What `--help` prints. [The command line](../../cli.md) explains it, with examples.\n\n"
        + _table(("command", "what it does"), rows)
        + _below(*(Path(each).stem for each in commands))
    )


def _commands() -> Iterator[tuple[str, str]]:
    """Each command's name, and its page with all commands below it."""
    root = _root()
    for name, command in _shown(root):
        yield name, "\n".join(_explained(_context(command, name, root), level=1))


def _explained(context: typer.Context, level: int) -> Iterator[str]:
    command = context.command
    path = context.command_path
    yield f"{'#' * level} {path}\n"
    yield _prose(command.help or "") + "\n"
    yield f"```console\n$ {path} {' '.join(command.collect_usage_pieces(context))}\n```\n"
    panels: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for each in command.get_params(context):
        if (record := each.get_help_record(context)) is not None:
            panel = getattr(each, "rich_help_panel", None) or "Options"
            panels[panel].append((f"`{record[0]}`".replace("|", "\\|"), _prose(record[1])))
    for panel in sorted(panels, key=lambda each: each == "Options"):
        yield f"**{panel}**\n"
        yield _table(("option", "meaning"), panels[panel])
    for name, below in _shown(context):
        yield from _explained(_context(below, name, context), level + 1)


def _root() -> typer.Context:
    return _context(typer.main.get_command(app), "keyturn", None)


def _context(command: Any, name: str, parent: typer.Context | None) -> typer.Context:  # noqa: ANN401 -- a command or a group
    made: typer.Context = command.make_context(name, [], parent=parent, resilient_parsing=True)
    return made


def _shown(context: typer.Context) -> Iterator[tuple[str, Any]]:
    """The commands below one, in the order of --help."""
    group: Any = context.command
    if isinstance(group, TyperGroup):
        found: Mapping[str, Any] = group.commands
        yield from ((name, each) for name, each in found.items() if not each.hidden)


# --- settings -----------------------------------------------------------------------------------


def _settings() -> str:
    rows = [
        (
            f"`{each.name}`",
            f"`{each.spelled_default}`" if each.spelled_default else "",
            _prose(_takes(each)),
            f"`{each.option}`" if each.option else "",
        )
        for each in BY_NAME.values()
    ]
    return (
        "# Every setting\n\n"
        "The parameter of the templates, the variable of the functions, and the option of the "
        "command line. [Settings](../settings.md) says what each means.\n\n"
        + _table(("parameter", "default", "takes", "option"), rows)
    )


def _takes(each: Parameter) -> str:
    """What a value must be, in the words in which it is refused."""
    if each.shape is not None:
        one = each.shape.rule.removeprefix("must be ")
    elif each.least is not None or each.most is not None:
        least = 0 if each.least is None else each.least
        one = f"{least} to {each.most}" if each.most is not None else f"{least} or more"
        one += f" {each.unit}" if each.unit else ""
    elif isinstance(each.default, bool):
        one = "true or false"
    elif isinstance(each.default, tuple):
        one = "one or several, with commas"
    else:
        one = ""
    return f"{one}; several, with commas" if each.repeatable and one else one


# --- reasons ------------------------------------------------------------------------------------


def _reasons() -> str:
    drawn = ARROW.findall((ROOT / "ARCHITECTURE.md").read_text("utf-8"))
    done: dict[str, list[str]] = defaultdict(list)
    for before, after, action, reasons in drawn:
        what = f"{action} ({before})" if before == after else f"{action} ({before} → {after})"
        for reason in reasons.split("<br>"):
            done[reason].append(what)
    rows = [(f"`{each}`", ", ".join(done[each]) or "in commands and reports") for each in Reason]
    return (
        "# Every reason\n\n"
        "For each reason the actions that it leads to, with the state of the key before (and "
        "after). [The lifecycle](../lifecycle.md) says when, [the runbook](../runbook.md) what to "
        "do.\n\n" + _table(("reason", "what is done"), rows)
    )


# --- what is published, logged, counted ---------------------------------------------------------


def _events() -> str:
    events = [(f"`{each}`",) for each in EventType]
    metrics = [
        (f"`{each.name}`", each.service, str(each.unit), _prose(each.meaning))
        for each in METRICS.values()
    ]
    lines = [
        (
            f"`{event}`",
            getLevelName(line.level),
            ", ".join(f"`{fact}`" for fact in line.facts),
            ", ".join(f"`{fact}`" for fact in line.sometimes),
        )
        for event, line in LINES.items()
    ]
    return (
        "# Events, log lines, metrics\n\n"
        "[Events](../events.md) explains them, with examples.\n\n"
        "## Events\n\n" + _table(("on the bus, as `detail-type`",), events) + "\n"
        "## Metrics\n\n" + _table(("name", "function", "unit", "meaning"), metrics) + "\n"
        "## Log lines\n\n" + _table(("event", "level", "facts", "sometimes"), lines)
    )


# --- JSON ---------------------------------------------------------------------------------------


def _schemas() -> str:
    about = (
        "Each file and answer, with its [JSON Schema](https://json-schema.org/). The fields of "
        "the outermost object are listed; the schema has the rest."
    )
    parts = ["# JSON, in and out", "", about, ""]
    for path in sorted((ROOT / "docs" / "schemas").glob("*.json")):
        parts += _schema(path)
    return "\n".join(parts)


def _schema(path: Path) -> Iterator[str]:
    schema = json.loads(path.read_text("utf-8"))
    body = _followed(schema, schema)
    yield f"## {path.stem}\n"
    said = (schema.get("title", ""), body.get("description", ""))
    yield ". ".join(_prose(each).strip().rstrip(".") for each in said if each.strip()) + ".\n"
    yield f"[{path.name}](../schemas/{path.name})\n"
    needed = set(body.get("required", ()))
    rows = [
        (
            f"`{name}`",
            _prose(_kind(rule, schema)) + ("" if name in needed else " (may be missing)"),
        )
        for name, rule in body.get("properties", {}).items()
    ]
    if rows:
        yield _table(("field", "what it is"), rows)


def _followed(rule: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference leads to."""
    if "$ref" not in rule:
        return rule
    found: Mapping[str, Any] = schema["$defs"][rule["$ref"].rpartition("/")[2]]
    return _followed(found, schema)


def _kind(rule: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """What a field holds, in a few words."""
    if "$ref" in rule:
        return str(rule["$ref"].rpartition("/")[2])
    if "const" in rule:
        return f"`{json.dumps(rule['const'])}`"
    if "enum" in rule:
        return ", ".join(f"`{each}`" for each in rule["enum"])
    if "anyOf" in rule:
        return " or ".join(dict.fromkeys(_kind(each, schema) for each in rule["anyOf"]))
    if rule.get("type") == "array" and "items" in rule:
        return f"list of {_kind(rule['items'], schema)}"
    return str(rule.get("format") or rule.get("type") or "anything")


# --- Markdown -----------------------------------------------------------------------------------


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _below(*names: str) -> str:
    return "\n".join(["", "```{toctree}", ":hidden:", "", *names, "```", ""])


def _first(text: str | None) -> str:
    return (text or "").strip().split("\n\n")[0]


def _prose(text: str) -> str:
    """Plain text with code in backticks, as Markdown that shows each of its signs."""
    text = "\n\n".join(" ".join(each.split()) for each in text.strip().split("\n\n"))
    parts = text.split("`")
    return "`".join(
        part if number % 2 else re.sub(r"([*_<>\[\]{}|])", r"\\\1", part)
        for number, part in enumerate(parts)
    )
