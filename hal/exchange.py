"""One wire's conversation, without the wire: one request outstanding, its deadline, and after a time-out silence, then a fence: no late reply is believed.
It knows no protocol (that is a Dialect) and no device; the age of an answer counts from the time its request was sent."""

from __future__ import annotations

from enum import Enum
from typing import Final, Generic, Protocol, TypeVar, runtime_checkable

import msgspec

from hal.errors import Trouble, TroubleKind
from hal.transport import Gone, Pipe
from hal.units import Seconds
from hal.wire_log import FrameLog

LONGEST_B: Final = 600
"""More unread bytes than any two frames of any dialect: a peer that sends more is not talking to us."""
STRAYS_MOST: Final = 16
"""Frames in one tick that are no answer: late replies and echoes are few, and a peer that floods the wire must not make the tick long."""
LATEST_S: Final = 0.45
"""No device's reply comes later than this after the one before it. Where the kinds of fence are few and one was not answered cleanly, the next good
reply may be its own, late: the line is then silent for so long, and one more fence tells."""
FEW_FENCES: Final = 8
ROUNDING_S: Final = 1e-6
OFF_WAITS_S: Final = 0.020
"""Where an off may not cut in (half duplex), the longest that it waits for the running reply: written into it, it would collide and be damaged itself."""

Q = TypeVar("Q")
A = TypeVar("A")
Q_co = TypeVar("Q_co", covariant=True)
A_co = TypeVar("A_co", covariant=True)
Q_contra = TypeVar("Q_contra", contravariant=True)


class Heard(Enum):
    """Something was taken from the buffer that is not the answer: the reply of an abandoned request, or nobody's."""

    ABANDONED = "the reply of an abandoned request"
    STRAY = "a reply that nobody waits for"


class Dialect(Protocol[Q, A_co]):
    """A protocol's rules of framing and matching; no bytes are kept between calls, `buf` is the exchange's.

    `off_preempts`: an off may follow an unanswered request at once. `resync`: after a time-out or a bad frame the next reply could be
    an older one, so silence and a fence are needed (false where replies carry the number of their request).
    `take` eats what it used and gives the answer, a Trouble (FRAME_BAD to start afresh, GONE to hang up), what else it heard, or None for "more bytes".
    """

    @property
    def off_preempts(self) -> bool: ...

    @property
    def resync(self) -> bool: ...

    def encode(self, q: Q) -> bytes: ...

    def take(self, buf: bytearray, q: Q, abandoned: Q | None) -> A_co | Trouble | Heard | None: ...

    def fence(self, k: int) -> Q: ...

    def name(self, q: Q) -> str: ...


@runtime_checkable
class Tacit(Protocol[Q_contra, A_co]):
    """What a dialect of text lines adds: how half a line is ended, and which of its commands are never answered.

    `unanswered` gives what stands for the answer of such a command as soon as its bytes have left, None for a request whose reply is awaited.
    `blank` are the bytes that end a line, of which more may come than were needed; `spoil` makes half a line, left behind by a withdrawn
    command, into one that means nothing, and ends it.
    """

    @property
    def blank(self) -> bytes: ...

    @property
    def spoil(self) -> bytes: ...

    def unanswered(self, q: Q_contra) -> A_co | None: ...


@runtime_checkable
class Talkative(Protocol[Q_contra]):
    """What a dialect adds whose device speaks by itself, and says so by a number that no reply to `q` has: `unasked` tells whether all that is left in the
    buffer is whole frames of that kind. They are heard and dropped; nothing that is awaited is taken for lost because of them."""

    def unasked(self, buf: bytearray, q: Q_contra | None) -> bool: ...


class Stage(Enum):
    IDLE = "idle"
    WAITING = "waiting for a reply"
    DRAINING = "waiting for silence"
    FENCING = "waiting for the fence's reply"
    GONE = "closed"


_IDLE: Final = Stage.IDLE
_WAITING: Final = Stage.WAITING
_DRAINING: Final = Stage.DRAINING
_FENCING: Final = Stage.FENCING
_GONE: Final = Stage.GONE
"""By names of this file's own: they are asked for several times a tick."""


class Answer(msgspec.Struct, Generic[Q_co, A_co], frozen=True, gc=False):
    """A request, what came of it, and when it was sent; `fence` marks the exchange's own requests, `silent` what only says that it has left."""

    q: Q_co
    value: A_co | Trouble
    asked_at: Seconds
    fence: bool = False
    silent: bool = False


class Exchange(Generic[Q, A]):
    """IDLE -> WAITING -> IDLE | DRAINING -> FENCING -> IDLE | GONE. Give it `poll` at least once a tick; it never waits.

    `deadline_s` is how long a reply may take, `drain_s` how long the line must be silent after a time-out; `log` gets every frame.
    A command without an answer (see Tacit) changes no stage: a reply that is awaited stays awaited, a drain or a fence goes on, and all that is
    told of it is that it has left.
    """

    __slots__ = (
        "_abandoned", "_asked_at", "_begun", "_buf", "_deadline_s", "_dialect", "_drain_s", "_dropped", "_ended", "_fence_failed", "_fences",
        "_few_fences", "_forced", "_hold_until", "_leaving", "_out", "_pipe", "_q", "_quiet_since", "_tacit", "_talkative", "_torn", "_within_s",
        "log", "resyncs", "sent", "stage", "strays",
    )  # fmt: skip

    def __init__(
        self, pipe: Pipe, dialect: Dialect[Q, A], deadline_s: float, drain_s: float, log: FrameLog | None = None
    ) -> None:
        self._pipe = pipe
        self._dialect = dialect
        self._tacit: Tacit[Q, A] | None = dialect if isinstance(dialect, Tacit) else None
        self._talkative: Talkative[Q] | None = dialect if isinstance(dialect, Talkative) else None
        self._leaving: Answer[Q, A] | None = None
        self._torn = False
        self._deadline_s = deadline_s
        self._drain_s = drain_s
        self._buf = bytearray()
        self._out = b""
        self._begun = False
        self._dropped = False
        self._ended = ""
        self._q: Q | None = None
        self._abandoned: Q | None = None
        self._asked_at = Seconds(0.0)
        self._quiet_since = Seconds(0.0)
        self._fences = 0
        self._fence_failed = False
        self._hold_until = Seconds(0.0)
        self._within_s: float | None = None
        self._few_fences = any(dialect.fence(1) == dialect.fence(k) for k in range(2, 1 + FEW_FENCES))
        self._forced = False
        self.stage = Stage.IDLE
        self.strays = 0
        self.sent = 0
        self.resyncs = 0
        self.log = log if log is not None else FrameLog()

    @property
    def idle(self) -> bool:
        """Nothing is awaited, and no command is still to be told of."""
        return self.stage is _IDLE and self._leaving is None

    @property
    def tells(self) -> bool:
        """A command without an answer has left, and the next `poll` says so."""
        return self._leaving is not None and not self._out

    @property
    def flushed(self) -> bool:
        """True when every byte given to the last `ask` or `preempt` has left; dropped bytes have not."""
        return not self._out and not self._dropped and not self._ended and self.stage is not _GONE

    @property
    def asking(self) -> Q | None:
        """The request whose reply is awaited; None when there is none."""
        return self._q if self.stage is Stage.WAITING else None

    def ask(self, q: Q, now: Seconds, within_s: float | None = None) -> bool:
        """Sends one request. False: busy, nothing was sent and nothing is queued. `within_s`: how long its reply may take, where that is less than usual;
        the line that was silent for so long need not be silent again before the fence."""
        if self.stage is not _IDLE or self._leaving is not None:
            return False
        self._abandoned = None
        if self._buf:
            self._forget()
        if self._tacit is None or not self._utter(q, now):
            self._start(q, now, _WAITING, within_s)
        return True

    def preempt(self, q: Q, now: Seconds) -> bool:
        """Sends an off behind whatever is outstanding and waits for its reply instead, if it has one; the abandoned request is remembered. False: closed."""
        if self.stage is Stage.GONE:
            return False
        if self._utter(q, now):
            return True
        self._abandoned = None if self.stage in (Stage.IDLE, Stage.DRAINING) else self._q
        self._forced = self.stage is not Stage.IDLE
        self._fence_failed = self._fence_failed or (self._few_fences and self.stage is Stage.FENCING)
        self._start(q, now, Stage.WAITING)
        return True

    def off(self, q: Q, now: Seconds) -> bool:
        """An off as soon as this wire allows: at once, or after the running reply but no later than OFF_WAITS_S. False: not yet, ask again."""
        if self.idle:
            return self.ask(q, now)
        runs = self.stage in (Stage.WAITING, Stage.FENCING) and now - self._asked_at < OFF_WAITS_S
        if runs and not self._dialect.off_preempts:
            return False
        return self.preempt(q, now)

    def make_way(self, now: Seconds) -> None:
        """What has not left is withdrawn before an off; but where a half frame ends the connection its rest goes first, or the off would have none."""
        if self._dialect.resync or not self._begun:
            self.purge(now)

    def purge(self, now: Seconds) -> None:
        """Withdraws what has not left yet; a frame cut short is followed by silence and a fence, or the end of a connection that cannot start afresh."""
        if not self._out:
            return
        if not self._drop_unsent():
            self.close()
        elif self.stage in (Stage.WAITING, Stage.FENCING):
            self._start_afresh(now)

    def poll(self, now: Seconds) -> Answer[Q, A] | None:
        """What came of the outstanding request, once; None while it is still open."""
        stage = self.stage
        if stage is _GONE:
            return None
        if self._ended:
            return self._hang_up(self._ended)
        try:
            if self._out:
                self._flush(now)
            came = self._pipe.take()
        except Gone as why:
            return self._hang_up(str(why))
        if came:
            self._buf += came
            self._quiet_since = now
        answer: Answer[Q, A] | None = None
        if stage is _WAITING or stage is _FENCING:
            answer = self._listen(now)
        elif self._buf or stage is _DRAINING:
            self._wait(bool(came), now)
        return self._left(now) if answer is None and self._leaving is not None else answer

    def _wait(self, came: bool, now: Seconds) -> None:
        """Nothing is awaited: what comes starts a silence anew, and after a silence the fence goes out."""
        if self._tacit is not None and not self._buf.strip(self._tacit.blank):
            self._forget()
        if self._buf and not (self.stage is _IDLE and self._spoken(None)):
            self.strays += came
            self._hold_on(now)
            self._start_afresh(now)
        if self.stage is _DRAINING and now - self._quiet_since >= self._drain_s and now >= self._hold_until:
            self._fences += 1
            self._start(self._dialect.fence(self._fences), now, Stage.FENCING)

    def close(self) -> None:
        self._forget()
        self.stage = Stage.GONE
        self._out = b""
        self._leaving = None
        self._pipe.close()

    def _utter(self, q: Q, now: Seconds) -> bool:
        """Sends a command that is never answered, whatever the stage. False: this one is, and nothing was sent."""
        value = None if self._tacit is None else self._tacit.unanswered(q)
        if value is None:
            return False
        self._leaving = Answer(q, value, now, silent=True)
        self._put(self._dialect.encode(q), now)
        return True

    def _left(self, now: Seconds) -> Answer[Q, A] | None:
        """Tells once that a command without an answer has left, or that it could not within the deadline; the stage stays what it is."""
        leaving = self._leaving
        if leaving is None or (self._out and now - leaving.asked_at <= self._deadline_s):
            return None
        self._leaving = None
        if not self._out:
            return leaving
        self._drop_unsent()
        trouble = Trouble(TroubleKind.LINK_SILENT, self._dialect.name(leaving.q), "its bytes did not leave")
        return Answer(leaving.q, trouble, leaving.asked_at)

    def _start(self, q: Q, now: Seconds, stage: Stage, within_s: float | None = None) -> None:
        data = self._dialect.encode(q)
        self._within_s = within_s
        self._q = q
        self._asked_at = now
        self.stage = stage
        self._put(data, now)

    def _put(self, data: bytes, now: Seconds) -> None:
        """Sends bytes behind those that have not left yet, and behind what ends a line that was cut short."""
        self.sent += 1
        if self._torn and not self._out and self._tacit is not None:
            self._out = self._tacit.spoil
        self._out = self._out + data if self._out else data
        self._dropped = False
        try:
            self._flush(now)
        except Gone as why:
            self._ended = str(why)

    def _flush(self, now: Seconds) -> None:
        taken = self._pipe.send(self._out)
        if taken:
            self.log.add(now, True, self._out[:taken])
            self._out = self._out[taken:]
            self._begun = bool(self._out)
            self._torn = False

    def _drop_unsent(self) -> bool:
        """False: a frame was cut short on a stream whose other end would never find its step again."""
        self._dropped = self._dropped or bool(self._out)
        self._leaving = None if self._out else self._leaving
        cut, self._out, self._begun = self._begun, b"", False
        self._torn = self._torn or cut
        return self._dialect.resync or not cut

    def _listen(self, now: Seconds) -> Answer[Q, A] | None:
        q = self._q
        assert q is not None
        strays = 0
        buf = self._buf
        while buf:
            held = bytes(buf)
            heard = self._dialect.take(buf, q, self._abandoned)
            if heard is None:
                break
            if len(buf) < len(held):
                self.log.add(self._quiet_since, False, held[: len(held) - len(buf)])
            if isinstance(heard, Heard):
                self._note(heard)
                strays += 1
                if strays < STRAYS_MOST:
                    continue
                kind = TroubleKind.FRAME_BAD if self._dialect.resync else TroubleKind.GONE
                heard = Trouble(kind, self._dialect.name(q), f"{strays} frames at once that are no answer")
            if isinstance(heard, Trouble):
                return self._troubled(heard, now)
            if buf and self._dialect.resync and not self._spoken(q):
                return self._troubled(
                    Trouble(TroubleKind.FRAME_BAD, self._dialect.name(q), "more bytes follow the reply"), now
                )
            return self._answered(heard, now)
        if len(buf) > LONGEST_B:
            return self._troubled(Trouble(TroubleKind.FRAME_BAD, self._dialect.name(q), "endless frame"), now)
        if now - self._asked_at > (self._deadline_s if self._within_s is None else self._within_s):
            return self._troubled(Trouble(TroubleKind.LINK_SILENT, self._dialect.name(q)), now)
        return None

    def _spoken(self, q: Q | None) -> bool:
        """What is left is only what the device says by itself; it is dropped."""
        if self._talkative is None or not self._talkative.unasked(self._buf, q):
            return False
        self.strays += 1
        self._forget()
        return True

    def _hold_on(self, now: Seconds) -> None:
        """Something came that nobody asked for, or did not come, while all that is still out there had its time: it has it anew."""
        if now < self._hold_until:
            self._hold_until = Seconds(now + LATEST_S)

    def _forget(self) -> None:
        """What was heard and is no answer leaves the buffer, and is in the log as of its last byte."""
        if self._buf:
            self.log.add(self._quiet_since, False, bytes(self._buf))
            self._buf.clear()

    def _note(self, heard: Heard) -> None:
        if heard is Heard.ABANDONED:
            self._abandoned = None
            self._forced = False
        else:
            self.strays += 1

    def _answered(self, value: A, now: Seconds) -> Answer[Q, A] | None:
        fence, q = self.stage is _FENCING, self._q
        assert q is not None
        if fence and self._fence_failed:
            # It may be the reply of the fence before: what is still out there gets its time, and then a last fence tells.
            self._fence_failed = False
            self._hold_until = Seconds(now + LATEST_S)
            self._start_afresh(now)
        elif self._forced and self._dialect.resync:
            # The reply of what the off overtook is still out there.
            self._start_afresh(now)
        else:
            self.stage = _IDLE
            self.strays += bool(self._buf)
        return None if fence else Answer(q, value, self._asked_at)

    def _troubled(self, trouble: Trouble, now: Seconds) -> Answer[Q, A]:
        fence, q = self.stage is Stage.FENCING, self._q
        assert q is not None
        self._fence_failed = self._fence_failed or (self._few_fences and fence)
        self._hold_on(now)
        silent = self._within_s is not None and trouble.kind is TroubleKind.LINK_SILENT and not self._out
        if trouble.kind is TroubleKind.GONE or not self._drop_unsent():
            self.close()
        elif silent and self._dialect.resync and self._was_silent(now):
            self.resyncs += 1
            self._fences += 1
            self._abandoned = q
            self._start(self._dialect.fence(self._fences), now, Stage.FENCING)
        elif trouble.kind in (TroubleKind.FRAME_BAD, TroubleKind.LINK_SILENT) or self._forced:
            self._start_afresh(now)
        else:
            self.stage = Stage.IDLE
        return Answer(q, trouble, self._asked_at, fence)

    def _was_silent(self, now: Seconds) -> bool:
        """Nothing came since the request left, and nothing older is still out there: the fence may go, and one late reply before its own is known."""
        since_s = now - max(self._quiet_since, self._asked_at)
        return not self._buf and not self._forced and now >= self._hold_until and since_s >= self._drain_s - ROUNDING_S

    def _start_afresh(self, now: Seconds) -> None:
        self._forced = False
        self._abandoned = None
        if not self._dialect.resync:
            self.stage = Stage.IDLE
            return
        self._forget()
        self._quiet_since = now
        self.resyncs += self.stage is not Stage.DRAINING
        self.stage = Stage.DRAINING

    def _hang_up(self, why: str) -> Answer[Q, A] | None:
        q, open_request = self._q, self.stage in (Stage.WAITING, Stage.FENCING)
        self.close()
        if q is None or not open_request:
            return None
        return Answer(q, Trouble(TroubleKind.GONE, self._dialect.name(q), why), self._asked_at)
