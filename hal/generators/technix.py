"""A Technix HV supply (SR, CCR): text ended by CR, each reply the echo of its command with a value behind it, relay pulses for ON and OFF.
It knows no order of asking (hal/generators/engine.py) and no rule about the beam; for what the device cannot say about itself, see docs/drivers.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from functools import partial
from typing import Final

import msgspec

from hal.errors import Trouble, TroubleKind
from hal.exchange import Heard
from hal.generators import engine, sheet
from hal.generators.sheet import Later, Pieces, Preparation, SetPoint, Sheet, Who
from hal.poll_plan import Poll
from hal.readings import GeneratorFlags, GeneratorMonitor
from hal.registry import Checksum, GeneratorDriver, GeneratorSetting, Scale
from hal.scaling import COUNTS_FULL_SCALE, from_counts

CR: Final = b"\r"
LONGEST_FRAME_B: Final = 16
SILENCE_S: Final = 5.0
"""Without any instruction for this long the device turns HV off and goes local; not settable."""
PULSE_S: Final = 0.150
"""A relay is opened again 100 ms after its closing was acknowledged; the reply's own time is within the rest."""
NOT_TOLD: Final = "not told by the device"
INHIBITED, LOCAL, OFF_GIVEN, ON_GIVEN = 128, 64, 32, 16
HV_ON, INTERLOCK_OPEN, FAULTY = 8, 4, 2

_DIGITS: Final = re.compile(rb"[0-9]{1,4}")


class Order(msgspec.Struct, frozen=True, gc=False):
    """A command: its name in the log, its word, its argument (None: a question), and the largest value of a question's reply."""

    name: str
    word: bytes
    arg: int | None = None
    most: int = 0

    @property
    def text(self) -> bytes:
        return self.word if self.arg is None else b"%b,%d" % (self.word, self.arg)


class Echo(msgspec.Struct, frozen=True, gc=False):
    """A reply's value: what stood behind the echo of a question, or the argument that a command's echo repeats."""

    value: int


class Fault(Enum):
    """All that the status says."""

    FAULT = "fault (the device does not say which)"


KV: Final = Order("kv", b"a1", most=COUNTS_FULL_SCALE)
MA: Final = Order("ma", b"a2", most=COUNTS_FULL_SCALE)
STATUS: Final = Order("status", b"E", most=255)
ON: Final = Order("on", b"P5", 1)
ON_ENDS: Final = Order("on pulse ends", b"P5", 0)
OFF: Final = Order("off", b"P6", 1)
OFF_ENDS: Final = Order("off pulse ends", b"P6", 0)
REMOTE: Final = Order("remote", b"P7", 0)
ENDS: Final = (Later(PULSE_S, ON_ENDS), Later(PULSE_S, OFF_ENDS))
"""Both relays, after either pulse: what an ON overtook, or an OFF, is still to be opened."""


class EchoDialect:
    """A reply begins with its command, whole; there is no checksum, so a number is one to four digits within its bound or nothing.

    The fence is `P5,0`, which no poll sends and which asks for nothing but the open relay that is due anyhow; behind a lost `P6,0` it is this
    one again, or the off relay would stay closed. It is never sent behind `P6,1`, whose pulse it would cut short. A device that has answered
    nothing yet gets questions only. Full duplex by its protocol: an off follows an unanswered request at once, and half a line that was
    withdrawn is made one that means nothing, or it would swallow the off behind it.
    """

    resync = True
    off_preempts = True
    blank = CR
    spoil = b"?\r"

    def __init__(self, packets: bool) -> None:  # noqa: ARG002 - the text is the same on its network port
        self._answered = False
        self._last: Order | None = None

    def encode(self, q: Order) -> bytes:
        self._last = q
        return q.text + CR

    def take(self, buf: bytearray, q: Order, abandoned: Order | None) -> Echo | Trouble | Heard | None:
        end = buf.find(CR)
        if end < 0:
            return _bad(q, "endless frame") if len(buf) > LONGEST_FRAME_B else None
        got = bytes(buf[:end])
        del buf[: end + 1]
        echo = echoed(q, got)
        if echo is not None:
            self._answered = True
            return echo
        if got == q.text:
            return Heard.STRAY
        if abandoned is not None and echoed(abandoned, got) is not None:
            return Heard.ABANDONED
        return _bad(q, f"reply {got!r}")

    def unanswered(self, q: Order) -> Echo | None:  # noqa: ARG002 - each of its commands has its echo
        return None

    def fence(self, k: int) -> Order:
        if not self._answered:
            return (KV, MA)[k % 2]
        return OFF_ENDS if self._last == OFF_ENDS else ON_ENDS

    def name(self, q: Order) -> str:
        return q.name


def echoed(q: Order, got: bytes) -> Echo | None:
    """The value of a reply to this command, or None if it is none. A question that comes back bare is a line that echoes, not an answer."""
    if q.arg is not None:
        return Echo(q.arg) if got == q.text else None
    digits = got[len(q.word) :]
    if not got.startswith(q.word) or not _DIGITS.fullmatch(digits) or int(digits) > q.most:
        return None
    return Echo(int(digits))


def polls(setting: GeneratorSetting) -> tuple[Poll, ...]:
    """Voltage, status, current in turn; each of them feeds the device's watchdog."""
    turnaround_s = setting.turnaround_s
    return (
        Poll(KV.name, 3, 7, turnaround_s),
        Poll(STATUS.name, 2, 5, turnaround_s),
        Poll(MA.name, 3, 7, turnaround_s),
    )


def who(setting: GeneratorSetting, said: Mapping[str, Echo]) -> Who:
    """No command tells model, firmware or full scale: it is complete once status, voltage and current answer in their shapes."""
    return Who(f"{setting.model} ({NOT_TOLD})", NOT_TOLD, complete=len(said) == len(IDENTIFY))


def monitor(setting: GeneratorSetting, pieces: Pieces[Echo]) -> GeneratorMonitor | None:
    """a1 and a2, as old as the older; the set-points are the last that were echoed, 0 before; a filament it has none."""
    kv, ma = pieces.get(KV.name), pieces.get(MA.name)
    if kv is None or ma is None:
        return None
    kv_set, ma_set = (pieces.get(name) for name in (SET_KV.name, SET_MA.name))
    return GeneratorMonitor(
        min(kv.asked_at_s, ma.asked_at_s),
        from_counts(kv.value.value, setting.full_scale_kv),
        from_counts(ma.value.value, setting.full_scale_ma),
        0.0,
        0 if kv_set is None else kv_set.value.value,
        0 if ma_set is None else ma_set.value.value,
    )


def flags(_setting: GeneratorSetting, pieces: Pieces[Echo]) -> GeneratorFlags | None:
    """E. Ready is remote, not inhibited, with both relays open: an ON pulse against a closed relay would do nothing, or come late."""
    came = pieces[STATUS.name]
    bits = came.value.value
    fault = bool(bits & FAULTY)
    return GeneratorFlags(
        came.asked_at_s,
        bool(bits & HV_ON),
        not bits & INTERLOCK_OPEN,
        not bits & (INHIBITED | LOCAL | OFF_GIVEN | ON_GIVEN | FAULTY),
        not bits & LOCAL,
        fault,
        (Fault.FAULT.value,) if fault else (),
        bool(bits & INTERLOCK_OPEN),
    )


def still_local(status: Echo) -> str:
    """Why no set-point may be written yet; empty when the device is in remote mode."""
    return "the device is in local mode; its set-points are not known to be held" if status.value & LOCAL else ""


def status_words(bits: int) -> str:
    """The status bits that are up, in words."""
    words = (
        "inhibited", "local", "off relay closed", "on relay closed", "HV on", "interlock open", "fault", "voltage regulated",
    )  # fmt: skip
    return ", ".join(word for place, word in enumerate(words) if bits & 128 >> place) or "none of its bits"


def decode(sent: bool, data: bytes) -> str:
    """A piece of the wire log in words: each command by name with its value, a status by its bits. Never raises."""
    return "; ".join(_words(sent, part) for part in data.split(CR) if part)


def _words(sent: bool, part: bytes) -> str:
    for order in (ON, ON_ENDS, OFF, OFF_ENDS, REMOTE):
        if part == order.text:
            return order.name
    word, comma, number = part.partition(b",")
    for order in (SET_KV, SET_MA):
        if word == order.word and comma and _DIGITS.fullmatch(number):
            return f"{order.name} {int(number)}"
    for order in (KV, MA, STATUS):
        if part == order.word:
            return f"{order.name}{'?' if sent else ' (empty)'}"
        echo = echoed(order, part)
        if echo is not None:
            return f"status: {status_words(echo.value)}" if order is STATUS else f"{order.name} {echo.value}"
    return f"part of a frame {part!r}"


def _bad(q: Order, detail: str) -> Trouble:
    return Trouble(TroubleKind.FRAME_BAD, q.name, detail)


def _set_point(name: str, word: bytes) -> SetPoint[Order, Echo]:
    return SetPoint(name, lambda counts: Order(name, word, counts), None, lambda echo: echo.value, COUNTS_FULL_SCALE)


IDENTIFY: Final = (STATUS, KV, MA)
SET_KV: Final = Order("set kv", b"d1", 0)
SET_MA: Final = Order("set ma", b"d2", 0)

SHEET: Final[Sheet[Order, Echo]] = Sheet(
    dialect=EchoDialect,
    identify=IDENTIFY,
    who=who,
    set_points=(_set_point(SET_KV.name, SET_KV.word), _set_point(SET_MA.name, SET_MA.word), None, None),
    polls=polls,
    requests={order.name: order for order in (KV, STATUS, MA)},
    monitor=monitor,
    monitor_from=frozenset({KV.name, MA.name}),
    flags=flags,
    flags_from=frozenset({STATUS.name}),
    # No command clears a fault; that HV off takes it away, as the panel's button does, is an assumption.
    clear=OFF,
    clear_then=ENDS,
    on=ON,
    on_then=ENDS,
    off=OFF,
    off_then=ENDS,
    # At 9600 baud two in a row and a round of questions are more than a reading may be old.
    follow_most=1,
    preparations=(Preparation(REMOTE, STATUS, still_local),),
    off_b=5,
    longest_reply_b=7,
)

DRIVER: Final = GeneratorDriver(
    name="technix",
    words="Technix SR/CCR supply (text and echo, RS-232 9600 or TCP 4660): says neither model nor set-points, bench only; HV off after 5 s of silence",
    make=engine.make(SHEET),
    polls=polls,
    worst_age_s=partial(sheet.worst_age_s, SHEET),
    off_s=partial(sheet.off_s, SHEET),
    wires=("tty", "pty", "socket", "tcp"),
    scale=lambda _setting: Scale(COUNTS_FULL_SCALE, COUNTS_FULL_SCALE),
    set_point_read_back=False,
    exposure_timer=False,
    baud_most=9600,
    wire_watchdog_s=SILENCE_S,
    wire_watchdog_least_s=SILENCE_S,
    unsolicited=(),
    checksum=Checksum.NONE,
    faults=Fault,
    decode=decode,
    filament_set_points=False,
    not_cold="it reads no set-point back and has none of its filament, so nobody can prove that it is cold",
    identifies=False,
)
