"""What must hold on every step of the search, told from the world's own truth and from what was sent; one law a row, each with its words.
It calls no rule and no guard of the program: what a start needs is written here a second time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from controller.entries import Outcome
from controller.states import BEAM, Event, State
from verification.explore_host import CYCLED, EVENTS, STATES, Host, Ticked
from verification.explore_world import ARMED, DURABLE, GOOD, KEY_SERVICE, PLAN, RUN, Ask, Move, World


class Ghost(NamedTuple):
    """What the checker itself remembers: the highest token for which ON was sent, and whether a person has confirmed since anything went wrong."""

    on: int = 0
    confirmed: bool = False


class Step(NamedTuple):
    """One step: the program before, the world as it was read, what happened, what the tick did, and the world after it. `service`: the contacts of the
    world with which the key stands in SERVICE."""

    before: Host
    world: World
    move: Move
    ticked: Ticked
    after: World
    ghost: Ghost
    service: tuple[int, ...] = (KEY_SERVICE,)

    @property
    def state(self) -> State:
        return STATES[self.before.state]

    @property
    def to(self) -> State:
        return STATES[self.ticked.host.state]

    @property
    def event(self) -> Event:
        return EVENTS[self.ticked.event - 1]


def amiss(step: Step) -> str:
    """What of the world forbids to start or to keep a beam, as far as a reading can show it; empty when nothing does."""
    world, unit, generator = step.world, step.world.unit, step.world.generator
    wrong = {
        "STOP": step.move.stop,
        "unloaded": step.move.ask is Ask.EDIT,
        "the program stood still": step.move.stood_still,
        "the safety unit is silent": world.unit_frozen is not None,
        "the generator is silent": world.generator_frozen is not None,
        "nothing reaches the disk": not world.recorder,
        "nobody is at the desk": not world.desk,
        "door or key": unit.contacts != GOOD,
        "the safety unit has restarted": unit.restarted,
        "the safety unit holds another set": unit.crc != PLAN,
        "the generator holds other set-points": generator.points != PLAN,
        "the generator reports a fault": generator.fault,
    }
    return ", ".join(name for name, is_so in wrong.items() if is_so)


def after_step(step: Step) -> Ghost:
    """What the checker remembers after this step: a confirmation lasts until something is amiss, the set-up is given up, or ON is sent for it."""
    said, ghost = step.ticked.said, step.ghost
    if said.command == "on":
        return Ghost(max(ghost.on, said.token), False)
    if step.to not in (State.ARMING, State.READY, *BEAM) or amiss(step):
        return Ghost(ghost.on, False)
    confirmed = step.move.ask is Ask.CONFIRM and step.event is Event.CONFIRM and step.before.offer == 1
    return Ghost(ghost.on, ghost.confirmed or confirmed)


def _start_guard(step: Step, token: int) -> str:
    """Everything that the start of a beam needs; the words name what is lacking."""
    world, unit = step.world, step.world.unit
    needs = {
        "READY by PRESS": step.state is State.READY and step.event is Event.PRESS,
        "a START that is durable, and its token": world.start == DURABLE and world.token == token > 0,
        "a token for which ON was never sent": token > step.ghost.on,
        "a confirmation since anything went wrong": step.ghost.confirmed,
        "a unit that runs with this token": unit.state == RUN and unit.token == token,
        "one press since it was armed": unit.presses == 1,
    }
    lacking = [name for name, has in needs.items() if not has]
    wrong = amiss(step)
    return "; ".join([*(f"without {name}" for name in lacking), *([f"although: {wrong}"] if wrong else [])])


def _on_guard(step: Step) -> str:
    said = step.ticked.said
    wrong = _start_guard(step, said.token) if said.command == "on" else ""
    return f"ON was sent {wrong}" if wrong else ""


def _start_only(step: Step) -> str:
    if step.to is State.STARTING and step.state is not State.STARTING:
        wrong = _start_guard(step, step.ticked.host.case_token)
        return f"STARTING was entered {wrong}" if wrong else ""
    if step.to is State.IRRADIATING and step.state is not State.IRRADIATING:
        known = step.state is State.STARTING and step.ghost.on == step.ticked.host.case_token > 0
        return "" if known else f"IRRADIATING was entered from {step.state.name} without an ON for its token"
    return ""


def _once(step: Step) -> str:
    said = step.ticked.said
    again = said.command == "on" and said.token <= step.ghost.on
    return f"ON was sent a second time for token {said.token}" if again else ""


def _stop(step: Step) -> str:
    if not step.move.stop:
        return ""
    said, to = step.ticked.said, step.to
    if said.command in ("on", "arm", "hold") or said.renews:
        return f"STOP was asked, and {said.command or 'a renewal'} left in the same tick"
    if to in (State.ARMING, State.READY, *BEAM):
        return f"STOP was asked, and the state is {to.name}"
    if step.before.armed and not said.off:
        return "STOP was asked with ARM not taken back, and no OFF left in the same tick"
    out = step.before.open or step.world.generator.hv or step.world.unit.state in (ARMED, RUN)
    return (
        "STOP was asked with a permission or a beam out, and no OFF left in the same tick"
        if out and not said.off
        else ""
    )


def _edit(step: Step) -> str:
    """Whoever unloads has nothing confirmed any more."""
    if step.move.ask is not Ask.EDIT or step.to not in (State.ARMING, State.READY, *BEAM):
        return ""
    return f"the fraction was unloaded, and the state is {step.to.name}"


def _ready(step: Step) -> str:
    """READY is entered from ARMING alone, with the unit armed for the token of a durable START."""
    if step.to is not State.READY or step.state is State.READY:
        return ""
    world, unit = step.world, step.world.unit
    fine = (
        step.state is State.ARMING
        and step.ghost.confirmed
        and world.start == DURABLE
        and unit.state == ARMED
        and unit.token == world.token == step.ticked.host.case_token > 0
    )
    wrong = amiss(step)
    if fine and not wrong:
        return ""
    return f"READY was entered from {step.state.name} by {step.event.name}" + (f", although: {wrong}" if wrong else "")


def _reaction(step: Step) -> str:
    if step.state not in (State.READY, *BEAM) or step.move.restarts:
        return ""
    generator = step.world.generator
    if generator.fault and step.state in BEAM:
        # a generator that falls waits for the unit's later word, at most T1: an end by the unit shows first in the generator
        step = step._replace(world=step.world._replace(generator=generator._replace(fault=False)))
    wrong = amiss(step) or ("" if step.world.unit.state in (ARMED, RUN) else "the safety unit permits nothing")
    if wrong and not step.ticked.said.off:
        return f"no OFF in the same tick, although: {wrong}"
    stays = step.to in (State.ARMING, State.READY, *BEAM)
    return f"the state is {step.to.name} after it, although: {wrong}" if wrong and stays else ""


def _through_stopping(step: Step) -> str:
    if step.state not in BEAM or step.move.restarts:
        return ""
    fine = step.to in (*BEAM, State.STOPPING)
    return "" if fine else f"{step.state.name} was left for {step.to.name}, not through STOPPING"


def _stopping_left(step: Step) -> str:
    """STOPPING is left with the beam truly off and seen off, or for STUCK_ON."""
    if step.state is not State.STOPPING or step.to in (State.STOPPING, State.STUCK_ON) or step.move.restarts:
        return ""
    world = step.world
    if world.generator.hv:
        return f"STOPPING was left for {step.to.name} with high voltage on"
    if world.unit_frozen is not None and world.generator_frozen is not None:
        return f"STOPPING was left for {step.to.name} with both links silent"
    if world.unit_frozen is None and (world.unit.state == RUN or world.unit.welded):
        return f"STOPPING was left for {step.to.name} with K1 closed"
    return ""


def _outcome(step: Step) -> str:
    if step.state is not State.STOPPING or step.move.restarts:
        return ""
    before, after = Outcome(step.before.outcome), Outcome(step.ticked.host.outcome)
    if step.to is State.STOPPING:
        return f"the outcome fell from {before.name} to {after.name}" if after < before else ""
    if before is Outcome.FAULT and step.to not in (State.FAULT, State.STUCK_ON):
        return f"a fault ended in {step.to.name}"
    return ""


def _latched_states(step: Step) -> str:
    """FAULT and STUCK_ON are left by their resets alone; what STUCK_ON needs is seen in the world."""
    if step.move.restarts or step.state is step.to or step.state not in (State.FAULT, State.STUCK_ON):
        return ""
    if step.state is State.FAULT and step.to is State.STUCK_ON:
        return ""
    asked = step.move.ask in (Ask.RESET_OPERATOR, Ask.RESET_PHYSICIST, Ask.RESET_SERVICE)
    if not asked or step.to is not State.SELF_TEST:
        return f"{step.state.name} was left for {step.to.name} without a reset"
    if step.state is State.STUCK_ON:
        world, unit = step.world, step.world.unit
        mended = (
            step.move.ask is Ask.RESET_SERVICE
            and unit.contacts in step.service
            and world.unit_frozen is None
            and world.generator_frozen is None
            and not world.generator.hv
            and not unit.welded
            and unit.state not in (ARMED, RUN)
            and step.before.cycle == CYCLED
        )
        return (
            ""
            if mended
            else "STUCK_ON was left without service, key, open contactors, high voltage gone and a power cycle"
        )
    return "" if not step.world.generator.hv else "FAULT was left with high voltage on"


def _stray(step: Step) -> str:
    """High voltage that is seen where none belongs is called so, and OFF is sent."""
    world = step.world
    seen = world.generator.hv and world.generator_frozen is None and world.unit_frozen is None
    if not seen or step.move.restarts or step.state in (*BEAM, State.STOPPING, State.STUCK_ON):
        return ""
    if step.before.off and step.before.on_sent:
        return ""
    fine = step.to in (State.STUCK_ON, State.STOPPING)
    if not fine:
        return f"high voltage is seen in {step.state.name}, and the state is {step.to.name}"
    return "" if step.ticked.said.off else f"high voltage is seen in {step.state.name}, and no OFF left"


_REST: Final = ("", "watch")
WANTED: Final[dict[State, tuple[str, ...]]] = {
    State.SELF_TEST: (*_REST, "reset", "test", "clear_faults"),
    State.STANDBY: (*_REST, "reset"),
    State.PREPARATORY: (*_REST, "set_up", "reset"),
    State.ARMING: (*_REST, "arm", "hold"),
    State.READY: ("", "hold"),
    State.STARTING: ("", "on", "hold"),
    State.IRRADIATING: ("", "hold"),
    State.STOPPING: ("",),
    State.INTERRUPTED: (*_REST, "reset"),
    State.TERMINATED: (*_REST, "reset"),
    State.FAULT: (*_REST, "unlatch"),
    State.STUCK_ON: (*_REST, "unlatch"),
}
"""What may leave in each state; the empty word is OFF alone. WATCH writes nothing: it is what a refused command becomes."""


def _commands(step: Step) -> str:
    said, to = step.ticked.said, step.to
    if said.command not in WANTED[to] or (not said.command and not said.off):
        return f"{said.command or 'nothing'} left in {to.name}"
    if said.command == "on" and (step.state is State.STARTING or to is not State.STARTING):
        return f"ON left in {to.name}, and the tick of its transition is not this one"
    if said.renews and to not in (State.ARMING, State.READY, *BEAM):
        return f"a renewal was left in {to.name}"
    if said.renews and said.off:
        return f"a renewal was left in {to.name} beside OFF"
    if to is State.STOPPING and not said.off:
        return "no OFF left in STOPPING"
    return ""


def _token(step: Step) -> str:
    """ARM and HOLD name the token of a START that is durable, and no other."""
    said, world = step.ticked.said, step.world
    if said.command == "arm" and not (world.start == DURABLE and world.token == said.token):
        return f"ARM left for token {said.token}, which no durable START has"
    return ""


def _hands_off_mains(step: Step) -> str:
    """A set-up, a reset or a test never leaves while there is beam to be seen."""
    said, world = step.ticked.said, step.world
    seen = world.unit_frozen is None and (world.generator.hv or world.unit.state == RUN)
    busy = said.command in ("set_up", "reset", "test", "clear_faults", "unlatch")
    return f"{said.command} left with beam or a running unit" if busy and seen else ""


class Law(NamedTuple):
    """One property: its name, what it says, and the words of its breach (empty: kept)."""

    name: str
    words: str
    broken: Callable[[Step], str]


LAWS: Final = (
    Law("on", "ON leaves only in READY by PRESS, with an unused token, a durable START, what was confirmed read back, and nothing amiss", _on_guard),
    Law("start", "no state reaches STARTING or IRRADIATING without the guard set", _start_only),
    Law("once", "ON leaves once for a token", _once),
    Law("stop", "STOP sends OFF in the same tick and leads away from beam, from every state", _stop),
    Law("edit", "to unload takes back what was confirmed, from every state", _edit),
    Law("ready", "READY is entered only from ARMING, confirmed, with a durable START and the unit armed for its token", _ready),
    Law("reaction", "what is seen amiss in READY and in beam sends OFF in the same tick, and ends that state", _reaction),
    Law("through", "beam states are left only through STOPPING", _through_stopping),
    Law("proved", "STOPPING is left only with the beam off and K1 open, or for STUCK_ON", _stopping_left),
    Law("outcome", "the outcome of STOPPING only escalates, and a fault ends in FAULT", _outcome),
    Law("latched", "FAULT and STUCK_ON are left by their resets alone", _latched_states),
    Law("stray", "high voltage that nobody asked for is STUCK_ON, with OFF", _stray),
    Law("commands", "each state sends what the design says and nothing else; a renewal is left only from ARMING to IRRADIATING", _commands),
    Law("token", "ARM names the token of a durable START", _token),
    Law("rest", "a set-up, a reset and a test leave only without beam", _hands_off_mains),
)  # fmt: skip
"""The laws of a single step; those of the whole graph (bounded stop, no deadlock) are in verification/explore.py."""
