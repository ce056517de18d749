"""The Seifert 3003 driver: lines worked by hand, replies of one shape that nothing tells apart but their order, commands that are never answered,
digits that belong to a model, and its own timer and shutter; against a simulated generator and a line that the test plays itself."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from conformance_bench import EPOCH_S, K1_LIMIT_MS, Bench
from msgspec import structs

from hal.commands import ClearFaults, Plan, SetUp
from hal.errors import Trouble, TroubleKind
from hal.exchange import LATEST_S, Answer, Exchange, Heard, Stage
from hal.generators import seifert_3003 as seifert
from hal.generators.seifert_3003 import DRIVER, SIX, TWO, Fault
from hal.generators.seifert_3003_wire import LineDialect, Order, Shape, Told
from hal.generators.sheet import Piece, backup_s
from hal.registry import GeneratorSetting
from hal.transport import MemoryPipe, memory_pair
from hal.units import Seconds
from hal.wire import Wire
from simulators.generator_seifert_3003 import TWO_DIGITS, Seifert3003Firmware
from simulators.supply import UNDER_VOLTAGE

SETTING = GeneratorSetting("pty:/dev/x", 9600, "ISOVOLT 3003", 100.0, 5.0, 0.002, 0.01, True)
DEBYEFLEX = GeneratorSetting("pty:/dev/x", 9600, "ISO-DEBYEFLEX 3003", 60.0, 80.0, 0.002, 0.01, True)
LINES = {
    "ID": (seifert.MODEL, b"ID\n"),
    "VA": (seifert.KV, b"MR\nVA\n"),
    "CA": (seifert.MA, b"MR\nCA\n"),
    "VN": (seifert.KV_SET, b"MR\nVN\n"),
    "CN": (seifert.MA_SET, b"MR\nCN\n"),
    "TN": (seifert.TIMER_SET, b"MR\nTN:1\n"),
    "TA": (seifert.TIMER, b"MR\nTA:1\n"),
    "SR:01": (seifert.STATUS, b"MR\nSR:01\n"),
    "SR:12": (seifert.MESSAGE, b"MR\nSR:12\n"),
    "on": (seifert.ON, b"TS:1\nOS:1\nHV:1\n"),
    "off": (seifert.OFF, b"HV:0\nCS:1\n"),
    "stop timer": (seifert.STOP_TIMER, b"TE:1\n"),
    "clear": (seifert.CLEAR, b"CL\n"),
}
KV_REPLY = b"*Mo\r*0000069500\r"
"""To a question with the anode before the number, as the first one of a dialect is; MA_BEHIND to the next one."""
MA_BEHIND = b"*0000001600\r*Mo\r"
MODEL_REPLY = b"*- ISOVOLT 3003 -\r"
DEADLINE_S, DRAIN_S = 0.1, 0.02


def dialect() -> LineDialect:
    return LineDialect(seifert.MODEL, False)


def take(q: Order, data: bytes, asked: int = 1) -> object:
    """What a reply is to the question; `asked` times, the last of which it answers."""
    wire = dialect()
    for _ in range(asked):
        wire.encode(q)
    return wire.take(bytearray(data), q, None)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench("seifert-3003", "memory", tmp_path)
    yield made
    made.close()


def device(bench: Bench) -> Seifert3003Firmware:
    face = bench.world.plant.generator
    assert isinstance(face, Seifert3003Firmware)
    return face


def heard(bench: Bench) -> list[str]:
    return [":".join(filter(None, one)) for one in device(bench).heard]


def in_beam(bench: Bench, seconds: float) -> None:
    bench.ticks(seconds, may_open=False, may_write=False)


# The lines.


@pytest.mark.parametrize("name", LINES)
def test_lines_are_those_of_the_published_list(name: str) -> None:
    order, on_the_wire = LINES[name]
    assert dialect().encode(order) == on_the_wire


@pytest.mark.parametrize(
    ("counts", "two", "six"),
    [
        (200, b"SV:02", b"SV:002000"),
        (2000, b"SV:20", b"SV:020000"),
        (6000, b"SV:60", b"SV:060000"),
        (0, b"SV:00", b"SV:000000"),
    ],
)
def test_set_points_in_both_digits(counts: int, two: bytes, six: bytes) -> None:
    """By hand: 20 kV is SV:20 on an ISO-DEBYEFLEX and SV:020000 on an ISOVOLT."""
    assert (TWO.text(b"SV", counts), SIX.text(b"SV", counts)) == (two, six)
    assert SIX.text(b"SC", 160) == b"SC:001600" and TWO.text(b"SC", 1000) == b"SC:10"


def test_the_timer_in_hours_minutes_and_seconds() -> None:
    assert seifert.hours_text(0) == b"TP:1,00,00,00"
    assert seifert.hours_text(122) == b"TP:1,00,02,02"
    assert seifert.hours_text(45_246) == b"TP:1,12,34,06"
    assert seifert.hours_text(seifert.TIMER_MOST_S) == b"TP:1,99,59,59"


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\n\r"])
@pytest.mark.parametrize(
    ("q", "line", "value"),
    [
        (seifert.KV, b"*Mo%b*0000069500", Told("0000069500", 69500)),
        (seifert.STATUS, b"*Co Kalpha%b*0000000192", Told("0000000192", 192)),
        (seifert.MODEL, b"*- ISO-DEBYEFLEX 3003 -", Told("ISO-DEBYEFLEX 3003")),
    ],
)
def test_both_endings_and_every_cut_are_the_same_reply(q: Order, line: bytes, value: Told, end: bytes) -> None:
    line = line.replace(b"%b", end)
    frame = line + end
    for cut in range(1, len(line) + 1):
        wire, buf = dialect(), bytearray(frame[:cut])
        wire.encode(q)
        assert wire.take(buf, q, None) is None and bytes(buf) == frame[:cut]
        buf += frame[cut:]
        assert wire.take(buf, q, None) == value and not buf


@pytest.mark.parametrize(
    "line",
    [
        b"*000006950", b"*00000695000", b"0000069500", b"**000069500", b"*000006950O", b"*-000069500", b"* 000069500", b"*0000069.50",
        b"*0001000000", b"*9999999999", b"*", b"", b"?", b"*Co", b"*- ISOVOLT 3003 -", b"VA*0000069500", "*٠٠٠٠٠٦٩٥٠٠".encode(),
    ],
)  # fmt: skip
def test_a_number_is_ten_digits_in_range_or_nothing(line: bytes) -> None:
    assert not isinstance(take(seifert.KV, b"*Mo\r" + line + b"\r"), Told | Heard)


def test_a_status_word_has_eight_bits() -> None:
    assert take(seifert.STATUS, b"*Mo\r*0000000255\r") == Told("0000000255", 255)
    assert isinstance(take(seifert.STATUS, b"*Mo\r*0000000256\r"), Trouble)


def test_our_own_echo_is_known_and_noise_is_not() -> None:
    wire, buf = dialect(), bytearray(b"MR\nVA\n" + KV_REPLY)
    wire.encode(seifert.KV)
    assert [wire.take(buf, seifert.KV, None) for _ in range(3)] == [Heard.STRAY, Heard.STRAY, Told("0000069500", 69500)]
    assert isinstance(take(seifert.KV, b"\x00" + KV_REPLY), Trouble)
    assert isinstance(take(seifert.KV, b"*" + b"0" * 60), Trouble)


def test_the_letters_change_sides_with_each_question() -> None:
    """L5: before one number, behind the next, so that no part of a reply and no whole one passes for the next one's."""
    wire = dialect()
    asked = [wire.encode(q) for q in (seifert.KV, seifert.MA, seifert.OFF, seifert.MODEL, seifert.STATUS, seifert.KV)]
    assert asked == [b"MR\nVA\n", b"CA\nMR\n", b"HV:0\nCS:1\n", b"ID\n", b"MR\nSR:01\n", b"VA\nMR\n"]
    assert take(seifert.MA, MA_BEHIND, asked=2) == Told("0000001600", 1600)
    for data in (b"*Mo\r", b"*0000069500\r"):
        assert isinstance(take(seifert.MA, KV_REPLY, asked=2), Trouble), "the last reply, whole"
        assert isinstance(take(seifert.MA, data + MA_BEHIND, asked=2), Trouble), "one of its lines before the right one"
        assert isinstance(take(seifert.KV, data + KV_REPLY, asked=3), Trouble)
    assert isinstance(take(seifert.KV, MA_BEHIND, asked=3), Trouble)


def test_no_reply_but_the_models_is_the_fences() -> None:
    for data in (MODEL_REPLY + KV_REPLY, MODEL_REPLY + MA_BEHIND):
        assert isinstance(take(seifert.KV, data), Trouble) and isinstance(take(seifert.KV, data, asked=2), Trouble)
    for data in (b"*0000000000\r", b"*Mo\r", b"*0.15 x 8 mm\r", b"*-\r"):
        assert isinstance(take(seifert.MODEL, data), Trouble)
    assert dialect().fence(1) == seifert.MODEL


# Commands that are never answered, on a line that the test plays.


def line(room: int = 4096) -> tuple[Exchange[Order, Told], MemoryPipe]:
    ours, theirs = memory_pair(room)
    return Exchange(ours, dialect(), DEADLINE_S, DRAIN_S), theirs


def at(seconds: float) -> Seconds:
    return Seconds(seconds)


def test_a_command_without_an_answer_is_told_of_once_and_the_wire_is_free() -> None:
    exchange, end = line()
    assert exchange.ask(seifert.CLEAR, at(1.0)) and exchange.flushed
    assert not exchange.idle and not exchange.ask(seifert.KV, at(1.0))
    assert exchange.poll(at(1.01)) == Answer(seifert.CLEAR, Told(), at(1.0), silent=True)
    assert exchange.idle and exchange.poll(at(1.02)) is None and end.take() == b"CL\n"


def test_a_command_and_then_a_question_each_get_their_own() -> None:
    exchange, end = line()
    exchange.ask(Order("set kv", b"SV:069500", Shape.NOTHING), at(1.0))
    exchange.poll(at(1.01))
    assert exchange.ask(seifert.KV_SET, at(1.01))
    end.send(KV_REPLY)
    answer = exchange.poll(at(1.03))
    assert answer == Answer(seifert.KV_SET, Told("0000069500", 69500), at(1.01)) and exchange.idle


def test_an_off_goes_out_while_a_reply_is_outstanding_which_is_still_its_own_questions() -> None:
    """`off_preempts` without an answer: it ends no wait, and the reply that comes is dated by its question."""
    exchange, end = line()
    exchange.ask(seifert.KV, at(1.0))
    assert exchange.off(seifert.OFF, at(1.005)) and exchange.flushed
    assert end.take() == b"MR\nVA\nHV:0\nCS:1\n" and exchange.asking == seifert.KV
    told_of = exchange.poll(at(1.01))
    assert told_of is not None and told_of.silent and told_of.q == seifert.OFF
    end.send(KV_REPLY)
    answer = exchange.poll(at(1.02))
    assert answer is not None and answer.q == seifert.KV and answer.asked_at == 1.0
    assert exchange.idle


@pytest.mark.parametrize("stage", [Stage.DRAINING, Stage.FENCING])
def test_an_off_goes_out_in_a_drain_and_in_a_fence_and_ends_neither(stage: Stage) -> None:
    exchange, end = line()
    exchange.ask(seifert.KV, at(1.0))
    exchange.poll(at(1.2))
    assert exchange.stage is Stage.DRAINING
    now = 1.2
    if stage is Stage.FENCING:
        now = 1.23
        exchange.poll(at(now))
    assert exchange.stage is stage
    end.take()
    assert exchange.off(seifert.OFF, at(now)) and end.take() == b"HV:0\nCS:1\n" and exchange.stage is stage
    exchange.poll(at(now))
    exchange.poll(at(1.24))
    assert exchange.stage is Stage.FENCING
    end.send(KV_REPLY)  # late: not the fence's
    exchange.poll(at(1.25))
    assert exchange.stage is Stage.DRAINING
    exchange.poll(at(1.28))
    end.send(MODEL_REPLY)
    exchange.poll(at(1.29))
    assert exchange.stage is Stage.DRAINING, (
        "this may be the first fence's reply, late; the second's is then still out there"
    )
    exchange.poll(at(1.3 + LATEST_S))
    end.send(MODEL_REPLY)
    exchange.poll(at(1.31 + LATEST_S))
    assert exchange.idle


def test_a_late_reply_never_answers_the_next_question() -> None:
    """L6: 69.5 kV comes after its deadline; the mA asked next is not 69.5, and is known only behind the fence."""
    exchange, end = line()
    exchange.ask(seifert.KV, at(1.0))
    timed_out = exchange.poll(at(1.15))
    assert timed_out is not None and isinstance(timed_out.value, Trouble)
    assert not exchange.ask(seifert.MA, at(1.15))
    for arrives in (1.16, 1.18):
        end.send(KV_REPLY)
        assert exchange.poll(at(arrives)) is None
    exchange.poll(at(1.21))
    assert exchange.stage is Stage.FENCING
    end.send(MODEL_REPLY)
    exchange.poll(at(1.22))
    assert exchange.ask(seifert.MA, at(1.22))
    end.send(MA_BEHIND)
    answer = exchange.poll(at(1.23))
    assert answer is not None and answer.value == Told("0000001600", 1600)


def test_a_line_feed_behind_the_carriage_return_is_no_stray_byte() -> None:
    """Both endings, the second of them a tick later, in every stage."""
    exchange, end = line()
    for turn in range(4):
        exchange.ask(seifert.MA, at(1.0 + turn))
        end.send(MA_BEHIND if turn % 2 else b"*Mo\r*0000001600\r")
        assert exchange.poll(at(1.01 + turn)) is not None
        end.send(b"\n")
        assert exchange.poll(at(1.02 + turn)) is None
        assert exchange.idle and exchange.strays == 0


def test_a_reply_that_comes_twice_in_one_read_is_not_believed() -> None:
    exchange, end = line()
    exchange.ask(seifert.KV, at(1.0))
    end.send(KV_REPLY + KV_REPLY)
    answer = exchange.poll(at(1.01))
    assert answer is not None and isinstance(answer.value, Trouble) and exchange.stage is Stage.DRAINING


@pytest.mark.parametrize("again", [KV_REPLY, b"*Mo\r", b"*0000069500\r"], ids=["whole", "letters", "number"])
def test_a_reply_that_comes_again_while_the_next_question_is_out_is_not_its_answer(again: bytes) -> None:
    """L5, after the first was believed: 69.5 kV is never 69.5 mA, whatever of it comes again and whether the right reply follows."""
    exchange, end = line()
    exchange.ask(seifert.KV, at(1.0))
    end.send(KV_REPLY)
    assert exchange.poll(at(1.01)) is not None
    assert exchange.ask(seifert.MA, at(1.01))
    end.send(again)
    answer = exchange.poll(at(1.02))
    if answer is None:
        end.send(MA_BEHIND)
        answer = exchange.poll(at(1.03))
    assert answer is not None and isinstance(answer.value, Trouble) and exchange.stage is Stage.DRAINING


def test_a_command_that_cannot_leave_is_trouble_and_not_told_of_as_sent() -> None:
    """L13: a full pipe."""
    exchange, _ = line(room=0)
    exchange.ask(seifert.CLEAR, at(1.0))
    assert not exchange.flushed and exchange.poll(at(1.05)) is None
    answer = exchange.poll(at(1.2))
    assert answer is not None and not answer.silent
    assert isinstance(answer.value, Trouble) and answer.value.kind is TroubleKind.LINK_SILENT
    assert exchange.idle and not exchange.flushed


def test_half_an_on_is_made_into_nothing_before_an_off() -> None:
    """A pipe that took `TS:1 LF OS:1 LF HV:1` without its end: the ON is withdrawn, its rest becomes no command, and the OFF is a line of its own."""
    ours, theirs = memory_pair(14)
    exchange = Exchange(ours, dialect(), DEADLINE_S, DRAIN_S)
    exchange.ask(seifert.ON, at(1.0))
    assert not exchange.flushed
    exchange.purge(at(1.0))
    sent = theirs.take()
    assert sent == b"TS:1\nOS:1\nHV:1" and exchange.idle
    assert exchange.off(seifert.OFF, at(1.001)) and exchange.flushed
    sent += theirs.take()
    assert sent.split(b"\n") == [b"TS:1", b"OS:1", b"HV:1?", b"HV:0", b"CS:1", b""]


def test_bytes_that_leave_do_not_keep_a_dead_link_alive() -> None:
    """An OFF that is repeated into a cable that is out: the link is given up all the same."""
    ours, _ = memory_pair()
    wire: Wire[Order, Told] = Wire(lambda: ours, dialect, DEADLINE_S, DRAIN_S)
    now = 1.0
    wire.serve(at(now), True)
    while now < 3.0:
        now += 0.01
        exchange = wire.exchange
        assert exchange is not None
        if exchange.idle:
            exchange.ask(seifert.KV, at(now))
        exchange.off(seifert.OFF, at(now))
        wire.poll(at(now))
    assert not wire.up and wire.last_good_s is None and wire.good == 0


# Its digits.


@pytest.mark.parametrize("setting", [SETTING, DEBYEFLEX], ids=["six", "two"])
def test_every_set_point_comes_back_the_same(setting: GeneratorSetting) -> None:
    """The whole range of both models, as the device would tell it in V and uA."""
    kv, ma, limit, preheat = seifert.set_points(setting)
    assert kv is not None and ma is not None and limit is None and preheat is None
    for point in (kv, ma):
        assert point.write is not None
        for counts in range(0, point.most + 1, point.step):
            digits = point.write(counts).text.partition(b":")[2]
            thousandths = int(digits) * (1000 if len(digits) == 2 else 1)
            assert len(digits) == (2 if setting is DEBYEFLEX else 6)
            assert point.counts(Told(number=thousandths)) == counts


@pytest.mark.parametrize("volts", [5, 69_505, 69_509, 999_999])
def test_a_read_back_between_two_counts_is_no_count(volts: int) -> None:
    assert seifert.counts_of(Told(number=volts)) == seifert.NO_COUNT


@pytest.mark.parametrize(
    "reads", ["the first two digits", "the last two digits", "the whole number as kV", "the whole number as V"]
)
def test_the_wrong_digits_never_read_back_as_written(reads: str) -> None:
    """However a device takes digits that are not its own, no set-point but 0 comes back right: nothing is ever wrong by a factor of 1000 unseen."""
    how = {
        "the first two digits": lambda digits: int(digits[:2]) * 1000,
        "the last two digits": lambda digits: int(digits[-2:]) * 1000,
        "the whole number as kV": lambda digits: int(digits) * 1000,
        "the whole number as V": int,
    }[reads]
    ours = TWO if reads == "the whole number as V" else SIX
    for counts in range(ours.step, 10_000, ours.step):
        digits = ours.text(b"SV", counts).partition(b":")[2]
        assert seifert.counts_of(Told(number=how(digits))) != counts


def two_digits(tmp_path: Path, model: str = TWO_DIGITS.model, told_as: str = "", digits: int = 2) -> Bench:
    """A bench whose device takes two digits (or `digits`) and calls itself `told_as`, driven as `model`."""
    bench = Bench("seifert-3003", "memory", tmp_path)
    bench.world = type(bench.world)(replace(TWO_DIGITS, model=told_as or model), 1)
    bench.setting = structs.replace(bench.setting, model=model, full_scale_kv=60.0, full_scale_ma=80.0)
    bench.generator = bench.driver.make(bench.setting, bench._open)
    device(bench)._digits = digits
    bench.plan = structs.replace(bench.plan, kv_counts=5000, ma_counts=200)
    return bench


def test_a_whole_beam_in_two_digits(tmp_path: Path) -> None:
    bench = two_digits(tmp_path).beam()
    assert [one for one in heard(bench) if one[:2] in ("SV", "SC")] == ["SV:10", "SV:11", "SV:50", "SC:02"]
    in_beam(bench, 1.0)
    monitor, truth = bench.generator.monitor, bench.world.truth()
    assert monitor is not None and abs(monitor.kv - 50.0) < 0.5 and abs(monitor.kv - truth.kv) < 0.5
    assert monitor.kv_set_counts == 5000 and bench.set_up()


@pytest.mark.parametrize(
    ("kv_counts", "ma_counts", "words"), [(5050, 200, "kV 5050"), (5000, 160, "mA 160"), (6100, 200, "kV 6100")]
)
def test_what_two_digits_cannot_say_is_refused_and_never_rounded(
    tmp_path: Path, kv_counts: int, ma_counts: int, words: str
) -> None:
    bench = two_digits(tmp_path).known()
    bench.want(SetUp(structs.replace(bench.plan, kv_counts=kv_counts, ma_counts=ma_counts)))
    bench.ticks(3.0)
    assert [one for one in heard(bench) if one[:2] in ("SV", "SC")] == ["SV:10", "SV:11"]
    assert bench.generator.refusal is not None and words in bench.generator.refusal.words


@pytest.mark.parametrize(("model", "digits"), [("ISO-DEBYEFLEX 3003", 6), ("ISOVOLT 3003", 2)])
def test_a_model_with_the_other_digits_is_refused_in_words_and_never_set(
    tmp_path: Path, model: str, digits: int
) -> None:
    """It says that it is the configured model, but takes the other's digits: found by two kV that do not read back, before any plan is written."""
    bench = two_digits(tmp_path, model=model, digits=digits).known()
    bench.want_set_up()
    bench.ticks(4.0)
    bench.generator.on(bench.now)
    in_beam(bench, 0.5)
    acts = {one for one in heard(bench) if one[:2] in ("SV", "SC", "TP", "OS", "TS") or one == "HV:1"}
    assert acts == {"SV:010000" if model == "ISOVOLT 3003" else "SV:10"}
    assert bench.generator.set_points is None and not bench.hv_on
    bench.ticks(1.0)
    refusal = bench.generator.refusal
    assert refusal is not None and "not this device's digits" in refusal.words


def test_a_model_that_is_in_no_table_is_refused(tmp_path: Path) -> None:
    bench = two_digits(tmp_path, model="ISOVOLT 9000")
    bench.ticks(2.0)
    identity = bench.generator.identity
    assert identity is not None and "has no digits in this driver" in identity.mismatch
    assert set(heard(bench)) == {"ID"}


def test_the_other_model_is_refused_before_any_command(tmp_path: Path) -> None:
    bench = two_digits(tmp_path, model="ISOVOLT 3003", told_as="ISO-DEBYEFLEX 3003")
    for _ in range(200):
        bench.want_set_up()
        bench.tick()
    bench.generator.on(bench.now)
    assert not bench.generator.off(bench.now, at_once=True)
    identity = bench.generator.identity
    assert identity is not None and "model is 'ISO-DEBYEFLEX 3003'" in identity.mismatch
    assert set(heard(bench)) == {"ID"}


@pytest.mark.parametrize("change", [{"full_scale_kv": 60.5}, {"full_scale_ma": 4.5}])
def test_a_full_scale_that_is_no_whole_number_of_steps_is_refused(change: dict[str, float]) -> None:
    said = {"model": Told("ISO-DEBYEFLEX 3003")}
    assert "no whole number of steps" in seifert.who(structs.replace(DEBYEFLEX, **change), said).mismatch
    assert not seifert.who(DEBYEFLEX, said).mismatch


# Its order of work.


def test_its_order_of_work_from_the_question_to_the_set_points(bench: Bench) -> None:
    """The model, OFF with the shutter, the shutter's control, the digits, then set-points and timer: each proven by a question."""
    bench.ready()
    names = heard(bench)
    assert names[0] == "ID"
    acts = [one for one in names if one[:2] in ("HV", "CS", "CC", "SV", "SC", "TP", "TE", "OS", "TS")]
    assert acts == [
        "HV:0", "CS:1", "CC:1000", "TE:1", "SV:010000", "SV:011000", "SV:069500", "SC:001600", "TP:1,00,02,02",
    ]  # fmt: skip
    assert backup_s(K1_LIMIT_MS) == 122 == device(bench).timers[0].nominal_s
    assert not device(bench).shutter_open


def test_every_reply_twice_and_none_is_believed_for_another(bench: Bench) -> None:
    """L5 on a whole driver: duplicates at any time; what is known stays what is true."""
    bench.beam()
    in_beam(bench, 1.0)
    bench.world.faults.start("generator-wire-duplicated")
    for _ in range(200):
        bench.tick(may_open=False, may_write=False)
        monitor, flags = bench.generator.monitor, bench.generator.flags
        assert monitor is not None and flags is not None
        assert abs(monitor.kv - 69.5) < 0.5 and abs(monitor.ma - 1.6) < 0.1 and flags.hv_on and flags.remote


def test_late_replies_on_a_wire_kept_open_are_never_another_answer_nor_an_older_one(bench: Bench) -> None:
    """L6, L7: a tenth of the replies come 40 to 400 ms late for a minute; kV and mA carry the time when the device read them, each in its own range."""
    bench.ready()
    face, rng = device(bench), random.Random(3)
    seen: set[tuple[str, float]] = set()
    face._tells["VA"] = lambda: bench.world.now_us // 10_000 % 2000
    face._tells["CA"] = lambda: 2000 + bench.world.now_us // 10_000 % 2000
    bench.ticks(0.5)
    began = bench.now
    for _ in range(6000):
        face.late_us = 0 if rng.random() < 0.9 else rng.choice([40_000, 80_000, 150_000, 250_000, 400_000])
        bench.tick(may_open=False, may_write=False)
        for name, base in (("kv", 0), ("ma", 2000)):
            piece = bench.generator._pieces[name]  # type: ignore[attr-defined]
            if piece.asked_at_s > began and (name, piece.asked_at_s) not in seen:
                seen.add((name, piece.asked_at_s))
                read_s = 0.01 * (piece.value.number - base)
                assert 0.0 <= read_s < 20.0, "another question's answer"
                late_s = (read_s - (piece.asked_at_s - EPOCH_S) + 10.0) % 20.0 - 10.0
                assert -0.011 < late_s < 0.5, "read before it was asked for"
    assert len(seen) > 100


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_a_device_with_any_ending_is_driven(bench: Bench, end: bytes) -> None:
    device(bench).end = end
    bench.beam()
    in_beam(bench, 1.0)
    assert bench.generator.link(bench.now).troubles == 0


def test_a_timer_that_does_not_take_its_time_keeps_the_set_points_unknown(bench: Bench) -> None:
    """No ON without the backup: kV and mA read back right, the timer reads 0."""
    bench.known()
    face = device(bench)
    face._acts = tuple(row for row in face._acts if not row[0].pattern.startswith("TP"))
    bench.want_set_up()
    bench.ticks(4.0)
    assert bench.world.plant.supply.kv_counts == bench.plan.kv_counts
    assert bench.generator.set_points is None
    bench.generator.on(bench.now)
    in_beam(bench, 0.5)
    assert "HV:1" not in heard(bench)


def test_a_timer_that_somebody_sets_anew_takes_the_set_points_word_away(bench: Bench) -> None:
    bench.ready()
    bench.want(None)  # type: ignore[arg-type]
    device(bench).timers[0].nominal_s = 3600
    bench.until(3.0, "no set-points", lambda: bench.generator.set_points is None, may_write=False)


def test_a_plan_without_a_limit_is_refused(bench: Bench) -> None:
    bench.known()
    bench.want(SetUp(structs.replace(bench.plan, staging=bytes(56))))
    bench.ticks(3.0)
    assert bench.generator.refusal is not None and "K1 limit is 0 s" in bench.generator.refusal.words
    assert bench.world.plant.supply.kv_counts == 1100, "nothing but the digits was tried"


def test_another_plan_is_not_taken_for_set_while_the_timer_is_the_last_ones(bench: Bench) -> None:
    """The same kV and mA with another limit: from the moment it is wanted until the timer reads back, nothing counts as known."""
    bench.ready()
    staging = bytes(4) + (60_000).to_bytes(4, "big") + bytes(48)
    bench.want(SetUp(structs.replace(bench.plan, staging=staging)))
    assert bench.generator.set_points is None
    bench.until(3.0, "the timer", lambda: bench.generator.set_points is not None)
    assert device(bench).timers[0].nominal_s == 62


# Beam: shutter, timer, off.


def test_on_is_one_write_whose_last_line_is_high_voltage(bench: Bench) -> None:
    bench.beam()
    in_beam(bench, 0.3)
    assert [chunk for _, chunk in bench.sent.chunks].count(b"TS:1\nOS:1\nHV:1\n") == 1
    assert device(bench).shutter_open and device(bench).timers[0].runs
    assert bench.world.truth().dose_rate_mgy_s > 1.0


def test_off_ends_high_voltage_and_closes_the_shutter_and_then_the_timer(bench: Bench) -> None:
    bench.beam()
    in_beam(bench, 1.0)
    bench.generator.off(bench.now, at_once=True)
    in_beam(bench, 0.5)
    assert not bench.hv_on and not device(bench).shutter_open and not device(bench).timers[0].runs
    assert heard(bench)[-1:] != ["HV:1"]
    in_beam(bench, 3.0)
    flags = bench.generator.flags
    assert flags is not None and not flags.fault and not flags.hv_on


def test_with_hv_off_ignored_the_shutter_still_ends_the_beam(bench: Bench) -> None:
    """G5: the second way; high voltage that stays is still reported as on."""
    bench.beam()
    in_beam(bench, 1.0)
    bench.world.plant.supply.deaf_to_off = True
    bench.generator.off(bench.now, at_once=True)
    in_beam(bench, 0.6)
    assert bench.hv_on and bench.world.truth().dose_rate_mgy_s == 0.0
    assert bench.generator.flags is not None and bench.generator.flags.hv_on


def test_with_a_shutter_that_stays_open_high_voltage_ends_the_beam_and_the_shutter_is_a_fault(bench: Bench) -> None:
    bench.beam()
    in_beam(bench, 1.0)
    device(bench).shutters[0].jammed = True
    bench.generator.off(bench.now, at_once=True)
    in_beam(bench, 0.6)
    assert not bench.hv_on and bench.world.truth().dose_rate_mgy_s == 0.0
    bench.until(5.0, "the fault", lambda: fault(bench, Fault.SHUTTER_NOT_CLOSED), may_write=False)


def test_a_shutter_that_does_not_open_is_a_fault(bench: Bench) -> None:
    bench.ready()
    device(bench).shutters[0].jammed = True
    bench.beam()
    bench.until(5.0, "the fault", lambda: fault(bench, Fault.SHUTTER_NOT_OPEN), may_write=False)
    assert bench.world.truth().dose_mgy == 0.0


def test_a_shutter_circuit_that_opens_is_a_fault(bench: Bench) -> None:
    bench.beam()
    in_beam(bench, 0.5)
    device(bench).shutters[0].circuit_closed = False
    bench.until(1.0, "the fault", lambda: fault(bench, Fault.SHUTTER_SAFETY), may_write=False)
    flags = bench.generator.flags
    assert flags is not None and not flags.supply_ready and Fault.SHUTTER_BAD.value in flags.faults


def fault(bench: Bench, name: Fault) -> bool:
    flags = bench.generator.flags
    return flags is not None and flags.fault and name.value in flags.faults


@pytest.mark.parametrize(
    ("gain", "name", "within_s"),
    [(2.0, Fault.TIMER_EARLY, 6.0), (0.5, Fault.TIMER_LATE, 8.0), (0.0, Fault.TIMER_NEVER, 6.0)],
)
def test_its_own_timer_early_late_and_never_are_told_apart(
    bench: Bench, gain: float, name: Fault, within_s: float
) -> None:
    """G11: seen by its rate against the host's clock, long before its end; and never called by another name on the way."""
    bench.ready()
    device(bench).timer_gain = gain
    bench.beam()
    began = bench.now
    while not fault(bench, name):
        flags = bench.generator.flags
        assert flags is not None and not flags.fault, flags.faults
        assert bench.now - began < within_s
        in_beam(bench, 0.1)


def test_a_timer_in_step_is_no_fault_for_a_minute(bench: Bench) -> None:
    bench.beam()
    for _ in range(60):
        in_beam(bench, 1.0)
        assert bench.generator.flags is not None and not bench.generator.flags.fault, bench.generator.flags.faults


@pytest.mark.parametrize("drops_hv", [False, True])
def test_a_timer_that_ends_the_exposure_is_told_whether_or_not_high_voltage_drops(bench: Bench, drops_hv: bool) -> None:
    """No public text says what its end does to high voltage; status word and shutter are both read."""
    bench.plan = structs.replace(bench.plan, staging=bytes(4) + (6_000).to_bytes(4, "big") + bytes(48))
    device(bench).timer_drops_hv = drops_hv
    bench.beam()
    in_beam(bench, 7.5)
    assert bench.world.truth().dose_rate_mgy_s > 1.0
    in_beam(bench, 1.0)
    assert bench.world.truth().dose_rate_mgy_s == 0.0 and bench.hv_on is not drops_hv
    bench.until(4.0, "the fault", lambda: fault(bench, Fault.TIMER_ENDED), may_write=False)
    assert bench.generator.flags is not None and bench.generator.flags.hv_on is not drops_hv


def pieces(
    on_s: float | None, off_s: float | None, actual: int, word: int, at_s: float, nominal: int = 24
) -> list[Piece[Told] | None]:
    def piece(at: float | None, number: int = 0) -> Piece[Told] | None:
        return None if at is None else Piece(at, Told(number=number))

    return [piece(on_s), piece(off_s), piece(at_s, actual), piece(at_s, word), piece(at_s, nominal)]


@pytest.mark.parametrize(
    ("on_s", "off_s", "actual", "running", "at_s", "found"),
    [
        (None, None, 0, False, 5.0, None),
        (10.0, 1.0, 9, True, 20.0, None),
        (10.0, 1.0, 10, True, 20.0, None),
        (10.0, 1.0, 12, True, 20.0, None),
        (10.0, 1.0, 13, True, 20.0, "TIMER_EARLY"),
        (10.0, 1.0, 7, True, 20.0, "TIMER_LATE"),
        (10.0, 1.0, 0, True, 12.4, None),
        (10.0, 1.0, 0, True, 12.6, "TIMER_NEVER"),
        (10.0, 1.0, 0, False, 11.5, "TIMER_NEVER"),
        (10.0, 1.0, 5, False, 15.5, "TIMER_EARLY"),
        (10.0, 1.0, 24, False, 35.0, "TIMER_ENDED"),
        (10.0, 1.0, 3, False, 10.5, None),
        (10.0, 30.0, 20, True, 30.5, None),
        (10.0, 30.0, 21, True, 31.5, "TIMER_RUNS_ON"),
        (10.0, 30.0, 20, False, 31.5, None),
    ],
)
def test_the_timers_verdict_at_its_bounds(
    on_s: float | None, off_s: float | None, actual: int, running: bool, at_s: float, found: str | None
) -> None:
    verdict = seifert.timer_fault(*pieces(on_s, off_s, actual, 128 if running else 0, at_s))
    assert (None if verdict is None else Fault(verdict.value).name) == found


# Status words and messages.


@pytest.mark.parametrize(
    ("code", "name", "stops", "ready", "is_open"),
    [
        (33, Fault.COOLING, True, False, False),
        (37, Fault.UNDER_VOLTAGE, True, False, False),
        (38, Fault.OVER_VOLTAGE, True, False, False),
        (39, Fault.UNDER_CURRENT, True, False, False),
        (43, Fault.EXTERNAL_STOP, False, True, True),
        (46, Fault.EMERGENCY_STOP, True, False, True),
        (49, Fault.POWER, True, False, False),
        (52, Fault.POWER, True, False, False),
        (53, Fault.HV_LAMP, True, False, False),
        (63, Fault.DOOR_1, False, True, True),
        (64, Fault.DOOR_2, False, True, True),
        (65, Fault.DOOR_3, False, True, True),
        (76, Fault.STAND_BY, False, False, False),
        (90, Fault.FILAMENT, True, False, False),
        (91, Fault.BATTERY, False, True, False),
        (96, Fault.SHUTTER_1, True, False, False),
        (99, Fault.SHUTTER_4, True, False, False),
        (104, Fault.EXTERNAL_LAMP, True, False, False),
        (106, Fault.WARM_UP_NEEDED, False, False, False),
        (112, Fault.SHUTTER_SAFETY, True, False, False),
        (118, Fault.PUSH_START, False, False, False),
        (7, Fault.UNKNOWN, True, False, False),
    ],
)
def test_messages_in_words(code: int, name: Fault, stops: bool, ready: bool, is_open: bool) -> None:
    flags = flags_of(message=code)
    assert flags.faults == (name.value,)
    assert (flags.fault, flags.supply_ready, not flags.interlock_closed) == (stops, ready, is_open)


def test_a_message_is_evidence_of_an_open_line_only_while_it_may_be() -> None:
    """Open counts as evidence of no beam: after an ON only a message younger than the status word says so, before it one that is not too old."""
    door = 63
    assert not flags_of(message=door, message_at_s=0.9).interlock_closed
    assert not flags_of(message=door, message_at_s=0.9, on_s=0.1, off_s=0.2).interlock_closed
    assert flags_of(message=door, message_at_s=0.1).interlock_closed, "too old"
    assert flags_of(message=door, message_at_s=0.9, on_s=0.8, off_s=0.2).interlock_closed, (
        "the line closed with the press"
    )
    assert not flags_of(message=door, message_at_s=1.1, on_s=0.8, off_s=0.2).interlock_closed


def test_a_message_from_before_the_last_on_is_no_evidence_of_what_came_of_it() -> None:
    """The line is not closed for the rules; seen open it is only by a message that was asked for after that ON."""
    before = flags_of(message=63, message_at_s=0.4, on_s=0.5, off_s=0.9)
    assert not before.interlock_closed and not before.interlock_open
    assert flags_of(message=63, message_at_s=0.6, on_s=0.5, off_s=0.9).interlock_open
    assert flags_of(message=63, message_at_s=0.9).interlock_open
    assert not flags_of(message=63, message_at_s=0.1).interlock_open, "too old"
    assert not flags_of().interlock_open


def flags_of(
    status: int = 128,
    message: int = 0,
    timers: int = 8,
    shutters: int = 1,
    warm_up: int = 0,
    message_at_s: float = 1.1,
    on_s: float | None = None,
    off_s: float | None = None,
):
    words = {
        seifert.STATUS.name: Piece(1.0, Told(number=status)),
        seifert.MESSAGE.name: Piece(message_at_s, Told(number=message)),
        seifert.TIMERS.name: Piece(0.5, Told(number=timers)),
        seifert.SHUTTERS.name: Piece(0.5, Told(number=shutters)),
        seifert.WARM_UP.name: Piece(0.5, Told(number=warm_up)),
    }
    words |= {q.name: Piece(at_s, Told()) for q, at_s in ((seifert.ON, on_s), (seifert.OFF, off_s)) if at_s is not None}
    flags = seifert.flags(SETTING, words)
    assert flags is not None and flags.asked_at_s == 1.0
    return flags


def test_status_words_in_flags() -> None:
    sound = flags_of()
    assert sound.supply_ready and sound.remote and not sound.hv_on and not sound.fault and sound.interlock_closed
    assert flags_of(status=192).hv_on
    local = flags_of(status=0)
    assert not local.remote and not local.supply_ready and not local.fault
    assert flags_of(status=128 + 32).faults == ("cooling",) and flags_of(status=128 + 32).fault
    assert flags_of(status=128 + 2).faults == ("shutter faulty",)
    assert flags_of(status=128 + 16).supply_ready, "a weak battery is a warning"
    assert not flags_of(status=192 + 8 + 4).fault, "kV and mA are not nominal in every ramp"
    warming = flags_of(warm_up=8 + 2)
    assert not warming.supply_ready and not warming.fault and warming.faults == ("warms up",)
    assert flags_of(shutters=16).faults == ("shutter 1 absent",)
    assert flags_of(shutters=32).faults == ("circuit of shutter 1 not closed",)


def test_an_open_door_is_an_open_interlock_and_no_fault(bench: Bench) -> None:
    bench.ready()
    bench.world._out.k1_close = False
    bench.until(2.0, "open", lambda: bench.generator.flags and not bench.generator.flags.interlock_closed)
    flags = bench.generator.flags
    assert flags is not None and not flags.fault and flags.faults == ("door contact 1 open",)
    bench.world._out.k1_close = True
    bench.until(2.0, "closed", lambda: bench.generator.flags and not bench.generator.flags.faults)


def test_a_fault_is_cleared_by_cl_once(bench: Bench) -> None:
    bench.ready()
    bench.world.plant.supply.trip(UNDER_VOLTAGE, "under-voltage")
    bench.until(2.0, "the fault", lambda: fault(bench, Fault.UNDER_VOLTAGE))
    bench.want(ClearFaults())
    bench.until(2.0, "no fault", lambda: bench.generator.flags and not bench.generator.flags.fault)
    bench.ticks(1.0)
    assert heard(bench).count("CL") == 1


def test_warm_up_needed_and_emergency_stop_are_not_ready(bench: Bench) -> None:
    bench.ready()
    device(bench).needs_warm_up = True
    bench.until(2.0, "not ready", lambda: bench.generator.flags and not bench.generator.flags.supply_ready)
    device(bench).needs_warm_up = False
    bench.until(2.0, "ready", lambda: bench.generator.flags and bench.generator.flags.supply_ready)
    device(bench).emergency_stop = True
    bench.until(2.0, "the fault", lambda: fault(bench, Fault.EMERGENCY_STOP))


def test_a_host_that_falls_silent_leaves_high_voltage_on_until_the_timer(bench: Bench) -> None:
    """The capability's word: no host watchdog; its own timer closes the shutter two seconds after the plan's K1 limit."""
    assert DRIVER.wire_watchdog_s is None and DRIVER.wire_watchdog_least_s is None and DRIVER.exposure_timer
    bench.plan = structs.replace(bench.plan, staging=bytes(4) + (5_000).to_bytes(4, "big") + bytes(48))
    bench.beam()
    ms = 0
    while bench.world.truth().dose_rate_mgy_s > 1.0 or ms < 1000:
        bench.pass_ms(10)
        ms += 10
        assert ms < 8_000
    assert 6_000 < ms < 7_300 and bench.hv_on


def test_a_restarted_device_has_forgotten_all_and_is_made_ready_anew(bench: Bench) -> None:
    """G9: timer, shutter control and set-points read 0; it is prepared and set up again, and no ON comes by itself."""
    bench.ready()
    device(bench).reboot(bench.world.now_us)
    bench.ticks(4.0)
    bench.want_set_up()
    bench.until(8.0, "the plan read back again", bench.set_up)
    assert device(bench).timers[0].nominal_s == 122 and device(bench).shutters[0].by_computer
    assert "HV:1" not in heard(bench)


def test_the_wire_log_in_words() -> None:
    decode = DRIVER.decode
    assert decode(True, b"TS:1\nOS:1\nHV:1\n") == "TS:1 (start timer); OS:1 (open shutter); HV:1 (on)"
    assert decode(True, b"HV:0\nCS:1\n") == "HV:0 (off); CS:1 (close shutter)"
    assert decode(True, b"SV:069500\n") == "SV:069500 (set kv)"
    assert decode(True, b"MR\nVN\n") == "MR (anode); VN (kv set-point)"
    assert "unknown command" in decode(True, b"XX\n")
    assert decode(False, KV_REPLY + MODEL_REPLY) == "Mo; 69500; ISOVOLT 3003"
    assert "part of a reply" in decode(False, b"0069500\r")


def test_its_capabilities() -> None:
    scale = DRIVER.scale(SETTING)
    assert (scale.kv_counts_full_scale, scale.ma_counts_full_scale) == (10_000, 500)
    assert DRIVER.set_point_read_back and DRIVER.identifies and not DRIVER.filament_set_points
    assert set(seifert.MESSAGES.values()) <= set(Fault) and len({one.value for one in Fault}) == len(Fault)
    assert Plan(0, 0, 0, 0, bytes(4) + b"\0\1\0\0" + bytes(48), 0).k1_limit_ms == 65_536


@pytest.mark.parametrize("after_ms", [0, 700, 1400])
def test_while_the_digits_are_tried_again_no_former_set_point_counts(bench: Bench, after_ms: int) -> None:
    """Somebody takes the shutter from the computer, and every preparation is done anew: 10 and 11 kV are written over a plan that was read back."""
    bench.ready()
    bench.ticks(after_ms / 1000.0)
    bench.world.plant.generator.shutters[0].by_computer = False  # type: ignore[attr-defined]
    supply = bench.world.plant.supply
    for _ in range(500):
        bench.want_set_up()
        bench.tick()
        points = bench.generator.set_points
        assert points is None or points.kv_counts == supply.kv_counts, (points, supply.kv_counts)
    assert bench.set_up() and supply.kv_counts == bench.plan.kv_counts
