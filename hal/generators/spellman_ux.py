"""The Spellman uX and uXHP: 99 is high voltage, 12 and 13 are swapped against the XRV, a status comes unasked, and no host watchdog was found.
It knows no order of asking (hal/generators/engine.py) and no rule about the beam."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from functools import partial
from typing import Final

from hal.generators import engine, sheet, spellman
from hal.generators.sheet import Pieces, Sheet, Who
from hal.generators.spellman import ANY_COUNT, CommaBook, CommaCommand, CommaDialect, Order, Said, Shape
from hal.poll_plan import Poll
from hal.readings import GeneratorFlags, GeneratorMonitor
from hal.registry import Checksum, GeneratorDriver, GeneratorSetting, Scale
from hal.scaling import COUNTS_FULL_SCALE, from_counts, from_monitor, scale_mismatch

FILAMENT_FULL_SCALE_A: Final = 3.6
"""Filament current at 4095 counts of CMD 20's fifth value."""
MODEL_WORDS: Final = re.compile(r"(?i)uX(?:HP)?([0-9]{2})")
"""Model strings begin with the series and full-scale kV; full-scale mA is not in them and rests on the configuration."""
SET_POINTS_EVERY_S: Final = 1.0
FAULTS_EVERY_S: Final = 1.0

_W, _D, _T, _A = Shape.WHOLE, Shape.DECIMAL, Shape.TEXT, Shape.ACK
MODEL: Final = CommaCommand(26, "model", _T, ANY_COUNT)
DSP: Final = CommaCommand(23, "dsp", _T, ANY_COUNT, code_first=True)
HARDWARE: Final = CommaCommand(24, "hardware", _T, ANY_COUNT)
WEB_SERVER: Final = CommaCommand(25, "web server", _T, ANY_COUNT)
FLAG_COUNT: Final = CommaCommand(22, "count of 22", _W, ANY_COUNT, 1)
FLAGS: Final = CommaCommand(22, "flags", _W, 3, 1)
ANALOG: Final = CommaCommand(20, "analog", _W, 7, COUNTS_FULL_SCALE)
FAULTS: Final = CommaCommand(32, "expanded status", _W, 5, 1, replies_as=22)
READ_BACK: Final = (
    CommaCommand(14, "kv set-point", _W, 1, COUNTS_FULL_SCALE),
    CommaCommand(15, "ma set-point", _W, 1, COUNTS_FULL_SCALE),
    CommaCommand(17, "filament limit", _W, 1, COUNTS_FULL_SCALE),
    CommaCommand(16, "filament preheat", _W, 1, COUNTS_FULL_SCALE),
)
WRITES: Final = (
    CommaCommand(10, "set kv", _A),
    CommaCommand(11, "set ma", _A),
    CommaCommand(13, "set filament limit", _A),
    CommaCommand(12, "set filament preheat", _A),
)
CLEAR: Final = Order(CommaCommand(52, "clear faults", _A))
ON: Final = Order(CommaCommand(99, "on", _A), (1,))
OFF: Final = Order(CommaCommand(99, "off", _A), (0,))
IDENTIFY: Final = (MODEL, DSP, FLAG_COUNT)
BOOK: Final = CommaBook(
    name="spellman-ux",
    errors={1: "out of range", 2: "interlock open"},
    unsolicited=frozenset({22}),
    off_preempts=True,
    fences=(HARDWARE, WEB_SERVER),
)


class Fault(Enum):
    """What CMD 32 names, in the order of its values from the third. The first clears itself when closed, the second at the next on, the third never."""

    INTERLOCK = "interlock opened under high voltage"
    OVER_VOLTAGE = "over-voltage"
    CONFIGURATION = "configuration fault, over-power or 24 V low"


def polls(setting: GeneratorSetting) -> tuple[Poll, ...]:
    """The round: 20 and 22 in turn, set-points once a second, 32 once a second while a fault is reported."""
    turnaround_s = setting.turnaround_s
    return (
        Poll(ANALOG.name, 5, 40, turnaround_s),
        Poll(FLAGS.name, 5, 11, turnaround_s),
        *(Poll(row.name, 5, 10, turnaround_s, SET_POINTS_EVERY_S) for row in READ_BACK),
        Poll(FAULTS.name, 5, 15, turnaround_s, FAULTS_EVERY_S),
    )


def who(setting: GeneratorSetting, said: Mapping[str, Said]) -> Who:
    """Model and the number of status values; 99 is HV here and nothing but remote mode on an XRV or DXM."""
    model, firmware = spellman.model_of(said, MODEL), spellman.model_of(said, DSP)
    named = MODEL_WORDS.match(model)
    if MODEL.name in said and (model != setting.model or named is None):
        return Who(
            model, firmware, mismatch=f"model is {model!r}, the configuration says {setting.model!r} (dialect uX)"
        )
    if len(said) < len(IDENTIFY) or named is None:
        return Who(model, firmware)
    kv, count = float(named[1]), len(said[FLAG_COUNT.name].numbers)
    wrong = (
        scale_mismatch(kv, setting.full_scale_kv, "kV"),
        "" if count == FLAGS.count else f"command 22 answers with {count} values, a uX with {FLAGS.count}",
    )
    return Who(model, firmware, kv, setting.full_scale_ma, "; ".join(words for words in wrong if words), complete=True)


def monitor(setting: GeneratorSetting, pieces: Pieces[Said]) -> GeneratorMonitor | None:
    """CMD 20: control-board temperature, 24 V, kV, mA, filament A, filament V, HV-board temperature."""
    came = pieces[ANALOG.name]
    _, _, kv, ma, filament, _, _ = (int(number) for number in came.value.numbers)
    kv_set, ma_set = (spellman.held_counts(pieces, row) for row in READ_BACK[:2])
    return GeneratorMonitor(
        came.asked_at_s,
        from_monitor(kv, setting.full_scale_kv),
        from_monitor(ma, setting.full_scale_ma),
        from_counts(filament, FILAMENT_FULL_SCALE_A),
        kv_set,
        ma_set,
    )


def flags(_setting: GeneratorSetting, pieces: Pieces[Said]) -> GeneratorFlags | None:
    """CMD 22: HV on, interlock 1 = OPEN, fault; the uX has no local mode and says nothing of its inverter."""
    came = pieces[FLAGS.name]
    on, is_open, fault = (number == 1 for number in came.value.numbers)
    names = sheet.fault_names(pieces, FAULTS.name, came.asked_at_s, Fault, fault, 2.0 * FAULTS_EVERY_S, skip=2)
    return GeneratorFlags(came.asked_at_s, on, not is_open, True, True, fault, names, is_open)


_KV, _MA, _LIMIT, _PREHEAT = (
    spellman.set_point(BOOK, write, read) for write, read in zip(WRITES, READ_BACK, strict=True)
)

SHEET: Final[Sheet[Order, Said]] = Sheet(
    dialect=partial(CommaDialect, BOOK),
    identify=tuple(Order(row) for row in IDENTIFY),
    who=who,
    set_points=(_KV, _MA, _LIMIT, _PREHEAT),
    set_point_polls=frozenset(row.name for row in READ_BACK),
    polls=polls,
    fault_polls=frozenset({FAULTS.name}),
    requests={row.name: Order(row) for row in (FLAGS, ANALOG, FAULTS, *READ_BACK)},
    monitor=monitor,
    monitor_from=frozenset({ANALOG.name}),
    flags=flags,
    flags_from=frozenset({FLAGS.name}),
    clear=CLEAR,
    on=ON,
    off=OFF,
    off_b=7,
    longest_reply_b=60,
)

DRIVER: Final = GeneratorDriver(
    name="spellman-ux",
    words="Spellman uX and uXHP (comma protocol, RS-232 or Ethernet 50001): counts of 4095, 99 is HV; no exposure timer, no host watchdog",
    make=engine.make(SHEET),
    polls=polls,
    worst_age_s=partial(sheet.worst_age_s, SHEET),
    off_s=partial(sheet.off_s, SHEET),
    wires=("tty", "pty", "socket", "tcp"),
    scale=lambda _setting: Scale(COUNTS_FULL_SCALE, COUNTS_FULL_SCALE),
    set_point_read_back=True,
    exposure_timer=False,
    wire_watchdog_s=None,
    wire_watchdog_least_s=None,
    unsolicited=("22 when the interlock opens under high voltage, and at over-voltage",),
    checksum=Checksum.SIX_BIT_SUM,
    faults=Fault,
    decode=partial(
        spellman.decode,
        spellman.names(MODEL, DSP, HARDWARE, WEB_SERVER, FLAGS, ANALOG, FAULTS, *READ_BACK, *WRITES, CLEAR.command)
        | {ON.command.number: "high voltage"},
    ),
    not_cold="",
)
