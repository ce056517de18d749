"""Every refusal that a person may read, as a template taken from the code that says it: file, line's function, and words with their values named.
It runs nothing: it reads the source, so that a refusal nobody thought of is in the manual as soon as it is written."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
FILES: Final = (
    "controller/guards.py",
    "controller/admission.py",
    "controller/refusals.py",
    "controller/presets.py",
    "controller/settings.py",
    "controller/conversion.py",
    "records/clearance.py",
    "records/commissioning.py",
    "records/day_readings.py",
    "records/baselines.py",
    "records/day.py",
    "records/warm_up.py",
)
"""Where a request of a person is refused."""
SAY: Final = frozenset({"_refuse", "Ruling"})
SHORTEST: Final = 20
"""Shorter texts are parts of others: names, units, counts."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One text: where it is said, and its words; a value stands in braces."""

    file: str
    function: str
    words: str


def refusals() -> tuple[Refusal, ...]:
    """All of them, in the order of FILES and lines, each text once."""
    found: dict[tuple[str, str], Refusal] = {}
    for file in FILES:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef):
                for words in _said_in(function):
                    found.setdefault((file, words), Refusal(file, function.name, words))
    return tuple(found.values())


def _said_in(function: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(function):
        match node:
            case ast.Yield(value=ast.expr() as value) | ast.Return(value=ast.expr() as value):
                yield from _texts(value)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords) if name in SAY:
                for value in (*args, *(keyword.value for keyword in keywords)):
                    yield from _texts(value)


def _texts(value: ast.expr) -> Iterator[str]:
    match value:
        case ast.Tuple(elts=parts):
            for part in parts:
                yield from _texts(part)
        case ast.IfExp(body=first, orelse=second):
            yield from _texts(first)
            yield from _texts(second)
        case _:
            words = " ".join(_template(value).split())
            if len(words) >= SHORTEST and " " in words:
                yield words


def _template(value: ast.expr) -> str:
    match value:
        case ast.Constant(value=str() as text):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_template(part) for part in parts)
        case ast.FormattedValue(value=inner):
            return "{" + _short(inner) + "}"
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _template(left) + _template(right)
        case ast.IfExp(body=first, orelse=second):
            return f"{_template(first)} / {_template(second)}"
    return ""


def _short(value: ast.expr) -> str:
    """A value by its last name: what a reader needs of `clearance.delivered_mgy / 10` is that it is the delivered dose."""
    names = [
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in ast.walk(value)
        if isinstance(node, ast.Attribute | ast.Name)
    ]
    return names[0] if names else "..."
