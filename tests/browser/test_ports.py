"""Threat T15: no process of a rig listens at a port that nobody named: the console has two, the loop and the recorder none."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from truth import family

from verification.with_console import Served

LISTENS = "0A"


def ports(pids: set[int]) -> set[tuple[str, int]]:
    """Every TCP address at which one of them listens, as in /proc/net/tcp, and its port; UDP of any kind is port 0."""
    held = set()
    for pid in pids:
        for fd in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                held.add(os.readlink(fd))
    found = set()
    for name in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            parts = line.split()
            if f"socket:[{parts[9]}]" in held and (name.startswith("udp") or parts[3] == LISTENS):
                address, port = parts[1].split(":")
                found.add((address, 0 if name.startswith("udp") else int(port, 16)))
    return found


def test_t15_nothing_listens_but_the_pages_and_the_stop_door(rig: Served) -> None:
    """And both on loopback. The recorder lives by itself; its process is named in the records."""
    loopback = "0100007F"
    assert ports(set(family(rig.pids["console"]))) == {(loopback, rig.port), (loopback, rig.port + 1)}
    recorder = int((rig.laid.records / "recorder.pid").read_text())
    assert ports({*family(rig.pids["run"]), *family(recorder)}) == set()
