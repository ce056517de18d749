"""The mutants of a module: each is its source with one thing altered as a hand may slip, compiled. It reads text and runs none of it.
Docstrings, words for people, type hints, imports, assertions (which are for the type checker) and a rule's links to hazards (which `make lint` checks) stay."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any, Final

ENUMS: Final = frozenset({"Enum", "IntEnum", "IntFlag", "Flag", "StrEnum"})
ORDER: Final[dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
"""Each comparison with its boundary moved, and turned round."""
OPERATORS: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
CALLS: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}
TWINS: Final = (("_a", "_b"), ("_b", "_a"), ("_1", "_2"), ("_2", "_1"))
"""Two channels are easily mistaken for each other."""
NAME: Final = re.compile(r"[a-z0-9_:]{1,32}")
"""A string that is a name, not words."""
TABLE: Final = "TRANSITIONS"
CO_OPTIMIZED: Final = 1

Slot = tuple[Any, str, int | None]
"""Where a node hangs: its parent, the field, the place in it."""


@dataclass(frozen=True)
class Mutant:
    """One altered module. `inside` is the function it lies in, `added` a statement that the module ends with instead."""

    file: str
    inside: str
    line: str
    change: str
    lineno: int
    code: CodeType
    added: str = ""
    span: tuple[int, int] = (0, 0)
    """First and last line of the statement that is altered (of its head, where it has a body): a test that runs none of them runs nothing that differs."""

    @property
    def key(self) -> str:
        """What it is known by, whatever else the file says: function, text of the line, change."""
        return f"{self.inside} | {self.line} | {self.change}"


def mutants(root: Path, file: str) -> list[Mutant]:
    """All mutants of one file, in its order; what compiles to the same code is none."""
    source = (root / file).read_text(encoding="utf-8")
    tree = ast.parse(source)
    path = str(root / file)
    lines = source.splitlines()
    original = compile(tree, path, "exec", dont_inherit=True)
    enums = enum_members(root, tree)
    statements = _statements(tree)
    found: list[Mutant] = []
    times: dict[str, int] = {}
    for inside, slot, new in _walk(tree, (), enums):
        old = _get(slot)
        span = _span(statements[old] if isinstance(old, ast.AST) and old in statements else statements[slot[0]])
        lost = next((one for one in old if one not in new), None) if isinstance(old, list) else None
        lineno = getattr(lost if lost is not None else old, "lineno", None) or _lineno(slot)
        new = _placed(new, old if hasattr(old, "lineno") else slot[0])
        change = f"{_words(old)} -> {_words(new)}" if lost is None else f"{_words(lost)} dropped"
        _put(slot, new)
        try:
            code = compile(tree, path, "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            continue
        finally:
            _put(slot, old)
        if same(code, original):
            continue
        mutant = Mutant(file, ".".join(inside), lines[lineno - 1].strip(), change, lineno, code, span=span)
        times[mutant.key] = times.get(mutant.key, 0) + 1
        if times[mutant.key] > 1:
            change = f"{change} ({times[mutant.key]})"
            mutant = Mutant(file, mutant.inside, mutant.line, change, lineno, code, span=span)
        found.append(mutant)
    return found + list(_cells(tree, file, path, enums))


def _statements(tree: ast.Module) -> dict[ast.AST, ast.AST]:
    """By node the innermost statement that it is part of; the module itself where it is part of none."""
    found: dict[ast.AST, ast.AST] = {tree: tree}
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            found[child] = child if isinstance(child, ast.stmt) else found[node]
    return found


def _span(statement: ast.AST) -> tuple[int, int]:
    """The lines of a statement; of one with a single body those of its head."""
    first, last = getattr(statement, "lineno", 0), getattr(statement, "end_lineno", 0)
    body = getattr(statement, "body", None)
    if isinstance(body, list) and not isinstance(statement, ast.Try | ast.Module):
        last = max(first, body[0].lineno - 1)
    return first, last


def same(one: CodeType, other: CodeType) -> bool:
    """Whether two modules run alike; where their lines stand makes no difference."""
    if one.co_code != other.co_code or one.co_names != other.co_names or len(one.co_consts) != len(other.co_consts):
        return False
    if one.co_varnames != other.co_varnames or one.co_freevars != other.co_freevars:
        return False
    for a, b in zip(one.co_consts, other.co_consts, strict=True):
        if isinstance(a, CodeType) and isinstance(b, CodeType):
            if not same(a, b):
                return False
        elif type(a) is not type(b) or repr(a) != repr(b):
            return False
    return True


def altered(original: CodeType, code: CodeType) -> list[tuple[CodeType, CodeType]] | None:
    """The functions in which a mutant differs, (as it was, as it is); None when what the module does at import differs."""
    if original.co_flags & CO_OPTIMIZED:
        return [(original, code)]
    if original.co_code != code.co_code or len(original.co_consts) != len(code.co_consts):
        return None
    found: list[tuple[CodeType, CodeType]] = []
    for a, b in zip(original.co_consts, code.co_consts, strict=True):
        if isinstance(a, CodeType) and isinstance(b, CodeType):
            inner = [] if same(a, b) else altered(a, b)
            if inner is None:
                return None
            found += inner
        elif type(a) is not type(b) or repr(a) != repr(b):
            return None
    return found


def enum_members(root: Path, tree: ast.Module) -> dict[str, list[str]]:
    """By each name under which this module knows an enumeration of ours: its members, read from the source of where it is defined."""
    known = _enums_of(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            path = root / (node.module.replace(".", "/") + ".py")
            if path.is_file():
                there = _enums_of(ast.parse(path.read_text(encoding="utf-8")))
                known |= {n.asname or n.name: there[n.name] for n in node.names if n.name in there}
    for node in tree.body:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Tuple)
            and isinstance(node.value, ast.Tuple)
        ):
            for name, value in zip(node.targets[0].elts, node.value.elts, strict=False):
                if isinstance(name, ast.Name) and isinstance(value, ast.Name) and value.id in known:
                    known[name.id] = known[value.id]
    return known


def _enums_of(tree: ast.Module) -> dict[str, list[str]]:
    return {
        node.name: [
            s.targets[0].id
            for s in node.body
            if isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Name) and not s.targets[0].id.startswith("_")
        ]
        for node in tree.body
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base).split(".")[-1] in ENUMS for base in node.bases)
    }


def _cells(tree: ast.Module, file: str, path: str, enums: dict[str, list[str]]) -> Iterator[Mutant]:
    """Each cell of a table of transitions altered: what moved is ignored, what was ignored moves."""
    if not any(isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == TABLE for node in tree.body):
        return
    for state in enums["State"]:
        for event in enums["Event"]:
            if event == "NONE":
                continue
            cell, to = f"{TABLE}[State.{state}][Event.{event}]", "STANDBY" if state != "STANDBY" else "READY"
            added = f"{cell} = State.{to} if {cell} is None else None"
            altered_tree = ast.Module([*tree.body, *ast.parse(added).body], tree.type_ignores)
            code = compile(altered_tree, path, "exec", dont_inherit=True)
            yield Mutant(file, TABLE, f"{state} x {event}", "the other way", 0, code, added)


def _walk(
    node: ast.AST, inside: tuple[str, ...], enums: dict[str, list[str]]
) -> Iterator[tuple[tuple[str, ...], Slot, Any]]:
    for field, value in ast.iter_fields(node):
        if _left_alone(node, field):
            continue
        for place, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or isinstance(
                child, ast.Import | ast.ImportFrom | ast.Assert | ast.JoinedStr
            ):
                if isinstance(child, ast.JoinedStr) and isinstance(node, ast.Return):
                    yield inside, (node, field, place), ast.Constant("")
                continue
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                continue
            deeper = inside
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                deeper = (*inside, child.name)
            slot = (node, field, place)
            for new in _instead(child, node, field, enums):
                yield deeper, slot, new
            for field_of, spot in _dropped(child, node, inside):
                yield deeper, (child, field_of, None), [e for i, e in enumerate(getattr(child, field_of)) if i != spot]
            yield from _walk(child, deeper, enums)


def _left_alone(node: ast.AST, field: str) -> bool:
    """Type hints, decorators, what a class is made with, names that are assigned to."""
    return (
        field in ("annotation", "returns", "decorator_list", "type_ignores", "ctx", "format_spec", "targets", "target")
        or (isinstance(node, ast.ClassDef) and field in ("bases", "keywords"))
        or (isinstance(node, ast.Call) and field == "func" and isinstance(node.func, ast.Name))
        or (isinstance(node, ast.ExceptHandler) and field == "type")
        or (isinstance(node, ast.keyword) and node.arg == "hazards")
    )


def _instead(node: ast.AST, parent: ast.AST, field: str, enums: dict[str, list[str]]) -> Iterator[Any]:
    """What may stand in a node's place."""
    match node:
        case ast.Constant(value=value):
            yield from _constants(value, parent)
        case ast.Compare():
            for place, op in enumerate(node.ops):
                for other in ORDER[type(op)]:
                    ops = [*node.ops[:place], other(), *node.ops[place + 1 :]]
                    yield ast.Compare(node.left, ops, node.comparators)
        case ast.BoolOp():
            yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
            for place in range(len(node.values)):
                rest = [*node.values[:place], *node.values[place + 1 :]]
                yield ast.BoolOp(node.op, rest) if len(rest) > 1 else rest[0]
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert()):
            yield node.operand
        case ast.BinOp():
            if not (isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant)):
                yield ast.BinOp(node.left, OPERATORS[type(node.op)](), node.right)
        case ast.IfExp():
            yield node.body
            yield node.orelse
        case ast.If() | ast.While():
            yield type(node)(ast.Constant(False), node.body, node.orelse)
            if isinstance(node, ast.If):
                yield ast.If(ast.Constant(True), node.body, node.orelse)
        case ast.For():
            yield ast.For(node.target, ast.Tuple([], ast.Load()), node.body, node.orelse)
        case ast.Expr() | ast.Raise() | ast.Continue() | ast.AugAssign():
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript() | ast.Tuple()]):
            if not isinstance(node.targets[0], ast.Tuple) or isinstance(node.targets[0].elts[0], ast.Attribute):
                yield ast.Pass()
        case ast.Call(func=ast.Name(id=name)) if name in CALLS:
            yield ast.Call(ast.Name(CALLS[name], ast.Load()), node.args, node.keywords)
        case ast.Call(func=ast.Name(id="abs" | "bool"), args=[one]):
            yield one
        case ast.Attribute(value=ast.Name(id=name), attr=attr) if attr in enums.get(name, ()):
            members = enums[name]
            yield ast.Attribute(node.value, members[(members.index(attr) + 1) % len(members)], node.ctx)
        case ast.Attribute(attr=attr) if isinstance(node.ctx, ast.Load):
            for end, other_end in TWINS:
                if attr.endswith(end):
                    yield ast.Attribute(node.value, attr[: -len(end)] + other_end, node.ctx)
        case ast.comprehension(ifs=[_, *_]):
            yield ast.comprehension(node.target, node.iter, [], node.is_async)
    if field == "orelse" and isinstance(parent, ast.Try) and isinstance(node, ast.stmt):
        yield ast.Pass()


def _constants(value: Any, parent: ast.AST) -> Iterator[ast.Constant]:
    match value:
        case bool():
            yield ast.Constant(not value)
        case int():
            yield ast.Constant(value + 1)
            yield ast.Constant(value - 1)
            if value not in (0, 1, -1):
                yield ast.Constant(0)
        case float():
            yield from (
                ast.Constant(float(f"{new:.12g}")) for new in ((1.1 * value, 0.9 * value, 0.0) if value else (1.0,))
            )
        case "":
            yield ast.Constant("mutant")
        case str() if isinstance(parent, ast.Return):
            yield ast.Constant("")
        case str() if NAME.fullmatch(value):
            yield ast.Constant("mutant")


def _dropped(node: ast.AST, parent: ast.AST, inside: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    """Rows of tables, members of what is asked for membership, named arguments: one less."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set) and len(node.elts) > 1:
        asked = isinstance(parent, ast.Compare) and node in parent.comparators
        if asked or not inside:
            yield from (("elts", place) for place in range(len(node.elts)))
    if isinstance(node, ast.Call):
        yield from (("keywords", place) for place, k in enumerate(node.keywords) if k.arg not in (None, "hazards"))


def _get(slot: Slot) -> Any:
    parent, field, place = slot
    value = getattr(parent, field)
    return value if place is None else value[place]


def _lineno(slot: Slot) -> int:
    parent, _, _ = slot
    near = [
        parent,
        *(
            node
            for node in ast.walk(parent.target if isinstance(parent, ast.comprehension) else parent)
            if hasattr(node, "lineno")
        ),
    ]
    return next(int(node.lineno) for node in near if hasattr(node, "lineno"))


def _put(slot: Slot, new: Any) -> None:
    parent, field, place = slot
    if place is None:
        setattr(parent, field, new)
    else:
        getattr(parent, field)[place] = new


def _placed(new: Any, old: Any) -> Any:
    if isinstance(new, ast.AST) and not isinstance(new, ast.comprehension):
        ast.copy_location(new, old)
        for node in ast.walk(new):
            if isinstance(node, ast.expr | ast.stmt | ast.keyword) and not hasattr(node, "lineno"):
                ast.copy_location(node, old)
    return new


def _words(node: Any) -> str:
    """A node as one short line; of a statement with a body only its head."""
    if isinstance(node, list):
        return "[" + ", ".join(_words(one) for one in node) + "]"
    if isinstance(node, ast.keyword):
        return f"{node.arg}=.."
    if isinstance(node, ast.comprehension):
        return "for" + "".join(f" if {ast.unparse(one)}" for one in node.ifs)
    text = ast.unparse(node).split("\n")[0] if isinstance(node, ast.AST) else repr(node)
    return text if len(text) <= 160 else text[:157] + "..."
