"""Every fault id of the fault model, with the injections that show it on a virtual rig, and how long a beam may last after each.
It knows what must come of a fault; how one is done stands in verification/injections.py, how it is judged in verification/matrix.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from controller.states import State
from simulators.faults import TABLE
from simulators.wire_faults import TAMPERINGS
from verification import injections as do
from verification.injections import PARTS, Act, Injection, again, begin, mend, no_more, nothing
from verification.rigs import Choice
from verification.scenarios import EMPTY_S, FALL_S, Means
from verification.times import T1_S
from verification.virtual import WALL_S

POLL_S: Final = 0.05
"""How old a reading may be at best, and the tick in which something was asked before the fault."""
OFF_S: Final = T1_S + FALL_S + POLL_S
"""T1 from the event to the off bytes, and the fall of the high voltage."""
STEADY_S: Final = 0.2 + OFF_S
"""A window that is judged over 200 ms at most."""
CROSS_S: Final = 0.5 + OFF_S
"""A cross-check of two sources."""
SECOND_S: Final = 1.0 + OFF_S
"""No dose, no counts: within a second."""
T3_S: Final = Means().silence_off_s + EMPTY_S
"""The host is silent: the unit's lease, its contactor, and the cable."""
TIMER_S: Final = 1.5 + OFF_S
"""Two clocks that are 8 % apart differ by 0.1 s after 1.25 s of beam."""
DESK_S: Final = 2.0 + OFF_S
JOURNAL_S: Final = 0.5 + 0.1 + OFF_S
K2_S: Final = 2 * T1_S + 0.5 + EMPTY_S + FALL_S
"""Off is ignored: K2 opens at t2."""
CABLE_S: Final = 3.0
"""Without emission nothing but the divider discharges the cable: high voltage stays for seconds, and STUCK_ON says so."""
BACK_EVERY_S: Final = 1.0
"""How often a count goes back; what it stands at between two strokes is as true as ever."""
K1_RELEASE_S: Final = 0.015
"""A wired chain that is open for less lets no contactor go: the coils have current again before K1 opens, and nobody else sees this door."""
BEAM: Final = (State.STARTING, State.IRRADIATING)
NO_BEAM: Final = tuple(at for at in State if at not in (*BEAM, State.STOPPING))
WITH_BEAM: Final = (*BEAM, State.STOPPING)
IN_EXPOSURE: Final = (State.READY, *BEAM, State.STOPPING)
SEIFERT: Final = Choice(generator="seifert-3003")
RTU: Final = Choice(unit_wire="rtu")

UNPROVED: Final = (State.INTERRUPTED, State.FAULT, State.STUCK_ON)
"""Where the generator cannot be heard, or goes on saying the kilovolts of the beam, off may not be provable, and STUCK_ON is right (docs/states.md)."""


def named(*names: str, off_s: float | None = None, **more: Any) -> Injection:
    """Named faults of the simulated world; the first gives its name and words."""
    return Injection(names[0], TABLE[names[0]].words, begin(*names), mend(*names), off_s, **more)


def host(name: str, words: str, start: Act, stop: Act, off_s: float | None = T3_S, **more: Any) -> Injection:
    """Something that happens to the process: the unit's lease ends the beam, whatever becomes of the host."""
    usual: dict[str, Any] = {"ends": (State.SELF_TEST, State.STANDBY, State.FAULT, State.INTERRUPTED), "latches": True}
    return Injection(name, words, start, stop, off_s, **(usual | more))


def desk(name: str, words: str, start: Act, stop: Act = nothing, off_s: float | None = None, **more: Any) -> Injection:
    """What people do at the desk and the switch."""
    usual: dict[str, Any] = {"ends": (State.INTERRUPTED,)}
    return Injection(name, words, start, stop, off_s, **(usual | more))


LINKS: Final = {"generator": "comma", "unit": "tcp"}
"""Whose frames the example rig's wires carry."""
BORNE: Final = frozenset(
    {
        "generator-wire-dropped", "generator-wire-request-lost", "generator-wire-late-once", "generator-wire-reset",
        "generator-wire-split", "generator-wire-echo", "generator-wire-stale", "generator-wire-not-applied",
        "unit-wire-dropped", "unit-wire-request-lost", "unit-wire-late-once",
        "unit-wire-duplicated", "unit-wire-echo", "unit-wire-noise", "unit-wire-noise-after", "unit-wire-break", "unit-wire-not-applied",
    }
)  # fmt: skip
"""One lost reply; frames in parts and echoes, which are known for what they are; what TCP brings between two replies; read-backs that stand still at
what is true; writes that nobody makes in beam. Everything else ends the beam."""
UNFELT: Final = frozenset({"generator-wire-split"})
"""Both parts of a reply have come before the next look at the wire; pieces at every offset are tests/hal's."""
SLOWLY_S: Final = {
    "generator-wire-break": 1.5 + OFF_S,
    "generator-wire-foreign-master": 1.5 + OFF_S,
    "unit-wire-split": 3.0 + OFF_S,
}
"""A break each 41 ms does harm when one meets a reply; another master's set-point shows when set-points are read again, once a second; replies that
miss their slot crowd out the slow block, whose rules then have nothing to stand on."""


def _wires(fault_id: str) -> tuple[Injection, ...]:
    """All tamperings of this id on both wires; the first on each wire is played in every state, the others where there is beam."""
    made: list[Injection] = []
    for link, frames in LINKS.items():
        rows = [row for row in TAMPERINGS.values() if row.ids == fault_id and frames in row.on]
        for place, row in enumerate(rows):
            name = f"{link}-wire-{row.name}"
            off_s = None if name in BORNE else SLOWLY_S.get(name, OFF_S)
            # a reset is an event: the connection that comes after it is a sound one
            event = row.reset and off_s is not None
            one = named(name, off_s=off_s, ends=UNPROVED, unfelt=name in UNFELT, latches=event, once=event)
            made.append(one if place == 0 else replace(one, only=BEAM))
    return tuple(made)


def _rtu(*names: str) -> tuple[Injection, ...]:
    """The same lie on a wire whose replies say nothing of their request."""
    return tuple(
        replace(named(f"unit-wire-{name}", off_s=OFF_S + 0.1, ends=UNPROVED), name=f"rtu-{name}", choice=RTU, only=BEAM)
        for name in names
    )


def _hosts_end(fault_id: str) -> tuple[Injection, ...]:
    """H4, H7 and H8: at every call site of the tick; the first is played in every state, the others in the exposure."""
    made = []
    for place, part in enumerate(("", *PARTS) if fault_id == "H4" else PARTS):
        if fault_id == "H4":
            words = f"kill -9 {'within a tick, at ' + part if part else 'between two ticks'}"
            one = host(f"killed-{part or 'between'}", words, do.kill(part), do.restart)
        elif fault_id == "H7":
            one = host(f"raises-{part}", f"an exception escapes {part}", do.raise_in(part), do.restart)
        else:
            one = host(f"hangs-{part}", f"the process hangs in {part}", do.hang(part), do.end_hanging)
        made.append(one if place == 0 else replace(one, only=IN_EXPOSURE))
    return tuple(made)


FAULT_IDS: Final[dict[str, tuple[Injection, ...]]] = {
    **{fault_id: _wires(fault_id) for fault_id in ("L1", "L2", "L3", "L4", "L5", "L6", "L7", "L8", "L9")},
    "L2": (*_wires("L2"), *(named(f"{link}-silent", off_s=OFF_S, ends=UNPROVED, only=BEAM) for link in LINKS)),
    "L3": (*_wires("L3"), *(named(f"{link}-garbled", off_s=OFF_S, ends=UNPROVED, only=BEAM) for link in LINKS)),
    "L5": (*_wires("L5"), *_rtu("duplicated")),
    "L6": (*_wires("L6"), *_rtu("late"), named("generator-late", off_s=OFF_S, ends=UNPROVED, only=BEAM)),
    "L7": (*_wires("L7"), *_rtu("swapped", "another-reply")),
    "L8": (*_wires("L8"), *_rtu("stuck")),
    "L9": (*_wires("L9"), *_rtu("wrong-unit")),
    "L10": (*_wires("L10"), replace(named("readback-frozen", ends=UNPROVED), only=BEAM)),
    "L11": (*_wires("L11"), replace(_rtu("echo")[0], off_s=None), *_rtu("loopback")),
    "L12": _wires("L12"),
    "L13": _wires("L13"),
    "L14": (*_wires("L14"), *_rtu("noise")),
    "L15": (),
    **{fault_id: _wires(fault_id) for fault_id in ("M1", "M2", "M3", "M4", "M5", "M6", "M7", "M8")},
    "M6": (*_wires("M6"), named("set-point-ignored")),
    "G1": (
        named("kv-high", off_s=STEADY_S),
        named("kv-low", off_s=STEADY_S, only=BEAM),
        named("kv-overshoot", off_s=OFF_S, only=BEAM),
        named("kv-undershoot", off_s=OFF_S, only=BEAM),
        named("kv-ripple", only=BEAM),
        named("kv-creeps", off_s=SECOND_S, only=BEAM),
    ),
    "G2": (
        named("ma-high", off_s=STEADY_S + 0.2),
        named("ma-low", off_s=STEADY_S + 0.2, only=BEAM),
        named("ma-drifts", off_s=SECOND_S, only=BEAM),
    ),
    "G3": (named("arc", off_s=OFF_S, latches=True),),
    "G4": (
        named("generator-fault", off_s=OFF_S, latches=True),
        named("generator-hot", off_s=OFF_S, latches=True, only=BEAM),
        named("filament-open", off_s=CABLE_S, ends=UNPROVED),
    ),
    "G5": (
        named("off-ignored", ends=UNPROVED),
        named("off-command-ignored", ends=UNPROVED),
        named("k1-welded", ends=UNPROVED),
        named("k2-welded", ends=UNPROVED, only=(*IN_EXPOSURE, State.STANDBY)),
    ),
    "G6": (
        named("hv-spontaneous", off_s=K2_S, ends=UNPROVED, only=NO_BEAM),
        replace(named("hv-spontaneous", ends=UNPROVED, only=(*BEAM, State.STOPPING)), name="hv-stays-on"),
        named("hv-on-at-start", ends=UNPROVED, only=(State.SELF_TEST,), from_start=True, stray=True),
    ),
    "G7": (named("readback-frozen", ends=UNPROVED),),
    "G8": (named("readback-off", off_s=CROSS_S, ends=UNPROVED),),
    "G9": (
        # pressed in READY before the loss is noticed, no high voltage comes and no chamber counts: nothing proves off until the supply is back
        named("generator-rebooted", off_s=OFF_S, latches=True, once=True, ends=UNPROVED),
        named("unit-rebooted", off_s=OFF_S, latches=True, once=True),
    ),
    "G10": (
        named("hv-never-rises", off_s=SECOND_S, ends=UNPROVED),
        named("beam-lost", off_s=OFF_S, latches=True, only=BEAM),
    ),
    "G11": (
        named("unit-timer-slow", off_s=None, termination="time"),
        named("unit-timer-dead", only=(State.SELF_TEST, *BEAM)),
        named("unit-count-limit-dead", only=(State.SELF_TEST, *BEAM)),
        named("generator-timer-early", choice=SEIFERT, only=BEAM),
        named("generator-timer-late", choice=SEIFERT, only=BEAM),
        named("generator-timer-never", choice=SEIFERT, only=BEAM),
    ),
    "D1": (
        named("chamber-1-dead", off_s=SECOND_S, over_part=0.03),
        named("chamber-2-dead", off_s=SECOND_S, over_part=0.03, only=BEAM),
        named("chamber-supply-lost", off_s=OFF_S, over_part=0.03, only=BEAM),
    ),
    "D2": (named("chamber-1-drift", over_part=0.03),),
    "D3": (
        named("chambers-low", over_part=0.05),
        named("chambers-drift", over_part=0.05, only=BEAM),
    ),
    "D4": (
        named("chamber-saturated", off_s=OFF_S, over_part=0.03, ends=UNPROVED),
        named("chamber-1-jumps", off_s=OFF_S, latches=True, once=True, over_part=0.03, only=BEAM),
    ),
    "D5": (
        Injection("counters-wrap", "the counters of chambers and scan wrap at 2^32", do.wrap_soon, nothing, from_start=True, only=BEAM),
        named("chamber-1-back", off_s=OFF_S, latches=True, over_part=0.03, every_s=BACK_EVERY_S),
    ),
    "D6": (named("leakage-high", over_part=0.03, ends=UNPROVED),),
    "D7": (
        named("barometer-wrong"),
        named("barometer-lost", only=(State.STANDBY, State.PREPARATORY, State.READY, *BEAM)),
        named("pressure-drift", only=(State.STANDBY, State.READY, *BEAM)),
    ),
    "D8": (
        named("unit-scan-frozen", off_s=OFF_S),
        replace(named("unit-wire-dropped"), name="samples-lost", only=BEAM),
    ),
    "I1": (
        named("door-open", off_s=OFF_S, latches=True),
        named("contact-lost", off_s=OFF_S, latches=True, only=(State.READY, *BEAM)),
    ),
    "I2": (named("door-bounces", off_s=OFF_S, latches=True),),
    "I3": (
        named("door-contact-stuck", off_s=OFF_S, latches=True, shortest_s=K1_RELEASE_S),
        named("switch-stuck", only=(State.STANDBY, State.PREPARATORY, State.READY, State.IRRADIATING)),
    ),
    "I4": (named("door-flaps", off_s=OFF_S, latches=True),),
    "I5": (named("contact-channel-disagrees", off_s=OFF_S),),
    "I6": (named("test-pulse-lost", off_s=0.1 + OFF_S),),
    "I7": (named("applicator-code-lies", rate_times=1.2, unseen=True),),
    "I8": (
        named("applicator-removed", off_s=OFF_S, latches=True),
        named("applicator-swapped", off_s=OFF_S, latches=True, rate_times=1.2, only=(State.STANDBY, State.READY, *BEAM)),
        named("filter-missing", off_s=OFF_S, latches=True, rate_times=64.0, only=(State.STANDBY, State.READY, *BEAM)),
        named("filter-swapped", off_s=OFF_S, latches=True, rate_times=2.0, only=(State.STANDBY, State.READY, *BEAM)),
    ),
    "I9": (named("emergency-stop", off_s=OFF_S, latches=True),),
    "I10": (named("key-off", off_s=OFF_S, latches=True),),
    "H1": (
        Injection("wall-forward", "the wall clock goes forward by an hour", do.wall(3600.0), do.wall(0.0)),
        Injection("wall-back", "the wall clock goes back by an hour", do.wall(-3600.0), do.wall(0.0)),
        Injection("wall-1970", "the wall clock says 1970", do.wall(-WALL_S), do.wall(0.0), only=(State.STANDBY, *BEAM)),
        Injection("wall-2038", "the wall clock says February 2038", do.wall(2.149e9 - WALL_S), do.wall(0.0), only=(State.STANDBY, *BEAM)),
    ),
    "H2": (
        host("stalls", "the process stands still and goes on", do.freeze, do.thaw, latches=False),
        host("stutters", "the process stands still for 60 ms, twice a second", do.stutter, no_more("stutter"), None, latches=False),
    ),
    "H3": (host("stopped", "SIGSTOP, while the switch is pressed, and SIGCONT", do.freeze_pressing, do.thaw, latches=False),),
    "H4": _hosts_end("H4"),
    "H5": (
        Injection("recorder-dead", "the recorder is killed", do.kill_recorder, do.start_recorder, JOURNAL_S),
        desk("desk-dead", "the operator's program is killed", do.leave, do.come_back, DESK_S),
    ),
    "H6": (
        host("starved", "each tick begins 25 ms late", do.late_by(25_000), no_more("late"), CROSS_S, latches=False),
        Injection("desk-flooded", "two hundred packets a tick at the desk", again("flood", do.flood_desk), no_more("flood")),
    ),
    "H7": _hosts_end("H7"),
    "H8": _hosts_end("H8"),
    "H9": (),
    "H10": (
        host("throttled", "each tick begins 12 ms late", do.late_by(12_000), no_more("late"), CROSS_S, latches=False),
        host("mains-lost", "the mains fail: host, recorder, unit and generator are dark", do.mains_off, do.mains_on, OFF_S),
    ),
    "S1": (
        Injection("disk-full", "the recorder's disk is full", do.disk_fails("ENOSPC"), do.disk_mended, JOURNAL_S),
        Injection("disk-dead", "each call of the recorder's disk fails", do.disk_fails("EIO"), do.disk_mended, JOURNAL_S, only=IN_EXPOSURE),
        Injection("disk-read-only", "the recorder's disk takes no write any more", do.disk_fails("EROFS"), do.disk_mended, JOURNAL_S, only=IN_EXPOSURE),
        Injection("disk-quota", "the recorder's quota is used up", do.disk_fails("EDQUOT"), do.disk_mended, JOURNAL_S, only=IN_EXPOSURE),
    ),
    "S2": (Injection("sync-stalls", "the recorder's disk does not answer", do.stall, do.unstall, JOURNAL_S),),
    "S3": (
        host("power-cut", "the power goes, and what was not synced with it", do.mains_off, do.mains_on, OFF_S, only=(State.ARMING, *IN_EXPOSURE)),
    ),
    "S4": (),
    "S5": (),
    "S6": (desk("certificate-of-another", "a fraction for an applicator that is not certified", do.ask_all(*do.ANOTHERS[2:3])),),
    "S7": (),
    "S8": (
        Injection("journal-cut", "the journal's tail is cut off", do.spoil_tail, do.restore_journal, JOURNAL_S, only=WITH_BEAM),
        Injection("journal-cut-at-rest", "the journal's tail is cut off", do.spoil_tail, do.restore_journal, only=NO_BEAM),
        Injection("journal-bit", "a bit of the journal flips", do.spoil_bit, do.restore_journal, JOURNAL_S, only=BEAM),
    ),
    "O1": (
        desk("double-confirm", "every offer is confirmed four times", again("confirm", do.confirm_again), no_more("confirm")),
        desk("double-press", "the beam-on switch is hammered", do.mash_switch, do.let_go),
    ),
    "O2": (desk("edit", "unload, load another dose and confirm the old one, in one breath", do.edit_and_load, off_s=OFF_S, latches=True, once=True),),
    "O3": (desk("stop-start", "STOP and start 20 times a second", do.mash_stop, do.let_go, OFF_S, latches=True),),
    "O4": (host("power-cycle", "the computer is switched off and on in the middle of a treatment", do.computer_off, do.computer_on),),
    "O5": (desk("resume-of-another", "a resume of another patient, dose, applicator and plan", again("resume", do.one_of(do.ANOTHERS)), no_more("resume")),),
    "O6": (desk("two-consoles", "a second console asks for everything, each tick", again("other", do.other_console), do.other_gone),),
    "O7": (desk("console-lost", "nothing comes from the console any more", do.starve_desk, do.feed_desk, DESK_S),),
    "O8": (desk("out-of-range", "doses that are none: NaN, infinite, negative", again("bad", do.one_of(do.OUT_OF_RANGE)), no_more("bad")),),
    "O9": (desk("proceed", "reset, retest and resume are hammered", again("proceed", do.one_of(do.PROCEED)), no_more("proceed")),),
    "O10": (desk("unattended", "the operator has gone; somebody without a lease says STOP", do.leave_and_stop, do.come_back, OFF_S, latches=True, once=True),),
    "O11": (named("key-service", off_s=OFF_S, latches=True),),
    "X1": (named("k1-closes-late", ends=UNPROVED, only=(State.READY,)),),
    "X2": (named("k1-mirror-flickers", off_s=OFF_S, latches=True, ends=UNPROVED, only=(State.STANDBY, State.READY, *BEAM)),),
    "X3": (
        named("unit-clock-fast", off_s=TIMER_S, only=BEAM),
        named("unit-clock-slow", off_s=TIMER_S, only=BEAM),
        replace(named("unit-clock-slow", off_s=TIMER_S, termination="time", only=BEAM), name="unit-clock-slow-timed"),
    ),
    "X4": (
        named("ma-reads-low", over_part=0.05, ends=UNPROVED, only=BEAM),
        replace(named("ma-reads-low", termination="time", only=BEAM), name="ma-reads-low-timed"),
    ),
    "X5": (named("lamp-flickers", off_s=OFF_S, latches=True, only=(State.READY, *BEAM)),),
    "X6": (named("unit-memory-lost", off_s=OFF_S, latches=True, once=True, only=(State.STANDBY, State.READY, *BEAM)),),
    "X7": (named("k1-opens-late", ends=UNPROVED, only=(*BEAM, State.STOPPING)),),
    "X8": (
        named("unit-cause-lost", only=(State.IRRADIATING,)),
        replace(named("door-open", "unit-cause-lost", off_s=OFF_S, latches=True, only=BEAM), name="door-without-cause"),
    ),
    "X9": (
        Injection("presses-wrap", "the unit has counted 65535 presses since its last restart", do.many_presses, nothing, from_start=True, only=(State.READY,)),
    ),
    "X10": (named("switch-released", only=(State.PREPARATORY, State.READY)),),
    "X11": (named("lamp-open", off_s=OFF_S, latches=True, only=(State.SELF_TEST, State.STANDBY, State.READY, *BEAM)),),
    "X12": (named("unit-lease-dead", only=(State.SELF_TEST,)),),
    "X13": (named("unit-mirror-lies", off_s=OFF_S, latches=True, ends=UNPROVED, only=(State.SELF_TEST, State.STANDBY, State.READY, *BEAM)),),
}  # fmt: skip
"""Fault id -> its injections. An empty one is shown elsewhere: see SHOWN_BY. X are those that nobody had thought of while the program was written: each
was injected first and its reaction foretold by the design (docs/verification.md); from X10 on those that the world had and the fault model has no id for."""

UNFORESEEN: Final = tuple(fault_id for fault_id in FAULT_IDS if fault_id.startswith("X"))
"""The matrix plays them; seeds and pairs do not draw them, for the plan of a seed must not change when one is added."""
NOT_DRAWN: Final = frozenset({"G6/hv-on-at-start", "I3/switch-stuck"})
"""Added to their ids later: the matrix plays them, and seeds and pairs do not draw them either."""


def drawn(fault_id: str) -> tuple[Injection, ...]:
    """What a seed or a pair may draw of this id."""
    if fault_id in UNFORESEEN:
        return ()
    return tuple(one for one in FAULT_IDS[fault_id] if f"{fault_id}/{one.name}" not in NOT_DRAWN)


RECORDS: Final = ("recorder_fresh",)
DOOR: Final = ("unit:DOOR", "door")
KEY: Final = ("unit:KEY", "key")
HOST: Final = ("unit:LEASE",)
LATE: Final = ("tick_late", "tick_gap", "unit:LEASE")
MA: Final = ("ma_steady", "ma_high", "ma_low")
DEAD: Final = ("dose_rate_low", "no_signal", "unit:DISAGREE")
TRIPPED: Final = ("generator:*", "generator_fault")
FILTER: Final = ("unit:FILTER", "filter_code", "unit:RATE")
FIRST: Final[dict[str, tuple[str, ...]]] = {
    "kv-high": ("kv_high",),
    "kv-low": ("kv_low", "kv_steady"),
    "kv-overshoot": ("kv_high",),
    "kv-undershoot": ("kv_low", "kv_steady", "beam_lost"),
    "kv-creeps": ("kv_steady", "kv_high"),
    "ma-high": MA,
    "ma-low": MA,
    "ma-drifts": MA,
    "arc": ("beam_lost",),
    "beam-lost": ("beam_lost",),
    "generator-fault": TRIPPED,
    "generator-hot": TRIPPED,
    "readback-off": ("beam_lost", "kv_low"),
    "unit-rebooted": ("unit:REBOOT", "boot_count", "unit_link"),
    "chamber-1-dead": DEAD,
    "chamber-2-dead": DEAD,
    "chamber-supply-lost": ("chamber_supply",),
    "chamber-1-drift": ("dose_channels", "unit:DISAGREE"),
    "chamber-saturated": ("chamber_saturation", "unit:RATE"),
    "unit-scan-frozen": ("scan_true",),
    "door-open": DOOR,
    "door-bounces": DOOR,
    "door-flaps": DOOR,
    "door-contact-stuck": ("beam_lost", "generator_interlock", "relay_mirrors", "mirrors_stay", "unit:MIRROR"),
    "contact-channel-disagrees": (*DOOR, "unit:PAIR", "contacts_agree"),
    "test-pulse-lost": ("unit:TEST_PULSE", "test_pulse"),
    "emergency-stop": ("unit:ESTOP", "emergency_stop"),
    "lamp-open": ("unit:LAMP", "lamp"),
    "unit-mirror-lies": ("relay_mirrors", "mirrors_stay", "unit:MIRROR"),
    "key-off": KEY,
    "key-service": KEY,
    "contact-lost": ("unit:CONTACT", "applicator_contact"),
    "applicator-removed": ("unit:CONTACT", "unit:APPL", "applicator_*"),
    "applicator-swapped": ("unit:APPL", "applicator_code"),
    "filter-missing": FILTER,
    "filter-swapped": FILTER,
    "stalls": HOST,
    "stopped": HOST,
    **{one.name: HOST for fault_id in ("H4", "H8") for one in FAULT_IDS[fault_id]},
    **{one.name: ("off sent",) for one in FAULT_IDS["H7"]},
    "starved": LATE,
    "throttled": LATE,
    "recorder-dead": RECORDS,
    "disk-full": RECORDS,
    "disk-dead": RECORDS,
    "disk-read-only": RECORDS,
    "disk-quota": RECORDS,
    "sync-stalls": RECORDS,
    "journal-cut": RECORDS,
    "journal-bit": RECORDS,
    "desk-dead": ("desk_lease",),
    "console-lost": ("desk_lease",),
    "mains-lost": ("unit:REBOOT",),
    "power-cut": ("unit:REBOOT",),
}
"""Who may be first to notice it in a beam that it ends, as patterns: another is a barrier that stands in for one that failed. A fault that is not
named may be noticed by anybody. A cause of the safety unit has `unit:` before it, the generator's own trip `generator:`; "off sent" is the end of a process
that knew no rule for what happened to it."""

NO_START: Final = frozenset(
    {
        "unit-scan-frozen", "chamber-saturated", "leakage-high", "barometer-lost",
        "door-open", "contact-lost", "contact-channel-disagrees", "test-pulse-lost", "emergency-stop", "key-off",
        "applicator-removed", "applicator-swapped", "filter-missing", "filter-swapped",
        "recorder-dead", "disk-full", "disk-dead", "disk-read-only", "disk-quota", "sync-stalls",
        "lamp-open", "unit-mirror-lies",
    }
)  # fmt: skip
"""PRE: while one of these lasts no beam may start at all, whoever presses; one that comes too soon after the fault for anybody to see it is ended instead."""

SHOWN_BY: Final[dict[str, tuple[str, ...]]] = {
    "L15": ("tests/hal/test_hal_transport.py::test_a_line_is_held_exclusively",),
    "H5": ("tests/scenarios/test_real.py::test_scenario_over_real_wires",),
    "H9": ("tests/scenarios/test_matrix.py::test_nothing_grows_in_a_rig_that_rests",),
    "S3": ("tests/records/test_recorder_crash.py::test_power_cut_at_every_call",),
    "S4": (
        "tests/calibration/test_certificate.py::test_g24_content_is_refused_with_key_value_and_bound",
        "tests/calibration/test_certificate_measured.py::test_g24_every_byte_flipped_is_caught",
        "tests/calibration/test_certificate_measured.py::test_g24_a_half_written_certificate_is_refused",
        "tests/console/test_console_configuration.py::test_what_is_no_toml_is_refused_with_the_file_named",
    ),
    "S5": (
        "tests/calibration/test_certificate.py::test_g24_no_signature_and_a_strangers_signature_are_refused",
        "tests/calibration/test_certificate_measured.py::TestPinned::test_g24_older_and_other_versions_are_refused",
        "tests/calibration/test_certificate_measured.py::TestPinned::test_g24_pins_and_copies_each_remember",
    ),
    "S6": ("tests/scenarios/test_refusals.py::test_a13_an_expired_certificate_starts_nothing",),
    "S7": (
        "tests/records/test_recorder_crash.py::test_newer_schema_is_refused",
        "tests/records/test_recorder_crash.py::test_two_recorders_never_write_together",
        "tests/records/test_recorder_crash.py::test_lost_database_is_rebuilt_from_the_journal",
    ),
}
"""What no virtual world can show, or not the whole of it: an exclusive lock of a real port, a soak, files that are refused before any process runs."""


def find(name: str) -> tuple[str, Injection]:
    """The id and injection of that name, as `G5/off-ignored`. ValueError names what there is."""
    fault_id, _, which = name.partition("/")
    for injection in FAULT_IDS.get(fault_id, ()):
        if injection.name == which:
            return fault_id, injection
    raise ValueError(
        f"no injection {name!r}; of {fault_id} there are: {', '.join(one.name for one in FAULT_IDS.get(fault_id, ())) or 'none'}"
    )
