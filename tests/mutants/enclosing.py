"""
Which lines of a file have to run for a break to be noticed.

The broken line itself; where it runs only when the file is imported (a constant, a default, a
field), the lines that use what it makes.
"""

import ast
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tests.mutants.python_breaks import Break

Kind = TypeVar("Kind", bound=ast.stmt)


def lines_to_look_for(broken: Break, text: str) -> Iterator[int]:
    """Sets of lines as bits of a number, the nearest first."""
    tree = ast.parse(text)
    around = [
        node for node in ast.walk(tree) if isinstance(node, ast.stmt) and _holds(node, broken.line)
    ]
    function = _last(around, ast.FunctionDef)
    statement = _last(around, ast.stmt)
    within = function is not None and broken.line >= function.body[0].lineno
    if within:
        yield 1 << broken.line
        if statement is not None and not isinstance(statement, ast.FunctionDef):
            yield _bits([statement])
    if function is not None:
        yield _bits(function.body)
    names = _names(statement)
    yield _bits(
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Name | ast.Attribute)
        and (node.id if isinstance(node, ast.Name) else node.attr) in names
    )
    if (owner := _last(around, ast.ClassDef)) is not None:
        yield _bits(owner.body)
    yield _bits(tree.body)


def _holds(node: ast.stmt, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or node.lineno)


def _last(nodes: Iterable[ast.stmt], kind: type[Kind]) -> Kind | None:
    found = [node for node in nodes if isinstance(node, kind)]
    return found[-1] if found else None


def _names(statement: ast.stmt | None) -> set[str]:
    """What a statement makes."""
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _bits(nodes: Iterable[ast.AST]) -> int:
    bits = 0
    for node in nodes:
        if isinstance(node, ast.stmt | ast.expr):
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                bits |= 1 << line
    return bits
