"""What can be done to a virtual rig on purpose: named faults of the simulated world, and what happens to host, records, clock and desk.
It knows how a thing is done and undone; what must come of it stands in verification/fault_ids.py."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final, NoReturn
from unittest import mock

import msgspec

from controller import __main__ as process
from controller.requests import Alive, Close, Confirm, Edit, Load, Request, Reset, Resume, Retest, Status, Stop
from controller.states import State
from records.recorder import RecorderError
from simulators.unit_firmware import UnitFirmware
from verification.disk import FOR_EVER, Strike
from verification.reach import OPERATOR, SHORT, patient
from verification.rigs import Choice
from verification.virtual import VirtualRig

Act = Callable[[VirtualRig], None]
USUAL_RIG: Final = Choice()
OTHER_CLIENT: Final = 7
TICK_US: Final = 10_000
RAMP_S: Final = 0.27
RATED_S: Final = 0.2
EARLY_S: Final = RAMP_S + RATED_S + 0.05
"""What a beam that is only coming may take longer than one that is on, in addition to the fault's own T1, fall and persistence: nothing of kV, mA and dose is
judged before the certified ramp (`ramp_s` of the demonstration's certificate), rates not for 0.2 s more (a window of their own), and the reading that shows
it may be one poll old. Contacts, links and the unit's own causes wait for none of it: their T1, T2 and T3 hold from the fault on."""


@dataclass(frozen=True)
class Injection:
    """One way in which something goes wrong, and what may come of it.

    `off_s`: a beam is off this long after the fault (None: it may go on); `latches`: also when the fault is gone again by then; `once`: it is an event,
    over as soon as it came, and means nothing to a beam that comes later. `early_s`: what an exposure that is not in IRRADIATING adds to that, for ramp
    and start. `over_part` is e_f of invariant 9, `rate_times` the dose rate that the fault makes of the certified one. `only`: the states in which it
    means something (empty: every one). `from_start`: the world begins with it. `unseen`: no software can see it, so that the dose in the records is not
    held against the true one; the daily check must.
    `stray`: the beam belongs to no exposure: what must hold it is the records' own list of such beam.
    `unfelt`: a program that looks once a tick cannot feel it, and the run is the same. `ends`: the states that a beam may be found in when the fault ended it.
    `every_s`: it does harm at a stroke as it comes and once in each such time after, and nothing between: a beam that comes between is judged from the
    next stroke on. `shortest_s`: one that is over sooner moves nothing.
    """

    name: str
    words: str
    start: Act
    stop: Act
    off_s: float | None = None
    latches: bool = False
    once: bool = False
    early_s: float = EARLY_S
    over_part: float = 0.0
    rate_times: float = 1.0
    choice: Choice = USUAL_RIG
    termination: str = "monitor"
    only: tuple[State, ...] = ()
    from_start: bool = False
    unseen: bool = False
    unfelt: bool = False
    stray: bool = False
    ends: tuple[State, ...] = (State.INTERRUPTED, State.FAULT)
    every_s: float = 0.0
    shortest_s: float = 0.0

    def applies(self, at: State) -> bool:
        """Whether it means something in this state."""
        return not self.only or at in self.only


def nothing(_rig: VirtualRig) -> None:
    """An event leaves nothing to undo."""


def begin(*names: str) -> Act:
    """Start these named faults of the simulated world."""

    def act(rig: VirtualRig) -> None:
        for name in names:
            rig.fault(name)

    return act


def mend(*names: str) -> Act:
    """Stop these named faults."""

    def act(rig: VirtualRig) -> None:
        for name in names:
            rig.mend(name)

    return act


def again(name: str, act: Act) -> Act:
    """Do it before each turn, until `no_more` of the same name."""

    def start(rig: VirtualRig) -> None:
        rig.each_turn[name] = lambda: act(rig)

    return start


def by_turns(name: str, act: Callable[[VirtualRig, int], None]) -> Act:
    """As `again`, told which turn of the fault it is, from 0: what comes in every fifth turn comes in the first, whatever the clock says then, so that
    a fault of a single tick is injected too."""

    def start(rig: VirtualRig) -> None:
        turns = count()
        rig.each_turn[name] = lambda: act(rig, next(turns))

    return start


def no_more(name: str) -> Act:
    """The end of `again`."""

    def act(rig: VirtualRig) -> None:
        rig.each_turn.pop(name, None)

    return act


# -- the host and its time ------------------------------------------------------------------------------------------------


class Ended(BaseException):
    """The process ends here, in the middle of a tick or as it leaves."""


class Broken(RuntimeError):  # noqa: N818 - any exception that nobody thought of
    """What a part of the tick raises when it is broken."""


PARTS: Final = (
    "gate.ask",
    "ledger.poll",
    "gate.look",
    "meter.add",
    "desk.take",
    "dossier.admit",
    "dossier.facts",
    "exposure.step",
    "dossier.moved",
    "links.follow",
    "dossier.waiting",
    "gate.pass_on",
    "desk.settle",
    "_record",
    "links.keep",
)
"""The call sites of a tick, in their order."""


def _break(rig: VirtualRig, part: str, error: type[BaseException]) -> None:
    """The next call of this part of the loop raises."""

    def raises(*_args: object, **_kwargs: object) -> NoReturn:
        raise error(f"injected in {part}")

    owner: object = rig.loop
    *path, last = part.split(".")
    for name in path:
        owner = getattr(owner, name)
    setattr(owner, last, raises)


def _half_a_tick(rig: VirtualRig, part: str) -> None:
    """One tick that ends at this part of it; what it did before that has been done."""
    if rig.loop is None:
        return
    _break(rig, part, Ended)
    with contextlib.suppress(Ended):
        rig.turn()


def kill(part: str = "") -> Act:
    """kill -9, between two ticks or within the next one."""

    def act(rig: VirtualRig) -> None:
        if part:
            _half_a_tick(rig, part)
        rig.kill_host()

    return act


def restart(rig: VirtualRig) -> None:
    """A new process, where none runs."""
    if rig.loop is None:
        rig.start_host()


def hang(part: str) -> Act:
    """The process stands for ever inside its next tick, with its sockets open."""

    def act(rig: VirtualRig) -> None:
        _half_a_tick(rig, part)
        rig.freeze_host()

    return act


def end_hanging(rig: VirtualRig) -> None:
    """Somebody ends the process that hangs and starts a new one."""
    rig.kill_host()
    rig.start_host()


def raise_in(part: str) -> Act:
    """An exception that nobody thought of, at this part of the next tick: the shipped `run` ends the process, and this plays its end."""

    def leave(_code: int) -> NoReturn:
        raise Ended

    def act(rig: VirtualRig) -> None:
        if rig.loop is None:
            return
        _break(rig, part, Broken)
        with (
            mock.patch.object(os, "_exit", leave),
            contextlib.redirect_stderr(io.StringIO()),
            contextlib.suppress(Ended),
        ):
            process.run(rig.loop)
        rig.kill_host()

    return act


def freeze(rig: VirtualRig) -> None:
    """SIGSTOP: nothing of it runs, its sockets stay open."""
    rig.freeze_host()


def freeze_pressing(rig: VirtualRig) -> None:
    """SIGSTOP, and somebody presses the beam-on switch meanwhile."""
    rig.freeze_host()
    rig.press()


def thaw(rig: VirtualRig) -> None:
    """SIGCONT."""
    rig.thaw_host()


def late_by(us: int) -> Act:
    """Each tick begins so much later."""
    return again("late", lambda rig: rig.world.advance(rig.world.now_us + us))


def _stutter(rig: VirtualRig, turn: int) -> None:
    """Stands still for 60 ms, each half second."""
    if turn % 50 == 0:
        rig.world.advance(rig.world.now_us + 60_000)


stutter: Final = by_turns("stutter", _stutter)


def wall(step_s: float) -> Act:
    """The wall clock is set forward by so much, or back."""

    def act(rig: VirtualRig) -> None:
        rig.clock.wall_step_s = step_s

    return act


def ma_gain(gain: float) -> Act:
    """The supply's mA regulate by this factor from what is set."""

    def act(rig: VirtualRig) -> None:
        rig.world.plant.supply.ma_gain = gain

    return act


def mains_off(rig: VirtualRig) -> None:
    """The power goes: host, recorder, unit and generator are dark, and what was not synced is as a disk leaves it."""
    rig.power_cut()


def mains_on(rig: VirtualRig) -> None:
    """The power comes back: everything boots."""
    rig.power_on()


def computer_off(rig: VirtualRig) -> None:
    """Host and recorder are gone together."""
    if rig.loop is not None:
        rig.kill_host()
    rig.kill_recorder()


def computer_on(rig: VirtualRig) -> None:
    """They start again."""
    start_recorder(rig)
    restart(rig)


# -- the records -----------------------------------------------------------------------------------------------------------


def start_recorder(rig: VirtualRig) -> None:
    """A new recorder, if it will have the files as they are."""
    if rig.recorder is None:
        with contextlib.suppress(RecorderError):
            rig.start_recorder()


def kill_recorder(rig: VirtualRig) -> None:
    """kill -9, or an error of its disk, at which it ends."""
    rig.kill_recorder()


def disk_fails(what: str) -> Act:
    """Each call of the recorder's disk that can fail so does, from now on."""

    def act(rig: VirtualRig) -> None:
        rig.disk.strikes.append(Strike(rig.disk.calls + 1, what, FOR_EVER))

    return act


def disk_mended(rig: VirtualRig) -> None:
    """The disk is sound again; a recorder that ended is started."""
    rig.disk.heal()
    start_recorder(rig)


def stall(rig: VirtualRig) -> None:
    """Every call of the recorder's disk hangs."""
    rig.stall_recorder(True)


def unstall(rig: VirtualRig) -> None:
    """It answers again."""
    rig.stall_recorder(False)


KEPT: Final = ".kept"


def _last_segment(rig: VirtualRig) -> Path:
    """The newest journal file in which something stands; the one after it is allocated and empty."""
    folder = Path(rig.recorder_config.journal_dir)
    return sorted(path for path in folder.glob("*.journal") if path.read_bytes().strip(b"\0"))[-1]


def _spoil(change: Callable[[bytes], bytes]) -> Act:
    """The recorder ends, its newest journal file is changed, and a new recorder finds it so."""

    def act(rig: VirtualRig) -> None:
        rig.kill_recorder()
        path = _last_segment(rig)
        whole = path.read_bytes()
        path.with_suffix(KEPT).write_bytes(whole)
        path.write_bytes(change(whole).ljust(len(whole), b"\0"))
        start_recorder(rig)

    return act


def _flip(whole: bytes) -> bytes:
    at = len(whole.rstrip(b"\0")) // 2
    return whole[:at] + bytes((whole[at] ^ 1,)) + whole[at + 1 :]


spoil_bit: Final = _spoil(_flip)
spoil_tail: Final = _spoil(lambda whole: whole[: len(whole.rstrip(b"\0")) // 2])


def restore_journal(rig: VirtualRig) -> None:
    """Service puts the file back from its copy where no recorder would start on it; what one has gone on from is the journal now."""
    (kept,) = Path(rig.recorder_config.journal_dir).glob(f"*{KEPT}")
    if rig.recorder is None:
        kept.with_suffix(".journal").write_bytes(kept.read_bytes())
        start_recorder(rig)
    kept.unlink()


# -- the desk --------------------------------------------------------------------------------------------------------------


def ask_all(*requests: Request) -> Act:
    """These requests in one breath."""

    def act(rig: VirtualRig) -> None:
        for request in requests:
            rig.send(request)

    return act


def confirm_again(rig: VirtualRig) -> None:
    """Confirms whatever is or was on offer, several times over."""
    case = rig.loop.dossier.case if rig.loop is not None else None
    if case is not None and case.settings is not None:
        for offer in (case.offer_id, case.offer_id, case.offer_id - 1, case.offer_id + 1):
            rig.send(Confirm(offer, case.settings.digest))


def _press_or_release(rig: VirtualRig, turn: int) -> None:
    if turn % 2 == 0:
        rig.press()
    else:
        rig.world.room.release()


def _stop_and_press(rig: VirtualRig, turn: int) -> None:
    if turn % 5 == 0:
        rig.stop()
    _press_or_release(rig, turn)


mash_switch: Final = by_turns("mash", _press_or_release)
"""The beam-on switch is hammered: 50 times a second, pressed in its first turn."""
mash_stop: Final = by_turns("mash", _stop_and_press)
"""STOP 20 times a second and the switch between, both in the first turn."""


def let_go(rig: VirtualRig) -> None:
    """Nobody hammers the switch any more."""
    rig.each_turn.pop("mash", None)
    rig.world.room.release()


def edit_and_load(rig: VirtualRig) -> None:
    """The race of 1985: unload, load another dose, and confirm what was on offer before, in one breath."""
    case = rig.loop.dossier.case if rig.loop is not None else None
    settings = case.settings if case is not None else None
    rig.send(Edit())
    rig.send(Load(patient(2, 900.0), OPERATOR))
    if case is not None and settings is not None:
        rig.send(Confirm(case.offer_id, settings.digest))


ANOTHERS: Final[tuple[Request, ...]] = (
    Resume(patient(3), OPERATOR, "go on"),
    Resume(msgspec.structs.replace(SHORT, rx_mgy=800.0), OPERATOR, "go on"),
    Resume(msgspec.structs.replace(SHORT, applicator_id="A10"), OPERATOR, "go on"),
    Resume(msgspec.structs.replace(SHORT, sha256=b"\x01" * 32), OPERATOR, "go on"),
)
"""Resumes of something else."""


def _load(**changes: float) -> Request:
    return Load(msgspec.structs.replace(SHORT, **changes), OPERATOR)


OUT_OF_RANGE: Final[tuple[Request, ...]] = (
    _load(rx_mgy=float("nan")),
    _load(rx_mgy=float("inf")),
    _load(rx_mgy=0.0),
    _load(rx_mgy=-400.0),
    _load(rx_mgy=1e9),
    _load(kv=0.0),
    _load(kv=1e309),
    _load(ma=-1.0),
    _load(ma=1e3),
)
PROCEED: Final[tuple[Request, ...]] = (
    Reset("operator", OPERATOR, "proceed"),
    Reset("operator", OPERATOR, ""),
    Retest(),
    Resume(SHORT, OPERATOR, "proceed"),
)


def one_of(requests: tuple[Request, ...]) -> Act:
    """One of these each turn, round and round."""
    return lambda rig: rig.send(requests[rig.world.now_us // TICK_US % len(requests)])


_TO_BYTES: Final = msgspec.msgpack.Encoder()


def other_console(rig: VirtualRig) -> None:
    """A second client asks for everything but STOP, each turn."""
    requests: tuple[Request, ...] = (
        Edit(),
        Confirm(1, b""),
        Close("x"),
        Load(SHORT, "z"),
        Resume(SHORT, "z", "x"),
        Reset("service", "a, b", "c"),
        Retest(),
        Alive(),
    )
    number = rig.world.now_us // TICK_US % len(requests)
    rig.wire.inbox.append((OTHER_CLIENT, _TO_BYTES.encode(requests[number])))


def other_gone(rig: VirtualRig) -> None:
    """The second client hangs up."""
    rig.each_turn.pop("other", None)
    rig.wire.left.append(OTHER_CLIENT)


def stop_from_other(rig: VirtualRig) -> None:
    """STOP from a client that holds no lease."""
    rig.wire.inbox.append((OTHER_CLIENT, _TO_BYTES.encode(Stop())))


def flood_desk(rig: VirtualRig) -> None:
    """A hundred questions each tick, and as much rubbish."""
    question = _TO_BYTES.encode(Status())
    rig.wire.inbox.extend([(OTHER_CLIENT, question), (OTHER_CLIENT, b"\xc1rubbish")] * 100)


def starve_desk(rig: VirtualRig) -> None:
    """Nothing that is sent to the desk arrives, and nobody hears that its connection has ended."""
    wire = rig.wire

    def lost() -> list[tuple[int, bytes]]:
        wire.inbox.clear()
        return []

    vars(wire)["receive"] = lost


def feed_desk(rig: VirtualRig) -> None:
    """What is sent arrives again."""
    vars(rig.wire).pop("receive", None)


def leave(rig: VirtualRig) -> None:
    """The operator's program dies."""
    rig.leave_desk()


def leave_and_stop(rig: VirtualRig) -> None:
    """The operator has gone, and anybody says STOP."""
    rig.leave_desk()
    stop_from_other(rig)


def come_back(rig: VirtualRig) -> None:
    """It is there again."""
    rig.come_to_desk()


def key(position: str) -> Act:
    """The key is turned."""
    return lambda rig: rig.room(key=position)


# -- counters that stand near their end from the start ----------------------------------------------------------------------


def wrap_soon(rig: VirtualRig) -> None:
    """The chambers' pulses and the unit's scan counter stand a few seconds before 2^32 when the unit starts."""
    plant, unit = rig.world.plant, rig.world.unit
    plant.chamber_1.pulses = plant.chamber_2.pulses = (1 << 32) - 1200
    unit.reboot(rig.world.now_us)
    if isinstance(unit, UnitFirmware):
        unit.scan_count = (1 << 32) - 9000


def many_presses(rig: VirtualRig) -> None:
    """The unit's count of presses stands at its last number."""
    if isinstance(rig.world.unit, UnitFirmware):
        rig.world.unit.press_count = 0xFFFF
