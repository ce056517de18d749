"""A generator's sheet: the tables and pure functions that one wire dialect hands to the engine, and what the poll plan says of them.
It sends nothing and remembers nothing; hal/generators/engine.py turns it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from hal import poll_plan
from hal.exchange import Dialect
from hal.poll_plan import Poll
from hal.readings import GeneratorFlags, GeneratorMonitor
from hal.registry import GeneratorSetting

OFF_REPEAT_S: Final = 0.100
"""While an off is wanted it goes out again this often."""

BACKUP_OVER_S: Final = 2
"""A device that counts whole seconds from its own ON may be a second early; the other is for the unit to be first."""

UNNAMED: Final = "fault, not yet named"


class Numbered(Protocol):
    """An answer of whole or decimal numbers."""

    @property
    def numbers(self) -> tuple[float, ...]: ...


Q = TypeVar("Q")
A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)


class Piece(msgspec.Struct, Generic[A_co], frozen=True, gc=False):
    """The latest good answer of one name, and when it was asked for."""

    asked_at_s: float
    value: A_co


Pieces = Mapping[str, Piece[A]]
"""The latest good answers by the name of their request; a name that never answered is missing."""


@dataclass(frozen=True)
class Who:
    """What the answers so far say of the device. `mismatch` ends the identification; without one it goes on until `complete`."""

    model: str = ""
    firmware: str = ""
    full_scale_kv: float = 0.0
    full_scale_ma: float = 0.0
    mismatch: str = ""
    complete: bool = False


@dataclass(frozen=True)
class Preparation(Generic[Q, A]):
    """Something that must hold before any set-point is written: sent, asked back, and judged by `wrong` (empty = it holds).

    Without `read` the answer to `write` is all the proof that this wire has. `hv_off`: it moves a set-point, and waits until high voltage is known to be off.
    """

    write: Q
    read: Q | None
    wrong: Callable[[A], str]
    hv_off: bool = False


@dataclass(frozen=True)
class SetPoint(Generic[Q, A]):
    """One set-point in device counts, 0 to `most` in whole `step`s: how it is written and how its read-back is read.

    `read` None: the answer to the write carries it (an echo). `write` None: it is the device's own, and a plan that differs is refused. `unclear`: its
    read-back from 1 to this cannot be told from a refusal, and no plan may ask for it.
    """

    name: str
    write: Callable[[int], Q] | None
    read: Q | None
    counts: Callable[[A], int]
    most: int
    step: int = 1
    unclear: int = 0


@dataclass(frozen=True)
class Later(Generic[Q]):
    """A request that follows an ON, an OFF or a clearing after a while; an OFF drops what follows the others."""

    after_s: float
    request: Q


SetPoints = tuple[SetPoint[Q, A] | None, SetPoint[Q, A] | None, SetPoint[Q, A] | None, SetPoint[Q, A] | None]
"""kV, mA, filament limit, filament preheat; None: the device has none, and a plan must say 0."""


@dataclass(frozen=True)
class Sheet(Generic[Q, A]):
    """One dialect. Readings are composed of `pieces` by `monitor` and `flags`; a reading is as old as the oldest piece that counts.

    `monitor_from` and `flags_from` name the answers whose coming makes a new reading, `flags_also` those that change the words of the flags and make
    them no younger; `fault_polls` the polls of `polls` that are asked only while the flags report a fault. `off_b` and `longest_reply_b` are the bytes
    of an off and of the longest answer. For what only a row of answers shows (a heartbeat, a blink) `fold` makes of an answer and the one of its name
    before it what is kept, and `watch` is asked again, once all of `identify` has answered, until `who` says complete or mismatch. Of what follows an ON
    or an OFF `follow_most` go in a row, then a round of questions.

    `backup` is the device's own exposure timer in whole seconds: longer than the plan's K1 limit by BACKUP_OVER_S, it is
    written with the set-points, and while it does not read back so none of them counts as known.
    """

    dialect: Callable[[bool], Dialect[Q, A]]
    identify: tuple[Q, ...]
    who: Callable[[GeneratorSetting, Mapping[str, A]], Who]
    set_points: SetPoints[Q, A]
    polls: Callable[[GeneratorSetting], tuple[Poll, ...]]
    requests: Mapping[str, Q]
    monitor: Callable[[GeneratorSetting, Pieces[A]], GeneratorMonitor | None]
    monitor_from: frozenset[str]
    flags: Callable[[GeneratorSetting, Pieces[A]], GeneratorFlags | None]
    flags_from: frozenset[str]
    on: Q
    off: Q
    off_b: int
    longest_reply_b: int
    clear: Q | None = None
    clear_then: tuple[Later[Q], ...] = ()
    on_then: tuple[Later[Q], ...] = ()
    off_then: tuple[Later[Q], ...] = ()
    follow_most: int = 2
    preparations: tuple[Preparation[Q, A], ...] = ()
    fault_polls: frozenset[str] = frozenset()
    set_point_polls: frozenset[str] = frozenset()
    fold: Callable[[str, Piece[A] | None, Piece[A]], A] | None = None
    watch: Q | None = None
    flags_also: frozenset[str] = frozenset()
    backup: SetPoint[Q, A] | None = None


def backup_s(k1_limit_ms: int) -> int:
    """The backup timer of a plan, whole seconds: above the safety unit's own limit, so that it ends only what nothing else did."""
    return -(-k1_limit_ms // 1000) + BACKUP_OVER_S


def fault_names(
    pieces: Mapping[str, Piece[Numbered]],
    name: str,
    flags_at_s: float,
    faults: type[Enum],
    fault: bool,
    fresh_s: float,
    skip: int = 0,
) -> tuple[str, ...]:
    """The words of the flags that an answer called `name` sets, in the Enum's order from its value `skip` on; one not named yet is a fault all the same."""
    if not fault:
        return ()
    named = pieces.get(name)
    if named is None or flags_at_s - named.asked_at_s >= fresh_s:
        return (UNNAMED,)
    return tuple(one.value for one, up in zip(faults, named.value.numbers[skip:], strict=True) if up) or (UNNAMED,)


def off_poll(sheet: Sheet[Q, A], setting: GeneratorSetting) -> Poll:
    """An off that is repeated, as a request of the round."""
    return Poll("off", sheet.off_b, 6, setting.turnaround_s, OFF_REPEAT_S)


def worst_age_s(sheet: Sheet[Q, A], setting: GeneratorSetting) -> dict[str, float]:
    """The oldest that monitor, flags and set_points get, by running the round with an off in between on paper."""
    polls = sheet.polls(setting)
    ages = poll_plan.plan(setting.baud, (*polls, off_poll(sheet, setting)), setting.tick_s)
    free = max((poll for poll in polls if not poll.every_s), key=lambda poll: poll.takes_s(setting.baud))
    ticks = math.ceil(free.takes_s(setting.baud) / setting.tick_s)
    # The set-points are one reading, as old as the first of them: each of the others stands behind a round of the free-running polls.
    free_most = sum(not poll.every_s for poll in polls)
    behind_s = (1 + free_most) * len(sheet.set_point_polls) * ticks * setting.tick_s
    monitor = max(ages[name] for name in sheet.monitor_from)
    flags = max(ages[name] for name in sheet.flags_from)
    points = max((ages[name] for name in sheet.set_point_polls), default=flags)
    return {"monitor": monitor, "flags": flags, "set_points": points + behind_s}


def off_s(sheet: Sheet[Q, A], setting: GeneratorSetting) -> float:
    """An off that may preempt waits for no reply, only for the bytes of a request that is leaving."""
    return 2 * sheet.off_b * poll_plan.BITS_A_CHARACTER / setting.baud if setting.baud else setting.turnaround_s
