"""A wire's figures are true: each trouble has its own count, a reopened wire loses neither figures nor frames, two looks tell what lay between."""

from __future__ import annotations

import math
from contextlib import suppress

from hal_scripted import comma

from hal.errors import Trouble, TroubleKind
from hal.exchange import Exchange
from hal.figures import EDGES_MS, Histogram, LinkFigures, Spread, spread, summary
from hal.generators import spellman_xrv as xrv
from hal.generators.spellman import CommaDialect, Order, Said
from hal.transport import Gone, MemoryPipe, memory_pair
from hal.units import Seconds
from hal.wire import Wire

KV = Order(xrv.READ_BACK[0])
DEADLINE_S = 0.05
DRAIN_S = 0.02


class Bench:
    """A wire whose other ends are kept, the newest last."""

    def __init__(self) -> None:
        self.ends: list[MemoryPipe] = []
        self.wire: Wire[Order, Said] = Wire(self._open, lambda: CommaDialect(xrv.BOOK, False), DEADLINE_S, DRAIN_S)
        self.now = 1.0

    def _open(self) -> MemoryPipe:
        ours, theirs = memory_pair()
        self.ends.append(theirs)
        return ours

    def go(self, seconds: float) -> None:
        """Time passes; fences are answered with what they asked."""
        until = self.now + seconds
        while self.now < until:
            self.wire.serve(Seconds(self.now), True)
            with suppress(Gone):
                for frame in self.ends[-1].take().split(b"\x03"):
                    for body, reply in ((b"21,", "21,12.5,"), (b"43,", "43,A,1,")):
                        if frame[1:-1] == body:
                            self.ends[-1].send(comma(reply))
            self.wire.poll(Seconds(self.now))
            self.now += 0.001

    @property
    def exchange(self) -> Exchange[Order, Said]:
        self.wire.serve(Seconds(self.now), True)
        assert self.wire.exchange is not None
        return self.wire.exchange

    def ask(self, reply: bytes, after_s: float = 0.0) -> None:
        """One request and what comes of it."""
        assert self.exchange.ask(KV, Seconds(self.now))
        self.ends[-1].take()
        self.now += after_s
        self.ends[-1].send(reply)
        self.wire.poll(Seconds(self.now))


def test_each_trouble_has_a_count_of_its_own() -> None:
    bench = Bench()
    bench.go(0.01)
    bench.ask(comma("14,1234,"))
    bench.ask(comma("14,!,1,"))
    bench.ask(comma("14,1234,").replace(b"2", b"3"))
    bench.go(0.2)
    assert bench.exchange.ask(KV, Seconds(bench.now))
    bench.ends[-1].take()
    bench.go(0.3)
    found = bench.wire.figures()
    assert (found.good, found.refused, found.bad, found.late) == (1, 1, 1, 1)
    assert found.resyncs == 2
    assert found.sent == 4 + 2, "two fences"
    assert found.opened == 1
    assert sum(found.replies) == 2, "a refusal is a reply"


def test_what_nobody_asked_for_is_bad() -> None:
    bench = Bench()
    bench.go(0.01)
    bench.ends[-1].send(comma("14,1,"))
    bench.go(0.1)
    assert bench.wire.figures().bad == 1
    assert bench.wire.figures().resyncs == 1


def test_a_reopened_wire_loses_neither_figures_nor_frames() -> None:
    bench = Bench()
    bench.go(0.01)
    bench.ask(comma("14,1234,"))
    assert bench.exchange.ask(KV, Seconds(bench.now))
    bench.ends[-1].take()
    bench.ends[-1].send(b"\x0214,9")
    bench.go(0.01)
    bench.ends[-1].close()
    bench.go(0.5)
    bench.ask(comma("14,77,"))
    found = bench.wire.figures()
    assert found.opened == 2
    assert found.good == 2
    heard = []
    while (frame := bench.wire.log.take()) is not None:
        heard += [] if frame.sent else [frame.data]
    assert heard == [comma("14,1234,"), b"\x0214,9", comma("14,77,")]


def test_the_age_of_a_reading_is_counted_each_time_it_is_read() -> None:
    bench = Bench()
    bench.go(0.01)
    bench.wire.link(False, Seconds(bench.now))
    assert sum(bench.wire.figures().ages) == 0, "nothing read yet has no age"
    bench.ask(comma("14,1234,"), after_s=0.0045)
    bench.wire.link(False, Seconds(bench.now))
    bench.wire.link(False, Seconds(bench.now + 0.06))
    found = summary("generator", bench.wire.figures())
    assert found.reply == Spread(5.0, 5.0, 5.0)
    assert found.age == Spread(5.0, 70.0, 70.0)


def test_percentiles_are_the_upper_edges_of_their_buckets() -> None:
    histogram = Histogram()
    for _ in range(98):
        histogram.add(0.0015)
    histogram.add(0.045)
    histogram.add(9.0)
    assert spread(histogram.counts()) == Spread(2.0, 50.0, math.inf)
    assert spread(histogram.counts()).words() == "2/50/>5000 ms"
    assert spread((0,) * len(EDGES_MS)) == Spread()
    assert Spread().words() == "none"


def test_a_stretch_of_time_is_the_difference_of_two_looks() -> None:
    bench = Bench()
    bench.go(0.01)
    bench.ask(comma("14,1234,"), after_s=0.045)
    before = bench.wire.figures()
    bench.ask(comma("14,1234,"), after_s=0.004)
    bench.wire.trouble(Trouble(TroubleKind.FRAME_BAD, "kv", "CRC"))
    found = summary("generator", bench.wire.figures(), before)
    assert (found.sent, found.good, found.bad, found.reopened) == (1, 1, 1, 0)
    assert found.reply == Spread(5.0, 5.0, 5.0)
    assert "kv" in found.last_trouble
    assert summary("unit stop", LinkFigures()).reopened == 0
