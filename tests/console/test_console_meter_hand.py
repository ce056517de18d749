"""The hand at an electrometer's wire, its driver and its simulated device in time of their own: it says what was collected, and every trouble has words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from calibration.procedures.session import MeterOrder
from calibration.procedures.step import Accept, Exposure, Grammar, Step, Wanted
from console.calibrate.meter_hand import NoMeters, WireMeter
from hal.units import Seconds
from tests.hal.meter_bench import SERIAL, Bench

ORDER = MeterOrder("E1", "nC")


def step(exposes: bool) -> Step:
    what = Exposure(69.5, 1.6, "F2", "A20", 4.0, 1, 20.0) if exposes else None
    return Step("s", "why", "connect", what, (), (Wanted("E1", "nC", Grammar(-20.0, 20.0), "wire"),), Accept(), "A2")


class BenchClock:
    """To wait is to let the bench's time pass."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def monotonic(self) -> Seconds:
        return self._bench.now

    def wall(self) -> Seconds:
        return self._bench.now

    def sleep_until(self, deadline: Seconds) -> None:
        while self._bench.now < deadline - 1e-9:
            self._bench.pass_ms(1)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench("ptw-unidos", "memory", tmp_path)
    yield made
    made.close()


def meter(bench: Bench, turns: list[int] | None = None, dark_s: float = 3.0) -> WireMeter:
    kept = turns if turns is not None else []
    return WireMeter("E1", SERIAL, bench.meter, BenchClock(bench), 0.05, lambda: kept.append(1), dark_s)


def test_it_is_reset_and_started_before_and_held_and_read_after(bench: Bench) -> None:
    """The charge of an exposure, by the device's own display; a device in reset is not reset again, and the desk is kept company meanwhile."""
    turns: list[int] = []
    hand = meter(bench, turns)
    assert hand.ready(step(True)) == ""
    bench.pass_ms(4000)
    said = hand.read(ORDER)
    assert isinstance(said, tuple) and said[1] == SERIAL
    text, unit = bench.device.display()
    shown_nc = float(text) * {"pC": 1e-3, "nC": 1.0}[unit]
    assert float(said[0].removesuffix(" nC")) == pytest.approx(shown_nc, abs=6e-5)
    assert [act for act in bench.acts if act[:3] != "TOK"] == ["STA", "HLD"] and turns


def test_without_beam_it_integrates_for_its_own_time(bench: Bench) -> None:
    hand = meter(bench)
    assert hand.ready(step(False)) == ""
    began = bench.now
    said = hand.read(ORDER)
    assert isinstance(said, tuple) and abs(float(said[0].removesuffix(" nC"))) < 0.001
    assert bench.now - began >= 3.0 and bench.acts[-1] == "INT"


def test_another_instrument_and_another_unit_are_refused(bench: Bench) -> None:
    assert "is wanted" in str(meter(bench).read(MeterOrder("E2", "nC")))
    assert "is wanted" in str(meter(bench).read(MeterOrder("E1", "mGy")))
    nobody = NoMeters()
    assert "[electrometer]" in nobody.ready(step(True)) and "names no E1" in str(nobody.read(ORDER))


def test_a_device_of_another_serial_number_is_never_started(tmp_path: Path) -> None:
    other = Bench("ptw-unidos", "memory", tmp_path, serial="999999")
    try:
        assert "999999" in meter(other).ready(step(True)) and other.acts == []
    finally:
        other.close()


def test_a_cut_cable_has_words_and_an_end(bench: Bench) -> None:
    """No number comes of it; when the cable is there again, a person reads once more."""
    hand = meter(bench)
    assert hand.ready(step(True)) == ""
    bench.cut = True
    began = bench.now
    assert isinstance(hand.read(ORDER), str)
    assert bench.now - began < 30.0
    bench.cut = False
    assert "order again" in str(hand.read(ORDER))
    assert isinstance(hand.read(ORDER), tuple)
