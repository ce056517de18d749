"""Plays the pages' own scripts without a browser: in playwright's node, on a document made by hand."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from playwright._impl._driver import compute_driver_executable

from console.web.serve import HERE


def played(folder: Path, script: str, *asked: str) -> dict[str, Any]:
    """What a script beside this file saw of the page's files, which are copied into `folder` with their imports made relative."""
    (folder / "package.json").write_text('{"type": "module"}')
    for path in (HERE / "files").glob("*.js"):
        (folder / path.name).write_text(path.read_text(encoding="utf-8").replace('"/files/', '"./'), encoding="utf-8")
    node, words = str(compute_driver_executable()[0]), str(HERE / "words" / "en.json")
    command = [node, str(Path(__file__).with_name(script)), str(folder), words, *asked]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found
