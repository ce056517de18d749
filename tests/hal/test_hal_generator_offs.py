"""An OFF on wires that are not as they should be: behind half a frame that could not leave, and on a half-duplex wire behind a running reply.
It proves when the device obeys, by the device's own word, and what the driver says of an OFF that has not left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from conformance_bench import Bench, Spy

from hal.exchange import Stage
from hal.generators import spellman_dxm
from hal.generators.engine import GeneratorEngine
from hal.generators.spellman import CommaDialect
from hal.transport import Pipe

ENDED_S = 0.06
"""One OFF's bytes and the supply's own step: less than the pause between two OFFs, so that it was the first that acted."""
ON_LINES = (
    "spellman-xrv",
    "spellman-dxm",
    "spellman-ux",
    "spellman-xrb011",
    "spellman-xrb80",
    "seifert-3003",
    "technix",
)


class Narrow:
    """A pipe that takes `room` more bytes and then none, until it is widened."""

    fd = None

    def __init__(self, pipe: Pipe, room: int) -> None:
        self._pipe = pipe
        self.room = room

    def take(self) -> bytes:
        return self._pipe.take()

    def send(self, data: bytes) -> int:
        taken = self._pipe.send(data[: self.room]) if self.room else 0
        self.room -= taken
        return taken

    def close(self) -> None:
        self._pipe.close()


@pytest.fixture(params=(*ON_LINES, "genix3d"))
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(request.param, "memory", tmp_path)
    yield made
    made.close()


def in_beam(bench: Bench, ticks: int) -> None:
    for _ in range(ticks):
        bench.tick(may_open=False, may_write=False)


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_the_first_off_behind_half_a_frame_is_the_one_that_acts(bench: Bench, cut: int) -> None:
    """L13: so many bytes of a question leave and no more; when the pipe takes bytes again, the half neither swallows the OFF nor ends the connection."""
    bench.beam()
    spy = bench.generator.wires[0]._pipe
    assert isinstance(spy, Spy)
    narrow = Narrow(spy._pipe, cut)
    spy._pipe = narrow
    while narrow.room:
        in_beam(bench, 1)
    narrow.room = 1000
    began = bench.now
    assert bench.generator.off(began, at_once=True)
    while bench.hv_on:
        in_beam(bench, 1)
        assert bench.now - began < ENDED_S


def test_half_an_on_is_never_made_whole_by_the_off_behind_it(tmp_path: Path) -> None:
    """Over TCP the rest of a question may go before an off, the rest of an ON may not: there the connection ends, and the device has heard nothing."""
    bench = Bench("genix3d", "memory", tmp_path).ready()
    while not bench.generator.wires[0].exchange.idle:
        bench.pass_ms(1)
        bench.generator.take(bench.now)
    spy = bench.generator.wires[0]._pipe
    assert isinstance(spy, Spy)
    narrow = Narrow(spy._pipe, 5)
    spy._pipe = narrow
    bench.generator.on(bench.now)
    assert not narrow.room and bench.generator.on_waits
    narrow.room = 1000
    assert not bench.generator.off(bench.now, at_once=True)
    bench.until(20.0, "the device known again", lambda: bench.opened == 2 and bench.generator.identified)
    assert not bench.hv_on and not [words for words in bench.words() if words.startswith("HV ON")]


@pytest.fixture
def half_duplex(tmp_path: Path) -> Iterator[Bench]:
    """A DXM as it would be on a wire where an off may not cut in."""
    made = Bench("spellman-dxm", "memory", tmp_path)
    book = replace(spellman_dxm.BOOK, off_preempts=False)
    sheet = replace(spellman_dxm.SHEET, dialect=partial(CommaDialect, book))
    made.generator = GeneratorEngine(sheet, made.setting, made._open)
    yield made
    made.close()


@pytest.mark.parametrize("after_ms", range(0, 20, 3))
def test_a_half_duplex_off_waits_for_the_running_reply_only_and_does_not_say_that_it_left(
    half_duplex: Bench, after_ms: int
) -> None:
    bench = half_duplex.beam()
    in_beam(bench, 1)
    bench.pass_ms(after_ms)
    began, sent = bench.now, len(bench.sent.chunks)
    left = bench.generator.off(began, at_once=True)
    assert left == (b"98,0," in b"".join(data for _, data in bench.sent.chunks[sent:]))
    while bench.hv_on:
        in_beam(bench, 1)
        assert bench.now - began < ENDED_S
    after = b"".join(data for _, data in bench.sent.chunks[sent:])
    assert after.startswith(b"\x0298,0,"), "nothing goes out before an off that waits"


def test_no_on_while_an_off_waits(half_duplex: Bench) -> None:
    bench = half_duplex.ready()
    while bench.generator.wires[0].exchange.stage is not Stage.WAITING:
        bench.tick()
    assert not bench.generator.off(bench.now, at_once=True)
    bench.generator.on(bench.now)
    in_beam(bench, 50)
    assert not bench.hv_on and bench.generator.refusal is not None and bench.generator.refusal.what == "on"
    assert not [words for words in bench.words() if words.startswith("HV ON")]
