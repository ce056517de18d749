"""A physicist's bench at a machine of unknown truth: chambers, electrometer on its wire, jig, meters and aluminium, and the air of the room over hours.
It gives what hands, displays and papers give, blunders and all; what is true it tells to whoever verifies, and to no wire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from typing import Any, Final

from simulators.beams import kermas
from simulators.bench_instruments import Air, Meters
from simulators.blunders import BLUNDERS, Said, Scene
from simulators.electrometers import BAUDS, Electrometer
from simulators.faults import Fault
from simulators.ion_chamber import IonChamber, Paper
from simulators.line import SerialLine
from simulators.plant import Plant
from simulators.unknown import FILTER_MM, IN_AIR, PLANE_MM, Unknown, diameter_mm

AIR_EVERY_MS: Final = 1000
LOOK_EVERY_MS: Final = 10
HEAD_RISE_C: Final = 10.0
EDGE_MM: Final = 25.0
CROSS: Final = 0.04
ALTITUDE_M: Final = 200.0
PAPERS: Final = {
    "A": Paper("CH-A-1001", "ADCL-2026-0117", "2026-03-02", "2028-03-02", {0.5: 0.4530, 1.0: 0.4500, 1.5: 0.4482, 2.0: 0.4470, 3.0: 0.4455},
               20.0, 101.325, "20C", 0.998, 300, 5.2),
    "B": Paper("CH-B-2002", "ADCL-2026-0230", "2026-04-20", "2028-04-20", {0.5: 0.3921, 1.0: 0.3904, 1.5: 0.3893, 2.0: 0.3885, 3.0: 0.3876},
               20.0, 101.325, "20C", 0.999, 300, 5.2),
    "jig": Paper("JIG-3003", "", "2026-05-04", "2027-05-04", {1.0: 0.2500, 2.0: 0.2500}, 20.0, 101.325, "20C", 1.0, 300, 10.0),
}  # fmt: skip
SERIALS: Final = {
    "electrometer": "EL-4004", "kvp-meter": "KV-5005", "divider": "DV-6006", "ma-meter": "MA-7007", "timer": "KV-5005",
    "barometer": "BA-8008", "thermometer": "TH-9009",
}  # fmt: skip
UNITS: Final = {
    "kvp-meter": "kV",
    "divider": "kV",
    "ma-meter": "mA",
    "timer": "s",
    "barometer": "kPa",
    "thermometer": "degC",
}
DASHES: Final = "---"


class Laboratory:
    """Put into a world by `World.equip`. Hands act by `put`, eyes see by `read`; `blundering` holds the blunders that are made now."""

    def __init__(
        self, machine: Unknown, plant: Plant, seed: int, clock: Callable[[], int], name: str = "ptw-unidos", baud: int | None = None,
        altitude_m: float = ALTITUDE_M,
    ) -> None:  # fmt: skip
        d = self._d = machine.drawn
        self.machine, self._plant = machine, plant
        self.blundering: list[str] = []
        self.air = Air(seed, altitude_m)
        self.meters = Meters(seed * 16 + 8, d["kvp_meter"], d["divider"], d["ma_meter"], d["ma_meter_zero"])
        bent = {
            "A": (1.0 + d["n_k"]) * (1.0 + d["quality"]) - 1.0,
            "B": (1.0 + d["second_n_k"]) * (1.0 + d["second_quality"]) - 1.0,
        }
        rest = d["polarity"], d["recombination"], d["leakage"]
        self.chambers = {
            key: IonChamber(paper, seed * 16 + 9 + place, bent.get(key, 0.0), d["stem"] if key in bent else 0.0, *rest)
            for place, (key, paper) in enumerate(PAPERS.items())
        }  # fmt: skip
        self._nothing = IonChamber(PAPERS["A"], 0, 0.0, 0.0, 0.0, 0.0, 0.0)
        self.meter = Electrometer(name, seed, BAUDS[name] if baud is None else baud, clock, self._nothing)
        self.meter.device.shows = 1.0 + d["electrometer"]
        self.meter.device.input_a = d["input"]
        self.meter.device.volts = 300
        self.set: dict[str, Any] = {"chamber": "none", "distance_mm": PLANE_MM, "off_axis_mm": 0.0, "al_mm": 0.0}
        self._hvl = lru_cache(maxsize=4096)(self._hvl_of)
        self._through = lru_cache(maxsize=4096)(self._through_of)
        self._last: dict[tuple[str, str], Said] = {}
        self._dose_mgy = plant.dose_mgy
        self._ms = 0
        self._room_kpa, self._room_c = self.air.at(0.0)
        self._breathe(0)
        self._plug()

    @property
    def line(self) -> SerialLine:
        """The electrometer's."""
        return self.meter.line

    @property
    def faults(self) -> dict[str, Fault]:
        """The blunders, as faults of this bench."""
        return {
            name: Fault(
                f"{row.words} ({row.hazard})",
                lambda _rig, name=name: self._blunder(name, True),  # type: ignore[misc]
                lambda _rig, name=name: self._blunder(name, False),  # type: ignore[misc]
            )
            for name, row in BLUNDERS.items()
        }

    def _blunder(self, name: str, made: bool) -> None:
        if made and name not in self.blundering:
            self.blundering.append(name)
        elif not made and name in self.blundering:
            self.blundering.remove(name)
        self._plug()

    def step(self, now_us: int, dose_mgy: float, air: float) -> None:
        """One ms, after the plant's."""
        plant = self._plant
        mgy, self._dose_mgy = dose_mgy - self._dose_mgy, dose_mgy
        tube = plant.tube
        self.meters.step(tube.kv, tube.ma + tube.kv / self._d["bleeder"] * 1e-3, mgy * 1e3)
        if self._ms % AIR_EVERY_MS == 0:
            self._breathe(now_us)
        if self._ms % LOOK_EVERY_MS == 0 and tube.kv > 10.0:
            self._look()
        self._ms += 1
        self.meter.step(now_us, dose_mgy, air)

    def _breathe(self, now_us: int) -> None:
        self._room_kpa, self._room_c = self.air.at(now_us * 1e-6)
        plant = self._plant
        if not plant.pressure_drift_kpa_s:  # a named fault has the room's pressure in its hand
            rise = HEAD_RISE_C * min(1.0, plant.tube.anode_j / self.machine.profile.anode_limit_j)
            plant.breathe(self._room_kpa, self._room_c + rise)
        kpa = plant.pressure_kpa
        for chamber in self.chambers.values():
            paper = chamber.paper
            chamber.air = kpa / paper.ref_kpa * (273.15 + paper.ref_c) / (273.15 + self._room_c)

    def _plugged(self) -> str:
        """The chamber that is truly plugged in."""
        called: str = self.set["chamber"]
        for name in self.blundering:
            if BLUNDERS[name].plugged[0] == called:
                return BLUNDERS[name].plugged[1]
        return called

    def _plug(self) -> None:
        self.meter.device.chamber = self.chambers.get(self._plugged(), self._nothing)
        self._look()

    def _look(self) -> None:
        """What of a dose in the plane reaches the chamber as kerma in air, in the beam as it is now."""
        key = self._plugged()
        chamber = self.chambers.get(key)
        if chamber is None:
            return
        plant, machine, d = self._plant, self.machine, self._d
        code, kv = plant.room.filter_now(), round(max(plant.tube.kv, 10.0), 1)
        fitted = next((a for a in machine.profile.applicators if a.code == plant.room.applicator_now()), None)
        mm = diameter_mm(fitted) if fitted else 20
        al_mm = round(float(self.set["al_mm"]), 3)
        chamber.see(self._hvl(kv, code, al_mm))
        share = self._through(kv, code, al_mm) / machine.dose_per_kerma(kv, code, mm)
        if key == "jig":
            for name in self.blundering:
                share *= BLUNDERS[name].signal
        else:
            pulled = sum(BLUNDERS[name].pulled_mm for name in self.blundering)
            share *= (PLANE_MM / (self.set["distance_mm"] + d["position"] + pulled)) ** 2
            x = self.set["off_axis_mm"] / EDGE_MM
            share *= 1.0 - d["heel"] * x - CROSS * x * x
        chamber.kerma_per_dose = share

    def _hvl_of(self, kv: float, code: int, al_mm: float) -> float:
        return kermas().hvl1_mm_al(kv, self.machine.al_mm(code) + al_mm)

    def _through_of(self, kv: float, code: int, al_mm: float) -> float:
        own = self.machine.al_mm(code)
        return kermas().at(kv, own + al_mm) / kermas().at(kv, own)

    def put(self, wanted: dict[str, Any]) -> None:
        """Hands: chamber (A, B, jig, none), distance_mm of its reference point from the focus, off_axis_mm (towards the anode), al_mm; the electrometer's keys:
        volts, range, interval_s, key. ValueError says what is wrong, and then nothing was done."""
        for key, value in wanted.items():
            self._check(key, value)
        for key, value in wanted.items():
            if key in KEYS:
                wrong = self.meter.device.turn_to(KEYS[key], str(value))
            elif key == "key":
                wrong = self.meter.device.press_key(value)
            else:
                self.set[key] = value
                wrong = ""
            if wrong:
                raise ValueError(f"the electrometer says {wrong} to {key} = {value!r}")
        self._plug()

    def _check(self, key: str, value: Any) -> None:
        kinds = BENCH_KEYS.get(key)
        if kinds is None or type(value) not in kinds:
            raise ValueError(f"bench {key!r} = {value!r} will not do; known: {', '.join(BENCH_KEYS)}")
        if key == "chamber" and value not in ("none", *PAPERS):
            raise ValueError(f"chamber {value!r} is none of: none, {', '.join(PAPERS)}")
        low, high = BOUNDS.get(key, (0.0, 0.0))
        if key in BOUNDS and not low <= float(value) <= high:
            raise ValueError(f"{key} = {value} is outside {low:g} .. {high:g}")

    def read(self, instrument: str) -> Said:
        """What a person reports of a display."""
        if instrument == "electrometer":
            text, unit = self.meter.device.display()
        elif instrument in ("barometer", "thermometer"):
            kpa, celsius = self._plant.pressure_kpa + self._d["barometer"], self._room_c + self._d["thermometer"]
            text, unit = (f"{kpa:.2f}" if instrument == "barometer" else f"{celsius:.1f}"), UNITS[instrument]
        elif instrument in UNITS:
            value = self.meters.shown(instrument)
            text, unit = DASHES if value is None else f"{value}", UNITS[instrument]
        else:
            raise ValueError(f"instrument {instrument!r} is not on the bench; known: {', '.join(SERIALS)}")
        said = Said(instrument, text, unit, SERIALS[instrument])
        scene = self._scene()
        for name in self.blundering:
            says = BLUNDERS[name].says
            if says is not None:
                said = says(said, scene)
        if instrument == "electrometer":
            self._last[scene.chamber, scene.applicator] = said
        return said

    def _scene(self) -> Scene:
        code = self._plant.room.applicator_now()
        name = next((a.name for a in self.machine.profile.applicators if a.code == code), "none")
        plugged = self.chambers.get(self._plugged(), self._nothing)
        formula = {f"{mm} mm": factor for mm, factor in IN_AIR.items()}
        return Scene(
            self.set["chamber"], self.set["distance_mm"], PLANE_MM, self.air.altitude_m, name, formula, dict(self._last), 1.0 / plugged.air
        )  # fmt: skip

    def papers(self) -> dict[str, Any]:
        """Certificates and engravings, as a person would take them from the folder and type them."""
        chambers = dict(PAPERS)
        for name in self.blundering:
            takes = BLUNDERS[name].takes
            if takes is not None:
                chambers["A"] = takes(chambers["A"])
        return {
            "chambers": {key: asdict(paper) for key, paper in chambers.items()},
            "instruments": {name: {"serial": serial, "expires": "2028-01-31"} for name, serial in SERIALS.items()},
            "electrometer_factor": 1.0,
            "plane_mm": PLANE_MM,
            "altitude_m": self.air.altitude_m,
            "filters_mm_al": FILTER_MM,
            "tube_serial": self.machine.profile.tube_serial,
        }

    def truth(self) -> dict[str, Any]:
        """For verification only: every drawn term, and what follows for the beam that is set up now."""
        room, machine = self._plant.room, self.machine
        code = room.filter_now()
        kv = machine.true_kv(machine.profile.rate_kv)
        return {
            "drawn": dict(self._d),
            "hvl_mm_al": machine.hvl_mm_al(kv, code),
            "plugged": self._plugged(),
            "room_kpa": self._plant.pressure_kpa,
            "room_c": self._room_c,
            "blundering": list(self.blundering),
        }


KEYS: Final = {"volts": "HV", "range": "RGE", "interval_s": "IT"}
NUMBER: Final[tuple[type, ...]] = (int, float)
BENCH_KEYS: Final[dict[str, tuple[type, ...]]] = {
    "chamber": (str,), "distance_mm": NUMBER, "off_axis_mm": NUMBER, "al_mm": NUMBER, "volts": (int,), "range": (str,), "interval_s": (int,), "key": (str,),
}  # fmt: skip
BOUNDS: Final = {"distance_mm": (30.0, 1000.0), "off_axis_mm": (-EDGE_MM, EDGE_MM), "al_mm": (0.0, 10.0)}
