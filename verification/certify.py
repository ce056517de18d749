"""Measures the simulated tube's certificate constants on the bare plant, by a host of its own that speaks the supply's wire and drives the coils.
It knows the plant's truth as a reference dosimeter would show it; the XRV it speaks to by itself, other generators through verification/driver_voice.py."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from simulators.plant import STEP_US, Plant
from simulators.profile import DEFAULT, Profile
from simulators.seam import UnitOutputs
from simulators.spellman_codec import Deframer, frame
from verification.driver_voice import DriverVoice

OWN_VOICE: Final = "spellman-xrv"
HV_SEEN_KV_CENTI = 500
G_POINTS = (0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
PREHEAT_MS = 4000
REST_MS = 3000
MA_RISEN = 0.96
SETTLE_MS = 2500


@dataclass(frozen=True, slots=True)
class Exposure:
    """One exposure, times in s: between the start events and the coil's release; dose in mGy, all of it and after the release."""

    hv_seen_s: float
    k1_closed_s: float
    press_to_hv_seen_s: float
    ramp_s: float
    dose_mgy: float
    tail_mgy: float


class Bench:
    """A plant with hands on its coils and a voice on its serial line; one step is 1 ms."""

    def __init__(self, profile: Profile, seed: int, applicator: int, filter_code: int) -> None:
        self.profile = profile
        self.plant = Plant(profile, seed)
        self.out = UnitOutputs()
        self.deframer = Deframer()
        self.voice = None if profile.generator == OWN_VOICE else DriverVoice(profile, self.plant)
        self.kv = self.ma = 0.0
        self.plant.room.fit_applicator(applicator)
        self.plant.room.fit_filter(filter_code)

    def run(self, ms: int) -> None:
        """Let time pass."""
        for _ in range(ms):
            self.plant.step(self.out)
            if self.voice is not None:
                self.voice.step()

    def command(self, *fields: object) -> tuple[str, ...]:
        """Send one command and step until its reply is whole; RuntimeError when it is not what was asked."""
        line = self.plant.generator_line
        line.host_write(frame(*fields), self.plant.now_us)
        for _ in range(1000):
            self.run(1)
            for reply in self.deframer.feed(line.host_read(self.plant.now_us)):
                if reply[0] != str(fields[0]):
                    raise RuntimeError(f"the supply answered {reply} to {fields}")
                return reply[1:]
        raise RuntimeError(f"the supply did not answer {fields} within 1 s")

    def order(self, *fields: object) -> None:
        """A command that must be taken."""
        reply = self.command(*fields)
        if reply != ("$",):
            raise RuntimeError(f"the supply refused {fields}: {reply}")

    def set_points(self, kv_counts: int, ma_counts: int) -> None:
        """Write both and let the filament come to its standby heat."""
        self.kv = kv_counts * self.profile.full_scale_kv / self.profile.kv_set_counts
        self.ma = ma_counts * self.profile.full_scale_ma / self.profile.ma_set_counts
        if self.voice is None:
            self.order("10", kv_counts)
            self.order("11", ma_counts)
            return
        self.voice.want(kv_counts, ma_counts)
        self._until(self.voice.holds, "the set-points read back")

    def power_up(self) -> None:
        """Close K2 and wait for the inverter's charge."""
        self.out.k2_close = True
        while not self.plant.supply.ready:
            self.run(1)

    def beam_on(self) -> tuple[int, int, int]:
        """Press, close K1, send ON; returns press, K1 closed and hv_seen times, us."""
        plant = self.plant
        pressed = plant.now_us
        self.out.k1_close = True
        while not plant.k1.closed:
            self.run(1)
        closed = plant.now_us
        self.say_on()
        while plant.pins.kv_centi <= HV_SEEN_KV_CENTI:
            self.run(1)
        return pressed, closed, plant.now_us

    def beam_off(self) -> None:
        """Release K1, then tell the supply, then release K2; wait until nothing is left."""
        self.out.k1_close = False
        self.run(40)
        self.say_off()
        self.run(300)
        self.out.k2_close = False
        self.run(REST_MS)

    def say_on(self) -> None:
        """High voltage on, by wire."""
        if self.voice is None:
            self.order("98", 1)
        else:
            self.voice.on()

    def say_off(self) -> None:
        """High voltage off, by wire."""
        if self.voice is None:
            self.order("98", 0)
        else:
            self.voice.off()

    def _until(self, reached: Callable[[], bool], what: str) -> None:
        for _ in range(20_000):
            if reached():
                return
            self.run(1)
        raise RuntimeError(f"{what} did not come within 20 s")

    def expose(self, timed_ms: int) -> Exposure:
        """One exposure of `timed_ms` from hv_seen to the coil's release."""
        plant = self.plant
        before = plant.dose_mgy
        self.power_up()
        pressed, closed, seen = self.beam_on()
        full_at = 0
        while plant.now_us < seen + timed_ms * 1000:
            self.run(1)
            if not full_at and plant.tube.kv >= 0.999 * self.kv and plant.tube.ma >= MA_RISEN * self.ma:
                full_at = plant.now_us
        released, at_release = plant.now_us, plant.dose_mgy
        self.beam_off()
        return Exposure(
            hv_seen_s=(released - seen) * 1e-6,
            k1_closed_s=(released - closed) * 1e-6,
            press_to_hv_seen_s=(seen - pressed) * 1e-6,
            ramp_s=(full_at - closed) * 1e-6 if full_at else 0.0,
            dose_mgy=plant.dose_mgy - before,
            tail_mgy=plant.dose_mgy - at_release,
        )

    def steady_rate(self, seconds: int) -> float:
        """Dose rate with the beam on and settled, mGy/s."""
        before = self.plant.dose_mgy
        self.run(seconds * 1000)
        return (self.plant.dose_mgy - before) / seconds


def _leakage(bench: Bench, seconds: int) -> tuple[float, float]:
    one, two = bench.plant.pins.pulses_1, bench.plant.pins.pulses_2
    bench.run(seconds * 1000)
    return (bench.plant.pins.pulses_1 - one) / seconds, (bench.plant.pins.pulses_2 - two) / seconds


def _wire_off_tail(bench: Bench) -> float:
    """Dose after the off command's last byte left, K1 held closed, mGy."""
    bench.power_up()
    bench.beam_on()
    bench.run(SETTLE_MS)
    before = bench.plant.dose_mgy
    bench.say_off()
    bench.run(300)
    tail = bench.plant.dose_mgy - before
    bench.beam_off()
    return tail


def _k_tp(bench: Bench) -> float:
    p, pins = bench.profile, bench.plant.pins
    kelvin = 273.15 + pins.temperature_centi_c / 100
    return p.reference_kpa / (pins.pressure_10pa / 100) * kelvin / (273.15 + p.reference_c)


def _g_table(bench: Bench, kv_counts: int, ma_counts: int, r0: float) -> list[dict[str, float]]:
    p = bench.profile
    table = []
    for part in G_POINTS:
        counts = round(part * kv_counts)
        bench.set_points(counts, ma_counts)
        bench.power_up()
        bench.out.k1_close = True
        bench.run(100)
        bench.order("98", 1)
        bench.run(SETTLE_MS)
        rel = bench.steady_rate(1) / r0
        table.append({"kv": round(counts * p.full_scale_kv / p.kv_set_counts, 4), "rel": round(rel, 6)})
        bench.beam_off()
    return table


def _steady(bench: Bench, kv_counts: int, ma_counts: int) -> float:
    """Dose rate at these set-points, settled, mGy/s."""
    bench.set_points(kv_counts, ma_counts)
    bench.power_up()
    bench.beam_on()
    bench.run(SETTLE_MS)
    rate = bench.steady_rate(1)
    bench.beam_off()
    return rate


def _ma_offsets(bench: Bench, kv_counts: int, samples: int = 60) -> list[dict[str, float]]:
    """mA read-back with the filament cold, at some kV: what the bleeder draws."""
    p = bench.profile
    volts, amperes = (p.adc_overrange * full / p.counts_full_scale for full in (p.full_scale_kv, p.full_scale_ma))
    offsets = []
    bench.order("70", 0)
    bench.run(PREHEAT_MS)
    for part in (0.5, 0.75, 1.0):
        bench.set_points(round(part * kv_counts), 0)
        bench.power_up()
        bench.out.k1_close = True
        bench.run(100)
        bench.order("98", 1)
        bench.run(1000)
        kv = ma = 0.0
        for _ in range(samples):
            analog = bench.command("19")
            kv, ma = kv + int(analog[0]) * volts / samples, ma + int(analog[1]) * amperes / samples
            bench.run(10)
        offsets.append({"kv": round(kv, 2), "offset_ma": round(ma, 6)})
        bench.order("98", 0)
        bench.out.k1_close = bench.out.k2_close = False
        bench.order("70", 1)  # a cold filament leaves the cable charged for a minute; a warm one empties it
        bench.run(PREHEAT_MS)
        bench.order("70", 0)
        bench.run(PREHEAT_MS)
    bench.order("70", 1)
    bench.run(PREHEAT_MS)
    return offsets


def certify(
    profile: Profile = DEFAULT,
    seed: int = 1,
    kv: float = 69.5,
    ma: float = 1.6,
    applicator: int | None = None,
    filter_code: int | None = None,
) -> dict[str, object]:
    """The constants of one combination, as measured: kV, mA, mGy, s, counts. `dt_s` is the net end effect counted to the coil's release by the
    start event named; `tail_mgy` the dose after that release (K1 path)."""
    p = profile
    applicator = p.applicator_code if applicator is None else applicator
    filter_code = p.filter_code if filter_code is None else filter_code
    kv_counts = round(kv / p.full_scale_kv * p.kv_set_counts)
    ma_counts = round(ma / p.full_scale_ma * p.ma_set_counts)
    bench = Bench(p, seed, applicator, filter_code)
    bench.run(PREHEAT_MS)
    leak_1, leak_2 = _leakage(bench, 100)
    bench.set_points(kv_counts, ma_counts)
    short = [bench.expose(5_000)]
    one, two, began, dose = (
        bench.plant.pins.pulses_1,
        bench.plant.pins.pulses_2,
        bench.plant.now_us,
        bench.plant.dose_mgy,
    )
    long = [bench.expose(30_000), bench.expose(30_000)]
    spent_s = (bench.plant.now_us - began) * 1e-6
    given = bench.plant.dose_mgy - dose
    net_1 = bench.plant.pins.pulses_1 - one - leak_1 * spent_s
    net_2 = bench.plant.pins.pulses_2 - two - leak_2 * spent_s
    short.append(bench.expose(5_000))
    r0 = (sum(e.dose_mgy for e in long) - sum(e.dose_mgy for e in short)) / (
        sum(e.hv_seen_s for e in long) - sum(e.hv_seen_s for e in short)
    )
    if r0 <= 0.0:
        raise ValueError(
            f"applicator {applicator:#04x}, filter {filter_code:#04x}: no dose rate at {kv} kV, {ma} mA; nothing to certify"
        )
    exposures = (*short, *long)
    # Output against kV, and the bleeder's current, are the tube's and the supply's own: with another face they are measured through the XRV's.
    plain, plain_counts, plain_r0 = bench, (kv_counts, ma_counts), r0
    if p.generator != OWN_VOICE:
        xrv = replace(
            p,
            generator=OWN_VOICE,
            generator_packets=False,
            boots_local=False,
            interlock_latches=False,
            watchdog_ms=0,
            generator_baud=115200,
            kv_set_counts=p.counts_full_scale,
            ma_set_counts=p.counts_full_scale,
        )
        plain = Bench(xrv, seed, applicator, filter_code)
        plain_counts = (
            round(kv / p.full_scale_kv * p.counts_full_scale),
            round(ma / p.full_scale_ma * p.counts_full_scale),
        )
        plain.run(PREHEAT_MS)
        plain_r0 = _steady(plain, *plain_counts)

    def end_effect(field: str) -> float:
        return sum(e.dose_mgy / r0 - float(getattr(e, field)) for e in exposures) / len(exposures)

    def mean(field: str) -> float:
        return sum(float(getattr(e, field)) for e in exposures) / len(exposures)

    return {
        "generator": {
            "model": p.model,
            "full_scale_kv": p.full_scale_kv,
            "full_scale_ma": p.full_scale_ma,
            "counts_full_scale": p.counts_full_scale,
            "dsp": f"{p.dsp_part} {p.dsp_version}",
            "fpga": f"{p.fpga_part} {p.fpga_version}",
            "filament_limit_counts": p.filament_limit_counts,
            "filament_preheat_counts": p.filament_preheat_counts,
        },
        "tube_serial": p.tube_serial,
        "capacitance_nf": p.cable_nf,
        "kv": kv,
        "ma": ma,
        "kv_counts": kv_counts,
        "ma_counts": ma_counts,
        "applicator_code": applicator,
        "filter_code": filter_code,
        "r0_mgy_per_s": round(r0, 5),
        "dt_s": {"hv_seen": round(end_effect("hv_seen_s"), 5), "k1_closed": round(end_effect("k1_closed_s"), 5)},
        "tail_mgy": round(mean("tail_mgy"), 4),
        "tail_off_command_mgy": round(_wire_off_tail(bench), 4),
        "n1_mgy_per_count": round(given / net_1, 7),
        "n2_mgy_per_count": round(given / (net_2 * _k_tp(bench)), 7),
        "leak1_cps": round(leak_1, 3),
        "leak2_cps": round(leak_2, 3),
        "chamber_1_vented": False,
        "chamber_2_vented": True,
        "reference_kpa": p.reference_kpa,
        "reference_c": p.reference_c,
        "g_kv": _g_table(plain, *plain_counts, plain_r0),
        "press_to_hv_seen_s": round(mean("press_to_hv_seen_s"), 4),
        "ramp_s": round(mean("ramp_s"), 4),
        "ma_offset_at_kv": _ma_offsets(plain, plain_counts[0]),
        "seed": seed,
        "step_us": STEP_US,
        "simulated": True,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(certify(DEFAULT, 1), indent=2) + "\n")
