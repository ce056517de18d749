"""Every barrier that may end a beam, alone: all the others of host and safety unit are taken away, something breaks, and it must act first and in time.
It knows what is taken away, what breaks and the bound; no rule and no firmware is changed for it, only which of them are asked."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from unittest import mock

import msgspec

from controller.decide import WHILE_BEAM
from controller.dose import OVERDUE_S, OVERDUE_TICKS
from controller.kernel import Kernels
from controller.states import State
from interlocks.backup_timer import bound_s
from interlocks.contact_rules import PAIR_S
from interlocks.dose_rules import CHANNELS_MGY, MODEL_MGY
from interlocks.house_rules import DESK_S, RECORDER_BEAM_S
from interlocks.look import When
from interlocks.monitor import LASTING_S
from interlocks.rules import T1_S, TABLE, level
from interlocks.words import Terms
from simulators import unit_map, unit_requests
from simulators.faults import TABLE as WORLD
from simulators.unit_firmware import UnitFirmware
from simulators.unit_map import Cause
from verification import injections as do
from verification import reach
from verification.hands import Stuck
from verification.injections import Act, again, begin
from verification.matrix import TICK_S, beams
from verification.scenarios import FALL_S, LEASE_S
from verification.setting import lay_out, virtual_rig
from verification.virtual import VirtualRig

SCAN_S: Final = 0.02
"""The safety unit opens K1 within 20 ms of whatever it can see (docs/safety-unit.md)."""
WINDOW_S: Final = 0.1
"""Rates are over 100 ms: so long until a window holds nothing of before."""
WINDOWS_S: Final = 0.03
"""The unit's rate limit: two windows of 10 ms after one that holds something of before."""
COMPARED_S: Final = 1.0
"""The unit compares its channels each half second; a comparison that had begun before the fault may not show it."""
PULSE_S: Final = 0.01
SET_POINTS_S: Final = 1.0
"""Set-points are read again once a second while no ON is out; another master writes again each 100 ms."""
SILENT_S: Final = 0.7
"""A link is lost after three replies that did not come in time; then its identity is not known any more."""
RAMP_S: Final = 0.3
"""High voltage that comes by itself rises as any other."""
BOOT_S: Final = 0.2
CONTACTOR_S: Final = 0.05
ONE_TICK_LATE_S: Final = 0.4
"""The process stands for so long before it can see that it stood."""
LAST_S: Final = 0.5
"""How much beam the cap has left when it is tried."""
STEP: Final = 300
"""Counts that a damaged counter goes back, each tick."""
SURPLUS: Final = 1.1
"""Where counts end it: they come at a rate that is certified, not known."""
UNIT: Final = "unit:"
ALWAYS_HEARD: Final = (Cause.DISARM, Cause.REBOOT)
"""How a host's OFF reaches the unit, and what is no decision of the firmware."""

More = Callable[[VirtualRig], float]


@dataclass(frozen=True)
class Barrier:
    """One row. `name`: a rule's id, or `unit:` and a cause of the safety unit; `fault` in words, done by `start`; `more_s`: what must gather before
    anybody can see it, beyond T1 (or the unit's own time) and the rule's persistence. `at`: where the exposure stands; `hears`: causes that
    the unit keeps beside OFF, because the rule is about them; `hold`: on a rig whose switch must be held; `termination`: what ends the fraction."""

    name: str
    fault: str
    start: Act
    more_s: float | More = 0.0
    at: State = State.IRRADIATING
    hears: tuple[Cause, ...] = ()
    hold: bool = False
    termination: str = "monitor"

    @property
    def cause(self) -> Cause | None:
        """The unit's cause; None for a rule of the host."""
        return Cause[self.name.removeprefix(UNIT)] if self.name.startswith(UNIT) else None

    @property
    def within(self) -> str:
        """The bound in words."""
        if isinstance(self.more_s, float):
            return f"{self._least_s + self.more_s:.2f} s"
        words = (self.more_s.__doc__ or "").rstrip(".")
        return f"{self._least_s:.2f} s, and {words[:1].lower()}{words[1:]}"

    @property
    def _least_s(self) -> float:
        if self.cause is not None:
            return SCAN_S
        return T1_S + next(row.persists_for_s for row in TABLE if row.id == self.name)

    def within_s(self, rig: VirtualRig) -> float:
        """From the fault until it must have acted, on this rig as it stands."""
        return self._least_s + (self.more_s if isinstance(self.more_s, float) else self.more_s(rig))


@dataclass
class Acted:
    """What one play brought out: who was first to act, how long after the fault, when high voltage was gone, and what of it is wrong."""

    name: str
    first: str = ""
    after_s: float | None = None
    off_s: float | None = None
    bound_s: float = 0.0
    wrong: str = ""


def _terms(rig: VirtualRig) -> Terms:
    terms = rig.loop.gate.sent.terms if rig.loop is not None else None
    if terms is None:
        raise Stuck("nothing is set up: there are no terms")
    return terms


def _unit(rig: VirtualRig) -> UnitFirmware:
    unit = rig.world.unit
    if not isinstance(unit, UnitFirmware):
        raise Stuck("this rig has no safety unit of its own")
    return unit


def _apart_s(rig: VirtualRig) -> float:
    """Until one channel alone has counted what the other lacks."""
    return CHANNELS_MGY / _terms(rig).r0_mgy_per_s


def _model_s(rig: VirtualRig) -> float:
    """Until the model has gathered what neither channel has."""
    return MODEL_MGY / _terms(rig).r0_mgy_per_s


def _left_s(rig: VirtualRig) -> float:
    """Beam time that the plan has left."""
    return _terms(rig).set_time_s - _unit(rig).nv.beam_ms / 1000.0


def _due_s(rig: VirtualRig) -> float:
    """Until the count preset is due; chambers and timer may differ by 1 %."""
    return 1.01 * _left_s(rig)


def _overdue_s(rig: VirtualRig) -> float:
    """Until the count preset is due, and the grace that the unit is given."""
    return _due_s(rig) + OVERDUE_TICKS * TICK_S + OVERDUE_S


def _held_apart_s(rig: VirtualRig) -> float:
    """Until the channels are apart, and for as long as the program may contradict itself."""
    return _apart_s(rig) + LASTING_S


def _backup_s(rig: VirtualRig) -> float:
    """Until the timer's limit and max(2 %, 0.5 s) have passed."""
    return bound_s(_terms(rig).timer_limit_s) - _unit(rig).nv.beam_ms / 1000.0


def _limit(rig: VirtualRig, name: str, used: str) -> float:
    """What the committed set leaves of one of its times, s."""
    unit = _unit(rig)
    return float(getattr(unit.limits, name) - getattr(unit.nv, used)) / 1000.0


def _preset_s(rig: VirtualRig) -> float:
    """Until the time preset is due."""
    return _limit(rig, "preset_ms", "beam_ms")


def _k1_s(rig: VirtualRig) -> float:
    """Until K1 has been closed for as long as it may."""
    return _limit(rig, "k1_limit_ms", "k1_ms")


def _counts_s(rig: VirtualRig) -> float:
    """Until channel 2 has reached its limit at the rate of the beam so far."""
    unit, nv = _unit(rig), _unit(rig).nv
    limit = unit.limits.count_limit_2 if unit.limits is not None else 0
    return SURPLUS * nv.beam_ms / 1000.0 * (limit - nv.counts_2) / max(1, nv.counts_2)


def _no_dose_s(rig: VirtualRig) -> float:
    """The committed time without dose, and the window in which the last counts stand."""
    limits = _unit(rig).limits
    return (limits.no_dose_ms if limits is not None else 0) / 1000.0 + WINDOW_S


def _mirror_s(rig: VirtualRig) -> float:
    """The contactor's way, and the time for which its mirror may lag."""
    return _unit(rig).config.mirror_ms / 1000.0 + CONTACTOR_S


def _start_window_s(rig: VirtualRig) -> float:
    """The committed start window."""
    limits = _unit(rig).limits
    return (limits.start_window_ms if limits is not None else 0) / 1000.0


def _arm_window_s(rig: VirtualRig) -> float:
    """What is left of the arm window."""
    return _unit(rig).arm_left_ms / 1000.0


def _disarmed(rig: VirtualRig) -> None:
    """Another master writes DISARM."""
    unit_requests.write(_unit(rig), unit_map.DISARM.first, bytes(2))


def _other_set(rig: VirtualRig) -> None:
    """A bit of the unit's active set flips where it is kept."""
    nv = _unit(rig).nv
    nv.active = nv.active[:-1] + bytes((nv.active[-1] ^ 1,))


def _kernel_wrong(rig: VirtualRig) -> None:
    """The dose kernel no longer gives its golden vector."""
    vars(rig.loop)["_kernel_sound"] = False


def _counts_back(rig: VirtualRig) -> None:
    nv = _unit(rig).nv
    nv.counts_1 = max(0, nv.counts_1 - STEP)


def _near_cap(rig: VirtualRig) -> None:
    """All that ends before the cap has let it go by: the timer stands just below it."""
    unit = _unit(rig)
    unit.nv.beam_ms = unit.nv.k1_ms = unit.config.hard_cap_s * 1000 - round(LAST_S * 1000.0)


def _stands_still(rig: VirtualRig) -> None:
    rig.freeze_host()
    rig.wait(ONE_TICK_LATE_S - T1_S)
    rig.thaw_host()


def _let_go(rig: VirtualRig) -> None:
    rig.room(switch=False)


def _press(rig: VirtualRig) -> None:
    rig.press()


def _both_dead(rig: VirtualRig) -> None:
    begin("chamber-1-dead", "chamber-2-dead")(rig)


def named(name: str, fault: str, more_s: float | More = 0.0, **more: Any) -> Barrier:
    """A barrier that a named fault of the simulated world calls."""
    return Barrier(name, WORLD[fault].words, begin(fault), more_s, **more)


DEAD: Final = "chamber-1-dead"
READY: Final = State.READY
RULES: Final[tuple[Barrier, ...]] = (
    named("emergency_stop", "emergency-stop"),
    named("door", "door-open"),
    named("key", "key-off"),
    named("applicator_contact", "contact-lost"),
    named("applicator_code", "applicator-swapped"),
    named("filter_code", "filter-swapped"),
    Barrier("switch_held", "the switch that must be held is let go", _let_go, hold=True),
    named("contacts_agree", "contact-channel-disagrees"),
    named("contacts_agree_at_rest", "contact-channel-disagrees"),
    named("test_pulse", "test-pulse-lost"),
    named("generator_link", "generator-silent"),
    named("generator_identity", "generator-silent", SILENT_S, at=State.STANDBY),
    named("generator_fault", "generator-fault"),
    named("generator_interlock", "door-contact-stuck"),
    named("kv_high", "kv-overshoot"),
    named("kv_low", "kv-undershoot"),
    Barrier("ma_high", "mA regulates 15 % high", do.ma_gain(1.15), WINDOW_S),
    Barrier("ma_low", "mA regulates 15 % low", do.ma_gain(0.85), WINDOW_S),
    named("kv_steady", "kv-low"),
    named("ma_steady", "ma-low", WINDOW_S),
    named("beam_lost", "beam-lost"),
    named("hv_uncommanded", "hv-spontaneous", RAMP_S, at=READY),
    named("unit_link", "unit-silent"),
    named("unit_identity", "unit-silent", SILENT_S, at=State.STANDBY),
    named("scan_true", "unit-scan-frozen", WINDOW_S),
    named("boot_count", "unit-rebooted", BOOT_S + T1_S),
    named("unit_timer", "unit-timer-dead", WINDOW_S),
    named("relay_mirrors", "unit-mirror-lies"),
    named("mirrors_stay", "unit-mirror-lies"),
    named("unit_latched", "hv-spontaneous", RAMP_S, at=READY, hears=(Cause.SPONTANEOUS,)),
    Barrier("presets_committed", "another master disarms the safety unit", _disarmed, at=READY),
    named("read_back", "generator-wire-foreign-master", SET_POINTS_S, at=READY),
    Barrier("active_crc", "a bit of the safety unit's active set flips", _other_set),
    named("set_points_held", "generator-wire-foreign-master", WINDOW_S),
    Barrier("lease_armed", "another master disarms the safety unit", _disarmed, at=READY),
    named("lamp", "lamp-open"),
    named("chamber_supply", "chamber-supply-lost"),
    named("chamber_saturation", "chamber-saturated"),
    named("dose_rate_high", "filter-missing", WINDOW_S),
    named("dose_rate_low", DEAD, WINDOW_S),
    named("no_signal", DEAD, WINDOW_S),
    named("no_dose", DEAD, WINDOW_S),
    named("dose_channels", DEAD, _apart_s),
    Barrier("dose_model", "neither chamber gives a signal", _both_dead, _model_s),
    named("dose_timer", DEAD, _model_s, termination="time"),
    Barrier("bad_samples", "the count of channel 1 goes back, again and again", again("back", _counts_back)),
    Barrier("backup_timer", "the safety unit lets every preset and limit go by", do.nothing, _backup_s),
    Barrier("overdue", "the safety unit lets every preset and limit go by", do.nothing, _overdue_s),
    named("air", "barometer-lost"),
    named("k_tp_drift", "barometer-wrong", SET_POINTS_S),
    Barrier("recorder_fresh", "the recorder is killed", do.kill_recorder, RECORDER_BEAM_S),
    Barrier("desk_lease", "nothing comes from the console any more", do.starve_desk, DESK_S),
    Barrier("tick_late", "each tick begins 25 ms late", do.late_by(25_000)),
    Barrier("tick_gap", "the process stands still for 0.3 s", _stands_still, ONE_TICK_LATE_S),
    Barrier("dose_kernel", "the dose kernel no longer gives its golden vector", _kernel_wrong),
    named("invariants_held", DEAD, _held_apart_s),
)
"""Each rule that may end a beam; no other rule is asked, and the safety unit does nothing by itself."""
UNIT_CAUSES: Final[tuple[Barrier, ...]] = (
    Barrier("unit:COUNT_PRESET", "nothing but time", do.nothing, _due_s),
    Barrier("unit:TIME_PRESET", "the count preset goes by", do.nothing, _preset_s),
    Barrier("unit:LEASE", "nothing but the program's death", do.nothing, LEASE_S),
    Barrier("unit:K1_LIMIT", "count and time presets go by", do.nothing, _k1_s),
    Barrier("unit:COUNT2", "count and time presets go by", do.nothing, _counts_s),
    named("unit:RATE", "filter-missing", WINDOWS_S),
    named("unit:NO_DOSE", DEAD, _no_dose_s),
    named("unit:DISAGREE", DEAD, COMPARED_S),
    named("unit:ESTOP", "emergency-stop"),
    named("unit:DOOR", "door-open"),
    named("unit:KEY", "key-off"),
    named("unit:CONTACT", "contact-lost"),
    Barrier("unit:SWITCH", "the switch that must be held is let go", _let_go, hold=True),
    named("unit:APPL", "applicator-swapped"),
    named("unit:FILTER", "filter-swapped"),
    named("unit:PAIR", "contact-channel-disagrees", PAIR_S),
    named("unit:MIRROR", "door-contact-stuck", _mirror_s),
    Barrier("unit:DISARM", "another master disarms the safety unit", _disarmed),
    named("unit:LAMP", "lamp-open"),
    named("unit:REBOOT", "unit-rebooted"),
    named("unit:SPONTANEOUS", "hv-spontaneous", RAMP_S, at=READY),
    Barrier("unit:HARD_CAP", "every preset and limit below the cap has gone by", _near_cap, LAST_S),
    Barrier("unit:START_WINDOW", "the switch is pressed and no high voltage comes", _press, _start_window_s, at=READY),
    Barrier("unit:ARM_WINDOW", "nobody presses", do.nothing, _arm_window_s, at=READY),
    named("unit:TEST_PULSE", "test-pulse-lost", PULSE_S),
)
"""Each cause for which the safety unit ends a beam by itself; the program is dead, and the unit is deaf to every other cause."""
BARRIERS: Final = {row.name: row for row in (*RULES, *UNIT_CAUSES)}


def barriers_table() -> list[tuple[str, ...]]:
    """One row for each barrier, for docs/verification.md: what breaks, where the exposure stands, and when it must have acted."""
    return [(f"`{row.name}`", row.fault, row.at.value, row.within) for row in BARRIERS.values()]


def all_barriers() -> tuple[str, ...]:
    """Every rule that may end a beam, and every cause of the safety unit."""
    causes = (f"{UNIT}{cause.name}" for cause in Cause if cause not in (Cause.NONE, Cause.RESERVED))
    return (*(row.id for row in TABLE if row.while_beam), *causes)


def only_rule(rig: VirtualRig, name: str) -> None:
    """Of the rules that may end a beam the host asks this one, from its next look on."""
    if rig.loop is None:
        raise Stuck("no host runs: it asks no rule")
    gate = rig.loop.gate
    table = tuple(
        row if row.id == name or not row.while_beam else msgspec.structs.replace(row, when=When.NEVER) for row in TABLE
    )
    vars(gate)["_rules"] = level(gate.capabilities, TICK_S, table)


@contextmanager
def deaf_but_to(*heard: Cause) -> Iterator[None]:
    """The safety unit ends and latches for these causes only; everything else of it goes on."""
    mask = sum(1 << cause for cause in heard)
    end, latch = UnitFirmware.end, UnitFirmware._latch  # noqa: SLF001 - taken away from outside

    def some(unit: UnitFirmware, bits: int) -> None:
        if bits & mask:
            end(unit, bits & mask)

    def latched(unit: UnitFirmware, cause: int) -> None:
        if mask & 1 << Cause.SPONTANEOUS:
            latch(unit, cause)

    with mock.patch.object(UnitFirmware, "end", some), mock.patch.object(UnitFirmware, "_latch", latched):
        yield


class First:
    """Who acted first after the fault, by the host's verdict and the safety unit's first cause. `not_its_own`: causes that are the fault itself, or
    the host's OFF."""

    def __init__(self, rig: VirtualRig, not_its_own: tuple[Cause, ...]) -> None:
        self._rig, self._unit, self._not_its_own = rig, _unit(rig), not_its_own
        self._cause = self._unit.first_cause
        self._log_at = len(rig.world.log)
        self.name = ""
        self.at_s = 0.0
        rig.tick_hooks.append(self._tick)

    def _tick(self, tick: Any) -> None:
        if not self.name and tick.verdict.forbids_beam:
            self.name = next(finding.rule for finding in tick.verdict.findings if finding.rule in WHILE_BEAM)
            self.at_s = tick.now

    def hear_unit(self) -> None:
        """The unit's cause, where there is a new one, with the time at which its log says that it ended."""
        cause = self._unit.first_cause
        if self.name or cause in (self._cause, 0, *self._not_its_own):
            return
        self.name, self.at_s = f"{UNIT}{Cause(cause).name}", self._rig.now_s()
        for at_s, who, words in self._rig.log()[self._log_at :]:
            if who == "unit" and words.endswith((f": {Cause(cause).name}", "reboot")):
                self.at_s = at_s
                return


def play(barrier: Barrier, kernels: Kernels, folder: Path, seed: int = 1) -> Acted:
    """Bring a fresh rig there with everything in place, take the others away, break something, and see who acts."""
    setting = lay_out(folder / "rig", folder / "records", barrier.termination, 15020, seed)
    if barrier.hold:
        text = setting.rig_file.read_text(encoding="utf-8")
        setting.rig_file.write_text(
            text.replace("[safety_unit]\n", '[safety_unit]\nswitch = "hold"\n'), encoding="utf-8"
        )
    rig = virtual_rig(setting, kernels, seed)
    try:
        return _play(barrier, rig)
    except Stuck as stuck:
        return Acted(barrier.name, wrong=f"stuck: {stuck}")
    finally:
        rig.close()


def _play(barrier: Barrier, rig: VirtualRig) -> Acted:
    _reach(barrier, rig)
    acted = Acted(barrier.name)
    cause = barrier.cause
    acted.bound_s = barrier.within_s(rig)
    if cause is None:
        only_rule(rig, barrier.name)
        heard = (*ALWAYS_HEARD, *barrier.hears)
    else:
        rig.kill_host()
        heard = (cause,)
    first, began_s = First(rig, heard if cause is None else ()), rig.now_s()
    with deaf_but_to(*heard):
        barrier.start(rig)
        while not first.name and rig.now_s() < began_s + acted.bound_s + 2.0 * TICK_S:
            rig.turn()
            first.hear_unit()
        rig.wait(2.0 * FALL_S)
    acted.first = first.name
    acted.after_s = first.at_s - began_s if first.name else None
    _judge(acted, rig, began_s)
    return acted


def _reach(barrier: Barrier, rig: VirtualRig) -> None:
    if barrier.hold:
        reach.to_ready(rig)
        rig.room(switch=True)
        reach.turn_until(rig, State.IRRADIATING)
        rig.wait(1.0)
    elif barrier.at is State.IRRADIATING:
        reach.to_beam(rig, 1.2)
    else:
        reach.REACH[barrier.at](rig)


def _judge(acted: Acted, rig: VirtualRig, began_s: float) -> None:
    beam = [span for span in beams(rig) if span[1] is None or span[1] > began_s]
    if beam and beam[-1][1] is not None:
        acted.off_s = beam[-1][1] - began_s
    if acted.after_s is None:
        acted.wrong = f"nobody acted within {acted.bound_s:.3f} s"
    elif acted.first != acted.name:
        acted.wrong = f"{acted.first} acted first, after {acted.after_s:.3f} s"
    elif acted.after_s > acted.bound_s:
        acted.wrong = f"it acted after {acted.after_s:.3f} s, bound {acted.bound_s:.3f} s"
    elif beam and (acted.off_s is None or acted.off_s > acted.bound_s + FALL_S):
        acted.wrong = f"high voltage was gone after {acted.off_s or rig.now_s() - began_s:.3f} s, bound {acted.bound_s + FALL_S:.3f} s"
    elif rig.truth()["hv_on"]:
        acted.wrong = "high voltage is on"


def play_named(name: str, kernels: Kernels) -> Acted:
    """One barrier in a folder of its own, which is gone afterwards; what escapes it is a play that is wrong."""
    with tempfile.TemporaryDirectory(prefix="kerma-barrier-") as folder:
        try:
            return play(BARRIERS[name], kernels, Path(folder))
        except Exception as error:
            return Acted(name, wrong=f"{type(error).__name__}: {error}")
