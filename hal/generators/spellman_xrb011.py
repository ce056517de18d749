"""The Spellman XRB011, an 80 kV monoblock: set-points in 0.1 kV and 1 uA, 99 is high voltage, 98 only asks, and 28 is its wire watchdog, set to 1 s.
It knows no order of asking (hal/generators/engine.py); what the public pages leave open is marked as an assumption here and in docs/drivers.md."""

from __future__ import annotations

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
from hal.scaling import scale_mismatch

MODELS: Final = "XRB011"
FULL_SCALE_KV: Final = 80.0
TENTHS_MOST: Final = 800
MICROAMPS_MOST: Final = 20_000
WATCHDOG_S: Final = 1
"""The shortest that command 28 takes; the factory's is 5 s."""
PROOF_S: Final = 3
"""Set and asked for before the 1 s: neither an error's code nor the factory's. Whoever answers it answers with what it holds, and not with error 1."""
SET_POINTS_EVERY_S: Final = 1.0
FAULTS_EVERY_S: Final = 1.0

_W, _T, _A = Shape.WHOLE, Shape.TEXT, Shape.ACK
MODEL: Final = CommaCommand(26, "model", _T, ANY_COUNT)
FIRMWARE: Final = CommaCommand(23, "firmware", _T, ANY_COUNT, code_first=True)
HARDWARE: Final = CommaCommand(24, "hardware", _T, ANY_COUNT)
RUN_HOURS: Final = CommaCommand(21, "hours", Shape.DECIMAL, 1)
FLAG_COUNT: Final = CommaCommand(22, "count of 22", _W, ANY_COUNT, 1)
FLAGS: Final = CommaCommand(22, "flags", _W, 3, 1)
"""HV on, interlock 1 = OPEN, fault: assumption, as the uX's of the same years."""
XRAY: Final = CommaCommand(98, "x-ray status", _W, 1, 1)
MEASURED: Final = CommaCommand(19, "measured", _W, 3, 65_535)
"""kV in tenths, uA, filament mA: assumption from the units of 10 and 11."""
FAULTS: Final = CommaCommand(68, "faults", _W, 7, 1)
WATCHDOG: Final = CommaCommand(28, "watchdog", _W, 1, 10)
"""Only `28,n,` is published, with `$` or an error's code for an answer; that 28 without a number tells the time is an assumption. A refusal `28,1,` reads as
the 1 s that is wanted, so PROOF_S is set and asked for first (`WATCHDOG_PROOF`). A device that cannot be asked so gets no set-point and no ON."""
WATCHDOG_PROOF: Final = CommaCommand(28, "watchdog, proof", _W, 1, 10)
READ_BACK: Final = (
    CommaCommand(14, "kv set-point", _W, 1, TENTHS_MOST),
    CommaCommand(15, "ma set-point", _W, 1, MICROAMPS_MOST),
)
WRITES: Final = (CommaCommand(10, "set kv", _A), CommaCommand(11, "set ua", _A))
CLEAR: Final = Order(CommaCommand(31, "clear faults", _A))
SET_PROOF: Final = Order(CommaCommand(28, "set watchdog, proof", _A), (PROOF_S,))
SET_WATCHDOG: Final = Order(CommaCommand(28, "set watchdog", _A), (WATCHDOG_S,))
ON: Final = Order(CommaCommand(99, "on", _A), (1,))
OFF: Final = Order(CommaCommand(99, "off", _A), (0,))
IDENTIFY: Final = (MODEL, FIRMWARE, FLAG_COUNT)
BOOK: Final = CommaBook(
    name="spellman-xrb011",
    errors={1: "not received whole", 2: "not recognised, out of range or locked"},
    unsolicited=frozenset(),
    off_preempts=True,
    fences=(XRAY, RUN_HOURS, HARDWARE),
)


class Fault(Enum):
    """The flags of CMD 68, in their order (assumption: the DXM's six and the watchdog's)."""

    ARC = "arc"
    OVER_TEMPERATURE = "over-temperature"
    OVER_VOLTAGE = "over-voltage"
    UNDER_VOLTAGE = "under-voltage"
    OVER_CURRENT = "over-current"
    UNDER_CURRENT = "under-current"
    WATCHDOG = "watchdog"


def polls(setting: GeneratorSetting) -> tuple[Poll, ...]:
    """The round: measured values and flags in turn; set-points and the watchdog's time once a second."""
    turnaround_s = setting.turnaround_s
    return (
        Poll(MEASURED.name, 5, 22, turnaround_s),
        Poll(FLAGS.name, 5, 11, turnaround_s),
        *(Poll(row.name, 5, 11, turnaround_s, SET_POINTS_EVERY_S) for row in READ_BACK),
        Poll(WATCHDOG.name, 5, 8, turnaround_s, SET_POINTS_EVERY_S),
        Poll(FAULTS.name, 5, 19, turnaround_s, FAULTS_EVERY_S),
    )


def who(setting: GeneratorSetting, said: Mapping[str, Said]) -> Who:
    """The model string is the only proof of units: 10 counts tenths of a kV here and 4095ths of full scale on all the others."""
    model, firmware = spellman.model_of(said, MODEL), spellman.model_of(said, FIRMWARE)
    if MODEL.name in said and (model != setting.model or not model.startswith(MODELS)):
        words = f"model is {model!r}, the configuration says {setting.model!r} (dialect {MODELS})"
        return Who(model, firmware, mismatch=words)
    if len(said) < len(IDENTIFY):
        return Who(model, firmware)
    count = len(said[FLAG_COUNT.name].numbers)
    wrong = (
        scale_mismatch(FULL_SCALE_KV, setting.full_scale_kv, "kV"),
        "" if count == FLAGS.count else f"command 22 answers with {count} values, an XRB011 with {FLAGS.count}",
    )
    mismatch = "; ".join(words for words in wrong if words)
    return Who(model, firmware, FULL_SCALE_KV, setting.full_scale_ma, mismatch, complete=True)


def monitor(_setting: GeneratorSetting, pieces: Pieces[Said]) -> GeneratorMonitor | None:
    """Tenths of a kV, uA and mA of filament to kV, mA and A."""
    came = pieces[MEASURED.name]
    tenths, microamps, filament_ma = came.value.numbers
    kv_set, ma_set = (spellman.held_counts(pieces, row) for row in READ_BACK)
    return GeneratorMonitor(came.asked_at_s, tenths / 10.0, microamps / 1000.0, filament_ma / 1000.0, kv_set, ma_set)


def flags(_setting: GeneratorSetting, pieces: Pieces[Said]) -> GeneratorFlags | None:
    """CMD 22; the XRB011 has no local mode and says nothing of its inverter."""
    came = pieces[FLAGS.name]
    on, is_open, fault = (number == 1 for number in came.value.numbers)
    names = sheet.fault_names(pieces, FAULTS.name, came.asked_at_s, Fault, fault, 2.0 * FAULTS_EVERY_S)
    return GeneratorFlags(came.asked_at_s, on, not is_open, True, True, fault, names, is_open)


def _proof_wrong(said: Said) -> str:
    held_s = int(said.numbers[0])
    return (
        ""
        if held_s == PROOF_S
        else f"the wire watchdog was set to {PROOF_S} s, and asked for it the device says {held_s}: its time, or an error's code; no beam without it, have "
        "the device's interface looked at"
    )


def _watchdog_wrong(said: Said) -> str:
    held_s = int(said.numbers[0])
    return (
        ""
        if held_s == WATCHDOG_S
        else f"the wire watchdog is {held_s} s, wanted {WATCHDOG_S} s; unlock its configuration (userconfig) and set it"
    )


_KV, _MA = (spellman.set_point(BOOK, write, read) for write, read in zip(WRITES, READ_BACK, strict=True))

SHEET: Final[Sheet[Order, Said]] = Sheet(
    dialect=partial(CommaDialect, BOOK),
    identify=tuple(Order(row) for row in IDENTIFY),
    who=who,
    preparations=(
        Preparation(SET_PROOF, Order(WATCHDOG_PROOF), _proof_wrong),
        Preparation(SET_WATCHDOG, Order(WATCHDOG), _watchdog_wrong),
    ),
    set_points=(_KV, _MA, None, None),
    set_point_polls=frozenset(row.name for row in READ_BACK),
    polls=polls,
    fault_polls=frozenset({FAULTS.name}),
    requests={row.name: Order(row) for row in (FLAGS, MEASURED, WATCHDOG, FAULTS, *READ_BACK)},
    monitor=monitor,
    monitor_from=frozenset({MEASURED.name}),
    flags=flags,
    flags_from=frozenset({FLAGS.name}),
    clear=CLEAR,
    on=ON,
    off=OFF,
    off_b=7,
    longest_reply_b=50,
)

DRIVER: Final = GeneratorDriver(
    name="spellman-xrb011",
    words="Spellman XRB011 80 kV monoblock (comma protocol, RS-232): 0.1 kV and 1 uA, 99 is HV; wire watchdog of 1 s; no exposure timer",
    make=engine.make(SHEET),
    polls=polls,
    worst_age_s=partial(sheet.worst_age_s, SHEET),
    off_s=partial(sheet.off_s, SHEET),
    wires=("tty", "pty", "socket", "tcp"),
    scale=lambda setting: Scale(round(setting.full_scale_kv * 10.0), round(setting.full_scale_ma * 1000.0)),
    set_point_read_back=True,
    exposure_timer=False,
    wire_watchdog_s=float(WATCHDOG_S),
    wire_watchdog_least_s=1.0,
    unsolicited=(),
    checksum=Checksum.SIX_BIT_SUM,
    faults=Fault,
    decode=partial(
        spellman.decode,
        spellman.names(
            MODEL,
            FIRMWARE,
            HARDWARE,
            RUN_HOURS,
            FLAGS,
            XRAY,
            MEASURED,
            FAULTS,
            WATCHDOG,
            *READ_BACK,
            *WRITES,
            CLEAR.command,
        )
        | {ON.command.number: "high voltage"},
    ),
    filament_set_points=False,
)
