"""A whole fraction, and a host killed in beam, on every generator that there is a driver for, with the safety unit on either wire.
Short fractions in virtual time; the same rigs over real wires are played by `kerma demo --generator all`."""

from __future__ import annotations

from pathlib import Path

import pytest
from refusal_bench import slice_of

from controller.kernel import Kernels
from hal import registry
from simulators.units import BENCH_IO
from verification.invariants import check_all
from verification.rigs import BEAMS, Choice
from verification.scenarios import Told, find, means_of, play
from verification.setting import lay_out, prescribed, virtual_rig
from verification.trace import Observer

SHORT_MGY = 250.0
"""About 5 s of beam."""
STORIES = ("normal", "time-mode", "door-opens", "operator-stop", "link-lost", "connection-reset", "black-hole")
"""What a bench rig is shown with here; `kerma demo --unit wago-750 --scenario all` plays the others."""
WIRES = {"normal": "rtu", "host-killed": "tcp"}


def test_every_driver_has_a_rig_to_be_shown_on() -> None:
    assert set(registry.names(registry.GENERATORS)) <= set(BEAMS)


@pytest.mark.parametrize(
    ("generator", "story"),
    slice_of(
        [(generator, story) for generator in registry.names(registry.GENERATORS) for story in WIRES],
        lambda case: case[1] == "normal" or case[0] in ("seifert-3003", "genix3d"),
    ),
)
def test_fraction_on(generator: str, story: str, tmp_path: Path, kernels: Kernels) -> None:
    """The whole story of the demonstration: dose within its bounds, beam off in time, the record as it should be; and every invariant held."""
    told = played(Choice(generator, unit_wire=WIRES[story]), story, tmp_path, kernels)
    assert told.wrong == []


@pytest.mark.parametrize(
    ("unit", "generator"),
    slice_of(
        [(unit, generator) for unit in BENCH_IO for generator in registry.names(registry.GENERATORS)],
        lambda case: case in (("wago-750", "seifert-3003"), ("adam-6050", "spellman-xrv")),
    ),
)
def test_a_killed_host_on_a_bench_rig(unit: str, generator: str, tmp_path: Path, kernels: Kernels) -> None:
    """Off within what the driver states of silence, and not long before: it is the device's watchdog that acts. The dose is UNKNOWN and not below the truth."""
    told = played(Choice(generator, unit=unit), "host-killed", tmp_path, kernels)
    assert told.wrong == []
    watchdog_s = registry.safety_unit(unit).watchdog_s
    assert watchdog_s is not None and told.beam_off_s is not None and told.beam_off_s >= 0.9 * watchdog_s - 0.02


@pytest.mark.parametrize(
    ("unit", "story"),
    slice_of(
        [(unit, story) for unit in BENCH_IO for story in STORIES],
        lambda case: case in (("wago-750", "normal"), ("wago-750", "black-hole"), ("adam-6050", "normal")),
    ),
)
def test_a_fraction_on_a_bench_rig(unit: str, story: str, tmp_path: Path, kernels: Kernels) -> None:
    told = played(Choice(unit=unit), story, tmp_path, kernels)
    assert told.wrong == []


@pytest.mark.parametrize("unit", BENCH_IO)
def test_the_rest_is_given_on_a_bench_rig(unit: str, tmp_path: Path, kernels: Kernels) -> None:
    """While this computer lives it keeps what was given: a door, and the rest."""
    assert played(Choice(unit=unit), "resume", tmp_path, kernels, 2 * SHORT_MGY).wrong == []


@pytest.mark.parametrize("wire", ["tcp", "socket"])
def test_fraction_over_a_network(wire: str, tmp_path: Path, kernels: Kernels) -> None:
    """The same generator on its own network port, where frames carry no checksum, and behind a terminal server, where they do."""
    assert played(Choice("spellman-xrv", generator_wire=wire), "normal", tmp_path, kernels).wrong == []


def played(choice: Choice, story: str, folder: Path, kernels: Kernels, mgy: float = SHORT_MGY) -> Told:
    scenario = find(story)
    setting = lay_out(folder / "rig", folder / "records", scenario.termination, 15020, choice=choice)
    rig = virtual_rig(setting, kernels, fault=scenario.fault_at_start)
    watched = Observer(rig)
    try:
        told = play(scenario, rig, prescribed(mgy, choice), means_of(choice.unit))
        told.wrong += [f"invariant {b.invariant} at {b.at_s:.2f} s: {b.words}" for b in check_all(watched.trace())]
        return told
    finally:
        rig.close()
