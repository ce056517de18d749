"""What decides how the mutants of one file fare: all that its tests import of ours, and everything of hal/, where drivers are found by name.
It reads text and runs none of it; what is kept is kept by this hash, so that a change elsewhere makes nothing old."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ALWAYS: Final = ("hal",)
"""Rooms whose modules are also loaded by name."""


def sources(root: Path, file: str, tests: tuple[str, ...]) -> str:
    """SHA-256 in hex over names and bytes of all that the file and its tests import, and over which tests they are."""
    begin = [root / file, *(root / test.split("::")[0] for test in tests), root / "requirements.txt"]
    begin += [path for room in ALWAYS for path in (root / room).rglob("*.py")]
    found = set(begin)
    while begin:
        more = set(_imported(root, begin.pop())) - found
        found |= more
        begin += more
    whole = hashlib.sha256("\0".join(tests).encode())
    for path in sorted(found):
        if path.is_file():
            data = path.read_bytes()
            whole.update(f"{path.relative_to(root)}\0{len(data)}\0".encode() + data)
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
