"""Fixtures of the console's tests; the words themselves are in desk_by_hand.py.
It proves nothing by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from desk_by_hand import EXAMPLES, ScriptedDesk

from console.prescription import load
from controller.prescribed import Prescribed
from controller.requests import Reply, Request


@pytest.fixture
def prescribed() -> Prescribed:
    return load(EXAMPLES / "short.toml")


@pytest.fixture
def scripted(tmp_path: Path) -> Iterator[Callable[[Callable[[Request], list[Reply]]], ScriptedDesk]]:
    made: list[ScriptedDesk] = []

    def make(heard: Callable[[Request], list[Reply]]) -> ScriptedDesk:
        made.append(ScriptedDesk(tmp_path, heard))
        return made[-1]

    yield make
    for desk in made:
        desk.end()
