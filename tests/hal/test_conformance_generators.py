"""One conformance suite over every installed generator driver and every wire it speaks on: what a driver owes to the rig, whatever its dialect.
A driver that is added is in it by its entry point; it needs a simulated counterpart of its own name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance_bench import CASES, Bench
from msgspec.structs import replace

from hal import registry
from hal.commands import ClearFaults, SetUp
from hal.generators.engine import GeneratorEngine
from hal.registry import Checksum
from simulators.generators import PROFILES

ON_WORDS = ("HV ON accepted", "HV ON refused")
OFF_SEEN_S = 0.5
"""From an off's bytes to the device's HV off: one request under way, its turnaround, and the contactor-free wire."""


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(*request.param, tmp_path)
    yield made
    made.close()


def heard_on(bench: Bench) -> list[str]:
    return [words for words in bench.words() if words.startswith(ON_WORDS)]


def test_every_driver_has_a_simulated_counterpart() -> None:
    assert set(registry.names(registry.GENERATORS)) <= set(PROFILES)


def test_it_is_identified_then_switched_off_before_anything_is_set(bench: Bench) -> None:
    """After construction the first thing that acts on the device is OFF, and until it is known only questions are sent."""
    assert not bench.sent.chunks and not bench.generator.identified
    bench.generator.on(bench.now)
    bench.generator.off(bench.now, at_once=True)
    assert not bench.sent.chunks, "an unidentified device hears no command"
    bench.want_set_up()
    while not bench.generator.identified:
        assert not [words for words in bench.words() if words.startswith(("HV ON", "HV OFF"))]
        assert bench.world.plant.supply.kv_counts == 0
        bench.tick()
    while not [words for words in bench.words() if words.startswith("HV OFF")]:
        assert bench.world.plant.supply.kv_counts == 0 or not bench.driver.set_point_read_back
        bench.tick()
    assert not heard_on(bench)


def test_another_model_is_refused_before_any_command(bench: Bench, tmp_path: Path) -> None:
    """A configuration that names another device gets no command out: not an ON, not a set-point, not even an OFF."""
    name = bench.driver.name
    other = Bench(name, bench._wire, tmp_path / "other", model="OTHER-1")
    try:
        if bench.driver.identifies:
            for _ in range(300):
                other.want_set_up()
                other.tick()
            other.generator.on(other.now)
            assert not other.generator.off(other.now, at_once=True)
            identity = other.generator.identity
            assert identity is not None and identity.mismatch
            assert not [words for words in other.words() if words.startswith("HV")]
            assert other.world.plant.supply.kv_counts == 0
        else:
            assert not bench.driver.set_point_read_back, "a device that cannot say who it is is for the bench only"
    finally:
        other.close()


def test_a_model_that_only_begins_like_the_configured_one_is_refused(bench: Bench, tmp_path: Path) -> None:
    """The same series and full scale, another string: what was configured and signed is not what is there."""
    if not bench.driver.identifies:
        return
    other = Bench(bench.driver.name, bench._wire, tmp_path / "other", model=f"{bench.setting.model}B")
    try:
        other.want_set_up()
        other.ticks(3.0)
        identity = other.generator.identity
        assert identity is not None and repr(f"{bench.setting.model}B") in identity.mismatch
        assert not other.generator.off(other.now, at_once=True)
        assert not [words for words in other.words() if words.startswith("HV")]
    finally:
        other.close()


def test_a_reading_is_as_old_as_the_oldest_answer_that_made_it(bench: Bench) -> None:
    """Each of the answers in turn is made older than the others: the reading is dated by it, whichever it is."""
    engine = bench.ready().generator
    assert isinstance(engine, GeneratorEngine)
    sheet, pieces = engine._sheet, engine._pieces
    for names, made in ((sheet.monitor_from, sheet.monitor), (sheet.flags_from, sheet.flags)):
        for name in names:
            older = pieces[name].asked_at_s - 0.1
            aged = {**pieces, name: replace(pieces[name], asked_at_s=older)}
            reading = made(bench.setting, aged)
            assert reading is not None and reading.asked_at_s == older, name


def test_a_plan_is_written_and_read_back_to_the_count(bench: Bench) -> None:
    bench.ready()
    supply = bench.world.plant.supply
    # A device that goes to kV and mA of its own has said which, and stands at 0 until its ON.
    stands_at = (0, 0) if bench.driver.own_set_points else (bench.plan.kv_counts, bench.plan.ma_counts)
    assert (supply.kv_counts, supply.ma_counts) == stands_at and bench.set_up()
    assert bench.generator.monitor is not None and bench.generator.flags is not None
    assert not bench.generator.flags.hv_on and not heard_on(bench)


def test_no_on_without_a_set_up_that_was_read_back(bench: Bench) -> None:
    """All else is as it must be, and its set-points have not been heard: an ON is refused in words, and none reaches the device."""
    engine = bench.ready().generator
    assert isinstance(engine, GeneratorEngine)
    engine.set_points = None
    bench.generator.on(bench.now)
    bench.ticks(0.1, may_open=False, may_write=False)
    assert not heard_on(bench) and engine.refusal is not None and "set-points" in engine.refusal.words


def test_no_on_while_nothing_is_known_of_its_flags(bench: Bench) -> None:
    """Whether high voltage is on already, or a fault stands, has not been heard since the wire was opened: an ON is refused in words."""
    engine = bench.ready().generator
    assert isinstance(engine, GeneratorEngine)
    engine.flags = None
    bench.generator.on(bench.now)
    bench.ticks(0.1, may_open=False, may_write=False)
    assert not heard_on(bench) and engine.refusal is not None and "flags" in engine.refusal.words


def test_on_leaves_once_and_its_readings_follow(bench: Bench) -> None:
    """One ON, one beam; the driver never says it again by itself, however long nothing else is asked of it."""
    bench.beam()
    bench.ticks(2.0, may_open=False, may_write=False)
    assert len(heard_on(bench)) == 1
    monitor = bench.generator.monitor
    truth = bench.world.truth()
    assert monitor is not None and abs(monitor.kv - truth.kv) < 0.03 * bench.setting.full_scale_kv
    assert abs(monitor.ma - truth.ma) < 0.03 * bench.setting.full_scale_ma
    assert bench.generator.set_points is not None and bench.set_up()


@pytest.mark.parametrize(
    "after_ms",
    [0, 3, 12, 33, *(pytest.param(after_ms, marks=pytest.mark.grid) for after_ms in (1, 7, 20, 51, 77))],
)
def test_off_at_any_moment_ends_hv(bench: Bench, after_ms: int) -> None:
    """OFF with a reply outstanding, in the ramp, in between: HV is off within the wire's own time, and twice is once."""
    bench.beam()
    bench.tick(may_open=False, may_write=False)
    bench.pass_ms(after_ms)
    began = bench.now
    at_once = True
    while bench.hv_on:
        bench.generator.off(bench.now, at_once)
        at_once = False
        bench.tick(may_open=False, may_write=False)
        assert bench.now - began < OFF_SEEN_S
    for _ in range(20):
        bench.generator.off(bench.now, at_once=False)
        bench.tick(may_open=False, may_write=False)
    bench.until(2.0, "flags that say off", lambda: bench.generator.flags and not bench.generator.flags.hv_on)
    assert not bench.hv_on and len(heard_on(bench)) == 1


def test_an_on_that_is_overtaken_by_off_never_comes(bench: Bench) -> None:
    """The operator presses and lets go at once: OFF withdraws an ON that has not left, and ends one that has."""
    bench.ready()
    bench.tick(may_open=False, may_write=False)
    bench.generator.on(bench.now)
    waited = bench.generator.on_waits
    bench.generator.off(bench.now, at_once=True)
    for _ in range(30):
        bench.generator.off(bench.now, at_once=False)
        bench.tick(may_open=False, may_write=False)
    bench.ticks(1.0)
    assert not bench.hv_on and not bench.generator.on_waits
    assert not (waited and heard_on(bench)), "an ON that had not left was let out behind its OFF"


@pytest.mark.parametrize("state", ["identified", "ready", "beam"])
def test_a_silent_device_is_lost_and_comes_back_without_beam(bench: Bench, state: str) -> None:
    """The cable is out for three seconds: the link is lost, nothing starts by itself, and afterwards it is identified anew and set up again."""
    {"identified": bench.known, "ready": bench.ready, "beam": bench.beam}[state]()
    on = len(heard_on(bench))
    bench.world.plant.generator.silent = True
    bench.ticks(3.0, may_open=state != "beam", may_write=False)
    assert bench.generator.link(bench.now).lost
    bench.world.plant.generator.silent = False
    if bench.hv_on:
        bench.world.plant.supply.drop("the safety unit")
    bench.until(20.0, "recovery", lambda: not bench.generator.link(bench.now).lost and bench.generator.identified)
    bench.want_set_up()
    bench.until(10.0, "the plan read back again", bench.set_up)
    assert len(heard_on(bench)) == on and not bench.hv_on


@pytest.mark.parametrize("state", ["identified", "beam"])
def test_a_vanished_wire_is_gone_and_is_opened_again_only_when_it_may_be(bench: Bench, state: str) -> None:
    """A pulled plug: no exception, no reopening while an ON stands, an identification from nothing afterwards."""
    {"identified": bench.known, "beam": bench.beam}[state]()
    opened = bench.opened
    bench.cut = True
    bench.ticks(1.5, may_open=False, may_write=False)
    assert bench.generator.link(bench.now).lost and bench.opened == opened
    bench.cut = False
    bench.ticks(2.0, may_open=False, may_write=False)
    assert bench.opened == opened, "nothing is opened again while an ON stands"
    if bench.hv_on:
        bench.world.plant.supply.drop("the safety unit")
    bench.until(20.0, "recovery", lambda: not bench.generator.link(bench.now).lost and bench.generator.identified)
    assert bench.opened > opened and not bench.hv_on


def test_what_was_read_before_a_wire_was_opened_again_is_no_word_on_what_is_there_now(bench: Bench) -> None:
    """G9, L12: the plug is out for a moment, and the device that answers then has other set-points: not for one tick do the former ones count."""
    bench.ready()
    bench.want(None)  # type: ignore[arg-type]
    bench.cut = True
    bench.ticks(0.1)
    bench.cut = False
    supply = bench.world.plant.supply
    supply.kv_counts //= 2
    while bench.opened < 2:
        bench.tick()
    assert (bench.generator.monitor, bench.generator.flags, bench.generator.set_points) == (None, None, None)
    began = bench.now
    while bench.now - began < 2.5:
        points = bench.generator.set_points
        assert bench.driver.own_set_points or points is None or points.kv_counts == supply.kv_counts
        bench.tick()


def test_a_late_device_is_never_believed_for_another_request(bench: Bench) -> None:
    """Answers come 250 ms late for two seconds: no reading of that time is wrong, and the wire finds its step again."""
    bench.ready()
    bench.world.plant.generator.late_us = 250_000
    for _ in range(200):
        bench.tick()
        points = bench.generator.set_points
        assert points is None or (points.kv_counts == bench.plan.kv_counts and points.ma_counts == bench.plan.ma_counts)
        assert bench.generator.monitor is None or bench.generator.monitor.kv < 0.05 * bench.setting.full_scale_kv
        assert bench.generator.flags is None or not bench.generator.flags.hv_on
    bench.world.plant.generator.late_us = 0
    bench.until(20.0, "recovery", lambda: not bench.generator.link(bench.now).lost and bench.generator.identified)


def test_set_points_that_do_not_stick_are_never_taken_for_set(bench: Bench) -> None:
    """The device acknowledges and stores nothing (fault-M6): the plan is never read back as held."""
    if not bench.driver.set_point_read_back:
        return
    bench.known()
    bench.world.plant.generator.set_points_stick = True
    bench.want_set_up()
    for _ in range(300):
        bench.tick()
        assert not bench.set_up()


@pytest.mark.parametrize("overtaken", [False, True])
def test_what_was_read_back_before_a_write_is_no_word_on_what_is_held_after_it(bench: Bench, overtaken: bool) -> None:
    """A plan is ordered, then the former one again, in between perhaps an OFF that overtakes the write's acknowledgement: at no tick does the former one
    count as read back while the device holds another."""
    if bench.driver.own_set_points:
        return
    former = bench.ready().plan
    other = replace(former, kv_counts=former.kv_counts // 2 // 100 * 100)
    supply = bench.world.plant.supply

    def tick() -> None:
        bench.tick()
        points = bench.generator.set_points
        assert points is None or points.kv_counts == supply.kv_counts, (points, supply.kv_counts)

    for after in range(8):
        bench.want(SetUp(other))
        while supply.kv_counts != other.kv_counts:
            tick()
            if overtaken and bench.generator.set_points is None:
                bench.generator.off(bench.now, at_once=True)
                break
        for _ in range(after):
            tick()
        for _ in range(120):
            bench.want(SetUp(former))
            tick()
        assert bench.set_up() and supply.kv_counts == former.kv_counts


def test_a_rebooted_device_has_lost_its_set_points_and_says_so(bench: Bench) -> None:
    """G9: after a restart of the device its set-points read 0 and HV stays off; nobody turns it on."""
    bench.ready()
    bench.world.plant.generator.reboot(bench.world.now_us)
    bench.generator.want(None, bench.now)
    bench.ticks(12.0)
    assert not bench.hv_on and not heard_on(bench)
    if bench.driver.set_point_read_back:
        assert not bench.set_up()


def test_faults_are_cleared_when_asked(bench: Bench) -> None:
    """A latched fault is reported in words of the driver's Enum, and goes by ClearFaults."""
    from simulators.supply import UNDER_VOLTAGE

    bench.ready()
    bench.world.plant.supply.trip(UNDER_VOLTAGE, "under-voltage")
    bench.until(
        3.0,
        "a fault in words",
        lambda: bench.generator.flags and bench.generator.flags.fault and bench.generator.flags.faults,
    )
    bench.ticks(1.5)
    flags = bench.generator.flags
    assert flags is not None
    assert set(flags.faults) <= {fault.value for fault in bench.driver.faults} | {"fault, not yet named"}
    bench.want(ClearFaults())
    bench.until(3.0, "no fault", lambda: bench.generator.flags and not bench.generator.flags.fault)


def test_what_the_driver_says_of_itself_is_whole(bench: Bench) -> None:
    """Capabilities, a poll plan on its wire, and words for what was sent on it."""
    bench.ready()
    driver = bench.driver
    ages = driver.worst_age_s(bench.setting)
    assert set(ages) == {"monitor", "flags", "set_points"} and all(0 < age < 30 for age in ages.values())
    assert 0 <= driver.off_s(bench.setting) < 0.2
    assert (
        isinstance(driver.checksum, Checksum)
        and driver.words
        and len({f.value for f in driver.faults}) == len(driver.faults)
    )
    assert (driver.wire_watchdog_s is None) == (driver.wire_watchdog_least_s is None)
    for _, chunk in bench.sent.chunks:
        assert driver.decode(True, chunk)
    for piece in (b"", b"\x00", b"\xff" * 300, bytes(range(256))):
        driver.decode(False, piece)


def test_readings_are_no_older_than_the_poll_plan_says(bench: Bench) -> None:
    """Three seconds of steady polling: each reading is replaced before it is older than the plan's worst age and a tick."""
    bench.ready()
    bench.want(None)  # type: ignore[arg-type]
    bench.ticks(1.0)
    ages = bench.driver.worst_age_s(bench.setting)
    worst = dict.fromkeys(ages, 0.0)
    for _ in range(300):
        bench.tick()
        for name in ages:
            reading = getattr(bench.generator, name)
            worst[name] = max(worst[name], bench.now - reading.asked_at_s)
    for name, age_s in worst.items():
        assert age_s <= ages[name] + 0.0101, (name, age_s, ages[name])
