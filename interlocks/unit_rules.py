"""Rules about the safety unit and about what was confirmed: its link, scan, boot, timer, relays, latch, lease, and the sets read back (Law 8).
They watch the unit because it watches everything else; what it does alone needs none of them."""

from __future__ import annotations

from typing import Final

from hal.machine import Fitted
from hal.readings import Readings, Relay, UnitCapability, UnitState
from interlocks.look import MONITOR, NO_ACTIVE, NO_SET_POINTS, UNIT, Look, When, fresh
from interlocks.rule import Rule
from interlocks.words import Clears, Terms, Trip

K1_COMMAND: Final = Relay.K1_COMMAND.value
K1_OPEN: Final = Relay.K1_MIRROR_OPEN.value
K2_COMMAND: Final = Relay.K2_COMMAND.value
K2_OPEN: Final = Relay.K2_MIRROR_OPEN.value
LAMPS: Final = Relay.BEAM_LAMP_OK.value | Relay.READY_LAMP_OK.value
K2_FITTED: Final = UnitCapability.K2_FITTED.value
STATES: Final = frozenset(int(state) for state in UnitState)
COMMITTED_STATES: Final = tuple(int(state) for state in (UnitState.COMMITTED, UnitState.ARMED, UnitState.RUN))
PERMITTING_STATES: Final = (int(UnitState.ARMED), int(UnitState.RUN))
MIRROR_S: Final = 0.1
"""A contactor opens within 50 ms; twice that is a weld (design-A1)."""
TIMER_PART: Final = 0.01
TIMER_S: Final = 0.1
SET_POINTS_AGE_S: Final = 2.5
"""Read back once a second while no ON is out; with ON out the monitor carries kV and mA, and the wire is left to it."""


def _link_words(look: Look) -> str:
    link = look.readings.unit_link
    last = "never" if link.last_good_s is None else f"{look.now_s - link.last_good_s:.3f} s ago"
    return f"the safety unit's link is lost; last good reply {last}; {link.last_trouble or 'no trouble named'}"


def _identified(look: Look) -> bool | None:
    identity = look.readings.unit_identity
    return None if identity is None else identity.mismatch == ""


def _identity_words(look: Look) -> str:
    identity = look.readings.unit_identity
    return (
        f"the safety unit is not the configured one: {identity.mismatch if identity is not None else 'no identity yet'}"
    )


def _boot(look: Look) -> bool:
    if look.memory.rebooted:
        return False
    return look.sent.boot_count is None or look.sent.boot_count == look.unit.boot_count


def _boot_words(look: Look) -> str:
    before = "" if look.sent.boot_count is None else f" (armed at count {look.sent.boot_count})"
    return f"the safety unit has restarted: boot count {look.unit.boot_count}{before}"


def _timer(look: Look) -> bool:
    unit_s, host_s = look.dose.unit_beam_s, look.dose.host_beam_s
    return unit_s is not None and host_s is not None and abs(unit_s - host_s) <= max(TIMER_PART * host_s, TIMER_S)


def _beam_words(beam_s: float | None) -> str:
    return "nothing" if beam_s is None else f"{beam_s:.2f} s"


def _timer_words(look: Look) -> str:
    return (
        f"the safety unit counted {_beam_words(look.dose.unit_beam_s)} of beam, this computer {_beam_words(look.dose.host_beam_s)} "
        f"(bound {100 * TIMER_PART:.0f} % or {TIMER_S} s)"
    )


def _k2_fitted(look: Look) -> bool:
    identity = look.readings.unit_identity
    return identity is None or bool(identity.capabilities & K2_FITTED)


def _mirrors(look: Look) -> bool:
    relays = look.unit.relays
    k1 = bool(relays & K1_COMMAND) is not bool(relays & K1_OPEN)
    return k1 and (bool(relays & K2_COMMAND) is not bool(relays & K2_OPEN) or not _k2_fitted(look))


def _mirror_words(look: Look) -> str:
    relays = look.unit.relays
    said = [
        f"{name} told to {'close' if relays & command else 'open'}, mirror says {'open' if relays & opened else 'closed'}"
        for name, command, opened in (("K1", K1_COMMAND, K1_OPEN), ("K2", K2_COMMAND, K2_OPEN))
        if bool(relays & command) is bool(relays & opened)
    ]
    return f"{'; '.join(said)} (bound {MIRROR_S * 1000:.0f} ms to follow)"


def _mirrors_stay(look: Look) -> bool:
    """A contactor had its time to follow; from then on its mirror may not leave the command, not for one look: it persists for nothing."""
    return look.now_s - look.memory.commanded_at_s < MIRROR_S or _mirrors(look)


def _not_latched(look: Look) -> bool:
    return look.unit.state in STATES and look.unit.state != UnitState.LATCHED


def _latched_words(look: Look) -> str:
    if look.unit.state in STATES:
        return f"the safety unit is latched (first cause {look.unit.first_cause})"
    return f"the safety unit's state is {look.unit.state:#06x}, which is none"


def read_back_wrong(readings: Readings, terms: Terms) -> str:
    """What the devices hold and was not confirmed (Law 8), as words; empty when the read-back equals the plan."""
    plan, points, active = terms.plan, readings.set_points or NO_SET_POINTS, readings.active or NO_ACTIVE
    wrong = []
    for name, want, has in (
        ("kV", plan.kv_counts, points.kv_counts),
        ("mA", plan.ma_counts, points.ma_counts),
        ("filament limit", plan.filament_limit_counts, points.filament_limit_counts),
        ("filament preheat", plan.filament_preheat_counts, points.filament_preheat_counts),
    ):
        if want != has:
            wrong.append(f"{name} reads back {has} counts, confirmed {want}")
    if active.active_crc != plan.staging_crc:
        wrong.append(
            f"the active set reads back with CRC {active.active_crc:#010x}, confirmed {plan.staging_crc:#010x}"
        )
    elif not active.crc_ok:
        wrong.append(f"the active set's bytes do not have the CRC {active.active_crc:#010x} that it names")
    elif active.block != plan.staging:
        wrong.append(f"the active set has the confirmed CRC {active.active_crc:#010x}, and other bytes")
    return "; ".join(wrong)


def _equal(look: Look) -> bool | None:
    plan, points, active = look.terms.plan, look.readings.set_points, look.readings.active
    if points is None or active is None:
        return None
    if look.sent.on_at_s is None and not fresh(look.now_s, points.asked_at_s, SET_POINTS_AGE_S):
        return None
    return (
        plan.kv_counts == points.kv_counts
        and plan.ma_counts == points.ma_counts
        and plan.filament_limit_counts == points.filament_limit_counts
        and plan.filament_preheat_counts == points.filament_preheat_counts
        and active.crc_ok
        and active.active_crc == plan.staging_crc
        and active.block == plan.staging
    )


def _held(look: Look) -> bool:
    plan = look.terms.plan
    return look.monitor.kv_set_counts == plan.kv_counts and look.monitor.ma_set_counts == plan.ma_counts


def _held_words(look: Look) -> str:
    plan, monitor = look.terms.plan, look.monitor
    return (
        f"the generator holds kV {monitor.kv_set_counts} and mA {monitor.ma_set_counts} counts, "
        f"confirmed {plan.kv_counts} and {plan.ma_counts}"
    )


def _committed(look: Look) -> bool:
    """ENDED counts only after ARM: before it, it is the last exposure's, whose set may be the same."""
    ended = look.unit.state == UnitState.ENDED and look.sent.armed_at_s is not None
    return (look.unit.state in COMMITTED_STATES or ended) and look.unit.active_crc == look.terms.plan.staging_crc


def _lease(look: Look) -> bool:
    unit = look.unit
    return unit.state in PERMITTING_STATES and unit.token == look.sent.token and unit.lease_left_ms > 0


def _lease_words(look: Look) -> str:
    unit = look.unit
    return (
        f"the safety unit no longer holds the permission: state {unit.state:#06x}, token {unit.token} "
        f"(armed {look.sent.token}), {unit.lease_left_ms} ms of lease left, first cause {unit.first_cause}"
    )


UNIT_RULES: Final = (
    Rule(
        id="unit_link",
        hazards=("fault-L2", "fault-M2", "fault-M3"),
        when=When.ALWAYS,
        needs=UNIT,
        question=lambda look: not look.readings.unit_link.lost,
        wrong=_link_words,
        first="check the safety unit's power and cable",
        trip=Trip.UNIT_LOST,
        stale_trip=Trip.UNIT_LOST,
    ),
    Rule(
        id="unit_identity",
        hazards=("fault-M7",),
        when=When.ALWAYS,
        question=_identified,
        wrong=_identity_words,
        first="connect the safety unit that the rig file names",
        trip=Trip.TRIP_FAULT,
        clears=Clears.BY_SERVICE,
    ),
    Rule(
        id="scan_true",
        hazards=("fault-L8", "design-A13"),
        stands_on=Fitted.SCAN,
        when=When.ALWAYS,
        needs=UNIT,
        question=lambda look: look.readings.scan_true,
        wrong=lambda look: (
            f"the safety unit's scan counter ({look.unit.scan}) does not advance with time (bound 10 % over 100 ms)"
        ),
        first="call service: the safety unit repeats itself",
        trip=Trip.TRIP_FAULT,
        clears=Clears.BY_SERVICE,
    ),
    Rule(
        id="boot_count",
        hazards=("fault-G9", "design-B2"),
        when=When.ALWAYS,
        needs=UNIT,
        question=_boot,
        wrong=_boot_words,
        first="wait for the self-test; if it comes again, check the safety unit's supply",
        trip=Trip.UNIT_REBOOT,
    ),
    Rule(
        id="unit_timer",
        hazards=("fault-G11", "design-B2"),
        stands_on=Fitted.TIMER,
        when=When.TIMED,
        question=_timer,
        wrong=_timer_words,
        first="call service: one of the two clocks is wrong",
        trip=Trip.TRIP_FAULT,
        clears=Clears.BY_SERVICE,
    ),
    Rule(
        id="relay_mirrors",
        hazards=("design-A1", "engineering-G1", "fault-X1"),
        when=When.ALWAYS,
        needs=UNIT,
        question=_mirrors,
        wrong=_mirror_words,
        first="call service: a contactor does not follow its coil",
        persists_for_s=MIRROR_S,
        trip=Trip.TRIP_FAULT,
        clears=Clears.BY_SERVICE,
    ),
    Rule(
        id="mirrors_stay",
        hazards=("fault-X2", "design-A1"),
        when=When.STANDING,
        needs=UNIT,
        question=_mirrors_stay,
        wrong=_mirror_words,
        first="call service: a contactor is slow or its mirror contact is loose",
        trip=Trip.TRIP_FAULT,
        clears=Clears.BY_SERVICE,
    ),
    Rule(
        id="unit_latched",
        hazards=("design-A16",),
        when=When.ALWAYS,
        needs=UNIT,
        question=_not_latched,
        wrong=_latched_words,
        first="read its cause; service clears it with the key in SERVICE",
        trip=Trip.TRIP_FAULT,
        clears=Clears.BY_ITSELF,
    ),
    Rule(
        id="presets_committed",
        hazards=("design-A5", "design-A6"),
        when=When.SET_UP,
        needs=UNIT,
        question=_committed,
        wrong=lambda look: (
            f"the presets are not committed: state {look.unit.state:#06x}, active CRC {look.unit.active_crc:#010x}, "
            f"confirmed {look.terms.plan.staging_crc:#010x}"
        ),
        first="wait until the set-up has been read back",
        clears=Clears.BY_ITSELF,
    ),
    Rule(
        id="read_back",
        hazards=("fault-O2", "fault-M6", "fault-M8", "design-D8"),
        when=When.CONFIRMED,
        question=_equal,
        wrong=lambda look: read_back_wrong(look.readings, look.terms) or "set-points or active set are not read back",
        first="load the fraction again, and read what is shown",
        trip=Trip.TRIP_FAULT,
    ),
    Rule(
        id="active_crc",
        hazards=("fault-O2", "fault-M8", "design-D8"),
        when=When.CONFIRMED,
        needs=UNIT,
        question=lambda look: look.unit.active_crc == look.terms.plan.staging_crc,
        wrong=lambda look: (
            f"the active set has CRC {look.unit.active_crc:#010x}, confirmed {look.terms.plan.staging_crc:#010x}"
        ),
        first="load the fraction again, and read what is shown",
        trip=Trip.TRIP_FAULT,
    ),
    Rule(
        id="set_points_held",
        hazards=("fault-O2", "fault-M8", "fault-G9", "design-D8"),
        when=When.CONFIRMED,
        needs=MONITOR,
        question=_held,
        wrong=_held_words,
        first="load the fraction again, and read what is shown",
        trip=Trip.TRIP_FAULT,
    ),
    Rule(
        id="lease_armed",
        hazards=("design-A3", "Therac-T5"),
        when=When.HELD,
        needs=UNIT,
        question=_lease,
        wrong=_lease_words,
        first="arm again",
        clears=Clears.BY_ITSELF,
    ),
    Rule(
        id="lamp",
        hazards=("accident-A15",),
        stands_on=Fitted.LAMPS,
        when=When.ALWAYS,
        needs=UNIT,
        question=lambda look: look.unit.relays & LAMPS == LAMPS,
        wrong=lambda look: (
            f"a warning lamp does not draw its current (lamp bits {look.unit.relays & LAMPS:#04x}, bound {LAMPS:#04x})"
        ),
        first="replace the lamp",
    ),
)
