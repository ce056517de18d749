"""Every cause the unit can name is reached, ends the beam within its time, and is first in the record; nothing else comes first.
The host here only feeds the lease: nobody helps the unit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from unit_bench import ARMED, ENDED, IDLE, LATCHED, RUN, Bench

from simulators.unit_map import Cause

LONG = {"count_preset_1": 5_000_000, "count_limit_2": 5_000_000}


def _set(**pins: object) -> Callable[[Bench], None]:
    def act(bench: Bench) -> None:
        for name, value in pins.items():
            setattr(bench.inputs, name, value)

    return act


def _bench(**values: object) -> Callable[[Bench], None]:
    def act(bench: Bench) -> None:
        for name, value in values.items():
            setattr(bench, name, value)

    return act


IN_BEAM: list[tuple[str, Cause, Callable[[Bench], None], int, dict[str, int]]] = [
    ("emergency stop, one channel", Cause.ESTOP, _set(estop_a=False), 20, {}),
    ("emergency stop, other channel", Cause.ESTOP, _set(estop_b=False), 20, {}),
    ("door", Cause.DOOR, _set(door_a=False, door_b=False), 20, {}),
    ("door, one channel only", Cause.DOOR, _set(door_b=False), 20, {}),
    ("key turned off", Cause.KEY, _set(key_treat_a=False, key_treat_b=False), 20, {}),
    ("key in both positions", Cause.KEY, _set(key_service_a=True, key_service_b=True), 20, {}),
    ("applicator contact", Cause.CONTACT, _set(contact_a=False), 20, {}),
    ("switch released in hold-to-run", Cause.SWITCH, lambda b: b.release(), 20, {"switch": 0xA5}),
    ("applicator code, reader A", Cause.APPL, _set(applicator_a=0x35), 20, {}),
    ("applicator code, reader B", Cause.APPL, _set(applicator_b=0x00), 20, {}),
    ("filter code", Cause.FILTER, _set(filter_b=0xFF), 20, {}),
    ("one switch channel lets go", Cause.PAIR, _set(switch_b=False), 121, {}),
    ("test pulse", Cause.TEST_PULSE, _set(test_pulse=False), 20, {}),
    ("lamp", Cause.LAMP, _set(beam_lamp_ok=False), 20, {}),
    ("K2 drops out", Cause.MIRROR, _bench(_at_2=-1_000_000), 160, {}),
    ("K1 drops out", Cause.MIRROR, _bench(_at_1=-1_000_000), 160, {}),
    ("lease lapses", Cause.LEASE, _bench(feeding=False), 201, {}),
    ("rate doubles", Cause.RATE, _bench(counts_per_ms_1=5, counts_per_ms_2=5), 30, {}),
    ("rate of channel 2 doubles", Cause.RATE, _bench(counts_per_ms_2=5), 30, {}),
    ("saturation counts as high", Cause.RATE, _set(saturated_1=True), 30, {}),
    ("channel 1 dies", Cause.NO_DOSE, _bench(counts_per_ms_1=0), 1130, {"disagree_permille": 500, "rate": 3000}),
    ("beam goes by itself", Cause.NO_DOSE, _bench(beam_wanted=False), 1130, {}),
    ("channels disagree", Cause.DISAGREE, _bench(counts_per_ms_1=1), 1010, {"rate": 3000}),
]


@pytest.mark.parametrize(("name", "cause", "act", "within_ms", "changes"), IN_BEAM, ids=[row[0] for row in IN_BEAM])
def test_beam_ends_by_itself(
    name: str, cause: Cause, act: Callable[[Bench], None], within_ms: int, changes: dict[str, int]
) -> None:
    if name == "channel 1 dies":
        changes = {**changes, "disagree_permille": 0, "termination": 0x3C}
    bench = Bench()
    bench.to_beam(**{**LONG, **changes})
    bench.run_ms(300)
    assert bench.unit.state == RUN
    act(bench)
    took = bench.until(ENDED, within_ms + 1)
    assert took <= within_ms
    assert not bench.outputs.k1_close
    assert bench.first_cause == cause
    assert cause in bench.causes()
    bench.run_ms(400)
    assert not bench.outputs.k2_close
    assert bench.unit.history()[0].cause == cause


@pytest.mark.parametrize(
    ("changes", "cause", "took_ms"),
    [
        ({"count_preset_1": 2000, "count_limit_2": 2080}, Cause.COUNT_PRESET, 1000),
        ({"count_limit_2": 1000, "count_preset_1": 1010}, Cause.COUNT2, 500),
        ({"preset_ms": 700}, Cause.TIME_PRESET, 700),
        ({"k1_limit_ms": 800}, Cause.K1_LIMIT, 800),
        ({"k1_limit_ms": 1_200_000, "preset_ms": 1_200_000}, None, 0),
    ],
)
def test_limits_end_exactly(changes: dict[str, int], cause: Cause | None, took_ms: int) -> None:
    """A preset ends at its number, not a scan later."""
    bench = Bench()
    bench.to_beam(**{**LONG, **changes})
    if cause is None:
        assert bench.unit.state == RUN
        return
    bench.until(ENDED, took_ms + 100)
    assert bench.first_cause == cause
    nv = bench.nv
    figure = {
        Cause.COUNT_PRESET: nv.counts_1,
        Cause.COUNT2: nv.counts_2,
        Cause.TIME_PRESET: nv.beam_ms,
        Cause.K1_LIMIT: nv.k1_ms,
    }[cause]
    assert figure == next(iter(changes.values()))


def test_timer_ends_time_mode_exactly() -> None:
    """K1's command is closed for the preset plus the time until HV was seen, to the millisecond."""
    bench = Bench()
    bench.to_beam(
        termination=0x3C, preset_ms=1500, count_preset_1=0, count_limit_2=0, no_dose_ms=0, disagree_permille=0
    )
    bench.until(ENDED, 2000)
    assert bench.first_cause == Cause.TIME_PRESET
    assert bench.nv.beam_ms == 1500
    closed_ms = (bench.k1_open_us[0] - bench.k1_close_us[0]) // 1000
    assert closed_ms == bench.nv.k1_ms == 1500 + bench.contactor_ms


def test_channels_of_different_scale_agree_and_are_limited_by_their_own_scale() -> None:
    """Channel 2 counts twice as much a dose: committed so, it agrees; half again as much is disagreement, and then RATE by its own scale."""
    bench = Bench()
    bench.counts_per_ms_2 = 4
    bench.to_beam(count_preset_1=500_000, count_limit_2=1_000_000)
    bench.run_ms(3000)
    assert bench.unit.state == RUN
    bench.counts_per_ms_2 = 7
    bench.until(ENDED, 30)
    assert bench.first_cause == Cause.RATE


def test_hard_cap_outranks_everything() -> None:
    bench = Bench(hard_cap_s=1)
    bench.to_beam(**{**LONG, "preset_ms": 1000, "k1_limit_ms": 1000})
    bench.until(ENDED, 1100)
    assert bench.first_cause == Cause.HARD_CAP


def test_start_window() -> None:
    bench = Bench()
    bench.to_armed(**LONG)
    bench.press()
    assert bench.until(ENDED, 2010) >= 2000
    assert bench.first_cause == Cause.START_WINDOW


def test_arm_window() -> None:
    bench = Bench()
    bench.to_armed(**{**LONG, "arm_window_s": 2})
    bench.until(IDLE, 2010)
    assert bench.first_cause == Cause.ARM_WINDOW
    assert not bench.outputs.k2_close


@pytest.mark.parametrize("state", [ARMED, RUN])
def test_disarm(state: int) -> None:
    bench = Bench()
    if state == ARMED:
        bench.to_armed(**LONG)
    else:
        bench.to_beam(**LONG)
    assert bench.write(0x0210, b"\x00\x00") == 0
    bench.step()
    assert bench.first_cause == Cause.DISARM
    assert not bench.outputs.k1_close
    assert bench.unit.state == (IDLE if state == ARMED else ENDED)


def test_reboot_in_beam() -> None:
    """Relays open in the next scan, the cause is REBOOT, counters are kept, and the exposure stands in the history."""
    bench = Bench()
    bench.to_beam(**LONG)
    bench.run_ms(500)
    kept = bench.nv.counts_1, bench.nv.beam_ms, bench.nv.retained_token
    boots = bench.nv.boot_count
    bench.unit.reboot(bench.now_us)
    bench.step()
    assert not bench.outputs.k1_close
    assert not bench.outputs.k2_close
    bench.run_ms(300)
    assert bench.unit.state == ENDED
    assert bench.first_cause == Cause.REBOOT
    assert (bench.nv.counts_1, bench.nv.beam_ms, bench.u32(0x0118)) == kept
    assert bench.u16(0x0108) == boots + 1
    assert bench.unit.history()[0].cause == Cause.REBOOT


@pytest.mark.parametrize("state", ["IDLE", "ARMED", "ENDED"])
def test_spontaneous_hv_latches(state: str) -> None:
    bench = Bench()
    if state == "ARMED":
        bench.to_armed(**LONG)
    elif state == "ENDED":
        bench.to_beam(count_preset_1=200)
        bench.until(ENDED, 500)
        bench.beam_wanted = False
        bench.run_ms(1500)
        assert bench.unit.state == ENDED
    bench.force_hv = True
    bench.run_ms(2)
    assert bench.unit.state == LATCHED
    assert bench.first_cause == Cause.SPONTANEOUS
    assert bench.outputs.sounder
    assert not bench.outputs.k2_close


def test_every_cause_is_reached_above() -> None:
    """A new cause without a test is noticed."""
    tested = {row[1] for row in IN_BEAM} | {
        Cause.COUNT_PRESET, Cause.COUNT2, Cause.TIME_PRESET, Cause.K1_LIMIT, Cause.HARD_CAP, Cause.START_WINDOW,
        Cause.ARM_WINDOW, Cause.DISARM, Cause.REBOOT, Cause.SPONTANEOUS,
    }  # fmt: skip
    assert set(Cause) - tested == {Cause.NONE, Cause.RESERVED}
