"""One select loop that carries a simulated world along with this machine's clock, 1 ms at a time, and serves its wires and its control socket.
It knows no device: a world is something that can be advanced, and a wire something to wait on."""

from __future__ import annotations

import select
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from simulators.clock import monotonic_us
from simulators.control import Control
from simulators.endpoints import Endpoint
from simulators.unit_memory import UnitMemory

STEP_US: Final = 1000
CATCH_UP_US: Final = 5_000
STOPPED_US: Final = 1_000_000
KEEP_EVERY_US: Final = 1_000_000


class Notes(Protocol):
    """A unit that says what it did."""

    notes: deque[tuple[int, str]]


class Advancing(Protocol):
    """A world in its own time."""

    @property
    def now_us(self) -> int: ...

    @property
    def log(self) -> list[tuple[int, str, str]]: ...

    def advance(self, to_us: int) -> None: ...


class MemoryKeeper:
    """The unit's non-volatile memory as a file: written at once when a token, the run or the latch changes, else every second when anything did."""

    def __init__(self, memory: UnitMemory, path: Path) -> None:
        self._memory, self._path = memory, path
        self._key: tuple[object, ...] = ()
        self._text = ""
        self._at_us = 0

    def look(self, now_us: int) -> bool:
        """Write if something that matters has changed, or a second has passed; True if so. OSError if the file cannot be written."""
        nv = self._memory
        key = (nv.boot_count, nv.last_token, nv.retained_token, nv.run_open, nv.latch_code, nv.active)
        if key != self._key or now_us - self._at_us >= KEEP_EVERY_US:
            self._key, self._at_us = key, now_us
            self.write()
            return True
        return False

    def write(self) -> None:
        """Replace the file as a whole, so that a kill leaves the old or the new one."""
        text = self._memory.to_text()
        if text == self._text:
            return
        fresh = self._path.with_name(self._path.name + ".new")
        fresh.write_text(text)
        fresh.replace(self._path)
        self._text = text


def read_memory(path: Path) -> UnitMemory:
    """The memory kept in `path`, or an empty one if there is no such file; ValueError names a damaged file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        return UnitMemory()
    try:
        return UnitMemory.from_text(path.read_text())
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}") from None


class Server:
    """run() until stop() is called. Simulated time never catches up by more than a second: a process that was stopped goes on from now."""

    def __init__(
        self,
        world: Advancing,
        endpoints: list[Endpoint],
        control: Control | None,
        say: Callable[[str], None],
        unit: Notes | None = None,
        keeper: MemoryKeeper | None = None,
        clock: Callable[[], int] = monotonic_us,
    ) -> None:
        self._world, self._endpoints, self._control, self._say = world, endpoints, control, say
        self._unit, self._keeper, self._clock = unit, keeper, clock
        self._behind_us = clock() - world.now_us
        self._stopping = False
        self._kept = True

    def stop(self) -> None:
        """End the loop at its next turn."""
        self._stopping = True

    def run(self) -> None:
        """Serve until stopped; then close every wire."""
        try:
            while not self._stopping:
                self.turn(wait=True)
        finally:
            for endpoint in self._endpoints:
                endpoint.close()
            self._keep(last=True)

    def turn(self, wait: bool) -> None:
        """Wait for bytes or the next millisecond, bring the world up to now in slices of 5 ms, serve all wires after each slice."""
        fds = [fd for endpoint in self._endpoints for fd in endpoint.fds()]
        if wait:
            until_us = self._world.now_us + STEP_US + self._behind_us - self._clock()
            select.select(fds, [], [], max(until_us, 0) / 1e6)
        target_us = self._clock() - self._behind_us
        lost_us = target_us - self._world.now_us
        if self._control is not None:
            self._control.held_up_us = max(self._control.held_up_us, lost_us - STEP_US)
        if lost_us > STOPPED_US:
            self._say(
                f"SIMULATED: this process stood still for {lost_us / 1e6:.1f} s; the simulated world goes on from now"
            )
            self._behind_us += lost_us
            target_us = self._world.now_us
        while True:
            slice_us = min(target_us, self._world.now_us + CATCH_UP_US)
            self._world.advance(slice_us)
            for endpoint in self._endpoints:
                endpoint.serve(slice_us)
            self._after()
            if slice_us >= target_us:
                return

    def _after(self) -> None:
        if self._control is not None:
            self._control.due_now()
        if self._unit is not None:
            while self._unit.notes:
                at_us, words = self._unit.notes.popleft()
                self._world.log.append((at_us, "unit", words))
        self._keep(last=False)

    def _keep(self, last: bool) -> None:
        """A full disk is said once and served on: the wires must not fall because a file does."""
        if self._keeper is None:
            return
        try:
            if last:
                self._keeper.write()
            elif self._keeper.look(self._world.now_us):
                self._kept = True
        except OSError as error:
            if self._kept:
                self._say(f"SIMULATED: the unit's memory is not being kept ({error})")
            self._kept = False
