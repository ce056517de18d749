"""The console finds the set time of fraction 1 in real records: of this prescription in this version, as it was first started."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from records_bench import Rig, prescribed

from console import configuration
from console.kept import first_set_time_s
from controller.entries import Outcome
from records.fractions import list_fractions, show

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "rig.toml"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    made.new_recorder()
    yield made
    made.close()


def test_a1_the_time_of_fraction_1_is_found(rig: Rig) -> None:
    """Hazard A1: what fraction 2 is held against is what the record of fraction 1 says; another version or lesion has none."""
    here = replace(configuration.load(EXAMPLE, 1000), records=Path(rig.config.database).parent)
    assert first_set_time_s(here, prescribed(fraction=2)) is None
    rig.deliver(17.9, Outcome.TERMINATED)
    (row,) = list_fractions(rig.config.database)
    recorded = show(rig.config.database, row["id"])["exposures"][0]["set_time_s"]
    assert recorded > 1.0
    assert first_set_time_s(here, prescribed(fraction=2)) == recorded
    later = prescribed(fraction=4)
    assert first_set_time_s(here, later) == recorded, "the earliest fraction of this version"
    for changes in ({"version": 2}, {"lesion_id": "L2"}, {"prescription_id": "P2"}):
        assert first_set_time_s(here, msgspec.structs.replace(prescribed(fraction=2), **changes)) is None
