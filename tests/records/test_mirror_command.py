"""`kerma records mirror` and `database` against a PostgreSQL: level, behind, by libpq's own service, and with a server that was stopped and keeps its
connections."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from postgres_bench import Server
from records_bench import Rig

from console import records_keeping as room
from console.exit_codes import Exit
from controller.entries import Outcome
from hal.clock import SystemClock
from records.mirror import Mirror
from records.schema import StoreError

pytestmark = pytest.mark.postgres


@pytest.fixture
def rig(tmp_path: Path, databases: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """Some records, and a rig file that names a database on the server by a service of libpq."""
    database = databases.place(tmp_path).partition("?")[0].rpartition("/")[2]
    (tmp_path / "services").write_text(f"[clinic]\nhost={databases.folder}\nuser=kerma\ndbname={database}\n")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    told = SimpleNamespace(records=SimpleNamespace(mirror="postgresql:///?service=clinic"))
    monkeypatch.setattr(
        room, "rig_of", lambda _: SimpleNamespace(records=tmp_path, path=tmp_path / "rig.toml", file=told)
    )
    made = Rig(tmp_path)
    made.new_recorder()
    made.deliver(1.0, Outcome.INTERRUPTED)
    made.run(0.2)
    yield made
    made.close()


def test_level_and_behind(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert room.database(None, False) is Exit.UNFIT
    assert "it is empty; who writes it makes the tables" in capsys.readouterr().out
    assert room.mirror(None, SystemClock(), True) is Exit.AS_INTENDED
    assert '"level"' in capsys.readouterr().err
    assert room.database(None, False) is Exit.AS_INTENDED
    assert "  0 journal records behind" in capsys.readouterr().out
    rig.host.close_fraction(1001)
    rig.run(0.2)
    assert room.database(None, False) is Exit.AS_INTENDED
    assert "  4 journal records behind" in capsys.readouterr().out


@pytest.mark.timeout(120)
def test_a_server_that_is_stopped(rig: Rig, databases: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGSTOP of the process that serves this connection: the kernel still acknowledges what is sent to it, and no time limit of the server runs."""
    monkeypatch.setattr(room, "ANSWER_S", 1.0)
    second = Mirror(rig.folder, "postgresql:///?service=clinic")
    second.step()
    rig.host.close_fraction(1001)
    rig.run(0.2)
    ((pid,),) = databases.ask("SELECT pid FROM pg_stat_activity WHERE application_name = 'kerma'")
    os.kill(int(str(pid)), signal.SIGSTOP)
    try:
        with pytest.raises(StoreError, match="has said nothing for 1 s"), room.answering():
            second.step()
    finally:
        os.kill(int(str(pid)), signal.SIGCONT)
    assert second.step().behind == 0
    second.close()
