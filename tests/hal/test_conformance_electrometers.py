"""One conformance suite over every electrometer driver that has a wire, and every wire it speaks on: what it owes to a calibration, whatever its dialect.
A driver that is added is in it by its entry point; it needs a simulated counterpart of its own name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from meter_bench import MODEL, Bench

from hal import registry
from hal.electrometer import ENDED, INTEGRATING, Hold, Interval, MeterState, Reset, SetRange, Start, Zero
from hal.registry import Checksum, ElectrometerDriver
from simulators.electrometers import METERS

WIRED = [name for name in registry.names(registry.ELECTROMETERS) if registry.electrometer(name).wires]


def wires(driver: ElectrometerDriver) -> tuple[str, ...]:
    """Memory always, a pty if it has a serial line, and both its own network port and a terminal server's."""
    return ("memory", *(kind for kind in ("pty", "tcp", "socket") if kind in driver.wires))


CASES = [(name, wire) for name in WIRED for wire in wires(registry.electrometer(name))]


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(*request.param, tmp_path)
    yield made
    made.close()


def test_every_driver_with_a_wire_has_a_simulated_counterpart() -> None:
    assert WIRED and set(WIRED) <= set(METERS)


def test_it_is_identified_before_anything_is_ordered(bench: Bench) -> None:
    """Until it is known every order is refused in words, and nothing acts on the device, which stays as it was."""
    assert bench.meter.reading is None and bench.meter.link(bench.now).lost
    while not bench.meter.identified:
        for order in (Start(), Hold(), Reset(), Zero(), Interval(5), SetRange("HIGH")):
            assert not bench.meter.want(order, bench.now) and bench.meter.pending is None
        assert bench.meter.refusal is not None and bench.meter.refusal.words
        bench.tick()
        assert bench.now < 905.0
    assert bench.acts == [] and not bench.device.token and bench.device.range == "LOW"
    identity = bench.meter.identity
    assert identity is not None and (identity.model, identity.serial, identity.mismatch) == (MODEL, "123456", "")


@pytest.mark.parametrize("wrong", [{"model": "OTHER-1"}, {"serial": "999999"}])
def test_another_device_gets_no_order(bench: Bench, wrong: dict[str, str], tmp_path: Path) -> None:
    other = Bench(bench.driver.name, "memory", tmp_path / "other", **wrong)
    other.ticks(6.0)
    assert other.meter.identity is not None and other.meter.identity.mismatch
    assert not other.meter.want(Start(), other.now)
    other.ticks(2.0)
    assert other.acts == [] and other.device.state == "RES"


def test_measure_hold_and_reset_make_a_round(bench: Bench) -> None:
    """Twice: what is measured second begins at nothing."""
    bench.known()
    for seconds in (4.0, 2.0):
        assert bench.order(Start()) and bench.state in INTEGRATING
        bench.world.mgy_s = 55.0
        bench.ticks(seconds)
        bench.world.mgy_s = 0.0
        assert bench.order(Hold()) and bench.state in ENDED
        bench.until(3.0, "a settled value", lambda: bench.meter.reading and bench.meter.reading.settled)
        reading = bench.meter.reading
        assert reading is not None and reading.integral == pytest.approx(seconds * 0.1097e-9, rel=0.02)
        assert bench.order(Reset()) and bench.state is MeterState.RESET
        assert bench.meter.reading is not None and bench.meter.reading.integral == 0.0


def test_every_order_that_it_has_is_done_and_proven(bench: Bench) -> None:
    """The proof was asked for after the order was given."""
    bench.known()
    orders = [SetRange(name) for name in bench.driver.ranges]
    for order in (
        *orders,
        *([Zero()] if bench.driver.zeroes else []),
        *([Interval(2)] if bench.driver.interval_most_s else []),
    ):
        at_s = bench.now
        assert bench.order(order, 120.0), (order, bench.meter.refusal)
        done = bench.meter.done
        assert done is not None and at_s <= done.asked_at_s <= bench.now


REACH: dict[str, Callable[[Bench], object]] = {
    "known": lambda bench: bench.meter.identified,
    "measuring": lambda bench: bench.order(Start()),
    "held": lambda bench: bench.order(Start()) and bench.order(Hold()),
    "interval": lambda bench: bench.order(Interval(120)),
    "ordered": lambda bench: bench.meter.want(Start(), bench.now),
}


@pytest.mark.parametrize(
    ("state", "how"),
    [
        pytest.param(
            state, how, marks=() if (state in ("measuring", "ordered")) is (how == "cut") else pytest.mark.grid
        )
        for state in REACH
        for how in ("silent", "cut")
    ],
)
def test_a_loss_in_each_state_is_told_and_everything_comes_back(bench: Bench, state: str, how: str) -> None:
    """The device keeps on measuring; an order that was under way ends, proven or refused; nothing is started by the way back."""
    bench.known()
    REACH[state](bench)
    started = bench.acts.count("STA") + bench.acts.count("INT")
    bench.device.silent, bench.cut = how == "silent", how == "cut"
    bench.ticks(14.0)
    assert bench.meter.link(bench.now).lost
    reading = bench.meter.reading
    assert reading is None or bench.now - reading.asked_at_s > 10.0, "an old value is old by its time"
    bench.device.silent = bench.cut = False
    bench.until(
        20.0,
        "recovery",
        lambda: not bench.meter.link(bench.now).lost and bench.meter.identified and bench.meter.reading,
    )
    bench.until(20.0, "the order's end", lambda: bench.meter.pending is None)
    assert bench.acts.count("STA") + bench.acts.count("INT") <= max(1, started)
    said = {"RES": MeterState.RESET, "MEAS": MeterState.MEASURING, "HOLD": MeterState.HELD, "INT": MeterState.INTERVAL}
    bench.ticks(1.0)
    assert bench.state is said[bench.device.state]
    assert bench.order(Reset()) and bench.order(Start())


def test_nothing_is_opened_again_while_it_may_not_be(bench: Bench) -> None:
    bench.known()
    opened = bench.opened
    bench.cut = True
    bench.ticks(2.0, may_open=False)
    bench.cut = False
    bench.ticks(3.0, may_open=False)
    assert bench.opened == opened and bench.meter.link(bench.now).lost
    bench.until(10.0, "recovery", lambda: bench.meter.identified and not bench.meter.link(bench.now).lost)
    assert bench.opened > opened


def test_a_restarted_device_shows_that_its_value_is_gone(bench: Bench) -> None:
    bench.known()
    assert bench.order(Start())
    bench.device.boot(bench.world.now_us)
    bench.until(5.0, "its start", lambda: bench.state is MeterState.BUSY)
    assert bench.meter.reading is not None and bench.meter.reading.integral is None
    bench.until(5.0, "RES", lambda: bench.state is MeterState.RESET)
    assert bench.order(Start()), "the permission is asked for anew"


def test_nothing_waits_and_every_reading_carries_its_time(bench: Bench) -> None:
    """Each reading is replaced before it is older than the plan says, with orders under way and without; its time is that of its request."""
    bench.known()
    ages = bench.driver.worst_age_s(bench.setting)
    assert set(ages) == {"reading", "range", "interval", "zero"}
    bench.until(8.0, "all readings", lambda: bench.meter.interval and bench.meter.zero)
    bench.meter.want(Interval(3), bench.now)
    worst = dict.fromkeys(ages, 0.0)
    for turn in range(1200):
        began_us = bench.world.now_us
        bench.meter.take(bench.now)
        bench.meter.ask(bench.now, True)
        assert bench.world.now_us == began_us
        bench.tick()
        if turn == 600:
            bench.meter.want(Reset(), bench.now)
        for name in ages:
            reading = getattr(bench.meter, name)
            assert reading.asked_at_s <= bench.now
            worst[name] = max(worst[name], bench.now - reading.asked_at_s)
    for name, age_s in worst.items():
        assert age_s <= ages[name] + 0.0101, (name, age_s, ages[name])
    asked = {at for at, _ in bench.sent}
    assert bench.meter.reading is not None and bench.meter.reading.asked_at_s in asked


def test_what_the_driver_says_of_itself_is_whole(bench: Bench) -> None:
    driver = bench.driver.name, bench.driver
    assert driver[0] and driver[1].words and driver[1].units and driver[1].overload
    assert isinstance(driver[1].checksum, Checksum)
    assert len({fault.value for fault in driver[1].faults}) == len(driver[1].faults)
    bench.known()
    for _, chunk in bench.sent:
        assert driver[1].decode(True, chunk)
    for piece in (b"", b"\x00", b"\xff" * 300, bytes(range(256))):
        driver[1].decode(False, piece)
