"""PTW's UNIDOS Tango and Romeo: command table, status words, flags, what each order asks of the device step by step, and how its replies become readings.
It knows no order of asking (hal/electrometers/engine.py) and no framing (ptw_unidos_wire.py); what no public text says is marked so in docs/drivers.md."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import Enum
from functools import partial
from typing import Final

from msgspec import structs

from hal import poll_plan
from hal.electrometer import (
    ENDED,
    INTEGRATING,
    Hold,
    Interval,
    MeterIdentity,
    MeterInterval,
    MeterOrder,
    MeterRange,
    MeterReading,
    MeterState,
    MeterZero,
    Reset,
    SetRange,
    SetVolts,
    Start,
    Unit,
)
from hal.electrometers.engine import ElectrometerEngine, MeterSheet, Sight, Step
from hal.electrometers.ptw_unidos_wire import Question, Told, UnidosDialect, decode
from hal.errors import Trouble, TroubleKind
from hal.poll_plan import Poll
from hal.registry import Checksum, ElectrometerDriver, ElectrometerSetting

MODELS: Final = ("UNIDOS Tango", "UNIDOS Romeo")
RANGES: Final = ("VERY_LOW", "LOW", "MEDIUM", "HIGH")
INTERVAL_MOST_S: Final = 3_599_999
VOLTS_MOST: Final = 400.0
"""The chamber's voltage can be set no higher, either way: a reply that says more is damaged."""
VOLTS_PROOF_S: Final = 15.0
VOLTS_OFF: Final = 0.02
VOLTS_OFF_LEAST: Final = 2.0
"""The measured voltage may be this far from the set one, and take this long to come. Assumption: nothing of it is published."""
SLOW_EVERY_S: Final = 5.0
PROOF_S: Final = 3.0
"""The longest from an act to the reading that shows it. Assumption: the published client gives a range change one second."""
ZERO_MOST_S: Final = 300.0
"""A zero measurement takes 82 s where it was published."""
LONGEST_REPLY_B: Final = 96

STATES: Final = {
    "RES": MeterState.RESET, "MEAS": MeterState.MEASURING, "HOLD": MeterState.HELD, "INT": MeterState.INTERVAL,
    "INTHLD": MeterState.INTERVAL_HELD, "EOM": MeterState.INTERVAL_HELD, "ZERO": MeterState.ZEROING, "AUTO": MeterState.AUTO,
    "AUTO_MEAS": MeterState.AUTO, "AUTO_HOLD": MeterState.AUTO, "WAIT": MeterState.BUSY, "INIT": MeterState.BUSY,
    "ERROR": MeterState.FAILED, "SELF_TEST": MeterState.TESTING, "TST": MeterState.TESTING,
}  # fmt: skip
TELLING: Final = frozenset({MeterState.RESET, *INTEGRATING, *ENDED})
"""States in which its values mean something."""
PREFIXES: Final = {"f": -15, "p": -12, "n": -9, "µ": -6, "m": -3, "": 0, "k": 3, "M": 6}
TIMEBASES: Final = {"s": 1.0, "min": 60.0, "h": 3600.0}

_NUMBER: Final = r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?"
_SCALE: Final = (r"E[+-]?[0-9]{1,2}", f"[{''.join(PREFIXES)}]?")
_BASE: Final = f"(?:{'|'.join(TIMEBASES)})?"
_TEXT: Final = r"[ -:<-~]{1,32}"
_BOOL: Final = "true|false"

MODEL: Final = Question("identity", "PTW", (_TEXT, r"[A-Z0-9]{1,12}", _TEXT, _TEXT))
SERIAL: Final = Question("serial number", "SER", (r"[0-9]{1,10}",))
VALUE: Final = Question(
    "value", "MV",
    ("|".join(STATES), _NUMBER, *_SCALE, "C|Gy", _NUMBER, *_SCALE, "A|Gy", _BASE, _NUMBER, "ms", _NUMBER, "V", "0x[0-9A-Fa-f]{1,4}"),
)  # fmt: skip
RANGE: Final = Question("range", "MVM", ("|".join(RANGES), _NUMBER, *_SCALE, "A|Gy", _BASE))
INTERVAL: Final = Question("interval", "IT", (r"[0-9]{1,7}",))
ZERO: Final = Question("zero status", "NUS", (r"[A-Za-z][A-Za-z _]{0,23}", _NUMBER, _NUMBER))
VOLTAGE: Final = Question("set voltage's question", "HV", (r"-?[0-9]{1,3}",))
PERMISSION: Final = Question("permission", "TOK;1", (_BOOL,))
ASK_PERMISSION: Final = Question("ask for permission", "TOK", (_BOOL,), acts=True)
START: Final = Question("start", "STA", acts=True)
HOLD: Final = Question("hold", "HLD", acts=True)
RESET: Final = Question("reset", "RES", acts=True)
RUN_INTERVAL: Final = Question("run interval", "INT", acts=True)
FIND_ZERO: Final = Question("find zero", "NUL", acts=True)
IDENTIFY: Final = (MODEL, SERIAL)


def set_range(name: str) -> Question:
    return Question("set range", f"RGE;{name}", acts=True)


def set_interval(seconds: int) -> Question:
    return Question("set interval", f"IT;{seconds}", acts=True)


def set_volts(volts: int) -> Question:
    return Question("set voltage", f"HV;{volts}", acts=True)


WORDS: Final = {
    row.text.split(";")[0]: row.name
    for row in (
        *IDENTIFY, VALUE, RANGE, INTERVAL, ZERO, ASK_PERMISSION, START, HOLD, RESET, RUN_INTERVAL, FIND_ZERO, set_range("LOW"), set_volts(0),
    )
}  # fmt: skip


class Fault(Enum):
    """The flags of a value, bit 0 first."""

    OVERLOAD_RATE = "overload of the current"
    OVERLOAD_INTEGRAL = "overload of the charge"
    HV_RATE = "chamber voltage wrong, in the current"
    HV_INTEGRAL = "chamber voltage wrong, in the charge"
    LOW_RATE = "low signal, in the current"
    LOW_INTEGRAL = "low signal, in the charge"
    LOW_AUTO = "low signal for starting by itself"
    BIT_7 = "flag 7, which the published list does not name"
    SAFETY_RATE = "radiation safety warning, in the current"
    SAFETY_INTEGRAL = "radiation safety warning, in the charge"
    INTERNAL = "a flag of PTW's own"
    UNCALIBRATED = "not calibrated"
    UNNAMED = "a flag above 11, which the published list does not name"
    BEYOND_RANGE = "more than the range can show"


FLAGS: Final = tuple(Fault)[:12]
WARNINGS: Final = frozenset(
    {Fault.LOW_RATE, Fault.LOW_INTEGRAL, Fault.LOW_AUTO, Fault.SAFETY_RATE, Fault.SAFETY_INTEGRAL}
)
"""What takes nothing from a value; any other flag makes both values void."""


def flags_of(bits: int) -> tuple[Fault, ...]:
    """Every flag that is up."""
    named = tuple(flag for place, flag in enumerate(FLAGS) if bits >> place & 1)
    return (*named, Fault.UNNAMED) if bits >> len(FLAGS) else named


def scaled(number: str, exponent: str, prefix: str) -> float | None:
    """A number in its unit. The device gives its power of ten twice, as exponent and as prefix: where they differ, one of them is damaged."""
    power = int(exponent[1:])
    return float(f"{number}e{power}") if PREFIXES[prefix] == power else None


def rate_of(number: str, exponent: str, prefix: str, unit: str, base: str) -> tuple[float, Unit] | None:
    """A current in A (which has no time base), or a dose rate in Gy/s (which has one)."""
    value = scaled(number, exponent, prefix)
    if value is None or (unit == "Gy") is not (base in TIMEBASES):
        return None
    return (value, Unit.AMPERE) if unit == "A" else (value / TIMEBASES[base], Unit.GRAY_PER_S)


def reading(told: Told, asked_at_s: float, in_range: MeterRange | None) -> MeterReading | Trouble:
    """MV as a reading; damaged when its powers of ten or the units of its two values do not fit each other, or the voltage is none of this device's."""
    word, number, exponent, prefix, unit, *rate_fields, elapsed_ms, _ms, volts, _v, bits = told.fields
    integral, rate = scaled(number, exponent, prefix), rate_of(*rate_fields)
    units_fit = rate is not None and (unit == "C") is (rate[1] is Unit.AMPERE)
    if integral is None or rate is None or not units_fit or abs(float(volts)) > VOLTS_MOST:
        return Trouble(TroubleKind.FRAME_BAD, VALUE.name, f"what does not fit together: {';'.join(told.fields)}")
    flags = flags_of(int(bits, 16))
    if in_range is not None and in_range.unit is rate[1] and abs(rate[0]) > in_range.most:
        flags = (*flags, Fault.BEYOND_RANGE)
    state = STATES[word]
    void = tuple(flag.value for flag in flags if flag not in WARNINGS)
    if state not in TELLING:
        void = (*void, f"its state is {word}: {state.value}")
    return MeterReading(
        asked_at_s,
        state,
        None if void else integral,
        Unit.COULOMB if unit == "C" else Unit.GRAY,
        None if void else rate[0],
        rate[1],
        float(elapsed_ms) * 1e-3,
        float(volts),
        void=void,
        warnings=tuple(flag.value for flag in flags if flag in WARNINGS),
    )


def range_of(told: Told, asked_at_s: float) -> MeterRange | Trouble:
    """MVM: the range, and the largest rate that it shows."""
    name, *rate_fields = told.fields
    most = rate_of(*rate_fields)
    if most is None or most[0] <= 0.0:
        return Trouble(TroubleKind.FRAME_BAD, RANGE.name, f"scales or units that do not fit: {';'.join(told.fields)}")
    return MeterRange(asked_at_s, name, *most)


def interval_of(told: Told, asked_at_s: float) -> MeterInterval:
    return MeterInterval(asked_at_s, int(told.fields[0]))


def zero_of(told: Told, asked_at_s: float) -> MeterZero:
    return MeterZero(asked_at_s, told.fields[0], float(told.fields[1]) * 1e-3)


def identity(setting: ElectrometerSetting, said: Mapping[str, Told], asked_at_s: float) -> MeterIdentity | None:
    """Model and serial number must be the configured ones, and the model one of this table's; None until that is known."""
    model = said.get(MODEL.name)
    if model is None:
        return None
    name, type_number, firmware, hardware = model.fields
    known = MeterIdentity(asked_at_s, name, "", f"{type_number} {firmware} {hardware}", "")
    if name != setting.model or name not in MODELS:
        words = f"model is {name!r}, the configuration says {setting.model!r} (this driver: {', '.join(MODELS)})"
        return structs.replace(known, mismatch=words)
    if SERIAL.name not in said:
        return None
    serial = said[SERIAL.name].fields[0]
    same = serial == setting.serial
    words = "" if same else f"serial number is {serial}, the configuration says {setting.serial!r}"
    return structs.replace(known, serial=serial, mismatch=words)


def _state(told: Told) -> MeterState:
    return STATES[told.fields[0]]


def _in(wanted: frozenset[MeterState], done: frozenset[MeterState] = frozenset()) -> Callable[[Told], Sight | str]:
    """Whether the state is one of these; `done`: the order has nothing left to do."""

    def sees(told: Told) -> Sight | str:
        if _state(told) in done:
            return Sight.DONE
        return Sight.SEEN if _state(told) in wanted else f"its state is {told.fields[0]}: {_state(told).value}"

    return sees


def _says(at: int, wanted: str, found: Sight) -> Callable[[Told], Sight | str]:
    return lambda told: found if told.fields[at] == wanted else f"it says {told.fields[at]}, not {wanted}"


def _polarised(volts: int) -> Callable[[Told], Sight | str]:
    """The voltage that is measured at the chamber, not only the one that is set."""

    def sees(told: Told) -> Sight | str:
        measured = float(told.fields[12])
        close = abs(measured - volts) <= max(VOLTS_OFF_LEAST, VOLTS_OFF * abs(volts))
        return Sight.DONE if close else f"it measures {measured:g} V at the chamber, not {volts} V"

    return sees


_RESET: Final = frozenset({MeterState.RESET})
MAY_ACT: Final[tuple[Step[Question, Told], ...]] = (
    Step(ASK_PERMISSION),
    Step(PERMISSION, _says(0, "true", Sight.SEEN), PROOF_S),
)
FROM_RESET: Final[Step[Question, Told]] = Step(VALUE, _in(_RESET), first="reset it")


def steps(order: MeterOrder) -> tuple[Step[Question, Told], ...]:
    """What an order asks of the device, in this order. One measurement is one integration: nothing starts but from RESET."""
    if isinstance(order, Hold):
        look = Step(VALUE, _in(INTEGRATING, ENDED), first="nothing is being measured; start first")
        return (look, *MAY_ACT, Step(HOLD), Step(VALUE, _in(ENDED), PROOF_S))
    if isinstance(order, Reset):
        anything = frozenset(MeterState) - _RESET
        return (Step(VALUE, _in(anything, _RESET)), *MAY_ACT, Step(RESET), Step(VALUE, _in(_RESET), PROOF_S))
    if isinstance(order, SetRange):
        held: Step[Question, Told] = Step(
            RANGE, lambda told: Sight.DONE if told.fields[0] == order.name else Sight.SEEN
        )
        seen = Step(RANGE, _says(0, order.name, Sight.DONE), PROOF_S)
        return (held, FROM_RESET, *MAY_ACT, Step(set_range(order.name)), seen)
    if isinstance(order, SetVolts):
        text = str(order.volts)
        return (
            FROM_RESET, *MAY_ACT, Step(set_volts(order.volts)), Step(VOLTAGE, _says(0, text, Sight.SEEN), PROOF_S),
            Step(VALUE, _polarised(order.volts), VOLTS_PROOF_S, first="look at the chamber's cable and its high voltage"),
        )  # fmt: skip
    if isinstance(order, Start):
        return (FROM_RESET, *MAY_ACT, Step(START), Step(VALUE, _in(frozenset({MeterState.MEASURING})), PROOF_S))
    if isinstance(order, Interval):
        seconds = str(order.seconds)
        return (
            FROM_RESET, *MAY_ACT, Step(set_interval(order.seconds)), Step(INTERVAL, _says(0, seconds, Sight.SEEN), PROOF_S),
            Step(RUN_INTERVAL), Step(VALUE, _in(frozenset({MeterState.INTERVAL, MeterState.INTERVAL_HELD})), PROOF_S),
        )  # fmt: skip
    zeroing = frozenset({MeterState.ZEROING})
    return (
        FROM_RESET, *MAY_ACT, Step(FIND_ZERO), Step(VALUE, _in(zeroing), PROOF_S), Step(VALUE, _in(_RESET), ZERO_MOST_S),
        Step(ZERO, _says(0, "Passed", Sight.SEEN), PROOF_S),
    )  # fmt: skip


def unfit(order: MeterOrder) -> str:
    """Why this order cannot be given to this device; empty if it can."""
    if isinstance(order, Interval) and not 1 <= order.seconds <= INTERVAL_MOST_S:
        return f"{order.seconds} s is outside 1 to {INTERVAL_MOST_S} s; choose another interval"
    if isinstance(order, SetVolts) and abs(order.volts) > VOLTS_MOST:
        return f"{order.volts} V is outside -{VOLTS_MOST:g} to {VOLTS_MOST:g} V; look in the chamber's certificate"
    if isinstance(order, SetRange) and order.name not in RANGES:
        return f"range {order.name!r} is none of its ranges; choose one of {', '.join(RANGES)}"
    return ""


def polls(setting: ElectrometerSetting) -> tuple[Poll, ...]:
    """Value and range in turn, so that no question follows itself and a reply that comes twice is never the next one's; the rest now and then."""
    turnaround_s = setting.turnaround_s
    return (
        Poll(VALUE.name, 4, 80, turnaround_s),
        Poll(RANGE.name, 5, 40, turnaround_s),
        Poll(INTERVAL.name, 4, 12, turnaround_s, SLOW_EVERY_S),
        Poll(ZERO.name, 5, 32, turnaround_s, SLOW_EVERY_S),
    )


def worst_age_s(setting: ElectrometerSetting) -> dict[str, float]:
    """The oldest that each reading gets while orders are carried out too, which take every second turn."""
    order = Poll("order", 12, LONGEST_REPLY_B, setting.turnaround_s)
    ages = poll_plan.plan(setting.baud, (*polls(setting), order), setting.tick_s)
    ticks_s = math.ceil(order.takes_s(setting.baud) / setting.tick_s) * setting.tick_s
    # Two turns more: an order's question may be the poll that was due, and then that one waits.
    return {
        name: ages[poll] + 2 * ticks_s
        for name, poll in (
            ("reading", VALUE.name),
            ("range", RANGE.name),
            ("interval", INTERVAL.name),
            ("zero", ZERO.name),
        )
    }


SHEET: Final[MeterSheet[Question, Told]] = MeterSheet(
    dialect=partial(UnidosDialect, IDENTIFY),
    identify=IDENTIFY,
    identity=identity,
    polls=polls,
    requests={row.name: row for row in (VALUE, RANGE, INTERVAL, ZERO)},
    value=VALUE.name,
    reading=reading,
    range=RANGE.name,
    range_of=range_of,
    interval=INTERVAL.name,
    interval_of=interval_of,
    zero=ZERO.name,
    zero_of=zero_of,
    steps=steps,
    unfit=unfit,
    longest_reply_b=LONGEST_REPLY_B,
)

DRIVER: Final = ElectrometerDriver(
    name="ptw-unidos",
    words="PTW UNIDOS Tango and Romeo (text and echo, serial or TCP 8123): charge or dose, its own interval timer and zero; no checksum",
    make=partial(ElectrometerEngine, SHEET),
    polls=polls,
    worst_age_s=worst_age_s,
    wires=("tty", "pty", "socket", "tcp"),
    units=tuple(Unit),
    ranges=RANGES,
    interval_most_s=INTERVAL_MOST_S,
    zeroes=True,
    needs_permission=True,
    overload="flags of current and charge, and a current above the range's end; the charge stays void until the reset",
    checksum=Checksum.NONE,
    faults=Fault,
    decode=partial(decode, WORDS),
)
