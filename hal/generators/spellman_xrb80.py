"""The Spellman XRB80 monoblock: its command table, who it must say it is, its fault codes in words, and how its replies become readings.
It knows no order of asking (hal/generators/engine.py), no framing (hal/generators/spellman_xrb80_wire.py) and no rule about the beam."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from functools import partial
from typing import Final

from hal.generators import sheet
from hal.generators.engine import GeneratorEngine
from hal.generators.sheet import Pieces, Preparation, SetPoint, SetPoints, Sheet, Who
from hal.generators.spellman_xrb80_wire import Command, MonoblockDialect, Order, Shape, Told, decode
from hal.poll_plan import Poll
from hal.readings import GeneratorFlags, GeneratorMonitor
from hal.registry import Checksum, GeneratorDriver, GeneratorSetting, OpenPipe, Scale
from hal.scaling import COUNTS_FULL_SCALE, from_counts, scale_mismatch

MODELS: Final = "XRB80"
"""How the model (MODR) of every unit of this dialect begins."""
CLAMP_COUNTS: Final = 3685
"""An XRB80N100 silently clamps VREF and IREF near here, 90 % of full scale: what lies above is refused before it is sent."""
FILAMENT_FULL_SCALE_A: Final = 5.0
"""Filament current at 4095 counts of FMON. Assumption: the published command list gives FMON no unit."""
KV_SCALE: Final = 100.0
MA_SCALE: Final = 1000.0
WATCHDOG_S: Final = 10.0
"""The device's own: WDTE has no argument for it."""
ENABLE_EVERY_S: Final = 5.0
SLOW_EVERY_S: Final = 1.0
LONGEST_REPLY_B: Final = 37
OFF_B: Final = 11

_C: Final = Shape.COUNT
MODEL: Final = Command("model", "MODR", Shape.MODEL)
FIRMWARE: Final = Command("firmware", "FREV", Shape.VERSION)
HARDWARE: Final = Command("hardware", "HWVR", Shape.TEXT)
SOFTWARE: Final = Command("software", "SOFT", Shape.TEXT)
FULL_KV: Final = Command("kv scale", "SLVR", _C, 99_999)
FULL_MA: Final = Command("ma scale", "SLIR", _C, 99_999)
KV: Final = Command("kv", "VMON", _C, COUNTS_FULL_SCALE)
MA: Final = Command("ma", "IMON", _C, COUNTS_FULL_SCALE)
FILAMENT: Final = Command("filament", "FMON", _C, COUNTS_FULL_SCALE)
ON_STATE: Final = Command("x-rays on", "STAT", Shape.BIT, 1)
FAULTS: Final = Command("fault code", "FLT", Shape.FAULT, 99)
KV_SET: Final = Command("kv set-point", "VSET", _C, COUNTS_FULL_SCALE)
MA_SET: Final = Command("ma set-point", "ISET", _C, 99_999)
SET_KV: Final = Command("set kv", "VREF", Shape.ACK)
SET_MA: Final = Command("set ma", "IREF", Shape.ACK)
CLEAR: Final = Order(Command("clear faults", "CLR", Shape.ACK))
ON: Final = Order(Command("on", "ENBL", Shape.ACK), 1)
OFF: Final = Order(Command("off", "ENBL", Shape.ACK), 0)
WATCHDOG_ON: Final = Order(Command("watchdog on", "WDTE", Shape.ACK), 1)
TICKLE: Final = Order(Command("tickle watchdog", "WDTT", Shape.ACK))
IDENTIFY: Final = (MODEL, FIRMWARE, HARDWARE, SOFTWARE, FULL_KV, FULL_MA)
POLLED: Final = (KV, ON_STATE, MA, FAULTS, KV_SET, MA_SET, FILAMENT)


class Fault(Enum):
    """What FLT names: a code, or in older firmware one of nine flags."""

    TEMPERATURE = "over-temperature"
    ARC = "arc"
    OVER_CURRENT = "over-current"
    UNDER_CURRENT = "under-current"
    UNDER_VOLTAGE = "under-voltage"
    OVER_VOLTAGE = "over-voltage"
    WATCHDOG = "watchdog"
    POWER = "over-power"
    INTERLOCK = "interlock open"
    TEMPERATURE_WARNING = "temperature warning"
    MAINTENANCE = "maintenance due (15000 h or 4 years)"
    UNKNOWN = "a fault code that the published list does not name"


CODES: Final = dict(enumerate(tuple(Fault)[:9], start=1)) | {11: Fault.TEMPERATURE_WARNING, 43: Fault.MAINTENANCE}
FLAGS_OF_OLD: Final = (
    Fault.ARC,
    Fault.TEMPERATURE,
    Fault.OVER_VOLTAGE,
    Fault.UNDER_VOLTAGE,
    Fault.OVER_CURRENT,
    Fault.UNDER_CURRENT,
    Fault.WATCHDOG,
    Fault.INTERLOCK,
    Fault.POWER,
)
NO_FAULTS: Final = frozenset({Fault.INTERLOCK, Fault.TEMPERATURE_WARNING, Fault.MAINTENANCE})
"""Named by FLT, and no reason by themselves to end a beam: the interlock line is judged apart, the others are warnings."""


def polls(setting: GeneratorSetting) -> tuple[Poll, ...]:
    """The round. Replies name nothing, so neighbours have unlike shapes: a reply said twice is not the next one's, and a 0 of FLT or STAT never a kV.

    For that the tickle, whose reply is no number, stands between FLT and VMON; once in 10 s would do for the watchdog.
    """
    turnaround_s = setting.turnaround_s
    return (
        Poll(KV.name, 9, 9, turnaround_s),
        Poll(ON_STATE.name, 9, 6, turnaround_s),
        Poll(MA.name, 9, 9, turnaround_s),
        Poll(FAULTS.name, 8, 14, turnaround_s),
        Poll(TICKLE.command.name, 9, 5, turnaround_s),
        Poll(KV_SET.name, 9, 9, turnaround_s, SLOW_EVERY_S),
        Poll(MA_SET.name, 9, 10, turnaround_s, SLOW_EVERY_S),
        Poll(FILAMENT.name, 9, 9, turnaround_s, SLOW_EVERY_S),
        # Whether it is enabled cannot be asked: a unit that restarted by itself would stand unwatched.
        Poll(WATCHDOG_ON.command.name, 11, 5, turnaround_s, ENABLE_EVERY_S),
    )


def who(setting: GeneratorSetting, said: Mapping[str, Told]) -> Who:
    """Model, versions and both full scales; VREF and IREF count to 4095 of these, and ISET must resolve every count of the certificate's uA."""
    model = said[MODEL.name].text if MODEL.name in said else ""
    firmware = " ".join(said[row.name].text for row in (FIRMWARE, HARDWARE, SOFTWARE) if row.name in said)
    if MODEL.name in said and (model != setting.model or not model.startswith(MODELS)):
        words = f"model is {model!r}, the configuration says {setting.model!r} (dialect {MODELS})"
        return Who(model, firmware, mismatch=words)
    if len(said) < len(IDENTIFY):
        return Who(model, firmware)
    kv, ma = said[FULL_KV.name].number / KV_SCALE, said[FULL_MA.name].number / MA_SCALE
    fine = full_scale_ua(setting) <= COUNTS_FULL_SCALE
    wrong = (
        scale_mismatch(kv, setting.full_scale_kv, "kV"),
        scale_mismatch(ma, setting.full_scale_ma, "mA"),
        ""
        if fine
        else f"{ma:g} mA over {COUNTS_FULL_SCALE} counts is coarser than 1 uA; no set-point could be verified",
    )
    return Who(model, firmware, kv, ma, "; ".join(words for words in wrong if words), complete=True)


def monitor(setting: GeneratorSetting, pieces: Pieces[Told]) -> GeneratorMonitor | None:
    """VMON and IMON, as old as the older; the filament and the set-points beside them are those of the last second."""
    came = [pieces.get(row.name) for row in (KV, MA, FILAMENT, KV_SET, MA_SET)]
    kv, ma, filament, kv_set, ma_set = came
    if kv is None or ma is None or filament is None or kv_set is None or ma_set is None:
        return None
    return GeneratorMonitor(
        min(kv.asked_at_s, ma.asked_at_s),
        from_counts(kv.value.number, setting.full_scale_kv),
        from_counts(ma.value.number, setting.full_scale_ma),
        from_counts(filament.value.number, FILAMENT_FULL_SCALE_A),
        kv_set.value.number,
        ma_set.value.number,
    )


def named(told: Told) -> tuple[Fault, ...]:
    """What FLT's reply names: the one code, or every flag that is up; empty when it is sound."""
    if len(told.text) == len(FLAGS_OF_OLD):
        return tuple(fault for fault, up in zip(FLAGS_OF_OLD, told.text, strict=True) if up == "1")
    return (CODES.get(told.number, Fault.UNKNOWN),) if told.number else ()


def flags(_setting: GeneratorSetting, pieces: Pieces[Told]) -> GeneratorFlags | None:
    """STAT and FLT, as old as the older. Only code 9 says that the interlock is open: while FLT shows another code it is not known to be."""
    on, fault = pieces.get(ON_STATE.name), pieces.get(FAULTS.name)
    if on is None or fault is None:
        return None
    names = named(fault.value)
    at_s = min(on.asked_at_s, fault.asked_at_s)
    words = tuple(name.value for name in names if name is not Fault.INTERLOCK)
    faulty = any(name not in NO_FAULTS for name in names)
    is_open = Fault.INTERLOCK in names
    return GeneratorFlags(at_s, on.value.number == 1, not is_open, not faulty, True, faulty, words, is_open)


def full_scale_ua(setting: GeneratorSetting) -> int:
    """The full scale in uA, the unit in which ISET answers and in which this driver's mA set-points are counted."""
    return max(1, round(setting.full_scale_ma * MA_SCALE))


def iref_counts(ua: int, full_ua: int) -> int:
    """The fewest counts of IREF that reach `ua`: whether the device rounds or cuts off, ISET then reads `ua` (full scale up to 2 mA; cuts off: up to 4 mA)."""
    return -(-ua * COUNTS_FULL_SCALE // full_ua)


def set_points(setting: GeneratorSetting) -> SetPoints[Order, Told]:
    """kV in counts of VREF, mA in uA, both up to the clamp; there is no filament to set."""
    full_ua = full_scale_ua(setting)
    kv: SetPoint[Order, Told] = SetPoint(
        KV_SET.name, lambda counts: Order(SET_KV, counts), Order(KV_SET), lambda said: said.number, CLAMP_COUNTS
    )
    ma: SetPoint[Order, Told] = SetPoint(
        MA_SET.name,
        lambda ua: Order(SET_MA, iref_counts(ua, full_ua)),
        Order(MA_SET),
        lambda said: said.number,
        CLAMP_COUNTS * full_ua // COUNTS_FULL_SCALE,
    )
    return kv, ma, None, None


SHEET: Final[Sheet[Order, Told]] = Sheet(
    dialect=partial(MonoblockDialect, (MODEL, FIRMWARE)),
    identify=tuple(Order(row) for row in IDENTIFY),
    who=who,
    set_points=(None, None, None, None),
    set_point_polls=frozenset({KV_SET.name, MA_SET.name}),
    polls=polls,
    requests={row.name: Order(row) for row in POLLED} | {order.command.name: order for order in (TICKLE, WATCHDOG_ON)},
    monitor=monitor,
    monitor_from=frozenset({KV.name, MA.name}),
    flags=flags,
    flags_from=frozenset({ON_STATE.name, FAULTS.name}),
    clear=CLEAR,
    on=ON,
    off=OFF,
    preparations=(Preparation(WATCHDOG_ON, None, lambda _ack: ""),),
    off_b=OFF_B,
    longest_reply_b=LONGEST_REPLY_B,
)


def make(setting: GeneratorSetting, open_pipe: OpenPipe) -> GeneratorEngine[Order, Told]:
    """The engine with this sheet; its mA set-points are counted in uA of this unit's full scale."""
    return GeneratorEngine(replace(SHEET, set_points=set_points(setting)), setting, open_pipe)


DRIVER: Final = GeneratorDriver(
    name="spellman-xrb80",
    words="Spellman XRB80 monoblock (NAME ARG; frames): kV in counts of 4095, mA in uA; own watchdog of 10 s, no exposure timer, no filament set-points",
    make=make,
    polls=polls,
    worst_age_s=partial(sheet.worst_age_s, SHEET),
    off_s=partial(sheet.off_s, SHEET),
    wires=("tty", "pty", "socket", "tcp"),
    scale=lambda setting: Scale(COUNTS_FULL_SCALE, full_scale_ua(setting)),
    set_point_read_back=True,
    exposure_timer=False,
    wire_watchdog_s=WATCHDOG_S,
    wire_watchdog_least_s=WATCHDOG_S,
    unsolicited=(),
    checksum=Checksum.SIX_BIT_SUM,
    faults=Fault,
    decode=partial(
        decode,
        {row.word: row.name for row in (*IDENTIFY, *POLLED, SET_KV, SET_MA, CLEAR.command, TICKLE.command)}
        | {f"{order.command.word} {order.arg}": order.command.name for order in (ON, OFF, WATCHDOG_ON)},
    ),
    filament_set_points=False,
)
