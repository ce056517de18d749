"""An interrupted segment in *time*, judged twice: by the meter that watched it, and after a crash by what the unit retained of it.
Both stand on the same registers; where they may differ, and by how much, is said here (controller/channels.py: taken_over)."""

from __future__ import annotations

import msgspec
import pytest
from dose_bench import WALL_S, at_rest, slow
from test_dose_meter import R0, TAIL_MGY, TICK_S, Beam, run, settings

from controller.case import Case
from controller.dose import Dose
from controller.entries import Found, Start
from controller.prescribed import Quality
from controller.written import start_entry
from hal.readings import Purpose, Termination
from records.recovery import Evidence, Figures, recovered

TOKEN = 41


def found_at(beam: Beam, after_s: float, purpose: Purpose = Purpose.TREAT) -> Figures:
    """The end by the registers alone, as they stand so long after it."""
    s = settings(Termination.MONITOR)
    before, after = beam.unit(beam.on_s - 1.0), beam.unit(beam.off_s + after_s)
    start = start_entry(s, Case(), at_rest(beam.on_s - 1.0, before, slow=slow(beam.on_s - 1.0)), WALL_S, "v", True)
    assert isinstance(start, Start)
    start = msgspec.structs.replace(start, prescribed=msgspec.structs.replace(start.prescribed, purpose=purpose))
    found = Found(
        TOKEN, start.fraction_tag, 1, after.beam_ms, 0, after.counts_1, after.counts_2, start.unit_run_count + 1, TOKEN, 0, True
    )  # fmt: skip
    seen = Evidence(0, WALL_S + 1.0, before.beam_ms, before.counts_1, before.counts_2, ran=True)
    at_s = beam.off_s - beam.on_s + after_s
    return recovered(start, TOKEN, found, round(at_s * 1e9), WALL_S + 1.0 + at_s, seen, TICK_S)


def test_a_host_that_died_is_charged_with_the_tail_through_k1_alone() -> None:
    """engineering-G20: nobody sent OFF by wire, so where the cable may not have emptied, the certified tail and 50 ms of K1 at R0 and a quarter are charged;
    5 s later the counters hold it all. A filament that was cold has no tail."""
    beam = Beam(off_s=101.5)
    early, late = found_at(beam, 0.0), found_at(beam, 5.0)
    counted_mgy = max(early.d1_mgy, early.d2_mgy, early.dt_mgy)
    assert early.weighed.high_mgy == pytest.approx(counted_mgy + TAIL_MGY + 1.25 * R0 * 0.05)
    assert late.weighed.high_mgy == pytest.approx(max(late.d1_mgy, late.d2_mgy, late.dt_mgy))
    assert early.weighed.high_mgy > beam.true_mgy(200.0) + 0.999 * 1.25 * R0 * 0.05
    assert early.weighed.quality is Quality.DEGRADED and late.weighed.quality is Quality.GOOD
    cold = found_at(beam, 0.0, Purpose.DRY_RUN)
    assert cold.weighed.high_mgy == max(cold.d1_mgy, cold.d2_mgy)


def twice(beam: Beam) -> tuple[Dose, Figures]:
    """The end by the meter, and by the registers as they stand ten seconds later."""
    s = settings(Termination.TIME)
    before, after = beam.unit(beam.on_s - 1.0), beam.unit(beam.off_s + 10.0)
    start = start_entry(s, Case(), at_rest(beam.on_s - 1.0, before, slow=slow(beam.on_s - 1.0)), WALL_S, "v", True)
    assert isinstance(start, Start)
    found = Found(
        TOKEN, start.fraction_tag, 1, after.beam_ms, 0, after.counts_1, after.counts_2, start.unit_run_count + 1, TOKEN, 0, True
    )  # fmt: skip
    seen = Evidence(0, WALL_S + 1.0, before.beam_ms, before.counts_1, before.counts_2, ran=True)
    return run(beam, s)[1], recovered(start, TOKEN, found, 20_000_000_000, WALL_S + 21.0, seen, TICK_S)


@pytest.mark.parametrize("beam_s", [0.3, 1.0, 7.5])
@pytest.mark.parametrize("gain", [0.995, 1.0, 1.01])
def test_past_the_ramp_both_say_the_same(beam_s: float, gain: float) -> None:
    """The timer's dose, the same bounds, the same quality: a fraction is resumed by the same number whoever wrote its end."""
    live, kept = twice(Beam(off_s=100.5 + beam_s, gain_1=gain, gain_2=gain))
    assert live.delivered_mgy == pytest.approx(kept.weighed.delivered_mgy, abs=1e-9)
    assert live.delivered_mgy == live.dt_mgy
    assert (live.low_mgy, live.high_mgy) == pytest.approx((kept.weighed.low_mgy, kept.weighed.high_mgy), abs=1e-9)
    assert live.quality is kept.weighed.quality is Quality.GOOD


def test_where_the_timer_has_not_passed_what_was_said_only_the_watched_one_keeps_it() -> None:
    """The chambers stand 40 % above the timer, and the beam ends as the ramp does: the meter does not take back what it has said, the registers do not
    know it. Neither leaves the bounds of the other, and those are the same."""
    live, kept = twice(Beam(off_s=100.755, gain_1=1.4, gain_2=1.4))
    assert live.quality is kept.weighed.quality is Quality.GOOD
    assert kept.weighed.delivered_mgy == pytest.approx(kept.dt_mgy) and live.delivered_mgy > live.dt_mgy
    assert live.delivered_mgy - kept.weighed.delivered_mgy <= live.d1_mgy - live.dt_mgy < 0.4 * R0 * 0.25
    assert (live.low_mgy, live.high_mgy) == pytest.approx((kept.weighed.low_mgy, kept.weighed.high_mgy), abs=1e-9)
    assert kept.weighed.low_mgy <= live.delivered_mgy <= kept.weighed.high_mgy


@pytest.mark.parametrize("beam_s", [0.1, 0.2])
def test_in_the_ramp_both_go_by_the_counts(beam_s: float) -> None:
    live, kept = twice(Beam(off_s=100.5 + beam_s))
    assert live.delivered_mgy == live.d1_mgy == pytest.approx(kept.weighed.delivered_mgy, abs=1e-9)
