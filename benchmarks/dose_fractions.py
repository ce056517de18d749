"""One seed, one fraction without any fault, a tube's arcs by chance too: the rig, the dose, in how many pieces; the shipped loop and recorder in virtual time.
It measures what the records say against what was asked for, and against the world's truth; how near that must be stands in benchmarks/dose.py."""

from __future__ import annotations

import os
import random
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from benchmarks.dose_rigs import FITTED, Measured, Rig, clear, lay, measured, order, ramp_s
from controller.loop import Loop
from controller.requests import Reset
from controller.settings import Settings
from simulators.unit_memory import UnitConfig
from simulators.world import World
from verification.hands import Stuck
from verification.rigs import BEAMS, TIMED_ONLY
from verification.scenarios import ended, in_state, to_ready
from verification.seeded import kernels
from verification.setting import recorder_of
from verification.sources import source_hash
from verification.virtual import VirtualRig

LEAST_S, RAMPS = 3.0, 10.0
LEAST_MGY, MOST_MGY = 500.0, 20_000.0
SKEW: Final = 3.0
"""Log-uniform, and the longer the rarer: the logarithm's place is a uniform number to this power."""
SLOW_MGY: Final = 3000.0
"""Larger doses are ticked at 20 Hz, where the rig can be."""
NOT_AT_20_HZ: Final = ("spellman-xrb80", "wago-750")
"""Refused there by the program: at 20 Hz their values would be older than their rules allow."""
ROOM: Final = 1.15
"""How much longer than the shortest a piece is, at least."""
UNITS: Final = ("kerma-unit",) * 7 + ("adam-6050",) * 2 + ("wago-750",)
PIECES: Final = (1, 1, 1, 1, 1, 2, 2, 2, 3, 3)
END_S: Final = 60.0
RESUMES_S: Final = 2.0
"""Nobody resumes sooner after a STOP; by then the chambers' leakage has been measured again."""
OPERATOR: Final = "bench"
TMPFS: Final = Path("/dev/shm")


@dataclass(frozen=True)
class Fraction:
    """What a seed decides. `cuts_s`: at how much beam time in all each piece but the last is stopped."""

    seed: int
    rig: Rig
    constants: Measured
    d0_mgy: float
    cuts_s: tuple[float, ...]

    @property
    def beam_s(self) -> float:
        return self.d0_mgy / self.constants.r0_mgy_per_s


def plan(seed: int, kept: Path) -> Fraction:
    """Tubes and applicators in turn, the rest drawn; a dose that would be too short for the tube's ramp is as long as it must be."""
    rng = random.Random(seed)
    generator = tuple(BEAMS)[seed % len(BEAMS)]
    applicator = tuple(FITTED)[seed // len(BEAMS) % len(FITTED)]
    unit = rng.choice(UNITS)
    termination = "time" if unit in TIMED_ONLY else rng.choice(("monitor", "time"))
    drawn = LEAST_MGY * (MOST_MGY / LEAST_MGY) ** (rng.random() ** SKEW)
    slow = generator not in NOT_AT_20_HZ and unit not in NOT_AT_20_HZ
    hz = 20 if slow and (drawn > SLOW_MGY or rng.random() < 0.5) else 100
    rig = Rig(generator, unit, termination, hz, applicator)
    constants = measured(rig, kept)
    least_s = ROOM * max(LEAST_S, RAMPS * ramp_s(generator))
    d0 = min(MOST_MGY, max(round(drawn, 1), round(least_s * constants.r0_mgy_per_s, 1)))
    beam_s = d0 / constants.r0_mgy_per_s
    pieces = min(rng.choice(PIECES), int(beam_s / least_s))
    spare_s = beam_s - pieces * least_s
    places = sorted(rng.uniform(0.0, spare_s) for _ in range(pieces - 1))
    cuts = tuple(at_s + (i + 1) * least_s for i, at_s in enumerate(places))
    return Fraction(seed, rig, constants, d0, cuts)


def play(planned: Fraction) -> dict[str, Any]:
    """Give it; a document of what was asked, recorded and true. What went wrong is words in it."""
    seed = planned.seed
    rig, constants = planned.rig, planned.constants
    cpu = os.times()
    out: dict[str, Any] = {
        "seed": seed,
        "source": source_hash(),
        "generator": rig.generator,
        "unit": rig.unit,
        "termination": rig.termination,
        "presets": rig.presets,
        "tick_hz": rig.tick_hz,
        "applicator": rig.applicator,
        "r0_mgy_per_s": constants.r0_mgy_per_s,
        "u_certificate_pct": u_pct(planned),
        "pieces": len(planned.cuts_s) + 1,
        "d0_mgy": planned.d0_mgy,
        "wrong": "",
    }
    folder = Path(tempfile.mkdtemp(prefix="kerma-dose-", dir=TMPFS))
    try:
        _give(planned, folder, out)
    except Stuck as stuck:
        out["wrong"] = str(stuck)
    finally:
        clear(folder)
    after = os.times()
    out["cpu_s"] = round(after.user - cpu.user + after.system - cpu.system, 3)
    return out


def u_pct(planned: Fraction) -> float:
    """What the certificate itself may be off for this fraction (k = 2, %): dose per count where counts end it, rate and end effect where time does."""
    c = planned.constants
    if planned.rig.termination == "monitor":
        return c.u_n1_pct
    starts = len(planned.cuts_s) + 1
    return float((c.u_r0_pct**2 + (100.0 * starts * c.u_dt_s / planned.beam_s) ** 2) ** 0.5)


def _give(planned: Fraction, folder: Path, out: dict[str, Any]) -> None:
    setting, blob = lay(planned.rig, planned.constants, folder, planned.seed)
    sound = replace(setting.choice.profile, arcs_per_h_at_full_kv=0.0)
    world = World(sound, planned.seed, UnitConfig(site_key=blob.site_key))
    world.room.fit_applicator(FITTED[planned.rig.applicator])
    rig = VirtualRig(blob, recorder_of(folder, folder / "records"), kernels(), folder, world)
    try:
        p, words = order(planned.rig, planned.d0_mgy, planned.seed), ""
        for cut_s in (*planned.cuts_s, None):
            rig.wait(RESUMES_S if words else 0.0)
            to_ready(rig, p, words)
            rest_mgy = _settings(rig).rest_mgy
            rig.press()
            rig.until(in_state("IRRADIATING"), 5.0, "IRRADIATING")
            if cut_s is not None:
                _stop_at(rig, cut_s)
                words = "a piece of a fraction that is given in pieces"
            end = ended(rig, planned.beam_s + END_S)
            event = end.ended.event if end.ended is not None else ""
            wanted = ("INTERRUPTED", "STOP") if cut_s is not None else ("TERMINATED", "DOSE_END")
            if (end.state, event) != wanted:
                raise Stuck(
                    f"ended in {end.state} by {event}, not in {wanted[0]} by {wanted[1]}: {'; '.join(end.latches)}"
                )
            if cut_s is not None and end.latches:
                rig.ask(Reset("operator", OPERATOR, words))
        rig.wait(1.0)
        record = rig.records()[0]
        out |= {
            "n1_mgy_per_count": blob.certificate.combinations[0].n1_mgy_per_count,
            "rest_error_mgy": _host(rig).meter.dose.delivered_mgy - rest_mgy,
            "counts_1": max(e["counts_1"] for e in record["exposures"]),
            "delivered_mgy": record["delivered_mgy"],
            "low_mgy": record["low_mgy"],
            "high_mgy": record["high_mgy"],
            "quality": record["quality"],
            "true_mgy": rig.truth()["dose_mgy"],
        }
    finally:
        out["simulated_s"] = round(world.now_us * 1e-6, 3)
        rig.close()


def _host(rig: VirtualRig) -> Loop:
    if rig.loop is None:
        raise Stuck("no host runs")
    return rig.loop


def _settings(rig: VirtualRig) -> Settings:
    settings = _host(rig).dossier.case.settings
    if settings is None:
        raise Stuck("nothing is set up")
    return settings


def _stop_at(rig: VirtualRig, beam_s: float) -> None:
    """STOP by the operator, once the fraction has had so much beam by the unit's timer. Stuck where it ends before."""
    host, before_s = _host(rig), _settings(rig).retained_beam_ms / 1000.0
    while before_s + host.meter.dose.beam_ms / 1000.0 < beam_s:
        rig.turn()
        shown = rig.snapshot()
        if shown is not None and shown.state not in ("IRRADIATING", "STARTING"):
            beam = (
                f"after {before_s + host.meter.dose.beam_ms / 1000.0:.2f} s of beam, before the STOP at {beam_s:.2f} s"
            )
            raise Stuck(f"ended in {shown.state} {beam}: {'; '.join(shown.latches)}")
    rig.stop()
