"""One wire with its ups and downs: it opens the pipe, gives up after three silent requests, opens again after growing pauses, and keeps the figures of a Link.
It knows no request's meaning; whether it may open again at all (never while an ON stands) is told to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from hal.errors import Trouble, TroubleKind
from hal.exchange import Answer, Dialect, Exchange, Stage
from hal.figures import Histogram, LinkFigures
from hal.readings import Link
from hal.transport import Gone, Pipe
from hal.units import Seconds
from hal.wire_log import FrameLog

SILENT_MOST: Final = 3
PAUSE_S: Final = 0.2
PAUSE_MOST_S: Final = 5.0
_GONE: Final = Stage.GONE

Q = TypeVar("Q")
A = TypeVar("A")


class Wire(Generic[Q, A]):
    """`serve` once a tick keeps it open; `exchange` is None while it is closed. `opened` counts openings: a driver that sees it change starts from scratch.

    `log` has every frame of every connection, until somebody takes them.
    """

    __slots__ = (
        "_ages", "_deadline_s", "_drain_s", "_kinds", "_make", "_open", "_pause_s", "_pipe", "_replies", "_resyncs", "_retry_at", "_silent", "_strays",
        "_troubles", "_words", "exchange", "good", "last_good_s", "log", "opened", "sent",
    )  # fmt: skip

    def __init__(
        self, open_pipe: Callable[[], Pipe], make: Callable[[], Dialect[Q, A]], deadline_s: float, drain_s: float
    ) -> None:
        self._open = open_pipe
        self._make = make
        self._deadline_s = deadline_s
        self._drain_s = drain_s
        self._pause_s = PAUSE_S
        self._retry_at: float | None = None
        self._silent = 0
        self._troubles = 0
        self._words = ""
        self._kinds = dict.fromkeys(TroubleKind, 0)
        self._strays = 0
        self._resyncs = 0
        self._replies = Histogram()
        self._ages = Histogram()
        self._pipe: Pipe | None = None
        self.log = FrameLog()
        self.exchange: Exchange[Q, A] | None = None
        self.opened = 0
        self.sent = 0
        self.good = 0
        self.last_good_s: float | None = None

    @property
    def fd(self) -> int | None:
        return self._pipe.fd if self._pipe is not None else None

    @property
    def up(self) -> bool:
        """Open, and not silent for three requests in a row."""
        return self.exchange is not None and self._silent < SILENT_MOST

    @property
    def tried(self) -> bool:
        """True while an opening has failed or the wire was given up: there may be nobody at the other end."""
        return not self.up and (self._retry_at is not None or self._silent >= SILENT_MOST)

    def serve(self, now: Seconds, may_open: bool) -> None:
        """Closes what has ended or gone silent, opens what is closed when its pause is over."""
        exchange = self.exchange
        if exchange is not None:
            if exchange.stage is not _GONE and self._silent < SILENT_MOST:
                return
            if exchange.stage is _GONE or may_open:
                self.close(now)
        if self.exchange is None and may_open and (self._retry_at is None or now >= self._retry_at):
            self._reopen(now)

    def close(self, now: Seconds) -> None:
        """Closes; the next opening is a pause away, and each pause is twice the last until a good reply comes."""
        if self.exchange is not None:
            self.sent += self.exchange.sent
            self._strays += self.exchange.strays
            self._resyncs += self.exchange.resyncs
            self.exchange.close()
        self.exchange = None
        self._pipe = None
        self._retry_at = now + self._pause_s
        self._pause_s = min(2.0 * self._pause_s, PAUSE_MOST_S)

    def poll(self, now: Seconds) -> Answer[Q, A] | None:
        """The exchange's answer, counted."""
        exchange = self.exchange
        answer = exchange.poll(now) if exchange is not None else None
        if answer is None or answer.silent:
            # Bytes that have left prove nothing of the other end.
            return answer
        value = answer.value
        if not isinstance(value, Trouble):
            self._silent = 0
            self.good += 1
            self.last_good_s = answer.asked_at
            self._replies.add(now - answer.asked_at)
            return answer
        self.trouble(value)
        if value.kind in (TroubleKind.REFUSED, TroubleKind.BUSY):
            # Refusing is answering: the wire is well.
            self._silent = 0
            self.last_good_s = answer.asked_at
            self._replies.add(now - answer.asked_at)
        elif value.kind is TroubleKind.LINK_SILENT:
            self._silent += 1
        return answer

    def trouble(self, trouble: Trouble) -> None:
        """Counts a trouble found in what the exchange took for good."""
        self._troubles += 1
        self._kinds[trouble.kind] += 1
        self._words = trouble.words()

    def content(self) -> None:
        """The device is known again: the next pause begins small."""
        self._pause_s = PAUSE_S

    def link(self, lost: bool, now: Seconds | None = None) -> Link:
        """The wire as it fares. `now`: it is read, once a tick, and the age of its newest good reply is counted."""
        if now is not None and self.last_good_s is not None:
            self._ages.add(now - self.last_good_s)
        sent = self.sent + (self.exchange.sent if self.exchange is not None else 0)
        return Link(self.last_good_s, lost, sent, self.good, self._troubles, self._words)

    def figures(self) -> LinkFigures:
        """How it has fared since this process began."""
        exchange, kinds = self.exchange, self._kinds
        return LinkFigures(
            sent=self.sent + (exchange.sent if exchange is not None else 0),
            good=self.good,
            late=kinds[TroubleKind.LINK_SILENT],
            bad=kinds[TroubleKind.FRAME_BAD] + self._strays + (exchange.strays if exchange is not None else 0),
            refused=kinds[TroubleKind.REFUSED] + kinds[TroubleKind.BUSY],
            resyncs=self._resyncs + (exchange.resyncs if exchange is not None else 0),
            opened=self.opened,
            troubles=self._troubles,
            replies=self._replies.counts(),
            ages=self._ages.counts(),
            last_trouble=self._words,
        )

    def _reopen(self, now: Seconds) -> None:
        self._silent = 0
        try:
            pipe = self._open()
        except Gone as why:
            self.trouble(Trouble(TroubleKind.GONE, "open", str(why)))
            self._retry_at = now + self._pause_s
            self._pause_s = min(2.0 * self._pause_s, PAUSE_MOST_S)
            return
        self._pipe = pipe
        self.exchange = Exchange(pipe, self._make(), self._deadline_s, self._drain_s, self.log)
        self.opened += 1
