"""What `make test` leaves to `make grid`: of dear tables all but each test's first row and every so many, and a few dear tests (tests/left_to_grid.toml).
`make grid` plays all of it; which rows are kept follows from the order of collection alone. No example of a property is timed: the machines are shared.
What is the same for all tests is done once in a process: the sources are hashed, and nobody looks for cycles among what is there before the first test."""

from __future__ import annotations

import gc
import tomllib
from collections.abc import Callable, Generator, Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from hypothesis import settings

from console import sources

settings.register_profile("shared machines", deadline=None)
settings.load_profile("shared machines")

TABLE: Final = tomllib.loads(Path(__file__).with_name("left_to_grid.toml").read_text(encoding="utf-8"))
EVERY: Final[dict[str, int]] = TABLE["every"]
LEFT: Final[tuple[str, ...]] = tuple(TABLE["left"]["tests"])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """Nothing that collection makes is garbage: it is not looked through while it grows, and never again once it is there."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def sources_hashed_once() -> Iterator[None]:
    """Every rig carries the hash of some four hundred files that no test writes; another list of files has a hash of its own."""
    hashed = sources.digest

    @cache
    def of(_files: Callable[[], object]) -> str:
        return hashed()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "digest", lambda: of(sources.files))
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks with `grid` what is left out, before the markers are asked for."""
    seen: dict[str, int] = {}
    played: set[str] = set()
    for item in items:
        if item.get_closest_marker("grid") is not None or item.get_closest_marker("realtime") is not None:
            continue
        file = next((name for name in EVERY if item.path.as_posix().endswith(name)), "")
        if any(left in item.nodeid for left in LEFT):
            item.add_marker(pytest.mark.grid)
        elif file and "[" in item.nodeid:
            place = seen[file] = seen.get(file, -1) + 1
            test, _, _ = item.nodeid.partition("[")
            if place % EVERY[file] and test in played:
                item.add_marker(pytest.mark.grid)
            played.add(test)
