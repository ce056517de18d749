"""The table of named faults: what each says in words, and what it does to the plant, the unit or a wire when it starts and stops.
It knows where every device can break; not what anyone should do about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Protocol

from simulators.plant import Plant
from simulators.supply import OVER_TEMP_ANODE, UNDER_VOLTAGE, Supply
from simulators.wire_faults import MODBUS, TAMPERINGS, TCP, Link, Tampering

NEVER_US = 1 << 62
ARC_EVERY_US = 700_000
LATE_US = 250_000
BOUNCE_US = 4_000
FLAP_US = 300_000
TORN_US = 60_000
WORN_CLOSE_US = 3_000_000
WORN_OPEN_US = 400_000
FLICKER_US = 5_000
RIPPLE_US = 20_000
DRIFT_US = 100_000
JUMP_COUNTS = 1 << 16
BACK_COUNTS = 500
BACK_US = 1_000_000
WRONG_10PA = 9_000
NOTHING_READ = (0, 0, 0)
LINKS = ("generator", "unit", "electrometer")


class Breakable(Protocol):
    """What a fault may do to the safety unit."""

    faults: set[str]

    def reboot(self, now_us: int) -> None:
        """Brown-out: relays open, boot count up, retained memory kept."""


class Tamperable(Protocol):
    """A wire, or a port whose connections are wires, into which a link's tampers can be put."""

    def tampered(self, link: Link) -> None: ...


@dataclass(frozen=True, slots=True)
class Rig:
    """What faults act on."""

    plant: Plant
    unit: Breakable
    links: dict[str, Link]


Act = Callable[[Rig], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """One named fault. `again_us` > 0: `start` is done again this often while it lasts."""

    words: str
    start: Act
    stop: Act
    again_us: int = 0


def _nothing(rig: Rig) -> None:
    """An event leaves nothing to undo."""


def _room(name: str, words: str) -> tuple[str, Fault]:
    return name, Fault(words, lambda rig: rig.plant.room.lay(name), lambda rig: rig.plant.room.lift(name))


def _to_and_fro(name: str, overlay: str, words: str, half_us: int) -> tuple[str, Fault]:
    """An overlay of the room that is laid and lifted in turn."""

    def turn(rig: Rig) -> None:
        (rig.plant.room.lift if overlay in rig.plant.room.broken else rig.plant.room.lay)(overlay)

    return name, Fault(words, turn, lambda rig: rig.plant.room.lift(overlay), half_us)


def _unit(name: str, flag: str, words: str) -> tuple[str, Fault]:
    return name, Fault(words, lambda rig: rig.unit.faults.add(flag), lambda rig: rig.unit.faults.discard(flag))


def _generator(name: str, words: str, **changes: tuple[float, float]) -> tuple[str, Fault]:
    """`changes`: attribute of the supply, or else of its serial face = (value while it lasts, value after)."""

    def put(rig: Rig, which: int) -> None:
        for attribute, values in changes.items():
            part = rig.plant.supply if attribute in Supply.__slots__ else rig.plant.generator
            setattr(part, attribute, values[which])

    return name, Fault(words, lambda rig: put(rig, 0), lambda rig: put(rig, 1))


def _gain(name: str, words: str, which: str, after: Callable[[float], float], again_us: int) -> tuple[str, Fault]:
    """The supply's gain of kV or mA changed again and again; `after` gives the next from the last."""

    def turn(rig: Rig) -> None:
        setattr(rig.plant.supply, which, after(getattr(rig.plant.supply, which)))

    return name, Fault(words, turn, lambda rig: setattr(rig.plant.supply, which, 1.0), again_us)


def _counts(name: str, words: str, change: Callable[[int], int], again_us: int = 0) -> tuple[str, Fault]:
    """The count of channel 1 that a unit keeps, changed at a stroke; on bought I/O, which keeps none, the chamber's pulses."""

    def flip(rig: Rig) -> None:
        kept = getattr(rig.unit, "nv", None)
        if kept is not None:
            kept.counts_1 = change(kept.counts_1)
        else:
            rig.plant.chamber_1.pulses = change(rig.plant.chamber_1.pulses)

    return name, Fault(words, flip, _nothing, again_us)


def _barometer(rig: Rig, pressure_10pa: int, sound: bool) -> None:
    rig.plant.pins.pressure_10pa, rig.plant.pins.pressure_ok = pressure_10pa, sound


def _chambers(name: str, which: tuple[int, ...], words: str, **changes: tuple[float, float]) -> tuple[str, Fault]:
    def put(rig: Rig, place: int) -> None:
        for number in which:
            chamber = rig.plant.chamber_1 if number == 1 else rig.plant.chamber_2
            for attribute, values in changes.items():
                setattr(chamber, attribute, values[place])

    return name, Fault(words, lambda rig: put(rig, 0), lambda rig: put(rig, 1))


def _timer(name: str, words: str, gain: float) -> tuple[str, Fault]:
    """A face with an exposure timer has `timer_gain`, 1.0 when all is well; on others this changes nothing."""

    def put(rig: Rig, value: float) -> None:
        if hasattr(rig.plant.generator, "timer_gain"):
            rig.plant.generator.timer_gain = value

    return name, Fault(words, lambda rig: put(rig, gain), lambda rig: put(rig, 1.0))


def _refused(name: str, commands: tuple[str, ...], code: int, words: str) -> tuple[str, Fault]:
    """Questions that a Spellman supply knows and answers with an error's code; on others, and of commands that it does not have, this changes nothing."""

    def refuse(rig: Rig) -> None:
        if hasattr(rig.plant.generator, "refuses"):
            rig.plant.generator.refuses.update(dict.fromkeys(commands, code))

    def answer(rig: Rig) -> None:
        for command in commands:
            getattr(rig.plant.generator, "refuses", {}).pop(command, None)

    return name, Fault(words, refuse, answer)


def _supply(act: Callable[[Supply], None]) -> Act:
    return lambda rig: act(rig.plant.supply)


def _wire(link: str, row: Tampering) -> tuple[str, Fault]:
    """A tampering on the generator's, the unit's (both its connections) or the electrometer's link."""
    only = " (Modbus TCP)" if row.on == TCP else " (Modbus)" if row.on == MODBUS else ""
    again_us = NEVER_US if row.reset else row.again_us
    return f"{link}-wire-{row.name}", Fault(
        f"on the {link}'s wire {row.words}{only}",
        lambda rig: rig.links[link].lay(row.name),
        lambda rig: rig.links[link].lift(row.name),
        again_us,
    )


def _weld(rig: Rig, which: str, welded: bool) -> None:
    (rig.plant.k1 if which == "K1" else rig.plant.k2).welded = welded


def _k1(name: str, words: str, **changes: tuple[int, int]) -> tuple[str, Fault]:
    """Something about K1 that is worn; `changes`: attribute = (value while it lasts, value after)."""

    def put(rig: Rig, which: int) -> None:
        for attribute, values in changes.items():
            setattr(rig.plant.k1, attribute, values[which])

    return name, Fault(words, lambda rig: put(rig, 0), lambda rig: put(rig, 1))


def _tear(rig: Rig) -> None:
    rig.plant.k1.mirror_torn = not rig.plant.k1.mirror_torn


def _mend_mirror(rig: Rig) -> None:
    rig.plant.k1.mirror_torn = False


def _forget(rig: Rig) -> None:
    """The unit restarts with a memory as it left the workshop; on bought I/O, which has none, it only restarts."""
    kept = getattr(rig.unit, "nv", None)
    if kept is not None:
        fresh = type(kept)()
        for field in fields(fresh):
            setattr(kept, field.name, getattr(fresh, field.name))
    rig.unit.reboot(rig.plant.now_us)


def _drift(rig: Rig, kpa_s: float) -> None:
    rig.plant.pressure_drift_kpa_s = kpa_s


ON = (True, False)
DEAF: dict[str, tuple[float, float]] = {"deaf_to_off": ON, "deaf_to_interlock": ON}

TABLE: dict[str, Fault] = dict(
    (
        _room("door-open", "the door stands open"),
        _room("emergency-stop", "the emergency stop is pressed"),
        _room("key-off", "the key is turned to OFF"),
        _room("key-service", "the key is turned to SERVICE"),
        _room("contact-lost", "the applicator's contact opens while its code still reads"),
        _room("applicator-removed", "the applicator is taken off"),
        _room("applicator-swapped", "another applicator is fitted"),
        _room("filter-missing", "no filter in the beam: about 64 times the dose rate"),
        _room("filter-swapped", "another filter is in the beam"),
        _room("switch-released", "the beam-on switch is let go"),
        _room("switch-stuck", "the beam-on switch stays closed"),
        _room("contact-channel-disagrees", "channel B of the door contact is broken open while channel A is closed"),
        _room("test-pulse-lost", "the unit no longer sees the test pulse on its input loop"),
        _room("lamp-open", "the beam lamp's filament is open"),
        _to_and_fro("lamp-flickers", "lamp-open", "the beam lamp's filament is loose: open for 5 ms, again each 10 ms", FLICKER_US),
        _room("door-contact-stuck", "the door stands open and the unit's contact of it stays closed; the wired chain has a contact of its own"),
        _room("applicator-code-lies", "another applicator is fitted and reads as the one that was there"),
        _to_and_fro("door-bounces", "door-open", "the door's contact opens for 4 ms, again each 8 ms", BOUNCE_US),
        _to_and_fro("door-flaps", "door-open", "the door opens and closes, 0.3 s each", FLAP_US),
        _chambers("chamber-1-dead", (1,), "chamber 1 gives no signal", gain=(0.0, 1.0)),
        _chambers("chamber-2-dead", (2,), "chamber 2 gives no signal", gain=(0.0, 1.0)),
        _chambers("chambers-low", (1, 2), "both chambers read 4.5 % low", gain=(0.955, 1.0)),
        _chambers("chambers-drift", (1, 2), "both chambers lose 2 % of their gain each second", drift_per_s=(-0.02, 0.0)),
        _chambers("chamber-1-drift", (1,), "chamber 1 loses 0.5 % of its gain each second", drift_per_s=(-0.005, 0.0)),
        _chambers("chamber-saturated", (1,), "chamber 1's converter stands at its ceiling", jammed=(True, False)),
        _chambers("chamber-supply-lost", (1, 2), "the chambers' high tension is gone", ht=(False, True), gain=(0.05, 1.0)),
        _counts("chamber-1-jumps", "a bit of the unit's count of channel 1 flips: 65536 counts too many", lambda counts: counts + JUMP_COUNTS),
        _counts("chamber-1-back", "the unit's count of channel 1 goes back by up to 500, each second", lambda counts: max(0, counts - BACK_COUNTS), BACK_US),
        _chambers("leakage-high", (1, 2), "both chambers leak 40 counts a second", extra_leak_ms=(0.04, 0.0)),
        ("k1-welded", Fault("K1 welds: once closed it stays closed", lambda rig: _weld(rig, "K1", True), lambda rig: _weld(rig, "K1", False))),
        _k1("k1-closes-late", "K1's main contact follows its coil 3 s late", close_late_us=(WORN_CLOSE_US, 0)),
        _k1("k1-opens-late", "K1's main contact hangs: it opens 400 ms late", open_late_us=(WORN_OPEN_US, 0)),
        ("k1-mirror-flickers", Fault("K1's mirror contact is loose: read open for 60 ms and right for 60 ms in turn", _tear, _mend_mirror, TORN_US)),
        ("k2-welded", Fault("K2 welds: once closed it stays closed", lambda rig: _weld(rig, "K2", True), lambda rig: _weld(rig, "K2", False))),
        _generator("off-command-ignored", "the supply ignores the off command", deaf_to_off=ON),
        _generator("off-ignored", "the supply ignores off command and interlock line: only K2 ends it", **DEAF),
        _generator("hv-spontaneous", "the supply turns HV on by itself whenever its inverter has power", spontaneous=ON, **DEAF),
        _generator(
            "hv-on-at-start", "HV is on with K2 bypassed: only the mains switch (stop of this fault) ends it",
            spontaneous=ON, power_bypassed=ON, **DEAF,
        ),
        _generator("filament-open", "the filament is broken: no electrons", filament_on=(False, True)),
        _gain("kv-ripple", "kV swings between 4 % too high and 4 % too low, 20 ms each", "kv_gain", lambda gain: 0.96 if gain > 1.0 else 1.04, RIPPLE_US),
        _gain("kv-creeps", "kV rises by 0.5 % of itself each 100 ms", "kv_gain", lambda gain: min(1.3, gain * 1.005), DRIFT_US),
        _gain("ma-drifts", "mA falls by 1 % of itself each 100 ms", "ma_gain", lambda gain: max(0.3, gain * 0.99), DRIFT_US),
        ("beam-lost", Fault("the supply drops HV without a fault flag", _supply(lambda g: g.drop("lost")), _nothing, again_us=10_000)),
        ("arc", Fault("the tube arcs, again each 0.7 s while it lasts", lambda rig: rig.plant.tube.arc(), _nothing, again_us=ARC_EVERY_US)),
        (
            "generator-fault",
            Fault("the supply trips on under-voltage", _supply(lambda g: g.trip(UNDER_VOLTAGE, "under-voltage")), _nothing, again_us=10_000),
        ),
        _generator("generator-silent", "the supply's cable is out: nothing heard, nothing answered", silent=ON),
        _generator("generator-garbled", "each answer of the supply has one byte changed", garbled=ON),
        _generator("generator-late", "the supply answers 250 ms late", late_us=(LATE_US, 0)),
        (
            "generator-hot",
            Fault(
                "the supply trips on its anode's temperature",
                _supply(lambda g: g.trip(OVER_TEMP_ANODE, "anode over temperature")), _nothing, again_us=10_000,
            ),
        ),
        (
            "generator-rebooted",
            Fault("the supply's logic restarts and loses its set-points", lambda rig: rig.plant.generator.reboot(rig.plant.now_us), _nothing),
        ),
        _generator("set-point-ignored", "the supply acknowledges set-points and does not take them", set_points_stick=ON),
        _refused("kv-query-refused", ("60",), 2, "a DXM answers the question for its kV with error 2"),
        _refused("ma-query-refused", ("61",), 2, "a DXM answers the question for its mA with error 2"),
        _refused("filament-query-refused", ("62",), 2, "a DXM answers the question for its filament's current with error 2"),
        _refused("set-point-query-refused", ("14", "15", "16", "17"), 2, "a Spellman supply answers the questions for its set-points with error 2"),
        _refused("watchdog-query-refused", ("28",), 1, "an XRB011 answers the question for its watchdog's time with error 1, an XRV that for its scaling"),
        _generator("kv-high", "kV regulates 5 % high", kv_gain=(1.05, 1.0)),
        _generator("kv-low", "kV regulates 5 % low", kv_gain=(0.95, 1.0)),
        _generator("ma-high", "mA regulates 8 % high", ma_gain=(1.08, 1.0)),
        _generator("ma-low", "mA regulates 8 % low", ma_gain=(0.92, 1.0)),
        _generator(
            "ma-reads-low", "the supply's mA shunt has drifted: 10 % more flows than is read, and read as set",
            ma_gain=(1.1, 1.0), ma_read_gain=(1.0 / 1.1, 1.0),
        ),
        (
            "readback-frozen",
            Fault("the supply's analog read-backs stand still", _supply(lambda g: g.freeze(True)), _supply(lambda g: g.freeze(False))),
        ),
        (
            "readback-off",
            Fault(
                "the supply's analog read-backs show nothing, whatever it does",
                _supply(lambda g: g.freeze(True, NOTHING_READ)), _supply(lambda g: g.freeze(False)),
            ),
        ),
        _generator("kv-overshoot", "kV stands 15 % too high (for a short time: --for)", kv_gain=(1.15, 1.0)),
        _generator("kv-undershoot", "kV stands 15 % too low (for a short time: --for)", kv_gain=(0.85, 1.0)),
        _generator("hv-never-rises", "the supply takes ON, says so, and makes no kV", kv_gain=(0.0, 1.0)),
        _timer("generator-timer-early", "the generator's own exposure timer, if it has one, runs twice too fast", 2.0),
        _timer("generator-timer-late", "the generator's own exposure timer, if it has one, runs at half its speed", 0.5),
        _timer("generator-timer-never", "the generator's own exposure timer, if it has one, stands still", 0.0),
        _unit("unit-silent", "silent", "the unit swallows every request"),
        _unit("unit-garbled", "garbled", "the unit's answers are garbled"),
        _unit("unit-timer-slow", "timer-slow", "the unit's exposure timer runs 3 % slow"),
        _unit("unit-timer-dead", "timer-dead", "the unit's exposure timer stands still: no time preset, no backup by time"),
        _unit("unit-lease-dead", "lease-dead", "the unit's lease never lapses"),
        _unit("unit-count-limit-dead", "count-limit-dead", "neither count limit of the unit acts, and its self-test of them never ends"),
        _unit("unit-scan-frozen", "scan-frozen", "the unit answers from a scan that stands still"),
        _unit("unit-mirror-lies", "mirror-lies", "the unit reports its contactors' mirrors inverted"),
        _unit("unit-clock-fast", "clock-fast", "the unit's clock runs 8 % fast: scan, timers, lease and windows with it"),
        _unit("unit-clock-slow", "clock-slow", "the unit's clock runs 8 % slow: scan, timers, lease and windows with it"),
        _unit("unit-cause-lost", "cause-lost", "the unit says that it ended an exposure and names no cause"),
        ("unit-memory-lost", Fault("the unit browns out and its memory comes back empty", _forget, _nothing)),
        ("unit-rebooted", Fault("the unit browns out and restarts", lambda rig: rig.unit.reboot(rig.plant.now_us), _nothing)),
        (
            "barometer-wrong",
            Fault(
                "the barometer reads 90 kPa, and says that it is sound",
                lambda rig: _barometer(rig, WRONG_10PA, True), lambda rig: _barometer(rig, round(rig.plant.pressure_kpa * 100.0), True),
            ),
        ),
        (
            "barometer-lost",
            Fault(
                "the barometer's sensor is broken and says so",
                lambda rig: _barometer(rig, 0, False), lambda rig: _barometer(rig, round(rig.plant.pressure_kpa * 100.0), True),
            ),
        ),
        ("pressure-drift", Fault("the room's pressure falls 0.1 kPa each second", lambda rig: _drift(rig, -0.1), lambda rig: _drift(rig, 0.0))),
        *(_wire(link, row) for link in LINKS for row in TAMPERINGS.values()),
    )
)  # fmt: skip


class Faults:
    """Starts and stops named faults on one rig; `next_us` is when `step` has something to do."""

    __slots__ = ("_again_us", "_ends_us", "_plant", "_rig", "_table", "next_us")

    def __init__(self, plant: Plant, unit: Breakable, unit_wires: tuple[Tamperable, ...] = (), seed: int = 1) -> None:
        links = {name: Link(lambda: plant.now_us, seed * 16 + place) for place, name in enumerate(LINKS)}
        plant.generator_line.tampered(links["generator"])
        for wire in unit_wires:
            wire.tampered(links["unit"])
        self._table = TABLE
        self._rig = Rig(plant, unit, links)
        self._plant = plant
        self._ends_us: dict[str, int] = {}
        self._again_us: dict[str, int] = {}
        self.next_us = NEVER_US

    def plug(self, link: str, wire: Tamperable) -> None:
        """One more wire of a link, for a device that not every world has."""
        wire.tampered(self._rig.links[link])

    def learn(self, more: dict[str, Fault]) -> None:
        """Faults of a thing that not every world has."""
        self._table = self._table | more

    def names(self) -> list[str]:
        """Every fault there is, in the table's order."""
        return list(self._table)

    def words(self, name: str) -> str:
        """What the fault is, in words."""
        return self._find(name).words

    def active(self) -> list[str]:
        """The faults that last now."""
        return list(self._ends_us)

    def start(self, name: str, for_us: int | None = None) -> None:
        """Start a fault for `for_us` (None = until stopped); one that lasts already only gets a new end."""
        fault = self._find(name)
        if for_us is not None and for_us <= 0:
            raise ValueError(f"fault {name!r} for {for_us} us: a fault lasts more than 0 us")
        now = self._plant.now_us
        known = name in self._ends_us
        self._ends_us[name] = NEVER_US if for_us is None else now + for_us
        if not known:
            self._plant.log.append((now, "fault", f"{name} starts"))
            fault.start(self._rig)
            if fault.again_us:
                self._again_us[name] = now + fault.again_us
        self._plan()

    def stop(self, name: str) -> None:
        """End a fault; one that does not last is left alone."""
        fault = self._find(name)
        if name not in self._ends_us:
            return
        del self._ends_us[name]
        self._again_us.pop(name, None)
        self._plant.log.append((self._plant.now_us, "fault", f"{name} stops"))
        fault.stop(self._rig)
        for other in self._ends_us:  # two faults may have bent the same thing; those that last are laid on again
            if not self._table[other].again_us and self._table[other].stop is not _nothing:
                self._table[other].start(self._rig)
        self._plan()

    def step(self, now_us: int) -> None:
        """Do what is due at `now_us`."""
        for name in [name for name, ends in self._ends_us.items() if ends <= now_us]:
            self.stop(name)
        for name in [name for name, due in self._again_us.items() if due <= now_us]:
            self._table[name].start(self._rig)
            self._again_us[name] = now_us + self._table[name].again_us
        self._plan()

    def _plan(self) -> None:
        self.next_us = min((*self._ends_us.values(), *self._again_us.values()), default=NEVER_US)

    def _find(self, name: str) -> Fault:
        fault = self._table.get(name)
        if fault is None:
            raise ValueError(f"no fault is called {name!r}; known: {', '.join(self._table)}")
        return fault
