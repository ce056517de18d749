"""A physicist's bench at a machine of unknown truth with whole exposures for its steps: what chamber, meters, displays and the machine's record show of each.
It is the laboratory without its milliseconds, and its sums are its own; the truth it tells to whoever verifies, and to no procedure."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from functools import lru_cache
from math import exp, floor, prod
from typing import Any, Final

from simulators import beams, published
from simulators.bench_instruments import Air
from simulators.blunders import BLUNDERS, Said, Scene
from simulators.ion_chamber import REFERENCE_GY_S, REFERENCE_V, Paper
from simulators.laboratory import ALTITUDE_M, HEAD_RISE_C, PAPERS, SERIALS
from simulators.profile import DEFAULT, Applicator
from simulators.terms import SAG
from simulators.unknown import IN_AIR, PLANE_MM, Unknown, diameter_mm

RAMP_PARTS: Final = 60
STARVED, STARVED_S = 0.12, 0.1
"""The emission loop starts so much too low, and comes up so fast: an exposure's first tenths, in the end effect like the ramp."""
AFTER_OFF_S: Final = 0.4
"""So long the counters run on after K1 was told to open."""
GATE_S: Final = 12.0
"""The electrometer integrates so much longer than the beam is on: a hand starts it before the machine is armed and stops it after."""
REPEAT: Final = 0.0003
"""k = 1, of one reading of a chamber, beside what is drawn: cable, hand, converter."""
TIMER_JITTER_S: Final = 0.0006
SEEN_KV: Final = 5.0
CHARGE_PLACES: Final = 4
QUIET_KV, SEASON_TAU_S, BREAK_KV = 5.0, 90.0, 20.0
"""Arcs go up e-fold each 5 kV above what the tube has got used to; held there it gets used to 20 kV more, at which an arc comes once an hour."""
LEAK_MGY_H: Final = {"1 m": 0.35, "5 cm": 60.0, "tank": 0.004}


@dataclass(frozen=True, slots=True)
class Shown:
    """One exposure: what the machine recorded of it, and (for verification only) the true dose in the plane."""

    timer_s: float
    record: dict[str, float]
    true_mgy: float


class QuickBench:
    """`put` is hands, `expose` the machine, `read` eyes; `wait` lets time pass. `blundering` holds the blunders that are made now."""

    def __init__(self, machine: Unknown, seed: int) -> None:
        self.machine, self._d = machine, machine.drawn
        self._random = random.Random(f"quick {seed}")
        self._air = Air(seed, ALTITUDE_M)
        self.now_s = 0.0
        self.blundering: list[str] = []
        self.set: dict[str, Any] = {
            "chamber": "none",
            "distance_mm": PLANE_MM,
            "al_mm": 0.0,
            "volts": 300,
            "applicator": "20 mm",
            "filter": "F2",
            "display": "nC",
        }
        self.seasoned_kv = 1000.0
        self.leaking = 1.0
        self.record: dict[str, float] = {}
        """Of the last exposure, as the console shows it."""
        self._scale = published.scale()
        self._warm = self._first = self._anode_j = 0.0
        self._last: dict[tuple[str, str], Said] = {}
        self._shown: dict[str, float] = {}
        self._kerma = lru_cache(maxsize=8192)(beams.kermas().at)
        self._hvl = lru_cache(maxsize=1024)(beams.kermas().hvl1_mm_al)
        self._ramp = lru_cache(maxsize=256)(self._ramp_of)
        self._fall = lru_cache(maxsize=256)(self._fall_of)

    # --- truth -------------------------------------------------------------------------------------------------------------------------------

    def _code(self) -> int:
        return next(row.code for row in DEFAULT.filters if row.name == self.set["filter"])

    def _fitted(self) -> Applicator:
        return next(row for row in DEFAULT.applicators if row.name == self.set["applicator"])

    def _shape(self, kv: float) -> float:
        """True D0 for a mA, mGy/s, before the applicator lets a part of it through."""
        code, mm = self._code(), diameter_mm(self._fitted())
        kerma: float = self._kerma(kv, self.machine.al_mm(code)) * 1e-3 * (1000.0 / PLANE_MM) ** 2 * self._scale
        return kerma * (1.0 + self._d["output"]) * self.machine.dose_per_kerma(max(kv, 10.0), code, mm)

    def rate(self, kv: float, ma: float) -> float:
        """True D0, mGy/s, at a true kV and mA with what is fitted; nothing of warming."""
        fitted, machine = self._fitted(), self.machine
        in_air = (
            machine.in_air(diameter_mm(fitted)) if fitted.name.endswith(" mm") else machine.in_air(20) * fitted.output
        )
        return self._shape(kv) * ma * in_air

    def _ramp_of(self, kv: float, _fitted: tuple[str, str]) -> float:
        """Seconds of full rate that kV's rise and the first emission give from nothing to the end of the ramp."""
        seconds, full, whole = self._d["ramp"] * 1e-3, self._shape(kv), 0.0
        for part in range(RAMP_PARTS):
            place = (part + 0.5) / RAMP_PARTS
            whole += self._shape(kv * place) * (1.0 - STARVED * exp(-place * seconds / STARVED_S))
        # what the emission lacks still, after the ramp
        return whole / RAMP_PARTS / full * seconds - STARVED * STARVED_S * exp(-seconds / STARVED_S)

    def _fall_of(self, kv: float, ma: float, _fitted: tuple[str, str]) -> float:
        """Seconds of full rate while the cable empties itself through the tube."""
        seconds = self._d["cable"] * kv / ma * 1e-3
        full = self._shape(kv)
        return (
            sum(self._shape(kv * (part + 0.5) / RAMP_PARTS) for part in range(RAMP_PARTS)) / RAMP_PARTS / full * seconds
        )

    def true_beam_s(self, kv: float, ma: float, seconds: float) -> tuple[float, float, float]:
        """Seconds of full rate of an exposure timed from hv_seen; of them after the release of K1; and from K1's closing to hv_seen."""
        true_kv, true_ma = self.machine.true_kv(kv), ma * (1.0 + self._d["ma_scale"])
        fitted = self.set["filter"], self.set["applicator"]
        ramp_s = self._d["ramp"] * 1e-3
        seen_s = ramp_s * SEEN_KV / true_kv
        tail = self._d["k1"] * 1e-3 + self._fall(true_kv, true_ma, fitted)
        beam = self._ramp(true_kv, fitted) + (seconds + seen_s - ramp_s) + tail
        return beam, tail, DEFAULT.hv_on_delay_ms * 1e-3 + 0.008 + seen_s

    # --- time --------------------------------------------------------------------------------------------------------------------------------

    def wait(self, seconds: float) -> None:
        """No beam: what was warm cools."""
        self._pass(seconds, 0.0)

    def _pass(self, seconds: float, watts: float) -> float:
        """Time passes with this power on the anode; the mean factor of the output over it."""
        p, d = DEFAULT, self._d
        still = exp(-seconds / p.anode_tau_s)
        self._anode_j = self._anode_j * still + watts * p.anode_tau_s * (1.0 - still)
        self.now_s += seconds
        if watts <= 0.0:
            cooled = exp(-seconds / p.cooling_tau_s)
            self._warm, self._first = self._warm * cooled, self._first * cooled
            return 1.0
        lacks_warm, lacks_first = 1.0 - self._warm, 1.0 - self._first
        part_warm, part_first = exp(-seconds / p.sag_tau_s), exp(-seconds / p.first_tau_s)
        self._warm, self._first = 1.0 - lacks_warm * part_warm, 1.0 - lacks_first * part_first
        warm = 1.0 - lacks_warm * p.sag_tau_s / seconds * (1.0 - part_warm)
        cold = lacks_first * p.first_tau_s / seconds * (1.0 - part_first)
        return (1.0 - (SAG + d["sag"]) * warm) * (1.0 + d["first_minute"] * cold)

    def room(self) -> tuple[float, float]:
        """True pressure and temperature at the bench."""
        return self._air.at(self.now_s)

    def _head_c(self) -> float:
        return self.room()[1] + HEAD_RISE_C * min(1.0, self._anode_j / DEFAULT.anode_limit_j)

    # --- the machine -------------------------------------------------------------------------------------------------------------------------

    def expose(self, kv: float, ma: float, seconds: float, how: str = "beam") -> Shown:
        """One exposure timed from hv_seen, with what the record says of it."""
        gauss, d = self._random.gauss, self._d
        timed = seconds + gauss(0.0, TIMER_JITTER_S)
        true_kv = self.machine.true_kv(kv) if how != "dark" else 0.0
        true_ma = ma * (1.0 + d["ma_scale"])
        beam, tail, rise = (
            self.true_beam_s(kv, ma, timed) if how == "beam" else (0.0, 0.0, 0.02 if how == "cold" else 0.0)
        )
        mean = self._pass(timed, true_kv * true_ma)
        full = self.rate(true_kv, true_ma) * mean if how == "beam" else 0.0
        counts, after = self._counted(full * beam, full * tail, timed)
        bleeder_ma = true_kv / d["bleeder"] * 1e-3
        kpa, _ = self.room()
        record = {
            "set_kv": kv, "set_ma": ma, "kv": kv + gauss(0.0, 0.014) if kv else 0.0, "ma": ma + bleeder_ma + gauss(0.0, 0.0007),
            "timer_2_s": timed + gauss(0.0, 0.001), "clock_s": timed + gauss(0.0, 0.002), "k1_to_hv_s": rise + gauss(0.0, 0.0005) if kv else 0.0,
            "counts_1": counts[0], "counts_2": counts[1], "after_off_1": after[0], "after_off_2": after[1], "after_off_s": AFTER_OFF_S,
            "k1_closed_s": 0.0, "arcs": float(self._arcs(true_kv, timed)),
            "head_c": round(self._head_c(), 2), "p_kpa": round(kpa + gauss(0.0, 0.03), 2),
        }  # fmt: skip
        self._meters(true_kv, true_ma + bleeder_ma, timed + tail if how == "beam" else 0.0, beam, full)
        self.record = record
        return Shown(round(timed, 3), record, full * beam)

    def _counted(self, mgy: float, after_mgy: float, seconds: float) -> tuple[list[float], list[float]]:
        """Whole counts of both channels, and those after the release of K1."""
        p, d = DEFAULT, self._d
        kpa, _ = self.room()
        air = kpa / p.reference_kpa * (273.15 + p.reference_c) / (273.15 + self._head_c())
        whole, late = [], []
        for place, per, leak in ((1, p.mgy_per_count_1, p.leak_1_cps), (2, p.mgy_per_count_2, p.leak_2_cps)):
            gain = (1.0 + d[f"monitor_{place}"]) / per * self._fitted().scatter * (air if place == 2 else 1.0)
            if place == 1 and self.leaking != 1.0:
                gain *= air
            noise = 1.0 + self._random.gauss(0.0, p.chamber_noise / max(seconds / 0.01, 1.0) ** 0.5)
            whole.append(float(floor(mgy * gain * noise + leak * seconds + self._random.random())))
            late.append(float(floor(after_mgy * gain + leak * AFTER_OFF_S + self._random.random())))
        return whole, late

    def _arcs(self, kv: float, seconds: float) -> int:
        """By chance, after what the tube has got used to; and it gets used to this."""
        if kv < 20.0:
            return 0
        per_s = exp((kv - self.seasoned_kv) / QUIET_KV) / 60.0
        arcs, left = 0, seconds
        while per_s > 1e-9:
            left -= self._random.expovariate(per_s)
            if left < 0.0:
                break
            arcs += 1
        if kv + BREAK_KV > self.seasoned_kv:
            self.seasoned_kv += (kv + BREAK_KV - self.seasoned_kv) * (1.0 - exp(-seconds / SEASON_TAU_S))
        return arcs

    # --- the bench ---------------------------------------------------------------------------------------------------------------------------

    def put(self, **wanted: Any) -> None:
        """Hands: chamber (A, B, jig, none), distance_mm, al_mm, volts, applicator, filter, and what the electrometer displays (nC, mGy)."""
        unknown = [key for key in wanted if key not in self.set]
        if unknown:
            raise ValueError(f"nothing on the bench is called {unknown[0]}; known: {', '.join(self.set)}")
        self.set.update(wanted)

    def _plugged(self) -> str:
        called: str = self.set["chamber"]
        other = [BLUNDERS[name].plugged[1] for name in self.blundering if BLUNDERS[name].plugged[0] == called]
        return other[0] if other else called

    def _meters(self, kv: float, return_ma: float, radiation_s: float, beam_s: float, full_mgy_s: float) -> None:
        """What stands on the displays after an exposure."""
        gauss, d = self._random.gauss, self._d
        self._shown = {
            "ma-meter": round(return_ma * (1.0 + d["ma_meter"]) * (1.0 + gauss(0.0, 0.0005)) + d["ma_meter_zero"], 4)
        }
        if kv:
            self._shown["divider"] = round(kv * (1.0 + d["divider"]) * (1.0 + gauss(0.0, 0.0005)), 2)
        if beam_s > 0.0:
            self._shown["kvp-meter"] = round(kv * (1.0 + d["kvp_meter"]) * (1.0 + gauss(0.0, 0.0005)), 2)
            self._shown["timer"] = round(radiation_s, 3)
        self._shown["electrometer"] = self._charge(kv, beam_s, full_mgy_s, radiation_s)

    def _charge(self, kv: float, beam_s: float, full_mgy_s: float, gate_s: float) -> float:
        """nC on the display."""
        d, key = self._d, self._plugged()
        paper: Paper | None = PAPERS.get(key)
        dark = d["input"] if paper is None else d["input"] + d["leakage"]
        charge = dark * (gate_s + (GATE_S if beam_s else 0.0)) * 1e9
        if paper is not None and beam_s > 0.0:
            code, own = self._code(), self.machine.al_mm(self._code())
            al_mm = own + float(self.set["al_mm"])
            kv = max(kv, 10.0)
            kerma = (
                full_mgy_s
                * 1e-3
                / self.machine.dose_per_kerma(kv, code, diameter_mm(self._fitted()))
                * self._kerma(kv, al_mm)
                / self._kerma(kv, own)
            )
            kerma *= self._reaching(key)
            volts = float(self.set["volts"])
            collected = volts**2 / (volts**2 + d["recombination"] * REFERENCE_V**2 / REFERENCE_GY_S * kerma)
            terms = {"A": ("n_k", "quality"), "B": ("second_n_k", "second_quality")}.get(key, ())
            bent = prod(1.0 + d[name] for name in terms)
            n_k = beams.straight(paper.n_k_gy_per_nc, self._hvl(kv, al_mm)) * bent
            kpa, celsius = self.room()
            air = kpa / paper.ref_kpa * (273.15 + paper.ref_c) / (273.15 + celsius)
            sign = (1.0 if volts > 0 else -1.0) - d["polarity"]
            noise = 1.0 + self._random.gauss(0.0, REPEAT)
            charge += kerma * beam_s / n_k * (1.0 + d["stem"]) / paper.stem_factor * air * collected * sign * noise
        return charge * (1.0 + d["electrometer"])

    def _reaching(self, key: str) -> float:
        """Of the kerma in the plane, what there is where the chamber stands; the jig holds its detector in its seat."""
        if key == "jig":
            return prod(BLUNDERS[name].signal for name in self.blundering)
        pulled = sum(BLUNDERS[name].pulled_mm for name in self.blundering)
        standing: float = self.set["distance_mm"] + self._d["position"] + pulled
        return (PLANE_MM / standing) ** 2

    def without_beam(self, seconds: float) -> None:
        """The electrometer integrates so long of nothing."""
        self.wait(seconds)
        self._shown = {"electrometer": self._charge(0.0, 0.0, 0.0, seconds)}

    def _display(self, instrument: str) -> tuple[str, str]:
        """Text and unit. ValueError: it shows dashes, or is not on the bench."""
        kpa, celsius = self.room()
        if instrument == "barometer":
            return f"{kpa + self._d['barometer']:.2f}", "kPa"
        if instrument == "thermometer":
            return f"{celsius + self._d['thermometer']:.1f}", "degC"
        if instrument not in self._shown:
            raise ValueError(f"{instrument} shows nothing; known: barometer, thermometer, {', '.join(self._shown)}")
        value = self._shown[instrument]
        if instrument != "electrometer":
            return f"{value}", {"ma-meter": "mA", "timer": "s"}.get(instrument, "kV")
        if self.set["display"] == "nC":
            return f"{value:.{CHARGE_PLACES}f}", "nC"
        return f"{1000.0 * value * PAPERS[self._plugged()].n_k_gy_per_nc[2.0]:.1f}", "mGy"

    def read(self, instrument: str) -> Said:
        """What a person reports of a display."""
        text, unit = self._display(instrument)
        said = Said(instrument, text, unit, SERIALS[instrument])
        kpa, celsius = self.room()
        paper = PAPERS.get(self._plugged(), PAPERS["A"])
        k_tp = paper.ref_kpa / kpa * (273.15 + celsius) / (273.15 + paper.ref_c)
        formula = {f"{mm} mm": factor for mm, factor in IN_AIR.items()}
        scene = Scene(
            self.set["chamber"], self.set["distance_mm"], PLANE_MM, ALTITUDE_M, self.set["applicator"], formula, dict(self._last), k_tp
        )  # fmt: skip
        for name in self.blundering:
            says = BLUNDERS[name].says
            if says is not None:
                said = says(said, scene)
        if instrument == "electrometer":
            self._last[scene.chamber, scene.applicator] = said
        return said

    def paper(self, key: str) -> Paper:
        """The certificate of a chamber, as it is taken from the folder."""
        paper = PAPERS[key]
        for name in self.blundering:
            takes = BLUNDERS[name].takes
            if takes is not None and key == "A":
                paper = takes(paper)
        return paper

    def survey(self, place: str, far: str) -> str:
        """What a survey meter shows, mGy/h, at this place while there is high voltage."""
        own = random.Random(f"{self.machine.seed} {place}").uniform(0.3, 1.0)
        return f"{LEAK_MGY_H['tank' if place == 'tank' else far] * own * self.leaking:.4f}"

    def film(self) -> dict[str, str]:
        """What a loupe shows on the film behind the pinhole: the spot's size and its distance from the axis, mm."""
        own = random.Random(f"{self.machine.seed} spot")
        return {
            "spot size": f"{own.uniform(0.9, 1.2):.2f}",
            "spot off axis": f"{own.uniform(0.05, 0.45) * self.leaking:.2f}",
        }


def on_another_day(bench: QuickBench, seed: int) -> QuickBench:
    """The same machine on the day of a treatment: cold, in other air, its output moved."""
    other = QuickBench(bench.machine.on_treatment_day(), seed)
    other.set = {**bench.set}
    return other


def bent(machine: Unknown, **terms: float) -> Unknown:
    """A machine of which some terms are set."""
    return replace(machine, drawn={**machine.drawn, **terms})
