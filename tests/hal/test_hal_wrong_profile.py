"""The profile of one Spellman family on a device of another: refused before 98 or 99 is sent, as the device's own log says, on a line and on Ethernet.
98 is HV on an XRV or DXM and a question on an XRB011; 99 is HV on a uX or XRB011 and a mode on the others; 28 is scaling or a watchdog."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from conformance_bench import Bench

from hal.registry import Generator
from simulators.generators import PROFILES
from simulators.spellman_face import CommaFace

FAMILIES = ("spellman-xrv", "spellman-dxm", "spellman-ux", "spellman-xrb011")
ACTS = {"10", "11", "12", "13", "28", "31", "32", "52", "70", "97", "98", "99"}
"""Every command that sets, clears or switches anything in any of the four."""
PAIRS = list(itertools.permutations(FAMILIES, 2))


def tried(bench: Bench) -> tuple[Generator, set[str]]:
    """A set-up, an ON and OFFs pressed on the driver for three seconds; what the device heard, by its own log."""
    for _ in range(300):
        bench.want_set_up()
        bench.tick()
    bench.generator.on(bench.now)
    for _ in range(50):
        bench.generator.off(bench.now, at_once=True)
        bench.tick()
    face = bench.world.plant.generator
    assert isinstance(face, CommaFace)
    return bench.generator, {fields[0] for fields in face.heard}


@pytest.mark.parametrize("wire", ["memory", "pty", "tcp"])
@pytest.mark.parametrize(("profile", "device"), PAIRS)
def test_a_profile_on_another_family_sends_nothing_that_acts(
    profile: str, device: str, wire: str, tmp_path: Path
) -> None:
    bench = Bench(profile, wire, tmp_path, device=device)
    try:
        generator, heard = tried(bench)
        assert heard and not heard & ACTS, heard
        identity = generator.identity
        assert identity is not None and PROFILES[device].model in identity.mismatch
        assert not bench.hv_on and not [words for words in bench.words() if words.startswith("HV")]
    finally:
        bench.close()


@pytest.mark.parametrize(("profile", "device"), PAIRS)
def test_a_configuration_that_names_the_other_device_too_is_refused_by_the_dialect(
    profile: str, device: str, tmp_path: Path
) -> None:
    """The model in the rig file was copied from the device's plate, but the driver is another family's: the dialect's own table of models refuses."""
    bench = Bench(profile, "memory", tmp_path, device=device, model=PROFILES[device].model)
    try:
        generator, heard = tried(bench)
        assert heard and not heard & ACTS, heard
        assert generator.identity is not None and generator.identity.mismatch
    finally:
        bench.close()


@pytest.mark.parametrize("profile", ["spellman-xrv", "spellman-dxm", "spellman-ux"])
def test_the_right_model_string_with_the_wrong_number_of_flags_is_refused(profile: str, tmp_path: Path) -> None:
    """A device that calls itself by the profile's name and answers 22 in another shape is not of this family (second check)."""
    bench = Bench(profile, "memory", tmp_path)
    try:
        face = bench.world.plant.generator
        assert isinstance(face, CommaFace)
        face._tables.reads["22"] = lambda: (0, 0, 0, 0, 0)
        generator, heard = tried(bench)
        assert heard and not heard & ACTS, heard
        assert generator.identity is not None and "command 22 answers with 5 values" in generator.identity.mismatch
    finally:
        bench.close()
