"""The plant's inner step (supply's drive, tube, both chambers) as one block that numba compiles, and the objects that it is taken out of and put back into.
An experiment: no simulator calls it; what it gives is measured in benchmarks/plant_compiled.py."""

from __future__ import annotations

from collections.abc import Callable
from math import exp
from typing import Any, Final

import numpy as np

from simulators.plant import HV_ON_KV, SLOW_MS, STEP_US, Plant
from simulators.profile import DEFAULT
from simulators.seam import UnitOutputs
from simulators.tube import LOOP_A, ROOM_K, WORK_FUNCTION_K

TUBE_FLOATS: Final = ("kv", "ma", "filament_k", "heater_a", "_heater_loop_a", "_steady_k", "output_s", "_last_kv", "_last_g")  # fmt: skip
"""The first places of the block's floats; then dose, the last step's dose, and what both converters hold."""
BLOCK_MS: Final = SLOW_MS
"""No block is longer: each 10 ms the chambers draw their noise from Python's generator of random numbers, whose sequence must stay."""
SETTLE_MS: Final = 3_000
KV_COUNTS, MA_COUNTS = 0.6, 0.2
"""Of full scale."""


def advance(f: Any, n: Any, drive: Any, c: Any, ms: int) -> int:
    """Up to `ms` steps of one millisecond; how many were made, for it stops behind one that the log must tell of. Written for numba, and plain Python as it is.

    `f`, `n`: floats and integers of the state; `drive`: what supply, room and faults set for this block; `c`: the profile's constants.
    """
    kv, ma, kelvin, heater, loop_a, steady_k, output, last_kv = f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7]
    last_g, dose, mgy, acc_1, acc_2 = f[8], f[9], f[10], f[11], f[12]
    driven, quench, pulses_1, pulses_2, saturated_1, saturated_2 = n[0], n[1], n[2], n[3], n[4], n[5]
    driving, kv_target, ma_target, standby, limit, filter_output = (
        drive[0],
        drive[1],
        drive[2],
        drive[3],
        drive[4],
        drive[5],
    )
    app_output, head_per, shutter, per_ma, leak_1, scale_1 = (
        drive[6],
        drive[7],
        drive[8],
        drive[9],
        drive[10],
        drive[11],
    )
    most_1, jam_1, leak_2, scale_2, most_2, jam_2 = drive[12], drive[13], drive[14], drive[15], drive[16], drive[17]
    relax, loop_step, emission_k2, bleeder, cable_nf, ramp_ms = c[0], c[1], c[2], c[3], c[4], c[5]
    ref_k, ref_a, exponent, g_scale, g_exponent, threshold = c[6], c[7], c[8], c[9], c[10], c[11]
    hv, beam, done = kv > HV_ON_KV, mgy > 0.0, 0
    while done < ms:
        done += 1
        push = driving != 0.0
        if push:
            if driven == 0:
                loop_a, driven = heater, 1
            if kv == 0.0:
                wanted = min(loop_a, limit)
            else:
                error = (ma_target - ma) / ma_target if ma_target > 0.0 else -1.0
                wanted = loop_a + LOOP_A * error
                if wanted <= 0.0:
                    wanted = 0.0
                elif wanted >= limit:
                    wanted = limit
                else:
                    loop_a += loop_step * error
            if quench > 0:
                quench -= 1
                push = False
        else:
            driven = quench = 0
            wanted = min(standby, limit)
        if wanted != heater:
            heater = wanted
            steady_k = max(ROOM_K, ref_k * (heater / ref_a) ** exponent)
        kelvin += (steady_k - kelvin) * relax
        if not push and kv == 0.0:
            ma = output = 0.0
        else:
            emission = emission_k2 * kelvin * kelvin * exp(-WORK_FUNCTION_K / kelvin)
            flowing_ms = 1.0
            if push and kv <= kv_target:
                after = kv if kv == kv_target else min(kv + kv_target / ramp_ms, kv_target)
            else:
                fall = (emission + kv * bleeder) / cable_nf
                after = max(kv - fall, kv_target if push else 0.0)
                if after == 0.0:
                    flowing_ms = kv / fall
            first = last_g
            if kv != last_kv:
                first = ((kv - threshold) * g_scale) ** g_exponent if kv > threshold else 0.0
            last_kv, last_g, mean = after, first, first
            if after != kv:
                middle = 0.5 * (kv + after)
                last_g = ((after - threshold) * g_scale) ** g_exponent if after > threshold else 0.0
                half = ((middle - threshold) * g_scale) ** g_exponent if middle > threshold else 0.0
                mean = (first + 4.0 * half + last_g) / 6.0
            kv = after
            ma = emission if after > 0.0 else 0.0
            output = mean * emission * per_ma * flowing_ms
        head = output * filter_output
        if head != 0.0 and shutter != 0.0:
            mgy = head * app_output
            dose += mgy
            head *= head_per
        else:
            head = mgy = 0.0
        counts = leak_1 + head * scale_1
        saturated_1 = 1 if jam_1 != 0.0 or counts > most_1 else 0
        acc_1 += most_1 if saturated_1 else counts
        if acc_1 >= 1.0:
            pulses_1 += int(acc_1)
            acc_1 -= int(acc_1)
        counts = leak_2 + head * scale_2
        saturated_2 = 1 if jam_2 != 0.0 or counts > most_2 else 0
        acc_2 += most_2 if saturated_2 else counts
        if acc_2 >= 1.0:
            pulses_2 += int(acc_2)
            acc_2 -= int(acc_2)
        if (kv > HV_ON_KV) != hv or (mgy > 0.0) != beam:
            break
    f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7] = kv, ma, kelvin, heater, loop_a, steady_k, output, last_kv
    f[8], f[9], f[10], f[11], f[12] = last_g, dose, mgy, acc_1, acc_2
    n[0], n[1], n[2], n[3], n[4], n[5] = driven, quench, pulses_1, pulses_2, saturated_1, saturated_2
    return done


def compiled() -> Callable[..., int]:
    """The same, by numba: no fast arithmetic, so that its bits are Python's."""
    from numba import njit

    made: Callable[..., int] = njit(["i8(f8[::1], i8[::1], f8[::1], f8[::1], i8)"], cache=True)(advance)
    return made


class Shadow:
    """One plant's inner step in arrays: taken out of its objects, advanced, and put back, as a plant that is wired to the block would do in each block."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        if plant.tube._curve:
            raise SystemExit("this plant's output is a curve of its filter, and the block knows the power law only")
        p, tube = plant.supply._p, plant.tube
        self.f, self.n, self.drive = np.zeros(len(TUBE_FLOATS) + 4), np.zeros(6, dtype=np.int64), np.zeros(18)
        self.c = np.array([
            tube._relax, tube._loop_step, tube._emission_ma_k2, tube._bleeder_ma_kv, p.cable_nf, p.ramp_ms, p.filament_reference_k,
            p.filament_reference_a, p.filament_exponent, tube._g_scale, tube._g_exponent, p.rate_threshold_kv,
        ])  # fmt: skip

    def take(self) -> None:
        """What the objects hold now: the state, and what drives it until somebody acts."""
        plant, f, n = self._plant, self.f, self.n
        tube, supply, one, two = plant.tube, plant.supply, plant.chamber_1, plant.chamber_2
        f[:] = (
            tube.kv, tube.ma, tube.filament_k, tube.heater_a, tube._heater_loop_a, tube._steady_k, tube.output_s, tube._last_kv, tube._last_g,
            plant.dose_mgy, plant._step_mgy, one._acc, two._acc,
        )  # fmt: skip
        n[:] = tube._driven, tube.quench_ms, one.pulses, two.pulses, one.saturated, two.saturated
        p, filament = supply._p, supply.filament_on
        limit = supply.limit_counts * p.filament_full_scale_a / p.counts_full_scale
        standby = supply.preheat_counts * p.filament_full_scale_a / p.counts_full_scale if filament else 0.0
        driving = supply.hv_on and plant.now_us + STEP_US >= supply._rising_at_us
        kv = supply.kv_counts * supply._kv_true_per_count * supply.kv_gain if driving else 0.0
        if supply._kv_offset and kv:
            kv += supply._kv_offset
        ma = supply.ma_counts * supply._ma_true_per_count * supply.ma_gain if driving and filament else 0.0
        self.drive[:] = (
            driving, kv, ma, standby, limit if filament or not driving else 0.0, plant._filter_output, plant._app_output, plant._head_per_mgy,
            plant.generator.shutter_open, tube._per_ma, one._leak_ms + one.extra_leak_ms, one._scale, one._max_ms, one.jammed,
            two._leak_ms + two.extra_leak_ms, two._scale, two._max_ms, two.jammed,
        )  # fmt: skip

    def put(self) -> None:
        """Back into the objects, as Python's own numbers."""
        plant, f, n = self._plant, self.f.tolist(), self.n.tolist()
        tube, one, two, pins = plant.tube, plant.chamber_1, plant.chamber_2, plant.pins
        (
            tube.kv, tube.ma, tube.filament_k, tube.heater_a, tube._heater_loop_a, tube._steady_k, tube.output_s, tube._last_kv, tube._last_g,
            plant.dose_mgy, plant._step_mgy, one._acc, two._acc,
        ) = f  # fmt: skip
        tube._driven, tube.quench_ms, one.pulses, two.pulses = bool(n[0]), *n[1:4]
        one.saturated, two.saturated = bool(n[4]), bool(n[5])
        pins.pulses_1, pins.pulses_2, pins.saturated_1, pins.saturated_2 = (
            one.pulses,
            two.pulses,
            one.saturated,
            two.saturated,
        )
        pins.kv_centi, pins.ma_centi = int(tube.kv * 100.0 + 0.5), int(tube.ma * 100.0 + 0.5)

    def turn(self, made: Callable[..., int], ms: int) -> int:
        """One block of a plant that is wired to it."""
        self.take()
        done = made(self.f, self.n, self.drive, self.c, ms)
        self.put()
        return done


def lit() -> tuple[Plant, UnitOutputs]:
    """A plant whose supply is charged and set, its high voltage off."""
    plant, out = Plant(DEFAULT, 1), UnitOutputs(k1_close=True, k2_close=True)
    for _ in range(SETTLE_MS):
        plant.step(out)
    plant.supply.kv_counts = round(KV_COUNTS * DEFAULT.kv_set_counts)
    plant.supply.ma_counts = round(MA_COUNTS * DEFAULT.ma_set_counts)
    return plant, out


def held(plant: Plant) -> tuple[Any, ...]:
    """Every number that the block moves."""
    tube, one, two = plant.tube, plant.chamber_1, plant.chamber_2
    return (
        *(getattr(tube, name).hex() for name in TUBE_FLOATS), plant.dose_mgy.hex(), plant._step_mgy.hex(), one._acc.hex(), two._acc.hex(),
        tube._driven, tube.quench_ms, one.pulses, two.pulses, one.saturated, two.saturated, plant.pins.kv_centi, plant.pins.ma_centi,
    )  # fmt: skip


def blocks(plant: Plant, shadow: Shadow, made: Callable[..., int], ms: int) -> None:
    """So many milliseconds by the block, a slow step each ten: what remains of a wired plant when contactors, wires and pins rest."""
    left = ms
    while left:
        asked = min(left, BLOCK_MS - plant._slow)
        rising_ms = (plant.supply._rising_at_us - plant.now_us) // STEP_US - 1
        if plant.supply.hv_on and rising_ms > 0:
            asked = min(asked, rising_ms)
        done = shadow.turn(made, asked)
        plant.now_us += done * STEP_US
        left -= done
        plant._slow += done
        if plant._slow >= SLOW_MS:
            plant._slow = 0
            plant._slow_step(plant.now_us)


def differing(made: Callable[..., int]) -> list[str]:
    """A ramp, steady beam, an arc with its quench, another current, off and the cable's discharge, 10 ms at a time through both: where they differ."""
    walked, out = lit()
    other, _ = lit()
    shadow = Shadow(other)
    acts: dict[int, Callable[[Plant], object]] = {
        20: lambda plant: plant.supply.switch(plant.now_us, 1),
        900: lambda plant: plant.tube.arc(),
        1500: lambda plant: setattr(plant.supply, "ma_counts", plant.supply.ma_counts * 3 // 4),
        2000: lambda plant: plant.supply.switch(plant.now_us, 0),
    }
    found = []
    for at in range(0, 3000, BLOCK_MS):
        if at in acts:
            acts[at](walked), acts[at](other)
        for _ in range(BLOCK_MS):
            walked.step(out)
        blocks(other, shadow, made, BLOCK_MS)
        if held(walked) != held(other):
            found.append(f"at {at} ms: {held(walked)} and {held(other)}")
    return found
