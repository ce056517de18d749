"""A simulated rig with its real processes for a benchmark: any rate, the loop on the last CPU, all else on the others; and what its loop left of each tick.
It measures nothing itself."""

from __future__ import annotations

import os
import signal
from array import array
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.wire_contest import ROOT
from controller.entries import EntryType
from controller.requests import Confirm, Load, Snapshot
from controller.ring import RingEntry, RingReader, unpack_tick
from controller.states import State
from hal.clock import SystemClock
from hal.units import Seconds
from verification.hands import Stuck
from verification.real import RealRig
from verification.setting import Setting, clear, free_port, lay_out, prescribed, real_rig
from verification.with_console import by_network

TIMED: Final = ROOT / "benchmarks" / "timed"
COLUMNS: Final = 6
STATES: Final = tuple(State)
TRIES: Final = 3
GONE_S: Final = 20.0


@dataclass(frozen=True)
class Timed:
    """One tick of the real process: when it began, what it took, what of that were the wires' own calls and the wait for a reply, its record, its state."""

    at_ns: int
    took_ns: int
    wire_ns: int
    slot_ns: int
    put_ns: int
    state: State

    @property
    def work_us(self) -> float:
        """Without the wire's calls."""
        return 1e-3 * (self.took_ns - self.wire_ns - self.slot_ns)


class ProcessRig:
    """Hands on it; `ticks` once it has been ended."""

    def __init__(self, setting: Setting, rig: RealRig) -> None:
        self.setting, self.rig = setting, rig
        self._out = setting.folder / "timed"

    def pid(self) -> int:
        """Of the real-time process."""
        shown = self.rig.until(lambda s: s.pid > 0, 20.0, "a snapshot")
        return shown.pid

    def standby(self) -> None:
        shown = self.rig.until(lambda s: s.state in ("STANDBY", "FAULT"), 40.0, "STANDBY")
        if shown.state == "FAULT":
            raise Stuck(f"FAULT: {shown.notice}")

    def ready(self, rx_mgy: float) -> None:
        """Loaded, confirmed, armed."""
        answer = self.rig.ask(Load(prescribed(rx_mgy), "benchmark"))
        if not answer.ok:
            raise Stuck(answer.words)
        offer = self.rig.until(lambda s: s.offer is not None, 15.0, "an offer").offer
        assert offer is not None
        answer = self.rig.ask(Confirm(offer.id, offer.digest))
        if not answer.ok:
            raise Stuck(answer.words)
        shown = self.rig.until(lambda s: s.state == "READY" or _set_back(s, offer.id), 20.0, "READY")
        if shown.state != "READY":
            raise Stuck(f"{shown.state}: {shown.notice or shown.first_to_fix}")

    def beam(self) -> None:
        """One press, and the fraction to its end."""
        self.rig.press()
        shown = self.rig.until(lambda s: s.state in ("TERMINATED", "INTERRUPTED", "FAULT"), 120.0, "the end")
        if shown.state != "TERMINATED":
            raise Stuck(f"{shown.state}: {shown.notice}")

    def lateness(self) -> RingReader:
        """A reader of the ring, at its newest record."""
        name = self.setting.desk.with_name(self.setting.desk.name + ".instance").read_text().strip()
        reader = RingReader(str(self.setting.shm / name))
        reader.go_back()
        return reader

    def ended(self) -> tuple[int, list[Timed]]:
        """A polite end; when the process began its first line (ns), and every tick."""
        self.rig.signal("host", signal.SIGTERM)
        until = SystemClock().monotonic() + GONE_S
        while not self._out.exists():
            if SystemClock().monotonic() > until:
                raise Stuck(f"the real-time process did not end within {GONE_S:.0f} s")
            SystemClock().sleep_until(Seconds(SystemClock().monotonic() + 0.05))
        numbers = array("q")
        raw = self._out.read_bytes()
        numbers.frombytes(raw)
        rows = range(1, len(numbers), COLUMNS)
        return numbers[0], [_timed(*numbers[at : at + COLUMNS]) for at in rows]


def _set_back(shown: Snapshot, offer_id: int) -> bool:
    """Whether what was confirmed is armed no more: set back, unloaded or faulted, and not merely shown from before the confirmation."""
    return shown.state not in ("ARMING", "READY") and (shown.offer is None or shown.offer.id != offer_id)


def _timed(at_ns: int, took_ns: int, wire_ns: int, slot_ns: int, put_ns: int, state: int) -> Timed:
    return Timed(at_ns, took_ns, wire_ns, slot_ns, put_ns, STATES[state])


def late_us(reader: RingReader, begun_s: float, ended_s: float) -> list[float]:
    """How late each tick began between two moments of the monotonic clock."""
    found: list[float] = []
    while entries := reader.read(4096):
        ticks = (one for one in entries if isinstance(one, RingEntry) and one.kind == EntryType.TICK)
        found.extend(unpack_tick(one.payload).lateness_us for one in ticks if begun_s < 1e-9 * one.mono_ns < ended_s)
    return found


@contextmanager
def process_rig(tick_hz: int, cpu: int | None = None, network: bool = False) -> Iterator[ProcessRig]:
    """Started, in STANDBY, and ended whatever happens; `network`: its generator is behind a terminal server.
    A start that a machine taken away has spoiled is made again; Stuck after some."""
    with ExitStack() as stack:
        for attempt in range(TRIES):
            try:
                yield stack.enter_context(_started(tick_hz, cpu, network))
                return
            except NotStartedError as why:
                if attempt + 1 == TRIES:
                    raise Stuck(str(why)) from None


class NotStartedError(Exception):
    """It did not come to STANDBY; the words say where it stands."""


@contextmanager
def _started(tick_hz: int, cpu: int | None, network: bool) -> Iterator[ProcessRig]:
    cpus = sorted(os.sched_getaffinity(0))
    with TemporaryDirectory(prefix="kerma-") as name:
        folder = Path(name)
        setting = lay_out(folder, folder / "records", "monitor", free_port())
        text = setting.rig_file.read_text(encoding="utf-8")
        if text.count("tick_hz = 100\n") != 1 or "[scheduling]" in text:
            raise SystemExit("the example rig file has changed: its rate cannot be set")
        text = text.replace("tick_hz = 100\n", f"tick_hz = {tick_hz}\n")
        text += f"\n[scheduling]\ncpu = {cpus[-1] if cpu is None else cpu}\n"
        setting.rig_file.write_text(text, encoding="utf-8")
        if network:
            by_network(setting.rig_file)
        rig = real_rig(setting)
        rig.environment = {"PYTHONPATH": str(TIMED), "KERMA_TIMED": str(folder / "timed")}
        made = ProcessRig(setting, rig)
        try:
            if len(cpus) > 1:
                os.sched_setaffinity(0, set(cpus[:-1]))
            try:
                rig.start()
                made.standby()
            except Stuck as stuck:
                raise NotStartedError(str(stuck)) from None
            yield made
        finally:
            os.sched_setaffinity(0, set(cpus))
            rig.close()
            clear(folder)
