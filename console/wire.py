"""`kerma wire`: what passes on a rig's wires, read from the ring that the real-time process writes; live, or the last seconds.
It asks nobody and writes nothing: neither the loop nor a device can notice it."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec
from rich.console import Console
from rich.text import Text

from console import screen
from console.exit_codes import Exit
from console.places import Places
from console.status import no_answer
from controller.wire_ring import WireFrame, WireLost, WireReader
from hal import registry
from hal.clock import Clock
from hal.errors import ConfigurationError
from hal.rig import RigConfig
from hal.units import Seconds

EVERY_S = 0.05
LAST_S = 5.0
"""How far back it looks when it is told neither to follow nor how far."""
AT_ONCE = 2048
STYLES = {True: "cyan", False: "green"}

Words = Callable[[str, bool, bytes], str]


@dataclass(frozen=True)
class Asked:
    """What was asked for; `link` "generator", "unit" or "" for all, `last_s` None: not said."""

    follow: bool
    link: str
    last_s: float | None
    as_json: bool


def in_words(generator: str, safety_unit: str) -> Words:
    """The drivers' own words for a frame; a driver that is not installed here has none, and says so."""
    found: dict[str, Callable[[bool, bytes], str]] = {}
    for link, name in (("generator", generator), ("unit", safety_unit)):
        try:
            driver = registry.generator(name) if link == "generator" else registry.safety_unit(name)
            found[link] = driver.decode
        except ConfigurationError:
            found[link] = partial(_not_here, name)

    def words(link: str, sent: bool, data: bytes) -> str:
        try:
            return found[link.partition(" ")[0]](sent, data)
        except Exception as why:  # a driver's words must not end the listing
            return f"cannot be put in words ({why!r})"

    return words


def _not_here(name: str, _sent: bool, _data: bytes) -> str:
    return f"driver {name!r} is not installed here"


class Lines(Console):
    """rich ends the program with 1 when whoever reads its lines has gone; `run` has a word of its own for that."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class Printer:
    """Prints frames as lines for people, or one JSON document a line; notices go to standard error where frames are JSON."""

    def __init__(self, asked: Asked, simulated: bool, rig: str, wall_less_mono_s: float) -> None:
        self._asked, self._simulated, self._rig = asked, simulated, rig
        self._wall_less_mono_s = wall_less_mono_s
        self._console = Lines(soft_wrap=True, highlight=False)

    def begin(self, what: str) -> None:
        if self._asked.as_json:
            print(f"{screen.banner(self._simulated, self._rig)}; {what}", file=sys.stderr)
        else:
            self._console.print(f"{screen.banner(self._simulated, self._rig)}; {what}", markup=False)

    def frames(self, items: Iterable[WireFrame | WireLost], words: Words, instance: str, since_ns: int = 0) -> None:
        """In the order of their times, as near as one look can know it."""
        for item in sorted(items, key=lambda item: item.mono_ns if isinstance(item, WireFrame) else 0):
            if self._asked.link and item.link and item.link.partition(" ")[0] != self._asked.link:
                continue
            if isinstance(item, WireLost):
                self._lost(item, instance)
            elif item.mono_ns >= since_ns:
                self._frame(item, words(item.link, item.sent, item.data), instance)
        sys.stdout.flush()

    def _frame(self, frame: WireFrame, words: str, instance: str) -> None:
        wall_s = frame.mono_ns / 1e9 + self._wall_less_mono_s
        if self._asked.as_json:
            print(json.dumps({
                "simulated": self._simulated, "rig": self._rig, "instance": instance, "wall_s": round(wall_s, 6), "mono_ns": frame.mono_ns, "link": frame.link,
                "sent": frame.sent, "hex": frame.data.hex(), "words": words,
            }))  # fmt: skip
            return
        line = Text(f"{clock_words(wall_s)} {frame.link:<9} ", style="dim")
        line.append("->" if frame.sent else "<-", style=STYLES[frame.sent])
        line.append(f" {frame.data.hex(' ')}  ", style="dim")
        line.append(words)
        self._console.print(line)

    def _lost(self, lost: WireLost, instance: str) -> None:
        why = (
            f"on {lost.link}: more passed than is kept from tick to tick"
            if lost.link
            else "records: they were overwritten before they were read here"
        )
        if self._asked.as_json:
            print(
                json.dumps(
                    {
                        "simulated": self._simulated,
                        "rig": self._rig,
                        "instance": instance,
                        "lost": lost.count,
                        "link": lost.link,
                        "words": why,
                    }
                )
            )
        else:
            self._console.print(f"LOST {lost.count} {why}", style="bold red", markup=False)


def clock_words(wall_s: float) -> str:
    """Time of day to the millisecond, UTC."""
    return datetime.fromtimestamp(wall_s, UTC).strftime("%H:%M:%S.%f")[:-3]


class Document(msgspec.Struct, frozen=True):
    """What is read of the document that a process was started with: its rig, and not the site key."""

    rig: RigConfig


class Source:
    """One process's ring of frames, and who it is by the document that it was started with."""

    def __init__(self, folder: Path, from_now: bool) -> None:
        blob = msgspec.msgpack.decode((folder / "blob").read_bytes(), type=Document)
        self.instance = folder.name
        self.simulated, self.rig = blob.rig.simulated, blob.rig.name
        self.words = in_words(blob.rig.generator_driver, blob.rig.safety_unit_driver)
        self.reader = WireReader(str(folder), from_now)


def run(where: Places, clock: Clock, asked: Asked) -> Exit:
    """Print what passed, or what passes until Ctrl-C. NO_ANSWER when no process has left a ring and none is to be waited for."""
    try:
        return _follow(where, clock, asked) if asked.follow else _look_back(where, clock, asked)
    except KeyboardInterrupt:
        return Exit.AS_INTENDED
    except BrokenPipeError:
        # Whoever read our lines has gone; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.AS_INTENDED


def _look_back(where: Places, clock: Clock, asked: Asked) -> Exit:
    source = _open(where, "", from_now=False)
    if source is None:
        return no_answer(
            f"{where.shm}: no process has left frames there; first: start kerma run --config RIG.toml", asked.as_json
        )
    last_s = asked.last_s if asked.last_s is not None else LAST_S
    printer = _printer(asked, source, clock)
    printer.begin(f"instance {source.instance}, the last {last_s:g} s")
    found: list[WireFrame | WireLost] = []
    while more := source.reader.read(AT_ONCE):
        found += more
    newest = max((item.mono_ns for item in found if isinstance(item, WireFrame)), default=0)
    printer.frames(found, source.words, source.instance, max(0, newest - int(last_s * 1e9)))
    source.reader.close()
    return Exit.AS_INTENDED


def _follow(where: Places, clock: Clock, asked: Asked) -> Exit:
    """One process after another, each until it has ended and all of its frames are read."""
    done, waits, from_now = "", False, asked.last_s is None
    source: Source | None = None
    while True:
        if source is None:
            source = _open(where, done, from_now)
            if source is not None:
                printer = _printer(asked, source, clock)
                printer.begin(f"following instance {source.instance}; Ctrl-C ends this, and nothing else")
                since_ns = 0 if done or asked.last_s is None else int((clock.monotonic() - asked.last_s) * 1e9)
            elif not waits:
                waits = True
                print(f"{where.shm}: no process runs that is not told already; waiting for kerma run", file=sys.stderr)
        if source is not None:
            dead = source.reader.writer_is_dead()
            found = source.reader.read(AT_ONCE)
            printer.frames(found, source.words, source.instance, since_ns)
            if dead and not found:
                print(f"instance {source.instance} has ended; its frames are told", file=sys.stderr)
                source.reader.close()
                done, waits, from_now, source = source.instance, False, False, None
        clock.sleep_until(Seconds(clock.monotonic() + EVERY_S))


def _printer(asked: Asked, source: Source, clock: Clock) -> Printer:
    return Printer(asked, source.simulated, source.rig, clock.wall() - clock.monotonic())


def _open(where: Places, done: str, from_now: bool) -> Source | None:
    """The instance that was started last, if it is another than `done` and has a ring already."""
    try:
        name = where.instance.read_text(encoding="ascii", errors="replace").strip()
        if name == done or not re.fullmatch(r"[0-9A-Za-z-]{1,64}", name):
            return None
        return Source(where.shm / name, from_now)
    except (OSError, ValueError):
        return None
