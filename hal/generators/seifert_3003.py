"""The Seifert 3003 generators (ISO-DEBYEFLEX, ISOVOLT): command table, the digits of each model, status words and messages, own timer and shutter.
It knows no order of asking (hal/generators/engine.py), no framing (hal/generators/seifert_3003_wire.py) and no rule about the beam."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from typing import Final

from hal.generators import sheet
from hal.generators.engine import GeneratorEngine
from hal.generators.seifert_3003_timer import Fault as TimerFault
from hal.generators.seifert_3003_timer import timer_fault
from hal.generators.seifert_3003_wire import MARK, LineDialect, Order, Shape, Told, decode
from hal.generators.sheet import Later, Pieces, Preparation, SetPoint, SetPoints, Sheet, Who
from hal.poll_plan import Poll
from hal.readings import GeneratorFlags, GeneratorMonitor
from hal.registry import Checksum, GeneratorDriver, GeneratorSetting, OpenPipe, Scale

NOT_TOLD: Final = "not told by the device"
V_A_COUNT: Final = 10
UA_A_COUNT: Final = 10
"""A set-point in counts is 10 V or 10 uA: fine enough for every certificate, and a plan holds it in 16 bits."""
NO_COUNT: Final = 0xFFFF
"""A set-point read back that is no whole count: none that a plan could hold."""
SIX_DIGITS_MOST: Final = 999_999
STATUS_MOST: Final = 255
TIMER_MOST_S: Final = 99 * 3600 + 59 * 60 + 59
PROBES_KV: Final = (10, 11)
MESSAGE_LASTS_S: Final = 0.8
"""A message is asked for again after 0.5 s, and the oldest that a reply gets is 0.3 s."""
MOVES_S: Final = 2.0
"""A shutter that has not reached its place after this long stands still."""
LONGEST_REPLY_B: Final = 26
REPLY_B: Final = 18
"""Letters and digits with both endings each."""

_N, _S = Shape.NUMBER, Shape.NOTHING
MODEL: Final = Order("model", b"ID", Shape.MODEL)
KV: Final = Order("kv", b"VA", _N, SIX_DIGITS_MOST)
MA: Final = Order("ma", b"CA", _N, SIX_DIGITS_MOST)
KV_SET: Final = Order("kv set-point", b"VN", _N, SIX_DIGITS_MOST)
MA_SET: Final = Order("ma set-point", b"CN", _N, SIX_DIGITS_MOST)
TIMER_SET: Final = Order("timer set", b"TN:1", _N, TIMER_MOST_S)
TIMER: Final = Order("timer", b"TA:1", _N, TIMER_MOST_S)
STATUS: Final = Order("status", b"SR:01", _N, STATUS_MOST)
TIMERS: Final = Order("timers", b"SR:02", _N, STATUS_MOST)
SHUTTERS: Final = Order("shutters", b"SR:03", _N, STATUS_MOST)
WARM_UP: Final = Order("warm-up", b"SR:06", _N, STATUS_MOST)
MESSAGE: Final = Order("message", b"SR:12", _N, STATUS_MOST)
ON: Final = Order("on", b"TS:1\nOS:1\nHV:1", _S)
"""Timer, shutter, then high voltage: what makes radiation leaves last, and an ON that is cut short makes none."""
OFF: Final = Order("off", b"HV:0\nCS:1", _S)
"""High voltage first; the shutter is the second way to the same end."""
STOP_TIMER: Final = Order("stop timer", b"TE:1", _S)
CLEAR: Final = Order("clear message", b"CL", _S)
BY_COMPUTER: Final = Order("shutter by computer", b"CC:1000", _S)
ASKED: Final = (KV, STATUS, MA, MESSAGE, SHUTTERS, TIMERS, TIMER, KV_SET, MA_SET, TIMER_SET, WARM_UP)
EVERY_S: Final = {
    MESSAGE.name: 0.5,
    SHUTTERS.name: 1.0,
    TIMER.name: 1.0,
    TIMERS.name: 2.0,
    KV_SET.name: 2.0,
    MA_SET.name: 2.0,
    TIMER_SET.name: 2.0,
    WARM_UP.name: 5.0,
}
"""At 9600 baud there is room for no more beside kV, mA and the status word."""
STOPS_S: Final = 0.150
"""The timer is stopped so long after the last OFF: it ends nothing that OFF has not ended, and while OFF is repeated the wire is needed for readings."""

REMOTE, HV_ON, COOLING_BAD, BATTERY_LOW, SHUTTER_BAD = 128, 64, 32, 16, 2
SHUTTER_BY_COMPUTER: Final = 8
OPEN, CIRCUIT_OPEN, ABSENT = 64, 32, 16
WARMING_UP: Final = 8


@dataclass(frozen=True)
class Digits:
    """How a model writes its set-points: so many digits, each step so many counts."""

    places: int
    step: int

    @property
    def most(self) -> int:
        """The largest number of counts that fits."""
        return int("9" * self.places) * (self.step if self.step > 1 else 1) // (1 if self.step > 1 else V_A_COUNT)

    def text(self, word: bytes, counts: int) -> bytes:
        """The command that sets `counts` (10 V or 10 uA each)."""
        return b"%b:%0*d" % (word, self.places, counts // self.step if self.step > 1 else counts * V_A_COUNT)


TWO: Final = Digits(2, 1000 // V_A_COUNT)
"""Whole kV and mA."""
SIX: Final = Digits(6, 1)
"""V and uA."""
MODELS: Final = {"ISO-DEBYEFLEX 3003": TWO, "ISOVOLT 3003": SIX}
"""What ID says, and the digits that belong to it. A device that is not here is not driven; nothing is ever inferred from a reply."""


class Fault(Enum):
    """What message and status words name."""

    COOLING = "cooling"
    UNDER_VOLTAGE = "under-voltage"
    OVER_VOLTAGE = "over-voltage"
    UNDER_CURRENT = "under-current"
    EXTERNAL_STOP = "external stop"
    EMERGENCY_STOP = "EMERGENCY STOP"
    POWER = "pre-selection or power limit"
    HV_LAMP = "high-voltage lamp"
    DOOR_1 = "door contact 1 open"
    DOOR_2 = "door contact 2 open"
    DOOR_3 = "door contact 3 open"
    STAND_BY = "stand-by"
    FILAMENT = "filament"
    BATTERY = "battery low"
    SHUTTER_1 = "shutter 1"
    SHUTTER_2 = "shutter 2"
    SHUTTER_3 = "shutter 3"
    SHUTTER_4 = "shutter 4"
    EXTERNAL_LAMP = "external lamp"
    WARM_UP_NEEDED = "warm-up needed (run it at the generator)"
    SHUTTER_SAFETY = "shutter safety circuit"
    PUSH_START = "waits for START at the generator"
    UNKNOWN = "a message that the published list does not name"
    SHUTTER_BAD = "shutter faulty"
    SHUTTER_CIRCUIT = "circuit of shutter 1 not closed"
    SHUTTER_ABSENT = "shutter 1 absent"
    SHUTTER_NOT_OPEN = "shutter 1 did not open"
    SHUTTER_NOT_CLOSED = "shutter 1 did not close"
    TIMER_EARLY = TimerFault.EARLY.value
    TIMER_LATE = TimerFault.LATE.value
    TIMER_NEVER = TimerFault.NEVER.value
    TIMER_ENDED = TimerFault.ENDED.value
    TIMER_RUNS_ON = TimerFault.RUNS_ON.value
    WARMING_UP = "warms up"


MESSAGES: Final[dict[int, Fault]] = {
    33: Fault.COOLING, 37: Fault.UNDER_VOLTAGE, 38: Fault.OVER_VOLTAGE, 39: Fault.UNDER_CURRENT, 43: Fault.EXTERNAL_STOP, 46: Fault.EMERGENCY_STOP,
    **dict.fromkeys(range(49, 53), Fault.POWER), 53: Fault.HV_LAMP, 63: Fault.DOOR_1, 64: Fault.DOOR_2, 65: Fault.DOOR_3, 76: Fault.STAND_BY,
    90: Fault.FILAMENT, 91: Fault.BATTERY, 96: Fault.SHUTTER_1, 97: Fault.SHUTTER_2, 98: Fault.SHUTTER_3, 99: Fault.SHUTTER_4,
    104: Fault.EXTERNAL_LAMP, 106: Fault.WARM_UP_NEEDED, 112: Fault.SHUTTER_SAFETY, 118: Fault.PUSH_START,
}  # fmt: skip
INTERLOCKS: Final = frozenset({Fault.EXTERNAL_STOP, Fault.EMERGENCY_STOP, Fault.DOOR_1, Fault.DOOR_2, Fault.DOOR_3})
"""Messages that say that the generator's own interlock is open."""
WAITS: Final = frozenset({Fault.STAND_BY, Fault.WARM_UP_NEEDED, Fault.WARMING_UP, Fault.PUSH_START})
"""No fault, but no beam before they are gone."""
NO_FAULTS: Final = WAITS | (INTERLOCKS - {Fault.EMERGENCY_STOP}) | {Fault.BATTERY}


def polls(setting: GeneratorSetting) -> tuple[Poll, ...]:
    """kV, status, mA in turn, the others at their periods; each reply is the number and the anode's name."""
    return tuple(
        Poll(row.name, len(row.text) + len(MARK) + 2, REPLY_B, setting.turnaround_s, EVERY_S.get(row.name, 0.0))
        for row in ASKED
    )


def who(setting: GeneratorSetting, said: Mapping[str, Told]) -> Who:
    """The model, which must be the configured one and have its digits here. No command tells a full scale: values are in V and uA, whatever the size."""
    if MODEL.name not in said:
        return Who()
    model, digits = said[MODEL.name].text, MODELS.get(setting.model)
    wrong = []
    if model != setting.model:
        wrong.append(f"model is {model!r}, the configuration says {setting.model!r}")
    elif digits is None:
        wrong.append(f"model {model!r} has no digits in this driver, which knows {', '.join(MODELS)}")
    else:
        for what, full, unit, a_count in (
            ("full_scale_kv", setting.full_scale_kv, "kV", V_A_COUNT / 1000.0),
            ("full_scale_ma", setting.full_scale_ma, "mA", UA_A_COUNT / 1000.0),
        ):
            counts = round(full / a_count)
            if abs(counts * a_count - full) > 1e-9 * full or counts % digits.step:
                wrong.append(f"{what} {full:g} {unit} is no whole number of steps of {digits.step * a_count:g} {unit}")
    return Who(model, NOT_TOLD, setting.full_scale_kv, setting.full_scale_ma, "; ".join(wrong), complete=True)


def counts_of(said: Told) -> int:
    """A set-point in V or uA as counts, or the count that no plan holds."""
    counts, rest = divmod(said.number, V_A_COUNT)
    return counts if rest == 0 and counts < NO_COUNT else NO_COUNT


def monitor(_setting: GeneratorSetting, pieces: Pieces[Told]) -> GeneratorMonitor | None:
    """VA and CA, as old as the older; the set-points beside them are those of the last second; no filament is told."""
    kv, ma, kv_set, ma_set = (pieces.get(row.name) for row in (KV, MA, KV_SET, MA_SET))
    if kv is None or ma is None or kv_set is None or ma_set is None:
        return None
    return GeneratorMonitor(
        min(kv.asked_at_s, ma.asked_at_s),
        kv.value.number / 1000.0,
        ma.value.number / 1000.0,
        0.0,
        counts_of(kv_set.value),
        counts_of(ma_set.value),
    )


def flags(_setting: GeneratorSetting, pieces: Pieces[Told]) -> GeneratorFlags | None:
    """The status word, as old as it is, with what message, timers and shutters said last. High voltage alone counts as beam, whatever the shutter does."""
    status, message = pieces.get(STATUS.name), pieces.get(MESSAGE.name)
    if status is None or message is None or any(row.name not in pieces for row in (SHUTTERS, TIMERS, WARM_UP)):
        return None
    word = status.value.number
    names = (*message_of(message.value), *word_faults(word), *shutter_faults(pieces), *timer_faults(pieces))
    names = tuple(dict.fromkeys((*names, *warm_up_faults(pieces))))
    named_open = any(name in INTERLOCKS for name in names) and line_heard(pieces, status.asked_at_s, message.asked_at_s)
    remote = bool(word & REMOTE)
    fault = any(name not in NO_FAULTS for name in names)
    return GeneratorFlags(
        status.asked_at_s,
        bool(word & HV_ON),
        not named_open,
        remote and not fault and not any(name in WAITS for name in names),
        remote,
        fault,
        tuple(name.value for name in names),
        named_open and message.asked_at_s > last_on_off_s(pieces)[0],
    )


def line_heard(pieces: Pieces[Told], status_s: float, message_s: float) -> bool:
    """Whether a message may say that the interlock is open in a reading that is dated by its status word. After an ON only a younger one may: the line
    closed with the press. Without one an older one too, while it is asked for; but one from before the last ON is no evidence of what came of that ON."""
    on_s, off_s = last_on_off_s(pieces)
    return message_s > status_s or (on_s <= off_s and status_s - message_s < MESSAGE_LASTS_S)


def last_on_off_s(pieces: Pieces[Told]) -> tuple[float, float]:
    """When the last ON and the last OFF left; -inf for never."""
    on, off = (pieces[row.name].asked_at_s if row.name in pieces else float("-inf") for row in (ON, OFF))
    return on, off


def message_of(said: Told) -> tuple[Fault, ...]:
    """What SR:12 names; empty for none."""
    return (MESSAGES.get(said.number, Fault.UNKNOWN),) if said.number else ()


def word_faults(word: int) -> tuple[Fault, ...]:
    """What SR:01 names. That kV or mA is not nominal is no fault: so it is in every ramp, and the values themselves are read."""
    rows = ((COOLING_BAD, Fault.COOLING), (BATTERY_LOW, Fault.BATTERY), (SHUTTER_BAD, Fault.SHUTTER_BAD))
    return tuple(name for bit, name in rows if word & bit)


def shutter_faults(pieces: Pieces[Told]) -> tuple[Fault, ...]:
    """What SR:03 says of shutter 1, against the last ON or OFF that left long enough before it was asked."""
    said = pieces[SHUTTERS.name]
    word = said.value.number
    found = [
        name for bit, name in ((CIRCUIT_OPEN, Fault.SHUTTER_CIRCUIT), (ABSENT, Fault.SHUTTER_ABSENT)) if word & bit
    ]
    on, off = last_on_off_s(pieces)
    if said.asked_at_s - max(on, off) > MOVES_S:
        if on > off and not word & OPEN:
            found.append(Fault.SHUTTER_NOT_OPEN)
        if off > on and word & OPEN:
            found.append(Fault.SHUTTER_NOT_CLOSED)
    return tuple(found)


def timer_faults(pieces: Pieces[Told]) -> tuple[Fault, ...]:
    """G11: how the device's own timer stands against the ON and the OFF that left."""
    found = timer_fault(*(pieces.get(row.name) for row in (ON, OFF, TIMER, TIMERS, TIMER_SET)))
    return () if found is None else (Fault(found.value),)


def warm_up_faults(pieces: Pieces[Told]) -> tuple[Fault, ...]:
    return (Fault.WARMING_UP,) if pieces[WARM_UP.name].value.number & WARMING_UP else ()


def hours_text(seconds: int) -> bytes:
    """The command that sets timer 1."""
    return b"TP:1,%02d,%02d,%02d" % (seconds // 3600, seconds // 60 % 60, seconds % 60)


def set_points(setting: GeneratorSetting) -> SetPoints[Order, Told]:
    """kV and mA in the digits of the configured model; a model without digits has none, and is never set."""
    digits = MODELS.get(setting.model)
    if digits is None:
        return None, None, None, None
    scale = scale_of(setting)

    def point(name: str, word: bytes, read: Order, full: int) -> SetPoint[Order, Told]:
        return SetPoint(
            name,
            lambda counts: Order(name, digits.text(word, counts), _S),
            read,
            counts_of,
            min(full, digits.most),
            digits.step,
        )

    return (
        point("set kv", b"SV", KV_SET, scale.kv_counts_full_scale),
        point("set ma", b"SC", MA_SET, scale.ma_counts_full_scale),
        None,
        None,
    )


BACKUP: Final[SetPoint[Order, Told]] = SetPoint(
    "set timer",
    lambda seconds: Order("set timer", hours_text(seconds), _S),
    TIMER_SET,
    lambda said: said.number,
    TIMER_MOST_S,
)


def preparations(setting: GeneratorSetting) -> tuple[Preparation[Order, Told], ...]:
    """The shutter under the computer, then two kV set-points that read back as written only where the digits are the model's."""
    digits = MODELS.get(setting.model)
    probes = () if digits is None else tuple(probe(digits, kv) for kv in PROBES_KV)
    return (Preparation(BY_COMPUTER, TIMERS, not_by_computer), *probes)


def probe(digits: Digits, kv: int) -> Preparation[Order, Told]:
    """One of the two; a device that ignored both would show neither."""
    name, counts = f"digits, {kv} kv", kv * 1000 // V_A_COUNT

    def wrong(said: Told) -> str:
        if counts_of(said) == counts:
            return ""
        return (
            f"{kv} kV was written in {digits.places} digits and reads back as {said.number} V; "
            "these are not this device's digits: correct generator.model, or have the device looked at"
        )

    read = Order(name, KV_SET.text, _N, SIX_DIGITS_MOST)
    return Preparation(Order(f"set {name}", digits.text(b"SV", counts), _S), read, wrong, hv_off=True)


def not_by_computer(timers: Told) -> str:
    """Empty when shutter 1 is under the computer."""
    return "" if timers.number & SHUTTER_BY_COMPUTER else "shutter 1 is not under the computer's control"


def scale_of(setting: GeneratorSetting) -> Scale:
    """Counts of 10 V and 10 uA at full scale."""
    return Scale(round(setting.full_scale_kv * 1000.0 / V_A_COUNT), round(setting.full_scale_ma * 1000.0 / UA_A_COUNT))


SHEET: Final[Sheet[Order, Told]] = Sheet(
    dialect=partial(LineDialect, MODEL),
    identify=(MODEL,),
    who=who,
    set_points=(None, None, None, None),
    set_point_polls=frozenset({KV_SET.name, MA_SET.name}),
    polls=polls,
    requests={row.name: row for row in ASKED},
    monitor=monitor,
    monitor_from=frozenset({KV.name, MA.name}),
    flags=flags,
    flags_from=frozenset({STATUS.name}),
    flags_also=frozenset({MESSAGE.name}),
    clear=CLEAR,
    on=ON,
    off=OFF,
    off_then=(Later(STOPS_S, STOP_TIMER),),
    backup=BACKUP,
    off_b=len(OFF.text) + 1,
    longest_reply_b=LONGEST_REPLY_B,
)


def make(setting: GeneratorSetting, open_pipe: OpenPipe) -> GeneratorEngine[Order, Told]:
    """The engine with this sheet, in the digits of the configured model."""
    ours = replace(SHEET, set_points=set_points(setting), preparations=preparations(setting))
    return GeneratorEngine(ours, setting, open_pipe)


NAMES: Final = {
    **{row.text.decode(): row.name for row in (*ASKED, MODEL, STOP_TIMER, CLEAR, BY_COMPUTER)},
    MARK.decode(): "anode", "TS:1": "start timer", "OS:1": "open shutter", "HV:1": "on", "HV:0": "off", "CS:1": "close shutter",
    "SV": "set kv", "SC": "set ma", "TP": "set timer",
}  # fmt: skip

DRIVER: Final = GeneratorDriver(
    name="seifert-3003",
    words="Seifert ISO-DEBYEFLEX or ISOVOLT 3003 (text lines, set commands without an answer): own shutter and exposure timer; no host watchdog, no checksum",
    make=make,
    polls=polls,
    worst_age_s=partial(sheet.worst_age_s, SHEET),
    off_s=partial(sheet.off_s, SHEET),
    wires=("tty", "pty", "socket"),
    scale=scale_of,
    set_point_read_back=True,
    exposure_timer=True,
    baud_most=9600,
    wire_watchdog_s=None,
    wire_watchdog_least_s=None,
    unsolicited=(),
    checksum=Checksum.NONE,
    faults=Fault,
    decode=partial(decode, NAMES),
    filament_set_points=False,
)
