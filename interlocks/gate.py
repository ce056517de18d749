"""The last word before the machine: its only holder looks, sends OFF by itself, and lets a command through once if this tick's own verdict permits.
It wants nothing and knows no state; a second opinion in the same process, for independence is the safety unit's."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import msgspec

from hal.clock import Clock
from hal.commands import Arm, Command, Hold, Off, On, SetUp, Watch
from hal.figures import LinkFigures
from hal.machine import Capabilities, Machine, Renewal
from hal.readings import Readings
from hal.units import Seconds
from hal.wire_log import FrameLog
from interlocks import gate_law
from interlocks.gate_law import Passage, Service
from interlocks.judge import judge
from interlocks.look import Memory
from interlocks.rules import Rules, level
from interlocks.words import House, Limits, Sent, Terms, Verdict, Wanted

OFF_EVERY_S: Final = 0.1 - 1e-6
"""Where ten ticks or two are that long, a float's last bit does not make it one more."""
PERMIT_TICKS: Final = 1.5
PERMIT_S: Final = 0.005
OFF_LOOKED: Final = 1
OFF_PASSED: Final = 2
"""In `Gate.offs`: OFF was called by `look` by itself, and by `pass_on`."""
OFF_WAITS: Final = 2
"""So many places higher: its bytes have not all left yet."""
SHUT_AFTER_S: Final = (0.0, 0.014, 0.025)
"""When the three attempts of `shut` are made, from its call on. A serial line is half duplex: a DISARM written into a running reply damages both, and the
unit believes nothing until the line has been silent. So a reply is waited for and not overtaken: one of 12 ms is over by the second attempt, and so are
3.5 characters of silence behind it. By the third the exchange gives up what is outstanding (OFF_WAITS_S): a line that was silent for so long has nobody
to collide with, and where a longer reply still runs an OFF at risk is more than none."""


class Permit(msgspec.Struct, frozen=True, gc=False):
    """One renewal, spent by the next ask; `looked_at_s` is when what permits it was seen."""

    token: int
    lease_ms: int
    looked_at_s: float


class GateKept(msgspec.Struct, frozen=True):
    """A gate that is shut, as it stands between two ticks. That it was open, a verdict and a permit are not of it: none may outlive its gate."""

    sent: Sent
    memory: Memory
    tick: int
    last_armed: int
    last_on: int
    off_left: bool
    off_tried_s: float | None


class Gate:
    """Starts shut. `ask`, `look`, `pass_on` once each a tick, in this order; `shut` at any time."""

    def __init__(
        self, machine: Machine, limits: Limits, clock: Clock, tick_s: float, rules: Rules | None = None
    ) -> None:
        self._machine = machine
        self._limits = limits
        self._clock = clock
        self._permit_for_s = PERMIT_TICKS * tick_s + PERMIT_S
        self._rules = rules if rules is not None else level(machine.capabilities, tick_s)
        self._memory = Memory()
        self._sent = Sent()
        self._open = False
        self._permit: Permit | None = None
        self._tick = 0
        self._verdict: Verdict | None = None
        self._readings: Readings | None = None
        self._looked_at_s = 0.0
        self._last_armed = 0
        self._last_on = 0
        self._off_left = False
        self._off_tried_s: float | None = None
        self.passed_at_s = 0.0
        """When the last `pass_on` read the clock."""
        self.renewed: Renewal | None = None
        self.written: Command | None = None
        self.offs = 0
        """What left in this tick, for its record: the renewal that `ask` sent, what `pass_on` wrote, and which OFFs were called."""

    def keep(self) -> GateKept:
        """Where it stands now."""
        return GateKept(
            self._sent,
            self._memory,
            self._tick,
            self._last_armed,
            self._last_on,
            self._off_left,
            self._off_tried_s,
        )

    def take_up(self, kept: GateKept) -> None:
        """Go on from there, shut (kerma replay)."""
        self._sent, self._memory, self._tick = kept.sent, kept.memory, kept.tick
        self._last_armed, self._last_on = kept.last_armed, kept.last_on
        self._off_left, self._off_tried_s = kept.off_left, kept.off_tried_s

    @property
    def open(self) -> bool:
        """True from the first HOLD or ON that passed until OFF."""
        return self._open

    @property
    def sent(self) -> Sent:
        """What was last let through."""
        return self._sent

    @property
    def rules(self) -> Rules:
        """The table as levelled for this rig."""
        return self._rules

    @property
    def fds(self) -> tuple[int, ...]:
        """What the slot waits on."""
        return self._machine.fds

    @property
    def capabilities(self) -> Capabilities:
        return self._machine.capabilities

    @property
    def logs(self) -> dict[str, FrameLog]:
        """What passed on each wire, to be taken."""
        return self._machine.logs

    def figures(self) -> dict[str, LinkFigures]:
        """How each wire has fared."""
        return self._machine.figures()

    def ask(self, now: Seconds) -> None:
        """Send what is due, with the last permit as the lease's renewal if it is not void."""
        permit, self._permit = self._permit, None
        renewal = None
        if permit is not None and self._open:
            age_s = max(now, self._clock.monotonic()) - permit.looked_at_s
            if 0.0 <= age_s <= self._permit_for_s:
                renewal = Renewal(permit.token, permit.lease_ms)
        self.renewed, self.written, self.offs = renewal, None, 0
        self._machine.ask(renewal, now)

    def look(self, now: Seconds, house: House) -> tuple[Readings, Verdict]:
        """Read and judge; a verdict that forbids beam shuts an open gate before anybody else hears of it."""
        self._permit = None
        self._tick += 1
        self._verdict = None
        readings = self._machine.read(now)
        verdict, self._memory = judge(readings, house, self._sent, self._memory, self._rules, self._tick)
        self._readings, self._looked_at_s, self._verdict = readings, now, verdict
        if verdict.forbids_beam and self._open:
            self._off(now, "off", "")
        return readings, verdict

    def pass_on(self, wanted: Wanted, verdict: Verdict) -> Sent:
        """Let this tick's command out, or refuse it in words (`Sent.refused`); a refused beam command, and a verdict that is not this tick's, is OFF."""
        now = self.passed_at_s = self._clock.monotonic()
        own, self._verdict = self._verdict, None
        readings = self._readings
        command = wanted.command
        if isinstance(command, Off):
            return self._off_again(now)
        if own is None or verdict is not own or readings is None:
            return self._off(now, "off", "the verdict is used up, or not this tick's")
        p = Passage(
            now,
            self._looked_at_s,
            readings,
            verdict,
            self._sent,
            wanted,
            self._limits,
            self._rules,
            self._open,
            self._last_armed,
            self._last_on,
        )
        if isinstance(command, Hold):
            return self._hold(p, command)
        if isinstance(command, Watch):
            return self._watch(now, set_up=wanted.terms is not None)
        if isinstance(command, On):
            return self._on(p, command)
        if isinstance(command, Arm):
            return self._arm(p, command)
        return self._rest(p, command)

    def shut(self, now: Seconds | None = None) -> None:
        """Off to both devices, three attempts within 25 ms of the clock (at once, where it is broken), whatever else is broken; never raises. Also behind one
        whose bytes have left: a driver repeats by itself what it must, and nobody asks it again."""
        self._permit = None
        self._open = False
        self._verdict = None
        try:
            if now is None:
                now = self._clock.monotonic()
        except BaseException:  # the clock is the least that may be missing here
            now = Seconds(self._looked_at_s)
        for after_s in SHUT_AFTER_S:
            at = Seconds(now + after_s)
            # Nothing may keep an attempt from being made.
            with suppress(BaseException):
                self._clock.sleep_until(at)
            with suppress(BaseException):
                self._machine.beam_off(at)
        try:
            self._sent = self._after_off(now, "off", "")
        except BaseException:  # the beam is off or cannot be put off from here; what was sent no longer matters
            return

    def _off_again(self, now: Seconds) -> Sent:
        """OFF as wanted: at once if anything was out, until its bytes have left, then ten times a second."""
        out = self._open or self._sent.armed_at_s is not None or self._sent.on_at_s is not None
        tried = self._off_tried_s
        if out or not self._off_left or tried is None or not now - tried < OFF_EVERY_S:
            return self._off(now, "off", "")
        self._permit = None
        self._sent = self._after_off(now, "off", "")
        return self._sent

    def _off(self, now: Seconds, command: str, refused: str) -> Sent:
        self._permit = None
        self._open = False
        self._off_tried_s = now
        self._off_left = False
        which = OFF_PASSED if self._verdict is None else OFF_LOOKED  # `pass_on` begins by using the verdict up
        self.offs |= which | which << OFF_WAITS
        self._off_left = self._machine.beam_off(now)
        if self._off_left:
            self.offs ^= which << OFF_WAITS
        self._sent = self._after_off(now, command, refused)
        return self._sent

    def _after_off(self, now: Seconds, command: str, refused: str) -> Sent:
        before = self._sent
        out = before.armed_at_s is not None or before.on_at_s is not None
        return Sent(
            tick=self._tick,
            command=command,
            terms=before.terms,
            off_at_s=now if out else before.off_at_s,
            refused=refused,
            beam_off_at_s=now if before.on_at_s is not None else before.beam_off_at_s,
        )

    def _hold(self, p: Passage, command: Hold) -> Sent:
        refused = gate_law.hold(p, command)
        if refused:
            return self._off(Seconds(p.now_s), "off", f"HOLD refused: {refused}")
        self._leave_permit(command.token)
        self._write(command, Seconds(p.now_s))
        return self._say("hold")

    def _leave_permit(self, token: int) -> None:
        terms = self._sent.terms
        assert terms is not None
        self._open = True
        self._permit = Permit(token, terms.lease_ms, self._looked_at_s)

    def _on(self, p: Passage, command: On) -> Sent:
        refused = gate_law.on(p, command)
        now = Seconds(p.now_s)
        if refused:
            return self._off(now, "off", f"ON refused: {refused}")
        self._last_on = command.token
        self._sent = msgspec.structs.replace(self._sent, tick=self._tick, command="on", on_at_s=now, refused="")
        self._off_left = False
        self._write(command, now)
        self._leave_permit(command.token)
        return self._sent

    def _arm(self, p: Passage, command: Arm) -> Sent:
        refused = gate_law.arm(p, command)
        now, unit = Seconds(p.now_s), p.readings.unit
        if refused:
            return self._off(now, "off", f"ARM refused: {refused}")
        assert unit is not None
        if self._sent.armed_at_s is None:
            self._last_armed = command.token
            self._sent = msgspec.structs.replace(
                self._sent,
                armed_at_s=now,
                token=command.token,
                press_count=unit.press_count,
                boot_count=unit.boot_count,
            )
        elif gate_law.holds(unit, command.token):
            return self._hold(p, Hold(command.token))
        elif again := gate_law.not_ready(p.verdict):
            return self._off(now, "off", f"ARM refused: {again}")
        self._off_left = False
        self._write(command, now)
        return self._say("arm")

    def _rest(self, p: Passage, command: Service) -> Sent:
        """Commands to a machine at rest: refused without OFF when nothing is out, so that a lost reply does not undo a set-up."""
        refused = gate_law.set_up(p, command) if isinstance(command, SetUp) else gate_law.rest(p, command)
        now = Seconds(p.now_s)
        if refused:
            words = f"{_tag(command)} refused: {refused}"
            out = self._open or self._sent.armed_at_s is not None or self._sent.on_at_s is not None
            return self._off(now, "off", words) if out else self._watch(now, words)
        self._off_left = False
        if isinstance(command, SetUp):
            self._set_up(p.wanted.terms, now)
        self._write(command, now)
        return self._say(_tag(command))

    def _watch(self, now: Seconds, refused: str = "", set_up: bool = True) -> Sent:
        """Also what a refused command becomes: the machine stops working towards the last one."""
        self._write(Watch(), now)
        return self._say("watch", refused, set_up)

    def _set_up(self, terms: Terms | None, now: Seconds) -> None:
        if self._sent.set_up_at_s is None or terms != self._sent.terms:
            self._sent = msgspec.structs.replace(self._sent, terms=terms, set_up_at_s=now)

    def _write(self, command: Command, now: Seconds) -> None:
        self.written = command
        self._machine.write(command, now)

    def _say(self, command: str, refused: str = "", set_up: bool = True) -> Sent:
        before = self._sent
        self._sent = Sent(
            self._tick,
            command,
            before.terms,
            before.armed_at_s,
            before.on_at_s,
            before.off_at_s,
            before.press_count,
            before.boot_count,
            before.token,
            before.set_up_at_s if set_up else None,
            refused,
            before.beam_off_at_s,
        )
        return self._sent


def _tag(command: Command) -> str:
    tag = command.__struct_config__.tag
    return str(tag)
