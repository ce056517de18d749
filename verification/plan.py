"""One seed decides everything: the rig, what is prescribed, what people do and when, what breaks, and when processes die. A plan can be read aloud.
It plays nothing and judges nothing; the same seed gives the same plan on any machine, for as long as these sources are the same."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Final, TypeVar

from simulators.wire_faults import TAMPERINGS
from verification.fault_ids import FAULT_IDS, drawn, find
from verification.injections import Injection
from verification.rigs import BEAMS, USUAL, Choice

LONG_FROM: Final = 1_000_000
"""Seeds from here on are long runs without any fault: they give the beam hours. Those below are the fault runs."""
T = TypeVar("T")

RIG_SHARES: Final = {
    "usual": 68,
    "time": 8,
    "rtu": 8,
    "other generator": 9,
    "20 Hz": 4,
    "200 Hz": 3,
}
"""In a hundred fault runs: the demonstration's rig at 100 Hz ended by counts, and what stands in for it in the others."""
LONG_RIG_SHARES: Final = {"usual": 73, "time": 9, "rtu": 9, "other generator": 9}
LONG_HZ_SHARES: Final = {20: 72, 100: 25, 200: 3}
"""In a hundred long runs: what is run, and how fast; each of the two is drawn by itself, so that every rig meets every rate."""
LEAST_HZ: Final = {"rtu": 50, "spellman-xrb80": 25, "spellman-ux": 100}
"""No long run is slower than the program lets such a rig be (docs/wires.md); a uX, which it lets, may give one fraction a self-test there."""
FAULT_SHARES: Final = {0: 15, 1: 65, 2: 20}
"""In a hundred fault runs: how many things break."""
DEED_SHARES: Final = {0: 55, 1: 25, 2: 13, 3: 7}
"""In a hundred fault runs: how many odd things people do beside what they should."""
FRACTION_SHARES: Final = {1: 82, 2: 14, 3: 4}
LONG_FRACTIONS: Final = 4
EPOCHS_S: Final = (2**31 / 1000.0, 2**32 / 1000.0, 2**31 / 1e6, 2**32 / 1e6, 248.5 * 86400.0, 100.0 * 86400.0)
"""Uptimes at which some counter somewhere has run over; a plan begins shortly before one of them, or at the usual time."""
USUAL_EPOCH_S: Final = 1000.0
RATE_MGY_PER_S: Final = {
    "spellman-ux": 34.4,
    "spellman-xrb011": 34.4,
    "spellman-xrb80": 34.4,
    "genix3d": 30.0,
}
"""About what each tube gives at the surface; the others give 55. Only beam times are chosen by it."""
USUAL_RATE_MGY_PER_S: Final = 55.0
LEAST_BEAM_S: Final = {"genix3d": 10.0}
USUAL_LEAST_BEAM_S: Final = 3.6
MOST_BEAM_S: Final = 265.0
"""Just below the applicator's 300 s and 15 Gy."""
DEPTH_PART: Final = 0.85
"""Dose at the prescribed 3 mm of what the surface gets."""
FOR_EVER: Final = None
"""Until somebody mends it: after the exposure has ended by it, or when the plan is over."""

STATES: Final = {
    "SELF_TEST": (4, 2.0),
    "STANDBY": (3, 0.3),
    "PREPARATORY": (6, 1.0),
    "ARMING": (6, 0.3),
    "READY": (8, 1.5),
    "STARTING": (9, 0.4),
    "IRRADIATING": (54, 0.0),
    "STOPPING": (6, 0.3),
    "INTERRUPTED": (2, 0.5),
    "TERMINATED": (2, 0.3),
}
"""Of a hundred faults, how many begin in each state, and within how many seconds of its beginning (0: within the planned beam)."""
HOST_DEEDS: Final = ("host-kill", "host-freeze", "recorder-kill", "desk-leave", "wall-jump", "disk", "power-cut")
"""What happens to processes, clocks and the disk, for as long as the seed says; they count as faults, as what stands in FAULT_IDS does."""
HOST_PART: Final = 0.2
DISK_WHATS: Final = ("EIO", "ENOSPC", "SHORT", "KILL", "TORN KILL", "POWER", "TORN POWER")
PEOPLE_DEEDS: Final = (
    "stop",
    "stop",
    "stop",
    "stop-flood",
    "mash",
    "press",
    "hold",
    "key-out-and-in",
    "edit",
    "load-other",
    "confirm-wrong",
    "confirm-twice",
    "reset",
    "close",
    "resume-other",
    "retest",
)
"""What people do at the wrong time; STOP is what they do most."""
SLIPS: Final = (
    "confirm-late",
    "confirm-unloaded",
    "confirm-reloaded",
    "confirm-elsewhere",
    "load-late",
    "resume-late",
)
"""What people do by what was shown before: the screen is slow, a window is still open, somebody else has changed it meanwhile."""
SLIP_PART: Final = 0.4
"""Of the plans in which anything happens; one in which nothing does stays so."""
LATE_S: Final = (0.3, 1.2, 2.5, 61.0)
"""How old what was shown is by then; after 60 s an offer is made anew under another number."""
WALL_JUMPS_S: Final = (-3600.0, 3600.0, -0.5, 0.5, 60.0, 86_400.0)
FRAMES: Final = {"seifert-3003": "text", "technix": "text", "genix3d": "tcp", "spellman-xrb80": "text"}
USUAL_FRAME: Final = "comma"
"""Whose frames a generator's wire carries: what can be done to a reply depends on it."""


@dataclass(frozen=True)
class When:
    """`after_s` seconds after the exposure has come to `state` for the `nth` time; no state: after the beginning."""

    state: str
    nth: int
    after_s: float

    @property
    def words(self) -> str:
        if not self.state:
            return f"{self.after_s:.3f} s after the beginning"
        return f"{self.after_s:.3f} s after {self.state} no. {self.nth} begins"


@dataclass(frozen=True)
class Deed:
    """One thing that happens: `do` is a verb of verification/played.py or "fault", `what` its object, `for_s` how long (None: until somebody mends it)."""

    when: When
    do: str
    what: str = ""
    for_s: float | None = FOR_EVER

    @property
    def breaks(self) -> bool:
        """True for what no person does: a fault of a device, of a process, of a clock or of a disk."""
        return self.do == "fault" or self.do in HOST_DEEDS

    @property
    def name(self) -> str:
        return self.what if self.do == "fault" else self.do

    @property
    def words(self) -> str:
        said = (
            f"{self.what} ({find(self.what)[1].words})"
            if self.do == "fault"
            else " ".join((self.do, self.what)).strip()
        )
        lasts = (
            ""
            if self.do in (*PEOPLE_DEEDS, *SLIPS)
            else ", until mended"
            if self.for_s is None
            else f", for {self.for_s:g} s"
        )
        return f"{self.when.words}: {said}{lasts}"


@dataclass(frozen=True)
class Fraction:
    """What is prescribed, and how long the operator takes to load, to read the offer, to press and to look at an end. `resumes`: how often at most."""

    patient: int
    rx_mgy: float
    beam_s: float
    load_s: float
    read_s: float
    press_s: float
    end_s: float
    resumes: int

    @property
    def words(self) -> str:
        return (
            f"patient {self.patient}: {self.rx_mgy:.0f} mGy at 3 mm, about {self.beam_s:.1f} s of beam; "
            f"loads after {self.load_s:.2f} s, reads for {self.read_s:.2f} s, presses after {self.press_s:.2f} s, "
            f"looks at an end for {self.end_s:.2f} s, resumes {self.resumes} times at most"
        )


@dataclass(frozen=True)
class Plan:
    """Everything that one seed decides."""

    seed: int
    kind: str
    generator: str
    unit_wire: str
    termination: str
    tick_hz: int
    epoch_s: float
    fractions: tuple[Fraction, ...]
    deeds: tuple[Deed, ...]

    @property
    def choice(self) -> Choice:
        """The rig."""
        return Choice(self.generator, unit_wire=self.unit_wire)

    @property
    def faults(self) -> tuple[str, ...]:
        """Names of what breaks."""
        return tuple(deed.name for deed in self.deeds if deed.breaks)

    @property
    def beam_s(self) -> float:
        """Planned beam."""
        return sum(fraction.beam_s for fraction in self.fractions)

    def lines(self) -> list[str]:
        """The whole plan in words, one line for each action."""
        return [
            f"seed {self.seed}, {self.kind} run: {self.choice.words}, ended by {self.termination}, {self.tick_hz} Hz, "
            f"the host's clock begins at {self.epoch_s:.3f} s",
            *(fraction.words for fraction in self.fractions),
            *(deed.words for deed in self.deeds),
        ]

    def document(self) -> dict[str, Any]:
        """The whole plan as JSON knows it."""
        return asdict(self)


def plan(seed: int) -> Plan:
    """The plan of this seed. ValueError for a negative one."""
    if seed < 0:
        raise ValueError(f"seed {seed}: seeds are 0 or above; those from {LONG_FROM} on are long runs without faults")
    draw = random.Random(f"kerma plan {seed}")
    long = seed >= LONG_FROM
    rig = _share(draw, LONG_RIG_SHARES if long else RIG_SHARES)
    generator = draw.choice([name for name in BEAMS if name != USUAL]) if rig == "other generator" else USUAL
    hz = _share(draw, LONG_HZ_SHARES) if long else {"20 Hz": 20, "200 Hz": 200}.get(rig, 100)
    hz = max(hz, LEAST_HZ.get(rig, 0), LEAST_HZ.get(generator, 0)) if long else hz
    wire, termination = ("rtu" if rig == "rtu" else "tcp"), ("time" if rig == "time" else "monitor")
    count = LONG_FRACTIONS if long else _share(draw, FRACTION_SHARES)
    fractions = tuple(_fraction(draw, number, generator, long) for number in range(1, count + 1))
    epoch_s = USUAL_EPOCH_S
    if draw.random() < 0.4:
        epoch_s = draw.choice(EPOCHS_S) - draw.uniform(1.0, 8.0 + sum(f.beam_s for f in fractions))
    deeds = () if long else _deeds(draw, fractions, possible(Choice(generator, unit_wire=wire), termination))
    deeds += _slips(seed, fractions) if deeds else ()
    return Plan(seed, "long" if long else "fault", generator, wire, termination, hz, epoch_s, fractions, deeds)


def _share(draw: random.Random, shares: dict[T, int]) -> T:
    return draw.choices(list(shares), weights=list(shares.values()))[0]


def _fraction(draw: random.Random, number: int, generator: str, long: bool) -> Fraction:
    least = LEAST_BEAM_S.get(generator, USUAL_LEAST_BEAM_S)
    rate = RATE_MGY_PER_S.get(generator, USUAL_RATE_MGY_PER_S)
    if long:
        beam_s = draw.uniform(120.0, MOST_BEAM_S)
    else:
        kind = draw.random()
        beam_s = (
            draw.uniform(least, least + 5.0)
            if kind < 0.8
            else draw.uniform(8.0, 25.0)
            if kind < 0.98
            else draw.uniform(25.0, MOST_BEAM_S)
        )
    beam_s = max(beam_s, least)
    rx_mgy = float(round(beam_s * rate * DEPTH_PART))
    return Fraction(
        patient=number,
        rx_mgy=rx_mgy,
        beam_s=round(beam_s, 3),
        load_s=_delay(draw),
        read_s=_delay(draw),
        press_s=_delay(draw),
        end_s=_delay(draw),
        resumes=_share(draw, {0: 15, 1: 35, 2: 35, 3: 15}),
    )


def _delay(draw: random.Random) -> float:
    """People take their time, or none at all."""
    return 0.0 if draw.random() < 0.3 else round(draw.uniform(0.0, 1.5), 3)


@cache
def possible(choice: Choice, termination: str) -> dict[str, list[Injection]]:
    """By fault id, what this rig can have: lies that its wires can carry, and what is not made for another rig."""
    found = {}
    for fault_id in FAULT_IDS:
        fitting = [one for one in drawn(fault_id) if _fits(one, choice, termination)]
        if fitting:
            found[fault_id] = fitting
    return found


def _fits(one: Injection, choice: Choice, termination: str) -> bool:
    if one.choice != Choice():
        return one.choice == choice
    if one.termination != "monitor" and one.termination != termination:
        return False
    link, _, row = one.name.partition("-wire-")
    frame = choice.unit_wire if link == "unit" else FRAMES.get(choice.generator, USUAL_FRAME)
    return row not in TAMPERINGS or frame in TAMPERINGS[row].on


def _deeds(draw: random.Random, fractions: Sequence[Fraction], ids: dict[str, list[Injection]]) -> tuple[Deed, ...]:
    deeds = [_break(draw, fractions, ids) for _ in range(_share(draw, FAULT_SHARES))]
    deeds += [_odd(draw, fractions) for _ in range(_share(draw, DEED_SHARES))]
    return tuple(deeds)


def _slips(seed: int, fractions: Sequence[Fraction]) -> tuple[Deed, ...]:
    """From a stream of their own, so that all else in a seed's plan is what it was before there were any."""
    draw = random.Random(f"kerma slips {seed}")
    if draw.random() >= SLIP_PART:
        return ()
    do = draw.choice(SLIPS)
    only = ("PREPARATORY",) if do.startswith("confirm") else ("STANDBY", "INTERRUPTED", "TERMINATED", "READY")
    when = _when(draw, fractions, (*only, "READY") if do == "confirm-unloaded" else only)
    return (Deed(when, do, f"{draw.choice(LATE_S):g}" if do == "confirm-late" else "", 0.0),)


def _when(draw: random.Random, fractions: Sequence[Fraction], only: Sequence[str] = ()) -> When:
    state = _share(draw, {name: weight for name, (weight, _) in STATES.items() if not only or name in only})
    nth = 1 if draw.random() < 0.8 else draw.randint(1, len(fractions) + 1)
    within_s = STATES[state][1] or fractions[min(nth, len(fractions)) - 1].beam_s
    return When(state, nth, round(draw.uniform(0.0, within_s), 3))


def _break(draw: random.Random, fractions: Sequence[Fraction], ids: dict[str, list[Injection]]) -> Deed:
    if draw.random() < HOST_PART:
        return _host(draw, _when(draw, fractions))
    fault_id = draw.choice(list(ids))
    one = draw.choice(ids[fault_id])
    lasts = draw.choice((0.01, 0.01, 0.05, 0.2, 1.0, 1.0, 3.0, FOR_EVER, FOR_EVER))
    if one.from_start:
        return Deed(When("", 0, 0.0), "fault", f"{fault_id}/{one.name}", FOR_EVER)
    when = _when(draw, fractions, tuple(state.value for state in one.only))
    return Deed(when, "fault", f"{fault_id}/{one.name}", lasts)


def _host(draw: random.Random, when: When) -> Deed:
    do = draw.choice(HOST_DEEDS)
    away_s = round(draw.choice((0.03, 0.06, 0.15, 0.25, 0.6, 2.0)) * draw.uniform(0.7, 1.3), 3)
    if do == "wall-jump":
        return Deed(when, do, f"{draw.choice(WALL_JUMPS_S):+g}", 0.0)
    if do == "disk":
        return Deed(when, do, f"{draw.randint(1, 60)} {draw.choice(DISK_WHATS)}", FOR_EVER)
    return Deed(when, do, "", away_s)


def _odd(draw: random.Random, fractions: Sequence[Fraction]) -> Deed:
    when, do = _when(draw, fractions), draw.choice(PEOPLE_DEEDS)
    lasts = {"mash": round(draw.uniform(0.3, 1.5), 3), "hold": round(draw.uniform(0.5, 6.0), 3)}.get(do, 0.0)
    return Deed(when, do, "", lasts)
