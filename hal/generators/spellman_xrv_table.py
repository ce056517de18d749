"""The XRV's command table: what each number means, how its reply looks, its round of polls and how old their values get.
It sends nothing and remembers nothing."""

from __future__ import annotations

import math
from typing import Final

from hal import poll_plan
from hal.generators.spellman import ANY_COUNT, CommaBook, CommaCommand, Order, Shape
from hal.poll_plan import Poll
from hal.registry import GeneratorSetting
from hal.scaling import COUNTS_FULL_SCALE

FILAMENT_FULL_SCALE_A: Final = 5.0
"""Filament current at 4095 counts of CMD 19's third value."""
MODELS: Final = "XRV"
"""How the model string (CMD 26) of every unit of this dialect begins."""
OFF_REPEAT_S: Final = 0.100
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
IDENTIFY: Final = (MODEL, DSP, SCALING, FLAG_COUNT)
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
FAULT_NAMES: Final = (
    "filament select", "over-temperature approaching", "over-voltage", "under-voltage", "over-current", "under-current",
    "anode over-temperature", "cathode over-temperature", "anode inverter", "cathode inverter", "filament feedback", "anode arc", "cathode arc",
    "anode cable", "cathode cable", "anode AC line", "cathode AC line", "anode DC rail", "cathode DC rail", "-15 V supply", "+15 V supply",
    "watchdog", "board over-temperature", "over-power", "kV difference", "mA difference", "inverter not ready",
)  # fmt: skip
READ_BACK_NAMES: Final = frozenset(row.name for row in READ_BACK)
ORDERS: Final = {row.name: Order(row) for row in (*IDENTIFY, FLAGS, MONITOR, FAULTS, *READ_BACK)}


def polls(setting: GeneratorSetting) -> tuple[Poll, ...]:
    """The round: 19 and 22 in turn, 14 to 17 once a second, 68 once a second while a fault is reported."""
    turnaround_s = setting.turnaround_s
    return (
        Poll(MONITOR.name, 5, 45, turnaround_s),
        Poll(FLAGS.name, 5, 39, turnaround_s),
        *(Poll(row.name, 5, 10, turnaround_s, SET_POINTS_EVERY_S) for row in READ_BACK),
        Poll(FAULTS.name, 5, 59, turnaround_s, FAULTS_EVERY_S),
    )


def worst_age_s(setting: GeneratorSetting) -> dict[str, float]:
    off = Poll("off", OFF_B, 6, setting.turnaround_s, OFF_REPEAT_S)
    ages = poll_plan.plan(setting.baud, (*polls(setting), off), setting.tick_s)
    # The four set-points are one reading, published when the last has come and as old as the first: three more polls, each behind another.
    behind = (
        2 * (len(READ_BACK) - 1) * math.ceil(polls(setting)[0].takes_s(setting.baud) / setting.tick_s) * setting.tick_s
    )
    return {
        "monitor": ages[MONITOR.name],
        "flags": ages[FLAGS.name],
        "set_points": max(ages[row.name] for row in READ_BACK) + behind,
    }


def off_s(setting: GeneratorSetting) -> float:
    """An off waits for no reply, only for the bytes of a request that is leaving."""
    return 2 * OFF_B * poll_plan.BITS_A_CHARACTER / setting.baud if setting.baud else setting.turnaround_s
