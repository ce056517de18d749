"""What the rig itself says beside its pages: the desk's own snapshot, and who asked for what in the console's audit.
It proves nothing by itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from console.desk_client import connect
from controller.requests import Close, Edit, Snapshot, Stop
from hal.clock import SystemClock
from hal.units import Seconds
from verification.with_console import Served

CLOCK = SystemClock()


def shown(rig: Served) -> Snapshot:
    """Asked of the desk by a client of its own."""
    with connect(rig.laid.desk, CLOCK) as desk:
        found = desk.snapshot(5.0)
    assert found is not None, "the desk gives no snapshot"
    return found


def until(rig: Served, condition: Callable[[Snapshot], bool], within_s: float = 10.0) -> Snapshot:
    """The first snapshot for which it holds."""
    end = CLOCK.monotonic() + within_s
    while not condition(found := shown(rig)):
        assert CLOCK.monotonic() < end, f"not within {within_s:g} s; the rig shows {found.state}: {found.notice}"
        CLOCK.sleep_until(Seconds(CLOCK.monotonic() + 0.05))
    return found


def at_rest(rig: Served, within_s: float = 20.0) -> None:
    """What a test before left is stopped, closed or unloaded, by a client of its own; a fault stays: the next test says it."""
    end = CLOCK.monotonic() + within_s
    while (found := shown(rig)).state != "FAULT" and CLOCK.monotonic() < end:
        if found.state == "STANDBY" and not found.open_fractions:
            return
        asked = Edit() if found.state in ("PREPARATORY", "ARMING", "READY") else Close("left by a test")
        with connect(rig.laid.desk, CLOCK) as desk:
            desk.send(Stop() if found.state in ("STARTING", "IRRADIATING") else asked)
            desk.receive(0.5)


def audited(rig: Served, command: str) -> list[str]:
    """What the audit says of this command so far, in order: asked, done or refused."""
    lines = (rig.laid.records / "access" / "audit.jsonl").read_text(encoding="utf-8").splitlines()
    entries: list[dict[str, Any]] = [json.loads(line) for line in lines]
    return [one["what"] for one in entries if one["told"].get("command") == command]


def audited_since(rig: Served, command: str, before: list[str], more: int) -> list[str]:
    """What came after; an answer may be there before its entry is."""
    end = CLOCK.monotonic() + 5.0
    while len(found := audited(rig, command)[len(before) :]) < more and CLOCK.monotonic() < end:
        CLOCK.sleep_until(Seconds(CLOCK.monotonic() + 0.05))
    return found


def family(pid: int) -> Iterator[int]:
    """A process and all that it started."""
    yield pid
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int((folder / "stat").read_text().rsplit(") ", 1)[1].split()[1]) == pid:
                yield from family(int(folder.name))
