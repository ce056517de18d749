"""The serial face that all simulated Spellman supplies of the comma protocol share: frames in, one command table looked up, acknowledgements and errors out.
It knows no command number; each supply's table is a file of its own, and what HV does is the supply's."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from simulators.line import SerialLine
from simulators.profile import Profile
from simulators.spellman_codec import Deframer, frame
from simulators.supply import Supply

ERROR_RANGE = 1
ERROR_REFUSED = 2
HEARD = 400
IDLE_MS = 1 << 30

Answer = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Tables:
    """What a supply answers. `reads`: commands without arguments that only tell; the first value may be another header than the command's (see `headers`).
    `writes`: the greatest value of each argument, and the act, which says False when refused."""

    reads: dict[str, Callable[[], Answer]]
    writes: dict[str, tuple[tuple[int, ...], Callable[..., bool]]]
    headers: dict[str, str]


class CommaFace:
    """Commands in by `receive`. Its logic is fed apart from the inverter: it answers with K2 open. Public flags are where faults act.

    `heard` is the newest commands that came whole, with their arguments: what the device itself would swear to. `refuses` is the questions that it knows
    and answers with an error's code all the same.
    """

    __slots__ = (
        "_deframer", "_line", "_p", "_stream", "_supply", "_tables", "garbled", "heard", "late_us", "refuses", "set_points_stick",
        "silent",
    )  # fmt: skip

    shutter_open = True

    def __init__(
        self,
        profile: Profile,
        supply: Supply,
        line: SerialLine,
        seed: int,
        tables: Callable[[CommaFace, Profile, Supply], Tables],
    ) -> None:
        self._p = profile
        self._supply = supply
        self._line = line
        self._stream = random.Random(seed)
        self._deframer = Deframer(profile.generator_packets)
        self.silent = self.garbled = self.set_points_stick = False
        self.late_us = 0
        self.refuses: dict[str, int] = {}
        self.heard: deque[tuple[str, ...]] = deque(maxlen=HEARD)
        self._tables = tables(self, profile, supply)

    def reboot(self, now_us: int) -> None:
        """Logic restarts: HV off, set-points and queued answers lost; deaf for the boot time."""
        self._supply.notes.append("rebooted")
        self._line.to_host.clear()
        self._supply.boot(now_us)

    def step(self, now_us: int) -> None:
        """Nothing here runs by time."""

    def idle_ms(self) -> int:
        """A supply's face that has a `step` of its own says its own."""
        return IDLE_MS

    def receive(self, data: bytes, now_us: int) -> None:
        """Bytes from the host; answers go out on the line after the turnaround."""
        if self.silent or now_us < self._supply.booted_at_us:
            return
        for fields in self._deframer.feed(data):
            self.heard.append(fields)
            self.feed_watchdog(now_us)
            self.say(self.answer(fields, now_us), now_us)

    def feed_watchdog(self, now_us: int) -> None:
        """Any message that came whole feeds it."""
        self._supply.heard_us = now_us

    def say(self, answer: bytes, now_us: int) -> None:
        """Put an answer on the line, garbled or late if a fault says so."""
        if self.garbled:
            spot = 1 + self._stream.randrange(len(answer) - 2)
            answer = answer[:spot] + bytes((self._stream.randrange(0x20, 0x7F),)) + answer[spot + 1 :]
        self._line.device_put(answer, now_us + self._p.turnaround_us + self.late_us)

    def answer(self, fields: tuple[str, ...], now_us: int) -> bytes:
        """Act on one command and return the reply frame."""
        command, args = fields[0], fields[1:]
        if not args and command in self.refuses:
            return self.error(command, self.refuses[command])
        get = self._tables.reads.get(command)
        if get is not None:
            return (
                self.error(command, ERROR_RANGE)
                if args
                else self.put(self._tables.headers.get(command, command), *get())
            )
        setting = self._tables.writes.get(command)
        if setting is None:
            return self.error(command, ERROR_REFUSED)
        tops, act = setting
        values = [int(arg) for arg in args if arg.isdigit() and len(arg) < 10]
        if (
            len(values) != len(args)
            or len(args) != len(tops)
            or any(v > top for v, top in zip(values, tops, strict=True))
        ):
            return self.error(command, ERROR_RANGE)
        return self.put(command, "$") if act(now_us, *values) else self.error(command, ERROR_REFUSED)

    def error(self, command: str, code: int) -> bytes:
        return self.put(command, "!", code) if self._p.error_style == "bang" else self.put(command, code)

    def put(self, *fields: object) -> bytes:
        """One frame as this wire has it."""
        return frame(*fields, packets=self._p.generator_packets)

    def store(self, name: str, value: float) -> bool:
        """Keep a value in the supply."""
        setattr(self._supply, name, value)
        return True

    def set_point(self, name: str, value: int) -> bool:
        """Keep kV or mA, unless the fault is that they stick."""
        return self.set_points_stick or self.store(name, value)
