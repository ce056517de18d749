"""Fixtures of the console's tests; the words themselves are in desk_by_hand.py.
It proves nothing by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import fastapi.routing
import pytest
from desk_by_hand import EXAMPLES, ScriptedDesk

from console.prescription import load
from controller.prescribed import Prescribed
from controller.requests import Reply, Request


@pytest.fixture(scope="session", autouse=True)
def fields_made_once() -> Iterator[None]:
    """The some five hundred fields of answers in which all applications are alike are made once in a process: they cost more than the tests of the pages."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fastapi.routing, "create_model_field", cache(fastapi.routing.create_model_field))
        yield


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
