"""The simulated UNIDOS on its line: replies by hand, states, its own clock, ranges with overload, a zero that takes its time, and every way it says no."""

from __future__ import annotations

import pytest

from simulators.alone import ElectrometerAlone
from simulators.electrometer_ptw_unidos import RANGES
from simulators.electrometers import Electrometer
from simulators.world import World

KERMA = 1.0 / (1.1007 * 1.0177)
N_K = 0.44736
"""Gy/nC"""


class Host:
    """Hands on the source and a voice on the line."""

    def __init__(self, started: bool = True) -> None:
        self.world = ElectrometerAlone("ptw-unidos", 3)
        self.device = self.world.electrometer.device
        if started:
            self.run(3.1)

    def run(self, seconds: float) -> None:
        self.world.advance(self.world.now_us + round(seconds * 1e6))

    def ask(self, text: str) -> str | None:
        line = self.world.electrometer.line
        line.host_write(text.encode() + b"\r\n", self.world.now_us)
        came = b""
        for _ in range(220):
            self.run(0.001)
            came += line.host_read(self.world.now_us)
        assert not came or (came.endswith(b"\r\n") and came.count(b"\r\n") == 1)
        return came[:-2].decode("utf-8") if came else None

    def may(self) -> Host:
        assert self.ask("TOK") == "TOK;true"
        return self

    def value(self) -> list[str]:
        said = self.ask("MV")
        assert said is not None
        fields = said.split(";")
        assert fields[0] == "MV" and len(fields) == 16
        return fields[1:]

    def charge_nc(self) -> float:
        fields = self.value()
        assert fields[4] == "C"
        return float(fields[1] + fields[2]) * 1e9


def test_what_it_says_of_itself() -> None:
    host = Host()
    assert host.ask("PTW") == "PTW;UNIDOS Tango;TM10052;1.2.4;A16"
    assert host.ask("SER") == "SER;123456"
    assert host.ask("S") == "S;RES"
    assert host.ask("IT") == "IT;60" and host.ask("RGE") == "RGE;LOW" and host.ask("HV") == "HV;300"
    assert host.ask("UEL") == "UEL;true" and host.ask("NUS") == "NUS;None;0;82000"
    assert host.ask("MVM") == "MVM;LOW;500.0000;E-12;p;A;"


def test_the_shape_of_a_value() -> None:
    """Fifteen fields; the power of ten as exponent and as prefix; no time base behind a current, one behind a dose rate."""
    host = Host()
    state, charge, exponent, prefix, unit, *current, elapsed, ms, volts, v, flags = host.value()
    assert (state, charge.lstrip("-"), exponent, prefix, unit) == ("RES", "0.0000", "E-12", "p", "C")
    assert current[1:] == ["E-12", "p", "A", ""] and (elapsed, ms, volts, v, flags) == (
        "0.0",
        "ms",
        "300.0",
        "V",
        "0x0",
    )
    host.device.electrical = False
    fields = host.value()
    assert (fields[2:5], fields[6:10]) == (["E-03", "m", "Gy"], ["E-03", "m", "Gy", "min"])
    host.device.range = "HIGH"
    host.device.electrical = True
    assert host.value()[2:5] == ["E-06", "µ", "C"]


def test_the_line_is_paced() -> None:
    """At 9600 baud the sixteen bytes of SER and its answer take 5.2 + 12.5 ms, and 8 ms lie between."""
    host = Host()
    line = host.world.electrometer.line
    line.host_write(b"SER\r\n", host.world.now_us)
    host.run(0.024)
    assert not line.host_read(host.world.now_us).endswith(b"\r\n")
    host.run(0.005)
    assert line.host_read(host.world.now_us).endswith(b"\r\n")


def test_charge_is_the_true_dose_over_n_k_and_not_corrected_for_the_air() -> None:
    """10 s at 55 mGy/s; the room has 101.32 kPa and 22 C, so 0.68 % less air than at 20 C and 101.325 kPa is in the chamber."""
    host = Host().may()
    assert host.ask("STA") == "STA" and host.ask("S") == "S;MEAS"
    before = host.world.dose_mgy
    host.world.mgy_s = 55.0
    host.run(10.0)
    host.world.mgy_s = 0.0
    assert host.ask("HLD") == "HLD" and host.ask("S") == "S;HOLD"
    kerma_gy = (host.world.dose_mgy - before) * 1e-3 * KERMA
    air = 101.32 / 101.325 * 293.15 / 295.15
    assert host.charge_nc() == pytest.approx(kerma_gy / N_K * air, rel=1e-3)
    assert host.charge_nc() != pytest.approx(kerma_gy / N_K, rel=4e-3)


def test_it_leaks_until_its_zero_is_found() -> None:
    """-20 fA for 100 s are -2 pC; after a zero measurement they are gone."""
    host = Host().may()
    host.ask("STA")
    host.run(100.0)
    assert host.charge_nc() == pytest.approx(-0.0020, abs=0.00015)
    host.ask("RES")
    assert host.ask("NUL") == "NUL" and host.ask("S") == "S;ZERO"
    host.run(40.0)
    words, left, total = (host.ask("NUS") or "").split(";")[1:]
    assert words == "Running" and 40_000 < int(left) < 42_500 and total == "82000"
    assert host.ask("STA") == "E03" and host.ask("RES") == "E03", "it is not to be disturbed"
    host.run(42.0)
    assert host.ask("NUS") == "NUS;Passed;0;82000" and host.ask("S") == "S;RES"
    host.ask("STA")
    host.run(100.0)
    assert abs(host.charge_nc()) < 0.0002


def test_a_zero_with_beam_on_fails_and_changes_nothing() -> None:
    host = Host().may()
    host.world.mgy_s = 55.0
    host.ask("NUL")
    host.run(83.0)
    assert host.ask("NUS") == "NUS;Failed;0;82000"
    host.ask("STA")
    host.run(10.0)
    assert host.charge_nc() > 1.0


def test_an_interval_ends_by_itself_to_the_ms() -> None:
    host = Host().may()
    assert host.ask("IT;5") == "IT;5" and host.ask("INT") == "INT" and host.ask("S") == "S;INT"
    host.run(4.0)
    assert host.ask("S") == "S;INT"
    host.run(2.0)
    assert host.ask("S") == "S;INTHLD" and host.value()[10] == "5000.0"
    assert (
        host.ask("RES") == "RES"
        and host.ask("INT") == "INT"
        and host.ask("HLD") == "HLD"
        and host.ask("S") == "S;INTHLD"
    )
    assert float(host.value()[10]) < 1000.0


@pytest.mark.parametrize("name", RANGES)
def test_each_range_saturates_with_its_flags_and_shows_too_little(name: str) -> None:
    """Twice its end: both flags, a current at the end and no more; the charge's flag stays until the reset, the current's does not."""
    host = Host().may()
    assert host.ask(f"RGE;{name}") == f"RGE;{name}"
    most_a = RANGES[name].most_a
    host.ask("STA")
    host.world.mgy_s = 2.0 * most_a * 1e9 * N_K / KERMA * 1e3
    host.run(2.0)
    fields = host.value()
    assert int(fields[-1], 16) & 3 == 3
    assert float(fields[5] + fields[6]) == pytest.approx(most_a, rel=1e-3)
    host.world.mgy_s = 0.0
    host.run(2.0)
    host.ask("HLD")
    assert int(host.value()[-1], 16) & 3 == 2
    host.ask("RES")
    assert int(host.value()[-1], 16) & 3 == 0
    host.world.mgy_s = 0.5 * most_a * 1e9 * N_K / KERMA * 1e3
    host.ask("STA")
    host.run(2.0)
    assert int(host.value()[-1], 16) & 3 == 0


def test_other_flags() -> None:
    host = Host().may()
    host.ask("STA")
    host.run(2.0)
    assert int(host.value()[-1], 16) == 0x10, "next to no current"
    host.ask("HLD")
    assert int(host.value()[-1], 16) == 0x20, "next to no charge"
    host.device.uncalibrated = True
    assert int(host.value()[-1], 16) == 0x820
    host.device.hv_broken = True
    fields = host.value()
    assert int(fields[-1], 16) & 0xC == 4 and fields[12] == "0.0"
    host.ask("RES")
    host.ask("STA")
    host.run(0.1)
    assert int(host.value()[-1], 16) & 0xC == 0xC


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("XYZ", "E01"), ("mv", "E01"), ("STAT", "E01"), ("XYZ;1", "E01"), ("S" * 65, "E16"), ("IT;1;2;3;4;5", "E17"), ("IT;", "E18"), ("RGE;;LOW", "E18"),
        ("STA;1", "E19"), ("MV;1", "E19"), ("IT;1;2", "E19"), ("TOK;1;1", "E19"), ("SER;1", "E19"), ("TOK;2", "E08"),
        ("IT;0", "E08"), ("IT;-1", "E08"), ("IT;3600000", "E08"), ("HV;401", "E08"), ("IT;x", "E29"), ("IT;1.5", "E29"), ("HV;1e2", "E29"), ("UEL;1", "E29"),
        ("RGE;low", "E28"), ("RGE;OTHER", "E28"), ("HLD", "E02"),
    ],
)  # fmt: skip
def test_it_says_no_with_its_codes(text: str, code: str) -> None:
    host = Host().may()
    assert host.ask(text) == code
    assert host.ask("S") == "S;RES" and host.ask("IT") == "IT;60" and host.ask("RGE") == "RGE;LOW"


@pytest.mark.parametrize("text", ["STA", "HLD", "RES", "INT", "NUL", "IT;5", "RGE;HIGH", "HV;200", "UEL;false"])
def test_without_the_right_to_write_nothing_is_changed(text: str) -> None:
    host = Host()
    assert host.ask("TOK;1") == "TOK;1;false"
    assert host.ask(text) == "E20"
    host.device.viewer = False
    assert host.ask("TOK") == "TOK;false" and host.ask(text) == "E20"
    host.device.viewer = True
    host.may()
    assert host.ask("TOK;1") == "TOK;1;true" and host.ask("TOK;0") == "TOK;0;true" and host.ask(text) == "E20"
    assert host.ask("S") == "S;RES" and host.ask("IT") == "IT;60"


def test_wrong_states_and_a_locked_range() -> None:
    host = Host().may()
    host.ask("STA")
    assert (host.ask("STA"), host.ask("INT"), host.ask("NUL"), host.ask("RGE;HIGH"), host.ask("HV;200")) == ("E03",) * 5
    host.ask("HLD")
    assert (
        host.ask("HLD") == "HLD"
        and host.ask("INT") == "E02"
        and host.ask("NUL") == "E02"
        and host.ask("RGE;HIGH") == "E03"
    )
    host.ask("RES")
    host.device.locked_range = True
    assert host.ask("RGE;HIGH") == "E02" and host.ask("RGE") == "RGE;LOW"


def test_it_starts_up_and_forgets() -> None:
    host = Host(started=False)
    assert host.ask("S") == "S;INIT" and host.ask("PTW") is not None
    assert host.ask("TOK") == "TOK;true" and host.ask("STA") == "E03"
    host.run(3.0)
    assert host.ask("S") == "S;RES" and host.ask("STA") == "STA"
    host.device.boot(host.world.now_us)
    assert host.ask("S") == "S;INIT" and host.ask("TOK;1") == "TOK;1;false"


def test_faults_act_at_its_face() -> None:
    host = Host()
    host.device.late_us = 100_000
    assert host.ask("SER") == "SER;123456"
    host.device.late_us = 0
    host.device.garbled = True
    assert sum(host.ask("PTW") != "PTW;UNIDOS Tango;TM10052;1.2.4;A16" for _ in range(10)) >= 8
    host.device.garbled = False
    host.device.silent = True
    assert host.ask("SER") is None
    host.device.silent = False
    host.world.faults.start("electrometer-wire-silent")
    assert host.ask("SER") is None
    host.world.faults.stop("electrometer-wire-silent")
    assert host.ask("SER") == "SER;123456"


def test_one_seed_is_one_measurement() -> None:
    said = []
    for _ in range(2):
        host = Host().may()
        host.world.mgy_s = 55.0
        host.ask("STA")
        host.run(3.0)
        said.append(host.ask("MV"))
    assert said[0] == said[1]


def test_in_a_whole_rig_it_stands_in_the_beam_and_changes_nothing() -> None:
    """The chamber sees the plant's own dose; a world with one and a world without one are the same."""
    with_one, without = World(), World()
    meter = Electrometer("ptw-unidos", 1, 9600, lambda: with_one.now_us)
    with_one.fit(meter)
    for world in (with_one, without):
        world.advance(3_100_000)
    meter.line.host_write(b"TOK\r\nSTA\r\n", with_one.now_us)
    for world in (with_one, without):
        world.advance(4_000_000)
    assert meter.device.state == "MEAS"
    with_one.plant.dose_mgy += 1_000.0 / 64
    with_one.advance(4_001_000)
    meter.line.host_read(with_one.now_us)
    assert meter.device._over, "all that dose in one ms is more than the range shows"
    without.plant.dose_mgy += 1_000.0 / 64
    without.advance(4_001_000)
    assert with_one.truth() == without.truth()
