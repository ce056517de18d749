"""The rigs that `make bench-dose` gives its fractions on: every simulated tube with every applicator, each certified anew on the running plant.
It measures by rectangular exposures of the bare plant, as a physicist with a perfect dosimeter would; what a fraction is, others know."""

from __future__ import annotations

import json
import os
import re
import shutil
import tomllib
from dataclasses import asdict, dataclass
from functools import cache
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, Final

import msgspec

from calibration.certificate import sign_certificate
from calibration.sign import make_keys
from controller.blob import Blob
from controller.prescribed import Prescribed
from simulators.profile import APPLICATORS
from simulators.units import BENCH_IO
from verification.certify import REST_MS, Bench, Exposure
from verification.rigs import Choice, with_values
from verification.setting import CERTIFICATES, EXAMPLES, Setting, blob_of, lay_out, prescribed
from verification.sources import source_hash
from verification.virtual import WALL_S

FITTED: Final = {f"A{a.name.split()[0]}": a.code for a in APPLICATORS if a.name.endswith(" mm")}
"""The applicators that treat, by the name that a certificate gives them."""
FILTER: Final = 0xF2
SHORT_MS, LONG_MS, LONGS = 5_000, 30_000, 4
PREHEAT_MS: Final = 4_000
SAME_TICK_MS: Final = (0,)
ENDS: Final = 10
HEARD_MS: Final = 1
"""Of a unit that ended the beam this program reads so much later than its tick began; where in the tick the unit's end falls is chance."""
LATER_S: Final = {("adam-6050", 100): 0.015, ("adam-6050", 20): 0.075, ("wago-750", 100): 0.015}
SLOW_RAMP_LATER_S: Final = {
    ("genix3d", "adam-6050"): 0.225,
    ("genix3d", "wago-750"): 0.007,
    ("technix", "wago-750"): 0.007,
}
"""How much later than `BenchKind.later_s` has it the timer of such a rig starts, for it sees high voltage by its reads: by what a fraction in *time* gave
more than was asked for, at this rate and with this tube. It goes into the end effect and into the time from press to high voltage."""
MOST_SKIN_MGY, MOST_TIME_S = 21_000.0, 890.0


@dataclass(frozen=True)
class Measured:
    """One tube with one applicator: the combination's constants, and u of the dose per count, of the rate (k = 2, %) and of dt (k = 2, s).
    `tail_mgy_within`: how far a single tail may be from that, for off by wire comes when the tick has it."""

    r0_mgy_per_s: float
    dt_s: float
    tail_mgy: float
    n1_mgy_per_count: float
    n2_mgy_per_count: float
    u_n1_pct: float
    u_r0_pct: float
    u_dt_s: float
    tail_mgy_within: float


class Treated(Bench):
    """The bench, whose exposures end as this program's do: the contactor is released, and off goes out by wire so many ms later."""

    off_after_ms = 0

    def beam_off(self) -> None:
        self.out.k1_close = False
        self.run(self.off_after_ms)
        self.say_off()
        self.run(300)
        self.out.k2_close = False
        self.run(REST_MS)


def measure(generator: str, applicator: str, offs_ms: tuple[int, ...], seed: int = 1) -> Measured:
    """One short exposure, four long ones, one short, all with the first of `offs_ms`: rate and end effect by differences, counts by the long ones; k = 2 of
    what their spread says. Then a short one with each of the others: the tail is the middle between the least and the greatest, by which the worst error
    of an end is least; the end effect, of which nobody corrects a single one, is that of the mean tail."""
    p = Choice(generator).profile
    base = _base(generator)["combinations"][0]
    leaks = base["leak1_cps"], base["leak2_cps"]
    bench = _bench(generator, applicator, offs_ms[0], seed)
    k_tp = p.reference_kpa / p.room_kpa * (273.15 + p.chamber_c) / (273.15 + p.reference_c) if p.vented_2 else 1.0
    taken = [_taken(bench, ms, leaks) for ms in (SHORT_MS, *[LONG_MS] * LONGS, SHORT_MS)]
    short, long = [taken[0], taken[-1]], taken[1:-1]
    short_mgy, short_s = (fmean(getattr(e, name) for e, _, _ in short) for name in ("dose_mgy", "hv_seen_s"))
    rates = [(e.dose_mgy - short_mgy) / (e.hv_seen_s - short_s) for e, _, _ in long]
    r0 = fmean(rates)
    ends = [e.dose_mgy / r0 - e.hv_seen_s for e, _, _ in taken]
    tails = [fmean(e.tail_mgy for e, _, _ in taken)]
    # each on a bench of its own: an off that finds the contactor open is a fault to some supplies, and they want it cleared before they go on
    tails += [_bench(generator, applicator, off_ms, seed).expose(SHORT_MS).tail_mgy for off_ms in offs_ms[1:]]
    tail = (min(tails) + max(tails)) / 2.0
    each_1, each_2 = ([e.dose_mgy / net[i] for e, *net in long] for i in (0, 1))
    return Measured(
        round(r0, 5),
        round(fmean(ends) + (fmean(tails) - tails[0]) / r0, 5),
        round(tail, 4),
        round(fmean(each_1), 7),
        round(fmean(each_2) / k_tp, 7),
        200.0 * stdev(each_1) / sqrt(LONGS) / fmean(each_1),
        200.0 * stdev(rates) / sqrt(LONGS) / r0,
        2.0 * stdev(ends) / sqrt(len(ends)),
        round(max(tails) - tail, 4),
    )


def _bench(generator: str, applicator: str, off_after_ms: int, seed: int) -> Treated:
    """A tube that is warm and set up, with this applicator."""
    choice = Choice(generator)
    p, beam = choice.profile, choice.beam
    bench = Treated(p, seed, FITTED[applicator], FILTER)
    bench.off_after_ms = off_after_ms
    bench.run(PREHEAT_MS)
    bench.set_points(
        round(beam.kv / p.full_scale_kv * p.kv_set_counts), round(beam.ma / p.full_scale_ma * p.ma_set_counts)
    )
    return bench


def _taken(bench: Bench, ms: int, leaks: tuple[float, float]) -> tuple[Exposure, float, float]:
    """One exposure, and what both chambers counted beyond their leakage."""
    pins = bench.plant.pins
    one, two, began_us = pins.pulses_1, pins.pulses_2, bench.plant.now_us
    exposure = bench.expose(ms)
    spent_s = (bench.plant.now_us - began_us) * 1e-6
    return exposure, pins.pulses_1 - one - leaks[0] * spent_s, pins.pulses_2 - two - leaks[1] * spent_s


@cache
def _base(generator: str) -> dict[str, Any]:
    """The certificate that the demonstration has for this tube: its ramp, leakages, output against kV."""
    path = Choice(generator).certificate("monitor") or EXAMPLES / CERTIFICATES["monitor"]
    return tomllib.loads(path.read_text(encoding="utf-8"))


def ramp_s(generator: str) -> float:
    """The certified time from ON to steady values."""
    return float(_base(generator)["ramp_s"])


@dataclass(frozen=True)
class Rig:
    """Which rig a fraction is given on."""

    generator: str
    unit: str
    termination: str
    tick_hz: int
    applicator: str

    @property
    def choice(self) -> Choice:
        return Choice(self.generator, unit=self.unit)

    @property
    def presets(self) -> bool:
        """The unit ends by itself; False: this program's predicted end is the only one."""
        return not self.choice.bench

    @property
    def offs_ms(self) -> tuple[int, ...]:
        """How long after the contactor's release this program's off goes out: at once where it did both; where the unit did, with the tick that reads of it,
        so that each time within a tick is as likely as another."""
        if not self.presets:
            return SAME_TICK_MS
        return tuple(HEARD_MS + int((place + 0.5) * 1000.0 / self.tick_hz / ENDS) for place in range(ENDS))


@cache
def measured(rig: Rig, kept: Path) -> Measured:
    """What this rig's certificate says, measured once for these sources and kept in the folder `kept`."""
    ended = f"unit-{rig.tick_hz}" if rig.presets else "host"
    path = kept / f"{rig.generator}-{rig.applicator}-{ended}-{source_hash()[:12]}.json"
    if path.is_file():
        return Measured(**json.loads(path.read_text(encoding="utf-8")))
    found = measure(rig.generator, rig.applicator, rig.offs_ms)
    kept.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}")
    beside.write_text(json.dumps(asdict(found)), encoding="utf-8")
    beside.replace(path)
    return found


def lay(rig: Rig, constants: Measured, folder: Path, seed: int) -> tuple[Setting, Blob]:
    """The rig file in a folder, its certificate these constants, signed by a key of this folder; and what the loop is started with."""
    setting = lay_out(folder, folder / "records", rig.termination, 15020, seed, rig.choice)
    name = CERTIFICATES[rig.termination]
    certificate = folder / name
    text = certificate.read_text(encoding="utf-8").split("\n[[signatures]]")[0] + "\n"
    kind = BENCH_IO.get(rig.unit)
    coarser, later_s = (kind.coarser, kind.later_s) if kind is not None else (1.0, 0.0)
    later_s += LATER_S.get((rig.unit, rig.tick_hz), 0.0) + SLOW_RAMP_LATER_S.get((rig.generator, rig.unit), 0.0)
    for key, value in {
        "applicator": f'"{rig.applicator}"',
        "applicator_code": str(FITTED[rig.applicator]),
        "r0_mgy_per_s": repr(constants.r0_mgy_per_s),
        "dt_s": repr(round(constants.dt_s + later_s, 5)),
        "press_to_hv_s": repr(round(_base(rig.generator)["press_to_hv_s"] + max(0.0, later_s), 5)),
        "tail_mgy": repr(constants.tail_mgy),
        "n1_mgy_per_count": repr(constants.n1_mgy_per_count * coarser),
        "n2_mgy_per_count": repr(constants.n2_mgy_per_count * coarser),
        "max_skin_mgy": repr(MOST_SKIN_MGY),
        "max_time_s": repr(MOST_TIME_S),
    }.items():
        text, found = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", text)
        if found != 1:
            raise ValueError(f"{certificate}: {key} stands there {found} times, not once")
    certificate.write_text(text, encoding="utf-8")
    for key_file in ("physicist.pub", "physicist.pem"):
        (folder / key_file).unlink(missing_ok=True)
    make_keys(
        folder / "physicist.pem", folder / "physicist.pub", "SIMULATED: opens nothing but this folder's certificate"
    )
    sign_certificate(certificate, folder / "physicist.pem", "M. Example", WALL_S)
    text = with_values(setting.rig_file.read_text(encoding="utf-8"), {"rig": {"tick_hz": str(rig.tick_hz)}})
    setting.rig_file.write_text(text, encoding="utf-8")
    return setting, blob_of(setting)


def order(rig: Rig, d0_mgy: float, seed: int) -> Prescribed:
    """So much at the surface, where it is the dose that everything inside reckons in."""
    return msgspec.structs.replace(
        prescribed(d0_mgy, rig.choice), depth_mm=0.0, applicator_id=rig.applicator, patient_id=f"DOSE-{seed}"
    )


def clear(folder: Path) -> None:
    """Remove what a rig has left."""
    shutil.rmtree(folder, ignore_errors=True)
