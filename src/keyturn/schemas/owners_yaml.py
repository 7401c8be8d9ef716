"""
The rules of an owners file that is YAML, and the entries of an exemptions file.

Apart from the rest, for who reads none need not load PyYAML. Of YAML only texts, lists and objects
are taken; PyYAML makes nothing of them but their nodes, which know their lines.
"""

from collections.abc import Iterator
from typing import Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import ReaderError

from keyturn.domain.file_problem import FileProblem
from keyturn.domain.plain_text import shown
from keyturn.schemas.owners_text import (
    FoundRule,
    FoundValue,
    UnusableError,
    refuse,
    wrong,
)

VERSION: Final = "1"
Found = Iterator[FoundRule | FileProblem]
_DEEPEST: Final = 20
"""Levels: rules have five. What is deeper in a rule costs the rule, and beyond this the file."""
_QUOTE: Final = "; quote a text that begins with * or &"


def rules_in_yaml(text: str, *, listed: str = "rules", one: str = "rule") -> Found:
    """
    Read YAML. Raises UnusableError where it is none, or of another version.

    Args:
        text: the file.
        listed: the field that has the list.
        one: what one of the list is called.

    """
    shape = f"it must be an object with version: 1 and {listed}"
    top = _top_of(text, shape)
    fields = _fields(top)
    named = {_text(name): value for name, value in fields}
    for name, value in fields:
        if _text(name) not in {"version", listed}:
            yield wrong(_line(name), _text(name), _text(value), "the file has no such field")
    if not named.keys() >= {"version", listed}:
        refuse(_line(top), shape)
    version, rules = named["version"], named[listed]
    if _text(version) != VERSION:
        raise UnusableError(wrong(_line(version), "version", _text(version), "must be 1"))
    if not isinstance(rules, SequenceNode):
        refuse(_line(rules), f"{listed} must be a list: each {one} begins with a dash")
    for rule in rules.value:
        yield _rule(rule, one)


def _top_of(text: str, shape: str) -> MappingNode:
    loader: _Loader | None = None
    try:
        loader = _Loader(text)
        top = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        hint = _QUOTE if "scanning an a" in (error.context or "") else ""
        refuse(_after(mark.line) if mark else 0, f"it is no YAML: {error.problem}{hint}")
    except ReaderError as error:
        line = _after(text.count("\n", 0, error.position))
        refuse(line, f"it is no YAML: it holds the character U+{ord(text[error.position]):04X}")
    except (ValueError, OverflowError):
        refuse(0, "it is no YAML: an escape stands for no character")
    finally:
        if loader is not None:
            loader.dispose()
    if not isinstance(top, MappingNode):
        refuse(0 if top is None else _line(top), shape)
    return top


def _rule(node: Node, one: str) -> FoundRule | FileProblem:
    line = _line(node)
    if not isinstance(node, MappingNode):
        return wrong(line, one, _text(node), "must be an object, such as user: deploy-*")
    try:
        return FoundRule(line, {_text(name): _value(name, each) for name, each in _fields(node)})
    except UnusableError as error:
        return error.problem


def _value(name: Node, value: Node) -> FoundValue:
    parts = value.value if isinstance(value, SequenceNode) else [value]
    if any(not isinstance(part, ScalarNode) for part in parts):
        rule = "must be a text, or a list of texts"
        raise UnusableError(wrong(_line(name), _text(name), "…", rule))
    texts = tuple(part.value for part in parts)
    span = (value.start_mark.index, value.end_mark.index)
    return FoundValue(_line(name), texts, isinstance(value, SequenceNode), span)


def _fields(node: MappingNode) -> list[tuple[Node, Node]]:
    """The fields of an object. Raises UnusableError where one has no name, or one of another."""
    fields: list[tuple[Node, Node]] = node.value
    seen: set[str] = set()
    for name, _ in fields:
        if not isinstance(name, ScalarNode):
            refuse(_line(name), "the name of a field must be a text")
        if name.value in seen:
            refuse(_line(name), f"{shown(name.value)} stands there twice")
        seen.add(name.value)
    return fields


def _line(node: Node) -> int:
    return _after(node.start_mark.line)


def _after(line: int) -> int:
    """A line as people count: PyYAML's first is 0."""
    return line + 1


def _text(node: Node) -> str:
    return node.value if isinstance(node, ScalarNode) else "…"


class _Loader(yaml.BaseLoader):
    """Makes nodes of nothing but what is written, and refuses what would make more of it."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        """Take the next node. Raises UnusableError at a reference, at a tag, or too deep."""
        event: yaml.NodeEvent = self.peek_event()  # type: ignore[no-untyped-call]  # so types-pyyaml has it
        line = _after(event.start_mark.line if event.start_mark else 0)
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            refuse(line, "it uses & or *, YAML's references: write the text out, or quote it")
        if getattr(event, "tag", None) is not None:
            refuse(line, "it uses !, YAML's tags: write the text without one, or quote it")
        self._depth += 1
        if self._depth > _DEEPEST:
            refuse(line, f"it nests deeper than {_DEEPEST} levels")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node
