"""The words of a reference electrometer: what it may be asked to do, the states it can be in, and its readings, each with the time at which it was asked for.
It knows no wire and no device; what becomes of a charge (air, polarity, N_K) is for calibration/formulas.py."""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec


class Unit(Enum):
    """Units of a reading; every value is in these, without a prefix."""

    COULOMB = "C"
    GRAY = "Gy"
    AMPERE = "A"
    GRAY_PER_S = "Gy/s"


class MeterState(Enum):
    """What an electrometer does now."""

    RESET = "reset, nothing integrated"
    MEASURING = "integrating"
    HELD = "held"
    INTERVAL = "integrating for its set time"
    INTERVAL_HELD = "its set time is over, or it was held in it"
    ZEROING = "finding its zero"
    AUTO = "waiting for a signal by itself"
    TESTING = "testing itself"
    BUSY = "starting or busy"
    FAILED = "failed"


INTEGRATING: Final = frozenset({MeterState.MEASURING, MeterState.INTERVAL})
ENDED: Final = frozenset({MeterState.HELD, MeterState.INTERVAL_HELD})


class Start(msgspec.Struct, frozen=True, tag="start"):
    """Integrate from now until held."""


class Interval(msgspec.Struct, frozen=True, tag="interval"):
    """Integrate for this long by the electrometer's own clock."""

    seconds: int


class Hold(msgspec.Struct, frozen=True, tag="hold"):
    """End the integration and keep its value."""


class Reset(msgspec.Struct, frozen=True, tag="reset"):
    """Throw the value away; the next start begins at nothing."""


class Zero(msgspec.Struct, frozen=True, tag="zero"):
    """Measure the zero anew, without beam; this takes its time."""


class SetRange(msgspec.Struct, frozen=True, tag="set_range"):
    """Measure in this range, by the device's own name for it."""

    name: str


class SetVolts(msgspec.Struct, frozen=True, tag="set_volts"):
    """Polarise the chamber with this voltage, of either sign; its charge needs a while to settle, which is for whoever asks."""

    volts: int


MeterOrder = Start | Interval | Hold | Reset | Zero | SetRange | SetVolts


class MeterIdentity(msgspec.Struct, frozen=True, gc=False):
    """What the electrometer says it is; `mismatch` is empty when it is the configured one, by model and serial number."""

    asked_at_s: float
    model: str
    serial: str
    firmware: str
    mismatch: str


class MeterReading(msgspec.Struct, frozen=True, gc=False):
    """One measured value. `integral` (C or Gy) and `rate` (A or Gy/s) are None where they mean nothing; `void` then says why, in words.

    `settled`: the integration has ended and two replies in a row said the same. `elapsed_s` is the device's own measuring time, `uncertainty` that of
    the integral (or, without one, of the rate) in its unit at k = 1 where it was told; `warnings` are words that take nothing away.
    """

    asked_at_s: float
    state: MeterState
    integral: float | None
    integral_unit: Unit | None
    rate: float | None
    rate_unit: Unit | None
    elapsed_s: float | None = None
    chamber_v: float | None = None
    settled: bool = False
    void: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    uncertainty: float | None = None


class MeterRange(msgspec.Struct, frozen=True, gc=False):
    """The range it measures in, by its own name, and the largest rate that this can show."""

    asked_at_s: float
    name: str
    most: float
    unit: Unit


class MeterInterval(msgspec.Struct, frozen=True, gc=False):
    """How long an Interval is set to last, read back."""

    asked_at_s: float
    seconds: int


class MeterZero(msgspec.Struct, frozen=True, gc=False):
    """The last or the running zero measurement: the device's own word for it, and how long it still takes."""

    asked_at_s: float
    words: str
    left_s: float


class MeterDone(msgspec.Struct, frozen=True, gc=False):
    """The last order that was carried out, and when the reply that proves it was asked for."""

    asked_at_s: float
    order: MeterOrder
