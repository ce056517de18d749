"""The Spellman XRV: its command table, who it must say it is before 98 may be sent, and how its replies become readings.
It knows no order of asking (hal/generators/engine.py) and no rule about the beam."""

from __future__ import annotations

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

FILAMENT_FULL_SCALE_A: Final = 5.0
"""Filament current at 4095 counts of CMD 19's third value."""
MODELS: Final = "XRV"
"""How the model string (CMD 26) of every unit of this dialect begins."""
SET_POINTS_EVERY_S: Final = 1.0
FAULTS_EVERY_S: Final = 1.0
LONGEST_REPLY_B: Final = 70
"""CMD 68: number, 27 flags, checksum and frame, with some room."""
OFF_B: Final = 7

_W, _D, _T, _A = Shape.WHOLE, Shape.DECIMAL, Shape.TEXT, Shape.ACK
MODEL: Final = CommaCommand(26, "model", _T, ANY_COUNT)
DSP: Final = CommaCommand(23, "dsp", _T, 2)
SCALING: Final = CommaCommand(28, "scaling", _D, 3)
FLAG_COUNT: Final = CommaCommand(22, "count of 22", _W, ANY_COUNT, 1)
FLAGS: Final = CommaCommand(22, "flags", _W, 17, 1)
MONITOR: Final = CommaCommand(19, "monitor", _W, 8, COUNTS_FULL_SCALE)
FAULTS: Final = CommaCommand(68, "faults", _W, 27, 1)
FPGA: Final = CommaCommand(43, "fpga", _T, 2)
RUN_HOURS: Final = CommaCommand(21, "hours", _D, 1)
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
ON: Final = Order(CommaCommand(98, "on", _A), (1,))
OFF: Final = Order(CommaCommand(98, "off", _A), (0,))
IDENTIFY: Final = (MODEL, DSP, FLAG_COUNT, SCALING)
BOOK: Final = CommaBook(
    name="spellman-xrv",
    errors={
        1: "out of range or bad format",
        2: "interlock open or bad command",
        3: "out of range",
        4: "packet overrun",
        5: "memory",
    },
    unsolicited=frozenset(),
    off_preempts=True,
    fences=(RUN_HOURS, FPGA),
)


class Fault(Enum):
    """The flags of CMD 68, in their order."""

    FILAMENT_SELECT = "filament select"
    OVER_TEMPERATURE_NEAR = "over-temperature approaching"
    OVER_VOLTAGE = "over-voltage"
    UNDER_VOLTAGE = "under-voltage"
    OVER_CURRENT = "over-current"
    UNDER_CURRENT = "under-current"
    ANODE_OVER_TEMPERATURE = "anode over-temperature"
    CATHODE_OVER_TEMPERATURE = "cathode over-temperature"
    ANODE_INVERTER = "anode inverter"
    CATHODE_INVERTER = "cathode inverter"
    FILAMENT_FEEDBACK = "filament feedback"
    ANODE_ARC = "anode arc"
    CATHODE_ARC = "cathode arc"
    ANODE_CABLE = "anode cable"
    CATHODE_CABLE = "cathode cable"
    ANODE_AC_LINE = "anode AC line"
    CATHODE_AC_LINE = "cathode AC line"
    ANODE_DC_RAIL = "anode DC rail"
    CATHODE_DC_RAIL = "cathode DC rail"
    SUPPLY_MINUS_15_V = "-15 V supply"
    SUPPLY_PLUS_15_V = "+15 V supply"
    WATCHDOG = "watchdog"
    BOARD_OVER_TEMPERATURE = "board over-temperature"
    OVER_POWER = "over-power"
    KV_DIFFERENCE = "kV difference"
    MA_DIFFERENCE = "mA difference"
    INVERTER_NOT_READY = "inverter not ready"


def polls(setting: GeneratorSetting) -> tuple[Poll, ...]:
    """The round: 19 and 22 in turn, 14 to 17 once a second, 68 once a second while a fault is reported."""
    turnaround_s = setting.turnaround_s
    return (
        Poll(MONITOR.name, 5, 45, turnaround_s),
        Poll(FLAGS.name, 5, 39, turnaround_s),
        *(Poll(row.name, 5, 10, turnaround_s, SET_POINTS_EVERY_S) for row in READ_BACK),
        Poll(FAULTS.name, 5, 59, turnaround_s, FAULTS_EVERY_S),
    )


def who(setting: GeneratorSetting, said: Mapping[str, Said]) -> Who:
    """Model string, number of flags and full scale must all be those of this profile; 28 comes last, for another device's 28 sets its watchdog."""
    model, firmware = spellman.model_of(said, MODEL), spellman.model_of(said, DSP)
    if MODEL.name in said and (model != setting.model or not model.startswith(MODELS)):
        words = f"model is {model!r}, the configuration says {setting.model!r} (dialect {MODELS})"
        return Who(model, firmware, mismatch=words)
    shape = said.get(FLAG_COUNT.name)
    if shape is not None and len(shape.numbers) != FLAGS.count:
        words = f"command 22 answers with {len(shape.numbers)} values, an XRV with {FLAGS.count}"
        return Who(model, firmware, mismatch=words)
    if len(said) < len(IDENTIFY):
        return Who(model, firmware)
    kv, ma, _polarity = said[SCALING.name].numbers
    wrong = (scale_mismatch(kv, setting.full_scale_kv, "kV"), scale_mismatch(ma, setting.full_scale_ma, "mA"))
    return Who(model, firmware, kv, ma, "; ".join(words for words in wrong if words), complete=True)


def monitor(setting: GeneratorSetting, pieces: Pieces[Said]) -> GeneratorMonitor | None:
    """CMD 19. In remote mode its places 4 and 5 are the idle panel's; what the set-points are then is what 14 and 15 said."""
    came = pieces[MONITOR.name]
    kv, ma, filament, kv_set, ma_set = (int(n) for n in came.value.numbers[:5])
    flags = pieces.get(FLAGS.name)
    if flags is None or flags.value.numbers[5] == 0:
        held = [pieces.get(row.name) for row in READ_BACK[:2]]
        kv_set, ma_set = (
            idle if piece is None else int(piece.value.numbers[0])
            for piece, idle in zip(held, (kv_set, ma_set), strict=True)
        )
    return GeneratorMonitor(
        came.asked_at_s,
        from_monitor(kv, setting.full_scale_kv),
        from_monitor(ma, setting.full_scale_ma),
        from_counts(filament, FILAMENT_FULL_SCALE_A),
        kv_set,
        ma_set,
    )


def flags(_setting: GeneratorSetting, pieces: Pieces[Said]) -> GeneratorFlags | None:
    """CMD 22, with the names that 68 gave if it was asked since this fault can have been reported."""
    came = pieces[FLAGS.name]
    flag = came.value.numbers
    fault = flag[4] == 1
    lines = (flag[1], flag[2], flag[16])
    closed, is_open = all(line == 1 for line in lines), any(line == 0 for line in lines)
    names = sheet.fault_names(pieces, FAULTS.name, came.asked_at_s, Fault, fault, 2.0 * FAULTS_EVERY_S)
    return GeneratorFlags(came.asked_at_s, flag[0] == 1, closed, flag[15] == 1, flag[5] == 0, fault, names, is_open)


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
    requests={row.name: Order(row) for row in (FLAGS, MONITOR, FAULTS, *READ_BACK)},
    monitor=monitor,
    monitor_from=frozenset({MONITOR.name}),
    flags=flags,
    flags_from=frozenset({FLAGS.name}),
    clear=CLEAR,
    on=ON,
    off=OFF,
    off_b=OFF_B,
    longest_reply_b=LONGEST_REPLY_B,
)

DRIVER: Final = GeneratorDriver(
    name="spellman-xrv",
    words="Spellman XRV (comma protocol, RS-232 or Ethernet 50001): kV, mA and filament in counts of 4095; no exposure timer, no usable watchdog",
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
        spellman.names(MODEL, DSP, SCALING, FLAGS, MONITOR, FAULTS, FPGA, RUN_HOURS, *READ_BACK, *WRITES, CLEAR.command)
        | {ON.command.number: "high voltage"},
    ),
    not_cold="",
)
