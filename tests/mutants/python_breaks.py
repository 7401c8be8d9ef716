"""Small breaks of Python source, each at a place that the parser names."""

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

ORDER: Mapping[type[ast.cmpop], str] = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">"}
FLIPPED: Mapping[type[ast.cmpop], str] = {
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Lt: ">=",
    ast.LtE: ">",
    ast.Gt: "<=",
    ast.GtE: "<",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
OTHER_END = {"min": "max", "max": "min"}
KEYED = {"get", "pop", "setdefault"}
"""Methods whose first argument is a key, where it is a string."""


@dataclass(frozen=True, slots=True)
class Break:
    """One change of one file's text; line is where it begins, from 1."""

    path: str
    operator: str
    start: int
    end: int
    new: str
    line: int

    def of(self, text: str) -> str:
        """Give the text with the break in it."""
        return text[: self.start] + self.new + text[self.end :]


Found = Iterator[tuple[ast.AST, str]]
"""A node, and what is to stand in its place."""


def breaks_in(path: str, text: str) -> Iterator[Break]:
    """Find every break that a file of Python offers; a few change nothing, or leave no Python."""
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))

    def place(line: int, column: int) -> int:
        # The parser counts in bytes, and a text in characters.
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    for node in _nodes(ast.parse(text)):
        for operator, find in OPERATORS.items():
            for part, new in find(node):
                assert isinstance(part, ast.expr | ast.stmt)
                start = place(part.lineno, part.col_offset)
                end = place(part.end_lineno or part.lineno, part.end_col_offset or 0)
                yield Break(path, operator, start, end, new, part.lineno)


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Every node but for those that never run: for the type checker, and annotations."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.ClassDef) and any(
        ast.unparse(base).startswith("Protocol") for base in node.bases
    ):
        return
    yield node
    for name, value in ast.iter_fields(node):
        if name not in {"annotation", "returns"}:
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    child.parent = node  # type: ignore[attr-defined] # a node knows only its children
                    yield from _nodes(child)


def is_another_program(broken: str, text: str) -> bool:
    """Whether a break leaves Python, and not the same as before."""
    try:
        return ast.dump(ast.parse(broken)) != ast.dump(ast.parse(text))
    except SyntaxError:
        return False


def _compared(node: ast.AST, signs: Mapping[type[ast.cmpop], str]) -> Found:
    if isinstance(node, ast.Compare):
        for place, sign in enumerate(node.ops):
            if type(sign) in signs:
                words = [ast.unparse(node.left)]
                for each, (op, right) in enumerate(zip(node.ops, node.comparators, strict=True)):
                    words += [signs[type(op)] if each == place else _sign(op), ast.unparse(right)]
                yield node, f"({' '.join(words)})"


def _sign(op: ast.cmpop) -> str:
    return ast.unparse(ast.Compare(ast.Name("a"), [op], [ast.Name("b")]))[2:-2]


def boundary(node: ast.AST) -> Found:
    """`<` for `<=` and the like."""
    yield from _compared(node, ORDER)


def comparison_flipped(node: ast.AST) -> Found:
    """`!=` for `==`, `>=` for `<`, `is not` for `is` and the like."""
    yield from _compared(node, FLIPPED)


def constant(node: ast.AST) -> Found:
    """One more, one less."""
    if isinstance(node, ast.Constant) and type(node.value) in {int, float}:
        yield node, repr(node.value + 1)  # type: ignore[operator] # a number, as just asked
        yield node, f"({node.value - 1!r})"  # type: ignore[operator] # as above


def order_reversed(node: ast.AST) -> Found:
    """`sorted` the other way, `max` for `min`, the last for the first."""
    match node:
        case ast.Call(func=ast.Name(id="sorted"), keywords=keywords):
            kept = [each for each in keywords if each.arg != "reverse"]
            turned = (
                []
                if len(kept) < len(keywords)
                else [ast.keyword("reverse", ast.Constant(value=True))]
            )
            yield node, ast.unparse(ast.Call(node.func, node.args, kept + turned))
        case ast.Call(func=ast.Name(id="min" | "max" as name)):
            yield node.func, OTHER_END[name]
        case ast.Subscript(slice=ast.Constant(value=0)):
            yield node.slice, "-1"
        case ast.Subscript(slice=ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1))):
            yield node.slice, "0"


def call_deleted(node: ast.AST) -> Found:
    """A statement that only calls something is not there."""
    match node:
        case ast.Expr(value=ast.Call()) | ast.Expr(value=ast.Await(value=ast.Call())):
            yield node, "pass"
        case ast.Expr(value=ast.YieldFrom() | ast.Yield()):
            yield node, "yield from ()"


def default_changed(node: ast.AST) -> Found:
    """Another default of an argument, of a field, of a `get` or a constant of a module."""
    match node:
        case ast.arguments(defaults=defaults, kw_defaults=of_words):
            for each in (*defaults, *of_words):
                if each is not None:
                    yield from _another(each)
        case ast.AnnAssign(value=ast.expr() as value) | ast.Assign(value=value):
            if isinstance(getattr(node, "parent", None), ast.ClassDef | ast.Module):
                yield from _another(value)
        case ast.keyword(arg="default", value=value):
            yield from _another(value)
        case ast.Call(func=ast.Attribute(attr="get"), args=[_, value]):
            yield from _another(value)


def _another(value: ast.expr) -> Found:
    match value:
        case ast.Constant(value=bool() as flag):
            yield value, str(not flag)
        case ast.Constant(value=str() as text):
            yield value, repr(f"{text}x")
        case ast.Constant(value=None):
            yield value, "'x'"
        case ast.Constant(value=int() | float() as number):
            yield value, repr(number + 1)


def string_key_changed(node: ast.AST) -> Found:
    """What is looked up, or put there, goes by another name."""
    match node:
        case ast.Subscript(slice=ast.Constant(value=str())):
            yield from _another(node.slice)
        case ast.Call(func=ast.Attribute(attr=name), args=[ast.Constant(value=str()) as key, *_]):
            if name in KEYED:
                yield from _another(key)
        case ast.Dict(keys=keys):
            for each in keys:
                if isinstance(each, ast.Constant) and isinstance(each.value, str):
                    yield from _another(each)
        case ast.keyword(arg="data_key", value=value):
            yield from _another(value)


def return_emptied(node: ast.AST) -> Found:
    """Nothing is given back."""
    if isinstance(node, ast.Return) and node.value is not None:
        yield node, "return None"


def except_emptied(node: ast.AST) -> Found:
    """What was caught is not dealt with."""
    if isinstance(node, ast.ExceptHandler) and len(node.body) == 1:
        [only] = node.body
        yield only, "pass"


def not_removed(node: ast.AST) -> Found:
    """What was denied is said."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node, f"bool({ast.unparse(node.operand)})"


def if_forced(node: ast.AST) -> Found:
    """A question always has the same answer."""
    match node:
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            tests = [test]
        case ast.comprehension(ifs=ifs):
            tests = ifs
        case _:
            tests = []
    for each in tests:
        if not isinstance(each, ast.Constant):
            if not isinstance(node, ast.While):
                yield each, "(True)"
            yield each, "(False)"


def and_or_swapped(node: ast.AST) -> Found:
    """One for all, all for one."""
    if isinstance(node, ast.BoolOp):
        other = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
        yield node, f"({ast.unparse(ast.BoolOp(other, node.values))})"


OPERATORS: dict[str, Callable[[ast.AST], Found]] = {
    find.__name__.replace("_", " "): find
    for find in (
        boundary,
        comparison_flipped,
        constant,
        order_reversed,
        call_deleted,
        default_changed,
        string_key_changed,
        return_emptied,
        except_emptied,
        not_removed,
        if_forced,
        and_or_swapped,
    )
}
