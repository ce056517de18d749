"""The blunders of a calibration session, by name and hazard: what hands put wrong, what eyes read wrong, which paper is taken.
They bend what a person brings to the desk; which step must stop each is for the procedures and their tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from simulators.bench_instruments import at_sea_level
from simulators.ion_chamber import Paper

SEATED_BADLY: Final = 230.7 / 436.6
"""Of the signal, when the source is not fully in the well: the accident's own times."""
PULLED_MM: Final = 2.0


@dataclass(frozen=True, slots=True)
class Said:
    """What a person reports of a display: the number as text, and its unit. `serial`: the instrument's, as engraved."""

    instrument: str
    text: str
    unit: str
    serial: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What a wrong report may be made of: chamber plugged in, distance, altitude, what was read last with each chamber and applicator, and the air's factor."""

    chamber: str
    distance_mm: float
    plane_mm: float
    altitude_m: float
    applicator: str
    formula: dict[str, float]
    last: dict[tuple[str, str], Said]
    k_tp: float


Says = Callable[[Said, Scene], Said]
Takes = Callable[[Paper], Paper]


@dataclass(frozen=True, slots=True)
class Blunder:
    """One blunder. `signal`: what the jig's detector keeps, `pulled_mm`: how much further out a chamber stands, `plugged`: one called, one in its place."""

    hazard: str
    words: str
    says: Says | None = None
    takes: Takes | None = None
    signal: float = 1.0
    pulled_mm: float = 0.0
    plugged: tuple[str, str] = ("", "")


def _times(factor: Callable[[Scene], float]) -> Says:
    def says(said: Said, scene: Scene) -> Said:
        if said.instrument != "electrometer" or not _number(said.text):
            return said
        places = len(said.text.partition(".")[2])
        return replace(said, text=f"{float(said.text) * factor(scene):.{places}f}")

    return says


def _number(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).isdigit()


def _unit(**instead: str) -> Says:
    return lambda said, _scene: replace(said, unit=instead.get(said.unit, said.unit))


def _minutes(said: Said, _scene: Scene) -> Said:
    """0.3 min on the display is written down as 30 s."""
    if said.instrument != "timer" or not _number(said.text):
        return said
    return replace(said, text=f"{float(said.text) / 60.0 * 100.0:.1f}")


def _comma(said: Said, _scene: Scene) -> Said:
    return replace(said, text=said.text.replace(".", ",")) if said.instrument == "electrometer" else said


def _two_in_one(said: Said, _scene: Scene) -> Said:
    return replace(said, text=f"{said.text}+{said.text}") if said.instrument == "electrometer" else said


def _qnh(said: Said, scene: Scene) -> Said:
    if said.instrument != "barometer":
        return said
    return replace(said, text=f"{at_sea_level(float(said.text), scene.altitude_m):.2f}")


def _by_formula(said: Said, scene: Scene) -> Said:
    """Nothing was measured with this applicator: the reading of the 20 mm one is multiplied by the formula's factor."""
    measured = scene.last.get((scene.chamber, "20 mm"))
    if said.instrument != "electrometer" or measured is None or not _number(measured.text):
        return said
    return replace(measured, text=f"{float(measured.text) * scene.formula.get(scene.applicator, 1.0):.4f}")


def _copied(said: Said, scene: Scene) -> Said:
    """The second chamber's readings are the first one's, digit for digit."""
    first = scene.last.get(("A", scene.applicator))
    if said.instrument != "electrometer" or scene.chamber != "B" or first is None:
        return said
    return replace(first, serial=said.serial)


BLUNDERS: Final[dict[str, Blunder]] = {
    "jig-not-seated": Blunder("A1", "the detector of the jig is not fully in its seat: 53 % of the signal", signal=SEATED_BADLY),
    "chamber-pulled-back": Blunder("A1", "the chamber stands 2 mm further out than was measured", pulled_mm=PULLED_MM),
    "applicator-by-formula": Blunder("A2", "an applicator is not measured: the 20 mm one's reading times the formula's factor is reported", says=_by_formula),
    "minutes-as-seconds": Blunder("A3", "decimals of a minute are reported as seconds: 0.3 min as 30 s", says=_minutes),
    "pc-for-nc": Blunder("A3", "nC on the display is reported as pC, and pC as nC", says=_unit(nC="pC", pC="nC")),
    "gy-for-mgy": Blunder("A3", "mGy on the display is reported as Gy", says=_unit(mGy="Gy")),
    "decimal-comma": Blunder("A4", "a reading is reported with a decimal comma", says=_comma),
    "two-in-one-entry": Blunder("A4", "two readings are written into one entry", says=_two_in_one),
    "not-reset-between": Blunder("A4", "the electrometer was not reset: the reading holds two exposures", says=_times(lambda _scene: 2.0)),
    "second-reading-copied": Blunder("A5", "the second chamber's readings are copied from the first one's", says=_copied),
    "second-chamber-is-first": Blunder("A5", "the first chamber is plugged in again and called the second", plugged=("B", "A")),
    "distance-already-corrected": Blunder(
        "A12", "readings are reported already corrected to the applicator's plane", says=_times(lambda s: (s.distance_mm / s.plane_mm) ** 2)
    ),
    "air-already-corrected": Blunder("A12", "readings are reported already corrected for pressure and temperature", says=_times(lambda s: s.k_tp)),
    "paper-expired": Blunder("A13", "the chamber's certificate has expired", takes=lambda p: replace(p, date="2023-03-02", expires="2025-03-02")),
    "paper-before-repair": Blunder(
        "A13", "the chamber's certificate of before its repair is used: N_K 25 % too high",
        takes=lambda p: replace(
            p, certificate=f"{p.certificate}-OLD", date="2024-12-02", n_k_gy_per_nc={h: round(1.25 * v, 5) for h, v in p.n_k_gy_per_nc.items()}
        ),
    ),
    "sea-level-pressure": Blunder("A12", "QNH is reported for the station's pressure: it has the altitude's correction already", says=_qnh),
    "other-reference-form": Blunder("A12", "the chamber's 20 C, 101.325 kPa form is taken for the 22 C one", takes=lambda p: replace(p, ref_form="22C")),
}  # fmt: skip
