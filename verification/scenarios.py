"""What can happen to a fraction, told once and played in virtual time or over real wires: a story, how it must end, and how fast the beam must be off.
It judges by the world's own log and dose, by what the desk shows and by what the record says; it knows nothing of the loop's inside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from controller.prescribed import Prescribed
from controller.requests import Close, Confirm, Load, Reset, Resume, Snapshot
from hal import registry
from hal.machine import ALL_FITTED, CUT_S, NOTHING_FITTED, Fitted
from verification.hands import Hands, Stuck
from verification.times import T1_S

OPERATOR: Final = "demonstration operator"
TICK_S: Final = 0.01
FALL_S: Final = 0.1
"""What off then takes: the contactor (15 ms), the supply, and the discharge of the cable (44 ms), rounded up."""
LEASE_S: Final = 0.2
EMPTY_S: Final = 0.05
"""From the contactor's opening until the cable is empty: 44 ms, rounded up; the contactor's own time is in what a unit states."""
NO_RESTART_S: Final = 3.0
"""How long after an end the rig is watched for beam that nobody asked for."""
MOST_MGY_PER_S: Final = 1.25 * 60.0
"""What unseen time is charged with, on any of the demonstration's rigs."""
UNSEEN_S: Final = 0.7
"""Beside the silence: the journal's lag of 0.5 s, two ticks and the tail."""
WITHIN_PART: Final = 0.005
WITHIN_MGY: Final = 10.0
"""A fault-free dose against the truth: max(0.5 %, 1 cGy)."""


@dataclass(frozen=True)
class Means:
    """What the rig states of itself: the longest beam after the host's last word, whether the unit keeps an exposure when the host dies, what it has to ask."""

    silence_off_s: float = LEASE_S + CUT_S
    retains: bool = True
    fitted: Fitted = ALL_FITTED


def means_of(unit: str) -> Means:
    """As the driver of this safety unit says it."""
    driver = registry.safety_unit(unit)
    return Means(driver.silence_off_s(LEASE_S), driver.retains, driver.fitted)


@dataclass
class Told:
    """What a story brought out: the event's time, the budget for beam off, and what was wrong (empty: nothing)."""

    name: str
    event_at_s: float | None = None
    budget_s: float | None = None
    beam_off_s: float | None = None
    state: str = ""
    event: str = ""
    rule: str = ""
    words: str = ""
    true_mgy: float = 0.0
    delivered_mgy: float | None = None
    d0_mgy: float | None = None
    quality: str = ""
    presses: int = 0
    last: Snapshot | None = None
    means: Means = Means()
    wrong: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """True when it ended as it should."""
        return not self.wrong

    def check(self, holds: bool, words: str) -> None:
        """Note what is wrong unless it holds."""
        if not holds:
            self.wrong.append(words)


@dataclass(frozen=True)
class Expected:
    """How a story must end. `states` and `events`: any of these; `dose`: None = not judged against the prescription, else the allowed part over it."""

    states: tuple[str, ...]
    events: tuple[str, ...]
    full_dose: bool = False
    over_part: float | None = None


Story = Callable[[Hands, Prescribed, Told], None]


@dataclass(frozen=True)
class Scenario:
    """A story with its name and words; `termination` names the certificate that it needs, `rx_mgy` a dose other than the demonstration's."""

    name: str
    words: str
    story: Story
    expected: Expected
    termination: str = "monitor"
    fault_at_start: str = ""
    rx_mgy: float | None = None
    stands_on: Fitted = NOTHING_FITTED

    def refused(self, means: Means) -> str:
        """Why it cannot be played on a rig of these means; empty when it can."""
        lacking = self.stands_on & ~means.fitted
        if not lacking:
            return ""
        return f"scenario {self.name} needs {', '.join((part.name or '?').lower().replace('_', ' ') for part in lacking)}, which this rig does not have"


def in_state(*states: str) -> Callable[[Snapshot], bool]:
    """A condition: the rig is in one of these states."""
    return lambda shown: shown.state in states


def to_ready(h: Hands, p: Prescribed, reason: str = "") -> None:
    """Load (or resume, when a reason is given), read the offer, confirm, and wait until the switch may be pressed."""
    h.until(in_state("STANDBY", "INTERRUPTED"), 30.0, "the end of the self-test")
    asked = Resume(p, OPERATOR, reason) if reason else Load(p, OPERATOR)
    answer = h.ask(asked)
    if not answer.ok:
        raise Stuck(f"the fraction was refused: {answer.words}")
    shown = h.until(lambda s: s.offer is not None, 10.0, "an offer")
    assert shown.offer is not None
    deadline = h.now_s() + 8.0
    while True:
        answer = h.ask(Confirm(shown.offer.id, shown.offer.digest))
        if answer.ok:
            break
        if h.now_s() > deadline:
            raise Stuck(f"the offer could not be confirmed: {answer.words}")
        h.wait(0.2)
        shown = h.until(lambda s: s.offer is not None, 10.0, "an offer")
        assert shown.offer is not None
    h.until(in_state("READY"), 5.0, "READY")


def to_beam(h: Hands, p: Prescribed, told: Told, seconds: float = 3.0, reason: str = "") -> None:
    """Bring the beam on by a press and leave it on for some seconds."""
    to_ready(h, p, reason)
    h.press()
    told.presses += 1
    h.until(in_state("IRRADIATING"), 4.0, "IRRADIATING")
    h.wait(seconds)


def ended(h: Hands, within_s: float = 30.0) -> Snapshot:
    """Wait for the end of the exposure and for its record to be durable."""
    done = ("INTERRUPTED", "TERMINATED", "FAULT", "STUCK_ON")
    return h.until(
        lambda s: s.state in done and s.ended is not None and s.ended.durable,
        within_s,
        "the end of the exposure, on the disk",
    )


def close(h: Hands, told: Told) -> None:
    """Close the fraction and see the rig back in STANDBY."""
    answer = h.ask(Close("complete"))
    told.check(answer.ok, f"closing was refused: {answer.words}")
    h.until(in_state("STANDBY"), 10.0, "STANDBY after closing")


def _until_end(h: Hands, p: Prescribed, told: Told) -> None:
    to_beam(h, p, told, 0.0)
    told.said.append("beam on; waiting for the safety unit to end it")
    end = ended(h, 400.0)
    _take(told, end)
    if end.state == "TERMINATED" and not end.latches:
        close(h, told)


def _take(told: Told, shown: Snapshot) -> None:
    told.state, told.last = shown.state, shown
    if shown.ended is not None:
        told.event, told.rule, told.words = shown.ended.event, shown.ended.rule, shown.ended.words
        told.delivered_mgy, told.d0_mgy = shown.ended.dose.delivered_mgy, shown.ended.dose.d0_mgy
        told.quality = shown.ended.dose.quality


def _trip(fault: str, budget_s: float, for_s: float | None = None, within_s: float = 10.0) -> Story:
    """Beam on, then a named fault; the beam must be off within the budget from the fault on."""

    def story(h: Hands, p: Prescribed, told: Told) -> None:
        to_beam(h, p, told)
        told.event_at_s, told.budget_s = h.now_s(), budget_s
        h.fault(fault, for_s)
        told.said.append(f"injected {fault}")
        _take(told, ended(h, within_s))

    return story


def _operator_stop(h: Hands, p: Prescribed, told: Told) -> None:
    to_beam(h, p, told)
    told.event_at_s, told.budget_s = h.now_s(), 2 * T1_S + FALL_S
    h.stop()
    _take(told, ended(h))


def _stop_flooded(h: Hands, p: Prescribed, told: Told) -> None:
    to_beam(h, p, told)
    told.event_at_s, told.budget_s = h.now_s(), 2 * T1_S + FALL_S
    told.said.append(f"sent {h.flood_stop(2000)} STOP datagrams as fast as the socket took them")
    _take(told, ended(h))


def _resume(h: Hands, p: Prescribed, told: Told) -> None:
    to_beam(h, p, told)
    told.event_at_s, told.budget_s = h.now_s(), T1_S + FALL_S
    h.fault("door-open", 1.5)
    first = ended(h)
    told.check(first.state == "INTERRUPTED", f"the door left {first.state}, not INTERRUPTED")
    told.beam_off_s = beam_off_after(h, told.event_at_s)
    h.wait(NO_RESTART_S)
    told.check(not h.truth()["hv_on"], "beam came back when the door closed")
    clear_latches(h, told, "the patient's eye shield was put back")
    to_ready(h, p, "the patient's eye shield was put back")
    h.press()
    told.presses += 1
    h.until(in_state("IRRADIATING"), 4.0, "IRRADIATING after the resume")
    end = ended(h, 400.0)
    _take(told, end)
    if end.state == "TERMINATED":
        close(h, told)


def clear_latches(h: Hands, told: Told, reason: str) -> None:
    """An operator clears what an operator may clear, once its cause is gone."""
    shown = h.until(lambda s: s.state in ("INTERRUPTED", "STANDBY", "FAULT", "TERMINATED"), 10.0, "an end")
    if not shown.latches:
        return
    answer = h.ask(Reset("operator", OPERATOR, reason))
    told.check(answer.ok, f"the operator's reset was refused: {answer.words}")
    h.wait(0.3)


def _host_killed(h: Hands, p: Prescribed, told: Told) -> None:
    to_beam(h, p, told)
    told.event_at_s, told.budget_s = h.now_s(), told.means.silence_off_s + EMPTY_S
    h.kill_host()
    h.wait(2.0)
    told.beam_off_s = beam_off_after(h, told.event_at_s)
    true_mgy = h.truth()["dose_mgy"]
    h.start_host()
    shown = h.until(lambda s: s.state == "STANDBY" and bool(s.open_fractions), 40.0, "STANDBY with the open fraction")
    told.said.append(f"after the restart: {shown.open_fractions[0]}")
    _take(told, shown)
    told.state = shown.state
    record = _last(h, told)
    told.event = "RECOVERED"
    told.delivered_mgy = record.get("delivered_mgy")
    if told.means.retains:
        told.check(
            told.delivered_mgy is not None
            and abs(told.delivered_mgy - true_mgy) <= max(WITHIN_PART * true_mgy, WITHIN_MGY),
            f"recovered {told.delivered_mgy} mGy, truly {true_mgy:.1f} mGy",
        )
    else:
        _judge_bound(told, record, true_mgy)


def _judge_bound(told: Told, record: dict[str, Any], true_mgy: float) -> None:
    """No unit kept the exposure: the journal's last word with the longest silence charged, UNKNOWN, never below the truth and not far above it."""
    told.check(record.get("quality") == "UNKNOWN", f"the recovered dose is {record.get('quality')}, not UNKNOWN")
    kept = told.delivered_mgy
    rate = MOST_MGY_PER_S * (told.means.silence_off_s + UNSEEN_S)
    told.check(
        kept is not None and true_mgy - 1.0 <= kept <= true_mgy + rate,
        f"recovered {kept} mGy, truly {true_mgy:.1f} mGy (bounds: not below it, not above by more than {rate:.0f} mGy)",
    )


def _host_frozen(h: Hands, p: Prescribed, told: Told) -> None:
    to_beam(h, p, told)
    told.event_at_s, told.budget_s = h.now_s(), told.means.silence_off_s + EMPTY_S
    h.freeze_host()
    h.wait(2.0)
    told.beam_off_s = beam_off_after(h, told.event_at_s)
    h.thaw_host()
    _take(told, ended(h))


def _recorder_killed(h: Hands, p: Prescribed, told: Told) -> None:
    to_beam(h, p, told)
    told.event_at_s, told.budget_s = h.now_s(), 0.5 + 0.1 + T1_S + FALL_S
    h.kill_recorder()
    h.until(in_state("INTERRUPTED", "FAULT", "TERMINATED", "STUCK_ON"), 10.0, "the end of the exposure")
    h.start_recorder()
    told.said.append("a new recorder took over")
    _take(told, ended(h))


def _desk_killed(h: Hands, p: Prescribed, told: Told) -> None:
    to_beam(h, p, told)
    told.event_at_s, told.budget_s = h.now_s(), 2.0 + T1_S + FALL_S
    h.leave_desk()
    _take(told, ended(h))


def _relay_welded(h: Hands, p: Prescribed, told: Told) -> None:
    to_beam(h, p, told)
    h.fault("k1-welded")
    h.wait(0.5)
    told.event_at_s, told.budget_s = h.now_s(), 2 * T1_S + FALL_S
    h.stop()
    _take(told, ended(h))


def _off_ignored(h: Hands, p: Prescribed, told: Told) -> None:
    to_beam(h, p, told)
    h.fault("off-ignored")
    h.wait(0.5)
    told.event_at_s, told.budget_s = h.now_s(), 2 * T1_S + 0.5 + 0.05 + FALL_S
    h.stop()
    _take(told, ended(h))


def _hv_on_at_start(h: Hands, _p: Prescribed, told: Told) -> None:
    """High voltage is on, with K2 bypassed, when the process comes up: nothing but the mains switch can end it, and the program must say so."""
    shown = h.until(in_state("STUCK_ON"), 30.0, "STUCK_ON")
    told.said.append(f"beam shown as {shown.beam}")
    told.check(shown.beam == "MAY BE ON", f"the desk shows beam {shown.beam}")
    h.mend("hv-on-at-start")
    h.wait(2.0)
    shown = h.until(in_state("STUCK_ON"), 1.0, "a snapshot")
    told.check(shown.state == "STUCK_ON", f"left STUCK_ON for {shown.state} by itself")
    answer = h.ask(Reset("operator", OPERATOR, "it looks off now"))
    told.check(not answer.ok, "an operator could reset STUCK_ON")
    told.state, told.event = shown.state, "HV_UNCOMMANDED"


def beam_off_after(h: Hands, at_s: float) -> float | None:
    """Seconds from `at_s` to the true end of beam by the world's log; None when it is still on or went off before."""
    off = [at - at_s for at, who, what in h.log() if at >= at_s and who == "tube" and what == "beam off"]
    return off[0] if off and not h.truth()["hv_on"] else None


def _last(h: Hands, told: Told) -> dict[str, Any]:
    records = h.records()
    told.check(bool(records), "no record was kept")
    return records[0] if records else {}


def play(scenario: Scenario, h: Hands, p: Prescribed, means: Means | None = None) -> Told:
    """Play one scenario and judge it by what the rig states of itself; what it waited for in vain is part of what was wrong."""
    told = Told(scenario.name, means=means or Means())
    expected = scenario.expected
    if scenario.fault_at_start:
        h.fault(scenario.fault_at_start)
    try:
        scenario.story(h, p, told)
        if told.event_at_s is not None and told.beam_off_s is None:
            told.beam_off_s = beam_off_after(h, told.event_at_s)
        _judge(h, told, expected)
    except Stuck as stuck:
        told.wrong.append(str(stuck))
    return told


def _judge(h: Hands, told: Told, expected: Expected) -> None:
    ons_before = _ons(h)
    h.wait(NO_RESTART_S)
    truth = h.truth()
    told.true_mgy = truth["dose_mgy"]
    told.check(not truth["hv_on"], "high voltage is on after the end")
    told.check(_ons(h) == ons_before, "high voltage was commanded again after the end")
    told.check(_ons(h) <= told.presses, f"{_ons(h)} ON commands for {told.presses} presses")
    told.check(told.state in expected.states, f"ended in {told.state}, expected {' or '.join(expected.states)}")
    told.check(told.event in expected.events, f"ended by {told.event}, expected {' or '.join(expected.events)}")
    if told.budget_s is not None:
        fast = told.beam_off_s is not None and told.beam_off_s <= told.budget_s
        told.check(fast, f"beam off after {told.beam_off_s} s, budget {told.budget_s:.3f} s")
    if expected.full_dose and told.d0_mgy is not None:
        band = max(WITHIN_PART * told.d0_mgy, WITHIN_MGY)
        told.check(
            abs(told.true_mgy - told.d0_mgy) <= band,
            f"true dose {told.true_mgy:.1f} of {told.d0_mgy:.1f} mGy, band {band:.1f}",
        )
    if expected.over_part is not None and told.d0_mgy is not None:
        most = told.d0_mgy * (1.0 + expected.over_part)
        told.check(
            told.d0_mgy < told.true_mgy <= most,
            f"true dose {told.true_mgy:.1f} mGy, expected {told.d0_mgy:.1f} to {most:.1f}",
        )
    if told.presses:
        _judge_record(h, told)


def _judge_record(h: Hands, told: Told) -> None:
    """The record must not under-report the true dose, must say SIMULATED, and must hold one end for each press."""
    record = _last(h, told)
    if not record:
        return
    high = record["high_mgy"]
    told.check(
        high >= told.true_mgy - 1.0,
        f"the record's upper bound {high:.1f} mGy is below the true {told.true_mgy:.1f} mGy",
    )
    told.check(bool(record.get("simulated")), "the record does not say SIMULATED")
    segments = [s for s in record["exposures"] if not s["void"]]
    told.check(len(segments) == told.presses, f"{len(segments)} recorded segments for {told.presses} presses")


def _ons(h: Hands) -> int:
    return sum(1 for _, who, what in h.log() if who == "generator" and what == "HV ON accepted")


SCENARIOS: Final[tuple[Scenario, ...]] = (
    Scenario(
        "normal",
        "one fraction, ended by the unit's count preset",
        _until_end,
        Expected(("TERMINATED",), ("DOSE_END",), True),
    ),
    Scenario(
        "time-mode",
        "one fraction, ended by the unit's timer",
        _until_end,
        Expected(("TERMINATED",), ("DOSE_END",), True),
        "time",
    ),
    Scenario(
        "door-opens",
        "the door opens in beam",
        _trip("door-open", T1_S + FALL_S),
        Expected(("INTERRUPTED",), ("TRIP_STOP",)),
    ),
    Scenario(
        "emergency-stop",
        "the emergency stop is struck in beam",
        _trip("emergency-stop", T1_S + FALL_S),
        Expected(("INTERRUPTED",), ("TRIP_STOP",)),
    ),
    Scenario(
        "key-off",
        "the key is turned off in beam",
        _trip("key-off", T1_S + FALL_S),
        Expected(("INTERRUPTED",), ("KEY_OFF",)),
    ),
    Scenario("operator-stop", "the operator presses STOP", _operator_stop, Expected(("INTERRUPTED",), ("STOP",))),
    Scenario(
        "resume",
        "the door opens, is closed, and the rest is given",
        _resume,
        Expected(("TERMINATED",), ("DOSE_END",), True),
    ),
    Scenario(
        "link-lost",
        "the generator's cable is pulled in beam",
        _trip("generator-silent", 2 * T1_S + FALL_S),
        Expected(("FAULT",), ("GEN_LOST",)),
    ),
    Scenario(
        "chamber-dead",
        "dose channel 1 dies in beam",
        _trip("chamber-1-dead", 1.0 + T1_S + FALL_S),
        Expected(("FAULT", "INTERRUPTED"), ("TRIP_FAULT", "TRIP_STOP")),
        stands_on=Fitted.CHAMBERS,
    ),
    Scenario(
        "channels-low",
        "both dose channels read 4.5 % low: the timer backs up",
        _until_end,
        Expected(("TERMINATED",), ("TIME_END",), over_part=0.08),
        fault_at_start="chambers-low",
        rx_mgy=1400.0,
        stands_on=Fitted.CHAMBERS,
    ),
    Scenario(
        "beam-lost",
        "the generator drops its high voltage by itself",
        _trip("beam-lost", T1_S + FALL_S, 0.2),
        Expected(("INTERRUPTED",), ("TRIP_STOP",)),
    ),
    Scenario(
        "host-killed", "kill -9 of the real-time process in beam", _host_killed, Expected(("STANDBY",), ("RECOVERED",))
    ),
    Scenario(
        "host-frozen",
        "the real-time process stands still for 2 s in beam",
        _host_frozen,
        Expected(("FAULT",), ("INTERNAL", "UNIT_LOST")),
    ),
    Scenario(
        "recorder-killed",
        "kill -9 of the recorder in beam",
        _recorder_killed,
        Expected(("INTERRUPTED",), ("RECORDER_LOST",)),
    ),
    Scenario(
        "desk-killed",
        "kill -9 of the operator's program in beam",
        _desk_killed,
        Expected(("INTERRUPTED",), ("DESK_LOST",)),
    ),
    Scenario(
        "unit-reboots",
        "the safety unit browns out in beam",
        _trip("unit-rebooted", T1_S + FALL_S),
        Expected(("FAULT",), ("UNIT_REBOOT", "UNIT_LOST")),
    ),
    Scenario(
        "relay-welded", "contactor K1 welds, then STOP", _relay_welded, Expected(("STUCK_ON",), ("STOP", "TRIP_FAULT"))
    ),
    Scenario(
        "off-ignored",
        "the generator ignores every off: K2 takes its power",
        _off_ignored,
        Expected(("STUCK_ON", "FAULT"), ("STOP", "TRIP_FAULT")),
    ),
    Scenario(
        "hv-on-at-start",
        "high voltage is on when the process starts",
        _hv_on_at_start,
        Expected(("STUCK_ON",), ("HV_UNCOMMANDED",)),
        fault_at_start="hv-on-at-start",
    ),
    Scenario(
        "port-pulled",
        "the generator's port is closed in beam, as when a USB plug is pulled",
        _trip("generator-wire-vanished", 2 * T1_S + FALL_S),
        Expected(("FAULT",), ("GEN_LOST",)),
    ),
    Scenario(
        "connection-reset",
        "the safety unit's connections are reset in beam",
        _trip("unit-wire-reset", 2 * T1_S + FALL_S),
        Expected(("FAULT",), ("UNIT_LOST",)),
    ),
    Scenario(
        "black-hole",
        "the safety unit's network swallows every byte in beam, both ways",
        _trip("unit-wire-half-open", 2 * T1_S + FALL_S, within_s=25.0),
        Expected(("FAULT",), ("UNIT_LOST",)),
    ),
    Scenario("stop-flooded", "two thousand STOPs at once", _stop_flooded, Expected(("INTERRUPTED",), ("STOP",))),
)
"""Every scenario of `kerma demo`, in the order in which `--list` shows them."""


def find(name: str) -> Scenario:
    """The scenario of that name; ValueError lists them all."""
    for scenario in SCENARIOS:
        if scenario.name == name:
            return scenario
    raise ValueError(f"no scenario {name!r}; there are: {', '.join(s.name for s in SCENARIOS)}")
