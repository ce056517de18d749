"""After a crash a bench rig has no unit that kept anything: the journal and the longest silence are all there is, and a lost memory never proves
an exposure VOID. The dose of a rig without chambers is never GOOD."""

from __future__ import annotations

import msgspec
import pytest
from dose_bench import LIMITS, RIG, WALL_S, at_rest, certificate, clearance, made, prescribed, readings, status

from controller.case import Case
from controller.channels import CUT_S, RATE_MAX_OVER_R0
from controller.dose import Meter
from controller.entries import Start
from controller.kernel import Kernels, prepare
from controller.prescribed import Certificate, Quality
from controller.settings import Settings, make_settings
from controller.written import found_entry, start_entry
from hal.machine import ALL_FITTED, Fitted
from hal.readings import GeneratorMonitor, Readings, Relay, Termination, UnitState
from hal.safety_units.emulated import EmulatedUnit, Pins
from hal.safety_units.wago_750 import FITTED, WATCHDOG_S
from records.recovery import Evidence, never_ran, recovered

TICK_S = 0.01
TOKEN = 41
BENCH = msgspec.structs.replace(RIG, watchdog_s=WATCHDOG_S, fitted=FITTED)
OPEN = int(Relay.K1_MIRROR_OPEN | Relay.K2_MIRROR_OPEN)


@pytest.fixture(scope="module")
def kernels() -> Kernels:
    return prepare()


def found_by_an_heir(at_s: float) -> Readings:
    """What the emulation of a process that has just started says: nothing is retained, nothing ran."""
    heir = EmulatedUnit(FITTED, TICK_S, at_s)
    heir.see(Pins(at_s + 0.1, 0, 0, OPEN), at_s + 0.1)
    return at_rest(at_s + 0.1, heir.status, slow=heir.slow())


def started(settings: Settings, at_s: float) -> Start:
    first = EmulatedUnit(FITTED, TICK_S, at_s)
    first.see(Pins(at_s + 0.1, 0, 0, OPEN), at_s + 0.1)
    start = start_entry(settings, Case(), at_rest(at_s + 0.1, first.status, slow=first.slow()), 1000.0, "v", True)
    assert start is not None
    return start


def timed() -> Settings:
    return made(cert=certificate(termination=Termination.TIME), rig=BENCH)


def test_start_carries_the_watchdog_and_not_the_lease() -> None:
    assert started(timed(), 50.0).lease_s == WATCHDOG_S
    assert made().silence_s == RIG.lease_ms / 1000.0


@pytest.mark.parametrize("beam_ms", [0, 3000])
def test_a_killed_exposure_is_unknown_and_charged_for_the_longest_silence(beam_ms: int) -> None:
    """Also where the journal has not seen any beam yet: an heir that remembers nothing proves nothing."""
    start = started(timed(), 50.0)
    seen = Evidence(60_000_000_000, 1010.0, beam_ms, 0, 0, unit_age_s=0.01, ran=beam_ms > 0, whole=True)
    found = found_entry(found_by_an_heir(63.7))
    assert found.sound and found.token == 0 and not never_ran(start, TOKEN, found, seen)
    figures = recovered(start, TOKEN, found, 65_000_000_000, 1015.0, seen, TICK_S)
    charged_s = WATCHDOG_S + CUT_S + 2 * TICK_S + 0.01
    least = start.combination.r0_mgy_per_s * RATE_MAX_OVER_R0 * charged_s
    assert figures.weighed.quality is Quality.UNKNOWN and figures.charged_s == pytest.approx(charged_s)
    assert figures.weighed.delivered_mgy == figures.weighed.high_mgy >= least
    assert figures.weighed.low_mgy == 0.0


def test_the_unit_that_kept_its_memory_still_proves_it() -> None:
    """The same process, disarmed before a press: its counts stand as at START."""
    start = started(timed(), 50.0)
    first = found_by_an_heir(50.0)
    seen = Evidence(60_000_000_000, 1010.0, 0, 0, 0, whole=True)
    assert never_ran(start, TOKEN, found_entry(first), seen)


def test_a_certificate_by_counts_is_refused_without_chambers() -> None:
    refused = make_settings_with(certificate(termination=Termination.MONITOR), FITTED)
    assert any("this rig has no chambers" in words for words in refused)


def test_a_vented_chamber_is_refused_without_a_barometer() -> None:
    refused = make_settings_with(certificate(vented_2=True), ALL_FITTED & ~Fitted.AIR)
    assert any("no barometer" in words for words in refused)


def test_counters_that_a_beam_would_outrun_are_refused() -> None:
    """1.5 x R0 must still be counted, or a beam without its filter reads as the device's limit and looks sound."""
    p = prescribed()
    for most, refused in ((3000.0, True), (4500.0, False)):
        rig = msgspec.structs.replace(RIG, counts_most_per_s=most)
        result = make_settings(p, certificate(), clearance(p), LIMITS, at_rest(), rig, WALL_S)
        said = isinstance(result, tuple) and any("set the converters lower" in words for words in result)
        assert said is refused


def make_settings_with(cert: Certificate, fitted: Fitted) -> tuple[str, ...]:

    p = prescribed()
    rig = msgspec.structs.replace(RIG, fitted=fitted)
    result = make_settings(p, cert, clearance(p), LIMITS, at_rest(), rig, WALL_S)
    assert isinstance(result, tuple)
    return result


def test_air_that_is_not_measured_is_not_asked_for_where_nothing_is_vented() -> None:
    nothing = float("nan")
    slow = msgspec.structs.replace(at_rest().slow, pressure_kpa=nothing, temperature_c=nothing)  # type: ignore[type-var]
    settings = made(cert=certificate(termination=Termination.TIME), rig=BENCH, readings=at_rest(slow=slow))
    assert settings.k_tp == 1.0


@pytest.mark.parametrize("settled", [False, True], ids=["in beam", "settled"])
def test_dose_without_chambers_is_the_timers_and_never_good(kernels: Kernels, settled: bool) -> None:
    """Rate times time, the model of kV and mA beside it; counters that stand at 0 are no channel that lost its signal."""
    settings = timed()
    meter = Meter(kernels, TICK_S, chambers=False)
    meter.begin(settings, at_rest(100.0), 100.0)  # type: ignore[arg-type]
    c, at_s = settings.combination, 100.0
    on = int(Relay.K1_COMMAND | Relay.K2_COMMAND | Relay.HV_SEEN)
    for tick in range(1, 501):
        at_s = 100.0 + tick * TICK_S
        unit = status(at_s, state=UnitState.RUN, relays=on, beam_ms=10 * tick, sample_us=round(at_s * 1e6))
        monitor = GeneratorMonitor(at_s, c.kv, c.ma, 0.0, 0, 0)
        dose = meter.add(readings(at_s, unit, monitor, on_sent_at_s=100.0), at_s)  # type: ignore[arg-type]
    if settled:
        for tick in range(1, 101):
            end_s = at_s + tick * TICK_S
            unit = status(end_s, state=UnitState.ENDED, relays=OPEN, beam_ms=5000, sample_us=round(end_s * 1e6))
            monitor = GeneratorMonitor(end_s, 0.0, 0.0, 0.0, 0, 0)
            last = readings(end_s, unit, monitor, on_sent_at_s=100.0)
            meter.add(last, end_s)  # type: ignore[arg-type]
        dose = meter.settled(last)
    by_timer = c.r0_mgy_per_s * (5.0 + c.dt_s) - (0.0 if settled else settings.tail_mgy)
    assert dose.quality is Quality.DEGRADED and dose.counted, (
        "the high-voltage contact was seen closed, so that its opening means something"
    )
    assert dose.delivered_mgy == dose.dt_mgy == pytest.approx(by_timer)
    assert dose.low_mgy <= dose.delivered_mgy <= dose.high_mgy and dose.low_mgy > 0.9 * dose.delivered_mgy
    assert not dose.overdue or not settled


@pytest.mark.parametrize("timer", [False, True])
def test_beam_that_this_computer_could_not_time_is_unknown_and_a_units_own_timer_has_it(
    kernels: Kernels, timer: bool
) -> None:
    """The last status in RUN, 0.25 s without one, then ENDED with the same beam time: it may have been on all the while."""
    settings = timed()
    meter = Meter(kernels, TICK_S, chambers=False, timer=timer)
    meter.begin(settings, at_rest(100.0), 100.0)  # type: ignore[arg-type]
    c, on = settings.combination, int(Relay.K1_COMMAND | Relay.K2_COMMAND | Relay.HV_SEEN)
    for tick in range(1, 401):
        at_s = 100.0 + tick * TICK_S
        unit = status(at_s, state=UnitState.RUN, relays=on, beam_ms=10 * tick, sample_us=round(at_s * 1e6))
        meter.add(readings(at_s, unit, on_sent_at_s=100.0), at_s)  # type: ignore[arg-type]
    for tick in range(125):
        end_s = 104.25 + tick * TICK_S
        unit = status(end_s, state=UnitState.ENDED, relays=OPEN, beam_ms=4000, sample_us=round(end_s * 1e6))
        last = readings(end_s, unit, on_sent_at_s=100.0)
        meter.add(last, end_s)  # type: ignore[arg-type]
    dose = meter.settled(last)
    unseen = 0.0 if timer else RATE_MAX_OVER_R0 * c.r0_mgy_per_s * (0.25 + TICK_S)
    assert dose.unknown_mgy == pytest.approx(unseen)
    assert dose.high_mgy == pytest.approx(dose.dt_mgy + unseen)


def test_a_beam_that_ends_in_its_ramp_with_a_silent_generator_is_not_nothing(kernels: Kernels) -> None:
    """No chambers, a timer that does not hold yet, no kV and no mA: the high-voltage contact was closed for 0.1 s, and that is charged in full."""
    settings = timed()
    meter = Meter(kernels, TICK_S, chambers=False, timer=False)
    meter.begin(settings, at_rest(100.0), 100.0)  # type: ignore[arg-type]
    c, on = settings.combination, int(Relay.K1_COMMAND | Relay.K2_COMMAND | Relay.HV_SEEN)
    for tick in range(1, 11):
        at_s = 100.0 + tick * TICK_S
        unit = status(at_s, state=UnitState.RUN, relays=on, beam_ms=10 * tick, sample_us=round(at_s * 1e6))
        meter.add(readings(at_s, unit, on_sent_at_s=100.0), at_s)  # type: ignore[arg-type]
    for tick in range(1, 101):
        end_s = at_s + tick * TICK_S
        unit = status(end_s, state=UnitState.ENDED, relays=OPEN, beam_ms=100, sample_us=round(end_s * 1e6))
        last = readings(end_s, unit, on_sent_at_s=100.0)
        meter.add(last, end_s)  # type: ignore[arg-type]
    dose = meter.settled(last)
    assert dose.low_mgy == 0.0 and dose.delivered_mgy == dose.high_mgy >= RATE_MAX_OVER_R0 * c.r0_mgy_per_s * 0.1
    assert dose.quality is not Quality.GOOD
