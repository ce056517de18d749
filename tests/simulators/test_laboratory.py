"""The physicist's bench: a calibration by hand, worked out here with formulas of its own, finds the truth where no term is wrong, else is wrong by that term.
Every blunder of a session is seen to change what it says and nothing else; nothing true goes over a wire or stands on a display."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from math import log, sqrt
from statistics import pstdev

import pytest

from simulators import beams, terms
from simulators.bench_instruments import Air, at_sea_level, standard_kpa
from simulators.blunders import BLUNDERS
from simulators.control import Control
from simulators.faults import TABLE
from simulators.laboratory import PAPERS, Laboratory
from simulators.plant import Plant
from simulators.profile import DEFAULT
from simulators.unknown import as_engraved, unknown
from simulators.world import World
from verification.certify import Bench

CONE = {10: 0x53, 20: 0x35, 30: 0x66}
STILL = {"first_minute": 0.0, "sag": -0.009, "ageing": 0.0}
"""Neither warming nor age: what is left is what the test is about."""


class Session:
    """The bench at a tube that stands at 69.5 kV for as long as hands want it to: the beam is fed by the test, 55 mGy/s in the plane."""

    def __init__(self, altitude_m: float = 200.0, **known: float) -> None:
        self.machine = replace(as_engraved(), drawn={**terms.nothing(), **STILL, **known})
        self.plant = Plant(DEFAULT, 5)
        self.lab = Laboratory(self.machine, self.plant, 5, lambda: self.now_us, altitude_m=altitude_m)
        self.now_us = 4_000_000
        self.dose_mgy = 0.0
        self.run(1, 0.0)
        self.lab.put({"chamber": "A", "distance_mm": 61.0})

    def run(self, ms: int, mgy_ms: float = 0.055) -> None:
        tube = self.plant.tube
        tube.kv, tube.ma = (
            (self.machine.true_kv(69.5), 1.6 * (1.0 + self.machine.drawn["ma_scale"])) if mgy_ms else (0.0, 0.0)
        )
        for _ in range(ms):
            self.now_us += 1000
            self.dose_mgy += mgy_ms
            self.lab.step(self.now_us, self.dose_mgy, 1.0)
        tube.kv = tube.ma = 0.0

    def reading(self, ms: int = 3000) -> tuple[float, float]:
        """One exposure between start and hold: charge as it is reported, nC, and the true dose in the plane, mGy."""
        self.lab.put({"key": "RES"})
        self.lab.put({"key": "STA"})
        before = self.dose_mgy
        self.run(ms)
        self.run(100, 0.0)
        self.lab.put({"key": "HLD"})
        said = self.lab.read("electrometer")
        return float(said.text) * {"nC": 1.0, "pC": 1e-3}[said.unit], self.dose_mgy - before

    def dose_of(self, charge_nc: float, filter_code: int = 0xF2, diameter_mm: int = 20) -> float:
        """D0 by in-air kerma with the papers' N_K, the bench's own air, the engraved distances and the protocol's tables, in mGy."""
        paper = self.lab.papers()["chambers"][self.lab.set["chamber"]]
        kpa, celsius = (float(self.lab.read(name).text) for name in ("barometer", "thermometer"))
        k_tp = paper["ref_kpa"] / kpa * (273.15 + celsius) / (273.15 + paper["ref_c"])
        hvl = beams.kermas().hvl1_mm_al(69.5, self.machine.al_mm(filter_code))
        n_k = beams.straight(paper["n_k_gy_per_nc"], hvl)
        right = beams.backscatter(hvl, diameter_mm, 60.0) * beams.water_to_air(hvl)
        plane = (self.lab.set["distance_mm"] / 60.0) ** 2
        return charge_nc * k_tp * n_k * paper["stem_factor"] * plane * right * 1e3


def error_of(session: Session) -> float:
    """By how much a dose worked out by hand is off, recombination at 300 V taken out."""
    charge, truth = session.reading()
    return session.dose_of(charge) / truth / (1.0 - session.machine.drawn["recombination"]) - 1.0


def test_without_errors_the_dose_worked_out_by_hand_is_the_true_one() -> None:
    assert abs(error_of(Session(recombination=0.0))) < 0.001


def test_a_real_exposure_of_an_unknown_machine_is_found_within_its_own_terms() -> None:
    """Ramp, tail, drift and all: the plant of seed 11 exposed by its coils. What is left when every drawn term is taken out again is 0.3 %."""
    machine = unknown(11)
    host = Bench(machine.profile, 5, CONE[20], 0xF2)
    lab = Laboratory(machine, host.plant, 5, lambda: host.plant.now_us)
    lab.put({"chamber": "A", "distance_mm": 61.0})

    def run(ms: int) -> None:
        for _ in range(ms):
            host.plant.step(host.out)
            lab.step(host.plant.now_us, host.plant.dose_mgy, 1.0)

    host.run = run  # type: ignore[method-assign]
    host.run(4000)
    host.set_points(2846, 1310)
    lab.put({"key": "STA"})
    truth = host.expose(4000).dose_mgy
    lab.put({"key": "HLD"})
    session, d = Session(), machine.drawn
    session.machine, session.lab = machine, lab
    said = lab.read("electrometer")
    found = session.dose_of(float(said.text) * {"nC": 1.0, "pC": 1e-3}[said.unit])
    for term in ("n_k", "quality", "b_w", "mu"):
        found *= 1.0 + d[term]
    found /= (1.0 + d["stem"]) * (1.0 + d["electrometer"]) * (1.0 - d["polarity"]) * (1.0 - d["recombination"])
    found *= (1.0 + d["barometer"] / 98.9) * (1.0 - d["thermometer"] / 295.0) * (1.0 + d["position"] / 61.0) ** 2
    assert found == pytest.approx(truth, rel=0.003)


@pytest.mark.parametrize(
    ("term", "value", "wrong_by"),
    [
        ("n_k", 0.02, 1 / 1.02 - 1),
        ("quality", 0.02, 1 / 1.02 - 1),
        ("b_w", 0.03, 1 / 1.03 - 1),
        ("mu", 0.03, 1 / 1.03 - 1),
        ("stem", 0.02, 0.02),
        ("position", 0.3, (61.0 / 61.3) ** 2 - 1),
        ("electrometer", 0.01, 0.01),
        ("barometer", 1.0, -0.01),
        ("thermometer", 3.0, 3.0 / 295.0),
        ("polarity", 0.003, -0.003),
    ],
)
def test_each_type_b_term_is_found_in_the_result_by_its_size(term: str, value: float, wrong_by: float) -> None:
    assert error_of(Session(recombination=0.0, **{term: value})) == pytest.approx(wrong_by, abs=0.002)


@pytest.mark.grid
@pytest.mark.timeout(300)
def test_200_machines_measured_once_by_hand_lie_within_the_stated_budget() -> None:
    """One exposure each, polarity and recombination left uncorrected: spread of the error is E11's 2.58 % within 4 of its own errors, and 184 of 200 or more
    lie within k = 2. So the terms that are drawn are those that the budget states."""
    errors = []
    for seed in range(200):
        session = Session(**{name: value for name, value in terms.draw(seed).items() if name not in STILL})
        charge, truth = session.reading(600)
        errors.append(100.0 * (session.dose_of(charge) / truth - 1.0))
    assert pstdev(errors) == pytest.approx(2.5799, abs=4.0 * 2.5799 / sqrt(400.0))
    assert sum(abs(error) < 2.0 * 2.5799 for error in errors) >= 184


def test_polarity_and_recombination_come_out_of_three_voltages() -> None:
    """P_pol and P_ion by the protocol's formulas, from +300, -300 and +150 V; without noise, for the beam's is not in question."""
    chamber = Session(polarity=0.0025, recombination=0.003).lab.chambers["A"]
    chamber._spread, chamber.leak_a, chamber._noise, mgy = 0.0, 0.0, 1.0, 0.055
    found = {}
    for volts in (300, -300, 150, 0):
        chamber.volts = volts
        chamber._settling_a = 0.0
        found[volts] = chamber.step(mgy, 1.0)
    p_pol = (abs(found[300]) + abs(found[-300])) / (2.0 * found[300])
    p_ion = (1.0 - 4.0) / (found[300] / found[150] - 4.0)
    assert p_pol == pytest.approx(1.0 / (1.0 - 0.0025), rel=1e-4)
    assert p_ion == pytest.approx(1.0 + 0.003 * mgy * chamber.kerma_per_dose / 0.05, rel=2e-4)
    assert found[0] == 0.0


def test_a_new_voltage_leaves_a_current_that_goes_in_a_minute_or_two() -> None:
    chamber = Session(leakage=1e-14).lab.chambers["A"]
    chamber.volts = -300
    first = chamber.step(0.0, 1.0) * 1e3
    for _ in range(120_000):
        last = chamber.step(0.0, 1.0) * 1e3
    assert first < -2.5e-12
    assert last == pytest.approx(1e-14, rel=0.9)


def test_leakage_and_the_electrometers_own_current_add_up_and_a_zero_takes_both_off() -> None:
    """60 s without beam, then a zero of 82 s, then 60 s again."""
    session = Session(leakage=3e-14, input=-1e-14)

    def minute() -> float:
        for key in ("RES", "STA"):
            session.lab.put({"key": key})
        session.run(60_000, 0.0)
        session.lab.put({"key": "HLD"})
        return float(session.lab.read("electrometer").text)

    assert session.lab.read("electrometer").unit == "pC"
    assert minute() == pytest.approx(60.0 * 0.02, abs=0.15)
    for key in ("RES", "NUL"):
        session.lab.put({"key": key})
    session.run(82_100, 0.0)
    assert session.lab.meter.device.zero[0] == "Passed"
    assert minute() == pytest.approx(0.0, abs=0.15)


def test_half_value_layer_by_the_aluminium_on_the_bench() -> None:
    """Chamber at 300 mm, charge per dose with 0, 1.5 and 2.25 mm: log interpolation finds the half-value layer of the machine within 1.5 %."""
    session = Session(filter_F2=0.04, inherent=0.1)
    session.lab.put({"distance_mm": 300.0})
    shares = {}
    for al_mm in (0.0, 1.5, 2.25):
        session.lab.put({"al_mm": al_mm})
        charge, truth = session.reading(5000)
        shares[al_mm] = charge / truth
    first, one, two = (shares[al_mm] for al_mm in (0.0, 1.5, 2.25))
    found = 1.5 + 0.75 * log(one / (0.5 * first)) / log(one / two)
    assert found == pytest.approx(session.machine.hvl_mm_al(69.5, 0xF2), rel=0.015)


def test_meters_show_the_true_values_with_their_own_errors_and_hold_them() -> None:
    session = Session(kv_scale=0.015, kvp_meter=0.02, divider=-0.004, ma_scale=-0.01, ma_meter_zero=0.001, bleeder=1.0)
    assert session.lab.read("kvp-meter").text == "---"
    session.run(3000)
    shown = {name: float(session.lab.read(name).text) for name in ("kvp-meter", "divider", "ma-meter", "timer")}
    true_kv = 69.5 * 1.015
    assert shown["kvp-meter"] == pytest.approx(true_kv * 1.02, rel=0.002)
    assert shown["divider"] == pytest.approx(true_kv * 0.996, rel=0.002)
    assert shown["ma-meter"] == pytest.approx(1.6 * 0.99 + 0.001 * true_kv + 0.001, rel=0.003)
    assert shown["timer"] == pytest.approx(3.0, abs=0.001)
    session.run(500, 0.0)
    assert float(session.lab.read("divider").text) == shown["divider"]


def test_a_cold_filament_shows_the_bleeder_alone() -> None:
    """High voltage without a beam: the kVp meter shows dashes, the mA meter what the bleeder draws. The fall after off is in no mean."""
    session = Session(bleeder=1.0)
    for step in range(3000):
        session.lab.meters.step(69.5 if step < 2900 else 30.0, 0.0695 if step < 2900 else 0.03, 0.0)
    assert float(session.lab.read("ma-meter").text) == pytest.approx(0.0695, abs=2e-4)
    assert float(session.lab.read("divider").text) == pytest.approx(69.5, rel=0.002)
    assert session.lab.read("kvp-meter").text == session.lab.read("timer").text == "---"


def test_the_air_changes_over_hours_and_the_heads_sensors_are_warmer_after_beam() -> None:
    air = Air(3, 200.0)
    course = [air.at(600.0 * step) for step in range(60)]
    assert 0.5 < max(kpa for kpa, _ in course) - min(kpa for kpa, _ in course) <= 1.0
    assert 1.0 < max(c for _, c in course) - min(c for _, c in course) <= 2.4
    assert max(abs(b[0] - a[0]) for a, b in pairwise(course)) < 0.08  # in ten minutes
    assert air.at(10.0) == Air(3, 200.0).at(10.0) != Air(4, 200.0).at(10.0)
    assert standard_kpa(500.0) == pytest.approx(95.46, abs=0.02)
    assert at_sea_level(standard_kpa(500.0), 500.0) / standard_kpa(500.0) == pytest.approx(1.061, abs=0.001)
    session = Session()
    session.plant.tube.anode_j = 20_000.0
    session.run(1100, 0.0)
    assert session.plant.temperature_c - session.lab.truth()["room_c"] == pytest.approx(5.0, abs=0.1)
    assert session.plant.pins.pressure_10pa == round(session.lab.truth()["room_kpa"] * 100.0)


def test_off_the_axis_the_heel_takes_its_part() -> None:
    session = Session(heel=0.12)
    on_axis = session.lab.chambers["A"].kerma_per_dose
    session.lab.put({"off_axis_mm": 25.0})
    assert session.lab.chambers["A"].kerma_per_dose / on_axis == pytest.approx(1.0 - 0.12 - 0.04)
    session.lab.put({"off_axis_mm": -5.0})
    assert session.lab.chambers["A"].kerma_per_dose / on_axis == pytest.approx(1.0 + 0.024 - 0.0016)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"chamber": "C"}, "none of: none, A, B, jig"),
        ({"distance_mm": 5.0}, "outside 30 .. 1000"),
        ({"distance_mm": float("nan")}, "outside 30 .. 1000"),
        ({"al_mm": True}, "known: chamber"),
        ({"volts": 500}, "E08"),
        ({"focus": 1}, "known: chamber"),
        ({"key": "PTW"}, "none of its keys"),
    ],
)
def test_hands_that_cannot_be_are_told_so(wanted: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Session().lab.put(wanted)


# What a blunder does, one row each: (instrument read or paper looked at) against the same without it.
REPORTED = {
    "chamber-pulled-back": (61.0 / 63.0) ** 2, "not-reset-between": 2.0, "distance-already-corrected": (61.0 / 60.0) ** 2, "pc-for-nc": 1e3,
}  # fmt: skip


@pytest.mark.parametrize("name", REPORTED)
def test_blunders_that_change_a_reading(name: str) -> None:
    """Charge per true dose with and without it; a sound reading comes back when it is over."""
    session = Session()
    sound, truth = session.reading(2000)
    session.lab.faults[name].start(None)  # type: ignore[arg-type]
    bent, of = session.reading(2000)
    session.lab.faults[name].stop(None)  # type: ignore[arg-type]
    after, of_after = session.reading(2000)
    assert (bent / of) / (sound / truth) == pytest.approx(REPORTED[name], rel=0.002)
    assert (after / of_after) / (sound / truth) == pytest.approx(1.0, rel=0.002)


def made(session: Session, name: str) -> None:
    session.lab.faults[name].start(None)  # type: ignore[arg-type]


def test_a_detector_that_is_not_seated_shows_53_per_cent() -> None:
    session = Session()
    session.lab.put({"chamber": "jig"})
    sound = session.lab.chambers["jig"].kerma_per_dose
    made(session, "jig-not-seated")
    assert session.lab.chambers["jig"].kerma_per_dose / sound == pytest.approx(230.7 / 436.6)
    session.lab.put({"chamber": "A"})
    assert session.lab.chambers["A"].kerma_per_dose == pytest.approx(Session().lab.chambers["A"].kerma_per_dose)


def test_readings_that_were_never_taken() -> None:
    """By formula: the 20 mm reading times 0.972, whatever the 10 mm cone gives. Copied: chamber B's reading is A's, digit for digit."""
    session = Session(applicator_10=0.05)
    first, _ = session.reading(2000)
    made(session, "applicator-by-formula")
    session.plant.room.fit_applicator(CONE[10])
    by_formula, _ = session.reading(2000)
    assert by_formula == pytest.approx(first * 0.972, rel=1e-4)
    other = Session()
    first, _ = other.reading(2000)
    made(other, "second-reading-copied")
    other.lab.put({"chamber": "B"})
    assert other.reading(3000)[0] == first
    assert other.lab.read("electrometer").serial == "EL-4004"


def test_the_first_chamber_called_the_second() -> None:
    session = Session()
    made(session, "second-chamber-is-first")
    session.lab.put({"chamber": "B"})
    assert session.lab.truth()["plugged"] == "A"
    assert session.lab.papers()["chambers"]["B"]["serial"] == PAPERS["B"].serial


def test_what_is_written_down_wrongly() -> None:
    """Minutes, commas, two in one, sea level, air corrected already: the texts themselves."""
    session = Session(altitude_m=500.0)
    session.reading(2000)
    sound = {name: session.lab.read(name).text for name in ("timer", "electrometer", "barometer")}
    made(session, "minutes-as-seconds")
    assert float(session.lab.read("timer").text) == pytest.approx(float(sound["timer"]) / 0.6, abs=0.05)
    made(session, "sea-level-pressure")
    assert float(session.lab.read("barometer").text) / float(sound["barometer"]) == pytest.approx(1.061, abs=0.001)
    made(session, "air-already-corrected")
    corrected = float(session.lab.read("electrometer").text)
    assert corrected / float(sound["electrometer"]) == pytest.approx(1.0 / session.lab.chambers["A"].air, rel=1e-3)
    session.lab.blundering.clear()
    made(session, "decimal-comma")
    assert session.lab.read("electrometer").text == sound["electrometer"].replace(".", ",")
    session.lab.blundering.clear()
    made(session, "two-in-one-entry")
    assert session.lab.read("electrometer").text == f"{sound['electrometer']}+{sound['electrometer']}"


def test_a_dose_display_in_mgy_reported_as_gy() -> None:
    session = Session()
    session.lab.meter.device.electrical = False
    assert session.lab.read("electrometer").unit == "mGy"
    made(session, "gy-for-mgy")
    assert session.lab.read("electrometer").unit == "Gy"


def test_papers_that_are_not_the_right_ones() -> None:
    session = Session()
    sound = session.lab.papers()["chambers"]["A"]
    made(session, "paper-expired")
    assert session.lab.papers()["chambers"]["A"]["expires"] == "2025-03-02"
    made(session, "paper-before-repair")
    old = session.lab.papers()["chambers"]["A"]
    assert old["n_k_gy_per_nc"][1.5] / sound["n_k_gy_per_nc"][1.5] == pytest.approx(1.25, rel=1e-4)
    assert old["certificate"] != sound["certificate"]
    made(session, "other-reference-form")
    assert session.lab.papers()["chambers"]["A"]["ref_form"] == "22C"
    assert session.lab.papers()["chambers"]["B"]["ref_form"] == "20C"


def test_every_hazard_of_a_calibration_session_has_blunders_and_no_name_is_taken() -> None:
    assert {row.hazard for row in BLUNDERS.values()} == {"A1", "A2", "A3", "A4", "A5", "A12", "A13"}
    assert not BLUNDERS.keys() & TABLE.keys()


def test_a_world_with_a_bench_is_served_through_its_control_and_one_without_says_so() -> None:
    """Hands, eyes, papers and blunders by the control socket's requests; a display and the papers hold no drawn term."""
    machine = unknown(7)
    world = World(machine.profile, 7)
    world.equip(Laboratory(machine, world.plant, 7, lambda: world.now_us))
    control = Control(world)

    def ask(asker: Control = control, **request: object) -> dict[str, object]:
        answer: dict[str, object] = json.loads(asker.answer(json.dumps(request).encode()))
        return answer

    world.advance(4_000_000)
    assert ask(do="bench", set={"chamber": "A", "volts": -300})["ok"] is True
    assert ask(do="bench", set={"chamber": "Z"})["ok"] is False
    assert ask(do="read", instrument="barometer")["unit"] == "kPa"
    assert ask(do="read", instrument="sextant")["ok"] is False
    assert ask(do="fault", name="sea-level-pressure")["ok"] is True
    assert "sea-level-pressure" in json.dumps(ask(do="list")["active"])
    world.advance(6_000_000)
    assert world.laboratory is not None
    assert world.laboratory.truth()["blundering"] == ["sea-level-pressure"]
    shown = json.dumps(
        [ask(do="papers"), *(ask(do="read", instrument=name) for name in ("electrometer", "ma-meter", "thermometer"))]
    )
    assert "drawn" not in shown
    assert not any(f"{value:.6f}" in shown for value in machine.drawn.values() if abs(value) > 1e-4)
    assert "drawn" in json.dumps(ask(do="truth"))
    bare = Control(World())
    for request in ({"do": "papers"}, {"do": "read", "instrument": "timer"}, {"do": "bench", "set": {"chamber": "A"}}):
        assert "no physicist's bench" in str(ask(bare, **request)["error"])
    assert "bench" not in ask(bare, do="truth")
    assert "sea-level-pressure" not in json.dumps(ask(bare, do="list"))
