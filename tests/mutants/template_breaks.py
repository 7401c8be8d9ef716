"""Small breaks of a CloudFormation template, each at a place that the parser names."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from tests.mutants.python_breaks import Break

OTHER_WORD = {
    "Sum": "Maximum",
    "Maximum": "Minimum",
    "Minimum": "Maximum",
    "Average": "Sum",
    "GreaterThanThreshold": "GreaterThanOrEqualToThreshold",
    "GreaterThanOrEqualToThreshold": "GreaterThanThreshold",
    "LessThanThreshold": "LessThanOrEqualToThreshold",
    "LessThanOrEqualToThreshold": "LessThanThreshold",
    "notBreaching": "breaching",
    "breaching": "notBreaching",
    "ignore": "breaching",
}
ALARM = ("Statistic", "ComparisonOperator", "TreatMissingData")
KEPT = {"DeletionPolicy", "UpdateReplacePolicy"}
ENCRYPTED = {"KmsMasterKeyId", "KmsKeyId", "KmsKeyArn", "SqsManagedSseEnabled"}
FREE = "^.*$"
FAST: Any = vars(yaml).get("CSafeLoader", yaml.SafeLoader)
"""Ten times as fast, where there is one."""

Path = tuple[str, ...]
"""The keys that lead to a node, from the top; an item of a list is `*`."""
Found = Iterator[tuple[int, int, str]]
"""From where to where, and what is to stand there."""


class Places:
    """A template's text, and every pair of key and value in it with the way to it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.pairs: list[tuple[Path, yaml.Node, yaml.Node]] = []
        self.lists: list[tuple[Path, yaml.SequenceNode]] = []
        tree = yaml.compose(text, FAST)
        if tree is not None:
            self._walk((), tree)

    def _walk(self, path: Path, node: yaml.Node) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                self.pairs.append(((*path, key.value), key, value))
                self._walk((*path, key.value), value)
        elif isinstance(node, yaml.SequenceNode):
            self.lists.append((path, node))
            for item in node.value:
                self._walk((*path, "*"), item)

    def written(self, node: yaml.Node) -> tuple[int, int]:
        """From where to where it stands; a block ends with its last line, not before the next."""
        start, end = node.start_mark.index, node.end_mark.index
        return start, start + len(self.text[start:end].rstrip())

    def without(self, key: yaml.Node, value: yaml.Node) -> tuple[int, int, str] | None:
        """Take a pair of a block away, with its lines; within brackets nothing is taken away."""
        start = self.text.rfind("\n", 0, key.start_mark.index) + 1
        before = self.text[start : key.start_mark.index]
        if before.strip():
            return None
        _, end = self.written(value)
        after = self.text.find("\n", end)
        return start, len(self.text) if after < 0 else after + 1, ""


def template_breaks_in(path: str, text: str) -> Iterator[Break]:
    """Find every break that a template offers; a few change nothing, or leave no YAML."""
    places = Places(text)
    for operator, find in OPERATORS.items():
        for start, end, new in find(places):
            yield Break(path, operator, start, end, new, text.count("\n", 0, start) + 1)


def is_another_template(broken: str, text: str) -> bool:
    """Whether a break leaves YAML, and not the same as before."""
    try:
        return broken != text and yaml.compose(broken, FAST) is not None
    except yaml.YAMLError:
        return False


def number_changed(places: Places) -> Found:
    """One more: of a threshold, a period, a port, a limit."""
    for path, _, value in places.pairs:
        if path[0] == "Resources" and re.fullmatch(r"\d+", str(value.value)):
            start, end = places.written(value)
            yield start, end, str(int(value.value) + 1)


def word_of_alarm_changed(places: Places) -> Found:
    """Another statistic, another comparison, another meaning of silence."""
    for path, _, value in places.pairs:
        if path[-1] in ALARM and value.value in OTHER_WORD:
            yield *places.written(value), OTHER_WORD[value.value]


def dimension_changed(places: Places) -> Found:
    """A number of something else is looked at, or of everything."""
    for path, key, value in places.pairs:
        if "Dimensions" in path and path[-1] == "Value":
            yield *places.written(value), "Other"
        if path[-1] == "Dimensions" and (gone := places.without(key, value)):
            yield gone


def condition_of_resource_deleted(places: Places) -> Found:
    """It is made whatever the operator chose."""
    for path, key, value in places.pairs:
        if (
            path[0] == "Resources"
            and len(path) == 3
            and path[-1] == "Condition"
            and (gone := places.without(key, value))
        ):
            yield gone


def condition_of_statement_deleted(places: Places) -> Found:
    """It holds for everybody and always."""
    for path, key, value in places.pairs:
        if (
            "Statement" in path
            and path[-1] == "Condition"
            and (gone := places.without(key, value))
        ):
            yield gone


def resource_dropped(places: Places) -> Found:
    """One resource of several is missing; or one action."""
    for path, items in places.lists:
        if path and path[-1] in {"Resource", "Action"} and len(items.value) > 1:
            for item in items.value:
                start = places.text.rfind("\n", 0, item.start_mark.index) + 1
                _, end = places.written(item)
                if re.fullmatch(r"\s*- ", places.text[start : item.start_mark.index]):
                    yield start, places.text.find("\n", end) + 1, ""


def resource_widened(places: Places) -> Found:
    """Everything, for one thing."""
    for path, _, value in places.pairs:
        is_one = isinstance(value, yaml.ScalarNode)
        if is_one and "Statement" in path and path[-1] == "Resource" and value.value != "*":
            yield *places.written(value), "'*'"


def action_widened(places: Places) -> Found:
    """All that a service can, for one call."""
    for path, _, value in places.pairs:
        if path[-1] == "Action" and isinstance(value, yaml.ScalarNode):
            yield *places.written(value), f"'{value.value.partition(':')[0]}:*'"
    for path, items in places.lists:
        if path and path[-1] == "Action":
            for item in filter(lambda each: isinstance(each, yaml.ScalarNode), items.value):
                yield *places.written(item), f"'{item.value.partition(':')[0]}:*'"


def pattern_freed(places: Places) -> Found:
    """Any text will do."""
    for path, _, value in places.pairs:
        if path[-1] == "AllowedPattern":
            yield *places.written(value), f"'{FREE}'"


def default_changed(places: Places) -> Found:
    """Another value where an operator gives none."""
    for path, _, value in places.pairs:
        if path[0] == "Parameters" and path[-1] == "Default":
            old = str(value.value)
            new = {"True": "False", "False": "True", "true": "false", "false": "true"}.get(
                old, str(int(old) + 1) if old.isdigit() else f"{old}x"
            )
            yield *places.written(value), f"'{new}'"


def policy_of_deletion_dropped(places: Places) -> Found:
    """It goes with its stack."""
    for path, key, value in places.pairs:
        if path[-1] in KEPT and (gone := places.without(key, value)):
            yield gone


def encryption_dropped(places: Places) -> Found:
    """It lies there under AWS's own key, or under none."""
    for path, key, value in places.pairs:
        if (
            path[0] == "Resources"
            and path[-1] in ENCRYPTED
            and (gone := places.without(key, value))
        ):
            yield gone


def resource_removed(places: Places) -> Found:
    """A whole resource is not there: a permission, a policy, an alarm, a way of delivery."""
    for path, key, value in places.pairs:
        if path[0] == "Resources" and len(path) == 2 and (gone := places.without(key, value)):
            yield gone


OPERATORS: dict[str, Callable[[Places], Found]] = {
    f"template: {find.__name__.replace('_', ' ')}": find
    for find in (
        number_changed,
        word_of_alarm_changed,
        dimension_changed,
        condition_of_resource_deleted,
        condition_of_statement_deleted,
        resource_dropped,
        resource_widened,
        action_widened,
        pattern_freed,
        default_changed,
        policy_of_deletion_dropped,
        encryption_dropped,
        resource_removed,
    )
}
