"""A virtual rig to which a plan happens: what breaks, and what people do at the wrong time, falls into its turns.
It sees the exposure's state only to know when a deed is due, and judges nothing; who works through the fractions is verification/treating.py."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from controller.prescribed import Prescribed
from controller.requests import Answer, Close, Confirm, Edit, Load, Offer, Request, Reset, Resume, Retest
from verification.disk import ERRORS, Strike
from verification.fault_ids import find
from verification.injections import OTHER_CLIENT, Injection, start_recorder
from verification.plan import Deed, Fraction, Plan
from verification.setting import prescribed
from verification.virtual import VirtualRig

OPERATOR: Final = "seeded operator"
MASH_EVERY_S: Final = 0.05
OFFER_S: Final = 5.0
LOOK_EVERY_S: Final = 0.1
"""How long a slip waits for an offer to make it with, and how often it looks at the screen."""
STRIKES: Final = 3
"""Calls of the disk that an error of a plan lasts."""


@dataclass
class Begun:
    """One thing that broke: when, in which state, and what the rig did next. Times in s of the host's clock; None: it did not come."""

    name: str
    at_s: float
    state: str
    until_s: float = math.inf
    off_sent_s: float | None = None
    ended_s: float | None = None
    ended_by: str = ""


class Played(VirtualRig):
    """`prepare` takes the plan; its deeds happen in `turn`. `broke` is what broke, `presses` how often the switch was closed."""

    def prepare(self, plan: Plan) -> None:
        """Take the plan over; nothing of it has happened yet."""
        self.plan = plan
        self.broke: list[Begun] = []
        self.presses = 0
        self._entered: dict[str, int] = {}
        self._seen = ""
        self._pending = [deed for deed in plan.deeds if deed.when.state]
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = 0
        self._lasting: dict[str, Injection] = {}
        self._offered: Offer | None = None
        for deed in plan.deeds:
            if deed.do == "fault" and find(deed.what)[1].from_start:
                self._do(deed)
            elif not deed.when.state:
                self.later(deed.when.after_s, self._deed(deed))

    def later(self, after_s: float, act: Callable[[], None]) -> None:
        """Do this in the first turn that begins after so many seconds."""
        self._order += 1
        self._due.append((self.now_s() + after_s, self._order, act))
        self._due.sort(key=lambda entry: entry[:2])

    def turn(self) -> None:
        while self._due and self._due[0][0] <= self.now_s():
            self._due.pop(0)[2]()
        super().turn()
        shown = self.snapshot()
        if shown is not None and shown.offer is not None:
            self._offered = shown.offer
        self._look()

    def state(self) -> str:
        """Where the exposure truly stands; empty while no host runs."""
        return self.loop.exposure.stage.state.value if self.loop is not None else ""

    def press(self) -> None:
        self.presses += 1
        super().press()

    def entered(self, state: str) -> int:
        """How often the exposure has come to this state."""
        return self._entered.get(state, 0)

    def asked(self, request: Request, within_s: float) -> Answer | None:
        """Sit at the desk, send, and wait; None when nothing came, as when the host is gone."""
        self._answers.clear()
        self.come_to_desk()
        self.send(request)
        until = self.now_s() + within_s
        while not self._answers and self.now_s() < until:
            self.turn()
        return self._answers.popleft() if self._answers else None

    def host_back(self) -> None:
        """A process that is not there is started, where there is power."""
        if self.loop is None and self.powered:
            self.start_host()

    def recorder_back(self) -> None:
        """A recorder that is not there is started, where there is power; one that will not have the files as they are (S8) comes when they are put back."""
        if self.powered:
            start_recorder(self)

    def put_right(self) -> None:
        """Everything that may be mended is: faults end, processes run, the room is closed, the clock is right, nobody presses anything."""
        self._pending.clear()
        self._due.clear()
        self.mend_lasting()
        for name in list(self._lasting):
            self._end(name)
        for name in self.world.faults.active():
            self.mend(name)
        self.room(door_open=False, emergency_stop=False, key="TREAT", switch=False)
        self.clock.wall_step_s = max(0.0, self.clock.wall_step_s)
        self.thaw_host()
        self.host_back()
        self.recorder_back()
        self.come_to_desk()

    def mend_lasting(self) -> None:
        """People mend what lasts until somebody does: faults, a disk, and processes that nobody has started again."""
        for deed in self.plan.deeds:
            if deed.do == "fault" and deed.for_s is None:
                self._end(deed.what)
        self.disk.heal()
        if not self.powered:
            self.power_on()
        self.host_back()
        self.recorder_back()

    def _end(self, name: str) -> None:
        """A fault of the table is over."""
        injection = self._lasting.pop(name, None)
        if injection is not None:
            injection.stop(self)
            for broke in self.broke:
                if broke.name == name and broke.until_s == math.inf:
                    broke.until_s = self.now_s()

    def _look(self) -> None:
        """New states make deeds due; a beam that ended since something broke ended by it, or after it."""
        now = self.state()
        if now == self._seen:
            return
        self._seen = now
        self._entered[now] = nth = self._entered.get(now, 0) + 1
        for deed in [d for d in self._pending if d.when.state == now and d.when.nth == nth]:
            self._pending.remove(deed)
            self.later(deed.when.after_s, self._deed(deed))

    def saw(self, tick: Any) -> None:
        """What a tick shows of the reaction to what broke; for `tick_hooks`."""
        for broke in self.broke:
            if broke.ended_s is not None or broke.state not in ("STARTING", "IRRADIATING"):
                continue
            if broke.off_sent_s is None and tick.sent.command == "off":
                broke.off_sent_s = tick.now
            if tick.stage.state.value not in ("STARTING", "IRRADIATING"):
                broke.ended_s, broke.ended_by = tick.now, tick.decided.event.name

    def _deed(self, deed: Deed) -> Callable[[], None]:
        return lambda: self._do(deed)

    def _do(self, deed: Deed) -> None:
        if deed.breaks:
            until_s = math.inf if deed.do == "fault" else self.now_s() + (deed.for_s or 0.0)
            self.broke.append(Begun(deed.name, self.now_s(), self.state(), until_s))
        if deed.do == "fault":
            self._break(deed)
            return
        DEEDS[deed.do](self, deed)

    def _break(self, deed: Deed) -> None:
        """Begin a fault of the table, and end it when its time is over; one that lasts already goes on."""
        if deed.what in self._lasting:
            return
        self._lasting[deed.what] = injection = find(deed.what)[1]
        injection.start(self)
        if deed.for_s is not None:
            self.later(deed.for_s, lambda: self._end(deed.what))

    def strike(self, words: str) -> None:
        """So many calls of the disk from now on, one meets this."""
        call, what = words.split(" ", 1)
        self.disk.strikes.append(Strike(self.disk.calls + int(call), what, STRIKES if what in ERRORS else 1))

    def lose_power(self, for_s: float) -> None:
        """Everything is dark, and comes back."""
        if self.powered:
            self.power_cut()
            self.later(for_s, self._light)

    def _light(self) -> None:
        if not self.powered:
            self.power_on()

    def hold(self, seconds: float) -> None:
        """Press, and let go late."""
        self.press()
        self._release_us = self.world.now_us + round(seconds * 1e6)

    def mash(self, seconds: float) -> None:
        """Switch and STOP, twenty times a second."""
        for number in range(round(seconds / MASH_EVERY_S)):
            self.later(number * MASH_EVERY_S, self.stop if number % 3 == 2 else self._tap)

    def _tap(self) -> None:
        self.press()
        self._release_us = self.world.now_us + 20_000

    def turn_key(self, away_s: float) -> None:
        """OFF, and back at once."""
        self.room(key="OFF")
        self.later(away_s, lambda: self.room(key="TREAT"))

    def die(self, for_s: float) -> None:
        """kill -9 of the host, and a new one later."""
        if self.loop is not None:
            self.kill_host()
            self.later(for_s, self.host_back)

    def freeze(self, for_s: float) -> None:
        """SIGSTOP and SIGCONT."""
        self.freeze_host()
        self.later(for_s, self.thaw_host)

    def lose_recorder(self, for_s: float) -> None:
        """kill -9 of the recorder, and a new one later."""
        self.kill_recorder()
        self.later(for_s, self.recorder_back)

    def leave(self, for_s: float) -> None:
        """The operator's program dies, and another is there later."""
        self.leave_desk()
        self.later(for_s, self.come_to_desk)

    def jump(self, by_s: float) -> None:
        """The wall clock is set."""
        self.clock.wall_step_s += by_s

    def confirm(self, digest: bytes | None = None) -> None:
        """What is shown as offered, or with another digest."""
        shown = self.snapshot()
        if shown is not None and shown.offer is not None:
            self.send(Confirm(shown.offer.id, digest or shown.offer.digest))

    def when_offered(self, act: Callable[[Offer], None], other_than: int = 0) -> None:
        """Do this with the next offer that is shown, if one is within some seconds."""
        until_s = self.now_s() + OFFER_S

        def look() -> None:
            shown = self.snapshot()
            if shown is not None and shown.offer is not None and shown.offer.id != other_than:
                act(shown.offer)
            elif self.now_s() < until_s:
                self.later(LOOK_EVERY_S, look)

        look()

    def confirm_later(self, after_s: float) -> None:
        """The offer that is on the screen now, so much later; what it says then is not looked at."""
        self.when_offered(lambda seen: self.later(after_s, lambda: self.send(Confirm(seen.id, seen.digest))))

    def confirm_unloaded(self) -> None:
        """Unload, and confirm what was last on the screen, in one breath."""
        seen = self._offered
        self.send(Edit())
        if seen is not None:
            self.send(Confirm(seen.id, seen.digest))

    def confirm_reloaded(self) -> None:
        """Another fraction is loaded instead; then what was offered before is confirmed, by its number, by its digest, and whole."""

        def reload(old: Offer) -> None:
            self.send(Edit())
            self.send(Load(_other(self), OPERATOR))
            self.when_offered(lambda new: mixed(old, new), other_than=old.id)

        def mixed(old: Offer, new: Offer) -> None:
            for number, digest in ((new.id, old.digest), (old.id, new.digest), (old.id, old.digest)):
                self.send(Confirm(number, digest))

        self.when_offered(reload)

    def confirm_elsewhere(self) -> None:
        """The right offer, but from a program that does not hold the desk."""
        self.when_offered(lambda seen: self.say_elsewhere(Confirm(seen.id, seen.digest)))

    def say_elsewhere(self, request: Request) -> None:
        """From the second client, while the first one is there."""
        if self._at_desk:
            self.wire.inbox.append((OTHER_CLIENT, self._encode.encode(request)))


def _other(rig: Played) -> Prescribed:
    return msgspec.structs.replace(prescribed(300.0, rig.plan.choice), patient_id="SEED-OTHER")


def _first(rig: Played) -> Prescribed:
    """The first fraction of the plan, whatever has become of it."""
    return order(rig.plan, rig.plan.fractions[0])


def order(plan: Plan, fraction: Fraction) -> Prescribed:
    """The prescription of one planned fraction."""
    return msgspec.structs.replace(
        prescribed(fraction.rx_mgy, plan.choice), patient_id=f"SEED-{plan.seed}-{fraction.patient}"
    )


def _twice(rig: Played) -> None:
    rig.confirm()
    rig.confirm()


DEEDS: Final[dict[str, Callable[[Played, Deed], None]]] = {
    "stop": lambda rig, _: rig.stop(),
    "stop-flood": lambda rig, _: _flood(rig),
    "mash": lambda rig, deed: rig.mash(deed.for_s or 0.0),
    "press": lambda rig, _: rig.press(),
    "hold": lambda rig, deed: rig.hold(deed.for_s or 0.0),
    "key-out-and-in": lambda rig, _: rig.turn_key(0.15),
    "edit": lambda rig, _: rig.send(Edit()),
    "load-other": lambda rig, _: rig.send(Load(_other(rig), OPERATOR)),
    "confirm-wrong": lambda rig, _: rig.confirm(b"\0" * 32),
    "confirm-twice": lambda rig, _: _twice(rig),
    "confirm-late": lambda rig, deed: rig.confirm_later(float(deed.what)),
    "confirm-unloaded": lambda rig, _: rig.confirm_unloaded(),
    "confirm-reloaded": lambda rig, _: rig.confirm_reloaded(),
    "confirm-elsewhere": lambda rig, _: rig.confirm_elsewhere(),
    "load-late": lambda rig, _: rig.send(Load(_first(rig), OPERATOR)),
    "resume-late": lambda rig, _: rig.send(Resume(_first(rig), OPERATOR, "by an old screen")),
    "reset": lambda rig, _: rig.send(Reset("operator", OPERATOR, "pressed by habit")),
    "close": lambda rig, _: rig.send(Close("pressed by habit")),
    "resume-other": lambda rig, _: rig.send(Resume(_other(rig), OPERATOR, "wrong patient")),
    "retest": lambda rig, _: rig.send(Retest()),
    "host-kill": lambda rig, deed: rig.die(deed.for_s or 0.0),
    "host-freeze": lambda rig, deed: rig.freeze(deed.for_s or 0.0),
    "recorder-kill": lambda rig, deed: rig.lose_recorder(deed.for_s or 0.0),
    "desk-leave": lambda rig, deed: rig.leave(deed.for_s or 0.0),
    "disk": lambda rig, deed: rig.strike(deed.what),
    "power-cut": lambda rig, deed: rig.lose_power(deed.for_s or 0.0),
    "wall-jump": lambda rig, deed: rig.jump(float(deed.what)),
}
"""Each verb of a plan but "fault"."""


def _flood(rig: Played) -> None:
    rig.flood_stop(2000)
