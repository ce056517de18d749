"""The rings of the running real-time process, followed for the Service page: ticks, of which it shows 20 a second, and frames of the wires in words.
It reads shared memory as `kerma wire` does: the loop and the devices cannot notice, and nothing is acknowledged."""

from __future__ import annotations

import re
import threading
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from console import wire
from console.places import Places
from controller.entries import EntryType
from controller.inputs import FAST_BYTES, Standing
from controller.ring import TICK_BYTES, RingEntry, RingGap, RingReader, TickRow, unpack_tick
from controller.states import RECORDED, State
from controller.wire_ring import WireLost
from hal.clock import Clock

SHOWN_NS: Final = 50_000_000
"""20 a second."""
SHOWN: Final = 6000
"""Five minutes."""
GIVEN_ROWS: Final = 600
FRAMES: Final = 1500
GIVEN_FRAMES: Final = 300
AT_ONCE: Final = 2048
MOST_AT_ONCE: Final = 40
"""Reads of AT_ONCE records in one turn: some 80,000, which is more than a ring of two minutes at 500 Hz holds."""
RATE_NS: Final = 500_000_000
EXPORTED: Final = 60_000
STATES: Final = tuple(State)
KEPT_WHOLE: Final = frozenset(number for number, state in enumerate(STATES) if state in RECORDED)


@dataclass
class _One:
    """What is followed of one process."""

    instance: str
    folder: Path
    ticks: RingReader
    frames: wire.Source | None
    standing: Standing = field(default_factory=Standing)
    doses: deque[tuple[int, int, float]] = field(default_factory=deque)
    pending: list[Any] | None = None
    bucket: int = 0
    recorded: bool = False


class Following:
    """The newest process of a rig, followed as long as somebody asks; one reader at a time."""

    def __init__(self, places: Places, clock: Clock) -> None:
        self._places, self._clock = places, clock
        self._lock = threading.Lock()
        self._one: _One | None = None
        self._rows: deque[list[Any]] = deque(maxlen=SHOWN)
        self._frames: deque[list[Any]] = deque(maxlen=FRAMES)
        self._row_number = self._frame_number = self._lost = 0

    def traces(self, after: int) -> dict[str, Any]:
        """Rows above this number, the oldest first, so many that an answer stays short: number, wall s, state, kV, mA, filament A, temperature C, mGy/s,
        worst lateness us."""
        with self._lock:
            words = self._look()
            if self._one is not None:
                self._drain_ticks(self._one)
            instance = self._one.instance if self._one is not None else ""
            rows = [row for row in self._rows if row[0] > after]
            return {
                "instance": instance,
                "rows": rows[:GIVEN_ROWS],
                "left_out": max(0, len(rows) - GIVEN_ROWS),
                "lost": self._lost,
                "words": words,
            }

    def frames(self, after: int, link: str) -> dict[str, Any]:
        """Frames above this number, the newest few hundred: number, wall s, wire, sent, hex, words."""
        with self._lock:
            words = self._look()
            if self._one is not None and self._one.frames is not None:
                self._drain_frames(self._one.frames)
            elif self._one is not None:
                words = f"{self._one.folder}: its frames cannot be read; first: see whether kerma run is up"
            found = [row for row in self._frames if row[0] > after and (not link or row[2].startswith(link))]
            return {
                "rows": found[-GIVEN_FRAMES:],
                "next": self._frame_number,
                "left_out": max(0, len(found) - GIVEN_FRAMES),
                "words": words,
            }

    def whole(self) -> tuple[str, list[tuple[float, TickRow]]]:
        """Every tick that the ring holds, at full rate, with its wall time; the newest of them where there are too many."""
        folder = self._folder()
        if folder is None:
            return "", []
        reader = RingReader(str(folder))
        try:
            reader.go_back()
            ticks: deque[tuple[float, TickRow]] = deque(maxlen=EXPORTED)
            less_s = self._clock.wall() - self._clock.monotonic()
            for _ in range(MOST_AT_ONCE * 2):
                found = reader.read(AT_ONCE)
                if not found:
                    break
                for item in found:
                    if isinstance(item, RingEntry) and item.kind == EntryType.TICK:
                        ticks.append((item.mono_ns / 1e9 + less_s, unpack_tick(item.payload)))
            return folder.name, list(ticks)
        finally:
            reader.close()

    def _folder(self) -> Path | None:
        """The folder of the process that was started last."""
        try:
            name = self._places.instance.read_text(encoding="ascii", errors="replace").strip()
        except OSError:
            return None
        folder = self._places.shm / name
        return folder if re.fullmatch(r"[0-9A-Za-z-]{1,64}", name) and folder.is_dir() else None

    def _look(self) -> str:
        """Be at the newest process; words where there is none to follow."""
        folder = self._folder()
        if folder is None:
            self._leave()
            return f"{self._places.instance}: no process has left a ring there; first: start kerma run"
        if self._one is not None and self._one.folder == folder:
            return "the process has ended; these are its last seconds" if self._one.ticks.writer_is_dead() else ""
        self._leave()
        self._rows.clear()
        self._frames.clear()
        try:
            ticks = RingReader(str(folder))
            ticks.go_back()
        except (OSError, ValueError) as error:
            return f"{folder}: its ring cannot be read ({error}); first: see whether kerma run is up"
        try:
            frames = wire.Source(folder, from_now=False)
        except (OSError, ValueError, msgspec.DecodeError):
            frames = None
        self._one = _One(folder.name, folder, ticks, frames)
        return ""

    def _leave(self) -> None:
        if self._one is not None:
            self._one.ticks.close()
            if self._one.frames is not None:
                self._one.frames.reader.close()
            self._one = None

    def _drain_ticks(self, one: _One) -> None:
        less_s = self._clock.wall() - self._clock.monotonic()
        for _ in range(MOST_AT_ONCE):
            found = one.ticks.read(AT_ONCE)
            if not found:
                return
            for item in found:
                if isinstance(item, RingGap):
                    self._lost += item.last - item.first + 1
                elif item.kind == EntryType.INPUT:
                    self._input(one, item)
                elif item.kind == EntryType.TICK:
                    self._tick(one, item, less_s)

    def _input(self, one: _One, item: RingEntry) -> None:
        try:
            one.standing.take(item.payload)
        except (msgspec.DecodeError, ValueError):
            one.standing = Standing()

    def _tick(self, one: _One, item: RingEntry, less_s: float) -> None:
        row = unpack_tick(item.payload)
        fast = item.payload[TICK_BYTES : TICK_BYTES + FAST_BYTES]
        filament = temperature = None
        if len(fast) == FAST_BYTES:
            _, readings, _ = one.standing.tick(row, fast)
            filament = readings.monitor.filament_a if readings.monitor is not None else None
            temperature = readings.slow.temperature_c if readings.slow is not None else None
        rate = self._rate(one, item.mono_ns, row)
        late = row.lateness_us
        if one.pending is not None and item.mono_ns // SHOWN_NS == one.bucket:
            late = max(late, one.pending[8])
        elif one.pending is not None:
            self._row_number += 1
            self._rows.append([self._row_number, *one.pending[1:]])
        one.bucket = item.mono_ns // SHOWN_NS
        state = STATES[row.state].value if row.state < len(STATES) else str(row.state)
        one.pending = [
            0, round(item.mono_ns / 1e9 + less_s, 3), state, _known(row.kv), _known(row.ma), _known(filament), _known(temperature), rate, round(late, 1),
        ]  # fmt: skip

    def _rate(self, one: _One, mono_ns: int, row: TickRow) -> float | None:
        """Dose delivered over the last half second, mGy D0 a second; None where no exposure is in hand."""
        if not row.token or not row.delivered_mgy >= 0.0:
            one.doses.clear()
            return None
        if one.doses and one.doses[-1][1] != row.token:
            one.doses.clear()
        one.doses.append((mono_ns, row.token, row.delivered_mgy))
        while len(one.doses) > 2 and one.doses[1][0] <= mono_ns - RATE_NS:
            one.doses.popleft()
        began_ns, _, dose = one.doses[0]
        return round((row.delivered_mgy - dose) / ((mono_ns - began_ns) * 1e-9), 3) if mono_ns > began_ns else None

    def _drain_frames(self, source: wire.Source) -> None:
        less_s = self._clock.wall() - self._clock.monotonic()
        read: deque[Any] = deque(maxlen=FRAMES)
        for _ in range(MOST_AT_ONCE):
            found = source.reader.read(AT_ONCE)
            if not found:
                break
            read.extend(found)
        for item in read:
            self._frame_number += 1
            if isinstance(item, WireLost):
                self._frames.append([self._frame_number, None, item.link, False, "", f"LOST {item.count}"])
            else:
                said = source.words(item.link, item.sent, item.data)
                self._frames.append(
                    [
                        self._frame_number,
                        round(item.mono_ns / 1e9 + less_s, 3),
                        item.link,
                        item.sent,
                        item.data.hex(" "),
                        said,
                    ]
                )


def _known(value: float | None) -> float | None:
    """A missing reading is below 0 or no number."""
    return None if value is None or not value >= 0.0 else round(value, 4)
