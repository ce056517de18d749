"""The experiment's block does what the plant does, to the last bit; how fast that is, no test says."""

from __future__ import annotations

from math import inf, nextafter

import pytest

from benchmarks import plant_block, plant_compiled
from simulators.plant import Plant


def test_the_block_is_the_plant_to_the_last_bit() -> None:
    """As it is written; a plant that is altered by the last bit of one number is seen."""
    assert plant_block.differing(plant_block.advance) == []
    plant, _ = plant_block.lit()
    before = plant_block.held(plant)
    plant.tube.filament_k = nextafter(plant.tube.filament_k, inf)
    assert plant_block.held(plant) != before


@pytest.mark.grid
def test_the_compiled_block_is_too_and_a_fraction_that_it_plays_ends_the_same() -> None:
    made = plant_block.compiled()
    assert plant_block.differing(made) == []
    runs = plant_compiled.whole_runs(made, rounds=1, rx_mgy=150.0)
    assert len(runs.ends) == 2 and runs.ends[0] == runs.ends[1] and runs.ends[0][0].dose_mgy > 100.0
    assert Plant.skip.__module__ == "simulators.plant"
