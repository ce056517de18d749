"""What comes back after a loss must be what was there before, or it is refused as another device until a person starts anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from conformance_bench import Bench
from hal_scripted import Bench as UnitBench
from hal_scripted import identity_block, sealed

from simulators.alone import GeneratorAlone


@pytest.fixture(params=["spellman-xrv", "spellman-xrb80"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(request.param, "memory", tmp_path)
    yield made
    made.close()


def another(bench: Bench, version: str) -> None:
    """Another generator of the same model at the same plug; its world goes on from the same time."""
    world = GeneratorAlone(replace(bench.profile, dsp_version=version), 2)
    world.advance(bench.world.now_us)
    bench.world = world


def asked_anew(bench: Bench) -> None:
    """Who answers now has said who it is."""
    back = bench.now

    def said() -> bool:
        identity = bench.generator.identity
        return identity is not None and identity.asked_at_s > back

    bench.until(20.0, "an identity", said)


def test_another_of_the_same_model_is_refused_when_it_comes_back(bench: Bench) -> None:
    bench.ready()
    bench.cut = True
    bench.ticks(1.0)
    another(bench, "9.9")
    bench.cut = False
    asked_anew(bench)
    identity = bench.generator.identity
    assert identity is not None and "9.9" in identity.mismatch and "before" in identity.mismatch
    assert not bench.generator.identified
    bench.want_set_up()
    bench.ticks(3.0)
    bench.generator.on(bench.now)
    bench.ticks(0.5)
    assert not bench.hv_on
    assert bench.generator.set_points is None, "nothing is read back, let alone written"
    link = bench.generator.link(bench.now)
    assert "the device is not the one that the configuration names" in link.last_trouble and "9.9" in link.last_trouble
    heard = " ".join(bench.words())
    assert "HV ON accepted" not in heard


def test_the_right_one_at_the_plug_again_is_known_again(bench: Bench) -> None:
    bench.known()
    right = bench.profile.dsp_version
    bench.cut = True
    bench.ticks(1.0)
    another(bench, "9.9")
    bench.cut = False
    asked_anew(bench)
    assert not bench.generator.identified
    bench.cut = True
    bench.ticks(1.0)
    another(bench, right)
    bench.cut = False
    bench.until(20.0, "the first device", lambda: bench.generator.identified)


def test_a_unit_that_comes_back_with_another_program_is_refused() -> None:
    bench = UnitBench().known()
    body = bytearray(identity_block()[:-4])
    at = 32
    assert body[at : at + 8] == (0x1122334455667788).to_bytes(8, "big")
    body[at] ^= 0xFF
    bench.unit.identity = sealed(bytes(body))
    for end in bench.unit.ends:
        end.close()
    bench.ticks(120)
    identity = bench.readings.unit_identity
    assert identity is not None and "before" in identity.mismatch
    assert "the device is not the one that the configuration names" in bench.readings.unit_link.last_trouble
    assert bench.readings.unit_link.lost


def test_a_unit_that_merely_reboots_is_the_same_unit() -> None:
    bench = UnitBench().known()
    bench.unit.status["boot_count"] += 1
    bench.ticks(50)
    identity = bench.readings.unit_identity
    assert identity is not None and identity.mismatch == ""
