"""What a result of one mutant stands on: the program that its tests import, the killing test with what stands around it, or, for one that lives, every test.
It reads text and runs none of it, so that a test that is added, or a change elsewhere, makes no kill old; drivers that are found by name are not followed."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path


def program(root: Path, file: str, tests: tuple[str, ...]) -> str:
    """SHA-256 in hex over all of ours that the file and its tests import, their benches among it, without the tests themselves."""
    own = {root / test.split("::")[0] for test in tests}
    begin = [root / file, *own]
    found = set(begin)
    while begin:
        more = set(_imported(root, begin.pop())) - found
        found |= more
        begin += more
    return _hash((str(path.relative_to(root)), path.read_bytes()) for path in sorted(found - own) if path.is_file())


@cache
def every_test(root: Path, tests: tuple[str, ...]) -> str:
    """The hash of all tests: one that lives has lived through these."""
    paths = sorted({root / test.split("::")[0] for test in tests})
    texts = sorted({text for path in paths for text in path.parent.glob("*.txt")})
    parts = [(str(path.relative_to(root)), path.read_bytes()) for path in (*paths, *texts)]
    return _hash([("tests", "\0".join(tests).encode()), *parts])


@cache
def one_test(root: Path, nodeid: str) -> str:
    """The hash of one test: its own text, and all of its file that is no test. Empty when there is no such test."""
    name, _, function = nodeid.split("[")[0].partition("::")
    path = root / name
    if not path.is_file():
        return ""
    text = path.read_text(encoding="utf-8")
    kept, is_there = [], False
    for node in ast.parse(text).body:
        mine = isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == function.split("::")[0]
        is_there = is_there or mine
        if mine or not (isinstance(node, ast.FunctionDef) and node.name.startswith("test_")):
            kept.append(ast.unparse(node))
    whole = "\n".join(kept)
    beside = [(text.name, text.read_bytes()) for text in sorted(path.parent.glob("*.txt")) if text.name in whole]
    return _hash([(nodeid, whole.encode()), *beside]) if is_there else ""


def _hash(parts: Iterable[tuple[str, bytes]]) -> str:
    whole = hashlib.sha256()
    for name, data in parts:
        whole.update(f"{name}\0{len(data)}\0".encode() + data)
    return whole.hexdigest()


def _imported(root: Path, path: Path) -> Iterator[Path]:
    if path.suffix != ".py" or not path.is_file():
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{one.name}" for one in node.names)]
        for name in names:
            for base in (root, path.parent):
                for there in (base / (name.replace(".", "/") + ".py"), base / name.replace(".", "/") / "__init__.py"):
                    if there.is_file():
                        yield there
    for folder in path.parents:
        if folder == root.parent or not folder.is_relative_to(root):
            return
        if (folder / "conftest.py").is_file():
            yield folder / "conftest.py"
