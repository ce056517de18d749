"""The world of the search, small enough to be searched whole: safety unit, generator, people and records as a few fields each, and what can happen to them.
It knows no rule and no state of the program; a fault is a move that spends budget, everything else may happen at any time."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Final, NamedTuple

from controller.states import EXPIRES_S, State
from hal.readings import Cause, UnitState

IDLE, COMMITTED, ARMED, RUN, ENDED, LATCHED = (
    int(state)
    for state in (
        UnitState.IDLE,
        UnitState.COMMITTED,
        UnitState.ARMED,
        UnitState.RUN,
        UnitState.ENDED,
        UnitState.LATCHED,
    )
)
NOTHING, PLAN, FOREIGN = 0, 1, 2
"""What a device holds: nothing of ours, what was confirmed, or what somebody else wrote."""
GOOD, DOOR_OPEN, KEY_AWAY, KEY_SERVICE = 0, 1, 2, 3
"""The contacts: all closed and the key in TREAT, the door open, the key in neither place, the key in SERVICE."""
SOUND, DEAF, MUTE = 0, 1, 2
"""The generator: sound; deaf to OFF and to its interlock line; mute: it takes ON and gives no high voltage."""
NO_DOSE, PART, WHOLE = 0, 1, 2
NOT_WRITTEN, WRITTEN, DURABLE, DURABLE_OTHER = 0, 1, 2, 3
"""A START in the records; the last is acknowledged, but over other bytes than were put."""
HARDLY, A_WHILE, TOO_LONG = 0, 1, 2
"""How much time passes before a tick: one tick; some tenths of a second, more than any persistence, settling time or lease; more than any deadline."""


class Unit(NamedTuple):
    """The safety unit. `token` is what it says; `kept` the exposure that it retains; `last` the highest that it ever armed; `presses` since ARM."""

    state: int = IDLE
    token: int = 0
    kept: int = 0
    last: int = 0
    crc: int = NOTHING
    cause: int = 0
    presses: int = 0
    restarted: bool = False
    contacts: int = GOOD
    switch: bool = False
    welded: bool = False


class Generator(NamedTuple):
    """The generator: high voltage, how it is broken, whose set-points it holds, its own fault."""

    hv: bool = False
    broken: int = SOUND
    points: int = NOTHING
    fault: bool = False


class World(NamedTuple):
    """All that is not the program. `unit_frozen` and `generator_frozen` hold what was last heard while a link is silent.

    `token` is what the records gave the newest START; `end` the outcome, plus one, of a TERMINAL that is not yet durable (0: none is pending), `end_token`
    its token; `due` the retained token that may be reset, `open` that of a fraction that the records hold open.
    """

    unit: Unit = Unit()
    generator: Generator = Generator()
    unit_frozen: tuple[Unit, bool] | None = None
    generator_frozen: Generator | None = None
    recorder: bool = True
    desk: bool = True
    start: int = NOT_WRITTEN
    token: int = 0
    end: int = 0
    end_token: int = 0
    due: int = 0
    open: int = 0
    dose: int = NO_DOSE
    channels_disagree: bool = False


class Ask(IntEnum):
    """What a person may ask of the program."""

    NOTHING = 0
    LOAD = 1
    RESUME = 2
    CONFIRM = 3
    CONFIRM_OLD = 4
    CONFIRM_OTHER = 5
    EDIT = 6
    CLOSE = 7
    RESET_OPERATOR = 8
    RESET_PHYSICIST = 9
    RESET_SERVICE = 10
    RETEST = 11


Change = Callable[[World], World | None]


class Move(NamedTuple):
    """One thing that may happen before a tick. `change` gives the world after it, None where it cannot happen; `passes` how much time goes by;
    `only` names the states in which it is tried, because nowhere else does it matter when it happens."""

    name: str
    words: str
    change: Change
    ask: Ask = Ask.NOTHING
    stop: bool = False
    passes: int = HARDLY
    fault: bool = False
    stood_still: bool = False
    restarts: bool = False
    only: frozenset[State] | None = None


def _same(world: World) -> World:
    return world


def _unit(world: World, **changes: object) -> World:
    return world._replace(unit=world.unit._replace(**changes))  # type: ignore[arg-type]


def _generator(world: World, **changes: object) -> World:
    return world._replace(generator=world.generator._replace(**changes))  # type: ignore[arg-type]


def ended(world: World, cause: int) -> World:
    """The unit ends a run, and keeps its token."""
    return _unit(world, state=ENDED, cause=cause, kept=world.unit.token)


def idle(world: World) -> World:
    """A permission that was not used is gone; what was retained before is still retained."""
    return _unit(world, state=IDLE, token=world.unit.kept)


def _press(times: int) -> Change:
    def change(world: World) -> World | None:
        unit = world.unit
        if unit.state == ARMED and unit.contacts == GOOD and not unit.switch:
            return _unit(world, state=RUN, switch=times > 0, presses=min(2, unit.presses + times))
        return _unit(world, switch=True) if times == 1 and unit.state == COMMITTED and not unit.switch else None

    return change


def _tap(world: World) -> World | None:
    """Pressed and let go between two looks: the unit runs and ends it, and the program reads neither the press nor RUN."""
    pressed = _press(1)(world)
    if pressed is None or pressed.unit.state != RUN:
        return None
    return _unit(ended(pressed, int(Cause.SWITCH)), switch=False)


def _contacts(to: int) -> Change:
    return lambda world: _unit(world, contacts=to) if world.unit.contacts != to else None


def _door_and_unit(world: World) -> World | None:
    """The unit sees the door first: the program reads both at once."""
    if world.unit.contacts != GOOD or world.unit.state not in (ARMED, RUN):
        return None
    return physics(_unit(world, contacts=DOOR_OPEN))


def _ends(cause: Cause) -> Change:
    return lambda world: ended(world, int(cause)) if world.unit.state == RUN else None


def acknowledged(world: World) -> World:
    """Ends that were written are on the disk one tick later while the recorder runs; they say what becomes of the unit's retained exposure.
    A fraction that stays open is known by the token that the unit retains of it."""
    if not world.end or not world.recorder:
        return world
    settled = world.end - 1 in (0, 4)
    due = world.end_token if settled and world.unit.kept == world.end_token else world.due
    return world._replace(
        end=0, end_token=0, due=due, open=world.open if settled else world.unit.kept or world.end_token or world.open
    )


def _preset(world: World) -> World | None:
    """A preset ends a run, and nothing else: high voltage without one is counted by no preset, and a latched unit stays latched."""
    runs = world.generator.hv and world.unit.state == RUN
    return ended(world, int(Cause.COUNT_PRESET))._replace(dose=WHOLE) if runs else None


def _started(world: World) -> World | None:
    """The START is on the disk, and has its token: one above all that the unit and the records know."""
    if not world.recorder or world.start != WRITTEN:
        return None
    newest = max(world.token, world.unit.last, world.unit.token, world.open, world.due, world.end_token) + 1
    return world._replace(start=DURABLE, token=newest)


def _other_bytes(world: World) -> World | None:
    return world._replace(start=DURABLE_OTHER, token=world.token + 1) if world.start == WRITTEN else None


def _unit_silent(world: World) -> World | None:
    if world.unit_frozen is not None:
        return None
    return world._replace(unit_frozen=(world.unit, world.generator.hv))


def _generator_silent(world: World) -> World | None:
    return world._replace(generator_frozen=world.generator) if world.generator_frozen is None else None


def _unit_reboots(world: World) -> World | None:
    unit = world.unit
    if unit.restarted or world.unit_frozen is not None:
        return None
    kept = unit.token if unit.state == RUN else unit.kept
    state = ENDED if kept else IDLE
    return _unit(
        world, state=state, token=kept, kept=kept, crc=NOTHING, cause=int(Cause.REBOOT), restarted=True, presses=0
    )


def _stray(world: World) -> World | None:
    return _generator(world, hv=True, broken=DEAF) if not world.generator.hv else None


def _drops(world: World) -> World | None:
    return _generator(world, hv=False, fault=True) if world.generator.hv and not world.generator.broken else None


def _power_cycled(world: World) -> World | None:
    """A person switches the generator off at the mains and on again: it does not answer until it is heard again, however long that takes."""
    if world.generator_frozen is not None or world.generator.broken == SOUND:
        return None
    return world._replace(generator=Generator(), generator_frozen=Generator())


def _switched_off(world: World) -> World | None:
    """Whoever wants to leave STUCK_ON switches the generator off and on, whatever it says."""
    return None if world.generator_frozen else world._replace(generator=Generator(), generator_frozen=Generator())


def _breaks(how: int) -> Change:
    return lambda world: _generator(world, broken=how) if world.generator.broken == SOUND else None


def _welds(world: World) -> World | None:
    return _unit(world, welded=True) if world.unit.state == RUN and not world.unit.welded else None


def _other_points(world: World) -> World | None:
    return _generator(world, points=FOREIGN) if world.generator.points == PLAN else None


def _other_set(world: World) -> World | None:
    return _unit(world, crc=FOREIGN) if world.unit.crc == PLAN else None


def _channels(world: World) -> World | None:
    return None if world.channels_disagree else world._replace(channels_disagree=True)


def _latches(world: World) -> World | None:
    unit = world.unit
    if unit.state == LATCHED:
        return None
    return _unit(world, state=LATCHED, kept=unit.token if unit.state == RUN else unit.kept)


def _mended_unit(world: World) -> World | None:
    """Service frees a welded contactor."""
    return _unit(world, welded=False) if world.unit.welded else None


def _lose_token(world: World) -> World | None:
    return (
        ended(world, int(Cause.DISARM))
        if world.unit.state == RUN
        else idle(world)
        if world.unit.state == ARMED
        else None
    )


LOADED: Final = frozenset(
    (State.PREPARATORY, State.ARMING, State.READY, State.STARTING, State.IRRADIATING, State.STOPPING)
)
"""Contacts, desk and devices at rest matter from here on: who opens a door before a fraction is loaded meets it when it is."""
RUNNING: Final = frozenset((State.STARTING, State.IRRADIATING, State.STOPPING))
SET_UP: Final = frozenset((State.PREPARATORY, State.ARMING, State.READY))
HELD: Final = frozenset((State.FAULT, State.STUCK_ON))
ENDS: Final = frozenset((*EXPIRES_S, State.SELF_TEST, State.STOPPING))

MOVES: Final[tuple[Move, ...]] = (
    Move("goes on", "one tick later", _same),
    Move("a while", "a while passes", _same, passes=A_WHILE),
    Move("too long", "more time passes than the state may last", _same, passes=TOO_LONG, only=ENDS),
    Move("stop", "STOP", _same, stop=True),
    Move("load", "a person loads the fraction", _same, Ask.LOAD),
    Move("resume", "a person resumes the open fraction", _same, Ask.RESUME),
    Move("confirm", "a person confirms what is shown", _same, Ask.CONFIRM),
    Move("confirm an old offer", "a person confirms an offer that was withdrawn", _same, Ask.CONFIRM_OLD),
    Move("confirm other numbers", "a person confirms other numbers than are shown", _same, Ask.CONFIRM_OTHER),
    Move("edit", "a person unloads", _same, Ask.EDIT),
    Move("close", "a person closes the fraction", _same, Ask.CLOSE),
    Move("reset by the operator", "the operator resets", _same, Ask.RESET_OPERATOR),
    Move("reset by the physicist", "the physicist resets", _same, Ask.RESET_PHYSICIST),
    Move("reset by service", "service resets, two persons", _same, Ask.RESET_SERVICE),
    Move("retest", "a person asks for the self-test", _same, Ask.RETEST),
    Move("confirm and stop", "a person confirms, and STOP in the same tick", _same, Ask.CONFIRM, stop=True),
    Move("load and stop", "a person loads, and STOP in the same tick", _same, Ask.LOAD, stop=True),
    Move("press", "the beam-on switch is pressed", _press(1)),
    Move("press and stop", "the beam-on switch is pressed, and STOP in the same tick", _press(1), stop=True),
    Move("tap", "the beam-on switch is pressed, and let go before the program looks", _tap),
    Move("release", "the beam-on switch is let go", lambda w: _unit(w, switch=False) if w.unit.switch else None),
    Move("door", "the door is opened", _contacts(DOOR_OPEN), only=LOADED),
    Move("door and unit", "the door is opened, and the safety unit acts first", _door_and_unit),
    Move("key away", "the key is turned away", _contacts(KEY_AWAY), only=LOADED - {State.STOPPING}),
    Move("key to service", "the key is turned to SERVICE", _contacts(KEY_SERVICE), only=HELD),
    Move("contacts", "door closed, key in TREAT", _contacts(GOOD)),
    Move("preset", "the unit ends the beam by its preset", _preset),
    Move("disk", "the START is on the disk", _started),
    Move("desk leaves", "the operator's program goes", lambda w: w._replace(desk=False) if w.desk else None, only=LOADED - {State.STOPPING}),
    Move("desk comes", "the operator's program is back", lambda w: None if w.desk else w._replace(desk=True)),
    Move("unit answers", "the safety unit answers again", lambda w: w._replace(unit_frozen=None) if w.unit_frozen else None),
    Move(
        "generator answers",
        "the generator answers again",
        lambda w: w._replace(generator_frozen=None) if w.generator_frozen else None,
    ),
    Move("recorder comes", "the recorder runs again", lambda w: None if w.recorder else w._replace(recorder=True)),
    Move("power cycle", "the generator is switched off and on at the mains", _power_cycled),
    Move("switched off", "service switches the generator off and on at the mains", _switched_off, only=frozenset((State.STUCK_ON,))),
    Move("contactor mended", "service frees the contactor", _mended_unit),
    Move("unit silent", "FAULT: the safety unit falls silent", _unit_silent, fault=True),
    Move("generator silent", "FAULT: the generator falls silent", _generator_silent, fault=True),
    Move("unit reboots", "FAULT: the safety unit restarts", _unit_reboots, fault=True),
    Move("deaf", "FAULT: the generator no longer hears OFF nor its interlock line", _breaks(DEAF), fault=True, only=RUNNING),
    Move("mute", "FAULT: the generator takes ON and gives no high voltage", _breaks(MUTE), fault=True, only=SET_UP),
    Move("stray beam", "FAULT: high voltage comes by itself", _stray, fault=True),
    Move("arc", "FAULT: the generator drops high voltage with a fault", _drops, fault=True),
    Move("weld", "FAULT: K1 welds", _welds, fault=True),
    Move("recorder silent", "FAULT: nothing reaches the disk", lambda w: w._replace(recorder=False) if w.recorder else None, fault=True),
    Move("other bytes", "FAULT: the records acknowledge a START over other bytes", _other_bytes, fault=True),
    Move("other set-points", "FAULT: the generator holds other set-points", _other_points, fault=True, only=LOADED),
    Move("other presets", "FAULT: the safety unit holds another set", _other_set, fault=True, only=LOADED),
    Move("channels disagree", "FAULT: the chambers disagree", _channels, fault=True, only=RUNNING),
    Move("stood still", "FAULT: the program stood still", _same, stood_still=True, fault=True),
    Move("killed", "FAULT: the program is killed and started again", _same, restarts=True, fault=True),
    Move("disarmed", "FAULT: another master disarms", _lose_token, fault=True),
    Move("rate", "FAULT: the unit ends the beam by its rate comparator", _ends(Cause.RATE), fault=True),
    Move("backup", "FAULT: the unit ends the beam by its hard cap", _ends(Cause.HARD_CAP), fault=True),
    Move("unit latches", "FAULT: the safety unit latches", _latches, fault=True),
    Move("bounce", "FAULT: one press is counted as two", _press(2), fault=True),
    Move("runs unpressed", "FAULT: the safety unit runs without a press", _press(0), fault=True),
)  # fmt: skip
"""Everything that may happen before a tick; what a person or a device may do at any time first, then what is a fault and spends budget."""


class Said(NamedTuple):
    """What a tick of the program sent: the bytes of OFF, commands by name, the token that they named; whether a renewal is left for the next tick."""

    off: bool = False
    command: str = ""
    token: int = 0
    renews: bool = False
    put: tuple[tuple[str, int, int], ...] = ()


def passed(world: World, passes: int, held: bool) -> World:
    """What time alone does to the devices. `held`: the program keeps the permission alive."""
    unit = world.unit
    if passes and unit.state in (ARMED, RUN) and not (held and world.unit_frozen is None):
        world = ended(world, int(Cause.LEASE)) if unit.state == RUN else idle(world)
    elif passes == TOO_LONG and unit.state == RUN and not world.generator.hv:
        world = ended(world, int(Cause.START_WINDOW))
    if passes and world.generator.hv and world.unit.state not in (RUN, LATCHED):
        # high voltage outlasts the discharge with K1 open: the unit latches and opens K2, which takes the generator's power
        world = _unit(_generator(world, hv=False), state=LATCHED)
    return physics(world) if passes else world


def physics(world: World) -> World:
    """What the devices do by themselves within a tick."""
    unit = world.unit
    if unit.contacts != GOOD and unit.state in (ARMED, RUN):
        cause = {DOOR_OPEN: Cause.DOOR}.get(unit.contacts, Cause.KEY)
        world = ended(world, int(cause)) if unit.state == RUN else idle(world)
    generator = world.generator
    if generator.hv and generator.broken != DEAF and world.unit.state != RUN and not world.unit.welded:
        world = _generator(world, hv=False)
    if world.unit.switch and world.unit.state not in (COMMITTED, ARMED, RUN):
        world = _unit(world, switch=False)
    if world.generator.hv and world.dose == NO_DOSE:
        world = world._replace(dose=PART)
    return world


def obeyed(world: World, said: Said) -> World:
    """The devices after what they were told, as far as they can hear it; the records after what was put."""
    unit_hears, generator_hears = world.unit_frozen is None, world.generator_frozen is None
    if unit_hears:
        world = _unit_obeyed(world, said)
    if generator_hears:
        world = _generator_obeyed(world, said)
    for kind, value, token in said.put:
        world = _written(world, kind, value, token)
    return physics(world)


def _unit_obeyed(world: World, said: Said) -> World:
    unit = world.unit
    if unit.restarted:
        world = _unit(world, restarted=False)
    if said.off:
        return (
            ended(world, int(Cause.DISARM))
            if unit.state == RUN
            else idle(world)
            if unit.state in (ARMED, COMMITTED)
            else world
        )
    match said.command:
        case "set_up" if unit.state in (IDLE, COMMITTED, ENDED) and unit.contacts != KEY_AWAY:
            return _unit(world, state=COMMITTED, crc=PLAN)
        case "arm" if unit.state == COMMITTED and said.token > unit.last and _may_arm(world):
            return _unit(world, state=ARMED, token=said.token, last=said.token, presses=0, cause=0)
        case "reset" if unit.state in (IDLE, ENDED) and unit.token == said.token:
            return _unit(world, state=IDLE, token=0, kept=0, crc=NOTHING)
        case "unlatch" if unit.state == LATCHED and unit.contacts == KEY_SERVICE:
            return _unit(world, state=ENDED if unit.kept else IDLE, token=unit.kept)
    return world


def _may_arm(world: World) -> bool:
    unit = world.unit
    return unit.contacts == GOOD and not unit.switch and not unit.welded and not world.generator.hv


def _generator_obeyed(world: World, said: Said) -> World:
    generator = world.generator
    if said.off:
        return _generator(world, hv=False) if generator.broken != DEAF else world
    match said.command:
        case "set_up":
            return _generator(world, points=PLAN)
        case "on" if world.unit.state == RUN and generator.broken == SOUND and not generator.fault:
            return _generator(world, hv=True)
        case "clear_faults":
            return _generator(world, fault=False)
    return world


def _written(world: World, kind: str, value: int, token: int) -> World:
    if kind == "START":
        return world._replace(start=WRITTEN)
    if kind == "TERMINAL":
        return world._replace(start=NOT_WRITTEN, end=value + 1, end_token=token)
    if kind == "CLOSED":
        return world._replace(due=world.open if world.unit.kept == world.open else world.due, open=0)
    if kind == "FOUND" and world.start in (DURABLE, DURABLE_OTHER, WRITTEN):
        # an exposure without an end: closed by what the unit retains
        had = world.unit.kept == world.token and world.start != WRITTEN and world.token != 0
        if had and world.dose:
            return world._replace(start=NOT_WRITTEN, open=world.token)
        return world._replace(start=NOT_WRITTEN, due=world.token if had else world.due)
    if kind == "RESET_DONE":
        return world._replace(due=0)
    if kind == "LOADED":
        return world._replace(dose=NO_DOSE)
    return world
