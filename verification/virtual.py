"""The shipped loop and recorder in virtual time against one simulated world: same code, no process, no socket, no sleep; one seed decides everything.
It copies nothing of the loop: a killed host is a Loop object that is dropped, a restarted one is a new Loop on the same world and records."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from controller.assemble import assemble
from controller.blob import Blob, Paths
from controller.kernel import Kernels
from controller.lateness import NOTHING
from controller.loop import Loop
from controller.requests import Alive, Answer, Reply, Request, Snapshot, Watch
from hal.rig import make_rig
from hal.units import Seconds
from records.fractions import list_fractions, show
from records.recorder import Recorder, RecorderConfig, RecorderError
from simulators.control import Control
from simulators.world import World
from verification.disk import FaultyDisk, Killed, PowerLost
from verification.hands import Stuck
from verification.pipes import Ear, Plugs, Tap

EPOCH_S = 1000.0
"""Monotonic time at which a virtual world begins; nothing may depend on it."""
WALL_S = 1_795_000_000.0
"""Wall time at which a virtual world begins."""
CLIENT = 1
OBSERVER = 2
"""The operator's program, and one that only watches: it goes on seeing what happens when the first has died."""
ALIVE_EVERY_S = 0.5
PRESS_S = 0.3


class VirtualClock:
    """The world's microseconds as the product's clock. `wall_step_s` is what somebody has set the wall clock forward by; `epoch_s` what the monotonic
    clock shows at the world's beginning: another after a boot. `grain_s`, a power of two, makes each time a whole number of grains: where the epoch is
    one too, every difference of two times is exact, and is the same at any epoch."""

    def __init__(self, world: World, epoch_s: float = EPOCH_S, grain_s: float = 0.0) -> None:
        self._world = world
        self._grain_s = grain_s
        self.wall_step_s = 0.0
        self.epoch_s = epoch_s

    def monotonic(self) -> Seconds:
        since_s, grain_s = self._world.now_us * 1e-6, self._grain_s
        return Seconds(self.epoch_s + (round(since_s / grain_s) * grain_s if grain_s else since_s))

    def wall(self) -> Seconds:
        return Seconds(WALL_S + self.wall_step_s + self._world.now_us * 1e-6)

    def sleep_until(self, deadline: Seconds) -> None:
        self._world.advance(round((deadline - self.epoch_s) * 1e6))


class VirtualPace:
    """The loop's waits, kept by turning the world. A frozen host is a deadline that moves on without it."""

    def __init__(self, world: World, clock: VirtualClock, tick_s: float, plugs: Plugs) -> None:
        self._world, self._clock, self._plugs = world, clock, plugs
        self._tick_us = round(tick_s * 1e6)
        self._deadline_us = world.now_us
        self._slot_us = round(min(2000.0, 0.2 * self._tick_us))
        self.late = 0
        self.late_us = 0.0
        self.skipped = 0
        self.stolen_s = 0.0

    def next(self) -> Seconds:
        self._deadline_us += self._tick_us
        if self._world.now_us > self._deadline_us:
            missed = (self._world.now_us - self._deadline_us) // self._tick_us
            self.skipped += missed
            self._deadline_us += missed * self._tick_us
            self.late += 1
        else:
            self.late = 0
            self._world.advance(self._deadline_us)
        return self._clock.monotonic()

    def slot(self, _fds: tuple[int, ...]) -> Seconds:
        world, until = self._world, self._world.now_us + self._slot_us
        while world.now_us < until:
            for pipe in self._plugs.connections:
                if pipe.waiting():
                    return self._clock.monotonic()
            world.advance(world.now_us + 1000)
        return self._clock.monotonic()

    def now(self) -> Seconds:
        return self._clock.monotonic()

    def lateness_us(self) -> tuple[float, float, float]:
        return 0.0, 0.0, 0.0

    def histogram(self) -> tuple[int, ...]:
        return NOTHING


class MemoryWire:
    """The desk's packets as lists; one client, and STOPs without one. `came` is every packet that was taken, `elsewhere` what other clients were answered,
    `parted` who was found gone."""

    def __init__(self) -> None:
        self.inbox: deque[tuple[int, bytes]] = deque()
        self.outbox: deque[Reply] = deque()
        self.came: deque[tuple[int, bytes]] = deque()
        self.elsewhere: deque[tuple[int, Reply]] = deque()
        self.parted: deque[int] = deque()
        self.stops = 0
        self.left: list[int] = []
        self._decode = msgspec.msgpack.Decoder(Reply)
        self._last: tuple[bytes, Reply] | None = None

    def stopped(self) -> bool:
        came, self.stops = self.stops > 0, max(0, self.stops - 64)
        return came

    def receive(self) -> list[tuple[int, bytes]]:
        packets = list(self.inbox)
        self.inbox.clear()
        self.came.extend(packets)
        return packets

    def send(self, client: int, packet: bytes) -> None:
        if client not in (CLIENT, OBSERVER):
            self.elsewhere.append((client, self._decode.decode(packet)))
            return
        if self._last is None or self._last[0] is not packet:  # a snapshot goes to each watcher in the same bytes
            self._last = packet, self._decode.decode(packet)
        self.outbox.append(self._last[1])

    def gone(self) -> list[int]:
        gone, self.left = self.left, []
        self.parted.extend(gone)
        return gone


class VirtualRig:
    """Hands over a rig in virtual time. `folder` holds what would be tmpfs; the records lie on `disk`, one without faults unless it is given.

    `tick_hooks` see every tick, `event_hooks` what happens from outside, by a word and what it is about: "host" and "recorder" (started, killed, ended,
    frozen, thawed), "power" (off, on), "hand" (pressed, stop, left), "asked" (a request), "told" (a reply), "came" (a packet of any client as
    the host takes it), "elsewhere" (a reply to another client), "parted" (a client that the host found gone), "idle" (10 ms without a running host).
    `taps` see the bytes that the host puts on a wire, with the link's name, `ears` both directions, with the connection's number; `each_turn` is done
    before each turn, by name.
    """

    def __init__(
        self,
        blob: Blob,
        recorder: RecorderConfig,
        kernels: Kernels,
        folder: Path,
        world: World,
        disk: FaultyDisk | None = None,
        epoch_s: float = EPOCH_S,
        grain_s: float = 0.0,
    ) -> None:
        self.blob, self._recorder_config, self._kernels, self._folder = blob, recorder, kernels, folder
        self.world = world
        self.disk = disk if disk is not None else FaultyDisk()
        self.disk.volatile = folder / "shm"
        self.recorder_words = ""
        self.powered = True
        self.clock = VirtualClock(world, epoch_s, grain_s)
        self.taps: list[Tap] = []
        self.ears: list[Ear] = []
        self.plugs = Plugs(world, blob.rig.generator_link, self.taps, self.ears)
        self.loop: Loop | None = None
        self.pace: VirtualPace | None = None
        self.recorder: Recorder | None = None
        self.wire = MemoryWire()
        self.ticks = 0
        self.tick_hooks: list[Callable[[Any], None]] = []
        self.event_hooks: list[Callable[[str, Any], None]] = []
        self.each_turn: dict[str, Callable[[], None]] = {}
        self.watcher: Callable[[Snapshot], None] | None = None
        self.throttle: Callable[[float], None] | None = None
        self._encode = msgspec.msgpack.Encoder()
        self._answers: deque[Answer] = deque()
        self._snapshot: Snapshot | None = None
        self._release_us: int | None = None
        self._at_desk = True
        self._alive_at = -math.inf
        self._hosts = 0
        self._frozen = False
        self._recorder_stalled = False
        self._start_recorder()
        if self.powered:
            self.start_host()

    def now_s(self) -> float:
        return self.clock.monotonic()

    def snapshot(self) -> Snapshot | None:
        return self._snapshot

    def ask(self, request: Request) -> Answer:
        """Send one request and turn the rig until it is answered."""
        self._at_desk = True
        self.send(request)
        until = self.now_s() + 10.0
        self._answers.clear()
        while not self._answers:
            if self.now_s() > until:
                raise Stuck(f"no answer to {type(request).__name__} within 10 s")
            self.turn()
        return self._answers.popleft()

    def until(self, condition: Callable[[Snapshot], bool], within_s: float, what: str) -> Snapshot:
        until = self.now_s() + within_s
        while True:
            if self._snapshot is not None and condition(self._snapshot):
                return self._snapshot
            if self.now_s() > until:
                seen = self._snapshot
                state = f"{seen.state}, {seen.first_to_fix or seen.notice}" if seen is not None else "no snapshot"
                raise Stuck(f"{what} did not come within {within_s:.1f} s; the rig shows {state}")
            self.turn()

    def wait(self, seconds: float) -> None:
        until = self.now_s() + seconds
        while self.now_s() < until:
            self.turn()

    def turn(self) -> None:
        """One tick of host, recorder and hands; without a running host the world goes on by 10 ms."""
        self._hands()
        if self.loop is not None and self.pace is not None and not self._frozen:
            tick = self.loop.tick(self.pace.next())
            self.ticks += 1
            for hook in self.tick_hooks:
                hook(tick)
        else:
            self.world.advance(self.world.now_us + 10_000)
            self._happened("idle", None)
        if self.recorder is not None and not self._recorder_stalled:
            self._turn_recorder(self.recorder)
        while self.wire.came:
            self._happened("came", self.wire.came.popleft())
        while self.wire.elsewhere:
            self._happened("elsewhere", self.wire.elsewhere.popleft())
        while self.wire.parted:
            self._happened("parted", self.wire.parted.popleft())
        while self.wire.outbox:
            reply = self.wire.outbox.popleft()
            self._happened("told", reply)
            if isinstance(reply, Answer):
                self._answers.append(reply)
            else:
                self._snapshot = reply
                if self.watcher is not None:
                    self.watcher(reply)
        if self.throttle is not None:
            self.throttle(self.now_s())

    def press(self) -> None:
        self.world.room.press()
        self._happened("hand", "pressed")
        self._release_us = self.world.now_us + round(PRESS_S * 1e6)

    def stop(self) -> None:
        self.wire.stops += 1
        self._happened("hand", "stop")

    def flood_stop(self, datagrams: int) -> int:
        self.wire.stops += datagrams
        self._happened("hand", "stop")
        return datagrams

    def fault(self, name: str, for_s: float | None = None) -> None:
        self.world.faults.start(name, None if for_s is None else round(for_s * 1e6))

    def mend(self, name: str) -> None:
        self.world.faults.stop(name)

    def room(self, **settings: object) -> None:
        said = json.loads(Control(self.world).answer(json.dumps({"do": "room", "set": settings}).encode()))
        if not said["ok"]:
            raise Stuck(f"the room did not do {settings}: {said['error']}")

    def truth(self) -> dict[str, Any]:
        return asdict(self.world.truth())

    def log(self) -> list[tuple[float, str, str]]:
        return [(self.clock.epoch_s + at_us * 1e-6, who, what) for at_us, who, what in self.world.log]

    def come_to_desk(self) -> None:
        """The operator's program is there again."""
        self._at_desk = True

    def leave_desk(self) -> None:
        self._at_desk = False
        self.wire.left.append(CLIENT)
        self._happened("hand", "left")

    def kill_host(self) -> None:
        """kill -9: the loop is dropped between two ticks, its sockets close, nothing of it runs again."""
        self.plugs.close()
        if self.loop is not None:
            self.loop.ledger.ring.close()
        self.loop = self.pace = None
        self.wire = MemoryWire()
        self._snapshot = None
        self._happened("host", "killed")

    def freeze_host(self) -> None:
        self._frozen = True
        self._happened("host", "frozen")

    def thaw_host(self) -> None:
        self._frozen = False
        self._happened("host", "thawed")

    def start_host(self) -> None:
        """A new process: everything of the old one is gone but the world, the ring on tmpfs and the records."""
        self._hosts += 1
        instance = f"{self.blob.instance}{self._hosts}"
        shm = self._folder / "shm" / instance
        paths = Paths(shm=str(shm), desk="", stop="")
        blob = msgspec.structs.replace(self.blob, instance=instance, paths=paths)
        self.plugs = Plugs(self.world, blob.rig.generator_link, self.taps, self.ears)
        machine = make_rig(blob.rig, blob.site_key, self.plugs.open)
        self.pace = VirtualPace(self.world, self.clock, 1.0 / blob.tick_hz, self.plugs)
        self.wire = MemoryWire()
        self.loop = assemble(blob, machine, self.clock, self.pace, self.wire, self._kernels)
        self._frozen = False
        self._alive_at = -math.inf
        self.wire.inbox.append((OBSERVER, self._encode.encode(Watch())))
        self._happened("host", "started")

    def stall_recorder(self, stalled: bool) -> None:
        """Its disk answers no call, until it does again."""
        self._recorder_stalled = stalled

    def kill_recorder(self) -> None:
        """kill -9: what it had not synced is as the file system left it; its lock is gone with it."""
        recorder, self.recorder = self.recorder, None
        self.disk.die(recorder.abandon if recorder is not None else lambda: None)
        self._happened("recorder", "killed")

    def start_recorder(self) -> None:
        """A new recorder on the same files; where there is none `recorder_words` say why."""
        self._start_recorder()
        self._happened("recorder", "started")

    def power_cut(self) -> None:
        """Host, recorder, unit and generator lose their power at once: relays fall, tmpfs is gone, the disk keeps what a disk keeps, the unit its memory."""
        self.kill_host()
        self.kill_recorder()
        self._at_desk = False
        self.powered = False
        self.world.power_off()
        self.recorder_words = self.disk.cut()
        shutil.rmtree(self._folder / "shm", ignore_errors=True)
        self._happened("power", "off")

    def power_on(self, uptime_s: float | None = None) -> None:
        """Everything boots; the monotonic clock then shows `uptime_s`, as after a boot, or goes on as if it had never stopped."""
        self.powered = True
        self.world.power_on()
        if uptime_s is not None:
            self.clock.epoch_s = uptime_s - self.world.now_us * 1e-6
        self._happened("power", "on")
        self._start_recorder()
        if self.powered:
            self.start_host()

    def records(self) -> list[dict[str, Any]]:
        return [show(self.recorder_config.database, row["id"]) for row in list_fractions(self.recorder_config.database)]

    def stolen_s(self) -> float:
        return 0.0

    def close(self) -> None:
        """Let go of files; the folder is the caller's."""
        if self.recorder is not None:
            self.recorder.close()
            self.recorder = None
        with contextlib.suppress(OSError):
            shutil.rmtree(self._folder / "shm")

    @property
    def hosts(self) -> int:
        """How many processes have begun here."""
        return self._hosts

    @property
    def recorder_config(self) -> RecorderConfig:
        """Where the records lie."""
        return self._recorder_config

    def _hands(self) -> None:
        for act in tuple(self.each_turn.values()):
            act()
        if self._release_us is not None and self.world.now_us >= self._release_us:
            self.world.room.release()
            self._release_us = None
        if self._at_desk and self.now_s() - self._alive_at >= ALIVE_EVERY_S:
            self._alive_at = self.now_s()
            self.send(Alive())

    def send(self, request: Request) -> None:
        """Ask without waiting for the answer."""
        self.wire.inbox.append((CLIENT, self._encode.encode(request)))
        self._happened("asked", request)

    def _happened(self, kind: str, what: Any) -> None:
        for hook in self.event_hooks:
            hook(kind, what)

    def _start_recorder(self) -> None:
        self._turned(self._new_recorder)

    def _new_recorder(self) -> None:
        self.recorder_words = ""
        self.recorder = Recorder(self.recorder_config, self.disk, self.disk.database)

    def _turn_recorder(self, recorder: Recorder) -> None:
        self._turned(recorder.step, self.clock.monotonic(), self.clock.wall())

    def _turned(self, turn: Callable[..., object], *arguments: object) -> None:
        """One turn of the recorder's process, which may end in it: by itself with words, by a kill, or with the power."""
        try:
            turn(*arguments)
        except RecorderError as error:
            if not self.disk.struck:
                raise
            self.recorder_words = str(error)
            if self.recorder is not None:
                self.recorder.close()
                self.recorder = None
            self._happened("recorder", "ended")
        except PowerLost:
            self.power_cut()
        except Killed as death:
            self.recorder_words = f"killed: {death}"
            self.kill_recorder()
