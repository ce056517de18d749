"""`kerma stop`: STOP to the real-time process by its own datagram socket, then a look whether beam is off. Needs no login and no lease.
It waits for nothing longer than half a second, and what it has not seen it does not claim."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from console import places
from console.desk_client import DeskGoneError, connect, send_stop
from console.exit_codes import STOP_NOT_SEEN, Exit
from console.places import Places
from controller.requests import Snapshot
from hal.clock import Clock

WITHIN_S = 0.5
"""How soon a snapshot must show no beam (design-D11)."""
NO_ANSWER = "NO ANSWER: press the emergency stop"


@dataclass(frozen=True)
class Seen:
    """What one STOP brought: whether the datagram lies in the socket, and the last snapshot taken after it (None: nobody answered)."""

    where: Path
    sent: bool
    snapshot: Snapshot | None

    @property
    def off(self) -> bool:
        return self.sent and self.snapshot is not None and self.snapshot.beam == "off"

    def words(self) -> str:
        if self.snapshot is None:
            return f"{NO_ANSWER} ({self.where}: {'STOP was handed over, but nobody shows a state' if self.sent else 'nobody listens'})"
        mark = "SIMULATED  " if self.snapshot.simulated else ""
        if self.off:
            return f"{mark}STOP taken: beam off, state {self.snapshot.state}, rig {self.snapshot.rig}"
        return (
            f"{NO_ANSWER} ({mark}rig {self.snapshot.rig} shows beam {self.snapshot.beam}, state {self.snapshot.state})"
        )


def stop(where: Places, clock: Clock) -> Seen:
    """Send STOP, then look until a snapshot that was taken after it shows no beam, for half a second at most."""
    began = clock.monotonic()
    sent = send_stop(where.stop)
    until = began + WITHIN_S
    last: Snapshot | None = None
    try:
        with connect(where.desk, clock, WITHIN_S) as desk:
            while (left := until - clock.monotonic()) > 0:
                shown = desk.snapshot(left)
                if shown is not None and shown.at_s >= began:
                    last = shown
                    if last.beam == "off":
                        break
    except DeskGoneError:
        pass
    return Seen(where.stop, sent, last)


def where(config: Path | None) -> tuple[Places, ...]:
    """Everywhere that STOP goes: this rig's places, those of its name under any user, or those of every rig.

    A bad file does not keep STOP from going out.
    """
    named = None if config is None else places.of_file(config, os.getuid())
    if named is None:
        if config is not None:
            print(f"{config}: is no rig file that can be read; STOP goes to every rig of this machine", file=sys.stderr)
        return places.running()
    if named.stop.parent != named.shm:
        return (named,)
    others = tuple(found for found in places.running(rig=named.shm.name) if found.stop != named.stop)
    return (named, *others) if named.stop.exists() or not others else others


def stop_all(found: tuple[Places, ...], clock: Clock, as_json: bool = False) -> int:
    """STOP to every place; 0 only when each of them has shown no beam. The words go to standard output, the bad ones to standard error too."""
    if not found:
        if as_json:
            print(json.dumps({"stopped": [], "off": False}))
        print(f"{NO_ANSWER} (no real-time process has a stop socket under {places.SHM})", file=sys.stderr)
        return STOP_NOT_SEEN
    for where in found:
        send_stop(where.stop)
    seen = [stop(where, clock) for where in found]
    off = all(one.off for one in seen)
    if as_json:
        stopped = [{"stop": str(one.where), "sent": one.sent, "off": one.off, "words": one.words()} for one in seen]
        print(json.dumps({"stopped": stopped, "off": off}))
    for one in seen:
        if not (as_json and one.off):
            print(one.words(), file=sys.stdout if one.off else sys.stderr)
    return int(Exit.AS_INTENDED) if off else STOP_NOT_SEEN
