"""The gate lets one command out a tick, and only with this tick's own verdict; every refusal is OFF or words, and OFF always passes."""

from __future__ import annotations

import math
import zlib
from typing import Any

import msgspec
import pytest
from interlock_bench import (
    BEAMING,
    CONTACTS,
    HV,
    LIMITS,
    OPEN,
    PLAN,
    QUIET,
    SWITCH,
    T0,
    TERMS,
    TICK_S,
    TOKEN,
    FakeClock,
    FakeMachine,
    armed,
    beaming,
    committed,
    pressed,
    readings,
    terms,
)

from hal.commands import Arm, ClearFaults, Command, Hold, Off, On, Reset, SetUp, Unlatch, Watch
from hal.commands import Test as UnitTest
from hal.machine import Renewal
from hal.readings import Readings, Relay, UnitState
from hal.units import Seconds
from interlocks.gate import Gate
from interlocks.words import House, Sent, Verdict, Wanted

WATCH = Wanted(Watch(), TERMS)
SET_UP = Wanted(SetUp(PLAN), TERMS)
ARM = Wanted(Arm(TOKEN, PLAN.staging_crc), TERMS)
HOLD = Wanted(Hold(TOKEN), TERMS)
ON = Wanted(On(TOKEN), TERMS)
OFF = Wanted(Off(), TERMS)
LEASE = Renewal(TOKEN, 200)


class Bench:
    """A gate on a fake machine, turned tick by tick in the order of the loop."""

    def __init__(self) -> None:
        self.machine, self.clock = FakeMachine(), FakeClock()
        self.gate = Gate(self.machine, LIMITS, self.clock, TICK_S)

    def look(self, maker: Any, house: House = QUIET, **changes: Any) -> Verdict:
        now = Seconds(self.clock.now)
        self.gate.ask(now)
        self.machine.says = maker(now, **changes)
        return self.gate.look(now, house)[1]

    def tick(self, wanted: Wanted, maker: Any, house: House = QUIET, **changes: Any) -> Sent:
        verdict = self.look(maker, house, **changes)
        sent = self.gate.pass_on(wanted, verdict)
        self.clock.now += TICK_S
        return sent

    def to_set_up(self) -> Bench:
        for _ in range(15):
            self.tick(SET_UP, committed)
        return self

    def to_armed(self) -> Bench:
        self.to_set_up()
        assert self.tick(ARM, committed).command == "arm"
        for _ in range(15):
            assert self.tick(HOLD, armed).refused == ""
        return self

    def to_beam(self) -> Bench:
        """ON passed, and past the ramp."""
        self.to_armed()
        assert self.tick(ON, pressed).command == "on"
        self.on_at = self.clock.now - TICK_S
        for n in range(1, 60):
            sent = self.tick(HOLD, self.beam, BEAMING)
            assert sent.refused == "", (n, sent.refused)
        return self

    def to_rest(self) -> None:
        """The cable's discharge time after an OFF."""
        for _ in range(120):
            self.tick(WATCH, committed)

    def beam(self, now: float, **changes: Any) -> Readings:
        on_s = now - self.on_at
        given: dict[str, Any] = {
            "on_sent_at_s": self.on_at,
            "unit_beam_ms": round(1000 * on_s),
            "unit_counts_1": round(2750 * on_s),
            "unit_counts_2": round(2806 * on_s),
        }
        return beaming(now, **(given | changes))


def only(bench: Bench, kind: type[Command]) -> list[Command]:
    return [command for command in bench.machine.written if isinstance(command, kind)]


def test_the_gate_starts_shut_and_opens_and_shuts_as_it_is_told() -> None:
    """Shut until HOLD passes, open in beam, shut by OFF; one ON went out, and OFF to the machine at once."""
    bench = Bench()
    assert not bench.gate.open
    bench.to_set_up()
    bench.tick(ARM, committed)
    assert not bench.gate.open
    bench.tick(HOLD, armed)
    assert bench.gate.open
    bench = Bench().to_beam()
    assert bench.gate.open and len(only(bench, On)) == 1 and bench.machine.offs == []
    sent = bench.tick(OFF, bench.beam, BEAMING)
    assert not bench.gate.open and len(bench.machine.offs) == 1
    assert sent.command == "off" and sent.on_at_s is None and sent.armed_at_s is None and sent.token is None
    assert sent.off_at_s == pytest.approx(bench.clock.now - TICK_S) and sent.terms == TERMS


def test_what_was_sent_is_kept_as_the_rules_need_it() -> None:
    """Times of SET UP, ARM and ON by the gate's own clock, counts of the unit at ARM, refused words empty."""
    bench = Bench().to_set_up()
    sent = bench.gate.sent
    assert sent.terms == TERMS and sent.set_up_at_s == T0 and sent.armed_at_s is None
    at = bench.clock.now
    bench.tick(ARM, committed)
    sent = bench.tick(ARM, committed)
    assert (sent.armed_at_s, sent.press_count, sent.boot_count, sent.token) == (at, 4, 3, TOKEN)
    bench.tick(HOLD, armed)
    at = bench.clock.now
    sent = bench.tick(ON, pressed)
    assert sent.on_at_s == at and sent.refused == ""


# -- the verdict is for once ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [WATCH, SET_UP, HOLD, ON, ARM], ids=lambda w: type(w.command).__name__)
def test_a_verdict_is_good_once_and_in_its_own_tick_only(wanted: Wanted) -> None:
    """A second use, an old verdict, and one of one's own making are refused, and refused is OFF."""
    for how in ("twice", "old", "made", "none"):
        bench = Bench().to_armed()
        old = bench.look(armed)
        if how == "twice":
            bench.gate.pass_on(HOLD, old)
            given = old
        elif how == "old":
            bench.clock.now += TICK_S
            bench.look(armed)
            given = old
        elif how == "made":
            given = msgspec.structs.replace(old)
        else:
            given = Verdict(0, 0.0, b"", (), (), False)
        before = len(bench.machine.written)
        sent = bench.gate.pass_on(wanted, given)
        assert sent.command == "off" and "verdict" in sent.refused, how
        assert len(bench.machine.written) == before and bench.machine.offs
        assert not bench.gate.open
        bench.gate.ask(Seconds(bench.clock.now))
        assert bench.machine.renewals[-1] is None


def test_off_passes_with_any_verdict_or_none_of_this_tick() -> None:
    """OFF needs no verdict."""
    bench = Bench()
    sent = bench.gate.pass_on(OFF, Verdict(99, 0.0, b"", (), (), False))
    assert sent.command == "off" and sent.refused == "" and len(bench.machine.offs) == 1
    bench = Bench().to_beam()
    verdict = bench.look(bench.beam, BEAMING)
    bench.gate.pass_on(HOLD, verdict)
    assert bench.gate.pass_on(OFF, verdict).command == "off" and bench.machine.offs


# -- renewal ----------------------------------------------------------------------------------------------------------


def test_a_permit_is_one_renewal_spent_by_the_next_ask() -> None:
    """HOLD leaves a permit, the next ask spends it, the one after has none."""
    bench = Bench().to_armed()
    bench.gate.ask(Seconds(bench.clock.now))
    bench.gate.ask(Seconds(bench.clock.now))
    assert bench.machine.renewals[-2:] == [LEASE, None]


@pytest.mark.parametrize(
    ("age_s", "renews"), [(0.0, True), (0.0199, True), (0.0201, False), (1.0, False), (-0.01, False)]
)
def test_a_permit_is_void_after_one_and_a_half_ticks_and_5_ms(age_s: float, renews: bool) -> None:
    """20 ms at 100 Hz since its look, by the later of the loop's clock and the gate's own; from the future it is void too."""
    for own_clock in (True, False):
        bench = Bench().to_armed()
        looked = bench.clock.now - TICK_S
        bench.clock.now = looked + age_s
        bench.gate.ask(Seconds(looked + age_s if not own_clock or age_s < 0 else looked))
        assert bench.machine.renewals[-1] == (LEASE if renews else None)


def test_no_permit_without_hold_or_on() -> None:
    """WATCH, OFF and a refused HOLD leave none; neither does a shut gate."""
    for wanted in (WATCH, OFF, Wanted(Hold(TOKEN + 1), TERMS)):
        bench = Bench().to_armed()
        bench.tick(wanted, armed)
        bench.gate.ask(Seconds(bench.clock.now))
        assert bench.machine.renewals[-1] is None
    bench = Bench().to_armed()
    bench.gate.shut(Seconds(bench.clock.now))
    bench.gate.ask(Seconds(bench.clock.now))
    assert bench.machine.renewals[-1] is None


def test_on_leaves_a_permit_too() -> None:
    """The lease goes on in the tick of ON."""
    bench = Bench().to_armed()
    bench.tick(ON, pressed)
    bench.gate.ask(Seconds(bench.clock.now))
    assert bench.machine.renewals[-1] == LEASE


def test_a_permit_that_nobody_spent_does_not_outlive_the_next_look() -> None:
    """A look without an ask before it drops the permit."""
    bench = Bench().to_armed()
    bench.gate.look(Seconds(bench.clock.now), QUIET)
    bench.gate.ask(Seconds(bench.clock.now))
    assert bench.machine.renewals[-1] is None


def test_a_look_that_raises_leaves_no_verdict_behind() -> None:
    """If reading raises, the verdict of the tick before is not usable either."""
    bench = Bench().to_armed()
    old = bench.look(armed)

    def breaks(now: Seconds) -> Readings:
        raise OSError("read")

    bench.machine.read = breaks  # type: ignore[method-assign]
    with pytest.raises(OSError, match="read"):
        bench.gate.look(Seconds(bench.clock.now), QUIET)
    assert bench.gate.pass_on(HOLD, old).command == "off"


# -- reflex -----------------------------------------------------------------------------------------------------------

REFLEXES: dict[str, dict[str, Any]] = {
    "door": {"unit_contacts_a": CONTACTS & ~2 | SWITCH},
    "unit lost": {"unit": None},
    "unit old": {"unit_asked_at_s": T0 - 1.0},
    "generator lost": {"flags": None},
    "over-voltage": {"monitor_kv": 80.0},
    "nan kv": {"monitor_kv": math.nan},
    "other set": {"unit_active_crc": 1},
}


@pytest.mark.parametrize("how", REFLEXES)
def test_the_look_itself_sends_off_when_the_verdict_forbids_beam(how: str) -> None:
    """Before anybody else hears of it OFF is out and the gate shut; HOLD in the same tick is refused and OFF again."""
    bench = Bench().to_beam()
    verdict = bench.look(bench.beam, BEAMING, **REFLEXES[how])
    assert verdict.forbids_beam
    assert len(bench.machine.offs) == 1 and not bench.gate.open
    assert bench.gate.sent.command == "off" and bench.gate.sent.on_at_s is None
    sent = bench.gate.pass_on(HOLD, verdict)
    assert sent.command == "off" and sent.refused
    assert not bench.gate.open and len(only(bench, On)) == 1


def test_the_reflex_waits_for_nobody_but_leaves_a_shut_gate_alone() -> None:
    """With a shut gate a forbidding verdict sends nothing: there is nothing to switch off."""
    bench = Bench()
    assert bench.look(readings, unit_contacts_a=0).forbids_beam
    assert bench.machine.offs == []


def test_the_reflexs_off_is_not_sent_twice_in_its_tick_and_is_if_it_did_not_leave() -> None:
    """After the reflex a wanted OFF is the same OFF; if its bytes had not left it is tried again at once."""
    for leaves, offs in ((True, 1), (False, 2)):
        bench = Bench().to_beam()
        bench.machine.off_leaves = leaves
        verdict = bench.look(bench.beam, BEAMING, unit_contacts_b=0)
        bench.gate.pass_on(OFF, verdict)
        assert len(bench.machine.offs) == offs


# -- off --------------------------------------------------------------------------------------------------------------


def test_off_is_repeated_until_it_left_and_then_ten_times_a_second() -> None:
    """Every tick while beam_off says False, then each 100 ms while OFF is wanted."""
    bench = Bench().to_beam()
    bench.machine.off_leaves = False
    for _ in range(5):
        bench.tick(OFF, bench.beam, BEAMING)
    assert len(bench.machine.offs) == 5
    bench.machine.off_leaves = True
    for _ in range(100):
        bench.tick(OFF, readings)
    assert len(bench.machine.offs) == 5 + 10
    assert bench.gate.sent.off_at_s == pytest.approx(bench.machine.offs[0])


@pytest.mark.parametrize(
    ("later_s", "again"), [(0.1 - 1.05e-6, False), (0.1 - 1e-6, True), (0.1 - 0.95e-6, True), (0.3 - 0.2, True)]
)
def test_off_comes_again_a_microsecond_before_the_tenth_of_a_second_is_over_and_no_sooner(
    later_s: float, again: bool
) -> None:
    """Ten ticks are a tenth of a second less or more by a float's last bit: OFF is not one tick late for it."""
    bench = Bench()
    for now, offs in ((0.0, 1), (later_s, 1 + again)):
        bench.clock.now = now
        bench.tick(OFF, committed)
        assert len(bench.machine.offs) == offs


def test_the_time_of_off_is_that_of_the_off_that_ended_the_permission() -> None:
    """Repetitions and further OFFs at rest do not move it, so that the discharge time can pass."""
    bench = Bench().to_beam()
    at = bench.clock.now
    for _ in range(300):
        bench.tick(OFF, readings)
    assert bench.gate.sent.off_at_s == bench.gate.sent.beam_off_at_s == at
    fresh = Bench()
    fresh.tick(OFF, readings)
    assert fresh.gate.sent.off_at_s is None and fresh.gate.sent.beam_off_at_s is None


@pytest.mark.parametrize("state", ["rest", "set up", "armed", "beam", "refusing"])
@pytest.mark.parametrize("broken", [False, True])
def test_off_always_passes(state: str, broken: bool) -> None:
    """In every state, with sound readings or none."""
    bench = {
        "rest": Bench,
        "set up": Bench().to_set_up,
        "armed": Bench().to_armed,
        "beam": Bench().to_beam,
        "refusing": Bench,
    }[state]()
    maker = (lambda now: Readings(now, armed().unit_link, armed().generator_link)) if broken else readings
    sent = bench.tick(OFF, maker)
    assert sent.command == "off" and sent.refused == "" and bench.machine.offs
    assert sent.armed_at_s is None and sent.on_at_s is None


def test_an_off_after_anything_else_is_sent_at_once() -> None:
    """The 100 ms are between repetitions, not after a command."""
    bench = Bench()
    bench.tick(OFF, readings)
    bench.tick(Wanted(UnitTest(1)), readings)
    bench.tick(OFF, readings)
    assert len(bench.machine.offs) == 2


# -- shut -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [OSError("wire"), MemoryError(), KeyboardInterrupt(), SystemExit(1), RecursionError()]
)
def test_shut_never_raises_and_tries_three_times(error: BaseException) -> None:
    """Whatever beam_off raises; afterwards nothing passes and nothing is renewed."""
    bench = Bench().to_beam()
    verdict = bench.look(bench.beam, BEAMING)
    bench.machine.breaks = error
    bench.gate.shut(Seconds(bench.clock.now))
    assert len(bench.machine.offs) == 3 and not bench.gate.open
    bench.machine.breaks = None
    assert bench.gate.pass_on(HOLD, verdict).command == "off"
    bench.gate.ask(Seconds(bench.clock.now))
    assert bench.machine.renewals[-1] is None


@pytest.mark.parametrize("leaves", [True, False])
def test_shut_makes_every_attempt_and_needs_no_clock(leaves: bool) -> None:
    """Also where the bytes left: what left may have been lost, and only a driver that is asked again sends it elsewhere. A broken clock keeps nothing from
    going out."""
    bench = Bench().to_beam()
    bench.machine.off_leaves = leaves
    began_s = bench.clock.now
    bench.gate.shut()
    assert bench.machine.offs == pytest.approx([began_s, began_s + 0.014, began_s + 0.025])
    assert bench.gate.sent.on_at_s is None
    bench.gate.shut(Seconds(bench.clock.now))
    assert len(bench.machine.offs) == 6
    bench = Bench().to_beam()
    bench.machine.off_leaves = leaves

    def breaks() -> Seconds:
        raise OSError("clock")

    bench.clock.monotonic = breaks  # type: ignore[method-assign]
    bench.gate.shut()
    assert len(bench.machine.offs) == 3


# -- on ---------------------------------------------------------------------------------------------------------------


def test_on_goes_out_once_for_a_token_for_ever() -> None:
    """A second ON of the token is OFF, in the same permission and after it; so is an older token."""
    bench = Bench().to_beam()
    sent = bench.tick(ON, bench.beam, BEAMING)
    assert sent.command == "off" and "before" in sent.refused and len(only(bench, On)) == 1
    for token in (TOKEN, TOKEN - 1, 0, -1):
        again = Bench().to_beam()
        again.tick(OFF, again.beam, BEAMING)
        again.to_rest()
        again.tick(SET_UP, committed)
        sent = again.tick(Wanted(Arm(token, PLAN.staging_crc), TERMS), committed)
        assert sent.command == "off" and "used before" in sent.refused
        assert again.tick(Wanted(On(token), TERMS), pressed).command == "off"
        assert len(only(again, On)) == 1


def test_a_later_token_is_another_exposure() -> None:
    """After OFF a higher token may be armed, pressed and switched on."""
    bench = Bench().to_beam()
    bench.tick(OFF, bench.beam, BEAMING)
    bench.to_rest()
    bench.tick(SET_UP, committed)
    bench.tick(Wanted(Arm(9, PLAN.staging_crc), TERMS), committed)
    bench.tick(Wanted(Hold(9), TERMS), armed, unit_token=9)
    sent = bench.tick(Wanted(On(9), TERMS), pressed, unit_token=9)
    assert sent.command == "on" and [c.token for c in only(bench, On)] == [7, 9]


@pytest.mark.parametrize(
    ("frozen_s", "passes"), [(0.0, True), (0.0199, True), (0.0201, False), (10.0, False), (-0.5, False)]
)
def test_a_freeze_between_look_and_pass_on_voids_on(frozen_s: float, passes: bool) -> None:
    """SIGSTOP between look and pass_on: the gate's own clock has jumped, and an ON of before the jump is OFF."""
    bench = Bench().to_armed()
    verdict = bench.look(pressed)
    bench.clock.now += frozen_s
    sent = bench.gate.pass_on(ON, verdict)
    assert (sent.command == "on") is passes
    assert len(only(bench, On)) == int(passes) and (bench.machine.offs == []) is passes


def test_a_freeze_between_look_and_pass_on_voids_the_renewal() -> None:
    """HOLD after a freeze leaves a permit that is void already."""
    bench = Bench().to_armed()
    verdict = bench.look(armed)
    bench.clock.now += 3.0
    bench.gate.pass_on(HOLD, verdict)
    bench.gate.ask(Seconds(bench.clock.now))
    assert bench.machine.renewals[-1] is None


ON_REFUSED: dict[str, tuple[dict[str, Any], House, str]] = {
    "still ARMED": ({"unit_state": int(UnitState.ARMED)}, QUIET, "state"),
    "ENDED": ({"unit_state": int(UnitState.ENDED)}, QUIET, "state"),
    "other token": ({"unit_token": 8}, QUIET, "permission"),
    "not pressed": ({"unit_press_count": 4}, QUIET, "press count"),
    "pressed twice": ({"unit_press_count": 6}, QUIET, "press count"),
    "pressed 65537 times": ({"unit_press_count": (4 + 65536) & 0xFFFF}, QUIET, "press count"),
    "restarted": ({"unit_boot_count": 4}, QUIET, "restarted"),
    "door": ({"unit_contacts_b": CONTACTS & ~2 | SWITCH}, QUIET, "door"),
    "generator on already": ({"flags_hv_on": True}, QUIET, "nobody asked"),
    "old flags": ({"flags_asked_at_s": None}, QUIET, "generator"),
    "old kV": ({"monitor_asked_at_s": None}, QUIET, "generator"),
    "recorder": ({}, msgspec.structs.replace(QUIET, recorder_lag_s=0.6), "disk"),
    "desk": ({}, msgspec.structs.replace(QUIET, desk_age_s=2.1), "desk"),
    "late": ({}, msgspec.structs.replace(QUIET, late_ticks=3), "late"),
    "old status": ({"unit_asked_at_s": None}, QUIET, "safety unit"),
}


@pytest.mark.parametrize("how", ON_REFUSED)
def test_on_is_refused_in_every_wrong_condition(how: str) -> None:
    """Refused in words, OFF out, no ON on the wire, the token spent for good."""
    changes, house, word = ON_REFUSED[how]
    bench = Bench().to_armed()
    changes = {name: bench.clock.now - 0.2 if value is None else value for name, value in changes.items()}
    sent = bench.tick(ON, pressed, house, **changes)
    assert sent.command == "off" and word in sent.refused, sent.refused
    assert only(bench, On) == [] and bench.machine.offs and not bench.gate.open
    assert bench.tick(ON, pressed).command == "off" and only(bench, On) == []


@pytest.mark.parametrize("stage", ["rest", "set up", "armed not held"])
def test_on_needs_a_permission(stage: str) -> None:
    """Without ARM, and without the unit having been read since ARM, ON is OFF."""
    bench = Bench()
    if stage != "rest":
        bench.to_set_up()
    if stage == "armed not held":
        bench.tick(ARM, committed)
        bench.clock.now -= TICK_S
        sent = bench.tick(ON, pressed, unit_asked_at_s=bench.clock.now - 0.005)
        assert "since ARM" in sent.refused
    else:
        sent = bench.tick(ON, pressed)
    assert sent.command == "off" and only(bench, On) == []


# -- arm and hold -----------------------------------------------------------------------------------------------------

ARM_REFUSED: dict[str, tuple[Wanted, dict[str, Any], House]] = {
    "other terms": (Wanted(Arm(TOKEN, PLAN.staging_crc), terms(d0_mgy=8000.0)), {}, QUIET),
    "no terms": (Wanted(Arm(TOKEN, PLAN.staging_crc)), {}, QUIET),
    "other CRC": (Wanted(Arm(TOKEN, PLAN.staging_crc ^ 1), TERMS), {}, QUIET),
    "token 0": (Wanted(Arm(0, PLAN.staging_crc), TERMS), {}, QUIET),
    "not committed": (ARM, {"unit_state": int(UnitState.IDLE)}, QUIET),
    "read-back differs": (ARM, {"set_points": None}, QUIET),
    "active differs": (ARM, {"active": None}, QUIET),
    "switch pressed": (ARM, {"unit_contacts_a": CONTACTS | SWITCH}, QUIET),
    "generator on": (ARM, {"flags_hv_on": True}, QUIET),
    "5 kV": (ARM, {"monitor_kv": 5.0}, QUIET),
    "kV not a number": (ARM, {"monitor_kv": math.nan}, QUIET),
    "K1 closed": (ARM, {"unit_relays": OPEN & ~int(Relay.K1_MIRROR_OPEN)}, QUIET),
    "hv seen": (ARM, {"unit_relays": OPEN | HV}, QUIET),
    "door": (ARM, {"unit_contacts_a": CONTACTS & ~2}, QUIET),
    "certificate": (ARM, {}, msgspec.structs.replace(QUIET, wall_s=3e9)),
    "generator fault": (ARM, {"flags_fault": True}, QUIET),
    "no unit": (ARM, {"unit": None}, QUIET),
    "no monitor": (ARM, {"monitor": None}, QUIET),
}


@pytest.mark.parametrize("how", ARM_REFUSED)
def test_arm_is_refused_in_every_wrong_condition(how: str) -> None:
    """Anything that blocks a start, a read-back that is not the plan, beam not off, switch pressed, wrong token or CRC: OFF and words."""
    wanted, changes, house = ARM_REFUSED[how]
    bench = Bench().to_set_up()
    sent = bench.tick(wanted, committed, house, **changes)
    assert sent.command == "off" and sent.refused.startswith("ARM refused: ") and len(sent.refused) > 20
    assert only(bench, Arm) == [] and sent.armed_at_s is None and bench.machine.offs


def test_arm_needs_a_set_up_since_the_last_off() -> None:
    """Terms are kept over OFF, the right to arm them is not."""
    bench = Bench().to_set_up()
    bench.tick(OFF, committed)
    assert bench.tick(ARM, committed).command == "off" and only(bench, Arm) == []


def test_another_token_cannot_be_armed_in_the_same_permission() -> None:
    """One token a permission."""
    bench = Bench().to_armed()
    sent = bench.tick(Wanted(Arm(TOKEN + 1, PLAN.staging_crc), TERMS), armed)
    assert sent.command == "off" and len(only(bench, Arm)) == 1


def test_arm_wanted_again_is_sent_again_until_the_unit_reads_armed_and_then_renews() -> None:
    """ARM is a level; once it was read back the same wish is a renewal; before, there is none."""
    bench = Bench().to_set_up()
    for _ in range(3):
        assert bench.tick(ARM, committed).command == "arm"
    assert len(only(bench, Arm)) == 3 and set(bench.machine.renewals) == {None}
    assert bench.tick(ARM, armed).command == "hold"
    assert len(only(bench, Arm)) == 3
    bench.gate.ask(Seconds(bench.clock.now))
    assert bench.machine.renewals[-1] == LEASE
    assert bench.tick(ARM, armed, unit_contacts_a=CONTACTS & ~2).command == "off"


def test_arm_wanted_again_stops_when_something_forbids_it() -> None:
    """While the unit has not answered, a door that opens is OFF."""
    bench = Bench().to_set_up()
    bench.tick(ARM, committed)
    assert bench.tick(ARM, committed, unit_contacts_a=CONTACTS & ~2).command == "off"


@pytest.mark.parametrize("changes", [{"unit": None}, {"unit_contacts_a": CONTACTS & ~2}], ids=["no unit", "door"])
def test_an_arm_that_is_refused_the_second_time_says_why_too(changes: dict[str, Any]) -> None:
    """The unit's status went missing, or a door opened, between ARM and its read-back: OFF, with the finding's words."""
    bench = Bench().to_set_up()
    bench.tick(ARM, committed)
    sent = bench.tick(ARM, committed, **changes)
    assert sent.command == "off" and sent.refused.startswith("ARM refused: the verdict forbids beam: ")
    assert "; first: " in sent.refused


HOLD_REFUSED: dict[str, tuple[Wanted, dict[str, Any]]] = {
    "other token": (Wanted(Hold(TOKEN + 1), TERMS), {}),
    "unit's token": (HOLD, {"unit_token": 0}),
    "lapsed": (HOLD, {"unit_state": int(UnitState.IDLE)}),
    "ended": (HOLD, {"unit_state": int(UnitState.ENDED)}),
    "latched": (HOLD, {"unit_state": int(UnitState.LATCHED)}),
    "unknown state": (HOLD, {"unit_state": 0x4445}),
    "door": (HOLD, {"unit_contacts_a": CONTACTS & ~2}),
    "key": (HOLD, {"unit_contacts_a": CONTACTS & ~4}),
}


@pytest.mark.parametrize("how", HOLD_REFUSED)
def test_hold_is_refused_in_every_wrong_condition(how: str) -> None:
    """No permit, OFF, gate shut."""
    wanted, changes = HOLD_REFUSED[how]
    bench = Bench().to_armed()
    sent = bench.tick(wanted, armed, **changes)
    assert sent.command == "off" and not bench.gate.open and bench.machine.offs
    bench.gate.ask(Seconds(bench.clock.now))
    assert bench.machine.renewals[-1] is None


def test_hold_before_arm_was_read_back_is_refused() -> None:
    """In ARMING renewals begin only after a status asked for later than ARM reads ARMED with the token."""
    bench = Bench().to_set_up()
    assert bench.tick(HOLD, committed).command == "off"
    bench = Bench().to_set_up()
    bench.tick(ARM, committed)
    assert bench.tick(HOLD, committed).command == "off"
    assert set(bench.machine.renewals) == {None}


def test_hold_with_a_shut_gate_and_a_forbidding_verdict_is_refused() -> None:
    """Between ARM and the first HOLD the reflex has no open gate to shut: the HOLD itself is refused, and so is ARM for what only blocks a start."""
    bench = Bench().to_set_up()
    bench.tick(ARM, committed)
    sent = bench.tick(HOLD, armed, unit_contacts_a=CONTACTS & ~2)
    assert sent.command == "off" and "door" in sent.refused and not bench.gate.open
    bench = Bench().to_set_up()
    bench.tick(ARM, committed)
    for _ in range(600):
        pressed_early = bench.tick(ARM, committed, unit_contacts_a=CONTACTS | SWITCH, unit_contacts_b=CONTACTS | SWITCH)
        if pressed_early.command != "arm":
            break
    assert pressed_early.command == "off" and "switch" in pressed_early.refused


def test_a_window_that_is_left_for_less_than_its_persistence_goes_on_being_renewed() -> None:
    """A pending FALSE is no finding: the lease is renewed until it counts, and OFF follows in the tick in which it does."""
    bench = Bench().to_beam()
    for n in range(12):
        sent = bench.tick(HOLD, bench.beam, BEAMING, monitor_kv=71.5)
        if n < 10:
            assert sent.command == "hold" and bench.machine.renewals[-1] == LEASE
    assert sent.command == "off" and bench.machine.offs


# -- at rest ----------------------------------------------------------------------------------------------------------

SERVICE: dict[str, tuple[Wanted, Any, dict[str, Any]]] = {
    "set_up": (SET_UP, committed, {}),
    "reset": (Wanted(Reset(TOKEN)), readings, {"unit_state": int(UnitState.ENDED)}),
    "unlatch": (Wanted(Unlatch(3)), readings, {"unit_state": int(UnitState.LATCHED)}),
    "test": (Wanted(UnitTest(1)), readings, {}),
    "clear_faults": (Wanted(ClearFaults()), readings, {"flags_fault": True}),
}
NOT_AT_REST: dict[str, dict[str, Any]] = {
    "no unit": {"unit": None},
    "old unit": {"unit_asked_at_s": T0 - 1.0},
    "armed": {"unit_state": int(UnitState.ARMED)},
    "running": {"unit_state": int(UnitState.RUN)},
    "K1 closed": {"unit_relays": OPEN & ~int(Relay.K1_MIRROR_OPEN)},
    "K1 commanded": {"unit_relays": OPEN | int(Relay.K1_COMMAND)},
    "hv seen": {"unit_relays": OPEN | HV},
    "no flags": {"flags": None},
    "old flags": {"flags_asked_at_s": T0 - 1.0},
    "hv on": {"flags_hv_on": True},
}


@pytest.mark.parametrize("tag", SERVICE)
def test_service_verbs_pass_at_rest(tag: str) -> None:
    """Gate shut, beam off."""
    wanted, maker, changes = SERVICE[tag]
    bench = Bench()
    assert bench.tick(wanted, maker, **changes).command == tag
    assert bench.machine.written == [wanted.command]


@pytest.mark.parametrize("tag", SERVICE)
@pytest.mark.parametrize("how", NOT_AT_REST)
def test_service_verbs_are_refused_while_the_beam_is_not_known_to_be_off(tag: str, how: str) -> None:
    """In words, without undoing what is set up; the machine is told to watch."""
    wanted, maker, changes = SERVICE[tag]
    bench = Bench()
    sent = bench.tick(wanted, maker, **(changes | NOT_AT_REST[how]))
    assert sent.command == "watch" and sent.refused.startswith(f"{tag} refused: ")
    assert bench.machine.written == [Watch()] and bench.machine.offs == []


@pytest.mark.parametrize("tag", SERVICE)
def test_service_verbs_are_off_while_a_permission_is_out(tag: str) -> None:
    """Somebody is confused: OFF."""
    wanted, _, _ = SERVICE[tag]
    for bench, maker in ((Bench().to_armed(), armed), (Bench().to_beam(), None)):
        sent = bench.tick(wanted, maker or bench.beam, BEAMING if maker is None else QUIET)
        assert sent.command == "off" and bench.machine.offs and not bench.gate.open
        assert wanted.command not in bench.machine.written[-3:]


def test_a_test_of_the_unit_may_be_wanted_while_it_runs() -> None:
    """In TEST K1 may be closed by the unit itself."""
    bench = Bench()
    sent = bench.tick(
        Wanted(UnitTest(3)), readings, unit_state=int(UnitState.TEST), unit_relays=OPEN & ~int(Relay.K1_MIRROR_OPEN) | 1
    )
    assert sent.command == "test"


def test_reset_and_unlatch_need_something_to_clear() -> None:
    """RESET in IDLE or ENDED, UNLATCH in LATCHED."""
    bench = Bench()
    assert bench.tick(Wanted(Reset(1)), readings, unit_state=int(UnitState.COMMITTED)).command == "watch"
    assert bench.tick(Wanted(Unlatch(1)), readings).command == "watch"
    assert bench.tick(Wanted(Reset(1)), readings).command == "reset"


def _other_plan(**changes: Any) -> Any:
    return msgspec.structs.replace(PLAN, **changes)


def _with_plan(plan: Any) -> Wanted:
    return Wanted(SetUp(plan), terms(plan=plan, digest=plan.digest()))


ZERO_PRESET = bytes(4) + PLAN.staging[4:]
LONG_PRESET = (160_002).to_bytes(4, "big") + PLAN.staging[4:]
LONG_K1 = PLAN.staging[:4] + (165_002).to_bytes(4, "big") + PLAN.staging[8:]


def _crc(block: bytes) -> Any:
    return _other_plan(staging=block, staging_crc=zlib.crc32(block))


SET_UP_REFUSED: dict[str, tuple[Wanted, str]] = {
    "no terms": (Wanted(SetUp(PLAN)), "terms"),
    "another plan": (Wanted(SetUp(_other_plan(kv_counts=1)), TERMS), "terms"),
    "wrong CRC": (_with_plan(_other_plan(staging_crc=1)), "CRC"),
    "short block": (_with_plan(_crc(PLAN.staging[:-1])), "CRC"),
    "wrong digest": (Wanted(SetUp(PLAN), terms(digest=b"x" * 32)), "digest"),
    "preset 0": (_with_plan(_crc(ZERO_PRESET)), "timer preset"),
    "preset above limit": (_with_plan(_crc(LONG_PRESET)), "timer preset"),
    "k1 limit above": (_with_plan(_crc(LONG_K1)), "K1 limit"),
    "kV": (Wanted(SetUp(PLAN), terms(kv=100.1)), "kv_max"),
    "kV low": (Wanted(SetUp(PLAN), terms(kv=49.9)), "kv_min"),
    "mA": (Wanted(SetUp(PLAN), terms(ma=5.01)), "ma_max"),
    "skin": (Wanted(SetUp(PLAN), terms(d0_mgy=25_000.1)), "skin_max_mgy"),
    "short": (Wanted(SetUp(PLAN), terms(set_time_s=2.99)), "time_min_s"),
    "long": (Wanted(SetUp(PLAN), terms(set_time_s=900.1)), "time_max_s"),
    "NaN": (Wanted(SetUp(PLAN), terms(r0_mgy_per_s=math.nan)), "finite"),
    "inf": (Wanted(SetUp(PLAN), terms(t2d_s=math.inf)), "finite"),
    "no rate": (Wanted(SetUp(PLAN), terms(r0_mgy_per_s=0.0)), "r0_mgy_per_s"),
}


@pytest.mark.parametrize("how", SET_UP_REFUSED)
def test_a_set_up_outside_limits_or_not_whole_is_refused(how: str) -> None:
    """Words with the bound's name; nothing is set up, nothing reaches the machine but WATCH."""
    wanted, word = SET_UP_REFUSED[how]
    bench = Bench()
    sent = bench.tick(wanted, committed)
    assert sent.command == "watch" and word in sent.refused, sent.refused
    assert sent.terms is None and bench.machine.written == [Watch()]


def test_other_terms_are_another_set_up() -> None:
    """New terms replace the old ones and are checked anew."""
    bench = Bench().to_set_up()
    at = bench.clock.now
    other = terms(d0_mgy=8000.0)
    sent = bench.tick(Wanted(SetUp(PLAN), other), committed)
    assert sent.terms == other and sent.set_up_at_s == at
    assert bench.tick(Wanted(SetUp(PLAN), terms(kv=101.0)), committed).refused


def test_watch_without_terms_forgets_that_anything_is_set_up() -> None:
    """After an unload the desk, the certificate and the presets are no longer asked for."""
    bench = Bench().to_set_up()
    assert bench.tick(WATCH, committed).set_up_at_s is not None
    sent = bench.tick(Wanted(Watch()), committed, msgspec.structs.replace(QUIET, desk_age_s=99.0))
    assert sent.set_up_at_s is None
    assert not bench.look(committed, msgspec.structs.replace(QUIET, desk_age_s=99.0)).findings


def test_a_frozen_process_finds_its_gate_shut_by_its_own_verdict() -> None:
    """SIGSTOP for 0.3 s in beam: the next look has a tick gap and old readings; OFF goes out in it."""
    bench = Bench().to_beam()
    old = bench.machine.says
    bench.clock.now += 0.3
    bench.gate.ask(Seconds(bench.clock.now))
    assert bench.machine.renewals[-1] is None
    bench.machine.says = msgspec.structs.replace(old, now_s=bench.clock.now)
    verdict = bench.gate.look(Seconds(bench.clock.now), msgspec.structs.replace(BEAMING, tick_gap_s=0.31))[1]
    assert verdict.forbids_beam and not bench.gate.open and bench.machine.offs
    assert verdict.findings[0].rule == "tick_gap"
