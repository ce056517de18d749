"""The rig: both devices off in one call, reopening only while no ON stands, refusals before anything opens, and a read that never raises."""

from __future__ import annotations

import itertools
import random
import zlib
from typing import Any

import msgspec
import pytest
from hal_scripted import SITE_KEY, Bench, ScriptedUnit, ScriptedXrv, config, identity_block

from hal.commands import Arm, ClearFaults, Command, Hold, Off, On, Plan, Reset, SetUp, Test, Unlatch, Watch
from hal.errors import ConfigurationError
from hal.machine import ALL_FITTED, ALL_PAIRED, Fitted, Machine, Renewal
from hal.poll_plan import Poll, due, plan
from hal.readings import Relay, UnitState
from hal.registry import GENERATORS, SAFETY_UNITS, generator, names, safety_unit
from hal.rig import make_rig, read_back
from hal.scaling import from_counts, from_monitor, scale_mismatch, to_counts
from hal.transport import memory_pair

Test.__test__ = False  # type: ignore[attr-defined]
STAGING = bytes(range(56))
PLAN = Plan(2847, 1310, 2866, 2375, STAGING, zlib.crc32(STAGING))


def test_the_rig_is_a_machine() -> None:
    machine: Machine = Bench().rig
    assert machine.fds == ()


def test_the_first_write_anywhere_is_the_units_disarm() -> None:
    order: list[str] = []

    class Unit(ScriptedUnit):
        def _put(self, index: int, at: int, data: bytes, reply: bytes) -> bytes:
            order.append(f"unit {at:04X}")
            return super()._put(index, at, data, reply)

    class Xrv(ScriptedXrv):
        def reply(self, body: str) -> str:
            if body.count(",") > 1:
                order.append(f"generator {body}")
            return super().reply(body)

    Bench(unit=Unit(), xrv=Xrv()).ticks(30, SetUp(PLAN))
    assert order[0] == "unit 0210"
    assert next(entry for entry in order if entry.startswith("generator")) == "generator 98,0,"


def test_beam_off_is_true_only_when_both_have_left() -> None:
    bench = Bench().known()
    bench.xrv.hang_up()
    bench.xrv.refuses_to_open = True
    bench.ticks(3)
    bench.unit.writes.clear()
    bench.rig.write(Hold(1), bench.now)  # type: ignore[arg-type]
    assert not bench.rig.beam_off(bench.now)  # type: ignore[arg-type]
    bench.serve()
    assert bench.unit.written(0x210)


def test_off_sent_at_is_when_an_off_first_left_after_something_was_permitted() -> None:
    bench = Bench().known()
    bench.tick(Hold(1))
    bench.tick(Off())
    first = bench.tick(Off()).off_sent_at_s
    assert first == pytest.approx(bench.now - 0.02 + 0.002)
    assert bench.ticks(50, Off()).off_sent_at_s == first
    bench.tick(Hold(1))
    bench.tick(Off())
    assert bench.tick(Off()).off_sent_at_s != first


OPEN = int(Relay.K1_MIRROR_OPEN)


def after_off(relays: int, **settings: object) -> tuple[Bench, float]:
    """A slow generator's line on which an answer is under way when the first off goes out, and the next one never comes; the unit says these relays from
    then on. With the time of the first off."""
    bench = Bench(settings={"generator_baud": 1200, **settings}).known()
    bench.xrv.heard.clear()
    bench.tick(Hold(1))
    bench.unit.status["relays"] = relays
    bench.xrv.held = True
    bench.tick(Off())
    assert bench.xrv.heard[-1] == "98,0,", "the first off takes the wire at once, whatever runs"
    began = bench.now - bench.tick_s
    bench.xrv.held = False
    while bench.xrv.heard[-1].count(",") > 1 or bench.xrv.waiting:
        bench.tick(Off())
    bench.xrv.held = True
    return bench, began


def next_off(bench: Bench) -> float:
    """Ticks until the next off is heard."""
    heard = len(bench.xrv.heard)
    while "98,0," not in bench.xrv.heard[heard:]:
        bench.tick(Off())
    return bench.now - bench.tick_s


@pytest.mark.parametrize(
    ("relays", "wait_s"),
    [(OPEN, 0.3), (OPEN | Relay.HV_SEEN, 0.1), (OPEN | Relay.K1_COMMAND, 0.1), (0, 0.1)],
)
def test_a_repeated_off_waits_for_a_running_answer_only_while_the_unit_sees_the_beam_off(
    relays: int, wait_s: float
) -> None:
    """K1 open and no high voltage seen, in a status asked after the off: 0.3 s at most. In any other case the off withdraws what runs after 0.1 s."""
    bench, began = after_off(relays)
    assert next_off(bench) - began == pytest.approx(wait_s, abs=0.011)


def test_a_repeated_off_goes_as_soon_as_the_answer_has_come_or_the_beam_is_seen_again() -> None:
    """The wait ends with the answer, with high voltage in the unit's next status, and with the generator's own word."""
    bench, began = after_off(OPEN)
    bench.ticks(16 - round((bench.now - began) / bench.tick_s), Off())
    bench.xrv.held = False
    assert next_off(bench) - began == pytest.approx(0.17, abs=0.011)
    bench, began = after_off(OPEN)
    bench.ticks(16 - round((bench.now - began) / bench.tick_s), Off())
    bench.unit.status["relays"] = OPEN | Relay.HV_SEEN
    assert next_off(bench) - began == pytest.approx(0.17, abs=0.011)


@pytest.mark.parametrize("lit", [False, True])
def test_a_generator_that_says_on_after_the_off_is_told_off_again_at_once(lit: bool) -> None:
    """The unit sees nothing, and the generator's flags say high voltage: no repeat waits."""
    bench = Bench(settings={"generator_baud": 1200}).known()
    bench.xrv.flags[0] = int(lit)
    bench.tick(Hold(1))
    bench.unit.status["relays"] = OPEN
    bench.ticks(30, Off())
    bench.xrv.held = True
    first = next_off(bench)
    bench.xrv.held = False
    bench.ticks(3, Off())
    bench.xrv.held = True
    assert (next_off(bench) - first < 0.12) == lit


def test_a_silent_units_last_word_spares_no_answer() -> None:
    """It said K1 open, after the off; 0.3 s later that is no word of now."""
    bench, _ = after_off(OPEN)
    bench.xrv.held = False
    bench.unit.mute = set(range(50))
    bench.ticks(40, Off())
    first = next_off(bench)
    while bench.xrv.heard[-1].count(",") > 1 or bench.xrv.waiting:
        bench.tick(Off())
    bench.xrv.held = True
    assert next_off(bench) - first == pytest.approx(0.1, abs=0.011)


def test_no_question_takes_the_wire_in_the_tick_in_which_off_is_due() -> None:
    """Off each 100 ms on an idle wire withdraws nothing: every question of a second is answered."""
    bench = Bench().known()
    bench.tick(Hold(1))
    bench.unit.status["relays"] = 0
    bench.ticks(100, Off())
    before = bench.rig.figures()["generator"]
    bench.ticks(100, Off())
    after = bench.rig.figures()["generator"]
    assert (after.bad, after.late, after.resyncs) == (before.bad, before.late, before.resyncs)
    assert after.good - before.good == after.sent - before.sent


@pytest.mark.parametrize("rtu", [False, True])
def test_wires_come_back_by_themselves_and_the_device_is_asked_again_who_it_is(rtu: bool) -> None:
    bench = Bench(unit=ScriptedUnit(rtu=rtu)).known()
    bench.xrv.hang_up()
    for end in bench.unit.ends:
        end.close()
    bench.ticks(2)
    assert bench.readings.unit_link.lost
    assert bench.readings.generator_link.lost
    bench.xrv.heard.clear()
    bench.unit.writes.clear()
    bench.ticks(60)
    assert not bench.readings.unit_link.lost
    assert not bench.readings.generator_link.lost
    assert bench.xrv.heard[:5] == ["26,", "23,", "22,", "28,", "98,0,"]
    assert bench.unit.writes[0][1] == 0x210


def test_pauses_between_openings_grow_to_five_seconds() -> None:
    times: list[float] = []

    class Never(ScriptedXrv):
        def open(self):  # type: ignore[no-untyped-def]
            times.append(round(bench.now, 2))
            return super().open()

    bench = Bench(xrv=Never(refuses_to_open=True))
    bench.ticks(3000)
    pauses = [round(later - earlier, 2) for earlier, later in itertools.pairwise(times)]
    assert pauses == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0, 5.0], abs=0.03), "30 s hold so many"


@pytest.mark.parametrize("device", ["generator", "unit"])
def test_nothing_is_opened_again_while_an_on_stands(device: str) -> None:
    """M2: a reconnect in beam could meet another device or hide a gap; only an off makes way for it."""
    bench = Bench().known()
    bench.tick(On(1))
    bench.tick(Hold(1))
    opened = (bench.xrv.opened, len(bench.unit.ends))
    if device == "generator":
        bench.xrv.hang_up()
    else:
        for end in bench.unit.ends:
            end.close()
    bench.ticks(300, Hold(1))
    assert (bench.xrv.opened, len(bench.unit.ends)) == opened
    assert bench.readings.generator_link.lost is (device == "generator")
    assert bench.readings.unit_link.lost is (device == "unit")
    bench.ticks(30, Off())
    assert (bench.xrv.opened, len(bench.unit.ends)) > opened
    assert bench.xrv.heard.count("98,1,") == 1


def test_a_silent_device_is_lost_after_three_requests_and_tried_again() -> None:
    """M3, L2: half-open: nothing comes, nothing ends; our own deadlines say so."""
    bench = Bench().known()
    bench.unit.mute = set(range(100))
    bench.xrv.mute = True
    bench.ticks(60)
    assert bench.readings.unit_link.lost
    assert bench.readings.generator_link.lost
    assert bench.xrv.opened > 1
    bench.unit.mute = set()
    bench.xrv.mute = False
    bench.ticks(300)
    assert not bench.readings.unit_link.lost
    assert not bench.readings.generator_link.lost


def test_old_readings_stay_with_their_age_while_a_wire_is_down() -> None:
    bench = Bench().known()
    before = bench.readings.monitor
    bench.xrv.hang_up()
    bench.xrv.refuses_to_open = True
    bench.ticks(20)
    assert before is not None
    assert bench.readings.monitor is not None
    assert bench.readings.monitor.asked_at_s <= before.asked_at_s + 0.03


def test_another_device_at_the_other_end_after_a_reconnect_gets_nothing() -> None:
    """L12: pts numbers are reused; the port may lead to somebody else."""
    bench = Bench().known()
    bench.xrv.table = {"26,": "26,XRV160N3000,"}
    bench.xrv.hang_up()
    bench.ticks(3)
    bench.xrv.heard.clear()
    bench.ticks(100, SetUp(PLAN))
    assert set(bench.xrv.heard) == {"26,"}


def test_the_plan_is_read_back_from_the_devices_alone() -> None:
    bench = Bench().known()
    bench.ticks(60, SetUp(PLAN))
    assert read_back(bench.readings) == PLAN
    bench.xrv.stored["12"] = 2867
    bench.ticks(150, Watch())
    changed = read_back(bench.readings)
    assert changed is not None
    assert changed.filament_limit_counts == 2867
    assert changed.digest() != PLAN.digest()
    bench.unit.active = bench.unit.active[:-1] + b"\0"
    bench.ticks(250, Watch())
    assert read_back(bench.readings) is None


def test_capabilities_say_what_the_drivers_can_and_what_the_unit_lacks() -> None:
    bench = Bench()
    assert bench.rig.capabilities.clinical() == ()
    assert bench.rig.capabilities.worst_age_s.keys() == {"unit", "slow", "monitor", "flags", "set_points"}
    assert bench.rig.capabilities.wire_watchdog_s is None
    bare = Bench(unit=ScriptedUnit(identity=identity_block(capabilities=0b0001)))
    bare.ticks(5)
    assert bare.rig.capabilities.clinical() == ("a second contactor",)


@pytest.mark.parametrize("part", Fitted)
def test_a_rule_that_is_not_fitted_is_never_clinical(part: Fitted) -> None:
    """Whatever else a driver claims of its unit: a rule less is a rule less."""
    whole = Bench().rig.capabilities
    lacking = msgspec.structs.replace(whole, fitted=ALL_FITTED & ~part).clinical()
    assert len(lacking) == 1 and lacking[0]


@pytest.mark.parametrize(
    "claim",
    [
        {"paired": ALL_PAIRED & ~2},
        {"unit_tests": (1, 2, 3, 4, 5)},
        {"retains": False},
        {"emulated": "this computer stands in"},
        {"watchdog_s": 1.1},
    ],
)
def test_a_unit_that_has_all_parts_and_lacks_a_duty_is_never_clinical(claim: dict[str, Any]) -> None:
    assert len(msgspec.structs.replace(Bench().rig.capabilities, **claim).clinical()) == 1


@pytest.mark.parametrize(("baud", "most_s", "least_s"), [(115200, 0.06, 0.02), (9600, 0.3, 0.1)])
def test_the_worst_age_follows_the_wires_speed(baud: int, most_s: float, least_s: float) -> None:
    """At 115200 a generator value fits T1 = 100 ms, at 9600 none does."""
    rig = make_rig(config(generator_baud=baud), SITE_KEY, lambda _link, _baud: memory_pair()[0])
    assert least_s <= rig.capabilities.worst_age_s["monitor"] <= most_s
    assert least_s <= rig.capabilities.worst_age_s["flags"] <= most_s


def test_the_plan_on_paper() -> None:
    polls = (Poll("a", 10, 10, 0.0), Poll("b", 10, 10, 0.0), Poll("c", 10, 10, 0.0, 1.0))
    assert polls[0].takes_s(1000) == pytest.approx(0.2)
    ages = plan(1000, polls, 0.001)
    assert ages["a"] == ages["b"] == pytest.approx(0.8, abs=0.01)
    assert ages["c"] == pytest.approx(1.4, abs=0.21)
    assert due(polls, {"a": 1.0, "b": 2.0, "c": 2.0}, 2.5) == polls[0]
    assert due(polls, {"a": 1.0, "b": 2.0, "c": 1.0}, 2.5) == polls[2]
    assert due(polls, {"a": 1.0, "b": 2.0, "c": 1.0}, 2.5, after_extra=True) == polls[0]
    assert due((), {}, 1.0) is None


def test_counts_and_quantities() -> None:
    assert to_counts(69.5, 100.0, "kV") == 2846
    assert from_counts(4095, 100.0) == 100.0
    assert from_monitor(4095, 5.0) == 6.0
    for value in (-0.1, 100.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="kV"):
            to_counts(value, 100.0, "kV")
    with pytest.raises(ValueError, match="full scale"):
        to_counts(1.0, float("nan"), "kV")
    assert scale_mismatch(100.0, 100.0, "kV") == ""
    assert scale_mismatch(float("nan"), 100.0, "kV")
    assert scale_mismatch(160.0, 100.0, "kV") == "kV full scale is 160, the profile says 100"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"full_scale_kv": float("nan")}, "full_scale_kv"),
        ({"full_scale_ma": 0.0}, "full_scale_ma"),
        ({"turnaround_s": 2.0}, "turnaround_s"),
        ({"tick_s": 0.0}, "tick_s"),
        ({"unit_id": 0}, "unit_id"),
        ({"generator_baud": 9601}, "generator_baud"),
        ({"generator_link": "usb:1"}, "link"),
        ({"safety_unit_link": "tcp:unit.example:502"}, "link"),
        ({"generator_driver": "nobody"}, "spellman-xrv"),
        ({"safety_unit_driver": "nobody"}, "kerma-unit"),
    ],
)
def test_a_wrong_configuration_is_refused_before_anything_is_opened(changes: dict[str, object], words: str) -> None:
    def never(link: str, baud: int):  # type: ignore[no-untyped-def]
        raise AssertionError(link)

    with pytest.raises(ConfigurationError, match=words):
        make_rig(config(**changes), SITE_KEY, never)


def test_a_short_site_key_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="site key"):
        make_rig(config(), b"short", lambda _link, _baud: memory_pair()[0])


def test_drivers_are_found_by_name() -> None:
    assert "spellman-xrv" in names(GENERATORS)
    assert "kerma-unit" in names(SAFETY_UNITS)
    assert generator("spellman-xrv").wire_watchdog_s is None
    assert safety_unit("kerma-unit").second_contactor


COMMANDS: tuple[Command, ...] = (
    Watch(), Off(), SetUp(PLAN), Arm(5, 1), Hold(5), On(5), On(6), Reset(5), Unlatch(3), Test(2), ClearFaults(), Arm(2**40, 0), Unlatch(-1), Test(70000),
)  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("rtu", [False, True])
def test_no_bytes_from_either_device_make_a_verb_raise(seed: int, rtu: bool) -> None:
    """L3, L4, L9, M1, M4, M5: flipped, cut, doubled, held back, made-up and closed, in any mixture; the rig never raises and never repeats an ON."""
    chance = random.Random(seed)

    class Unit(ScriptedUnit):
        def _one(self, index: int, data: bytes) -> tuple[bytes, bytes | None]:
            rest, reply = super()._one(index, data) if data[:1] != b"" else (b"", None)
            return rest, spoil(reply) if reply else reply

    def spoil(reply: bytes) -> bytes:
        kind = chance.random()
        if kind < 0.8:
            return reply
        if kind < 0.9:
            at = chance.randrange(len(reply))
            return reply[:at] + bytes([reply[at] ^ 1 << chance.randrange(8)]) + reply[at + 1 :]
        return chance.choice([reply[: len(reply) // 2], reply * 2, chance.randbytes(20), b"", reply[::-1]])

    bench = Bench(unit=Unit(rtu=rtu), settings={"tick_s": 0.01})
    ons = 0
    for n in range(1500):
        bench.xrv.held = bench.unit.held = chance.random() < 0.1
        bench.unit.status["state"] = chance.choice(list(UnitState))
        if chance.random() < 0.1:
            bench.xrv.waiting = spoil(bench.xrv.waiting + b"\x0219,1,")
        if chance.random() < 0.003 and bench.xrv.ends:
            bench.xrv.hang_up()
        if chance.random() < 0.003:
            for end in bench.unit.ends:
                end.close()
        command = chance.choice(COMMANDS)
        bench.tick(command, chance.choice([Renewal(5, 200), Renewal(2**33, 70000), None]))
        if n % 50 == 0:
            bench.rig.beam_off(bench.now)  # type: ignore[arg-type]
        ons = bench.xrv.heard.count("98,1,")
    assert ons <= 2


def test_a_line_faster_than_the_device_speaks_is_refused() -> None:
    with pytest.raises(
        ConfigurationError, match="generator_baud = 19200 is above 9600, the fastest that technix speaks"
    ):
        make_rig(config(generator_driver="technix", generator_baud=19200), SITE_KEY)
