"""Xenocs GeniX3D over Modbus TCP: how a device without a name is told from others, its ramp and its faults, and how answers become readings.
It knows no order of asking (hal/generators/engine.py), no coil's address (genix3d_wire.py) and no rule about the beam; see docs/drivers.md."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import partial
from typing import Final

from hal import modbus
from hal.generators import engine, sheet
from hal.generators.genix3d_wire import (
    BEATS,
    CLOSED_AFTER_S,
    HT,
    IDENTIFY,
    ORDERS,
    ORDERS_AT,
    STATUS,
    STOOD_S,
    TUBE,
    Coil,
    GenixDialect,
    Said,
    decode,
    down,
    fold,
    up,
)
from hal.generators.sheet import Later, Pieces, Preparation, SetPoint, Sheet, Who
from hal.modbus import Question
from hal.poll_plan import Poll
from hal.readings import GeneratorFlags, GeneratorMonitor
from hal.registry import Checksum, GeneratorDriver, GeneratorSetting, Scale
from hal.scaling import scale_mismatch

UNITS_A_KV: Final = 100
UNITS_A_MA: Final = 100
"""Registers 50 and 51 count hundredths of a kV and of a mA, and so do this driver's set-points."""
FULL_POWER: Final = ((50 * UNITS_A_KV, 60), (50 * UNITS_A_KV, 100))
"""kV and mA of the device's own full power, of a 30 W and of a 50 W tube (coil 217)."""
MINUTES_MOST: Final = 59
TENTHS_C_MOST: Final = 1000

WATCH_MOST_S: Final = 5.0
FRESH_S: Final = 0.5
ORDERS_EVERY_S: Final = 0.2
PULSE_S: Final = 0.050
AFTER_OFFS_S: Final = 0.150
"""Longer than the time between two OFFs: what may wait for the last of them."""


class Fault(Enum):
    """What ends a beam and keeps it from starting, in the order of its coils; the interlock lines (229, 230, 235) are none."""

    XRAY_LAMP = "X-ray lamp"
    SHUTTER_LAMP = "shutter lamp"
    SENSOR_2 = "sensor 2"
    TUBE_POSITION = "tube position"
    VACUUM = "vacuum"
    WATER_FLOW = "water flow"
    SAFETY_SHUTTER = "safety shutter"
    TEMPERATURE = "tube temperature"
    SENSOR_1 = "sensor 1"
    FILAMENT = "filament"
    OVERRIDDEN = "safety circuits overridden (key at the back)"
    OTHER = "a fault that none of its coils names"


NAMED: Final = tuple((Coil[fault.name], fault) for fault in Fault if fault is not Fault.OTHER)
EXPLAINED: Final = tuple(Coil(at) for at in range(Coil.XRAY_LAMP, Coil.WARM_UP_NEEDED + 1))
"""Coil 219 sums up these; up without any of them it is a fault without a name."""
POWERED: Final = (Coil.XRAYS_ON, Coil.TO_STANDBY, Coil.RAMPING, Coil.POWERING_DOWN, Coil.WARMING_UP)


def polls(setting: GeneratorSetting) -> tuple[Poll, ...]:
    """Status and kV with mA in turn; five times a second whether an order stands."""
    every_s = {ORDERS.name: ORDERS_EVERY_S}
    return tuple(
        Poll(
            q.name,
            modbus.request_bytes(q, True),
            modbus.reply_bytes(q, True),
            setting.turnaround_s,
            every_s.get(q.name, 0.0),
        )
        for q in (STATUS, HT, ORDERS)
    )


def full_power(status: Said) -> tuple[int, int]:
    """kV and mA, in hundredths, to which this device ramps up by itself: its tube's, by coil 217."""
    return FULL_POWER[status.up(Coil.TUBE_50_W)]


def who(setting: GeneratorSetting, said: Mapping[str, Said]) -> Who:
    """No register tells a name: what passes has this map, a tube of the configured rating, plausible values, and a heartbeat that was watched."""
    status, ht, tube = (said.get(q.name) for q in (STATUS, HT, TUBE))
    model = f"{setting.model} (not told by the device)"
    if status is None:
        return Who(model)
    kv, ma = full_power(status)
    wrong = [
        scale_mismatch(kv / UNITS_A_KV, setting.full_scale_kv, "kV"),
        scale_mismatch(ma / UNITS_A_MA, setting.full_scale_ma, "mA"),
    ]
    if status.up(Coil.SHUTTER_CLOSED) and status.up(Coil.SHUTTER_OPEN):
        wrong.append("coils 236 and 237 call the shutter closed and open")
    if ht is not None and (ht.words[0] > 1.2 * kv or ht.words[1] > 1.2 * ma):
        wrong.append(f"registers 50 and 51 are {ht.words}, above 120 % of {(kv, ma)}")
    if tube is not None and not (0 < tube.words[0] <= TENTHS_C_MOST and tube.words[1] <= MINUTES_MOST):
        wrong.append(f"registers 54 and 55 are {tube.words[:2]}, no temperature and minutes of a tube")
    seen, known = status.seen, len(said) == len(IDENTIFY)
    watched_s = seen.at_s - seen.since_s if known else 0.0
    if watched_s > WATCH_MOST_S and seen.beats < BEATS:
        wrong.append(f"coil 234 does not beat once a second ({seen.beats} beats in {WATCH_MOST_S:.0f} s)")
    mismatch = "; ".join(filter(None, wrong))
    if mismatch:
        return Who(model, mismatch=f"this is no GeniX3D as configured: {mismatch}")
    complete = known and seen.beats >= BEATS and watched_s >= CLOSED_AFTER_S
    return Who(model, "not told by the device", kv / UNITS_A_KV, ma / UNITS_A_MA, complete=complete)


def monitor(_setting: GeneratorSetting, pieces: Pieces[Said]) -> GeneratorMonitor | None:
    """Registers 50 and 51, and the device's own full power as set-points; None, and so an old reading, while the heartbeat stands still."""
    ht, status = pieces.get(HT.name), pieces.get(STATUS.name)
    if ht is None or status is None or not status.value.seen.alive(ht.asked_at_s):
        return None
    kv, ma = ht.value.words
    return GeneratorMonitor(ht.asked_at_s, kv / UNITS_A_KV, ma / UNITS_A_MA, 0.0, *full_power(status.value))


def faults(status: Said) -> tuple[str, ...]:
    """The words of every fault coil that is up, and of coil 219 where none of those that it sums up is."""
    named = [fault.value for coil, fault in NAMED if status.up(coil)]
    if status.up(Coil.FAULTS) and not any(status.up(coil) for coil in EXPLAINED):
        named.append(Fault.OTHER.value)
    return tuple(named)


def interlock_closed(status: Said) -> bool:
    """The loop's coil steady for 3 s, no relay and no door open, and nothing overridden: what is not known is open."""
    lines = (Coil.RELAY_INTERLOCK, Coil.DOOR, Coil.OVERRIDDEN)
    return status.seen.closed and not any(status.up(coil) for coil in lines)


def interlock_open(status: Said) -> bool:
    """A relay or a door seen open, or the loop's coil seen down, in this very answer. A loop that has not been watched for 3 s proves nothing, and no line
    holds anything off whose circuits are overridden."""
    seen = status.up(Coil.RELAY_INTERLOCK) or status.up(Coil.DOOR) or not status.up(Coil.INTERLOCK)
    return seen and not status.up(Coil.OVERRIDDEN)


def flags(_setting: GeneratorSetting, pieces: Pieces[Said]) -> GeneratorFlags | None:
    """Status, old while the heartbeat stands still. Ready: remote, ramp-up possible, warm, sound, off, shutter closed, and no order standing (251 least)."""
    came, orders = pieces[STATUS.name], pieces.get(ORDERS.name)
    status = came.value
    if not status.seen.alive(came.asked_at_s):
        return None
    none_stands = orders is not None and came.asked_at_s - orders.asked_at_s <= FRESH_S and not orders.value.bits
    shut = status.up(Coil.SHUTTER_CLOSED) and not status.up(Coil.SHUTTER_OPEN)
    hv_on = any(status.up(coil) for coil in POWERED)
    remote, named = status.up(Coil.REMOTE), faults(status)
    sound = status.up(Coil.AUTO_OK) and not status.up(Coil.WARM_UP_NEEDED) and not named
    ready = remote and sound and shut and none_stands and not hv_on
    closed, is_open = interlock_closed(status), interlock_open(status)
    return GeneratorFlags(came.asked_at_s, hv_on, closed, ready, remote, bool(named), named, is_open)


def stands(coil: Coil, orders: Said) -> str:
    """Why this order is to be taken down; empty while it is down, is a pulse under way, or X-rays are on (then it is for after the OFF)."""
    if orders.up(Coil.XRAYS) or not orders.stood >> (coil - orders.at) & 1:
        return ""
    return f"coil {coil.value} ({coil.words}) has stood up for {STOOD_S} s: the end of its pulse was lost, or another client left it; it is taken down"


OWN: Final = (
    SetPoint[Question, Said]("kv", None, STATUS, lambda status: full_power(status)[0], FULL_POWER[1][0]),
    SetPoint[Question, Said]("ma", None, STATUS, lambda status: full_power(status)[1], FULL_POWER[1][1]),
)
"""Nothing writes a set-point: the device ramps to its tube's full power, and coil 217 says which that is."""
BY_PULSE: Final = tuple(coil for coil in Coil if coil >= ORDERS_AT and coil not in (Coil.STANDBY, Coil.XRAYS))
ENDS: Final = tuple(Later(AFTER_OFFS_S, down(coil)) for coil in (Coil.OPEN_SHUTTER, Coil.CLOSE_SHUTTER, Coil.RAMP_UP))

SHEET: Final[Sheet[Question, Said]] = Sheet(
    dialect=GenixDialect,
    identify=IDENTIFY,
    watch=STATUS,
    fold=fold,
    who=who,
    set_points=(*OWN, None, None),
    polls=polls,
    requests={q.name: q for q in (STATUS, HT, ORDERS)},
    monitor=monitor,
    monitor_from=frozenset({HT.name}),
    flags=flags,
    flags_from=frozenset({STATUS.name}),
    clear=up(Coil.RESET_FAULTS),
    # It may have come between an OFF and the ends that follow it.
    clear_then=(Later(PULSE_S, down(Coil.RESET_FAULTS)), *ENDS),
    on=up(Coil.XRAYS),
    # The shutter opens while HT is still 0. A 0 is no step: the ends of both pulses are said twice, their beginnings never.
    on_then=(
        Later(0.0, up(Coil.OPEN_SHUTTER)),
        Later(PULSE_S, up(Coil.RAMP_UP)),
        Later(PULSE_S, down(Coil.OPEN_SHUTTER)),
        Later(2 * PULSE_S, down(Coil.RAMP_UP)),
        Later(12 * PULSE_S, down(Coil.OPEN_SHUTTER)),
        Later(12 * PULSE_S, down(Coil.RAMP_UP)),
    ),
    off=down(Coil.XRAYS),
    off_then=(
        Later(0.0, up(Coil.CLOSE_SHUTTER)),
        *ENDS,
    ),
    preparations=tuple(Preparation(down(coil), ORDERS, partial(stands, coil)) for coil in (Coil.STANDBY, *BY_PULSE)),
    off_b=modbus.request_bytes(down(Coil.XRAYS), True),
    longest_reply_b=modbus.reply_bytes(TUBE, True),
)

DRIVER: Final = GeneratorDriver(
    name="genix3d",
    words="Xenocs GeniX3D (Modbus TCP): ramps to its own full power only, says not what it is, no watchdog: bench only; every OFF drops HT under current",
    make=engine.make(SHEET),
    polls=polls,
    worst_age_s=partial(sheet.worst_age_s, SHEET),
    off_s=partial(sheet.off_s, SHEET),
    wires=("tcp",),
    scale=lambda setting: Scale(round(setting.full_scale_kv * UNITS_A_KV), round(setting.full_scale_ma * UNITS_A_MA)),
    set_point_read_back=False,
    exposure_timer=False,
    wire_watchdog_s=None,
    wire_watchdog_least_s=None,
    unsolicited=(),
    checksum=Checksum.TCP,
    faults=Fault,
    decode=decode,
    filament_set_points=False,
    not_cold="its kV and mA are its own and cannot be set, so no mA 0 can be asked of it",
    identifies=False,
    own_set_points=True,
)
