"""The exchange: one request at a time, a deadline, and after it no reply is believed until silence and a fence say that the line is clear."""

from __future__ import annotations

import random
from collections import deque

import pytest
from hal_scripted import comma, crc16

from hal.errors import Trouble, TroubleKind
from hal.exchange import LATEST_S, OFF_WAITS_S, STRAYS_MOST, Answer, Exchange, Stage
from hal.generators import spellman_xrv as xrv
from hal.generators.spellman import CommaDialect, Order, Said
from hal.modbus import Question, Registers, RtuDialect, TcpDialect, read, write_one
from hal.transport import MemoryPipe, memory_pair
from hal.wire_log import LOG_FRAMES, FrameLog

MONITOR, FLAGS = Order(xrv.MONITOR), Order(xrv.FLAGS)
KV, MA = Order(xrv.READ_BACK[0]), Order(xrv.READ_BACK[1])
DEADLINE_S, DRAIN_S = 0.05, 0.03


def comma_line(room: int = 4096) -> tuple[Exchange[Order, Said], MemoryPipe]:
    ours, theirs = memory_pair(room)
    return Exchange(ours, CommaDialect(xrv.BOOK, False), DEADLINE_S, DRAIN_S), theirs


def run(
    exchange: Exchange[Order, Said], until: float, now: float, device: MemoryPipe | None = None
) -> list[Answer[Order, Said]]:
    """Polls each ms; a device, if given, answers fences with what they asked."""
    answers = []
    while now < until:
        if device is not None:
            for frame in device.take().split(b"\x03"):
                for body, reply in ((b"21,", "21,12.5,"), (b"43,", "43,A,1,")):
                    if frame[1:-1] == body:
                        device.send(comma(reply))
        answer = exchange.poll(now)  # type: ignore[arg-type]
        if answer is not None:
            answers.append(answer)
        now += 0.001
    return answers


def test_one_request_is_outstanding_and_its_age_counts_from_its_sending() -> None:
    exchange, device = comma_line()
    assert exchange.ask(KV, 1.0)  # type: ignore[arg-type]
    assert not exchange.ask(MA, 1.001)  # type: ignore[arg-type]
    assert device.take() == comma("14,")
    assert exchange.poll(1.002) is None  # type: ignore[arg-type]
    device.send(comma("14,1280,"))
    answer = exchange.poll(1.03)  # type: ignore[arg-type]
    assert answer == Answer(KV, Said(numbers=(1280,)), 1.0)
    assert exchange.idle


def test_silence_ends_at_the_deadline_with_a_trouble_then_drains_then_fences() -> None:
    exchange, device = comma_line()
    exchange.ask(KV, 1.0)  # type: ignore[arg-type]
    answers = run(exchange, 1.06, 1.0)
    assert [isinstance(a.value, Trouble) and a.value.kind for a in answers] == [TroubleKind.LINK_SILENT]
    assert exchange.stage is Stage.DRAINING
    assert not exchange.ask(KV, 1.06)  # type: ignore[arg-type]
    run(exchange, 1.09, 1.06)
    assert exchange.stage is Stage.FENCING
    assert device.take() in (comma("14,") + comma("21,"), comma("14,") + comma("43,"))
    run(exchange, 1.2, 1.09)
    assert exchange.stage is not Stage.IDLE


def test_a_late_reply_is_never_the_next_requests() -> None:
    """L6: the very reply that pymodbus's clients hand to the next request."""
    exchange, device = comma_line()
    exchange.ask(KV, 1.0)  # type: ignore[arg-type]
    run(exchange, 1.055, 1.0, device)
    device.send(comma("14,4095,"))
    run(exchange, 1.2, 1.055, device)
    assert exchange.idle
    exchange.ask(KV, 1.2)  # type: ignore[arg-type]
    device.send(comma("14,7,"))
    answers = run(exchange, 1.21, 1.2)
    assert [a.value for a in answers] == [Said(numbers=(7,))]


def test_a_late_reply_that_comes_after_the_drain_meets_the_fence() -> None:
    exchange, device = comma_line()
    exchange.ask(KV, 1.0)  # type: ignore[arg-type]
    run(exchange, 1.09, 1.0)
    assert exchange.stage is Stage.FENCING
    device.take()
    device.send(comma("14,4095,"))
    answers = run(exchange, 1.1, 1.09)
    assert [isinstance(a.value, Trouble) and (a.value.kind, a.fence) for a in answers] == [
        (TroubleKind.FRAME_BAD, True)
    ]
    run(exchange, 1.1 + LATEST_S, 1.1, device)
    assert exchange.stage is Stage.DRAINING, "its good reply may be that of the first fence, late"
    run(exchange, 1.3 + LATEST_S, 1.1 + LATEST_S, device)
    assert exchange.idle


def test_a_doubled_reply_is_not_believed_and_the_line_starts_afresh() -> None:
    """L5, joined: which of the two belongs to the request cannot be known."""
    exchange, device = comma_line()
    exchange.ask(KV, 1.0)  # type: ignore[arg-type]
    device.send(comma("14,1,") * 2)
    answers = run(exchange, 1.002, 1.0)
    assert isinstance(answers[0].value, Trouble)
    assert exchange.stage is Stage.DRAINING


def test_a_reply_that_nobody_asked_for_makes_the_line_start_afresh() -> None:
    exchange, device = comma_line()
    device.send(comma("14,4095,"))
    run(exchange, 1.001, 1.0)
    assert exchange.strays == 1
    assert exchange.stage is Stage.DRAINING


def test_swapped_replies_are_not_believed() -> None:
    """L7 on the comma protocol: the number says whose it is."""
    exchange, device = comma_line()
    exchange.ask(KV, 1.0)  # type: ignore[arg-type]
    device.send(comma("15,4095,"))
    assert isinstance(run(exchange, 1.002, 1.0)[0].value, Trouble)


def test_an_endless_frame_and_a_dribble_end_at_cap_and_deadline() -> None:
    """M4: one byte now and then does not move the deadline."""
    exchange, device = comma_line()
    exchange.ask(KV, 1.0)  # type: ignore[arg-type]
    now, answers = 1.0, []
    while now < 1.07 and not answers:
        device.send(b"\x02" if now == 1.0 else b"1")
        answers = run(exchange, now + 0.01, now)
        now += 0.01
    assert now < 1.065
    assert isinstance(answers[0].value, Trouble)


class Counting(CommaDialect):
    """How often it was asked what stands in the buffer."""

    takes = 0

    def take(self, buf: bytearray, q: Order, abandoned: Order | None) -> object:  # type: ignore[override]
        self.takes += 1
        return super().take(buf, q, abandoned)


def test_a_flood_of_frames_that_are_no_answer_does_not_make_a_tick_long() -> None:
    """L11 at its worst: 4 kB of our own echo in one tick. A few are dropped one by one; then the line is drained, and the flood is gone at once."""
    ours, theirs = memory_pair(8192)
    dialect = Counting(xrv.BOOK, False)
    exchange = Exchange(ours, dialect, DEADLINE_S, DRAIN_S)
    exchange.ask(MONITOR, 1.0)  # type: ignore[arg-type]
    theirs.send(comma("19,") * 600)
    answer = exchange.poll(1.01)  # type: ignore[arg-type]
    assert answer is not None and isinstance(answer.value, Trouble) and answer.value.kind is TroubleKind.FRAME_BAD
    assert exchange.stage is Stage.DRAINING and dialect.takes == STRAYS_MOST
    theirs.send(comma("19,") * 600)
    assert exchange.poll(1.02) is None and dialect.takes == STRAYS_MOST  # type: ignore[arg-type]


def test_a_flood_over_tcp_hangs_up() -> None:
    ours, theirs = memory_pair(8192)
    exchange: Exchange[Question, Registers] = Exchange(ours, TcpDialect(1), DEADLINE_S, DRAIN_S)
    exchange.ask(read("few", 0, 2), 1.0)  # type: ignore[arg-type]
    theirs.send(bytes.fromhex("7777 0000 0003 01 83 02") * 400)
    answer = exchange.poll(1.01)  # type: ignore[arg-type]
    assert answer is not None and isinstance(answer.value, Trouble) and answer.value.kind is TroubleKind.GONE
    assert exchange.stage is Stage.GONE and exchange.strays == STRAYS_MOST


def test_a_full_pipe_does_not_block_and_the_request_is_dropped_at_its_deadline() -> None:
    """L13: nothing is read at the other end; what had not left never leaves."""
    exchange, device = comma_line(room=3)
    exchange.ask(KV, 1.0)  # type: ignore[arg-type]
    assert not exchange.flushed
    run(exchange, 1.06, 1.0)
    assert not exchange.flushed, "what was dropped has not left"
    assert device.take() == comma("14,")[:3]


def test_tcp_cut_short_in_a_frame_hangs_up() -> None:
    ours, _theirs = memory_pair(room=5)
    exchange: Exchange[Question, Registers] = Exchange(ours, TcpDialect(1), DEADLINE_S, 0.0)
    exchange.ask(read("few", 0, 2), 1.0)  # type: ignore[arg-type]
    answer = None
    now = 1.0
    while answer is None:
        answer = exchange.poll(now)  # type: ignore[arg-type]
        now += 0.01
    assert exchange.stage is Stage.GONE


def test_gone_is_a_value_and_final() -> None:
    exchange, device = comma_line()
    exchange.ask(KV, 1.0)  # type: ignore[arg-type]
    device.close()
    answer = exchange.poll(1.001)  # type: ignore[arg-type]
    assert answer is not None
    assert isinstance(answer.value, Trouble)
    assert answer.value.kind is TroubleKind.GONE
    assert exchange.poll(1.002) is None  # type: ignore[arg-type]
    assert not exchange.ask(KV, 1.003)  # type: ignore[arg-type]
    assert not exchange.preempt(xrv.OFF, 1.004)  # type: ignore[arg-type]
    assert not exchange.flushed


def test_off_overtakes_an_unanswered_request_and_both_replies_are_known() -> None:
    exchange, device = comma_line()
    exchange.ask(MONITOR, 1.0)  # type: ignore[arg-type]
    assert exchange.off(xrv.OFF, 1.001)  # type: ignore[arg-type]
    assert device.take() == comma("19,") + comma("98,0,")
    device.send(comma("19,1,2,3,4,5,6,7,8,") + comma("98,$,"))
    answers = run(exchange, 1.003, 1.002)
    assert [a.q for a in answers] == [xrv.OFF]
    assert exchange.idle


def test_off_answered_first_leaves_a_reply_out_there_so_the_line_starts_afresh() -> None:
    exchange, device = comma_line()
    exchange.ask(xrv.ON, 1.0)  # type: ignore[arg-type]
    exchange.off(xrv.OFF, 1.001)  # type: ignore[arg-type]
    device.take()
    device.send(comma("98,$,"))
    run(exchange, 1.003, 1.002)
    assert exchange.stage is Stage.DRAINING


@pytest.mark.parametrize("stage", [Stage.DRAINING, Stage.FENCING])
def test_off_waits_neither_for_silence_nor_for_a_fence(stage: Stage) -> None:
    exchange, device = comma_line()
    exchange.ask(KV, 1.0)  # type: ignore[arg-type]
    run(exchange, 1.055 if stage is Stage.DRAINING else 1.1, 1.0)
    assert exchange.stage is stage
    device.take()
    assert exchange.off(xrv.OFF, 1.1)  # type: ignore[arg-type]
    assert device.take() == comma("98,0,")


def test_rtu_off_follows_the_running_frame_but_not_for_long() -> None:
    ours, theirs = memory_pair()
    exchange: Exchange[Question, Registers] = Exchange(ours, RtuDialect(1), DEADLINE_S, DRAIN_S)
    disarm = write_one("disarm", 0x210, 1)
    exchange.ask(read("few", 0, 2), 1.0)  # type: ignore[arg-type]
    assert not exchange.off(disarm, 1.001)  # type: ignore[arg-type]
    theirs.take()
    assert exchange.off(disarm, 1.0 + OFF_WAITS_S)  # type: ignore[arg-type]
    request = bytes.fromhex("01 06 0210 0001")
    assert theirs.take() == request + crc16(request)


def test_purged_bytes_never_leave() -> None:
    exchange, device = comma_line(room=4)
    exchange.ask(xrv.ON, 1.0)  # type: ignore[arg-type]
    exchange.purge(1.001)  # type: ignore[arg-type]
    assert device.take() == comma("98,1,")[:4]
    run(exchange, 1.01, 1.002)
    assert device.take() == b""
    assert exchange.stage is Stage.DRAINING


def frames(log: FrameLog) -> list[tuple[bool, bytes]]:
    """What a log has to give, in order; it is empty afterwards."""
    found = []
    while (frame := log.take()) is not None:
        found.append((frame.sent, frame.data))
    return found


def test_the_log_keeps_both_directions_and_only_the_last() -> None:
    exchange, device = comma_line()
    for n in range(200):
        exchange.ask(KV, 1.0 + n)  # type: ignore[arg-type]
        device.send(comma("14,1,"))
        assert exchange.poll(1.0 + n) is not None  # type: ignore[arg-type]
    assert len(exchange.log) == LOG_FRAMES
    assert exchange.log.lost == 400 - LOG_FRAMES
    assert frames(exchange.log)[-2:] == [(True, comma("14,")), (False, comma("14,1,"))]
    assert len(exchange.log) == 0


def test_a_reply_in_pieces_is_one_frame_of_the_log_at_the_time_of_its_last_byte() -> None:
    exchange, device = comma_line()
    exchange.ask(KV, 1.0)  # type: ignore[arg-type]
    reply = comma("14,1234,")
    device.send(reply[:3])
    assert exchange.poll(1.01) is None  # type: ignore[arg-type]
    device.send(reply[3:])
    assert exchange.poll(1.02) is not None  # type: ignore[arg-type]
    sent, heard = exchange.log.take(), exchange.log.take()
    assert sent is not None and heard is not None and exchange.log.take() is None
    assert (sent.at_s, sent.sent, sent.data) == (1.0, True, comma("14,"))
    assert (heard.at_s, heard.sent, heard.data) == (1.02, False, reply)


def test_what_is_thrown_away_is_in_the_log_too() -> None:
    exchange, device = comma_line()
    exchange.ask(KV, 1.0)  # type: ignore[arg-type]
    device.send(b"\x0214,12")
    exchange.poll(1.01)  # type: ignore[arg-type]
    run(exchange, 1.5, 1.01)
    heard = [data for sent, data in frames(exchange.log) if not sent]
    assert heard == [b"\x0214,12"]
    assert exchange.resyncs >= 1


class LateRtu:
    """A Modbus RTU device that answers in order but late, or not at all; register n holds n, so that a foreign reply gives itself away."""

    def __init__(self, pipe: MemoryPipe, seed: int) -> None:
        self.pipe = pipe
        self.chance = random.Random(seed)
        self.due: deque[tuple[float, bytes]] = deque()
        self.free_at = 0.0

    def step(self, now: float) -> None:
        request = self.pipe.take()
        if len(request) == 8 and self.chance.random() > 0.05:
            at, count = int.from_bytes(request[2:4], "big"), int.from_bytes(request[4:6], "big")
            body = bytes([1, 3, 2 * count]) + b"".join((at + n).to_bytes(2, "big") for n in range(count))
            late = self.chance.choice([0.002] * 30 + [0.04, 0.06, 0.09, 0.3])
            self.free_at = max(self.free_at, now) + late
            self.due.append((self.free_at, body + crc16(body)))
        while self.due and self.due[0][0] <= now:
            self.pipe.send(self.due.popleft()[1])


@pytest.mark.parametrize("seed", range(4))
def test_no_late_rtu_reply_is_ever_anothers(seed: int) -> None:
    """The measured hazard: with silence alone some answers were another request's; with the fence none is."""
    ours, theirs = memory_pair()
    exchange: Exchange[Question, Registers] = Exchange(ours, RtuDialect(1), DEADLINE_S, DRAIN_S)
    device = LateRtu(theirs, seed)
    now, good, at = 1.0, 0, 0
    for _ in range(40_000):
        device.step(now)
        answer = exchange.poll(now)  # type: ignore[arg-type]
        if answer is not None and isinstance(answer.value, Registers):
            assert answer.value.data[:2] == answer.q.read_at.to_bytes(2, "big")
            good += 1
        if exchange.idle:
            at = (at + 1) % 50
            exchange.ask(read("poll", 100 + at, 32), now)  # type: ignore[arg-type]
        now += 0.002
    assert good > 500
