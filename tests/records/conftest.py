"""The engines that the records stand on, a SQLite file or a PostgreSQL started for these tests; and a day that was checked.
A test that asks for `place` is played on both; `--on postgres` plays the recorder's own suite, as it stands, on the other engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import records_bench
from day_bench import made
from postgres_bench import Server, running

from records.day_forms import DaySheet, decoded
from records.sheets import SheetKind
from records.store import Place


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--on", choices=("sqlite", "postgres"), default="sqlite", help="where the recorder's database is")


@pytest.fixture(autouse=True)
def _on(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.config.getoption("--on", "sqlite") == "postgres":
        monkeypatch.setattr(records_bench, "PLACES", request.getfixturevalue("databases").place)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with running() as one:
        yield one


@pytest.fixture
def databases(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The server for one test; a machine that plays other suites beside may be slow to answer."""
    monkeypatch.setattr("records.store.CONNECT_S", 60)
    yield server
    server.give_back()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Place]:
    """Where a new database of this name is, on either engine."""
    if request.param == "sqlite":
        return lambda name: tmp_path / name
    one: Server = request.getfixturevalue("databases")
    return lambda name: one.place(tmp_path / name)


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """One day at the bench, checked and signed; what is asked of it moves nothing in it."""
    rig = made(tmp_path_factory.mktemp("day"))
    rig.check()
    assert rig.recorder is not None
    book = rig.recorder.book
    kept = book.sheets[SheetKind.DAILY][-1]
    sheet = decoded(kept.sheet.body, DaySheet)
    assert sheet is not None
    yield SimpleNamespace(rig=rig, book=book, kept=kept, sheet=sheet, now=rig.clock.now, wall=rig.clock.wall)
    rig.close()
