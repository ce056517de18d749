"""The Spellman DXM: the XRV's command numbers with other replies: four status values with the interlock as 1 = OPEN, monitors one by one, and a local mode.
It knows no order of asking (hal/generators/engine.py) and no rule about the beam."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from enum import Enum
from functools import partial
from typing import Final

from hal.generators import engine, sheet, spellman
from hal.generators.sheet import Pieces, Preparation, Sheet, Who
from hal.generators.spellman import ANY_COUNT, CommaBook, CommaCommand, CommaDialect, Order, Said, Shape
from hal.poll_plan import Poll
from hal.readings import GeneratorFlags, GeneratorMonitor
from hal.registry import Checksum, GeneratorDriver, GeneratorSetting, Scale
from hal.scaling import COUNTS_FULL_SCALE, from_counts, from_monitor, scale_mismatch

FILAMENT_FULL_SCALE_A: Final = 5.0
"""Filament current at 4095 counts of CMD 62 (assumption: as the XRV's)."""
MODEL_WORDS: Final = re.compile(r"DXM([0-9]{2,3})[PN*]?([0-9]{3,4})")
"""Model strings name full-scale kV and watts; full-scale mA is their quotient (assumption from the naming of the series)."""
SET_POINTS_EVERY_S: Final = 1.0
FILAMENT_WITHIN_S: Final = 2.0 * SET_POINTS_EVERY_S
"""One lost answer is borne; a filament that was read longer before kV and mA is unknown."""
FAULTS_EVERY_S: Final = 1.0

_W, _D, _T, _A = Shape.WHOLE, Shape.DECIMAL, Shape.TEXT, Shape.ACK
MODEL: Final = CommaCommand(26, "model", _T, ANY_COUNT)
DSP: Final = CommaCommand(23, "dsp", _T, ANY_COUNT, code_first=True)
HARDWARE: Final = CommaCommand(24, "hardware", _T, ANY_COUNT)
WEB_SERVER: Final = CommaCommand(25, "web server", _T, ANY_COUNT)
FLAG_COUNT: Final = CommaCommand(22, "count of 22", _W, ANY_COUNT, 1)
FLAGS: Final = CommaCommand(22, "flags", _W, 4, 1)
KV: Final = CommaCommand(60, "kv", _W, 1, COUNTS_FULL_SCALE)
MA: Final = CommaCommand(61, "ma", _W, 1, COUNTS_FULL_SCALE)
FILAMENT: Final = CommaCommand(62, "filament", _W, 1, COUNTS_FULL_SCALE, code_first=True)
"""1 to 3 counts are below 4 mA and would be a cold filament: taken for the error that they may be, so that they make no reading younger."""
PROOFS: Final = tuple(
    CommaCommand(row.number, f"{row.name}, proof", _W, 1, COUNTS_FULL_SCALE, code_first=True)
    for row in (KV, MA, FILAMENT)
)
"""Asked before any set-point, until each has been answered with what is no error's code: a device that lacks one of them gets no ON. After that 1 to 3 counts
of kV and mA are values: a converter shows some of nothing, a bleeder draws as little, and in beam they lie below every window."""
FAULTS: Final = CommaCommand(68, "faults", _W, 6, 1)
READ_BACK: Final = (
    CommaCommand(14, "kv set-point", _W, 1, COUNTS_FULL_SCALE),
    CommaCommand(15, "ma set-point", _W, 1, COUNTS_FULL_SCALE),
    CommaCommand(16, "filament limit", _W, 1, COUNTS_FULL_SCALE),
    CommaCommand(17, "filament preheat", _W, 1, COUNTS_FULL_SCALE),
)
WRITES: Final = (
    CommaCommand(10, "set kv", _A),
    CommaCommand(11, "set ma", _A),
    CommaCommand(12, "set filament limit", _A),
    CommaCommand(13, "set filament preheat", _A),
)
CLEAR: Final = Order(CommaCommand(31, "clear faults", _A))
REMOTE: Final = Order(CommaCommand(99, "remote", _A), (1,))
ON: Final = Order(CommaCommand(98, "on", _A), (1,))
OFF: Final = Order(CommaCommand(98, "off", _A), (0,))
IDENTIFY: Final = (MODEL, DSP, FLAG_COUNT)
BOOK: Final = CommaBook(
    name="spellman-dxm",
    errors={1: "out of range or bad format", 2: "interlock open, local mode or bad command", 3: "out of range"},
    unsolicited=frozenset(),
    off_preempts=True,
    fences=(HARDWARE, WEB_SERVER),
)


class Fault(Enum):
    """The flags of CMD 68, in their order."""

    ARC = "arc"
    OVER_TEMPERATURE = "over-temperature"
    OVER_VOLTAGE = "over-voltage"
    UNDER_VOLTAGE = "under-voltage"
    OVER_CURRENT = "over-current"
    UNDER_CURRENT = "under-current"


def polls(setting: GeneratorSetting) -> tuple[Poll, ...]:
    """The round: kV, flags and mA in turn; filament and set-points once a second, faults once a second while one is reported."""
    turnaround_s = setting.turnaround_s
    return (
        Poll(KV.name, 5, 10, turnaround_s),
        Poll(FLAGS.name, 5, 13, turnaround_s),
        Poll(MA.name, 5, 10, turnaround_s),
        Poll(FILAMENT.name, 5, 10, turnaround_s, SET_POINTS_EVERY_S),
        *(Poll(row.name, 5, 10, turnaround_s, SET_POINTS_EVERY_S) for row in READ_BACK),
        Poll(FAULTS.name, 5, 17, turnaround_s, FAULTS_EVERY_S),
    )


def who(setting: GeneratorSetting, said: Mapping[str, Said]) -> Who:
    """The model string names the full scale; the number of status values tells this family from an XRV and a uX."""
    model, firmware = spellman.model_of(said, MODEL), spellman.model_of(said, DSP)
    named = MODEL_WORDS.match(model)
    if MODEL.name in said and (model != setting.model or named is None):
        return Who(
            model, firmware, mismatch=f"model is {model!r}, the configuration says {setting.model!r} (dialect DXM)"
        )
    if len(said) < len(IDENTIFY) or named is None:
        return Who(model, firmware)
    kv, ma = float(named[1]), float(named[2]) / float(named[1])
    count = len(said[FLAG_COUNT.name].numbers)
    wrong = (
        scale_mismatch(kv, setting.full_scale_kv, "kV"),
        scale_mismatch(ma, setting.full_scale_ma, "mA"),
        "" if count == FLAGS.count else f"command 22 answers with {count} values, a DXM with {FLAGS.count}",
    )
    return Who(model, firmware, kv, ma, "; ".join(words for words in wrong if words), complete=True)


def monitor(setting: GeneratorSetting, pieces: Pieces[Said]) -> GeneratorMonitor | None:
    """kV and mA, as old as the older of the two. The filament is asked for once a second and has no date of its own here: NaN, which no rule takes for
    cold, where it was never read or longer than FILAMENT_WITHIN_S before. Set-points as last read (-1: never); their own reading dates them."""
    kv, ma = pieces.get(KV.name), pieces.get(MA.name)
    if kv is None or ma is None:
        return None
    filament = pieces.get(FILAMENT.name)
    newest_s = max(kv.asked_at_s, ma.asked_at_s)
    if filament is not None and newest_s - filament.asked_at_s > FILAMENT_WITHIN_S:
        filament = None
    kv_set, ma_set = (spellman.held_counts(pieces, row) for row in READ_BACK[:2])
    return GeneratorMonitor(
        min(kv.asked_at_s, ma.asked_at_s),
        from_monitor(int(kv.value.numbers[0]), setting.full_scale_kv),
        from_monitor(int(ma.value.numbers[0]), setting.full_scale_ma),
        math.nan if filament is None else from_counts(int(filament.value.numbers[0]), FILAMENT_FULL_SCALE_A),
        kv_set,
        ma_set,
    )


def flags(_setting: GeneratorSetting, pieces: Pieces[Said]) -> GeneratorFlags | None:
    """CMD 22: HV on, interlock 1 = OPEN, fault, remote. No flag says that the inverter is charged."""
    came = pieces[FLAGS.name]
    on, is_open, fault, remote = (number == 1 for number in came.value.numbers)
    names = sheet.fault_names(pieces, FAULTS.name, came.asked_at_s, Fault, fault, 2.0 * FAULTS_EVERY_S)
    return GeneratorFlags(came.asked_at_s, on, not is_open, True, remote, fault, names, is_open)


_KV, _MA, _LIMIT, _PREHEAT = (
    spellman.set_point(BOOK, write, read) for write, read in zip(WRITES, READ_BACK, strict=True)
)

SHEET: Final[Sheet[Order, Said]] = Sheet(
    dialect=partial(CommaDialect, BOOK),
    identify=tuple(Order(row) for row in IDENTIFY),
    who=who,
    # After an AC drop-out it is in local mode, where it refuses 98 (reported by users of the DXM).
    preparations=(
        Preparation(REMOTE, Order(FLAGS), lambda said: "" if said.numbers[3] == 1 else "stays in local mode"),
        *(Preparation(Order(row), None, lambda _said: "") for row in PROOFS),
    ),
    set_points=(_KV, _MA, _LIMIT, _PREHEAT),
    set_point_polls=frozenset(row.name for row in READ_BACK),
    polls=polls,
    fault_polls=frozenset({FAULTS.name}),
    requests={row.name: Order(row) for row in (FLAGS, KV, MA, FILAMENT, FAULTS, *READ_BACK)},
    monitor=monitor,
    monitor_from=frozenset({KV.name, MA.name}),
    flags=flags,
    flags_from=frozenset({FLAGS.name}),
    clear=CLEAR,
    on=ON,
    off=OFF,
    off_b=7,
    longest_reply_b=50,
)

DRIVER: Final = GeneratorDriver(
    name="spellman-dxm",
    words="Spellman DXM (comma protocol, RS-232 or Ethernet 50001): counts of 4095, 98 is HV, interlock 1 = open; no exposure timer, no watchdog found",
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
    unsolicited=(),
    checksum=Checksum.SIX_BIT_SUM,
    faults=Fault,
    decode=partial(
        spellman.decode,
        spellman.names(
            MODEL,
            DSP,
            HARDWARE,
            WEB_SERVER,
            FLAGS,
            KV,
            MA,
            FILAMENT,
            FAULTS,
            *READ_BACK,
            *WRITES,
            CLEAR.command,
            REMOTE.command,
        )
        | {ON.command.number: "high voltage"},
    ),
    not_cold="",
)
