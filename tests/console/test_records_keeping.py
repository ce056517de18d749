"""What people do with the whole of the records: which schema the database has.
What is done with them is proved in tests/records."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from desk_by_hand import EXAMPLES, dumped
from kept_by_hand import KeptByHand

from console import records_keeping as room
from console.exit_codes import Exit
from records.store import engine_for


@pytest.fixture
def kept(tmp_path: Path) -> KeptByHand:
    """A folder of records with one fraction, and a rig file that names it."""
    document = tomllib.loads((EXAMPLES / "rig.toml").read_text())
    document["records"]["dir"] = "records"
    (tmp_path / "rig.toml").write_text(dumped(document))
    made = KeptByHand(tmp_path / "records")
    made.golden()
    return made


def test_the_database_is_shown_with_its_schema(
    kept: KeptByHand, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rig = tmp_path / "rig.toml"
    assert room.database(rig, False) is Exit.UNFIT
    assert "there is none yet; kerma run makes it" in capsys.readouterr().out
    database = kept.done() / "records.sqlite"
    assert room.database(rig, True) is Exit.AS_INTENDED
    (told,) = json.loads(capsys.readouterr().out)
    assert told["current"] == told["head"] == "0001" and told["applied"] == kept.journal.next_index - 1
    engine = engine_for(database)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE meta SET value = '7' WHERE key = 'schema'")
    assert room.database(rig, False) is Exit.UNFIT
    assert "schema 0007, this program's 0001: DOES NOT FIT" in capsys.readouterr().out
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE meta")
    engine.dispose()
    assert room.database(rig, False) is Exit.UNFIT
    assert "no database of this program; move it away first" in capsys.readouterr().out
